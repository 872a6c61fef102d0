//! What is stored of what was sent, over both transports.
//! (Counts by the store's snapshot; values are the decoder's tests.)

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceResponse;
use oriel_proto::otlp::common::v1::{AnyValue, KeyValue, any_value};

use super::grpc::{connect, export};
use super::*;

/// Scenario: every signal in every format and compression over both transports.
/// Guarantees: all are answered OK without a word, and every record is stored once.
#[tokio::test]
async fn stores_every_signal_in_every_shape() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    for signal in Signal::ALL {
        let mut sent = 0;
        for (seed, encoding) in (1..).zip(ENCODINGS) {
            let (protobuf, _) = request(signal, seed, 3);
            let answer = export(&channel, signal, encoding, &protobuf).await.unwrap();
            assert!(answer.is_empty());
            let (protobuf, _) = request(signal, seed + 100, 5);
            let (_, json) = request(signal, seed + 200, 7);
            for (format, plain) in [(PROTOBUF, protobuf), (JSON, json)] {
                let (name, body) = pack(encoding, &plain);
                let headers = format!("{format}content-encoding: {name}\r\n");
                let reply = post(running.http, signal, &headers, &body).await;
                let text = String::from_utf8_lossy(&reply.body);
                assert_eq!(reply.status, 200, "{signal} {headers} {text}");
                assert!(matches!(&*text, "" | "{}"), "{text}");
            }
            sent += 15;
            assert_eq!(running.rows(table(signal)), sent, "{signal} {encoding:?}");
        }
    }
}

/// Scenario: the same kind of request as gzip over gRPC, as zstd over HTTP, and as plain JSON.
/// Guarantees: the log holds each body as it was received, still compressed.
#[tokio::test]
async fn logs_bodies_as_received() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let (plain, _) = request(Signal::Traces, 1, 20);
    let (_, gzip) = pack(ContentEncoding::Gzip, &plain);
    export(&channel, Signal::Traces, ContentEncoding::Gzip, &plain)
        .await
        .unwrap();
    let (plain, json) = request(Signal::Traces, 2, 20);
    let (_, zstd) = pack(ContentEncoding::Zstd, &plain);
    let headers = format!("{PROTOBUF}content-encoding: zstd\r\n");
    for (headers, body) in [(&*headers, &zstd), (JSON, &json)] {
        let reply = post(running.http, Signal::Traces, headers, body).await;
        assert_eq!(reply.status, 200);
    }
    let log: Vec<Vec<u8>> = std::fs::read_dir(running.dir.path().join("wal"))
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let logged = |body: &[u8]| log.iter().any(|file| find(file, body));
    assert!(logged(&gzip) && logged(&zstd) && logged(&json));
    assert!(!logged(&plain));
}

fn find(file: &[u8], body: &[u8]) -> bool {
    file.windows(body.len()).any(|window| window == body)
}

/// Scenario: a large request, which is inflated and decoded on the blocking pool.
/// Guarantees: stored as a small one is.
#[tokio::test]
async fn stores_large_requests() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let (plain, _) = request(Signal::Traces, 1, 20_000);
    export(&channel, Signal::Traces, ContentEncoding::Gzip, &plain)
        .await
        .unwrap();
    assert_eq!(running.rows(Table::Spans), 20_000);
}

/// Scenario: two good spans and two with bad ids, sent three times, as gzip over gRPC, plain over
/// HTTP, and in one more call at the same time as another copy.
/// Guarantees: every copy gets the same partial success, and the good spans are stored once.
#[tokio::test]
async fn answers_a_retry_as_the_first() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let span = |trace_id: &[u8], span_id: &[u8]| Span {
        trace_id: trace_id.to_vec(),
        span_id: span_id.to_vec(),
        ..Default::default()
    };
    let spans = [
        span(&[1; 16], &[1; 8]),
        span(&[0; 16], &[2; 8]),
        span(&[1; 16], &[3; 7]),
        span(&[1; 16], &[4; 8]),
    ];
    let plain = traces(spans).encode_to_vec();
    let gzip = || export(&channel, Signal::Traces, ContentEncoding::Gzip, &plain);
    let (first, second) = futures::join!(gzip(), gzip());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    let reply = post(running.http, Signal::Traces, PROTOBUF, &plain).await;
    assert_eq!(Bytes::from(reply.body), first);
    let partial = ExportTraceServiceResponse::decode(first)
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert!(!partial.error_message.is_empty());
    assert_eq!(running.rows(Table::Spans), 2);
}

/// Scenario: a span whose name is not UTF-8, beside one that is fine.
/// Guarantees: both are stored; the answer warns and rejects nothing.
#[tokio::test]
async fn warns_of_invalid_utf8() {
    let running = start().await;
    let (mut plain, _) = request(Signal::Traces, 1, 2);
    let at = plain
        .windows(6)
        .position(|window| window == b"record")
        .unwrap();
    plain[at] = 0xff;
    let reply = post(running.http, Signal::Traces, PROTOBUF, &plain).await;
    assert_eq!(reply.status, 200);
    let answer = ExportTraceServiceResponse::decode(&reply.body[..]).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 0);
    assert!(partial.error_message.contains("UTF-8"), "{partial:?}");
    assert_eq!(running.rows(Table::Spans), 2);
}

/// Scenario: an attribute of arrays nested 10,000 deep, in protobuf and in JSON.
/// Guarantees: refused with 400, without a stack overflow; the server goes on.
#[tokio::test]
async fn refuses_a_nesting_bomb() {
    let running = start().await;
    // Written backwards, since each length depends on what is inside.
    let mut backwards = Vec::new();
    let wrap = |backwards: &mut Vec<u8>, field: u8| {
        let mut len = Vec::new();
        prost::encoding::encode_varint(backwards.len() as u64, &mut len);
        backwards.extend(len.iter().rev());
        backwards.push(field << 3 | 2);
    };
    for _ in 0..10_000 {
        wrap(&mut backwards, 1); // ArrayValue.values
        wrap(&mut backwards, 5); // AnyValue.array_value
    }
    for field in [2, 9, 2, 2, 1] {
        // KeyValue.value, Span.attributes, ScopeSpans.spans, ResourceSpans.scope_spans, the root
        wrap(&mut backwards, field);
    }
    let protobuf: Vec<u8> = backwards.into_iter().rev().collect();
    assert_eq!(
        post(running.http, Signal::Traces, PROTOBUF, &protobuf)
            .await
            .status,
        400
    );
    let nested = format!(
        "{}{}{}",
        r#"{"arrayValue":{"values":["#.repeat(10_000),
        r#"{"intValue":1}"#,
        "]}}".repeat(10_000)
    );
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{{"key":"a","value":{nested}}}]}}]}}]}}]}}"#
    );
    assert_eq!(
        post(running.http, Signal::Traces, JSON, json.as_bytes())
            .await
            .status,
        400
    );
    let (plain, _) = request(Signal::Traces, 1, 1);
    assert_eq!(
        post(running.http, Signal::Traces, PROTOBUF, &plain)
            .await
            .status,
        200
    );
    assert_eq!(running.rows(Table::Spans), 1);
}

/// Scenario: 300 different requests at once on one connection, 50 of them twice.
/// Guarantees: all are answered OK, and each record is stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_many_calls_at_once() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let calls: FuturesUnordered<_> = (0..350u64)
        .map(|n| {
            let channel = channel.clone();
            async move {
                let (plain, _) = request(Signal::Logs, n % 300, 10);
                export(&channel, Signal::Logs, ContentEncoding::Zstd, &plain).await
            }
        })
        .collect();
    let answers: Vec<_> = calls.collect().await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(Bytes::is_empty))
    );
    assert_eq!(running.rows(Table::Logs), 3000);
}

/// Scenario: a store that was closed.
/// Guarantees: 503 with Retry-After, UNAVAILABLE: the client keeps its data and comes again.
#[tokio::test]
async fn asks_to_come_again_when_the_store_closes() {
    let running = start().await;
    running.store.close().await.unwrap();
    let (plain, _) = request(Signal::Logs, 1, 1);
    let reply = post(running.http, Signal::Logs, PROTOBUF, &plain).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (503, Some("1"))
    );
    let channel = connect(running.grpc).await;
    let answer = export(&channel, Signal::Logs, ContentEncoding::Identity, &plain).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::Unavailable);
}

/// Scenario: 10,000 attributes on one span and one of 1 MiB.
/// Guarantees: stored: nothing is refused for its shape.
#[tokio::test]
async fn stores_wide_and_long_attributes() {
    let running = start().await;
    let attribute = |key: String, value: String| KeyValue {
        key,
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value)),
        }),
        ..Default::default()
    };
    let mut attributes: Vec<_> = (0..10_000)
        .map(|n| attribute(format!("key.{n}"), "v".into()))
        .collect();
    attributes.push(attribute("long".into(), "x".repeat(1 << 20)));
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        attributes,
        ..Default::default()
    };
    let plain = traces([span]).encode_to_vec();
    assert_eq!(
        post(running.http, Signal::Traces, PROTOBUF, &plain)
            .await
            .status,
        200
    );
    assert_eq!(running.rows(Table::Spans), 1);
}

/// Scenario: ninety small requests of all signals at once, plain and compressed, over gRPC; among them
/// malformed ones, empty ones, some with a span to be refused or a text that is no UTF-8.
/// Guarantees: each is answered for itself, whatever it waited with; the good rows of all are stored
/// once; a store that is opened on the log shows as many.
#[tokio::test(flavor = "multi_thread")]
async fn small_requests_are_answered_each_for_itself() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let bad_text = {
        let (mut plain, _) = request(Signal::Traces, 10_000, 2);
        let at = plain.windows(6).position(|bytes| bytes == b"record");
        plain[at.unwrap()] = 0xff;
        plain
    };
    let mut calls = FuturesUnordered::new();
    let mut want = [0; 3];
    for number in 0..90_u64 {
        let place = number as usize % 3;
        let signal = Signal::ALL[place];
        let (plain, rows, wrong) = match (number % 15, signal) {
            (3, _) => (b"\x0a\xffno protobuf".to_vec(), 0, true),
            (4, _) => (Vec::new(), 0, false),
            (6, Signal::Traces) if number == 6 => (bad_text.clone(), 2, false),
            _ => (request(signal, number, 3).0, 3, false),
        };
        want[place] += rows;
        let encoding = ENCODINGS[number as usize / 3 % ENCODINGS.len()];
        let channel = &channel;
        calls.push(async move {
            let answer = export(channel, signal, encoding, &plain).await;
            (number, wrong, answer)
        });
    }
    let refused = Span {
        trace_id: vec![9; 16],
        span_id: vec![0; 8],
        ..Default::default()
    };
    let mut whole = refused.clone();
    whole.span_id = vec![1; 8];
    let half = traces([refused, whole]).encode_to_vec();
    let partly = export(&channel, Signal::Traces, ContentEncoding::Identity, &half);
    let (answers, partly) = futures::join!(calls.by_ref().collect::<Vec<_>>(), partly);
    for (number, wrong, answer) in answers {
        match answer {
            Ok(answer) => assert!(!wrong && (answer.is_empty() || number == 6), "{number}"),
            Err(status) => {
                assert!(wrong, "{number}: {status}");
                assert_eq!(status.code(), tonic::Code::InvalidArgument, "{number}");
            }
        }
    }
    let partial = ExportTraceServiceResponse::decode(partly.unwrap()).unwrap();
    assert_eq!(partial.partial_success.unwrap().rejected_spans, 1);
    let place = |signal| {
        Signal::ALL
            .iter()
            .position(|known| *known == signal)
            .unwrap()
    };
    want[place(Signal::Traces)] += 1;
    for signal in Signal::ALL {
        assert_eq!(running.rows(table(signal)), want[place(signal)], "{signal}");
    }
    let totals = running.collector.totals();
    assert_eq!(
        totals.spans + totals.logs + totals.metrics,
        want.iter().sum::<u64>()
    );
}

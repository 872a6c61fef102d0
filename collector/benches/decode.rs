//! Decoding a request: our walker against prost's object tree, on the shop corpus (each signal) and on
//! generated spans of about 640 bytes with 11 attributes. Criterion reports elements (records) a second.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oriel_collector::decode::Decoder;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::ContentType;
use oriel_storage::schema::Schemas;
use prost::Message;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The recorded requests of a signal.
fn shop(signal: Signal) -> Vec<Vec<u8>> {
    let name = format!("../tests/data/shop/{signal}.binpb.zst");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let file = std::fs::read(path).expect("the corpus is in the repository");
    let bytes = zstd::decode_all(&file[..]).expect("the corpus is zstd");
    let (mut requests, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (request, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        requests.push(request.to_vec());
        rest = after;
    }
    requests
}

fn text(key: &str, value: String) -> KeyValue {
    pair(key, Value::StringValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        key_strindex: 0,
    }
}

/// One request of `count` spans: eight promoted attributes, three others.
fn generated(count: u64) -> Vec<u8> {
    let span = |i: u64| Span {
        trace_id: [i / 8 + 1, 0x9e37_79b9]
            .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
            .concat(),
        span_id: (i + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes()
            .to_vec(),
        parent_span_id: (i + 2).to_be_bytes().to_vec(),
        name: format!("GET /api/products/{}", i % 40),
        kind: 2,
        start_time_unix_nano: 1_795_398_754_000_000_000 + i * 1_000_003,
        end_time_unix_nano: 1_795_398_754_005_000_000 + i * 1_000_003,
        attributes: vec![
            text("http.request.method", "GET".to_owned()),
            text("http.route", "/api/products/{product_id}".to_owned()),
            text("url.path", format!("/api/products/{}", i % 4000)),
            pair("http.response.status_code", Value::IntValue(200)),
            text(
                "server.address",
                "catalog.shop.svc.cluster.local".to_owned(),
            ),
            pair("server.port", Value::IntValue(8080)),
            text(
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned(),
            ),
            text("client.address", format!("10.0.{}.{}", i % 250, i % 199)),
            text("network.protocol.version", "1.1".to_owned()),
            text("thread.name", format!("worker-pool-thread-{}", i % 16)),
            text("shop.customer.session", format!("{:064x}", i)),
        ],
        ..Span::default()
    };
    let resource = Resource {
        attributes: vec![
            text("service.name", "catalog".to_owned()),
            text("service.version", "1.4.2".to_owned()),
            text("host.name", "node-7".to_owned()),
            text("os.type", "linux".to_owned()),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "opentelemetry.instrumentation.flask".to_owned(),
        version: "0.66b0".to_owned(),
        ..InstrumentationScope::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans: (0..count).map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
    .encode_to_vec()
}

fn decode(c: &mut Criterion) {
    let decoder = Decoder::new(&Schemas::format0());
    let mut cases: Vec<(String, Signal, Vec<Vec<u8>>)> = Signal::ALL
        .into_iter()
        .map(|signal| (format!("shop-{signal}"), signal, shop(signal)))
        .collect();
    for count in [512, 8192] {
        let name = format!("generated-{count}");
        cases.push((name, Signal::Traces, vec![generated(count)]));
    }
    for (name, signal, requests) in cases {
        let decode = || -> u64 {
            let bodies = requests.iter();
            bodies.map(|body| rows(&decoder, signal, body)).sum()
        };
        let bytes: usize = requests.iter().map(Vec::len).sum();
        let count = decode();
        let mut group = c.benchmark_group(format!("{name}-{}B", bytes as u64 / count));
        group
            .throughput(Throughput::Elements(count))
            .sample_size(20);
        group.bench_function("oriel", |b| b.iter(decode));
        group.bench_function("prost", |b| {
            b.iter(|| {
                let bodies = requests.iter();
                bodies.map(|body| groups(signal, body)).sum::<usize>()
            });
        });
        group.finish();
    }
}

fn rows(decoder: &Decoder, signal: Signal, body: &[u8]) -> u64 {
    decoder
        .decode(signal, ContentType::Protobuf, body, UnixNanos(1))
        .expect("a request")
        .accepted
}

/// Decodes and drops prost's tree.
fn groups(signal: Signal, body: &[u8]) -> usize {
    match signal {
        Signal::Traces => {
            ExportTraceServiceRequest::decode(body).map(|request| request.resource_spans.len())
        }
        Signal::Logs => {
            ExportLogsServiceRequest::decode(body).map(|request| request.resource_logs.len())
        }
        Signal::Metrics => {
            ExportMetricsServiceRequest::decode(body).map(|request| request.resource_metrics.len())
        }
    }
    .expect("a request")
}

criterion_group!(benches, decode);
criterion_main!(benches);

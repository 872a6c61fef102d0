//! Requests that are decoded together, as a replay does.

use oriel_proto::{Signal, UnixNanos};
use oriel_storage::schema::Schemas;
use oriel_storage::{
    ContentEncoding, ContentType, FrameHeader, ReplayFrame, RequestHash, TenantId,
};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::json;

use super::corpus::requests;
use super::edges::{span, traces};
use crate::decode::testing::rows;
use crate::decode::{DECODER_VERSION, replay};

/// Scenario: a request replayed from the log twice, then a damaged one; then good ones with the
/// damaged one among them.
/// Guarantees: the same rows with the time of the log; the damage is reported, also of several.
#[test]
fn replay_decodes_again() {
    let body = traces(vec![span(vec![1; 16], vec![1; 8])]).encode_to_vec();
    let schemas = Schemas::format0();
    let replay = replay(usize::MAX);
    let header = header(Signal::Traces, 7);
    let frame = |payload| ReplayFrame {
        header: &header,
        payload,
    };
    for _ in 0..2 {
        let batches = replay(&schemas, &[frame(&body)]).expect("a good frame");
        let row = &rows(batches[0].rows())[0];
        assert_eq!(row["received_at"], json!(7));
    }
    assert!(replay(&schemas, &[frame(&body[1..])]).is_err());
    assert!(replay(&schemas, &[frame(&body), frame(&body[1..]), frame(&body)]).is_err());
    assert!(replay(&schemas, &[]).expect("nothing").is_empty());
}

fn header(signal: Signal, received_at: i64) -> FrameHeader {
    FrameHeader {
        tenant: TenantId::default_tenant(),
        signal,
        content_type: ContentType::Protobuf,
        content_encoding: ContentEncoding::Identity,
        decoder_version: DECODER_VERSION,
        received_at: UnixNanos(received_at),
        request_hash: RequestHash(0),
    }
}

/// Scenario: 40 requests of each signal of the corpus in runs of 1, 2 and 40, received one after the
/// other; every third is compressed; then requests whose bodies are too many for a run.
/// Guarantees: a run has the rows of its frames one by one, in order, each with its own time; too
/// large a run is refused, and its frames alone are not.
#[test]
fn a_run_has_the_rows_of_its_frames() {
    let schemas = Schemas::format0();
    let replay = replay(usize::MAX);
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        let frames: Vec<_> = requests(signal)
            .into_iter()
            .take(40)
            .enumerate()
            .map(|(at, body)| {
                let mut header = header(signal, at as i64 + 1);
                if at % 3 > 0 {
                    return (header, body);
                }
                header.content_encoding = ContentEncoding::Zstd;
                (
                    header,
                    zstd::encode_all(&body[..], 1).expect("memory takes it"),
                )
            })
            .collect();
        let frames: Vec<_> = frames
            .iter()
            .map(|(header, payload)| ReplayFrame { header, payload })
            .collect();
        let rows_of = |run: usize| -> Vec<_> {
            let runs = frames.chunks(run);
            let batches = runs.flat_map(|run| replay(&schemas, run).expect("good frames"));
            batches.flat_map(|batch| rows(batch.rows())).collect()
        };
        let alone = rows_of(1);
        assert!(alone.len() > 40, "{signal}");
        assert!(alone == rows_of(2) && alone == rows_of(40), "{signal}");
    }
    let header = header(Signal::Traces, 1);
    let mut body = traces(vec![span(vec![1; 16], vec![1; 8])]).encode_to_vec();
    // A field that nobody knows, of 9 MiB.
    let unknown = 9 << 20;
    encode_key(15, WireType::LengthDelimited, &mut body);
    encode_varint(unknown, &mut body);
    body.resize(body.len() + unknown as usize, 0);
    let frame = ReplayFrame {
        header: &header,
        payload: &body,
    };
    assert!(replay(&schemas, &[frame, frame]).is_err());
    let batches = replay(&schemas, &[frame]).expect("alone it is good");
    assert_eq!(batches[0].rows().num_rows(), 1);
}

//! What a fuzz target does with its bytes: decodes them, and compares where there is something to
//! compare with. A finding is a panic.

use std::sync::LazyLock;

use oriel_collector::decode::{DecodeError, Decoded, Decoder};
use oriel_collector::inflate::{InflateError, inflate};
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::metrics::v1::metric::Data;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::fuzz::{encode_frame, walk};
use oriel_storage::schema::Schemas;
use oriel_storage::{ContentEncoding, ContentType, Frame, FrameHeader, RequestHash, TenantId};
use prost::Message;

/// When every request is received.
const NOW: UnixNanos = UnixNanos(1_790_000_000_000_000_000);
/// Limit of inflated bodies.
const INFLATED_MAX: usize = 1 << 20;
/// Salt of a log whose frames the input cannot make.
const SALT: u32 = 0x0123_4567;

static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(&Schemas::format0()));

/// Decodes `body`; the rows must be those that the answer counts.
fn decode(signal: Signal, content_type: ContentType, body: &[u8]) -> Result<Decoded, DecodeError> {
    let decoded = DECODER.decode(signal, content_type, body, NOW)?;
    let rows = decoded
        .batches
        .iter()
        .map(|batch| batch.rows().num_rows() as u64);
    assert_eq!(
        rows.sum::<u64>(),
        decoded.accepted,
        "rows and accepted records"
    );
    Ok(decoded)
}

/// A request in protobuf: what another decoder accepts must be accepted, with as many records.
fn otlp(signal: Signal, body: &[u8], records: Option<u64>) {
    match (decode(signal, ContentType::Protobuf, body), records) {
        (Ok(decoded), Some(records)) => {
            assert_eq!(decoded.accepted + decoded.rejected, records, "records");
        }
        (Err(DecodeError::TooLarge(_)), _) | (_, None) => {}
        (Err(error), Some(records)) => panic!("{records} records are refused: {error}"),
    }
}

/// Spans in protobuf.
pub fn otlp_traces(body: &[u8]) {
    let truth = ExportTraceServiceRequest::decode(body).ok();
    let records = truth.map(|truth| {
        let scopes = truth
            .resource_spans
            .iter()
            .flat_map(|group| &group.scope_spans);
        scopes.map(|scope| scope.spans.len() as u64).sum()
    });
    otlp(Signal::Traces, body, records);
}

/// Log records in protobuf.
pub fn otlp_logs(body: &[u8]) {
    let truth = ExportLogsServiceRequest::decode(body).ok();
    let records = truth.map(|truth| {
        let scopes = truth
            .resource_logs
            .iter()
            .flat_map(|group| &group.scope_logs);
        scopes.map(|scope| scope.log_records.len() as u64).sum()
    });
    otlp(Signal::Logs, body, records);
}

/// Data points in protobuf.
pub fn otlp_metrics(body: &[u8]) {
    let truth = ExportMetricsServiceRequest::decode(body).ok();
    let records = truth.map(|truth| {
        let scopes = truth
            .resource_metrics
            .iter()
            .flat_map(|group| &group.scope_metrics);
        let metrics = scopes.flat_map(|scope| &scope.metrics);
        let points = metrics.map(|metric| match &metric.data {
            None => 0,
            Some(Data::Gauge(data)) => data.data_points.len(),
            Some(Data::Sum(data)) => data.data_points.len(),
            Some(Data::Histogram(data)) => data.data_points.len(),
            Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
            Some(Data::Summary(data)) => data.data_points.len(),
        });
        points.map(|count| count as u64).sum()
    });
    otlp(Signal::Metrics, body, records);
}

/// OTLP/JSON of any signal.
pub fn otlp_json(body: &[u8]) {
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        let _ = decode(signal, ContentType::Json, body);
    }
}

/// Compressed bodies: never more than allowed, and the limit does not change what comes out.
pub fn inflated(body: &[u8]) {
    use ContentEncoding::{Deflate, Gzip, Identity, Zstd};
    for encoding in [Identity, Gzip, Zstd, Deflate] {
        let Ok(plain) = inflate(encoding, body, INFLATED_MAX) else {
            continue;
        };
        assert!(plain.len() <= INFLATED_MAX, "{} bytes", plain.len());
        let exact = inflate(encoding, body, plain.len());
        assert_eq!(exact.as_deref(), Ok(&*plain), "with just as much room");
        if let Some(less) = plain.len().checked_sub(1) {
            let refused = inflate(encoding, body, less);
            assert_eq!(refused, Err(InflateError::TooLarge { max: less }));
        }
    }
}

fn frame(body: &[u8]) -> Frame {
    Frame {
        header: FrameHeader {
            tenant: TenantId::default_tenant(),
            signal: Signal::Logs,
            content_type: ContentType::Protobuf,
            content_encoding: ContentEncoding::Identity,
            decoder_version: 1,
            received_at: NOW,
            request_hash: RequestHash(7),
        },
        payload: body.to_vec().into(),
    }
}

/// Bytes as a segment of the log; then as the body of a damaged frame between two good ones, which
/// are the only ones that may be found, and as what stands behind the last frame.
pub fn wal_frames(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory");
    let segment = dir.path().join("0000000000000001.wal");
    let read = |bytes: &[u8], salt| {
        std::fs::write(&segment, bytes).expect("writes");
        walk(dir.path(), salt).expect("reads")
    };
    let found = read(bytes, 0);
    let sequences: Vec<u64> = found.good.iter().map(|(sequence, _)| *sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    let [first, mut middle, last] = [(1, &b"first"[..]), (2, bytes), (3, b"last")]
        .map(|(n, body)| encode_frame(SALT, n, &frame(body)));
    middle[20] ^= 1;
    let found = read(&[&first[..], &middle, &last].concat(), SALT);
    let bodies: Vec<&[u8]> = found.good.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!((bodies, found.damaged), (vec![&b"first"[..], b"last"], 1));
    let found = read(&[&first[..], bytes].concat(), SALT);
    assert_eq!(found.good.len(), 1);
}

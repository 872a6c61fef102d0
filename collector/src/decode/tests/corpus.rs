//! The recorded shop corpus: 150 s of telemetry of six Python services.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::ContentType;
use oriel_storage::schema::Schemas;

use crate::decode::{Decoded, Decoder};

/// The recorded requests of `signal`, in order.
pub(super) fn requests(signal: Signal) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data/shop")
        .join(format!("{signal}.binpb.zst"));
    let file = std::fs::read(path).expect("the corpus is in the repository");
    let bytes = zstd::decode_all(&file[..]).expect("the corpus is zstd");
    let mut requests = Vec::new();
    let mut rest = &bytes[..];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (request, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        requests.push(request.to_vec());
        rest = after;
    }
    requests
}

fn decode_all(signal: Signal) -> Vec<Decoded> {
    let decoder = Decoder::new(&Schemas::format0());
    requests(signal)
        .iter()
        .map(|body| {
            decoder
                .decode(signal, ContentType::Protobuf, body, UnixNanos(1))
                .expect("a recorded request")
        })
        .collect()
}

/// Scenario: every recorded request of the three signals is decoded.
/// Guarantees: spans, log records, data points and series are as many as truth.json says; none is
/// rejected, none repaired.
#[test]
fn totals_equal_the_truth() {
    let totals = |signal| {
        let decoded = decode_all(signal);
        assert!(
            decoded
                .iter()
                .all(|d| d.rejected == 0 && d.message.is_empty())
        );
        decoded.iter().map(|d| d.accepted).sum::<u64>()
    };
    assert_eq!(totals(Signal::Traces), 44_117);
    assert_eq!(totals(Signal::Logs), 4_712);
    assert_eq!(totals(Signal::Metrics), 5_411);
    let metrics = decode_all(Signal::Metrics);
    let series: HashSet<u64> = metrics
        .iter()
        .flat_map(|decoded| &decoded.batches)
        .flat_map(|batch| {
            let column = batch.rows().column_by_name("series_id").expect("a column");
            column.as_primitive::<UInt64Type>().values().to_vec()
        })
        .collect();
    assert_eq!(series.len(), 181);
}

/// Scenario: every recorded request, decoded and compared with the reference.
/// Guarantees: every column of every row is equal.
#[test]
fn rows_equal_the_reference() {
    for signal in Signal::ALL {
        for body in requests(signal) {
            let decoded = super::decode(signal, &body).expect("a recorded request");
            let want = super::reference(signal, &body).expect("a recorded request");
            assert_eq!(super::difference(&super::rows(&decoded), &want), "");
        }
    }
}

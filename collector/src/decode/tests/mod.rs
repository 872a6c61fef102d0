//! Tests of the decoder as a whole, against prost and a second implementation of its rules.

mod corpus;
mod edges;
mod groups;
mod json;
mod property;
mod run;

use std::collections::BTreeSet;

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::ContentType;
use oriel_storage::schema::{Schemas, Table};
use prost::Message;
use serde_json::Value;

use super::testing::{self, Row};
use super::{DecodeError, Decoded, Decoder};

const RECEIVED_AT: UnixNanos = UnixNanos(1_800_000_000_000_000_001);

/// Decodes protobuf with the fixed schemas.
fn decode(signal: Signal, body: &[u8]) -> Result<Decoded, DecodeError> {
    let decoder = Decoder::new(&Schemas::format0());
    decoder.decode(signal, ContentType::Protobuf, body, RECEIVED_AT)
}

/// The rows of all batches, series ids set to NULL, and the strays.
fn rows(decoded: &Decoded) -> (Vec<Row>, BTreeSet<String>) {
    let (mut rows, mut strays) = (Vec::new(), BTreeSet::new());
    for batch in &decoded.batches {
        rows.extend(testing::rows(batch.rows()));
        strays.extend(batch.strays().iter().cloned());
    }
    for row in &mut rows {
        if let Some(id) = row.get_mut("series_id") {
            *id = Value::Null;
        }
    }
    (rows, strays)
}

/// Decodes `body` by prost and makes its rows the plain way.
fn reference(
    signal: Signal,
    body: &[u8],
) -> Result<(Vec<Row>, BTreeSet<String>), prost::DecodeError> {
    let schemas = Schemas::format0();
    Ok(match signal {
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(body)?;
            testing::span_rows(&request, schemas.of(Table::Spans), RECEIVED_AT)
        }
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(body)?;
            testing::log_rows(&request, schemas.of(Table::Logs), RECEIVED_AT)
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(body)?;
            testing::metric_rows(&request, schemas.of(Table::Metrics), RECEIVED_AT)
        }
    })
}

/// What differs between the decoder's rows and those of the reference, column by column.
fn difference(got: &(Vec<Row>, BTreeSet<String>), want: &(Vec<Row>, BTreeSet<String>)) -> String {
    let mut out = Vec::new();
    if got.0.len() != want.0.len() {
        out.push(format!("{} rows, not {}", got.0.len(), want.0.len()));
    }
    for (i, (got, want)) in got.0.iter().zip(&want.0).enumerate() {
        for (column, want) in want {
            let got = got.get(column);
            if got != Some(want) {
                out.push(format!("row {i} {column}: {got:?}, not {want}"));
            }
        }
    }
    if got.1 != want.1 {
        out.push(format!("strays {:?}, not {:?}", got.1, want.1));
    }
    out.join("\n")
}

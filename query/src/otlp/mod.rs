//! Rows back to OTLP messages, for answers in OTLP and for the test that nothing is lost.
//!
//! Pure: rows of `spans`, `logs` or `metrics` in any order -> one export request, grouped by
//! resource and scope in order of first appearance. The inverse of docs/schema.md: promoted
//! columns and overflow together are the attributes (promoted ones first), and a `_raw` column
//! stands in for the column that could not hold its value. Lost are only empty groups, the order of
//! attributes, and whether an empty message was there at all.

mod logs;
mod metrics;
mod rows;
mod spans;
mod value;

#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_storage::schema::{Schemas, Table};

/// Whether `object` is in the attribute encoding.
pub(crate) fn is_attributes(object: &str) -> bool {
    value::attributes(object).is_some()
}

/// Why rows are not OTLP.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// A column is missing or of another type.
    #[error("column {0} is missing or has another type")]
    Column(String),
    /// A JSON column does not hold the encoding of docs/schema.md.
    #[error("column {column} holds text that is not in the attribute encoding: {text}")]
    Encoding {
        /// Which column.
        column: String,
        /// The text, cut.
        text: String,
    },
    /// Arrow failed.
    #[error("reading rows")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// The spans of `batches`: rows of table `spans` with all its columns.
///
/// Errors: a column is missing, or holds what the decoder never writes.
pub fn traces(
    schemas: &Schemas,
    batches: &[RecordBatch],
) -> Result<ExportTraceServiceRequest, OtlpError> {
    let schema = schemas.of(Table::Spans);
    let resource_spans = spans::read(schema, batches)?;
    Ok(ExportTraceServiceRequest { resource_spans })
}

/// The log records of `batches`: rows of table `logs` with all its columns.
///
/// Errors: as for [`traces`].
pub fn logs(
    schemas: &Schemas,
    batches: &[RecordBatch],
) -> Result<ExportLogsServiceRequest, OtlpError> {
    let schema = schemas.of(Table::Logs);
    let resource_logs = logs::read(schema, batches)?;
    Ok(ExportLogsServiceRequest { resource_logs })
}

/// The metrics of `batches`: rows of table `metrics` with all its columns. Points whose metric,
/// resource and scope are equal stand in one metric.
///
/// Errors: as for [`traces`].
pub fn metrics(
    schemas: &Schemas,
    batches: &[RecordBatch],
) -> Result<ExportMetricsServiceRequest, OtlpError> {
    let schema = schemas.of(Table::Metrics);
    let resource_metrics = metrics::read(schema, batches)?;
    Ok(ExportMetricsServiceRequest { resource_metrics })
}

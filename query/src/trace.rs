//! One trace by its id, as OTLP.
//!
//! 1. `traces` is sorted by id: its rows give the window of span starts; an unknown id ends here.
//!    Where parts of `traces` are damaged, the spans are asked themselves, however long that takes.
//! 2. `spans` in that window with that id: the window excludes parts, page statistics of the start
//!    times most of the rest. Both read one snapshot.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use oriel_proto::TraceId;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_storage::Snapshot;
use oriel_storage::schema::Table;

use crate::error::{Code, Error};
use crate::execute::{Engine, Piece};
use crate::otlp;

/// The spans of trace `id`, by start. Errors: `NotFound` when there is none, and those of queries.
pub(crate) async fn find(
    engine: &Engine,
    snapshot: Arc<Snapshot>,
    id: TraceId,
) -> Result<ExportTraceServiceRequest, Error> {
    let window = collect(engine, &snapshot, window(&snapshot, id)).await?;
    let bound = |column: usize| {
        let values = window.first()?.column(column).as_primitive::<Int64Type>();
        values.is_valid(0).then(|| values.value(0))
    };
    let (Some(start), Some(end)) = (bound(0), bound(1)) else {
        return Err(unknown(&snapshot, id));
    };
    let spans = format!(
        "SELECT * FROM spans WHERE trace_id = '{id}' \
         AND start_time BETWEEN to_timestamp_nanos({start}) AND to_timestamp_nanos({end}) \
         ORDER BY start_time, span_id"
    );
    let rows = collect(engine, &snapshot, spans).await?;
    otlp::traces(snapshot.schemas(), &rows)
        .map_err(|error| Error::new(Code::Internal, format!("reading trace {id}: {error}")))
}

/// SQL for first start, last start and last end of the spans of trace `id`; NULL when there are none.
pub(crate) fn window(snapshot: &Snapshot, id: TraceId) -> String {
    let (first, last, end, table) = match snapshot.missing(Table::Traces) {
        [] => ("min_start", "max_start", "max_end", "traces"),
        _ => ("start_time", "start_time", "end_time", "spans"),
    };
    format!(
        "SELECT CAST(min({first}) AS BIGINT), CAST(max({last}) AS BIGINT), \
         CAST(max({end}) AS BIGINT) FROM {table} WHERE trace_id = '{id}'"
    )
}

/// How many damaged parts may have had spans.
pub(crate) fn lacks(snapshot: &Snapshot) -> usize {
    let tables = [Table::Spans, Table::Traces];
    tables
        .iter()
        .map(|table| snapshot.missing(*table).len())
        .sum()
}

/// That trace `id` was not found, and whether that means much.
pub(crate) fn unknown(snapshot: &Snapshot, id: TraceId) -> Error {
    match lacks(snapshot) {
        0 if snapshot.replaying() => Error {
            complete: Some(false),
            ..Error::new(
                Code::NotFound,
                format!("trace {id} was not found, but the log is still being replayed"),
            )
        },
        0 => Error::new(Code::NotFound, format!("there is no trace {id}")),
        lacks => Error {
            complete: Some(false),
            ..Error::new(
                Code::NotFound,
                format!(
                    "trace {id} was not found, but {lacks} damaged parts could not be looked at"
                ),
            )
            .hint("GET /api/v1/status and oriel doctor name the damaged parts")
        },
    }
}

async fn collect(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    sql: String,
) -> Result<Vec<RecordBatch>, Error> {
    let mut answer = engine.query(Arc::clone(snapshot), sql).await?;
    let mut batches = Vec::new();
    loop {
        match answer.next().await {
            Some(Piece::Rows(rows)) => batches.push(rows),
            Some(Piece::End(receipt)) if receipt.truncated => {
                let message = "the trace has more spans than an answer may have rows";
                return Err(Error::new(Code::MemoryLimit, message).hint("raise query.rows_max"));
            }
            Some(Piece::End(_)) => return Ok(batches),
            Some(Piece::Failed(error)) => return Err(error),
            None => return Err(Error::new(Code::Internal, "the query stopped")),
        }
    }
}

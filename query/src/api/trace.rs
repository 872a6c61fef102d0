//! One trace: where its spans are, their order, and the rows that match a filter.
//!
//! The rows of a trace have one order, in the skeleton and wherever a row number is meant:
//! [`ORDER`]. Spans that are alike in all of it are interchangeable.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use oriel_proto::TraceId;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::asking::{Asking, Receipts};
use super::cells::rows;
use super::logs::{Log, columns};
use super::request::{Params, Range, limit};
use super::selection::Selection;
use super::skeleton;
use crate::error::{Code, Error};
use crate::filter::Conditions;
use crate::http::{Api, Binary, ErrorBody};
use crate::trace::{unknown, window};

/// The order of a trace's rows, as SQL.
pub(super) const ORDER: &str = "start_time, span_id, duration NULLS FIRST, name, received_at";
/// How long before its first and after its last span logs of a trace are looked for.
const LOGS_AROUND: i64 = 600_000_000_000;
/// Header with the receipt of an answer that has no place for it.
const RECEIPT: HeaderName = HeaderName::from_static("oriel-receipt");

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(skeleton))
        .routes(routes!(find))
        .routes(routes!(logs))
}

/// SQL for the rows, in [`ORDER`], of those `spans` that satisfy `conditions`.
///
/// Every span has to be sorted to be counted; so each brings along whether it is one of them, and
/// not the columns that say so. DataFusion has no IN (SELECT …) there: with one, conditions follow.
fn numbered(spans: &str, conditions: &Conditions) -> String {
    let condition = conditions.of_rows();
    let row = format!("CAST(row_number() OVER (ORDER BY {ORDER}) AS BIGINT) - 1 AS row");
    let read = match conditions.ask_traces() {
        true => format!("SELECT *, {row} FROM spans WHERE {spans}) WHERE {condition}"),
        false => format!(
            "SELECT wanted, {row} FROM (SELECT start_time, span_id, duration, name, received_at, \
             {condition} AS wanted FROM spans WHERE {spans})) WHERE wanted"
        ),
    };
    format!("SELECT row FROM ({read} ORDER BY row")
}

/// Where the spans of a trace are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whereabouts {
    pub(super) id: TraceId,
    /// First start.
    pub(super) start: i64,
    /// Last start.
    last: i64,
    /// Last end, or last start.
    end: i64,
}

impl Whereabouts {
    /// Looks for the trace that `id` spells. Errors: it is no id, or there is no such trace.
    pub(super) async fn of(asking: &Asking, id: &str) -> Result<Whereabouts, Error> {
        let id: TraceId = id.parse().map_err(|error| {
            Error::new(
                Code::BadRequest,
                format!("{id:?} is not a trace id: {error}"),
            )
            .hint("a trace id is 32 hex digits")
        })?;
        let window = asking.rows(window(asking.snapshot(), id)).await?;
        let found = rows(&window).next().and_then(|row| {
            let last = row.int(1)?;
            Some(Whereabouts {
                id,
                start: row.int(0)?,
                last,
                end: row.int(2).unwrap_or(last).max(last),
            })
        });
        found.ok_or_else(|| unknown(asking.snapshot(), id))
    }

    /// Condition on rows of `spans`: they are of the trace.
    pub(super) fn spans(&self) -> String {
        format!(
            "trace_id = '{}' AND start_time BETWEEN to_timestamp_nanos({}) \
             AND to_timestamp_nanos({})",
            self.id, self.start, self.last
        )
    }

    /// Condition on rows of `logs`: they are of the trace.
    pub(super) fn logs(&self) -> String {
        format!(
            "trace_id = '{}' AND {}",
            self.id,
            self.logs_range().sql("timestamp")
        )
    }

    /// When logs of the trace are looked for.
    fn logs_range(&self) -> Range {
        Range {
            from: self.start.saturating_sub(LOGS_AROUND),
            to: self.end.saturating_add(LOGS_AROUND),
        }
    }

    /// From the first to behind the last start.
    fn range(&self) -> Range {
        Range {
            from: self.start,
            to: self.last.saturating_add(1),
        }
    }
}

/// Gives the shape of a trace: its spans without attributes, as columns
///
/// Rows are ordered by start and span id. Columns: `span_id`, `parent` (row of the parent, -1
/// without a parent, -2 when the parent is not in the trace), `start`, `duration`, `self`
/// (nanoseconds; `start` from the trace's start, NaN when unset), `service`, `name`, `kind`
/// (0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer), `status` (0 unset, 1 ok,
/// 2 error), `flags` (1 has events, 2 has links, 4 has logs, 8 has an exception). Metadata:
/// `trace_id`, `trace_start`, `snapshot`. The receipt is in the header `oriel-receipt`.
#[utoipa::path(
    get, path = "/api/v1/traces/{id}/skeleton", tag = "traces",
    params(("id" = String, Path, description = "Trace id, 32 hex digits")),
    responses(
        (status = 200, description = "Arrow IPC stream",
            content((Binary = "application/vnd.apache.arrow.stream"))),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn skeleton(
    State(api): State<Api>,
    Path(id): Path<String>,
    Params(_): Params<NoParams>,
) -> Result<Response, Error> {
    let asking = Asking::new(&api);
    let trace = Whereabouts::of(&asking, &id).await?;
    let spans = asking.rows(skeleton::sql(&trace.spans()));
    let logs = asking.rows(format!(
        "SELECT DISTINCT span_id FROM logs WHERE {} AND span_id IS NOT NULL",
        trace.logs()
    ));
    let (spans, logs) = futures::try_join!(spans, logs)?;
    let snapshot = asking.snapshot().id();
    let bytes = tokio::task::spawn_blocking(move || {
        let logged = ids(&logs);
        skeleton::build(&spans, &logged, trace.id, trace.start, snapshot)
    })
    .await
    .map_err(|error| Error::new(Code::Internal, format!("building the skeleton: {error}")))??;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("application/vnd.apache.arrow.stream");
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let receipt = serde_json::to_string(&asking.receipt()).unwrap_or_default();
    if let Ok(receipt) = HeaderValue::from_str(&receipt) {
        headers.insert(RECEIPT, receipt);
    }
    Ok(response)
}

/// A path without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// The ids in the first column.
fn ids(batches: &[RecordBatch]) -> HashSet<Vec<u8>> {
    let ids = rows(batches).filter_map(|row| row.bytes(0));
    ids.map(<[u8]>::to_vec).collect()
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindParams {
    /// Filter text
    q: Option<String>,
}

/// Rows of a trace
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    /// Rows of the skeleton, ascending
    rows: Vec<u64>,
    total: u64,
    receipt: Receipts,
}

/// Finds the spans of a trace that match a filter
#[utoipa::path(
    get, path = "/api/v1/traces/{id}/find", tag = "traces",
    params(("id" = String, Path, description = "Trace id, 32 hex digits"), FindParams),
    responses(
        (status = 200, description = "Rows of the skeleton", body = Found),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn find(
    State(api): State<Api>,
    Path(id): Path<String>,
    Params(asked): Params<FindParams>,
) -> Result<Response, Error> {
    let asking = Asking::new(&api);
    let trace = Whereabouts::of(&asking, &id).await?;
    let wanted = Selection::new(&api, Table::Spans, trace.range(), asked.q.as_deref())?;
    let found = asking.rows(numbered(&trace.spans(), &wanted.conditions));
    let found = found.await?;
    let rows: Vec<u64> = rows(&found).map(|row| row.count(0)).collect();
    answer(&Found {
        total: rows.len() as u64,
        rows,
        receipt: asking.receipt(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogsParams {
    /// Records, 1 to 5000; default 1000
    limit: Option<u32>,
}

/// Log records of a trace
#[derive(Debug, Serialize, ToSchema)]
struct TraceLogs {
    /// The oldest first
    logs: Vec<Log>,
    /// Records of the trace, also those beyond the limit
    total: u64,
    receipt: Receipts,
}

/// Gives the log records of a trace, from ten minutes before its start to ten minutes after its end
#[utoipa::path(
    get, path = "/api/v1/traces/{id}/logs", tag = "traces",
    params(("id" = String, Path, description = "Trace id, 32 hex digits"), LogsParams),
    responses(
        (status = 200, description = "Log records", body = TraceLogs),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn logs(
    State(api): State<Api>,
    Path(id): Path<String>,
    Params(asked): Params<LogsParams>,
) -> Result<Response, Error> {
    let limit = limit("limit", asked.limit, 1000, 5000)?;
    let asking = Asking::new(&api);
    let trace = Whereabouts::of(&asking, &id).await?;
    let wanted = trace.logs();
    let columns = columns(asking.snapshot().schemas().of(Table::Logs));
    let list = asking.rows(format!(
        "SELECT {columns} FROM logs WHERE {wanted} ORDER BY timestamp, digest LIMIT {limit}"
    ));
    let count = asking.rows(format!("SELECT count(*) FROM logs WHERE {wanted}"));
    let (list, counted) = futures::try_join!(list, count)?;
    answer(&TraceLogs {
        logs: rows(&list).map(|row| Log::read(&row)).collect(),
        total: rows(&counted).next().map_or(0, |row| row.count(0)),
        receipt: asking.receipt(),
    })
}

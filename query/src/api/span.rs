//! `traces/{id}/spans/{row}`: one span whole, and how long it took among its like.

use arrow::array::RecordBatch;
use axum::extract::{Path, State};
use axum::response::Response;
use oriel_proto::otlp::trace::v1::span::{Event, Link};
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::asking::{Asking, Receipts};
use super::attribute::{Attr, attrs};
use super::cells::{Row, rows};
use super::request::{Params, Range};
use super::trace::{ORDER, Whereabouts};
use crate::error::{Code, Error};
use crate::filter::quoted;
use crate::http::{Api, ErrorBody};
use crate::otlp;
use crate::plan::ids::{parse_hex, to_hex};

/// How far before and after a span its like are looked for.
const LIKE_AROUND: i64 = 1_800_000_000_000;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(span))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SpanParams {
    /// Its id, 16 hex digits: finds it though rows have moved since, because spans have arrived
    span: Option<String>,
}

/// One span
#[derive(Debug, Serialize, ToSchema)]
struct SpanAnswer {
    span: SpanDetail,
    /// Where its duration lies among spans of its service and name within half an hour; null when it
    /// has none
    percentile: Option<Percentile>,
    receipt: Receipts,
}

#[derive(Debug, Serialize, ToSchema)]
struct SpanDetail {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    trace_state: String,
    flags: u32,
    name: String,
    kind: String,
    /// Nanoseconds
    start: String,
    /// Nanoseconds; null when unset
    end: Option<String>,
    /// Nanoseconds; null when the end is unset
    duration: Option<i64>,
    status: String,
    status_message: String,
    service: Option<String>,
    scope: Scope,
    resource_schema_url: String,
    dropped: Dropped,
    attributes: Vec<Attr>,
    resource_attributes: Vec<Attr>,
    scope_attributes: Vec<Attr>,
    events: Vec<EventDetail>,
    links: Vec<LinkDetail>,
    /// Nanoseconds
    received_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Scope {
    name: String,
    version: String,
    schema_url: String,
}

/// What the sender dropped
#[derive(Debug, Serialize, ToSchema)]
struct Dropped {
    attributes: u32,
    events: u32,
    links: u32,
    resource_attributes: u32,
    scope_attributes: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct EventDetail {
    /// Nanoseconds
    time: String,
    name: String,
    attributes: Vec<Attr>,
    dropped: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct LinkDetail {
    trace_id: String,
    span_id: String,
    trace_state: String,
    flags: u32,
    attributes: Vec<Attr>,
    dropped: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct Percentile {
    /// Percent of the spans that took at most as long
    value: f64,
    /// Nanoseconds
    p50: Option<f64>,
    /// Nanoseconds
    p95: Option<f64>,
    /// Spans compared
    count: u64,
}

/// Gives one span of a trace, whole
#[utoipa::path(
    get, path = "/api/v1/traces/{id}/spans/{row}", tag = "traces",
    params(
        ("id" = String, Path, description = "Trace id, 32 hex digits"),
        ("row" = u64, Path, description = "Row in the skeleton"),
        SpanParams,
    ),
    responses(
        (status = 200, description = "The span", body = SpanAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn span(
    State(api): State<Api>,
    Path((id, row)): Path<(String, String)>,
    Params(asked): Params<SpanParams>,
) -> Result<Response, Error> {
    let row: u64 = row.parse().map_err(|_| {
        Error::new(
            Code::BadRequest,
            format!("{row:?} is not a row: rows are counted from 0"),
        )
    })?;
    let asking = Asking::new(&api);
    let trace = Whereabouts::of(&asking, &id).await?;
    let missing = || {
        Error::new(
            Code::NotFound,
            format!("trace {} has no such span", trace.id),
        )
    };
    let span_id = match asked.span {
        Some(given) => checked(given)?,
        None => at_row(&asking, &trace, row).await?.ok_or_else(missing)?,
    };
    let found = asking
        .rows(format!(
            "SELECT * FROM spans WHERE {} AND span_id = '{span_id}' ORDER BY {ORDER}",
            trace.spans()
        ))
        .await?;
    let twins = rows(&found).count();
    let wanted = match twins {
        0 => return Err(missing()),
        1 => 0,
        _ => twins_before(&asking, &trace, row, &span_id)
            .await?
            .min(twins - 1),
    };
    let batch = single(&found, wanted).ok_or_else(missing)?;
    let detail = detail(&asking, &batch)?;
    let percentile = percentile(&asking, &detail).await?;
    answer(&SpanAnswer {
        span: detail,
        percentile,
        receipt: asking.receipt(),
    })
}

/// The span id, in lower case. Errors: it is none.
fn checked(given: String) -> Result<String, Error> {
    match parse_hex(&given).filter(|bytes| bytes.len() == 8) {
        Some(bytes) => Ok(to_hex(&bytes)),
        None => Err(
            Error::new(Code::BadRequest, format!("{given:?} is not a span id"))
                .hint("a span id is 16 hex digits"),
        ),
    }
}

/// The id of the span in `row`.
async fn at_row(asking: &Asking, trace: &Whereabouts, row: u64) -> Result<Option<String>, Error> {
    let found = asking
        .rows(format!(
            "SELECT span_id FROM spans WHERE {} ORDER BY {ORDER} LIMIT 1 OFFSET {row}",
            trace.spans()
        ))
        .await?;
    Ok(rows(&found).next().and_then(|row| row.hex(0)))
}

/// How many spans of the same id stand before `row`.
async fn twins_before(
    asking: &Asking,
    trace: &Whereabouts,
    row: u64,
    span_id: &str,
) -> Result<usize, Error> {
    let found = asking
        .rows(format!(
            "SELECT count(*) FROM (SELECT span_id FROM spans WHERE {} ORDER BY {ORDER} LIMIT {row}) \
             WHERE span_id = '{span_id}'",
            trace.spans()
        ))
        .await?;
    Ok(rows(&found).next().map_or(0, |row| row.count(0)) as usize)
}

/// Row number `wanted` of `batches`, alone.
fn single(batches: &[RecordBatch], mut wanted: usize) -> Option<RecordBatch> {
    for batch in batches {
        if wanted < batch.num_rows() {
            return Some(batch.slice(wanted, 1));
        }
        wanted -= batch.num_rows();
    }
    None
}

/// The one span of `batch`, which has all columns of `spans`.
fn detail(asking: &Asking, batch: &RecordBatch) -> Result<SpanDetail, Error> {
    let broken = || Error::new(Code::Internal, "reading the span: a column is missing");
    let one = std::slice::from_ref(batch);
    let message = otlp::traces(asking.snapshot().schemas(), one)
        .map_err(|error| Error::new(Code::Internal, format!("reading the span: {error}")))?;
    let resource: ResourceSpans = message
        .resource_spans
        .into_iter()
        .next()
        .ok_or_else(broken)?;
    let scope: ScopeSpans = resource.scope_spans.into_iter().next().ok_or_else(broken)?;
    let span: Span = scope.spans.into_iter().next().ok_or_else(broken)?;
    let row: Row<'_> = rows(one).next().ok_or_else(broken)?;
    let schema = batch.schema();
    let column = |name: &str| schema.index_of(name).map_err(|_| broken());
    let source = resource.resource.unwrap_or_default();
    let own_scope = scope.scope.unwrap_or_default();
    let end = match span.end_time_unix_nano {
        0 => None,
        end => Some(end.to_string()),
    };
    let parent = (!span.parent_span_id.is_empty()).then(|| to_hex(&span.parent_span_id));
    Ok(SpanDetail {
        trace_id: to_hex(&span.trace_id),
        span_id: to_hex(&span.span_id),
        parent_span_id: parent,
        trace_state: span.trace_state,
        flags: span.flags,
        name: span.name,
        kind: row.string(column("kind")?),
        start: span.start_time_unix_nano.to_string(),
        end,
        duration: row.int(column("duration")?),
        status: row.string(column("status_code")?),
        status_message: row.string(column("status_message")?),
        service: row.text(column("service_name")?).map(str::to_owned),
        scope: Scope {
            name: own_scope.name,
            version: own_scope.version,
            schema_url: scope.schema_url,
        },
        resource_schema_url: resource.schema_url,
        dropped: Dropped {
            attributes: span.dropped_attributes_count,
            events: span.dropped_events_count,
            links: span.dropped_links_count,
            resource_attributes: source.dropped_attributes_count,
            scope_attributes: own_scope.dropped_attributes_count,
        },
        attributes: attrs(span.attributes),
        resource_attributes: attrs(source.attributes),
        scope_attributes: attrs(own_scope.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span.links.into_iter().map(link).collect(),
        received_at: row.nanos(column("received_at")?).unwrap_or_default(),
    })
}

fn event(event: Event) -> EventDetail {
    EventDetail {
        time: event.time_unix_nano.to_string(),
        name: event.name,
        attributes: attrs(event.attributes),
        dropped: event.dropped_attributes_count,
    }
}

fn link(link: Link) -> LinkDetail {
    LinkDetail {
        trace_id: to_hex(&link.trace_id),
        span_id: to_hex(&link.span_id),
        trace_state: link.trace_state,
        flags: link.flags,
        attributes: attrs(link.attributes),
        dropped: link.dropped_attributes_count,
    }
}

/// Where the span's duration lies among its like.
async fn percentile(asking: &Asking, span: &SpanDetail) -> Result<Option<Percentile>, Error> {
    let start = span.start.parse().unwrap_or(i64::MAX);
    let Some(duration) = span.duration else {
        return Ok(None);
    };
    let range = Range {
        from: start.saturating_sub(LIKE_AROUND),
        to: start.saturating_add(LIKE_AROUND),
    };
    let service = match &span.service {
        Some(service) => format!("service_name = {}", quoted(service)),
        None => "service_name IS NULL".to_owned(),
    };
    let found = asking
        .rows(format!(
            "SELECT count(*), count(*) FILTER (WHERE duration <= {duration}), \
             approx_percentile_cont(duration, 0.5), approx_percentile_cont(duration, 0.95) \
             FROM spans WHERE {} AND {service} AND name = {} AND duration IS NOT NULL",
            range.sql("start_time"),
            quoted(&span.name)
        ))
        .await?;
    let row = rows(&found).next().filter(|row| row.count(0) > 0);
    Ok(row.map(|row| Percentile {
        value: row.count(1) as f64 * 100.0 / row.count(0) as f64,
        p50: row.double(2),
        p95: row.double(3),
        count: row.count(0),
    }))
}

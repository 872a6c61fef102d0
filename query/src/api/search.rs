//! `search/traces` and `search/spans`: exact totals, pages in several orders.
//!
//! A trace matches when one of its spans in the range satisfies all conditions on spans together,
//! and its summary those on whole traces. Without conditions on spans only `traces` is read.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use axum::extract::State;
use axum::response::Response;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::asking::{Asking, Receipts};
use super::cells::{Row, rows};
use super::paging::{self, Asked, Key, Order, Place};
use super::request::{Params, Range, limit};
use super::selection::Selection;
use super::summaries::{self, around, overlap};
use crate::error::Error;
use crate::filter::all;
use crate::http::{Api, ErrorBody};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(search_traces))
        .routes(routes!(search_spans))
}

/// Parameters of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// First nanosecond of the range, or RFC 3339; default an hour before `to`
    from: Option<String>,
    /// First nanosecond behind the range, or RFC 3339; default now
    to: Option<String>,
    /// Filter text
    q: Option<String>,
    /// Order; default newest
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// Rows of a page, 1 to 1000; default 100
    limit: Option<u32>,
    /// Where to go on, from the page before
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Newest,
    Oldest,
    Longest,
    Shortest,
    /// Most errors first, then the newest
    Errors,
}

impl Sort {
    fn as_str(self) -> &'static str {
        match self {
            Sort::Newest => "newest",
            Sort::Oldest => "oldest",
            Sort::Longest => "longest",
            Sort::Shortest => "shortest",
            Sort::Errors => "errors",
        }
    }
}

const fn key(sql: &'static str, time: bool, descending: bool) -> Key {
    Key {
        sql,
        time,
        descending,
    }
}

/// The least and the greatest integer stand for durations that are unset: they come last.
const TRACE_LONGEST: Key = key(
    "coalesce(trace_duration, -9223372036854775807)",
    false,
    true,
);
const TRACE_SHORTEST: Key = key(
    "coalesce(trace_duration, 9223372036854775807)",
    false,
    false,
);
const SPAN_LONGEST: Key = key("coalesce(duration, -9223372036854775807)", false, true);
const SPAN_SHORTEST: Key = key("coalesce(duration, 9223372036854775807)", false, false);
const SPAN_ERROR: Key = key(
    "CASE WHEN status_code = 'ERROR' THEN 1 ELSE 0 END",
    false,
    true,
);

const TRACE_NEWEST: Key = key("trace_start", true, true);
const TRACE_OLDEST: Key = key("trace_start", true, false);
const TRACE_ERRORS: Key = key("trace_errors", false, true);
const SPAN_NEWEST: Key = key("start_time", true, true);
const SPAN_OLDEST: Key = key("start_time", true, false);

fn trace_order(sort: Sort) -> Order {
    let keys: &'static [Key] = match sort {
        Sort::Newest => const { &[TRACE_NEWEST] },
        Sort::Oldest => const { &[TRACE_OLDEST] },
        Sort::Longest => const { &[TRACE_LONGEST] },
        Sort::Shortest => const { &[TRACE_SHORTEST] },
        Sort::Errors => const { &[TRACE_ERRORS, TRACE_NEWEST] },
    };
    Order {
        keys,
        ids: &["trace_id"],
    }
}

/// Spans of one trace, id, start and duration are the same span sent twice: any order will do.
fn span_order(sort: Sort) -> Order {
    let keys: &'static [Key] = match sort {
        Sort::Newest => const { &[SPAN_NEWEST, SPAN_LONGEST] },
        Sort::Oldest => const { &[SPAN_OLDEST, SPAN_LONGEST] },
        Sort::Longest => const { &[SPAN_LONGEST, SPAN_NEWEST] },
        Sort::Shortest => const { &[SPAN_SHORTEST, SPAN_NEWEST] },
        Sort::Errors => const { &[SPAN_ERROR, SPAN_NEWEST, SPAN_LONGEST] },
    };
    Order {
        keys,
        ids: &["trace_id", "span_id"],
    }
}

/// SQL for one row a matching trace: `trace_id`, `trace_start`, `trace_duration`, `trace_spans`,
/// `trace_errors`, `matched`.
pub(super) fn matching_traces(wanted: &Selection) -> String {
    let summaries = summaries::sql(wanted.range);
    let columns = "trace_id, trace_start, trace_duration, trace_spans, trace_errors";
    let on_traces = all(wanted.conditions.traces.iter());
    if wanted.conditions.rows.is_empty() {
        return format!(
            "SELECT {columns}, trace_spans AS matched FROM ({summaries}) WHERE {on_traces}"
        );
    }
    format!(
        "SELECT {columns}, matched FROM \
         (SELECT trace_id AS hit_id, count(*) AS matched FROM spans WHERE {} AND {} GROUP BY 1) \
         JOIN ({summaries}) ON hit_id = trace_id WHERE {on_traces}",
        wanted.time(),
        all(wanted.conditions.rows.iter()),
    )
}

/// A page of traces
#[derive(Debug, Serialize, ToSchema)]
struct TracesPage {
    traces: Vec<FoundTrace>,
    /// Matching traces on all pages
    total: u64,
    /// Where the next page begins; null on the last
    cursor: Option<String>,
    /// The filter as SQL: a statement that finds the same, to go on from
    sql: String,
    receipt: Receipts,
}

#[derive(Debug, Serialize, ToSchema)]
struct FoundTrace {
    trace_id: String,
    /// Service of the earliest span without a parent; null when none was seen
    root_service: Option<String>,
    root_name: Option<String>,
    /// Nanoseconds
    start: String,
    /// Nanoseconds from the first start to the last end; null when no span has ended
    duration: Option<i64>,
    spans: u64,
    errors: u64,
    /// Services, those with most spans first
    services: Vec<ServiceSpans>,
    /// Spans in the range that match the filter
    matched: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct ServiceSpans {
    name: Option<String>,
    spans: i64,
}

/// Finds traces
#[utoipa::path(
    get, path = "/api/v1/search/traces", tag = "search", params(SearchParams),
    responses(
        (status = 200, description = "A page of traces", body = TracesPage),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn search_traces(
    State(api): State<Api>,
    Params(asked): Params<SearchParams>,
) -> Result<Response, Error> {
    let limit = limit("limit", asked.limit, 100, 1000)?;
    let page = Page::of(&asked, "traces")?;
    let asking = Asking::new(&api);
    let wanted = Selection::new(&api, Table::Spans, page.range, asked.q.as_deref())?;
    let order = trace_order(asked.sort);
    let matching = matching_traces(&wanted);
    let sql = format!(
        "SELECT * FROM ({matching}) ORDER BY {} LIMIT {limit}",
        order.order_by()
    );
    // The total of the first page is that of all: a place brings it along.
    let (total, behind) = match &page.place {
        None => ("count(*) OVER ()", "TRUE".to_owned()),
        Some(place) => ("0", order.behind(place)),
    };
    let read = asking
        .rows(format!(
            "SELECT {total} AS total, trace_spans, matched, trace_errors, \
             CAST(trace_start AS BIGINT) AS start, trace_duration, {} \
             FROM ({matching}) WHERE {behind} ORDER BY {} LIMIT {}",
            order.columns(),
            order.order_by(),
            Order::fetch(limit, page.place.as_ref()),
        ))
        .await?;
    let total = page.total(rows(&read).next().map(|row| row.count(0)));
    let (found, cursor) = order.next(rows(&read), 6, limit, page.asked(total));
    let id_column = 6 + order.keys.len();
    let ids: Vec<String> = found.iter().filter_map(|row| row.hex(id_column)).collect();
    let mut details = details(&asking, &ids, page.range).await?;
    let traces = found
        .iter()
        .zip(ids)
        .map(|(row, trace_id)| {
            let more = details.remove(&trace_id).unwrap_or_default();
            FoundTrace {
                trace_id,
                root_service: more.root_service,
                root_name: more.root_name,
                start: row.nanos(4).unwrap_or_default(),
                duration: row.int(5),
                spans: row.count(1),
                errors: row.count(3),
                services: services(more.services),
                matched: row.count(2),
            }
        })
        .collect();
    answer(&TracesPage {
        traces,
        total,
        cursor,
        sql,
        receipt: asking.receipt(),
    })
}

/// Which page is asked for.
struct Page {
    range: Range,
    question: u64,
    place: Option<Place>,
}

impl Page {
    fn of(asked: &SearchParams, lens: &str) -> Result<Page, Error> {
        let q = asked.q.as_deref().unwrap_or_default();
        let question = paging::question(&[lens, asked.sort.as_str(), q]);
        let (from, to) = (asked.from.as_deref(), asked.to.as_deref());
        let (range, place) = paging::page(from, to, asked.cursor.as_deref(), question)?;
        Ok(Page {
            range,
            question,
            place,
        })
    }

    /// The rows of all pages: as counted with the first one.
    fn total(&self, counted: Option<u64>) -> u64 {
        match &self.place {
            Some(place) => place.total,
            None => counted.unwrap_or_default(),
        }
    }

    fn asked(&self, total: u64) -> Asked<'_> {
        Asked {
            range: self.range,
            question: self.question,
            place: self.place.as_ref(),
            total,
        }
    }
}

/// What a page shows of a trace beyond what it is found and sorted by.
#[derive(Debug, Default)]
struct Details {
    /// Start and id of the root, to keep the earliest.
    root: Option<(i64, Vec<u8>)>,
    root_service: Option<String>,
    root_name: Option<String>,
    services: HashMap<Option<String>, i64>,
}

async fn details(
    asking: &Asking,
    ids: &[String],
    range: Range,
) -> Result<HashMap<String, Details>, Error> {
    let mut out: HashMap<String, Details> = HashMap::new();
    if ids.is_empty() {
        return Ok(out);
    }
    let list = ids.join("', '");
    let batches = asking
        .rows(format!(
            "SELECT trace_id, CAST(min_start AS BIGINT), root_span_id, root_service_name, \
             root_name, services FROM traces WHERE {} AND trace_id IN ('{list}')",
            overlap(around(range)),
        ))
        .await?;
    for row in rows(&batches) {
        let Some(id) = row.hex(0) else { continue };
        let trace = out.entry(id).or_default();
        let root = row
            .bytes(2)
            .map(|id| (row.int(1).unwrap_or_default(), id.to_vec()));
        if root.is_some()
            && trace
                .root
                .as_ref()
                .is_none_or(|old| root.as_ref() < Some(old))
        {
            trace.root = root;
            trace.root_service = row.text(3).map(str::to_owned);
            trace.root_name = row.text(4).map(str::to_owned);
        }
        add_services(&row, &mut trace.services);
    }
    Ok(out)
}

fn add_services(row: &Row<'_>, services: &mut HashMap<Option<String>, i64>) {
    let Some((list, at)) = row.list(5) else {
        return;
    };
    let items = list.value(at);
    let Some(items) = items.as_struct_opt() else {
        return;
    };
    let [names, spans, ..] = items.columns() else {
        return;
    };
    let names = names.as_string_opt::<i32>();
    let spans = spans.as_primitive_opt::<arrow::datatypes::Int64Type>();
    let (Some(names), Some(spans)) = (names, spans) else {
        return;
    };
    for item in 0..items.len() {
        let name = names.is_valid(item).then(|| names.value(item).to_owned());
        *services.entry(name).or_default() += spans.value(item);
    }
}

fn services(counts: HashMap<Option<String>, i64>) -> Vec<ServiceSpans> {
    let mut all: Vec<ServiceSpans> = counts
        .into_iter()
        .map(|(name, spans)| ServiceSpans { name, spans })
        .collect();
    all.sort_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.name.cmp(&b.name)));
    all
}

/// A page of spans
#[derive(Debug, Serialize, ToSchema)]
struct SpansPage {
    spans: Vec<FoundSpan>,
    /// Matching spans on all pages
    total: u64,
    /// Where the next page begins; null on the last
    cursor: Option<String>,
    /// The filter as SQL: a statement that finds the same, to go on from
    sql: String,
    receipt: Receipts,
}

#[derive(Debug, Serialize, ToSchema)]
struct FoundSpan {
    trace_id: String,
    span_id: String,
    service: Option<String>,
    name: String,
    kind: String,
    status: String,
    /// Nanoseconds
    start: String,
    /// Nanoseconds; null when the span has not ended
    duration: Option<i64>,
}

/// Finds spans
#[utoipa::path(
    get, path = "/api/v1/search/spans", tag = "search", params(SearchParams),
    responses(
        (status = 200, description = "A page of spans", body = SpansPage),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn search_spans(
    State(api): State<Api>,
    Params(asked): Params<SearchParams>,
) -> Result<Response, Error> {
    let limit = limit("limit", asked.limit, 100, 1000)?;
    let page = Page::of(&asked, "spans")?;
    let asking = Asking::new(&api);
    let wanted = Selection::new(&api, Table::Spans, page.range, asked.q.as_deref())?;
    let order = span_order(asked.sort);
    let sql = wanted.statement(&order.order_by(), limit);
    let wanted = wanted.sql();
    let behind = match &page.place {
        None => String::new(),
        Some(place) => format!(" AND {}", order.behind(place)),
    };
    let list = asking.rows(format!(
        "SELECT service_name, name, kind, status_code, CAST(start_time AS BIGINT) AS start, \
         duration, {} FROM spans WHERE {wanted}{behind} ORDER BY {} LIMIT {}",
        order.columns(),
        order.order_by(),
        Order::fetch(limit, page.place.as_ref()),
    ));
    let (read, counted) = match page.place {
        Some(_) => (list.await?, None),
        None => {
            let count = asking.rows(format!("SELECT count(*) FROM spans WHERE {wanted}"));
            let (read, counted) = futures::try_join!(list, count)?;
            (read, rows(&counted).next().map(|row| row.count(0)))
        }
    };
    let total = page.total(counted);
    let (found, cursor) = order.next(rows(&read), 6, limit, page.asked(total));
    let ids = 6 + order.keys.len();
    let spans = found
        .iter()
        .map(|row| FoundSpan {
            trace_id: row.hex(ids).unwrap_or_default(),
            span_id: row.hex(ids + 1).unwrap_or_default(),
            service: row.text(0).map(str::to_owned),
            name: row.string(1),
            kind: row.string(2),
            status: row.string(3),
            start: row.nanos(4).unwrap_or_default(),
            duration: row.int(5),
        })
        .collect();
    answer(&SpansPage {
        spans,
        total,
        cursor,
        sql,
        receipt: asking.receipt(),
    })
}

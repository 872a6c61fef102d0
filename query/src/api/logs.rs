//! `GET search/logs`, `logs/{id}`, `logs/histogram`.
//!
//! Records have no id of their own. Their order is (timestamp, digest of all columns), which two
//! records share only when nothing tells them apart; a record's id and the place where a page ends
//! are made of these two. A page takes two statements: the first reads only times and finds how far
//! the page reaches, the second reads the records in that time.

use axum::Json;
use axum::extract::{Path, State};
use oriel_storage::schema::{Level, Table, TableSchema};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::attribute::{Attr, attrs};
use super::cells::{Row, rows};
use super::request::{Params, Range, cursor, limit, place};
use super::selection::Selection;
use super::services::{Buckets, bucket_sql};
use crate::error::{Code, Error};
use crate::filter::keys::level_sql;
use crate::http::{Api, ErrorBody};
use crate::otlp;
use crate::series::steps::Steps;

/// Characters of a body in a list.
const BODY_CHARS: usize = 4096;
/// Levels in the histogram, worst first.
const LEVELS: [&str; 7] = ["fatal", "error", "warn", "info", "debug", "trace", "unset"];

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(histogram))
        .routes(routes!(record))
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of log records.
    q: Option<String>,
    /// `newest` (default) or `oldest` first.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// Records of a page, 1 to 5000. Default 200.
    limit: Option<u32>,
    /// Where the last page ended, as it said; the range of the first page then holds.
    cursor: Option<String>,
}

/// A log record in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Log {
    /// For `logs/{id}`; good for as long as the record is kept.
    id: String,
    /// When it happened, else when it was observed, else when it came: nanoseconds since 1970.
    time: String,
    /// When it was first observed.
    observed: Option<String>,
    /// OTLP's number, 0 when unset.
    severity_number: i64,
    /// Level as the source names it.
    severity_text: Option<String>,
    /// `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `unset`.
    level: String,
    /// The resource's service.name; "" when it has none.
    service: String,
    /// The body as text: in lists its first 4096 characters.
    body: Option<String>,
    /// Bytes of the whole body.
    body_bytes: u64,
    /// What kind of event it is.
    event_name: Option<String>,
    /// The trace it belongs to, in hex.
    trace_id: Option<String>,
    /// The span it belongs to, in hex.
    span_id: Option<String>,
    /// Attributes of the record itself.
    attributes_count: u64,
    /// The instrumentation scope.
    scope: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SearchAnswer {
    /// The page.
    logs: Vec<Log>,
    /// Records in the range that satisfy `q`, exactly, when the first page was asked for.
    total: u64,
    /// For the next page; null when this is the last.
    cursor: Option<String>,
    receipt: Receipts,
}

/// Where a page ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    from: i64,
    to: i64,
    order: Order,
    total: u64,
    /// Timestamp and digest of the last record, and how many of those equal to it were given.
    last: Option<(i64, i64, u64)>,
}

/// Search log records
///
/// Pages never repeat or leave out a record that was there when the first page was asked for.
#[utoipa::path(
    get, path = "/api/v1/search/logs", tag = "logs", params(SearchParams),
    responses(
        (status = 200, description = "A page of records", body = SearchAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn search(
    State(api): State<Api>,
    Params(params): Params<SearchParams>,
) -> Result<Json<SearchAnswer>, Error> {
    let limit = limit("limit", params.limit, 200, 5_000)?;
    let start = match &params.cursor {
        Some(text) => {
            let start: Place = place(text)?;
            if start.order != params.order || start.from >= start.to {
                let message = "the cursor belongs to another search";
                return Err(Error::new(Code::BadRequest, message)
                    .hint("leave the cursor out when another parameter changes"));
            }
            start
        }
        None => {
            let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
            Place {
                from: range.from,
                to: range.to,
                order: params.order,
                total: 0,
                last: None,
            }
        }
    };
    let range = Range {
        from: start.from,
        to: start.to,
    };
    let logs = Selection::new(&api, Table::Logs, range, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let counted = async {
        match start.last {
            Some(_) => Ok(start.total),
            None => count(&asking, &logs).await,
        }
    };
    let schema = api.source.schemas.of(Table::Logs);
    let (total, found) = futures::try_join!(counted, page(&asking, schema, &logs, &start, limit))?;
    let (logs, last) = found;
    let next = last.map(|last| {
        cursor(&Place {
            total,
            last: Some(last),
            ..start
        })
    });
    Ok(Json(SearchAnswer {
        logs,
        total,
        cursor: next,
        receipt: asking.receipt(),
    }))
}

async fn count(asking: &Asking, logs: &Selection) -> Result<u64, Error> {
    let sql = format!("SELECT count(*) FROM logs WHERE {}", logs.sql());
    let batches = asking.rows(sql).await?;
    Ok(rows(&batches).next().map_or(0, |row| row.count(0)))
}

/// The records behind `start`, and the last one's place when there are more.
async fn page(
    asking: &Asking,
    schema: &TableSchema,
    logs: &Selection,
    start: &Place,
    limit: u32,
) -> Result<(Vec<Log>, Option<(i64, i64, u64)>), Error> {
    let (ascending, way, beyond) = match start.order {
        Order::Oldest => (true, "ASC", ">"),
        Order::Newest => (false, "DESC", "<"),
    };
    let mut condition = logs.sql();
    let (mut behind, mut skip) = ("TRUE".to_owned(), 0);
    if let Some((time, digest, given)) = start.last {
        condition += &format!(" AND timestamp {beyond}= to_timestamp_nanos({time})");
        behind = format!("(timestamp {beyond} to_timestamp_nanos({time}) OR digest >= {digest})");
        skip = given;
    }
    let wanted = u64::from(limit) + 1;
    // All records of the cursor's own moment may have been given already.
    let reach = match start.last {
        Some((time, ..)) => {
            let same = format!("{condition} AND timestamp = to_timestamp_nanos({time})");
            let sql = format!("SELECT count(*) FROM logs WHERE {same}");
            let batches = asking.rows(sql).await?;
            wanted + rows(&batches).next().map_or(0, |row| row.count(0))
        }
        None => wanted,
    };
    let furthest = if ascending { "max" } else { "min" };
    let sql = format!(
        "SELECT CAST({furthest}(timestamp) AS BIGINT) FROM (SELECT timestamp FROM logs \
         WHERE {condition} ORDER BY timestamp {way} LIMIT {reach})"
    );
    let batches = asking.rows(sql).await?;
    let Some(end) = rows(&batches).next().and_then(|row| row.int(0)) else {
        return Ok((Vec::new(), None));
    };
    let before = if ascending { "<=" } else { ">=" };
    let sql = format!(
        "SELECT * FROM (SELECT {} FROM logs WHERE {condition} \
         AND timestamp {before} to_timestamp_nanos({end})) \
         WHERE {behind} ORDER BY timestamp {way}, digest LIMIT {wanted} OFFSET {skip}",
        columns(schema)
    );
    let batches = asking.rows(sql).await?;
    Ok(cut(rows(&batches), limit as usize, start))
}

/// The page, and its last record's place when there is one more.
fn cut<'a>(
    found: impl Iterator<Item = Row<'a>>,
    limit: usize,
    start: &Place,
) -> (Vec<Log>, Option<(i64, i64, u64)>) {
    let mut logs = Vec::new();
    let mut last = start.last;
    for row in found {
        if logs.len() == limit {
            return (logs, last);
        }
        let key = (
            row.int(0).unwrap_or_default(),
            row.int(1).unwrap_or_default(),
        );
        last = match last {
            Some((time, digest, given)) if (time, digest) == key => Some((time, digest, given + 1)),
            _ => Some((key.0, key.1, 1)),
        };
        logs.push(Log::read(&row));
    }
    (logs, None)
}

/// SQL for the columns of a record in a list, as [`Log::read`] reads them.
pub(crate) fn columns(schema: &TableSchema) -> String {
    let promoted: Vec<String> = schema
        .columns
        .iter()
        .filter(|column| {
            let promoted = column.promoted.as_ref();
            promoted.is_some_and(|promoted| promoted.level == Level::Record)
        })
        .map(|column| format!(", \"{}\"", column.name))
        .collect();
    format!(
        "timestamp, {} AS digest, observed_time, severity_number, severity_text, {} AS level, \
         service_name, left(body, {BODY_CHARS}) AS body, octet_length(body) AS body_bytes, \
         event_name, trace_id, span_id, attribute_count(attributes{}) AS attributes_count, scope_name",
        digest(schema),
        level_sql(),
        promoted.concat()
    )
}

/// SQL for the digest of a record.
fn digest(schema: &TableSchema) -> String {
    let names: Vec<String> = schema
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    format!("row_digest({})", names.join(", "))
}

impl Log {
    /// A row of [`columns`].
    pub(crate) fn read(row: &Row<'_>) -> Log {
        let optional = |column| row.text(column).map(str::to_owned);
        let time = row.int(0).unwrap_or_default();
        Log {
            id: format!("{time}-{:016x}", row.int(1).unwrap_or_default()),
            time: time.to_string(),
            observed: row.nanos(2),
            severity_number: row.int(3).unwrap_or_default(),
            severity_text: optional(4),
            level: row.string(5),
            service: row.string(6),
            body: optional(7),
            body_bytes: row.count(8),
            event_name: optional(9),
            trace_id: row.hex(10),
            span_id: row.hex(11),
            attributes_count: row.count(12),
            scope: optional(13),
        }
    }
}

/// A whole log record.
#[derive(Debug, Serialize, ToSchema)]
struct WholeLog {
    #[serde(flatten)]
    log: Log,
    /// The typed body, in the encoding of docs/schema.md, when it is not a string.
    body_json: Option<String>,
    /// Of the record itself.
    attributes: Vec<Attr>,
    /// Of its resource.
    resource_attributes: Vec<Attr>,
    /// Of its scope.
    scope_attributes: Vec<Attr>,
    /// Version of the scope.
    scope_version: Option<String>,
    /// W3C trace flags.
    flags: u32,
    /// Attributes that the sender dropped.
    dropped: u32,
    /// When Oriel received it.
    received_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecordAnswer {
    log: WholeLog,
    receipt: Receipts,
}

/// One log record
#[utoipa::path(
    get, path = "/api/v1/logs/{id}", tag = "logs",
    params(("id" = String, Path, description = "As search/logs gave it")),
    responses(
        (status = 200, description = "The whole record", body = RecordAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn record(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<RecordAnswer>, Error> {
    let parsed = id.rsplit_once('-').and_then(|(time, digest)| {
        let time: i64 = time.parse().ok()?;
        let digest = u64::from_str_radix(digest, 16)
            .ok()
            .filter(|_| digest.len() == 16)?;
        Some((time, digest as i64))
    });
    let Some((time, digest_wanted)) = parsed else {
        let message = format!("{id:?} is not the id of a log record");
        return Err(Error::new(Code::BadRequest, message).hint("ids are given by search/logs"));
    };
    let asking = Asking::new(&api);
    let schema = api.source.schemas.of(Table::Logs);
    let of = |columns: &str| {
        format!(
            "SELECT {columns} FROM (SELECT *, {} AS digest FROM logs \
             WHERE timestamp = to_timestamp_nanos({time})) WHERE digest = {digest_wanted} LIMIT 1",
            digest(schema)
        )
    };
    let listed = columns(schema).replacen(&format!("{} AS digest", digest(schema)), "digest", 1);
    let (whole, listed) = futures::try_join!(asking.rows(of("*")), asking.rows(of(&listed)))?;
    let (Some(row), Some(first)) = (rows(&listed).next(), whole.first()) else {
        return Err(Error::new(
            Code::NotFound,
            format!("there is no log record {id}"),
        ));
    };
    let internal = |error: otlp::OtlpError| {
        Error::new(Code::Internal, format!("reading log record {id}: {error}"))
    };
    let request = otlp::logs(&api.source.schemas, &whole).map_err(internal)?;
    let body = |name: &str| {
        let column = first.column_by_name(name)?;
        let texts = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).ok()?;
        let texts = arrow::array::AsArray::as_string::<i32>(&texts);
        texts.iter().next().flatten().map(str::to_owned)
    };
    let received = first
        .column_by_name("received_at")
        .map(arrow::array::AsArray::as_primitive::<arrow::datatypes::TimestampNanosecondType>)
        .map(|times| times.value(0).to_string());
    let resource = request.resource_logs.into_iter().next().unwrap_or_default();
    let scope = resource.scope_logs.into_iter().next().unwrap_or_default();
    let record = scope.log_records.into_iter().next().unwrap_or_default();
    let scope = scope.scope.unwrap_or_default();
    let log = Log {
        body: body("body"),
        ..Log::read(&row)
    };
    Ok(Json(RecordAnswer {
        log: WholeLog {
            log,
            body_json: body("body_json"),
            attributes: attrs(record.attributes),
            resource_attributes: attrs(resource.resource.unwrap_or_default().attributes),
            scope_attributes: attrs(scope.attributes),
            scope_version: Some(scope.version).filter(|version| !version.is_empty()),
            flags: record.flags,
            dropped: record.dropped_attributes_count,
            received_at: received,
        },
        receipt: asking.receipt(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistogramParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of log records.
    q: Option<String>,
    /// Most buckets, 1 to 1000. Default 60.
    buckets: Option<u32>,
}

/// Records of one level.
#[derive(Debug, Serialize, ToSchema)]
struct LevelSeries {
    /// `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `unset`.
    level: &'static str,
    /// Records by bucket.
    counts: Vec<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct HistogramAnswer {
    #[serde(flatten)]
    buckets: Buckets,
    /// Levels that occur, worst first.
    series: Vec<LevelSeries>,
    /// Records in the range that satisfy `q`.
    total: u64,
    receipt: Receipts,
}

/// Log records by time and level
#[utoipa::path(
    get, path = "/api/v1/logs/histogram", tag = "logs", params(HistogramParams),
    responses(
        (status = 200, description = "Counts of all matches", body = HistogramAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn histogram(
    State(api): State<Api>,
    Params(params): Params<HistogramParams>,
) -> Result<Json<HistogramAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let count_max = limit("buckets", params.buckets, 60, 1_000)?;
    let logs = Selection::new(&api, Table::Logs, range, params.q.as_deref())?;
    let steps = Steps::covering(range.from, range.to, count_max as usize);
    let asking = Asking::new(&api);
    let sql = format!(
        "SELECT {} AS bucket, {} AS level, count(*) FROM logs WHERE {} GROUP BY 1, 2",
        bucket_sql("timestamp", steps),
        level_sql(),
        logs.sql()
    );
    let batches = asking.rows(sql).await?;
    let mut total = 0;
    let mut counts = LEVELS.map(|level| (level, vec![0; steps.count], false));
    for row in rows(&batches) {
        let level = row.text(1).unwrap_or("unset");
        let bucket = (row.count(0) as usize).min(steps.count.saturating_sub(1));
        if let Some((_, counts, seen)) = counts.iter_mut().find(|(name, ..)| *name == level) {
            counts[bucket] += row.count(2);
            *seen = true;
            total += row.count(2);
        }
    }
    let seen = counts.into_iter().filter(|(_, _, seen)| *seen);
    Ok(Json(HistogramAnswer {
        buckets: steps.into(),
        series: seen
            .map(|(level, counts, _)| LevelSeries { level, counts })
            .collect(),
        total,
        receipt: asking.receipt(),
    }))
}

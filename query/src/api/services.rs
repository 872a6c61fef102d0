//! `GET services`, `services/slots`, `operations`: what runs, how much, how fast, how often it fails.
//!
//! A request of a service is a span of kind SERVER or CONSUMER, or one without a parent; of a
//! service that has none of these, every span. All statements of an answer read one snapshot.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::cells::{Row, rows};
use super::changes::{self, Change, Traffic};
use super::request::{Params, Range, limit, quoted};
use super::selection::Selection;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody};
use crate::series::steps::Steps;

/// Buckets of a sparkline.
const SPARK_BUCKETS: usize = 40;
/// Operations of an answer, unless fewer are asked for.
const OPERATIONS_MAX: u32 = 1_000;
/// SQL: whether a span is a request of its service.
const ENTRY: &str = "(kind IN ('SERVER', 'CONSUMER') OR parent_span_id IS NULL)";
/// SQL: the service of a span, "" without one.
const SERVICE: &str = "coalesce(service_name, '')";
/// SQL: whether a span failed.
const FAILED: &str = "status_code = 'ERROR'";

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(services))
        .routes(routes!(slots))
        .routes(routes!(operations))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ServicesParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of spans.
    q: Option<String>,
}

/// What requests took: nanoseconds, estimated by t-digest (a few per cent).
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Figures {
    /// Requests.
    requests: u64,
    /// Requests with status ERROR.
    errors: u64,
    /// Half of the requests took at most this.
    p50: Option<f64>,
    /// 95 % of the requests took at most this.
    p95: Option<f64>,
    /// 99 % of the requests took at most this.
    p99: Option<f64>,
}

impl Figures {
    /// The columns of [`Figures::sql`] from `column` on.
    fn read(row: &Row<'_>, column: usize) -> Figures {
        Figures {
            requests: row.count(column),
            errors: row.count(column + 1),
            p50: row.double(column + 2),
            p95: row.double(column + 3),
            p99: row.double(column + 4),
        }
    }

    fn sql() -> String {
        let percentile = |q| format!("approx_percentile_cont(duration, {q})");
        format!(
            "count(*), count(*) FILTER (WHERE {FAILED}), {}, {}, {}",
            percentile(0.5),
            percentile(0.95),
            percentile(0.99)
        )
    }
}

/// A service in the range.
#[derive(Debug, Serialize, ToSchema)]
struct Service {
    /// The resource's service.name; "" when it has none.
    name: String,
    /// Its colour slot, 0 to 23, the same for every viewer.
    slot: u32,
    #[serde(flatten)]
    figures: Figures,
    /// Requests a second.
    rate: f64,
    /// Requests by bucket.
    spark: Vec<u64>,
    /// Failed requests by bucket.
    spark_errors: Vec<u64>,
    /// 95 % of a bucket's requests took at most this many nanoseconds; null without requests.
    spark_p95: Vec<Option<f64>>,
    /// The service.version that was seen last.
    version: Option<String>,
    /// All its spans in the range.
    spans: u64,
    /// Its log records in the range (not filtered by `q`, which is about spans).
    logs: u64,
    /// The same figures of the range of the same length just before; null when it had no span.
    previous: Option<Figures>,
}

/// Equal buckets of time.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Buckets {
    /// Start of the first, nanoseconds since 1970 as a string.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String)]
    pub(crate) start: i64,
    /// Length of each in nanoseconds.
    pub(crate) step: i64,
    /// How many.
    pub(crate) count: usize,
}

fn text<S: serde::Serializer>(nanos: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(nanos)
}

impl From<Steps> for Buckets {
    fn from(steps: Steps) -> Self {
        Buckets {
            start: steps.start,
            step: steps.step,
            count: steps.count,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct ServicesAnswer {
    /// By name.
    services: Vec<Service>,
    /// The buckets of the sparklines.
    buckets: Buckets,
    /// What got worse (or came and went) against the range before: at most 5, the surest first.
    changes: Vec<Change>,
    /// Spans in the range that satisfy `q`.
    total_spans: u64,
    receipt: Receipts,
}

/// What a service has in the range, besides figures of its requests.
#[derive(Debug, Default)]
struct Seen {
    spans: u64,
    entries: u64,
    version: Option<(i64, String)>,
}

/// Services with their traffic
#[utoipa::path(
    get, path = "/api/v1/services", tag = "services", params(ServicesParams),
    responses(
        (status = 200, description = "Every service with a span in the range", body = ServicesAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn services(
    State(api): State<Api>,
    Params(params): Params<ServicesParams>,
) -> Result<Json<ServicesAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let spans = Selection::new(&api, Table::Spans, range, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let before = spans.at(range.previous());
    let (seen, seen_before) = futures::try_join!(seen(&asking, &spans), seen(&asking, &before))?;
    let steps = Steps::covering(range.from, range.to, SPARK_BUCKETS);
    let (figures, figures_before, sparks, logs, traffic) = futures::try_join!(
        figures(&asking, &spans, &seen),
        figures(&asking, &before, &seen_before),
        sparks(&asking, &spans, &seen, steps),
        logs(&asking, range),
        traffic(&asking, &spans, &seen),
    )?;
    let slots = slots_of(&api, seen.keys().cloned().collect()).await?;
    let seconds = range.length() as f64 / 1e9;
    let total_spans = seen.values().map(|seen| seen.spans).sum();
    let services = seen.into_iter().map(|(name, seen)| {
        let spark = sparks.get(&name).cloned();
        let (spark, spark_errors, spark_p95) = spark.unwrap_or_else(|| no_spark(steps));
        let figures = figures.get(&name).cloned().unwrap_or_default();
        Service {
            slot: slots.get(&name).copied().unwrap_or_default(),
            rate: figures.requests as f64 / seconds,
            figures,
            spark,
            spark_errors,
            spark_p95,
            version: seen.version.map(|(_, version)| version),
            spans: seen.spans,
            logs: logs.get(&name).copied().unwrap_or_default(),
            previous: figures_before.get(&name).cloned(),
            name,
        }
    });
    Ok(Json(ServicesAnswer {
        services: services.collect(),
        buckets: steps.into(),
        changes: changes::worst(&traffic, seconds),
        total_spans,
        receipt: asking.receipt(),
    }))
}

/// Spans, requests and newest version by service.
async fn seen(asking: &Asking, spans: &Selection) -> Result<BTreeMap<String, Seen>, Error> {
    let sql = format!(
        "SELECT {SERVICE} AS service, resource_attributes['service.version'] AS version, \
         count(*), count(*) FILTER (WHERE {ENTRY}), CAST(max(start_time) AS BIGINT) \
         FROM spans WHERE {} GROUP BY 1, 2",
        spans.sql()
    );
    let batches = asking.rows(sql).await?;
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    for row in rows(&batches) {
        let seen = all.entry(row.string(0)).or_default();
        seen.spans += row.count(2);
        seen.entries += row.count(3);
        let last = row.int(4).unwrap_or(i64::MIN);
        if let Some(version) = row.text(1)
            && seen.version.as_ref().is_none_or(|(known, _)| *known < last)
        {
            seen.version = Some((last, version.to_owned()));
        }
    }
    Ok(all)
}

/// SQL that is true for requests; services without any are told by `seen`.
fn is_request(seen: &BTreeMap<String, Seen>) -> String {
    let others: Vec<String> = seen
        .iter()
        .filter(|(_, seen)| seen.entries == 0)
        .map(|(name, _)| quoted(name))
        .collect();
    match others.is_empty() {
        true => ENTRY.to_owned(),
        false => format!("({ENTRY} OR {SERVICE} IN ({}))", others.join(", ")),
    }
}

async fn figures(
    asking: &Asking,
    spans: &Selection,
    seen: &BTreeMap<String, Seen>,
) -> Result<HashMap<String, Figures>, Error> {
    if seen.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT {SERVICE} AS service, {} FROM spans WHERE {} AND {} GROUP BY 1",
        Figures::sql(),
        spans.sql(),
        is_request(seen)
    );
    let batches = asking.rows(sql).await?;
    let read = rows(&batches).map(|row| (row.string(0), Figures::read(&row, 1)));
    Ok(read.collect())
}

type Spark = (Vec<u64>, Vec<u64>, Vec<Option<f64>>);

fn no_spark(steps: Steps) -> Spark {
    (
        vec![0; steps.count],
        vec![0; steps.count],
        vec![None; steps.count],
    )
}

async fn sparks(
    asking: &Asking,
    spans: &Selection,
    seen: &BTreeMap<String, Seen>,
    steps: Steps,
) -> Result<HashMap<String, Spark>, Error> {
    if seen.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT {SERVICE} AS service, {} AS bucket, count(*), count(*) FILTER (WHERE {FAILED}), \
         approx_percentile_cont(duration, 0.95) FROM spans WHERE {} AND {} GROUP BY 1, 2",
        bucket_sql("start_time", steps),
        spans.sql(),
        is_request(seen)
    );
    let batches = asking.rows(sql).await?;
    let mut sparks: HashMap<String, Spark> = HashMap::new();
    for row in rows(&batches) {
        let spark = sparks
            .entry(row.string(0))
            .or_insert_with(|| no_spark(steps));
        let bucket = row.count(1) as usize;
        if bucket < steps.count {
            spark.0[bucket] = row.count(2);
            spark.1[bucket] = row.count(3);
            spark.2[bucket] = row.double(4);
        }
    }
    Ok(sparks)
}

/// SQL for the number of the step that the time `column` is in.
pub(crate) fn bucket_sql(column: &str, steps: Steps) -> String {
    format!(
        "(CAST({column} AS BIGINT) - ({})) / {}",
        steps.start, steps.step
    )
}

async fn logs(asking: &Asking, range: Range) -> Result<HashMap<String, u64>, Error> {
    let sql = format!(
        "SELECT {SERVICE} AS service, count(*) FROM logs WHERE {} GROUP BY 1",
        range.sql("timestamp")
    );
    let batches = asking.rows(sql).await?;
    Ok(rows(&batches)
        .map(|row| (row.string(0), row.count(1)))
        .collect())
}

/// Requests by operation, now and before.
async fn traffic(
    asking: &Asking,
    spans: &Selection,
    seen: &BTreeMap<String, Seen>,
) -> Result<Vec<Traffic>, Error> {
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let both = Range {
        from: spans.range.previous().from,
        to: spans.range.to,
    };
    let sql = format!(
        "SELECT {SERVICE} AS service, name, start_time >= to_timestamp_nanos({}) AS now, count(*), \
         count(*) FILTER (WHERE {FAILED}), approx_percentile_cont(duration, 0.95) \
         FROM spans WHERE {} AND {} GROUP BY 1, 2, 3 HAVING count(*) >= {}",
        spans.range.from,
        spans.at(both).sql(),
        is_request(seen),
        changes::REQUESTS_MIN
    );
    let batches = asking.rows(sql).await?;
    let mut all: HashMap<(String, String), Traffic> = HashMap::new();
    for row in rows(&batches) {
        let key = (row.string(0), row.string(1));
        let traffic = all
            .entry(key)
            .or_insert_with_key(|key| Traffic::of(&key.0, &key.1));
        let side = match row.is_true(2) {
            true => &mut traffic.now,
            false => &mut traffic.before,
        };
        *side = Some(changes::Side {
            requests: row.count(3) as f64,
            errors: row.count(4) as f64,
            p95: row.double(5),
        });
    }
    Ok(all.into_values().collect())
}

/// The slots of all services, `names` among them.
pub(crate) async fn slots_of(
    api: &Api,
    names: Vec<String>,
) -> Result<BTreeMap<String, u32>, Error> {
    (api.source.slots)(names)
        .await
        .map_err(|error| Error::new(Code::Unavailable, error.to_string()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SlotsParams {
    /// Start of the range whose services are looked up. Default: an hour before `to`.
    from: Option<String>,
    /// End of that range. Default: now.
    to: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SlotsAnswer {
    /// Colour slot, 0 to 23, by service.
    slots: BTreeMap<String, u32>,
    receipt: Receipts,
}

/// Colour slots of services
///
/// A service keeps its slot for ever; the first 24 have different ones. The answer has all
/// services that ever had a slot, and those with spans, logs or metrics in the range.
#[utoipa::path(
    get, path = "/api/v1/services/slots", tag = "services", params(SlotsParams),
    responses(
        (status = 200, description = "Slot by service", body = SlotsAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn slots(
    State(api): State<Api>,
    Params(params): Params<SlotsParams>,
) -> Result<Json<SlotsAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let asking = Asking::new(&api);
    let of = |table: &str, time: &str| {
        format!(
            "SELECT {SERVICE} AS service FROM {table} WHERE {} GROUP BY 1",
            range.sql(time)
        )
    };
    let sql = format!(
        "{} UNION {} UNION {} LIMIT 10000",
        of("spans", "start_time"),
        of("logs", "timestamp"),
        of("metrics", "time")
    );
    let batches = asking.rows(sql).await?;
    let names = rows(&batches).map(|row| row.string(0)).collect();
    Ok(Json(SlotsAnswer {
        slots: slots_of(&api, names).await?,
        receipt: asking.receipt(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OperationsParams {
    /// Only this service.
    service: Option<String>,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of spans.
    q: Option<String>,
    /// How many, 1 to 1000. Default 1000.
    limit: Option<u32>,
}

/// Spans of one name and kind.
#[derive(Debug, Serialize, ToSchema)]
struct Operation {
    /// Its service; "" when it has none.
    service: String,
    /// Name of the spans.
    name: String,
    /// Kind of the spans in lower case: `server`, `client`, `internal`, `producer`, `consumer`.
    kind: String,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
struct OperationsAnswer {
    /// By requests, most first; here each span is a request.
    operations: Vec<Operation>,
    /// Operations in all.
    total: u64,
    receipt: Receipts,
}

/// Operations with their traffic
#[utoipa::path(
    get, path = "/api/v1/operations", tag = "services", params(OperationsParams),
    responses(
        (status = 200, description = "Spans by service, name and kind", body = OperationsAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn operations(
    State(api): State<Api>,
    Params(params): Params<OperationsParams>,
) -> Result<Json<OperationsAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let limit = limit("limit", params.limit, OPERATIONS_MAX, OPERATIONS_MAX)?;
    let mut spans = Selection::new(&api, Table::Spans, range, params.q.as_deref())?.sql();
    if let Some(service) = &params.service {
        spans += &format!(" AND service_name = {}", quoted(service));
    }
    let asking = Asking::new(&api);
    let (batches, total) = futures::try_join!(
        asking.rows(format!(
            "SELECT {SERVICE} AS service, name, kind, {} FROM spans WHERE {spans} \
             GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT {limit}",
            Figures::sql()
        )),
        asking.rows(format!(
            "SELECT count(*) FROM (SELECT 1 FROM spans WHERE {spans} \
             GROUP BY service_name, name, kind)"
        )),
    )?;
    let read = rows(&batches).map(|row| Operation {
        service: row.string(0),
        name: row.string(1),
        kind: row.string(2).to_lowercase(),
        figures: Figures::read(&row, 3),
    });
    Ok(Json(OperationsAnswer {
        operations: read.collect(),
        total: rows(&total).next().map_or(0, |row| row.count(0)),
        receipt: asking.receipt(),
    }))
}

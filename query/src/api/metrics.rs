//! `GET metrics`, `metrics/keys`, `metrics/series`: what is measured, and how it went.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::attributes::{KeyCount, Reading, keys_of};
use super::cells::rows;
use super::request::{Params, Range, limit, quoted};
use super::series;
use crate::error::Error;
use crate::http::{Api, ErrorBody};

/// Values that a key is shown with.
const TOP_VALUES: usize = 10;
/// Keys whose values are counted.
const KEYS_MAX: usize = 60;
/// SQL: a point that has a value.
const RECORDED: &str = "flags % 2 = 0";

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(metrics))
        .routes(routes!(metric_keys))
        .merge(series::router())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MetricsParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Only metrics with this in their name or description, in any case of letters.
    search: Option<String>,
    /// How many, 1 to 10000. Default 10000.
    limit: Option<u32>,
}

/// A metric.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Metric {
    /// Its name.
    name: String,
    /// `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`.
    r#type: String,
    /// Unit in UCUM; null without one. Of several, that of most points.
    unit: Option<String>,
    /// What is measured.
    description: Option<String>,
    /// `delta`, `cumulative`, `unspecified`, or `mixed` when senders differ; null for gauges and summaries.
    temporality: Option<String>,
    /// Whether a sum only rises; null for other types.
    monotonic: Option<bool>,
    /// Series in the range.
    series: u64,
    /// Points in the range.
    points: u64,
    /// Services that send it.
    services: BTreeSet<String>,
    /// Time of the last point in the range, nanoseconds since 1970.
    last: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct MetricsAnswer {
    /// By name, then type.
    metrics: Vec<Metric>,
    /// Metrics in all.
    total: usize,
    receipt: Receipts,
}

/// The metrics that are there
#[utoipa::path(
    get, path = "/api/v1/metrics", tag = "metrics", params(MetricsParams),
    responses(
        (status = 200, description = "One entry a name and type", body = MetricsAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn metrics(
    State(api): State<Api>,
    Params(params): Params<MetricsParams>,
) -> Result<Json<MetricsAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let limit = limit("limit", params.limit, 10_000, 10_000)? as usize;
    let mut condition = range.sql("time");
    if let Some(text) = &params.search {
        let text = quoted(&text.to_lowercase());
        condition += &format!(
            " AND (strpos(lower(name), {text}) > 0 OR strpos(lower(description), {text}) > 0)"
        );
    }
    let asking = Asking::new(&api);
    let batches = asking
        .rows(format!(
            "SELECT name, type, unit, temporality, is_monotonic, coalesce(service_name, '') AS service, \
             count(*) AS series, sum(points) AS points, max(last) AS last, max(description) AS description \
             FROM (SELECT name, type, unit, temporality, is_monotonic, service_name, series_id, \
             count(*) AS points, CAST(max(time) AS BIGINT) AS last, max(description) AS description \
             FROM metrics WHERE {condition} GROUP BY 1, 2, 3, 4, 5, 6, 7) GROUP BY 1, 2, 3, 4, 5, 6"
        ))
        .await?;
    let mut all: BTreeMap<(String, String), Vec<Metric>> = BTreeMap::new();
    for row in rows(&batches) {
        let (name, r#type) = (row.string(0), row.string(1));
        let optional = |column| row.text(column).map(str::to_owned);
        all.entry((name.clone(), r#type.clone()))
            .or_default()
            .push(Metric {
                name,
                unit: optional(2),
                description: optional(9),
                temporality: optional(3),
                monotonic: (r#type == "sum").then(|| row.is_true(4)),
                series: row.count(6),
                points: row.count(7),
                services: BTreeSet::from([row.string(5)]),
                last: format!("{:020}", row.int(8).unwrap_or_default()),
                r#type,
            });
    }
    let total = all.len();
    Ok(Json(MetricsAnswer {
        metrics: all.into_values().take(limit).map(merged).collect(),
        total,
        receipt: asking.receipt(),
    }))
}

/// One metric of those that differ in unit, temporality, service.
fn merged(mut of: Vec<Metric>) -> Metric {
    of.sort_by_key(|metric| std::cmp::Reverse(metric.points));
    let mut all = of.into_iter();
    let mut whole = all.next().unwrap_or_default();
    for other in all {
        whole.series += other.series;
        whole.points += other.points;
        whole.services.extend(other.services);
        whole.last = whole.last.max(other.last);
        whole.description = whole.description.or(other.description);
        if whole.temporality != other.temporality {
            whole.temporality = Some("mixed".to_owned());
        }
    }
    whole.last = whole.last.trim_start_matches('0').to_owned();
    whole
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MetricKeysParams {
    /// The metric.
    name: String,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
}

/// A value of a key.
#[derive(Debug, Serialize, ToSchema)]
struct Top {
    /// As text.
    value: String,
    /// Points with it.
    count: u64,
}

/// A key that tells series apart.
#[derive(Debug, Serialize, ToSchema)]
struct MetricKey {
    /// The key.
    key: String,
    /// `point`, `resource` or `scope`.
    level: &'static str,
    /// Different values.
    values_count: u64,
    /// The most frequent ones.
    top: Vec<Top>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MetricKeysAnswer {
    /// Of the points first, then of the resource and scope; those with several values first.
    keys: Vec<MetricKey>,
    receipt: Receipts,
}

/// The keys that a metric can be filtered and grouped by
#[utoipa::path(
    get, path = "/api/v1/metrics/keys", tag = "metrics", params(MetricKeysParams),
    responses(
        (status = 200, description = "Keys with their values", body = MetricKeysAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn metric_keys(
    State(api): State<Api>,
    Params(params): Params<MetricKeysParams>,
) -> Result<Json<MetricKeysAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let asking = Asking::new(&api);
    let from = format!(
        "metrics WHERE {} AND name = {} AND {RECORDED}",
        range.sql("time"),
        quoted(&params.name)
    );
    let (found, _) = keys_of(&asking, Table::Metrics, &from, "").await?;
    let found: Vec<KeyCount> = found.into_iter().take(KEYS_MAX).collect();
    let values = values_by_key(&asking, &found, &from).await?;
    let mut keys: Vec<MetricKey> = found
        .into_iter()
        .zip(values)
        .map(|(key, values)| MetricKey {
            key: key.key,
            level: key.level,
            values_count: values.len() as u64,
            top: top(values),
        })
        .collect();
    let places = HashMap::from([("point", 0), ("resource", 1), ("scope", 2)]);
    keys.sort_by(|a, b| {
        let place = |key: &MetricKey| (places.get(key.level).copied(), key.values_count < 2);
        place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
    });
    Ok(Json(MetricKeysAnswer {
        keys,
        receipt: asking.receipt(),
    }))
}

/// Points by value of each of `keys`: read once a series, whose labels do not change.
async fn values_by_key(
    asking: &Asking,
    keys: &[KeyCount],
    from: &str,
) -> Result<Vec<HashMap<String, u64>>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut columns = String::new();
    for key in keys {
        let read = Reading::of(asking.snapshot(), Table::Metrics, &key.key, Some(key.level))?;
        columns += &format!(", max({})", read.value);
    }
    let mut all = vec![HashMap::new(); keys.len()];
    let sql = format!("SELECT count(*){columns} FROM {from} GROUP BY series_id");
    asking
        .fold(sql, |batch| {
            for row in rows(std::slice::from_ref(&batch)) {
                for (index, values) in all.iter_mut().enumerate() {
                    if let Some(value) = row.text(index + 1) {
                        let count: &mut u64 = values.entry(value.to_owned()).or_default();
                        *count += row.count(0);
                    }
                }
            }
        })
        .await?;
    Ok(all)
}

/// The most frequent of `values`.
fn top(values: HashMap<String, u64>) -> Vec<Top> {
    let mut all: Vec<Top> = values
        .into_iter()
        .map(|(value, count)| Top { value, count })
        .collect();
    all.sort_by(|a, b| (b.count, &a.value).cmp(&(a.count, &b.value)));
    all.truncate(TOP_VALUES);
    all
}

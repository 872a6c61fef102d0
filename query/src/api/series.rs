//! `GET metrics/series`: the points of one metric as lines to draw.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, UInt64Type};
use axum::Json;
use axum::extract::State;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Level, Table};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::attributes::Reading;
use super::cells::{Row, rows};
use super::request::{Params, Range, limit, quoted};
use super::selection::Selection;
use super::services::Buckets;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody};
use crate::plan::json_text;
use crate::series::distribution::{Buckets as Shape, Histogram, heatmap};
use crate::series::lines::{Aggregate, HOLD_MAX, Line, Lines, Made, Point, Reading as Read};
use crate::series::steps::Steps;

/// Exemplars of an answer.
const EXEMPLARS_MAX: usize = 200;
/// Keys to group by.
const GROUPS_MAX: usize = 10;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metric_series))
}

/// What lines show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Agg {
    /// Counters: rate. Histograms: p95. Summaries: the quantiles that were sent. Sums of deltas
    /// that may fall: increase. Others: avg.
    #[default]
    Auto,
    /// Mean of the values; of histograms and summaries, of what was measured.
    Avg,
    /// Sum over the series of their means; of counters what they grew by, of histograms and
    /// summaries the sum of what was measured.
    Sum,
    /// Least value; of histograms only with delta temporality.
    Min,
    /// Greatest value; of histograms only with delta temporality.
    Max,
    /// Growth a second.
    Rate,
    /// Growth in the step.
    Increase,
    /// Half of what was measured is at most this.
    P50,
    /// 95 % of what was measured is at most this.
    P95,
    /// 99 % of what was measured is at most this.
    P99,
    /// Points; of histograms and summaries, values measured.
    Count,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeriesParams {
    /// The metric.
    name: String,
    /// Its type, when there are several of one name. Default: that of most points.
    r#type: Option<String>,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Only points of this service.
    service: Option<String>,
    /// Filter of points, as in search.
    q: Option<String>,
    /// `key=value`, repeatable: all keys must fit, one of the values of each.
    #[serde(default)]
    filter: Vec<String>,
    /// A key, repeatable: one line for each combination of values. `*`: one for each series.
    /// Without any, one line in all.
    #[serde(default)]
    group: Vec<String>,
    /// What lines show. Default `auto`.
    #[serde(default)]
    #[param(inline)]
    agg: Agg,
    /// Most steps, 2 to 1000. Default 120.
    steps: Option<u32>,
    /// Lines of the answer, 1 to 500: those of the greatest mean. Default 50.
    limit: Option<u32>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct Series {
    /// What it was grouped by, with values; null where the points have not got the key. The key
    /// `quantile` for those of summaries.
    labels: BTreeMap<String, Option<String>>,
    /// One value a step; null where nothing was measured.
    values: Vec<Option<f64>>,
}

/// Measured values by size and time.
#[derive(Debug, Serialize, ToSchema)]
struct SizesByTime {
    /// Borders of the rows, rising, one more than rows; null for an open end.
    edges: Vec<Option<f64>>,
    /// Counts, row by row, the lowest first, each with one count a step.
    counts: Vec<f64>,
}

/// A measured value with the span that it was measured in.
#[derive(Debug, Serialize, ToSchema)]
struct Exemplar {
    /// Nanoseconds since 1970.
    time: String,
    /// What was measured.
    value: Option<f64>,
    /// In hex.
    trace_id: String,
    /// In hex.
    span_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SeriesAnswer {
    /// The metric.
    name: String,
    /// Its type; null when there is no such metric in the range.
    r#type: Option<String>,
    /// Types of metrics of this name, that of most points first.
    types: Vec<String>,
    /// Unit in UCUM.
    unit: Option<String>,
    /// `delta`, `cumulative`, `unspecified`, or `mixed`.
    temporality: Option<String>,
    /// Whether a sum only rises.
    monotonic: Option<bool>,
    /// What the lines show.
    agg: Agg,
    #[serde(flatten)]
    buckets: Buckets,
    /// Lines, that of the greatest mean first.
    series: Vec<Series>,
    /// Lines in all.
    series_total: u64,
    /// Series of the metric behind them.
    series_read: u64,
    /// Of histograms, over all lines.
    heatmap: Option<SizesByTime>,
    /// At most 200, of the greatest values.
    exemplars: Vec<Exemplar>,
    receipt: Receipts,
}

/// What the metric is.
#[derive(Debug, Default)]
struct About {
    types: Vec<String>,
    r#type: String,
    unit: Option<String>,
    temporality: Option<String>,
    monotonic: Option<bool>,
    /// Whether its points are growth, in the majority.
    delta: bool,
}

/// A metric over time
///
/// Cumulative points become growth between points of a series: restarts and resets count from 0.
/// Growth is spread evenly over the time between points; the values of a gauge hold until the next
/// one, for 5 minutes at most.
#[utoipa::path(
    get, path = "/api/v1/metrics/series", tag = "metrics", params(SeriesParams),
    responses(
        (status = 200, description = "Lines over equal steps", body = SeriesAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn metric_series(
    State(api): State<Api>,
    Params(params): Params<SeriesParams>,
) -> Result<Json<SeriesAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let steps_max = limit("steps", params.steps, 120, 1_000)? as usize;
    let lines_max = limit("limit", params.limit, 50, 500)? as usize;
    let steps = Steps::covering(range.from, range.to, steps_max);
    let asking = Asking::new(&api);
    let read = Range {
        from: steps.start.saturating_sub(HOLD_MAX),
        to: steps.end().saturating_add(HOLD_MAX),
    };
    let whole = Selection::new(&api, Table::Metrics, read, params.q.as_deref())?;
    let condition = condition(asking.snapshot(), &params)?;
    let about = about(
        &asking,
        &format!("{} AND {condition}", whole.sql()),
        &params,
    )
    .await?;
    let agg = chosen(params.agg, &about)?;
    let condition = format!("{condition} AND type = {}", quoted(&about.r#type));
    let shown = Range {
        from: steps.start,
        to: steps.end(),
    };
    let of_range = format!("{} AND {condition}", whole.at(shown).sql());
    let all = format!("{} AND {condition}", whole.sql());
    let groups = Groups::new(asking.snapshot(), &params.group)?;
    let lines = Lines::new(steps, aggregate(agg), read.from, lines_max);
    let (made, exemplars) = futures::try_join!(
        make(&asking, &groups, &all, &about, lines),
        exemplars(&asking, &of_range, shown)
    )?;
    let heat = about
        .r#type
        .contains("histogram")
        .then(|| heat(&made))
        .flatten();
    let series = labelled(&asking, &groups, &all, made.lines).await?;
    Ok(Json(SeriesAnswer {
        name: params.name,
        r#type: Some(about.r#type).filter(|kind| !kind.is_empty()),
        types: about.types,
        unit: about.unit,
        temporality: about.temporality,
        monotonic: about.monotonic,
        agg,
        buckets: steps.into(),
        series,
        series_total: made.lines_count,
        series_read: made.series_count,
        heatmap: heat,
        exemplars,
        receipt: asking.receipt(),
    }))
}

/// SQL for what the parameters want of points, besides their time.
fn condition(snapshot: &Snapshot, params: &SeriesParams) -> Result<String, Error> {
    let mut sql = format!("name = {}", quoted(&params.name));
    if let Some(service) = &params.service {
        sql += &format!(" AND coalesce(service_name, '') = {}", quoted(service));
    }
    let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for filter in &params.filter {
        let Some((key, value)) = filter.split_once('=') else {
            let message = format!("filter is key=value, not {filter:?}");
            return Err(Error::new(Code::BadRequest, message));
        };
        wanted.entry(key).or_default().push(quoted(value));
    }
    for (key, values) in wanted {
        let read = Reading::of(snapshot, Table::Metrics, key, None)?;
        sql += &format!(" AND {} IN ({})", read.value, values.join(", "));
    }
    Ok(sql)
}

async fn about(asking: &Asking, condition: &str, params: &SeriesParams) -> Result<About, Error> {
    let batches = asking
        .rows(format!(
            "SELECT type, unit, temporality, is_monotonic, count(*) FROM metrics WHERE {condition} \
             GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4"
        ))
        .await?;
    let mut about = About::default();
    for row in rows(&batches) {
        let kind = row.string(0);
        if !about.types.contains(&kind) {
            about.types.push(kind);
        }
    }
    let Some(chosen) = params
        .r#type
        .clone()
        .or_else(|| about.types.first().cloned())
    else {
        return Ok(about);
    };
    let mut first = true;
    for row in rows(&batches).filter(|row| row.text(0) == Some(&chosen)) {
        let temporality = row.text(2).map(str::to_owned);
        if first {
            about.unit = row.text(1).map(str::to_owned);
            about.delta = temporality.as_deref() == Some("delta");
            about.temporality = temporality;
            about.monotonic = (chosen == "sum").then(|| row.is_true(3));
            first = false;
        } else if about.temporality != temporality {
            about.temporality = Some("mixed".to_owned());
        }
    }
    about.r#type = chosen;
    Ok(about)
}

/// What is shown of such a metric. Errors: what was asked for cannot be.
fn chosen(agg: Agg, about: &About) -> Result<Agg, Error> {
    let measured = about.r#type.contains("histogram");
    let counter = about.monotonic == Some(true);
    Ok(match (agg, about.r#type.as_str()) {
        (Agg::Auto, _) if counter => Agg::Rate,
        (Agg::Auto, _) if measured => Agg::P95,
        (Agg::Auto, "summary") => Agg::Auto,
        (Agg::Auto, "sum") if about.delta => Agg::Increase,
        (Agg::Auto, _) => Agg::Avg,
        (Agg::P50 | Agg::P95 | Agg::P99, "gauge" | "sum") => {
            let message = format!("a {} has no percentiles", about.r#type);
            return Err(Error::new(Code::BadRequest, message)
                .hint("percentiles are of histograms and summaries; avg, min and max are not"));
        }
        (Agg::Rate | Agg::Increase, "gauge") => {
            let message = "a gauge does not count, so it has no rate";
            return Err(Error::new(Code::BadRequest, message).hint("ask for avg, min, max or sum"));
        }
        (agg, _) => agg,
    })
}

fn aggregate(agg: Agg) -> Aggregate {
    match agg {
        // All quantiles, of a summary.
        Agg::Auto => Aggregate::Quantile(f64::NAN),
        Agg::Avg => Aggregate::Avg,
        Agg::Sum => Aggregate::Sum,
        Agg::Min => Aggregate::Min,
        Agg::Max => Aggregate::Max,
        Agg::Rate => Aggregate::Rate,
        Agg::Increase => Aggregate::Increase,
        Agg::Count => Aggregate::Count,
        Agg::P50 => Aggregate::Quantile(0.5),
        Agg::P95 => Aggregate::Quantile(0.95),
        Agg::P99 => Aggregate::Quantile(0.99),
    }
}

/// What lines are grouped by.
#[derive(Debug)]
struct Groups {
    keys: Vec<String>,
    values: Vec<String>,
    by_series: bool,
}

impl Groups {
    fn new(snapshot: &Snapshot, keys: &[String]) -> Result<Groups, Error> {
        if keys.len() > GROUPS_MAX {
            let message = format!("group by at most {GROUPS_MAX} keys");
            return Err(Error::new(Code::BadRequest, message));
        }
        if keys.iter().any(|key| key == "*") {
            return Ok(Groups {
                keys: Vec::new(),
                values: vec!["CAST(series_id AS VARCHAR)".to_owned()],
                by_series: true,
            });
        }
        let read = |key: &String| Reading::of(snapshot, Table::Metrics, key, None);
        let values = keys.iter().map(|key| read(key).map(|read| read.value));
        Ok(Groups {
            keys: keys.to_vec(),
            values: values.collect::<Result<_, _>>()?,
            by_series: false,
        })
    }
}

type Group = Vec<Option<String>>;

/// Columns of points, in the order in which [`point`] reads them.
const POINT: [&str; 9] = [
    "series_id",
    "CAST(start_time AS BIGINT)",
    "CAST(time AS BIGINT)",
    "coalesce(temporality = 'delta', FALSE)",
    "flags % 2 = 1",
    "coalesce(is_monotonic, FALSE)",
    "value",
    "CAST(count AS DOUBLE)",
    "sum",
];
const EXPLICIT: [&str; 4] = ["min", "max", "bucket_counts", "explicit_bounds"];
const EXPONENTIAL: [&str; 9] = [
    "min",
    "max",
    "scale",
    "zero_count",
    "zero_threshold",
    "positive_offset",
    "positive_bucket_counts",
    "negative_offset",
    "negative_bucket_counts",
];

/// Reads the points that `condition` wants into `lines`.
async fn make(
    asking: &Asking,
    groups: &Groups,
    condition: &str,
    about: &About,
    mut lines: Lines<Group>,
) -> Result<Made<Group>, Error> {
    if about.r#type.is_empty() {
        return Ok(lines.finish());
    }
    let more: &[&str] = match about.r#type.as_str() {
        "histogram" => &EXPLICIT,
        "exponential_histogram" => &EXPONENTIAL,
        "summary" => &["quantiles"],
        _ => &[],
    };
    let named = groups.values.iter().enumerate();
    let mut columns: Vec<String> = named.map(|(i, value)| format!("{value} AS g{i}")).collect();
    let width = columns.len();
    columns.extend(POINT.iter().chain(more).map(ToString::to_string));
    let order: Vec<String> = (0..width).map(|index| format!("g{index}, ")).collect();
    let sql = format!(
        "SELECT {} FROM metrics WHERE {condition} ORDER BY {}series_id, time",
        columns.join(", "),
        order.concat()
    );
    let kind = about.r#type.as_str();
    asking
        .fold(sql, |batch| {
            for row in rows(std::slice::from_ref(&batch)) {
                let group: Group = (0..width).map(|i| row.text(i).map(str::to_owned)).collect();
                if let Some(point) = point(&row, width, kind) {
                    lines.next(&group, point);
                }
            }
        })
        .await?;
    Ok(lines.finish())
}

/// The point of a row whose columns begin at `at`.
fn point(row: &Row<'_>, at: usize, kind: &str) -> Option<Point> {
    let delta = row.is_true(at + 3);
    let measured = || Histogram {
        count: row.double(at + 7).unwrap_or_default() as u64,
        sum: row.double(at + 8).unwrap_or_default(),
        buckets: shape(row, at + POINT.len(), kind),
    };
    let reading = match kind {
        _ if row.is_true(at + 4) => Read::Gone,
        "histogram" | "exponential_histogram" => {
            let extremes = row.double(at + 9).zip(row.double(at + 10));
            Read::Histogram(Box::new(measured()), extremes)
        }
        "summary" => Read::Summary {
            count: row.double(at + 7).unwrap_or_default(),
            sum: row.double(at + 8).unwrap_or_default(),
            quantiles: quantiles(row, at + POINT.len()),
        },
        _ if row.is_true(at + 5) || (delta && kind == "sum") => Read::Counter(row.double(at + 6)?),
        _ => Read::Level(row.double(at + 6)?),
    };
    Some(Point {
        series: row.unsigned(at)?,
        start: row.int(at + 1),
        time: row.int(at + 2)?,
        delta,
        reading,
    })
}

/// The buckets of a histogram; its columns begin at `at`.
fn shape(row: &Row<'_>, at: usize, kind: &str) -> Shape {
    let counts = |column: usize| -> Vec<u64> {
        let list = row.list(column).map(|(list, row)| list.value(row));
        list.map_or_else(Vec::new, |items| {
            items.as_primitive::<UInt64Type>().values().to_vec()
        })
    };
    if kind == "histogram" {
        let bounds = row.list(at + 3).map(|(list, row)| list.value(row));
        return Shape::Explicit {
            bounds: bounds.map_or_else(Vec::new, |items| {
                items.as_primitive::<Float64Type>().values().to_vec()
            }),
            counts: counts(at + 2),
        };
    }
    let small = |column: usize| row.int(column).unwrap_or_default() as i32;
    Histogram::exponential(
        small(at + 2),
        row.unsigned(at + 3).unwrap_or_default(),
        row.double(at + 4).unwrap_or_default(),
        (small(at + 5), &counts(at + 6)),
        (small(at + 7), &counts(at + 8)),
    )
}

fn quantiles(row: &Row<'_>, column: usize) -> Vec<(f64, f64)> {
    let Some((list, row)) = row.list(column) else {
        return Vec::new();
    };
    let items = list.value(row);
    let fields = items.as_struct();
    let of = |name: &str| {
        let array = fields.column_by_name(name)?;
        Some(array.as_primitive::<Float64Type>().clone())
    };
    let (Some(quantiles), Some(values)) = (of("quantile"), of("value")) else {
        return Vec::new();
    };
    let pairs = quantiles.values().iter().zip(values.values().iter());
    pairs.map(|(q, value)| (*q, *value)).collect()
}

/// The heatmap of what was measured.
fn heat(made: &Made<Group>) -> Option<SizesByTime> {
    let (edges, rows) = heatmap(&made.heat)?;
    let finite = |edge: f64| edge.is_finite().then_some(edge);
    Some(SizesByTime {
        edges: edges.into_iter().map(finite).collect(),
        // Shares of steps leave fractions; a millionth of a value is none.
        counts: rows
            .concat()
            .into_iter()
            .map(|n| (n * 1e6).round() / 1e6)
            .collect(),
    })
}

async fn exemplars(asking: &Asking, condition: &str, range: Range) -> Result<Vec<Exemplar>, Error> {
    let sql = format!(
        "SELECT item['time'] AS time, item['value'] AS value, item['trace_id'] AS trace_id, \
         item['span_id'] AS span_id FROM (SELECT unnest(exemplars) AS item FROM metrics WHERE {condition}) \
         WHERE item['trace_id'] IS NOT NULL AND {} GROUP BY 1, 2, 3, 4 \
         ORDER BY value DESC NULLS LAST, time, trace_id LIMIT {EXEMPLARS_MAX}",
        range.sql("item['time']")
    );
    let batches = asking.rows(sql).await?;
    let read = rows(&batches).map(|row| Exemplar {
        time: row.nanos(0).unwrap_or_default(),
        value: row.double(1).filter(|value| value.is_finite()),
        trace_id: row.hex(2).unwrap_or_default(),
        span_id: row.hex(3),
    });
    Ok(read.collect())
}

/// Lines with their labels.
async fn labelled(
    asking: &Asking,
    groups: &Groups,
    condition: &str,
    lines: Vec<Line<Group>>,
) -> Result<Vec<Series>, Error> {
    let by_series = match groups.by_series && !lines.is_empty() {
        true => labels_of_series(asking, condition, &lines).await?,
        false => BTreeMap::new(),
    };
    let labelled = lines.into_iter().map(|line| {
        let mut labels: BTreeMap<String, Option<String>> = match groups.by_series {
            true => {
                let id = line.group.first().cloned().flatten().unwrap_or_default();
                by_series.get(&id).cloned().unwrap_or_default()
            }
            false => groups.keys.iter().cloned().zip(line.group).collect(),
        };
        if let Some(quantile) = line.quantile {
            labels.insert("quantile".to_owned(), Some(quantile.to_string()));
        }
        Series {
            labels,
            values: line.values,
        }
    });
    Ok(labelled.collect())
}

/// Service and attributes of these series, by series id.
async fn labels_of_series(
    asking: &Asking,
    condition: &str,
    lines: &[Line<Group>],
) -> Result<BTreeMap<String, BTreeMap<String, Option<String>>>, Error> {
    let ids: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.group.first()?.as_deref())
        .collect();
    let schemas = asking.snapshot().schemas().clone();
    let promoted: Vec<(&str, &str)> = schemas
        .of(Table::Metrics)
        .columns
        .iter()
        .filter_map(|column| {
            let key = column
                .promoted
                .as_ref()
                .filter(|key| key.level == Level::Record)?;
            Some((column.name.as_str(), key.key.as_str()))
        })
        .collect();
    let columns: Vec<String> = promoted
        .iter()
        .map(|(column, _)| format!(", CAST(max(\"{column}\") AS VARCHAR)"))
        .collect();
    let sql = format!(
        "SELECT CAST(series_id AS VARCHAR) AS id, max(service_name), max(attributes){} \
         FROM metrics WHERE {condition} AND series_id IN ({}) GROUP BY 1",
        columns.concat(),
        ids.join(", ")
    );
    let batches = asking.rows(sql).await?;
    let mut all = BTreeMap::new();
    for row in rows(&batches) {
        let text = |column| row.text(column).map(str::to_owned);
        let mut labels = BTreeMap::new();
        if let Some(service) = text(1) {
            labels.insert("service".to_owned(), Some(service));
        }
        for (key, value) in json_text::members(row.text(2).unwrap_or_default()) {
            let value = json_text::text(value).map(|text| text.into_owned());
            labels.insert(key.into_owned(), value);
        }
        for (index, (_, key)) in promoted.iter().enumerate() {
            if let Some(value) = text(3 + index) {
                labels.insert((*key).to_owned(), Some(value));
            }
        }
        all.insert(row.string(0), labels);
    }
    Ok(all)
}

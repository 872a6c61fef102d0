//! `GET logs/patterns`: which messages are there, when what varies in them is left out.
//!
//! Bodies stream through [`crate::patterns`] and are not kept; then one statement or a few fetch a
//! record of each pattern that is shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use oriel_storage::Snapshot;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Log, columns};
use crate::api::asking::{Asking, Receipts};
use crate::api::cells::rows;
use crate::api::request::{Params, Range, limit, time};
use crate::api::selection::Selection;
use crate::error::Error;
use crate::filter;
use crate::filter::keys::level_sql;
use crate::http::{Api, ErrorBody};
use crate::patterns::{LEVELS, Pattern, Patterns, Record, body_hash};
use crate::series::steps::Steps;

/// Services that are named with a pattern.
const SERVICES_SHOWN: usize = 3;
/// Times that one statement looks for: as many as statistics are compared with.
const TIMES_AT_ONCE: usize = 20;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(log_patterns))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PatternsParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of log records.
    q: Option<String>,
    /// How many patterns, 1 to 1000. Default 100.
    limit: Option<u32>,
    /// Most buckets of the trends, 1 to 200. Default 60.
    buckets: Option<u32>,
    /// Patterns whose first record in the range is not before this are `new`.
    since: Option<String>,
}

/// A service and its records.
#[derive(Debug, Serialize, ToSchema)]
struct PatternService {
    value: String,
    count: u64,
}

/// Records that say the same of different things.
#[derive(Debug, Serialize, ToSchema)]
struct LogPattern {
    /// Follows from `pattern`.
    id: String,
    /// The tokens of the first line; `<*>` stands for what varies.
    pattern: String,
    /// Its records.
    count: u64,
    /// Their share of those that were read, 0 to 1.
    share: f64,
    /// Time of its first record in the range.
    first: String,
    /// Time of its last record in the range.
    last: String,
    /// Whether `first` is not before `since`; null without `since`. What was before the range is not
    /// looked at.
    new: Option<bool>,
    /// Records by level.
    levels: BTreeMap<&'static str, u64>,
    /// The three services with most records.
    services: Vec<PatternService>,
    /// Records by bucket.
    trend: Vec<u32>,
    /// Its last record; null when retention took it away meanwhile.
    sample: Option<Log>,
    /// Filter text that finds its records, and maybe some more; null when it has no constant text.
    q: Option<String>,
}

/// Equal buckets of time.
#[derive(Debug, Serialize, ToSchema)]
struct TrendBuckets {
    /// Start of the first, nanoseconds since 1970.
    from: String,
    /// End of the last.
    to: String,
    /// Nanoseconds of each.
    step_ns: i64,
    /// How many.
    count: usize,
}

#[derive(Debug, Serialize, ToSchema)]
struct PatternsAnswer {
    /// Most records first.
    patterns: Vec<LogPattern>,
    /// Patterns in all.
    patterns_count: usize,
    /// Records that were read.
    read: u64,
    /// Records in the range that satisfy `q`.
    total: u64,
    /// Whether all were read; else the newest `query.pattern_records_max`.
    complete: bool,
    buckets: TrendBuckets,
    /// Records of patterns that are not shown.
    others: u64,
    receipt: Receipts,
}

/// Patterns of log messages
///
/// Numbers, ids, addresses and quoted text are left out of each message, then messages that differ
/// in few words become one pattern. The same records always give the same patterns.
#[utoipa::path(
    get, path = "/api/v1/logs/patterns", tag = "logs", params(PatternsParams),
    responses(
        (status = 200, description = "Patterns with counts and trends", body = PatternsAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn log_patterns(
    State(api): State<Api>,
    Params(params): Params<PatternsParams>,
) -> Result<Json<PatternsAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let shown = limit("limit", params.limit, 100, 1_000)? as usize;
    let buckets = limit("buckets", params.buckets, 60, 200)? as usize;
    let since = params.since.as_deref().map(|text| time("since", text));
    let since = since.transpose()?;
    let logs = Selection::new(&api, Table::Logs, range, params.q.as_deref())?;
    let steps = Steps::covering(range.from, range.to, buckets);
    let asking = Arc::new(Asking::new(&api));
    let records_max = api.engine.config().pattern_records_max as u64;
    // Where more cannot be, all are read once, and counted meanwhile.
    let few = records_within(asking.snapshot(), logs.range) <= records_max;
    let total = match few {
        true => None,
        false => Some(count(&asking, &logs).await?),
    };
    let complete = total.is_none_or(|total| total <= records_max);
    let logs = match complete {
        true => logs,
        false => newest(&asking, &logs, records_max).await?,
    };
    let (asked, read) = (Arc::clone(&asking), logs.clone());
    let clustering = async move { cluster(&asked, &read, steps).await };
    let mut patterns = api.engine.work(clustering).await??;
    let read: u64 = patterns.iter().map(|pattern| pattern.count).sum();
    let patterns_count = patterns.len();
    let others = patterns.iter().skip(shown).map(|pattern| pattern.count);
    let others = others.sum();
    patterns.truncate(shown);
    let mut samples = samples(&asking, &logs, &patterns).await?;
    let patterns = patterns.iter().map(|pattern| {
        let sample = samples.remove(&pattern.sample);
        shape(pattern, read, since, sample)
    });
    Ok(Json(PatternsAnswer {
        patterns: patterns.collect(),
        patterns_count,
        read,
        total: total.unwrap_or(read),
        complete,
        buckets: TrendBuckets {
            from: steps.start.to_string(),
            to: steps.end().to_string(),
            step_ns: steps.step,
            count: steps.count,
        },
        others,
        receipt: asking.receipt(),
    }))
}

/// At most so many records lie in `range`, as far as that is known without reading any.
fn records_within(snapshot: &Snapshot, range: Range) -> u64 {
    let parts = snapshot.parts(Table::Logs).iter();
    let parts = parts.filter(|part| part.time_min.0 <= range.to && part.time_max.0 >= range.from);
    let buffers = snapshot.buffers(Table::Logs).iter();
    let buffered = buffers.map(|batch| batch.rows().num_rows() as u64);
    parts.map(|part| part.rows).sum::<u64>() + buffered.sum::<u64>()
}

async fn count(asking: &Asking, logs: &Selection) -> Result<u64, Error> {
    let sql = format!("SELECT count(*) FROM logs WHERE {}", logs.sql());
    let batches = asking.rows(sql).await?;
    Ok(rows(&batches).next().map_or(0, |row| row.count(0)))
}

/// The last records of `logs`: `count` of them, and what has the time of the first.
async fn newest(asking: &Asking, logs: &Selection, count: u64) -> Result<Selection, Error> {
    let sql = format!(
        "SELECT CAST(min(timestamp) AS BIGINT) FROM (SELECT timestamp FROM logs WHERE {} \
         ORDER BY timestamp DESC LIMIT {count})",
        logs.sql()
    );
    let batches = asking.rows(sql).await?;
    let from = rows(&batches).next().and_then(|row| row.int(0));
    Ok(logs.at(Range {
        from: from.unwrap_or(logs.range.from),
        to: logs.range.to,
    }))
}

async fn cluster(asking: &Asking, logs: &Selection, steps: Steps) -> Result<Vec<Pattern>, Error> {
    let mut patterns = Patterns::new(steps.count);
    let sql = format!(
        "SELECT timestamp, body, {} AS level, service_name FROM logs WHERE {}",
        level_sql(),
        logs.sql()
    );
    let take = |batch| {
        for row in rows(std::slice::from_ref(&batch)) {
            let time = row.int(0).unwrap_or_default();
            patterns.add(Record {
                time,
                body: row.text(1).unwrap_or_default(),
                level: row.text(2).unwrap_or_default(),
                service: row.text(3).unwrap_or_default(),
                bucket: steps.index(time).unwrap_or_default(),
            });
        }
    };
    asking.fold(sql, take).await?;
    Ok(patterns.finish())
}

/// The records that are the samples of `patterns`.
async fn samples(
    asking: &Asking,
    logs: &Selection,
    patterns: &[Pattern],
) -> Result<HashMap<(i64, u64), Log>, Error> {
    let mut times: Vec<i64> = patterns.iter().map(|pattern| pattern.sample.0).collect();
    times.sort_unstable();
    times.dedup();
    let columns = columns(asking.snapshot().schemas().of(Table::Logs));
    let mut found = HashMap::new();
    for times in times.chunks(TIMES_AT_ONCE) {
        let list: Vec<String> = times
            .iter()
            .map(|time| format!("to_timestamp_nanos({time})"))
            .collect();
        let sql = format!(
            "SELECT {columns} FROM logs WHERE {} AND timestamp IN ({}) ORDER BY timestamp, digest",
            logs.sql(),
            list.join(", ")
        );
        let batches = asking.rows(sql).await?;
        for row in rows(&batches) {
            let hash = body_hash(row.text(7).unwrap_or_default());
            found
                .entry((Key::read(&row).time, hash))
                .or_insert_with(|| Log::read(&row));
        }
    }
    Ok(found)
}

fn shape(pattern: &Pattern, read: u64, since: Option<i64>, sample: Option<Log>) -> LogPattern {
    let levels = LEVELS.into_iter().zip(pattern.levels);
    let services = pattern.services().into_iter().take(SERVICES_SHOWN);
    LogPattern {
        id: pattern.id(),
        pattern: pattern.text.clone(),
        count: pattern.count,
        share: pattern.count as f64 / read.max(1) as f64,
        first: pattern.first.to_string(),
        last: pattern.last.to_string(),
        new: since.map(|since| pattern.first >= since),
        levels: levels.filter(|(_, count)| *count > 0).collect(),
        services: services
            .map(|(value, count)| PatternService {
                value: value.to_owned(),
                count,
            })
            .collect(),
        trend: pattern.trend.clone(),
        sample,
        q: filter::holding("body", pattern.pieces()),
    }
}

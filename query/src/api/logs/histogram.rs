//! `GET logs/histogram`: records by time and level.

use axum::Json;
use axum::extract::State;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::asking::{Asking, Receipts};
use crate::api::cells::rows;
use crate::api::request::{Params, Range, limit};
use crate::api::selection::Selection;
use crate::api::services::{Buckets, bucket_sql};
use crate::error::Error;
use crate::filter::keys::level_sql;
use crate::http::{Api, ErrorBody};
use crate::patterns::LEVELS;
use crate::series::steps::Steps;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(histogram))
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

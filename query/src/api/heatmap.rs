//! `search/heatmap`: how long matching traces or spans took, over time; all of them, binned.
//!
//! One scan groups by column and by a fine, fixed grid of durations (200 steps a decade); the rows
//! that are asked for are then multiples of that grid which span the data.

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::response::Response;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::asking::{Asking, Receipts};
use super::cells::rows;
use super::request::{Params, Range};
use super::search::matching_traces;
use super::selection::Selection;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody};

/// Steps of the fine grid in a factor of ten.
const STEPS: i64 = 200;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(heatmap))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HeatmapParams {
    /// First nanosecond of the range, or RFC 3339; default an hour before `to`
    from: Option<String>,
    /// First nanosecond behind the range, or RFC 3339; default now
    to: Option<String>,
    /// Filter text
    q: Option<String>,
    /// Traces or spans; default traces
    #[serde(default)]
    #[param(inline)]
    lens: Lens,
    /// Columns, 60 to 400; default 120
    columns: Option<u32>,
    /// Rows, 10 to 60; default 30
    rows: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Lens {
    #[default]
    Traces,
    Spans,
}

/// Counts by time and duration
#[derive(Debug, Serialize, ToSchema)]
struct Heatmap {
    lens: Lens,
    x: TimeAxis,
    y: DurationAxis,
    /// Row by row, the fastest first; what began before the range is in the first column, what has
    /// no duration in the first row
    counts: Vec<u64>,
    /// Those with errors, likewise
    errors: Vec<u64>,
    /// Sum of the counts
    total: u64,
    receipt: Receipts,
}

#[derive(Debug, Serialize, ToSchema)]
struct TimeAxis {
    /// Nanoseconds
    start: String,
    /// Nanoseconds
    step: i64,
    count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct DurationAxis {
    /// Nanoseconds, one more than rows, evenly spaced by their logarithm
    edges: Vec<u64>,
}

/// Counts matches by time and duration
#[utoipa::path(
    get, path = "/api/v1/search/heatmap", tag = "search", params(HeatmapParams),
    responses(
        (status = 200, description = "Counts", body = Heatmap),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn heatmap(
    State(api): State<Api>,
    Params(asked): Params<HeatmapParams>,
) -> Result<Response, Error> {
    let columns = between("columns", asked.columns.unwrap_or(120), 60, 400)?;
    let rows = between("rows", asked.rows.unwrap_or(30), 10, 60)?;
    let range = Range::parse(asked.from.as_deref(), asked.to.as_deref())?;
    let asking = Asking::new(&api);
    let wanted = Selection::new(&api, Table::Spans, range, asked.q.as_deref())?;
    let (from, start, duration, error) = match asked.lens {
        Lens::Traces => (
            format!("({})", matching_traces(&wanted)),
            "trace_start",
            "trace_duration",
            "trace_errors > 0",
        ),
        Lens::Spans => (
            format!("(SELECT * FROM spans WHERE {})", wanted.sql()),
            "start_time",
            "duration",
            "status_code = 'ERROR'",
        ),
    };
    let (step, count) = range.buckets(columns.into());
    let found = asking
        .rows(format!(
            "SELECT (CAST({start} AS BIGINT) - {}) / {step} AS x, \
             CASE WHEN {duration} > 0 THEN \
             CAST(floor(log10(CAST({duration} AS DOUBLE)) * {STEPS}) AS BIGINT) END AS y, \
             count(*) AS found, count(*) FILTER (WHERE {error}) AS errors \
             FROM {from} GROUP BY 1, 2",
            range.from
        ))
        .await?;
    let mut grid = Grid::new(&found, rows.into(), count);
    grid.fill(&found);
    answer(&Heatmap {
        lens: asked.lens,
        x: TimeAxis {
            start: range.from.to_string(),
            step,
            count,
        },
        y: DurationAxis {
            edges: grid.edges(),
        },
        total: grid.counts.iter().sum(),
        counts: grid.counts,
        errors: grid.errors,
        receipt: asking.receipt(),
    })
}

fn between(name: &str, given: u32, min: u32, max: u32) -> Result<u32, Error> {
    match (min..=max).contains(&given) {
        true => Ok(given),
        false => Err(Error::new(
            Code::BadRequest,
            format!("{name} is a number from {min} to {max}, not {given}"),
        )),
    }
}

/// Rows and columns of counts.
struct Grid {
    /// The least step of the fine grid.
    low: i64,
    /// Steps of the fine grid in a row.
    per_row: i64,
    rows: i64,
    columns: u64,
    counts: Vec<u64>,
    errors: Vec<u64>,
}

impl Grid {
    /// An empty grid that spans the durations of `found`.
    fn new(found: &[RecordBatch], count: i64, columns: u64) -> Grid {
        let steps = || rows(found).filter_map(|row| row.int(1));
        // Without any duration: from a microsecond on.
        let low = steps().min().unwrap_or(3 * STEPS);
        let high = steps().max().unwrap_or(9 * STEPS);
        let cells = count as usize * columns as usize;
        Grid {
            low,
            per_row: (high - low + count) / count,
            rows: count,
            columns,
            counts: vec![0; cells],
            errors: vec![0; cells],
        }
    }

    fn fill(&mut self, found: &[RecordBatch]) {
        for row in rows(found) {
            let column = row.int(0).unwrap_or_default().max(0) as u64;
            let column = column.min(self.columns.saturating_sub(1));
            let step = row
                .int(1)
                .map_or(0, |step| (step - self.low) / self.per_row);
            let at = step.clamp(0, self.rows - 1) as usize * self.columns as usize;
            let at = at + column as usize;
            self.counts[at] += row.count(2);
            self.errors[at] += row.count(3);
        }
    }

    fn edges(&self) -> Vec<u64> {
        (0..=self.rows)
            .map(|row| {
                let step = self.low + row * self.per_row;
                // Conversion saturates.
                10f64.powf(step as f64 / STEPS as f64).round() as u64
            })
            .collect()
    }
}

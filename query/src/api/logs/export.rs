//! `GET logs/export`: all matching records as a file.
//!
//! The range is cut into spans of time with few enough records to sort in memory, by counts taken
//! first; one statement after the other reads one span, all on one snapshot. So memory stays flat,
//! the first bytes come soon, and each statement has the time limit of queries.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use futures::{FutureExt, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Level, Table, TableSchema};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Order, bounds};
use crate::api::asking::Asking;
use crate::api::cells::rows;
use crate::api::request::{Params, Range, quoted};
use crate::api::selection::Selection;
use crate::api::services::bucket_sql;
use crate::error::{Code, Error};
use crate::execute::{Answer, Engine, Piece};
use crate::filter::keys::{Field, builtin, explicit_level, level_sql};
use crate::http::{Api, Binary, ErrorBody};
use crate::receipt::Receipt;
use crate::respond::{Flow, respond};
use crate::result::Format;
use crate::series::steps::Steps;

/// Records that one statement reads, if counts foretell them well.
const RECORDS_AT_ONCE: u64 = 50_000;
/// Spans of time that are counted.
const STEPS_MAX: usize = 1_000;
/// Columns of an export.
const COLUMNS_MAX: usize = 200;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(export))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportParams {
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
    /// `ndjson` (default), `json`, `csv`, `arrow` or `parquet`.
    format: Option<String>,
    /// Names of columns, of built-in keys (`service`, `level`) or of attributes, with commas between.
    /// Default: all columns of `logs`.
    columns: Option<String>,
}

/// All matching log records as a file
///
/// In the formats of `POST /api/v1/sql`, streamed; no limit of rows or bytes. Closing the connection
/// cancels it.
#[utoipa::path(
    get, path = "/api/v1/logs/export", tag = "logs", params(ExportParams),
    responses(
        (status = 200, description = "The records in the format asked for", content(
            (String = "application/x-ndjson"), (Object = "application/json"), (String = "text/csv"),
            (Binary = "application/vnd.apache.arrow.stream"),
            (Binary = "application/vnd.apache.parquet"),
        )),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn export(
    State(api): State<Api>,
    Params(params): Params<ExportParams>,
) -> Result<Response, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let format = Format::choose(Some(params.format.as_deref().unwrap_or("ndjson")), None).map_err(
        |error| Error {
            code: Code::BadRequest,
            ..error
        },
    )?;
    let schema = api.source.schemas.of(Table::Logs);
    let columns = match &params.columns {
        Some(names) => columns(schema, names)?,
        None => "*".to_owned(),
    };
    let logs = Selection::new(&api, Table::Logs, range, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let mut spans = spans(&asking, &logs).await?;
    if params.order == Order::Newest {
        spans = spans.into_iter().rev().collect();
    }
    let mut export = Export {
        engine: Arc::clone(&api.engine),
        snapshot: asking.shared_snapshot(),
        logs,
        order: params.order,
        columns,
        spans,
        current: None,
        receipt: Receipt {
            // The counts are not the client's rows.
            rows_returned: 0,
            ..asking.receipt().receipt
        },
        over: false,
    };
    export.begin().await?;
    let Some(answer) = &export.current else {
        return Err(Error::new(Code::Internal, "an export without statements"));
    };
    let flow = Flow {
        schema: Arc::clone(&answer.schema),
        pieces: futures::stream::unfold(export, |mut export| {
            async move { Some((export.next().await?, export)) }.boxed()
        })
        .boxed(),
        cut: Arc::default(),
    };
    let mut response = respond(flow, format, u64::MAX).await?;
    let name = format!("attachment; filename=\"{}\"", file_name(range, format));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Such as `logs-20261123T060000Z-20261123T070000Z.ndjson`.
fn file_name(range: Range, format: Format) -> String {
    let time = |nanos| chrono::DateTime::from_timestamp_nanos(nanos).format("%Y%m%dT%H%M%SZ");
    let ending = match format {
        Format::Arrow => "arrows",
        other => other.name(),
    };
    format!("logs-{}-{}.{ending}", time(range.from), time(range.to))
}

/// SQL for the columns that `names` names.
///
/// Errors: none, too many, one twice, or one that is no column.
fn columns(schema: &TableSchema, names: &str) -> Result<String, Error> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let bad = |message: String| {
        Error::new(Code::BadRequest, message).hint(
            "write names of columns, built-in keys or attributes: timestamp,level,body,http.route",
        )
    };
    if names.len() > COLUMNS_MAX {
        return Err(bad(format!("more than {COLUMNS_MAX} columns")));
    }
    let mut columns = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(bad("a column without a name".to_owned()));
        }
        if names[..index].contains(name) {
            return Err(bad(format!("column {name:?} is asked for twice")));
        }
        let sql = column(schema, name).ok_or_else(|| bad(format!("{name:?} is no column")))?;
        columns.push(format!("{sql} AS \"{}\"", name.replace('"', "\"\"")));
    }
    Ok(columns.join(", "))
}

/// SQL for the column or key called `name`.
fn column(schema: &TableSchema, name: &str) -> Option<String> {
    if schema.index_of(name).is_some() {
        return Some(format!("\"{}\"", name.replace('"', "\"\"")));
    }
    if let Some(builtin) = builtin(Table::Logs, name) {
        return match builtin.field {
            Field::Text(column) | Field::Id(column, _) => Some(column.to_owned()),
            Field::Severity => Some(level_sql()),
            _ => None,
        };
    }
    Some(attribute(name))
}

/// SQL for the text of the attribute called `name`, with its level or without.
pub(super) fn attribute(name: &str) -> String {
    let read = |level: Level, key: &str| format!("{}[{}]", level.column(), quoted(key));
    match explicit_level(Table::Logs, name) {
        Some((level, key)) => read(level, key),
        None => {
            let levels = [Level::Record, Level::Resource, Level::Scope];
            format!(
                "coalesce({})",
                levels.map(|level| read(level, name)).join(", ")
            )
        }
    }
}

/// Spans of time, oldest first, that cover all records of `logs`; at least one.
async fn spans(asking: &Asking, logs: &Selection) -> Result<VecDeque<Range>, Error> {
    let range = logs.range;
    let whole = VecDeque::from([range]);
    let Some((first, last)) = bounds(asking.snapshot()) else {
        return Ok(whole);
    };
    let (from, to) = (range.from.max(first), range.to.min(last.saturating_add(1)));
    if from >= to {
        return Ok(whole);
    }
    let steps = Steps::covering(from, to, STEPS_MAX);
    let bucket = bucket_sql("timestamp", steps);
    let sql = format!(
        "SELECT {bucket} AS bucket, count(*) FROM logs WHERE {} GROUP BY 1 ORDER BY 1",
        logs.at(Range { from, to }).sql()
    );
    let batches = asking.rows(sql).await?;
    let counts = rows(&batches).map(|row| (row.int(0).unwrap_or_default(), row.count(1)));
    Ok(cut(range, steps, counts))
}

/// `range` cut so that about [`RECORDS_AT_ONCE`] records are in each span: `counts` says how many
/// are in which step, in order.
fn cut(range: Range, steps: Steps, counts: impl Iterator<Item = (i64, u64)>) -> VecDeque<Range> {
    let mut spans = VecDeque::new();
    let (mut from, mut held) = (range.from, 0);
    let mut end = |from: &mut i64, to: i64| {
        if *from < to && to < range.to {
            spans.push_back(Range { from: *from, to });
            *from = to;
        }
    };
    for (step, count) in counts {
        let start = steps.start.saturating_add(steps.step.saturating_mul(step));
        if count.saturating_add(held) > RECORDS_AT_ONCE {
            end(&mut from, start);
            held = 0;
        }
        // A step with very many is cut into equal pieces.
        let pieces = count.div_ceil(RECORDS_AT_ONCE).max(1);
        let pieces = i64::try_from(pieces).unwrap_or(i64::MAX).min(steps.step);
        for piece in 1..pieces {
            end(&mut from, start.saturating_add(steps.step / pieces * piece));
        }
        held += count / pieces.unsigned_abs();
    }
    spans.push_back(Range { from, to: range.to });
    spans
}

/// An export on its way.
struct Export {
    engine: Arc<Engine>,
    snapshot: Arc<Snapshot>,
    logs: Selection,
    order: Order,
    columns: String,
    /// Those that are not begun.
    spans: VecDeque<Range>,
    current: Option<Answer>,
    receipt: Receipt,
    over: bool,
}

impl Export {
    /// Begins the next span, if there is one.
    async fn begin(&mut self) -> Result<(), Error> {
        let Some(span) = self.spans.pop_front() else {
            return Ok(());
        };
        let sql = format!(
            "SELECT {} FROM logs WHERE {} ORDER BY logs.timestamp {}",
            self.columns,
            self.logs.at(span).sql(),
            self.order.sql()
        );
        let snapshot = Arc::clone(&self.snapshot);
        self.current = Some(self.engine.query_whole(snapshot, sql).await?);
        Ok(())
    }

    /// The next rows, or, once, the end.
    async fn next(&mut self) -> Option<Piece> {
        if self.over {
            return None;
        }
        let piece = self.piece().await;
        self.over = !matches!(piece, Piece::Rows(_));
        Some(piece)
    }

    async fn piece(&mut self) -> Piece {
        loop {
            let Some(answer) = &mut self.current else {
                return Piece::End(self.receipt.clone());
            };
            match answer.next().await {
                Some(Piece::End(receipt)) => {
                    self.receipt.absorb(&receipt);
                    self.current = None;
                    if let Err(error) = self.begin().await {
                        return Piece::Failed(error);
                    }
                }
                Some(piece) => return piece,
                None => return Piece::Failed(Error::new(Code::Internal, "the query stopped")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use oriel_storage::schema::Schemas;

    use super::*;

    /// Scenario: no records, few, and many in one step.
    /// Guarantees: the spans follow each other without a gap and are the range; none has many more
    /// records than one statement reads.
    #[test]
    fn spans_cover_the_range() {
        let range = Range {
            from: 5,
            to: 10_000,
        };
        let steps = Steps {
            start: 0,
            step: 1_000,
            count: 10,
        };
        let check = |counts: &[(i64, u64)], want: usize| {
            let spans = cut(range, steps, counts.iter().copied());
            assert_eq!(spans.len(), want, "{spans:?}");
            assert_eq!((spans[0].from, spans[want - 1].to), (5, 10_000));
            let (first, second) = (spans.iter(), spans.iter().skip(1));
            assert!(
                first
                    .zip(second)
                    .all(|(a, b)| a.to == b.from && a.from < a.to)
            );
        };
        check(&[], 1);
        check(&[(0, 10), (9, 30_000)], 1);
        check(&[(0, 30_000), (1, 30_000), (2, 10)], 2);
        check(&[(1, 200_000)], 5);
        check(&[(0, 200_000)], 4);
        check(&[(9, u64::MAX)], 1_001);
    }

    /// Scenario: columns, built-in keys, attributes, quotes, nothing, twins.
    /// Guarantees: each is read under the name it was asked by; what is no column is refused.
    #[test]
    fn columns_are_named_as_asked() {
        let schemas = Schemas::format0();
        let schema = schemas.of(Table::Logs);
        let sql = |names: &str| columns(schema, names);
        assert_eq!(
            sql("timestamp, service").expect("columns"),
            "\"timestamp\" AS \"timestamp\", service_name AS \"service\""
        );
        assert_eq!(
            sql("resource.a'b\"").expect("an attribute"),
            "resource_attributes['a''b\"'] AS \"resource.a'b\"\"\""
        );
        for bad in ["", "a,,b", "a,a", "has", &"x,".repeat(300)] {
            assert_eq!(sql(bad).expect_err("bad").code, Code::BadRequest, "{bad}");
        }
    }
}

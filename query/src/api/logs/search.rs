//! `GET search/logs`: records page by page.
//!
//! A page takes two statements: the first reads only times and finds how far the page reaches, the
//! second reads the records in that time.

use axum::Json;
use axum::extract::State;
use oriel_storage::schema::{Table, TableSchema};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::chosen::Chosen;
use super::{Log, Order, columns};
use crate::api::asking::{Asking, Receipts};
use crate::api::cells::{Row, rows};
use crate::api::request::{Params, Range, cursor, limit, place};
use crate::api::selection::Selection;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody};

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(search))
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
    /// Built-in keys or attributes that each record has in `columns`, with commas between; up to 16.
    columns: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SearchAnswer {
    /// The page.
    logs: Vec<Log>,
    /// Records in the range that satisfy `q`, exactly, when the first page was asked for.
    total: u64,
    /// For the next page; null when this is the last.
    cursor: Option<String>,
    /// The filter as SQL: a statement that finds the same records, to go on from.
    sql: String,
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
    let sql = logs.statement(&format!("timestamp {}", params.order.sql()), limit);
    let asking = Asking::new(&api);
    let counted = async {
        match start.last {
            Some(_) => Ok(start.total),
            None => count(&asking, &logs).await,
        }
    };
    let list = List {
        schema: api.source.schemas.of(Table::Logs),
        chosen: Chosen::parse(params.columns.as_deref())?,
        limit,
    };
    let (total, found) = futures::try_join!(counted, page(&asking, &list, &logs, &start))?;
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
        sql,
        receipt: asking.receipt(),
    }))
}

async fn count(asking: &Asking, logs: &Selection) -> Result<u64, Error> {
    let sql = format!("SELECT count(*) FROM logs WHERE {}", logs.sql());
    let batches = asking.rows(sql).await?;
    Ok(rows(&batches).next().map_or(0, |row| row.count(0)))
}

/// What a page has.
struct List<'a> {
    schema: &'a TableSchema,
    chosen: Chosen,
    limit: u32,
}

/// The records behind `start`, and the last one's place when there are more.
async fn page(
    asking: &Asking,
    list: &List<'_>,
    logs: &Selection,
    start: &Place,
) -> Result<(Vec<Log>, Option<(i64, i64, u64)>), Error> {
    let (ascending, beyond) = match start.order {
        Order::Oldest => (true, ">"),
        Order::Newest => (false, "<"),
    };
    let way = start.order.sql();
    let mut condition = logs.sql();
    let (mut behind, mut skip) = ("TRUE".to_owned(), 0);
    if let Some((time, digest, given)) = start.last {
        condition += &format!(" AND timestamp {beyond}= to_timestamp_nanos({time})");
        behind = format!("(timestamp {beyond} to_timestamp_nanos({time}) OR digest >= {digest})");
        skip = given;
    }
    let wanted = u64::from(list.limit) + 1;
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
        "SELECT * FROM (SELECT {}{} FROM logs WHERE {condition} \
         AND timestamp {before} to_timestamp_nanos({end})) \
         WHERE {behind} ORDER BY timestamp {way}, digest LIMIT {wanted} OFFSET {skip}",
        columns(list.schema),
        list.chosen.sql()
    );
    let batches = asking.rows(sql).await?;
    Ok(cut(rows(&batches), list, start))
}

/// The page, and its last record's place when there is one more.
fn cut<'a>(
    found: impl Iterator<Item = Row<'a>>,
    list: &List<'_>,
    start: &Place,
) -> (Vec<Log>, Option<(i64, i64, u64)>) {
    let mut logs = Vec::new();
    let mut last = start.last;
    for row in found {
        if logs.len() == list.limit as usize {
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
        logs.push(Log::with(&row, &list.chosen));
    }
    (logs, None)
}

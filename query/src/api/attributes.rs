//! `GET attributes/keys`, `attributes/values`: what can be filtered by, counted over all matches.
//!
//! A key is read from its column, if it has one, and from the overflow of its level. Values come in
//! groups from the query and are counted one by one; only the most frequent are kept in memory.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use axum::Json;
use axum::extract::State;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Level, Table, TableSchema, ValueType};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::cells::rows;
use super::request::{Params, Range, limit, quoted};
use super::selection::Selection;
use crate::error::{Code, Error};
use crate::filter::keys::{self, Field, explicit_level, level_sql, record_word};
use crate::http::{Api, ErrorBody};
use crate::plan::attribute_functions::TYPES;

/// Keys of one level that are read; with more, the most frequent are.
const KEYS_READ_MAX: usize = 20_000;
/// Characters of a value in an answer.
const VALUE_CHARS: usize = 1_024;
/// The levels, nearest first.
const LEVELS: [Level; 3] = [Level::Record, Level::Resource, Level::Scope];

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(attribute_keys))
        .routes(routes!(attribute_values))
}

/// Tables with attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Attributed {
    /// Spans.
    Spans,
    /// Log records.
    Logs,
    /// Metric points.
    Metrics,
}

impl From<Attributed> for Table {
    fn from(table: Attributed) -> Table {
        match table {
            Attributed::Spans => Table::Spans,
            Attributed::Logs => Table::Logs,
            Attributed::Metrics => Table::Metrics,
        }
    }
}

/// The word for `level` in answers.
fn level_word(table: Table, level: Level) -> &'static str {
    match level {
        Level::Resource => "resource",
        Level::Scope => "scope",
        _ => record_word(table),
    }
}

fn type_word(value: ValueType) -> &'static str {
    match value {
        ValueType::String => "string",
        ValueType::Int => "int",
        ValueType::Double => "double",
        ValueType::Bool => "bool",
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeysParams {
    /// `spans`, `logs` or `metrics`.
    #[param(inline)]
    table: Attributed,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of the table's rows.
    q: Option<String>,
    /// Only keys that begin so, in any case of letters.
    prefix: Option<String>,
    /// How many keys, 1 to 5000. Default 200.
    limit: Option<u32>,
}

/// A key at one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KeyCount {
    /// The key.
    pub(crate) key: String,
    /// `span`, `log` or `point`; `resource`; `scope`.
    pub(crate) level: &'static str,
    /// Types that its values have.
    pub(crate) types: BTreeSet<&'static str>,
    /// Rows with the key.
    pub(crate) count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct KeysAnswer {
    /// Most frequent first.
    keys: Vec<KeyCount>,
    /// Keys in all, with the prefix.
    keys_count: usize,
    /// Rows in the range that satisfy `q`.
    rows: u64,
    receipt: Receipts,
}

/// Keys of attributes
#[utoipa::path(
    get, path = "/api/v1/attributes/keys", tag = "attributes", params(KeysParams),
    responses(
        (status = 200, description = "Keys of all levels, with the rows that have them", body = KeysAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn attribute_keys(
    State(api): State<Api>,
    Params(params): Params<KeysParams>,
) -> Result<Json<KeysAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let limit = limit("limit", params.limit, 200, 5_000)? as usize;
    let selection = Selection::new(&api, params.table.into(), range, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let from = format!("{} WHERE {}", selection.table, selection.sql());
    let prefix = params.prefix.unwrap_or_default();
    let (mut keys, rows) = keys_of(&asking, selection.table, &from, &prefix).await?;
    let keys_count = keys.len();
    keys.truncate(limit);
    Ok(Json(KeysAnswer {
        keys,
        keys_count,
        rows,
        receipt: asking.receipt(),
    }))
}

/// The keys in the rows of `from` (a table and its WHERE) that begin with `prefix`, most frequent
/// first, and the number of rows.
pub(crate) async fn keys_of(
    asking: &Asking,
    table: Table,
    from: &str,
    prefix: &str,
) -> Result<(Vec<KeyCount>, u64), Error> {
    let prefix = prefix.to_lowercase();
    let schemas = asking.snapshot().schemas().clone();
    let schema = schemas.of(table);
    let overflows = LEVELS.map(|level| overflow_keys(asking, table, level, from, &prefix));
    let [record, resource, scope] = overflows;
    let ((columns, rows), record, resource, scope) =
        futures::try_join!(column_keys(asking, schema, from), record, resource, scope)?;
    let mut all: HashMap<(&'static str, String), KeyCount> = HashMap::new();
    for found in columns
        .into_iter()
        .chain(record)
        .chain(resource)
        .chain(scope)
    {
        if !found.key.to_lowercase().starts_with(&prefix) {
            continue;
        }
        let key = (found.level, found.key.clone());
        match all.get_mut(&key) {
            Some(known) => {
                known.count += found.count;
                known.types.extend(found.types);
            }
            None => {
                all.insert(key, found);
            }
        }
    }
    let mut keys: Vec<KeyCount> = all.into_values().collect();
    keys.sort_by(|a, b| (b.count, &a.key, a.level).cmp(&(a.count, &b.key, b.level)));
    Ok((keys, rows))
}

/// Keys with a column of their own that some row has, and the number of rows.
async fn column_keys(
    asking: &Asking,
    schema: &TableSchema,
    from: &str,
) -> Result<(Vec<KeyCount>, u64), Error> {
    let promoted: Vec<_> = schema
        .columns
        .iter()
        .filter_map(|column| Some((column, column.promoted.as_ref()?)))
        .collect();
    let counts: Vec<String> = promoted
        .iter()
        .map(|(column, _)| format!(", count(\"{}\")", column.name))
        .collect();
    let batches = asking
        .rows(format!("SELECT count(*){} FROM {from}", counts.concat()))
        .await?;
    let Some(row) = rows(&batches).next() else {
        return Ok((Vec::new(), 0));
    };
    let found = promoted.iter().enumerate().filter_map(|(index, (_, key))| {
        let count = row.count(index + 1);
        (count > 0).then(|| KeyCount {
            key: key.key.clone(),
            level: level_word(schema.table, key.level),
            types: BTreeSet::from([type_word(key.value)]),
            count,
        })
    });
    Ok((found.collect(), row.count(0)))
}

/// Keys in the overflow of `level`.
async fn overflow_keys(
    asking: &Asking,
    table: Table,
    level: Level,
    from: &str,
    prefix: &str,
) -> Result<Vec<KeyCount>, Error> {
    let column = level.column();
    // Resources and scopes are few: each of their texts is read once.
    let texts = match level {
        Level::Record => {
            format!("SELECT {column} AS json, 1 AS n FROM {from} AND {column} IS NOT NULL")
        }
        _ => format!(
            "SELECT {column} AS json, count(*) AS n FROM {from} AND {column} IS NOT NULL GROUP BY 1"
        ),
    };
    let wanted = match prefix.is_empty() {
        true => String::new(),
        false => format!(
            " WHERE starts_with(substr(lower(entry), strpos(entry, ':') + 1), {})",
            quoted(prefix)
        ),
    };
    let sql = format!(
        "SELECT entry, sum(n) FROM (SELECT unnest(attribute_keys(json)) AS entry, n FROM ({texts})){wanted} \
         GROUP BY 1 ORDER BY 2 DESC LIMIT {KEYS_READ_MAX}"
    );
    let batches = asking.rows(sql).await?;
    let found = rows(&batches).filter_map(|row| {
        let (letters, key) = row.text(0)?.split_once(':')?;
        let types = TYPES.iter().filter(|(letter, _)| letters.contains(*letter));
        Some(KeyCount {
            key: key.to_owned(),
            level: level_word(table, level),
            types: types.map(|(_, name)| *name).collect(),
            count: row.count(1),
        })
    });
    Ok(found.collect())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ValuesParams {
    /// `spans`, `logs` or `metrics`.
    #[param(inline)]
    table: Attributed,
    /// A key of an attribute, with or without its level in front, or a built-in key such as
    /// `service`, `name`, `kind`, `status`, `level`.
    key: String,
    /// `span`, `log`, `point`, `resource` or `scope`: then `key` is an attribute's as it is.
    level: Option<String>,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of the table's rows.
    q: Option<String>,
    /// Only values that begin so, in any case of letters.
    prefix: Option<String>,
    /// How many values, 1 to 1000. Default 50.
    limit: Option<u32>,
}

/// A value and how often it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ValueCount {
    /// As text; its first 1024 characters.
    pub(crate) value: String,
    /// Its type.
    pub(crate) r#type: String,
    /// Whether `value` is only the beginning.
    pub(crate) cut: bool,
    /// Rows with it.
    pub(crate) count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct ValuesAnswer {
    /// Most frequent first, with the prefix.
    values: Vec<ValueCount>,
    /// Rows in the range that satisfy `q`.
    rows: u64,
    /// Those of them that have the key.
    with_key: u64,
    /// Different values, with their types, in all.
    distinct: u64,
    receipt: Receipts,
}

/// Values of an attribute
///
/// Counted over all matching rows. Of a key that was sent twice in one set, the first value counts.
#[utoipa::path(
    get, path = "/api/v1/attributes/values", tag = "attributes", params(ValuesParams),
    responses(
        (status = 200, description = "The most frequent values", body = ValuesAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn attribute_values(
    State(api): State<Api>,
    Params(params): Params<ValuesParams>,
) -> Result<Json<ValuesAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let limit = limit("limit", params.limit, 50, 1_000)? as usize;
    let selection = Selection::new(&api, params.table.into(), range, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let from = format!("{} WHERE {}", selection.table, selection.sql());
    let read = Reading::of(
        asking.snapshot(),
        selection.table,
        &params.key,
        params.level.as_deref(),
    )?;
    let prefix = params.prefix.unwrap_or_default();
    let counting = async {
        let batches = asking.rows(format!("SELECT count(*) FROM {from}")).await?;
        Ok(rows(&batches).next().map_or(0, |row| row.count(0)))
    };
    let (rows, top) =
        futures::try_join!(counting, values_of(&asking, &read, &from, &prefix, limit))?;
    Ok(Json(ValuesAnswer {
        values: top.values,
        rows,
        with_key: top.with_key,
        distinct: top.distinct,
        receipt: asking.receipt(),
    }))
}

/// The most frequent values.
#[derive(Debug)]
pub(crate) struct TopValues {
    pub(crate) values: Vec<ValueCount>,
    pub(crate) with_key: u64,
    pub(crate) distinct: u64,
}

/// The values of `read` in the rows of `from`.
pub(crate) async fn values_of(
    asking: &Asking,
    read: &Reading,
    from: &str,
    prefix: &str,
    limit: usize,
) -> Result<TopValues, Error> {
    let prefix = prefix.to_lowercase();
    let sql = format!(
        "SELECT value, type, count(*) FROM (SELECT coalesce({}, '') AS value, {} AS type FROM {}) \
         WHERE type IS NOT NULL GROUP BY 1, 2",
        read.value,
        read.kind,
        read.from(from)
    );
    let mut heap: BinaryHeap<(Reverse<u64>, String, String)> = BinaryHeap::new();
    let (mut with_key, mut distinct) = (0, 0);
    asking
        .fold(sql, |batch| {
            for row in rows(std::slice::from_ref(&batch)) {
                let (value, count) = (row.text(0).unwrap_or_default(), row.count(2));
                with_key += count;
                distinct += 1;
                let full = heap.len() == limit;
                let least = heap.peek().map_or(0, |(Reverse(least), ..)| *least);
                if (full && count < least) || !begins(value, &prefix) {
                    continue;
                }
                heap.push((Reverse(count), value.to_owned(), row.string(1)));
                if heap.len() > limit {
                    heap.pop();
                }
            }
        })
        .await?;
    let values = heap
        .into_sorted_vec()
        .into_iter()
        .map(|(Reverse(count), value, r#type)| {
            let cut = value.char_indices().nth(VALUE_CHARS).map(|(at, _)| at);
            ValueCount {
                value: value[..cut.unwrap_or(value.len())].to_owned(),
                r#type,
                cut: cut.is_some(),
                count,
            }
        });
    Ok(TopValues {
        values: values.collect(),
        with_key,
        distinct,
    })
}

/// Whether `value` begins with `prefix`, which is in lower case.
fn begins(value: &str, prefix: &str) -> bool {
    let mut lower = value.chars().flat_map(char::to_lowercase);
    prefix.chars().all(|wanted| lower.next() == Some(wanted))
}

/// How a key is read in SQL.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Its value as text; NULL where a row has not got the key, or has it without a value.
    pub(crate) value: String,
    /// Its type as text; NULL where a row has not got the key.
    pub(crate) kind: String,
    /// A list to unnest as `item` first, for keys inside lists.
    unnest: Option<&'static str>,
}

impl Reading {
    /// How `key` is read: a built-in key, or an attribute of `level`, or of the nearest level that
    /// has it.
    ///
    /// Errors: there is no such level, or the built-in key has too many values to list.
    pub(crate) fn of(
        snapshot: &Snapshot,
        table: Table,
        key: &str,
        level: Option<&str>,
    ) -> Result<Reading, Error> {
        if level.is_none()
            && let Some(builtin) = keys::builtin(table, key)
        {
            return Reading::builtin(builtin);
        }
        let (levels, key) = match level {
            Some(word) => {
                let level = LEVELS
                    .into_iter()
                    .find(|level| level_word(table, *level) == word);
                let Some(level) = level else {
                    let words = LEVELS.map(|level| level_word(table, level)).join(", ");
                    let message = format!("{table} have no level {word:?}");
                    return Err(Error::new(Code::BadRequest, message)
                        .hint(format!("the levels are {words}")));
                };
                (vec![level], key)
            }
            None => match explicit_level(table, key) {
                Some((level, key)) => (vec![level], key),
                None => (LEVELS.to_vec(), key),
            },
        };
        let mut values = Vec::new();
        let mut kinds = String::new();
        let schema = snapshot.schemas().of(table);
        for level in levels {
            let overflow = level.column();
            values.push(format!("{overflow}[{}]", quoted(key)));
            let column = schema
                .promoted(level, key)
                .map(|index| &schema.columns[index]);
            if let Some(column) = column
                && let Some(promoted) = &column.promoted
            {
                let word = type_word(promoted.value);
                kinds += &format!(" WHEN \"{}\" IS NOT NULL THEN '{word}'", column.name);
            }
            if column.is_none_or(|column| may_stray(snapshot, table, &column.name)) {
                let kind = format!("attribute_type({overflow}, {})", quoted(key));
                kinds += &format!(" WHEN {kind} IS NOT NULL THEN {kind}");
            }
        }
        Ok(Reading {
            value: match values.len() {
                1 => values.concat(),
                _ => format!("coalesce({})", values.join(", ")),
            },
            kind: format!("CASE{kinds} END"),
            unnest: None,
        })
    }

    fn builtin(key: &keys::Builtin) -> Result<Reading, Error> {
        let text = |value: String, kind: String| Reading {
            value,
            kind,
            unnest: None,
        };
        let present = |column: &str| format!("CASE WHEN {column} IS NOT NULL THEN 'string' END");
        Ok(match key.field {
            Field::Text(_) | Field::Word(_) if key.whole_trace => return Err(not_listed(key)),
            Field::Text(column) => text(column.to_owned(), present(column)),
            Field::Word(column) => text(format!("lower({column})"), present(column)),
            Field::Severity => text(level_sql(), "'string'".to_owned()),
            Field::EventName => Reading {
                value: "item['name']".to_owned(),
                kind: "'string'".to_owned(),
                unnest: Some("events"),
            },
            _ => return Err(not_listed(key)),
        })
    }

    fn from(&self, from: &str) -> String {
        match self.unnest {
            Some(list) => format!("(SELECT unnest({list}) AS item FROM {from})"),
            None => from.to_owned(),
        }
    }
}

fn not_listed(key: &keys::Builtin) -> Error {
    let message = format!("the values of {} are not listed", key.names[0]);
    Error::new(Code::BadRequest, message).hint(key.doc)
}

/// Whether some row may keep the key of `column` in its overflow.
fn may_stray(snapshot: &Snapshot, table: Table, column: &str) -> bool {
    let index = snapshot.schemas().of(table).index_of(column);
    let in_parts = snapshot.parts(table).iter().any(|part| {
        part.strays.contains(column)
            || index.is_some_and(|index| index >= part.columns_count as usize)
    });
    in_parts
        || snapshot
            .buffers(table)
            .iter()
            .any(|batch| batch.strays().contains(column))
}

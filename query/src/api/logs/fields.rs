//! `GET logs/fields`: the fields and attributes of all matching records, with their values.
//!
//! One statement reads every column with attributes; the rows are counted as they come. Memory is
//! bounded: see [`crate::tally`] for values, [`KEYS_MAX`] for keys.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use axum::Json;
use axum::extract::State;
use oriel_storage::schema::{Level, Table, TableSchema, ValueType};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use xxhash_rust::xxh3::xxh3_128;

use crate::api::asking::{Asking, Receipts};
use crate::api::request::{Params, Range, limit};
use crate::api::selection::Selection;
use crate::error::Error;
use crate::filter;
use crate::filter::keys::{builtin, explicit_level, level_sql};
use crate::http::{Api, ErrorBody};
use crate::plan::attribute_functions::{TYPES, entries};
use crate::tally::Tally;

/// Keys that are counted; those that come first.
const KEYS_MAX: usize = 2_000;
/// Memory of counts; beyond it all of them become estimates.
const BYTES_MAX: usize = 64 << 20;
/// Texts of resources and scopes that are counted before they are taken apart.
const TEXTS_MAX: usize = 4_096;
/// The built-in fields, as SQL and as the filter language have them.
const BUILTINS: [&str; 4] = ["service", "level", "scope", "event"];
/// The columns with what has none of its own.
const OVERFLOWS: [Level; 3] = [Level::Record, Level::Resource, Level::Scope];

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(fields))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FieldsParams {
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
    /// Filter of log records.
    q: Option<String>,
    /// How many fields, 1 to 2000. Default 200.
    limit: Option<u32>,
    /// How many values of each, 1 to 100. Default 5.
    top: Option<u32>,
}

/// A frequent value of a field.
#[derive(Debug, Serialize, ToSchema)]
struct FieldValue {
    /// As text; its first 256 characters.
    value: String,
    /// Its type.
    r#type: &'static str,
    /// Whether `value` is only the beginning.
    cut: bool,
    /// Records with it: exactly, or at least so many (`top_exact`).
    count: u64,
    /// Filter text that keeps records with it; null for a value that is cut, and for null.
    keep: Option<String>,
    /// Filter text that leaves them out.
    drop: Option<String>,
}

/// A field or an attribute.
#[derive(Debug, Serialize, ToSchema)]
struct FieldStats {
    /// As the filter language calls it.
    key: String,
    /// `field` (built in), `log`, `resource` or `scope`.
    level: &'static str,
    /// The type that most of its values have.
    r#type: &'static str,
    /// Records that have it.
    present: u64,
    /// Different values.
    distinct: u64,
    /// Whether `distinct` is exact; it is estimated (about 2 % off) beyond 10,000.
    distinct_exact: bool,
    /// The most frequent values.
    top: Vec<FieldValue>,
    /// Whether `top` is exact; else counts are lower bounds, and values of about equal frequency may
    /// be missing.
    top_exact: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct FieldsAnswer {
    /// Records in the range that satisfy `q`: all are counted.
    total: u64,
    /// Built-in fields, then attributes, those that most records have first.
    fields: Vec<FieldStats>,
    /// Fields in all.
    fields_count: usize,
    /// Whether all keys were counted; false when there were more than 2,000 of one level.
    complete: bool,
    receipt: Receipts,
}

/// Fields of log records
///
/// Counted over all matching records, not over a sample.
#[utoipa::path(
    get, path = "/api/v1/logs/fields", tag = "logs", params(FieldsParams),
    responses(
        (status = 200, description = "Fields with their values", body = FieldsAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn fields(
    State(api): State<Api>,
    Params(params): Params<FieldsParams>,
) -> Result<Json<FieldsAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let fields_max = limit("limit", params.limit, 200, KEYS_MAX as u32)? as usize;
    let top = limit("top", params.top, 5, 100)? as usize;
    let logs = Selection::new(&api, Table::Logs, range, params.q.as_deref())?;
    let schema = Arc::clone(api.source.schemas.of(Table::Logs));
    let asking = Arc::new(Asking::new(&api));
    let asked = Arc::clone(&asking);
    let counting = async move {
        let mut counting = Counting::new(&schema);
        let sql = counting.sql(&logs);
        asked.fold(sql, |batch| counting.add(&batch)).await?;
        counting.finish();
        Ok::<_, Error>(counting)
    };
    let counting = api.engine.work(counting).await??;
    let mut fields = counting.fields(top);
    let fields_count = fields.len();
    fields.truncate(fields_max);
    Ok(Json(FieldsAnswer {
        total: counting.total,
        fields,
        fields_count,
        complete: counting.complete,
        receipt: asking.receipt(),
    }))
}

/// A column with values of one key.
struct KeyColumn {
    sql: String,
    field: usize,
    /// The letter of its values' type.
    kind: char,
}

/// Counts of one field.
struct Field {
    /// `None` for a built-in field.
    level: Option<Level>,
    key: String,
    tally: Tally,
    /// Values by type, in the order of [`TYPES`].
    kinds: [u64; TYPES.len()],
}

impl Field {
    fn new(level: Option<Level>, key: &str) -> Field {
        Field {
            level,
            key: key.to_owned(),
            tally: Tally::default(),
            kinds: [0; TYPES.len()],
        }
    }

    fn add(&mut self, value: &str, kind: char, times: u64) {
        if let Some(index) = TYPES.iter().position(|(letter, _)| *letter == kind) {
            self.kinds[index] += times;
        }
        self.tally.add(value, kind, times);
    }
}

/// The counts of an answer, while its rows come.
struct Counting {
    columns: Vec<KeyColumn>,
    fields: Vec<Field>,
    /// Places in `fields` of keys by level, in the order of [`OVERFLOWS`].
    places: [HashMap<String, usize>; OVERFLOWS.len()],
    /// Texts of resources and scopes with the records that have them, not yet taken apart.
    texts: [HashMap<u128, (String, u64)>; OVERFLOWS.len()],
    total: u64,
    bytes: usize,
    complete: bool,
}

impl Counting {
    fn new(schema: &TableSchema) -> Counting {
        let mut counting = Counting {
            columns: Vec::new(),
            fields: Vec::new(),
            places: Default::default(),
            texts: Default::default(),
            total: 0,
            bytes: 0,
            complete: true,
        };
        let sql = ["service_name", &level_sql(), "scope_name", "event_name"];
        for (field, (key, sql)) in BUILTINS.iter().zip(sql).enumerate() {
            counting.fields.push(Field::new(None, key));
            counting.columns.push(KeyColumn {
                sql: sql.to_owned(),
                field,
                kind: 's',
            });
        }
        for column in &schema.columns {
            let Some(promoted) = &column.promoted else {
                continue;
            };
            let level = OVERFLOWS.iter().position(|level| *level == promoted.level);
            // The service is a field of its own already.
            let (Some(level), false) = (level, column.name == "service_name") else {
                continue;
            };
            if let Some(field) = counting.place(level, &promoted.key) {
                counting.columns.push(KeyColumn {
                    sql: format!("\"{}\"", column.name),
                    field,
                    kind: match promoted.value {
                        ValueType::String => 's',
                        ValueType::Int => 'i',
                        ValueType::Double => 'd',
                        ValueType::Bool => 'b',
                    },
                });
            }
        }
        counting
    }

    /// The statement whose rows are to be added.
    fn sql(&self, logs: &Selection) -> String {
        let columns = self.columns.iter().map(|column| column.sql.clone());
        let overflows = OVERFLOWS.iter().map(|level| level.column().to_owned());
        let columns: Vec<String> = columns
            .chain(overflows)
            .enumerate()
            .map(|(index, sql)| format!("{sql} AS f{index}"))
            .collect();
        format!(
            "SELECT {} FROM logs WHERE {}",
            columns.join(", "),
            logs.sql()
        )
    }

    /// The field of `key` at a level of [`OVERFLOWS`]; `None` when there are too many.
    fn place(&mut self, level: usize, key: &str) -> Option<usize> {
        if let Some(place) = self.places[level].get(key) {
            return Some(*place);
        }
        if self.places[level].len() == KEYS_MAX {
            self.complete = false;
            return None;
        }
        let place = self.fields.len();
        self.fields.push(Field::new(Some(OVERFLOWS[level]), key));
        self.places[level].insert(key.to_owned(), place);
        Some(place)
    }

    fn add(&mut self, batch: &RecordBatch) {
        self.total += batch.num_rows() as u64;
        let (values, overflows) = batch.columns().split_at(self.columns.len());
        for (column, array) in self.columns.iter().zip(values) {
            let field = &mut self.fields[column.field];
            runs(array, |value, times| field.add(value, column.kind, times));
        }
        for (level, array) in overflows.iter().enumerate() {
            runs(array, |text, times| self.overflow(level, text, times));
        }
        self.bytes = self.fields.iter().map(|field| field.tally.bytes()).sum();
        if self.bytes > BYTES_MAX {
            for field in &mut self.fields {
                field.tally.shrink();
            }
        }
    }

    /// Counts the attributes in the overflow `text` of `times` records.
    fn overflow(&mut self, level: usize, text: &str, times: u64) {
        // Records have texts of their own, while resources and scopes have few.
        if OVERFLOWS[level] == Level::Record {
            return self.attributes(level, text, times);
        }
        let hash = xxh3_128(text.as_bytes());
        if let Some((_, count)) = self.texts[level].get_mut(&hash) {
            *count += times;
        } else if self.texts[level].len() < TEXTS_MAX {
            self.texts[level].insert(hash, (text.to_owned(), times));
        } else {
            self.attributes(level, text, times);
        }
    }

    fn attributes(&mut self, level: usize, text: &str, times: u64) {
        for (key, kind, value) in entries(text) {
            if let Some(place) = self.place(level, &key) {
                let value = value.unwrap_or_default();
                self.fields[place].add(&value, kind, times);
            }
        }
    }

    /// All rows are there.
    fn finish(&mut self) {
        for level in 0..OVERFLOWS.len() {
            for (text, times) in std::mem::take(&mut self.texts[level]).into_values() {
                self.attributes(level, &text, times);
            }
        }
    }

    /// The fields that occur, in the order of the answer.
    fn fields(&self, top: usize) -> Vec<FieldStats> {
        let mut found: Vec<&Field> = self.fields.iter().collect();
        found.retain(|field| field.tally.present() > 0);
        // Sorting keeps the order of the built-in ones.
        found.sort_by(|a, b| {
            let rank = |field: &Field| match field.level {
                None => (false, 0),
                Some(_) => (true, u64::MAX - field.tally.present()),
            };
            let names = || match a.level {
                None => std::cmp::Ordering::Equal,
                Some(_) => (&a.key, a.level.map(word)).cmp(&(&b.key, b.level.map(word))),
            };
            rank(a).cmp(&rank(b)).then_with(names)
        });
        found
            .into_iter()
            .map(|field| self.stats(field, top))
            .collect()
    }

    fn stats(&self, field: &Field, top: usize) -> FieldStats {
        let (distinct, distinct_exact) = field.tally.distinct();
        let (values, top_exact) = field.tally.top(top);
        let key = self.name(field);
        let most = field
            .kinds
            .iter()
            .enumerate()
            .max_by_key(|(_, count)| **count);
        let values = values.into_iter().map(|value| {
            // No text finds a value that is null.
            let found = !value.cut && value.kind != 'n';
            let text = !matches!(value.kind, 'i' | 'd' | 'b');
            let keep = found.then(|| filter::term(&key, &value.value, text));
            FieldValue {
                value: value.value.into_string(),
                r#type: type_name(value.kind),
                cut: value.cut,
                count: value.count,
                drop: keep.as_ref().map(|keep| format!("-{keep}")),
                keep,
            }
        });
        FieldStats {
            top: values.collect(),
            level: field.level.map_or("field", word),
            r#type: most.map_or("null", |(index, _)| TYPES[index].1),
            present: field.tally.present(),
            distinct,
            distinct_exact,
            top_exact,
            key,
        }
    }

    /// What the filter language calls `field`: with its level where it would mean something else
    /// without.
    fn name(&self, field: &Field) -> String {
        let key = &field.key;
        let Some(level) = field.level else {
            return key.clone();
        };
        let levels = self.places.iter().filter(|places| {
            let place = places.get(key);
            place.is_some_and(|place| self.fields[*place].tally.present() > 0)
        });
        let taken =
            builtin(Table::Logs, key).is_some() || explicit_level(Table::Logs, key).is_some();
        match taken || levels.count() > 1 {
            true => format!("{}.{key}", word(level)),
            false => key.clone(),
        }
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Resource => "resource",
        Level::Scope => "scope",
        _ => "log",
    }
}

fn type_name(kind: char) -> &'static str {
    let known = TYPES.iter().find(|(letter, _)| *letter == kind);
    known.map_or("null", |(_, name)| name)
}

/// Calls `put` with the values of `array` as text, runs of equal ones together.
fn runs(array: &ArrayRef, mut put: impl FnMut(&str, u64)) {
    let Ok(texts) = cast(array, &DataType::Utf8View) else {
        return;
    };
    let texts = texts.as_string_view();
    if texts.null_count() == texts.len() {
        return;
    }
    let mut run: Option<(&str, u64)> = None;
    for text in texts.iter().flatten() {
        match &mut run {
            Some((last, times)) if *last == text => *times += 1,
            _ => {
                if let Some((last, times)) = run.replace((text, 1)) {
                    put(last, times);
                }
            }
        }
    }
    if let Some((last, times)) = run {
        put(last, times);
    }
}

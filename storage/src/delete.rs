//! Deletion of rows that meet a selection: parts are written anew without them.
//!
//! 1. Parts whose statistics exclude the selection are not read.
//! 2. A part with selected rows is read, and its other rows are written to a new part.
//! 3. Where spans go, the summaries of their day are made anew from the spans that stay.
//! 4. One commit takes the old parts out and the new ones in. Old files go once no snapshot in the
//!    catalog (`unlink_grace`) and no running query names them; the log's copy of the rows goes when
//!    its segments are reused or removed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use oriel_proto::UnixNanos;
use serde::Serialize;
use serde_json::Value;

use crate::batch::text_at;
use crate::flush::remove_parts;
use crate::part::order::ints;
use crate::part::reader::{PartFile, verify};
use crate::part::writer::{PartContext, PartSpec, PartWriter};
use crate::schema::{Level, Table, TableSchema};
use crate::{Error, PartMeta, Result, StatValue, TenantId};

mod step;

/// Which rows to delete: those that meet every condition that is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Of these tables; empty means spans, logs and metrics. Trace summaries follow the spans.
    pub tables: Vec<Table>,
    /// Of this service.
    pub service: Option<String>,
    /// With all of these attributes.
    pub attributes: Vec<AttributeIs>,
    /// Not before this time: start of a span, timestamp of a log record, time of a data point.
    pub from: Option<UnixNanos>,
    /// Before this time.
    pub to: Option<UnixNanos>,
    /// Of this trace.
    pub trace_id: Option<[u8; 16]>,
}

/// An attribute and its value as text: numbers and booleans are compared by their text, and of a key
/// that was sent twice either value may be it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeIs {
    /// Whose attribute; `None`: of the resource, the scope or the record.
    pub level: Option<Level>,
    /// Its key, as sent.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What a deletion has done, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// About how many bytes of files they take.
    pub bytes: u64,
    /// Parts that hold such rows: they are written anew, or go when nothing is left in them.
    pub parts: u64,
    /// Bytes of those parts.
    pub part_bytes: u64,
    /// Damaged parts, which could not be looked at: they may hold such rows, too.
    pub damaged_parts: Vec<String>,
}

/// How far a deletion is, for whoever waits for it. Both figures grow.
#[derive(Debug, Default)]
pub struct DeleteProgress {
    total: AtomicU64,
    done: AtomicU64,
}

impl DeleteProgress {
    /// Bytes of parts that were read or written anew so far.
    pub fn bytes_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes that are to be; more are known once all rows were counted.
    pub fn bytes(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Selection {
    /// Errors: `Invalid` when nothing is set, which would be everything, or the range is empty.
    pub(crate) fn check(&self) -> Result<()> {
        let all = self.service.is_none()
            && self.attributes.is_empty()
            && self.from.is_none()
            && self.to.is_none()
            && self.trace_id.is_none();
        if all {
            return Err(Error::Invalid(
                "a deletion needs at least one condition: a service, an attribute, a time or a trace"
                    .to_owned(),
            ));
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Error::Invalid(format!(
                "the range is empty: from ({}) is not before to ({})",
                from.0, to.0
            )));
        }
        Ok(())
    }

    /// Whether `part` may hold rows of it, by its table, times and statistics.
    pub(crate) fn may_hold(&self, tenant: &TenantId, part: &PartMeta) -> bool {
        let table = match self.tables.is_empty() {
            true => part.table != Table::Traces,
            false => self.tables.contains(&part.table) && part.table != Table::Traces,
        };
        let service = self.service.as_ref().is_none_or(|service| {
            let stats = part.stats.iter().find(|s| s.column == "service_name");
            stats.is_none_or(|stats| {
                let text = |bound: &Option<StatValue>| match bound {
                    Some(StatValue::Text(text)) => Some(text.clone()),
                    _ => None,
                };
                stats.value_count > 0
                    && text(&stats.min).is_none_or(|min| *service >= min)
                    && text(&stats.max).is_none_or(|max| *service <= max)
            })
        });
        table
            && service
            && part.tenant == *tenant
            && self.from.is_none_or(|from| part.time_max >= from)
            && self.ends_behind(part.time_min.0)
    }

    /// Whether `time` lies before the end; the end of time is included, as in queries.
    fn ends_behind(&self, time: i64) -> bool {
        self.to.is_none_or(|to| time < to.0 || to.0 == i64::MAX)
    }

    /// Which of `rows`, in the current schema of their table, are selected.
    pub(crate) fn matches(&self, schema: &TableSchema, rows: &RecordBatch) -> Vec<bool> {
        let column = |name: &str| schema.index_of(name).map(|at| rows.column(at));
        let mut hit = vec![true; rows.num_rows()];
        if let Some(times) = column(schema.time_column) {
            let from = self.from.unwrap_or(UnixNanos(i64::MIN));
            for (hit, time) in hit.iter_mut().zip(ints(times).iter()) {
                *hit = *time >= from.0 && self.ends_behind(*time);
            }
        }
        if let Some(id) = &self.trace_id {
            let ids = column("trace_id").map(|ids| ids.as_binary::<i32>());
            keep(&mut hit, |row| {
                ids.is_some_and(|ids| ids.is_valid(row) && ids.value(row) == id)
            });
        }
        if let Some(service) = &self.service {
            let names = column("service_name").map(|names| names.as_string::<i32>());
            keep(&mut hit, |row| {
                names.is_some_and(|names| names.is_valid(row) && names.value(row) == service)
            });
        }
        for wanted in &self.attributes {
            let places: Vec<_> = [Level::Resource, Level::Scope, Level::Record]
                .into_iter()
                .filter(|level| wanted.level.is_none_or(|of| of == *level))
                .map(|level| Place::of(schema, rows, level, &wanted.key))
                .collect();
            keep(&mut hit, |row| {
                places
                    .iter()
                    .any(|place| place.is(row, &wanted.key, &wanted.value))
            });
        }
        hit
    }
}

/// Keeps what `is` says of the rows that are still in.
fn keep(hit: &mut [bool], is: impl Fn(usize) -> bool) {
    for (row, hit) in hit.iter_mut().enumerate() {
        *hit = *hit && is(row);
    }
}

/// Where the values of a key at one level stand.
struct Place<'a> {
    promoted: Option<&'a Arc<dyn Array>>,
    overflow: Option<&'a Arc<dyn Array>>,
}

impl<'a> Place<'a> {
    fn of(schema: &TableSchema, rows: &'a RecordBatch, level: Level, key: &str) -> Self {
        let promoted = schema.promoted(level, key).map(|at| rows.column(at));
        let overflow = schema.index_of(level.column()).map(|at| rows.column(at));
        Place { promoted, overflow }
    }

    fn is(&self, row: usize, key: &str, value: &str) -> bool {
        let promoted = self.promoted.filter(|column| column.is_valid(row));
        if promoted.is_some_and(|column| has_text(column, row, value)) {
            return true;
        }
        let Some(text) = self.overflow.and_then(|column| text_at(column, row)) else {
            return false;
        };
        let Ok(Value::Object(set)) = serde_json::from_str(text) else {
            return false;
        };
        let key = match key.starts_with('$') {
            true => format!("${key}"),
            false => key.to_owned(),
        };
        set.get(&key).is_some_and(|found| same(found, value))
    }
}

/// Whether the value of a promoted column has this text.
fn has_text(column: &Arc<dyn Array>, row: usize, text: &str) -> bool {
    match column.data_type() {
        DataType::Utf8 | DataType::Utf8View => text_at(column, row) == Some(text),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string() == text,
        DataType::Float64 => {
            // As in the overflow: 2 as well as 2.0.
            let value = column.as_primitive::<Float64Type>().value(row);
            value.to_string() == text || same(&Value::from(value), text)
        }
        DataType::Boolean => column.as_boolean().value(row).to_string() == text,
        _ => false,
    }
}

/// Whether an encoded attribute value has this text.
fn same(found: &Value, text: &str) -> bool {
    match found {
        Value::String(found) => found == text,
        Value::Bool(found) => found.to_string() == text,
        Value::Number(found) => {
            found.to_string() == text
                || found.as_f64().map(|f| f.to_string()).as_deref() == Some(text)
        }
        Value::Object(found) => match found.iter().next() {
            Some((mark, Value::Array(values))) if mark == "$dup" => {
                values.iter().any(|value| same(value, text))
            }
            Some((mark, Value::String(value))) if mark == "$int" || mark == "$double" => {
                value == text
            }
            _ => false,
        },
        Value::Null | Value::Array(_) => false,
    }
}

/// How many rows of `part` are selected; reads all of it.
///
/// Errors: `Corrupt`.
pub(crate) fn count(ctx: &PartContext, selection: &Selection, part: &PartMeta) -> Result<u64> {
    verify(&ctx.objects, part)?;
    let schema = ctx.schemas.of(part.table);
    let mut count = 0;
    for rows in PartFile::open(&ctx.objects, part, schema)?.rows_within(ctx.batch_bytes()) {
        let hit = selection.matches(schema, &rows?);
        count += hit.into_iter().filter(|hit| *hit).count() as u64;
    }
    Ok(count)
}

/// Writes the rows of `part` that are not selected, `selected` less than it has, as a new part;
/// `None` when none is left.
///
/// Errors: `Corrupt`, also when the counts do not add up; nothing is left then.
pub(crate) fn rewrite(
    ctx: &PartContext,
    selection: &Selection,
    part: &PartMeta,
    selected: u64,
) -> Result<Option<PartMeta>> {
    if selected == part.rows {
        return Ok(None);
    }
    // It was counted a while ago.
    verify(&ctx.objects, part)?;
    let schema = ctx.schemas.of(part.table);
    let mut strays = part.strays.clone();
    // A promoted column that the file lacks may have values in the overflow.
    let lacking = schema.columns.iter().skip(part.columns_count as usize);
    let lacking = lacking.filter(|column| column.promoted.is_some());
    strays.extend(lacking.map(|column| column.name.clone()));
    let spec = PartSpec {
        tenant: part.tenant.clone(),
        table: part.table,
        day: part.day,
        odd: part.odd,
        level: part.level,
        strays,
    };
    let mut writer = PartWriter::create(ctx, spec)?;
    writer.expect_rows(ctx, part.rows - selected);
    for rows in PartFile::open(&ctx.objects, part, schema)?.rows_within(ctx.batch_bytes()) {
        let rows = rows?;
        let stays: Vec<bool> = selection
            .matches(schema, &rows)
            .iter()
            .map(|hit| !hit)
            .collect();
        let rows = filter_record_batch(&rows, &BooleanArray::from(stays)).map_err(|source| {
            Error::Arrow {
                action: "leaving out deleted rows",
                source,
            }
        })?;
        if rows.num_rows() > 0 {
            writer.write(&rows)?;
        }
    }
    let written = writer.finish()?;
    let checked = if written.rows + selected == part.rows {
        // The old part goes for this: it must be on disk as it was written.
        verify(&ctx.objects, &written)
    } else {
        Err(Error::Corrupt {
            what: format!("part {}", part.path),
            detail: format!(
                "{} rows left and {selected} deleted do not make {}",
                written.rows, part.rows
            ),
        })
    };
    checked.inspect_err(|_| remove_parts(ctx, std::slice::from_ref(&written)))?;
    Ok(Some(written))
}

#[cfg(test)]
mod tests;

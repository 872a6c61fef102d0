//! Statistics of a part, taken from its rows while they are written.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, max_string_view, min, min_string, min_string_view};
use arrow::datatypes::{
    DataType, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt32Type,
};

use super::{ColumnStats, StatValue};
use crate::schema::TableSchema;
use crate::{Error, Result};

/// Texts longer than this are no statistic.
const TEXT_BYTES_MAX: usize = 256;

/// Counts, least and greatest values so far.
#[derive(Debug)]
pub(super) struct Tally {
    rows: u64,
    time_column: usize,
    times: Option<(i64, i64)>,
    columns: Vec<(usize, ColumnStats)>,
}

impl Tally {
    /// For the columns that `schema` marks with `file_stats`.
    pub(super) fn new(schema: &TableSchema) -> Self {
        let columns = schema
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.file_stats)
            .map(|(at, column)| {
                let stats = ColumnStats {
                    column: column.name.clone(),
                    value_count: 0,
                    null_count: 0,
                    min: None,
                    max: None,
                };
                (at, stats)
            })
            .collect();
        Tally {
            rows: 0,
            time_column: schema
                .index_of(schema.time_column)
                .expect("the time column is a column"),
            times: None,
            columns,
        }
    }

    /// Counts `rows` in.
    ///
    /// Errors: `Invalid` when a row has no time.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.rows += rows.num_rows() as u64;
        match range(rows.column(self.time_column)) {
            (Some(StatValue::Int(low)), Some(StatValue::Int(high))) => {
                let (min, max) = self.times.unwrap_or((low, high));
                self.times = Some((min.min(low), max.max(high)));
            }
            _ => return Err(Error::Invalid("a row to be written has no time".to_owned())),
        }
        for (at, stats) in &mut self.columns {
            let column = rows.column(*at);
            let nulls = column.null_count() as u64;
            stats.null_count += nulls;
            stats.value_count += column.len() as u64 - nulls;
            let (low, high) = range(column);
            widen(&mut stats.min, low, |new, old| new < old);
            widen(&mut stats.max, high, |new, old| new > old);
        }
        Ok(())
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Least and greatest time; `None` without rows.
    pub(super) fn times(&self) -> Option<(i64, i64)> {
        self.times
    }

    /// The statistics, without texts that are too long.
    pub(super) fn stats(self) -> Vec<ColumnStats> {
        let short = |value: &StatValue| match value {
            StatValue::Text(text) => text.len() <= TEXT_BYTES_MAX,
            StatValue::Int(_) => true,
        };
        self.columns
            .into_iter()
            .map(|(_, stats)| ColumnStats {
                min: stats.min.filter(short),
                max: stats.max.filter(short),
                ..stats
            })
            .collect()
    }
}

/// Takes `new` when it is there and better than `old`.
fn widen(
    old: &mut Option<StatValue>,
    new: Option<StatValue>,
    better: impl Fn(&StatValue, &StatValue) -> bool,
) {
    if let Some(new) = new
        && old.as_ref().is_none_or(|old| better(&new, old))
    {
        *old = Some(new);
    }
}

/// Least and greatest value of a column; `None` when there is none or its type has no statistics.
fn range(column: &ArrayRef) -> (Option<StatValue>, Option<StatValue>) {
    macro_rules! ints {
        ($type:ty) => {{
            let column = column.as_primitive::<$type>();
            let int = |value| StatValue::Int(i64::from(value));
            (min(column).map(int), max(column).map(int))
        }};
    }
    match column.data_type() {
        DataType::Utf8 => {
            let column = column.as_string::<i32>();
            let text = |value: &str| StatValue::Text(value.to_owned());
            (min_string(column).map(text), max_string(column).map(text))
        }
        DataType::Utf8View => {
            let column = column.as_string_view();
            let text = |value: &str| StatValue::Text(value.to_owned());
            let (min, max) = (min_string_view(column), max_string_view(column));
            (min.map(text), max.map(text))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, None) => ints!(TimestampNanosecondType),
        DataType::Int64 => ints!(Int64Type),
        DataType::Int32 => ints!(Int32Type),
        DataType::UInt32 => ints!(UInt32Type),
        _ => (None, None),
    }
}

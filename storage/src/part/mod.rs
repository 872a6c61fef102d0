//! Parts: immutable Parquet files of one tenant, one table and one UTC day.

pub(crate) mod fields;
pub(crate) mod order;
pub(crate) mod reader;
#[cfg(test)]
pub(crate) mod sample;
mod stats;
#[cfg(test)]
mod tests;
mod words;
pub(crate) mod writer;

use std::collections::BTreeSet;

use oriel_proto::UnixNanos;

use crate::TenantId;
use crate::schema::Table;

/// Identifies a part: its DuckLake `data_file_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(pub i64);

/// A value of a column statistic.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum StatValue {
    /// Int64, Int32, UInt32 and timestamps in nanoseconds.
    Int(i64),
    /// UTF-8 text, whole (never truncated; a column with longer values than 256 bytes has none).
    Text(String),
}

/// Statistics of one column in one part.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnStats {
    /// Column name.
    pub column: String,
    /// Rows with a value.
    pub value_count: u64,
    /// Rows without one.
    pub null_count: u64,
    /// Least value; `None` without a value or when it is too long.
    pub min: Option<StatValue>,
    /// Greatest value, likewise.
    pub max: Option<StatValue>,
}

/// A part as the catalog knows it. Paths are relative to the data directory, with `/`.
#[derive(Debug, Clone, PartialEq)]
pub struct PartMeta {
    /// Its id; 0 until it is committed.
    pub id: PartId,
    /// Whose rows.
    pub tenant: TenantId,
    /// Of which table.
    pub table: Table,
    /// UTC day of its rows' event times in days since the epoch; the day received for odd parts.
    pub day: i32,
    /// Holds rows whose event time lies outside the normal range of its day (DESIGN: odd part).
    pub odd: bool,
    /// `tables/<schema>/<table>/<yyyy-mm-dd>/<uuid>.parquet`.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Size of the Parquet footer, its length word and magic not counted.
    pub footer_bytes: u64,
    /// Least value of the table's time column.
    pub time_min: UnixNanos,
    /// Greatest value of the table's time column.
    pub time_max: UnixNanos,
    /// How many merges lie behind it: 0 straight from a flush.
    pub level: u8,
    /// XXH3-64 of the whole file.
    pub checksum: u64,
    /// Promoted columns whose attribute also occurs in the overflow of some row.
    pub strays: BTreeSet<String>,
    /// The file has the first this many columns of the table's schema; columns are only ever
    /// appended. A column that it lacks reads as NULL, and a promoted one counts as a stray.
    pub columns_count: u32,
    /// Statistics of the columns that the schema marks with `file_stats`.
    pub stats: Vec<ColumnStats>,
    /// Format version of the file.
    pub format: u32,
}

//! The tables and their columns: the one definition from which the Arrow schemas, the Parquet field
//! ids, the DuckLake columns and docs/schema.md are made.
//!
//! A [`Schemas`] value describes what one store writes now. Files written earlier may lack columns
//! that were added since; readers fill those with NULL.

mod attributes;
mod doc;
mod logs;
mod metrics;
mod spans;
mod traces;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

pub use attributes::{Level, PromoteError, PromotedKey, ValueType};
pub use doc::markdown;

/// Version of the on-disk format that this build writes and reads.
pub const FORMAT_VERSION: u32 = 0;

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row a span.
    Spans,
    /// One row a log record.
    Logs,
    /// One row a metric data point.
    Metrics,
    /// One row a (trace, UTC day of span start, flush): trace summaries, derived from `spans`.
    Traces,
}

impl Table {
    /// All tables, in the order of the catalog.
    pub const ALL: [Table; 4] = [Table::Spans, Table::Logs, Table::Metrics, Table::Traces];

    /// The table's name in SQL, in the catalog and in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Table::Spans => "spans",
            Table::Logs => "logs",
            Table::Metrics => "metrics",
            Table::Traces => "traces",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Table {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Table::ALL
            .into_iter()
            .find(|table| table.as_str() == text)
            .ok_or(())
    }
}

/// How a column is encoded in Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Dictionary, falling back to plain: everything that repeats.
    Dictionary,
    /// DELTA_LENGTH_BYTE_ARRAY without dictionary: random ids.
    Id,
    /// DELTA_BINARY_PACKED without dictionary: times and durations.
    Delta,
}

/// One column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in Arrow, Parquet, DuckLake and SQL.
    pub name: String,
    /// Arrow type in the Parquet file's Arrow schema, and in buffers unless it is `shared`.
    pub data_type: DataType,
    /// Whether rows inherit the text from their group, so that buffers hold it once (as Utf8View).
    pub shared: bool,
    /// Whether a row may have no value.
    pub nullable: bool,
    /// True when the text is JSON (DuckLake type `json`); the Arrow type is then Utf8.
    pub json: bool,
    /// Encoding of the Parquet column (of the leaves, for nested columns: always Dictionary).
    pub encoding: Encoding,
    /// Whether the catalog keeps this column's minimum and maximum for each file.
    pub file_stats: bool,
    /// The attribute this column holds, for promoted attributes.
    pub promoted: Option<PromotedKey>,
    /// The OTLP field it comes from, or how it is derived.
    pub source: &'static str,
    /// What it means, with unit.
    pub doc: &'static str,
}

impl Column {
    fn new(name: &str, data_type: DataType, source: &'static str, doc: &'static str) -> Self {
        Column {
            name: name.to_owned(),
            data_type,
            shared: false,
            nullable: false,
            json: false,
            encoding: Encoding::Dictionary,
            file_stats: false,
            promoted: None,
            source,
            doc,
        }
    }

    fn text(name: &str, source: &'static str, doc: &'static str) -> Self {
        Column::new(name, DataType::Utf8, source, doc)
    }

    /// JSON text in the overflow encoding of docs/schema.md.
    fn json(name: &str, source: &'static str, doc: &'static str) -> Self {
        Column {
            json: true,
            nullable: true,
            ..Column::text(name, source, doc)
        }
    }

    fn time(name: &str, source: &'static str, doc: &'static str) -> Self {
        Column {
            encoding: Encoding::Delta,
            ..Column::new(name, TIMESTAMP, source, doc)
        }
    }

    fn id(name: &str, source: &'static str, doc: &'static str) -> Self {
        Column {
            encoding: Encoding::Id,
            ..Column::new(name, DataType::Binary, source, doc)
        }
    }

    fn count(name: &str, source: &'static str, doc: &'static str) -> Self {
        Column::new(name, DataType::UInt32, source, doc)
    }

    /// The value that did not fit its own column, unchanged.
    fn raw(name: &str, data_type: DataType, source: &'static str) -> Self {
        Column::new(name, data_type, source, "The value as sent, when the column beside it cannot hold it: a time beyond 2262, an id of wrong length").nullable()
    }

    fn nullable(self) -> Self {
        Column {
            nullable: true,
            ..self
        }
    }

    fn stats(self) -> Self {
        Column {
            file_stats: true,
            ..self
        }
    }

    /// The same, shared by the rows of a group if it is text.
    fn shared(self) -> Self {
        Column {
            shared: self.data_type == DataType::Utf8,
            ..self
        }
    }

    /// Arrow type in buffers.
    pub fn buffer_type(&self) -> &DataType {
        if self.shared {
            &DataType::Utf8View
        } else {
            &self.data_type
        }
    }
}

/// Nanoseconds since the Unix epoch, UTC, without a zone in the type (DuckLake `timestamp_ns`).
pub const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Key of the Arrow field metadata that marks JSON text.
pub const JSON_MARK: &str = "oriel.json";

/// One key of a sort order, ascending, NULL first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The column's value.
    Column(&'static str),
    /// The UTC minute of a time column, which has no NULL.
    Minute(&'static str),
}

impl SortKey {
    /// The column that it is taken from.
    pub const fn column(self) -> &'static str {
        match self {
            SortKey::Column(name) | SortKey::Minute(name) => name,
        }
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SortKey::Column(name) => write!(f, "`{name}`"),
            SortKey::Minute(name) => write!(f, "the minute of `{name}`"),
        }
    }
}

/// One table: its columns in catalog order, its sort key, its time column.
#[derive(Debug)]
pub struct TableSchema {
    /// Which table.
    pub table: Table,
    /// Columns; a column's index here is its index in the Arrow schema.
    pub columns: Vec<Column>,
    /// Ascending sort key of every part.
    pub sort: &'static [SortKey],
    /// The column that decides a row's UTC day, its pruning range and its retention.
    pub time_column: &'static str,
    arrow: SchemaRef,
    by_name: HashMap<String, usize>,
}

impl TableSchema {
    fn new(
        table: Table,
        columns: Vec<Column>,
        sort: &'static [SortKey],
        time_column: &'static str,
    ) -> Self {
        let fields: Fields = columns
            .iter()
            .map(|column| {
                let data_type = column.buffer_type().clone();
                let field = Field::new(&column.name, data_type, column.nullable);
                if column.json {
                    field.with_metadata(HashMap::from([(JSON_MARK.to_owned(), "1".to_owned())]))
                } else {
                    field
                }
            })
            .collect();
        let by_name = columns
            .iter()
            .enumerate()
            .map(|(i, c)| (c.name.clone(), i))
            .collect();
        TableSchema {
            table,
            columns,
            sort,
            time_column,
            arrow: Arc::new(Schema::new(fields)),
            by_name,
        }
    }

    /// The Arrow schema of buffered batches: one field a column, same order, no field ids.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// Index of the column called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Index of the column that holds attribute `key` of `level`, if it is promoted.
    pub fn promoted(&self, level: Level, key: &str) -> Option<usize> {
        self.columns.iter().position(|column| {
            column
                .promoted
                .as_ref()
                .is_some_and(|p| p.level == level && p.key == key)
        })
    }
}

/// The schemas of all tables that a store writes now.
#[derive(Debug, Clone)]
pub struct Schemas {
    spans: Arc<TableSchema>,
    logs: Arc<TableSchema>,
    metrics: Arc<TableSchema>,
    traces: Arc<TableSchema>,
}

impl Schemas {
    /// Format 0 with its fixed list of promoted attributes.
    pub fn format0() -> Self {
        Schemas::with_promoted(&[]).expect("the fixed list has no conflict")
    }

    /// Format 0 with the operator's own promoted attributes appended, in the given order.
    ///
    /// Errors: a key that is promoted already, or whose case-folded column name is taken.
    pub fn with_promoted(extra: &[(Table, PromotedKey)]) -> Result<Self, PromoteError> {
        let of = |table: Table, mut columns: Vec<Column>| {
            attributes::append(table, &mut columns, extra).map(|()| columns)
        };
        Ok(Schemas {
            spans: Arc::new(spans::schema(of(Table::Spans, spans::columns())?)),
            logs: Arc::new(logs::schema(of(Table::Logs, logs::columns())?)),
            metrics: Arc::new(metrics::schema(of(Table::Metrics, metrics::columns())?)),
            traces: Arc::new(traces::schema(of(Table::Traces, traces::columns())?)),
        })
    }

    /// These schemas with another sort key for `table`, to measure sort orders.
    pub(crate) fn sorted_by(&self, table: Table, sort: &'static [SortKey]) -> Self {
        let mut schemas = self.clone();
        let of = match table {
            Table::Spans => &mut schemas.spans,
            Table::Logs => &mut schemas.logs,
            Table::Metrics => &mut schemas.metrics,
            Table::Traces => &mut schemas.traces,
        };
        let (columns, time_column) = (of.columns.clone(), of.time_column);
        *of = Arc::new(TableSchema::new(table, columns, sort, time_column));
        schemas
    }

    /// The schema of `table`.
    pub fn of(&self, table: Table) -> &Arc<TableSchema> {
        match table {
            Table::Spans => &self.spans,
            Table::Logs => &self.logs,
            Table::Metrics => &self.metrics,
            Table::Traces => &self.traces,
        }
    }
}

/// A list column of structs with these fields.
fn list_of(fields: Vec<Field>) -> DataType {
    DataType::List(Arc::new(Field::new(
        "element",
        DataType::Struct(fields.into()),
        false,
    )))
}

/// A list column of plain values.
fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, false)))
}

/// A nested field of JSON text.
fn json_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
        .with_metadata(HashMap::from([(JSON_MARK.to_owned(), "1".to_owned())]))
}

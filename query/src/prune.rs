//! Which parts can hold rows that a filter wants, by the statistics of the catalog alone, and which
//! buffered batches, by the times of their rows.
//!
//! Pure. In: parts or batches, and filters. Out: those worth reading; never drops one that has a
//! matching row (Q1). A column that a part lacks counts as all NULL there.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, TimestampNanosecondArray, UInt64Array};
use arrow::compute;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use oriel_storage::schema::TableSchema;
use oriel_storage::{Batch, PartMeta, StatValue};

/// The parts of `parts` that may hold rows for which all `filters` are true. `schema` has the
/// columns that filters name, as SQL sees them.
pub(crate) fn prune(
    parts: &[Arc<PartMeta>],
    filters: &[Expr],
    table: &TableSchema,
    schema: &DFSchema,
) -> Vec<Arc<PartMeta>> {
    match kept(&PartStatistics { parts, table }, filters, schema) {
        Ok(kept) => parts
            .iter()
            .zip(kept)
            .filter(|(_, keep)| *keep)
            .map(|(part, _)| Arc::clone(part))
            .collect(),
        // A filter that statistics cannot judge keeps every part.
        Err(_) => parts.to_vec(),
    }
}

/// The batches of `batches`, all of `table`, that may hold such rows.
pub(crate) fn prune_batches<'a>(
    batches: &'a [Batch],
    filters: &[Expr],
    table: &TableSchema,
    schema: &DFSchema,
) -> Vec<&'a Batch> {
    match kept(&BatchStatistics { batches, table }, filters, schema) {
        Ok(kept) => {
            let kept = batches.iter().zip(kept).filter(|(_, keep)| *keep);
            kept.map(|(batch, _)| batch).collect()
        }
        Err(_) => batches.iter().collect(),
    }
}

fn kept(
    statistics: &impl PruningStatistics,
    filters: &[Expr],
    schema: &DFSchema,
) -> Result<Vec<bool>> {
    let all = vec![true; statistics.num_containers()];
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok(all);
    };
    let predicate =
        create_physical_expr(&filter, schema, &ExecutionProps::new(), &Default::default())?;
    let Some(predicate) = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema.inner()))
        .build(predicate)
    else {
        return Ok(all);
    };
    predicate.prune(statistics)
}

/// The catalog's statistics of these parts, as DataFusion's pruning asks for them.
struct PartStatistics<'a> {
    parts: &'a [Arc<PartMeta>],
    table: &'a TableSchema,
}

/// What is known of one column in one part.
pub(crate) struct Known {
    /// Least value.
    pub(crate) min: Option<ScalarValue>,
    /// Greatest value.
    pub(crate) max: Option<ScalarValue>,
    /// Rows without a value.
    pub(crate) nulls: Option<u64>,
}

/// What the catalog knows of column number `index` in `part`; values have the type SQL sees.
pub(crate) fn known(part: &PartMeta, table: &TableSchema, index: usize) -> Known {
    let column = &table.columns[index];
    if index >= part.columns_count as usize {
        return Known {
            min: None,
            max: None,
            nulls: Some(part.rows),
        };
    }
    let stats = part.stats.iter().find(|stats| stats.column == column.name);
    let value = |value: Option<&StatValue>| value.and_then(|v| scalar(v, &column.data_type));
    if column.name == table.time_column && stats.is_none() {
        let time = |nanos| Some(ScalarValue::TimestampNanosecond(Some(nanos), None));
        return Known {
            min: time(part.time_min.0),
            max: time(part.time_max.0),
            nulls: Some(0),
        };
    }
    Known {
        min: value(stats.and_then(|stats| stats.min.as_ref())),
        max: value(stats.and_then(|stats| stats.max.as_ref())),
        nulls: stats.map(|stats| stats.null_count),
    }
}

/// `value` of a column of `data_type`, as SQL sees it.
fn scalar(value: &StatValue, data_type: &DataType) -> Option<ScalarValue> {
    match (value, data_type) {
        (StatValue::Int(v), DataType::Timestamp(TimeUnit::Nanosecond, None)) => {
            Some(ScalarValue::TimestampNanosecond(Some(*v), None))
        }
        (StatValue::Int(v), DataType::Int64) => Some(ScalarValue::Int64(Some(*v))),
        (StatValue::Int(v), DataType::Int32) => {
            i32::try_from(*v).ok().map(|v| ScalarValue::Int32(Some(v)))
        }
        (StatValue::Int(v), DataType::UInt32) => {
            u32::try_from(*v).ok().map(|v| ScalarValue::UInt32(Some(v)))
        }
        (StatValue::Text(text), DataType::Utf8) => Some(ScalarValue::Utf8View(Some(text.clone()))),
        _ => None,
    }
}

impl PartStatistics<'_> {
    fn each(
        &self,
        column: &Column,
        pick: impl Fn(Known) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let index = self.table.index_of(&column.name)?;
        let null = ScalarValue::try_from(&sql_type(&self.table.columns[index].data_type)).ok()?;
        let values = self
            .parts
            .iter()
            .map(|part| pick(known(part, self.table, index)).unwrap_or_else(|| null.clone()));
        ScalarValue::iter_to_array(values).ok()
    }
}

/// The type in which SQL sees a column of `data_type`.
pub(crate) fn sql_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Utf8View,
        other => other.clone(),
    }
}

impl PruningStatistics for PartStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.each(column, |known| known.min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.each(column, |known| known.max)
    }

    fn num_containers(&self) -> usize {
        self.parts.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let index = self.table.index_of(&column.name)?;
        let counts = self
            .parts
            .iter()
            .map(|part| known(part, self.table, index).nulls);
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.parts.iter().map(|part| Some(part.rows));
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The times of buffered rows, as DataFusion's pruning asks for them.
struct BatchStatistics<'a> {
    batches: &'a [Batch],
    table: &'a TableSchema,
}

impl BatchStatistics<'_> {
    /// A time of each batch; `None` for other columns.
    fn times(
        &self,
        column: &Column,
        pick: impl Fn(&TimestampNanosecondArray) -> Option<i64>,
    ) -> Option<ArrayRef> {
        if column.name != self.table.time_column {
            return None;
        }
        let index = self.table.index_of(&column.name)?;
        let times = self.batches.iter().map(|batch| {
            let column = batch.rows().column(index);
            column.as_primitive_opt().map(&pick)
        });
        let times = times.collect::<Option<TimestampNanosecondArray>>()?;
        Some(Arc::new(times))
    }
}

impl PruningStatistics for BatchStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, compute::min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, compute::max)
    }

    fn num_containers(&self) -> usize {
        self.batches.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

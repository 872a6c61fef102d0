//! Functions that look for text in several places of a row at once.
//!
//! - `event_named(events, pattern)`: in the names of a span's events, by the pattern of LIKE.
//! - `event_like(events, pattern)`: in their names and attributes, by that of ILIKE.
//! - `text_like(pattern, column, …)`: in columns, by that of ILIKE. True or false, never NULL. A chain of
//!   ILIKEs would compile the pattern for each column, also for those without a value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Scalar};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::compute::kernels::comparison::{ilike, like};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// A kernel such as LIKE.
type Kernel = fn(&dyn Datum, &dyn Datum) -> std::result::Result<BooleanArray, ArrowError>;

/// All functions of this module.
pub(super) fn all() -> impl Iterator<Item = Arc<ScalarUDF>> {
    let events = [false, true].into_iter().map(|attributes| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(EventTest {
            attributes,
            signature,
        }))
    });
    let signature = Signature::variadic(vec![DataType::Utf8View], Volatility::Immutable);
    events.chain([Arc::new(ScalarUDF::new_from_impl(TextTest { signature }))])
}

/// Whether one of several texts is like a pattern.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextTest {
    signature: Signature,
}

impl ScalarUDFImpl for TextTest {
    fn name(&self) -> &str {
        "text_like"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let Some((ColumnarValue::Scalar(pattern), columns)) = args.args.split_first() else {
            return exec_err!("text_like takes a pattern, the same for all rows, and columns");
        };
        let pattern = Scalar::new(pattern.to_array()?);
        let mut found = BooleanBuffer::new_unset(rows);
        for column in columns {
            let texts = column.to_array(rows)?;
            if texts.null_count() < rows && found.count_set_bits() < rows {
                found = &found | &hits(&ilike(&texts, &pattern)?);
            }
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

/// Where `found` is true.
fn hits(found: &BooleanArray) -> BooleanBuffer {
    match found.nulls() {
        Some(valid) => found.values() & valid.inner(),
        None => found.values().clone(),
    }
}

/// Whether a span has an event that is like a pattern.
#[derive(Debug, PartialEq, Eq, Hash)]
struct EventTest {
    /// Whether attributes are looked at as well, and the case does not matter.
    attributes: bool,
    signature: Signature,
}

impl ScalarUDFImpl for EventTest {
    fn name(&self) -> &str {
        match self.attributes {
            true => "event_like",
            false => "event_named",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [events, pattern] = arrays.as_slice() else {
            return exec_err!("{} takes a list of events and a pattern", self.name());
        };
        let found = match self.attributes {
            true => found(events, pattern, &["name", "attributes"], ilike)?,
            false => found(events, pattern, &["name"], like)?,
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

/// Which rows of `events` have an item one of whose `fields` is like `pattern`, one for all rows.
fn found(
    events: &ArrayRef,
    pattern: &ArrayRef,
    fields: &[&str],
    kernel: Kernel,
) -> Result<BooleanArray> {
    let Some(lists) = events.as_list_opt::<i32>() else {
        return exec_err!("the first argument is the list of a span's events");
    };
    if lists.is_empty() {
        return Ok(BooleanArray::from(Vec::<bool>::new()));
    }
    let pattern = Scalar::new(cast(&pattern.slice(0, 1), &DataType::Utf8View)?);
    let mut hits = vec![false; lists.values().len()];
    for field in fields {
        let items = lists.values().as_struct_opt();
        let Some(texts) = items.and_then(|items| items.column_by_name(field)) else {
            return exec_err!("the first argument is the list of a span's events");
        };
        let texts = cast(texts, &DataType::Utf8View)?;
        for (hit, found) in hits.iter_mut().zip(&kernel(&texts, &pattern)?) {
            *hit |= found == Some(true);
        }
    }
    let ends = lists.value_offsets().windows(2).enumerate();
    let rows = ends.map(|(row, ends)| {
        let items = hits.get(ends[0] as usize..ends[1] as usize);
        Some(lists.is_valid(row) && items.is_some_and(|items| items.contains(&true)))
    });
    Ok(rows.collect())
}

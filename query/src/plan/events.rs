//! Functions over the list of a span's events: `event_named(events, pattern)`, with the pattern of
//! LIKE for names, and `event_like(events, pattern)`, with that of ILIKE for names and attributes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Scalar};
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
    [false, true].into_iter().map(|attributes| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(EventTest {
            attributes,
            signature,
        }))
    })
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

//! The function behind `attributes['key']`: reads the promoted column of a key where it has a
//! value, else looks the key up in the JSON overflow.
//!
//! In: the overflow column and, for a promoted key, its column. Out: text, a double, an integer or
//! a boolean, as the place of use wants (see [`Kind`]); NULL where the value is of another kind.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder,
    Int64Array, Int64Builder, StringArray, StringViewArray, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use oriel_storage::schema::{Table, ValueType};

use super::json_text;

/// As what an attribute is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Text: the reading where nothing else is asked for.
    Text,
    /// A double: beside numbers, in arithmetic and in numeric aggregates.
    Number,
    /// An integer: in a cast to an integer type.
    Integer,
    /// A boolean: beside booleans.
    Boolean,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8View,
            Kind::Number => DataType::Float64,
            Kind::Integer => DataType::Int64,
            Kind::Boolean => DataType::Boolean,
        }
    }
}

/// The promoted column of a key: where it is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Promoted {
    /// Which table has it.
    pub(crate) table: Table,
    /// Its name there.
    pub(crate) column: String,
    /// What it holds.
    pub(crate) value: ValueType,
}

/// `attributes['key']`, read as `kind`. Arguments: the overflow, then the promoted column if any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Attribute {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) promoted: Option<Promoted>,
    signature: Signature,
}

impl Attribute {
    /// The call for `key` on these arguments, read as text.
    pub(crate) fn call(key: &str, promoted: Option<Promoted>, args: Vec<Expr>) -> Expr {
        let function = Attribute {
            key: key.to_owned(),
            kind: Kind::Text,
            promoted,
            signature: Signature::any(args.len(), Volatility::Immutable),
        };
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(function)),
            args,
        ))
    }

    /// The call in `expr`, when it is one.
    pub(crate) fn of(expr: &Expr) -> Option<(&Attribute, &[Expr])> {
        match expr {
            Expr::ScalarFunction(call) => {
                let attribute = call.func.inner().downcast_ref::<Attribute>()?;
                Some((attribute, &call.args))
            }
            _ => None,
        }
    }

    /// `expr` read as `kind`, when it is an attribute that is read as text so far.
    pub(crate) fn read_as(expr: Expr, kind: Kind) -> Expr {
        match Attribute::of(&expr) {
            Some((attribute, args)) if attribute.kind == Kind::Text => {
                let typed = Attribute {
                    kind,
                    ..attribute.clone()
                };
                Expr::ScalarFunction(ScalarFunction::new_udf(
                    Arc::new(ScalarUDF::new_from_impl(typed)),
                    args.to_vec(),
                ))
            }
            _ => expr,
        }
    }

    /// The same reading from the promoted column `column` alone: right when no row that is read
    /// has the key in its overflow.
    pub(crate) fn column_only(&self, value: ValueType, column: Expr) -> Expr {
        use datafusion::logical_expr::cast as cast_expr;
        match (self.kind, value) {
            (Kind::Text, ValueType::String)
            | (Kind::Number, ValueType::Double)
            | (Kind::Integer, ValueType::Int)
            | (Kind::Boolean, ValueType::Bool) => column,
            (Kind::Text, _) => cast_expr(column, DataType::Utf8View),
            (Kind::Number, ValueType::Int) => cast_expr(column, DataType::Float64),
            (Kind::Number, _) => lit(ScalarValue::Float64(None)),
            (Kind::Integer, ValueType::Double) => {
                datafusion::logical_expr::try_cast(column, DataType::Int64)
            }
            (Kind::Integer, _) => lit(ScalarValue::Int64(None)),
            (Kind::Boolean, _) => lit(ScalarValue::Boolean(None)),
        }
    }
}

impl ScalarUDFImpl for Attribute {
    fn name(&self) -> &str {
        "attribute"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let overflow = args.first().map(|arg| arg.schema_name().to_string());
        let overflow = overflow.unwrap_or_default();
        Ok(format!("{overflow}['{}']", self.key.replace('\'', "''")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kind.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let column = match (arrays.get(1), &self.promoted) {
            (Some(array), Some(promoted)) => Some(typed(array, promoted.value, self.kind)?),
            _ => None,
        };
        let Some(overflow) = arrays.first() else {
            return exec_err!("attribute needs an overflow column");
        };
        let read = match overflow.data_type() {
            DataType::Utf8View => {
                let texts = overflow.as_string_view();
                self.read(texts.len(), |row| text_at(texts, row), column.as_ref())
            }
            DataType::Utf8 => {
                let texts = overflow.as_string::<i32>();
                self.read(texts.len(), |row| plain_at(texts, row), column.as_ref())
            }
            DataType::Null => self.read(overflow.len(), |_| None, column.as_ref()),
            other => return exec_err!("attributes are JSON text, not {other}"),
        };
        Ok(ColumnarValue::Array(read))
    }
}

fn text_at(texts: &StringViewArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn plain_at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

/// The promoted column, read as `kind`; `None` where no value of it can be.
fn typed(column: &ArrayRef, value: ValueType, kind: Kind) -> Result<ArrayRef> {
    let readable = matches!(
        (kind, value),
        (Kind::Text, _)
            | (
                Kind::Number | Kind::Integer,
                ValueType::Int | ValueType::Double
            )
            | (Kind::Boolean, ValueType::Bool)
    );
    if !readable {
        return Ok(arrow::array::new_null_array(
            &kind.data_type(),
            column.len(),
        ));
    }
    Ok(cast(column, &kind.data_type())?)
}

impl Attribute {
    /// Reads each row from `column`, else from the overflow text.
    fn read<'a>(
        &self,
        rows: usize,
        overflow: impl Fn(usize) -> Option<&'a str>,
        column: Option<&ArrayRef>,
    ) -> ArrayRef {
        let find =
            |row: usize| overflow(row).and_then(|object| json_text::lookup(object, &self.key));
        let in_column = |row: usize| column.filter(|array| array.is_valid(row));
        match self.kind {
            Kind::Text => {
                let mut out = StringViewBuilder::with_capacity(rows);
                for row in 0..rows {
                    match in_column(row) {
                        Some(array) => out.append_value(array.as_string_view().value(row)),
                        None => out.append_option(find(row).and_then(json_text::text)),
                    }
                }
                Arc::new(out.finish())
            }
            Kind::Number => {
                let mut out = Float64Builder::with_capacity(rows);
                for row in 0..rows {
                    let column: Option<&Float64Array> =
                        in_column(row).map(|array| array.as_primitive::<Float64Type>());
                    out.append_option(match column {
                        Some(array) => Some(array.value(row)),
                        None => find(row).and_then(json_text::number),
                    });
                }
                Arc::new(out.finish())
            }
            Kind::Integer => {
                let mut out = Int64Builder::with_capacity(rows);
                for row in 0..rows {
                    let column: Option<&Int64Array> =
                        in_column(row).map(|array| array.as_primitive::<Int64Type>());
                    out.append_option(match column {
                        Some(array) => Some(array.value(row)),
                        None => find(row).and_then(json_text::integer),
                    });
                }
                Arc::new(out.finish())
            }
            Kind::Boolean => {
                let mut out = BooleanBuilder::with_capacity(rows);
                for row in 0..rows {
                    let column: Option<&BooleanArray> =
                        in_column(row).map(|array| array.as_boolean());
                    out.append_option(match column {
                        Some(array) => Some(array.value(row)),
                        None => find(row).and_then(json_text::boolean),
                    });
                }
                Arc::new(out.finish())
            }
        }
    }
}

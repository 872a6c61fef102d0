//! Ids in SQL: hex text beside a binary id is read as bytes, so that statistics and joins
//! work on the ids as they are stored.

use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};

use arrow::datatypes::DataType;

/// Whether `expr` is an id (binary).
pub(crate) fn is_id(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(
        expr.get_type(schema),
        Ok(DataType::Binary | DataType::BinaryView | DataType::LargeBinary)
    )
}

/// The text of a literal, when `expr` is one.
pub(crate) fn text_literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text),
            _,
        ) => text.as_deref(),
        _ => None,
    }
}

/// `expr`, to be compared with an id: a text literal as the bytes that its hex digits spell.
pub(crate) fn to_bytes(expr: Expr) -> Result<Expr> {
    let Some(text) = text_literal(&expr) else {
        return Ok(expr);
    };
    match parse_hex(text) {
        Some(bytes) => Ok(lit(ScalarValue::Binary(Some(bytes)))),
        None => plan_err!("{text:?} is not an id: ids are written as hex digits, two a byte"),
    }
}

/// The bytes that `text` spells in hex digits of any case.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| {
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    })
}

/// Lower-case hex digits of `bytes`.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out
}

/// `expr` as lower-case hex text.
pub(crate) fn as_hex(expr: Expr) -> Expr {
    datafusion::functions::encoding::expr_fn::encode(expr, lit("hex"))
}

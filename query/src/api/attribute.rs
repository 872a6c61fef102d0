//! Attributes in answers: key, type and value as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oriel_proto::otlp::common::v1::any_value::Value;
use oriel_proto::otlp::common::v1::{AnyValue, KeyValue};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Attr {
    key: String,
    /// string, int, double, bool, bytes, array, map or null
    r#type: &'static str,
    /// Text; JSON of arrays and maps, base64 of bytes
    value: String,
}

/// Attributes as they were stored, in that order.
pub(super) fn attrs(given: Vec<KeyValue>) -> Vec<Attr> {
    given
        .into_iter()
        .map(|pair| {
            let (r#type, value) = typed(pair.value.and_then(|value| value.value));
            Attr {
                key: pair.key,
                r#type,
                value,
            }
        })
        .collect()
}

fn typed(value: Option<Value>) -> (&'static str, String) {
    match value {
        None => ("null", String::new()),
        Some(Value::StringValue(text)) => ("string", text),
        Some(Value::StringValueStrindex(index)) => ("string", format!("$strindex:{index}")),
        Some(Value::BoolValue(value)) => ("bool", value.to_string()),
        Some(Value::IntValue(value)) => ("int", value.to_string()),
        Some(Value::DoubleValue(value)) => ("double", double(value)),
        Some(Value::BytesValue(bytes)) => ("bytes", STANDARD.encode(bytes)),
        Some(value @ Value::ArrayValue(_)) => ("array", plain(Some(value)).to_string()),
        Some(value @ Value::KvlistValue(_)) => ("map", plain(Some(value)).to_string()),
    }
}

/// The shortest text that reads back, with a point or an exponent.
fn double(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

/// A value within an array or map as plain JSON.
fn plain(value: Option<Value>) -> serde_json::Value {
    let inner = |value: AnyValue| plain(value.value);
    match value {
        None => serde_json::Value::Null,
        Some(Value::BoolValue(value)) => json!(value),
        Some(Value::IntValue(value)) => json!(value),
        Some(Value::DoubleValue(value)) if value.is_finite() => json!(value),
        Some(Value::ArrayValue(array)) => array.values.into_iter().map(inner).collect(),
        Some(Value::KvlistValue(map)) => {
            let pairs = map.values.into_iter();
            let pairs = pairs.map(|pair| (pair.key, plain(pair.value.and_then(|v| v.value))));
            serde_json::Value::Object(pairs.collect())
        }
        Some(other) => json!(typed(Some(other)).1),
    }
}

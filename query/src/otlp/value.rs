//! The attribute encoding of docs/schema.md back to OTLP values, exactly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oriel_proto::otlp::common::v1::any_value::Value;
use oriel_proto::otlp::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};

use crate::plan::json_text::{elements, marked, members, unquote};

/// The attributes that one JSON object holds; `None` when the text is not in the encoding.
pub(super) fn attributes(object: &str) -> Option<Vec<KeyValue>> {
    if !object.starts_with('{') {
        return None;
    }
    let mut out = Vec::new();
    for (key, value) in members(object) {
        let (key, strindex) = unescape_key(&key)?;
        let one = |value: &str| {
            Some(KeyValue {
                key: key.to_owned(),
                value: Some(any_value(value)?),
                key_strindex: strindex,
            })
        };
        match marked(value, "$dup") {
            Some(twins) => {
                for twin in elements(twins) {
                    out.push(one(twin)?);
                }
            }
            None => out.push(one(value)?),
        }
    }
    Some(out)
}

/// The key as sent, and its index into a string table.
fn unescape_key(stored: &str) -> Option<(&str, i32)> {
    if let Some(rest) = stored.strip_prefix("$strindex:") {
        let (index, key) = rest.split_once(':')?;
        return Some((key, index.parse().ok()?));
    }
    match stored.strip_prefix('$') {
        Some(key) if key.starts_with('$') => Some((key, 0)),
        Some(_) => None,
        None => Some((stored, 0)),
    }
}

/// The value that `json` encodes; `null` is a message without a value.
pub(super) fn any_value(json: &str) -> Option<AnyValue> {
    let value = match json.as_bytes().first()? {
        b'n' => return Some(AnyValue { value: None }),
        b't' => Value::BoolValue(true),
        b'f' => Value::BoolValue(false),
        b'"' => Value::StringValue(unquote(json)?.into_owned()),
        b'[' => {
            let values = elements(json).map(any_value).collect::<Option<_>>()?;
            Value::ArrayValue(ArrayValue { values })
        }
        b'{' => object(json)?,
        _ => match json.parse() {
            Ok(int) => Value::IntValue(int),
            Err(_) => Value::DoubleValue(json.parse().ok()?),
        },
    };
    Some(AnyValue { value: Some(value) })
}

fn object(json: &str) -> Option<Value> {
    let (key, inner) = match members(json).next() {
        Some((key, inner)) if key.starts_with('$') => (key, inner),
        _ => return map(json),
    };
    Some(match key.as_ref() {
        "$int" => Value::IntValue(unquote(inner)?.parse().ok()?),
        "$double" => Value::DoubleValue(unquote(inner)?.parse().ok()?),
        "$bytes" => Value::BytesValue(STANDARD.decode(unquote(inner)?.as_bytes()).ok()?),
        "$strindex" => Value::StringValueStrindex(inner.parse().ok()?),
        _ => return map(json),
    })
}

fn map(json: &str) -> Option<Value> {
    let values = attributes(json)?;
    Some(Value::KvlistValue(KeyValueList { values }))
}

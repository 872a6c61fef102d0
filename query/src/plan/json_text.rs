//! Finds one key in the JSON text of an attribute overflow, without building a tree.
//!
//! In: the text of one JSON object in the encoding of docs/schema.md. Out: the raw text of the
//! value, and its reading as text, number, integer or boolean. Malformed text reads as no value.

use std::borrow::Cow;

/// The raw JSON text of the value of attribute `key` in `object`, when it has one.
///
/// The first value of a key that was sent twice (`{"$dup":[…]}`).
pub(crate) fn lookup<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let stored: Cow<'_, str> = match key.starts_with('$') {
        true => Cow::Owned(format!("${key}")),
        false => Cow::Borrowed(key),
    };
    let value = member(object, &stored)?;
    match marked(value, "$dup") {
        Some(list) => elements(list).next(),
        None => Some(value),
    }
}

/// A JSON value as text: strings unquoted, numbers and booleans as they are written, the content
/// of `$int`, `$double` and `$bytes`, lists and maps as JSON, `null` as no value.
pub(crate) fn text(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => unquote(value),
        b'n' => None,
        b'{' => match unmarked(value) {
            Some(inner) => unquote(inner),
            None => Some(Cow::Borrowed(value)),
        },
        _ => Some(Cow::Borrowed(value)),
    }
}

/// A JSON value as a double: numbers, `$int` and `$double`; anything else is no value.
pub(crate) fn number(value: &str) -> Option<f64> {
    match value.as_bytes().first()? {
        b'-' | b'0'..=b'9' => value.parse().ok(),
        b'{' => {
            let inner = marked(value, "$int").or_else(|| marked(value, "$double"))?;
            unquote(inner)?.parse().ok()
        }
        _ => None,
    }
}

/// A JSON value as an integer: integers as they are, doubles cut off; no value beyond 64 bits.
pub(crate) fn integer(value: &str) -> Option<i64> {
    let digits = match marked(value, "$int") {
        Some(inner) => unquote(inner)?,
        None => Cow::Borrowed(value),
    };
    if let Ok(exact) = digits.parse() {
        return Some(exact);
    }
    let double = number(value)?.trunc();
    // 2^63 is the first double beyond i64.
    (double.abs() < 9_223_372_036_854_775_808.0).then_some(double as i64)
}

/// A JSON value as a boolean; anything but `true` and `false` is no value.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The value of `key`, as stored, in the JSON object `object`.
fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let bytes = object.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = skip_space(bytes, at + 1);
    while bytes.get(at) == Some(&b'"') {
        let key_end = string_end(bytes, at)?;
        let raw = object.get(at..key_end)?;
        at = skip_space(bytes, key_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, at + 1);
        let end = value_end(bytes, at)?;
        if key_is(raw, key) {
            return object.get(at..end);
        }
        at = skip_space(bytes, end);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(bytes, at + 1);
    }
    None
}

/// The members of a JSON list, as raw texts.
pub(crate) fn elements(list: &str) -> impl Iterator<Item = &str> {
    let bytes = list.as_bytes();
    let mut at = skip_space(bytes, 0) + 1;
    std::iter::from_fn(move || {
        let start = skip_space(bytes, at);
        let end = value_end(bytes, start)?;
        let item = list.get(start..end)?;
        at = skip_space(bytes, end) + 1;
        (!item.is_empty()).then_some(item)
    })
}

/// The members of a JSON object in order: key as text, raw value. Ends early where the text is
/// malformed.
pub(crate) fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let bytes = object.as_bytes();
    let mut at = skip_space(bytes, 0) + 1;
    std::iter::from_fn(move || {
        let start = skip_space(bytes, at);
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let key_end = string_end(bytes, start)?;
        let key = unquote(object.get(start..key_end)?)?;
        let value_start = skip_space(bytes, skip_space(bytes, key_end) + 1);
        let end = value_end(bytes, value_start)?;
        let value = object.get(value_start..end)?;
        at = skip_space(bytes, end) + 1;
        Some((key, value))
    })
}

/// The value of the only member of `value`, when that member is called `mark`.
pub(crate) fn marked<'a>(value: &'a str, mark: &str) -> Option<&'a str> {
    if !value.starts_with('{') {
        return None;
    }
    member(value, mark)
}

/// The value of `$int`, `$double` or `$bytes`, when `value` is one.
fn unmarked(value: &str) -> Option<&str> {
    ["$int", "$double", "$bytes"]
        .into_iter()
        .find_map(|mark| marked(value, mark))
}

/// Whether `raw`, a quoted JSON string, spells `key`.
fn key_is(raw: &str, key: &str) -> bool {
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return inner == key;
    }
    unquote(raw).is_some_and(|text| text == key)
}

/// The text of a quoted JSON string.
pub(crate) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Index after the string that starts with the quote at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// Index after the value that starts at `start`.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => {
            let (mut at, mut depth) = (start, 0_usize);
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let mut at = start;
            while !matches!(
                bytes.get(at),
                None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
            ) {
                at += 1;
            }
            Some(at)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OBJECT: &str = concat!(
        r#"{"a":"x","é\"q":"quoted","n":400,"d":1.0,"big":{"$int":"9007199254740993"},"#,
        r#""nan":{"$double":"NaN"},"b":{"$bytes":"AAE="},"l":[1,"]",{"a":2}],"m":{"k":"v"},"#,
        r#""t":true,"z":null,"$$int":7,"twice":{"$dup":["first",2]},"":"empty"}"#
    );

    /// Scenario: every kind of value of the overflow encoding, escaped and empty keys, a key that
    /// also occurs deeper, keys that are absent.
    /// Guarantees: text, number, integer and boolean are read as docs/sql.md says.
    #[test]
    fn reads_each_kind() {
        let check = |key: &str, want_text: Option<&str>, want_number: Option<f64>| {
            let value = lookup(OBJECT, key);
            assert_eq!(value.and_then(text).as_deref(), want_text, "text of {key}");
            let number = value.and_then(number);
            assert_eq!(
                number.map(|n| n.to_string()),
                want_number.map(|n| n.to_string()),
                "number of {key}"
            );
        };
        check("a", Some("x"), None);
        check("é\"q", Some("quoted"), None);
        check("n", Some("400"), Some(400.0));
        check("d", Some("1.0"), Some(1.0));
        check(
            "big",
            Some("9007199254740993"),
            Some(9_007_199_254_740_992.0),
        );
        check("nan", Some("NaN"), Some(f64::NAN));
        check("b", Some("AAE="), None);
        check("l", Some(r#"[1,"]",{"a":2}]"#), None);
        check("m", Some(r#"{"k":"v"}"#), None);
        check("t", Some("true"), None);
        check("z", None, None);
        check("$int", Some("7"), Some(7.0));
        check("twice", Some("first"), None);
        check("", Some("empty"), None);
        check("k", None, None);
        check("absent", None, None);
        assert_eq!(lookup(OBJECT, "t").and_then(boolean), Some(true));
        assert_eq!(
            lookup(OBJECT, "big").and_then(integer),
            Some(9_007_199_254_740_993)
        );
        assert_eq!(integer("-1.9"), Some(-1));
        assert_eq!(integer("1e30"), None);
    }

    proptest! {
        /// Scenario: any text in place of an object; any JSON string map.
        /// Guarantees: no panic; each key of a map is found with its value.
        #[test]
        fn never_panics_and_finds_every_key(
            junk in "\\PC{0,40}|[{}\\[\\]\",:\\\\a$ ]{0,30}",
            map in proptest::collection::btree_map("[a-c\\\\\"é$\\n]{0,6}", ".{0,8}", 0..6),
        ) {
            let _ = lookup(&junk, "a").and_then(text);
            let stored: serde_json::Map<_, _> = map
                .iter()
                .map(|(key, value)| {
                    let escape = if key.starts_with('$') { "$" } else { "" };
                    (format!("{escape}{key}"), serde_json::Value::from(value.as_str()))
                })
                .collect();
            let object = serde_json::Value::Object(stored).to_string();
            for (key, value) in &map {
                let found = lookup(&object, key).and_then(text);
                prop_assert_eq!(found.as_deref(), Some(value.as_str()));
            }
        }
    }
}

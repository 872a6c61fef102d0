//! Functions over whole sets of attributes, for the pages that list keys and values, and a digest
//! that tells rows apart. docs/sql.md describes them.
//!
//! - `attribute_keys(json)`: the keys in an overflow, each as `types:key`; `types` has one letter a
//!   type ([`TYPES`]), several for a key that was sent more than once.
//! - `attribute_type(json, key)`: the name of the type of the (first) value of `key`.
//! - `attribute_count(json, column, …)`: keys in the overflow, and columns with a value.
//! - `row_digest(column, …)`: 64 bits that follow from the values and their places; NULL counts as
//!   nothing, so that columns appended later do not change it.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringViewArray,
    StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::json_text;

/// Letters of types in `attribute_keys`, and their names.
pub(crate) const TYPES: [(char, &str); 8] = [
    ('s', "string"),
    ('i', "int"),
    ('d', "double"),
    ('b', "bool"),
    ('y', "bytes"),
    ('a', "array"),
    ('m', "map"),
    ('n', "null"),
];

/// All of them.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    [Name::Keys, Name::Type, Name::Count, Name::Digest]
        .map(|name| Arc::new(ScalarUDF::new_from_impl(Function::new(name))))
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Keys,
    Type,
    Count,
    Digest,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: Name,
    signature: Signature,
}

impl Function {
    fn new(name: Name) -> Self {
        let text = DataType::Utf8View;
        let signature = match name {
            Name::Keys => Signature::exact(vec![text], Volatility::Immutable),
            Name::Type => Signature::exact(vec![text.clone(), text], Volatility::Immutable),
            Name::Count | Name::Digest => Signature::variadic_any(Volatility::Immutable),
        };
        Function { name, signature }
    }
}

fn list_of_keys() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)))
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.name {
            Name::Keys => "attribute_keys",
            Name::Type => "attribute_type",
            Name::Count => "attribute_count",
            Name::Digest => "row_digest",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.name {
            Name::Keys => list_of_keys(),
            Name::Type => DataType::Utf8View,
            Name::Count | Name::Digest => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let result: ArrayRef = match (self.name, arrays.as_slice()) {
            (Name::Keys, [objects]) => keys(objects.as_string_view()),
            (Name::Type, [objects, keys]) => types(objects.as_string_view(), keys.as_string_view()),
            (Name::Count, [objects, columns @ ..]) => counts(objects, columns)?,
            (Name::Digest, columns) => digests(rows, columns)?,
            (name, given) => return exec_err!("{name:?} got {} arguments", given.len()),
        };
        Ok(ColumnarValue::Array(result))
    }
}

/// The attributes in an overflow: key, letter of the type, value as text. Of a key that was sent
/// twice, the first value.
pub(crate) fn entries(
    object: &str,
) -> impl Iterator<Item = (Cow<'_, str>, char, Option<Cow<'_, str>>)> {
    json_text::members(object).map(|(key, value)| {
        let first = json_text::marked(value, "$dup")
            .and_then(|twins| json_text::elements(twins).next())
            .unwrap_or(value);
        (plain_key(key), letter(first), json_text::text(first))
    })
}

/// A key as it was sent: one that begins with a dollar sign is stored with one more.
fn plain_key(key: Cow<'_, str>) -> Cow<'_, str> {
    match key.starts_with("$$") {
        true => Cow::Owned(key[1..].to_owned()),
        false => key,
    }
}

fn keys(objects: &StringViewArray) -> ArrayRef {
    let mut out = ListBuilder::new(StringViewBuilder::new());
    let mut entry = String::new();
    for object in objects {
        for (key, value) in json_text::members(object.unwrap_or_default()) {
            entry.clear();
            match json_text::marked(value, "$dup") {
                Some(twins) => {
                    for letter in json_text::elements(twins).map(letter) {
                        if !entry.contains(letter) {
                            entry.push(letter);
                        }
                    }
                }
                None => entry.push(letter(value)),
            }
            entry.push(':');
            entry.push_str(&plain_key(key));
            out.values().append_value(&entry);
        }
        out.append(true);
    }
    Arc::new(out.finish())
}

/// The letter of the type of a JSON value in the overflow's encoding.
fn letter(value: &str) -> char {
    match value.as_bytes().first() {
        Some(b'"') => 's',
        Some(b't' | b'f') => 'b',
        Some(b'[') => 'a',
        Some(b'{') => {
            let mark = json_text::members(value).next();
            match mark.as_ref().map(|(key, _)| key.as_ref()) {
                Some("$int") => 'i',
                Some("$double") => 'd',
                Some("$bytes") => 'y',
                Some("$strindex") => 's',
                _ => 'm',
            }
        }
        Some(b'-' | b'0'..=b'9') => {
            let double = value.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
            if double { 'd' } else { 'i' }
        }
        _ => 'n',
    }
}

fn types(objects: &StringViewArray, keys: &StringViewArray) -> ArrayRef {
    let mut out = StringViewBuilder::with_capacity(objects.len());
    for (object, key) in objects.iter().zip(keys) {
        let value = json_text::lookup(object.unwrap_or_default(), key.unwrap_or_default());
        let letter = value.map(letter);
        out.append_option(letter.and_then(|letter| {
            let known = TYPES.iter().find(|(known, _)| *known == letter);
            known.map(|(_, name)| *name)
        }));
    }
    Arc::new(out.finish())
}

fn counts(objects: &ArrayRef, columns: &[ArrayRef]) -> Result<ArrayRef> {
    let objects = cast(objects, &DataType::Utf8View)?;
    let mut counts: Vec<i64> = objects
        .as_string_view()
        .iter()
        .map(|object| json_text::members(object.unwrap_or_default()).count() as i64)
        .collect();
    for column in columns {
        for (row, count) in counts.iter_mut().enumerate() {
            *count += i64::from(column.is_valid(row));
        }
    }
    Ok(Arc::new(Int64Array::from(counts)))
}

fn digests(rows: usize, columns: &[ArrayRef]) -> Result<ArrayRef> {
    let mut states = vec![0_u64; rows];
    for (place, column) in columns.iter().enumerate() {
        let mut mix = |row: usize, bytes: &[u8]| {
            if let Some(state) = states.get_mut(row) {
                *state = xxh3_64_with_seed(bytes, state.rotate_left(17) ^ (place as u64 + 1));
            }
        };
        let valid = |row: &usize| column.is_valid(*row);
        match column.data_type() {
            DataType::Null => {}
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let texts = cast(column, &DataType::Utf8View)?;
                let texts = texts.as_string_view();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, texts.value(row).as_bytes()));
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                let ids = cast(column, &DataType::BinaryView)?;
                let ids = ids.as_binary_view();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, ids.value(row)));
            }
            DataType::Boolean => {
                let flags: &BooleanArray = column.as_boolean();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, &[u8::from(flags.value(row))]));
            }
            DataType::UInt64 => {
                let numbers = column.as_primitive::<arrow::datatypes::UInt64Type>();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, &numbers.value(row).to_le_bytes()));
            }
            DataType::Float64 => {
                let numbers = column.as_primitive::<arrow::datatypes::Float64Type>();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, &numbers.value(row).to_le_bytes()));
            }
            other if other.is_integer() || other.is_temporal() => {
                let numbers = cast(column, &DataType::Int64)?;
                let numbers = numbers.as_primitive::<Int64Type>();
                (0..rows)
                    .filter(valid)
                    .for_each(|row| mix(row, &numbers.value(row).to_le_bytes()));
            }
            other => return exec_err!("row_digest takes no {other}"),
        }
    }
    let states = states.into_iter().map(|state| state as i64);
    Ok(Arc::new(Int64Array::from_iter_values(states)))
}

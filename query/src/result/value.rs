//! One value as JSON: ids as lower-case hex, times as RFC 3339 with nanoseconds, integers beyond
//! 2^53 and doubles that JSON lacks as text, lists and structs as JSON.

use std::io::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use arrow::datatypes::{Field, TimeUnit};
use oriel_storage::schema::JSON_MARK;

/// Integers up to this are exact in a JSON reader that knows only doubles.
const EXACT_MAX: u64 = 1 << 53;

/// The name of a column's type in answers.
pub(crate) fn type_name(field: &Field) -> String {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let json = field.metadata().contains_key(JSON_MARK);
            if json { "json" } else { "text" }.to_owned()
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("list<{}>", type_name(item))
        }
        DataType::Struct(_) => "struct".to_owned(),
        DataType::Interval(_) => "interval".to_owned(),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => "decimal".to_owned(),
        DataType::Dictionary(_, values) => {
            type_name(&Field::new("", values.as_ref().clone(), true))
        }
        other => other.to_string().to_lowercase(),
    }
}

/// Appends the value at `row` of `array` as JSON.
pub(crate) fn write_json(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match array.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => show(out, array.as_boolean().value(row)),
        DataType::Utf8 => write_text(array.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => write_text(array.as_string::<i64>().value(row), out),
        DataType::Utf8View => write_text(array.as_string_view().value(row), out),
        DataType::Binary => write_hex(array.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => write_hex(array.as_binary::<i64>().value(row), out),
        DataType::BinaryView => write_hex(array.as_binary_view().value(row), out),
        DataType::FixedSizeBinary(_) => write_hex(array.as_fixed_size_binary().value(row), out),
        DataType::Int8 => show(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => show(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => show(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::UInt8 => show(out, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => show(out, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => show(out, array.as_primitive::<UInt32Type>().value(row)),
        DataType::Int64 => {
            let value = array.as_primitive::<Int64Type>().value(row);
            exact(out, value, value.unsigned_abs() <= EXACT_MAX);
        }
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row);
            exact(out, value, value <= EXACT_MAX);
        }
        DataType::Float32 => {
            write_double(
                f64::from(array.as_primitive::<Float32Type>().value(row)),
                out,
            );
        }
        DataType::Float64 => write_double(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            out.push(b'"');
            write_time(nanos, out);
            out.push(b'"');
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), out),
        DataType::LargeList(_) => write_list(&array.as_list::<i64>().value(row), out),
        DataType::FixedSizeList(_, _) => write_list(&array.as_fixed_size_list().value(row), out),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            out.push(b'{');
            for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
                separate(index, out);
                write_text(field.name(), out);
                out.push(b':');
                write_json(column, row, out);
            }
            out.push(b'}');
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            write_json(dictionary.values(), key, out);
        }
        _ => write_other(array, row, out),
    }
}

/// A comma before each item but the first.
pub(crate) fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to a Vec");
}

fn exact(out: &mut Vec<u8>, value: impl std::fmt::Display, exact: bool) {
    if exact {
        show(out, value);
    } else {
        write!(out, "\"{value}\"").expect("writing to a Vec");
    }
}

fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        write!(out, "\"{sign}Infinity\"").expect("writing to a Vec");
    } else {
        // Debug prints the shortest digits that read back, with an exponent where that is shorter.
        write!(out, "{value:?}").expect("writing to a Vec");
    }
}

fn write_list(items: &dyn Array, out: &mut Vec<u8>) {
    out.push(b'[');
    for item in 0..items.len() {
        separate(item, out);
        write_json(items, item, out);
    }
    out.push(b']');
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a Vec");
    }
    out.push(b'"');
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to a Vec");
}

/// Types that telemetry has not, but expressions may: as Arrow prints them.
fn write_other(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.9fZ"));
    let text = ArrayFormatter::try_new(array, &options)
        .and_then(|formatter| formatter.value(row).try_to_string());
    write_text(&text.unwrap_or_default(), out);
}

/// Appends a time as `2026-11-23T04:05:06.000000007Z`.
fn write_time(nanos: i64, out: &mut Vec<u8>) {
    const DAY: i64 = 86_400_000_000_000;
    // Civil-from-days, H. Hinnant, "chrono-compatible low-level date algorithms".
    let z = nanos.div_euclid(DAY) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let day = doy - (153 * mp + 2) / 5 + 1;
    let (seconds, nanos) = (
        nanos.rem_euclid(DAY) / 1_000_000_000,
        nanos.rem_euclid(1_000_000_000),
    );
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z"
    )
    .expect("writing to a Vec");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the epoch, a nanosecond before it, a leap day, the last nanosecond of Arrow.
    /// Guarantees: RFC 3339 with nine digits and Z.
    #[test]
    fn times_are_rfc3339() {
        let check = |nanos, want: &str| {
            let mut out = Vec::new();
            write_time(nanos, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        };
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(-1, "1969-12-31T23:59:59.999999999Z");
        check(1_709_164_800_000_000_007, "2024-02-29T00:00:00.000000007Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775807Z");
    }
}

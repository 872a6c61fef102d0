//! Functions of our own in SQL, few: `hex`, `time_bucket`, `format_duration`, `to_ms`,
//! `histogram_quantile`, `matches`. docs/sql.md describes them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListArray, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::ids;

/// All functions of our own.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let own = [
        Name::Hex,
        Name::FormatDuration,
        Name::ToMs,
        Name::HistogramQuantile,
    ];
    let bucket = datafusion::functions::datetime::date_bin();
    let bucket = bucket.as_ref().clone().with_aliases(["time_bucket"]);
    own.into_iter()
        .map(|name| Arc::new(ScalarUDF::new_from_impl(Function::new(name))))
        .chain([Arc::new(bucket), super::words::matches()])
        .chain(super::events::all())
        .chain(super::attribute_functions::all())
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Hex,
    FormatDuration,
    ToMs,
    HistogramQuantile,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: Name,
    signature: Signature,
}

impl Function {
    fn new(name: Name) -> Self {
        let list = |item| DataType::List(Arc::new(Field::new("element", item, false)));
        let signature = match name {
            Name::Hex => Signature::uniform(1, vec![DataType::Binary], Volatility::Immutable),
            Name::FormatDuration => {
                Signature::uniform(1, vec![DataType::Int64], Volatility::Immutable)
            }
            Name::ToMs => Signature::uniform(1, vec![DataType::Float64], Volatility::Immutable),
            Name::HistogramQuantile => Signature::exact(
                vec![
                    DataType::Float64,
                    list(DataType::UInt64),
                    list(DataType::Float64),
                ],
                Volatility::Immutable,
            ),
        };
        Function { name, signature }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.name {
            Name::Hex => "hex",
            Name::FormatDuration => "format_duration",
            Name::ToMs => "to_ms",
            Name::HistogramQuantile => "histogram_quantile",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.name {
            Name::Hex | Name::FormatDuration => DataType::Utf8View,
            Name::ToMs | Name::HistogramQuantile => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let result: ArrayRef = match (self.name, arrays.as_slice()) {
            (Name::Hex, [ids]) => texts(ids.as_binary::<i32>().iter(), ids::to_hex),
            (Name::FormatDuration, [nanos]) => {
                texts(nanos.as_primitive::<Int64Type>().iter(), format_duration)
            }
            (Name::ToMs, [nanos]) => {
                let millis = nanos.as_primitive::<Float64Type>().unary(|n| n / 1e6);
                let millis: Float64Array = millis;
                Arc::new(millis)
            }
            (Name::HistogramQuantile, [quantile, counts, bounds]) => quantiles(
                quantile.as_primitive::<Float64Type>(),
                counts.as_list::<i32>(),
                bounds.as_list::<i32>(),
            )?,
            (name, given) => return exec_err!("{name:?} got {} arguments", given.len()),
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn texts<T>(values: impl Iterator<Item = Option<T>>, format: impl Fn(T) -> String) -> ArrayRef {
    let mut out = StringViewBuilder::new();
    for value in values {
        out.append_option(value.map(&format));
    }
    Arc::new(out.finish())
}

/// Nanoseconds as people write them: `850ns`, `12.4µs`, `3.21ms`, `1.5s`, `2m3s`, `1h2m`.
pub(crate) fn format_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let scaled = |unit: f64, name: &str| {
        let text = format!("{:.2}", n as f64 / unit);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{sign}{text}{name}")
    };
    let seconds = n / 1_000_000_000;
    match n {
        0..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => scaled(1e3, "µs"),
        1_000_000..1_000_000_000 => scaled(1e6, "ms"),
        1_000_000_000..60_000_000_000 => scaled(1e9, "s"),
        60_000_000_000..3_600_000_000_000 => format!("{sign}{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{sign}{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

fn quantiles(quantile: &Float64Array, counts: &ListArray, bounds: &ListArray) -> Result<ArrayRef> {
    let mut out = Float64Builder::with_capacity(counts.len());
    for row in 0..counts.len() {
        if quantile.is_null(row) || counts.is_null(row) || bounds.is_null(row) {
            out.append_null();
            continue;
        }
        let counts = cast(&counts.value(row), &DataType::Float64)?;
        let bounds = bounds.value(row);
        out.append_option(histogram_quantile(
            quantile.value(row),
            counts.as_primitive::<Float64Type>().values(),
            bounds.as_primitive::<Float64Type>().values(),
        ));
    }
    Ok(Arc::new(out.finish()))
}

/// The `q` quantile of a histogram: linear within the bucket that holds it, as Prometheus does.
/// The first bucket starts at 0 when its bound is positive; a quantile in the last, open bucket is
/// the last bound. No value for an empty histogram or lists that do not fit each other.
fn histogram_quantile(q: f64, counts: &[f64], bounds: &[f64]) -> Option<f64> {
    let total: f64 = counts.iter().sum();
    if total == 0.0 || bounds.is_empty() || counts.len() != bounds.len() + 1 || q.is_nan() {
        return None;
    }
    let rank = q.clamp(0.0, 1.0) * total;
    let mut below = 0.0;
    for (index, count) in counts.iter().enumerate() {
        if below + count >= rank && *count > 0.0 {
            let Some(upper) = bounds.get(index) else {
                break;
            };
            let lower = match index {
                0 => upper.min(0.0),
                _ => bounds[index - 1],
            };
            return Some(lower + (upper - lower) * (rank - below) / count);
        }
        below += count;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a duration in each unit, negative and extreme ones.
    /// Guarantees: at most three significant parts, never a panic.
    #[test]
    fn durations_read_well() {
        let check = |nanos, want: &str| assert_eq!(format_duration(nanos), want);
        check(0, "0ns");
        check(850, "850ns");
        check(12_400, "12.4µs");
        check(3_210_000, "3.21ms");
        check(-1_500_000_000, "-1.5s");
        check(123_000_000_000, "2m3s");
        check(3_720_000_000_000, "1h2m");
        check(i64::MIN, "-2562047h47m");
    }

    /// Scenario: a median inside a bucket, in the first, in the open last one; an empty histogram.
    /// Guarantees: the values Prometheus would give.
    #[test]
    fn quantiles_interpolate() {
        let check = |q, counts: &[f64], want| {
            assert_eq!(histogram_quantile(q, counts, &[10.0, 20.0]), want);
        };
        check(0.5, &[0.0, 4.0, 0.0], Some(15.0));
        check(0.5, &[2.0, 0.0, 0.0], Some(5.0));
        check(0.9, &[1.0, 0.0, 9.0], Some(20.0));
        check(0.5, &[0.0, 0.0, 0.0], None);
        check(0.5, &[1.0], None);
    }
}

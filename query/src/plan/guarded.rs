//! DataFusion's functions that make much of little, or work for long on few rows, with bounds.
//!
//! Memory that expressions use is not counted by DataFusion, and an operator does not yield while it
//! evaluates one over a batch. So here a call tells beforehand how much it would make, and is refused
//! if that is too much; and a costly one is made for a few rows at a time, as long as somebody waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use super::regexes;
use crate::work;

/// Bytes that a call may make for the rows of one batch.
const BATCH_BYTES_MAX: u64 = 128 << 20;
/// Bytes of a constant: it may be copied for every row of a batch.
const CONSTANT_BYTES_MAX: u64 = 64 << 10;
/// Steps that `levenshtein` may take for one row: a second or so.
const STEPS_MAX: u64 = 500_000_000;
/// How long a costly function may work before it looks whether somebody still waits.
const SLICE: Duration = Duration::from_millis(20);
/// Rows that it begins with.
const SLICE_ROWS: usize = 16;
/// Bytes that an item of a list takes.
const ITEM_BYTES: u64 = 8;

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cost {
    /// `repeat(text, count)`.
    Repeat,
    /// `lpad(text, length, fill)`: four bytes a character at most.
    Pad,
    /// `range(start, stop, step)`.
    Range,
    /// `array_repeat(element, count)`.
    Elements,
    /// `array_resize(list, size, value)`.
    Resize,
    /// `replace(text, from, to)`: each character becomes `to` at worst.
    Replace,
    /// `concat(…)`.
    Concat,
    /// `concat_ws(between, …)`.
    Join,
    /// `levenshtein(a, b)`: time.
    Product,
    /// A regular expression over a text: time.
    Regex,
}

const GUARDED: [(&str, Cost); 16] = [
    ("repeat", Cost::Repeat),
    ("lpad", Cost::Pad),
    ("rpad", Cost::Pad),
    ("range", Cost::Range),
    ("generate_series", Cost::Range),
    ("array_repeat", Cost::Elements),
    ("array_resize", Cost::Resize),
    ("replace", Cost::Replace),
    ("regexp_replace", Cost::Replace),
    ("concat", Cost::Concat),
    ("concat_ws", Cost::Join),
    ("levenshtein", Cost::Product),
    ("regexp_like", Cost::Regex),
    ("regexp_match", Cost::Regex),
    ("regexp_count", Cost::Regex),
    ("regexp_instr", Cost::Regex),
];

/// The guarded ones among the functions of `registry`, to take the place of the others.
pub(crate) fn all(registry: &dyn FunctionRegistry) -> Vec<Arc<ScalarUDF>> {
    let found = GUARDED.into_iter().filter_map(|(name, cost)| {
        let inner = registry.udf(name).ok()?;
        Some(Arc::new(ScalarUDF::new_from_impl(Guarded { inner, cost })))
    });
    found.collect()
}

/// A function that looks before it leaps.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Guarded {
    inner: Arc<ScalarUDF>,
    cost: Cost,
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.inner().schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(types)
    }

    fn return_field_from_args(
        &self,
        args: ReturnFieldArgs<'_>,
    ) -> Result<arrow::datatypes::FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = self.inner.inner().with_updated_config(config)?;
        Some(ScalarUDF::new_from_impl(Guarded {
            inner: Arc::new(inner),
            cost: self.cost,
        }))
    }

    /// Only to an operator: to another function would be to one without a guard.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if self.cost != Cost::Regex {
            return Ok(ExprSimplifyResult::Original(args));
        }
        match self.inner.inner().simplify(args.clone(), context)? {
            ExprSimplifyResult::Simplified(Expr::ScalarFunction(_)) => {
                Ok(ExprSimplifyResult::Original(args))
            }
            done => Ok(done),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if work::over() {
            return Err(DataFusionError::Execution("the query is over".to_owned()));
        }
        self.check(&args)?;
        if self.name() == regexes::LIKE
            && let Some(found) = regexes::like(&args.args)
        {
            return found;
        }
        let constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        match self.cost {
            Cost::Product | Cost::Regex | Cost::Replace if !constant => self.sliced(&args),
            _ => self.inner.inner().invoke_with_args(args),
        }
    }
}

impl Guarded {
    /// Refuses a call that would make too much.
    fn check(&self, args: &ScalarFunctionArgs) -> Result<()> {
        let constant = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
        let (rows, max) = match args.args.iter().all(constant) {
            true => (1, CONSTANT_BYTES_MAX),
            false => (args.number_rows, BATCH_BYTES_MAX),
        };
        let name = self.name();
        let sizes = self.sizes(&args.args, rows)?.into_iter();
        let (size, what, max) = match self.cost {
            Cost::Product => (sizes.max().unwrap_or_default(), "take", STEPS_MAX),
            // The worst case for each; what all rows become is seen while they are made.
            Cost::Replace => (sizes.max().unwrap_or_default(), "make", max),
            _ => (sizes.fold(0, u64::saturating_add), "make", max),
        };
        let unit = if what == "take" { "steps" } else { "bytes" };
        if size > max {
            return exec_err!(
                "{name} would {what} {size} {unit} at once; at most {max} are allowed"
            );
        }
        Ok(())
    }

    /// What the call costs, row by row.
    fn sizes(&self, args: &[ColumnarValue], rows: usize) -> Result<Vec<u64>> {
        let texts = |at: usize| args.get(at).map_or(Numbers::Same(0), lengths);
        let times = |left: Numbers, right: Numbers, each: u64| {
            let product = |row| left.at(row).saturating_mul(right.at(row));
            (0..rows)
                .map(|row| product(row).saturating_mul(each))
                .collect()
        };
        Ok(match self.cost {
            Cost::Repeat => times(texts(0), counts(args.get(1))?, 1),
            Cost::Pad => times(Numbers::Same(1), counts(args.get(1))?, 4),
            Cost::Range => return range(args, rows),
            Cost::Elements => {
                let element = args.first().map_or(0, element_bytes).max(ITEM_BYTES);
                times(Numbers::Same(element), counts(args.get(1))?, 1)
            }
            Cost::Resize => times(Numbers::Same(ITEM_BYTES), counts(args.get(1))?, 1),
            Cost::Replace => {
                let (text, from, to) = (texts(0), texts(1), texts(2));
                // A regular expression may match the empty text anywhere.
                let regex = self.name() == "regexp_replace";
                let made = |row: usize| {
                    let step = if regex { 1 } else { from.at(row).max(1) };
                    let places = text.at(row) / step + 1;
                    text.at(row)
                        .saturating_add(places.saturating_mul(to.at(row)))
                };
                (0..rows).map(made).collect()
            }
            Cost::Concat => {
                let parts: Vec<Numbers> = args.iter().map(lengths).collect();
                let sum = |row| parts.iter().map(|part| part.at(row)).sum();
                (0..rows).map(sum).collect()
            }
            Cost::Join => {
                let parts: Vec<Numbers> = args.iter().map(lengths).collect();
                let sum = |row| {
                    let between = parts[0].at(row).saturating_mul(parts.len() as u64);
                    let texts = parts.iter().skip(1).map(|part| part.at(row));
                    texts.fold(between, u64::saturating_add)
                };
                (0..rows).map(sum).collect()
            }
            Cost::Product => times(texts(0), texts(1), 1),
            Cost::Regex => Vec::new(),
        })
    }

    /// The same as a call for all rows, made for some of them after others.
    fn sliced(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut done: Vec<ArrayRef> = Vec::new();
        let (mut at, mut rows, mut bytes) = (0, SLICE_ROWS, 0);
        while at < args.number_rows || done.is_empty() {
            if work::over() {
                return Err(DataFusionError::Execution("the query is over".to_owned()));
            }
            let taken = rows.min(args.number_rows - at);
            let started = Instant::now();
            let slice = |arg: &ColumnarValue| match arg {
                ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(at, taken)),
                scalar => scalar.clone(),
            };
            let part = ScalarFunctionArgs {
                args: args.args.iter().map(slice).collect(),
                number_rows: taken,
                ..args.clone()
            };
            let made = self.inner.inner().invoke_with_args(part)?;
            let made = made.into_array(taken)?;
            bytes += made.get_array_memory_size() as u64;
            if bytes > BATCH_BYTES_MAX {
                let (name, max) = (self.name(), BATCH_BYTES_MAX);
                return exec_err!("{name} made {bytes} bytes at once; at most {max} are allowed");
            }
            done.push(made);
            at += taken;
            rows = match started.elapsed() {
                took if took * 4 < SLICE => rows.saturating_mul(4),
                took if took > SLICE => (rows / 4).max(1),
                _ => rows,
            };
        }
        match done.as_slice() {
            [whole] => Ok(ColumnarValue::Array(Arc::clone(whole))),
            parts => {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                Ok(ColumnarValue::Array(concat(&parts)?))
            }
        }
    }
}

/// A number a row.
enum Numbers {
    Same(u64),
    Each(Vec<u64>),
}

impl Numbers {
    fn at(&self, row: usize) -> u64 {
        match self {
            Numbers::Same(number) => *number,
            Numbers::Each(numbers) => numbers.get(row).copied().unwrap_or_default(),
        }
    }
}

/// Bytes of texts; of what is no text, none.
fn lengths(value: &ColumnarValue) -> Numbers {
    let texts = match value {
        ColumnarValue::Scalar(scalar) => {
            let text = scalar.try_as_str().flatten();
            return Numbers::Same(text.map_or(0, str::len) as u64);
        }
        ColumnarValue::Array(array) => array,
    };
    match texts.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {}
        _ => return Numbers::Same(0),
    }
    let Ok(texts) = cast(texts, &DataType::Utf8View) else {
        return Numbers::Same(0);
    };
    let texts = texts.as_string_view().iter();
    Numbers::Each(texts.map(|text| text.map_or(0, str::len) as u64).collect())
}

/// Whole numbers; NULL and negative ones count as none.
fn counts(value: Option<&ColumnarValue>) -> Result<Numbers> {
    Ok(match integers(value)? {
        Integers::Same(count) => Numbers::Same(positive(count)),
        Integers::Each(counts) => Numbers::Each(counts.into_iter().map(positive).collect()),
    })
}

fn positive(count: Option<i64>) -> u64 {
    count.map_or(0, |count| count.max(0).unsigned_abs())
}

/// A whole number a row.
enum Integers {
    Same(Option<i64>),
    Each(Vec<Option<i64>>),
}

impl Integers {
    fn at(&self, row: usize) -> Option<i64> {
        match self {
            Integers::Same(number) => *number,
            Integers::Each(numbers) => numbers.get(row).copied().flatten(),
        }
    }
}

/// An interval in nanoseconds, with short months; 0, as if it never moved, where its pieces point
/// both ways: a month less 28 days stands still in some Februaries, and a series of it never ends.
fn step_nanos(step: arrow::datatypes::IntervalMonthDayNano) -> i64 {
    let pieces = [step.months.into(), step.days.into(), step.nanoseconds];
    if pieces.iter().any(|piece| *piece > 0) && pieces.iter().any(|piece: &i64| *piece < 0) {
        return 0;
    }
    let days = pieces[0] * 28 + pieces[1];
    days.saturating_mul(86_400_000_000_000)
        .saturating_add(pieces[2])
}

/// Numbers as they are; times in nanoseconds; intervals likewise.
fn integers(value: Option<&ColumnarValue>) -> Result<Integers> {
    let array = match value {
        None | Some(ColumnarValue::Scalar(ScalarValue::Null)) => return Ok(Integers::Same(None)),
        Some(ColumnarValue::Scalar(scalar)) => scalar.to_array()?,
        Some(ColumnarValue::Array(array)) => Arc::clone(array),
    };
    let numbers: Vec<Option<i64>> = match array.data_type() {
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let steps = array.as_primitive::<IntervalMonthDayNanoType>().iter();
            steps.map(|step| step.map(step_nanos)).collect()
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let times = cast(&array, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
            let times = cast(&times, &DataType::Int64)?;
            times.as_primitive::<Int64Type>().iter().collect()
        }
        _ => {
            let numbers = cast(&array, &DataType::Int64)?;
            numbers.as_primitive::<Int64Type>().iter().collect()
        }
    };
    Ok(match value {
        Some(ColumnarValue::Scalar(_)) => Integers::Same(numbers.first().copied().flatten()),
        _ => Integers::Each(numbers),
    })
}

/// Bytes of the lists of `range(stop)`, `range(start, stop)` or `range(start, stop, step)`.
fn range(args: &[ColumnarValue], rows: usize) -> Result<Vec<u64>> {
    let (start, stop) = match args {
        [stop] => (Integers::Same(Some(0)), integers(Some(stop))?),
        args => (integers(args.first())?, integers(args.get(1))?),
    };
    let step = match args.get(2) {
        Some(step) => integers(Some(step))?,
        None => Integers::Same(Some(1)),
    };
    let bytes = |row: usize| {
        let (Some(start), Some(stop), Some(step)) = (start.at(row), stop.at(row), step.at(row))
        else {
            return 0;
        };
        let items = |step: u64| start.abs_diff(stop) / step + 1;
        match step {
            0 => u64::MAX,
            step if (stop >= start) == (step > 0) => {
                items(step.unsigned_abs()).saturating_mul(ITEM_BYTES)
            }
            _ => 0,
        }
    };
    Ok((0..rows).map(bytes).collect())
}

/// Bytes of one element, on average.
fn element_bytes(value: &ColumnarValue) -> u64 {
    match value {
        ColumnarValue::Scalar(scalar) => scalar.size() as u64,
        // Of its rows only: an array may be a piece of a larger one.
        ColumnarValue::Array(array) => {
            let bytes = array.to_data().get_slice_memory_size();
            let bytes = bytes.unwrap_or_else(|_| array.get_buffer_memory_size());
            (bytes / array.len().max(1)) as u64
        }
    }
}

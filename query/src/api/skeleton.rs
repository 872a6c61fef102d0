//! The shape of a trace as columns: rows of a query -> typed arrays -> Arrow IPC.
//!
//! 1. One row a span, in the order of the trace. 2. Parents by row: the first span with the id.
//! 3. Self time: the duration less what children cover, by one pass in order of start.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringDictionaryBuilder, StringViewArray, UInt8Array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use arrow::ipc::writer::StreamWriter;
use oriel_proto::TraceId;

use super::trace::ORDER;
use crate::error::{Code, Error};

/// The span has no parent.
const NO_PARENT: i32 = -1;
/// The span names a parent that is not in the trace.
const ORPHAN: i32 = -2;

const HAS_EVENTS: u8 = 1;
const HAS_LINKS: u8 = 2;
const HAS_LOGS: u8 = 4;
const HAS_EXCEPTION: u8 = 8;

/// The query for [`build`] over the spans that `condition` selects.
pub(super) fn sql(condition: &str) -> String {
    format!(
        "SELECT span_id, parent_span_id, parent_span_id_raw IS NOT NULL AS odd_parent, \
         CAST(start_time AS BIGINT) AS start, duration, service_name, name, kind, status_code, \
         cardinality(events) > 0 AS has_events, cardinality(links) > 0 AS has_links, \
         event_named(events, 'exception') AS has_exception \
         FROM spans WHERE {condition} ORDER BY {ORDER}"
    )
}

/// The columns of [`sql`], each as one array.
struct Spans {
    ids: BinaryArray,
    parents: BinaryArray,
    odd_parents: BooleanArray,
    starts: Int64Array,
    durations: Int64Array,
    texts: [StringViewArray; 4],
    flags: [BooleanArray; 3],
}

impl Spans {
    fn of(batches: &[RecordBatch]) -> Result<Spans, Error> {
        let column = |index: usize, data_type: DataType| -> Result<ArrayRef, Error> {
            let parts = batches
                .iter()
                .map(|batch| cast(batch.column(index), &data_type))
                .collect::<Result<Vec<_>, _>>()
                .map_err(failed)?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            match parts.is_empty() {
                true => Ok(arrow::array::new_empty_array(&data_type)),
                false => concat(&parts).map_err(failed),
            }
        };
        let ids = |index| Ok(column(index, DataType::Binary)?.as_binary().clone());
        let ints = |index| {
            Ok(column(index, DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone())
        };
        let texts = |index| Ok(column(index, DataType::Utf8View)?.as_string_view().clone());
        let flags = |index| Ok(column(index, DataType::Boolean)?.as_boolean().clone());
        Ok(Spans {
            ids: ids(0)?,
            parents: ids(1)?,
            odd_parents: flags(2)?,
            starts: ints(3)?,
            durations: ints(4)?,
            texts: [texts(5)?, texts(6)?, texts(7)?, texts(8)?],
            flags: [flags(9)?, flags(10)?, flags(11)?],
        })
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    /// The row of each span's parent.
    fn parent_rows(&self) -> Vec<i32> {
        let mut first: HashMap<&[u8], i32> = HashMap::with_capacity(self.len());
        for row in 0..self.len() {
            first.entry(self.ids.value(row)).or_insert(row as i32);
        }
        (0..self.len())
            .map(|row| match self.parents.is_valid(row) {
                true => first
                    .get(self.parents.value(row))
                    .copied()
                    .unwrap_or(ORPHAN),
                false if self.odd_parents.value(row) => ORPHAN,
                false => NO_PARENT,
            })
            .collect()
    }

    fn duration(&self, row: usize) -> Option<i64> {
        self.durations
            .is_valid(row)
            .then(|| self.durations.value(row))
    }

    /// The duration of each span less what its children cover; rows are in order of start.
    fn self_times(&self, parents: &[i32]) -> Vec<f64> {
        // Up to where, and how much of it, the children seen so far cover each span.
        let mut covered: Vec<(i64, i64)> = self.starts.values().iter().map(|s| (*s, 0)).collect();
        for (row, parent) in parents.iter().enumerate() {
            let (Ok(parent), Some(duration)) = (usize::try_from(*parent), self.duration(row))
            else {
                continue;
            };
            let Some(of_parent) = self.duration(parent).filter(|_| parent != row) else {
                continue;
            };
            let start = self.starts.value(row);
            let parent_end = self.starts.value(parent).saturating_add(of_parent);
            let (until, sum) = &mut covered[parent];
            let from = start.max(*until);
            let to = start.saturating_add(duration).min(parent_end);
            if to > from {
                *until = to;
                *sum += to - from;
            }
        }
        covered
            .iter()
            .enumerate()
            .map(|(row, (_, sum))| match self.duration(row) {
                Some(duration) => duration.saturating_sub(*sum) as f64,
                None => f64::NAN,
            })
            .collect()
    }

    fn dictionary(&self, text: usize) -> Result<ArrayRef, Error> {
        let mut out = StringDictionaryBuilder::<Int32Type>::new();
        for value in &self.texts[text] {
            match value {
                Some(value) => {
                    out.append(value).map_err(failed)?;
                }
                None => out.append_null(),
            }
        }
        Ok(Arc::new(out.finish()))
    }

    fn words(&self, text: usize, words: &[&str]) -> ArrayRef {
        let number = |value: Option<&str>| {
            let place = words.iter().position(|word| Some(*word) == value);
            place.unwrap_or_default() as u8
        };
        let numbers = self.texts[text].iter().map(number);
        Arc::new(UInt8Array::from_iter_values(numbers))
    }

    fn flags(&self, logged: &HashSet<Vec<u8>>) -> ArrayRef {
        let marks = [HAS_EVENTS, HAS_LINKS, HAS_EXCEPTION];
        let of_row = |row: usize| {
            let logs = !logged.is_empty() && logged.contains(self.ids.value(row));
            let start = if logs { HAS_LOGS } else { 0 };
            let set = self.flags.iter().zip(marks);
            set.fold(start, |sum, (flag, mark)| {
                let is_set = flag.is_valid(row) && flag.value(row);
                if is_set { sum | mark } else { sum }
            })
        };
        Arc::new(UInt8Array::from_iter_values((0..self.len()).map(of_row)))
    }
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, format!("building the skeleton: {error}"))
}

/// The skeleton of trace `id`, which starts at `start`, as an Arrow IPC stream. `batches` are the
/// answer to [`sql`]; `logged` are the ids of spans with logs.
pub(super) fn build(
    batches: &[RecordBatch],
    logged: &HashSet<Vec<u8>>,
    id: TraceId,
    start: i64,
    snapshot: i64,
) -> Result<Vec<u8>, Error> {
    let spans = Spans::of(batches)?;
    let parents = spans.parent_rows();
    let since = |at: &i64| (i128::from(*at) - i128::from(start)) as f64;
    let starts: Float64Array = spans
        .starts
        .values()
        .iter()
        .map(|at| Some(since(at)))
        .collect();
    let durations = (0..spans.len()).map(|row| spans.duration(row).map_or(f64::NAN, |d| d as f64));
    let durations = Float64Array::from_iter_values(durations);
    let self_times = Float64Array::from(spans.self_times(&parents));
    let kinds = [
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
    ];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("span_id", Arc::new(spans.ids.clone())),
        ("parent", Arc::new(Int32Array::from(parents))),
        ("start", Arc::new(starts)),
        ("duration", Arc::new(durations)),
        ("self", Arc::new(self_times)),
        ("service", spans.dictionary(0)?),
        ("name", spans.dictionary(1)?),
        ("kind", spans.words(2, &kinds)),
        ("status", spans.words(3, &["UNSET", "OK", "ERROR"])),
        ("flags", spans.flags(logged)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), *name == "service"))
        .collect();
    let metadata = HashMap::from([
        ("trace_id".to_owned(), id.to_string()),
        ("trace_start".to_owned(), start.to_string()),
        ("snapshot".to_owned(), snapshot.to_string()),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &schema).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.finish().map_err(failed)?;
    drop(writer);
    Ok(bytes)
}

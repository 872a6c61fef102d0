//! Trace summaries: rows of `traces` from rows of `spans`, and the merging of such rows.
//!
//! A summary is mergeable: least and greatest of times, sums of counts, the earliest root. One row
//! covers the spans it was made from; rows of one trace whose windows [`min_start`, `max_start`]
//! lie apart stay separate, because a row is also the index from a trace id to the times to scan.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Int64Array, ListArray, RecordBatch,
    StringArray, StringBuilder, StructArray, TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};

use crate::part::order::{RowAt, id};
use crate::schema::{Schemas, Table, TableSchema};
use crate::{Batch, Error, Result};

/// Windows of one trace that are at most this far apart, in nanoseconds, become one row.
const JOIN_GAP: i64 = 1_000_000_000;

/// The status that counts as an error.
const ERROR: &str = "ERROR";

/// Summarises all rows of `spans`: rows of `traces`, sorted by trace id, one a trace.
pub(crate) fn summarise(schemas: &Schemas, spans: &[RecordBatch]) -> Result<Batch> {
    let rows = spans
        .iter()
        .enumerate()
        .flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch as u32, row as u32)));
    let rows = summarise_rows(schemas, spans, rows)?;
    Batch::new(schemas.of(Table::Traces), rows, BTreeSet::new())
}

/// The same for the given rows of `spans`.
pub(crate) fn summarise_rows(
    schemas: &Schemas,
    spans: &[RecordBatch],
    rows: impl Iterator<Item = RowAt>,
) -> Result<RecordBatch> {
    let columns = spans
        .iter()
        .map(|batch| SpanColumns::new(schemas.of(Table::Spans), batch))
        .collect::<Result<Vec<_>>>()?;
    let mut by_id: HashMap<u128, usize> = HashMap::new();
    let mut traces: Vec<TraceRow<'_>> = Vec::new();
    let mut last: Option<(u128, usize)> = None;
    for (batch, row) in rows {
        let span = columns[batch as usize].row(row as usize);
        // Spans of one trace often come together: the map is then not asked.
        let at = match last {
            Some((id, at)) if id == span.id => at,
            _ => *by_id.entry(span.id).or_insert_with(|| {
                traces.push(TraceRow::empty(span.trace_id));
                traces.len() - 1
            }),
        };
        last = Some((span.id, at));
        traces[at].add(&span);
    }
    traces.sort_unstable_by_key(|trace| trace.id);
    encode(schemas.of(Table::Traces), traces)
}

/// Merges rows of `traces` that are sorted by trace id: rows of one trace whose windows overlap,
/// or nearly touch, become one. The sum of span counts stays.
pub(crate) fn join(schema: &TableSchema, rows: &RecordBatch) -> Result<RecordBatch> {
    let ids = binary(schema, rows, "trace_id")?;
    let repeats = (1..rows.num_rows()).any(|row| ids.value(row - 1) == ids.value(row));
    if !repeats {
        return Ok(rows.clone());
    }
    let mut joined: Vec<TraceRow<'_>> = Vec::with_capacity(rows.num_rows());
    let mut decoded = decode(schema, rows)?;
    decoded.sort_by_key(|trace| (trace.id, trace.min_start));
    for trace in decoded {
        match joined.last_mut() {
            Some(open) if open.touches(&trace) => open.absorb(trace),
            _ => joined.push(trace),
        }
    }
    encode(schema, joined)
}

/// Sum of the span counts of rows of `traces`.
pub(crate) fn spans_count(schema: &TableSchema, rows: &RecordBatch) -> Result<i64> {
    let counts = int(schema, rows, "span_count")?;
    Ok(counts.values().iter().sum())
}

/// One summary; texts are borrowed from the rows it was made from.
#[derive(Debug)]
struct TraceRow<'a> {
    id: u128,
    trace_id: &'a [u8],
    min_start: i64,
    max_start: i64,
    max_end: Option<i64>,
    root: Option<Root<'a>>,
    span_count: i64,
    error_count: i64,
    services: Vec<Service<'a>>,
}

#[derive(Debug)]
struct Root<'a> {
    /// Start of the root span; of its row, where a row is all that is left.
    start: i64,
    span_id: &'a [u8],
    service: Option<&'a str>,
    name: Option<&'a str>,
    status: Option<&'a str>,
    duration: Option<i64>,
}

#[derive(Debug)]
struct Service<'a> {
    name: Option<&'a str>,
    span_count: i64,
    error_count: i64,
}

impl<'a> TraceRow<'a> {
    fn empty(trace_id: &'a [u8]) -> Self {
        TraceRow {
            id: id(trace_id),
            trace_id,
            min_start: i64::MAX,
            max_start: i64::MIN,
            max_end: None,
            root: None,
            span_count: 0,
            error_count: 0,
            services: Vec::new(),
        }
    }

    fn add(&mut self, span: &Span<'a>) {
        let errors = i64::from(span.status == ERROR);
        self.min_start = self.min_start.min(span.start);
        self.max_start = self.max_start.max(span.start);
        self.max_end = self.max_end.max(span.end);
        self.span_count += 1;
        self.error_count += errors;
        self.count_service(span.service, 1, errors);
        if span.is_root {
            self.offer_root(Root {
                start: span.start,
                span_id: span.span_id,
                service: span.service,
                name: Some(span.name),
                status: Some(span.status),
                duration: span.duration,
            });
        }
    }

    fn touches(&self, next: &TraceRow<'_>) -> bool {
        self.id == next.id && next.min_start.saturating_sub(self.max_start) <= JOIN_GAP
    }

    fn absorb(&mut self, other: TraceRow<'a>) {
        self.min_start = self.min_start.min(other.min_start);
        self.max_start = self.max_start.max(other.max_start);
        self.max_end = self.max_end.max(other.max_end);
        self.span_count += other.span_count;
        self.error_count += other.error_count;
        for service in other.services {
            self.count_service(service.name, service.span_count, service.error_count);
        }
        if let Some(root) = other.root {
            self.offer_root(root);
        }
    }

    /// Keeps the earliest root; of equally early ones the one with the least id.
    fn offer_root(&mut self, root: Root<'a>) {
        let earlier = self
            .root
            .as_ref()
            .is_none_or(|old| (root.start, root.span_id) < (old.start, old.span_id));
        if earlier {
            self.root = Some(root);
        }
    }

    fn count_service(&mut self, name: Option<&'a str>, spans: i64, errors: i64) {
        match self
            .services
            .iter_mut()
            .find(|service| service.name == name)
        {
            Some(service) => {
                service.span_count += spans;
                service.error_count += errors;
            }
            None => self.services.push(Service {
                name,
                span_count: spans,
                error_count: errors,
            }),
        }
    }
}

/// What a summary takes from a span.
struct Span<'a> {
    id: u128,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    is_root: bool,
    start: i64,
    end: Option<i64>,
    duration: Option<i64>,
    name: &'a str,
    status: &'a str,
    service: Option<&'a str>,
}

/// The columns of a batch of spans that a summary needs.
struct SpanColumns<'a> {
    trace_id: &'a BinaryArray,
    span_id: &'a BinaryArray,
    parent: &'a ArrayRef,
    start: &'a TimestampNanosecondArray,
    end: &'a TimestampNanosecondArray,
    duration: &'a Int64Array,
    name: &'a StringArray,
    status: &'a StringArray,
    service: &'a StringArray,
}

impl<'a> SpanColumns<'a> {
    fn new(schema: &TableSchema, rows: &'a RecordBatch) -> Result<Self> {
        Ok(SpanColumns {
            trace_id: binary(schema, rows, "trace_id")?,
            span_id: binary(schema, rows, "span_id")?,
            parent: column(schema, rows, "parent_span_id")?,
            start: time(schema, rows, "start_time")?,
            end: time(schema, rows, "end_time")?,
            duration: int(schema, rows, "duration")?,
            name: text(schema, rows, "name")?,
            status: text(schema, rows, "status_code")?,
            service: text(schema, rows, "service_name")?,
        })
    }

    fn row(&self, row: usize) -> Span<'a> {
        let trace_id = self.trace_id.value(row);
        Span {
            id: id(trace_id),
            trace_id,
            span_id: self.span_id.value(row),
            is_root: self.parent.is_null(row),
            start: self.start.value(row),
            end: self.end.is_valid(row).then(|| self.end.value(row)),
            duration: self
                .duration
                .is_valid(row)
                .then(|| self.duration.value(row)),
            name: self.name.value(row),
            status: self.status.value(row),
            service: optional(self.service, row),
        }
    }
}

/// Rows of `traces` as values.
fn decode<'a>(schema: &TableSchema, rows: &'a RecordBatch) -> Result<Vec<TraceRow<'a>>> {
    let trace_id = binary(schema, rows, "trace_id")?;
    let min_start = time(schema, rows, "min_start")?;
    let max_start = time(schema, rows, "max_start")?;
    let max_end = time(schema, rows, "max_end")?;
    let root_span_id = binary(schema, rows, "root_span_id")?;
    let root_service = text(schema, rows, "root_service_name")?;
    let root_name = text(schema, rows, "root_name")?;
    let root_status = text(schema, rows, "root_status_code")?;
    let root_duration = int(schema, rows, "root_duration")?;
    let span_count = int(schema, rows, "span_count")?;
    let error_count = int(schema, rows, "error_count")?;
    let services = column(schema, rows, "services")?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong("services"))?;
    let service = services
        .values()
        .as_struct_opt()
        .ok_or_else(|| wrong("services"))?;
    let [service_name, service_spans, service_errors] = service.columns() else {
        return Err(wrong("services"));
    };
    let service_name = service_name.as_string::<i32>();
    let service_spans = service_spans.as_primitive::<Int64Type>();
    let service_errors = service_errors.as_primitive::<Int64Type>();
    let row = |row: usize| TraceRow {
        id: id(trace_id.value(row)),
        trace_id: trace_id.value(row),
        min_start: min_start.value(row),
        max_start: max_start.value(row),
        max_end: max_end.is_valid(row).then(|| max_end.value(row)),
        root: root_span_id.is_valid(row).then(|| Root {
            start: min_start.value(row),
            span_id: root_span_id.value(row),
            service: optional(root_service, row),
            name: optional(root_name, row),
            status: optional(root_status, row),
            duration: root_duration
                .is_valid(row)
                .then(|| root_duration.value(row)),
        }),
        span_count: span_count.value(row),
        error_count: error_count.value(row),
        services: (services.value_offsets()[row]..services.value_offsets()[row + 1])
            .map(|at| Service {
                name: optional(service_name, at as usize),
                span_count: service_spans.value(at as usize),
                error_count: service_errors.value(at as usize),
            })
            .collect(),
    };
    Ok((0..rows.num_rows()).map(row).collect())
}

/// Values as rows of `traces`, in their order; services sorted by name.
fn encode(schema: &TableSchema, mut traces: Vec<TraceRow<'_>>) -> Result<RecordBatch> {
    for trace in &mut traces {
        trace.services.sort_unstable_by_key(|service| service.name);
    }
    let mut trace_ids = BinaryBuilder::with_capacity(traces.len(), traces.len() * 16);
    let mut root_ids = BinaryBuilder::with_capacity(traces.len(), traces.len() * 8);
    let [mut services, mut names, mut statuses] = [(); 3].map(|()| StringBuilder::new());
    for trace in &traces {
        trace_ids.append_value(trace.trace_id);
        let root = trace.root.as_ref();
        root_ids.append_option(root.map(|root| root.span_id));
        services.append_option(root.and_then(|root| root.service));
        names.append_option(root.and_then(|root| root.name));
        statuses.append_option(root.and_then(|root| root.status));
    }
    let times = |of: fn(&TraceRow<'_>) -> i64| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from_iter_values(
            traces.iter().map(of),
        ))
    };
    let counts = |of: fn(&TraceRow<'_>) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(traces.iter().map(of)))
    };
    let max_end: TimestampNanosecondArray = traces.iter().map(|trace| trace.max_end).collect();
    let duration: Int64Array = traces
        .iter()
        .map(|trace| trace.root.as_ref().and_then(|root| root.duration))
        .collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(trace_ids.finish()),
        times(|trace| trace.min_start),
        times(|trace| trace.max_start),
        Arc::new(max_end),
        Arc::new(root_ids.finish()),
        Arc::new(services.finish()),
        Arc::new(names.finish()),
        Arc::new(statuses.finish()),
        Arc::new(duration),
        counts(|trace| trace.span_count),
        counts(|trace| trace.error_count),
        encode_services(schema, &traces)?,
    ];
    RecordBatch::try_new(Arc::clone(schema.arrow()), columns).map_err(arrow_error)
}

/// The column `services`.
fn encode_services(schema: &TableSchema, traces: &[TraceRow<'_>]) -> Result<ArrayRef> {
    let at = schema
        .index_of("services")
        .ok_or_else(|| wrong("services"))?;
    let DataType::List(element) = &schema.columns[at].data_type else {
        return Err(wrong("services"));
    };
    let DataType::Struct(fields) = element.data_type() else {
        return Err(wrong("services"));
    };
    let all = || traces.iter().flat_map(|trace| &trace.services);
    let names: StringArray = all().map(|service| service.name).collect();
    let spans = Int64Array::from_iter_values(all().map(|service| service.span_count));
    let errors = Int64Array::from_iter_values(all().map(|service| service.error_count));
    let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(spans), Arc::new(errors)];
    let values = StructArray::try_new(fields.clone(), columns, None).map_err(arrow_error)?;
    let offsets = OffsetBuffer::from_lengths(traces.iter().map(|trace| trace.services.len()));
    let list = ListArray::try_new(Arc::clone(element), offsets, Arc::new(values), None);
    Ok(Arc::new(list.map_err(arrow_error)?))
}

fn optional(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn column<'a>(
    schema: &TableSchema,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a ArrayRef> {
    let at = schema.index_of(name).ok_or_else(|| wrong(name))?;
    rows.columns().get(at).ok_or_else(|| wrong(name))
}

fn binary<'a>(
    schema: &TableSchema,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a BinaryArray> {
    column(schema, rows, name)?
        .as_binary_opt()
        .ok_or_else(|| wrong(name))
}

fn time<'a>(
    schema: &TableSchema,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a TimestampNanosecondArray> {
    let column = column(schema, rows, name)?;
    column
        .as_primitive_opt::<TimestampNanosecondType>()
        .ok_or_else(|| wrong(name))
}

fn int<'a>(
    schema: &TableSchema,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a Int64Array> {
    column(schema, rows, name)?
        .as_primitive_opt()
        .ok_or_else(|| wrong(name))
}

fn text<'a>(
    schema: &TableSchema,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a StringArray> {
    column(schema, rows, name)?
        .as_string_opt()
        .ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Error {
    Error::Invalid(format!(
        "rows to be summarised have no fitting column {name}"
    ))
}

fn arrow_error(source: arrow::error::ArrowError) -> Error {
    Error::Arrow {
        action: "summarising traces",
        source,
    }
}

#[cfg(test)]
mod tests;

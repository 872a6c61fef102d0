//! Summaries against a naive computation over the rows.

use std::collections::BTreeMap;

use arrow::compute::concat_batches;
use proptest::prelude::*;

use super::*;
use crate::part::sample::{NOW, Random, batch, texts};

/// Span fields by name, as text, row by row.
fn field(rows: &RecordBatch, name: &str) -> Vec<String> {
    texts(&[rows
        .project(&[rows.schema().index_of(name).unwrap()])
        .unwrap()])
}

/// One line a trace: id, min start, max start, spans, errors, root id, services.
fn naive(spans: &RecordBatch) -> Vec<String> {
    #[derive(Default)]
    struct Trace {
        starts: Vec<i64>,
        errors: usize,
        roots: Vec<(i64, String)>,
        services: BTreeMap<Option<String>, (usize, usize)>,
    }
    let start = spans.column_by_name("start_time").unwrap();
    let start = start.as_primitive::<TimestampNanosecondType>();
    let [ids, span_ids, parents, status, services] = [
        "trace_id",
        "span_id",
        "parent_span_id",
        "status_code",
        "service_name",
    ]
    .map(|name| field(spans, name));
    let mut traces: BTreeMap<String, Trace> = BTreeMap::new();
    for row in 0..spans.num_rows() {
        let trace = traces.entry(ids[row].clone()).or_default();
        let error = usize::from(status[row] == "ERROR");
        trace.starts.push(start.value(row));
        trace.errors += error;
        if parents[row] == "NULL" {
            trace.roots.push((start.value(row), span_ids[row].clone()));
        }
        let name = Some(services[row].clone()).filter(|name| name != "NULL");
        let service = trace.services.entry(name).or_default();
        *service = (service.0 + 1, service.1 + error);
    }
    let line = |(id, trace): (String, Trace)| {
        let services: Vec<String> = trace
            .services
            .into_iter()
            .map(|(name, (spans, errors))| {
                format!(
                    "{}:{spans}:{errors}",
                    name.unwrap_or_else(|| "NULL".to_owned())
                )
            })
            .collect();
        let root = trace
            .roots
            .into_iter()
            .min()
            .map_or("NULL".to_owned(), |(_, id)| id);
        format!(
            "{id} {} {} {} {} {root} {}",
            trace.starts.iter().min().unwrap(),
            trace.starts.iter().max().unwrap(),
            trace.starts.len(),
            trace.errors,
            services.join(",")
        )
    };
    traces.into_iter().map(line).collect()
}

/// The same lines from rows of `traces`.
fn lines(schema: &TableSchema, rows: &RecordBatch) -> Vec<String> {
    let ids = field(rows, "trace_id");
    let roots = field(rows, "root_span_id");
    let line = |(at, trace): (usize, TraceRow<'_>)| {
        let services: Vec<String> = trace
            .services
            .iter()
            .map(|s| {
                format!(
                    "{}:{}:{}",
                    s.name.unwrap_or("NULL"),
                    s.span_count,
                    s.error_count
                )
            })
            .collect();
        format!(
            "{} {} {} {} {} {} {}",
            ids[at],
            trace.min_start,
            trace.max_start,
            trace.span_count,
            trace.error_count,
            roots[at],
            services.join(",")
        )
    };
    decode(schema, rows)
        .unwrap()
        .into_iter()
        .enumerate()
        .map(line)
        .collect()
}

fn spans(schemas: &Schemas, seed: u64, len: usize) -> RecordBatch {
    let mut random = Random::new(seed + 1);
    let times: Vec<i64> = (0..len).map(|_| NOW + random.below(50) as i64).collect();
    batch(schemas, Table::Spans, &times, NOW, seed)
        .rows()
        .clone()
}

/// Scenario: no spans; one span without end, service or parent.
/// Guarantees: no row; one row with NULLs where nothing is known and the span as root.
#[test]
fn edges() {
    let schemas = Schemas::format0();
    assert_eq!(summarise(&schemas, &[]).unwrap().rows().num_rows(), 0);
    let all = spans(&schemas, 3, 200);
    let is_null = |name: &str, row: usize| all.column_by_name(name).unwrap().is_null(row);
    let row = (0..200)
        .find(|&row| {
            ["parent_span_id", "end_time", "service_name"]
                .iter()
                .all(|n| is_null(n, row))
        })
        .expect("a third of the values is NULL");
    let rows = summarise(&schemas, &[all.slice(row, 1)]).unwrap();
    let rows = rows.rows();
    assert_eq!(field(rows, "max_end"), ["NULL"]);
    assert_eq!(field(rows, "root_service_name"), ["NULL"]);
    assert_eq!(field(rows, "root_name"), field(&all.slice(row, 1), "name"));
    assert_eq!(
        field(rows, "root_span_id"),
        field(&all.slice(row, 1), "span_id")
    );
    assert_eq!(field(rows, "span_count"), ["1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Scenario: random spans of 40 traces in up to three batches.
    /// Guarantees: the summaries are those of a naive computation, sorted by trace id.
    #[test]
    fn equals_naive(seed in 0u64..1 << 40, sizes in prop::collection::vec(0usize..80, 1..4)) {
        let schemas = Schemas::format0();
        let batches: Vec<RecordBatch> =
            sizes.iter().zip(seed..).map(|(&len, seed)| spans(&schemas, seed, len)).collect();
        let all = concat_batches(&batches[0].schema(), &batches).unwrap();
        let summaries = summarise(&schemas, &batches).unwrap();
        prop_assert_eq!(lines(schemas.of(Table::Traces), summaries.rows()), naive(&all));
    }

    /// Scenario: the summaries of two flushes of the same traces, whose times overlap, are joined.
    /// Guarantees: the same as summarising all spans at once, the root aside (a row does not know
    /// when its root began).
    #[test]
    fn joins_overlapping_windows(seed in 0u64..1 << 40) {
        let schemas = Schemas::format0();
        let traces = schemas.of(Table::Traces);
        let batches = [spans(&schemas, seed, 60), spans(&schemas, seed + 1, 90)];
        let rows: Vec<RecordBatch> =
            batches.iter().map(|b| summarise(&schemas, std::slice::from_ref(b)).unwrap().rows().clone()).collect();
        let both = concat_batches(traces.arrow(), &rows).unwrap();
        let ids = both.column(0).as_binary::<i32>();
        let mut order: Vec<u32> = (0..both.num_rows() as u32).collect();
        order.sort_by_key(|&at| ids.value(at as usize));
        let sorted = arrow::compute::take_record_batch(&both, &arrow::array::UInt32Array::from(order)).unwrap();
        let joined = join(traces, &sorted).unwrap();
        prop_assert_eq!(spans_count(traces, &joined).unwrap(), 150);
        let without_root = |lines: Vec<String>| -> Vec<String> {
            lines.iter().map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                [&fields[..5], &fields[6..]].concat().join(" ")
            }).collect()
        };
        let all = concat_batches(&batches[0].schema(), &batches).unwrap();
        prop_assert_eq!(without_root(lines(traces, &joined)), without_root(naive(&all)));
    }
}

/// Scenario: a trace with spans now and an hour later, in two flushes.
/// Guarantees: its two windows stay two rows.
#[test]
fn disjoint_windows_stay_apart() {
    let schemas = Schemas::format0();
    let traces = schemas.of(Table::Traces);
    let early = batch(&schemas, Table::Spans, &[NOW], NOW, 8);
    let late = batch(&schemas, Table::Spans, &[NOW + 3_600_000_000_000], NOW, 8);
    let rows = [early, late].map(|spans| {
        summarise(&schemas, std::slice::from_ref(spans.rows()))
            .unwrap()
            .rows()
            .clone()
    });
    let both = concat_batches(traces.arrow(), &rows).unwrap();
    assert_eq!(field(&both, "trace_id")[0], field(&both, "trace_id")[1]);
    assert_eq!(join(traces, &both).unwrap().num_rows(), 2);
}

//! How fast spans become parts, and parts larger parts: rows a second on one core.
//!
//! The rows have the schema of format 0: random ids, six services, the usual HTTP and database
//! attributes, a JSON overflow, nearly in order of time, in requests of 512.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{Array, ListArray};
use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
    UInt32Array, new_empty_array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oriel_storage::bench::{Parts, summarise};
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{Batch, Config, PartMeta};

const NOW: i64 = 1_772_366_400_000_000_000;
const REQUEST_ROWS: usize = 512;

/// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One request of spans of one service.
fn request(schemas: &Schemas, number: usize) -> Batch {
    let schema = schemas.of(Table::Spans);
    let mut random = Random(number as u64);
    let service = random.below(6);
    let start = NOW + (number * REQUEST_ROWS) as i64 * 20_000;
    let rows: Vec<[u64; 4]> = (0..REQUEST_ROWS)
        .map(|_| [(); 4].map(|()| random.next()))
        .collect();
    let columns = schema.arrow().fields().iter().map(|field| {
        let column = column(field, &rows, service, start);
        cast(&column, field.data_type()).expect("text is text")
    });
    let rows = RecordBatch::try_new(Arc::clone(schema.arrow()), columns.collect())
        .expect("the columns are those of the schema");
    Batch::new(schema, rows, BTreeSet::new()).expect("the rows have the schema")
}

fn column(field: &Field, rows: &[[u64; 4]], service: u64, start: i64) -> ArrayRef {
    let text = |of: &dyn Fn(&[u64; 4]) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let bytes = |of: &dyn Fn(&[u64; 4]) -> Vec<u8>| -> ArrayRef {
        Arc::new(BinaryArray::from_iter_values(rows.iter().map(of)))
    };
    let time = |of: &dyn Fn(usize, &[u64; 4]) -> i64| -> ArrayRef {
        let times = rows.iter().enumerate().map(|(at, row)| of(at, row));
        Arc::new(TimestampNanosecondArray::from_iter_values(times))
    };
    let route = |row: &[u64; 4]| format!("/api/v{}/things/{{id}}", row[2] % 20);
    let started =
        |at: usize, row: &[u64; 4]| start + at as i64 * 20_000 - (row[1] % 5_000_000) as i64;
    match field.name().as_str() {
        // Eight spans a trace.
        "trace_id" => bytes(&|row| {
            let trace = Random((row[0] % 64) ^ start as u64).next();
            [trace.to_be_bytes(), Random(trace).next().to_be_bytes()].concat()
        }),
        "span_id" => bytes(&|row| row[1].to_be_bytes().to_vec()),
        "parent_span_id" => bytes(&|row| row[3].to_be_bytes().to_vec()),
        "name" => text(&|row| format!("GET {}", route(row))),
        "kind" => text(&|row| ["SERVER", "CLIENT", "INTERNAL"][row[2] as usize % 3].to_owned()),
        "status_code" => text(&|row| if row[2] % 50 == 0 { "ERROR" } else { "UNSET" }.to_owned()),
        "start_time" => time(&started),
        "end_time" => time(&|at, row| started(at, row) + (row[2] % 1_000_000_000) as i64),
        "received_at" => time(&|_, _| start),
        "duration" => Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| (row[2] % 1_000_000_000) as i64),
        )),
        "service_name" => text(&|_| format!("service-{service}")),
        "resource_attributes.host.name" => text(&|_| format!("host-{service}")),
        "resource_attributes.k8s.pod.name" => {
            text(&|_| format!("service-{service}-7d9f-x2k{service}"))
        }
        "scope_name" => text(&|_| "opentelemetry.instrumentation.fastapi".to_owned()),
        "attributes.http.route" => text(&route),
        "attributes.http.request.method" => text(&|_| "GET".to_owned()),
        "attributes.url.path" => text(&|row| format!("/api/v1/things/{}", row[3] % 5000)),
        "attributes.server.address" => text(&|_| "shop.example".to_owned()),
        "attributes.http.response.status_code" => Arc::new(Int64Array::from_iter_values(
            rows.iter()
                .map(|row| if row[2] % 50 == 0 { 500 } else { 200 }),
        )),
        "attributes" => text(&|row| {
            format!(
                "{{\"net.peer.port\":{},\"order.id\":\"{:x}\"}}",
                row[2] % 60_000,
                row[3]
            )
        }),
        _ if field.is_nullable() => new_null_array(field.data_type(), rows.len()),
        _ => zero(field.data_type(), rows.len()),
    }
}

/// 0, or no element.
fn zero(data_type: &DataType, len: usize) -> ArrayRef {
    match data_type {
        DataType::List(element) => {
            let offsets = OffsetBuffer::new_zeroed(len);
            let values = new_empty_array(element.data_type());
            Arc::new(ListArray::new(Arc::clone(element), offsets, values, None)) as Arc<dyn Array>
        }
        _ => Arc::new(UInt32Array::from(vec![0; len])),
    }
}

fn parts(directory: &tempfile::TempDir) -> Parts {
    let config = Config {
        data_dir: directory.path().to_owned(),
        ..Config::default()
    };
    Parts::new(config, Schemas::format0()).expect("the directory can be written")
}

fn requests(count: usize) -> Vec<Batch> {
    let schemas = Schemas::format0();
    (0..count).map(|number| request(&schemas, number)).collect()
}

fn flush(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let parts = parts(&directory);
    let mut group = c.benchmark_group("flush");
    group.sample_size(10);
    for count in [16, 256] {
        let batches = requests(count);
        group.throughput(Throughput::Elements((count * REQUEST_ROWS) as u64));
        group.bench_function(format!("{} spans", count * REQUEST_ROWS), |b| {
            b.iter_batched(
                || batches.clone(),
                |batches| black_box(parts.flush(batches).expect("the disk has room")),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn merge(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let parts = parts(&directory);
    let flushed: Vec<PartMeta> = requests(256)
        .chunks(32)
        .flat_map(|batches| parts.flush(batches.to_vec()).expect("the disk has room"))
        .collect();
    let mut group = c.benchmark_group("merge");
    group.sample_size(10);
    for table in [Table::Spans, Table::Traces] {
        let inputs: Vec<PartMeta> = flushed
            .iter()
            .filter(|part| part.table == table)
            .cloned()
            .collect();
        group.throughput(Throughput::Elements(
            inputs.iter().map(|part| part.rows).sum(),
        ));
        group.bench_function(format!("8 parts of {table}"), |b| {
            b.iter(|| black_box(parts.merge(&inputs).expect("the parts are whole")));
        });
    }
    group.finish();
}

fn summaries(c: &mut Criterion) {
    let schemas = Schemas::format0();
    let spans: Vec<RecordBatch> = requests(64)
        .iter()
        .map(|batch| batch.rows().clone())
        .collect();
    let mut group = c.benchmark_group("summarise");
    group.throughput(Throughput::Elements((64 * REQUEST_ROWS) as u64));
    group.bench_function("spans", |b| {
        b.iter(|| black_box(summarise(&schemas, &spans).expect("the rows are spans")));
    });
    group.finish();
}

criterion_group!(benches, flush, merge, summaries);
criterion_main!(benches);

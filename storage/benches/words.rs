//! What the word index of logs costs to write, and how fast it answers: CPU seconds per million lines
//! with and without it, bytes a line, and times of searches.
//!
//! `ORIEL_LINES` says how many lines (200,000 unless set). They are about 300 bytes long: a message of
//! one of twelve shapes with an order, a user, an address, a UUID and a path in it.

#![allow(clippy::print_stdout, reason = "it is what a bench is for")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray, new_null_array};
use arrow::datatypes::DataType;
use bytesize::ByteSize;
use oriel_storage::bench::Parts;
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{Batch, Candidates, Config, PartMeta, Search, TextQuery};

const NOW: i64 = 1_772_366_400_000_000_000;
const BATCH_ROWS: usize = 8192;

/// splitmix64
fn random(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn line(number: u64) -> String {
    const SHAPES: [&str; 12] = [
        "payment accepted by gateway after retry",
        "card declined by issuer because of insufficient funds",
        "cache miss for product listing, falling back to database",
        "request timeout while waiting for upstream connection",
        "user session refreshed with new access token",
        "inventory reservation expired and items were released",
        "slow query detected on replica, plan was recomputed",
        "message published to partition and acknowledged by broker",
        "feature flag evaluation returned default variant",
        "health probe succeeded within expected latency budget",
        "order confirmation email queued for delivery worker",
        "connection pool exhausted, caller waits for free slot",
    ];
    let [a, b, c] = [1, 2, 3].map(|salt| random(number * 4 + salt));
    let shape = SHAPES[(a % 97 % 12) as usize];
    format!(
        "level=info component=checkoutService thread=worker-{} msg=\"{shape}\" order_id=ord-{:08x} \
         user_id={} client=10.{}.{}.{}:{} request_id={:08x}-{:04x}-4{:03x}-a{:03x}-{:012x} \
         path=/api/v2/customers/{}/orders status={} duration_ms={}",
        a % 32,
        b as u32,
        c % 50_000,
        a % 256,
        b % 256,
        c % 256,
        1024 + a % 60_000,
        a as u32,
        b & 0xFFFF,
        c & 0xFFF,
        a & 0xFFF,
        c & 0xFFFF_FFFF_FFFF,
        c % 50_000,
        [200, 200, 200, 201, 404, 500][(b % 6) as usize],
        c % 900,
    )
}

fn batch(schemas: &Schemas, first: u64) -> (Batch, u64) {
    let schema = schemas.of(Table::Logs);
    let lines: Vec<String> = (first..first + BATCH_ROWS as u64).map(line).collect();
    let bytes = lines.iter().map(|line| line.len() as u64).sum();
    let times = (first..).take(BATCH_ROWS).map(|n| NOW + n as i64 * 1000);
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(times));
    let body: ArrayRef = Arc::new(StringArray::from(lines));
    let columns = schema
        .arrow()
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "body" => Arc::clone(&body),
            "timestamp" | "received_at" | "time" => Arc::clone(&times),
            _ if field.is_nullable() => new_null_array(field.data_type(), BATCH_ROWS),
            _ => match field.data_type() {
                DataType::Utf8 => Arc::new(StringArray::from(vec![""; BATCH_ROWS])),
                other => arrow::compute::cast(
                    &arrow::array::Int64Array::from(vec![0; BATCH_ROWS]),
                    other,
                )
                .expect("numbers become numbers"),
            },
        });
    let rows = RecordBatch::try_new(Arc::clone(schema.arrow()), columns.collect())
        .expect("the columns are those of the schema");
    let batch = Batch::new(schema, rows, BTreeSet::new()).expect("the rows have the schema");
    (batch, bytes)
}

/// CPU time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|t| t.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(12) + ticks(13)) * 10)
}

/// Flushes `lines` lines as one part.
fn write(lines: u64, index_rows_min: usize) -> (tempfile::TempDir, Parts, PartMeta, Duration, u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = Config {
        data_dir: dir.path().to_owned(),
        compact_memory_bytes: ByteSize::mib(128),
        index_rows_min,
        ..Config::default()
    };
    let schemas = Schemas::format0();
    let parts = Parts::new(config, schemas.clone()).expect("opens");
    let made = (0..lines / BATCH_ROWS as u64).map(|at| batch(&schemas, at * BATCH_ROWS as u64));
    let (batches, sizes): (Vec<_>, Vec<u64>) = made.unzip();
    let start = cpu();
    let mut written = parts.flush(batches).expect("writes");
    let spent = cpu() - start;
    let part = written.pop().expect("a part");
    (dir, parts, part, spent, sizes.iter().sum())
}

fn main() {
    let lines = std::env::var("ORIEL_LINES").ok();
    let lines: u64 = lines.and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let (_, _, part, plain, raw) = write(lines, 0);
    let millions = part.rows as f64 / 1e6;
    println!("{} lines of {} bytes", part.rows, raw / part.rows);
    let per = |spent: Duration| spent.as_secs_f64() / millions;
    println!(
        "without index: {:.1} CPU s per million, {} B a line",
        per(plain),
        part.bytes / part.rows
    );
    let (_dir, parts, part, indexed, raw) = write(lines, 1);
    let index = parts.index_bytes();
    println!(
        "with index: {:.1} CPU s per million, index {} B a line, {:.0} % of the text",
        per(indexed),
        index / part.rows,
        100.0 * index as f64 / raw as f64
    );
    let order = line(part.rows / 2);
    let order = order
        .split("order_id=")
        .nth(1)
        .unwrap_or("")
        .split(' ')
        .next()
        .unwrap_or("");
    let text = |text: &str| Search::Text(TextQuery::parse(text).expect("words"));
    for (name, search) in [
        ("opening, every block compared", text("nowhere")),
        ("absent word", text("nowhere")),
        ("one order", text(order)),
        (
            "phrase of common words",
            text("\"card declined by issuer\""),
        ),
        ("prefix", text("insuff*")),
        ("infix", Search::Infix("nsufficien".to_owned())),
    ] {
        let start = Instant::now();
        let found = parts.candidates(&part, &search, usize::MAX);
        let took = start.elapsed();
        let found = match found {
            Candidates::Rows(rows) => format!("{} rows", rows.len()),
            other => format!("{other:?}"),
        };
        println!("{name}: {:.3} ms, {found}", took.as_secs_f64() * 1e3);
    }
}

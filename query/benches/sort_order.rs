//! Spans sorted by time, by (service, time), by (minute, service, time): bytes a span, write rate, eight queries.
//!
//! The rows are the shop corpus of tests/data, decoded by the collector and repeated with shifted
//! times and new trace, span and parent ids until there are `SPANS` of them (environment, default
//! 1,000,000), `SHOPS` (default 1) shops at once; other values repeat, so that dictionaries are as
//! good as in a longer day of the same shops. They are flushed in pieces as they arrive, then merged into one part, by the engine's own
//! code. Queries run over the merged parts in DataFusion with two partitions; each is run `RUNS`
//! times (default 7) after one to warm up. CPU time of the process is reported beside the least
//! wall time, since it bears other work on the machine better. Prints Markdown.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use oriel_collector::decode::Decoder;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::bench::{Parts, sorted_by};
use oriel_storage::schema::{Schemas, SortKey, Table};
use oriel_storage::{Batch, Config, ContentType, PartMeta};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Midnight of 2026-03-01.
const START: i64 = 1_772_323_200_000_000_000;
/// Rows of one flush.
const FLUSH_ROWS: usize = 131_072;
/// By how much the shops are apart.
const SHOP_NANOS: i64 = 37_000_000;
/// How long the corpus was recorded.
const CORPUS_NANOS: i64 = 158_500_000_000;

fn main() -> Result<()> {
    // `cargo bench` passes --bench; anything else (`cargo test --benches`) only wants it to build.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let setting = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let spans: usize = setting("SPANS", 1_000_000);
    let shops: usize = setting("SHOPS", 1);
    let runs: usize = setting("RUNS", 7);
    use SortKey::{Column, Minute};
    let orders: [(&str, &'static [SortKey]); 3] = [
        ("time", &[Column("start_time")]),
        (
            "service, time",
            &[Column("service_name"), Column("start_time")],
        ),
        (
            "minute, service, time",
            &[
                Minute("start_time"),
                Column("service_name"),
                Column("start_time"),
            ],
        ),
    ];
    let directory = tempfile::tempdir()?;
    let corpus = Corpus::read(&Schemas::format0())?;
    let mut columns = Vec::new();
    for (name, sort) in orders {
        let root = directory.path().join(name.replace(", ", "-"));
        let schemas = sorted_by(&Schemas::format0(), Table::Spans, sort);
        columns.push((
            name,
            measure(&corpus, &root, schemas, (spans, shops), runs)?,
        ));
    }
    std::io::stdout().write_all(markdown(&columns).as_bytes())?;
    Ok(())
}

/// Figures by name, in order of measurement.
type Figures = Vec<(String, String)>;

fn measure(
    corpus: &Corpus,
    root: &Path,
    schemas: Schemas,
    (spans, shops): (usize, usize),
    runs: usize,
) -> Result<Figures> {
    let config = Config {
        data_dir: root.to_owned(),
        compact_part_bytes_max: bytesize::ByteSize::gib(4),
        ..Config::default()
    };
    let parts = Parts::new(config, schemas.clone())?;
    let mut figures = Figures::new();
    let flushed = flush(corpus, &schemas, &parts, (spans, shops), &mut figures)?;
    let total =
        |parts: &[PartMeta], of: fn(&PartMeta) -> u64| -> u64 { parts.iter().map(of).sum() };
    let mut merged = BTreeMap::new();
    for table in [Table::Spans, Table::Traces] {
        let inputs: Vec<PartMeta> = flushed
            .iter()
            .filter(|part| part.table == table)
            .cloned()
            .collect();
        let (rows, bytes) = (total(&inputs, |p| p.rows), total(&inputs, |p| p.bytes));
        let clock = Clock::start();
        // The last parts in one go: a part more or less does not change the order of the rows.
        let mut level = inputs;
        while level.len() > 1 {
            let mut next = Vec::new();
            for group in level.chunks(32) {
                match group {
                    [one] => next.push(one.clone()),
                    group => next.extend(parts.merge(group)?),
                }
            }
            level = next;
        }
        let (_, cpu) = clock.stop();
        figures.push((
            format!("{table}: merged, k rows/s of CPU"),
            format!("{:.0}", rows as f64 / cpu / 1000.0),
        ));
        figures.push((
            format!("{table}: bytes a span, flushed / merged"),
            format!(
                "{:.1} / {:.1}",
                bytes as f64 / spans as f64,
                total(&level, |p| p.bytes) as f64 / spans as f64
            ),
        ));
        merged.insert(table, level);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    runtime.block_on(queries(root, &merged, runs, &mut figures))?;
    Ok(figures)
}

/// Flushes the corpus again and again, a day of the shop.
fn flush(
    corpus: &Corpus,
    schemas: &Schemas,
    parts: &Parts,
    (spans, shops): (usize, usize),
    figures: &mut Figures,
) -> Result<Vec<PartMeta>> {
    let mut flushed = Vec::new();
    let (mut rows, mut cpu) = (0, 0.0);
    let mut pending: Vec<Batch> = Vec::new();
    let mut pending_rows = 0;
    // Day after day of the recording, request after request of it, shop after shop.
    let requests = (0u64..)
        .flat_map(|day| corpus.batches.iter().map(move |batch| (day, batch)))
        .flat_map(|(day, batch)| (0..shops as u64).map(move |shop| (day, shop, batch)));
    for (day, shop, batch) in requests {
        let batch = batch.slice(0, batch.num_rows().min(spans - rows - pending_rows));
        let shift = corpus.shift + day as i64 * CORPUS_NANOS + shop as i64 * SHOP_NANOS;
        pending_rows += batch.num_rows();
        pending.push(replicate(
            schemas,
            &batch,
            shift,
            day * shops as u64 + shop,
        )?);
        let last = rows + pending_rows == spans;
        if pending_rows >= FLUSH_ROWS || last {
            let clock = Clock::start();
            flushed.extend(parts.flush(std::mem::take(&mut pending))?);
            cpu += clock.stop().1;
            rows += std::mem::take(&mut pending_rows);
        }
        if last {
            break;
        }
    }
    figures.push((
        "spans + traces: sorted and flushed, k spans/s of CPU".to_owned(),
        format!("{:.0}", rows as f64 / cpu / 1000.0),
    ));
    Ok(flushed)
}

/// The decoded requests of the shop corpus, in order of arrival.
struct Corpus {
    batches: Vec<RecordBatch>,
    /// What brings the first of its spans to [`START`].
    shift: i64,
}

impl Corpus {
    fn read(schemas: &Schemas) -> Result<Self> {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/shop/traces.binpb.zst");
        let bytes = zstd::decode_all(fs::File::open(file)?)?;
        let decoder = Decoder::new(schemas);
        let mut rest = bytes.as_slice();
        let mut batches = Vec::new();
        let mut first = i64::MAX;
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (body, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            rest = tail;
            let decoded =
                decoder.decode(Signal::Traces, ContentType::Protobuf, body, UnixNanos(0))?;
            for batch in decoded.batches {
                let rows = batch.rows().clone();
                let starts = times(&rows, schemas, "start_time");
                first = first.min(starts.iter().flatten().min().unwrap_or(i64::MAX));
                batches.push(rows);
            }
        }
        Ok(Corpus {
            batches,
            shift: START - first,
        })
    }
}

fn times(rows: &RecordBatch, schemas: &Schemas, name: &str) -> TimestampNanosecondArray {
    let at = schemas
        .of(Table::Spans)
        .index_of(name)
        .expect("a column of spans");
    rows.column(at)
        .as_primitive::<TimestampNanosecondType>()
        .clone()
}

/// The rows of one repetition: times moved on, ids replaced by others, the same for the same.
fn replicate(schemas: &Schemas, rows: &RecordBatch, shift: i64, replica: u64) -> Result<Batch> {
    let schema = schemas.of(Table::Spans);
    let mut columns = rows.columns().to_vec();
    for name in ["trace_id", "span_id", "parent_span_id"] {
        let at = schema.index_of(name).expect("a column of spans");
        let ids = columns[at].as_binary::<i32>();
        let new: BinaryArray = ids
            .iter()
            .map(|id| id.map(|id| other_id(id, replica)))
            .collect();
        columns[at] = Arc::new(new);
    }
    // Times differ a little between repetitions, so that no page compresses by their likeness.
    let at = schema.index_of("span_id").expect("a column of spans");
    let jitter: Vec<i64> = columns[at]
        .as_binary::<i32>()
        .iter()
        .map(|id| id.map_or(0, |id| i64::from(id[0]) << 12 | i64::from(id[1]) << 4))
        .collect();
    let jittered = |name: &str, times_of: i64| -> TimestampNanosecondArray {
        let times = times(rows, schemas, name);
        let moved = times.iter().zip(&jitter);
        moved
            .map(|(time, jitter)| time.map(|time| time + shift + times_of * jitter))
            .collect()
    };
    let moved = jittered("start_time", 1);
    let at = schema.index_of("duration").expect("a column of spans");
    let durations = columns[at].as_primitive::<Int64Type>().iter().zip(&jitter);
    let durations: Int64Array = durations
        .map(|(duration, jitter)| duration.map(|duration| duration + jitter))
        .collect();
    columns[at] = Arc::new(durations);
    for (name, values) in [
        ("start_time", moved.clone()),
        ("end_time", jittered("end_time", 2)),
        // Received when the last of the request had begun: nearly as it was.
        ("received_at", {
            let last = moved.iter().flatten().max().unwrap_or(START);
            TimestampNanosecondArray::from(vec![last; rows.num_rows()])
        }),
    ] {
        columns[schema.index_of(name).expect("a column of spans")] = Arc::new(values) as ArrayRef;
    }
    let rows = RecordBatch::try_new(Arc::clone(schema.arrow()), columns)?;
    Ok(Batch::new(schema, rows, Default::default())?)
}

fn other_id(id: &[u8], replica: u64) -> Vec<u8> {
    let mix = |half: &[u8]| {
        let mut value = half
            .iter()
            .fold(replica, |value, &byte| (value << 8) ^ u64::from(byte))
            ^ replica.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    };
    id.chunks(8)
        .flat_map(|half| mix(half).to_be_bytes())
        .collect()
}

/// A session like the product's, with the merged parts as tables.
async fn session(root: &Path, parts: &BTreeMap<Table, Vec<PartMeta>>) -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(2);
    config.options_mut().execution.parquet.pushdown_filters = true;
    config.options_mut().execution.parquet.reorder_filters = true;
    let session = SessionContext::new_with_config(config);
    for (table, parts) in parts {
        let paths: Vec<PathBuf> = parts.iter().map(|part| root.join(&part.path)).collect();
        let paths: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let rows = session
            .read_parquet(paths, ParquetReadOptions::default())
            .await?;
        session.register_table(table.as_str(), rows.into_view())?;
    }
    Ok(session)
}

async fn queries(
    root: &Path,
    parts: &BTreeMap<Table, Vec<PartMeta>>,
    runs: usize,
    figures: &mut Figures,
) -> Result<()> {
    let session = session(root, parts).await?;
    let one = async |sql: &str| -> Result<String> {
        let batches = session.sql(sql).await?.collect().await?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0);
        let batch = batch.ok_or_else(|| format!("no row: {sql}"))?;
        Ok(array_value_to_string(batch.column(0), 0)?)
    };
    let rare = |column: &str| {
        format!(
            "SELECT {column} v, count(*) c FROM spans WHERE {column} IS NOT NULL \
             GROUP BY 1 ORDER BY c, v LIMIT 1"
        )
    };
    let promoted = one(&rare("\"attributes.url.full\"")).await?;
    let overflow = one(&rare(
        "regexp_replace(attributes, '.*\"order.id\":(\"[^\"]*\").*', '\\1')",
    ))
    .await?;
    let id = one(
        "SELECT encode(trace_id, 'hex') FROM traces ORDER BY span_count DESC, trace_id LIMIT 1",
    )
    .await?;
    let newest = one("SELECT max(start_time) FROM spans").await?;
    let columns = "trace_id, span_id, name, start_time, duration, attributes";
    let window = "SELECT min(min_start), max(max_start) FROM traces WHERE trace_id = X";
    let statements = [
        ("p99 by service, route", "SELECT service_name, \"attributes.http.route\", \
          approx_percentile_cont(0.99) WITHIN GROUP (ORDER BY duration) FROM spans GROUP BY 1, 2".to_owned()),
        ("status ≥ 500 by route", "SELECT \"attributes.http.route\", count(*) FROM spans \
          WHERE \"attributes.http.response.status_code\" >= 500 \
          OR \"attributes.http.status_code\" >= 500 GROUP BY 1".to_owned()),
        ("rare value, promoted key", format!("SELECT count(*), max(duration) FROM spans WHERE \"attributes.url.full\" = '{promoted}'")),
        ("rare value, overflow key", format!("SELECT count(*), max(duration) FROM spans WHERE attributes LIKE '%\"order.id\":{overflow}%'")),
        ("last 100 of one service", format!("SELECT {columns} FROM spans WHERE service_name = 'payment' ORDER BY start_time DESC LIMIT 100")),
        ("trace by id", format!("{window}'{id}'")),
        ("absent trace id", "SELECT count(*) FROM spans WHERE trace_id = X'00112233445566778899aabbccddeeff'".to_owned()),
        ("count a minute by service", "SELECT date_bin(INTERVAL '1 minute', start_time) t, service_name, count(*) FROM spans GROUP BY 1, 2".to_owned()),
        ("last minute: errors by service", format!("SELECT service_name, status_code, count(*) FROM spans WHERE start_time > TIMESTAMP '{newest}' - INTERVAL '1 minute' GROUP BY 1, 2")),
        ("last 100 of all", format!("SELECT {columns} FROM spans ORDER BY start_time DESC LIMIT 100")),
    ];
    for (name, sql) in statements {
        let (mut wall, mut cpu) = (f64::MAX, f64::MAX);
        let mut rows = 0;
        for _ in 0..=runs {
            let clock = Clock::start();
            let mut found = session.sql(&sql).await?.collect().await?;
            if name == "trace by id" {
                let bound = |column: usize| array_value_to_string(found[0].column(column), 0);
                let sql = format!(
                    "SELECT * FROM spans WHERE trace_id = X'{id}' \
                     AND start_time BETWEEN '{}' AND '{}'",
                    bound(0)?,
                    bound(1)?
                );
                found = session.sql(&sql).await?.collect().await?;
            }
            let (wall_now, cpu_now) = clock.stop();
            (wall, cpu) = (wall.min(wall_now), cpu.min(cpu_now));
            rows = found.iter().map(RecordBatch::num_rows).sum();
        }
        figures.push((
            format!("{name} ({rows} rows): wall / CPU ms"),
            format!("{:.1} / {:.1}", wall * 1000.0, cpu * 1000.0),
        ));
    }
    Ok(())
}

/// Wall and CPU seconds of the process.
struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Self {
        Clock {
            wall: Instant::now(),
            cpu: cpu_seconds(),
        }
    }

    fn stop(self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu)
    }
}

/// CPU time of all threads of this process that live (Linux; 0 elsewhere).
fn cpu_seconds() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanos: u64 = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<u64>().ok())
        .sum();
    nanos as f64 / 1e9
}

fn markdown(columns: &[(&str, Figures)]) -> String {
    let mut out = String::from("| |");
    for (name, _) in columns {
        let _ = write!(out, " {name} |");
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(columns.len()));
    for at in 0..columns[0].1.len() {
        let _ = write!(out, "| {} |", columns[0].1[at].0);
        for (_, figures) in columns {
            let _ = write!(out, " {} |", figures[at].1);
        }
        out.push('\n');
    }
    out
}

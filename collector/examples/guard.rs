//! One hot path, run as often as asked, for `make bench-guard` (tests/bench/guard.py), which counts
//! the instructions of two such runs and so knows what one pass costs.
//!
//! `guard STAGE PASSES`; prints how many records a pass has. Stages: `decode-`, `flush-`,
//! `compact-` and `traces`, `logs` or `metrics`; `index-logs` (a merge that makes a word index), `wal`,
//! `inflate`. In: the recorded shop corpus. It links
//! no DataFusion, so it is built in minutes.

#![allow(clippy::print_stdout, reason = "the count is its output")]

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use oriel_collector::decode::{DECODER_VERSION, Decoder};
use oriel_collector::inflate::inflate;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::bench::Parts;
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{
    Answer, Batch, Claim, Config, ContentEncoding, ContentType, Frame, FrameHeader, PartMeta,
    ReplayFn, Store, SystemClock, TenantId,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// When the corpus is said to be received: soon after it was recorded.
const RECEIVED: UnixNanos = UnixNanos(1_795_400_000_000_000_000);

/// How many parts a merge reads.
const MERGED: usize = 4;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [stage, passes] = &args[..] else {
        return Err("usage: guard STAGE PASSES".into());
    };
    let passes: usize = passes.parse()?;
    let records = match &**stage {
        "wal" => wal(passes)?,
        "inflate" => deflated(passes)?,
        stage => {
            let (what, signal) = stage.split_once('-').unwrap_or((stage, ""));
            let signal = Signal::ALL
                .into_iter()
                .find(|known| known.as_str() == signal);
            let signal = signal.ok_or("no such signal")?;
            match what {
                "decode" => decode(signal, passes)?,
                "flush" => flush(signal, passes)?,
                "compact" => compact(signal, passes, 0)?,
                "index" => compact(signal, passes, 1)?,
                _ => return Err(format!("no stage {stage}").into()),
            }
        }
    };
    println!("{records}");
    Ok(())
}

/// The recorded requests of a signal.
fn shop(signal: Signal) -> Result<Vec<Bytes>> {
    let name = format!("../tests/data/shop/{signal}.binpb.zst");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut rest = Bytes::from(zstd::decode_all(&std::fs::read(path)?[..])?);
    let mut requests = Vec::new();
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        drop(rest.split_to(4));
        requests.push(rest.split_to(length));
    }
    Ok(requests)
}

fn decode(signal: Signal, passes: usize) -> Result<u64> {
    let decoder = Decoder::new(&Schemas::format0());
    let requests = shop(signal)?;
    let mut records = 0;
    for _ in 0..passes {
        records = 0;
        for body in &requests {
            let decoded = decoder.decode(signal, ContentType::Protobuf, body, RECEIVED)?;
            records += black_box(decoded).accepted;
        }
    }
    Ok(records)
}

/// The rows of the corpus, a batch a request and table, as buffers hold them.
fn rows(signal: Signal) -> Result<(Table, Vec<Batch>)> {
    let table = match signal {
        Signal::Traces => Table::Spans,
        Signal::Logs => Table::Logs,
        Signal::Metrics => Table::Metrics,
    };
    let decoder = Decoder::new(&Schemas::format0());
    let mut batches = Vec::new();
    for body in shop(signal)? {
        let decoded = decoder.decode(signal, ContentType::Protobuf, &body, RECEIVED)?;
        batches.extend(
            decoded
                .batches
                .into_iter()
                .filter(|batch| batch.table() == table),
        );
    }
    Ok((table, batches))
}

fn parts(dir: &Path, index_rows_min: usize) -> Result<Parts> {
    let config = Config {
        data_dir: dir.join("data"),
        index_rows_min,
        ..Config::default()
    };
    Ok(Parts::new(config, Schemas::format0())?)
}

fn count(batches: &[Batch]) -> u64 {
    batches
        .iter()
        .map(|batch| batch.rows().num_rows() as u64)
        .sum()
}

fn flush(signal: Signal, passes: usize) -> Result<u64> {
    let dir = tempfile::tempdir()?;
    let (parts, (_, batches)) = (parts(dir.path(), 0)?, rows(signal)?);
    for _ in 0..passes {
        black_box(parts.flush(batches.clone())?);
    }
    Ok(count(&batches))
}

fn compact(signal: Signal, passes: usize, index_rows_min: usize) -> Result<u64> {
    let dir = tempfile::tempdir()?;
    let (parts, (table, batches)) = (parts(dir.path(), index_rows_min)?, rows(signal)?);
    let mut inputs: Vec<PartMeta> = Vec::new();
    for some in batches.chunks(batches.len().div_ceil(MERGED)) {
        inputs.extend(parts.flush(some.to_vec())?);
    }
    // One day, and no odd rows: what a merge takes.
    let first = inputs.first().ok_or("no parts")?;
    let (day, odd) = (first.day, first.odd);
    inputs.retain(|part| part.table == table && part.day == day && part.odd == odd);
    for _ in 0..passes {
        black_box(parts.merge(&inputs)?);
    }
    Ok(inputs.iter().map(|part| part.rows).sum())
}

fn deflated(passes: usize) -> Result<u64> {
    let mut bodies = Vec::new();
    for body in shop(Signal::Traces)? {
        let level = flate2::Compression::fast();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(&body)?;
        bodies.push(encoder.finish()?);
    }
    for _ in 0..passes {
        for body in &bodies {
            black_box(inflate(ContentEncoding::Gzip, body, 1 << 30)?);
        }
    }
    Ok(44_117)
}

/// Appends without rows: checksums, queue, writes and the way back, request by request.
fn wal(passes: usize) -> Result<u64> {
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let bodies = shop(Signal::Traces)?;
    runtime.block_on(async {
        let config = Config {
            data_dir: dir.path().join("data"),
            ..Config::default()
        };
        let replay: ReplayFn = Arc::new(|_, _| Ok(Vec::new()));
        let store = Store::open(config, Arc::new(SystemClock), replay).await?;
        let mut number = 0u64;
        for _ in 0..passes {
            for body in &bodies {
                number += 1;
                append(&store, body.clone(), number).await?;
            }
        }
        store.close().await?;
        Ok(bodies.len() as u64)
    })
}

async fn append(store: &Store, payload: Bytes, number: u64) -> Result<()> {
    let tenant = TenantId::default_tenant();
    // The same body under another hash: as if another had come.
    let hash = store.request_hash(&tenant, Signal::Traces, &number.to_le_bytes());
    let Claim::New(claimed) = store.claim(hash).await? else {
        return Err("the request is new".into());
    };
    let header = FrameHeader {
        tenant,
        signal: Signal::Traces,
        content_type: ContentType::Protobuf,
        content_encoding: ContentEncoding::Identity,
        decoder_version: DECODER_VERSION,
        received_at: RECEIVED,
        request_hash: hash,
    };
    let frame = Frame { header, payload };
    store
        .append(claimed, frame, Vec::new(), Answer::default())
        .await?;
    Ok(())
}

//! How fast a log is brought back after a crash: the shop corpus over and over, plain and gzip, read
//! (checksums, headers), shown (decoded, with the flushes that run beside), and flushed to the end
//! (sorted, written as Parquet, committed).
//!
//! Prints megabytes of log a second of wall time, and a second of CPU time, which a busy machine
//! changes less. `ORIEL_REPLAY_MB` says how large the log is (default 256).

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytesize::ByteSize;
use oriel_collector::decode::{DECODER_VERSION, replay};
use oriel_proto::Signal;
use oriel_storage::{
    Answer, Claim, Clock, Config, ContentEncoding, ContentType, Frame, FrameHeader, Store,
    SystemClock, TenantId,
};

/// As in the binary; its settings (src/allocator.rs) come from the environment.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The recorded requests of all signals.
fn shop() -> Vec<(Signal, Vec<u8>)> {
    let mut requests = Vec::new();
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        let name = format!("../tests/data/shop/{signal}.binpb.zst");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let file = std::fs::read(path).expect("the corpus is in the repository");
        let bytes = zstd::decode_all(&file[..]).expect("the corpus is zstd");
        let mut rest = &bytes[..];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (request, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            requests.push((signal, request.to_vec()));
            rest = after;
        }
    }
    requests
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(body).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

/// Seconds of CPU that this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|text| text.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Logs the corpus until `bytes` are there, and flushes nothing. Returns the bytes of bodies, plain.
async fn fill(config: &Config, encoding: ContentEncoding, bytes: u64) -> u64 {
    let config = Config {
        flush_interval: Duration::from_secs(86_400),
        ..config.clone()
    };
    let opened = Store::open(config, Arc::new(SystemClock), replay(usize::MAX));
    let store = opened.await.expect("the store opens");
    let tenant = TenantId::default_tenant();
    let bodies: Vec<(Signal, usize, Bytes)> = shop()
        .into_iter()
        .map(|(signal, body)| match encoding {
            ContentEncoding::Identity => (signal, body.len(), Bytes::from(body)),
            _ => (signal, body.len(), Bytes::from(gzip(&body))),
        })
        .collect();
    let (mut logged, mut plain, mut number) = (0, 0, 0u64);
    while logged < bytes {
        let mut waiting = Vec::new();
        for (signal, size, body) in &bodies {
            number += 1;
            // The same body under another hash: as if another had come.
            let hash = store.request_hash(&tenant, *signal, &number.to_le_bytes());
            let Ok(Claim::New(claimed)) = store.claim(hash).await else {
                panic!("the request is new");
            };
            let header = FrameHeader {
                tenant: tenant.clone(),
                signal: *signal,
                content_type: ContentType::Protobuf,
                content_encoding: encoding,
                decoder_version: DECODER_VERSION,
                received_at: SystemClock.now(),
                request_hash: hash,
            };
            let (frame, store) = (
                Frame {
                    header,
                    payload: body.clone(),
                },
                store.clone(),
            );
            waiting.push(tokio::spawn(async move {
                store
                    .append(claimed, frame, Vec::new(), Answer::default())
                    .await
            }));
            logged += body.len() as u64;
            plain += *size as u64;
        }
        for append in waiting {
            append
                .await
                .expect("no panic")
                .expect("the frame is logged");
        }
    }
    plain
}

/// Measures a log of `bytes`; where the rows `fit`, nothing is flushed before all are shown.
async fn measure(name: &str, encoding: ContentEncoding, bytes: u64, fit: bool) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = Config {
        data_dir: dir.path().join("data"),
        compact_interval: Duration::from_secs(86_400),
        disk_free_min: ByteSize::mib(1),
        ..Config::default()
    };
    if fit {
        config.flush_interval = Duration::from_secs(86_400);
        config.flush_bytes = ByteSize::gib(16);
        config.buffer_bytes_max = ByteSize::gib(32);
    }
    let plain = fill(&config, encoding, bytes).await as f64 / 1e6;
    let (start, cpu_start) = (Instant::now(), cpu());
    let started = loop {
        let clock = Arc::new(SystemClock);
        match Store::start(config.clone(), clock, replay(usize::MAX)).await {
            Ok(store) => break store,
            // The last one still ends.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let read = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    let log = started.replay().map_or(0, |replay| replay.bytes_total) as f64 / 1e6;
    while started.replay().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let shown = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    let (flushed, memory) = (started.stats().part_rows, started.buffer_bytes() >> 20);
    started.flush().await.expect("the rest is flushed");
    let all = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    let rows = started.stats().part_rows;
    println!(
        "{name}: {log:.0} MB of log ({plain:.0} MB of bodies, {rows} rows); read {:.0} MB/s, {:.0} a core; \
         shown {:.1} s: {:.0} MB/s, {:.0} a core ({flushed} rows flushed, {memory} MiB of others); \
         flushed {:.1} s: {:.0} MB/s, {:.0} a core; of bodies {:.0} MB/s, {:.0} a core",
        log / read.0,
        log / read.1.max(0.01),
        shown.0,
        log / shown.0,
        log / shown.1,
        all.0,
        log / all.0,
        log / all.1,
        plain / all.0,
        plain / all.1,
    );
    started.close().await.expect("the store closes");
}

fn main() {
    let megabytes = std::env::var("ORIEL_REPLAY_MB").ok();
    let megabytes = megabytes.and_then(|text| text.parse().ok()).unwrap_or(256);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (plain, gzip) = (ContentEncoding::Identity, ContentEncoding::Gzip);
        measure("plain, rows fit", plain, megabytes << 20, true).await;
        measure("plain", plain, megabytes << 20, false).await;
        measure("gzip, rows fit", gzip, (megabytes << 20) / 8, true).await;
        measure("gzip", gzip, (megabytes << 20) / 8, false).await;
    });
}

//! What a span costs, without DataFusion: the real receivers over a real store, in a process of its
//! own, fed with the recorded shop traffic, its CPU read from the kernel.
//!
//! `cargo run --release --workspace --example receive -- [--spans N] [--count N] [--gzip] [--live]
//! [--connections N] [--split] [--warm] [--floor http|tonic|http+log|tonic+log]`
//!
//! In: the corpus of tests/data, cut into requests of `--spans` spans (0: as recorded), with ids and
//! times of their own in each round. Out: CPU microseconds a span until the acknowledgement, in the
//! flush, and in the compaction; the largest memory. The load shares the two cores of the machine with
//! the server, so times on the wall say little: CPU is what is compared. With `--warm` the first half
//! is sent and flushed before, and only the rest counted: a server that has run for a while has
//! segments for its log, a new one fills them with zeros first. `client.rs` says what `--split` does.
//! With `--floor` the server only takes the bytes (`floor.rs`), to say which part nobody can avoid.

mod client;
mod floor;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use bytesize::ByteSize;
use oriel_collector::{Collector, Exports, decode, serve_grpc};
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans};
use oriel_storage::{Store, SystemClock};
use prost::Message;
use tokio_util::sync::CancellationToken;

use client::Client;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The settings of src/allocator.rs.
const MALLOC: &str = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What to send.
#[derive(Debug, Clone)]
struct Load {
    /// Spans of a request; 0 leaves the recorded requests as they are.
    spans: usize,
    /// Spans in all, at least.
    count: usize,
    connections: usize,
    gzip: bool,
    /// Headers and message come apart.
    split: bool,
    /// The first half is sent and flushed before: the log's segments are used again.
    warm: bool,
    /// Flushes and merges run beside, as they do by default.
    live: bool,
    /// Where the data goes.
    dir: Option<PathBuf>,
    /// Time to attach a profiler.
    wait: u64,
    /// Ends without a flush.
    ack: bool,
    /// Another server in place of ours.
    floor: Option<String>,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut load = Load {
        spans: 0,
        count: 400_000,
        connections: 8,
        gzip: false,
        split: false,
        warm: false,
        live: false,
        dir: None,
        wait: 0,
        ack: false,
        floor: None,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "serve" => return serve(Path::new(&value()?), &load),
            "--floor" => load.floor = Some(value()?),
            "--spans" => load.spans = value()?.parse()?,
            "--count" => load.count = value()?.parse()?,
            "--connections" => load.connections = value()?.parse()?,
            "--wait" => load.wait = value()?.parse()?,
            "--dir" => load.dir = Some(value()?.into()),
            "--ack" => load.ack = true,
            "--split" => load.split = true,
            "--warm" => load.warm = true,
            "--gzip" => load.gzip = true,
            "--live" => load.live = true,
            _ => return Err(format!("{arg} is unknown").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(drive(load))
}

/// The server: prints its port, then obeys lines of standard input until it ends.
fn serve(dir: &Path, load: &Load) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    if let Some(what) = &load.floor {
        return runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            say(&listener.local_addr()?.port().to_string())?;
            floor::serve(what, dir, listener).await
        });
    }
    let live = load.live;
    runtime.block_on(async {
        let never = Duration::from_secs(24 * 3600);
        let mut config = oriel_storage::Config {
            data_dir: dir.to_owned(),
            ..oriel_storage::Config::default()
        };
        if !live {
            config.flush_interval = never;
            config.compact_interval = never;
            config.flush_bytes = ByteSize::gib(16);
            config.buffer_bytes_max = ByteSize::gib(32);
        }
        let collector_config = oriel_collector::Config::default();
        let limits = collector_config.http_limits();
        let replay = decode::replay(usize::MAX);
        let store = Store::start(config, Arc::new(SystemClock), replay).await?;
        let collector = Collector::new(collector_config, store.clone(), None);
        let (router, exports) = (collector.grpc_router(), Exports::default());
        exports.open(&collector);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(&listener.local_addr()?.port().to_string())?;
        let stop = CancellationToken::new();
        tokio::spawn(async move { serve_grpc(listener, router, exports, &limits, stop).await });
        loop {
            let line = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                std::io::stdin().lock().read_line(&mut line).map(|_| line)
            });
            match line.await??.trim() {
                "flush" => store.flush().await?,
                "compact" => store.compact().await?,
                _ => break,
            }
            let stats = store.stats();
            say(&format!(
                "{} rows, {} bytes",
                stats.part_rows, stats.part_bytes
            ))?;
        }
        store.close().await?;
        Ok(())
    })
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// The server's process.
struct Server {
    child: Child,
    input: ChildStdin,
    output: std::io::Lines<std::io::BufReader<ChildStdout>>,
}

impl Server {
    fn start(dir: &Path, load: &Load) -> Result<(Self, u16)> {
        let mut command = Command::new(std::env::current_exe()?);
        if load.live {
            command.arg("--live");
        }
        if let Some(floor) = &load.floor {
            command.args(["--floor", floor]);
        }
        let mut child = command
            .arg("serve")
            .arg(dir)
            .env("_RJEM_MALLOC_CONF", MALLOC)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let output = child.stdout.take().ok_or("no pipe")?;
        let mut output = std::io::BufReader::new(output).lines();
        let port = output.next().ok_or("the server did not start")??.parse()?;
        Ok((
            Server {
                child,
                input,
                output,
            },
            port,
        ))
    }

    fn tell(&mut self, line: &str) -> Result<String> {
        writeln!(self.input, "{line}")?;
        Ok(self.output.next().ok_or("the server has ended")??)
    }

    /// Microseconds of CPU, user and system, so far.
    fn cpu(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * 10_000.0)
    }

    /// Largest memory so far, in MiB.
    fn peak(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find(|line| line.starts_with("VmHWM"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kib.ok_or("no VmHWM")?.parse::<f64>()? / 1024.0)
    }
}

async fn drive(load: Load) -> Result<()> {
    let (mut requests, mut spans) = requests(&load)?;
    let bytes: usize = requests.iter().map(Bytes::len).sum();
    say(&format!(
        "{} requests of {:.0} spans and {:.0} B, {} B a span on the wire",
        requests.len(),
        spans as f64 / requests.len() as f64,
        bytes as f64 / requests.len() as f64,
        bytes / spans,
    ))?;
    let temp = tempfile::tempdir()?;
    let dir = load.dir.clone().unwrap_or(temp.path().join("data"));
    let (mut server, port) = Server::start(&dir, &load)?;
    if load.warm {
        let (first, rest) = requests.split_at(requests.len() / 2);
        send(&load, port, first.to_vec()).await?;
        if load.floor.is_none() {
            server.tell("flush")?;
        }
        (requests, spans) = (rest.to_vec(), spans * rest.len() / requests.len());
    }
    if load.wait > 0 {
        say(&format!("pid {}", server.child.id()))?;
        tokio::time::sleep(Duration::from_secs(load.wait)).await;
    }
    let start = (server.cpu()?, Instant::now());
    let mut latencies = send(&load, port, requests).await?;
    let acked = server.cpu()?;
    latencies.sort_unstable();
    let rate = spans as f64 / start.1.elapsed().as_secs_f64();
    let peak = server.peak()?;
    say(&format!(
        "ack {:.2} us/span, {rate:.0} spans/s, latency p50 {:?} p99 {:?}, peak {peak:.0} MiB",
        (acked - start.0) / spans as f64,
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
    ))?;
    if load.ack || load.floor.is_some() {
        server.child.kill()?;
        server.child.wait()?;
        return Ok(());
    }
    let flush = server.tell("flush")?;
    let flushed = server.cpu()?;
    let compact = server.tell("compact")?;
    let compacted = server.cpu()?;
    say(&format!(
        "flush {:.2} us/span ({flush}), compact {:.2} us/span ({compact}), all {:.2} us/span, peak {:.0} MiB",
        (flushed - acked) / spans as f64,
        (compacted - flushed) / spans as f64,
        (compacted - start.0) / spans as f64,
        server.peak()?,
    ))?;
    drop(server.input);
    server.child.wait()?;
    Ok(())
}

/// Sends all `requests`, each connection one at a time; how long each took.
async fn send(load: &Load, port: u16, requests: Vec<Bytes>) -> Result<Vec<Duration>> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..load.connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        let (gzip, split) = (load.gzip, load.split);
        tasks.spawn(async move {
            let mut client = Client::connect(port, gzip, split).await?;
            let mut latencies = Vec::new();
            while let Some(body) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let start = Instant::now();
                client.call(body).await?;
                latencies.push(start.elapsed());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok(latencies)
}

/// The corpus in requests as `load` wants them, framed for gRPC, and the number of spans.
fn requests(load: &Load) -> Result<(Vec<Bytes>, usize)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/shop/traces.binpb.zst");
    let bytes = zstd::decode_all(&std::fs::read(path)?[..])?;
    let (mut recorded, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (request, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        recorded.push(ExportTraceServiceRequest::decode(request)?);
        rest = after;
    }
    let count = |requests: &[ExportTraceServiceRequest]| -> usize {
        let scopes = requests
            .iter()
            .flat_map(|r| &r.resource_spans)
            .flat_map(|r| &r.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    };
    let recorded = match load.spans {
        0 => recorded,
        spans => recut(&recorded, spans),
    };
    let (mut bodies, mut spans, mut round) = (Vec::new(), 0, 0);
    while spans < load.count {
        let mut requests = recorded.clone();
        for request in &mut requests {
            renew(request, round);
        }
        spans += count(&requests);
        for request in requests {
            bodies.push(framed(&request.encode_to_vec(), load.gzip)?);
        }
        round += 1;
    }
    Ok((bodies, spans))
}

/// Requests of `size` spans each, of one resource each, in the order of arrival.
fn recut(recorded: &[ExportTraceServiceRequest], size: usize) -> Vec<ExportTraceServiceRequest> {
    let mut open: Vec<(ResourceSpans, usize)> = Vec::new();
    let mut done = Vec::new();
    for resource in recorded.iter().flat_map(|request| &request.resource_spans) {
        let service = |r: &ResourceSpans| r.resource.clone();
        let at = open
            .iter()
            .position(|(r, _)| service(r) == service(resource));
        let at = at.unwrap_or_else(|| {
            let empty = ResourceSpans {
                scope_spans: Vec::new(),
                ..resource.clone()
            };
            open.push((empty, 0));
            open.len() - 1
        });
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let (group, count) = &mut open[at];
                let same = |s: &ScopeSpans| s.scope == scope.scope;
                let place = group.scope_spans.iter().position(same).unwrap_or_else(|| {
                    group.scope_spans.push(ScopeSpans {
                        spans: Vec::new(),
                        ..scope.clone()
                    });
                    group.scope_spans.len() - 1
                });
                group.scope_spans[place].spans.push(span.clone());
                *count += 1;
                if *count == size {
                    let empty = ResourceSpans {
                        scope_spans: Vec::new(),
                        ..group.clone()
                    };
                    let resource_spans = vec![std::mem::replace(group, empty)];
                    done.push(ExportTraceServiceRequest { resource_spans });
                    *count = 0;
                }
            }
        }
    }
    done
}

/// Gives the spans of `request` ids of their own, and times `round` times the corpus' length later.
fn renew(request: &mut ExportTraceServiceRequest, round: u64) {
    const LENGTH: u64 = 160_000_000_000;
    let scopes = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans);
    let key = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let change = |id: &mut Vec<u8>| {
        for (byte, key) in id.iter_mut().zip(key) {
            *byte ^= key;
        }
    };
    for span in scopes.flat_map(|scope| &mut scope.spans) {
        for id in [
            &mut span.trace_id,
            &mut span.span_id,
            &mut span.parent_span_id,
        ] {
            change(id);
        }
        span.start_time_unix_nano += round * LENGTH;
        span.end_time_unix_nano += round * LENGTH;
    }
}

fn framed(message: &[u8], gzip: bool) -> Result<Bytes> {
    let message = match gzip {
        false => message.to_vec(),
        true => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(message)?;
            encoder.finish()?
        }
    };
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(u8::from(gzip));
    framed.put_u32(message.len() as u32);
    framed.put_slice(&message);
    Ok(framed.freeze())
}

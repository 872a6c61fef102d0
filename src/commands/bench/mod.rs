//! `oriel bench`: generates realistic telemetry, sends it at a steady rate and reports what that took.
//!
//! - `traffic/` makes the requests: pure, by seed.
//! - `load` sends them at their times; `latency` and `report` count; `server` asks what it cost.
//! - `corpus` writes them to files instead.

pub(crate) mod args;
mod corpus;
mod latency;
mod load;
mod report;
mod server;
mod traffic;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::send::transport::{self, Transport};
use args::{BenchArgs, BenchCommand, IngestArgs, Rate};
use load::{Dispatched, Load, Schedule, Times};
use report::{Report, Tally, Watched};
use server::Probe;

/// How often progress is shown and the server's memory looked at.
const TICK: Duration = Duration::from_secs(1);

/// Requests under way with `--rate max`, and otherwise.
const IN_FLIGHT_MAX_RATE: u16 = 16;
const IN_FLIGHT: u16 = 1024;

/// Runs what is asked for. The exit code is 1 when nothing was accepted.
pub(crate) fn run(args: BenchArgs) -> Result<ExitCode> {
    let BenchCommand::Ingest(args) = args.what;
    if let Some(path) = &args.write {
        let written = corpus::write(&args.profile(), times(&args), path)?;
        let names: Vec<String> = written
            .files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        eprintln!(
            "{} records in {} requests, {} of OTLP: {}",
            written.records,
            written.requests,
            bytesize::ByteSize(written.bytes),
            names.join(", ")
        );
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Runtime::new()?.block_on(ingest(&args))
}

/// Which times the records get: see the flags `--start` and `--spread`.
fn times(args: &IngestArgs) -> Times {
    let count = args.profile().count;
    let step = match (args.traffic.spread, count, args.rate) {
        (Some(spread), Some(count), _) => spread.as_nanos() / u128::from(count.max(1)),
        (_, _, Rate::PerSecond(rate)) => (1e9 / rate) as u128,
        (_, _, Rate::Max) if args.write.is_none() && args.traffic.start.is_none() => {
            return Times::Clock;
        }
        (_, _, Rate::Max) => 100_000,
    };
    let step = u64::try_from(step).unwrap_or(u64::MAX);
    let past = args.write.is_some() || args.traffic.spread.is_some();
    let covered = count.unwrap_or(0).saturating_mul(step);
    let first = match args.traffic.start {
        Some(start) => start,
        None if past => load::now().saturating_sub(covered),
        None => load::now(),
    };
    Times::Steps { first, step }
}

fn load(args: &IngestArgs) -> Result<Load> {
    let transport = |_| args.receiver.transport();
    let transports: Result<Vec<Transport>> = (0..args.connections).map(transport).collect();
    let in_flight = args.in_flight.unwrap_or(match args.rate {
        Rate::Max => IN_FLIGHT_MAX_RATE,
        Rate::PerSecond(_) => IN_FLIGHT,
    });
    Ok(Load {
        profile: args.profile(),
        times: times(args),
        schedule: Schedule {
            rate: args.rate,
            batch: args.traffic.batch,
            duration: args.duration(),
        },
        transports: transports?,
        in_flight: in_flight.into(),
        patience: args.receiver.retry_for,
        ahead: args.ahead as usize * 1_000_000,
    })
}

async fn ingest(args: &IngestArgs) -> Result<ExitCode> {
    let target = args.receiver.target();
    transport::reach(target).await?;
    let probe = Probe::new(&args.url, args.receiver.token.clone(), args.pid, target).await?;
    let before = probe.figures().await;
    let run = drive(load(args)?, &probe, args.quiet).await?;
    let ended = Instant::now();
    let answered = probe.figures().await;
    let settled = match (args.settle, probe.source()) {
        (Some(patience), Some(_)) => Some(probe.settle(patience, ended).await),
        _ => None,
    };
    let watched = probe.source().map(|source| Watched {
        source,
        rss_peak: run.rss_peak.max(answered.rss_bytes).max(before.rss_bytes),
        before,
        answered,
        settled,
    });
    if watched.is_none() && !args.quiet {
        eprintln!(
            "no figures of the server: {} is not its status page, and no --pid is given",
            args.url
        );
    }
    if run.tally.requests == 0 {
        bail!("nothing was sent: the duration is shorter than one request takes");
    }
    let accepted = run.tally.accepted;
    let report = Report::new(
        target,
        args.rate,
        run.tally,
        run.dispatched,
        run.took,
        watched.as_ref(),
    );
    super::print(&match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.text(),
    })?;
    Ok(if accepted > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a run came to.
struct Run {
    tally: Tally,
    dispatched: Dispatched,
    took: Duration,
    rss_peak: Option<u64>,
}

/// Sends everything, counts, and looks at the server now and then.
async fn drive(load: Load, probe: &Probe, quiet: bool) -> Result<Run> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (begin, began) = oneshot::channel();
    let runtime = Handle::current();
    let dispatcher = tokio::task::spawn_blocking(move || {
        load.dispatch(&runtime, &sender, || {
            let _ = begin.send(Instant::now());
        })
    });
    let mut tally = Tally::default();
    // An error of the dispatcher is told by its own end, below.
    let start = began.await.unwrap_or_else(|_| Instant::now());
    let peak = Arc::new(AtomicU64::new(0));
    let watcher = tokio::spawn(watch(probe.clone(), Arc::clone(&peak)));
    let progress = !quiet && std::io::stderr().is_terminal();
    let mut shown = Instant::now();
    while let Some(sent) = receiver.recv().await {
        tally.add(sent);
        if progress && shown.elapsed() >= TICK {
            shown = Instant::now();
            let rate = tally.accepted as f64 / start.elapsed().as_secs_f64();
            eprint!("\r{} records, {rate:.0}/s ", tally.accepted);
        }
    }
    let took = start.elapsed();
    if progress {
        eprint!("\r\u{1b}[K");
    }
    watcher.abort();
    let peak = peak.load(Ordering::Relaxed);
    let dispatched = dispatcher.await.context("the dispatcher panicked")??;
    Ok(Run {
        tally,
        dispatched,
        took,
        rss_peak: (peak > 0).then_some(peak),
    })
}

/// Notes the server's greatest memory until it is aborted.
async fn watch(probe: Probe, peak: Arc<AtomicU64>) {
    loop {
        tokio::time::sleep(TICK).await;
        let rss = probe.look().await.rss_bytes.unwrap_or(0);
        peak.fetch_max(rss, Ordering::Relaxed);
    }
}

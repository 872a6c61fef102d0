//! `oriel send`: sends recorded export requests as an SDK would, and counts what became of them.
//!
//! 0. Somebody must listen: retries are for a server that goes away, not for one that never was.
//! 1. A thread reads the files and rewrites requests where asked; a bounded channel holds a few.
//! 2. Up to `--concurrency` tasks compress, send and retry.
//! 3. The summary says what was accepted, rejected and failed; failures make the exit code 1.

pub(crate) mod read;
pub(crate) mod retry;
mod rewrite;
pub(crate) mod transport;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use oriel_proto::Signal;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::cli::{SendArgs, SignalArg};
use read::{Request, Requests};
use retry::{Backoff, Outcome};
use rewrite::Rewrite;
use transport::Transport;

/// Different failures that the summary shows.
const REASONS_SHOWN: usize = 5;

/// What became of the requests.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    retries: u64,
    failed: u64,
    accepted: u64,
    rejected: u64,
    lost: u64,
    bytes: u64,
    sent_bytes: u64,
    reasons: Vec<String>,
}

/// Sends the files. The exit code is 1 when a request failed or a record was rejected.
pub(crate) fn run(args: SendArgs) -> Result<ExitCode> {
    tokio::runtime::Runtime::new()?.block_on(send(args))
}

async fn send(args: SendArgs) -> Result<ExitCode> {
    for path in &args.files {
        drop(Requests::open(path, signal(&args))?);
    }
    transport::reach(args.receiver.target()).await?;
    let transport = args.receiver.transport()?;
    let shift = match args.shift_to_now {
        true => shift_to_now(&args)?,
        false => 0,
    };
    let progress = progress(&args);
    let (sender, mut requests) = mpsc::channel(usize::from(args.concurrency) * 2);
    let reading = {
        let args = args.clone();
        tokio::task::spawn_blocking(move || read_all(&args, shift, &sender))
    };
    let places = Arc::new(Semaphore::new(args.concurrency.into()));
    let mut pace = args
        .rate
        .filter(|rate| *rate > 0.0)
        .map(|rate| tokio::time::interval(Duration::from_secs_f64((1.0 / rate).min(3600.0))));
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut tasks = JoinSet::new();
    while let Some(request) = requests.recv().await {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let place = Arc::clone(&places).acquire_owned().await?;
        let (transport, progress) = (transport.clone(), progress.clone());
        tasks.spawn(async move {
            let delivered = deliver(&transport, request, args.receiver.retry_for).await;
            progress.inc(delivered.bytes);
            drop(place);
            delivered
        });
        while let Some(done) = tasks.try_join_next() {
            tally.add(done?);
        }
    }
    while let Some(done) = tasks.join_next().await {
        tally.add(done?);
    }
    let took = started.elapsed();
    progress.finish_and_clear();
    eprint!("{}", tally.summary(took));
    reading.await??;
    let clean = tally.failed == 0 && tally.rejected == 0;
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads all files, as often as asked, into `sender`.
fn read_all(args: &SendArgs, shift: i64, sender: &mpsc::Sender<Request>) -> Result<()> {
    for pass in 0..args.repeat {
        let rewrite = Rewrite { shift, pass };
        for path in &args.files {
            for request in Requests::open(path, signal(args))? {
                let request = request?;
                let request = rewrite
                    .apply(request)
                    .with_context(|| format!("{}", path.display()))?;
                if sender.blocking_send(request).is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Nanoseconds from the newest time in the files to now.
fn shift_to_now(args: &SendArgs) -> Result<i64> {
    let mut newest = 0;
    for path in &args.files {
        for request in Requests::open(path, signal(args))? {
            let time = rewrite::newest(&request?).with_context(|| format!("{}", path.display()))?;
            newest = newest.max(time);
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(i64::try_from(now)?.saturating_sub_unsigned(newest))
}

fn signal(args: &SendArgs) -> Option<Signal> {
    args.signal.map(|signal| match signal {
        SignalArg::Traces => Signal::Traces,
        SignalArg::Logs => Signal::Logs,
        SignalArg::Metrics => Signal::Metrics,
    })
}

/// A bar over the bytes of the files, where that is known and someone looks.
fn progress(args: &SendArgs) -> ProgressBar {
    if args.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let packed = |path: &std::path::PathBuf| path.extension().is_some_and(|ext| ext == "zst");
    let bytes: u64 = args
        .files
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|m| m.len())
        .sum();
    let counting = "{spinner} {bytes} sent, {bytes_per_sec}";
    let bar = match args.files.iter().any(packed) {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::new(bytes * u64::from(args.repeat)),
    };
    let template = match bar.length() {
        None => counting,
        Some(_) => "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go",
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What became of one request.
#[derive(Debug)]
struct Delivered {
    outcome: Outcome,
    records: u64,
    bytes: u64,
    sent_bytes: u64,
    retries: u64,
}

/// Sends one request until it is taken, refused for good, or `patience` is over.
async fn deliver(transport: &Transport, request: Request, patience: Duration) -> Delivered {
    let mut delivered = Delivered {
        outcome: Outcome::Failed(String::new()),
        records: request.records(),
        bytes: request.body.len() as u64,
        sent_bytes: 0,
        retries: 0,
    };
    let body = match transport.pack(request.body.clone()) {
        Ok(body) => body,
        Err(error) => {
            delivered.outcome = Outcome::Failed(format!("compressing: {error}"));
            return delivered;
        }
    };
    let mut backoff = Backoff::new(patience);
    loop {
        delivered.sent_bytes += body.len() as u64;
        delivered.outcome = transport.attempt(&request, body.clone()).await;
        let Outcome::Retry { wait, reason } = &delivered.outcome else {
            return delivered;
        };
        let Some(wait) = backoff.wait(*wait) else {
            delivered.outcome = Outcome::Failed(format!("gave up: {reason}"));
            return delivered;
        };
        delivered.retries += 1;
        tokio::time::sleep(wait).await;
    }
}

impl Tally {
    fn add(&mut self, done: Delivered) {
        self.requests += 1;
        self.retries += done.retries;
        self.bytes += done.bytes;
        self.sent_bytes += done.sent_bytes;
        let reason = match done.outcome {
            Outcome::Accepted { rejected, message } => {
                self.rejected += rejected;
                self.accepted += done.records.saturating_sub(rejected);
                message
            }
            Outcome::Failed(reason) | Outcome::Retry { reason, .. } => {
                self.failed += 1;
                self.lost += done.records;
                reason
            }
        };
        if !reason.is_empty() && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn summary(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(1e-9);
        let mut text = format!(
            "{} requests ({} failed, {} retries), {} records accepted, {} rejected, {} lost, \
             {} sent for {} of OTLP, {seconds:.2} s, {:.0} records/s\n",
            self.requests,
            self.failed,
            self.retries,
            self.accepted,
            self.rejected,
            self.lost,
            bytesize::ByteSize(self.sent_bytes),
            bytesize::ByteSize(self.bytes),
            self.accepted as f64 / seconds,
        );
        for reason in self.reasons.iter().take(REASONS_SHOWN) {
            text.push_str(&format!("  {reason}\n"));
        }
        if self.reasons.len() > REASONS_SHOWN {
            let more = self.reasons.len() - REASONS_SHOWN;
            text.push_str(&format!("  and {more} other reasons\n"));
        }
        text
    }
}

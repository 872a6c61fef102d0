//! The flags of `oriel bench`, and the help that teaches them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use oriel_proto::Signal;

use super::traffic::Profile;
use crate::cli::{ReceiverArgs, SignalArg};

/// Flags of `oriel bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) what: BenchCommand,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Send generated telemetry at a steady rate; report rate, latency and what it cost the server
    #[command(after_help = INGEST_HELP)]
    Ingest(Box<IngestArgs>),
}

const INGEST_HELP: &str = "\
The load is open: each request has its time, whatever became of those before it, and its latency
counts from that time, so a server that stalls cannot hide it. With --rate max there are always
--in-flight requests under way instead, and latency counts from when one was sent.

The same --seed and flags make the same bytes, times aside (--start fixes these too). Requests hold
records of one process, as an SDK sends them; traces span several services, and logs name them.

  oriel bench ingest                                         10,000 spans/s for 10 s
  oriel bench ingest --rate 50000 --compression gzip --duration 60s --settle 60s
  oriel bench ingest --signal traces,logs,metrics:2 --batch 10 --connections 50 --rate 5000
  oriel bench ingest --rate max --count 2000000 --json > report.json
  oriel bench ingest --signal logs --count 10000000 --spread 24h --write logs.binpb.zst
  oriel send logs.binpb.zst                                  feeds any OTLP server the same bytes

CPU, memory and bytes on disk come from the status page at --url (which must be the server that is
loaded) or, for other servers, from --pid. --settle waits until everything is in files.";

/// Flags of `oriel bench ingest`.
#[derive(Debug, Clone, Args)]
pub(crate) struct IngestArgs {
    /// Records a second (50000, 50k), or `max`
    #[arg(long, value_name = "N", default_value = "10k", value_parser = parse_rate)]
    pub(crate) rate: Rate,
    /// How long to send [default: 10s, unless --count is given]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// How many records to send (10000000, 10M)
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) traffic: TrafficArgs,
    /// Write the requests to this .binpb or .binpb.zst file, or to one a signal in this directory,
    /// and send nothing
    #[arg(
        long,
        value_name = "PATH",
        requires = "count",
        conflicts_with = "duration"
    )]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) receiver: ReceiverArgs,
    /// Connections, used in turn
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) connections: u16,
    /// Most requests under way [default: 1024; 16 with --rate max]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) in_flight: Option<u16>,
    /// Where the loaded server's status page is
    #[arg(long, env = "ORIEL_URL", default_value = "http://127.0.0.1:4319")]
    pub(crate) url: String,
    /// Read CPU and memory of this process instead of asking the server
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Afterwards wait until rows are in files and the server rests, at most this long, and say what
    /// that cost as well
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) settle: Option<Duration>,
    /// Megabytes of requests to have ready before the clock starts
    #[arg(long, value_name = "MB", default_value_t = 64)]
    pub(crate) ahead: u32,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What the traffic is like.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traffic")]
pub(crate) struct TrafficArgs {
    /// Signals, with their shares of the requests where these differ: `traces,logs:3`
    #[arg(long, value_name = "LIST", default_value = "traces", value_delimiter = ',',
          value_parser = parse_signal)]
    pub(crate) signal: Vec<(Signal, u32)>,
    /// Everything random depends on it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Records of a request
    #[arg(long, value_name = "N", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Services
    #[arg(long, value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) services: u16,
    /// Processes of each service
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) instances: u16,
    /// Calls below each other in a trace
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(0..=50))]
    pub(crate) depth: u16,
    /// Calls that a call makes, on average
    #[arg(long, value_name = "N", default_value_t = 1.5, value_parser = parse_fan_out)]
    pub(crate) fan_out: f64,
    /// Attributes of spans and log records beyond those of the conventions
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) attributes: u16,
    /// Share of calls and log lines that fail, from 0 to 0.25
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = parse_share)]
    pub(crate) errors: f64,
    /// Different users, products, sessions, label values (100k)
    #[arg(long, value_name = "N", default_value = "10k", value_parser = parse_count)]
    pub(crate) cardinality: u64,
    /// Share of spans that link to spans of other traces, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = parse_part)]
    pub(crate) links: f64,
    /// Share of log records whose body is an event of fields, a list, a number or bytes, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = parse_part)]
    pub(crate) typed_bodies: f64,
    /// Share of services whose histograms are exponential ones, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = parse_part)]
    pub(crate) exponential: f64,
    /// Time of the first record (RFC 3339) [default: so that the last one is of now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) start: Option<u64>,
    /// How much time the records of --count cover [default: as they are sent]
    #[arg(long, value_name = "DURATION", requires = "count",
          value_parser = humantime::parse_duration)]
    pub(crate) spread: Option<Duration>,
}

/// How fast records are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    /// This many a second.
    PerSecond(f64),
    /// As fast as they are taken.
    Max,
}

impl IngestArgs {
    /// The traffic that is asked for.
    pub(crate) fn profile(&self) -> Profile {
        let traffic = &self.traffic;
        let of_duration = match (self.rate, self.duration()) {
            (Rate::PerSecond(rate), Some(duration)) => {
                Some((rate * duration.as_secs_f64()).ceil() as u64)
            }
            _ => None,
        };
        Profile {
            seed: traffic.seed,
            signals: traffic.signal.clone(),
            batch: traffic.batch,
            services: traffic.services,
            instances: traffic.instances,
            depth: traffic.depth,
            fan_out: traffic.fan_out,
            attributes: traffic.attributes,
            errors: traffic.errors,
            cardinality: traffic.cardinality,
            links: traffic.links,
            typed_bodies: traffic.typed_bodies,
            exponential: traffic.exponential,
            count: match (self.count, of_duration) {
                (Some(count), Some(other)) => Some(count.min(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// How long is sent; `None`: until the count is reached.
    pub(crate) fn duration(&self) -> Option<Duration> {
        match (self.duration, self.count) {
            (None, None) => Some(Duration::from_secs(10)),
            (duration, _) => duration,
        }
    }
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match parse_number(text) {
        Some(rate) if rate > 0.0 => Ok(Rate::PerSecond(rate)),
        _ => Err("not a number above 0 (such as 50000 or 50k), nor max".to_owned()),
    }
}

fn parse_count(text: &str) -> Result<u64, String> {
    match parse_number(text) {
        Some(count) if count >= 1.0 => Ok(count as u64),
        _ => Err("not a number from 1 (such as 10000, 10k or 10M)".to_owned()),
    }
}

/// A number that may end in k, M or G.
fn parse_number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (&text[..at], 1e3),
        (at, 'm' | 'M') => (&text[..at], 1e6),
        (at, 'g' | 'G') => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    let number: f64 = digits.replace('_', "").parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * factor)
}

fn parse_signal(text: &str) -> Result<(Signal, u32), String> {
    use clap::ValueEnum;
    let (name, share) = text.split_once(':').unwrap_or((text, "1"));
    let signal = match SignalArg::from_str(name, true)? {
        SignalArg::Traces => Signal::Traces,
        SignalArg::Logs => Signal::Logs,
        SignalArg::Metrics => Signal::Metrics,
    };
    match share.parse() {
        Ok(share @ 1..=1000) => Ok((signal, share)),
        _ => Err(format!("{share} is not a share from 1 to 1000")),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share @ 0.0..=0.25) => Ok(share),
        _ => Err("not a share from 0 to 0.25".to_owned()),
    }
}

fn parse_part(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share @ 0.0..=1.0) => Ok(share),
        _ => Err("not a share from 0 to 1".to_owned()),
    }
}

fn parse_fan_out(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(calls @ 0.0..=50.0) => Ok(calls),
        _ => Err("not a number from 0 to 50".to_owned()),
    }
}

fn parse_time(text: &str) -> Result<u64, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text).map_err(|error| error.to_string())?;
    let nanoseconds = time
        .timestamp_nanos_opt()
        .and_then(|ns| u64::try_from(ns).ok());
    nanoseconds.ok_or_else(|| "not between 1970 and 2262".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Ingest {
        #[command(flatten)]
        args: IngestArgs,
    }

    fn parse(flags: &str) -> Result<IngestArgs, String> {
        let words = std::iter::once("ingest").chain(flags.split_whitespace());
        let parsed = Ingest::try_parse_from(words);
        parsed
            .map(|parsed| parsed.args)
            .map_err(|error| error.to_string())
    }

    /// Scenario: numbers with and without a suffix, shares, times, and what is none of these.
    /// Guarantees: what the help shows is understood; mistakes are refused.
    #[test]
    fn flags_are_understood() {
        let args = parse("--rate 50k --count 10M --signal traces,logs:3").expect("parses");
        assert_eq!(args.rate, Rate::PerSecond(50_000.0));
        assert_eq!(args.count, Some(10_000_000));
        assert_eq!(
            args.traffic.signal,
            [(Signal::Traces, 1), (Signal::Logs, 3)]
        );
        assert_eq!(parse("--rate max").expect("parses").rate, Rate::Max);
        let start = parse("--start 2026-11-23T00:00:00Z")
            .expect("parses")
            .traffic
            .start;
        assert_eq!(start, Some(1_795_392_000_000_000_000));
        for wrong in [
            "--rate 0",
            "--rate -5",
            "--rate fast",
            "--count 0",
            "--signal rum",
            "--signal logs:0",
            "--errors 0.5",
            "--links 1.5",
            "--http http://x --grpc x",
            "--batch 0",
            "--write x.binpb",
            "--spread 1h",
            "--start yesterday",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// Scenario: rate and duration, rate and count, both, neither, and max.
    /// Guarantees: the run ends at what comes first; without a word it takes ten seconds.
    #[test]
    fn a_run_ends_as_asked() {
        let count = |flags: &str| parse(flags).expect("parses").profile().count;
        assert_eq!(count(""), Some(100_000));
        assert_eq!(count("--rate 500 --duration 3s"), Some(1_500));
        assert_eq!(count("--rate 500 --count 7"), Some(7));
        assert_eq!(count("--rate 500 --duration 3s --count 2000"), Some(1_500));
        assert_eq!(count("--rate max --count 7"), Some(7));
        assert_eq!(count("--rate max"), None);
        let max = parse("--rate max").expect("parses");
        assert_eq!(max.duration(), Some(Duration::from_secs(10)));
    }
}

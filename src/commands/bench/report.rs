//! What a run came to: counted while it runs, told as text or JSON.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;

use super::args::Rate;
use super::latency::{Histogram, Percentiles};
use super::load::{Dispatched, Sent};
use super::server::Figures;
use crate::commands::send::retry::Outcome;

/// Different reasons that a report shows.
const REASONS_SHOWN: usize = 5;

/// Counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    latency: Histogram,
    service: Histogram,
    delay: Histogram,
    pub(crate) requests: u64,
    pub(crate) accepted: u64,
    bytes: u64,
    sent_bytes: u64,
    rejected: u64,
    lost: u64,
    failed: u64,
    refusals: u64,
    reasons: Vec<String>,
}

impl Tally {
    /// Counts a request.
    pub(crate) fn add(&mut self, sent: Sent) {
        self.latency.add(sent.latency);
        self.service.add(sent.latency.saturating_sub(sent.delay));
        self.delay.add(sent.delay);
        self.requests += 1;
        self.bytes += sent.bytes;
        self.sent_bytes += sent.sent_bytes;
        self.refusals += sent.refusals;
        let reason = match sent.outcome {
            Outcome::Accepted { rejected, message } => {
                self.rejected += rejected;
                self.accepted += sent.records.saturating_sub(rejected);
                message
            }
            Outcome::Failed(reason) | Outcome::Retry { reason, .. } => {
                self.failed += 1;
                self.lost += sent.records;
                reason
            }
        };
        let known = self.reasons.len() >= REASONS_SHOWN || self.reasons.contains(&reason);
        if !reason.is_empty() && !known {
            self.reasons.push(reason);
        }
    }
}

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    target: String,
    /// Records a second that were asked for; null: as many as possible.
    rate_asked: Option<f64>,
    seconds: f64,
    records_per_second: f64,
    requests_per_second: f64,
    otlp_bytes_per_second: f64,
    requests: u64,
    records_accepted: u64,
    records_rejected: u64,
    records_lost: u64,
    requests_failed: u64,
    /// Attempts that were to be made again; each of them was, unless its request failed.
    refusals: u64,
    reasons: Vec<String>,
    otlp_bytes: u64,
    sent_bytes: u64,
    /// From a request's time (with rate_asked null: from its sending) to its answer.
    latency_ms: Percentiles,
    /// From a request's sending to its answer.
    service_ms: Percentiles,
    /// From a request's time to its sending.
    delay_ms: Percentiles,
    /// Requests that were due but waited: for the generator, for a place.
    waited_for_generator: u64,
    waited_for_place: u64,
    /// The time was over before all requests were started.
    cut: bool,
    server: Option<Cost>,
}

/// What the load cost the server.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    source: &'static str,
    /// Until the last answer.
    answered: Spent,
    /// Until the server rested, with --settle.
    settled: Option<Spent>,
    rss_bytes_before: Option<u64>,
    rss_bytes_peak: Option<u64>,
    /// How long the server was at work after the last answer, with --settle.
    settled_after_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Spent {
    cpu_seconds: Option<f64>,
    cpu_seconds_per_million: Option<f64>,
    rss_bytes: Option<u64>,
    /// Growth of the tables' files, and of all files of the data directory.
    table_bytes: Option<u64>,
    table_bytes_per_record: Option<f64>,
    disk_bytes: Option<u64>,
    rows_in_memory: Option<u64>,
}

/// The server's figures over a run.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) source: &'static str,
    pub(crate) before: Figures,
    pub(crate) answered: Figures,
    pub(crate) settled: Option<(Figures, Duration)>,
    pub(crate) rss_peak: Option<u64>,
}

fn tenths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

impl Spent {
    fn new(before: &Figures, after: &Figures, records: u64) -> Spent {
        let grown = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let cpu = before.cpu_seconds.zip(after.cpu_seconds);
        let cpu_seconds = cpu.map(|(before, after)| tenths(after - before));
        let table_bytes = grown(before.table_bytes, after.table_bytes);
        let per = |value: f64, unit: f64| tenths(value / records.max(1) as f64 * unit);
        Spent {
            cpu_seconds,
            cpu_seconds_per_million: cpu_seconds.map(|seconds| per(seconds, 1e6)),
            rss_bytes: after.rss_bytes,
            table_bytes,
            table_bytes_per_record: table_bytes.map(|bytes| per(bytes as f64, 1.0)),
            disk_bytes: grown(before.disk_bytes, after.disk_bytes),
            rows_in_memory: after.buffer_rows,
        }
    }

    fn text(&self) -> String {
        let mut parts = Vec::new();
        if let (Some(seconds), Some(per)) = (self.cpu_seconds, self.cpu_seconds_per_million) {
            parts.push(format!("{seconds:.2} CPU s, {per:.2} a million records"));
        }
        if let Some(rss) = self.rss_bytes {
            parts.push(format!("RSS {}", ByteSize(rss)));
        }
        if let (Some(bytes), Some(per)) = (self.table_bytes, self.table_bytes_per_record) {
            parts.push(format!(
                "{} in tables, {per:.1} B a record",
                ByteSize(bytes)
            ));
        }
        if let Some(rows) = self.rows_in_memory {
            parts.push(format!("{rows} rows in memory"));
        }
        parts.join("; ")
    }
}

impl Report {
    /// The report of a run that took `took` from the first request to the last answer.
    pub(crate) fn new(
        target: &str,
        rate: Rate,
        tally: Tally,
        dispatched: Dispatched,
        took: Duration,
        watched: Option<&Watched>,
    ) -> Report {
        let seconds = took.as_secs_f64().max(1e-9);
        let per_second = |value: u64| (value as f64 / seconds * 10.0).round() / 10.0;
        let server = watched.map(|watched| {
            let spent = |figures| Spent::new(&watched.before, figures, tally.accepted);
            Cost {
                source: watched.source,
                answered: spent(&watched.answered),
                settled: watched.settled.as_ref().map(|(figures, _)| spent(figures)),
                rss_bytes_before: watched.before.rss_bytes,
                rss_bytes_peak: watched.rss_peak,
                settled_after_seconds: watched
                    .settled
                    .map(|(_, after)| tenths(after.as_secs_f64())),
            }
        });
        Report {
            target: target.to_owned(),
            rate_asked: match rate {
                Rate::PerSecond(rate) => Some(rate),
                Rate::Max => None,
            },
            seconds: tenths(seconds),
            records_per_second: per_second(tally.accepted),
            requests_per_second: per_second(tally.requests),
            otlp_bytes_per_second: per_second(tally.bytes),
            requests: tally.requests,
            records_accepted: tally.accepted,
            records_rejected: tally.rejected,
            records_lost: tally.lost,
            requests_failed: tally.failed,
            refusals: tally.refusals,
            reasons: tally.reasons,
            otlp_bytes: tally.bytes,
            sent_bytes: tally.sent_bytes,
            latency_ms: tally.latency.percentiles(),
            service_ms: tally.service.percentiles(),
            delay_ms: tally.delay.percentiles(),
            waited_for_generator: dispatched.starved,
            waited_for_place: dispatched.crowded,
            cut: dispatched.cut,
            server,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let line = |name: &str, said: &Percentiles| {
            format!(
                "{name:<10}p50 {:.2} ms, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2}",
                said.p50, said.p90, said.p99, said.p999, said.max
            )
        };
        let asked = match self.rate_asked {
            Some(rate) => format!("asked: {rate:.0}"),
            None => "as fast as they were taken".to_owned(),
        };
        let mut lines = vec![
            format!(
                "Sent      {} requests to {} in {:.2} s: {} of OTLP, {} with what was sent again and \
                 compressed",
                self.requests,
                self.target,
                self.seconds,
                ByteSize(self.otlp_bytes),
                ByteSize(self.sent_bytes)
            ),
            format!(
                "Records   {} accepted, {} rejected, {} lost ({} requests failed, {} refusals)",
                self.records_accepted,
                self.records_rejected,
                self.records_lost,
                self.requests_failed,
                self.refusals
            ),
            format!(
                "Rate      {:.0} records/s ({asked}), {:.1} requests/s, {}/s of OTLP",
                self.records_per_second,
                self.requests_per_second,
                ByteSize(self.otlp_bytes_per_second as u64)
            ),
            line("Latency", &self.latency_ms),
        ];
        if self.rate_asked.is_some() {
            lines.push(line("Of it", &self.service_ms) + " after it was sent");
        }
        self.warnings(&mut lines);
        if let Some(server) = &self.server {
            lines.push(format!("Server    {}", server.answered.text()));
            let rss =
                |bytes: Option<u64>| bytes.map_or("?".to_owned(), |b| ByteSize(b).to_string());
            let (before, peak) = (rss(server.rss_bytes_before), rss(server.rss_bytes_peak));
            lines.push(format!("          RSS {before} before, {peak} at most"));
            if let (Some(settled), Some(after)) = (&server.settled, server.settled_after_seconds) {
                lines.push(format!("Settled   {} ({after:.0} s later)", settled.text()));
            }
        }
        lines.extend(self.reasons.iter().map(|reason| format!("  {reason}")));
        lines.join("\n") + "\n"
    }

    fn warnings(&self, lines: &mut Vec<String>) {
        if self.rate_asked.is_some() && self.waited_for_generator > 0 {
            lines.push(format!(
                "Warning   the generator was late for {} requests: this is its limit, not the server's",
                self.waited_for_generator
            ));
        }
        if self.rate_asked.is_some() && self.waited_for_place > 0 {
            lines.push(format!(
                "Warning   {} requests waited since --in-flight were under way: the server did not keep \
                 up",
                self.waited_for_place
            ));
        }
        if self.cut {
            lines.push("Warning   the time was over before all requests were sent".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(latency: u64, delay: u64, refusals: u64, outcome: Outcome) -> Sent {
        Sent {
            records: 10,
            bytes: 1_000,
            sent_bytes: 100 * (1 + refusals),
            latency: Duration::from_millis(latency),
            delay: Duration::from_millis(delay),
            refusals,
            outcome,
        }
    }

    /// Scenario: requests that were accepted, accepted in part, refused and tried again, and lost,
    /// with a server that used two CPU seconds.
    /// Guarantees: every record is in one count, latency contains the wait before sending, cost is
    /// told by accepted records.
    #[test]
    fn everything_is_counted() {
        let accepted = |rejected| Outcome::Accepted {
            rejected,
            message: String::new(),
        };
        let mut tally = Tally::default();
        tally.add(sent(50, 40, 0, accepted(0)));
        tally.add(sent(10, 0, 2, accepted(3)));
        tally.add(sent(10, 0, 1, Outcome::Failed("full".to_owned())));
        let figures = |cpu, bytes| Figures {
            cpu_seconds: Some(cpu),
            table_bytes: Some(bytes),
            ..Figures::default()
        };
        let watched = Watched {
            source: "status page",
            before: figures(1.0, 100),
            answered: figures(2.0, 100),
            settled: Some((figures(3.0, 440), Duration::from_secs(4))),
            rss_peak: Some(1 << 20),
        };
        let dispatched = Dispatched {
            requests: 3,
            starved: 1,
            ..Dispatched::default()
        };
        let took = Duration::from_secs(2);
        let rate = Rate::PerSecond(15.0);
        let report = Report::new("here", rate, tally, dispatched, took, Some(&watched));
        let json = serde_json::to_value(&report).expect("JSON");
        for (path, want) in [
            ("/records_accepted", 17.0),
            ("/records_rejected", 3.0),
            ("/records_lost", 10.0),
            ("/refusals", 3.0),
            ("/sent_bytes", 600.0),
            ("/records_per_second", 8.5),
            ("/latency_ms/max", 50.0),
            ("/service_ms/max", 10.0),
            ("/delay_ms/max", 40.0),
            ("/server/answered/cpu_seconds", 1.0),
            ("/server/settled/cpu_seconds", 2.0),
            ("/server/settled/table_bytes_per_record", 20.0),
        ] {
            assert_eq!(
                json.pointer(path).and_then(|value| value.as_f64()),
                Some(want),
                "{path}"
            );
        }
        let text = report.text();
        for word in [
            "17 accepted",
            "asked: 15",
            "max 50.00",
            "generator was late",
            "  full\n",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}

//! What arrives and what is refused, since the start: for people who look for their data.
//!
//! Input: one call of [`Live::stored`] or [`Live::refused`] a request. Output: figures by service
//! and signal, and the last refusals with a sample of each, read by `routes`. Memory is bounded:
//! services beyond [`SERVICES_MAX`] share one line, refusals beyond [`rejection::KEPT`] are
//! forgotten, samples and names are cut. A request costs one shared lock and a few atomic additions
//! for each of its services.

pub(crate) mod rejection;
pub(crate) mod routes;
pub(crate) mod sender;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{Array, AsArray};
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::Batch;
use serde::Serialize;
use utoipa::ToSchema;

use rejection::{Rejection, Rejections};

/// Services of one signal that are counted by name.
const SERVICES_MAX: usize = 10_000;
/// What all others are counted as.
const OTHERS: &str = "(other services)";
/// Longest name of a service that is kept, in bytes.
const NAME_MAX: usize = 256;
/// Services that are told of, the last seen first.
const TOLD_MAX: usize = 1_000;

/// Figures since the start, and the last refusals.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// By signal, by name; "" is telemetry without `service.name`.
    sources: [RwLock<HashMap<Box<str>, Arc<Counts>>>; 3],
    records: [AtomicU64; 3],
    requests: AtomicU64,
    duplicates: AtomicU64,
    bytes: AtomicU64,
    rejections: Rejections,
}

#[derive(Debug, Default)]
struct Counts {
    records: AtomicU64,
    requests: AtomicU64,
    last: AtomicI64,
}

/// What one service has sent of one signal.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct LiveSource {
    /// `service.name`; null when the telemetry has none.
    service: Option<String>,
    /// `traces`, `metrics` or `logs`.
    signal: &'static str,
    /// Spans, points or log records stored.
    records: u64,
    /// Requests with at least one of them.
    requests: u64,
    /// When the newest of these requests came.
    #[serde(serialize_with = "nanos")]
    #[schema(value_type = String)]
    last: UnixNanos,
}

/// What has come from everybody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Totals {
    /// Spans stored.
    pub spans: u64,
    /// Log records stored.
    pub logs: u64,
    /// Metric data points stored.
    pub metrics: u64,
    /// Requests answered, in any way.
    pub requests: u64,
    /// Requests refused, in whole or in part.
    pub rejected: u64,
    /// Requests that were known already, and not stored again.
    pub duplicates: u64,
    /// Bytes of request bodies, as received.
    pub bytes: u64,
}

/// Figures since the start of the server; what came meanwhile is the difference of two.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Arrived {
    /// Of these figures.
    #[serde(serialize_with = "nanos")]
    #[schema(value_type = String)]
    time: UnixNanos,
    /// By service and signal, last seen first, at most 1,000.
    sources: Vec<LiveSource>,
    totals: Totals,
}

impl Live {
    /// Counts a request of `bytes` that was stored as these rows of batches.
    pub(crate) fn stored(
        &self,
        signal: Signal,
        at: UnixNanos,
        bytes: usize,
        rows: &[(Batch, Range<usize>)],
    ) {
        self.request(bytes);
        let mut services: HashMap<&str, u64> = HashMap::new();
        for (service, rows) in rows.iter().flat_map(runs) {
            *services.entry(service).or_default() += rows;
        }
        let all: u64 = services.values().sum();
        self.records[place(signal)].fetch_add(all, Ordering::Relaxed);
        for (service, rows) in services {
            let counts = self.counts(signal, cut(service, NAME_MAX));
            counts.records.fetch_add(rows, Ordering::Relaxed);
            counts.requests.fetch_add(1, Ordering::Relaxed);
            counts.last.fetch_max(at.0, Ordering::Relaxed);
        }
    }

    /// Counts a request of `bytes` that was known already.
    pub(crate) fn known(&self, bytes: usize) {
        self.request(bytes);
        self.duplicates.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts and remembers a request that was refused as a whole.
    pub(crate) fn refused(&self, rejection: Rejection) {
        self.request(usize::try_from(rejection.bytes()).unwrap_or(usize::MAX));
        self.rejections.add(rejection);
    }

    /// Remembers what was refused of a request that was stored.
    pub(crate) fn refused_in_part(&self, rejection: Rejection) {
        self.rejections.add(rejection);
    }

    fn request(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn counts(&self, signal: Signal, service: &str) -> Arc<Counts> {
        let sources = &self.sources[place(signal)];
        let known = sources.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = known.get(service) {
            return Arc::clone(counts);
        }
        drop(known);
        let mut known = sources.write().unwrap_or_else(PoisonError::into_inner);
        let name = match known.len() < SERVICES_MAX || known.contains_key(service) {
            true => service,
            false => OTHERS,
        };
        Arc::clone(known.entry(name.into()).or_default())
    }

    /// What has come from everybody.
    pub(crate) fn totals(&self) -> Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let records = |signal| read(&self.records[place(signal)]);
        Totals {
            spans: records(Signal::Traces),
            logs: records(Signal::Logs),
            metrics: records(Signal::Metrics),
            requests: read(&self.requests),
            rejected: self.rejections.total(),
            duplicates: read(&self.duplicates),
            bytes: read(&self.bytes),
        }
    }

    /// All figures, of the time `now`.
    pub(crate) fn arrived(&self, now: UnixNanos) -> Arrived {
        let mut sources = Vec::new();
        for signal in Signal::ALL {
            let known = &self.sources[place(signal)];
            let known = known.read().unwrap_or_else(PoisonError::into_inner);
            sources.extend(known.iter().map(|(service, counts)| LiveSource {
                service: Some(service.to_string()).filter(|name| !name.is_empty()),
                signal: signal.as_str(),
                records: counts.records.load(Ordering::Relaxed),
                requests: counts.requests.load(Ordering::Relaxed),
                last: UnixNanos(counts.last.load(Ordering::Relaxed)),
            }));
        }
        sources.sort_by(|a, b| (b.last, &a.service).cmp(&(a.last, &b.service)));
        sources.truncate(TOLD_MAX);
        Arrived {
            time: now,
            sources,
            totals: self.totals(),
        }
    }
}

fn place(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
    }
}

/// The services of rows of a batch with their number, one after the other as they stand in it: rows
/// of one resource are together.
fn runs((batch, rows): &(Batch, Range<usize>)) -> Vec<(&str, u64)> {
    let mut runs: Vec<(&str, u64)> = Vec::new();
    let services = batch.rows().column_by_name("service_name");
    let Some(services) = services.and_then(|column| column.as_string_opt::<i32>()) else {
        return runs;
    };
    for row in rows.clone() {
        let service = match services.is_null(row) {
            true => "",
            false => services.value(row),
        };
        match runs.last_mut() {
            Some((last, rows)) if *last == service => *rows += 1,
            _ => runs.push((service, 1)),
        }
    }
    runs
}

/// At most `max` bytes of `text`, cut at a letter.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// A time as the API writes it: decimal text.
pub(crate) fn nanos<S: serde::Serializer>(
    time: &UnixNanos,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.0)
}

#[cfg(test)]
mod tests;

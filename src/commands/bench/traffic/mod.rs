//! Generated telemetry: which request comes when, and its bytes. Pure: the same profile gives the
//! same bytes, on every machine; only times depend on the clock that the caller hands in.
//!
//! Requests are numbered. [`Lane`] number `l` makes the requests `l`, `l + LANES`, …, so that lanes
//! run on threads of their own and the whole is the same whatever their order. A request holds
//! records of one process of one service, as an SDK sends them. Logs name traces of their lane.

mod lines;
mod logs;
mod metrics;
mod places;
mod random;
mod spans;
mod wire;

use oriel_proto::Signal;

/// Streams of requests that are independent of each other.
pub(crate) const LANES: u64 = 2;

/// What the traffic is like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    /// Everything random depends on it.
    pub(crate) seed: u64,
    /// Signals with their shares of the records; not empty.
    pub(crate) signals: Vec<(Signal, u32)>,
    /// Records of a request.
    pub(crate) batch: u32,
    /// Services; at least 1.
    pub(crate) services: u16,
    /// Processes of each; at least 1.
    pub(crate) instances: u16,
    /// Calls below each other in a trace.
    pub(crate) depth: u16,
    /// Calls that a call makes, on average, while there is depth left.
    pub(crate) fan_out: f64,
    /// Attributes beyond those of the conventions.
    pub(crate) attributes: u16,
    /// Share of spans and log lines that tell of an error.
    pub(crate) errors: f64,
    /// Different users, products, sessions, label values.
    pub(crate) cardinality: u64,
    /// Share of spans that link to spans of other traces.
    pub(crate) links: f64,
    /// Share of log records whose body is not a text.
    pub(crate) typed_bodies: f64,
    /// Share of services whose histograms are exponential ones.
    pub(crate) exponential: f64,
    /// Records in all; `None` is without end.
    pub(crate) count: Option<u64>,
}

/// One export request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Which in the whole run, from 0.
    pub(crate) number: u64,
    /// Of which signal.
    pub(crate) signal: Signal,
    /// Spans, log records or data points in it.
    pub(crate) records: u64,
    /// The protobuf message.
    pub(crate) bytes: Vec<u8>,
}

/// The number of a trace, as its id.
fn trace_id(seed: u64, lane: u64, number: u64) -> (u64, u64) {
    let high = random::mix(seed ^ random::mix(lane << 56 ^ number));
    (high, random::mix(high ^ 0x5851_F42D_4C95_7F2D))
}

impl Profile {
    /// The signal of request `number`: shares are interleaved, not one signal after the other.
    fn signal(&self, number: u64) -> Signal {
        let total: u64 = self
            .signals
            .iter()
            .map(|(_, share)| u64::from(*share))
            .sum();
        // Each lane goes through all shares, at its own pace.
        let place = number / LANES * 7_919 % total.max(1);
        let mut before = 0;
        for (signal, share) in &self.signals {
            before += u64::from(*share);
            if place < before {
                return *signal;
            }
        }
        self.signals[0].0
    }

    /// Records of request `number`; 0 beyond the end.
    pub(crate) fn records(&self, number: u64) -> u64 {
        let batch = u64::from(self.batch);
        match self.count {
            Some(count) => count.saturating_sub(number * batch).min(batch),
            None => batch,
        }
    }
}

/// Makes every [`LANES`]th request.
#[derive(Debug)]
pub(crate) struct Lane {
    profile: Profile,
    number: u64,
    spans: spans::Spans,
    logs: logs::Logs,
    metrics: metrics::Metrics,
    /// Capacity that the last request needed.
    size: usize,
}

impl Lane {
    /// Lane `lane`, from 0 to below [`LANES`].
    pub(crate) fn new(profile: &Profile, lane: u64) -> Lane {
        Lane {
            profile: profile.clone(),
            number: lane,
            spans: spans::Spans::new(profile, lane),
            logs: logs::Logs::new(profile, lane),
            metrics: metrics::Metrics::new(profile, lane),
            size: 1 << 10,
        }
    }

    /// The number of the request that comes next.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next request, whose newest record is of `now` (nanoseconds since 1970) and whose records
    /// are `step` nanoseconds apart. `None` when the count is reached.
    pub(crate) fn next(&mut self, now: u64, step: u64) -> Option<Body> {
        let number = self.number;
        let records = self.profile.records(number);
        if records == 0 {
            return None;
        }
        let signal = self.profile.signal(number);
        let mut request = wire::Wire(Vec::with_capacity(self.size));
        let when = When { now, step };
        match signal {
            Signal::Traces => self.spans.write(&mut request, records, when),
            Signal::Logs => self
                .logs
                .write(&mut request, records, when, self.spans.traces()),
            Signal::Metrics => self.metrics.write(&mut request, records, when),
        }
        self.number += LANES;
        self.size = request.0.len() + request.0.len() / 8;
        Some(Body {
            number,
            signal,
            records,
            bytes: request.0,
        })
    }
}

/// The times of a request's records.
#[derive(Debug, Clone, Copy)]
struct When {
    now: u64,
    step: u64,
}

impl When {
    /// The time of record `at` of `records`.
    fn of(self, at: u64, records: u64) -> u64 {
        self.now.saturating_sub((records - 1 - at) * self.step)
    }
}

/// Appends `count` attributes of the user's own, in field `field`: texts, integers, bools in turn.
fn own_attributes(
    wire: &mut wire::Wire,
    field: u32,
    profile: &Profile,
    random: &mut random::Random,
) {
    const KEYS: [&str; 12] = [
        "shop.customer.tier",
        "shop.session.id",
        "shop.cart.items",
        "shop.campaign",
        "shop.customer.returning",
        "shop.ab.variant",
        "app.build",
        "app.shard",
        "app.region",
        "app.cache.hit",
        "app.tenant",
        "app.request.id",
    ];
    let mut numbered = String::new();
    for number in 0..usize::from(profile.attributes) {
        let key = match KEYS.get(number) {
            Some(key) => key,
            None => {
                numbered.clear();
                numbered.push_str("app.label.");
                numbered.push_str(&number.to_string());
                &*numbered
            }
        };
        match number % 5 {
            0 => wire.attribute(field, key, |text| {
                text.put("tier-");
                text.decimal(random.skewed(5));
            }),
            1 => wire.attribute(field, key, |text| {
                let session = random::mix(random.skewed(profile.cardinality));
                text.hex(session, 16);
                text.hex(random::mix(session), 16);
            }),
            2 => wire.number(field, key, random.skewed(200)),
            4 => wire.flag(field, key, random.chance(0.3)),
            _ => wire.attribute(field, key, |text| {
                text.put("variant-");
                text.decimal(random.skewed(40));
            }),
        }
    }
}

#[cfg(test)]
mod tests;

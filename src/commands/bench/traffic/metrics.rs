//! Metric requests: an export of one process, with cumulative sums, gauges and histograms (of an even
//! share of the services: exponential ones) of as many
//! series as the cardinality allows. Counters grow with time, so that rates mean something.

use super::places::{Service, group};
use super::random::{Random, mix};
use super::wire::Wire;
use super::{Profile, When};

/// When every process of the imagined shop was started, before the newest record.
const STARTED_BEFORE: u64 = 3_600_000_000_000;

/// Points of one metric in an export.
const POINTS_MAX: u64 = 20;

const BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Clone, Copy)]
enum Shape {
    Sum,
    Gauge,
    Histogram,
    Exponential,
}

const METRICS: [(&str, &str, Shape); 10] = [
    ("http.server.request.duration", "s", Shape::Histogram),
    ("http.server.active_requests", "{request}", Shape::Gauge),
    ("http.client.request.duration", "s", Shape::Histogram),
    ("shop.orders.placed", "{order}", Shape::Sum),
    ("shop.revenue", "EUR", Shape::Sum),
    ("process.cpu.time", "s", Shape::Sum),
    ("process.memory.usage", "By", Shape::Gauge),
    ("db.client.connection.count", "{connection}", Shape::Gauge),
    ("db.client.operation.duration", "s", Shape::Histogram),
    (
        "messaging.client.consumed.messages",
        "{message}",
        Shape::Sum,
    ),
];

/// Makes metric requests of a lane.
#[derive(Debug)]
pub(super) struct Metrics {
    profile: Profile,
    random: Random,
    services: Vec<Service>,
    records: Wire,
}

impl Metrics {
    pub(super) fn new(profile: &Profile, lane: u64) -> Metrics {
        Metrics {
            profile: profile.clone(),
            random: Random::new(profile.seed, METRICS_STREAM + lane),
            services: Service::all(profile),
            records: Wire::default(),
        }
    }

    /// Appends a request of `records` data points.
    pub(super) fn write(&mut self, request: &mut Wire, records: u64, when: When) {
        let random = &mut self.random;
        let number = random.below(self.services.len() as u64);
        let service = &self.services[number as usize];
        let exponential = is_of_share(number, self.profile.exponential);
        let instance = service.instance(random);
        self.records.0.clear();
        let mut left = records;
        while left > 0 {
            let points = left.min(1 + random.below(POINTS_MAX));
            left -= points;
            let number = random.below(METRICS.len() as u64);
            let (name, unit, shape) = METRICS[number as usize];
            let shape = match shape {
                Shape::Histogram if exponential => Shape::Exponential,
                shape => shape,
            };
            self.records.message(2, |metric| {
                metric.bytes(1, name.as_bytes());
                metric.bytes(3, unit.as_bytes());
                let field = match shape {
                    Shape::Gauge => 5,
                    Shape::Sum => 7,
                    Shape::Histogram => 9,
                    Shape::Exponential => 10,
                };
                metric.message(field, |data| {
                    let first = random.below(self.profile.cardinality);
                    for at in 0..points {
                        let series = (first + at) % self.profile.cardinality;
                        data.message(1, |point| shape.point(point, number, series, when, random));
                    }
                    match shape {
                        Shape::Gauge => {}
                        Shape::Sum => {
                            data.int(2, 2);
                            data.int(3, 1);
                        }
                        Shape::Histogram | Shape::Exponential => data.int(2, 2),
                    }
                });
            });
        }
        group(request, instance, "com.shop.metrics", &self.records.0);
    }
}

/// Streams of random numbers, apart from those of other signals.
const METRICS_STREAM: u64 = 4_000;

impl Shape {
    fn point(self, point: &mut Wire, metric: u64, series: u64, when: When, random: &mut Random) {
        let started = when.now.saturating_sub(STARTED_BEFORE);
        // What a series counts a second, and so what it has counted until now.
        let pace = 1 + mix(metric << 32 ^ series) % 50;
        let counted = pace * (when.now / 1_000_000_000 % 86_400);
        point.fixed64(2, started);
        point.fixed64(3, when.now);
        match self {
            Shape::Sum => {
                point.fixed64(6, counted);
                labels(point, 7, series);
            }
            Shape::Gauge => {
                point.double(4, pace as f64 * (0.5 + random.unit()));
                labels(point, 7, series);
            }
            Shape::Histogram => {
                point.fixed64(4, counted);
                point.double(5, counted as f64 * 0.04);
                point.message(6, |counts| {
                    let mut left = counted;
                    for _ in 0..BOUNDS.len() {
                        let here = left / 3;
                        left -= here;
                        counts.0.extend_from_slice(&here.to_le_bytes());
                    }
                    counts.0.extend_from_slice(&left.to_le_bytes());
                });
                point.message(7, |bounds| {
                    for bound in BOUNDS {
                        bounds.0.extend_from_slice(&bound.to_le_bytes());
                    }
                });
                labels(point, 9, series);
            }
            Shape::Exponential => {
                let zero = counted / 1_000;
                point.fixed64(4, counted);
                point.double(5, counted as f64 * 0.04);
                point.sint(6, SCALE);
                point.fixed64(7, zero);
                point.message(8, |buckets| {
                    buckets.sint(1, -40 + random.below(8) as i64);
                    buckets.message(2, |counts| bell(counts, counted - zero, 16 + pace));
                });
                point.double(12, 0.0);
                point.double(13, 5.0);
                labels(point, 1, series);
            }
        }
    }
}

/// How fine the buckets of exponential histograms are: each is 2^(1/8) as wide as the one before.
const SCALE: i64 = 3;

/// Whether number `number` is one of those that a share of all is, evenly.
fn is_of_share(number: u64, share: f64) -> bool {
    let before = |number: u64| (number as f64 * share) as u64;
    before(number + 1) > before(number)
}

/// Spreads `total` over `buckets` buckets, most of it in the middle.
fn bell(counts: &mut Wire, total: u64, buckets: u64) {
    let weight = |at: u64| (at + 1).min(buckets - at);
    let sum: u64 = (0..buckets).map(weight).sum();
    let here = |at: u64| total * weight(at) / sum;
    let left = total - (0..buckets).map(here).sum::<u64>();
    for at in 0..buckets {
        counts.varint(here(at) + if at == buckets / 2 { left } else { 0 });
    }
}

/// The labels of a series: a method, a status, and as many routes as it takes to tell series apart.
fn labels(point: &mut Wire, field: u32, series: u64) {
    const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
    const STATUS: [u64; 5] = [200, 201, 204, 404, 503];
    point.text(field, "http.request.method", METHODS[series as usize % 4]);
    point.number(
        field,
        "http.response.status_code",
        STATUS[series as usize / 4 % 5],
    );
    point.attribute(field, "http.route", |text| {
        text.put("/api/v2/resource-");
        text.decimal(series / 20);
        text.put("/{id}");
    });
}

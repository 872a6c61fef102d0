//! Log requests: lines of one process each, with severity, trace ids and a few attributes.

use super::lines::{Context, LEVELS, Lines, Template};
use super::places::{Kind, Service, group};
use super::random::Random;
use super::wire::Wire;
use super::{Profile, When, own_attributes, trace_id};

/// Share of lines that belong to a trace.
const IN_TRACE: f64 = 0.6;

/// Makes log requests of a lane.
#[derive(Debug)]
pub(super) struct Logs {
    profile: Profile,
    lane: u64,
    random: Random,
    /// Decides about bodies that are no text.
    typing: Random,
    services: Vec<Service>,
    /// The lines of each kind that a service has.
    lines: Vec<(Kind, Lines)>,
    /// The records of the request at hand.
    records: Wire,
    written: u64,
}

impl Logs {
    pub(super) fn new(profile: &Profile, lane: u64) -> Logs {
        let services = Service::all(profile);
        let mut lines: Vec<(Kind, Lines)> = Vec::new();
        for service in &services {
            if lines.iter().all(|(kind, _)| *kind != service.kind) {
                lines.push((service.kind, Lines::of(service.kind)));
            }
        }
        Logs {
            profile: profile.clone(),
            lane,
            random: Random::new(profile.seed, 2 * LOGS + lane),
            typing: Random::new(profile.seed, TYPED_BODIES + lane),
            services,
            lines,
            records: Wire::default(),
            written: 0,
        }
    }

    /// Appends a request of `records` lines. `traces`: how many traces the lane has made so far.
    pub(super) fn write(&mut self, request: &mut Wire, records: u64, when: When, traces: u64) {
        let Logs {
            profile,
            random,
            typing,
            services,
            lines,
            ..
        } = self;
        let service = &services[random.skewed(services.len() as u64) as usize];
        let instance = service.instance(random);
        let (_, lines) = lines
            .iter()
            .find(|(kind, _)| *kind == service.kind)
            .expect("new() has collected them");
        self.records.0.clear();
        for at in 0..records {
            self.written += 1;
            // Without traces in the run, as many as there would be: one in twenty lines begins one.
            let newest = traces.max(self.written / 20);
            let number = newest.saturating_sub(random.skewed(200));
            let context = Context {
                instance,
                time: when.of(at, records),
                trace: trace_id(profile.seed, self.lane, number),
                span: random.next(),
                cardinality: profile.cardinality,
            };
            let template = lines.pick(profile, random);
            self.records.message(2, |record| {
                let (level, severity) = LEVELS[template.level];
                record.fixed64(1, context.time);
                record.int(2, severity);
                record.bytes(3, level.as_bytes());
                record.message(5, |body| match typing.chance(profile.typed_bodies) {
                    true => typed(body, template, &context, typing),
                    false => body.message(1, |text| template.write(text, &context, random)),
                });
                attributes(record, service.kind, template.level, random);
                own_attributes(record, 6, profile, random);
                if random.chance(IN_TRACE) {
                    record.fixed32(8, 1);
                    record.message(9, |id| {
                        id.0.extend_from_slice(&context.trace.0.to_be_bytes());
                        id.0.extend_from_slice(&context.trace.1.to_be_bytes());
                    });
                    record.bytes(10, &context.span.to_be_bytes());
                }
                record.fixed64(11, context.time + 1_000 * random.below(900));
            });
        }
        let scope = match service.kind {
            Kind::Nginx | Kind::Postgres | Kind::Kubernetes => "filelog",
            _ => "com.shop.logging",
        };
        group(request, instance, scope, &self.records.0);
    }
}

/// Streams of random numbers, apart from those of other signals.
const LOGS: u64 = 1_000;
const TYPED_BODIES: u64 = 6_000;

/// A body that is no text: mostly an event of fields, one of them the line; else a list, a number, a
/// bool, bytes.
fn typed(body: &mut Wire, template: &Template, context: &Context<'_>, random: &mut Random) {
    match random.below(20) {
        0 => body.int(2, random.below(2)),
        1 | 2 => body.int(3, random.next() >> random.below(64)),
        3 | 4 => body.double(4, random.unit() * 1e6),
        5 | 6 => body.message(5, |list| {
            list.message(1, |item| {
                item.message(1, |text| template.write(text, context, random));
            });
            for _ in 0..random.below(4) {
                list.message(1, |item| item.int(3, random.below(1_000)));
            }
        }),
        7 => body.message(7, |bytes| {
            for _ in 0..4 + random.below(12) {
                bytes.0.extend_from_slice(&random.next().to_le_bytes());
            }
        }),
        _ => body.message(6, |event| {
            let events = ["order.placed", "cart.changed", "stock.low", "login.failed"];
            event.text(1, "event.name", random.pick(&events));
            event.attribute(1, "message", |text| template.write(text, context, random));
            event.number(1, "attempt", 1 + random.skewed(5));
            event.flag(1, "cached", random.chance(0.5));
            event.message(1, |pair| {
                pair.bytes(1, b"took");
                pair.message(2, |value| value.double(4, random.unit() * 1e3));
            });
        }),
    }
}

/// What collectors and SDKs put beside a line.
fn attributes(record: &mut Wire, kind: Kind, level: usize, random: &mut Random) {
    match kind {
        Kind::Nginx | Kind::Postgres | Kind::Kubernetes => {
            record.text(
                6,
                "log.iostream",
                if level > 2 { "stderr" } else { "stdout" },
            );
            record.attribute(6, "log.file.path", |text| {
                text.put("/var/log/pods/shop_");
                text.put(kind.named().0);
                text.put("/app/");
                text.decimal(random.below(3));
                text.put(".log");
            });
        }
        Kind::Java => record.attribute(6, "thread.name", |text| {
            text.put("http-nio-8080-exec-");
            text.decimal(random.below(40));
        }),
        Kind::Go | Kind::Python | Kind::Node => {
            record.attribute(6, "code.function.name", |text| {
                text.put(random.pick(&[
                    "handle",
                    "reserve",
                    "authorize",
                    "rank",
                    "render",
                    "session.touch",
                ]));
            });
        }
    }
    if level >= 3 {
        let types = [
            "java.net.SocketTimeoutException",
            "context.DeadlineExceeded",
            "TimeoutError",
            "TokenExpiredError",
        ];
        record.text(6, "exception.type", random.pick(&types));
    }
}

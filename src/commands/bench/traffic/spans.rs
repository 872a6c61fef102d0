//! Trace requests: whole traces are made up call by call, and their spans sent by the services that
//! would have exported them, a batch when it is full.
//!
//! A call is a SERVER span with INTERNAL, database and cache spans in it, and CLIENT spans that are
//! further calls, to other services, one level deeper. Queues (PRODUCER, CONSUMER) come now and then.

use std::collections::VecDeque;

use super::lines;
use super::places::{Service, group};
use super::random::Random;
use super::wire::Wire;
use super::{Profile, When, own_attributes, trace_id};

/// Calls of a trace, so that depth and fan-out cannot make one without end.
const CALLS_MAX: u32 = 500;

const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

const ROUTES: [(&str, &str); 8] = [
    ("GET", "/api/v2/products/{sku}"),
    ("GET", "/api/v2/users/{id}/orders"),
    ("POST", "/api/v2/orders"),
    ("GET", "/api/v2/carts/{cart_id}/items"),
    ("PUT", "/api/v2/carts/{cart_id}/items/{item}"),
    ("GET", "/search"),
    ("POST", "/api/v2/payments"),
    ("DELETE", "/api/v2/sessions/{id}"),
];
const STATEMENTS: [(&str, &str, &str); 4] = [
    (
        "SELECT",
        "orders",
        "SELECT id, status, total FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT $2",
    ),
    (
        "SELECT",
        "products",
        "SELECT * FROM products WHERE sku = ANY($1) AND country = $2",
    ),
    (
        "UPDATE",
        "inventory",
        "UPDATE inventory SET reserved = reserved + $1 WHERE sku = $2 AND free >= $1",
    ),
    (
        "INSERT",
        "payments",
        "INSERT INTO payments (id, order_id, amount, currency, state) VALUES ($1, $2, $3, $4, $5)",
    ),
];

/// Makes trace requests of a lane.
#[derive(Debug)]
pub(super) struct Spans {
    profile: Profile,
    lane: u64,
    random: Random,
    /// Decides about links, so that the rest is the same without.
    links: Random,
    services: Vec<Service>,
    /// The spans that each service has not sent yet, and where each of them ends.
    unsent: Vec<Unsent>,
    /// Services with at least a full batch.
    full: VecDeque<usize>,
    traces: u64,
}

#[derive(Debug, Default)]
struct Unsent {
    spans: Wire,
    ends: Vec<usize>,
}

/// A trace being made up.
#[derive(Clone, Copy)]
struct Trace {
    id: (u64, u64),
    calls: u32,
    failed: bool,
}

/// A span to be written.
struct Span<'a> {
    id: u64,
    parent: u64,
    kind: u64,
    start: u64,
    duration: u64,
    failed: bool,
    name: &'a dyn Fn(&mut Wire),
}

/// Where a call is made from, and when.
#[derive(Clone, Copy)]
struct Call {
    service: usize,
    parent: u64,
    kind: u64,
    level: u16,
    start: u64,
    duration: u64,
}

impl Spans {
    pub(super) fn new(profile: &Profile, lane: u64) -> Spans {
        let services = Service::all(profile);
        Spans {
            unsent: services.iter().map(|_| Unsent::default()).collect(),
            profile: profile.clone(),
            lane,
            random: Random::new(profile.seed, SPANS + lane),
            links: Random::new(profile.seed, LINKS + lane),
            services,
            full: VecDeque::new(),
            traces: 0,
        }
    }

    /// How many traces have been begun.
    pub(super) fn traces(&self) -> u64 {
        self.traces
    }

    /// Appends a request of `records` spans.
    pub(super) fn write(&mut self, request: &mut Wire, records: u64, when: When) {
        let records = records as usize;
        let mut at = 0;
        while self.full.is_empty() {
            self.trace(when.of(at, records as u64), records);
            at = (at + 1) % records as u64;
        }
        let number = self.full.pop_front().expect("the loop waits for it");
        let instance = self.services[number].instance(&mut self.random);
        let unsent = &mut self.unsent[number];
        let end = unsent.ends[records - 1];
        group(
            request,
            instance,
            "com.shop.instrumentation",
            &unsent.spans.0[..end],
        );
        unsent.spans.0.drain(..end);
        unsent.ends.drain(..records);
        unsent.ends.iter_mut().for_each(|one| *one -= end);
        if unsent.ends.len() >= records {
            self.full.push_back(number);
        }
    }

    /// Makes up one trace that ends at `end`.
    fn trace(&mut self, end: u64, batch: usize) {
        let mut trace = Trace {
            id: trace_id(self.profile.seed, self.lane, self.traces),
            calls: 0,
            failed: self.random.chance(self.profile.errors * 4.0),
        };
        self.traces += 1;
        let duration = self.random.nanoseconds(60e6);
        self.call(
            &mut trace,
            Call {
                service: 0,
                parent: 0,
                kind: SERVER,
                level: 0,
                start: end.saturating_sub(duration),
                duration,
            },
        );
        for number in 0..self.unsent.len() {
            if self.unsent[number].ends.len() >= batch && !self.full.contains(&number) {
                self.full.push_back(number);
            }
        }
    }

    /// A service's work on one request, and what it calls. Returns whether it failed.
    fn call(&mut self, trace: &mut Trace, call: Call) -> bool {
        trace.calls += 1;
        let id = self.random.next() | 1;
        let route = self.random.pick(&ROUTES);
        let mut failed = trace.failed && self.random.chance(0.25);
        let deeper = call.level < self.profile.depth && trace.calls < CALLS_MAX;
        let branches = match deeper {
            true => self.branches(),
            false => 0,
        };
        let steps = 1 + self.random.below(2) + branches;
        let share = call.duration / (steps + 1);
        for step in 0..steps {
            let within = Call {
                parent: id,
                level: call.level + 1,
                start: call.start + share / 2 + step * share,
                duration: share * 9 / 10,
                ..call
            };
            if step < branches && trace.calls < CALLS_MAX {
                failed |= self.remote(trace, within);
            } else if self.random.chance(0.6) {
                self.database(trace, within);
            } else {
                self.internal(trace, within);
            }
        }
        let span = Span {
            id,
            parent: call.parent,
            kind: call.kind,
            start: call.start,
            duration: call.duration,
            failed,
            name: &|name| {
                name.put(route.0);
                name.put(" ");
                name.put(route.1);
            },
        };
        let status = if failed {
            503
        } else {
            self.random.pick(&[200, 200, 200, 201, 204, 404])
        };
        self.record(trace, call.service, &span, |wire, random, cardinality| {
            wire.text(9, "http.request.method", route.0);
            wire.text(9, "http.route", route.1);
            wire.number(9, "http.response.status_code", status);
            wire.attribute(9, "url.path", |text| lines::path(text, random, cardinality));
            wire.text(9, "url.scheme", "https");
            wire.text(9, "server.address", "shop.example.com");
            wire.text(9, "network.protocol.version", "1.1");
            wire.attribute(9, "client.address", |text| {
                let host = random.skewed(1 << 16);
                text.put("10.0.");
                text.decimal(host >> 8);
                text.put(".");
                text.decimal(host & 255);
            });
            wire.text(
                9,
                "user_agent.original",
                "ShopApp/8.14.2 (Android 16; Pixel 9; de_DE)",
            );
            wire.attribute(9, "enduser.id", |text| {
                lines::user(text, random.skewed(cardinality))
            });
        });
        failed
    }

    /// How many calls a call makes: between none and twice the fan-out.
    fn branches(&mut self) -> u64 {
        let drawn = self.random.unit() * 2.0 * self.profile.fan_out;
        let whole = drawn as u64;
        whole + u64::from(self.random.chance(drawn - whole as f64))
    }

    /// A call to another service, seen from both sides; by a queue now and then.
    fn remote(&mut self, trace: &mut Trace, from: Call) -> bool {
        let others = self.services.len() as u64;
        let service = self.random.skewed(others) as usize;
        let queue = self.random.chance(0.08);
        let id = self.random.next() | 1;
        let (kind, other) = if queue {
            (PRODUCER, CONSUMER)
        } else {
            (CLIENT, SERVER)
        };
        let failed = self.call(
            trace,
            Call {
                service,
                parent: id,
                kind: other,
                start: from.start + from.duration / 20,
                duration: from.duration * 9 / 10,
                ..from
            },
        );
        let peer = self.services[service].name.clone();
        let span = Span {
            id,
            parent: from.parent,
            kind,
            start: from.start,
            duration: from.duration,
            failed: failed && !queue,
            name: &|name| name.put(if queue { "orders-v2 publish" } else { "POST" }),
        };
        self.record(trace, from.service, &span, |wire, random, _| {
            if queue {
                wire.text(9, "messaging.system", "kafka");
                wire.text(9, "messaging.destination.name", "orders-v2");
                wire.number(9, "messaging.batch.message_count", 1 + random.skewed(50));
                return;
            }
            wire.text(9, "http.request.method", "POST");
            wire.text(9, "server.address", &peer);
            wire.number(9, "server.port", 8080);
            wire.number(
                9,
                "http.response.status_code",
                if failed { 503 } else { 200 },
            );
            wire.attribute(9, "url.full", |text| {
                text.put("http://");
                text.put(&peer);
                text.put(":8080/internal/v1/");
                lines::uuid(text, random.next(), random.next());
            });
            wire.text(9, "network.peer.address", "10.0.12.7");
        });
        failed && !queue
    }

    fn database(&mut self, trace: &Trace, at: Call) {
        let (operation, table, statement) = self.random.pick(&STATEMENTS);
        let span = Span {
            id: self.random.next() | 1,
            parent: at.parent,
            kind: CLIENT,
            start: at.start,
            duration: at.duration,
            failed: false,
            name: &|name| {
                name.put(operation);
                name.put(" ");
                name.put(table);
            },
        };
        self.record(trace, at.service, &span, |wire, random, _| {
            wire.text(9, "db.system.name", "postgresql");
            wire.text(9, "db.namespace", "orders");
            wire.text(9, "db.operation.name", operation);
            wire.text(9, "db.collection.name", table);
            wire.text(9, "db.query.text", statement);
            wire.text(9, "server.address", "orders-db");
            wire.number(9, "server.port", 5432);
            wire.number(9, "db.response.returned_rows", random.skewed(500));
        });
    }

    fn internal(&mut self, trace: &Trace, at: Call) {
        let names = [
            "validate",
            "render template",
            "apply discounts",
            "serialize",
            "authorize",
        ];
        let name = self.random.pick(&names);
        let span = Span {
            id: self.random.next() | 1,
            parent: at.parent,
            kind: INTERNAL,
            start: at.start,
            duration: at.duration / 4,
            failed: false,
            name: &|text| text.put(name),
        };
        self.record(trace, at.service, &span, |wire, random, _| {
            wire.text(9, "code.function.name", name);
            wire.attribute(9, "thread.name", |text| {
                text.put("worker-pool-thread-");
                text.decimal(random.below(16));
            });
            wire.number(9, "thread.id", 20 + random.below(16));
        });
    }

    /// Writes a span into what its service has to send.
    fn record(
        &mut self,
        trace: &Trace,
        service: usize,
        span: &Span<'_>,
        attributes: impl FnOnce(&mut Wire, &mut Random, u64),
    ) {
        let (random, profile) = (&mut self.random, &self.profile);
        let (links, earlier) = (&mut self.links, (self.lane, self.traces));
        let unsent = &mut self.unsent[service];
        unsent.spans.message(2, |wire| {
            wire.message(1, |id| {
                id.0.extend_from_slice(&trace.id.0.to_be_bytes());
                id.0.extend_from_slice(&trace.id.1.to_be_bytes());
            });
            wire.bytes(2, &span.id.to_be_bytes());
            if span.parent != 0 {
                wire.bytes(4, &span.parent.to_be_bytes());
            }
            wire.message(5, span.name);
            wire.int(6, span.kind);
            wire.fixed64(7, span.start);
            wire.fixed64(8, span.start + span.duration);
            attributes(wire, random, profile.cardinality);
            own_attributes(wire, 9, profile, random);
            if span.failed {
                exception(wire, span.start + span.duration);
                wire.message(15, |status| {
                    status.bytes(2, b"upstream did not answer in time");
                    status.int(3, 2);
                });
            }
            if links.chance(profile.links) {
                for _ in 0..1 + links.skewed(LINKS_MAX) {
                    link(wire, profile.seed, earlier, links);
                }
            }
            wire.fixed32(16, 0x101);
        });
        unsent.ends.push(unsent.spans.0.len());
    }
}

/// Streams of random numbers, apart from those of other signals.
const SPANS: u64 = 1;
const LINKS: u64 = 5_000;

/// Links of a span that has some.
const LINKS_MAX: u64 = 5;

/// A link to a span of one of the last traces of the lane, of which there were `traces`.
fn link(wire: &mut Wire, seed: u64, (lane, traces): (u64, u64), random: &mut Random) {
    let number = traces.saturating_sub(2 + random.skewed(200));
    let (high, low) = trace_id(seed, lane, number);
    wire.message(13, |link| {
        link.message(1, |id| {
            id.0.extend_from_slice(&high.to_be_bytes());
            id.0.extend_from_slice(&low.to_be_bytes());
        });
        link.bytes(2, &(random.next() | 1).to_be_bytes());
        if random.chance(0.1) {
            link.bytes(3, b"shop=canary");
        }
        link.text(4, "messaging.operation.name", "poll");
        link.attribute(4, "messaging.kafka.offset", |text| {
            text.decimal(random.below(1 << 40));
        });
        link.fixed32(6, 0x101);
    });
}

fn exception(wire: &mut Wire, time: u64) {
    wire.message(11, |event| {
        event.fixed64(1, time);
        event.bytes(2, b"exception");
        event.text(3, "exception.type", "java.net.SocketTimeoutException");
        event.text(3, "exception.message", "Read timed out after 2000 ms");
    });
}

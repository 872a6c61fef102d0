//! Producers of numbered requests, what they know of them, and the comparison with what is stored.
//!
//! Requests of several rows go over gRPC and HTTP. One whose answer was lost is mostly sent again,
//! the same bytes, as an SDK does, and sometimes given up: then it may be stored or not, but whole,
//! and once. Some that were acknowledged are sent again as well, as if their answer had been lost.

use std::collections::{BTreeMap, HashMap};

use oriel_proto::Signal;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
};
use prost::Message;

use crate::ask::{Api, int, text};
use crate::edges::{log, log_request, span, trace_request};
use crate::random::Random;
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, PROTOBUF};

/// Rows of one request.
pub(super) const ROWS: u64 = 3;
/// Producers at work at once.
const PRODUCERS: u64 = 4;

/// (producer, sequence): which request.
pub(super) type Key = (u64, u64);

/// What is known of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The answer was OK.
    Acknowledged,
    /// No answer came.
    Unsure,
}

/// The signal and the body of a request.
pub(super) fn request((producer, sequence): Key) -> (Signal, Vec<u8>) {
    let name = |row| format!("{producer}-{sequence}-{row}");
    if sequence.is_multiple_of(2) {
        (
            Signal::Logs,
            log_request("crash", (0..ROWS).map(|row| log(&name(row))).collect()),
        )
    } else {
        let spans = (0..ROWS).map(|row| {
            let mut one = span(1, &name(row));
            one.trace_id[..8].copy_from_slice(&producer.to_be_bytes());
            one.trace_id[8..].copy_from_slice(&(sequence * ROWS + row + 1).to_be_bytes());
            one
        });
        (Signal::Traces, trace_request("crash", spans.collect()))
    }
}

/// The service whose rows are deleted; like the data points, nobody asks for them again.
const DOOMED: &str = "doomed";

/// Spans of [`DOOMED`], in traces of their own.
fn doomed((producer, sequence): Key) -> Vec<u8> {
    let spans = (0..ROWS).map(|row| {
        let mut one = span(2, &format!("{producer}-{sequence}-{row}"));
        one.trace_id[..8].copy_from_slice(&(producer + PRODUCERS).to_be_bytes());
        one.trace_id[8..].copy_from_slice(&(sequence + 1).to_be_bytes());
        one.span_id[7] = row as u8;
        one
    });
    trace_request(DOOMED, spans.collect())
}

/// A data point of months ago, which a short retention removes.
fn old_point((producer, sequence): Key) -> Vec<u8> {
    let point = NumberDataPoint {
        time_unix_nano: 1_790_000_000_000_000_000 + sequence * PRODUCERS + producer,
        ..NumberDataPoint::default()
    };
    let metric = Metric {
        name: "old".to_owned(),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: vec![point],
        })),
        ..Metric::default()
    };
    let scope_metrics = vec![ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
    .encode_to_vec()
}

/// Asks the server at `url` to delete what [`DOOMED`] has sent; whether it says that it did.
pub(super) async fn delete(url: &str) -> bool {
    let body = serde_json::json!({"service": DOOMED, "dry_run": false}).to_string();
    let headers = [("content-type", "application/json")];
    let http = Http::new(url);
    let answer = http.try_post("/api/v1/delete", body.into_bytes(), &headers);
    answer.await.is_ok_and(|answer| answer.status == 200)
}

/// How many rows there are of [`DOOMED`].
pub(super) async fn doomed_rows(url: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM spans WHERE service_name = '{DOOMED}'");
    Api::new(url).int(&sql).await
}

/// Everything that was sent to one data directory.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sent: HashMap<Key, Known>,
    next: [u64; PRODUCERS as usize],
}

/// Producers at work; they end when the server does.
#[derive(Debug)]
pub(super) struct Load(Vec<tokio::task::JoinHandle<(HashMap<Key, Known>, u64)>>);

impl Ledger {
    /// Requests that were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        let known = self.sent.values();
        known.filter(|known| **known == Known::Acknowledged).count() as u64
    }

    /// Starts producers against `server`: first some old requests again, then new ones.
    pub(super) fn start(&self, server: &Server, random: &mut Random) -> Load {
        let mut again: Vec<Key> = Vec::new();
        for (key, known) in &self.sent {
            let send = match known {
                Known::Unsure => random.below(3) > 0,
                Known::Acknowledged => random.once_in(50),
            };
            again.extend(send.then_some(*key));
        }
        let address = (server.grpc(), server.otlp_url());
        let tasks = (0..PRODUCERS).map(|producer| {
            let mine = again.iter().copied().filter(|key| key.0 == producer);
            let from = self.next[producer as usize];
            tokio::spawn(produce(address.clone(), mine.collect(), producer, from))
        });
        Load(tasks.collect())
    }

    /// Waits for the producers, whose server is gone, and takes over what they know.
    pub(super) async fn end(&mut self, load: Load, run: &str) {
        for (producer, task) in load.0.into_iter().enumerate() {
            let (known, reached) = task.await.unwrap_or_else(|e| panic!("{run}: {e}"));
            self.next[producer] = reached;
            for (key, known) in known {
                let entry = self.sent.entry(key).or_insert(known);
                if known == Known::Acknowledged {
                    *entry = known;
                }
            }
        }
    }

    /// At the server with this `url` every acknowledged request is whole and once, every other one
    /// whole and once or not at all.
    ///
    /// Errors: what is lost, doubled or invented.
    pub(super) async fn check(&self, url: &str) -> Result<(), String> {
        let api = Api::new(url);
        compare(&self.sent, stored(&api).await)?;
        let sql = format!(
            "SELECT p.n, p.d, s.n, s.d, s.n + o.n, t.n FROM
               (SELECT count(*) AS n, count(DISTINCT time) AS d FROM metrics) AS p,
               (SELECT count(*) AS n, count(DISTINCT name) AS d FROM spans
                WHERE service_name = '{DOOMED}') AS s,
               (SELECT count(*) AS n FROM spans WHERE service_name <> '{DOOMED}') AS o,
               (SELECT sum(span_count) AS n FROM traces) AS t"
        );
        let found = api.ints(&sql).await;
        match found.chunks(2).all(|pair| pair[0] == pair[1]) {
            true => Ok(()),
            false => Err(format!("rows and what is distinct of them: {found:?}")),
        }
    }
}

/// Sends `again`, then new requests from `next` on, until the server is gone.
async fn produce(
    server: (std::net::SocketAddr, String),
    again: Vec<Key>,
    producer: u64,
    mut next: u64,
) -> (HashMap<Key, Known>, u64) {
    let (grpc, http) = (Grpc::new(server.0), Http::new(&server.1));
    let headers = [("content-type", PROTOBUF)];
    let mut known = HashMap::new();
    let mut again = again.into_iter();
    loop {
        let key = again.next().unwrap_or_else(|| {
            next += 1;
            (producer, next - 1)
        });
        let (signal, body) = request(key);
        let refused = if producer.is_multiple_of(2) {
            let encoding = if key.1.is_multiple_of(3) {
                Encoding::Gzip
            } else {
                Encoding::Plain
            };
            let answer = grpc.export(signal, &body, encoding).await;
            answer
                .err()
                .map(|status| status.code() != tonic::Code::Unavailable)
        } else {
            if key.1.is_multiple_of(8) {
                // Their fate is told by the next request.
                let more = [
                    (Signal::Metrics, old_point(key)),
                    (Signal::Traces, doomed(key)),
                ];
                for (signal, body) in more {
                    let _ = http
                        .try_post(&format!("/v1/{signal}"), body, &headers)
                        .await;
                }
            }
            match http
                .try_post(&format!("/v1/{signal}"), body, &headers)
                .await
            {
                Ok(answer) if answer.status == 200 => None,
                Ok(answer) => Some(answer.status != 503),
                Err(_) => Some(false),
            }
        };
        match refused {
            None => drop(known.insert(key, Known::Acknowledged)),
            Some(wrong) => {
                // Cut off by a kill, or refused while stopping; any other answer is a fault.
                assert!(
                    !wrong || producer.is_multiple_of(2),
                    "{key:?} was refused for good"
                );
                known.entry(key).or_insert(Known::Unsure);
                return (known, next);
            }
        }
    }
}

/// Rows by request, as stored.
async fn stored(api: &Api) -> BTreeMap<Key, Vec<(u64, i64)>> {
    let mut found: BTreeMap<Key, Vec<(u64, i64)>> = BTreeMap::new();
    for sql in [
        "SELECT body, count(*) FROM logs GROUP BY 1",
        &format!("SELECT name, count(*) FROM spans WHERE service_name <> '{DOOMED}' GROUP BY 1"),
    ] {
        for row in api.rows(sql).await {
            let name = text(&row[0]);
            let parts: Vec<u64> = name.split('-').map(|part| part.parse().unwrap()).collect();
            found
                .entry((parts[0], parts[1]))
                .or_default()
                .push((parts[2], int(&row[1])));
        }
    }
    found
}

fn compare(
    sent: &HashMap<Key, Known>,
    mut found: BTreeMap<Key, Vec<(u64, i64)>>,
) -> Result<(), String> {
    let whole: Vec<(u64, i64)> = (0..ROWS).map(|row| (row, 1)).collect();
    let (mut lost, mut broken) = (Vec::new(), Vec::new());
    for (key, known) in sent {
        let mut rows = found.remove(key).unwrap_or_default();
        rows.sort_unstable();
        if rows.is_empty() && *known == Known::Acknowledged {
            lost.push(*key);
        } else if !rows.is_empty() && rows != whole {
            broken.push((*key, rows));
        }
    }
    if lost.is_empty() && broken.is_empty() && found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "of {} requests: {} lost {:?}; {} torn or doubled {:?}; {} invented {:?}",
        sent.len(),
        lost.len(),
        &lost[..lost.len().min(20)],
        broken.len(),
        &broken[..broken.len().min(20)],
        found.len(),
        found.iter().take(20).collect::<Vec<_>>(),
    ))
}

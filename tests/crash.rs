//! Kill -9 at random moments under load, with a checker: of everything that was acknowledged nothing
//! is lost, nothing is stored twice, and nothing is there that was never sent.
//!
//! Producers send numbered requests of several rows over gRPC and HTTP, while the store flushes,
//! rotates and compacts all the time. A request whose answer was lost is sometimes sent again, as an
//! SDK does, and sometimes given up: then it may be stored or not, but whole, and once.
//! `ORIEL_SOAK_ROUNDS` sets the number of rounds, `ORIEL_SOAK_SEED` repeats a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use oriel_proto::Signal;

use crate::ask::{Api, int, text};
use crate::edges::{log, log_request, span, trace_request};
use crate::random::{Random, number, seed};
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, PROTOBUF};

/// Rows of one request.
const ROWS: u64 = 3;
/// Producers at work at once.
const PRODUCERS: u64 = 4;

/// What is known of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The answer was OK.
    Acknowledged,
    /// No answer came.
    Unsure,
}

/// (producer, sequence): which request.
type Key = (u64, u64);

/// The signal and the body of a request.
fn request((producer, sequence): Key) -> (Signal, Vec<u8>) {
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
        "SELECT name, count(*) FROM spans GROUP BY 1",
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

/// Every acknowledged request whole and once, every other one whole and once or not at all.
fn compare(run: &str, sent: &HashMap<Key, Known>, mut found: BTreeMap<Key, Vec<(u64, i64)>>) {
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
    assert!(
        lost.is_empty() && broken.is_empty() && found.is_empty(),
        "{run}, of {} requests: {} lost {:?}; {} torn or doubled {:?}; {} invented {:?}",
        sent.len(),
        lost.len(),
        &lost[..lost.len().min(20)],
        broken.len(),
        &broken[..broken.len().min(20)],
        found.len(),
        found.iter().take(20).collect::<Vec<_>>(),
    );
}

/// Scenario: rounds of load that end in kill -9 (or, one in five, in SIGTERM) after a random while;
/// after each restart everything stored is compared with everything sent.
/// Guarantees: acknowledged and lost 0, duplicates 0, invented 0, torn requests 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled() {
    let seed = seed();
    let rounds = number("ORIEL_SOAK_ROUNDS").unwrap_or(10);
    let mut random = Random(seed);
    let mut server = Server::start_with(
        &[],
        &[
            ("ORIEL_STORAGE_FLUSH_INTERVAL", "40ms"),
            ("ORIEL_STORAGE_COMPACT_INTERVAL", "60ms"),
            ("ORIEL_STORAGE_COMPACT_PARTS_MIN", "3"),
            ("ORIEL_STORAGE_WAL_SEGMENT_BYTES", "256 KiB"),
            ("ORIEL_STORAGE_UNLINK_GRACE", "100ms"),
        ],
    )
    .await;
    let mut sent: HashMap<Key, Known> = HashMap::new();
    let mut next = vec![0; PRODUCERS as usize];
    for round in 0..rounds {
        let run = format!("ORIEL_SOAK_SEED={seed}, round {round}");
        let again: Vec<Key> = sent
            .iter()
            .filter(|(_, known)| **known == Known::Unsure && random.below(3) > 0)
            .map(|(key, _)| *key)
            .collect();
        let address = (server.grpc(), server.otlp_url());
        let tasks: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let mine = again
                    .iter()
                    .copied()
                    .filter(|key| key.0 == producer)
                    .collect();
                let from = next[producer as usize];
                tokio::spawn(produce(address.clone(), mine, producer, from))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20 + random.below(700))).await;
        if random.below(5) == 0 {
            assert!(server.stop().success(), "{run}: the stop failed");
        } else {
            server.kill9();
        }
        for (producer, task) in tasks.into_iter().enumerate() {
            let (known, reached) = task.await.unwrap_or_else(|e| panic!("{run}: {e}"));
            next[producer] = reached;
            for (key, known) in known {
                let entry = sent.entry(key).or_insert(known);
                if known == Known::Acknowledged {
                    *entry = known;
                }
            }
        }
        server.restart().await;
        compare(&run, &sent, stored(&Api::new(&server.url())).await);
    }
    let acknowledged = sent
        .values()
        .filter(|known| **known == Known::Acknowledged)
        .count();
    assert!(
        acknowledged as u64 > rounds * 5,
        "only {acknowledged} requests were acknowledged"
    );
    assert!(server.stop().success());
}

/// Scenario: for three seconds rows arrive while parts are flushed, merged and their files deleted
/// all the time; queries go on beside it.
/// Guarantees: no query fails, none shows a row twice or misses one that was acknowledged before it
/// began, in either table and in a join of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_see_each_row_once_while_parts_change() {
    let mut server = Server::start_with(
        &[],
        &[
            ("ORIEL_STORAGE_FLUSH_INTERVAL", "20ms"),
            ("ORIEL_STORAGE_COMPACT_INTERVAL", "30ms"),
            ("ORIEL_STORAGE_COMPACT_PARTS_MIN", "2"),
            ("ORIEL_STORAGE_UNLINK_GRACE", "10ms"),
        ],
    )
    .await;
    let done = Arc::new(AtomicU64::new(0));
    let (grpc, acknowledged) = (Grpc::new(server.grpc()), Arc::clone(&done));
    let end = Instant::now() + Duration::from_secs(3);
    let sender = tokio::spawn(async move {
        let mut sequence = 0;
        while Instant::now() < end {
            for key in [(0, sequence), (0, sequence + 1)] {
                let (signal, body) = request(key);
                grpc.export(signal, &body, Encoding::Plain).await.unwrap();
            }
            sequence += 2;
            acknowledged.store(sequence / 2, Ordering::SeqCst);
        }
    });
    let api = Api::new(&server.url());
    let mut queries = 0;
    while !sender.is_finished() {
        let least = (done.load(Ordering::SeqCst) * ROWS) as i64;
        let got = api
            .ints(
                "SELECT l.n, l.d, s.n, s.d, j.n FROM
                   (SELECT count(*) AS n, count(DISTINCT body) AS d FROM logs) AS l,
                   (SELECT count(*) AS n, count(DISTINCT name) AS d FROM spans) AS s,
                   (SELECT count(*) AS n FROM logs JOIN spans ON split_part(body, '-', 2)::BIGINT + 1
                      = split_part(name, '-', 2)::BIGINT
                      AND split_part(body, '-', 3) = split_part(name, '-', 3)) AS j",
            )
            .await;
        let [logs, logs_once, spans, spans_once, joined] = got[..] else {
            panic!("{got:?}")
        };
        assert!(
            logs >= least && spans >= least,
            "{got:?}, acknowledged {least}"
        );
        assert_eq!(
            (logs, spans),
            (logs_once, spans_once),
            "a row twice: {got:?}"
        );
        // The span request follows its log request: one cut shows no span without its log.
        assert!(
            joined == spans && logs - spans <= ROWS as i64,
            "not one cut: {got:?}"
        );
        queries += 1;
    }
    sender.await.unwrap();
    assert!(queries > 5, "only {queries} queries");
    assert!(server.stop().success());
}

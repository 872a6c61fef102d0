//! The real binary dies under load, with a checker: of everything that was acknowledged nothing is
//! lost, nothing is stored twice, and nothing is there that was never sent.
//!
//! ```text
//! load.rs  producers, what they know, the checker     points.rs  death at every failpoint, and at random
//! ```

mod load;
mod points;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ask::Api;
use crate::support::Server;
use crate::wire::{Encoding, Grpc};

use load::{ROWS, request};

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

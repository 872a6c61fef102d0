//! Everything at once: writers, flush, merges, retention, deletion, readers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oriel_proto::UnixNanos;

use super::rows::{rows, summarised};
use crate::part::sample::NOW;
use crate::schema::Table;
use crate::testing::{Home, Request};
use crate::{Selection, Snapshot, Store, TenantId};

/// Requests that are there before, of which [`DELETED`] are deleted meanwhile.
const BEFORE: u64 = 20;
const DELETED: std::ops::Range<u64> = 5..12;
const REQUESTS: u64 = 140;
const SPANS: u64 = 3;

fn request(number: u64) -> Request {
    Request::new(number, &[(Table::Spans, SPANS as usize), (Table::Logs, 2)])
}

/// Checks one cut: each acknowledged row once, the deleted requests whole or not at all.
async fn check(store: &Store, snapshot: &Snapshot, acked: &BTreeSet<u64>, deleted: bool) {
    let spans = rows(store, snapshot, Table::Spans, true).await.unwrap();
    assert!(
        spans.values().all(|count| *count == 1),
        "a row is shown twice"
    );
    let there = |number: u64| {
        let time = |row: u64| (NOW + (number * 1_000_000 + row * 1000) as i64).to_string();
        (0..SPANS)
            .filter(|row| spans.contains_key(&time(*row)))
            .count() as u64
    };
    for number in acked.iter().filter(|number| !DELETED.contains(number)) {
        assert_eq!(there(*number), SPANS, "request {number}");
    }
    let left: BTreeSet<u64> = DELETED.map(there).collect();
    assert!(left.len() == 1, "a deletion is seen in part: {left:?}");
    assert!(left.contains(&SPANS) || left.contains(&0), "{left:?}");
    assert!(!deleted || left.contains(&0), "deleted rows are back");
    let count = summarised(store, snapshot).await.unwrap();
    assert_eq!(count, spans.len() as i64, "summarised spans");
}

/// Scenario: requests come while the store flushes, merges, expires and deletes without a pause, and
/// readers take snapshots all the time.
/// Guarantees: each snapshot has every acknowledged row exactly once, a deletion wholly or not at
/// all, summaries that count exactly its spans, and files that can be read to the end (S1, S2, P2).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_snapshot_is_one_cut() {
    let mut home = Home::in_memory();
    home.config.compact_parts_min = 2;
    home.config.unlink_grace = Duration::ZERO;
    let store = home.open().await;
    let acked = Arc::new(Mutex::new(BTreeSet::new()));
    for number in 0..BEFORE {
        request(number).send(&store).await.unwrap();
        acked.lock().unwrap().insert(number);
    }
    let done = Arc::new(AtomicBool::new(false));
    let deleted = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for step in 0..3 {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tasks.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                match step {
                    0 => store.flush().await.unwrap(),
                    1 => store.compact().await.unwrap(),
                    _ => store.expire().await.unwrap(),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..2 {
        let (store, acked) = (store.clone(), Arc::clone(&acked));
        let (done, deleted) = (Arc::clone(&done), Arc::clone(&deleted));
        tasks.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let known = acked.lock().unwrap().clone();
                let gone = deleted.load(Ordering::SeqCst);
                let snapshot = store.snapshot(&TenantId::default_tenant());
                check(&store, &snapshot, &known, gone).await;
            }
        });
    }
    for number in BEFORE..REQUESTS {
        request(number).send(&store).await.unwrap();
        acked.lock().unwrap().insert(number);
        if number == REQUESTS / 2 {
            let time = |number: u64| Some(UnixNanos(NOW + number as i64 * 1_000_000));
            let selection = Selection {
                from: time(DELETED.start),
                to: time(DELETED.end),
                ..Selection::default()
            };
            let tenant = TenantId::default_tenant();
            let gone = store
                .delete(&tenant, &selection, false, Arc::default())
                .await;
            let spans = (DELETED.end - DELETED.start) * SPANS;
            assert_eq!(gone.unwrap().rows["spans"], spans);
            deleted.store(true, Ordering::SeqCst);
        }
    }
    done.store(true, Ordering::SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let acked = acked.lock().unwrap().clone();
    check(&store, &snapshot, &acked, true).await;
}

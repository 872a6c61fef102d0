//! Replay beside new requests: what is taken, what waits, and what a kill in the middle leaves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytesize::ByteSize;

use super::rows::{SIGNALS, rows};
use crate::layout::Layout;
use crate::part::sample;
use crate::schema::Table;
use crate::testing::{Home, Request};
use crate::{ErrorKind, Selection, Store, TenantId, lock};

fn request(number: u64) -> Request {
    Request::new(number, &[(Table::Spans, 2), (Table::Logs, 1)])
}

async fn send(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let stored = request(number).send(store).await.unwrap();
        assert!(stored.is_some(), "{number} passed for a duplicate");
    }
}

/// Asserts that exactly the rows of the requests of `numbers` are shown, each once.
async fn check(store: &Store, numbers: impl Iterator<Item = u64>, when: &str) {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let numbers: Vec<u64> = numbers.collect();
    for table in SIGNALS {
        let batches = numbers
            .iter()
            .flat_map(|number| request(*number).batches(store.schemas()))
            .filter(|batch| batch.table() == table);
        let want: Vec<_> = batches.map(|batch| batch.rows().clone()).collect();
        let got = rows(store, &snapshot, table, false).await.unwrap();
        let mut got: Vec<String> = got
            .into_iter()
            .flat_map(|(row, count)| std::iter::repeat_n(row, count))
            .collect();
        got.sort_unstable();
        assert_eq!(got, sample::multiset(&want), "{table} {when}");
    }
}

/// Waits for `ready`, for at most half a minute.
async fn until(what: &str, ready: impl Fn() -> bool) {
    for _ in 0..6000 {
        if ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}: never");
}

/// Drops the store as kill -9 would, lets frames pass that wait to be decoded, and waits until
/// nothing of it is left: a flush that is under way keeps it for another frame.
async fn kill(home: &Home, store: Store) {
    drop(store);
    let layout = Layout::new(&home.config.data_dir);
    for _ in 0..6000 {
        home.decodes.fetch_max(1, Ordering::SeqCst);
        if lock::hold(&layout).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the store never ended");
}

/// Scenario: a store with frames in its log is opened while nothing can be decoded yet; requests
/// come, old ones again too; it is flushed, killed, opened the same way, and at last replays.
/// Guarantees: new requests are stored and visible at once; a retry of a frame that is not replayed
/// is a duplicate (W6); snapshots say that rows are missing; the position never passes the backlog
/// (W5); nothing is deleted by half; then every row is there once.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_taken_before_the_replay_ends() {
    let mut home = Home::new();
    let store = home.open().await;
    send(&store, 0..3).await;
    store.flush().await.unwrap();
    send(&store, 3..10).await;
    kill(&home, store).await;
    (home.beside, home.one_by_one) = (true, true);
    for (round, first) in [10, 15].into_iter().enumerate() {
        home.decodes.store(0, Ordering::SeqCst);
        let store = home.open().await;
        let when = format!("in round {round}");
        let replay = store.replay().unwrap();
        assert!(
            replay.bytes_total > 0 && replay.bytes_done == 0,
            "{replay:?}"
        );
        assert!(store.snapshot(&TenantId::default_tenant()).replaying());
        assert_eq!(request(5).send(&store).await.unwrap(), None, "{when}");
        send(&store, first..first + 5).await;
        assert_eq!(request(first).send(&store).await.unwrap(), None, "{when}");
        store.flush().await.unwrap();
        check(&store, (0..3).chain(first..first + 5), &when).await;
        let stats = store.stats();
        assert_eq!((stats.flushed_position, stats.wal_position), (3, first + 5));
        let all = Selection {
            to: Some(oriel_proto::UnixNanos(i64::MAX)),
            ..Selection::default()
        };
        let refused = store
            .delete(
                &TenantId::default_tenant(),
                &all,
                false,
                std::sync::Arc::default(),
            )
            .await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
        kill(&home, store).await;
    }
    home.decodes.store(u64::MAX, Ordering::SeqCst);
    let store = home.open().await;
    send(&store, 20..22).await;
    until("the replay ends", || store.replay().is_none()).await;
    assert!(!store.snapshot(&TenantId::default_tenant()).replaying());
    check(&store, 0..22, "after the replay").await;
    store.flush().await.unwrap();
    let stats = store.stats();
    assert_eq!((stats.flushed_position, stats.buffer_rows), (22, 0));
    check(&store, 0..22, "after a flush").await;
    assert_eq!(request(4).send(&store).await.unwrap(), None);
    store.close().await.unwrap();
}

/// Scenario: a log of 40 frames is replayed by processes that are killed after three frames each
/// or a few more, while each takes one new request; every frame is flushed as it comes.
/// Guarantees: each process goes on where the last one ended, in order; it converges; every row is
/// there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_again_and_again_converges() {
    let mut home = Home::new();
    let store = home.open().await;
    send(&store, 0..40).await;
    kill(&home, store).await;
    (home.beside, home.one_by_one) = (true, true);
    home.config.flush_bytes = ByteSize::b(1);
    let (mut flushed, mut next, mut rounds) = (0, 40, 0);
    loop {
        home.decodes.store(3, Ordering::SeqCst);
        let store = home.open().await;
        send(&store, next..next + 1).await;
        next += 1;
        let left = next - flushed;
        let want = flushed + left.min(3);
        let behind = || store.replay().is_none() || store.stats().flushed_position >= want;
        until("three frames are replayed", behind).await;
        let now = store.stats().flushed_position;
        assert!(
            now > flushed || store.replay().is_none(),
            "no step from {flushed}"
        );
        flushed = now;
        rounds += 1;
        if store.replay().is_none() {
            check(&store, 0..next, "in the end").await;
            break;
        }
        kill(&home, store).await;
    }
    assert!((3..40).contains(&rounds), "{rounds} rounds");
}

/// Scenario: a store is closed when two of 20 frames are replayed.
/// Guarantees: closing waits for the frame that is being decoded, not for the replay; what came is
/// kept, and the next store has every row once.
#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_replay_within_a_frame() {
    let mut home = Home::new();
    let store = home.open().await;
    send(&store, 0..20).await;
    kill(&home, store).await;
    (home.beside, home.one_by_one) = (true, true);
    home.decodes.store(2, Ordering::SeqCst);
    let store = home.open().await;
    send(&store, 20..21).await;
    let done = || store.replay().is_some_and(|replay| replay.bytes_done > 0);
    until("the replay has begun", done).await;
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    // From here on one frame at most is decoded.
    let refused = || store.stats().refusing.is_some();
    until("the store closes", refused).await;
    home.decodes.store(2, Ordering::SeqCst);
    closing.await.unwrap().unwrap();
    assert!(
        home.decodes.load(Ordering::SeqCst) > 0,
        "the replay went on"
    );
    drop(store);
    home.beside = false;
    home.decodes.store(u64::MAX, Ordering::SeqCst);
    check(&home.open().await, 0..21, "after a restart").await;
}

//! Word indexes beside parts: made, named by the catalog, used, removed; and what damage does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use oriel_proto::UnixNanos;

use super::rows::check_words;
use crate::layout::{Layout, index_path};
use crate::part::sample::NOW;
use crate::schema::Table;
use crate::testing::{Home, Request};
use crate::{Severity, Store, TenantId, doctor, lock};

/// A home that makes an index for every part of logs.
fn home() -> Home {
    let mut home = Home::in_memory();
    home.config.index_rows_min = 1;
    home.config.compact_parts_min = 2;
    home.config.unlink_grace = Duration::ZERO;
    home
}

async fn flushed(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let rows = [(Table::Spans, 2), (Table::Logs, 5)];
        Request::new(number, &rows).send(store).await.unwrap();
    }
    store.flush().await.unwrap();
}

/// How many parts of logs have an index, whose answers are compared with their rows.
async fn indexed(store: &Store) -> usize {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    check_words(store, &snapshot, "").await
}

/// Index files on disk.
fn files(home: &Home) -> Vec<PathBuf> {
    fn list(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => list(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    list(&home.config.data_dir.join("index"), &mut found);
    found
}

async fn free(home: &Home, store: Store) {
    drop(store);
    let layout = Layout::new(&home.config.data_dir);
    while lock::hold(&layout).is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The store after a change to its files while it was down.
async fn reopened(home: &Home, store: Store, change: impl FnOnce()) -> Store {
    free(home, store).await;
    change();
    home.open().await
}

fn damage_file(path: &Path, damage: Option<&[u8]>) {
    match damage {
        Some(bytes) => std::fs::write(path, bytes).unwrap(),
        None => std::fs::remove_file(path).unwrap(),
    }
}

/// Scenario: logs are flushed, merged, expired, read by a later process; an index of no part lies
/// there; a setting switches indexes off.
/// Guarantees: each part of logs has one index, which the next process uses as well; indexes go with
/// their parts; one of no part is removed at a start; with the setting none is made.
#[tokio::test(flavor = "multi_thread")]
async fn indexes_live_and_die_with_their_parts() {
    let mut home = home();
    let store = home.open().await;
    flushed(&store, 0..3).await;
    assert_eq!((indexed(&store).await, files(&home).len()), (1, 1));
    flushed(&store, 3..6).await;
    store.compact().await.unwrap();
    home.clock.set(UnixNanos(NOW + 1_000_000_000));
    store.expire().await.unwrap();
    assert_eq!((indexed(&store).await, files(&home).len()), (1, 1));
    assert_eq!(store.stats().indexed_parts, 1);
    assert!(store.stats().index_bytes > 0);
    free(&home, store).await;
    let stray = files(&home)[0].with_file_name("stray.words");
    std::fs::write(&stray, "nothing").unwrap();
    home.config.index_rows_min = 0;
    let store = home.open().await;
    assert_eq!((indexed(&store).await, files(&home).len()), (1, 1));
    flushed(&store, 6..8).await;
    flushed(&store, 8..9).await;
    store.compact().await.unwrap();
    home.clock.set(UnixNanos(NOW + 2_000_000_000));
    store.expire().await.unwrap();
    assert_eq!((indexed(&store).await, files(&home).len()), (0, 0));
}

/// Scenario: an index is flipped, cut, removed and put back, under a living store and before a start;
/// the scrubber looks at it each time; `doctor` looks at it and repairs.
/// Guarantees: a damaged index is none and nothing else is missing; one that is good again is used
/// again; `doctor` names it without calling the store damaged.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_none() {
    let home = home();
    let mut store = home.open().await;
    flushed(&store, 0..4).await;
    let path = files(&home)[0].clone();
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    for restart in [false, true] {
        for damage in [
            Some(&flipped[..]),
            Some(&good[..good.len() - 1]),
            Some(b""),
            None,
        ] {
            if restart {
                store = reopened(&home, store, || damage_file(&path, damage)).await;
            } else {
                assert_eq!(indexed(&store).await, 1);
                damage_file(&path, damage);
                // A block that was compared once is looked at again by the scrubber.
                store.scrub().await.unwrap();
            }
            let what = (restart, damage.map(<[u8]>::len));
            assert_eq!(indexed(&store).await, 0, "{what:?}");
            let snapshot = store.snapshot(&TenantId::default_tenant());
            assert!(snapshot.missing(Table::Logs).is_empty(), "{what:?}");
            std::fs::write(&path, &good).unwrap();
            store.scrub().await.unwrap();
            assert_eq!(indexed(&store).await, 1, "{what:?}");
        }
    }
    free(&home, store).await;
    std::fs::write(&path, &flipped).unwrap();
    let dir = home.config.data_dir.clone();
    let report = doctor(&dir, true).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!(report.findings[0].severity, Severity::Note);
    assert!(path.ends_with(&report.findings[0].place));
    assert_eq!(doctor(&dir, false).unwrap().findings, []);
    let store = home.open().await;
    assert_eq!(indexed(&store).await, 0);
    flushed(&store, 4..6).await;
    store.compact().await.unwrap();
    assert_eq!(indexed(&store).await, 1);
}

/// Scenario: a catalog from before there were indexes; one whose row of an index is changed.
/// Guarantees: both open; parts without a sound row have no index; the next merge makes one.
#[tokio::test(flavor = "multi_thread")]
async fn catalogs_without_indexes_open() {
    for change in [
        "DROP TABLE oriel_index",
        "UPDATE oriel_index SET checksum = checksum + 1",
    ] {
        let home = home();
        let store = home.open().await;
        flushed(&store, 0..4).await;
        free(&home, store).await;
        let db = rusqlite::Connection::open(home.config.data_dir.join("catalog.sqlite")).unwrap();
        db.execute(change, []).unwrap();
        drop(db);
        let store = home.open().await;
        assert_eq!(indexed(&store).await, 0, "{change}");
        flushed(&store, 4..6).await;
        store.compact().await.unwrap();
        assert_eq!(indexed(&store).await, 1, "{change}");
    }
}

/// Scenario: the path of a part.
/// Guarantees: its index lies in a folder of its own under the same name.
#[test]
fn names_follow_parts() {
    let path = index_path("tables/default/logs/2026-03-01/a.parquet");
    assert_eq!(path, "index/default/logs/2026-03-01/a.words");
}

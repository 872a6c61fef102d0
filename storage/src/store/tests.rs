//! The store as a whole: visible at once, kept over crashes, stored once, refused in time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytesize::ByteSize;

use super::*;
use crate::ErrorKind;
use crate::part::sample::{self, Random};
use crate::schema::Table;
use crate::tasks::Pressure;
use crate::testing::{Home, Request};

const SIGNALS: [Table; 3] = [Table::Spans, Table::Logs, Table::Metrics];

/// All rows of `table` that a snapshot shows, as sorted texts.
fn shown(store: &Store, table: Table) -> Vec<String> {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let parts = snapshot.parts(table).iter();
    let mut rows: Vec<_> = parts
        .flat_map(|part| sample::read(&store.0.engine.parts, part))
        .collect();
    rows.extend(
        snapshot
            .buffers(table)
            .iter()
            .map(|batch| batch.rows().clone()),
    );
    sample::multiset(&rows)
}

/// Asserts that exactly the rows of `requests` are shown, each once, and summaries of all spans.
fn check(store: &Store, requests: &[Request], when: &str) {
    for table in SIGNALS {
        let rows: Vec<_> = requests
            .iter()
            .flat_map(|request| request.batches(store.schemas()))
            .filter(|batch| batch.table() == table)
            .map(|batch| batch.rows().clone())
            .collect();
        let (want, got) = (sample::multiset(&rows), shown(store, table));
        assert_eq!(got.len(), want.len(), "rows of {table} {when}");
        assert!(got == want, "other rows of {table} {when}");
    }
    let schema = store.schemas().of(Table::Traces);
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let in_parts = snapshot.parts(Table::Traces).iter();
    let mut rows: Vec<_> = in_parts
        .flat_map(|part| sample::read(&store.0.engine.parts, part))
        .collect();
    rows.extend(
        snapshot
            .buffers(Table::Traces)
            .iter()
            .map(|batch| batch.rows().clone()),
    );
    let summarised: i64 = rows
        .iter()
        .map(|rows| crate::summary::spans_count(schema, rows).unwrap())
        .sum();
    let spans = shown(store, Table::Spans).len();
    assert_eq!(summarised, spans as i64, "summarised spans {when}");
}

fn mixed(number: u64) -> Request {
    Request::new(
        number,
        &[(Table::Spans, 3), (Table::Logs, 2), (Table::Metrics, 1)],
    )
}

async fn send(store: &Store, numbers: std::ops::Range<u64>) -> Vec<Request> {
    let mut sent = Vec::new();
    for number in numbers {
        let request = mixed(number);
        assert!(request.send(store).await.unwrap().is_some());
        sent.push(request);
    }
    sent
}

/// Scenario: rows are appended, the store is dropped without close, opened, flushed, dropped,
/// opened, closed and opened.
/// Guarantees: rows are visible when `append` returns, and shown exactly once at every stage.
#[tokio::test(flavor = "multi_thread")]
async fn rows_survive_crashes_once() {
    let home = Home::new();
    let store = home.open().await;
    check(&store, &[], "at first");
    let mut sent = send(&store, 0..20).await;
    check(&store, &sent, "after append");
    drop(store);
    let store = home.open().await;
    check(&store, &sent, "after a crash");
    sent.extend(send(&store, 20..30).await);
    store.flush().await.unwrap();
    check(&store, &sent, "after flush");
    assert_eq!(store.stats().buffer_rows, 0);
    sent.extend(send(&store, 30..35).await);
    check(&store, &sent, "in parts and buffers");
    drop(store);
    let store = home.open().await;
    check(&store, &sent, "after a crash with parts");
    store.close().await.unwrap();
    assert_eq!(
        mixed(99).send(&store).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    let again = home.try_open().await.unwrap();
    assert_eq!(again.stats().buffer_rows, 0, "close has flushed");
    check(&again, &sent, "after close");
    assert_eq!(again.stats().wal_position, 35);
}

/// Scenario: a snapshot is held while its buffers are flushed and its parts merged, expired and
/// unlinked.
/// Guarantees: it still reads the same rows (S1, S2); once it is gone the files go.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_never_change() {
    let mut home = Home::new();
    home.config.compact_parts_min = 2;
    home.config.unlink_grace = Duration::ZERO;
    let store = home.open().await;
    let mut sent = send(&store, 0..3).await;
    store.flush().await.unwrap();
    sent.extend(send(&store, 3..6).await);
    let held = store.snapshot(&TenantId::default_tenant());
    let files = |snapshot: &Snapshot| -> Vec<_> {
        let parts = Table::ALL.iter().flat_map(|table| snapshot.parts(*table));
        parts
            .map(|part| home.config.data_dir.join(&part.path))
            .collect()
    };
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    check(&store, &sent, "after compaction");
    home.clock.set(UnixNanos(sample::NOW + 1_000_000_000));
    store.expire().await.unwrap();
    let old = files(&held);
    assert!(!old.is_empty() && old.iter().all(|file| file.is_file()));
    let rows: usize = held
        .buffers(Table::Logs)
        .iter()
        .map(|batch| batch.rows().num_rows())
        .sum();
    assert_eq!(rows, 6);
    drop(held);
    store.expire().await.unwrap();
    assert!(old.iter().all(|file| !file.exists()), "{old:?}");
    check(&store, &sent, "after unlinking");
    drop(store);
    check(&home.open().await, &sent, "after a crash");
}

/// Scenario: the same request, sent at once several times, again later, again after a crash (hash in
/// the log), again after a flush and a restart (hash in the catalog).
/// Guarantees: stored once.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_stored_once() {
    let home = Home::new();
    let store = home.open().await;
    let sends: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { mixed(1).send(&store).await.unwrap() })
        })
        .collect();
    let mut stored = 0;
    for send in sends {
        stored += usize::from(send.await.unwrap().is_some());
    }
    assert_eq!(stored, 1);
    assert_eq!(mixed(1).send(&store).await.unwrap(), None);
    drop(store);
    let store = home.open().await;
    assert_eq!(mixed(1).send(&store).await.unwrap(), None, "from the log");
    store.close().await.unwrap();
    let store = home.open().await;
    assert_eq!(
        mixed(1).send(&store).await.unwrap(),
        None,
        "from the catalog"
    );
    check(&store, &[mixed(1)], "at last");
}

/// Scenario: flushes fail until buffers are full; then one works, by itself. The disk is nearly full; then it has space.
/// Guarantees: retryable errors meanwhile, nothing stored of what was refused, then all goes on.
#[tokio::test(flavor = "multi_thread")]
async fn full_is_temporary() {
    let mut home = Home::new();
    let bytes = mixed(1)
        .batches(&Schemas::format0())
        .iter()
        .map(Batch::memory_bytes)
        .sum::<usize>();
    home.config.buffer_bytes_max = ByteSize::b(bytes as u64);
    // A file where the folder of the parts should be: no flush can work.
    let store = home.open().await;
    let tables = home.config.data_dir.join("tables");
    std::fs::write(&tables, "").unwrap();
    mixed(1).send(&store).await.unwrap();
    store.flush().await.unwrap_err();
    let error = mixed(2).send(&store).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    std::fs::remove_file(&tables).unwrap();
    for _ in 0..2000 {
        if store.stats().buffer_rows == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    check(&store, &[mixed(1)], "after the flush was tried again");
    mixed(2).send(&store).await.unwrap();
    store.flush().await.unwrap();
    home.free.store(999, Ordering::SeqCst);
    store.0.engine.disk.refresh();
    let error = mixed(3).send(&store).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(store.stats().refusing.unwrap().contains("disk_free_min"));
    home.free.store(1 << 40, Ordering::SeqCst);
    store.0.engine.disk.refresh();
    assert!(mixed(3).send(&store).await.unwrap().is_some());
    check(&store, &[mixed(1), mixed(2), mixed(3)], "at last");
}

/// Scenario: a part's day ends longer ago than its signal is kept.
/// Guarantees: its rows are gone from new snapshots, its file from the disk; other signals stay.
#[tokio::test(flavor = "multi_thread")]
async fn old_rows_expire() {
    let mut home = Home::new();
    home.config.unlink_grace = Duration::from_secs(3600);
    home.config.retention_logs = Duration::from_secs(3 * 24 * 3600);
    let store = home.open().await;
    send(&store, 0..3).await;
    store.flush().await.unwrap();
    let hours = |hours: i64| UnixNanos(sample::NOW + hours * 3_600_000_000_000);
    let logs = home.config.data_dir.join("tables/default/logs/2026-03-01");
    let files = || std::fs::read_dir(&logs).unwrap().count();
    store.expire().await.unwrap();
    assert_eq!((shown(&store, Table::Logs).len(), files()), (6, 1));
    for (now, left) in [(5 * 24, 1), (5 * 24 + 2, 0)] {
        home.clock.set(hours(now));
        store.expire().await.unwrap();
        assert_eq!(shown(&store, Table::Logs).len(), 0);
        assert_eq!(files(), left, "after {now} hours");
    }
    assert_eq!(shown(&store, Table::Spans).len(), 9);
}

/// Waits until the store has merged its parts, five seconds at least.
async fn wait_for_merges(store: &Store) {
    for _ in 0..1000 {
        if store.stats().parts <= 8 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", store.stats());
}

/// Scenario: rows are left alone with short intervals set.
/// Guarantees: the store flushes and merges by itself.
#[tokio::test(flavor = "multi_thread")]
async fn works_by_itself() {
    let mut home = Home::new();
    home.config.flush_interval = Duration::from_millis(20);
    home.config.compact_interval = Duration::from_millis(20);
    home.config.compact_parts_min = 2;
    let store = home.open().await;
    let mut sent = Vec::new();
    for number in 0..3 {
        sent.extend(send(&store, number..number + 1).await);
        for _ in 0..1000 {
            if store.stats().buffer_rows == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(store.stats().buffer_rows, 0);
    }
    wait_for_merges(&store).await;
    check(&store, &sent, "at last");
}

/// Scenario: many small parts while requests are refused for want of memory; then there is memory.
/// Guarantees: merges wait for a while, then they are made.
#[tokio::test(flavor = "multi_thread")]
async fn merges_wait_while_memory_is_short() {
    let mut home = Home::new();
    home.config.compact_parts_min = 2;
    let store = home.open().await;
    let mut sent = Vec::new();
    for number in 0..3 {
        sent.extend(send(&store, number..number + 1).await);
        store.flush().await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    home.config.compact_interval = Duration::from_millis(500);
    let store = home.open().await;
    store.set_pressure(Pressure::Refuse);
    let parts = store.stats().parts;
    assert!(parts > 8, "{parts}");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(store.stats().parts, parts);
    store.set_pressure(Pressure::None);
    wait_for_merges(&store).await;
    check(&store, &sent, "at last");
}

/// Scenario: a logged request cannot be decoded any more; another is damaged on disk.
/// Guarantees: both are kept aside, all others are shown, and the store goes on.
#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_kept_aside() {
    let home = Home::new();
    let store = home.open().await;
    let mut sent = send(&store, 0..3).await;
    let Claim::New(claimed) = store.claim(RequestHash(5)).await.unwrap() else {
        panic!("new");
    };
    let mut frame = mixed(7).frame();
    frame.payload = "what".into();
    store
        .append(claimed, frame, Vec::new(), Answer::default())
        .await
        .unwrap();
    sent.extend(send(&store, 3..5).await);
    drop(store);
    let path = home.config.data_dir.join("wal/0000000000000001.wal");
    for _ in 0..1000 {
        if home.try_open().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = home.open().await;
    check(&store, &sent[1..], "without the damaged one");
    let kept: Vec<_> = std::fs::read_dir(home.config.data_dir.join("wal/quarantine"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    store.close().await.unwrap();
    check(&home.open().await, &sent[1..], "after close");
}

/// Scenario: replay of more rows than `flush_bytes`; then files that no commit names lie around.
/// Guarantees: recovery flushes on the way and keeps every row once; orphans are moved aside.
#[tokio::test(flavor = "multi_thread")]
async fn recovery_bounds_memory_and_sweeps() {
    let mut home = Home::new();
    let store = home.open().await;
    let sent = send(&store, 0..30).await;
    drop(store);
    home.config.flush_bytes = ByteSize::b(1);
    home.one_by_one = true;
    let store = home.open().await;
    check(&store, &sent, "after replay");
    assert_eq!(store.stats().buffer_rows, 0);
    drop(store);
    let orphan = home
        .config
        .data_dir
        .join("tables/default/logs/2026-01-01/x.parquet");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "x").unwrap();
    let store = home.open().await;
    assert!(!orphan.exists());
    let aside = home
        .config
        .data_dir
        .join("quarantine/orphans/default/logs/2026-01-01/x.parquet");
    assert!(aside.exists());
    check(&store, &sent, "after the sweep");
}

/// Scenario: the process starts with its clock 200 days ahead; then the clock is right.
/// Guarantees: nothing is removed for its age, neither by the wrong clock nor later.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_far_ahead_removes_nothing() {
    let mut home = Home::new();
    home.config.retention_clock_jump_max = Duration::from_secs(2 * 86_400);
    let store = home.open().await;
    let sent = send(&store, 0..3).await;
    store.flush().await.unwrap();
    store.expire().await.unwrap();
    store.close().await.unwrap();
    home.clock
        .set(UnixNanos(sample::NOW + 200 * UnixNanos::DAY));
    let store = home.open().await;
    store.expire().await.unwrap();
    check(&store, &sent, "with the clock ahead");
    store.close().await.unwrap();
    home.clock.set(UnixNanos(sample::NOW + 1_000_000_000));
    let store = home.open().await;
    store.expire().await.unwrap();
    check(&store, &sent, "with the right clock");
    home.config.retention_clock_jump_max = Duration::ZERO;
    store.close().await.unwrap();
    home.clock
        .set(UnixNanos(sample::NOW + 200 * UnixNanos::DAY));
    let store = home.open().await;
    store.expire().await.unwrap();
    check(&store, &[], "with every clock believed");
}

/// Scenario: a part is damaged on disk while the store runs, and read as queries read; the store is
/// opened again, merges, and the file is put right; then a file is gone.
/// Guarantees: reading is an error that names the part; from then on snapshots lack it and say so,
/// over restarts and merges, until its file is good again.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_parts_are_missing_by_name() {
    use object_store::ObjectStoreExt;
    let mut home = Home::new();
    home.config.compact_parts_min = 2;
    let store = home.open().await;
    let mut sent = send(&store, 0..2).await;
    store.flush().await.unwrap();
    let tenant = TenantId::default_tenant();
    let bad = Arc::clone(&store.snapshot(&tenant).parts(Table::Logs)[0]);
    let path = home.config.data_dir.join(&bad.path);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[100] ^= 16;
    std::fs::write(&path, &damaged).unwrap();
    let at = object_store::path::Path::from(bad.path.as_str());
    let error = store.objects().get(&at).await.unwrap_err().to_string();
    assert!(
        error.contains(&bad.path) && error.contains("damaged"),
        "{error}"
    );
    let lacks = |store: &Store| {
        let snapshot = store.snapshot(&tenant);
        assert_eq!(snapshot.missing(Table::Spans).len(), 0);
        assert_eq!(snapshot.missing(Table::Logs)[0].part.path, bad.path);
        assert_eq!(
            (store.stats().damaged_parts, store.stats().damaged_rows),
            (1, bad.rows)
        );
        assert_eq!(
            shown(store, Table::Spans).len(),
            3 * (shown(store, Table::Metrics).len())
        );
    };
    lacks(&store);
    store.0.engine.keep_damage().unwrap();
    drop(store);
    let store = home.open().await;
    lacks(&store);
    sent.extend(send(&store, 2..4).await);
    store.flush().await.unwrap();
    sent.extend(send(&store, 4..6).await);
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    lacks(&store);
    assert_eq!(store.snapshot(&tenant).parts(Table::Logs).len(), 1);
    std::fs::write(&path, &whole).unwrap();
    store.scrub().await.unwrap();
    check(&store, &sent, "after the repair");
    std::fs::remove_file(&path).unwrap();
    store.scrub().await.unwrap();
    lacks(&store);
    std::fs::write(&path, &whole).unwrap();
    store.close().await.unwrap();
    let store = home.open().await;
    store.scrub().await.unwrap();
    check(&store, &sent, "at last");
}

/// Scenario: an input of a merge is damaged.
/// Guarantees: it alone is left out and named; the others are merged.
#[tokio::test(flavor = "multi_thread")]
async fn merges_leave_damaged_parts_out() {
    let mut home = Home::new();
    home.config.compact_parts_min = 3;
    let store = home.open().await;
    for number in 0..4 {
        send(&store, number..number + 1).await;
        store.flush().await.unwrap();
    }
    let tenant = TenantId::default_tenant();
    let bad = Arc::clone(&store.snapshot(&tenant).parts(Table::Logs)[1]);
    std::fs::write(home.config.data_dir.join(&bad.path), "short").unwrap();
    store.compact().await.unwrap();
    let snapshot = store.snapshot(&tenant);
    assert_eq!(snapshot.parts(Table::Logs).len(), 1);
    assert_eq!(snapshot.parts(Table::Logs)[0].rows, 6);
    assert_eq!(snapshot.missing(Table::Logs)[0].part.path, bad.path);
}

/// Scenario: a flush fails, more rows come, the store is closed.
/// Guarantees: closing flushes both.
#[tokio::test(flavor = "multi_thread")]
async fn closing_flushes_what_a_failed_flush_left() {
    let home = Home::new();
    let store = home.open().await;
    let tables = home.config.data_dir.join("tables");
    let mut sent = send(&store, 0..2).await;
    std::fs::write(&tables, "").unwrap();
    store.flush().await.unwrap_err();
    sent.extend(send(&store, 2..4).await);
    std::fs::remove_file(&tables).unwrap();
    store.close().await.unwrap();
    let store = home.open().await;
    assert_eq!(store.stats().buffer_rows, 0);
    assert_eq!(store.stats().flushed_position, 4);
    check(&store, &sent, "after close");
}

/// Scenario: the size limit takes some of the newest day's spans.
/// Guarantees: the summaries count exactly the spans that are left.
#[tokio::test(flavor = "multi_thread")]
async fn summaries_follow_spans_that_go_for_size() {
    let mut home = Home::new();
    let store = home.open().await;
    for number in 0..3 {
        Request::new(number, &[(Table::Spans, 5)])
            .send(&store)
            .await
            .unwrap();
        store.flush().await.unwrap();
    }
    let bytes = store.stats().part_bytes;
    store.close().await.unwrap();
    home.config.retention_bytes = ByteSize::b(bytes - 1);
    let store = home.open().await;
    store.expire().await.unwrap();
    check(
        &store,
        &[1, 2].map(|number| Request::new(number, &[(Table::Spans, 5)])),
        "after retention",
    );
}

/// Scenario: 48 MiB of log in requests of 256 KiB, with eight times as many rows as `flush_bytes`.
/// Guarantees: the replay keeps every row; no more than twice `flush_bytes` wait in memory meanwhile,
/// and those of a frame.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_replayed_in_bounded_memory() {
    let mut home = Home::in_memory();
    home.config.wal_segment_bytes = ByteSize::mib(8);
    let store = home.open().await;
    let tenant = TenantId::default_tenant();
    let (mut sent, mut frame_bytes) = (Vec::new(), 0);
    for number in 0..192 {
        let request = Request::new(number, &[(Table::Logs, 20)]);
        let mut frame = request.frame();
        let mut payload = frame.payload.to_vec();
        payload.resize(256 << 10, b' ');
        let hash = store.request_hash(&tenant, Signal::Logs, &payload);
        frame.payload = payload.into();
        let Claim::New(claimed) = store.claim(hash).await.unwrap() else {
            panic!("new");
        };
        let batches = request.batches(store.schemas());
        let bytes: usize = batches.iter().map(Batch::memory_bytes).sum();
        frame_bytes = frame_bytes.max(bytes as u64);
        store
            .append(claimed, frame, batches, Answer::default())
            .await
            .unwrap();
        sent.push(request);
    }
    let memory = store.stats().buffer_bytes;
    drop(store);
    home.config.flush_bytes = ByteSize::b(memory / 8);
    home.config.buffer_bytes_max = ByteSize::b(memory / 2);
    home.beside = true;
    let store = home.open().await;
    let mut most = 0;
    while store.replay().is_some() {
        most = most.max(store.stats().buffer_bytes);
        tokio::task::yield_now().await;
    }
    let bound = memory / 8 * 2 + frame_bytes;
    assert!(most > 0 && most <= bound, "{most} of {memory} bytes");
    check(&store, &sent, "after replay");
}

/// Scenario: whoever opens a store stops waiting while the log is replayed.
/// Guarantees: the replay ends soon and lets the directory go; the next one has every row.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_can_be_stopped() {
    let home = Home::new();
    let store = home.open().await;
    let sent = send(&store, 0..50).await;
    drop(store);
    let opening = tokio::time::timeout(Duration::from_millis(1), home.open()).await;
    drop(opening);
    check(&home.open().await, &sent, "after another start");
}

/// Scenario: 24 seeded histories of append (with retries, concurrent), flush, compact, expire,
/// crash, close and reopen, on small segments.
/// Guarantees: at every step exactly the acknowledged rows are shown (W1, W3, W4, P2, S1).
#[tokio::test(flavor = "multi_thread")]
async fn histories_match_the_oracle() {
    for seed in 0..24 {
        history(seed).await;
    }
}

async fn history(seed: u64) {
    let mut random = Random::new(seed + 1000);
    let mut home = Home::new();
    home.config.compact_parts_min = 2 + random.below(2) as usize;
    home.config.unlink_grace = Duration::ZERO;
    let mut store = home.open().await;
    let mut stored: Vec<Request> = Vec::new();
    for step in 0..10 {
        let action = random.below(10);
        home.clock
            .set(UnixNanos(sample::NOW + step * 1_000_000_000));
        match action {
            0..=4 => append_some(&store, &mut random, &mut stored).await,
            5 => store.flush().await.unwrap(),
            6 => store.compact().await.unwrap(),
            7 => store.expire().await.unwrap(),
            8 => {
                drop(store);
                store = home.open().await;
            }
            _ => {
                store.close().await.unwrap();
                store = home.open().await;
            }
        }
        if action > 4 {
            check(
                &store,
                &stored,
                &format!("seed {seed}, step {step}, action {action}"),
            );
        }
    }
}

async fn append_some(store: &Store, random: &mut Random, stored: &mut Vec<Request>) {
    let mut requests = Vec::new();
    for _ in 0..1 + random.below(6) {
        let known = stored.len() as u64;
        if known > 0 && random.below(4) == 0 {
            requests.push(stored[random.below(known) as usize].clone());
            continue;
        }
        let table = SIGNALS[random.below(3) as usize];
        let number = known + requests.len() as u64 * 1000 + random.below(1 << 30);
        requests.push(Request::new(
            number,
            &[(table, 1 + random.below(5) as usize)],
        ));
    }
    let sends: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let store = store.clone();
            tokio::spawn(async move { (request.send(&store).await.unwrap(), request) })
        })
        .collect();
    for send in sends {
        let (position, request) = send.await.unwrap();
        if position.is_some() {
            stored.push(request);
        }
    }
}

/// Scenario: services get slots, one after the other; the store is opened again; a catalog that
/// lacks the table of slots, as an earlier build made it.
/// Guarantees: a service keeps its slot for ever, and different services differ.
#[tokio::test]
async fn services_keep_their_slots() {
    let home = Home::new();
    let names = |list: &[&str]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    let store = home.open().await;
    let first = store
        .service_slots(names(&["orders", "catalog"]))
        .await
        .unwrap();
    let more = store
        .service_slots(names(&["payment", "", "orders"]))
        .await
        .unwrap();
    assert_eq!(more.len(), 4);
    let distinct: std::collections::BTreeSet<_> = more.values().collect();
    assert_eq!(distinct.len(), 4, "{more:?}");
    assert!(first.iter().all(|(name, slot)| more[name] == *slot));
    store.close().await.unwrap();
    drop(store);
    let store = home.open().await;
    assert_eq!(store.service_slots(Vec::new()).await.unwrap(), more);
    store.close().await.unwrap();
    drop(store);
    let catalog = rusqlite::Connection::open(home.config.data_dir.join("catalog.sqlite")).unwrap();
    catalog.execute_batch("DROP TABLE oriel_service").unwrap();
    drop(catalog);
    let store = home.open().await;
    assert_eq!(store.service_slots(Vec::new()).await.unwrap().len(), 0);
}

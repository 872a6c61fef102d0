//! The log alone: codec, torn tails, damage, stale frames, reuse, failing writes and syncs.

mod panics;
mod pieces;
mod spare;
mod tails;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::reader::{Found, Walked, walk};
use super::writer::{Options, Settled, Wal};
use super::*;
use crate::WalPosition;
use crate::disk::Disk;
use crate::files::{Files, Gate};
use crate::tests::faults::{Fault, Faults};

const SALT: u32 = 0xfeed;

fn frame(payload: impl Into<Bytes>) -> Frame {
    Frame {
        header: FrameHeader {
            tenant: TenantId::default_tenant(),
            signal: Signal::Logs,
            content_type: ContentType::Json,
            content_encoding: ContentEncoding::Zstd,
            decoder_version: 3,
            received_at: UnixNanos(-5),
            request_hash: RequestHash(1 << 100),
        },
        payload: payload.into(),
    }
}

fn payload(i: u64) -> String {
    format!("{i}").repeat(i as usize % 23)
}

fn options(dir: &Path, next: u64) -> Options {
    Options {
        dir: dir.to_owned(),
        segment_bytes: 1024,
        window: Duration::ZERO,
        salt: SALT,
        epoch: 1,
        next,
        segments: list(dir).unwrap(),
        flushed: WalPosition(0),
        disk: Arc::new(Disk::new(dir, 0, Arc::new(|_| Ok(u64::MAX)))),
        files: Files::default(),
    }
}

type Outcomes = Arc<Mutex<Vec<Result<u64, String>>>>;

fn start(options: Options) -> (Wal<u64>, Outcomes) {
    let outcomes = Outcomes::default();
    let told = Arc::clone(&outcomes);
    let wal = Wal::start(options, move |settled| {
        let mut told = told.lock().unwrap();
        match settled {
            Settled::Durable(group) => told.extend(group.into_iter().map(|(at, _, item)| {
                assert_eq!(at.0, item);
                Ok(item)
            })),
            Settled::Refused(items, why) => told.extend(items.iter().map(|_| Err(why.clone()))),
        }
    });
    (wal.unwrap(), outcomes)
}

/// Writes frames `sequences` with [`payload`]s, in groups as they come.
async fn write(wal: &Wal<u64>, sequences: std::ops::RangeInclusive<u64>) {
    for i in sequences {
        wal.submit(frame(payload(i)), 0, i).await.unwrap();
    }
}

/// Waits until `count` frames are settled.
async fn wait(outcomes: &Outcomes, count: usize) {
    for _ in 0..2000 {
        if outcomes.lock().unwrap().len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("only {:?}", outcomes.lock().unwrap());
}

/// What a walk finds: sequences of good frames, and (first, count) of damaged ones.
fn read(dir: &Path, after: u64) -> (Vec<u64>, Vec<(u64, u64)>, Walked) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let walked = walk(dir, SALT, WalPosition(after), &mut |found| {
        match found {
            Found::Frame(logged) => {
                assert_eq!(logged.payload, payload(logged.sequence));
                good.push(logged.sequence);
            }
            Found::Damaged(damaged) => bad.push((damaged.first, damaged.frames_count)),
            Found::End => {}
        }
        Ok(())
    });
    (good, bad, walked.unwrap())
}

fn range(from: u64, to: u64) -> Vec<u64> {
    (from..=to).collect()
}

proptest! {
    /// Scenario: any header and payload, behind another frame; one bit of it flipped.
    /// Guarantees: the frame comes back whole; flipped, or read with another salt, it is no frame.
    #[test]
    fn frames_round_trip(body in prop::collection::vec(any::<u8>(), 0..200), tenant in "[a-z0-9_]{1,63}", sequence: u64, epoch: u64, rejected: u32, hash: u128, at: i64, flip: usize) {
        let mut frame = frame(body);
        frame.header.tenant = TenantId::new(&tenant).unwrap();
        frame.header.request_hash = RequestHash(hash);
        frame.header.received_at = UnixNanos(at);
        let mut bytes = Vec::new();
        encode(&mut bytes, SALT, 1, 1, 0, &frame);
        let start = bytes.len();
        prop_assert_eq!(start, frame_bytes(&frame));
        encode(&mut bytes, SALT, sequence, epoch, rejected, &frame);
        let logged = decode(&Bytes::from(bytes.clone()), start, SALT).unwrap();
        prop_assert_eq!((logged.sequence, logged.epoch, logged.rejected), (sequence, epoch, rejected));
        prop_assert_eq!((&logged.header, &logged.payload), (&frame.header, &frame.payload));
        prop_assert_eq!(logged.bytes, start);
        prop_assert!(decode(&Bytes::from(bytes.clone()), start, SALT + 1).is_none());
        let used = FIXED_BYTES + tenant.len() + frame.payload.len();
        let flip = flip % (used * 8);
        bytes[start + flip / 8] ^= 1 << (flip % 8);
        prop_assert!(decode(&Bytes::from(bytes), start, SALT).is_none());
    }
}

/// Scenario: 100 frames over many segments, one larger than a segment; the walk starts anywhere.
/// Guarantees: each frame after the start is read once, in order.
#[tokio::test]
async fn reads_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, outcomes) = start(options(dir.path(), 1));
    write(&wal, 1..=50).await;
    wal.submit(frame(vec![b'x'; 5000]), 0, 51).await.unwrap();
    wal.close();
    assert_eq!(outcomes.lock().unwrap().len(), 51);
    wal.submit(frame(""), 0, 52).await.unwrap_err();
    let (wal, _) = start(options(dir.path(), 52));
    write(&wal, 52..=100).await;
    drop(wal);
    let mut seen = Vec::new();
    let walked = walk(dir.path(), SALT, WalPosition(0), &mut |found| {
        match found {
            Found::Frame(logged) => seen.push(logged.sequence),
            Found::Damaged(damaged) => panic!("{damaged:?}"),
            Found::End => {}
        }
        Ok(())
    });
    assert_eq!((seen, walked.unwrap().last.0), (range(1, 100), 100));
    for after in [51, 60, 99, 100] {
        let (good, bad, walked) = read(dir.path(), after);
        assert_eq!((good, bad.len()), (range(after + 1, 100), 0));
        assert_eq!(walked.last.0, 100);
    }
}

/// Scenario: the log is cut off at each byte of its last three frames: the rest of the file is gone,
/// zeros, or other bytes.
/// Guarantees: all frames before the cut are read; what is cut is the tail, not damage.
#[tokio::test]
async fn a_torn_tail_ends_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _) = start(options(dir.path(), 1));
    write(&wal, 1..=6).await;
    drop(wal);
    let path = segment_path(dir.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    let start_of = |n: u64| -> usize { (1..n).map(|i| frame_bytes(&frame(payload(i)))).sum() };
    let used = |n: u64| start_of(n) + FIXED_BYTES + "default".len() + payload(n).len();
    for cut in start_of(4)..used(6) {
        let left = (1..=6).take_while(|n| used(*n) <= cut).count() as u64;
        for fill in [None, Some(0), Some(0x4f)] {
            let mut torn = whole[..cut].to_vec();
            if let Some(fill) = fill {
                torn.resize(whole.len(), fill);
            }
            // A byte that happens to be what was there cuts nothing.
            if torn.get(..used(left + 1)) == Some(&whole[..used(left + 1)]) {
                continue;
            }
            std::fs::write(&path, torn).unwrap();
            let (good, bad, walked) = read(dir.path(), 0);
            assert_eq!(
                (good, bad, walked.last.0),
                (range(1, left), vec![], left),
                "cut {cut}"
            );
        }
    }
}

/// Scenario: each bit of a middle frame is flipped, its length included.
/// Guarantees: exactly that frame is lost, and reported.
#[tokio::test]
async fn damage_costs_one_frame() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _) = start(options(dir.path(), 1));
    write(&wal, 1..=30).await;
    drop(wal);
    let path = segment_path(dir.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    let at: usize = (1..3).map(|i| frame_bytes(&frame(payload(i)))).sum();
    let used = FIXED_BYTES + "default".len() + payload(3).len();
    for bit in 0..used * 8 {
        let mut flipped = whole.clone();
        flipped[at + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, flipped).unwrap();
        let (good, bad, _) = read(dir.path(), 0);
        let want: Vec<_> = range(1, 30).into_iter().filter(|i| *i != 3).collect();
        assert_eq!((good, bad), (want, vec![(3, 1)]), "bit {bit}");
    }
    let (good, bad, _) = read(dir.path(), 3);
    assert_eq!(
        (good, bad),
        (range(4, 30), vec![]),
        "flushed frames are not missed"
    );
}

/// Scenario: a middle segment is removed, another loses its last frame.
/// Guarantees: the gaps are reported with their exact extent, the rest is read.
#[tokio::test]
async fn missing_segments_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _) = start(options(dir.path(), 1));
    write(&wal, 1..=60).await;
    drop(wal);
    let segments = list(dir.path()).unwrap();
    assert!(segments.len() > 4);
    std::fs::remove_file(&segments[1].path).unwrap();
    let (good, bad, walked) = read(dir.path(), 0);
    let gap = (segments[1].first, segments[2].first - segments[1].first);
    assert_eq!(bad, [gap]);
    assert_eq!(good.len() as u64, 60 - gap.1);
    assert_eq!(walked.last.0, 60);
}

/// Scenario: segments are trimmed while frames go on, for three rounds; then the process dies.
/// Guarantees: files are reused, their number stays small, stale frames in them are not read.
#[tokio::test]
async fn reused_segments_hide_their_old_frames() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 1;
    for round in 0..4 {
        let (wal, outcomes) = start(Options {
            flushed: WalPosition(if round == 0 { 0 } else { next - 1 }),
            ..options(dir.path(), next)
        });
        let mut written = 0;
        for _ in 0..10 {
            write(&wal, next..=next + 12).await;
            next += 13;
            written += 13;
            wait(&outcomes, written).await;
            wal.trim(WalPosition(next - 4));
        }
        drop(wal);
        let (good, bad, walked) = read(dir.path(), next - 4);
        assert_eq!((good, bad), (range(next - 3, next - 1), vec![]));
        assert_eq!(walked.last.0, next - 1);
        assert!(walked.segments.len() < 8, "{:?}", walked.segments);
    }
}

/// Scenario: the segment at hand takes no bytes (/dev/full), the next one does.
/// Guarantees: the group is refused, later ones are stored, recovery reads exactly those.
#[tokio::test]
async fn a_failed_write_costs_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad");
    std::os::unix::fs::symlink("/dev/full", &bad).unwrap();
    let (wal, outcomes) = start(Options {
        segments: vec![SegmentFile {
            path: bad,
            first: 0,
            bytes: 1024,
            bad: false,
        }],
        ..options(dir.path(), 1)
    });
    wal.submit(frame(payload(1)), 0, 1).await.unwrap();
    wait(&outcomes, 1).await;
    write(&wal, 1..=3).await;
    assert_eq!(wal.failed(), None);
    drop(wal);
    let outcomes = outcomes.lock().unwrap();
    assert!(
        outcomes[0].as_ref().unwrap_err().contains("No space left"),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1..], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(read(dir.path(), 0).0, [1, 2, 3]);
}

/// Scenario: a sync fails (EINVAL of /dev/null).
/// Guarantees: its group is not acknowledged, nor any later one; the reason says what to do.
#[tokio::test]
async fn a_failed_sync_ends_writing() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad");
    std::os::unix::fs::symlink("/dev/null", &bad).unwrap();
    let (wal, outcomes) = start(Options {
        segments: vec![SegmentFile {
            path: bad,
            first: 0,
            bytes: 1024,
            bad: false,
        }],
        ..options(dir.path(), 1)
    });
    wal.submit(frame(payload(1)), 0, 1).await.unwrap();
    wait(&outcomes, 1).await;
    assert!(wal.failed().is_some());
    let error = wal.submit(frame(payload(1)), 0, 1).await.unwrap_err();
    assert!(error.to_string().contains("restart oriel"), "{error}");
    drop(wal);
    assert!(
        outcomes
            .lock()
            .unwrap()
            .iter()
            .all(|outcome| outcome.is_err())
    );
}

/// Scenario: the disk has no room for another segment, then it has.
/// Guarantees: frames are refused with the reason meanwhile, and stored afterwards.
#[tokio::test]
async fn no_room_for_a_segment_is_temporary() {
    let dir = tempfile::tempdir().unwrap();
    let free = Arc::new(std::sync::atomic::AtomicU64::new(1000));
    let told = Arc::clone(&free);
    let ask = Arc::new(move |_: &Path| Ok(told.load(std::sync::atomic::Ordering::SeqCst)));
    let (wal, outcomes) = start(Options {
        disk: Arc::new(Disk::new(dir.path(), 500, ask)),
        ..options(dir.path(), 1)
    });
    wal.submit(frame(payload(1)), 0, 1).await.unwrap();
    wait(&outcomes, 1).await;
    free.store(10_000, std::sync::atomic::Ordering::SeqCst);
    write(&wal, 1..=2).await;
    drop(wal);
    let outcomes = outcomes.lock().unwrap();
    assert!(outcomes[0].as_ref().unwrap_err().contains("disk_free_min"));
    assert_eq!(outcomes[1..], [Ok(1), Ok(2)]);
}

/// Scenario: the first, then a later write to a segment is torn; frames go on; all is flushed; the
/// log is started again.
/// Guarantees: the segment is marked as bad, its good frames are read, and neither this process nor
/// the next one ever writes into it again.
#[tokio::test]
async fn a_segment_that_failed_is_never_written_again() {
    for good in [0, 3] {
        let dir = tempfile::tempdir().unwrap();
        let faults = Faults::new(good);
        let (wal, outcomes) = start(Options {
            files: Files::behind(Arc::clone(&faults) as Arc<dyn Gate>),
            ..options(dir.path(), 1)
        });
        // The segment is made by six changes: create, write, sync, rename, sync, then the frames.
        for i in 1..=good {
            write(&wal, i..=i).await;
            wait(&outcomes, i as usize).await;
        }
        let before_write = if good == 0 { 5 } else { 0 };
        faults.arm(before_write, Fault::Torn);
        wal.submit(frame(payload(40)), 0, 40).await.unwrap();
        wait(&outcomes, good as usize + 1).await;
        assert!(faults.disarm(), "the write was torn");
        write(&wal, good + 1..=good + 30).await;
        wait(&outcomes, good as usize + 31).await;
        let bad = bad_path(dir.path(), 1);
        assert_eq!(
            bad.exists(),
            good > 0,
            "one without good frames is removed at once"
        );
        let (read_back, damaged, _) = read(dir.path(), 0);
        assert_eq!((read_back, damaged), (range(1, good + 30), vec![]));
        let listed = list(dir.path()).unwrap();
        assert_eq!(
            listed.iter().filter(|segment| segment.bad).count(),
            usize::from(good > 0)
        );
        drop(wal);
        let next = good + 31;
        let (wal, outcomes) = start(Options {
            flushed: WalPosition(next - 1),
            ..options(dir.path(), next)
        });
        assert!(!bad.exists());
        write(&wal, next..=next).await;
        wait(&outcomes, 1).await;
        assert_eq!(read(dir.path(), next - 1).0, [next]);
    }
}

/// Scenario: a damaged frame, before a body of 6 MiB that is nothing but headers of frames to come,
/// each claiming to be as long as the file.
/// Guarantees: the search for the next frame does not hash what the fakes claim (it would take
/// minutes), and finds the true one.
#[test]
fn fake_headers_do_not_slow_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let mut fake = Vec::new();
    encode(&mut fake, SALT + 1, 9, 1, 0, &frame(""));
    fake[8..12].copy_from_slice(&(5u32 << 20).to_le_bytes());
    let body = fake.repeat((6 << 20) / fake.len());
    let mut bytes = Vec::new();
    encode(&mut bytes, SALT, 1, 1, 0, &frame(body));
    bytes[20] ^= 1;
    encode(&mut bytes, SALT, 2, 1, 0, &frame(payload(2)));
    std::fs::write(segment_path(dir.path(), 1), bytes).unwrap();
    let start = std::time::Instant::now();
    let (good, bad, _) = read(dir.path(), 0);
    assert_eq!((good, bad), (vec![2], vec![(1, 1)]));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

/// Scenario: a segment of frames as version 1 wrote them, one of them damaged.
/// Guarantees: the others are read.
#[test]
fn reads_the_first_version() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for sequence in 1..=4 {
        let mut one = Vec::new();
        encode(&mut one, SALT, sequence, 1, 0, &frame(payload(sequence)));
        one.truncate(FIXED_BYTES + "default".len() + payload(sequence).len());
        one.drain(HEADER_CRC_AT..FIXED_BYTES);
        one[4] = 1;
        one[6] -= 4;
        let crc = checksum(SALT, &one);
        one[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        one.resize(one.len().next_multiple_of(ALIGN), 0);
        if sequence == 2 {
            one[30] ^= 1;
        }
        bytes.extend(one);
    }
    std::fs::write(segment_path(dir.path(), 1), bytes).unwrap();
    let (good, bad, _) = read(dir.path(), 0);
    assert_eq!((good, bad), (vec![1, 3, 4], vec![(2, 1)]));
}

//! Tails of the log at every byte: cut off, zeroed, with the frames of a segment's earlier use behind
//! the cut, or damaged in place; in the last segment and in one that others follow.

use super::*;

/// Sequence of the first frame: older ones stand in the reused file.
const FIRST: u64 = 101;
/// Sequence of the last frame of the segment under test.
const LAST: u64 = FIRST + 5;
/// Frames of the segment behind it.
const BEHIND: std::ops::RangeInclusive<u64> = LAST + 1..=LAST + 3;
/// Bytes that are damaged in place.
const WINDOW: usize = 16;

fn start_of(sequence: u64) -> usize {
    (FIRST..sequence)
        .map(|i| frame_bytes(&frame(payload(i))))
        .sum()
}

/// End of a frame without its padding.
fn used(sequence: u64) -> usize {
    start_of(sequence) + FIXED_BYTES + "default".len() + payload(sequence).len()
}

/// Good frames of an earlier use of the file: one layout has them at the very same places, the other
/// at each place that a small frame fits.
fn stale(bytes: usize, same_places: bool) -> Vec<u8> {
    let mut old = Vec::new();
    let mut sequence = 1;
    while old.len() < bytes {
        let body = match same_places {
            true => payload(FIRST - 1 + sequence),
            false => String::new(),
        };
        encode(&mut old, SALT, sequence, 1, 0, &frame(body));
        sequence += 1;
    }
    old.truncate(bytes);
    old
}

/// A log of two segments, and the bytes of the first.
async fn log() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    for frames in [FIRST..=LAST, BEHIND] {
        let options = Options {
            flushed: WalPosition(FIRST - 1),
            ..options(dir.path(), *frames.start())
        };
        let (wal, _) = start(options);
        write(&wal, frames).await;
        drop(wal);
    }
    let path = segment_path(dir.path(), FIRST);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(list(dir.path()).unwrap().len(), 2);
    (dir, path, bytes)
}

/// Scenario: a segment is cut at each byte of its last three frames; behind the cut the file ends,
/// or has zeros, or other bytes, or good frames of its earlier use at the same or at other places.
/// Another segment follows, or none.
/// Guarantees: every frame before the cut is read, none behind it; with a later segment the missing
/// frames are damage of exact extent and that segment is read; without, they are the end of the log.
#[tokio::test]
async fn a_cut_costs_what_is_behind_it() {
    let (dir, path, whole) = log().await;
    let next = segment_path(dir.path(), LAST + 1);
    let (same, other) = (stale(whole.len(), true), stale(whole.len(), false));
    let mut tried = 0;
    for followed in [true, false] {
        if !followed {
            std::fs::remove_file(&next).unwrap();
        }
        for cut in start_of(LAST - 2)..=used(LAST) {
            let fills: [(&str, &[u8]); 5] = [
                ("cut", &[]),
                ("zeros", &vec![0; whole.len()]),
                ("other bytes", &vec![0x4f; whole.len()]),
                ("old frames at the same places", &same),
                ("old frames at other places", &other),
            ];
            for (fill, bytes) in fills {
                let mut torn = whole[..cut].to_vec();
                torn.extend(bytes.get(cut..).unwrap_or_default());
                // Bytes that happen to be what was there cut nothing.
                let left = (FIRST..=LAST)
                    .take_while(|n| torn.get(..used(*n)) == Some(&whole[..used(*n)]))
                    .count() as u64;
                std::fs::write(&path, &torn).unwrap();
                let (good, bad, walked) = read(dir.path(), FIRST - 1);
                let mut want = range(FIRST, FIRST + left - 1);
                let mut lost = Vec::new();
                if followed {
                    want.extend(BEHIND);
                    lost.extend((left < 6).then_some((FIRST + left, 6 - left)));
                }
                let last = want.last().copied();
                let at = format!("{fill} at {cut}, followed: {followed}");
                assert_eq!((good, bad), (want, lost), "{at}");
                assert_eq!(Some(walked.last.0), last, "{at}");
                tried += 1;
            }
        }
    }
    assert!(tried > 2000, "{tried}");
    eprintln!("PROOF | WAL: cut at each byte of its last frames | {tried} | {tried} |");
}

/// Scenario: at each byte of the last three frames of the log, sixteen bytes are zeroed or replaced
/// by those of the file's earlier use.
/// Guarantees: exactly the frames that were hit are lost; frames before and behind them are read.
#[tokio::test]
async fn damage_in_a_tail_costs_what_it_hits() {
    let (dir, path, whole) = log().await;
    std::fs::remove_file(segment_path(dir.path(), LAST + 1)).unwrap();
    let sources = [vec![0; whole.len()], stale(whole.len(), true)];
    let mut tried = 0;
    for at in start_of(LAST - 2)..used(LAST) {
        for source in &sources {
            let mut damaged = whole.clone();
            let end = (at + WINDOW).min(whole.len());
            damaged[at..end].copy_from_slice(&source[at..end]);
            let hit = |n: u64| damaged[start_of(n)..used(n)] != whole[start_of(n)..used(n)];
            let (want, lost): (Vec<u64>, Vec<u64>) = (FIRST..=LAST).partition(|n| !hit(*n));
            // Behind the last good frame it is the end of the log.
            let inner: Vec<u64> = lost.into_iter().filter(|n| want.last() > Some(n)).collect();
            let inner = inner.first().map(|first| (*first, inner.len() as u64));
            std::fs::write(&path, &damaged).unwrap();
            let (good, bad, walked) = read(dir.path(), FIRST - 1);
            assert_eq!(Some(&walked.last.0), want.last(), "at {at}");
            assert_eq!((good, bad), (want, Vec::from_iter(inner)), "at {at}");
            tried += 1;
        }
    }
    eprintln!("PROOF | WAL: damaged at each byte of its last frames | {tried} | {tried} |");
}

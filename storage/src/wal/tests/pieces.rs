//! Segments are read piece by piece: frames that end at, cross and exceed the border of a piece.

use super::*;

/// A segment with a frame of each size, and where each begins.
fn segment(dir: &Path, sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for (sequence, size) in (1..).zip(sizes) {
        starts.push(bytes.len());
        let body: Vec<u8> = (0..*size).map(|at| (at % 251) as u8).collect();
        encode(&mut bytes, SALT, sequence, 1, 0, &frame(body));
    }
    std::fs::write(segment_path(dir, 1), &bytes).unwrap();
    (bytes, starts)
}

/// Sequences and sizes of the good frames, and sequences of the damaged ones.
fn read_sizes(dir: &Path) -> (Vec<(u64, usize)>, Vec<u64>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let walked = walk(dir, SALT, WalPosition(0), &mut |found| {
        match found {
            Found::Frame(logged) => {
                let body = logged.payload.iter().enumerate();
                assert!(body.into_iter().all(|(at, byte)| *byte == (at % 251) as u8));
                good.push((logged.sequence, logged.payload.len()));
            }
            Found::Damaged(damaged) => {
                bad.extend(damaged.first..damaged.first + damaged.frames_count);
            }
            Found::End => {}
        }
        Ok(())
    });
    walked.unwrap();
    (good, bad)
}

/// Scenario: frames of 700 KB, of 5 MiB and of a few bytes, one that ends where a piece does; then, each
/// time on the whole segment, a byte of one frame changed.
/// Guarantees: each frame is read once and whole; a changed byte costs the one frame it is in.
#[test]
fn frames_cross_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let piece = super::super::reader::PIECE_BYTES;
    let (_, ends) = segment(dir.path(), &[0, 0]);
    let overhead = ends[1];
    let sizes = [
        700_000,
        700_000,
        700_000,
        5 << 20,
        1,
        piece - overhead,
        0,
        700_000,
        3,
    ];
    let (bytes, starts) = segment(dir.path(), &sizes);
    let all: Vec<(u64, usize)> = (1..).zip(sizes).collect();
    assert_eq!(read_sizes(dir.path()), (all.clone(), vec![]));
    for (damaged, start) in starts.iter().enumerate().take(sizes.len() - 1) {
        let mut changed = bytes.clone();
        changed[start + FIXED_BYTES + sizes[damaged] / 2] ^= 1;
        std::fs::write(segment_path(dir.path(), 1), changed).unwrap();
        let mut left = all.clone();
        left.remove(damaged);
        assert_eq!(read_sizes(dir.path()), (left, vec![damaged as u64 + 1]));
    }
}

//! Walks the frames of the log in order, after a crash or a stop.
//!
//! A frame counts when it is whole, undamaged and has the next sequence. Where it does not:
//! 1. if a good frame with a later sequence follows in the same segment, or a later segment exists,
//!    the frames between are damaged: they are handed out as such and the walk goes on;
//! 2. else this is the tail: frames from here on were never acknowledged (W1), or the segment ends.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{
    Logged, SegmentFile, claimed_bytes, claimed_sequence, decode, io, is_first_version, is_header,
    list,
};
use crate::{Result, WalPosition};

/// Bytes read at a time: they stay in the processor's cache while they are checked.
pub(super) const PIECE_BYTES: usize = 2 << 20;

/// Bytes kept of a tail whose length is not known.
const TAIL_KEPT: usize = 64 << 10;

/// What stands in the log.
#[derive(Debug)]
pub(crate) enum Found {
    /// A good frame.
    Frame(Logged),
    /// One or several damaged ones, next to each other.
    Damaged(Damaged),
    /// The end of a segment: its memory is free once nobody holds a frame of it.
    End,
}

/// Frames that can not be read.
#[derive(Debug)]
pub(crate) struct Damaged {
    /// Sequence of the first.
    pub(crate) first: u64,
    /// How many.
    pub(crate) frames_count: u64,
    /// The bytes that stand there; empty when the file is gone.
    pub(crate) bytes: Bytes,
    /// Where.
    pub(crate) path: PathBuf,
    /// At which offset.
    pub(crate) offset: usize,
}

/// What a walk has found.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Sequence of the last frame, at least the position the walk began at.
    pub(crate) last: WalPosition,
    /// All segments, in order.
    pub(crate) segments: Vec<SegmentFile>,
    /// What stands behind the last frame where zeros should be: a frame that was cut off, which was
    /// never acknowledged; or one that was damaged later, which cannot be told from it.
    pub(crate) torn: Option<Damaged>,
}

/// Walks the frames after `after`, handing each to `visit`. Holds a piece of a segment in memory, or all of
/// one where it is damaged or ends.
///
/// Errors: reading fails, or those of `visit`. Damage is no error.
pub(crate) fn walk(
    dir: &Path,
    salt: u32,
    after: WalPosition,
    visit: &mut dyn FnMut(Found) -> Result<()>,
) -> Result<Walked> {
    let segments = list(dir)?;
    let (last, torn) = walk_segments(&segments, None, salt, after, visit)?;
    Ok(Walked {
        last,
        segments,
        torn,
    })
}

/// Walks the frames after `after` up to `until` in `segments`, which stand there or are wholly at or
/// below `after`; without `until`, to the end of the log. Returns the last frame, and what is torn.
///
/// Errors: as for [`walk`].
pub(crate) fn walk_segments(
    segments: &[SegmentFile],
    until: Option<WalPosition>,
    salt: u32,
    after: WalPosition,
    visit: &mut dyn FnMut(Found) -> Result<()>,
) -> Result<(WalPosition, Option<Damaged>)> {
    let until = until.map(|last| last.0 + 1);
    let mut walk = Walk {
        salt,
        after: after.0,
        expected: after.0 + 1,
        torn: None,
        visit,
    };
    for (i, segment) in segments.iter().enumerate() {
        let end = segments.get(i + 1).map(|next| next.first).or(until);
        if end.is_some_and(|end| end <= walk.after + 1) {
            continue;
        }
        if segment.first > walk.expected {
            walk.damaged(segment.first, Bytes::new(), &segment.path, 0)?;
        }
        walk.segment(segment, end)?;
        (walk.visit)(Found::End)?;
    }
    Ok((WalPosition(walk.expected - 1), walk.torn.take()))
}

/// At most `bytes_max` bytes of `file` from `at` on: less at its end.
fn read_piece(mut file: &File, at: usize, bytes_max: usize) -> std::io::Result<Bytes> {
    file.seek(SeekFrom::Start(at as u64))?;
    let mut bytes = Vec::with_capacity(bytes_max);
    file.take(bytes_max as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

struct Walk<'a> {
    salt: u32,
    after: u64,
    expected: u64,
    torn: Option<Damaged>,
    visit: &'a mut dyn FnMut(Found) -> Result<()>,
}

impl Walk<'_> {
    /// Walks one segment; `end` is the first sequence of the next one.
    fn segment(&mut self, segment: &SegmentFile, end: Option<u64>) -> Result<()> {
        self.expected = segment.first;
        let at = self.good(&segment.path, end)?;
        if end != Some(self.expected) {
            self.rest(&segment.path, at, end)?;
        }
        // Frames up to `after` may be unreadable by now: they are in parts.
        self.expected = self.expected.max(self.after + 1);
        Ok(())
    }

    /// Walks good frames from the start of a segment on, piece by piece. Returns where the first one that
    /// is not good should stand, or the end.
    fn good(&mut self, path: &Path, end: Option<u64>) -> Result<usize> {
        let error = |source| io("reading", path, source);
        let file = File::open(path).map_err(error)?;
        let (mut at, mut bytes_max) = (0, PIECE_BYTES);
        loop {
            let piece = read_piece(&file, at, bytes_max).map_err(error)?;
            let used = self.frames(&piece, 0, end)?;
            at += used;
            if end == Some(self.expected) {
                return Ok(at);
            }
            // The next frame goes beyond the piece, or is none.
            let claimed = claimed_bytes(&piece).filter(|_| is_header(&piece, 0, self.salt));
            bytes_max = match claimed {
                _ if used > 0 => PIECE_BYTES,
                Some(claimed) if claimed > piece.len() && piece.len() == bytes_max => claimed,
                _ => return Ok(at),
            };
        }
    }

    /// Hands out the good frames of `bytes` from `at` on. Returns the bytes up to where the next should
    /// stand.
    fn frames(&mut self, bytes: &Bytes, mut at: usize, end: Option<u64>) -> Result<usize> {
        while end != Some(self.expected)
            && let Some(frame) = self.frame(bytes, at)
        {
            at += frame.bytes;
            self.expected += 1;
            if frame.sequence > self.after {
                (self.visit)(Found::Frame(frame))?;
            }
        }
        Ok(at)
    }

    /// Walks what stands in a segment behind its first good frames, which end at `at`.
    fn rest(&mut self, path: &Path, mut at: usize, end: Option<u64>) -> Result<()> {
        let bytes = Bytes::from(std::fs::read(path).map_err(|source| io("reading", path, source))?);
        let old = is_first_version(&bytes, 0);
        loop {
            at = self.frames(&bytes, at, end)?;
            if end == Some(self.expected) {
                return Ok(());
            }
            if let Some((next_at, next)) = self.next_good(&bytes, at, end, old) {
                self.damaged(next, bytes.slice(at..next_at), path, at)?;
                at = next_at;
            } else if let Some(end) = end {
                // The file may end within the padding of its last good frame.
                let rest = bytes.slice(at.min(bytes.len())..);
                self.damaged(end, rest, path, at)?;
            } else {
                self.torn = self.tail(&bytes, at, path);
                return Ok(());
            }
        }
    }

    fn frame(&self, bytes: &Bytes, at: usize) -> Option<Logged> {
        decode(bytes, at, self.salt).filter(|frame| frame.sequence == self.expected)
    }

    /// What is behind the last frame, unless it is zeros.
    fn tail(&self, bytes: &Bytes, at: usize, path: &Path) -> Option<Damaged> {
        let rest = &bytes[at.min(bytes.len())..];
        if rest.iter().take(super::ALIGN).all(|byte| *byte == 0) {
            return None;
        }
        let len = match claimed_bytes(rest) {
            Some(len) if is_header(rest, 0, self.salt) => len,
            _ => TAIL_KEPT,
        };
        let end = at + len.min(rest.len());
        let used = bytes[at..end].iter().rposition(|byte| *byte != 0);
        Some(Damaged {
            first: self.expected,
            frames_count: 1,
            bytes: bytes.slice(at..at + used.map_or(0, |last| last + 1)),
            path: path.to_owned(),
            offset: at,
        })
    }

    /// The next good frame of this segment that was written after the expected one. In segments of
    /// the current version only true headers are followed up: linear time (module `wal`).
    fn next_good(
        &self,
        bytes: &Bytes,
        at: usize,
        end: Option<u64>,
        old: bool,
    ) -> Option<(usize, u64)> {
        let later =
            |sequence: u64| sequence > self.expected && end.is_none_or(|end| sequence < end);
        (at..bytes.len())
            .step_by(super::ALIGN)
            .skip(1)
            .find_map(|at| {
                let sequence = claimed_sequence(bytes, at).filter(|claimed| later(*claimed))?;
                if !old && !is_header(bytes, at, self.salt) {
                    return None;
                }
                decode(bytes, at, self.salt).map(|_| (at, sequence))
            })
    }

    /// Reports the frames from the expected one to before `next` as damaged, those in parts aside.
    fn damaged(&mut self, next: u64, bytes: Bytes, path: &Path, offset: usize) -> Result<()> {
        let first = self.expected.max(self.after + 1);
        self.expected = next;
        if next <= first {
            return Ok(());
        }
        (self.visit)(Found::Damaged(Damaged {
            first,
            frames_count: next - first,
            bytes,
            path: path.to_owned(),
            offset,
        }))
    }
}

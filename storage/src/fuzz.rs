//! The log's frame reader for bytes from outside: for fuzz targets only, not part of the interface.

use std::path::Path;

use bytes::Bytes;

use crate::wal::reader;
use crate::{Frame, Result, WalPosition, wal};

/// What a walk over the segments of a folder has found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Sequence and body of each good frame, in order.
    pub good: Vec<(u64, Bytes)>,
    /// Frames that are damaged.
    pub damaged: u64,
}

/// The bytes of `frame` as the log writes them, checksums beginning with `salt`.
pub fn encode_frame(salt: u32, sequence: u64, frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    wal::encode(&mut bytes, salt, sequence, 1, 0, frame);
    bytes
}

/// Walks the segments of `dir` as recovery does.
///
/// Errors: reading fails. Damage is no error.
pub fn walk(dir: &Path, salt: u32) -> Result<Walked> {
    let mut walked = Walked::default();
    reader::walk(dir, salt, WalPosition(0), &mut |found| {
        match found {
            reader::Found::Frame(frame) => walked.good.push((frame.sequence, frame.payload)),
            reader::Found::Damaged(damaged) => walked.damaged += damaged.frames_count,
            reader::Found::End => {}
        }
        Ok(())
    })?;
    Ok(walked)
}

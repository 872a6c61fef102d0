//! The write-ahead log: frames in preallocated, recycled files.
//!
//! A WAL segment is a file `wal/<first sequence, 16 hex digits>.wal` of zeros that frames are
//! written into one behind the other, each padded to 8 bytes. All numbers are little endian:
//!
//! ```text
//!  0 magic "ORWL"        16 sequence            62 signal
//!  4 version (u16)       24 epoch               63 content type
//!  6 header bytes (u16)  32 received at         64 content encoding
//!  8 payload bytes (u32) 40 request hash (u128) 65 tenant bytes
//! 12 CRC32C              56 rejected (u32)      66 CRC32C of bytes 0 to 11 and 16 to 65
//!                        60 decoder version     70 tenant, then payload, then zeros
//! ```
//!
//! The first CRC covers everything but itself and the padding. Both start from a salt that only this
//! store knows, so that bytes inside a request body can never pass for a frame, nor for the header
//! of one: a search for the next frame behind a damaged one looks at 70 bytes of every candidate and
//! hashes the payloads of true headers only, so its time is linear however hostile the bodies are.
//! Version 1 had no second CRC, and the tenant at 66; it is still read.
//!
//! A recycled segment still holds old frames; they are told by their sequence, which is below the
//! segment's first. Behind the last frame stand zeros, so that a last frame which is cut off or
//! damaged is told from the end of the log. A segment that a write or a sync has failed on is renamed to `….bad.wal`: it is
//! read like any other, by this process and the next ones, and never written again.
//!
//! The [`writer`] groups frames, syncs once a group and only then lets them be acknowledged (W1);
//! the [`reader`] walks them again after a crash.

pub(crate) mod reader;
mod spare;
pub(crate) mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use oriel_proto::{Signal, UnixNanos};

use crate::{
    ContentEncoding, ContentType, Error, Frame, FrameHeader, RequestHash, Result, TenantId,
};

const MAGIC: [u8; 4] = *b"ORWL";
const VERSION: u16 = 2;
const FIXED_BYTES: usize = 70;
const CRC_AT: usize = 12;
/// Where the header's own CRC stands; version 1 ends its fixed part here.
const HEADER_CRC_AT: usize = 66;
/// Frames start at multiples of this.
const ALIGN: usize = 8;
/// Payloads are counted in 32 bits; requests are limited far below.
const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// A frame as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) sequence: u64,
    pub(crate) epoch: u64,
    /// Records that the answer refused.
    pub(crate) rejected: u32,
    pub(crate) header: FrameHeader,
    pub(crate) payload: Bytes,
    /// Bytes in the file, padding included.
    pub(crate) bytes: usize,
}

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentFile {
    pub(crate) path: PathBuf,
    /// Sequence of its first frame.
    pub(crate) first: u64,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// A write or a sync has failed on it: it is never written again.
    pub(crate) bad: bool,
}

/// Bytes that `frame` takes in a file, padding included.
pub(crate) fn frame_bytes(frame: &Frame) -> usize {
    (FIXED_BYTES + frame.header.tenant.as_str().len() + frame.payload.len()).next_multiple_of(ALIGN)
}

/// Appends `frame` to `into`, which holds whole frames only. The payload is below 1 GiB.
pub(crate) fn encode(
    into: &mut Vec<u8>,
    salt: u32,
    sequence: u64,
    epoch: u64,
    rejected: u32,
    frame: &Frame,
) {
    let start = into.len();
    let header = &frame.header;
    let tenant = header.tenant.as_str().as_bytes();
    into.extend_from_slice(&MAGIC);
    into.extend_from_slice(&VERSION.to_le_bytes());
    into.extend_from_slice(&((FIXED_BYTES + tenant.len()) as u16).to_le_bytes());
    into.extend_from_slice(&(frame.payload.len() as u32).to_le_bytes());
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(&sequence.to_le_bytes());
    into.extend_from_slice(&epoch.to_le_bytes());
    into.extend_from_slice(&header.received_at.0.to_le_bytes());
    into.extend_from_slice(&header.request_hash.0.to_le_bytes());
    into.extend_from_slice(&rejected.to_le_bytes());
    into.extend_from_slice(&header.decoder_version.to_le_bytes());
    into.push(header.signal as u8);
    into.push(header.content_type as u8);
    into.push(header.content_encoding as u8);
    into.push(tenant.len() as u8);
    let header_crc = header_checksum(salt, &into[start..]);
    into.extend_from_slice(&header_crc.to_le_bytes());
    into.extend_from_slice(tenant);
    into.extend_from_slice(&frame.payload);
    let crc = checksum(salt, &into[start..]);
    into[start + CRC_AT..start + CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
    into.resize(into.len().next_multiple_of(ALIGN), 0);
}

fn checksum(salt: u32, frame: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(salt, &frame[..CRC_AT]);
    crc32c::crc32c_append(crc, &frame[CRC_AT + 4..])
}

/// Over the fixed part of a header but the frame's CRC.
fn header_checksum(salt: u32, header: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(salt, &header[..CRC_AT]);
    crc32c::crc32c_append(crc, &header[CRC_AT + 4..HEADER_CRC_AT])
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has N bytes")
}

/// The sequence that the bytes at `at` claim, if they look like a frame. Nothing is verified.
pub(crate) fn claimed_sequence(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + HEADER_CRC_AT)?;
    (bytes[..4] == MAGIC).then(|| u64::from_le_bytes(array(bytes, 16)))
}

/// The length that the frame at the start of `bytes` claims, without padding.
pub(crate) fn claimed_bytes(bytes: &[u8]) -> Option<usize> {
    let start = bytes.get(..12)?;
    let header = usize::from(u16::from_le_bytes(array(start, 6)));
    Some(header + u32::from_le_bytes(array(start, 8)) as usize)
}

/// Whether the bytes at `at` are the header of a frame of this store.
pub(crate) fn is_header(bytes: &[u8], at: usize, salt: u32) -> bool {
    let header = bytes.get(at..at + FIXED_BYTES);
    header.is_some_and(|header| {
        u16::from_le_bytes(array(header, 4)) == VERSION
            && header_checksum(salt, header) == u32::from_le_bytes(array(header, HEADER_CRC_AT))
    })
}

/// Whether a frame at `at` says that it is of version 1, whose headers have no CRC.
pub(crate) fn is_first_version(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at..at + 6)
        .is_some_and(|start| start[..4] == MAGIC && start[4..] == [1, 0])
}

/// The frame at `at`, if there is a whole and undamaged one.
pub(crate) fn decode(segment: &Bytes, at: usize, salt: u32) -> Option<Logged> {
    let bytes = segment.get(at..)?;
    if bytes.len() < FIXED_BYTES || bytes[..4] != MAGIC {
        return None;
    }
    let fixed_bytes = match u16::from_le_bytes(array(bytes, 4)) {
        1 => HEADER_CRC_AT,
        VERSION => FIXED_BYTES,
        _ => return None,
    };
    let header_bytes = usize::from(u16::from_le_bytes(array(bytes, 6)));
    let payload_bytes = u32::from_le_bytes(array(bytes, 8)) as usize;
    let end = header_bytes + payload_bytes;
    if header_bytes != fixed_bytes + usize::from(bytes[65]) || end > bytes.len() {
        return None;
    }
    if checksum(salt, &bytes[..end]) != u32::from_le_bytes(array(bytes, CRC_AT)) {
        return None;
    }
    let tenant = std::str::from_utf8(&bytes[fixed_bytes..header_bytes]).ok()?;
    let header = FrameHeader {
        tenant: TenantId::new(tenant).ok()?,
        signal: Signal::from_code(bytes[62])?,
        content_type: content_type(bytes[63])?,
        content_encoding: content_encoding(bytes[64])?,
        decoder_version: u16::from_le_bytes(array(bytes, 60)),
        received_at: UnixNanos(i64::from_le_bytes(array(bytes, 32))),
        request_hash: RequestHash(u128::from_le_bytes(array(bytes, 40))),
    };
    Some(Logged {
        sequence: u64::from_le_bytes(array(bytes, 16)),
        epoch: u64::from_le_bytes(array(bytes, 24)),
        rejected: u32::from_le_bytes(array(bytes, 56)),
        header,
        payload: segment.slice(at + header_bytes..at + end),
        bytes: end.next_multiple_of(ALIGN),
    })
}

fn content_type(code: u8) -> Option<ContentType> {
    [ContentType::Protobuf, ContentType::Json]
        .into_iter()
        .find(|known| *known as u8 == code)
}

fn content_encoding(code: u8) -> Option<ContentEncoding> {
    use ContentEncoding::{Deflate, Gzip, Identity, Zstd};
    [Identity, Gzip, Zstd, Deflate]
        .into_iter()
        .find(|known| *known as u8 == code)
}

/// Path of the segment whose first frame is `first`.
pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:016x}.wal"))
}

/// Its path once a write or a sync has failed on it.
pub(crate) fn bad_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:016x}.bad.wal"))
}

/// All segments of `dir` by first sequence; other files are left alone.
pub(crate) fn list(dir: &Path) -> Result<Vec<SegmentFile>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|source| io("listing", dir, source))? {
        let entry = entry.map_err(|source| io("listing", dir, source))?;
        let name = entry.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".wal"));
        let bad = stem.and_then(|stem| stem.strip_suffix(".bad"));
        let first = bad
            .or(stem)
            .filter(|stem| stem.len() == 16)
            .and_then(|stem| u64::from_str_radix(stem, 16).ok());
        if let Some(first) = first {
            let path = entry.path();
            let bytes = entry
                .metadata()
                .map_err(|source| io("reading the size of", &path, source))?
                .len();
            let bad = bad.is_some();
            found.push(SegmentFile {
                path,
                first,
                bytes,
                bad,
            });
        }
    }
    // Of two that begin alike the bad one was given up before it held an acknowledged frame.
    found.sort_by_key(|segment| (segment.first, !segment.bad));
    Ok(found)
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(|source| io("syncing", dir, source))
}

pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;

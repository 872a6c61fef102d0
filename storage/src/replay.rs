//! Brings rows back that the log holds and no part does, while the store takes new requests.
//!
//! 1. Walk the frames of the backlog in order, one segment in memory at a time; decode each and show
//!    its rows.
//! 2. Seal whenever they reach `flush_bytes`, for a flush beside the decoding; wait for that flush
//!    when they reach it again. Each flush moves the position, so a process that dies goes on from
//!    there.
//! 3. A frame that is damaged or cannot be decoded is copied to `wal/quarantine` and reported, never
//!    passed over in silence.
//!
//! Rows of new requests stay buffered until the backlog is flushed (W5): the position in the catalog
//! never passes a frame that is in no part, and segments are trimmed in order, as ever.

use std::path::Path;
use std::sync::Weak;
use std::time::Instant;

use crate::buffer::Published;
use crate::schema::Schemas;
use crate::seen::SeenEntry;
use crate::store::Inner;
use crate::wal::reader::{Damaged, Found, walk_segments};
use crate::wal::{Logged, SegmentFile, io, sync_dir};
use crate::{Batch, Error, ReplayFn, Result, WalPosition, failpoint};

/// What an earlier process has logged and not flushed.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// The segments that hold it, none of them written any more.
    pub(crate) segments: Vec<SegmentFile>,
    /// Start of the CRCs.
    pub(crate) salt: u32,
    /// Its last frame.
    pub(crate) last: WalPosition,
    pub(crate) quarantine: Quarantine,
}

impl Backlog {
    /// Replays what is left of it. Blocking; ends within a frame, or the flush of some, once the
    /// store closes or is dropped. Called again after an error, it goes on.
    ///
    /// Errors: a flush fails, the log cannot be read, `Unavailable` when the store ends.
    pub(crate) fn replay(&self, store: &Weak<Inner>, decode: &ReplayFn) -> Result<()> {
        let start = Instant::now();
        let from = living(store)?.engine.state.restored();
        let Some(from) = from else {
            // A last flush that failed was made up for meanwhile.
            living(store)?.engine.state.end_replay();
            return Ok(());
        };
        let mut frames_count = 0u64;
        let until = Some(self.last);
        let (_, _) = walk_segments(&self.segments, until, self.salt, from, &mut |found| {
            let store = living(store)?;
            match found {
                Found::Frame(frame) => {
                    frames_count += 1;
                    self.restore(&store, decode, frame)
                }
                Found::Damaged(damaged) => {
                    self.quarantine.damaged(&damaged)?;
                    let last = WalPosition(damaged.first + damaged.frames_count - 1);
                    store.engine.state.skip(last, damaged.bytes.len() as u64);
                    Ok(())
                }
            }
        })?;
        let store = living(store)?;
        let state = &store.engine.state;
        if let Some(restored) = state.restored().filter(|restored| *restored < self.last) {
            // No segment is left that could hold them. The rows behind them can be flushed.
            let (first, last) = (restored.0 + 1, self.last.0);
            tracing::error!(
                first,
                last,
                "frames of the write-ahead log are missing; their rows are lost"
            );
            count(last - restored.0);
            state.skip(self.last, 0);
        }
        state.end_replay();
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(frames_count, seconds, "replayed the write-ahead log");
        Ok(())
    }

    fn restore(&self, store: &Inner, decode: &ReplayFn, frame: Logged) -> Result<()> {
        let engine = &store.engine;
        let position = WalPosition(frame.sequence);
        let batches = match decoded(&engine.parts.schemas, decode, &frame) {
            Ok(batches) => batches,
            Err(error) => {
                self.quarantine.undecodable(&frame, &error)?;
                engine.state.skip(position, frame.bytes as u64);
                return Ok(());
            }
        };
        let seen = seen(&frame);
        let bytes = engine.state.restore(Published {
            position,
            wal_bytes: frame.bytes as u64,
            tenant: frame.header.tenant,
            batches,
            seen,
        });
        failpoint::pass("replay", "frame");
        if bytes < engine.config.flush_threshold() {
            return Ok(());
        }
        if engine.state.sealed_bytes() == 0 {
            engine.state.seal();
            store.wake.flush.notify_one();
        } else {
            // That of the rows before is not done: what waits stays within twice the threshold.
            store.flush_once()?;
            failpoint::pass("replay", "flushed");
        }
        Ok(())
    }
}

/// The store, unless it ends.
fn living(store: &Weak<Inner>) -> Result<std::sync::Arc<Inner>> {
    let store = store.upgrade().filter(|store| !store.closing());
    store.ok_or_else(stopped)
}

/// The error of a replay that was told to end. What was flushed on the way stays; the next start goes
/// on from there.
pub(crate) fn stopped() -> Error {
    Error::Unavailable {
        reason: "it was stopped while it replayed its log".to_owned(),
    }
}

/// What is remembered of the request in `frame`.
pub(crate) fn seen(frame: &Logged) -> SeenEntry {
    SeenEntry {
        hash: frame.header.request_hash,
        received_at: frame.header.received_at,
        rejected: frame.rejected,
    }
}

/// Decodes a frame again. A decoder that panics counts as an error: the frame is kept aside.
fn decoded(schemas: &Schemas, replay: &ReplayFn, frame: &Logged) -> Result<Vec<Batch>, String> {
    let work = || (replay)(schemas, &frame.header, &frame.payload);
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(decoded) => decoded.map_err(|error| error.to_string()),
        Err(_) => Err("the decoder panicked".to_owned()),
    }
}

/// The folder for frames that can not be replayed.
#[derive(Debug)]
pub(crate) struct Quarantine(std::path::PathBuf);

impl Quarantine {
    /// That of the log in `wal`.
    pub(crate) fn below(wal: &Path) -> Self {
        Quarantine(wal.join("quarantine"))
    }

    fn damaged(&self, damaged: &Damaged) -> Result<()> {
        let kept = self.keep(damaged.first, &damaged.bytes)?;
        tracing::error!(
            sequence = damaged.first,
            frames_count = damaged.frames_count,
            path = %damaged.path.display(),
            offset = damaged.offset,
            kept = %kept.display(),
            "frames of the write-ahead log are damaged; their rows are lost unless the file kept can be repaired"
        );
        count(damaged.frames_count);
        Ok(())
    }

    /// Keeps what stands behind the last frame.
    ///
    /// Errors: the file system fails.
    pub(crate) fn torn(&self, torn: &Damaged) -> Result<()> {
        let kept = self.keep(torn.first, &torn.bytes)?;
        tracing::warn!(
            sequence = torn.first, path = %torn.path.display(), offset = torn.offset,
            kept = %kept.display(),
            "the log ends in a frame that is cut off, which was never acknowledged, or damaged"
        );
        Ok(())
    }

    fn undecodable(&self, frame: &Logged, error: &str) -> Result<()> {
        let kept = self.keep(frame.sequence, &frame.payload)?;
        tracing::error!(
            sequence = frame.sequence,
            header = ?frame.header,
            kept = %kept.display(),
            error,
            "a request in the write-ahead log can not be decoded any more; its body is kept"
        );
        count(1);
        Ok(())
    }

    fn keep(&self, sequence: u64, bytes: &[u8]) -> Result<std::path::PathBuf> {
        let path: &Path = &self.0;
        std::fs::create_dir_all(path).map_err(|source| io("creating", path, source))?;
        let path = path.join(format!("{sequence:016x}.frame"));
        std::fs::write(&path, bytes).map_err(|source| io("writing", &path, source))?;
        sync_dir(&self.0)?;
        Ok(path)
    }
}

fn count(frames: u64) {
    metrics::counter!("oriel_wal_quarantined_frames_total").increment(frames);
}

//! Brings rows back that the log holds and no part does, while the store takes new requests.
//!
//! 1. Walk the frames of the backlog in order, some pieces of a segment in memory, and cut them into
//!    windows of about a mebibyte. Decode some windows at once, each on a core: in a window, all
//!    frames of one tenant and signal become one batch, which costs less than a batch a request.
//! 2. Show the rows window by window, in order: those of a window together.
//! 3. Seal whenever they reach `flush_bytes`, for a flush beside the decoding; wait for flushes when
//!    the rows of the backlog hold what they may ([`Pace::bytes_max`]). Each flush moves the position,
//!    so a process that dies goes on from there.
//! 4. Frames of a window in which one cannot be decoded are decoded one by one. A frame that is
//!    damaged or cannot be decoded is copied to `wal/quarantine` and reported, never passed over in
//!    silence.
//!
//! Rows of new requests stay buffered until the backlog is flushed (W5): the position in the catalog
//! never passes a frame that is in no part, and segments are trimmed in order, as ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use oriel_proto::Signal;

use crate::buffer::Published;
use crate::schema::Schemas;
use crate::seen::SeenEntry;
use crate::store::Inner;
use crate::tasks::Pressure;
use crate::wal::reader::{Damaged, Found, walk_segments};
use crate::wal::{Logged, SegmentFile, io, sync_dir};
use crate::{
    Batch, Config, ContentEncoding, Error, ReplayError, ReplayFn, ReplayFrame, Result, TenantId,
    WalPosition, failpoint,
};

/// Bodies of a window, about, inflated.
const WINDOW_BYTES: u64 = 1 << 20;

/// A window is this part of `flush_bytes` at most.
const WINDOWS_OF_FLUSH: u64 = 16;

/// Rows of the backlog may wait in memory for this many flushes.
const FLUSHES_WAITING: u64 = 4;

/// A compressed body counts as this many times its size.
const INFLATED: u64 = 8;

/// Windows that are decoded at once, at most: each needs its bodies and rows in memory.
const THREADS_MAX: usize = 8;

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
    pub(crate) pace: Pace,
}

/// How much is done at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Bodies of a window, about.
    pub(crate) window_bytes: u64,
    /// Windows that are decoded at once.
    pub(crate) threads: usize,
    /// Rows that are sealed for a flush.
    flush_bytes: u64,
    /// Rows of the backlog that may wait in memory: those of some flushes, and half of what may be
    /// buffered, since new requests need room as well.
    pub(crate) bytes_max: u64,
}

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let flush_bytes = config.flush_threshold();
        let [least, most] = [2, FLUSHES_WAITING].map(|flushes| flush_bytes.saturating_mul(flushes));
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Pace {
            window_bytes: WINDOW_BYTES.min(flush_bytes / WINDOWS_OF_FLUSH),
            threads: threads.min(THREADS_MAX),
            flush_bytes,
            bytes_max: (config.buffer_bytes_max.as_u64() / 2).clamp(least, most),
        }
    }
}

/// Consecutive frames that are decoded together.
#[derive(Debug, Default)]
struct Window {
    frames: Vec<Logged>,
    /// Their bodies, about.
    bytes: u64,
}

/// The rows of a tenant and signal in a window, in the order of its frames.
#[derive(Debug)]
struct Group {
    tenant: TenantId,
    signal: Signal,
    /// Its frames, as places in the window.
    frames: Vec<usize>,
    batches: Vec<Batch>,
}

impl Window {
    fn push(&mut self, frame: Logged) {
        let bytes = frame.payload.len() as u64;
        self.bytes += match frame.header.content_encoding {
            ContentEncoding::Identity => bytes,
            _ => INFLATED * bytes,
        };
        self.frames.push(frame);
    }

    /// Decodes all frames.
    ///
    /// Errors: one of them cannot be decoded, or they are too much for one piece.
    fn decode(&self, schemas: &Schemas, replay: &ReplayFn) -> Result<Vec<Group>, String> {
        let mut groups: Vec<Group> = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            let (tenant, signal) = (&frame.header.tenant, frame.header.signal);
            let of = |group: &&mut Group| group.signal == signal && group.tenant == *tenant;
            match groups.iter_mut().find(of) {
                Some(group) => group.frames.push(at),
                None => groups.push(Group {
                    tenant: tenant.clone(),
                    signal,
                    frames: vec![at],
                    batches: Vec::new(),
                }),
            }
        }
        for group in &mut groups {
            let frames: Vec<&Logged> = group.frames.iter().map(|at| &self.frames[*at]).collect();
            group.batches = decoded(schemas, replay, &frames)?;
        }
        Ok(groups)
    }

    /// The frames with their rows: those of a group come with its last frame.
    fn published(self, groups: Vec<Group>) -> Vec<Published> {
        let mut frames: Vec<Published> = self
            .frames
            .into_iter()
            .map(|frame| published(frame, Vec::new()))
            .collect();
        for group in groups {
            if let Some(last) = group.frames.last() {
                frames[*last].batches = group.batches;
            }
        }
        frames
    }
}

fn published(frame: Logged, batches: Vec<Batch>) -> Published {
    Published {
        position: WalPosition(frame.sequence),
        wal_bytes: frame.bytes as u64,
        seen: seen(&frame),
        tenant: frame.header.tenant,
        batches,
    }
}

impl Backlog {
    /// Replays what is left of it. Blocking; ends within some windows, or the flush of some, once the
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
        let mut run = Run {
            backlog: self,
            store,
            decode,
            windows: vec![Window::default()],
            frames_count: 0,
        };
        let until = Some(self.last);
        let mut visit = |found| run.visit(found);
        walk_segments(&self.segments, until, self.salt, from, &mut visit)?;
        run.restore()?;
        let frames_count = run.frames_count;
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
}

/// A replay on its way through the log.
struct Run<'a> {
    backlog: &'a Backlog,
    store: &'a Weak<Inner>,
    decode: &'a ReplayFn,
    /// Frames to be decoded, at least one window; the last one is being filled.
    windows: Vec<Window>,
    frames_count: u64,
}

impl Run<'_> {
    fn visit(&mut self, found: Found) -> Result<()> {
        let pace = &self.backlog.pace;
        match found {
            Found::Frame(frame) => {
                self.frames_count += 1;
                let full = |window: &Window| window.bytes > 0 && window.bytes >= pace.window_bytes;
                if self.windows.last().is_some_and(full) {
                    if self.windows.len() >= pace.threads {
                        self.restore()?;
                    } else {
                        self.windows.push(Window::default());
                    }
                }
                if let Some(window) = self.windows.last_mut() {
                    window.push(frame);
                }
                Ok(())
            }
            Found::Damaged(damaged) => {
                self.restore()?;
                let store = living(self.store)?;
                self.backlog.quarantine.damaged(&damaged)?;
                let last = WalPosition(damaged.first + damaged.frames_count - 1);
                store.engine.state.skip(last, damaged.bytes.len() as u64);
                Ok(())
            }
            Found::End => self.restore(),
        }
    }

    /// Decodes all windows and shows their rows.
    fn restore(&mut self) -> Result<()> {
        let windows = std::mem::replace(&mut self.windows, vec![Window::default()]);
        let store = living(self.store)?;
        let schemas = &store.engine.parts.schemas;
        let decode = |window: &Window| window.decode(schemas, self.decode);
        std::thread::scope(|scope| {
            let mut windows = windows.into_iter();
            let first = windows.next();
            let others: Vec<_> = windows
                .map(|window| {
                    scope.spawn(move || {
                        let groups = decode(&window);
                        (window, groups)
                    })
                })
                .collect();
            let first = first.map(|window| {
                let groups = decode(&window);
                Ok((window, groups))
            });
            let decoded = first
                .into_iter()
                .chain(others.into_iter().map(|thread| thread.join()));
            for window in decoded {
                let (window, groups) = window.map_err(|_| Error::Stopped("replay"))?;
                match groups {
                    Ok(groups) => self.show(&store, window.published(groups))?,
                    Err(_) => self.restore_one_by_one(window.frames)?,
                }
            }
            Ok(())
        })
    }

    /// Decodes and shows frame by frame: only those that cannot be decoded are left out.
    fn restore_one_by_one(&self, frames: Vec<Logged>) -> Result<()> {
        for frame in frames {
            let store = living(self.store)?;
            match decoded(&store.engine.parts.schemas, self.decode, &[&frame]) {
                Ok(batches) => self.show(&store, vec![published(frame, batches)])?,
                Err(error) => {
                    self.backlog.quarantine.undecodable(&frame, &error)?;
                    let position = WalPosition(frame.sequence);
                    store.engine.state.skip(position, frame.bytes as u64);
                }
            }
        }
        Ok(())
    }

    /// Shows rows; seals them when they are enough, and waits for a flush when they are too many.
    fn show(&self, store: &Inner, frames: Vec<Published>) -> Result<()> {
        let pace = &self.backlog.pace;
        let state = &store.engine.state;
        if !frames.is_empty() {
            state.restore(frames);
            failpoint::pass("replay", "frame");
        }
        let pressure = store.wake.pressure.load(Ordering::Relaxed);
        let bytes_max = match pressure >= Pressure::Flush as u8 {
            true => pace.flush_bytes.saturating_mul(2),
            false => pace.bytes_max,
        };
        loop {
            let (sealed, unsealed) = state.backlog_bytes();
            let due = unsealed >= pace.flush_bytes;
            if sealed == 0 && due {
                state.seal();
                store.wake.flush.notify_one();
            }
            let waits = sealed > 0 || due;
            if !waits || sealed + unsealed < bytes_max {
                return Ok(());
            }
            living(self.store)?;
            store.flush_sealed()?;
            failpoint::pass("replay", "flushed");
        }
    }
}

/// The store, unless it ends.
fn living(store: &Weak<Inner>) -> Result<Arc<Inner>> {
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

/// Decodes frames of one tenant and signal again. A decoder that panics counts as an error: the frame,
/// when it is alone, is kept aside.
fn decoded(schemas: &Schemas, replay: &ReplayFn, frames: &[&Logged]) -> Result<Vec<Batch>, String> {
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| ReplayFrame {
            header: &frame.header,
            payload: &frame.payload,
        })
        .collect();
    match catch_unwind(AssertUnwindSafe(|| (replay)(schemas, &frames))) {
        Ok(decoded) => decoded.map_err(|ReplayError(error)| error),
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

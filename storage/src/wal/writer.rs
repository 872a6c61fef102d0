//! The log's writer: one thread that groups frames, writes them, syncs once, then settles them.
//!
//! 1. Take what is queued. Where the last group had several frames, wait up to `commit_window` for
//!    as many again: whoever waited for that group is about to come back. Nobody waits alone.
//! 2. Write the group into the current segment, zero-filled beforehand, so that the sync has no
//!    metadata to write; when it does not fit, go on in a recycled segment or a `spare` one.
//! 3. fdatasync, then hand the group to `settle`, in sequence order (W1).
//!
//! A failed write costs its group and the rest of the segment; the next group starts a new one. A
//! failed sync ends all writing until a restart: the kernel may have dropped the dirty pages, so a
//! second sync would lie. The segment of either is marked as bad and never written again, nor by a
//! later process: it may hold whole frames that were refused. A panic ends all writing as well, and
//! drops what waits.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::spare::Spare;
use super::{
    ALIGN, PAYLOAD_BYTES_MAX, SegmentFile, bad_path, encode, frame_bytes, io, segment_path,
};
use crate::disk::Disk;
use crate::files::Files;
use crate::{Error, Frame, Result, WalPosition, failpoint};

/// A group is written once it has this much.
const GROUP_BYTES_MAX: usize = 2 << 20;
/// Frames that wait for the writer hold at most this much; further requests wait.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Queue space is counted in units of this, each frame taking at least one.
const QUEUE_UNIT: usize = 1024;
/// Zeros are written this much at a time.
const ZEROS_BYTES: u64 = 1 << 20;
/// Segments kept for reuse.
const FREE_SEGMENTS_MAX: usize = 2;

/// How to write.
#[derive(Debug)]
pub(crate) struct Options {
    /// The folder of the segments.
    pub(crate) dir: PathBuf,
    /// Size of a segment; larger frames get a larger one.
    pub(crate) segment_bytes: u64,
    /// Longest wait for others to share a sync.
    pub(crate) window: Duration,
    /// Start of every CRC.
    pub(crate) salt: u32,
    /// Epoch of this opening.
    pub(crate) epoch: u64,
    /// Sequence of the next frame.
    pub(crate) next: u64,
    /// Segments that stand there; reused when flushed.
    pub(crate) segments: Vec<SegmentFile>,
    /// What is flushed already.
    pub(crate) flushed: WalPosition,
    /// Consulted before a segment is added.
    pub(crate) disk: Arc<Disk>,
    /// How files are changed.
    pub(crate) files: Files,
}

/// What became of a group.
pub(crate) enum Settled<T> {
    /// Durable, in sequence order, with the bytes each takes in the log.
    Durable(Vec<(WalPosition, usize, T)>),
    /// Not acknowledged, and why.
    Refused(Vec<T>, String),
}

/// What is done with frames on the log's thread.
pub(crate) trait Group<T>: Send + 'static {
    /// Looks at frames that are about to be written: all of them become durable, or none. May take
    /// some out, which are neither written nor settled, and say how many records the others refuse.
    fn prepare(&mut self, run: Vec<Queued<T>>) -> Vec<Queued<T>> {
        run
    }

    /// Hears what became of them.
    fn settle(&mut self, settled: Settled<T>);
}

impl<T, F: FnMut(Settled<T>) + Send + 'static> Group<T> for F {
    fn settle(&mut self, settled: Settled<T>) {
        self(settled);
    }
}

/// The log. Dropped, it writes what is queued and ends its thread.
pub(crate) struct Wal<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    permits: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    wake: Condvar,
    segments: Mutex<Segments>,
    files: Files,
}

struct Queue<T> {
    waiting: VecDeque<Queued<T>>,
    /// Bytes of their payloads.
    bytes: usize,
    /// How many frames the writer sleeps for; 0 while it is awake. Waking it for each would cost more
    /// than writing them.
    wanted: usize,
    closed: bool,
    /// Why nothing can be written until a restart.
    failed: Option<String>,
}

/// A frame that waits to be written.
pub(crate) struct Queued<T> {
    pub(crate) frame: Frame,
    /// Records that its answer refuses.
    pub(crate) rejected: u32,
    /// Whose it is.
    pub(crate) item: T,
    _room: OwnedSemaphorePermit,
}

struct Segments {
    /// In order; the last may be written to.
    live: VecDeque<SegmentFile>,
    free: Vec<SegmentFile>,
}

fn lock<S>(mutex: &Mutex<S>) -> MutexGuard<'_, S> {
    // Nothing under these locks leaves its state half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Queue<T> {
    /// Whether there is enough for a group of `count` frames.
    fn has(&self, count: usize) -> bool {
        self.waiting.len() >= count || self.bytes >= GROUP_BYTES_MAX
    }
}

impl<T: Send + 'static> std::fmt::Debug for Wal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wal").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Wal<T> {
    /// Starts the writer thread, which calls `requests` before and after each write.
    ///
    /// Errors: the thread cannot be started.
    pub(crate) fn start(options: Options, requests: impl Group<T>) -> Result<Self> {
        let segments = options.segments.clone();
        let (live, mut free) = if options.flushed.0 + 1 == options.next {
            (Vec::new(), segments)
        } else {
            (segments, Vec::new())
        };
        for bad in free.extract_if(.., |segment| segment.bad) {
            remove_flushed(&options.files, &bad);
        }
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                bytes: 0,
                wanted: 0,
                closed: false,
                failed: None,
            }),
            wake: Condvar::new(),
            segments: Mutex::new(Segments {
                live: live.into(),
                free,
            }),
            files: options.files.clone(),
        });
        let dir = options.dir.clone();
        Spare::clear(&options.files, &dir);
        let writer = Writer {
            shared: Arc::clone(&shared),
            next: options.next,
            options,
            current: None,
            buffer: Vec::new(),
            last_count: 1,
            spare: Spare::default(),
            requests,
        };
        let thread = std::thread::Builder::new()
            .name("oriel-wal".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| io("starting the writer thread of", &dir, source))?;
        Ok(Wal {
            shared,
            permits: Arc::new(Semaphore::new(QUEUE_BYTES_MAX / QUEUE_UNIT)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues `frame`; `item` comes back through `settle`. Waits while the queue is full.
    ///
    /// Errors: `Unavailable` after [`Wal::close`] or a failed sync. Cancel safety: dropped before it
    /// returns, nothing is queued and `item` is dropped.
    pub(crate) async fn submit(&self, frame: Frame, rejected: u32, item: T) -> Result<()> {
        if frame.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::Invalid(
                "a request of over 1 GiB cannot be logged".to_owned(),
            ));
        }
        let units = (frame_bytes(&frame) / QUEUE_UNIT + 1).min(QUEUE_BYTES_MAX / QUEUE_UNIT);
        let room = Arc::clone(&self.permits)
            .acquire_many_owned(units as u32)
            .await
            .map_err(|_| Error::Stopped("the log's writer"))?;
        let mut queue = lock(&self.shared.queue);
        if let Some(reason) = &queue.failed {
            return Err(Error::Unavailable {
                reason: reason.clone(),
            });
        }
        if queue.closed {
            return Err(Error::Unavailable {
                reason: "it is closing; retry after the restart".to_owned(),
            });
        }
        queue.bytes += frame.payload.len();
        queue.waiting.push_back(Queued {
            frame,
            rejected,
            item,
            _room: room,
        });
        if queue.wanted > 0 && queue.has(queue.wanted) {
            queue.wanted = 0;
            drop(queue);
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    /// Why nothing can be written until a restart, if so.
    pub(crate) fn failed(&self) -> Option<String> {
        lock(&self.shared.queue).failed.clone()
    }

    /// Frees the segments that are wholly at or below `flushed`, which is committed (W4).
    pub(crate) fn trim(&self, flushed: WalPosition) {
        self.shared.trim(flushed);
    }

    /// Writes what is queued, then ends the thread. Blocks.
    pub(crate) fn close(&self) {
        lock(&self.shared.queue).closed = true;
        self.shared.wake.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the log's writer thread has panicked");
        }
    }
}

impl<T: Send + 'static> Drop for Wal<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> Shared<T> {
    fn trim(&self, flushed: WalPosition) {
        let mut surplus = Vec::new();
        {
            let mut segments = lock(&self.segments);
            while segments
                .live
                .get(1)
                .is_some_and(|next| crate::invariant::trimmable(next.first, flushed))
                && let Some(segment) = segments.live.pop_front()
            {
                match segment.bad {
                    true => surplus.push(segment),
                    false => segments.free.push(segment),
                }
            }
            while segments.free.len() > FREE_SEGMENTS_MAX {
                surplus.push(segments.free.remove(0));
            }
        }
        for segment in surplus {
            failpoint::pass("trim", "before_remove");
            remove_flushed(&self.files, &segment);
        }
    }
}

fn remove_flushed(files: &Files, segment: &SegmentFile) {
    if let Err(error) = files.remove(&segment.path) {
        tracing::warn!(path = %segment.path.display(), %error, "cannot remove a flushed WAL segment");
    }
}

struct Current {
    file: File,
    path: PathBuf,
    first: u64,
    at: u64,
    bytes: u64,
}

/// Dropped in a panic of the log's thread, it ends all writing and lets go of the frames that wait,
/// whose senders are answered then: a client that hears nothing does not know that it must retry.
struct Panicked<T>(Arc<Shared<T>>);

impl<T> Drop for Panicked<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut queue = lock(&self.0.queue);
        queue.failed = Some("the log's writer has panicked; restart".to_owned());
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        drop(waiting);
    }
}

struct Writer<T, G> {
    shared: Arc<Shared<T>>,
    options: Options,
    current: Option<Current>,
    next: u64,
    buffer: Vec<u8>,
    last_count: usize,
    spare: Spare,
    requests: G,
}

impl<T: Send + 'static, G: Group<T>> Writer<T, G> {
    fn run(mut self) {
        let _panicked = Panicked(Arc::clone(&self.shared));
        while let Some(group) = self.take() {
            self.last_count = group.len();
            metrics::histogram!("oriel_wal_group_frames").record(group.len() as f64);
            self.commit(group);
        }
    }

    /// The next group; `None` once closed and empty.
    fn take(&self) -> Option<VecDeque<Queued<T>>> {
        let mut queue = self.sleep(lock(&self.shared.queue), 1, None);
        if queue.waiting.is_empty() {
            return None;
        }
        let window = self.options.window;
        if !window.is_zero() {
            queue = self.sleep(queue, self.last_count, Some(window));
        }
        let mut bytes = 0;
        let count = queue
            .waiting
            .iter()
            .take_while(|queued| {
                let fits = bytes == 0 || bytes + frame_bytes(&queued.frame) <= GROUP_BYTES_MAX;
                bytes += frame_bytes(&queued.frame);
                fits
            })
            .count();
        let group: VecDeque<_> = queue.waiting.drain(..count).collect();
        queue.bytes -= group.iter().map(|q| q.frame.payload.len()).sum::<usize>();
        Some(group)
    }

    /// Waits until there is enough for `count` frames, for `window` at most, or the queue is closed.
    fn sleep<'q>(
        &self,
        mut queue: MutexGuard<'q, Queue<T>>,
        count: usize,
        window: Option<Duration>,
    ) -> MutexGuard<'q, Queue<T>> {
        queue.wanted = count;
        let short = |queue: &mut Queue<T>| !queue.has(count) && !queue.closed;
        let wake = &self.shared.wake;
        queue = match window {
            None => wake
                .wait_while(queue, short)
                .unwrap_or_else(PoisonError::into_inner),
            Some(window) => {
                let waited = wake.wait_timeout_while(queue, window, short);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        queue.wanted = 0;
        queue
    }

    /// Writes and settles a group, in as many runs as it takes segments.
    fn commit(&mut self, mut group: VecDeque<Queued<T>>) {
        while let Some(queued) = group.front() {
            let mut run = Vec::new();
            match self.make_room(frame_bytes(&queued.frame) as u64) {
                Ok(mut room) => {
                    while let Some(queued) = group.front()
                        && let Some(left) = room.checked_sub(frame_bytes(&queued.frame) as u64)
                    {
                        room = left;
                        run.extend(group.pop_front());
                    }
                    self.commit_run(run);
                }
                Err(error) => {
                    run.extend(group.drain(..));
                    self.refuse(run, reason(&error));
                }
            }
        }
    }

    fn commit_run(&mut self, run: Vec<Queued<T>>) {
        let failed = lock(&self.shared.queue).failed.clone();
        if let Some(reason) = failed {
            self.refuse(run, reason);
            return;
        }
        let run = self.requests.prepare(run);
        if run.is_empty() {
            return;
        }
        let first = self.next;
        self.buffer.clear();
        let mut done = Vec::with_capacity(run.len());
        for queued in &run {
            let start = self.buffer.len();
            let sequence = first + done.len() as u64;
            let (salt, epoch) = (self.options.salt, self.options.epoch);
            encode(
                &mut self.buffer,
                salt,
                sequence,
                epoch,
                queued.rejected,
                &queued.frame,
            );
            done.push((WalPosition(sequence), self.buffer.len() - start));
        }
        failpoint::pass("wal", "before_write");
        if let Err(error) = self.write() {
            self.give_up_segment();
            self.refuse(run, reason(&error));
            return;
        }
        failpoint::pass("wal", "before_sync");
        if let Err(error) = self.sync() {
            let reason = format!(
                "a sync of the write-ahead log has failed ({}); check the disk, then restart oriel",
                reason(&error)
            );
            self.fail(&reason);
            self.give_up_segment();
            self.refuse(run, reason);
            return;
        }
        failpoint::pass("wal", "after_sync");
        self.next += run.len() as u64;
        metrics::counter!("oriel_wal_frames_total").increment(run.len() as u64);
        metrics::counter!("oriel_wal_bytes_total").increment(self.buffer.len() as u64);
        if self.buffer.capacity() > 2 * GROUP_BYTES_MAX {
            self.buffer = Vec::new();
        }
        let durable = done
            .into_iter()
            .zip(run)
            .map(|((position, bytes), queued)| (position, bytes, queued.item));
        self.requests.settle(Settled::Durable(durable.collect()));
    }

    fn write(&mut self) -> Result<()> {
        let current = self
            .current
            .as_mut()
            .ok_or(Error::Stopped("the log's segment"))?;
        // Zeros behind the last frame: a reused segment has old bytes there.
        let len = self.buffer.len();
        let room = current.bytes - current.at - len as u64;
        self.buffer.resize(len + room.min(ALIGN as u64) as usize, 0);
        let files = &self.options.files;
        let written = files.write_at(&current.file, &current.path, &self.buffer, current.at);
        self.buffer.truncate(len);
        written.map_err(|source| io("writing", &current.path, source))?;
        current.at += len as u64;
        self.look_ahead();
        Ok(())
    }

    /// Has the next segment made when this one is a quarter full and there is none to be used again.
    fn look_ahead(&mut self) {
        let options = &self.options;
        let due = self.current.as_ref().is_some_and(|current| {
            current.bytes == options.segment_bytes && current.at >= current.bytes / 4
        });
        if due && lock(&self.shared.segments).free.is_empty() {
            let (files, bytes) = (&options.files, options.segment_bytes);
            self.spare.begin(files, &options.dir, bytes, &options.disk);
        }
    }

    fn sync(&self) -> Result<()> {
        let current = self
            .current
            .as_ref()
            .ok_or(Error::Stopped("the log's segment"))?;
        let start = Instant::now();
        self.options
            .files
            .sync(&current.file, &current.path, false)
            .map_err(|source| io("syncing", &current.path, source))?;
        metrics::histogram!("oriel_wal_fsync_seconds").record(start.elapsed().as_secs_f64());
        Ok(())
    }

    /// Nothing is written any more until a restart.
    fn fail(&self, reason: &str) {
        tracing::error!(%reason, "writing stops");
        lock(&self.shared.queue).failed = Some(reason.to_owned());
    }

    /// Marks the current segment as one that is never written again.
    fn give_up_segment(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let bad = bad_path(&self.options.dir, current.first);
        let files = &self.options.files;
        let renamed = files
            .rename(&current.path, &bad)
            .and_then(|()| files.sync_directory(&self.options.dir));
        let mut segments = lock(&self.shared.segments);
        if let Some(live) = segments.live.iter_mut().find(|l| l.path == current.path) {
            live.bad = true;
            if renamed.is_ok() {
                live.path = bad;
            }
        }
        drop(segments);
        if let Err(error) = renamed {
            // A later process could not tell: nothing more may be written beside it.
            self.fail(&format!(
                "a write to the write-ahead log has failed, and so has marking its segment ({}); \
                 check the disk, then restart oriel",
                reason(&error)
            ));
        }
    }

    fn refuse(&mut self, run: Vec<Queued<T>>, reason: String) {
        let items = run.into_iter().map(|queued| queued.item).collect();
        self.requests.settle(Settled::Refused(items, reason));
    }

    /// Sees to it that a frame of `bytes` fits the current segment; returns the room in it.
    fn make_room(&mut self, bytes: u64) -> Result<u64> {
        let room = |current: &Current| current.bytes - current.at;
        if let Some(room) = self
            .current
            .as_ref()
            .map(room)
            .filter(|room| *room >= bytes)
        {
            return Ok(room);
        }
        let current = self.open_segment(bytes)?;
        let room = room(&current);
        self.current = Some(current);
        Ok(room)
    }

    fn open_segment(&mut self, bytes: u64) -> Result<Current> {
        let wanted = match self.options.segment_bytes {
            usual if usual >= bytes => usual,
            _ => bytes.next_multiple_of(4096),
        };
        let path = segment_path(&self.options.dir, self.next);
        let free = {
            let mut segments = lock(&self.shared.segments);
            let at = segments.free.iter().position(|free| free.bytes == wanted);
            let free = at.map(|at| segments.free.remove(at));
            // A flushed segment of the new name is replaced.
            segments.free.retain(|free| free.path != path);
            free
        };
        let free = free.or_else(|| self.spare.take(wanted));
        let files = &self.options.files;
        failpoint::pass("rotate", "before");
        match free {
            Some(free) => files.rename(&free.path, &path).inspect_err(|_| {
                lock(&self.shared.segments).free.push(free.clone());
            })?,
            None => {
                self.options.disk.refresh();
                self.options.disk.check(wanted)?;
                let new = self.options.dir.join("new.tmp");
                create_zeroed(files, &new, wanted).inspect_err(|_| {
                    // Whatever space it took is needed elsewhere.
                    let _ = std::fs::remove_file(&new);
                })?;
                failpoint::pass("rotate", "zeroed");
                files.rename(&new, &path)?;
            }
        }
        failpoint::pass("rotate", "renamed");
        files.sync_directory(&self.options.dir)?;
        failpoint::pass("rotate", "after");
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(|source| io("opening", &path, source))?;
        let mut segments = lock(&self.shared.segments);
        // A segment of the same name holds nothing that was acknowledged, and is replaced; a bad one
        // that begins alike has another name, and is in the way no more.
        segments.live.retain(|live| {
            let kept = live.first < self.next;
            if !kept && live.path != path {
                remove_flushed(files, live);
            }
            kept
        });
        segments.live.push_back(SegmentFile {
            path: path.clone(),
            first: self.next,
            bytes: wanted,
            bad: false,
        });
        Ok(Current {
            file,
            path,
            first: self.next,
            at: 0,
            bytes: wanted,
        })
    }
}

/// A file of `bytes` zeros, written out: a hole would cost each sync a metadata write.
fn create_zeroed(files: &Files, path: &Path, bytes: u64) -> Result<()> {
    debug_assert_eq!(bytes % ALIGN as u64, 0);
    fill(files, path, bytes, &|| false).map_err(|source| io("creating", path, source))
}

/// The same, synced piece by piece, until `stop` says so.
pub(super) fn fill(
    files: &Files,
    path: &Path,
    bytes: u64,
    stop: &dyn Fn() -> bool,
) -> std::io::Result<()> {
    let zeros = vec![0; bytes.min(ZEROS_BYTES) as usize];
    let file = files.create(path)?;
    let mut at = 0;
    while at < bytes && !stop() {
        let take = (bytes - at).min(ZEROS_BYTES);
        files.write_at(&file, path, &zeros[..take as usize], at)?;
        at += take;
        if at < bytes {
            files.sync(&file, path, false)?;
        }
    }
    files.sync(&file, path, true)
}

/// The error with its cause, for a person.
fn reason(error: &Error) -> String {
    match error {
        Error::Unavailable { reason } => reason.clone(),
        Error::Io { source, .. } => format!("{error}: {source}"),
        error => error.to_string(),
    }
}

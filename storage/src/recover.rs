//! Opening a store: what the catalog names, and what the log holds beyond it.
//!
//! 1. Take the directory's lock; check its format.
//! 2. Read the catalog; raise the epoch. Remove files that no commit names.
//! 3. Fill the window of stored requests from the catalog.
//! 4. Decode the frames after the flushed position again and buffer their rows; flush in between
//!    when they outgrow `flush_bytes`. A frame that is damaged or cannot be decoded is copied to
//!    `wal/quarantine` and reported, never passed over in silence.
//! 5. Writing goes on behind the last frame, in a new segment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::buffer::Published;
use crate::catalog::{Catalog, CatalogState};
use crate::disk::{Disk, FreeBytes};
use crate::engine::Engine;
use crate::files::{Files, raise_open_files};
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::objects::Objects;
use crate::part::writer::PartContext;
use crate::schema::{PromotedKey, Schemas, Table};
use crate::seen::{self, Seen, SeenEntry};
use crate::state::State;
use crate::wal::reader::{Damaged, Found, walk};
use crate::wal::{Logged, io, sync_dir, writer};
use crate::{Batch, Clock, Config, Error, ReplayFn, Result, WalPosition, failpoint};

/// A store that has caught up with its files.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) engine: Engine,
    /// How the log goes on.
    pub(crate) log: writer::Options,
    pub(crate) secret: [u8; 32],
    pub(crate) lock: Lock,
}

/// What a store runs on; tests bring their own.
pub(crate) struct Machine {
    /// How many bytes are free on a disk.
    pub(crate) ask: FreeBytes,
    /// How files are changed.
    pub(crate) files: Files,
}

/// Opens the data directory of `config`. Blocking; ends early with an error once `stop` is set.
///
/// Errors: those of [`crate::Store::open`].
pub(crate) fn recover(
    config: Config,
    clock: Arc<dyn Clock>,
    replay: &ReplayFn,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Recovered> {
    let Machine { ask, files } = machine;
    if let Some(limit) = raise_open_files() {
        tracing::debug!(limit, "open files");
    }
    let layout = Layout::new(&config.data_dir);
    let lock = lock::acquire(&layout)?;
    let wal = layout.wal();
    std::fs::create_dir_all(&wal).map_err(|source| io("creating", &wal, source))?;
    sync_dir(layout.root())?;
    let disk = Arc::new(Disk::new(layout.root(), config.disk_free_min.as_u64(), ask));
    let (mut catalog, found) = Catalog::open(&layout, &promoted(&config)?, Arc::clone(&clock))?;
    failpoint::pass("open", "catalog");
    let seen_bytes = seen::blob_bytes_max(config.dedup_entries_max);
    catalog.keep_seen(config.dedup_window, seen_bytes);
    let secret = catalog.secret();
    let seen = remembered(&config, clock.as_ref(), &found);
    let (epoch, flushed, remembered_time) = (found.epoch, found.flushed, found.clock);
    let objects = Arc::new(Objects::open(layout.root(), files.clone())?);
    let state = Arc::new(known(found, &objects, &mut catalog));
    let parts = PartContext::new(objects, catalog.schemas().clone(), config.clone());
    let mut log = writer::Options {
        dir: wal,
        segment_bytes: config.wal_segment_bytes.as_u64().next_multiple_of(4096),
        window: config.commit_window,
        salt: salt(&secret),
        epoch,
        next: 0,
        segments: Vec::new(),
        flushed,
        disk: Arc::clone(&disk),
        files,
    };
    let engine = Engine::new(
        config,
        clock,
        state,
        seen,
        disk,
        parts,
        catalog,
        remembered_time,
    );
    engine.sweep()?;
    failpoint::pass("open", "swept");
    replay_log(&engine, &mut log, replay, stop)?;
    Ok(Recovered {
        engine,
        log,
        secret,
        lock,
    })
}

/// What the store knows at first, with the sums of all parts and those that are damaged.
fn known(found: CatalogState, objects: &Arc<Objects>, catalog: &mut Catalog) -> State {
    let checks = objects.checks();
    catalog.keep_sums_of(Arc::clone(checks));
    let mut sums = found.sums;
    for part in &found.parts {
        let sums = sums.remove(&part.id).unwrap_or_default();
        checks.expect(&part.path, part.bytes, part.checksum, sums);
    }
    let state = State::new(found.snapshot_id, found.parts, found.flushed);
    for (id, detail) in &found.damaged {
        state.quarantine(|part| part.id == *id, detail, true);
    }
    state
}

fn remembered(config: &Config, clock: &dyn Clock, found: &CatalogState) -> Arc<Seen> {
    let seen = Seen::new(config.dedup_window, config.dedup_entries_max);
    let now = clock.now();
    for blob in &found.seen {
        match seen::decode(blob) {
            Ok(entries) => entries
                .into_iter()
                .for_each(|entry| seen.restore(entry, now)),
            // Better than not to open: only retries of the last minutes ask for it.
            Err(error) => {
                tracing::error!(%error, "some requests of the last minutes would be stored again if they were sent again");
            }
        }
    }
    seen
}

/// Start of the log's CRCs: different in each store, known to nobody who sends requests.
pub(crate) fn salt(secret: &[u8; 32]) -> u32 {
    crc32c::crc32c(secret)
}

/// The promoted attributes of the settings.
fn promoted(config: &Config) -> Result<Vec<(Table, PromotedKey)>> {
    let tables = [
        (Table::Spans, &config.promote_spans),
        (Table::Logs, &config.promote_logs),
        (Table::Metrics, &config.promote_metrics),
    ];
    let mut keys = Vec::new();
    for (table, texts) in tables {
        for text in texts {
            let key = text.parse::<PromotedKey>();
            keys.push((
                table,
                key.map_err(|error| Error::Invalid(error.to_string()))?,
            ));
        }
    }
    Ok(keys)
}

fn replay_log(
    engine: &Engine,
    log: &mut writer::Options,
    replay: &ReplayFn,
    stop: &AtomicBool,
) -> Result<()> {
    let quarantine = Quarantine(log.dir.join("quarantine"));
    let schemas = engine.parts.schemas.clone();
    let from = log.flushed;
    let mut frames_count = 0u64;
    let start = Instant::now();
    let mut bytes = 0u64;
    let walked = walk(&log.dir, log.salt, from, &mut |found| {
        if stop.load(Ordering::Relaxed) {
            // What was flushed on the way stays; the next start goes on from there.
            return Err(Error::Unavailable {
                reason: "it was stopped while it replayed its log".to_owned(),
            });
        }
        match found {
            Found::Frame(frame) => {
                frames_count += 1;
                bytes += frame.bytes as u64;
                restore(engine, &schemas, replay, &quarantine, frame)
            }
            Found::Damaged(damaged) => {
                quarantine.damaged(&damaged)?;
                let last = damaged.first + damaged.frames_count - 1;
                engine.state.skip(WalPosition(last));
                Ok(())
            }
        }
    })?;
    if let Some(torn) = &walked.torn {
        quarantine.torn(torn)?;
    }
    if frames_count > 0 {
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(frames_count, bytes, seconds, "replayed the write-ahead log");
    }
    log.next = walked.last.0 + 1;
    log.segments = walked.segments;
    log.flushed = engine.state.flushed();
    Ok(())
}

fn restore(
    engine: &Engine,
    schemas: &Schemas,
    replay: &ReplayFn,
    quarantine: &Quarantine,
    frame: Logged,
) -> Result<()> {
    let position = WalPosition(frame.sequence);
    let batches = match decode(schemas, replay, &frame) {
        Ok(batches) => batches,
        Err(error) => {
            quarantine.undecodable(&frame, &error)?;
            engine.state.skip(position);
            return Ok(());
        }
    };
    let seen = SeenEntry {
        hash: frame.header.request_hash,
        received_at: frame.header.received_at,
        rejected: frame.rejected,
    };
    engine.seen.restore(seen, engine.clock.now());
    let bytes = engine.state.publish(vec![Published {
        position,
        wal_bytes: frame.bytes as u64,
        tenant: frame.header.tenant,
        batches,
        seen,
    }]);
    failpoint::pass("replay", "frame");
    if bytes >= engine.config.flush_threshold() {
        engine.flush()?;
        failpoint::pass("replay", "flushed");
    }
    Ok(())
}

/// Decodes a frame again. A decoder that panics counts as an error: the frame is kept aside.
fn decode(schemas: &Schemas, replay: &ReplayFn, frame: &Logged) -> Result<Vec<Batch>, String> {
    let work = || (replay)(schemas, &frame.header, &frame.payload);
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(decoded) => decoded.map_err(|error| error.to_string()),
        Err(_) => Err("the decoder panicked".to_owned()),
    }
}

/// The folder for frames that can not be replayed.
struct Quarantine(std::path::PathBuf);

impl Quarantine {
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

    fn torn(&self, torn: &Damaged) -> Result<()> {
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

//! Opening a store: what the catalog names, and what the log holds beyond it.
//!
//! 1. Take the directory's lock; check its format.
//! 2. Read the catalog; raise the epoch. Remove files that no commit names.
//! 3. Fill the window of stored requests from the catalog.
//! 4. Read the frames after the flushed position, checksums and headers, without decoding them: the
//!    last one is where writing goes on, in a new segment, and their requests are known to the window
//!    before a new request is claimed (W6).
//! 5. The store takes requests from here on; the module `replay` brings their rows back beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::catalog::{Catalog, CatalogState};
use crate::disk::{self, Disk, FreeBytes};
use crate::engine::Engine;
use crate::files::{Files, raise_open_files};
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::objects::Objects;
use crate::part::writer::PartContext;
use crate::replay::{self, Backlog, Pace, Quarantine};
use crate::schema::{PromotedKey, Table};
use crate::seen::{self, Seen};
use crate::state::State;
use crate::wal::reader::{Found, walk};
use crate::wal::{io, sync_dir, writer};
use crate::{Clock, Config, Error, Result, failpoint};

/// A store that knows its files and can take new rows.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) engine: Engine,
    /// What is still to be replayed.
    pub(crate) backlog: Option<Backlog>,
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

impl Machine {
    /// The one that this process runs on.
    pub(crate) fn this() -> Self {
        Machine {
            ask: Arc::new(disk::free_bytes),
            files: Files::default(),
        }
    }
}

/// Opens the data directory of `config`. Blocking; ends early with an error once `stop` is set.
///
/// Errors: those of [`crate::Store::open`].
pub(crate) fn recover(
    config: Config,
    clock: Arc<dyn Clock>,
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
    let backlog = scan(&engine, &mut log, stop)?;
    failpoint::pass("open", "scanned");
    Ok(Recovered {
        engine,
        backlog,
        log,
        secret,
        lock,
    })
}

/// What the store knows at first, with the sums of all parts and those that are damaged.
fn known(found: CatalogState, objects: &Arc<Objects>, catalog: &mut Catalog) -> State {
    let checks = objects.checks();
    catalog.keep_sums_of(Arc::clone(checks));
    catalog.keep_indexes_of(Arc::clone(objects.indexes()));
    let mut sums = found.sums;
    for part in &found.parts {
        let sums = sums.remove(&part.id).unwrap_or_default();
        checks.expect(&part.path, part.bytes, part.checksum, sums);
        if let Some(index) = found.indexes.get(&part.id) {
            objects.indexes().expect(&part.path, index.clone());
        }
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

/// Whether words of these attributes can be indexed.
fn index_attributes(config: &Config) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let unfit = |key: &&String| key.is_empty() || !key.bytes().all(plain);
    match config.index_attributes.iter().find(unfit) {
        None => Ok(()),
        Some(key) => Err(Error::Invalid(format!(
            "index_attributes has {key:?}: write the key of an attribute, of letters, digits, dots, \
             dashes, slashes and underscores"
        ))),
    }
}

/// The promoted attributes of the settings.
fn promoted(config: &Config) -> Result<Vec<(Table, PromotedKey)>> {
    // Settings that are wrong end the start, however late they are used.
    crate::expire::tenants(config)?;
    index_attributes(config)?;
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

/// Reads the log behind the flushed position: where it goes on, which requests it holds, and what is
/// to be replayed.
fn scan(engine: &Engine, log: &mut writer::Options, stop: &AtomicBool) -> Result<Option<Backlog>> {
    let start = Instant::now();
    let (mut frames_count, mut bytes) = (0u64, 0u64);
    let walked = walk(&log.dir, log.salt, log.flushed, &mut |found| {
        if stop.load(Ordering::Relaxed) {
            return Err(replay::stopped());
        }
        match found {
            Found::Frame(frame) => {
                frames_count += 1;
                bytes += frame.bytes as u64;
                engine
                    .seen
                    .restore(replay::seen(&frame), engine.clock.now());
            }
            Found::Damaged(damaged) => bytes += damaged.bytes.len() as u64,
            Found::End => {}
        }
        Ok(())
    })?;
    if let Some(torn) = &walked.torn {
        Quarantine::below(&log.dir).torn(torn)?;
    }
    log.next = walked.last.0 + 1;
    log.segments = walked.segments;
    if walked.last == log.flushed {
        return Ok(None);
    }
    let seconds = start.elapsed().as_secs_f64();
    tracing::info!(
        frames_count,
        bytes,
        seconds,
        "the write-ahead log is read; it will be replayed"
    );
    engine.state.begin_replay(walked.last, bytes);
    // An empty segment at the end is the first that new frames go to.
    let mut segments = log.segments.clone();
    segments.retain(|segment| segment.first <= walked.last.0);
    Ok(Some(Backlog {
        segments,
        salt: log.salt,
        last: walked.last,
        quarantine: Quarantine::below(&log.dir),
        pace: Pace::new(&engine.config),
    }))
}

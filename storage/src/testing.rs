//! A store for tests: a directory, a clock that stands, requests whose rows follow from a text.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use oriel_proto::{Signal, UnixNanos};

use crate::files::Files;
use crate::part::sample::{self, NOW};
use crate::recover::Machine;
use crate::schema::{Schemas, Table};
use crate::{
    Answer, Appended, Batch, Claim, Claimed, Config, ContentEncoding, ContentType, Decode, Error,
    Frame, FrameHeader, Joint, ManualClock, ReplayError, ReplayFn, ReplayFrame, RequestHash,
    Result, Store, TenantId, WalPosition,
};

/// A data directory that stores are opened on, one after the other.
pub(crate) struct Home {
    _dir: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) config: Config,
    /// Bytes free on its disk.
    pub(crate) free: Arc<AtomicU64>,
    /// How its files are changed.
    pub(crate) files: Files,
    /// Whether stores are opened before the log is replayed.
    pub(crate) beside: bool,
    /// How many frames may be replayed yet.
    pub(crate) decodes: Arc<AtomicU64>,
    /// Whether they are replayed one by one, on one thread, and flushed as soon as they are enough.
    pub(crate) one_by_one: bool,
}

/// One request: rows of each table, all following from its number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) rows: Vec<(Table, usize)>,
}

impl Home {
    /// A home where nothing happens by itself, with small WAL segments.
    pub(crate) fn new() -> Self {
        Home::below(tempfile::tempdir().unwrap())
    }

    /// The same in memory, where there is such a file system: syncs cost nothing.
    pub(crate) fn in_memory() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        Home::below(memory.or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn below(dir: tempfile::TempDir) -> Self {
        let never = Duration::from_secs(24 * 3600);
        let config = Config {
            data_dir: dir.path().join("data"),
            wal_segment_bytes: ByteSize::b(4096),
            commit_window: Duration::ZERO,
            flush_interval: never,
            compact_interval: never,
            disk_free_min: ByteSize::b(1000),
            retention_bytes: ByteSize::b(u64::MAX),
            retention_clock_jump_max: Duration::ZERO,
            ..Config::default()
        };
        Home {
            _dir: dir,
            clock: Arc::new(ManualClock::at(UnixNanos(NOW))),
            config,
            free: Arc::new(AtomicU64::new(1 << 40)),
            files: Files::default(),
            beside: false,
            decodes: Arc::new(AtomicU64::new(u64::MAX)),
            one_by_one: false,
        }
    }

    /// Opens the store; waits for the last one, when it was dropped, to have ended.
    pub(crate) async fn open(&self) -> Store {
        for _ in 0..1000 {
            match self.try_open().await {
                Err(Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("the last store never ended");
    }

    pub(crate) async fn try_open(&self) -> Result<Store> {
        let free = Arc::clone(&self.free);
        let ask = Arc::new(move |_: &Path| Ok(free.load(Ordering::SeqCst)));
        let clock = Arc::clone(&self.clock);
        let files = self.files.clone();
        let machine = Machine { ask, files };
        let (store, mut backlog) = Store::begin(self.config.clone(), clock, machine).await?;
        if let Some(backlog) = backlog.as_mut().filter(|_| self.one_by_one) {
            let pace = &mut backlog.pace;
            (pace.window_bytes, pace.threads, pace.bytes_max) = (1, 1, 1);
        }
        let decode = self.decode();
        match self.beside {
            true => store.replay_beside(backlog, decode),
            false => store.replay_now(backlog, decode).await?,
        }
        Ok(store)
    }

    /// Decodes as [`decode`], as many frames as `decodes` says, and then waits, though not for ever:
    /// a test that failed meanwhile could not end.
    fn decode(&self) -> ReplayFn {
        let decodes = Arc::clone(&self.decodes);
        Arc::new(move |schemas, frames: &[ReplayFrame<'_>]| {
            let take = |left: u64| left.checked_sub(frames.len() as u64);
            for _ in 0..120_000 {
                if decodes
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                    .is_ok()
                {
                    let batches = frames.iter().map(|frame| decode(schemas, frame.payload));
                    let batches: Result<Vec<_>, _> = batches.collect();
                    return batches.map(|batches| batches.concat());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            panic!("the frames were never let pass")
        })
    }
}

impl Request {
    pub(crate) fn new(number: u64, rows: &[(Table, usize)]) -> Self {
        Request {
            number,
            rows: rows.to_vec(),
        }
    }

    fn text(&self) -> String {
        let rows = self
            .rows
            .iter()
            .map(|(table, rows)| format!(" {table} {rows}"));
        format!("{}{}", self.number, rows.collect::<String>())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim_end().split(' ');
        let number = words.next()?.parse().ok()?;
        let mut rows = Vec::new();
        while let Some(table) = words.next() {
            rows.push((table.parse().ok()?, words.next()?.parse().ok()?));
        }
        Some(Request { number, rows })
    }

    /// Its rows, received now.
    pub(crate) fn batches(&self, schemas: &Schemas) -> Vec<Batch> {
        let batch = |(table, rows): &(Table, usize)| {
            let times: Vec<_> = (0..*rows)
                .map(|row| NOW + (self.number as i64 * 1000 + row as i64) * 1000)
                .collect();
            sample::batch(schemas, *table, &times, NOW, self.number + 1)
        };
        self.rows.iter().map(batch).collect()
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame {
            header: FrameHeader {
                tenant: TenantId::default_tenant(),
                signal: Signal::Logs,
                content_type: ContentType::Protobuf,
                content_encoding: ContentEncoding::Identity,
                decoder_version: 1,
                received_at: UnixNanos(NOW),
                request_hash: RequestHash(0),
            },
            payload: Bytes::from(self.text()),
        }
    }

    /// Stores it as a receiver does, those of odd number undecoded; `None` for a duplicate. Positions of
    /// these are not known.
    pub(crate) async fn send(&self, store: &Store) -> Result<Option<WalPosition>> {
        let tenant = TenantId::default_tenant();
        let hash = store.request_hash(&tenant, Signal::Logs, self.text().as_bytes());
        match store.claim(hash).await? {
            Claim::Duplicate(_) => Ok(None),
            Claim::New(claimed) => {
                let (claimed, frame) = match self.number % 2 {
                    0 => (claimed, self.frame()),
                    _ => match self.append_plain(store, claimed).await? {
                        Appended::Stored(..) => return Ok(Some(WalPosition::default())),
                        Appended::Alone(claimed, frame) => (claimed, frame),
                    },
                };
                let batches = self.batches(store.schemas());
                let stored = store.append(claimed, frame, batches, Answer::default());
                stored.await.map(Some)
            }
        }
    }

    /// Hands it to the log undecoded.
    pub(crate) async fn append_plain(&self, store: &Store, claimed: Claimed) -> Result<Appended> {
        let decode = Arc::new(Together(store.schemas().clone()));
        let frame = self.frame();
        let plain = frame.payload.clone();
        store.append_plain(claimed, frame, plain, decode).await
    }
}

/// Decodes requests of one table together; others have to come alone. A request of 9 rows is answered
/// that one was refused.
#[derive(Debug)]
struct Together(Schemas);

impl Decode for Together {
    fn decode(&self, _: Signal, requests: &[(&[u8], UnixNanos)]) -> Option<Joint> {
        let (mut batches, mut shares) = (Vec::new(), Vec::new());
        for (body, _) in requests {
            let made = decode(&self.0, body).ok()?;
            let [batch] = <[Batch; 1]>::try_from(made).ok()?;
            let rows = batch.rows().num_rows();
            let rejected = u64::from(rows == 9);
            let message = "one of nine".repeat(rejected as usize);
            shares.push((rows, Answer { rejected, message }));
            batches.push(batch);
        }
        let schema = self.0.of(batches.first()?.table());
        if batches.iter().any(|batch| batch.table() != schema.table) {
            return None;
        }
        let rows = batches.iter().map(Batch::rows);
        let rows = arrow::compute::concat_batches(schema.arrow(), rows).ok()?;
        let strays = batches.iter().flat_map(|batch| batch.strays().clone());
        Some(Joint {
            batch: Batch::new(schema, rows, strays.collect()).ok(),
            requests: shares,
        })
    }
}

/// Decodes requests again; a body that is none fails.
fn decode(schemas: &Schemas, body: &[u8]) -> Result<Vec<Batch>, ReplayError> {
    std::str::from_utf8(body)
        .ok()
        .and_then(Request::parse)
        .map(|request| request.batches(schemas))
        .ok_or_else(|| ReplayError("no request".to_owned()))
}

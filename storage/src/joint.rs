//! Requests that wait for the log, and what becomes of them: rows made of many at once, then
//! visible, remembered, answered.
//!
//! Small requests are decoded here, on the log's thread, when their turn comes: those of one tenant
//! and signal that are about to be written together become one batch, which costs a fraction of a
//! batch each, here and in every flush and query behind. All frames of a run become durable or none
//! does, so the batch comes with the last of them, as in a replay. A request that spoils a batch
//! (malformed, with text that is no UTF-8) is found by halving and handed back, to be decoded and
//! refused alone; so is one without rows, which needs no log, and so are those behind many that spoil,
//! behind very many bytes, and when buffers are full.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use oriel_proto::{Signal, UnixNanos};
use tokio::sync::oneshot;

use crate::buffer::Published;
use crate::seen::SeenEntry;
use crate::state::State;
use crate::store::{Answer, Claimed};
use crate::tasks::Wake;
use crate::wal::writer::{Group, Queued, Settled};
use crate::{Batch, Error, Frame, Result, TenantId, WalPosition, failpoint};

/// Bodies that are decoded at once, at most.
const BODIES_BYTES_MAX: usize = 512 << 10;

/// Bodies of a run that are decoded before it is written: others wait for it.
const RUN_BYTES_MAX: usize = 4 << 20;

/// Batches of a run that requests spoil, before what is left of it is decoded alone.
const SPOILED_MAX: usize = 16;

/// Rows take about this many times the memory of their plain body. Only reserved until it is known.
const ROWS_OF_BODY: u64 = 4;

/// Makes rows of several requests at once.
pub trait Decode: Debug + Send + Sync {
    /// The rows of plain bodies of `signal`, each with the time it was received, in their order.
    ///
    /// `None` when any of them must be decoded alone. Called on the log's thread: must not panic.
    fn decode(&self, signal: Signal, requests: &[(&[u8], UnixNanos)]) -> Option<Joint>;
}

/// The rows of several requests.
#[derive(Debug, Clone)]
pub struct Joint {
    /// All of them; `None` when there are none.
    pub batch: Option<Batch>,
    /// How many rows of it each request has, one behind the other, and what it is answered.
    pub requests: Vec<(usize, Answer)>,
}

/// What became of [`crate::Store::append_plain`].
#[derive(Debug)]
pub enum Appended {
    /// Durable and visible: these rows of a batch, which has those of other requests as well.
    Stored(Batch, Range<usize>, Answer),
    /// Not logged: to be decoded alone.
    Alone(Claimed, Frame),
}

/// What waits for its frame to be durable.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) claimed: Claimed,
    pub(crate) tenant: TenantId,
    pub(crate) signal: Signal,
    pub(crate) received_at: UnixNanos,
    pub(crate) rows: Rows,
    pub(crate) answer: Answer,
    pub(crate) room: Room,
    pub(crate) reply: Reply,
}

/// The rows of a request.
#[derive(Debug)]
pub(crate) enum Rows {
    Made(Vec<Batch>),
    Plain(Bytes, Arc<dyn Decode>),
}

/// Who waits for it.
#[derive(Debug)]
pub(crate) enum Reply {
    Position(oneshot::Sender<Result<WalPosition>>),
    Rows(
        oneshot::Sender<Result<Appended>>,
        Option<(Batch, Range<usize>)>,
    ),
}

impl Reply {
    /// Nobody may be waiting any more.
    fn stored(self, position: WalPosition, answer: impl FnOnce() -> Answer) {
        match self {
            Reply::Position(reply) => drop(reply.send(Ok(position))),
            Reply::Rows(reply, Some((batch, rows))) => {
                let _ = reply.send(Ok(Appended::Stored(batch, rows, answer())));
            }
            Reply::Rows(_, None) => {}
        }
    }

    fn refused(self, reason: String) {
        let error = Error::Unavailable { reason };
        match self {
            Reply::Position(reply) => drop(reply.send(Err(error))),
            Reply::Rows(reply, _) => drop(reply.send(Err(error))),
        }
    }
}

/// A share of `buffer_bytes_max`, given back when the rows are buffered or refused.
#[derive(Debug)]
pub(crate) struct Room {
    reserved: Arc<AtomicU64>,
    bytes: u64,
}

impl Room {
    /// Bytes that rows of a plain body of `bytes` take, about.
    pub(crate) fn of_plain(bytes: usize) -> u64 {
        bytes as u64 * ROWS_OF_BODY
    }

    /// `bytes` that were added to `reserved`.
    pub(crate) fn taken(reserved: &Arc<AtomicU64>, bytes: u64) -> Self {
        Room {
            reserved: Arc::clone(reserved),
            bytes,
        }
    }

    fn set(&mut self, bytes: u64) {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        self.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What the log's thread does with frames that are written together.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) state: Arc<State>,
    pub(crate) wake: Arc<Wake>,
    /// Bytes of rows that are neither buffered nor refused yet.
    pub(crate) reserved: Arc<AtomicU64>,
    /// The setting: beyond it, what is left of a run goes back, to be refused by its true size.
    pub(crate) buffer_bytes_max: u64,
    /// Buffered bytes that start a flush.
    pub(crate) flush_bytes: u64,
}

impl Group<Pending> for Requests {
    fn prepare(&mut self, mut run: Vec<Queued<Pending>>) -> Vec<Queued<Pending>> {
        let mut left = Left {
            bytes: RUN_BYTES_MAX,
            spoiled: SPOILED_MAX,
        };
        for group in groups(&run) {
            self.decode(&mut run, &group, &mut left);
        }
        let made = |queued: &mut Queued<Pending>| matches!(queued.item.rows, Rows::Made(_));
        for queued in run.extract_if(.., |queued| !made(queued)) {
            let Queued { frame, item, .. } = queued;
            drop(item.room);
            if let Reply::Rows(reply, _) = item.reply {
                let _ = reply.send(Ok(Appended::Alone(item.claimed, frame)));
            }
        }
        run
    }

    /// First visible, then remembered, then answered.
    fn settle(&mut self, settled: Settled<Pending>) {
        let group = match settled {
            Settled::Durable(group) => group,
            Settled::Refused(group, reason) => {
                for pending in group {
                    drop((pending.claimed, pending.room));
                    pending.reply.refused(reason.clone());
                }
                return;
            }
        };
        let mut frames = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        for (position, wal_bytes, pending) in group {
            let seen = SeenEntry {
                hash: pending.claimed.hash(),
                received_at: pending.received_at,
                rejected: refused_count(&pending.answer),
            };
            frames.push(Published {
                position,
                wal_bytes: wal_bytes as u64,
                tenant: pending.tenant,
                batches: match pending.rows {
                    Rows::Made(batches) => batches,
                    Rows::Plain(..) => Vec::new(),
                },
                seen,
            });
            let done = (pending.claimed, pending.received_at, pending.answer);
            answers.push((done, pending.room, pending.reply, position));
        }
        let (bytes, small) = self.state.publish(frames);
        if bytes >= self.flush_bytes {
            self.wake.flush.notify_one();
        }
        if small {
            self.wake.join.notify_one();
        }
        failpoint::pass("wal", "before_answer");
        for ((claimed, received_at, answer), room, reply, position) in answers {
            let told = answer.clone();
            claimed.complete(received_at, answer);
            // What is buffered is counted there by now.
            drop(room);
            reply.stored(position, || told);
        }
    }
}

/// The count of refused records, as frames and the window keep it.
pub(crate) fn refused_count(answer: &Answer) -> u32 {
    u32::try_from(answer.rejected).unwrap_or(u32::MAX)
}

/// Places in `run` of the requests that are to be decoded together.
fn groups(run: &[Queued<Pending>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(&Pending, usize, Vec<usize>)> = Vec::new();
    for (at, queued) in run.iter().enumerate() {
        let Rows::Plain(plain, _) = &queued.item.rows else {
            continue;
        };
        let item = &queued.item;
        let fits = |(first, bytes, _): &&mut (&Pending, usize, Vec<usize>)| {
            first.signal == item.signal
                && first.tenant == item.tenant
                && *bytes + plain.len() <= BODIES_BYTES_MAX
        };
        match groups.iter_mut().find(fits) {
            Some((_, bytes, places)) => {
                *bytes += plain.len();
                places.push(at);
            }
            None => groups.push((item, plain.len(), vec![at])),
        }
    }
    groups.into_iter().map(|(_, _, places)| places).collect()
}

/// What may still be done for a run before it is written.
#[derive(Debug)]
struct Left {
    bytes: usize,
    spoiled: usize,
}

impl Requests {
    /// Makes the rows of the requests at `places`; those that have to be decoded alone stay plain.
    fn decode(&self, run: &mut [Queued<Pending>], places: &[usize], left: &mut Left) {
        let taken = self.state.buffer_bytes() + self.reserved.load(Ordering::Relaxed);
        if left.bytes == 0 || left.spoiled == 0 || taken >= self.buffer_bytes_max {
            return;
        }
        let mut requests = Vec::with_capacity(places.len());
        let (mut with, mut bytes) = (None, 0);
        for at in places {
            let item = &run[*at].item;
            if let Rows::Plain(plain, decode) = &item.rows {
                requests.push((&plain[..], item.received_at));
                bytes += plain.len();
                with = Some((decode, item.signal));
            }
        }
        let joint = with.and_then(|(decode, signal)| decode.decode(signal, &requests));
        match joint {
            Some(joint) => {
                left.bytes = left.bytes.saturating_sub(bytes);
                hand_out(run, places, joint);
            }
            None => {
                left.spoiled -= 1;
                if places.len() > 1 {
                    let (one, other) = places.split_at(places.len() / 2);
                    self.decode(run, one, left);
                    self.decode(run, other, left);
                }
            }
        }
    }
}

/// Gives each request its rows; the last one brings the batch.
fn hand_out(run: &mut [Queued<Pending>], places: &[usize], joint: Joint) {
    let Some(batch) = joint.batch else {
        return;
    };
    debug_assert_eq!(places.len(), joint.requests.len());
    let (mut start, mut last) = (0, None);
    for (at, (rows, answer)) in places.iter().zip(joint.requests) {
        if rows == 0 {
            continue;
        }
        let queued = &mut run[*at];
        queued.rejected = refused_count(&answer);
        let item = &mut queued.item;
        item.answer = answer;
        item.room.set(0);
        item.rows = Rows::Made(Vec::new());
        if let Reply::Rows(_, share) = &mut item.reply {
            *share = Some((batch.clone(), start..start + rows));
        }
        start += rows;
        last = Some(*at);
    }
    debug_assert_eq!(start, batch.rows().num_rows());
    if let Some(last) = last {
        let item = &mut run[last].item;
        item.room.set(batch.memory_bytes() as u64);
        item.rows = Rows::Made(vec![batch]);
    }
}

//! The window of requests that were stored, so that a retry is stored once.
//!
//! A request is *in flight* from its claim until its frame is durable; a copy of it waits. Then it
//! is *stored* and remembered for `dedup_window` or until `dedup_entries_max` newer ones came. The
//! texts of answers hold [`MESSAGE_BYTES_MAX`] in all; a text beyond that is not repeated to a retry.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oriel_proto::UnixNanos;
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::{Answer, Claim, Claimed};
use crate::{Error, RequestHash, Result};

const BLOB_VERSION: u8 = 2;
const BLOB_ENTRY_BYTES: usize = 28;
/// Texts of answers kept at most.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes of blobs that `entries_max` requests take.
pub(crate) fn blob_bytes_max(entries_max: usize) -> u64 {
    entries_max as u64 * BLOB_ENTRY_BYTES as u64
}

/// One stored request, as the catalog and the log remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenEntry {
    pub(crate) hash: RequestHash,
    pub(crate) received_at: UnixNanos,
    pub(crate) rejected: u32,
}

/// The entries as bytes: version, 28 bytes each (hash, time received, records rejected), then
/// XXH3-64 of all that. Version 1 had no checksum.
pub(crate) fn encode(entries: &[SeenEntry]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(1 + entries.len() * BLOB_ENTRY_BYTES);
    blob.push(BLOB_VERSION);
    for entry in entries {
        blob.extend_from_slice(&entry.hash.0.to_le_bytes());
        blob.extend_from_slice(&entry.received_at.0.to_le_bytes());
        blob.extend_from_slice(&entry.rejected.to_le_bytes());
    }
    let sum = xxh3_64(&blob);
    blob.extend_from_slice(&sum.to_le_bytes());
    blob
}

/// The entries of a blob. Errors: `Corrupt`.
pub(crate) fn decode(blob: &[u8]) -> Result<Vec<SeenEntry>> {
    let corrupt = |detail: &str| Error::Corrupt {
        what: "list of stored requests in the catalog".to_owned(),
        detail: detail.to_owned(),
    };
    let (version, mut entries) = blob.split_first().ok_or_else(|| corrupt("it is empty"))?;
    match (*version, blob.split_last_chunk::<8>()) {
        (1, _) => {}
        (BLOB_VERSION, Some((body, sum))) if xxh3_64(body).to_le_bytes() == *sum => {
            entries = &body[1..];
        }
        (BLOB_VERSION, _) => return Err(corrupt("its checksum differs")),
        (version, _) => return Err(corrupt(&format!("its version is {version}"))),
    }
    let entries = entries.chunks(BLOB_ENTRY_BYTES);
    entries
        .map(|bytes| {
            let (hash, rest) = bytes.split_first_chunk()?;
            let (received_at, rest) = rest.split_first_chunk()?;
            Some(SeenEntry {
                hash: RequestHash(u128::from_le_bytes(*hash)),
                received_at: UnixNanos(i64::from_le_bytes(*received_at)),
                rejected: u32::from_le_bytes(rest.try_into().ok()?),
            })
        })
        .map(|entry| entry.ok_or_else(|| corrupt("its last entry is cut off")))
        .collect()
}

/// The window. Shared by claims, which outlive the call that made them.
#[derive(Debug)]
pub(crate) struct Seen {
    window: Duration,
    entries_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Records rejected of each request. A million of them is common, so an entry is small.
    stored: HashMap<Key, u32>,
    order: VecDeque<(Key, UnixNanos)>,
    /// Texts of the few answers that have one.
    messages: HashMap<Key, Box<str>>,
    message_bytes: usize,
    in_flight: HashMap<RequestHash, Vec<oneshot::Sender<()>>>,
}

/// A hash in halves: a `u128` would be aligned to 16 bytes, which takes a third more memory.
type Key = [u64; 2];

fn key(hash: RequestHash) -> Key {
    [hash.0 as u64, (hash.0 >> 64) as u64]
}

impl State {
    /// Forgets the text of an answer.
    fn forget_message(&mut self, key: &Key) {
        if let Some(text) = self.messages.remove(key) {
            self.message_bytes -= text.len();
        }
    }
}

impl Seen {
    pub(crate) fn new(window: Duration, entries_max: usize) -> Arc<Self> {
        Arc::new(Seen {
            window,
            entries_max,
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change under the lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims `hash`, waiting while another claim on it is in flight.
    pub(crate) async fn claim(self: &Arc<Self>, hash: RequestHash, now: UnixNanos) -> Claim {
        loop {
            let waiting = {
                let mut state = self.lock();
                self.evict(&mut state, now);
                let key = key(hash);
                if let Some(&rejected) = state.stored.get(&key) {
                    metrics::counter!("oriel_duplicates_suppressed_total").increment(1);
                    let message = state.messages.get(&key).map(|text| text.to_string());
                    return Claim::Duplicate(Answer {
                        rejected: u64::from(rejected),
                        message: message.unwrap_or_default(),
                    });
                }
                match state.in_flight.get_mut(&hash) {
                    Some(waiters) => {
                        let (sender, receiver) = oneshot::channel();
                        waiters.push(sender);
                        receiver
                    }
                    None => {
                        state.in_flight.insert(hash, Vec::new());
                        return Claim::New(Claimed::new(hash, Ticket(Arc::clone(self))));
                    }
                }
            };
            // The sender is used or dropped when the other claim ends; both mean: look again.
            let _ = waiting.await;
        }
    }

    /// Remembers a request that was stored before this process started.
    pub(crate) fn restore(&self, entry: SeenEntry, now: UnixNanos) {
        let answer = Answer {
            rejected: u64::from(entry.rejected),
            message: if entry.rejected > 0 {
                "stored before; the records that were rejected then are rejected now".to_owned()
            } else {
                String::new()
            },
        };
        self.store(entry.hash, entry.received_at, answer, now);
    }

    fn store(&self, hash: RequestHash, received_at: UnixNanos, answer: Answer, now: UnixNanos) {
        let mut state = self.lock();
        let state = &mut *state;
        let key = key(hash);
        let rejected = u32::try_from(answer.rejected).unwrap_or(u32::MAX);
        match state.stored.insert(key, rejected) {
            None => state.order.push_back((key, received_at)),
            Some(_) => state.forget_message(&key),
        }
        let fits = state.message_bytes + answer.message.len() <= MESSAGE_BYTES_MAX;
        if fits && !answer.message.is_empty() {
            state.message_bytes += answer.message.len();
            state.messages.insert(key, answer.message.into_boxed_str());
        }
        self.evict(state, now);
    }

    fn evict(&self, state: &mut State, now: UnixNanos) {
        let window = i64::try_from(self.window.as_nanos()).unwrap_or(i64::MAX);
        let oldest = now.0.saturating_sub(window);
        while let Some(&(key, received_at)) = state.order.front() {
            if state.order.len() <= self.entries_max && received_at.0 >= oldest {
                break;
            }
            state.order.pop_front();
            state.stored.remove(&key);
            state.forget_message(&key);
        }
    }

    /// Memory that it holds.
    pub(crate) fn bytes(&self) -> u64 {
        let state = self.lock();
        let stored = state.stored.capacity() * 8 / 7 * (size_of::<(Key, u32)>() + 1);
        let order = state.order.capacity() * size_of::<(Key, UnixNanos)>();
        (stored + order + state.message_bytes) as u64
    }

    /// Requests remembered.
    pub(crate) fn len(&self) -> usize {
        self.lock().stored.len()
    }
}

/// A claim's tie to its window.
pub(crate) struct Ticket(Arc<Seen>);

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

impl Ticket {
    /// The request is stored: remember its answer. Waiting copies are told by [`Ticket::release`].
    pub(crate) fn store(&self, hash: RequestHash, received_at: UnixNanos, answer: Answer) {
        // The window is counted from the newest request, so that it needs no clock here.
        self.0.store(hash, received_at, answer, received_at);
    }

    /// The claim ends; the next copy may look.
    pub(crate) fn release(&self, hash: RequestHash) {
        let waiters = self.0.lock().in_flight.remove(&hash);
        for waiter in waiters.into_iter().flatten() {
            let _ = waiter.send(());
        }
    }
}

#[cfg(test)]
mod tests;

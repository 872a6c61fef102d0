//! Sends generated requests at their times and notes what became of each.
//!
//! ```text
//! lane threads: generate, compress --> dispatcher thread: wait for the request's time and a place
//!                                        --> one task a request: send, retry --> tally
//! ```
//!
//! The dispatcher never waits for answers, except where all places are taken, and a request's latency
//! counts from its time: what waits, waits visibly.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bytes::Bytes;
use oriel_proto::Signal;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use super::args::Rate;
use super::traffic::{LANES, Lane, Profile};
use crate::commands::send::read::{Format, Request};
use crate::commands::send::retry::{Backoff, Outcome};
use crate::commands::send::transport::Transport;

/// How much later than asked a run may end before requests are left out.
const GRACE: f64 = 1.1;

/// Which times records get.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    /// Record `n` is of `first` plus `n` times `step`, in nanoseconds.
    Steps {
        /// Of the first record.
        first: u64,
        /// From one to the next.
        step: u64,
    },
    /// When they are generated.
    Clock,
}

impl Times {
    /// The time of the newest record of a request, and the step to the one before.
    pub(crate) fn of(self, first_record: u64, records: u64) -> (u64, u64) {
        match self {
            Times::Steps { first, step } => (
                first.saturating_add((first_record + records).saturating_mul(step)),
                step,
            ),
            Times::Clock => (now(), 1_000),
        }
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// When requests are due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// How fast.
    pub(crate) rate: Rate,
    /// Records of a request.
    pub(crate) batch: u32,
    /// For how long; `None` until there are no more.
    pub(crate) duration: Option<Duration>,
}

impl Schedule {
    /// When request `number` is due, after the start; at once with [`Rate::Max`].
    pub(crate) fn due(&self, number: u64) -> Option<Duration> {
        match self.rate {
            Rate::Max => None,
            Rate::PerSecond(rate) => {
                let before = number as f64 * f64::from(self.batch);
                Some(Duration::from_secs_f64((before / rate).min(1e9)))
            }
        }
    }

    /// Whether nothing is sent any more, this long after the start.
    fn over(&self, since_start: Duration) -> bool {
        match (self.duration, self.rate) {
            (None, _) => false,
            (Some(duration), Rate::Max) => since_start >= duration,
            (Some(duration), Rate::PerSecond(_)) => {
                since_start > duration.mul_f64(GRACE) + Duration::from_secs(1)
            }
        }
    }
}

/// A request that is ready to be sent.
#[derive(Debug)]
struct Prepared {
    signal: Signal,
    records: u64,
    bytes: u64,
    body: Bytes,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Records in it.
    pub(crate) records: u64,
    /// Bytes of OTLP.
    pub(crate) bytes: u64,
    /// Bytes sent, with those sent again.
    pub(crate) sent_bytes: u64,
    /// From its time to its answer.
    pub(crate) latency: Duration,
    /// From its time until it was sent.
    pub(crate) delay: Duration,
    /// Answers that asked to try again, and attempts that found no server.
    pub(crate) refusals: u64,
    /// Accepted or failed.
    pub(crate) outcome: Outcome,
}

/// What the dispatcher has to say in the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Dispatched {
    /// Requests that were started.
    pub(crate) requests: u64,
    /// Requests that waited for the generator although they were due.
    pub(crate) starved: u64,
    /// Requests that waited for a place although they were due.
    pub(crate) crowded: u64,
    /// Whether the time was over before all requests were started.
    pub(crate) cut: bool,
}

/// Everything that a run needs.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// What is sent.
    pub(crate) profile: Profile,
    /// With which times.
    pub(crate) times: Times,
    /// When.
    pub(crate) schedule: Schedule,
    /// Over these connections, in turn.
    pub(crate) transports: Vec<Transport>,
    /// Most requests under way.
    pub(crate) in_flight: usize,
    /// How long a request is tried again.
    pub(crate) patience: Duration,
    /// Bytes of requests to have ready.
    pub(crate) ahead: usize,
}

/// Requests that are ready, in the order of their numbers.
struct Lanes {
    ready: Vec<(VecDeque<Prepared>, Receiver<VecDeque<Prepared>>)>,
}

impl Load {
    /// Starts the generator and waits until it is `ahead` bytes ahead.
    fn generate(&self) -> Result<Lanes> {
        let mut ready = Vec::new();
        for lane in 0..LANES {
            // One place: a lane works on the next batch while this one is being sent.
            let (sender, receiver) = sync_channel(1);
            let load = self.clone();
            thread::Builder::new()
                .name(format!("lane-{lane}"))
                .spawn(move || load.lane(lane, &sender))?;
            ready.push((VecDeque::new(), receiver));
        }
        for (queue, receiver) in &mut ready {
            queue.extend(receiver.recv().into_iter().flatten());
        }
        Ok(Lanes { ready })
    }

    /// Generates the requests of a lane until nobody wants them.
    fn lane(&self, lane: u64, sender: &SyncSender<VecDeque<Prepared>>) {
        let mut lane = Lane::new(&self.profile, lane);
        // The first batch fills the store; later ones keep it filled.
        let mut wanted = self.ahead / LANES as usize;
        loop {
            let (mut batch, mut bytes) = (VecDeque::new(), 0);
            while bytes < wanted.max(1) {
                let number = lane.number();
                let before = number * u64::from(self.profile.batch);
                let (newest, step) = self.times.of(before, self.profile.records(number));
                let Some(body) = lane.next(newest, step) else {
                    break;
                };
                let (signal, records, size) = (body.signal, body.records, body.bytes.len());
                let packed = self.transports[0].pack(body.bytes.into());
                // Compressing into memory does not fail.
                let body = packed.unwrap_or_default();
                bytes += body.len();
                batch.push_back(Prepared {
                    signal,
                    records,
                    bytes: size as u64,
                    body,
                });
            }
            let last = batch.is_empty();
            if sender.send(batch).is_err() || last {
                return;
            }
            wanted = self.ahead / LANES as usize / 8;
        }
    }

    /// Sends everything; blocks its thread until the last request is started. Each request's end is
    /// told to `sent`; `begin` is called when the first is about to start.
    pub(crate) fn dispatch(
        &self,
        runtime: &Handle,
        sent: &UnboundedSender<Sent>,
        begin: impl FnOnce(),
    ) -> Result<Dispatched> {
        let mut lanes = self.generate()?;
        let places = Arc::new(Semaphore::new(self.in_flight));
        let mut told = Dispatched::default();
        begin();
        let start = Instant::now();
        for number in 0.. {
            if self.schedule.over(start.elapsed()) {
                told.cut = matches!(self.schedule.rate, Rate::PerSecond(_));
                break;
            }
            let due = self.schedule.due(number).map(|after| start + after);
            let late = || due.is_none_or(|due| Instant::now() > due + Duration::from_millis(1));
            let Some((prepared, waited)) = lanes.take(number) else {
                break;
            };
            told.starved += u64::from(waited && late());
            if let Some(due) = due {
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let place = match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => place,
                Err(_) => {
                    told.crowded += 1;
                    runtime.block_on(Arc::clone(&places).acquire_owned())?
                }
            };
            told.requests += 1;
            let transport = &self.transports[(number % self.transports.len() as u64) as usize];
            let (transport, patience, sent) = (transport.clone(), self.patience, sent.clone());
            let due = due.unwrap_or_else(Instant::now);
            runtime.spawn(async move {
                let done = deliver(&transport, prepared, due, patience).await;
                drop(place);
                let _ = sent.send(done);
            });
        }
        Ok(told)
    }
}

impl Lanes {
    /// Request `number`, and whether it had to be waited for; `None` at the end.
    fn take(&mut self, number: u64) -> Option<(Prepared, bool)> {
        let (queue, receiver) = &mut self.ready[(number % LANES) as usize];
        let mut waited = false;
        if queue.is_empty() {
            *queue = match receiver.try_recv() {
                Ok(batch) => batch,
                Err(_) => {
                    waited = true;
                    receiver.recv().ok()?
                }
            };
        }
        Some((queue.pop_front()?, waited))
    }
}

/// Sends one request until it is taken, refused for good, or patience is over.
async fn deliver(
    transport: &Transport,
    prepared: Prepared,
    due: Instant,
    patience: Duration,
) -> Sent {
    let request = Request {
        signal: prepared.signal,
        format: Format::Protobuf,
        // What is sent is packed already.
        body: Bytes::new(),
    };
    let started = Instant::now();
    let mut backoff = Backoff::new(patience);
    let (mut attempts, mut refusals) = (0, 0);
    let outcome = loop {
        attempts += 1;
        let outcome = transport.attempt(&request, prepared.body.clone()).await;
        let Outcome::Retry { wait, reason } = outcome else {
            break outcome;
        };
        refusals += 1;
        match backoff.wait(wait) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => break Outcome::Failed(reason),
        }
    };
    Sent {
        records: prepared.records,
        bytes: prepared.bytes,
        sent_bytes: attempts * prepared.body.len() as u64,
        latency: due.elapsed(),
        delay: started.saturating_duration_since(due),
        refusals,
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: Rate, duration: Option<u64>) -> Schedule {
        Schedule {
            rate,
            batch: 10,
            duration: duration.map(Duration::from_secs),
        }
    }

    /// Scenario: 1,000 records a second in requests of 10; as fast as possible; runs with an end.
    /// Guarantees: requests are due evenly and by their number alone, so that a late one delays no
    /// other; a run that cannot keep up ends all the same.
    #[test]
    fn requests_have_their_times() {
        let paced = schedule(Rate::PerSecond(1_000.0), Some(10));
        for (number, millis) in [(0, 0), (1, 10), (250, 2_500), (100_000, 1_000_000)] {
            assert_eq!(paced.due(number), Some(Duration::from_millis(millis)));
        }
        assert!(!paced.over(Duration::from_secs(11)) && paced.over(Duration::from_secs(13)));
        let max = schedule(Rate::Max, Some(10));
        assert_eq!(max.due(7), None);
        assert!(!max.over(Duration::from_secs(9)) && max.over(Duration::from_secs(10)));
        assert!(!schedule(Rate::Max, None).over(Duration::MAX));
    }

    /// Scenario: times of records by steps.
    /// Guarantees: requests follow each other without gap or overlap.
    #[test]
    fn times_follow_each_other() {
        let times = Times::Steps {
            first: 1_000,
            step: 5,
        };
        assert_eq!(times.of(0, 10), (1_050, 5));
        assert_eq!(times.of(10, 10), (1_100, 5));
    }
}

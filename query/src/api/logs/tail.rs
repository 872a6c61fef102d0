//! `GET logs/tail`: log records as they become visible, filtered here.
//!
//! ```text
//! storage tells of rows -> filter (SQL over those rows, by the engine of all queries) -> mailbox -> events
//! ```
//!
//! A task of the tail does the first half on the threads of queries, so that a client that does not
//! read holds up nobody: the mailbox is bounded, and what does not fit is counted as dropped. Dropped
//! with the connection, all of it ends.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures::Stream;
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{Batch, Following, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::chosen::Chosen;
use super::{Log, columns};
use crate::api::asking::Asking;
use crate::api::cells::rows;
use crate::api::request::{Params, Range, limit, now};
use crate::api::selection::Selection;
use crate::error::{Code, Error};
use crate::execute::Engine;
use crate::http::{Api, ErrorBody};

/// Requests that come within this time are looked at together.
const GATHER: Duration = Duration::from_millis(200);
/// How often a tail with nothing to show says so.
const TICK: Duration = Duration::from_secs(1);
/// Records a second that may be asked for.
const RATE_MAX: u32 = 1_000;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(tail))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TailParams {
    /// Filter of log records.
    q: Option<String>,
    /// Most records a second, 1 to 1000; more are counted and dropped. Default 200.
    rate: Option<u32>,
    /// Built-in keys or attributes that each record has in `columns`, with commas between; up to 16.
    columns: Option<String>,
}

/// What the stream sends; the event's name says which.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only described")]
enum TailEvent {
    /// Once, first.
    Start(TailStart),
    /// Records.
    Logs(TailLogs),
    /// Once a second without records.
    Tick(TailTotals),
    /// The last event, when the server ends the stream.
    Error(ErrorBody),
}

/// What a tail begins with.
#[derive(Debug, Serialize, ToSchema)]
struct TailStart {
    /// Most records a second.
    rate_max: u32,
    /// Records that become visible from now on are shown: nanoseconds since 1970.
    time: String,
}

/// Records of a tail.
#[derive(Debug, Serialize, ToSchema)]
struct TailLogs {
    /// Oldest first.
    logs: Vec<Log>,
    #[serde(flatten)]
    totals: TailTotals,
}

/// Counts since the start of the tail.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
struct TailTotals {
    /// Records that satisfy `q`: shown and dropped ones.
    matched: u64,
    /// Records that were sent to this client.
    shown: u64,
    /// Records that were not, because of the rate or because this client reads too slowly.
    dropped: u64,
    /// Records that were not looked at, because more came than the server could filter.
    unread: u64,
}

/// Log records as they come
///
/// Server-sent events: `start`, then `logs` with new records and totals, `tick` with totals once a
/// second when there are none, `error` when the server ends the stream. Each record comes once.
#[utoipa::path(
    get, path = "/api/v1/logs/tail", tag = "logs", params(TailParams),
    responses(
        (status = 200, content_type = "text/event-stream", body = TailEvent,
         description = "The data of the events"),
        (status = "default", description = "Why there is no stream", body = ErrorBody),
    ),
)]
async fn tail(
    State(api): State<Api>,
    Params(params): Params<TailParams>,
) -> Result<impl IntoResponse, Error> {
    let rate = limit("rate", params.rate, 200, RATE_MAX)?;
    let ever = Range {
        from: i64::MIN,
        to: i64::MAX,
    };
    let logs = Selection::new(&api, Table::Logs, ever, params.q.as_deref())?;
    let filter = Filter {
        engine: Arc::clone(&api.engine),
        schemas: api.source.schemas.clone(),
        condition: logs.conditions.of_rows(),
        chosen: Chosen::parse(params.columns.as_deref())?,
    };
    // What cannot be run is refused now.
    filter.rows(Vec::new(), 1).await.map_err(not_run)?;
    let Ok(place) = Arc::clone(&api.tails).try_acquire_owned() else {
        let max = api.engine.config().tails_max;
        let message = format!("{max} tails run already");
        return Err(
            Error::new(Code::Unavailable, message).hint("close one, or raise query.tails_max")
        );
    };
    let mailbox = Arc::new(Mailbox::new(rate));
    let following = (api.source.follow)();
    let watching = watch(following, filter, Arc::clone(&mailbox));
    let client = Client {
        mailbox,
        stop: api.source.stop.clone(),
        ticks: ticks(),
        first: Some(TailStart {
            rate_max: rate,
            time: now().to_string(),
        }),
        quiet: true,
        over: false,
        _watching: api.engine.spawn(watching)?,
        _place: place,
    };
    let unbuffered = [("x-accel-buffering", "no"), ("cache-control", "no-store")];
    Ok((unbuffered, Sse::new(client.events())))
}

/// A filter that parses and cannot be run is the client's mistake.
fn not_run(error: Error) -> Error {
    match error.code {
        Code::Internal | Code::Execution => Error {
            code: Code::BadRequest,
            ..error
        },
        _ => error,
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

/// What is asked of each row.
struct Filter {
    engine: Arc<Engine>,
    schemas: Schemas,
    condition: String,
    chosen: Chosen,
}

impl Filter {
    /// How many rows of `batches` match, and the first `shown_max` of them by time.
    async fn rows(&self, batches: Vec<Batch>, shown_max: usize) -> Result<(u64, Vec<Log>), Error> {
        let all: usize = batches.iter().map(|batch| batch.rows().num_rows()).sum();
        let buffers = [(Table::Logs, batches)].into();
        let snapshot = Snapshot::new(0, self.schemas.clone(), Default::default(), buffers);
        let asking = Asking::of(Arc::clone(&self.engine), snapshot);
        let condition = &self.condition;
        let mut matched = None;
        if all > shown_max {
            let sql = format!("SELECT count(*) FROM logs WHERE {condition}");
            let batches = asking.rows(sql).await?;
            let count = rows(&batches).next().map_or(0, |row| row.count(0));
            if count == 0 || shown_max == 0 {
                return Ok((count, Vec::new()));
            }
            matched = Some(count);
        }
        let sql = format!(
            "SELECT {}{} FROM logs WHERE {condition} ORDER BY timestamp LIMIT {shown_max}",
            columns(self.schemas.of(Table::Logs)),
            self.chosen.sql()
        );
        let batches = asking.rows(sql).await?;
        let logs: Vec<Log> = rows(&batches)
            .map(|row| Log::with(&row, &self.chosen))
            .collect();
        Ok((matched.unwrap_or(logs.len() as u64), logs))
    }
}

/// Puts what matches of the rows that `following` tells of into `mailbox`.
async fn watch(mut following: Following, filter: Filter, mailbox: Arc<Mailbox>) {
    while let Some(followed) = following.next().await {
        let gathered = tokio::time::sleep(GATHER);
        let rows: usize = followed.batches.iter().map(|b| b.rows().num_rows()).sum();
        let allowed = mailbox.allowed(Instant::now());
        match filter.rows(followed.batches, allowed).await {
            Ok((matched, logs)) => mailbox.put(matched, logs, followed.missed),
            // The server is busy: it goes on with what comes next.
            Err(error) if error.code != Code::Internal => {
                tracing::debug!(%error, "a tail passes over records");
                mailbox.put(0, Vec::new(), followed.missed + rows as u64);
            }
            Err(error) => return mailbox.end(error),
        }
        gathered.await;
    }
    mailbox.end(stops());
}

fn stops() -> Error {
    Error::new(Code::Unavailable, "the server stops").hint("connect again in a few seconds")
}

/// What waits for a client.
struct Mailbox {
    rate: u32,
    held: Mutex<Held>,
    filled: Notify,
}

struct Held {
    logs: Vec<Log>,
    /// Without `dropped`, which follows from the others.
    totals: TailTotals,
    /// Records that may be put in now, and since when it is so many.
    allowed: f64,
    since: Instant,
    ended: Option<Error>,
}

impl Mailbox {
    fn new(rate: u32) -> Self {
        Mailbox {
            rate,
            held: Mutex::new(Held {
                logs: Vec::new(),
                totals: TailTotals::default(),
                allowed: f64::from(rate),
                since: Instant::now(),
                ended: None,
            }),
            filled: Notify::new(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records may be put in at `now`: within the rate, and no more than a second of it.
    fn allowed(&self, now: Instant) -> usize {
        let mut held = self.held();
        let rate = f64::from(self.rate);
        let earned = now.duration_since(held.since).as_secs_f64() * rate;
        held.since = now;
        held.allowed = (held.allowed + earned).min(rate);
        let room = (self.rate as usize).saturating_sub(held.logs.len());
        room.min(held.allowed as usize)
    }

    fn put(&self, matched: u64, logs: Vec<Log>, unread: u64) {
        let mut held = self.held();
        held.totals.matched += matched;
        held.totals.unread += unread;
        held.allowed -= logs.len() as f64;
        held.logs.extend(logs);
        let filled = !held.logs.is_empty();
        drop(held);
        if filled {
            self.filled.notify_one();
        }
    }

    fn end(&self, error: Error) {
        self.held().ended = Some(error);
        self.filled.notify_one();
    }

    /// All that waits, and the counts with it.
    fn take(&self) -> (TailLogs, Option<Error>) {
        let mut held = self.held();
        let logs = std::mem::take(&mut held.logs);
        held.totals.shown += logs.len() as u64;
        held.totals.dropped = held.totals.matched - held.totals.shown;
        let totals = held.totals;
        (TailLogs { logs, totals }, held.ended.clone())
    }
}

/// One client's end of the stream.
struct Client {
    mailbox: Arc<Mailbox>,
    stop: CancellationToken,
    ticks: Interval,
    first: Option<TailStart>,
    /// Whether nothing was sent since the last tick.
    quiet: bool,
    over: bool,
    _watching: tokio_util::task::AbortOnDropHandle<()>,
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// Events until the server stops or the client leaves.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        futures::stream::unfold(self, |mut client| async move {
            let event = client.next().await?;
            Some((Ok(event), client))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if let Some(start) = self.first.take() {
            return event("start", &start);
        }
        while !self.over {
            let mut tick = false;
            let stopped = tokio::select! {
                () = self.mailbox.filled.notified() => None,
                _ = self.ticks.tick() => {
                    tick = true;
                    None
                }
                () = self.stop.cancelled() => Some(stops()),
            };
            let (new, ended) = self.mailbox.take();
            if !new.logs.is_empty() {
                self.quiet = tick;
                // What else there is to say comes next.
                if ended.is_some() || stopped.is_some() {
                    self.mailbox.filled.notify_one();
                }
                return event("logs", &new);
            }
            if let Some(error) = ended.or(stopped) {
                self.over = true;
                return event("error", &ErrorBody::from(error));
            }
            if tick && std::mem::replace(&mut self.quiet, true) {
                return event("tick", &new.totals);
            }
        }
        None
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    let event = Event::default().event(name).json_data(data);
    event
        .inspect_err(|error| tracing::error!(%error, name, "an event cannot be written"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        Log {
            id: String::new(),
            time: String::new(),
            observed: None,
            severity_number: 0,
            severity_text: None,
            level: String::new(),
            service: String::new(),
            body: None,
            body_bytes: 0,
            event_name: None,
            trace_id: None,
            span_id: None,
            attributes_count: 0,
            scope: None,
            columns: None,
        }
    }

    /// Scenario: records come faster than the rate, and are taken now and then; seconds go by.
    /// Guarantees: never more than a second of the rate waits; what was matched was shown or dropped;
    /// the rate is earned again with time.
    #[test]
    fn the_rate_holds_and_counts_add_up() {
        let mailbox = Mailbox::new(10);
        let mut now = Instant::now();
        let mut shown = 0;
        for round in 0..20 {
            let allowed = mailbox.allowed(now);
            assert!(allowed <= 10);
            let logs = std::iter::repeat_with(log).take(allowed.min(7)).collect();
            mailbox.put(7, logs, 1);
            if round % 3 == 2 {
                let (new, ended) = mailbox.take();
                shown += new.logs.len() as u64;
                assert!(new.logs.len() <= 10 && ended.is_none());
                assert_eq!(new.totals.matched, 7 * (round + 1));
                assert_eq!(new.totals.shown, shown);
                assert_eq!(new.totals.dropped, new.totals.matched - shown);
                assert_eq!(new.totals.unread, round + 1);
            }
            now += Duration::from_millis(100);
        }
        // Ten at first, then one each tenth of a second.
        assert!((20..=30).contains(&shown), "{shown}");
        mailbox.take();
        assert_eq!(mailbox.allowed(now + Duration::from_secs(60)), 10);
    }
}

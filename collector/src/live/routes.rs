//! `GET /api/v1/live`, a stream of what arrives, and `GET /api/v1/rejected`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use oriel_storage::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rejection::{KEPT, Rejection};
use super::{Arrived, Live, Totals};

/// How often a stream looks for something new.
const TICK: Duration = Duration::from_millis(500);
/// Figures are sent once in this many ticks.
const TICKS_OF_FIGURES: u64 = 2;
/// Refusals that a stream shows in one tick, and at most, when none were shown for a while.
const SHOWN_PER_TICK: usize = 5;
const SHOWN_MAX: usize = 10;
/// Proxies and clients see at least this often that the stream lives.
const PING: Duration = Duration::from_secs(15);

/// Both routes; streams end with `stop`.
pub(crate) fn router(live: Arc<Live>, stop: CancellationToken) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(stream))
        .routes(routes!(rejected))
        .with_state(Watched { live, stop })
}

#[derive(Debug, Clone)]
struct Watched {
    live: Arc<Live>,
    stop: CancellationToken,
}

/// What the stream sends; the event's name says which.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only described")]
enum LiveEvent {
    /// Figures since the start, once a second while they change.
    Arrived(Arrived),
    /// A refusal.
    Rejected(RejectedEvent),
}

/// A refusal on the stream.
#[derive(Debug, Serialize, ToSchema)]
struct RejectedEvent {
    #[serde(flatten)]
    rejection: Rejection,
    /// Refusals before this one that the stream left out: it shows ten a second.
    not_shown: u64,
}

/// What arrives, as it does
///
/// Server-sent events: `arrived` with all figures since the start, at first and then once a second
/// while they change; `rejected` for each new refusal, at most ten a second.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "ingest",
    responses((status = 200, content_type = "text/event-stream", body = LiveEvent,
               description = "The data of the events")),
)]
async fn stream(State(watched): State<Watched>) -> impl IntoResponse {
    let events = Sse::new(Watch::new(watched).events());
    let unbuffered = [("x-accel-buffering", "no")];
    (
        unbuffered,
        events.keep_alive(KeepAlive::new().interval(PING).text("ping")),
    )
}

/// One client's view of [`Live`].
struct Watch {
    live: Arc<Live>,
    stop: CancellationToken,
    ticks: Interval,
    tick: u64,
    /// The figures that were sent last.
    told: Option<Totals>,
    /// The refusal that was shown, or left out, last.
    shown: u64,
    /// Refusals that may be shown now.
    allowed: usize,
    ready: VecDeque<Event>,
}

impl Watch {
    fn new(Watched { live, stop }: Watched) -> Watch {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Watch {
            shown: live.totals().rejected,
            live,
            stop,
            ticks,
            tick: 0,
            told: None,
            allowed: SHOWN_MAX,
            ready: VecDeque::new(),
        }
    }

    /// Events until the server stops.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        futures::stream::unfold(self, |mut watch| async move {
            loop {
                if let Some(event) = watch.ready.pop_front() {
                    return Some((Ok(event), watch));
                }
                tokio::select! {
                    _ = watch.ticks.tick() => watch.look(),
                    () = watch.stop.cancelled() => return None,
                }
            }
        })
    }

    /// Makes events of what is new.
    fn look(&mut self) {
        self.show_refusals();
        let now = self.live.totals();
        if self.tick.is_multiple_of(TICKS_OF_FIGURES) && self.told.as_ref() != Some(&now) {
            let arrived = self.live.arrived(SystemClock.now());
            self.push("arrived", &arrived);
            self.told = Some(now);
        }
        self.tick += 1;
    }

    fn show_refusals(&mut self) {
        let (newest, total) = self.live.rejections.after(self.shown, self.allowed);
        if !newest.is_empty() {
            let mut not_shown = total - self.shown - newest.len() as u64;
            self.shown = total;
            self.allowed -= newest.len();
            for rejection in newest.into_iter().rev() {
                let shown = RejectedEvent {
                    rejection: Rejection::clone(&rejection),
                    not_shown: std::mem::take(&mut not_shown),
                };
                self.push("rejected", &shown);
            }
        }
        self.allowed = (self.allowed + SHOWN_PER_TICK).min(SHOWN_MAX);
    }

    fn push(&mut self, name: &str, data: &impl Serialize) {
        match Event::default().event(name).json_data(data) {
            Ok(event) => self.ready.push_back(event),
            Err(error) => tracing::error!(%error, name, "an event cannot be written"),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Limit {
    /// How many, newest first.
    #[serde(default = "default_limit")]
    #[param(default = 100, maximum = 200)]
    limit: usize,
}

fn default_limit() -> usize {
    100
}

/// The last refusals.
#[derive(Debug, Serialize, ToSchema)]
struct RejectedAnswer {
    /// Newest first.
    rejected: Vec<Rejection>,
    /// Refusals since the start.
    total: u64,
}

/// Telemetry that was refused, in whole or in part
///
/// The last 200 refusals are remembered, until the server stops.
#[utoipa::path(
    get, path = "/api/v1/rejected", tag = "ingest", params(Limit),
    responses(
        (status = 200, description = "Why, by whom, and the start of each body", body = RejectedAnswer),
        (status = 400, description = "A parameter is not understood", body = Object),
    ),
)]
async fn rejected(
    State(watched): State<Watched>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Response {
    let limit = match limit {
        Ok(Query(Limit { limit })) => limit.clamp(1, KEPT),
        Err(error) => {
            let body = serde_json::json!({"error": {
                "code": "bad_request",
                "message": error.body_text(),
                "hint": "the one parameter is limit, 1 to 200",
            }});
            return (StatusCode::BAD_REQUEST, Json(body)).into_response();
        }
    };
    let (newest, total) = watched.live.rejections.after(0, limit);
    let rejected = newest.iter().map(|one| Rejection::clone(one)).collect();
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    (fresh, Json(RejectedAnswer { rejected, total })).into_response()
}

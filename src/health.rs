//! Is it alive, is it ready, and how is it doing: `/health`, `/ready`, `/metrics`,
//! `/api/v1/status`.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::Result;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oriel_proto::Token;
use oriel_storage::{Stats, Store};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bounds of all histograms of durations, in seconds: half a millisecond to a minute.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// What is known about the state of the process. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    store: Arc<OnceLock<Store>>,
    stop: CancellationToken,
    started: Instant,
    addresses: [(&'static str, SocketAddr); 3],
    metrics: PrometheusHandle,
}

#[derive(Serialize)]
struct Status {
    version: &'static str,
    uptime_seconds: u64,
    ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
    http: SocketAddr,
    /// Absent while the store opens.
    store: Option<Stats>,
}

impl Health {
    /// Records our own metrics from now on; `stop` is cancelled when the process is to end.
    ///
    /// Errors: when the process has a metrics recorder already.
    pub(crate) fn new(
        addresses: [(&'static str, SocketAddr); 3],
        stop: CancellationToken,
    ) -> Result<Health> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS)?
            .install_recorder()?;
        Ok(Health {
            store: Arc::new(OnceLock::new()),
            stop,
            started: Instant::now(),
            addresses,
            metrics,
        })
    }

    /// Says that the store is open: from now on the process is ready.
    pub(crate) fn opened(&self, store: &Store) {
        let _ = self.store.set(store.clone());
    }

    /// Why requests are not taken now, if they are not.
    fn not_ready(&self) -> Option<String> {
        if self.stop.is_cancelled() {
            return Some("stopping".to_owned());
        }
        match self.store.get() {
            None => Some("opening the data directory".to_owned()),
            Some(store) => store.stats().refusing,
        }
    }

    /// The routes; `/metrics` and the status need the token when there is one.
    pub(crate) fn router(&self, token: Option<Token>) -> OpenApiRouter {
        let guarded = OpenApiRouter::new()
            .routes(routes!(exposition))
            .routes(routes!(status))
            .layer(from_fn_with_state(token, admit));
        OpenApiRouter::new()
            .routes(routes!(alive))
            .routes(routes!(ready))
            .merge(guarded)
            .with_state(self.clone())
    }
}

/// Lets a request pass that carries the token.
pub(crate) async fn admit(
    State(token): State<Option<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes());
    match token {
        Some(token) if !token.admits(given) => {
            let body = serde_json::json!({"error": {
                "code": "unauthorized",
                "message": "this server wants a token: send Authorization: Bearer <token>",
            }});
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Whether the process runs
#[utoipa::path(
    get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "It runs", body = String)),
)]
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether telemetry is taken now
#[utoipa::path(
    get, path = "/ready", tag = "server", security(()),
    responses(
        (status = 200, description = "It is", body = String),
        (status = 503, description = "Why it is not", body = String),
    ),
)]
async fn ready(State(health): State<Health>) -> Response {
    match health.not_ready() {
        None => "ready\n".into_response(),
        Some(reason) => {
            let again = [(header::RETRY_AFTER, "1")];
            (
                StatusCode::SERVICE_UNAVAILABLE,
                again,
                format!("{reason}\n"),
            )
                .into_response()
        }
    }
}

/// The server's own metrics, in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Names begin with oriel_", body = String)),
)]
async fn exposition(State(health): State<Health>) -> Response {
    let format = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    health.metrics.run_upkeep();
    (format, health.metrics.render()).into_response()
}

/// How the server is doing
#[utoipa::path(
    get, path = "/api/v1/status", tag = "server",
    responses((status = 200, description = "Figures since the start", body = Object)),
)]
async fn status(State(health): State<Health>) -> Response {
    let [otlp_grpc, otlp_http, http] = health.addresses.map(|(_, address)| address);
    let reason = health.not_ready();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: health.started.elapsed().as_secs(),
        ready: reason.is_none(),
        reason,
        otlp_grpc,
        otlp_http,
        http,
        store: health.store.get().map(Store::stats),
    })
    .into_response()
}

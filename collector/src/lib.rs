//! Oriel's front door: the only crate that speaks ingest protocols (OTLP over gRPC and HTTP).
//!
//! ```text
//! receive (headers, token) -> admit (budget) -> body -> inflate -> claim -> decode -> Store::append -> respond
//! ```
//!
//! [`Collector`] is the whole of it; `ingest` has the flow in one function, and `respond` the one
//! table of answers. What is answered OK is durable and stored once; what is not stored is answered
//! with a status that tells the client whether to send it again.

mod admit;
mod auth;
mod config;
pub mod decode;
mod error;
mod figures;
pub mod inflate;
mod ingest;
mod live;
mod receive;
mod respond;
mod serve;

use std::sync::Arc;

use axum::Router;
use oriel_proto::Token;
use oriel_storage::Store;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use config::Config;
pub use error::{Error, Result};
pub use live::Totals;
pub use serve::{Exports, HttpLimits, serve_grpc, serve_http};

use ingest::Ingest;

/// Takes OTLP and stores it. Cheap to clone; all clones share one budget.
#[derive(Debug, Clone)]
pub struct Collector {
    ingest: Arc<Ingest>,
    config: Config,
}

impl Collector {
    /// A collector that stores into `store`; with a `token`, only calls that carry it are taken.
    pub fn new(config: Config, store: Store, token: Option<Token>) -> Self {
        Collector {
            ingest: Arc::new(Ingest::new(config.clone(), store, token)),
            config,
        }
    }

    /// The routes of OTLP/HTTP (`POST /v1/traces`, `/v1/logs`, `/v1/metrics`) and the methods of
    /// OTLP/gRPC, for any port that speaks HTTP/1 and HTTP/2; no fallback.
    pub fn http_router(&self) -> Router {
        let http = receive::http::router(Arc::clone(&self.ingest), &self.config.cors_origins);
        http.merge(receive::grpc::router(Arc::clone(&self.ingest)))
    }

    /// The routes of the OTLP/gRPC port, for [`serve_grpc`]; OTLP/HTTP that was sent to this port by
    /// mistake is taken as well.
    pub fn grpc_router(&self) -> Router {
        let unknown = Router::new()
            .fallback(receive::grpc::unknown_method)
            .with_state(Arc::clone(&self.ingest));
        self.http_router().merge(unknown)
    }

    /// The routes that tell what arrives and what is refused, under `/api/v1`; their streams end
    /// with `stop`. They do not ask for a token: whoever serves them does.
    pub fn api_router(&self, stop: CancellationToken) -> OpenApiRouter {
        live::routes::router(Arc::clone(self.ingest.live()), stop)
    }

    /// The flow that exports take.
    pub(crate) fn ingest(&self) -> &Arc<Ingest> {
        &self.ingest
    }

    /// Bytes of requests, as received and decompressed, that are worked on now.
    pub fn in_flight_bytes(&self) -> usize {
        self.ingest.in_flight_bytes()
    }

    /// What has come since the start.
    pub fn totals(&self) -> Totals {
        self.ingest.live().totals()
    }
}

#[cfg(test)]
mod tests;

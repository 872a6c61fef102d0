//! What the pages ask: search, traces, services, attributes, logs, metrics.
//!
//! ```text
//! request (parameters, range, cursor) -> asking (SQL on one snapshot) -> cells (rows) -> answer + receipt
//! ```
//!
//! Each file answers a group of routes and lists them in its `router()`; [`router`] merges them.

pub(crate) mod asking;
pub(crate) mod cells;
pub(crate) mod request;

use utoipa_axum::router::OpenApiRouter;

use crate::http::Api;

/// All routes of this module, with their descriptions.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
}

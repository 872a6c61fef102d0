//! What the pages ask: search, traces, services, attributes, logs, metrics; and deletion.
//!
//! ```text
//! request (parameters, range, cursor) -> asking (SQL on one snapshot) -> cells (rows) -> answer + receipt
//! ```
//!
//! Each file answers a group of routes and lists them in its `router()`; [`router`] merges them.

pub(crate) mod asking;
pub(crate) mod cells;
pub(crate) mod delete;
pub(crate) mod paging;
pub(crate) mod request;
pub(crate) mod selection;
pub(crate) mod summaries;

mod attributes;
mod changes;
mod complete;
mod logs;
mod metrics;
mod series;
mod services;

mod attribute;
mod heatmap;
mod queries;
mod search;
mod skeleton;
mod span;
mod trace;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::error::{Code, Error};
use crate::http::{Api, json_response};

/// All routes of this module, with their descriptions.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(search::router())
        .merge(heatmap::router())
        .merge(trace::router())
        .merge(span::router())
        .merge(services::router())
        .merge(attributes::router())
        .merge(complete::router())
        .merge(logs::router())
        .merge(metrics::router())
        .merge(queries::router())
        .merge(delete::router())
}

/// `body` as a JSON answer.
fn answer<T: Serialize>(body: &T) -> Result<Response, Error> {
    let text = serde_json::to_string(body)
        .map_err(|error| Error::new(Code::Internal, format!("writing the answer: {error}")))?;
    Ok(json_response(StatusCode::OK, text))
}

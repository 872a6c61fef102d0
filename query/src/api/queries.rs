//! `GET queries`, `GET` and `DELETE queries/{id}`: what runs now, how far it is, and stopping it.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::http::{Api, ErrorBody};
use crate::running::RunningQuery;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(queries))
        .routes(routes!(query, cancel))
}

/// Queries that run.
#[derive(Debug, Serialize, ToSchema)]
struct QueriesAnswer {
    /// Oldest first.
    queries: Vec<RunningQuery>,
}

/// Queries that run now
#[utoipa::path(
    get, path = "/api/v1/queries", tag = "queries",
    responses(
        (status = 200, description = "Each with its progress", body = QueriesAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn queries(State(api): State<Api>) -> Json<QueriesAnswer> {
    let queries = api.engine.queries().all();
    Json(QueriesAnswer { queries })
}

/// One query that runs
#[utoipa::path(
    get, path = "/api/v1/queries/{id}", tag = "queries",
    params(("id" = String, Path, description = "The query_id it was started with")),
    responses(
        (status = 200, description = "How far it is", body = RunningQuery),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn query(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<RunningQuery>, Error> {
    api.engine.queries().find(&id).map(Json)
}

/// Stop a query
///
/// Whoever waits for its answer gets the error `cancelled`.
#[utoipa::path(
    delete, path = "/api/v1/queries/{id}", tag = "queries",
    params(("id" = String, Path, description = "The query_id it was started with")),
    responses(
        (status = 204, description = "It ends now"),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn cancel(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    api.engine.queries().cancel(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

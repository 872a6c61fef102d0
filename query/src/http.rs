//! The routes under `/api/v1`, and how answers and errors look on the wire.
//!
//! `POST sql`, `GET traces/{id}`, `GET schema` are here, all others in `api`. Every error is
//! `{"error":{"code","message","position"?,"hint"?}}`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use oriel_proto::{Token, TraceId};
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{Following, Snapshot, Store, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Config;
use crate::api::delete::{self, Delete};
use crate::error::{Code, Error};
use crate::execute::{Engine, columns_of_table, longer_than, shown_tables};
use crate::plan::memory::Memory;
use crate::respond::{Flow, respond};
use crate::result::Format;
use crate::running::Queries;

/// Says `false` where the answer has no place for it: damaged parts may have had more.
const COMPLETE: HeaderName = HeaderName::from_static("oriel-complete");

/// Names a query, as the field `query_id` does.
const QUERY_ID: HeaderName = HeaderName::from_static("oriel-query-id");

/// Where snapshots come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) snapshot: Arc<dyn Fn() -> Snapshot + Send + Sync>,
    pub(crate) schemas: Schemas,
    /// Colour slots of services, by name: of these, and of all that were asked for before.
    pub(crate) slots: Slots,
    pub(crate) delete: Delete,
    /// Tells of log records as they become visible.
    pub(crate) follow: Arc<dyn Fn() -> Following + Send + Sync>,
    /// Cancelled when the server stops: streams end.
    pub(crate) stop: CancellationToken,
}

/// See [`Source::slots`].
pub(crate) type Slots = Arc<
    dyn Fn(Vec<String>) -> BoxFuture<'static, oriel_storage::Result<BTreeMap<String, u32>>>
        + Send
        + Sync,
>;

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// What every route has at hand.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) engine: Arc<Engine>,
    pub(crate) source: Source,
    /// Places for live tails.
    pub(crate) tails: Arc<Semaphore>,
    token: Option<Token>,
}

impl Api {
    /// Whether requests must carry a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }
}

/// What the queries do, for whoever watches the process.
#[derive(Debug, Clone)]
pub struct Activity {
    queries: Queries,
    memory: Memory,
}

impl Activity {
    /// Queries that run, or wait for a place.
    pub fn queries_running(&self) -> usize {
        self.queries.count()
    }

    /// Bytes of memory that sorts, joins and groups of queries hold.
    pub fn memory_used(&self) -> usize {
        self.memory.used()
    }

    /// Whether new queries are refused from now on (503, `unavailable`); those that run go on.
    pub fn refuse_new(&self, refuse: bool) {
        self.queries.refuse_new(refuse);
    }
}

/// The query API over `store` with its description, and what its queries do; requests must carry
/// `token` when there is one. Streams without an end of their own end with `stop`.
///
/// Errors: threads or the spill directory cannot be had.
pub fn router(
    config: Config,
    store: Store,
    token: Option<Token>,
    stop: CancellationToken,
) -> Result<(OpenApiRouter, Activity), Error> {
    let engine = Engine::new(config, Arc::clone(store.objects()), store.schemas())?;
    let schemas = store.schemas().clone();
    let slots = store.clone();
    let delete = delete::of(store.clone());
    let followed = store.clone();
    let source = Source {
        follow: Arc::new(move || followed.follow(&TenantId::default_tenant(), Table::Logs)),
        stop,
        slots: Arc::new(move |names| {
            let store = slots.clone();
            Box::pin(async move { store.service_slots(names).await })
        }),
        snapshot: Arc::new(move || store.snapshot(&TenantId::default_tenant())),
        schemas,
        delete,
    };
    let activity = Activity {
        queries: engine.queries().clone(),
        memory: engine.memory().clone(),
    };
    Ok((routes(engine, source, token), activity))
}

/// The routes over any source of snapshots.
pub(crate) fn routes(engine: Engine, source: Source, token: Option<Token>) -> OpenApiRouter {
    let body_max = engine.config().sql_bytes_max.as_u64() as usize * 2 + 1024;
    let api = Api {
        tails: Arc::new(Semaphore::new(engine.config().tails_max)),
        engine: Arc::new(engine),
        source,
        token,
    };
    let wrong_method =
        || async { Error::new(Code::MethodNotAllowed, "this path takes another method") };
    let no_route = || async { Error::new(Code::NotFound, "there is no such path under /api/") };
    let (router, description) = OpenApiRouter::new()
        .routes(routes!(sql))
        .routes(routes!(trace))
        .routes(routes!(schema))
        .merge(crate::api::router())
        .split_for_parts();
    let router = router
        .route("/api/{*rest}", axum::routing::any(no_route))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(body_max))
        .layer(middleware::from_fn_with_state(api.clone(), authorize))
        .with_state(api);
    OpenApiRouter::with_openapi(description).merge(router.into())
}

async fn authorize(State(api): State<Api>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    match &api.token {
        Some(token) if !token.admits(given) => {
            let error = Error::new(Code::Unauthorized, "the bearer token is missing or wrong")
                .hint("send the header Authorization: Bearer <token>");
            let mut response = error.into_response();
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(http::header::WWW_AUTHENTICATE, scheme);
            response
        }
        _ => next.run(request).await,
    }
}

/// The status that `code` has on the wire: the one table.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest
        | Code::Syntax
        | Code::InvalidQuery
        | Code::NotAllowed
        | Code::Execution => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::MemoryLimit => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Cancelled => StatusCode::CONFLICT,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.code == Code::Internal {
            tracing::error!(error = %self.message, "query failed");
        }
        let mut response =
            json_response(status_of(self.code), json!({ "error": self }).to_string());
        if self.complete == Some(false) {
            let incomplete = HeaderValue::from_static("false");
            response.headers_mut().insert(COMPLETE, incomplete);
        }
        response
    }
}

pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

/// What the body of an error is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    error: Error,
}

impl From<Error> for ErrorBody {
    fn from(error: Error) -> Self {
        ErrorBody { error }
    }
}

/// Describes an answer in bytes.
pub(crate) enum Binary {}

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.format(Some(format)).into()
    }
}

impl ToSchema for Binary {}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// `json` (default), `ndjson`, `csv`, `arrow` or `parquet`; wins over the body and `Accept`.
    format: Option<String>,
}

/// A statement to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlRequest {
    /// One statement that only reads.
    sql: String,
    /// `json` (default), `ndjson`, `csv`, `arrow` or `parquet`.
    format: Option<String>,
    /// Names the query, to watch and to stop it under `/api/v1/queries`; a random UUID is a good
    /// id. The header `oriel-query-id` does the same.
    query_id: Option<String>,
}

/// Run one SQL statement
///
/// The answer is streamed while the query runs; closing the connection cancels it.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "sql",
    params(
        Parameters,
        ("oriel-query-id" = Option<String>, Header, description = "Like the field query_id"),
    ),
    request_body(description = "The statement, as JSON or as plain text", content(
        (SqlRequest = "application/json"), (String = "text/plain"),
    )),
    responses(
        (status = 200, description = "Rows and receipt in the format asked for", content(
            (Object = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson"), (Binary = "application/vnd.apache.arrow.stream"),
            (Binary = "application/vnd.apache.parquet"),
        )),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn sql(
    State(api): State<Api>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let body = body.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => longer_than(api.engine.config().sql_bytes_max),
        _ => Error::new(Code::BadRequest, refused.body_text()),
    })?;
    let request = parse(&headers, &body)?;
    let parameter = parameters.format.or(request.format);
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::choose(parameter.as_deref(), accept)?;
    let started = std::time::Instant::now();
    let snapshot = Arc::new((api.source.snapshot)());
    let id = match (request.query_id, headers.get(QUERY_ID)) {
        (None, Some(id)) => Some(String::from_utf8_lossy(id.as_bytes()).into_owned()),
        (id, _) => id,
    };
    let answer = api.engine.query_as(id, snapshot, request.sql).await;
    let outcome = if answer.is_ok() { "ok" } else { "error" };
    metrics::counter!("oriel_queries_total", "outcome" => outcome).increment(1);
    let bytes_max = api.engine.config().answer_bytes_max.as_u64();
    let response = respond(Flow::of(answer?), format, bytes_max).await;
    metrics::histogram!("oriel_query_first_rows_seconds").record(started.elapsed().as_secs_f64());
    response
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<SqlRequest, Error> {
    let bad = |message: String| {
        Error::new(Code::BadRequest, message)
            .hint("send {\"sql\": \"SELECT …\"} as application/json, or the SQL as text/plain")
    };
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if json {
        return serde_json::from_slice(body)
            .map_err(|error| bad(format!("the body is not understood: {error}")));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8 text".to_owned()))?;
    Ok(SqlRequest {
        sql: text.to_owned(),
        format: None,
        query_id: None,
    })
}

/// One trace as OTLP/JSON
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}",
    tag = "traces",
    params(("id" = String, Path, description = "Trace id, 32 hex digits")),
    responses(
        (status = 200, description = "An ExportTraceServiceRequest in OTLP's JSON", body = Object),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Error> {
    let id: TraceId = id.parse().map_err(|error| {
        Error::new(
            Code::BadRequest,
            format!("{id:?} is not a trace id: {error}"),
        )
        .hint("a trace id is 32 hex digits")
    })?;
    let snapshot = Arc::new((api.source.snapshot)());
    let incomplete = crate::trace::lacks(&snapshot) > 0 || snapshot.replaying();
    let found = crate::trace::find(&api.engine, snapshot, id).await?;
    let body = serde_json::to_string(&found)
        .map_err(|error| Error::new(Code::Internal, format!("writing the trace: {error}")))?;
    let mut response = json_response(StatusCode::OK, body);
    if incomplete {
        // Some of its spans may be in damaged parts, or in the log.
        let incomplete = HeaderValue::from_static("false");
        response.headers_mut().insert(COMPLETE, incomplete);
    }
    Ok(response)
}

/// Tables and columns
#[utoipa::path(
    get,
    path = "/api/v1/schema",
    tag = "sql",
    responses(
        (status = 200, description = "Every table with its columns, types and meanings", body = Object),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn schema(State(api): State<Api>) -> Response {
    let tables: Vec<_> = shown_tables()
        .map(|table| {
            let columns = columns_of_table(&api.source.schemas, table);
            json!({ "name": table.as_str(), "columns": columns })
        })
        .collect();
    json_response(StatusCode::OK, json!({ "tables": tables }).to_string())
}

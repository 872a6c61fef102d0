//! The routes under `/api/v1`, and how answers and errors look on the wire.
//!
//! `POST sql`, `GET traces/{id}`, `GET schema` are here, all others in `api`. Every error is
//! `{"error":{"code","message","position"?,"hint"?}}`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
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
use crate::execute::{Answer, Engine, Piece, columns_of_table, longer_than, shown_tables};
use crate::plan::memory::Memory;
use crate::receipt::Receipt;
use crate::result::{Encoder, Format};
use crate::running::Queries;

/// Trailer that carries the receipt of formats that have no place for it (CSV).
const RECEIPT_TRAILER: HeaderName = HeaderName::from_static("oriel-receipt");

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

/// Rows on their way: dropped, what makes them is cancelled.
pub(crate) struct Flow {
    /// Their columns.
    pub(crate) schema: SchemaRef,
    /// Rows, then one end or failure.
    pub(crate) pieces: BoxStream<'static, Piece>,
    /// Set when no more rows are wanted: the end then follows soon.
    pub(crate) cut: Arc<AtomicBool>,
}

impl Flow {
    /// The rows of one query.
    fn of(answer: Answer) -> Flow {
        let (schema, cut) = (Arc::clone(&answer.schema), answer.cutter());
        let pieces = futures::stream::unfold(answer, |mut answer| async move {
            let piece = answer.next().await?;
            Some((piece, answer))
        });
        Flow {
            schema,
            pieces: pieces.boxed(),
            cut,
        }
    }
}

/// The response to `flow`: its status waits for the first rows, so that most errors have one.
pub(crate) async fn respond(
    mut flow: Flow,
    format: Format,
    bytes_max: u64,
) -> Result<Response, Error> {
    let (encoder, start) = Encoder::start(format, &flow.schema)?;
    let first = match flow.pieces.next().await {
        Some(Piece::Failed(error)) => return Err(error),
        first => first,
    };
    let body = Writing {
        flow,
        encoder: Some(encoder),
        first,
        start,
        bytes_left: bytes_max,
    };
    let frames = futures::stream::unfold(body, |mut writing| async move {
        let frame = writing.frame().await?;
        Some((frame, writing))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if format == Format::Csv {
        headers.insert(
            http::header::TRAILER,
            HeaderValue::from_static("oriel-receipt"),
        );
    }
    Ok(response)
}

/// A body on its way: dropped with the connection, which cancels the query.
struct Writing {
    flow: Flow,
    encoder: Option<Encoder>,
    first: Option<Piece>,
    start: Vec<u8>,
    bytes_left: u64,
}

impl Writing {
    /// The next frame; `None` after the last.
    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        loop {
            if !self.start.is_empty() {
                return Some(Ok(data(std::mem::take(&mut self.start))));
            }
            self.encoder.as_ref()?;
            let piece = match self.first.take() {
                Some(piece) => Some(piece),
                None => self.flow.pieces.next().await,
            };
            match piece {
                Some(Piece::Rows(rows)) if self.bytes_left > 0 => {
                    let encoded = self.encoder.as_mut()?.rows(&rows);
                    match encoded {
                        Ok(bytes) if bytes.is_empty() => {}
                        Ok(bytes) => {
                            self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
                            if self.bytes_left == 0 {
                                self.flow.cut.store(true, Ordering::Relaxed);
                            }
                            return Some(Ok(data(bytes)));
                        }
                        Err(error) => return self.failed(error),
                    }
                }
                // Rows on their way when the answer was cut.
                Some(Piece::Rows(_)) => {}
                Some(Piece::End(receipt)) => return self.end(&receipt),
                Some(Piece::Failed(error)) => return self.failed(error),
                None => return self.failed(Error::new(Code::Internal, "the query stopped")),
            }
        }
    }

    fn end(&mut self, receipt: &Receipt) -> Option<Result<Frame<Bytes>, Error>> {
        let encoder = self.encoder.take()?;
        let mut trailers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&json!(receipt).to_string())
            && matches!(encoder, Encoder::Csv(_))
        {
            trailers.insert(RECEIPT_TRAILER, value);
            return Some(Ok(Frame::trailers(trailers)));
        }
        Some(encoder.end(receipt).map(data))
    }

    fn failed(&mut self, error: Error) -> Option<Result<Frame<Bytes>, Error>> {
        let encoder = self.encoder.take()?;
        Some(match encoder.failed(&error) {
            Some(bytes) => Ok(data(bytes)),
            None => Err(error),
        })
    }
}

fn data(bytes: Vec<u8>) -> Frame<Bytes> {
    Frame::data(Bytes::from(bytes))
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

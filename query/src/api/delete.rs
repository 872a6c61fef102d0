//! `POST delete`: rows that meet a selection are deleted, or counted first.
//!
//! It is the only route that destroys something, so it asks for more than the others: the body is
//! JSON and says `"dry_run": false`, at least one condition is set, and a browser sends it only from
//! our own page ([`from_elsewhere`]).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use oriel_proto::{Signal, TraceId, UnixNanos};
use oriel_storage::schema::{Level, Table};
use oriel_storage::{AttributeIs, DeleteProgress, Deleted, ErrorKind, Selection, Store, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::request::time;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody, json_response};

/// An answer that takes longer than this comes as lines, when the client takes them.
const PATIENCE: Duration = Duration::from_millis(500);

/// Deletes; see [`Store::delete`].
pub(crate) type Delete = Arc<
    dyn Fn(
            TenantId,
            Selection,
            bool,
            Arc<DeleteProgress>,
        ) -> BoxFuture<'static, oriel_storage::Result<Deleted>>
        + Send
        + Sync,
>;

/// The deletion of `store`.
pub(crate) fn of(store: Store) -> Delete {
    Arc::new(move |tenant, selection, dry_run, progress| {
        let store = store.clone();
        Box::pin(async move { store.delete(&tenant, &selection, dry_run, progress).await })
    })
}

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(delete))
}

/// What to delete: rows that meet all conditions that are set; at least one must be
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeleteRequest {
    /// Of these signals: `traces`, `logs`, `metrics`; all when it is left out. It names at least one
    signals: Option<Vec<String>>,
    /// Of this tenant; `default` when it is left out
    tenant: Option<String>,
    /// Of this service
    service: Option<String>,
    /// With all of these attributes
    attributes: Option<Vec<AttributeCondition>>,
    /// Not before this time: start of a span, timestamp of a log record, time of a data point
    from: Option<Time>,
    /// Before this time
    to: Option<Time>,
    /// Of this trace, as 32 hex digits
    trace_id: Option<String>,
    /// Only count; true when it is left out
    dry_run: Option<bool>,
}

/// Nanoseconds since 1970, as number or text, or RFC 3339
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Time {
    Nanos(i64),
    Text(String),
}

/// An attribute and its value
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AttributeCondition {
    /// As sent
    key: String,
    /// As text; numbers and booleans are compared by their text
    value: String,
    /// `record`, `resource` or `scope`: whose attribute; any when it is left out
    level: Option<LevelName>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    Record,
    Resource,
    Scope,
}

/// What was deleted, or would be
#[derive(Debug, Serialize, ToSchema)]
struct DeleteAnswer {
    /// Whether nothing was deleted, only counted
    dry_run: bool,
    /// Rows by table
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    rows: Value,
    /// About how many bytes of files these rows take
    bytes: u64,
    /// Parts that hold such rows: they are written anew, or go when nothing is left in them
    parts: u64,
    /// Bytes of those parts
    part_bytes: u64,
    /// Damaged parts, which could not be looked at: they may hold such rows, too
    damaged_parts: Vec<String>,
}

impl DeleteAnswer {
    fn new(deleted: Deleted, dry_run: bool) -> Self {
        DeleteAnswer {
            dry_run,
            rows: json!(deleted.rows),
            bytes: deleted.bytes,
            parts: deleted.parts,
            part_bytes: deleted.part_bytes,
            damaged_parts: deleted.damaged_parts,
        }
    }
}

/// Deletes rows, or counts what would be deleted
///
/// Only counts unless the body says `"dry_run": false`. Rows that were acknowledged before the
/// request are found, also those that are in no file yet; trace summaries follow the spans. All goes
/// in one commit, or nothing. With `Accept: application/x-ndjson`, work of more than half a second is
/// answered as lines: `{"progress": {"bytes", "bytes_done"}}`, at last `{"deleted": …}` or
/// `{"error": …}`. A client that goes away does not stop it.
#[utoipa::path(
    post, path = "/api/v1/delete", tag = "delete",
    request_body = DeleteRequest,
    responses(
        (status = 200, description = "What was deleted, or would be", body = DeleteAnswer),
        (status = "default", description = "Why nothing was deleted", body = ErrorBody),
    ),
)]
async fn delete(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    if from_elsewhere(&headers, api.has_token()) {
        let message = "a page of another site may not delete";
        return Err(Error::new(Code::Forbidden, message).hint("use oriel delete, or curl"));
    }
    let body = body.map_err(|refused| {
        let code = match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::BadRequest,
        };
        Error::new(code, refused.body_text())
    })?;
    let request = parse(&headers, &body)?;
    let dry_run = request.dry_run.unwrap_or(true);
    let (tenant, selection) = request.selection()?;
    let progress = Arc::new(DeleteProgress::default());
    let work = (api.source.delete)(tenant, selection, dry_run, Arc::clone(&progress));
    let work = tokio::spawn(async move {
        let deleted = work.await.map_err(refused)?;
        Ok(DeleteAnswer::new(deleted, dry_run))
    });
    let accept = headers.get(ACCEPT).map(HeaderValue::as_bytes);
    if accept == Some(b"application/x-ndjson") {
        return Ok(lines(work, progress).await);
    }
    super::answer(&ended(work.await)?)
}

type Work = JoinHandle<Result<DeleteAnswer, Error>>;

fn ended(
    joined: Result<Result<DeleteAnswer, Error>, tokio::task::JoinError>,
) -> Result<DeleteAnswer, Error> {
    joined.unwrap_or_else(|_| Err(Error::new(Code::Internal, "the deletion has panicked")))
}

/// Why the store does not delete.
fn refused(error: oriel_storage::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::Invalid => Code::BadRequest,
        ErrorKind::Unavailable | ErrorKind::Overloaded => Code::Unavailable,
        _ => Code::Internal,
    };
    let mut message = match error.kind() {
        ErrorKind::Invalid | ErrorKind::Unavailable | ErrorKind::Overloaded => {
            format!("nothing was deleted: {error}")
        }
        // A commit that fails while it is made may stand.
        _ => format!("the deletion has failed; count again before you repeat it: {error}"),
    };
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Error::new(code, message)
}

/// Waits for `work`, telling how far it is when it takes long.
async fn lines(mut work: Work, progress: Arc<DeleteProgress>) -> Response {
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        let answer = ended(done).and_then(|answer| super::answer(&answer));
        return axum::response::IntoResponse::into_response(answer);
    }
    let steps = futures::stream::unfold(Some(work), move |work| {
        let progress = Arc::clone(&progress);
        async move {
            let mut work = work?;
            let (line, rest) = match tokio::time::timeout(PATIENCE, &mut work).await {
                Ok(done) => match ended(done) {
                    Ok(answer) => (json!({ "deleted": answer }), None),
                    Err(error) => (json!({ "error": error }), None),
                },
                Err(_) => {
                    let (bytes, done) = (progress.bytes(), progress.bytes_done());
                    let line = json!({ "progress": { "bytes": bytes, "bytes_done": done } });
                    (line, Some(work))
                }
            };
            Some((Ok::<_, Infallible>(format!("{line}\n")), rest))
        }
    });
    let mut response = json_response(StatusCode::OK, String::new());
    let media_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    *response.body_mut() = Body::from_stream(steps);
    response
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<DeleteRequest, Error> {
    let bad = |message: String| {
        Error::new(Code::BadRequest, message)
            .hint("send {\"service\": \"…\", \"to\": \"…\", \"dry_run\": true} as application/json")
    };
    // A form of another site can send text and forms, but not this.
    let json = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let media_type = value.as_bytes().split(|byte| *byte == b';').next();
        media_type.is_some_and(|text| text.trim_ascii().eq_ignore_ascii_case(b"application/json"))
    });
    if !json {
        return Err(bad("the content type is not application/json".to_owned()));
    }
    serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not understood: {error}")))
}

/// Whether a browser sent this for a page that is not ours.
///
/// Browsers name the page's site in `Origin` with each POST. Ours has the address that it was asked
/// at. Without a token a page whose name was pointed at this address (DNS rebinding) would look like
/// ours, so then only `localhost` and plain addresses are.
fn from_elsewhere(headers: &HeaderMap, has_token: bool) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| {
        let (_, authority) = origin.split_once("://")?;
        authority.parse::<Authority>().ok()
    });
    let Some(origin) = origin else {
        return true;
    };
    let name = origin.host().trim_matches(['[', ']']);
    let plain = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    !host.is_some_and(|host| host.eq_ignore_ascii_case(origin.as_str())) || !(plain || has_token)
}

impl DeleteRequest {
    /// What the store is asked. Errors: a signal, tenant, time or trace id is not understood.
    fn selection(self) -> Result<(TenantId, Selection), Error> {
        let bad = |message: String| Error::new(Code::BadRequest, message);
        if self.signals.as_ref().is_some_and(Vec::is_empty) {
            let error = bad("signals names no signal".to_owned());
            return Err(error.hint("leave signals out for all of them"));
        }
        let signals = self.signals.unwrap_or_default();
        let tables = signals.iter().map(|name| {
            let found = Signal::ALL
                .into_iter()
                .find(|signal| signal.to_string() == *name);
            found.map(table_of).ok_or_else(|| {
                bad(format!("there is no signal {name:?}"))
                    .hint("the signals are traces, logs and metrics")
            })
        });
        let at = |name, given: Option<Time>| match given {
            None => Ok(None),
            Some(Time::Nanos(nanos)) => Ok(Some(UnixNanos(nanos))),
            Some(Time::Text(text)) => time(name, &text).map(|nanos| Some(UnixNanos(nanos))),
        };
        let trace_id = self.trace_id.map(|id| {
            let parsed: Result<TraceId, _> = id.parse();
            parsed
                .map(|id| *id.as_bytes())
                .map_err(|error| bad(format!("{id:?} is not a trace id: {error}")))
        });
        let tenant = match self.tenant {
            None => TenantId::default_tenant(),
            Some(name) => TenantId::new(&name).map_err(|error| bad(error.to_string()))?,
        };
        let attributes = self.attributes.unwrap_or_default();
        let attributes = attributes.into_iter().map(|wanted| AttributeIs {
            level: wanted.level.map(|level| match level {
                LevelName::Record => Level::Record,
                LevelName::Resource => Level::Resource,
                LevelName::Scope => Level::Scope,
            }),
            key: wanted.key,
            value: wanted.value,
        });
        let selection = Selection {
            tables: tables.collect::<Result<_, _>>()?,
            service: self.service,
            attributes: attributes.collect(),
            from: at("from", self.from)?,
            to: at("to", self.to)?,
            trace_id: trace_id.transpose()?,
        };
        Ok((tenant, selection))
    }
}

fn table_of(signal: Signal) -> Table {
    match signal {
        Signal::Traces => Table::Spans,
        Signal::Logs => Table::Logs,
        Signal::Metrics => Table::Metrics,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (http::HeaderName::from_static(name), value)
        });
        pairs.collect()
    }

    /// Scenario: programs, our page by address and by name, pages of other sites and ports, a sandboxed
    /// page, a name that was pointed here; with and without a token.
    /// Guarantees: programs and our page may delete, no other page; names need a token.
    #[test]
    fn other_pages_may_not_delete() {
        let elsewhere = |host: &str, origin: &str, token| {
            from_elsewhere(&headers(&[("host", host), ("origin", origin)]), token)
        };
        assert!(!from_elsewhere(
            &headers(&[("host", "127.0.0.1:4319")]),
            false
        ));
        for ours in ["127.0.0.1:4319", "localhost:4319", "[::1]:4319"] {
            assert!(!elsewhere(ours, &format!("http://{ours}"), false), "{ours}");
        }
        assert!(elsewhere("127.0.0.1:4319", "http://127.0.0.1:8080", true));
        assert!(elsewhere("127.0.0.1:4319", "https://evil.example", true));
        assert!(elsewhere("127.0.0.1:4319", "null", true));
        assert!(elsewhere(
            "evil.example:4319",
            "http://evil.example:4319",
            false
        ));
        assert!(!elsewhere("oriel.example", "https://oriel.example", true));
        assert!(from_elsewhere(
            &headers(&[("origin", "http://127.0.0.1")]),
            true
        ));
    }

    /// Scenario: bodies that are no JSON, of another type, with a misspelt field, signal, tenant, time
    /// and id; a whole one.
    /// Guarantees: each mistake is refused; a body that does not speak of it is a dry run.
    #[test]
    fn requests_are_understood_or_refused() {
        let json = headers(&[("content-type", "application/json; charset=utf-8")]);
        let read = |body: &str| parse(&json, body.as_bytes());
        assert!(parse(&headers(&[("content-type", "text/plain")]), b"{}").is_err());
        assert!(parse(&HeaderMap::new(), b"{}").is_err());
        assert!(read("{").is_err() && read("{\"servce\":\"a\"}").is_err());
        for wrong in [
            "{\"signals\":[\"spans\"]}",
            "{\"signals\":[],\"service\":\"a\"}",
            "{\"tenant\":\"../x\"}",
            "{\"from\":\"yesterday\"}",
            "{\"trace_id\":\"12\"}",
        ] {
            let refused = read(wrong).unwrap().selection().unwrap_err();
            assert_eq!(refused.code, Code::BadRequest, "{wrong}");
        }
        let request = read(
            "{\"signals\":[\"traces\",\"logs\"],\"service\":\"cart\",\"from\":5,\"to\":\"1970-01-01T00:00:01Z\",\
             \"attributes\":[{\"key\":\"a\",\"value\":\"1\",\"level\":\"resource\"}]}",
        );
        let request = request.unwrap();
        assert_eq!(request.dry_run, None);
        let want = Selection {
            tables: vec![Table::Spans, Table::Logs],
            service: Some("cart".to_owned()),
            attributes: vec![AttributeIs {
                level: Some(Level::Resource),
                key: "a".to_owned(),
                value: "1".to_owned(),
            }],
            from: Some(UnixNanos(5)),
            to: Some(UnixNanos(1_000_000_000)),
            trace_id: None,
        };
        assert_eq!(
            request.selection().unwrap(),
            (TenantId::default_tenant(), want)
        );
    }
}

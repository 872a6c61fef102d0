//! OTLP/HTTP: `POST /v1/{traces,logs,metrics}` in protobuf and JSON.
//!
//! Input: HTTP requests from `serve_http`. Output: answers by `respond`, in the request's format.
//! Checks come in this order, all before the body is read: token, type, encoding, size, budget.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Version};
use http_body_util::BodyExt;
use oriel_proto::Signal;
use oriel_storage::ContentType;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{Call, Transport, encoding, peer};
use crate::ingest::Ingest;
use crate::live::sender::Sender;
use crate::{Error, Result, auth, respond};

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 3600);
/// How much of a refused body is read and thrown away, and for how long, so that the client is
/// done sending and sees the answer instead of a broken connection.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The routes of OTLP/HTTP, with CORS for `origins`.
pub(crate) fn router(ingest: Arc<Ingest>, origins: &[String]) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let export = move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            export(&ingest, signal, request).await
        };
        router = router.route(&format!("/v1/{signal}"), post(export));
    }
    let router = router.with_state(ingest);
    match cors(origins) {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// What browsers of these `origins` may do; nothing is said to browsers when there are none.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let allowed = match origins {
        [] => return None,
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([RETRY_AFTER])
            .max_age(PREFLIGHT_AGE),
    )
}

/// Answers one export request.
async fn export(ingest: &Ingest, signal: Signal, request: Request) -> Response {
    let (head, mut body) = request.into_parts();
    let content_type = content_type(&head.headers);
    let answer_type = *content_type.as_ref().unwrap_or(&ContentType::Json);
    let sender = Sender {
        signal,
        transport: Transport::Http,
        head: &head,
        peer: peer(&head.extensions),
    };
    let stored = match check(ingest, signal, content_type, &head.headers, &body) {
        Ok(call) => ingest.ingest(call, sender, &mut body).await,
        Err(error) => {
            ingest.refuse_unread(sender, &mut body, &error).await;
            Err(error)
        }
    };
    match stored {
        Ok(answer) => respond::http_ok(signal, answer_type, &answer),
        Err(error) => {
            // HTTP/2 can answer before the end; a client that waits for "100" sends nothing.
            let sending = head.version < Version::HTTP_2 && !head.headers.contains_key(EXPECT);
            if sending && !matches!(error, Error::Slow) {
                drain(&mut body).await;
            }
            respond::http_error(&error, answer_type, ingest.retry_after())
        }
    }
}

/// Everything that can be known before the body is read.
fn check(
    ingest: &Ingest,
    signal: Signal,
    content_type: Result<ContentType>,
    headers: &HeaderMap,
    body: &Body,
) -> Result<Call> {
    auth::check(ingest.token(), headers)?;
    let declared = body
        .size_hint()
        .exact()
        .map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    let call = Call {
        signal,
        transport: Transport::Http,
        content_type: content_type?,
        content_encoding: encoding(headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes))?,
        declared,
    };
    ingest.check(&call)?;
    Ok(call)
}

/// The format that the headers name; parameters such as charset do not matter.
fn content_type(headers: &HeaderMap) -> Result<ContentType> {
    let value = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let name = value.split(|&byte| byte == b';').next().unwrap_or_default();
    let name = name.trim_ascii().to_ascii_lowercase();
    match &name[..] {
        b"application/x-protobuf" | b"application/protobuf" => Ok(ContentType::Protobuf),
        b"application/json" => Ok(ContentType::Json),
        _ => Err(Error::ContentType(
            String::from_utf8_lossy(value).into_owned(),
            "application/x-protobuf or application/json",
        )),
    }
}

/// Throws the rest of a refused body away, within limits.
async fn drain(body: &mut Body) {
    let reading = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let len = frame.data_ref().map_or(0, |data| data.len());
            let Some(rest) = left.checked_sub(len) else {
                return;
            };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

//! The web UI, embedded: the files that `make ui` built, served with what browsers need to load
//! them fast and to run nothing else.
//!
//! ```text
//! GET path -> a built file? negotiate encoding, cache by its hash
//!          -> else index.html: the path is a route of the UI (with a fresh nonce, never cached)
//! ```
//!
//! Without a built UI, index.html is a page that says how to build it.

mod encoding;
mod files;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use encoding::Encoding;
use files::File;

/// What the build found.
static BUILT: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page for everything while the UI is not built.
const UNBUILT: &str = include_str!("../assets/unbuilt.html");

/// In index.html, where the nonce of the response goes.
const NONCE: &str = "__CSP_NONCE__";

/// Files below it have their hash in their name (Vite's default).
const HASHED: &str = "assets/";

/// Sent with every answer.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Whether the UI was there to be embedded when this was compiled.
pub fn is_built() -> bool {
    File::find(BUILT, "index.html").is_some()
}

/// All paths that nothing else serves: files of the UI and its routes.
pub fn router() -> Router {
    serve(BUILT)
}

/// Answers a browser that opens /metrics with the UI's page of that path; whoever else asks gets
/// what `next` serves there, the server's own figures in the format of Prometheus.
///
/// A scraper never takes HTML, and a browser that navigates always does.
pub async fn page_at_metrics(request: Request, next: Next) -> Response {
    let takes_html = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if takes_html && request.method() == Method::GET && request.uri().path() == "/metrics" {
        let mut response = index(BUILT);
        let by_accept = HeaderValue::from_static("accept");
        response.headers_mut().insert(VARY, by_accept);
        return response;
    }
    next.run(request).await
}

/// The UI made of `files`.
fn serve(files: &'static [File]) -> Router {
    Router::new().fallback(async move |request: Request| answer(files, &request))
}

/// The answer to `request`.
fn answer(files: &'static [File], request: &Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if !matches!(*request.method(), Method::GET | Method::HEAD) || path.starts_with("v1/") {
        return missing();
    }
    match File::find(files, path) {
        Some(file) if path != "index.html" => asset(file, request.headers()),
        // A file of another build: a page would be taken for a script.
        None if path.starts_with(HASHED) => missing(),
        _ => index(files),
    }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, HEADERS, "there is nothing here\n").into_response()
}

/// index.html with a nonce of its own, for the styles that scripts make.
fn index(files: &'static [File]) -> Response {
    let page =
        File::find(files, "index.html").and_then(|file| std::str::from_utf8(file.plain).ok());
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let page = page.unwrap_or(UNBUILT).replace(NONCE, &nonce);
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, policy(Some(&nonce))),
    ];
    (HEADERS, headers, page).into_response()
}

/// What a page, or a worker, may load: its own server's files, and styles that carry `nonce`.
fn policy(nonce: Option<&str>) -> HeaderValue {
    let styles = nonce.map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'{styles}; connect-src 'self'; \
         img-src 'self' data:; font-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // It is ASCII whatever the nonce: hexadecimal digits.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// A built file in the best encoding that the client takes, or 304 when the client has it.
fn asset(file: &'static File, headers: &HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT_ENCODING).map(HeaderValue::as_bytes);
    let (encoding, body) = file.negotiate(accepted.unwrap_or_default());
    let tag = match encoding {
        Encoding::Identity => format!("\"{}\"", file.hash),
        other => format!("\"{}-{}\"", file.hash, other.name()),
    };
    let caching = match file.path.starts_with(HASHED) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',');
        tags.map(str::trim)
            .any(|known| known.trim_start_matches("W/") == tag || known == "*")
    });
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, file.media_type())], body).into_response(),
    };
    let own = response.headers_mut();
    own.extend(HEADERS);
    own.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    own.insert(VARY, HeaderValue::from_static("accept-encoding"));
    // A worker obeys the policy that its own script came with.
    own.insert(CONTENT_SECURITY_POLICY, policy(None));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        own.insert(ETAG, tag);
    }
    if encoding != Encoding::Identity && !known {
        own.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    response
}

#[cfg(test)]
mod tests;

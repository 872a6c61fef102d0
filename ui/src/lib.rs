//! The page that Oriel shows: what it is, how to send telemetry, live figures, a SQL box.
//!
//! Three embedded files and no build step; the full interface is to come. The page may load only its
//! own script and style and ask only its own server (Content-Security-Policy), and it puts what was
//! stored on the screen as text, never as markup.

use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};

const PAGE: &str = include_str!("../assets/index.html");
const MISSING: &str = include_str!("../assets/missing.html");
const SCRIPT: &str = include_str!("../assets/app.js");
const STYLE: &str = include_str!("../assets/app.css");

/// Sent with every file: nothing from elsewhere, no framing, no sniffing, always the newest.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// `GET /` and its assets; the fallback answers 404 with a page that leads back.
pub fn router() -> Router {
    Router::new()
        .route("/", get(async || (HEADERS, Html(PAGE))))
        .route(
            "/assets/app.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/assets/app.css",
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .fallback(async || (StatusCode::NOT_FOUND, HEADERS, Html(MISSING)))
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    (HEADERS, [(header::CONTENT_TYPE, content_type)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the files of the page.
    /// Guarantees: no inline script or style, which the policy would block, no markup made from
    /// data, nothing from another host.
    #[test]
    fn keeps_its_own_policy() {
        for page in [PAGE, MISSING] {
            for inline in [
                "<script>",
                "<style",
                "style=",
                "onclick",
                "onload",
                "javascript:",
            ] {
                assert!(!page.contains(inline), "{inline}");
            }
            assert!(
                !page.contains("src=\"http")
                    && !page.contains("link rel=\"stylesheet\" href=\"http")
            );
        }
        for markup in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(markup), "{markup}");
        }
        assert!(!STYLE.contains("url(http") && !STYLE.contains("@import"));
    }
}

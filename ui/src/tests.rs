//! What browsers get, from a UI of four files and from none.

use axum::body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

static FILES: &[File] = &[
    File {
        path: "assets/app-1a2b.js",
        hash: "0000000000000001",
        plain: b"plain script",
        br: Some(b"br script"),
        gzip: Some(b"gzip script"),
    },
    File {
        path: "assets/geist-3c4d.woff2",
        hash: "0000000000000002",
        plain: b"font",
        br: None,
        gzip: None,
    },
    File {
        path: "icon.svg",
        hash: "0000000000000003",
        plain: b"<svg/>",
        br: None,
        gzip: Some(b"gzip icon"),
    },
    File {
        path: "index.html",
        hash: "0000000000000004",
        plain: b"<meta name=csp-nonce content=__CSP_NONCE__><style nonce=__CSP_NONCE__>",
        br: Some(b"never sent"),
        gzip: Some(b"never sent"),
    },
];

async fn ask(
    files: &'static [File],
    path: &str,
    headers: &[(HeaderName, &str)],
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = serve(files).oneshot(request).await.expect("never fails");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (head.status, head.headers, text)
}

/// Scenario: a script and a font, from clients that take everything, gzip only, nothing.
/// Guarantees: the smallest form that is there and taken; cached for ever; 304 for the same tag.
#[tokio::test]
async fn files_are_negotiated_and_cached() {
    for (accepted, coding, body) in [
        ("gzip, deflate, br", Some("br"), "br script"),
        ("gzip", Some("gzip"), "gzip script"),
        ("identity", None, "plain script"),
    ] {
        let accept = (ACCEPT_ENCODING, accepted);
        let (status, headers, text) =
            ask(FILES, "/assets/app-1a2b.js", std::slice::from_ref(&accept)).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, body));
        let sent = headers
            .get(CONTENT_ENCODING)
            .map(|value| value.to_str().expect("ASCII"));
        assert_eq!(sent, coding);
        assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(
            headers[CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers[VARY], "accept-encoding");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
        assert!(
            policy.contains("connect-src 'self'"),
            "a worker may ask its server"
        );
        let tag = headers[ETAG].to_str().expect("ASCII").to_owned();
        let again = [accept, (IF_NONE_MATCH, tag.as_str())];
        let (status, headers, text) = ask(FILES, "/assets/app-1a2b.js", &again).await;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(headers[ETAG], tag);
    }
    let all = [(ACCEPT_ENCODING, "br, gzip")];
    let (_, headers, text) = ask(FILES, "/assets/geist-3c4d.woff2", &all).await;
    assert_eq!(
        (text.as_str(), &headers[CONTENT_TYPE]),
        ("font", &"font/woff2".parse().expect("ASCII"))
    );
    let (_, headers, text) = ask(FILES, "/icon.svg", &all).await;
    assert_eq!(text, "gzip icon");
    assert_eq!(headers[CACHE_CONTROL], "no-cache");
}

/// Scenario: `/`, routes of the UI (with dots, as metric names have), index.html by name; twice.
/// Guarantees: all are the page, with a fresh nonce that its policy names and nothing inline else.
#[tokio::test]
async fn routes_are_the_page() {
    let mut nonces = std::collections::BTreeSet::new();
    for path in [
        "/",
        "/traces/4bf92f",
        "/metrics/http.server.duration",
        "/index.html",
        "/",
    ] {
        let (status, headers, text) = ask(FILES, path, &[(ACCEPT_ENCODING, "br")]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        assert!(headers.get(CONTENT_ENCODING).is_none() && headers.get(ETAG).is_none());
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next());
        let nonce = nonce.expect("a nonce");
        assert!(nonce.len() >= 22 && !text.contains(NONCE), "{text}");
        assert_eq!(text.matches(nonce).count(), 2, "{text}");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        nonces.insert(nonce.to_owned());
    }
    assert_eq!(nonces.len(), 5, "each response has its own");
}

/// Scenario: a script of an older build, an unknown OTLP path, a POST.
/// Guarantees: 404; never the page in place of a script.
#[tokio::test]
async fn what_is_no_page_is_missing() {
    for path in ["/assets/app-0000.js", "/v1/profiles"] {
        let (status, _, text) = ask(FILES, path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(!text.contains('<'));
    }
    let post = Request::post("/traces")
        .body(Body::empty())
        .expect("a request");
    let response = serve(FILES).oneshot(post).await.expect("never fails");
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// Scenario: a binary that was compiled without the UI.
/// Guarantees: the page says how to build it, under the same policy.
#[tokio::test]
async fn without_a_build_the_page_says_so() {
    let (status, headers, text) = ask(&[], "/anything", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("make ui") && !text.contains(NONCE), "{text}");
    assert!(!text.contains("style=") && !text.contains("<script"));
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
    assert!(policy.contains("style-src 'self' 'nonce-"), "{policy}");
}

/// Scenario: the table that the build made.
/// Guarantees: sorted, so that files are found; no compressed twin is served under its own name.
#[test]
fn the_table_is_sorted() {
    assert!(BUILT.is_sorted_by(|a, b| a.path < b.path));
    assert!(BUILT.iter().all(|file| !file.path.ends_with(".br")));
    assert_eq!(is_built(), File::find(BUILT, "index.html").is_some());
}

/// Scenario: a browser and a scraper ask for /metrics, which is a page and the server's figures.
/// Guarantees: the browser gets the page, the scraper what stands behind; caches tell them apart.
#[tokio::test]
async fn metrics_is_a_page_for_browsers() {
    let routes = Router::new()
        .route("/metrics", axum::routing::get(async || "oriel_parts 1"))
        .layer(axum::middleware::from_fn(page_at_metrics));
    for (accept, page) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", true),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            false,
        ),
        ("*/*", false),
    ] {
        let request = Request::get("/metrics").header(ACCEPT, accept);
        let request = request.body(Body::empty()).expect("a request");
        let response = routes.clone().oneshot(request).await.expect("never fails");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        assert_eq!(body.as_ref() == b"oriel_parts 1", !page, "{accept}");
        assert_eq!(head.headers.contains_key(CONTENT_SECURITY_POLICY), page);
    }
}

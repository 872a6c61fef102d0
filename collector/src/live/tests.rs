//! Bounds of what is kept, and how a sample and a stream look.

use axum::response::IntoResponse;
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::rejection::{KEPT, Refused, SAMPLE_BYTES};
use super::*;

fn refusal(sample: &[u8]) -> Rejection {
    Rejection::from(Refused {
        time: UnixNanos(1),
        signal: Signal::Logs,
        transport: "http",
        peer: None,
        status: "400".to_owned(),
        reason: &"é".repeat(5000),
        records: None,
        content_type: b"text/plain",
        encoding: b"",
        bytes: sample.len() as u64,
        sample,
    })
}

/// Scenario: more services than are counted by name, one with an endless name.
/// Guarantees: the rest share one line; known names stay; names are cut; nothing is lost.
#[test]
fn services_are_bounded() {
    let live = Live::default();
    for number in 0..SERVICES_MAX + 500 {
        let counts = live.counts(Signal::Traces, &format!("service {number}"));
        counts.records.fetch_add(1, Ordering::Relaxed);
    }
    let counts = live.counts(Signal::Traces, "service 7");
    assert_eq!(counts.records.load(Ordering::Relaxed), 1);
    let others = live.counts(Signal::Traces, OTHERS);
    assert_eq!(others.records.load(Ordering::Relaxed), 500);
    let known = live.sources[0].read().expect("no panic").len();
    assert_eq!(known, SERVICES_MAX + 1);
    assert_eq!(live.arrived(UnixNanos(0)).sources.len(), TOLD_MAX);
    assert_eq!(cut(&"é".repeat(NAME_MAX), NAME_MAX).len(), NAME_MAX);
    // Another signal has lines of its own.
    live.counts(Signal::Logs, "service 7");
    assert_eq!(live.sources[2].read().expect("no panic").len(), 1);
}

/// Scenario: more refusals than are kept, with long reasons and bodies.
/// Guarantees: the newest are kept, numbered; all are counted; each is cut.
#[test]
fn refusals_are_bounded() {
    let live = Live::default();
    for _ in 0..KEPT + 50 {
        live.refused(refusal(&[b'x'; 3 * SAMPLE_BYTES]));
    }
    let (kept, total) = live.rejections.after(0, usize::MAX);
    assert_eq!((kept.len(), total), (KEPT, KEPT as u64 + 50));
    assert_eq!((kept[0].id, kept[KEPT - 1].id), (total, 51));
    let shown = serde_json::to_value(&*kept[0]).expect("JSON");
    assert_eq!(shown["sample"].as_str().map(str::len), Some(SAMPLE_BYTES));
    assert_eq!(shown["reason"].as_str().map(str::len), Some(2048));
    assert_eq!(shown["bytes"], 3 * SAMPLE_BYTES);
    assert_eq!(live.rejections.after(total - 2, 100).0.len(), 2);
    assert_eq!(live.totals().rejected, total);
}

/// Scenario: JSON, JSON cut within a letter, text with a stray byte, protobuf, random bytes.
/// Guarantees: what mostly is text is shown as text, all else as hex.
#[test]
fn samples_are_text_or_hex() {
    for (body, kind, sample) in [
        (&b"{\"a\":1}"[..], "text", "{\"a\":1}"),
        ("aaaaaaaaaaaaaaaaé".as_bytes(), "text", "aaaaaaaaaaaaaaaaé"),
        (
            &"aaaaaaaaaaaaaaaaé".as_bytes()[..17],
            "text",
            "aaaaaaaaaaaaaaaa\u{fffd}",
        ),
        (b"a log of\tmine\xff\n", "text", "a log of\tmine\u{fffd}\n"),
        (b"\x0a\x02\x08\x01\xff\x00", "hex", "0a020801ff00"),
        (b"", "text", ""),
    ] {
        let shown = serde_json::to_value(refusal(body)).expect("JSON");
        assert_eq!(
            (&shown["sample_kind"], &shown["sample"]),
            (&kind.into(), &sample.into())
        );
    }
}

/// Scenario: a client watches; 30 requests are refused at once.
/// Guarantees: figures come first; the ten newest refusals follow, the first of them says that 20
/// were left out; the stream ends when the server stops.
#[tokio::test]
async fn a_stream_shows_ten_a_second() {
    let (live, stop) = (Arc::new(Live::default()), CancellationToken::new());
    let router: axum::Router = routes::router(Arc::clone(&live), stop.clone()).into();
    let request = axum::extract::Request::get("/api/v1/live")
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = router.oneshot(request).await.into_response();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut read = async |text: &mut String| {
        let frame = body.frame().await?.expect("no error");
        let data = frame.into_data().expect("data");
        text.push_str(std::str::from_utf8(&data).expect("UTF-8"));
        Some(())
    };
    read(&mut text).await;
    assert!(
        text.starts_with("event: arrived\ndata: {\"time\":\""),
        "{text}"
    );
    for _ in 0..30 {
        live.refused(refusal(b"no"));
    }
    while text.matches("event: rejected").count() < 10 {
        read(&mut text).await.expect("goes on");
    }
    let first = text.split("event: rejected\ndata: ").nth(1).expect("one");
    let first: serde_json::Value =
        serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&first["id"], &first["not_shown"]),
        (&21.into(), &20.into())
    );
    assert!(text.contains("\"id\":30"), "{text}");
    stop.cancel();
    while read(&mut text).await.is_some() {}
}

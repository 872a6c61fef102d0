//! Live tails, with a sender that sends while they run.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use oriel_proto::Signal;
use reqwest::Method;
use serde_json::Value;

use crate::api::{get, list};
use crate::ask::{int, text};
use crate::edges::{log, log_request};
use crate::support::{Server, otlp};

/// How long something may take that takes a moment, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// One tail, read event by event.
struct Tail {
    stream: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Tail {
    /// Opens a tail and reads its start.
    async fn open(server: &Server, params: &[(&str, &str)]) -> Tail {
        let mut tail = Tail::open_unread(server, params).await;
        let (name, start) = tail.next().await.expect("a start");
        assert_eq!(name, "start");
        assert!(
            int(&start["rate_max"]) > 0 && text(&start["time"]).len() == 19,
            "{start}"
        );
        tail
    }

    async fn open_unread(server: &Server, params: &[(&str, &str)]) -> Tail {
        let request = server
            .request(Method::GET, "/api/v1/logs/tail")
            .query(params);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Tail {
            stream: answer.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// Name and data of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (name, data) = event.split_once("\ndata: ").expect("an event");
                let name = name.strip_prefix("event: ").expect("a name").to_owned();
                let data = serde_json::from_str(data).expect("JSON");
                self.text = rest.to_owned();
                return Some((name, data));
            }
            let more = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let more = more.expect("something comes")?.expect("bytes");
            self.text
                .push_str(std::str::from_utf8(&more).expect("UTF-8"));
        }
    }

    /// Bodies that come until so many matched or were not looked at, and the totals then.
    async fn until(&mut self, seen: i64) -> (Vec<String>, Value) {
        let mut bodies = Vec::new();
        let mut shown = None;
        loop {
            let (name, data) = self.next().await.expect("goes on");
            assert!(matches!(&*name, "logs" | "tick"), "{name} {data}");
            let (matched, dropped) = (int(&data["matched"]), int(&data["dropped"]));
            assert_eq!(matched, int(&data["shown"]) + dropped, "{data}");
            if name == "logs" {
                let logs = list(&data, "logs");
                bodies.extend(logs.iter().map(|log| text(&log["body"])));
                let before = shown.unwrap_or(0);
                assert_eq!(int(&data["shown"]), before + logs.len() as i64, "{data}");
            }
            shown = Some(int(&data["shown"]));
            if matched + int(&data["unread"]) >= seen {
                return (bodies, data);
            }
        }
    }
}

/// Sends `count` records in one request; every second one is a warning.
async fn send(server: &Server, service: &str, bodies: impl Iterator<Item = String>) {
    let records = bodies.enumerate().map(|(at, body)| {
        let mut record = log(&body);
        record.severity_number = if at % 2 == 0 { 13 } else { 9 };
        record
    });
    let body = log_request(service, records.collect());
    otlp::post(server, Signal::Logs, "application/x-protobuf", body).await;
}

/// Scenario: records of two services in many requests, with some before the tail begins and a flush
/// between; one tail wants the warnings of one, another all.
/// Guarantees: everything sent after the start comes exactly once where it matches, nothing else; the
/// filter means what it means in the search.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_come_once_as_they_arrive() {
    let vars = [("ORIEL_STORAGE_FLUSH_INTERVAL", "300ms")];
    let mut server = Server::start_with(&[], &vars).await;
    send(
        &server,
        "tailed",
        (0..10).map(|at| format!("too early {at}")),
    )
    .await;
    let q = "service:tailed level:>=warn";
    let mut warnings = Tail::open(&server, &[("q", q), ("rate", "1000")]).await;
    let mut all = Tail::open(&server, &[("rate", "1000")]).await;
    let mut sent = BTreeSet::new();
    for round in 0..12 {
        let bodies = |word: &str| -> Vec<String> {
            (0..20).map(|at| format!("{word} {round} {at}")).collect()
        };
        sent.extend(bodies("mine").into_iter().step_by(2));
        send(&server, "tailed", bodies("mine").into_iter()).await;
        send(&server, "other", bodies("theirs").into_iter()).await;
        if round % 4 == 0 {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
    let (bodies, totals) = warnings.until(120).await;
    assert_eq!(
        (int(&totals["dropped"]), int(&totals["unread"])),
        (0, 0),
        "{totals}"
    );
    assert_eq!(bodies.len(), 120);
    assert_eq!(bodies.into_iter().collect::<BTreeSet<_>>(), sent);
    let (bodies, totals) = all.until(480).await;
    assert_eq!(
        (bodies.len(), int(&totals["dropped"])),
        (480, 0),
        "{totals}"
    );
    let distinct: BTreeSet<String> = bodies.into_iter().collect();
    assert_eq!(distinct.len(), 480, "each once");
    // A quiet tail still says that it lives.
    let (name, tick) = warnings.next().await.expect("goes on");
    assert_eq!((&*name, int(&tick["matched"])), ("tick", 120));
    let stopped = Instant::now();
    assert!(server.stop().success());
    assert!(stopped.elapsed() < PATIENCE);
    loop {
        match warnings.next().await {
            Some((name, data)) if name == "error" => {
                assert_eq!(data["error"]["code"], "unavailable", "{data}");
                break;
            }
            Some((name, _)) => assert_eq!(name, "tick"),
            None => panic!("the end was not told"),
        }
    }
    assert!(warnings.next().await.is_none());
}

/// Scenario: a burst far over the rate; then 30 MB of records while a client does not read at all.
/// Guarantees: what was matched was shown or dropped, and said so; the sender is not refused; the one
/// that did not read gets some records and the whole count, not a backlog.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_records_are_dropped_aloud() {
    let mut server = Server::start().await;
    let mut slow = Tail::open(&server, &[("rate", "5")]).await;
    send(&server, "burst", (0..500).map(|at| format!("burst {at}"))).await;
    let (bodies, totals) = slow.until(500).await;
    assert_eq!(int(&totals["matched"]), 500);
    assert!((1..=5).contains(&bodies.len()), "{}", bodies.len());
    assert_eq!(int(&totals["dropped"]) as usize, 500 - bodies.len());
    drop(slow);

    let mut unread = Tail::open_unread(&server, &[("q", "service:flood")]).await;
    for round in 0..60 {
        let body = "x".repeat(1_000);
        send(
            &server,
            "flood",
            (0..500).map(|at| format!("{round} {at} {body}")),
        )
        .await;
    }
    let (name, _) = unread.next().await.expect("a start");
    assert_eq!(name, "start");
    let (bodies, totals) = unread.until(30_000).await;
    assert_eq!(
        int(&totals["matched"]) + int(&totals["unread"]),
        30_000,
        "{totals}"
    );
    assert!(bodies.len() < 15_000, "{}", bodies.len());
    assert!(server.stop().success());
}

/// Scenario: filters and rates that are none; more tails than may run; a client leaves.
/// Guarantees: 400 with a position or a hint before a stream begins, 503; a place is free once its
/// client has left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tails_are_refused_and_make_room() {
    let server = Server::start_with(&[], &[("ORIEL_QUERY_TAILS_MAX", "1")]).await;
    for bad in [
        ("q", "level:>=loud"),
        ("q", "("),
        ("rate", "0"),
        ("rate", "1001"),
        ("rates", "1"),
    ] {
        let (status, body) = get(&server, "logs/tail", &[bad]).await;
        assert_eq!(status, 400, "{bad:?}: {body}");
        assert!(body["error"]["message"].is_string());
    }
    let tail = Tail::open(&server, &[]).await;
    let (status, body) = get(&server, "logs/tail", &[]).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (503, &Value::from("unavailable"))
    );
    assert!(
        text(&body["error"]["hint"]).contains("query.tails_max"),
        "{body}"
    );
    drop(tail);
    let left = Instant::now();
    loop {
        let request = server.request(Method::GET, "/api/v1/logs/tail");
        match request.send().await.expect("an answer").status().as_u16() {
            200 => break,
            status => assert_eq!(status, 503),
        }
        assert!(left.elapsed() < PATIENCE, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

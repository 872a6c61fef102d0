//! What somebody sees who watches a server: what arrives and is refused, which queries run, how the
//! server is doing, and the description of all that can be asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use oriel_proto::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::otlp::{post, send_shop, shop, true_count};

/// How soon the stream tells of a refusal.
const SOON: Duration = Duration::from_secs(1);
/// How long something may take that takes a moment, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Queries of hours, or of years: joins of all pairs and triples, a costly expression over pairs, and
/// one over rows.
const HEAVY: [&str; 3] = [
    "SELECT count(*) FROM spans a JOIN spans b ON a.service_name = b.service_name
     WHERE regexp_like(a.name || b.name || a.duration, '(x+x+)+y')",
    "SELECT count(*) FROM spans a, spans b, spans c WHERE a.duration + b.duration + c.duration < -1",
    "SELECT max(levenshtein(repeat(a.name, 200), repeat(b.name, 200))) FROM spans a, spans b",
];

/// The live stream of a server, read event by event.
struct Events {
    stream: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Events {
    async fn open(server: &Server) -> Events {
        let answer = server.request(Method::GET, "/api/v1/live").send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events {
            stream: answer.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// The data of the next event called `name`.
    async fn next(&mut self, name: &str) -> Value {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.strip_prefix(&format!("event: {name}\ndata: "));
                let data = data.map(|data| serde_json::from_str(data).expect("JSON"));
                self.text = rest.to_owned();
                if let Some(data) = data {
                    return data;
                }
            }
            let more = self.stream.next().await.expect("goes on").expect("bytes");
            self.text
                .push_str(std::str::from_utf8(&more).expect("UTF-8"));
        }
    }
}

/// Scenario: somebody watches while telemetry comes: the shop corpus, then a body that is no JSON, a
/// type that is none, and a request of which a span is refused.
/// Guarantees: the figures become those of the corpus; each refusal is told within a second, with
/// reason and sample; status and list agree; without the token nothing is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_seen() {
    let server = Server::start_with(&[], &[("ORIEL_TOKEN", "s3cret")]).await;
    let mut events = Events::open(&server).await;
    assert_eq!(events.next("arrived").await["totals"]["requests"], 0);
    send_shop(&server).await;
    let spans = true_count("/traces/spans");
    loop {
        let arrived = events.next("arrived").await;
        if arrived["totals"]["spans"] == spans && arrived["totals"]["metrics"].as_i64() > Some(0) {
            let sources = arrived["sources"].as_array().expect("sources");
            let traces = sources.iter().filter(|source| source["signal"] == "traces");
            let sum: i64 = traces.filter_map(|source| source["records"].as_i64()).sum();
            assert_eq!(sum, spans);
            break;
        }
    }
    let half = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "kept"},
        {"traceId": "", "spanId": "", "name": "refused"},
    ]}]}]});
    for (content_type, body, status, sample) in [
        (
            "application/json",
            "{\"resourceSpans\":".to_owned(),
            "400",
            "{\"resourceSpans\":",
        ),
        ("text/plain", "a line".to_owned(), "415", "a line"),
        ("application/json", half.to_string(), "200", "refused"),
    ] {
        let sent = Instant::now();
        post(&server, Signal::Traces, content_type, body).await;
        let told = tokio::time::timeout(Duration::from_secs(20), events.next("rejected"));
        let told = told.await.expect("is told");
        assert!(sent.elapsed() < SOON * 2, "{:?}", sent.elapsed());
        assert_eq!(told["status"], status, "{told}");
        assert!(
            told["sample"].as_str().expect("text").contains(sample),
            "{told}"
        );
        assert!(!told["reason"].as_str().expect("text").is_empty(), "{told}");
    }
    let (_, list) = server.get("/api/v1/rejected?limit=1").await;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(
        (&list["total"], &list["rejected"][0]["records"]),
        (&json!(3), &json!(1))
    );
    let (_, status) = server.get("/api/v1/status").await;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["ingest"]["rejected"], 3);
    assert_eq!(status["ingest"]["records"]["traces"], spans + 1);
    assert!(
        status["process"]["rss_bytes"].as_u64() > Some(1 << 20),
        "{status}"
    );
    let tables = status["tables"].as_array().expect("tables");
    let rows = tables
        .iter()
        .find(|table| table["name"] == "spans")
        .expect("spans");
    assert_eq!(rows["rows"], spans + 1);
    for path in [
        "/api/v1/live",
        "/api/v1/rejected",
        "/api/v1/queries",
        "/api/v1/openapi.json",
    ] {
        let bare = reqwest::get(format!("{}{path}", server.url())).await;
        assert_eq!(bare.expect("an answer").status(), 401, "{path}");
    }
}

/// The one query that runs, if one does.
async fn running(server: &Server) -> Option<Value> {
    let (status, body) = server.get("/api/v1/queries").await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    answer["queries"]
        .as_array()
        .expect("a list")
        .first()
        .cloned()
}

/// Waits until a query runs, for long enough to be at work; its entry.
async fn under_way(server: &Server) -> Value {
    let asked = Instant::now();
    loop {
        let query = running(server).await;
        match query {
            Some(query) if query["elapsed_ms"].as_u64() > Some(200) => return query,
            query => assert!(asked.elapsed() < PATIENCE, "{query:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until no query is at work.
async fn until_idle(server: &Server) {
    let asked = Instant::now();
    while let Some(query) = running(server).await {
        assert!(asked.elapsed() < PATIENCE, "still at work: {query}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A server with rows, whose queries may take longer than any test.
async fn server_with_rows() -> Server {
    let server = Server::start_with(&[], &[("ORIEL_QUERY_TIME_LIMIT", "30days")]).await;
    for body in shop(Signal::Traces) {
        post(&server, Signal::Traces, "application/x-protobuf", body).await;
    }
    server
}

fn heavy(server: &Server, sql: &str, id: &str) -> tokio::task::JoinHandle<(u16, Value)> {
    let request = server
        .request(Method::POST, "/api/v1/sql")
        .json(&json!({"sql": sql, "query_id": id}));
    tokio::spawn(async move {
        match request.send().await {
            Ok(answer) => (answer.status().as_u16(), answer.json().await.expect("JSON")),
            // The server of a test that has failed.
            Err(_) => (0, Value::Null),
        }
    })
}

/// Scenario: queries of hours, watched and then deleted; the same id again meanwhile.
/// Guarantees: each is listed with its progress; DELETE ends its work, and its client hears why; an
/// id that runs cannot be taken, one that has ended is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_watched_and_stopped() {
    let server = server_with_rows().await;
    for (at, sql) in HEAVY.into_iter().enumerate() {
        let id = format!("heavy-{at}");
        let asked = heavy(&server, sql, &id);
        let query = under_way(&server).await;
        assert_eq!(
            (&query["id"], &query["state"]),
            (&json!(id), &json!("running"))
        );
        assert_eq!(query["sql"], sql);
        assert_eq!(query["started"].as_str().map(str::len), Some(19));
        let path = format!("/api/v1/queries/{id}");
        assert_eq!(server.get(&path).await.0, 200);
        let (status, taken) = heavy(&server, sql, &id).await.expect("no panic");
        assert_eq!(
            (status, &taken["error"]["code"]),
            (400, &json!("bad_request"))
        );
        let deleted = server.request(Method::DELETE, &path).send().await;
        assert_eq!(deleted.expect("an answer").status(), 204);
        let (status, answer) = asked.await.expect("no panic");
        assert_eq!(
            (status, &answer["error"]["code"]),
            (409, &json!("cancelled"))
        );
        until_idle(&server).await;
        assert_eq!(server.get(&path).await.0, 404);
    }
}

/// Scenario: the clients of queries of hours go away.
/// Guarantees: the work ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_stops_its_query() {
    let server = server_with_rows().await;
    for (at, sql) in HEAVY.into_iter().enumerate() {
        let asked = heavy(&server, sql, &format!("left-{at}"));
        under_way(&server).await;
        asked.abort();
        until_idle(&server).await;
    }
}

/// All values of the key `$ref` in `value`.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Scenario: the description of the API.
/// Guarantees: OpenAPI 3.1 whose references lead somewhere, whose operations have distinct names,
/// answers and all parameters of their paths; every operation of it is served.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    let server = Server::start().await;
    let (status, text) = server.get("/api/v1/openapi.json").await;
    assert_eq!(status, 200);
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        whole["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1.")
    );
    let mut found = Vec::new();
    references(&whole, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(whole.pointer(pointer).is_some(), "{reference}");
    }
    let mut names = BTreeSet::new();
    for (path, item) in whole["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let what = format!("{method} {path}");
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name), "{name} of {what} is another's as well");
            assert!(
                !operation["responses"]
                    .as_object()
                    .expect("answers")
                    .is_empty()
            );
            assert!(operation["summary"].is_string(), "{what} has no summary");
            let empty = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&empty);
            for wanted in path
                .split('{')
                .skip(1)
                .filter_map(|part| part.split('}').next())
            {
                let has = |given: &Value| given["name"] == wanted && given["in"] == "path";
                assert!(
                    parameters.iter().any(has),
                    "{what} does not say what {wanted} is"
                );
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = server
                .request(method, &path.replace(['{', '}'], ""))
                .send()
                .await;
            let answer = answer.expect("an answer");
            assert_ne!(answer.status(), 405, "{what} is not served");
            if answer.status() == 404 {
                let body = answer.text().await.expect("text");
                assert!(!body.contains("no such path"), "{what} is not served");
            }
        }
    }
    for path in [
        "/api/v1/sql",
        "/api/v1/live",
        "/api/v1/queries/{id}",
        "/api/v1/status",
        "/ready",
    ] {
        assert!(whole["paths"][path].is_object(), "{path} is not described");
    }
}

//! What somebody sees who watches a server: what arrives and is refused, how the
//! server is doing, and the description of all that can be asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use oriel_proto::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::otlp::{post, send_shop, true_count};

/// How soon the stream tells of a refusal.
const SOON: Duration = Duration::from_secs(1);
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

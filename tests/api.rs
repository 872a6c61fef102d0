//! What the pages ask, against the real binary with the shop corpus: every figure that truth.json
//! knows, pages that are whole, names that are hostile, a store that is empty.

mod attributes;
mod edges;
mod logs;
mod metrics;
mod search;
mod services;

use serde_json::Value;

use crate::journey::truth::Truth;
use crate::support::Server;
use crate::support::otlp::send_shop;

/// A server with the corpus, and the range that has all of it.
pub(crate) struct Shop {
    pub(crate) server: Server,
    pub(crate) truth: Value,
    from: i64,
    to: i64,
}

/// A nanosecond count of a minute.
const MINUTE: i64 = 60_000_000_000;

impl Shop {
    /// Starts a server that keeps old rows, and sends the corpus.
    pub(crate) async fn start() -> Shop {
        let server = Server::start_with(&[], crate::journey::KEEP).await;
        send_shop(&server).await;
        let truth = Truth::read().0;
        let time = |pointer: &str| truth.pointer(pointer).and_then(Value::as_i64).unwrap();
        Shop {
            server,
            from: time("/traces/first_start_unix_nano") - MINUTE,
            to: time("/traces/last_end_unix_nano") + MINUTE,
            truth,
        }
    }

    /// `GET /api/v1/{path}` over all of the corpus; it must succeed.
    pub(crate) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let (from, to) = (self.from.to_string(), self.to.to_string());
        let range = [("from", from.as_str()), ("to", to.as_str())];
        let given = |name: &str| params.iter().any(|(known, _)| *known == name);
        let range = range.into_iter().filter(|(name, _)| !given(name));
        let all: Vec<(&str, &str)> = range.chain(params.iter().copied()).collect();
        let (status, body) = get(&self.server, path, &all).await;
        assert_eq!(status, 200, "{path} {params:?}: {body}");
        check_receipt(&body);
        body
    }

    /// What truth.json says at `pointer`.
    pub(crate) fn true_at(&self, pointer: &str) -> &Value {
        let found = self.truth.pointer(pointer);
        found.unwrap_or_else(|| panic!("no {pointer} in truth.json"))
    }
}

/// `GET /api/v1/{path}`: status and JSON body.
pub(crate) async fn get(server: &Server, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
    let request = server.request(reqwest::Method::GET, &format!("/api/v1/{path}"));
    let answer = request.query(params).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text);
    (
        status,
        body.unwrap_or_else(|_| panic!("{path}: {status} {text}")),
    )
}

/// Every answer tells what it cost and by which statements.
fn check_receipt(body: &Value) {
    let receipt = &body["receipt"];
    assert_eq!(receipt["complete"], true, "{receipt}");
    assert!(receipt["sql"].is_array(), "{receipt}");
}

/// The items of the list `name`.
pub(crate) fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list {name} in {body}"))
}

/// The sum of a list of counts.
pub(crate) fn sum(counts: &Value) -> i64 {
    counts.as_array().unwrap().iter().map(crate::ask::int).sum()
}

/// The sum of a list of numbers, of which some are null.
pub(crate) fn total(values: &Value) -> f64 {
    values
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .sum()
}

/// A range with all of the corpus in it.
const ALL: &str = "from=0&to=18446744073709551615";

/// A server that holds the corpus, in buffers, and keeps it however old it is by now.
async fn shop() -> Server {
    let vars = [
        ("ORIEL_STORAGE_RETENTION_TRACES", "0s"),
        ("ORIEL_STORAGE_RETENTION_LOGS", "0s"),
        ("ORIEL_STORAGE_RETENTION_METRICS", "0s"),
        ("ORIEL_STORAGE_FLUSH_INTERVAL", "1h"),
    ];
    let server = Server::start_with(&[], &vars).await;
    send_shop(&server).await;
    server
}

/// The JSON answer to `GET /api/v1/<path>`, which must be one.
async fn ok(server: &Server, path: &str) -> Value {
    let (status, body) = server.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

/// `text` as a query parameter.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

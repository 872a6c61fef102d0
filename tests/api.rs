//! What the pages ask of the real binary that holds the shop corpus: figures are those of truth.json.

mod search;

use serde_json::Value;

use crate::support::Server;
use crate::support::otlp::send_shop;

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

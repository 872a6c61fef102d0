//! Real SDKs against the real binary: Flask (gRPC), FastAPI (http/protobuf, gzip) and Node
//! (http/json). What they say they did is looked for by trace id, across services and signals.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::ask::{Api, text};
use crate::check::Checks;
use crate::support::Server;

/// The folder of an app.
fn app(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/apps")
        .join(name)
}

/// What `command` prints, which must succeed; only its last line.
async fn output(mut command: Command) -> String {
    let shown = format!("{command:?}");
    let run = move || command.stdin(Stdio::null()).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{shown}: {}\n{told}\n{errors}",
        output.status
    );
    told.lines().last().unwrap_or_default().to_owned()
}

/// The last line of an app's setup.sh: where it is ready to run.
async fn set_up(name: &str) -> String {
    output(Command::new(app(name).join("setup.sh"))).await
}

/// Scenario: FastAPI calls Flask ten times, twice without success; both log, count and measure.
/// Guarantees: each trace has its six spans in both services, joined by parents; logs of both carry
/// its id; counters and histograms add up; exceptions are events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_apps_are_seen_end_to_end() {
    let mut server = Server::start().await;
    let mut drive = Command::new(set_up("python").await);
    drive.arg(app("python").join("drive.py"));
    drive
        .arg(format!("http://{}", server.grpc()))
        .arg(server.otlp_url())
        .arg("10");
    let made: Value = serde_json::from_str(&output(drive).await).unwrap();
    let made = made.as_array().unwrap();
    let mut checks = Checks::new("Python apps");
    checks.eq("requests", made.len(), 10);
    let api = Api::new(&server.url());
    for request in made {
        one_trace(&api, request, &mut checks).await;
    }
    let sql = "SELECT p.service_name, p.kind, c.service_name, c.kind, count(*) FROM spans c
               JOIN spans p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
               WHERE p.service_name <> c.service_name GROUP BY 1, 2, 3, 4";
    let want = json!([["buy-fastapi", "CLIENT", "price-flask", "SERVER", 10]]);
    checks.eq(sql, json!(api.rows(sql).await), want);
    let sql = "SELECT s.service_name, count(*), count(DISTINCT s.trace_id) FROM logs l
               JOIN spans s ON s.trace_id = l.trace_id AND s.span_id = l.span_id
               WHERE s.service_name = l.service_name GROUP BY 1 ORDER BY 1";
    let rows = json!(api.rows(sql).await);
    // 10 times 'buying', 2 errors; 8 prices, 2 errors, 2 exceptions that Flask logs itself.
    checks.eq("traces with logs of buy", &rows[0][2], &json!(10));
    checks.eq("traces with logs of price", &rows[1][2], &json!(10));
    checks.eq("logs of buy joined by id", &rows[0][1], &json!(12));
    for (sql, want) in [
        (
            "SELECT attributes['exception.type'], attributes['exception.message'], count(*) FROM span_events
             WHERE name = 'exception' AND service_name = 'price-flask' AND span_name = 'look up' GROUP BY 1, 2",
            json!([["__main__.UnknownItem", "ghost", 2]]),
        ),
        (
            "SELECT name, type, sum(value) FROM metrics WHERE name IN ('shop.items.bought', 'shop.prices.served')
             GROUP BY 1, 2 ORDER BY 1",
            json!([["shop.items.bought", "sum", 8.0], ["shop.prices.served", "sum", 8.0]]),
        ),
        (
            "SELECT name, type, unit, sum(count) FROM metrics
             WHERE name IN ('shop.buy.duration', 'shop.price.duration') GROUP BY 1, 2, 3 ORDER BY 1",
            json!([["shop.buy.duration", "histogram", "s", 8], ["shop.price.duration", "histogram", "s", 8]]),
        ),
        (
            "SELECT DISTINCT resource_attributes['telemetry.sdk.language'], resource_attributes['team'],
               resource_attributes['deployment.environment.name'] FROM spans",
            json!([["python", "shop", "test"]]),
        ),
        (
            "SELECT attributes['shop.attempt'], attributes['shop.cached'], events[1]['name'], count(*) FROM spans
             WHERE name = 'look up' GROUP BY 1, 2, 3",
            json!([["1", "false", "looked", 10]]),
        ),
    ] {
        checks.eq(sql, json!(api.rows(sql).await), want);
    }
    checks.finish();
    assert!(server.stop().success());
}

/// One request of the Python apps: spans, status and logs under its trace id.
async fn one_trace(api: &Api, request: &Value, checks: &mut Checks) {
    let (id, item) = (text(&request["trace_id"]), text(&request["item"]));
    let ghost = item == "ghost";
    let sql = format!(
        "SELECT service_name, kind, name, status_code FROM spans WHERE trace_id = '{id}' ORDER BY start_time"
    );
    let rows = api.rows(&sql).await;
    let found = |service: &str, kind: &str| {
        rows.iter()
            .filter(|row| row[0] == service && row[1] == kind)
            .count()
    };
    checks.eq(&format!("spans of {id}"), rows.len(), 6);
    for (service, kind, count) in [
        ("buy-fastapi", "SERVER", 1),
        ("buy-fastapi", "CLIENT", 1),
        ("buy-fastapi", "INTERNAL", 2),
        ("price-flask", "SERVER", 1),
        ("price-flask", "INTERNAL", 1),
    ] {
        checks.eq(
            &format!("{kind} of {service} in {id}"),
            found(service, kind),
            count,
        );
    }
    let failed = rows
        .iter()
        .any(|row| row[2] == "look up" && row[3] == "ERROR");
    checks.eq(&format!("status of look up in {id}"), failed, ghost);
    let sql = format!(
        "SELECT service_name, severity_text, body FROM logs WHERE trace_id = '{id}' ORDER BY timestamp"
    );
    let logs = json!(api.rows(&sql).await);
    checks.eq(
        "first log",
        &logs[0],
        &json!(["buy-fastapi", "WARN", format!("buying {item}")]),
    );
    let second = match ghost {
        true => json!(["price-flask", "ERROR", "no price for ghost"]),
        false => json!(["price-flask", "WARN", format!("price of {item} is 6")]),
    };
    checks.eq("second log", &logs[1], &second);
    let trace = api.get(&format!("/api/v1/traces/{id}")).await.json();
    checks.eq(
        "services of the trace",
        trace["resourceSpans"].as_array().map(Vec::len),
        Some(2),
    );
}

/// Scenario: the Node app makes five traces of two spans with an exception, logs and metrics.
/// Guarantees: all found by id, with types kept through http/json.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_app_is_seen_end_to_end() {
    let mut server = Server::start().await;
    let folder = set_up("node").await;
    let mut node = Command::new("node");
    node.current_dir(folder)
        .args(["app.mjs", &server.otlp_url(), "5"]);
    let ids: Vec<String> = serde_json::from_str(&output(node).await).unwrap();
    let api = Api::new(&server.url());
    let mut checks = Checks::new("Node app");
    checks.eq("traces", ids.len(), 5);
    for (number, id) in ids.iter().enumerate() {
        let sql = format!(
            "SELECT c.name, c.kind, c.status_code, c.status_message, c.attributes['server.address'], p.name, p.kind,
               p.parent_span_id, p.attributes['shop.mail.number'], p.attributes['shop.mail.weight'],
               p.attributes['shop.mail.to'], p.scope_version
             FROM spans c JOIN spans p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id
             WHERE c.trace_id = '{id}'"
        );
        let want = json!([
            "send mail",
            "CLIENT",
            "ERROR",
            "bounced",
            "smtp",
            "notify",
            "CONSUMER",
            null,
            number.to_string(),
            "0.5",
            r#"["a","b"]"#,
            "1.2.3"
        ]);
        checks.eq(&sql, json!(api.row(&sql).await), want);
        let sql = format!(
            "SELECT l.severity_text, l.body, l.attributes['shop.mail.number'], s.name FROM logs l
             JOIN spans s ON l.trace_id = s.trace_id AND l.span_id = s.span_id
             WHERE l.trace_id = '{id}' ORDER BY l.severity_number DESC"
        );
        let body = format!(r#"{{"mail":{number},"parts":["text","html"]}}"#);
        let want = json!([
            [
                "WARN",
                format!("mail {number} bounced"),
                number.to_string(),
                "send mail"
            ],
            [null, body, null, "notify"]
        ]);
        checks.eq(&sql, json!(api.rows(&sql).await), want);
        let sql = format!(
            "SELECT attributes['exception.type'], attributes['exception.message'] FROM span_events
             WHERE trace_id = '{id}'"
        );
        let want = json!([["TypeError", format!("mailbox {number} full")]]);
        checks.eq(&sql, json!(api.rows(&sql).await), want);
    }
    let sql = "SELECT name, type, unit, temporality, is_monotonic, value, count, sum, min, max FROM metrics ORDER BY name";
    let want = json!([
        [
            "shop.mail.size",
            "histogram",
            "By",
            "cumulative",
            null,
            null,
            5,
            510.0,
            100.0,
            104.0
        ],
        [
            "shop.mails.sent",
            "sum",
            "{mail}",
            "cumulative",
            true,
            10.0,
            null,
            null,
            null,
            null
        ]
    ]);
    checks.eq(sql, json!(api.rows(sql).await), want);
    checks.finish();
    assert!(server.stop().success());
}

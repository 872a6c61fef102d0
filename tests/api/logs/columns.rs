//! Fields of records that a list has as columns.

use serde_json::{Value, json};

use crate::api::{get, list};
use crate::ask::text;
use crate::edges::{attribute, log, log_request};
use crate::support::{Server, otlp};
use oriel_proto::Signal;

/// Scenario: records with and without an attribute; columns of it, of a key of the resource, of a
/// built-in key, and of what no record has, in the list and around a record.
/// Guarantees: each record has the texts in the order asked for, null where it has none, and no
/// `columns` when none are asked for; a name that is no column is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_the_columns_asked_for() {
    let mut server = Server::start_with(&[], crate::journey::KEEP).await;
    let mut records = Vec::new();
    for number in 0..4 {
        let mut record = log("a line");
        record.time_unix_nano += number;
        if number != 2 {
            record.attributes = vec![attribute("http.route", &format!("/{number}"))];
        }
        records.push(record);
    }
    let body = log_request("press", records);
    otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;

    let columns = "http.route,resource.service.name,level,nobody.has.it";
    let expected = |route: Value| json!([route, "press", "unset", null]);
    let ever = [
        ("from", "0"),
        ("to", "1900000000000000000"),
        ("order", "oldest"),
    ];
    let asked = [&ever[..], &[("columns", columns)]].concat();
    let (status, answer) = get(&server, "search/logs", &asked).await;
    assert_eq!(status, 200, "{answer}");
    let found: Vec<&Value> = list(&answer, "logs")
        .iter()
        .map(|log| &log["columns"])
        .collect();
    let routes = [json!("/0"), json!("/1"), Value::Null, json!("/3")];
    let all = routes.map(expected);
    assert_eq!(found, all.iter().collect::<Vec<_>>());

    let id = text(&list(&answer, "logs")[1]["id"]);
    let path = format!("logs/{id}/context");
    let (status, around) = get(&server, &path, &[("columns", columns)]).await;
    assert_eq!(status, 200, "{around}");
    assert_eq!(around["before"][0]["columns"], all[0]);
    assert_eq!(around["log"]["columns"], all[1]);
    assert_eq!(around["after"][1]["columns"], all[3]);
    assert_eq!(around["stream"][0]["value"], "press");

    let (_, bare) = get(&server, "search/logs", &ever).await;
    assert_eq!(list(&bare, "logs")[0].get("columns"), None);
    let many = vec!["key"; 17].join(",");
    for columns in ["a,,b", "has", &many] {
        let wrong = [&ever[..], &[("columns", columns)]].concat();
        assert_eq!(
            get(&server, "search/logs", &wrong).await.0,
            400,
            "{columns}"
        );
    }
    assert!(server.stop().success());
}

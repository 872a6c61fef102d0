//! The records before and after one.

use serde_json::Value;

use crate::api::{Shop, get, list};
use crate::ask::text;
use crate::check::Checks;
use crate::edges::{attribute, log, log_request};
use crate::support::{Server, otlp};
use oriel_proto::Signal;

fn ids(logs: &[Value]) -> Vec<String> {
    logs.iter().map(|log| text(&log["id"])).collect()
}

/// Scenario: records of each kind of stream the corpus has, at its start, middle and end, with few and
/// many neighbours, and with a filter.
/// Guarantees: the neighbours are those of the list of all records of the stream, in its order; more
/// are told of where there are more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_are_those_of_the_list() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("log context");
    for (by, q) in [
        ("instance", ""),
        ("service", ""),
        ("all", ""),
        ("service", "level:>=warn"),
    ] {
        let any = [("q", "service:orders"), ("limit", "1")];
        let one = shop.get("search/logs", &any).await;
        let id = text(&list(&one, "logs")[0]["id"]);
        let answer = context(&shop.server, &id, &[("by", by)]).await;
        let stream = list(&answer, "stream").iter().map(|part| text(&part["q"]));
        let stream: Vec<String> = stream.chain([q.to_owned()]).collect();
        let q_all = stream.join(" ");
        let params = [("q", &*q_all), ("limit", "5000"), ("order", "oldest")];
        let all = ids(list(&shop.get("search/logs", &params).await, "logs"));
        checks.yes("a list to compare with", all.len() > 100);
        let last = all.len() - 1;
        for at in [0, 1, last / 2, last - 1, last] {
            for wanted in [0, 1, 60, 1_000] {
                let count = wanted.to_string();
                let params = [
                    ("by", by),
                    ("before", &*count),
                    ("after", &*count),
                    ("q", q),
                ];
                let answer = context(&shop.server, &all[at], &params).await;
                let what = format!("{by} {q} {at} {wanted}");
                let from = at.saturating_sub(wanted);
                let to = (at + wanted).min(last);
                checks.eq(&what, text(&answer["log"]["id"]), all[at].clone());
                checks.eq(&what, ids(list(&answer, "before")), all[from..at].to_vec());
                checks.eq(
                    &what,
                    ids(list(&answer, "after")),
                    all[at + 1..=to].to_vec(),
                );
                checks.eq(&what, &answer["more_before"], &Value::Bool(from > 0));
                checks.eq(&what, &answer["more_after"], &Value::Bool(to < last));
            }
        }
    }
    checks.finish();
    assert!(shop.server.stop().success());
}

async fn context(server: &Server, id: &str, params: &[(&str, &str)]) -> Value {
    let (status, answer) = get(server, &format!("logs/{id}/context"), params).await;
    assert_eq!(status, 200, "{id} {params:?}: {answer}");
    answer
}

/// Scenario: records of one nanosecond, some of which nothing tells apart, in a stream with others a
/// year before and after.
/// Guarantees: each is there once, in the order of the list; what is far is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_times_have_an_order() {
    let mut server = Server::start_with(&[], crate::journey::KEEP).await;
    let mut records = vec![log("the same"); 5];
    for number in 0..30 {
        let mut other = log("another");
        other.attributes = vec![attribute("number", &number.to_string())];
        records.push(other);
    }
    let now = records[0].time_unix_nano;
    let year = 365 * 86_400 * 1_000_000_000;
    for time in [now - year, now - 1, now + 1, now + 20 * 3_600_000_000_000] {
        let mut record = log("far");
        record.time_unix_nano = time;
        records.push(record);
    }
    let body = log_request("twins", records);
    otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;
    let params = [
        ("from", "0"),
        ("to", "1900000000000000000"),
        ("order", "oldest"),
    ];
    let (_, all) = get(&server, "search/logs", &params).await;
    let all = ids(list(&all, "logs"));
    assert_eq!(all.len(), 39);
    for (at, id) in all.iter().enumerate() {
        let first = all.iter().position(|other| other == id).unwrap();
        let answer = context(&server, id, &[]).await;
        let (before, after) = (ids(list(&answer, "before")), ids(list(&answer, "after")));
        assert_eq!(before, all[..first], "before {at}");
        assert_eq!(after, all[first + 1..], "after {at}");
    }
    assert!(server.stop().success());
}

/// Scenario: a stream that the record has not, too many neighbours, a filter that is none, ids that
/// are none or nobody's.
/// Guarantees: 400 with what to do, 404.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_questions_for_context_are_refused() {
    let mut server = Server::start().await;
    let body = log_request("plain", vec![log("one")]);
    otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;
    let range = [("from", "0"), ("to", "1900000000000000000")];
    let (_, found) = get(&server, "search/logs", &range).await;
    let id = text(&list(&found, "logs")[0]["id"]);
    let answer = context(&server, &id, &[]).await;
    assert_eq!(
        answer["choices"],
        serde_json::json!(["instance", "service", "all"])
    );
    assert_eq!(answer["stream"][0]["q"], "service:plain");
    for (id, params, want, hint) in [
        (&*id, ("by", "pod"), 400, "instance, service, all"),
        (&*id, ("by", "galaxy"), 400, ""),
        (&*id, ("before", "1001"), 400, ""),
        (&*id, ("q", "level:>=loud"), 400, "the levels are"),
        (&*id, ("befor", "1"), 400, "before"),
        ("x", ("by", "all"), 400, "search/logs"),
        ("1-0000000000000000", ("by", "all"), 404, ""),
    ] {
        let (status, body) = get(&server, &format!("logs/{id}/context"), &[params]).await;
        assert_eq!(status, want, "{params:?}: {body}");
        let told = body["error"]["hint"].as_str().unwrap_or_default();
        assert!(told.contains(hint), "{params:?}: {body}");
    }
    assert!(server.stop().success());
}

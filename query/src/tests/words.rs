//! Words of log bodies: the same answers whether parts have word indexes or not, and what the
//! receipt and EXPLAIN say about their use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::StatusCode;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::schema::Table;
use oriel_storage::{
    Answer, Batch, Claim, ContentEncoding, ContentType, Frame, FrameHeader, ManualClock, ReplayFn,
    RequestHash, Store, TenantId,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::testing::{World, ask, rows};
use crate::{Config, router};

const NOW: i64 = 1_772_366_400_000_000_000;

/// A record of `body` at second `number`.
pub(super) fn log(number: usize, body: Option<&str>) -> Value {
    json!({
        "timestamp": NOW + number as i64 * 1_000_000_000, "received_at": NOW,
        "service_name": format!("s{}", number % 3), "severity_number": 9, "body": body,
    })
}

/// Keys of attributes that are indexed.
const KEYS: [&str; 2] = ["user", "session.id"];

/// [`log`] with attributes: texts, a number, two values, on the record and on the resource, in the
/// overflow and in a column.
fn log_with_attributes(number: usize, body: Option<&str>) -> Value {
    let mut log = log(number, body);
    let attributes = match number % 6 {
        0 => Value::Null,
        1 => json!({"user": body.unwrap_or("Ada card")}),
        2 => json!({"user": 7}),
        3 => json!({"other": "card", "user": {"$dup": ["card", "x"]}}),
        4 => json!({"user": "order_id=77 declined", "session.id": ["timeout"]}),
        _ => json!({"other": "card", "userx": "7"}),
    };
    if !attributes.is_null() {
        log["attributes"] = attributes.to_string().into();
    }
    if number.is_multiple_of(4) {
        log["resource_attributes"] = json!({"user": "x timeout"}).to_string().into();
    }
    if number % 3 == 1 {
        log["attributes.session.id"] = body.unwrap_or("7").into();
    }
    if number % 3 != 2 {
        log["trace_id"] = format!("{:032x}", number / 5).into();
    }
    log
}

/// A store whose parts of logs all have word indexes.
pub(super) struct Indexed {
    dir: tempfile::TempDir,
    store: Store,
}

impl Indexed {
    pub(super) async fn new() -> Self {
        Indexed::from(1).await
    }

    /// Whose parts have one from so many rows on.
    async fn from(rows_min: usize) -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).unwrap();
        let store = Indexed::open(dir.path(), rows_min).await;
        Indexed { dir, store }
    }

    async fn open(dir: &Path, index_rows_min: usize) -> Store {
        let never = Duration::from_secs(24 * 3600);
        let config = oriel_storage::Config {
            data_dir: dir.join("data"),
            flush_interval: never,
            compact_interval: never,
            commit_window: Duration::ZERO,
            index_rows_min,
            index_attributes: KEYS.map(str::to_owned).to_vec(),
            ..oriel_storage::Config::default()
        };
        let clock = Arc::new(ManualClock::at(UnixNanos(NOW)));
        let replay: ReplayFn = Arc::new(|_, _| Ok(Vec::new()));
        Store::open(config, clock, replay).await.unwrap()
    }

    /// Stores `logs` in one request.
    pub(super) async fn append(&self, logs: &[Value], flush: bool) {
        let schema = self.store.schemas().of(Table::Logs);
        let batch = Batch::new(schema, rows(schema, logs), BTreeSet::new()).unwrap();
        let body = serde_json::to_vec(logs).unwrap();
        let tenant = TenantId::default_tenant();
        let hash = self.store.request_hash(&tenant, Signal::Logs, &body);
        let Claim::New(claimed) = self.store.claim(hash).await.unwrap() else {
            panic!("the same logs twice");
        };
        let header = FrameHeader {
            tenant,
            signal: Signal::Logs,
            content_type: ContentType::Protobuf,
            content_encoding: ContentEncoding::Identity,
            decoder_version: 1,
            received_at: UnixNanos(NOW),
            request_hash: RequestHash(0),
        };
        let payload = Bytes::from(body);
        let frame = Frame { header, payload };
        let stored = self
            .store
            .append(claimed, frame, vec![batch], Answer::default());
        stored.await.unwrap();
        if flush {
            self.store.flush().await.unwrap();
        }
    }

    pub(super) fn router(&self) -> Router {
        let config = Config {
            threads: 2,
            ..Config::default()
        };
        let (router, _) =
            router(config, self.store.clone(), None, CancellationToken::new()).unwrap();
        router.into()
    }

    fn index_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.path().join("data/index")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path),
                }
            }
        }
        found
    }
}

pub(super) async fn answer(router: &Router, sql: &str) -> Value {
    let (status, answer) = ask(router, sql).await;
    assert_eq!(status, StatusCode::OK, "{sql}: {answer}");
    assert!(answer.get("error").is_none(), "{sql}: {answer}");
    answer
}

fn bodies() -> impl Strategy<Value = Vec<Option<String>>> {
    let word = prop::sample::select(vec![
        "card",
        "Declined",
        "getUserName",
        "timeout",
        "timeouts",
        "10.0.0.7:8080",
        "order_id=77",
        "7",
        "2eb48a52-a465-49a4-bf7c-f1cfa4d01ff3",
        "DECAF00D",
        "54321",
        "dead",
        "00000000000000000000000000000003",
        "a",
        "ſession",
        "SESSION",
        "\u{212A}elvin",
        "抹茶",
        "grün",
        "GRÜN",
        "-",
        "%",
        "x",
    ]);
    let body = prop::collection::vec((word, prop::sample::select(vec![" ", "", "_", "."])), 0..6);
    let body = body.prop_map(|words| {
        let words = words.into_iter();
        words
            .map(|(word, gap)| format!("{word}{gap}"))
            .collect::<String>()
    });
    prop::collection::vec(prop::option::weighted(0.9, body), 12..60)
}

fn pieces() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec![
        "card",
        "declined",
        "user",
        "Timeout",
        "imeou",
        "0.0.7",
        "order_id",
        " x ",
        "7",
        "session",
        "kelvin",
        "茶",
        "ü",
        "card Declined",
        "s",
        "e n",
        ". ",
        "getUser",
        "2EB48A52-a465",
        "f1cfa4d01ff3",
        "decaf00d",
        "dec",
        "de",
        "543",
        "54321",
        "00000000000000000000000000000003",
    ])
}

/// Of whole words and beginnings of words.
fn conditions_of_words() -> impl Strategy<Value = String> {
    prop_oneof![
        pieces().prop_map(|p| format!("matches(body, '{p}')")),
        pieces().prop_map(|p| format!("matches(body, '{p}*')")),
        pieces().prop_map(|p| format!("NOT matches(body, '{p}')")),
        (pieces(), pieces()).prop_map(|(p, q)| format!("matches(body, '{p} {q}*')")),
    ]
}

/// Of attributes.
fn conditions_of_attributes() -> impl Strategy<Value = String> {
    let place = prop::sample::select(vec![
        "attributes['user']",
        "resource_attributes['user']",
        "scope_attributes['user']",
        "attributes['session.id']",
        "\"attributes.session.id\"",
        "attributes['other']",
    ]);
    let test = prop_oneof![
        pieces().prop_map(|p| format!("= '{p}'")),
        pieces().prop_map(|p| format!("LIKE '%{p}%'")),
        pieces().prop_map(|p| format!("ILIKE '{p}%'")),
        Just("~ 'card|7'".to_owned()),
        Just("= 'order_id=77 declined'".to_owned()),
        Just("= '7'".to_owned()),
    ];
    prop_oneof![
        (place.clone(), test).prop_map(|(place, test)| format!("{place} {test}")),
        (place, pieces()).prop_map(|(place, p)| format!("matches({place}, '{p}*')")),
        pieces().prop_map(|p| format!(
            "(attributes['user'] = '{p}' OR resource_attributes['user'] = '{p}')"
        )),
    ]
}

fn conditions_of_all() -> impl Strategy<Value = String> {
    let piece = pieces();
    let regex = prop::sample::select(vec![
        "card|x",
        "(card|timeout).*7",
        "^card",
        "x$",
        "time(out)+s?",
        "[0-9]+\\.0",
        "\\bcard\\b",
        "(?i)SESSION",
        "card.*declined",
        "\\d{2}",
        "(?i)gr\u{fc}n",
        "a*x",
        "tim[e]out",
    ]);
    prop_oneof![
        piece.clone().prop_map(|p| format!("matches(body, '{p}')")),
        piece
            .clone()
            .prop_map(|p| format!("matches(body, '\"{p}\"')")),
        piece.clone().prop_map(|p| format!("matches(body, '{p}*')")),
        piece.clone().prop_map(|p| format!("body LIKE '%{p}%'")),
        piece.clone().prop_map(|p| format!("body LIKE '{p}%'")),
        piece.clone().prop_map(|p| format!("body ILIKE '%{p}%'")),
        piece.clone().prop_map(|p| format!("body ILIKE '%{p}_%x%'")),
        piece.clone().prop_map(|p| format!("body NOT LIKE '%{p}%'")),
        piece.clone().prop_map(|p| format!("body = '{p}'")),
        piece.prop_map(|p| format!("contains(body, '{p}')")),
        regex.clone().prop_map(|r| format!("body ~ '{r}'")),
        regex.clone().prop_map(|r| format!("body ~* '{r}'")),
        regex
            .clone()
            .prop_map(|r| format!("regexp_like(body, '{r}')")),
        regex.clone().prop_map(|r| format!("body !~ '{r}'")),
        regex.prop_map(|r| format!("body !~* '{r}'")),
        (0..9).prop_map(|n| format!("trace_id = '{n:032x}'")),
        (0..9).prop_map(|n| format!("trace_id IN ('{n:032x}', X'{:032x}')", n + 3)),
        (0..9).prop_map(|n| format!("trace_id <> '{n:032x}'")),
        Just("service_name = 's1'".to_owned()),
        Just(format!(
            "timestamp >= to_timestamp_nanos({})",
            NOW + 20_000_000_000
        )),
    ]
}

/// `leaf`s joined at random.
fn conditions(leaf: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    leaf.prop_recursive(2, 5, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts
                .clone()
                .prop_map(|parts| format!("({})", parts.join(" AND "))),
            parts.prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|one| format!("(({one}) IS NOT TRUE)")),
        ]
    })
}

/// Scenario: generated bodies in two parts, both indexed or only the second, and perhaps a buffer, and
/// the same in one buffer; conditions of words, LIKE, regular expressions, columns and attributes, joined
/// at random, or only of words; with counts, groups and newest-first lists, with and without the body.
/// Guarantees: the same rows. A search without a letter or digit is the same error.
#[tokio::test(flavor = "multi_thread")]
async fn indexed_or_not_is_the_same() {
    let mut runner = TestRunner::default();
    let mut used = 0;
    for round in 0..8 {
        let bodies = bodies().new_tree(&mut runner).unwrap().current();
        let logs: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(number, body)| log_with_attributes(number, body.as_deref()))
            .collect();
        let mut plain = World::new();
        plain.buffer(Table::Logs, &logs, &[]);
        let plain = plain.router();
        let third = logs.len() / 3;
        let indexed = Indexed::from(if round % 2 == 0 { 1 } else { third + 1 }).await;
        indexed.append(&logs[..third], true).await;
        indexed.append(&logs[third..2 * third + 1], true).await;
        let flush = round % 4 < 2;
        indexed.append(&logs[2 * third + 1..], flush).await;
        let router = indexed.router();
        for number in 0..40 {
            let leaf = match number % 3 {
                0 => conditions_of_words().boxed(),
                1 => conditions_of_all().boxed(),
                _ => prop_oneof![conditions_of_attributes(), conditions_of_words()].boxed(),
            };
            let condition = conditions(leaf);
            let condition = condition.new_tree(&mut runner).unwrap().current();
            for what in [
                "SELECT body FROM logs WHERE {} ORDER BY timestamp DESC LIMIT 5",
                "SELECT service_name FROM logs WHERE {} ORDER BY timestamp LIMIT 5",
                "SELECT count(*), min(timestamp), max(service_name) FROM logs WHERE {}",
                "SELECT count(*) FROM logs WHERE {}",
                "SELECT count(*) FROM (SELECT 1 FROM logs WHERE {} LIMIT 7)",
                "SELECT service_name, count(*), count(body) FROM logs WHERE {} GROUP BY 1 ORDER BY 1",
            ] {
                let what = what.replace("{}", &condition);
                let (status, want) = ask(&plain, &what).await;
                let (found_status, found) = ask(&router, &what).await;
                assert_eq!(status, found_status, "{what}: {want} {found}");
                assert_eq!(want["rows"], found["rows"], "{what}: {bodies:?}");
                used += found["receipt"]["index"]["parts"].as_u64().unwrap_or(0);
            }
        }
    }
    assert!(used > 100, "indexes were used {used} times");
}

/// Scenario: a needle in one of two parts; a word of all rows; a phrase of such words; no word at all;
/// EXPLAIN of the first.
/// Guarantees: the receipt and EXPLAIN say which parts were read by their index, and how many rows it
/// named; only those are read. `matches` without a word is an error that says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_tells() {
    let indexed = Indexed::new().await;
    let logs: Vec<Value> = (0..2000)
        .map(|number| log(number, Some(&format!("order {number} accepted"))))
        .collect();
    indexed.append(&logs[..1900], true).await;
    indexed.append(&logs[1900..], true).await;
    let router = indexed.router();
    let needle = "SELECT body FROM logs WHERE matches(body, 'ORDER 77')";
    let found = answer(&router, needle).await;
    assert_eq!(found["rows"], json!([["order 77 accepted"]]));
    let receipt = &found["receipt"];
    let index =
        json!({"parts": 2, "parts_skipped": 1, "rows": 1, "parts_common": 0, "parts_unindexed": 0});
    assert_eq!(receipt["index"], index);
    assert_eq!(receipt["rows_read"], json!(1), "{receipt}");
    let common = answer(
        &router,
        "SELECT count(*) FROM logs WHERE matches(body, 'order')",
    )
    .await;
    assert_eq!(common["rows"], json!([[2000]]));
    let index = json!({"parts": 2, "parts_skipped": 0, "rows": 2000, "parts_common": 0, "parts_unindexed": 0});
    assert_eq!(common["receipt"]["index"], index);
    assert_eq!(common["receipt"]["rows_read"], json!(0), "{common}");
    let phrase = "SELECT count(*) FROM logs WHERE matches(body, '\"accepted order\"')";
    let phrase = answer(&router, phrase).await;
    assert_eq!(phrase["rows"], json!([[0]]));
    assert_eq!(phrase["receipt"]["index"]["parts_common"], json!(1));
    let none = answer(&router, "SELECT count(*) FROM logs").await;
    assert!(none["receipt"].get("index").is_none());
    for explain in ["EXPLAIN", "EXPLAIN ANALYZE"] {
        let plan = answer(&router, &format!("{explain} {needle}")).await;
        let rows = plan["rows"].as_array().unwrap();
        let last = rows.last().unwrap();
        let told = "parts=2, skipped=1, rows=1, common=0, unindexed=0";
        assert_eq!(*last, json!(["word_index", told]), "{plan}");
    }
    let (status, error) = ask(&router, "SELECT 1 FROM logs WHERE matches(body, '--')").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("no letter or digit"), "{message}");
}

/// Scenario: attributes with and without words in the index, in the record, its resource and a column.
/// Guarantees: the index names few rows for those that it has, as SQL and in the search bar's form; of
/// others it is not asked.
#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_looked_up() {
    let indexed = Indexed::new().await;
    let logs: Vec<Value> = (0..2000)
        .map(|number| {
            let mut log = log(number, Some("order accepted"));
            let user = json!({"user": format!("u-{number}"), "other": format!("o-{number}")});
            log["attributes"] = user.to_string().into();
            log["resource_attributes"] = json!({"user": format!("r-{}", number / 20)})
                .to_string()
                .into();
            log["attributes.session.id"] = format!("session {number}").into();
            log
        })
        .collect();
    indexed.append(&logs, true).await;
    let router = indexed.router();
    for (condition, count, rows) in [
        ("attributes['user'] = 'u-77'", 1, Some(1)),
        ("resource_attributes['user'] LIKE 'r-7'", 20, Some(20)),
        ("attributes['session.id'] LIKE '%session 77'", 1, Some(1)),
        ("\"attributes.session.id\" = 'session 78'", 1, Some(1)),
        (
            "(attributes['user'] = 'u-7' OR resource_attributes['user'] = 'u-7' \
             OR scope_attributes['user'] = 'u-7')",
            1,
            Some(1),
        ),
        ("attributes['other'] = 'o-77'", 1, None),
    ] {
        let sql = format!("SELECT count(*) FROM logs WHERE {condition}");
        let found = answer(&router, &sql).await;
        assert_eq!(found["rows"], json!([[count]]), "{found}");
        let named = found["receipt"]["index"]["rows"].as_u64();
        assert_eq!(named, rows, "{condition}: {found}");
    }
}

/// Scenario: words that most rows have, counted by time and by service; then with a row in the buffer.
/// Guarantees: the body is not read where an index names the rows; it is where none does.
#[tokio::test(flavor = "multi_thread")]
async fn exact_words_leave_the_body_alone() {
    let indexed = Indexed::new().await;
    let body = |number: usize| format!("order {number} {}", ["lost", "found"][number % 2]);
    let logs: Vec<Value> = (0..3000)
        .map(|number| log(number, Some(&body(number))))
        .collect();
    indexed.append(&logs, true).await;
    let router = indexed.router();
    let condition = "(matches(body, 'ORDER') AND (matches(body, 'foun*') OR matches(body, '6'))) \
                     AND (matches(body, '9') IS NOT TRUE) AND severity_number >= 9";
    let asked = [
        format!(
            "SELECT date_bin(INTERVAL '1 hour', timestamp) AS t, count(*) FROM logs WHERE {condition} GROUP BY 1"
        ),
        format!("SELECT service_name, count(*) FROM logs WHERE {condition} GROUP BY 1 ORDER BY 1"),
    ];
    let plan = async |sql: &String| {
        let plan = answer(&router, &format!("EXPLAIN {sql}")).await;
        let rows = plan["rows"].as_array().unwrap().iter();
        let physical = rows.filter(|row| row[0].as_str() == Some("physical_plan"));
        physical
            .map(|row| row[1].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    for sql in &asked {
        let physical = plan(sql).await;
        assert!(physical.contains("DataSourceExec"), "{physical}");
        assert!(!physical.contains("body"), "{physical}");
    }
    let found = answer(&router, &asked[0]).await;
    assert_eq!(found["rows"][0][1], json!(1500), "{found}");
    indexed
        .append(&[log(3001, Some("order found"))], false)
        .await;
    for sql in &asked {
        let physical = plan(sql).await;
        assert!(physical.contains("matches(body"), "{physical}");
    }
    let found = answer(&router, &asked[0]).await;
    assert_eq!(found["rows"][0][1], json!(1501), "{found}");
}

/// Scenario: the index of one part is overwritten, that of another is gone.
/// Guarantees: the same answer, read from the parts.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_indexes_change_no_answer() {
    let mut indexed = Indexed::new().await;
    for part in 0..2 {
        let logs: Vec<Value> = (0..50)
            .map(|number| log(number, Some(&format!("part {part} order {number}"))))
            .collect();
        indexed.append(&logs, true).await;
    }
    let ask = "SELECT body FROM logs WHERE matches(body, '\"order 7\"') ORDER BY body";
    let want = json!([["part 0 order 7"], ["part 1 order 7"]]);
    let found = answer(&indexed.router(), ask).await;
    assert_eq!(found["rows"], want);
    assert_eq!(found["receipt"]["index"]["parts"], json!(2));
    indexed.store.close().await.unwrap();
    let files = indexed.index_files();
    let length = std::fs::metadata(&files[0]).unwrap().len() as usize;
    std::fs::write(&files[0], vec![7; length]).unwrap();
    std::fs::remove_file(&files[1]).unwrap();
    indexed.store = Indexed::open(indexed.dir.path(), 1).await;
    for _ in 0..2 {
        let found = answer(&indexed.router(), ask).await;
        assert_eq!(found["rows"], want);
        assert_eq!(found["receipt"]["index"]["parts_unindexed"], json!(2));
    }
}

/// Scenario: six parts, one after the other in time; the newest five rows, and the newest five of a
/// word that is everywhere, on one thread.
/// Guarantees: the newest rows; older parts are not read.
#[tokio::test(flavor = "multi_thread")]
async fn newest_first_stops_early() {
    let indexed = Indexed::new().await;
    for part in 0..6 {
        let logs: Vec<Value> = (0..1100)
            .map(|number| log(part * 1100 + number, Some(&format!("order {number}"))))
            .collect();
        indexed.append(&logs, true).await;
    }
    let config = Config {
        threads: 1,
        ..Config::default()
    };
    let (router, _) = router(
        config,
        indexed.store.clone(),
        None,
        CancellationToken::new(),
    )
    .unwrap();
    let router = router.into();
    for condition in ["TRUE", "matches(body, 'order')"] {
        let sql =
            format!("SELECT body FROM logs WHERE {condition} ORDER BY timestamp DESC LIMIT 2");
        let found = answer(&router, &sql).await;
        assert_eq!(found["rows"], json!([["order 1099"], ["order 1098"]]));
        let read = found["receipt"]["rows_read"].as_u64().unwrap();
        assert!(read <= 3 * 1100, "{condition}: {found}");
    }
}

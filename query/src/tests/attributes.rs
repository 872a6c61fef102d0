//! `attributes['key']`: types by use, promoted columns, strays, columns that a part lacks.

use oriel_storage::schema::Table;
use serde_json::{Value, json};

use crate::testing::World;

/// Five spans whose key `x` has five types, and a promoted integer with a stray.
async fn typed(in_part: bool) -> World {
    let mut world = World::new();
    let span = |name: &str, x: Value, status: Value| {
        let mut overflow = json!({ "x": x, "always": name, "m": {"inner": {"deep": 5}} });
        let mut row = json!({ "name": name });
        match status {
            Value::Number(number) if number.is_i64() => {
                row["attributes.http.response.status_code"] = json!(number);
            }
            Value::Null => {}
            stray => overflow["http.response.status_code"] = stray,
        }
        row["attributes"] = json!(overflow.to_string());
        row
    };
    let rows = [
        span("int", json!(500), json!(500)),
        span("double", json!(1.5), json!(200)),
        span("text", json!("400"), json!("404")),
        span("bool", json!(true), json!(503.5)),
        span("none", Value::Null, Value::Null),
    ];
    let strays = ["attributes.http.response.status_code"];
    if in_part {
        world.part(Table::Spans, &rows, &strays).await;
    } else {
        world.buffer(Table::Spans, &rows, &strays);
    }
    world
}

async fn names(world: &World, condition: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM spans WHERE {condition} ORDER BY name");
    let rows = world.rows(&sql).await;
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect()
}

/// Scenario: a key with values of five types, and a promoted key with strays, in each place where
/// a type is asked for; rows in a part and rows in a buffer.
/// Guarantees: docs/sql.md's table of types, the same from part and buffer.
#[tokio::test(flavor = "multi_thread")]
async fn type_follows_use() {
    for in_part in [true, false] {
        let world = typed(in_part).await;
        let status = "attributes['http.response.status_code']";
        for (condition, want) in [
            ("attributes['x'] > 400", vec!["int"]),
            ("400 < attributes['x']", vec!["int"]),
            ("attributes['x'] = 1.5", vec!["double"]),
            ("attributes['x'] BETWEEN 1 AND 2", vec!["double"]),
            ("attributes['x'] IN (500, 1.5)", vec!["double", "int"]),
            ("attributes['x'] = '400'", vec!["text"]),
            ("attributes['x'] IN ('400', 'true')", vec!["bool", "text"]),
            ("attributes['x'] = true", vec!["bool"]),
            ("attributes['x'] IS TRUE", vec!["bool"]),
            ("attributes['x'] LIKE '40%'", vec!["text"]),
            ("attributes['x'] IS NULL", vec!["none"]),
            ("attributes['x'] + 1 = 501", vec!["int"]),
            ("attributes['x']::double > 1", vec!["double", "int"]),
            ("CAST(attributes['x'] AS BIGINT) = 1", vec!["double"]),
            (&format!("{status} >= 500"), vec!["bool", "int"]),
            (&format!("{status} = 200"), vec!["double"]),
            (&format!("{status} = '404'"), vec!["text"]),
            (&format!("{status} IS NULL"), vec!["none"]),
            (
                "attributes['m']['inner']['deep'] = 5 AND name = 'int'",
                vec!["int"],
            ),
            ("attributes['absent'] = 'x'", vec![]),
        ] {
            assert_eq!(
                names(&world, condition).await,
                want,
                "{condition} {in_part}"
            );
        }
    }
}

/// Scenario: attributes selected, grouped, ordered, summed, without a comparison.
/// Guarantees: text where nothing asks for a type; aggregates are over the numbers.
#[tokio::test(flavor = "multi_thread")]
async fn text_alone_numbers_in_aggregates() {
    let world = typed(true).await;
    let answer = world
        .ask("SELECT attributes['x'], attributes['http.response.status_code'] AS s FROM spans ORDER BY name")
        .await;
    assert_eq!(
        answer["columns"],
        json!([{"name": "attributes['x']", "type": "text"}, {"name": "s", "type": "text"}])
    );
    assert_eq!(
        answer["rows"],
        json!([
            ["true", "503.5"],
            ["1.5", "200"],
            ["500", "500"],
            [null, null],
            ["400", "404"]
        ])
    );
    let sums = world
        .rows("SELECT sum(attributes['x']), avg(attributes['x']), count(attributes['x']), max(attributes['x']::double) FROM spans")
        .await;
    assert_eq!(sums, json!([[501.5, 250.75, 4, 500.0]]));
    let groups = world
        .rows("SELECT attributes['always'], count(*) FROM spans GROUP BY attributes['always'] HAVING count(*) = 1 ORDER BY attributes['always'] LIMIT 2")
        .await;
    assert_eq!(groups, json!([["bool", 1], ["double", 1]]));
}

/// Scenario: a promoted key without strays, in two parts.
/// Guarantees: the overflow is not read, and the part that cannot match is not opened.
#[tokio::test(flavor = "multi_thread")]
async fn promoted_column_prunes() {
    let mut world = World::new();
    for code in [200, 500] {
        let row = json!({
            "name": "s", "attributes.http.response.status_code": code,
            "attributes.http.route": format!("/{code}"), "attributes": "{\"a\":1}",
        });
        world.part(Table::Spans, &[row], &[]).await;
    }
    for condition in [
        "attributes['http.response.status_code'] >= 500",
        "attributes['http.route'] = '/500'",
    ] {
        let answer = world
            .ask(&format!("SELECT count(*) FROM spans WHERE {condition}"))
            .await;
        assert_eq!(answer["rows"], json!([[1]]));
        assert_eq!(answer["receipt"]["files_considered"], json!(2), "{answer}");
        assert_eq!(
            answer["receipt"]["files_pruned"],
            json!(1),
            "{condition}: {answer}"
        );
        let plan = world
            .rows(&format!(
                "EXPLAIN SELECT count(*) FROM spans WHERE {condition}"
            ))
            .await
            .to_string();
        assert!(!plan.contains("attribute("), "{plan}");
    }
}

/// Scenario: a part from before a column was promoted, one with it, and a buffer.
/// Guarantees: the key is found in all three; the column itself reads NULL in the old part.
#[tokio::test(flavor = "multi_thread")]
async fn column_missing_in_old_part() {
    let extra = [(Table::Spans, "attributes.shop.tier".parse().unwrap())];
    let schemas = oriel_storage::schema::Schemas::with_promoted(&extra).unwrap();
    let mut world = World::with_schemas(schemas);
    let count = world.schemas.of(Table::Spans).columns.len();
    let old = json!({"name": "old", "attributes": "{\"shop.tier\":\"gold\"}"});
    let new = json!({"name": "new", "attributes.shop.tier": "gold"});
    world.part_of(Table::Spans, &[old], &[], count - 1).await;
    world
        .part(Table::Spans, std::slice::from_ref(&new), &[])
        .await;
    world.buffer(Table::Spans, &[new], &[]);
    assert_eq!(
        names(&world, "attributes['shop.tier'] = 'gold'").await,
        ["new", "new", "old"]
    );
    let columns = world
        .rows("SELECT name, \"attributes.shop.tier\" FROM spans ORDER BY name")
        .await;
    assert_eq!(
        columns,
        json!([["new", "gold"], ["new", "gold"], ["old", null]])
    );
}

/// Scenario: attributes of resources, of scopes, of events and links in the views; through joins,
/// subqueries and an inner query that drops the promoted column.
/// Guarantees: all are read by key; the last is an error that says what to do, not a wrong answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_level_and_views() {
    let mut world = World::new();
    let row = json!({
        "name": "s", "trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708",
        "resource_attributes.k8s.pod.name": "p1", "resource_attributes": "{\"team\":\"blue\"}",
        "scope_attributes": "{\"lib\":\"x\"}", "service_name": "cart",
        "attributes.http.route": "/a",
        "events": [{"time": 5, "name": "exception", "attributes": "{\"exception.type\":\"E\",\"n\":3}", "dropped_attributes_count": 0}],
        "links": [{"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060709", "flags": 0, "attributes": "{\"why\":\"batch\"}", "dropped_attributes_count": 0}],
    });
    world.part(Table::Spans, &[row], &[]).await;
    let check = async |sql: &str, want: Value| assert_eq!(world.rows(sql).await, want, "{sql}");
    check(
        "SELECT resource_attributes['k8s.pod.name'], resource_attributes['team'], scope_attributes['lib'], resource_attributes['service.name'] FROM spans",
        json!([["p1", "blue", "x", "cart"]]),
    ).await;
    check(
        "SELECT name, span_name, service_name, attributes['exception.type'], resource_attributes['k8s.pod.name'], time FROM span_events WHERE attributes['n'] > 2 AND trace_id = '0102030405060708090A0B0C0D0E0F10'",
        json!([["exception", "s", "cart", "E", "p1", "1970-01-01T00:00:00.000000005Z"]]),
    ).await;
    check(
        "SELECT linked_span_id, e.attributes['why'] FROM span_links e",
        json!([["0102030405060709", "batch"]]),
    )
    .await;
    check(
        "SELECT a.attributes['http.route'], b.attributes['http.route'] FROM spans a JOIN spans b ON a.trace_id = b.trace_id",
        json!([["/a", "/a"]]),
    ).await;
    check(
        "WITH t AS (SELECT * FROM spans) SELECT attributes['http.route'] FROM t WHERE attributes['http.route'] IN (SELECT attributes['http.route'] FROM spans)",
        json!([["/a"]]),
    ).await;
    let error = world
        .error("SELECT attributes['http.route'] FROM (SELECT attributes FROM spans)")
        .await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("does not pass on"),
        "{error}"
    );
}

//! Queries of hours, which end soon after nobody wants them any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oriel_storage::schema::Table;
use serde_json::json;

use crate::error::Code;
use crate::execute::{Engine, Piece};
use crate::testing::World;

/// How long something may take that takes a moment, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Each of another kind, and endless for a test: what they join, sort, group, compare or match are
/// billions of rows or pairs, or texts that take seconds each.
const HEAVY: [&str; 20] = [
    "SELECT count(*) FROM spans a JOIN spans b ON a.service_name = b.service_name
     JOIN spans c ON c.service_name = b.service_name
     WHERE regexp_like(a.name || b.name || c.name, '(x+x+)+y')",
    "SELECT count(*) FROM spans a JOIN spans b ON regexp_like(a.name || b.name, '(x+x+)+y')
     JOIN spans c ON regexp_like(a.name || c.name, '(x+x+)+y')",
    "SELECT count(*) FROM spans a LEFT JOIN (SELECT b.name FROM spans b, spans c) d
     ON regexp_like(a.name || d.name, '(x+x+)+y')",
    "SELECT count(*) FROM spans a WHERE NOT EXISTS (SELECT 1 FROM spans b, spans c
     WHERE a.duration + b.duration < -1 AND regexp_like(a.name || c.name, '(x+x+)+y'))",
    "SELECT count(*) FROM spans a, spans b, spans c WHERE a.duration + b.duration + c.duration < 0",
    "SELECT a.name, b.name, c.name FROM spans a, spans b, spans c
     ORDER BY a.duration * b.duration - c.duration",
    "SELECT a.name, count(*) FROM spans a, spans b, spans c GROUP BY 1",
    "SELECT count(distinct a.duration * b.duration) FROM spans a, spans b, spans c",
    "SELECT count(*) FROM spans a WHERE a.service_name IN
     (SELECT b.service_name FROM spans b, spans c, spans d)",
    "SELECT count(*) FROM spans a, spans b, spans c WHERE a.service_name NOT IN
     (SELECT d.service_name FROM spans d WHERE d.duration > 1)",
    "SELECT count(*) FROM generate_series(1, 9000000000000) a WHERE a.value % 10 = 11",
    "SELECT * FROM generate_series(1, 9000000000000) a ORDER BY 1 DESC",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r WHERE n < 0",
    "SELECT sum(value) OVER (ORDER BY value ROWS BETWEEN 1000 PRECEDING AND 1000 FOLLOWING)
     FROM generate_series(1, 9000000000000)",
    "SELECT count(*) FROM generate_series(1, 900000000)
     WHERE levenshtein(repeat('a', 3000 + value % 2), repeat('b', 3000)) = 1",
    "SELECT max(levenshtein(repeat('a', 3000 + value % 2), repeat('b', 3000)))
     FROM generate_series(1, 900000000)",
    "SELECT count(*) FROM generate_series(1, 900000000)
     WHERE regexp_like(repeat('ab', 5000 + value % 2), '(a|b)*a(a|b){100}c')",
    "SELECT max(length(regexp_replace(repeat('ab', 5000 + value % 2), '(a|b)*a(a|b){100}c', 'x')))
     FROM generate_series(1, 900000000)",
    "SELECT count(*) FROM (SELECT unnest(range(0, 8000)) AS v FROM spans a, spans b) WHERE v < 0",
];

fn world() -> World {
    let mut world = World::new();
    world.config.rows_max = usize::MAX;
    let spans: Vec<_> = (0..20_000)
        .map(|row| {
            let (name, service) = (format!("GET /item/{row}"), format!("s{}", row % 3));
            json!({"name": name, "service_name": service, "duration": row})
        })
        .collect();
    world.buffer(Table::Spans, &spans, &[]);
    world
}

/// Starts `sql`, does `then` when it is under way, and gives the error that it ends with.
async fn ended(world: &World, engine: &Engine, sql: &str, then: impl FnOnce()) -> Code {
    let (id, snapshot) = (Some("q".to_owned()), Arc::new(world.snapshot()));
    let asked = engine.query_as(id, snapshot, sql.to_owned()).await;
    let mut answer = asked.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    // The first rows, or the work on them.
    let first = tokio::time::timeout(Duration::from_millis(100), answer.next()).await;
    then();
    let mut piece = first.unwrap_or(None);
    loop {
        match piece {
            Some(Piece::Failed(error)) => return error.code,
            Some(Piece::End(_)) => panic!("{sql} has ended"),
            Some(Piece::Rows(_)) | None => piece = answer.next().await,
        }
    }
}

/// Waits until no task works for a query.
async fn until_idle(engine: &Engine, sql: &str) {
    let asked = Instant::now();
    while engine.working() > 0 {
        assert!(asked.elapsed() < PATIENCE, "still at work: {sql}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(engine.queries().count(), 0, "{sql}");
    assert_eq!(engine.memory().used(), 0, "{sql}");
}

/// Scenario: queries of hours of many kinds, each cancelled when it is under way.
/// Guarantees: its client is told; all tasks that work for it end, and until then it is listed; its
/// memory is given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_ends() {
    let mut world = world();
    world.config.time_limit = Duration::from_secs(1_000_000);
    let engine = world.engine();
    for sql in HEAVY {
        let cancel = || engine.queries().cancel("q").expect("runs");
        let code = ended(&world, &engine, sql, cancel).await;
        assert_eq!(code, Code::Cancelled, "{sql}");
        until_idle(&engine, sql).await;
    }
}

/// Scenario: the same queries with a short time limit.
/// Guarantees: each is told to have timed out, or to have met its memory limit before, which a fast
/// machine may; its work ends and its memory is given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_ends() {
    let mut world = world();
    world.config.time_limit = Duration::from_secs(1);
    let engine = world.engine();
    for sql in HEAVY {
        let code = ended(&world, &engine, sql, || {}).await;
        assert!(
            matches!(code, Code::Timeout | Code::MemoryLimit),
            "{code:?}: {sql}"
        );
        until_idle(&engine, sql).await;
    }
}

/// Scenario: a client asks for very many rows and does not read.
/// Guarantees: its query ends when its time is over, and keeps no place from then on; the client is
/// told when it reads again.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_keeps_nothing() {
    let mut world = world();
    world.config.time_limit = Duration::from_millis(500);
    let engine = world.engine();
    let sql = "SELECT a.name, b.name, c.name FROM spans a, spans b, spans c";
    let snapshot = Arc::new(world.snapshot());
    let mut answer = engine
        .query(snapshot, sql.to_owned())
        .await
        .expect("starts");
    until_idle(&engine, sql).await;
    let mut last = None;
    while let Some(piece) = answer.next().await {
        last = Some(piece);
    }
    assert!(matches!(last, Some(Piece::Failed(error)) if error.code == Code::Timeout));
}

/// Scenario: queries are refused for want of memory while one runs.
/// Guarantees: new ones are told 503 and why; the one that runs goes on; afterwards all is as before.
#[tokio::test(flavor = "multi_thread")]
async fn new_queries_can_be_refused() {
    let world = world();
    let engine = world.engine();
    let snapshot = Arc::new(world.snapshot());
    let query = |sql: &str| engine.query(Arc::clone(&snapshot), sql.to_owned());
    let running = query(HEAVY[11]).await.expect("starts");
    engine.queries().refuse_new(true);
    let refused = query("SELECT 1").await.expect_err("refused");
    assert_eq!(refused.code, Code::Unavailable);
    assert!(refused.message.contains("memory") && refused.hint.is_some());
    let asked = Instant::now();
    while engine.memory().used() == 0 {
        assert!(asked.elapsed() < PATIENCE, "the sort holds nothing");
        tokio::task::yield_now().await;
    }
    engine.queries().refuse_new(false);
    query("SELECT 1").await.expect("starts");
    drop(running);
    until_idle(&engine, "all").await;
}

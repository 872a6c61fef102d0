//! Deletion in a store: what is selected goes, everywhere, and nothing else.

use super::*;
use crate::Store;
use crate::part::sample::NOW;
use crate::testing::{Home, Request};
use crate::tests::rows::{rows, summarised};

/// Scenario: values as the overflow encodes them.
/// Guarantees: each is found by its text, in every type and when it was sent twice.
#[test]
fn values_are_compared_by_their_text() {
    let check = |json: &str, text: &str, want: bool| {
        let value = serde_json::from_str(json).unwrap();
        assert_eq!(same(&value, text), want, "{json} {text}");
    };
    check("\"a\"", "a", true);
    check("\"a\"", "b", false);
    check("503", "503", true);
    check("2.0", "2", true);
    check("2.0", "2.0", true);
    check("true", "true", true);
    check(r#"{"$int":"9007199254740993"}"#, "9007199254740993", true);
    check(r#"{"$dup":["a",7]}"#, "7", true);
    check(r#"{"$bytes":"AA=="}"#, "AA==", false);
    check("null", "null", false);
    check(r#"["a"]"#, "a", false);
}

async fn shown(store: &Store, table: Table) -> usize {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    rows(store, &snapshot, table, true)
        .await
        .unwrap()
        .values()
        .sum()
}

/// Scenario: rows in several parts and in buffers; those of some times are deleted, tried first;
/// then those with an attribute; then all of a trace.
/// Guarantees: the dry run counts what goes and changes nothing; what is selected is gone, buffered
/// rows too, after a restart too; summaries count exactly the spans that are left; files go.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_selected_goes() {
    let mut home = Home::new();
    home.config.unlink_grace = std::time::Duration::ZERO;
    let store = home.open().await;
    let tenant = TenantId::default_tenant();
    for number in 0..6 {
        let tables = [(Table::Spans, 4), (Table::Logs, 3), (Table::Metrics, 2)];
        Request::new(number, &tables).send(&store).await.unwrap();
        if number % 2 == 0 {
            store.flush().await.unwrap();
        }
    }
    // Row r of request n has the time NOW + n ms + r µs.
    let times = Selection {
        from: Some(UnixNanos(NOW + 1_000_000)),
        to: Some(UnixNanos(NOW + 2_000_000 + 2_000)),
        ..Selection::default()
    };
    let would = store
        .delete(&tenant, &times, true, Arc::default())
        .await
        .unwrap();
    let want = [("logs", 5), ("metrics", 4), ("spans", 6)];
    let want: BTreeMap<_, _> = want.map(|(table, rows)| (table.to_owned(), rows)).into();
    assert_eq!((would.rows.clone(), would.parts), (want, 3));
    assert_eq!(shown(&store, Table::Spans).await, 24);
    let did = store
        .delete(&tenant, &times, false, Arc::default())
        .await
        .unwrap();
    assert_eq!((did.rows, did.bytes), (would.rows, would.bytes));
    let left = async |store: &Store| {
        let snapshot = store.snapshot(&TenantId::default_tenant());
        let summaries = summarised(store, &snapshot).await.unwrap();
        let spans = shown(store, Table::Spans).await;
        assert_eq!(summaries, spans as i64);
        (
            spans,
            shown(store, Table::Logs).await,
            shown(store, Table::Metrics).await,
        )
    };
    assert_eq!(left(&store).await, (18, 13, 8));
    assert_eq!(store.stats().buffer_rows, 0);
    let again = store
        .delete(&tenant, &times, false, Arc::default())
        .await
        .unwrap();
    assert_eq!(again, Deleted::default());
    let attribute = Selection {
        tables: vec![Table::Logs],
        attributes: vec![AttributeIs {
            level: Some(Level::Record),
            key: "text".to_owned(),
            value: "3".to_owned(),
        }],
        ..Selection::default()
    };
    let gone = store
        .delete(&tenant, &attribute, false, Arc::default())
        .await
        .unwrap();
    let logs = gone.rows["logs"] as usize;
    assert!(logs > 0 && gone.rows.len() == 1, "{gone:?}");
    assert_eq!(left(&store).await, (18, 13 - logs, 8));
    let snapshot = store.snapshot(&tenant);
    let part = Arc::clone(&snapshot.parts(Table::Spans)[0]);
    drop(snapshot);
    let ctx = &store.0.engine.parts;
    let batch = &crate::part::sample::read(ctx, &part)[0];
    let id = batch
        .column_by_name("trace_id")
        .unwrap()
        .as_binary::<i32>()
        .value(0);
    let of_trace = Selection {
        trace_id: Some(id.try_into().unwrap()),
        ..Selection::default()
    };
    let old = home.config.data_dir.join(&part.path);
    // A living snapshot would keep the file.
    drop(part);
    let gone = store
        .delete(&tenant, &of_trace, false, Arc::default())
        .await
        .unwrap();
    let spans = gone.rows["spans"] as usize;
    let logs_left = 13 - logs - gone.rows.get("logs").map_or(0, |rows| *rows as usize);
    assert_eq!(left(&store).await, (18 - spans, logs_left, 8));
    let everything = store
        .delete(&tenant, &Selection::default(), true, Arc::default())
        .await
        .unwrap_err();
    assert_eq!(everything.kind(), crate::ErrorKind::Invalid);
    home.clock.set(UnixNanos(NOW + 1_000_000_000));
    store.expire().await.unwrap();
    assert!(!old.exists(), "old files are unlinked");
    drop(store);
    let store = home.open().await;
    assert_eq!(left(&store).await, (18 - spans, logs_left, 8));
}

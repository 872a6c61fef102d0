//! The catalog against itself: what is committed is what is found again, and what others did to
//! the database is noticed. That DuckDB reads it is proved in tests/lake.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oriel_proto::UnixNanos;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::{Catalog, CatalogState, Commit, CommitKind};
use crate::layout::{Layout, part_path};
use crate::schema::{PromotedKey, Table};
use crate::{
    ColumnStats, Error, ErrorKind, ManualClock, PartId, PartMeta, StatValue, TenantId, WalPosition,
};

const SECOND: i64 = 1_000_000_000;
const DAY: i32 = 20_780;

/// A data directory with a catalog that can be opened again and again.
struct Place {
    dir: TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        Place {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(at(0))),
        }
    }

    fn open(&self, promote: &[&str]) -> (Catalog, CatalogState) {
        self.try_open(promote).unwrap()
    }

    fn try_open(&self, promote: &[&str]) -> crate::Result<(Catalog, CatalogState)> {
        let promote: Vec<(Table, PromotedKey)> = promote
            .iter()
            .map(|key| (Table::Spans, key.parse().unwrap()))
            .collect();
        let clock = Arc::<ManualClock>::clone(&self.clock);
        Catalog::open(&self.layout(), &promote, clock)
    }

    fn layout(&self) -> Layout {
        Layout::new(self.dir.path())
    }

    /// Another program's view of the database.
    fn sql(&self) -> Connection {
        Connection::open(self.layout().catalog()).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.sql().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn strings(&self, sql: &str) -> Vec<String> {
        let db = self.sql();
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// `second` seconds into the test.
fn at(second: i64) -> UnixNanos {
    UnixNanos(i64::from(DAY) * UnixNanos::DAY + second * SECOND)
}

fn stat(
    column: &str,
    values: u64,
    nulls: u64,
    range: Option<(StatValue, StatValue)>,
) -> ColumnStats {
    let (min, max) = range.unzip();
    ColumnStats {
        column: column.to_owned(),
        value_count: values,
        null_count: nulls,
        min,
        max,
    }
}

fn text(min: &str, max: &str) -> Option<(StatValue, StatValue)> {
    Some((StatValue::Text(min.into()), StatValue::Text(max.into())))
}

fn part_of(tenant: &TenantId, table: Table, rows: u64) -> PartMeta {
    let time = match table {
        Table::Spans => "start_time",
        Table::Logs => "timestamp",
        Table::Metrics => "time",
        Table::Traces => "min_start",
    };
    let (min, max) = (at(1).0 + 1, at(9).0 + 9);
    PartMeta {
        id: PartId(0),
        tenant: tenant.clone(),
        table,
        day: DAY,
        odd: false,
        path: part_path(tenant, table, DAY),
        rows,
        bytes: rows * 10,
        footer_bytes: 77,
        time_min: UnixNanos(min),
        time_max: UnixNanos(max),
        level: 0,
        checksum: u64::MAX - rows,
        strays: BTreeSet::new(),
        columns_count: 20,
        stats: vec![stat(
            time,
            rows,
            0,
            Some((StatValue::Int(min), StatValue::Int(max))),
        )],
        format: 0,
    }
}

fn part(table: Table, rows: u64) -> PartMeta {
    part_of(&TenantId::default_tenant(), table, rows)
}

fn flush(add: Vec<PartMeta>) -> Commit {
    Commit {
        add,
        remove: Vec::new(),
        flushed: None,
        seen: None,
        why: CommitKind::Flush,
    }
}

fn compact(remove: &[Arc<PartMeta>], add: Vec<PartMeta>) -> Commit {
    Commit {
        remove: remove.to_vec(),
        why: CommitKind::Compact,
        ..flush(add)
    }
}

/// Scenario: a fresh directory, opened twice.
/// Guarantees: the lake of the extension's first attach plus the four tables of `default`; secret
/// and snapshot stay, the epoch rises, nothing is flushed.
#[test]
fn creates_a_lake() {
    let place = Place::new();
    let (catalog, state) = place.open(&[]);
    assert_eq!((state.snapshot_id, state.epoch), (1, 1));
    assert_eq!(state.flushed, WalPosition(0));
    assert!(state.parts.is_empty() && state.seen.is_empty());
    assert_eq!(
        place.strings("SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id"),
        [
            r#"created_schema:"main""#,
            concat!(
                r#"created_schema:"default",created_table:"default"."spans","#,
                r#"created_table:"default"."logs",created_table:"default"."metrics","#,
                r#"created_table:"default"."traces""#
            ),
        ]
    );
    let secret = catalog.secret();
    drop(catalog);
    let (catalog, state) = place.open(&[]);
    assert_eq!((state.snapshot_id, state.epoch), (1, 2));
    assert_eq!(catalog.secret(), secret);
    assert_ne!(secret, [0; 32]);
}

/// Scenario: parts of every table and of a second tenant, one odd and with strays, texts with
/// quotes, a column without values, one too long to have a range; reopened.
/// Guarantees: every field of every part comes back equal; position and hashes as committed.
#[test]
fn finds_parts_again() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let mut spans = part(Table::Spans, 7);
    spans.odd = true;
    spans.time_max = UnixNanos(i64::MAX);
    spans.strays = ["attributes.a\"b", "attributes.http.route"]
        .map(str::to_owned)
        .into();
    spans.stats = vec![
        stat(
            "start_time",
            7,
            0,
            Some((StatValue::Int(0), StatValue::Int(i64::MAX))),
        ),
        stat("name", 7, 0, text("", "it's \"ü\"")),
        stat("duration", 0, 7, None),
        stat("service_name", 6, 1, None),
    ];
    let other = TenantId::new("acme_1").unwrap();
    let add = vec![
        spans,
        part(Table::Logs, 1),
        part(Table::Metrics, 2),
        part(Table::Traces, 3),
        part_of(&other, Table::Spans, 4),
    ];
    let done = catalog
        .commit(Commit {
            flushed: Some(WalPosition(9)),
            seen: Some(vec![1, 2, 3]),
            ..flush(add.clone())
        })
        .unwrap();
    assert_eq!(done.snapshot_id, 2);
    assert!(done.reloaded.is_none());
    let ids: Vec<i64> = done.added.iter().map(|part| part.id.0).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    for (added, part) in done.added.iter().zip(add) {
        assert_eq!(
            **added,
            PartMeta {
                id: added.id,
                ..part
            }
        );
    }
    assert_eq!(catalog.parts().unwrap(), done.added);
    drop(catalog);
    let (_, state) = place.open(&[]);
    assert_eq!(state.parts, done.added);
    assert_eq!(state.snapshot_id, 2);
    assert_eq!(state.flushed, WalPosition(9));
    assert_eq!(state.seen, [vec![1, 2, 3]]);
    let path = place.strings("SELECT path FROM ducklake_data_file WHERE data_file_id = 0");
    assert!(path[0].starts_with("2026-11-23/"), "{path:?}");
}

/// Scenario: two flushes, a merge of their parts, then retention removes the result.
/// Guarantees: each snapshot shows its own files (time travel), row ids never repeat, the table's
/// counts keep what was removed, the words of the changes are the extension's.
#[test]
fn replaces_parts() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let first = catalog.commit(flush(vec![part(Table::Spans, 3)])).unwrap();
    let second = catalog.commit(flush(vec![part(Table::Spans, 4)])).unwrap();
    let old = [first.added, second.added].concat();
    let merged = catalog
        .commit(compact(&old, vec![part(Table::Spans, 7)]))
        .unwrap();
    assert_eq!(catalog.parts().unwrap(), merged.added);
    let live = |snapshot: i64| {
        place.number(&format!(
            "SELECT coalesce(sum(record_count), 0) * 10 + count(*) FROM ducklake_data_file
             WHERE begin_snapshot <= {snapshot} AND (end_snapshot IS NULL OR end_snapshot > {snapshot})"
        ))
    };
    assert_eq!([1, 2, 3, 4].map(live), [0, 31, 72, 71]);
    assert_eq!(
        place.number("SELECT max(row_id_start) FROM ducklake_data_file"),
        7
    );
    assert_eq!(
        place.number("SELECT record_count * 1000 + file_size_bytes FROM ducklake_table_stats WHERE table_id = 2"),
        14_140
    );
    let gone = catalog
        .commit(Commit {
            why: CommitKind::Expire,
            ..compact(&merged.added, Vec::new())
        })
        .unwrap();
    assert_eq!(gone.snapshot_id, 5);
    assert!(catalog.parts().unwrap().is_empty());
    assert_eq!(
        place.strings(
            "SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id > 1 ORDER BY 1"
        ),
        [
            "deleted_from_table:2",
            "inserted_into_table:2",
            "inserted_into_table:2",
            "merge_adjacent:2"
        ]
    );
    let error = catalog
        .commit(compact(&merged.added, vec![part(Table::Spans, 7)]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(
        place.number("SELECT max(snapshot_id) FROM ducklake_snapshot"),
        5
    );
}

/// Scenario: a commit that moves the position but has no rows; it is made again; then one that would
/// move it back. A flush is made whose outcome is not known, and is made again.
/// Guarantees: no snapshot is made for nothing; a position never goes back; what was committed after
/// all is shown and not added twice.
#[test]
fn moves_the_position_alone() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let moved = |position| Commit {
        flushed: Some(WalPosition(position)),
        ..flush(Vec::new())
    };
    assert_eq!(catalog.commit(moved(5)).unwrap().snapshot_id, 1);
    assert_eq!(catalog.commit(moved(5)).unwrap().snapshot_id, 1);
    assert!(catalog.commit(moved(4)).is_err());
    let again = || Commit {
        flushed: Some(WalPosition(9)),
        ..flush(vec![part(Table::Logs, 3)])
    };
    let first = catalog.commit(again()).unwrap();
    let second = catalog.commit(again()).unwrap();
    assert_eq!(second.snapshot_id, first.snapshot_id);
    assert_eq!(second.added, []);
    assert_eq!(second.reloaded.unwrap(), first.added);
    drop(catalog);
    assert_eq!(place.open(&[]).1.flushed, WalPosition(9));
}

/// Scenario: an operator promotes keys over several starts, drops and repeats some, and changes
/// the type of one.
/// Guarantees: known keys keep their columns and order, new ones follow, each in a snapshot with a
/// new schema version; a changed type is refused and changes nothing.
#[test]
fn adds_columns() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&["attributes.b", "resource_attributes.a:int"]);
    catalog.commit(flush(vec![part(Table::Spans, 1)])).unwrap();
    drop(catalog);
    let (catalog, state) = place.open(&["attributes.c:bool", "attributes.b"]);
    assert_eq!(state.snapshot_id, 3);
    assert_eq!(state.parts.len(), 1);
    let names: Vec<_> = catalog
        .schemas()
        .of(Table::Spans)
        .columns
        .iter()
        .rev()
        .take(3)
        .collect();
    assert_eq!(names[0].name, "attributes.c");
    assert_eq!(names[1].name, "resource_attributes.a");
    assert_eq!(names[2].name, "attributes.b");
    drop(catalog);
    assert_eq!(
        place.strings("SELECT column_name || ' ' || column_type || ' ' || begin_snapshot FROM ducklake_column WHERE table_id = 2 ORDER BY column_id DESC LIMIT 2"),
        ["attributes.c boolean 3", "resource_attributes.a int64 1"]
    );
    assert_eq!(
        place.strings("SELECT begin_snapshot || ' ' || schema_version FROM ducklake_schema_versions WHERE table_id = 2"),
        ["1 1", "3 2"]
    );
    assert_eq!(
        place.strings("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = 3"),
        ["altered_table:2"]
    );
    let error = place.try_open(&["attributes.b:int"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let (_, state) = place.open(&[]);
    assert_eq!(state.snapshot_id, 3, "nothing changed since");
}

/// Scenario: flushes over half an hour, each with a blob of hashes.
/// Guarantees: blobs older than the window are forgotten, the others come back oldest first.
#[test]
fn forgets_old_hashes() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    catalog.keep_seen(Duration::from_secs(600), 1 << 20);
    for minute in 0..30 {
        place.clock.set(at(i64::from(minute) * 60));
        let commit = Commit {
            seen: Some(vec![minute]),
            ..flush(Vec::new())
        };
        catalog.commit(commit).unwrap();
    }
    drop(catalog);
    let seen: Vec<u8> = place.open(&[]).1.seen.concat();
    assert_eq!(seen, (19..30).collect::<Vec<u8>>());
}

/// Scenario: flush after flush of one column: nulls only, then values, then narrower ones, then
/// values of unknown range, then known ones; parts are removed in between.
/// Guarantees: the table's range only widens, is unknown for good once it was, and remembers that
/// there were nulls.
#[test]
fn statistics_only_widen() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let range = || {
        place.strings(
            "SELECT contains_null || ' ' || coalesce(min_value, '?') || ' ' || coalesce(max_value, '?')
             FROM ducklake_table_column_stats JOIN ducklake_column USING (table_id, column_id)
             WHERE column_name = 'service_name' AND table_id = 2",
        )
    };
    let mut add = |stats: ColumnStats| {
        let mut part = part(Table::Spans, 5);
        part.stats = vec![stats];
        let done = catalog.commit(flush(vec![part])).unwrap();
        let expire = Commit {
            why: CommitKind::Expire,
            ..compact(&done.added, Vec::new())
        };
        catalog.commit(expire).unwrap();
    };
    let service = |values, nulls, range| stat("service_name", values, nulls, range);
    add(service(0, 5, None));
    assert!(range().is_empty());
    add(service(5, 0, text("d", "f")));
    assert_eq!(range(), ["1 d f"]);
    add(service(5, 0, text("e", "e")));
    assert_eq!(range(), ["1 d f"]);
    add(service(5, 0, text("a", "z")));
    assert_eq!(range(), ["1 a z"]);
    add(service(0, 5, None));
    assert_eq!(range(), ["1 a z"]);
    add(service(5, 0, None));
    assert_eq!(range(), ["1 ? ?"]);
    add(service(5, 0, text("b", "c")));
    assert_eq!(range(), ["1 ? ?"]);
}

/// Scenario: three flushes and a merge an hour ago, one flush now; snapshots older than half an
/// hour expire, then all do.
/// Guarantees: files that a kept snapshot shows stay, the others are scheduled once with their
/// time, due after the grace, gone when forgotten; the newest snapshot always stays.
#[test]
fn expires_snapshots() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let mut old = Vec::new();
    for second in 1..4 {
        place.clock.set(at(second));
        old.extend(
            catalog
                .commit(flush(vec![part(Table::Spans, 1)]))
                .unwrap()
                .added,
        );
    }
    place.clock.set(at(3600));
    let merge = compact(&old, vec![part(Table::Spans, 3)]);
    let merged = catalog.commit(merge).unwrap();
    assert_eq!(catalog.expire_snapshots(at(3)).unwrap(), 4, "0 to 3");
    assert!(
        catalog
            .files_due(at(9000), Duration::ZERO)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        catalog.expire_snapshots(at(9000)).unwrap(),
        1,
        "not the newest"
    );
    assert_eq!(catalog.expire_snapshots(at(9000)).unwrap(), 0);
    let hour = Duration::from_secs(3600);
    assert!(catalog.files_due(at(7199), hour).unwrap().is_empty());
    let due = catalog.files_due(at(7200), hour).unwrap();
    let paths: Vec<&str> = due.iter().map(|file| file.path.as_str()).collect();
    let want: Vec<&str> = old.iter().map(|part| part.path.as_str()).collect();
    assert_eq!(paths, want);
    assert_eq!(due[0].scheduled_at, at(3600));
    catalog.forget_files(&due[..2]).unwrap();
    assert_eq!(catalog.files_due(at(7200), hour).unwrap(), due[2..]);
    assert_eq!(catalog.parts().unwrap(), merged.added);
    let stats = place.number("SELECT count(*) FROM ducklake_file_column_stats");
    assert_eq!(stats, 1, "rows of ended files are gone");
    assert_eq!(place.number("SELECT count(*) FROM oriel_part"), 1);
    drop(catalog);
    assert_eq!(place.open(&[]).1.parts, merged.added);
}

/// Scenario: the clock jumps back an hour between flushes.
/// Guarantees: snapshot times rise all the same, so that time travel by time stays in order.
#[test]
fn snapshot_times_rise() {
    let place = Place::new();
    place.clock.set(at(3600));
    let (mut catalog, _) = place.open(&[]);
    place.clock.set(at(0));
    catalog.commit(flush(vec![part(Table::Spans, 1)])).unwrap();
    assert_eq!(
        place.strings("SELECT snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id"),
        [
            "2026-11-23 01:00:00.000000+00",
            "2026-11-23 01:00:00.000001+00",
            "2026-11-23 01:00:00.000002+00"
        ]
    );
}

/// A snapshot by another program that ends the file `id`, as a DELETE of all its rows does.
fn end_file(db: &Connection, id: i64) {
    db.execute_batch(&format!(
        "INSERT INTO ducklake_snapshot SELECT snapshot_id + 1, '2026-11-23 02:00:00+01', schema_version, next_catalog_id, next_file_id + 5 FROM ducklake_snapshot ORDER BY 1 DESC LIMIT 1;
         UPDATE ducklake_data_file SET end_snapshot = (SELECT max(snapshot_id) FROM ducklake_snapshot) WHERE data_file_id = {id};"
    ))
    .unwrap();
}

/// Scenario: a foreign writer makes a snapshot between two of ours and removes one of our parts.
/// Guarantees: our commit goes on top with fresh ids and tells the parts that are left; merging the
/// removed part is refused.
#[test]
fn goes_on_after_a_foreign_commit() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let first = catalog
        .commit(flush(vec![part(Table::Spans, 1), part(Table::Logs, 2)]))
        .unwrap();
    end_file(&place.sql(), 0);
    let next = catalog.commit(flush(vec![part(Table::Spans, 3)])).unwrap();
    assert_eq!(next.snapshot_id, 4);
    assert_eq!(next.added[0].id, PartId(7));
    let left = [Arc::clone(&first.added[1]), Arc::clone(&next.added[0])];
    assert_eq!(next.reloaded.unwrap(), left);
    assert!(
        catalog
            .commit(flush(Vec::new()))
            .unwrap()
            .reloaded
            .is_none()
    );
    let error = catalog
        .commit(compact(&first.added[..1], vec![part(Table::Spans, 1)]))
        .unwrap_err();
    assert!(error.to_string().contains("no longer live"), "{error}");
}

/// Scenario: a foreign writer deletes single rows (a delete file), or keeps rows in the catalog.
/// Guarantees: merges of such tables are refused with the reason; flushes go on; retention ends
/// the delete file with its part.
#[test]
fn refuses_to_merge_foreign_deletes() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let done = catalog
        .commit(flush(vec![part(Table::Spans, 1), part(Table::Logs, 2)]))
        .unwrap();
    let db = place.sql();
    db.execute_batch(
        "INSERT INTO ducklake_delete_file(delete_file_id, table_id, begin_snapshot, data_file_id, path, path_is_relative) VALUES (50, 2, 2, 0, 'x.parquet', 1);
         CREATE TABLE ducklake_inlined_data_3_1(row_id BIGINT);
         INSERT INTO ducklake_inlined_data_3_1 VALUES (1);
         INSERT INTO ducklake_inlined_data_tables VALUES (3, 'ducklake_inlined_data_3_1', 1);",
    )
    .unwrap();
    for (at, table, reason) in [
        (0, Table::Spans, "rows deleted"),
        (1, Table::Logs, "inlined"),
    ] {
        let merge = compact(&done.added[at..=at], vec![part(table, 1)]);
        let error = catalog.commit(merge).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    catalog.commit(flush(vec![part(Table::Spans, 1)])).unwrap();
    let expire = Commit {
        why: CommitKind::Expire,
        ..compact(&done.added[..1], Vec::new())
    };
    catalog.commit(expire).unwrap();
    let ended = place.number("SELECT end_snapshot FROM ducklake_delete_file");
    assert_eq!(ended, 4);
}

/// Scenario: a foreign writer renames a column, or adds one, while we are open and before we open.
/// Guarantees: refused, naming table and column, before anything is written.
#[test]
fn refuses_changed_columns() {
    for change in [
        "UPDATE ducklake_column SET column_name = 'title' WHERE column_id = 4 AND table_id = 2",
        "INSERT INTO ducklake_column SELECT 999, begin_snapshot, NULL, table_id, 999, 'title', 'int64', NULL, NULL, 1, NULL, '', '' FROM ducklake_column WHERE table_id = 2 LIMIT 1",
    ] {
        let place = Place::new();
        let (mut catalog, _) = place.open(&[]);
        place.sql().execute_batch(change).unwrap();
        end_file(&place.sql(), 999);
        let errors = [
            catalog
                .commit(flush(vec![part(Table::Spans, 1)]))
                .unwrap_err(),
            place.try_open(&[]).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            let text = error.to_string();
            assert!(
                text.contains("default.spans") && text.contains("title"),
                "{text}"
            );
        }
        assert_eq!(place.number("SELECT count(*) FROM ducklake_data_file"), 0);
    }
}

/// Scenario: the file is overwritten with garbage, cut in the middle, emptied beside parts, or
/// lacks a table.
/// Guarantees: `Corrupt`, naming the file; nothing is created anew over lost data.
#[test]
fn names_a_damaged_file() {
    type Damage = fn(&std::path::Path);
    let cases: [Damage; 4] = [
        |path| std::fs::write(path, vec![b'x'; 20_000]).unwrap(),
        |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        |path| {
            std::fs::write(path, []).unwrap();
            std::fs::create_dir_all(path.with_file_name("tables").join("default")).unwrap();
        },
        |path| {
            let db = Connection::open(path).unwrap();
            db.execute_batch("DROP TABLE oriel_wal").unwrap();
        },
    ];
    for damage in cases {
        let place = Place::new();
        let (mut catalog, _) = place.open(&[]);
        for _ in 0..50 {
            catalog.commit(flush(vec![part(Table::Spans, 1)])).unwrap();
        }
        drop(catalog);
        damage(&place.layout().catalog());
        let error = place.try_open(&[]).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("catalog.sqlite"), "{error}");
    }
}

/// Scenario: a catalog of another format, and one that a newer DuckDB migrated.
/// Guarantees: both are refused with what to do.
#[test]
fn refuses_other_versions() {
    let place = Place::new();
    drop(place.open(&[]));
    let set = |table: &str, key: &str, value: &str| {
        let sql = format!("UPDATE {table} SET value = ?1 WHERE key = ?2");
        place.sql().execute(&sql, params![value, key]).unwrap();
    };
    set("ducklake_metadata", "version", "1.1");
    let error = place.try_open(&[]).unwrap_err();
    assert!(
        error.to_string().contains("DuckLake version 1.1"),
        "{error}"
    );
    set("ducklake_metadata", "version", "1.0");
    place
        .sql()
        .execute("UPDATE oriel_meta SET value = 7 WHERE key = 'format'", [])
        .unwrap();
    let error = place.try_open(&[]).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error}");
}

/// Scenario: the data directory is moved and opened at its new place.
/// Guarantees: DuckLake's data path follows; the parts' paths stay.
#[test]
fn follows_a_moved_directory() {
    let place = Place::new();
    let (mut catalog, _) = place.open(&[]);
    let done = catalog.commit(flush(vec![part(Table::Spans, 1)])).unwrap();
    drop(catalog);
    let moved = Place::new();
    std::fs::copy(place.layout().catalog(), moved.layout().catalog()).unwrap();
    assert_eq!(moved.open(&[]).1.parts, done.added);
    assert_eq!(
        moved.strings("SELECT value FROM ducklake_metadata WHERE key = 'data_path'"),
        [format!("{}/", moved.layout().tables().display())]
    );
}

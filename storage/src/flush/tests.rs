//! Flush: sorting, days, odd parts, summaries beside spans.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;
use crate::part::sample::{NOW, batch, context, day, multiset, read, rows, tenant};
use crate::schema::Schemas;

const DAY: i64 = UnixNanos::DAY;

fn sealed(table: Table, batches: Vec<Batch>) -> Sealed {
    Sealed {
        tenant: tenant(),
        table,
        batches,
    }
}

fn assert_sorted(schema: &TableSchema, rows: &[RecordBatch]) {
    let rows = concat_batches(schema.arrow(), rows).unwrap();
    let keys = Order::new(schema).unwrap().keys(&rows).unwrap();
    for row in 1..rows.num_rows() {
        assert!(
            keys.compare(row - 1, &keys, row).is_le(),
            "{} row {row}",
            schema.table
        );
    }
}

/// Scenario: three shuffled batches of each table, two of them given in one piece, one apart.
/// Guarantees: one part a table, sorted by the schema's key, with the same rows (P2); spans bring
/// one part of `traces` with as many spans.
#[test]
fn sorts_and_keeps_all_rows() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    for table in [Table::Spans, Table::Logs, Table::Metrics] {
        let times =
            |seed: i64| -> Vec<i64> { (0..700).map(|i| NOW + (i * 7919 + seed) % 1009).collect() };
        let batches: Vec<Batch> = (0..3)
            .map(|seed| batch(&ctx.schemas, table, &times(seed), NOW, seed as u64))
            .collect();
        let given = [
            sealed(table, batches[..2].to_vec()),
            sealed(table, batches[2..].to_vec()),
        ];
        let parts = write_parts(&ctx, &given).unwrap();
        let part = parts.iter().find(|part| part.table == table).unwrap();
        assert_eq!(parts.len(), if table == Table::Spans { 2 } else { 1 });
        assert_eq!(
            (part.rows, part.day, part.odd, part.level),
            (2100, day(), false, 0)
        );
        let back = read(&ctx, part);
        assert_sorted(ctx.schemas.of(table), &back);
        let sent: Vec<RecordBatch> = batches.iter().map(|b| b.rows().clone()).collect();
        assert_eq!(multiset(&back), multiset(&sent));
        if let Some(traces) = parts.iter().find(|part| part.table == Table::Traces) {
            let back = read(&ctx, traces);
            assert_sorted(ctx.schemas.of(Table::Traces), &back);
            let counts = back[0].column_by_name("span_count").unwrap();
            assert_eq!(
                counts
                    .as_primitive::<Int64Type>()
                    .values()
                    .iter()
                    .sum::<i64>(),
                2100
            );
            assert_eq!(traces.rows, 40);
        }
    }
}

/// Scenario: spans of 0, 1970, before the epoch, 2262, the edges of the normal range, now, now and
/// yesterday; received now.
/// Guarantees: a normal part for each day within the range with its own traces part, and one odd
/// part of the day received with all others (P1).
#[test]
fn splits_by_day_and_oddity() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let times = [
        0,
        1,
        -5,
        i64::MAX,
        NOW - 7 * DAY - 1,
        NOW + 2 * DAY + 1, // odd
        NOW - 7 * DAY,
        NOW + 2 * DAY,
        NOW,
        NOW + 1,
        NOW - DAY,
    ];
    let batch = batch(&ctx.schemas, Table::Spans, &times, NOW, 1);
    let parts = write_parts(&ctx, &[sealed(Table::Spans, vec![batch])]).unwrap();
    for table in [Table::Spans, Table::Traces] {
        let mut found: Vec<_> = parts
            .iter()
            .filter(|part| part.table == table)
            .map(|part| (part.odd, part.day))
            .collect();
        found.sort_unstable();
        let day = day();
        let want = [
            (false, day - 7),
            (false, day - 1),
            (false, day),
            (false, day + 2),
            (true, day),
        ];
        assert_eq!(found, want, "{table}");
    }
    let odd = parts
        .iter()
        .find(|part| part.odd && part.table == Table::Spans)
        .unwrap();
    assert_eq!(
        (odd.rows, odd.time_min.0, odd.time_max.0),
        (6, -5, i64::MAX)
    );
    for part in parts.iter().filter(|part| !part.odd) {
        assert_eq!(
            (part.time_min.day(), part.time_max.day()),
            (part.day, part.day)
        );
    }
}

/// Scenario: a replay holds batches received on 30 different days.
/// Guarantees: at most 16 normal parts; the other days' rows are in odd parts; none is lost.
#[test]
fn bounds_the_number_of_days() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let batches = (0..30).map(|i| {
        let at = NOW - i * DAY;
        batch(
            &ctx.schemas,
            Table::Logs,
            &vec![at; if i < 16 { 3 } else { 2 }],
            at,
            i as u64,
        )
    });
    let parts = write_parts(&ctx, &[sealed(Table::Logs, batches.collect())]).unwrap();
    assert_eq!(parts.iter().filter(|part| !part.odd).count(), 16);
    assert!(
        parts
            .iter()
            .filter(|part| !part.odd)
            .all(|part| part.rows == 3)
    );
    assert_eq!(
        parts.iter().map(|part| part.rows).sum::<u64>(),
        16 * 3 + 14 * 2
    );
}

/// Scenario: 100 tenants, each with spans and logs of the last 30 days, received now.
/// Guarantees: at most a normal and an odd part a table and tenant, summaries beside spans; none of
/// the rows is lost; each normal part has its day alone.
#[test]
fn many_small_tenants_make_few_parts() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let times: Vec<i64> = (0..30).map(|ago| NOW - ago * DAY).collect();
    let mut all = Vec::new();
    for number in 0..100 {
        for table in [Table::Spans, Table::Logs] {
            all.push(Sealed {
                tenant: TenantId::new(&format!("t{number}")).unwrap(),
                table,
                batches: vec![batch(&ctx.schemas, table, &times, NOW, number)],
            });
        }
    }
    let parts = write_parts(&ctx, &all).unwrap();
    assert_eq!(parts.len(), 100 * 3 * 2);
    let rows = |table| {
        parts
            .iter()
            .filter(move |part| part.table == table)
            .map(|part| part.rows)
    };
    assert_eq!(rows(Table::Spans).sum::<u64>(), 3000);
    assert_eq!(rows(Table::Logs).sum::<u64>(), 3000);
    for part in parts.iter().filter(|part| !part.odd) {
        assert_eq!(
            (part.time_min.day(), part.time_max.day()),
            (part.day, part.day)
        );
    }
}

/// Scenario: two tenants; batches with strays; an empty batch; nothing at all.
/// Guarantees: parts never mix tenants; strays are the union of the batches'; no part without rows.
#[test]
fn keeps_tenants_apart_and_strays_together() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let schema = ctx.schemas.of(Table::Spans);
    let stray = |name: &str, len: usize| {
        let rows = rows(schema, &vec![NOW; len], NOW, 1);
        Batch::new(schema, rows, BTreeSet::from([name.to_owned()])).unwrap()
    };
    let other = TenantId::new("other").unwrap();
    let given = [
        sealed(
            Table::Spans,
            vec![
                stray("attributes.a", 2),
                stray("attributes.b", 3),
                stray("attributes.c", 0),
            ],
        ),
        Sealed {
            tenant: other.clone(),
            table: Table::Spans,
            batches: vec![stray("attributes.d", 4)],
        },
        sealed(
            Table::Logs,
            vec![batch(&ctx.schemas, Table::Logs, &[], NOW, 1)],
        ),
    ];
    let parts = write_parts(&ctx, &given).unwrap();
    assert_eq!(parts.len(), 4);
    let spans = |tenant: &TenantId| {
        parts
            .iter()
            .find(|p| p.tenant == *tenant && p.table == Table::Spans)
            .unwrap()
    };
    let names: Vec<&str> = spans(&tenant()).strays.iter().map(String::as_str).collect();
    assert_eq!(names, ["attributes.a", "attributes.b"]);
    assert_eq!(spans(&other).rows, 4);
    assert!(
        spans(&other)
            .path
            .starts_with("tables/other/spans/2026-03-01/")
    );
    assert!(write_parts(&ctx, &[]).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Scenario: random times anywhere, in batches of random size.
    /// Guarantees: every row is in exactly one part, each part is sorted and within its day (P1, P2).
    #[test]
    fn any_times_survive(seed in any::<u64>(), sizes in prop::collection::vec(0usize..60, 1..5), offsets in prop::collection::vec(any::<i64>(), 240)) {
        let directory = tempfile::tempdir().unwrap();
        let ctx = context(directory.path(), Schemas::format0(), Config::default());
        let mut offsets = offsets.into_iter();
        let batches: Vec<Batch> = sizes.iter().map(|&size| {
            let times: Vec<i64> = offsets.by_ref().take(size).map(|offset| {
                if offset % 3 == 0 { offset } else { NOW + offset % (9 * DAY) }
            }).collect();
            batch(&ctx.schemas, Table::Logs, &times, NOW, seed)
        }).collect();
        let sent: Vec<RecordBatch> = batches.iter().map(|b| b.rows().clone()).collect();
        let parts = write_parts(&ctx, &[sealed(Table::Logs, batches)]).unwrap();
        let mut back = Vec::new();
        for part in &parts {
            let rows = read(&ctx, part);
            assert_sorted(ctx.schemas.of(Table::Logs), &rows);
            prop_assert!(part.odd || part.time_min.day() == part.day && part.time_max.day() == part.day);
            back.extend(rows);
        }
        prop_assert_eq!(multiset(&back), multiset(&sent));
    }
}

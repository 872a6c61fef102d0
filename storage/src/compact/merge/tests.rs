//! Merges: the same rows, in order, whatever the memory; damage is found first.

use std::fs;

use bytesize::ByteSize;
use proptest::prelude::*;

use super::*;
use crate::flush::{Sealed, write_parts};
use crate::part::sample::{NOW, Random, batch, context, day, multiset, read, tenant, texts};
use crate::schema::Schemas;
use crate::{Batch, Config, ErrorKind};

/// A part of `table` a flush, each of random times within a second.
fn flushes(ctx: &PartContext, table: Table, sizes: &[usize], seed: u64) -> Vec<Arc<PartMeta>> {
    let mut random = Random::new(seed);
    let mut parts = Vec::new();
    for (i, &size) in sizes.iter().enumerate() {
        let times: Vec<i64> = (0..size)
            .map(|_| NOW + random.below(1 << 30) as i64)
            .collect();
        let batch = batch(&ctx.schemas, table, &times, NOW, seed + i as u64);
        parts.extend(write(ctx, batch));
    }
    parts
}

fn write(ctx: &PartContext, batch: Batch) -> Vec<Arc<PartMeta>> {
    let sealed = Sealed {
        tenant: tenant(),
        table: batch.table(),
        batches: vec![batch],
    };
    write_parts(ctx, &[sealed])
        .unwrap()
        .into_iter()
        .map(Arc::new)
        .collect()
}

fn merge_of(table: Table, parts: &[Arc<PartMeta>]) -> Merge {
    let parts: Vec<_> = parts
        .iter()
        .filter(|part| part.table == table)
        .map(Arc::clone)
        .collect();
    Merge {
        tenant: tenant(),
        table,
        day: day(),
        odd: false,
        parts,
    }
}

fn rows_of(ctx: &PartContext, parts: &[Arc<PartMeta>]) -> Vec<RecordBatch> {
    parts.iter().flat_map(|part| read(ctx, part)).collect()
}

fn assert_sorted(schema: &TableSchema, rows: &[RecordBatch]) {
    let rows = concat_batches(schema.arrow(), rows).unwrap();
    let keys = Order::new(schema).unwrap().keys(&rows).unwrap();
    for row in 1..rows.num_rows() {
        assert!(keys.compare(row - 1, &keys, row).is_le(), "row {row}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    /// Scenario: two to five parts of any size, of each table with rows of its own, merged with
    /// memory for many rows or for the fewest.
    /// Guarantees: one part, sorted, with the same multiset of rows (P2), one level up, with true
    /// times and statistics.
    #[test]
    fn merge_is_the_sorted_multiset(
        seed in 0u64..1 << 40,
        sizes in prop::collection::vec(1usize..300, 2..6),
        tight in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let memory = if tight { ByteSize::b(1) } else { ByteSize::mib(8) };
        let config = Config { compact_memory_bytes: memory, ..Config::default() };
        let ctx = context(directory.path(), Schemas::format0(), config);
        for table in [Table::Spans, Table::Logs, Table::Metrics] {
            let parts = flushes(&ctx, table, &sizes, seed);
            let job = merge_of(table, &parts);
            let [part] = merge(&ctx, &job).unwrap().try_into().unwrap();
            let back = read(&ctx, &part);
            assert_sorted(ctx.schemas.of(table), &back);
            prop_assert_eq!(multiset(&back), multiset(&rows_of(&ctx, &job.parts)));
            prop_assert_eq!((part.level, part.day, part.odd), (1, day(), false));
            let times = |of: fn(&PartMeta) -> i64| job.parts.iter().map(move |part| of(part));
            prop_assert_eq!(part.time_min.0, times(|part| part.time_min.0).min().unwrap());
            prop_assert_eq!(part.time_max.0, times(|part| part.time_max.0).max().unwrap());
            for (at, stats) in part.stats.iter().enumerate() {
                let nulls: u64 = job.parts.iter().map(|part| part.stats[at].null_count).sum();
                prop_assert_eq!(stats.null_count, nulls);
            }
            verify(&ctx.objects, &part).unwrap();
        }
    }

    /// Scenario: the summaries of several flushes of 40 traces that overlap in time.
    /// Guarantees: one row a trace, sorted, with the sum of the spans kept.
    #[test]
    fn summaries_of_one_trace_become_one(
        seed in 0u64..1 << 40,
        sizes in prop::collection::vec(100usize..300, 2..6),
        tight in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let memory = if tight { ByteSize::b(1) } else { ByteSize::mib(8) };
        let config = Config { compact_memory_bytes: memory, ..Config::default() };
        let ctx = context(directory.path(), Schemas::format0(), config);
        let parts = flushes(&ctx, Table::Spans, &sizes, seed);
        let [part] = merge(&ctx, &merge_of(Table::Traces, &parts)).unwrap().try_into().unwrap();
        let back = read(&ctx, &part);
        let schema = ctx.schemas.of(Table::Traces);
        assert_sorted(schema, &back);
        let spans: i64 = back.iter().map(|rows| summary::spans_count(schema, rows).unwrap()).sum();
        prop_assert_eq!(spans as usize, sizes.iter().sum::<usize>());
        let ids = texts(&back.iter().map(|rows| rows.project(&[0]).unwrap()).collect::<Vec<_>>());
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}

/// A batch of logs, one row a time in `times`, whose bodies are about `bytes` long.
fn fat(ctx: &PartContext, times: &[i64], seed: u64, bytes: usize) -> Batch {
    let schema = ctx.schemas.of(Table::Logs);
    let mut random = Random::new(seed);
    let mut bodies = arrow::array::StringBuilder::new();
    for _ in times {
        let letters = (0..bytes / 7).flat_map(|_| random.next().to_le_bytes().into_iter().take(7));
        let body: String = letters.map(|byte| char::from(b' ' + byte % 64)).collect();
        bodies.append_value(body);
    }
    let rows = crate::part::sample::rows(schema, times, NOW, seed);
    let mut columns = rows.columns().to_vec();
    columns[schema.index_of("body").unwrap()] = Arc::new(bodies.finish());
    let rows = RecordBatch::try_new(Arc::clone(schema.arrow()), columns).unwrap();
    Batch::new(schema, rows, BTreeSet::new()).unwrap()
}

/// Scenario: eight parts of strings of 1 MiB that do not compress, 160 MiB in all and interleaved; merged
/// with 64 MiB.
/// Guarantees: the merge holds at most twice that (each input has a page open), however many and large
/// the rows are, counted by the allocator; and it keeps every byte.
#[test]
fn memory_is_bounded_at_any_row_size() {
    const BUDGET: i64 = 64 << 20;
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        compact_memory_bytes: ByteSize::b(BUDGET as u64),
        ..Config::default()
    };
    let ctx = context(directory.path(), Schemas::format0(), config);
    let mut parts = Vec::new();
    let mut hashes = Vec::new();
    for part in 0..8 {
        let times: Vec<i64> = (0..20).map(|row| NOW + (row * 8 + part) as i64).collect();
        let batch = fat(&ctx, &times, part as u64 + 1, 1 << 20);
        hashes.extend(bodies(&ctx, batch.rows()));
        parts.extend(write(&ctx, batch));
    }
    let job = merge_of(Table::Logs, &parts);
    let (merged, most) = crate::tests::memory::most(|| merge(&ctx, &job).unwrap());
    assert!(most < BUDGET * 2, "{most} bytes");
    let mut back: Vec<_> = read(&ctx, &merged[0])
        .iter()
        .flat_map(|rows| bodies(&ctx, rows))
        .collect();
    back.sort_unstable();
    hashes.sort_unstable();
    assert_eq!(back, hashes);
}

/// What stands for each body.
fn bodies(ctx: &PartContext, rows: &RecordBatch) -> Vec<u64> {
    let at = ctx.schemas.of(Table::Logs).index_of("body").unwrap();
    let bodies = rows.column(at).as_string::<i32>().iter();
    let hash = |body: Option<&str>| xxhash_rust::xxh3::xxh3_64(body.unwrap_or("").as_bytes());
    bodies.map(hash).collect()
}

/// Scenario: parts with strays; one was written before two attributes were promoted.
/// Guarantees: the merged part has all columns, and as strays the union and the columns that were
/// lacking, since the old rows keep those attributes in the overflow.
#[test]
fn strays_are_joined() {
    let directory = tempfile::tempdir().unwrap();
    let old = context(directory.path(), Schemas::format0(), Config::default());
    let batch_of = |ctx: &PartContext, stray: &str| {
        let rows = batch(&ctx.schemas, Table::Logs, &[NOW, NOW + 1], NOW, 1)
            .rows()
            .clone();
        Batch::new(
            ctx.schemas.of(Table::Logs),
            rows,
            BTreeSet::from([stray.to_owned()]),
        )
        .unwrap()
    };
    let mut parts = write(&old, batch_of(&old, "attributes.error.type"));
    let key = (Table::Logs, "attributes.tier".parse().unwrap());
    let new = Schemas::with_promoted(&[key]).unwrap();
    let new = context(directory.path(), new, Config::default());
    parts.extend(write(&new, batch_of(&new, "attributes.http.route")));
    let [part] = merge(&new, &merge_of(Table::Logs, &parts))
        .unwrap()
        .try_into()
        .unwrap();
    let strays: Vec<&str> = part.strays.iter().map(String::as_str).collect();
    assert_eq!(
        strays,
        [
            "attributes.error.type",
            "attributes.http.route",
            "attributes.tier"
        ]
    );
    assert_eq!(
        part.columns_count as usize,
        new.schemas.of(Table::Logs).columns.len()
    );
    assert_eq!(
        multiset(&read(&new, &part)),
        multiset(&rows_of(&new, &parts))
    );
}

/// Scenario: a bit of an input has flipped; the catalog names more rows than an input has.
/// Guarantees: the merge is refused as `Corrupt`, and no file is left.
#[test]
fn damage_stops_a_merge() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let parts = flushes(&ctx, Table::Logs, &[50, 50], 1);
    let folder = directory
        .path()
        .join(&parts[0].path)
        .parent()
        .unwrap()
        .to_owned();
    let files = || fs::read_dir(&folder).unwrap().count();
    let mut wrong = merge_of(Table::Logs, &parts);
    wrong.parts[1] = Arc::new(PartMeta {
        rows: 51,
        ..PartMeta::clone(&parts[1])
    });
    assert_eq!(merge(&ctx, &wrong).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(files(), 2);

    let path = directory.path().join(&parts[1].path);
    let mut file = fs::read(&path).unwrap();
    file[100] ^= 1;
    fs::write(&path, file).unwrap();
    let error = merge(&ctx, &merge_of(Table::Logs, &parts)).unwrap_err();
    assert!(matches!(error, Error::Corrupt { what, .. } if what.contains(&parts[1].path)));
    assert_eq!(files(), 2);
}

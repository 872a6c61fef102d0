//! All rows that a store shows, read as queries read them: with every checksum compared.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use object_store::ObjectStoreExt;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::part::sample;
use crate::schema::Table;
use crate::{Candidates, PartMeta, Search, Snapshot, Store, TextQuery};

/// The tables that requests fill.
pub(crate) const SIGNALS: [Table; 3] = [Table::Spans, Table::Logs, Table::Metrics];

/// Rows of one table, each as often as it is shown.
pub(crate) type Rows = HashMap<String, usize>;

/// What a snapshot shows of `table`: whole rows as texts, or with `times` only their times, which
/// tell the rows of requests apart. A part that turns out to be damaged is an error.
pub(crate) async fn rows(
    store: &Store,
    snapshot: &Snapshot,
    table: Table,
    times: bool,
) -> Result<Rows, String> {
    let schema = snapshot.schemas().of(table);
    let columns = times.then_some(schema.time_column);
    let mut all = Rows::new();
    for rows in batches(store, snapshot, table, columns).await? {
        for text in texts(&rows, columns) {
            *all.entry(text).or_default() += 1;
        }
    }
    Ok(all)
}

/// Rows as texts; with `column` only that one, as a number.
pub(crate) fn texts(rows: &RecordBatch, column: Option<&str>) -> Vec<String> {
    let Some(column) = column else {
        return sample::texts(std::slice::from_ref(rows));
    };
    let times = rows.column_by_name(column).unwrap();
    let times = times.as_primitive::<TimestampNanosecondType>();
    times.values().iter().map(i64::to_string).collect()
}

/// The sum of the spans that summaries count.
pub(crate) async fn summarised(store: &Store, snapshot: &Snapshot) -> Result<i64, String> {
    let rows = batches(store, snapshot, Table::Traces, Some("span_count")).await?;
    let sum = |rows: &RecordBatch| -> i64 {
        let counts = rows.column_by_name("span_count").unwrap();
        counts.as_primitive::<Int64Type>().values().iter().sum()
    };
    Ok(rows.iter().map(sum).sum())
}

/// Compares what the word indexes of parts say with the bodies there. Returns how many parts have an
/// index that can be used.
pub(crate) async fn check_words(store: &Store, snapshot: &Snapshot, at: &str) -> usize {
    let mut indexed = 0;
    for part in snapshot.parts(Table::Logs) {
        let Ok(batches) = part_batches(store, part, Some("body")).await else {
            continue;
        };
        let bodies: Vec<_> = batches
            .iter()
            .flat_map(|rows| rows.column(0).as_string::<i32>().iter())
            .collect();
        let mut used = 0;
        for digit in 0..7 {
            let query = TextQuery::parse(&format!("\"text {digit}\"")).unwrap();
            let matching = (0u32..).zip(&bodies).filter(|(_, body)| {
                let body = body.as_ref();
                body.is_some_and(|body| query.matches(body))
            });
            let want: Vec<u32> = matching.map(|(row, _)| row).collect();
            match snapshot.candidates(part, &Search::Text(query.clone()), usize::MAX) {
                Candidates::Unindexed => {}
                found => {
                    assert_eq!(found, Candidates::Rows(want), "{at}: {}", part.path);
                    used += 1;
                }
            }
        }
        indexed += usize::from(used > 0);
    }
    indexed
}

async fn part_batches(
    store: &Store,
    part: &PartMeta,
    column: Option<&str>,
) -> Result<Vec<RecordBatch>, String> {
    let at = object_store::path::Path::from(part.path.as_str());
    let got = store.objects().get(&at).await;
    let bytes = match got {
        Ok(got) => got.bytes().await,
        Err(error) => Err(error),
    };
    let bytes = bytes.map_err(|error| error.to_string())?;
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    if let Some(column) = column {
        // A name with dots would be a path.
        let mask = ProjectionMask::columns(reader.parquet_schema(), [column]);
        reader = reader.with_projection(mask);
    }
    Ok(reader.build().unwrap().map(Result::unwrap).collect())
}

async fn batches(
    store: &Store,
    snapshot: &Snapshot,
    table: Table,
    column: Option<&str>,
) -> Result<Vec<RecordBatch>, String> {
    let mut all = Vec::new();
    for part in snapshot.parts(table) {
        all.extend(part_batches(store, part, column).await?);
    }
    all.extend(
        snapshot
            .buffers(table)
            .iter()
            .map(|batch| batch.rows().clone()),
    );
    Ok(all)
}

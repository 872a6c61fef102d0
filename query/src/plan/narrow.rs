//! Which rows of which parts of `logs` a scan has to read, by the word indexes of the parts.
//!
//! In: the parts that statistics leave over, and what is searched for. Out: those that may have rows,
//! each with its rows where they are few enough that skipping the others saves time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use oriel_storage::{Candidates, PartMeta, Search, Snapshot};
use parquet::arrow::arrow_reader::RowSelection;

/// With more rows than one in so many, a whole part is read as fast.
const ROWS_SHARE: u64 = 64;
/// So many rows are always picked.
const ROWS_ALWAYS: u64 = 1_000;

/// A part to read.
#[derive(Debug, Clone)]
pub(crate) struct Narrowed {
    pub(crate) part: Arc<PartMeta>,
    /// The only rows to read, ascending; `None` for all.
    pub(crate) rows: Option<Vec<u32>>,
}

impl Narrowed {
    /// All rows of `part`.
    pub(crate) fn whole(part: Arc<PartMeta>) -> Self {
        Narrowed { part, rows: None }
    }

    /// How many rows are read.
    pub(crate) fn rows_count(&self) -> usize {
        let all = self.part.rows as usize;
        self.rows.as_ref().map_or(all, Vec::len)
    }

    /// What tells the scan which rows to read.
    pub(crate) fn selection(&self) -> Option<ParquetRowSelection> {
        let rows = self.rows.as_ref()?;
        let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
        let total = self.part.rows as usize;
        Some(RowSelection::from_consecutive_ranges(ranges, total).into())
    }
}

/// What the indexes have done for one query.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Parts whose index was asked and named the rows.
    pub(crate) parts: AtomicU64,
    /// Of these, parts that had none.
    pub(crate) parts_without: AtomicU64,
    /// Rows that the indexes named.
    pub(crate) rows: AtomicU64,
    /// Parts that were read as a whole, since their index named too many rows.
    pub(crate) parts_common: AtomicU64,
    /// Parts that were read as a whole, since they have no index.
    pub(crate) parts_unindexed: AtomicU64,
}

impl Used {
    fn count(&self, found: &Candidates) {
        let add = |counter: &AtomicU64, count: u64| {
            counter.fetch_add(count, Ordering::Relaxed);
        };
        match found {
            Candidates::Unindexed => add(&self.parts_unindexed, 1),
            Candidates::Many => add(&self.parts_common, 1),
            Candidates::Rows(rows) => {
                add(&self.parts, 1);
                add(&self.parts_without, u64::from(rows.is_empty()));
                add(&self.rows, rows.len() as u64);
            }
        }
    }
}

/// The parts of `parts` that may have rows for `search`. Asks the indexes on `threads` blocking
/// threads.
pub(crate) async fn narrow(
    snapshot: &Arc<Snapshot>,
    parts: Vec<Arc<PartMeta>>,
    search: &Arc<Search>,
    threads: usize,
    used: &Used,
) -> Result<Vec<Narrowed>> {
    let share = parts.len().div_ceil(threads.max(1)).max(1);
    let tasks: Vec<_> = parts
        .chunks(share)
        .map(|parts| {
            let (snapshot, search) = (Arc::clone(snapshot), Arc::clone(search));
            let parts = parts.to_vec();
            tokio::task::spawn_blocking(move || {
                let ask = |part: Arc<PartMeta>| {
                    let rows_max = (part.rows / ROWS_SHARE).max(ROWS_ALWAYS) as usize;
                    let found = snapshot.candidates(&part, &search, rows_max);
                    (part, found)
                };
                parts.into_iter().map(ask).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut narrowed = Vec::new();
    for task in tasks {
        let found = task.await;
        let found = found.map_err(|error| exec_datafusion_err!("asking word indexes: {error}"))?;
        for (part, found) in found {
            used.count(&found);
            match found {
                Candidates::Rows(rows) if rows.is_empty() => {}
                Candidates::Rows(rows) => narrowed.push(Narrowed {
                    part,
                    rows: Some(rows),
                }),
                Candidates::Unindexed | Candidates::Many => narrowed.push(Narrowed::whole(part)),
            }
        }
    }
    Ok(narrowed)
}

//! Which rows of which parts of `logs` a scan has to read, by the word indexes of the parts.
//!
//! In: the parts that statistics leave over, and what is searched for. Out: those that may have rows,
//! each with its rows where the index says exactly which, or where they are few enough that skipping
//! the others saves time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::BooleanBufferBuilder;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use oriel_storage::{Candidates, PartMeta, Search, Snapshot};
use parquet::arrow::arrow_reader::RowSelection;

/// With more rows than one in so many, a whole part is read as fast when each of them has to be
/// looked at.
const ROWS_SHARE: u64 = 64;
/// So many rows are always picked.
const ROWS_ALWAYS: u64 = 1_000;
/// With more rows than one in so many, a bit for each row takes less memory than their numbers.
const ROWS_SHARE_BITS: usize = 256;

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// What finds exactly the rows for which the filters hold that the scan answers for.
    pub(crate) exact: Option<Search>,
    /// What finds the rows that may be wanted, and perhaps others.
    pub(crate) hint: Option<Search>,
}

/// A part to read.
#[derive(Debug, Clone)]
pub(crate) struct Narrowed {
    pub(crate) part: Arc<PartMeta>,
    /// The only rows to read; `None` for all.
    pub(crate) rows: Option<RowSelection>,
    /// Whether [`Wanted::exact`] has been dealt with: of each row read is known that it is wanted.
    pub(crate) checked: bool,
}

impl Narrowed {
    /// All rows of `part`.
    pub(crate) fn whole(part: Arc<PartMeta>, checked: bool) -> Self {
        Narrowed {
            part,
            rows: None,
            checked,
        }
    }

    /// `rows` of `part`, ascending.
    fn only(part: Arc<PartMeta>, rows: &[u32], checked: bool) -> Self {
        let total = part.rows as usize;
        let rows = (rows.len() < total).then(|| selection(rows, total));
        Narrowed {
            part,
            rows,
            checked,
        }
    }

    /// How many rows are read.
    pub(crate) fn rows_count(&self) -> usize {
        let all = self.part.rows as usize;
        self.rows.as_ref().map_or(all, RowSelection::row_count)
    }

    /// What tells the scan which rows to read.
    pub(crate) fn selection(&self) -> Option<ParquetRowSelection> {
        self.rows.clone().map(ParquetRowSelection::from)
    }
}

/// `rows` of `total`.
fn selection(rows: &[u32], total: usize) -> RowSelection {
    if rows.len() < total / ROWS_SHARE_BITS {
        let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
        return RowSelection::from_consecutive_ranges(ranges, total);
    }
    let mut bits = BooleanBufferBuilder::new(total);
    bits.append_n(total, false);
    rows.iter()
        .for_each(|row| bits.set_bit(*row as usize, true));
    RowSelection::from_boolean_buffer(bits.finish())
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

/// What is to be read of `part`, if anything is. Blocking.
fn ask(snapshot: &Snapshot, wanted: &Wanted, part: Arc<PartMeta>, used: &Used) -> Option<Narrowed> {
    let rows_max = (part.rows / ROWS_SHARE).max(ROWS_ALWAYS) as usize;
    let ask = |search: &Option<Search>, rows_max| {
        let search = search.as_ref();
        search.map(|search| snapshot.candidates(&part, search, rows_max))
    };
    let exact = ask(&wanted.exact, usize::MAX);
    let checked = !matches!(exact, Some(Candidates::Unindexed | Candidates::Many));
    let found = match (exact, ask(&wanted.hint, rows_max)) {
        (Some(Candidates::Rows(exact)), Some(Candidates::Rows(hint))) => {
            Candidates::Rows(both(exact, &hint))
        }
        (Some(Candidates::Rows(rows)), _) | (_, Some(Candidates::Rows(rows))) => {
            Candidates::Rows(rows)
        }
        (_, Some(found)) | (Some(found), None) => found,
        (None, None) => Candidates::Many,
    };
    used.count(&found);
    match found {
        Candidates::Rows(rows) if rows.is_empty() => None,
        Candidates::Rows(rows) => Some(Narrowed::only(part, &rows, checked)),
        Candidates::Unindexed | Candidates::Many => Some(Narrowed::whole(part, checked)),
    }
}

/// What is in both, which are ascending.
fn both(mut rows: Vec<u32>, others: &[u32]) -> Vec<u32> {
    let mut others = others.iter().copied().peekable();
    rows.retain(|row| {
        while others.next_if(|other| other < row).is_some() {}
        others.peek() == Some(row)
    });
    rows
}

/// The parts of `parts` that may have rows that are `wanted`. Asks the indexes on `threads` blocking
/// threads.
pub(crate) async fn narrow(
    snapshot: &Arc<Snapshot>,
    parts: Vec<Arc<PartMeta>>,
    wanted: Wanted,
    threads: usize,
    used: &Arc<Used>,
) -> Result<Vec<Narrowed>> {
    let share = parts.len().div_ceil(threads.max(1)).max(1);
    let wanted = Arc::new(wanted);
    let tasks: Vec<_> = parts
        .chunks(share)
        .map(|parts| {
            let (snapshot, wanted) = (Arc::clone(snapshot), Arc::clone(&wanted));
            let (parts, used) = (parts.to_vec(), Arc::clone(used));
            tokio::task::spawn_blocking(move || {
                let parts = parts.into_iter();
                let narrowed = parts.filter_map(|part| ask(&snapshot, &wanted, part, &used));
                narrowed.collect::<Vec<_>>()
            })
        })
        .collect();
    let mut narrowed = Vec::new();
    for task in tasks {
        let found = task.await;
        let found = found.map_err(|error| exec_datafusion_err!("asking word indexes: {error}"))?;
        narrowed.extend(found);
    }
    Ok(narrowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Scenario: two sets of rows of parts of two sizes.
        /// Guarantees: what is in both is what sets say; a selection has these rows and no others,
        /// however it holds them.
        #[test]
        fn rows_are_sets(
            left in prop::collection::btree_set(0u32..3000, 0..40),
            right in prop::collection::btree_set(0u32..3000, 0..40),
        ) {
            let rows: Vec<u32> = left.iter().copied().collect();
            let others: Vec<u32> = right.iter().copied().collect();
            let want: Vec<u32> = left.intersection(&right).copied().collect();
            prop_assert_eq!(both(rows.clone(), &others), want);
            for total in [3000, 60_000] {
                let mut at = 0;
                let mut selected = Vec::new();
                for run in selection(&rows, total).iter() {
                    if !run.skip {
                        selected.extend(at..at + run.row_count as u32);
                    }
                    at += run.row_count as u32;
                }
                prop_assert_eq!(at as usize, total);
                prop_assert_eq!(&selected, &rows);
            }
        }
    }
}

//! What an answer cost: files, row groups, rows and bytes read, and times.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricValue;
use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::table::Counters;

/// The cost of one answer; part of every answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Receipt {
    /// The DuckLake snapshot that was read.
    pub snapshot: i64,
    /// Parts of the tables that were read.
    pub files_considered: u64,
    /// Parts that were not opened, by the catalog's statistics.
    pub files_pruned: u64,
    /// Row groups of the parts that were opened.
    pub row_groups_considered: u64,
    /// Row groups that were not read, by statistics or bloom filters.
    pub row_groups_pruned: u64,
    /// What word indexes did, when the query asked for words of log bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexUse>,
    /// Rows that were in no part yet.
    pub buffered_rows: u64,
    /// Rows that were read from parts and buffers.
    pub rows_read: u64,
    /// Bytes that were read from parts.
    pub bytes_read: u64,
    /// Rows in the answer.
    pub rows_returned: u64,
    /// Bytes of memory spilled to disk.
    pub bytes_spilled: u64,
    /// Milliseconds from the request to the plan.
    pub plan_ms: f64,
    /// Milliseconds from the plan to the last row.
    pub execution_ms: f64,
    /// Whether the answer is whole: not cut, ended without an error, no damaged part might have had
    /// rows for it, and the write-ahead log was not being replayed.
    pub complete: bool,
    /// Rows that were stored before the server started may be missing, because it still replays its
    /// write-ahead log; `/ready` says how far it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replaying: bool,
    /// Damaged parts that might have had rows for the answer, by path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<String>,
    /// All rows of those parts; how many of them the answer would have had is not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing_rows: u64,
    /// Whether rows were left out because of a limit of the server.
    pub truncated: bool,
}

/// What the word indexes of parts did for one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct IndexUse {
    /// Parts of which only the rows that their index named were read.
    pub parts: u64,
    /// Parts among them that their index named no row of: they were not read.
    pub parts_skipped: u64,
    /// Rows that indexes named.
    pub rows: u64,
    /// Parts that were read as a whole because their index named too many rows.
    pub parts_common: u64,
    /// Parts that were read as a whole because they have no index, or a damaged one.
    pub parts_unindexed: u64,
}

impl IndexUse {
    /// What is counted so far; `None` when no index was looked for.
    pub(crate) fn of(counters: &Counters) -> Option<IndexUse> {
        let words = &counters.words;
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let used = IndexUse {
            parts: of(&words.parts),
            parts_skipped: of(&words.parts_without),
            rows: of(&words.rows),
            parts_common: of(&words.parts_common),
            parts_unindexed: of(&words.parts_unindexed),
        };
        (used != IndexUse::default()).then_some(used)
    }

    fn add(&mut self, other: &IndexUse) {
        self.parts += other.parts;
        self.parts_skipped += other.parts_skipped;
        self.rows += other.rows;
        self.parts_common += other.parts_common;
        self.parts_unindexed += other.parts_unindexed;
    }
}

/// How `EXPLAIN` tells it.
impl std::fmt::Display for IndexUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "parts={}, skipped={}, rows={}, common={}, unindexed={}",
            self.parts, self.parts_skipped, self.rows, self.parts_common, self.parts_unindexed
        )
    }
}

/// How far a query is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What it has cost so far.
    pub(crate) receipt: Receipt,
    /// Files that were read to their end.
    pub(crate) files: u64,
}

impl Receipt {
    /// How far the running `plan` is.
    pub(crate) fn progress(plan: &dyn ExecutionPlan, counters: &Counters) -> Progress {
        let mut receipt = Receipt::default();
        receipt.measure(plan, counters);
        Progress {
            receipt,
            files: files_done(plan),
        }
    }

    /// Adds the cost of another statement behind the same answer.
    pub(crate) fn absorb(&mut self, other: &Receipt) {
        // The first statement brings a default's place.
        self.complete = other.complete && (self.complete || *self == Receipt::default());
        self.snapshot = other.snapshot;
        self.files_considered += other.files_considered;
        self.files_pruned += other.files_pruned;
        self.row_groups_considered += other.row_groups_considered;
        self.row_groups_pruned += other.row_groups_pruned;
        if let Some(index) = &other.index {
            self.index.get_or_insert_default().add(index);
        }
        self.buffered_rows += other.buffered_rows;
        self.rows_read += other.rows_read;
        self.bytes_read += other.bytes_read;
        self.rows_returned += other.rows_returned;
        self.bytes_spilled += other.bytes_spilled;
        self.plan_ms += other.plan_ms;
        self.execution_ms += other.execution_ms;
        self.truncated |= other.truncated;
        self.replaying |= other.replaying;
        if !other.missing_parts.is_empty() {
            let new = |part: &&String| !self.missing_parts.contains(part);
            let new: Vec<String> = other.missing_parts.iter().filter(new).cloned().collect();
            // A part that both lack counts once: its rows are in either sum.
            self.missing_rows = match new.len() == other.missing_parts.len() {
                true => self.missing_rows + other.missing_rows,
                false => self.missing_rows.max(other.missing_rows),
            };
            self.missing_parts.extend(new);
        }
    }

    /// Adds what the scans chose and what the operators of `plan` measured.
    pub(crate) fn measure(&mut self, plan: &dyn ExecutionPlan, counters: &Counters) {
        self.files_considered = counters.files_considered.load(Ordering::Relaxed);
        self.files_pruned = counters.files_pruned.load(Ordering::Relaxed);
        self.index = IndexUse::of(counters);
        self.buffered_rows = counters.buffered_rows.load(Ordering::Relaxed);
        if counters.replaying.load(Ordering::Relaxed) {
            (self.complete, self.replaying) = (false, true);
        }
        let missing = counters.missing.lock();
        for part in missing.unwrap_or_else(PoisonError::into_inner).iter() {
            self.complete = false;
            self.missing_parts.push(part.path.clone());
            self.missing_rows += part.rows;
        }
        self.add(plan);
    }

    fn add(&mut self, plan: &dyn ExecutionPlan) {
        let scan = plan.is::<DataSourceExec>();
        for metric in plan.metrics().iter().flat_map(|metrics| metrics.iter()) {
            match metric.value() {
                MetricValue::OutputRows(rows) if scan => self.rows_read += rows.value() as u64,
                MetricValue::SpilledBytes(bytes) => self.bytes_spilled += bytes.value() as u64,
                MetricValue::Count { name, count } => match name.as_ref() {
                    "bytes_scanned" => self.bytes_read += count.value() as u64,
                    "pushdown_rows_pruned" => self.rows_read += count.value() as u64,
                    _ => {}
                },
                MetricValue::PruningMetrics {
                    name,
                    pruning_metrics,
                } => {
                    let pruned = pruning_metrics.pruned() as u64;
                    match name.as_ref() {
                        "row_groups_pruned_statistics" => {
                            self.row_groups_considered += pruned + pruning_metrics.matched() as u64;
                            self.row_groups_pruned += pruned;
                        }
                        "row_groups_pruned_bloom_filter" | "limit_pruned_row_groups" => {
                            self.row_groups_pruned += pruned;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        for child in plan.children() {
            self.add(child.as_ref());
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Files that the scans of `plan` have read to their end.
fn files_done(plan: &dyn ExecutionPlan) -> u64 {
    let metrics = plan.metrics();
    let own = metrics.iter().flat_map(|metrics| metrics.iter());
    let own = own.map(|metric| match metric.value() {
        MetricValue::Count { name, count } if name == "files_processed" => count.value() as u64,
        _ => 0,
    });
    let below = plan.children().into_iter();
    own.sum::<u64>() + below.map(|child| files_done(child.as_ref())).sum::<u64>()
}

/// Milliseconds with three decimals.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

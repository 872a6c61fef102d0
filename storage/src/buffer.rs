//! Rows that are durable in the log and in no part yet, per tenant and table.
//!
//! A generation takes the rows of consecutive frames; a flush seals it at its last frame, writes it
//! as parts and drops it. Trace summaries of its spans are made when first asked for and kept, so
//! that each span is summarised once however many snapshots are taken.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;

use crate::flush::Sealed;
use crate::schema::{Schemas, Table};
use crate::seen::SeenEntry;
use crate::small::{self, Small};
use crate::summary::summarise;
use crate::{Batch, Result, TenantId, WalPosition};

/// Summaries kept beside each other before they are made anew as one.
const SUMMARIES_MAX: usize = 16;

/// The rows of one frame, and what it takes to remember it.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) position: WalPosition,
    /// Bytes of the frame in the log.
    pub(crate) wal_bytes: u64,
    pub(crate) tenant: TenantId,
    pub(crate) batches: Vec<Batch>,
    pub(crate) seen: SeenEntry,
}

impl Published {
    /// Whose rows these are, and the rows. Copies pointers.
    pub(crate) fn visible(&self) -> (TenantId, Vec<Batch>) {
        (self.tenant.clone(), self.batches.clone())
    }
}

/// Rows of consecutive frames.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    tenants: HashMap<TenantId, TenantRows>,
    /// Memory of the rows.
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Bytes of the frames in the log.
    pub(crate) wal_bytes: u64,
    /// The frame before the first.
    pub(crate) after: WalPosition,
    /// The last frame; `after` while there is none.
    pub(crate) last: WalPosition,
    /// The frames' requests.
    pub(crate) seen: Vec<SeenEntry>,
    /// When the first frame came.
    pub(crate) since: Option<Instant>,
    /// Where small batches wait to be joined.
    small: Vec<(TenantId, Table)>,
}

/// Rows of one tenant. Cloning copies one pointer a batch.
#[derive(Debug, Default, Clone)]
pub(crate) struct TenantRows {
    tables: BTreeMap<Table, TableRows>,
    summaries: Arc<Mutex<Vec<Summary>>>,
}

/// Rows of one table.
#[derive(Debug, Default, Clone)]
struct TableRows {
    batches: Vec<Batch>,
    /// From here on, all batches are small.
    small_from: usize,
}

#[derive(Debug)]
struct Summary {
    /// Number of the tenant's first spans that this and the summaries before it cover.
    spans: usize,
    rows: Batch,
}

impl Generation {
    /// An empty generation behind `last`.
    pub(crate) fn after(last: WalPosition) -> Self {
        Generation {
            after: last,
            last,
            ..Generation::default()
        }
    }

    /// Adds the rows of the next frame.
    pub(crate) fn push(&mut self, frame: Published) {
        debug_assert!(crate::invariant::follows(self.last, frame.position));
        self.since.get_or_insert_with(Instant::now);
        self.last = frame.position;
        self.wal_bytes += frame.wal_bytes;
        self.seen.push(frame.seen);
        for batch in frame.batches {
            let rows = batch.rows().num_rows();
            if rows == 0 {
                continue;
            }
            self.bytes += batch.memory_bytes() as u64;
            self.rows += rows as u64;
            if !self.tenants.contains_key(&frame.tenant) {
                let rows = TenantRows::default();
                self.tenants.insert(frame.tenant.clone(), rows);
            }
            if let Some(tenant) = self.tenants.get_mut(&frame.tenant) {
                let table = batch.table();
                let rows = tenant.tables.entry(table).or_default();
                rows.push(batch);
                if rows.small_count() == small::RUN {
                    self.small.push((frame.tenant.clone(), table));
                }
            }
        }
    }

    /// Whether small batches wait to be joined.
    pub(crate) fn has_small(&self) -> bool {
        !self.small.is_empty()
    }

    /// Small batches that wait to be joined; each run is handed out once.
    pub(crate) fn take_small(&mut self) -> Option<Small> {
        while let Some((tenant, table)) = self.small.pop() {
            let rows = self.tenants.get(&tenant)?.tables.get(&table)?;
            // A place is there twice when a large batch ended one run and another run was full before
            // the first was joined.
            if rows.small_count() < small::RUN {
                continue;
            }
            return Some(Small {
                after: self.after,
                start: rows.small_from,
                batches: rows.batches[rows.small_from..].to_vec(),
                tenant,
                table,
            });
        }
        None
    }

    /// Puts `joined` into the place of the batches of `small`, if this is their generation.
    pub(crate) fn put_joined(&mut self, small: &Small, joined: Batch) {
        let tables = self
            .tenants
            .get_mut(&small.tenant)
            .map(|rows| &mut rows.tables);
        let rows = tables.and_then(|tables| tables.get_mut(&small.table));
        let Some(rows) = rows.filter(|_| small.after == self.after) else {
            return;
        };
        let memory = |batches: &[Batch]| -> u64 {
            batches
                .iter()
                .map(|batch| batch.memory_bytes() as u64)
                .sum()
        };
        self.bytes =
            (self.bytes + joined.memory_bytes() as u64).saturating_sub(memory(&small.batches));
        let place = small.start..small.start + small.batches.len();
        rows.batches.splice(place, [joined]);
        rows.small_from = (rows.small_from + 1)
            .saturating_sub(small.batches.len())
            .max(small.start + 1);
        if rows.small_count() >= small::RUN {
            self.small.push((small.tenant.clone(), small.table));
        }
    }

    /// Goes on after `last`: the frames up to there hold no rows that can be read.
    pub(crate) fn skip(&mut self, last: WalPosition) {
        self.since.get_or_insert_with(Instant::now);
        self.last = self.last.max(last);
    }

    /// The rows of `tenant`.
    pub(crate) fn rows_of(&self, tenant: &TenantId) -> TenantRows {
        self.tenants.get(tenant).cloned().unwrap_or_default()
    }

    /// All rows, for writing as parts.
    pub(crate) fn sealed(&self) -> Vec<Sealed> {
        let of = |tenant: &TenantId, rows: &TenantRows| -> Vec<Sealed> {
            let tables = rows.tables.iter();
            tables
                .map(|(table, rows)| Sealed {
                    tenant: tenant.clone(),
                    table: *table,
                    batches: rows.batches.clone(),
                })
                .collect()
        };
        self.tenants
            .iter()
            .flat_map(|(tenant, rows)| of(tenant, rows))
            .collect()
    }
}

impl TableRows {
    fn push(&mut self, batch: Batch) {
        let small = batch.rows().num_rows() <= small::ROWS_MAX;
        self.batches.push(batch);
        if !small {
            self.small_from = self.batches.len();
        }
    }

    /// Small batches at the end.
    fn small_count(&self) -> usize {
        self.batches.len() - self.small_from
    }
}

impl TenantRows {
    /// Adds these rows to `into`, with the summaries of the spans among them.
    pub(crate) fn add_to(self, schemas: &Schemas, into: &mut HashMap<Table, Vec<Batch>>) {
        if let Some(spans) = self.tables.get(&Table::Spans) {
            match self.summaries(schemas, &spans.batches) {
                Ok(summaries) => into.entry(Table::Traces).or_default().extend(summaries),
                // Only a fault of ours; the spans themselves are still shown.
                Err(error) => tracing::error!(%error, "cannot summarise buffered spans"),
            }
        }
        for (table, rows) in self.tables {
            into.entry(table).or_default().extend(rows.batches);
        }
    }

    /// Summaries of exactly `spans`. A snapshot may be behind those that were taken meanwhile.
    fn summaries(&self, schemas: &Schemas, spans: &[Batch]) -> Result<Vec<Batch>> {
        let count: usize = spans.iter().map(|batch| batch.rows().num_rows()).sum();
        let mut known = self
            .summaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SUMMARIES_MAX && known.iter().all(|summary| summary.spans < count) {
            known.clear();
        }
        let used: Vec<_> = known
            .iter()
            .take_while(|summary| summary.spans <= count)
            .collect();
        let covered = used.last().map_or(0, |summary| summary.spans);
        let mut batches: Vec<_> = used.iter().map(|summary| summary.rows.clone()).collect();
        let newest = used.len() == known.len();
        if covered < count {
            let rows = summarise(schemas, &rows_after(spans, covered))?;
            batches.push(rows.clone());
            if newest {
                known.push(Summary { spans: count, rows });
            }
        }
        Ok(batches)
    }
}

/// The rows behind the first `skip`.
fn rows_after(batches: &[Batch], mut skip: usize) -> Vec<RecordBatch> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.rows();
        let dropped = skip.min(batch.num_rows());
        skip -= dropped;
        if dropped < batch.num_rows() {
            rows.push(batch.slice(dropped, batch.num_rows() - dropped));
        }
    }
    rows
}

//! What one query sees: one catalog snapshot and the buffers that belong to it, of one tenant.

use std::collections::HashMap;
use std::sync::Arc;

use crate::index::{Candidates, Indexes, Search};
use crate::schema::{Schemas, Table};
use crate::{Batch, PartMeta};

/// A part that cannot be read: what it held is missing from answers.
#[derive(Debug, Clone)]
pub struct MissingPart {
    /// The part: its path names it, its statistics say what is missing.
    pub part: Arc<PartMeta>,
    /// What is wrong with it.
    pub detail: String,
}

/// A frozen view of all tables of a tenant. It never changes, shows each row exactly once (S1),
/// and keeps the files it names from being deleted while it lives (S2).
#[derive(Debug, Clone)]
pub struct Snapshot {
    id: i64,
    schemas: Schemas,
    parts: HashMap<Table, Arc<Vec<Arc<PartMeta>>>>,
    buffers: HashMap<Table, Vec<Batch>>,
    missing: HashMap<Table, Vec<MissingPart>>,
    replaying: bool,
    indexes: Option<Arc<Indexes>>,
}

impl Snapshot {
    /// A snapshot of these parts and buffers.
    pub fn new(
        id: i64,
        schemas: Schemas,
        parts: HashMap<Table, Arc<Vec<Arc<PartMeta>>>>,
        buffers: HashMap<Table, Vec<Batch>>,
    ) -> Self {
        Snapshot {
            id,
            schemas,
            parts,
            buffers,
            missing: HashMap::new(),
            replaying: false,
            indexes: None,
        }
    }

    /// The same snapshot, whose parts have these word indexes.
    pub(crate) fn indexed(mut self, indexes: Arc<Indexes>) -> Self {
        self.indexes = Some(indexes);
        self
    }

    /// The rows of `part`, one of [`Snapshot::parts`], whose body may match `search`, if its word
    /// index says so and they are at most `rows_max`. Blocking; a damaged index is none.
    pub fn candidates(&self, part: &PartMeta, search: &Search, rows_max: usize) -> Candidates {
        match &self.indexes {
            Some(indexes) => indexes.candidates(part, search, rows_max),
            None => Candidates::Unindexed,
        }
    }

    /// Whether indexes may hold the words of attribute `key` of logs.
    pub fn indexes_attribute(&self, key: &str) -> bool {
        let indexes = self.indexes.iter();
        let mut keys = indexes.flat_map(|indexes| indexes.attributes());
        keys.any(|known| known == key)
    }

    /// The same snapshot, which lacks the rows of `missing`, and those of frames that are not yet
    /// replayed.
    pub(crate) fn without(mut self, missing: Vec<MissingPart>, replaying: bool) -> Self {
        self.replaying = replaying;
        for missing in missing {
            let table = missing.part.table;
            self.missing.entry(table).or_default().push(missing);
        }
        self
    }

    /// The DuckLake snapshot id.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The schemas in force.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Parts of `table`, in no particular order.
    pub fn parts(&self, table: Table) -> &[Arc<PartMeta>] {
        self.parts.get(&table).map_or(&[], |parts| parts.as_slice())
    }

    /// Parts of `table` that are damaged and therefore not among [`Snapshot::parts`]: an answer
    /// whose filters do not exclude them is incomplete.
    pub fn missing(&self, table: Table) -> &[MissingPart] {
        self.missing.get(&table).map_or(&[], Vec::as_slice)
    }

    /// Whether rows that were stored before the start may be missing, since the log is still
    /// replayed: every answer is incomplete.
    pub fn replaying(&self) -> bool {
        self.replaying
    }

    /// Rows of `table` that are in no part yet, in order of arrival. For `traces`, the summaries
    /// of the spans in [`Snapshot::buffers`], made when the snapshot was taken.
    pub fn buffers(&self, table: Table) -> &[Batch] {
        self.buffers.get(&table).map_or(&[], Vec::as_slice)
    }
}

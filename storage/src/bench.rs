//! Flush and merge without the store around them: for benches and measurements only, not part of
//! the interface.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::compact::{self, Merge};
use crate::flush::{Sealed, write_parts};
use crate::objects::Objects;
use crate::part::writer::PartContext;
use crate::schema::{Schemas, SortKey, Table};
use crate::{Batch, Candidates, Config, Error, PartMeta, Result, Search, TenantId, summary};

/// Writes parts into a directory that has no catalog.
#[derive(Debug)]
pub struct Parts {
    ctx: PartContext,
}

impl Parts {
    /// Parts below `config.data_dir`, which is created.
    pub fn new(config: Config, schemas: Schemas) -> Result<Self> {
        let root: &Path = &config.data_dir;
        fs::create_dir_all(root).map_err(|source| Error::Io {
            action: "creating",
            path: root.to_owned(),
            source,
        })?;
        let objects = Arc::new(Objects::open(root, crate::files::Files::default())?);
        Ok(Parts {
            ctx: PartContext::new(objects, schemas, config),
        })
    }

    /// Flushes `batches`, all of one table.
    pub fn flush(&self, batches: Vec<Batch>) -> Result<Vec<PartMeta>> {
        let Some(table) = batches.first().map(Batch::table) else {
            return Ok(Vec::new());
        };
        let sealed = Sealed {
            tenant: TenantId::default_tenant(),
            table,
            batches,
        };
        write_parts(&self.ctx, &[sealed])
    }

    /// The rows of `part` that its word index names for `search`.
    pub fn candidates(&self, part: &PartMeta, search: &Search, rows_max: usize) -> Candidates {
        let indexes = self.ctx.objects.indexes();
        indexes.candidates(part, search, rows_max)
    }

    /// Bytes of all word indexes.
    pub fn index_bytes(&self) -> u64 {
        self.ctx.objects.indexes().count().1
    }

    /// Merges `parts`, at least two of one table and day, into one.
    pub fn merge(&self, parts: &[PartMeta]) -> Result<Vec<PartMeta>> {
        let merge = Merge {
            tenant: parts[0].tenant.clone(),
            table: parts[0].table,
            day: parts[0].day,
            odd: parts[0].odd,
            parts: parts.iter().cloned().map(Arc::new).collect(),
        };
        compact::merge(&self.ctx, &merge)
    }
}

/// Trace summaries of `spans`.
pub fn summarise(schemas: &Schemas, spans: &[RecordBatch]) -> Result<Batch> {
    summary::summarise(schemas, spans)
}

/// `schemas` with another sort key for `table`.
pub fn sorted_by(schemas: &Schemas, table: Table, sort: &'static [SortKey]) -> Schemas {
    schemas.sorted_by(table, sort)
}

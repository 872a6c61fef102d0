//! The catalog as `doctor` looks at it: SQLite's own check, our tables against DuckLake's, parts
//! against their checksums. Nothing is changed but what [`Opened::mark`] is told to.

use std::collections::{HashMap, HashSet};

use oriel_proto::UnixNanos;
use rusqlite::Connection;

use super::digest::Digest;
use super::ducklake::Head;
use super::fault::Result;
use super::{indexes, load, open, seen, tables, vacate};
use crate::index::IndexRow;
use crate::layout::Layout;
use crate::schema::Schemas;
use crate::{Error, PartId, PartMeta, WalPosition};

/// Queries whose rows are contradictions, with what they say.
const CONTRADICTIONS: [(&str, &str); 7] = [
    (
        "a part has no file in DuckLake's tables: data_file_id",
        "SELECT data_file_id FROM oriel_part WHERE data_file_id NOT IN (SELECT data_file_id FROM ducklake_data_file)",
    ),
    (
        "a file ended before it began: data_file_id",
        "SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot <= begin_snapshot",
    ),
    (
        "a file begins in a snapshot to come: data_file_id",
        "SELECT data_file_id FROM ducklake_data_file WHERE begin_snapshot > (SELECT max(snapshot_id) FROM ducklake_snapshot)",
    ),
    (
        "a path is live twice: path",
        "SELECT path FROM ducklake_data_file WHERE end_snapshot IS NULL GROUP BY table_id, path HAVING count(*) > 1",
    ),
    (
        "statistics belong to no file: data_file_id",
        "SELECT DISTINCT data_file_id FROM ducklake_file_column_stats WHERE data_file_id NOT IN (SELECT data_file_id FROM ducklake_data_file)",
    ),
    (
        "a table counts fewer rows than its files have: table_id",
        "SELECT table_id FROM ducklake_table_stats t WHERE record_count < (SELECT coalesce(sum(record_count), 0) FROM ducklake_data_file f WHERE f.table_id = t.table_id AND f.end_snapshot IS NULL)",
    ),
    (
        "a file belongs to no table: data_file_id",
        "SELECT data_file_id FROM ducklake_data_file WHERE table_id NOT IN (SELECT table_id FROM ducklake_table)",
    ),
];

/// A catalog that is looked at.
pub(crate) struct Opened {
    db: Connection,
}

/// What it says.
pub(crate) struct Contents {
    pub(crate) schemas: Schemas,
    pub(crate) secret: [u8; 32],
    pub(crate) flushed: WalPosition,
    /// Live parts.
    pub(crate) parts: Vec<PartMeta>,
    pub(crate) sums: HashMap<PartId, Vec<u64>>,
    pub(crate) indexes: HashMap<PartId, IndexRow>,
    pub(crate) damaged: HashMap<PartId, String>,
    /// Paths of all files that it knows, relative to the data directory.
    pub(crate) named: HashSet<String>,
    /// Files of other programs in our tables.
    pub(crate) foreign_count: u64,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Opened {
    /// Opens the catalog below `layout`, which must exist.
    ///
    /// Errors: it is no database.
    pub(crate) fn open(layout: &Layout) -> crate::Result<Self> {
        let path = layout.catalog();
        open::connect(&path)
            .map(|db| Opened { db })
            .map_err(|fault| fault.at(&path, "opening the catalog"))
    }

    /// What SQLite's check of all pages and indexes says; empty when all is well.
    pub(crate) fn pages(&self, layout: &Layout) -> crate::Result<Vec<String>> {
        let ask = || -> Result<Vec<String>> {
            let mut statement = self.db.prepare("PRAGMA integrity_check(20)")?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            let lines = lines.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        };
        ask().map_err(|fault| fault.at(&layout.catalog(), "checking the catalog"))
    }

    /// Rows that contradict each other.
    pub(crate) fn contradictions(&self, layout: &Layout) -> crate::Result<Vec<String>> {
        let ask = || -> Result<Vec<String>> {
            let mut found = Vec::new();
            for (what, sql) in CONTRADICTIONS {
                let mut statement = self.db.prepare(sql)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let value: rusqlite::types::Value = row.get(0)?;
                    found.push(match value {
                        rusqlite::types::Value::Integer(id) => format!("{what} {id}"),
                        rusqlite::types::Value::Text(text) => format!("{what} {text}"),
                        other => format!("{what} {other:?}"),
                    });
                }
            }
            for blob in seen::blobs(&self.db)? {
                if let Err(error) = crate::seen::decode(&blob) {
                    found.push(error.to_string());
                }
            }
            Ok(found)
        };
        ask().map_err(|fault| fault.at(&layout.catalog(), "checking the catalog"))
    }

    /// Reads everything that the store reads when it opens, with the same checks.
    pub(crate) fn contents(&self, layout: &Layout) -> crate::Result<Contents> {
        let read = || -> Result<Contents> {
            let db = &self.db;
            open::check_versions(db, layout)?;
            let schemas = Schemas::with_promoted(&tables::promoted(db)?)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            let lake = open::read_lake(db)?;
            let columns = load::Columns::of(&schemas);
            // Tables that a later version added may be lacking: opening the store adds them.
            tables::add_later(db)?;
            let parts = load::parts(db, &columns, &lake)?;
            let digest = Digest::of(parts.iter().map(AsRef::as_ref));
            digest.check(db, Head::read(db)?.snapshot_id)?;
            let foreign_count: i64 = db.query_row(
                "SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL
                 AND data_file_id NOT IN (SELECT data_file_id FROM oriel_part)",
                [],
                |row| row.get(0),
            )?;
            Ok(Contents {
                schemas,
                secret: tables::secret(db)?,
                flushed: tables::flushed(db)?,
                parts: parts.iter().map(|part| PartMeta::clone(part)).collect(),
                sums: tables::sums(db)?,
                indexes: indexes::all(db)?,
                damaged: tables::damaged(db)?.into_iter().collect(),
                named: vacate::named(db)?,
                foreign_count: foreign_count as u64,
            })
        };
        read().map_err(|fault| fault.at(&layout.catalog(), "reading the catalog"))
    }

    /// Marks a part as damaged, or with `None` as good again.
    pub(crate) fn mark(
        &self,
        layout: &Layout,
        id: PartId,
        now: UnixNanos,
        detail: Option<&str>,
    ) -> crate::Result<()> {
        tables::set_damaged(&self.db, id, now, detail)
            .map_err(|fault| fault.at(&layout.catalog(), "marking a damaged part"))
    }

    /// Forgets the word index of a part.
    pub(crate) fn forget_index(&self, layout: &Layout, id: PartId) -> crate::Result<()> {
        indexes::remove(&self.db, id)
            .map_err(|fault| fault.at(&layout.catalog(), "forgetting a word index"))
    }

    /// Makes all indexes anew.
    pub(crate) fn reindex(&self, layout: &Layout) -> crate::Result<()> {
        let reindex = || -> Result<()> { Ok(self.db.execute_batch("REINDEX")?) };
        reindex().map_err(|fault| fault.at(&layout.catalog(), "making indexes anew"))
    }
}

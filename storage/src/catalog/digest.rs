//! Checksums of what the catalog says, since SQLite keeps none of its pages: a flipped bit in a
//! time range, a path or the flushed position must be an error, not another answer.
//!
//! Each part has the hash of its row and statistics in `oriel_sum`; `oriel_meta` has, under
//! `digest`, the snapshot they belong to, their number and the exclusive or of their hashes, the
//! flushed position and a hash of the secret. All are written in the commit that changes them and
//! compared when parts are read. After a commit of another program the set is not compared.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use xxhash_rust::xxh3::xxh3_64;

use super::fault::{Fault, Result};
use super::tables;
use crate::{PartMeta, StatValue};

const VERSION: u8 = 1;

/// The number and the exclusive or of the hashes of all live parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    count: u64,
    hashes: u64,
}

impl Digest {
    /// Of these parts.
    pub(super) fn of<'a>(parts: impl Iterator<Item = &'a PartMeta>) -> Self {
        let mut digest = Digest::default();
        parts.for_each(|part| digest.add(part));
        digest
    }

    pub(super) fn add(&mut self, part: &PartMeta) {
        self.count += 1;
        self.hashes ^= row_hash(part);
    }

    pub(super) fn remove(&mut self, part: &PartMeta) {
        self.count = self.count.wrapping_sub(1);
        self.hashes ^= row_hash(part);
    }

    /// Writes it down, with the position and the secret as they are in this transaction.
    pub(super) fn write(&self, db: &Connection, snapshot_id: i64) -> Result<()> {
        let blob = self.encode(db, snapshot_id)?;
        db.prepare_cached("INSERT OR REPLACE INTO oriel_meta VALUES ('digest', ?1)")?
            .execute(params![blob])?;
        Ok(())
    }

    fn encode(&self, db: &Connection, snapshot_id: i64) -> Result<Vec<u8>> {
        let mut blob = vec![VERSION];
        let position = tables::flushed(db)?.0;
        let secret = xxh3_64(&tables::secret(db)?);
        for number in [
            snapshot_id as u64,
            self.count,
            self.hashes,
            position,
            secret,
        ] {
            blob.extend_from_slice(&number.to_le_bytes());
        }
        let sum = xxh3_64(&blob);
        blob.extend_from_slice(&sum.to_le_bytes());
        Ok(blob)
    }

    /// Compares it with what was written for snapshot `snapshot_id`.
    ///
    /// Errors: `Damaged`.
    pub(super) fn check(&self, db: &Connection, snapshot_id: i64) -> Result<()> {
        let sql = "SELECT value FROM oriel_meta WHERE key = 'digest'";
        let written: Option<Vec<u8>> = db.query_row(sql, [], |row| row.get(0)).optional()?;
        let Some(written) = written else {
            // From before there were digests.
            return Ok(());
        };
        let damaged = |what: &str| Err(Fault::Damaged(what.to_owned()));
        let Some((body, sum)) = written.split_last_chunk::<8>() else {
            return damaged("the digest of its parts is cut off");
        };
        if body.len() != 41 || xxh3_64(body).to_le_bytes() != *sum {
            return damaged("the digest of its parts differs from its checksum");
        }
        if body[1..9] != snapshot_id.to_le_bytes() {
            tracing::warn!("another program has changed the catalog since oriel last wrote it");
            return Ok(());
        }
        if self.encode(db, snapshot_id)? != written {
            return damaged(
                "its parts, the flushed position or the secret are not those that were committed",
            );
        }
        Ok(())
    }
}

/// Keeps the hash of a part's row.
pub(super) fn add_row(db: &Connection, part: &PartMeta) -> Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO oriel_sum VALUES (?1, ?2)")?
        .execute(params![part.id.0, row_hash(part) as i64])?;
    Ok(())
}

/// Keeps the hashes of parts from before there were hashes.
pub(super) fn add_missing_rows(db: &Connection, parts: &[Arc<PartMeta>]) -> Result<()> {
    let mut statement = db.prepare("SELECT data_file_id FROM oriel_sum")?;
    let known = statement.query_map([], |row| row.get(0))?;
    let known = known.collect::<rusqlite::Result<HashSet<i64>>>()?;
    for part in parts.iter().filter(|part| !known.contains(&part.id.0)) {
        add_row(db, part)?;
    }
    Ok(())
}

/// Compares a part that was read with the hash that was kept; one from before there were hashes
/// passes.
///
/// Errors: `Damaged`.
pub(super) fn check_row(part: &PartMeta, kept: Option<i64>) -> Result<()> {
    match kept {
        Some(kept) if kept as u64 != row_hash(part) => Err(Fault::Damaged(format!(
            "what it says about part {} ({}) differs from its checksum",
            part.id.0, part.path
        ))),
        _ => Ok(()),
    }
}

/// A hash of everything that the catalog says about a part. Frozen: catalogs hold it.
fn row_hash(part: &PartMeta) -> u64 {
    let mut text = format!(
        "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
        part.id.0,
        part.tenant,
        part.table,
        part.day,
        part.odd,
        part.path,
        part.rows,
        part.bytes,
        part.footer_bytes,
        part.time_min.0,
        part.time_max.0,
        part.level,
        part.checksum,
        part.columns_count,
        part.format
    );
    for stray in &part.strays {
        let _ = write!(text, "\nstray {stray}");
    }
    for stats in &part.stats {
        let (column, values, nulls) = (&stats.column, stats.value_count, stats.null_count);
        let _ = write!(text, "\nstats {column} {values} {nulls}");
        for bound in [&stats.min, &stats.max] {
            let _ = match bound {
                None => write!(text, " -"),
                Some(StatValue::Int(value)) => write!(text, " i{value}"),
                Some(StatValue::Text(value)) => write!(text, " t{}:{value}", value.len()),
            };
        }
    }
    xxh3_64(text.as_bytes())
}

//! `oriel_index`: the word indexes of parts. An index only saves time, so a row that is lost or
//! damaged means a part without one, never a catalog that does not open.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use xxhash_rust::xxh3::xxh3_64;

use super::fault::Result;
use crate::PartId;
use crate::index::IndexRow;

/// A catalog that lacks the table gets it.
pub(super) const DDL: &str = "CREATE TABLE IF NOT EXISTS oriel_index(data_file_id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, sums BLOB NOT NULL, hash INTEGER NOT NULL);";

/// Keeps what is known of the index of a part.
pub(super) fn add(db: &Connection, id: PartId, row: &IndexRow) -> Result<()> {
    let sums = blob(&row.sums);
    db.prepare_cached("INSERT INTO oriel_index VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            id.0,
            row.bytes as i64,
            row.checksum as i64,
            sums,
            hash(id, row) as i64
        ])?;
    Ok(())
}

/// Forgets the index of a part.
pub(super) fn remove(db: &Connection, id: PartId) -> Result<()> {
    let sql = "DELETE FROM oriel_index WHERE data_file_id = ?1";
    db.execute(sql, params![id.0])?;
    Ok(())
}

/// All indexes. Rows that do not have their hash are left out, with a warning.
pub(super) fn all(db: &Connection) -> Result<HashMap<PartId, IndexRow>> {
    let mut statement =
        db.prepare("SELECT data_file_id, bytes, checksum, sums, hash FROM oriel_index")?;
    let mut rows = statement.query([])?;
    let mut all = HashMap::new();
    while let Some(row) = rows.next()? {
        let id = PartId(row.get(0)?);
        let read = || -> rusqlite::Result<(IndexRow, i64)> {
            let sums: Vec<u8> = row.get(3)?;
            let (sums, _) = sums.as_chunks::<8>();
            let found = IndexRow {
                bytes: row.get::<_, i64>(1)? as u64,
                checksum: row.get::<_, i64>(2)? as u64,
                sums: sums.iter().map(|sum| u64::from_le_bytes(*sum)).collect(),
            };
            Ok((found, row.get(4)?))
        };
        match read() {
            Ok((found, kept)) if hash(id, &found) == kept as u64 => {
                all.insert(id, found);
            }
            _ => tracing::warn!(
                part = id.0,
                "what the catalog says about a word index is damaged; the part is scanned instead"
            ),
        }
    }
    Ok(all)
}

fn blob(sums: &[u64]) -> Vec<u8> {
    sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()
}

/// Frozen: catalogs hold it.
fn hash(id: PartId, row: &IndexRow) -> u64 {
    let mut bytes = Vec::new();
    for number in [id.0 as u64, row.bytes, row.checksum] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&blob(&row.sums));
    xxh3_64(&bytes)
}

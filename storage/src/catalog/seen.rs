//! The hashes of stored requests over restarts: `oriel_seen`, one blob a flush.
//!
//! Each commit adds a blob, forgets those that are older than the window, and the oldest beyond a
//! size. Blobs that pile up, since flushes came quickly, are joined with their neighbours: their
//! number stays bounded, and the window stays as long as it is said to be.

use oriel_proto::UnixNanos;
use rusqlite::{Connection, params};

use super::fault::Result;
use crate::seen::{decode, encode};

/// Blobs kept at most: the sum over them is taken in each commit.
const BLOBS_MAX: i64 = 1024;
/// The part of all bytes that a joined blob has at most. It is the step in which the oldest go.
const JOINED_PART: u64 = 64;

/// Remembers `hashes` of now; forgets those from before `oldest`, and the oldest that are beyond
/// `bytes_max` in all.
pub(super) fn remember(
    db: &Connection,
    now: UnixNanos,
    hashes: &[u8],
    oldest: UnixNanos,
    bytes_max: u64,
) -> Result<()> {
    db.prepare_cached("DELETE FROM oriel_seen WHERE at < ?1")?
        .execute(params![oldest.0])?;
    // The newest blob of all is kept: `bytes_max` has room for it beside those kept here.
    let room = bytes_max.saturating_sub(hashes.len() as u64);
    db.prepare_cached(
        "DELETE FROM oriel_seen WHERE id <= (
            SELECT max(id) FROM (SELECT id, sum(length(hashes)) OVER (ORDER BY id DESC) AS total
                                 FROM oriel_seen) WHERE total > ?1)",
    )?
    .execute(params![i64::try_from(room).unwrap_or(i64::MAX)])?;
    if !hashes.is_empty() {
        db.prepare_cached("INSERT INTO oriel_seen(at, hashes) VALUES (?1, ?2)")?
            .execute(params![now.0, hashes])?;
        let count = db
            .prepare_cached("SELECT count(*) FROM oriel_seen")?
            .query_row([], |row| row.get::<_, i64>(0))?;
        if count > BLOBS_MAX {
            join(db, bytes_max / JOINED_PART)?;
        }
    }
    Ok(())
}

/// The remembered blobs, oldest first.
pub(super) fn blobs(db: &Connection) -> Result<Vec<Vec<u8>>> {
    let mut statement = db.prepare("SELECT hashes FROM oriel_seen ORDER BY id")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Joins neighbours up to `bytes_max` a blob. One that cannot be read is forgotten: nothing could be
/// learned from it.
fn join(db: &Connection, bytes_max: u64) -> Result<()> {
    let rows = {
        let mut statement = db.prepare("SELECT id, at, hashes FROM oriel_seen ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<(i64, i64, Vec<u8>)>>>()?
    };
    db.execute("DELETE FROM oriel_seen", [])?;
    let mut insert = db.prepare("INSERT INTO oriel_seen(id, at, hashes) VALUES (?1, ?2, ?3)")?;
    let (mut entries, mut bytes, mut last) = (Vec::new(), 0, None);
    for (id, at, blob) in rows {
        if let Some((id, at)) = last.filter(|_| bytes + blob.len() as u64 > bytes_max) {
            insert.execute(params![id, at, encode(&entries)])?;
            entries.clear();
            bytes = 0;
        }
        match decode(&blob) {
            Ok(more) => entries.extend(more),
            Err(error) => tracing::error!(%error, "requests that were stored are forgotten"),
        }
        bytes += blob.len() as u64;
        last = Some((id, at));
    }
    if let Some((id, at)) = last {
        insert.execute(params![id, at, encode(&entries)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestHash;
    use crate::seen::{SeenEntry, blob_bytes_max};

    /// Scenario: 20 flushes a second for 15 minutes, each with three requests, as a store with a small
    /// `flush_bytes` makes; then the same again.
    /// Guarantees: every request of the window is remembered, in order; the blobs stay few.
    #[test]
    fn many_flushes_keep_the_window() {
        const SECOND: i64 = 1_000_000_000;
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE oriel_seen(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, hashes BLOB NOT NULL)").unwrap();
        let window = 900 * SECOND;
        let entry = |number: i64, now: i64| SeenEntry {
            hash: RequestHash(number as u128),
            received_at: UnixNanos(now),
            rejected: 0,
        };
        let mut now = 0;
        for flush in 0..2 * 900 * 20 {
            now = flush * SECOND / 20;
            let entries: Vec<_> = (0..3).map(|one| entry(3 * flush + one, now)).collect();
            let oldest = UnixNanos(now - window);
            let bytes_max = blob_bytes_max(1_000_000);
            remember(&db, UnixNanos(now), &encode(&entries), oldest, bytes_max).unwrap();
        }
        let blobs = blobs(&db).unwrap();
        assert!(blobs.len() <= BLOBS_MAX as usize, "{} blobs", blobs.len());
        let known: Vec<_> = blobs
            .iter()
            .flat_map(|blob| decode(blob).unwrap())
            .collect();
        assert!(
            known
                .windows(2)
                .all(|two| two[0].hash.0 + 1 == two[1].hash.0)
        );
        let first = known.first().unwrap().received_at.0;
        assert!(first <= now - window, "from {first} on, at {now}");
        // A joined blob goes when its newest request does.
        assert!(first >= now - 2 * window, "from {first} on, at {now}");
        assert_eq!(known.last().unwrap().received_at.0, now);
    }
}

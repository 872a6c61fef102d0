//! Old snapshots end, and with them the files that only they showed: first scheduled for deletion,
//! due after a grace for outside readers, forgotten once unlinked (S2).

use std::collections::HashSet;
use std::time::Duration;

use oriel_proto::UnixNanos;
use rusqlite::{Connection, TransactionBehavior, params};

use super::fault::{Fault, Result};
use super::{Catalog, value};
use crate::layout::TABLES;

/// A file that no snapshot in the catalog names any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueFile {
    /// Its path relative to the data directory, as [`crate::PartMeta::path`].
    pub path: String,
    /// When it was scheduled for deletion.
    pub scheduled_at: UnixNanos,
    /// Its row in the catalog.
    row: i64,
}

impl Catalog {
    /// Ends the snapshots made before `older_than`, never the newest; schedules the files that no
    /// snapshot shows any more. Returns how many snapshots ended.
    ///
    /// Errors: as for [`Catalog::commit`].
    pub(crate) fn expire_snapshots(&mut self, older_than: UnixNanos) -> crate::Result<usize> {
        let path = self.path.clone();
        self.expire_until(older_than)
            .map_err(|fault| fault.at(&path, "expiring snapshots"))
    }

    fn expire_until(&mut self, older_than: UnixNanos) -> Result<usize> {
        let now = self.clock.now();
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(keep_from) = oldest_kept(&tx, older_than)? else {
            return Ok(0);
        };
        let ended = tx.execute(
            "DELETE FROM ducklake_snapshot WHERE snapshot_id < ?1",
            params![keep_from],
        )?;
        if ended == 0 {
            return Ok(0);
        }
        tx.execute(
            "DELETE FROM ducklake_snapshot_changes WHERE snapshot_id < ?1",
            params![keep_from],
        )?;
        schedule_files(&tx, keep_from, now)?;
        tx.commit()?;
        Ok(ended)
    }

    /// Files scheduled at least `grace` before `now`, oldest first. Whoever unlinks them must know
    /// that no snapshot of a running query names them.
    ///
    /// Errors: `Corrupt` when the catalog is damaged.
    pub(crate) fn files_due(&self, now: UnixNanos, grace: Duration) -> crate::Result<Vec<DueFile>> {
        let grace = i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX);
        let latest = UnixNanos(now.0.saturating_sub(grace));
        scheduled(&self.db, latest).map_err(|fault| fault.at(&self.path, "reading due files"))
    }

    /// Paths of all files that the catalog knows: live, shown by an older snapshot only, or
    /// scheduled for deletion. Relative to the data directory.
    ///
    /// Errors: `Corrupt` when the catalog is damaged.
    pub(crate) fn named_files(&self) -> crate::Result<HashSet<String>> {
        named(&self.db).map_err(|fault| fault.at(&self.path, "reading the names of files"))
    }

    /// Forgets files that have been unlinked.
    ///
    /// Errors: as for [`Catalog::commit`].
    pub(crate) fn forget_files(&mut self, files: &[DueFile]) -> crate::Result<()> {
        let path = self.path.clone();
        self.forget(files)
            .map_err(|fault| fault.at(&path, "forgetting files"))
    }

    fn forget(&mut self, files: &[DueFile]) -> Result<()> {
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for file in files {
            tx.prepare_cached(
                "DELETE FROM ducklake_files_scheduled_for_deletion WHERE rowid = ?1 AND path = ?2",
            )?
            .execute(params![file.row, lake_path(&file.path)])?;
        }
        tx.commit()?;
        Ok(())
    }
}

/// When the newest snapshot was made.
pub(super) fn newest_snapshot(db: &Connection) -> Result<Option<UnixNanos>> {
    let sql = "SELECT snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1";
    let time: String = db.query_row(sql, [], |row| row.get(0))?;
    Ok(value::parse_instant(&time))
}

/// The first snapshot to keep: the first that is not older, or else the newest. Snapshots end from
/// the front only, so one whose time went back never tears a hole.
fn oldest_kept(db: &Connection, older_than: UnixNanos) -> Result<Option<i64>> {
    let mut statement = db.prepare_cached(
        "SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id",
    )?;
    let mut rows = statement.query([])?;
    let mut newest = None;
    while let Some(row) = rows.next()? {
        newest = Some(row.get(0)?);
        let time: String = row.get(1)?;
        let time = value::parse_instant(&time)
            .ok_or_else(|| Fault::Damaged(format!("snapshot time {time:?} is not a time")))?;
        if time >= older_than {
            break;
        }
    }
    Ok(newest)
}

/// Moves files that ended at or before snapshot `keep_from` to the list of files to delete.
fn schedule_files(db: &Connection, keep_from: i64, now: UnixNanos) -> Result<()> {
    let path = "CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END";
    let owner = "JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id)";
    for (table, id) in [
        ("ducklake_data_file", "data_file_id"),
        ("ducklake_delete_file", "delete_file_id"),
    ] {
        db.execute(
            &format!(
                "INSERT INTO ducklake_files_scheduled_for_deletion
                 SELECT f.{id}, {path}, f.path_is_relative, ?2
                 FROM {table} f {owner} WHERE f.end_snapshot <= ?1 GROUP BY f.{id}"
            ),
            params![keep_from, value::instant(now)],
        )?;
    }
    let ended = "(SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot <= ?1)";
    for table in [
        "ducklake_file_column_stats",
        "oriel_block",
        "oriel_sum",
        "oriel_index",
        "oriel_damaged",
        "oriel_part",
        "ducklake_data_file",
    ] {
        db.execute(
            &format!("DELETE FROM {table} WHERE data_file_id IN {ended}"),
            params![keep_from],
        )?;
    }
    db.execute(
        "DELETE FROM ducklake_delete_file WHERE end_snapshot <= ?1",
        params![keep_from],
    )?;
    Ok(())
}

pub(super) fn named(db: &Connection) -> Result<HashSet<String>> {
    let mut statement = db.prepare(
        "SELECT s.path || t.path || f.path FROM ducklake_data_file f
         JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id)
         WHERE f.path_is_relative
         UNION SELECT path FROM ducklake_files_scheduled_for_deletion WHERE path_is_relative",
    )?;
    let paths = statement.query_map([], |row| row.get::<_, String>(0))?;
    let paths = paths.map(|path| path.map(|path| format!("{TABLES}/{path}")));
    Ok(paths.collect::<std::result::Result<_, _>>()?)
}

/// Scheduled files below our data path; a foreign writer's files elsewhere are its own to delete.
fn scheduled(db: &Connection, latest: UnixNanos) -> Result<Vec<DueFile>> {
    let mut statement = db.prepare_cached(
        "SELECT rowid, path, schedule_start FROM ducklake_files_scheduled_for_deletion
         WHERE path_is_relative ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let (path, time): (String, String) = (row.get(1)?, row.get(2)?);
        let scheduled_at = value::parse_instant(&time)
            .ok_or_else(|| Fault::Damaged(format!("schedule time {time:?} is not a time")))?;
        if scheduled_at <= latest {
            due.push(DueFile {
                path: format!("{TABLES}/{path}"),
                scheduled_at,
                row: row.get(0)?,
            });
        }
    }
    Ok(due)
}

/// The path as the catalog has it.
fn lake_path(path: &str) -> &str {
    path.strip_prefix(TABLES)
        .and_then(|path| path.strip_prefix('/'))
        .unwrap_or(path)
}

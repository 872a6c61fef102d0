//! One commit: parts in, parts out, WAL position and request hashes, in one transaction (W3).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oriel_proto::UnixNanos;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::digest::{self, Digest};
use super::ducklake::{Head, Step};
use super::fault::{Fault, Result};
use super::load::{self, Columns};
use super::{Catalog, Commit, CommitKind, Committed, Lake, indexes, open, seen, tables, value};
use crate::layout::TABLES;
use crate::schema::Table;
use crate::{ColumnStats, Error, PartId, PartMeta, StatValue, failpoint};

impl Catalog {
    /// Makes `commit` durable and visible, all of it or nothing.
    ///
    /// Creates the DuckLake schema of a tenant with its first part. When another program has
    /// committed since, our tables are checked, the commit goes on top, and
    /// [`Committed::reloaded`] tells the parts.
    /// Errors: `Invalid` when a part to remove is no longer live, or a merge or deletion meets
    /// deletions or inlined rows by another program; `Corrupt` when another program changed our tables;
    /// `Unavailable` when one holds the lock for long. Nothing is changed on error, except that an
    /// error of the disk while committing leaves it open until the next start.
    pub(crate) fn commit(&mut self, commit: Commit) -> crate::Result<Committed> {
        let path = self.path.clone();
        self.apply(commit)
            .map_err(|fault| fault.at(&path, "committing"))
    }

    fn apply(&mut self, commit: Commit) -> Result<Committed> {
        let now = self.clock.now();
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = Head::read(&tx)?;
        if let Some(position) = commit.flushed
            && tables::flushed(&tx)? == position
        {
            // An earlier try was made durable although it failed: show it, do not add it again.
            let mut lake = open::read_foreign(&tx, &self.schemas)?;
            let parts = load::parts(&tx, &self.columns, &lake)?;
            lake.digest = Digest::of(parts.iter().map(AsRef::as_ref));
            drop(tx);
            tracing::warn!("a commit that seemed to fail was made after all");
            self.lake = lake;
            return Ok(Committed {
                snapshot_id: self.lake.snapshot_id,
                added: Vec::new(),
                reloaded: Some(parts),
            });
        }
        let foreign = head.snapshot_id != self.lake.snapshot_id;
        let mut lake = if foreign {
            tracing::warn!(
                known = self.lake.snapshot_id,
                found = head.snapshot_id,
                "another program changed the catalog"
            );
            open::read_foreign(&tx, &self.schemas)?
        } else {
            self.lake.clone()
        };
        let mut step = Step::after(head);
        let mut changed = Changed::default();
        for part in &commit.remove {
            // Rows that stay are copied to a part of their table: those that others deleted as well.
            let copied =
                part.table != Table::Traces && commit.add.iter().any(|add| add.table == part.table);
            remove_part(&tx, &lake, &step, part, copied, &mut changed)?;
            lake.digest.remove(part);
        }
        for part in &commit.add {
            if !lake.tenants.contains_key(&part.tenant) {
                let ids = step.create_tenant(&tx, &part.tenant, &self.schemas)?;
                lake.tenants.insert(part.tenant.clone(), ids);
            }
        }
        let added = add_parts(
            &tx,
            &lake,
            &mut step,
            commit.add,
            &self.columns,
            &mut changed,
        )?;
        for part in &added {
            if let Some(sums) = self.checks.as_ref().and_then(|c| c.sums(&part.path)) {
                tables::add_sums(&tx, part.id.0, &sums)?;
            }
            if let Some(row) = self.indexes.as_ref().and_then(|i| i.row(&part.path)) {
                indexes::add(&tx, part.id, &row)?;
            }
            digest::add_row(&tx, part)?;
            lake.digest.add(part);
        }
        step.changes.extend(changed.words(commit.why));
        step.finish(&tx, Some(message(commit.why)), now)?;
        if let Some(position) = commit.flushed {
            tables::set_flushed(&tx, position)?;
        }
        if let Some(hashes) = &commit.seen {
            let window = i64::try_from(self.seen_window.as_nanos()).unwrap_or(i64::MAX);
            let oldest = UnixNanos(now.0.saturating_sub(window));
            seen::remember(&tx, now, hashes, oldest, self.seen_bytes_max)?;
            failpoint::pass("flush", "seen_kept");
        }
        lake.snapshot_id = step.head.snapshot_id;
        let reloaded = foreign
            .then(|| load::parts(&tx, &self.columns, &lake))
            .transpose()?;
        if let Some(parts) = &reloaded {
            lake.digest = Digest::of(parts.iter().map(AsRef::as_ref));
        }
        lake.digest.write(&tx, lake.snapshot_id)?;
        failpoint::pass(message(commit.why), "before_commit");
        tx.commit()?;
        failpoint::pass(message(commit.why), "after_commit");
        self.lake = lake;
        Ok(Committed {
            snapshot_id: self.lake.snapshot_id,
            added,
            reloaded,
        })
    }
}

fn message(why: CommitKind) -> &'static str {
    match why {
        CommitKind::Flush => "flush",
        CommitKind::Compact => "compact",
        CommitKind::Expire => "expire",
        CommitKind::Delete => "delete",
    }
}

/// Which DuckLake tables a commit adds to and removes from.
#[derive(Debug, Default)]
struct Changed {
    added: BTreeSet<i64>,
    removed: BTreeSet<i64>,
}

impl Changed {
    /// Entries of `changes_made`: with these words the extension finds conflicts.
    fn words(&self, why: CommitKind) -> Vec<String> {
        let mut words = Vec::new();
        for table in self.added.union(&self.removed) {
            if why == CommitKind::Compact {
                words.push(format!("merge_adjacent:{table}"));
                continue;
            }
            if self.added.contains(table) {
                words.push(format!("inserted_into_table:{table}"));
            }
            if self.removed.contains(table) {
                words.push(format!("deleted_from_table:{table}"));
            }
        }
        words
    }
}

fn remove_part(
    db: &Connection,
    lake: &Lake,
    step: &Step,
    part: &PartMeta,
    copied: bool,
    changed: &mut Changed,
) -> Result<()> {
    let gone = || {
        Fault::Known(Error::Invalid(format!(
            "part {} is no longer live: another program removed it",
            part.path
        )))
    };
    let table_id = lake
        .tenants
        .get(&part.tenant)
        .ok_or_else(gone)?
        .id(part.table);
    if changed.removed.insert(table_id) && copied {
        refuse_inlined(db, table_id, part)?;
    }
    let deletes: Option<i64> = db
        .prepare_cached(
            "SELECT 1 FROM ducklake_delete_file WHERE data_file_id = ?1 AND end_snapshot IS NULL",
        )?
        .query_row(params![part.id.0], |row| row.get(0))
        .optional()?;
    if deletes.is_some() {
        if copied {
            return Err(refused(part, "rows deleted"));
        }
        db.execute(
            "UPDATE ducklake_delete_file SET end_snapshot = ?2
             WHERE data_file_id = ?1 AND end_snapshot IS NULL",
            params![part.id.0, step.snapshot_id()],
        )?;
    }
    let ended = db
        .prepare_cached(
            "UPDATE ducklake_data_file SET end_snapshot = ?2
             WHERE data_file_id = ?1 AND end_snapshot IS NULL",
        )?
        .execute(params![part.id.0, step.snapshot_id()])?;
    if ended != 1 {
        return Err(gone());
    }
    Ok(())
}

fn refused(part: &PartMeta, what: &str) -> Fault {
    Fault::Known(Error::Invalid(format!(
        "cannot write parts of {}.{} anew: another program has {what} there; attach the catalog READ_ONLY",
        part.tenant, part.table
    )))
}

/// Refuses tables with rows or deletions that another program keeps in the catalog itself.
fn refuse_inlined(db: &Connection, table_id: i64, part: &PartMeta) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT table_name FROM ducklake_inlined_data_tables WHERE table_id = ?1
         UNION SELECT name FROM sqlite_schema WHERE name = 'ducklake_inlined_delete_' || ?1",
    )?;
    let names = statement
        .query_map(params![table_id], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for name in names {
        let quoted = name.replace('"', "\"\"");
        let rows: bool = db.query_row(
            &format!("SELECT EXISTS (SELECT 1 FROM \"{quoted}\")"),
            [],
            |row| row.get(0),
        )?;
        if rows {
            return Err(refused(part, "inlined rows"));
        }
    }
    Ok(())
}

fn add_parts(
    db: &Connection,
    lake: &Lake,
    step: &mut Step,
    parts: Vec<PartMeta>,
    columns: &Columns,
    changed: &mut Changed,
) -> Result<Vec<Arc<PartMeta>>> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut totals: BTreeMap<i64, TableTotals> = BTreeMap::new();
    let mut added = Vec::with_capacity(parts.len());
    for mut part in parts {
        let table_id = lake.tenants[&part.tenant].id(part.table);
        changed.added.insert(table_id);
        let total = match totals.entry(table_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(TableTotals::read(db, table_id, part.table, columns)?)
            }
        };
        part.id = PartId(step.file_id());
        add_file(db, step, table_id, &part, total.next_row_id)?;
        tables::add_part(db, part.id.0, &part)?;
        for stats in &part.stats {
            let (id, data_type) = columns.find(part.table, &stats.column).ok_or_else(|| {
                Error::Invalid(format!("{} has no column {}", part.table, stats.column))
            })?;
            add_file_stats(db, table_id, part.id.0, id, stats, data_type)?;
            total.widen(id, stats);
        }
        total.add(&part);
        added.push(Arc::new(part));
    }
    for (table_id, total) in &totals {
        total.write(db, *table_id, columns)?;
    }
    Ok(added)
}

fn add_file(
    db: &Connection,
    step: &Step,
    table_id: i64,
    part: &PartMeta,
    row_id_start: i64,
) -> Result<()> {
    let folder = format!("{TABLES}/{}/{}/", part.tenant, part.table);
    let path = part
        .path
        .strip_prefix(&folder)
        .ok_or_else(|| Error::Invalid(format!("part {} does not lie in {folder}", part.path)))?;
    db.prepare_cached(
        "INSERT INTO ducklake_data_file
         VALUES (?1, ?2, ?3, NULL, NULL, ?4, 1, 'parquet', ?5, ?6, ?7, ?8, NULL, NULL, NULL, NULL)",
    )?
    .execute(params![
        part.id.0,
        table_id,
        step.snapshot_id(),
        path,
        part.rows as i64,
        part.bytes as i64,
        part.footer_bytes as i64,
        row_id_start,
    ])?;
    Ok(())
}

fn add_file_stats(
    db: &Connection,
    table_id: i64,
    file_id: i64,
    column_id: i64,
    stats: &ColumnStats,
    data_type: &arrow::datatypes::DataType,
) -> Result<()> {
    let text = |value: &Option<StatValue>| value.as_ref().map(|v| value::encode(v, data_type));
    db.prepare_cached(
        "INSERT INTO ducklake_file_column_stats
         VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?6, ?7, NULL, NULL)",
    )?
    .execute(params![
        file_id,
        table_id,
        column_id,
        stats.value_count as i64,
        stats.null_count as i64,
        text(&stats.min),
        text(&stats.max),
    ])?;
    Ok(())
}

/// The statistics of a table: counts only grow, ranges only widen.
///
/// DuckDB answers `min` and `max` from the ranges when `record_count` equals the rows of the live
/// files, and scans otherwise (seen in 1.5.5). So removed rows stay counted, as the extension
/// itself does: the counts are equal only while nothing was ever removed, when the ranges are exact.
#[derive(Debug)]
struct TableTotals {
    table: Table,
    rows: i64,
    next_row_id: i64,
    bytes: i64,
    ranges: BTreeMap<i64, Range>,
}

/// The range of a column over all parts there have ever been.
#[derive(Debug, Clone, PartialEq)]
struct Range {
    contains_null: bool,
    /// `None`: some part has values of unknown range, for good. A column without any value so far
    /// has no [`Range`] at all.
    bounds: Option<(StatValue, StatValue)>,
    stored: bool,
    dirty: bool,
}

impl TableTotals {
    fn read(
        db: &Connection,
        table_id: i64,
        table: Table,
        columns: &Columns,
    ) -> Result<TableTotals> {
        let (rows, next_row_id, bytes) = db
            .prepare_cached(
                "SELECT record_count, next_row_id, file_size_bytes
                 FROM ducklake_table_stats WHERE table_id = ?1",
            )?
            .query_row(params![table_id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let mut statement = db.prepare_cached(
            "SELECT column_id, contains_null, min_value, max_value
             FROM ducklake_table_column_stats WHERE table_id = ?1",
        )?;
        let mut found = statement.query(params![table_id])?;
        let mut ranges = BTreeMap::new();
        while let Some(row) = found.next()? {
            let id: i64 = row.get(0)?;
            // Columns of others' statistics (a foreign INSERT writes nested ones, too) stay as
            // they are.
            let Some((_, data_type)) = columns.get(table, id) else {
                continue;
            };
            let (min, max) = (
                load::bound(row, 2, data_type)?,
                load::bound(row, 3, data_type)?,
            );
            ranges.insert(
                id,
                Range {
                    contains_null: row.get::<_, Option<bool>>(1)?.unwrap_or(true),
                    bounds: min.zip(max),
                    stored: true,
                    dirty: false,
                },
            );
        }
        Ok(TableTotals {
            table,
            rows,
            next_row_id,
            bytes,
            ranges,
        })
    }

    /// Takes in one column of one part, before [`TableTotals::add`] counts the part.
    fn widen(&mut self, id: i64, stats: &ColumnStats) {
        let nulls = stats.null_count > 0;
        let bounds = stats.min.clone().zip(stats.max.clone());
        match self.ranges.get_mut(&id) {
            Some(range) => {
                let mut wide = range.clone();
                wide.contains_null |= nulls;
                if stats.value_count > 0 {
                    wide.bounds = wide.bounds.zip(bounds).map(|(a, b)| union(a, b));
                }
                wide.dirty |= wide != *range;
                *range = wide;
            }
            None if stats.value_count > 0 => {
                let range = Range {
                    contains_null: nulls || self.next_row_id > 0,
                    bounds,
                    stored: false,
                    dirty: true,
                };
                self.ranges.insert(id, range);
            }
            None => {}
        }
    }

    fn add(&mut self, part: &PartMeta) {
        self.rows += part.rows as i64;
        self.next_row_id += part.rows as i64;
        self.bytes += part.bytes as i64;
    }

    fn write(&self, db: &Connection, table_id: i64, columns: &Columns) -> Result<()> {
        db.prepare_cached(
            "UPDATE ducklake_table_stats
             SET record_count = ?2, next_row_id = ?3, file_size_bytes = ?4 WHERE table_id = ?1",
        )?
        .execute(params![table_id, self.rows, self.next_row_id, self.bytes])?;
        for (id, range) in self.ranges.iter().filter(|(_, range)| range.dirty) {
            let Some((_, data_type)) = columns.get(self.table, *id) else {
                continue;
            };
            let bounds = range
                .bounds
                .as_ref()
                .map(|(min, max)| (value::encode(min, data_type), value::encode(max, data_type)));
            let (min, max) = bounds.unzip();
            let sql = if range.stored {
                "UPDATE ducklake_table_column_stats
                 SET contains_null = ?3, min_value = ?4, max_value = ?5
                 WHERE table_id = ?1 AND column_id = ?2"
            } else {
                "INSERT INTO ducklake_table_column_stats VALUES (?1, ?2, ?3, NULL, ?4, ?5, NULL)"
            };
            db.prepare_cached(sql)?.execute(params![
                table_id,
                id,
                range.contains_null,
                min,
                max
            ])?;
        }
        Ok(())
    }
}

fn union(a: (StatValue, StatValue), b: (StatValue, StatValue)) -> (StatValue, StatValue) {
    (lesser(a.0, b.0), greater(a.1, b.1))
}

fn lesser(a: StatValue, b: StatValue) -> StatValue {
    if order(&a, &b).is_le() { a } else { b }
}

fn greater(a: StatValue, b: StatValue) -> StatValue {
    if order(&a, &b).is_ge() { a } else { b }
}

/// Values of one column are of one kind.
fn order(a: &StatValue, b: &StatValue) -> std::cmp::Ordering {
    match (a, b) {
        (StatValue::Int(a), StatValue::Int(b)) => a.cmp(b),
        (StatValue::Text(a), StatValue::Text(b)) => a.cmp(b),
        (StatValue::Int(_), StatValue::Text(_)) => std::cmp::Ordering::Less,
        (StatValue::Text(_), StatValue::Int(_)) => std::cmp::Ordering::Greater,
    }
}

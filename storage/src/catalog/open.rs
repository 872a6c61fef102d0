//! Opening the catalog: create it, or check that it is ours and reconcile its columns with this
//! build and the operator's promoted attributes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::digest::{self, Digest};
use super::ducklake::{self, ColumnRow, Head, Step};
use super::fault::{Fault, Result};
use super::{Catalog, CatalogState, Lake, TenantTables, indexes, load, seen, tables, vacate};
use crate::layout::Layout;
use crate::schema::{FORMAT_VERSION, PromotedKey, Schemas, Table};
use crate::{Clock, Error, TenantId};

/// How long to wait for a foreign writer's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of the database's own log before they are written back: 4 MiB.
const AUTOCHECKPOINT_PAGES: i64 = 1_000;
/// The database's own log is cut to this after a checkpoint.
const JOURNAL_BYTES_MAX: i64 = 16 << 20;
/// Distinct statements of one commit, with room.
const STATEMENTS_CACHED: usize = 64;
/// How long request hashes are kept unless [`Catalog::keep_seen`] says otherwise.
const SEEN_WINDOW: Duration = Duration::from_secs(15 * 60);
/// And how many bytes of them.
const SEEN_BYTES_MAX: u64 = 64 << 20;

impl Catalog {
    /// Opens the catalog below `layout`, creating it with the tables of the default tenant when
    /// there is none.
    ///
    /// Keys of `promote` that the catalog does not know yet get columns, behind the known ones, in
    /// one snapshot; known keys keep their columns though no longer configured. The epoch is
    /// raised, and DuckLake's data path set to where the directory lies now.
    /// Errors: `Corrupt` naming the file when it is damaged or another program changed our tables,
    /// `Format` for another format, `Invalid` for a key that cannot be promoted, `Unavailable`
    /// when a foreign writer holds the lock.
    pub(crate) fn open(
        layout: &Layout,
        promote: &[(Table, PromotedKey)],
        clock: Arc<dyn Clock>,
    ) -> crate::Result<(Catalog, CatalogState)> {
        let path = layout.catalog();
        open(layout, &path, promote, clock).map_err(|fault| fault.at(&path, "opening the catalog"))
    }
}

fn open(
    layout: &Layout,
    path: &Path,
    promote: &[(Table, PromotedKey)],
    clock: Arc<dyn Clock>,
) -> Result<(Catalog, CatalogState)> {
    let mut db = connect(path)?;
    check_pages(&db)?;
    let data_path = data_path(layout)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let empty: bool = tx.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |r| r.get(0))?;
    if empty {
        refuse_lost_catalog(layout)?;
        ducklake::create(&tx, &data_path, clock.now())?;
        tables::create(&tx)?;
    } else {
        check_versions(&tx, layout)?;
        tx.execute(
            "UPDATE ducklake_metadata SET value = ?1 WHERE key = 'data_path' AND scope IS NULL",
            params![data_path],
        )?;
    }
    tables::add_later(&tx)?;
    // Before the columns are reconciled, which may make a snapshot of now.
    let known = match tables::clock(&tx)? {
        None if !empty => vacate::newest_snapshot(&tx)?,
        known => known,
    };
    let schemas = reconcile_promoted(&tx, promote)?;
    let found = Head::read(&tx)?.snapshot_id;
    let mut lake = reconcile(&tx, &schemas, clock.as_ref())?;
    let columns = load::Columns::of(&schemas);
    let parts = load::parts(&tx, &columns, &lake)?;
    lake.digest = Digest::of(parts.iter().map(AsRef::as_ref));
    lake.digest.check(&tx, found)?;
    digest::add_missing_rows(&tx, &parts)?;
    lake.digest.write(&tx, lake.snapshot_id)?;
    let (epoch, flushed) = tables::raise_epoch(&tx)?;
    let secret = tables::secret(&tx)?;
    let state = CatalogState {
        snapshot_id: lake.snapshot_id,
        parts,
        flushed,
        epoch,
        seen: seen::blobs(&tx)?,
        sums: tables::sums(&tx)?,
        indexes: indexes::all(&tx)?,
        damaged: tables::damaged(&tx)?,
        clock: known,
    };
    tx.commit()?;
    let catalog = Catalog {
        db,
        path: path.to_owned(),
        clock,
        schemas,
        columns,
        lake,
        secret,
        seen_window: SEEN_WINDOW,
        seen_bytes_max: SEEN_BYTES_MAX,
        checks: None,
        indexes: None,
    };
    Ok((catalog, state))
}

pub(super) fn connect(path: &Path) -> Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
    Ok(db)
}

fn check_pages(db: &Connection) -> Result<()> {
    let check: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check == "ok" {
        Ok(())
    } else {
        Err(Fault::Damaged(check.replace('\n', ", ")))
    }
}

/// The absolute path of the data files, as DuckLake wants it: with a separator at the end.
fn data_path(layout: &Layout) -> Result<String> {
    let tables = std::path::absolute(layout.tables()).map_err(|source| Error::Io {
        action: "resolving",
        path: layout.tables(),
        source,
    })?;
    Ok(format!("{}/", tables.display()))
}

/// A catalog without tables is new; beside existing parts it is one that was lost.
fn refuse_lost_catalog(layout: &Layout) -> Result<()> {
    let mut entries = match std::fs::read_dir(layout.tables()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(Fault::Known(Error::Io {
                action: "reading",
                path: layout.tables(),
                source,
            }));
        }
    };
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Fault::Damaged(format!(
        "it is empty, but there are parts in {}; restore it from a backup, or move them away",
        layout.tables().display()
    )))
}

pub(super) fn check_versions(db: &Connection, layout: &Layout) -> Result<()> {
    let format = tables::format(db)?;
    if format != FORMAT_VERSION {
        return Err(Fault::Known(Error::Format {
            path: layout.root().to_owned(),
            found: format.to_string(),
            want: FORMAT_VERSION,
        }));
    }
    let version: String = db.query_row(
        "SELECT value FROM ducklake_metadata WHERE key = 'version'",
        [],
        |row| row.get(0),
    )?;
    if version != ducklake::VERSION {
        return Err(Fault::Known(Error::Invalid(format!(
            "{} has DuckLake version {version}, oriel writes {}: another program migrated it; restore it from a backup and attach it READ_ONLY",
            layout.catalog().display(),
            ducklake::VERSION
        ))));
    }
    Ok(())
}

/// The schemas with the catalog's promoted keys in their order, then the new ones of `promote`.
fn reconcile_promoted(db: &Connection, promote: &[(Table, PromotedKey)]) -> Result<Schemas> {
    let mut keys = tables::promoted(db)?;
    for (table, key) in promote {
        let known = keys.iter().any(|(t, k)| t == table && k == key);
        if !known {
            tables::promote(db, *table, key)?;
            keys.push((*table, key.clone()));
        }
    }
    Schemas::with_promoted(&keys).map_err(|error| Fault::Known(Error::Invalid(error.to_string())))
}

/// Makes sure that the default tenant exists and that all tables have the columns of `schemas`.
fn reconcile(db: &Connection, schemas: &Schemas, clock: &dyn Clock) -> Result<Lake> {
    let mut lake = read_lake(db)?;
    let mut step = Step::after(Head::read(db)?);
    let default = TenantId::default_tenant();
    if let Entry::Vacant(tenant) = lake.tenants.entry(default) {
        let ids = step.create_tenant(db, tenant.key(), schemas)?;
        tenant.insert(ids);
    }
    for (tenant, table, table_id) in all_tables(&lake) {
        let missing = missing_columns(db, schemas, &tenant, table, table_id)?;
        if !missing.is_empty() {
            step.alter_table(db, table_id, &missing)?;
        }
    }
    step.finish(db, Some("schema"), clock.now())?;
    lake.snapshot_id = step.head.snapshot_id;
    Ok(lake)
}

fn all_tables(lake: &Lake) -> Vec<(TenantId, Table, i64)> {
    let mut all: Vec<_> = lake
        .tenants
        .iter()
        .flat_map(|(tenant, ids)| Table::ALL.map(|table| (tenant.clone(), table, ids.id(table))))
        .collect();
    all.sort_by_key(|(_, _, id)| *id);
    all
}

/// Our tenants and tables as the newest snapshot has them.
///
/// Errors: `Damaged` when a table of ours was dropped or renamed.
pub(super) fn read_lake(db: &Connection) -> Result<Lake> {
    let head = Head::read(db)?;
    let mut tenants = HashMap::new();
    for (tenant, schema_id) in tables::tenants(db)? {
        let mut ids = [0; Table::ALL.len()];
        for table in Table::ALL {
            ids[table as usize] = ducklake::table_id(db, schema_id, table)?.ok_or_else(|| {
                Fault::Damaged(format!("another program removed table {tenant}.{table}"))
            })?;
        }
        tenants.insert(tenant, TenantTables(ids));
    }
    Ok(Lake {
        snapshot_id: head.snapshot_id,
        digest: Digest::default(),
        tenants,
    })
}

/// The lake after another program's commits: our tables must be as we left them.
pub(super) fn read_foreign(db: &Connection, schemas: &Schemas) -> Result<Lake> {
    let lake = read_lake(db)?;
    for (tenant, table, table_id) in all_tables(&lake) {
        if !missing_columns(db, schemas, &tenant, table, table_id)?.is_empty() {
            return Err(Fault::Damaged(format!(
                "another program removed columns of {tenant}.{table}"
            )));
        }
    }
    Ok(lake)
}

/// The columns that a table lacks behind those it has.
fn missing_columns(
    db: &Connection,
    schemas: &Schemas,
    tenant: &TenantId,
    table: Table,
    table_id: i64,
) -> Result<Vec<ColumnRow>> {
    let want = ducklake::columns(schemas.of(table));
    let have = ducklake::live_columns(db, table_id)?;
    match have.iter().zip(&want).find(|(have, want)| have != want) {
        Some((have, want)) => Err(Fault::Damaged(format!(
            "{tenant}.{table} has column {} {:?} {} where oriel has {} {:?} {}: another program changed it",
            have.id, have.name, have.kind, want.id, want.name, want.kind
        ))),
        None if have.len() > want.len() => Err(Fault::Damaged(format!(
            "{tenant}.{table} has column {:?}, which is not oriel's: another program added it",
            have[want.len()].name
        ))),
        None => Ok(want[have.len()..].to_vec()),
    }
}

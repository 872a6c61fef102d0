//! Our own tables beside DuckLake's, in the same database and the same transactions.
//!
//! ```text
//! oriel_meta      format, secret             oriel_promoted  promoted attribute keys, in column order
//! oriel_tenant    DuckLake schemas of ours   oriel_part      what DuckLake does not say about a file
//! oriel_wal       ingester, epoch, position  oriel_seen      request hashes, one blob a flush
//! oriel_block     checksums of a file's blocks (those of one block have oriel_part's only)
//! oriel_sum       hashes of what is said about a file
//! oriel_damaged   files that cannot be read, and why: no snapshot of ours shows them
//! oriel_service   colour slots of services   oriel_index     word indexes of parts (`indexes.rs`)
//! ```

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use oriel_proto::UnixNanos;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::fault::{Fault, Result};
use crate::schema::{FORMAT_VERSION, PromotedKey, Table, ValueType};
use crate::{PartId, PartMeta, TenantId, WalPosition};

const DDL: &str = "
CREATE TABLE oriel_meta(key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE oriel_promoted(position INTEGER PRIMARY KEY, table_name TEXT NOT NULL, level TEXT NOT NULL, key TEXT NOT NULL, value_type TEXT NOT NULL);
CREATE TABLE oriel_tenant(schema_id INTEGER PRIMARY KEY, tenant TEXT NOT NULL UNIQUE);
CREATE TABLE oriel_part(data_file_id INTEGER PRIMARY KEY, day INTEGER NOT NULL, odd INTEGER NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, level INTEGER NOT NULL, checksum INTEGER NOT NULL, columns_count INTEGER NOT NULL, format INTEGER NOT NULL, strays TEXT);
CREATE TABLE oriel_wal(ingester TEXT PRIMARY KEY, epoch INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE oriel_seen(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, hashes BLOB NOT NULL);
CREATE INDEX oriel_seen_by_time ON oriel_seen(at);
";

/// Tables that came later: added to a catalog that lacks them.
const DDL_LATER: &str = "
CREATE TABLE IF NOT EXISTS oriel_block(data_file_id INTEGER PRIMARY KEY, sums BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS oriel_sum(data_file_id INTEGER PRIMARY KEY, hash INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS oriel_damaged(data_file_id INTEGER PRIMARY KEY, at INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS oriel_service(name TEXT PRIMARY KEY, slot INTEGER NOT NULL);
";

/// The one ingester of a store that is not scaled out.
const INGESTER: &str = "local";

/// Creates the tables with a new secret.
pub(super) fn create(db: &Connection) -> Result<()> {
    db.execute_batch(DDL)?;
    // 244 random bits: each UUID fixes six of its 128.
    let secret = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    db.execute(
        "INSERT INTO oriel_meta VALUES ('format', ?1), ('secret', ?2)",
        params![FORMAT_VERSION, secret],
    )?;
    db.execute("INSERT INTO oriel_wal VALUES (?1, 0, 0)", params![INGESTER])?;
    Ok(())
}

/// Adds the tables that this catalog lacks.
pub(super) fn add_later(db: &Connection) -> Result<()> {
    db.execute_batch(DDL_LATER)?;
    Ok(db.execute_batch(super::indexes::DDL)?)
}

/// The time last believed, where one is remembered.
pub(super) fn clock(db: &Connection) -> Result<Option<UnixNanos>> {
    let sql = "SELECT value FROM oriel_meta WHERE key = 'clock'";
    let time: Option<i64> = db.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(time.map(UnixNanos))
}

/// Remembers the time believed.
pub(super) fn set_clock(db: &Connection, now: UnixNanos) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO oriel_meta VALUES ('clock', ?1)",
        params![now.0],
    )?;
    Ok(())
}

/// Keeps the sums of a file's blocks.
pub(super) fn add_sums(db: &Connection, id: i64, sums: &[u64]) -> Result<()> {
    let blob: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
    db.prepare_cached("INSERT INTO oriel_block VALUES (?1, ?2)")?
        .execute(params![id, blob])?;
    Ok(())
}

/// The sums of all files that have more than one block.
pub(super) fn sums(db: &Connection) -> Result<HashMap<PartId, Vec<u64>>> {
    let mut statement = db.prepare("SELECT data_file_id, sums FROM oriel_block")?;
    let mut rows = statement.query([])?;
    let mut all = HashMap::new();
    while let Some(row) = rows.next()? {
        let blob = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let (sums, rest) = blob.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(Fault::Damaged("a list of checksums is cut off".to_owned()));
        }
        let sums = sums.iter().map(|sum| u64::from_le_bytes(*sum));
        all.insert(PartId(row.get(0)?), sums.collect());
    }
    Ok(all)
}

/// Marks a file as damaged, or as good again.
pub(super) fn set_damaged(
    db: &Connection,
    id: PartId,
    now: UnixNanos,
    detail: Option<&str>,
) -> Result<()> {
    match detail {
        Some(detail) => db.execute(
            "INSERT OR REPLACE INTO oriel_damaged VALUES (?1, ?2, ?3)",
            params![id.0, now.0, detail],
        )?,
        None => db.execute(
            "DELETE FROM oriel_damaged WHERE data_file_id = ?1",
            params![id.0],
        )?,
    };
    Ok(())
}

/// The files marked as damaged, and why.
pub(super) fn damaged(db: &Connection) -> Result<Vec<(PartId, String)>> {
    let mut statement = db.prepare("SELECT data_file_id, detail FROM oriel_damaged")?;
    let rows = statement.query_map([], |row| Ok((PartId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The flushed position.
pub(super) fn flushed(db: &Connection) -> Result<WalPosition> {
    let position: i64 = db
        .prepare_cached("SELECT position FROM oriel_wal WHERE ingester = ?1")?
        .query_row(params![INGESTER], |row| row.get(0))?;
    Ok(WalPosition(position as u64))
}

/// The slots given to services.
pub(super) fn service_slots(db: &Connection) -> Result<Vec<(String, u32)>> {
    let mut statement = db.prepare("SELECT name, slot FROM oriel_service")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Remembers the slot of a service.
pub(super) fn keep_service_slot(db: &Connection, name: &str, slot: u32) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO oriel_service VALUES (?1, ?2)")?
        .execute(params![name, slot])?;
    Ok(())
}

pub(super) fn format(db: &Connection) -> Result<u32> {
    Ok(db.query_row(
        "SELECT value FROM oriel_meta WHERE key = 'format'",
        [],
        |row| row.get(0),
    )?)
}

pub(super) fn secret(db: &Connection) -> Result<[u8; 32]> {
    let secret: Vec<u8> = db.query_row(
        "SELECT value FROM oriel_meta WHERE key = 'secret'",
        [],
        |row| row.get(0),
    )?;
    secret
        .try_into()
        .map_err(|_| Fault::Damaged("the secret does not have 32 bytes".to_owned()))
}

pub(super) fn add_tenant(db: &Connection, tenant: &TenantId, schema_id: i64) -> Result<()> {
    db.execute(
        "INSERT INTO oriel_tenant VALUES (?1, ?2)",
        params![schema_id, tenant.as_str()],
    )?;
    Ok(())
}

/// Tenants with the ids of their schemas.
pub(super) fn tenants(db: &Connection) -> Result<Vec<(TenantId, i64)>> {
    let mut statement = db.prepare("SELECT tenant, schema_id FROM oriel_tenant")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (name, schema_id) = row?;
        Ok((TenantId::new(&name)?, schema_id))
    })
    .collect()
}

/// Raises the epoch; returns it with the flushed position.
pub(super) fn raise_epoch(db: &Connection) -> Result<(u64, WalPosition)> {
    Ok(db.query_row(
        "UPDATE oriel_wal SET epoch = epoch + 1 WHERE ingester = ?1 RETURNING epoch, position",
        params![INGESTER],
        |row| {
            Ok((
                row.get::<_, i64>(0)? as u64,
                WalPosition(row.get::<_, i64>(1)? as u64),
            ))
        },
    )?)
}

/// Moves the flushed position.
///
/// Errors: `Damaged` when it would not go forward: replay would then double rows.
pub(super) fn set_flushed(db: &Connection, position: WalPosition) -> Result<()> {
    let moved = db
        .prepare_cached("UPDATE oriel_wal SET position = ?2 WHERE ingester = ?1 AND position < ?2")?
        .execute(params![INGESTER, position.0 as i64])?;
    if moved == 1 {
        Ok(())
    } else {
        Err(Fault::Damaged(format!(
            "the flushed position is beyond {} already",
            position.0
        )))
    }
}

pub(super) fn add_part(db: &Connection, id: i64, part: &PartMeta) -> Result<()> {
    let strays = (!part.strays.is_empty())
        .then(|| serde_json::to_string(&part.strays).expect("strings are JSON"));
    db.prepare_cached("INSERT INTO oriel_part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            id,
            part.day,
            part.odd,
            part.time_min.0,
            part.time_max.0,
            part.level,
            part.checksum as i64,
            part.columns_count,
            part.format,
            strays,
        ])?;
    Ok(())
}

/// The names that [`add_part`] wrote.
pub(super) fn strays(text: Option<String>) -> Result<BTreeSet<String>> {
    text.map_or(Ok(BTreeSet::new()), |text| {
        serde_json::from_str(&text)
            .map_err(|error| Fault::Damaged(format!("strays {text:?}: {error}")))
    })
}

/// The promoted keys of the catalog, in the order of their columns.
pub(super) fn promoted(db: &Connection) -> Result<Vec<(Table, PromotedKey)>> {
    let mut statement = db.prepare(
        "SELECT table_name, level, key, value_type FROM oriel_promoted ORDER BY position",
    )?;
    let rows = statement.query_map([], |row| {
        let text: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        Ok(text)
    })?;
    rows.map(|row| {
        let [table, level, key, value] = row?;
        let damaged = || Fault::Damaged(format!("promoted key {table}, {level}.{key}:{value}"));
        let table = Table::from_str(&table).map_err(|()| damaged())?;
        let key =
            PromotedKey::from_str(&format!("{level}.{key}:{value}")).map_err(|_| damaged())?;
        Ok((table, key))
    })
    .collect()
}

/// Remembers one more promoted key, behind the others.
pub(super) fn promote(db: &Connection, table: Table, key: &PromotedKey) -> Result<()> {
    let value = match key.value {
        ValueType::String => "string",
        ValueType::Int => "int",
        ValueType::Double => "double",
        ValueType::Bool => "bool",
    };
    let known: Option<i64> = db
        .query_row("SELECT max(position) FROM oriel_promoted", [], |row| {
            row.get(0)
        })
        .optional()?
        .flatten();
    db.execute(
        "INSERT INTO oriel_promoted VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            known.unwrap_or(0) + 1,
            table.as_str(),
            key.level.column(),
            key.key,
            value
        ],
    )?;
    Ok(())
}

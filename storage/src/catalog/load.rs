//! Reading all live parts with their statistics, in one pass over each table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use oriel_proto::UnixNanos;
use rusqlite::{Connection, Row};

use super::ducklake::columns;
use super::fault::{Fault, Result};
use super::{Lake, digest, tables, value};
use crate::layout::TABLES;
use crate::schema::{Schemas, Table};
use crate::{ColumnStats, PartId, PartMeta, StatValue, TenantId};

/// The columns that may have statistics: top-level ones, by id and by name.
#[derive(Debug)]
pub(super) struct Columns(Vec<TableColumns>);

#[derive(Debug, Default)]
struct TableColumns {
    by_id: HashMap<i64, (String, DataType)>,
    ids: HashMap<String, i64>,
}

impl Columns {
    pub(super) fn of(schemas: &Schemas) -> Columns {
        let tables = Table::ALL.map(|table| {
            let schema = schemas.of(table);
            let top = columns(schema).into_iter().filter(|c| c.parent.is_none());
            let mut found = TableColumns::default();
            for (row, column) in top.zip(&schema.columns) {
                found.ids.insert(row.name.clone(), row.id);
                found
                    .by_id
                    .insert(row.id, (row.name, column.data_type.clone()));
            }
            found
        });
        Columns(tables.into())
    }

    /// Name and type of a column.
    pub(super) fn get(&self, table: Table, id: i64) -> Option<(&str, &DataType)> {
        let (name, data_type) = self.0[table as usize].by_id.get(&id)?;
        Some((name, data_type))
    }

    /// Id and type of the column called `name`.
    pub(super) fn find(&self, table: Table, name: &str) -> Option<(i64, &DataType)> {
        let id = *self.0[table as usize].ids.get(name)?;
        self.get(table, id).map(|(_, data_type)| (id, data_type))
    }
}

/// All live parts by id. Files that another program added are not ours: they are counted in a
/// warning and left alone.
pub(super) fn parts(db: &Connection, columns: &Columns, lake: &Lake) -> Result<Vec<Arc<PartMeta>>> {
    let owners: HashMap<i64, (&TenantId, Table)> = lake
        .tenants
        .iter()
        .flat_map(|(tenant, ids)| Table::ALL.map(|table| (ids.id(table), (tenant, table))))
        .collect();
    let mut parts: Vec<PartMeta> = Vec::new();
    let mut hashes: Vec<Option<i64>> = Vec::new();
    let mut foreign = 0_usize;
    let mut statement = db.prepare(
        "SELECT f.data_file_id, f.table_id, f.path, f.record_count, f.file_size_bytes,
                f.footer_size, p.day, p.odd, p.time_min, p.time_max, p.level, p.checksum,
                p.columns_count, p.format, p.strays, s.hash
         FROM ducklake_data_file f LEFT JOIN oriel_part p USING (data_file_id)
         LEFT JOIN oriel_sum s USING (data_file_id)
         WHERE f.end_snapshot IS NULL ORDER BY f.data_file_id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let owner = owners.get(&row.get::<_, i64>(1)?);
        match (owner, row.get::<_, Option<i32>>(6)?) {
            (Some((tenant, table)), Some(day)) => {
                parts.push(part(row, tenant, *table, day)?);
                hashes.push(row.get(15)?);
            }
            (Some(_), None) => foreign += 1,
            (None, _) => {}
        }
    }
    if foreign > 0 {
        tracing::warn!(
            files = foreign,
            "another program added files to oriel's tables; oriel does not read them"
        );
    }
    add_stats(db, columns, &mut parts)?;
    for (part, hash) in parts.iter().zip(hashes) {
        digest::check_row(part, hash)?;
    }
    Ok(parts.into_iter().map(Arc::new).collect())
}

fn part(row: &Row<'_>, tenant: &TenantId, table: Table, day: i32) -> Result<PartMeta> {
    Ok(PartMeta {
        id: PartId(row.get(0)?),
        tenant: tenant.clone(),
        table,
        day,
        odd: row.get(7)?,
        path: format!(
            "{TABLES}/{tenant}/{table}/{}",
            row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?
        ),
        rows: row.get::<_, i64>(3)? as u64,
        bytes: row.get::<_, i64>(4)? as u64,
        footer_bytes: row.get::<_, i64>(5)? as u64,
        time_min: UnixNanos(row.get(8)?),
        time_max: UnixNanos(row.get(9)?),
        level: row.get(10)?,
        checksum: row.get::<_, i64>(11)? as u64,
        strays: tables::strays(row.get(14)?)?,
        columns_count: row.get(12)?,
        stats: Vec::new(),
        format: row.get(13)?,
    })
}

fn add_stats(db: &Connection, columns: &Columns, parts: &mut [PartMeta]) -> Result<()> {
    let index: HashMap<i64, usize> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| (part.id.0, at))
        .collect();
    let mut statement = db.prepare(
        "SELECT data_file_id, column_id, value_count, null_count, min_value, max_value
         FROM ducklake_file_column_stats ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(part) = index.get(&row.get(0)?).map(|at| &mut parts[*at]) else {
            continue;
        };
        let column_id: i64 = row.get(1)?;
        let (name, data_type) = columns.get(part.table, column_id).ok_or_else(|| {
            Fault::Damaged(format!(
                "statistics of part {} name column {column_id}, which {} does not have",
                part.id.0, part.table
            ))
        })?;
        part.stats.push(ColumnStats {
            column: name.to_owned(),
            value_count: row.get::<_, i64>(2)? as u64,
            null_count: row.get::<_, i64>(3)? as u64,
            min: bound(row, 4, data_type)?,
            max: bound(row, 5, data_type)?,
        });
    }
    Ok(())
}

/// A minimum or maximum.
pub(super) fn bound(row: &Row<'_>, at: usize, data_type: &DataType) -> Result<Option<StatValue>> {
    row.get::<_, Option<String>>(at)?
        .map(|text| {
            value::decode(&text, data_type)
                .ok_or_else(|| Fault::Damaged(format!("statistic {text:?} is no {data_type}")))
        })
        .transpose()
}

//! The tables of DuckLake 1.0, with the names, declared types and rows that DuckDB's extension
//! leaves in SQLite (seen in version 1.5.5; specification: ducklake.select, version 1.0).
//!
//! Declared types matter: the extension reads them through its SQLite scanner and casts. Booleans
//! are BIGINT, UUIDs and times VARCHAR there.

use arrow::datatypes::{DataType, Field, TimeUnit};
use oriel_proto::UnixNanos;
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::fault::{Fault, Result};
use super::{TenantTables, tables, value};
use crate::TenantId;
use crate::part::fields::field_ids;
use crate::schema::{JSON_MARK, Schemas, Table, TableSchema};

/// The version of DuckLake that we write.
pub(super) const VERSION: &str = "1.0";

/// DDL of an empty lake: the extension's tables, then our indices on the hot ones.
const DDL: &str = r#"
CREATE TABLE ducklake_metadata("key" VARCHAR NOT NULL, "value" VARCHAR NOT NULL, "scope" VARCHAR, scope_id BIGINT);
CREATE TABLE ducklake_snapshot(snapshot_id BIGINT PRIMARY KEY, snapshot_time VARCHAR, schema_version BIGINT, next_catalog_id BIGINT, next_file_id BIGINT);
CREATE TABLE ducklake_snapshot_changes(snapshot_id BIGINT PRIMARY KEY, changes_made VARCHAR, author VARCHAR, commit_message VARCHAR, commit_extra_info VARCHAR);
CREATE TABLE ducklake_schema(schema_id BIGINT PRIMARY KEY, schema_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_name VARCHAR, path VARCHAR, path_is_relative BIGINT);
CREATE TABLE ducklake_table(table_id BIGINT, table_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, table_name VARCHAR, path VARCHAR, path_is_relative BIGINT);
CREATE TABLE ducklake_view(view_id BIGINT, view_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, view_name VARCHAR, dialect VARCHAR, "sql" VARCHAR, column_aliases VARCHAR);
CREATE TABLE ducklake_tag(object_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, "key" VARCHAR, "value" VARCHAR);
CREATE TABLE ducklake_column_tag(table_id BIGINT, column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, "key" VARCHAR, "value" VARCHAR);
CREATE TABLE ducklake_data_file(data_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, file_order BIGINT, path VARCHAR, path_is_relative BIGINT, file_format VARCHAR, record_count BIGINT, file_size_bytes BIGINT, footer_size BIGINT, row_id_start BIGINT, partition_id BIGINT, encryption_key VARCHAR, mapping_id BIGINT, partial_max BIGINT);
CREATE TABLE ducklake_file_column_stats(data_file_id BIGINT, table_id BIGINT, column_id BIGINT, column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value VARCHAR, contains_nan BIGINT, extra_stats VARCHAR);
CREATE TABLE ducklake_file_variant_stats(data_file_id BIGINT, table_id BIGINT, column_id BIGINT, variant_path VARCHAR, shredded_type VARCHAR, column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value VARCHAR, contains_nan BIGINT, extra_stats VARCHAR);
CREATE TABLE ducklake_delete_file(delete_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, data_file_id BIGINT, path VARCHAR, path_is_relative BIGINT, format VARCHAR, delete_count BIGINT, file_size_bytes BIGINT, footer_size BIGINT, encryption_key VARCHAR, partial_max BIGINT);
CREATE TABLE ducklake_column(column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, table_id BIGINT, column_order BIGINT, column_name VARCHAR, column_type VARCHAR, initial_default VARCHAR, default_value VARCHAR, nulls_allowed BIGINT, parent_column BIGINT, default_value_type VARCHAR, default_value_dialect VARCHAR);
CREATE TABLE ducklake_table_stats(table_id BIGINT, record_count BIGINT, next_row_id BIGINT, file_size_bytes BIGINT);
CREATE TABLE ducklake_table_column_stats(table_id BIGINT, column_id BIGINT, contains_null BIGINT, contains_nan BIGINT, min_value VARCHAR, max_value VARCHAR, extra_stats VARCHAR);
CREATE TABLE ducklake_partition_info(partition_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT);
CREATE TABLE ducklake_partition_column(partition_id BIGINT, table_id BIGINT, partition_key_index BIGINT, column_id BIGINT, "transform" VARCHAR);
CREATE TABLE ducklake_file_partition_value(data_file_id BIGINT, table_id BIGINT, partition_key_index BIGINT, partition_value VARCHAR);
CREATE TABLE ducklake_files_scheduled_for_deletion(data_file_id BIGINT, path VARCHAR, path_is_relative BIGINT, schedule_start VARCHAR);
CREATE TABLE ducklake_inlined_data_tables(table_id BIGINT, table_name VARCHAR, schema_version BIGINT);
CREATE TABLE ducklake_column_mapping(mapping_id BIGINT, table_id BIGINT, "type" VARCHAR);
CREATE TABLE ducklake_name_mapping(mapping_id BIGINT, column_id BIGINT, source_name VARCHAR, target_field_id BIGINT, parent_column BIGINT, is_partition BIGINT);
CREATE TABLE ducklake_schema_versions(begin_snapshot BIGINT, schema_version BIGINT, table_id BIGINT);
CREATE TABLE ducklake_macro(schema_id BIGINT, macro_id BIGINT, macro_name VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT);
CREATE TABLE ducklake_macro_impl(macro_id BIGINT, impl_id BIGINT, dialect VARCHAR, "sql" VARCHAR, "type" VARCHAR);
CREATE TABLE ducklake_macro_parameters(macro_id BIGINT, impl_id BIGINT, column_id BIGINT, parameter_name VARCHAR, parameter_type VARCHAR, default_value VARCHAR, default_value_type VARCHAR);
CREATE TABLE ducklake_sort_info(sort_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT);
CREATE TABLE ducklake_sort_expression(sort_id BIGINT, table_id BIGINT, sort_key_index BIGINT, expression VARCHAR, dialect VARCHAR, sort_direction VARCHAR, null_order VARCHAR);
CREATE INDEX oriel_data_file_ended ON ducklake_data_file(end_snapshot) WHERE end_snapshot IS NOT NULL;
CREATE INDEX oriel_file_stats_by_file ON ducklake_file_column_stats(data_file_id);
CREATE INDEX oriel_table_stats_by_table ON ducklake_table_stats(table_id);
CREATE INDEX oriel_column_stats_by_table ON ducklake_table_column_stats(table_id);
CREATE INDEX oriel_column_by_table ON ducklake_column(table_id);
CREATE INDEX oriel_delete_file_by_file ON ducklake_delete_file(data_file_id);
"#;

/// The DuckLake name of an Arrow type that the schemas use.
pub fn ducklake_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "varchar",
        DataType::Binary => "blob",
        DataType::Boolean => "boolean",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float64 => "float64",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "timestamp_ns",
        DataType::List(_) => "list",
        DataType::Struct(_) => "struct",
        other => unreachable!("no schema has a column of type {other}"),
    }
    .to_owned()
}

/// One row of `ducklake_column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) nullable: bool,
    pub(super) parent: Option<i64>,
}

/// The rows of a table's columns, nested ones after their parent, by id from 1.
pub(super) fn columns(schema: &TableSchema) -> Vec<ColumnRow> {
    let mut rows = Vec::new();
    for field in field_ids(schema).fields() {
        push_column(field, None, &mut rows);
    }
    rows
}

fn push_column(field: &Field, parent: Option<i64>, rows: &mut Vec<ColumnRow>) {
    let id = field
        .metadata()
        .get(PARQUET_FIELD_ID_META_KEY)
        .and_then(|id| id.parse().ok())
        .expect("field_ids numbers every field");
    let json = field.metadata().contains_key(JSON_MARK);
    rows.push(ColumnRow {
        id,
        name: field.name().clone(),
        kind: if json {
            "json".to_owned()
        } else {
            ducklake_type(field.data_type())
        },
        // DuckDB knows NOT NULL for top-level columns only.
        nullable: field.is_nullable() || parent.is_some(),
        parent,
    });
    match field.data_type() {
        DataType::List(element) => push_column(element, Some(id), rows),
        DataType::Struct(fields) => fields
            .iter()
            .for_each(|field| push_column(field, Some(id), rows)),
        _ => {}
    }
}

/// Creates the tables of an empty lake with snapshot 0, as the extension does at first attach.
pub(super) fn create(db: &Connection, data_path: &str, now: UnixNanos) -> Result<()> {
    db.execute_batch(DDL)?;
    let created_by = concat!("oriel ", env!("CARGO_PKG_VERSION"));
    for (key, value) in [
        ("version", VERSION),
        ("created_by", created_by),
        ("data_path", data_path),
        ("encrypted", "false"),
        // A foreign writer's rows go to files, never into the catalog.
        ("data_inlining_row_limit", "0"),
    ] {
        db.execute(
            "INSERT INTO ducklake_metadata VALUES (?1, ?2, NULL, NULL)",
            params![key, value],
        )?;
    }
    db.execute(
        "INSERT INTO ducklake_schema VALUES (0, ?1, 0, NULL, 'main', 'main/', 1)",
        params![Uuid::new_v4().to_string()],
    )?;
    let mut step = Step {
        head: Head {
            snapshot_id: -1,
            schema_version: 0,
            next_catalog_id: 1,
            next_file_id: 0,
            time: UnixNanos(i64::MIN),
        },
        changes: vec!["created_schema:\"main\"".to_owned()],
        schema_changed: false,
    };
    step.finish(db, None, now)
}

/// The newest snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) snapshot_id: i64,
    pub(super) schema_version: i64,
    pub(super) next_catalog_id: i64,
    pub(super) next_file_id: i64,
    pub(super) time: UnixNanos,
}

impl Head {
    pub(super) fn read(db: &Connection) -> Result<Head> {
        let mut statement = db.prepare_cached(
            "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id, snapshot_time
             FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
        )?;
        let (mut head, time) = statement.query_row([], |row| {
            let head = Head {
                snapshot_id: row.get(0)?,
                schema_version: row.get(1)?,
                next_catalog_id: row.get(2)?,
                next_file_id: row.get(3)?,
                time: UnixNanos(0),
            };
            Ok((head, row.get::<_, String>(4)?))
        })?;
        head.time = value::parse_instant(&time)
            .ok_or_else(|| Fault::Damaged(format!("snapshot time {time:?} is not a time")))?;
        Ok(head)
    }
}

/// The snapshot after [`Head`] while it is being made.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) head: Head,
    /// Entries of `changes_made`, in the extension's words.
    pub(super) changes: Vec<String>,
    pub(super) schema_changed: bool,
}

impl Step {
    pub(super) fn after(head: Head) -> Step {
        Step {
            head,
            changes: Vec::new(),
            schema_changed: false,
        }
    }

    /// Id of the snapshot being made.
    pub(super) fn snapshot_id(&self) -> i64 {
        self.head.snapshot_id + 1
    }

    pub(super) fn file_id(&mut self) -> i64 {
        let id = self.head.next_file_id;
        self.head.next_file_id += 1;
        id
    }

    fn catalog_id(&mut self) -> i64 {
        let id = self.head.next_catalog_id;
        self.head.next_catalog_id += 1;
        id
    }

    fn schema_version(&self) -> i64 {
        self.head.schema_version + i64::from(self.schema_changed)
    }

    /// Writes the snapshot's rows when it changes anything, and becomes the step after it.
    pub(super) fn finish(
        &mut self,
        db: &Connection,
        message: Option<&str>,
        now: UnixNanos,
    ) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        self.head = Head {
            snapshot_id: self.snapshot_id(),
            schema_version: self.schema_version(),
            // A microsecond is the resolution of a snapshot's time; time travel needs them apart.
            time: UnixNanos(now.0.max(self.head.time.0.saturating_add(1_000))),
            ..self.head
        };
        db.prepare_cached("INSERT INTO ducklake_snapshot VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                self.head.snapshot_id,
                value::instant(self.head.time),
                self.head.schema_version,
                self.head.next_catalog_id,
                self.head.next_file_id,
            ])?;
        db.prepare_cached("INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, ?3, ?4, NULL)")?
            .execute(params![
                self.head.snapshot_id,
                self.changes.join(","),
                message.map(|_| "oriel"),
                message,
            ])?;
        self.changes.clear();
        self.schema_changed = false;
        Ok(())
    }

    /// Creates the schema of `tenant` with all its tables.
    pub(super) fn create_tenant(
        &mut self,
        db: &Connection,
        tenant: &TenantId,
        schemas: &Schemas,
    ) -> Result<TenantTables> {
        self.schema_changed = true;
        let schema_id = self.catalog_id();
        let begin = self.snapshot_id();
        db.execute(
            "INSERT INTO ducklake_schema VALUES (?1, ?2, ?3, NULL, ?4, ?4 || '/', 1)",
            params![schema_id, uuid(), begin, tenant.as_str()],
        )?;
        tables::add_tenant(db, tenant, schema_id)?;
        self.changes.push(format!("created_schema:\"{tenant}\""));
        let mut ids = [0; Table::ALL.len()];
        for table in Table::ALL {
            let table_id = self.catalog_id();
            ids[table as usize] = table_id;
            db.execute(
                "INSERT INTO ducklake_table VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?5 || '/', 1)",
                params![table_id, uuid(), begin, schema_id, table.as_str()],
            )?;
            db.execute(
                "INSERT INTO ducklake_table_stats VALUES (?1, 0, 0, 0)",
                params![table_id],
            )?;
            self.add_columns(db, table_id, &columns(schemas.of(table)))?;
            self.changes
                .push(format!("created_table:\"{tenant}\".\"{table}\""));
        }
        Ok(TenantTables(ids))
    }

    /// Adds columns that a table lacks.
    pub(super) fn alter_table(
        &mut self,
        db: &Connection,
        table_id: i64,
        added: &[ColumnRow],
    ) -> Result<()> {
        self.schema_changed = true;
        self.changes.push(format!("altered_table:{table_id}"));
        self.add_columns(db, table_id, added)
    }

    fn add_columns(&self, db: &Connection, table_id: i64, added: &[ColumnRow]) -> Result<()> {
        let begin = self.snapshot_id();
        for column in added {
            let nested = matches!(column.kind.as_str(), "list" | "struct");
            db.prepare_cached(
                "INSERT INTO ducklake_column
                 VALUES (?1, ?2, NULL, ?3, ?1, ?4, ?5, NULL, 'NULL', ?6, ?7, ?8, 'duckdb')",
            )?
            .execute(params![
                column.id,
                begin,
                table_id,
                column.name,
                column.kind,
                column.nullable,
                column.parent,
                if nested { "" } else { "literal" },
            ])?;
        }
        db.execute(
            "INSERT INTO ducklake_schema_versions VALUES (?1, ?2, ?3)",
            params![begin, self.schema_version(), table_id],
        )?;
        Ok(())
    }
}

fn uuid() -> String {
    Uuid::now_v7().to_string()
}

/// The id of the live table called `table` in schema `schema_id`.
pub(super) fn table_id(db: &Connection, schema_id: i64, table: Table) -> Result<Option<i64>> {
    Ok(db
        .prepare_cached(
            "SELECT table_id FROM ducklake_table
             WHERE schema_id = ?1 AND table_name = ?2 AND end_snapshot IS NULL",
        )?
        .query_row(params![schema_id, table.as_str()], |row| row.get(0))
        .optional()?)
}

/// The live columns of a table, by id.
pub(super) fn live_columns(db: &Connection, table_id: i64) -> Result<Vec<ColumnRow>> {
    let mut statement = db.prepare_cached(
        "SELECT column_id, column_name, column_type, nulls_allowed, parent_column
         FROM ducklake_column WHERE table_id = ?1 AND end_snapshot IS NULL ORDER BY column_id",
    )?;
    let rows = statement.query_map(params![table_id], |row| {
        Ok(ColumnRow {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            nullable: row.get(3)?,
            parent: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

//! Writer and reader together: what goes into a part comes out of it, and its footer says what the
//! catalog says.

use std::collections::BTreeSet;
use std::fs;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use parquet::basic::Encoding;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::Type;

use super::PartMeta;
use super::fields::field_ids;
use super::reader::{PartFile, verify};
use super::sample::{NOW, context, multiset, read, rows, tenant, texts};
use super::writer::{PartContext, PartSpec, PartWriter};
use crate::schema::{Schemas, Table};
use crate::{Config, Error, ErrorKind, StatValue};

fn write(ctx: &PartContext, table: Table, rows: &RecordBatch) -> PartMeta {
    let spec = PartSpec {
        tenant: tenant(),
        table,
        day: 20_513,
        odd: false,
        level: 3,
        strays: BTreeSet::from(["attributes.http.route".to_owned()]),
    };
    let mut writer = PartWriter::create(ctx, spec).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap()
}

fn times(len: i64) -> Vec<i64> {
    (0..len).map(|i| NOW + i * 1000).collect()
}

/// Scenario: 3,000 rows of each table, with NULLs, lists and structs, in row groups of 1,000.
/// Guarantees: every value comes back, in order; sizes, checksum and times of the meta are true.
#[test]
fn round_trip_of_every_column() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        row_group_rows: 1000,
        ..Config::default()
    };
    let ctx = context(directory.path(), Schemas::format0(), config);
    for table in Table::ALL {
        let schema = ctx.schemas.of(table);
        let rows = rows(schema, &times(3000), NOW, 7);
        let part = write(&ctx, table, &rows);
        let back = read(&ctx, &part);
        assert!(back.iter().all(|rows| rows.schema_ref() == schema.arrow()));
        assert_eq!(texts(&back), texts(std::slice::from_ref(&rows)), "{table}");

        let file = fs::read(directory.path().join(&part.path)).unwrap();
        assert_eq!(part.bytes, file.len() as u64);
        assert_eq!(part.checksum, xxhash_rust::xxh3::xxh3_64(&file));
        let tail: [u8; 4] = file[file.len() - 8..file.len() - 4].try_into().unwrap();
        assert_eq!(part.footer_bytes, u64::from(u32::from_le_bytes(tail)));
        assert_eq!((part.time_min.0, part.time_max.0), (NOW, NOW + 2999 * 1000));
        assert_eq!(
            (part.rows, part.level, part.columns_count),
            (3000, 3, schema.columns.len() as u32)
        );
        assert_eq!(part.strays.len(), 1);
        verify(&ctx.objects, &part).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3);
    }
}

/// Scenario: the statistics of a part of spans, one name of 300 bytes among them.
/// Guarantees: exactly the marked columns, with true counts and bounds; no bound that is too long.
#[test]
fn statistics_are_those_of_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let schema = ctx.schemas.of(Table::Spans);
    let rows = rows(schema, &times(500), NOW, 1);
    let mut columns = rows.columns().to_vec();
    let names = arrow::array::StringArray::from_iter_values((0..500).map(|i| {
        if i == 9 {
            "z".repeat(300)
        } else {
            format!("op {i:03}")
        }
    }));
    columns[schema.index_of("name").unwrap()] = std::sync::Arc::new(names);
    let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let part = write(&ctx, Table::Spans, &rows);
    let marked: Vec<_> = schema
        .columns
        .iter()
        .filter(|c| c.file_stats)
        .map(|c| c.name.as_str())
        .collect();
    let found: Vec<_> = part
        .stats
        .iter()
        .map(|stats| stats.column.as_str())
        .collect();
    assert_eq!(found, marked);
    for stats in &part.stats {
        let column = rows.column(schema.index_of(&stats.column).unwrap());
        assert_eq!(stats.null_count, column.null_count() as u64);
        assert_eq!(stats.value_count + stats.null_count, 500);
        match stats.column.as_str() {
            "name" => {
                assert_eq!(stats.min, Some(StatValue::Text("op 000".to_owned())));
                assert_eq!(stats.max, None);
            }
            "status_code" => assert_eq!(stats.max, Some(StatValue::Text("UNSET".to_owned()))),
            "start_time" => assert_eq!(stats.min, Some(StatValue::Int(NOW))),
            "duration" => {
                let want = column
                    .as_primitive::<arrow::datatypes::Int64Type>()
                    .iter()
                    .flatten();
                assert_eq!(stats.min, want.min().map(StatValue::Int));
            }
            _ => assert!(stats.min.is_some() && stats.max.is_some()),
        }
    }
}

/// Scenario: the Parquet schema of each table's file.
/// Guarantees: every field has the catalog's column id, nested ones too; ids, times and the rest
/// have the encodings that the schema asks for.
#[test]
fn parquet_fields_carry_column_ids() {
    fn ids(group: &Type, out: &mut Vec<i32>) {
        for field in group.get_fields() {
            // The middle level of a list has no column of its own.
            if field.get_basic_info().has_id() {
                out.push(field.get_basic_info().id());
            } else {
                assert_eq!(field.name(), "list");
            }
            if field.is_group() {
                ids(field, out);
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    for table in Table::ALL {
        let schema = ctx.schemas.of(table);
        let part = write(&ctx, table, &rows(schema, &times(2000), NOW, 2));
        let file = fs::File::open(directory.path().join(&part.path)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let metadata = reader.metadata();
        let mut found = Vec::new();
        ids(
            metadata.file_metadata().schema_descr().root_schema(),
            &mut found,
        );
        let count = found.len() as i32;
        assert_eq!(found, (1..=count).collect::<Vec<_>>());
        assert!(count as usize >= field_ids(schema).fields().len());

        let chunks = metadata.row_group(0).columns();
        for column in &schema.columns {
            let chunk = chunks
                .iter()
                .find(|c| c.column_path().parts()[0] == column.name)
                .unwrap();
            let encodings: Vec<Encoding> = chunk.encodings().collect();
            let has = |encoding| encodings.contains(&encoding);
            match column.encoding {
                crate::schema::Encoding::Id => assert!(
                    has(Encoding::DELTA_LENGTH_BYTE_ARRAY)
                        && chunk.dictionary_page_offset().is_none()
                ),
                crate::schema::Encoding::Delta => assert!(
                    has(Encoding::DELTA_BINARY_PACKED) && chunk.dictionary_page_offset().is_none()
                ),
                crate::schema::Encoding::Dictionary if column.data_type == DataType::Utf8 => {
                    assert!(chunk.dictionary_page_offset().is_some(), "{}", column.name);
                }
                crate::schema::Encoding::Dictionary => {}
            }
            assert!(chunk.column_index_offset().is_some() && chunk.offset_index_offset().is_some());
        }
    }
}

/// Scenario: 4,000 logs with bodies of 200 bytes that differ, some of them empty, absent or not ASCII.
/// Guarantees: what has no place in the dictionary is written with lengths apart from the texts, for
/// scans; every body comes back.
#[test]
fn bodies_lie_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let schema = ctx.schemas.of(Table::Logs);
    let rows = rows(schema, &times(4000), NOW, 1);
    let body = |row: usize| match row % 100 {
        7 => None,
        8 => Some(String::new()),
        _ => Some(format!("größe {row:0>192}")),
    };
    let at = schema.index_of("body").unwrap();
    let mut columns = rows.columns().to_vec();
    columns[at] = std::sync::Arc::new((0..4000).map(body).collect::<StringArray>());
    let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let part = write(&ctx, Table::Logs, &rows);
    let back = read(&ctx, &part);
    assert_eq!(texts(&back), texts(std::slice::from_ref(&rows)));
    let file = fs::File::open(directory.path().join(&part.path)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let chunks = reader.metadata().row_group(0).columns();
    let mut chunks = chunks.iter();
    let chunk = chunks.find(|chunk| chunk.column_path().parts() == ["body"]);
    let mut encodings = chunk.unwrap().encodings();
    assert!(encodings.any(|encoding| encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY));
}

/// Scenario: a file was written before an operator promoted two more attributes.
/// Guarantees: it reads in the new schema with NULL in the new columns; with a schema it does not
/// fit it is refused as damaged.
#[test]
fn reads_files_that_lack_appended_columns() {
    let directory = tempfile::tempdir().unwrap();
    let old = context(directory.path(), Schemas::format0(), Config::default());
    let before = rows(old.schemas.of(Table::Logs), &times(100), NOW, 3);
    let part = write(&old, Table::Logs, &before);
    let keys = ["attributes.tier", "resource_attributes.team:int"]
        .map(|key| (Table::Logs, key.parse().unwrap()));
    let new = Schemas::with_promoted(&keys).unwrap();
    let new = context(directory.path(), new, Config::default());
    let back = read(&new, &part);
    assert_eq!(back[0].num_columns(), before.num_columns() + 2);
    assert_eq!(back[0].column(before.num_columns()).null_count(), 100);
    assert_eq!(back[0].column(before.num_columns() + 1).null_count(), 100);
    let cut = back[0]
        .project(&(0..before.num_columns()).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(multiset(&[cut]), multiset(&[before]));

    let wrong = PartMeta {
        columns_count: part.columns_count - 1,
        ..part
    };
    let schema = new.schemas.of(Table::Logs);
    let error = PartFile::open(&new.objects, &wrong, schema).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

/// Scenario: one bit of a part flips on disk; then it is cut short; then it is gone.
/// Guarantees: verification names the part as damaged.
#[test]
fn verification_finds_damage() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    let part = write(
        &ctx,
        Table::Logs,
        &rows(ctx.schemas.of(Table::Logs), &times(50), NOW, 4),
    );
    let path = directory.path().join(&part.path);
    let mut file = fs::read(&path).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 4;
    fs::write(&path, &file).unwrap();
    let damaged = |error: Error| match error {
        Error::Corrupt { what, .. } => assert!(what.contains(&part.path)),
        other => panic!("{other}"),
    };
    damaged(verify(&ctx.objects, &part).unwrap_err());
    file[middle] ^= 4;
    fs::write(&path, &file[..file.len() - 1]).unwrap();
    damaged(verify(&ctx.objects, &part).unwrap_err());
    fs::remove_file(&path).unwrap();
    damaged(verify(&ctx.objects, &part).unwrap_err());
}

/// Scenario: parts of spans and logs.
/// Guarantees: no column has a bloom filter; DuckDB up to 1.5.5 reads those of BLOBs wrongly.
#[test]
fn parts_have_no_bloom_filters() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = context(directory.path(), Schemas::format0(), Config::default());
    for table in [Table::Spans, Table::Logs] {
        let rows = rows(ctx.schemas.of(table), &times(4000), NOW, 5);
        let part = write(&ctx, table, &rows);
        let file = fs::File::open(directory.path().join(&part.path)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let columns = reader.metadata().row_group(0).columns();
        assert!(
            columns
                .iter()
                .all(|column| column.bloom_filter_offset().is_none())
        );
    }
}

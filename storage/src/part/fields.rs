//! Column ids: the numbers by which Parquet fields and DuckLake columns know each other.
//!
//! The columns of a table are numbered from 1, depth first in schema order: a list takes one
//! number, its element the next, and a struct's fields those after it. Columns are only ever
//! appended, so a number never changes its meaning. Pure; used by the part writer and the catalog.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use crate::schema::TableSchema;

/// The Arrow schema of files of `schema`, with the column id of every field, nested ones included, in the
/// metadata `PARQUET:field_id`. Other metadata (the mark of JSON text) is kept.
pub(crate) fn field_ids(schema: &TableSchema) -> SchemaRef {
    let mut last = 0;
    let fields: Vec<FieldRef> = schema
        .arrow()
        .fields()
        .iter()
        .zip(&schema.columns)
        .map(|(field, column)| {
            let field = Field::clone(field).with_data_type(column.data_type.clone());
            number(&field, &mut last)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// `field` and what lies below it with the ids after `last`, which becomes the last one used.
fn number(field: &Field, last: &mut i32) -> FieldRef {
    *last += 1;
    let mut metadata = field.metadata().clone();
    metadata.insert(PARQUET_FIELD_ID_META_KEY.to_owned(), last.to_string());
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(number(element, last)),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| number(field, last)).collect())
        }
        other => other.clone(),
    };
    Arc::new(
        field
            .clone()
            .with_data_type(data_type)
            .with_metadata(metadata),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{JSON_MARK, Schemas, Table};

    fn id(field: &Field) -> i32 {
        field.metadata()[PARQUET_FIELD_ID_META_KEY].parse().unwrap()
    }

    fn walk(field: &Field, ids: &mut Vec<i32>) {
        ids.push(id(field));
        match field.data_type() {
            DataType::List(element) => walk(element, ids),
            DataType::Struct(fields) => fields.iter().for_each(|field| walk(field, ids)),
            _ => {}
        }
    }

    /// Scenario: all tables of format 0.
    /// Guarantees: ids are 1, 2, 3 … depth first without a gap, and JSON marks survive.
    #[test]
    fn numbers_depth_first() {
        let schemas = Schemas::format0();
        for table in Table::ALL {
            let schema = field_ids(schemas.of(table));
            let mut ids = Vec::new();
            schema
                .fields()
                .iter()
                .for_each(|field| walk(field, &mut ids));
            assert_eq!(ids, (1..=ids.len() as i32).collect::<Vec<_>>(), "{table}");
            for (plain, numbered) in schemas
                .of(table)
                .arrow()
                .fields()
                .iter()
                .zip(schema.fields())
            {
                assert_eq!(
                    plain.metadata().get(JSON_MARK),
                    numbered.metadata().get(JSON_MARK)
                );
            }
        }
        let spans = field_ids(schemas.of(Table::Spans));
        let events = spans.field_with_name("events").unwrap();
        let links = spans.field_with_name("links").unwrap();
        assert_eq!(
            id(links),
            id(events) + 7,
            "list, element, five fields, next"
        );
    }

    /// Scenario: an operator promotes one more attribute.
    /// Guarantees: no id of an existing column changes; the new column takes the next number.
    #[test]
    fn appended_columns_continue() {
        let key = "attributes.shop.tier".parse().unwrap();
        let before = field_ids(Schemas::format0().of(Table::Spans));
        let more = Schemas::with_promoted(&[(Table::Spans, key)]).unwrap();
        let after = field_ids(more.of(Table::Spans));
        let count = before.fields().len();
        assert_eq!(before.fields()[..], after.fields()[..count]);
        assert_eq!(id(after.field(count)), id(after.field(count - 1)) + 1);
    }
}

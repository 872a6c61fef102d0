//! docs/schema.md, generated: `oriel schema` prints it, a test compares it with the file.

use std::fmt::Write;

use arrow::datatypes::{DataType, Field};

use super::{Column, JSON_MARK, Schemas, SortKey, Table, TableSchema};
use crate::catalog::ducklake_type;

/// The reference of every table and column, in Markdown.
pub fn markdown(schemas: &Schemas) -> String {
    let mut out = String::from(include_str!("doc_head.md"));
    for table in Table::ALL {
        describe(schemas.of(table), &mut out).expect("writing to a String");
    }
    out
}

fn describe(schema: &TableSchema, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## Table `{}`\n", schema.table)?;
    writeln!(out, "{}\n", about(schema.table))?;
    writeln!(
        out,
        "Files are sorted by {}; the time column is `{}`.\n",
        schema
            .sort
            .iter()
            .map(SortKey::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        schema.time_column
    )?;
    out.push_str("| column | type | null | OTLP field | meaning |\n|---|---|---|---|---|\n");
    // `service_name` is promoted as well, but has a name and a meaning of its own.
    let (promoted, plain): (Vec<&Column>, Vec<&Column>) = schema
        .columns
        .iter()
        .partition(|column| column.promoted.is_some() && column.name != "service_name");
    for column in plain {
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            column.name,
            type_name(&column.data_type, column.json),
            if column.nullable { "yes" } else { "" },
            source(column),
            column.doc.replace('|', "\\|")
        )?;
    }
    if !promoted.is_empty() {
        out.push_str(
            "\nPromoted attributes; all may be NULL, and a value of another type is in the ",
        );
        out.push_str("overflow:\n\n| column | type | OTLP field |\n|---|---|---|\n");
    }
    for column in promoted {
        let kind = type_name(&column.data_type, column.json);
        writeln!(out, "| `{}` | {kind} | {} |", column.name, source(column))?;
    }
    Ok(())
}

/// The OTLP field of a column.
fn source(column: &Column) -> String {
    match &column.promoted {
        Some(promoted) => format!("`{}[{}]`", column.source, promoted.key),
        None => column.source.to_owned(),
    }
}

/// What a row is.
const fn about(table: Table) -> &'static str {
    match table {
        Table::Spans => "One row a span (`opentelemetry.proto.trace.v1.Span`).",
        Table::Logs => "One row a log record (`opentelemetry.proto.logs.v1.LogRecord`).",
        Table::Metrics => {
            "One row a data point, of any kind (`opentelemetry.proto.metrics.v1`): `type` tells \
             which, and columns of other kinds are NULL."
        }
        Table::Traces => {
            "Summaries of traces, derived from `spans`: one row a trace, UTC day of span start and \
             flush. Merge the rows of a trace: least and greatest of the times, sums of the counts, \
             the root from the row that has one."
        }
    }
}

/// DuckLake's name of a type, nested fields spelled out; `?` marks fields that may be NULL.
fn type_name(data_type: &DataType, json: bool) -> String {
    let field = |field: &Field| {
        let json = field.metadata().contains_key(JSON_MARK);
        let null = if field.is_nullable() { "?" } else { "" };
        (type_name(field.data_type(), json), null)
    };
    match data_type {
        _ if json => "json".to_owned(),
        DataType::List(item) => format!("list of {}", field(item).0),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|inner| {
                let (name, null) = field(inner);
                format!("{} {name}{null}", inner.name())
            });
            format!("struct({})", fields.collect::<Vec<_>>().join(", "))
        }
        plain => ducklake_type(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: docs/schema.md against the schema definition.
    /// Guarantees: the document is what the code does; `cargo run -- schema > docs/schema.md`
    /// renews it.
    #[test]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(&Schemas::format0()),
            "docs/schema.md differs from the code: run `cargo run -- schema > docs/schema.md`"
        );
    }
}

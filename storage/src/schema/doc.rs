//! docs/schema.md, generated: `oriel schema` prints it, a test compares it with the file.

use std::fmt::Write;

use super::{Schemas, Table};

/// The reference of every table and column, in Markdown.
pub fn markdown(schemas: &Schemas) -> String {
    let mut out = String::from(include_str!("doc_head.md"));
    for table in Table::ALL {
        let schema = schemas.of(table);
        writeln!(
            out,
            "\n## {table}\n\nSorted by {}; time column `{}`.\n",
            schema.sort.join(", "),
            schema.time_column
        )
        .expect("writing to a String");
        out.push_str("| column | type | null | OTLP source | meaning |\n|---|---|---|---|---|\n");
        for column in &schema.columns {
            let kind = if column.json {
                "json".to_owned()
            } else {
                crate::catalog::ducklake_type(&column.data_type)
            };
            let null = if column.nullable { "yes" } else { "" };
            let source = match &column.promoted {
                Some(promoted) => format!("{}[{}]", column.source, promoted.key),
                None => column.source.to_owned(),
            };
            writeln!(
                out,
                "| `{}` | {kind} | {null} | {source} | {} |",
                column.name, column.doc
            )
            .expect("writing to a String");
        }
    }
    out
}

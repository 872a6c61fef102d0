//! JSON (one object) and NDJSON (one object a row).

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::json;

use super::value::{separate, type_name, write_json, write_text};
use crate::error::Error;
use crate::receipt::Receipt;

/// `{"columns":[{"name","type"}],"rows":[[…]],"receipt":{…}}`; an error after the first rows stands
/// in `"error"` instead of the receipt.
pub(crate) struct Json {
    rows_written: usize,
}

impl Json {
    pub(super) fn start(schema: &SchemaRef, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"columns\":[");
        for (index, field) in schema.fields().iter().enumerate() {
            separate(index, out);
            let column = json!({"name": field.name(), "type": type_name(field)});
            out.extend_from_slice(column.to_string().as_bytes());
        }
        out.extend_from_slice(b"],\"rows\":[");
        Json { rows_written: 0 }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) {
        for row in 0..rows.num_rows() {
            separate(self.rows_written, out);
            self.rows_written += 1;
            out.push(b'[');
            for (index, column) in rows.columns().iter().enumerate() {
                separate(index, out);
                write_json(column, row, out);
            }
            out.push(b']');
        }
    }

    pub(super) fn end(self, receipt: &Receipt) -> Vec<u8> {
        format!("],\"receipt\":{}}}", json!(receipt)).into_bytes()
    }

    pub(super) fn failed(self, error: &Error) -> Vec<u8> {
        format!("],\"error\":{}}}", json!(error)).into_bytes()
    }
}

/// One object a row; the last line is `{"receipt":{…}}` or `{"error":{…}}`.
pub(crate) struct Ndjson {
    names: Vec<Vec<u8>>,
}

impl Ndjson {
    pub(super) fn start(schema: &SchemaRef) -> Self {
        let quoted = |name: &str| {
            let mut out = Vec::new();
            write_text(name, &mut out);
            out.push(b':');
            out
        };
        Ndjson {
            names: schema.fields().iter().map(|f| quoted(f.name())).collect(),
        }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) {
        for row in 0..rows.num_rows() {
            out.push(b'{');
            for (index, (name, column)) in self.names.iter().zip(rows.columns()).enumerate() {
                separate(index, out);
                out.extend_from_slice(name);
                write_json(column, row, out);
            }
            out.extend_from_slice(b"}\n");
        }
    }

    pub(super) fn end(receipt: &Receipt) -> Vec<u8> {
        format!("{}\n", json!({ "receipt": receipt })).into_bytes()
    }

    pub(super) fn failed(error: &Error) -> Vec<u8> {
        format!("{}\n", json!({ "error": error })).into_bytes()
    }
}

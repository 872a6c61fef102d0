//! CSV (RFC 4180): a line of names, then one line a row; NULL is empty, empty text is `""`.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};

use super::value::{separate, write_json};

/// The writer of one answer.
pub(crate) struct Csv {
    scratch: Vec<u8>,
}

impl Csv {
    pub(super) fn start(schema: &SchemaRef, out: &mut Vec<u8>) -> Self {
        for (index, field) in schema.fields().iter().enumerate() {
            separate(index, out);
            write_field(field.name().as_bytes(), out);
        }
        out.extend_from_slice(b"\n");
        Csv {
            scratch: Vec::new(),
        }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) {
        for row in 0..rows.num_rows() {
            for (index, column) in rows.columns().iter().enumerate() {
                separate(index, out);
                if column.is_valid(row) {
                    self.value(column, row, out);
                }
            }
            out.extend_from_slice(b"\n");
        }
    }

    fn value(&mut self, column: &dyn Array, row: usize, out: &mut Vec<u8>) {
        match column.data_type() {
            DataType::Utf8 => write_field(column.as_string::<i32>().value(row).as_bytes(), out),
            DataType::Utf8View => write_field(column.as_string_view().value(row).as_bytes(), out),
            DataType::List(_) | DataType::Struct(_) | DataType::LargeList(_) => {
                self.scratch.clear();
                write_json(column, row, &mut self.scratch);
                write_field(&self.scratch, out);
            }
            _ => {
                self.scratch.clear();
                write_json(column, row, &mut self.scratch);
                match serde_json::from_slice::<String>(&self.scratch) {
                    Ok(text) => write_field(text.as_bytes(), out),
                    Err(_) => out.extend_from_slice(&self.scratch),
                }
            }
        }
    }
}

/// Appends `bytes`, in quotes where it must be.
fn write_field(bytes: &[u8], out: &mut Vec<u8>) {
    let plain = !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| !matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if plain {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

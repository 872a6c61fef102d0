//! Arrow IPC stream and Parquet: columns as they are (ids stay binary), text as plain Utf8, which
//! every reader knows.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::error::{Code, Error};
use crate::receipt::Receipt;

/// Rows of a row group of a Parquet answer; also bounds what is held in memory.
const ROW_GROUP_ROWS: usize = 65_536;
/// Key of the Parquet metadata that holds the receipt, as JSON.
pub(crate) const RECEIPT_KEY: &str = "oriel.receipt";

/// Bytes written so far and not yet taken.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Taken {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("writing the answer: {error}"))
}

fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    let plain = |field: &Field| match field.data_type() {
        DataType::Utf8View => field.clone().with_data_type(DataType::Utf8),
        DataType::BinaryView => field.clone().with_data_type(DataType::Binary),
        _ => field.clone(),
    };
    let fields: Vec<Field> = schema.fields().iter().map(|field| plain(field)).collect();
    Arc::new(Schema::new(fields))
}

fn plain_rows(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(failed)
}

/// Arrow IPC stream.
pub(crate) struct Ipc {
    schema: SchemaRef,
    bytes: Taken,
    writer: StreamWriter<Taken>,
}

impl Ipc {
    pub(super) fn start(schema: &SchemaRef) -> Result<Self, Error> {
        let schema = plain_schema(schema);
        let bytes = Taken::default();
        let writer = StreamWriter::try_new(bytes.clone(), &schema).map_err(failed)?;
        Ok(Ipc {
            schema,
            bytes,
            writer,
        })
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, Error> {
        let rows = plain_rows(rows, &self.schema)?;
        self.writer.write(&rows).map_err(failed)?;
        Ok(self.bytes.take())
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, Error> {
        self.writer.finish().map_err(failed)?;
        Ok(self.bytes.take())
    }
}

/// A Parquet file, row group by row group.
pub(crate) struct Parquet {
    schema: SchemaRef,
    bytes: Taken,
    writer: ArrowWriter<Taken>,
}

impl Parquet {
    pub(super) fn start(schema: &SchemaRef) -> Result<Self, Error> {
        let schema = plain_schema(schema);
        let bytes = Taken::default();
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(bytes.clone(), Arc::clone(&schema), Some(properties))
            .map_err(failed)?;
        Ok(Parquet {
            schema,
            bytes,
            writer,
        })
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, Error> {
        let rows = plain_rows(rows, &self.schema)?;
        self.writer.write(&rows).map_err(failed)?;
        Ok(self.bytes.take())
    }

    pub(super) fn end(mut self, receipt: &Receipt) -> Result<Vec<u8>, Error> {
        let receipt = serde_json::json!(receipt).to_string();
        self.writer
            .append_key_value_metadata(KeyValue::new(RECEIPT_KEY.to_owned(), receipt));
        self.writer.close().map_err(failed)?;
        Ok(self.bytes.take())
    }
}

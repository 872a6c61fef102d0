//! The word index beside a part of logs, written while the part's rows go by.
//!
//! It only saves time, so whatever goes wrong with it leaves a part without one. Durable when
//! [`WordsWriter::finish`] returns, and known to whoever commits the part (W2).

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};

use super::writer::PartContext;
use crate::Result;
use crate::index::{self, IndexRow, IndexWriter, Indexes};
use crate::layout::index_path;
use crate::objects::NewFile;
use crate::schema::{Table, TableSchema};

/// The column of logs whose words are indexed.
pub(super) const COLUMN: &str = "body";

/// An index being written. Dropped unfinished, its file is removed.
#[derive(Debug)]
pub(super) struct WordsWriter {
    part: String,
    column: usize,
    indexes: Arc<Indexes>,
    /// `None` once something has gone wrong.
    writer: Option<IndexWriter<NewFile>>,
}

impl WordsWriter {
    /// An index for the part at `part`, if one of `rows` rows gets one.
    pub(super) fn create(
        ctx: &PartContext,
        schema: &TableSchema,
        part: &str,
        rows: u64,
    ) -> Option<WordsWriter> {
        let rows_min = ctx.config.index_rows_min as u64;
        if schema.table != Table::Logs || rows_min == 0 || rows < rows_min {
            return None;
        }
        let column = schema.index_of(COLUMN)?;
        let memory = index::share_of(ctx.config.compact_memory_bytes.as_u64() as usize);
        let file = ctx.objects.create(&index_path(part));
        let writer = file.map(|file| IndexWriter::in_memory_of(file, memory));
        Some(WordsWriter {
            part: part.to_owned(),
            column,
            indexes: Arc::clone(ctx.objects.indexes()),
            writer: told(part, writer),
        })
    }

    /// Adds the next rows.
    pub(super) fn add(&mut self, rows: &RecordBatch) {
        let Some(mut writer) = self.writer.take() else {
            return;
        };
        let texts = rows.column(self.column).as_string::<i32>();
        let added = texts.iter().try_for_each(|text| writer.add(text));
        self.writer = told(&self.part, added.map(|()| writer));
    }

    /// Completes the index and makes it durable.
    pub(super) fn finish(self) {
        let Some(writer) = self.writer else {
            return;
        };
        let rows = writer.rows();
        let written = writer.finish().and_then(NewFile::finish);
        let Some(written) = told(&self.part, written) else {
            return;
        };
        metrics::counter!("oriel_indexed_rows_total").increment(u64::from(rows));
        metrics::counter!("oriel_index_written_bytes_total").increment(written.bytes);
        let row = IndexRow {
            bytes: written.bytes,
            checksum: written.checksum,
            sums: match written.sums.len() {
                0 | 1 => Vec::new(),
                _ => written.sums,
            },
        };
        self.indexes.expect(&self.part, row);
    }
}

/// What went well; the rest is logged.
fn told<T>(part: &str, result: Result<T>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::warn!(part, %error, "cannot write a word index; the part will be scanned");
            metrics::counter!("oriel_index_errors_total").increment(1);
        })
        .ok()
}

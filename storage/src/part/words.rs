//! The word index beside a part of logs, written while the part's rows go by.
//!
//! It only saves time, so whatever goes wrong with it leaves a part without one. Durable when
//! [`WordsWriter::finish`] returns, and known to whoever commits the part (W2).

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::writer::PartContext;
use crate::Result;
use crate::batch::text_at;
use crate::index::{self, IndexRow, IndexWriter, Indexes, attribute_text};
use crate::layout::index_path;
use crate::objects::NewFile;
use crate::schema::{Level, Table, TableSchema};

/// The column of logs whose words are indexed.
pub(super) const COLUMN: &str = "body";
/// The one whose ids are.
const TRACE_ID: &str = "trace_id";

/// Where the texts of an attribute are: in its column, and in the overflow of its level.
#[derive(Debug)]
struct Source {
    /// Its name in the index.
    name: String,
    key: String,
    column: Option<usize>,
    overflow: usize,
    /// The last overflow that had the key, and what an index takes for it: neighbours share theirs.
    last: Option<(String, Arc<str>)>,
}

/// What is indexed of rows with `schema` for the attributes `keys`: at each level, but for keys whose
/// column holds no text.
fn sources(schema: &TableSchema, keys: &[String]) -> Vec<Source> {
    let levels = [Level::Record, Level::Resource, Level::Scope];
    let all = keys.iter().flat_map(|key| levels.map(|level| (key, level)));
    let source = |(key, level): (&String, Level)| {
        let column = schema.promoted(level, key);
        let is_text = |at: usize| schema.columns[at].data_type == DataType::Utf8;
        if !column.is_none_or(is_text) {
            return None;
        }
        Some(Source {
            name: format!("{}.{key}", level.column()),
            key: key.clone(),
            column,
            overflow: schema.index_of(level.column())?,
            last: None,
        })
    };
    all.filter_map(source).collect()
}

impl Source {
    /// What an index takes for this attribute of row number `row`.
    fn of(&mut self, rows: &RecordBatch, row: usize) -> Vec<Arc<str>> {
        let text_at = |column: usize| text_at(rows.column(column), row);
        let mut found = Vec::new();
        if let Some(text) = self.column.and_then(text_at) {
            found.push(attribute_text(&self.name, Some(text)));
        }
        let Some(overflow) = text_at(self.overflow) else {
            return found;
        };
        if let Some((_, known)) = self.last.as_ref().filter(|(last, _)| last == overflow) {
            found.push(Arc::clone(known));
        } else if overflow.contains(&format!("\"{}\"", self.key)) {
            let members = serde_json::from_str::<Map<String, Value>>(overflow);
            let value = match &members {
                Ok(members) => match members.get(&self.key) {
                    Some(Value::String(text)) => Some(Some(text.as_str())),
                    Some(_) => Some(None),
                    None => None,
                },
                Err(_) => Some(None),
            };
            if let Some(value) = value {
                let text = attribute_text(&self.name, value);
                self.last = Some((overflow.to_owned(), Arc::clone(&text)));
                found.push(text);
            }
        }
        found
    }
}

/// An index being written. Dropped unfinished, its file is removed.
#[derive(Debug)]
pub(super) struct WordsWriter {
    part: String,
    column: usize,
    trace_id: usize,
    attributes: Vec<Source>,
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
        let (column, trace_id) = (schema.index_of(COLUMN)?, schema.index_of(TRACE_ID)?);
        let memory = index::share_of(ctx.config.compact_memory_bytes.as_u64() as usize);
        let file = ctx.objects.create(&index_path(part));
        let attributes = sources(schema, &ctx.config.index_attributes);
        let names: Vec<String> = attributes.iter().map(|one| one.name.clone()).collect();
        let writer =
            file.map(|file| IndexWriter::in_memory_of(file, memory).with_attributes(names));
        Some(WordsWriter {
            part: part.to_owned(),
            column,
            trace_id,
            attributes,
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
        let trace_ids = rows.column(self.trace_id).as_binary::<i32>();
        let mut texts = texts.iter().zip(trace_ids).enumerate();
        let added = texts.try_for_each(|(row, (text, trace_id))| {
            let of = |source: &mut Source| source.of(rows, row);
            let attributes: Vec<Arc<str>> = self.attributes.iter_mut().flat_map(of).collect();
            writer.add_row(text, &attributes, trace_id)
        });
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

//! One merge: sorted parts in, one sorted part out, as streams.
//!
//! 1. Each input is verified against its checksum, then opened; the rows read at once from each
//!    follow from the memory that a merge may use and from how large the rows are there.
//! 2. The input whose next row is least gives rows for as long as that stays so; what was chosen
//!    is gathered into the writer. Equal rows keep the order of the inputs.
//! 3. Summaries of one trace whose windows meet become one row on the way.
//! 4. Rows in and rows out are counted (P2), and the new file is compared with its checksum, before
//!    anyone hears of the new part.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;

use super::Merge;
use crate::flush::{Gather, remove_parts};
use crate::index;
use crate::part::order::{Keys, Order, RowAt};
use crate::part::reader::{PartFile, PartReader, verify};
use crate::part::writer::{PartContext, PartSpec, PartWriter, WRITE_ROWS};
use crate::schema::{Table, TableSchema};
use crate::{Error, PartMeta, Result, summary};

/// Merges the parts of `merge` into one, durable and invisible until a commit names it (W2).
/// Blocking; memory follows `compact_memory_bytes`: about that, at most twice as much when single rows
/// are large, since each input has a page of each column open.
///
/// Errors: `Corrupt` when an input is damaged or the counts differ; nothing is left then.
pub(crate) fn merge(ctx: &PartContext, merge: &Merge) -> Result<Vec<PartMeta>> {
    let schema = ctx.schemas.of(merge.table);
    for part in &merge.parts {
        verify(&ctx.objects, part)?;
    }
    let mut merged = MergedRows::open(ctx, merge)?;
    let want: u64 = merge.parts.iter().map(|part| part.rows).sum();
    let mut writer = PartWriter::create(ctx, output(schema, merge))?;
    writer.expect_rows(ctx, want);
    let mut counts = Counts::default();
    let mut joiner = Joiner::default();
    while let Some(rows) = merged.next_rows()? {
        counts.rows += rows.num_rows() as u64;
        crate::failpoint::pass("compact", "half_output");
        if merge.table == Table::Traces {
            counts.spans_in += summary::spans_count(schema, &rows)?;
            if let Some(rows) = joiner.push(schema, rows)? {
                counts.write(schema, &mut writer, &rows)?;
            }
        } else {
            writer.write(&rows)?;
        }
    }
    if let Some(rows) = joiner.finish(schema)? {
        counts.write(schema, &mut writer, &rows)?;
    }
    let written = writer.rows();
    let kept = match merge.table {
        Table::Traces => counts.spans_in == counts.spans_out,
        _ => written == want,
    };
    if counts.rows != want || !kept {
        return Err(Error::Corrupt {
            what: format!("merge of {} parts of {}", merge.parts.len(), merge.table),
            detail: format!(
                "{want} rows expected, {} read, {written} written",
                counts.rows
            ),
        });
    }
    let part = writer.finish()?;
    // The inputs go for this: it must be on disk as it was written.
    if let Err(error) = verify(&ctx.objects, &part) {
        remove_parts(ctx, std::slice::from_ref(&part));
        return Err(error);
    }
    Ok(vec![part])
}

/// What has passed.
#[derive(Debug, Default)]
struct Counts {
    rows: u64,
    spans_in: i64,
    spans_out: i64,
}

impl Counts {
    fn write(
        &mut self,
        schema: &TableSchema,
        writer: &mut PartWriter,
        rows: &RecordBatch,
    ) -> Result<()> {
        self.spans_out += summary::spans_count(schema, rows)?;
        writer.write(rows)
    }
}

/// What the merged part will be.
fn output(schema: &TableSchema, merge: &Merge) -> PartSpec {
    let mut strays = BTreeSet::new();
    for part in &merge.parts {
        strays.extend(part.strays.iter().cloned());
        // A promoted column that the file lacks may have values in the overflow.
        let lacking = schema.columns.iter().skip(part.columns_count as usize);
        let lacking = lacking.filter(|column| column.promoted.is_some());
        strays.extend(lacking.map(|column| column.name.clone()));
    }
    let level = merge.parts.iter().map(|part| part.level).max();
    PartSpec {
        tenant: merge.tenant.clone(),
        table: merge.table,
        day: merge.day,
        odd: merge.odd,
        level: level.unwrap_or(0).saturating_add(1),
        strays,
    }
}

/// An input and the batch of it that is being merged.
#[derive(Debug)]
struct Input {
    reader: PartReader,
    keys: Keys,
    /// Index of the current batch among the pending ones; `None` at the end of the part.
    slot: Option<u32>,
    len: usize,
    at: usize,
}

/// Memory of batches of which some share pages: shared texts are views of them.
#[derive(Debug, Default)]
struct Held(HashSet<*const u8>);

impl Held {
    /// What `rows` hold beyond the batches added before.
    fn add(&mut self, rows: &RecordBatch) -> usize {
        let mut bytes = 0;
        for column in rows.columns() {
            bytes += match column.as_string_view_opt() {
                None => column.get_array_memory_size(),
                Some(texts) => {
                    let pages = texts.data_buffers().iter();
                    let new = pages.filter(|page| self.0.insert(page.data_ptr().as_ptr()));
                    let new: usize = new.map(Buffer::capacity).sum();
                    new + size_of_val(texts.views().inner().as_slice())
                }
            };
        }
        bytes
    }
}

/// The rows of all inputs in order.
#[derive(Debug)]
struct MergedRows {
    order: Order,
    inputs: Vec<Input>,
    /// Batches that the chosen rows lie in, the current ones of the inputs among them.
    pending: Vec<RecordBatch>,
    chosen: Vec<RowAt>,
    /// Memory of the pending batches.
    pending_bytes: usize,
    held: Held,
    /// Chosen rows are gathered when the pending batches take more than this.
    pending_bytes_max: usize,
}

impl MergedRows {
    fn open(ctx: &PartContext, merge: &Merge) -> Result<Self> {
        let schema = ctx.schemas.of(merge.table);
        let files = merge
            .parts
            .iter()
            .map(|part| PartFile::open(&ctx.objects, part, schema))
            .collect::<Result<Vec<_>>>()?;
        // An eighth for the current batches of all inputs, as much for those that are used up, a quarter
        // for the gathered rows, a quarter for the row group being written; the rest is for the
        // readers, which hold a page of each column.
        let memory = ctx.config.compact_memory_bytes.as_u64() as usize;
        // What the word index of logs takes is taken from the others; twice, while a piece is completed.
        let memory = match merge.table {
            Table::Logs => memory - 2 * index::share_of(memory),
            _ => memory,
        };
        let mut merged = MergedRows {
            order: Order::new(schema)?,
            inputs: Vec::with_capacity(files.len()),
            pending: Vec::new(),
            chosen: Vec::new(),
            pending_bytes: 0,
            held: Held::default(),
            pending_bytes_max: memory / 4,
        };
        let share = memory / 8 / files.len().max(1);
        for file in files {
            let reader = file.rows_within(share);
            let keys = merged
                .order
                .keys(&RecordBatch::new_empty(Arc::clone(schema.arrow())))?;
            let input = Input {
                reader,
                keys,
                slot: None,
                len: 0,
                at: 0,
            };
            merged.inputs.push(input);
            merged.load(merged.inputs.len() - 1)?;
        }
        Ok(merged)
    }

    /// Goes on to the next batch of an input.
    fn load(&mut self, input: usize) -> Result<()> {
        let input = &mut self.inputs[input];
        input.slot = None;
        for rows in input.reader.by_ref() {
            let rows = rows?;
            if rows.num_rows() > 0 {
                input.keys = self.order.keys(&rows)?;
                (input.len, input.at) = (rows.num_rows(), 0);
                input.slot = Some(self.pending.len() as u32);
                self.pending_bytes += self.held.add(&rows);
                self.pending.push(rows);
                break;
            }
        }
        Ok(())
    }

    /// The next rows, some thousand if they are not too large; `None` at the end.
    fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        while self.chosen.len() < WRITE_ROWS
            && (self.chosen.is_empty() || self.pending_bytes <= self.pending_bytes_max)
        {
            let Some((least, second)) = self.least() else {
                break;
            };
            self.take_run(least, second);
            if self.inputs[least].at == self.inputs[least].len {
                self.load(least)?;
            }
        }
        if self.chosen.is_empty() {
            return Ok(None);
        }
        let rows = Gather::new(&self.pending).rows(&self.chosen)?;
        self.chosen.clear();
        self.forget();
        Ok(Some(rows))
    }

    /// The input whose next row comes first, and the one after it.
    fn least(&self) -> Option<(usize, Option<usize>)> {
        let mut least: Option<usize> = None;
        let mut second: Option<usize> = None;
        for (i, input) in self.inputs.iter().enumerate() {
            if input.slot.is_none() {
                continue;
            }
            if least.is_none_or(|least| self.before(i, least)) {
                second = least.replace(i);
            } else if second.is_none_or(|second| self.before(i, second)) {
                second = Some(i);
            }
        }
        Some((least?, second))
    }

    /// Whether the next row of input `a` is less than that of `b`.
    fn before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.inputs[a], &self.inputs[b]);
        a.keys.compare(a.at, &b.keys, b.at).is_lt()
    }

    /// Chooses rows of `least` for as long as they come before the next row of `second`.
    fn take_run(&mut self, least: usize, second: Option<usize>) {
        let room = WRITE_ROWS - self.chosen.len();
        let input = &self.inputs[least];
        let end = input.len.min(input.at + room);
        let run_end = match second {
            None => end,
            Some(second) => {
                let other = &self.inputs[second];
                let ends = |&row: &usize| {
                    let order = input.keys.compare(row, &other.keys, other.at);
                    order.is_gt() || (order.is_eq() && second < least)
                };
                // The first row is known to come first.
                (input.at + 1..end).find(ends).unwrap_or(end)
            }
        };
        if let Some(slot) = input.slot {
            self.chosen
                .extend((input.at..run_end).map(|row| (slot, row as u32)));
        }
        self.inputs[least].at = run_end;
    }

    /// Drops the batches that no input stands in.
    fn forget(&mut self) {
        let mut kept = Vec::with_capacity(self.inputs.len());
        for input in &mut self.inputs {
            if let Some(slot) = &mut input.slot {
                kept.push(self.pending[*slot as usize].clone());
                *slot = kept.len() as u32 - 1;
            }
        }
        self.held = Held::default();
        self.pending_bytes = kept.iter().map(|rows| self.held.add(rows)).sum();
        self.pending = kept;
    }
}

/// Joins rows of one trace although they may lie in two batches: the rows of the last trace id
/// wait for the next batch.
#[derive(Debug, Default)]
struct Joiner {
    waiting: Option<RecordBatch>,
}

impl Joiner {
    fn push(&mut self, schema: &TableSchema, rows: RecordBatch) -> Result<Option<RecordBatch>> {
        let rows = match self.waiting.take() {
            None => rows,
            Some(waiting) => {
                concat_batches(schema.arrow(), [&waiting, &rows]).map_err(|source| {
                    Error::Arrow {
                        action: "joining trace summaries",
                        source,
                    }
                })?
            }
        };
        let at = schema.index_of("trace_id").unwrap_or(0);
        let ids = rows.column(at).as_binary::<i32>();
        let last = ids.value(rows.num_rows() - 1);
        let cut = (0..rows.num_rows())
            .rev()
            .find(|&row| ids.value(row) != last);
        let cut = cut.map_or(0, |row| row + 1);
        self.waiting = Some(rows.slice(cut, rows.num_rows() - cut));
        if cut == 0 {
            return Ok(None);
        }
        summary::join(schema, &rows.slice(0, cut)).map(Some)
    }

    fn finish(self, schema: &TableSchema) -> Result<Option<RecordBatch>> {
        self.waiting
            .map(|rows| summary::join(schema, &rows))
            .transpose()
    }
}

#[cfg(test)]
mod tests;

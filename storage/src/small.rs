//! Joins the small batches of a buffer: requests of a few rows each become visible as they are, and
//! behind that, some at a time, one batch.
//!
//! A batch of ten rows takes four times the memory of its share in a large one, and costs queries and
//! flushes as much more, since each has about forty arrays. In: a run of small batches of one tenant
//! and table. Out: one batch of the same rows in the same order. Joining runs beside the log's
//! writer, outside of the lock of the state: whoever has taken a snapshot keeps the batches that it
//! saw, and a run that was sealed meanwhile stays as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, new_empty_array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::schema::{Table, TableSchema};
use crate::{Batch, Error, Result, TenantId, WalPosition};

/// Batches of up to this many rows are small.
pub(crate) const ROWS_MAX: usize = 32;

/// So many small ones, one behind the other, are joined.
pub(crate) const RUN: usize = 64;

/// Bytes of a column in a batch besides its values, about.
const COLUMN_BYTES: usize = 16;

/// A run of small batches.
#[derive(Debug)]
pub(crate) struct Small {
    /// Of which generation: the frame before it.
    pub(crate) after: WalPosition,
    pub(crate) tenant: TenantId,
    pub(crate) table: Table,
    /// Place of the first among the batches of the table.
    pub(crate) start: usize,
    pub(crate) batches: Vec<Batch>,
}

impl Small {
    /// Their rows as one batch.
    ///
    /// Errors: `Arrow`, a fault of ours.
    pub(crate) fn joined(&self, schema: &TableSchema) -> Result<Batch> {
        let strays: BTreeSet<String> = self
            .batches
            .iter()
            .flat_map(|batch| batch.strays().iter().cloned())
            .collect();
        let batches: Vec<&RecordBatch> = self.batches.iter().map(Batch::rows).collect();
        let (rows, bytes) = join(schema, &batches).map_err(|source| Error::Arrow {
            action: "joining rows",
            source,
        })?;
        Batch::with_memory(schema, rows, strays, bytes)
    }
}

/// The rows of `batches`, and the memory they take.
fn join(
    schema: &TableSchema,
    batches: &[&RecordBatch],
) -> std::result::Result<(RecordBatch, usize), ArrowError> {
    let rows_count = batches.iter().map(|rows| rows.num_rows()).sum();
    // One array of NULL for all columns of a type.
    let mut nulls: Vec<ArrayRef> = Vec::new();
    let mut bytes = 0;
    let mut columns = Vec::with_capacity(schema.columns.len());
    for (at, column) in schema.columns.iter().enumerate() {
        bytes += COLUMN_BYTES;
        let data_type = column.buffer_type();
        let arrays: Vec<&dyn Array> = batches
            .iter()
            .map(|rows| rows.column(at).as_ref())
            .collect();
        if arrays.iter().all(|array| array.null_count() == array.len()) {
            let known = nulls.iter().find(|array| array.data_type() == data_type);
            columns.push(match known {
                Some(array) => Arc::clone(array),
                None => {
                    let array = new_null_array(data_type, rows_count);
                    bytes += array.get_array_memory_size();
                    nulls.push(Arc::clone(&array));
                    array
                }
            });
            continue;
        }
        let array = match empty_lists(data_type, &arrays, rows_count) {
            Some(lists) => lists?,
            None => concat(&arrays)?,
        };
        bytes += array.get_array_memory_size();
        columns.push(array);
    }
    let rows = RecordBatch::try_new(Arc::clone(schema.arrow()), columns)?;
    Ok((rows, bytes))
}

/// Lists without items, when `arrays` have no others: most events and links.
fn empty_lists(
    data_type: &DataType,
    arrays: &[&dyn Array],
    rows_count: usize,
) -> Option<std::result::Result<ArrayRef, ArrowError>> {
    let DataType::List(item) = data_type else {
        return None;
    };
    let empty = |array: &&dyn Array| {
        let offsets = array.as_list::<i32>().value_offsets();
        array.null_count() == 0 && offsets.first() == offsets.last()
    };
    if !arrays.iter().all(empty) {
        return None;
    }
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(0, rows_count));
    let items = new_empty_array(item.data_type());
    let lists = ListArray::try_new(Arc::clone(item), offsets, items, None);
    Some(lists.map(|lists| Arc::new(lists) as ArrayRef))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use oriel_proto::UnixNanos;

    use super::*;
    use crate::RequestHash;
    use crate::buffer::{Generation, Published};
    use crate::part::sample::{self, NOW};
    use crate::schema::Schemas;
    use crate::seen::SeenEntry;
    use crate::testing::{Home, Request};

    /// Scenario: batches of 1 to 5 rows of each table with all kinds of values.
    /// Guarantees: one batch has their rows in their order, and the strays of all; many batches of a
    /// row take several times the memory.
    #[test]
    fn a_joined_batch_has_all_rows_in_order() {
        let schemas = Schemas::format0();
        for table in [Table::Spans, Table::Logs, Table::Metrics] {
            let schema = schemas.of(table);
            let batch = |seed: u64| {
                let rows = 1 + seed % 5;
                let times: Vec<i64> = (0..rows as i64).map(|row| NOW + row).collect();
                sample::batch(&schemas, table, &times, NOW, seed)
            };
            let small = Small {
                after: WalPosition(0),
                tenant: TenantId::default_tenant(),
                table,
                start: 0,
                batches: (0..RUN as u64).map(batch).collect(),
            };
            let joined = small.joined(schema).unwrap();
            let each: Vec<_> = small.batches.iter().map(|b| b.rows().clone()).collect();
            let want = arrow::compute::concat_batches(schema.arrow(), &each).unwrap();
            assert_eq!(joined.rows(), &want, "{table}");
            let strays: BTreeSet<_> = small
                .batches
                .iter()
                .flat_map(|b| b.strays().clone())
                .collect();
            assert_eq!(joined.strays(), &strays);
            let before: usize = small.batches.iter().map(Batch::memory_bytes).sum();
            assert!(joined.memory_bytes() < before, "{table}: {before}");
        }
    }

    /// Scenario: a run of small batches is taken; before it is joined, a large batch and another run
    /// come.
    /// Guarantees: both runs are joined, each once; the large batch and all rows stay.
    #[test]
    fn a_run_is_handed_out_once() {
        let schemas = Schemas::format0();
        let schema = schemas.of(Table::Logs);
        let mut rows = Generation::after(WalPosition(0));
        let mut frames = 0;
        let mut push = |rows: &mut Generation, count: i64| {
            frames += 1;
            let times: Vec<i64> = (0..count).map(|row| NOW + row).collect();
            rows.push(Published {
                position: WalPosition(frames),
                wal_bytes: 1,
                tenant: TenantId::default_tenant(),
                batches: vec![sample::batch(&schemas, Table::Logs, &times, NOW, frames)],
                seen: SeenEntry {
                    hash: RequestHash(u128::from(frames)),
                    received_at: UnixNanos(NOW),
                    rejected: 0,
                },
            });
        };
        (0..RUN).for_each(|_| push(&mut rows, 2));
        let first = rows.take_small().unwrap();
        push(&mut rows, 200);
        (0..RUN).for_each(|_| push(&mut rows, 2));
        rows.put_joined(&first, first.joined(schema).unwrap());
        let second = rows.take_small().unwrap();
        rows.put_joined(&second, second.joined(schema).unwrap());
        assert_eq!([first.batches.len(), second.batches.len()], [RUN, RUN]);
        assert!(rows.take_small().is_none());
        let sealed = rows.sealed();
        let counts: Vec<_> = sealed[0]
            .batches
            .iter()
            .map(|b| b.rows().num_rows())
            .collect();
        assert_eq!(counts, [2 * RUN, 200, 2 * RUN]);
    }

    /// Scenario: 300 requests of two spans each, among them one of 200, one after the other; a snapshot
    /// is taken after each; then a flush.
    /// Guarantees: each snapshot has the rows so far, in order, though batches are joined meanwhile;
    /// summaries count each span once; few batches are left; the flushed rows are the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn batches_are_joined_behind_snapshots() {
        let home = Home::in_memory();
        let store = home.open().await;
        let tenant = TenantId::default_tenant();
        let count = |batches: &[Batch]| -> usize {
            batches.iter().map(|batch| batch.rows().num_rows()).sum()
        };
        let mut want: Vec<RecordBatch> = Vec::new();
        for number in 0..300 {
            let spans = if number == 130 { 200 } else { 2 };
            let request = Request::new(number, &[(Table::Spans, spans)]);
            let batches = request.batches(store.schemas());
            want.extend(batches.iter().map(|batch| batch.rows().clone()));
            request.send(&store).await.unwrap().unwrap();
            let snapshot = store.snapshot(&tenant);
            let rows: usize = want.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(count(snapshot.buffers(Table::Spans)), rows);
        }
        for _ in 0..6000 {
            if store.snapshot(&tenant).buffers(Table::Spans).len() < 3 * RUN {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let snapshot = store.snapshot(&tenant);
        let got = snapshot.buffers(Table::Spans);
        assert!(got.len() < 3 * RUN, "{} batches", got.len());
        let schema = store.schemas().of(Table::Spans).arrow();
        let got: Vec<_> = got.iter().map(|batch| batch.rows().clone()).collect();
        let rows =
            |batches: &[RecordBatch]| arrow::compute::concat_batches(schema, batches).unwrap();
        assert_eq!(rows(&got), rows(&want));
        let traces = snapshot.buffers(Table::Traces);
        let traces_schema = store.schemas().of(Table::Traces);
        let spans = traces
            .iter()
            .map(|batch| crate::summary::spans_count(traces_schema, batch.rows()).unwrap());
        assert_eq!(spans.sum::<i64>(), 798);
        store.flush().await.unwrap();
        assert_eq!((store.stats().buffer_rows, store.buffer_bytes()), (0, 0));
        store.close().await.unwrap();
    }
}

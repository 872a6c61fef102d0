//! Sort keys: how rows of a table compare, for flush and merge.
//!
//! One time or integer column compares as i64, one id column as u128 (4 times faster than bytes),
//! anything else in arrow's row format. To sort, the key of spans (minute, text, time) is packed into
//! one u128 beside the row: a merge cannot, since it does not know all texts. NULL comes first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType};
use arrow::row::{RowConverter, Rows, SortField};

use crate::schema::{SortKey, TableSchema};
use crate::{Error, Result};

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;

/// A row: the index of its batch, its index in the batch.
pub(crate) type RowAt = (u32, u32);

/// Makes the keys of a table's batches; all batches compared with each other need the same one.
#[derive(Debug)]
pub(crate) struct Order {
    columns: Vec<(usize, SortKey)>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Int,
    Id,
    Rows(RowConverter),
}

/// The keys of the rows of one batch.
#[derive(Debug)]
pub(crate) enum Keys {
    Ints(ScalarBuffer<i64>),
    Ids(Vec<u128>),
    Rows(Rows),
}

impl Order {
    /// The order of `schema`'s sort key.
    pub(crate) fn new(schema: &TableSchema) -> Result<Self> {
        let columns: Vec<(usize, SortKey)> = schema
            .sort
            .iter()
            .filter_map(|key| Some((schema.index_of(key.column())?, *key)))
            .collect();
        let types: Vec<(&DataType, bool)> = columns
            .iter()
            .map(|(at, key)| match key {
                SortKey::Minute(_) => (&DataType::Int64, false),
                SortKey::Column(_) => (
                    schema.columns[*at].buffer_type(),
                    schema.columns[*at].nullable,
                ),
            })
            .collect();
        let kind = match types.as_slice() {
            [(DataType::Timestamp(TimeUnit::Nanosecond, None) | DataType::Int64, false)] => {
                Kind::Int
            }
            [(DataType::Binary, false)] => Kind::Id,
            types => {
                let fields = types.iter().map(|(t, _)| SortField::new((*t).clone()));
                Kind::Rows(RowConverter::new(fields.collect()).map_err(sort_error)?)
            }
        };
        Ok(Order { columns, kind })
    }

    /// The keys of `rows`.
    pub(crate) fn keys(&self, rows: &RecordBatch) -> Result<Keys> {
        let columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|(at, key)| match key {
                SortKey::Column(_) => Arc::clone(rows.column(*at)),
                SortKey::Minute(_) => minutes(rows.column(*at)),
            })
            .collect();
        Ok(match &self.kind {
            Kind::Int => Keys::Ints(ints(&columns[0])),
            Kind::Id => Keys::Ids(ids(&columns[0])),
            Kind::Rows(converter) => {
                Keys::Rows(converter.convert_columns(&columns).map_err(sort_error)?)
            }
        })
    }
}

impl Order {
    /// Sorts `rows` of `batches`, equal ones by place; does nothing but look when they are in order.
    pub(crate) fn sort(&self, batches: &[RecordBatch], rows: &mut [RowAt]) -> Result<()> {
        if let Some(keys) = self.packed(batches) {
            let key = |(batch, row): RowAt| keys[batch as usize][row as usize];
            if !rows.is_sorted_by_key(|at| (key(*at), *at)) {
                sort_keyed(rows, key);
            }
            return Ok(());
        }
        let keys: Vec<Keys> = batches
            .iter()
            .map(|rows| self.keys(rows))
            .collect::<Result<_>>()?;
        sort(&keys, rows);
        Ok(())
    }

    /// The keys of all rows of `batches` as integers, when the order is that of (minute, text, time):
    /// 32 bits each for the minute and for the place of the text among all texts, 64 for the time.
    fn packed(&self, batches: &[RecordBatch]) -> Option<Vec<Vec<u128>>> {
        let [
            (minute, SortKey::Minute(_)),
            (text, SortKey::Column(_)),
            (time, SortKey::Column(_)),
        ] = self.columns[..]
        else {
            return None;
        };
        let texts: Vec<&StringArray> = batches
            .iter()
            .map(|rows| rows.column(text).as_string_opt())
            .collect::<Option<_>>()?;
        let plain = |at: usize| {
            let is_time = |rows: &RecordBatch| {
                rows.column(at).data_type().is_temporal() && rows.column(at).null_count() == 0
            };
            batches.iter().all(is_time)
        };
        if !plain(minute) || !plain(time) {
            return None;
        }
        let ranks = ranks(&texts);
        let keys = batches.iter().zip(texts).map(|(rows, texts)| {
            let (minutes, times) = (ints(rows.column(minute)), ints(rows.column(time)));
            let mut last = (None, 0);
            let key = |row: usize| {
                let text = texts.is_valid(row).then(|| texts.value(row));
                if text != last.0 || row == 0 {
                    last = (text, text.map_or(0, |text| ranks[text]));
                }
                // Shifted to be positive; a minute of 64-bit nanoseconds has 29 bits.
                let minute = (minutes[row].div_euclid(MINUTE) + (1 << 31)) as u128;
                let time = (times[row] as u64) ^ (1 << 63);
                minute << 96 | u128::from(last.1) << 64 | u128::from(time)
            };
            (0..rows.num_rows()).map(key).collect()
        });
        Some(keys.collect())
    }
}

/// The place of each text in the order of all, from 1: NULL is 0.
fn ranks<'a>(columns: &[&'a StringArray]) -> BTreeMap<&'a str, u32> {
    let mut ranks = BTreeMap::new();
    for column in columns {
        let mut last = None;
        for text in column.iter() {
            if let Some(text) = text.filter(|_| text != last) {
                ranks.insert(text, 0);
            }
            last = text;
        }
    }
    for (place, rank) in ranks.values_mut().enumerate() {
        *rank = place as u32 + 1;
    }
    ranks
}

/// The minute since the epoch of each time.
fn minutes(times: &ArrayRef) -> ArrayRef {
    let minutes = ints(times);
    Arc::new(Int64Array::from_iter_values(
        minutes.iter().map(|time| time.div_euclid(MINUTE)),
    ))
}

impl Keys {
    /// Compares row `i` of these keys with row `j` of `other`, made by the same [`Order`].
    pub(crate) fn compare(&self, i: usize, other: &Keys, j: usize) -> Ordering {
        match (self, other) {
            (Keys::Ints(a), Keys::Ints(b)) => a[i].cmp(&b[j]),
            (Keys::Ids(a), Keys::Ids(b)) => a[i].cmp(&b[j]),
            (Keys::Rows(a), Keys::Rows(b)) => a.row(i).cmp(&b.row(j)),
            _ => unreachable!("keys of one order are of one kind"),
        }
    }
}

/// Sorts `rows` by their keys, equal ones by place; does nothing but look when they are in order.
pub(crate) fn sort(keys: &[Keys], rows: &mut [RowAt]) {
    let compare = |a: &RowAt, b: &RowAt| {
        keys[a.0 as usize]
            .compare(a.1 as usize, &keys[b.0 as usize], b.1 as usize)
            .then_with(|| a.cmp(b))
    };
    if rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
        return;
    }
    match keys.first() {
        Some(Keys::Ints(_)) => sort_keyed(rows, |(batch, row)| match &keys[batch as usize] {
            Keys::Ints(ints) => ints[row as usize],
            _ => unreachable!("keys of one order are of one kind"),
        }),
        Some(Keys::Ids(_)) => sort_keyed(rows, |(batch, row)| match &keys[batch as usize] {
            Keys::Ids(ids) => ids[row as usize],
            _ => unreachable!("keys of one order are of one kind"),
        }),
        _ => rows.sort_unstable_by(compare),
    }
}

/// Sorts with the key beside the row: no look-up in the comparison.
fn sort_keyed<K: Ord + Copy>(rows: &mut [RowAt], key: impl Fn(RowAt) -> K) {
    let mut keyed: Vec<(K, RowAt)> = rows.iter().map(|&at| (key(at), at)).collect();
    keyed.sort_unstable();
    for (to, (_, at)) in rows.iter_mut().zip(keyed) {
        *to = at;
    }
}

/// The values of a column of times or 64-bit integers; NULL reads as an arbitrary value.
pub(crate) fn ints(column: &ArrayRef) -> ScalarBuffer<i64> {
    match column.as_primitive_opt::<TimestampNanosecondType>() {
        Some(times) => times.values().clone(),
        None => column.as_primitive::<Int64Type>().values().clone(),
    }
}

/// The ids of a Binary column as integers; NULL reads as 0.
pub(crate) fn ids(column: &ArrayRef) -> Vec<u128> {
    let column = column.as_binary::<i32>();
    (0..column.len()).map(|i| id(column.value(i))).collect()
}

/// An id as an integer that compares as its bytes do. Longer ids than 16 bytes, which no schema
/// has, count with their first 16.
pub(crate) fn id(bytes: &[u8]) -> u128 {
    let mut padded = [0; 16];
    let len = bytes.len().min(16);
    padded[..len].copy_from_slice(&bytes[..len]);
    u128::from_be_bytes(padded)
}

fn sort_error(source: arrow::error::ArrowError) -> Error {
    Error::Arrow {
        action: "making sort keys",
        source,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampNanosecondArray;

    use super::*;
    use crate::part::sample::{NOW, rows};
    use crate::schema::{Schemas, Table};

    /// Scenario: spans of two services and of none, in two minutes, one of them before the epoch.
    /// Guarantees: they sort by minute, then service (none first), then start, by keys as by packed
    /// keys.
    #[test]
    fn spans_sort_by_minute_service_and_time() {
        let schemas = Schemas::format0();
        let schema = schemas.of(Table::Spans);
        let times = [NOW + 2, NOW + 1, -1, NOW, NOW + MINUTE, NOW + 3];
        let services = [Some("b"), Some("b"), Some("b"), Some("c"), Some("a"), None];
        let rows = rows(schema, &times, NOW, 1);
        let mut columns = rows.columns().to_vec();
        columns[schema.index_of("start_time").unwrap()] =
            Arc::new(TimestampNanosecondArray::from(times.to_vec()));
        columns[schema.index_of("service_name").unwrap()] =
            Arc::new(StringArray::from(services.to_vec()));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        let keys = [Order::new(schema).unwrap().keys(&rows).unwrap()];
        let mut order: Vec<RowAt> = (0..6).map(|row| (0, row)).collect();
        sort(&keys, &mut order);
        let order: Vec<u32> = order.into_iter().map(|(_, row)| row).collect();
        assert_eq!(order, [2, 5, 1, 0, 3, 4]);
        let mut packed: Vec<RowAt> = (0..6).map(|row| (0, row)).collect();
        Order::new(schema)
            .unwrap()
            .sort(&[rows], &mut packed)
            .unwrap();
        let packed: Vec<u32> = packed.into_iter().map(|(_, row)| row).collect();
        assert_eq!(packed, order);
    }
}

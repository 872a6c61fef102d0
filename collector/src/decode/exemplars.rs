//! Exemplars of data points: the items of the `exemplars` column.

use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};
use arrow::error::ArrowError;

use super::column::{Fixed, Lists, Text, items};
use super::rows::{Arrays, Rows};
use super::spans::{set_id, set_time};
use super::wire::{Fault, Reader};

/// Bytes that an exemplar needs besides its texts.
const ITEM_BYTES: usize = 56;

/// The `exemplars` column.
#[derive(Debug, Default)]
pub(super) struct Exemplars {
    lists: Lists,
    time: Fixed<TimestampNanosecondType>,
    time_raw: Fixed<UInt64Type>,
    value: Fixed<Float64Type>,
    value_int: Fixed<Int64Type>,
    trace_id: Text,
    span_id: Text,
    trace_id_raw: Text,
    span_id_raw: Text,
    attributes: Text,
}

impl Exemplars {
    /// Reads the exemplars of the data point `reader`, which are its field `field`.
    pub(super) fn read<'a>(
        &mut self,
        mut reader: Reader<'a>,
        field: u32,
        rows: &mut Rows<'a>,
    ) -> Result<(), Fault> {
        while reader.next()? {
            if reader.field() == field {
                self.read_one(reader.message("Exemplar")?, rows)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    fn read_one<'a>(&mut self, mut reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<(), Fault> {
        let (mut time, mut trace_id, mut span_id) = (0, &[][..], &[][..]);
        let (mut double, mut int) = (None, None);
        while reader.next()? {
            match reader.field() {
                2 => time = reader.fixed64()?,
                3 => (double, int) = (Some(reader.double()?), None),
                4 => span_id = reader.bytes()?,
                5 => trace_id = reader.bytes()?,
                6 => (double, int) = (None, Some(reader.fixed64()? as i64)),
                7 => rows.sets.push(reader.message("KeyValue")?)?,
                _ => reader.skip()?,
            }
        }
        rows.charge(ITEM_BYTES, &reader)?;
        let at = self.time.rows();
        set_time(&mut self.time, &mut self.time_raw, at, time);
        self.value
            .set_some(at, double.or(int.map(|int| int as f64)));
        self.value_int.set_some(at, int);
        set_id(&mut self.trace_id, &mut self.trace_id_raw, at, trace_id, 16);
        set_id(&mut self.span_id, &mut self.span_id_raw, at, span_id, 8);
        if rows.sets.write_filled(0, self.attributes.open())? {
            self.attributes.close(at);
        }
        Ok(())
    }

    /// Makes the exemplars read since the last call the list of `row`.
    pub(super) fn set(&mut self, row: usize) {
        self.lists.set(row, self.time.rows());
    }

    /// Hands the column over.
    pub(super) fn finish(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        let count = self.time.rows();
        out.list("exemplars", &mut self.lists, |data_type, repaired| {
            let columns = vec![
                self.time.finish(count)?,
                self.time_raw.finish(count)?,
                self.value.finish(count)?,
                self.value_int.finish(count)?,
                self.trace_id.finish_binary(count)?,
                self.span_id.finish_binary(count)?,
                self.trace_id_raw.finish_binary(count)?,
                self.span_id_raw.finish_binary(count)?,
                self.attributes.finish(count, repaired)?,
            ];
            items(data_type, columns, count)
        })
    }
}

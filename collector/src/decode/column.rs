//! Growing columns: plain vectors that become Arrow arrays when a batch is finished.
//!
//! A column is set by row number, in ascending order; rows that were passed over are NULL, so that
//! the many columns without a value cost nothing, neither per row nor per batch. Finishing copies
//! what was set into buffers of just that size, in which rows may wait for their flush, and keeps
//! the vectors for the next request: they need not grow again. Text is kept as bytes and validated
//! once per column: invalid UTF-8 is replaced by U+FFFD then, value by value.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, PrimitiveArray,
    StringArray, StringViewArray, StructArray, UInt32Array, make_view,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;

/// Bits, least significant first.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    #[inline]
    fn push(&mut self, bit: bool) {
        let (at, mask) = (self.len / 8, 1 << (self.len % 8));
        if at == self.bytes.len() {
            self.bytes.push(0);
        }
        if bit {
            self.bytes[at] |= mask;
        }
        self.len += 1;
    }

    fn push_run(&mut self, count: usize, bit: bool) {
        if bit {
            (0..count).for_each(|_| self.push(true));
        } else {
            self.len += count;
            self.bytes.resize(self.len.div_ceil(8), 0);
        }
    }

    fn take(&mut self) -> BooleanBuffer {
        let bits = BooleanBuffer::new(Buffer::from(&self.bytes[..]), 0, self.len);
        self.bytes.clear();
        self.len = 0;
        bits
    }
}

/// Which rows of a column have a value; nothing is kept while all have.
#[derive(Debug, Default)]
struct Validity {
    bits: Bits,
    /// Rows, while `bits` is empty.
    valid: usize,
}

impl Validity {
    #[inline]
    fn push(&mut self) {
        if self.bits.len == 0 {
            self.valid += 1;
        } else {
            self.bits.push(true);
        }
    }

    fn push_run(&mut self, count: usize) {
        if self.bits.len == 0 {
            self.valid += count;
        } else {
            self.bits.push_run(count, true);
        }
    }

    fn push_nulls(&mut self, count: usize) {
        if self.bits.len == 0 && count > 0 {
            self.bits.push_run(self.valid, true);
        }
        self.bits.push_run(count, false);
    }

    fn all_valid(&self) -> bool {
        self.bits.len == 0
    }

    fn take(&mut self) -> Option<NullBuffer> {
        self.valid = 0;
        (self.bits.len > 0).then(|| NullBuffer::new(self.bits.take()))
    }
}

/// A column of texts or byte strings.
#[derive(Debug)]
pub(super) struct Text {
    offsets: Vec<i32>,
    values: Vec<u8>,
    validity: Validity,
}

impl Default for Text {
    fn default() -> Self {
        Text {
            offsets: vec![0],
            values: Vec::new(),
            validity: Validity::default(),
        }
    }
}

impl Text {
    /// Rows set so far, or passed over before one that was.
    pub(super) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Fills up to `row` with NULL.
    #[inline]
    fn pad(&mut self, row: usize) {
        let missing = row - self.rows();
        if missing > 0 {
            self.offsets.resize(row + 1, self.values.len() as i32);
            self.validity.push_nulls(missing);
        }
    }

    /// Sets `row`, which must come after all rows set before.
    #[inline]
    pub(super) fn set(&mut self, row: usize, value: &[u8]) {
        self.values.extend_from_slice(value);
        self.close(row);
    }

    /// Sets `row` unless `value` is empty.
    #[inline]
    pub(super) fn set_filled(&mut self, row: usize, value: &[u8]) {
        if !value.is_empty() {
            self.set(row, value);
        }
    }

    /// Sets `count` rows from `row` on to one value, or leaves them NULL when it is empty.
    pub(super) fn set_run(&mut self, row: usize, count: usize, value: &[u8]) {
        if !value.is_empty() {
            self.values.reserve(value.len() * count);
            (row..row + count).for_each(|row| self.set(row, value));
        }
    }

    /// The buffer to write the next value to; [`Text::close`] makes it the value of a row.
    #[inline]
    pub(super) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.values
    }

    /// Makes what was written since the last value the value of `row`.
    #[inline]
    pub(super) fn close(&mut self, row: usize) {
        let end = self.values.len();
        if row > self.rows() {
            let start = self.offsets[self.rows()];
            self.validity.push_nulls(row - self.rows());
            self.offsets.resize(row + 1, start);
        }
        self.offsets.push(end as i32);
        self.validity.push();
    }

    /// The column of `rows` rows as Utf8; adds the number of repaired values to `repaired`.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        repaired: &mut u64,
    ) -> Result<ArrayRef, ArrowError> {
        let (offsets, values, nulls) = self.take(rows);
        if let Ok(array) = StringArray::try_new(offsets.clone(), values.clone(), nulls.clone()) {
            return Ok(Arc::new(array));
        }
        let raw = BinaryArray::try_new(offsets, values, nulls)?;
        let array: StringArray = repair(&raw, repaired);
        Ok(Arc::new(array))
    }

    /// The column of the rows of `groups`, of which each has a row here, as Utf8View: what a group says
    /// is kept once. Adds the number of repaired values to `repaired`.
    pub(super) fn finish_shared(
        &mut self,
        groups: &Groups,
        repaired: &mut u64,
    ) -> Result<ArrayRef, ArrowError> {
        let (offsets, values, nulls) = self.take(groups.count);
        let view = |ends: &[i32]| {
            let value = &values[ends[0] as usize..ends[1] as usize];
            make_view(value, 0, ends[0] as u32)
        };
        let views: Vec<u128> = offsets.windows(2).map(view).collect();
        let array = StringViewArray::try_new(views.into(), vec![values.clone()], nulls.clone());
        let array = array.or_else(|_| {
            let raw = BinaryArray::try_new(offsets, values, nulls)?;
            Ok::<_, ArrowError>(repair(&raw, repaired))
        })?;
        take(&array, &groups.of_row, None)
    }

    /// The column of `rows` rows as Binary.
    pub(super) fn finish_binary(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let (offsets, values, nulls) = self.take(rows);
        let array = BinaryArray::try_new(offsets, values, nulls)?;
        Ok(Arc::new(array))
    }

    /// The parts of the column of `rows` rows; it is empty then.
    fn take(&mut self, rows: usize) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        self.pad(rows);
        let offsets = ScalarBuffer::from(Buffer::from_slice_ref(&self.offsets));
        let values = Buffer::from(&self.values[..]);
        self.offsets.truncate(1);
        self.values.clear();
        (OffsetBuffer::new(offsets), values, self.validity.take())
    }
}

/// The texts of `raw`, invalid UTF-8 replaced; adds the number of such values to `repaired`.
fn repair<'a, A: FromIterator<Option<Cow<'a, str>>>>(
    raw: &'a BinaryArray,
    repaired: &mut u64,
) -> A {
    let texts = raw.iter().map(|value| value.map(String::from_utf8_lossy));
    texts
        .inspect(|text| *repaired += u64::from(matches!(text, Some(Cow::Owned(_)))))
        .collect()
}

/// Which group each row of a batch belongs to.
#[derive(Debug)]
pub(super) struct Groups {
    of_row: UInt32Array,
    count: usize,
}

impl Groups {
    /// Groups 0 to `count`, one for each row.
    pub(super) fn new(of_row: &[u32], count: usize) -> Self {
        let of_row = ScalarBuffer::from(Buffer::from_slice_ref(of_row));
        Groups {
            of_row: UInt32Array::new(of_row, None),
            count,
        }
    }
}

/// A column of numbers or times.
#[derive(Debug)]
pub(super) struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

impl<T: ArrowPrimitiveType> Default for Fixed<T> {
    fn default() -> Self {
        Fixed {
            values: Vec::new(),
            validity: Validity::default(),
        }
    }
}

impl<T: ArrowPrimitiveType> Fixed<T> {
    #[inline]
    fn pad(&mut self, row: usize) {
        let missing = row - self.values.len();
        if missing > 0 {
            self.values.resize(row, T::Native::default());
            self.validity.push_nulls(missing);
        }
    }

    /// Sets `row`, which must come after all rows set before.
    #[inline]
    pub(super) fn set(&mut self, row: usize, value: T::Native) {
        self.pad(row);
        self.values.push(value);
        self.validity.push();
    }

    /// Sets `row` if there is a value.
    #[inline]
    pub(super) fn set_some(&mut self, row: usize, value: Option<T::Native>) {
        if let Some(value) = value {
            self.set(row, value);
        }
    }

    /// Sets `count` rows from `row` on to one value.
    pub(super) fn set_run(&mut self, row: usize, count: usize, value: T::Native) {
        self.pad(row);
        self.values.resize(row + count, value);
        self.validity.push_run(count);
    }

    /// Rows set so far.
    pub(super) fn rows(&self) -> usize {
        self.values.len()
    }

    /// The column of `rows` rows.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.pad(rows);
        let values = ScalarBuffer::from(Buffer::from_slice_ref(&self.values));
        self.values.clear();
        let array = PrimitiveArray::<T>::try_new(values, self.validity.take())?;
        Ok(Arc::new(array))
    }
}

/// A column of truth values.
#[derive(Debug, Default)]
pub(super) struct Bools {
    values: Bits,
    validity: Validity,
}

impl Bools {
    fn pad(&mut self, row: usize) {
        let missing = row - self.values.len;
        if missing > 0 {
            self.values.push_run(missing, false);
            self.validity.push_nulls(missing);
        }
    }

    /// Sets `row`, which must come after all rows set before.
    pub(super) fn set(&mut self, row: usize, value: bool) {
        self.set_run(row, 1, value);
    }

    /// Sets `count` rows from `row` on to one value.
    pub(super) fn set_run(&mut self, row: usize, count: usize, value: bool) {
        self.pad(row);
        self.values.push_run(count, value);
        self.validity.push_run(count);
    }

    /// Rows set so far.
    pub(super) fn rows(&self) -> usize {
        self.values.len
    }

    /// The column of `rows` rows.
    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        Arc::new(BooleanArray::new(self.values.take(), self.validity.take()))
    }
}

/// The list structure of a column: which items belong to which row.
#[derive(Debug)]
pub(super) struct Lists {
    offsets: Vec<i32>,
    validity: Validity,
}

impl Default for Lists {
    fn default() -> Self {
        Lists {
            offsets: vec![0],
            validity: Validity::default(),
        }
    }
}

impl Lists {
    /// Rows set so far.
    pub(super) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether `rows` rows have been set, all to lists without items.
    pub(super) fn all_empty(&self, rows: usize) -> bool {
        self.rows() == rows && self.validity.all_valid() && self.offsets[rows] == 0
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.offsets.truncate(1);
        self.validity.take();
    }

    fn pad(&mut self, row: usize) {
        let missing = row + 1 - self.offsets.len();
        if missing > 0 {
            self.offsets
                .resize(row + 1, self.offsets[self.offsets.len() - 1]);
            self.validity.push_nulls(missing);
        }
    }

    /// Makes the items up to `items` that belong to no list yet the list of `row`.
    pub(super) fn set(&mut self, row: usize, items: usize) {
        self.pad(row);
        self.offsets.push(items as i32);
        self.validity.push();
    }

    /// The list column of `rows` rows and type `data_type` over `items`.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        data_type: &DataType,
        items: ArrayRef,
    ) -> Result<ArrayRef, ArrowError> {
        self.pad(rows);
        let DataType::List(field) = data_type else {
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a list"
            )));
        };
        let offsets = ScalarBuffer::from(Buffer::from_slice_ref(&self.offsets));
        self.offsets.truncate(1);
        let offsets = OffsetBuffer::new(offsets);
        let array = ListArray::try_new(Arc::clone(field), offsets, items, self.validity.take())?;
        Ok(Arc::new(array))
    }
}

/// The struct array of `columns`, in the order of the struct inside the list type `data_type`.
pub(super) fn items(
    data_type: &DataType,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let fields = item_fields(data_type)?.clone();
    let array = StructArray::try_new_with_length(fields, columns, None, rows)?;
    Ok(Arc::new(array))
}

fn item_fields(data_type: &DataType) -> Result<&Fields, ArrowError> {
    match data_type {
        DataType::List(field) => match field.data_type() {
            DataType::Struct(fields) => Ok(fields),
            other => Err(ArrowError::SchemaError(format!("{other} is not a struct"))),
        },
        other => Err(ArrowError::SchemaError(format!("{other} is not a list"))),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};

    use super::*;

    /// Scenario: texts with gaps, one with invalid UTF-8, one split inside a character.
    /// Guarantees: gaps are NULL, repaired values hold U+FFFD and are counted, others are as set.
    #[test]
    fn text_is_padded_and_repaired() {
        let mut text = Text::default();
        text.set(1, "é".as_bytes());
        text.set(3, b"a\xffb");
        text.set(4, b"\xc3");
        text.set(5, b"\xa9");
        let mut repaired = 0;
        let array = text.finish(7, &mut repaired).expect("a column");
        let got: Vec<Option<&str>> = array.as_string::<i32>().iter().collect();
        let bad = Some("\u{fffd}");
        assert_eq!(
            got,
            [None, Some("é"), None, Some("a\u{fffd}b"), bad, bad, None]
        );
        assert_eq!(repaired, 3);
        assert_eq!(text.finish(0, &mut repaired).expect("empty").len(), 0);
    }
}

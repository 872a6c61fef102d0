//! Promoted attributes: which keys have a column, and putting a set's values into columns and
//! overflow.
//!
//! A value goes to its key's column when the key occurs once in the set and the value has the
//! column's type; everything else goes to the overflow, and a promoted key found there makes its
//! column a stray of the batch.

use arrow::array::ArrayRef;
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::error::ArrowError;
use oriel_storage::schema::{Level, TableSchema, ValueType};

use super::any_value::{Attribute, Place, Value};
use super::column::{Bools, Fixed, Groups, Text};

/// No slot: an empty place of the table.
const EMPTY: u16 = u16::MAX;

/// The promoted keys of one level of one table, by hash.
#[derive(Debug)]
pub(super) struct Promoted {
    keys: Vec<Box<[u8]>>,
    types: Vec<ValueType>,
    columns: Vec<usize>,
    /// Whether the column holds what a group says once.
    shared: Vec<bool>,
    names: Vec<String>,
    /// Open addressing, linear probing, at most a quarter full.
    table: Vec<u16>,
}

impl Promoted {
    /// The promoted keys of `level` in `schema`.
    pub(super) fn new(schema: &TableSchema, level: Level) -> Self {
        let mut promoted = Promoted {
            keys: Vec::new(),
            types: Vec::new(),
            columns: Vec::new(),
            shared: Vec::new(),
            names: Vec::new(),
            table: Vec::new(),
        };
        for (index, column) in schema.columns.iter().enumerate() {
            if let Some(key) = column.promoted.as_ref().filter(|key| key.level == level) {
                promoted.keys.push(key.key.as_bytes().into());
                promoted.types.push(key.value);
                promoted.columns.push(index);
                promoted.shared.push(column.shared);
                promoted.names.push(column.name.clone());
            }
        }
        promoted.table = vec![EMPTY; (promoted.keys.len() * 4).next_power_of_two().max(4)];
        let mask = promoted.table.len() - 1;
        for (slot, key) in promoted.keys.iter().enumerate() {
            let mut at = hash(key) as usize & mask;
            while promoted.table[at] != EMPTY {
                at = (at + 1) & mask;
            }
            promoted.table[at] = slot as u16;
        }
        promoted
    }

    /// Name of the column of `slot`.
    pub(super) fn column(&self, slot: usize) -> &str {
        &self.names[slot]
    }

    /// The slot of `key`, if it is promoted.
    #[inline]
    pub(super) fn slot(&self, key: &[u8]) -> Option<usize> {
        let mask = self.table.len() - 1;
        let mut at = hash(key) as usize & mask;
        loop {
            let slot = self.table[at];
            if slot == EMPTY {
                return None;
            }
            if *self.keys[usize::from(slot)] == *key {
                return Some(usize::from(slot));
            }
            at = (at + 1) & mask;
        }
    }
}

/// Mixes length, first, last and middle bytes: keys of equal length and suffix differ elsewhere,
/// and where they do not, the table compares the keys.
#[inline]
fn hash(key: &[u8]) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let word = |bytes: &[u8]| {
        bytes
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let mut hash = key.len() as u64;
    if key.len() >= 8 {
        hash = (hash ^ word(key)).wrapping_mul(MIX);
        hash = (hash.rotate_left(29) ^ word(&key[key.len() / 2 - 4..])).wrapping_mul(MIX);
        hash = (hash.rotate_left(29) ^ word(&key[key.len() - 8..])).wrapping_mul(MIX);
    } else {
        for byte in key {
            hash = (hash.rotate_left(9) ^ u64::from(*byte)).wrapping_mul(MIX);
        }
    }
    (hash >> 32) as u32
}

/// A value that fits a promoted column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<T> {
    String(T),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl<T> Scalar<T> {
    /// The same value, its text by way of `text`.
    #[inline]
    pub(super) fn map<U>(self, text: impl FnOnce(T) -> U) -> Scalar<U> {
        match self {
            Scalar::String(value) => Scalar::String(text(value)),
            Scalar::Int(value) => Scalar::Int(value),
            Scalar::Double(value) => Scalar::Double(value),
            Scalar::Bool(value) => Scalar::Bool(value),
        }
    }

    /// The same value, its text borrowed.
    #[inline]
    pub(super) fn as_ref(&self) -> Scalar<&T> {
        match self {
            Scalar::String(value) => Scalar::String(value),
            Scalar::Int(value) => Scalar::Int(*value),
            Scalar::Double(value) => Scalar::Double(*value),
            Scalar::Bool(value) => Scalar::Bool(*value),
        }
    }
}

impl<'a> Scalar<&'a [u8]> {
    /// `value`, if a column of type `want` holds it.
    #[inline]
    fn of(want: ValueType, value: Value<'a>) -> Option<Self> {
        match (want, value) {
            (ValueType::String, Value::String(text)) => Some(Scalar::String(text)),
            (ValueType::Int, Value::Int(value)) => Some(Scalar::Int(value)),
            (ValueType::Double, Value::Double(value)) => Some(Scalar::Double(value)),
            (ValueType::Bool, Value::Bool(value)) => Some(Scalar::Bool(value)),
            _ => None,
        }
    }
}

/// Finds the columns of one set after another.
#[derive(Debug)]
pub(super) struct Placer {
    /// For each slot, the number of the last set that had its key, and the attribute there.
    last: Vec<(u32, u32)>,
    /// For each attribute of the set, its slot.
    slots: Vec<u16>,
    set: u32,
    strays: Vec<bool>,
}

impl Placer {
    pub(super) fn new(promoted: &Promoted) -> Self {
        Placer {
            last: vec![(0, 0); promoted.keys.len()],
            slots: Vec::new(),
            set: 0,
            strays: vec![false; promoted.keys.len()],
        }
    }

    /// Hands each attribute of `set` that belongs into a column to `put` with its slot, and marks
    /// it; the others stay for the overflow.
    #[inline]
    pub(super) fn place<'a>(
        &mut self,
        promoted: &Promoted,
        set: &mut [Attribute<'a>],
        mut put: impl FnMut(usize, Scalar<&'a [u8]>),
    ) {
        self.next_set();
        for (i, attribute) in set.iter().enumerate() {
            let slot = promoted.slot(attribute.key);
            let Some(slot) = slot.filter(|_| attribute.strindex == 0) else {
                self.slots.push(EMPTY);
                continue;
            };
            let (last_set, first) = self.last[slot];
            if last_set == self.set {
                self.slots[first as usize] = EMPTY;
                self.slots.push(EMPTY);
                self.strays[slot] = true;
            } else {
                self.last[slot] = (self.set, i as u32);
                self.slots.push(slot as u16);
            }
        }
        for (attribute, slot) in set.iter_mut().zip(&self.slots) {
            if *slot == EMPTY {
                continue;
            }
            let slot = usize::from(*slot);
            match Scalar::of(promoted.types[slot], attribute.value) {
                Some(value) => {
                    attribute.place = Place::Column;
                    put(slot, value);
                }
                None => self.strays[slot] = true,
            }
        }
    }

    fn next_set(&mut self) {
        self.slots.clear();
        self.set = self.set.wrapping_add(1);
        if self.set == 0 {
            self.last.fill((0, 0));
            self.set = 1;
        }
    }

    /// The slots of the columns that had strays since the last call.
    pub(super) fn take_strays(&mut self) -> impl Iterator<Item = usize> {
        let strays = self.strays.iter_mut().enumerate();
        strays.filter_map(|(slot, stray)| std::mem::take(stray).then_some(slot))
    }
}

#[derive(Debug)]
enum Column {
    String(Text),
    /// A row for each group.
    Shared(Text),
    Int(Fixed<Int64Type>),
    Double(Fixed<Float64Type>),
    Bool(Bools),
}

impl Column {
    fn rows(&self) -> usize {
        match self {
            Column::String(column) | Column::Shared(column) => column.rows(),
            Column::Int(column) => column.rows(),
            Column::Double(column) => column.rows(),
            Column::Bool(column) => column.rows(),
        }
    }
}

/// The promoted columns of one level of one table, by slot.
#[derive(Debug)]
pub(super) struct PromotedColumns(Vec<Column>);

impl PromotedColumns {
    pub(super) fn new(promoted: &Promoted) -> Self {
        let column = |(value, shared): (&ValueType, &bool)| match value {
            ValueType::String if *shared => Column::Shared(Text::default()),
            ValueType::String => Column::String(Text::default()),
            ValueType::Int => Column::Int(Fixed::default()),
            ValueType::Double => Column::Double(Fixed::default()),
            ValueType::Bool => Column::Bool(Bools::default()),
        };
        let columns = promoted.types.iter().zip(&promoted.shared);
        PromotedColumns(columns.map(column).collect())
    }

    /// Whether the column of `slot` has a row for each group.
    pub(super) fn is_shared(&self, slot: usize) -> bool {
        matches!(self.0[slot], Column::Shared(_))
    }

    /// Sets `row` of the column of `slot`, a group's number if it is shared; `value` has its type, by
    /// [`Placer::place`].
    #[inline]
    pub(super) fn set(&mut self, slot: usize, row: usize, value: Scalar<&[u8]>) {
        match (&mut self.0[slot], value) {
            (Column::String(column) | Column::Shared(column), Scalar::String(text)) => {
                column.set(row, text);
            }
            (Column::Int(column), Scalar::Int(value)) => column.set(row, value),
            (Column::Double(column), Scalar::Double(value)) => column.set(row, value),
            (Column::Bool(column), Scalar::Bool(value)) => column.set(row, value),
            _ => {}
        }
    }

    /// Hands the columns of `rows` rows that have a value to `put`, each with its index in the schema;
    /// `groups` are those of the rows.
    pub(super) fn finish(
        &mut self,
        promoted: &Promoted,
        rows: usize,
        groups: &Groups,
        repaired: &mut u64,
        mut put: impl FnMut(usize, ArrayRef),
    ) -> Result<(), ArrowError> {
        for (column, index) in self.0.iter_mut().zip(&promoted.columns) {
            let array = match column {
                _ if column.rows() == 0 => continue,
                Column::String(column) => column.finish(rows, repaired)?,
                Column::Shared(column) => column.finish_shared(groups, repaired)?,
                Column::Int(column) => column.finish(rows)?,
                Column::Double(column) => column.finish(rows)?,
                Column::Bool(column) => column.finish(rows),
            };
            put(*index, array);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use oriel_storage::schema::{Schemas, Table};

    use super::*;

    /// Scenario: every promoted key of every table, and keys that differ from one in one byte.
    /// Guarantees: each key finds its own column, whatever it shares with others; others find none.
    #[test]
    fn lookup_is_exact() {
        let schemas = Schemas::format0();
        for table in [Table::Spans, Table::Logs, Table::Metrics] {
            let schema = schemas.of(table);
            for level in [Level::Resource, Level::Record] {
                let promoted = Promoted::new(schema, level);
                assert!(!promoted.keys.is_empty());
                for (slot, key) in promoted.keys.iter().enumerate() {
                    assert_eq!(promoted.slot(key), Some(slot));
                    for i in 0..key.len() {
                        let mut other = key.to_vec();
                        other[i] ^= 1;
                        assert_eq!(promoted.slot(&other), None);
                        assert_eq!(promoted.slot(&key[..i]).filter(|s| *s == slot), None);
                    }
                }
            }
        }
    }
}

//! Rows for tests: any table, seeded, every column with values and NULLs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use oriel_proto::UnixNanos;

use super::writer::PartContext;
use crate::objects::Objects;
use crate::schema::{Schemas, Table, TableSchema};
use crate::{Batch, Config, PartMeta, TenantId};

/// 2026-03-01T12:00:00Z.
pub(crate) const NOW: i64 = 1_772_366_400_000_000_000;

/// xorshift64*: enough to vary rows.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A context over `directory`.
pub(crate) fn context(directory: &Path, schemas: Schemas, config: Config) -> PartContext {
    let objects = Arc::new(Objects::open(directory, crate::files::Files::default()).unwrap());
    PartContext::new(objects, schemas, config)
}

/// A batch of `table`: one row a time in `times`, received at `received`; trace ids come from a
/// pool of 40, so that traces repeat.
pub(crate) fn batch(
    schemas: &Schemas,
    table: Table,
    times: &[i64],
    received: i64,
    seed: u64,
) -> Batch {
    let schema = schemas.of(table);
    Batch::new(schema, rows(schema, times, received, seed), BTreeSet::new()).unwrap()
}

pub(crate) fn rows(schema: &TableSchema, times: &[i64], received: i64, seed: u64) -> RecordBatch {
    let mut random = Random::new(seed);
    let columns = schema
        .arrow()
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            name if name == schema.time_column => {
                Arc::new(TimestampNanosecondArray::from(times.to_vec())) as ArrayRef
            }
            "received_at" => Arc::new(TimestampNanosecondArray::from(vec![received; times.len()])),
            "trace_id" => Arc::new(BinaryArray::from_iter_values(
                times
                    .iter()
                    .map(|_| (random.below(40) as u128 + 1).pow(9).to_be_bytes()),
            )),
            "status_code" => {
                let codes = ["UNSET", "OK", "ERROR"];
                Arc::new(StringArray::from_iter_values(
                    times.iter().map(|_| codes[random.below(3) as usize]),
                ))
            }
            _ => values(field, times.len(), &mut random),
        });
    RecordBatch::try_new(Arc::clone(schema.arrow()), columns.collect()).unwrap()
}

/// `len` values of `field`, a third of them NULL where that is allowed.
fn values(field: &Field, len: usize, random: &mut Random) -> ArrayRef {
    let valid: Vec<bool> = (0..len)
        .map(|_| !field.is_nullable() || random.below(3) > 0)
        .collect();
    let nulls = Some(NullBuffer::from(valid)).filter(|_| field.is_nullable());
    let draws: Vec<u64> = (0..len).map(|_| random.next()).collect();
    match field.data_type() {
        DataType::Utf8 => {
            let texts = draws.iter().map(|n| format!("{{\"text\":{}}}", n % 7));
            let texts = StringArray::from_iter_values(texts);
            let (offsets, values, _) = texts.into_parts();
            Arc::new(StringArray::new(offsets, values, nulls))
        }
        DataType::Utf8View => {
            let text = Field::new(field.name(), DataType::Utf8, field.is_nullable());
            cast(&values(&text, len, random), &DataType::Utf8View).unwrap()
        }
        DataType::Binary => {
            let bytes = BinaryArray::from_iter_values(draws.iter().map(|n| n.to_be_bytes()));
            let (offsets, values, _) = bytes.into_parts();
            Arc::new(BinaryArray::new(offsets, values, nulls))
        }
        DataType::Boolean => Arc::new(BooleanArray::new(
            draws.iter().map(|n| n % 2 == 0).collect(),
            nulls,
        )),
        DataType::Int32 => Arc::new(Int32Array::new(
            draws.iter().map(|&n| n as i32).collect(),
            nulls,
        )),
        DataType::Int64 => Arc::new(Int64Array::new(
            draws.iter().map(|&n| n as i64 - (1 << 50)).collect(),
            nulls,
        )),
        DataType::UInt32 => Arc::new(UInt32Array::new(
            draws.iter().map(|&n| n as u32).collect(),
            nulls,
        )),
        DataType::UInt64 => Arc::new(UInt64Array::new(
            draws.iter().map(|&n| u64::MAX - n).collect(),
            nulls,
        )),
        DataType::Float64 => Arc::new(Float64Array::new(
            draws.iter().map(|&n| n as f64 / 3.0).collect(),
            nulls,
        )),
        DataType::Timestamp(..) => Arc::new(TimestampNanosecondArray::new(
            draws.iter().map(|&n| NOW - n as i64 % 1_000_000).collect(),
            nulls,
        )),
        DataType::List(element) => {
            let lengths: Vec<usize> = draws.iter().map(|n| (n % 3) as usize).collect();
            let items = values(element, lengths.iter().sum(), random);
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(Arc::clone(element), offsets, items, nulls))
        }
        DataType::Struct(fields) => {
            let columns = fields
                .iter()
                .map(|field| values(field, len, random))
                .collect();
            Arc::new(StructArray::new(fields.clone(), columns, None))
        }
        other => panic!("no sample of type {other}"),
    }
}

/// Each row as text, in order.
pub(crate) fn texts(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut out = Vec::new();
    for rows in batches {
        let columns: Vec<_> = rows
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        out.extend((0..rows.num_rows()).map(|row| {
            columns
                .iter()
                .map(|c| c.value(row).to_string())
                .collect::<Vec<_>>()
                .join("|")
        }));
    }
    out
}

/// The same as a multiset: sorted.
pub(crate) fn multiset(batches: &[RecordBatch]) -> Vec<String> {
    let mut texts = texts(batches);
    texts.sort_unstable();
    texts
}

/// All rows of a part.
pub(crate) fn read(ctx: &PartContext, part: &PartMeta) -> Vec<RecordBatch> {
    let schema = ctx.schemas.of(part.table);
    let reader = super::reader::PartFile::open(&ctx.objects, part, schema).unwrap();
    let rows = reader.rows_within(1 << 20);
    rows.map(Result::unwrap).collect()
}

/// The tenant of tests.
pub(crate) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

/// A time of day on the day of [`NOW`].
pub(crate) fn day() -> i32 {
    UnixNanos(NOW).day()
}

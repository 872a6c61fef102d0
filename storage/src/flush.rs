//! Flush: sealed batches in, durable parts out, invisible until a commit names them.
//!
//! 1. The rows of one (tenant, table) are grouped by part: the UTC day of their time, or, when the
//!    time lies far from the moment of receipt, the odd part of the day received (P1).
//! 2. Each group is sorted by the schema's key; data that is in order already is only looked at.
//! 3. The rows are gathered into the Parquet writer a few thousand at a time, each time from the
//!    batches that have them (there may be thousands, one a request), so that beside the batches only
//!    one row group in its encoded form is in memory.
//! 4. Each part of spans gets a part of `traces` beside it, of the same day.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, RecordBatch, new_null_array};
use arrow::compute::interleave;
use oriel_proto::UnixNanos;

use crate::part::order::{Order, RowAt, ints};
use crate::part::reader::PartFile;
use crate::part::writer::{PartContext, PartSpec, PartWriter, WRITE_ROWS};
use crate::schema::{Table, TableSchema};
use crate::summary::{join, summarise, summarise_rows};
use crate::{Batch, Config, Error, PartMeta, Result, TenantId};

/// More normal days than this in one flush of one table are an oddity: the days with the fewest
/// rows go to odd parts.
const DAYS_MAX: usize = 16;

/// So are more normal parts than this in one flush of all tables and tenants, where each has a day.
const PARTS_MAX: usize = 256;

/// Batches of one tenant and table that are to become parts.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) tenant: TenantId,
    pub(crate) table: Table,
    pub(crate) batches: Vec<Batch>,
}

/// Which part of a (tenant, table) a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    day: i32,
    odd: bool,
}

/// Writes `sealed` as parts, with the trace summaries of its spans. The files are durable on
/// return (W2); their ids are 0. Blocking.
///
/// Errors: `Io`, `Parquet`; files written before the error are removed again.
pub(crate) fn write_parts(ctx: &PartContext, sealed: &[Sealed]) -> Result<Vec<PartMeta>> {
    let mut batches: BTreeMap<(&TenantId, Table), Vec<&Batch>> = BTreeMap::new();
    for sealed in sealed {
        let of = batches.entry((&sealed.tenant, sealed.table)).or_default();
        of.extend(
            sealed
                .batches
                .iter()
                .filter(|batch| batch.rows().num_rows() > 0),
        );
    }
    let days_max = (PARTS_MAX / batches.len().max(1)).clamp(1, DAYS_MAX);
    let mut parts = Vec::new();
    for ((tenant, table), batches) in batches {
        if let Err(error) = write_table(ctx, tenant, table, &batches, days_max, &mut parts) {
            remove_parts(ctx, &parts);
            return Err(error);
        }
        crate::failpoint::pass("flush", "part_written");
    }
    Ok(parts)
}

/// Removes the files of parts that were written here and not committed.
pub(crate) fn remove_parts(ctx: &PartContext, parts: &[PartMeta]) {
    for part in parts {
        if let Err(error) = ctx.objects.remove_part(&part.path) {
            tracing::warn!(%error, "cannot remove a part that was not committed");
        }
    }
}

/// Makes the summaries of a part of spans anew and adds them to `made`: as a part beside it, or as
/// several where they take much memory, which merges join.
///
/// Errors: `Io`, `Parquet`, `Corrupt` for the spans; what was added to `made` stays there.
pub(crate) fn summarise_part(
    ctx: &PartContext,
    part: &PartMeta,
    made: &mut Vec<PartMeta>,
) -> Result<()> {
    let file = PartFile::open(&ctx.objects, part, ctx.schemas.of(Table::Spans))?;
    let mut summaries = Vec::new();
    let mut bytes = 0;
    for rows in file.rows_within(ctx.batch_bytes()) {
        let rows = summarise(&ctx.schemas, &[rows?])?.rows().clone();
        bytes += rows.get_array_memory_size();
        summaries.push(rows);
        if bytes > ctx.batch_bytes() {
            made.push(write_joined(ctx, part, &std::mem::take(&mut summaries))?);
            bytes = 0;
        }
    }
    if !summaries.is_empty() {
        made.push(write_joined(ctx, part, &summaries)?);
    }
    Ok(())
}

/// Writes summaries of spans of `part`, each batch sorted by itself, as one part beside it.
fn write_joined(ctx: &PartContext, part: &PartMeta, summaries: &[RecordBatch]) -> Result<PartMeta> {
    let schema = ctx.schemas.of(Table::Traces);
    let mut rows: Vec<RowAt> = summaries
        .iter()
        .enumerate()
        .flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch as u32, row as u32)))
        .collect();
    Order::new(schema)?.sort(summaries, &mut rows)?;
    let sorted = Gather::new(summaries).rows(&rows)?;
    let spec = PartSpec {
        tenant: part.tenant.clone(),
        table: part.table,
        day: part.day,
        odd: part.odd,
        level: part.level,
        strays: BTreeSet::new(),
    };
    write_summaries(ctx, &spec, &join(schema, &sorted)?)
}

fn write_table(
    ctx: &PartContext,
    tenant: &TenantId,
    table: Table,
    batches: &[&Batch],
    days_max: usize,
    parts: &mut Vec<PartMeta>,
) -> Result<()> {
    let schema = ctx.schemas.of(table);
    let strays: BTreeSet<String> = batches
        .iter()
        .flat_map(|batch| batch.strays().iter().cloned())
        .collect();
    let batches: Vec<RecordBatch> = batches.iter().map(|batch| batch.rows().clone()).collect();
    let order = Order::new(schema)?;
    for (place, mut rows) in places(schema, &batches, &ctx.config, days_max)? {
        order.sort(&batches, &mut rows)?;
        let spec = PartSpec {
            tenant: tenant.clone(),
            table,
            day: place.day,
            odd: place.odd,
            level: 0,
            strays: strays.clone(),
        };
        if table == Table::Spans {
            let summaries = summarise_rows(&ctx.schemas, &batches, rows.iter().copied())?;
            parts.push(write_summaries(ctx, &spec, &summaries)?);
        }
        parts.push(write_rows(ctx, spec, &batches, &rows)?);
    }
    Ok(())
}

fn write_summaries(
    ctx: &PartContext,
    spans: &PartSpec,
    summaries: &RecordBatch,
) -> Result<PartMeta> {
    let spec = PartSpec {
        table: Table::Traces,
        strays: BTreeSet::new(),
        ..spans.clone()
    };
    let mut writer = PartWriter::create(ctx, spec)?;
    writer.write(summaries)?;
    writer.finish()
}

fn write_rows(
    ctx: &PartContext,
    spec: PartSpec,
    batches: &[RecordBatch],
    rows: &[RowAt],
) -> Result<PartMeta> {
    let gather = Gather::new(batches);
    let mut writer = PartWriter::create(ctx, spec)?;
    writer.expect_rows(ctx, rows.len() as u64);
    for rows in rows.chunks(WRITE_ROWS) {
        writer.write(&gather.rows(rows)?)?;
    }
    let part = writer.finish()?;
    if part.rows != rows.len() as u64 {
        // P2
        return Err(Error::Corrupt {
            what: format!("part {}", part.path),
            detail: format!("it has {} of {} rows", part.rows, rows.len()),
        });
    }
    Ok(part)
}

/// Collects rows of several batches into one.
#[derive(Debug)]
pub(crate) struct Gather<'a> {
    batches: &'a [RecordBatch],
    /// Whether a column has no value in any batch: most promoted columns, at most times.
    empty: Vec<bool>,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(batches: &'a [RecordBatch]) -> Self {
        let columns = batches.first().map_or(0, RecordBatch::num_columns);
        let empty = (0..columns)
            .map(|at| {
                batches
                    .iter()
                    .all(|rows| rows.column(at).null_count() == rows.num_rows())
            })
            .collect();
        Gather { batches, empty }
    }

    /// The given rows, in their order.
    pub(crate) fn rows(&self, rows: &[RowAt]) -> Result<RecordBatch> {
        let error = |source| Error::Arrow {
            action: "gathering rows",
            source,
        };
        let schema = self.batches[0].schema();
        if let [(batch, first), .., (last_batch, last)] = rows
            && batch == last_batch
            && rows.is_sorted_by(|a, b| a.0 == b.0 && a.1 + 1 == b.1)
        {
            let len = (last - first + 1) as usize;
            return Ok(self.batches[*batch as usize].slice(*first as usize, len));
        }
        let (used, places) = self.places(rows);
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| {
                if self.empty[at] {
                    return Ok(new_null_array(field.data_type(), rows.len()));
                }
                let values: Vec<&dyn Array> =
                    used.iter().map(|rows| rows.column(at).as_ref()).collect();
                interleave(&values, &places)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(error)?;
        RecordBatch::try_new(schema, columns).map_err(error)
    }
}

impl<'a> Gather<'a> {
    /// The batches that have some of `rows`, and where each row is in these.
    fn places(&self, rows: &[RowAt]) -> (Vec<&'a RecordBatch>, Vec<(usize, usize)>) {
        const UNUSED: usize = usize::MAX;
        let mut place_of = vec![UNUSED; self.batches.len()];
        let mut used = Vec::new();
        let place = |&(batch, row): &RowAt| {
            let place = &mut place_of[batch as usize];
            if *place == UNUSED {
                *place = used.len();
                used.push(&self.batches[batch as usize]);
            }
            (*place, row as usize)
        };
        let places = rows.iter().map(place).collect();
        (used, places)
    }
}

/// Which rows go to which part, in order of arrival.
fn places(
    schema: &TableSchema,
    batches: &[RecordBatch],
    config: &Config,
    days_max: usize,
) -> Result<BTreeMap<Place, Vec<RowAt>>> {
    let column = |name: &str| {
        schema
            .index_of(name)
            .ok_or_else(|| Error::Invalid(format!("{} has no column {name}", schema.table)))
    };
    let (time, received) = (column(schema.time_column)?, column("received_at")?);
    let late = i64::try_from(config.late_max.as_nanos()).unwrap_or(i64::MAX);
    let early = i64::try_from(config.early_max.as_nanos()).unwrap_or(i64::MAX);
    let mut places: BTreeMap<Place, Vec<RowAt>> = BTreeMap::new();
    for (batch, rows) in batches.iter().enumerate() {
        let (times, received) = (ints(rows.column(time)), ints(rows.column(received)));
        // Rows of one place follow each other: look the place up once a run.
        let mut run: Option<(Place, Vec<RowAt>)> = None;
        for (row, (&time, &received)) in times.iter().zip(received.iter()).enumerate() {
            let place = place(time, received, late, early);
            let at = (batch as u32, row as u32);
            match &mut run {
                Some((open, rows)) if *open == place => rows.push(at),
                _ => {
                    if let Some((place, rows)) = run.replace((place, vec![at])) {
                        places.entry(place).or_default().extend(rows);
                    }
                }
            }
        }
        if let Some((place, rows)) = run {
            places.entry(place).or_default().extend(rows);
        }
    }
    bound_days(&mut places, batches, received, days_max);
    Ok(places)
}

fn place(time: i64, received: i64, late: i64, early: i64) -> Place {
    let normal = received.saturating_sub(late)..=received.saturating_add(early);
    let odd = !normal.contains(&time);
    let day = UnixNanos(if odd { received } else { time }).day();
    Place { day, odd }
}

/// Keeps the number of parts small: beyond `days_max` normal days, the rows of those with the
/// fewest go to the odd part of the day they were received.
fn bound_days(
    places: &mut BTreeMap<Place, Vec<RowAt>>,
    batches: &[RecordBatch],
    received_column: usize,
    days_max: usize,
) {
    let mut days: Vec<(usize, Place)> = places
        .iter()
        .filter(|(place, _)| !place.odd)
        .map(|(place, rows)| (rows.len(), *place))
        .collect();
    if days.len() <= days_max {
        return;
    }
    days.sort_unstable();
    let received: Vec<_> = batches
        .iter()
        .map(|rows| ints(rows.column(received_column)))
        .collect();
    for (_, place) in &days[..days.len() - days_max] {
        for at in places.remove(place).unwrap_or_default() {
            let day = UnixNanos(received[at.0 as usize][at.1 as usize]).day();
            places.entry(Place { day, odd: true }).or_default().push(at);
        }
    }
    for (place, rows) in places.iter_mut() {
        if place.odd {
            rows.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests;

//! Spans: opentelemetry.proto.trace.v1.Span from the wire into the columns of `spans`.

use arrow::datatypes::{Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use oriel_proto::UnixNanos;

use super::any_value::write_int;
use super::column::{Fixed, Lists, Text, items};
use super::rows::{Arrays, Records, Rows, Stop};
use super::wire::{Fault, Reader};

/// Bytes that an event or a link needs besides its texts.
const ITEM_BYTES: usize = 48;

const KINDS: [&str; 6] = [
    "UNSPECIFIED",
    "INTERNAL",
    "SERVER",
    "CLIENT",
    "PRODUCER",
    "CONSUMER",
];

const STATUS_CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];

/// Sets `row` of `column` to the name of enum number `number`, or the number if it has no name.
pub(super) fn set_enum(column: &mut Text, row: usize, number: i32, names: &[&str]) {
    match usize::try_from(number).ok().and_then(|at| names.get(at)) {
        Some(name) => column.set(row, name.as_bytes()),
        None => {
            write_int(i64::from(number), column.open());
            column.close(row);
        }
    }
}

/// Sets `row` to an OTLP time, and `raw` to the time as sent when it lies beyond 2262.
pub(super) fn set_time(
    column: &mut Fixed<TimestampNanosecondType>,
    raw: &mut Fixed<UInt64Type>,
    row: usize,
    nanos: u64,
) {
    let (time, beyond) = UnixNanos::from_otlp(nanos);
    column.set(row, time.0);
    raw.set_some(row, beyond);
}

/// Sets `row` of `column` to an id of `len` bytes; of `raw`, when it has another length; of
/// neither, when it is empty.
pub(super) fn set_id(column: &mut Text, raw: &mut Text, row: usize, id: &[u8], len: usize) {
    if id.len() == len {
        column.set(row, id);
    } else {
        raw.set_filled(row, id);
    }
}

fn is_id(id: &[u8], len: usize) -> bool {
    id.len() == len && id.iter().any(|byte| *byte != 0)
}

/// The scalar fields of a Span.
#[derive(Debug, Default)]
struct Span<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    trace_state: &'a [u8],
    parent_span_id: &'a [u8],
    name: &'a [u8],
    flags: u32,
    kind: i32,
    start_time: u64,
    end_time: u64,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
    status: Option<Reader<'a>>,
    status_message: &'a [u8],
    status_code: i32,
    has_items: bool,
}

impl<'a> Span<'a> {
    /// Reads a Span, its attributes into `rows.sets`; events and links are left for later.
    fn read(mut reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<Self, Fault> {
        let mut span = Span::default();
        while reader.next()? {
            match reader.field() {
                1 => span.trace_id = reader.bytes()?,
                2 => span.span_id = reader.bytes()?,
                3 => span.trace_state = reader.bytes()?,
                4 => span.parent_span_id = reader.bytes()?,
                5 => span.name = reader.bytes()?,
                6 => span.kind = reader.varint()? as i32,
                7 => span.start_time = reader.fixed64()?,
                8 => span.end_time = reader.fixed64()?,
                9 => rows.sets.push(reader.message("KeyValue")?)?,
                10 => span.dropped_attributes = reader.varint()? as u32,
                11 | 13 => {
                    reader.message("Event")?;
                    span.has_items = true;
                }
                12 => span.dropped_events = reader.varint()? as u32,
                14 => span.dropped_links = reader.varint()? as u32,
                15 => reader.message_once(&mut span.status, "Status")?,
                16 => span.flags = reader.fixed32()?,
                _ => reader.skip()?,
            }
        }
        if let Some(mut reader) = span.status {
            while reader.next()? {
                match reader.field() {
                    2 => span.status_message = reader.bytes()?,
                    3 => span.status_code = reader.varint()? as i32,
                    _ => reader.skip()?,
                }
            }
        }
        Ok(span)
    }

    fn duration(&self) -> Option<i64> {
        let nanos = i128::from(self.end_time) - i128::from(self.start_time);
        let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        (self.end_time != 0).then_some(clamped as i64)
    }
}

/// The columns of `spans` that no other table has.
#[derive(Debug, Default)]
pub(super) struct Spans {
    trace_id: Text,
    span_id: Text,
    parent_span_id: Text,
    parent_span_id_raw: Text,
    name: Text,
    kind: Text,
    start_time: Fixed<TimestampNanosecondType>,
    start_time_raw: Fixed<UInt64Type>,
    end_time: Fixed<TimestampNanosecondType>,
    end_time_raw: Fixed<UInt64Type>,
    duration: Fixed<Int64Type>,
    status_code: Text,
    status_message: Text,
    trace_state: Text,
    flags: Fixed<UInt32Type>,
    attributes: Text,
    dropped_attributes: Fixed<UInt32Type>,
    dropped_events: Fixed<UInt32Type>,
    dropped_links: Fixed<UInt32Type>,
    event_lists: Lists,
    events: Events,
    link_lists: Lists,
    links: Links,
}

impl<'a> Records<'a> for Spans {
    const NAMES: [&'static str; 4] = [
        "ExportTraceServiceRequest",
        "ResourceSpans",
        "ScopeSpans",
        "Span",
    ];

    fn record(&mut self, reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<(), Stop> {
        let span = Span::read(reader, rows)?;
        let keep = is_id(span.trace_id, 16) && is_id(span.span_id, 8);
        if keep {
            rows.begin_row(reader.len(), &reader)?;
            self.set(rows.row(), &span);
            rows.set_attributes(0, &mut self.attributes)?;
        } else {
            rows.drop_attributes(0)?;
            rows.rejected += 1;
        }
        if span.has_items {
            self.read_items(reader, rows, keep)?;
        }
        if keep {
            self.event_lists.set(rows.row(), self.events.count());
            self.link_lists.set(rows.row(), self.links.count());
            rows.end_row();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        out.binary("trace_id", &mut self.trace_id)?;
        out.binary("span_id", &mut self.span_id)?;
        out.binary("parent_span_id", &mut self.parent_span_id)?;
        out.binary("parent_span_id_raw", &mut self.parent_span_id_raw)?;
        out.text("name", &mut self.name)?;
        out.text("kind", &mut self.kind)?;
        out.fixed("start_time", &mut self.start_time)?;
        out.fixed("start_time_raw", &mut self.start_time_raw)?;
        out.fixed("end_time", &mut self.end_time)?;
        out.fixed("end_time_raw", &mut self.end_time_raw)?;
        out.fixed("duration", &mut self.duration)?;
        out.text("status_code", &mut self.status_code)?;
        out.text("status_message", &mut self.status_message)?;
        out.text("trace_state", &mut self.trace_state)?;
        out.fixed("flags", &mut self.flags)?;
        out.text("attributes", &mut self.attributes)?;
        out.fixed("dropped_attributes_count", &mut self.dropped_attributes)?;
        out.fixed("dropped_events_count", &mut self.dropped_events)?;
        out.fixed("dropped_links_count", &mut self.dropped_links)?;
        self.events.finish(&mut self.event_lists, out)?;
        self.links.finish(&mut self.link_lists, out)
    }
}

impl Spans {
    fn set(&mut self, row: usize, span: &Span<'_>) {
        self.trace_id.set(row, span.trace_id);
        self.span_id.set(row, span.span_id);
        if is_id(span.parent_span_id, 8) {
            self.parent_span_id.set(row, span.parent_span_id);
        } else if span.parent_span_id.len() != 8 {
            self.parent_span_id_raw.set_filled(row, span.parent_span_id);
        }
        self.name.set(row, span.name);
        set_enum(&mut self.kind, row, span.kind, &KINDS);
        set_time(
            &mut self.start_time,
            &mut self.start_time_raw,
            row,
            span.start_time,
        );
        if span.end_time != 0 {
            set_time(
                &mut self.end_time,
                &mut self.end_time_raw,
                row,
                span.end_time,
            );
        }
        self.duration.set_some(row, span.duration());
        set_enum(&mut self.status_code, row, span.status_code, &STATUS_CODES);
        self.status_message.set_filled(row, span.status_message);
        self.trace_state.set_filled(row, span.trace_state);
        self.flags.set(row, span.flags);
        self.dropped_attributes.set(row, span.dropped_attributes);
        self.dropped_events.set(row, span.dropped_events);
        self.dropped_links.set(row, span.dropped_links);
    }

    /// Reads the events and links of the Span `reader`; only checks them unless `keep`.
    fn read_items<'a>(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
        keep: bool,
    ) -> Result<(), Fault> {
        while reader.next()? {
            match reader.field() {
                11 => self.events.read(reader.message("Event")?, rows, keep)?,
                13 => self.links.read(reader.message("Link")?, rows, keep)?,
                _ => reader.skip()?,
            }
        }
        Ok(())
    }
}

/// The items of the `events` column.
#[derive(Debug, Default)]
struct Events {
    time: Fixed<TimestampNanosecondType>,
    time_raw: Fixed<UInt64Type>,
    name: Text,
    attributes: Text,
    dropped_attributes: Fixed<UInt32Type>,
}

impl Events {
    fn count(&self) -> usize {
        self.time.rows()
    }

    fn read<'a>(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
        keep: bool,
    ) -> Result<(), Fault> {
        let (mut time, mut name, mut dropped) = (0, &[][..], 0);
        while reader.next()? {
            match reader.field() {
                1 => time = reader.fixed64()?,
                2 => name = reader.bytes()?,
                3 => rows.sets.push(reader.message("KeyValue")?)?,
                4 => dropped = reader.varint()? as u32,
                _ => reader.skip()?,
            }
        }
        if !keep {
            return rows.drop_attributes(0);
        }
        rows.charge(ITEM_BYTES, &reader)?;
        let at = self.count();
        set_time(&mut self.time, &mut self.time_raw, at, time);
        self.name.set(at, name);
        self.dropped_attributes.set(at, dropped);
        if rows.sets.write_filled(0, self.attributes.open())? {
            self.attributes.close(at);
        }
        Ok(())
    }

    fn finish(&mut self, lists: &mut Lists, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        let count = self.count();
        out.list("events", lists, |data_type, repaired| {
            let columns = vec![
                self.time.finish(count)?,
                self.time_raw.finish(count)?,
                self.name.finish(count, repaired)?,
                self.attributes.finish(count, repaired)?,
                self.dropped_attributes.finish(count)?,
            ];
            items(data_type, columns, count)
        })
    }
}

/// The items of the `links` column.
#[derive(Debug, Default)]
struct Links {
    trace_id: Text,
    span_id: Text,
    trace_id_raw: Text,
    span_id_raw: Text,
    trace_state: Text,
    flags: Fixed<UInt32Type>,
    attributes: Text,
    dropped_attributes: Fixed<UInt32Type>,
}

impl Links {
    fn count(&self) -> usize {
        self.flags.rows()
    }

    fn read<'a>(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
        keep: bool,
    ) -> Result<(), Fault> {
        let (mut trace_id, mut span_id, mut trace_state) = (&[][..], &[][..], &[][..]);
        let (mut flags, mut dropped) = (0, 0);
        while reader.next()? {
            match reader.field() {
                1 => trace_id = reader.bytes()?,
                2 => span_id = reader.bytes()?,
                3 => trace_state = reader.bytes()?,
                4 => rows.sets.push(reader.message("KeyValue")?)?,
                5 => dropped = reader.varint()? as u32,
                6 => flags = reader.fixed32()?,
                _ => reader.skip()?,
            }
        }
        if !keep {
            return rows.drop_attributes(0);
        }
        rows.charge(ITEM_BYTES, &reader)?;
        let at = self.count();
        set_id(&mut self.trace_id, &mut self.trace_id_raw, at, trace_id, 16);
        set_id(&mut self.span_id, &mut self.span_id_raw, at, span_id, 8);
        self.trace_state.set_filled(at, trace_state);
        self.flags.set(at, flags);
        self.dropped_attributes.set(at, dropped);
        if rows.sets.write_filled(0, self.attributes.open())? {
            self.attributes.close(at);
        }
        Ok(())
    }

    fn finish(&mut self, lists: &mut Lists, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        let count = self.count();
        out.list("links", lists, |data_type, repaired| {
            let columns = vec![
                self.trace_id.finish_binary(count)?,
                self.span_id.finish_binary(count)?,
                self.trace_id_raw.finish_binary(count)?,
                self.span_id_raw.finish_binary(count)?,
                self.trace_state.finish(count, repaired)?,
                self.flags.finish(count)?,
                self.attributes.finish(count, repaired)?,
                self.dropped_attributes.finish(count)?,
            ];
            items(data_type, columns, count)
        })
    }
}

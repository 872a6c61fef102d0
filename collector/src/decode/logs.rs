//! Log records: opentelemetry.proto.logs.v1.LogRecord from the wire into the columns of `logs`.

use arrow::datatypes::{Int32Type, TimestampNanosecondType, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use oriel_proto::UnixNanos;

use super::any_value::{Sets, Value, bool_text, write_base64, write_double, write_int};
use super::column::{Fixed, Text};
use super::rows::{Arrays, Records, Rows, Stop};
use super::spans::set_time;
use super::wire::{Fault, Reader};

/// The fields of a LogRecord but its attributes.
#[derive(Debug, Default)]
struct LogRecord<'a> {
    time: u64,
    observed_time: u64,
    severity_number: i32,
    severity_text: &'a [u8],
    body: Option<Reader<'a>>,
    dropped_attributes: u32,
    flags: u32,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: &'a [u8],
}

impl<'a> LogRecord<'a> {
    /// Reads a LogRecord, its attributes into `sets`.
    fn read(mut reader: Reader<'a>, sets: &mut Sets<'a>) -> Result<Self, Fault> {
        let mut record = LogRecord::default();
        while reader.next()? {
            match reader.field() {
                1 => record.time = reader.fixed64()?,
                2 => record.severity_number = reader.varint()? as i32,
                3 => record.severity_text = reader.bytes()?,
                5 => reader.message_once(&mut record.body, "AnyValue")?,
                6 => sets.push(reader.message("KeyValue")?)?,
                7 => record.dropped_attributes = reader.varint()? as u32,
                8 => record.flags = reader.fixed32()?,
                9 => record.trace_id = reader.bytes()?,
                10 => record.span_id = reader.bytes()?,
                11 => record.observed_time = reader.fixed64()?,
                12 => record.event_name = reader.bytes()?,
                _ => reader.skip()?,
            }
        }
        Ok(record)
    }

    /// time, else observed_time, else the time of receipt.
    fn timestamp(&self, received_at: UnixNanos) -> UnixNanos {
        [self.time, self.observed_time]
            .into_iter()
            .find(|nanos| *nanos != 0)
            .map_or(received_at, |nanos| UnixNanos::from_otlp(nanos).0)
    }
}

/// The columns of `logs` that no other table has.
#[derive(Debug, Default)]
pub(super) struct Logs {
    timestamp: Fixed<TimestampNanosecondType>,
    time: Fixed<TimestampNanosecondType>,
    time_raw: Fixed<UInt64Type>,
    observed_time: Fixed<TimestampNanosecondType>,
    observed_time_raw: Fixed<UInt64Type>,
    severity_number: Fixed<Int32Type>,
    severity_text: Text,
    event_name: Text,
    body: Text,
    body_json: Text,
    trace_id: Text,
    trace_id_raw: Text,
    span_id: Text,
    span_id_raw: Text,
    flags: Fixed<UInt32Type>,
    attributes: Text,
    dropped_attributes: Fixed<UInt32Type>,
}

impl<'a> Records<'a> for Logs {
    const NAMES: [&'static str; 4] = [
        "ExportLogsServiceRequest",
        "ResourceLogs",
        "ScopeLogs",
        "LogRecord",
    ];

    fn record(&mut self, reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<(), Stop> {
        let record = LogRecord::read(reader, &mut rows.sets)?;
        rows.begin_row(reader.len(), &reader)?;
        let row = rows.row();
        self.set(row, &record, rows.received_at());
        rows.set_attributes(0, &mut self.attributes)?;
        if let Some(body) = record.body {
            self.set_body(row, Value::read(body)?, &mut rows.sets)?;
        }
        rows.end_row();
        Ok(())
    }

    fn finish(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        out.fixed("timestamp", &mut self.timestamp)?;
        out.fixed("time", &mut self.time)?;
        out.fixed("time_raw", &mut self.time_raw)?;
        out.fixed("observed_time", &mut self.observed_time)?;
        out.fixed("observed_time_raw", &mut self.observed_time_raw)?;
        out.fixed("severity_number", &mut self.severity_number)?;
        out.text("severity_text", &mut self.severity_text)?;
        out.text("event_name", &mut self.event_name)?;
        out.text("body", &mut self.body)?;
        out.text("body_json", &mut self.body_json)?;
        out.binary("trace_id", &mut self.trace_id)?;
        out.binary("trace_id_raw", &mut self.trace_id_raw)?;
        out.binary("span_id", &mut self.span_id)?;
        out.binary("span_id_raw", &mut self.span_id_raw)?;
        out.fixed("flags", &mut self.flags)?;
        out.text("attributes", &mut self.attributes)?;
        out.fixed("dropped_attributes_count", &mut self.dropped_attributes)?;
        Ok(())
    }
}

impl Logs {
    fn set(&mut self, row: usize, record: &LogRecord<'_>, received_at: UnixNanos) {
        self.timestamp.set(row, record.timestamp(received_at).0);
        if record.time != 0 {
            set_time(&mut self.time, &mut self.time_raw, row, record.time);
        }
        if record.observed_time != 0 {
            let raw = &mut self.observed_time_raw;
            set_time(&mut self.observed_time, raw, row, record.observed_time);
        }
        self.severity_number.set(row, record.severity_number);
        self.severity_text.set_filled(row, record.severity_text);
        self.event_name.set_filled(row, record.event_name);
        let raw = &mut self.trace_id_raw;
        set_id_or_unset(&mut self.trace_id, raw, row, record.trace_id, 16);
        let raw = &mut self.span_id_raw;
        set_id_or_unset(&mut self.span_id, raw, row, record.span_id, 8);
        self.flags.set(row, record.flags);
        self.dropped_attributes.set(row, record.dropped_attributes);
    }

    /// Sets the text view of `body` and, unless it is a string, its typed original.
    fn set_body<'a>(
        &mut self,
        row: usize,
        body: Value<'a>,
        sets: &mut Sets<'a>,
    ) -> Result<(), Fault> {
        if let Value::String(text) = body {
            self.body.set(row, text);
            return Ok(());
        }
        let json_start = self.body_json.open().len();
        sets.write_value(body, self.body_json.open())?;
        let text = self.body.open();
        match body {
            Value::Bool(value) => text.extend_from_slice(bool_text(value)),
            Value::Int(value) => write_int(value, text),
            Value::Double(value) => write_double(value, text),
            Value::Bytes(bytes) => write_base64(bytes, text),
            Value::Null => {}
            _ => text.extend_from_slice(&self.body_json.open()[json_start..]),
        }
        self.body_json.close(row);
        if !matches!(body, Value::Null) {
            self.body.close(row);
        }
        Ok(())
    }
}

/// As for other ids, but an id of zeros is no id: OpenTelemetry defines it as invalid, and log
/// records outside of a trace may carry it.
fn set_id_or_unset(column: &mut Text, raw: &mut Text, row: usize, id: &[u8], len: usize) {
    if id.len() != len {
        raw.set_filled(row, id);
    } else if id.iter().any(|byte| *byte != 0) {
        column.set(row, id);
    }
}

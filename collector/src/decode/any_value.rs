//! Attribute values (opentelemetry.proto.common.v1.AnyValue): reading them from the wire and
//! writing them in the JSON encoding of the overflow columns (docs/schema.md).
//!
//! The encoding is exact: strings, booleans and null as they are; integers as numbers within
//! ±2^53, else `{"$int":"…"}`; doubles always with a point or exponent, `{"$double":"NaN"}` and the
//! infinities; `{"$bytes":"base64"}`; arrays and maps nested; keys sent twice `{"$dup":[…]}` at the
//! place of the first; keys that start with `$` with one more `$` in front; references into a
//! string table `{"$strindex":N}` and `$strindex:N:` in front of the key.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::{Fault, Problem, Reader};

/// Integers of at most this magnitude are exact in every JSON reader.
const EXACT_INT_MAX: u64 = 1 << 53;

/// Attributes of one set, and of the sets nested in it, that are held at a time.
const ATTRIBUTES_MAX: usize = 1 << 20;

/// Sets up to this size look for equal keys pair by pair; larger ones sort.
const PAIRWISE_MAX: usize = 16;

/// A value, borrowed from the request; arrays and maps are read when they are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// An AnyValue without a value, or a KeyValue without an AnyValue.
    Null,
    /// Text, not yet validated.
    String(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// An ArrayValue.
    Array(Reader<'a>),
    /// A KeyValueList.
    Map(Reader<'a>),
    Bytes(&'a [u8]),
    /// An index into a string table (profiles only, kept as it is).
    Strindex(i32),
}

impl<'a> Value<'a> {
    /// Reads an AnyValue.
    #[inline]
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, Fault> {
        let mut value = Value::Null;
        while reader.next()? {
            let next = match reader.field() {
                1 => Value::String(reader.bytes()?),
                2 => Value::Bool(reader.varint()? != 0),
                3 => Value::Int(reader.varint()? as i64),
                4 => Value::Double(reader.double()?),
                5 => Value::Array(reader.message("ArrayValue")?),
                6 => Value::Map(reader.message("KeyValueList")?),
                7 => Value::Bytes(reader.bytes()?),
                8 => Value::Strindex(reader.varint()? as i32),
                _ => {
                    reader.skip()?;
                    continue;
                }
            };
            if matches!(value, Value::Array(_) | Value::Map(_)) {
                return Err(reader.fault(Problem::Repeated));
            }
            value = next;
        }
        Ok(value)
    }
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the JSON text.
    Overflow,
    /// In a column of its own: left out of the JSON text.
    Column,
    /// In the JSON text, in the `$dup` list of an earlier attribute of the same key.
    Twin,
}

/// No attribute: the end of a chain of twins.
const NONE: u32 = u32::MAX;

/// An attribute, borrowed from the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) key: &'a [u8],
    pub(super) strindex: i32,
    pub(super) value: Value<'a>,
    pub(super) place: Place,
    /// Next attribute of the same key, counted from the start of its set.
    twin: u32,
}

impl<'a> Attribute<'a> {
    /// Reads a KeyValue.
    #[inline]
    fn read(mut reader: Reader<'a>) -> Result<Self, Fault> {
        let (mut key, mut strindex) = (&[][..], 0);
        let mut value = None;
        while reader.next()? {
            match reader.field() {
                1 => key = reader.bytes()?,
                2 => reader.message_once(&mut value, "AnyValue")?,
                3 => strindex = reader.varint()? as i32,
                _ => reader.skip()?,
            }
        }
        Ok(Attribute {
            key,
            strindex,
            value: value.map_or(Ok(Value::Null), Value::read)?,
            place: Place::Overflow,
            twin: NONE,
        })
    }

    fn same_key(&self, other: &Attribute<'_>) -> bool {
        self.strindex == other.strindex
            && (self.key == other.key
                || !self.key.is_ascii()
                    && !other.key.is_ascii()
                    && self.stored_key() == other.stored_key())
    }

    /// The key as it is stored: two different invalid keys may become one.
    pub(super) fn stored_key(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key)
    }
}

/// A stack of attribute sets: the set being read lies above those that contain it.
#[derive(Debug, Default)]
pub(super) struct Sets<'a> {
    pub(super) attributes: Vec<Attribute<'a>>,
}

impl<'a> Sets<'a> {
    /// Reads a KeyValue onto the top set.
    #[inline]
    pub(super) fn push(&mut self, reader: Reader<'a>) -> Result<(), Fault> {
        if self.attributes.len() >= ATTRIBUTES_MAX {
            return Err(reader.fault(Problem::Attributes));
        }
        self.attributes.push(Attribute::read(reader)?);
        Ok(())
    }

    /// Writes the set that begins at `start`, without attributes that have a column, as a JSON
    /// object, or nothing when none are left; removes the set.
    #[inline]
    pub(super) fn write_filled(&mut self, start: usize, out: &mut Vec<u8>) -> Result<bool, Fault> {
        let filled = self.attributes[start..]
            .iter()
            .any(|a| a.place == Place::Overflow);
        if filled {
            self.write(start, out)?;
        }
        self.attributes.truncate(start);
        Ok(filled)
    }

    fn write(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        link_twins(&mut self.attributes[start..]);
        let end = self.attributes.len();
        out.push(b'{');
        let mut first = true;
        for i in start..end {
            let attribute = self.attributes[i];
            if attribute.place != Place::Overflow {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write_key(&attribute, out);
            if attribute.twin == NONE {
                self.write_value(attribute.value, out)?;
            } else {
                self.write_twins(start, attribute, out)?;
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn write_twins(
        &mut self,
        start: usize,
        first: Attribute<'a>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        out.extend_from_slice(b"{\"$dup\":[");
        let mut attribute = first;
        loop {
            self.write_value(attribute.value, out)?;
            if attribute.twin == NONE {
                break;
            }
            out.push(b',');
            attribute = self.attributes[start + attribute.twin as usize];
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    /// Writes one value as JSON.
    pub(super) fn write_value(&mut self, value: Value<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::String(text) => write_string(text, out),
            Value::Bool(value) => out.extend_from_slice(bool_text(value)),
            Value::Int(value) if value.unsigned_abs() <= EXACT_INT_MAX => write_int(value, out),
            Value::Int(value) => {
                out.extend_from_slice(b"{\"$int\":\"");
                write_int(value, out);
                out.extend_from_slice(b"\"}");
            }
            Value::Double(value) if value.is_finite() => write_double(value, out),
            Value::Double(value) => {
                out.extend_from_slice(b"{\"$double\":\"");
                write_double(value, out);
                out.extend_from_slice(b"\"}");
            }
            Value::Bytes(bytes) => {
                out.extend_from_slice(b"{\"$bytes\":\"");
                write_base64(bytes, out);
                out.extend_from_slice(b"\"}");
            }
            Value::Strindex(index) => {
                out.extend_from_slice(b"{\"$strindex\":");
                write_int(i64::from(index), out);
                out.push(b'}');
            }
            Value::Array(reader) => self.write_array(reader, out)?,
            Value::Map(reader) => self.write_map(reader, out)?,
        }
        Ok(())
    }

    fn write_array(&mut self, mut reader: Reader<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.push(b'[');
        let mut first = true;
        while reader.next()? {
            if reader.field() != 1 {
                reader.skip()?;
                continue;
            }
            let value = Value::read(reader.message("AnyValue")?)?;
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            self.write_value(value, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn write_map(&mut self, mut reader: Reader<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = self.attributes.len();
        while reader.next()? {
            match reader.field() {
                1 => {
                    let attribute = reader.message("KeyValue")?;
                    self.push(attribute)?;
                }
                _ => reader.skip()?,
            }
        }
        self.write(start, out)?;
        self.attributes.truncate(start);
        Ok(())
    }
}

/// Chains attributes of equal key and marks all but the first of a chain as twins.
fn link_twins(set: &mut [Attribute<'_>]) {
    if set.len() > PAIRWISE_MAX {
        return link_twins_sorted(set);
    }
    for i in 1..set.len() {
        if set[i].place != Place::Overflow {
            continue;
        }
        let last = (0..i)
            .rev()
            .find(|j| set[*j].place != Place::Column && set[*j].same_key(&set[i]));
        if let Some(last) = last {
            set[last].twin = i as u32;
            set[i].place = Place::Twin;
        }
    }
}

fn link_twins_sorted(set: &mut [Attribute<'_>]) {
    let mut order: Vec<u32> = (0..set.len() as u32)
        .filter(|i| set[*i as usize].place == Place::Overflow)
        .collect();
    let key = |i: u32| {
        let attribute = &set[i as usize];
        (attribute.stored_key(), attribute.strindex)
    };
    order.sort_by(|a, b| key(*a).cmp(&key(*b)));
    let twins: Vec<(u32, u32)> = order
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .filter(|(a, b)| set[*a as usize].same_key(&set[*b as usize]))
        .collect();
    for (a, b) in twins {
        set[a as usize].twin = b;
        set[b as usize].place = Place::Twin;
    }
}

fn write_key(attribute: &Attribute<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    if attribute.strindex != 0 {
        out.extend_from_slice(b"$strindex:");
        write_int(i64::from(attribute.strindex), out);
        out.push(b':');
    } else if attribute.key.first() == Some(&b'$') {
        out.push(b'$');
    }
    write_escaped(attribute.key, out);
    out.extend_from_slice(b"\":");
}

/// Writes `text` as a JSON string; invalid UTF-8 passes through, to be repaired with the column.
pub(super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Bytes that are looked at together.
const STRIDE: usize = 16;

/// Whether JSON wants `byte` escaped.
#[inline]
const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[inline]
fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    // Without a branch for each byte, so that the compiler makes vectors of them.
    let has_special = |bytes: &[u8]| bytes.iter().fold(false, |any, b| any | is_special(*b));
    let (strides, rest) = text.as_chunks::<STRIDE>();
    if strides.iter().any(|bytes| has_special(bytes)) || has_special(rest) {
        write_specials(text, out);
    } else {
        out.extend_from_slice(text);
    }
}

fn write_specials(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut plain = 0;
    for (i, byte) in text.iter().enumerate() {
        if !is_special(*byte) {
            continue;
        }
        out.extend_from_slice(&text[plain..i]);
        plain = i + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&text[plain..]);
}

/// `true` or `false`.
pub(super) const fn bool_text(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

/// Writes `value` in decimal digits.
pub(super) fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes the shortest text that reads as `value`, with a point or exponent; NaN and the
/// infinities by name.
pub(super) fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        let name: &[u8] = if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(format!("{value:?}").as_bytes());
    }
}

/// Writes `bytes` in base64, standard alphabet, padded.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]);
    out.truncate(start + written.expect("four bytes are reserved for each three"));
}

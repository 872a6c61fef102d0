//! OTLP/JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): rewritten as protobuf
//! bytes while it is parsed, by the tables in `fields`, for the one decoder.
//!
//! Keys in lowerCamelCase; ids in hex of any case; enums as numbers or names; numbers as numbers or
//! strings; bytes in base64 of either alphabet; `null` means absent; unknown keys are ignored. Text
//! passes as bytes, so that lone surrogates and invalid UTF-8 become U+FFFD as in protobuf. Nesting
//! is bounded by serde_json's limit of 128.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use oriel_proto::Signal;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::DecodeError;
use super::fields::{Field, Kind, Message, request};

/// The protobuf bytes of the OTLP/JSON request `body`.
///
/// Errors: not JSON, or a value of the wrong type or form, with its path.
pub(super) fn to_protobuf(signal: Signal, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut writer = Writer {
        out: Vec::with_capacity(body.len() / 2),
        path: Vec::new(),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = MessageSeed {
        message: request(signal),
        writer: &mut writer,
    };
    seed.deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| DecodeError::Json {
            path: Path(&writer.path).to_string(),
            detail: error.to_string(),
        })?;
    Ok(writer.out)
}

#[derive(Debug)]
enum Step {
    Key(&'static str),
    Index(usize),
}

struct Path<'a>(&'a [Step]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The protobuf written so far, and where in the JSON we are; the path stays when there is an
/// error.
#[derive(Debug)]
struct Writer {
    out: Vec<u8>,
    path: Vec<Step>,
}

impl Writer {
    /// Bytes of a length that is filled in later: a varint of fixed width.
    const LENGTH_BYTES: usize = 5;

    /// Begins a length-delimited field; hand the result to [`Writer::end`].
    fn begin(&mut self, field: u32) -> usize {
        encode_key(field, WireType::LengthDelimited, &mut self.out);
        self.out.extend_from_slice(&[0; Self::LENGTH_BYTES]);
        self.out.len()
    }

    fn end(&mut self, start: usize) {
        let mut rest = self.out.len() - start;
        let length = &mut self.out[start - Self::LENGTH_BYTES..start];
        for (i, byte) in length.iter_mut().enumerate() {
            let more = if i + 1 < Self::LENGTH_BYTES { 0x80 } else { 0 };
            *byte = (rest & 0x7f) as u8 | more;
            rest >>= 7;
        }
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        encode_key(field, WireType::LengthDelimited, &mut self.out);
        encode_varint(bytes.len() as u64, &mut self.out);
        self.out.extend_from_slice(bytes);
    }

    fn varint(&mut self, field: u32, value: u64) {
        encode_key(field, WireType::Varint, &mut self.out);
        encode_varint(value, &mut self.out);
    }

    fn fixed64(&mut self, field: u32, value: u64) {
        encode_key(field, WireType::SixtyFourBit, &mut self.out);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes the number or truth value `text` as a field of `kind`.
    fn scalar(&mut self, field: u32, kind: &Kind, text: &str) -> Result<(), String> {
        match kind {
            Kind::Bool => match text {
                "true" => self.varint(field, 1),
                "false" => self.varint(field, 0),
                _ => return Err(wrong(text, "true or false")),
            },
            Kind::Enum(number) => {
                let number = number(text).map_or_else(|| integer::<i32>(text), Ok)?;
                self.varint(field, i64::from(number) as u64);
            }
            Kind::Int32 => self.varint(field, i64::from(integer::<i32>(text)?) as u64),
            Kind::Int64 => self.varint(field, integer::<i64>(text)? as u64),
            Kind::Uint32 => self.varint(field, u64::from(integer::<u32>(text)?)),
            Kind::Uint64 => self.varint(field, integer::<u64>(text)?),
            Kind::Sint32 => {
                let value = integer::<i32>(text)?;
                self.varint(field, u64::from(((value << 1) ^ (value >> 31)) as u32));
            }
            Kind::Fixed32 => {
                let value = integer::<u32>(text)?;
                encode_key(field, WireType::ThirtyTwoBit, &mut self.out);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Fixed64 => self.fixed64(field, integer::<u64>(text)?),
            Kind::Sfixed64 => self.fixed64(field, integer::<i64>(text)? as u64),
            Kind::Double => self.fixed64(field, double(text)?.to_bits()),
            Kind::Message(_) | Kind::Text | Kind::Hex | Kind::Base64 => {
                return Err("expected another type".to_owned());
            }
        }
        Ok(())
    }
}

fn wrong(text: &str, want: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("{shown:?} is not {want}")
}

/// The integer `text`, which may be written with a point or an exponent if it is whole.
fn integer<T: TryFrom<i128> + std::str::FromStr>(text: &str) -> Result<T, String> {
    const EXACT: f64 = (1u64 << 53) as f64;
    if let Ok(value) = text.parse::<T>() {
        return Ok(value);
    }
    let whole = text
        .parse::<f64>()
        .ok()
        .filter(|value| value.fract() == 0.0 && value.abs() <= EXACT)
        .filter(|_| text.contains(['.', 'e', 'E']));
    whole
        .and_then(|value| T::try_from(value as i128).ok())
        .ok_or_else(|| wrong(text, "an integer in range"))
}

fn double(text: &str) -> Result<f64, String> {
    match text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') => {
            text.parse().map_err(|_| wrong(text, "a number"))
        }
        _ => Err(wrong(text, "a number")),
    }
}

fn hex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| wrong(&String::from_utf8_lossy(text), "hex digits, two a byte"))
}

fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| wrong(&String::from_utf8_lossy(text), "base64"))
}

/// Parses a JSON object as `message`.
struct MessageSeed<'w> {
    message: &'static Message,
    writer: &'w mut Writer,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object: {}", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let field = self.message.fields.iter().find(|field| field.key == key);
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.writer.path.push(Step::Key(field.key));
            map.next_value_seed(Nullable(ValueSeed {
                field,
                single: !field.repeated,
                writer: &mut *self.writer,
            }))?;
            self.writer.path.pop();
        }
        Ok(())
    }
}

/// Takes `null` as no value.
struct Nullable<'w>(ValueSeed<'w>);

impl<'de> DeserializeSeed<'de> for Nullable<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Nullable<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visitor::expecting(&self.0, f)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize(deserializer)
    }
}

/// Parses the value, or one value, of `field`.
struct ValueSeed<'w> {
    field: &'static Field,
    single: bool,
    writer: &'w mut Writer,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.single {
            return deserializer.deserialize_seq(self);
        }
        let Field { number, kind, .. } = self.field;
        match kind {
            Kind::Message(message) => {
                let message = *message;
                let writer = self.writer;
                let start = writer.begin(*number);
                MessageSeed {
                    message,
                    writer: &mut *writer,
                }
                .deserialize(deserializer)?;
                writer.end(start);
                Ok(())
            }
            Kind::Text | Kind::Hex | Kind::Base64 => deserializer.deserialize_bytes(self),
            kind => {
                let raw = <&RawValue>::deserialize(deserializer)?.get();
                let text: Cow<'_, str> = if raw.starts_with('"') {
                    serde_json::from_str(raw).map_err(D::Error::custom)?
                } else {
                    raw.into()
                };
                self.writer
                    .scalar(*number, kind, &text)
                    .map_err(D::Error::custom)
            }
        }
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.single { "a string" } else { "an array" })
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::Hex => self.writer.bytes(number, &hex(text).map_err(E::custom)?),
            Kind::Base64 => self.writer.bytes(number, &base64(text).map_err(E::custom)?),
            _ => self.writer.bytes(number, text),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.single {
            return Err(A::Error::custom("expected a string, found an array"));
        }
        let mut index = 0;
        loop {
            self.writer.path.push(Step::Index(index));
            let item = ItemSeed(ValueSeed {
                field: self.field,
                single: true,
                writer: &mut *self.writer,
            });
            if seq.next_element_seed(item)?.is_none() {
                self.writer.path.pop();
                return Ok(());
            }
            self.writer.path.pop();
            index += 1;
        }
    }
}

/// Parses an item of a list: `null` is an empty message or text there, so that the others keep
/// their places.
struct ItemSeed<'w>(ValueSeed<'w>);

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visitor::expecting(&self.0, f)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        let Field { number, kind, .. } = self.0.field;
        match kind {
            Kind::Message(_) | Kind::Text => self.0.writer.bytes(*number, &[]),
            _ => return Err(E::custom("null is not a number")),
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize(deserializer)
    }
}

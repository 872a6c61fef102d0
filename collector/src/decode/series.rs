//! The series id of a data point: XXH3-64 (seed 0) over the canonical bytes of its labels. Frozen
//! with format 0 by the test vectors below; equal ids are a hint, labels decide.
//!
//! All integers are little-endian. Text is hashed as it is stored: invalid UTF-8 replaced.
//!
//! ```text
//! series = u8 1, set resource.attributes, text scope.name, text scope.version,
//!          set scope.attributes, text name, text unit,
//!          u8 type (gauge 1, sum 2, histogram 3, exponential_histogram 4, summary 5),
//!          i32 temporality (0 for gauge and summary), u8 is_monotonic (0 but for sums),
//!          set point attributes
//! set    = u32 count, then by ascending (key, key_strindex), equal ones in the order sent:
//!          text key, i32 key_strindex, value
//! text   = u32 length, UTF-8 bytes
//! value  = u8 0 for none | u8 1, text | u8 2, u8 bool | u8 3, i64 | u8 4, u64 bits of the double
//!          (any NaN as 0x7ff8000000000000) | u8 5, u32 count, values | u8 6, set
//!          | u8 7, u32 length, bytes | u8 8, i32 string_value_strindex
//! ```

use xxhash_rust::xxh3::xxh3_64;

use super::any_value::{Attribute, Sets, Value};
use super::wire::{Fault, Reader};

/// Version of the canonical bytes.
const VERSION: u8 = 1;

/// Sets up to this size are sorted without allocation.
const SMALL_SET: usize = 32;

/// The canonical bytes of a series, kept from group to metric to point.
#[derive(Debug, Default)]
pub(super) struct Series {
    bytes: Vec<u8>,
    /// Length of what the points of a scope share.
    scope_end: usize,
    /// Length of what the points of a metric share.
    metric_end: usize,
}

impl Series {
    /// Enters a scope group.
    pub(super) fn enter_scope<'a>(
        &mut self,
        resource: Option<Reader<'a>>,
        scope: Option<Reader<'a>>,
    ) -> Result<(), Fault> {
        let out = &mut self.bytes;
        out.clear();
        out.push(VERSION);
        let mut sets = Sets::default();
        if let Some(mut reader) = resource {
            while reader.next()? {
                match reader.field() {
                    1 => sets.push(reader.message("KeyValue")?)?,
                    _ => reader.skip()?,
                }
            }
        }
        write_set(&sets.attributes, out)?;
        sets.attributes.clear();
        let (mut name, mut version) = (&[][..], &[][..]);
        if let Some(mut reader) = scope {
            while reader.next()? {
                match reader.field() {
                    1 => name = reader.bytes()?,
                    2 => version = reader.bytes()?,
                    3 => sets.push(reader.message("KeyValue")?)?,
                    _ => reader.skip()?,
                }
            }
        }
        write_text(name, out);
        write_text(version, out);
        write_set(&sets.attributes, out)?;
        self.scope_end = out.len();
        Ok(())
    }

    /// Enters a metric.
    pub(super) fn enter_metric(
        &mut self,
        name: &[u8],
        unit: &[u8],
        kind: u8,
        temporality: i32,
        monotonic: bool,
    ) {
        let out = &mut self.bytes;
        out.truncate(self.scope_end);
        write_text(name, out);
        write_text(unit, out);
        out.push(kind);
        out.extend_from_slice(&temporality.to_le_bytes());
        out.push(u8::from(monotonic));
        self.metric_end = out.len();
    }

    /// The id of the series with these point attributes.
    pub(super) fn id(&mut self, attributes: &[Attribute<'_>]) -> Result<u64, Fault> {
        self.bytes.truncate(self.metric_end);
        write_set(attributes, &mut self.bytes)?;
        Ok(xxh3_64(&self.bytes))
    }
}

fn write_set(set: &[Attribute<'_>], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(&(set.len() as u32).to_le_bytes());
    let (mut small, mut large) = ([0u32; SMALL_SET], Vec::new());
    let order = if set.len() <= SMALL_SET {
        &mut small[..set.len()]
    } else {
        large.resize(set.len(), 0);
        &mut large[..]
    };
    for (i, place) in order.iter_mut().enumerate() {
        *place = i as u32;
    }
    let key = |i: &u32| {
        let attribute = &set[*i as usize];
        (attribute.stored_key(), attribute.strindex, *i)
    };
    order.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
    for i in order {
        let attribute = &set[*i as usize];
        write_text(attribute.key, out);
        out.extend_from_slice(&attribute.strindex.to_le_bytes());
        write_value(attribute.value, out)?;
    }
    Ok(())
}

fn write_value(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Null => out.push(0),
        Value::String(text) => {
            out.push(1);
            write_text(text, out);
        }
        Value::Bool(value) => out.extend_from_slice(&[2, u8::from(value)]),
        Value::Int(value) => {
            out.push(3);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Double(value) => {
            out.push(4);
            let bits = if value.is_nan() {
                0x7ff8_0000_0000_0000
            } else {
                value.to_bits()
            };
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Value::Array(reader) => {
            out.push(5);
            write_array(reader, out)?;
        }
        Value::Map(mut reader) => {
            out.push(6);
            let mut sets = Sets::default();
            while reader.next()? {
                match reader.field() {
                    1 => sets.push(reader.message("KeyValue")?)?,
                    _ => reader.skip()?,
                }
            }
            write_set(&sets.attributes, out)?;
        }
        Value::Bytes(bytes) => {
            out.push(7);
            write_bytes(bytes, out);
        }
        Value::Strindex(index) => {
            out.push(8);
            out.extend_from_slice(&index.to_le_bytes());
        }
    }
    Ok(())
}

fn write_array(mut reader: Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count = 0u32;
    while reader.next()? {
        if reader.field() == 1 {
            write_value(Value::read(reader.message("AnyValue")?)?, out)?;
            count += 1;
        } else {
            reader.skip()?;
        }
    }
    out[at..at + 4].copy_from_slice(&count.to_le_bytes());
    Ok(())
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    match simdutf8::basic::from_utf8(text) {
        Ok(text) => write_bytes(text.as_bytes(), out),
        Err(_) => write_bytes(String::from_utf8_lossy(text).as_bytes(), out),
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use oriel_proto::otlp::common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
        any_value::Value as Otlp,
    };
    use oriel_proto::otlp::resource::v1::Resource;
    use prost::Message;

    use super::*;

    fn pair(key: &str, value: Option<Otlp>) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value }),
            key_strindex: 0,
        }
    }

    fn string(key: &str, value: &str) -> KeyValue {
        pair(key, Some(Otlp::StringValue(value.to_owned())))
    }

    /// The id of a sum `requests` in `{call}`, delta and monotonic.
    fn id(resource: Vec<KeyValue>, point: Vec<KeyValue>) -> u64 {
        let resource = Resource {
            attributes: resource,
            ..Resource::default()
        };
        let scope = InstrumentationScope {
            name: "lib".to_owned(),
            version: "1.2".to_owned(),
            ..InstrumentationScope::default()
        };
        let (resource, scope) = (resource.encode_to_vec(), scope.encode_to_vec());
        let point = Resource {
            attributes: point,
            ..Resource::default()
        }
        .encode_to_vec();
        let mut sets = Sets::default();
        let mut reader = Reader::new(&point, "Resource");
        while reader.next().expect("a field") {
            let attribute = reader.message("KeyValue").expect("an attribute");
            sets.push(attribute).expect("an attribute");
        }
        let mut series = Series::default();
        let resource = Some(Reader::new(&resource, "Resource"));
        let scope = Some(Reader::new(&scope, "InstrumentationScope"));
        series.enter_scope(resource, scope).expect("a scope");
        series.enter_metric(b"requests", b"{call}", 2, 1, true);
        series.id(&sets.attributes).expect("an id")
    }

    /// Scenario: a series whose canonical bytes are spelt out here.
    /// Guarantees: the bytes are those of the module's description, the hash is frozen.
    #[test]
    fn canonical_bytes_are_frozen() {
        let got = id(
            vec![string("service.name", "shop")],
            vec![
                pair("b", Some(Otlp::BoolValue(true))),
                pair("a", Some(Otlp::IntValue(-2))),
            ],
        );
        let want: &[&[u8]] = &[
            b"\x01",
            b"\x01\0\0\0\x0c\0\0\0service.name\0\0\0\0\x01\x04\0\0\0shop",
            b"\x03\0\0\0lib\x03\0\0\x001.2\0\0\0\0",
            b"\x08\0\0\0requests\x06\0\0\0{call}\x02\x01\0\0\0\x01",
            b"\x02\0\0\0",
            b"\x01\0\0\0a\0\0\0\0\x03\xfe\xff\xff\xff\xff\xff\xff\xff",
            b"\x01\0\0\0b\0\0\0\0\x02\x01",
        ];
        assert_eq!(got, xxh3_64(&want.concat()));
        assert_eq!(got, 11_826_899_717_507_955_294);
    }

    /// Scenario: every type of value, and an empty set.
    /// Guarantees: the hash is frozen, and is what a separate implementation in Python found.
    #[test]
    fn ids_are_frozen() {
        let values = [
            None,
            Some(Otlp::StringValue("é".to_owned())),
            Some(Otlp::BoolValue(false)),
            Some(Otlp::IntValue(i64::MIN)),
            Some(Otlp::DoubleValue(-0.0)),
            Some(Otlp::DoubleValue(f64::NAN)),
            Some(Otlp::BytesValue(vec![0, 255])),
            Some(Otlp::StringValueStrindex(7)),
        ];
        let values: Vec<AnyValue> = values.map(|value| AnyValue { value }).into();
        let point = vec![
            pair("array", Some(Otlp::ArrayValue(ArrayValue { values }))),
            pair(
                "map",
                Some(Otlp::KvlistValue(KeyValueList {
                    values: vec![string("z", "1"), string("y", "2"), string("z", "0")],
                })),
            ),
            string("", ""),
        ];
        assert_eq!(id(vec![], point), 2_593_755_452_228_253_934);
        assert_eq!(id(vec![], vec![]), 7_898_606_451_339_709_702);
    }

    /// Scenario: attributes in another order; a value of another type; the same label at another
    /// level; a NaN of other bits.
    /// Guarantees: order and NaN bits do not matter, everything else does.
    #[test]
    fn labels_decide() {
        let (a, b) = (string("a", "1"), string("b", "2"));
        let base = id(vec![], vec![a.clone(), b.clone()]);
        assert_eq!(base, id(vec![], vec![b.clone(), a.clone()]));
        assert_ne!(base, id(vec![a.clone()], vec![b.clone()]));
        let typed = pair("a", Some(Otlp::IntValue(1)));
        assert_ne!(base, id(vec![], vec![typed, b]));
        let nan = |bits| {
            id(
                vec![],
                vec![pair("a", Some(Otlp::DoubleValue(f64::from_bits(bits))))],
            )
        };
        assert_eq!(nan(0x7ff8_0000_0000_0000), nan(0xfff8_0000_0000_0001));
        let many = |range: Vec<u32>| {
            id(
                vec![],
                range.iter().map(|i| string(&i.to_string(), "v")).collect(),
            )
        };
        assert_eq!(many((0..100).collect()), many((0..100).rev().collect()));
    }
}

//! Protobuf written straight into a buffer: what the generator needs of the encoding, and attributes.
//!
//! A nested message is written in place behind one byte for its length; longer ones are moved by the
//! bytes that their length needs more.

/// A message, or several, being written.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire(pub(super) Vec<u8>);

impl Wire {
    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    /// A number of a packed field, whose head the caller writes.
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// An integer (or bool, or enum) field.
    pub(super) fn int(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    /// An integer field of the kinds that are written in zigzag: sint32, sint64.
    pub(super) fn sint(&mut self, field: u32, value: i64) {
        self.int(field, (value << 1 ^ value >> 63) as u64);
    }

    /// A fixed64, sfixed64 or double field, from its bits.
    pub(super) fn fixed64(&mut self, field: u32, bits: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&bits.to_le_bytes());
    }

    /// A double field.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A fixed32 field.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, 5);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A bytes or string field, also one that is a message already written.
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A field whose content `write` appends: a message, a string made of pieces, packed numbers.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Wire)) {
        self.tag(field, 2);
        let at = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len() - at - 1;
        if length < 0x80 {
            self.0[at] = length as u8;
            return;
        }
        let mut head = Wire(Vec::with_capacity(5));
        head.varint(length as u64);
        let more = head.0.len() - 1;
        self.0.extend_from_slice(&[0; 5][..more]);
        self.0.copy_within(at + 1..at + 1 + length, at + 1 + more);
        self.0[at..=at + more].copy_from_slice(&head.0);
    }

    /// A KeyValue in `field` whose value is the text that `write` appends.
    pub(super) fn attribute(&mut self, field: u32, key: &str, write: impl FnOnce(&mut Wire)) {
        self.message(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |value| value.message(1, write));
        });
    }

    /// A KeyValue with a text.
    pub(super) fn text(&mut self, field: u32, key: &str, value: &str) {
        self.attribute(field, key, |text| text.put(value));
    }

    /// A KeyValue with an integer.
    pub(super) fn number(&mut self, field: u32, key: &str, value: u64) {
        self.message(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |wire| wire.int(3, value));
        });
    }

    /// A KeyValue with a bool.
    pub(super) fn flag(&mut self, field: u32, key: &str, value: bool) {
        self.message(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |wire| wire.int(2, value.into()));
        });
    }

    /// Appends text.
    pub(super) fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends a number in decimal.
    pub(super) fn decimal(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
    }

    /// Appends the last `width` decimal digits of a number, with zeros in front.
    pub(super) fn padded(&mut self, mut value: u64, width: usize) {
        let at = self.0.len();
        self.0.resize(at + width, b'0');
        for digit in self.0[at..].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }

    /// Appends the last `width` hexadecimal digits of a number.
    pub(super) fn hex(&mut self, value: u64, width: usize) {
        for digit in (0..width).rev() {
            self.0
                .push(b"0123456789abcdef"[(value >> (4 * digit)) as usize & 15]);
        }
    }
}

#[cfg(test)]
mod tests {
    use oriel_proto::otlp::common::v1::{KeyValue, any_value::Value};
    use prost::Message;

    use super::*;

    /// Scenario: attributes of each type, with texts of 0 to 20,000 bytes.
    /// Guarantees: prost reads back what was written, whatever the length of the length.
    #[test]
    fn is_protobuf() {
        for length in [
            0, 1, 100, 117, 118, 125, 127, 128, 200, 16_383, 16_384, 20_000,
        ] {
            let long = "x".repeat(length);
            let mut wire = Wire::default();
            wire.attribute(1, "key", |text| {
                text.put(&long);
                text.decimal(120);
                text.padded(7, 3);
                text.hex(0xbeef, 4);
            });
            // The field's own head is the tag and the length; prost reads it as a message in field 1.
            let pair = oriel_proto::otlp::resource::v1::Resource::decode(&wire.0[..]);
            let pair = pair.expect("protobuf").attributes.remove(0);
            let want = Value::StringValue(format!("{long}120007beef"));
            assert_eq!((&*pair.key, value(pair.clone())), ("key", want));
        }
        let mut wire = Wire::default();
        wire.number(1, "n", u64::MAX);
        wire.flag(1, "b", true);
        wire.text(1, "t", "");
        let pairs = oriel_proto::otlp::resource::v1::Resource::decode(&wire.0[..]);
        let values: Vec<Value> = pairs
            .expect("protobuf")
            .attributes
            .into_iter()
            .map(value)
            .collect();
        let want = [
            Value::IntValue(-1),
            Value::BoolValue(true),
            Value::StringValue(String::new()),
        ];
        assert_eq!(values, want);
    }

    fn value(pair: KeyValue) -> Value {
        pair.value.and_then(|any| any.value).expect("a value")
    }
}

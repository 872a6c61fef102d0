//! A walker over the protobuf wire format (protobuf.dev/programming-guides/encoding) that borrows
//! from the request body: no allocation, no unsafe, bounded recursion.
//!
//! It accepts exactly what prost accepts, except that text is bytes here: who stores a text repairs
//! invalid UTF-8. A message is read as
//!
//! ```text
//! while reader.next()? { match reader.field() { 1 => name = reader.bytes()?, _ => reader.skip()? } }
//! ```
//!
//! A singular message field that occurs twice must be merged; since no encoder writes that, the
//! readers report [`Problem::Repeated`] and the decoder falls back on prost.

/// Messages that may be nested in one another, the request included: prost's limit.
const DEPTH_MAX: u32 = 100;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// A varint has more than 64 bits or does not end.
    Varint,
    /// A length or a fixed-width value reaches beyond the end of its message.
    Truncated,
    /// A field number of 0 or beyond 2^29 - 1.
    Field,
    /// A wire type that does not exist, or not the one of this field.
    WireType,
    /// The end of a group that was not begun.
    Group,
    /// Messages are nested too deep.
    Depth,
    /// A singular message occurs twice: not malformed, but left to prost.
    Repeated,
    /// A set has too many attributes.
    Attributes,
    /// The rows of the request are too large.
    TooLarge,
}

impl Problem {
    /// The problem in words.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Problem::Varint => "a varint is longer than 64 bits or cut off",
            Problem::Truncated => "a value reaches beyond the end of its message",
            Problem::Field => "a field number is 0 or too large",
            Problem::WireType => "a field has the wrong wire type",
            Problem::Group => "a group ends that was not begun",
            Problem::Depth => "messages are nested more than 100 deep",
            Problem::Repeated => "a singular message occurs twice",
            Problem::Attributes => "a set has more than 1048576 attributes",
            Problem::TooLarge => "the rows need more than 1 GiB: send smaller batches",
        }
    }
}

/// A [`Problem`] and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) problem: Problem,
    /// Address of the byte where reading stopped: the decoder subtracts the body's.
    pub(super) address: usize,
    pub(super) message: &'static str,
    pub(super) field: u32,
}

/// Wire types, as in the low three bits of a key.
mod wire_type {
    pub(super) const VARINT: u8 = 0;
    pub(super) const FIXED64: u8 = 1;
    pub(super) const LENGTH: u8 = 2;
    pub(super) const GROUP: u8 = 3;
    pub(super) const GROUP_END: u8 = 4;
    pub(super) const FIXED32: u8 = 5;
}

/// Reads the fields of one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    message: &'static str,
    field: u32,
    /// Messages that may still be nested in this one.
    depth: u32,
    wire_type: u8,
}

impl<'a> Reader<'a> {
    /// Reads `body`, a request called `message` in errors.
    pub(super) fn new(body: &'a [u8], message: &'static str) -> Self {
        Reader {
            rest: body,
            message,
            field: 0,
            depth: DEPTH_MAX,
            wire_type: 0,
        }
    }

    /// Bytes not yet read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are not yet read.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Moves to the next field; false at the end of the message.
    #[inline]
    pub(super) fn next(&mut self) -> Result<bool, Fault> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let key = self.read_varint()?;
        self.field = (key >> 3) as u32;
        self.wire_type = (key & 7) as u8;
        if key > u64::from(u32::MAX) || self.field == 0 {
            return Err(self.fault(Problem::Field));
        }
        if self.wire_type > wire_type::FIXED32 {
            return Err(self.fault(Problem::WireType));
        }
        Ok(true)
    }

    /// Number of the field that [`Reader::next`] moved to.
    #[inline]
    pub(super) fn field(&self) -> u32 {
        self.field
    }

    /// The field as bytes or text.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        self.expect(wire_type::LENGTH)?;
        self.read_bytes()
    }

    /// The field as a message.
    #[inline]
    pub(super) fn message(&mut self, message: &'static str) -> Result<Reader<'a>, Fault> {
        self.expect(wire_type::LENGTH)?;
        if self.depth == 0 {
            return Err(self.fault(Problem::Depth));
        }
        Ok(Reader {
            rest: self.read_bytes()?,
            message,
            field: 0,
            depth: self.depth - 1,
            wire_type: 0,
        })
    }

    /// The field as a message that must not have been seen before: `slot` is filled.
    #[inline]
    pub(super) fn message_once(
        &mut self,
        slot: &mut Option<Reader<'a>>,
        message: &'static str,
    ) -> Result<(), Fault> {
        let reader = self.message(message)?;
        match slot.replace(reader) {
            Some(_) => Err(self.fault(Problem::Repeated)),
            None => Ok(()),
        }
    }

    /// The field as a varint: uint64; int32, int64 and bool by casting.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        self.expect(wire_type::VARINT)?;
        self.read_varint()
    }

    /// The field as fixed64, sfixed64 or the bits of a double.
    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64, Fault> {
        self.expect(wire_type::FIXED64)?;
        self.read_fixed64()
    }

    /// The field as a double.
    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        self.fixed64().map(f64::from_bits)
    }

    /// The field as fixed32.
    #[inline]
    pub(super) fn fixed32(&mut self) -> Result<u32, Fault> {
        self.expect(wire_type::FIXED32)?;
        let (value, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or_else(|| self.fault(Problem::Truncated))?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*value))
    }

    /// The field as one or more of a repeated fixed64 or double, packed or not, handed to `push`.
    pub(super) fn repeated_fixed64(&mut self, mut push: impl FnMut(u64)) -> Result<(), Fault> {
        if self.wire_type != wire_type::LENGTH {
            push(self.fixed64()?);
            return Ok(());
        }
        let mut packed = self.packed()?;
        while !packed.rest.is_empty() {
            push(packed.read_fixed64()?);
        }
        Ok(())
    }

    /// The field as one or more of a repeated uint64, packed or not, handed to `push`.
    pub(super) fn repeated_varint(&mut self, mut push: impl FnMut(u64)) -> Result<(), Fault> {
        if self.wire_type != wire_type::LENGTH {
            push(self.varint()?);
            return Ok(());
        }
        let mut packed = self.packed()?;
        while !packed.rest.is_empty() {
            push(packed.read_varint()?);
        }
        Ok(())
    }

    /// Passes over a field of no known number.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let (field, wire_type) = (self.field, self.wire_type);
        self.skip_value(field, wire_type, self.depth)
    }

    /// An error at the current place.
    #[cold]
    pub(super) fn fault(&self, problem: Problem) -> Fault {
        Fault {
            problem,
            address: self.rest.as_ptr() as usize,
            message: self.message,
            field: self.field,
        }
    }

    fn skip_value(&mut self, field: u32, wire_type: u8, depth: u32) -> Result<(), Fault> {
        if depth == 0 {
            return Err(self.fault(Problem::Depth));
        }
        match wire_type {
            wire_type::VARINT => self.read_varint().map(drop),
            wire_type::FIXED64 => self.take(8).map(drop),
            wire_type::FIXED32 => self.take(4).map(drop),
            wire_type::LENGTH => self.read_bytes().map(drop),
            wire_type::GROUP => self.skip_group(field, depth),
            _ => Err(self.fault(Problem::Group)),
        }
    }

    fn skip_group(&mut self, group: u32, depth: u32) -> Result<(), Fault> {
        loop {
            if !self.next()? {
                return Err(self.fault(Problem::Truncated));
            }
            let (field, wire_type) = (self.field, self.wire_type);
            if wire_type != wire_type::GROUP_END {
                self.skip_value(field, wire_type, depth - 1)?;
            } else if field == group {
                return Ok(());
            } else {
                return Err(self.fault(Problem::Group));
            }
        }
    }

    fn packed(&mut self) -> Result<Reader<'a>, Fault> {
        Ok(Reader {
            rest: self.read_bytes()?,
            ..*self
        })
    }

    #[inline]
    fn expect(&self, wire_type: u8) -> Result<(), Fault> {
        if self.wire_type == wire_type {
            Ok(())
        } else {
            Err(self.fault(Problem::WireType))
        }
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], Fault> {
        if len > self.rest.len() as u64 {
            return Err(self.fault(Problem::Truncated));
        }
        let (value, rest) = self.rest.split_at(len as usize);
        self.rest = rest;
        Ok(value)
    }

    #[inline]
    fn read_bytes(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.read_varint()?;
        self.take(len)
    }

    #[inline]
    fn read_fixed64(&mut self) -> Result<u64, Fault> {
        let (value, rest) = self
            .rest
            .split_first_chunk::<8>()
            .ok_or_else(|| self.fault(Problem::Truncated))?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*value))
    }

    #[inline]
    fn read_varint(&mut self) -> Result<u64, Fault> {
        if let [first, rest @ ..] = self.rest
            && *first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        self.read_long_varint()
    }

    fn read_long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                if i == 9 && *byte > 1 {
                    break;
                }
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(self.fault(Problem::Varint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: varints of every length, the largest, one bit too many, cut off.
    /// Guarantees: 64 bits are read exactly; everything longer or cut off is an error.
    #[test]
    fn varints_are_bounded() {
        for value in (0..64).map(|shift| 1u64 << shift).chain([0, u64::MAX]) {
            let mut body = vec![0x08];
            prost::encoding::encode_varint(value, &mut body);
            let mut reader = Reader::new(&body, "Test");
            assert!(reader.next().expect("a field"));
            assert_eq!(reader.varint().expect("a varint"), value);
            assert!(!reader.next().expect("the end"));

            let mut cut = Reader::new(&body[..body.len() - 1], "Test");
            assert!(cut.next().expect("a field"));
            assert_eq!(cut.varint().expect_err("cut off").problem, Problem::Varint);
        }
        let mut body = vec![0x08];
        body.extend([0xff; 9]);
        body.push(2);
        let mut reader = Reader::new(&body, "Test");
        assert!(reader.next().expect("a field"));
        assert_eq!(
            reader.varint().expect_err("65 bits").problem,
            Problem::Varint
        );
    }

    /// Scenario: a length of 2^63, key 0, wire type 7, the end of a group, a group of groups.
    /// Guarantees: each is refused by name; a closed group of unknown number is passed over.
    #[test]
    fn malformed_fields_are_named() {
        let check = |body: &[u8], want: Option<Problem>| {
            let mut reader = Reader::new(body, "Test");
            let got = reader.next().and_then(|_| reader.skip());
            assert_eq!(got.err().map(|fault| fault.problem), want, "{body:?}");
        };
        check(
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            Some(Problem::Truncated),
        );
        check(&[0x00], Some(Problem::Field));
        check(&[0x0f], Some(Problem::WireType));
        check(&[0x0c], Some(Problem::Group));
        check(&[0x0b, 0x13, 0x14, 0x0c], None);
        check(&[0x0b, 0x13, 0x0c], Some(Problem::Group));
        check(&[0x0b; 1000], Some(Problem::Depth));
        check(&[0x0b], Some(Problem::Truncated));
        check(&[0x0d, 1, 2, 3], Some(Problem::Truncated));
    }
}

//! Trace and span ids: fixed bytes, printed as lower-case hex (W3C Trace Context, section 3.2.2).

use std::fmt;
use std::str::FromStr;

/// Why a text or a byte string is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The length is wrong: `want` and `got` count hex digits for text, bytes for bytes.
    #[error("id has {got} characters, expected {want}")]
    Length {
        /// Expected length.
        want: usize,
        /// Length found.
        got: usize,
    },
    /// A character is not a hex digit.
    #[error("id has a character that is not a hex digit at position {at}")]
    Digit {
        /// Position of the character, from 0.
        at: usize,
    },
    /// All bytes are zero, which OpenTelemetry defines as invalid.
    #[error("id is all zero")]
    Zero,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The id with these bytes. Errors: `Length`, `Zero`.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, IdError> {
                let bytes: [u8; $len] = bytes
                    .try_into()
                    .map_err(|_| IdError::Length { want: $len, got: bytes.len() })?;
                if bytes == [0; $len] { Err(IdError::Zero) } else { Ok(Self(bytes)) }
            }

            /// The bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Parses hex digits in any case. Errors: `Length`, `Digit`, `Zero`.
            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.len() != 2 * $len {
                    return Err(IdError::Length { want: 2 * $len, got: text.len() });
                }
                let mut bytes = [0u8; $len];
                for (at, digit) in text.bytes().enumerate() {
                    let value = (digit as char).to_digit(16).ok_or(IdError::Digit { at })?;
                    bytes[at / 2] = bytes[at / 2] << 4 | value as u8;
                }
                Self::from_slice(&bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// Identifies a trace: 16 bytes, never all zero.
    TraceId,
    16
);
id!(
    /// Identifies a span within its trace: 8 bytes, never all zero.
    SpanId,
    8
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: hex in both cases, wrong lengths, wrong digits, all zero.
    /// Guarantees: text round-trips in lower case; everything else names its fault.
    #[test]
    fn parses_and_prints_hex() {
        let check = |text: &str, want: Result<&str, IdError>| {
            assert_eq!(
                text.parse::<SpanId>().map(|id| id.to_string()),
                want.map(str::to_owned)
            );
        };
        check("00f067aa0ba902b7", Ok("00f067aa0ba902b7"));
        check("00F067AA0BA902B7", Ok("00f067aa0ba902b7"));
        check("00f067aa0ba902", Err(IdError::Length { want: 16, got: 14 }));
        check("00f067aa0ba902bg", Err(IdError::Digit { at: 15 }));
        check("0000000000000000", Err(IdError::Zero));
    }
}

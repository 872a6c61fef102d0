//! The bearer token that guards the ports.

use std::fmt;

/// A secret that requests must carry as `Authorization: Bearer <token>`. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token `secret`.
    pub fn new(secret: impl Into<String>) -> Self {
        Token(secret.into())
    }

    /// Whether `header`, the value of an Authorization header, carries this token. Takes the same
    /// time for every wrong token of the right length.
    pub fn admits(&self, header: Option<&[u8]>) -> bool {
        let Some((scheme, given)) = header.and_then(|header| header.split_at_checked(7)) else {
            return false;
        };
        let same = self.0.len() == given.len()
            && self
                .0
                .bytes()
                .zip(given)
                .fold(0, |diff, (a, b)| diff | (a ^ b))
                == 0;
        scheme.eq_ignore_ascii_case(b"Bearer ") && same
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the right token, a wrong one, a prefix, another scheme, no header.
    /// Guarantees: only the right token is admitted, and it is never printed.
    #[test]
    fn admits_only_itself() {
        let token = Token::new("s3cret");
        assert!(token.admits(Some(b"Bearer s3cret")));
        assert!(token.admits(Some(b"bearer s3cret")));
        for wrong in [
            b"Bearer s3creT".as_slice(),
            b"Bearer s3cre",
            b"Basic   s3cret",
            b"",
            b"s3cret",
        ] {
            assert!(!token.admits(Some(wrong)));
        }
        assert!(!token.admits(None));
        assert_eq!(format!("{token:?}"), "Token(***)");
    }
}

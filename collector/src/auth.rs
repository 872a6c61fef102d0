//! Who may send: a bearer token, the same for every port.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use oriel_proto::Token;

use crate::{Error, Result};

/// Lets a request pass when no token is set or when its headers carry the right one.
///
/// gRPC metadata are headers, so both transports ask here. Errors: `Unauthenticated`.
pub(crate) fn check(token: Option<&Token>, headers: &HeaderMap) -> Result<()> {
    let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    match token {
        Some(token) if !token.admits(given) => Err(Error::Unauthenticated),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: no token set; a token set and no header, a wrong and the right one.
    /// Guarantees: only a set token is asked for, and only the right one passes.
    #[test]
    fn asks_for_the_token_that_is_set() {
        let mut headers = HeaderMap::new();
        assert!(check(None, &headers).is_ok());
        let token = Token::new("s3cret");
        assert!(check(Some(&token), &headers).is_err());
        headers.insert(AUTHORIZATION, "Bearer other1".parse().unwrap());
        assert!(check(Some(&token), &headers).is_err());
        headers.insert(AUTHORIZATION, "Bearer s3cret".parse().unwrap());
        assert!(check(Some(&token), &headers).is_ok());
    }
}

//! Which compression a client takes (`Accept-Encoding`).

/// The forms in which a file may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Brotli.
    Br,
    /// Gzip.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Br => "br",
            Encoding::Gzip => "gzip",
            Encoding::Identity => "identity",
        }
    }

    /// Whether the header value `accepted` allows this one; a weight of 0 forbids it.
    pub(crate) fn is_in(self, accepted: &[u8]) -> bool {
        let accepted = String::from_utf8_lossy(accepted).to_ascii_lowercase();
        let weight = |name: &str| {
            accepted.split(',').find_map(|part| {
                let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
                let weight = parameters.trim().strip_prefix("q=");
                (coding.trim() == name).then(|| weight.and_then(|q| q.trim().parse().ok()))
            })
        };
        let given: Option<Option<f32>> = weight(self.name()).or_else(|| weight("*"));
        given.is_some_and(|weight| weight.unwrap_or(1.0) > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: headers of browsers, curl and odd clients.
    /// Guarantees: only what is listed, or covered by `*`, and not weighed 0 is allowed.
    #[test]
    fn reads_weights() {
        for (accepted, br, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("GZIP;q=0.5", false, true),
            ("br;q=0, gzip;q=1.0", false, true),
            ("*", true, true),
            ("*;q=0", false, false),
            ("br;q=0,*", false, true),
            ("identity", false, false),
            ("", false, false),
        ] {
            assert_eq!(Encoding::Br.is_in(accepted.as_bytes()), br, "{accepted}");
            assert_eq!(
                Encoding::Gzip.is_in(accepted.as_bytes()),
                gzip,
                "{accepted}"
            );
        }
    }
}

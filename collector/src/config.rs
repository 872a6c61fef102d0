//! Settings of the receiving side. Sizes in bytes, times as [`Duration`]s.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::serve::HttpLimits;

/// Settings of the receiving side; every default is stated here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Largest request, as received and after decompression. Default 64 MiB; a larger request is
    /// answered 413 and its sender drops it.
    pub body_bytes_max: ByteSize,
    /// Bytes of requests, as received and decompressed, that are worked on at once. Default
    /// 256 MiB; over it requests are answered 503 and sent again. At least twice `body_bytes_max`.
    pub in_flight_bytes_max: ByteSize,
    /// Share of `in_flight_bytes_max` that one tenant may take, in percent. Default 75; over it that
    /// tenant is answered 429 and sends again, and the others are still taken. One request of the
    /// largest size always fits.
    pub tenant_in_flight_percent: u8,
    /// How long the body of a request may take to arrive. Default 30 s; then it is answered 503.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a new connection may take to send its first header, and how long an idle HTTP/1
    /// connection is kept. Default 75 s: longer than the 60 s between two exports of metrics.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long clients are asked to wait before they send a refused request again. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub retry_after: Duration,
    /// Connections to one port. Default 1,000; more are closed at once.
    pub connections_max: usize,
    /// How long requests may take to finish when the server stops. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    /// Web origins whose browsers may send telemetry, such as `https://shop.example`; `*` is any.
    /// Default none.
    pub cors_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            body_bytes_max: ByteSize::mib(64),
            in_flight_bytes_max: ByteSize::mib(256),
            tenant_in_flight_percent: 100,
            body_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(75),
            retry_after: Duration::from_secs(1),
            connections_max: 1000,
            shutdown_timeout: Duration::from_secs(10),
            cors_origins: Vec::new(),
        }
    }
}

impl Config {
    /// Checks what the types cannot. Errors: a text that names the setting and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        if self.in_flight_bytes_max.as_u64() < 2 * self.body_bytes_max.as_u64() {
            return Err(format!(
                "in_flight_bytes_max ({}) must be at least twice body_bytes_max ({}), or the \
                 largest request is refused for ever",
                self.in_flight_bytes_max, self.body_bytes_max
            ));
        }
        if !(1..=100).contains(&self.tenant_in_flight_percent) {
            return Err("tenant_in_flight_percent must be from 1 to 100".to_owned());
        }
        if self.connections_max == 0 {
            return Err("connections_max must be at least 1".to_owned());
        }
        match self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(format!(
                "cors_origins has {origin:?}, which is neither \"*\" nor an origin such as \
                 \"https://shop.example\""
            )),
            None => Ok(()),
        }
    }

    /// Bytes that one tenant may have in flight: its share, or one request of the largest size, as
    /// received and decompressed.
    pub(crate) fn tenant_in_flight_bytes_max(&self) -> ByteSize {
        let all = self.in_flight_bytes_max.as_u64();
        let share = all / 100 * u64::from(self.tenant_in_flight_percent);
        ByteSize::b(share.max(2 * self.body_bytes_max.as_u64()))
    }

    /// The limits of each port.
    pub fn http_limits(&self) -> HttpLimits {
        HttpLimits {
            connections_max: self.connections_max,
            header_timeout: self.header_timeout,
            shutdown_timeout: self.shutdown_timeout,
        }
    }
}

/// Whether `origin` is `*` or scheme, host and maybe port, as browsers send it.
fn is_origin(origin: &str) -> bool {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme));
    origin == "*"
        || host.is_some_and(|host| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the defaults; a budget below two bodies; origins with a path or without a scheme.
    /// Guarantees: the defaults are good; each mistake is named.
    #[test]
    fn names_the_setting_that_is_wrong() {
        let check = |change: fn(&mut Config), want: Option<&str>| {
            let mut config = Config::default();
            change(&mut config);
            match (config.validate(), want) {
                (Ok(()), None) => {}
                (Err(error), Some(want)) => assert!(error.contains(want), "{error}"),
                (got, want) => panic!("{got:?} instead of {want:?}"),
            }
        };
        check(|_| {}, None);
        check(
            |c| c.in_flight_bytes_max = ByteSize::mib(127),
            Some("in_flight_bytes_max"),
        );
        check(|c| c.connections_max = 0, Some("connections_max"));
        check(
            |c| c.tenant_in_flight_percent = 101,
            Some("tenant_in_flight_percent"),
        );
        check(
            |c| c.cors_origins = vec!["*".into(), "http://localhost:3000".into()],
            None,
        );
        check(
            |c| c.cors_origins = vec!["shop.example".into()],
            Some("cors_origins"),
        );
        check(
            |c| c.cors_origins = vec!["https://shop.example/".into()],
            Some("cors_origins"),
        );
    }
}

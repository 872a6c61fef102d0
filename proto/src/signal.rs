//! The three signals of OpenTelemetry and their public names.

use std::fmt;

/// One of the three OTLP signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    /// Spans, by `opentelemetry.proto.collector.trace.v1`.
    Traces = 1,
    /// Metric data points, by `opentelemetry.proto.collector.metrics.v1`.
    Metrics = 2,
    /// Log records, by `opentelemetry.proto.collector.logs.v1`.
    Logs = 3,
}

impl Signal {
    /// All signals, in the order of OTLP's documentation.
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The name in OTLP paths: `traces`, `metrics`, `logs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }

    /// The signal stored under `code` in a WAL frame, if `code` is one.
    pub const fn from_code(code: u8) -> Option<Signal> {
        match code {
            1 => Some(Signal::Traces),
            2 => Some(Signal::Metrics),
            3 => Some(Signal::Logs),
            _ => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

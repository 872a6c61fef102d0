//! Times as nanoseconds since the Unix epoch, and half-open ranges of them.

/// Nanoseconds since 1970-01-01T00:00:00Z, as Arrow's and Parquet's signed 64 bits hold them
/// (1677 to 2262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// Nanoseconds in a UTC day.
    pub const DAY: i64 = 86_400 * 1_000_000_000;

    /// The time of an OTLP `fixed64`: clamped to the largest [`UnixNanos`], and the raw value when
    /// it had to be clamped (year 2262 and beyond).
    pub const fn from_otlp(nanos: u64) -> (UnixNanos, Option<u64>) {
        if nanos > i64::MAX as u64 {
            (UnixNanos(i64::MAX), Some(nanos))
        } else {
            (UnixNanos(nanos as i64), None)
        }
    }

    /// The UTC day that holds this time, in days since the epoch.
    pub const fn day(self) -> i32 {
        self.0.div_euclid(Self::DAY) as i32
    }
}

/// Times from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First time inside.
    pub start: UnixNanos,
    /// First time after.
    pub end: UnixNanos,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the epoch, the last representable nanosecond, one beyond, the largest u64.
    /// Guarantees: nothing wraps; the raw value is handed back exactly when it was clamped.
    #[test]
    fn clamps_what_arrow_cannot_hold() {
        let max = i64::MAX as u64;
        assert_eq!(UnixNanos::from_otlp(0), (UnixNanos(0), None));
        assert_eq!(UnixNanos::from_otlp(max), (UnixNanos(i64::MAX), None));
        assert_eq!(
            UnixNanos::from_otlp(max + 1),
            (UnixNanos(i64::MAX), Some(max + 1))
        );
        assert_eq!(UnixNanos::from_otlp(u64::MAX).1, Some(u64::MAX));
        assert_eq!(UnixNanos(-1).day(), -1);
        assert_eq!(UnixNanos(UnixNanos::DAY).day(), 1);
    }
}

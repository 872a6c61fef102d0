//! A histogram of durations: 64 steps in each power of two, so that no percentile is off by more
//! than 1.6 %, in 30 KiB whatever comes.

use std::time::Duration;

use serde::Serialize;

/// Steps in each power of two, and how many bits they take.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of durations, in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum: u128,
    max: u64,
}

/// What a report says of a histogram, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; place(u64::MAX) + 1],
            total: 0,
            sum: 0,
            max: 0,
        }
    }
}

/// Where a duration is counted: exactly up to [`STEPS`], then 64 places for each power of two.
fn place(nanoseconds: u64) -> usize {
    let octave = (64 - nanoseconds.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(octave) * STEPS + (nanoseconds >> octave)) as usize
}

/// The largest duration that is counted in a place.
fn upper(place: usize) -> u64 {
    let place = place as u64;
    let octave = (place / STEPS).saturating_sub(1);
    let first = place - octave * STEPS;
    ((u128::from(first) + 1) << octave)
        .saturating_sub(1)
        .try_into()
        .unwrap_or(u64::MAX)
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn add(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[place(nanoseconds)] += 1;
        self.total += 1;
        self.sum += u128::from(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    /// The smallest duration that this share of all reaches at most; 0 without any.
    pub(crate) fn at(&self, share: f64) -> Duration {
        let wanted = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut counted = 0;
        for (place, count) in self.counts.iter().enumerate() {
            counted += count;
            if counted >= wanted {
                return Duration::from_nanos(upper(place).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// What a report says of it.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let millis = |nanoseconds: f64| (nanoseconds / 1e3).round() / 1e3;
        let at = |share| millis(self.at(share).as_nanos() as f64);
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(self.max as f64),
            mean: millis(self.sum as f64 / self.total.max(1) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every duration up to 5,000 ns and powers of two with their neighbours.
    /// Guarantees: places grow with durations, hold what they count, and are at most 1/64 wide.
    #[test]
    fn places_are_narrow() {
        let around = (6..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let mut values: Vec<u64> = (0..5_000).chain(around).chain([u64::MAX]).collect();
        values.sort_unstable();
        let mut last = 0;
        for value in values {
            let at = place(value);
            assert!(at >= last, "{value}");
            last = at;
            let upper = upper(at);
            assert!(
                upper >= value && upper - value <= value / 64,
                "{value}: {upper}"
            );
            assert!(at == 0 || super::upper(at - 1) < value, "{value}");
        }
    }

    /// Scenario: 1 to 1,000 ms, once each; nothing.
    /// Guarantees: percentiles within 1.6 %, the greatest exactly; zeros without any.
    #[test]
    fn percentiles_are_near() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles().p99, 0.0);
        for millis in 1..=1_000 {
            histogram.add(Duration::from_millis(millis));
        }
        let found = histogram.percentiles();
        for (found, want) in [(found.p50, 500.0), (found.p90, 900.0), (found.p99, 990.0)] {
            assert!(found >= want && found <= want * 1.016, "{found} for {want}");
        }
        assert_eq!((found.max, found.mean), (1_000.0, 500.5));
    }
}

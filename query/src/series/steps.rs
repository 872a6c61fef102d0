//! Equal steps of time that cover a range, at round times, so that a range that moves on keeps the
//! borders of its steps.

/// Round lengths in nanoseconds: 1, 2, 5 times a power of ten below a second, then what clocks and
/// calendars divide into.
const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;
const LONG: [i128; 22] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    20 * DAY,
];

/// Equal steps: step `i` is `[start + i * step, start + (i + 1) * step)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Start of the first one, nanoseconds since 1970.
    pub(crate) start: i64,
    /// Length, nanoseconds.
    pub(crate) step: i64,
    /// How many.
    pub(crate) count: usize,
}

impl Steps {
    /// The shortest round steps of which at most `count_max` cover `[from, to)`.
    pub(crate) fn covering(from: i64, to: i64, count_max: usize) -> Steps {
        let (from, to) = (i128::from(from), i128::from(to).max(i128::from(from) + 1));
        let count_max = count_max.max(1) as i128;
        let step = lengths()
            .find(|step| cover(from, to, *step).1 <= count_max)
            .unwrap_or(i128::from(i64::MAX));
        let (start, count) = cover(from, to, step);
        Steps {
            start: start.max(i128::from(i64::MIN)) as i64,
            step: step.min(i128::from(i64::MAX)) as i64,
            count: count.min(count_max) as usize,
        }
    }

    /// The first time after the last step.
    pub(crate) fn end(&self) -> i64 {
        let end = i128::from(self.start) + i128::from(self.step) * self.count as i128;
        end.min(i128::from(i64::MAX)) as i64
    }

    /// The step that `time` is in.
    pub(crate) fn index(&self, time: i64) -> Option<usize> {
        let index = (i128::from(time) - i128::from(self.start)).div_euclid(i128::from(self.step));
        usize::try_from(index).ok().filter(|i| *i < self.count)
    }

    /// Seconds in a step.
    pub(crate) fn seconds(&self) -> f64 {
        self.step as f64 / 1e9
    }

    /// Calls `put(step, share)` for the steps that `(from, to]` lies in, with the share of that
    /// time in each; an interval without length is one moment. The shares add up to 1 when the
    /// whole interval is covered.
    pub(crate) fn spread(&self, from: i64, to: i64, mut put: impl FnMut(usize, f64)) {
        if from >= to {
            if let Some(index) = self.index(to) {
                put(index, 1.0);
            }
            return;
        }
        let length = (i128::from(to) - i128::from(from)) as f64;
        let (low, high) = (from.max(self.start), to.min(self.end()));
        if low >= high {
            return;
        }
        let first = self.index(low).unwrap_or(0);
        for index in first..self.count {
            let start = i128::from(self.start) + i128::from(self.step) * index as i128;
            let end = start + i128::from(self.step);
            let inside = end.min(i128::from(high)) - start.max(i128::from(low));
            if inside <= 0 {
                return;
            }
            put(index, inside as f64 / length);
        }
    }
}

/// Round lengths, rising.
fn lengths() -> impl Iterator<Item = i128> {
    let short = (0..9).flat_map(|exponent| [1, 2, 5].map(|digit| digit * 10_i128.pow(exponent)));
    let longest = (1..).map(|twice| 20 * DAY * (1_i128 << twice.min(40)));
    short.chain(LONG).chain(longest.take(40))
}

/// The start and number of the steps of this length that cover `[from, to)`.
fn cover(from: i128, to: i128, step: i128) -> (i128, i128) {
    let start = from.div_euclid(step) * step;
    (start, (to - start + step - 1).div_euclid(step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Scenario: an hour, three minutes, a nanosecond, all of time.
    /// Guarantees: round steps, within the limit.
    #[test]
    fn lengths_are_round() {
        let hour = Steps::covering(90_000_000_000, 3_690_000_000_000, 60);
        assert_eq!((hour.step, hour.start), (120_000_000_000, 0));
        assert_eq!(hour.count, 31);
        let minutes = Steps::covering(0, 180_000_000_000, 120);
        assert_eq!((minutes.step, minutes.count), (2_000_000_000, 90));
        let moment = Steps::covering(7, 8, 60);
        assert_eq!((moment.start, moment.step, moment.count), (7, 1, 1));
        let all = Steps::covering(0, i64::MAX, 60);
        assert!(
            all.count <= 60 && all.index(i64::MAX - 1).is_some(),
            "{all:?}"
        );
    }

    proptest! {
        /// Scenario: any range and limit; any interval within or across it.
        /// Guarantees: steps cover the range within the limit; each time has one step; the shares
        /// of an interval inside add up to 1, and never to more.
        #[test]
        fn steps_cover(from in 0..i64::MAX / 2, length in 1..i64::MAX / 4, max in 2_usize..1000,
                       a in 0.0..1.0, b in 0.0..1.0) {
            let to = from + length;
            let steps = Steps::covering(from, to, max);
            prop_assert!(steps.count >= 1 && steps.count <= max);
            prop_assert!(steps.start <= from && steps.end() >= to);
            prop_assert_eq!(steps.index(from), Some(0));
            prop_assert_eq!(steps.index(to - 1), Some(steps.count - 1));
            let at = |share: f64| from + (length as f64 * share) as i64;
            let (low, high) = (at(a).min(at(b)), at(a).max(at(b)).min(to - 1));
            let mut total = 0.0;
            steps.spread(low, high, |index, share| {
                assert!(index < steps.count);
                total += share;
            });
            prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
            let mut outside = 0.0;
            steps.spread(from - length / 2, to, |_, share| outside += share);
            prop_assert!(outside <= 1.0 + 1e-9);
        }
    }
}

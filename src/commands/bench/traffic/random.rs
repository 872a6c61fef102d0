//! Random numbers that depend on a seed only: splitmix64, with the few shapes that traffic has.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

/// Spreads `value` over all 64 bits; the same everywhere and always.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl Random {
    /// The stream number `stream` of `seed`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Random(mix(seed ^ mix(stream.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 to below `bound` (0 when that is 0).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// From 0 to below `bound`, small numbers more often: half of all draws lie in the first quarter.
    pub(super) fn skewed(&mut self, bound: u64) -> u64 {
        let draw = self.unit();
        ((draw * draw * bound as f64) as u64).min(bound.saturating_sub(1))
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A duration around `median` nanoseconds with a long tail: nine in ten lie between half and one
    /// and a half of it, one in a hundred is twenty times as long or more.
    pub(super) fn nanoseconds(&mut self, median: f64) -> u64 {
        let tail = match self.below(100) {
            0 => 20.0 + 60.0 * self.unit(),
            1..=9 => 2.0 + 6.0 * self.unit(),
            _ => 0.5 + self.unit(),
        };
        (median * tail) as u64
    }
}

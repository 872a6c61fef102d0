//! Counts of values in bounded memory: exact while there are few different ones, then estimates.
//!
//! Up to a bound every value has its count. Beyond it a HyperLogLog estimates how many there are, and
//! the Misra-Gries summary keeps the frequent ones with counts that are at most the true ones.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Different values that are counted exactly.
pub(crate) const EXACT_MAX: usize = 10_000;
/// Values that are kept once there are more.
pub(crate) const KEPT_MAX: usize = 128;
/// Characters of a value that are kept.
pub(crate) const VALUE_CHARS: usize = 256;
/// Bits of a hash that choose a register of the estimate: 2,048 registers, 2.3 % of error.
const REGISTER_BITS: u32 = 11;

/// Keys are hashes already.
#[derive(Debug, Default, Clone)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }
}

type Counts = HashMap<(u64, u64), Counted, BuildHasherDefault<Hashed>>;

/// A value and how often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Its first [`VALUE_CHARS`] characters.
    pub(crate) value: Box<str>,
    /// Whether that is only the beginning.
    pub(crate) cut: bool,
    /// What else tells values apart, such as a type.
    pub(crate) kind: char,
    /// How often it came, at least.
    pub(crate) count: u64,
}

/// Counts of values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    counts: Counts,
    present: u64,
    bytes: usize,
    estimate: Option<Estimate>,
}

/// What takes the place of exact counts.
#[derive(Debug, Clone)]
struct Estimate {
    registers: Vec<u8>,
    /// What counts may lack at most.
    lost: u64,
}

impl Tally {
    /// Counts `value` of `kind` `times` more.
    pub(crate) fn add(&mut self, value: &str, kind: char, times: u64) {
        self.present += times;
        let bytes = value.as_bytes();
        let hash = (
            xxh3_64_with_seed(bytes, u64::from(kind)),
            xxh3_64_with_seed(bytes, !u64::from(kind)),
        );
        if let Some(estimate) = &mut self.estimate {
            estimate.see(hash.0);
        }
        if let Some(known) = self.counts.get_mut(&hash) {
            known.count += times;
            return;
        }
        match &mut self.estimate {
            None if self.counts.len() == EXACT_MAX => {
                self.shrink();
                self.add_unseen(hash, value, kind, times)
            }
            Some(estimate) if self.counts.len() == KEPT_MAX => {
                // The newcomer and the least pay each other off.
                let least = self.counts.values().map(|known| known.count).min();
                let paid = least.unwrap_or_default().min(times);
                estimate.lost += paid;
                let bytes = &mut self.bytes;
                self.counts.retain(|_, known| {
                    known.count -= paid;
                    if known.count == 0 {
                        *bytes -= known.value.len();
                    }
                    known.count > 0
                });
                if times > paid {
                    self.insert(hash, value, kind, times - paid);
                }
            }
            _ => self.insert(hash, value, kind, times),
        }
    }

    /// As `add`, of a value that is counted in `present` and nowhere else.
    fn add_unseen(&mut self, hash: (u64, u64), value: &str, kind: char, times: u64) {
        if let Some(estimate) = &mut self.estimate {
            estimate.see(hash.0);
        }
        self.insert(hash, value, kind, times);
    }

    fn insert(&mut self, hash: (u64, u64), value: &str, kind: char, count: u64) {
        let end = value.char_indices().nth(VALUE_CHARS).map(|(at, _)| at);
        let kept: Box<str> = value[..end.unwrap_or(value.len())].into();
        self.bytes += kept.len();
        let counted = Counted {
            value: kept,
            cut: end.is_some(),
            kind,
            count,
        };
        self.counts.insert(hash, counted);
    }

    /// Goes over to estimates, which take little memory. Nothing happens when it has or when there
    /// are few values.
    pub(crate) fn shrink(&mut self) {
        if self.estimate.is_some() || self.counts.len() < KEPT_MAX {
            return;
        }
        let mut estimate = Estimate {
            registers: vec![0; 1 << REGISTER_BITS],
            lost: 0,
        };
        let mut counts: Vec<u64> = Vec::with_capacity(self.counts.len());
        for (hash, known) in &self.counts {
            estimate.see(hash.0);
            counts.push(known.count);
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let paid = counts.get(KEPT_MAX - 1).copied().unwrap_or_default();
        estimate.lost = paid;
        self.counts.retain(|_, known| {
            known.count = known.count.saturating_sub(paid);
            known.count > 0
        });
        self.counts.shrink_to_fit();
        self.bytes = self.counts.values().map(|known| known.value.len()).sum();
        self.estimate = Some(estimate);
    }

    /// Memory that the counts hold, about.
    pub(crate) fn bytes(&self) -> usize {
        const ENTRY: usize = 64;
        let registers = self.estimate.as_ref().map_or(0, |_| 1 << REGISTER_BITS);
        self.bytes + self.counts.len() * ENTRY + registers
    }

    /// Values in all.
    pub(crate) fn present(&self) -> u64 {
        self.present
    }

    /// Different values, and whether that is exact.
    pub(crate) fn distinct(&self) -> (u64, bool) {
        match &self.estimate {
            None => (self.counts.len() as u64, true),
            Some(estimate) => {
                let least = self.counts.len() as u64;
                (estimate.distinct().clamp(least, self.present), false)
            }
        }
    }

    /// The most frequent values, and whether they and their counts are exact.
    pub(crate) fn top(&self, count: usize) -> (Vec<Counted>, bool) {
        let mut all: Vec<&Counted> = self.counts.values().collect();
        let order = |a: &&Counted, b: &&Counted| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.value.cmp(&b.value))
                .then_with(|| a.kind.cmp(&b.kind))
        };
        all.sort_by(order);
        let top = all.into_iter().take(count).cloned().collect();
        (top, self.estimate.as_ref().is_none_or(|e| e.lost == 0))
    }
}

impl Estimate {
    fn see(&mut self, hash: u64) {
        let register = (hash >> (64 - REGISTER_BITS)) as usize;
        let rest = (hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1));
        let rank = rest.leading_zeros() as u8 + 1;
        if let Some(seen) = self.registers.get_mut(register) {
            *seen = rank.max(*seen);
        }
    }

    /// The estimate of Flajolet et al., with linear counting for few values.
    fn distinct(&self) -> u64 {
        let count = self.registers.len() as f64;
        let sum: f64 = self
            .registers
            .iter()
            .map(|r| 0.5_f64.powi(i32::from(*r)))
            .sum();
        let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let empty = self.registers.iter().filter(|r| **r == 0).count();
        let estimate = match raw <= 2.5 * count && empty > 0 {
            true => count * (count / empty as f64).ln(),
            false => raw,
        };
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: few values of two kinds, one of them long.
    /// Guarantees: exact counts, most frequent first; a long value is cut and says so.
    #[test]
    fn few_values_are_counted_exactly() {
        let mut tally = Tally::default();
        let long = "é".repeat(VALUE_CHARS + 1);
        for (value, kind, times) in [
            ("a", 's', 2),
            ("b", 's', 5),
            ("a", 'i', 1),
            (&long, 's', 1),
            ("a", 's', 1),
        ] {
            tally.add(value, kind, times);
        }
        let (top, exact) = tally.top(3);
        let shown: Vec<_> = top.iter().map(|v| (&*v.value, v.kind, v.count)).collect();
        assert_eq!(shown, [("b", 's', 5), ("a", 's', 3), ("a", 'i', 1)]);
        assert_eq!(
            (exact, tally.distinct(), tally.present()),
            (true, (4, true), 10)
        );
        let all = tally.top(9).0;
        let cut = all.iter().find(|value| value.cut).expect("the long one");
        assert_eq!(cut.value.chars().count(), VALUE_CHARS);
    }

    /// Scenario: 60,000 different values, and five that come 5,000 times each.
    /// Guarantees: the number of values is estimated within 10 %, and said to be an estimate; the
    /// frequent ones are the top, with counts that are not above the truth; memory is that of few.
    #[test]
    fn many_values_are_estimated() {
        let mut tally = Tally::default();
        for number in 0..60_000 {
            tally.add(&format!("rare-{number}"), 's', 1);
            if number % 2 == 0 {
                tally.add(&format!("often-{}", number / 2 % 5), 's', 1);
            }
        }
        let (distinct, exact) = tally.distinct();
        assert!(!exact && distinct.abs_diff(60_005) < 6_000, "{distinct}");
        let (top, exact) = tally.top(5);
        assert!(!exact);
        for value in &top {
            assert!(value.value.starts_with("often-"), "{top:?}");
            assert!((1..=6_000).contains(&value.count), "{top:?}");
        }
        assert!(tally.bytes() < 64 << 10, "{}", tally.bytes());
        assert_eq!(tally.present(), 90_000);
    }
}

//! Histograms of any layout: the difference of two totals, sums, quantiles, rows of a heatmap.
//!
//! A [`Histogram`] is one point as OTLP sends it, explicit or exponential. A [`Distribution`] is what
//! fell into one step of time: counts by bucket `(lower, upper]`, from any number of points and
//! layouts. Quantiles are linear within a bucket, as Prometheus computes them; a quantile in the
//! last, open bucket is its lower bound, in a first bucket that is open downwards 0 or its upper
//! bound, whichever is less.

use std::collections::BTreeMap;

use super::growth::{Since, Total};

/// Buckets of one exponential point; one that has more is read at a lower scale.
const EXPONENTIAL_BUCKETS_MAX: usize = 640;
/// Rows of a heatmap.
const ROWS_MAX: usize = 48;

/// Buckets of a point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Buckets {
    /// Upper bounds of all buckets but the last, and counts.
    Explicit { bounds: Vec<f64>, counts: Vec<u64> },
    /// Bucket `i` is `(base^i, base^(i+1)]` with base 2^(2^-scale), and its mirror image.
    Exponential {
        scale: i32,
        zero: u64,
        zero_threshold: f64,
        positive: BTreeMap<i32, u64>,
        negative: BTreeMap<i32, u64>,
    },
}

/// One point: a total or the growth since the last point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) buckets: Buckets,
}

impl Histogram {
    /// The buckets of an exponential point, at a scale that keeps them few.
    pub(crate) fn exponential(
        scale: i32,
        zero: u64,
        zero_threshold: f64,
        positive: (i32, &[u64]),
        negative: (i32, &[u64]),
    ) -> Buckets {
        let filled = |counts: &[u64]| counts.iter().filter(|count| **count > 0).count();
        let mut shift = 0;
        let filled = filled(positive.1).max(filled(negative.1));
        while (filled >> shift) > EXPONENTIAL_BUCKETS_MAX {
            shift += 1;
        }
        let side = |(offset, counts): (i32, &[u64])| {
            let mut side: BTreeMap<i32, u64> = BTreeMap::new();
            for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let index = i64::from(offset) + index as i64;
                let index = (index >> shift).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
                let total = side.entry(index as i32).or_default();
                *total = total.saturating_add(*count);
            }
            side
        };
        Buckets::Exponential {
            scale: scale.saturating_sub(shift),
            zero,
            zero_threshold,
            positive: side(positive),
            negative: side(negative),
        }
    }
}

/// `side` with buckets 2^`shift` times as wide.
fn merged(side: &BTreeMap<i32, u64>, shift: u32) -> BTreeMap<i32, u64> {
    let mut out: BTreeMap<i32, u64> = BTreeMap::new();
    for (index, count) in side {
        let total = out.entry(index >> shift.min(31)).or_default();
        *total = total.saturating_add(*count);
    }
    out
}

/// What `later` has more than `earlier`; `None` when a bucket has less.
fn more(later: &BTreeMap<i32, u64>, earlier: &BTreeMap<i32, u64>) -> Option<BTreeMap<i32, u64>> {
    if earlier
        .iter()
        .any(|(i, n)| later.get(i).copied().unwrap_or(0) < *n)
    {
        return None;
    }
    let grown = later.iter().map(|(index, count)| {
        let before = earlier.get(index).copied().unwrap_or(0);
        (*index, count - before)
    });
    Some(grown.filter(|(_, count)| *count > 0).collect())
}

impl Total for Histogram {
    fn since(&self, earlier: &Histogram) -> Since<Histogram> {
        let Some(count) = self.count.checked_sub(earlier.count) else {
            return Since::Reset;
        };
        let buckets = match (&self.buckets, &earlier.buckets) {
            (
                Buckets::Explicit { bounds, counts },
                Buckets::Explicit {
                    bounds: bounds_before,
                    counts: counts_before,
                },
            ) => {
                if bounds != bounds_before || counts.len() != counts_before.len() {
                    return Since::Unrelated;
                }
                let pairs = counts.iter().zip(counts_before);
                let grown: Option<Vec<u64>> =
                    pairs.map(|(n, before)| n.checked_sub(*before)).collect();
                let bounds = bounds.clone();
                grown.map(|counts| Buckets::Explicit { bounds, counts })
            }
            (
                Buckets::Exponential {
                    scale,
                    zero,
                    zero_threshold,
                    positive,
                    negative,
                },
                Buckets::Exponential {
                    scale: scale_before,
                    zero: zero_before,
                    positive: positive_before,
                    negative: negative_before,
                    ..
                },
            ) => {
                let lowest = *scale.min(scale_before);
                let at = |side, scale: i32| merged(side, scale.abs_diff(lowest));
                let grown = |side, before| more(&at(side, *scale), &at(before, *scale_before));
                match (
                    zero.checked_sub(*zero_before),
                    grown(positive, positive_before),
                    grown(negative, negative_before),
                ) {
                    (Some(zero), Some(positive), Some(negative)) => Some(Buckets::Exponential {
                        scale: lowest,
                        zero,
                        zero_threshold: *zero_threshold,
                        positive,
                        negative,
                    }),
                    _ => None,
                }
            }
            _ => return Since::Unrelated,
        };
        match buckets {
            Some(buckets) => Since::Grew(Histogram {
                count,
                sum: self.sum - earlier.sum,
                buckets,
            }),
            None => Since::Reset,
        }
    }
}

/// A bound as a key of a map, in order of size.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound(f64);

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What fell into one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Distribution {
    /// Values.
    pub(crate) count: f64,
    /// Their sum.
    pub(crate) sum: f64,
    buckets: BTreeMap<(Bound, Bound), f64>,
}

impl Distribution {
    /// Adds `share` of `histogram`.
    pub(crate) fn add(&mut self, histogram: &Histogram, share: f64) {
        self.count += histogram.count as f64 * share;
        self.sum += histogram.sum * share;
        match &histogram.buckets {
            Buckets::Explicit { bounds, counts } => {
                for (index, count) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
                    let lower = match index {
                        0 => f64::NEG_INFINITY,
                        _ => bounds.get(index - 1).copied().unwrap_or(f64::INFINITY),
                    };
                    let upper = bounds.get(index).copied().unwrap_or(f64::INFINITY);
                    self.put(lower, upper, *count as f64 * share);
                }
            }
            Buckets::Exponential {
                scale,
                zero,
                zero_threshold,
                positive,
                negative,
            } => {
                let edge = |index: i64| (index as f64 * (-f64::from(*scale)).exp2()).exp2();
                for (index, count) in positive {
                    let (low, high) = (edge(i64::from(*index)), edge(i64::from(*index) + 1));
                    self.put(low, high, *count as f64 * share);
                }
                for (index, count) in negative {
                    let (low, high) = (edge(i64::from(*index)), edge(i64::from(*index) + 1));
                    self.put(-high, -low, *count as f64 * share);
                }
                let width = zero_threshold.abs();
                let low = if negative.is_empty() { 0.0 } else { -width };
                self.put(low, width, *zero as f64 * share);
            }
        }
    }

    /// Adds all of `other`.
    pub(crate) fn merge(&mut self, other: &Distribution) {
        self.count += other.count;
        self.sum += other.sum;
        for ((lower, upper), count) in &other.buckets {
            *self.buckets.entry((*lower, *upper)).or_default() += count;
        }
    }

    fn put(&mut self, lower: f64, upper: f64, count: f64) {
        if count > 0.0 && !lower.is_nan() && !upper.is_nan() {
            *self
                .buckets
                .entry((Bound(lower), Bound(upper)))
                .or_default() += count;
        }
    }

    /// The value that a share `q` of the values is below; `None` when the buckets tell nothing.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let spans: Vec<(f64, f64, f64)> = self
            .buckets
            .iter()
            .filter_map(|((lower, upper), count)| {
                closed(lower.0, upper.0).map(|(l, u)| (l, u, *count))
            })
            .collect();
        let total: f64 = spans.iter().map(|(_, _, count)| count).sum();
        if total <= 0.0 {
            return None;
        }
        // What rounding may take away must not move the answer over a gap.
        let rank = q.clamp(0.0, 1.0) * total * (1.0 - 1e-12);
        let mut edges: Vec<f64> = spans.iter().flat_map(|(l, u, _)| [*l, *u]).collect();
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let mut below = 0.0;
        let mut open: Vec<(f64, f64, f64)> = Vec::new();
        let mut waiting = spans.into_iter().peekable();
        for pair in edges
            .windows(2)
            .chain(std::iter::once(&edges[edges.len() - 1..]))
        {
            let at = pair[0];
            while let Some((lower, upper, count)) = waiting.next_if(|(lower, ..)| *lower <= at) {
                if lower < upper {
                    open.push((lower, upper, count));
                } else {
                    below += count;
                }
            }
            if below >= rank && below > 0.0 {
                return Some(at);
            }
            let Some(next) = pair.get(1) else { break };
            open.retain(|(_, upper, _)| *upper > at);
            let share =
                |(lower, upper, count): &(f64, f64, f64)| count * ((next - at) / (upper - lower));
            let inside: f64 = open.iter().map(share).sum();
            if inside > 0.0 && below + inside >= rank {
                return Some(at + (next - at) * ((rank - below) / inside).clamp(0.0, 1.0));
            }
            below += inside;
        }
        edges.last().copied()
    }
}

/// A bucket with finite bounds; one that is open upwards lies at its lower bound. `None` for the
/// only bucket of a histogram without bounds.
fn closed(lower: f64, upper: f64) -> Option<(f64, f64)> {
    match (lower.is_finite(), upper.is_finite()) {
        (true, true) => Some((lower, upper)),
        (true, false) => Some((lower, lower)),
        (false, true) => Some((upper.min(0.0), upper)),
        (false, false) => None,
    }
}

/// A heatmap's rows over all `steps`: edges, rising, with infinite ones where buckets are open, and
/// for each row the counts by step.
pub(crate) fn heatmap(steps: &[Distribution]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    let edges = edges(steps)?;
    let mut rows = vec![vec![0.0; steps.len()]; edges.len() - 1];
    for (column, step) in steps.iter().enumerate() {
        for ((lower, upper), count) in &step.buckets {
            for (row, share) in shares(&edges, lower.0, upper.0) {
                rows[row][column] += count * share;
            }
        }
    }
    Some((edges, rows))
}

/// The edges of all buckets, or, when these are too many, edges in equal ratios.
fn edges(steps: &[Distribution]) -> Option<Vec<f64>> {
    let mut edges: Vec<f64> = steps
        .iter()
        .flat_map(|step| {
            step.buckets
                .keys()
                .flat_map(|(lower, upper)| [lower.0, upper.0])
        })
        .collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    if edges.len() < 2 {
        // One value of an exponential histogram's zero bucket.
        return edges.first().map(|edge| vec![*edge, *edge]);
    }
    if edges.len() <= ROWS_MAX + 1 {
        return Some(edges);
    }
    let mut positive = edges
        .iter()
        .copied()
        .filter(|edge| *edge > 0.0 && edge.is_finite());
    let lowest = positive.clone().next()?;
    let highest = positive.next_back()?;
    let mut out = Vec::new();
    if edges[0] < 0.0 {
        out.push(edges[0]);
    }
    if edges[0] <= 0.0 {
        out.push(0.0);
    }
    let rows = (ROWS_MAX - 2) as f64;
    let ratio = (highest / lowest).ln();
    for row in 0..=ROWS_MAX - 2 {
        out.push(lowest * (ratio * row as f64 / rows).exp());
    }
    if let Some(last) = out.last_mut() {
        *last = highest;
    }
    if edges.last() == Some(&f64::INFINITY) {
        out.push(f64::INFINITY);
    }
    out.dedup();
    Some(out)
}

/// The rows that a bucket lies in, and its share in each.
fn shares(edges: &[f64], lower: f64, upper: f64) -> Vec<(usize, f64)> {
    let rows = edges.len() - 1;
    let row_of = |value: f64| edges.partition_point(|edge| *edge < value).clamp(1, rows) - 1;
    if !lower.is_finite() || !upper.is_finite() || lower >= upper {
        let inner = if upper.is_finite() {
            upper
        } else {
            f64::INFINITY
        };
        return vec![(row_of(inner), 1.0)];
    }
    let mut out = Vec::new();
    for row in row_of(lower)..rows {
        let inside = edges[row + 1].min(upper) - edges[row].max(lower);
        if inside > 0.0 {
            out.push((row, inside / (upper - lower)));
        }
        if edges[row + 1] >= upper {
            break;
        }
    }
    if out.is_empty() {
        out.push((row_of(upper), 1.0));
    }
    out
}

#[cfg(test)]
mod tests;

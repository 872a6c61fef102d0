//! Distributions against values that are known: quantiles, differences, heatmaps.

use proptest::prelude::*;

use super::*;

fn explicit(bounds: &[f64], counts: &[u64]) -> Histogram {
    Histogram {
        count: counts.iter().sum(),
        sum: 0.0,
        buckets: Buckets::Explicit {
            bounds: bounds.to_vec(),
            counts: counts.to_vec(),
        },
    }
}

fn distribution(histograms: &[Histogram]) -> Distribution {
    let mut out = Distribution::default();
    for histogram in histograms {
        out.add(histogram, 1.0);
    }
    out
}

/// An exponential histogram of `values` as an SDK would make it.
fn exponential(scale: i32, values: &[f64]) -> Histogram {
    let mut positive = BTreeMap::new();
    let mut zero = 0;
    for value in values {
        if *value == 0.0 {
            zero += 1;
            continue;
        }
        let index = (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1;
        *positive.entry(index).or_default() += 1;
    }
    Histogram {
        count: values.len() as u64,
        sum: values.iter().sum(),
        buckets: Buckets::Exponential {
            scale,
            zero,
            zero_threshold: 0.0,
            positive,
            negative: BTreeMap::new(),
        },
    }
}

/// Scenario: medians inside a bucket, in the first, in the open last one; gaps; no values; no
/// bounds; a bound below 0.
/// Guarantees: the values Prometheus would give.
#[test]
fn quantiles_of_explicit_buckets() {
    let check = |q, bounds: &[f64], counts: &[u64], want: Option<f64>| {
        let got = distribution(&[explicit(bounds, counts)]).quantile(q);
        match (got, want) {
            (Some(got), Some(want)) => assert!((got - want).abs() < 1e-6, "{got} {want}"),
            (got, want) => assert_eq!(got, want),
        }
    };
    let bounds = &[10.0, 20.0];
    check(0.5, bounds, &[0, 4, 0], Some(15.0));
    check(0.5, bounds, &[2, 0, 0], Some(5.0));
    check(0.9, bounds, &[1, 0, 9], Some(20.0));
    check(0.5, bounds, &[0, 0, 0], None);
    check(0.5, &[], &[7], None);
    check(0.5, &[10.0, 20.0, 30.0, 40.0], &[5, 0, 0, 5, 0], Some(10.0));
    check(0.5, &[-5.0, 5.0], &[10, 0, 0], Some(-5.0));
    check(1.0, bounds, &[1, 1, 0], Some(20.0));
    check(0.0, bounds, &[0, 1, 0], Some(10.0));
}

/// Scenario: totals of explicit and exponential histograms, of which the later one has more, less,
/// a lower scale, other bounds.
/// Guarantees: the difference by bucket; a fall is a reset; other bounds are unrelated.
#[test]
fn totals_differ_by_bucket() {
    let (before, after) = (explicit(&[1.0], &[2, 3]), explicit(&[1.0], &[4, 3]));
    assert_eq!(after.since(&before), Since::Grew(explicit(&[1.0], &[2, 0])));
    assert_eq!(before.since(&after), Since::Reset);
    assert_eq!(after.since(&explicit(&[2.0], &[1, 1])), Since::Unrelated);
    let (before, after) = (
        exponential(3, &[1.5, 9.0]),
        exponential(1, &[1.5, 1.5, 9.0, 100.0]),
    );
    let Since::Grew(grown) = after.since(&before) else {
        panic!("not grown");
    };
    let want = exponential(1, &[1.5, 100.0]);
    assert_eq!((grown.count, grown.buckets), (2, want.buckets));
    assert_eq!(before.since(&exponential(3, &[7.0])), Since::Reset);
}

/// Scenario: distributions with few buckets, and with more than a heatmap has rows.
/// Guarantees: few rows, and every value in one of them.
#[test]
fn heatmaps_count_everything() {
    let few = distribution(&[explicit(&[1.0, 2.0], &[1, 2, 3])]);
    let (edges, rows) = heatmap(&[few, Distribution::default()]).unwrap();
    assert_eq!(edges, [f64::NEG_INFINITY, 1.0, 2.0, f64::INFINITY]);
    assert_eq!(rows, [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]);
    let values: Vec<f64> = (0..2000).map(|i| f64::from(i) * 1.7).collect();
    let many = distribution(&[exponential(6, &values), explicit(&[100.0, 1e9], &[5, 5, 1])]);
    let (edges, rows) = heatmap(&[many]).unwrap();
    assert!(rows.len() <= ROWS_MAX + 1 && edges.len() == rows.len() + 1);
    assert!(edges.is_sorted());
    let total: f64 = rows.iter().flatten().sum();
    assert!((total - 2011.0).abs() < 1e-6, "{total}");
}

proptest! {
    /// Scenario: any values as an exponential histogram of any scale.
    /// Guarantees: each quantile is within a bucket's width of the value of that rank.
    #[test]
    fn quantiles_of_exponential_buckets(
        mut values in proptest::collection::vec(1e-3..1e6, 1..200), q in 0.01..1.0, scale in -1..8,
    ) {
        let got = distribution(&[exponential(scale, &values)]).quantile(q).unwrap();
        values.sort_by(f64::total_cmp);
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let base = (-f64::from(scale)).exp2().exp2();
        let (low, high) = (values[rank - 1] / base, values[rank - 1] * base);
        prop_assert!(got >= low * 0.999_999 && got <= high * 1.000_001, "{} {} {}", low, got, high);
    }

    /// Scenario: any two totals of which one contains the other, of one layout; quantiles of any
    /// mixture of layouts.
    /// Guarantees: the difference is what was added; quantiles rise with their share and stay
    /// within the bounds.
    #[test]
    fn growth_and_order(counts in proptest::collection::vec((0_u64..50, 0_u64..50), 4..5), q in 0.0..1.0) {
        let before: Vec<u64> = counts.iter().map(|(before, _)| *before).collect();
        let added: Vec<u64> = counts.iter().map(|(_, added)| *added).collect();
        let after: Vec<u64> = counts.iter().map(|(before, added)| before + added).collect();
        let bounds = [1.0, 5.0, 9.0];
        let since = explicit(&bounds, &after).since(&explicit(&bounds, &before));
        prop_assert_eq!(since, Since::Grew(explicit(&bounds, &added)));
        let mixed = distribution(&[explicit(&bounds, &before), explicit(&[0.5, 4.0, 20.0], &added)]);
        if let (Some(low), Some(high)) = (mixed.quantile(q * 0.7), mixed.quantile(q)) {
            prop_assert!(low <= high + 1e-9 && low >= 0.0 && high <= 20.0, "{} {}", low, high);
        }
    }
}

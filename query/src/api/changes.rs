//! What changed between two ranges of equal length: pure statistics.
//!
//! A change is told when it is unlikely to be chance (about four standard deviations) and large
//! enough to matter. Errors are compared as shares (two proportions), requests as counts (Poisson),
//! p95 by its logarithm, with the error that it has when durations are roughly log-normal.

use serde::Serialize;
use utoipa::ToSchema;

/// Requests in a range that an operation needs to be compared.
pub(crate) const REQUESTS_MIN: u32 = 20;
/// Changes of an answer.
const CHANGES_MAX: usize = 5;
/// Standard deviations.
const SCORE_MIN: f64 = 4.0;

/// The requests of one operation in one range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    pub(crate) requests: f64,
    pub(crate) errors: f64,
    pub(crate) p95: Option<f64>,
}

/// The requests of one operation in both ranges.
#[derive(Debug)]
pub(crate) struct Traffic {
    service: String,
    operation: String,
    pub(crate) before: Option<Side>,
    pub(crate) now: Option<Side>,
}

impl Traffic {
    pub(crate) fn of(service: &str, operation: &str) -> Traffic {
        Traffic {
            service: service.to_owned(),
            operation: operation.to_owned(),
            before: None,
            now: None,
        }
    }
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Changed {
    /// The duration that 95 % of requests stay below, in nanoseconds, rose.
    P95,
    /// The share of failed requests, 0 to 1, rose.
    Errors,
    /// Requests a second, rose or fell.
    Rate,
}

/// A change of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Change {
    /// The service; "" when it has no name.
    service: String,
    /// Name of the spans.
    operation: String,
    /// What changed.
    metric: Changed,
    /// In the range before.
    before: f64,
    /// In the range.
    after: f64,
    /// How sure it is: standard deviations.
    score: f64,
}

/// The surest changes, at most five, each of them in ranges of `seconds`.
pub(crate) fn worst(traffic: &[Traffic], seconds: f64) -> Vec<Change> {
    let mut changes: Vec<Change> = traffic
        .iter()
        .flat_map(|one| compare(one, seconds))
        .collect();
    changes.sort_by(|a, b| {
        let names = |c: &Change| (c.service.clone(), c.operation.clone());
        b.score
            .total_cmp(&a.score)
            .then_with(|| names(a).cmp(&names(b)))
    });
    changes.truncate(CHANGES_MAX);
    changes
}

fn compare(traffic: &Traffic, seconds: f64) -> Vec<Change> {
    let (Some(before), Some(now)) = (traffic.before, traffic.now) else {
        return Vec::new();
    };
    let all = [
        p95(before, now),
        errors(before, now),
        rate(before, now, seconds),
    ];
    all.into_iter()
        .flatten()
        .filter(|(_, _, _, score)| *score >= SCORE_MIN)
        .map(|(metric, before, after, score)| Change {
            service: traffic.service.clone(),
            operation: traffic.operation.clone(),
            metric,
            before,
            after,
            score: (score * 10.0).round() / 10.0,
        })
        .collect()
}

type Compared = Option<(Changed, f64, f64, f64)>;

fn p95(before: Side, now: Side) -> Compared {
    let (old, new) = (before.p95.filter(|p| *p > 0.0)?, now.p95?);
    if new < old * 1.25 {
        return None;
    }
    // The standard error of the logarithm of a log-normal's p95, sigma = 1, is 2.1 / sqrt(n).
    let error = 2.1 * (1.0 / before.requests + 1.0 / now.requests).sqrt();
    Some((Changed::P95, old, new, (new / old).ln() / error))
}

fn errors(before: Side, now: Side) -> Compared {
    let (old, new) = (before.errors / before.requests, now.errors / now.requests);
    if new < old + 0.01 {
        return None;
    }
    let both = (before.errors + now.errors) / (before.requests + now.requests);
    let error = (both * (1.0 - both) * (1.0 / before.requests + 1.0 / now.requests)).sqrt();
    Some((Changed::Errors, old, new, (new - old) / error.max(1e-9)))
}

fn rate(before: Side, now: Side, seconds: f64) -> Compared {
    let ratio = now.requests / before.requests;
    if (0.67..1.5).contains(&ratio) {
        return None;
    }
    let score = (now.requests - before.requests).abs() / (now.requests + before.requests).sqrt();
    let (old, new) = (before.requests / seconds, now.requests / seconds);
    Some((Changed::Rate, old, new, score))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(before: (f64, f64, f64), now: (f64, f64, f64)) -> Traffic {
        let side = |(requests, errors, p95): (f64, f64, f64)| {
            Some(Side {
                requests,
                errors,
                p95: Some(p95),
            })
        };
        Traffic {
            before: side(before),
            now: side(now),
            ..Traffic::of("s", "o")
        }
    }

    /// Scenario: requests that got slower, fail more often, stopped coming; the same with few
    /// requests; what got better; an operation that is new.
    /// Guarantees: what is sure and worse is told, nothing else, the surest first.
    #[test]
    fn only_sure_changes_are_told() {
        let metrics = |all: &[Traffic]| -> Vec<Changed> {
            worst(all, 60.0)
                .iter()
                .map(|change| change.metric)
                .collect()
        };
        let base = (1000.0, 10.0, 5e6);
        assert_eq!(metrics(&[traffic(base, base)]), []);
        assert_eq!(
            metrics(&[traffic(base, (1000.0, 10.0, 2e7))]),
            [Changed::P95]
        );
        assert_eq!(
            metrics(&[traffic(base, (1000.0, 200.0, 5e6))]),
            [Changed::Errors]
        );
        assert_eq!(
            metrics(&[traffic(base, (100.0, 1.0, 5e6))]),
            [Changed::Rate]
        );
        assert_eq!(metrics(&[traffic((20.0, 0.0, 5e6), (22.0, 1.0, 9e6))]), []);
        assert_eq!(metrics(&[traffic((1000.0, 300.0, 5e7), base)]), []);
        let new = Traffic {
            before: None,
            ..traffic(base, base)
        };
        assert_eq!(metrics(&[new]), []);
        let several: Vec<Traffic> = (1..9)
            .map(|n| traffic(base, (1000.0, 50.0 * f64::from(n), 5e6)))
            .collect();
        let told = worst(&several, 60.0);
        assert_eq!(told.len(), 5);
        assert!(told.is_sorted_by(|a, b| a.score >= b.score));
    }
}

//! When to try again, as OpenTelemetry SDKs do: exponential backoff with jitter, the server's own
//! wish honoured, bounded in time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);
const GROWTH: f64 = 1.5;

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Taken; `rejected` records were refused, or `message` warns.
    Accepted {
        /// Records refused for good.
        rejected: u64,
        /// Why, or a warning.
        message: String,
    },
    /// Not taken now: try again, after `wait` if the server said so.
    Retry {
        /// What the server asked for.
        wait: Option<Duration>,
        /// What it said.
        reason: String,
    },
    /// Not taken, for good.
    Failed(String),
}

/// The waits between the attempts of one request.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    until: Instant,
}

impl Backoff {
    /// Waits until `patience` is over.
    pub(crate) fn new(patience: Duration) -> Self {
        Backoff {
            next: FIRST,
            until: Instant::now() + patience,
        }
    }

    /// How long to wait now, at least `asked`; `None` when that would be too long.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let jittered = self.next.mul_f64(0.5 + random());
        let wait = match asked {
            Some(asked) => asked
                .max(Duration::from_millis(1))
                .mul_f64(1.0 + random() / 10.0),
            None => jittered,
        };
        self.next = self.next.mul_f64(GROWTH).min(LONGEST);
        (Instant::now() + wait < self.until).then_some(wait)
    }
}

/// From 0 to below 1, from the keys that the standard library draws for its hash maps.
fn random() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: repeated failures with and without a wish of the server, and the end of patience.
    /// Guarantees: waits grow up to a bound, are spread, honour the wish, and end.
    #[test]
    fn waits_grow_and_end() {
        let mut backoff = Backoff::new(Duration::from_secs(3600));
        for step in 0..20 {
            let mean = FIRST.mul_f64(GROWTH.powi(step)).min(LONGEST);
            let wait = backoff.wait(None).expect("is patient");
            assert!(
                wait >= mean.mul_f64(0.499) && wait <= mean.mul_f64(1.501),
                "{wait:?}"
            );
        }
        let asked = Duration::from_secs(7);
        let wait = backoff.wait(Some(asked)).expect("is patient");
        assert!(wait >= asked && wait < asked * 2);
        assert_eq!(Backoff::new(Duration::ZERO).wait(None), None);
        assert_ne!(random(), random());
    }
}

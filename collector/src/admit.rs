//! A budget of bytes in flight: says "slow down" before memory does.
//!
//! Input: what arrives of a request and what it inflates to; what it declares is only looked at, so
//! that a body which never comes keeps nobody out. Output: a permit that gives the bytes back when
//! the request ends, however it ends. The rows it becomes are counted by the store, when they are
//! handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// The bytes of all requests that are worked on.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    /// A budget of `max` bytes.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Budget {
            used: AtomicUsize::new(0),
            max,
        })
    }

    /// Takes `bytes`. Errors: `Overloaded` when they do not fit now.
    pub(crate) fn admit(self: &Arc<Self>, bytes: usize) -> Result<Permit> {
        let mut permit = Permit {
            budget: Arc::clone(self),
            bytes: 0,
        };
        permit.grow(bytes)?;
        Ok(permit)
    }
}

/// Bytes taken from a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Takes `more` bytes. Errors: `Overloaded` when they do not fit now; the permit stays as it is.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let budget = &self.budget;
        let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= budget.max);
        let before = budget
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map_err(|_| Error::Overloaded)?;
        self.bytes += more;
        metrics::gauge!("oriel_in_flight_bytes").set((before + more) as f64);
        Ok(())
    }

    /// Makes sure that at least `bytes` are taken. Errors: as for [`Permit::grow`].
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<()> {
        self.grow(bytes.saturating_sub(self.bytes))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let before = self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
        metrics::gauge!("oriel_in_flight_bytes").set((before - self.bytes) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two requests that fill a budget, a third, growth past the end, one that leaves.
    /// Guarantees: the limit holds to the byte, and all bytes come back.
    #[test]
    fn holds_the_limit_and_gives_back() {
        let budget = Budget::new(100);
        let mut one = budget.admit(60).unwrap();
        let two = budget.admit(30).unwrap();
        assert!(matches!(budget.admit(11), Err(Error::Overloaded)));
        one.cover(70).unwrap();
        one.cover(50).unwrap();
        assert!(matches!(one.grow(1), Err(Error::Overloaded)));
        assert!(matches!(one.grow(usize::MAX), Err(Error::Overloaded)));
        drop(two);
        one.grow(30).unwrap();
        drop(one);
        assert_eq!(budget.used.load(Ordering::SeqCst), 0);
    }
}

//! A budget of bytes in flight, of the process and of each tenant: says "slow down" before memory
//! does, and keeps a tenant that sends too much from keeping the others out.
//!
//! Input: what arrives of a request and what it inflates to; what it declares is only looked at, so
//! that a body which never comes keeps nobody out. Output: a permit that gives the bytes back when
//! the request ends, however it ends. The rows it becomes are counted by the store, when they are
//! handed over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Gauge, gauge};
use oriel_storage::TenantId;

use crate::{Error, Result};

/// The bytes of all requests that are worked on.
#[derive(Debug)]
pub(crate) struct Budget {
    used: Mutex<Used>,
    /// `oriel_in_flight_bytes`, looked up once.
    gauge: Gauge,
    max: usize,
    tenant_max: usize,
}

#[derive(Debug, Default)]
struct Used {
    all: usize,
    /// Of those tenants that have requests in flight.
    tenants: HashMap<TenantId, usize>,
}

impl Budget {
    /// A budget of `max` bytes, of which one tenant may take `tenant_max`.
    pub(crate) fn new(max: usize, tenant_max: usize) -> Arc<Self> {
        Arc::new(Budget {
            used: Mutex::default(),
            gauge: gauge!("oriel_in_flight_bytes"),
            max,
            tenant_max,
        })
    }

    /// Takes `bytes` for a request of `tenant`. Errors: `Overloaded` or `TenantOverloaded` when they
    /// do not fit now.
    pub(crate) fn admit(self: &Arc<Self>, tenant: &TenantId, bytes: usize) -> Result<Permit> {
        let mut permit = Permit {
            budget: Arc::clone(self),
            tenant: tenant.clone(),
            bytes: 0,
        };
        permit.grow(bytes)?;
        Ok(permit)
    }

    /// The bytes taken.
    pub(crate) fn used(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        // The sums are changed together, by steps that do not panic.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes taken from a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    tenant: TenantId,
    bytes: usize,
}

impl Permit {
    /// Takes `more` bytes. Errors: `Overloaded` when the process has no room for them now,
    /// `TenantOverloaded` when the tenant has its share; the permit stays as it is.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        if more == 0 {
            return Ok(());
        }
        let mut used = self.budget.lock();
        let own = used.tenants.get(&self.tenant).copied().unwrap_or(0);
        let fits = |used: usize, max: usize| used.checked_add(more).filter(|sum| *sum <= max);
        let all = fits(used.all, self.budget.max).ok_or(Error::Overloaded)?;
        let own = fits(own, self.budget.tenant_max).ok_or(Error::TenantOverloaded)?;
        used.all = all;
        match used.tenants.get_mut(&self.tenant) {
            Some(known) => *known = own,
            None => drop(used.tenants.insert(self.tenant.clone(), own)),
        }
        self.bytes += more;
        self.budget.gauge.set(all as f64);
        Ok(())
    }

    /// Makes sure that at least `bytes` are taken. Errors: as for [`Permit::grow`].
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<()> {
        self.grow(bytes.saturating_sub(self.bytes))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut used = self.budget.lock();
        used.all -= self.bytes;
        if let Some(own) = used.tenants.get_mut(&self.tenant) {
            *own -= self.bytes;
            if *own == 0 {
                used.tenants.remove(&self.tenant);
            }
        }
        self.budget.gauge.set(used.all as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    /// Scenario: two requests that fill a budget, a third, growth past the end, one that leaves.
    /// Guarantees: the limit holds to the byte, and all bytes come back.
    #[test]
    fn holds_the_limit_and_gives_back() {
        let budget = Budget::new(100, 100);
        let a = tenant("a");
        let mut one = budget.admit(&a, 60).unwrap();
        let two = budget.admit(&a, 30).unwrap();
        assert!(matches!(budget.admit(&a, 11), Err(Error::Overloaded)));
        one.cover(70).unwrap();
        one.cover(50).unwrap();
        assert!(matches!(one.grow(1), Err(Error::Overloaded)));
        assert!(matches!(one.grow(usize::MAX), Err(Error::Overloaded)));
        drop(two);
        one.grow(30).unwrap();
        drop(one);
        let used = budget.lock();
        assert_eq!((used.all, used.tenants.len()), (0, 0));
    }

    /// Scenario: tenant a takes all it can get, in requests that come, grow and go; tenant b sends one
    /// after the other beside it.
    /// Guarantees: a never has more than its share, and is told that it is a's fault; b is taken each
    /// time, up to what a left; the process limit holds for both together.
    #[test]
    fn a_tenant_that_saturates_leaves_room_for_others() {
        let budget = Budget::new(100, 75);
        let (a, b) = (tenant("a"), tenant("b"));
        let mut held = Vec::new();
        for round in 0..50 {
            loop {
                match budget.admit(&a, 1 + round % 7) {
                    Ok(permit) => held.push(permit),
                    Err(error) => {
                        assert!(matches!(error, Error::TenantOverloaded), "{error}");
                        break;
                    }
                }
            }
            let grown = held[0].grow(76);
            assert!(grown.is_err());
            let mut of_b = budget.admit(&b, 20).expect("b is taken");
            of_b.grow(5).expect("up to the last byte");
            assert!(matches!(of_b.grow(6), Err(Error::Overloaded)));
            held.truncate(held.len() / 2);
        }
    }
}

//! Memory of queries: a limit for each, and one for all of them together.
//!
//! DataFusion's sorts, joins and groups say what they hold before they hold it; they spill or fail
//! when they are refused. What passes through operators is not counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// What all queries hold together, and may hold. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Held>);

#[derive(Debug)]
struct Held {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl Memory {
    /// Nothing held yet, of `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Memory(Arc::new(Held {
            bytes: AtomicUsize::new(0),
            bytes_max,
        }))
    }

    /// Bytes that are held.
    pub(crate) fn used(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The pool of one query, which may hold `bytes_max`.
    pub(crate) fn pool(&self, bytes_max: usize) -> Pool {
        Pool {
            own: FairSpillPool::new(bytes_max.min(self.0.bytes_max)),
            all: self.clone(),
        }
    }

    fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Adds `bytes`; not if they are too many.
    fn try_add(&self, bytes: usize) -> Result<()> {
        let held = &self.0;
        let fits = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= held.bytes_max);
        let (after, before) = (Ordering::Relaxed, Ordering::Relaxed);
        match held.bytes.fetch_update(after, before, fits) {
            Ok(_) => Ok(()),
            Err(now) => Err(resources_datafusion_err!(
                "queries hold {now} bytes of memory together; with {bytes} more they would hold \
                 more than the {} of query.memory_bytes_total",
                held.bytes_max
            )),
        }
    }
}

/// The memory of one query, which counts for all as well.
#[derive(Debug)]
pub(crate) struct Pool {
    own: FairSpillPool,
    all: Memory,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.own.fmt(f)
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &str {
        "oriel"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.own.grow(reservation, additional);
        self.all.add(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.all.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.own.try_grow(reservation, additional)?;
        self.all
            .try_add(additional)
            .inspect_err(|_| self.own.shrink(reservation, additional))
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.own.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two queries take memory until they are refused, and give it back.
    /// Guarantees: each keeps its limit, both keep that of all; the sum is what they hold, and zero
    /// when they have gone.
    #[test]
    fn queries_share_a_limit() {
        let memory = Memory::new(1000);
        let pool = || -> Arc<dyn MemoryPool> { Arc::new(memory.pool(800)) };
        let (one, other) = (pool(), pool());
        let first = MemoryConsumer::new("first").register(&one);
        let second = MemoryConsumer::new("second").register(&other);
        assert!(first.try_grow(801).is_err(), "beyond its own limit");
        first.try_grow(700).expect("fits");
        let refused = second.try_grow(301).expect_err("beyond the limit of all");
        assert!(refused.to_string().contains("query.memory_bytes_total"));
        assert_eq!((memory.used(), other.reserved()), (700, 0));
        second.try_grow(300).expect("fits");
        first.shrink(100);
        assert_eq!(memory.used(), 900);
        drop((first, second));
        assert_eq!(memory.used(), 0);
    }
}

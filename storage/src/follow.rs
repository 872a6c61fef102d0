//! Rows as they become visible, for those who follow a table.
//!
//! ```text
//! publish -> tell (copies pointers into bounded queues) -> next (takes all that waits)
//! ```
//!
//! Telling never waits: a queue that is full counts the rows that it misses. While nobody follows,
//! it is one look at a counter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::schema::Table;
use crate::{Batch, TenantId};

/// Memory of rows that wait for one follower.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// All who follow a table of a store. Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Followers(Arc<List>);

#[derive(Debug, Default)]
struct List {
    count: AtomicUsize,
    queues: Mutex<Vec<Arc<Queue>>>,
}

#[derive(Debug)]
struct Queue {
    tenant: TenantId,
    table: Table,
    waiting: Mutex<Waiting>,
    told: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    followed: Followed,
    bytes: usize,
    closed: bool,
}

/// What became visible since the last look.
#[derive(Debug, Default)]
pub struct Followed {
    /// The rows, in the order in which they became visible.
    pub batches: Vec<Batch>,
    /// Rows that are not among them, because too many waited.
    pub missed: u64,
}

/// One who follows a table; dropped, it does no more.
#[derive(Debug)]
pub struct Following {
    list: Arc<List>,
    queue: Arc<Queue>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Followers {
    /// Follows `table` of `tenant` from now on.
    pub fn follow(&self, tenant: &TenantId, table: Table) -> Following {
        let queue = Arc::new(Queue {
            tenant: tenant.clone(),
            table,
            waiting: Mutex::default(),
            told: Notify::new(),
        });
        let mut queues = lock(&self.0.queues);
        queues.push(Arc::clone(&queue));
        self.0.count.store(queues.len(), Ordering::Release);
        Following {
            list: Arc::clone(&self.0),
            queue,
        }
    }

    /// Whether anybody follows.
    pub fn any(&self) -> bool {
        self.0.count.load(Ordering::Acquire) > 0
    }

    /// Tells those who follow of `batches` of `tenant`, which are visible now. Never waits for them.
    pub fn tell(&self, tenant: &TenantId, batches: &[Batch]) {
        if !self.any() {
            return;
        }
        for queue in lock(&self.0.queues).iter() {
            if queue.tenant == *tenant {
                queue.tell(batches);
            }
        }
    }

    /// Nothing more becomes visible.
    pub(crate) fn close(&self) {
        for queue in lock(&self.0.queues).iter() {
            lock(&queue.waiting).closed = true;
            queue.told.notify_one();
        }
    }
}

impl Queue {
    fn tell(&self, batches: &[Batch]) {
        let mut waiting = lock(&self.waiting);
        let mut told = false;
        for batch in batches.iter().filter(|batch| batch.table() == self.table) {
            let rows = batch.rows().num_rows();
            let bytes = waiting.bytes + batch.memory_bytes();
            // One is taken however large it is, or it would never be seen.
            if bytes > WAITING_BYTES_MAX && !waiting.followed.batches.is_empty() {
                waiting.followed.missed += rows as u64;
            } else if rows > 0 {
                waiting.bytes = bytes;
                waiting.followed.batches.push(batch.clone());
            }
            told |= rows > 0;
        }
        drop(waiting);
        if told {
            self.told.notify_one();
        }
    }
}

impl Following {
    /// What became visible since the last call, once there is something; `None` when the store has
    /// closed. Cancel safety: safe, nothing is lost.
    pub async fn next(&mut self) -> Option<Followed> {
        loop {
            {
                let mut waiting = lock(&self.queue.waiting);
                let followed = &mut waiting.followed;
                if !followed.batches.is_empty() || followed.missed > 0 {
                    let followed = std::mem::take(followed);
                    waiting.bytes = 0;
                    return Some(followed);
                }
                if waiting.closed {
                    return None;
                }
            }
            self.queue.told.notified().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut queues = lock(&self.list.queues);
        queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        self.list.count.store(queues.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use crate::testing::Request;

    /// Scenario: one who follows takes rows as they come, then does not look while far more come than
    /// may wait; one of another table and one of another tenant follow too; all leave.
    /// Guarantees: rows come once, in order; what does not fit is counted; others are told nothing;
    /// nothing is held for those who left.
    #[tokio::test]
    async fn followers_are_told_once() {
        let schemas = Schemas::format0();
        let tenant = TenantId::default_tenant();
        let followers = Followers::default();
        let batch = Request::new(1, &[(Table::Spans, 100)])
            .batches(&schemas)
            .remove(0);
        followers.tell(&tenant, std::slice::from_ref(&batch));
        let mut following = followers.follow(&tenant, Table::Spans);
        let logs = followers.follow(&tenant, Table::Logs);
        let other = followers.follow(&TenantId::new("other").expect("a name"), Table::Spans);
        for count in [1, 3] {
            let batches = vec![batch.clone(); count];
            followers.tell(&tenant, &batches);
            let followed = following.next().await.expect("open");
            assert_eq!((followed.batches.len(), followed.missed), (count, 0));
        }
        let fit = WAITING_BYTES_MAX / batch.memory_bytes();
        followers.tell(&tenant, &vec![batch.clone(); fit + 7]);
        let followed = following.next().await.expect("open");
        assert_eq!((followed.batches.len(), followed.missed), (fit, 700));
        for silent in [&logs, &other] {
            assert!(lock(&silent.queue.waiting).followed.batches.is_empty());
        }
        followers.close();
        assert!(following.next().await.is_none());
        drop((following, logs, other));
        assert!(!followers.any());
    }
}

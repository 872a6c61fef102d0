//! Threads for work that may wait: flushes, merges, retention, scrubbing. The system lets what
//! takes requests and answers queries go before them.
//!
//! A thread for each piece of such work, since an unprivileged thread cannot get its priority back; what
//! is urgent runs on the blocking pool. In: a closure. Out: its result; `None` when it panicked.

use tokio::sync::oneshot;

/// Added to the niceness of these threads: beside one busy thread of usual priority on the same core
/// they get a tenth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// How much a piece of work is in the way of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Goes after requests and queries.
    Later,
    /// Like them: they would soon wait for it.
    Now,
}

/// Runs `work`; what may wait on a thread called `name`.
pub(crate) async fn run<T: Send + 'static>(
    name: &'static str,
    urgency: Urgency,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    if urgency == Urgency::Now {
        return tokio::task::spawn_blocking(work).await.ok();
    }
    let (sender, done) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("oriel-{name}"));
    let started = thread.spawn(move || {
        step_back();
        // Nobody may be waiting any more.
        let _ = sender.send(work());
    });
    if let Err(error) = started {
        tracing::error!(%error, thread = name, "cannot start a thread");
    }
    done.await.ok()
}

/// Lowers the priority of this thread, for good.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "a call of C without pointers: Linux changes the niceness of the calling thread alone (nice(2), pthreads(7))"
)]
pub(crate) fn step_back() {
    // It fails only where the niceness would fall.
    let _ = unsafe { libc::nice(NICE) };
}

/// Elsewhere nice(2) is of the whole process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: work of both urgencies, and work that panics.
    /// Guarantees: results come back; only work that may wait runs at a lower priority, and only its own
    /// thread; a panic is told from a result.
    #[tokio::test]
    async fn only_its_own_thread_steps_back() {
        let own = niceness();
        let now = run("test", Urgency::Now, niceness).await;
        let later = run("test", Urgency::Later, niceness).await;
        assert_eq!(now, Some(own));
        #[cfg(target_os = "linux")]
        assert_eq!(later, Some((own + i64::from(NICE)).min(19)));
        assert!(later.is_some());
        assert_eq!(niceness(), own);
        let panics = || -> u8 { panic!("as the test wants") };
        assert_eq!(run("test", Urgency::Now, panics).await, None);
    }

    /// Of this thread.
    fn niceness() -> i64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let nice = fields.split_whitespace().nth(16);
        nice.and_then(|nice| nice.parse().ok()).unwrap_or_default()
    }
}

//! What a store does by itself: join small batches, flush by size and age, merge, expire, scrub,
//! watch the disk.
//!
//! What may wait runs on threads of low priority (`background`), a flush while there is room for rows.
//! Each task sleeps without holding the store, so that a store that is dropped ends at once; its
//! tasks notice and end too.

use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::background::{self, Urgency};
use crate::engine::full;
use crate::replay::Backlog;
use crate::store::Inner;
use crate::{Error, PartId, ReplayFn, Result};

const DISK_INTERVAL: Duration = Duration::from_secs(1);
const EXPIRE_INTERVAL: Duration = Duration::from_secs(60);
/// Least time between two looks at retention on a nearly full disk.
const EXPIRE_PAUSE: Duration = Duration::from_secs(5);
/// The first pass of the scrubber begins this long after a start, at most.
const SCRUB_DELAY: Duration = Duration::from_secs(60);
/// For so long no merge is begun while requests are refused for want of memory.
const MERGE_PATIENCE: Duration = Duration::from_secs(10);
/// How often a merge that is put off looks whether it may begin.
const CALM_LOOK: Duration = Duration::from_millis(50);
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// How short the process is of memory, and what the store does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pressure {
    /// Nothing.
    #[default]
    None,
    /// Flushes early.
    Flush,
    /// Refuses new requests, retryably, as well.
    Refuse,
}

/// Wakes tasks before their time.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// Buffers have reached `flush_bytes`.
    pub(crate) flush: Notify,
    /// Small batches wait to be joined.
    pub(crate) join: Notify,
    /// The disk is nearly full.
    pub(crate) expire: Notify,
    /// How short the process is of memory: a [`Pressure`].
    pub(crate) pressure: AtomicU8,
}

/// Starts all tasks; they end when `stop` changes or its sender is gone.
pub(crate) fn start(store: &Arc<Inner>, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    let weak = Arc::downgrade(store);
    let wake = Arc::clone(&store.wake);
    vec![
        tokio::spawn(flush(Weak::clone(&weak), Arc::clone(&wake), stop.clone())),
        tokio::spawn(join(Weak::clone(&weak), Arc::clone(&wake), stop.clone())),
        tokio::spawn(compact(Weak::clone(&weak), stop.clone())),
        tokio::spawn(expire(Weak::clone(&weak), wake, stop.clone())),
        tokio::spawn(scrub(Weak::clone(&weak), stop.clone())),
        tokio::spawn(disk(weak, stop.clone())),
    ]
}

/// Waits for `event`; false when the tasks shall end.
async fn until(stop: &mut watch::Receiver<bool>, event: impl Future<Output = ()>) -> bool {
    tokio::select! {
        _ = stop.changed() => false,
        () = event => true,
    }
}

async fn until_or(pause: Duration, early: &Notify) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = early.notified() => {}
    }
}

/// Runs a step on a thread of its own; logs its error. Returns whether it went well.
async fn step(
    name: &'static str,
    urgency: Urgency,
    store: Arc<Inner>,
    work: impl FnOnce(&Inner) -> Result<()> + Send + 'static,
) -> bool {
    let done = background::run(name, urgency, move || work(&store)).await;
    match done.unwrap_or(Err(Error::Stopped(name))) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(step = name, error = %full(&error), "a background step has failed and will be tried again");
            metrics::counter!("oriel_step_errors_total", "step" => name).increment(1);
            false
        }
    }
}

/// Replays the log, however often it takes.
pub(crate) async fn replay(
    store: Weak<Inner>,
    backlog: Backlog,
    decode: ReplayFn,
    mut stop: watch::Receiver<bool>,
) {
    let backlog = Arc::new(backlog);
    let mut backoff = BACKOFF_MIN;
    loop {
        let (store, backlog, decode) = (
            Weak::clone(&store),
            Arc::clone(&backlog),
            Arc::clone(&decode),
        );
        let living = Weak::clone(&store);
        let run = tokio::task::spawn_blocking(move || backlog.replay(&store, &decode));
        match run.await.unwrap_or(Err(Error::Stopped("replay"))) {
            Ok(()) => return,
            Err(_) if living.upgrade().is_none_or(|store| store.closing()) => return,
            Err(error) => {
                tracing::error!(error = %full(&error), "replaying the write-ahead log has failed and will be tried again");
                metrics::counter!("oriel_step_errors_total", "step" => "replay").increment(1);
            }
        }
        if !until(&mut stop, tokio::time::sleep(backoff)).await {
            return;
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn flush(store: Weak<Inner>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    let mut backoff = BACKOFF_MIN;
    let mut pause = BACKOFF_MIN;
    while until(&mut stop, until_or(pause, &wake.flush)).await {
        let Some(store) = store.upgrade() else { return };
        let config = &store.engine.config;
        let (age_max, bytes_max) = (config.flush_interval, config.flush_threshold());
        let short = wake.pressure.load(Ordering::Relaxed) >= Pressure::Flush as u8;
        // Not row by row: that would make as many files.
        let bytes_max = if short { bytes_max / 8 + 1 } else { bytes_max };
        let left = store.engine.state.flush_due(bytes_max, age_max);
        if left != Some(Duration::ZERO) {
            // New rows are noticed within a tenth of the time that they may wait.
            let tick = (age_max / 10).clamp(Duration::from_millis(5), BACKOFF_MIN);
            pause = left
                .map_or(tick, |left| left.min(tick))
                .max(Duration::from_millis(1));
            continue;
        }
        // Requests are refused soon when this one waits for them.
        let full = store.buffered_bytes() >= config.buffer_bytes_max.as_u64() / 2;
        let urgency = if short || full {
            Urgency::Now
        } else {
            Urgency::Later
        };
        if step("flush", urgency, store, |store| {
            store.flush_once().map(drop)
        })
        .await
        {
            (backoff, pause) = (BACKOFF_MIN, Duration::from_millis(1));
        } else if until(&mut stop, tokio::time::sleep(backoff)).await {
            backoff = (backoff * 2).min(BACKOFF_MAX);
        } else {
            return;
        }
    }
}

async fn join(store: Weak<Inner>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    while until(&mut stop, wake.join.notified()).await {
        let Some(store) = store.upgrade() else { return };
        step("join", Urgency::Now, store, Inner::join_small).await;
    }
}

async fn compact(store: Weak<Inner>, mut stop: watch::Receiver<bool>) {
    let Some((pause, wake)) = store.upgrade().map(|store| {
        (
            store.engine.config.compact_interval,
            Arc::clone(&store.wake),
        )
    }) else {
        return;
    };
    while until(&mut stop, tokio::time::sleep(pause)).await {
        // A merge takes memory that requests are refused for; but without merges files pile up.
        let (wake, patient_until) = (Arc::clone(&wake), Instant::now() + MERGE_PATIENCE);
        let put_off = move || {
            let pressure = wake.pressure.load(Ordering::Relaxed);
            pressure >= Pressure::Refuse as u8 && Instant::now() < patient_until
        };
        while put_off() {
            if !until(&mut stop, tokio::time::sleep(CALM_LOOK)).await {
                return;
            }
        }
        let Some(store) = store.upgrade() else { return };
        let work = move |store: &Inner| store.compact_until(&put_off);
        step("compact", Urgency::Later, store, work).await;
    }
}

async fn expire(store: Weak<Inner>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    loop {
        let Some(store) = store.upgrade() else { return };
        let urgency = match store.engine.disk.nearly_full() {
            true => Urgency::Now,
            false => Urgency::Later,
        };
        step("expire", urgency, store, |store| store.engine.expire()).await;
        let pause = until(&mut stop, tokio::time::sleep(EXPIRE_PAUSE)).await;
        if !pause || !until(&mut stop, until_or(EXPIRE_INTERVAL, &wake.expire)).await {
            return;
        }
    }
}

/// Reads all files again and again, and writes down damage that anybody has found.
async fn scrub(store: Weak<Inner>, mut stop: watch::Receiver<bool>) {
    let Some((interval, rate, state)) = store.upgrade().map(|store| {
        let config = &store.engine.config;
        let rate = config.scrub_bytes_per_second.as_u64().max(1);
        (config.scrub_interval, rate, Arc::clone(&store.engine.state))
    }) else {
        return;
    };
    let off = interval.is_zero();
    let mut pause = interval.min(SCRUB_DELAY);
    let mut after = PartId(0);
    loop {
        let found = async {
            tokio::select! {
                () = state.damage.notified() => true,
                () = tokio::time::sleep(pause), if !off => false,
            }
        };
        let found = tokio::select! {
            _ = stop.changed() => return,
            found = found => found,
        };
        let Some(store) = store.upgrade() else { return };
        if found {
            step("damage", Urgency::Now, store, |store| {
                store.engine.keep_damage()
            })
            .await;
            continue;
        }
        let scrub = move || store.engine.scrub(after);
        let next = background::run("scrub", Urgency::Later, scrub).await;
        (after, pause) = match next.unwrap_or(Err(Error::Stopped("scrub"))) {
            Ok(Some((id, bytes))) => (id, Duration::from_secs_f64(bytes as f64 / rate as f64)),
            Ok(None) => (PartId(0), interval),
            Err(error) => {
                tracing::error!(error = %full(&error), "cannot compare parts with their checksums");
                (after, BACKOFF_MAX)
            }
        };
    }
}

async fn disk(store: Weak<Inner>, mut stop: watch::Receiver<bool>) {
    let mut was_full = false;
    while until(&mut stop, tokio::time::sleep(DISK_INTERVAL)).await {
        let Some(store) = store.upgrade() else { return };
        let disk = Arc::clone(&store.engine.disk);
        let wake = Arc::clone(&store.wake);
        let ask = |store: &Inner| {
            store.engine.disk.refresh();
            Ok(())
        };
        step("disk", Urgency::Now, store, ask).await;
        if disk.nearly_full() {
            wake.expire.notify_one();
        }
        match disk.check(0) {
            Err(error) if !was_full => tracing::warn!(%error, "writes are refused"),
            Ok(()) if was_full => tracing::info!("the disk has space again; writes are accepted"),
            _ => {}
        }
        was_full = disk.check(0).is_err();
    }
}

//! One account of the memory that grows with load, and what is done when it nears `limits.memory`.
//!
//! Counted: what the process takes when nothing is done (code, tables of the allocator and the
//! runtime); the window of requests that were stored; requests in flight, as received and decompressed; buffered rows; flushes and merges that
//! run; sorts, joins and groups of queries. When they reach a share of the limit, the governor does,
//! one after the other:
//!
//! | from | what | until below |
//! |---|---|---|
//! | 75 % | refuse new queries (503) | 70 % |
//! | 85 % | flush early | 80 % |
//! | 95 % | refuse new requests (503, UNAVAILABLE) | 90 % |
//!
//! What the process holds beyond (caches, connections, what the allocator keeps) is seen by the
//! operating system only: while much is counted, its figure decides where it is the larger one, and where
//! it nears the limit, the allocator gives back what it keeps for reuse. Settings that would let one
//! piece alone take most of the limit are lowered at the start.

use std::time::Duration;

use bytesize::ByteSize;
use oriel_collector::Collector;
use oriel_query::Activity;
use oriel_storage::{Pressure, Store};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::allocator;
use crate::config::Settings;

/// How often to look, with more than half of the limit in use and with less.
const TICKS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(50)];
/// Looks without a purge of the allocator after one, and after one that gave little back.
const PAUSE_TICKS: [u32; 2] = [4, 50];
/// Where each stage begins, in percent of the limit.
const STAGES: [(u64, Stage); 3] = [
    (95, Stage::Refuse),
    (85, Stage::Flush),
    (75, Stage::Queries),
];
/// A stage ends this many percent below its begin.
const BACK: u64 = 5;

/// How far the shedding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Nothing is shed.
    Calm,
    /// New queries are refused.
    Queries,
    /// Rows are flushed early, too.
    Flush,
    /// New requests are refused, too.
    Refuse,
}

/// The account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Used {
    /// The process itself, as it was at its start; a quarter of the limit at most.
    process: u64,
    /// The window of requests that were stored, so that a retry is stored once.
    window: u64,
    /// Requests in flight, as received and decompressed.
    in_flight: u64,
    /// Rows in no file yet.
    buffers: u64,
    /// Flushes and merges that run, at most.
    work: u64,
    /// Sorts, joins and groups of queries.
    queries: u64,
}

impl Used {
    /// All of it.
    pub(crate) fn sum(&self) -> u64 {
        let pieces = [self.in_flight, self.buffers, self.work, self.queries];
        pieces
            .iter()
            .fold(self.kept(), |sum, piece| sum.saturating_add(*piece))
    }

    /// What no refusal gives back.
    fn kept(&self) -> u64 {
        self.process + self.window
    }

    fn export(&self) {
        let pieces = [
            ("process", self.process),
            ("window", self.window),
            ("in_flight", self.in_flight),
            ("buffers", self.buffers),
            ("work", self.work),
            ("queries", self.queries),
        ];
        for (piece, bytes) in pieces {
            metrics::gauge!("oriel_memory_bytes", "piece" => piece).set(bytes as f64);
        }
    }
}

/// What is counted, and what sheds.
#[derive(Debug, Clone)]
pub(crate) struct Governor {
    pub(crate) limit: u64,
    process: u64,
    store: Store,
    collector: Collector,
    activity: Activity,
}

impl Governor {
    /// Watches over the store, the collector and the queries from now on, until `stop`.
    pub(crate) fn start(
        limit: u64,
        store: &Store,
        collector: &Collector,
        activity: &Activity,
        stop: &CancellationToken,
    ) -> Governor {
        let mut governor = Governor {
            limit,
            process: 0,
            store: store.clone(),
            collector: collector.clone(),
            activity: activity.clone(),
        };
        // A replay has begun to fill buffers already.
        let own = resident()
            .unwrap_or(0)
            .saturating_sub(governor.used().sum());
        governor.process = own.min(limit / 4);
        tokio::spawn(governor.clone().run(stop.clone()));
        governor
    }

    /// The account now.
    pub(crate) fn used(&self) -> Used {
        Used {
            process: self.process,
            window: self.store.window_bytes(),
            in_flight: self.collector.in_flight_bytes() as u64,
            buffers: self.store.buffer_bytes(),
            work: self.store.work_bytes(),
            queries: self.activity.memory_used() as u64,
        }
    }

    /// Looks and sheds until `stop`.
    async fn run(self, stop: CancellationToken) {
        metrics::gauge!("oriel_memory_limit_bytes").set(self.limit as f64);
        let mut stage = Stage::Calm;
        let (mut pause, mut tick) = (0u32, TICKS[1]);
        while stop
            .run_until_cancelled(tokio::time::sleep(tick))
            .await
            .is_some()
        {
            let used = self.used();
            used.export();
            let mut resident = self::resident();
            let near = self.limit / 8 * 5;
            tick = TICKS[usize::from(resident <= Some(self.limit / 2))];
            pause = pause.saturating_sub(1);
            if pause == 0 && resident > Some(near) {
                let _ = tokio::task::spawn_blocking(allocator::purge).await;
                let before = resident;
                resident = self::resident();
                let given = before.unwrap_or(0).saturating_sub(resident.unwrap_or(0));
                pause = PAUSE_TICKS[usize::from(given < self.limit / 64)];
            }
            let merges = self.store.merge_bytes();
            let next = next(stage, used, merges, resident, self.limit);
            if next != stage {
                self.shed(next, used);
                stage = next;
            }
        }
    }

    fn shed(&self, stage: Stage, used: Used) {
        let (bytes, limit) = (used.sum(), self.limit);
        tracing::warn!(?stage, bytes, limit, ?used, "memory");
        metrics::gauge!("oriel_memory_stage").set(f64::from(stage as u8));
        self.activity.refuse_new(stage >= Stage::Queries);
        self.store.set_pressure(match stage {
            Stage::Refuse => Pressure::Refuse,
            Stage::Flush => Pressure::Flush,
            Stage::Queries | Stage::Calm => Pressure::None,
        });
    }
}

/// The stage after `now`, with `used` of `limit` bytes, `merges` of them for merges, `resident` as the
/// system says.
fn next(now: Stage, used: Used, merges: u64, resident: Option<u64>, limit: u64) -> Stage {
    // Where refusals give little back (merges go on), refusing would not end.
    let given_back = used.sum() - used.kept();
    let much = given_back.saturating_sub(merges) > limit / 16;
    // Work that has begun still grows after a refusal.
    let resident = resident.map_or(0, |resident| resident.saturating_add(limit / 8));
    let used = used.sum().max(if much { resident } else { 0 });
    let percent = u64::try_from(u128::from(used) * 100 / u128::from(limit.max(1)));
    let percent = percent.unwrap_or(u64::MAX);
    let at = |(begin, stage): &(u64, Stage)| {
        let begin = if *stage <= now { begin - BACK } else { *begin };
        percent >= begin
    };
    let stage = STAGES.iter().find(|stage| at(stage));
    stage.map_or(Stage::Calm, |(_, stage)| *stage)
}

/// Memory of this process in RAM.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The limit for `settings`: the one given, else four fifths of the control group's, else half of
/// the RAM.
fn limit(settings: &Settings) -> u64 {
    let given = settings.limits.memory.as_u64();
    if given > 0 {
        return given;
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let ram = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(4 << 30, |kib| kib << 10);
    let group = read("/proc/self/cgroup");
    let path = group.lines().find_map(|line| line.strip_prefix("0::"));
    let path = path.unwrap_or("/").trim_end_matches('/');
    let limits = [
        format!("/sys/fs/cgroup{path}/memory.max"),
        "/sys/fs/cgroup/memory.max".to_owned(),
        "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned(),
    ];
    let group = limits
        .iter()
        .find_map(|path| read(path).trim().parse::<u64>().ok());
    match group.filter(|group| *group < ram) {
        Some(group) => group / 5 * 4,
        None => ram / 2,
    }
}

/// Lowers what `settings` let single pieces take to their shares of the limit, which it returns; says
/// so.
pub(crate) fn fit(settings: &mut Settings) -> u64 {
    let limit = limit(settings);
    lower_to(settings, limit);
    limit
}

fn lower_to(settings: &mut Settings, limit: u64) {
    let body = settings.collector.body_bytes_max.as_u64();
    let lower = |name: &str, setting: &mut ByteSize, most: u64| {
        if setting.as_u64() > most {
            let most = ByteSize::b(most);
            tracing::info!(setting = name, was = %setting, now = %most, "lowered, to stay within limits.memory");
            *setting = most;
        }
    };
    let (storage, query) = (&mut settings.storage, &mut settings.query);
    lower(
        "storage.buffer_bytes_max",
        &mut storage.buffer_bytes_max,
        limit / 5,
    );
    lower("storage.flush_bytes", &mut storage.flush_bytes, limit / 16);
    lower(
        "storage.compact_memory_bytes",
        &mut storage.compact_memory_bytes,
        limit / 8,
    );
    lower(
        "query.memory_bytes_max",
        &mut query.memory_bytes_max,
        limit / 4,
    );
    lower(
        "query.memory_bytes_total",
        &mut query.memory_bytes_total,
        limit / 4,
    );
    lower(
        "query.metadata_cache_bytes",
        &mut query.metadata_cache_bytes,
        limit / 16,
    );
    // The largest request has to fit, as received and decompressed.
    let in_flight = (limit / 4).max(2 * body);
    let collector = &mut settings.collector;
    lower(
        "collector.in_flight_bytes_max",
        &mut collector.in_flight_bytes_max,
        in_flight,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(buffers: u64) -> Used {
        Used {
            buffers,
            ..Used::default()
        }
    }

    /// Scenario: memory grows through all stages and falls again, in steps of a percent.
    /// Guarantees: stages come in the order queries, flush, refuse, each at its share; each ends five percent
    /// lower, so that it does not flutter.
    #[test]
    fn sheds_in_order_and_comes_back() {
        let mut stage = Stage::Calm;
        let mut turns = Vec::new();
        for percent in (0..=100).chain((0..100).rev()) {
            let now = next(stage, buffers(percent * 10), 0, None, 1000);
            if now != stage {
                turns.push((percent, now));
            }
            stage = now;
        }
        let want = [
            (75, Stage::Queries),
            (85, Stage::Flush),
            (95, Stage::Refuse),
            (89, Stage::Flush),
            (79, Stage::Queries),
            (69, Stage::Calm),
        ];
        assert_eq!(turns, want);
    }

    /// Scenario: the system says that the process holds more than is counted, with much counted and with
    /// little.
    /// Guarantees: with much, its figure decides; with little, nothing is shed, since it would not end.
    #[test]
    fn believes_the_system_where_that_helps() {
        for (resident, stage) in [
            (624, Stage::Calm),
            (625, Stage::Queries),
            (725, Stage::Flush),
            (825, Stage::Refuse),
            (2000, Stage::Refuse),
        ] {
            let next = next(Stage::Calm, buffers(63), 0, Some(resident), 1000);
            assert_eq!(next, stage, "{resident}");
        }
        assert_eq!(
            next(Stage::Calm, buffers(62), 0, Some(5000), 1000),
            Stage::Calm
        );
        assert_eq!(
            next(Stage::Refuse, buffers(100), 0, None, 1000),
            Stage::Calm
        );
        assert_eq!(
            next(Stage::Calm, buffers(u64::MAX), 0, None, 0),
            Stage::Refuse
        );
        assert!(resident() > Some(1 << 20));
        let process = Used {
            process: 250,
            work: 130,
            ..buffers(62)
        };
        assert_eq!(
            next(Stage::Calm, process, 130, Some(5000), 1000),
            Stage::Calm
        );
        assert_eq!(next(Stage::Calm, process, 130, None, 500), Stage::Flush);
    }

    /// Scenario: the default settings under a small limit, and under a large one.
    /// Guarantees: no piece may take more than its share, the largest request still fits; a large
    /// limit changes nothing.
    #[test]
    fn fits_settings_to_the_limit() {
        let mut small = Settings::default();
        lower_to(&mut small, 512 << 20);
        let pieces = [
            small.storage.buffer_bytes_max,
            small.storage.compact_memory_bytes,
            small.query.memory_bytes_total,
            small.query.metadata_cache_bytes,
            small.collector.in_flight_bytes_max,
        ];
        let sum: u64 = pieces.iter().map(ByteSize::as_u64).sum();
        assert!(sum <= 512 << 20, "{pieces:?}");
        assert!(small.query.memory_bytes_max <= small.query.memory_bytes_total);
        assert!(small.collector.validate().is_ok());
        let mut large = Settings::default();
        lower_to(&mut large, 64 << 30);
        assert_eq!(large, Settings::default());
        large.limits.memory = ByteSize::mib(100);
        assert_eq!(limit(&large), 100 << 20);
        assert!(limit(&Settings::default()) > 64 << 20);
    }
}

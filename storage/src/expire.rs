//! Retention: which parts are removed for their age, and which because all parts together are too
//! large. Pure; the caller commits the removal, files are unlinked later (S2).
//!
//! 1. By age: a part goes when its day ended longer ago than its signal is kept. The day of an odd
//!    part is the day received, so that a time of 1970 does not delete a row at once, nor one of
//!    2262 keep it. Trace summaries go with the spans.
//! 2. By size: of what is left, whole days go, oldest first, spans with their summaries; of the
//!    newest day single parts, oldest rows first. The newest part of all stays.

use std::sync::Arc;
use std::time::Duration;

use oriel_proto::UnixNanos;

use crate::schema::Table;
use crate::{Config, PartMeta};

/// The parts of `parts` that retention removes at `now`; `bytes_max` 0 is no limit.
pub(crate) fn plan(
    parts: &[Arc<PartMeta>],
    now: UnixNanos,
    config: &Config,
    bytes_max: u64,
) -> Vec<Arc<PartMeta>> {
    let (mut removed, mut kept): (Vec<_>, Vec<_>) = parts
        .iter()
        .cloned()
        .partition(|part| too_old(part, now, retention(part.table, config)));
    if bytes_max > 0 {
        kept.sort_by_key(|part| (part.day, part.time_max, part.id));
        removed.extend(too_many(kept, bytes_max));
    }
    removed
}

/// Most bytes of all parts, on a disk with `free` bytes beside the parts' `own` bytes.
///
/// Without a setting: nine tenths of both, less `disk_free_min`; but never so little that a start
/// on a disk that others have filled removes more than a tenth of what is kept.
pub(crate) fn bytes_max(config: &Config, free: u64, own: u64) -> u64 {
    match config.retention_bytes.as_u64() {
        0 => (free.saturating_add(own) / 10 * 9)
            .saturating_sub(config.disk_free_min.as_u64())
            .max(own - own / 10)
            .max(1),
        bytes => bytes,
    }
}

fn retention(table: Table, config: &Config) -> Duration {
    match table {
        Table::Spans | Table::Traces => config.retention_traces,
        Table::Logs => config.retention_logs,
        Table::Metrics => config.retention_metrics,
    }
}

fn too_old(part: &PartMeta, now: UnixNanos, retention: Duration) -> bool {
    let day_end = (i128::from(part.day) + 1) * i128::from(UnixNanos::DAY);
    let age = i128::from(now.0) - day_end;
    !retention.is_zero() && age >= i128::try_from(retention.as_nanos()).unwrap_or(i128::MAX)
}

/// What must go of `kept`, sorted by day and time, to fit into `bytes_max`.
fn too_many(kept: Vec<Arc<PartMeta>>, bytes_max: u64) -> Vec<Arc<PartMeta>> {
    let mut total: u64 = kept.iter().map(|part| part.bytes).sum();
    let newest_day = kept.last().map(|part| part.day);
    let last = kept.len().saturating_sub(1);
    let mut day = None;
    let mut removed = Vec::new();
    for (at, part) in kept.into_iter().enumerate() {
        let day_begun = day == Some(part.day) && day != newest_day;
        if at == last || (total <= bytes_max && !day_begun) {
            break;
        }
        total -= part.bytes;
        day = Some(part.day);
        removed.push(part);
    }
    removed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{PartId, TenantId};

    const DAY: Duration = Duration::from_secs(86_400);

    fn part(id: i64, table: Table, day: i32, hour: i64) -> Arc<PartMeta> {
        let time = UnixNanos((i64::from(day) * 24 + hour) * 3_600_000_000_000);
        Arc::new(PartMeta {
            id: PartId(id),
            tenant: TenantId::default_tenant(),
            table,
            day,
            odd: false,
            path: String::new(),
            rows: 1,
            bytes: 10,
            footer_bytes: 0,
            time_min: time,
            time_max: time,
            level: 0,
            checksum: 0,
            strays: BTreeSet::new(),
            columns_count: 1,
            stats: Vec::new(),
            format: 0,
        })
    }

    fn config(traces: u32, logs: u32, metrics: u32) -> Config {
        Config {
            retention_traces: DAY * traces,
            retention_logs: DAY * logs,
            retention_metrics: DAY * metrics,
            ..Config::default()
        }
    }

    fn ids(parts: &[Arc<PartMeta>], now: i64, config: &Config, bytes_max: u64) -> Vec<i64> {
        let removed = plan(parts, UnixNanos(now), config, bytes_max);
        let mut ids: Vec<i64> = removed.iter().map(|part| part.id.0).collect();
        ids.sort_unstable();
        ids
    }

    /// Scenario: parts of day 10 of every table, each signal kept for another time; 0 is for ever.
    /// Guarantees: a part goes exactly when its day ended that long ago, summaries with the spans.
    #[test]
    fn removes_by_age() {
        let parts = Table::ALL.map(|table| part(table as i64, table, 10, 0));
        let check = |day: i64, config: Config, want: &[i64]| {
            let now = day * UnixNanos::DAY;
            assert_eq!(ids(&parts, now, &config, 0), want, "day {day}");
        };
        check(12, config(2, 2, 2), &[]);
        check(13, config(2, 3, 0), &[0, 3]);
        check(14, config(2, 3, 0), &[0, 1, 3]);
        check(9_999, config(0, 0, 0), &[]);
        let last = 13 * UnixNanos::DAY - 1;
        assert!(ids(&parts, last, &config(2, 2, 2), 0).is_empty());
    }

    /// Scenario: odd parts received on day 10 with times of 1970 and 2262.
    /// Guarantees: the day received decides, for both.
    #[test]
    fn odd_parts_age_from_their_receipt() {
        let odd = |id, time| {
            let mut odd = PartMeta::clone(&part(id, Table::Spans, 10, 0));
            odd.odd = true;
            (odd.time_min, odd.time_max) = (UnixNanos(time), UnixNanos(time));
            Arc::new(odd)
        };
        let parts = [odd(1, 0), odd(2, i64::MAX)];
        let config = config(1, 1, 1);
        assert!(ids(&parts, 11 * UnixNanos::DAY, &config, 0).is_empty());
        assert_eq!(ids(&parts, 12 * UnixNanos::DAY, &config, 0), [1, 2]);
    }

    /// Scenario: three days of parts under size limits from none to one byte.
    /// Guarantees: whole days go, oldest first; the newest day part by part; the newest part stays.
    #[test]
    fn removes_by_size() {
        let parts = [
            part(1, Table::Spans, 1, 3),
            part(2, Table::Logs, 1, 9),
            part(3, Table::Spans, 2, 1),
            part(4, Table::Traces, 2, 1),
            part(5, Table::Spans, 3, 2),
            part(6, Table::Metrics, 3, 1),
        ];
        let check = |bytes_max: u64, want: &[i64]| {
            let now = 3 * UnixNanos::DAY;
            assert_eq!(
                ids(&parts, now, &config(0, 0, 0), bytes_max),
                want,
                "{bytes_max}"
            );
        };
        check(0, &[]);
        check(60, &[]);
        check(59, &[1, 2]);
        check(40, &[1, 2]);
        check(30, &[1, 2, 3, 4]);
        check(19, &[1, 2, 3, 4, 6]);
        check(1, &[1, 2, 3, 4, 6]);
    }

    /// Scenario: the default limit on an empty disk, on a full one of ours, and at a start after
    /// another program has filled the disk.
    /// Guarantees: the disk is not filled; a start never empties the store for lack of space.
    #[test]
    fn a_full_disk_costs_at_most_a_tenth() {
        let gib = bytesize::GIB;
        let config = Config {
            disk_free_min: bytesize::ByteSize::gib(1),
            ..Config::default()
        };
        assert_eq!(bytes_max(&config, 100 * gib, 0), 89 * gib);
        assert_eq!(bytes_max(&config, 11 * gib, 89 * gib), 89 * gib);
        assert_eq!(bytes_max(&config, gib / 2, 10 * gib), 9 * gib);
        assert_eq!(bytes_max(&config, 0, gib / 5), gib / 5 - gib / 50);
        assert_eq!(bytes_max(&config, 0, 0), 1);
        let set = Config {
            retention_bytes: bytesize::ByteSize::b(7),
            ..config
        };
        assert_eq!(bytes_max(&set, 0, gib), 7);
    }

    /// Scenario: age removes day 1 already; the limit fits the rest.
    /// Guarantees: what age removes is not counted against the limit; nothing is named twice.
    #[test]
    fn age_comes_first() {
        let parts = [
            part(1, Table::Spans, 1, 0),
            part(2, Table::Spans, 5, 0),
            part(3, Table::Spans, 6, 0),
        ];
        let now = 6 * UnixNanos::DAY;
        assert_eq!(ids(&parts, now, &config(2, 2, 2), 20), [1]);
        assert_eq!(ids(&parts, now, &config(2, 2, 2), 10), [1, 2]);
        assert!(plan(&[], UnixNanos(now), &config(2, 2, 2), 10).is_empty());
    }
}

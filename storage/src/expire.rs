//! Retention: which parts are removed for their age, and which because all parts together are too
//! large. Pure; the caller commits the removal, files are unlinked later (S2).
//!
//! 1. By age: a part goes when its day ended longer ago than its signal, or that of its tenant, is
//!    kept. The day of an odd
//!    part is the day received, so that a time of 1970 does not delete a row at once, nor one of
//!    2262 keep it; or that of its newest row where that is later and past: what was received while
//!    the clock was far behind is not old. Trace summaries go with the spans.
//! 2. By size: of what is left, whole days go, oldest first; of the newest day single parts, oldest
//!    rows first. The newest part of all stays. Summaries go when the last spans of their day do;
//!    where only some spans go, [`torn`] says whose summaries are to be made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oriel_proto::UnixNanos;

use crate::schema::Table;
use crate::{Config, Error, PartId, PartMeta, Result, TenantId};

/// The parts of `parts` that retention removes at `now`; `bytes_max` 0 is no limit.
pub(crate) fn plan(
    parts: &[Arc<PartMeta>],
    now: UnixNanos,
    config: &Config,
    bytes_max: u64,
) -> Vec<Arc<PartMeta>> {
    let days = days(parts, now);
    let own = tenants(config).unwrap_or_default();
    let (mut removed, mut kept): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|part| {
        let day = days.get(&place(part)).copied().unwrap_or(part.day);
        let of_tenant = own.get(&(part.tenant.clone(), signal(part.table)));
        let kept = of_tenant.copied();
        too_old(
            day,
            now,
            kept.unwrap_or_else(|| retention(part.table, config)),
        )
    });
    if bytes_max > 0 {
        kept.sort_by_key(|part| (part.day, part.time_max, part.id));
        removed.extend(too_many(kept, bytes_max));
    }
    removed
}

/// Spans and their summaries, or the rows of another table, of one tenant, day and oddity.
type Place<'a> = (&'a TenantId, Table, i32, bool);

fn place(part: &PartMeta) -> Place<'_> {
    (&part.tenant, signal(part.table), part.day, part.odd)
}

/// The day that odd parts age from, where it is not the day received.
fn days(parts: &[Arc<PartMeta>], now: UnixNanos) -> BTreeMap<Place<'_>, i32> {
    let mut days = BTreeMap::new();
    for part in parts.iter().filter(|part| part.odd && part.time_max <= now) {
        let day = days.entry(place(part)).or_insert(part.day);
        *day = part.time_max.day().max(*day);
    }
    days
}

/// The places of `parts` of which `removed` takes some spans and leaves others: summaries there
/// would count spans that are gone.
pub(crate) fn torn(parts: &[Arc<PartMeta>], removed: &[Arc<PartMeta>]) -> Vec<Torn> {
    let gone: BTreeSet<PartId> = removed.iter().map(|part| part.id).collect();
    let mut places: BTreeMap<Place<'_>, Torn> = BTreeMap::new();
    let mut cut = BTreeSet::new();
    for part in parts {
        let torn = places.entry(place(part)).or_default();
        match part.table {
            Table::Spans if gone.contains(&part.id) => {
                cut.insert(place(part));
            }
            Table::Spans => torn.spans.push(Arc::clone(part)),
            Table::Traces if !gone.contains(&part.id) => torn.summaries.push(Arc::clone(part)),
            _ => {}
        }
    }
    places.retain(|place, torn| cut.contains(place) && !torn.summaries.is_empty());
    places.into_values().collect()
}

/// The spans and summaries in the place of `part`; `None` when its table has no summaries.
pub(crate) fn summed(parts: &[Arc<PartMeta>], part: &PartMeta) -> Option<Torn> {
    if !matches!(part.table, Table::Spans | Table::Traces) {
        return None;
    }
    let of_place = parts.iter().filter(|other| place(other) == place(part));
    let (spans, summaries) = of_place
        .cloned()
        .partition(|other| other.table == Table::Spans);
    Some(Torn { spans, summaries })
}

/// Spans that stay where others go, and the summaries of both.
#[derive(Debug, Default)]
pub(crate) struct Torn {
    pub(crate) spans: Vec<Arc<PartMeta>>,
    pub(crate) summaries: Vec<Arc<PartMeta>>,
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

/// How long signals of single tenants are kept, by the table of their rows.
///
/// Errors: `Invalid` for an entry that is not `tenant.signal=duration`.
pub(crate) fn tenants(config: &Config) -> Result<BTreeMap<(TenantId, Table), Duration>> {
    let entry = |text: &String| {
        let (place, kept) = text.split_once('=')?;
        let (tenant, signal) = place.trim().split_once('.')?;
        let table = match signal {
            "traces" => Table::Spans,
            "logs" => Table::Logs,
            "metrics" => Table::Metrics,
            _ => return None,
        };
        let kept = humantime_serde::re::humantime::parse_duration(kept.trim()).ok()?;
        Some(((TenantId::new(tenant).ok()?, table), kept))
    };
    let read = |text| {
        entry(text).ok_or_else(|| {
            Error::Invalid(format!(
                "storage.retention_tenants has {text:?}; write tenant.signal=duration, as in acme.logs=7d"
            ))
        })
    };
    let mut ages = BTreeMap::new();
    for text in &config.retention_tenants {
        let (place, kept) = read(text)?;
        if ages.insert(place, kept).is_some() {
            return Err(Error::Invalid(format!(
                "storage.retention_tenants has a second age for the same tenant and signal, {text:?}; leave one of them"
            )));
        }
    }
    Ok(ages)
}

/// The table that stands for the signal of `table`: summaries go with the spans.
fn signal(table: Table) -> Table {
    match table {
        Table::Traces => Table::Spans,
        table => table,
    }
}

fn retention(table: Table, config: &Config) -> Duration {
    match table {
        Table::Spans | Table::Traces => config.retention_traces,
        Table::Logs => config.retention_logs,
        Table::Metrics => config.retention_metrics,
    }
}

fn too_old(day: i32, now: UnixNanos, retention: Duration) -> bool {
    let day_end = (i128::from(day) + 1) * i128::from(UnixNanos::DAY);
    let age = i128::from(now.0) - day_end;
    !retention.is_zero() && age >= i128::try_from(retention.as_nanos()).unwrap_or(i128::MAX)
}

/// What must go of `kept`, sorted by day and time, to fit into `bytes_max`.
fn too_many(kept: Vec<Arc<PartMeta>>, bytes_max: u64) -> Vec<Arc<PartMeta>> {
    let mut total: u64 = kept.iter().map(|part| part.bytes).sum();
    let newest_day = kept.last().map(|part| part.day);
    let (newest, older): (Vec<_>, Vec<_>) = kept
        .into_iter()
        .partition(|part| Some(part.day) == newest_day);
    let mut removed: Vec<Arc<PartMeta>> = Vec::new();
    for part in older {
        let day_begun = removed.last().is_some_and(|last| last.day == part.day);
        if total <= bytes_max && !day_begun {
            return removed;
        }
        total -= part.bytes;
        removed.push(part);
    }
    let (summaries, mut rows): (Vec<_>, Vec<_>) = newest
        .into_iter()
        .partition(|part| part.table == Table::Traces);
    let newest = rows.pop();
    let mut kept: BTreeSet<PartId> = rows.iter().chain(&newest).map(|part| part.id).collect();
    let mut left: BTreeMap<Place<'_>, usize> = BTreeMap::new();
    for part in rows.iter().chain(&newest) {
        *left.entry(place(part)).or_default() += 1;
    }
    for part in &rows {
        if total <= bytes_max {
            break;
        }
        total -= part.bytes;
        kept.remove(&part.id);
        let left = left.entry(place(part)).or_default();
        *left -= 1;
        if *left == 0 {
            let with = summaries.iter().filter(|s| place(s) == place(part));
            let with: u64 = with.map(|summary| summary.bytes).sum();
            total = total.saturating_sub(if part.table == Table::Spans { with } else { 0 });
        }
    }
    let without_spans =
        |part: &&Arc<PartMeta>| left.get(&place(part)).is_some_and(|left| *left == 0);
    removed.extend(summaries.iter().filter(without_spans).cloned());
    removed.extend(rows.iter().filter(|part| !kept.contains(&part.id)).cloned());
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Scenario: two tenants, one of which keeps its logs for a shorter and its traces for ever; entries
    /// that are none.
    /// Guarantees: only that tenant's signals have another age; a wrong entry is refused by name.
    #[test]
    fn tenants_have_ages_of_their_own() {
        let acme = |id, table| {
            let mut part = PartMeta::clone(&part(id, table, 10, 0));
            part.tenant = TenantId::new("acme").unwrap();
            Arc::new(part)
        };
        let parts = [
            part(1, Table::Logs, 10, 0),
            part(2, Table::Spans, 10, 0),
            acme(3, Table::Logs),
            acme(4, Table::Spans),
            acme(5, Table::Traces),
            acme(6, Table::Metrics),
        ];
        let config = Config {
            retention_tenants: vec!["acme.logs=1d".to_owned(), "acme.traces = 0s".to_owned()],
            ..config(3, 3, 3)
        };
        let at = |day: i64| ids(&parts, day * UnixNanos::DAY, &config, 0);
        assert!(at(11).is_empty());
        assert_eq!(at(12), [3]);
        assert_eq!(at(14), [1, 2, 3, 6]);
        for wrong in [
            "acme=1d",
            "acme.spans=1d",
            "acme.logs",
            "acme.logs=x",
            "A B.logs=1d",
        ] {
            let config = Config {
                retention_tenants: vec![wrong.to_owned()],
                ..Config::default()
            };
            let error = tenants(&config).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        let twice = ["acme.logs=1d", "acme.traces=1d", "acme.logs = 2d"].map(str::to_owned);
        let config = Config {
            retention_tenants: twice.to_vec(),
            ..Config::default()
        };
        let error = tenants(&config).unwrap_err().to_string();
        assert!(error.contains("acme.logs = 2d"), "{error}");
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

    /// Scenario: the clock was 200 days behind while rows of day 210 came; it is right again.
    /// Guarantees: their age counts from their own time; a time to come does not keep them.
    #[test]
    fn rows_received_with_a_slow_clock_are_not_old() {
        let mut late = PartMeta::clone(&part(1, Table::Spans, 210, 1));
        (late.day, late.odd) = (10, true);
        let mut traces = late.clone();
        (traces.id, traces.table) = (PartId(2), Table::Traces);
        let parts = [Arc::new(late.clone()), Arc::new(traces)];
        let config = config(30, 30, 30);
        let at = |day: i64| day * UnixNanos::DAY;
        assert!(ids(&parts, at(211), &config, 0).is_empty());
        assert_eq!(ids(&parts, at(241), &config, 0), [1, 2]);
        assert_eq!(ids(&parts, at(100), &config, 0), [1, 2]);
    }

    /// Scenario: the size limit takes some spans of the newest day, then all of them.
    /// Guarantees: summaries never go alone; where some spans stay they are named as torn, where
    /// none stays they go along.
    #[test]
    fn summaries_follow_their_spans() {
        let parts = [
            part(1, Table::Spans, 3, 1),
            part(2, Table::Spans, 3, 2),
            part(3, Table::Traces, 3, 0),
            part(4, Table::Logs, 3, 5),
        ];
        let removed = |bytes_max| plan(&parts, UnixNanos(0), &config(0, 0, 0), bytes_max);
        let one = removed(30);
        assert_eq!(one.iter().map(|part| part.id.0).collect::<Vec<_>>(), [1]);
        let torn_by_one = torn(&parts, &one);
        assert_eq!(torn_by_one.len(), 1);
        assert_eq!(torn_by_one[0].spans[0].id, PartId(2));
        assert_eq!(torn_by_one[0].summaries[0].id, PartId(3));
        let all = removed(1);
        assert_eq!(all.len(), 3);
        assert!(torn(&parts, &all).is_empty());
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

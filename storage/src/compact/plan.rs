//! Which parts to merge: pure, from the live parts, the time and the settings.
//!
//! Size-tiered: parts straight from a flush have level 0, and a merge makes a part one level above
//! its inputs, so that a row is rewritten a logarithmic number of times. A part of half the largest
//! size is done. So a day of a table keeps less than `compact_parts_min` small parts of each level
//! ([`backlog`]). A day that has ended gets its leftovers merged regardless of level, but never a
//! large part only to add a little to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use oriel_proto::UnixNanos;

use crate::schema::Table;
use crate::{Config, PartMeta, TenantId};

/// Parts of one merge at most: each takes a file handle, and memory for the readers of its columns.
const INPUTS_MAX: usize = 32;
/// Memory of a merge for each input: a reader a column, with a decompressor of its own, whatever the
/// rows are.
const INPUT_BYTES: u64 = 4 << 20;
/// In a day that has ended, a part joins a merge only if it is at most this many times larger than
/// the other inputs together.
const LEFTOVER_RATIO: u64 = 4;

/// Parts of one tenant, table, day and oddity that are to become one; in order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merge {
    pub(crate) tenant: TenantId,
    pub(crate) table: Table,
    pub(crate) day: i32,
    pub(crate) odd: bool,
    /// At least two.
    pub(crate) parts: Vec<Arc<PartMeta>>,
}

/// The merges that are due, newest day first, low levels first; no part is in two of them. Apply
/// them and plan again: it ends, since each merge lowers the number of parts.
pub(crate) fn plan(parts: &[Arc<PartMeta>], now: UnixNanos, config: &Config) -> Vec<Merge> {
    let mut groups: BTreeMap<_, Vec<&Arc<PartMeta>>> = BTreeMap::new();
    for part in parts {
        if part.bytes < config.compact_part_bytes_max.as_u64() {
            let group = (-part.day, part.odd, part.table, &part.tenant);
            groups.entry(group).or_default().push(part);
        }
    }
    let mut merges = Vec::new();
    for ((_, odd, table, tenant), group) in groups {
        let day = group[0].day;
        let ended = i64::from(day) + 1 < i64::from(now.day());
        let chosen = match full_levels(&group, config) {
            chosen if chosen.is_empty() && ended => leftovers(group, config),
            chosen => chosen,
        };
        merges.extend(chosen.into_iter().map(|parts| Merge {
            tenant: tenant.clone(),
            table,
            day,
            odd,
            parts,
        }));
    }
    merges
}

/// The most small parts of one level in one day of one table: below `compact_parts_min` once nothing
/// is left to merge.
pub(crate) fn backlog(parts: &[Arc<PartMeta>], config: &Config) -> usize {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for part in parts.iter().filter(|part| is_small(part, config)) {
        let place = (&part.tenant, part.table, part.day, part.odd, part.level);
        *counts.entry(place).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// Whether a part is merged when there are others of its level: two of them fit one part, so that a
/// run that is cut for its size has at least two.
fn is_small(part: &PartMeta, config: &Config) -> bool {
    part.bytes <= config.compact_part_bytes_max.as_u64() / 2
}

/// Merges of the levels that have enough parts.
fn full_levels(group: &[&Arc<PartMeta>], config: &Config) -> Vec<Vec<Arc<PartMeta>>> {
    let mut levels: BTreeMap<u8, Vec<&Arc<PartMeta>>> = BTreeMap::new();
    for part in group.iter().filter(|part| is_small(part, config)) {
        levels.entry(part.level).or_default().push(part);
    }
    let parts_min = config.compact_parts_min.max(2);
    let full = levels
        .into_values()
        .filter(|parts| parts.len() >= parts_min);
    full.flat_map(|parts| runs(parts, config, Some(parts_min)))
        .collect()
}

/// Merges of what is left of a day that has ended.
fn leftovers(mut group: Vec<&Arc<PartMeta>>, config: &Config) -> Vec<Vec<Arc<PartMeta>>> {
    group.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    let mut others: u64 = group.iter().map(|part| part.bytes).sum();
    let large = group
        .iter()
        .take_while(|part| {
            others -= part.bytes;
            part.bytes > others.saturating_mul(LEFTOVER_RATIO)
        })
        .count();
    runs(group.split_off(large), config, None)
}

/// Cuts `parts`, in order of time, into runs that fit the size of one part. With `parts_min`, a
/// run that could still grow waits for more parts.
fn runs(
    mut parts: Vec<&Arc<PartMeta>>,
    config: &Config,
    parts_min: Option<usize>,
) -> Vec<Vec<Arc<PartMeta>>> {
    parts.sort_by(|a, b| (a.time_min, &a.path).cmp(&(b.time_min, &b.path)));
    let bytes_max = config.compact_part_bytes_max.as_u64();
    let inputs_max = inputs_max(config);
    let mut runs: Vec<Vec<Arc<PartMeta>>> = Vec::new();
    let mut open: Vec<Arc<PartMeta>> = Vec::new();
    let mut bytes = 0;
    for part in parts {
        if bytes + part.bytes > bytes_max || open.len() == inputs_max {
            runs.push(std::mem::take(&mut open));
            bytes = 0;
        }
        bytes += part.bytes;
        open.push(Arc::clone(part));
    }
    if parts_min.is_none_or(|parts_min| open.len() >= parts_min) {
        runs.push(open);
    }
    runs.retain(|run| run.len() >= 2);
    runs
}

/// Parts of one merge, at most, that its memory is enough for.
fn inputs_max(config: &Config) -> usize {
    let enough = config.compact_memory_bytes.as_u64() / INPUT_BYTES;
    usize::try_from(enough).map_or(INPUTS_MAX, |enough| enough.clamp(4, INPUTS_MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use bytesize::ByteSize;
    use proptest::prelude::*;

    use super::*;
    use crate::PartId;
    use crate::part::sample::{NOW, day};

    fn part(id: i64, level: u8, bytes: u64, day: i32) -> Arc<PartMeta> {
        Arc::new(PartMeta {
            id: PartId(id),
            tenant: TenantId::default_tenant(),
            table: Table::Spans,
            day,
            odd: false,
            path: format!("{id:06}"),
            rows: 1,
            bytes,
            footer_bytes: 0,
            time_min: UnixNanos(id),
            time_max: UnixNanos(id + 1),
            level,
            checksum: 0,
            strays: BTreeSet::new(),
            columns_count: 1,
            stats: Vec::new(),
            format: 0,
        })
    }

    fn config() -> Config {
        Config {
            compact_part_bytes_max: ByteSize::b(1000),
            compact_parts_min: 4,
            ..Config::default()
        }
    }

    fn ids(merges: &[Merge]) -> Vec<Vec<i64>> {
        merges
            .iter()
            .map(|merge| merge.parts.iter().map(|part| part.id.0).collect())
            .collect()
    }

    fn check(parts: &[Arc<PartMeta>], want: &[&[i64]]) {
        assert_eq!(ids(&plan(parts, UnixNanos(NOW), &config())), want);
    }

    /// Scenario: too few parts, enough, more than fit one part, large ones, two levels.
    /// Guarantees: only full levels merge, in order of time, never beyond the size of one part,
    /// never a part that has its size.
    #[test]
    fn merges_full_levels_of_today() {
        let today = day();
        let small = |id| part(id, 0, 10, today);
        check(&[small(1), small(2), small(3)], &[]);
        check(&[small(4), small(2), small(3), small(1)], &[&[1, 2, 3, 4]]);
        let many: Vec<_> = (1..=5).map(|id| part(id, 0, 300, today)).collect();
        check(&many, &[&[1, 2, 3]]);
        let uneven = (1..=8).map(|id| part(id, 0, [950, 20][id as usize % 2], today));
        let uneven: Vec<_> = uneven.collect();
        check(&uneven, &[&[1, 3, 5, 7]]);
        let large: Vec<_> = (1..=5).map(|id| part(id, 0, 1000, today)).collect();
        check(&large, &[]);
        let fat: Vec<_> = (1..=5).map(|id| part(id, 0, 900, today)).collect();
        check(&fat, &[]);
        let mut mixed: Vec<_> = (1..=4).map(|id| part(id, 1, 10, today)).collect();
        mixed.extend((5..=8).map(small));
        check(&mixed, &[&[5, 6, 7, 8], &[1, 2, 3, 4]]);
        mixed.truncate(7);
        check(&mixed, &[&[1, 2, 3, 4]]);
    }

    /// Scenario: parts of other tenants, tables, days, and odd ones, four in all but one of each.
    /// Guarantees: no merge crosses any of these (P1), and the newest day comes first.
    #[test]
    fn never_crosses_a_border() {
        let today = day();
        let mut parts: Vec<_> = (1..=4).map(|id| part(id, 0, 10, today - 1)).collect();
        parts.extend((5..=8).map(|id| part(id, 0, 10, today)));
        let change = |id, change: fn(&mut PartMeta)| {
            let mut other = PartMeta::clone(&part(id, 0, 10, today));
            change(&mut other);
            Arc::new(other)
        };
        parts.push(change(9, |part| part.odd = true));
        parts.push(change(10, |part| part.table = Table::Logs));
        parts.push(change(11, |part| {
            part.tenant = TenantId::new("other").unwrap()
        }));
        check(&parts, &[&[5, 6, 7, 8], &[1, 2, 3, 4]]);
    }

    /// Scenario: a few parts of different levels, of yesterday and of the day before.
    /// Guarantees: yesterday waits for more; the older day is merged to one part, but a large part
    /// is not rewritten for a small latecomer.
    #[test]
    fn gathers_leftovers_of_ended_days() {
        let old = day() - 2;
        check(&[part(1, 0, 10, old + 1), part(2, 1, 80, old + 1)], &[]);
        check(
            &[
                part(1, 0, 20, old),
                part(2, 1, 80, old),
                part(3, 2, 90, old),
            ],
            &[&[1, 2, 3]],
        );
        check(&[part(1, 0, 20, old), part(2, 1, 80, old)], &[&[1, 2]]);
        check(&[part(1, 3, 900, old), part(2, 0, 10, old)], &[]);
        check(
            &[
                part(1, 3, 900, old),
                part(2, 0, 10, old),
                part(3, 0, 10, old),
            ],
            &[&[2, 3]],
        );
        check(&[part(1, 3, 900, old)], &[]);
    }

    proptest! {
        /// Scenario: any parts; merges are planned and applied until none is due.
        /// Guarantees: it ends; no part is in two merges; each has at least two inputs of one day
        /// that fit one part, and no more than its memory is enough for; at the end no level of a day
        /// has `compact_parts_min` small parts.
        #[test]
        fn planning_ends(
            parts in prop::collection::vec((0u8..3, 1u64..1200, 0i32..4), 0..60),
            (memory_mib, inputs_most) in prop::sample::select(vec![(1, 4), (20, 5), (128, 32)]),
        ) {
            let config = Config { compact_memory_bytes: ByteSize::mib(memory_mib), ..config() };
            let mut parts: Vec<_> = parts
                .into_iter()
                .enumerate()
                .map(|(id, (level, bytes, ago))| part(id as i64, level, bytes, day() - ago))
                .collect();
            let mut next = 1000;
            for round in 0.. {
                prop_assert!(round < 100);
                let merges = plan(&parts, UnixNanos(NOW), &config);
                if merges.is_empty() {
                    prop_assert!(backlog(&parts, &config) < 4);
                    break;
                }
                let mut used = HashSet::new();
                for merge in merges {
                    prop_assert!((2..=inputs_most).contains(&merge.parts.len()));
                    prop_assert!(merge.parts.iter().all(|part| part.day == merge.day));
                    prop_assert!(merge.parts.iter().all(|part| used.insert(part.id)));
                    let bytes = merge.parts.iter().map(|part| part.bytes).sum::<u64>();
                    prop_assert!(bytes <= 1000);
                    parts.retain(|part| !merge.parts.contains(part));
                    let level = merge.parts.iter().map(|part| part.level).max().unwrap() + 1;
                    parts.push(part(next, level, bytes, merge.day));
                    next += 1;
                }
            }
        }
    }
}

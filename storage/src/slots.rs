//! Colour slots of services: one small number a service, the same for every viewer and for ever.
//!
//! In: names of services. Out: a slot in 0..24 each. A name prefers the slot of its hash among the
//! first twelve, which have colours of their own, takes the next free one of them when another
//! service has it, and then one of the second twelve, which are drawn hatched: so the first twelve
//! services have plain colours, the first 24 differ, and later ones share. The catalog keeps what was given out. Names beyond [`KEPT_MAX`] or [`NAME_BYTES_MAX`]
//! have the slot of their hash, which needs no memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use xxhash_rust::xxh3::xxh3_64;

use crate::Result;
use crate::catalog::Catalog;
use crate::engine::lock;

/// How many slots there are.
const SLOTS: usize = 24;
/// How many of them have a colour of their own.
const PLAIN: u32 = 12;
/// Services whose slot is kept.
const KEPT_MAX: usize = 1_000;
/// Longest name that is kept.
const NAME_BYTES_MAX: usize = 256;

/// What was given out, by name.
#[derive(Debug)]
pub(crate) struct Slots(Mutex<BTreeMap<String, u32>>);

impl Slots {
    /// What the catalog remembers.
    pub(crate) fn load(catalog: &Catalog) -> Result<Self> {
        Ok(Slots(Mutex::new(
            catalog.service_slots()?.into_iter().collect(),
        )))
    }

    /// The slots of all services known so far, and of `names`, when these need no new ones.
    pub(crate) fn known(&self, names: &[String]) -> Option<BTreeMap<String, u32>> {
        let given = lock(&self.0);
        let new = |name: &&String| keepable(name) && !given.contains_key(*name);
        if given.len() < KEPT_MAX && names.iter().any(|name| new(&name)) {
            return None;
        }
        Some(with(given.clone(), names))
    }

    /// Gives slots to the new ones of `names`, in order of name, and remembers them in the catalog;
    /// returns those of all services. Blocking.
    ///
    /// Errors: the catalog's; the slots are then not given out.
    pub(crate) fn give(
        &self,
        names: &[String],
        catalog: &Mutex<Catalog>,
    ) -> Result<BTreeMap<String, u32>> {
        let mut catalog = lock(catalog);
        let mut given = lock(&self.0).clone();
        let mut names_new: Vec<&String> = names
            .iter()
            .filter(|name| keepable(name) && !given.contains_key(*name))
            .collect();
        names_new.sort_unstable();
        names_new.dedup();
        names_new.truncate(KEPT_MAX.saturating_sub(given.len()));
        let mut fresh = Vec::new();
        for name in names_new {
            let slot = free_slot(&given, name);
            given.insert(name.clone(), slot);
            fresh.push((name.clone(), slot));
        }
        if !fresh.is_empty() {
            catalog.keep_service_slots(&fresh)?;
        }
        lock(&self.0).clone_from(&given);
        Ok(with(given, names))
    }
}

/// `given` and the slots by hash of those `names` that it lacks.
fn with(mut given: BTreeMap<String, u32>, names: &[String]) -> BTreeMap<String, u32> {
    for name in names {
        if !given.contains_key(name) {
            given.insert(name.clone(), preferred(name));
        }
    }
    given
}

fn keepable(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
}

fn preferred(name: &str) -> u32 {
    (xxh3_64(name.as_bytes()) % SLOTS as u64) as u32
}

/// The preferred slot of `name`, or the next that nobody has; the preferred one when all are taken.
fn free_slot(given: &BTreeMap<String, u32>, name: &str) -> u32 {
    let mut taken = [false; SLOTS];
    for slot in given.values() {
        if let Some(place) = taken.get_mut(*slot as usize) {
            *place = true;
        }
    }
    let first = preferred(name) % PLAIN;
    let plain = (0..PLAIN).map(|step| (first + step) % PLAIN);
    plain
        .clone()
        .chain(plain.map(|slot| slot + PLAIN))
        .find(|slot| !taken[*slot as usize])
        .unwrap_or_else(|| preferred(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Scenario: 24 services one after the other, then more.
    /// Guarantees: the first twelve have plain colours, the first 24 have 24 slots; each of the
    /// others has the slot of its hash.
    #[test]
    fn the_first_services_differ() {
        let mut given = BTreeMap::new();
        for index in 0..40 {
            let name = format!("service-{index}");
            let slot = free_slot(&given, &name);
            assert!((slot as usize) < SLOTS);
            if index < PLAIN as usize {
                assert!(slot < PLAIN);
            }
            if index >= SLOTS {
                assert_eq!(slot, preferred(&name));
            }
            given.insert(name, slot);
            let distinct: BTreeSet<u32> = given.values().copied().collect();
            assert_eq!(distinct.len(), given.len().min(SLOTS));
        }
    }
}

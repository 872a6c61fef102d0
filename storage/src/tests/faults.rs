//! Faults for tests: a disk that fails at the n-th change, fills up, tears a write, or loses power.
//!
//! Power is lost in two steps: from one change on nothing reaches the disk any more
//! ([`Fault::Cut`]); then, when the store is gone, [`Faults::lose_power`] takes back what was never
//! synced: sectors of files, new files, new names, each by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::files::{Gate, Op, Verdict};
use crate::part::sample::Random;

/// A disk writes this much at once, or not.
const SECTOR: usize = 512;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One change fails with EIO.
    Error,
    /// One change, and this many behind it, fail for want of space.
    Full(u64),
    /// One write is cut short.
    Torn,
    /// The machine stops: this change is torn or left out, and none comes after it.
    Cut,
}

/// A gate that faults are armed in.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    random: Random,
    armed: Option<(u64, Fault)>,
    /// Changes that fail for want of space.
    full: u64,
    dead: bool,
    fired: bool,
    /// Files with bytes that are not synced, as they were when last synced.
    dirty: BTreeMap<PathBuf, Vec<u8>>,
    /// Files whose creation is not durable.
    created: BTreeSet<PathBuf>,
    /// Renames that are not durable, in order.
    renamed: Vec<(PathBuf, PathBuf)>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Faults(Mutex::new(Inner {
            random: Random::new(seed),
            armed: None,
            full: 0,
            dead: false,
            fired: false,
            dirty: BTreeMap::new(),
            created: BTreeSet::new(),
            renamed: Vec::new(),
        })))
    }

    /// Lets `fault` happen at the change after the next `skip` ones.
    pub(crate) fn arm(&self, skip: u64, fault: Fault) {
        let mut inner = self.0.lock().unwrap();
        inner.armed = Some((skip, fault));
    }

    /// No more faults. Returns whether one has happened.
    pub(crate) fn disarm(&self) -> bool {
        let mut inner = self.0.lock().unwrap();
        (inner.armed, inner.full, inner.dead) = (None, 0, false);
        std::mem::take(&mut inner.fired)
    }

    /// Whether a fault has happened since the last [`Faults::disarm`].
    pub(crate) fn fired(&self) -> bool {
        self.0.lock().unwrap().fired
    }

    /// The process ended, the machine did not: the disk gets everything.
    pub(crate) fn keep_power(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.dirty.clear();
        inner.created.clear();
        inner.renamed.clear();
    }

    /// Takes back what was never synced, each piece by chance. The store must be gone.
    pub(crate) fn lose_power(&self) {
        let mut inner = self.0.lock().unwrap();
        let inner = &mut *inner;
        for (path, before) in std::mem::take(&mut inner.dirty) {
            let Ok(mut now) = std::fs::read(&path) else {
                continue;
            };
            if before.len() < now.len() && inner.random.below(2) == 0 {
                let len =
                    before.len() + inner.random.below((now.len() - before.len()) as u64) as usize;
                now.truncate(len);
            }
            for (at, sector) in now.chunks_mut(SECTOR).enumerate() {
                if inner.random.below(2) == 0 {
                    for (i, byte) in sector.iter_mut().enumerate() {
                        *byte = before.get(at * SECTOR + i).copied().unwrap_or(0);
                    }
                }
            }
            std::fs::write(&path, now).unwrap();
        }
        for (from, to) in std::mem::take(&mut inner.renamed).into_iter().rev() {
            if inner.random.below(2) == 0 && to.exists() && !from.exists() {
                std::fs::rename(to, from).unwrap();
            }
        }
        for path in std::mem::take(&mut inner.created) {
            if inner.random.below(2) == 0 {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

impl Inner {
    /// Keeps what is durable of a file before it changes.
    fn remember(&mut self, path: &Path) {
        if !self.dirty.contains_key(path) {
            let before = std::fs::read(path).unwrap_or_default();
            self.dirty.insert(path.to_owned(), before);
        }
    }

    fn fire(&mut self, op: Op, fault: Fault) -> Verdict {
        self.fired = true;
        let eio = || io::Error::from_raw_os_error(5);
        let torn = |random: &mut Random| match op {
            Op::Write { bytes, .. } => {
                Verdict::Torn(random.below(bytes as u64 + 1) as usize, eio())
            }
            _ => Verdict::Fail(eio()),
        };
        match fault {
            Fault::Error => Verdict::Fail(eio()),
            Fault::Torn => torn(&mut self.random),
            Fault::Full(more) => {
                self.full = more;
                Verdict::Fail(io::Error::from_raw_os_error(28))
            }
            Fault::Cut => {
                self.dead = true;
                torn(&mut self.random)
            }
        }
    }
}

impl Gate for Faults {
    fn ask(&self, op: Op, path: &Path) -> Verdict {
        let mut inner = self.0.lock().unwrap();
        if inner.dead {
            return Verdict::Fail(io::Error::from_raw_os_error(5));
        }
        if let Op::Write { .. } = op {
            inner.remember(path);
        }
        if inner.full > 0 && matches!(op, Op::Write { .. } | Op::Create) {
            inner.full -= 1;
            return Verdict::Fail(io::Error::from_raw_os_error(28));
        }
        match inner.armed {
            Some((0, fault)) => {
                inner.armed = None;
                inner.fire(op, fault)
            }
            Some((skip, fault)) => {
                inner.armed = Some((skip - 1, fault));
                Verdict::Pass
            }
            None => Verdict::Pass,
        }
    }

    fn done(&self, op: Op, path: &Path, to: Option<&Path>) {
        let mut inner = self.0.lock().unwrap();
        match (op, to) {
            (Op::Create, _) => {
                inner.created.insert(path.to_owned());
                inner.dirty.insert(path.to_owned(), Vec::new());
            }
            (Op::Sync, _) => {
                inner.dirty.remove(path);
            }
            (Op::SyncDirectory, _) => {
                inner.created.retain(|file| file.parent() != Some(path));
                inner.renamed.retain(|(_, to)| to.parent() != Some(path));
            }
            (Op::Rename, Some(to)) => {
                if let Some(before) = inner.dirty.remove(path) {
                    inner.dirty.insert(to.to_owned(), before);
                }
                if inner.created.remove(path) {
                    inner.created.insert(to.to_owned());
                }
                inner.renamed.push((path.to_owned(), to.to_owned()));
            }
            (Op::Remove, _) => {
                inner.dirty.remove(path);
                inner.created.remove(path);
            }
            _ => {}
        }
    }
}

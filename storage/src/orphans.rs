//! Files of parts that no commit names: moved aside, kept for a while, then deleted.
//!
//! A crash between writing a part and its commit leaves such a file, and its rows are in the log as
//! well. But so it looks when an older catalog was restored, and then the file may be the only copy
//! of its rows. Nothing on disk tells the two apart for sure (times can be wrong, the log may have
//! been trimmed by the catalog that was lost), so recovery never unlinks: it moves the file to
//! `quarantine/orphans/<path below tables>` and says so in the log. Files that this process wrote
//! and could not commit are its own to remove, at once.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oriel_proto::UnixNanos;

use crate::Result;
use crate::files::{Files, failed};
use crate::layout::{Layout, TABLES, index_path};

/// Moves the Parquet files below `tables/` aside that `named` lacks; paths there are relative to
/// the data directory. Nothing may be writing parts. Returns how many there were.
///
/// Errors: a directory cannot be read or a file not be moved.
pub(crate) fn move_aside(
    layout: &Layout,
    files: &Files,
    named: &HashSet<String>,
    now: UnixNanos,
) -> Result<usize> {
    let strangers = find(layout, named)?;
    for path in &strangers {
        let below = path.strip_prefix(layout.tables()).unwrap_or(path);
        let aside = layout.orphans().join(below);
        if let Some(folder) = aside.parent() {
            fs::create_dir_all(folder).map_err(|source| failed("creating", folder, source))?;
        }
        files.rename(path, &aside)?;
        crate::failpoint::pass("open", "orphan_moved");
        // Its age counts from now on.
        let touched = File::open(&aside).and_then(|file| file.set_modified(time(now)));
        if let Err(error) = touched {
            tracing::warn!(path = %aside.display(), %error, "cannot set the time of a file");
        }
        tracing::warn!(
            path = %path.display(), aside = %aside.display(),
            "a part that the catalog does not name was moved aside: left by a crash, or newer than a restored catalog"
        );
    }
    metrics::counter!("oriel_orphans_moved_total").increment(strangers.len() as u64);
    Ok(strangers.len())
}

/// The Parquet files below `tables/` that `named` lacks.
///
/// Errors: a directory cannot be read.
pub(crate) fn find(layout: &Layout, named: &HashSet<String>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    list(&layout.tables(), "parquet", &mut found)?;
    found.retain(|path| {
        let below = path.strip_prefix(layout.tables()).ok();
        let below = below.and_then(Path::to_str);
        below.is_none_or(|below| !named.contains(&format!("{TABLES}/{below}")))
    });
    Ok(found)
}

/// The word indexes of parts that `named` lacks.
///
/// Errors: a directory cannot be read.
pub(crate) fn find_indexes(layout: &Layout, named: &HashSet<String>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    list(&layout.indexes(), "words", &mut found)?;
    let owned: HashSet<PathBuf> = named
        .iter()
        .map(|part| layout.root().join(index_path(part)))
        .collect();
    found.retain(|path| !owned.contains(path));
    Ok(found)
}

/// Deletes them: they follow from the parts. Nothing may be writing parts.
///
/// Errors: a directory cannot be read or a file not be removed.
pub(crate) fn remove_indexes(
    layout: &Layout,
    files: &Files,
    named: &HashSet<String>,
) -> Result<()> {
    for path in find_indexes(layout, named)? {
        tracing::info!(path = %path.display(), "removing the word index of no part");
        files.remove(&path)?;
    }
    Ok(())
}

/// Deletes what was moved aside longer than `age_max` ago, and the oldest beyond `bytes_max`.
///
/// Errors: a directory cannot be read or a file not be removed.
pub(crate) fn expire(
    layout: &Layout,
    files: &Files,
    now: UnixNanos,
    age_max: Duration,
    bytes_max: u64,
) -> Result<()> {
    let mut found = Vec::new();
    list(&layout.orphans(), "parquet", &mut found)?;
    let mut kept = Vec::new();
    for path in found {
        let of = path.metadata().and_then(|m| Ok((m.modified()?, m.len())));
        let (moved, bytes) = of.map_err(|source| failed("reading the age of", &path, source))?;
        kept.push((moved, bytes, path));
    }
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
    for (moved, bytes, path) in kept {
        let age = time(now).duration_since(moved).unwrap_or_default();
        if age < age_max && total <= bytes_max {
            return Ok(());
        }
        total -= bytes;
        tracing::info!(path = %path.display(), bytes, "deleting a part that was moved aside");
        files.remove(&path)?;
    }
    Ok(())
}

fn time(now: UnixNanos) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(now.0).unwrap_or(0))
}

/// Files below `directory` whose names end in `.extension`.
fn list(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    let listing = |source| failed("listing", directory, source);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(listing)?,
    };
    for entry in entries {
        let entry = entry.map_err(listing)?;
        let path = entry.path();
        if entry.file_type().map_err(listing)?.is_dir() {
            list(&path, extension, found)?;
        } else if path.extension().is_some_and(|name| name == extension) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::sample::NOW;

    /// Scenario: named and unknown files; then time passes, and more orphans come than may be kept.
    /// Guarantees: unknown files are moved with their path, never deleted before their age or the
    /// limit says so, the oldest first.
    #[test]
    fn strangers_are_kept_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let files = Files::default();
        let day = layout.tables().join("default/logs/2026-03-01");
        fs::create_dir_all(&day).unwrap();
        let move_at = |name: &str, now: i64| {
            fs::write(day.join(name), "12345").unwrap();
            let named = HashSet::from(["tables/default/logs/2026-03-01/a.parquet".to_owned()]);
            move_aside(&layout, &files, &named, UnixNanos(now)).unwrap()
        };
        assert_eq!(move_at("a.parquet", NOW), 0);
        assert_eq!(move_at("b.parquet", NOW), 1);
        assert_eq!(move_at("c.parquet", NOW + 1_000_000_000), 1);
        let aside = layout.orphans().join("default/logs/2026-03-01");
        let left = |now: i64, bytes_max| {
            let age = Duration::from_secs(60);
            expire(&layout, &files, UnixNanos(now), age, bytes_max).unwrap();
            let mut names: Vec<_> = fs::read_dir(&aside)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(left(NOW + 59_000_000_000, 10), ["b.parquet", "c.parquet"]);
        assert_eq!(left(NOW + 60_000_000_000, 10), ["c.parquet"]);
        assert_eq!(left(NOW + 60_000_000_000, 4), [""; 0]);
        assert!(day.join("a.parquet").exists());
    }
}

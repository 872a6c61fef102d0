//! Checks a data directory that no process uses, and mends what can be mended without a loss.
//!
//! 1. The lock: another process holds it, or nobody. The format version.
//! 2. The catalog: SQLite's pages and indexes, contradictions between our tables and DuckLake's, the
//!    checksums of what is said about parts.
//! 3. The parts: each file is there, has its size and checksum, opens as Parquet with its rows.
//! 4. Their word indexes, and files that the catalog does not name.
//! 5. The log: every frame behind the flushed position.
//!
//! Repairs: indexes of the catalog made anew; damaged parts marked, so that queries go on without
//! them and say so; good ones unmarked; unknown files moved to `quarantine/orphans`. Nothing is
//! deleted but word indexes, which follow from the parts, and no row is invented.

use std::path::Path;

use serde::Serialize;

use crate::catalog::check::{Contents, Opened};
use crate::files::Files;
use crate::layout::{Layout, index_path};
use crate::objects::Objects;
use crate::part::reader::{PartFile, verify};
use crate::recover::salt;
use crate::schema::FORMAT_VERSION;
use crate::wal::reader::{Found, walk};
use crate::{Clock, Error, PartMeta, Result, SystemClock, index, lock, orphans};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is lost.
    Note,
    /// Rows are lost or cannot be read, or the store does not open.
    Damage,
}

/// One thing that `doctor` has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which file or place.
    pub place: String,
    /// What is wrong with it.
    pub detail: String,
    /// What can be done, or what has been done about it.
    pub advice: String,
    /// Whether a repair has put it right.
    pub repaired: bool,
}

/// What a data directory looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Live parts.
    pub parts: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes, all of which were compared with checksums.
    pub part_bytes: u64,
    /// Bytes of their word indexes, all of which were compared with checksums.
    pub index_bytes: u64,
    /// Frames in the log that are in no part yet.
    pub wal_frames: u64,
    /// Their bytes.
    pub wal_bytes: u64,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether no damage is left.
    pub fn is_sound(&self) -> bool {
        self.findings
            .iter()
            .all(|found| found.repaired || found.severity == Severity::Note)
    }

    fn add(&mut self, severity: Severity, place: &str, detail: &str, advice: &str) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(Finding {
            severity,
            place: place.to_owned(),
            detail: detail.to_owned(),
            advice: advice.to_owned(),
            repaired: false,
        });
        &mut self.findings[at]
    }

    fn damage(&mut self, place: &str, detail: &str, advice: &str) -> &mut Finding {
        self.add(Severity::Damage, place, detail, advice)
    }
}

/// Checks the data directory at `data_dir`; with `repair`, mends what can be mended without a loss.
/// Blocking; reads every file.
///
/// Errors: `NotFound` inside `Io` when there is no such directory, `Locked` when a process uses it,
/// `Invalid` when it is no data directory. Damage is a finding, not an error.
pub fn doctor(data_dir: &Path, repair: bool) -> Result<Report> {
    let layout = Layout::new(data_dir);
    if !layout.catalog().is_file() && !layout.wal().is_dir() {
        return Err(Error::Invalid(format!(
            "{} is not a data directory of oriel: it has neither catalog.sqlite nor wal",
            data_dir.display()
        )));
    }
    let _held = lock::hold(&layout)?;
    let mut report = Report::default();
    if !check_version(&layout, &mut report) {
        return Ok(report);
    }
    if !layout.catalog().is_file() {
        report.damage(
            "catalog.sqlite",
            "it is gone; without it nobody knows which files are live",
            "restore it from a backup; parts that are newer than the backup will be moved aside, not deleted",
        );
        return Ok(report);
    }
    let Some((catalog, contents)) = check_catalog(&layout, repair, &mut report) else {
        return Ok(report);
    };
    check_parts(&layout, &catalog, &contents, repair, &mut report)?;
    check_indexes(&layout, &catalog, &contents, repair, &mut report)?;
    check_orphans(&layout, &contents, repair, &mut report)?;
    check_log(&layout, &contents, &mut report)?;
    Ok(report)
}

fn check_version(layout: &Layout, report: &mut Report) -> bool {
    let found = std::fs::read(layout.version()).unwrap_or_default();
    let found = String::from_utf8_lossy(&found);
    match found.trim() {
        "" => {
            report.add(
                Severity::Note,
                "VERSION",
                "it is empty or gone",
                "the next start writes it",
            );
            true
        }
        found if found == FORMAT_VERSION.to_string() => true,
        found => {
            let detail = format!("the format is {found:?}; this oriel reads {FORMAT_VERSION}");
            report.damage("VERSION", &detail, "use the version that wrote it");
            false
        }
    }
}

const RESTORE: &str =
    "restore catalog.sqlite from a backup; parts that are newer will be moved aside, not deleted";

/// `None` when it cannot be read, which is reported.
fn check_catalog(layout: &Layout, repair: bool, report: &mut Report) -> Option<(Opened, Contents)> {
    const PLACE: &str = "catalog.sqlite";
    let unreadable = |report: &mut Report, error: &Error| {
        report.damage(PLACE, &crate::engine::full(error), RESTORE);
    };
    let catalog = match Opened::open(layout) {
        Ok(catalog) => catalog,
        Err(error) => {
            unreadable(report, &error);
            return None;
        }
    };
    match catalog.pages(layout) {
        Ok(lines) if lines.is_empty() => {}
        Ok(lines) => {
            // Indexes follow from the tables.
            let only_indexes = lines.iter().all(|line| line.contains("index"));
            let mended = repair
                && only_indexes
                && catalog.reindex(layout).is_ok()
                && catalog.pages(layout).is_ok_and(|lines| lines.is_empty());
            let advice = match (mended, only_indexes) {
                (true, _) => "its indexes were made anew",
                (false, true) => "run with --repair to make its indexes anew",
                (false, false) => RESTORE,
            };
            report.damage(PLACE, &lines.join("; "), advice).repaired = mended;
        }
        Err(error) => unreadable(report, &error),
    }
    match catalog.contradictions(layout) {
        Ok(found) => {
            for detail in found {
                report.damage(PLACE, &detail, RESTORE);
            }
        }
        Err(error) => unreadable(report, &error),
    }
    match catalog.contents(layout) {
        Ok(contents) => Some((catalog, contents)),
        Err(error) => {
            unreadable(report, &error);
            None
        }
    }
}

fn check_parts(
    layout: &Layout,
    catalog: &Opened,
    contents: &Contents,
    repair: bool,
    report: &mut Report,
) -> Result<()> {
    let objects = Objects::open(layout.root(), Files::default())?;
    let now = SystemClock.now();
    for part in &contents.parts {
        report.parts += 1;
        report.rows += part.rows;
        report.part_bytes += part.bytes;
        let known = contents.damaged.contains_key(&part.id);
        match check_part(&objects, contents, part) {
            Ok(()) if known => {
                if repair {
                    catalog.mark(layout, part.id, now, None)?;
                }
                let found = report.add(
                    Severity::Note,
                    &part.path,
                    "it was damaged and is good again",
                    "its mark is removed: by --repair, or by the scrubber of a running oriel",
                );
                found.repaired = repair;
            }
            Ok(()) => {}
            Err(Error::Corrupt { detail, .. }) => {
                if repair && !known {
                    catalog.mark(layout, part.id, now, Some(&detail))?;
                }
                let detail = format!("{detail}; {} rows of {} are missing", part.rows, part.table);
                let advice = match known || repair {
                    true => {
                        "queries go on without it and say so; put the file back from a backup to have its rows again"
                    }
                    false => {
                        "run with --repair to mark it, or let the server find it: queries go on without it and say so; put the file back from a backup to have its rows again"
                    }
                };
                report.damage(&part.path, &detail, advice);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn check_part(objects: &Objects, contents: &Contents, part: &PartMeta) -> Result<()> {
    verify(objects, part)?;
    let corrupt = |detail: String| Error::Corrupt {
        what: format!("part {}", part.path),
        detail,
    };
    if let Some(sums) = contents.sums.get(&part.id)
        && sums.len() as u64 != part.bytes.div_ceil(crate::checked::BLOCK_BYTES as u64)
    {
        return Err(corrupt(
            "its list of checksums has another length".to_owned(),
        ));
    }
    let file = PartFile::open(objects, part, contents.schemas.of(part.table))
        .map_err(|error| corrupt(crate::engine::full(&error)))?;
    match file.rows_count() {
        rows if rows == part.rows => Ok(()),
        rows => Err(corrupt(format!("it has {rows} rows, not {}", part.rows))),
    }
}

/// Damaged word indexes, and those of no part.
fn check_indexes(
    layout: &Layout,
    catalog: &Opened,
    contents: &Contents,
    repair: bool,
    report: &mut Report,
) -> Result<()> {
    let files = Files::default();
    for part in &contents.parts {
        let Some(row) = contents.indexes.get(&part.id) else {
            continue;
        };
        report.index_bytes += row.bytes;
        let Err(error) = index::verify(layout.root(), &part.path, row) else {
            continue;
        };
        let path = index_path(&part.path);
        if repair {
            catalog.forget_index(layout, part.id)?;
            files.remove(&layout.root().join(&path))?;
        }
        let advice = "nothing is lost: searches read the part instead; --repair removes the index, and the next merge makes one";
        let found = report.add(Severity::Note, &path, &error.to_string(), advice);
        found.repaired = repair;
    }
    for path in orphans::find_indexes(layout, &contents.named)? {
        let place = path.strip_prefix(layout.root()).unwrap_or(&path);
        let found = report.add(
            Severity::Note,
            &place.display().to_string(),
            "it is the word index of no part: a crash left it",
            "a start, or --repair, removes it",
        );
        found.repaired = repair;
    }
    if repair {
        orphans::remove_indexes(layout, &files, &contents.named)?;
    }
    Ok(())
}

fn check_orphans(
    layout: &Layout,
    contents: &Contents,
    repair: bool,
    report: &mut Report,
) -> Result<()> {
    let found = orphans::find(layout, &contents.named)?;
    if repair {
        let now = SystemClock.now();
        orphans::move_aside(layout, &Files::default(), &contents.named, now)?;
    }
    for path in found {
        let place = path.strip_prefix(layout.root()).unwrap_or(&path);
        let found = report.add(
            Severity::Note,
            &place.display().to_string(),
            "the catalog does not name this file: a crash left it, or the catalog is older than it",
            "a start, or --repair, moves it to quarantine/orphans",
        );
        found.repaired = repair;
    }
    if contents.foreign_count > 0 {
        let detail = format!("another program added {} files", contents.foreign_count);
        let advice = "oriel does not read them; attach the catalog READ_ONLY";
        report.add(Severity::Note, "catalog.sqlite", &detail, advice);
    }
    Ok(())
}

fn check_log(layout: &Layout, contents: &Contents, report: &mut Report) -> Result<()> {
    let wal = layout.wal();
    if !wal.is_dir() {
        let advice = "rows in it that were in no part are lost; the next start makes a new one";
        report.damage("wal", "the folder is gone", advice);
        return Ok(());
    }
    let salt = salt(&contents.secret);
    let walked = walk(&wal, salt, contents.flushed, &mut |found| {
        match found {
            Found::Frame(frame) => {
                report.wal_frames += 1;
                report.wal_bytes += frame.bytes as u64;
            }
            Found::Damaged(damaged) => {
                let place = damaged.path.strip_prefix(layout.root());
                let place = place.unwrap_or(&damaged.path).display().to_string();
                let detail = format!(
                    "{} frames from sequence {} on, at byte {}, are damaged; their requests are lost",
                    damaged.frames_count, damaged.first, damaged.offset
                );
                let advice = "the next start keeps their bytes in wal/quarantine and goes on";
                report.damage(&place, &detail, advice);
            }
            Found::End => {}
        }
        Ok(())
    })?;
    if let Some(torn) = walked.torn {
        let detail = format!(
            "the log ends at byte {} of {} in a frame that is cut off, which was never acknowledged, or damaged",
            torn.offset,
            torn.path.display()
        );
        let advice = "the next start keeps its bytes in wal/quarantine";
        report.add(Severity::Note, "wal", &detail, advice);
    }
    let kept = std::fs::read_dir(wal.join("quarantine")).map_or(0, Iterator::count);
    if kept > 0 {
        let detail = format!("{kept} requests or pieces of the log that could not be replayed");
        let advice = "look at them, then delete them";
        report.add(Severity::Note, "wal/quarantine", &detail, advice);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;
    use crate::testing::{Home, Request};
    use crate::{Store, TenantId};

    async fn filled(home: &Home) -> Store {
        let store = home.open().await;
        for number in 0..4 {
            let rows = [(Table::Spans, 3), (Table::Logs, 2)];
            Request::new(number, &rows).send(&store).await.unwrap();
            if number == 1 {
                store.flush().await.unwrap();
            }
        }
        store
    }

    /// Drops a store and waits until its directory is free.
    fn free(home: &Home, store: Store) {
        drop(store);
        let layout = Layout::new(&home.config.data_dir);
        while lock::hold(&layout).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Scenario: a directory in use, one that is none, a sound one.
    /// Guarantees: the first two are errors that say so; the last is sound and counted.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_sound_directory_is_sound() {
        let home = Home::new();
        let dir = home.config.data_dir.clone();
        assert!(matches!(doctor(&dir, false), Err(Error::Invalid(_))));
        let store = filled(&home).await;
        assert!(matches!(doctor(&dir, false), Err(Error::Locked { .. })));
        free(&home, store);
        let report = doctor(&dir, false).unwrap();
        assert_eq!(report.findings, []);
        assert!(report.is_sound());
        assert_eq!((report.parts, report.wal_frames), (3, 2));
    }

    /// Scenario: a part is damaged, another is gone, an unknown file lies there, a frame of the log
    /// is damaged; it is looked at, repaired, opened.
    /// Guarantees: each is named; a look changes nothing; after the repair the store opens and lacks
    /// exactly what was damaged.
    #[tokio::test(flavor = "multi_thread")]
    async fn damage_is_named_and_mended() {
        let home = Home::new();
        let dir = home.config.data_dir.clone();
        let store = filled(&home).await;
        let snapshot = store.snapshot(&TenantId::default_tenant());
        let logs = dir.join(&snapshot.parts(Table::Logs)[0].path);
        let spans = dir.join(&snapshot.parts(Table::Spans)[0].path);
        drop(snapshot);
        free(&home, store);
        let good = std::fs::read(&logs).unwrap();
        std::fs::write(&logs, &good[..good.len() - 1]).unwrap();
        std::fs::remove_file(&spans).unwrap();
        let orphan = logs.with_file_name("x.parquet");
        std::fs::write(&orphan, "x").unwrap();
        let segment = crate::wal::segment_path(&dir.join("wal"), 1);
        let mut frames = std::fs::read(&segment).unwrap();
        let third = (0..3).fold(0, |at, number| {
            let rows = [(Table::Spans, 3), (Table::Logs, 2)];
            at + crate::wal::frame_bytes(&Request::new(number, &rows).frame())
        }) - 30;
        frames[third] ^= 1;
        std::fs::write(&segment, frames).unwrap();
        let places = |report: &Report, severity| {
            let of = report.findings.iter().filter(|f| f.severity == severity);
            of.map(|f| f.place.clone()).collect::<Vec<_>>()
        };
        for repair in [false, true] {
            let report = doctor(&dir, repair).unwrap();
            assert!(!report.is_sound());
            let damage = places(&report, Severity::Damage);
            assert_eq!(damage.len(), 3, "{report:#?}");
            assert!(damage.iter().any(|place| logs.ends_with(place)));
            assert!(damage.iter().any(|place| spans.ends_with(place)));
            assert!(damage.iter().any(|place| segment.ends_with(place)));
            let notes = places(&report, Severity::Note);
            assert!(
                notes.iter().any(|place| orphan.ends_with(place)),
                "{notes:?}"
            );
            assert_eq!(orphan.exists(), !repair);
        }
        let store = home.open().await;
        let snapshot = store.snapshot(&TenantId::default_tenant());
        assert_eq!(snapshot.parts(Table::Logs).len(), 0);
        assert_eq!(snapshot.missing(Table::Logs).len(), 1);
        assert_eq!(snapshot.missing(Table::Spans).len(), 1);
        assert_eq!(snapshot.missing(Table::Traces).len(), 0);
        assert_eq!(store.stats().buffer_rows, 5);
        drop(snapshot);
        std::fs::write(&logs, &good).unwrap();
        free(&home, store);
        let report = doctor(&dir, true).unwrap();
        assert_eq!(places(&report, Severity::Damage).len(), 2);
        let store = home.open().await;
        let snapshot = store.snapshot(&TenantId::default_tenant());
        assert_eq!(snapshot.missing(Table::Logs).len(), 0);
    }

    /// Scenario: rows of the catalog are changed behind our back: the flushed position, a time range,
    /// a row taken out; then it is no database at all.
    /// Guarantees: each is damage of the catalog, for `doctor` and for an open.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_catalog_is_damage() {
        let changes = [
            "UPDATE oriel_wal SET position = position - 1",
            "UPDATE oriel_part SET time_max = time_max - 1 WHERE data_file_id = (SELECT max(data_file_id) FROM oriel_part)",
            "UPDATE ducklake_data_file SET end_snapshot = 9 WHERE data_file_id = (SELECT max(data_file_id) FROM oriel_part)",
            "DELETE FROM ducklake_data_file WHERE data_file_id = (SELECT min(data_file_id) FROM oriel_part)",
            "UPDATE oriel_meta SET value = zeroblob(32) WHERE key = 'secret'",
        ];
        for change in changes {
            let home = Home::new();
            let dir = home.config.data_dir.clone();
            free(&home, filled(&home).await);
            let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
            let changed = db.execute(change, []).unwrap();
            assert_eq!(changed, 1, "{change}");
            drop(db);
            let report = doctor(&dir, false).unwrap();
            assert!(!report.is_sound(), "{change}");
            let error = home.try_open().await.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{change}: {error}");
        }
        let home = Home::new();
        free(&home, filled(&home).await);
        std::fs::write(home.config.data_dir.join("catalog.sqlite"), "nothing").unwrap();
        let report = doctor(&home.config.data_dir, true).unwrap();
        assert!(!report.is_sound());
        assert_eq!(report.findings[0].place, "catalog.sqlite");
    }
}

//! Death at every failpoint and at random moments, again and again on one data directory.
//!
//! 1. A server takes load and is killed after a random while.
//! 2. It starts again with one failpoint armed, and dies there: while it opens its directory, or
//!    under load.
//! 3. It starts again, and all that is stored is compared with all that was sent.
//!
//! `ORIEL_CRASH_ROUNDS` says how often each point is tried, `ORIEL_SOAK_ROUNDS` how many kills there
//! are; `ORIEL_SOAK_SEED` repeats a run as far as its random numbers go.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oriel_storage::failpoint::{POINTS, VARIABLE};

use super::load::{self, Ledger};
use crate::random::{Random, number, seed};
use crate::support::Server;

/// Data directories at work at once.
const LANES: usize = 3;
/// Starts until a point must have been passed.
const ATTEMPTS: u64 = 8;
/// How long an armed server may go on before the next attempt.
const PATIENCE: Duration = Duration::from_secs(15);
/// Signal 6, of `abort`.
const SIGABRT: i32 = 6;

const INTERVAL: &str = "ORIEL_STORAGE_FLUSH_INTERVAL";
const FLUSH_BYTES: &str = "ORIEL_STORAGE_FLUSH_BYTES";
const GRACE: &str = "ORIEL_STORAGE_UNLINK_GRACE";
const RETENTION: &str = "ORIEL_STORAGE_RETENTION_METRICS";

/// Everything happens all the time.
const SETTINGS: [(&str, &str); 9] = [
    (INTERVAL, "40ms"),
    ("ORIEL_STORAGE_COMPACT_INTERVAL", "60ms"),
    ("ORIEL_STORAGE_COMPACT_PARTS_MIN", "2"),
    ("ORIEL_STORAGE_WAL_SEGMENT_BYTES", "4 KiB"),
    // What is old gathers until a server starts that removes it.
    (GRACE, "1h"),
    (RETENTION, "0s"),
    ("ORIEL_STORAGE_LATE_MAX", "3650days"),
    ("ORIEL_STORAGE_RETENTION_LOGS", "0s"),
    ("ORIEL_STORAGE_RETENTION_TRACES", "0s"),
];

/// How often something was tried, and survived.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    tried: u64,
    survived: u64,
}

/// One data directory.
struct Lane {
    server: Server,
    ledger: Ledger,
    random: Random,
    aborted: usize,
    tallies: BTreeMap<String, Tally>,
}

impl Lane {
    async fn new(seed: u64) -> Lane {
        Lane {
            server: Server::start_with(&[], &SETTINGS).await,
            ledger: Ledger::default(),
            random: Random(seed),
            aborted: 0,
            tallies: BTreeMap::new(),
        }
    }

    /// Load for up to `most` milliseconds, then SIGKILL.
    async fn kill(&mut self, most: u64, run: &str) {
        let load = self.ledger.start(&self.server, &mut self.random);
        tokio::time::sleep(Duration::from_millis(20 + self.random.below(most))).await;
        self.server.kill9();
        self.ledger.end(load, run).await;
    }

    /// Starts again and compares.
    async fn check(&mut self, deaths: &[&str], run: &str) -> Result<(), String> {
        self.server.restart().await;
        let url = self.server.url();
        let outcome = self.ledger.check(&url).await;
        for death in deaths {
            let tally = self.tallies.entry((*death).to_owned()).or_default();
            tally.tried += 1;
            tally.survived += u64::from(outcome.is_ok());
        }
        outcome.map_err(|error| format!("{run}: {error}"))
    }

    /// Dies at `point`, which the server passes within some starts.
    async fn die_at(&mut self, point: &'static str, run: &str) -> Result<(), String> {
        let (stage, _) = point.split_once('.').unwrap_or((point, ""));
        for attempt in 0..ATTEMPTS {
            let run = format!("{run}, {point}, attempt {attempt}");
            if stage == "replay" {
                self.server.set_var(INTERVAL, "1h");
                self.server.restart().await;
                self.server.set_var(INTERVAL, "40ms");
            }
            self.kill(150, &run).await;
            if stage == "open" {
                plant_stranger(&self.server.data_dir());
            }
            let most = match stage {
                "wal" => 30,
                "rotate" | "flush" | "replay" => 4,
                "compact" | "unlink" => 2,
                _ => 1,
            };
            let count = 1 + self.random.below(most) / (1 + attempt);
            let died = self.arm(point, count, &run).await;
            let mut deaths = vec!["SIGKILL"];
            if let Some(status) = died {
                self.aborted += 1;
                let named = self.server.log().matches("aborting at a failpoint").count();
                if status.signal() != Some(SIGABRT) || named != self.aborted {
                    return Err(format!("{run}: it ended with {status}"));
                }
                deaths.push(point);
            }
            self.check(&deaths, &run).await?;
            if died.is_some() {
                return self.delete(stage, &run).await;
            }
        }
        Err(format!("{run}: {point} was never passed"))
    }

    /// Deletes what a deletion that died has left, and compares.
    async fn delete(&mut self, stage: &str, run: &str) -> Result<(), String> {
        let url = self.server.url();
        if stage != "delete" {
            return Ok(());
        }
        if !load::delete(&url).await || load::doomed_rows(&url).await > 0 {
            return Err(format!("{run}: a later deletion left rows"));
        }
        let outcome = self.ledger.check(&url).await;
        outcome.map_err(|error| format!("{run}, deleted: {error}"))
    }

    /// Starts with a point armed, under load; how it ended, if it did.
    async fn arm(
        &mut self,
        point: &str,
        count: u64,
        run: &str,
    ) -> Option<std::process::ExitStatus> {
        self.server.set_var(VARIABLE, &format!("{point}:{count}"));
        self.server.set_var(GRACE, "0s");
        self.server.set_var(RETENTION, "1day");
        if point == "replay.flushed" {
            self.server.set_var(FLUSH_BYTES, "1");
        }
        let at_start = self.server.try_restart().await;
        self.server.unset_var(VARIABLE);
        self.server.unset_var(FLUSH_BYTES);
        self.server.set_var(GRACE, "1h");
        self.server.set_var(RETENTION, "0s");
        if at_start.is_some() {
            return at_start;
        }
        let load = self.ledger.start(&self.server, &mut self.random);
        let ended = match point {
            "close.before_flush" => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some(self.server.stop())
            }
            _ if point.starts_with("delete.") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                load::delete(&self.server.url()).await;
                self.server.ended(PATIENCE).await
            }
            _ => self.server.ended(PATIENCE).await,
        };
        self.server.kill9();
        self.ledger.end(load, run).await;
        ended
    }

    /// Stops the server and lets the doctor look.
    fn finish(mut self, run: &str) -> Result<Lane, String> {
        let status = self.server.stop();
        if !status.success() {
            return Err(format!("{run}: the stop ended with {status}"));
        }
        let directory = self.server.data_dir();
        let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_oriel"));
        let doctor = doctor.arg("doctor").arg("--data-dir").arg(directory);
        let report = doctor.output().map_err(|e| format!("{run}: {e}"))?;
        match report.status.success() {
            true => Ok(self),
            false => Err(format!(
                "{run}: {}",
                String::from_utf8_lossy(&report.stdout)
            )),
        }
    }
}

/// Copies a part under a name that no commit knows: its rows would be there twice.
fn plant_stranger(data_dir: &Path) {
    fn first(folder: &Path) -> Option<PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?;
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let is_part = |path: &&PathBuf| path.extension().is_some_and(|e| e == "parquet");
        let part = paths.iter().find(is_part).cloned();
        part.or_else(|| paths.iter().filter(|p| p.is_dir()).find_map(|p| first(p)))
    }
    if let Some(part) = first(&data_dir.join("tables")) {
        std::fs::copy(&part, part.with_file_name("stranger.parquet")).unwrap();
    }
}

/// Prints what was tried, one line each, for `make proof`.
fn print(title: &str, tallies: &BTreeMap<String, Tally>) {
    for (what, Tally { tried, survived }) in tallies {
        eprintln!("PROOF | {title}: {what} | {tried} | {survived} |");
    }
}

/// Scenario: for each failpoint, on three data directories at once, a server under load is killed,
/// starts again, and dies at that point, of the 1st to 30th time that it passes it.
/// Guarantees: every point is reached; after each start acknowledged and lost 0, duplicates 0,
/// invented 0, torn requests 0; the doctor finds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn each_failpoint_is_survived() {
    let seed = seed();
    let rounds = number("ORIEL_CRASH_ROUNDS").unwrap_or(1);
    let mut points = POINTS.to_vec();
    let mut random = Random(seed);
    let (mut tallies, mut failures) = (BTreeMap::<String, Tally>::new(), Vec::new());
    for round in 0..rounds {
        for at in (1..points.len()).rev() {
            points.swap(at, random.below(at as u64 + 1) as usize);
        }
        let mut lanes = tokio::task::JoinSet::new();
        for lane in 0..LANES {
            let mine: Vec<&'static str> =
                points.iter().skip(lane).step_by(LANES).copied().collect();
            let run = format!("ORIEL_SOAK_SEED={seed}, round {round}, lane {lane}");
            let seed = random.bits();
            lanes.spawn(async move {
                let mut lane = Lane::new(seed).await;
                let mut outcome = Ok(());
                for point in mine {
                    if outcome.is_ok() {
                        outcome = lane.die_at(point, &run).await;
                    }
                }
                let tallies = lane.tallies.clone();
                (tallies, outcome.and_then(|()| lane.finish(&run).map(drop)))
            });
        }
        for (of_lane, outcome) in lanes.join_all().await {
            failures.extend(outcome.err());
            for (what, tally) in of_lane {
                let sum = tallies.entry(what).or_default();
                sum.tried += tally.tried;
                sum.survived += tally.survived;
            }
        }
    }
    print("crash", &tallies);
    assert!(failures.is_empty(), "{failures:#?}");
    let missed: Vec<_> = points
        .iter()
        .filter(|p| !tallies.contains_key(**p))
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// Scenario: rounds of load that end in SIGKILL (or, one in five, in SIGTERM) after a random while,
/// up to 700 ms; half of the starts behind it are killed as well, within 400 ms.
/// Guarantees: as above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled() {
    let seed = seed();
    let rounds = number("ORIEL_SOAK_ROUNDS").unwrap_or(10);
    let mut lane = Lane::new(seed).await;
    lane.server.set_var(GRACE, "100ms");
    lane.server.set_var(RETENTION, "1day");
    for round in 0..rounds {
        let run = format!("ORIEL_SOAK_SEED={seed}, round {round}");
        let mut death = "SIGKILL";
        if lane.random.once_in(5) {
            death = "SIGTERM";
            let load = lane.ledger.start(&lane.server, &mut lane.random);
            tokio::time::sleep(Duration::from_millis(100)).await;
            let status = lane.server.stop();
            lane.ledger.end(load, &run).await;
            assert!(status.success(), "{run}: {status}");
        } else {
            lane.kill(700, &run).await;
        }
        let mut deaths = vec![death];
        while lane.random.once_in(2) {
            let life = Duration::from_millis(lane.random.below(400));
            lane.server.start_and_kill(life).await;
            deaths.push("SIGKILL while it starts");
        }
        let outcome = lane.check(&deaths, &run).await;
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }
    let acknowledged = lane.ledger.acknowledged();
    assert!(
        acknowledged > rounds * 5,
        "only {acknowledged} requests were acknowledged"
    );
    print("random moment", &lane.tallies);
    lane.finish("the end")
        .unwrap_or_else(|error| panic!("{error}"));
}

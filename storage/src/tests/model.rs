//! Random histories against an oracle that is a list of requests.
//!
//! A history appends (several at once, some again), flushes, merges, expires, ages (one signal is kept for a day), scrubs, deletes,
//! closes, dies and opens again, taking requests before its log is replayed or dying there, while the disk fails now and then: a change fails, a write is torn, the disk is
//! full for a while, the machine stops in the middle of any change and loses what was not synced.
//! After each step exactly the acknowledged requests are shown, each row once; one whose outcome is
//! not known is there whole or not at all; nothing else is there. Only a fault excuses an error.
//!
//! `ORIEL_MODEL_SEEDS` says how many histories are tried; the seed of a failing one is printed, and
//! `ORIEL_MODEL_SEED` tries that one alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oriel_proto::UnixNanos;

use super::faults::{Fault, Faults};
use super::rows::{SIGNALS, check_words, rows, summarised, texts};
use crate::files::{Files, Gate};
use crate::layout::Layout;
use crate::part::sample::{NOW, Random};
use crate::schema::{Schemas, Table};
use crate::testing::{Home, Request};
use crate::{Clock, Result, Selection, Store, TenantId, lock};

/// Steps of a history.
const STEPS: u64 = 14;

/// How many histories, or which one.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("ORIEL_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ORIEL_MODEL_SEEDS").unwrap_or(default),
    }
}

/// A request, and whether it must be there.
#[derive(Debug)]
struct Known {
    request: Request,
    /// Acknowledged, or seen to be stored; otherwise its outcome is not known.
    stored: bool,
    aged: Aged,
}

/// Whether its rows of the signal that ages are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aged {
    No,
    /// All or none of them.
    Maybe,
    Gone,
}

struct Model {
    seed: u64,
    random: Random,
    home: Home,
    faults: Arc<Faults>,
    store: Option<Store>,
    known: BTreeMap<u64, Known>,
    next: u64,
    schemas: Schemas,
    /// The table that is kept for a day.
    ages: Table,
}

/// Scenario: 200 seeded histories with faults (`ORIEL_MODEL_SEEDS` for more).
/// Guarantees: what was acknowledged is shown once, whatever failed; nothing is invented; a disk that
/// works again is all it takes (W1, W2, W3, W4, P2, S1).
#[test]
fn histories_with_faults_match_the_oracle() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut waiting = seeds(200);
        let tried = waiting.clone().count();
        let mut running = tokio::task::JoinSet::new();
        loop {
            // Histories wait more than they work.
            while running.len() < 12
                && let Some(seed) = waiting.next()
            {
                running.spawn(async move {
                    let history = tokio::spawn(Model::new(seed).run());
                    if let Err(error) = history.await {
                        panic!("the history of ORIEL_MODEL_SEED={seed} failed: {error}");
                    }
                });
            }
            match running.join_next().await {
                Some(ended) => ended.unwrap(),
                None => break,
            }
        }
        eprintln!("PROOF | model: histories with faults | {tried} | {tried} |");
    });
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed + 7000);
        let faults = Faults::new(seed);
        let mut home = Home::in_memory();
        home.files = Files::behind(Arc::clone(&faults) as Arc<dyn Gate>);
        home.config.compact_parts_min = 2 + random.below(2) as usize;
        home.config.unlink_grace = Duration::ZERO;
        home.config.scrub_interval = Duration::ZERO;
        let ages = SIGNALS[random.below(3) as usize];
        let kept = match ages {
            Table::Logs => &mut home.config.retention_logs,
            Table::Metrics => &mut home.config.retention_metrics,
            _ => &mut home.config.retention_traces,
        };
        *kept = Duration::from_secs(86_400);
        home.config.index_rows_min = random.below(6) as usize;
        Model {
            seed,
            ages,
            random,
            home,
            faults,
            store: None,
            known: BTreeMap::new(),
            next: 0,
            schemas: Schemas::format0(),
        }
    }

    async fn run(mut self) {
        self.open(false).await;
        for step in 0..STEPS {
            let now = NOW + step as i64 * 1_000_000_000;
            self.home.clock.set(UnixNanos(now));
            if self.random.below(3) == 0 {
                self.arm();
            }
            let action = self.random.below(14);
            self.act(action).await;
            if action > 4 || step + 1 == STEPS {
                self.check(step, action, true).await;
            }
        }
        // A machine that works again has everything.
        self.restart(false).await;
        self.flush_all().await;
        self.check(STEPS, 99, false).await;
    }

    fn arm(&mut self) {
        let fault = match self.random.below(6) {
            0 => Fault::Error,
            1 => Fault::Full(self.random.below(12)),
            2 => Fault::Torn,
            _ => Fault::Cut,
        };
        self.faults.arm(self.random.below(24), fault);
    }

    async fn act(&mut self, action: u64) {
        let store = self.store.clone().unwrap();
        match action {
            0..=4 => self.append_some(&store).await,
            5 => self.excuse(store.flush().await),
            6 => self.excuse(store.compact().await),
            7 => self.excuse(store.expire().await),
            8 => self.excuse(store.scrub().await),
            9 => self.delete_some(&store).await,
            13 => self.age(&store).await,
            10 => {
                self.excuse(store.close().await);
                drop(store);
                self.restart(true).await;
            }
            _ => {
                drop(store);
                self.restart(true).await;
            }
        }
    }

    /// Three days pass, one signal's rows go; then the clock is right again.
    async fn age(&mut self, store: &Store) {
        let flushed = store.flush().await;
        let now = self.home.clock.now();
        self.home.clock.set(UnixNanos(now.0 + 3 * UnixNanos::DAY));
        let outcome = match flushed {
            Ok(()) => store.expire().await,
            failed => failed,
        };
        self.home.clock.set(now);
        let gone = outcome.is_ok();
        self.excuse(outcome);
        for known in self.known.values_mut() {
            // One that was refused may still be in the log, and come back.
            if known.aged != Aged::Gone {
                known.aged = match gone && known.stored {
                    true => Aged::Gone,
                    false => Aged::Maybe,
                };
            }
        }
    }

    /// Deletes the requests of some numbers, by their times.
    async fn delete_some(&mut self, store: &Store) {
        let first = self.random.below(self.next + 1);
        let end = first + 1 + self.random.below(3);
        let time = |number: u64| Some(UnixNanos(NOW + number as i64 * 1_000_000));
        let selection = Selection {
            from: time(first),
            to: time(end),
            ..Selection::default()
        };
        let tenant = TenantId::default_tenant();
        let outcome = store
            .delete(&tenant, &selection, false, Arc::default())
            .await;
        let deleted = outcome.is_ok();
        self.excuse(outcome.map(drop));
        self.known.retain(|number, known| {
            let selected = (first..end).contains(number);
            // One that was refused may still be in the log, and come back.
            let gone = selected && deleted && known.stored;
            known.stored &= !selected;
            !gone
        });
    }

    /// Only a fault excuses an error.
    fn excuse(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            assert!(self.faults.fired(), "seed {}: {error:?}", self.seed);
        }
    }

    /// The store dies, perhaps with its machine, and is opened again, perhaps on a bad disk.
    async fn restart(&mut self, faults: bool) {
        drop(self.store.take());
        self.wait_for_the_end().await;
        match self.random.below(2) {
            0 => self.faults.lose_power(),
            _ => self.faults.keep_power(),
        }
        self.faults.disarm();
        self.open(faults).await;
    }

    async fn open(&mut self, faults: bool) {
        if faults && self.random.below(4) == 0 {
            self.arm();
            if let Ok(store) = self.home.try_open().await {
                self.store = Some(store);
                return;
            }
            assert!(self.faults.fired(), "seed {}", self.seed);
            self.faults.keep_power();
            self.faults.disarm();
        }
        while self.random.below(3) == 0 {
            if self.open_early().await {
                return;
            }
        }
        self.store = Some(self.home.open().await);
    }

    /// Opens a store that takes requests while some frames of its log, or none, are replayed; then it
    /// dies, or replays them all. Returns whether it lives.
    async fn open_early(&mut self) -> bool {
        self.home.beside = true;
        let decodes = self.random.below(8);
        self.home.decodes.store(decodes, Ordering::SeqCst);
        let store = self.home.open().await;
        self.home.beside = false;
        self.append_some(&store).await;
        if self.random.below(2) == 0 {
            store.flush().await.unwrap();
        }
        if self.random.below(2) == 0 {
            drop(store);
            self.home.decodes.store(u64::MAX, Ordering::SeqCst);
            self.wait_for_the_end().await;
            return false;
        }
        self.home.decodes.store(u64::MAX, Ordering::SeqCst);
        while store.replay().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.store = Some(store);
        true
    }

    /// Waits until nothing of the last store is left.
    async fn wait_for_the_end(&self) {
        let layout = Layout::new(&self.home.config.data_dir);
        while lock::hold(&layout).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn flush_all(&self) {
        let store = self.store.as_ref().unwrap();
        store.flush().await.unwrap();
        store.compact().await.unwrap();
        assert_eq!(store.stats().buffer_rows, 0);
    }

    async fn append_some(&mut self, store: &Store) {
        let mut requests = Vec::new();
        for _ in 0..1 + self.random.below(5) {
            if self.next > 0 && self.random.below(4) == 0 {
                let again = self.random.below(self.next);
                if let Some(known) = self.known.get(&again) {
                    requests.push(known.request.clone());
                    continue;
                }
            }
            let mut tables = vec![(
                SIGNALS[self.random.below(3) as usize],
                1 + self.random.below(4) as usize,
            )];
            if self.random.below(4) == 0 && tables[0].0 != Table::Logs {
                tables.push((Table::Logs, 2));
            }
            requests.push(Request::new(self.next, &tables));
            self.next += 1;
        }
        let sends: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let store = store.clone();
                tokio::spawn(async move { (request.send(&store).await, request) })
            })
            .collect();
        for send in sends {
            let (outcome, request) = send.await.unwrap();
            if let Err(error) = &outcome {
                assert!(self.faults.fired(), "seed {}: {error:?}", self.seed);
            }
            let stored = outcome.is_ok();
            let known = self.known.entry(request.number);
            let new = Known {
                request,
                stored,
                aged: Aged::No,
            };
            known.or_insert(new).stored |= stored;
        }
    }

    /// Compares all rows: by their times, or whole.
    async fn check(&mut self, step: u64, action: u64, times: bool) {
        let at = format!("seed {}, step {step}, action {action}", self.seed);
        let store = self.store.as_ref().unwrap();
        let snapshot = store.snapshot(&TenantId::default_tenant());
        let mut shown = BTreeMap::new();
        for table in SIGNALS {
            assert_eq!(snapshot.missing(table).len(), 0, "{at}");
            let rows = rows(store, &snapshot, table, times).await;
            shown.insert(table, rows.unwrap_or_else(|error| panic!("{at}: {error}")));
        }
        check_words(store, &snapshot, &at).await;
        let spans: usize = shown[&Table::Spans].values().sum();
        let summarised = summarised(store, &snapshot).await.unwrap();
        assert_eq!(summarised, spans as i64, "{at}: summarised spans");
        for known in self.known.values_mut() {
            // Of the tables that stay; of the one that ages.
            let mut counts = [(0, 0); 2];
            for batch in known.request.batches(&self.schemas) {
                let ages = batch.table() == self.ages && known.aged != Aged::No;
                let (there, all) = &mut counts[usize::from(ages)];
                let schema = self.schemas.of(batch.table());
                let column = times.then_some(schema.time_column);
                let rows = shown.get_mut(&batch.table()).unwrap();
                for text in texts(batch.rows(), column) {
                    *all += 1;
                    if let Some(count) = rows.get_mut(&text).filter(|count| **count > 0) {
                        *count -= 1;
                        *there += 1;
                    }
                }
            }
            let [(there, all), (old, all_old)] = counts;
            let number = known.request.number;
            assert!(
                there == 0 || there == all,
                "{at}: {there} of {all} rows of request {number}"
            );
            assert!(
                there == all || !known.stored,
                "{at}: request {number} is lost"
            );
            assert!(
                old == 0 || (old == all_old && known.aged == Aged::Maybe),
                "{at}: {old} of {all_old} old rows of request {number}"
            );
            known.stored |= old > 0;
            known.stored |= there > 0;
        }
        for (table, rows) in shown {
            let more: Vec<_> = rows.iter().filter(|(_, count)| **count > 0).collect();
            assert!(
                more.is_empty(),
                "{at}: doubled or invented rows of {table}: {more:?}"
            );
        }
    }
}

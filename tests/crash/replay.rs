//! Load that does not wait for the replay: servers that take requests while they replay their log,
//! and are killed there, again and again.

use std::time::Duration;

use super::load::Ledger;
use crate::ask::Api;
use crate::random::{Random, number, seed};
use crate::support::Server;

const INTERVAL: &str = "ORIEL_STORAGE_FLUSH_INTERVAL";
const FLUSH_BYTES: &str = "ORIEL_STORAGE_FLUSH_BYTES";

/// Scenario: a server whose rows stay in the log is killed; then, round after round, one starts that
/// flushes every frame it replays, takes load as soon as its ports answer, and is killed, or told to
/// stop, while it replays; at last one replays in peace.
/// Guarantees: telemetry is taken while `/ready` says 503 and `/health` 200; queries say that they
/// are incomplete; acknowledged and lost 0, duplicates 0 (old requests are sent again all the time),
/// invented 0; a stop in the middle succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_and_kills_during_replay() {
    let seed = seed();
    let mut random = Random(seed);
    let rounds = number("ORIEL_REPLAY_ROUNDS").unwrap_or(5);
    let settings = [
        (INTERVAL, "1h"),
        ("ORIEL_STORAGE_WAL_SEGMENT_BYTES", "16 KiB"),
    ];
    let mut server = Server::start_with(&[], &settings).await;
    let mut ledger = Ledger::default();
    let mut during = 0;
    for round in 0..=rounds {
        let run = format!("ORIEL_SOAK_SEED={seed}, round {round}");
        if round > 0 {
            server.set_var(FLUSH_BYTES, "1");
            server.restart_early().await;
            server.unset_var(FLUSH_BYTES);
        }
        let load = ledger.start(&server, &mut random);
        let pause = if round == 0 {
            500
        } else {
            100 + random.below(300)
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if round > 0 {
            during += u64::from(replays(&server, &run).await);
        }
        if random.once_in(4) {
            let status = server.stop();
            assert!(status.success(), "{run}: {status}");
        } else {
            server.kill9();
        }
        ledger.end(load, &run).await;
    }
    server.restart().await;
    let outcome = ledger.check(&server.url()).await;
    outcome.unwrap_or_else(|error| panic!("ORIEL_SOAK_SEED={seed}: {error}"));
    eprintln!("PROOF | crash: death or stop in a replay under load | {during} | {during} |");
    assert!(during > 0, "no round met a replay");
    assert!(ledger.acknowledged() > rounds, "load was taken");
    assert!(server.stop().success());
}

/// Whether `server` replays its log now; it says so everywhere then.
async fn replays(server: &Server, run: &str) -> bool {
    let api = Api::new(&server.url());
    assert_eq!(api.get("/health").await.status, 200, "{run}");
    let answer = api.answer("SELECT count(*) FROM logs").await;
    let ready = api.get("/ready").await;
    let text = String::from_utf8_lossy(&ready.body);
    let replays = ready.status == 503 && text.contains("replaying the write-ahead log");
    if replays {
        // It began earlier: the query met it as well.
        let receipt = &answer["receipt"];
        assert_eq!(receipt["replaying"], true, "{run}: {receipt}");
        assert_eq!(receipt["complete"], false, "{run}: {receipt}");
    }
    replays
}

//! More than the server can take: ten times the load it keeps up with, and a disk that is full.
//!
//! `ORIEL_OVERLOAD_SECONDS` says how long the overload lasts (4 by default, 60 in `make soak`).

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use oriel_proto::Signal;
use tokio::sync::Semaphore;
use tonic::Code;

use crate::ask::Api;
use crate::edges::{log, log_request};
use crate::random::{Random, number, seed};
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, PROTOBUF};

/// Rows of one request.
const ROWS: u64 = 16;
/// Bytes of text in each.
const TEXT: usize = 1000;
/// Requests without an answer, at most: the sender has limits, too.
const OPEN_MAX: usize = 600;
/// The setting `limits.memory`.
const LIMIT: u64 = 256 << 20;

/// What became of requests.
#[derive(Debug, Default)]
struct Outcomes {
    sent: AtomicU64,
    stored: AtomicU64,
    refused: AtomicU64,
    /// The connection broke.
    unsure: AtomicU64,
}

impl Outcomes {
    fn read(&self) -> [u64; 4] {
        [&self.sent, &self.stored, &self.refused, &self.unsure].map(|n| n.load(Ordering::SeqCst))
    }
}

/// Both ways in.
#[derive(Debug, Clone)]
struct Sender {
    grpc: Vec<Grpc>,
    http: Http,
    outcomes: Arc<Outcomes>,
}

impl Sender {
    fn new(server: &Server) -> Sender {
        Sender {
            grpc: (0..4).map(|_| Grpc::new(server.grpc())).collect(),
            http: Http::new(&server.otlp_url()),
            outcomes: Arc::default(),
        }
    }

    /// Sends request `number`, once. Returns whether it was stored; any answer but OK and a retryable
    /// refusal is a fault.
    async fn send(&self, number: u64) -> bool {
        self.outcomes.sent.fetch_add(1, Ordering::SeqCst);
        let filler = "overload ".repeat(TEXT / 9);
        let rows = (0..ROWS).map(|row| log(&format!("{number}-{row} {filler}")));
        let body = log_request("overload", rows.collect());
        let outcome = if number.is_multiple_of(2) {
            let grpc = &self.grpc[(number / 2) as usize % self.grpc.len()];
            match grpc.export(Signal::Logs, &body, Encoding::Plain).await {
                Ok(_) => &self.outcomes.stored,
                Err(status) if status.message().starts_with("connection: ") => {
                    &self.outcomes.unsure
                }
                Err(status) => {
                    let retryable = [Code::Unavailable, Code::ResourceExhausted];
                    assert!(retryable.contains(&status.code()), "{status:?}");
                    let details = tonic_types::StatusExt::get_details_retry_info(&status);
                    assert!(details.is_some(), "no RetryInfo: {status:?}");
                    &self.outcomes.refused
                }
            }
        } else {
            let headers = [("content-type", PROTOBUF)];
            match self.http.try_post("/v1/logs", body, &headers).await {
                Ok(answer) if answer.status == 200 => &self.outcomes.stored,
                Ok(answer) => {
                    assert!([429, 503].contains(&answer.status), "{}", answer.status);
                    assert!(answer.retry_after.is_some(), "no Retry-After");
                    &self.outcomes.refused
                }
                Err(_) => &self.outcomes.unsure,
            }
        };
        outcome.fetch_add(1, Ordering::SeqCst);
        std::ptr::eq(outcome, &raw const self.outcomes.stored)
    }
}

/// A line of /proc/PID/status, in bytes.
fn memory(server: &Server, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let found = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    let kib: u64 = found.trim().trim_end_matches(" kB").parse().unwrap();
    kib << 10
}

/// Requests that are stored in a second, by 16 clients that wait for each answer.
async fn pace(sender: &Sender, next: &AtomicU64) -> u64 {
    let end = Instant::now() + Duration::from_secs(1);
    let clients = (0..16).map(|_| async {
        let mut stored = 0;
        while Instant::now() < end {
            stored += u64::from(sender.send(next.fetch_add(1, Ordering::SeqCst)).await);
        }
        stored
    });
    let stored = futures::future::join_all(clients).await;
    stored.into_iter().sum()
}

/// The one row of numbers that answers `sql`; asked again for a minute at most while the server says
/// that merges leave no room for it.
async fn counts(api: &Api, sql: &str) -> Vec<i64> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = api.post(sql).await;
        if answer.status == 200 {
            let row = answer.json()["rows"][0].take();
            return serde_json::from_value(row).unwrap();
        }
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status == 503 && Instant::now() < end, "{text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// How many rows are stored, each of them once. Asked for slice by slice: a server with so little
/// memory does not hold the names of all.
async fn rows_once(api: &Api) -> u64 {
    const SLICES: usize = 32;
    let mut rows = 0;
    for slice in 0..SLICES {
        let sql = format!(
            "SELECT count(*), count(DISTINCT split_part(body, ' ', 1)) FROM logs
             WHERE CAST(split_part(body, '-', 1) AS BIGINT) % {SLICES} = {slice}"
        );
        let counted = counts(api, &sql).await;
        assert_eq!(counted[0], counted[1], "a row twice");
        rows += u64::try_from(counted[0]).unwrap();
    }
    let all = counts(api, "SELECT count(*) FROM logs").await;
    assert_eq!(all, [rows as i64], "rows of no slice");
    rows
}

/// Sends `rate` requests a second whatever is answered, for `duration`.
async fn flood(sender: &Sender, next: &AtomicU64, rate: u64, duration: Duration) {
    let open = Arc::new(Semaphore::new(OPEN_MAX));
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < duration {
        let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due {
            sent += 1;
            let Ok(place) = Arc::clone(&open).try_acquire_owned() else {
                continue;
            };
            let (sender, number) = (sender.clone(), next.fetch_add(1, Ordering::SeqCst));
            tokio::spawn(async move {
                sender.send(number).await;
                drop(place);
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // All answers are there.
    drop(open.acquire_many(OPEN_MAX as u32).await.unwrap());
}

/// Scenario: a server with 256 MiB for everything takes what it can; then ten times as much comes,
/// open loop, over gRPC and HTTP, with queries beside it; then a little.
/// Guarantees: every request is stored or refused with advice to retry, early enough that none waits
/// for ever; stored rows are those of stored requests, each once; resident memory stays within a quarter
/// above the limit, while they are counted as well; requests are taken again afterwards, and the server is
/// ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_load_is_refused_in_part_and_none_is_lost() {
    let seconds = number("ORIEL_OVERLOAD_SECONDS").unwrap_or(4);
    let mut server = Server::start_with(
        &[],
        &[
            ("ORIEL_LIMITS_MEMORY", "256 MiB"),
            ("ORIEL_COLLECTOR_BODY_BYTES_MAX", "1 MiB"),
            // The sender has half of the cores: without this it could not overload the server.
            ("ORIEL_COLLECTOR_IN_FLIGHT_BYTES_MAX", "2 MiB"),
        ],
    )
    .await;
    let sender = Sender::new(&server);
    let next = AtomicU64::new(0);
    let pace = pace(&sender, &next).await.max(1);
    let idle = memory(&server, "VmRSS:");
    let flooded = AtomicBool::new(false);
    let api = Api::new(&server.url());
    let beside = async {
        let mut queries = 0;
        while !flooded.load(Ordering::SeqCst) {
            // Refused for want of memory, or answered: both are right.
            let answer = api.post("SELECT count(*) FROM logs").await;
            assert!([200, 503].contains(&answer.status), "{}", answer.status);
            queries += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        queries
    };
    let load = async {
        flood(&sender, &next, 10 * pace, Duration::from_secs(seconds)).await;
        flooded.store(true, Ordering::SeqCst);
    };
    let ((), queries) = tokio::join!(load, beside);
    let over = Instant::now();
    while !sender.send(next.fetch_add(1, Ordering::SeqCst)).await {
        assert!(
            over.elapsed() < Duration::from_secs(60),
            "never taken again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while api.get("/ready").await.status != 200 {
        assert!(
            over.elapsed() < Duration::from_secs(60),
            "never ready again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let recovered = over.elapsed();
    let in_flood = memory(&server, "VmHWM:") >> 20;
    let rows = rows_once(&api).await;
    let highest = memory(&server, "VmHWM:");
    let [sent, stored, refused, unsure] = sender.outcomes.read();
    let grown = highest.saturating_sub(idle) >> 20;
    eprintln!(
        "pace {pace}/s, sent {sent}, stored {stored}, refused {refused}, unsure {unsure}, {queries} queries, \
         memory +{grown} to {} MiB ({in_flood} before the rows were counted), recovered in {} ms",
        highest >> 20,
        recovered.as_millis()
    );
    assert_eq!(stored + refused + unsure, sent);
    assert!(refused > 0, "it was no overload: {stored} of {sent} stored");
    let (least, most) = (stored * ROWS, (stored + unsure) * ROWS);
    assert!(
        (least..=most).contains(&rows),
        "{rows} rows of {least} to {most}"
    );
    // Work that has begun when requests are refused still grows: 308 MiB were seen.
    assert!(highest <= LIMIT + LIMIT / 4, "{} MiB", highest >> 20);
    assert!(server.stop().success());
}

/// A small file system in memory, mounted until dropped.
struct Small(PathBuf);

impl Small {
    /// 64 MiB at `path`; `None` where that is not permitted.
    fn mount(path: PathBuf) -> Option<Small> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "none"])
            .arg(&path);
        let done = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
            .then_some(Small(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Scenario: a server on a disk of 64 MiB, half of it taken by others, gets requests that do not
/// compress until the disk is full, and some more; then the others leave. Where nothing can be
/// mounted, only `edges::refusal` and the model test fill disks.
/// Guarantees: requests are refused with advice to retry while queries show every stored row; without
/// a restart they are taken again once there is room, and none that was stored is lost, nor by a
/// restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_refuses_and_recovers() {
    let mut server = Server::start_with(
        &[],
        &[
            ("ORIEL_STORAGE_DISK_FREE_MIN", "64 KiB"),
            ("ORIEL_STORAGE_RETENTION_BYTES", "1 TiB"),
            ("ORIEL_STORAGE_WAL_SEGMENT_BYTES", "1 MiB"),
            ("ORIEL_STORAGE_FLUSH_INTERVAL", "100ms"),
        ],
    )
    .await;
    assert!(server.stop().success());
    let Some(_small) = Small::mount(server.data_dir()) else {
        eprintln!("nothing can be mounted here");
        return;
    };
    server.restart().await;
    let others = server.data_dir().join("others");
    std::fs::write(&others, vec![1; 32 << 20]).unwrap();
    let (http, api) = (Http::new(&server.otlp_url()), Api::new(&server.url()));
    let mut random = Random(seed());
    let mut sent = 0;
    let mut send = async || {
        sent += 1;
        let text: String = (0..8192)
            .map(|_| format!("{:016x}", random.bits()))
            .collect();
        let body = log_request("disk", vec![log(&format!("{sent} {text}"))]);
        let headers = [("content-type", PROTOBUF)];
        let answer = http.post("/v1/logs", body, &headers).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.status);
        assert_eq!(answer.retry_after.is_some(), answer.status == 503);
        answer.status == 200
    };
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..2000 {
        match send().await {
            true => stored += 1,
            false => refused += 1,
        }
        if refused == 5 {
            break;
        }
    }
    assert!(
        stored > 20 && refused == 5,
        "{stored} stored, {refused} refused"
    );
    let count = "SELECT count(*) FROM logs";
    assert_eq!(api.ints(count).await, [stored]);
    std::fs::remove_file(&others).unwrap();
    let freed = Instant::now();
    while !send().await {
        assert!(
            freed.elapsed() < Duration::from_secs(60),
            "never taken again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(api.ints(count).await, [stored + 1]);
    server.kill9();
    server.restart().await;
    assert_eq!(Api::new(&server.url()).ints(count).await, [stored + 1]);
    assert!(server.stop().success());
}

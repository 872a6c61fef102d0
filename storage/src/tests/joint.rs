//! Small requests that are decoded together when the log takes them.

use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use oriel_proto::{Signal, UnixNanos};

use crate::schema::Table;
use crate::testing::{Home, Request};
use crate::{Answer, Appended, Claim, Decode, ErrorKind, Joint, Store, TenantId};

/// Undecoded, at once; what became of each.
async fn send_all(store: &Store, requests: &[Request]) -> Vec<crate::Result<Appended>> {
    let sends: Vec<_> = requests
        .iter()
        .map(|request| {
            let (store, request) = (store.clone(), request.clone());
            tokio::spawn(async move {
                let tenant = TenantId::default_tenant();
                let body = request.frame().payload;
                let hash = store.request_hash(&tenant, Signal::Logs, &body);
                let Claim::New(claimed) = store.claim(hash).await? else {
                    panic!("{request:?} is new");
                };
                request.append_plain(&store, claimed).await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for send in sends {
        outcomes.push(send.await.unwrap());
    }
    outcomes
}

fn rows_count(store: &Store, table: Table) -> usize {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let batches = snapshot.buffers(table).iter();
    batches.map(|batch| batch.rows().num_rows()).sum()
}

/// Scenario: sixty requests at once, of 1 to 9 rows; two have rows of two tables, which are never
/// decoded with others, and every tenth has none.
/// Guarantees: each has its own rows and its own answer; those that spoil a batch and those without rows
/// come back, whatever waits beside them, and leave nothing; a retry gets the same answer; a store
/// that is opened on the log shows the same rows.
#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_its_own_rows_and_answer() {
    let mut home = Home::new();
    home.config.commit_window = Duration::from_millis(20);
    let store = home.open().await;
    let request = |number: u64| match number {
        _ if number.is_multiple_of(29) => {
            Request::new(number, &[(Table::Logs, 1), (Table::Spans, 2)])
        }
        _ if number.is_multiple_of(10) => Request::new(number, &[(Table::Logs, 0)]),
        _ => Request::new(number, &[(Table::Logs, 1 + number as usize % 9)]),
    };
    let requests: Vec<_> = (1..61).map(request).collect();
    let outcomes = send_all(&store, &requests).await;
    let mut stored = 0;
    for (request, outcome) in requests.iter().zip(outcomes) {
        let rows = request.rows[0].1;
        let alone = request.rows.len() > 1 || rows == 0;
        match outcome.unwrap() {
            Appended::Alone(_, frame) => {
                assert!(alone, "{request:?}");
                assert_eq!(frame.payload, request.frame().payload);
            }
            Appended::Stored(batch, range, answer) => {
                assert!(!alone, "{request:?}");
                stored += rows;
                let own = request.batches(store.schemas());
                let shown = batch.rows().slice(range.start, range.len());
                assert_eq!(&shown, own[0].rows());
                assert_eq!(answer.rejected, u64::from(rows == 9));
                assert_eq!(answer.message.is_empty(), rows != 9);
                let tenant = TenantId::default_tenant();
                let body = request.frame().payload;
                let hash = store.request_hash(&tenant, Signal::Logs, &body);
                let Claim::Duplicate(again) = store.claim(hash).await.unwrap() else {
                    panic!("{request:?} was stored");
                };
                assert_eq!(again, answer);
            }
        }
    }
    assert_eq!(rows_count(&store, Table::Logs), stored);
    assert_eq!(rows_count(&store, Table::Spans), 0);
    assert_eq!(store.buffer_bytes(), store.stats().buffer_bytes);
    drop(store);
    let store = home.open().await;
    assert_eq!(rows_count(&store, Table::Logs), stored, "from the log");
    store.flush().await.unwrap();
    assert_eq!(store.stats().part_rows, stored as u64);
}

/// Scenario: a request when buffers have room for one byte more.
/// Guarantees: it comes back undecoded, to be taken or refused by its true size, and nothing is shown or
/// counted.
#[tokio::test(flavor = "multi_thread")]
async fn full_buffers_send_requests_back() {
    let mut home = Home::new();
    home.config.buffer_bytes_max = bytesize::ByteSize::b(1);
    let store = home.open().await;
    let request = Request::new(1, &[(Table::Logs, 2)]);
    for outcome in send_all(&store, &[request]).await {
        assert!(matches!(outcome.unwrap(), Appended::Alone(..)));
    }
    assert_eq!(rows_count(&store, Table::Logs), 0);
    assert_eq!(store.buffer_bytes(), 0);
}

/// Scenario: the log's folder vanishes below requests that wait; a store that is closed.
/// Guarantees: all of them are refused, retryably, and none of their rows is shown or counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_refuses_all_rows() {
    let home = Home::new();
    let store = home.open().await;
    let requests: Vec<_> = (1..20)
        .map(|number| Request::new(number, &[(Table::Logs, 2)]))
        .collect();
    // No segment can be made there.
    let wal = home.config.data_dir.join("wal");
    std::fs::rename(&wal, home.config.data_dir.join("away")).unwrap();
    for outcome in send_all(&store, &requests).await {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(rows_count(&store, Table::Logs), 0);
    assert_eq!(store.buffer_bytes(), 0);
    std::fs::rename(home.config.data_dir.join("away"), &wal).unwrap();
    for outcome in send_all(&store, &requests).await {
        let Appended::Stored(_, _, answer) = outcome.unwrap() else {
            panic!("stored");
        };
        assert_eq!(answer, Answer::default());
    }
    assert_eq!(rows_count(&store, Table::Logs), 38);
    store.close().await.unwrap();
    let request = Request::new(21, &[(Table::Logs, 2)]);
    assert!(request.send(&store).await.is_err());
}

/// Notes how many bodies it is given at once, once it was let pass; makes no rows of them.
#[derive(Debug)]
struct Watched {
    /// Where the first call tells that it is there, and waits.
    gate: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    calls: Mutex<Vec<usize>>,
    /// Whether bodies must be decoded alone.
    spoiled: bool,
}

impl Decode for Watched {
    fn decode(&self, _: Signal, requests: &[(&[u8], UnixNanos)]) -> Option<Joint> {
        if let Some((there, pass)) = self.gate.lock().unwrap().take() {
            there.send(()).unwrap();
            pass.recv().unwrap();
            return None;
        }
        self.calls.lock().unwrap().push(requests.len());
        (!self.spoiled).then(|| Joint {
            batch: None,
            requests: Vec::new(),
        })
    }
}

/// How many bodies were decoded at once, of `count` bodies of `bytes` each in one run.
async fn decoded_at_once(count: u64, bytes: usize, spoiled: bool) -> Vec<usize> {
    let mut home = Home::new();
    home.config.wal_segment_bytes = ByteSize::mib(1);
    home.config.buffer_bytes_max = ByteSize::gib(1);
    let store = home.open().await;
    let ((there, arrived), (open, pass)) = (mpsc::channel(), mpsc::channel());
    let decode = Arc::new(Watched {
        gate: Mutex::new(Some((there, pass))),
        calls: Mutex::default(),
        spoiled,
    });
    let append = |number: u64| {
        let decode: Arc<dyn Decode> = Arc::<Watched>::clone(&decode);
        let store = &store;
        async move {
            let frame = Request::new(number, &[(Table::Logs, 1)]).frame();
            let hash = store.request_hash(&frame.header.tenant, Signal::Logs, &frame.payload);
            let Claim::New(claimed) = store.claim(hash).await? else {
                panic!("{number} is new");
            };
            let plain = Bytes::from(vec![b' '; bytes]);
            store.append_plain(claimed, frame, plain, decode).await
        }
    };
    let mut appends: Vec<_> = (0..=count).map(|number| Box::pin(append(number))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for (number, append) in appends.iter_mut().enumerate() {
        // Queued by the first poll. The log's thread waits in the first until all are.
        assert!(pin!(append).poll(&mut context).is_pending());
        if number == 0 {
            arrived.recv().unwrap();
        }
    }
    open.send(()).unwrap();
    for append in appends {
        assert!(matches!(append.await.unwrap(), Appended::Alone(..)));
    }
    decode.calls.lock().unwrap().clone()
}

/// Scenario: twenty bodies of half a MiB wait for one write.
/// Guarantees: 4 MiB of them are decoded before it; the others go back.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_decodes_a_few_mib() {
    assert_eq!(decoded_at_once(20, 512 << 10, false).await, [1; 8]);
}

/// Scenario: sixty-four bodies wait for one write, all of which spoil whatever they are decoded with.
/// Guarantees: after 16 attempts nothing more is tried; all go back.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_gives_up_on_many_that_spoil() {
    let calls = decoded_at_once(64, 100, true).await;
    assert_eq!(calls.len(), 16, "{calls:?}");
    assert_eq!(calls[..4], [64, 32, 16, 8]);
}

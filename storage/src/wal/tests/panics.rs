//! A panic of the log's thread.

use std::sync::mpsc;

use tokio::sync::oneshot;

use super::*;

/// Scenario: one frame is settled when another waits behind it; then the log's thread panics.
/// Guarantees: both senders hear that there is no answer; the log takes no more and says why.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_left_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let ((there, arrived), (fail, failing)) = (mpsc::channel(), mpsc::channel::<()>());
    let settle = move |settled: Settled<oneshot::Sender<()>>| {
        there.send(()).unwrap();
        failing.recv().unwrap();
        drop(settled);
        panic!("as this test wants it");
    };
    let wal = Wal::start(options(dir.path(), 1), settle).unwrap();
    let (first, first_answer) = oneshot::channel();
    wal.submit(frame(payload(1)), 0, first).await.unwrap();
    arrived.recv().unwrap();
    let (second, second_answer) = oneshot::channel();
    wal.submit(frame(payload(2)), 0, second).await.unwrap();
    fail.send(()).unwrap();
    assert!(first_answer.await.is_err());
    assert!(second_answer.await.is_err());
    let reason = wal.failed().unwrap();
    assert!(reason.contains("restart"), "{reason}");
    let (third, _answer) = oneshot::channel();
    let refused = wal.submit(frame(payload(3)), 0, third).await.unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::Unavailable);
}

//! The segment that is made beside the writer.

use super::*;

/// Waits until the spare in `dir` is whole: all of it is zeros.
async fn whole(dir: &Path) {
    let path = dir.join("spare.tmp");
    for _ in 0..2000 {
        let bytes = std::fs::read(&path).unwrap_or_default();
        if bytes.len() == 1024 {
            assert!(bytes.iter().all(|byte| *byte == 0));
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no spare is made");
}

/// Scenario: a segment that is less than a quarter full, then more; then frames over some segments; the
/// log ends and starts again, with a spare of a crash in the folder that is not whole.
/// Guarantees: a spare is made when the segment is a quarter full, and not before; nobody mistakes it
/// for a segment; all frames are read; the log leaves no spare behind, and trusts none that it finds.
#[tokio::test]
async fn the_next_segment_is_made_beside() {
    let dir = tempfile::tempdir().unwrap();
    let spare = dir.path().join("spare.tmp");
    let (wal, outcomes) = start(options(dir.path(), 1));
    write(&wal, 1..=2).await;
    wait(&outcomes, 2).await;
    assert!(!spare.exists());
    write(&wal, 3..=5).await;
    whole(dir.path()).await;
    assert_eq!(list(dir.path()).unwrap().len(), 1);
    write(&wal, 6..=40).await;
    wait(&outcomes, 40).await;
    drop(wal);
    assert!(!spare.exists());
    assert!(list(dir.path()).unwrap().len() > 2);
    assert_eq!(read(dir.path(), 0).0, range(1, 40));

    std::fs::write(&spare, "not zeros").unwrap();
    let (wal, outcomes) = start(options(dir.path(), 41));
    assert!(!spare.exists());
    write(&wal, 41..=60).await;
    wait(&outcomes, 20).await;
    drop(wal);
    assert_eq!(read(dir.path(), 0).0, range(1, 60));
}

/// Scenario: the spare cannot be made, since a folder has its name.
/// Guarantees: the writer makes its segments itself.
#[tokio::test]
async fn a_spare_that_fails_is_done_without() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("spare.tmp/full")).unwrap();
    let (wal, outcomes) = start(options(dir.path(), 1));
    write(&wal, 1..=40).await;
    wait(&outcomes, 40).await;
    assert_eq!(wal.failed(), None);
    drop(wal);
    assert_eq!(read(dir.path(), 0).0, range(1, 40));
}

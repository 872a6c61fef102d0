//! Claims, outcomes, eviction, and the blob.

use super::*;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000_000;

fn window() -> Arc<Seen> {
    Seen::new(Duration::from_secs(15 * 60), 3)
}

fn new(claim: Claim) -> Claimed {
    match claim {
        Claim::New(claimed) => claimed,
        Claim::Duplicate(answer) => panic!("duplicate: {answer:?}"),
    }
}

fn duplicate(claim: Claim) -> Answer {
    match claim {
        Claim::Duplicate(answer) => answer,
        Claim::New(_) => panic!("not a duplicate"),
    }
}

fn answer(rejected: u64) -> Answer {
    Answer {
        rejected,
        message: "why".to_owned(),
    }
}

/// Scenario: two copies arrive while the first is in flight; the first fails, the second is stored.
/// Guarantees: a waiting copy takes over after a failure and gets the same answer after a success.
#[tokio::test]
async fn copies_wait_for_the_outcome() {
    let seen = window();
    let hash = RequestHash(7);
    let at = UnixNanos(MINUTE);
    let first = new(seen.claim(hash, at).await);
    let copies: Vec<_> = (0..2)
        .map(|_| {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move { seen.claim(hash, at).await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(first);
    let mut answers = Vec::new();
    for copy in copies {
        match copy.await.unwrap() {
            Claim::New(claimed) => claimed.complete(at, answer(2)),
            Claim::Duplicate(answer) => answers.push(answer),
        }
    }
    assert_eq!(answers, [answer(2)]);
    assert_eq!(duplicate(seen.claim(hash, at).await), answer(2));
}

/// Scenario: a copy stops waiting while the first is in flight.
/// Guarantees: giving up changes nothing for the others.
#[tokio::test]
async fn waiting_can_be_given_up() {
    let seen = window();
    let hash = RequestHash(7);
    let first = new(seen.claim(hash, UnixNanos(0)).await);
    let copy = tokio::time::timeout(Duration::ZERO, seen.claim(hash, UnixNanos(0))).await;
    assert!(copy.is_err());
    first.complete(UnixNanos(0), answer(0));
    duplicate(seen.claim(hash, UnixNanos(0)).await);
}

/// Scenario: more requests than the window may hold, then a claim after the window's time.
/// Guarantees: the oldest are forgotten by count and by time, no others.
#[tokio::test]
async fn forgets_by_count_and_time() {
    let seen = window();
    for i in 0..4 {
        let at = UnixNanos(i * MINUTE);
        new(seen.claim(RequestHash(i as u128), at).await).complete(at, answer(0));
    }
    assert_eq!(seen.len(), 3);
    let at = UnixNanos(3 * MINUTE);
    drop(new(seen.claim(RequestHash(0), at).await));
    duplicate(seen.claim(RequestHash(1), at).await);
    let at = UnixNanos(17 * MINUTE);
    drop(new(seen.claim(RequestHash(1), at).await));
    duplicate(seen.claim(RequestHash(2), at).await);
    assert_eq!(seen.len(), 2);
}

proptest! {
    /// Scenario: any entries, as a blob; the blob cut anywhere.
    /// Guarantees: the entries come back; a cut or changed blob is refused.
    #[test]
    fn blob_round_trips(entries in prop::collection::vec((any::<u128>(), any::<i64>(), any::<u32>()), 0..5), cut in 0usize..200) {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(hash, at, rejected)| SeenEntry {
                hash: RequestHash(hash),
                received_at: UnixNanos(at),
                rejected,
            })
            .collect();
        let blob = encode(&entries);
        prop_assert_eq!(&decode(&blob).unwrap(), &entries);
        let cut = cut.min(blob.len());
        prop_assert_eq!(decode(&blob[..cut]).is_ok(), cut == blob.len());
        let mut changed = blob.clone();
        let at = cut.min(blob.len() - 1);
        changed[at] ^= 4;
        prop_assert!(decode(&changed).is_err());
    }
}

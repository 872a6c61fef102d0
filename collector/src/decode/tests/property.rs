//! The decoder against prost: on generated requests, and on damaged ones.

use oriel_proto::Signal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

use super::{decode, difference, reference, rows};
use crate::decode::testing::{log_request, metric_request, trace_request};

fn check(signal: Signal, body: &[u8]) -> Result<(), TestCaseError> {
    let decoded = decode(signal, body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let want = reference(signal, body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(difference(&rows(&decoded), &want), "");
    prop_assert_eq!(decoded.accepted as usize, want.0.len());
    prop_assert_eq!(decoded.rejected == 0, decoded.message.is_empty());
    Ok(())
}

/// Damage to an encoded request.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    /// Puts a byte that is likely to be a key or a length.
    Put(Index, u8),
    Insert(Index, u8),
    Delete(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let likely = prop::sample::select(vec![
        0x08u8, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x4a, 0x7a, 0x10,
        0x00, 0x01, 0x02, 0x03, 0x80, 0xff,
    ]);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        (any::<Index>(), likely.clone()).prop_map(|(at, byte)| Damage::Put(at, byte)),
        (any::<Index>(), likely).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        (any::<Index>(), 1usize..12).prop_map(|(at, len)| Damage::Delete(at, len)),
        (any::<Index>(), 1usize..40).prop_map(|(at, len)| Damage::Repeat(at, len)),
        any::<Index>().prop_map(Damage::Cut),
    ]
}

fn apply(body: &mut Vec<u8>, damage: &Damage) {
    if body.is_empty() {
        return;
    }
    match damage {
        Damage::Flip(at, mask) => {
            let at = at.index(body.len());
            body[at] ^= mask;
        }
        Damage::Put(at, byte) => {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        Damage::Insert(at, byte) => body.insert(at.index(body.len()), *byte),
        Damage::Delete(at, len) => {
            let at = at.index(body.len());
            body.drain(at..(at + len).min(body.len()));
        }
        Damage::Repeat(at, len) => {
            let at = at.index(body.len());
            let range = body[at..(at + len).min(body.len())].to_vec();
            body.splice(at..at, range);
        }
        Damage::Cut(at) => body.truncate(at.index(body.len())),
    }
}

/// Both refuse, or both make the same rows. Invalid UTF-8 is the one difference: prost refuses it.
fn check_damaged(
    signal: Signal,
    mut body: Vec<u8>,
    damages: &[Damage],
) -> Result<(), TestCaseError> {
    damages.iter().for_each(|damage| apply(&mut body, damage));
    match (decode(signal, &body), reference(signal, &body)) {
        (Ok(decoded), Ok(want)) => {
            prop_assert_eq!(difference(&rows(&decoded), &want), "");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => prop_assert!(
            error.to_string().contains("UTF-8"),
            "only prost refuses: {}",
            error
        ),
        (Err(error), Ok(_)) => prop_assert!(false, "only the decoder refuses: {error}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 192, ..ProptestConfig::default() })]

    /// Scenario: generated trace requests.
    /// Guarantees: every column of every span equals the reference.
    #[test]
    fn spans_equal_the_reference(request in trace_request()) {
        check(Signal::Traces, &request.encode_to_vec())?;
    }

    /// Scenario: generated log requests.
    /// Guarantees: every column of every record equals the reference.
    #[test]
    fn logs_equal_the_reference(request in log_request()) {
        check(Signal::Logs, &request.encode_to_vec())?;
    }

    /// Scenario: generated metric requests of all kinds.
    /// Guarantees: every column of every point but the series id equals the reference.
    #[test]
    fn metrics_equal_the_reference(request in metric_request()) {
        check(Signal::Metrics, &request.encode_to_vec())?;
    }

    /// Scenario: trace requests with bytes flipped, inserted, deleted, repeated, cut off.
    /// Guarantees: refused if and only if prost refuses (UTF-8 aside); equal rows otherwise.
    #[test]
    fn damaged_traces_equal_prost(
        request in trace_request(),
        damages in vec(damage(), 1..4),
    ) {
        check_damaged(Signal::Traces, request.encode_to_vec(), &damages)?;
    }

    /// Scenario: as above, for logs.
    /// Guarantees: as above.
    #[test]
    fn damaged_logs_equal_prost(request in log_request(), damages in vec(damage(), 1..4)) {
        check_damaged(Signal::Logs, request.encode_to_vec(), &damages)?;
    }

    /// Scenario: as above, for metrics.
    /// Guarantees: as above.
    #[test]
    fn damaged_metrics_equal_prost(request in metric_request(), damages in vec(damage(), 1..4)) {
        check_damaged(Signal::Metrics, request.encode_to_vec(), &damages)?;
    }

    /// Scenario: bytes that are no request at all.
    /// Guarantees: as above, for all three signals.
    #[test]
    fn noise_equals_prost(body in vec(any::<u8>(), 0..64)) {
        for signal in Signal::ALL {
            check_damaged(signal, body.clone(), &[])?;
        }
    }
}

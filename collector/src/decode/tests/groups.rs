//! What records inherit, when the groups that say it come in another order, late, or again and again.

use oriel_proto::Signal;
use oriel_proto::otlp::common::v1::InstrumentationScope;
use oriel_proto::otlp::logs::v1::{LogRecord, ScopeLogs};
use oriel_storage::schema::Schemas;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::edges::field;
use super::{RECEIVED_AT, decode, difference, reference, rows};
use crate::decode::testing::{log_request, metric_request, trace_request};
use crate::decode::{DecodeError, Decoder, REQUEST_BYTES_MAX};

/// A scope group of one part only: protobuf puts messages together by putting bytes together.
fn part(make: impl FnOnce(&mut ScopeLogs)) -> Vec<u8> {
    let mut logs = ScopeLogs::default();
    make(&mut logs);
    logs.encode_to_vec()
}

fn records(text: &str) -> Vec<u8> {
    let record = LogRecord {
        event_name: text.to_owned(),
        ..LogRecord::default()
    };
    part(|logs| logs.log_records = vec![record; 2])
}

/// All orders of `parts`.
fn orders(parts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if parts.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |at: usize| {
        let mut rest = parts.to_vec();
        let first = rest.remove(at);
        orders(&rest)
            .into_iter()
            .map(move |rest| [&first[..], &rest].concat())
    };
    (0..parts.len()).flat_map(with_first).collect()
}

/// Scenario: head, schema URL and two lots of records of a scope group in every order; with a second
/// head; with a first URL that the last one replaces; with records so large that the batch is cut
/// before the group ends.
/// Guarantees: the rows are those that prost's merged message has.
#[test]
fn parts_of_a_group_come_in_any_order() {
    let head = |name: &str| {
        let scope = InstrumentationScope {
            name: name.to_owned(),
            ..InstrumentationScope::default()
        };
        part(|logs| logs.scope = Some(scope))
    };
    let url = |url: &str| part(|logs| logs.schema_url = url.to_owned());
    let mut parts = vec![head("a"), url("first"), records("one"), records("two")];
    let mut groups = orders(&parts);
    parts.push(url("last"));
    groups.extend(orders(&parts));
    parts[4] = head("b");
    groups.extend(orders(&parts));
    // Two records make a batch.
    parts.truncate(2);
    parts.push(records(&"r".repeat(34 << 20)));
    groups.extend(orders(&parts));
    let mut batches = 0;
    for group in groups {
        let body = field(1, &field(2, &[group, records("end")].concat()));
        let got = decode(Signal::Logs, &body).expect("good in any order");
        let want = reference(Signal::Logs, &body).expect("good for prost");
        assert_eq!(difference(&rows(&got), &want), "");
        batches = batches.max(got.batches.len());
    }
    assert_eq!(batches, 2);
}

/// Scenario: a scope group that its schema URL makes large, known at its end; then one whose head comes
/// last. A scope and a resource with a URL of 1 MiB over very many empty records.
/// Guarantees: the batch is cut between records only, and no row loses its scope; what each row inherits
/// counts, so that the latter are refused.
#[test]
fn schema_urls_count() {
    let scope = InstrumentationScope {
        name: "late".to_owned(),
        ..InstrumentationScope::default()
    };
    let url = |bytes: usize| part(|logs| logs.schema_url = "u".repeat(bytes));
    let large = [records("one"), url(33 << 20)].concat();
    let head = part(|logs| logs.scope = Some(scope));
    let late = [url(3), records("two"), head].concat();
    let body = field(1, &[field(2, &large), field(2, &late)].concat());
    let got = decode(Signal::Logs, &body).expect("a good request");
    let want = reference(Signal::Logs, &body).expect("good for prost");
    assert_eq!(difference(&rows(&got), &want), "");
    assert!(got.batches.len() > 1);

    let empty = field(2, &[]).repeat(1 << 20);
    let of_scope = field(1, &field(2, &[empty.clone(), url(1 << 20)].concat()));
    let of_resource = field(1, &[field(2, &empty), url(1 << 20)].concat());
    for body in [of_scope, of_resource] {
        let refused = decode(Signal::Logs, &body);
        assert!(
            matches!(refused, Err(DecodeError::TooLarge(_))),
            "{refused:?}"
        );
    }
}

/// Reads `bodies` with one decoder: all together, again in the other order, and each alone.
fn check(signal: Signal, bodies: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let decoder = Decoder::new(&Schemas::format0());
    let mut order: Vec<&[u8]> = bodies.iter().chain(bodies).map(Vec::as_slice).collect();
    for _ in 0..2 {
        let runs = [&order[..]].into_iter().chain(order.chunks(1));
        for run in runs {
            let requests: Vec<_> = run.iter().map(|body| (*body, RECEIVED_AT)).collect();
            let got = decoder.read(signal, &requests, REQUEST_BYTES_MAX);
            let got = rows(&got.map_err(|_| TestCaseError::fail("a good request"))?);
            let mut want = <(Vec<_>, std::collections::BTreeSet<_>)>::default();
            for body in run {
                let one = reference(signal, body);
                let (rows, strays) = one.map_err(|e| TestCaseError::fail(e.to_string()))?;
                want.0.extend(rows);
                want.1.extend(strays);
            }
            prop_assert_eq!(difference(&got, &want), "");
        }
        order.reverse();
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    /// Scenario: trace requests, each twice, through one decoder, together and alone.
    /// Guarantees: what was kept of groups read before changes no row.
    #[test]
    fn known_groups_of_spans_change_nothing(requests in vec(trace_request(), 1..4)) {
        let bodies: Vec<_> = requests.iter().map(Message::encode_to_vec).collect();
        check(Signal::Traces, &bodies)?;
    }

    /// Scenario: as above, for logs.
    /// Guarantees: as above.
    #[test]
    fn known_groups_of_logs_change_nothing(requests in vec(log_request(), 1..4)) {
        let bodies: Vec<_> = requests.iter().map(Message::encode_to_vec).collect();
        check(Signal::Logs, &bodies)?;
    }

    /// Scenario: as above, for metrics.
    /// Guarantees: as above.
    #[test]
    fn known_groups_of_metrics_change_nothing(requests in vec(metric_request(), 1..4)) {
        let bodies: Vec<_> = requests.iter().map(Message::encode_to_vec).collect();
        check(Signal::Metrics, &bodies)?;
    }
}

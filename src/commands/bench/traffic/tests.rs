//! Is the traffic what it says: OTLP, the same for a seed, of the asked size and mix.

use std::collections::{BTreeMap, BTreeSet};

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::any_value::Value;
use oriel_proto::otlp::logs::v1::LogRecord;
use oriel_proto::otlp::metrics::v1::metric::Data;
use oriel_proto::otlp::trace::v1::Span;
use prost::Message;

use super::*;

const NOW: u64 = 1_795_400_000_123_456_789;

fn profile(signal: Signal, count: u64) -> Profile {
    Profile {
        seed: 1,
        signals: vec![(signal, 1)],
        batch: 100,
        services: 12,
        instances: 3,
        depth: 4,
        fan_out: 1.5,
        attributes: 3,
        errors: 0.02,
        cardinality: 10_000,
        links: 0.0,
        typed_bodies: 0.0,
        exponential: 0.0,
        count: Some(count),
    }
}

/// All requests in the order of their numbers.
fn all(profile: &Profile) -> Vec<Body> {
    let mut lanes: Vec<Lane> = (0..LANES).map(|lane| Lane::new(profile, lane)).collect();
    let mut bodies = Vec::new();
    for number in 0.. {
        let lane = &mut lanes[(number % LANES) as usize];
        let Some(body) = lane.next(NOW + number * 1_000_000, 10_000) else {
            break;
        };
        assert_eq!(body.number, number);
        bodies.push(body);
    }
    bodies
}

fn spans(bodies: &[Body]) -> Vec<Span> {
    let requests = bodies
        .iter()
        .map(|body| ExportTraceServiceRequest::decode(&body.bytes[..]));
    requests
        .flat_map(|request| request.expect("protobuf").resource_spans)
        .flat_map(|group| group.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect()
}

fn logs(bodies: &[Body]) -> Vec<LogRecord> {
    let requests = bodies
        .iter()
        .map(|body| ExportLogsServiceRequest::decode(&body.bytes[..]));
    requests
        .flat_map(|request| request.expect("protobuf").resource_logs)
        .flat_map(|group| group.scope_logs)
        .flat_map(|scope| scope.log_records)
        .collect()
}

fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("not a line: {other:?}"),
    }
}

/// Scenario: all signals mixed, twice with one seed and once with another.
/// Guarantees: one seed gives the same bytes, another gives others; no two requests are equal (they
/// would be taken for a retry); the shares are kept.
#[test]
fn a_seed_decides_every_byte() {
    let mixed = Profile {
        signals: vec![(Signal::Traces, 3), (Signal::Logs, 2), (Signal::Metrics, 1)],
        ..profile(Signal::Traces, 12_000)
    };
    let first = all(&mixed);
    assert_eq!(first, all(&mixed));
    assert_ne!(
        first,
        all(&Profile {
            seed: 2,
            ..mixed.clone()
        })
    );
    let distinct: BTreeSet<&[u8]> = first.iter().map(|body| &*body.bytes).collect();
    assert_eq!(distinct.len(), first.len());
    let share = |signal| first.iter().filter(|body| body.signal == signal).count();
    assert_eq!(
        [Signal::Traces, Signal::Logs, Signal::Metrics].map(share),
        [60, 40, 20]
    );
}

/// Scenario: 12,345 records of each signal in requests of 100.
/// Guarantees: exactly as many as asked, all of them OTLP, the last request is the short one.
#[test]
fn counts_exactly() {
    for signal in Signal::ALL {
        let bodies = all(&profile(signal, 12_345));
        assert_eq!(bodies.len(), 124);
        assert_eq!(bodies.last().map(|body| body.records), Some(45));
        let records = match signal {
            Signal::Traces => spans(&bodies).len(),
            Signal::Logs => logs(&bodies).len(),
            Signal::Metrics => points(&bodies),
        };
        assert_eq!(records, 12_345, "{signal}");
    }
}

fn points(bodies: &[Body]) -> usize {
    let requests = bodies
        .iter()
        .map(|body| ExportMetricsServiceRequest::decode(&body.bytes[..]));
    requests
        .flat_map(|request| request.expect("protobuf").resource_metrics)
        .flat_map(|group| group.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .map(|metric| match metric.data.expect("data") {
            Data::Gauge(gauge) => gauge.data_points.len(),
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                sum.data_points.len()
            }
            Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                }
                histogram.data_points.len()
            }
            Data::ExponentialHistogram(histogram) => {
                for point in &histogram.data_points {
                    let positive = point.positive.as_ref().expect("buckets");
                    let sum: u64 = positive.bucket_counts.iter().sum();
                    assert_eq!(sum + point.zero_count, point.count);
                    assert!((-40..-32).contains(&positive.offset), "{}", positive.offset);
                    assert_eq!((point.scale, point.attributes.len()), (3, 3));
                }
                assert_eq!(histogram.aggregation_temporality, 2);
                histogram.data_points.len()
            }
            other => panic!("not made: {other:?}"),
        })
        .sum()
}

/// Scenario: 60,000 spans with depth 4.
/// Guarantees: traces are trees over several services, spans within their parents; about as many
/// errors and bytes as traffic has.
#[test]
fn traces_are_trees() {
    let bodies = all(&profile(Signal::Traces, 60_000));
    let bytes: usize = bodies.iter().map(|body| body.bytes.len()).sum();
    let size = bytes / 60_000;
    assert!((350..=800).contains(&size), "{size} bytes a span");
    let spans = spans(&bodies);
    let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (&*span.span_id, span)).collect();
    assert_eq!(by_id.len(), spans.len());
    let (mut found, mut deepest) = (0, 0);
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        let Some(parent) = by_id.get(&*span.parent_span_id) else {
            continue;
        };
        found += 1;
        assert_eq!(parent.trace_id, span.trace_id);
        assert!(parent.start_time_unix_nano <= span.start_time_unix_nano);
        let up = |span: &&Span| by_id.get(&*span.parent_span_id).copied();
        deepest = deepest.max(std::iter::successors(Some(span), up).count());
    }
    let roots = spans
        .iter()
        .filter(|span| span.parent_span_id.is_empty())
        .count();
    assert!(found > spans.len() / 2, "{found} spans with a parent");
    assert!(roots > 100 && deepest > 6, "{roots} roots, {deepest} deep");
    let failed = spans
        .iter()
        .filter(|span| span.status.as_ref().is_some_and(|s| s.code == 2));
    let failed = failed.count();
    assert!((300..6_000).contains(&failed), "{failed} errors");
}

/// Scenario: 200,000 log lines.
/// Guarantees: about 300 bytes each, every level in its share, some with a stack trace, JSON or
/// colours, most of them distinct, no field of a template left open.
#[test]
fn lines_look_like_logs() {
    let logs = logs(&all(&profile(Signal::Logs, 200_000)));
    let bytes: usize = logs.iter().map(|record| body(record).len()).sum();
    let size = bytes / logs.len();
    assert!((210..=340).contains(&size), "{size} bytes a line");
    let share =
        |test: &dyn Fn(&LogRecord) -> bool| logs.iter().filter(|record| test(record)).count();
    let errors = share(&|record| record.severity_number >= 17);
    assert!((3_000..5_500).contains(&errors), "{errors} errors");
    let warnings = share(&|record| record.severity_number == 13);
    assert!(warnings > 2 * errors, "{warnings} warnings");
    assert!(share(&|record| body(record).contains("\n\tat com.shop.")) > 100);
    assert!(share(&|record| body(record).contains("\u{1b}[")) > 100);
    assert!(
        share(&|record| serde_json::from_str::<serde_json::Value>(body(record)).is_ok()) > 10_000
    );
    assert!(share(&|record| record.trace_id.len() == 16) > 100_000);
    assert!(share(&|record| body(record).contains("split brain suspected")) < 20);
    let distinct: BTreeSet<&str> = logs.iter().map(body).collect();
    assert!(
        distinct.len() > logs.len() * 9 / 10,
        "{} distinct",
        distinct.len()
    );
    for line in logs.iter().map(body) {
        assert!(!line.contains("{n") && !line.contains("{ip}"), "{line}");
    }
}

/// Scenario: the same share of errors asked as 0 and as 0.2; one service; a batch of one.
/// Guarantees: the parameters decide.
#[test]
fn parameters_decide() {
    let errors = |errors| {
        let asked = Profile {
            errors,
            ..profile(Signal::Logs, 5_000)
        };
        logs(&all(&asked))
            .iter()
            .filter(|record| record.severity_number >= 17)
            .count()
    };
    assert!(errors(0.0) == 0 && errors(0.2) > 800);
    let single = Profile {
        services: 1,
        batch: 1,
        ..profile(Signal::Traces, 50)
    };
    assert_eq!(all(&single).len(), 50);
    let name = |body: &Body| String::from_utf8_lossy(&body.bytes).contains("storefront-gateway");
    assert!(all(&single).iter().all(name));
}

/// Scenario: spans with links, log records with bodies that are no text, exponential histograms, each
/// in a share of none, some and all.
/// Guarantees: prost reads them; their shares are those that were asked for; the rest of the traffic
/// is the same without links.
#[test]
fn rarer_shapes_come_in_their_shares() {
    let linked = |links| {
        let asked = Profile {
            links,
            ..profile(Signal::Traces, 5_000)
        };
        spans(&all(&asked))
    };
    let (none, some) = (linked(0.0), linked(0.1));
    let mut without = some.clone();
    without.iter_mut().for_each(|span| span.links.clear());
    assert_eq!(none, without);
    let with = |spans: &[Span]| spans.iter().filter(|span| !span.links.is_empty()).count();
    assert!((350..650).contains(&with(&some)), "{}", with(&some));
    assert_eq!(with(&linked(1.0)), 5_000);
    for link in some.iter().flat_map(|span| &span.links) {
        assert_eq!((link.trace_id.len(), link.span_id.len()), (16, 8));
        assert_eq!(link.attributes.len(), 2);
    }

    let typed = |typed_bodies| {
        let asked = Profile {
            typed_bodies,
            ..profile(Signal::Logs, 5_000)
        };
        let values: Vec<_> = logs(&all(&asked))
            .into_iter()
            .map(|record| record.body.and_then(|any| any.value).expect("a body"))
            .collect();
        let typed = values
            .iter()
            .filter(|v| !matches!(v, Value::StringValue(_)));
        let kinds: BTreeSet<_> = values
            .iter()
            .map(std::mem::discriminant)
            .map(|kind| format!("{kind:?}"))
            .collect();
        (typed.count(), kinds.len())
    };
    assert_eq!(typed(0.0), (0, 1));
    let (some, kinds) = typed(0.1);
    assert!((350..650).contains(&some) && kinds == 7, "{some}, {kinds}");
    assert_eq!(typed(1.0), (5_000, 6));

    let exponential = |exponential| {
        let asked = Profile {
            exponential,
            ..profile(Signal::Metrics, 5_000)
        };
        let bodies = all(&asked);
        assert_eq!(points(&bodies), 5_000);
        let requests = bodies
            .iter()
            .map(|body| ExportMetricsServiceRequest::decode(&body.bytes[..]));
        let metrics: Vec<_> = requests
            .flat_map(|request| request.expect("protobuf").resource_metrics)
            .flat_map(|group| group.scope_metrics)
            .flat_map(|scope| scope.metrics)
            .filter_map(|metric| metric.data)
            .collect();
        let of = |is: fn(&Data) -> bool| metrics.iter().filter(|data| is(data)).count();
        let explicit = of(|data| matches!(data, Data::Histogram(_)));
        (
            of(|data| matches!(data, Data::ExponentialHistogram(_))),
            explicit,
        )
    };
    assert_eq!(exponential(0.0).0, 0);
    assert_eq!(exponential(1.0).1, 0);
    let (some, others) = exponential(0.5);
    assert!(some > 20 && others > 20, "{some}, {others}");
}

//! Every decoder of bytes from outside, over a fixed corpus and random changes of it: the bodies of
//! the fuzz targets (`make fuzz`) on stable Rust. Settings: src/config/tests.rs.

#[allow(unreachable_pub, reason = "a library for the fuzz targets")]
#[path = "../fuzz/src/bodies.rs"]
mod bodies;
#[allow(unreachable_pub, reason = "a library for the fuzz targets")]
#[path = "../fuzz/src/corpus.rs"]
mod corpus;
#[allow(unreachable_pub, reason = "a library for the fuzz targets")]
#[path = "../fuzz/src/texts.rs"]
mod texts;

/// Scenario: requests in protobuf of each signal: recorded ones, wrong wire types, lengths and varints
/// that lie, nesting, groups, invalid UTF-8; and random changes of them.
/// Guarantees: no panic, no stack overflow; what prost decodes is decoded, with as many records.
#[test]
fn protobuf() {
    corpus::run("otlp_traces", bodies::otlp_traces);
    corpus::run("otlp_logs", bodies::otlp_logs);
    corpus::run("otlp_metrics", bodies::otlp_metrics);
}

/// Scenario: OTLP/JSON: the examples of the specification, odd numbers, ids, escapes, nesting.
/// Guarantees: no panic, no stack overflow; rows are as many as the answer says.
#[test]
fn json() {
    corpus::run("otlp_json", bodies::otlp_json);
}

/// Scenario: gzip, zstd and deflate: recorded requests, bombs, several members, wrong sums, cut ends,
/// windows and sizes that lie.
/// Guarantees: no panic; never more bytes than allowed, and the same ones whatever the limit.
#[test]
fn compressed() {
    corpus::run("inflate", bodies::inflated);
}

/// Scenario: segments of the log of any bytes; the same bytes inside a damaged frame, and behind the
/// last one.
/// Guarantees: no panic; no frame is found that this store did not write.
#[test]
fn frames() {
    corpus::run("wal_frames", bodies::wal_frames);
}

/// Scenario: filters and attribute overflows of any text.
/// Guarantees: no panic; a filter prints as text that reads as itself.
#[test]
fn texts_of_queries() {
    corpus::run("filter", texts::filter);
    corpus::run("attributes", texts::attributes);
}

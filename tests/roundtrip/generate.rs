//! Random OTLP requests that use every field, with a liking for what is likely to break: extreme
//! numbers and times, ids of wrong length, duplicate and strange keys, promoted keys with every
//! type, values within values.

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric,
    number_data_point, summary_data_point::ValueAtQuantile,
};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::span::{Event, Link};
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::random::Random;

const TEXTS: &[&str] = &[
    "",
    "a",
    "GET",
    "service.name",
    "http.route",
    "http.response.status_code",
    "$",
    "$$int",
    "$int",
    "$dup",
    "{\"$int\":\"1\"}",
    "null",
    "1.0",
    "Grüße",
    "日本",
    "🦀",
    "\u{0}",
    "\n\t\"\\",
    "key with spaces",
    "it's",
    "\u{202e}rtl",
    "ﬁ",
    "e\u{301}",
    "process.pid",
    "db.system",
    "exception.type",
    "$strindex:1:x",
];
const INTS: &[i64] = &[
    0,
    1,
    -1,
    200,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53),
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];
const DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e300,
    -1e-300,
    5e-324,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    9_007_199_254_740_993.0,
    1e16,
    123_456_789.123_456_79,
];
const TIMES: &[u64] = &[
    0,
    1,
    1_000_000_000,
    1_790_000_000_000_000_000,
    1_790_000_000_000_000_001,
    4_102_444_800_000_000_000,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX,
];

fn text(random: &mut Random) -> String {
    match random.below(8) {
        0 => format!("{:x}", random.bits()),
        1 => "long ".repeat(random.below(50) as usize),
        _ => random.one_of(TEXTS).to_owned(),
    }
}

fn time(random: &mut Random) -> u64 {
    match random.below(3) {
        0 => random.one_of(TIMES),
        1 => random.bits(),
        _ => 1_790_000_000_000_000_000 + random.below(1_000_000_000_000),
    }
}

fn int(random: &mut Random) -> i64 {
    if random.once_in(2) {
        random.one_of(INTS)
    } else {
        random.bits() as i64
    }
}

fn double(random: &mut Random) -> f64 {
    if random.once_in(2) {
        return random.one_of(DOUBLES);
    }
    let any = f64::from_bits(random.bits());
    if any.is_nan() { f64::NAN } else { any }
}

fn count(random: &mut Random) -> u32 {
    if random.once_in(2) {
        0
    } else {
        random.bits() as u32
    }
}

fn bytes(random: &mut Random, length: u64) -> Vec<u8> {
    (0..length).map(|_| random.bits() as u8).collect()
}

/// An id of `length` bytes; sometimes of another length, empty or zero.
fn id(random: &mut Random, length: u64) -> Vec<u8> {
    match random.below(10) {
        0 => Vec::new(),
        1 => vec![0; length as usize],
        2 => {
            let other = random.below(20) + 1;
            bytes(random, other)
        }
        _ => bytes(random, length),
    }
}

fn any(random: &mut Random, depth: u64) -> AnyValue {
    use any_value::Value;
    let value = match random.below(if depth == 0 { 7 } else { 9 }) {
        0 if random.once_in(3) => Value::StringValueStrindex(int(random) as i32),
        0 => return AnyValue { value: None },
        1 | 2 => Value::StringValue(text(random)),
        3 => Value::IntValue(int(random)),
        4 => Value::DoubleValue(double(random)),
        5 => Value::BoolValue(random.once_in(2)),
        6 => {
            let length = random.below(6);
            Value::BytesValue(bytes(random, length))
        }
        7 => Value::ArrayValue(ArrayValue {
            values: random.up_to(4, |r| any(r, depth - 1)),
        }),
        _ => Value::KvlistValue(KeyValueList {
            values: attributes(random, 4, depth - 1),
        }),
    };
    AnyValue { value: Some(value) }
}

/// Attributes whose keys may come twice, with values of any type.
fn attributes(random: &mut Random, most: u64, depth: u64) -> Vec<KeyValue> {
    random.up_to(most, |r| KeyValue {
        key: text(r),
        value: r.maybe(|r| any(r, depth)),
        key_strindex: if r.once_in(20) {
            r.below(9) as i32 - 2
        } else {
            0
        },
    })
}

fn resource(random: &mut Random) -> Option<Resource> {
    random.maybe(|r| Resource {
        attributes: attributes(r, 6, 2),
        dropped_attributes_count: count(r),
        entity_refs: r.up_to(2, |r| EntityRef {
            schema_url: text(r),
            r#type: text(r),
            id_keys: r.up_to(2, text),
            description_keys: r.up_to(2, text),
        }),
    })
}

fn scope(random: &mut Random) -> Option<InstrumentationScope> {
    random.maybe(|r| InstrumentationScope {
        name: text(r),
        version: text(r),
        attributes: attributes(r, 3, 1),
        dropped_attributes_count: count(r),
    })
}

fn span(random: &mut Random) -> Span {
    Span {
        trace_id: id(random, 16),
        span_id: id(random, 8),
        trace_state: text(random),
        parent_span_id: id(random, 8),
        flags: count(random),
        name: text(random),
        kind: random.below(8) as i32 - 1,
        start_time_unix_nano: time(random),
        end_time_unix_nano: time(random),
        attributes: attributes(random, 8, 3),
        dropped_attributes_count: count(random),
        events: random.up_to(3, |r| Event {
            time_unix_nano: time(r),
            name: text(r),
            attributes: attributes(r, 3, 2),
            dropped_attributes_count: count(r),
        }),
        dropped_events_count: count(random),
        links: random.up_to(3, |r| Link {
            trace_id: id(r, 16),
            span_id: id(r, 8),
            trace_state: text(r),
            attributes: attributes(r, 3, 2),
            dropped_attributes_count: count(r),
            flags: count(r),
        }),
        dropped_links_count: count(random),
        status: random.maybe(|r| Status {
            message: text(r),
            code: r.below(5) as i32,
        }),
    }
}

/// A request of spans.
pub(crate) fn traces(random: &mut Random) -> ExportTraceServiceRequest {
    let resource_spans = random.up_to(3, |r| ResourceSpans {
        resource: resource(r),
        scope_spans: r.up_to(3, |r| ScopeSpans {
            scope: scope(r),
            spans: r.up_to(6, span),
            schema_url: text(r),
        }),
        schema_url: text(r),
    });
    ExportTraceServiceRequest { resource_spans }
}

/// A request of log records.
pub(crate) fn logs(random: &mut Random) -> ExportLogsServiceRequest {
    let resource_logs = random.up_to(3, |r| ResourceLogs {
        resource: resource(r),
        scope_logs: r.up_to(3, |r| ScopeLogs {
            scope: scope(r),
            log_records: r.up_to(6, |r| LogRecord {
                time_unix_nano: time(r),
                observed_time_unix_nano: time(r),
                severity_number: r.below(27) as i32 - 1,
                severity_text: text(r),
                body: r.maybe(|r| any(r, 3)),
                attributes: attributes(r, 8, 3),
                dropped_attributes_count: count(r),
                flags: count(r),
                trace_id: id(r, 16),
                span_id: id(r, 8),
                event_name: text(r),
            }),
            schema_url: text(r),
        }),
        schema_url: text(r),
    });
    ExportLogsServiceRequest { resource_logs }
}

/// A request of data points of every kind.
pub(crate) fn metrics(random: &mut Random) -> ExportMetricsServiceRequest {
    let resource_metrics = random.up_to(2, |r| ResourceMetrics {
        resource: resource(r),
        scope_metrics: r.up_to(2, |r| ScopeMetrics {
            scope: scope(r),
            metrics: r.up_to(5, |r| Metric {
                name: text(r),
                description: text(r),
                unit: text(r),
                metadata: attributes(r, 2, 1),
                data: r.maybe(data),
            }),
            schema_url: text(r),
        }),
        schema_url: text(r),
    });
    ExportMetricsServiceRequest { resource_metrics }
}

fn data(random: &mut Random) -> metric::Data {
    let aggregation_temporality = random.below(4) as i32;
    match random.below(5) {
        0 => metric::Data::Gauge(Gauge {
            data_points: random.up_to(3, number),
        }),
        1 => metric::Data::Sum(Sum {
            data_points: random.up_to(3, number),
            aggregation_temporality,
            is_monotonic: random.once_in(2),
        }),
        2 => metric::Data::Histogram(Histogram {
            data_points: random.up_to(3, histogram),
            aggregation_temporality,
        }),
        3 => metric::Data::ExponentialHistogram(ExponentialHistogram {
            data_points: random.up_to(3, exponential),
            aggregation_temporality,
        }),
        _ => metric::Data::Summary(Summary {
            data_points: random.up_to(3, |r| SummaryDataPoint {
                attributes: attributes(r, 4, 1),
                start_time_unix_nano: time(r),
                time_unix_nano: time(r),
                count: r.bits(),
                sum: double(r),
                quantile_values: r.up_to(3, |r| ValueAtQuantile {
                    quantile: double(r),
                    value: double(r),
                }),
                flags: count(r),
            }),
        }),
    }
}

fn number(random: &mut Random) -> NumberDataPoint {
    use number_data_point::Value;
    NumberDataPoint {
        attributes: attributes(random, 4, 1),
        start_time_unix_nano: time(random),
        time_unix_nano: time(random),
        exemplars: random.up_to(2, exemplar),
        flags: count(random),
        value: random.maybe(|r| match r.once_in(2) {
            true => Value::AsDouble(double(r)),
            false => Value::AsInt(int(r)),
        }),
    }
}

fn exemplar(random: &mut Random) -> Exemplar {
    use exemplar::Value;
    Exemplar {
        filtered_attributes: attributes(random, 2, 1),
        time_unix_nano: time(random),
        span_id: id(random, 8),
        trace_id: id(random, 16),
        value: random.maybe(|r| match r.once_in(2) {
            true => Value::AsDouble(double(r)),
            false => Value::AsInt(int(r)),
        }),
    }
}

fn histogram(random: &mut Random) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(random, 4, 1),
        start_time_unix_nano: time(random),
        time_unix_nano: time(random),
        count: random.bits(),
        sum: random.maybe(double),
        bucket_counts: random.up_to(4, Random::bits),
        explicit_bounds: random.up_to(4, double),
        exemplars: random.up_to(2, exemplar),
        flags: count(random),
        min: random.maybe(double),
        max: random.maybe(double),
    }
}

fn exponential(random: &mut Random) -> ExponentialHistogramDataPoint {
    let buckets = |r: &mut Random| Buckets {
        offset: int(r) as i32,
        bucket_counts: r.up_to(4, Random::bits),
    };
    ExponentialHistogramDataPoint {
        attributes: attributes(random, 4, 1),
        start_time_unix_nano: time(random),
        time_unix_nano: time(random),
        count: random.bits(),
        sum: random.maybe(double),
        scale: int(random) as i32,
        zero_count: random.bits(),
        positive: random.maybe(buckets),
        negative: random.maybe(buckets),
        flags: count(random),
        exemplars: random.up_to(2, exemplar),
        min: random.maybe(double),
        max: random.maybe(double),
        zero_threshold: double(random),
    }
}

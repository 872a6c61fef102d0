//! Strategies of OTLP requests: every field, with the values that break decoders.
//!
//! All are boxed: the types of composed strategies cost minutes of compile time.

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric::Data,
    number_data_point, summary_data_point::ValueAtQuantile,
};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const KEYS: [&str; 22] = [
    "service.name",
    "service.version",
    "process.pid",
    "host.name",
    "http.route",
    "http.method",
    "http.status_code",
    "http.response.status_code",
    "db.collection.name",
    "code.function.name",
    "exception.type",
    "error.type",
    "gen_ai.usage.input_tokens",
    "shop.tier",
    "",
    "$int",
    "$dup",
    "$$",
    "$strindex:1:a",
    "a",
    "ключ",
    "a\"b\\c\n\u{1}\u{8}\u{c}\u{7f}",
];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[a-z/ ]{0,12}",
        1 => Just(String::new()),
        1 => any::<String>(),
        1 => Just("\"\\\u{0}\n\r\t\u{8}\u{c}é\u{2028}💥".to_owned()),
    ]
    .boxed()
}

fn int() -> BoxedStrategy<i64> {
    const EXACT: i64 = 1 << 53;
    prop_oneof![
        -5i64..600,
        any::<i64>(),
        prop::sample::select(vec![
            i64::MIN,
            i64::MAX,
            EXACT,
            EXACT + 1,
            -EXACT,
            -EXACT - 1
        ]),
    ]
    .boxed()
}

fn double() -> BoxedStrategy<f64> {
    let special = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        1e16,
        1e-5,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        0.1 + 0.2,
    ];
    prop_oneof![
        prop::sample::select(special.to_vec()),
        any::<u64>().prop_map(f64::from_bits),
    ]
    .boxed()
}

fn time() -> BoxedStrategy<u64> {
    let special = [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    prop_oneof![
        3 => 1_795_398_754_000_000_000u64..1_795_398_999_000_000_000,
        2 => prop::sample::select(special.to_vec()),
        1 => any::<u64>(),
    ]
    .boxed()
}

fn id(len: usize) -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), len),
        1 => Just(vec![0; len]),
        1 => Just(Vec::new()),
        1 => vec(any::<u8>(), 0..20),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<i32> {
    prop_oneof![4 => 0i32..7, 1 => any::<i32>()].boxed()
}

fn count() -> BoxedStrategy<u32> {
    prop_oneof![3 => Just(0u32), 1 => any::<u32>()].boxed()
}

/// Values of all types, nested up to four deep, unset ones too.
pub fn any_value() -> BoxedStrategy<AnyValue> {
    let leaf = prop_oneof![
        1 => Just(None),
        6 => text().prop_map(|text| Some(Value::StringValue(text))),
        1 => any::<bool>().prop_map(|value| Some(Value::BoolValue(value))),
        4 => int().prop_map(|value| Some(Value::IntValue(value))),
        2 => double().prop_map(|value| Some(Value::DoubleValue(value))),
        1 => vec(any::<u8>(), 0..6).prop_map(|bytes| Some(Value::BytesValue(bytes))),
        1 => any::<i32>().prop_map(|index| Some(Value::StringValueStrindex(index))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let values = vec(inner.clone(), 0..4).prop_map(|values| ArrayValue { values });
        let pairs = vec(key_value(inner), 0..4).prop_map(|values| KeyValueList { values });
        prop_oneof![
            values.prop_map(Value::ArrayValue),
            pairs.prop_map(Value::KvlistValue)
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
    .boxed()
}

fn key_value(value: impl Strategy<Value = AnyValue>) -> impl Strategy<Value = KeyValue> {
    let key = prop_oneof![
        4 => prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
        1 => text(),
    ];
    let strindex = prop_oneof![12 => Just(0), 1 => Just(1), 1 => any::<i32>()];
    (key, option::weighted(0.9, value), strindex).prop_map(|(key, value, key_strindex)| KeyValue {
        key,
        value,
        key_strindex,
    })
}

/// Attribute sets: promoted keys, keys sent twice, empty keys, keys with `$`; now and then large.
pub fn attributes() -> BoxedStrategy<Vec<KeyValue>> {
    prop_oneof![
        12 => vec(key_value(any_value()), 0..8),
        1 => vec(key_value(any_value()), 20..60),
    ]
    .boxed()
}

fn resource() -> BoxedStrategy<Resource> {
    let entity = (text(), text(), vec(text(), 0..3), vec(text(), 0..3)).prop_map(
        |(schema_url, kind, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type: kind,
            id_keys,
            description_keys,
        },
    );
    (attributes(), count(), vec(entity, 0..3))
        .prop_map(
            |(attributes, dropped_attributes_count, entity_refs)| Resource {
                attributes,
                dropped_attributes_count,
                entity_refs,
            },
        )
        .boxed()
}

fn scope() -> BoxedStrategy<InstrumentationScope> {
    (text(), text(), attributes(), count())
        .prop_map(
            |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
                name,
                version,
                attributes,
                dropped_attributes_count,
            },
        )
        .boxed()
}

fn event() -> BoxedStrategy<Event> {
    (time(), text(), attributes(), count())
        .prop_map(
            |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
                time_unix_nano,
                name,
                attributes,
                dropped_attributes_count,
            },
        )
        .boxed()
}

fn link() -> BoxedStrategy<Link> {
    let counts = (count(), count());
    (id(16), id(8), text(), attributes(), counts)
        .prop_map(
            |(trace_id, span_id, trace_state, attributes, (dropped_attributes_count, flags))| {
                Link {
                    trace_id,
                    span_id,
                    trace_state,
                    attributes,
                    dropped_attributes_count,
                    flags,
                }
            },
        )
        .boxed()
}

fn span() -> BoxedStrategy<Span> {
    let ids = (id(16), id(8), id(8));
    let texts = (text(), text(), count(), number());
    let counts = (count(), count(), count());
    let status =
        option::of((text(), number()).prop_map(|(message, code)| Status { message, code }));
    let lists = (vec(event(), 0..3), vec(link(), 0..3));
    (
        ids,
        texts,
        time(),
        time(),
        attributes(),
        counts,
        status,
        lists,
    )
        .prop_map(
            |(ids, texts, start, end, attributes, counts, status, (events, links))| Span {
                trace_id: ids.0,
                span_id: ids.1,
                parent_span_id: ids.2,
                trace_state: texts.0,
                name: texts.1,
                flags: texts.2,
                kind: texts.3,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes,
                dropped_attributes_count: counts.0,
                events,
                dropped_events_count: counts.1,
                links,
                dropped_links_count: counts.2,
                status,
            },
        )
        .boxed()
}

/// Requests of traces.
pub fn trace_request() -> BoxedStrategy<ExportTraceServiceRequest> {
    let scope_spans =
        (option::of(scope()), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| {
            ScopeSpans {
                scope,
                spans,
                schema_url,
            }
        });
    let resource_spans = (option::of(resource()), vec(scope_spans, 0..3), text()).prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        },
    );
    vec(resource_spans, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
        .boxed()
}

fn log_record() -> BoxedStrategy<LogRecord> {
    let numbers = (number(), count(), count());
    (
        (time(), time()),
        numbers,
        (text(), text()),
        option::weighted(0.8, any_value()),
        attributes(),
        (id(16), id(8)),
    )
        .prop_map(|(times, numbers, texts, body, attributes, ids)| LogRecord {
            time_unix_nano: times.0,
            observed_time_unix_nano: times.1,
            severity_number: numbers.0,
            severity_text: texts.0,
            body,
            attributes,
            dropped_attributes_count: numbers.1,
            flags: numbers.2,
            trace_id: ids.0,
            span_id: ids.1,
            event_name: texts.1,
        })
        .boxed()
}

/// Requests of logs.
pub fn log_request() -> BoxedStrategy<ExportLogsServiceRequest> {
    let scope_logs = (option::of(scope()), vec(log_record(), 0..4), text()).prop_map(
        |(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        },
    );
    let resource_logs = (option::of(resource()), vec(scope_logs, 0..3), text()).prop_map(
        |(resource, scope_logs, schema_url)| ResourceLogs {
            resource,
            scope_logs,
            schema_url,
        },
    );
    vec(resource_logs, 0..3)
        .prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
        .boxed()
}

fn exemplar() -> BoxedStrategy<Exemplar> {
    let value = prop_oneof![
        Just(None),
        double().prop_map(|value| Some(exemplar::Value::AsDouble(value))),
        int().prop_map(|value| Some(exemplar::Value::AsInt(value))),
    ];
    (attributes(), time(), id(8), id(16), value)
        .prop_map(
            |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
                filtered_attributes,
                time_unix_nano,
                span_id,
                trace_id,
                value,
            },
        )
        .boxed()
}

fn number_point() -> BoxedStrategy<NumberDataPoint> {
    let value = prop_oneof![
        Just(None),
        double().prop_map(|value| Some(number_data_point::Value::AsDouble(value))),
        int().prop_map(|value| Some(number_data_point::Value::AsInt(value))),
    ];
    (
        attributes(),
        (time(), time()),
        vec(exemplar(), 0..2),
        count(),
        value,
    )
        .prop_map(
            |(attributes, times, exemplars, flags, value)| NumberDataPoint {
                attributes,
                start_time_unix_nano: times.0,
                time_unix_nano: times.1,
                exemplars,
                flags,
                value,
            },
        )
        .boxed()
}

type Moments = (Option<f64>, Option<f64>, Option<f64>);

fn moments() -> BoxedStrategy<Moments> {
    (
        option::of(double()),
        option::of(double()),
        option::of(double()),
    )
        .boxed()
}

fn histogram_point() -> BoxedStrategy<HistogramDataPoint> {
    let buckets = (vec(any::<u64>(), 0..4), vec(double(), 0..4));
    (
        attributes(),
        (time(), time()),
        (any::<u64>(), count()),
        moments(),
        buckets,
        vec(exemplar(), 0..2),
    )
        .prop_map(
            |(attributes, times, counts, moments, buckets, exemplars)| HistogramDataPoint {
                attributes,
                start_time_unix_nano: times.0,
                time_unix_nano: times.1,
                count: counts.0,
                sum: moments.0,
                bucket_counts: buckets.0,
                explicit_bounds: buckets.1,
                exemplars,
                flags: counts.1,
                min: moments.1,
                max: moments.2,
            },
        )
        .boxed()
}

fn exponential_point() -> BoxedStrategy<ExponentialHistogramDataPoint> {
    let buckets = || {
        option::of(
            (any::<i32>(), vec(any::<u64>(), 0..4)).prop_map(|(offset, bucket_counts)| Buckets {
                offset,
                bucket_counts,
            }),
        )
    };
    (
        attributes(),
        (time(), time()),
        (any::<u64>(), any::<u64>(), count(), any::<i32>(), double()),
        moments(),
        (buckets(), buckets()),
        vec(exemplar(), 0..2),
    )
        .prop_map(
            |(attributes, times, numbers, moments, buckets, exemplars)| {
                ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano: times.0,
                    time_unix_nano: times.1,
                    count: numbers.0,
                    sum: moments.0,
                    scale: numbers.3,
                    zero_count: numbers.1,
                    positive: buckets.0,
                    negative: buckets.1,
                    flags: numbers.2,
                    exemplars,
                    min: moments.1,
                    max: moments.2,
                    zero_threshold: numbers.4,
                }
            },
        )
        .boxed()
}

fn summary_point() -> BoxedStrategy<SummaryDataPoint> {
    let quantile =
        (double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (
        attributes(),
        (time(), time()),
        (any::<u64>(), count(), double()),
        vec(quantile, 0..3),
    )
        .prop_map(
            |(attributes, times, numbers, quantile_values)| SummaryDataPoint {
                attributes,
                start_time_unix_nano: times.0,
                time_unix_nano: times.1,
                count: numbers.0,
                sum: numbers.2,
                quantile_values,
                flags: numbers.1,
            },
        )
        .boxed()
}

fn data() -> BoxedStrategy<Option<Data>> {
    let gauge =
        vec(number_point(), 0..3).prop_map(|data_points| Data::Gauge(Gauge { data_points }));
    let sum = (vec(number_point(), 0..3), number(), any::<bool>()).prop_map(
        |(data_points, aggregation_temporality, is_monotonic)| {
            Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic,
            })
        },
    );
    let histogram = (vec(histogram_point(), 0..3), number()).prop_map(
        |(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            })
        },
    );
    let exponential = (vec(exponential_point(), 0..3), number()).prop_map(
        |(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality,
            })
        },
    );
    let summary =
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points }));
    option::weighted(
        0.95,
        prop_oneof![gauge, sum, histogram, exponential, summary],
    )
    .boxed()
}

/// Requests of metrics.
pub fn metric_request() -> BoxedStrategy<ExportMetricsServiceRequest> {
    let metric = (text(), text(), text(), attributes(), data()).prop_map(
        |(name, description, unit, metadata, data)| Metric {
            name,
            description,
            unit,
            metadata,
            data,
        },
    );
    let scope_metrics = (option::of(scope()), vec(metric, 0..3), text()).prop_map(
        |(scope, metrics, schema_url)| ScopeMetrics {
            scope,
            metrics,
            schema_url,
        },
    );
    let resource_metrics = (option::of(resource()), vec(scope_metrics, 0..3), text()).prop_map(
        |(resource, scope_metrics, schema_url)| ResourceMetrics {
            resource,
            scope_metrics,
            schema_url,
        },
    );
    vec(resource_metrics, 0..2)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
        .boxed()
}

//! The fields of the OTLP messages by their JSON names (opentelemetry-proto 1.x): what `json`
//! needs to write them as protobuf.

use oriel_proto::Signal;
use oriel_proto::otlp::logs::v1::SeverityNumber;
use oriel_proto::otlp::metrics::v1::AggregationTemporality;
use oriel_proto::otlp::trace::v1::{span::SpanKind, status::StatusCode};

/// A message and its fields.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    Message(&'static Message),
    Text,
    /// Bytes in hex: ids.
    Hex,
    /// Bytes in base64.
    Base64,
    Bool,
    /// An enum, with the function that knows its names.
    Enum(fn(&str) -> Option<i32>),
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
}

use Kind::{
    Base64, Bool, Double, Enum, Fixed32, Fixed64, Hex, Int32, Int64, Sfixed64, Sint32, Text,
    Uint32, Uint64,
};

const fn one(key: &'static str, number: u32, kind: Kind) -> Field {
    Field {
        key,
        number,
        kind,
        repeated: false,
    }
}

const fn many(key: &'static str, number: u32, kind: Kind) -> Field {
    Field {
        key,
        number,
        kind,
        repeated: true,
    }
}

/// The request message of `signal`.
pub(super) fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
    }
}

macro_rules! messages {
    ($($name:ident = $text:literal { $($field:expr),* $(,)? })*) => {
        $(static $name: Message = Message { name: $text, fields: &[$($field),*] };)*
    };
}

fn span_kind(name: &str) -> Option<i32> {
    SpanKind::from_str_name(name).map(|value| value as i32)
}

fn status_code(name: &str) -> Option<i32> {
    StatusCode::from_str_name(name).map(|value| value as i32)
}

fn severity(name: &str) -> Option<i32> {
    SeverityNumber::from_str_name(name).map(|value| value as i32)
}

fn temporality(name: &str) -> Option<i32> {
    AggregationTemporality::from_str_name(name).map(|value| value as i32)
}

messages! {
    ANY_VALUE = "AnyValue" {
        one("stringValue", 1, Text),
        one("boolValue", 2, Bool),
        one("intValue", 3, Int64),
        one("doubleValue", 4, Double),
        one("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        one("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        one("bytesValue", 7, Base64),
        one("stringValueStrindex", 8, Int32),
    }
    ARRAY_VALUE = "ArrayValue" { many("values", 1, Kind::Message(&ANY_VALUE)) }
    KEY_VALUE_LIST = "KeyValueList" { many("values", 1, Kind::Message(&KEY_VALUE)) }
    KEY_VALUE = "KeyValue" {
        one("key", 1, Text),
        one("value", 2, Kind::Message(&ANY_VALUE)),
        one("keyStrindex", 3, Int32),
    }
    SCOPE = "InstrumentationScope" {
        one("name", 1, Text),
        one("version", 2, Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    }
    ENTITY_REF = "EntityRef" {
        one("schemaUrl", 1, Text),
        one("type", 2, Text),
        many("idKeys", 3, Text),
        many("descriptionKeys", 4, Text),
    }
    RESOURCE = "Resource" {
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 2, Uint32),
        many("entityRefs", 3, Kind::Message(&ENTITY_REF)),
    }

    TRACES_REQUEST = "ExportTraceServiceRequest" {
        many("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS)),
    }
    RESOURCE_SPANS = "ResourceSpans" {
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
        one("schemaUrl", 3, Text),
    }
    SCOPE_SPANS = "ScopeSpans" {
        one("scope", 1, Kind::Message(&SCOPE)),
        many("spans", 2, Kind::Message(&SPAN)),
        one("schemaUrl", 3, Text),
    }
    SPAN = "Span" {
        one("traceId", 1, Hex),
        one("spanId", 2, Hex),
        one("traceState", 3, Text),
        one("parentSpanId", 4, Hex),
        one("name", 5, Text),
        one("kind", 6, Enum(span_kind)),
        one("startTimeUnixNano", 7, Fixed64),
        one("endTimeUnixNano", 8, Fixed64),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 10, Uint32),
        many("events", 11, Kind::Message(&EVENT)),
        one("droppedEventsCount", 12, Uint32),
        many("links", 13, Kind::Message(&LINK)),
        one("droppedLinksCount", 14, Uint32),
        one("status", 15, Kind::Message(&STATUS)),
        one("flags", 16, Fixed32),
    }
    EVENT = "Event" {
        one("timeUnixNano", 1, Fixed64),
        one("name", 2, Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    }
    LINK = "Link" {
        one("traceId", 1, Hex),
        one("spanId", 2, Hex),
        one("traceState", 3, Text),
        many("attributes", 4, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 5, Uint32),
        one("flags", 6, Fixed32),
    }
    STATUS = "Status" {
        one("message", 2, Text),
        one("code", 3, Enum(status_code)),
    }

    LOGS_REQUEST = "ExportLogsServiceRequest" {
        many("resourceLogs", 1, Kind::Message(&RESOURCE_LOGS)),
    }
    RESOURCE_LOGS = "ResourceLogs" {
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeLogs", 2, Kind::Message(&SCOPE_LOGS)),
        one("schemaUrl", 3, Text),
    }
    SCOPE_LOGS = "ScopeLogs" {
        one("scope", 1, Kind::Message(&SCOPE)),
        many("logRecords", 2, Kind::Message(&LOG_RECORD)),
        one("schemaUrl", 3, Text),
    }
    LOG_RECORD = "LogRecord" {
        one("timeUnixNano", 1, Fixed64),
        one("severityNumber", 2, Enum(severity)),
        one("severityText", 3, Text),
        one("body", 5, Kind::Message(&ANY_VALUE)),
        many("attributes", 6, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 7, Uint32),
        one("flags", 8, Fixed32),
        one("traceId", 9, Hex),
        one("spanId", 10, Hex),
        one("observedTimeUnixNano", 11, Fixed64),
        one("eventName", 12, Text),
    }

    METRICS_REQUEST = "ExportMetricsServiceRequest" {
        many("resourceMetrics", 1, Kind::Message(&RESOURCE_METRICS)),
    }
    RESOURCE_METRICS = "ResourceMetrics" {
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeMetrics", 2, Kind::Message(&SCOPE_METRICS)),
        one("schemaUrl", 3, Text),
    }
    SCOPE_METRICS = "ScopeMetrics" {
        one("scope", 1, Kind::Message(&SCOPE)),
        many("metrics", 2, Kind::Message(&METRIC)),
        one("schemaUrl", 3, Text),
    }
    METRIC = "Metric" {
        one("name", 1, Text),
        one("description", 2, Text),
        one("unit", 3, Text),
        one("gauge", 5, Kind::Message(&GAUGE)),
        one("sum", 7, Kind::Message(&SUM)),
        one("histogram", 9, Kind::Message(&HISTOGRAM)),
        one("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one("summary", 11, Kind::Message(&SUMMARY)),
        many("metadata", 12, Kind::Message(&KEY_VALUE)),
    }
    GAUGE = "Gauge" { many("dataPoints", 1, Kind::Message(&NUMBER_POINT)) }
    SUM = "Sum" {
        many("dataPoints", 1, Kind::Message(&NUMBER_POINT)),
        one("aggregationTemporality", 2, Enum(temporality)),
        one("isMonotonic", 3, Bool),
    }
    HISTOGRAM = "Histogram" {
        many("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT)),
        one("aggregationTemporality", 2, Enum(temporality)),
    }
    EXPONENTIAL_HISTOGRAM = "ExponentialHistogram" {
        many("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT)),
        one("aggregationTemporality", 2, Enum(temporality)),
    }
    SUMMARY = "Summary" { many("dataPoints", 1, Kind::Message(&SUMMARY_POINT)) }
    NUMBER_POINT = "NumberDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("asDouble", 4, Double),
        many("exemplars", 5, Kind::Message(&EXEMPLAR)),
        one("asInt", 6, Sfixed64),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    }
    HISTOGRAM_POINT = "HistogramDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("bucketCounts", 6, Fixed64),
        many("explicitBounds", 7, Double),
        many("exemplars", 8, Kind::Message(&EXEMPLAR)),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("flags", 10, Uint32),
        one("min", 11, Double),
        one("max", 12, Double),
    }
    EXPONENTIAL_POINT = "ExponentialHistogramDataPoint" {
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        one("scale", 6, Sint32),
        one("zeroCount", 7, Fixed64),
        one("positive", 8, Kind::Message(&BUCKETS)),
        one("negative", 9, Kind::Message(&BUCKETS)),
        one("flags", 10, Uint32),
        many("exemplars", 11, Kind::Message(&EXEMPLAR)),
        one("min", 12, Double),
        one("max", 13, Double),
        one("zeroThreshold", 14, Double),
    }
    BUCKETS = "Buckets" {
        one("offset", 1, Sint32),
        many("bucketCounts", 2, Uint64),
    }
    SUMMARY_POINT = "SummaryDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("quantileValues", 6, Kind::Message(&QUANTILE)),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    }
    QUANTILE = "ValueAtQuantile" {
        one("quantile", 1, Double),
        one("value", 2, Double),
    }
    EXEMPLAR = "Exemplar" {
        one("timeUnixNano", 2, Fixed64),
        one("asDouble", 3, Double),
        one("spanId", 4, Hex),
        one("traceId", 5, Hex),
        one("asInt", 6, Sfixed64),
        many("filteredAttributes", 7, Kind::Message(&KEY_VALUE)),
    }
}

//! Bad input and edges, line by line, against the real binary: what is stored, what is refused and
//! with which answer, and that nothing else is disturbed.

mod input;
mod refusal;
mod sql;
mod start;

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{AnyValue, KeyValue, any_value};
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// A value of an attribute.
pub(crate) fn value(value: any_value::Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

/// An attribute with a string.
pub(crate) fn attribute(key: &str, text: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value(any_value::Value::StringValue(text.to_owned())),
        ..KeyValue::default()
    }
}

/// The resource of a service.
fn resource(service: &str) -> Option<Resource> {
    Some(Resource {
        attributes: vec![attribute("service.name", service)],
        ..Resource::default()
    })
}

/// A span of 2026 with ids made from `number`.
pub(crate) fn span(number: u8, name: &str) -> Span {
    Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000 + u64::from(number),
        end_time_unix_nano: 1_790_000_000_000_001_000 + u64::from(number),
        ..Span::default()
    }
}

/// A request with these spans.
pub(crate) fn trace_request(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let group = ResourceSpans {
        resource: resource(service),
        scope_spans,
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![group],
    }
    .encode_to_vec()
}

/// A request with these log records.
pub(crate) fn log_request(service: &str, log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs {
        log_records,
        ..ScopeLogs::default()
    }];
    let group = ResourceLogs {
        resource: resource(service),
        scope_logs,
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![group],
    }
    .encode_to_vec()
}

/// A log record with a text.
pub(crate) fn log(body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000,
        body: value(any_value::Value::StringValue(body.to_owned())),
        ..LogRecord::default()
    }
}

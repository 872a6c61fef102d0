//! The one table of answers: how each outcome is said in gRPC and in HTTP, protobuf and JSON.
//!
//! Source: OTLP specification, "OTLP/gRPC response" and "OTLP/HTTP response"; google.rpc.Status.
//!
//! | outcome | gRPC | HTTP | the client will |
//! |---|---|---|---|
//! | stored, some records refused, warning | OK + partial_success | 200 | drop its copy |
//! | not OTLP, poison | INVALID_ARGUMENT + BadRequest | 400 | drop |
//! | no token | UNAUTHENTICATED | 401 | drop |
//! | too large | RESOURCE_EXHAUSTED, no RetryInfo | 413 | drop |
//! | type, encoding, method | UNIMPLEMENTED | 415 | drop |
//! | the tenant has its share of the budget | RESOURCE_EXHAUSTED + RetryInfo | 429 + Retry-After | retry |
//! | overloaded, store not writable, slow, our fault | UNAVAILABLE + RetryInfo | 503 + Retry-After | retry |

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use oriel_proto::Signal;
use oriel_proto::otlp::collector::{logs::v1 as logs, metrics::v1 as metrics, trace::v1 as trace};
use oriel_storage::{Answer, ContentType, ErrorKind};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::Error;
use crate::decode::DecodeError;
use crate::receive::Transport;

/// The row of the table: gRPC code, HTTP code, whether to send again.
fn row(error: &Error) -> (Code, StatusCode, bool) {
    match error {
        Error::TooLarge { .. } | Error::Decode(DecodeError::TooLarge(_)) => (
            Code::ResourceExhausted,
            StatusCode::PAYLOAD_TOO_LARGE,
            false,
        ),
        Error::Malformed(_) | Error::Decode(_) | Error::Poison(_) => {
            (Code::InvalidArgument, StatusCode::BAD_REQUEST, false)
        }
        Error::Unauthenticated => (Code::Unauthenticated, StatusCode::UNAUTHORIZED, false),
        Error::ContentType(..) | Error::ContentEncoding(_) => (
            Code::Unimplemented,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            false,
        ),
        Error::UnknownMethod(_) => (Code::Unimplemented, StatusCode::NOT_FOUND, false),
        Error::Store(error) if error.kind() == ErrorKind::Invalid => {
            (Code::InvalidArgument, StatusCode::BAD_REQUEST, false)
        }
        // The data is fine, so it must come again: never INTERNAL or 500, which clients drop, nor 429,
        // which the Python SDK's HTTP exporter drops.
        Error::Overloaded
        | Error::TenantOverloaded
        | Error::Slow
        | Error::Interrupted(_)
        | Error::Store(_)
        | Error::Stopping => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, true),
    }
}

/// What `error` is answered with on `transport`: the gRPC code's name or the HTTP status.
pub(crate) fn code(error: &Error, transport: Transport) -> String {
    let (code, status, _) = row(error);
    match transport {
        Transport::Grpc => name(code).to_owned(),
        Transport::Http => status.as_str().to_owned(),
    }
}

/// The name of a code of the table, as gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Unavailable => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}

/// `error` as a gRPC status with its details; `retry_after` goes into RetryInfo where a retry helps.
pub(crate) fn status(error: &Error, retry_after: Duration) -> Status {
    let (code, _, retry) = row(error);
    let message = error.to_string();
    let details = match code {
        _ if retry => ErrorDetails::with_retry_info(Some(retry_after)),
        Code::InvalidArgument => ErrorDetails::with_bad_request_violation("body", &message),
        _ => ErrorDetails::new(),
    };
    Status::with_error_details(code, message, details)
}

/// `error` as an HTTP response whose body is a google.rpc.Status in the request's format.
pub(crate) fn http_error(
    error: &Error,
    content_type: ContentType,
    retry_after: Duration,
) -> Response<Body> {
    let (_, code, retry) = row(error);
    let status = status(error, retry_after);
    let body = match content_type {
        ContentType::Protobuf => status.details().to_vec(),
        ContentType::Json => status_json(&status, retry.then_some(retry_after)),
    };
    let mut response = http_body(code, content_type, body);
    let headers = response.headers_mut();
    if retry {
        // Whole seconds, rounded up: 0 would mean "at once".
        let seconds = retry_after.as_millis().div_ceil(1000).max(1) as u64;
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if code == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// google.rpc.Status in protobuf's JSON mapping.
fn status_json(status: &Status, retry_after: Option<Duration>) -> Vec<u8> {
    let mut json = serde_json::json!({
        "code": i32::from(status.code()),
        "message": status.message(),
    });
    if let Some(delay) = retry_after {
        json["details"] = serde_json::json!([{
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", delay.as_secs_f64()),
        }]);
    }
    json.to_string().into_bytes()
}

/// The HTTP response of a request that was stored.
pub(crate) fn http_ok(
    signal: Signal,
    content_type: ContentType,
    answer: &Answer,
) -> Response<Body> {
    let body = match content_type {
        ContentType::Protobuf => export_response(signal, answer),
        ContentType::Json => export_json(signal, answer),
    };
    http_body(StatusCode::OK, content_type, body)
}

fn http_body(code: StatusCode, content_type: ContentType, body: Vec<u8>) -> Response<Body> {
    let name = match content_type {
        ContentType::Protobuf => "application/x-protobuf",
        ContentType::Json => "application/json",
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(name));
    response
}

/// `answer` as the Export…ServiceResponse of `signal`, in protobuf; empty when all is well.
pub(crate) fn export_response(signal: Signal, answer: &Answer) -> Vec<u8> {
    if *answer == Answer::default() {
        return Vec::new();
    }
    let rejected = rejected(answer);
    let error_message = answer.message.clone();
    match signal {
        Signal::Traces => trace::ExportTraceServiceResponse {
            partial_success: Some(trace::ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => metrics::ExportMetricsServiceResponse {
            partial_success: Some(metrics::ExportMetricsPartialSuccess {
                rejected_data_points: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
        Signal::Logs => logs::ExportLogsServiceResponse {
            partial_success: Some(logs::ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
    }
}

/// The same in JSON: int64 as a string, defaults left out, as protobuf's JSON mapping has it.
fn export_json(signal: Signal, answer: &Answer) -> Vec<u8> {
    let field = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
    };
    let mut partial = serde_json::Map::new();
    if answer.rejected > 0 {
        partial.insert(field.to_owned(), rejected(answer).to_string().into());
    }
    if !answer.message.is_empty() {
        partial.insert("errorMessage".to_owned(), answer.message.as_str().into());
    }
    match partial.is_empty() {
        true => b"{}".to_vec(),
        false => serde_json::json!({ "partialSuccess": partial })
            .to_string()
            .into_bytes(),
    }
}

fn rejected(answer: &Answer) -> i64 {
    i64::try_from(answer.rejected).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every error, as gRPC status and as HTTP response.
    /// Guarantees: the table above; a retry is asked for exactly where it helps.
    #[test]
    fn answers_by_the_table() {
        let check = |error: Error, code: Code, http: u16, retry: bool| {
            let delay = Duration::from_millis(1500);
            let status = status(&error, delay);
            assert_eq!(status.code(), code, "{error}");
            let info = status
                .get_details_retry_info()
                .and_then(|info| info.retry_delay);
            assert_eq!(info, retry.then_some(delay), "{error}");
            let response = http_error(&error, ContentType::Protobuf, delay);
            assert_eq!(response.status(), http, "{error}");
            let after = response
                .headers()
                .get(RETRY_AFTER)
                .map(|value| value.as_bytes());
            assert_eq!(after, retry.then_some(b"2".as_slice()), "{error}");
        };
        let full = oriel_storage::Error::Overloaded {
            bytes: 2,
            bytes_max: 1,
        };
        let readonly = oriel_storage::Error::Unavailable {
            reason: "disk full".into(),
        };
        let ours = oriel_storage::Error::Corrupt {
            what: "wal".into(),
            detail: "bad".into(),
        };
        check(
            Error::Malformed("x".into()),
            Code::InvalidArgument,
            400,
            false,
        );
        check(Error::Poison("x".into()), Code::InvalidArgument, 400, false);
        check(Error::Unauthenticated, Code::Unauthenticated, 401, false);
        check(
            Error::TooLarge { max: 1 },
            Code::ResourceExhausted,
            413,
            false,
        );
        check(
            Error::ContentType("x".into(), "y"),
            Code::Unimplemented,
            415,
            false,
        );
        check(
            Error::ContentEncoding("br".into()),
            Code::Unimplemented,
            415,
            false,
        );
        check(
            Error::UnknownMethod("/a/b".into()),
            Code::Unimplemented,
            404,
            false,
        );
        check(Error::Overloaded, Code::Unavailable, 503, true);
        check(Error::TenantOverloaded, Code::Unavailable, 503, true);
        check(Error::Slow, Code::Unavailable, 503, true);
        check(Error::Interrupted("x".into()), Code::Unavailable, 503, true);
        check(Error::Stopping, Code::Unavailable, 503, true);
        check(Error::Store(full), Code::Unavailable, 503, true);
        check(Error::Store(readonly), Code::Unavailable, 503, true);
        check(Error::Store(ours), Code::Unavailable, 503, true);
        let wrong = oriel_storage::Error::Invalid("x".into());
        check(Error::Store(wrong), Code::InvalidArgument, 400, false);
    }

    /// Scenario: nothing to say, records refused, a warning, in protobuf and JSON.
    /// Guarantees: partial_success is unset when all is well; else it carries count and text.
    #[test]
    fn says_partial_success() {
        let well = Answer::default();
        let some = Answer {
            rejected: 3,
            message: "bad ids".into(),
        };
        let warning = Answer {
            rejected: 0,
            message: "replaced".into(),
        };
        assert!(export_response(Signal::Traces, &well).is_empty());
        assert_eq!(export_json(Signal::Logs, &well), b"{}");
        let bytes = export_response(Signal::Metrics, &some);
        let partial = metrics::ExportMetricsServiceResponse::decode(&bytes[..])
            .unwrap()
            .partial_success
            .unwrap();
        assert_eq!(
            (partial.rejected_data_points, &*partial.error_message),
            (3, "bad ids")
        );
        let bytes = export_response(Signal::Logs, &warning);
        let partial = logs::ExportLogsServiceResponse::decode(&bytes[..])
            .unwrap()
            .partial_success
            .unwrap();
        assert_eq!(
            (partial.rejected_log_records, &*partial.error_message),
            (0, "replaced")
        );
        assert_eq!(
            export_json(Signal::Traces, &some),
            br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"bad ids"}}"#
        );
        assert_eq!(
            export_json(Signal::Traces, &warning),
            br#"{"partialSuccess":{"errorMessage":"replaced"}}"#
        );
    }
}

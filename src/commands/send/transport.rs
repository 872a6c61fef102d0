//! One attempt to deliver one request, by gRPC or by HTTP, and what the answer means (the table
//! "OTLP: what to answer" read from the client's side).
//!
//! gRPC is written by hand on tonic's channel, since the request must leave as it was recorded:
//! 1 byte "compressed", 4 bytes length (big-endian), message.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use oriel_proto::Signal;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceResponse;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceResponse;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::read::{Format, Request};
use super::retry::Outcome;
use crate::cli::{Compression, ReceiverArgs};

/// How long one attempt may take, as SDKs have it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    target: Target,
    compression: Compression,
    token: Option<String>,
}

#[derive(Debug, Clone)]
enum Target {
    Grpc(Channel),
    Http {
        client: reqwest::Client,
        base: String,
    },
}

/// Whether somebody listens at `address`, for one attempt. Errors: nobody does; what to do.
pub(crate) async fn reach(address: &str) -> Result<()> {
    let bare = plain(address)?;
    let authority = bare.split('/').next().unwrap_or_default();
    let port = authority.rsplit(':').next().unwrap_or_default();
    let place = match port.parse::<u16>() {
        Ok(_) => authority.to_owned(),
        Err(_) => format!("{authority}:80"),
    };
    let connecting = tokio::net::TcpStream::connect(&place);
    let error = match tokio::time::timeout(TIMEOUT, connecting).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
    };
    bail!(
        "no server answers at {place}: {error}; start one with `oriel`, or name another with --grpc \
         or --http"
    )
}

impl ReceiverArgs {
    /// The address or URL.
    pub(crate) fn target(&self) -> &str {
        self.http.as_deref().unwrap_or(&self.grpc)
    }

    /// A connection there.
    pub(crate) fn transport(&self) -> Result<Transport> {
        let token = self.token.clone();
        match &self.http {
            Some(url) => Transport::http(url, self.compression, token),
            None => Transport::grpc(&self.grpc, self.compression, token),
        }
    }
}

impl Transport {
    /// To the gRPC server at `address` (`HOST:PORT`, `http://` in front is fine).
    fn grpc(address: &str, compression: Compression, token: Option<String>) -> Result<Self> {
        let bare = plain(address)?;
        let endpoint = Endpoint::from_shared(format!("http://{bare}"))
            .with_context(|| format!("--grpc {address}"))?
            .connect_timeout(TIMEOUT)
            .initial_connection_window_size(1 << 20);
        Ok(Transport {
            target: Target::Grpc(endpoint.connect_lazy()),
            compression,
            token,
        })
    }

    /// To the HTTP server at `url`.
    fn http(url: &str, compression: Compression, token: Option<String>) -> Result<Self> {
        let base = format!("http://{}", plain(url)?);
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Transport {
            target: Target::Http { client, base },
            compression,
            token,
        })
    }

    /// The body as it will be sent. Errors: none in practice.
    pub(crate) fn pack(&self, body: Bytes) -> std::io::Result<Bytes> {
        Ok(match self.compression {
            Compression::None => body,
            Compression::Gzip => {
                let fast = flate2::Compression::fast();
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), fast);
                encoder.write_all(&body)?;
                encoder.finish()?.into()
            }
            Compression::Zstd => zstd::encode_all(&*body, 1)?.into(),
        })
    }

    /// Sends `body`, which [`Transport::pack`] made of the request's.
    pub(crate) async fn attempt(&self, request: &Request, body: Bytes) -> Outcome {
        let sent = async {
            match &self.target {
                Target::Grpc(channel) => self.call(channel.clone(), request, body).await,
                Target::Http { client, base } => self.post(client, base, request, body).await,
            }
        };
        match tokio::time::timeout(TIMEOUT, sent).await {
            Ok(outcome) => outcome,
            Err(_) => again(format!("no answer within {} s", TIMEOUT.as_secs())),
        }
    }

    fn encoding(&self) -> Option<&'static str> {
        match self.compression {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        }
    }

    async fn call(&self, channel: Channel, request: &Request, body: Bytes) -> Outcome {
        if request.format == Format::Json {
            return Outcome::Failed("JSON is not sent by gRPC: use --http".to_owned());
        }
        let Ok(length) = u32::try_from(body.len()) else {
            return Outcome::Failed("longer than gRPC can say (4 GiB)".to_owned());
        };
        let mut framed = BytesMut::with_capacity(5 + body.len());
        framed.put_u8(self.encoding().is_some().into());
        framed.put_u32(length);
        framed.put(body);
        let mut call = http::Request::post(grpc_path(request.signal))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(encoding) = self.encoding() {
            call = call.header("grpc-encoding", encoding);
        }
        if let Some(token) = &self.token {
            call = call.header("authorization", format!("Bearer {token}"));
        }
        let call = match call.body(tonic::body::Body::new(Full::new(framed.freeze()))) {
            Ok(call) => call,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let answer = match channel.oneshot(call).await {
            Ok(answer) => answer,
            Err(error) => return again(chain(&error)),
        };
        let (head, body) = answer.into_parts();
        let collected = match body.collect().await {
            Ok(collected) => collected,
            Err(status) => return grpc_outcome(&status),
        };
        let trailers = collected.trailers().cloned();
        let body = collected.to_bytes();
        let status = trailers
            .as_ref()
            .and_then(Status::from_header_map)
            .or_else(|| Status::from_header_map(&head.headers));
        match status {
            Some(status) if status.code() == Code::Ok => {
                accepted(request.signal, body.get(5..).unwrap_or_default())
            }
            Some(status) => grpc_outcome(&status),
            None if retryable_http(head.status.as_u16()) => again(head.status.to_string()),
            None => Outcome::Failed(format!("{}, without a gRPC status", head.status)),
        }
    }

    async fn post(
        &self,
        client: &reqwest::Client,
        base: &str,
        request: &Request,
        body: Bytes,
    ) -> Outcome {
        let content_type = match request.format {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        };
        let mut post = client
            .post(format!("{base}/v1/{}", request.signal))
            .header("content-type", content_type)
            .body(body);
        if let Some(encoding) = self.encoding() {
            post = post.header("content-encoding", encoding);
        }
        if let Some(token) = &self.token {
            post = post.bearer_auth(token);
        }
        let answer = match post.send().await {
            Ok(answer) => answer,
            Err(error) => return again(chain(&error)),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return again(chain(&error)),
        };
        if status.is_success() {
            return match request.format {
                Format::Protobuf => accepted(request.signal, &body),
                Format::Json => accepted_json(&body),
            };
        }
        let said = match message_of(&headers, &body) {
            Some(message) => format!("{status}: {message}"),
            None => status.to_string(),
        };
        match retryable_http(status.as_u16()) {
            true => Outcome::Retry {
                wait: retry_after(&headers),
                reason: said,
            },
            false => Outcome::Failed(said),
        }
    }
}

/// `address` without `http://` and without a final slash. Errors: `https://`.
fn plain(address: &str) -> Result<&str> {
    if address.starts_with("https://") {
        bail!("{address}: oriel send has no TLS; send to a proxy or Collector beside it");
    }
    Ok(address.trim_start_matches("http://").trim_end_matches('/'))
}

fn grpc_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

fn again(reason: String) -> Outcome {
    Outcome::Retry { wait: None, reason }
}

fn retryable_http(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

fn grpc_outcome(status: &Status) -> Outcome {
    let wait = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    let retryable = match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => wait.is_some(),
        // What hyper reports when a connection ends in the middle of an answer.
        Code::Unknown => std::error::Error::source(status).is_some(),
        _ => false,
    };
    let reason = format!("{:?}: {}", status.code(), status.message());
    match retryable {
        true => Outcome::Retry { wait, reason },
        false => Outcome::Failed(reason),
    }
}

/// Reads the partial success of an encoded answer.
fn accepted(signal: Signal, body: &[u8]) -> Outcome {
    let partial = match signal {
        Signal::Traces => ExportTraceServiceResponse::decode(body).map(|answer| {
            answer
                .partial_success
                .map(|p| (p.rejected_spans, p.error_message))
        }),
        Signal::Logs => ExportLogsServiceResponse::decode(body).map(|answer| {
            answer
                .partial_success
                .map(|p| (p.rejected_log_records, p.error_message))
        }),
        Signal::Metrics => ExportMetricsServiceResponse::decode(body).map(|answer| {
            answer
                .partial_success
                .map(|p| (p.rejected_data_points, p.error_message))
        }),
    };
    let (rejected, message) = partial.ok().flatten().unwrap_or_default();
    Outcome::Accepted {
        rejected: u64::try_from(rejected).unwrap_or(0),
        message,
    }
}

fn accepted_json(body: &[u8]) -> Outcome {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let rejected = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"]
        .iter()
        .find_map(|key| number(&partial[key]));
    let message = partial["errorMessage"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Outcome::Accepted {
        rejected: rejected.unwrap_or(0),
        message,
    }
}

/// The server's words: a google.rpc.Status in protobuf or JSON, else the first line of text.
fn message_of(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let content_type = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let message = match content_type.unwrap_or_default() {
        kind if kind.starts_with("application/x-protobuf") => {
            tonic_types::Status::decode(body).ok()?.message
        }
        kind if kind.starts_with("application/json") => {
            let value: Value = serde_json::from_slice(body).ok()?;
            let nested = value["error"]["message"].as_str();
            value["message"].as_str().or(nested)?.to_owned()
        }
        _ => String::from_utf8_lossy(body).lines().next()?.to_owned(),
    };
    Some(message)
}

/// Seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    (date.to_utc() - chrono::Utc::now())
        .to_std()
        .ok()
        .or(Some(Duration::ZERO))
}

/// An error with its causes, which reqwest and tonic leave out.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every gRPC code, RESOURCE_EXHAUSTED with and without RetryInfo.
    /// Guarantees: exactly what OTLP calls retryable is retried.
    #[test]
    fn retries_what_otlp_calls_retryable() {
        let retried = |code: i32| {
            matches!(
                grpc_outcome(&Status::new(Code::from(code), "")),
                Outcome::Retry { .. }
            )
        };
        let codes: Vec<i32> = (1..=16).filter(|code| retried(*code)).collect();
        assert_eq!(codes, [1, 4, 10, 11, 14, 15]);
        let wait = Some(Duration::from_secs(3));
        let details = tonic_types::ErrorDetails::with_retry_info(wait);
        let full = Status::with_error_details(Code::ResourceExhausted, "full", details);
        let reason = "ResourceExhausted: full".to_owned();
        assert_eq!(grpc_outcome(&full), Outcome::Retry { wait, reason });
    }

    /// Scenario: Retry-After in seconds, as a past and a future date, as nonsense.
    /// Guarantees: the server's wish is understood in both forms.
    #[test]
    fn reads_retry_after() {
        let read = |text: &str| {
            let value = text.parse().expect("a header value");
            retry_after(&HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]))
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(
            read("Tue, 31 Dec 2199 23:59:59 GMT")
                .expect("a date")
                .as_secs()
                > 1_000_000
        );
        assert_eq!(read("soon"), None);
    }
}

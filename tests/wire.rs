//! A plain OTLP client for tests: sends exactly the bytes it is given, by gRPC or HTTP, compressed
//! or not, valid or not, and returns what the server answered.

use std::io::Write;
use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use oriel_proto::Signal;
use prost::Message;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The name in headers; `None` for no compression.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Plain => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Zstd => Some("zstd"),
        }
    }

    /// `body`, compressed.
    pub(crate) fn apply(self, body: &[u8]) -> Vec<u8> {
        match self {
            Encoding::Plain => body.to_vec(),
            Encoding::Gzip => {
                let mut writer =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                writer.write_all(body).unwrap();
                writer.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(body, 1).unwrap(),
        }
    }
}

/// A gRPC connection that sends raw messages.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    channel: Channel,
    token: Option<String>,
}

/// The path of a signal's Export method.
fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

impl Grpc {
    /// Connects to `address` at the first call.
    pub(crate) fn new(address: SocketAddr) -> Grpc {
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        Grpc {
            channel,
            token: None,
        }
    }

    /// Sends `token` with each call.
    pub(crate) fn with_token(self, token: &str) -> Grpc {
        Grpc {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// Exports `body`, compressed as said; the response message, or the status.
    pub(crate) async fn export(
        &self,
        signal: Signal,
        body: &[u8],
        encoding: Encoding,
    ) -> Result<Bytes, Status> {
        self.call(path(signal), &encoding.apply(body), encoding)
            .await
    }

    /// Calls `path` with `message`, which is compressed already.
    pub(crate) async fn call(
        &self,
        path: &str,
        message: &[u8],
        encoding: Encoding,
    ) -> Result<Bytes, Status> {
        let mut frame = BytesMut::with_capacity(message.len() + 5);
        frame.put_u8(u8::from(encoding != Encoding::Plain));
        frame.put_u32(message.len() as u32);
        frame.put_slice(message);
        let mut request = http::Request::post(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(name) = encoding.name() {
            request = request.header("grpc-encoding", name);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::new(Full::new(frame.freeze()))).unwrap();
        let broken = |e: &dyn std::fmt::Display| Status::unavailable(format!("connection: {e}"));
        let mut channel = self.channel.clone();
        let ready = channel.ready().await.map_err(|e| broken(&e))?;
        let response = ready.call(request).await.map_err(|e| broken(&e))?;
        let http_status = response.status();
        let head = Status::from_header_map(response.headers());
        let body = response.into_body().collect().await?;
        let status = head
            .or_else(|| body.trailers().and_then(Status::from_header_map))
            .unwrap_or_else(|| Status::unknown(format!("no grpc-status, HTTP {http_status}")));
        let bytes = body.to_bytes();
        match status.code() {
            Code::Ok => Ok(bytes.slice(5.min(bytes.len())..)),
            _ => Err(status),
        }
    }

    /// Exports `body` and reads the rejected count and the message of the partial success.
    pub(crate) async fn export_partial(&self, signal: Signal, body: &[u8]) -> (i64, String) {
        let answer = self.export(signal, body, Encoding::Plain).await.unwrap();
        partial_success(&answer)
    }
}

/// The rejected count and the message of an export response in protobuf, of any signal.
pub(crate) fn partial_success(answer: &[u8]) -> (i64, String) {
    use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceResponse;
    // The three responses have the same fields under the same numbers.
    let answer = ExportTraceServiceResponse::decode(answer).unwrap();
    let partial = answer.partial_success.unwrap_or_default();
    (partial.rejected_spans, partial.error_message)
}

/// What an HTTP request was answered.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("answer is not JSON ({e}): {self:?}"))
    }

    /// Code and message of the `google.rpc.Status` in the body, in the answer's own encoding.
    pub(crate) fn rpc_status(&self) -> (i64, String) {
        if self.content_type.starts_with("application/json") {
            let status = self.json();
            let message = status["message"].as_str().unwrap_or_default().to_owned();
            return (status["code"].as_i64().unwrap_or_default(), message);
        }
        let status = tonic_types::Status::decode(self.body.as_ref()).unwrap();
        (i64::from(status.code), status.message)
    }
}

/// Content type of OTLP in protobuf.
pub(crate) const PROTOBUF: &str = "application/x-protobuf";
/// Content type of OTLP/JSON.
pub(crate) const JSON: &str = "application/json";

/// An HTTP client that sends raw bodies.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Http {
    /// A client of `base`, such as `http://127.0.0.1:4318`.
    pub(crate) fn new(base: &str) -> Http {
        Http {
            client: reqwest::Client::new(),
            base: base.to_owned(),
            token: None,
        }
    }

    /// Sends `token` with each request.
    pub(crate) fn with_token(self, token: &str) -> Http {
        Http {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// Posts `body`, compressed as said, to the path of `signal`.
    pub(crate) async fn export(
        &self,
        signal: Signal,
        body: &[u8],
        content_type: &str,
        encoding: Encoding,
    ) -> HttpAnswer {
        let headers = encoding.name().map(|name| ("content-encoding", name));
        let headers: Vec<_> = headers
            .into_iter()
            .chain([("content-type", content_type)])
            .collect();
        self.post(&format!("/v1/{signal}"), encoding.apply(body), &headers)
            .await
    }

    /// Posts `body` as it is.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> HttpAnswer {
        self.try_post(path, body, headers).await.unwrap()
    }

    /// Posts `body` as it is; an error when the connection fails.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<HttpAnswer> {
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        self.finish(
            headers
                .iter()
                .fold(request, |request, (k, v)| request.header(*k, *v)),
        )
        .await
    }

    /// Gets `path`.
    pub(crate) async fn get(&self, path: &str) -> HttpAnswer {
        self.finish(self.client.get(format!("{}{path}", self.base)))
            .await
            .unwrap()
    }

    async fn finish(&self, mut request: reqwest::RequestBuilder) -> reqwest::Result<HttpAnswer> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Ok(HttpAnswer {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            body: response.bytes().await?,
        })
    }
}

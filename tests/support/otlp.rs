//! Telemetry for the tests: the recorded shop corpus with its truth, and ways to send requests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::{Buf, BufMut, Bytes};
use oriel_proto::Signal;
use serde_json::Value;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::Server;

/// The folder of recorded data.
pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

/// The recorded export requests of one signal, byte for byte as the SDKs sent them.
pub(crate) fn shop(signal: Signal) -> Vec<Bytes> {
    let packed = std::fs::read(data(&format!("shop/{signal}.binpb.zst"))).expect("the corpus");
    let mut rest = Bytes::from(zstd::decode_all(&*packed).expect("zstd"));
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let length = rest.get_u32() as usize;
        requests.push(rest.split_to(length));
    }
    requests
}

/// What is true of the shop corpus: shop/truth.json.
pub(crate) fn truth() -> &'static Value {
    static TRUTH: OnceLock<Value> = OnceLock::new();
    TRUTH.get_or_init(|| {
        let text = std::fs::read_to_string(data("shop/truth.json")).expect("the truth");
        serde_json::from_str(&text).expect("JSON")
    })
}

/// The integer at `pointer` (RFC 6901) of [`truth`], such as `/traces/spans`.
pub(crate) fn true_count(pointer: &str) -> i64 {
    let value = truth().pointer(pointer).and_then(Value::as_i64);
    value.unwrap_or_else(|| panic!("truth.json has no integer at {pointer}"))
}

/// The object at `pointer` of [`truth`] as counts, such as `/traces/spans_by_service`.
pub(crate) fn true_counts(pointer: &str) -> std::collections::BTreeMap<String, i64> {
    let value = truth().pointer(pointer).and_then(Value::as_object);
    let object = value.unwrap_or_else(|| panic!("truth.json has no object at {pointer}"));
    object
        .iter()
        .map(|(key, n)| (key.clone(), n.as_i64().expect("a count")))
        .collect()
}

/// Sends every request of the corpus by OTLP/HTTP; all must be accepted whole.
pub(crate) async fn send_shop(server: &Server) {
    for signal in Signal::ALL {
        for body in shop(signal) {
            let (status, answer) = post(server, signal, "application/x-protobuf", body).await;
            assert_eq!((status, &*answer), (200, &b""[..]), "{signal}");
        }
    }
}

/// `POST /v1/<signal>` on the OTLP/HTTP port: status and body.
pub(crate) async fn post(
    server: &Server,
    signal: Signal,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, Bytes) {
    let url = format!("{}/v1/{signal}", server.otlp_url());
    let request = reqwest::Client::new()
        .post(url)
        .header("content-type", content_type);
    let answer = server
        .authorized(request)
        .body(body)
        .send()
        .await
        .expect("an answer");
    (
        answer.status().as_u16(),
        answer.bytes().await.expect("a body"),
    )
}

/// A connection for [`export`]; many calls may share it.
pub(crate) async fn connect(server: &Server) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::new(format!("http://{}", server.grpc()));
    endpoint
        .expect("an address")
        .connect()
        .await
        .expect("a connection")
}

/// Calls `Export` of the signal's service with `body` as it is: the encoded answer, or the status.
pub(crate) async fn export(
    channel: &tonic::transport::Channel,
    signal: Signal,
    body: Bytes,
) -> Result<Bytes, tonic::Status> {
    let path = match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    };
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the channel is up");
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    let answer = client
        .unary(tonic::Request::new(body), path, RawCodec)
        .await?;
    Ok(answer.into_inner())
}

/// Messages as the bytes they are.
#[derive(Debug, Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = RawCodec;
    type Decoder = RawCodec;

    fn encoder(&mut self) -> RawCodec {
        RawCodec
    }

    fn decoder(&mut self) -> RawCodec {
        RawCodec
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

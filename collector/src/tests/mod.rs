//! A collector over a real store on real sockets, and clients for it.

mod grpc;
mod http;
mod live;
mod store;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use oriel_proto::{Signal, Token};
use oriel_storage::schema::Table;
use oriel_storage::{ContentEncoding, Store, SystemClock, TenantId};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Collector, Config, Exports, decode, serve_grpc, serve_http};

/// A collector that listens; ends when dropped.
struct Running {
    store: Store,
    collector: Collector,
    http: SocketAddr,
    grpc: SocketAddr,
    _stop: DropGuard,
    dir: tempfile::TempDir,
}

impl Running {
    /// Rows of `table`, in parts and buffers.
    fn rows(&self, table: Table) -> u64 {
        let snapshot = self.store.snapshot(&TenantId::default_tenant());
        let parts: u64 = snapshot.parts(table).iter().map(|part| part.rows).sum();
        let buffers: usize = snapshot
            .buffers(table)
            .iter()
            .map(|b| b.rows().num_rows())
            .sum();
        parts + buffers as u64
    }
}

/// Starts a collector with the defaults.
async fn start() -> Running {
    start_with(|_| {}, None).await
}

/// Starts a collector with settings that `change` makes.
async fn start_with(change: impl FnOnce(&mut Config), token: Option<&str>) -> Running {
    let mut config = Config::default();
    change(&mut config);
    let dir = tempfile::tempdir().unwrap();
    let settings = oriel_storage::Config {
        data_dir: dir.path().to_owned(),
        disk_free_min: bytesize::ByteSize::b(0),
        wal_segment_bytes: bytesize::ByteSize::mib(4),
        ..Default::default()
    };
    let store = Store::open(settings, Arc::new(SystemClock), decode::replay(1 << 30))
        .await
        .unwrap();
    let collector = Collector::new(config.clone(), store.clone(), token.map(Token::new));
    let stop = CancellationToken::new();
    let listen = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
    let (http, grpc) = (listen().await, listen().await);
    let running = Running {
        store,
        collector: collector.clone(),
        http: http.local_addr().unwrap(),
        grpc: grpc.local_addr().unwrap(),
        _stop: stop.clone().drop_guard(),
        dir,
    };
    let (router, limits) = (collector.http_router(), config.http_limits());
    let stopped = stop.clone();
    tokio::spawn(async move { serve_http(http, router, &limits, stopped).await });
    let (router, limits) = (collector.grpc_router(), config.http_limits());
    let exports = Exports::default();
    exports.open(&collector);
    tokio::spawn(async move { serve_grpc(grpc, router, exports, &limits, stop).await });
    running
}

/// What an HTTP/1 server said.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as a google.rpc.Status in protobuf.
    fn status_body(&self) -> tonic_types::pb::Status {
        assert_eq!(self.header("content-type"), Some("application/x-protobuf"));
        tonic_types::pb::Status::decode(&self.body[..]).unwrap()
    }
}

/// Sends one HTTP/1 request whose head is `head` (without the final empty line).
async fn send(addr: SocketAddr, head: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!("{head}host: test\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let end = reply
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let text = std::str::from_utf8(&reply[..end]).unwrap();
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            )
        })
        .collect();
    Reply {
        status,
        headers,
        body: reply[end + 4..].to_vec(),
    }
}

/// Posts `body` to `/v1/{signal}` with more `headers`, one a line.
async fn post(addr: SocketAddr, signal: Signal, headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "POST /v1/{signal} HTTP/1.1\r\n{headers}content-length: {}\r\n",
        body.len()
    );
    send(addr, &head, body).await
}

const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";
const JSON: &str = "content-type: application/json; charset=utf-8\r\n";

/// A request of `signal` with `count` records, in protobuf and in JSON; `seed` makes it unique.
fn request(signal: Signal, seed: u64, count: u64) -> (Vec<u8>, Vec<u8>) {
    let names = (0..count).map(|n| format!("record {seed}/{n}"));
    match signal {
        Signal::Traces => both(&traces(names.enumerate().map(|(n, name)| {
            let mut trace_id = vec![7; 16];
            trace_id[..8].copy_from_slice(&seed.to_be_bytes());
            let span_id = (n as u64 + 1).to_be_bytes().to_vec();
            Span {
                trace_id,
                span_id,
                name,
                start_time_unix_nano: 1,
                ..Default::default()
            }
        }))),
        Signal::Logs => {
            let log_records = names
                .map(|event_name| LogRecord {
                    event_name,
                    ..Default::default()
                })
                .collect();
            let scope_logs = vec![ScopeLogs {
                log_records,
                ..Default::default()
            }];
            let resource_logs = vec![ResourceLogs {
                scope_logs,
                ..Default::default()
            }];
            both(&ExportLogsServiceRequest { resource_logs })
        }
        Signal::Metrics => {
            let metrics = names
                .map(|name| {
                    let value = Some(number_data_point::Value::AsDouble(1.5));
                    let data_points = vec![NumberDataPoint {
                        value,
                        ..Default::default()
                    }];
                    let data = Some(metric::Data::Gauge(Gauge { data_points }));
                    Metric {
                        name,
                        data,
                        ..Default::default()
                    }
                })
                .collect();
            let scope_metrics = vec![ScopeMetrics {
                metrics,
                ..Default::default()
            }];
            let resource_metrics = vec![ResourceMetrics {
                scope_metrics,
                ..Default::default()
            }];
            both(&ExportMetricsServiceRequest { resource_metrics })
        }
    }
}

fn traces(spans: impl IntoIterator<Item = Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        spans: spans.into_iter().collect(),
        ..Default::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..Default::default()
    }];
    ExportTraceServiceRequest { resource_spans }
}

fn both(message: &(impl Message + serde::Serialize)) -> (Vec<u8>, Vec<u8>) {
    (
        message.encode_to_vec(),
        serde_json::to_vec(message).unwrap(),
    )
}

/// The name of an encoding in headers, and `plain` in it.
fn pack(encoding: ContentEncoding, plain: &[u8]) -> (&'static str, Vec<u8>) {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    match encoding {
        ContentEncoding::Identity => ("identity", plain.to_vec()),
        ContentEncoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).unwrap();
            ("gzip", encoder.finish().unwrap())
        }
        ContentEncoding::Zstd => ("zstd", zstd::encode_all(plain, 1).unwrap()),
        ContentEncoding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).unwrap();
            ("deflate", encoder.finish().unwrap())
        }
    }
}

const ENCODINGS: [ContentEncoding; 4] = [
    ContentEncoding::Identity,
    ContentEncoding::Gzip,
    ContentEncoding::Zstd,
    ContentEncoding::Deflate,
];

/// The table that holds the records of `signal`.
fn table(signal: Signal) -> Table {
    match signal {
        Signal::Traces => Table::Spans,
        Signal::Logs => Table::Logs,
        Signal::Metrics => Table::Metrics,
    }
}

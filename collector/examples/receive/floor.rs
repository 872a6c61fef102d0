//! What nobody who takes OTLP/gRPC with these crates can avoid: a server that reads each request's
//! bytes and answers, and does nothing with them but, if asked, make them durable.
//!
//! In: connections of the same client. `http`: our server (hyper, axum) with a route that reads the
//! body; `tonic`: tonic's own server with the same HTTP/2 settings and a codec of raw bytes; `…+log`:
//! the same behind one write and one fdatasync for each group of requests, grouped as the store's log
//! groups them. Out: empty answers.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use oriel_collector::serve_http;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::{EXPORT, Result};

/// As `oriel_storage::Config` has it.
const WINDOW: Duration = Duration::from_millis(2);
const LOG_BYTES: u64 = 64 << 20;

/// Serves `what` (`http`, `tonic`, each with `+log` or without) on `listener`, logging into `dir`.
pub(super) async fn serve(what: &str, dir: &Path, listener: TcpListener) -> Result<()> {
    let (server, log) = match what.split_once('+') {
        Some((server, "log")) => (server, Some(Log::start(dir)?)),
        None => (what, None),
        _ => return Err(format!("{what} is no floor").into()),
    };
    let limits = oriel_collector::Config::default().http_limits();
    match server {
        "http" => {
            let route = post(move |request: Request| take(log.clone(), request));
            let router = Router::new().route(EXPORT, route);
            Ok(serve_http(listener, router, &limits, CancellationToken::new()).await?)
        }
        "tonic" => {
            let route = post(move |request: Request| unary(log.clone(), request));
            let router = Router::new().route(EXPORT, route);
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            tonic::transport::Server::builder()
                .initial_stream_window_size(4 << 20)
                .initial_connection_window_size(16 << 20)
                .max_frame_size(128 << 10)
                .http2_keepalive_interval(Some(Duration::from_secs(20)))
                .add_routes(tonic::service::Routes::from(router))
                .serve_with_incoming(incoming.with_nodelay(Some(true)))
                .await?;
            Ok(())
        }
        _ => Err(format!("{what} is no floor").into()),
    }
}

async fn keep(log: Option<Arc<Log>>, bytes: Bytes) {
    if let Some(log) = log {
        let _ = log.append(bytes).await;
    }
}

/// One call as `receive::grpc` does it, without anything between.
async fn take(log: Option<Arc<Log>>, request: Request) -> Response {
    let body = request.into_body().collect().await;
    let bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
    keep(log, bytes).await;
    let mut trailers = HeaderMap::new();
    let status = HeaderName::from_static("grpc-status");
    trailers.insert(status, HeaderValue::from_static("0"));
    let body = Full::<Bytes>::from(&[0; 5][..]);
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

/// One call by tonic.
async fn unary(log: Option<Arc<Log>>, request: Request) -> http::Response<tonic::body::Body> {
    let call = tower::service_fn(move |request: tonic::Request<Bytes>| {
        let log = log.clone();
        async move {
            keep(log, request.into_inner()).await;
            Ok::<_, Status>(tonic::Response::new(Bytes::new()))
        }
    });
    tonic::server::Grpc::new(Raw).unary(call, request).await
}

/// Messages as they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

type Waiting = (Bytes, oneshot::Sender<()>);

/// A file that groups of requests are written to, round and round, and synced once a group.
#[derive(Debug)]
struct Log {
    queue: Mutex<(Vec<Waiting>, usize)>,
    wake: Condvar,
}

impl Log {
    /// Fills the file with zeros and starts the writer.
    fn start(dir: &Path) -> Result<Arc<Self>> {
        std::fs::create_dir_all(dir)?;
        let file = File::create(dir.join("floor.log"))?;
        let zeros = vec![0; LOG_BYTES as usize];
        file.write_all_at(&zeros, 0)?;
        file.sync_all()?;
        let log = Arc::new(Log {
            queue: Mutex::default(),
            wake: Condvar::new(),
        });
        let writer = Arc::clone(&log);
        std::thread::spawn(move || writer.run(&file));
        Ok(log)
    }

    async fn append(&self, bytes: Bytes) -> std::result::Result<(), oneshot::error::RecvError> {
        let (reply, durable) = oneshot::channel();
        let wake = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.0.push((bytes, reply));
            let wake = queue.1 > 0 && queue.0.len() >= queue.1;
            if wake {
                queue.1 = 0;
            }
            wake
        };
        if wake {
            self.wake.notify_one();
        }
        durable.await
    }

    fn run(&self, file: &File) {
        let (mut at, mut count, mut buffer) = (0, 1, Vec::new());
        loop {
            let group = self.group(count);
            count = group.len();
            buffer.clear();
            for (bytes, _) in &group {
                buffer.extend_from_slice(bytes);
            }
            if at + buffer.len() as u64 > LOG_BYTES {
                at = 0;
            }
            let written = file.write_all_at(&buffer, at);
            at += buffer.len() as u64;
            if written.and_then(|()| file.sync_data()).is_err() {
                return;
            }
            for (_, reply) in group {
                let _ = reply.send(());
            }
        }
    }

    /// What waits; where the last group had several, up to the window for as many again.
    fn group(&self, count: usize) -> Vec<Waiting> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.1 = 1;
        let wake = &self.wake;
        queue = wake
            .wait_while(queue, |queue| queue.0.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        queue.1 = count;
        let short = |queue: &mut (Vec<Waiting>, usize)| queue.0.len() < count;
        let waited = wake.wait_timeout_while(queue, WINDOW, short);
        queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        queue.1 = 0;
        std::mem::take(&mut queue.0)
    }
}

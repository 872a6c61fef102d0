//! Serves a router on a port: HTTP/1 and HTTP/2 without TLS, with limits that hold against slow
//! and greedy clients.
//!
//! Input: a bound listener, an axum router, and where OTLP/gRPC comes, a collector that exports go to
//! straight. Output: answered connections, until told to stop; requests that come by the router carry
//! `ConnectInfo<SocketAddr>`.
//! What holds against whom:
//! 1. a client that sends nothing, or half an HTTP/2 preface: `header_timeout` before the first
//!    24 bytes (hyper has no timer there);
//! 2. a client that dribbles HTTP/1 headers: hyper's header timer;
//! 3. a client that dribbles HTTP/2 headers, or is gone: it cannot answer our pings;
//! 4. too many connections: closed at once; too many streams: refused by HTTP/2 itself.
//!
//! The bodies are a matter of the routes.

use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use futures::{TryFutureExt, future};
use http_body_util::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ingest::Ingest;
use crate::receive::grpc;
use crate::{Collector, Result};

/// Streams of one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// Bytes that one stream, and one connection, may send ahead of us.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Largest HTTP/2 frame we take.
const FRAME_MAX: u32 = 128 << 10;
/// Largest header block, for long tokens and baggage.
const HEADERS_MAX: u32 = 64 << 10;
/// HTTP/2 pings: how often, and how long the answer may take.
const PING: Duration = Duration::from_secs(20);
/// Pause after a failed accept, which is mostly "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What an HTTP/2 client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Limits of one port.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpLimits {
    /// Connections at once; more are closed as they come.
    pub connections_max: usize,
    /// How long the first header of a connection, and every HTTP/1 header after it, may take.
    pub header_timeout: Duration,
    /// How long requests may take to finish after `shutdown`.
    pub shutdown_timeout: Duration,
}

/// The short way of OTLP/gRPC exports into a collector, past the routers of a port: what they cost is
/// a tenth of a small request. A way that is not open yet leaves exports to the router.
#[derive(Debug, Clone, Default)]
pub struct Exports(Arc<OnceLock<Arc<Ingest>>>);

impl Exports {
    /// Lets exports go to `collector`.
    pub fn open(&self, collector: &Collector) {
        let _ = self.0.set(Arc::clone(collector.ingest()));
    }
}

/// Serves `router` on `listener` until `shutdown`, then finishes the requests that are under way.
///
/// Errors: none at present; a failed accept is logged and tried again.
/// Cancel safety: dropped, all its connections are cut.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: &HttpLimits,
    shutdown: CancellationToken,
) -> Result<()> {
    serve_grpc(listener, router, Exports::default(), limits, shutdown).await
}

/// The same, with OTLP/gRPC exports going to `exports` once that is open.
///
/// Errors and cancel safety: as for [`serve_http`].
pub async fn serve_grpc(
    listener: TcpListener,
    router: Router,
    exports: Exports,
    limits: &HttpLimits,
    shutdown: CancellationToken,
) -> Result<()> {
    let builder = Arc::new(builder(limits.header_timeout));
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            metrics::counter!("oriel_refused_connections_total").increment(1);
            tracing::warn!(
                connections_max = limits.connections_max,
                "too many connections"
            );
            continue;
        };
        let connection = Connection {
            stream,
            peer,
            place,
            builder: Arc::clone(&builder),
            router: router.clone(),
            exports: exports.clone(),
            watcher: graceful.watcher(),
        };
        connections.spawn(connection.serve(limits.header_timeout, shutdown.clone()));
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests did not finish within shutdown_timeout and are cut");
    }
    connections.shutdown().await;
    Ok(())
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// One accepted connection.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    exports: Exports,
    watcher: Watcher,
}

impl Connection {
    /// Serves the connection to its end.
    async fn serve(mut self, header_timeout: Duration, shutdown: CancellationToken) {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = self.stream.set_nodelay(true);
        let first = tokio::select! {
            first = tokio::time::timeout(header_timeout, first_bytes(&mut self.stream)) => first,
            () = shutdown.cancelled() => return,
        };
        let first = match first {
            Ok(Ok(first)) => first,
            Ok(Err(error)) => return tracing::debug!(%error, "connection ended early"),
            Err(_) => return tracing::debug!("connection sent no header within header_timeout"),
        };
        let (read, write) = self.stream.into_split();
        let io = TokioIo::new(tokio::io::join(Cursor::new(first).chain(read), write));
        let (routes, exports) = (TowerToHyperService::new(self.router), self.exports);
        let peer = self.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(ingest) = exports.0.get()
                && let Some(signal) = grpc::exported(&request)
            {
                let ingest = Arc::clone(ingest);
                // In a box, since hyper moves what it is given, and this is large.
                let answer = Box::pin(async move {
                    let answer = grpc::export(&ingest, signal, Some(peer), request).await;
                    Ok(answer.map(Either::Left))
                });
                return future::Either::Left(answer);
            }
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = routes.call(request);
            future::Either::Right(answer.map_ok(|answer| answer.map(Either::Right)))
        });
        let connection = self.builder.serve_connection(io, service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(error, "connection ended");
        }
        drop(self.place);
    }
}

/// Reads until it is clear whether the client speaks HTTP/2, which is what hyper waits for.
async fn first_bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        let mut rest = (&mut *stream).take((PREFACE.len() - first.len()) as u64);
        if rest.read_buf(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::mpsc;

    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    /// Serves `router` with these limits; gives back the address, what stops it, and its end.
    async fn start(
        router: Router,
        limits: HttpLimits,
    ) -> (
        SocketAddr,
        CancellationToken,
        tokio::task::JoinHandle<Result<()>>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let end = tokio::spawn(async move { serve_http(listener, router, &limits, stopped).await });
        (addr, stop, end)
    }

    fn limits() -> HttpLimits {
        HttpLimits {
            connections_max: 10,
            header_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(60),
        }
    }

    /// Sends `bytes`, then reads until the server closes.
    async fn say(addr: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Scenario: clients that send nothing, a part of a header, and a part of HTTP/2's preface.
    /// Guarantees: each is closed after `header_timeout`.
    #[tokio::test]
    async fn closes_silent_connections() {
        let limits = HttpLimits {
            header_timeout: SOON,
            ..limits()
        };
        let (addr, _stop, _end) = start(Router::new(), limits).await;
        for part in [
            &b""[..],
            b"GET / HT",
            b"POST /v1/traces HTTP/1.1\r\nhost: a\r\n",
            b"PRI * H",
        ] {
            let reply = say(addr, part).await;
            assert!(!reply.starts_with("HTTP/1.1 200"), "{reply}");
        }
    }

    /// Scenario: two connections where one is allowed; then the first one leaves.
    /// Guarantees: the second is closed at once; a place that was left is given again.
    #[tokio::test]
    async fn closes_connections_over_the_limit() {
        let limits = HttpLimits {
            connections_max: 1,
            ..limits()
        };
        let router = Router::new().route("/", get(|| async { "hello" }));
        let (addr, _stop, _end) = start(router, limits).await;
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let mut first = TcpStream::connect(addr).await.unwrap();
        first.write_all(b"G").await.unwrap();
        assert_eq!(say(addr, request).await, "");
        first.write_all(&request[1..]).await.unwrap();
        let mut reply = String::new();
        first.read_to_string(&mut reply).await.unwrap();
        assert!(reply.ends_with("hello"), "{reply}");
        // The place is free once the server has seen the end, which it may do after us.
        for _ in 0..100 {
            if say(addr, request).await.ends_with("hello") {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the place was not given again");
    }

    /// Scenario: the server is stopped while one request is under way and one connection is idle.
    /// Guarantees: the request is answered, the idle one closed, no new one taken; then it ends.
    #[tokio::test]
    async fn finishes_requests_when_stopped() {
        let (entered, mut enter) = mpsc::channel::<()>(1);
        let leave = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&leave);
        let handler = move || async move {
            entered.send(()).await.unwrap();
            gate.acquire().await.unwrap().forget();
            "done"
        };
        let (addr, stop, end) = start(Router::new().route("/", get(handler)), limits()).await;
        let idle = tokio::spawn(async move { say(addr, b"").await });
        let slow =
            tokio::spawn(async move { say(addr, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await });
        enter.recv().await.unwrap();
        stop.cancel();
        assert_eq!(idle.await.unwrap(), "");
        leave.add_permits(1);
        assert!(slow.await.unwrap().ends_with("done"));
        end.await.unwrap().unwrap();
        assert!(TcpStream::connect(addr).await.is_err());
    }

    /// Scenario: a request that never ends, and a stop with a deadline.
    /// Guarantees: the server ends at the deadline.
    #[tokio::test]
    async fn cuts_requests_at_the_deadline() {
        let (entered, mut enter) = mpsc::channel::<()>(1);
        let handler = move || async move {
            entered.send(()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let limits = HttpLimits {
            shutdown_timeout: SOON,
            ..limits()
        };
        let (addr, stop, end) = start(Router::new().route("/", get(handler)), limits).await;
        let slow =
            tokio::spawn(async move { say(addr, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await });
        enter.recv().await.unwrap();
        stop.cancel();
        end.await.unwrap().unwrap();
        assert_eq!(slow.await.unwrap(), "");
    }
}

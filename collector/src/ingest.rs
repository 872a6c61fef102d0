//! The flow of one export call, in one function: admit, read, inflate, claim, decode, append.
//!
//! Input: a [`Call`] and its body from `receive`. Output: the answer, or an error for `respond`.
//! An answer means: decoded, durable, visible, and remembered, so that a retry is stored once.
//! Nothing blocks an async thread for long: what may take more than about half a millisecond of
//! CPU runs on the blocking pool, on at most as many threads as there are cores.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oriel_proto::{Signal, Token};
use oriel_storage::{
    Answer, Appended, Batch, Claim, Claimed, Clock, ContentEncoding, ContentType, Decode, Frame,
    FrameHeader, RequestHash, Store, SystemClock, TenantId,
};
use tokio::sync::Semaphore;

use crate::admit::{Budget, Permit};
use crate::decode::{DECODER_VERSION, DecodeError, Decoded, Decoder};
use crate::figures::Figures;
use crate::inflate::{InflateError, inflate_within};
use crate::live::Live;
use crate::live::sender::{Seen, Sender};
use crate::receive::{Call, Incoming, Payload, Transport, read};
use crate::{Config, Error, Result};

/// Plain bodies up to this size are hashed in place, which takes a tenth of a millisecond at most.
const INLINE_HASH: usize = 1 << 20;
/// Compressed payloads up to this size are inflated in place, as long as they inflate to no more than
/// [`INLINE_PLAIN`]; plain bodies up to that size are decoded in place.
const INLINE_PAYLOAD: usize = 32 << 10;
const INLINE_PLAIN: usize = 192 << 10;

/// Plain protobuf bodies up to this size are decoded with others that wait for the log.
const JOINT_PLAIN: usize = 16 << 10;

/// Longest text of a partial success; the rest helps nobody.
const MESSAGE_MAX: usize = 2000;

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Ingest {
    config: Config,
    store: Store,
    token: Option<Token>,
    tenant: TenantId,
    decoder: Arc<Decoder>,
    budget: Arc<Budget>,
    /// One permit a core.
    cores: Arc<Semaphore>,
    clock: SystemClock,
    live: Arc<Live>,
    figures: Figures,
}

/// Whether a request is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Once {
    First,
    Again,
}

/// A body, decompressed, and its identity.
struct Plain {
    bytes: Bytes,
    hash: RequestHash,
    permit: Permit,
}

impl Ingest {
    /// The flow into `store`.
    pub(crate) fn new(config: Config, store: Store, token: Option<Token>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Ingest {
            decoder: Arc::new(Decoder::new(store.schemas())),
            budget: Budget::new(
                bytes(config.in_flight_bytes_max),
                bytes(config.tenant_in_flight_bytes_max()),
            ),
            cores: Arc::new(Semaphore::new(cores)),
            tenant: TenantId::default_tenant(),
            clock: SystemClock,
            live: Arc::default(),
            figures: Figures::new(),
            config,
            store,
            token,
        }
    }

    /// What arrives.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Bytes of requests that are worked on.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.budget.used()
    }

    /// The token that calls must carry.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// How long a refused client is asked to wait.
    pub(crate) fn retry_after(&self) -> Duration {
        self.config.retry_after
    }

    /// Whether exports would be taken now.
    pub(crate) fn is_writable(&self) -> bool {
        self.store.check_writable(0).is_ok()
    }

    /// Whether `call` may send its body. Errors: `TooLarge`, `Overloaded`, `Store`.
    pub(crate) fn check(&self, call: &Call) -> Result<()> {
        let declared = call.declared.unwrap_or(0);
        let max = bytes(self.config.body_bytes_max);
        if declared > max {
            return Err(Error::TooLarge { max });
        }
        self.store.check_writable(declared)?;
        self.budget.admit(&self.tenant, declared).map(drop)
    }

    /// Takes the export `call` of `sender` with its `body`.
    ///
    /// Returns what to answer once all rows that were accepted are durable and visible.
    /// Errors: nothing of the call is stored, except that of a call cut while it was logged
    /// (`Store::append`); a retry of that one is recognised.
    pub(crate) async fn ingest(
        &self,
        call: Call,
        sender: Sender<'_>,
        body: &mut impl Incoming,
    ) -> Result<Answer> {
        let started = Instant::now();
        let encoding = match call.transport {
            Transport::Http => call.content_encoding,
            // Until the flag before the message was read.
            Transport::Grpc => ContentEncoding::Identity,
        };
        let mut seen = Seen::new(Bytes::new(), encoding);
        let outcome = self.flow(call, body, &mut seen).await;
        let figures = self.figures.of(call.signal);
        figures
            .calls(call.transport)
            .seconds
            .record(started.elapsed());
        match outcome {
            Ok((answer, Once::Again)) => {
                figures.calls(call.transport).stored(&answer);
                Ok(answer)
            }
            Ok((answer, Once::First)) => {
                figures.calls(call.transport).stored(&answer);
                if answer.rejected > 0 {
                    let now = self.clock.now();
                    let record = sender.refused_in_part(now, &answer, &seen);
                    self.live.refused_in_part(record);
                }
                Ok(answer)
            }
            Err(error) => {
                self.refuse(sender, &seen, &error);
                Err(error)
            }
        }
    }

    async fn flow(
        &self,
        call: Call,
        body: &mut impl Incoming,
        seen: &mut Seen,
    ) -> Result<(Answer, Once)> {
        // Bytes count as they arrive: what is only declared must not keep others out.
        let mut permit = self.budget.admit(&self.tenant, 0)?;
        let max = bytes(self.config.body_bytes_max);
        let mut arrived = Bytes::new();
        let read = read(
            &call,
            body,
            max,
            self.config.body_timeout,
            &mut permit,
            &mut arrived,
        )
        .await;
        *seen = match &read {
            Ok(payload) => Seen::new(payload.bytes.clone(), payload.encoding),
            Err(_) => Seen::new(arrived, seen.encoding),
        };
        let payload = read?;
        let figures = self.figures.of(call.signal);
        figures.bytes.increment(payload.bytes.len() as u64);
        let received_at = self.clock.now();
        let plain = self.inflate(call.signal, &payload, permit).await?;
        let claimed = match self.store.claim(plain.hash).await? {
            Claim::New(claimed) => claimed,
            Claim::Duplicate(answer) => {
                metrics::counter!("oriel_duplicate_requests_total", "signal" => call.signal.as_str())
                    .increment(1);
                self.live.known(payload.bytes.len());
                return Ok((answer, Once::Again));
            }
        };
        let header = FrameHeader {
            tenant: self.tenant.clone(),
            signal: call.signal,
            content_type: call.content_type,
            content_encoding: payload.encoding,
            decoder_version: DECODER_VERSION,
            received_at,
            request_hash: claimed.hash(),
        };
        let (size, payload) = (payload.bytes.len(), payload.bytes);
        let frame = Frame { header, payload };
        let (answer, rows) = self.store_once(claimed, frame, plain).await?;
        self.live.stored(call.signal, received_at, size, &rows);
        Ok((answer, Once::First))
    }

    /// Decodes and stores a request that is new. Small ones are decoded with others when the log takes
    /// them, or come back from there to be decoded alone, as large ones are.
    async fn store_once(
        &self,
        mut claimed: Claimed,
        mut frame: Frame,
        plain: Plain,
    ) -> Result<(Answer, Vec<(Batch, Range<usize>)>)> {
        let signal = frame.header.signal;
        let records = &self.figures.of(signal).records;
        let protobuf = frame.header.content_type == ContentType::Protobuf;
        if protobuf && plain.bytes.len() <= JOINT_PLAIN {
            let decoder: Arc<dyn Decode> = Arc::<Decoder>::clone(&self.decoder);
            let bytes = plain.bytes.clone();
            let appended = self.store.append_plain(claimed, frame, bytes, decoder);
            match appended.await? {
                Appended::Stored(batch, rows, answer) => {
                    records.increment(rows.len() as u64);
                    count_faults(signal, answer.rejected, 0);
                    return Ok((answer, vec![(batch, rows)]));
                }
                Appended::Alone(claim, alone) => (claimed, frame) = (claim, alone),
            }
        }
        let (decoded, _permit) = self.decode(&frame.header, plain).await?;
        records.increment(decoded.accepted);
        count_faults(signal, decoded.rejected, decoded.repaired);
        let answer = Answer {
            rejected: decoded.rejected,
            message: shorten(decoded.message),
        };
        let batches = decoded.batches;
        let all = |batch: &Batch| (batch.clone(), 0..batch.rows().num_rows());
        let rows = batches.iter().map(all).collect();
        if !batches.is_empty() {
            self.store
                .append(claimed, frame, batches, answer.clone())
                .await?;
        }
        Ok((answer, rows))
    }

    /// Decompresses and hashes a payload.
    async fn inflate(&self, signal: Signal, payload: &Payload, permit: Permit) -> Result<Plain> {
        let max = bytes(self.config.body_bytes_max);
        let (encoding, body) = (payload.encoding, payload.bytes.clone());
        let mut permit = permit;
        let (inline, small) = match encoding {
            ContentEncoding::Identity => (INLINE_HASH, max),
            _ => (INLINE_PAYLOAD, max.min(INLINE_PLAIN)),
        };
        if body.len() <= inline {
            let mut grow = |more| permit.grow(more).is_ok();
            match inflate_within(encoding, &body, small, &mut grow) {
                // Larger than it looks: again, off the async threads.
                Err(InflateError::TooLarge { .. }) if small < max => {}
                plain => {
                    let bytes = whole(&body, plain?);
                    let hash = self.store.request_hash(&self.tenant, signal, &bytes);
                    return Ok(Plain {
                        bytes,
                        hash,
                        permit,
                    });
                }
            }
        }
        let (store, tenant) = (self.store.clone(), self.tenant.clone());
        let inflate = move || {
            let mut grow = |more| permit.grow(more).is_ok();
            let bytes = whole(&body, inflate_within(encoding, &body, max, &mut grow)?);
            let hash = store.request_hash(&tenant, signal, &bytes);
            Ok(Plain {
                bytes,
                hash,
                permit,
            })
        };
        self.on_a_core(inflate).await?
    }

    /// Decodes a plain body; the permit comes back, since the payload is still in memory.
    async fn decode(&self, header: &FrameHeader, plain: Plain) -> Result<(Decoded, Permit)> {
        let decoder = Arc::clone(&self.decoder);
        let (signal, content_type) = (header.signal, header.content_type);
        let received_at = header.received_at;
        let small = plain.bytes.len() <= INLINE_PLAIN;
        let decode = move || {
            let decoded = decoder.decode(signal, content_type, &plain.bytes, received_at)?;
            Ok((decoded, plain.permit))
        };
        match small {
            true => caught(decode)?,
            false => self.on_a_core(decode).await?,
        }
    }

    /// Runs `work` on the blocking pool, when a core is free.
    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let cores = Arc::clone(&self.cores);
        let core = cores.acquire_owned().await.map_err(|_| Error::Stopping)?;
        let work = move || {
            // Moved in: a call that is given up keeps its core until its work ends.
            let _core = core;
            caught(work)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Stopping)?
    }

    /// Records a call that is refused for its head.
    pub(crate) async fn refuse_unread(
        &self,
        sender: Sender<'_>,
        body: &mut impl Incoming,
        error: &Error,
    ) {
        let seen = sender.look_at(body, error).await;
        self.refuse(sender, &seen, error);
    }

    /// Counts and records, and where somebody should look, logs, a call that was refused.
    fn refuse(&self, sender: Sender<'_>, seen: &Seen, error: &Error) {
        let (signal, transport) = (sender.signal, sender.transport);
        let transport_name = transport.as_str();
        self.live
            .refused(sender.refused(self.clock.now(), error, seen));
        match error {
            Error::TooLarge { .. } | Error::Decode(DecodeError::TooLarge(_)) | Error::Poison(_) => {
                tracing::warn!(%signal, transport = transport_name, %error, "request refused, its sender drops it");
            }
            _ => {
                tracing::debug!(%signal, transport = transport_name, %error, "request refused");
            }
        }
        metrics::counter!("oriel_rejected_requests_total", "reason" => error.reason()).increment(1);
        let calls = self.figures.of(signal).calls(transport);
        calls.refused.increment(1);
    }
}

/// `setting` as a size in memory.
fn bytes(setting: bytesize::ByteSize) -> usize {
    usize::try_from(setting.as_u64()).unwrap_or(usize::MAX)
}

/// The bytes of `plain`; those of `body` itself, without a copy, when it was not compressed.
fn whole(body: &Bytes, plain: std::borrow::Cow<'_, [u8]>) -> Bytes {
    match plain {
        std::borrow::Cow::Borrowed(_) => body.clone(),
        std::borrow::Cow::Owned(plain) => Bytes::from(plain),
    }
}

/// Runs `work`; a panic in it is a fault of ours that the same bytes would meet again.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no text");
        tracing::error!(
            panic = text,
            "decoding a request panicked; the request is refused"
        );
        Error::Poison(format!("a fault in oriel, please report it: {text}"))
    })
}

/// `message`, cut to [`MESSAGE_MAX`] bytes.
fn shorten(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_MAX));
        message.push('…');
    }
    message
}

/// Counts what was wrong with the records of a request.
fn count_faults(signal: Signal, rejected: u64, repaired: u64) {
    let signal = signal.as_str();
    if rejected > 0 {
        metrics::counter!("oriel_rejected_records_total", "signal" => signal, "reason" => "invalid")
            .increment(rejected);
    }
    if repaired > 0 {
        metrics::counter!("oriel_repaired_utf8_values_total", "signal" => signal)
            .increment(repaired);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: work that panics with a text, and work that does not.
    /// Guarantees: a panic becomes an error that names it; the process goes on.
    #[test]
    fn catches_panics() {
        assert!(matches!(caught(|| 1), Ok(1)));
        let error = caught(|| panic!("index {}", 7)).unwrap_err();
        assert!(
            matches!(&error, Error::Poison(text) if text.contains("index 7")),
            "{error}"
        );
    }

    /// Scenario: a message with a two-byte letter across the limit.
    /// Guarantees: it is cut at a letter, not inside one.
    #[test]
    fn shortens_at_a_letter() {
        let long = format!("a{}", "é".repeat(MESSAGE_MAX));
        let short = shorten(long);
        assert!(short.len() <= MESSAGE_MAX + '…'.len_utf8() && short.ends_with("é…"));
        assert_eq!(shorten("fine".to_owned()), "fine");
    }
}

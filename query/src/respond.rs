//! Rows on their way to a client, in the format that it asked for.
//!
//! In: pieces of an answer. Out: the body of a response, made as the client reads it; dropped with
//! the connection, which cancels what makes the pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;

use crate::error::{Code, Error};
use crate::execute::{Answer, Piece};
use crate::receipt::Receipt;
use crate::result::{Encoder, Format};

/// Trailer that carries the receipt of formats that have no place for it (CSV).
const RECEIPT_TRAILER: HeaderName = HeaderName::from_static("oriel-receipt");

/// Rows on their way: dropped, what makes them is cancelled.
pub(crate) struct Flow {
    /// Their columns.
    pub(crate) schema: SchemaRef,
    /// Rows, then one end or failure.
    pub(crate) pieces: BoxStream<'static, Piece>,
    /// Set when no more rows are wanted: the end then follows soon.
    pub(crate) cut: Arc<AtomicBool>,
}

impl Flow {
    /// The rows of one query.
    pub(crate) fn of(answer: Answer) -> Flow {
        let (schema, cut) = (Arc::clone(&answer.schema), answer.cutter());
        let pieces = futures::stream::unfold(answer, |mut answer| async move {
            let piece = answer.next().await?;
            Some((piece, answer))
        });
        Flow {
            schema,
            pieces: pieces.boxed(),
            cut,
        }
    }
}

/// The response to `flow`: its status waits for the first rows, so that most errors have one.
pub(crate) async fn respond(
    mut flow: Flow,
    format: Format,
    bytes_max: u64,
) -> Result<Response, Error> {
    let (encoder, start) = Encoder::start(format, &flow.schema)?;
    let first = match flow.pieces.next().await {
        Some(Piece::Failed(error)) => return Err(error),
        first => first,
    };
    let body = Writing {
        flow,
        encoder: Some(encoder),
        first,
        start,
        bytes_left: bytes_max,
    };
    let frames = futures::stream::unfold(body, |mut writing| async move {
        let frame = writing.frame().await?;
        Some((frame, writing))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if format == Format::Csv {
        headers.insert(
            http::header::TRAILER,
            HeaderValue::from_static("oriel-receipt"),
        );
    }
    Ok(response)
}

/// A body on its way: dropped with the connection, which cancels the query.
struct Writing {
    flow: Flow,
    encoder: Option<Encoder>,
    first: Option<Piece>,
    start: Vec<u8>,
    bytes_left: u64,
}

impl Writing {
    /// The next frame; `None` after the last.
    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        loop {
            if !self.start.is_empty() {
                return Some(Ok(data(std::mem::take(&mut self.start))));
            }
            self.encoder.as_ref()?;
            let piece = match self.first.take() {
                Some(piece) => Some(piece),
                None => self.flow.pieces.next().await,
            };
            match piece {
                Some(Piece::Rows(rows)) if self.bytes_left > 0 => {
                    let encoded = self.encoder.as_mut()?.rows(&rows);
                    match encoded {
                        Ok(bytes) if bytes.is_empty() => {}
                        Ok(bytes) => {
                            self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
                            if self.bytes_left == 0 {
                                self.flow.cut.store(true, Ordering::Relaxed);
                            }
                            return Some(Ok(data(bytes)));
                        }
                        Err(error) => return self.failed(error),
                    }
                }
                // Rows on their way when the answer was cut.
                Some(Piece::Rows(_)) => {}
                Some(Piece::End(receipt)) => return self.end(&receipt),
                Some(Piece::Failed(error)) => return self.failed(error),
                None => return self.failed(Error::new(Code::Internal, "the query stopped")),
            }
        }
    }

    fn end(&mut self, receipt: &Receipt) -> Option<Result<Frame<Bytes>, Error>> {
        let encoder = self.encoder.take()?;
        let mut trailers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&json!(receipt).to_string())
            && matches!(encoder, Encoder::Csv(_))
        {
            trailers.insert(RECEIPT_TRAILER, value);
            return Some(Ok(Frame::trailers(trailers)));
        }
        Some(encoder.end(receipt).map(data))
    }

    fn failed(&mut self, error: Error) -> Option<Result<Frame<Bytes>, Error>> {
        let encoder = self.encoder.take()?;
        Some(match encoder.failed(&error) {
            Some(bytes) => Ok(data(bytes)),
            None => Err(error),
        })
    }
}

fn data(bytes: Vec<u8>) -> Frame<Bytes> {
    Frame::data(Bytes::from(bytes))
}

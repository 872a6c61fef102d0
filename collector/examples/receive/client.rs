//! A client of OTLP/gRPC that costs next to nothing, so that the two cores are the server's: one
//! connection of HTTP/2, one unary call at a time.
//!
//! In: requests, framed for gRPC. Out: whether each was answered OK. Headers and message leave in one
//! write, as those of grpc-go do; or in two, as hyper's client (tonic, the Rust SDK) has it, which
//! costs a server a second wake-up, read and TCP acknowledgement a request.
//! The answer's headers are not decoded: one without a message is a refusal.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{EXPORT, Result};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    /// Id of the next stream.
    next: u32,
    /// What may be sent before the server says more.
    window: usize,
    frame_max: usize,
    gzip: bool,
    /// Headers and message in two writes.
    split: bool,
}

impl Client {
    /// Connects; the server's limits are known then.
    pub(super) async fn connect(port: u16, gzip: bool, split: bool) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut client = Client {
            stream,
            input: BytesMut::with_capacity(16 << 10),
            output: BytesMut::new(),
            next: 1,
            window: 65_535,
            frame_max: 16 << 10,
            gzip,
            split,
        };
        client.output.put_slice(PREFACE);
        client.frame(SETTINGS, 0, 0, &[]);
        client.flush().await?;
        // Settings, the acknowledgement of ours, and the window of the connection.
        for _ in 0..3 {
            client.receive().await?;
        }
        client.flush().await?;
        Ok(client)
    }

    /// Sends `message`, and waits for the answer.
    pub(super) async fn call(&mut self, message: &Bytes) -> Result<()> {
        let id = self.next;
        self.next += 2;
        while self.window < message.len() {
            self.receive().await?;
        }
        self.window -= message.len();
        let headers = headers(self.gzip, id == 1);
        self.frame(HEADERS, END_HEADERS, id, &headers);
        if self.split {
            self.flush().await?;
            tokio::task::yield_now().await;
        }
        let mut rest = &message[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(self.frame_max));
            let flags = if after.is_empty() { END_STREAM } else { 0 };
            self.frame(DATA, flags, id, piece);
            rest = after;
        }
        self.flush().await?;
        let mut answered = false;
        loop {
            let (kind, flags, of) = self.receive().await?;
            if of != id {
                continue;
            }
            answered |= kind == DATA;
            match kind {
                RST_STREAM => return Err("the stream was reset".into()),
                DATA | HEADERS if flags & END_STREAM != 0 => break,
                _ => {}
            }
        }
        match answered {
            true => Ok(()),
            false => Err("refused".into()),
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.output.put_uint(payload.len() as u64, 3);
        self.output.put_slice(&[kind, flags]);
        self.output.put_u32(stream);
        self.output.put_slice(payload);
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.stream.write_all_buf(&mut self.output).await?)
    }

    /// The next frame: kind, flags and stream. What concerns the connection is done.
    async fn receive(&mut self) -> Result<(u8, u8, u32)> {
        let whole = |input: &BytesMut| {
            let mut head = input.get(..FRAME_HEADER)?;
            let length = head.get_uint(3) as usize;
            (input.len() >= FRAME_HEADER + length).then_some(length)
        };
        let length = loop {
            match whole(&self.input) {
                Some(length) => break length,
                None if self.stream.read_buf(&mut self.input).await? == 0 => {
                    return Err("the server has closed".into());
                }
                None => {}
            }
        };
        self.input.advance(3);
        let (kind, flags, stream) = (
            self.input.get_u8(),
            self.input.get_u8(),
            self.input.get_u32(),
        );
        let mut payload = self.input.split_to(length);
        match kind {
            SETTINGS if flags & ACK == 0 => {
                while payload.len() >= 6 {
                    let (setting, value) = (payload.get_u16(), payload.get_u32());
                    if setting == 5 {
                        self.frame_max = value as usize;
                    }
                }
                self.frame(SETTINGS, ACK, 0, &[]);
            }
            PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
            WINDOW_UPDATE if stream == 0 => self.window += payload.get_u32() as usize,
            GOAWAY => return Err("the server goes away".into()),
            _ => {}
        }
        Ok((kind, flags, stream))
    }
}

/// What a call says besides its method and scheme. None is longer than 126 bytes.
fn said(gzip: bool) -> Vec<(&'static str, &'static str)> {
    let mut said = vec![
        (":path", EXPORT),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "oriel-receive"),
    ];
    if gzip {
        said.push(("grpc-encoding", "gzip"));
    }
    said
}

/// The header block (HPACK, RFC 7541) of a call: POST and http by the static table, then what is
/// said, by the connection's own table, which the `first` call puts it into.
fn headers(gzip: bool, first: bool) -> Vec<u8> {
    const LITERAL: u8 = 0x40;
    const INDEXED: u8 = 0x80;
    /// Of the newest entry.
    const INDEX: u8 = 62;
    let mut block = vec![INDEXED | 3, INDEXED | 6];
    let said = said(gzip);
    for (at, (name, value)) in said.iter().enumerate() {
        if !first {
            block.push(INDEXED | (INDEX + (said.len() - 1 - at) as u8));
            continue;
        }
        block.push(LITERAL);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

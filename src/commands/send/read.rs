//! Reads recorded export requests from files, one at a time.
//!
//! `.binpb`: each request after its length, 4 bytes, big-endian. `.json`: one OTLP/JSON request.
//! `.jsonl`: one a line. Each also behind `.zst`. Memory is bounded by the largest request.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use oriel_proto::Signal;
use serde_json::Value;

/// Largest request that is read; a greater length means that the file is something else.
const REQUEST_BYTES_MAX: usize = 1 << 30;

/// How the requests of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Protobuf.
    Protobuf,
    /// OTLP/JSON.
    Json,
}

/// One export request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Of which signal.
    pub(crate) signal: Signal,
    /// In which format.
    pub(crate) format: Format,
    /// Its bytes.
    pub(crate) body: Bytes,
}

impl Request {
    /// Spans, log records or data points in it.
    pub(crate) fn records(&self) -> u64 {
        match self.format {
            Format::Protobuf => records_protobuf(self.signal, &self.body),
            Format::Json => serde_json::from_slice(&self.body)
                .map_or(0, |value| records_json(self.signal, &value)),
        }
    }
}

/// The requests of one file, in order.
pub(crate) struct Requests {
    shown: String,
    signal: Option<Signal>,
    kind: Kind,
    reader: Box<dyn BufRead + Send>,
    count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frames,
    Document,
    Lines,
}

impl Requests {
    /// Opens `path`. The signal is `signal`, else what the file's name says, else (JSON) what the
    /// request says.
    ///
    /// Errors: unreadable, of no known kind, a `.binpb` whose signal nothing tells.
    pub(crate) fn open(path: &Path, signal: Option<Signal>) -> Result<Requests> {
        let shown = path.display().to_string();
        std::fs::metadata(path).with_context(|| format!("reading {shown}"))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (name, packed) = match name.strip_suffix(".zst") {
            Some(inner) => (inner, true),
            None => (&*name, false),
        };
        let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("binpb") => Kind::Frames,
            Some("json") => Kind::Document,
            Some("jsonl" | "ndjson") => Kind::Lines,
            _ => bail!("{shown}: not a .binpb, .json or .jsonl file (nor one of these as .zst)"),
        };
        let named = || {
            Signal::ALL
                .into_iter()
                .find(|signal| name.contains(signal.as_str()))
        };
        let signal = signal.or_else(named);
        if kind == Kind::Frames && signal.is_none() {
            bail!("{shown}: the name does not tell the signal; add --signal traces|logs|metrics");
        }
        let file = File::open(path).with_context(|| format!("opening {shown}"))?;
        let reader: Box<dyn BufRead + Send> = match packed {
            true => Box::new(BufReader::new(zstd::Decoder::new(file)?)),
            false => Box::new(BufReader::new(file)),
        };
        Ok(Requests {
            shown,
            signal,
            kind,
            reader,
            count: 0,
        })
    }

    /// The next request, `None` at the end.
    fn read(&mut self) -> Result<Option<Request>> {
        match self.kind {
            Kind::Frames => {
                let Some(body) = self.frame()? else {
                    return Ok(None);
                };
                let signal = self.signal.expect("open() made sure");
                Ok(Some(Request {
                    signal,
                    format: Format::Protobuf,
                    body,
                }))
            }
            Kind::Document => {
                let mut body = Vec::new();
                self.reader.read_to_end(&mut body)?;
                if body.iter().all(u8::is_ascii_whitespace) {
                    return Ok(None);
                }
                self.json(body).map(Some)
            }
            Kind::Lines => loop {
                let mut body = Vec::new();
                if self.reader.read_until(b'\n', &mut body)? == 0 {
                    return Ok(None);
                }
                if !body.iter().all(u8::is_ascii_whitespace) {
                    return self.json(body).map(Some);
                }
            },
        }
    }

    fn frame(&mut self) -> Result<Option<Bytes>> {
        let mut length = [0; 4];
        match self.reader.read_exact(&mut length[..1]) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        self.reader.read_exact(&mut length[1..])?;
        let length = u32::from_be_bytes(length) as usize;
        if length > REQUEST_BYTES_MAX {
            bail!("a request of {length} bytes: not a file of length-prefixed requests");
        }
        let mut body = Vec::new();
        (&mut self.reader)
            .take(length as u64)
            .read_to_end(&mut body)?;
        if body.len() < length {
            bail!("ends after {} of {length} bytes", body.len());
        }
        Ok(Some(body.into()))
    }

    fn json(&self, body: Vec<u8>) -> Result<Request> {
        let signal = match self.signal {
            Some(signal) => signal,
            None => signal_of(&serde_json::from_slice(&body)?).ok_or_else(|| {
                anyhow!("has neither resourceSpans, resourceLogs nor resourceMetrics")
            })?,
        };
        Ok(Request {
            signal,
            format: Format::Json,
            body: body.into(),
        })
    }
}

impl Iterator for Requests {
    type Item = Result<Request>;

    fn next(&mut self) -> Option<Result<Request>> {
        self.count += 1;
        let context = || format!("{}, request {}", self.shown, self.count);
        let context = context();
        self.read().context(context).transpose()
    }
}

fn signal_of(request: &Value) -> Option<Signal> {
    Signal::ALL
        .into_iter()
        .find(|signal| request.get(json_keys(*signal)[0]).is_some())
}

fn json_keys(signal: Signal) -> [&'static str; 3] {
    match signal {
        Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
        Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
        Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
    }
}

fn records_json(signal: Signal, request: &Value) -> u64 {
    fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
        value
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
    let [groups, scopes, records] = json_keys(signal);
    let mut count = 0;
    for record in items(request, groups)
        .flat_map(|group| items(group, scopes))
        .flat_map(|scope| items(scope, records))
    {
        count += match signal {
            Signal::Metrics => [
                "gauge",
                "sum",
                "histogram",
                "exponentialHistogram",
                "summary",
            ]
            .iter()
            .filter_map(|kind| record.get(kind))
            .map(|data| items(data, "dataPoints").count() as u64)
            .sum(),
            Signal::Traces | Signal::Logs => 1,
        };
    }
    count
}

/// Walks only the fields that lead to records; what is not protobuf counts as far as it is.
fn records_protobuf(signal: Signal, request: &[u8]) -> u64 {
    let mut count = 0;
    for (_, group) in messages(request).filter(|(field, _)| *field == 1) {
        for (_, scope) in messages(group).filter(|(field, _)| *field == 2) {
            for (_, record) in messages(scope).filter(|(field, _)| *field == 2) {
                count += match signal {
                    Signal::Metrics => messages(record)
                        .filter(|(field, _)| matches!(field, 5 | 7 | 9 | 10 | 11))
                        .map(|(_, data)| {
                            messages(data).filter(|(field, _)| *field == 1).count() as u64
                        })
                        .sum(),
                    Signal::Traces | Signal::Logs => 1,
                };
            }
        }
    }
    count
}

/// The length-delimited fields of a protobuf message, with their numbers.
fn messages(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    fn varint(rest: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, tail) = rest.split_first()?;
            *rest = tail;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
    std::iter::from_fn(move || {
        loop {
            let tag = varint(&mut rest)?;
            let skip = match tag & 7 {
                0 => varint(&mut rest).map(|_| 0)?,
                1 => 8,
                5 => 4,
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    let (message, tail) = rest.split_at_checked(length)?;
                    rest = tail;
                    return Some((tag >> 3, message));
                }
                _ => return None,
            };
            rest = rest.get(skip..)?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(path)
    }

    fn count(path: &str) -> (u64, u64) {
        let requests: Vec<Request> = Requests::open(&data(path), None)
            .expect("opens")
            .collect::<Result<_>>()
            .expect("reads");
        (
            requests.len() as u64,
            requests.iter().map(Request::records).sum(),
        )
    }

    /// Scenario: the recorded shop corpus and the specification's JSON examples.
    /// Guarantees: every request and every record in it is counted, as truth.json has them.
    #[test]
    fn counts_what_was_recorded() {
        assert_eq!(count("shop/traces.binpb.zst"), (586, 44_117));
        assert_eq!(count("shop/logs.binpb.zst").1, 4_712);
        assert_eq!(count("shop/metrics.binpb.zst").1, 5_411);
        assert_eq!(count("otlp-examples/trace.json"), (1, 1));
        assert_eq!(count("otlp-examples/events.json").0, 1);
        assert!(count("otlp-examples/metrics.json").1 > 1);
    }

    /// Scenario: a file cut in the middle of a request, one of another kind, one without a signal.
    /// Guarantees: each is named with what is wrong.
    #[test]
    fn says_what_is_wrong_with_a_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let check = |name: &str, bytes: &[u8], want: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).expect("writes");
            let error = Requests::open(&path, None)
                .and_then(|requests| requests.collect::<Result<Vec<_>>>())
                .expect_err("is refused");
            let text = format!("{error:#}");
            assert!(text.contains(want) && text.contains(name), "{text}");
        };
        check("traces.binpb", b"\0\0\0\x05abc", "3 of 5 bytes");
        check("traces.binpb", b"text, not frames", "length-prefixed");
        check("some.binpb", b"", "--signal");
        check("notes.txt", b"", ".jsonl");
        check("x.json", b"{\"a\": 1}", "resourceSpans");
    }
}

//! Decompresses request bodies, never past a limit.
//!
//! Input: a body as received, from `ingest`, or as logged, from replay. Output: the plain bytes.
//! The limit is enforced while inflating: memory grows with what was really decompressed (doubling,
//! never past the limit), so that neither a bomb nor a lying header allocates.

use std::borrow::Cow;
use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use oriel_storage::ContentEncoding;

/// Window that a zstd frame may ask for, as a power of two: 8 MiB, as RFC 9659 requires for HTTP.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// First allocation for the output, as a multiple of the input (protobuf telemetry shrinks 5 to 10
/// times).
const FIRST_GUESS: usize = 4;

/// Least allocation for the output, in bytes.
const OUTPUT_MIN: usize = 4096;

/// Why a body cannot be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The plain body is larger than allowed.
    #[error("the request body is larger than {max} bytes after decompression")]
    TooLarge {
        /// The limit, in bytes.
        max: usize,
    },
    /// The bytes are not what the encoding says.
    #[error("the request body is not valid {encoding}: {detail}")]
    Malformed {
        /// Name of the encoding.
        encoding: &'static str,
        /// What the decompressor says.
        detail: String,
    },
    /// More memory is in use for requests than allowed; only from [`inflate_within`].
    #[error("too many bytes in flight")]
    OverBudget,
}

/// Decompresses `body`, to at most `max` bytes; an identity body is handed back as it is.
///
/// gzip may have several members and zstd several frames; `deflate` is zlib, or raw as some
/// clients send it. An empty body is empty in every encoding.
/// Errors: `TooLarge`, `Malformed`.
pub fn inflate(
    encoding: ContentEncoding,
    body: &[u8],
    max: usize,
) -> Result<Cow<'_, [u8]>, InflateError> {
    inflate_within(encoding, body, max, &mut |_| true)
}

/// As [`inflate`], asking `grow` before it allocates that many bytes more.
///
/// Errors: as for [`inflate`], and `OverBudget` when `grow` says no.
pub fn inflate_within<'a>(
    encoding: ContentEncoding,
    body: &'a [u8],
    max: usize,
    grow: &mut dyn FnMut(usize) -> bool,
) -> Result<Cow<'a, [u8]>, InflateError> {
    let output = Output {
        bytes: Vec::new(),
        len: 0,
        max,
        grow,
    };
    let bytes = match encoding {
        _ if body.is_empty() => Vec::new(),
        ContentEncoding::Identity if body.len() > max => {
            return Err(InflateError::TooLarge { max });
        }
        ContentEncoding::Identity => return Ok(Cow::Borrowed(body)),
        ContentEncoding::Gzip => {
            output.read_all("gzip", body, flate2::bufread::MultiGzDecoder::new(body))?
        }
        ContentEncoding::Zstd => {
            let reader = zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Ok(decoder)
            });
            output.read_all(
                "zstd",
                body,
                reader.map_err(|error| malformed("zstd", error))?,
            )?
        }
        ContentEncoding::Deflate => inflate_deflate(body, output)?,
    };
    Ok(Cow::Owned(bytes))
}

/// At most the first `max` bytes that `body` holds, also of a body that is cut off or broken further
/// on; none when nothing can be decompressed.
pub(crate) fn head(encoding: ContentEncoding, body: &[u8], max: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    let max = max as u64;
    // What came before a fault is what is wanted.
    let _ = match encoding {
        ContentEncoding::Identity => body.take(max).read_to_end(&mut plain),
        ContentEncoding::Gzip => flate2::bufread::GzDecoder::new(body)
            .take(max)
            .read_to_end(&mut plain),
        ContentEncoding::Zstd => zstd::stream::read::Decoder::with_buffer(body)
            .and_then(|decoder| decoder.take(max).read_to_end(&mut plain)),
        ContentEncoding::Deflate => flate2::bufread::ZlibDecoder::new(body)
            .take(max)
            .read_to_end(&mut plain),
    };
    plain
}

fn malformed(encoding: &'static str, detail: impl ToString) -> InflateError {
    InflateError::Malformed {
        encoding,
        detail: detail.to_string(),
    }
}

/// zlib or raw deflate. By hand, since flate2's readers take a cut-off stream for a whole one.
fn inflate_deflate(mut body: &[u8], mut output: Output<'_>) -> Result<Vec<u8>, InflateError> {
    let zlib = matches!(body, [cmf, flg, ..]
        if cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]) % 31 == 0);
    let mut state = Decompress::new(zlib);
    loop {
        let room = output.room(body.len())?;
        let (read, written) = (state.total_in(), state.total_out());
        let status = state
            .decompress(body, room, FlushDecompress::None)
            .map_err(|error| malformed("deflate", error))?;
        let read = (state.total_in() - read) as usize;
        let written = (state.total_out() - written) as usize;
        body = &body[read..];
        output.wrote(written)?;
        match status {
            Status::StreamEnd if body.is_empty() => return Ok(output.finish()),
            Status::StreamEnd => return Err(malformed("deflate", "bytes after the end")),
            _ if read == 0 && written == 0 => {
                return Err(malformed("deflate", "the stream is cut off"));
            }
            _ => {}
        }
    }
}

/// The plain bytes so far: `bytes[..len]` are written, the rest is room.
struct Output<'a> {
    bytes: Vec<u8>,
    len: usize,
    max: usize,
    grow: &'a mut dyn FnMut(usize) -> bool,
}

impl Output<'_> {
    /// Reads to the end of `reader`, which decompresses `body`.
    fn read_all(
        mut self,
        encoding: &'static str,
        body: &[u8],
        mut reader: impl Read,
    ) -> Result<Vec<u8>, InflateError> {
        loop {
            let room = self.room(body.len())?;
            match reader.read(room) {
                Ok(0) => return Ok(self.finish()),
                Ok(written) => self.wrote(written)?,
                Err(error) => return Err(malformed(encoding, error)),
            }
        }
    }

    /// Room to write to, never empty. One byte more than `max` in all, to tell full from too large.
    fn room(&mut self, input_len: usize) -> Result<&mut [u8], InflateError> {
        if self.len == self.bytes.len() {
            let want = match self.len {
                0 => input_len.saturating_mul(FIRST_GUESS).max(OUTPUT_MIN),
                len => len.saturating_mul(2),
            };
            let want = want.min(self.max.saturating_add(1));
            let more = want - self.len;
            if !(self.grow)(more) {
                return Err(InflateError::OverBudget);
            }
            self.bytes.reserve_exact(more);
            self.bytes.resize(want, 0);
        }
        Ok(&mut self.bytes[self.len..])
    }

    /// Notes that `written` bytes of the room were filled.
    fn wrote(&mut self, written: usize) -> Result<(), InflateError> {
        self.len += written;
        if self.len > self.max {
            Err(InflateError::TooLarge { max: self.max })
        } else {
            Ok(())
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn all(plain: &[u8]) -> Vec<(ContentEncoding, Vec<u8>)> {
        vec![
            (ContentEncoding::Identity, plain.to_vec()),
            (ContentEncoding::Gzip, gzip(plain)),
            (ContentEncoding::Zstd, zstd::encode_all(plain, 1).unwrap()),
            (ContentEncoding::Deflate, zlib(plain)),
            (ContentEncoding::Deflate, raw(plain)),
        ]
    }

    proptest! {
        /// Scenario: any bytes in every encoding, with a limit of exactly their size and one less.
        /// Guarantees: they come back as they were; the limit is exact.
        #[test]
        fn gives_back_what_was_compressed(
            plain in prop::collection::vec(any::<u8>(), 1..20_000),
            repeat in 1..20usize,
        ) {
            let plain = plain.repeat(repeat);
            for (encoding, body) in all(&plain) {
                let back = inflate(encoding, &body, plain.len()).unwrap();
                prop_assert!(back == plain.as_slice());
                let max = plain.len() - 1;
                prop_assert_eq!(inflate(encoding, &body, max), Err(InflateError::TooLarge { max }));
            }
        }

        /// Scenario: random bytes called gzip, zstd or deflate.
        /// Guarantees: an answer, never a panic, never more than the limit.
        #[test]
        fn survives_any_bytes(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
            for encoding in [ContentEncoding::Gzip, ContentEncoding::Zstd, ContentEncoding::Deflate] {
                if let Ok(plain) = inflate(encoding, &body, 10_000) {
                    prop_assert!(plain.len() <= 10_000);
                }
            }
        }
    }

    /// Scenario: bodies cut off after every byte; bytes behind the end.
    /// Guarantees: both are refused: a part of a request is never taken for the whole.
    #[test]
    fn refuses_cut_off_bodies() {
        let plain: Vec<u8> = (0..500u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        for (encoding, body) in all(&plain).split_off(1) {
            for end in 1..body.len() {
                let cut = inflate(encoding, &body[..end], 1 << 20);
                assert!(
                    matches!(cut, Err(InflateError::Malformed { .. })),
                    "{encoding:?} {end} of {}",
                    body.len()
                );
            }
            let longer = [&body[..], b"more"].concat();
            assert!(matches!(
                inflate(encoding, &longer, 1 << 20),
                Err(InflateError::Malformed { .. })
            ));
        }
    }

    /// Scenario: two gzip members and two zstd frames, one behind the other; empty bodies.
    /// Guarantees: both members count; an empty body is empty.
    #[test]
    fn reads_several_members() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(
            &*inflate(ContentEncoding::Gzip, &two, 100).unwrap(),
            b"one two"
        );
        let two = [
            zstd::encode_all(&b"one "[..], 1).unwrap(),
            zstd::encode_all(&b"two"[..], 1).unwrap(),
        ]
        .concat();
        assert_eq!(
            &*inflate(ContentEncoding::Zstd, &two, 100).unwrap(),
            b"one two"
        );
        for encoding in [
            ContentEncoding::Identity,
            ContentEncoding::Gzip,
            ContentEncoding::Zstd,
        ] {
            assert!(inflate(encoding, b"", 100).unwrap().is_empty());
        }
    }

    /// Scenario: 64 MiB of zeros in each encoding, against a limit of 1 MiB.
    /// Guarantees: refused, and never more than the limit and one byte is asked for.
    #[test]
    fn stops_bombs_at_the_limit() {
        let max = 1 << 20;
        for (encoding, body) in all(&vec![0; 64 << 20]).split_off(1) {
            let mut asked = 0;
            let end = inflate_within(encoding, &body, max, &mut |more| {
                asked += more;
                true
            });
            assert_eq!(end, Err(InflateError::TooLarge { max }));
            assert!(asked <= max + 1, "{encoding:?} asked for {asked}");
        }
    }

    /// Scenario: a budget that refuses to grow past 64 KiB; a zstd frame with a window of 1 GiB.
    /// Guarantees: the first ends as over budget, the second is refused without its window.
    #[test]
    fn keeps_the_budget() {
        let mut left = 64 << 10;
        let body = gzip(&vec![7; 1 << 20]);
        let end = inflate_within(ContentEncoding::Gzip, &body, 1 << 20, &mut |more| {
            left -= more as i64;
            left >= 0
        });
        assert_eq!(end, Err(InflateError::OverBudget));
        // Magic, descriptor (no content size), window descriptor of 2^30, one empty last block.
        let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
        assert!(matches!(
            inflate(ContentEncoding::Zstd, &wide, 1 << 20),
            Err(InflateError::Malformed { .. })
        ));
    }
}

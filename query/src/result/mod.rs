//! From rows to bytes: the formats of an answer.
//!
//! In: the pieces of an [`Answer`](crate::execute::Answer). Out: the body, piece by piece; the
//! receipt (or the error that ended it) is always at its end.

mod arrow_formats;
mod csv;
mod json;
mod value;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Code, Error};
use crate::receipt::Receipt;

pub(crate) use value::type_name;

/// A format of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object with columns, rows and receipt.
    Json,
    /// One JSON object a row, then one with the receipt.
    Ndjson,
    /// RFC 4180, with a line of names.
    Csv,
    /// Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// All formats, the preferred one first.
    pub(crate) const ALL: [Format; 5] = [
        Format::Json,
        Format::Ndjson,
        Format::Csv,
        Format::Arrow,
        Format::Parquet,
    ];

    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv",
            Format::Arrow => "application/vnd.apache.arrow.stream",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Its name in `?format=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Arrow => "arrow",
            Format::Parquet => "parquet",
        }
    }

    /// The format that a request asks for: `?format=`, else the first of `Accept` that is one.
    pub(crate) fn choose(parameter: Option<&str>, accept: Option<&str>) -> Result<Format, Error> {
        let names = || Format::ALL.map(Format::name).join(", ");
        if let Some(parameter) = parameter {
            return Format::ALL
                .into_iter()
                .find(|format| format.name() == parameter)
                .ok_or_else(|| {
                    let message = format!("there is no format {parameter:?}");
                    Error::new(Code::NotAcceptable, message).hint(format!("one of {}", names()))
                });
        }
        let Some(accept) = accept else {
            return Ok(Format::Json);
        };
        accept
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .find_map(|range| match range {
                "*/*" | "application/*" | "" => Some(Format::Json),
                "text/*" => Some(Format::Csv),
                "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
                range => Format::ALL
                    .into_iter()
                    .find(|format| format.media_type().eq_ignore_ascii_case(range)),
            })
            .ok_or_else(|| {
                let message = format!("no format of {accept:?} is known");
                Error::new(Code::NotAcceptable, message)
                    .hint(Format::ALL.map(Format::media_type).join(", "))
            })
    }
}

/// Writes one answer.
pub(crate) enum Encoder {
    Json(json::Json),
    Ndjson(json::Ndjson),
    Csv(csv::Csv),
    Arrow(arrow_formats::Ipc),
    Parquet(arrow_formats::Parquet),
}

impl Encoder {
    /// An encoder for rows of `schema`, and the first bytes of the body.
    pub(crate) fn start(format: Format, schema: &SchemaRef) -> Result<(Encoder, Vec<u8>), Error> {
        let mut out = Vec::new();
        let encoder = match format {
            Format::Json => Encoder::Json(json::Json::start(schema, &mut out)),
            Format::Ndjson => Encoder::Ndjson(json::Ndjson::start(schema)),
            Format::Csv => Encoder::Csv(csv::Csv::start(schema, &mut out)),
            Format::Arrow => Encoder::Arrow(arrow_formats::Ipc::start(schema)?),
            Format::Parquet => Encoder::Parquet(arrow_formats::Parquet::start(schema)?),
        };
        Ok((encoder, out))
    }

    /// The bytes of these rows; may be none yet.
    pub(crate) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        match self {
            Encoder::Json(json) => json.rows(rows, &mut out),
            Encoder::Ndjson(ndjson) => ndjson.rows(rows, &mut out),
            Encoder::Csv(csv) => csv.rows(rows, &mut out),
            Encoder::Arrow(ipc) => out = ipc.rows(rows)?,
            Encoder::Parquet(parquet) => out = parquet.rows(rows)?,
        }
        Ok(out)
    }

    /// The last bytes of an answer that ended well.
    pub(crate) fn end(self, receipt: &Receipt) -> Result<Vec<u8>, Error> {
        match self {
            Encoder::Json(json) => Ok(json.end(receipt)),
            Encoder::Ndjson(_) => Ok(json::Ndjson::end(receipt)),
            Encoder::Csv(_) => Ok(Vec::new()),
            Encoder::Arrow(ipc) => ipc.end(),
            Encoder::Parquet(parquet) => parquet.end(receipt),
        }
    }

    /// The last bytes of an answer that an error ended after its first rows; `None` when the
    /// format has no place for an error, so that the body must be broken off.
    pub(crate) fn failed(self, error: &Error) -> Option<Vec<u8>> {
        match self {
            Encoder::Json(json) => Some(json.failed(error)),
            Encoder::Ndjson(_) => Some(json::Ndjson::failed(error)),
            Encoder::Csv(_) | Encoder::Arrow(_) | Encoder::Parquet(_) => None,
        }
    }
}

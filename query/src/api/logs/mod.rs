//! Log records: search, histogram, one record and its context, export.
//!
//! Records have no id of their own. Their order is (timestamp, digest of all columns), which two
//! records share only when nothing tells them apart; a record's id and the place where a page ends
//! are made of these two.

mod chosen;
mod context;
mod export;
mod fields;
mod histogram;
mod patterns;
mod record;
mod search;
mod tail;

use std::fmt;

use arrow::array::AsArray;
use arrow::compute::{max, min};
use arrow::datatypes::TimestampNanosecondType;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Level, Table, TableSchema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use self::chosen::Chosen;
use super::cells::Row;
use crate::error::{Code, Error};
use crate::filter::keys::level_sql;
use crate::http::Api;

/// Characters of a body in a list.
const BODY_CHARS: usize = 4096;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    search::router()
        .merge(histogram::router())
        .merge(record::router())
        .merge(context::router())
        .merge(export::router())
        .merge(fields::router())
        .merge(patterns::router())
        .merge(tail::router())
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

impl Order {
    /// As SQL has it behind a time.
    fn sql(self) -> &'static str {
        match self {
            Order::Newest => "DESC",
            Order::Oldest => "ASC",
        }
    }
}

/// Where a record stands among all: what its id is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    time: i64,
    digest: i64,
}

impl Key {
    /// The record called `id`. Errors: it is no id.
    fn parse(id: &str) -> Result<Key, Error> {
        let key = id.rsplit_once('-').and_then(|(time, digest)| {
            let hex = u64::from_str_radix(digest, 16).ok();
            Some(Key {
                time: time.parse().ok()?,
                digest: hex.filter(|_| digest.len() == 16)? as i64,
            })
        });
        key.ok_or_else(|| {
            let message = format!("{id:?} is not the id of a log record");
            Error::new(Code::BadRequest, message).hint("ids are given by search/logs")
        })
    }

    /// The record that a row of [`columns`] is.
    fn read(row: &Row<'_>) -> Key {
        Key {
            time: row.int(0).unwrap_or_default(),
            digest: row.int(1).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.time, self.digest)
    }
}

/// The error for a record that is not there.
fn no_record(key: Key) -> Error {
    Error::new(Code::NotFound, format!("there is no log record {key}"))
}

/// A log record in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Log {
    /// For `logs/{id}`; good for as long as the record is kept.
    id: String,
    /// When it happened, else when it was observed, else when it came: nanoseconds since 1970.
    time: String,
    /// When it was first observed.
    observed: Option<String>,
    /// OTLP's number, 0 when unset.
    severity_number: i64,
    /// Level as the source names it.
    severity_text: Option<String>,
    /// `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `unset`.
    level: String,
    /// The resource's service.name; "" when it has none.
    service: String,
    /// The body as text: in lists its first 4096 characters.
    body: Option<String>,
    /// Bytes of the whole body.
    body_bytes: u64,
    /// What kind of event it is.
    event_name: Option<String>,
    /// The trace it belongs to, in hex.
    trace_id: Option<String>,
    /// The span it belongs to, in hex.
    span_id: Option<String>,
    /// Attributes of the record itself.
    attributes_count: u64,
    /// The instrumentation scope.
    scope: Option<String>,
    /// The columns that were asked for, in their order: texts of at most 1024 characters, null where
    /// the record has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<Option<String>>>,
}

/// How many columns [`columns`] has.
const COLUMNS: usize = 14;

/// SQL for the columns of a record in a list, as [`Log::read`] reads them.
pub(crate) fn columns(schema: &TableSchema) -> String {
    let promoted: Vec<String> = schema
        .columns
        .iter()
        .filter(|column| {
            let promoted = column.promoted.as_ref();
            promoted.is_some_and(|promoted| promoted.level == Level::Record)
        })
        .map(|column| format!(", \"{}\"", column.name))
        .collect();
    format!(
        "timestamp, {} AS digest, observed_time, severity_number, severity_text, {} AS level, \
         service_name, left(body, {BODY_CHARS}) AS body, octet_length(body) AS body_bytes, \
         event_name, trace_id, span_id, attribute_count(attributes{}) AS attributes_count, scope_name",
        digest(schema),
        level_sql(),
        promoted.concat()
    )
}

/// SQL for the digest of a record.
fn digest(schema: &TableSchema) -> String {
    let names: Vec<String> = schema
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    format!("row_digest({})", names.join(", "))
}

impl Log {
    /// A row of [`columns`].
    pub(crate) fn read(row: &Row<'_>) -> Log {
        let optional = |column| row.text(column).map(str::to_owned);
        let key = Key::read(row);
        Log {
            id: key.to_string(),
            time: key.time.to_string(),
            observed: row.nanos(2),
            severity_number: row.int(3).unwrap_or_default(),
            severity_text: optional(4),
            level: row.string(5),
            service: row.string(6),
            body: optional(7),
            body_bytes: row.count(8),
            event_name: optional(9),
            trace_id: row.hex(10),
            span_id: row.hex(11),
            attributes_count: row.count(12),
            scope: optional(13),
            columns: None,
        }
    }

    /// A row of [`columns`] with those of `chosen` behind them.
    fn with(row: &Row<'_>, chosen: &Chosen) -> Log {
        Log {
            columns: chosen.read(row, COLUMNS),
            ..Log::read(row)
        }
    }
}

/// The first and last time of all records; `None` when there are none.
fn bounds(snapshot: &Snapshot) -> Option<(i64, i64)> {
    let parts = snapshot.parts(Table::Logs).iter();
    let parts = parts.map(|part| (part.time_min.0, part.time_max.0));
    let buffers = snapshot.buffers(Table::Logs).iter().filter_map(|batch| {
        let times = batch.rows().column_by_name("timestamp")?;
        let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
        Some((min(times)?, max(times)?))
    });
    let all = parts.chain(buffers);
    all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

//! `GET logs/{id}`: one whole record.

use axum::Json;
use axum::extract::{Path, State};
use oriel_storage::schema::Table;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Log, columns, digest, no_record};
use crate::api::asking::{Asking, Receipts};
use crate::api::attribute::{Attr, attrs};
use crate::api::cells::rows;
use crate::error::{Code, Error};
use crate::http::{Api, ErrorBody};
use crate::otlp;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(record))
}

/// A whole log record.
#[derive(Debug, Serialize, ToSchema)]
struct WholeLog {
    #[serde(flatten)]
    log: Log,
    /// The typed body, in the encoding of docs/schema.md, when it is not a string.
    body_json: Option<String>,
    /// Of the record itself.
    attributes: Vec<Attr>,
    /// Of its resource.
    resource_attributes: Vec<Attr>,
    /// Of its scope.
    scope_attributes: Vec<Attr>,
    /// Version of the scope.
    scope_version: Option<String>,
    /// W3C trace flags.
    flags: u32,
    /// Attributes that the sender dropped.
    dropped: u32,
    /// When Oriel received it.
    received_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecordAnswer {
    log: WholeLog,
    receipt: Receipts,
}

/// One log record
#[utoipa::path(
    get, path = "/api/v1/logs/{id}", tag = "logs",
    params(("id" = String, Path, description = "As search/logs gave it")),
    responses(
        (status = 200, description = "The whole record", body = RecordAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn record(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<RecordAnswer>, Error> {
    let key = Key::parse(&id)?;
    let asking = Asking::new(&api);
    let schema = api.source.schemas.of(Table::Logs);
    let of = |columns: &str| {
        format!(
            "SELECT {columns} FROM (SELECT *, {} AS digest FROM logs \
             WHERE timestamp = to_timestamp_nanos({})) WHERE digest = {} LIMIT 1",
            digest(schema),
            key.time,
            key.digest
        )
    };
    let listed = columns(schema).replacen(&format!("{} AS digest", digest(schema)), "digest", 1);
    let (whole, listed) = futures::try_join!(asking.rows(of("*")), asking.rows(of(&listed)))?;
    let (Some(row), Some(first)) = (rows(&listed).next(), whole.first()) else {
        return Err(no_record(key));
    };
    let internal = |error: otlp::OtlpError| {
        Error::new(Code::Internal, format!("reading log record {id}: {error}"))
    };
    let request = otlp::logs(&api.source.schemas, &whole).map_err(internal)?;
    let body = |name: &str| {
        let column = first.column_by_name(name)?;
        let texts = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).ok()?;
        let texts = arrow::array::AsArray::as_string::<i32>(&texts);
        texts.iter().next().flatten().map(str::to_owned)
    };
    let received = first
        .column_by_name("received_at")
        .map(arrow::array::AsArray::as_primitive::<arrow::datatypes::TimestampNanosecondType>)
        .map(|times| times.value(0).to_string());
    let resource = request.resource_logs.into_iter().next().unwrap_or_default();
    let scope = resource.scope_logs.into_iter().next().unwrap_or_default();
    let record = scope.log_records.into_iter().next().unwrap_or_default();
    let scope = scope.scope.unwrap_or_default();
    let log = Log {
        body: body("body"),
        ..Log::read(&row)
    };
    Ok(Json(RecordAnswer {
        log: WholeLog {
            log,
            body_json: body("body_json"),
            attributes: attrs(record.attributes),
            resource_attributes: attrs(resource.resource.unwrap_or_default().attributes),
            scope_attributes: attrs(scope.attributes),
            scope_version: Some(scope.version).filter(|version| !version.is_empty()),
            flags: record.flags,
            dropped: record.dropped_attributes_count,
            received_at: received,
        },
        receipt: asking.receipt(),
    }))
}

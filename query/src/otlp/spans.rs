//! Rows of `spans` back to OTLP.

use arrow::array::{Array, AsArray, RecordBatch};
use oriel_proto::otlp::trace::v1::span::{Event, Link};
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use oriel_storage::schema::{Level, TableSchema};

use super::OtlpError;
use super::rows::{Columns, Keys, Tree, enum_number, plain, resource, scope};

const KINDS: &[&str] = &[
    "UNSPECIFIED",
    "INTERNAL",
    "SERVER",
    "CLIENT",
    "PRODUCER",
    "CONSUMER",
];
const STATUS_CODES: &[&str] = &["UNSET", "OK", "ERROR"];

pub(super) fn read(
    schema: &TableSchema,
    batches: &[RecordBatch],
) -> Result<Vec<ResourceSpans>, OtlpError> {
    let mut tree: Tree<ResourceSpans, ScopeSpans> = Tree::default();
    let (mut resource_keys, mut scope_keys) = (Keys::resource(schema), Keys::scope());
    for batch in batches {
        let batch = plain(batch)?;
        let columns = Columns::of_batch(&batch);
        let keys = resource_keys.of(&columns)?.into_iter();
        for (row, keys) in keys.zip(scope_keys.of(&columns)?).enumerate() {
            let group = tree.of(
                &keys.0,
                &keys.1,
                || {
                    Ok(ResourceSpans {
                        resource: Some(resource(&columns, schema, row)?),
                        scope_spans: Vec::new(),
                        schema_url: columns.string("resource_schema_url", row)?,
                    })
                },
                || {
                    Ok(ScopeSpans {
                        scope: Some(scope(&columns, row)?),
                        spans: Vec::new(),
                        schema_url: columns.string("scope_schema_url", row)?,
                    })
                },
            )?;
            group.spans.push(span(&columns, schema, row)?);
        }
    }
    let groups = tree.finish().map(|(group, scope_spans)| ResourceSpans {
        scope_spans,
        ..group
    });
    Ok(groups.collect())
}

fn span(columns: &Columns<'_>, schema: &TableSchema, row: usize) -> Result<Span, OtlpError> {
    Ok(Span {
        trace_id: columns.id("trace_id", row)?,
        span_id: columns.id("span_id", row)?,
        trace_state: columns.string("trace_state", row)?,
        parent_span_id: columns.id_or_raw("parent_span_id", row)?,
        flags: columns.count("flags", row)?,
        name: columns.string("name", row)?,
        kind: enum_number(KINDS, &columns.string("kind", row)?),
        start_time_unix_nano: columns.time("start_time", row)?,
        end_time_unix_nano: columns.time("end_time", row)?,
        attributes: columns.attributes(schema, Level::Record, row)?,
        dropped_attributes_count: columns.count("dropped_attributes_count", row)?,
        events: events(columns, row)?,
        dropped_events_count: columns.count("dropped_events_count", row)?,
        links: links(columns, row)?,
        dropped_links_count: columns.count("dropped_links_count", row)?,
        status: status(columns, row)?,
    })
}

fn status(columns: &Columns<'_>, row: usize) -> Result<Option<Status>, OtlpError> {
    let status = Status {
        message: columns.string("status_message", row)?,
        code: enum_number(STATUS_CODES, &columns.string("status_code", row)?),
    };
    Ok((status != Status::default()).then_some(status))
}

fn events(columns: &Columns<'_>, row: usize) -> Result<Vec<Event>, OtlpError> {
    let list = columns.list("events")?;
    if list.is_null(row) {
        return Ok(Vec::new());
    }
    let items = list.value(row);
    let fields = Columns::of_struct(items.as_struct());
    (0..items.len())
        .map(|item| {
            Ok(Event {
                time_unix_nano: fields.time("time", item)?,
                name: fields.string("name", item)?,
                attributes: fields.json_attributes("attributes", item)?,
                dropped_attributes_count: fields.count("dropped_attributes_count", item)?,
            })
        })
        .collect()
}

fn links(columns: &Columns<'_>, row: usize) -> Result<Vec<Link>, OtlpError> {
    let list = columns.list("links")?;
    if list.is_null(row) {
        return Ok(Vec::new());
    }
    let items = list.value(row);
    let fields = Columns::of_struct(items.as_struct());
    (0..items.len())
        .map(|item| {
            Ok(Link {
                trace_id: fields.id_or_raw("trace_id", item)?,
                span_id: fields.id_or_raw("span_id", item)?,
                trace_state: fields.string("trace_state", item)?,
                attributes: fields.json_attributes("attributes", item)?,
                dropped_attributes_count: fields.count("dropped_attributes_count", item)?,
                flags: fields.count("flags", item)?,
            })
        })
        .collect()
}

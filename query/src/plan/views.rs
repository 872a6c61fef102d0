//! The views `span_events` and `span_links`: one row an event or link, beside the columns of its
//! span and resource.

use oriel_storage::schema::{Level, Schemas, Table};

/// Columns of the event or link itself, in order: (field of the struct, name in the view).
const EVENT: &[(&str, &str)] = &[
    ("time", "time"),
    ("name", "name"),
    ("attributes", "attributes"),
    ("dropped_attributes_count", "dropped_attributes_count"),
    ("time_raw", "time_raw"),
];
const LINK: &[(&str, &str)] = &[
    ("trace_id", "linked_trace_id"),
    ("span_id", "linked_span_id"),
    ("trace_state", "trace_state"),
    ("flags", "flags"),
    ("attributes", "attributes"),
    ("dropped_attributes_count", "dropped_attributes_count"),
];

/// Columns of the span: (column of `spans`, name in the view).
const SPAN: &[(&str, &str)] = &[
    ("trace_id", "trace_id"),
    ("span_id", "span_id"),
    ("parent_span_id", "parent_span_id"),
    ("name", "span_name"),
    ("kind", "span_kind"),
    ("start_time", "span_start_time"),
    ("status_code", "span_status_code"),
    ("service_name", "service_name"),
    ("scope_name", "scope_name"),
    ("resource_attributes", "resource_attributes"),
];

/// Names of all views.
pub(crate) const NAMES: [&str; 2] = ["span_events", "span_links"];

/// The query behind the view called `name`.
pub(crate) fn sql(name: &str, schemas: &Schemas) -> Option<String> {
    let (list, fields) = match name {
        "span_events" => ("events", EVENT),
        "span_links" => ("links", LINK),
        _ => return None,
    };
    let resource: Vec<String> = schemas
        .of(Table::Spans)
        .columns
        .iter()
        .filter(|column| {
            column.name != "service_name"
                && column
                    .promoted
                    .as_ref()
                    .is_some_and(|promoted| promoted.level == Level::Resource)
        })
        .map(|column| quoted(&column.name))
        .collect();
    let inner: Vec<String> = SPAN
        .iter()
        .map(|(column, name)| format!("{} AS {}", quoted(column), quoted(name)))
        .chain(resource.iter().cloned())
        .collect();
    let outer: Vec<String> = SPAN
        .iter()
        .map(|(_, name)| quoted(name))
        .chain(
            fields
                .iter()
                .map(|(field, name)| format!("item['{field}'] AS {}", quoted(name))),
        )
        .chain(resource)
        .collect();
    Some(format!(
        "SELECT {} FROM (SELECT {}, unnest({list}) AS item FROM spans)",
        outer.join(", "),
        inner.join(", ")
    ))
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

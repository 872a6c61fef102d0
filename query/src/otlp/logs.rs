//! Rows of `logs` back to OTLP.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Int32Type;
use oriel_proto::otlp::common::v1::AnyValue;
use oriel_proto::otlp::common::v1::any_value::Value;
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_storage::schema::{Level, TableSchema};

use super::OtlpError;
use super::rows::{Columns, Keys, Tree, plain, resource, scope};

pub(super) fn read(
    schema: &TableSchema,
    batches: &[RecordBatch],
) -> Result<Vec<ResourceLogs>, OtlpError> {
    let mut tree: Tree<ResourceLogs, ScopeLogs> = Tree::default();
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
                    Ok(ResourceLogs {
                        resource: Some(resource(&columns, schema, row)?),
                        scope_logs: Vec::new(),
                        schema_url: columns.string("resource_schema_url", row)?,
                    })
                },
                || {
                    Ok(ScopeLogs {
                        scope: Some(scope(&columns, row)?),
                        log_records: Vec::new(),
                        schema_url: columns.string("scope_schema_url", row)?,
                    })
                },
            )?;
            group.log_records.push(record(&columns, schema, row)?);
        }
    }
    let groups = tree.finish().map(|(group, scope_logs)| ResourceLogs {
        scope_logs,
        ..group
    });
    Ok(groups.collect())
}

fn record(columns: &Columns<'_>, schema: &TableSchema, row: usize) -> Result<LogRecord, OtlpError> {
    Ok(LogRecord {
        time_unix_nano: columns.time("time", row)?,
        observed_time_unix_nano: columns.time("observed_time", row)?,
        severity_number: columns
            .number::<Int32Type>("severity_number", row)?
            .unwrap_or_default(),
        severity_text: columns.string("severity_text", row)?,
        body: body(columns, row)?,
        attributes: columns.attributes(schema, Level::Record, row)?,
        dropped_attributes_count: columns.count("dropped_attributes_count", row)?,
        flags: columns.count("flags", row)?,
        trace_id: columns.id_or_raw("trace_id", row)?,
        span_id: columns.id_or_raw("span_id", row)?,
        event_name: columns.string("event_name", row)?,
    })
}

fn body(columns: &Columns<'_>, row: usize) -> Result<Option<AnyValue>, OtlpError> {
    if let Some(typed) = columns.json_value("body_json", row)? {
        return Ok(Some(typed));
    }
    let texts = columns.text("body")?;
    Ok(texts.is_valid(row).then(|| AnyValue {
        value: Some(Value::StringValue(texts.value(row).to_owned())),
    }))
}

//! The rows that requests must become, made from prost messages in the plainest way: what the
//! decoder is compared with. Series ids are left out (their columns stay NULL).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oriel_proto::UnixNanos;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Otlp,
};
use oriel_proto::otlp::logs::v1::LogRecord;
use oriel_proto::otlp::metrics::v1::{
    Exemplar, Metric, NumberDataPoint, exemplar, metric::Data, number_data_point,
};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::Span;
use oriel_storage::schema::{Level, TableSchema, ValueType};
use serde_json::{Value, json};

use super::rows::{Row, double, hex};

/// Rows and the columns that have strays.
type Expected = (Vec<Row>, BTreeSet<String>);

struct Table<'s> {
    schema: &'s TableSchema,
    received_at: UnixNanos,
    rows: Vec<Row>,
    strays: BTreeSet<String>,
}

impl<'s> Table<'s> {
    fn new(schema: &'s TableSchema, received_at: UnixNanos) -> Self {
        Table {
            schema,
            received_at,
            rows: Vec::new(),
            strays: BTreeSet::new(),
        }
    }

    /// A row with all that is inherited.
    fn row(
        &mut self,
        resource: Option<&Resource>,
        scope: Option<&InstrumentationScope>,
        urls: (&str, &str),
    ) -> Row {
        let columns = self.schema.columns.iter();
        let mut row: Row = columns.map(|c| (c.name.clone(), Value::Null)).collect();
        let resource = resource.cloned().unwrap_or_default();
        let scope = scope.cloned().unwrap_or_default();
        set(&mut row, "scope_name", filled(&scope.name));
        set(&mut row, "scope_version", filled(&scope.version));
        self.attributes(&mut row, Level::Scope, &scope.attributes);
        self.attributes(&mut row, Level::Resource, &resource.attributes);
        let refs: Vec<Value> = resource
            .entity_refs
            .iter()
            .map(|r| {
                json!({
                    "schema_url": r.schema_url, "type": r.r#type,
                    "id_keys": r.id_keys, "description_keys": r.description_keys,
                })
            })
            .collect();
        if !refs.is_empty() {
            set(
                &mut row,
                "resource_entity_refs",
                Value::Array(refs).to_string(),
            );
        }
        set(&mut row, "resource_schema_url", filled(urls.0));
        set(&mut row, "scope_schema_url", filled(urls.1));
        let dropped = resource.dropped_attributes_count;
        set(&mut row, "resource_dropped_attributes_count", dropped);
        let dropped = scope.dropped_attributes_count;
        set(&mut row, "scope_dropped_attributes_count", dropped);
        set(&mut row, "received_at", self.received_at.0);
        row
    }

    /// Splits a set into promoted columns and overflow.
    fn attributes(&mut self, row: &mut Row, level: Level, set_: &[KeyValue]) {
        let mut rest = Vec::new();
        for attribute in set_ {
            let promoted = self
                .schema
                .promoted(level, &attribute.key)
                .filter(|_| attribute.key_strindex == 0);
            let Some(index) = promoted else {
                rest.push(attribute);
                continue;
            };
            let column = &self.schema.columns[index];
            let same = |a: &&KeyValue| a.key == attribute.key && a.key_strindex == 0;
            let once = set_.iter().filter(same).count() == 1;
            let value = attribute
                .value
                .as_ref()
                .and_then(|value| value.value.as_ref());
            let want = column.promoted.as_ref().map(|promoted| promoted.value);
            let typed = match (want, value) {
                (Some(ValueType::String), Some(Otlp::StringValue(text))) => Some(json!(text)),
                (Some(ValueType::Int), Some(Otlp::IntValue(value))) => Some(json!(value)),
                (Some(ValueType::Double), Some(Otlp::DoubleValue(value))) => Some(double(*value)),
                (Some(ValueType::Bool), Some(Otlp::BoolValue(value))) => Some(json!(value)),
                _ => None,
            };
            match typed.filter(|_| once) {
                Some(value) => set(row, &column.name, value),
                None => {
                    self.strays.insert(column.name.clone());
                    rest.push(attribute);
                }
            }
        }
        if !rest.is_empty() {
            set(row, level.column(), map_text(&rest));
        }
    }
}

fn set(row: &mut Row, column: &str, value: impl Into<Value>) {
    let old = row.insert(column.to_owned(), value.into());
    assert!(old.is_some(), "no column {column}");
}

fn filled(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        text.into()
    }
}

fn key_text(attribute: &KeyValue) -> String {
    match (attribute.key_strindex, attribute.key.as_str()) {
        (0, key) if key.starts_with('$') => format!("${key}"),
        (0, key) => key.to_owned(),
        (index, key) => format!("$strindex:{index}:{key}"),
    }
}

/// The JSON text of a set: keys in order of their first occurrence.
fn map_text(set: &[&KeyValue]) -> String {
    let mut keys: Vec<String> = Vec::new();
    let mut values: Vec<Vec<String>> = Vec::new();
    for attribute in set {
        let key = key_text(attribute);
        let text = value_text(attribute.value.as_ref());
        match keys.iter().position(|known| *known == key) {
            Some(at) => values[at].push(text),
            None => {
                keys.push(key);
                values.push(vec![text]);
            }
        }
    }
    let pairs: Vec<String> = keys
        .iter()
        .zip(&values)
        .map(|(key, values)| match &values[..] {
            [value] => format!("{}:{value}", json!(key)),
            values => format!("{}:{{\"$dup\":[{}]}}", json!(key), values.join(",")),
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn attributes_value(set: &[KeyValue]) -> Value {
    if set.is_empty() {
        return Value::Null;
    }
    map_text(&set.iter().collect::<Vec<_>>()).into()
}

fn double_text(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

fn value_text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => "null".to_owned(),
        Some(Otlp::StringValue(text)) => json!(text).to_string(),
        Some(Otlp::BoolValue(value)) => value.to_string(),
        Some(Otlp::IntValue(value)) if (-(1i64 << 53)..=1 << 53).contains(value) => {
            value.to_string()
        }
        Some(Otlp::IntValue(value)) => format!("{{\"$int\":\"{value}\"}}"),
        Some(Otlp::DoubleValue(value)) if value.is_finite() => double_text(*value),
        Some(Otlp::DoubleValue(value)) => format!("{{\"$double\":\"{}\"}}", double_text(*value)),
        Some(Otlp::BytesValue(bytes)) => format!("{{\"$bytes\":\"{}\"}}", STANDARD.encode(bytes)),
        Some(Otlp::StringValueStrindex(index)) => format!("{{\"$strindex\":{index}}}"),
        Some(Otlp::ArrayValue(array)) => {
            let values: Vec<String> = array
                .values
                .iter()
                .map(|value| value_text(Some(value)))
                .collect();
            format!("[{}]", values.join(","))
        }
        Some(Otlp::KvlistValue(list)) => map_text(&list.values.iter().collect::<Vec<_>>()),
    }
}

/// Time and raw time.
fn time(nanos: u64) -> (i64, Value) {
    match i64::try_from(nanos) {
        Ok(nanos) => (nanos, Value::Null),
        Err(_) => (i64::MAX, nanos.into()),
    }
}

/// Id and raw id.
fn id(bytes: &[u8], len: usize) -> (Value, Value) {
    if bytes.len() == len {
        (hex(bytes), Value::Null)
    } else if bytes.is_empty() {
        (Value::Null, Value::Null)
    } else {
        (Value::Null, hex(bytes))
    }
}

fn enum_text(number: i32, names: &[&str]) -> String {
    usize::try_from(number)
        .ok()
        .and_then(|at| names.get(at))
        .map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

fn is_valid(id: &[u8], len: usize) -> bool {
    id.len() == len && id.iter().any(|byte| *byte != 0)
}

/// The rows of `spans` that `request` must become, and the columns that have strays. Spans without
/// valid ids have no row, but their attributes leave no stray either.
pub fn span_rows(
    request: &ExportTraceServiceRequest,
    schema: &TableSchema,
    received_at: UnixNanos,
) -> Expected {
    let mut table = Table::new(schema, received_at);
    for group in &request.resource_spans {
        for scope in &group.scope_spans {
            for span in &scope.spans {
                if is_valid(&span.trace_id, 16) && is_valid(&span.span_id, 8) {
                    let urls = (group.schema_url.as_str(), scope.schema_url.as_str());
                    let mut row = table.row(group.resource.as_ref(), scope.scope.as_ref(), urls);
                    table.attributes(&mut row, Level::Record, &span.attributes);
                    set_span(&mut row, span);
                    table.rows.push(row);
                }
            }
        }
    }
    (table.rows, table.strays)
}

fn set_span(row: &mut Row, span: &Span) {
    const KINDS: [&str; 6] = [
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
    ];
    set(row, "trace_id", hex(&span.trace_id));
    set(row, "span_id", hex(&span.span_id));
    if span.parent_span_id != [0; 8] {
        let (parent, raw) = id(&span.parent_span_id, 8);
        set(row, "parent_span_id", parent);
        set(row, "parent_span_id_raw", raw);
    }
    set(row, "name", span.name.as_str());
    set(row, "kind", enum_text(span.kind, &KINDS));
    let (start, raw) = time(span.start_time_unix_nano);
    set(row, "start_time", start);
    set(row, "start_time_raw", raw);
    if span.end_time_unix_nano != 0 {
        let (end, raw) = time(span.end_time_unix_nano);
        set(row, "end_time", end);
        set(row, "end_time_raw", raw);
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        let duration = if end >= start {
            i64::try_from(end - start).unwrap_or(i64::MAX)
        } else {
            i64::try_from(start - end).map_or(i64::MIN, |nanos| -nanos)
        };
        set(row, "duration", duration);
    }
    let status = span.status.clone().unwrap_or_default();
    let code = enum_text(status.code, &["UNSET", "OK", "ERROR"]);
    set(row, "status_code", code);
    set(row, "status_message", filled(&status.message));
    set(row, "trace_state", filled(&span.trace_state));
    set(row, "flags", span.flags);
    set(
        row,
        "dropped_attributes_count",
        span.dropped_attributes_count,
    );
    set(row, "dropped_events_count", span.dropped_events_count);
    set(row, "dropped_links_count", span.dropped_links_count);
    let events = span.events.iter().map(|event| {
        let (at, raw) = time(event.time_unix_nano);
        json!({
            "time": at, "time_raw": raw, "name": event.name,
            "attributes": attributes_value(&event.attributes),
            "dropped_attributes_count": event.dropped_attributes_count,
        })
    });
    set(row, "events", events.collect::<Value>());
    let links = span.links.iter().map(|link| {
        let (trace_id, trace_id_raw) = id(&link.trace_id, 16);
        let (span_id, span_id_raw) = id(&link.span_id, 8);
        json!({
            "trace_id": trace_id, "span_id": span_id,
            "trace_id_raw": trace_id_raw, "span_id_raw": span_id_raw,
            "trace_state": filled(&link.trace_state), "flags": link.flags,
            "attributes": attributes_value(&link.attributes),
            "dropped_attributes_count": link.dropped_attributes_count,
        })
    });
    set(row, "links", links.collect::<Value>());
}

/// The rows of `logs` that `request` must become, and the columns that have strays.
pub fn log_rows(
    request: &ExportLogsServiceRequest,
    schema: &TableSchema,
    received_at: UnixNanos,
) -> Expected {
    let mut table = Table::new(schema, received_at);
    for group in &request.resource_logs {
        for scope in &group.scope_logs {
            for record in &scope.log_records {
                let urls = (group.schema_url.as_str(), scope.schema_url.as_str());
                let mut row = table.row(group.resource.as_ref(), scope.scope.as_ref(), urls);
                table.attributes(&mut row, Level::Record, &record.attributes);
                set_log(&mut row, record, received_at);
                table.rows.push(row);
            }
        }
    }
    (table.rows, table.strays)
}

fn set_log(row: &mut Row, record: &LogRecord, received_at: UnixNanos) {
    let mut timestamp = received_at.0;
    if record.observed_time_unix_nano != 0 {
        let (at, raw) = time(record.observed_time_unix_nano);
        set(row, "observed_time", at);
        set(row, "observed_time_raw", raw);
        timestamp = at;
    }
    if record.time_unix_nano != 0 {
        let (at, raw) = time(record.time_unix_nano);
        set(row, "time", at);
        set(row, "time_raw", raw);
        timestamp = at;
    }
    set(row, "timestamp", timestamp);
    set(row, "severity_number", record.severity_number);
    set(row, "severity_text", filled(&record.severity_text));
    set(row, "event_name", filled(&record.event_name));
    if let Some(body) = &record.body {
        let json = value_text(Some(body));
        let (text, json) = match &body.value {
            Some(Otlp::StringValue(text)) => (json!(text), Value::Null),
            Some(Otlp::IntValue(value)) => (value.to_string().into(), json.into()),
            Some(Otlp::DoubleValue(value)) => (double_text(*value).into(), json.into()),
            Some(Otlp::BytesValue(bytes)) => (STANDARD.encode(bytes).into(), json.into()),
            Some(_) => (json.clone().into(), json.into()),
            None => (Value::Null, json.into()),
        };
        set(row, "body", text);
        set(row, "body_json", json);
    }
    for (column, bytes, len) in [
        ("trace_id", &record.trace_id, 16),
        ("span_id", &record.span_id, 8),
    ] {
        if bytes.len() != len || is_valid(bytes, len) {
            let (id, raw) = id(bytes, len);
            set(row, column, id);
            set(row, &format!("{column}_raw"), raw);
        }
    }
    set(row, "flags", record.flags);
    set(
        row,
        "dropped_attributes_count",
        record.dropped_attributes_count,
    );
}

/// The rows of `metrics` that `request` must become, and the columns that have strays.
pub fn metric_rows(
    request: &ExportMetricsServiceRequest,
    schema: &TableSchema,
    received_at: UnixNanos,
) -> Expected {
    let mut table = Table::new(schema, received_at);
    for group in &request.resource_metrics {
        for scope in &group.scope_metrics {
            for metric in &scope.metrics {
                let urls = (group.schema_url.as_str(), scope.schema_url.as_str());
                let (strays, rows) = (table.strays.clone(), table.rows.len());
                let shared = table.row(group.resource.as_ref(), scope.scope.as_ref(), urls);
                set_points(&mut table, &shared, metric);
                if table.rows.len() == rows {
                    table.strays = strays;
                }
            }
        }
    }
    (table.rows, table.strays)
}

fn set_points(table: &mut Table<'_>, shared: &Row, metric: &Metric) {
    const TEMPORALITIES: [&str; 3] = ["unspecified", "delta", "cumulative"];
    let mut shared = shared.clone();
    set(&mut shared, "name", metric.name.as_str());
    set(&mut shared, "unit", filled(&metric.unit));
    set(&mut shared, "description", filled(&metric.description));
    set(&mut shared, "metadata", attributes_value(&metric.metadata));
    let kinded = |kind: &str, temporality: Option<i32>| {
        let mut row = shared.clone();
        set(&mut row, "type", kind);
        let temporality = temporality.map(|number| enum_text(number, &TEMPORALITIES));
        set(&mut row, "temporality", temporality);
        row
    };
    match &metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => {
            let row = kinded("gauge", None);
            gauge
                .data_points
                .iter()
                .for_each(|point| set_number(table, row.clone(), point));
        }
        Some(Data::Sum(sum)) => {
            let mut row = kinded("sum", Some(sum.aggregation_temporality));
            set(&mut row, "is_monotonic", sum.is_monotonic);
            sum.data_points
                .iter()
                .for_each(|point| set_number(table, row.clone(), point));
        }
        Some(data) => set_distributions(table, &kinded, data),
    }
}

fn set_distributions(
    table: &mut Table<'_>,
    kinded: &dyn Fn(&str, Option<i32>) -> Row,
    data: &Data,
) {
    match data {
        Data::Gauge(_) | Data::Sum(_) => {}
        Data::Histogram(data) => {
            let row = kinded("histogram", Some(data.aggregation_temporality));
            for point in &data.data_points {
                let mut row = row.clone();
                set_moments(&mut row, point.count, point.sum, point.min, point.max);
                set(&mut row, "bucket_counts", json!(point.bucket_counts));
                let bounds = point.explicit_bounds.iter().map(|bound| double(*bound));
                set(&mut row, "explicit_bounds", bounds.collect::<Value>());
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let rest = (times, point.flags, &point.attributes[..]);
                finish_point(table, row, rest, &point.exemplars);
            }
        }
        Data::ExponentialHistogram(data) => {
            let row = kinded("exponential_histogram", Some(data.aggregation_temporality));
            for point in &data.data_points {
                let mut row = row.clone();
                set_moments(&mut row, point.count, point.sum, point.min, point.max);
                set(&mut row, "scale", point.scale);
                set(&mut row, "zero_count", point.zero_count);
                set(&mut row, "zero_threshold", double(point.zero_threshold));
                for (name, buckets) in
                    [("positive", &point.positive), ("negative", &point.negative)]
                {
                    if let Some(buckets) = buckets {
                        set(&mut row, &format!("{name}_offset"), buckets.offset);
                        let counts = json!(buckets.bucket_counts);
                        set(&mut row, &format!("{name}_bucket_counts"), counts);
                    }
                }
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let rest = (times, point.flags, &point.attributes[..]);
                finish_point(table, row, rest, &point.exemplars);
            }
        }
        Data::Summary(data) => {
            let row = kinded("summary", None);
            for point in &data.data_points {
                let mut row = row.clone();
                set_moments(&mut row, point.count, Some(point.sum), None, None);
                let quantiles = point.quantile_values.iter();
                let quantiles = quantiles
                    .map(|q| json!({"quantile": double(q.quantile), "value": double(q.value)}));
                set(&mut row, "quantiles", quantiles.collect::<Value>());
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let rest = (times, point.flags, &point.attributes[..]);
                finish_point(table, row, rest, &[]);
            }
        }
    }
}

fn set_moments(row: &mut Row, count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    set(row, "count", count);
    set(row, "sum", sum.map(double));
    set(row, "min", min.map(double));
    set(row, "max", max.map(double));
}

fn set_number(table: &mut Table<'_>, mut row: Row, point: &NumberDataPoint) {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => set(&mut row, "value", double(value)),
        Some(number_data_point::Value::AsInt(value)) => {
            set(&mut row, "value", double(value as f64));
            set(&mut row, "value_int", value);
        }
        None => {}
    }
    let times = (point.start_time_unix_nano, point.time_unix_nano);
    let rest = (times, point.flags, &point.attributes[..]);
    finish_point(table, row, rest, &point.exemplars);
}

fn finish_point(
    table: &mut Table<'_>,
    mut row: Row,
    (times, flags, attributes): ((u64, u64), u32, &[KeyValue]),
    exemplars: &[Exemplar],
) {
    if times.0 != 0 {
        let (start, raw) = time(times.0);
        set(&mut row, "start_time", start);
        set(&mut row, "start_time_raw", raw);
    }
    let (at, raw) = time(times.1);
    set(&mut row, "time", at);
    set(&mut row, "time_raw", raw);
    set(&mut row, "flags", flags);
    table.attributes(&mut row, Level::Record, attributes);
    let exemplars = exemplars.iter().map(|exemplar| {
        let (at, raw) = time(exemplar.time_unix_nano);
        let (trace_id, trace_id_raw) = id(&exemplar.trace_id, 16);
        let (span_id, span_id_raw) = id(&exemplar.span_id, 8);
        let (value, value_int) = match exemplar.value {
            Some(exemplar::Value::AsDouble(value)) => (double(value), Value::Null),
            Some(exemplar::Value::AsInt(value)) => (double(value as f64), value.into()),
            None => (Value::Null, Value::Null),
        };
        json!({
            "time": at, "time_raw": raw, "value": value, "value_int": value_int,
            "trace_id": trace_id, "span_id": span_id,
            "trace_id_raw": trace_id_raw, "span_id_raw": span_id_raw,
            "filtered_attributes": attributes_value(&exemplar.filtered_attributes),
        })
    });
    set(&mut row, "exemplars", exemplars.collect::<Value>());
    table.rows.push(row);
}

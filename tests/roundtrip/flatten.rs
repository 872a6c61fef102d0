//! Flattens requests to records in one canonical form, each as the bytes of a request that holds
//! nothing else.

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum,
    Summary, metric,
};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// One request a span that a server accepts.
pub(crate) fn spans(request: &ExportTraceServiceRequest) -> Vec<ExportTraceServiceRequest> {
    let mut records = Vec::new();
    for group in &request.resource_spans {
        for scope in &group.scope_spans {
            for span in scope.spans.iter().filter(|span| has_ids(span)) {
                let scope_spans = vec![ScopeSpans {
                    scope: Some(scope_of(scope.scope.as_ref())),
                    spans: vec![one_span(span.clone())],
                    schema_url: scope.schema_url.clone(),
                }];
                let resource_spans = vec![ResourceSpans {
                    resource: Some(resource_of(group.resource.as_ref())),
                    scope_spans,
                    schema_url: group.schema_url.clone(),
                }];
                records.push(ExportTraceServiceRequest { resource_spans });
            }
        }
    }
    records
}

/// Whether both ids have their length and are not zero.
fn has_ids(span: &Span) -> bool {
    let valid = |id: &[u8], length: usize| id.len() == length && id.iter().any(|b| *b != 0);
    valid(&span.trace_id, 16) && valid(&span.span_id, 8)
}

fn one_span(mut span: Span) -> Span {
    unset_zero(&mut span.parent_span_id, 8);
    attributes(&mut span.attributes);
    span.events
        .iter_mut()
        .for_each(|event| attributes(&mut event.attributes));
    span.links
        .iter_mut()
        .for_each(|link| attributes(&mut link.attributes));
    span.status = Some(span.status.unwrap_or_default());
    span
}

/// One request a log record.
pub(crate) fn logs(request: &ExportLogsServiceRequest) -> Vec<ExportLogsServiceRequest> {
    let mut records = Vec::new();
    for group in &request.resource_logs {
        for scope in &group.scope_logs {
            for record in &scope.log_records {
                let scope_logs = vec![ScopeLogs {
                    scope: Some(scope_of(scope.scope.as_ref())),
                    log_records: vec![one_log(record.clone())],
                    schema_url: scope.schema_url.clone(),
                }];
                let resource_logs = vec![ResourceLogs {
                    resource: Some(resource_of(group.resource.as_ref())),
                    scope_logs,
                    schema_url: group.schema_url.clone(),
                }];
                records.push(ExportLogsServiceRequest { resource_logs });
            }
        }
    }
    records
}

fn one_log(mut record: LogRecord) -> LogRecord {
    unset_zero(&mut record.trace_id, 16);
    unset_zero(&mut record.span_id, 8);
    attributes(&mut record.attributes);
    if let Some(body) = &mut record.body {
        value(body);
    }
    record
}

/// One request a data point.
pub(crate) fn points(request: &ExportMetricsServiceRequest) -> Vec<ExportMetricsServiceRequest> {
    let mut records = Vec::new();
    for group in &request.resource_metrics {
        for scope in &group.scope_metrics {
            for data in scope.metrics.iter().flat_map(one_point_each) {
                let scope_metrics = vec![ScopeMetrics {
                    scope: Some(scope_of(scope.scope.as_ref())),
                    metrics: vec![data],
                    schema_url: scope.schema_url.clone(),
                }];
                let resource_metrics = vec![ResourceMetrics {
                    resource: Some(resource_of(group.resource.as_ref())),
                    scope_metrics,
                    schema_url: group.schema_url.clone(),
                }];
                records.push(ExportMetricsServiceRequest { resource_metrics });
            }
        }
    }
    records
}

/// A metric with one point for each point of `metric`.
fn one_point_each(metric: &Metric) -> Vec<Metric> {
    use metric::Data;
    let mut datas = Vec::new();
    match metric.data.clone() {
        None => {}
        Some(Data::Gauge(gauge)) => datas.extend(gauge.data_points.into_iter().map(|mut point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
            Data::Gauge(Gauge {
                data_points: vec![point],
            })
        })),
        Some(Data::Sum(sum)) => datas.extend(sum.data_points.into_iter().map(|mut point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
            Data::Sum(Sum {
                data_points: vec![point],
                ..sum
            })
        })),
        Some(Data::Histogram(all)) => datas.extend(all.data_points.into_iter().map(|mut point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
            Data::Histogram(Histogram {
                data_points: vec![point],
                ..all
            })
        })),
        Some(Data::ExponentialHistogram(all)) => {
            datas.extend(all.data_points.into_iter().map(|mut point| {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
                point.positive = Some(point.positive.unwrap_or_default());
                point.negative = Some(point.negative.unwrap_or_default());
                Data::ExponentialHistogram(ExponentialHistogram {
                    data_points: vec![point],
                    ..all
                })
            }));
        }
        Some(Data::Summary(all)) => datas.extend(all.data_points.into_iter().map(|mut point| {
            attributes(&mut point.attributes);
            Data::Summary(Summary {
                data_points: vec![point],
            })
        })),
    }
    let mut metadata = metric.metadata.clone();
    attributes(&mut metadata);
    let with = |data| Metric {
        data: Some(data),
        metadata: metadata.clone(),
        ..metric.clone()
    };
    datas.into_iter().map(with).collect()
}

fn exemplars(exemplars: &mut [Exemplar]) {
    for exemplar in exemplars {
        attributes(&mut exemplar.filtered_attributes);
        unset_zero(&mut exemplar.trace_id, 16);
        unset_zero(&mut exemplar.span_id, 8);
    }
}

fn resource_of(resource: Option<&Resource>) -> Resource {
    let mut resource = resource.cloned().unwrap_or_default();
    attributes(&mut resource.attributes);
    resource
}

fn scope_of(scope: Option<&InstrumentationScope>) -> InstrumentationScope {
    let mut scope = scope.cloned().unwrap_or_default();
    attributes(&mut scope.attributes);
    scope
}

/// An id of zeros means none.
fn unset_zero(id: &mut Vec<u8>, length: usize) {
    if id.len() == length && id.iter().all(|byte| *byte == 0) {
        id.clear();
    }
}

/// Sorts by key, values of one key in their order, and the same inside.
fn attributes(attributes: &mut [KeyValue]) {
    for entry in attributes.iter_mut() {
        entry.value = entry.value.take().filter(|value| value.value.is_some());
        if let Some(inner) = &mut entry.value {
            value(inner);
        }
    }
    attributes.sort_by(|a, b| (&a.key, a.key_strindex).cmp(&(&b.key, b.key_strindex)));
}

fn value(any: &mut AnyValue) {
    match &mut any.value {
        Some(any_value::Value::DoubleValue(double)) if double.is_nan() => *double = f64::NAN,
        Some(any_value::Value::ArrayValue(list)) => list.values.iter_mut().for_each(value),
        Some(any_value::Value::KvlistValue(list)) => attributes(&mut list.values),
        _ => {}
    }
}

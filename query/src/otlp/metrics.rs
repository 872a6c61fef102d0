//! Rows of `metrics` back to OTLP.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt64Type};
use oriel_proto::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use oriel_proto::otlp::metrics::v1::metric::Data;
use oriel_proto::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use oriel_proto::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use oriel_storage::schema::{Level, TableSchema};

use super::OtlpError;
use super::rows::{Columns, Groups, Keys, Tree, enum_number, plain, resource, scope};

const TEMPORALITIES: &[&str] = &["unspecified", "delta", "cumulative"];
/// Columns that are equal for all points of a metric within its scope.
const METRIC: &[&str] = &[
    "name",
    "type",
    "unit",
    "description",
    "temporality",
    "is_monotonic",
    "metadata",
];

pub(super) fn read(
    schema: &TableSchema,
    batches: &[RecordBatch],
) -> Result<Vec<ResourceMetrics>, OtlpError> {
    let mut tree: Tree<ResourceMetrics, (ScopeMetrics, Groups<Metric>)> = Tree::default();
    let (mut resource_keys, mut scope_keys) = (Keys::resource(schema), Keys::scope());
    let mut metric_keys = Keys::new(METRIC.iter().map(ToString::to_string).collect());
    for batch in batches {
        let batch = plain(batch)?;
        let columns = Columns::of_batch(&batch);
        let resources = resource_keys.of(&columns)?;
        let scopes = scope_keys.of(&columns)?;
        let metrics = metric_keys.of(&columns)?;
        for row in 0..batch.num_rows() {
            let (_, group) = tree.of(
                &resources[row],
                &scopes[row],
                || {
                    Ok(ResourceMetrics {
                        resource: Some(resource(&columns, schema, row)?),
                        scope_metrics: Vec::new(),
                        schema_url: columns.string("resource_schema_url", row)?,
                    })
                },
                || {
                    let group = ScopeMetrics {
                        scope: Some(scope(&columns, row)?),
                        metrics: Vec::new(),
                        schema_url: columns.string("scope_schema_url", row)?,
                    };
                    Ok((group, Groups::default()))
                },
            )?;
            let metric = group.of(&metrics[row], || metric(&columns, row))?;
            push_point(metric, &columns, schema, row)?;
        }
    }
    let scopes = |scopes: Vec<(ScopeMetrics, Groups<Metric>)>| {
        let filled = scopes.into_iter().map(|(group, metrics)| ScopeMetrics {
            metrics: metrics.groups,
            ..group
        });
        filled.collect()
    };
    let groups = tree.finish().map(|(group, found)| ResourceMetrics {
        scope_metrics: scopes(found),
        ..group
    });
    Ok(groups.collect())
}

/// The metric of `row`, without points.
fn metric(columns: &Columns<'_>, row: usize) -> Result<Metric, OtlpError> {
    let aggregation_temporality = enum_number(TEMPORALITIES, &columns.string("temporality", row)?);
    let monotonic = columns.boolean("is_monotonic")?;
    let kind = columns.string("type", row)?;
    let data = match kind.as_str() {
        "gauge" => Data::Gauge(Gauge::default()),
        "sum" => Data::Sum(Sum {
            data_points: Vec::new(),
            aggregation_temporality,
            is_monotonic: monotonic.is_valid(row) && monotonic.value(row),
        }),
        "histogram" => Data::Histogram(Histogram {
            data_points: Vec::new(),
            aggregation_temporality,
        }),
        "exponential_histogram" => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: Vec::new(),
            aggregation_temporality,
        }),
        "summary" => Data::Summary(Summary::default()),
        _ => return Err(OtlpError::Column(format!("type ({kind:?} is unknown)"))),
    };
    Ok(Metric {
        name: columns.string("name", row)?,
        description: columns.string("description", row)?,
        unit: columns.string("unit", row)?,
        metadata: columns.json_attributes("metadata", row)?,
        data: Some(data),
    })
}

fn push_point(
    metric: &mut Metric,
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<(), OtlpError> {
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.push(number(columns, schema, row)?),
        Some(Data::Sum(sum)) => sum.data_points.push(number(columns, schema, row)?),
        Some(Data::Histogram(histogram)) => {
            histogram.data_points.push(explicit(columns, schema, row)?);
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            let point = exponential(columns, schema, row)?;
            histogram.data_points.push(point);
        }
        Some(Data::Summary(summary)) => summary.data_points.push(quantiles(columns, schema, row)?),
        None => {}
    }
    Ok(())
}

fn number(
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<NumberDataPoint, OtlpError> {
    use number_data_point::Value;
    let int = columns.number::<Int64Type>("value_int", row)?;
    let double = columns.number::<Float64Type>("value", row)?;
    Ok(NumberDataPoint {
        attributes: columns.attributes(schema, Level::Record, row)?,
        start_time_unix_nano: columns.time("start_time", row)?,
        time_unix_nano: columns.time("time", row)?,
        exemplars: exemplars(columns, row)?,
        flags: columns.count("flags", row)?,
        value: int.map(Value::AsInt).or(double.map(Value::AsDouble)),
    })
}

fn explicit(
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<HistogramDataPoint, OtlpError> {
    Ok(HistogramDataPoint {
        attributes: columns.attributes(schema, Level::Record, row)?,
        start_time_unix_nano: columns.time("start_time", row)?,
        time_unix_nano: columns.time("time", row)?,
        count: unsigned(columns, "count", row)?,
        sum: columns.number::<Float64Type>("sum", row)?,
        bucket_counts: counts(columns, "bucket_counts", row)?,
        explicit_bounds: {
            let list = columns.list("explicit_bounds")?;
            match list.is_valid(row) {
                true => list
                    .value(row)
                    .as_primitive::<Float64Type>()
                    .values()
                    .to_vec(),
                false => Vec::new(),
            }
        },
        exemplars: exemplars(columns, row)?,
        flags: columns.count("flags", row)?,
        min: columns.number::<Float64Type>("min", row)?,
        max: columns.number::<Float64Type>("max", row)?,
    })
}

fn exponential(
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<ExponentialHistogramDataPoint, OtlpError> {
    let zero_threshold = columns.number::<Float64Type>("zero_threshold", row)?;
    Ok(ExponentialHistogramDataPoint {
        attributes: columns.attributes(schema, Level::Record, row)?,
        start_time_unix_nano: columns.time("start_time", row)?,
        time_unix_nano: columns.time("time", row)?,
        count: unsigned(columns, "count", row)?,
        sum: columns.number::<Float64Type>("sum", row)?,
        scale: columns
            .number::<Int32Type>("scale", row)?
            .unwrap_or_default(),
        zero_count: unsigned(columns, "zero_count", row)?,
        positive: buckets(columns, "positive", row)?,
        negative: buckets(columns, "negative", row)?,
        flags: columns.count("flags", row)?,
        exemplars: exemplars(columns, row)?,
        min: columns.number::<Float64Type>("min", row)?,
        max: columns.number::<Float64Type>("max", row)?,
        zero_threshold: zero_threshold.unwrap_or_default(),
    })
}

fn quantiles(
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<SummaryDataPoint, OtlpError> {
    let list = columns.list("quantiles")?;
    let mut quantile_values = Vec::new();
    if list.is_valid(row) {
        let items = list.value(row);
        let fields = Columns::of_struct(items.as_struct());
        let (quantiles, values) = (
            fields.numbers::<Float64Type>("quantile")?,
            fields.numbers::<Float64Type>("value")?,
        );
        let pairs = quantiles.values().iter().zip(values.values());
        quantile_values.extend(pairs.map(|(quantile, value)| ValueAtQuantile {
            quantile: *quantile,
            value: *value,
        }));
    }
    Ok(SummaryDataPoint {
        attributes: columns.attributes(schema, Level::Record, row)?,
        start_time_unix_nano: columns.time("start_time", row)?,
        time_unix_nano: columns.time("time", row)?,
        count: unsigned(columns, "count", row)?,
        sum: columns
            .number::<Float64Type>("sum", row)?
            .unwrap_or_default(),
        quantile_values,
        flags: columns.count("flags", row)?,
    })
}

fn unsigned(columns: &Columns<'_>, name: &str, row: usize) -> Result<u64, OtlpError> {
    Ok(columns.number::<UInt64Type>(name, row)?.unwrap_or_default())
}

fn counts(columns: &Columns<'_>, name: &str, row: usize) -> Result<Vec<u64>, OtlpError> {
    let list = columns.list(name)?;
    Ok(match list.is_valid(row) {
        true => list
            .value(row)
            .as_primitive::<UInt64Type>()
            .values()
            .to_vec(),
        false => Vec::new(),
    })
}

fn buckets(columns: &Columns<'_>, side: &str, row: usize) -> Result<Option<Buckets>, OtlpError> {
    let offset = columns.number::<Int32Type>(&format!("{side}_offset"), row)?;
    let Some(offset) = offset else {
        return Ok(None);
    };
    Ok(Some(Buckets {
        offset,
        bucket_counts: counts(columns, &format!("{side}_bucket_counts"), row)?,
    }))
}

fn exemplars(columns: &Columns<'_>, row: usize) -> Result<Vec<Exemplar>, OtlpError> {
    use exemplar::Value;
    let list = columns.list("exemplars")?;
    if list.is_null(row) {
        return Ok(Vec::new());
    }
    let items = list.value(row);
    let fields = Columns::of_struct(items.as_struct());
    (0..items.len())
        .map(|item| {
            let int = fields.number::<Int64Type>("value_int", item)?;
            let double = fields.number::<Float64Type>("value", item)?;
            Ok(Exemplar {
                filtered_attributes: fields.json_attributes("filtered_attributes", item)?,
                time_unix_nano: fields.time("time", item)?,
                span_id: fields.id_or_raw("span_id", item)?,
                trace_id: fields.id_or_raw("trace_id", item)?,
                value: int.map(Value::AsInt).or(double.map(Value::AsDouble)),
            })
        })
        .collect()
}

//! Metrics: the data points of opentelemetry.proto.metrics.v1.Metric, every kind of them, from the
//! wire into the columns of `metrics`.
//!
//! What the points of a metric share is set once for all its rows; lists are appended as they are
//! read; exemplars are read in a second pass over the point, when its attributes are done.

use arrow::datatypes::{
    Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::column::{Bools, Fixed, Lists, Text, items};
use super::exemplars::Exemplars;
use super::rows::{Arrays, Records, Rows, Stop};
use super::series::Series;
use super::spans::{set_enum, set_time};
use super::wire::{Fault, Problem, Reader};

const TEMPORALITIES: [&str; 3] = ["unspecified", "delta", "cumulative"];

/// The kinds of data; the numbers are those of the series id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

impl Kind {
    /// The kind that field `field` of a Metric holds.
    const fn of(field: u32) -> Option<Kind> {
        match field {
            5 => Some(Kind::Gauge),
            7 => Some(Kind::Sum),
            9 => Some(Kind::Histogram),
            10 => Some(Kind::ExponentialHistogram),
            11 => Some(Kind::Summary),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Sum => "sum",
            Kind::Histogram => "histogram",
            Kind::ExponentialHistogram => "exponential_histogram",
            Kind::Summary => "summary",
        }
    }

    /// Names of the data message and of its points.
    const fn messages(self) -> (&'static str, &'static str) {
        match self {
            Kind::Gauge => ("Gauge", "NumberDataPoint"),
            Kind::Sum => ("Sum", "NumberDataPoint"),
            Kind::Histogram => ("Histogram", "HistogramDataPoint"),
            Kind::ExponentialHistogram => ("ExponentialHistogram", "ExponentialHistogramDataPoint"),
            Kind::Summary => ("Summary", "SummaryDataPoint"),
        }
    }

    const fn has_temporality(self) -> bool {
        matches!(
            self,
            Kind::Sum | Kind::Histogram | Kind::ExponentialHistogram
        )
    }
}

/// What the points of a metric share.
#[derive(Debug, Default)]
struct Metric<'a> {
    name: &'a [u8],
    description: &'a [u8],
    unit: &'a [u8],
    metadata: Vec<u8>,
    data: Option<(Kind, Reader<'a>)>,
    temporality: i32,
    monotonic: bool,
}

impl<'a> Metric<'a> {
    fn read(mut reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<Self, Fault> {
        let mut metric = Metric::default();
        while reader.next()? {
            match (reader.field(), Kind::of(reader.field())) {
                (1, _) => metric.name = reader.bytes()?,
                (2, _) => metric.description = reader.bytes()?,
                (3, _) => metric.unit = reader.bytes()?,
                (12, _) => rows.sets.push(reader.message("KeyValue")?)?,
                (_, Some(kind)) => {
                    let data = reader.message(kind.messages().0)?;
                    if metric.data.replace((kind, data)).is_some() {
                        return Err(reader.fault(Problem::Repeated));
                    }
                }
                _ => reader.skip()?,
            }
        }
        rows.sets.write_filled(0, &mut metric.metadata)?;
        if let Some((kind, mut reader)) = metric.data {
            while reader.next()? {
                match reader.field() {
                    1 => drop(reader.message(kind.messages().1)?),
                    2 if kind.has_temporality() => metric.temporality = reader.varint()? as i32,
                    3 if kind == Kind::Sum => metric.monotonic = reader.varint()? != 0,
                    _ => reader.skip()?,
                }
            }
        }
        Ok(metric)
    }

    /// Bytes that each row repeats.
    fn bytes(&self) -> usize {
        self.name.len() + self.description.len() + self.unit.len() + self.metadata.len()
    }
}

/// A list column of plain numbers.
#[derive(Debug)]
struct NumberLists<T: arrow::array::ArrowPrimitiveType> {
    lists: Lists,
    items: Fixed<T>,
}

impl<T: arrow::array::ArrowPrimitiveType> Default for NumberLists<T> {
    fn default() -> Self {
        NumberLists {
            lists: Lists::default(),
            items: Fixed::default(),
        }
    }
}

impl<T: arrow::array::ArrowPrimitiveType> NumberLists<T> {
    fn push(&mut self, value: T::Native) {
        self.items.set(self.items.rows(), value);
    }

    /// Makes the items pushed since the last call the list of `row`.
    fn set(&mut self, row: usize) {
        self.lists.set(row, self.items.rows());
    }

    fn finish(&mut self, name: &str, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        let items = &mut self.items;
        out.list(name, &mut self.lists, |_, _| items.finish(items.rows()))
    }
}

/// Positive or negative buckets of exponential histograms.
#[derive(Debug, Default)]
struct Buckets {
    offset: Fixed<Int32Type>,
    counts: NumberLists<UInt64Type>,
}

impl Buckets {
    fn read(&mut self, row: usize, buckets: Option<Reader<'_>>) -> Result<(), Fault> {
        let Some(mut reader) = buckets else {
            return Ok(());
        };
        let mut offset = 0;
        while reader.next()? {
            match reader.field() {
                1 => offset = zigzag(reader.varint()?),
                2 => reader.repeated_varint(|count| self.counts.push(count))?,
                _ => reader.skip()?,
            }
        }
        self.offset.set(row, offset);
        self.counts.set(row);
        Ok(())
    }
}

/// A sint32.
fn zigzag(value: u64) -> i32 {
    let value = value as u32;
    ((value >> 1) as i32) ^ -((value & 1) as i32)
}

/// The columns of `metrics` that no other table has.
#[derive(Debug, Default)]
pub(super) struct Metrics<'a> {
    metric: Metric<'a>,
    /// First row of the current metric in the batch.
    metric_row: usize,
    series: Series,
    name: Text,
    kind: Text,
    unit: Text,
    description: Text,
    temporality: Text,
    is_monotonic: Bools,
    metadata: Text,
    series_id: Fixed<UInt64Type>,
    start_time: Fixed<TimestampNanosecondType>,
    start_time_raw: Fixed<UInt64Type>,
    time: Fixed<TimestampNanosecondType>,
    time_raw: Fixed<UInt64Type>,
    value: Fixed<Float64Type>,
    value_int: Fixed<Int64Type>,
    count: Fixed<UInt64Type>,
    sum: Fixed<Float64Type>,
    min: Fixed<Float64Type>,
    max: Fixed<Float64Type>,
    bucket_counts: NumberLists<UInt64Type>,
    explicit_bounds: NumberLists<Float64Type>,
    scale: Fixed<Int32Type>,
    zero_count: Fixed<UInt64Type>,
    zero_threshold: Fixed<Float64Type>,
    positive: Buckets,
    negative: Buckets,
    quantiles: Lists,
    quantile: Fixed<Float64Type>,
    quantile_value: Fixed<Float64Type>,
    flags: Fixed<UInt32Type>,
    exemplars: Exemplars,
    attributes: Text,
}

/// The fields that points of several kinds have.
#[derive(Debug, Default)]
struct Point {
    start_time: u64,
    time: u64,
    flags: u32,
    has_exemplars: bool,
}

impl<'a> Records<'a> for Metrics<'a> {
    const NAMES: [&'static str; 4] = [
        "ExportMetricsServiceRequest",
        "ResourceMetrics",
        "ScopeMetrics",
        "Metric",
    ];

    fn enter(
        &mut self,
        resource: Option<Reader<'a>>,
        scope: Option<Reader<'a>>,
    ) -> Result<(), Fault> {
        self.series.enter_scope(resource, scope)
    }

    fn record(&mut self, reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<(), Stop> {
        self.metric = Metric::read(reader, rows)?;
        self.metric_row = rows.row();
        let Some((kind, mut reader)) = self.metric.data else {
            return Ok(());
        };
        let metric = &self.metric;
        self.series.enter_metric(
            metric.name,
            metric.unit,
            kind as u8,
            metric.temporality,
            metric.monotonic,
        );
        let shared_bytes = metric.bytes();
        while reader.next()? {
            if reader.field() != 1 {
                reader.skip()?;
                continue;
            }
            let point = reader.message(kind.messages().1)?;
            rows.begin_row(8 * point.len() + shared_bytes, &point)?;
            self.read_point(kind, point, rows)?;
            rows.end_row();
            if rows.is_full() {
                rows.cut(self)?;
            }
        }
        self.end_run(rows.row());
        Ok(())
    }

    fn finish(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        let rows = out.rows;
        self.end_run(rows);
        self.metric_row = 0;
        out.text("name", &mut self.name)?;
        out.text("type", &mut self.kind)?;
        out.text("unit", &mut self.unit)?;
        out.text("description", &mut self.description)?;
        out.text("temporality", &mut self.temporality)?;
        if self.is_monotonic.rows() > 0 {
            out.put("is_monotonic", self.is_monotonic.finish(rows));
        }
        out.text("metadata", &mut self.metadata)?;
        out.fixed("series_id", &mut self.series_id)?;
        out.fixed("start_time", &mut self.start_time)?;
        out.fixed("start_time_raw", &mut self.start_time_raw)?;
        out.fixed("time", &mut self.time)?;
        out.fixed("time_raw", &mut self.time_raw)?;
        out.fixed("value", &mut self.value)?;
        out.fixed("value_int", &mut self.value_int)?;
        out.fixed("flags", &mut self.flags)?;
        out.text("attributes", &mut self.attributes)?;
        self.finish_distributions(out)?;
        self.exemplars.finish(out)
    }
}

impl<'a> Metrics<'a> {
    /// Sets what the rows of the current metric share, up to before row `end`.
    fn end_run(&mut self, end: usize) {
        let (row, count) = (self.metric_row, end - self.metric_row);
        self.metric_row = end;
        let Some((kind, _)) = self.metric.data.filter(|_| count > 0) else {
            return;
        };
        let metric = &self.metric;
        for row in row..end {
            self.name.set(row, metric.name);
            self.kind.set(row, kind.as_str().as_bytes());
            if kind.has_temporality() {
                let number = metric.temporality;
                set_enum(&mut self.temporality, row, number, &TEMPORALITIES);
            }
        }
        self.unit.set_run(row, count, metric.unit);
        self.description.set_run(row, count, metric.description);
        self.metadata.set_run(row, count, &metric.metadata);
        if kind == Kind::Sum {
            self.is_monotonic.set_run(row, count, metric.monotonic);
        }
    }

    fn read_point(
        &mut self,
        kind: Kind,
        reader: Reader<'a>,
        rows: &mut Rows<'a>,
    ) -> Result<(), Fault> {
        let (point, exemplars_field) = match kind {
            Kind::Gauge | Kind::Sum => (self.read_number(reader, rows)?, 5),
            Kind::Histogram => (self.read_histogram(reader, rows)?, 8),
            Kind::ExponentialHistogram => (self.read_exponential(reader, rows)?, 11),
            Kind::Summary => (self.read_summary(reader, rows)?, 0),
        };
        let row = rows.row();
        if point.start_time != 0 {
            let raw = &mut self.start_time_raw;
            set_time(&mut self.start_time, raw, row, point.start_time);
        }
        set_time(&mut self.time, &mut self.time_raw, row, point.time);
        self.flags.set(row, point.flags);
        self.series_id
            .set(row, self.series.id(&rows.sets.attributes)?);
        rows.set_attributes(0, &mut self.attributes)?;
        if point.has_exemplars {
            self.exemplars.read(reader, exemplars_field, rows)?;
        }
        self.exemplars.set(row);
        Ok(())
    }

    fn read_number(&mut self, mut reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<Point, Fault> {
        let mut point = Point::default();
        let (mut double, mut int) = (None, None);
        while reader.next()? {
            match reader.field() {
                2 => point.start_time = reader.fixed64()?,
                3 => point.time = reader.fixed64()?,
                4 => (double, int) = (Some(reader.double()?), None),
                5 => {
                    reader.message("Exemplar")?;
                    point.has_exemplars = true;
                }
                6 => (double, int) = (None, Some(reader.fixed64()? as i64)),
                7 => rows.sets.push(reader.message("KeyValue")?)?,
                8 => point.flags = reader.varint()? as u32,
                _ => reader.skip()?,
            }
        }
        let row = rows.row();
        self.value
            .set_some(row, double.or(int.map(|int| int as f64)));
        self.value_int.set_some(row, int);
        Ok(point)
    }

    fn read_histogram(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
    ) -> Result<Point, Fault> {
        let mut point = Point::default();
        let (mut count, mut sum, mut min, mut max) = (0, None, None, None);
        while reader.next()? {
            match reader.field() {
                2 => point.start_time = reader.fixed64()?,
                3 => point.time = reader.fixed64()?,
                4 => count = reader.fixed64()?,
                5 => sum = Some(reader.double()?),
                6 => reader.repeated_fixed64(|count| self.bucket_counts.push(count))?,
                7 => reader.repeated_fixed64(|bits| {
                    self.explicit_bounds.push(f64::from_bits(bits));
                })?,
                8 => {
                    reader.message("Exemplar")?;
                    point.has_exemplars = true;
                }
                9 => rows.sets.push(reader.message("KeyValue")?)?,
                10 => point.flags = reader.varint()? as u32,
                11 => min = Some(reader.double()?),
                12 => max = Some(reader.double()?),
                _ => reader.skip()?,
            }
        }
        let row = rows.row();
        self.count.set(row, count);
        self.sum.set_some(row, sum);
        self.min.set_some(row, min);
        self.max.set_some(row, max);
        self.bucket_counts.set(row);
        self.explicit_bounds.set(row);
        Ok(point)
    }

    fn read_exponential(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
    ) -> Result<Point, Fault> {
        let mut point = Point::default();
        let (mut count, mut sum, mut min, mut max) = (0, None, None, None);
        let (mut scale, mut zero_count, mut zero_threshold) = (0, 0, 0.0);
        let (mut positive, mut negative) = (None, None);
        while reader.next()? {
            match reader.field() {
                1 => rows.sets.push(reader.message("KeyValue")?)?,
                2 => point.start_time = reader.fixed64()?,
                3 => point.time = reader.fixed64()?,
                4 => count = reader.fixed64()?,
                5 => sum = Some(reader.double()?),
                6 => scale = zigzag(reader.varint()?),
                7 => zero_count = reader.fixed64()?,
                8 => reader.message_once(&mut positive, "Buckets")?,
                9 => reader.message_once(&mut negative, "Buckets")?,
                10 => point.flags = reader.varint()? as u32,
                11 => {
                    reader.message("Exemplar")?;
                    point.has_exemplars = true;
                }
                12 => min = Some(reader.double()?),
                13 => max = Some(reader.double()?),
                14 => zero_threshold = reader.double()?,
                _ => reader.skip()?,
            }
        }
        let row = rows.row();
        self.count.set(row, count);
        self.sum.set_some(row, sum);
        self.min.set_some(row, min);
        self.max.set_some(row, max);
        self.scale.set(row, scale);
        self.zero_count.set(row, zero_count);
        self.zero_threshold.set(row, zero_threshold);
        self.positive.read(row, positive)?;
        self.negative.read(row, negative)?;
        Ok(point)
    }

    fn read_summary(
        &mut self,
        mut reader: Reader<'a>,
        rows: &mut Rows<'a>,
    ) -> Result<Point, Fault> {
        let mut point = Point::default();
        let (mut count, mut sum) = (0, 0.0);
        while reader.next()? {
            match reader.field() {
                2 => point.start_time = reader.fixed64()?,
                3 => point.time = reader.fixed64()?,
                4 => count = reader.fixed64()?,
                5 => sum = reader.double()?,
                6 => self.read_quantile(reader.message("ValueAtQuantile")?)?,
                7 => rows.sets.push(reader.message("KeyValue")?)?,
                8 => point.flags = reader.varint()? as u32,
                _ => reader.skip()?,
            }
        }
        let row = rows.row();
        self.count.set(row, count);
        self.sum.set(row, sum);
        self.quantiles.set(row, self.quantile.rows());
        Ok(point)
    }

    fn read_quantile(&mut self, mut reader: Reader<'a>) -> Result<(), Fault> {
        let (mut quantile, mut value) = (0.0, 0.0);
        while reader.next()? {
            match reader.field() {
                1 => quantile = reader.double()?,
                2 => value = reader.double()?,
                _ => reader.skip()?,
            }
        }
        let at = self.quantile.rows();
        self.quantile.set(at, quantile);
        self.quantile_value.set(at, value);
        Ok(())
    }

    fn finish_distributions(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError> {
        out.fixed("count", &mut self.count)?;
        out.fixed("sum", &mut self.sum)?;
        out.fixed("min", &mut self.min)?;
        out.fixed("max", &mut self.max)?;
        self.bucket_counts.finish("bucket_counts", out)?;
        self.explicit_bounds.finish("explicit_bounds", out)?;
        out.fixed("scale", &mut self.scale)?;
        out.fixed("zero_count", &mut self.zero_count)?;
        out.fixed("zero_threshold", &mut self.zero_threshold)?;
        out.fixed("positive_offset", &mut self.positive.offset)?;
        out.fixed("negative_offset", &mut self.negative.offset)?;
        let counts = &mut self.positive.counts;
        counts.finish("positive_bucket_counts", out)?;
        let counts = &mut self.negative.counts;
        counts.finish("negative_bucket_counts", out)?;
        let count = self.quantile.rows();
        out.list("quantiles", &mut self.quantiles, |data_type, _| {
            let columns = vec![
                self.quantile.finish(count)?,
                self.quantile_value.finish(count)?,
            ];
            items(data_type, columns, count)
        })
    }
}

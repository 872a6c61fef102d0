//! Moves recorded telemetry in time and gives it other trace ids, so that old recordings look fresh
//! and a second pass is not taken for a retry of the first.

use anyhow::{Result, bail};
use bytes::Bytes;
use oriel_proto::Signal;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::metrics::v1::{Exemplar, metric::Data};
use prost::Message;

use super::read::{Format, Request};

/// What to change in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// Nanoseconds to add to every time that is set.
    pub(crate) shift: i64,
    /// Which pass over the files: trace ids of pass `n` differ from those of all others.
    pub(crate) pass: u32,
}

impl Rewrite {
    /// Whether it changes nothing.
    pub(crate) fn is_nothing(self) -> bool {
        self == Rewrite::default()
    }

    /// The changed request. Errors: not protobuf.
    pub(crate) fn apply(self, request: Request) -> Result<Request> {
        if self.is_nothing() {
            return Ok(request);
        }
        let shift = self.shift.saturating_add(i64::from(self.pass));
        let body = visit(&request, |field| match field {
            Field::Time(time) if *time != 0 => *time = time.saturating_add_signed(shift),
            Field::TraceId(id) if id.len() == 16 => {
                id.iter_mut()
                    .zip(self.pass.to_be_bytes())
                    .for_each(|(byte, pass)| *byte ^= pass);
            }
            Field::Time(_) | Field::TraceId(_) => {}
        })?;
        Ok(Request { body, ..request })
    }
}

/// The newest time of a request, 0 without any.
pub(crate) fn newest(request: &Request) -> Result<u64> {
    let mut newest = 0;
    visit(request, |field| {
        if let Field::Time(time) = field {
            newest = newest.max(*time);
        }
    })?;
    Ok(newest)
}

enum Field<'a> {
    Time(&'a mut u64),
    TraceId(&'a mut Vec<u8>),
}

/// Shows every time and trace id to `see`, and encodes what it leaves.
fn visit(request: &Request, mut see: impl FnMut(Field<'_>)) -> Result<Bytes> {
    if request.format == Format::Json {
        bail!("--shift-to-now and --repeat work on .binpb files only");
    }
    let body = &*request.body;
    Ok(match request.signal {
        Signal::Traces => {
            let mut message = ExportTraceServiceRequest::decode(body)?;
            traces(&mut message, &mut see);
            message.encode_to_vec()
        }
        Signal::Logs => {
            let mut message = ExportLogsServiceRequest::decode(body)?;
            for record in message
                .resource_logs
                .iter_mut()
                .flat_map(|group| &mut group.scope_logs)
                .flat_map(|scope| &mut scope.log_records)
            {
                see(Field::Time(&mut record.time_unix_nano));
                see(Field::Time(&mut record.observed_time_unix_nano));
                see(Field::TraceId(&mut record.trace_id));
            }
            message.encode_to_vec()
        }
        Signal::Metrics => {
            let mut message = ExportMetricsServiceRequest::decode(body)?;
            for metric in message
                .resource_metrics
                .iter_mut()
                .flat_map(|group| &mut group.scope_metrics)
                .flat_map(|scope| &mut scope.metrics)
            {
                points(&mut metric.data, &mut see);
            }
            message.encode_to_vec()
        }
    }
    .into())
}

fn traces(message: &mut ExportTraceServiceRequest, see: &mut impl FnMut(Field<'_>)) {
    for span in message
        .resource_spans
        .iter_mut()
        .flat_map(|group| &mut group.scope_spans)
        .flat_map(|scope| &mut scope.spans)
    {
        see(Field::Time(&mut span.start_time_unix_nano));
        see(Field::Time(&mut span.end_time_unix_nano));
        see(Field::TraceId(&mut span.trace_id));
        span.events
            .iter_mut()
            .for_each(|event| see(Field::Time(&mut event.time_unix_nano)));
        span.links
            .iter_mut()
            .for_each(|link| see(Field::TraceId(&mut link.trace_id)));
    }
}

fn points(data: &mut Option<Data>, see: &mut impl FnMut(Field<'_>)) {
    fn exemplars(exemplars: &mut [Exemplar], see: &mut impl FnMut(Field<'_>)) {
        for exemplar in exemplars {
            see(Field::Time(&mut exemplar.time_unix_nano));
            see(Field::TraceId(&mut exemplar.trace_id));
        }
    }
    // The four kinds of points share field names, but no type.
    macro_rules! each {
        ($points:expr $(, $exemplars:ident)?) => {
            for point in $points {
                see(Field::Time(&mut point.start_time_unix_nano));
                see(Field::Time(&mut point.time_unix_nano));
                $(exemplars(&mut point.$exemplars, see);)?
            }
        };
    }
    match data {
        Some(Data::Gauge(gauge)) => each!(&mut gauge.data_points, exemplars),
        Some(Data::Sum(sum)) => each!(&mut sum.data_points, exemplars),
        Some(Data::Histogram(histogram)) => each!(&mut histogram.data_points, exemplars),
        Some(Data::ExponentialHistogram(histogram)) => each!(&mut histogram.data_points, exemplars),
        Some(Data::Summary(summary)) => each!(&mut summary.data_points),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::read::Requests;
    use super::*;

    /// Scenario: the recorded corpus, moved by an hour, in the third pass.
    /// Guarantees: the newest time moves by that much, the same records stay, the bytes differ from
    /// those of every other pass.
    #[test]
    fn moves_times_and_renames_traces() {
        for signal in Signal::ALL {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("tests/data/shop/{signal}.binpb.zst"));
            let request = Requests::open(&path, None).expect("opens").next();
            let request = request.expect("has requests").expect("reads");
            let hour = 3_600_000_000_000;
            let moved = |pass| {
                Rewrite { shift: hour, pass }
                    .apply(request.clone())
                    .expect("moves")
            };
            let (second, third) = (moved(1), moved(2));
            assert_eq!(
                newest(&third).expect("decodes"),
                newest(&request).expect("decodes") + hour as u64 + 2
            );
            assert_eq!(third.records(), request.records());
            assert_ne!(second.body, third.body);
            assert_ne!(second.body, request.body);
        }
    }
}

//! For tests of any crate: generated OTLP requests full of awkward values, the rows they must
//! become by a second, plain implementation, and rows as comparable values.

mod reference;
mod requests;
mod rows;

pub use reference::{log_rows, metric_rows, span_rows};
pub use requests::{any_value, attributes, log_request, metric_request, trace_request};
pub use rows::{Row, rows};

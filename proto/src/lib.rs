//! The vocabulary of Oriel: signals, ids and times, and the OTLP messages they come from.
//!
//! Everything else in the workspace may depend on this crate; it depends on no sibling.

mod id;
mod signal;
mod time;
mod token;

pub use id::{IdError, SpanId, TraceId};
pub use signal::Signal;
pub use time::{TimeRange, UnixNanos};
pub use token::Token;

/// The OTLP messages as prost types (opentelemetry-proto): the reference that the hand-written
/// decoder is tested against, and the serde types of OTLP/JSON.
pub mod otlp {
    pub use opentelemetry_proto::tonic::*;
}

//! Oriel's front door: the only crate that speaks ingest protocols (OTLP over gRPC and HTTP).
//!
//! ```text
//! receive (bytes, limits) -> admit (budget) -> inflate -> claim -> decode -> Store::append -> respond
//! ```

pub mod inflate;

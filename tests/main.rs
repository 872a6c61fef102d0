//! The integration tests, one binary: linking DataFusion once per file would take minutes.
//!
//! Tools of the tests first (the binary as a child, a raw client, questions in SQL), then the
//! journeys, smallest first.

#![allow(clippy::unwrap_used, reason = "all of it is tests")]

mod support;
mod tidy;

mod ask;
mod check;
mod random;
mod wire;

mod api;
mod bench;
mod commands;
mod crash;
mod damage;
mod deletion;
mod edges;
mod fuzz;
mod journey;
mod lake;
mod live;
mod overload;
mod roundtrip;
mod sync;
mod watch;

//! What the journeys share: the real binary as a child process, and telemetry to send to it.

// A toolbox: no single set of journeys uses all of it.
#![allow(dead_code, unused_imports)]

pub(crate) mod otlp;
pub(crate) mod server;

pub(crate) use server::{Answer, Server};

//! The integration tests, one binary: linking DataFusion once per file would take minutes.

mod support;
mod tidy;

mod commands;

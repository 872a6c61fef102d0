//! Tests of rows back to OTLP.

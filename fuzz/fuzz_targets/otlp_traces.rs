//! Feeds `bodies::otlp_traces`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oriel_fuzz::bodies::otlp_traces(bytes));

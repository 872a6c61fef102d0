//! Feeds `bodies::otlp_logs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oriel_fuzz::bodies::otlp_logs(bytes));

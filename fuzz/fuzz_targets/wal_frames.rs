//! Feeds `bodies::wal_frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oriel_fuzz::bodies::wal_frames(bytes));

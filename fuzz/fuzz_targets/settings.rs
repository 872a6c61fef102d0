//! Feeds the reader of settings files, which is part of the binary.

#![no_main]
#![allow(dead_code, unexpected_cfgs)]

#[path = "../../src/cli.rs"]
mod cli;
#[path = "../../src/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("oriel.toml");
    std::fs::write(&path, bytes).expect("writes");
    let args = cli::ServeArgs {
        config: Some(path),
        ..Default::default()
    };
    if let Ok(settings) = config::Settings::resolve(&args, std::iter::empty()) {
        settings.print().expect("prints");
    }
});

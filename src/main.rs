//! `oriel`: one binary that receives telemetry, keeps it and answers queries.
//!
//! This is the composition root: arguments -> settings -> store -> collector and query -> stop in
//! mirror order. What each step does lives in the crates and in `commands/`.

mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = config::Settings::resolve(&cli.serve, std::env::vars());
    match settings.and_then(|s| s.print()) {
        Ok(text) => eprintln!("{text}"),
        Err(e) => {
            eprintln!("oriel: {e:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

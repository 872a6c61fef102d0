//! `oriel doctor`: checks a data directory that no server uses; the exit code is 1 when damage is left.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;
use bytesize::ByteSize;
use oriel_storage::{Report, Severity, doctor};

use crate::cli::DoctorArgs;

/// Checks, repairs when asked to, prints.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let report = doctor(&args.data_dir, args.repair)?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => text(&report),
    };
    super::print(&text)?;
    Ok(match report.is_sound() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The report for people.
fn text(report: &Report) -> String {
    let mut text = String::new();
    for found in &report.findings {
        let mark = match (found.repaired, found.severity) {
            (true, _) => "repaired",
            (false, Severity::Damage) => "DAMAGE",
            (false, Severity::Note) => "note",
        };
        let _ = writeln!(
            text,
            "{mark:8}  {}\n          {}\n          -> {}",
            found.place, found.detail, found.advice
        );
    }
    let _ = writeln!(
        text,
        "checked {} parts ({} rows, {}) and {} frames of the log ({})",
        report.parts,
        report.rows,
        ByteSize(report.part_bytes),
        report.wal_frames,
        ByteSize(report.wal_bytes),
    );
    text.push_str(match report.is_sound() {
        true => "no damage\n",
        false => {
            "there is damage; what is said above is missing from answers until it is put back\n"
        }
    });
    text
}

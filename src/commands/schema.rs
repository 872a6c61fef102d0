//! `oriel schema`: the reference of all tables and columns, as in docs/schema.md.

use std::process::ExitCode;

use anyhow::Result;
use oriel_storage::schema::{Schemas, markdown};

/// Prints the reference.
pub(crate) fn run() -> Result<ExitCode> {
    super::print(&markdown(&Schemas::format0()))?;
    Ok(ExitCode::SUCCESS)
}

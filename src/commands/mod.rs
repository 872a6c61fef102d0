//! The subcommands, one file each.

pub(crate) mod bench;
pub(crate) mod delete;
pub(crate) mod doctor;
pub(crate) mod schema;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod sql;

use std::io::{ErrorKind, Write};

/// Writes `text` to standard output; a reader that has gone (`| head`) is no error.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

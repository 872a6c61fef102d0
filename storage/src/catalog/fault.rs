//! What goes wrong inside the catalog, before it is told which file and action it was.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::Error;

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

/// A failure without its context.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite refused, or a row did not have the expected shape.
    Sql(rusqlite::Error),
    /// The rows contradict each other or this build.
    Damaged(String),
    /// A complete error.
    Known(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Known(error)
    }
}

impl Fault {
    /// The error for `action` on the database at `path`.
    pub(super) fn at(self, path: &Path, action: &'static str) -> Error {
        let corrupt = |detail: String| Error::Corrupt {
            what: path.display().to_string(),
            detail,
        };
        match self {
            Fault::Known(error) => error,
            Fault::Damaged(detail) => corrupt(detail),
            Fault::Sql(source) if is_damage(&source) => corrupt(format!("{action}: {source}")),
            Fault::Sql(source) if is_busy(&source) => Error::Unavailable {
                reason: format!(
                    "{action}: another program holds the write lock of {}; attach it READ_ONLY",
                    path.display()
                ),
            },
            Fault::Sql(source) => Error::Catalog { action, source },
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
            ) || message.as_ref().is_some_and(|m| m.starts_with("no such "))
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.starts_with("no such "),
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}

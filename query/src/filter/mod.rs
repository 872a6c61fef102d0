//! Filter text, the `q` of the API: `service:checkout status:error duration>250ms -health`.
//!
//! ```text
//! text -> parse (tree with positions) -> sql (WHERE for spans, logs or metrics)
//! ```
//!
//! Pure. docs/ui.md describes the language; [`ast::Expr`] prints as text that parses to itself.

pub(crate) mod ast;
pub(crate) mod keys;
mod like;
mod parse;
mod sql;
#[cfg(test)]
mod tests;

use oriel_storage::schema::TableSchema;

pub(crate) use self::sql::{Conditions, all, quoted};
use crate::error::{Code, Error, Position};

/// Parses `q` and says what rows of the table of `schema` must satisfy.
///
/// `summaries` is a query with one row a trace and the columns `trace_id`, `trace_duration`,
/// `trace_spans`, `trace_errors`, `root_service`, `root_name`: conditions on whole traces ask it.
///
/// Errors: `q` does not parse, or a value does not fit its key; the position is an offset in `q`.
pub(crate) fn conditions(
    q: Option<&str>,
    schema: &TableSchema,
    summaries: &str,
) -> Result<Conditions, Error> {
    let q = q.unwrap_or_default();
    match parse::parse(q).map_err(|wrong| wrong.told(q))? {
        Some(expr) => sql::conditions(&expr, schema, summaries).map_err(|wrong| wrong.told(q)),
        None => Ok(Conditions::default()),
    }
}

/// The text that `q` is printed as; `None` when it is empty or does not parse.
pub(crate) fn printed(q: &str) -> Option<String> {
    parse::parse(q).ok()?.map(|expr| expr.to_string())
}

/// Filter text for rows whose `key`, which is written unquoted, is `value`: as text, or, when not
/// `text`, as the number that it may spell.
pub(crate) fn term(key: &str, value: &str, text: bool) -> String {
    let name = key.to_owned();
    let key = ast::Key {
        name,
        quoted: false,
    };
    let value = ast::Value::new(value.to_owned(), text);
    let what = ast::What::Key(key, ast::Test::Match(ast::Match::Plain(value)));
    ast::Term { at: 0, what }.to_string()
}

/// Filter text for rows whose `key` holds all `pieces`, one behind the other; `None` without pieces.
pub(crate) fn holding(key: &str, pieces: Vec<String>) -> Option<String> {
    if pieces.is_empty() {
        return None;
    }
    let anything = [String::new()];
    let pieces = anything
        .iter()
        .cloned()
        .chain(pieces)
        .chain(anything.iter().cloned());
    let pattern = like::Pattern {
        pieces: pieces.collect(),
    };
    let key = ast::Key {
        name: key.to_owned(),
        quoted: false,
    };
    let what = ast::What::Key(key, ast::Test::Match(ast::Match::Like(pattern)));
    Some(ast::Term { at: 0, what }.to_string())
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq)]
struct Wrong {
    /// Characters of the text before the place.
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Wrong {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Wrong {
            at,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Wrong {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// As an error of the API.
    fn told(self, q: &str) -> Error {
        let before: Vec<char> = q.chars().take(self.at).collect();
        let line_start = before.iter().rposition(|c| *c == '\n');
        let line_start = line_start.map_or(0, |at| at + 1);
        Error {
            code: Code::InvalidQuery,
            message: format!("the filter is not understood: {}", self.message),
            position: Some(Position {
                line: before.iter().filter(|c| **c == '\n').count() as u64 + 1,
                column: (before.len() - line_start) as u64 + 1,
                offset: self.at as u64,
            }),
            hint: self.hint,
            complete: None,
        }
    }
}

//! What can go wrong with a question, and how it is told: code, message, position, hint.

use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of error it is; its name is the `code` in answers and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// The request is not understood: body, parameter or header.
    BadRequest,
    /// The SQL does not parse.
    Syntax,
    /// The SQL names something that does not exist or does not fit.
    InvalidQuery,
    /// The SQL would write, or is more than one statement.
    NotAllowed,
    /// The query met a value that it cannot work with, such as a failing cast.
    Execution,
    /// No or a wrong bearer token.
    Unauthorized,
    /// A page of another site asked for something that only ours may.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// This path does not take this method.
    MethodNotAllowed,
    /// None of the formats that the client accepts can be given.
    NotAcceptable,
    /// The SQL text is too long.
    TooLarge,
    /// The query needs more memory than one query may have.
    MemoryLimit,
    /// The query took longer than one query may.
    Timeout,
    /// Somebody stopped the query.
    Cancelled,
    /// The store is closing or not open.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// A place in the SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Characters before it, from 0.
    pub offset: u64,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind.
    pub code: Code,
    /// What is wrong, for people.
    pub message: String,
    /// Where in the SQL, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What to try instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// False when it may be for damaged parts that there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
}

impl Error {
    /// An error without position and hint.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            code,
            message: message.into(),
            position: None,
            hint: None,
            complete: None,
        }
    }

    /// The same with a hint.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Error {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Names that a hint may suggest.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) tables: Vec<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) functions: Vec<String>,
}

/// The error that `error` is for the author of `sql`.
pub(crate) fn from_datafusion(error: &DataFusionError, sql: &str, known: &Known) -> Error {
    let root = error.find_root();
    let (code, message) = classify(root);
    let position = position(error, &message, sql);
    let hint = hint(error, root, &message, position, sql, known);
    Error {
        code,
        message,
        position,
        hint,
        complete: None,
    }
}

fn classify(root: &DataFusionError) -> (Code, String) {
    let message = || clean(&root.message());
    match root {
        DataFusionError::SQL(parser, _) => {
            let text = match parser.as_ref() {
                ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.clone(),
                ParserError::RecursionLimitExceeded => "the query is nested too deeply".to_owned(),
            };
            (Code::Syntax, text)
        }
        DataFusionError::NotImplemented(text) if text.starts_with("Unsupported SQL statement") => {
            (Code::NotAllowed, message())
        }
        DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Configuration(_) => (Code::InvalidQuery, message()),
        DataFusionError::Execution(_) | DataFusionError::ArrowError(..) => {
            (Code::Execution, message())
        }
        DataFusionError::ResourcesExhausted(_) => (Code::MemoryLimit, message()),
        // Patterns that are no literals are compiled while rows are read, by Arrow.
        other if is_regex_fault(&other.message()) => (Code::Execution, message()),
        other => match filter_fault(&other.message()) {
            Some(fault) => (Code::Execution, fault),
            None => (Code::Internal, message()),
        },
    }
}

/// What is wrong with a condition that a Parquet reader looked at: it tells of an error of ours, or of
/// Arrow, as a text in Rust's notation. `None` for other messages, and for errors of the reader itself.
fn filter_fault(message: &str) -> Option<String> {
    let (_, fault) = message.split_once("Error evaluating filter predicate: ")?;
    let kind = ["ArrowError(", "Execution("]
        .into_iter()
        .find_map(|kind| fault.strip_prefix(kind))?;
    let mut text = String::new();
    let mut characters = kind.split_once('"').map_or("", |(_, text)| text).chars();
    while let Some(character) = characters.next().filter(|character| *character != '"') {
        match character {
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    Some(match text.is_empty() {
        true => kind.split([',', ')']).next().unwrap_or_default().to_owned(),
        false => text,
    })
}

/// Whether `message` says that a regular expression does not parse or is too large.
fn is_regex_fault(message: &str) -> bool {
    [
        "regex parse error",
        "Compiled regex exceeds",
        "Regular expression",
    ]
    .iter()
    .any(|known| message.contains(known))
}

/// `message` without DataFusion's backtrace and advice to report a bug.
fn clean(message: &str) -> String {
    let first = message.split("\n\nbacktrace:").next().unwrap_or_default();
    first.trim_end_matches('.').trim().to_owned()
}

fn position(error: &DataFusionError, message: &str, sql: &str) -> Option<Position> {
    let (line, column) = match error.diagnostic().and_then(|found| found.span) {
        Some(span) => (span.start.line, span.start.column),
        None => line_and_column(message)
            .or_else(|| message.ends_with("found: EOF").then(|| end_of(sql)))
            .or_else(|| quoted_name(message, sql))?,
    };
    let before: u64 = sql
        .split_inclusive('\n')
        .take(line.checked_sub(1)? as usize)
        .map(|text| text.chars().count() as u64)
        .sum();
    Some(Position {
        line,
        column,
        offset: before + column.checked_sub(1)?,
    })
}

/// The `at Line: 1, Column: 8` of a parser's message.
fn line_and_column(message: &str) -> Option<(u64, u64)> {
    let (_, place) = message.rsplit_once("Line: ")?;
    let (line, rest) = place.split_once(", Column: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, digits.parse().ok()?))
}

/// The place behind the last character of `sql`.
fn end_of(sql: &str) -> (u64, u64) {
    let text = sql.trim_end();
    let last = text.rsplit('\n').next().unwrap_or_default();
    (
        text.matches('\n').count() as u64 + 1,
        last.chars().count() as u64 + 1,
    )
}

/// Where the first name that `message` quotes stands in `sql`, when it stands there once.
fn quoted_name(message: &str, sql: &str) -> Option<(u64, u64)> {
    let name = message.split('\'').nth(1)?;
    let name = name.rsplit('.').next().unwrap_or(name);
    let mut places = sql.match_indices(name);
    let (at, _) = places.next().filter(|_| !name.is_empty())?;
    if places.next().is_some() {
        return None;
    }
    let before = &sql[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() as u64 + 1;
    Some((line, before[line_start..].chars().count() as u64 + 1))
}

fn hint(
    error: &DataFusionError,
    root: &DataFusionError,
    message: &str,
    position: Option<Position>,
    sql: &str,
    known: &Known,
) -> Option<String> {
    if let DataFusionError::SchemaError(schema, _) = root
        && let SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = schema.as_ref()
    {
        return column_hint(field, valid_fields, position, sql, known);
    }
    if message.starts_with("table '") && message.ends_with("not found") {
        let name = message.split('\'').nth(1).unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default();
        let tables = known.tables.join(", ");
        return Some(match closest(name, &known.tables) {
            Some(near) => format!("did you mean {near}? The tables are {tables}"),
            None => format!("the tables are {tables}"),
        });
    }
    if let Some(rest) = message.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or_default();
        return closest(name, &known.functions).map(|near| format!("did you mean {near}()?"));
    }
    if matches!(root, DataFusionError::ResourcesExhausted(_)) {
        return Some(
            "read less: add a time range, fewer columns or a LIMIT, or raise query.memory_bytes_max"
                .to_owned(),
        );
    }
    let diagnostic = error.diagnostic()?;
    diagnostic.helps.first().map(|help| help.message.clone())
}

fn column_hint(
    field: &Column,
    valid: &[Column],
    position: Option<Position>,
    sql: &str,
    known: &Known,
) -> Option<String> {
    let at = position.map_or(0, |position| position.offset as usize);
    if sql.chars().nth(at) == Some('"') && position.is_some() {
        return Some(format!(
            "text is written in single quotes: '{}'; double quotes name columns",
            field.name
        ));
    }
    let names: Vec<String> = match valid {
        [] => known.columns.clone(),
        valid => valid.iter().map(|column| column.name.clone()).collect(),
    };
    if let Some(near) = closest(&field.name, &names) {
        return Some(format!("did you mean {near}?"));
    }
    let key = match &field.relation {
        Some(relation) => format!("{relation}.{}", field.name),
        None => field.name.clone(),
    };
    let attribute = if key.contains('.') {
        format!("an attribute is read as attributes['{key}']; ")
    } else {
        String::new()
    };
    Some(format!(
        "{attribute}GET /api/v1/schema lists all tables and columns"
    ))
}

/// The candidate that is most like `name`, when one is like it.
pub(crate) fn closest<'a>(name: &str, candidates: &'a [String]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.as_str())
}

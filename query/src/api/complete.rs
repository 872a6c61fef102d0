//! `GET complete`: what may stand at the cursor of the query bar.
//!
//! In: the filter text and the cursor. The word around the cursor is a key until it has an
//! operator, then a value. Out: built-in keys and attribute keys, or the values of the key, in some
//! rows of the range that the rest of the filter lets through: completion need not be exact, so it
//! reads a limited number of rows.

use axum::Json;
use axum::extract::State;
use oriel_storage::schema::Table;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asking::{Asking, Receipts};
use super::attributes::{Attributed, Reading, keys_of, values_of};
use super::request::{Params, Range};
use super::selection::Selection;
use crate::error::Error;
use crate::filter::keys::{Field, builtin, builtins};
use crate::http::{Api, ErrorBody};

/// Rows that are read for keys and values.
const ROWS_READ: usize = 50_000;
/// Options of an answer.
const OPTIONS_MAX: usize = 50;
/// What may stand between key and value.
const OPERATORS: [&str; 7] = [":", "=", "!=", ">=", "<=", ">", "<"];

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(complete))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CompleteParams {
    /// `spans`, `logs` or `metrics`.
    #[param(inline)]
    table: Attributed,
    /// The filter text.
    q: Option<String>,
    /// Characters of `q` before the cursor. Default: all.
    position: Option<u32>,
    /// Start of the range: nanoseconds since 1970 or RFC 3339. Default: an hour before `to`.
    from: Option<String>,
    /// End of the range, itself not in it. Default: now.
    to: Option<String>,
}

/// What an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A key.
    Key,
    /// A value.
    Value,
}

/// What may stand there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct Choice {
    /// The text to put in place of the range.
    text: String,
    /// What it is.
    kind: Kind,
    /// What it means, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Rows with it, among those that were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CompleteAnswer {
    /// First character of `q` to replace.
    from: usize,
    /// The first character behind those to replace.
    to: usize,
    /// What may stand there, the likeliest first.
    options: Vec<Choice>,
    receipt: Receipts,
}

/// The word around the cursor.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    /// Its range in characters of `q`, without what stands before a key (`-`, parentheses).
    from: usize,
    to: usize,
    /// The key before an operator, with the operator.
    key: Option<(String, &'static str)>,
    /// What was typed of the key or value up to the cursor, without a quote.
    typed: String,
}

/// The word that the cursor at `position` is in: words end at white space and parentheses outside
/// of quotes.
fn word_at(q: &str, position: usize) -> Word {
    let chars: Vec<char> = q.chars().collect();
    let position = position.min(chars.len());
    let (mut start, mut quoted) = (0, false);
    for (index, c) in chars[..position].iter().enumerate() {
        match c {
            '"' if index == 0 || chars[index - 1] != '\\' => quoted = !quoted,
            c if !quoted && (c.is_whitespace() || matches!(c, '(' | ')')) => start = index + 1,
            _ => {}
        }
    }
    if chars[start..position].first() == Some(&'-') {
        start += 1;
    }
    let ends = |c: &char| {
        if quoted {
            *c == '"'
        } else {
            c.is_whitespace() || matches!(c, '(' | ')')
        }
    };
    let mut end = chars[position..]
        .iter()
        .position(ends)
        .map_or(chars.len(), |at| position + at);
    if quoted && end < chars.len() {
        end += 1;
    }
    let text: String = chars[start..position].iter().collect();
    let operator = text
        .char_indices()
        .skip_while(|(at, _)| *at == 0)
        .find_map(|(at, _)| {
            let longest = OPERATORS.iter().filter(|op| text[at..].starts_with(**op));
            longest.max_by_key(|op| op.len()).map(|op| (at, *op))
        });
    match operator {
        Some((at, operator)) if !text.starts_with('"') => {
            let behind = at + operator.len();
            Word {
                from: start + text[..behind].chars().count(),
                to: end,
                key: Some((text[..at].to_owned(), operator)),
                typed: text[behind..].trim_matches('"').to_owned(),
            }
        }
        _ => Word {
            from: start,
            to: end,
            key: None,
            typed: text.trim_start_matches('"').to_owned(),
        },
    }
}

/// `text` as the language writes a value: in quotes where it would end early.
fn written(text: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@' | '+' | '%');
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with(['-', '/']) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Completion of filter text
#[utoipa::path(
    get, path = "/api/v1/complete", tag = "attributes", params(CompleteParams),
    responses(
        (status = 200, description = "What may stand at the cursor", body = CompleteAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn complete(
    State(api): State<Api>,
    Params(params): Params<CompleteParams>,
) -> Result<Json<CompleteAnswer>, Error> {
    let range = Range::parse(params.from.as_deref(), params.to.as_deref())?;
    let q = params.q.unwrap_or_default();
    let position = params
        .position
        .map_or(usize::MAX, |position| position as usize);
    let word = word_at(&q, position);
    let table = Table::from(params.table);
    let asking = Asking::new(&api);
    let from = sample(&api, table, range, &q, &word);
    let mut options = match &word.key {
        Some((key, _)) => values(&asking, table, key, &from, &word.typed).await?,
        None => keys(&asking, table, &from, &word.typed).await?,
    };
    options.truncate(OPTIONS_MAX);
    Ok(Json(CompleteAnswer {
        from: word.from,
        to: word.to,
        options,
        receipt: asking.receipt(),
    }))
}

/// Some rows that the filter lets through without the word at the cursor; when that cannot be
/// parsed yet, any rows of the range.
fn sample(api: &Api, table: Table, range: Range, q: &str, word: &Word) -> String {
    let chars: Vec<char> = q.chars().collect();
    let key = word.key.as_ref();
    let back = key.map_or(0, |(key, operator)| key.chars().count() + operator.len());
    let before: String = chars[..word.from - back].iter().collect();
    let after: String = chars[word.to..].iter().collect();
    let rest = format!("{} {after}", before.strip_suffix('-').unwrap_or(&before));
    let selection = Selection::new(api, table, range, Some(&rest))
        .or_else(|_| Selection::new(api, table, range, None));
    let sql = selection.map_or_else(|_| "FALSE".to_owned(), |selection| selection.sql());
    format!("(SELECT * FROM {table} WHERE {sql} LIMIT {ROWS_READ}) WHERE TRUE")
}

/// Keys that begin with what was typed, built-in ones first.
async fn keys(
    asking: &Asking,
    table: Table,
    from: &str,
    typed: &str,
) -> Result<Vec<Choice>, Error> {
    let lower = typed.to_lowercase();
    let mut options: Vec<Choice> = builtins(table)
        .iter()
        .filter_map(|key| {
            let name = key.names.iter().find(|name| name.starts_with(&lower))?;
            Some(Choice {
                text: (*name).to_owned(),
                kind: Kind::Key,
                detail: Some(key.doc.to_owned()),
                count: None,
            })
        })
        .collect();
    let (found, _) = keys_of(asking, table, from, typed).await?;
    for key in found {
        let known = options.iter_mut().find(|option| option.text == key.key);
        match known {
            // A key at several levels: the filter looks at all of them.
            Some(option) => option.count = option.count.max(Some(key.count)),
            None => {
                let types: Vec<&str> = key.types.iter().copied().collect();
                options.push(Choice {
                    text: key.key,
                    kind: Kind::Key,
                    detail: Some(format!("{}, {}", key.level, types.join(" or "))),
                    count: Some(key.count),
                });
            }
        }
    }
    Ok(options)
}

/// Values of `key` that begin with what was typed.
async fn values(
    asking: &Asking,
    table: Table,
    key: &str,
    from: &str,
    typed: &str,
) -> Result<Vec<Choice>, Error> {
    let key = key.trim_matches('"');
    if builtin(table, key).is_some_and(|key| key.field == Field::Has) {
        let mut keys = keys(asking, table, from, typed).await?;
        keys.retain(|option| option.count.is_some());
        let fixed = ["event", "link"]
            .into_iter()
            .filter(|_| table == Table::Spans);
        let fixed = fixed
            .filter(|word| word.starts_with(typed))
            .map(|word| Choice {
                text: word.to_owned(),
                kind: Kind::Value,
                detail: None,
                count: None,
            });
        return Ok(fixed.chain(keys).collect());
    }
    // Keys of numbers and ids have no list of values.
    let Ok(read) = Reading::of(asking.snapshot(), table, key, None) else {
        return Ok(Vec::new());
    };
    let top = values_of(asking, &read, from, typed, OPTIONS_MAX).await?;
    let options = top
        .values
        .into_iter()
        .filter(|value| !value.cut)
        .map(|value| Choice {
            text: written(&value.value),
            kind: Kind::Value,
            detail: (value.r#type != "string").then_some(value.r#type),
            count: Some(value.count),
        });
    Ok(options.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the cursor at the end of a key, behind an operator, inside quotes, behind a minus
    /// and a parenthesis, in the middle of a word, in an empty text.
    /// Guarantees: the range to replace, the key, and what was typed of it.
    #[test]
    fn words_are_found() {
        let check =
            |q: &str, position: usize, want: (usize, usize, Option<(&str, &'static str)>, &str)| {
                let (from, to, key, typed) = want;
                let want = Word {
                    from,
                    to,
                    key: key.map(|(key, operator)| (key.to_owned(), operator)),
                    typed: typed.to_owned(),
                };
                assert_eq!(word_at(q, position), want, "{q} at {position}");
            };
        check("", 0, (0, 0, None, ""));
        check("serv", 4, (0, 4, None, "serv"));
        check("a:b serv", 8, (4, 8, None, "serv"));
        check("service:ord", 11, (8, 11, Some(("service", ":")), "ord"));
        check("duration>=2", 11, (10, 11, Some(("duration", ">=")), "2"));
        check("-(status:", 9, (9, 9, Some(("status", ":")), ""));
        check("-stat", 5, (1, 5, None, "stat"));
        check(
            "name:\"GET /a b\" x",
            12,
            (5, 15, Some(("name", ":")), "GET /a"),
        );
        check("service:orders x", 9, (8, 14, Some(("service", ":")), "o"));
        check("é:ü", 3, (2, 3, Some(("é", ":")), "ü"));
    }

    /// Scenario: values with spaces, quotes, operators, a leading minus or slash, none.
    /// Guarantees: quotes where the text needs them.
    #[test]
    fn values_are_written() {
        assert_eq!(written("orders"), "orders");
        assert_eq!(written("a b"), "\"a b\"");
        assert_eq!(written("say \"hi\\\""), "\"say \\\"hi\\\\\\\"\"");
        assert_eq!(written(""), "\"\"");
        assert_eq!(written("-x"), "\"-x\"");
        assert_eq!(written("/cart"), "\"/cart\"");
    }
}

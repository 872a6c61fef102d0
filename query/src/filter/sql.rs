//! Tree to SQL. Each leaf becomes a comparison of one column or attribute with a literal; user text
//! only ever stands inside quoted literals.
//!
//! A condition holds or does not: where SQL says NULL, it does not hold, and its negation does.

use oriel_storage::schema::{Level, Table, TableSchema, ValueType};

use super::Wrong;
use super::ast::{Expr, Key, Match, Op, Term, Test, Value, What};
use super::keys::{Field, SEVERITIES, builtin, explicit_level, severity_texts};
use super::like::{Pattern, escaped};

/// What rows must satisfy: all of these SQL conditions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Conditions {
    /// Conditions on the rows of the table; for spans, on whole traces only where they are mixed
    /// with conditions on a span (`a OR trace.spans>5`).
    pub(crate) rows: Vec<String>,
    /// Conditions on whole traces, in columns of the summaries.
    pub(crate) traces: Vec<String>,
    /// The conditions on whole traces, as conditions on rows of `spans`.
    pub(crate) traces_of_rows: Vec<String>,
}

impl Conditions {
    /// All of it as one condition on rows of the table.
    pub(crate) fn of_rows(&self) -> String {
        all(self.rows.iter().chain(&self.traces_of_rows))
    }

    /// Whether conditions on rows look into the summaries of traces; with some texts in them, also
    /// when they do not.
    pub(crate) fn ask_traces(&self) -> bool {
        let mut conditions = self.rows.iter().chain(&self.traces_of_rows);
        conditions.any(|condition| condition.contains(OF_TRACES))
    }
}

/// How a condition on whole traces begins, on rows of `spans`.
const OF_TRACES: &str = "trace_id IN (SELECT trace_id";

/// Conditions joined by AND; TRUE when there are none.
pub(crate) fn all<'a>(conditions: impl Iterator<Item = &'a String>) -> String {
    let conditions: Vec<&str> = conditions.map(String::as_str).collect();
    match conditions.is_empty() {
        true => "TRUE".to_owned(),
        false => conditions.join(" AND "),
    }
}

/// `text` as a SQL literal; nothing in it can end the literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What rows of the table of `schema` must satisfy.
pub(super) fn conditions(
    expr: &Expr,
    schema: &TableSchema,
    summaries: &str,
) -> Result<Conditions, Wrong> {
    let context = Context { schema, summaries };
    let parts = match expr {
        Expr::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut out = Conditions::default();
    for part in parts {
        if context.about_traces(part) {
            out.traces.push(context.expr(part, true)?);
            let of_rows = context.expr(part, false)?;
            out.traces_of_rows.push(of_rows);
        } else {
            out.rows.push(context.expr(part, false)?);
        }
    }
    Ok(out)
}

struct Context<'a> {
    schema: &'a TableSchema,
    summaries: &'a str,
}

impl Context<'_> {
    fn table(&self) -> Table {
        self.schema.table
    }

    /// Whether all of `expr` is about whole traces.
    fn about_traces(&self, expr: &Expr) -> bool {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => parts.iter().all(|part| self.about_traces(part)),
            Expr::Not(inner) => self.about_traces(inner),
            Expr::Term(Term { what, .. }) => match what {
                What::Key(key, _) if !key.quoted => {
                    builtin(self.table(), &key.name).is_some_and(|found| found.whole_trace)
                }
                _ => false,
            },
        }
    }

    /// SQL for `expr`; conditions on whole traces in columns of `summaries` when `summarised`.
    fn expr(&self, expr: &Expr, summarised: bool) -> Result<String, Wrong> {
        let joined = |parts: &[Expr], by: &str| {
            let parts: Result<Vec<String>, Wrong> = parts
                .iter()
                .map(|part| self.expr(part, summarised))
                .collect();
            Ok(format!("({})", parts?.join(by)))
        };
        match expr {
            Expr::And(parts) => joined(parts, " AND "),
            Expr::Or(parts) => joined(parts, " OR "),
            Expr::Not(inner) => Ok(not(&self.expr(inner, summarised)?)),
            Expr::Term(term) => self.term(term, summarised),
        }
    }

    fn term(&self, term: &Term, summarised: bool) -> Result<String, Wrong> {
        let (key, test) = match &term.what {
            What::Text(text) => return Ok(self.text(text)),
            What::Key(key, test) => (key, test),
        };
        let found = match key.quoted {
            true => None,
            false => builtin(self.table(), &key.name),
        };
        let Some(found) = found else {
            return Ok(self.attribute(key, test));
        };
        let wrong = |wrong: Refused| {
            let told = Wrong::new(term.at, wrong.message);
            match wrong.hint {
                Some(hint) => told.hint(hint),
                None => told,
            }
        };
        let sql = self.field(found.field, &key.name, test).map_err(wrong)?;
        Ok(match found.whole_trace && !summarised {
            true => {
                let summaries = self.summaries;
                format!("{OF_TRACES} FROM ({summaries}) WHERE {sql})")
            }
            false => sql,
        })
    }

    /// SQL for a test of a built-in key called `name`.
    fn field(&self, field: Field, name: &str, test: &Test) -> Result<String, Refused> {
        match field {
            Field::Text(column) => Ok(text_test(&column_name(column), test)),
            Field::Word(column) => word_test(&column_name(column), name, test),
            Field::Duration(column) => number_test(column, name, test, |value| {
                duration(&value.text).map(|nanos| nanos.to_string())
            })
            .map_err(|refused| Refused {
                hint: Some(format!(
                    "write a number with a unit, such as {name}>250ms: ns us ms s m h"
                )),
                ..refused
            }),
            Field::Count(column) => number_test(column, name, test, |value| {
                value.number().map(str::to_owned)
            }),
            Field::Id(column, bytes) => id_test(column, name, bytes, test),
            Field::Severity => severity_test(test),
            Field::EventName => event_test(test),
            Field::Has => self.has(test),
        }
    }

    fn has(&self, test: &Test) -> Result<String, Refused> {
        let refused = || {
            Refused::new("has takes the name of something")
                .hint("write has:event, has:link, or has: and a key")
        };
        let Test::Match(Match::Plain(value)) = test else {
            return Err(refused());
        };
        match (self.table(), value.text.as_str()) {
            (Table::Spans, "event" | "events") => Ok("cardinality(events) > 0".to_owned()),
            (Table::Spans, "link" | "links") => Ok("cardinality(links) > 0".to_owned()),
            (_, "" | "has") => Err(refused()),
            (table, name) => match builtin(table, name) {
                Some(found) if found.whole_trace => Err(refused()),
                Some(found) => self.field(found.field, name, &Test::Exists),
                None => {
                    let key = Key {
                        name: name.to_owned(),
                        quoted: false,
                    };
                    Ok(self.attribute(&key, &Test::Exists))
                }
            },
        }
    }

    /// SQL for a test of an attribute: at the level that its key names, else at any.
    fn attribute(&self, key: &Key, test: &Test) -> String {
        let explicit = match key.quoted {
            true => None,
            false => explicit_level(self.table(), &key.name),
        };
        let (levels, name) = match explicit {
            Some((level, rest)) => (vec![level], rest),
            None => {
                let levels = vec![Level::Record, Level::Resource, Level::Scope];
                (levels, key.name.as_str())
            }
        };
        if let Test::Compare(Op::Ne, value) = test {
            let equal = Test::Match(Match::Plain(value.clone()));
            return not(&self.attribute(key, &equal));
        }
        let each: Vec<String> = levels
            .into_iter()
            .map(|level| self.attribute_at(level, name, test))
            .collect();
        match each.len() {
            1 => each.concat(),
            _ => format!("({})", each.join(" OR ")),
        }
    }

    fn attribute_at(&self, level: Level, key: &str, test: &Test) -> String {
        let read = format!("{}[{}]", level.column(), quoted(key));
        let number = match test {
            Test::Match(Match::Plain(value)) | Test::Compare(_, value) => value.number(),
            _ => None,
        };
        let promoted = self
            .schema
            .promoted(level, key)
            .and_then(|index| self.schema.columns[index].promoted.as_ref());
        let text_column = promoted.is_some_and(|key| key.value == ValueType::String);
        match (test, number) {
            // A number equals the number and its text: attributes come as either.
            (Test::Match(Match::Plain(value)), Some(number)) if !text_column => {
                format!("({read} = {number} OR {read} = {})", quoted(&value.text))
            }
            (Test::Compare(op, _), Some(number)) => format!("{read} {} {number}", op.as_str()),
            _ => text_test(&read, test),
        }
    }

    /// SQL for text anywhere in a row.
    fn text(&self, text: &Match) -> String {
        let anything = match text {
            Match::Plain(value) => value.text.is_empty(),
            Match::Like(pattern) => pattern.is_anything(),
            Match::Regex(_) => false,
        };
        if anything {
            return "TRUE".to_owned();
        }
        if self.table() == Table::Logs
            && let Some(search) = words(text)
        {
            return format!("matches(\"body\", {})", quoted(&search));
        }
        let (columns, json): (&[&str], &[&str]) = match self.table() {
            Table::Logs => (&["body"], &[]),
            Table::Metrics => (&["name", "description"], &["attributes"]),
            Table::Spans | Table::Traces => (&["name", "status_message"], &["attributes"]),
        };
        let promoted = self.schema.columns.iter().filter(|column| {
            let key = column.promoted.as_ref();
            !json.is_empty()
                && key
                    .is_some_and(|key| key.level == Level::Record && key.value == ValueType::String)
        });
        let plain: Vec<String> = columns
            .iter()
            .map(|column| (*column).to_owned())
            .chain(promoted.map(|column| column.name.clone()))
            .map(|column| column_name(&column))
            .collect();
        let json: Vec<String> = json.iter().map(|column| (*column).to_owned()).collect();
        let mut parts = any_contains(&plain, text);
        parts.extend(any_contains(&json, &in_json(text)));
        if self.table() == Table::Spans {
            parts.push(match text {
                Match::Plain(value) => {
                    let like = format!("%{}%", escaped(&value.text));
                    format!("event_like(events, {})", quoted(&like))
                }
                Match::Like(pattern) => {
                    format!(
                        "event_like(events, {})",
                        quoted(&format!("%{}%", pattern.like()))
                    )
                }
                Match::Regex(_) => "FALSE".to_owned(),
            });
        }
        match parts.len() {
            1 => parts.concat(),
            _ => format!("({})", parts.join(" OR ")),
        }
    }
}

/// `text` as a search for words: they follow each other, and the last may be a beginning. `None` when
/// it has no letter or digit, or wildcards elsewhere: it is looked for character by character then.
fn words(text: &Match) -> Option<String> {
    let (text, prefix) = match text {
        Match::Plain(value) => (&value.text, false),
        Match::Like(pattern) => match pattern.pieces.as_slice() {
            [begin, end] if end.is_empty() && begin.ends_with(char::is_alphanumeric) => {
                (begin, true)
            }
            _ => return None,
        },
        Match::Regex(_) => return None,
    };
    if !text.contains(char::is_alphanumeric) {
        return None;
    }
    // Marks of a search part words here.
    let text = text.replace(['"', '*'], " ");
    let text = text.trim();
    let star = if prefix { "*" } else { "" };
    Some(match text.chars().all(char::is_alphanumeric) {
        true => format!("{text}{star}"),
        false => format!("\"{text}{star}\""),
    })
}

/// Why a value does not fit its key.
struct Refused {
    message: String,
    hint: Option<String>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Refused {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Refused {
            hint: Some(hint.into()),
            ..self
        }
    }
}

fn not(sql: &str) -> String {
    format!("(({sql}) IS NOT TRUE)")
}

/// A column's name as SQL takes it.
fn column_name(column: &str) -> String {
    format!("\"{column}\"")
}

/// Conditions of which one holds if one of `columns` contains the text, whatever its case.
fn any_contains(columns: &[String], text: &Match) -> Vec<String> {
    let like = match text {
        Match::Plain(value) => quoted(&format!("%{}%", escaped(&value.text))),
        Match::Like(pattern) => quoted(&format!("%{}%", pattern.like())),
        Match::Regex(regex) => {
            let matching = |column| format!("{column} ~ {}", quoted(regex));
            return columns.iter().map(matching).collect();
        }
    };
    match columns {
        [] => Vec::new(),
        [column] => vec![format!("{column} ILIKE {like}")],
        columns => vec![format!("text_like({like}, {})", columns.join(", "))],
    }
}

/// The text as it stands within JSON.
fn in_json(text: &Match) -> Match {
    let escape = |text: &String| {
        let json = serde_json::Value::String(text.clone()).to_string();
        json[1..json.len() - 1].to_owned()
    };
    match text {
        Match::Plain(value) => Match::Plain(Value {
            text: escape(&value.text),
            ..value.clone()
        }),
        Match::Like(pattern) => Match::Like(pattern.map(escape)),
        Match::Regex(regex) => Match::Regex(regex.clone()),
    }
}

/// A test of text that `read` reads.
fn text_test(read: &str, test: &Test) -> String {
    match test {
        Test::Exists => format!("{read} IS NOT NULL"),
        Test::Match(Match::Plain(value)) => format!("{read} = {}", quoted(&value.text)),
        Test::Match(Match::Like(pattern)) => format!("{read} LIKE {}", quoted(&pattern.like())),
        Test::Match(Match::Regex(regex)) => format!("{read} ~ {}", quoted(regex)),
        Test::Compare(Op::Ne, value) => not(&format!("{read} = {}", quoted(&value.text))),
        Test::Compare(op, value) => format!("{read} {} {}", op.as_str(), quoted(&value.text)),
    }
}

/// A test of a column of OTLP's words: their case does not matter, and they have no order.
fn word_test(column: &str, name: &str, test: &Test) -> Result<String, Refused> {
    let upper = |value: &Value| Value {
        text: value.text.to_uppercase(),
        quoted: value.quoted,
    };
    Ok(match test {
        Test::Exists => text_test(column, test),
        Test::Match(Match::Plain(value)) => {
            text_test(column, &Test::Match(Match::Plain(upper(value))))
        }
        Test::Match(Match::Like(pattern)) => {
            let pattern = pattern.map(|piece| piece.to_uppercase());
            text_test(column, &Test::Match(Match::Like(pattern)))
        }
        Test::Match(Match::Regex(regex)) => format!("{column} ~* {}", quoted(regex)),
        Test::Compare(Op::Ne, value) => text_test(column, &Test::Compare(Op::Ne, upper(value))),
        Test::Compare(op, _) => {
            let message = format!("{name} has no order, so {} says nothing", op.as_str());
            return Err(Refused::new(message));
        }
    })
}

/// A test of a number; `read` gives the SQL of a value.
fn number_test(
    column: &str,
    name: &str,
    test: &Test,
    read: impl Fn(&Value) -> Option<String>,
) -> Result<String, Refused> {
    let value = |value: &Value| {
        read(value)
            .ok_or_else(|| Refused::new(format!("{:?} is not a value of {name}", value.text)))
    };
    Ok(match test {
        Test::Exists => format!("{column} IS NOT NULL"),
        Test::Match(Match::Plain(given)) => format!("{column} = {}", value(given)?),
        Test::Match(_) => {
            let message = format!("{name} is a number: it takes no wildcard and no regex");
            return Err(Refused::new(message));
        }
        Test::Compare(Op::Ne, given) => not(&format!("{column} = {}", value(given)?)),
        Test::Compare(op, given) => format!("{column} {} {}", op.as_str(), value(given)?),
    })
}

/// Nanoseconds of `250ms`, `1.5s`, `1m30s`.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut nanos = 0.0;
    while !rest.is_empty() || rest.len() == text.len() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        nanos += number
            * match &rest[..letters] {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    // Conversion saturates.
    Some((sign * nanos).round() as i64)
}

fn id_test(column: &str, name: &str, bytes: usize, test: &Test) -> Result<String, Refused> {
    let digits = bytes * 2;
    let whole = |value: &Value| {
        let hex = value.text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match hex && value.text.len() == digits {
            true => Ok(quoted(&value.text.to_lowercase())),
            false => Err(
                Refused::new(format!("{:?} is not a value of {name}", value.text))
                    .hint(format!("write {digits} hex digits, or some and a *")),
            ),
        }
    };
    Ok(match test {
        Test::Exists => format!("{column} IS NOT NULL"),
        Test::Match(Match::Plain(value)) => format!("{column} = {}", whole(value)?),
        Test::Compare(Op::Ne, value) => not(&format!("{column} = {}", whole(value)?)),
        Test::Match(Match::Like(pattern)) => {
            let pattern: Pattern = pattern.map(|piece| piece.to_lowercase());
            format!("hex({column}) LIKE {}", quoted(&pattern.like()))
        }
        Test::Match(Match::Regex(regex)) => format!("hex({column}) ~ {}", quoted(regex)),
        Test::Compare(op, _) => {
            let message = format!("{name} has no order, so {} says nothing", op.as_str());
            return Err(Refused::new(message));
        }
    })
}

/// Levels by number, and by text in records without a number.
fn severity_test(test: &Test) -> Result<String, Refused> {
    const UNNUMBERED: &str = "severity_number NOT BETWEEN 1 AND 24";
    let refused = |text: &str| {
        Refused::new(format!("{text:?} is not a level"))
            .hint("the levels are trace, debug, info, warn, error, fatal and unset")
    };
    let place = |value: &Value| {
        let name = value.text.to_lowercase();
        let name = if name == "warning" {
            "warn"
        } else {
            name.as_str()
        };
        let place = SEVERITIES.iter().position(|(known, _, _)| *known == name);
        place.ok_or_else(|| refused(&value.text))
    };
    // The severities in one range of `SEVERITIES`, which begins with the most severe.
    let within = |first: usize, end: usize| {
        let chosen = SEVERITIES.get(first..end).unwrap_or_default();
        let (Some((_, _, high)), Some((_, low, _))) = (chosen.first(), chosen.last()) else {
            return "FALSE".to_owned();
        };
        let texts: Vec<&str> = chosen
            .iter()
            .flat_map(|(name, _, _)| severity_texts(name).iter().copied())
            .collect();
        let texts = texts.join("', '");
        format!(
            "(severity_number BETWEEN {low} AND {high} \
             OR ({UNNUMBERED} AND upper(severity_text) IN ('{texts}')))"
        )
    };
    let end = SEVERITIES.len();
    let unset = not(&within(0, end));
    Ok(match test {
        Test::Exists => within(0, end),
        Test::Match(Match::Plain(value)) if value.text.eq_ignore_ascii_case("unset") => unset,
        Test::Compare(Op::Ne, value) if value.text.eq_ignore_ascii_case("unset") => within(0, end),
        Test::Match(Match::Plain(value)) => place(value).map(|at| within(at, at + 1))?,
        Test::Compare(op, value) => {
            let at = place(value)?;
            match op {
                Op::Ne => not(&within(at, at + 1)),
                Op::Ge => within(0, at + 1),
                Op::Gt => within(0, at),
                Op::Le => within(at, end),
                Op::Lt => within(at + 1, end),
            }
        }
        Test::Match(Match::Like(pattern)) => return Err(refused(&pattern.pieces.join("*"))),
        Test::Match(Match::Regex(regex)) => return Err(refused(regex)),
    })
}

/// A test of the names of a span's events.
fn event_test(test: &Test) -> Result<String, Refused> {
    let named = |pattern: &str| format!("event_named(events, {})", quoted(pattern));
    Ok(match test {
        Test::Exists => "cardinality(events) > 0".to_owned(),
        Test::Match(Match::Plain(value)) => named(&escaped(&value.text)),
        Test::Match(Match::Like(pattern)) => named(&pattern.like()),
        Test::Compare(Op::Ne, value) => not(&named(&escaped(&value.text))),
        Test::Match(Match::Regex(_)) | Test::Compare(..) => {
            return Err(
                Refused::new("event takes a name, with or without wildcards")
                    .hint("write event:exception or event:exc*"),
            );
        }
    })
}

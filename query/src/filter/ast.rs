//! The tree of a filter, and how it is written.

use std::fmt::{self, Display, Formatter, Write};

use super::like::Pattern;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    /// All hold; at least two.
    And(Vec<Expr>),
    /// One holds; at least two.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A condition without parts.
    Term(Term),
}

/// A condition without parts, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    /// Characters before it in the text.
    pub(crate) at: usize,
    /// What it asks for.
    pub(crate) what: What,
}

/// Two terms are equal wherever they stand.
impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        self.what == other.what
    }
}

/// What a term asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Some text of the row is like this.
    Text(Match),
    /// The value of a key passes a test.
    Key(Key, Test),
}

/// The name of a field or an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// Without quotes and backslashes.
    pub(crate) name: String,
    /// Whether it was quoted: then it is an attribute, whatever else is called so.
    pub(crate) quoted: bool,
}

/// What the value of a key must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// There, whatever it is.
    Exists,
    /// Like this.
    Match(Match),
    /// In this relation to a value.
    Compare(Op, Value),
}

/// Text that is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Match {
    /// These characters.
    Plain(Value),
    /// These pieces with anything between them.
    Like(Pattern),
    /// This regular expression.
    Regex(String),
}

/// A relation between values, other than equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Not equal: the opposite of equal, so true where there is no value.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

impl Op {
    /// How it is written, here and in SQL.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// Without quotes and backslashes.
    pub(crate) text: String,
    /// Whether it must be read as text though it spells a number.
    pub(crate) quoted: bool,
}

impl Value {
    /// A value; quotes count only where they change the meaning.
    pub(crate) fn new(text: String, quoted: bool) -> Self {
        let quoted = quoted && number(&text).is_some();
        Value { text, quoted }
    }

    /// The number it spells, as it is written, unless it was quoted.
    pub(crate) fn number(&self) -> Option<&str> {
        match self.quoted {
            true => None,
            false => number(&self.text),
        }
    }
}

/// `text`, when it is a decimal number that SQL reads as well.
fn number(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let bounded = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit());
    let finite = || text.parse::<f64>().is_ok_and(f64::is_finite);
    (plain && bounded && finite()).then_some(text)
}

/// Whether `c` may stand in an unquoted word anywhere without a backslash.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '+' | '%' | '#' | ',' | ';' | '$' | '&')
}

/// Whether `c` may stand in an unquoted word, but not at its start.
fn is_plain_inside(c: char) -> bool {
    is_plain(c) || matches!(c, '-' | '/')
}

fn is_plain_word(text: &str) -> bool {
    let keyword = matches!(text, "AND" | "OR" | "NOT");
    !keyword && text.starts_with(is_plain) && text.chars().all(is_plain_inside)
}

/// Appends `text` in quotes.
fn write_quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let number = self.number().is_some();
        match number || (!self.quoted && is_plain_word(&self.text)) {
            true => f.write_str(&self.text),
            false => write_quoted(&self.text, f),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                f.write_char('*')?;
            }
            for c in piece.chars() {
                if !is_plain(c) {
                    f.write_char('\\')?;
                }
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Match::Plain(value) => value.fmt(f),
            Match::Like(pattern) => pattern.fmt(f),
            Match::Regex(regex) => write!(f, "/{}/", regex.replace('/', "\\/")),
        }
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.quoted {
            return write_quoted(&self.name, f);
        }
        for (index, c) in self.name.chars().enumerate() {
            let plain = is_plain(c) || (index > 0 && is_plain_inside(c));
            if !plain {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        Ok(())
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.what {
            // Without quotes it would read as a negation.
            What::Text(Match::Plain(value)) if value.text.starts_with('-') => {
                write_quoted(&value.text, f)
            }
            What::Text(text) => text.fmt(f),
            What::Key(key, Test::Exists) => write!(f, "{key}:*"),
            What::Key(key, Test::Match(found)) => write!(f, "{key}:{found}"),
            What::Key(key, Test::Compare(op, value)) => write!(f, "{key}{}{value}", op.as_str()),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::And(parts) => write_joined(parts, " ", f),
            Expr::Or(parts) => write_joined(parts, " OR ", f),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::Term(term) => write!(f, "-{term}"),
                inner => write!(f, "-({inner})"),
            },
            Expr::Term(term) => term.fmt(f),
        }
    }
}

fn write_joined(parts: &[Expr], by: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(by)?;
        }
        match part {
            Expr::And(_) | Expr::Or(_) => write!(f, "({part})")?,
            _ => part.fmt(f)?,
        }
    }
    Ok(())
}

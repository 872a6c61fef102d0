//! Text to tree.
//!
//! ```text
//! any   = all ("OR" all)*
//! all   = not ("AND"? not)*
//! not   = "NOT" not | "-" not | "(" any ")" | term
//! term  = key ":" (op? value | "(" value ("OR"? value)* ")") | key op value | text
//! key   = word | quoted        op = ">=" | "<=" | "!=" | ">" | "<" | "="
//! value = word | quoted | regex       text = word | quoted | regex
//! ```
//!
//! Words end at white space and parentheses; a backslash takes the next character as it is; `*`
//! stands for anything. A regex is `/…/` without white space, up to the end of a word.

use super::Wrong;
use super::ast::{Expr, Key, Match, Op, Term, Test, Value, What};
use super::like::Pattern;

/// Characters of a filter.
const CHARACTERS_MAX: usize = 8_192;
/// Terms of a filter: each may become some dozen conditions in SQL.
const TERMS_MAX: usize = 50;
/// Depth of parentheses and negations.
const DEPTH_MAX: usize = 16;

/// The tree of `text`; `None` when it is empty.
pub(super) fn parse(text: &str) -> Result<Option<Expr>, Wrong> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > CHARACTERS_MAX {
        let message = format!("it is longer than {CHARACTERS_MAX} characters");
        return Err(Wrong::new(CHARACTERS_MAX, message));
    }
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        terms: 0,
        depth: 0,
    };
    parser.skip_space();
    if parser.peek().is_none() {
        return Ok(None);
    }
    let expr = parser.any()?;
    match parser.peek() {
        None => Ok(Some(expr)),
        Some(_) => Err(Wrong::new(parser.at, "this parenthesis closes nothing")
            .hint("quote text that has parentheses: \")\"")),
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    terms: usize,
    depth: usize,
}

/// The pieces of a word between its wildcards.
struct Word {
    pieces: Vec<String>,
}

/// A relation as it is written.
#[derive(Debug, Clone, Copy)]
enum Operator {
    Eq,
    Is(Op),
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&self) -> Option<char> {
        self.chars.get(self.at + 1).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Whether nothing more can stand in the group that is being read.
    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(')'))
    }

    /// Takes `keyword`, and the space behind it, when it stands here as a word of its own.
    fn take(&mut self, keyword: &str) -> bool {
        let end = self.at + keyword.len();
        let here = self.chars.get(self.at..end);
        let same = here.is_some_and(|here| here.iter().copied().eq(keyword.chars()));
        let alone = self
            .chars
            .get(end)
            .is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')' | '"'));
        if same && alone {
            self.at = end;
            self.skip_space();
        }
        same && alone
    }

    fn any(&mut self) -> Result<Expr, Wrong> {
        let mut parts = vec![self.all()?];
        loop {
            let at = self.at;
            if !self.take("OR") {
                return Ok(joined(parts, Expr::Or));
            }
            if self.at_end() {
                return Err(Wrong::new(at, "a condition is missing after OR")
                    .hint("quote it to look for the word: \"OR\""));
            }
            parts.push(self.all()?);
        }
    }

    fn all(&mut self) -> Result<Expr, Wrong> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            let at = self.at;
            let and = self.take("AND");
            let end = self.at_end() || self.at_or();
            if and && (end || parts.is_empty()) {
                return Err(Wrong::new(at, "a condition is missing beside AND")
                    .hint("quote it to look for the word: \"AND\""));
            }
            if end && parts.is_empty() {
                return Err(Wrong::new(at, "a condition is missing here"));
            }
            if end {
                return Ok(joined(parts, Expr::And));
            }
            parts.push(self.not()?);
        }
    }

    /// Whether OR stands here.
    fn at_or(&mut self) -> bool {
        let at = self.at;
        let found = self.take("OR");
        self.at = at;
        found
    }

    fn not(&mut self) -> Result<Expr, Wrong> {
        let at = self.at;
        let dash = self.peek() == Some('-') && self.next().is_some_and(|c| !c.is_whitespace());
        if dash {
            self.at += 1;
        }
        if dash || self.take("NOT") {
            self.deeper(at)?;
            if self.at_end() {
                return Err(Wrong::new(at, "a condition is missing after the negation"));
            }
            let inner = self.not()?;
            self.depth -= 1;
            return Ok(match inner {
                Expr::Not(inner) => *inner,
                inner => Expr::Not(Box::new(inner)),
            });
        }
        if self.peek() != Some('(') {
            return self.term();
        }
        self.deeper(at)?;
        self.at += 1;
        let inner = self.any()?;
        if self.peek() != Some(')') {
            return Err(Wrong::new(at, "this parenthesis is not closed"));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    fn deeper(&mut self, at: usize) -> Result<(), Wrong> {
        self.depth += 1;
        match self.depth <= DEPTH_MAX {
            true => Ok(()),
            false => {
                let message = format!("it is nested deeper than {DEPTH_MAX}");
                Err(Wrong::new(at, message))
            }
        }
    }

    fn count(&mut self, at: usize) -> Result<(), Wrong> {
        self.terms += 1;
        match self.terms <= TERMS_MAX {
            true => Ok(()),
            false => {
                let message = format!("it has more than {TERMS_MAX} conditions");
                Err(Wrong::new(at, message))
            }
        }
    }

    fn term(&mut self) -> Result<Expr, Wrong> {
        let at = self.at;
        self.count(at)?;
        if let Some(regex) = self.regex() {
            return Ok(term(at, What::Text(Match::Regex(regex))));
        }
        let quoted = self.peek() == Some('"');
        let word = match quoted {
            true => Word::one(self.quoted()?),
            false => self.word(true)?,
        };
        let Some((colon, op)) = self.operator() else {
            return Ok(term(at, What::Text(word.found(false))));
        };
        let name = word.pieces.join("*");
        if name.is_empty() {
            return Err(Wrong::new(at, "the key before the operator is missing")
                .hint("write key:value, or quote the text to look for it"));
        }
        let key = Key { name, quoted };
        if colon && op.is_none() && self.peek() == Some('(') {
            return self.values(at, &key);
        }
        self.test(at, key, op)
    }

    /// The values in parentheses behind `key:`.
    fn values(&mut self, at: usize, key: &Key) -> Result<Expr, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(')') && !parts.is_empty() {
                self.at += 1;
                return Ok(joined(parts, Expr::Or));
            }
            if self.at_end() {
                let message = "these parentheses need values, and a closing one";
                return Err(Wrong::new(open, message).hint("write key:(a OR b)"));
            }
            if !parts.is_empty() {
                if self.take("OR") {
                    continue;
                }
                self.count(self.at)?;
            }
            parts.push(self.test(at, key.clone(), None)?);
        }
    }

    /// `key` and the value that stands here.
    fn test(&mut self, at: usize, key: Key, op: Option<Operator>) -> Result<Expr, Wrong> {
        let value_at = self.at;
        let found = match self.regex() {
            Some(regex) => Match::Regex(regex),
            None if self.peek() == Some('"') => Match::Plain(Value::new(self.quoted()?, true)),
            None => self.word(false)?.found(false),
        };
        let empty = self.at == value_at;
        if empty {
            let message = format!("the value of {} is missing", key.name);
            return Err(Wrong::new(value_at, message).hint(
                "write key:value, or key:* where any value will do; quote an empty one: \"\"",
            ));
        }
        let test = match found {
            Match::Like(pattern) if pattern.is_anything() => Test::Exists,
            found => Test::Match(found),
        };
        let test = match (op, test) {
            (None | Some(Operator::Eq), test) => test,
            (Some(Operator::Is(op)), Test::Match(Match::Plain(value))) => Test::Compare(op, value),
            (Some(Operator::Is(Op::Ne)), test) => {
                return Ok(Expr::Not(Box::new(term(at, What::Key(key, test)))));
            }
            (Some(Operator::Is(op)), _) => {
                let message = format!("{} takes no wildcard and no regex", op.as_str());
                return Err(Wrong::new(value_at, message).hint("quote a value that has a *"));
            }
        };
        Ok(term(at, What::Key(key, test)))
    }

    /// The operator here: whether it begins with a colon, and what follows.
    fn operator(&mut self) -> Option<(bool, Option<Operator>)> {
        let colon = self.peek() == Some(':');
        if colon {
            self.at += 1;
        }
        let (op, length) = match (self.peek(), self.next()) {
            (Some('>'), Some('=')) => (Operator::Is(Op::Ge), 2),
            (Some('<'), Some('=')) => (Operator::Is(Op::Le), 2),
            (Some('!'), Some('=')) => (Operator::Is(Op::Ne), 2),
            (Some('>'), _) => (Operator::Is(Op::Gt), 1),
            (Some('<'), _) => (Operator::Is(Op::Lt), 1),
            (Some('='), _) => (Operator::Eq, 1),
            _ if colon => return Some((true, None)),
            _ => return None,
        };
        self.at += length;
        Some((colon, Some(op)))
    }

    /// `/…/` that ends with its word.
    fn regex(&mut self) -> Option<String> {
        if self.peek() != Some('/') {
            return None;
        }
        let mut regex = String::new();
        let mut at = self.at + 1;
        loop {
            let c = *self.chars.get(at)?;
            let next = self.chars.get(at + 1).copied();
            let ends = next.is_none_or(|next| next.is_whitespace() || next == ')');
            match c {
                _ if c.is_whitespace() => return None,
                '/' if ends && !regex.is_empty() => break,
                '\\' if next == Some('/') => {
                    regex.push('/');
                    at += 1;
                }
                '\\' => {
                    regex.push(c);
                    regex.push(next.filter(|next| !next.is_whitespace())?);
                    at += 1;
                }
                _ => regex.push(c),
            }
            at += 1;
        }
        self.at = at + 1;
        Some(regex)
    }

    fn quoted(&mut self) -> Result<String, Wrong> {
        let at = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            match (self.peek(), self.next()) {
                (Some('"'), _) => break,
                (Some('\\'), Some(escaped)) => {
                    self.at += 1;
                    text.push(escaped);
                }
                (Some(c), _) => text.push(c),
                (None, _) => {
                    return Err(Wrong::new(at, "this quote is not closed")
                        .hint("write \\\" for a quote within quotes"));
                }
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(text)
    }

    /// A word; one that may be a `key` ends at operators as well. Parentheses inside a value that
    /// are opened and closed belong to it.
    fn word(&mut self, key: bool) -> Result<Word, Wrong> {
        let mut pieces = vec![String::new()];
        let mut open = 0;
        let start = self.at;
        while let Some(c) = self.peek() {
            let operator =
                matches!(c, ':' | '<' | '>' | '=') || (c == '!' && self.next() == Some('='));
            match c {
                _ if c.is_whitespace() => break,
                '(' if self.at > start && !key => open += 1,
                ')' if open > 0 => open -= 1,
                '(' | ')' => break,
                '"' if key => break,
                _ if key && operator => break,
                _ => {}
            }
            let last = pieces.len() - 1;
            match (c, self.next()) {
                ('*', _) => pieces.push(String::new()),
                ('\\', None) => {
                    let message = "a character is missing after the backslash";
                    return Err(Wrong::new(self.at, message).hint("write \\\\ for a backslash"));
                }
                ('\\', Some(escaped)) => {
                    pieces[last].push(escaped);
                    self.at += 1;
                }
                _ => pieces[last].push(c),
            }
            self.at += 1;
        }
        Ok(Word { pieces })
    }
}

impl Word {
    fn one(text: String) -> Self {
        Word { pieces: vec![text] }
    }

    fn found(mut self, quoted: bool) -> Match {
        match self.pieces.len() {
            1 => Match::Plain(Value::new(self.pieces.swap_remove(0), quoted)),
            _ => Match::Like(Pattern {
                pieces: self.pieces,
            }),
        }
    }
}

fn term(at: usize, what: What) -> Expr {
    Expr::Term(Term { at, what })
}

/// `parts` joined, those of the same kind among them spread out; one part is itself.
fn joined(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let or = matches!(join(Vec::new()), Expr::Or(_));
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Expr::Or(more) if or => flat.extend(more),
            Expr::And(more) if !or => flat.extend(more),
            part => flat.push(part),
        }
    }
    join(flat)
}

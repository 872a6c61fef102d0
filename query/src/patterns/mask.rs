//! What varies in a message, masked: numbers, ids, addresses, quoted text become `<*>`.
//!
//! In: a message. Out: its first line as tokens with one space between. The constant pieces of the
//! tokens stand in the message in the same order.

/// What stands for something that varies.
pub(crate) const WILD: &str = "<*>";
/// Bytes of a message that are looked at.
pub(crate) const BYTES_MAX: usize = 1_024;
/// Tokens of a message; those behind them are one [`WILD`].
const TOKENS_MAX: usize = 48;
/// Characters of a quoted key, in JSON, that stay as they are.
const KEY_MAX: usize = 64;

/// The part of `body` that is looked at: its first line, up to a length.
pub(crate) fn head(body: &str) -> &str {
    let line = body.trim().lines().next().unwrap_or_default();
    &line[..line.floor_char_boundary(BYTES_MAX)]
}

/// Writes the masked tokens of `body` to `out`, which it clears.
pub(crate) fn mask(body: &str, out: &mut String) {
    out.clear();
    let line = head(body);
    let (mut tokens, mut token, mut at) = (0, 0, 0);
    while let Some(c) = line[at..].chars().next() {
        if !c.is_whitespace() {
            at += piece(&line[at..], token, out);
            continue;
        }
        if out.len() > token {
            tokens += 1;
            if tokens == TOKENS_MAX {
                break;
            }
            out.push(' ');
            token = out.len();
        }
        at += c.len_utf8();
    }
    let all = line[at..].trim().is_empty() && body.trim().len() == line.len();
    if !all {
        if !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(WILD);
    }
    out.truncate(out.trim_end().len());
}

/// Writes what `rest` begins with, in the token that begins at `token` of `out`. Returns its bytes.
fn piece(rest: &str, token: usize, out: &mut String) -> usize {
    let first = rest.chars().next().unwrap_or_default();
    if matches!(first, '"' | '\'')
        && let Some(length) = quoted(rest, first, &out[token..])
    {
        let inner = &rest[1..length - 1];
        let key = first == '"' && rest[length..].trim_start().starts_with(':');
        if key && inner.len() <= KEY_MAX && !inner.contains(char::is_whitespace) {
            out.push_str(&rest[..length]);
        } else {
            out.push(first);
            out.push_str(WILD);
            out.push(first);
        }
        return length;
    }
    let end = rest.find(|c| !in_run(c)).unwrap_or(rest.len());
    if end == 0 {
        out.push(first);
        return first.len_utf8();
    }
    run(&rest[..end], token, out);
    end
}

/// Bytes of the quoted text that `rest` begins with; `None` when its quote is no such.
fn quoted(rest: &str, quote: char, before: &str) -> Option<usize> {
    if quote == '\'' && before.ends_with(char::is_alphanumeric) {
        // An apostrophe.
        return None;
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            let behind = rest[at + 1..].chars().next();
            let ends = quote == '"' || !behind.is_some_and(char::is_alphanumeric);
            return ends.then_some(at + 1);
        }
    }
    None
}

/// Whether `c` may stand within a number, an id, an address or a time.
fn in_run(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '+' | '@' | ',')
}

/// Writes a run of such characters.
fn run(text: &str, token: usize, out: &mut String) {
    let tail = text.trim_end_matches(['.', ':', ',', '-', '+']);
    let (text, tail) = text.split_at(tail.len());
    if is_uuid(text) || is_address(text) || is_mail(text) {
        push_wild(token, out);
    } else {
        let mut atom = 0;
        for (at, c) in text.char_indices() {
            if !c.is_alphanumeric() && c != '_' {
                write_atom(&text[atom..at], token, out);
                out.push(c);
                atom = at + c.len_utf8();
            }
        }
        write_atom(&text[atom..], token, out);
    }
    out.push_str(tail);
}

/// Writes [`WILD`]; with one before it and a joint between, both become one.
fn push_wild(token: usize, out: &mut String) {
    let before = &out[token..];
    let joined = before.trim_end_matches(['.', ':', '-', ',', '+']);
    let again = joined.ends_with(WILD) && before.len() - joined.len() <= 1;
    let end = token + joined.len();
    match again {
        true => out.truncate(end),
        false => out.push_str(WILD),
    }
}

/// Writes letters, digits and underscores, what varies of them masked.
fn write_atom(atom: &str, token: usize, out: &mut String) {
    let digit = |c: char| c.is_numeric();
    if !atom.contains(digit) {
        let hex = atom.len() >= 16 && atom.bytes().all(|byte| byte.is_ascii_hexdigit());
        match hex {
            true => push_wild(token, out),
            false => out.push_str(atom),
        }
        return;
    }
    let hex = atom.strip_prefix("0x").unwrap_or(atom);
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let runs = atom.split(|c| !digit(c)).filter(|run| !run.is_empty());
    if runs.count() > 1 || (is_hex && (hex.len() >= 8 || hex.len() < atom.len())) {
        return push_wild(token, out);
    }
    let start = atom.find(digit).unwrap_or(0);
    let end = atom.rfind(digit).unwrap_or(0);
    let end = end + atom[end..].chars().next().map_or(0, char::len_utf8);
    out.push_str(&atom[..start]);
    match start {
        0 => push_wild(token, out),
        _ => out.push_str(WILD),
    }
    out.push_str(&atom[end..]);
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An IPv6 or hardware address.
fn is_address(text: &str) -> bool {
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    let groups = text
        .split(':')
        .all(|group| group.len() <= 4 && group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    colons >= 2 && groups && (colons >= 5 || text.contains("::"))
}

fn is_mail(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

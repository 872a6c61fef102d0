//! Words of a text: what `matches(body, …)` and the index of logs mean by a word.
//!
//! 1. A *run* is a longest stretch of letters and digits; everything else separates, `_` and `-`
//!    too. Han, Hiragana and Katakana characters are runs of one, since no space parts words there.
//! 2. A run's *words* are the run itself and, where its case changes as in `getUserName` and
//!    `HTTPServer`, the parts (`get`, `user`, `name`). All are in lower case, at the run's position.
//! 3. So a path, an `ip:port`, a UUID or `snake_case` is found whole, as the phrase of its runs, and
//!    by each run; an identifier in camelCase whole and by each part.
//!
//! A query is only folded to lower case, never split by case, so its own case never matters.

mod query;
#[cfg(test)]
mod tests;

pub use query::{Clause, TextQuery, TextQueryError};

/// Longest word that the index holds, in bytes; of a longer one it holds the beginning.
pub(crate) const WORD_BYTES_MAX: usize = 120;

/// Calls `each` with every run of `text` and its position.
///
/// `each` returns whether to go on.
pub(crate) fn runs<'t>(text: &'t str, mut each: impl FnMut(&'t str, usize) -> bool) {
    let bytes = text.as_bytes();
    let (mut at, mut position) = (0, 0);
    while at < bytes.len() {
        let start = at;
        let mut single = false;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii() {
                if !byte.is_ascii_alphanumeric() {
                    break;
                }
                at += 1;
                continue;
            }
            let Some(character) = text[at..].chars().next() else {
                break;
            };
            if !character.is_alphanumeric() {
                break;
            }
            if is_word_by_itself(character) {
                if at == start {
                    at += character.len_utf8();
                    single = true;
                }
                break;
            }
            at += character.len_utf8();
        }
        if at > start {
            if !each(&text[start..at], position) {
                return;
            }
            position += 1;
        }
        // Past the separator, unless the run ended where the next one begins.
        let next = text[at..].chars().next();
        match next {
            Some(next) if !next.is_alphanumeric() => at += next.len_utf8(),
            Some(_) if single || at > start => {}
            Some(next) => at += next.len_utf8(),
            None => return,
        }
    }
}

/// Scripts that are written without spaces between words.
fn is_word_by_itself(character: char) -> bool {
    matches!(u32::from(character),
        0x3040..=0x30FF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x20000..=0x3FFFF)
}

/// `run` in lower case. Shape: one word, never empty for a run.
pub(crate) fn fold(run: &str) -> String {
    if run.is_ascii() {
        run.to_ascii_lowercase()
    } else {
        run.chars().flat_map(lower).collect()
    }
}

/// `character` in lower case. The long s is an s, as it is for whoever compares without case.
fn lower(character: char) -> std::char::ToLowercase {
    match character {
        'ſ' => 's'.to_lowercase(),
        other => other.to_lowercase(),
    }
}

/// Whether both are one letter or digit but for their case, and part words alike.
pub(crate) fn same_letter(a: char, b: char) -> bool {
    let both = |is: fn(char) -> bool| is(a) && is(b);
    both(char::is_alphanumeric)
        && is_word_by_itself(a) == is_word_by_itself(b)
        && lower(a).eq(lower(b))
}

/// The parts of a run whose case changes; none for a run of one part.
pub(crate) fn parts(run: &str) -> impl Iterator<Item = &str> {
    let split = splits(run);
    let count = split.len();
    let mut from = 0;
    let bounds = split.into_iter().chain((count > 0).then_some(run.len()));
    bounds.map(move |to| {
        let part = &run[from..to];
        from = to;
        part
    })
}

/// Where parts begin, the first not counted.
fn splits(run: &str) -> Vec<usize> {
    let bytes = run.as_bytes();
    if run.is_ascii() && !bytes.iter().skip(1).any(u8::is_ascii_uppercase) {
        return Vec::new();
    }
    let mut split = Vec::new();
    let mut before: Option<char> = None;
    let mut characters = run.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next_is_lower = characters
            .peek()
            .is_some_and(|(_, next)| next.is_lowercase());
        if let Some(before) = before
            && character.is_uppercase()
            && (!before.is_uppercase() || next_is_lower)
        {
            split.push(at);
        }
        before = Some(character);
    }
    split
}

/// Whether some word of `run` is `word` (in lower case), or begins with it if `prefix`.
pub(crate) fn has_word(run: &str, word: &str, prefix: bool) -> bool {
    if folded_is(run, word, prefix) {
        return true;
    }
    parts(run).any(|part| folded_is(part, word, prefix))
}

fn folded_is(run: &str, word: &str, prefix: bool) -> bool {
    if run.is_ascii() && word.is_ascii() {
        let (run, word) = (run.as_bytes(), word.as_bytes());
        return run.len() >= word.len()
            && (prefix || run.len() == word.len())
            && run[..word.len()].eq_ignore_ascii_case(word);
    }
    let mut folded = run.chars().flat_map(lower);
    let begins = word.chars().all(|wanted| folded.next() == Some(wanted));
    begins && (prefix || folded.next().is_none())
}

/// The beginning of `word` that the index holds.
pub(crate) fn indexed(word: &str) -> &str {
    &word[..word.floor_char_boundary(WORD_BYTES_MAX)]
}

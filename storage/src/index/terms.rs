//! What stands in an index for a word: mostly the word itself.
//!
//! - Of an *id*, a word of ten or more hexadecimal digits such as the end of a UUID, the first three
//!   digits and 18 bits of a checksum: ids are most of all distinct words, and their digits would be
//!   most of the index. A wrong id is found once in many pieces; who asks looks at the row.
//! - Of a word longer than [`WORD_BYTES_MAX`] the beginning.
//! - Four short numbers in a row, as in an address, are one more term: each alone is everywhere.
//!
//! - Of the words of an attribute, the term behind the attribute's name.
//!
//! Terms that are no words of a body have a control character, which no word has.

use std::borrow::Cow;

use crate::text::{WORD_BYTES_MAX, indexed};

/// In rows that have a word longer than the index holds; no text has this as a word.
pub(super) const LONG_WORD: &str = "\u{0}long";

/// Behind each number of a row.
const NUMBER: char = '\u{1}';
/// So many numbers in a row are a term.
pub(super) const NUMBERS: usize = 4;
/// Longest number in it; longer ones are rare enough alone.
const NUMBER_DIGITS_MAX: usize = 3;

/// Behind the digits of an id that are kept.
const ID: char = '\u{2}';
/// Shortest id.
const ID_DIGITS_MIN: usize = 10;
/// Digits of it that are kept, for searches by its beginning.
const ID_DIGITS_KEPT: usize = 3;
/// One for each value of six bits.
const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// The term of `word`, which is in lower case.
pub(super) fn of(word: &str) -> Cow<'_, str> {
    if is_id(word) {
        let mut term = word.to_owned();
        shorten(&mut term, 0);
        return Cow::Owned(term);
    }
    Cow::Borrowed(indexed(word))
}

/// Whether `word` alone has its term.
pub(super) fn is_exact(word: &str) -> bool {
    !is_id(word) && indexed(word) == word
}

/// What the terms of ids begin with that begin with `prefix`; `None` when those of other words tell
/// all.
pub(super) fn ids_beginning(prefix: &str) -> Option<String> {
    (prefix.len() > ID_DIGITS_KEPT && is_hex(prefix))
        .then(|| format!("{}{ID}", &prefix[..ID_DIGITS_KEPT]))
}

/// Whether an id may have `run` in it.
pub(super) fn may_be_in_id(run: &str) -> bool {
    is_hex(run)
}

fn is_hex(word: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    word.bytes().all(digit)
}

/// Numbers are none: neighbours among them are alike, and take little.
pub(super) fn is_id(word: &str) -> bool {
    (ID_DIGITS_MIN..=WORD_BYTES_MAX).contains(&word.len())
        && is_hex(word)
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Replaces the id that `text` has from `from` on by its term.
pub(super) fn shorten(text: &mut String, from: usize) {
    let sum = crc32c::crc32c(&text.as_bytes()[from..]);
    text.truncate(from + ID_DIGITS_KEPT);
    text.push(ID);
    let letters = [0, 6, 12].map(|shift| LETTERS[(sum >> shift & 63) as usize]);
    text.extend(letters.map(char::from));
}

/// Whether `word` is a number that may be one of a row.
pub(super) fn is_number(word: &str) -> bool {
    word.len() <= NUMBER_DIGITS_MAX && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds the term of numbers that follow each other.
pub(super) fn push_numbers(text: &mut String, numbers: &[&str; NUMBERS]) {
    for number in numbers {
        text.push_str(number);
        text.push(NUMBER);
    }
}

/// What the text of an attribute begins with in an index; a body that begins so gets a space in front.
pub(super) const ATTRIBUTE: char = '\u{3}';
/// Ends the name of an attribute. As the whole value it says that there is one that is no text.
const NAME_END: char = '\u{0}';

/// What the terms of the attribute called `name` begin with.
pub(super) fn attribute(name: &str) -> String {
    format!("{ATTRIBUTE}{name}{NAME_END}")
}

/// `text` of an attribute, as it is handed to an index: its name's [`attribute`], and the value.
pub(super) fn split(text: &str) -> (&str, &str) {
    match text.find(NAME_END) {
        Some(at) if text.starts_with(ATTRIBUTE) => text.split_at(at + NAME_END.len_utf8()),
        _ => ("", text),
    }
}

/// The term, and the value, of an attribute whose value is no text; `prefix` is its [`attribute`].
pub(super) fn other(prefix: &str) -> String {
    format!("{prefix}{NAME_END}")
}

/// `prefix` of terms in a pattern.
pub(super) fn escaped(prefix: &str) -> String {
    prefix.replace('.', "\\.")
}

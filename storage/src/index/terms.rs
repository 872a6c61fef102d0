//! What stands in an index for a word: mostly the word itself.
//!
//! - An *id* is a word of hexadecimal digits, a decimal one among them: four and more, or five and more
//!   if all are decimal. Ids are most of all distinct words, so only their hashes are kept (`ids.rs`),
//!   which name blocks of rows; who asks looks at the row. Of one that begins with letters these are a
//!   term, so that words are found by their beginnings.
//! - Of a word longer than [`WORD_BYTES_MAX`] the beginning.
//! - Four short numbers in a row, as in an address, are one more id: each alone is everywhere.
//!
//! - Of the words of an attribute, the term behind the attribute's name.
//!
//! Terms that are no words of a body have a control character, which no word has.
//!
//! Indexes of format 0 have no hashes. There of ids of ten and more digits the first three and 18 bits
//! of a checksum are a term, four short numbers too, and other words are terms as they are.

use std::borrow::Cow;

use crate::text::{WORD_BYTES_MAX, indexed};

/// In rows that have a word longer than the index holds; no text has this as a word.
pub(super) const LONG_WORD: &str = "\u{0}long";

/// Behind each number of a row.
const NUMBER: char = '\u{1}';
/// So many numbers in a row are an id.
pub(super) const NUMBERS: usize = 4;
/// Longest number in it; longer ones are rare enough alone.
const NUMBER_DIGITS_MAX: usize = 3;

/// Behind the beginning of an id.
const ID: char = '\u{2}';
/// Shortest id with letters in it.
const ID_DIGITS_MIN: usize = 4;
/// Shortest id without.
const ID_DECIMALS_MIN: usize = 5;
/// Fewest letters that an id begins with for them to be a term.
const ID_LETTERS_MIN: usize = 2;
/// Most letters of it that are.
const ID_LETTERS_KEPT: usize = 3;

/// Shortest id in an index of format 0, and its digits that are kept.
const ID_DIGITS_MIN_0: usize = 10;
const ID_DIGITS_KEPT_0: usize = 3;
/// One for each value of six bits.
const LETTERS_0: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// The term of `word`, which is in lower case, in an index of format 0.
pub(super) fn of_format_0(word: &str) -> Cow<'_, str> {
    if !(is_id(word) && word.len() >= ID_DIGITS_MIN_0 && word.bytes().any(is_letter)) {
        return Cow::Borrowed(indexed(word));
    }
    let sum = crc32c::crc32c(word.as_bytes());
    let letters = [0, 6, 12].map(|shift| LETTERS_0[(sum >> shift & 63) as usize]);
    let mut term = format!("{}{ID}", &word[..ID_DIGITS_KEPT_0]);
    term.extend(letters.map(char::from));
    Cow::Owned(term)
}

/// Whether `word` alone has its term.
pub(super) fn is_exact(word: &str) -> bool {
    !is_id(word) && indexed(word) == word
}

/// What is known of words that begin with a text.
pub(super) enum Beginning {
    /// Terms that begin with it stand for all of them.
    Terms,
    /// Terms that begin with this stand for those that are ids, and for others.
    TermsAnd(String),
    /// Those that are ids cannot be told.
    Unknown,
}

/// What is known of words that begin with `prefix`.
pub(super) fn beginning(prefix: &str) -> Beginning {
    if !is_hex(prefix) {
        return Beginning::Terms;
    }
    match prefix.len() {
        _ if !prefix.bytes().all(is_letter) => Beginning::Unknown,
        0..ID_LETTERS_MIN => Beginning::Unknown,
        ID_LETTERS_MIN..=ID_LETTERS_KEPT => Beginning::Terms,
        _ => Beginning::TermsAnd(format!("{}{ID}", &prefix[..ID_LETTERS_KEPT])),
    }
}

/// How many letters of the id `word` are a term.
pub(super) fn letters_kept(word: &str) -> Option<usize> {
    let letters = word.bytes().take_while(|byte| is_letter(*byte)).count();
    (letters >= ID_LETTERS_MIN).then_some(letters.min(ID_LETTERS_KEPT))
}

/// Ends the letters that an id begins with.
pub(super) fn end_letters(text: &mut String) {
    text.push(ID);
}

/// Whether an id may have `run` in it.
pub(super) fn may_be_in_id(run: &str) -> bool {
    is_hex(run)
}

fn is_hex(word: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    word.bytes().all(digit)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// Whether `word`, in lower case, is an id.
pub(super) fn is_id(word: &str) -> bool {
    if !(ID_DIGITS_MIN..=WORD_BYTES_MAX).contains(&word.len()) || !is_hex(word) {
        return false;
    }
    let letters = word.bytes().filter(|byte| is_letter(*byte)).count();
    match letters {
        0 => word.len() >= ID_DECIMALS_MIN,
        _ => letters < word.len(),
    }
}

/// Whether `word` is a number that may be one of a row.
pub(super) fn is_number(word: &str) -> bool {
    word.len() <= NUMBER_DIGITS_MAX && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds what stands for numbers that follow each other.
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

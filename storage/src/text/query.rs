//! What is searched for in a text: words, phrases and prefixes, all of which must be there.

use memchr::memmem::Finder;

use super::{fold, has_word, runs};

/// A search: every clause must be found. Words are in lower case.
#[derive(Debug, Clone)]
pub struct TextQuery {
    clauses: Vec<Clause>,
    /// A finder of each clause's first word, to pass over most texts without taking them apart.
    finders: Vec<Finder<'static>>,
}

/// Words that follow each other; one word is a phrase of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The words in their order, at least one.
    pub words: Vec<String>,
    /// Whether the last word is only the beginning of one.
    pub prefix: bool,
}

/// A search that has no word in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the search {0:?} has no letter or digit in it")]
pub struct TextQueryError(String);

impl TextQuery {
    /// Reads `text`: words between spaces, all of which must be there; `"…"` around words that must
    /// follow each other; `*` after the last word of either makes it the beginning of a word.
    ///
    /// A word with separators in it (`order_id`, `10.0.0.7`) is a phrase. Errors: no word at all.
    pub fn parse(text: &str) -> Result<TextQuery, TextQueryError> {
        let mut clauses = Vec::new();
        for (index, piece) in text.split('"').enumerate() {
            let quoted = index % 2 == 1;
            let phrases: Vec<&str> = if quoted {
                vec![piece]
            } else {
                piece.split_whitespace().collect()
            };
            clauses.extend(phrases.into_iter().filter_map(Clause::of));
        }
        TextQuery::new(clauses).ok_or_else(|| TextQueryError(text.to_owned()))
    }

    /// The search for one phrase, taken literally but for a `*` at its end.
    ///
    /// Errors: no word in it.
    pub fn phrase(text: &str) -> Result<TextQuery, TextQueryError> {
        let clauses = Clause::of(text).into_iter().collect();
        TextQuery::new(clauses).ok_or_else(|| TextQueryError(text.to_owned()))
    }

    fn new(clauses: Vec<Clause>) -> Option<TextQuery> {
        if clauses.is_empty() {
            return None;
        }
        let finders = clauses
            .iter()
            .map(|clause| Finder::new(longest(&clause.words)).into_owned())
            .collect();
        Some(TextQuery { clauses, finders })
    }

    /// The clauses, all of which must be found.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Whether `text` has all clauses.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_with(text, &mut Vec::new())
    }

    /// [`TextQuery::matches`] with a buffer to use again.
    pub fn matches_with(&self, text: &str, lower: &mut Vec<u8>) -> bool {
        if text.is_ascii() {
            lower.clear();
            lower.extend_from_slice(text.as_bytes());
            lower.make_ascii_lowercase();
            let candidate = |finder: &Finder<'_>| finder.find(lower).is_some();
            if !self.finders.iter().all(candidate) {
                return false;
            }
        }
        self.clauses.iter().all(|clause| clause.is_in(text))
    }
}

/// The longest word, which is the rarest as a rule.
fn longest(words: &[String]) -> &[u8] {
    let longest = words.iter().max_by_key(|word| word.len());
    longest.map_or(&[], |word| word.as_bytes())
}

impl Clause {
    /// The runs of `text` as a phrase; `None` when there is none.
    fn of(text: &str) -> Option<Clause> {
        let mut words = Vec::new();
        runs(text, |run, _| {
            words.push(fold(run));
            true
        });
        let prefix = text.ends_with('*') && text[..text.len() - 1].ends_with(char::is_alphanumeric);
        (!words.is_empty()).then_some(Clause { words, prefix })
    }

    /// Whether the words follow each other somewhere in `text`.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let last = self.words.len() - 1;
        let mut found = false;
        // How many words of the phrase have been found before each run, longest first.
        let mut open: Vec<usize> = Vec::new();
        runs(text, |run, _| {
            let mut still = Vec::new();
            for have in open.drain(..).chain(std::iter::once(0)) {
                if has_word(run, &self.words[have], self.prefix && have == last) {
                    found |= have == last;
                    still.push(have + 1);
                }
            }
            open = still;
            !found
        });
        found
    }
}

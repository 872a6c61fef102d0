//! The texts that whatever a regular expression matches must hold.

use oriel_storage::Search;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A set of more letters is not one letter in its forms.
const LETTER_FORMS_MAX: usize = 4;

/// What finds every text that `regex` matches somewhere; `None` when it says nothing about words.
pub(super) fn search(regex: &str, case_insensitive: bool) -> Option<Search> {
    let hir = ParserBuilder::new()
        .case_insensitive(case_insensitive)
        .build()
        .parse(regex)
        .ok()?;
    of(&hir)
}

fn of(hir: &Hir) -> Option<Search> {
    let mut texts = Texts::default();
    texts.add(hir);
    texts.end(false);
    match texts.found.len() {
        0 | 1 => texts.found.pop(),
        _ => Some(Search::All(texts.found)),
    }
}

/// Texts that follow each other somewhere in a match, with anything between them.
#[derive(Default)]
struct Texts {
    found: Vec<Search>,
    /// The text that is being put together.
    open: String,
    /// Whether it stands at the start of what is searched.
    at_start: bool,
}

impl Texts {
    /// Ends the open text, at the end of what is searched or not.
    fn end(&mut self, at_end: bool) {
        let text = std::mem::take(&mut self.open);
        let at_start = std::mem::take(&mut self.at_start);
        // Letters of either case stand in the expression as they are, or as sets.
        self.found
            .extend(Search::holding(&text, at_start, at_end, false));
    }

    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => self.open.push_str(text),
                Err(_) => self.end(false),
            },
            HirKind::Class(class) => match one_letter(class) {
                Some(letter) => self.open.push(letter),
                None => self.end(false),
            },
            HirKind::Look(Look::Start) => {
                self.end(false);
                self.at_start = true;
            }
            HirKind::Look(Look::End) => self.end(true),
            HirKind::Look(_) => self.end(false),
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Repetition(repetition) => {
                self.end(false);
                if repetition.min > 0 {
                    self.found.extend(of(&repetition.sub));
                }
            }
            HirKind::Alternation(choices) => {
                self.end(false);
                let choices: Option<Vec<Search>> = choices.iter().map(of).collect();
                self.found.extend(choices.map(Search::Any));
            }
        }
    }
}

/// The letter that all members of a set are, but for their case.
fn one_letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return None;
    };
    // Two cases of a letter, and a third form of a few.
    let letters: Vec<char> = class
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .take(LETTER_FORMS_MAX + 1)
        .collect();
    let first = *letters.first()?;
    let same = |letter: &char| Search::same_letter(first, *letter);
    (letters.len() <= LETTER_FORMS_MAX && letters.iter().all(same)).then_some(first)
}

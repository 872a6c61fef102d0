//! A quick look at whether a regular expression can match a text at all.
//!
//! Most expressions hold literals, alone or beside digits and the like: whatever `[0-9]{3}ms.*[a-f][0-9]{7}`
//! matches has a run of five bytes that ends in `ms`, and later a run of eight. Of such runs, each byte
//! of which is of a known set, the one with the longest literal is looked for, by that literal; then
//! those that must follow it. A text without them does not match. Where an expression is nothing but such
//! runs with `.*` between them, a line with them does; of any other text the expression decides.
//!
//! That costs a third of what the engine of expressions takes to find that most texts do not match:
//! its care for what is before and after a literal begins anew with each text.

use memchr::memchr;
use memchr::memmem::Finder;
use regex_syntax::Parser;
use regex_syntax::hir::{Class, Dot, Hir, HirKind};

/// Bytes of all runs of an expression; what follows is not looked for.
const BYTES_MAX: usize = 128;
/// A literal that is looked for has so many bytes.
const LITERAL_MIN: usize = 2;
/// A run without such a literal is looked for from this length on.
const RUN_MIN: usize = 3;

/// What texts must hold for a match, in this order, without overlaps.
#[derive(Debug)]
pub(super) struct Sieve {
    /// The first is the one to begin with.
    runs: Vec<Run>,
    /// Whether the expression asks for nothing else.
    all: bool,
}

impl Sieve {
    /// Of `pattern`; `None` when it holds no literal.
    pub(super) fn new(pattern: &str) -> Option<Sieve> {
        let hir = Parser::new().parse(pattern).ok()?;
        let mut sets = Sets::default();
        sets.add(&hir);
        sets.end();
        let literal = |run: &Vec<Set>| literal(run).len();
        let longest = sets.found.iter().map(literal).max()?;
        if longest < LITERAL_MIN {
            return None;
        }
        let first = sets.found.iter().position(|run| literal(run) == longest)?;
        let count = sets.found.len();
        let runs = sets.found.split_off(first).into_iter();
        let runs = runs.filter(|run| literal(run) >= LITERAL_MIN || run.len() >= RUN_MIN);
        let runs: Vec<Run> = runs.map(Run::new).collect();
        let all = !sets.more && runs.len() == count;
        Some(Sieve { runs, all })
    }

    /// Whether the expression matches `text`; `None` when only itself can tell.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        let mut rest = text.as_bytes();
        for run in &self.runs {
            match run.end(rest) {
                Some(end) => rest = &rest[end..],
                None => return Some(false),
            }
        }
        // What `.*` does not match are ends of lines.
        let all = self.all && (self.runs.len() == 1 || memchr(b'\n', text.as_bytes()).is_none());
        all.then_some(true)
    }
}

/// Bytes that may stand at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set([u64; 4]);

impl Set {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Set([0; 4]);
        for byte in bytes {
            set.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        set
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// Its byte, if that is one.
    fn only(&self) -> Option<u8> {
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        (count == 1).then(|| (0..=u8::MAX).find(|byte| self.has(*byte)))?
    }
}

/// Where the first of the longest literals of `run` stands.
fn literal(run: &[Set]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (at, set) in run.iter().enumerate() {
        if set.only().is_none() {
            start = at + 1;
        } else if at + 1 - start > longest.len() {
            longest = start..at + 1;
        }
    }
    longest
}

/// A run of bytes, and how it is found.
#[derive(Debug)]
struct Run {
    sets: Vec<Set>,
    by: By,
}

#[derive(Debug)]
enum By {
    /// A literal so many bytes after the beginning of the run.
    Literal(Box<Finder<'static>>, usize),
    /// How far to go on, by the byte at the end of where the run might be: to where the run has such
    /// a byte before its end, or past it.
    Steps(Box<[u8; 256]>),
}

impl Run {
    fn new(sets: Vec<Set>) -> Self {
        let literal = literal(&sets);
        let by = if literal.len() >= LITERAL_MIN {
            let bytes: Vec<u8> = sets[literal.clone()].iter().filter_map(Set::only).collect();
            By::Literal(Box::new(Finder::new(&bytes).into_owned()), literal.start)
        } else {
            let step = |byte: u8| {
                let before_end = sets.iter().rev().skip(1);
                let at = before_end.take_while(|set| !set.has(byte)).count();
                // A run has at most BYTES_MAX sets.
                (at + 1) as u8
            };
            By::Steps(Box::new(std::array::from_fn(|byte| step(byte as u8))))
        };
        Run { sets, by }
    }

    /// Where its first occurrence in `text` ends.
    fn end(&self, text: &[u8]) -> Option<usize> {
        let len = self.sets.len();
        match &self.by {
            By::Literal(finder, before) => {
                let mut from = 0;
                loop {
                    let at = from + finder.find(text.get(from..)?)?;
                    if let Some(start) = at.checked_sub(*before)
                        && self.is_at(text.get(start..start + len)?)
                    {
                        return Some(start + len);
                    }
                    from = at + 1;
                }
            }
            By::Steps(steps) => {
                let mut end = len;
                loop {
                    let here = text.get(end - len..end)?;
                    if self.is_at(here) {
                        return Some(end);
                    }
                    end += usize::from(steps[usize::from(here[len - 1])]);
                }
            }
        }
    }

    /// Whether `bytes`, as many as it has, are an occurrence.
    fn is_at(&self, bytes: &[u8]) -> bool {
        // From the end: that is where a step looked.
        let mut pairs = self.sets.iter().zip(bytes).rev();
        pairs.all(|(set, byte)| set.has(*byte))
    }
}

/// Runs of sets that follow each other in each match, with anything between them.
#[derive(Default)]
struct Sets {
    found: Vec<Vec<Set>>,
    /// The run that is being put together.
    open: Vec<Set>,
    bytes: usize,
    /// Whether something is asked for beside them.
    more: bool,
}

impl Sets {
    fn end(&mut self) {
        let run = std::mem::take(&mut self.open);
        if !run.is_empty() {
            self.found.push(run);
        }
    }

    /// Passes what is not a run.
    fn skip(&mut self) {
        self.more = true;
        self.end();
    }

    fn full(&self) -> bool {
        self.bytes >= BYTES_MAX
    }

    fn push(&mut self, set: Set) {
        // What comes after the last one that has room may stand anywhere, or nowhere.
        if self.full() {
            return self.skip();
        }
        self.bytes += 1;
        self.open.push(set);
    }

    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            // It takes no room: what is before and after it are neighbours.
            HirKind::Look(_) => self.more = true,
            HirKind::Literal(literal) => {
                for byte in &literal.0 {
                    self.push(Set::of([*byte]));
                }
            }
            HirKind::Class(class) => match bytes_of(class) {
                Some(set) => self.push(set),
                None => self.skip(),
            },
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Repetition(any) if any.min == 0 && any.max.is_none() && is_dot(&any.sub) => {
                self.end();
            }
            HirKind::Repetition(repetition) => {
                let mut times = 0;
                while times < repetition.min && !self.full() {
                    let before = self.bytes;
                    self.add(&repetition.sub);
                    times += 1;
                    if self.bytes == before {
                        break;
                    }
                }
                if times < repetition.min || repetition.max != Some(repetition.min) {
                    self.skip();
                }
            }
            HirKind::Alternation(_) => self.skip(),
        }
    }
}

/// Whether `hir` is any letter, but for ends of lines maybe.
fn is_dot(hir: &Hir) -> bool {
    [Dot::AnyChar, Dot::AnyCharExceptLF]
        .iter()
        .any(|dot| *hir == Hir::dot(*dot))
}

/// The bytes of a class whose members are one byte each.
fn bytes_of(class: &Class) -> Option<Set> {
    let mut set = Set::of([]);
    let mut add = |bytes: std::ops::RangeInclusive<u8>| {
        let more = Set::of(bytes);
        for (word, more) in set.0.iter_mut().zip(more.0) {
            *word |= more;
        }
    };
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                let (start, end) = (u8::try_from(range.start()), u8::try_from(range.end()));
                match (start, end) {
                    (Ok(start), Ok(end)) if end.is_ascii() => add(start..=end),
                    _ => return None,
                }
            }
        }
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            ranges.for_each(|range| add(range.start()..=range.end()));
        }
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// Scenario: expressions with literals, counts, gaps, either case, none; texts that nearly match.
    /// Guarantees: which of them have a sieve, what passes it, and where that is all.
    #[test]
    fn passes_what_may_match() {
        let matches = |pattern: &str, text: &str| Sieve::new(pattern).unwrap().matches(text);
        let passes = |pattern: &str, text: &str| matches(pattern, text) != Some(false);
        let slow = "[0-9]{3}ms.*[a-f][0-9]{7}";
        assert!(passes(slow, "took 123ms: a1234567"));
        assert!(
            passes(slow, "params 1ms 123ms\na12345678"),
            "the engine says no"
        );
        assert!(!passes(slow, "took 123ms: g1234567 a123456"));
        assert!(!passes(slow, "took 12ms: a1234567"));
        assert!(!passes(slow, "a1234567 123ms"));
        assert!(!passes(slow, "ms"));
        assert!(passes("a+bc{2}(de|fg)hi", "abcc..hi"));
        assert!(!passes("a+bc{2}(de|fg)hi", "abc..hi"));
        assert!(passes(r"^id=\d+ ok$", "id=٣ ok"));
        assert!(passes("grün", "grün"));
        for none in [
            "(?i)timeout",
            "[0-9]{3}",
            "a|b",
            "x",
            "",
            ".*",
            "(ab|cd)*",
            "(",
        ] {
            assert!(Sieve::new(none).is_none(), "{none}");
        }
    }

    /// Scenario: an expression with more bytes than are looked for.
    /// Guarantees: no more are asked for than texts that match have.
    #[test]
    fn long_expressions_end() {
        for pattern in ["(?:[ab]x{3}){50}z", "x{127}[ab]y{5}", "(?:(?:ab){90}c){90}"] {
            let sieve = Sieve::new(pattern).unwrap();
            let bytes: usize = sieve.runs.iter().map(|run| run.sets.len()).sum();
            assert!(bytes <= BYTES_MAX, "{pattern}: {bytes}");
        }
        let text = format!("{}by{}", "x".repeat(127), "y".repeat(4));
        assert!(Regex::new("x{127}[ab]y{5}").unwrap().is_match(&text));
        assert!(
            Sieve::new("x{127}[ab]y{5}")
                .unwrap()
                .matches(&text)
                .is_none()
        );
    }

    fn pattern() -> impl Strategy<Value = String> {
        let others = vec![
            "[0-9]", "[ab]", "ü", "[aü]", ".", "^", "$", r"\b", "(?i:ab)",
        ];
        let piece = prop_oneof![
            1 => "[ab]{1,3}",
            1 => prop::sample::select(others).prop_map(str::to_owned),
        ];
        piece.prop_recursive(3, 16, 4, |inner| {
            let times = ["*", "+", "?", "{0}", "{2}", "{3}", "{1,2}", "{2,}"];
            let times = prop::sample::select(times.to_vec());
            let parts = prop::collection::vec(inner.clone(), 1..4);
            let either = (inner.clone(), inner.clone());
            prop_oneof![
                4 => parts.prop_map(|parts| parts.concat()),
                1 => either.prop_map(|(a, b)| format!("(?:{a}|{b})")),
                1 => (inner, times).prop_map(|(sub, times)| format!("({sub}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Scenario: any expression of literals, sets, anchors, counts and branches; any texts of few letters.
        /// Guarantees: what the sieve says is what the expression says.
        #[test]
        fn agrees_with_the_expression(
            pattern in pattern(),
            texts in prop::collection::vec("[abü1\n]{0,14}", 20),
        ) {
            let regex = Regex::new(&pattern).unwrap();
            if let Some(sieve) = Sieve::new(&pattern) {
                for text in texts {
                    let want = regex.is_match(&text);
                    prop_assert_eq!(sieve.matches(&text).unwrap_or(want), want, "{:?} {:?}", pattern, text);
                }
            }
        }
    }
}

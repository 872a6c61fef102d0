//! Patterns of log messages: which messages are there, when the parts that vary are left out.
//!
//! ```text
//! record -> mask (one template a message) -> counts by template, bounded -> merge -> patterns
//! ```
//!
//! Pure, and the same for the same records in any order: masking looks at one message; when there
//! are too many templates, those with the smallest hashes stay and the others are counted by their
//! length and first words; merging works on sorted templates. Each record is counted once.

pub(crate) mod mask;
mod merge;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use mask::WILD;

/// Templates that are told apart.
pub(crate) const TEMPLATES_MAX: usize = 20_000;
/// Kinds of other messages, by length and so many first words.
const KINDS_MAX: usize = 2_000;
const WORDS_OF_KIND: usize = 3;
/// Services of a template that are counted.
const SERVICES_MAX: usize = 64;
/// Levels, worst first.
pub(crate) const LEVELS: [&str; 7] = ["fatal", "error", "warn", "info", "debug", "trace", "unset"];
/// Pieces of text in [`Pattern::pieces`].
const PIECES_MAX: usize = 24;

/// A record, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) time: i64,
    pub(crate) body: &'a str,
    /// One of [`LEVELS`].
    pub(crate) level: &'a str,
    pub(crate) service: &'a str,
    /// Which bucket of the trend it is in.
    pub(crate) bucket: usize,
}

/// Records with the same text but for what varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Tokens with one space between; `<*>` stands for what varies.
    pub(crate) text: String,
    pub(crate) count: u64,
    /// The first and last time.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// In the order of [`LEVELS`].
    pub(crate) levels: [u64; LEVELS.len()],
    /// By hash: name and records.
    services: BTreeMap<u64, (Box<str>, u64)>,
    /// Records by bucket.
    pub(crate) trend: Vec<u32>,
    /// Time and [`body_hash`] of its last record.
    pub(crate) sample: (i64, u64),
}

/// Names a body as far as it is looked at.
pub(crate) fn body_hash(body: &str) -> u64 {
    xxh3_64(mask::head(body).as_bytes())
}

/// Counts records by pattern.
#[derive(Debug)]
pub(crate) struct Patterns {
    templates: Bounded,
    kinds: Bounded,
    lengths: BTreeMap<usize, Pattern>,
    buckets: usize,
    masked: String,
}

impl Patterns {
    /// Counts with trends of so many buckets.
    pub(crate) fn new(buckets: usize) -> Self {
        Patterns::bounded(buckets, TEMPLATES_MAX, KINDS_MAX)
    }

    fn bounded(buckets: usize, templates: usize, kinds: usize) -> Self {
        Patterns {
            templates: Bounded::new(templates),
            kinds: Bounded::new(kinds),
            lengths: BTreeMap::new(),
            buckets,
            masked: String::new(),
        }
    }

    /// Counts one record.
    pub(crate) fn add(&mut self, record: Record<'_>) {
        mask::mask(record.body, &mut self.masked);
        let hash = xxh3_64(self.masked.as_bytes());
        if let Some(known) = self.templates.all.get_mut(&hash) {
            return known.count(record);
        }
        let mut template = Pattern::empty(&self.masked, self.buckets);
        template.count(record);
        let Some(rest) = self.templates.put(hash, template) else {
            return;
        };
        let kind = kind(&rest.text);
        // What has no place may be of another kind than what came.
        let Some(rest) = self.kinds.put(kind, rest) else {
            return;
        };
        let length = tokens(&rest.text).count();
        match self.lengths.get_mut(&length) {
            Some(known) => known.absorb(rest),
            None => {
                self.lengths.insert(length, rest);
            }
        }
    }

    /// The patterns, most frequent first.
    pub(crate) fn finish(self) -> Vec<Pattern> {
        let all = self.templates.all.into_values();
        let all = all.chain(self.kinds.all.into_values());
        merge::merge(all.chain(self.lengths.into_values()).collect())
    }
}

/// Patterns by hash: with too many, those with the smallest hashes. So which ones are kept does not
/// depend on the order in which they come, and one that is kept has all its records.
#[derive(Debug)]
struct Bounded {
    all: HashMap<u64, Pattern>,
    hashes: BinaryHeap<u64>,
    max: usize,
}

impl Bounded {
    fn new(max: usize) -> Self {
        Bounded {
            all: HashMap::new(),
            hashes: BinaryHeap::new(),
            max,
        }
    }

    /// Puts `pattern` in its place. Returns one that has none.
    fn put(&mut self, hash: u64, pattern: Pattern) -> Option<Pattern> {
        if let Some(known) = self.all.get_mut(&hash) {
            known.absorb(pattern);
            return None;
        }
        let mut rest = None;
        if self.all.len() >= self.max {
            let greatest = *self.hashes.peek()?;
            if hash > greatest {
                return Some(pattern);
            }
            self.hashes.pop();
            rest = self.all.remove(&greatest);
        }
        self.hashes.push(hash);
        self.all.insert(hash, pattern);
        rest
    }
}

/// What tells templates apart that are too many: their length and first words.
fn kind(text: &str) -> u64 {
    let letters = |token: &str| token.chars().filter(|c| c.is_alphabetic()).count();
    let words = tokens(text).filter(|token| letters(token) > 1);
    let words = words.take(WORDS_OF_KIND);
    let length = tokens(text).count() as u64;
    words.fold(length, |hash, word| {
        xxh3_64_with_seed(word.as_bytes(), hash)
    })
}

/// The tokens of a pattern's text.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|token| !token.is_empty())
}

impl Pattern {
    fn empty(text: &str, buckets: usize) -> Pattern {
        Pattern {
            text: text.to_owned(),
            count: 0,
            first: i64::MAX,
            last: i64::MIN,
            levels: [0; LEVELS.len()],
            services: BTreeMap::new(),
            trend: vec![0; buckets],
            sample: (i64::MIN, 0),
        }
    }

    fn count(&mut self, record: Record<'_>) {
        self.count += 1;
        self.first = self.first.min(record.time);
        self.last = self.last.max(record.time);
        let level = LEVELS.iter().position(|level| *level == record.level);
        self.levels[level.unwrap_or(LEVELS.len() - 1)] += 1;
        if let Some(bucket) = self.trend.get_mut(record.bucket) {
            *bucket = bucket.saturating_add(1);
        }
        if record.time >= self.sample.0 {
            self.sample = self.sample.max((record.time, body_hash(record.body)));
        }
        let service = xxh3_64(record.service.as_bytes());
        match self.services.get_mut(&service) {
            Some((_, count)) => *count += 1,
            None => self.serve(service, record.service.into(), 1),
        }
    }

    fn serve(&mut self, hash: u64, name: Box<str>, count: u64) {
        self.services.insert(hash, (name, count));
        if self.services.len() > SERVICES_MAX {
            self.services.pop_last();
        }
    }

    /// Adds the records of `other`, which has as many tokens: where they differ, they vary.
    fn absorb(&mut self, other: Pattern) {
        if self.text != other.text {
            let both = tokens(&self.text).zip(tokens(&other.text));
            let common: Vec<&str> = both.map(|(a, b)| if a == b { a } else { WILD }).collect();
            self.text = common.join(" ");
        }
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.sample = self.sample.max(other.sample);
        for (mine, theirs) in self.levels.iter_mut().zip(other.levels) {
            *mine += theirs;
        }
        for (mine, theirs) in self.trend.iter_mut().zip(other.trend) {
            *mine = mine.saturating_add(theirs);
        }
        for (hash, (name, count)) in other.services {
            match self.services.get_mut(&hash) {
                Some((_, known)) => *known += count,
                None => self.serve(hash, name, count),
            }
        }
    }

    /// A name that follows from the text.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", xxh3_64(self.text.as_bytes()))
    }

    /// Services by records, the most first.
    pub(crate) fn services(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.services.values().map(|(n, c)| (&**n, *c)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }

    /// Texts that stand in each of its bodies, in this order.
    pub(crate) fn pieces(&self) -> Vec<String> {
        tokens(&self.text)
            .flat_map(|token| token.split(WILD))
            .filter(|piece| piece.chars().count() > 1 && piece.contains(char::is_alphanumeric))
            .take(PIECES_MAX)
            .map(str::to_owned)
            .collect()
    }
}

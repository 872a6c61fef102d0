//! Templates that say the same of different things become one pattern.
//!
//! Among templates of one length: first, where very many differ in one token only, that token varies;
//! then each joins the first one that is similar enough and begins alike (as Drain does), less
//! similar ones when there are very many.

use std::collections::{BTreeMap, HashMap};

use super::mask::WILD;
use super::{Pattern, tokens};

/// Templates that differ in one token, from which on it is taken as one that varies.
const VARIANTS_MIN: usize = 8;
/// Patterns of one length and first token; with more, less similar ones are joined.
const ALIKE_MAX: usize = 50;
/// Patterns that one is compared with.
const COMPARED_MAX: usize = 256;
/// How many of a hundred tokens must be equal.
const SIMILAR: [usize; 3] = [80, 60, 40];

/// The patterns of `templates`, most frequent first.
pub(super) fn merge(templates: Vec<Pattern>) -> Vec<Pattern> {
    let mut by_length: BTreeMap<usize, Vec<Pattern>> = BTreeMap::new();
    for template in templates {
        let length = tokens(&template.text).count();
        by_length.entry(length).or_default().push(template);
    }
    let mut merged = Vec::new();
    for (length, mut same) in by_length {
        for place in 0..length {
            same = vary(same, place);
        }
        let mut by_first: BTreeMap<String, Vec<Pattern>> = BTreeMap::new();
        for pattern in same {
            let first = tokens(&pattern.text).next().unwrap_or_default().to_owned();
            by_first.entry(first).or_default().push(pattern);
        }
        merged.extend(by_first.into_values().flat_map(join));
    }
    let mut merged = unique(merged);
    sort(&mut merged);
    merged
}

/// Most records first; by text where that does not tell.
fn sort(patterns: &mut [Pattern]) {
    patterns.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
}

/// Patterns of one text become one.
fn unique(mut patterns: Vec<Pattern>) -> Vec<Pattern> {
    patterns.sort_by(|a, b| a.text.cmp(&b.text));
    let mut out: Vec<Pattern> = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        match out.last_mut() {
            Some(last) if last.text == pattern.text => last.absorb(pattern),
            _ => out.push(pattern),
        }
    }
    out
}

/// The same, where those that differ in the token at `place` only are one if there are many.
fn vary(patterns: Vec<Pattern>, place: usize) -> Vec<Pattern> {
    let mut others: HashMap<String, usize> = HashMap::new();
    let without: Vec<String> = patterns.iter().map(|p| without(&p.text, place)).collect();
    for text in &without {
        *others.entry(text.clone()).or_default() += 1;
    }
    let mut out = Vec::new();
    let mut joined: BTreeMap<String, Pattern> = BTreeMap::new();
    for (mut pattern, text) in patterns.into_iter().zip(without) {
        let constant = text
            .split(WILD)
            .any(|piece| piece.contains(char::is_alphabetic));
        if !constant || others.get(&text).is_none_or(|count| *count < VARIANTS_MIN) {
            out.push(pattern);
            continue;
        }
        match joined.get_mut(&text) {
            Some(known) => known.absorb(pattern),
            None => {
                pattern.text.clone_from(&text);
                joined.insert(text, pattern);
            }
        }
    }
    out.extend(joined.into_values());
    unique(out)
}

/// `text` with the token at `place` left open.
fn without(text: &str, place: usize) -> String {
    let open = tokens(text)
        .enumerate()
        .map(|(at, token)| if at == place { WILD } else { token });
    open.collect::<Vec<_>>().join(" ")
}

/// Joins similar patterns of one length and first token.
fn join(mut patterns: Vec<Pattern>) -> Vec<Pattern> {
    for least in SIMILAR {
        sort(&mut patterns);
        let mut joined: Vec<Pattern> = Vec::new();
        for pattern in patterns {
            let compared = joined.iter().take(COMPARED_MAX).map(|known| &known.text);
            let best = compared
                .map(|known| similarity(known, &pattern.text))
                .enumerate()
                .filter(|(_, similar)| *similar >= least)
                .max_by_key(|(at, similar)| (*similar, usize::MAX - at));
            match best.and_then(|(at, _)| joined.get_mut(at)) {
                Some(known) => known.absorb(pattern),
                None => joined.push(pattern),
            }
        }
        patterns = joined;
        if patterns.len() <= ALIKE_MAX {
            break;
        }
    }
    patterns
}

/// How many of a hundred tokens are equal, of those that do not vary in both.
fn similarity(a: &str, b: &str) -> usize {
    let (mut equal, mut all) = (0, 0);
    for (a, b) in tokens(a).zip(tokens(b)) {
        if a != WILD || b != WILD {
            all += 1;
            equal += usize::from(a == b);
        }
    }
    match equal {
        0 => 0,
        equal => equal * 100 / all,
    }
}

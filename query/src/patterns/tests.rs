//! Masks by example; counts, order and bounds by property.

use proptest::prelude::*;

use super::mask::mask;
use super::*;

fn masked(body: &str) -> String {
    let mut out = "left over".to_owned();
    mask(body, &mut out);
    out
}

fn record(body: &str) -> Record<'_> {
    Record {
        time: body.len() as i64,
        body,
        level: LEVELS[body.len() % LEVELS.len()],
        service: if body.len().is_multiple_of(2) {
            "even"
        } else {
            "odd"
        },
        bucket: body.len() % 4,
    }
}

fn patterns<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Vec<Pattern> {
    let mut patterns = Patterns::new(4);
    for body in bodies {
        patterns.add(record(body));
    }
    patterns.finish()
}

/// Scenario: numbers with units and signs, times, UUIDs, hex, addresses, paths, quoted text, JSON,
/// mail, apostrophes, several lines, nothing.
/// Guarantees: what varies is masked, words stay.
#[test]
fn what_varies_is_masked() {
    for (body, want) in [
        ("took 12ms for 3 items", "took <*>ms for <*> items"),
        ("load 0.75, was -1.5 (50%)", "load <*>, was -<*> (<*>%)"),
        ("at 2026-11-23T14:00:00.123Z done", "at <*>Z done"),
        ("[2026-11-23 14:00:00,123] up", "[<*> <*>] up"),
        (
            "order 550e8400-e29b-41d4-a716-446655440000 paid",
            "order <*> paid",
        ),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736.", "trace <*>."),
        ("at 0xdeadBEEF", "at <*>"),
        ("from 10.0.0.17:8080 and fe80::1ff:fe23", "from <*> and <*>"),
        (
            "GET /api/carts/42/items/a7b8c9",
            "GET /api/carts/<*>/items/<*>",
        ),
        (
            "user \"Jo O'Brien\" said 'no way'",
            "user \"<*>\" said '<*>'",
        ),
        (
            r#"{"amount":12.50,"id":"a b"}"#,
            r#"{"amount":<*>,"id":"<*>"}"#,
        ),
        ("mail to jo@example.com failed", "mail to <*> failed"),
        ("can't open, don't retry", "can't open, don't retry"),
        ("http2 worker-3 ids=1,2,3", "http<*> worker-<*> ids=<*>"),
        ("  spaced \t out  ", "spaced out"),
        ("failed: x\n  at line 5\n", "failed: x <*>"),
        ("", ""),
    ] {
        assert_eq!(masked(body), want, "{body}");
    }
    let long = "word ".repeat(200);
    assert_eq!(masked(&long).split(' ').count(), 49);
    assert!(masked(&"x".repeat(5_000)).len() < 1_100);
}

/// Scenario: orders of many people, few of which differ in one token only; two messages that differ
/// in one of two words; a message that always is the same.
/// Guarantees: the names are taken as what varies; the words are not.
#[test]
fn names_vary_and_words_do_not() {
    let names = ["ann", "bob", "eve", "jo", "kim", "lee", "max", "sam", "tom"];
    let items = [
        "pear", "fig", "kiwi", "plum", "nut", "lime", "date", "corn", "bean",
    ];
    let mut bodies: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for item in items {
            bodies.push(format!("user {name} bought {at} kg of {item}"));
        }
        bodies.push("cache hit".to_owned());
        bodies.push("cache miss".to_owned());
    }
    let found = patterns(bodies.iter().map(String::as_str));
    let shown: Vec<_> = found.iter().map(|p| (p.text.as_str(), p.count)).collect();
    assert_eq!(
        shown,
        [
            ("user <*> bought <*> kg of <*>", 81),
            ("cache hit", 9),
            ("cache miss", 9)
        ]
    );
    assert_eq!(found[0].pieces(), ["user", "bought", "kg", "of"]);
}

/// Scenario: 60,000 messages of as many words.
/// Guarantees: each is counted; the patterns are bounded.
#[test]
fn patterns_are_bounded() {
    let word = |mut number: usize| {
        let mut word = String::new();
        for _ in 0..5 {
            word.push(char::from(b'a' + (number % 26) as u8));
            number /= 26;
        }
        word
    };
    let bodies: Vec<String> = (0..60_000)
        .map(|at| format!("{} {} {}", word(at), word(at * 7 + 1), word(at * 13 + 2)))
        .collect();
    let found = patterns(bodies.iter().map(String::as_str));
    let count: u64 = found.iter().map(|pattern| pattern.count).sum();
    assert_eq!(count, 60_000);
    assert!(
        found.len() <= TEMPLATES_MAX + KINDS_MAX + 50,
        "{}",
        found.len()
    );
}

fn bodies() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        "[a-d]{1,2}",
        "[0-9]{1,3}(ms|%)?",
        "(order|user|failed|took)",
        "\"[a-c ]{0,4}\"",
        "[a-b0-9:./'<*>é-]{1,6}",
    ];
    let body = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "));
    prop::collection::vec(body, 0..60)
}

/// Whether the pieces stand in `body`, one behind the other.
fn holds(body: &str, pieces: &[String]) -> bool {
    let mut rest = body;
    pieces
        .iter()
        .all(|piece| match rest.split_once(piece.as_str()) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
}

proptest! {
    /// Scenario: any messages, in any order, with room for all or for few templates.
    /// Guarantees: counts of patterns, levels, services and buckets add up to the messages; the order
    /// does not matter; texts are distinct.
    #[test]
    fn each_record_counts_once(bodies in bodies(), templates in 1_usize..20, kinds in 1_usize..4) {
        let count = |bodies: &mut dyn Iterator<Item = &String>, bound: Option<(usize, usize)>| {
            let mut patterns = match bound {
                Some((templates, kinds)) => Patterns::bounded(4, templates, kinds),
                None => Patterns::new(4),
            };
            bodies.for_each(|body| patterns.add(record(body)));
            patterns.finish()
        };
        for bound in [None, Some((templates, kinds))] {
            let found = count(&mut bodies.iter(), bound);
            prop_assert_eq!(&found, &count(&mut bodies.iter().rev(), bound));
            let sum = |of: &dyn Fn(&Pattern) -> u64| found.iter().map(of).sum::<u64>();
            let all = bodies.len() as u64;
            prop_assert_eq!(sum(&|p| p.count), all);
            prop_assert_eq!(sum(&|p| p.levels.iter().sum()), all);
            prop_assert_eq!(sum(&|p| p.services().iter().map(|s| s.1).sum()), all);
            prop_assert_eq!(sum(&|p| p.trend.iter().map(|n| u64::from(*n)).sum()), all);
            let texts: std::collections::BTreeSet<&str> = found.iter().map(|p| p.text.as_str()).collect();
            prop_assert_eq!(texts.len(), found.len());
            for pattern in &found {
                prop_assert!(bodies.iter().any(|body| body_hash(body) == pattern.sample.1));
            }
        }
    }

    /// Scenario: any messages.
    /// Guarantees: the pieces of some pattern stand in each of them in order, so that a filter by
    /// them finds it; with all in one template, those of its mask do.
    #[test]
    fn pieces_find_their_records(bodies in bodies()) {
        let found = patterns(bodies.iter().map(String::as_str));
        for body in &bodies {
            let own = Pattern::empty(&masked(body), 0).pieces();
            prop_assert!(holds(body, &own), "{body:?} {own:?}");
            prop_assert!(found.iter().any(|pattern| holds(body, &pattern.pieces())));
        }
    }
}

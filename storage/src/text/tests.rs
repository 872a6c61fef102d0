//! Words, phrases and prefixes against examples and against a simple oracle.

use proptest::prelude::*;

use super::*;

fn words(text: &str) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    runs(text, |run, position| {
        all.push((fold(run), position));
        all.extend(parts(run).map(|part| (fold(part), position)));
        true
    });
    all
}

fn check(text: &str, query: &str, want: bool) {
    let parsed = TextQuery::parse(query).expect("a search");
    assert_eq!(
        parsed.matches(text),
        want,
        "{query:?} in {text:?}: {parsed:?}"
    );
}

/// Scenario: identifiers, paths, addresses, ids, scripts without spaces.
/// Guarantees: the words that the module's text promises, at the positions it promises.
#[test]
fn takes_texts_apart() {
    let at = |text: &str| {
        let all = words(text);
        all.iter()
            .map(|(word, position)| format!("{word}@{position}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(at("card declined"), "card@0 declined@1");
    assert_eq!(at("getUserName()"), "getusername@0 get@0 user@0 name@0");
    assert_eq!(at("HTTPServer2Go"), "httpserver2go@0 http@0 server2@0 go@0");
    assert_eq!(at("order_id=77"), "order@0 id@1 77@2");
    assert_eq!(at("10.0.0.7:8080"), "10@0 0@1 0@2 7@3 8080@4");
    assert_eq!(at("/var/lib/x.db"), "var@0 lib@1 x@2 db@3");
    assert_eq!(at("抹茶 tea"), "抹@0 茶@1 tea@2");
    assert_eq!(at("tea抹茶x"), "tea@0 抹@1 茶@2 x@3");
    assert_eq!(at("Ünïcode ΣΊΣΥΦΟΣ"), "ünïcode@0 σίσυφοσ@1");
    assert_eq!(at("  --  "), "");
    assert_eq!(at(""), "");
}

/// Scenario: searches as people type them.
/// Guarantees: case never matters; wholes and parts are found; phrases need their order.
#[test]
fn finds_what_people_type() {
    check("Order 77 FAILED: card declined", "failed declined", true);
    check("Order 77 FAILED: card declined", "\"declined card\"", false);
    check("Order 77 FAILED: card declined", "\"CARD Declined\"", true);
    check("call getUserName failed", "getusername", true);
    check("call getUserName failed", "getUserName", true);
    check("call getUserName failed", "user", true);
    check("call getUserName failed", "\"call user failed\"", true);
    check("call getUserName failed", "\"get user\"", false);
    check("upstream 10.0.0.7:8080 refused", "10.0.0.7:8080", true);
    check("upstream 10.0.0.71:8080 refused", "10.0.0.7:8080", false);
    check("timeouts", "timeout", false);
    check("timeouts", "timeout*", true);
    check("read timeoutAfter", "\"read time*\"", true);
    check("read timeout", "\"read tim* x\"", false);
    check("抹茶ラテ", "茶ラ", true);
    check("抹茶ラテ", "抹ラ", false);
    check("a b a b c", "\"a b c\"", true);
    check("anything", "thing", false);
    assert!(TextQuery::parse(" -- \"\" ").is_err());
}

/// Whether the phrase is somewhere, the slow way.
fn oracle(text: &str, clause: &Clause) -> bool {
    let all = words(text);
    let last = clause.words.len() - 1;
    (0..=all.len()).any(|start| {
        clause.words.iter().enumerate().all(|(index, wanted)| {
            all.iter().any(|(word, position)| {
                *position == start + index
                    && (word == wanted
                        || (clause.prefix && index == last && word.starts_with(wanted)))
            })
        })
    })
}

proptest! {
    /// Scenario: texts and phrases over a small alphabet with separators, case, marks and Han.
    /// Guarantees: `matches` agrees with looking for the phrase in the list of all words.
    #[test]
    fn agrees_with_the_list_of_words(
        text in "[aAbB1_ .\u{4E00}éÉ\u{130}]{0,24}",
        query in "[aAb1 .\u{4E00}éÉ\u{130}]{1,8}\\*?",
    ) {
        if let Ok(parsed) = TextQuery::phrase(&query) {
            let want = oracle(&text, &parsed.clauses()[0]);
            prop_assert_eq!(parsed.matches(&text), want, "{:?}", parsed);
        }
    }

    /// Scenario: any text at all.
    /// Guarantees: no panic; runs lie in the text, in order, and hold no separator.
    #[test]
    fn takes_any_text(text in "\\PC{0,40}") {
        let mut position = 0;
        runs(&text, |run, at| {
            assert_eq!(at, position);
            position += 1;
            assert!(!run.is_empty() && run.chars().all(char::is_alphanumeric));
            true
        });
    }
}

//! The index against looking at every text.

use proptest::prelude::*;

use super::*;
use crate::text::TextQuery;

fn index(texts: &[Option<&str>]) -> Index {
    let mut writer = IndexWriter::new(Vec::new());
    for text in texts {
        writer.add(*text).expect("is added");
    }
    Index::open_bytes(writer.finish().expect("a bundle")).expect("opens")
}

fn rows(index: &Index, search: &Search) -> Vec<u32> {
    let found = index.candidates(search, usize::MAX - 1).expect("an answer");
    found.expect("no limit")
}

fn text(query: &str) -> Search {
    Search::Text(TextQuery::parse(query).expect("a search"))
}

/// Scenario: words, phrases, prefixes and infixes in a small part, with a row without text.
/// Guarantees: exactly the rows that have them, numbered as they were added.
#[test]
fn finds_rows() {
    let long = "x".repeat(300) + "needle";
    let texts = [
        Some("card declined"),
        None,
        Some("Declined: CARD getUserName"),
        Some("timeout after 30s"),
        Some(long.as_str()),
        Some(""),
    ];
    let index = index(&texts);
    assert_eq!(index.rows(), 6);
    assert_eq!(rows(&index, &text("card")), [0, 2]);
    // A phrase is looked for as its words: the rows tell.
    assert_eq!(rows(&index, &text("\"card declined\"")), [0, 2]);
    assert_eq!(rows(&index, &text("user")), [2]);
    assert_eq!(rows(&index, &text("time*")), [3]);
    assert_eq!(rows(&index, &text("\"after 30s*\"")), [3]);
    // What may begin an id is left to the rows.
    assert_eq!(rows(&index, &text("\"after 3*\"")), [3]);
    assert_eq!(rows(&index, &text("absent")), [0; 0]);
    assert_eq!(rows(&index, &Search::Infix("ClIn".into())), [0, 2, 4]);
    let all = Search::All(vec![text("card"), text("user")]);
    assert_eq!(rows(&index, &all), [2]);
    let any = Search::Any(vec![text("timeout"), text("user")]);
    assert_eq!(rows(&index, &any), [2, 3]);
    assert_eq!(index.candidates(&text("card"), 1).expect("an answer"), None);
}

/// 3,000 texts in three blocks, of which `some` have another text than the others.
fn blocks(some: &[(usize, &str)]) -> Index {
    let mut texts = vec![Some("nothing here"); 3000];
    for (row, text) in some {
        texts[*row] = Some(text);
    }
    index(&texts)
}

/// The blocks that `found` are in, whole.
fn blocks_of(found: &[u32]) -> Vec<u32> {
    let mut blocks: Vec<u32> = found.iter().map(|row| row / ids::BLOCK_ROWS).collect();
    blocks.dedup();
    let rows = blocks.iter().flat_map(|block| {
        let first = block * ids::BLOCK_ROWS;
        first..(first + ids::BLOCK_ROWS).min(3000)
    });
    assert!(rows.eq(found.iter().copied()), "{} rows", found.len());
    blocks
}

/// Scenario: addresses whose numbers are everywhere, one beside letters.
/// Guarantees: the block of a whole address is found, though an index has no positions; a part of one
/// by its numbers.
#[test]
fn addresses_are_found() {
    let index = blocks(&[
        (3, "from 10.0.0.7:80 to 10.0.7.1"),
        (1500, "from 10.0.7.0:80 at 7 10 0"),
        (2500, "from 7.10.80.0 and 10.0.0A7.7"),
    ]);
    assert_eq!(rows(&index, &text("10.0.0.7")), [3, 2500]);
    assert_eq!(rows(&index, &text("10.0.0.7:80")), [3]);
    assert_eq!(rows(&index, &text("10.0.7.0")), [1500]);
    assert_eq!(rows(&index, &text("10.0.7.1")), [3]);
    assert_eq!(rows(&index, &text("10.0.7.2")), [0; 0]);
    assert_eq!(rows(&index, &text("\"10 0\"")), [3, 1500, 2500]);
}

/// Scenario: ids of all kinds and lengths, in both cases, whole and by their beginnings; parts of words
/// that may be in an id; words that look like ids and are none.
/// Guarantees: the block of the row is found by all of them; none claims to be exact; what may begin an
/// id, or be in one, and is no word, is a scan.
#[test]
fn ids_are_found() {
    let index = blocks(&[
        (7, "request 2eb48a52-a465-49a4-bf7c-f1cfa4d01ff3"),
        (1030, "request 2eb48a52-a465-49a4-bf7c-f1cfa4d01ff4"),
        (2100, "trace 4BF92F3577B34DA6A3CE929D0E0E4736, dead"),
        (2999, "decade f1cbeef 1234567890 decaf00d 54321 4321 2a"),
    ]);
    let found = |query: &str| rows(&index, &text(query));
    let uuid = "2eb48a52-a465-49a4-bf7c-f1cfa4d01ff3";
    assert_eq!(blocks_of(&found(uuid)), [0]);
    assert_eq!(found(&format!("request {uuid}")), [7]);
    assert_eq!(blocks_of(&found("f1cfa4d01ff4")), [1]);
    assert_eq!(blocks_of(&found("A465")), [0, 1]);
    assert_eq!(blocks_of(&found("4bf92f3577b34da6a3ce929d0e0e4736")), [2]);
    assert_eq!(found("4bf92f3577b34da6a3ce929d0e0e4737"), [0; 0]);
    for id in ["F1CBEEF", "1234567890", "decaf00d", "54321"] {
        assert_eq!(blocks_of(&found(id)), [2], "{id}");
    }
    assert_eq!(found("dead 4bf92f3577b34da6a3ce929d0e0e4736"), [2100]);
    for exact in ["dec*", "de*", "requ*", "dead", "4321", "2a", "decade"] {
        assert!(text(exact).is_exact(), "{exact}");
    }
    assert_eq!(found("de*"), [2100, 2999]);
    assert_eq!(found("dec*"), [2999]);
    assert_eq!(found("4321"), [2999]);
    assert_eq!(found("decaf*"), [2999]);
    assert_eq!(found("\"request f1c*\""), [7, 1030]);
    for inexact in [
        "f1cfa4d01ff4",
        "a465",
        "54321",
        "decaf*",
        "4*",
        "d*",
        "f1c*",
        "x f1cb*",
    ] {
        assert!(!text(inexact).is_exact(), "{inexact}");
    }
    for scan in ["f1c*", "543*", "d*"] {
        let found = index.candidates(&text(scan), usize::MAX);
        assert_eq!(found.expect("an answer"), None, "{scan}");
    }
    let part = index.candidates(&Search::Infix("4D01F".into()), 9);
    assert_eq!(part.expect("an answer"), None);
}

/// Scenario: rows with trace ids, some of them in a text as well, and none; an index without trace ids.
/// Guarantees: the blocks that have the id are found, and nothing for an absent one; without trace ids
/// nothing is known.
#[test]
fn trace_ids_are_found() {
    let id = |number: u32| u128::from(number).to_be_bytes();
    let mut writer = IndexWriter::new(Vec::new()).with_attributes(Vec::new());
    for row in 0..3000 {
        let of_row = id(row / 600);
        let trace_id = (row != 5).then_some(&of_row[..]);
        let body = (row == 2100).then_some("see 00000000000000000000000000000000");
        writer.add_row(body, &[], trace_id).expect("is added");
    }
    let index = Index::open_bytes(writer.finish().expect("a bundle")).expect("opens");
    let found = |number| rows(&index, &Search::TraceId(id(number).to_vec()));
    assert_eq!(blocks_of(&found(0)), [0, 2]);
    assert_eq!(blocks_of(&found(1)), [0, 1]);
    assert_eq!(blocks_of(&found(4)), [2]);
    assert_eq!(found(9), [0; 0]);
    let hex = format!("{:032X}", 4);
    assert_eq!(blocks_of(&rows(&index, &text(&hex))), [2]);
    let without = blocks(&[]);
    let absent = without.candidates(&Search::TraceId(id(9).to_vec()), 9);
    assert_eq!(absent.expect("an answer"), None);
}

/// Scenario: the bundle that format 0 made of texts with words, ids and addresses.
/// Guarantees: it opens, and finds the rows of all of them; it knows nothing about trace ids.
#[test]
fn format_0_is_read() {
    let bundle = include_bytes!("testdata/format_0.words").to_vec();
    let index = Index::open_bytes(bundle).expect("opens");
    assert_eq!(index.rows(), 5);
    let found = |query: &str| rows(&index, &text(query));
    assert_eq!(found("declined"), [0]);
    assert_eq!(found("decl*"), [0]);
    assert_eq!(found("2eb48a52-a465-49a4-bf7c-f1cfa4d01ff3"), [1]);
    assert_eq!(found("F1CFA4D01FF3"), [1]);
    assert_eq!(found("a465"), [1]);
    assert_eq!(found("4bf92f3577b34da6a3ce929d0e0e4736"), [2]);
    assert_eq!(found("4bf92f3577b34da6a3ce929d0e0e4737"), [0; 0]);
    assert_eq!(found("1234567890"), [3]);
    assert_eq!(found("10.0.0.7"), [4]);
    assert_eq!(found("10.0.0.8"), [0; 0]);
    assert_eq!(found("deca*"), [3]);
    assert_eq!(found("dec*"), [0, 3]);
    let trace = index.candidates(&Search::TraceId(vec![1; 16]), 9);
    assert_eq!(trace.expect("an answer"), None);
}

/// Scenario: ten thousand rows, written with so little memory that they become many pieces.
/// Guarantees: rows are numbered through all pieces; the limit on rows counts all of them.
#[test]
fn pieces_are_one_index() {
    let mut writer = IndexWriter::in_memory_of(Vec::new(), 1);
    for number in 0..10_000 {
        let text = format!(
            "order {number} {}",
            if number % 1000 == 7 { "lost" } else { "ok" }
        );
        writer.add(Some(&text)).expect("is added");
    }
    let index = Index::open_bytes(writer.finish().expect("a bundle")).expect("opens");
    assert!(index.pieces_count() > 10, "{}", index.pieces_count());
    assert_eq!(index.rows(), 10_000);
    let want: Vec<u32> = (0..10).map(|thousand| thousand * 1000 + 7).collect();
    assert_eq!(rows(&index, &text("lost")), want);
    assert_eq!(rows(&index, &text("\"order 9999\"")), [9999]);
    assert_eq!(index.candidates(&text("lost"), 9).expect("an answer"), None);
    let ten = index.candidates(&text("lost"), 10).expect("an answer");
    assert_eq!(ten.expect("ten rows").len(), 10);
    let empty = IndexWriter::new(Vec::new()).finish().expect("a bundle");
    let empty = Index::open_bytes(empty).expect("opens");
    assert_eq!(rows(&empty, &text("lost")), [0; 0]);
}

/// Scenario: a small bundle is cut at many lengths.
/// Guarantees: the index opens or says that it cannot; asking it never panics.
#[test]
fn survives_damage() {
    let mut writer = IndexWriter::new(Vec::new());
    for number in 0..40 {
        writer
            .add(Some(&format!("order {number} declined")))
            .expect("is added");
    }
    let bundle = writer.finish().expect("a bundle");
    let ask = |bytes: Vec<u8>| {
        let answer = std::panic::catch_unwind(|| {
            if let Ok(index) = Index::open_bytes(bytes) {
                let _ = index.candidates(&text("\"order 7\""), 100);
            }
        });
        answer.is_ok()
    };
    for length in (0..bundle.len()).step_by(7) {
        assert!(ask(bundle[..length].to_vec()), "cut at {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Scenario: many small texts and searches over a small alphabet.
    /// Guarantees: the index names every row that matches; where it is exact no other.
    #[test]
    fn agrees_with_the_texts(
        texts in prop::collection::vec("[abA1_ \u{4E00}é]{0,24}|[ab1]{9,13}( [1g]{1,5}){0,3}", 0..24),
        query in "[abA1 \u{4E00}é]{1,5}\\*?|[ab1]{9,13}\\*?|1{1,4}(\\.1{1,4}){1,3}",
    ) {
        if let Ok(parsed) = TextQuery::phrase(&query) {
            let given: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
            let index = index(&given);
            let want: Vec<u32> = (0u32..)
                .zip(&texts)
                .filter(|(_, text)| parsed.matches(text))
                .map(|(row, _)| row)
                .collect();
            let search = Search::Text(parsed);
            let found = index.candidates(&search, usize::MAX - 1).expect("an answer");
            let Some(found) = found else {
                // What may begin an id is a scan.
                prop_assert!(!search.is_exact() && query.ends_with('*'));
                return Ok(());
            };
            if search.is_exact() {
                prop_assert_eq!(found, want);
            } else {
                prop_assert!(want.iter().all(|row| found.contains(row)), "{:?} {:?}", found, want);
            }
        }
    }
}

/// A search of single words and beginnings of words, joined, and what it means.
fn exact_search() -> impl Strategy<Value = Search> {
    let word = "[abA1\u{4E00}é]{1,3}\\*?".prop_filter_map("one word", |word| {
        let search = TextQuery::parse(&word).ok().map(Search::Text);
        search.filter(Search::is_exact)
    });
    word.prop_recursive(3, 8, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            several.clone().prop_map(Search::All),
            several.prop_map(Search::Any),
            inner.prop_map(|one| Search::Not(Box::new(one))),
        ]
    })
}

fn holds(search: &Search, body: Option<&str>) -> bool {
    match search {
        Search::Text(text) => body.is_some_and(|body| text.matches(body)),
        Search::Infix(_) | Search::TraceId(_) | Search::Attribute(..) => unreachable!(),
        Search::All(all) => all.iter().all(|one| holds(one, body)),
        Search::Any(any) => any.iter().any(|one| holds(one, body)),
        Search::Not(one) => !holds(one, body),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Scenario: small texts, some absent; single words and beginnings of words, joined by AND, OR, NOT.
    /// Guarantees: the search is exact, and the index names exactly the rows for which it holds.
    #[test]
    fn exact_searches_name_exactly_their_rows(
        texts in prop::collection::vec(prop::option::weighted(0.9, "[abA1_ \u{4E00}é]{0,16}"), 0..24),
        search in exact_search(),
    ) {
        let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
        prop_assert!(search.is_exact());
        let want = (0u32..).zip(&texts).filter(|(_, text)| holds(&search, **text));
        let want: Vec<u32> = want.map(|(row, _)| row).collect();
        prop_assert_eq!(rows(&index(&texts), &search), want, "{:?}", search);
    }
}

/// Scenario: a row whose body begins as attributes do in an index, rows with attributes, one of them
/// no text; searches in body and attributes.
/// Guarantees: words are found where they are and nowhere else; a value that is no text may be anything;
/// an attribute that is not indexed says nothing.
#[test]
fn attributes_are_apart() {
    let row = |name: &str, value: Option<&str>| vec![attribute_text(name, value)];
    let names = vec![
        "attributes.shop.tier".to_owned(),
        "attributes.user".to_owned(),
    ];
    let mut writer = IndexWriter::new(Vec::new()).with_attributes(names);
    let rows_added = [
        (Some("\u{3}attributes.user\u{0}ada paid"), Vec::new()),
        (
            Some("paid"),
            row("attributes.user", Some("Ada Lovelace 10.0.0.7")),
        ),
        (None, row("attributes.user", None)),
        (
            Some("ada"),
            row(
                "attributes.shop.tier",
                Some("gold x2eb48a52a4 2eb48a52a465"),
            ),
        ),
    ];
    for (body, attributes) in &rows_added {
        writer.add_row(*body, attributes, None).expect("is added");
    }
    let index = Index::open_bytes(writer.finish().expect("a bundle")).expect("opens");
    let of = |name: &str, search| Search::Attribute(name.into(), Box::new(search));
    let user = |search| rows(&index, &of("attributes.user", search));
    let tier = |search| rows(&index, &of("attributes.shop.tier", search));
    assert_eq!(rows(&index, &text("ada")), [0, 3]);
    assert_eq!(rows(&index, &text("paid")), [0, 1]);
    assert_eq!(rows(&index, &text("ad*")), [0, 3]);
    assert_eq!(rows(&index, &text("gold")), [0; 0]);
    assert_eq!(user(text("ada")), [1, 2]);
    assert_eq!(user(text("love*")), [1, 2]);
    assert!(user(text("10.0.0.7")).contains(&1));
    assert!(tier(text("10.0.0.7")).is_empty());
    assert_eq!(user(Search::Infix("velac".into())), [1, 2]);
    assert_eq!(user(text("gold")), [2]);
    assert_eq!(tier(text("gold")), [3]);
    assert!(tier(text("2eb48a52a465")).contains(&3));
    assert!(user(text("2eb48a52a465")).contains(&2));
    assert_eq!(user(text("2eb48a52a465 none")), [2]);
    assert_eq!(tier(text("ada")), [0; 0]);
    let absent = index.candidates(&of("attributes.shop", text("ada")), 9);
    assert_eq!(absent.expect("an answer"), None);
    assert!(!of("attributes.user", text("ada")).is_exact());
}

/// Scenario: phrases, parts of words and words longer than the index holds, alone and negated.
/// Guarantees: none claims to be exact; what they do not find is not known.
#[test]
fn some_searches_are_not_exact() {
    let long = "x".repeat(crate::text::WORD_BYTES_MAX + 1);
    for query in ["\"card declined\"", "order_id", "7 10.0.0.1", &long] {
        assert!(!text(query).is_exact(), "{query}");
        let not = Search::Not(Box::new(text(query)));
        assert!(!not.is_exact());
        let found = index(&[Some("card")]).candidates(&not, 9);
        assert_eq!(found.expect("an answer"), None, "{query}");
    }
    assert!(!Search::Infix("card".into()).is_exact());
    assert!(text("card declin*").is_exact());
}

/// Scenario: pieces of texts, at the beginning, at the end, inside.
/// Guarantees: whole words are a phrase, cut ones a beginning or a part; short cuts say nothing.
#[test]
fn pieces_become_words() {
    let check = |piece: &str, starts, ends, want: &str| {
        fn shown(search: &Search) -> String {
            match search {
                Search::Text(text) => {
                    let clause = &text.clauses()[0];
                    format!(
                        "{}{}",
                        clause.words.join("+"),
                        if clause.prefix { "*" } else { "" }
                    )
                }
                Search::Infix(run) => format!("~{run}"),
                Search::All(all) => all.iter().map(shown).collect::<Vec<_>>().join(" "),
                _ => unreachable!(),
            }
        }
        let found = Search::holding(piece, starts, ends, false);
        assert_eq!(
            found.as_ref().map_or(String::new(), shown),
            want,
            "{piece:?}"
        );
    };
    check(" card declined ", false, false, "card+declined");
    check("card declined", false, false, "~card declined*");
    check("card declined", true, true, "card+declined");
    check("user_id=77", false, false, "~user id 77*");
    check("77", false, false, "");
    check("=7", false, false, "");
    check("=77", false, false, "77*");
    check("", true, true, "");
    check("--", false, false, "");
    assert!(Search::holding(" grün ", false, false, true).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Scenario: small texts; one is asked for by a piece of itself, in another case.
    /// Guarantees: the index names every row that has the piece.
    #[test]
    fn pieces_are_found(
        texts in prop::collection::vec("[abAsſK1_ \u{4E00}]{0,16}", 1..24),
        from in 0usize..16,
        len in 1usize..12,
        caseless in any::<bool>(),
    ) {
        let given: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let piece: String = texts[0].chars().skip(from).take(len).collect();
        let asked = if caseless { piece.to_uppercase() } else { piece.clone() };
        if let Some(search) = Search::holding(&asked, from == 0, false, caseless) {
            let index = index(&given);
            let held = |text: &str| match from {
                0 => text.starts_with(&piece),
                _ => text.contains(&piece),
            };
            let want = (0u32..).zip(&texts).filter(|(_, text)| held(text));
            let found = index.candidates(&search, usize::MAX).expect("an answer");
            for (row, text) in want {
                // What may be in an id is not looked for.
                let named = found.as_ref().is_none_or(|found| found.contains(&row));
                prop_assert!(named, "{:?} for {:?}: {:?}", text, asked, search);
            }
        }
    }
}

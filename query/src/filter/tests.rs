//! The filter language: what it reads, refuses and prints, and the SQL it becomes.

use oriel_storage::schema::{Schemas, Table};
use proptest::prelude::*;

use super::ast::Expr;
use super::{conditions, parse};

const SUMMARIES: &str = "SELECT 1";

fn tree(text: &str) -> Option<Expr> {
    parse::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

fn printed(text: &str) -> String {
    tree(text).map(|expr| expr.to_string()).unwrap_or_default()
}

fn sql(table: Table, text: &str) -> String {
    let schemas = Schemas::format0();
    let conditions = conditions(Some(text), schemas.of(table), SUMMARIES);
    conditions
        .unwrap_or_else(|error| panic!("{text}: {error:?}"))
        .of_rows()
}

/// Scenario: one text of each kind of condition, and several joined.
/// Guarantees: each is printed in its shortest form, which says what was understood.
#[test]
fn texts_are_understood() {
    for (text, want) in [
        ("", ""),
        ("  \n ", ""),
        ("service:checkout", "service:checkout"),
        ("service=checkout", "service:checkout"),
        ("service:=checkout", "service:checkout"),
        ("service:\"check out\"", "service:\"check out\""),
        ("service:\"checkout\"", "service:checkout"),
        ("code:\"500\"", "code:\"500\""),
        ("code:500", "code:500"),
        ("duration:>=250ms", "duration>=250ms"),
        ("duration>250ms", "duration>250ms"),
        ("a:<1 b:<=2 c!=3 d:!=4", "a<1 b<=2 c!=3 d!=4"),
        ("http.route:*", "http.route:*"),
        ("http.route!=*", "-http.route:*"),
        ("name:GET*", "name:GET*"),
        ("name:GET\\*", "name:\"GET*\""),
        ("name:/GET|PUT/", "name:/GET|PUT/"),
        ("http.route:/cart", "http.route:\"/cart\""),
        (
            "http.route:/cart name:/x",
            "http.route:\"/cart\" name:\"/x\"",
        ),
        ("url:http://x:80/a?b=c", "url:\"http://x:80/a?b=c\""),
        ("f:call(x)", "f:\"call(x)\""),
        ("(f:call(x))", "f:\"call(x)\""),
        ("\"card declined\"", "\"card declined\""),
        ("card declined", "card declined"),
        ("-health", "-health"),
        ("NOT health", "-health"),
        ("NOT -health", "health"),
        ("a - b", "a \"-\" b"),
        ("\\-5", "\"-5\""),
        ("a OR b c", "a OR (b c)"),
        ("(a OR b) c", "(a OR b) c"),
        ("a AND b OR c", "(a b) OR c"),
        ("-(a OR b)", "-(a OR b)"),
        ("or and not", "or and not"),
        ("service:(a OR b)", "service:a OR service:b"),
        ("service:(a b) x", "(service:a OR service:b) x"),
        ("\"service\":x", "\"service\":x"),
        ("a\\:b:c", "a\\:b:c"),
    ] {
        assert_eq!(printed(text), want, "{text}");
        assert_eq!(tree(&printed(text)), tree(text), "{text}");
    }
}

/// Scenario: texts with a fault at a known place.
/// Guarantees: the place is given in characters, counted from 0, and in line and column.
#[test]
fn faults_have_a_place() {
    let schemas = Schemas::format0();
    for (text, offset) in [
        ("service:", 8),
        ("a OR", 2),
        ("a OR )", 2),
        ("OR a", 0),
        ("a AND", 2),
        ("(a", 0),
        ("a)", 1),
        ("()", 1),
        ("ä \"b", 2),
        ("a:\"b", 2),
        (":x", 0),
        ("x:>b*", 3),
        ("x:()", 2),
        ("x:(a", 2),
        ("a \\", 2),
        ("x duration>5", 2),
        ("trace:zz", 0),
        ("kind>server", 0),
        ("duration:1*", 0),
        ("has:", 4),
        ("NOT", 0),
    ] {
        let error = conditions(Some(text), schemas.of(Table::Spans), SUMMARIES);
        let error = error.expect_err(text);
        assert_eq!(
            error.position.map(|p| p.offset),
            Some(offset),
            "{text}: {error:?}"
        );
    }
    let error = conditions(Some("a\n b:"), schemas.of(Table::Spans), SUMMARIES);
    let position = error.expect_err("no value").position.expect("a position");
    assert_eq!((position.line, position.column, position.offset), (2, 4, 5));
    let error = conditions(Some("level:loud"), schemas.of(Table::Logs), SUMMARIES);
    assert!(
        error
            .expect_err("no level")
            .hint
            .expect("a hint")
            .contains("fatal")
    );
}

/// Scenario: too many conditions, too deep, too long.
/// Guarantees: each is refused, none overflows the stack.
#[test]
fn sizes_are_bounded() {
    for text in [
        "a ".repeat(51),
        format!("{}a{}", "(".repeat(17), ")".repeat(17)),
        "-".repeat(5_000) + "a",
        "NOT ".repeat(2_000) + "a",
        "(".repeat(8_000),
        "a".repeat(9_000),
    ] {
        assert!(parse::parse(&text).is_err(), "{} characters", text.len());
    }
    assert!(parse::parse(&"a ".repeat(50)).is_ok());
}

/// Scenario: conditions on columns, attributes with and without a column of their own, at one level
/// and at any, on whole traces, of logs.
/// Guarantees: the SQL that is meant; attributes are read as `attributes['key']`.
#[test]
fn sql_is_what_was_meant() {
    for (text, want) in [
        ("", "TRUE"),
        ("service:a'b", "\"service_name\" = 'a''b'"),
        ("status:error", "\"status_code\" = 'ERROR'"),
        ("duration>1.5s", "duration > 1500000000"),
        ("duration<=1m30s", "duration <= 90000000000"),
        ("duration:0.1ms", "duration = 100000"),
        ("span.http.route:x", "attributes['http.route'] = 'x'"),
        (
            "resource.k8s.pod.name:x",
            "resource_attributes['k8s.pod.name'] = 'x'",
        ),
        ("scope.a:b*", "scope_attributes['a'] LIKE 'b%'"),
        ("span.n>=5", "attributes['n'] >= 5"),
        ("span.n>=\"5\"", "attributes['n'] >= '5'"),
        ("span.n:5", "(attributes['n'] = 5 OR attributes['n'] = '5')"),
        ("span.http.route:5", "attributes['http.route'] = '5'"),
        (
            "n:x",
            "(attributes['n'] = 'x' OR resource_attributes['n'] = 'x' OR scope_attributes['n'] = 'x')",
        ),
        ("-span.n:x", "((attributes['n'] = 'x') IS NOT TRUE)"),
        ("span.n!=x", "((attributes['n'] = 'x') IS NOT TRUE)"),
        ("name:50%_*", "\"name\" LIKE '50\\%\\_%'"),
        (
            "trace.spans>5",
            "trace_id IN (SELECT trace_id FROM (SELECT 1) WHERE trace_spans > 5)",
        ),
        ("trace:AB*", "hex(trace_id) LIKE 'ab%'"),
        ("has:event", "cardinality(events) > 0"),
        ("event:exc*", "event_named(events, 'exc%')"),
    ] {
        assert_eq!(sql(Table::Spans, text), want, "{text}");
    }
    for (text, want) in [
        ("Card", "matches(\"body\", 'Card')"),
        (
            "\"card declined\"",
            "matches(\"body\", '\"card declined\"')",
        ),
        ("order_id", "matches(\"body\", '\"order_id\"')"),
        ("time*", "matches(\"body\", 'time*')"),
        ("read\\ tim*", "matches(\"body\", '\"read tim*\"')"),
        ("\"it's \\\"so*\\\"\"", "matches(\"body\", '\"it''s  so\"')"),
        ("-card", "((matches(\"body\", 'card')) IS NOT TRUE)"),
        ("*ard*", "\"body\" ILIKE '%%ard%%'"),
        ("\"--\"", "\"body\" ILIKE '%--%'"),
        ("/c.rd/", "\"body\" ~ 'c.rd'"),
    ] {
        assert_eq!(sql(Table::Logs, text), want, "{text}");
    }
    let warn = sql(Table::Logs, "level:>=warn");
    assert!(
        warn.starts_with("(severity_number BETWEEN 13 AND 24 OR"),
        "{warn}"
    );
    assert_eq!(
        sql(Table::Logs, "log.file.path:x")
            .matches("log.file.path")
            .count(),
        3
    );
}

/// Scenario: a filter on spans, on whole traces, and on either.
/// Guarantees: conditions on whole traces are kept apart where they stand alone.
#[test]
fn traces_are_kept_apart() {
    let schemas = Schemas::format0();
    let text =
        "service:a trace.errors>0 (root.name:x OR trace.spans<3) (status:error OR trace.spans>9)";
    let found = conditions(Some(text), schemas.of(Table::Spans), SUMMARIES).expect("a filter");
    let want = [
        "trace_errors > 0",
        "(\"root_name\" = 'x' OR trace_spans < 3)",
    ];
    assert_eq!(found.traces, want);
    assert_eq!(found.rows.len(), 2);
    assert_eq!(found.traces_of_rows.len(), 2);
}

/// Words and signs that mean something, and some that must not.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ".to_owned()),
        prop::sample::select(vec![
            "(",
            ")",
            "\"",
            "'",
            "\\",
            "-",
            "OR",
            "AND",
            "NOT",
            ":",
            ">",
            ">=",
            "!=",
            "=",
            "*",
            "/",
            "--",
            "/*",
            ";",
            "''",
            "';--",
            "$$",
            "\n",
            "\u{0}",
            "ä",
            "service",
            "duration",
            "5ms",
            "500",
            "a.b",
            "trace.spans",
            "event",
            "has",
            "level",
            "status",
            "error",
            "resource.",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9.]{1,6}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What stands in `sql` outside of quoted literals and names; `None` when a quote is not closed.
fn outside(sql: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '"']) {
        out.push_str(&rest[..at]);
        let quote = &rest[at..=at];
        let mut inner = &rest[at + 1..];
        loop {
            let end = inner.find(quote)?;
            inner = &inner[end + 1..];
            if !inner.starts_with(quote) {
                break;
            }
            inner = &inner[1..];
        }
        rest = inner;
    }
    out.push_str(rest);
    Some(out)
}

proptest! {
    /// Scenario: any text, most of it nearly a filter.
    /// Guarantees: what is understood is printed as text that is understood as the same.
    #[test]
    fn printing_and_parsing_agree(text in hostile()) {
        if let Ok(Some(expr)) = parse::parse(&text) {
            let again = parse::parse(&expr.to_string());
            prop_assert_eq!(again, Ok(Some(expr)));
        }
    }

    /// Scenario: any text, in any table.
    /// Guarantees: all quotes in the SQL are closed, and nothing that the text brought stands
    /// outside of them: only names, numbers, operators and functions of ours.
    #[test]
    fn texts_stay_within_quotes(text in hostile()) {
        let schemas = Schemas::format0();
        for table in [Table::Spans, Table::Logs, Table::Metrics] {
            let Ok(found) = conditions(Some(&text), schemas.of(table), SUMMARIES) else {
                continue;
            };
            let sql = found.of_rows();
            let outside = outside(&sql).expect("all quotes are closed");
            let plain = |c: char| c.is_ascii_alphanumeric() || " _.,()[]<>=!~*+-".contains(c);
            prop_assert!(outside.chars().all(plain), "{}", outside);
            prop_assert!(!outside.contains("--") && !outside.contains("/*"), "{}", outside);
        }
    }
}

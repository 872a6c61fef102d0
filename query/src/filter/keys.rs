//! What a key means in a table: a column, something about the whole trace, or an attribute.

use oriel_storage::schema::{Level, Table};

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// A column of text.
    Text(&'static str),
    /// A column of OTLP's upper-case words.
    Word(&'static str),
    /// A column of nanoseconds.
    Duration(&'static str),
    /// A column of counts.
    Count(&'static str),
    /// A column of ids, with their length in bytes.
    Id(&'static str, usize),
    /// The severity of a log record.
    Severity,
    /// The name of one of the span's events.
    EventName,
    /// Whether there is any of what the value names.
    Has,
}

/// A built-in key: its names (the first is shown), what it stands for, and its meaning.
#[derive(Debug)]
pub(crate) struct Builtin {
    /// The first is the one to show.
    pub(crate) names: &'static [&'static str],
    /// What it stands for.
    pub(crate) field: Field,
    /// Whether it is about the whole trace of a span.
    pub(crate) whole_trace: bool,
    /// What it means, for people.
    pub(crate) doc: &'static str,
}

const fn key(names: &'static [&'static str], field: Field, doc: &'static str) -> Builtin {
    Builtin {
        names,
        field,
        whole_trace: false,
        doc,
    }
}

const fn trace_key(names: &'static [&'static str], field: Field, doc: &'static str) -> Builtin {
    Builtin {
        names,
        field,
        whole_trace: true,
        doc,
    }
}

const SPANS: &[Builtin] = &[
    key(
        &["service"],
        Field::Text("service_name"),
        "service.name of the resource",
    ),
    key(
        &["name", "operation"],
        Field::Text("name"),
        "name of the span",
    ),
    key(
        &["kind"],
        Field::Word("kind"),
        "internal, server, client, producer, consumer",
    ),
    key(&["status"], Field::Word("status_code"), "unset, ok, error"),
    key(
        &["status_message"],
        Field::Text("status_message"),
        "description of an error",
    ),
    key(
        &["duration", "span.duration"],
        Field::Duration("duration"),
        "duration of the span",
    ),
    key(
        &["trace", "trace_id"],
        Field::Id("trace_id", 16),
        "trace id in hex",
    ),
    key(
        &["span", "span_id"],
        Field::Id("span_id", 8),
        "span id in hex",
    ),
    key(
        &["parent", "parent_span_id"],
        Field::Id("parent_span_id", 8),
        "parent's span id in hex",
    ),
    key(
        &["scope"],
        Field::Text("scope_name"),
        "instrumentation scope",
    ),
    key(&["event"], Field::EventName, "name of an event of the span"),
    key(&["has"], Field::Has, "event, link, or a key that is there"),
    trace_key(
        &["trace.duration"],
        Field::Duration("trace_duration"),
        "first start to last end",
    ),
    trace_key(
        &["trace.spans"],
        Field::Count("trace_spans"),
        "spans of the trace",
    ),
    trace_key(
        &["trace.errors"],
        Field::Count("trace_errors"),
        "spans with status error",
    ),
    trace_key(
        &["root.service"],
        Field::Text("root_service"),
        "service of the root span",
    ),
    trace_key(
        &["root.name"],
        Field::Text("root_name"),
        "name of the root span",
    ),
];

const LOGS: &[Builtin] = &[
    key(
        &["service"],
        Field::Text("service_name"),
        "service.name of the resource",
    ),
    key(
        &["level", "severity"],
        Field::Severity,
        "trace, debug, info, warn, error, fatal, unset",
    ),
    key(&["body"], Field::Text("body"), "the body as text"),
    key(
        &["event", "event_name"],
        Field::Text("event_name"),
        "name of the event",
    ),
    key(
        &["trace", "trace_id"],
        Field::Id("trace_id", 16),
        "trace id in hex",
    ),
    key(
        &["span", "span_id"],
        Field::Id("span_id", 8),
        "span id in hex",
    ),
    key(
        &["scope"],
        Field::Text("scope_name"),
        "instrumentation scope",
    ),
    key(&["has"], Field::Has, "a key that is there"),
];

const METRICS: &[Builtin] = &[
    key(
        &["service"],
        Field::Text("service_name"),
        "service.name of the resource",
    ),
    key(&["name"], Field::Text("name"), "name of the metric"),
    key(
        &["type"],
        Field::Text("type"),
        "gauge, sum, histogram, exponential_histogram, summary",
    ),
    key(&["unit"], Field::Text("unit"), "unit of the metric"),
    key(
        &["scope"],
        Field::Text("scope_name"),
        "instrumentation scope",
    ),
    key(&["has"], Field::Has, "a key that is there"),
];

/// The built-in keys of `table`.
pub(crate) fn builtins(table: Table) -> &'static [Builtin] {
    match table {
        Table::Spans => SPANS,
        Table::Logs => LOGS,
        Table::Metrics => METRICS,
        Table::Traces => &[],
    }
}

/// The built-in key of `table` that is called `name`.
pub(crate) fn builtin(table: Table, name: &str) -> Option<&'static Builtin> {
    builtins(table).iter().find(|key| key.names.contains(&name))
}

/// Names of attributes that begin like a level, but are attributes of log records.
const LOG_ATTRIBUTES: [&str; 3] = ["log.file.", "log.iostream", "log.record."];

/// The word for the record's own level in keys and answers: `span`, `log` or `point`.
pub(crate) fn record_word(table: Table) -> &'static str {
    match table {
        Table::Logs => "log",
        Table::Metrics => "point",
        Table::Spans | Table::Traces => "span",
    }
}

/// The level that `key` names by its beginning, and the attribute's key behind it.
pub(crate) fn explicit_level(table: Table, key: &str) -> Option<(Level, &str)> {
    if LOG_ATTRIBUTES.iter().any(|known| key.starts_with(known)) {
        return None;
    }
    let (word, rest) = key.split_once('.')?;
    let level = match word {
        "resource" => Level::Resource,
        "scope" => Level::Scope,
        word if word == record_word(table) => Level::Record,
        _ => return None,
    };
    (!rest.is_empty()).then_some((level, rest))
}

/// Names of severities with their numbers, most severe first.
pub(crate) const SEVERITIES: [(&str, i32, i32); 6] = [
    ("fatal", 21, 24),
    ("error", 17, 20),
    ("warn", 13, 16),
    ("info", 9, 12),
    ("debug", 5, 8),
    ("trace", 1, 4),
];

/// Texts of `severity_text`, in upper case, that stand for the severity called `name` in records
/// without a severity number.
pub(crate) fn severity_texts(name: &str) -> &'static [&'static str] {
    match name {
        "fatal" => &[
            "FATAL",
            "CRITICAL",
            "CRIT",
            "ALERT",
            "EMERGENCY",
            "EMERG",
            "PANIC",
        ],
        "error" => &["ERROR", "ERR", "SEVERE"],
        "warn" => &["WARN", "WARNING"],
        "info" => &["INFO", "INFORMATION", "INFORMATIONAL", "NOTICE"],
        "debug" => &["DEBUG"],
        "trace" => &["TRACE", "VERBOSE"],
        _ => &[],
    }
}

/// SQL for the name of a log record's level: one of [`SEVERITIES`], or `unset`.
pub(crate) fn level_sql() -> String {
    let mut cases = String::new();
    for (name, low, high) in SEVERITIES {
        cases += &format!(" WHEN severity_number BETWEEN {low} AND {high} THEN '{name}'");
    }
    for (name, _, _) in SEVERITIES {
        let texts = severity_texts(name).join("', '");
        cases += &format!(" WHEN upper(severity_text) IN ('{texts}') THEN '{name}'");
    }
    format!("CASE{cases} ELSE 'unset' END")
}

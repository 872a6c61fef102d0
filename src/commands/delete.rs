//! `oriel delete`: counts the rows of a running server that meet a selection, and with `--yes`
//! deletes them.
//!
//! In: the conditions of the command line. Out: on standard output what was deleted or would be, on
//! standard error how far it is. The exit code is 1 when the server refuses.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use bytesize::ByteSize;
use http_body_util::BodyExt;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header;
use serde_json::{Value, json};

use crate::cli::{DeleteArgs, SignalArg};

/// Asks the server, prints its answer.
pub(crate) fn run(args: &DeleteArgs) -> Result<ExitCode> {
    let body = body(args, SystemTime::now())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(ask(args, &body))? {
        Answer::Deleted(deleted) => {
            let text = match args.json {
                true => serde_json::to_string_pretty(&deleted)? + "\n",
                false => told(&deleted) + &hint(args, &body, &deleted),
            };
            super::print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Answer::Refused(error) => {
            eprint!("{}", explained(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What the server says at last.
#[derive(Debug)]
enum Answer {
    Deleted(Value),
    Refused(Value),
}

/// The request. Errors: an attribute has no `=`, a time is none.
fn body(args: &DeleteArgs, now: SystemTime) -> Result<Value> {
    let signals: Vec<&str> = args.signals.iter().map(name).collect();
    let attributes: Vec<Value> = args
        .attributes
        .iter()
        .map(|text| attribute(text))
        .collect::<Result<_>>()?;
    Ok(json!({
        "signals": (!signals.is_empty()).then_some(signals),
        "tenant": args.tenant,
        "service": args.service,
        "attributes": attributes,
        "from": args.from.as_deref().map(|text| time(text, now)),
        "to": args.to.as_deref().map(|text| time(text, now)),
        "trace_id": args.trace,
        "dry_run": !args.yes,
    }))
}

fn name(signal: &SignalArg) -> &'static str {
    match signal {
        SignalArg::Traces => "traces",
        SignalArg::Logs => "logs",
        SignalArg::Metrics => "metrics",
    }
}

/// `key=value`, with the level that the key's prefix says.
fn attribute(text: &str) -> Result<Value> {
    let (key, value) = text.split_once('=').with_context(|| {
        format!("{text:?} is no attribute; write it as in --attribute user.id=4711")
    })?;
    let levels = [
        ("attributes.", "record"),
        ("resource_attributes.", "resource"),
        ("scope_attributes.", "scope"),
    ];
    let found = levels.iter().find_map(|(prefix, level)| {
        let key = key.strip_prefix(prefix)?;
        Some((key, *level))
    });
    Ok(match found {
        Some((key, level)) => json!({ "key": key, "value": value, "level": level }),
        None => json!({ "key": key, "value": value }),
    })
}

/// How long ago, as nanoseconds; anything else is for the server to read.
fn time(text: &str, now: SystemTime) -> String {
    let ago = match text.parse::<i128>() {
        Ok(_) => None,
        Err(_) => humantime::parse_duration(text).ok(),
    };
    let then = ago.and_then(|ago| now.checked_sub(ago));
    let since = then.and_then(|then| then.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or_else(|| text.to_owned(), |since| since.as_nanos().to_string())
}

async fn ask(args: &DeleteArgs, body: &Value) -> Result<Answer> {
    if args.url.starts_with("https://") {
        bail!(
            "{}: oriel delete has no TLS; run it on the machine itself or through a tunnel",
            args.url
        );
    }
    let url = format!("{}/api/v1/delete", args.url.trim_end_matches('/'));
    let mut request = reqwest::Client::new()
        .post(&url)
        .header(header::ACCEPT, "application/x-ndjson")
        .json(body);
    if let Some(token) = &args.token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| {
        match error.is_connect() {
        true => anyhow!(
            "no server answers at {}; start one with `oriel` (only a running server deletes), or name another with --url",
            args.url
        ),
        false => anyhow!(error).context(format!("asking {url}")),
    }
    })?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.text().await?;
        let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
        let unknown =
            || json!({ "message": format!("the server answered {status}: {}", text.trim()) });
        let error = parsed.get("error").cloned().unwrap_or_else(unknown);
        return Ok(Answer::Refused(error));
    }
    let lines = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes() == b"application/x-ndjson");
    match lines {
        true => follow(answer, &bar(args)).await,
        false => Ok(Answer::Deleted(
            answer.json().await.context("reading the answer")?,
        )),
    }
}

fn bar(args: &DeleteArgs) -> ProgressBar {
    if args.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Reads lines of progress until the last one, which is the answer.
async fn follow(answer: reqwest::Response, bar: &ProgressBar) -> Result<Answer> {
    let mut body = http::Response::from(answer).into_body();
    let mut held = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!("{GONE}: {error}"))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        held.extend_from_slice(&bytes);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            let mut line: Value = serde_json::from_slice(&line).context("reading the answer")?;
            if let Some(deleted) = line.get_mut("deleted") {
                bar.finish_and_clear();
                return Ok(Answer::Deleted(deleted.take()));
            }
            if let Some(error) = line.get_mut("error") {
                bar.finish_and_clear();
                return Ok(Answer::Refused(error.take()));
            }
            let progress = &line["progress"];
            bar.set_length(progress["bytes"].as_u64().unwrap_or(0));
            bar.set_position(progress["bytes_done"].as_u64().unwrap_or(0));
        }
    }
    bail!("{GONE}")
}

/// Why there may be no answer to a deletion that was begun.
const GONE: &str = "the server went away before it was done; all rows are deleted or none, and \
the same command without --yes says which";

/// What was deleted, for people.
fn told(deleted: &Value) -> String {
    let dry_run = deleted["dry_run"].as_bool().unwrap_or(true);
    let count = |name: &str| deleted[name].as_u64().unwrap_or(0);
    let tables = deleted["rows"].as_object();
    let rows: Vec<(&String, u64)> = tables
        .into_iter()
        .flatten()
        .map(|(table, rows)| (table, rows.as_u64().unwrap_or(0)))
        .collect();
    let all: u64 = rows.iter().map(|(_, rows)| rows).sum();
    let mut text = match (all, dry_run) {
        (0, _) => "no row meets the conditions; nothing to delete\n".to_owned(),
        (_, dry_run) => {
            let list: Vec<String> = rows
                .iter()
                .map(|(t, rows)| format!("{rows} of {t}"))
                .collect();
            format!(
                "{} {all} row{}: {} (about {} of the {} in {} part{}, written anew without them)\n",
                if dry_run { "would delete" } else { "deleted" },
                if all == 1 { "" } else { "s" },
                list.join(", "),
                ByteSize(count("bytes")),
                ByteSize(count("part_bytes")),
                count("parts"),
                if count("parts") == 1 { "" } else { "s" },
            )
        }
    };
    let damaged = deleted["damaged_parts"].as_array();
    for part in damaged.into_iter().flatten() {
        let path = part.as_str().unwrap_or_default();
        text.push_str(&format!(
            "{path} is damaged and was not looked at: it may hold such rows, see oriel doctor\n"
        ));
    }
    text
}

/// How to do what a dry run has counted: with the same times, where they were said as ages.
fn hint(args: &DeleteArgs, body: &Value, deleted: &Value) -> String {
    let rows = deleted["rows"].as_object().into_iter().flatten();
    let none = rows.into_iter().all(|(_, rows)| rows.as_u64() == Some(0));
    if args.yes || none {
        return String::new();
    }
    let mut text = "nothing is deleted yet; the same command with --yes does it".to_owned();
    let mut times = Vec::new();
    for (name, given) in [("from", &args.from), ("to", &args.to)] {
        if let (Some(given), Some(time)) = (given, body[name].as_str())
            && given != time
        {
            times.push(format!("--{name} {time}"));
        }
    }
    if !times.is_empty() {
        let times = times.join(" ");
        text.push_str(&format!(", with {times} for the rows that were counted"));
    }
    text + "\n"
}

/// The error for people.
fn explained(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or("unknown");
    let mut text = format!("error: {message}\n");
    if let Some(hint) = error["hint"].as_str() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: attributes with and without a level, with `=` in the value, without one.
    /// Guarantees: the level and the key are told apart as in SQL; what is no attribute is refused.
    #[test]
    fn attributes_are_read() {
        let read = |text: &str| attribute(text).ok();
        let want = |value| Some(value);
        assert_eq!(read("a.b=c=d"), want(json!({"key": "a.b", "value": "c=d"})));
        assert_eq!(
            read("resource_attributes.x="),
            want(json!({"key": "x", "value": "", "level": "resource"}))
        );
        assert_eq!(
            read("attributes.http.route=/"),
            want(json!({"key": "http.route", "value": "/", "level": "record"}))
        );
        assert_eq!(read("novalue"), None);
    }

    /// Scenario: a dry run up to an age, one up to a date, one that found nothing.
    /// Guarantees: the advice names the time that an age stood for, and nothing else.
    #[test]
    fn a_dry_run_says_how_to_do_it() {
        let args = |to: &str| DeleteArgs {
            to: Some(to.to_owned()),
            ..DeleteArgs::default()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let said = |to: &str, rows: u64| {
            let body = body(&args(to), now).unwrap();
            hint(&args(to), &body, &json!({ "rows": { "logs": rows } }))
        };
        assert!(said("90s", 1).contains("with --to 10000000000 for"));
        assert!(said("2026-11-23", 1).ends_with("--yes does it\n"));
        assert_eq!(said("90s", 0), "");
    }

    /// Scenario: how long ago; nanoseconds; a date.
    /// Guarantees: only the first is turned into a time here.
    #[test]
    fn times_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(time("90s", now), "10000000000");
        assert_eq!(time("0", now), "0");
        assert_eq!(time("2026-11-23T00:00:00Z", now), "2026-11-23T00:00:00Z");
        assert_eq!(
            time("3 days", now),
            "3 days",
            "before 1970: the server refuses it"
        );
    }
}

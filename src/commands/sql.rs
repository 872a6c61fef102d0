//! `oriel sql`: asks a running server and prints the answer.
//!
//! In: a statement, from the command line or standard input. Out: on standard output the rows, as a
//! table, CSV, JSON or NDJSON; on standard error the receipt, or what is wrong with the statement
//! and where. The server formats all but the table.

use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use comfy_table::{CellAlignment, Table, presets};
use http_body_util::BodyExt;
use reqwest::header;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::{SqlArgs, SqlFormat};

/// An answer in JSON.
#[derive(Debug, Deserialize)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    receipt: Option<Receipt>,
    /// What ended the answer after its first rows; there is no receipt then.
    error: Option<Value>,
}

/// What the answer cost; only what the line shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Receipt {
    rows_returned: u64,
    files_considered: u64,
    files_pruned: u64,
    row_groups_considered: u64,
    row_groups_pruned: u64,
    buffered_rows: u64,
    rows_read: u64,
    bytes_read: u64,
    plan_ms: f64,
    execution_ms: f64,
    truncated: bool,
    missing_parts: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
}

/// Asks, prints. The exit code is 1 when the server refuses the statement.
pub(crate) fn run(args: SqlArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(ask(&args))
}

async fn ask(args: &SqlArgs) -> Result<ExitCode> {
    let mut sql = args.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin()
            .lock()
            .read_to_string(&mut sql)
            .context("reading standard input")?;
    }
    let on_terminal = std::io::stdout().is_terminal();
    let format = args.format.unwrap_or(match on_terminal {
        true => SqlFormat::Table,
        false => SqlFormat::Csv,
    });
    let answer = request(args, &sql, format).await?;
    let status = answer.status();
    if !status.is_success() {
        let body = answer.text().await?;
        eprint!("{}", explain(status.as_u16(), &body, &sql));
        return Ok(ExitCode::FAILURE);
    }
    let (receipt, error) = match format {
        SqlFormat::Table => {
            let answer: Answer = answer.json().await.context("reading the answer")?;
            super::print(&table(&answer))?;
            (answer.receipt, answer.error)
        }
        SqlFormat::Json => {
            let text = answer.text().await.context("reading the answer")?;
            super::print(&text)?;
            let answer: Answer = serde_json::from_str(&text).context("reading the answer")?;
            (answer.receipt, answer.error)
        }
        SqlFormat::Csv | SqlFormat::Ndjson => stream(answer, format == SqlFormat::Ndjson).await?,
    };
    if let Some(error) = error {
        let body = serde_json::json!({ "error": error }).to_string();
        eprint!("{}", explain(status.as_u16(), &body, &sql));
        return Ok(ExitCode::FAILURE);
    }
    if let Some(receipt) = receipt
        && !args.quiet
    {
        eprintln!("{}", one_line(&receipt));
    }
    Ok(ExitCode::SUCCESS)
}

async fn request(args: &SqlArgs, sql: &str, format: SqlFormat) -> Result<reqwest::Response> {
    if args.url.starts_with("https://") {
        bail!(
            "{}: oriel sql has no TLS; ask from the machine itself or through a tunnel",
            args.url
        );
    }
    let accept = match format {
        SqlFormat::Table | SqlFormat::Json => "application/json",
        SqlFormat::Csv => "text/csv",
        SqlFormat::Ndjson => "application/x-ndjson",
    };
    let url = format!("{}/api/v1/sql", args.url.trim_end_matches('/'));
    let mut request = reqwest::Client::new()
        .post(&url)
        .header(header::ACCEPT, accept)
        .header(header::TE, "trailers")
        .json(&serde_json::json!({ "sql": sql }));
    if let Some(token) = &args.token {
        request = request.bearer_auth(token);
    }
    request
        .send()
        .await
        .map_err(|error| match error.is_connect() {
            true => anyhow!(
                "no server answers at {}; start one with `oriel`, or name another with --url",
                args.url
            ),
            false => anyhow!(error).context(format!("asking {url}")),
        })
}

/// Copies the rows to standard output as they come. NDJSON ends with a line that holds the receipt
/// or an error, CSV with a trailer that holds the receipt: these are returned.
async fn stream(
    answer: reqwest::Response,
    ndjson: bool,
) -> Result<(Option<Receipt>, Option<Value>)> {
    let mut body = http::Response::from(answer).into_body();
    let mut out = std::io::stdout().lock();
    let mut held = Vec::new();
    let mut end = Value::Null;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!("the answer ended early: {error}"))?;
        if let Some(receipt) = frame.trailers_ref().and_then(|t| t.get("oriel-receipt")) {
            end = serde_json::json!({
                "receipt": serde_json::from_slice::<Value>(receipt.as_bytes()).ok()
            });
        }
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        held.extend_from_slice(&bytes);
        let ready = match ndjson {
            true => last_line(&held),
            false => held.len(),
        };
        match out.write_all(&held[..ready]) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok((None, None)),
            other => other?,
        }
        held.drain(..ready);
    }
    if ndjson {
        let last = serde_json::from_slice::<Value>(&held).unwrap_or_default();
        let is_end = last.as_object().is_some_and(|object| {
            object.len() == 1 && (object.contains_key("receipt") || object.contains_key("error"))
        });
        match is_end {
            true => end = last,
            false => out.write_all(&held)?,
        }
    }
    out.flush()?;
    let error = end.get("error").filter(|error| !error.is_null()).cloned();
    Ok((serde_json::from_value(end["receipt"].take()).ok(), error))
}

/// Where the last line of `text` begins, its own line end not counted.
fn last_line(text: &[u8]) -> usize {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    body.iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

/// The rows for people. Control characters, which could steer a terminal, are shown as `\u{1b}`.
fn table(answer: &Answer) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(answer.columns.iter().map(|column| tame(&column.name)));
    for row in &answer.rows {
        table.add_row(row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => tame(text),
            other => tame(&other.to_string()),
        }));
    }
    for (column, described) in table.column_iter_mut().zip(&answer.columns) {
        if is_number(&described.data_type) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let rows = answer.rows.len();
    format!("{table}\n{rows} row{}\n", if rows == 1 { "" } else { "s" })
}

fn is_number(data_type: &str) -> bool {
    let name = data_type.to_ascii_lowercase();
    [
        "int8", "int16", "int32", "int64", "uint", "float", "decimal",
    ]
    .iter()
    .any(|number| name.starts_with(number))
}

fn tame(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => tame.push(character),
            '\t' => tame.push_str("    "),
            c if c.is_control() => tame.extend(c.escape_unicode()),
            c => tame.push(c),
        }
    }
    tame
}

/// The receipt in one line.
fn one_line(receipt: &Receipt) -> String {
    let Receipt {
        rows_returned,
        files_considered,
        row_groups_considered,
        ..
    } = receipt;
    let files = files_considered.saturating_sub(receipt.files_pruned);
    let groups = row_groups_considered.saturating_sub(receipt.row_groups_pruned);
    let cut = if receipt.truncated {
        " (cut at the server's limit)"
    } else {
        ""
    };
    let lacks = match receipt.missing_parts.len() {
        0 => String::new(),
        parts => format!(" (INCOMPLETE: {parts} damaged parts are missing; see oriel doctor)"),
    };
    let plural = if *rows_returned == 1 { "" } else { "s" };
    format!(
        "{rows_returned} row{plural}{cut}{lacks}; read {} rows, {}, {files} of {files_considered} files, \
         {groups} of {row_groups_considered} row groups, {} rows in memory; \
         plan {:.1} ms, execution {:.1} ms",
        receipt.rows_read,
        bytesize::ByteSize(receipt.bytes_read),
        receipt.buffered_rows,
        receipt.plan_ms,
        receipt.execution_ms,
    )
}

/// The error for people: message, the line with a caret below the place, hint.
fn explain(status: u16, body: &str, sql: &str) -> String {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let error = &parsed["error"];
    let Some(message) = error["message"].as_str() else {
        return format!(
            "error: the server answered {status}: {}\n",
            tame(body.trim())
        );
    };
    // The hint says what a list of all columns behind the first line would.
    let hint = error["hint"].as_str();
    let message = match hint {
        Some(_) => message.lines().next().unwrap_or_default(),
        None => message,
    };
    let mut text = format!("error: {}\n", tame(message));
    let place = &error["position"];
    if let (Some(line), Some(column)) = (place["line"].as_u64(), place["column"].as_u64())
        && let Some(code) = sql.lines().nth((line as usize).saturating_sub(1))
    {
        let number = line.to_string();
        let before: String = code
            .chars()
            .take((column as usize).saturating_sub(1))
            .collect();
        let indent = " ".repeat(tame(&before).chars().count());
        text.push_str(&format!("  {number} | {}\n", tame(code)));
        text.push_str(&format!("  {} | {indent}^\n", " ".repeat(number.len())));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {}\n", tame(hint)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an answer with a number, NULL, nested JSON and an escape sequence in a text.
    /// Guarantees: the table has every value, aligned, and nothing that steers the terminal.
    #[test]
    fn prints_tables() {
        let answer: Answer = serde_json::from_value(serde_json::json!({
            "columns": [{"name": "name", "type": "text"}, {"name": "n", "type": "int64"}],
            "rows": [["GET\u{1b}[31m", 7], [null, "9007199254740993"], [{"a": 1}, 10]],
            "receipt": {"rows_returned": 3, "files_considered": 5, "files_pruned": 3, "complete": true},
        }))
        .expect("an answer");
        let text = table(&answer);
        assert!(
            text.contains("GET\\u{1b}[31m") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(
            text.contains("                7 \n") && text.contains("3 rows"),
            "{text}"
        );
        let line = one_line(&answer.receipt.expect("a receipt"));
        assert!(
            line.starts_with("3 rows; read 0 rows, 0 B, 2 of 5 files, "),
            "{line}"
        );
    }

    /// Scenario: the end of an NDJSON stream, whole and torn within a line.
    /// Guarantees: only the last line is held back.
    #[test]
    fn holds_back_the_last_line() {
        assert_eq!(last_line(b"{}\n{}\n"), 3);
        assert_eq!(last_line(b"{}\n{\"re"), 3);
        assert_eq!(last_line(b"{}\n"), 0);
        assert_eq!(last_line(b""), 0);
    }

    /// Scenario: an error with a position in the second line and a hint; an error of a proxy.
    /// Guarantees: the caret stands below the place; what is not ours is shown as it is.
    #[test]
    fn points_at_the_mistake() {
        let body = serde_json::json!({"error": {
            "code": "invalid_query", "message": "no column durration",
            "position": {"line": 2, "column": 8, "offset": 16}, "hint": "did you mean duration?",
        }});
        let text = explain(
            400,
            &body.to_string(),
            "SELECT name,\n       durration FROM spans",
        );
        assert_eq!(
            text,
            "error: no column durration\n  2 |        durration FROM spans\n    |        ^\n\
             hint: did you mean duration?\n"
        );
        assert!(explain(502, "bad gateway", "SELECT 1").contains("502: bad gateway"));
    }
}

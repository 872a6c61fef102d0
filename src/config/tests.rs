//! Tests of the settings: layers, unknown keys, secrets, and the documentation of every key.

use std::collections::BTreeSet;

use super::*;

fn resolve(args: &[&str], file: Option<&str>, vars: &[(&str, &str)]) -> Result<Settings> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("oriel.toml");
    let mut flags = <crate::cli::Cli as clap::Parser>::try_parse_from(
        std::iter::once("oriel").chain(args.iter().copied()),
    )
    .expect("the flags parse")
    .serve;
    if let Some(text) = file {
        std::fs::write(&path, text).expect("writes");
        flags.config = Some(path);
    }
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Settings::resolve(&flags, vars)
}

fn error(args: &[&str], file: Option<&str>, vars: &[(&str, &str)]) -> String {
    format!(
        "{:#}",
        resolve(args, file, vars).expect_err("must be refused")
    )
}

/// Scenario: the same key in the file, the environment and a flag, taken away one by one.
/// Guarantees: flags win over the environment, the environment over the file, the file over defaults.
#[test]
fn later_layers_win() {
    let file = Some("otlp_http = \"127.0.0.1:1\"\n[storage]\nflush_interval = \"3s\"\n");
    let var = ("ORIEL_OTLP_HTTP", "127.0.0.1:2");
    let port = |args: &[&str], file, vars: &[_]| {
        resolve(args, file, vars)
            .expect("resolves")
            .otlp_http
            .port()
    };
    assert_eq!(port(&["--otlp-http", "localhost:3"], file, &[var]), 3);
    assert_eq!(port(&[], file, &[var]), 2);
    assert_eq!(port(&[], file, &[]), 1);
    assert_eq!(port(&[], None, &[]), 4318);
    let settings = resolve(&["--data-dir", "/x"], file, &[]).expect("resolves");
    assert_eq!(settings.storage.flush_interval.as_secs(), 3);
    assert_eq!(settings.storage.data_dir, Path::new("/x"));
}

/// Scenario: a variable for a size, a duration, a number, a list, a switch.
/// Guarantees: each has the form of the file's value; lists are separated by commas.
#[test]
fn variables_reach_every_kind_of_key() {
    let settings = resolve(
        &[],
        None,
        &[
            ("ORIEL_STORAGE_FLUSH_BYTES", "16 MiB"),
            ("ORIEL_STORAGE_FLUSH_INTERVAL", "1m 30s"),
            ("ORIEL_STORAGE_ROW_GROUP_ROWS", "1_000"),
            (
                "ORIEL_STORAGE_PROMOTE_SPANS",
                "attributes.a, attributes.b:int",
            ),
            ("ORIEL_INSECURE_NO_AUTH", "true"),
            ("ORIEL_URL", "http://elsewhere"),
            ("HOME", "/root"),
        ],
    )
    .expect("resolves");
    assert_eq!(settings.storage.flush_bytes.as_u64(), 16 << 20);
    assert_eq!(settings.storage.flush_interval.as_secs(), 90);
    assert_eq!(settings.storage.row_group_rows, 1000);
    assert_eq!(
        settings.storage.promote_spans,
        ["attributes.a", "attributes.b:int"]
    );
    assert!(settings.insecure_no_auth);
}

/// Scenario: misspelt keys in the file (top level, section, section name) and the environment.
/// Guarantees: the error says where and names the closest key.
#[test]
fn unknown_keys_name_the_closest() {
    let text = error(
        &[],
        Some("# a\n\n[storage]\nflush_intervall = \"3s\"\n"),
        &[],
    );
    assert!(text.contains("line 4"), "{text}");
    assert!(
        text.contains("did you mean \"storage.flush_interval\""),
        "{text}"
    );
    let text = error(&[], Some("otlp_grcp = \"x\""), &[]);
    assert!(
        text.contains("line 1") && text.contains("\"otlp_grpc\""),
        "{text}"
    );
    let text = error(&[], Some("[storag]\nflush_interval = \"3s\""), &[]);
    assert!(text.contains("\"storage.flush_interval\""), "{text}");
    let text = error(&[], None, &[("ORIEL_STORAGE_FLUSH_BYTE", "1")]);
    assert!(text.contains("\"ORIEL_STORAGE_FLUSH_BYTES\""), "{text}");
    let text = error(&[], Some("[storage]\ndata_dir = \"x\""), &[]);
    assert!(text.contains("unknown key \"storage.data_dir\""), "{text}");
    let text = error(&[], None, &[("ORIEL_XQZ", "1")]);
    assert!(text.contains("--print-config"), "{text}");
}

/// Scenario: values of the wrong form in each layer.
/// Guarantees: the error names the file and line, the variable or the flag, and the value.
#[test]
fn wrong_values_name_their_place() {
    let text = error(&[], Some("\nhttp = \"nowhere\""), &[]);
    assert!(
        text.contains("line 2") && text.contains("is not an address"),
        "{text}"
    );
    let text = error(&[], None, &[("ORIEL_STORAGE_FLUSH_INTERVAL", "soon")]);
    assert!(text.contains("ORIEL_STORAGE_FLUSH_INTERVAL"), "{text}");
    let text = error(&["--otlp-grpc", "4317"], None, &[]);
    assert!(
        text.contains("--otlp-grpc") && text.contains("write IP:PORT"),
        "{text}"
    );
    assert!(error(&["--config", "/no/such/file"], None, &[]).contains("/no/such/file"));
}

/// Scenario: an address that other machines reach, without a token, with one, with the switch.
/// Guarantees: nobody opens a port to the network without saying so.
#[test]
fn open_addresses_need_a_token() {
    let open = ["--http", "0.0.0.0:0"];
    let text = error(&open, None, &[]);
    assert!(
        text.contains("--http") && text.contains("--insecure-no-auth"),
        "{text}"
    );
    assert!(resolve(&open, None, &[("ORIEL_TOKEN", "s3cret")]).is_ok());
    assert!(resolve(&["--http", "0.0.0.0:0", "--insecure-no-auth"], None, &[]).is_ok());
    assert!(resolve(&["--http", "[::1]:0"], None, &[]).is_ok());
}

/// Scenario: a token by flag over a token file in the settings file, both in one file, an empty file.
/// Guarantees: the later layer wins; contradictions are refused; the first line is the token.
#[test]
fn tokens_come_from_one_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, "from-file\nignored\n").expect("writes");
    let file = format!("token_file = {path:?}");
    assert_eq!(
        resolve(&[], Some(&file), &[]).expect("resolves").token,
        "from-file"
    );
    let flagged = resolve(&["--token", "flag"], Some(&file), &[]).expect("resolves");
    assert_eq!(flagged.token, "flag");
    assert!(error(&[], Some(&format!("{file}\ntoken = \"x\"")), &[]).contains("keep one"));
    std::fs::write(&path, "\n").expect("writes");
    assert!(error(&[], Some(&file), &[]).contains("no token"));
}

/// Scenario: --print-config with a token set, read back as a settings file.
/// Guarantees: the secret is not printed, the printed document is accepted and equal, and its mask is
/// no token.
#[test]
fn prints_what_it_reads() {
    let settings = resolve(&["--token", "s3cret"], None, &[]).expect("resolves");
    let text = settings.print().expect("prints");
    assert!(
        !text.contains("s3cret") && text.contains("token = \"***\""),
        "{text}"
    );
    let again = resolve(&["--token", "s3cret"], Some(&text), &[]).expect("resolves");
    assert_eq!(again, settings);
    assert!(error(&[], Some(&text), &[]).contains("mask"));
}

/// Scenario: the list of settings in docs/configuration.md against the code.
/// Guarantees: every setting is documented with its default, and nothing else is.
#[test]
fn every_setting_is_documented() {
    let doc = include_str!("../../docs/configuration.md");
    let documented: Vec<(String, String)> = doc
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let key = cells.next()?.trim_end_matches('`').to_owned();
            Some((key, cells.next()?.trim_matches('`').to_owned()))
        })
        .collect();
    let coded: Vec<(String, String)> = keys()
        .into_iter()
        .map(|key| (key.path(), key.default.to_string()))
        .collect();
    let missing: Vec<_> = coded
        .iter()
        .filter(|row| !documented.contains(row))
        .collect();
    let stale: Vec<_> = documented
        .iter()
        .filter(|row| !coded.contains(row))
        .collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/configuration.md lacks {missing:?} and has {stale:?}"
    );
}

/// Scenario: every field that the structs accept, as serde's own error lists them.
/// Guarantees: no setting is missing among the keys.
#[test]
fn every_field_is_a_key() {
    let mut fields = BTreeSet::new();
    for section in ["", "limits", "storage", "collector", "query"] {
        let document = match section {
            "" => "unheard_of = 1".to_owned(),
            section => format!("[{section}]\nunheard_of = 1"),
        };
        let error = toml::from_str::<Settings>(&document)
            .expect_err("is unknown")
            .to_string();
        let list = error.split("expected ").nth(1).expect("a list");
        for field in list.split('`').skip(1).step_by(2) {
            match section {
                "" => fields.insert(field.to_owned()),
                section => fields.insert(format!("{section}.{field}")),
            };
        }
    }
    for other in [
        "limits",
        "storage",
        "collector",
        "query",
        "storage.data_dir",
    ] {
        assert!(fields.remove(other), "{other}");
    }
    let keys: BTreeSet<String> = keys().iter().map(Key::path).collect();
    assert_eq!(keys, fields);
}

/// Scenario: durations that humantime writes in months, and others.
/// Guarantees: whole days are written as days; the text always reads back as the same duration.
#[test]
fn durations_are_written_as_a_person_would() {
    for (seconds, text) in [
        (90 * 86_400, "90days"),
        (86_400, "1days"),
        (10, "10s"),
        (5_400, "1h 30m"),
    ] {
        let duration = Duration::from_secs(seconds);
        assert_eq!(duration_text(duration), text);
        assert_eq!(humantime::parse_duration(text), Ok(duration));
    }
}

/// Scenario: a build with failpoints is told to die at one, or at one that there is not.
/// Guarantees: the first is no setting and starts; the second is refused by name.
#[cfg(debug_assertions)]
#[test]
fn failpoints_are_checked_at_the_start() {
    assert!(resolve(&[], None, &[(failpoint::VARIABLE, "flush.after_parts:2")]).is_ok());
    let refused = error(&[], None, &[(failpoint::VARIABLE, "flush.nowhere")]);
    assert!(
        refused.contains("ORIEL_ABORT_AT: there is no failpoint \"flush.nowhere\""),
        "{refused}"
    );
}

#[allow(unreachable_pub, reason = "shared with tests/fuzz.rs")]
#[path = "../../fuzz/src/corpus.rs"]
mod corpus;

/// Scenario: settings files of any bytes: the corpus of fuzz/corpus/settings and random changes of it.
/// Guarantees: no panic; what is accepted prints as a file that is accepted.
#[test]
fn any_file_is_read_or_refused() {
    corpus::run("settings", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(settings) = resolve(&[], Some(&text), &[]) {
            let printed = settings.print().expect("prints");
            let secret = !settings.token.is_empty();
            let again = resolve(&[], Some(&printed), &[]);
            assert!(secret || again.is_ok(), "{printed}: {again:?}");
        }
    });
}

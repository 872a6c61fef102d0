//! Settings: defaults, then the TOML file, then the environment, then flags; the later win.
//!
//! In: flags ([`ServeArgs`]), variables, a file. Out: [`Settings`], checked, handed to the crates by
//! value. The keys are those of the `Config` structs, found by serialising their defaults, so that
//! the file, the environment (`ORIEL_<SECTION>_<KEY>`) and `--print-config` cannot disagree.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytesize::ByteSize;
use oriel_proto::Token;
use oriel_storage::failpoint;
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

use crate::cli::ServeArgs;

/// Every setting of `oriel serve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where everything is kept. Default `oriel-data`, in the working directory.
    pub(crate) data_dir: PathBuf,
    /// Address for OTLP/gRPC. Default 127.0.0.1:4317; port 0 picks one and prints it.
    #[serde(deserialize_with = "address")]
    pub(crate) otlp_grpc: SocketAddr,
    /// Address for OTLP/HTTP. Default 127.0.0.1:4318.
    #[serde(deserialize_with = "address")]
    pub(crate) otlp_http: SocketAddr,
    /// Address for the UI and the API; it takes OTLP/HTTP too. Default 127.0.0.1:4319.
    #[serde(deserialize_with = "address")]
    pub(crate) http: SocketAddr,
    /// Bearer token that all ports require. Default empty: none.
    pub(crate) token: String,
    /// File whose first line is the token. Default empty: none.
    pub(crate) token_file: PathBuf,
    /// Listen where other machines reach us although no token is set. Default false.
    pub(crate) insecure_no_auth: bool,
    /// What to log: a level, or levels by module. Default `info`.
    pub(crate) log_level: String,
    /// How to log. Default `text`.
    pub(crate) log_format: LogFormat,
    /// What the process may use.
    pub(crate) limits: Limits,
    /// The engine.
    pub(crate) storage: oriel_storage::Config,
    /// The receiving side.
    pub(crate) collector: oriel_collector::Config,
    /// Queries.
    pub(crate) query: oriel_query::Config,
}

/// What the process may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Memory of requests in flight, buffers, flushes and merges together; near it, rows are flushed
    /// early, then requests refused. Default 0: four fifths of the control group's limit, or half of
    /// the RAM.
    pub(crate) memory: ByteSize,
}

/// How log lines are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            data_dir: PathBuf::from("oriel-data"),
            otlp_grpc: SocketAddr::from(([127, 0, 0, 1], 4317)),
            otlp_http: SocketAddr::from(([127, 0, 0, 1], 4318)),
            http: SocketAddr::from(([127, 0, 0, 1], 4319)),
            token: String::new(),
            token_file: PathBuf::new(),
            insecure_no_auth: false,
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
            limits: Limits::default(),
            storage: oriel_storage::Config::default(),
            collector: oriel_collector::Config::default(),
            query: oriel_query::Config::default(),
        }
    }
}

/// Printed instead of a secret.
const MASK: &str = "***";

/// Variables that are no settings: read elsewhere (`--config`, `oriel sql`).
const OTHER_VARIABLES: [&str; 2] = ["ORIEL_CONFIG", "ORIEL_URL"];

impl Settings {
    /// The settings in force for `args` and the environment `vars`.
    ///
    /// Errors: an unreadable or wrong file, an unknown key (named with the closest known one), a
    /// value of the wrong form, an address that needs a token.
    pub(crate) fn resolve(
        args: &ServeArgs,
        vars: impl Iterator<Item = (String, String)>,
    ) -> Result<Settings> {
        let keys = keys();
        let mut vars: Vec<(String, String)> = vars
            .filter(|(name, _)| name.starts_with("ORIEL_"))
            .collect();
        vars.sort();
        let mut merged = Table::new();
        let from_vars = vars.iter().find(|(name, _)| name == "ORIEL_CONFIG");
        let file = args
            .config
            .clone()
            .or(from_vars.map(|(_, path)| path.into()));
        if let Some(path) = file {
            merge(&mut merged, from_file(&keys, &path)?)?;
        }
        merge(&mut merged, from_environment(&keys, &vars)?)?;
        merge(&mut merged, from_flags(args)?)?;
        let mut settings: Settings = merged.try_into().context("settings")?;
        settings.finish()?;
        Ok(settings)
    }

    /// Reads the token file, fills what follows from other settings, checks what spans several.
    fn finish(&mut self) -> Result<()> {
        self.storage.data_dir = self.data_dir.clone();
        if !self.token_file.as_os_str().is_empty() {
            let path = self.token_file.display();
            let text = std::fs::read_to_string(&self.token_file)
                .with_context(|| format!("reading token_file {path}"))?;
            self.token = text.lines().next().unwrap_or_default().trim().to_owned();
            if self.token.is_empty() {
                bail!("token_file {path} has no token in its first line");
            }
        }
        self.collector
            .validate()
            .map_err(|reason| anyhow!("collector: {reason}"))?;
        if self.token == MASK {
            bail!("the token is the mask of --print-config: put the real one, or use token_file");
        }
        if !self.token.bytes().all(|b| b.is_ascii_graphic()) {
            bail!("the token has a character that no HTTP header can carry: use visible ASCII");
        }
        if self.token.is_empty() && !self.insecure_no_auth {
            for (key, address) in self.addresses() {
                if !address.ip().is_loopback() {
                    bail!(
                        "{} = {address} lets other machines in, and no token is set: anyone could \
                         read and write your telemetry. Set a token (ORIEL_TOKEN, token_file or \
                         --token), or say --insecure-no-auth if the network is trusted",
                        flag(key)
                    );
                }
            }
        }
        Ok(())
    }

    /// The listening addresses by key.
    pub(crate) fn addresses(&self) -> [(&'static str, SocketAddr); 3] {
        [
            ("otlp_grpc", self.otlp_grpc),
            ("otlp_http", self.otlp_http),
            ("http", self.http),
        ]
    }

    /// The token that requests must carry, if any.
    pub(crate) fn token(&self) -> Option<Token> {
        (!self.token.is_empty()).then(|| Token::new(&self.token))
    }

    /// The settings as a TOML document that `--config` accepts, secrets masked.
    pub(crate) fn print(&self) -> Result<String> {
        let mut masked = self.clone();
        let from_file = !masked.token_file.as_os_str().is_empty();
        masked.token = match (masked.token.is_empty(), from_file) {
            (true, _) | (_, true) => String::new(),
            (false, false) => MASK.to_owned(),
        };
        Ok(toml::to_string_pretty(&table_of(&masked)?)?)
    }
}

/// `--otlp-grpc` for `otlp_grpc`.
pub(crate) fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// `settings` as a table, without the keys that follow from others.
fn table_of(settings: &Settings) -> Result<Table> {
    let mut table = Table::try_from(settings)?;
    for (name, section) in &mut table {
        let Value::Table(section) = section else {
            continue;
        };
        if name == "storage" {
            section.remove("data_dir");
        }
        section.iter_mut().for_each(|(_, value)| whole_days(value));
    }
    Ok(table)
}

/// Writes a duration of months, as humantime likes to, in days.
fn whole_days(value: &mut Value) {
    if let Value::String(text) = value
        && text.contains("month")
        && let Ok(duration) = humantime::parse_duration(text)
    {
        *text = duration_text(duration);
    }
}

/// A duration as a person would set it: whole days as days, since humantime's months and years are
/// averages ("2months 29days 2h 52m 48s" for 90 days).
pub(crate) fn duration_text(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    if duration.subsec_nanos() == 0
        && duration.as_secs() >= DAY
        && duration.as_secs().is_multiple_of(DAY)
    {
        format!("{}days", duration.as_secs() / DAY)
    } else {
        humantime::format_duration(duration).to_string()
    }
}

/// A setting: where it stands, and its default.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// `None` for the top level.
    section: Option<String>,
    name: String,
    default: Value,
}

impl Key {
    /// `storage.flush_interval`.
    fn path(&self) -> String {
        match &self.section {
            Some(section) => format!("{section}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// `ORIEL_STORAGE_FLUSH_INTERVAL`.
    fn variable(&self) -> String {
        format!("ORIEL_{}", self.path().replace('.', "_").to_uppercase())
    }

    /// A document with only this key, its value read from `text` as the default's type says.
    fn document(&self, text: &str) -> Result<Table> {
        let value = match &self.default {
            Value::Integer(_) => Value::Integer(
                text.replace('_', "")
                    .parse()
                    .map_err(|_| anyhow!("{text:?} is not a whole number"))?,
            ),
            Value::Float(_) => Value::Float(
                text.parse()
                    .map_err(|_| anyhow!("{text:?} is not a number"))?,
            ),
            Value::Boolean(_) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Value::Boolean(true),
                "false" | "0" | "no" | "off" | "" => Value::Boolean(false),
                _ => bail!("{text:?} is neither true nor false"),
            },
            Value::Array(_) => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            ),
            _ => Value::String(text.to_owned()),
        };
        let entry = Table::from_iter([(self.name.clone(), value)]);
        let document = match &self.section {
            Some(section) => Table::from_iter([(section.clone(), Value::Table(entry))]),
            None => entry,
        };
        // Fails here, where the source can be named, rather than after merging.
        Settings::deserialize(document.clone()).map_err(|e| anyhow!("{}", e.message()))?;
        Ok(document)
    }
}

/// Settings that have no default value, which TOML cannot write: serialising finds them not.
const OPTIONAL: [(&str, &str); 1] = [("query", "spill_dir")];

/// All keys, in the order of `--print-config`.
pub(crate) fn keys() -> Vec<Key> {
    let defaults = table_of(&Settings::default()).expect("the defaults are valid TOML");
    let mut keys = Vec::new();
    for (name, value) in defaults {
        match value {
            Value::Table(section) => keys.extend(section.into_iter().map(|(key, default)| Key {
                section: Some(name.clone()),
                name: key,
                default,
            })),
            default => keys.push(Key {
                section: None,
                name,
                default,
            }),
        }
    }
    keys.extend(OPTIONAL.map(|(section, name)| Key {
        section: Some(section.to_owned()),
        name: name.to_owned(),
        default: Value::String(String::new()),
    }));
    keys
}

/// The settings of the file at `path`.
fn from_file(keys: &[Key], path: &Path) -> Result<Table> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading settings from {shown}"))?;
    let document =
        toml::de::DeTable::parse(&text).map_err(|e| anyhow!("settings file {shown}: {e}"))?;
    for (name, value) in document.get_ref() {
        let found: Vec<(String, usize)> = match value.get_ref().as_table() {
            Some(section) => section
                .keys()
                .map(|key| {
                    (
                        format!("{}.{}", name.get_ref(), key.get_ref()),
                        key.span().start,
                    )
                })
                .chain(
                    section
                        .is_empty()
                        .then(|| (format!("{}.", name.get_ref()), name.span().start)),
                )
                .collect(),
            None => vec![(name.get_ref().to_string(), name.span().start)],
        };
        for (found, at) in found {
            let section_only = found.ends_with('.');
            let known = keys
                .iter()
                .any(|key| key.path() == found || section_only && key.path().starts_with(&found));
            if !known {
                let line = text[..at].matches('\n').count() + 1;
                let hint = closest(&found, keys.iter().map(Key::path));
                bail!("settings file {shown}, line {line}: unknown key {found:?}{hint}");
            }
        }
    }
    toml::from_str::<Settings>(&text).map_err(|e| anyhow!("settings file {shown}: {e}"))?;
    Ok(toml::from_str(&text)?)
}

/// The settings of the variables `vars`, which all start with `ORIEL_`.
fn from_environment(keys: &[Key], vars: &[(String, String)]) -> Result<Table> {
    let mut merged = Table::new();
    for (name, text) in vars {
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        if cfg!(debug_assertions) && name == failpoint::VARIABLE {
            failpoint::parse(text).map_err(|e| anyhow!("environment variable {name}: {e}"))?;
            continue;
        }
        let Some(key) = keys.iter().find(|key| key.variable() == *name) else {
            let bare = |name: &str| name.trim_start_matches("ORIEL_").to_owned();
            let known = keys.iter().map(|key| bare(&key.variable()));
            let hint = closest(&bare(name), known).replace("mean \"", "mean \"ORIEL_");
            bail!("environment: unknown variable {name}{hint}");
        };
        let document = key
            .document(text)
            .map_err(|e| anyhow!("environment variable {name}: {e}"))?;
        merge(&mut merged, document)?;
    }
    Ok(merged)
}

/// The settings of the flags.
fn from_flags(args: &ServeArgs) -> Result<Table> {
    let keys = keys();
    let data_dir = args.data_dir.as_ref().map(|dir| dir.display().to_string());
    let given = [
        ("data_dir", data_dir),
        ("otlp_grpc", args.otlp_grpc.clone()),
        ("otlp_http", args.otlp_http.clone()),
        ("http", args.http.clone()),
        ("log_level", args.log_level.clone()),
        ("token", args.token.clone()),
        (
            "insecure_no_auth",
            args.insecure_no_auth.then(|| "true".to_owned()),
        ),
    ];
    let mut merged = Table::new();
    for (name, text) in given {
        let Some(text) = text else { continue };
        let key = keys
            .iter()
            .find(|key| key.path() == name)
            .expect("flags name settings");
        let document = key
            .document(&text)
            .map_err(|e| anyhow!("{}: {e}", flag(name)))?;
        merge(&mut merged, document)?;
    }
    Ok(merged)
}

/// Lays `layer` over `below`. A token given in a layer replaces a token file below it, and the
/// other way round.
fn merge(below: &mut Table, layer: Table) -> Result<()> {
    let given = |key: &str| {
        layer
            .get(key)
            .and_then(Value::as_str)
            .is_some_and(|v| !v.is_empty())
    };
    match (given("token"), given("token_file")) {
        (true, true) => bail!("token and token_file are both set: keep one"),
        (true, false) => drop(below.remove("token_file")),
        (false, true) => drop(below.remove("token")),
        (false, false) => {}
    }
    for (name, value) in layer {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(into)), Value::Table(section)) => into.extend(section),
            (_, value) => drop(below.insert(name, value)),
        }
    }
    Ok(())
}

/// `; did you mean "x"?` for the closest of `known`, or a pointer to the list.
fn closest(found: &str, known: impl Iterator<Item = String>) -> String {
    let best = known
        .map(|name| (strsim::normalized_damerau_levenshtein(found, &name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((score, name)) if score > 0.5 => format!("; did you mean {name:?}?"),
        _ => "; `oriel --print-config` lists all keys".to_owned(),
    }
}

/// Reads `IP:PORT` or `localhost:PORT`.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.clone(),
    };
    numeric.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "{text:?} is not an address: write IP:PORT, such as 127.0.0.1:4317, 0.0.0.0:4317 or \
             [::1]:4317; port 0 picks a free one"
        ))
    })
}

#[cfg(test)]
mod tests;

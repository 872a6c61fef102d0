//! The command line: what people type, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::bench::args::BenchArgs;

/// Everything on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "oriel",
    version,
    about = "OpenTelemetry in, open Parquet in DuckLake on disk, SQL out: one binary",
    long_about = "Oriel is an observability backend in one binary. It receives traces, logs and \
metrics over OTLP, makes them durable before it says OK, keeps them as Parquet files in a DuckLake \
lake that any tool can read, and answers SQL about what arrived a moment ago.",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    /// What to do; `serve` when it is left out.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Flags of `serve`, so that `oriel --data-dir x` works.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

const EXAMPLES: &str = "\
Examples:
  oriel                                    start; data in ./oriel-data, UI on http://127.0.0.1:4319
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 your-app      send it telemetry
  oriel sql \"SELECT service_name, count(*) FROM spans GROUP BY 1\"  ask a running server
  oriel send traces.binpb --http http://127.0.0.1:4318            send recorded telemetry
  oriel --print-config > oriel.toml        every setting with its value; then: oriel --config oriel.toml

`oriel help <command>` says more about one command.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive telemetry, keep it, answer queries (the default)
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Ask a running server in SQL
    #[command(after_help = SQL_HELP)]
    Sql(SqlArgs),
    /// Send recorded OTLP requests to a server, as an SDK would
    #[command(after_help = SEND_HELP)]
    Send(SendArgs),
    /// Delete rows of a running server, after saying which; or only say
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteArgs),
    /// Measure a server under generated load
    Bench(BenchArgs),
    /// Check a data directory that no server uses: catalog, parts, log
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Print the reference of all tables and columns, in Markdown
    Schema,
}

const SERVE_HELP: &str = "\
Settings come from four places, the later ones win: defaults, the --config file (TOML), environment,
flags. Each key of the file has a variable: [storage] flush_interval is ORIEL_STORAGE_FLUSH_INTERVAL.
docs/configuration.md lists them all; --print-config shows what is in force.

Ctrl-C or SIGTERM stops gracefully: what is in flight is answered, buffers are flushed. A second one
exits at once; nothing that was acknowledged is lost in either case.";

const SQL_HELP: &str = "\
Tables: spans, logs, metrics, traces. Attributes by key: attributes['http.route'],
resource_attributes['k8s.pod.name']. Ids as hex text. `oriel schema` prints every column.

  oriel sql \"SELECT name, approx_percentile_cont(duration, 0.99) / 1e6 AS p99_ms FROM spans GROUP BY 1\"
  oriel sql --format csv - < question.sql > answer.csv";

const SEND_HELP: &str = "\
Files: .binpb (each request after its length in 4 big-endian bytes), .json (one OTLP/JSON request),
.jsonl (one a line); each also as .zst. The signal is taken from the file's name (traces, logs,
metrics) or its JSON, or given with --signal.

  oriel send traces.binpb logs.binpb metrics.binpb
  oriel send --http http://127.0.0.1:4318 --compression gzip trace.json";

const DELETE_HELP: &str = "\
Rows that meet all conditions are deleted from all files in one commit, with the trace summaries that
they fed; so are rows that are in no file yet. Without --yes nothing is deleted: the rows are counted.
Time is the start of a span, the timestamp of a log record, the time of a data point.

  oriel delete --service checkout --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z
  oriel delete --signal logs --attribute user.id=4711 --yes
  oriel delete --signal traces --attribute resource_attributes.k8s.namespace.name=test --to 7d --yes

Queries no longer find the rows at once. Old snapshots end after storage.unlink_grace (1h by default),
their files are unlinked as long after that; the log's copy goes when its segment is reused.";

const DOCTOR_HELP: &str = "\
Reads every file and compares it with its checksum. The exit code is 0 when no damage is left, 1 when
there is some or the directory cannot be checked. --repair deletes nothing: it makes indexes of the
catalog anew, marks damaged parts so that queries go on without them and say so, and moves files that
the catalog does not name to quarantine/orphans.

  oriel doctor --data-dir /var/lib/oriel
  oriel doctor --repair --json > report.json";

/// Flags of `oriel delete`.
#[derive(Debug, Default, Args)]
#[command(group = clap::ArgGroup::new("condition").required(true).multiple(true)
    .args(["service", "attributes", "from", "to", "trace"]))]
pub(crate) struct DeleteArgs {
    /// Only of this signal; may be given more than once [default: all]
    #[arg(long = "signal", value_enum, value_name = "SIGNAL")]
    pub(crate) signals: Vec<SignalArg>,
    /// Only of this tenant
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,
    /// Of this service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// With this attribute of record, resource or scope; `attributes.KEY`, `resource_attributes.KEY`,
    /// `scope_attributes.KEY` say whose. Given more than once, all must be met
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    pub(crate) attributes: Vec<String>,
    /// Not before this time: RFC 3339, nanoseconds since 1970, or how long ago, as in 90m or 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time, given likewise
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Of this trace
    #[arg(long, value_name = "TRACE_ID")]
    pub(crate) trace: Option<String>,
    /// Delete. Without it, rows are only counted
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Only count: the default
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The server
    #[arg(long, env = "ORIEL_URL", default_value = "http://127.0.0.1:4319")]
    pub(crate) url: String,
    /// The server's token
    #[arg(long, env = "ORIEL_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// No progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Flags of `oriel doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// Where data is kept
    #[arg(
        long,
        value_name = "DIR",
        env = "ORIEL_DATA_DIR",
        default_value = "oriel-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// Mend what can be mended without a loss
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `oriel serve`. Each overrides the setting of the same name.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// Where data is kept [default: ./oriel-data] [env: ORIEL_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address for OTLP/gRPC [default: 127.0.0.1:4317] [env: ORIEL_OTLP_GRPC]
    #[arg(long, value_name = "ADDR")]
    pub(crate) otlp_grpc: Option<String>,
    /// Address for OTLP/HTTP [default: 127.0.0.1:4318] [env: ORIEL_OTLP_HTTP]
    #[arg(long, value_name = "ADDR")]
    pub(crate) otlp_http: Option<String>,
    /// Address for the UI and the API (and OTLP/HTTP) [default: 127.0.0.1:4319] [env: ORIEL_HTTP]
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// Read settings from this TOML file [env: ORIEL_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// error, warn, info, debug, trace, or per module as in "info,oriel_storage=debug"
    /// [default: info] [env: ORIEL_LOG_LEVEL]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Require `Authorization: Bearer TOKEN` on all ports; better given in a file (token_file) or in
    /// the environment, since other users see the flags of a process [env: ORIEL_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Allow addresses that other machines reach although no token is set
    /// [env: ORIEL_INSECURE_NO_AUTH]
    #[arg(long)]
    pub(crate) insecure_no_auth: bool,
    /// Print the settings in force as TOML, secrets masked, and exit
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Flags of `oriel sql`.
#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The statement, or `-` to read it from standard input
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// The server
    #[arg(long, env = "ORIEL_URL", default_value = "http://127.0.0.1:4319")]
    pub(crate) url: String,
    /// The server's token
    #[arg(long, env = "ORIEL_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// How to print the answer [default: table on a terminal, else csv]
    #[arg(long, value_enum)]
    pub(crate) format: Option<SqlFormat>,
    /// Do not print the receipt (rows and bytes read, time) to standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Formats of `oriel sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlFormat {
    /// For people
    Table,
    /// Comma-separated, with a header
    Csv,
    /// The server's JSON answer: columns, rows, receipt
    Json,
    /// One JSON object a row
    Ndjson,
}

/// Flags of `oriel send`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SendArgs {
    /// Files to send, in this order
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) receiver: ReceiverArgs,
    /// Which signal the files hold
    #[arg(long, value_enum)]
    pub(crate) signal: Option<SignalArg>,
    /// Requests in flight
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// Send the files this often; each time after the first with other trace ids, so that it is new
    /// telemetry (.binpb files only)
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Start at most this many requests a second
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<f64>,
    /// Move all times so that the newest of the files is now (.binpb files only)
    #[arg(long)]
    pub(crate) shift_to_now: bool,
    /// No progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Where `oriel send` and `oriel bench ingest` send to, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReceiverArgs {
    /// Send by gRPC to this address (protobuf only)
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:4317",
        conflicts_with = "http"
    )]
    pub(crate) grpc: String,
    /// Send by HTTP instead, to this base URL; /v1/traces and so on are appended
    #[arg(long, value_name = "URL")]
    pub(crate) http: Option<String>,
    /// How to compress request bodies
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) compression: Compression,
    /// How long one request is retried before it counts as failed; 0s never
    #[arg(long, value_name = "DURATION", default_value = "60s",
          value_parser = humantime::parse_duration)]
    pub(crate) retry_for: std::time::Duration,
    /// The server's token
    #[arg(long, env = "ORIEL_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// A signal, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignalArg {
    /// Spans
    Traces,
    /// Log records
    Logs,
    /// Metric data points
    Metrics,
}

/// Compression of request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// As they are
    None,
    /// gzip
    Gzip,
    /// Zstandard
    Zstd,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Scenario: clap's own consistency check of the definition.
    /// Guarantees: no flag collides, every default parses.
    #[test]
    fn is_consistent() {
        Cli::command().debug_assert();
    }

    /// Scenario: `oriel`, `oriel --data-dir x`, `oriel serve --data-dir x`, `oriel --data-dir x schema`.
    /// Guarantees: `serve` is the default command and takes its flags in both places.
    #[test]
    fn serve_is_the_default() {
        let dir = |args: &[&str]| match Cli::try_parse_from(args).expect("parses") {
            Cli {
                command: Some(Command::Serve(serve)),
                ..
            }
            | Cli { serve, .. } => serve.data_dir,
        };
        assert_eq!(dir(&["oriel"]), None);
        assert_eq!(dir(&["oriel", "--data-dir", "x"]), Some("x".into()));
        assert_eq!(
            dir(&["oriel", "serve", "--data-dir", "x"]),
            Some("x".into())
        );
        assert!(Cli::try_parse_from(["oriel", "--data-dir", "x", "schema"]).is_err());
    }
}

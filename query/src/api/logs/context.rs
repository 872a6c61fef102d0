//! `GET logs/{id}/context`: the records before and after one, in the same stream.
//!
//! A stream is what one source wrote: an instance, a service, a pod, a host or a file, by the
//! attributes that the record has. In each direction the first statements read only times, in windows
//! that grow until there are records enough; the last one reads the records. So a busy store is read
//! for seconds and a quiet one to its end.

use axum::Json;
use axum::extract::{Path, State};
use oriel_storage::schema::{Table, TableSchema};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::chosen::Chosen;
use super::{COLUMNS, Key, Log, bounds, columns, no_record};
use crate::api::asking::{Asking, Receipts};
use crate::api::cells::{Row, rows};
use crate::api::request::{Params, Range};
use crate::api::selection::Selection;
use crate::error::{Code, Error};
use crate::filter;
use crate::http::{Api, ErrorBody};

/// Most records in one direction.
const RECORDS_MAX: u32 = 1_000;
/// Nanoseconds of the first window, and how many times longer the next one is.
const WINDOW_FIRST: i64 = 10_000_000_000;
const WINDOW_GROWTH: i64 = 16;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(context))
}

/// Which records belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StreamBy {
    /// The service's instance: service.name with service.instance.id, else with the pod, else with
    /// the host.
    #[default]
    Instance,
    /// service.name.
    Service,
    /// k8s.pod.name and its namespace.
    Pod,
    /// host.name.
    Host,
    /// log.file.path, on one pod or host.
    File,
    /// All records.
    All,
}

const ALL: [StreamBy; 6] = [
    StreamBy::Instance,
    StreamBy::Service,
    StreamBy::Pod,
    StreamBy::Host,
    StreamBy::File,
    StreamBy::All,
];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContextParams {
    /// `instance` (default), `service`, `pod`, `host`, `file` or `all`.
    #[serde(default)]
    #[param(inline)]
    by: StreamBy,
    /// Records before, 0 to 1000. Default 50.
    before: Option<u32>,
    /// Records after, 0 to 1000. Default 50.
    after: Option<u32>,
    /// Only such records, besides the one asked for.
    q: Option<String>,
    /// Built-in keys or attributes that each record has in `columns`, with commas between; up to 16.
    columns: Option<String>,
}

/// One thing that the records of a stream have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct StreamPart {
    /// As the filter language calls it.
    key: &'static str,
    value: String,
    /// Filter text that finds records with it.
    q: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ContextAnswer {
    /// The record asked for.
    log: Log,
    /// Those before it, oldest first.
    before: Vec<Log>,
    /// Those after it, oldest first. Its twins, if nothing tells some apart from it, come first.
    after: Vec<Log>,
    /// Whether the stream has more before `before`.
    more_before: bool,
    /// Whether the stream has more behind `after`.
    more_after: bool,
    /// The kind of stream.
    by: StreamBy,
    /// What makes the stream; empty: all records.
    stream: Vec<StreamPart>,
    /// Kinds of streams that the record is in.
    choices: Vec<StreamBy>,
    receipt: Receipts,
}

/// Log records before and after one
///
/// In the order of search/logs (time, then digest), in the stream that the record is in.
#[utoipa::path(
    get, path = "/api/v1/logs/{id}/context", tag = "logs",
    params(("id" = String, Path, description = "As search/logs gave it"), ContextParams),
    responses(
        (status = 200, description = "The record and its neighbours", body = ContextAnswer),
        (status = "default", description = "Why there is no answer", body = ErrorBody),
    ),
)]
async fn context(
    State(api): State<Api>,
    Path(id): Path<String>,
    Params(params): Params<ContextParams>,
) -> Result<Json<ContextAnswer>, Error> {
    let key = Key::parse(&id)?;
    let before = count("before", params.before)?;
    let after = count("after", params.after)?;
    let ever = Range {
        from: i64::MIN,
        to: i64::MAX,
    };
    let extra = Selection::new(&api, Table::Logs, ever, params.q.as_deref())?;
    let asking = Asking::new(&api);
    let schema = api.source.schemas.of(Table::Logs);
    let chosen = Chosen::parse(params.columns.as_deref())?;
    let (log, source) = find(&asking, schema, &chosen, key).await?;
    let choices: Vec<StreamBy> = ALL
        .into_iter()
        .filter(|by| source.stream(*by).is_some())
        .collect();
    let Some(stream) = source.stream(params.by) else {
        return Err(no_stream(params.by, &choices));
    };
    let text: Vec<&str> = stream.iter().map(|part| part.q.as_str()).collect();
    let stream_only = Selection::new(&api, Table::Logs, ever, Some(&text.join(" ")))?;
    let condition = format!(
        "{} AND {}",
        stream_only.conditions.of_rows(),
        extra.conditions.of_rows()
    );
    let Some(bounds) = bounds(asking.snapshot()) else {
        return Err(no_record(key));
    };
    let side = |side, wanted| Neighbours {
        asking: &asking,
        schema,
        chosen: &chosen,
        condition: &condition,
        key,
        side,
        edge: if side == Side::Before {
            bounds.0
        } else {
            bounds.1
        },
        wanted,
    };
    let (earlier, later) = (side(Side::Before, before), side(Side::After, after));
    let (earlier, later) = futures::try_join!(earlier.read(), later.read())?;
    Ok(Json(ContextAnswer {
        log,
        before: earlier.0,
        more_before: earlier.1,
        after: later.0,
        more_after: later.1,
        by: params.by,
        stream,
        choices,
        receipt: asking.receipt(),
    }))
}

fn count(name: &str, given: Option<u32>) -> Result<usize, Error> {
    match given.unwrap_or(50) {
        count if count <= RECORDS_MAX => Ok(count as usize),
        count => {
            let message = format!("{name} is a number from 0 to {RECORDS_MAX}, not {count}");
            Err(Error::new(Code::BadRequest, message))
        }
    }
}

fn no_stream(by: StreamBy, choices: &[StreamBy]) -> Error {
    let word = |by: &StreamBy| {
        let word = serde_json::to_value(by).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    };
    let message = format!("the record names no {}", word(&by));
    let choices: Vec<String> = choices.iter().map(word).collect();
    Error::new(Code::BadRequest, message).hint(format!("by is one of {}", choices.join(", ")))
}

/// What a record says of its source.
#[derive(Debug, Default)]
struct Source {
    service: Option<String>,
    instance: Option<String>,
    namespace: Option<String>,
    pod: Option<String>,
    host: Option<String>,
    file: Option<String>,
}

/// SQL for the columns that [`Source::read`] reads, behind those of a [`Log`].
const SOURCE: &str = "resource_attributes['service.instance.id'] AS source_instance, \
     resource_attributes['k8s.namespace.name'] AS source_namespace, \
     resource_attributes['k8s.pod.name'] AS source_pod, \
     resource_attributes['host.name'] AS source_host, \
     coalesce(attributes['log.file.path'], resource_attributes['log.file.path'], \
              scope_attributes['log.file.path']) AS source_file, \
     service_name AS source_service";

impl Source {
    /// From a row that has them from the column `first` on.
    fn read(row: &Row<'_>, first: usize) -> Source {
        let text = |column| row.text(first + column).map(str::to_owned);
        Source {
            instance: text(0),
            namespace: text(1),
            pod: text(2),
            host: text(3),
            file: text(4),
            service: text(5),
        }
    }

    /// What the records of a stream have in common; `None` when the source has no such stream.
    fn stream(&self, by: StreamBy) -> Option<Vec<StreamPart>> {
        let part = |key: &'static str, value: &Option<String>| {
            value.as_ref().map(|value| StreamPart {
                key,
                value: value.clone(),
                q: filter::term(key, value, true),
            })
        };
        let service = part("service", &self.service);
        let instance = part("resource.service.instance.id", &self.instance);
        let host = part("resource.host.name", &self.host);
        let file = part("log.file.path", &self.file);
        let pod: Vec<StreamPart> = match part("resource.k8s.pod.name", &self.pod) {
            Some(pod) => part("resource.k8s.namespace.name", &self.namespace)
                .into_iter()
                .chain([pod])
                .collect(),
            None => Vec::new(),
        };
        // The machine, as closely as it is known.
        let machine = |pod: Vec<StreamPart>| match pod.is_empty() {
            true => host.clone().into_iter().collect(),
            false => pod,
        };
        Some(match by {
            StreamBy::All => Vec::new(),
            StreamBy::Service => vec![service?],
            StreamBy::Host => vec![host?],
            StreamBy::Pod if pod.is_empty() => return None,
            StreamBy::Pod => pod,
            StreamBy::File => [file?].into_iter().chain(machine(pod)).collect(),
            StreamBy::Instance => {
                let within = match instance {
                    Some(instance) => vec![instance],
                    None => machine(pod),
                };
                service.into_iter().chain(within).collect()
            }
        })
    }
}

/// The record of `key` and its source. Errors: it is not there.
async fn find(
    asking: &Asking,
    schema: &TableSchema,
    chosen: &Chosen,
    key: Key,
) -> Result<(Log, Source), Error> {
    let sql = format!(
        "SELECT * FROM (SELECT {}{}, {SOURCE} FROM logs \
         WHERE timestamp = to_timestamp_nanos({})) WHERE digest = {} LIMIT 1",
        columns(schema),
        chosen.sql(),
        key.time,
        key.digest
    );
    let batches = asking.rows(sql).await?;
    let row = rows(&batches).next().ok_or_else(|| no_record(key))?;
    let source = Source::read(&row, COLUMNS + chosen.count());
    Ok((Log::with(&row, chosen), source))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The neighbours of a record on one side.
struct Neighbours<'a> {
    asking: &'a Asking,
    schema: &'a TableSchema,
    chosen: &'a Chosen,
    condition: &'a str,
    key: Key,
    side: Side,
    /// No record is further away.
    edge: i64,
    wanted: usize,
}

impl Neighbours<'_> {
    /// Oldest first, and whether there are more.
    async fn read(&self) -> Result<(Vec<Log>, bool), Error> {
        let Key { time, digest } = self.key;
        let end = self.reach().await?;
        let (between, beyond, way) = match self.side {
            Side::Before => ((end, time), ("<", "<"), "DESC"),
            Side::After => ((time, end), (">", ">="), "ASC"),
        };
        // One more tells that there are more; and on one side the record itself is read.
        let sql = format!(
            "SELECT * FROM (SELECT {}{} FROM logs WHERE {} \
             AND timestamp BETWEEN to_timestamp_nanos({}) AND to_timestamp_nanos({})) \
             WHERE timestamp {} to_timestamp_nanos({time}) OR digest {} {digest} \
             ORDER BY timestamp {way}, digest {way} LIMIT {}",
            columns(self.schema),
            self.chosen.sql(),
            self.condition,
            between.0,
            between.1,
            beyond.0,
            beyond.1,
            self.wanted + 2,
        );
        let batches = self.asking.rows(sql).await?;
        let mut found: Vec<Row<'_>> = rows(&batches).collect();
        if self.side == Side::After && found.first().is_some_and(|row| Key::read(row) == self.key) {
            found.remove(0);
        }
        let more = found.len() > self.wanted;
        found.truncate(self.wanted);
        if self.side == Side::Before {
            found.reverse();
        }
        Ok((
            found
                .iter()
                .map(|row| Log::with(row, self.chosen))
                .collect(),
            more,
        ))
    }

    /// A time that the wanted neighbours, and one more, are not beyond.
    async fn reach(&self) -> Result<i64, Error> {
        let time = self.key.time;
        let (furthest, way) = match self.side {
            Side::Before => ("min", "DESC"),
            Side::After => ("max", "ASC"),
        };
        let mut window = WINDOW_FIRST;
        loop {
            let (from, to) = match self.side {
                Side::Before => (time.saturating_sub(window).max(self.edge), time),
                Side::After => (time, time.saturating_add(window).min(self.edge)),
            };
            let last = [from, to].contains(&self.edge);
            let sql = format!(
                "SELECT count(*), CAST({furthest}(timestamp) AS BIGINT) FROM \
                 (SELECT timestamp FROM logs WHERE {} AND timestamp <> to_timestamp_nanos({time}) \
                 AND timestamp BETWEEN to_timestamp_nanos({from}) AND to_timestamp_nanos({to}) \
                 ORDER BY timestamp {way} LIMIT {})",
                self.condition,
                self.wanted + 1,
            );
            let batches = self.asking.rows(sql).await?;
            let row = rows(&batches).next();
            let found = row.map_or(0, |row| row.count(0)) as usize;
            if last || found > self.wanted {
                return Ok(row.and_then(|row| row.int(1)).unwrap_or(time));
            }
            window = window.saturating_mul(WINDOW_GROWTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(source: &Source, by: StreamBy) -> Option<Vec<&'static str>> {
        let stream = source.stream(by)?;
        Some(stream.iter().map(|part| part.key).collect())
    }

    /// Scenario: sources that name much, little and nothing of themselves.
    /// Guarantees: a stream is as narrow as the source allows, and there is none where what it is
    /// made of is not named.
    #[test]
    fn streams_are_what_sources_name() {
        let text = |text: &str| Some(text.to_owned());
        let bare = Source::default();
        assert_eq!(keys(&bare, StreamBy::Instance), Some(Vec::new()));
        for by in [
            StreamBy::Service,
            StreamBy::Pod,
            StreamBy::Host,
            StreamBy::File,
        ] {
            assert_eq!(keys(&bare, by), None);
        }
        let pod = Source {
            service: text("cart"),
            namespace: text("shop"),
            pod: text("cart-1"),
            host: text("node-a"),
            file: text("/var/log/a.log"),
            ..Source::default()
        };
        let names = ["resource.k8s.namespace.name", "resource.k8s.pod.name"];
        let with = |first: &'static str| Some([&[first], &names[..]].concat());
        assert_eq!(keys(&pod, StreamBy::Instance), with("service"));
        assert_eq!(keys(&pod, StreamBy::File), with("log.file.path"));
        assert_eq!(keys(&pod, StreamBy::Pod), Some(names.to_vec()));
        assert_eq!(keys(&pod, StreamBy::Host), Some(vec!["resource.host.name"]));
        let named = Source {
            instance: text("5"),
            ..pod
        };
        let stream = named.stream(StreamBy::Instance).expect("always");
        assert_eq!(stream[1].q, "resource.service.instance.id:\"5\"");
    }
}

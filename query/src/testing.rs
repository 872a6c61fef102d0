//! What tests of this crate share: rows from JSON, parts in memory, a router over them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use oriel_proto::UnixNanos;
use oriel_storage::schema::{Schemas, Table, TableSchema};
use oriel_storage::{
    Batch, ColumnStats, Followers, PartId, PartMeta, Snapshot, StatValue, TenantId,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::Config;
use crate::execute::Engine;
use crate::http::{Source, routes};

/// A store in memory, filled by hand.
pub(crate) struct World {
    pub(crate) schemas: Schemas,
    pub(crate) config: Config,
    objects: Arc<InMemory>,
    parts: HashMap<Table, Vec<Arc<PartMeta>>>,
    buffers: HashMap<Table, Vec<Batch>>,
}

/// A value that `column` may have when a test does not care.
fn default_of(data_type: &DataType) -> Value {
    match data_type {
        DataType::Utf8 => json!(""),
        DataType::Binary => json!("00"),
        DataType::List(_) => json!([]),
        DataType::Boolean => json!(false),
        DataType::Timestamp(_, _) => json!(0),
        _ => json!(0),
    }
}

/// Rows of `table` from JSON objects; a column that is not named has a default or NULL.
pub(crate) fn rows(table: &TableSchema, rows: &[Value]) -> RecordBatch {
    let filled: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut full = Map::new();
            for column in &table.columns {
                if !column.nullable {
                    full.insert(column.name.clone(), default_of(&column.data_type));
                }
            }
            for (name, value) in row.as_object().unwrap() {
                assert!(table.index_of(name).is_some(), "no column {name}");
                full.insert(name.clone(), value.clone());
            }
            Value::Object(full)
        })
        .collect();
    let mut decoder = arrow::json::ReaderBuilder::new(Arc::clone(table.arrow()))
        .build_decoder()
        .unwrap();
    decoder.serialize(&filled).unwrap();
    decoder.flush().unwrap().unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        World::with_schemas(Schemas::format0())
    }

    pub(crate) fn with_schemas(schemas: Schemas) -> Self {
        World {
            schemas,
            config: Config {
                threads: 2,
                ..Config::default()
            },
            objects: Arc::new(InMemory::new()),
            parts: HashMap::new(),
            buffers: HashMap::new(),
        }
    }

    /// Adds buffered rows.
    pub(crate) fn buffer(&mut self, table: Table, values: &[Value], strays: &[&str]) {
        let schema = self.schemas.of(table);
        let batch = rows(schema, values);
        self.buffer_rows(table, batch, strays);
    }

    pub(crate) fn buffer_rows(&mut self, table: Table, batch: RecordBatch, strays: &[&str]) {
        let schema = self.schemas.of(table);
        let strays: BTreeSet<String> = strays.iter().map(ToString::to_string).collect();
        let batch = Batch::new(schema, batch, strays).unwrap();
        self.buffers.entry(table).or_default().push(batch);
    }

    /// Adds a part with the first `columns_count` columns of the schema.
    pub(crate) async fn part_of(
        &mut self,
        table: Table,
        values: &[Value],
        strays: &[&str],
        columns_count: usize,
    ) {
        let schema = Arc::clone(self.schemas.of(table));
        let all = rows(&schema, values);
        let batch = all
            .project(&(0..columns_count).collect::<Vec<_>>())
            .unwrap();
        let file = parquet(&batch, &batch.schema());
        let id = self.parts.values().map(Vec::len).sum::<usize>() as i64 + 1;
        let path = format!("tables/default/{table}/2026-01-01/{id}.parquet");
        let bytes = file.len() as u64;
        let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
        self.objects
            .put(&path.clone().into(), file.into())
            .await
            .unwrap();
        let time = schema.index_of(schema.time_column).unwrap();
        let (time_min, time_max) = int_range(&batch, time);
        let meta = PartMeta {
            id: PartId(id),
            tenant: TenantId::default_tenant(),
            table,
            day: 0,
            odd: false,
            path,
            rows: batch.num_rows() as u64,
            bytes,
            footer_bytes: u64::from(footer),
            time_min: UnixNanos(time_min),
            time_max: UnixNanos(time_max),
            level: 0,
            checksum: 0,
            strays: strays.iter().map(ToString::to_string).collect(),
            columns_count: columns_count as u32,
            stats: stats(&schema, &batch),
            format: 0,
        };
        self.parts.entry(table).or_default().push(Arc::new(meta));
    }

    /// Adds a part with all columns.
    pub(crate) async fn part(&mut self, table: Table, values: &[Value], strays: &[&str]) {
        let count = self.schemas.of(table).columns.len();
        self.part_of(table, values, strays, count).await;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let parts = self
            .parts
            .iter()
            .map(|(table, parts)| (*table, Arc::new(parts.clone())))
            .collect();
        Snapshot::new(7, self.schemas.clone(), parts, self.buffers.clone())
    }

    pub(crate) fn engine(&self) -> Engine {
        let objects: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&self.objects);
        Engine::new(self.config.clone(), objects, &self.schemas).unwrap()
    }

    pub(crate) fn router(&self) -> Router {
        self.router_with(None)
    }

    pub(crate) fn router_with(&self, token: Option<oriel_proto::Token>) -> Router {
        let snapshot = self.snapshot();
        let source = Source {
            snapshot: Arc::new(move || snapshot.clone()),
            schemas: self.schemas.clone(),
            follow: Arc::new(|| {
                Followers::default().follow(&TenantId::default_tenant(), Table::Logs)
            }),
            stop: CancellationToken::new(),
            slots: Arc::new(|names: Vec<String>| {
                let slots = names.into_iter().zip(0..).collect();
                Box::pin(async move { Ok(slots) })
            }),
            delete: Arc::new(|_, _, _, _| Box::pin(async { Ok(Default::default()) })),
        };
        routes(self.engine(), source, token).into()
    }

    /// The JSON answer to `sql`, which must be one.
    pub(crate) async fn ask(&self, sql: &str) -> Value {
        let (status, answer) = ask(&self.router(), sql).await;
        assert_eq!(status, StatusCode::OK, "{sql}: {answer}");
        answer
    }

    /// The rows of the JSON answer to `sql`.
    pub(crate) async fn rows(&self, sql: &str) -> Value {
        let answer = self.ask(sql).await;
        assert!(answer.get("error").is_none(), "{sql}: {answer}");
        answer["rows"].clone()
    }

    /// The error that `sql` gives.
    pub(crate) async fn error(&self, sql: &str) -> Value {
        let (status, answer) = ask(&self.router(), sql).await;
        assert!(
            status != StatusCode::OK || answer.get("error").is_some(),
            "{sql}: {answer}"
        );
        answer["error"].clone()
    }
}

fn parquet(batch: &RecordBatch, schema: &SchemaRef) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, Arc::clone(schema), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

fn int_range(batch: &RecordBatch, column: usize) -> (i64, i64) {
    let values = arrow::compute::cast(batch.column(column), &DataType::Int64).unwrap();
    let values: &arrow::array::Int64Array = values.as_any().downcast_ref().unwrap();
    let values: Vec<i64> = values.iter().flatten().collect();
    (
        values.iter().min().copied().unwrap_or_default(),
        values.iter().max().copied().unwrap_or_default(),
    )
}

/// Statistics as the engine keeps them.
fn stats(schema: &TableSchema, batch: &RecordBatch) -> Vec<ColumnStats> {
    use arrow::array::Array;
    let mut all = Vec::new();
    for (index, column) in schema.columns.iter().enumerate() {
        if !column.file_stats || index >= batch.num_columns() {
            continue;
        }
        let array = batch.column(index);
        let nulls = array.null_count() as u64;
        let values = array.len() as u64 - nulls;
        let (min, max) = match &column.data_type {
            _ if values == 0 => (None, None),
            DataType::Utf8 => {
                let texts: &arrow::array::StringArray = array.as_any().downcast_ref().unwrap();
                let text = |text: Option<&str>| text.map(|text| StatValue::Text(text.to_owned()));
                (
                    text(texts.iter().flatten().min()),
                    text(texts.iter().flatten().max()),
                )
            }
            _ => {
                let (min, max) = int_range(batch, index);
                (Some(StatValue::Int(min)), Some(StatValue::Int(max)))
            }
        };
        all.push(ColumnStats {
            column: column.name.clone(),
            value_count: values,
            null_count: nulls,
            min,
            max,
        });
    }
    all
}

/// Sends `sql` as text; the status and the JSON body.
pub(crate) async fn ask(router: &Router, sql: &str) -> (StatusCode, Value) {
    let request = Request::post("/api/v1/sql")
        .body(Body::from(sql.to_owned()))
        .unwrap();
    let (status, body) = send(router, request).await;
    let body = String::from_utf8(body).unwrap();
    let value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{sql}: {e}: {body}"));
    (status, value)
}

/// Sends `request`; the status and the body.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, body.to_vec())
}

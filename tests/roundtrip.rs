//! Nothing is lost on the way through the lake: generated requests are decoded, appended, flushed to
//! Parquet, read back and turned into OTLP again, and must be equal, field by field.
//!
//! Both sides are flattened to records (resource + scope + one span, log record or data point) and
//! compared as multisets. What the format does not keep, by decision, is made equal before:
//! - order: of records, of attributes (values of one key keep their order), of keys in maps;
//! - groups and metrics without records;
//! - absent against default messages: resource, scope, status, an exponential histogram's buckets;
//! - `KeyValue` without value against one whose value is empty;
//! - zero ids that mean unset: of parents, logs and exemplars;
//! - the payload bits of a NaN inside an attribute value.

mod flatten;
mod generate;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use oriel_collector::decode::{DECODER_VERSION, Decoder, replay};
use oriel_proto::Signal;
use oriel_query::otlp;
use oriel_storage::schema::Table;
use oriel_storage::{
    Answer, Claim, Clock, Config, ContentEncoding, ContentType, Frame, FrameHeader, Store,
    SystemClock, TenantId,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prost::Message;

use crate::random::{Random, number, seed};

/// A store in a directory of its own.
struct Lake {
    dir: tempfile::TempDir,
    store: Store,
    decoder: Decoder,
}

impl Lake {
    async fn open(dir: tempfile::TempDir) -> Lake {
        let config = Config {
            data_dir: dir.path().to_owned(),
            wal_segment_bytes: bytesize::ByteSize::mib(1),
            disk_free_min: bytesize::ByteSize::mib(1),
            // The test flushes, and merges, when it wants to.
            flush_interval: Duration::from_secs(3600),
            flush_bytes: bytesize::ByteSize::gib(4),
            buffer_bytes_max: bytesize::ByteSize::gib(8),
            compact_interval: Duration::from_secs(3600),
            compact_parts_min: 2,
            retention_traces: Duration::ZERO,
            retention_logs: Duration::ZERO,
            retention_metrics: Duration::ZERO,
            promote_spans: vec!["attributes.a".into(), "attributes.$dup:int".into()],
            ..Config::default()
        };
        let store = Store::open(config, Arc::new(SystemClock), replay(usize::MAX))
            .await
            .unwrap();
        let decoder = Decoder::new(store.schemas());
        Lake {
            dir,
            store,
            decoder,
        }
    }

    /// Takes a request as the collector does; the number of records refused.
    async fn append(&self, signal: Signal, body: Vec<u8>) -> u64 {
        let (tenant, received_at) = (TenantId::default_tenant(), SystemClock.now());
        let decoded = self
            .decoder
            .decode(signal, ContentType::Protobuf, &body, received_at)
            .unwrap();
        let hash = self.store.request_hash(&tenant, signal, &body);
        let Claim::New(claimed) = self.store.claim(hash).await.unwrap() else {
            return 0;
        };
        let header = FrameHeader {
            tenant,
            signal,
            content_type: ContentType::Protobuf,
            content_encoding: ContentEncoding::Identity,
            decoder_version: DECODER_VERSION,
            received_at,
            request_hash: hash,
        };
        let frame = Frame {
            header,
            payload: body.into(),
        };
        let answer = Answer {
            rejected: decoded.rejected,
            message: decoded.message,
        };
        if !decoded.batches.is_empty() {
            self.store
                .append(claimed, frame, decoded.batches, answer)
                .await
                .unwrap();
        }
        decoded.rejected
    }

    /// The same directory, found by a new store as a crash left it: rows come from the log.
    async fn reopen(self) -> Lake {
        drop(self.store);
        Lake::open(self.dir).await
    }

    /// The rows of `table`: those in Parquet files, read as any reader would, and those in buffers.
    fn rows(&self, table: Table) -> Vec<RecordBatch> {
        let snapshot = self.store.snapshot(&TenantId::default_tenant());
        let open = |path: &str| File::open(self.dir.path().join(path)).unwrap();
        let parts = snapshot.parts(table).iter();
        parts
            .map(|part| ParquetRecordBatchReaderBuilder::try_new(open(&part.path)).unwrap())
            .flat_map(|builder| builder.build().unwrap().map(Result::unwrap))
            .chain(
                snapshot
                    .buffers(table)
                    .iter()
                    .map(|batch| batch.rows().clone()),
            )
            .collect()
    }
}

/// Compares two multisets of records; tells the first that differ.
fn compare<M: Message + Default + std::fmt::Debug>(what: &str, sent: Vec<M>, found: Vec<M>) {
    let mut balance: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for record in &sent {
        *balance.entry(record.encode_to_vec()).or_default() += 1;
    }
    for record in &found {
        *balance.entry(record.encode_to_vec()).or_default() -= 1;
    }
    let show = |sign: i64| {
        let first = balance.iter().find(|(_, count)| count.signum() == sign);
        first.map(|(bytes, _)| M::decode(bytes.as_slice()).unwrap())
    };
    assert!(
        balance.values().all(|count| *count == 0),
        "{what}: {} records sent, {} found\nsent and not found: {:#?}\nfound and not sent: {:#?}",
        sent.len(),
        found.len(),
        show(1),
        show(-1),
    );
}

/// Scenario: random requests of the three signals, some flushed, some in buffers; then after a
/// reopening without a close, all flushed, and merged.
/// Guarantees: equal records each time, field by field (what is made equal before stands at the top);
/// `ORIEL_SOAK_SEED` repeats a run, `ORIEL_SOAK_ROUNDS` makes it longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_through_parquet() {
    let seed = seed();
    let mut random = Random(seed);
    let run = format!("ORIEL_SOAK_SEED={seed}");
    let mut lake = Lake::open(tempfile::tempdir().unwrap()).await;
    let (mut spans, mut logs, mut points) = (Vec::new(), Vec::new(), Vec::new());
    let mut rejected = 0;
    for round in 0..number("ORIEL_SOAK_ROUNDS").unwrap_or(1) * 300 {
        if round % 100 == 50 {
            lake.store.flush().await.unwrap();
        }
        let request = generate::traces(&mut random);
        rejected += lake.append(Signal::Traces, request.encode_to_vec()).await;
        spans.push(request);
        let request = generate::logs(&mut random);
        lake.append(Signal::Logs, request.encode_to_vec()).await;
        logs.push(request);
        let request = generate::metrics(&mut random);
        lake.append(Signal::Metrics, request.encode_to_vec()).await;
        points.push(request);
    }
    // Small requests come twice by chance, and the second is a retry.
    for requests in [
        dedup(&mut spans, Message::encode_to_vec),
        dedup(&mut logs, Message::encode_to_vec),
        dedup(&mut points, Message::encode_to_vec),
    ] {
        assert!(requests > 100, "{run}: only {requests} different requests");
    }
    let every = spans.iter().flat_map(|request| &request.resource_spans);
    let every = every
        .flat_map(|group| &group.scope_spans)
        .map(|scope| scope.spans.len());
    let spans: Vec<_> = spans.iter().flat_map(flatten::spans).collect();
    assert_eq!(
        rejected as usize,
        every.sum::<usize>() - spans.len(),
        "{run}: spans rejected"
    );
    let logs: Vec<_> = logs.iter().flat_map(flatten::logs).collect();
    let points: Vec<_> = points.iter().flat_map(flatten::points).collect();
    let check = |place: &str, lake: &Lake| {
        let schemas = lake.store.schemas();
        let found = otlp::traces(schemas, &lake.rows(Table::Spans)).unwrap();
        compare(
            &format!("{run}, spans {place}"),
            spans.clone(),
            flatten::spans(&found),
        );
        let found = otlp::logs(schemas, &lake.rows(Table::Logs)).unwrap();
        compare(
            &format!("{run}, logs {place}"),
            logs.clone(),
            flatten::logs(&found),
        );
        let found = otlp::metrics(schemas, &lake.rows(Table::Metrics)).unwrap();
        compare(
            &format!("{run}, points {place}"),
            points.clone(),
            flatten::points(&found),
        );
    };
    check("in parts and buffers", &lake);
    lake = lake.reopen().await;
    check("after replay", &lake);
    lake.store.flush().await.unwrap();
    assert_eq!(lake.store.stats().buffer_rows, 0, "{run}");
    check("in parts", &lake);
    let parts = lake.store.stats().parts;
    lake.store.compact().await.unwrap();
    assert!(
        lake.store.stats().parts < parts,
        "{run}: nothing was merged"
    );
    check("compacted", &lake);
    lake.store.close().await.unwrap();
}

/// Removes requests that came before; how many are left.
fn dedup<M>(requests: &mut Vec<M>, encode: impl Fn(&M) -> Vec<u8>) -> usize {
    let mut known = std::collections::HashSet::new();
    requests.retain(|request| known.insert(encode(request)));
    requests.len()
}

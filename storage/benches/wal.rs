//! How long it takes until requests are durable: rounds of N clients that append one frame each.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use oriel_proto::Signal;
use oriel_storage::{
    Answer, Claim, Clock, Config, ContentEncoding, ContentType, Frame, FrameHeader, Store,
    SystemClock, TenantId,
};

const PAYLOAD_BYTES: usize = 32 * 1024;

/// Stores one frame without rows.
async fn append(store: Store, number: u64) {
    let mut payload = vec![7; PAYLOAD_BYTES];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    let tenant = TenantId::default_tenant();
    let hash = store.request_hash(&tenant, Signal::Logs, &payload);
    let Ok(Claim::New(claimed)) = store.claim(hash).await else {
        panic!("the request is new");
    };
    let header = FrameHeader {
        tenant,
        signal: Signal::Logs,
        content_type: ContentType::Protobuf,
        content_encoding: ContentEncoding::Identity,
        decoder_version: 1,
        received_at: SystemClock.now(),
        request_hash: hash,
    };
    let payload = Bytes::from(payload);
    let stored = store.append(
        claimed,
        Frame { header, payload },
        Vec::new(),
        Answer::default(),
    );
    black_box(stored.await.expect("the frame is stored"));
}

fn bench(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = Config {
        data_dir: dir.path().to_owned(),
        ..Config::default()
    };
    let opened = Store::open(
        config,
        Arc::new(SystemClock),
        Arc::new(|_, _| Ok(Vec::new())),
    );
    let store = runtime.block_on(opened).expect("the store opens");
    let mut number = 0;
    let mut group = c.benchmark_group("wal");
    for clients in [1u64, 8, 64] {
        group.throughput(Throughput::Bytes(clients * PAYLOAD_BYTES as u64));
        group.bench_function(BenchmarkId::new("append", clients), |b| {
            b.iter(|| {
                let round: Vec<_> = (0..clients)
                    .map(|_| {
                        number += 1;
                        runtime.spawn(append(store.clone(), number))
                    })
                    .collect();
                for client in round {
                    runtime.block_on(client).expect("no panic");
                }
            });
        });
    }
    group.finish();
    runtime.block_on(store.close()).expect("the store closes");
}

criterion_group!(benches, bench);
criterion_main!(benches);

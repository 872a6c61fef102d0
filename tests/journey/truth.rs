//! The recorded shop corpus and the figures an independent program computed from it.

use std::path::PathBuf;

use oriel_proto::Signal;
use serde_json::Value;

use super::{logs, metrics, traces};
use crate::ask::{Api, Counts, int};
use crate::check::Checks;

/// The contents of truth.json.
#[derive(Debug)]
pub(crate) struct Truth(pub(crate) Value);

/// Where the corpus lies.
pub(crate) fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/shop")
}

impl Truth {
    /// Reads truth.json.
    pub(crate) fn read() -> Truth {
        let text = std::fs::read(corpus().join("truth.json")).unwrap();
        Truth(serde_json::from_slice(&text).unwrap())
    }

    /// Compares all figures of all signals with what `api` says; fails with all differences.
    pub(crate) async fn check(&self, api: &Api, stage: &str) {
        let mut checks = Checks::new(stage);
        traces::check(api, self, &mut checks).await;
        logs::check(api, self, &mut checks).await;
        metrics::check(api, self, &mut checks).await;
        checks.finish();
    }

    /// Compares the totals only.
    pub(crate) async fn check_totals(&self, api: &Api, stage: &str) {
        let mut checks = Checks::new(stage);
        for (table, section, name) in [
            ("spans", "traces", "spans"),
            ("logs", "logs", "records"),
            ("metrics", "metrics", "data_points"),
        ] {
            let got = api.int(&format!("SELECT count(*) FROM {table}")).await;
            checks.eq(table, got, int(&self.0[section][name]));
        }
        checks.finish();
    }
}

/// The recorded requests of `signal`, each the bytes of one protobuf message.
pub(crate) fn requests(signal: Signal) -> Vec<Vec<u8>> {
    let file = std::fs::File::open(corpus().join(format!("{signal}.binpb.zst"))).unwrap();
    let all = zstd::decode_all(file).unwrap();
    let mut rest = all.as_slice();
    let mut requests = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (body, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        requests.push(body.to_vec());
        rest = tail;
    }
    requests
}

/// An object of counts by name.
pub(crate) fn counts(object: &Value) -> Counts {
    let entries = object.as_object().unwrap().iter();
    entries
        .map(|(name, count)| (name.clone(), int(count)))
        .collect()
}

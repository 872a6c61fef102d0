//! Search, heatmap and single traces against the truth, in buffers and in parts.

use std::collections::BTreeSet;

use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use super::{ALL, encoded, ok, shop};
use crate::support::Server;
use crate::support::otlp::true_count;

/// Scenario: the corpus in buffers, then in parts after a stop and a start.
/// Guarantees: totals of searches and heatmaps are those of truth.json, both times.
#[tokio::test(flavor = "multi_thread")]
async fn searches_agree_with_the_truth() {
    let mut server = shop().await;
    for round in ["in buffers", "in parts"] {
        totals(&server, round).await;
        pages(&server).await;
        one_trace(&server).await;
        server.stop();
        server.restart().await;
    }
}

async fn totals(server: &Server, round: &str) {
    let truth = |pointer: &str| true_count(&format!("/traces/{pointer}"));
    for (q, spans, traces) in [
        ("", truth("spans"), truth("distinct_traces")),
        (
            "service:payment",
            truth("spans_by_service/payment"),
            truth("traces_by_service/payment"),
        ),
        (
            "status:error",
            truth("spans_by_status/ERROR"),
            truth("traces_with_error"),
        ),
        (
            "kind:producer OR kind:consumer",
            truth("spans_by_kind/PRODUCER") + truth("spans_by_kind/CONSUMER"),
            -1,
        ),
        ("duration>1s", truth("spans_over_1s"), -1),
        ("trace.duration>1s", -1, truth("traces_over_1s")),
        ("trace.errors>0", -1, truth("traces_with_error")),
        ("-root.name:*", -1, truth("traces_without_root")),
        ("event:exception", truth("events_by_name/exception"), -1),
        ("has:link", truth("spans_with_links"), -1),
        ("db.system:*", truth("attribute_keys/db.system"), -1),
        ("order.id:*", truth("attribute_keys/order.id"), -1),
        (
            "status_message:\"inventory exhausted\"",
            truth("status_messages/inventory exhausted"),
            -1,
        ),
        ("scope:shop.orders", truth("scopes/shop.orders"), -1),
    ] {
        for (lens, want) in [("spans", spans), ("traces", traces)] {
            let q = encoded(q);
            let page = ok(server, &format!("search/{lens}?{ALL}&limit=20&q={q}")).await;
            let map = ok(server, &format!("search/heatmap?{ALL}&lens={lens}&q={q}")).await;
            assert_eq!(page["total"], map["total"], "{lens} {q} {round}");
            if want >= 0 {
                assert_eq!(page["total"], json!(want), "{lens} {q} {round}");
            }
        }
    }
}

/// All traces by pages, in each order.
async fn pages(server: &Server) {
    let mut all: Option<BTreeSet<String>> = None;
    for sort in ["newest", "oldest", "longest", "shortest", "errors"] {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("search/traces?{ALL}&sort={sort}&limit=1000{cursor}");
            let page = ok(server, &path).await;
            let traces = page["traces"].as_array().unwrap();
            ids.extend(
                traces
                    .iter()
                    .map(|t| t["trace_id"].as_str().unwrap().to_owned()),
            );
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let set: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(set.len(), ids.len(), "{sort}: a trace came twice");
        assert_eq!(
            set.len() as i64,
            true_count("/traces/distinct_traces"),
            "{sort}"
        );
        assert_eq!(*all.get_or_insert_with(|| set.clone()), set, "{sort}");
    }
}

/// The trace with most errors: skeleton, spans by row, rows with errors, logs.
async fn one_trace(server: &Server) {
    let page = ok(server, &format!("search/traces?{ALL}&sort=errors&limit=20")).await;
    let trace = &page["traces"][0];
    let id = trace["trace_id"].as_str().unwrap();
    let answer = server
        .request(
            reqwest::Method::GET,
            &format!("/api/v1/traces/{id}/skeleton"),
        )
        .send()
        .await
        .unwrap();
    assert!(answer.headers().contains_key("oriel-receipt"));
    let bytes = answer.bytes().await.unwrap();
    let batch = StreamReader::try_new(&*bytes, None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(json!(batch.num_rows()), trace["spans"]);
    let found = ok(server, &format!("traces/{id}/find?q=status:error")).await;
    assert_eq!(found["total"], trace["errors"]);
    for row in found["rows"].as_array().unwrap() {
        let span: Value = ok(server, &format!("traces/{id}/spans/{row}")).await;
        assert_eq!(span["span"]["status"], json!("ERROR"));
    }
    let logs = ok(server, &format!("traces/{id}/logs")).await;
    let sql = format!("SELECT count(*) FROM logs WHERE trace_id = '{id}'");
    assert_eq!(logs["total"], json!(server.sql(&sql).await.int()));
}

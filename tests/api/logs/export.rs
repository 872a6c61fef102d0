//! All records as a file.

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::api::{Shop, get};
use crate::ask::int;

async fn export(shop: &Shop, params: &[(&str, &str)]) -> (String, Bytes) {
    let (from, to) = (shop.from.to_string(), shop.to.to_string());
    let range = [("from", &*from), ("to", &*to)];
    let request = shop
        .server
        .request(reqwest::Method::GET, "/api/v1/logs/export")
        .query(&range)
        .query(params);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{params:?}");
    let name = answer.headers()["content-disposition"]
        .to_str()
        .unwrap()
        .to_owned();
    (name, answer.bytes().await.unwrap())
}

/// Scenario: the corpus in every format, newest and oldest first, with chosen columns and a filter;
/// formats and columns that are none.
/// Guarantees: all records, in order, whatever the format; the receipt says that it is whole; wrong
/// parameters are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_have_all_records_in_order() {
    let mut shop = Shop::start().await;
    let total = int(shop.true_at("/logs/records")) as usize;
    let (name, lines) = export(&shop, &[]).await;
    assert!(
        name.contains("logs-") && name.ends_with(".ndjson\""),
        "{name}"
    );
    let lines: Vec<Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let (receipt, records) = lines.split_last().unwrap();
    assert_eq!(receipt["receipt"]["complete"], true, "{receipt}");
    assert_eq!(int(&receipt["receipt"]["rows_returned"]) as usize, total);
    assert_eq!(records.len(), total);
    let times: Vec<String> = records.iter().map(|r| r["timestamp"].to_string()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first");
    assert!(records[0].get("resource_attributes").is_some());

    let columns = (
        "columns",
        "timestamp,level,service,body,exception.type,resource.host.name",
    );
    let (_, parquet) = export(
        &shop,
        &[("format", "parquet"), ("order", "oldest"), columns],
    )
    .await;
    let batches = ParquetRecordBatchReaderBuilder::try_new(parquet)
        .unwrap()
        .build()
        .unwrap();
    let (mut rows, mut last) = (0, i64::MIN);
    for batch in batches {
        let batch = batch.unwrap();
        assert_eq!(batch.num_columns(), 6);
        rows += batch.num_rows();
        for time in batch
            .column(0)
            .as_primitive::<TimestampNanosecondType>()
            .values()
        {
            assert!(last <= *time, "oldest first");
            last = *time;
        }
    }
    assert_eq!(rows, total);

    let (_, arrow) = export(&shop, &[("format", "arrow"), ("q", "level:>=error")]).await;
    let reader = StreamReader::try_new(std::io::Cursor::new(arrow), None).unwrap();
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(
        rows as i64,
        int(shop.true_at("/logs/severity_error_or_worse"))
    );

    let (_, csv) = export(&shop, &[("format", "csv"), ("columns", "service,level")]).await;
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    assert_eq!(csv.lines().next(), Some("service,level"));
    assert_eq!(csv.lines().count(), total + 1);
    let (_, none) = export(&shop, &[("q", "service:nobody"), ("format", "csv")]).await;
    assert_eq!(none.split(|byte| *byte == b'\n').count(), 2, "only names");

    for bad in [
        ("format", "xlsx"),
        ("columns", "a,,b"),
        ("columns", "level,level"),
        ("order", "random"),
        ("q", "level:>=loud"),
    ] {
        let (status, body) = get(&shop.server, "logs/export", &[bad]).await;
        assert_eq!(status, 400, "{bad:?}: {body}");
    }
    assert!(shop.server.stop().success());
}

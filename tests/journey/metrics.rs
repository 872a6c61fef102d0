//! What truth.json says about the metric points of the shop corpus, asked in SQL.

use std::collections::BTreeMap;

use serde_json::Value;

use super::truth::{Truth, counts};
use crate::ask::{Api, float, int, text};
use crate::check::Checks;

/// Compares all figures of the metrics.
pub(crate) async fn check(api: &Api, truth: &Truth, checks: &mut Checks) {
    let metrics = &truth.0["metrics"];
    let got = api
        .ints(
            "SELECT count(*), count(DISTINCT name), count(DISTINCT service_name || ' ' || name),
               count(DISTINCT series_id), sum(array_length(exemplars)) FROM metrics",
        )
        .await;
    let names = [
        "data_points",
        "metrics",
        "metric_service_pairs",
        "series",
        "exemplars",
    ];
    for (name, got) in names.iter().zip(got) {
        checks.eq(&format!("metrics {name}"), got, int(&metrics[*name]));
    }
    let types = api
        .counts("SELECT type, count(*) FROM metrics GROUP BY 1")
        .await;
    checks.eq("points_by_type", types, counts(&metrics["points_by_type"]));
    described(api, metrics, checks).await;
    totals(api, metrics, checks).await;
}

/// One line a service and metric: what it is, how many points, series and exemplars.
async fn described(api: &Api, metrics: &Value, checks: &mut Checks) {
    let rows = api
        .rows(
            "SELECT service_name, name, type, unit, temporality, is_monotonic, count(*),
               count(DISTINCT series_id), sum(coalesce(array_length(exemplars), 0))
             FROM metrics GROUP BY 1, 2, 3, 4, 5, 6",
        )
        .await;
    let listed = metrics["list"].as_array().unwrap();
    checks.eq("services and metrics", rows.len(), listed.len());
    for want in listed {
        let row = rows
            .iter()
            .find(|r| r[0] == want["service"] && r[1] == want["name"]);
        let Some(row) = row else {
            checks.yes(&format!("{} of {}", want["name"], want["service"]), false);
            continue;
        };
        let what = format!("{} of {}", row[1], row[0]);
        let unit = match text(&want["unit"]).as_str() {
            "" => Value::Null,
            _ => want["unit"].clone(),
        };
        checks.eq(&format!("type of {what}"), &row[2], &want["type"]);
        checks.eq(&format!("unit of {what}"), &row[3], &unit);
        checks.eq(
            &format!("temporality of {what}"),
            &row[4],
            &want["temporality"],
        );
        checks.eq(&format!("monotonic of {what}"), &row[5], &want["monotonic"]);
        checks.eq(
            &format!("points of {what}"),
            int(&row[6]),
            int(&want["points"]),
        );
        checks.eq(
            &format!("series of {what}"),
            int(&row[7]),
            int(&want["series"]),
        );
        checks.eq(
            &format!("exemplars of {what}"),
            int(&row[8]),
            int(&want["exemplars"]),
        );
    }
}

/// Sums of one service's metric.
#[derive(Debug, Default)]
struct Sums {
    value: f64,
    count: i64,
    sum: f64,
    buckets: Vec<i64>,
}

/// Delta points added up; of the others, the last point of each series.
async fn totals(api: &Api, metrics: &Value, checks: &mut Checks) {
    let rows = api
        .rows(
            "SELECT service_name, name, value, count, sum, bucket_counts FROM (
               SELECT *, row_number() OVER (PARTITION BY series_id ORDER BY time DESC) AS n
               FROM metrics) AS points
             WHERE temporality = 'delta' OR n = 1",
        )
        .await;
    let mut sums: BTreeMap<(String, String), Sums> = BTreeMap::new();
    for row in &rows {
        let of = sums.entry((text(&row[0]), text(&row[1]))).or_default();
        of.value += float(&row[2]);
        of.count += int(&row[3]);
        of.sum += float(&row[4]);
        let buckets = row[5].as_array().map_or(&[][..], Vec::as_slice);
        of.buckets.resize(of.buckets.len().max(buckets.len()), 0);
        for (total, bucket) in of.buckets.iter_mut().zip(buckets) {
            *total += int(bucket);
        }
    }
    for want in metrics["list"].as_array().unwrap() {
        let key = (text(&want["service"]), text(&want["name"]));
        let Some(got) = sums.get(&key) else {
            checks.yes(&format!("totals of {key:?}"), false);
            continue;
        };
        let what = format!("total of {key:?}");
        match text(&want["type"]).as_str() {
            "sum" => checks.close(&what, got.value, float(&want["total"])),
            "gauge" => {
                let last = want["last"].as_array().unwrap();
                checks.close(
                    &what,
                    got.value,
                    last.iter().map(|entry| float(&entry[1])).sum(),
                );
            }
            kind => {
                checks.eq(&what, got.count, int(&want["count"]));
                checks.close(&what, got.sum, float(&want["sum"]));
                if kind == "histogram" {
                    let buckets = want["bucket_counts"].as_array().unwrap();
                    let buckets: Vec<i64> = buckets.iter().map(int).collect();
                    checks.eq(&what, &got.buckets, &buckets);
                }
            }
        }
    }
}

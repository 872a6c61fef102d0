//! Asks a running Oriel in SQL and reads its JSON answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::wire::{Http, HttpAnswer};

/// The query API of one server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: Http,
}

/// Counts by name.
pub(crate) type Counts = BTreeMap<String, i64>;

impl Api {
    /// The API at `base`, such as `http://127.0.0.1:4319`.
    pub(crate) fn new(base: &str) -> Api {
        Api {
            http: Http::new(base),
        }
    }

    /// Sends `token` with each request.
    pub(crate) fn with_token(self, token: &str) -> Api {
        Api {
            http: self.http.with_token(token),
        }
    }

    /// Posts a statement; any answer.
    pub(crate) async fn post(&self, sql: &str) -> HttpAnswer {
        let body = json!({ "sql": sql }).to_string().into_bytes();
        self.http
            .post("/api/v1/sql", body, &[("content-type", "application/json")])
            .await
    }

    /// Gets `path`; any answer.
    pub(crate) async fn get(&self, path: &str) -> HttpAnswer {
        self.http.get(path).await
    }

    /// The whole JSON answer of a statement that must succeed.
    pub(crate) async fn answer(&self, sql: &str) -> Value {
        let answer = self.post(sql).await;
        assert_eq!(
            answer.status,
            200,
            "{sql}\n{}",
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    }

    /// The rows of a statement that must succeed.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut answer = self.answer(sql).await;
        serde_json::from_value(answer["rows"].take()).unwrap()
    }

    /// The only row.
    pub(crate) async fn row(&self, sql: &str) -> Vec<Value> {
        let mut rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "rows of {sql}");
        rows.remove(0)
    }

    /// The integers of the only row.
    pub(crate) async fn ints(&self, sql: &str) -> Vec<i64> {
        self.row(sql).await.iter().map(int).collect()
    }

    /// The only integer of the only row.
    pub(crate) async fn int(&self, sql: &str) -> i64 {
        self.ints(sql).await[0]
    }

    /// Counts by name, of a statement whose rows are (name, ..., count); names are joined by ` | `.
    pub(crate) async fn counts(&self, sql: &str) -> Counts {
        let rows = self.rows(sql).await;
        rows.iter()
            .map(|row| {
                let (count, names) = row.split_last().unwrap();
                let names: Vec<String> = names.iter().map(text).collect();
                (names.join(" | "), int(count))
            })
            .collect()
    }

    /// `GET /api/v1/status`.
    pub(crate) async fn status(&self) -> Value {
        self.get("/api/v1/status").await.json()
    }
}

/// An integer of an answer, which is text beyond 2^53; NULL is 0.
pub(crate) fn int(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::Number(number) => number
            .as_i64()
            .or_else(|| {
                number
                    .as_f64()
                    .filter(|f| f.fract() == 0.0)
                    .map(|f| f as i64)
            })
            .unwrap_or_else(|| panic!("{number} is no integer")),
        Value::String(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{text:?} is no integer")),
        other => panic!("{other} is no integer"),
    }
}

/// A number of an answer; NULL is NaN.
pub(crate) fn float(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        other => other
            .as_f64()
            .unwrap_or_else(|| panic!("{other} is no number")),
    }
}

/// A value of an answer as text: strings without quotes, NULL as `NULL`.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

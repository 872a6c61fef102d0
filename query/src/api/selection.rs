//! The rows that a request is about: a table, a range of time, a filter.

use oriel_storage::schema::Table;

use super::request::Range;
use super::summaries;
use crate::error::Error;
use crate::filter::{self, Conditions};
use crate::http::Api;

/// Rows of one table.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Which table.
    pub(crate) table: Table,
    /// When.
    pub(crate) range: Range,
    /// The conditions of the filter.
    pub(crate) conditions: Conditions,
    time_column: &'static str,
}

impl Selection {
    /// The rows of `table` in `range` that `q` wants.
    ///
    /// Errors: `q` is not understood.
    pub(crate) fn new(
        api: &Api,
        table: Table,
        range: Range,
        q: Option<&str>,
    ) -> Result<Self, Error> {
        let schema = api.source.schemas.of(table);
        Ok(Selection {
            table,
            range,
            conditions: filter::conditions(q, schema, &summaries::sql(range))?,
            time_column: schema.time_column,
        })
    }

    /// The same rows of another range.
    pub(crate) fn at(&self, range: Range) -> Selection {
        Selection {
            range,
            ..self.clone()
        }
    }

    /// The condition on the table's time.
    pub(crate) fn time(&self) -> String {
        self.range.sql(self.time_column)
    }

    /// SQL that is true for these rows, to stand after WHERE.
    pub(crate) fn sql(&self) -> String {
        match self.conditions.of_rows().as_str() {
            "TRUE" => self.time(),
            condition => format!("{} AND {condition}", self.time()),
        }
    }

    /// A statement that shows these rows, for people to go on from.
    pub(crate) fn statement(&self, order: &str, limit: u32) -> String {
        format!(
            "SELECT * FROM {} WHERE {} ORDER BY {order} LIMIT {limit}",
            self.table,
            self.sql()
        )
    }
}

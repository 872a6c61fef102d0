//! The rows that a request is about: a table, a range of time, a filter.

use oriel_storage::schema::Table;

use super::request::Range;
use super::summaries;
use crate::error::Error;
use crate::filter;
use crate::http::Api;

/// Rows of one table.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Which table.
    pub(crate) table: Table,
    /// When.
    pub(crate) range: Range,
    condition: String,
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
        let conditions = filter::conditions(q, schema, &summaries::sql(range))?;
        Ok(Selection {
            table,
            range,
            condition: conditions.of_rows(),
        })
    }

    /// The same rows of another range.
    pub(crate) fn at(&self, range: Range) -> Selection {
        Selection {
            range,
            ..self.clone()
        }
    }

    /// The column that says when a row is.
    pub(crate) fn time(&self) -> &'static str {
        time_column(self.table)
    }

    /// SQL that is true for these rows, to stand after WHERE.
    pub(crate) fn sql(&self) -> String {
        let range = self.range.sql(self.time());
        match self.condition.as_str() {
            "TRUE" => range,
            condition => format!("{range} AND {condition}"),
        }
    }
}

/// The column of `table` that says when a row is.
pub(crate) fn time_column(table: Table) -> &'static str {
    match table {
        Table::Spans => "start_time",
        Table::Logs => "timestamp",
        Table::Metrics => "time",
        Table::Traces => "min_start",
    }
}

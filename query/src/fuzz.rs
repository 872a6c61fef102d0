//! Readers of text from outside: for fuzz targets only, not part of the interface.

use oriel_storage::schema::{Schemas, Table};

use crate::filter;
use crate::plan::json_text::{elements, integer, lookup, members, number, text};

/// Reads `q` as a filter of each table; whether it is one.
///
/// Panics: the filter prints as something else.
pub fn filter(q: &str) -> bool {
    let schemas = Schemas::format0();
    let printed = filter::printed(q);
    if let Some(printed) = &printed {
        let again = filter::printed(printed);
        assert_eq!(again.as_ref(), Some(printed), "it prints as another one");
    }
    for table in [Table::Spans, Table::Logs, Table::Metrics] {
        let _ = filter::conditions(Some(q), schemas.of(table), "SELECT 1");
    }
    printed.is_some()
}

/// Reads `object` as an overflow of attributes in every way that there is; whether it is one.
pub fn attributes(object: &str) -> bool {
    for (key, value) in members(object) {
        for found in [Some(value), lookup(object, &key)].into_iter().flatten() {
            let _ = (text(found), number(found), integer(found));
            let _ = elements(found).count();
        }
    }
    crate::otlp::is_attributes(object)
}

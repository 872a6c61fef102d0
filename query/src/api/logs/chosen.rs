//! Fields of records that a list has as columns: built-in keys and attributes, as text, in the
//! order in which they were asked for.

use oriel_storage::schema::Table;

use super::export::attribute;
use crate::api::cells::Row;
use crate::error::{Code, Error};
use crate::filter::keys::{Field, builtin, level_sql};

/// How many may be chosen.
const CHOSEN_MAX: usize = 16;
/// Characters of a value that are given.
const VALUE_CHARS: usize = 1024;

/// The chosen fields, none by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// SQL for the text of each.
    fields: Vec<String>,
}

impl Chosen {
    /// The fields that `names` names, with commas between.
    ///
    /// Errors: too many, one without a name, or one that has no text.
    pub(super) fn parse(names: Option<&str>) -> Result<Self, Error> {
        let names: Vec<&str> = names.map_or_else(Vec::new, |names| names.split(',').collect());
        let bad = |message: String| {
            Error::new(Code::BadRequest, message)
                .hint("write built-in keys or attributes: http.route,resource.k8s.pod.name")
        };
        if names.len() > CHOSEN_MAX {
            return Err(bad(format!("more than {CHOSEN_MAX} columns")));
        }
        let field = |name: &str| {
            let name = name.trim();
            if name.is_empty() {
                return Err(bad("a column without a name".to_owned()));
            }
            field(name).ok_or_else(|| bad(format!("{name:?} is no column")))
        };
        let fields = names.into_iter().map(field).collect::<Result<_, _>>()?;
        Ok(Chosen { fields })
    }

    /// How many columns [`Chosen::sql`] has.
    pub(super) fn count(&self) -> usize {
        self.fields.len()
    }

    /// SQL behind other columns; nothing when nothing is chosen.
    pub(super) fn sql(&self) -> String {
        let fields = self.fields.iter().enumerate();
        fields
            .map(|(at, sql)| format!(", left({sql}, {VALUE_CHARS}) AS chosen_{at}"))
            .collect()
    }

    /// The texts in a row that has them from the column `first` on; `None` when nothing is chosen.
    pub(super) fn read(&self, row: &Row<'_>, first: usize) -> Option<Vec<Option<String>>> {
        if self.fields.is_empty() {
            return None;
        }
        let texts = (first..).take(self.fields.len());
        Some(texts.map(|at| row.text(at).map(str::to_owned)).collect())
    }
}

/// SQL for the text of the field called `name`.
fn field(name: &str) -> Option<String> {
    let Some(builtin) = builtin(Table::Logs, name) else {
        return Some(attribute(name));
    };
    match builtin.field {
        Field::Text(column) => Some(column.to_owned()),
        Field::Id(column, _) => Some(format!("encode({column}, 'hex')")),
        Field::Severity => Some(level_sql()),
        _ => None,
    }
}

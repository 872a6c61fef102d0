//! The word index of one part: which rows have which words, in one file beside the part.
//!
//! In: the texts of a part's rows, in row order ([`IndexWriter`]). Out: a bundle (`bundle.rs`), and
//! from it ([`Index`]) the rows that may match a [`Search`]. The index answers with exactly the rows if
//! [`Search::is_exact`], else with a superset of them; then who asks looks at each row's text again
//! ([`crate::text::TextQuery::matches`]). So an answer never depends on whether there is an index.
//!
//! Tantivy, without positions and scores, nothing stored: a phrase is looked for as its words, and the
//! rows tell; `terms.rs` says what stands for a word, `ids.rs` what for a trace id and other ids. Positions
//! would make the index two thirds larger (docs/measurements.md). A bundle has one or more pieces, each a
//! segment of its own over the next rows, so that writing takes little memory; row number = rows of
//! the pieces before + document number.
//!
//! `kept.rs` knows the indexes of all parts: those that the catalog names, open ones, damaged ones.

mod ask;
mod bundle;
mod ids;
mod kept;
mod read;
mod rows;
mod terms;
#[cfg(test)]
mod tests;
mod write;

pub use kept::Candidates;
pub(crate) use kept::{IndexRow, Indexes, verify};
pub use read::{Index, Search};
pub use write::IndexWriter;
pub(crate) use write::{attribute_text, share_of};

use crate::Error;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

/// Name of the tokenizer in the index's own description.
const TOKENIZER: &str = "oriel1";

pub(crate) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Corrupt {
        what: "word index".to_owned(),
        detail: error.to_string(),
    }
}

/// The one field, and the schema around it.
fn schema() -> (Schema, Field) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let text = TextOptions::default().set_indexing_options(indexing);
    let field = schema.add_text_field("text", text);
    (schema.build(), field)
}

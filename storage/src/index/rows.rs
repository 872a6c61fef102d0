//! Rows of a piece as queries for Tantivy: those of some blocks, and those with a word that begins in
//! some way.

use std::sync::Arc;

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, Score, SegmentReader, TantivyError};

use super::ids::BLOCK_ROWS;

/// Rows that a set has.
#[derive(Debug, Clone)]
pub(super) enum RowsQuery {
    /// All rows of the blocks with these numbers.
    Blocks(Arc<[u32]>),
    /// Rows that have a term which begins so.
    Beginning(Field, Arc<str>),
}

impl RowsQuery {
    fn rows(&self, reader: &SegmentReader) -> tantivy::Result<BitSet> {
        let mut rows = BitSet::with_max_value(reader.max_doc());
        match self {
            RowsQuery::Blocks(blocks) => {
                for block in blocks.iter() {
                    let first = block.saturating_mul(BLOCK_ROWS);
                    let end = first.saturating_add(BLOCK_ROWS).min(reader.max_doc());
                    (first..end).for_each(|row| {
                        rows.insert(row);
                    });
                }
            }
            RowsQuery::Beginning(field, beginning) => {
                let words = reader.inverted_index(*field)?;
                let mut found = words.terms().range().ge(beginning.as_bytes());
                if let Some(end) = behind(beginning) {
                    found = found.lt(end);
                }
                let mut found = found.without_keys().into_stream()?;
                while found.advance() {
                    let mut postings = words.read_block_postings_from_terminfo(
                        found.value(),
                        IndexRecordOption::Basic,
                    )?;
                    while !postings.docs().is_empty() {
                        for row in postings.docs() {
                            rows.insert(*row);
                        }
                        postings.advance();
                    }
                }
            }
        }
        Ok(rows)
    }
}

/// The least text behind all that begin with `beginning`.
fn behind(beginning: &str) -> Option<Vec<u8>> {
    let mut end = beginning.as_bytes().to_vec();
    // No byte of a text is the largest one.
    *end.last_mut()? += 1;
    Some(end)
}

impl Query for RowsQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for RowsQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let rows = BitSetDocSet::from(self.rows(reader)?);
        Ok(Box::new(ConstScorer::new(rows, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let none = "rows have no scores".to_owned();
        Err(TantivyError::InvalidArgument(none))
    }
}

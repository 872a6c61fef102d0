//! Asking an index: which rows may match?

use std::fmt;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::directory::{FileHandle, FileSlice, OwnedBytes};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::ask::{OpenPiece, Patterns};
use super::ids::BLOCK_ROWS;
use super::terms::{self, Beginning};
use super::{bundle, failed};
use crate::Result;
use crate::text::{TextQuery, indexed, runs, same_letter};

/// Rows of one block in so many are read faster than all, however many of the block: whole pages are
/// passed over.
const BLOCKS_SHARE: u32 = 2;

/// Beginnings of words that are shorter find too much.
const PREFIX_LETTERS_MIN: usize = 2;
/// So do parts of words.
const INFIX_LETTERS_MIN: usize = 3;

/// What is searched for. The rows found are those that may match.
#[derive(Debug, Clone)]
pub enum Search {
    /// Rows with all words of a text query.
    Text(TextQuery),
    /// Rows with a word that holds this run of letters and digits, whatever its case.
    Infix(String),
    /// Rows with this trace id, and others near them.
    TraceId(Vec<u8>),
    /// Rows that all of these find.
    All(Vec<Search>),
    /// Rows that one of these finds.
    Any(Vec<Search>),
    /// Rows for which the attribute of this name has such a text, or a value that is no text.
    Attribute(String, Box<Search>),
    /// Rows that this does not find, where it is exact ([`Search::is_exact`]); says nothing else.
    Not(Box<Search>),
}

impl Search {
    /// Finds every text that has `piece` in it, at its beginning if `starts`, at its end if `ends`;
    /// whatever the case of its letters if `caseless`. `None` when that says nothing about words.
    pub fn holding(piece: &str, starts: bool, ends: bool, caseless: bool) -> Option<Search> {
        let mut found = Vec::new();
        // Whole words that follow each other: where they begin and end in `piece`.
        let mut whole: Option<(usize, usize)> = None;
        let end_phrase = |whole: &mut Option<(usize, usize)>, found: &mut Vec<Search>| {
            let phrase = whole
                .take()
                .map(|(from, to)| TextQuery::phrase(&piece[from..to]));
            found.extend(phrase.and_then(Result::ok).map(Search::Text));
        };
        runs(piece, |run, _| {
            let from = run.as_ptr() as usize - piece.as_ptr() as usize;
            let to = from + run.len();
            let (left, right) = (from > 0 || starts, to < piece.len() || ends);
            // Without case, letters beyond ASCII may be equal that are not equal in lower case.
            let comparable = !caseless || run.is_ascii();
            if comparable && left && right {
                whole = Some((whole.map_or(from, |(first, _)| first), to));
                return true;
            }
            end_phrase(&mut whole, &mut found);
            let letters = run.chars().count();
            if comparable && left && letters >= PREFIX_LETTERS_MIN {
                found.extend(TextQuery::phrase(&format!("{run}*")).ok().map(Search::Text));
            } else if comparable && letters >= INFIX_LETTERS_MIN {
                found.push(Search::Infix(run.to_owned()));
            }
            true
        });
        end_phrase(&mut whole, &mut found);
        match found.len() {
            0 | 1 => found.pop(),
            _ => Some(Search::All(found)),
        }
    }

    /// Whether an index that names rows for this names exactly those that match, so that none has to
    /// be looked at again: single words and beginnings of words do, phrases do not.
    pub fn is_exact(&self) -> bool {
        match self {
            Search::Text(text) => text.clauses().iter().all(|clause| {
                let exact = |word: &String| match clause.prefix {
                    true => {
                        let known = terms::beginning(word);
                        indexed(word) == word && matches!(known, Beginning::Terms)
                    }
                    false => terms::is_exact(word),
                };
                matches!(clause.words.as_slice(), [word] if exact(word))
            }),
            Search::Infix(_) | Search::TraceId(_) | Search::Attribute(..) => false,
            Search::All(searches) | Search::Any(searches) => searches.iter().all(Search::is_exact),
            Search::Not(search) => search.is_exact(),
        }
    }

    /// Whether texts that differ only in having one of these for the other have the same words.
    pub fn same_letter(a: char, b: char) -> bool {
        same_letter(a, b)
    }
}

/// An open index. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    pieces: Vec<OpenPiece>,
    rows: u32,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} rows)", self.rows)
    }
}

impl Index {
    /// Opens a bundle that is in memory. Errors: `Corrupt`.
    pub fn open_bytes(bytes: Vec<u8>) -> Result<Index> {
        Index::open(Arc::new(OwnedBytes::new(bytes)))
    }

    /// Opens the bundle that `file` reads. Errors: `Corrupt`.
    pub(crate) fn open(file: Arc<dyn FileHandle>) -> Result<Index> {
        let (pieces, attributes) = bundle::open(&FileSlice::new(file))?;
        let attributes = Arc::new(attributes);
        let open = |piece| OpenPiece::open(piece, Arc::clone(&attributes));
        let pieces = pieces.into_iter().map(open);
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        let rows = pieces.iter().map(|piece| piece.rows).sum();
        Ok(Index { pieces, rows })
    }

    /// Rows of the part.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    #[cfg(test)]
    pub(super) fn pieces_count(&self) -> usize {
        self.pieces.len()
    }

    /// The rows that may match `search`, ascending; `None` when they are more than `rows_max` and all
    /// over the part, so that a scan is as fast, or when asking would cost as much as a scan. Errors:
    /// `Corrupt`.
    pub fn candidates(&self, search: &Search, rows_max: usize) -> Result<Option<Vec<u32>>> {
        let mut blocks_left = self.rows / BLOCK_ROWS / BLOCKS_SHARE;
        let mut rows = Vec::new();
        let mut before = 0;
        let patterns = Patterns::default();
        for piece in &self.pieces {
            let Some(query) = piece.query("", search, &patterns)? else {
                return Ok(None);
            };
            let wanted = Rows {
                rows_max: rows_max.saturating_sub(rows.len()),
                blocks_max: blocks_left,
            };
            let found = piece.searcher.search(query.as_ref(), &wanted);
            let found = found.map_err(failed)?;
            if found.many {
                return Ok(None);
            }
            blocks_left = blocks_left.saturating_sub(found.blocks);
            rows.extend(found.rows.into_iter().map(|row| before + row));
            before += piece.rows;
        }
        Ok(Some(rows))
    }
}

/// Collects row numbers, until they are more than `rows_max` in more than `blocks_max` blocks.
struct Rows {
    rows_max: usize,
    blocks_max: u32,
}

/// What was collected.
#[derive(Default)]
struct Found {
    rows: Vec<DocId>,
    /// Blocks that the rows are in, and the last of them.
    blocks: u32,
    last: Option<u32>,
    /// Whether there are more rows than wanted.
    many: bool,
}

struct SegmentRows {
    found: Found,
    rows_max: usize,
    blocks_max: u32,
}

impl Collector for Rows {
    type Fruit = Found;
    type Child = SegmentRows;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<SegmentRows> {
        Ok(SegmentRows {
            found: Found::default(),
            rows_max: self.rows_max,
            blocks_max: self.blocks_max,
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Found>) -> tantivy::Result<Found> {
        // A piece has one segment, or none.
        Ok(fruits.into_iter().next().unwrap_or_default())
    }
}

impl SegmentCollector for SegmentRows {
    type Fruit = Found;

    fn collect(&mut self, doc: DocId, _score: Score) {
        let found = &mut self.found;
        if found.many {
            return;
        }
        found.rows.push(doc);
        let block = doc / BLOCK_ROWS;
        if found.last != Some(block) {
            found.last = Some(block);
            found.blocks += 1;
        }
        found.many = found.rows.len() > self.rows_max && found.blocks > self.blocks_max;
    }

    fn harvest(self) -> Found {
        self.found
    }
}

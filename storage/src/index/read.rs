//! Asking an index: which rows may match?

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::directory::{FileHandle, FileSlice, OwnedBytes};
use tantivy::query::{AllQuery, BooleanQuery, Occur, Query, RegexQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader, Term};

use super::bundle::{self, Piece};
use super::terms::{self, LONG_WORD};
use super::write::Words;
use super::{TOKENIZER, failed, schema};
use crate::Result;
use crate::text::{Clause, TextQuery, fold, indexed, runs, same_letter};

/// A dictionary of so many words is searched for parts of words whatever the rows.
const WORDS_ALWAYS_SEARCHED: usize = 10_000;

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
                    true => indexed(word) == word && terms::ids_beginning(word).is_none(),
                    false => terms::is_exact(word),
                };
                matches!(clause.words.as_slice(), [word] if exact(word))
            }),
            Search::Infix(_) | Search::Attribute(..) => false,
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

/// A piece of it, over its own rows.
#[derive(Clone)]
struct OpenPiece {
    searcher: Searcher,
    field: Field,
    rows: u32,
    /// Attributes whose words are indexed.
    attributes: Arc<[String]>,
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
        let attributes: Arc<[String]> = attributes.into();
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

    /// The rows that may match `search`, ascending; `None` when they are more than `rows_max`, so
    /// that a scan is as fast, or when asking would cost as much as a scan. Errors: `Corrupt`.
    pub fn candidates(&self, search: &Search, rows_max: usize) -> Result<Option<Vec<u32>>> {
        let mut rows = Vec::new();
        let mut before = 0;
        for piece in &self.pieces {
            let Some(query) = piece.query("", search)? else {
                return Ok(None);
            };
            let left = rows_max - rows.len();
            let found = piece
                .searcher
                .search(query.as_ref(), &Rows { rows_max: left })
                .map_err(failed)?;
            if found.len() > left {
                return Ok(None);
            }
            rows.extend(found.into_iter().map(|row| before + row));
            before += piece.rows;
        }
        Ok(Some(rows))
    }
}

impl OpenPiece {
    fn open(piece: Piece, attributes: Arc<[String]>) -> Result<OpenPiece> {
        let rows = piece.rows;
        let tokenizers = TokenizerManager::default();
        tokenizers.register(TOKENIZER, TextAnalyzer::from(Words::default()));
        let mut index = tantivy::Index::open(piece).map_err(failed)?;
        index.set_tokenizers(tokenizers);
        let (wanted, field) = schema();
        if index.schema() != wanted {
            return Err(failed("another version wrote it"));
        }
        let reader = index
            .reader_builder()
            .reload_policy(tantivy::ReloadPolicy::Manual)
            .try_into()
            .map_err(failed)?;
        let searcher = reader.searcher();
        let documents = searcher.num_docs();
        if documents != u64::from(rows) || searcher.segment_readers().len() > 1 {
            return Err(failed(format!("{documents} rows indexed, {rows} promised")));
        }
        Ok(OpenPiece {
            searcher,
            field,
            rows,
            attributes,
        })
    }

    /// Distinct words.
    fn words_count(&self) -> Result<usize> {
        let mut count = 0;
        for segment in self.searcher.segment_readers() {
            let words = segment.inverted_index(self.field).map_err(failed)?;
            count += words.terms().num_terms();
        }
        Ok(count)
    }

    /// `None` where the index cannot narrow the rows down at a reasonable price. `prefix` is what the
    /// terms of the text begin with.
    fn query(&self, prefix: &str, search: &Search) -> Result<Option<Box<dyn Query>>> {
        Ok(match search {
            Search::Text(text) => {
                let clauses = text
                    .clauses()
                    .iter()
                    .map(|clause| self.clause(prefix, clause));
                let clauses = clauses.collect::<Option<Vec<_>>>();
                clauses.map(|clauses| join(Occur::Must, clauses))
            }
            Search::Infix(run) => {
                // Looking at each distinct word must be cheaper than looking at each text.
                match self.words_count()? <= (self.rows as usize / 2).max(WORDS_ALWAYS_SEARCHED) {
                    true => self.infix(prefix, run),
                    false => None,
                }
            }
            Search::All(all) => {
                let queries = all.iter().map(|one| self.query(prefix, one));
                let queries = queries.collect::<Result<Vec<_>>>()?;
                // Leaving one out finds more rows: not what an exact search may do.
                if search.is_exact() && queries.iter().any(Option::is_none) {
                    return Ok(None);
                }
                let queries: Vec<_> = queries.into_iter().flatten().collect();
                (!queries.is_empty()).then(|| join(Occur::Must, queries))
            }
            Search::Any(any) => {
                let queries = any.iter().map(|one| self.query(prefix, one));
                let queries = queries.collect::<Result<Option<Vec<_>>>>()?;
                queries.map(|queries| join(Occur::Should, queries))
            }
            Search::Attribute(name, search) => {
                if !self.attributes.contains(name) {
                    return Ok(None);
                }
                let prefix = terms::attribute(name);
                let other = self.term("", &terms::other(&prefix));
                let query = self.query(&prefix, search)?;
                query.map(|query| join(Occur::Should, vec![query, other]))
            }
            Search::Not(search) if search.is_exact() => self.query(prefix, search)?.map(all_but),
            Search::Not(_) => None,
        })
    }

    /// Rows with all words of a phrase, wherever they stand, and one that begins as its last does.
    fn clause(&self, prefix: &str, clause: &Clause) -> Option<Box<dyn Query>> {
        let mut words: Vec<&str> = clause.words.iter().map(String::as_str).collect();
        let begins = match clause.prefix {
            true => Some(self.beginning(prefix, words.pop()?)?),
            false => None,
        };
        let numbers = words.array_windows().filter_map(|numbers| {
            let mut term = String::new();
            let all = numbers.iter().all(|word| terms::is_number(word));
            all.then(|| terms::push_numbers(&mut term, numbers));
            all.then_some(Cow::Owned(term))
        });
        let mut all: Vec<Cow<'_, str>> = numbers.collect();
        all.extend(words.iter().map(|word| terms::of(word)));
        all.sort_unstable();
        all.dedup();
        let words = all.into_iter().map(|term| self.term(prefix, &term));
        Some(join(Occur::Must, words.chain(begins).collect()))
    }

    /// Words that begin as `word` does.
    fn beginning(&self, prefix: &str, word: &str) -> Option<Box<dyn Query>> {
        let prefix = terms::escaped(prefix);
        let words = self.pattern(&format!("{prefix}{}.*", indexed(word)))?;
        let Some(ids) = terms::ids_beginning(word) else {
            return Some(words);
        };
        let ids = self.pattern(&format!("{prefix}{ids}.*"))?;
        Some(join(Occur::Should, vec![words, ids]))
    }

    fn term(&self, prefix: &str, term: &str) -> Box<dyn Query> {
        let term = Term::from_field_text(self.field, &format!("{prefix}{term}"));
        Box::new(TermQuery::new(term, IndexRecordOption::Basic))
    }

    /// Words that hold `run`: looked up in the dictionary, which is far smaller than the texts.
    fn infix(&self, prefix: &str, run: &str) -> Option<Box<dyn Query>> {
        let folded = fold(run);
        let held = indexed(&folded);
        if held.is_empty() || !held.chars().all(char::is_alphanumeric) || terms::may_be_in_id(held)
        {
            return None;
        }
        let held = self.pattern(&format!("{}.*{held}.*", terms::escaped(prefix)))?;
        let long = self.term(prefix, LONG_WORD);
        Some(join(Occur::Should, vec![held, long]))
    }

    /// `pattern` has no other marks than those that its maker put there.
    fn pattern(&self, pattern: &str) -> Option<Box<dyn Query>> {
        let query = RegexQuery::from_pattern(pattern, self.field).ok()?;
        Some(Box::new(query))
    }
}

/// All rows but those of `query`.
fn all_but(query: Box<dyn Query>) -> Box<dyn Query> {
    let all: Box<dyn Query> = Box::new(AllQuery);
    Box::new(BooleanQuery::new(vec![
        (Occur::Must, all),
        (Occur::MustNot, query),
    ]))
}

fn join(occur: Occur, mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if queries.len() == 1
        && let Some(only) = queries.pop()
    {
        return only;
    }
    let queries = queries.into_iter().map(|query| (occur, query)).collect();
    Box::new(BooleanQuery::new(queries))
}

/// Collects row numbers, one more than `rows_max` at most.
struct Rows {
    rows_max: usize,
}

struct SegmentRows {
    rows: Vec<DocId>,
    rows_max: usize,
}

impl Collector for Rows {
    type Fruit = Vec<DocId>;
    type Child = SegmentRows;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<SegmentRows> {
        Ok(SegmentRows {
            rows: Vec::new(),
            rows_max: self.rows_max,
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<DocId>>) -> tantivy::Result<Vec<DocId>> {
        Ok(fruits.into_iter().flatten().collect())
    }
}

impl SegmentCollector for SegmentRows {
    type Fruit = Vec<DocId>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        if self.rows.len() <= self.rows_max {
            self.rows.push(doc);
        }
    }

    fn harvest(self) -> Vec<DocId> {
        self.rows
    }
}

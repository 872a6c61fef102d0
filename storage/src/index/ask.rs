//! A search as a query for one piece of an index.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tantivy::directory::FileSlice;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Occur, Query, RegexQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{Searcher, Term};

use super::bundle::{Attributes, Piece};
use super::ids::{self, Ids};
use super::read::Search;
use super::rows::RowsQuery;
use super::terms::{self, Beginning, LONG_WORD};
use super::write::Words;
use super::{TOKENIZER, failed, schema};
use crate::Result;
use crate::text::{Clause, fold, indexed};

/// A dictionary of so many words is searched for parts of words whatever the rows.
const WORDS_ALWAYS_SEARCHED: usize = 10_000;

/// Patterns that are made once for all pieces.
pub(super) type Patterns = RefCell<HashMap<String, RegexQuery>>;

/// A piece of an index, over its own rows.
#[derive(Clone)]
pub(super) struct OpenPiece {
    pub(super) searcher: Searcher,
    field: Field,
    pub(super) rows: u32,
    /// The sets of its ids; `None` in an index of format 0.
    ids: Option<FileSlice>,
    attributes: Arc<Attributes>,
}

impl OpenPiece {
    pub(super) fn open(piece: Piece, attributes: Arc<Attributes>) -> Result<OpenPiece> {
        let rows = piece.rows;
        let ids = piece.ids();
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
            ids,
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
    pub(super) fn query(
        &self,
        prefix: &str,
        search: &Search,
        patterns: &Patterns,
    ) -> Result<Option<Box<dyn Query>>> {
        let ask = |one: &Search| self.query(prefix, one, patterns);
        Ok(match search {
            Search::Text(text) => {
                let mut found = Vec::new();
                for clause in text.clauses() {
                    found.extend(self.clause(prefix, clause)?);
                }
                // Leaving one out finds more rows: not what an exact search may do.
                if search.is_exact() && found.len() < text.clauses().len() {
                    return Ok(None);
                }
                (!found.is_empty()).then(|| join(Occur::Must, found))
            }
            Search::Infix(run) => {
                // Looking at each distinct word must be cheaper than looking at each text.
                match self.words_count()? <= (self.rows as usize / 2).max(WORDS_ALWAYS_SEARCHED) {
                    true => self.infix(prefix, run, patterns),
                    false => None,
                }
            }
            Search::TraceId(id) if self.attributes.trace_ids => {
                self.having(&[ids::of_trace(id)])?
            }
            Search::TraceId(_) => None,
            Search::All(all) => {
                let queries = all.iter().map(ask).collect::<Result<Vec<_>>>()?;
                if search.is_exact() && queries.iter().any(Option::is_none) {
                    return Ok(None);
                }
                let queries: Vec<_> = queries.into_iter().flatten().collect();
                (!queries.is_empty()).then(|| join(Occur::Must, queries))
            }
            Search::Any(any) => {
                let queries = any.iter().map(ask).collect::<Result<Option<Vec<_>>>>()?;
                queries.map(|queries| join(Occur::Should, queries))
            }
            Search::Attribute(name, search) => {
                if !self.attributes.names.contains(name) {
                    return Ok(None);
                }
                let prefix = terms::attribute(name);
                let other = self.term("", &terms::other(&prefix));
                let query = self.query(&prefix, search, patterns)?;
                query.map(|query| join(Occur::Should, vec![query, other]))
            }
            Search::Not(search) if search.is_exact() => ask(search)?.map(all_but),
            Search::Not(_) => None,
        })
    }

    /// Rows with all words of a phrase, wherever they stand, and one that begins as its last does.
    fn clause(&self, prefix: &str, clause: &Clause) -> Result<Option<Box<dyn Query>>> {
        let mut words: Vec<&str> = clause.words.iter().map(String::as_str).collect();
        let begins = clause.prefix.then(|| words.pop()).flatten();
        let (mut found, mut hashes, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let numbers = words.array_windows();
        for numbers in numbers.filter(|numbers| numbers.iter().all(|word| terms::is_number(word))) {
            let mut term = prefix.to_owned();
            terms::push_numbers(&mut term, numbers);
            match self.ids {
                Some(_) => hashes.push(ids::hash(&term)),
                None => found.push(self.term("", &term)),
            }
        }
        for word in words {
            match self.ids {
                Some(_) if terms::is_id(word) => hashes.push(ids::hash(&format!("{prefix}{word}"))),
                Some(_) => all.push(indexed(word).into()),
                None => all.push(terms::of_format_0(word)),
            }
        }
        if !hashes.is_empty() {
            match self.having(&hashes)? {
                // Then nothing else needs to be looked up.
                Some(none) if none.is::<EmptyQuery>() => return Ok(Some(none)),
                having => found.extend(having),
            }
        }
        all.sort_unstable();
        all.dedup();
        found.extend(all.iter().map(|term| self.term(prefix, term)));
        found.extend(begins.and_then(|word| self.beginning(prefix, word)));
        Ok((!found.is_empty()).then(|| join(Occur::Must, found)))
    }

    /// Rows of the blocks that may have all ids with these `hashes`.
    fn having(&self, hashes: &[u64]) -> Result<Option<Box<dyn Query>>> {
        let Some(ids) = &self.ids else {
            return Ok(None);
        };
        let ids = Ids::open(ids.read_bytes().map_err(failed)?)?;
        let blocks = ids.blocks_with(hashes);
        Ok(Some(match blocks.is_empty() {
            true => Box::new(EmptyQuery),
            false => Box::new(RowsQuery::Blocks(blocks.into())),
        }))
    }

    /// Words that begin as `word` does.
    fn beginning(&self, prefix: &str, word: &str) -> Option<Box<dyn Query>> {
        let begins = |beginning: &str| -> Box<dyn Query> {
            let beginning = format!("{prefix}{beginning}");
            Box::new(RowsQuery::Beginning(self.field, beginning.into()))
        };
        let words = begins(indexed(word));
        match terms::beginning(word) {
            Beginning::Terms => Some(words),
            Beginning::TermsAnd(ids) => Some(join(Occur::Should, vec![words, begins(&ids)])),
            Beginning::Unknown => None,
        }
    }

    fn term(&self, prefix: &str, term: &str) -> Box<dyn Query> {
        let term = Term::from_field_text(self.field, &format!("{prefix}{term}"));
        Box::new(TermQuery::new(term, IndexRecordOption::Basic))
    }

    /// Words that hold `run`: looked up in the dictionary, which is far smaller than the texts.
    fn infix(&self, prefix: &str, run: &str, patterns: &Patterns) -> Option<Box<dyn Query>> {
        let folded = fold(run);
        let held = indexed(&folded);
        if held.is_empty() || !held.chars().all(char::is_alphanumeric) || terms::may_be_in_id(held)
        {
            return None;
        }
        // No other marks than those that are put here.
        let pattern = format!("{}.*{held}.*", terms::escaped(prefix));
        let known = patterns.borrow().get(&pattern).cloned();
        let query = match known {
            Some(known) => known,
            None => {
                let made = RegexQuery::from_pattern(&pattern, self.field).ok()?;
                patterns.borrow_mut().insert(pattern, made.clone());
                made
            }
        };
        let long = self.term(prefix, LONG_WORD);
        Some(join(Occur::Should, vec![Box::new(query), long]))
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
    if occur == Occur::Must
        && let Some(at) = queries.iter().position(|query| query.is::<EmptyQuery>())
    {
        return queries.swap_remove(at);
    }
    if queries.len() == 1
        && let Some(only) = queries.pop()
    {
        return only;
    }
    let queries = queries.into_iter().map(|query| (occur, query)).collect();
    Box::new(BooleanQuery::new(queries))
}

//! Writing an index: texts in row order to a bundle.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::directory::{Directory, RamDirectory};
use tantivy::schema::Field;
use tantivy::store::Compressor;
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{IndexSettings, SingleSegmentIndexWriter, TantivyDocument};

use super::bundle::{Attributes, BundleWriter, IDS};
use super::ids::{self, IdsWriter};
use super::terms::{self, LONG_WORD};
use super::{TOKENIZER, failed, schema};
use crate::Result;
use crate::text::{WORD_BYTES_MAX, fold, indexed, parts, runs};

/// Memory that gathering the words of a piece takes at most; about as much again while it is
/// completed.
const MEMORY_BYTES_MAX: usize = 32 << 20;
/// What Tantivy is told at least: it sizes its table of words by that.
const TABLE_BYTES_MIN: usize = 1 << 20;
/// Rows between two looks at the memory.
const ROWS_BETWEEN_LOOKS: u32 = 256;
/// Bytes of text between them.
const BYTES_BETWEEN_LOOKS: usize = 1 << 20;

/// Builds the index of one part, a piece after the other, into `W`. Blocking.
pub struct IndexWriter<W> {
    bundle: BundleWriter<W>,
    piece: Option<PieceWriter>,
    memory_bytes: usize,
    rows: u32,
}

/// Hashes of ids, on their way from the tokenizer, which Tantivy owns.
type Met = Arc<Mutex<Vec<u64>>>;

/// A piece being gathered.
struct PieceWriter {
    directory: RamDirectory,
    writer: SingleSegmentIndexWriter,
    field: Field,
    ids: IdsWriter,
    /// Hashes of the ids that the tokenizer meets.
    met: Met,
    rows: u32,
    /// Bytes of text since the last look at the memory.
    unlooked_bytes: usize,
}

impl<W> std::fmt::Debug for IndexWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IndexWriter({} rows)", self.rows)
    }
}

impl<W: Write> IndexWriter<W> {
    /// An index without rows.
    pub fn new(out: W) -> Self {
        IndexWriter {
            bundle: BundleWriter::new(out),
            piece: None,
            memory_bytes: MEMORY_BYTES_MAX,
            rows: 0,
        }
    }

    /// An index whose pieces are completed at this much memory.
    pub(crate) fn in_memory_of(out: W, memory_bytes: usize) -> Self {
        IndexWriter {
            memory_bytes,
            ..IndexWriter::new(out)
        }
    }

    /// The same index, which holds the words of the attributes called `names` as well, and trace ids.
    pub(crate) fn with_attributes(mut self, names: Vec<String>) -> Self {
        self.bundle.set_attributes(Attributes {
            names,
            trace_ids: true,
        });
        self
    }

    /// Adds the next row's text; a row without text has no words.
    ///
    /// Errors: `Corrupt` when Tantivy or writing fails; the index is of no use then.
    pub fn add(&mut self, text: Option<&str>) -> Result<()> {
        self.add_row(text, &[], None)
    }

    /// Adds the next row's text, its attributes, each as [`attribute_text`] has it, and its trace id.
    ///
    /// Errors: as for [`IndexWriter::add`].
    pub(crate) fn add_row(
        &mut self,
        text: Option<&str>,
        attributes: &[Arc<str>],
        trace_id: Option<&[u8]>,
    ) -> Result<()> {
        let piece = match &mut self.piece {
            Some(piece) => piece,
            none => none.insert(PieceWriter::new(self.memory_bytes)?),
        };
        piece.add(text, attributes, trace_id)?;
        self.rows += 1;
        let others: usize = attributes.iter().map(|text| text.len()).sum();
        piece.unlooked_bytes += text.map_or(0, str::len) + others;
        let look = piece.rows.is_multiple_of(ROWS_BETWEEN_LOOKS)
            || piece.unlooked_bytes >= BYTES_BETWEEN_LOOKS;
        if look {
            piece.unlooked_bytes = 0;
        }
        let full = look && piece.memory_bytes() >= self.memory_bytes;
        match full {
            true => self.end_piece(),
            false => Ok(()),
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Completes the bundle. Errors: as for [`IndexWriter::add`].
    pub fn finish(mut self) -> Result<W> {
        self.end_piece()?;
        self.bundle.finish().map_err(failed)
    }

    fn end_piece(&mut self) -> Result<()> {
        let Some(piece) = self.piece.take() else {
            return Ok(());
        };
        let (rows, files) = (piece.rows, piece.finish()?);
        self.bundle.add(rows, &files).map_err(failed)
    }
}

/// What the index of a part takes of the `memory` that a merge has for all.
pub(crate) fn share_of(memory: usize) -> usize {
    (memory / 4).min(MEMORY_BYTES_MAX)
}

impl PieceWriter {
    fn new(memory_bytes: usize) -> Result<Self> {
        let (schema, field) = schema();
        let directory = RamDirectory::create();
        let tokenizers = TokenizerManager::default();
        let met = Met::default();
        let words = Words {
            met: Arc::clone(&met),
            ..Words::default()
        };
        tokenizers.register(TOKENIZER, TextAnalyzer::from(words));
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let writer = tantivy::Index::builder()
            .schema(schema)
            .settings(settings)
            .tokenizers(tokenizers)
            .single_segment_index_writer(directory.clone(), memory_bytes.max(TABLE_BYTES_MIN))
            .map_err(failed)?;
        Ok(PieceWriter {
            directory,
            writer,
            field,
            ids: IdsWriter::default(),
            met,
            rows: 0,
            unlooked_bytes: 0,
        })
    }

    fn memory_bytes(&self) -> usize {
        self.writer.mem_usage() + self.ids.memory_bytes()
    }

    fn add(
        &mut self,
        text: Option<&str>,
        attributes: &[Arc<str>],
        trace_id: Option<&[u8]>,
    ) -> Result<()> {
        let mut document = TantivyDocument::default();
        match text {
            Some(text) if text.starts_with(terms::ATTRIBUTE) => {
                document.add_text(self.field, format!(" {text}"));
            }
            Some(text) => document.add_text(self.field, text),
            None => {}
        }
        for text in attributes {
            document.add_text(self.field, text);
        }
        self.rows += 1;
        self.writer.add_document(document).map_err(failed)?;
        // Nothing under this lock can panic half way.
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.extend(trace_id.map(ids::of_trace));
        self.ids.add_row(&mut met);
        Ok(())
    }

    fn finish(self) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let index = self.writer.finalize().map_err(failed)?;
        let mut paths: Vec<PathBuf> = vec![PathBuf::from("meta.json")];
        let meta = index.load_metas().map_err(failed)?;
        paths.extend(meta.list_segment_files());
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            if !self.directory.exists(&path).map_err(failed)? {
                continue;
            }
            let mut bytes = match path.ends_with("meta.json") {
                true => self.directory.atomic_read(&path).map_err(failed)?,
                false => {
                    let file = self.directory.open_read(&path).map_err(failed)?;
                    file.read_bytes().map_err(failed)?.to_vec()
                }
            };
            if path
                .extension()
                .is_some_and(|extension| extension == "store")
            {
                bytes = without_documents(bytes)?;
            }
            files.push((path, bytes));
        }
        files.push((PathBuf::from(IDS), self.ids.finish()));
        Ok(files)
    }
}

/// Tantivy's store of documents without those, which have no fields, take four bytes each and are never
/// read: it ends with their directory, 28 bytes of which bytes 4 to 12 say how long they are, and a
/// footer: a text, its length and a mark, each four bytes.
fn without_documents(mut store: Vec<u8>) -> Result<Vec<u8>> {
    let none = || failed("Tantivy's store of documents does not end as expected");
    let tail = store.last_chunk::<8>().ok_or_else(none)?;
    let footer = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize + 8;
    let at = store.len().checked_sub(footer + 24).ok_or_else(none)?;
    let Some(length) = store.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) else {
        return Err(none());
    };
    let documents = u64::from_le_bytes(std::mem::take(length)) as usize;
    if documents > at {
        return Err(none());
    }
    store.drain(..documents);
    Ok(store)
}

/// What an index takes for the value of the attribute called `name`: `None` for one that is no text.
pub(crate) fn attribute_text(name: &str, value: Option<&str>) -> Arc<str> {
    let prefix = terms::attribute(name);
    match value {
        Some(value) => (prefix + value).into(),
        None => terms::other(&prefix).into(),
    }
}

/// The words of [`crate::text`] as Tantivy's tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// The words of the current text, one after the other.
    letters: String,
    /// Where each ends in `letters`, and its position.
    ends: Vec<(usize, usize)>,
    token: Token,
    met: Met,
}

/// The tokens of one text.
#[derive(Debug)]
pub(super) struct WordStream<'a> {
    words: &'a mut Words,
    next: usize,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.letters.clear();
        self.ends.clear();
        self.token.reset();
        let (prefix, text) = terms::split(text);
        if !prefix.is_empty() && text.starts_with('\u{0}') {
            self.letters.push_str(&terms::other(prefix));
            self.ends.push((self.letters.len(), 0));
        }
        // The last numbers, and how many of them follow each other.
        let (mut numbers, mut count) = ([""; terms::NUMBERS], 0);
        runs(text, |run, position| {
            self.push(prefix, run, position);
            // Of a run's parts only the first may be a number: the others begin with a capital.
            let mut number = terms::is_number(run).then_some(run);
            for part in parts(run) {
                self.push(prefix, part, position);
                number = number.or_else(|| terms::is_number(part).then_some(part));
            }
            count = number.map_or(0, |_| count + 1);
            numbers.rotate_left(1);
            numbers[terms::NUMBERS - 1] = number.unwrap_or_default();
            if count >= terms::NUMBERS {
                let from = self.letters.len();
                self.letters.push_str(prefix);
                terms::push_numbers(&mut self.letters, &numbers);
                self.take_id(from, None, position);
            }
            true
        });
        WordStream {
            words: self,
            next: 0,
        }
    }
}

impl Words {
    /// Adds `word` behind `prefix`.
    fn push(&mut self, prefix: &str, word: &str, position: usize) {
        let from = self.letters.len();
        self.letters.push_str(prefix);
        if word.len() <= WORD_BYTES_MAX && word.is_ascii() {
            let at = self.letters.len();
            self.letters.push_str(word);
            self.letters[at..].make_ascii_lowercase();
            if terms::is_id(&self.letters[at..]) {
                let kept = terms::letters_kept(&self.letters[at..]);
                self.take_id(from, kept.map(|letters| at + letters), position);
                return;
            }
        } else {
            let folded = fold(word);
            let held = indexed(&folded);
            self.letters.push_str(held);
            if held.len() < folded.len() {
                self.ends.push((self.letters.len(), position));
                self.letters.push_str(prefix);
                self.letters.push_str(LONG_WORD);
            }
        }
        self.ends.push((self.letters.len(), position));
    }

    /// Takes the id in `letters` from `from` on out of them, but for its beginning, which ends at
    /// `kept`.
    fn take_id(&mut self, from: usize, kept: Option<usize>, position: usize) {
        let hash = ids::hash(&self.letters[from..]);
        self.letters.truncate(kept.unwrap_or(from));
        if kept.is_some() {
            terms::end_letters(&mut self.letters);
            self.ends.push((self.letters.len(), position));
        }
        self.meet(hash);
    }

    fn meet(&self, hash: u64) {
        // Nothing under this lock can panic half way.
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.push(hash);
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(&(end, position)) = self.words.ends.get(self.next) else {
            return false;
        };
        let start = match self.next {
            0 => 0,
            next => self.words.ends[next - 1].0,
        };
        self.next += 1;
        let token = &mut self.words.token;
        token.text.clear();
        token.text.push_str(&self.words.letters[start..end]);
        token.position = position;
        true
    }

    fn token(&self) -> &Token {
        &self.words.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.words.token
    }
}

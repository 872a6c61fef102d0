//! Wildcards: pieces of text with anything between them.

/// Pieces with anything between them: `va*` has the pieces `va` and nothing. At least two pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The texts before, between and after the wildcards.
    pub(crate) pieces: Vec<String>,
}

impl Pattern {
    /// The pattern of SQL's LIKE for these pieces.
    pub(crate) fn like(&self) -> String {
        let pieces: Vec<String> = self.pieces.iter().map(|piece| escaped(piece)).collect();
        pieces.join("%")
    }

    /// Whether it is a wildcard alone: anything is like it.
    pub(crate) fn is_anything(&self) -> bool {
        self.pieces.iter().all(String::is_empty)
    }

    /// The same with every piece changed.
    pub(crate) fn map(&self, change: impl FnMut(&String) -> String) -> Pattern {
        Pattern {
            pieces: self.pieces.iter().map(change).collect(),
        }
    }
}

/// `text` as a pattern of LIKE that is like nothing else.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

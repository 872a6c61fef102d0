//! An embedded file and its compressed forms.

use crate::encoding::Encoding;

/// A file of the built UI.
#[derive(Debug)]
pub(crate) struct File {
    /// Path from the top, without a leading slash.
    pub(crate) path: &'static str,
    /// Hash of the content, in hex.
    pub(crate) hash: &'static str,
    /// The content.
    pub(crate) plain: &'static [u8],
    /// The same in Brotli, when the build made it.
    pub(crate) br: Option<&'static [u8]>,
    /// The same in gzip, when the build made it.
    pub(crate) gzip: Option<&'static [u8]>,
}

impl File {
    /// The file at `path`; `files` are sorted by path.
    pub(crate) fn find(files: &'static [File], path: &str) -> Option<&'static File> {
        let at = files.binary_search_by(|file| file.path.cmp(path)).ok()?;
        files.get(at)
    }

    /// The smallest form that a client with this `Accept-Encoding` takes.
    pub(crate) fn negotiate(&self, accepted: &[u8]) -> (Encoding, &'static [u8]) {
        let compressed = [(Encoding::Br, self.br), (Encoding::Gzip, self.gzip)];
        compressed
            .into_iter()
            .filter(|(encoding, _)| encoding.is_in(accepted))
            .find_map(|(encoding, body)| Some((encoding, body?)))
            .unwrap_or((Encoding::Identity, self.plain))
    }

    /// Its media type, by its name.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "json" | "map" => "application/json",
            "webmanifest" => "application/manifest+json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            "woff2" => "font/woff2",
            "wasm" => "application/wasm",
            "txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

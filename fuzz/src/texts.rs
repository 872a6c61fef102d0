//! Fuzz bodies of the texts that queries read; they need the crate with DataFusion.

/// Filter text, the `q` of the API.
pub fn filter(bytes: &[u8]) {
    oriel_query::fuzz::filter(&String::from_utf8_lossy(bytes));
}

/// The overflow of attributes.
pub fn attributes(bytes: &[u8]) {
    oriel_query::fuzz::attributes(&String::from_utf8_lossy(bytes));
}

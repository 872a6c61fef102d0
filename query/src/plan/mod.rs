//! From SQL to a DataFusion plan: session, tables, attributes, ids, functions.

mod attribute;
pub(crate) mod attribute_functions;
mod events;
pub(crate) mod functions;
mod guarded;
pub(crate) mod ids;
pub(crate) mod json_text;
pub(crate) mod memory;
mod narrow;
mod pages;
mod regex_words;
mod regexes;
mod resolve;
pub(crate) mod session;
mod sieve;
mod stopping;
pub(crate) mod table;
mod typing;
mod views;
mod words;
mod yielding;

/// Names of the views.
pub(crate) fn views_names() -> impl Iterator<Item = &'static str> {
    views::NAMES.into_iter()
}

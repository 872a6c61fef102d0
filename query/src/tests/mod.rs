//! Queries over a store in memory, through the router.

mod answers;
mod attributes;
mod hostile;
mod ids;
mod lookups;
mod pages;
mod stopping;
mod words;

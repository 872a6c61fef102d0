//! Queries over a store in memory, through the router.

mod attributes;
mod hostile;
mod ids;

//! The bodies of the fuzz targets, as plain functions that the tests of the repository run as well.

pub mod bodies;
#[cfg(feature = "texts")]
pub mod texts;

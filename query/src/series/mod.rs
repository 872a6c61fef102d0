//! Values over time from metric points, as pure algorithms: no SQL, no HTTP.
//!
//! ```text
//! steps.rs         equal steps that cover a range, at round times
//! growth.rs        what a cumulative series grew by between points: resets, restarts, two writers
//! distribution.rs  histograms of any layout: merged, quantiles, rows of a heatmap
//! lines.rs         points in order of (line, series, time) -> one value a step and line
//! ```

pub(crate) mod distribution;
pub(crate) mod growth;
pub(crate) mod lines;
pub(crate) mod steps;

//! Tests of the store as a whole against faults.
//!
//! ```text
//! faults.rs  a disk that fails      model.rs  histories against an oracle      flips.rs  flipped bits
//! ```

pub(crate) mod faults;
mod flips;
mod model;
pub(crate) mod rows;

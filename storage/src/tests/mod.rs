//! Tests of the store as a whole against faults.
//!
//! ```text
//! faults.rs  a disk that fails      model.rs   histories against an oracle
//! flips.rs   flipped bits         replay.rs  new requests beside a replay
//! ```

pub(crate) mod faults;
mod flips;
mod model;
mod replay;
pub(crate) mod rows;

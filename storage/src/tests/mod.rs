//! Tests of the store as a whole against faults.
//!
//! ```text
//! faults.rs  a disk that fails      model.rs   histories against an oracle
//! flips.rs   flipped bits         replay.rs  new requests beside a replay
//! together.rs  everything at once   memory.rs  an allocator that counts
//! words.rs   word indexes beside parts   joint.rs   small requests decoded in the log
//! ```

pub(crate) mod faults;
mod flips;
mod joint;
pub(crate) mod memory;
mod model;
mod replay;
pub(crate) mod rows;
mod together;
mod words;

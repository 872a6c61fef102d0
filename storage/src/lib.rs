//! Oriel's engine: the only crate that touches files, the catalog and Parquet writing.
//!
//! ```text
//! write: append -> wal (durable) -> buffer (visible) -> ack
//!                                   └-> flush (parts) -> catalog (one commit) -> WAL trim -> compact -> expire
//! read:  snapshot = one catalog snapshot + the buffers that belong to it
//! ```
//!
//! Invariants are numbered in [`invariant`]. OTLP is unknown here: rows arrive as [`Batch`]es, and
//! replay decodes logged request bodies through the [`ReplayFn`] that the binary hands in.

pub mod schema;

mod background;
mod batch;
#[doc(hidden)]
pub mod bench;
mod buffer;
pub mod catalog;
mod checked;
mod clock;
mod compact;
mod config;
mod delete;
mod disk;
mod doctor;
mod engine;
mod error;
mod expire;
#[doc(hidden)]
pub mod failpoint;
mod files;
mod flush;
mod follow;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod index;
mod invariant;
mod joint;
mod layout;
mod lock;
mod objects;
mod orphans;
pub mod part;
mod recover;
mod replay;
mod seen;
mod slots;
mod small;
mod snapshot;
mod state;
mod store;
mod summary;
mod tasks;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod trust;
mod wal;

pub use batch::Batch;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use delete::{AttributeIs, DeleteProgress, Deleted, Selection};
pub use doctor::{Finding, Report, Severity, doctor};
pub use error::{Error, ErrorKind, Result};
pub use follow::{Followed, Followers, Following};
pub use frame::{
    ContentEncoding, ContentType, Frame, FrameHeader, ReplayError, ReplayFn, ReplayFrame,
    RequestHash, TenantId, WalPosition,
};
pub use index::{Candidates, Index, IndexWriter, Search};
pub use joint::{Appended, Decode, Joint};
pub use part::{ColumnStats, PartId, PartMeta, StatValue};
pub use snapshot::{MissingPart, Snapshot};
pub use state::Replay;
pub use store::{Answer, Claim, Claimed, Stats, Store};
pub use tasks::Pressure;
pub use text::{Clause, TextQuery, TextQueryError};

//! Questions to a store: SQL over HTTP, and traces by id.
//!
//! ```text
//! request (parse, limits) -> snapshot -> plan -> prune -> scan -> result (+ receipt)
//! ```
//!
//! The only crate that knows DataFusion. [`router`] serves it; queries run on threads of their own,
//! so that they never hold up the receiving side.

mod config;
mod error;
pub mod otlp;
mod plan;
mod prune;
mod receipt;

mod result;

mod execute;
mod parse;
mod patterns;
mod running;
mod series;
mod tally;
mod trace;
mod work;

mod filter;
#[doc(hidden)]
pub mod fuzz;

mod api;
mod http;
mod respond;

pub use self::http::{Activity, router};
pub use config::Config;
pub use error::{Code, Error, Position};
pub use receipt::{IndexUse, Receipt};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

//! Tests of the store as a whole against faults.

pub(crate) mod faults;

//! Tests of the decoder as a whole.

mod corpus;

//! Tests of several files of this module together.

mod roundtrip;
mod violations;

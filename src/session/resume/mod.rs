//! What is remembered from one connection to the next, and from one run to the next.

pub mod file;
pub mod vars;

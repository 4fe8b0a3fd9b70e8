//! Reads and writes JSON without building a tree: tokens, strings, and jq expressions over
//! messages.

pub mod grammar;
pub mod jq;
pub mod parsed;
pub mod scanner;
pub mod string;
pub mod text;

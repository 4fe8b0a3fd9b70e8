//! Reads and writes JSON without building a tree: tokens, strings, values that follow each other, and
//! jq expressions over messages.

pub mod grammar;
pub mod jq;
pub mod parsed;
pub mod scanner;
pub mod sequence;
pub mod string;
pub mod text;

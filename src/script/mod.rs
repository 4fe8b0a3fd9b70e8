//! Scripts: text files (`.wst`) that say what is sent and what is expected.
//!
//! [`ast`] is what one says, and [`parse`] reads it. What comes is held against it by [`matching`],
//! [`asserts`] and [`schema`]; [`result`] is what that gives, and [`report`] writes it down. [`mod@write`]
//! makes a script of a session, [`convert`] of a recording and [`http_file`] of requests; [`payload`]
//! writes the payloads in it, [`secrets`] finds what must not be in them, and [`hiding`] keeps that
//! out of other files. Pure: the caller knows the
//! session, and reads and writes files. No secret may ever stand in a script.

pub mod asserts;
pub mod ast;
mod changing;
mod compare;
pub mod convert;
pub mod diff;
pub mod excerpt;
pub mod expression;
pub mod hiding;
pub mod http_file;
mod leaves;
pub mod matching;
pub mod names;
mod operands;
pub mod parse;
pub mod passed_over;
mod payload;
pub mod print;
mod recorded_request;
pub mod report;
pub mod result;
pub mod schema;
mod secrets;
pub mod shown;
pub(crate) mod subprotocol_token;
pub mod value;
pub mod values;
pub mod write;

#[cfg(test)]
mod tests;

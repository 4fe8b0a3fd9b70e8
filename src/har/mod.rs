//! HTTP archives (HAR 1.2) with `_webSocketMessages`, as browsers and proxies save them: [`mod@read`]
//! makes connections of one, and [`mod@write`] an archive of connections. Pure.
//!
//! No standard says how messages stand in an archive. Chrome began, and others do it their own way;
//! [`message`] reads one message of any of them.

pub mod message;
pub mod read;
pub mod write;

#[cfg(test)]
mod tests;

/// Why a text is no archive, and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub advice: String,
}

//! Payloads that are written encoded or as the name of a file: `hex:…`, `base64:…` and `@FILE`. Pure: the
//! caller reads the file.

use bytes::Bytes;

use crate::codec::{decode_base64, decode_hex};

/// The prefixes of such payloads, and what follows them.
pub const PREFIXES: [(&str, &str); 3] = [
    ("hex:", "bytes as hex digits"),
    ("base64:", "bytes as base64"),
    ("@", "the content of a file"),
];

/// The bytes that were typed, or the name of the file with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Bytes(Bytes),
    File(String),
}

/// Parses such a payload; `None` if `argument` is not one.
///
/// # Errors
/// What is wrong with the digits.
pub fn parse(argument: &str) -> Result<Option<Data>, String> {
    let bytes = if let Some(path) = argument.strip_prefix('@') {
        return Ok(Some(Data::File(path.trim().to_owned())));
    } else if let Some(hex) = argument.strip_prefix("hex:") {
        decode_hex(hex.as_bytes())?
    } else if let Some(base64) = argument.strip_prefix("base64:") {
        decode_base64(base64.as_bytes())?
    } else {
        return Ok(None);
    };
    Ok(Some(Data::Bytes(Bytes::from(bytes))))
}

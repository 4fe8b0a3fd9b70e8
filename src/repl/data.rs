//! Bytes as they are typed at the prompt: hex, base64, or the name of a file. Pure: the file is read by
//! the caller.

use bytes::Bytes;

use crate::codec::{decode_base64, decode_hex};

/// What a payload that is not typed as it stands begins with.
pub(super) const PAYLOADS: [&str; 3] = ["hex:", "base64:", "@"];

/// Bytes that were typed, or the name of the file that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Bytes(Bytes),
    File(String),
}

/// What `hex:…`, `base64:…` and `@FILE` stand for; `None` where it is none of them.
///
/// # Errors
/// What is wrong with the digits.
pub(super) fn data(argument: &str) -> Result<Option<Data>, String> {
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

//! Payloads that are in a file, named at the prompt.

use std::io;

use bytes::Bytes;

use super::data::Data;
use crate::error::plain_words;
use crate::wire::frame::RawFrame;

/// Appends these bytes to the frame's payload, which may have the code of a Close.
pub(super) fn with_payload(mut frame: RawFrame, data: Data) -> Result<RawFrame, String> {
    let data = bytes_of(data)?;
    frame.payload = if frame.payload.is_empty() {
        data
    } else {
        Bytes::from([frame.payload, data].concat())
    };
    frame
        .check_form()
        .map_err(|why| format!("{why}; bits=64 holds every length"))?;
    Ok(frame)
}

pub(super) fn bytes_of(data: Data) -> Result<Bytes, String> {
    match data {
        Data::Bytes(bytes) => Ok(bytes),
        Data::File(path) => read_file(&path).map(Bytes::from),
    }
}

/// Reads a regular file. A pipe or a device could block the session for ever.
fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let wrong = |error: &io::Error| format!("{path}: {}", plain_words(error));
    let metadata = std::fs::metadata(path).map_err(|error| wrong(&error))?;
    if !metadata.is_file() {
        return Err(format!("{path} is not a regular file"));
    }
    std::fs::read(path).map_err(|error| wrong(&error))
}

//! The errors of HTTP/2 as sentences. Pure.

use std::io;

use h2::Reason;

use crate::error::plain_clause;

/// Describes how a stream or its connection ended: `the HTTP/2 stream was reset (CANCEL)`.
pub(super) fn describe(error: &h2::Error) -> String {
    if let Some(io) = error.get_io() {
        return plain_clause(io);
    }
    let Some(reason) = error.reason() else {
        return error.to_string();
    };
    let name = name(reason);
    match (error.is_remote(), error.is_go_away()) {
        (true, true) => match debug_data(error) {
            Some(said) => format!("the HTTP/2 connection was closed with GOAWAY ({name}): {said}"),
            None => format!("the HTTP/2 connection was closed with GOAWAY ({name})"),
        },
        (true, false) => describe_reset(reason),
        (false, _) => format!("the peer broke HTTP/2 ({name})"),
    }
}

fn describe_reset(reason: Reason) -> String {
    format!("the HTTP/2 stream was reset ({})", name(reason))
}

/// The error of a write to a stream that the peer has reset.
pub(super) fn reset(reason: Reason) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, describe_reset(reason))
}

/// The same as the error of a read or write.
pub(super) fn to_io(error: &h2::Error) -> io::Error {
    let kind = match error.get_io() {
        Some(io) => io.kind(),
        None => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, describe(error))
}

/// Whether the same request may succeed on another connection: the server has not looked at it, is
/// going away, or has failed.
pub(super) fn is_transient(error: &h2::Error) -> bool {
    match error.reason() {
        Some(reason) => {
            error.is_remote()
                && matches!(
                    reason,
                    Reason::NO_ERROR
                        | Reason::REFUSED_STREAM
                        | Reason::CANCEL
                        | Reason::INTERNAL_ERROR
                        | Reason::ENHANCE_YOUR_CALM
                )
        }
        None => error.is_io(),
    }
}

/// The name of an error code (RFC 9113 §7).
fn name(reason: Reason) -> String {
    match reason {
        Reason::NO_ERROR => "NO_ERROR",
        Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
        Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
        Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
        Reason::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
        Reason::STREAM_CLOSED => "STREAM_CLOSED",
        Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
        Reason::REFUSED_STREAM => "REFUSED_STREAM",
        Reason::CANCEL => "CANCEL",
        Reason::COMPRESSION_ERROR => "COMPRESSION_ERROR",
        Reason::CONNECT_ERROR => "CONNECT_ERROR",
        Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
        Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
        Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
        other => return format!("error {:#x}", u32::from(other)),
    }
    .to_owned()
}

/// The words that a GOAWAY carries. The library has them in its own message only, in quotes.
fn debug_data(error: &h2::Error) -> Option<String> {
    let text = error.to_string();
    let (_, quoted) = text.split_once(" (b")?;
    Some(quoted.strip_suffix(')')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_has_its_name_or_number() {
        assert_eq!(name(Reason::REFUSED_STREAM), "REFUSED_STREAM");
        assert_eq!(name(Reason::from(0x2a)), "error 0x2a");
    }

    #[test]
    fn a_reset_by_the_peer_is_no_mistake_of_its_own() {
        let error = reset(Reason::CANCEL);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(error.to_string(), "the HTTP/2 stream was reset (CANCEL)");
        let own = h2::Error::from(Reason::PROTOCOL_ERROR);
        assert_eq!(describe(&own), "the peer broke HTTP/2 (PROTOCOL_ERROR)");
        assert!(!is_transient(&own));
    }
}

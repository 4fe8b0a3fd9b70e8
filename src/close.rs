//! Close frames (RFC 6455 §5.5.1): code and reason, the body on the wire in both directions, the
//! registered codes, and the rules for a Close that the user asks for.
//!
//! This module does not know frame headers and does not decide when a Close is sent.

use std::fmt;

use bytes::Bytes;

/// Longest reason of a Close, in bytes (RFC 6455 §5.5: 125 bytes with the code).
pub const MAX_REASON: usize = 123;

/// The content of a Close frame. `code` is `None` for 1005, "no status received" (RFC 6455 §7.1.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    pub code: Option<u16>,
    pub reason: String,
}

impl Close {
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Close {
            code: Some(code),
            reason: reason.into(),
        }
    }

    /// 1000, the normal closure.
    pub fn normal() -> Self {
        Close::new(1000, "")
    }

    /// Makes a Close that the user asks for. `allows` decides which codes are permitted.
    ///
    /// # Errors
    /// Why no such Close can be sent. A reason requires a code, because it follows the code on the
    /// wire.
    pub fn from_person(
        code: Option<u16>,
        reason: &str,
        allows: impl FnOnce(u16) -> bool,
    ) -> Result<Close, Unsendable> {
        match code {
            None if !reason.is_empty() => Err(Unsendable::ReasonWithoutCode),
            Some(code) if !allows(code) => Err(Unsendable::Code(code)),
            _ if reason.len() > MAX_REASON => Err(Unsendable::LongReason(reason.len())),
            code => Ok(Close {
                code,
                reason: reason.to_owned(),
            }),
        }
    }

    /// Parses the body of a peer's Close frame.
    ///
    /// # Errors
    /// The rule that the body breaks.
    pub fn parse(body: &[u8]) -> Result<Close, BadBody> {
        let Some((code, reason)) = split(body) else {
            return match body {
                [] => Ok(Close::default()),
                _ => Err(BadBody::HalfCode),
            };
        };
        if !may_be_sent(code) {
            return Err(BadBody::Code(code));
        }
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Close::new(code, reason)),
            Err(_) => Err(BadBody::Reason { code }),
        }
    }

    /// Parses the body of a Close frame that may break every rule, as far as possible.
    pub fn parse_lossy(body: &[u8]) -> Close {
        match split(body) {
            Some((code, reason)) => Close::new(code, String::from_utf8_lossy(reason)),
            None => Close::default(),
        }
    }

    /// The body of the Close frame. It may break every rule: any code, a reason of any length.
    pub fn payload(&self) -> Bytes {
        match self.code {
            Some(code) => Bytes::from([&code.to_be_bytes(), self.reason.as_bytes()].concat()),
            None => Bytes::new(),
        }
    }

    /// The code as browsers report it: 1005 if the frame had none.
    pub fn reported_code(&self) -> u16 {
        self.code.unwrap_or(1005)
    }
}

/// Code and reason of a body that is long enough for a code.
fn split(body: &[u8]) -> Option<(u16, &[u8])> {
    let (code, reason) = body.split_first_chunk()?;
    Some((u16::from_be_bytes(*code), reason))
}

/// Why a Close that the user asks for cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// The code is not allowed.
    Code(u16),
    /// The reason has this many bytes, more than [`MAX_REASON`].
    LongReason(usize),
    ReasonWithoutCode,
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsendable::Code(code) => {
                write!(f, "{code} must not be sent (RFC 6455 section 7.4)")
            }
            Unsendable::LongReason(bytes) => {
                write!(
                    f,
                    "the reason has {bytes} bytes; at most {MAX_REASON} are allowed"
                )
            }
            Unsendable::ReasonWithoutCode => f.write_str("a reason without a code"),
        }
    }
}

/// The rule that the body of a peer's Close breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// One byte is too short for a code.
    HalfCode,
    /// The code must not be sent.
    Code(u16),
    /// The reason is not UTF-8.
    Reason { code: u16 },
}

impl BadBody {
    /// The code of the Close that answers it (RFC 6455 §7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            BadBody::HalfCode | BadBody::Code(_) => 1002,
            BadBody::Reason { .. } => 1007,
        }
    }
}

impl fmt::Display for BadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadBody::HalfCode => {
                f.write_str("a Close frame with a body of one byte (RFC 6455 section 5.5.1)")
            }
            BadBody::Code(code) => write!(
                f,
                "a Close frame with the code {code}, which must not be sent (RFC 6455 section 7.4)"
            ),
            BadBody::Reason { code } => write!(
                f,
                "a Close frame with the code {code} whose reason is not UTF-8 (RFC 6455 section 5.5.1)"
            ),
        }
    }
}

/// The registered name of a close code (IANA WebSocket Close Code Number Registry).
pub fn code_name(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1004 => "reserved",
        1005 => "no status received",
        1006 => "abnormal closure",
        1007 => "invalid payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        3001..=3999 => "registered use",
        4000..=4999 => "private use",
        _ => "not a valid code",
    }
}

/// Whether a peer may put this code into a Close frame (RFC 6455 §7.4 and the IANA registry).
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_is_valid_or_parsed_as_far_as_possible() {
        for (body, strict, lossy) in [
            (&b""[..], Ok(Close::default()), Close::default()),
            (b"\x03", Err(BadBody::HalfCode), Close::default()),
            (b"\x03\xe8", Ok(Close::normal()), Close::normal()),
            (
                b"\x0f\xa1bye",
                Ok(Close::new(4001, "bye")),
                Close::new(4001, "bye"),
            ),
            (
                b"\x03\xedx",
                Err(BadBody::Code(1005)),
                Close::new(1005, "x"),
            ),
            (
                b"\x03\xe8\xff",
                Err(BadBody::Reason { code: 1000 }),
                Close::new(1000, "\u{fffd}"),
            ),
        ] {
            assert_eq!(Close::parse(body), strict, "{body:?}");
            assert_eq!(Close::parse_lossy(body), lossy, "{body:?}");
        }
    }

    #[test]
    fn a_users_close_must_be_valid() {
        let long = "x".repeat(MAX_REASON + 1);
        for (code, reason, expected) in [
            (None, "", Ok(Close::default())),
            (None, "x", Err(Unsendable::ReasonWithoutCode)),
            (Some(1000), "", Ok(Close::normal())),
            (
                Some(4001),
                &long[1..],
                Ok(Close::new(4001, long[1..].to_owned())),
            ),
            (Some(4001), &long, Err(Unsendable::LongReason(124))),
            (Some(1005), "", Err(Unsendable::Code(1005))),
            (Some(1006), &long, Err(Unsendable::Code(1006))),
        ] {
            let close = Close::from_person(code, reason, may_be_sent);
            assert_eq!(close, expected, "{code:?} {reason}");
        }
        assert_eq!(
            Close::from_person(Some(1006), "x", |_| true),
            Ok(Close::new(1006, "x"))
        );
    }

    proptest! {
        #[test]
        fn a_written_body_is_parsed_back(code: u16, reason in "\\PC{0,30}") {
            let close = Close::new(code, reason);
            prop_assert_eq!(Close::parse_lossy(&close.payload()), close.clone());
            let strict = Close::parse(&close.payload());
            prop_assert_eq!(strict, if may_be_sent(code) { Ok(close) } else { Err(BadBody::Code(code)) });
        }

        #[test]
        fn no_close_body_panics(body: Vec<u8>) {
            let lossy = Close::parse_lossy(&body);
            if let Ok(close) = Close::parse(&body) {
                prop_assert_eq!(&lossy, &close);
                prop_assert_eq!(&close.payload()[..], &body[..]);
            }
        }
    }
}

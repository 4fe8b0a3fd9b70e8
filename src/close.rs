//! Close frames: what one says, the registered codes, and what may be sent.

/// Longest reason of a Close, in bytes (RFC 6455 §5.5: 125 bytes with the code).
pub const MAX_REASON: usize = 123;

/// What a Close frame says. No code stands for 1005, "no status received" (RFC 6455 §7.1.5).
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

    /// 1000, the Close of somebody who is done.
    pub fn normal() -> Self {
        Close::new(1000, "")
    }

    /// The code as browsers report it: 1005 where the frame carried none.
    pub fn reported_code(&self) -> u16 {
        self.code.unwrap_or(1005)
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

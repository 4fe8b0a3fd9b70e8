//! Values that a name stands for anew in each message: `{{$uuid}}`, `{{$now}}`, `{{$n}}`. Pure: the time
//! and random numbers come in as [`Generated`].

use std::fmt::Write as _;

/// The names that stand for a new value in each message.
pub const GENERATED: [(&str, &str); 3] = [
    ("$uuid", "a random UUID (version 4)"),
    ("$now", "the time in UTC, as RFC 3339 has it"),
    ("$n", "the number of the message, from 1"),
];

/// What generated names stand for in one message.
#[derive(Clone, Debug)]
pub struct Generated {
    /// 16 random bytes.
    pub random: [u8; 16],
    /// The time in UTC.
    pub now: String,
}

/// A UUID of version 4 (RFC 9562 section 5.4) of these random bytes.
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

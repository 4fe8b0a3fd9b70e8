//! Why something does not decode. Pure.

use std::borrow::Cow;
use std::fmt;

/// What is wrong, and at which byte of what a step was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: Cow<'static, str>,
    pub(super) at: Option<usize>,
}

/// What decoding gives.
pub(super) type Result<T> = std::result::Result<T, Wrong>;

impl Wrong {
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> Wrong {
        Wrong {
            what: what.into(),
            at: None,
        }
    }

    pub(super) fn at(what: impl Into<Cow<'static, str>>, at: usize) -> Wrong {
        Wrong {
            what: what.into(),
            at: Some(at),
        }
    }

    /// The same, after so many bytes if it does not say where.
    pub(super) fn or_at(self, read: usize) -> Wrong {
        Wrong {
            at: self.at.or(Some(read.saturating_sub(1))),
            ..self
        }
    }

    /// What is decoded is larger than a message may be.
    pub(super) fn too_large(limit: usize) -> Wrong {
        Wrong::new(format!(
            "it decodes to more than {limit} bytes (--max-message-size)"
        ))
    }
}

/// A message that did not decode: the step that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecoded {
    pub step: &'static str,
    pub what: Cow<'static, str>,
    /// The byte, from 0, of what the step was given.
    pub at: Option<usize>,
}

impl Undecoded {
    pub(super) fn new(step: &'static str, wrong: Wrong) -> Undecoded {
        Undecoded {
            step,
            what: wrong.what,
            at: wrong.at,
        }
    }
}

/// `cbor: the message is cut off (byte 12)`
impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.what)?;
        match self.at {
            // For people the first byte is byte 1.
            Some(at) => write!(f, " (byte {})", at + 1),
            None => Ok(()),
        }
    }
}

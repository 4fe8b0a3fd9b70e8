//! What the debug server logs. Pure: it makes lines and prints none.

use std::fmt;

use crate::close::{Close, code_name};

/// How a connection ended, for the log. The reason may be the peer's, and is not escaped.
#[derive(Debug)]
pub(super) struct Ended {
    how: &'static str,
    close: Close,
}

impl Ended {
    /// The server's Close came first, or counts.
    pub(super) fn by_server(close: Close) -> Self {
        let how = "closed by server";
        Ended { how, close }
    }

    /// The client's Close came first.
    pub(super) fn by_client(close: Close) -> Self {
        let how = "closed by client";
        Ended { how, close }
    }

    /// There was no Close (RFC 6455 §7.1.5).
    pub(super) fn lost(why: impl Into<String>) -> Self {
        Ended {
            how: "lost",
            close: Close::new(1006, why),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.close.reported_code();
        write!(f, "{}: {code} ({})", self.how, code_name(code))?;
        match self.close.reason.as_str() {
            "" => Ok(()),
            // Nobody sent a reason; this is ours.
            why if code == 1006 => write!(f, " {why}"),
            reason => write!(f, " \"{reason}\""),
        }
    }
}

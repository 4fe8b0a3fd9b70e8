//! How a connection ended, and what it has carried, for the log.

use std::fmt;
use std::time::Duration;

use crate::close::{Close, code_name};
use crate::units;

/// How a connection ended. The reason may be the peer's, and is not escaped.
#[derive(Debug)]
pub(in crate::serve) struct Ended {
    by: By,
    close: Close,
    volume: Volume,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Server,
    Client,
    /// There was no Close (RFC 6455 §7.1.5).
    Nobody,
}

/// What a connection has carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct Volume {
    /// Since the handshake.
    pub(in crate::serve) duration: Duration,
    pub(in crate::serve) received: Traffic,
    pub(in crate::serve) sent: Traffic,
    /// Whose connection it was.
    pub(in crate::serve) user: Option<String>,
}

/// Messages in one direction, and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct Traffic {
    pub(in crate::serve) messages: u64,
    pub(in crate::serve) bytes: u64,
}

impl Traffic {
    /// Counts a message of this length.
    pub(in crate::serve) fn count(&mut self, len: usize) {
        self.add(1, len);
    }

    /// Counts messages of this length altogether.
    pub(in crate::serve) fn add(&mut self, messages: usize, len: usize) {
        self.messages += messages as u64;
        self.bytes += len as u64;
    }
}

impl Ended {
    fn new(by: By, close: Close) -> Self {
        Ended {
            by,
            close,
            volume: Volume::default(),
        }
    }

    /// The server's Close came first, or counts.
    pub(in crate::serve) fn by_server(close: Close) -> Self {
        Ended::new(By::Server, close)
    }

    /// The client's Close came first.
    pub(in crate::serve) fn by_client(close: Close) -> Self {
        Ended::new(By::Client, close)
    }

    /// There was no Close.
    pub(in crate::serve) fn lost(why: impl Into<String>) -> Self {
        Ended::new(By::Nobody, Close::new(1006, why))
    }

    /// The same, with what the connection has carried.
    pub(in crate::serve) fn after(self, volume: Volume) -> Self {
        Ended { volume, ..self }
    }

    pub(super) fn by(&self) -> By {
        self.by
    }

    pub(super) fn code(&self) -> u16 {
        self.close.reported_code()
    }

    /// The reason of the Close, or why there was none.
    pub(super) fn reason(&self) -> &str {
        &self.close.reason
    }

    pub(super) fn volume(&self) -> &Volume {
        &self.volume
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.by {
            By::Server => "closed by server",
            By::Client => "closed by client",
            By::Nobody => "lost",
        };
        let code = self.code();
        write!(f, "{how}: {code} ({})", code_name(code))?;
        match self.reason() {
            "" => Ok(()),
            // No peer sent this reason: it is the server's own.
            why if code == 1006 => write!(f, " {why}"),
            reason => write!(f, " \"{reason}\""),
        }
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration.as_secs_f64();
        write!(f, "{seconds:.3}s, ")?;
        write!(f, "received {}, sent {}", self.received, self.sent)?;
        match &self.user {
            Some(user) => write!(f, ", user {user}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = units::counted(self.messages, "message");
        let bytes = units::counted(self.bytes, "byte");
        write!(f, "{messages} ({bytes})")
    }
}

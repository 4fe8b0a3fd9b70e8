//! Errors, and the exit code of each.
//!
//! One table serves `--help`, the manual and the program. Numbers never change once released; where
//! curl has a number for the same failure, it is curl's.

use std::fmt;
use std::time::Duration;

use crate::units;

/// How the program ends. The discriminant is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Unmet = 1,
    Usage = 2,
    Url = 3,
    ProxyDns = 5,
    Dns = 6,
    Connect = 7,
    Handshake = 8,
    Refused = 22,
    Timeout = 28,
    Tls = 35,
    Redirects = 47,
    Send = 55,
    Lost = 56,
    OwnCertificate = 58,
    Untrusted = 60,
    Pinned = 90,
    Proxy = 97,
    Protocol = 110,
    PeerError = 111,
    PeerPrivate = 112,
    GaveUp = 113,
    HungUp = 129,
    Interrupted = 130,
    Terminated = 143,
}

/// Every exit code with its meaning, in the order of the numbers.
pub const EXITS: &[(Exit, &str)] = &[
    (
        Exit::Ok,
        "closed cleanly (1000, 1001, 1005), a stop condition met, or stdout closed by its reader",
    ),
    (
        Exit::Unmet,
        "--count, --until, -1, 'after' not met; messages not sent or confirmed; failed command or test",
    ),
    (
        Exit::Usage,
        "usage error, bad option value, bad file or input",
    ),
    (Exit::Url, "malformed URL"),
    (Exit::ProxyDns, "name of the proxy not resolved"),
    (Exit::Dns, "host name not resolved"),
    (Exit::Connect, "could not connect"),
    (
        Exit::Handshake,
        "the answer is not a valid WebSocket handshake",
    ),
    (
        Exit::Refused,
        "the handshake was answered with a status other than 101",
    ),
    (
        Exit::Timeout,
        "a timeout (--connect-timeout, --max-time, --close-timeout, no pong)",
    ),
    (Exit::Tls, "TLS handshake failed, or did not end in time"),
    (Exit::Redirects, "too many redirects, or a circle of them"),
    (Exit::Send, "send failed"),
    (Exit::Lost, "connection lost without a Close (1006)"),
    (
        Exit::OwnCertificate,
        "the client certificate or its key cannot be used, or the server does not accept it",
    ),
    (Exit::Untrusted, "the server's certificate is not trusted"),
    (
        Exit::Pinned,
        "the server's public key is none of --pinnedpubkey",
    ),
    (Exit::Proxy, "the proxy refused, or its answer is not valid"),
    (
        Exit::Protocol,
        "the peer broke the protocol (closed by us: 1002, 1007, 1009, 1010)",
    ),
    (Exit::PeerError, "the peer closed with 1002-1015"),
    (Exit::PeerPrivate, "the peer closed with 3000-4999"),
    (Exit::GaveUp, "reconnect attempts used up"),
    (Exit::HungUp, "SIGHUP (the signal is raised again)"),
    (Exit::Interrupted, "SIGINT (the signal is raised again)"),
    (Exit::Terminated, "SIGTERM (the signal is raised again)"),
];

impl Exit {
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The stage at which a failure happened; the `stage` of an `error` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Usage,
    Url,
    Input,
    Dns,
    Connect,
    Proxy,
    Tls,
    Handshake,
    Send,
    Receive,
    Close,
    Output,
    /// A command that was run.
    Program,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::Usage => "usage",
            Stage::Url => "url",
            Stage::Input => "input",
            Stage::Dns => "dns",
            Stage::Connect => "connect",
            Stage::Proxy => "proxy",
            Stage::Tls => "tls",
            Stage::Handshake => "handshake",
            Stage::Send => "send",
            Stage::Receive => "receive",
            Stage::Close => "close",
            Stage::Output => "output",
            Stage::Program => "program",
        }
    }
}

/// A failure: what failed and where, the peer's own words, and what to try.
///
/// `message`, `details` and `advice` may contain text that a peer chose. The caller escapes it
/// before printing it to a terminal; [`fmt::Display`] does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub stage: Stage,
    pub exit: Exit,
    /// Whether the same attempt may succeed at another time.
    pub transient: bool,
    /// One sentence without a full stop.
    pub message: String,
    /// The peer's words, one line each.
    pub details: Vec<String>,
    /// What to try, one line each.
    pub advice: Vec<String>,
}

impl Error {
    /// The message and its details, for the prompt: the second line and those after it are indented.
    pub fn with_details(&self) -> String {
        let lines = [&self.message].into_iter().chain(&self.details);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n  ")
    }

    pub fn new(stage: Stage, exit: Exit, message: impl Into<String>) -> Self {
        Error {
            stage,
            exit,
            transient: false,
            message: message.into(),
            details: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// A wrong option, value or file: exit 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Stage::Usage, Exit::Usage, message)
    }

    /// `--connect-timeout` (`timeout`) passed while we were `doing` this: exit 28, or 35 in the midst of
    /// the TLS handshake, which is the more specific of the two.
    pub fn connect_timeout(stage: Stage, timeout: Duration, doing: &str) -> Self {
        let message = format!("timed out after {} ({doing})", units::written(timeout));
        let exit = match stage {
            Stage::Tls => Exit::Tls,
            _ => Exit::Timeout,
        };
        let error = Error::new(stage, exit, message).transient();
        match stage {
            // A server of another protocol waits for more, as a proxy may that is only slow.
            Stage::Proxy => error.advice("check the port and the scheme of the proxy"),
            _ => error,
        }
        .advice("--connect-timeout T waits longer")
    }

    /// The network, or a server that is not there: it may pass.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Another attempt will not mend it.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.transient = false;
        self
    }

    #[must_use]
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    #[must_use]
    pub fn advice(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for line in &self.details {
            write!(f, "\n  {line}")?;
        }
        for line in &self.advice {
            write!(f, "\n  try: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The message of an I/O error without the number that the standard library appends.
pub fn plain_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// The same as a clause of a sentence. Only the first letter changes, because the message may
/// contain names.
pub fn plain_clause(error: &std::io::Error) -> String {
    let text = plain_words(error);
    let mut chars = text.chars();
    match chars.next() {
        // An abbreviation stays as it is.
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_avoids_the_shells_numbers() {
        assert!(EXITS.is_sorted_by(|a, b| a.0 < b.0));
        for (exit, _) in EXITS {
            let code = exit.code();
            assert!(code != 101, "101 is a Rust panic");
            assert!(
                !(124..=127).contains(&code),
                "{code} belongs to timeout(1) and the shell"
            );
        }
    }

    #[test]
    fn an_error_prints_the_cause_the_peers_words_and_advice() {
        let error = Error::new(
            Stage::Tls,
            Exit::Untrusted,
            "certificate expired 3 days ago",
        )
        .detail("subject: CN=example")
        .advice("-k connects without verifying it");
        assert_eq!(
            error.to_string(),
            "certificate expired 3 days ago\n  subject: CN=example\n  try: -k connects without verifying it"
        );
    }
}

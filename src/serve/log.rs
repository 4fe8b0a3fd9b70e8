//! The lines of the debug server's log. Pure: it makes lines and never prints them.

use std::fmt;

use url::Host;

use crate::close::{Close, code_name};
use crate::uri::Target;

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
            // No peer sent this reason: it is the server's own.
            why if code == 1006 => write!(f, " {why}"),
            reason => write!(f, " \"{reason}\""),
        }
    }
}

/// Returns the target of a request with its secrets redacted, as [`Target`] does it.
pub(super) fn shown(uri: String) -> String {
    let Some((path, query)) = uri.split_once('?') else {
        return uri;
    };
    let nowhere = Target {
        tls: false,
        host: Host::Domain(String::new()),
        zone: None,
        port: 80,
        path: path.to_owned(),
        query: Some(query.to_owned()),
        user: None,
        unix: None,
    };
    let shown = nowhere.to_string();
    shown.strip_prefix("ws://").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_logged() {
        for (target, expected) in [
            ("/echo", "/echo"),
            ("/echo?", "/echo?"),
            ("/echo?x=y&z", "/echo?x=y&z"),
            ("/expire?a=1&token=hunter2", "/expire?a=1&token=[redacted]"),
            ("/expire?token=a?b", "/expire?token=[redacted]"),
            ("*", "*"),
        ] {
            assert_eq!(shown(target.to_owned()), expected);
        }
    }
}

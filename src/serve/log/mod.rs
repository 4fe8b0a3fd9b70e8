//! What the debug server logs, and the lines that become of it: text or JSON. Pure: it makes lines and
//! never prints them. Clients choose part of what is logged, so that no line contains a control
//! character or one that reorders text, and no token.

mod ended;
mod entry;
mod json;
#[cfg(test)]
mod tests;
mod text;

use url::Host;

pub(super) use ended::{Ended, Volume};
pub use entry::Format;
pub(super) use entry::{Entry, Event, Tls, Visitor};

use crate::output::sanitize;
use crate::uri::Target;

/// The line of an entry, without its line feed.
pub(super) fn line(entry: &Entry<'_>, format: Format) -> String {
    match format {
        Format::Text => {
            let mut line = Vec::new();
            sanitize::line(&entry.to_string(), &mut line);
            String::from_utf8_lossy(&line).into_owned()
        }
        Format::Json => json::object(entry),
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

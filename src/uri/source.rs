//! Where a URL comes from that is good for one connection: a command or a file. Pure: nothing is read
//! here.

use std::fmt;

/// What stands before a command.
const COMMAND: &str = "cmd:";

/// The source of a URL, read anew for every connection attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlSource {
    /// `cmd:COMMAND`, run by `sh -c`; its standard output is the URL.
    Command(String),
    /// `@FILE`, where the name ends in `.url`.
    File(String),
}

impl UrlSource {
    /// The source that `text` names; none if it is a URL itself, or names a profile.
    pub fn parse(text: &str) -> Option<UrlSource> {
        if let Some(command) = text.strip_prefix(COMMAND) {
            return Some(UrlSource::Command(command.to_owned()));
        }
        let path = text.strip_prefix('@')?;
        path.ends_with(".url")
            .then(|| UrlSource::File(path.to_owned()))
    }
}

/// As it was written.
impl fmt::Display for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlSource::Command(command) => write!(f, "{COMMAND}{command}"),
            UrlSource::File(path) => write!(f, "@{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_are_sources_and_profiles_are_not() {
        let read = |text| UrlSource::parse(text).map(|source| source.to_string());
        for text in ["cmd:./ticket.sh", "@ticket.url", "@/run/a b.url"] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
        for text in ["@staging", "@staging/x.urls", "ws://cmd:80/", "a.url", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

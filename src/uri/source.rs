//! Where a URL comes from that is good for one connection: a command or a file. Pure: nothing is read
//! here.

use std::fmt;

use crate::secret::{REDACTED, Redactor};

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

    /// What stands in place of the URL wherever one is shown, recorded or stored.
    pub fn shown(&self, redactor: &Redactor) -> String {
        match self {
            UrlSource::Command(command) if redactor.includes_secrets() => {
                format!("{COMMAND}{command}")
            }
            _ => self.to_string(),
        }
    }
}

/// A command without its arguments, which may hold a key or a password.
impl fmt::Display for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = match self {
            UrlSource::Command(command) => command.trim(),
            UrlSource::File(path) => return write!(f, "@{path}"),
        };
        f.write_str(COMMAND)?;
        match command.split_once(char::is_whitespace) {
            None if is_program(command) => f.write_str(command),
            Some((program, _)) if is_program(program) => write!(f, "{program} {REDACTED}"),
            _ => f.write_str(REDACTED),
        }
    }
}

/// Whether a word names a program and nothing else: neither `KEY=VALUE` nor anything that is quoted or
/// joined to a word of another command.
fn is_program(word: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "/._+~-".contains(c);
    !word.is_empty() && word.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_are_sources_and_profiles_are_not() {
        let command = |text: &str| Some(UrlSource::Command(text.to_owned()));
        let file = |text: &str| Some(UrlSource::File(text.to_owned()));
        assert_eq!(UrlSource::parse("cmd:./t.sh a"), command("./t.sh a"));
        assert_eq!(UrlSource::parse("cmd:"), command(""));
        assert_eq!(UrlSource::parse("@ticket.url"), file("ticket.url"));
        assert_eq!(UrlSource::parse("@/run/a b.url"), file("/run/a b.url"));
        for text in ["@staging", "@staging/x.urls", "ws://cmd:80/", "a.url", ""] {
            assert_eq!(UrlSource::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_arguments_of_a_command_are_shown_only_where_all_secrets_are() {
        for (text, expected) in [
            ("cmd:./ticket.sh", "cmd:./ticket.sh"),
            ("cmd: ./ticket.sh ", "cmd:./ticket.sh"),
            ("cmd:./ticket.sh --key SECRET", "cmd:./ticket.sh [redacted]"),
            ("cmd:~/bin/t\tSECRET", "cmd:~/bin/t [redacted]"),
            ("cmd:KEY=SECRET ./ticket.sh", "cmd:[redacted]"),
            ("cmd:./t<SECRET", "cmd:[redacted]"),
            ("cmd:'./t SECRET'", "cmd:[redacted]"),
            ("cmd:curl|SECRET", "cmd:[redacted]"),
            ("@/run/a b.url", "@/run/a b.url"),
        ] {
            let source = UrlSource::parse(text).unwrap();
            assert_eq!(source.shown(&Redactor::default()), expected, "{text}");
            assert_eq!(source.shown(&Redactor::new(true)), text, "{text}");
        }
    }
}

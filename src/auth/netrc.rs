//! The `.netrc` file: user names and passwords by host, in the form that ftp, curl and others read.
//! Pure.

use crate::secret::Secret;

/// The entries of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// `None` is the default for hosts without an entry.
    machine: Option<String>,
    login: Option<String>,
    password: Option<Secret>,
}

/// What an entry says for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

impl Netrc {
    /// Parses a file: `machine HOST`, `default`, `login USER`, `password PASSWORD`, `account NAME`
    /// and `macdef NAME`, in any order of lines. A word may stand in double quotes, with `\"`, `\\`,
    /// `\n`, `\r` and `\t` in it; `#` at the beginning of a word makes the rest of the line a
    /// comment, except in a password.
    ///
    /// # Errors
    /// The line, from 1, and what is wrong there.
    pub fn parse(text: &str) -> Result<Netrc, (usize, String)> {
        let mut words = Words {
            rest: text,
            line: 1,
        };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(word) = words.next(Comments::Skip)? {
            let line = words.line;
            let mut value = |comments| {
                let missing = || (line, format!("a value is missing after '{word}'"));
                words.next(comments)?.ok_or_else(missing)
            };
            match word.as_str() {
                "machine" => entries.push(Entry {
                    machine: Some(value(Comments::Skip)?.to_ascii_lowercase()),
                    ..Entry::default()
                }),
                "default" => entries.push(Entry::default()),
                "account" => drop(value(Comments::Skip)?),
                "macdef" => words.skip_macro(),
                "login" | "password" => {
                    let value = value(Comments::Are(word == "password"))?;
                    let outside = || (line, format!("'{word}' stands before any 'machine'"));
                    let entry = entries.last_mut().ok_or_else(outside)?;
                    match word.as_str() {
                        "login" => entry.login = Some(value),
                        _ => entry.password = Some(Secret::new(value)),
                    }
                }
                // The word may be a password that belongs to a misspelled one.
                _ => return Err((
                    line,
                    "a word there is none of machine, default, login, password, account, macdef"
                        .to_owned(),
                )),
            }
        }
        Ok(Netrc { entries })
    }

    /// Whether an entry names this host.
    pub fn names(&self, host: &str) -> bool {
        let host = bare(host);
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.machine.as_deref() == Some(host.as_str()))
    }

    /// The login for a host, of this user if one is given: the first entry that fits, where one
    /// names the host; else the default. A missing password is empty.
    pub fn find(&self, host: &str, user: Option<&str>) -> Option<Login> {
        let host = bare(host);
        let fits = |entry: &&Entry| user.is_none() || entry.login.as_deref() == user;
        let named = |entry: &&Entry| entry.machine.as_deref() == Some(host.as_str());
        let any = |entry: &&Entry| entry.machine.is_none();
        let mut entries = self.entries.iter().filter(named).filter(fits);
        let mut defaults = self.entries.iter().filter(any).filter(fits);
        let entry = entries.next().or_else(|| defaults.next())?;
        Some(Login {
            user: entry.login.clone()?,
            password: entry.password.clone().unwrap_or_else(|| Secret::new("")),
        })
    }
}

/// A host as files name it: in lower case, an address without brackets.
fn bare(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.to_ascii_lowercase()
}

/// Whether `#` begins a comment.
#[derive(Clone, Copy)]
enum Comments {
    Skip,
    /// `true`: it is a character of the word.
    Are(bool),
}

/// The words of the file.
struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self, comments: Comments) -> Result<Option<String>, (usize, String)> {
        loop {
            let trimmed = self.rest.trim_start();
            let skipped = &self.rest[..self.rest.len() - trimmed.len()];
            self.line += skipped.matches('\n').count();
            self.rest = trimmed;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let part_of_word = matches!(comments, Comments::Are(true));
            if !self.rest.starts_with('#') || part_of_word {
                break;
            }
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
        if let Some(quoted) = self.rest.strip_prefix('"') {
            return self.quoted(quoted).map(Some);
        }
        let end = self.rest.find(char::is_whitespace);
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(Some(word.to_owned()))
    }

    /// A word in quotes, whose opening one was taken off `text`.
    fn quoted(&mut self, text: &'a str) -> Result<String, (usize, String)> {
        let mut word = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &text[at + 1..];
                    return Ok(word);
                }
                '\n' => break,
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => word.push('\n'),
                    Some('r') => word.push('\r'),
                    Some('t') => word.push('\t'),
                    Some(c) => word.push(c),
                    None => break,
                },
                c => word.push(c),
            }
        }
        Err((self.line, "a closing \" is missing".to_owned()))
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let end = ["\n\n", "\n\r\n"]
            .iter()
            .filter_map(|end| self.rest.find(end));
        let end = end.min().unwrap_or(self.rest.len());
        self.line += self.rest[..end].matches('\n').count();
        self.rest = &self.rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str, host: &str, user: Option<&str>) -> Option<String> {
        let netrc = Netrc::parse(text).unwrap();
        let login = netrc.find(host, user)?;
        Some(format!("{}:{}", login.user, login.password.expose()))
    }

    #[test]
    fn entries_are_found_by_host_and_user() {
        let text = "
# a comment machine x
machine a.example login ann password p1
machine b.example
    login \"bob smith\"
    password \"q\\\"\\\\ \\n2\"   # the rest
    account no
machine a.example login zoe password p3
machine c.example macdef init
cd /
login nobody

machine d.example password #hash login dan
machine e.example login eve
machine [::1] login six password v6
default login anonymous password me@
";
        for (host, user, login) in [
            ("a.example", None, Some("ann:p1")),
            ("A.Example", None, Some("ann:p1")),
            ("a.example", Some("zoe"), Some("zoe:p3")),
            ("a.example", Some("xi"), None),
            ("b.example", None, Some("bob smith:q\"\\ \n2")),
            ("d.example", None, Some("dan:#hash")),
            ("e.example", None, Some("eve:")),
            ("z.example", None, Some("anonymous:me@")),
            ("z.example", Some("anonymous"), Some("anonymous:me@")),
            ("z.example", Some("x"), None),
        ] {
            assert_eq!(found(text, host, user).as_deref(), login, "{host} {user:?}");
        }
        assert_eq!(found("machine a login b", "x", None), None);
        assert_eq!(found("", "x", None), None);
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_line_and_without_its_words() {
        for (text, line, why) in [
            ("machine a\nlogin", 2, "a value is missing after 'login'"),
            ("\n\nlogin x", 3, "'login' stands before any 'machine'"),
            (
                "machine a login b\npasswrd s3cret",
                2,
                "a word there is none of",
            ),
            ("machine a login \"b", 1, "a closing \" is missing"),
            ("machine a login \"b\n\"", 1, "a closing \" is missing"),
            ("machine a login \"b\\", 1, "a closing \" is missing"),
        ] {
            let (at, message) = Netrc::parse(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(message.contains(why), "{text}: {message}");
            assert!(!message.contains("s3cret"));
        }
    }
}

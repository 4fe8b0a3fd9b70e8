//! `--from-curl`: a curl command line, as browsers copy it, as arguments of our own. It is read as a
//! shell would split it, and never run or expanded.
//!
//! The text holds cookies and tokens, so an error shows where something is wrong, but no value.

mod cmd;
mod export;
mod fault;
mod import;
mod options;
mod words;

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use self::fault::Fault;
use super::config::Given;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::http_token::is_http_token;
use crate::io::stdio;

pub use self::export::{Command, Passed, export, is_passed, without_password};

/// The largest command line that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The most characters of a line that an error quotes.
const MAX_QUOTED: usize = 80;

/// The place of each character of a value that is not shown.
const MASK: char = '*';

/// Options that set the `Authorization` header.
const AUTHORIZATION: &[&str] = &["user", "oauth2-bearer", "token"];

/// What a curl command line adds to what was typed.
#[derive(Debug)]
pub struct Imported {
    /// Arguments that stand before those that were typed, the URL among them if none was typed.
    pub arguments: Vec<String>,
    /// Sentences about what was left out.
    pub notes: Vec<String>,
}

/// Reads the command line that `source` is or names: `@FILE`, `-` for stdin, or the text itself.
/// `given` is what was typed, which wins.
///
/// # Errors
/// Exit 2 if there is nothing to read, it is no curl command line, or it makes another request; 28 if
/// reading takes longer than `max_time`.
pub fn read(
    source: &str,
    given: &Given,
    has_url: bool,
    max_time: Option<Duration>,
) -> Result<Imported, Error> {
    let text = text(source, max_time)?;
    let import = import(&text).map_err(|fault| located(source, &text, fault))?;
    let mut arguments = import.arguments;
    arguments.retain(|argument| holds(argument, given));
    if !has_url {
        let url = import.url.ok_or_else(|| {
            Error::usage(format!("{}: there is no URL in the command", name(source)))
        })?;
        arguments.push(url);
    }
    Ok(Imported {
        arguments,
        notes: import.notes,
    })
}

fn import(text: &str) -> Result<import::Import, Fault> {
    let mut words = text.split_whitespace().skip_while(|word| *word == "$");
    if !words.next().is_some_and(import::is_curl) {
        return Err(import::not_curl(text.len() - text.trim_start().len()));
    }
    let words = match is_for_cmd(text) {
        true => cmd::cmd(text)?,
        false => words::posix(text)?,
    };
    import::import(&words)
}

/// Whether the quotes are those of `cmd.exe`, and not of a POSIX shell.
fn is_for_cmd(text: &str) -> bool {
    let ends_lines_with = |end| text.lines().any(|line| line.trim_end().ends_with(end));
    match text.find(['\'', '"']) {
        Some(at) if text[at..].starts_with('\'') => false,
        Some(at) if text[..at].ends_with('^') => true,
        _ if ends_lines_with(" ^") => true,
        None => false,
        Some(_) if ends_lines_with(" \\") => false,
        // A quote within a word is doubled, and a percent sign stands between two words' ends.
        Some(_) => has_doubled_quote(text) || text.contains("\"%\""),
    }
}

fn has_doubled_quote(text: &str) -> bool {
    let bounds = |c: Option<char>| c.is_none_or(char::is_whitespace);
    text.match_indices("\"\"").any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + 2..]);
        !bounds(before.chars().next_back()) && !bounds(after.chars().next())
    })
}

/// Whether an argument of the command still counts beside what was typed. What takes one value needs no
/// rule, because the last one counts.
fn holds(argument: &str, given: &Given) -> bool {
    let typed = |name: &str| given.names.contains(name);
    let typed_header = |name: &str| {
        let mut headers = given.headers.iter();
        headers.any(|line| header_name(line).eq_ignore_ascii_case(name))
    };
    let (option, value) = argument.split_once('=').unwrap_or((argument, ""));
    let authorized = AUTHORIZATION.iter().any(|name| typed(name)) && !typed("token-via");
    match option.trim_start_matches('-') {
        "header" => {
            let name = header_name(value);
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let replaced = typed_header(name)
                || is("authorization") && authorized
                || is("cookie") && typed("cookie");
            !replaced
        }
        name @ ("user" | "oauth2-bearer") => {
            typed(name) || !authorized && !typed_header("authorization")
        }
        name => !given.conflicts.contains(name),
    }
}

fn header_name(line: &str) -> &str {
    line.split([':', ';']).next().unwrap_or_default().trim()
}

fn text(source: &str, max_time: Option<Duration>) -> Result<String, Error> {
    let path = match source.strip_prefix('@') {
        Some(path) => path,
        None if source == "-" => "-",
        None => return Ok(source.to_owned()),
    };
    let wrong = |why: String| Error::usage(format!("{}: {why}", name(source)));
    let read = match max_time {
        None => bytes(path),
        Some(time) => {
            let (sender, receiver) = mpsc::channel();
            let owned = path.to_owned();
            // Detached: the program exits without it.
            thread::spawn(move || sender.send(bytes(&owned)));
            receiver.recv_timeout(time).map_err(|_| {
                let message = format!("--max-time is over (reading {})", name(source));
                Error::new(Stage::Input, Exit::Timeout, message)
            })?
        }
    };
    let bytes = read.map_err(|error| wrong(plain_clause(&error)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(wrong("the command is larger than 1 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong("it is not UTF-8".to_owned()).advice("save the text as UTF-8"))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The content of a file, or of stdin for `-`; a byte more than [`MAX_SIZE`] if it is larger.
fn bytes(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path {
        "-" => stdio::stdin()?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?,
        path => File::open(path)?
            .take(MAX_SIZE + 1)
            .read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// The option with the name of its file, for messages. The text itself is not shown.
fn name(source: &str) -> String {
    match source.starts_with('@') || source == "-" {
        true => format!("--from-curl {source}"),
        false => "--from-curl".to_owned(),
    }
}

/// An error at `fault`: line and column, the line without its values, and a caret below it.
fn located(source: &str, text: &str, fault: Fault) -> Error {
    let at = text.floor_char_boundary(fault.at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let number = text[..at].matches('\n').count() + 1;
    let line = text[start..].lines().next().unwrap_or_default();
    let column = text[start..at].chars().count();
    let place = format!("line {number}, column {}", column + 1);
    let mut error = Error::usage(format!("{}: {place}: {}", name(source), fault.why));
    let from = column.saturating_sub(MAX_QUOTED / 2);
    let quoted: String = masked(line).chars().skip(from).take(MAX_QUOTED).collect();
    if !quoted.trim().is_empty() {
        let margin = " ".repeat(number.to_string().len());
        let before = " ".repeat(column - from);
        error.details = vec![
            format!("{number} | {quoted}"),
            format!("{margin} | {before}^"),
        ];
    }
    error.advice = fault.advice;
    error
}

/// `line` with the names of its options and headers; every other letter and digit is masked.
fn masked(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for part in line.split_inclusive([' ', '\t']) {
        let (name, value) = part.split_at(name_length(part));
        shown.push_str(name);
        shown.extend(value.chars().map(mask));
    }
    shown
}

fn mask(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_alphanumeric() || c.is_control() => MASK,
        c => c,
    }
}

/// How much of a part of a line, up to a space, is the name of an option or a header.
fn name_length(part: &str) -> usize {
    let word = part.trim_end();
    let unquoted = word.trim_start_matches(['^', '$', '\'', '"']);
    let header = unquoted.strip_suffix(':');
    if word.starts_with("--") {
        word.find('=').unwrap_or(word.len())
    } else if word.starts_with('-') {
        word.char_indices().nth(2).map_or(word.len(), |(at, _)| at)
    } else if word == "curl" || unquoted != word && header.is_some_and(is_http_token) {
        word.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotes_tell_the_shell() {
        for (text, expected) in [
            ("curl 'https://h/' -H 'a: ^\"b^\"'", false),
            ("curl \"https://h/\" -H \"a: b\"", false),
            ("curl \"https://h/\" \\\n -H \"a: \\\"\\\"b\"", false),
            ("curl https://h/", false),
            ("curl ^\"https://h/^\"", true),
            ("curl \"https://h/\" ^\r\n  -k", true),
            ("curl https://h/ ^\n  -k", true),
            ("curl \"https://h/\" -H \"v: ;v=\"\"99\"\"\"", true),
            ("curl \"https://h/\"%\"20\"", true),
            ("curl \"\" x", false),
        ] {
            assert_eq!(is_for_cmd(text), expected, "{text}");
        }
    }

    #[test]
    fn values_are_masked() {
        for (line, shown) in [
            (
                "  -H 'Cookie: sid=s3cret; b' \\",
                "  -H 'Cookie: ***=******; *' \\",
            ),
            (
                "curl 'https://h/?t=1' -uann:pw --pass=x --key k",
                "curl '*****://*/?*=*' -u***:** --pass=* --key *",
            ),
            (
                "-H ^\"Authorization: Bearer abc^\"",
                "-H ^\"Authorization: ****** ***^\"",
            ),
            ("a\u{1b}[31m", "**[***"),
        ] {
            assert_eq!(masked(line), shown, "{line}");
        }
    }

    #[test]
    fn an_error_shows_the_place_and_no_value() {
        let error = read(
            "curl h \\\n -H 'Cookie: s3cret",
            &Given::default(),
            false,
            None,
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "--from-curl: line 2, column 5: the quote ' is not closed"
        );
        assert_eq!(error.details, ["2 |  -H 'Cookie: ******", "  |     ^"]);
    }

    #[test]
    fn what_was_typed_wins() {
        let given = |names: &[&str], headers: &[&str]| Given {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            headers: headers.iter().map(|&line| line.to_owned()).collect(),
            conflicts: ["http1.1".to_owned()].into(),
        };
        let text = "curl ws://h/ --http1.1 -k -u a:b -H 'Cookie: a=b' -H 'X-A: 1'";
        for (given, has_url, expected) in [
            (
                given(&[], &[]),
                false,
                &[
                    "--insecure",
                    "--user=a:b",
                    "--header=Cookie: a=b",
                    "--header=X-A: 1",
                    "ws://h/",
                ][..],
            ),
            (
                given(&["user"], &[]),
                true,
                &[
                    "--insecure",
                    "--user=a:b",
                    "--header=Cookie: a=b",
                    "--header=X-A: 1",
                ],
            ),
            (
                given(&["token", "cookie"], &[]),
                true,
                &["--insecure", "--header=X-A: 1"],
            ),
            (
                given(&["token", "token-via"], &["x-a:"]),
                true,
                &["--insecure", "--user=a:b", "--header=Cookie: a=b"],
            ),
            (
                given(&["header"], &["authorization: x", "COOKIE;"]),
                true,
                &["--insecure", "--header=X-A: 1"],
            ),
        ] {
            let imported = read(text, &given, has_url, None).unwrap();
            assert_eq!(imported.arguments, expected, "{given:?}");
        }
    }
}

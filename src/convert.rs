//! Files of other programs, and ours, turned into each other: what a file is, what it holds, and how that
//! is written. Pure: the caller reads and writes the files.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use crate::asciicast::{self, Size};
use crate::error::Error;
use crate::har;
use crate::record::connection::{Connection, What};
use crate::record::notes::shown;
use crate::record::recording;
use crate::record::write::timestamp;
use crate::script::ast::File;
use crate::script::{self, hiding, http_file, print};
use crate::secret::Redactor;
use crate::units;
use crate::uri;

/// The size of the terminal that a cast is made for.
const SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// The longest URL of a list, in characters.
const LONGEST_URL: usize = 200;

/// What a file is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Events, as `--record` writes them.
    Recording,
    /// An HTTP archive.
    Har,
    /// A script.
    Script,
    /// A terminal session.
    Asciicast,
    /// What the prompt shows.
    Text,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub form: Form,
    /// The number of the only connection that is wanted, from 1.
    pub entry: Option<usize>,
    pub include_secrets: bool,
}

/// What a file holds.
#[derive(Debug)]
pub enum Content {
    Connections(Vec<Connection>),
    Script(File),
}

/// What kind of file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Events, as `--record` writes them.
    Recording,
    /// An HTTP archive.
    Archive,
    /// A `.http` file.
    Requests,
}

/// What was read.
#[derive(Debug)]
pub struct Input {
    pub source: Source,
    pub content: Content,
    /// What was left out, and why: a sentence each, safe for a terminal.
    pub notes: Vec<String>,
}

impl Form {
    /// The form that the name of a file says.
    pub fn of(path: &Path) -> Option<Form> {
        Some(match &*ending(path) {
            "jsonl" | "ndjson" => Form::Recording,
            "har" => Form::Har,
            "wst" => Form::Script,
            "cast" => Form::Asciicast,
            "txt" => Form::Text,
            _ => return None,
        })
    }
}

/// Reads a file by the ending of its name, or else by what it begins with. `attached` reads a file beside
/// it, whose name is in this one.
///
/// # Errors
/// Exit 2: what is wrong with it.
pub fn read(
    path: &Path,
    bytes: &[u8],
    mut attached: impl FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Input, Error> {
    let name = shown(&path.to_string_lossy(), LONGEST_URL);
    let failed = |message: &str, advice: &str| {
        Error::usage(format!("{name}: {message}")).advice(advice.to_owned())
    };
    match &*ending(path) {
        "wst" => Err(failed("it is a script", "wirecat test runs it")),
        "cast" | "txt" => Err(failed(
            "what a terminal shows cannot be converted",
            "the recording that it was made of",
        )),
        "zip" => Err(failed("it is packed", "unzip it, and convert its .har")),
        "har" => read_har(bytes, &mut attached).map_err(|it| failed(&it.message, &it.advice)),
        "jsonl" | "ndjson" => read_recording(bytes).map_err(|it| failed(&it.message, &it.advice)),
        "http" | "rest" => read_http_file(&name, bytes),
        _ => match first_line(bytes) {
            line if line.starts_with(b"{\"type\":") => {
                read_recording(bytes).map_err(|it| failed(&it.message, &it.advice))
            }
            line if line.starts_with(b"{") => {
                read_har(bytes, &mut attached).map_err(|it| failed(&it.message, &it.advice))
            }
            _ => read_http_file(&name, bytes),
        },
    }
}

fn read_recording(bytes: &[u8]) -> Result<Input, recording::Error> {
    let recording = recording::read(bytes)?;
    Ok(Input {
        source: Source::Recording,
        content: Content::Connections(recording.connections),
        notes: recording.notes,
    })
}

fn read_har(
    bytes: &[u8],
    attached: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Input, har::Error> {
    let entries = har::read::read(&String::from_utf8_lossy(bytes))?;
    let (mut connections, mut notes) = (Vec::new(), Vec::new());
    for (number, mut entry) in (1u64..).zip(entries) {
        if let Some(file) = entry.attached.clone() {
            match is_plain_name(&file).then(|| attached(&file)) {
                Some(Ok(bytes)) => entry.attach(&bytes),
                Some(Err(why)) => notes.push(format!(
                    "entry {number}: its messages are in {}, which cannot be read: {why}",
                    shown(&file, LONGEST_URL)
                )),
                None => notes.push(format!(
                    "entry {number}: its messages are in {}, which is not beside the archive",
                    shown(&file, LONGEST_URL)
                )),
            }
        }
        let skipped = entry.skipped.iter();
        notes.extend(skipped.map(|why| format!("entry {number}: {why}")));
        connections.push(entry.connection);
    }
    Ok(Input {
        source: Source::Archive,
        content: Content::Connections(connections),
        notes,
    })
}

fn read_http_file(name: &str, bytes: &[u8]) -> Result<Input, Error> {
    match http_file::parse(&String::from_utf8_lossy(bytes)) {
        Ok(read) => Ok(Input {
            source: Source::Requests,
            content: Content::Script(read.file),
            notes: read.notes,
        }),
        Err(errors) => {
            let mut places = errors.iter().map(|error| {
                let span = error.span;
                format!("{name}:{}:{}: {}", span.line, span.column, error.message)
            });
            let mut error = Error::usage(places.next().unwrap_or_default());
            error.details.extend(places);
            let advice = errors.into_iter().next().and_then(|error| error.advice);
            error.advice.extend(advice);
            Err(error)
        }
    }
}

/// Checks that there is something to convert.
///
/// # Errors
/// Exit 2: what is missing.
pub fn check(path: &Path, input: &Input) -> Result<(), Error> {
    let is_empty = match &input.content {
        Content::Connections(connections) => connections.is_empty(),
        Content::Script(file) => file.tests.is_empty(),
    };
    let (missing, advice) = match input.source {
        _ if !is_empty => return Ok(()),
        Source::Recording => (
            "it has no connection",
            "--record FILE keeps what happens on one",
        ),
        Source::Archive => (
            "it has no WebSocket",
            "a browser saves those that are opened while its tools are open",
        ),
        Source::Requests => (
            "it has no WebSocket request",
            "a line such as WEBSOCKET ws://localhost:8765/echo begins one",
        ),
    };
    let name = shown(&path.to_string_lossy(), LONGEST_URL);
    Err(Error::usage(format!("{name}: {missing}")).advice(advice))
}

/// Writes what was read.
///
/// # Errors
/// Exit 2: it cannot be written like that.
pub fn write(path: &Path, content: &Content, options: &Options) -> Result<Vec<u8>, Error> {
    let connections = match content {
        Content::Connections(connections) => chosen(path, connections, options.entry)?,
        Content::Script(file) => {
            return match options.form {
                Form::Script => Ok(print::to_script(file).into_bytes()),
                _ => Err(Error::usage(
                    "a .http file says what is sent, and not what came: it becomes a script only",
                )
                .advice("--to wst, and --record FILE where that is run")),
            };
        }
    };
    let redactor = Redactor::new(options.include_secrets);
    let connections = &*match options.form {
        // It has variables for them.
        Form::Script => Cow::Borrowed(connections),
        _ => hiding::without_secrets(connections, &redactor),
    };
    Ok(match options.form {
        Form::Recording => recording::write(connections, &redactor),
        Form::Har => {
            har::write::write(connections, &redactor, env!("CARGO_PKG_VERSION")).into_bytes()
        }
        Form::Script => {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            script::convert::script(connections, &name, &redactor).into_bytes()
        }
        Form::Asciicast => match connections {
            [connection] => asciicast::write(connection, SIZE, &redactor).into_bytes(),
            several => {
                let message = format!(
                    "a cast shows one connection, and there are {}",
                    several.len()
                );
                return Err(Error::usage(message)
                    .advice("--entry N for one of them; --list shows which they are"));
            }
        },
        Form::Text => {
            let texts = connections.iter().map(|it| asciicast::text(it, &redactor));
            texts.collect::<Vec<_>>().join(&b"\n"[..])
        }
    })
}

/// The connections that are wanted.
fn chosen<'a>(
    path: &Path,
    connections: &'a [Connection],
    entry: Option<usize>,
) -> Result<&'a [Connection], Error> {
    let name = shown(&path.to_string_lossy(), LONGEST_URL);
    let Some(entry) = entry else {
        return Ok(connections);
    };
    let one = entry.checked_sub(1);
    one.and_then(|one| connections.get(one..entry))
        .ok_or_else(|| {
            let count = units::counted(connections.len() as u64, "connection");
            Error::usage(format!("--entry {entry}: {name} has {count}"))
                .advice("--list shows which they are")
        })
}

/// A line for each connection, or for each test of a script.
pub fn list(content: &Content, redactor: &Redactor) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    match content {
        Content::Connections(connections) => {
            for (number, connection) in (1u64..).zip(connections) {
                let _ = writeln!(out, "{number}  {}", describe(connection, redactor));
            }
        }
        Content::Script(file) => {
            for (number, test) in (1u64..).zip(&file.tests) {
                let _ = writeln!(out, "{number}  {}", shown(&test.name.value, LONGEST_URL));
            }
        }
    }
    out
}

/// `wss://host/path  2026-11-20T10:00:00Z  3 sent, 40 received  1.2s`
fn describe(connection: &Connection, redactor: &Redactor) -> String {
    let url = match redactor.includes_secrets() {
        true => connection.url.clone(),
        false => uri::shown_target(&connection.url),
    };
    let mut parts = vec![shown(&url, LONGEST_URL)];
    if let Some(started) = connection.started {
        let started = timestamp(started).strftime("%Y-%m-%dT%H:%M:%SZ");
        parts.push(started.to_string());
    }
    let status = connection.answer.status.filter(|status| *status != 101);
    parts.extend(status.map(|status| format!("HTTP {status}")));
    let (mut sent, mut received) = (0u64, 0u64);
    for moment in &connection.moments {
        match moment.what {
            What::Sent { .. } => sent += 1,
            What::Received(_) => received += 1,
            _ => {}
        }
    }
    parts.push(format!("{sent} sent, {received} received"));
    if let Some(last) = connection.moments.last() {
        parts.push(format!("{:.1}s", last.at.as_secs_f64()));
    }
    parts.join("  ")
}

/// The ending of a name, in lower case.
fn ending(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

/// The first line that is not blank.
fn first_line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.trim_ascii_start();
    bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes)
}

/// Whether a name from a file names a file beside it, and nothing elsewhere.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(form: Form) -> Options {
        Options {
            form,
            entry: None,
            include_secrets: false,
        }
    }

    fn read_named(name: &str, text: &str) -> Result<Input, Error> {
        read(Path::new(name), text.as_bytes(), |_| Err("gone".to_owned()))
    }

    #[test]
    fn files_are_known_by_their_ending_or_their_beginning() {
        let header = r#"{"type":"send","t":0,"conn":1,"opcode":1,"data":"hi"}"#;
        let archive = r#"{"log":{"entries":[]}}"#;
        for (name, text) in [
            ("a.JSONL", header),
            ("a", header),
            ("a.har", archive),
            ("a.json", archive),
            ("a.http", "ws://h\n\nhi\n"),
            ("a", "### x\nWEBSOCKET ws://h\n"),
        ] {
            let input = read_named(name, text).unwrap();
            let is_script = matches!(input.content, Content::Script(_));
            assert_eq!(is_script, !text.starts_with('{'), "{name}");
        }
        for (name, message) in [
            ("a.wst", "a.wst: it is a script"),
            ("a.txt", "a.txt: what a terminal shows cannot be converted"),
            ("a.har.zip", "a.har.zip: it is packed"),
            (
                "a.har",
                "a.har: not an HTTP archive: not JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                "\u{1b}.jsonl",
                "\\x1b.jsonl: not a recording: it has no event",
            ),
        ] {
            assert_eq!(read_named(name, "").unwrap_err().message, message);
        }
        let error = read_named("a.http", "ws://h\nno header\n").unwrap_err();
        assert_eq!(error.message, "a.http:2:1: not a header: no header");
    }

    #[test]
    fn a_file_without_connections_says_what_is_missing() {
        for (name, text, message) in [
            (
                "a.jsonl",
                r#"{"type":"header","url":"ws://h/"}"#,
                "a.jsonl: it has no connection",
            ),
            (
                "a.har",
                r#"{"log":{"entries":[]}}"#,
                "a.har: it has no WebSocket",
            ),
            (
                "a.http",
                "GET http://h/\n",
                "a.http: it has no WebSocket request",
            ),
            ("a.http", "", "a.http: it has no WebSocket request"),
        ] {
            let input = read_named(name, text).unwrap();
            let error = check(Path::new(name), &input).unwrap_err();
            assert_eq!(error.message, message);
        }
        let input = read_named("a.http", "ws://h\n\nhi\n").unwrap();
        assert!(check(Path::new("a.http"), &input).is_ok());
    }

    #[test]
    fn an_attached_file_is_read_only_beside_the_archive() {
        for (file, note) in [
            (
                "gone.jsonl",
                "entry 1: its messages are in gone.jsonl, which cannot be read: gone",
            ),
            (
                "../x",
                "entry 1: its messages are in ../x, which is not beside the archive",
            ),
            (
                "C:x",
                "entry 1: its messages are in C:x, which is not beside the archive",
            ),
        ] {
            let archive = format!(
                r#"{{"log":{{"entries":[{{"request":{{"url":"ws://h/"}},"response":{{"content":{{"_file":"{file}"}}}}}}]}}}}"#
            );
            let mut asked = Vec::new();
            let input = read(Path::new("a.har"), archive.as_bytes(), |name| {
                asked.push(name.to_owned());
                Err("gone".to_owned())
            });
            assert_eq!(input.unwrap().notes, [note]);
            assert_eq!(asked.is_empty(), file != "gone.jsonl");
        }
    }

    #[test]
    fn connections_are_listed_and_chosen() {
        let path = Path::new("a.jsonl");
        let lines = [
            r#"{"type":"header","url":"ws://h/?token=abcdef","started":"2026-11-20T10:00:00Z"}"#,
            r#"{"type":"send","t":1.25,"conn":1,"opcode":1,"data":"hi"}"#,
            r#"{"type":"header","url":"ws://other/"}"#,
            r#"{"type":"refused","t":0.1,"attempt":1,"status":401,"headers":[],"body":""}"#,
        ];
        let content = read_named("a.jsonl", &lines.join("\n")).unwrap().content;
        assert_eq!(
            list(&content, &Redactor::default()),
            "1  ws://h/?token=[redacted]  2026-11-20T10:00:00Z  1 sent, 0 received  1.2s\n\
             2  ws://other/  HTTP 401  0 sent, 0 received\n"
        );
        let written = |options: &Options| write(path, &content, options).map_err(|it| it.message);
        let second = Options {
            entry: Some(2),
            ..form(Form::Script)
        };
        assert_eq!(
            written(&second),
            Ok(b"### a\nWEBSOCKET ws://other/\nHTTP 401\n".to_vec())
        );
        let third = Options {
            entry: Some(3),
            ..second
        };
        let error = "--entry 3: a.jsonl has 2 connections".to_owned();
        assert_eq!(written(&third), Err(error));
        let error = "a cast shows one connection, and there are 2".to_owned();
        assert_eq!(written(&form(Form::Asciicast)), Err(error));
        for form in [Form::Recording, Form::Har, Form::Script, Form::Text].map(form) {
            assert!(written(&form).is_ok());
        }
    }
}

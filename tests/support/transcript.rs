//! Transcripts: what a server and its client say to each other, as text. [`super::played`] plays them.
//!
//! A file holds several exchanges; a line is one of
//!
//! ```text
//! ### NAME                an exchange begins
//! # …                     a comment
//! === GET /path?query     a connection begins; its target must be this
//! === Name: value         the request must have this header
//! === 101 Name: value     the response has this header
//! === 403 Forbidden       the request is refused
//! S TEXT                  the server sends this text message
//! S\ TEXT                 the same, with escapes (\n \0 \x1e)
//! S# HEX                  a binary message
//! C TEXT                  the client must send this: JSON is compared as JSON, all else as text
//! C\ TEXT   C# HEX        likewise; so C*\ and C+\
//! C* TEXT                 the client may send this from here on, at any time and any number of times
//! C+ TEXT                 the client must have sent that by now, or send it next
//! S! close 4004 REASON    the server closes, and waits for the answer
//! S! ping TEXT            the server sends a ping, which must be answered
//! S! drop                 the server ends the connection without a Close
//! S! wait 300ms           the server does nothing
//! C! silent 300ms         the client must send nothing for so long
//! C! close 1000           the client must close, with this code; the server answers
//! ```
//!
//! `…` stands for any text, and `"…"` for any JSON value. At the end of a connection's lines the client
//! may close, and must send nothing more. Pings are answered at any time.
use std::time::Duration;

use serde_json::Value;

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;

/// A data message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

impl Message {
    /// What stands behind the mark of a line: `S`, `S\` or `S#`.
    fn parse(kind: &str, text: &str) -> Result<Message, String> {
        let (opcode, payload) = match kind {
            "\\" => (TEXT, unescaped(text).ok_or("no such escape")?),
            "#" => (BINARY, hex(text).ok_or("not hex")?),
            _ => (TEXT, text.as_bytes().to_vec()),
        };
        Ok(Message { opcode, payload })
    }

    /// Whether `sent` is what this one describes.
    pub(super) fn fits(&self, sent: &Message) -> bool {
        if self.opcode == BINARY || sent.opcode == BINARY {
            return (self.opcode, &self.payload) == (sent.opcode, &sent.payload);
        }
        let json = |message: &Message| serde_json::from_slice::<Value>(&message.payload);
        match (json(self), json(sent)) {
            (Ok(wanted), Ok(sent)) => json_fits(&wanted, &sent),
            _ => {
                let text =
                    |message: &Message| String::from_utf8_lossy(&message.payload).into_owned();
                text_fits(&text(self), &text(sent))
            }
        }
    }

    pub(super) fn shown(&self) -> String {
        match self.opcode {
            BINARY => self
                .payload
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            _ => {
                let text = String::from_utf8_lossy(&self.payload);
                text.chars().map(shown).collect()
            }
        }
    }
}

/// The escapes `\n`, `\r`, `\0`, `\\` and `\xHH`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = match byte {
            b'\\' => rest.next()?,
            _ => {
                bytes.push(byte);
                continue;
            }
        };
        bytes.push(match escaped {
            b'n' => b'\n',
            b'r' => b'\r',
            b'0' => 0,
            b'\\' => b'\\',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(std::str::from_utf8);
    digits
        .map(|pair| u8::from_str_radix(pair.ok()?, 16).ok())
        .collect()
}

fn shown(c: char) -> String {
    match c.is_control() {
        true => c.escape_default().collect(),
        false => c.to_string(),
    }
}

fn json_fits(wanted: &Value, sent: &Value) -> bool {
    match (wanted, sent) {
        (Value::String(any), _) if any == "…" => true,
        (Value::String(wanted), Value::String(sent)) => text_fits(wanted, sent),
        (Value::Array(wanted), Value::Array(sent)) => {
            let mut pairs = wanted.iter().zip(sent);
            wanted.len() == sent.len() && pairs.all(|(wanted, sent)| json_fits(wanted, sent))
        }
        (Value::Object(wanted), Value::Object(sent)) => {
            let fits = |(name, wanted): (&String, &Value)| {
                sent.get(name).is_some_and(|sent| json_fits(wanted, sent))
            };
            wanted.len() == sent.len() && wanted.iter().all(fits)
        }
        _ => wanted == sent,
    }
}

/// Whether `text` is `pattern` with something in place of each `…`.
pub(super) fn text_fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(first) else {
        return false;
    };
    let Some((middle, last)) = rest.rsplit_once('…') else {
        return text.ends_with(rest);
    };
    let Some(mut text) = text.strip_suffix(last) else {
        return false;
    };
    middle.split('…').all(|piece| {
        let found = text.split_once(piece);
        text = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}

#[derive(Debug)]
pub(super) enum Step {
    Send(Message),
    Expect(Message),
    /// Passed over from here on.
    MayCome(Message),
    /// Has been passed over, or comes.
    HasCome(Message),
    Close(u16, String),
    Ping(String),
    Drop,
    Wait(Duration),
    Silent(Duration),
    ClientCloses(Option<u16>),
}

impl Step {
    fn parse(line: &str) -> Result<Step, String> {
        let (mark, text) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match mark {
            "S!" => return Step::server(text),
            "C!" => return Step::client(text),
            "C*" => Step::MayCome(Message::parse("", text)?),
            "C+" => Step::HasCome(Message::parse("", text)?),
            "C*\\" => Step::MayCome(Message::parse("\\", text)?),
            "C+\\" => Step::HasCome(Message::parse("\\", text)?),
            "S" | "S\\" | "S#" => Step::Send(Message::parse(&mark[1..], text)?),
            "C" | "C\\" | "C#" => Step::Expect(Message::parse(&mark[1..], text)?),
            _ => return Err("no such mark".to_owned()),
        })
    }

    fn server(text: &str) -> Result<Step, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        Ok(match word {
            "close" => {
                let code = code.parse().map_err(|_| "no close code".to_owned())?;
                Step::Close(code, reason.to_owned())
            }
            "ping" => Step::Ping(rest.to_owned()),
            "drop" => Step::Drop,
            "wait" => Step::Wait(duration(rest)?),
            _ => return Err(format!("a server does not '{word}'")),
        })
    }

    fn client(text: &str) -> Result<Step, String> {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("close", "") => Ok(Step::ClientCloses(None)),
            ("close", code) => {
                let code = code.parse().map_err(|_| "no close code".to_owned())?;
                Ok(Step::ClientCloses(Some(code)))
            }
            ("silent", time) => Ok(Step::Silent(duration(time)?)),
            (word, _) => Err(format!("a client does not '{word}'")),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let millis = text.strip_suffix("ms").and_then(|it| it.parse().ok());
    millis
        .map(Duration::from_millis)
        .ok_or("no time in ms".to_owned())
}

/// One connection of an exchange.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Where it begins: `socketio.txt:12`.
    pub(super) place: String,
    pub(super) target: String,
    /// Headers that the request must have.
    pub(super) wanted: Vec<(String, String)>,
    /// Headers of the response, each with its line end.
    pub(super) headers: String,
    /// The status of the response, where it is not 101.
    pub(super) refused: Option<String>,
    /// Each with its place and as it is written.
    pub(super) steps: Vec<(String, String, Step)>,
}

impl Connection {
    /// What stands behind `===`, but for the request line.
    fn handshake(&mut self, text: &str) -> Result<(), String> {
        if let Some(line) = text.strip_prefix("101 ") {
            self.headers += &format!("{line}\r\n");
        } else if text.starts_with(|c: char| c.is_ascii_digit()) {
            self.refused = Some(text.to_owned());
        } else {
            let (name, value) = text.split_once(':').ok_or("no header")?;
            self.wanted.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(())
    }
}

/// Reads the exchange `name` of the transcript `text`, which is in the file `file`.
#[track_caller]
pub(super) fn parse(file: &str, text: &str, name: &str) -> Vec<Connection> {
    let mut connections: Vec<Connection> = Vec::new();
    let mut inside = name.is_empty();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        if let Some(heading) = line.strip_prefix("### ") {
            inside = heading == name;
            continue;
        }
        if !inside || line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = match line.strip_prefix("=== ") {
            Some(text) => match (text.strip_prefix("GET "), connections.last_mut()) {
                (Some(target), _) => {
                    connections.push(Connection {
                        place: place.clone(),
                        target: target.to_owned(),
                        ..Connection::default()
                    });
                    Ok(())
                }
                (None, Some(connection)) => connection.handshake(text),
                (None, None) => Err("no connection has begun".to_owned()),
            },
            None => Step::parse(line).and_then(|step| {
                let connection = connections.last_mut().ok_or("no connection has begun")?;
                connection
                    .steps
                    .push((place.clone(), line.to_owned(), step));
                Ok(())
            }),
        };
        parsed.unwrap_or_else(|why| panic!("{place}: {why}: {line}"));
    }
    assert!(!connections.is_empty(), "{file}: there is no '{name}'");
    connections
}
#[test]
fn patterns_match_json_and_text() {
    for (wanted, sent, fits) in [
        (r#"{"a":1,"b":"…"}"#, r#"{ "b": [2], "a": 1 }"#, true),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
        (r#"[1,"x…z"]"#, r#"[1,"xyz"]"#, true),
        (r#"[1,"x…z"]"#, r#"[1,"xy"]"#, false),
        ("40", "40", true),
        ("42[…]", r#"42["a"]"#, true),
        ("a…b…c", "a1b2c", true),
        ("a…b…c", "a1c", false),
        ("a…a", "a", false),
        ("…", "", true),
    ] {
        let message = |text| Message::parse("", text).unwrap();
        assert_eq!(
            message(wanted).fits(&message(sent)),
            fits,
            "{wanted} {sent}"
        );
    }
    let binary = Message::parse("#", "6131").unwrap();
    assert!(!binary.fits(&Message::parse("", "a1").unwrap()));
}

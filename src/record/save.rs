//! Messages alone, without the other events of a run, for a file that the user names at the prompt.
//!
//! As events they are a record like any other. As lines they are what `--frame line` reads: the texts
//! themselves where each is one line, and otherwise all of them with the escapes of `--escapes`.

use std::path::Path;
use std::time::Duration;

use super::write::{Strings, Writer};
use crate::codec;
use crate::event::{By, Event, Origin};
use crate::json::string;
use crate::message::{Data, Message};
use crate::secret::Redactor;

/// A message that was sent or received.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// Since the start of the run.
    pub t: Duration,
    pub conn: u32,
    /// Who sent it.
    pub by: By,
    /// `None` if the user sent it, or the peer.
    pub origin: Option<Origin>,
    /// Its number in its message, if it is a record.
    pub record: Option<u64>,
    pub message: &'a Message,
}

/// Messages as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    pub bytes: Vec<u8>,
    /// Whether the lines are escaped, so that `--escapes` has to read them.
    pub escaped: bool,
}

/// Whether messages are saved as events in a file of this name: `.jsonl`, `.ndjson` or `.json`.
pub fn is_for_events(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| ["jsonl", "ndjson", "json"].contains(&&*it.to_ascii_lowercase()))
}

/// The messages as events, after a header with the URL as it is shown, and when the run began, since
/// the Unix epoch.
pub fn events<'a>(
    (url, started): (&str, Duration),
    messages: impl IntoIterator<Item = Stored<'a>>,
    redactor: &Redactor,
) -> Vec<u8> {
    let writer = Writer {
        strings: Strings {
            redactor,
            push: string::push_string,
        },
        numbers: false,
    };
    let mut out = Vec::new();
    writer.push(Duration::ZERO, &Event::Header { url, started }, &mut out);
    for stored in messages {
        writer.push(stored.t, &stored.event(), &mut out);
    }
    out
}

impl<'a> Stored<'a> {
    fn event(self) -> Event<'a> {
        let Stored {
            conn,
            message,
            record,
            ..
        } = self;
        match self.by {
            By::Us => Event::Send {
                conn,
                message,
                number: None,
                origin: self.origin,
            },
            By::Peer => Event::Receive {
                conn,
                message,
                record,
            },
        }
    }
}

/// The messages as lines, in order.
pub fn lines<'a>(messages: impl IntoIterator<Item = &'a Message>, redactor: &Redactor) -> Lines {
    let messages: Vec<_> = messages.into_iter().collect();
    let escaped = !messages.iter().all(|message| is_line(message.as_data()));
    let mut bytes = Vec::new();
    for message in messages {
        let payload = redactor.redact_bytes(message.payload());
        match escaped {
            true => codec::push_escaped(&payload, &mut bytes),
            false => bytes.extend_from_slice(&payload),
        }
        bytes.push(b'\n');
    }
    Lines { bytes, escaped }
}

/// Whether a message is a line as it is.
fn is_line(data: Data<'_>) -> bool {
    match data {
        Data::Text(text) => !text.contains(|c: char| c.is_ascii_control() && c != '\t'),
        Data::Binary(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::read::Line;

    fn redactor() -> Redactor {
        let redactor = Redactor::default();
        redactor.add_given("sixteen bytes !!");
        redactor
    }

    #[test]
    fn messages_are_events_after_a_header() {
        let sent = Message::text("a\n");
        let received = Message::binary(&b"\xff"[..]);
        let secret = Message::text("sixteen bytes !!");
        let stored = |t, by, origin, message| Stored {
            t: Duration::from_secs(t),
            conn: 2,
            by,
            origin,
            record: None,
            message,
        };
        let messages = [
            stored(1, By::Us, None, &sent),
            stored(2, By::Peer, None, &received),
            stored(3, By::Us, Some(Origin::OnOpen), &secret),
        ];
        let events = events(("ws://host/", Duration::ZERO), messages, &redactor());
        let events = String::from_utf8(events).unwrap();
        let (header, events) = events.split_once('\n').unwrap();
        assert!(header.contains(r#""url":"ws://host/""#), "{header}");
        assert_eq!(
            events,
            concat!(
                r#"{"type":"send","t":1.0,"conn":2,"opcode":1,"data":"a\n"}"#,
                "\n",
                r#"{"type":"receive","t":2.0,"conn":2,"opcode":2,"encoding":"base64","data":"/w==","len":1}"#,
                "\n",
                r#"{"type":"send","t":3.0,"conn":2,"origin":"on-open","opcode":1,"data":"[redacted]"}"#,
                "\n",
            )
        );
    }

    #[test]
    fn lines_are_escaped_only_where_that_is_needed() {
        for (messages, expected, escaped) in [
            (&[][..], "", false),
            (
                &["{\"a\":\"\\\"\"}", "", "b\t"],
                "{\"a\":\"\\\"\"}\n\nb\t\n",
                false,
            ),
            (&["a\\", "b\nc"], "a\\\\\nb\\nc\n", true),
            (&["a\r"], "a\\r\n", true),
            (&["sixteen bytes !!"], "[redacted]\n", false),
        ] {
            let messages: Vec<_> = messages.iter().map(|text| Message::text(*text)).collect();
            let lines = lines(&messages, &redactor());
            assert_eq!(String::from_utf8(lines.bytes).unwrap(), expected);
            assert_eq!(lines.escaped, escaped);
        }
        let binary = [Message::text("é"), Message::binary(&b"\xff"[..])];
        let lines = lines(&binary, &redactor());
        assert_eq!(
            (&*lines.bytes, lines.escaped),
            ("é\n\\xff\n".as_bytes(), true)
        );
    }

    #[test]
    fn the_name_of_the_file_decides() {
        for (name, expected) in [
            ("a.jsonl", true),
            ("a.JSON", true),
            ("a.ndjson", true),
            ("a.txt", false),
            ("json", false),
        ] {
            assert_eq!(is_for_events(Path::new(name)), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn saved_messages_are_read_back(texts: Vec<String>, binary: Vec<u8>) {
            let mut messages: Vec<_> = texts.into_iter().map(Message::text).collect();
            let Lines { bytes, escaped } = lines(&messages, &Redactor::default());
            let read: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
                let line = &line[..line.len() - 1];
                match escaped {
                    true => codec::decode_escapes(line).unwrap(),
                    false => line.to_vec(),
                }
            }).collect();
            prop_assert_eq!(read.len(), messages.len());
            prop_assert!(read.iter().zip(&messages).all(|(line, message)| line == message.payload()));

            messages.push(Message::binary(binary));
            let stored = messages.iter().map(|message| Stored {
                t: Duration::ZERO, conn: 1, by: By::Us, origin: None, record: None, message,
            });
            let bytes = events(("ws://host/", Duration::ZERO), stored, &Redactor::default());
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').skip(1);
            let read: Vec<_> = lines
                .map(|line| Line::parse(line).unwrap().unwrap().message().unwrap())
                .collect();
            prop_assert_eq!(read, messages);
        }
    }
}

//! The ledger: messages in the order in which they arrived, held in memory, and written out in
//! pieces, because the largest of them would be a large page on its own. Pure; [`store`] keeps it in a
//! file, and [`http`] shows it to those who do not speak WebSocket.

mod file;
pub(super) mod http;
mod number;
pub(super) mod store;
mod text;

pub(super) use number::number;

use crate::message::{Kind, Message};

/// The most that is held, with what stands before each message.
const MAX_HELD: usize = 256 << 20;

/// Messages lie in segments, so that the ledger grows without being copied.
const SEGMENT: usize = 1 << 20;

/// A page is done when it has reached this size.
const PAGE: usize = 64 << 10;

/// What stands before a message: its connection, its opcode and its length.
const HEAD: usize = 8 + 1 + 8;

/// How the ledger is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One line per message, line feeds and backslashes escaped.
    Line,
    /// One JSON object per line.
    Json,
}

/// Everything recorded, each message within one segment.
#[derive(Default)]
pub(super) struct Ledger {
    segments: Vec<Vec<u8>>,
    held: usize,
    total: u64,
    /// How often it was emptied.
    emptied: u64,
}

/// A place in the ledger, and where to stop.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    format: Format,
    at: Place,
    /// Bytes of the message there that have been written out.
    within: usize,
    end: Place,
    emptied: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    segment: usize,
    offset: usize,
}

/// The ledger has been emptied, and there is nothing more to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Emptied;

impl std::fmt::Display for Emptied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the ledger was emptied while it was read")
    }
}

impl std::error::Error for Emptied {}

impl Ledger {
    /// How many messages are recorded.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many of `messages` there is room for.
    fn room_for(&self, messages: &[Message]) -> usize {
        let mut room = MAX_HELD - self.held;
        let fits = messages.iter().take_while(|message| {
            let left = room.checked_sub(HEAD + message.len());
            room = left.unwrap_or(room);
            left.is_some()
        });
        fits.count()
    }

    fn push(&mut self, conn: u64, message: &Message) {
        let size = HEAD + message.len();
        let segment = match self.segments.pop() {
            Some(last) if last.len() + size <= SEGMENT => last,
            Some(mut last) => {
                last.shrink_to_fit();
                self.segments.push(last);
                Vec::new()
            }
            None => Vec::new(),
        };
        let segment = self.segments.push_mut(segment);
        if size > SEGMENT {
            segment.reserve_exact(size);
        }
        segment.extend_from_slice(&conn.to_be_bytes());
        segment.push(message.kind().opcode());
        segment.extend_from_slice(&(message.len() as u64).to_be_bytes());
        segment.extend_from_slice(message.payload());
        self.held += size;
        self.total += 1;
    }

    fn clear(&mut self) {
        *self = Ledger {
            emptied: self.emptied + 1,
            ..Ledger::default()
        };
    }

    /// From the first message to the one that is last now.
    fn cursor(&self, format: Format) -> Cursor {
        let last = self.segments.last();
        let end = last.map_or_else(Place::default, |last| Place {
            segment: self.segments.len() - 1,
            offset: last.len(),
        });
        Cursor {
            format,
            at: Place::default(),
            within: 0,
            end,
            emptied: self.emptied,
        }
    }

    /// Appends the next page to `out`; whether there is more behind it.
    ///
    /// # Errors
    /// [`Emptied`]
    fn page(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> Result<bool, Emptied> {
        if cursor.emptied != self.emptied {
            return Err(Emptied);
        }
        while cursor.at != cursor.end {
            let segment = &self.segments[cursor.at.segment];
            if cursor.at.offset == segment.len() {
                cursor.at = Place {
                    segment: cursor.at.segment + 1,
                    offset: 0,
                };
                continue;
            }
            if out.len() >= PAGE {
                return Ok(true);
            }
            let Some(entry) = Entry::read(&segment[cursor.at.offset..]) else {
                // A segment holds whole entries; without one there is nothing more to show.
                return Ok(false);
            };
            cursor.within += entry.write(cursor.format, cursor.within, out);
            if cursor.within == entry.data.len() {
                cursor.at.offset += HEAD + entry.data.len();
                cursor.within = 0;
            }
        }
        Ok(false)
    }
}

/// A message as it lies in a segment.
struct Entry<'a> {
    conn: u64,
    kind: Kind,
    data: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The first entry of `bytes`, if there is a whole one.
    fn read(bytes: &'a [u8]) -> Option<Entry<'a>> {
        let (conn, rest) = bytes.split_first_chunk()?;
        let (opcode, rest) = rest.split_first()?;
        let (len, rest) = rest.split_first_chunk()?;
        let kind = match opcode {
            1 => Kind::Text,
            _ => Kind::Binary,
        };
        Some(Entry {
            conn: u64::from_be_bytes(*conn),
            kind,
            data: rest.get(..u64::from_be_bytes(*len) as usize)?,
        })
    }

    /// Writes out the next piece; how many bytes of the message that was.
    fn write(&self, format: Format, within: usize, out: &mut Vec<u8>) -> usize {
        let rest = &self.data[within..];
        let (written, end) = match format {
            Format::Line => (text::push_line(rest, out), &b"\n"[..]),
            Format::Json => {
                if within == 0 {
                    text::push_object_start(self.conn, self.kind, out);
                }
                let written = text::push_object_data(self.kind, rest, out);
                (written, &b"\"}\n"[..])
            }
        };
        if written == rest.len() {
            out.extend_from_slice(end);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(messages: &[Message]) -> Ledger {
        let mut ledger = Ledger::default();
        for (conn, message) in (1..).zip(messages) {
            ledger.push(conn, message);
        }
        ledger
    }

    /// All pages, and how many there were.
    fn shown(ledger: &Ledger, format: Format) -> (String, usize) {
        let mut cursor = ledger.cursor(format);
        let (mut all, mut pages) = (Vec::new(), 0);
        loop {
            let mut page = Vec::new();
            let more = ledger.page(&mut cursor, &mut page).unwrap();
            assert!(page.len() < 8 * PAGE, "{}", page.len());
            all.extend(page);
            pages += 1;
            if !more {
                return (String::from_utf8(all).unwrap(), pages);
            }
        }
    }

    #[test]
    fn messages_are_listed_in_order_in_either_format() {
        let ledger = ledger(&[
            Message::text("a\"b\\\nc\u{1}é"),
            Message::binary(&b"\x00\xff"[..]),
            Message::text(""),
        ]);
        assert_eq!(ledger.total(), 3);
        let (lines, pages) = shown(&ledger, Format::Line);
        assert_eq!(lines, "a\"b\\\\\\nc\\x01é\n\\x00\\xff\n\n");
        assert_eq!(pages, 1);
        assert_eq!(
            shown(&ledger, Format::Json).0,
            "{\"conn\":1,\"opcode\":1,\"data\":\"a\\\"b\\\\\\nc\\u0001é\"}\n\
             {\"conn\":2,\"opcode\":2,\"encoding\":\"base64\",\"data\":\"AP8=\"}\n\
             {\"conn\":3,\"opcode\":1,\"data\":\"\"}\n"
        );
        assert_eq!(shown(&Ledger::default(), Format::Line), (String::new(), 1));
    }

    #[test]
    fn large_messages_are_listed_in_many_pages() {
        let text = "aé€𝄞\n".repeat(300_000);
        let binary: Vec<u8> = (0..=255).cycle().take(2_000_000).collect();
        let messages = [
            Message::text("small"),
            Message::text(text.clone()),
            Message::binary(binary),
            Message::text("small"),
        ];
        let ledger = ledger(&messages);
        let (lines, pages) = shown(&ledger, Format::Line);
        assert!(pages > 20, "{pages}");
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1] == text.replace('\n', "\\n"));
        let (objects, _) = shown(&ledger, Format::Json);
        let objects: Vec<serde_json::Value> = objects
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(objects[1]["data"] == text);
        let data = objects[2]["data"].as_str().unwrap().as_bytes();
        assert!(crate::codec::decode_base64(data).unwrap() == *messages[2].payload());
    }

    #[test]
    fn messages_span_several_segments() {
        let messages: Vec<Message> = (0..5)
            .map(|number: u8| Message::binary(vec![b'0' + number; SEGMENT / 2]))
            .collect();
        let ledger = ledger(&messages);
        assert!(ledger.segments.len() >= 3);
        let (lines, _) = shown(&ledger, Format::Line);
        let first: String = lines.lines().map(|line| &line[..1]).collect();
        assert_eq!(first, "01234");
    }

    #[test]
    fn the_ledger_size_is_limited() {
        let mut ledger = Ledger {
            held: MAX_HELD - 2 * HEAD - 3,
            ..Ledger::default()
        };
        let message = Message::text("ab");
        let messages = [message.clone(), message.clone()];
        assert_eq!(ledger.room_for(&messages), 1);
        ledger.push(1, &message);
        assert_eq!(ledger.room_for(&messages), 0);
        assert_eq!(ledger.room_for(&[Message::text("a")]), 1);
        ledger.clear();
        assert_eq!(ledger.room_for(&messages), 2);
    }

    #[test]
    fn later_messages_are_not_shown_and_removed_ones_are_an_error() {
        let mut ledger = ledger(&[Message::text("one")]);
        let mut cursor = ledger.cursor(Format::Line);
        ledger.push(2, &Message::text("two"));
        let mut early = cursor.clone();
        let mut out = Vec::new();
        assert_eq!(ledger.page(&mut cursor, &mut out), Ok(false));
        assert_eq!(out, b"one\n");
        ledger.clear();
        assert_eq!(ledger.page(&mut early, &mut out), Err(Emptied));
        assert_eq!(ledger.total(), 0);
        assert_eq!(shown(&ledger, Format::Line).0, "");
    }
}

//! Recordings (`--record`) as connections, and connections as recordings.
//!
//! A recording may hold several runs: each header begins one. A run is one connection, however often it
//! was made again; a run that listened has one for each client, seen from the client. What cannot be
//! read is left out, and a note says so.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::{Answer, Connection, Moment, What};
use super::events;
use super::notes::Notes;
use super::read::{Line, LineError};
use super::schema::{self, Type};
use super::write::{Strings, Writer};
use crate::close::Close;
use crate::event::{By, Origin};
use crate::json::string;
use crate::message::Message;
use crate::secret::Redactor;
use crate::wire::frame::{self, RawFrame};

/// What a recording holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// In the order in which they begin.
    pub connections: Vec<Connection>,
    /// What was left out, and why: a sentence each, safe for a terminal.
    pub notes: Vec<String>,
}

/// Where a connection stands in its recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// When it opened, as the time of a moment; `None` if the recording does not say.
    pub opened: Option<Duration>,
    /// The line of each of its moments, from 1.
    pub lines: Vec<u64>,
}

/// Why bytes are no recording, and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub advice: String,
}

/// Reads a recording.
///
/// # Errors
/// If no line of it is an event.
pub fn read(bytes: &[u8]) -> Result<Recording, Error> {
    Ok(read_with_places(bytes)?.0)
}

/// Reads a recording, and where each of its connections stands in it.
///
/// # Errors
/// As [`read`].
pub fn read_with_places(bytes: &[u8]) -> Result<(Recording, Vec<Place>), Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = Reader::default();
    let mut number = 0u64;
    let mut rest = bytes;
    while !rest.is_empty() {
        number += 1;
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        match (Line::parse(line), end) {
            (Ok(None), _) => {}
            (Ok(Some(line)), _) => reader.line(number, &line),
            (Err(_), None) if reader.has_events => reader.notes.push(&format!(
                "the last line is cut off, and left out: line {number}"
            )),
            (Err(error), _) => reader.wrong(number, &error),
        }
    }
    reader.finish()
}

/// Reads lines one after another.
#[derive(Default)]
struct Reader {
    run: Run,
    /// The number of the line that is read.
    number: u64,
    done: Vec<Connection>,
    places: Vec<Place>,
    notes: Notes,
    /// Whether any line was an event.
    has_events: bool,
    /// The first thing that was wrong, for a file in which nothing is right.
    first: Option<String>,
}

/// What was read of a run.
#[derive(Default)]
struct Run {
    url: String,
    started: Option<Duration>,
    /// Whether the peers are clients.
    listens: bool,
    /// Those that were made, and of a run that connects the only one.
    connections: Vec<Partner>,
    /// Where those of clients are, by their numbers.
    clients: BTreeMap<u64, usize>,
}

/// A connection with what is only known while it is read.
#[derive(Default)]
struct Partner {
    connection: Connection,
    place: Place,
    is_open: bool,
}

impl Reader {
    fn wrong(&mut self, number: u64, error: &LineError) {
        let note = format!("line {number} is left out: {}", error.what);
        self.notes.push(&note);
        self.first.get_or_insert(error.what.clone());
    }

    fn line(&mut self, number: u64, line: &Line) {
        self.number = number;
        if let Err(error) = self.event(line) {
            self.wrong(number, &error);
        }
    }

    /// Handles an event. Others than those that make a connection, and unknown ones, say nothing.
    fn event(&mut self, line: &Line) -> Result<(), LineError> {
        let Some(kind) = line.type_name()?.and_then(Type::named) else {
            return Ok(());
        };
        self.has_events = true;
        match kind {
            Type::Header => {
                self.end_run();
                self.run.url = line.string(schema::URL)?.unwrap_or_default().to_owned();
                self.run.started = line.string(schema::STARTED)?.and_then(since_epoch);
            }
            Type::Listening => {
                self.run.listens = true;
                if let Some(url) = line.string(schema::URL)? {
                    self.run.url = url.to_owned();
                }
            }
            Type::Open => self.open(line)?,
            Type::Refused => self.refused(line)?,
            Type::Send | Type::Receive | Type::Ping | Type::Pong | Type::Close => {
                let what = what(kind, line)?;
                self.moment(line, what);
            }
            Type::Frame => match sent_frame(&line.frame()?) {
                Some(what) if line.sender()? == By::Us => self.moment(line, what),
                _ => {
                    return Err(LineError::new(
                        "a frame that is no message by itself",
                        "--frame events sends it",
                    ));
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, line: &Line) -> Result<(), LineError> {
        let answer = Answer {
            status: Some(line.status()?.unwrap_or(101)),
            headers: Vec::new(),
            subprotocol: line.string(schema::SUBPROTOCOL)?.map(str::to_owned),
            extensions: line.string(schema::EXTENSIONS)?.map(str::to_owned),
        };
        let headers = line.headers();
        let target = line.string(schema::TARGET)?.unwrap_or_default();
        let at = line.time();
        let (listens, number) = (self.run.listens, self.number);
        let partner = self.run.partner(line.conn());
        if partner.is_open && !listens {
            let what = What::Reopened;
            partner.push(Moment { at, what }, number);
            return Ok(());
        }
        partner.is_open = true;
        partner.place.opened = Some(at);
        partner.connection.answer = answer;
        partner.connection.headers = headers;
        if listens {
            partner.connection.url = with_target(&partner.connection.url, target);
        }
        Ok(())
    }

    /// The answer that opened no connection; the last of several.
    fn refused(&mut self, line: &Line) -> Result<(), LineError> {
        let status = line.status()?;
        let headers = line.headers();
        if self.run.listens {
            return Ok(());
        }
        let partner = self.run.partner(line.conn());
        if !partner.is_open {
            partner.connection.answer = Answer {
                status,
                headers,
                ..Answer::default()
            };
        }
        Ok(())
    }

    fn moment(&mut self, line: &Line, what: What) {
        let at = line.time();
        let (listens, number) = (self.run.listens, self.number);
        let partner = self.run.partner(line.conn());
        let what = match listens {
            true => mirrored(what),
            false => what,
        };
        partner.push(Moment { at, what }, number);
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        for partner in run.connections {
            let connection = partner.connection;
            // An attempt that got no answer has nothing to show.
            if connection.answer.status.is_some() || !connection.moments.is_empty() {
                self.done.push(connection);
                self.places.push(partner.place);
            }
        }
    }

    fn finish(mut self) -> Result<(Recording, Vec<Place>), Error> {
        self.end_run();
        if self.has_events {
            let recording = Recording {
                connections: self.done,
                notes: self.notes.into_sentences(),
            };
            return Ok((recording, self.places));
        }
        let why = self.first.unwrap_or_else(|| "it has no event".to_owned());
        let why = super::notes::shown(&why, 120);
        Err(Error {
            message: format!("not a recording: {why}"),
            advice: "--record FILE writes one: a JSON object on each line".to_owned(),
        })
    }
}

impl Partner {
    fn push(&mut self, moment: Moment, line: u64) {
        self.connection.moments.push(moment);
        self.place.lines.push(line);
    }
}

impl Run {
    /// The connection that a line is about.
    fn partner(&mut self, conn: u64) -> &mut Partner {
        let next = self.connections.len();
        let index = match self.listens {
            true => *self.clients.entry(conn).or_insert(next),
            false => 0,
        };
        if index == next {
            self.connections.push(Partner {
                connection: Connection {
                    url: self.url.clone(),
                    started: self.started,
                    ..Connection::default()
                },
                ..Partner::default()
            });
        }
        &mut self.connections[index]
    }
}

/// What the line of an event of these types says.
fn what(kind: Type, line: &Line) -> Result<What, LineError> {
    let by_itself = is_by_itself(line)?;
    Ok(match kind {
        Type::Send => What::Sent {
            message: line.message()?,
            by_itself,
        },
        Type::Receive => What::Received(line.message()?),
        Type::Close => closed(line)?,
        _ => {
            let data = line.control_data()?.to_vec();
            match (kind, line.sender()?) {
                (Type::Ping, By::Us) => What::SentPing { data, by_itself },
                (Type::Ping, By::Peer) => What::ReceivedPing(data),
                (_, By::Us) => What::SentPong { data, by_itself },
                (_, By::Peer) => What::ReceivedPong(data),
            }
        }
    })
}

/// Whether wirecat sent this because of the time, the protocol or a lost connection. What the options
/// of the user send is the user's: a replay without these options has to send it.
fn is_by_itself(line: &Line) -> Result<bool, LineError> {
    let of_user = [
        Origin::OnOpen,
        Origin::Token,
        Origin::Mirror,
        Origin::Answer,
    ];
    let of_user = |origin: &str| of_user.iter().any(|it| it.name() == origin);
    let origin = line.string(schema::ORIGIN)?;
    Ok(line.is_repeat()? || origin.is_some_and(|origin| !of_user(origin)))
}

fn closed(line: &Line) -> Result<What, LineError> {
    let code = line.code()?.filter(|code| *code != 1005);
    let reason = line.string(schema::REASON)?.unwrap_or_default().to_owned();
    if code == Some(1006) {
        return Ok(What::Lost);
    }
    let close = Close { code, reason };
    Ok(match line.closer()? {
        By::Us => What::Closing(close),
        By::Peer => What::Closed(close),
    })
}

/// What a frame made by hand is, if it is a whole message.
fn sent_frame(frame: &RawFrame) -> Option<What> {
    if !frame.fin || frame.rsv != 0 || frame.len.is_some() {
        return None;
    }
    let (payload, by_itself) = (frame.payload.clone(), false);
    let data = payload.to_vec();
    Some(match frame.opcode {
        frame::TEXT => What::Sent {
            message: Message::new(crate::message::Kind::Text, payload).ok()?,
            by_itself,
        },
        frame::BINARY => What::Sent {
            message: Message::binary(payload),
            by_itself,
        },
        frame::PING => What::SentPing { data, by_itself },
        frame::PONG => What::SentPong { data, by_itself },
        _ => return None,
    })
}

/// What the client saw where the recording is that of the server.
fn mirrored(what: What) -> What {
    let by_itself = false;
    match what {
        What::Sent { message, .. } => What::Received(message),
        What::Received(message) => What::Sent { message, by_itself },
        What::SentPing { data, .. } => What::ReceivedPing(data),
        What::SentPong { data, .. } => What::ReceivedPong(data),
        What::ReceivedPing(data) => What::SentPing { data, by_itself },
        // It answers a ping.
        What::ReceivedPong(data) => What::SentPong {
            data,
            by_itself: true,
        },
        What::Closing(close) => What::Closed(close),
        What::Closed(close) => What::Closing(close),
        What::Lost | What::Reopened => what,
    }
}

/// The URL of a client: that of the server with the target of the request in place of its path.
fn with_target(url: &str, target: &str) -> String {
    if !target.starts_with('/') {
        return url.to_owned();
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.find(['/', '?']));
    let server = path.and_then(|at| url.get(..host + at)).unwrap_or(url);
    format!("{server}{target}")
}

fn since_epoch(text: &str) -> Option<Duration> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    Duration::try_from(timestamp.as_duration()).ok()
}

/// Writes connections as a recording, a run each. The headers of answers have no place in it.
pub fn write(connections: &[Connection], redactor: &Redactor) -> Vec<u8> {
    let mut out = Vec::new();
    for connection in connections {
        let writer = Writer {
            strings: Strings {
                redactor,
                push: string::push_string,
            },
            numbers: false,
        };
        events::each(connection, redactor, |at, event| {
            writer.push(at, event, &mut out);
        });
    }
    out
}

#[cfg(test)]
mod tests;

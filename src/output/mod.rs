//! Renders events to bytes for stdout and stderr: every format, colour, filter and notice.
//!
//! Pure: no I/O, no clock, no environment; [`Options`] and the events provide what it needs. stdout
//! gets payload only. If a stream is a terminal, no text from a peer reaches it as a control
//! character. This is the only module that knows ANSI escape sequences.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{By, Event, Origin, Peer, Timing};
use crate::json::parsed::Parsed;
use crate::json::string;
use crate::message::{Data, Kind, Message};
use crate::record::write::{Strings, Writer};
use crate::secret::Redactor;
use crate::session::frontend::Received;

mod clock;
mod fold;
pub mod hexdump;
mod invisible;
mod json;
mod layout;
mod notices;
mod options;
mod payload;
mod pretty;
pub mod sanitize;
mod sent;
mod stats;
pub mod style;
#[cfg(test)]
mod tests;
pub mod width;

use clock::Clock;
use fold::{Fold, Notes};
pub use json::push_string_for_terminal;
use notices::Stderr;
pub use notices::brief;
pub use options::{Format, Options, Timestamps, UNFOLDED};
use pretty::Pretty;
use sent::SentLine;
pub use stats::round_trips as describe_round_trips;
use style::{Painter, Role};

/// Turns events into bytes.
pub struct Renderer {
    options: Options,
    redactor: Redactor,
    clock: Clock,
    timing: Option<Timing>,
    /// When the last message was sent, as time since the start.
    last_sent: Option<Duration>,
    /// Whether received messages are copied unchanged; see [`Renderer::render`].
    direct: bool,
}

/// A data message for stdout, perhaps one of several results of a filter.
#[derive(Clone, Copy)]
struct DisplayMessage<'a> {
    t: Duration,
    conn: u32,
    by: By,
    record: Option<u64>,
    data: Data<'a>,
    /// What was received, where `data` is what that decoded to.
    undecoded: Option<Data<'a>>,
}

impl<'a> DisplayMessage<'a> {
    /// A message that is no record.
    fn whole((t, conn): (Duration, u32), by: By, data: Data<'a>) -> Self {
        DisplayMessage {
            t,
            conn,
            by,
            record: None,
            data,
            undecoded: None,
        }
    }
}

impl Renderer {
    pub fn new(options: Options, redactor: Redactor) -> Self {
        Renderer {
            direct: is_direct(&options),
            clock: Clock::new(options.time_zone.clone()),
            timing: None,
            last_sent: None,
            options,
            redactor,
        }
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes the options from here on, for a command that sets a format or a filter. The time
    /// zone is kept.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
        self.direct = is_direct(&self.options);
    }

    /// Sets the columns and rows of the terminal that messages are shown on.
    pub fn resize(&mut self, size: Option<(usize, usize)>) {
        self.options.width = size.map(|(columns, _)| columns);
        self.options.height = size.map(|(_, rows)| rows);
    }

    /// Whether [`Event::Send`] is shown at all; if not, the event need not be made.
    pub fn wants_sends(&self) -> bool {
        self.options.format == Format::Json || self.options.shows_sent()
    }

    /// Appends the output for `event`, which happened at `t` since the start, to stdout and stderr.
    pub fn render(&mut self, t: Duration, event: &Event<'_>, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        if let Event::Receive {
            conn,
            message,
            record,
        } = event
        {
            let json = Parsed::once(message.as_data());
            let received = Received {
                record: *record,
                ..Received::unsplit(*conn, message, &json)
            };
            return self.render_message(t, &received, out, err);
        }
        self.learn(t, event);
        if self.options.format == Format::Json {
            let from = out.len();
            self.record().push(t, event, out);
            self.to_ascii(from, string::push_escape, out);
        }
        if let Event::Send {
            conn,
            message,
            origin,
            ..
        } = event
            && self.options.shows_sent()
            && !self.hides(*origin)
        {
            self.show_sent(t, *conn, message.as_data(), out);
        }
        self.notices(t, event, err);
    }

    /// Appends what a message, or a record, that was received shows.
    pub fn render_message(
        &mut self,
        t: Duration,
        received: &Received<'_>,
        out: &mut Vec<u8>,
        err: &mut Vec<u8>,
    ) {
        let data = received.message.as_data();
        if received.is_ping && !self.options.show_ping_pong && self.options.format != Format::Json {
            return;
        }
        // The hot path: a pipe that takes every message as it is.
        if self.direct {
            return payload::push_raw(data, out);
        }
        let message = DisplayMessage {
            t,
            conn: received.conn,
            by: By::Peer,
            record: received.record,
            data,
            undecoded: received.decoded.map(|_| received.whole.as_data()),
        };
        let filter = self.options.filter.as_ref();
        let outputs = filter.map(|it| it.run_on(received.json));
        match outputs {
            None => self.show(message, self.options.folds(), out),
            Some(outputs) => self.show_filtered(&message, outputs, out, err),
        }
    }

    /// Whether messages that are sent for this reason are not shown.
    fn hides(&self, origin: Option<Origin>) -> bool {
        let shows_pongs = origin == Some(Origin::AnswerToPing) && self.options.show_ping_pong;
        is_background(origin) && self.options.verbose == 0 && !shows_pongs
    }

    fn learn(&mut self, t: Duration, event: &Event<'_>) {
        match event {
            Event::Header { started, .. } => self.clock.start(*started),
            Event::Open { opened, .. } => self.timing = Some(opened.timing.clone()),
            Event::Send { origin, .. } if !is_background(*origin) => self.last_sent = Some(t),
            _ => {}
        }
    }

    fn notices(&mut self, t: Duration, event: &Event<'_>, err: &mut Vec<u8>) {
        let before = err.len();
        self.stderr(err).push(t, event);
        if self.options.ascii && self.options.stderr_tty {
            sanitize::to_ascii(err, before, sanitize::push_char);
        }
        // A ping is a line with a mark like a message, so it has a time stamp too.
        if matches!(event, Event::Ping { .. } | Event::Pong { .. }) && err.len() > before {
            let line = err.split_off(before);
            self.stamp(t, Painter::new(self.options.stderr_color), err);
            err.extend_from_slice(&line);
        }
    }

    /// Shows what `--filter` made of a message.
    fn show_filtered(
        &mut self,
        message: &DisplayMessage<'_>,
        outputs: Option<Result<Vec<String>, String>>,
        out: &mut Vec<u8>,
        err: &mut Vec<u8>,
    ) {
        match outputs {
            // In a pipe the end says it.
            None if self.options.interactive && !self.options.silent => {
                let filter = self.options.filter.as_ref();
                if let Some(note) = filter.and_then(|it| it.first_skipped("--filter")) {
                    self.stderr(err).note(&note);
                }
            }
            None => {}
            Some(Err(failure)) if self.options.silent => drop(failure),
            Some(Err(failure)) => self.stderr(err).note(&format!("--filter: {failure}")),
            Some(Ok(values)) => values.iter().for_each(|value| {
                let value = string::escape_line_ends(value);
                let data = Data::Text(&value);
                let message = DisplayMessage {
                    data,
                    undecoded: None,
                    ..*message
                };
                self.show(message, self.options.folds(), out);
            }),
        }
    }

    /// Appends a message that was shown, or held back, before: all of it, unless `folded`. What was
    /// sent has its mark, and its secrets redacted.
    pub fn show_again(
        &mut self,
        (t, conn, record): (Duration, u32, Option<u64>),
        by: By,
        data: Data<'_>,
        folded: bool,
        out: &mut Vec<u8>,
    ) {
        let last_line = self.clock.forget_last_line();
        let last_sent = self.last_sent.take();
        match by {
            By::Peer => {
                let message = DisplayMessage::whole((t, conn), by, data);
                self.show(DisplayMessage { record, ..message }, folded, out);
            }
            By::Us => {
                let message = sent::redacted(data, &self.redactor);
                self.show_sent_again((t, conn), &message, folded, out);
            }
        }
        self.last_sent = last_sent;
        self.clock.set_last_line(last_line);
    }

    /// A message as it may be shown: one that was sent has its secrets redacted.
    pub fn redacted<'a>(&self, by: By, data: Data<'a>) -> Cow<'a, [u8]> {
        match by {
            By::Peer => Cow::Borrowed(data.as_bytes()),
            By::Us => Cow::Owned(sent::redacted(data, &self.redactor).payload().to_vec()),
        }
    }

    fn show_sent_again(
        &mut self,
        (t, conn): (Duration, u32),
        message: &Message,
        folded: bool,
        out: &mut Vec<u8>,
    ) {
        let (by, data) = (By::Us, message.as_data());
        if self.options.format == Format::Json {
            let (number, origin) = (None, None);
            let event = Event::Send {
                conn,
                message,
                number,
                origin,
            };
            let from = out.len();
            self.record().push(t, &event, out);
            return self.to_ascii(from, string::push_escape, out);
        }
        self.show(DisplayMessage::whole((t, conn), by, data), folded, out);
    }

    fn show(&mut self, message: DisplayMessage<'_>, folded: bool, out: &mut Vec<u8>) {
        let DisplayMessage {
            t, conn, by, data, ..
        } = message;
        let tty = self.options.stdout_tty;
        if self.options.format == Format::Json {
            let from = out.len();
            let data = match message.undecoded {
                Some(undecoded) => (undecoded, Some(data)),
                None => (data, None),
            };
            self.record().received(t, (conn, message.record), data, out);
            return self.to_ascii(from, string::push_escape, out);
        }
        // What the caller has put in front of the message takes columns too.
        let from = memchr::memrchr(b'\n', out).map_or(0, |end| end + 1);
        if self.options.format != Format::Raw || data.kind() == Kind::Text {
            self.stamp_message(t, by, out);
        }
        if self.options.marks_lines() {
            self.mark(by, conn, out);
        }
        match self.options.format {
            Format::Raw if tty => payload::push_raw_for_terminal(data, out),
            Format::Raw => payload::push_raw(data, out),
            Format::Line => payload::push_line(data.as_bytes(), tty, out),
            Format::ForProgram => payload::push_for_program(data, out),
            Format::Hex => payload::push_hex(data.as_bytes(), out),
            Format::Base64 => payload::push_base64(data.as_bytes(), out),
            Format::Pretty | Format::Json => {
                let column = columns_of(&out[from..]);
                self.pretty(folded).push(data, column, out);
            }
        }
        self.to_ascii(from, sanitize::push_char, out);
        // A dump has been cut after whole rows.
        let is_dump = self.options.format == Format::Pretty && data.kind() == Kind::Binary;
        if folded && !is_dump {
            self.fold().cut(from, out);
        }
    }

    /// Appends the line of a message that was just sent.
    fn show_sent(&mut self, t: Duration, conn: u32, data: Data<'_>, out: &mut Vec<u8>) {
        let from = out.len();
        self.stamp_message(t, By::Us, out);
        self.mark(By::Us, conn, out);
        let column = columns_of(&out[from..]);
        let line = SentLine {
            redactor: &self.redactor,
            format: self.options.format,
            pretty: Pretty {
                painter: Painter::new(false),
                plain: true,
                ..self.pretty(false)
            },
            notes: self.notes(),
            columns: self.options.columns().saturating_sub(column),
        };
        line.push(data, out);
    }

    fn pretty(&self, folded: bool) -> Pretty {
        Pretty {
            terminal: self.options.stdout_tty,
            ascii: self.is_ascii(),
            painter: Painter::new(self.options.stdout_color),
            width: self.options.columns(),
            plain: self.options.plain,
            folded: folded.then(|| self.fold()),
        }
    }

    fn fold(&self) -> Fold {
        Fold {
            rows: self.options.rows(),
            columns: self.options.columns(),
            notes: self.notes(),
            plain: self.options.plain,
        }
    }

    /// Whether messages go to a terminal whose locale is not UTF-8.
    fn is_ascii(&self) -> bool {
        self.options.ascii && self.options.stdout_tty
    }

    /// Escapes what the locale of the terminal lacks in what was appended since `from`.
    pub fn fit_locale(&self, from: usize, out: &mut Vec<u8>) {
        self.to_ascii(from, sanitize::push_char, out);
    }

    fn to_ascii(&self, from: usize, escape: fn(char, &mut Vec<u8>), out: &mut Vec<u8>) {
        if self.is_ascii() {
            sanitize::to_ascii(out, from, escape);
        }
    }

    fn notes(&self) -> Notes {
        Notes {
            painter: Painter::new(self.options.stdout_color),
            ascii: self.options.ascii,
        }
    }

    /// Appends `< ` or `> `, or for a screen reader a word, after the number of the client, where there may
    /// be several.
    fn mark(&self, by: By, conn: u32, out: &mut Vec<u8>) {
        if self.options.peer == Peer::Client {
            out.extend_from_slice(format!("[{conn}] ").as_bytes());
        }
        let mark: &[u8] = match (by, self.options.plain) {
            (By::Peer, false) => b"< ",
            (By::Us, false) => b"> ",
            (By::Peer, true) => b"received: ",
            (By::Us, true) => b"sent: ",
        };
        match by {
            By::Peer => out.extend_from_slice(mark),
            By::Us => {
                let painter = Painter::new(self.options.stdout_color);
                painter.paint(Role::Sent, out, |out| out.extend_from_slice(mark));
            }
        }
    }

    /// Appends the time of a message, and with `/timing` how long after the last sent one it came.
    fn stamp_message(&mut self, t: Duration, by: By, out: &mut Vec<u8>) {
        let painter = Painter::new(self.options.stdout_color);
        self.stamp(t, painter, out);
        if self.options.timing {
            let since = self.last_sent.filter(|_| by == By::Peer);
            let since = clock::since(since.map(|sent| t.saturating_sub(sent)));
            painter.paint(Role::Aside, out, |out| {
                out.extend_from_slice(since.as_bytes());
            });
            out.push(b' ');
        }
    }

    /// Appends the time stamp of `t` for stdout, if there are time stamps.
    pub fn push_stamp(&mut self, t: Duration, out: &mut Vec<u8>) {
        self.stamp(t, Painter::new(self.options.stdout_color), out);
    }

    fn stamp(&mut self, t: Duration, painter: Painter, out: &mut Vec<u8>) {
        if let Some(style) = self.options.timestamps {
            let stamp = self.clock.stamp(style, t);
            painter.paint(Role::Aside, out, |out| {
                out.extend_from_slice(stamp.as_bytes())
            });
            out.push(b' ');
        }
    }

    fn record(&self) -> Writer<'_> {
        Writer {
            strings: Strings {
                redactor: &self.redactor,
                push: match self.options.stdout_tty {
                    true => push_string_for_terminal,
                    false => string::push_string,
                },
            },
            numbers: self.options.numbers,
        }
    }

    fn stderr<'a>(&'a self, out: &'a mut Vec<u8>) -> Stderr<'a> {
        Stderr {
            options: &self.options,
            redactor: &self.redactor,
            timing: self.timing.as_ref(),
            out,
        }
    }
}

/// The columns that a line takes on a terminal, with the colours of this module.
pub fn columns_of(line: &[u8]) -> usize {
    width::of_line(&String::from_utf8_lossy(line))
}

/// The rows that lines take on a terminal of this many columns.
pub fn rows_of(lines: &[u8], columns: usize) -> usize {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let rows = |line: &[u8]| columns_of(line).div_ceil(columns.max(1)).max(1);
    lines.split(|byte| *byte == b'\n').map(rows).sum()
}

fn is_direct(options: &Options) -> bool {
    options.format == Format::Raw
        && !options.stdout_tty
        && options.timestamps.is_none()
        && !options.timing
        && options.filter.is_none()
}

/// Whether a message keeps the connection alive, and says nothing.
fn is_background(origin: Option<Origin>) -> bool {
    use Origin::{AnswerToPing, Heartbeat, Keepalive};
    matches!(origin, Some(Heartbeat | Keepalive | AnswerToPing))
}

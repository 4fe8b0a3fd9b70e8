//! Renders events to bytes for stdout and stderr: every format, colour, filter and notice.
//!
//! Pure: no I/O, no clock, no environment; [`Options`] and the events provide what it needs. stdout
//! gets payload only. If a stream is a terminal, no text from a peer reaches it as a control
//! character. This is the only module that knows ANSI escape sequences.

use std::time::Duration;

use crate::event::{Event, Timing};
use crate::json::parsed::Parsed;
use crate::json::string;
use crate::message::{Data, Kind, Message};
use crate::record::write::{Strings, Writer};
use crate::secret::Redactor;

mod clock;
mod hexdump;
mod invisible;
mod json;
mod layout;
mod notices;
mod options;
mod payload;
mod pretty;
pub mod sanitize;
mod stats;
pub mod style;
#[cfg(test)]
mod tests;
mod width;

use clock::Clock;
pub use json::push_string_for_terminal;
use notices::Stderr;
pub use notices::brief;
pub use options::{Format, Options, Timestamps};
use pretty::Pretty;
pub use stats::round_trips as describe_round_trips;
use style::{Painter, Role};

/// Turns events into bytes.
pub struct Renderer {
    options: Options,
    redactor: Redactor,
    clock: Clock,
    timing: Option<Timing>,
    /// Whether received messages are copied unchanged; see [`Renderer::render`].
    direct: bool,
}

/// A data message for stdout, perhaps one of several results of a filter.
struct DisplayMessage<'a> {
    t: Duration,
    conn: u32,
    data: Data<'a>,
}

impl Renderer {
    pub fn new(options: Options, redactor: Redactor) -> Self {
        Renderer {
            direct: is_direct(&options),
            clock: Clock::new(options.time_zone.clone()),
            timing: None,
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
        self.options.format == Format::Json
    }

    /// Appends the output for `event`, which happened at `t` since the start, to stdout and stderr.
    pub fn render(&mut self, t: Duration, event: &Event<'_>, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        if let Event::Receive { conn, message } = event {
            let json = Parsed::once(message.as_data());
            return self.render_message((t, *conn), message, &json, out, err);
        }
        self.learn(event);
        if self.options.format == Format::Json {
            self.record().push(t, event, out);
        }
        self.notices(t, event, err);
    }

    /// Appends what a message that was received shows. `json` is the same message, for expressions.
    pub fn render_message(
        &mut self,
        (t, conn): (Duration, u32),
        message: &Message,
        json: &Parsed<'_>,
        out: &mut Vec<u8>,
        err: &mut Vec<u8>,
    ) {
        let data = message.as_data();
        // The hot path: a pipe that takes every message as it is.
        if self.direct {
            return payload::push_raw(data, out);
        }
        let message = DisplayMessage { t, conn, data };
        let outputs = self.options.filter.as_ref().map(|it| it.run_on(json));
        match outputs {
            None => self.show(&message, out),
            Some(outputs) => self.show_filtered(&message, outputs, out, err),
        }
    }

    fn learn(&mut self, event: &Event<'_>) {
        match event {
            Event::Header { started, .. } => self.clock.start(*started),
            Event::Open { opened, .. } => self.timing = Some(opened.timing),
            _ => {}
        }
    }

    fn notices(&mut self, t: Duration, event: &Event<'_>, err: &mut Vec<u8>) {
        let before = err.len();
        self.stderr(err).push(t, event);
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
            None => {}
            Some(Err(failure)) if self.options.silent => drop(failure),
            Some(Err(failure)) => self.stderr(err).note(&format!("--filter: {failure}")),
            Some(Ok(values)) => values.iter().for_each(|value| {
                let value = string::escape_line_ends(value);
                let data = Data::Text(&value);
                self.show(&DisplayMessage { data, ..*message }, out);
            }),
        }
    }

    fn show(&mut self, message: &DisplayMessage<'_>, out: &mut Vec<u8>) {
        let &DisplayMessage { t, conn, data } = message;
        let tty = self.options.stdout_tty;
        if self.options.format == Format::Json {
            return self.record().received(t, conn, data, out);
        }
        let from = out.len();
        if self.options.format != Format::Raw || data.kind() == Kind::Text {
            self.stamp(t, Painter::new(self.options.stdout_color), out);
        }
        match self.options.format {
            Format::Raw if tty => payload::push_raw_for_terminal(data, out),
            Format::Raw => payload::push_raw(data, out),
            Format::Line => payload::push_line(data.as_bytes(), tty, out),
            Format::Hex => payload::push_hex(data.as_bytes(), out),
            Format::Base64 => payload::push_base64(data.as_bytes(), out),
            Format::Pretty | Format::Json => {
                out.extend_from_slice(b"< ");
                let column = width::of_line(&String::from_utf8_lossy(&out[from..]));
                self.pretty().push(data, column, out);
            }
        }
    }

    fn pretty(&self) -> Pretty {
        Pretty {
            terminal: self.options.stdout_tty,
            painter: Painter::new(self.options.stdout_color),
            width: self.options.columns(),
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

fn is_direct(options: &Options) -> bool {
    options.format == Format::Raw
        && !options.stdout_tty
        && options.timestamps.is_none()
        && options.filter.is_none()
}

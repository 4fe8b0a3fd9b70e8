//! Events turned into bytes for stdout and stderr: every format, colour, filter and notice.
//!
//! Pure: no I/O, no clock, no environment; what it needs to know comes in as [`Options`] and with
//! the events. stdout gets payload only. Where a stream is a terminal, nothing a peer chose reaches
//! it as a control character. It is the only module that knows ANSI.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::event::{Event, Timing};
use crate::json::{jq, string};
use crate::message::{Data, Kind};
use crate::secret::Redactor;

mod clock;
mod hexdump;
#[cfg(test)]
mod hostile;
mod invisible;
mod json;
mod ndjson;
mod notices;
mod object;
mod payload;
mod pretty;
pub mod sanitize;
mod stats;
pub mod style;

use clock::Clock;
use ndjson::Ndjson;
use notices::Stderr;
pub use notices::brief;
use pretty::Pretty;
pub use stats::round_trips as describe_round_trips;
use style::{Painter, Role};

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: a mark, JSON laid out, binary as a dump.
    Pretty,
    /// The payload: text and a line feed, binary as it is.
    Raw,
    /// One line a message, which `--escapes` reads back.
    Line,
    /// One line of hex digits a message.
    Hex,
    /// One line of base64 a message.
    Base64,
    /// Every event as a line of JSON.
    Json,
}

/// `--timestamps`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// Local time of day.
    Short,
    /// RFC 3339 with the local offset.
    Iso,
    /// Since the start.
    Relative,
    /// Since the line before.
    Delta,
}

/// What to show, and where it goes.
#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    pub timestamps: Option<Timestamps>,
    /// Whether stdout is a terminal: then what is dangerous there is escaped.
    pub stdout_tty: bool,
    pub stderr_tty: bool,
    pub stdout_color: bool,
    pub stderr_color: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Nothing on stderr but the statistics.
    pub silent: bool,
    pub stats: bool,
    pub show_ping_pong: bool,
    /// `--confirm`: the numbers of sent messages matter.
    pub numbers: bool,
    /// A person types: show when the connection opens and closes.
    pub interactive: bool,
    pub filter: Option<jq::Filter>,
    /// For the local time of [`Timestamps`].
    pub time_zone: TimeZone,
}

impl Options {
    /// Raw messages to a pipe, plain notices to a file.
    pub fn plain() -> Options {
        Options {
            format: Format::Raw,
            timestamps: None,
            stdout_tty: false,
            stderr_tty: false,
            stdout_color: false,
            stderr_color: false,
            verbose: 0,
            silent: false,
            stats: false,
            show_ping_pong: false,
            numbers: false,
            interactive: false,
            filter: None,
            time_zone: TimeZone::UTC,
        }
    }
}

/// Turns events into bytes.
pub struct Renderer {
    options: Options,
    redactor: Redactor,
    clock: Clock,
    timing: Option<Timing>,
    /// Received messages are copied as they are; see [`Renderer::render`].
    direct: bool,
}

/// A data message on its way to stdout, maybe one of several that a filter made of one.
struct Shown<'a> {
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
    /// zone stays what it was.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
        self.direct = is_direct(&self.options);
    }

    /// Whether [`Event::Send`] is shown at all; otherwise there is no need to tell it.
    pub fn wants_sends(&self) -> bool {
        self.options.format == Format::Json
    }

    /// Appends what `event`, which happened at `t` since the start, shows on stdout and on stderr.
    pub fn render(&mut self, t: Duration, event: &Event<'_>, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        // The hot path: a pipe that takes every message as it is.
        if self.direct
            && let Event::Receive { message, .. } = event
        {
            return payload::push_raw(message.as_data(), out);
        }
        self.learn(event);
        match event {
            Event::Receive { conn, message } => {
                let (conn, data) = (*conn, message.as_data());
                self.received(Shown { t, conn, data }, out, err);
            }
            _ if self.options.format == Format::Json => self.ndjson().push(t, event, out),
            _ => {}
        }
        self.notices(t, event, err);
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
        // A ping is a line with a mark like a message's, so it has its time like one.
        if matches!(event, Event::Ping { .. } | Event::Pong { .. }) && err.len() > before {
            let line = err.split_off(before);
            self.stamp(t, Painter::new(self.options.stderr_color), err);
            err.extend_from_slice(&line);
        }
    }

    fn received(&mut self, message: Shown<'_>, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        let Some(filter) = &self.options.filter else {
            return self.show(&message, out);
        };
        match filter.run(message.data.as_bytes()) {
            None => {}
            Some(Err(failure)) if self.options.silent => drop(failure),
            Some(Err(failure)) => self.stderr(err).note(&format!("--filter: {failure}")),
            Some(Ok(values)) => values.iter().for_each(|value| {
                let value = string::escape_line_ends(value);
                let data = Data::Text(&value);
                self.show(&Shown { data, ..message }, out);
            }),
        }
    }

    fn show(&mut self, message: &Shown<'_>, out: &mut Vec<u8>) {
        let &Shown { t, conn, data } = message;
        let tty = self.options.stdout_tty;
        if self.options.format == Format::Json {
            return self.ndjson().received(t, conn, data, out);
        }
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
                let painter = Painter::new(self.options.stdout_color);
                Pretty {
                    terminal: tty,
                    painter,
                }
                .push(data, out);
            }
        }
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

    fn ndjson(&self) -> Ndjson<'_> {
        Ndjson {
            terminal: self.options.stdout_tty,
            redactor: &self.redactor,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use proptest::prelude::*;

    /// 2026-11-20T10:00:00Z
    const STARTED: Duration = Duration::from_secs(1_795_168_800);

    pub(super) fn options(format: Format) -> Options {
        Options {
            format,
            ..Options::plain()
        }
    }

    fn renderer(format: Format, change: impl FnOnce(&mut Options)) -> Renderer {
        let mut options = options(format);
        change(&mut options);
        let mut renderer = Renderer::new(options, Redactor::default());
        let header = Event::Header {
            url: "ws://x/",
            started: STARTED,
        };
        renderer.render(Duration::ZERO, &header, &mut Vec::new(), &mut Vec::new());
        renderer
    }

    fn receive(renderer: &mut Renderer, message: &Message) -> (Vec<u8>, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let t = Duration::from_millis(1500);
        renderer.render(t, &Event::Receive { conn: 1, message }, &mut out, &mut err);
        (out, String::from_utf8(err).unwrap())
    }

    #[track_caller]
    fn check(renderer: &mut Renderer, message: &Message, expected: &str) {
        let (out, err) = receive(renderer, message);
        assert_eq!((&*String::from_utf8_lossy(&out), &*err), (expected, ""));
    }

    #[test]
    fn every_format_on_a_pipe() {
        let text = Message::text("a\\b\r\n\t\u{1b}é\u{202e}");
        let binary = Message::binary(&b"\x00\xff\n"[..]);
        for (format, of_text, of_binary) in [
            (
                Format::Line,
                "a\\\\b\\r\\n\\x09\\x1bé\u{202e}\n",
                "\\x00\\xff\\n\n",
            ),
            (Format::Hex, "615c620d0a091bc3a9e280ae\n", "00ff0a\n"),
            (Format::Base64, "YVxiDQoJG8Op4oCu\n", "AP8K\n"),
            (
                Format::Json,
                "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"a\\\\b\\r\\n\\t\\u001bé\u{202e}\"}\n",
                "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":2,\"encoding\":\"base64\",\"data\":\"AP8K\",\"len\":3}\n",
            ),
        ] {
            let mut renderer = renderer(format, |_| {});
            check(&mut renderer, &text, of_text);
            check(&mut renderer, &binary, of_binary);
        }
    }

    #[test]
    fn time_goes_before_the_line() {
        for (format, style, expected) in [
            (Format::Raw, Timestamps::Short, "10:00:01.500 [1]\n"),
            (
                Format::Hex,
                Timestamps::Iso,
                "2026-11-20T10:00:01.500+00:00 5b315d\n",
            ),
            (Format::Line, Timestamps::Relative, "+1.500s [1]\n"),
            (
                Format::Pretty,
                Timestamps::Delta,
                "+1.500s < [\n    1\n  ]\n",
            ),
        ] {
            let mut renderer = renderer(format, |o| o.timestamps = Some(style));
            check(&mut renderer, &Message::text("[1]"), expected);
        }
        let mut raw = renderer(Format::Raw, |o| o.timestamps = Some(Timestamps::Short));
        check(&mut raw, &Message::binary("x"), "x");
        let mut dim = renderer(Format::Pretty, |o| {
            (o.timestamps, o.stdout_color) = (Some(Timestamps::Relative), true);
        });
        check(&mut dim, &Message::text("x"), "\x1b[2m+1.500s\x1b[0m < x\n");
    }

    #[test]
    fn a_filter_shows_its_outputs_each_as_a_message() {
        let filter = |o: &mut Options| o.filter = jq::Filter::compile(".a[]").ok();
        for (format, expected) in [
            (Format::Raw, "\"x\"\n{\"b\":1.0}\n"),
            (Format::Pretty, "< \"x\"\n< {\n    \"b\": 1.0\n  }\n"),
            (
                Format::Json,
                "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"\\\"x\\\"\"}\n\
                 {\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"{\\\"b\\\":1.0}\"}\n",
            ),
        ] {
            let mut renderer = renderer(format, filter);
            check(
                &mut renderer,
                &Message::text(r#"{"a":["x",{"b":1.0}]}"#),
                expected,
            );
            check(&mut renderer, &Message::text(r#"{"a":[]}"#), "");
            check(&mut renderer, &Message::text("no JSON"), "");
        }
        let mut renderer = renderer(Format::Raw, filter);
        let (out, err) = receive(&mut renderer, &Message::text("1"));
        assert_eq!(
            (out.len(), &*err),
            (0, "wirecat: --filter: cannot index 1 with \"a\"\n")
        );
        renderer.reconfigure(|o| o.filter = None);
        check(&mut renderer, &Message::text("1"), "1\n");
    }

    #[test]
    fn no_json_that_is_printed_holds_a_raw_line_end() {
        let message = "{\"a\":[{\"k\u{2028}\":\"\u{85}\u{2029}\"}]}";
        let value: serde_json::Value = serde_json::from_str(message).unwrap();
        for (format, filter, tty) in [
            (Format::Raw, Some(".a[]"), false),
            (Format::Raw, Some(".a[]"), true),
            (Format::Line, Some(".a[]"), false),
            (Format::Pretty, Some(".a[]"), false),
            (Format::Pretty, None, false),
            (Format::Pretty, None, true),
            (Format::Json, Some(".a[]"), false),
            (Format::Json, None, false),
            (Format::Json, None, true),
        ] {
            let mut renderer = renderer(format, |o| {
                o.filter = filter.and_then(|expr| jq::Filter::compile(expr).ok());
                o.stdout_tty = tty;
            });
            let (shown, _) = receive(&mut renderer, &Message::text(message));
            let shown = String::from_utf8(shown).unwrap();
            let raw = shown.find(['\u{85}', '\u{2028}', '\u{2029}']);
            assert_eq!(raw, None, "{format:?} {filter:?} {tty}: {shown:?}");
            // It still means what it meant, also where JSON stands within JSON.
            match (format, filter) {
                (Format::Raw, _) => assert_eq!(shown, "{\"k\\u2028\":\"\\u0085\\u2029\"}\n"),
                (Format::Json, None) => {
                    let event: serde_json::Value = serde_json::from_str(&shown).unwrap();
                    assert_eq!(event["data"], message);
                }
                (Format::Json, Some(_)) => {
                    let event: serde_json::Value = serde_json::from_str(&shown).unwrap();
                    let data = event["data"].as_str().unwrap();
                    let data: serde_json::Value = serde_json::from_str(data).unwrap();
                    assert_eq!(data, value["a"][0]);
                }
                _ => {}
            }
        }
        // A payload is none of our JSON.
        let mut raw = renderer(Format::Raw, |_| {});
        check(&mut raw, &Message::text(message), &format!("{message}\n"));
    }

    #[test]
    fn only_json_tells_what_was_sent() {
        assert!(renderer(Format::Json, |_| {}).wants_sends());
        assert!(!renderer(Format::Pretty, |_| {}).wants_sends());
    }

    proptest! {
        #[test]
        fn a_pipe_gets_every_byte_unchanged(text: String, bytes: Vec<u8>) {
            let mut renderer = renderer(Format::Raw, |_| {});
            let expected = format!("{text}\n").into_bytes();
            prop_assert_eq!(receive(&mut renderer, &Message::text(text)).0, expected);
            prop_assert_eq!(receive(&mut renderer, &Message::binary(bytes.clone())).0, bytes);
        }

        #[test]
        fn a_line_is_one_line(bytes: Vec<u8>, tty: bool) {
            let mut renderer = renderer(Format::Line, |o| o.stdout_tty = tty);
            let out = receive(&mut renderer, &Message::binary(bytes)).0;
            prop_assert_eq!(out.iter().position(|b| *b == b'\n'), Some(out.len() - 1));
        }
    }
}

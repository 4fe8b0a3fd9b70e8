//! The content of stderr: failures with advice, notes, and with `-v` what happens on the
//! connection.
//!
//! All text from a peer passes through [`Stderr::put`], which redacts secrets and, for a terminal,
//! keeps the text on one line. Payload is never written here.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use super::options::Options;
use super::stats::{self, millis, steps};
use super::style::{Painter, Role};
use super::{hexdump, sanitize};
use crate::close::{Close, code_name};
use crate::codec;
use crate::error::Error;
use crate::event::{
    Address, Asked, By, Cause, Event, Heads, Opened, Peer, Runs, Timing, TlsInfo, TracedFrame,
};
use crate::secret::{REDACTED, Redactor};

/// Maximum number of runs of message numbers on one line.
const MAX_RUNS: usize = 20;

/// Writes the lines of one event.
pub(super) struct Stderr<'a> {
    pub(super) options: &'a Options,
    pub(super) redactor: &'a Redactor,
    /// The timings of the last connection, for `--stats`.
    pub(super) timing: Option<&'a Timing>,
    pub(super) out: &'a mut Vec<u8>,
}

impl Stderr<'_> {
    pub(super) fn push(&mut self, t: Duration, event: &Event<'_>) {
        if let Event::End { exit, totals } = event
            && self.options.stats
        {
            stats::push(t, *exit, totals, self.timing, self.out);
        }
        if !self.options.silent {
            self.push_verbose(t, event);
        }
    }

    fn push_verbose(&mut self, t: Duration, event: &Event<'_>) {
        let verbose = self.options.verbose > 0;
        match event {
            Event::Error(error) => self.error(error),
            Event::Note(text) | Event::Warning(text) => self.note(text),
            Event::Detail(text) if verbose => {
                self.raw("* ").put(text).end();
            }
            Event::Close {
                conn,
                by,
                close,
                clean,
                ..
            } => self.close(*conn, *by, close, *clean),
            Event::Open { conn, opened } if verbose || self.options.interactive => {
                self.open(*conn, opened);
            }
            Event::Listening { url } => {
                self.raw("listening on ").put(url).end();
            }
            Event::Route { layers, proxy } if verbose => self.route(layers, *proxy),
            Event::Connecting {
                attempt, address, ..
            } if verbose => {
                self.connecting(*attempt, address.as_ref());
            }
            Event::Tls(info) if verbose => self.tls(info),
            Event::Heads(heads) if verbose => self.heads(heads),
            Event::Ping { conn, by, data, .. } if self.options.show_ping_pong => {
                self.client(*conn);
                self.control("ping", *by, data, None);
            }
            Event::Pong {
                conn,
                by,
                data,
                rtt,
                asked,
                ..
            } if self.shows_pong(*asked) => {
                self.client(*conn);
                self.control("pong", *by, data, *rtt);
            }
            Event::Traced(frame) => self.traced(t, frame),
            Event::Retry {
                attempt,
                delay,
                why,
            } => self.retry(*attempt, *delay, why),
            Event::GiveUp { why, .. } => {
                self.raw("not retrying: ").put(why).end();
            }
            Event::Uncertain { messages, .. } => self.messages(messages, "may not have arrived"),
            Event::Repeated { messages, .. } if is_single(messages) => {
                self.messages(messages, "was not confirmed and is sent again");
            }
            Event::Repeated { messages, .. } => {
                self.messages(messages, "were not confirmed and are sent again");
            }
            _ => {}
        }
    }

    /// `retry 3 in 1.9s (closed by server: 1012 service restart)`
    fn retry(&mut self, attempt: u32, delay: Duration, why: &Cause) {
        let retry = attempt.saturating_sub(1);
        self.raw(&format!("retry {retry} in {} (", brief(delay)))
            .put(&why.to_string());
        if let Cause::Status {
            retry_after: Some(asked),
            ..
        } = why
        {
            self.raw(&format!(", Retry-After {} s", asked.as_secs()));
        }
        self.raw(")").end();
    }

    /// `messages 1 to 3, 7 and 9 to 12 may not have arrived`
    fn messages(&mut self, runs: &Runs, what: &str) {
        let plural = if is_single(runs) { "" } else { "s" };
        let shown: Vec<String> = runs
            .iter()
            .take(MAX_RUNS)
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first} to {last}"),
            })
            .collect();
        let list = match (&shown[..], runs.len().saturating_sub(MAX_RUNS)) {
            ([before @ .., last], 0) if !before.is_empty() => {
                format!("{} and {last}", before.join(", "))
            }
            (all, 0) => all.join(", "),
            (all, _) => {
                let more = runs[MAX_RUNS..]
                    .iter()
                    .map(|(first, last)| last - first + 1);
                format!("{} and {} more", all.join(", "), more.sum::<u64>())
            }
        };
        self.raw(&format!("message{plural} {list} {what}")).end();
    }

    /// `< frame FIN=1 … length=12 (7 bit) compressed=12 plain=25 t=0.101000`, in a colour that
    /// distinguishes it from a message that may look like it.
    fn traced(&mut self, t: Duration, frame: &TracedFrame) {
        let mut lines = Vec::new();
        Stderr {
            out: &mut lines,
            ..*self
        }
        .trace_lines(t, frame);
        let painter = Painter::new(self.options.stderr_color);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            painter.paint(Role::Aside, self.out, |out| out.extend_from_slice(line));
            self.end();
        }
    }

    fn trace_lines(&mut self, t: Duration, frame: &TracedFrame) {
        let mark = match frame.by {
            By::Us => ">",
            By::Peer => "<",
        };
        self.raw(&format!("{mark} frame {}", frame.header));
        if let Some(plain) = frame.plain {
            self.raw(&format!(" compressed={} plain={plain}", frame.header.len));
        }
        self.raw(&format!(" t={:.6}", t.as_secs_f64())).end();
        if self.options.verbose > 2 {
            self.dump(frame);
        }
    }

    fn dump(&mut self, frame: &TracedFrame) {
        let mut header = Vec::new();
        frame.header.write(&mut header);
        self.raw("  header").end();
        hexdump::push(&header, 2, self.out);
        if frame.header.len == 0 {
            return;
        }
        let unmasked = frame.header.mask.map_or("", |_| ", unmasked");
        let compressed = frame.plain.map_or("", |_| ", compressed");
        self.raw(&format!("  payload{unmasked}{compressed}")).end();
        let payload = frame.payload.as_ref();
        let text = payload.map(|payload| String::from_utf8_lossy(payload));
        let Some(payload) = payload.filter(|_| {
            text.is_some_and(|text| matches!(self.redactor.redact(&text), Cow::Borrowed(_)))
        }) else {
            self.raw("  ").raw(REDACTED).end();
            return;
        };
        hexdump::push(payload, 2, self.out);
        let more = frame.header.len.saturating_sub(payload.len() as u64);
        if more > 0 {
            let ellipsis = if self.options.ascii { "..." } else { "…" };
            self.raw(&format!("  {ellipsis} {more} more bytes")).end();
        }
    }

    /// A user who sent a ping expects to see its pong.
    fn shows_pong(&self, asked: bool) -> bool {
        self.options.show_ping_pong || (self.options.interactive && asked)
    }

    /// `wirecat: TEXT`
    pub(super) fn note(&mut self, text: &str) {
        self.raw("wirecat: ").put(text).end();
    }

    fn error(&mut self, error: &Error) {
        let painter = Painter::new(self.options.stderr_color);
        painter.paint(Role::Failure, self.out, |out| {
            out.extend_from_slice(b"wirecat:")
        });
        self.raw(" ").put(&error.message);
        if self.options.plain {
            return self.rest_in_one_line(error);
        }
        self.end();
        for line in &error.details {
            // The frame that broke a rule is shown in hex.
            let line = self.redactor.redact_hex(line);
            self.raw("  ").put_indented(&line).end();
        }
        for line in &error.advice {
            self.raw("  try: ").put_indented(line).end();
        }
    }

    fn rest_in_one_line(&mut self, error: &Error) {
        for line in &error.details {
            let line = self.redactor.redact_hex(line);
            self.raw("; ").put(&line);
        }
        for line in &error.advice {
            self.raw("; try: ").put(line);
        }
        self.end();
    }

    fn close(&mut self, conn: u32, by: By, close: &Close, clean: bool) {
        let code = close.reported_code();
        let asked = self.options.interactive || self.options.verbose > 0;
        let who = match by {
            // No such Close was sent; the error that follows explains it.
            By::Peer if code == 1006 => return,
            // The same for our Close after a broken rule.
            By::Us if !clean && matches!(code, 1002 | 1007 | 1009) => return,
            By::Peer if asked || !matches!(code, 1000 | 1001 | 1005) => match self.options.peer {
                Peer::Server => "closed by server",
                Peer::Client => "closed by client",
            },
            By::Us if asked => "closed",
            _ => return,
        };
        self.client(conn);
        self.raw(&format!("{who}: {code} ({})", code_name(code)));
        if !close.reason.is_empty() {
            self.raw(" \"").put(&close.reason).raw("\"");
        }
        if by == By::Us && !clean {
            let whose = self.options.peer.the();
            self.raw(&format!(" (no answer from {whose})"));
        }
        self.end();
    }

    /// Which client a line is about, where there may be several.
    fn client(&mut self, conn: u32) {
        if self.options.peer == Peer::Client {
            self.raw(&format!("[{conn}] "));
        }
    }

    fn open(&mut self, conn: u32, opened: &Opened) {
        self.client(conn);
        self.raw("connected");
        if let Some(asked) = &opened.asked {
            self.asked(asked, opened.address.as_ref());
        } else {
            self.route_of(opened);
        }
        for (label, value) in [
            (", subprotocol ", &opened.subprotocol),
            (", extensions ", &opened.extensions),
        ] {
            if let Some(value) = value {
                self.raw(label).put(value);
            }
        }
        self.end();
        if self.options.verbose > 0
            && let Some(compression) = &opened.compression
        {
            self.raw("compression: ").put(compression).end();
        }
        if self.options.verbose > 0
            && let Some(steps) = steps(&opened.timing)
        {
            self.raw(&steps).end();
        }
    }

    /// ` from 127.0.0.1:50000: GET /chat?room=news`
    fn asked(&mut self, asked: &Asked, address: Option<&Address>) {
        if let Some(address) = address {
            self.raw(&format!(" from {address}"));
        }
        self.raw(": ")
            .put(&asked.method)
            .raw(" ")
            .put(&asked.target);
    }

    /// ` to 127.0.0.1:80 over HTTP/2`
    fn route_of(&mut self, opened: &Opened) {
        if let Some(address) = &opened.address {
            self.raw(match opened.proxy {
                Some(_) => " through the proxy ",
                None => " to ",
            });
            self.raw(&address.to_string());
        }
        if opened.http != "1.1" {
            self.raw(&format!(" over HTTP/{}", opened.http));
        }
    }

    /// `* proxy http://host:3128/ (from -x)` and `* tcp → connect → tls`
    fn route(&mut self, layers: &str, proxy: Option<&str>) {
        if let Some(proxy) = proxy {
            self.raw("* proxy ").put(proxy).end();
        }
        let layers = match self.options.ascii {
            true => layers.replace('→', "->"),
            false => layers.to_owned(),
        };
        self.raw("* ").raw(&layers).end();
    }

    fn connecting(&mut self, attempt: u32, address: Option<&Address>) {
        self.raw("* connecting");
        if let Some(address) = address {
            self.raw(&format!(" to {address}"));
        }
        if attempt > 1 {
            self.raw(&format!(" (attempt {attempt})"));
        }
        self.end();
    }

    fn tls(&mut self, info: &TlsInfo) {
        self.raw("* ")
            .put(&info.version)
            .raw(", ")
            .put(&info.cipher)
            .end();
        let alpn = info.alpn.as_deref().unwrap_or("none");
        self.raw("* ALPN: ").put(alpn).end();
        self.raw("* subject: ").put(&info.subject).end();
        self.raw("* issuer: ").put(&info.issuer).end();
        self.raw("* expires: ").put(&info.expires).end();
        if !info.verified {
            self.raw("* certificate not verified (--insecure)").end();
        }
    }

    fn heads(&mut self, heads: &Heads) {
        let (asks, answers) = match self.options.peer {
            Peer::Server => ("> ", "< "),
            Peer::Client => ("< ", "> "),
        };
        self.head(asks, &heads.request);
        self.head(answers, &heads.response);
    }

    fn head(&mut self, mark: &str, head: &[u8]) {
        for line in head.split_inclusive(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.raw(mark).put_bytes(line).end();
        }
    }

    fn control(&mut self, name: &str, by: By, data: &[u8], rtt: Option<Duration>) {
        let mark = match (by, self.options.plain) {
            (By::Us, false) => "> ",
            (By::Peer, false) => "< ",
            (By::Us, true) => "sent: ",
            (By::Peer, true) => "received: ",
        };
        self.raw(mark).raw(name).raw(" ");
        match std::str::from_utf8(data) {
            Ok(text) if !text.contains(char::is_control) => {
                self.raw("\"").put(text).raw("\"");
            }
            _ => {
                self.raw(&self.redactor.redact_hex(&codec::hex(data, "")));
            }
        }
        if let Some(rtt) = rtt {
            self.raw(&format!(" ({})", millis(rtt)));
        }
        self.end();
    }

    /// Appends our own text.
    fn raw(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    fn end(&mut self) {
        self.out.push(b'\n');
    }

    /// Appends text from elsewhere.
    fn put(&mut self, text: &str) -> &mut Self {
        let text = self.redactor.redact(text);
        match self.options.stderr_tty {
            true => sanitize::line(&text, self.out),
            false => self.out.extend_from_slice(text.as_bytes()),
        }
        self
    }

    /// [`Stderr::put`] for a line under an error. If line feeds stay, the lines after them are
    /// indented too, so that none can look like one of ours.
    fn put_indented(&mut self, text: &str) -> &mut Self {
        match self.options.stderr_tty {
            true => self.put(text),
            false => self.put(&text.replace('\n', "\n  ")),
        }
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for chunk in bytes.utf8_chunks() {
            self.put(chunk.valid());
            match self.options.stderr_tty {
                true => sanitize::line_bytes(chunk.invalid(), self.out),
                false => self.out.extend_from_slice(chunk.invalid()),
            }
        }
        self
    }
}

fn is_single(runs: &Runs) -> bool {
    matches!(runs, [(first, last)] if first == last)
}

/// `1.9s`, `85ms`
pub fn brief(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..100 => format!("{millis}ms"),
        _ => format!("{:.1}s", time.as_secs_f64()),
    }
}

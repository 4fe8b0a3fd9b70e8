//! The front end for a person at a terminal: a prompt, incoming messages above the line being
//! typed, slash commands. What a line means is decided in [`line`]; [`editor`] holds the threads.

mod data;
mod editor;
mod frame;
pub mod line;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::close::Close;
use crate::drain::{Drain, Limits};
use crate::error::{Error, Exit, plain_words};
use crate::event::{Command, Event, Heads, Opened};
use crate::io::terminal::EchoOff;
use crate::io::writer::{self, Writer};
use crate::json::jq::{Filter, Interrupt};
use crate::message::Message;
use crate::output::style::REDRAW;
use crate::output::{Format, Renderer, brief, describe_round_trips, sanitize};
use crate::payload::Payload;
use crate::secret::{Redactor, Secret};
use crate::session::Front;
use crate::session::connect::Plan;
use crate::session::ended::Verdict;
use crate::session::rtt::Rtts;
use crate::session::state::Output;
use crate::wire::frame::RawFrame;
use data::Data;
use editor::{LAST, Restore, Shown, Started, Typed};
use line::Line;

/// What is printed when the connection opens.
const WELCOME: &str = "Type a message and press Enter. /help lists the commands, Ctrl-D leaves.\n";

/// How long the last lines may take to be shown.
const LAST_LINES: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Options {
    /// How typed lines stand for messages.
    pub payload: Payload,
    pub limits: Limits,
    pub until: Option<Filter>,
    /// `-o`: messages go there.
    pub output: Option<PathBuf>,
    /// What `/queue` may keep, in bytes.
    pub queue: usize,
    /// Ctrl-C and Ctrl-D end the evaluation of an expression.
    pub interrupt: Interrupt,
    /// Whether the prompt is coloured.
    pub color: bool,
}

/// Numbers for `/status`.
#[derive(Clone, Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    round_trips: Rtts,
    last_round_trip: Option<Duration>,
}

/// The connection, as far as the person has heard.
#[derive(Clone, Debug)]
enum Link {
    Connecting,
    Open(Box<Opened>, Instant),
    /// Lost; when the next attempt is due, and why there is one.
    Down(Instant, String),
}

/// Whether the person has asked to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Leaving {
    #[default]
    No,
    /// With this Close, which waits for the messages that were typed before it.
    Waiting(Close),
    /// The session has been told.
    Told,
}

pub struct Repl {
    options: Options,
    url: String,
    redactor: Redactor,
    renderer: Renderer,
    start: Instant,
    /// Once the prompt is there.
    editor: Option<Started>,
    /// The prompt is to be opened, once the terminal has taken what comes before it.
    prompt_due: bool,
    /// Writes to the terminal, first by stdout and then above the line being typed.
    terminal: Option<Writer>,
    /// The file of `-o`.
    file: Option<Writer>,
    /// Rendered for the terminal and not yet handed over.
    output: Vec<u8>,
    notices: Vec<u8>,
    link: Link,
    opened_once: bool,
    /// Nothing more can be sent over this connection.
    closing: bool,
    leaving: Leaving,
    /// Typed, and waiting for a connection, or for room in one.
    waiting: VecDeque<Command>,
    /// The memory that they take, in bytes.
    waiting_bytes: usize,
    /// Who waits for a secret to be typed.
    asked: Option<oneshot::Sender<Secret>>,
    /// The terminal without echo, where the editor cannot hide what is typed.
    silence: Option<EchoOff>,
    heads: Heads,
    counts: Counts,
    drain: Drain,
    interrupted: bool,
    verdict: Verdict,
    /// Where lines are edited; dropped last, when nothing writes to the terminal any more.
    restore: Option<Restore>,
}

impl Repl {
    /// A prompt for the connection that `plan` makes; the run began at `start`.
    ///
    /// # Errors
    /// Exit 2 where `-o` is not going to be possible.
    pub fn new(
        options: Options,
        plan: &Plan,
        renderer: Renderer,
        start: Instant,
    ) -> Result<Self, Error> {
        let file = writer::file_of(options.output.as_deref())?;
        Ok(Repl {
            drain: Drain::new(options.limits, start),
            options,
            url: plan.target.shown(&plan.redactor),
            redactor: plan.redactor.clone(),
            renderer,
            start,
            editor: None,
            prompt_due: false,
            terminal: None,
            file,
            output: Vec::new(),
            notices: Vec::new(),
            link: Link::Connecting,
            opened_once: false,
            closing: false,
            leaving: Leaving::No,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            asked: None,
            silence: None,
            heads: Heads::default(),
            counts: Counts::default(),
            interrupted: false,
            verdict: Verdict::default(),
            restore: None,
        })
    }

    pub fn verdict(&self) -> Verdict {
        Verdict {
            condition_met: self.drain.condition(),
            unsent: self.kept(),
            ..self.verdict
        }
    }

    /// Shows what there is to show, gives the terminal back as it was, and then waits until the file
    /// of `-o` is written. A run that ends well with nothing to write leaves an empty one, as curl
    /// does.
    ///
    /// # Errors
    /// Exit 2 where the file could not be written, except that a reader who has gone is no error.
    pub async fn finish(mut self, exit: Exit) -> Result<(), Error> {
        self.flush();
        if let Some(mut writer) = self.terminal.take() {
            let editor = self.editor.as_ref().filter(|_| self.restore.is_some());
            let shown = async {
                let Some(editor) = editor else {
                    return drop(writer.finish().await);
                };
                let stopped = editor.state.stopped();
                writer.buffer().extend_from_slice(LAST);
                writer.submit_alone();
                drop(stopped.await);
            };
            // Where nothing is shown in time, the terminal has been stopped (Ctrl-S), and whoever
            // did that does not miss it.
            let _ = tokio::time::timeout(LAST_LINES, shown).await;
        }
        drop(self.restore);
        let Some(mut file) = self.file else {
            return Ok(());
        };
        if exit == Exit::Ok && file.progress().0 == 0 {
            file.submit_alone();
        }
        file.finish().await
    }

    /// Opens the prompt, if that is due: before it nothing is read, so that what is received, and
    /// whatever takes long with it, finds somebody who can interrupt it.
    fn poll_prompt(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.prompt_due {
            self.flush();
            if let Some(terminal) = &self.terminal {
                ready!(terminal.poll_written(cx));
            }
            self.prompt_due = false;
            self.open_prompt();
        }
        Poll::Ready(())
    }

    fn open_prompt(&mut self) {
        match editor::start(self.options.color, &self.options.interrupt) {
            Ok(mut started) => {
                let sink = std::mem::replace(&mut started.sink, Box::new(|_| Ok(())));
                self.restore = started.restore.take();
                self.terminal = Some(Writer::new(sink));
                self.editor = Some(started);
                self.show_link();
                if self.renderer.options().format != Format::Json {
                    self.say(WELCOME);
                }
            }
            Err(error) => {
                self.say(&format!(
                    "wirecat: there is no line editing here: {error}\n"
                ));
            }
        }
    }

    /// A line of our own, safe to print.
    fn say(&mut self, text: &str) {
        sanitize::lines(&self.redactor.redact(text), &mut self.notices);
    }

    fn render(&mut self, now: Instant, event: &Event<'_>) {
        let t = now.saturating_duration_since(self.start);
        let output = match &mut self.file {
            Some(file) => file.buffer(),
            None => &mut self.output,
        };
        self.renderer.render(t, event, output, &mut self.notices);
        // One terminal: keep the order in which things happened.
        self.notices.append(&mut self.output);
        if let Some(file) = &mut self.file {
            file.submit_if_full();
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.buffer().append(&mut self.notices);
            terminal.submit_if_full();
        }
    }

    /// Nothing can be written to the file of `-o` any more.
    fn handle_broken(&mut self, now: Instant) {
        if self.verdict.output_closed {
            return;
        }
        self.verdict.output_closed = true;
        let failure = self.file.as_ref().and_then(Writer::take_failure);
        match failure {
            Some(error) => {
                self.verdict.output_failed = true;
                self.render(now, &Event::Error(&error));
            }
            None => self.say("wirecat: the reader of -o has gone\n"),
        }
    }

    fn learn(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Heads(heads) => self.heads = (*heads).clone(),
            Event::Connecting { .. } => self.set_link(Link::Connecting),
            Event::Open { opened, .. } => {
                self.opened_once = true;
                self.set_link(Link::Open(Box::new((*opened).clone()), now));
            }
            Event::Retry { delay, why, .. } => {
                let due = now.checked_add(*delay).unwrap_or(now);
                self.set_link(Link::Down(due, why.to_string()));
            }
            Event::Send { .. } => self.counts.sent += 1,
            Event::Receive { message, .. } => {
                self.counts.received += 1;
                let until = self
                    .options
                    .until
                    .as_ref()
                    .is_some_and(|filter| filter.is_true(message.payload()));
                self.drain.handle_received(until);
            }
            Event::Pong { rtt: Some(rtt), .. } => {
                self.counts.round_trips.push(*rtt);
                self.counts.last_round_trip = Some(*rtt);
            }
            _ => {}
        }
    }

    fn set_link(&mut self, link: Link) {
        self.closing = false;
        self.link = link;
        self.show_link();
        self.redraw();
    }

    /// Lets the prompt show the state of the connection.
    fn show_link(&self) {
        if let Some(editor) = &self.editor {
            editor.state.show(match &self.link {
                Link::Connecting => Shown::Connecting,
                Link::Open(..) => Shown::Open,
                Link::Down(..) => Shown::Down,
            });
        }
    }

    /// Shows the prompt as it is now.
    fn redraw(&mut self) {
        if self.restore.is_some() {
            self.notices.extend_from_slice(REDRAW);
        }
    }

    /// What a message or frame needs.
    ///
    /// # Errors
    /// Why there is no connection, and until when.
    fn need_connection(&self, now: Instant) -> Result<(), String> {
        match &self.link {
            _ if self.is_leaving() => Err("not sent: you are leaving".to_owned()),
            Link::Open(..) if self.closing => Err(
                "not sent: the connection is being closed (/queue TEXT keeps it for the next one)"
                    .to_owned(),
            ),
            Link::Open(..) => Ok(()),
            Link::Connecting => {
                Err("not sent: still connecting (/queue TEXT keeps it until then)".to_owned())
            }
            Link::Down(due, _) => Err(format!(
                "not sent: there is no connection; the next try is in {} (/queue TEXT keeps it until then)",
                brief(due.saturating_duration_since(now))
            )),
        }
    }

    /// Messages that wait.
    fn kept(&self) -> usize {
        let messages = self.waiting.iter();
        messages.filter(|it| matches!(it, Command::Send(_))).count()
    }

    /// Keeps a command for the next connection, or until there is room in this one.
    ///
    /// # Errors
    /// Where there are too many already.
    fn keep(&mut self, command: Command) -> Result<(), String> {
        let bytes = memory_of(&command);
        if self.waiting_bytes + bytes > self.options.queue {
            return Err("not kept: --outbox is full".to_owned());
        }
        self.waiting_bytes += bytes;
        self.waiting.push_back(command);
        Ok(())
    }

    fn next_waiting(&mut self) -> Option<Command> {
        let command = self.waiting.pop_front()?;
        self.waiting_bytes -= memory_of(&command);
        Some(command)
    }

    /// What was typed for whoever asked.
    fn answer(&mut self, typed: Typed) {
        if typed == Typed::Begun {
            let note = "that line was begun before the question, and is not taken for the answer\n";
            return self.say(note);
        }
        let asked = self.asked.take();
        self.silence = None;
        if let Some(editor) = &self.editor {
            editor.state.set_asking(false);
        }
        self.redraw();
        if let (Some(asked), Typed::Line(line)) = (asked, typed) {
            self.redactor.add_given(&line);
            // Whoever asked may have given up meanwhile.
            let _ = asked.send(Secret::new(line));
        }
    }

    /// What to do about something typed, where it is the session's business.
    fn obey(&mut self, typed: Typed, now: Instant) -> Option<Command> {
        let asked = self.asked.is_some();
        let line = match typed {
            Typed::End => return self.leave(Close::normal()),
            // Nothing is going on that could be interrupted but a wait.
            Typed::Interrupt { cancelled: false } if asked || self.is_waiting_for_the_end() => {
                return Some(Command::Interrupt);
            }
            // The question is still there, on a new line.
            Typed::Interrupt { .. } if asked => return None,
            typed if asked => {
                self.answer(typed);
                return None;
            }
            // A Ctrl-C that clears a line does not count.
            Typed::Interrupt { cancelled: false } if self.interrupted => {
                return self.leave(Close::normal());
            }
            Typed::Interrupt { .. } => {
                self.interrupted = true;
                self.say("(Ctrl-C again or Ctrl-D to leave)\n");
                return None;
            }
            Typed::Line(line) => line,
            // Nobody asks any more.
            Typed::Begun => return None,
        };
        self.interrupted = false;
        match line::parse(&line).and_then(|line| self.act(line, now)) {
            Ok(command) => command,
            Err(why) => {
                self.say(&format!("wirecat: {why}\n"));
                None
            }
        }
    }

    fn act(&mut self, line: Line, now: Instant) -> Result<Option<Command>, String> {
        let needs_connection = match line {
            Line::Message(_)
            | Line::Send(_)
            | Line::Binary(_)
            | Line::Frame(..)
            | Line::Ping(_)
            | Line::Pong(_) => true,
            // While a Close is awaited it is one more wish to leave.
            Line::Close(_) => !self.is_waiting_for_the_end(),
            _ => false,
        };
        if needs_connection {
            self.need_connection(now)?;
        }
        Ok(Some(match line {
            Line::Message(text) => Command::Send(self.options.payload.message(Bytes::from(text))?),
            Line::Send(text) => Command::Send(Message::text(text)),
            Line::Binary(data) => Command::Send(Message::binary(bytes_of(data)?)),
            Line::Frame(frame, data) => Command::Frame(with_payload(frame, data)?),
            Line::Ping(data) => Command::Ping(data),
            Line::Pong(data) => Command::Pong(data),
            Line::Close(close) => return Ok(self.leave(close)),
            Line::Queue(text) => {
                let message = self.options.payload.message(Bytes::from(text))?;
                if self.need_connection(now).is_ok() {
                    return Ok(Some(Command::Send(message)));
                }
                self.keep(Command::Send(message))?;
                self.say(&format!("kept: {}\n", messages(self.kept())));
                return Ok(None);
            }
            Line::QueueStatus => {
                self.say(&format!("kept: {}\n", messages(self.kept())));
                return Ok(None);
            }
            Line::Reconnect => {
                self.leaving = Leaving::No;
                Command::Reconnect
            }
            Line::Quit => return Ok(self.leave(Close::normal())),
            Line::Nothing => return Ok(None),
            Line::Help => {
                self.say(&line::help());
                return Ok(None);
            }
            Line::FrameHelp => {
                self.say(line::FRAME_HELP);
                return Ok(None);
            }
            Line::Status => {
                let status = self.status(now);
                self.say(&status);
                return Ok(None);
            }
            Line::Headers => {
                self.show_headers(now);
                return Ok(None);
            }
        }))
    }

    /// Whether a Close is awaited, or waits itself for what was typed before it.
    fn is_waiting_for_the_end(&self) -> bool {
        self.closing || self.is_leaving()
    }

    /// A wish to leave: it waits for the messages that were typed before it, where there is a
    /// connection to send them over. A second one waits for nothing.
    fn leave(&mut self, close: Close) -> Option<Command> {
        let again = self.is_waiting_for_the_end();
        self.leaving = Leaving::Waiting(close.clone());
        self.show_closing();
        if again {
            self.leaving = Leaving::Told;
            return Some(Command::Leave(close));
        }
        None
    }

    fn show_closing(&mut self) {
        let editor = self.editor.as_ref();
        if editor.is_some_and(|editor| editor.state.show(Shown::Closing)) {
            self.redraw();
        }
    }

    fn status(&self, now: Instant) -> String {
        let mut text = match &self.link {
            Link::Open(..) if self.closing => format!("closing: {}\n", self.url),
            Link::Connecting => format!("connecting: {}\n", self.url),
            Link::Open(opened, since) => self.open_status(opened, *since, now),
            Link::Down(due, why) => format!(
                "down: {}, next try in {} ({why})\n",
                self.url,
                brief(due.saturating_duration_since(now))
            ),
        };
        let kept = self.kept();
        let Counts {
            sent,
            received,
            round_trips,
            last_round_trip,
        } = &self.counts;
        text.push_str(&format!("messages: {sent} sent, {received} received"));
        if kept > 0 {
            text.push_str(&format!(", {kept} kept"));
        }
        text.push('\n');
        if let (Some(last), Some(times)) = (last_round_trip, round_trips.summary()) {
            text.push_str(&format!(
                "last round trip: {:.1} ms, {}\n",
                last.as_secs_f64() * 1000.0,
                describe_round_trips(times)
            ));
        }
        let filter = self.renderer.options().filter.as_ref();
        let filter = filter.map(|filter| filter.losses("--filter", false));
        let until = self.options.until.as_ref();
        let until = until.map(|until| until.losses("--until", true));
        for loss in filter.into_iter().chain(until).flatten() {
            text.push_str(&loss);
            text.push('\n');
        }
        text
    }

    fn open_status(&self, opened: &Opened, since: Instant, now: Instant) -> String {
        let address = opened
            .address
            .map_or_else(String::new, |address| format!(" ({address})"));
        let mut text = format!(
            "open: {}{address} for {} s\n",
            self.url,
            now.saturating_duration_since(since).as_secs()
        );
        if let Some(subprotocol) = &opened.subprotocol {
            text.push_str(&format!("subprotocol {subprotocol}\n"));
        }
        if let Some(tls) = &opened.tls {
            text.push_str(&format!("{}, {}\n", tls.version, tls.cipher));
        }
        if let Some(compression) = &opened.compression {
            text.push_str(&format!("compression: {compression}\n"));
        }
        text
    }

    fn show_headers(&mut self, now: Instant) {
        let verbose = self.renderer.options().verbose;
        self.renderer
            .reconfigure(|options| options.verbose = verbose.max(1));
        let heads = std::mem::take(&mut self.heads);
        self.render(now, &Event::Heads(&heads));
        self.heads = heads;
        self.renderer
            .reconfigure(|options| options.verbose = verbose);
    }
}

/// What a waiting command takes, in bytes: its payload, and a place in a queue that may have room
/// for twice as many.
fn memory_of(command: &Command) -> usize {
    let payload = match command {
        Command::Send(message) => message.len(),
        Command::Ping(data) | Command::Pong(data) => data.len(),
        Command::Frame(frame) => frame.payload.len(),
        Command::Close(_) | Command::Leave(_) | Command::Interrupt | Command::Reconnect => 0,
    };
    payload + 2 * size_of::<Command>()
}

fn messages(count: usize) -> String {
    match count {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    }
}

/// The frame with these bytes behind those that it holds already, the code of a Close.
fn with_payload(mut frame: RawFrame, data: Data) -> Result<RawFrame, String> {
    let data = bytes_of(data)?;
    frame.payload = if frame.payload.is_empty() {
        data
    } else {
        Bytes::from([frame.payload, data].concat())
    };
    frame
        .check_form()
        .map_err(|why| format!("{why}; bits=64 holds every length"))?;
    Ok(frame)
}

fn bytes_of(data: Data) -> Result<Bytes, String> {
    match data {
        Data::Bytes(bytes) => Ok(bytes),
        Data::File(path) => read_file(&path).map(Bytes::from),
    }
}

/// Reads a file that cannot keep the session waiting: a pipe or a device might, for ever.
fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let wrong = |error: &io::Error| format!("{path}: {}", plain_words(error));
    let metadata = std::fs::metadata(path).map_err(|error| wrong(&error))?;
    if !metadata.is_file() {
        return Err(format!("{path} is no regular file"));
    }
    std::fs::read(path).map_err(|error| wrong(&error))
}

impl Front for Repl {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_prompt(cx));
        for writer in [&self.file, &self.terminal].into_iter().flatten() {
            ready!(writer.poll_ready(cx));
        }
        Poll::Ready(())
    }

    fn is_overfull(&self) -> bool {
        let mut writers = [&self.file, &self.terminal].into_iter().flatten();
        writers.any(Writer::is_overfull)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        if self.drain.met() && matches!(event, Event::Receive { .. }) {
            return;
        }
        self.learn(now, event);
        self.render(now, event);
        if matches!(event, Event::Open { .. }) && self.editor.is_none() {
            self.prompt_due = true;
        }
    }

    fn ask(&mut self, question: &str) -> Option<oneshot::Receiver<Secret>> {
        let state = self.editor.as_ref()?.state.clone();
        let (sender, answer) = oneshot::channel();
        self.asked = Some(sender);
        state.set_asking(true);
        if self.restore.is_none() {
            self.silence = Some(EchoOff::new());
        }
        self.say(&format!("{}\n", question.trim_end()));
        Some(answer)
    }

    fn output(&self) -> Output {
        // Where messages go is what counts.
        let (handed, written) = match (&self.file, &self.terminal) {
            (Some(writer), _) => writer.progress(),
            (None, Some(writer)) => {
                let (handed, written) = writer.progress();
                (handed + self.notices.len() as u64, written)
            }
            (None, None) => (self.notices.len() as u64, 0),
        };
        Output { handed, written }
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant, room: bool) -> Poll<Command> {
        let broken = self.file.as_mut().is_some_and(|file| file.poll_broken(cx));
        if broken {
            self.handle_broken(now);
        }
        if (broken || self.drain.finished()) && !self.closing {
            self.show_closing();
            return Poll::Ready(Command::Close(Close::normal()));
        }
        ready!(self.poll_prompt(cx));
        loop {
            if room && let Some(command) = self.next_waiting() {
                return Poll::Ready(command);
            }
            // Without a connection there is nothing to wait for.
            if (room || !matches!(self.link, Link::Open(..)))
                && let Leaving::Waiting(close) = &self.leaving
            {
                let close = Command::Close(close.clone());
                self.leaving = Leaving::Told;
                return Poll::Ready(close);
            }
            let Some(editor) = &mut self.editor else {
                // Without a prompt there is nobody to wait for; it comes with the first connection.
                return match self.opened_once {
                    true => Poll::Ready(Command::Close(Close::normal())),
                    false => Poll::Pending,
                };
            };
            let typed = match editor.typed.poll_recv(cx) {
                Poll::Ready(Some(typed)) => typed,
                // Nobody can type any more: that is one wish to leave, and not many.
                Poll::Ready(None) if self.is_leaving() => return Poll::Pending,
                Poll::Ready(None) => Typed::End,
                Poll::Pending => return Poll::Pending,
            };
            if typed.interrupts() {
                self.options.interrupt.set_key(false);
            }
            let was_leaving = self.is_leaving();
            match self.obey(typed, now) {
                Some(command @ (Command::Leave(_) | Command::Interrupt | Command::Reconnect)) => {
                    return Poll::Ready(command);
                }
                // With room, nothing waits before it.
                Some(command) if room => return Poll::Ready(command),
                // These pass even between the fragments of a message (RFC 6455 section 5.4), though not
                // before one that was typed first and still waits.
                Some(command @ (Command::Ping(_) | Command::Pong(_)))
                    if self.waiting.is_empty() =>
                {
                    return Poll::Ready(command);
                }
                Some(command) => {
                    if let Err(why) = self.keep(command) {
                        self.say(&format!("wirecat: {why}\n"));
                    }
                }
                None if !room
                    && !was_leaving
                    && self.is_leaving()
                    && matches!(self.link, Link::Open(..)) =>
                {
                    self.say("(waiting for the server to take what was sent; Ctrl-D again leaves at once)\n");
                }
                None => {}
            }
        }
    }

    fn handle_closing(&mut self, _now: Instant) {
        if !self.closing {
            self.closing = true;
            self.show_closing();
        }
    }

    fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No || self.drain.met() || self.verdict.output_closed
    }

    fn takes_messages(&self) -> bool {
        !self.drain.met()
    }

    fn handle_bytes(&mut self, now: Instant) {
        self.drain.handle_bytes(now);
    }

    fn handle_flushed(&mut self, now: Instant) {
        self.drain.handle_flushed(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn quiet_at(&self) -> Option<Instant> {
        self.drain.quiet_at()
    }

    fn handle_quiet(&mut self, now: Instant) {
        self.drain.handle_quiet(now);
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            file.submit();
        }
        if !self.notices.is_empty() && self.terminal.is_none() {
            self.terminal = writer::stdout().ok().map(Writer::new);
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.buffer().append(&mut self.notices);
            terminal.submit();
        }
    }
}

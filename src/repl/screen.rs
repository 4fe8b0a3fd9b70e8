//! What the person sees: the messages above the line being typed, the state of the connection in the
//! prompt, and the file of `-o`. It knows what has been shown, and decides nothing.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::again::Again;
use super::editor::{self, LAST, PromptState, Restore, RunningEditor, Settings};
use super::lines::Lines;
use super::timer::Timer;
use super::view::clients::Clients;
use super::view::connection::{Connection, Link};
use super::view::gate::{Gate, Skipped};
use super::view::scrollback::Scrollback;
use super::words;
use crate::error::{Error, Exit};
use crate::event::{By, Event, Origin, Peer};
use crate::io::terminal;
use crate::io::writer::{self, Writer};
use crate::json::jq::Interrupt;
use crate::message::Message;
use crate::output::style::REDRAW;
use crate::output::{Format, Renderer, sanitize};
use crate::secret::Redactor;
use crate::session::frontend::{Broken, Progress, Received, Sink};
use crate::units::counted;

/// What is printed when the connection opens.
const WELCOME: &str = "Type a message and press Enter. /help lists the commands, Ctrl-D leaves.\n";

/// How long the last lines may take to be shown.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Columns and rows of a terminal that reports none.
const SIZE: (usize, usize) = (80, 24);

/// The screen, which the prompt writes to as well.
pub type Shared = Rc<RefCell<Screen>>;

/// How the terminal is used.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Ends the evaluation of an expression.
    pub(super) interrupt: Interrupt,
    /// How lines are edited.
    pub(super) editing: Settings,
    /// What is kept of what was sent and received, in bytes.
    pub(super) scrollback: usize,
}

pub struct Screen {
    pub(super) options: Options,
    pub(super) redactor: Redactor,
    pub(super) renderer: Renderer,
    /// Shows kept messages.
    pub(super) again: Again,
    pub(super) start: Instant,
    /// Once the prompt is there.
    pub(super) editor: Option<RunningEditor>,
    /// The prompt is to be opened, once the terminal has taken what comes before it.
    prompt_due: bool,
    /// What goes to the terminal.
    pub(super) lines: Lines,
    /// The file of `-o`.
    file: Option<Writer>,
    /// The connection, as far as has been shown.
    pub(super) connection: Connection,
    /// Where this end is the server, who is connected.
    pub(super) clients: Option<Clients>,
    /// What was sent and received last.
    pub(super) scrollback: Scrollback,
    /// Whether messages are shown.
    pub(super) gate: Gate,
    /// Whether messages that the person sends are shown.
    pub(super) sent_gate: Gate,
    /// Columns and rows of the terminal.
    pub(super) size: (usize, usize),
    /// Whether the size is that which the terminal has had since the loop last slept.
    is_measured: bool,
    timer: Timer,
    /// When the prompt has other seconds to show.
    next_second: Option<Instant>,
    /// The line about a Close of our own, until it is known whether the run goes on.
    pub(super) own_close: Vec<u8>,
    /// The end of the file of `-o` has been shown.
    broken: bool,
    /// Where lines are edited; dropped last, when nothing writes to the terminal any more.
    restore: Option<Restore>,
}

impl Screen {
    /// The screen of a run that began at `start`; messages go to `file` where there is one.
    ///
    /// # Errors
    /// Exit 2 where `-o` is not going to be possible.
    pub(super) fn new(
        options: Options,
        file: Option<&Path>,
        (url, redactor): (String, Redactor),
        renderer: Renderer,
        start: Instant,
    ) -> Result<Self, Error> {
        Ok(Screen {
            scrollback: Scrollback::new(options.scrollback),
            clients: (renderer.options().peer == Peer::Client).then(Clients::default),
            options,
            again: Again::new(renderer.options(), &redactor),
            redactor,
            renderer,
            start,
            editor: None,
            prompt_due: false,
            lines: Lines::default(),
            file: writer::file_of(file)?,
            connection: Connection::new(url),
            gate: Gate::default(),
            sent_gate: Gate::default(),
            size: SIZE,
            is_measured: false,
            timer: Timer::default(),
            next_second: None,
            own_close: Vec::new(),
            broken: false,
            restore: None,
        })
    }

    /// Shows what there is to show, gives the terminal back as it was, and then waits until the file
    /// of `-o` is written. A run that ends well with nothing to write leaves an empty one, as curl
    /// does.
    ///
    /// # Errors
    /// Exit 2 where the file could not be written, except that a reader who has gone is no error.
    pub(super) async fn finish(mut self, exit: Exit) -> Result<(), Error> {
        // The last lines are not kept for a program that outlives us.
        self.release();
        let editor = self.editor.as_ref();
        if editor.is_some_and(|editor| editor.state.is_away()) {
            // The editor draws nothing before it has the terminal back.
            drop(self.restore.take());
            if let Ok(stdout) = writer::stdout() {
                self.lines.set_writer(Writer::new(stdout));
            }
        }
        self.flush();
        if let Some(mut writer) = self.lines.take_writer() {
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
            // Where nothing is shown in time, the terminal has been stopped (Ctrl-S), and
            // nothing can be shown.
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
    /// evaluations that take long, can be interrupted.
    pub(super) fn poll_prompt(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.prompt_due {
            self.flush();
            ready!(self.lines.poll_written(cx));
            self.prompt_due = false;
            self.open_prompt();
        }
        Poll::Ready(())
    }

    fn open_prompt(&mut self) {
        let Options {
            interrupt, editing, ..
        } = &self.options;
        match editor::start(editing.clone(), interrupt) {
            Ok(mut started) => {
                let sink = std::mem::replace(&mut started.sink, Box::new(|_| Ok(())));
                self.restore = started.restore.take();
                self.lines.set_writer(Writer::new(sink));
                self.editor = Some(started);
                self.show_link(Instant::now());
                if !self.is_for_programs() {
                    self.say(WELCOME);
                }
            }
            Err(error) => {
                self.say(&format!(
                    "wirecat: line editing is not available: {error}\n"
                ));
            }
        }
    }

    /// Whether lines are edited here, so that what is typed can be hidden.
    pub(super) fn edits_lines(&self) -> bool {
        self.restore.is_some()
    }

    /// Whether every line is an event for a program, so that none is left out.
    pub(super) fn is_for_programs(&self) -> bool {
        self.renderer.options().format == Format::Json
    }

    /// A line of our own, safe to print.
    pub(super) fn say(&mut self, text: &str) {
        let mut shown = self.shown(text);
        self.lines.buffer().append(&mut shown);
    }

    /// Text of our own as the terminal gets it: without secrets, and safe to print.
    pub(super) fn shown(&self, text: &str) -> Vec<u8> {
        let mut shown = Vec::new();
        sanitize::lines(&self.redactor.redact(text), &mut shown);
        self.again.fit_locale(0, &mut shown);
        shown
    }

    /// A less important line of our own.
    pub(super) fn say_aside(&mut self, text: &str) {
        self.again.aside(text, self.lines.buffer());
    }

    /// Asks for the size of the terminal, which may have another one after every pause.
    pub(super) fn measure(&mut self) {
        if std::mem::replace(&mut self.is_measured, true) {
            return;
        }
        let size = terminal::size();
        self.size = size.unwrap_or(SIZE);
        self.again.resize(size);
        // A file has no width.
        if self.file.is_none() {
            self.renderer.resize(size);
        }
    }

    /// Renders something into the file, or for the terminal, and the notices.
    pub(super) fn render(
        &mut self,
        now: Instant,
        what: impl FnOnce(&mut Renderer, Duration, &mut Vec<u8>, &mut Vec<u8>),
    ) {
        let t = now.saturating_duration_since(self.start);
        self.measure();
        let mut output = Vec::new();
        let out = match &mut self.file {
            Some(file) => file.buffer(),
            None => &mut output,
        };
        what(&mut self.renderer, t, out, self.lines.buffer());
        // One terminal: keep the order in which things happened.
        self.lines.buffer().append(&mut output);
        if let Some(file) = &mut self.file {
            file.submit_if_full();
        }
        self.lines.hand_over();
    }

    /// Renders a message that was received, if it is shown and not only counted.
    fn render_message(&mut self, now: Instant, received: &Received<'_>) {
        let unlimited = self.is_for_programs() && !self.gate.counts_all();
        if self.file.is_some() || unlimited {
            return self.render(now, |renderer, t, out, err| {
                renderer.render_message(t, received, out, err);
            });
        }
        if self.renderer.options().filter.is_some() {
            return self.render_filtered(now, received);
        }
        if self.admits(now) {
            self.render(now, |renderer, t, out, err| {
                renderer.render_message(t, received, out, err);
            });
        }
    }

    /// The same with a filter: only what it lets through counts.
    fn render_filtered(&mut self, now: Instant, received: &Received<'_>) {
        let t = now.saturating_duration_since(self.start);
        self.measure();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.renderer
            .render_message(t, received, &mut out, &mut err);
        if (out.is_empty() && err.is_empty()) || !self.admits(now) {
            return;
        }
        self.lines.buffer().append(&mut err);
        self.lines.buffer().append(&mut out);
        self.lines.hand_over();
    }

    /// Shows what is due at `now`, and lets the task wake when the next thing is.
    pub(super) fn poll_tick(&mut self, cx: &mut Context<'_>, mut now: Instant) {
        while let Some(due) = self.next_tick() {
            if self.timer.poll(cx, due, now).is_pending() {
                return;
            }
            now = now.max(due);
            self.handle_tick(now);
            self.flush();
        }
    }

    /// When something changes on the screen by itself.
    fn next_tick(&self) -> Option<Instant> {
        let second = self.next_second.filter(|_| self.edits_lines());
        let sent = self
            .sent_gate
            .poll_timeout()
            .filter(|_| !self.gate.is_held());
        let due = [self.gate.poll_timeout(), sent, second];
        due.into_iter().flatten().min()
    }

    fn handle_tick(&mut self, now: Instant) {
        match self.gate.handle_timeout(now) {
            Some(Skipped::Count(count)) => self.say_skipped(count),
            Some(Skipped::Rest(rest)) => self.show_rest(rest, 0),
            None => {}
        }
        if !self.gate.is_held()
            && let Some(Skipped::Count(count) | Skipped::Rest(count)) =
                self.sent_gate.handle_timeout(now)
        {
            self.say_skipped_sent(count);
        }
        if self.next_second.is_some_and(|second| second <= now) {
            self.next_second = self.connection.next_second(now);
            let seconds = self.connection.seconds_down(now).unwrap_or(0);
            if self.show_state(PromptState::Down(seconds)) {
                self.redraw();
            }
        }
    }

    fn learn(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Header { .. } => self.again.learn(event),
            Event::Send {
                conn,
                message,
                origin,
                ..
            } => self.keep((now, *conn), (By::Us, *origin), (message, None)),
            _ => {}
        }
        let mut changed = self.connection.learn(now, event);
        if let Some(clients) = &mut self.clients {
            changed |= clients.learn(now, event, &self.connection.heads);
            self.learn_client(event);
        }
        if changed {
            self.show_link(now);
            self.redraw();
        }
    }

    fn keep(
        &mut self,
        (now, conn): (Instant, u32),
        by: (By, Option<Origin>),
        message: (&Message, Option<u64>),
    ) {
        let t = now.saturating_duration_since(self.start);
        self.scrollback.push((t, conn), by, message);
    }

    /// Lets the prompt show the state of the connection. From the next second on it also shows how long
    /// there is none.
    pub(super) fn show_link(&mut self, now: Instant) {
        self.next_second = self.connection.next_second(now);
        if let Some(clients) = &self.clients {
            self.show_state(PromptState::Clients(clients.count()));
            return;
        }
        self.show_state(match &self.connection.link {
            Link::Connecting => PromptState::Connecting,
            Link::Open(..) => PromptState::Open,
            Link::Down(..) => PromptState::Down(0),
        });
    }

    /// Lets the prompt show that the connection is being closed.
    pub(super) fn show_closing(&mut self) {
        if self.show_state(PromptState::Closing) {
            self.redraw();
        }
    }

    /// Where there is no prompt, a line says what it would show; other lines tell of the rest. Returns
    /// whether it is another state.
    fn show_state(&mut self, state: PromptState) -> bool {
        let editor = self.editor.as_ref();
        let changed = editor.is_some_and(|editor| editor.state.show(state));
        if changed && !self.edits_lines() && !self.is_for_programs() {
            match state {
                PromptState::Connecting => self.say("connecting\n"),
                PromptState::Closing if !self.connection.has_closed() => self.say("closing\n"),
                PromptState::Open
                | PromptState::Closing
                | PromptState::Down(_)
                | PromptState::Clients(_) => {}
            }
        }
        changed
    }

    /// Shows the prompt as it is now.
    pub(super) fn redraw(&mut self) {
        if self.edits_lines() && !self.gate.is_held() {
            self.lines.buffer().extend_from_slice(REDRAW);
        }
    }

    /// Whether the prompt is yet to be opened.
    pub(super) fn is_prompt_due(&self) -> bool {
        self.prompt_due
    }

    /// Another program gets the terminal. Nothing is written to it until [`Screen::release`]; lines
    /// wait, and messages are counted. [`Screen::poll_held`] says when the terminal is free.
    pub(super) fn hold(&mut self) {
        self.gate.hold();
        self.lines.hold();
    }

    /// Ready when all that came before [`Screen::hold`] is on the terminal.
    pub(super) fn poll_held(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.lines.poll_written(cx)
    }

    /// The terminal is back: shows what waited.
    pub(super) fn release(&mut self) {
        let dropped = self.lines.release();
        if dropped > 0 {
            let dropped = counted(dropped, "older line");
            self.say_aside(&format!("… {dropped} not shown\n"));
        }
        let held = self.gate.release();
        if held > 0 {
            let held = counted(held, "message");
            self.say_aside(&format!("… {held} meanwhile, /last N shows them\n"));
        }
    }

    pub(super) fn flush(&mut self) {
        self.is_measured = false;
        if let Some(file) = &mut self.file {
            file.submit();
        }
        self.lines.flush();
    }

    /// How far the output has got that messages go to.
    fn progress(&self) -> Progress {
        match &self.file {
            Some(file) => {
                let (handed, written) = file.progress();
                Progress { handed, written }
            }
            None => self.lines.progress(),
        }
    }

    /// Nothing can be written to the file of `-o` any more.
    fn handle_broken(&mut self) -> Broken {
        let failure = self.file.as_ref().and_then(Writer::take_failure);
        if let Some(error) = failure {
            self.broken = true;
            return Broken::Failed(error);
        }
        if !std::mem::replace(&mut self.broken, true) {
            self.say("wirecat: the reader of the -o file has closed it\n");
        }
        Broken::Closed
    }
}

impl Sink for Shared {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut screen = self.borrow_mut();
        ready!(screen.poll_prompt(cx));
        if let Some(file) = &screen.file {
            ready!(file.poll_ready(cx));
        }
        screen.lines.poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        let screen = self.borrow();
        let file = screen.file.as_ref();
        file.is_some_and(Writer::is_overfull) || screen.lines.is_overfull()
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let mut screen = self.borrow_mut();
        screen.learn(now, event);
        if matches!(
            event,
            Event::Close { .. } | Event::Retry { .. } | Event::Error(_) | Event::End { .. }
        ) {
            // What came before it is shown before it.
            let sent = screen.sent_gate.take_skipped();
            screen.say_skipped_sent(sent);
            let skipped = screen.gate.take_skipped();
            screen.show_rest(skipped, 0);
        }
        screen.show_own_close(event);
        if !screen.leaves_out(now, event) && !screen.keeps_own_close(now, event) {
            screen.render(now, |renderer, t, out, err| {
                renderer.render(t, event, out, err);
            });
        }
        match event {
            Event::Open { .. } | Event::Listening { .. } if screen.editor.is_none() => {
                screen.prompt_due = true
            }
            Event::End { totals, .. } => screen.conclude(now, totals),
            _ => {}
        }
    }

    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        let &Received { conn, message, .. } = received;
        let mut screen = self.borrow_mut();
        screen.connection.handle_received(message.len());
        if let Some(clients) = &mut screen.clients {
            clients.handle_received(conn, message.len());
        }
        if received.is_ping && !screen.renderer.options().show_ping_pong {
            return screen.render_message(now, received);
        }
        words::learn_from(
            &screen.options.editing.words,
            (now, message),
            &screen.redactor,
        );
        screen.keep((now, conn), (By::Peer, None), (message, received.record));
        screen.render_message(now, received);
    }

    fn flush(&mut self) {
        self.borrow_mut().flush();
    }

    fn wants_sends(&self) -> bool {
        self.borrow().renderer.wants_sends()
    }

    fn progress(&self) -> Progress {
        self.borrow().progress()
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        let mut screen = self.borrow_mut();
        match screen
            .file
            .as_mut()
            .is_some_and(|file| file.poll_broken(cx))
        {
            true => Poll::Ready(screen.handle_broken()),
            false => Poll::Pending,
        }
    }
}

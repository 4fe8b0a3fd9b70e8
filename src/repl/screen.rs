//! What the person sees: the messages above the line being typed, the state of the connection in the
//! prompt, and the file of `-o`. It knows what has been shown, and decides nothing.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::editor::{self, LAST, PromptState, Restore, RunningEditor, Settings};
use crate::error::{Error, Exit};
use crate::event::{Event, Heads, Opened};
use crate::io::terminal;
use crate::io::writer::{self, Writer};
use crate::json::jq::Interrupt;
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::output::style::REDRAW;
use crate::output::{Format, Renderer, brief, describe_round_trips, sanitize};
use crate::secret::Redactor;
use crate::session::frontend::{Broken, Progress, Sink};
use crate::session::rtt::Rtts;

/// What is printed when the connection opens.
const WELCOME: &str = "Type a message and press Enter. /help lists the commands, Ctrl-D leaves.\n";

/// How long the last lines may take to be shown.
const LAST_LINES: Duration = Duration::from_millis(500);

/// The screen, which the prompt writes to as well.
pub type Shared = Rc<RefCell<Screen>>;

/// Numbers for `/status`.
#[derive(Clone, Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    round_trips: Rtts,
    last_round_trip: Option<Duration>,
}

/// The connection, as far as has been shown.
#[derive(Clone, Debug)]
pub(super) enum Link {
    Connecting,
    Open(Box<Opened>, Instant),
    /// Lost; when the next attempt is due, and why there is one.
    Down(Instant, String),
}

/// How the terminal is used.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Ends the evaluation of an expression.
    pub(super) interrupt: Interrupt,
    /// How lines are edited.
    pub(super) editing: Settings,
}

pub struct Screen {
    options: Options,
    url: String,
    redactor: Redactor,
    renderer: Renderer,
    /// Whether the renderer knows the size that the terminal has had since the loop last slept.
    is_measured: bool,
    start: Instant,
    /// Once the prompt is there.
    pub(super) editor: Option<RunningEditor>,
    /// The prompt is to be opened, once the terminal has taken what comes before it.
    prompt_due: bool,
    /// Writes to the terminal, first by stdout and then above the line being typed.
    terminal: Option<Writer>,
    /// The file of `-o`.
    file: Option<Writer>,
    /// Rendered for the terminal and not yet handed over.
    output: Vec<u8>,
    notices: Vec<u8>,
    pub(super) link: Link,
    pub(super) opened_once: bool,
    /// Nothing more can be sent over this connection.
    pub(super) closing: bool,
    /// The end of the file of `-o` has been shown.
    broken: bool,
    heads: Heads,
    counts: Counts,
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
            options,
            url,
            redactor,
            renderer,
            is_measured: false,
            start,
            editor: None,
            prompt_due: false,
            terminal: None,
            file: writer::file_of(file)?,
            output: Vec::new(),
            notices: Vec::new(),
            link: Link::Connecting,
            opened_once: false,
            closing: false,
            broken: false,
            heads: Heads::default(),
            counts: Counts::default(),
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
            if let Some(terminal) = &self.terminal {
                ready!(terminal.poll_written(cx));
            }
            self.prompt_due = false;
            self.open_prompt();
        }
        Poll::Ready(())
    }

    fn open_prompt(&mut self) {
        let Options { interrupt, editing } = &self.options;
        match editor::start(editing.clone(), interrupt) {
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
                    "wirecat: line editing is not available: {error}\n"
                ));
            }
        }
    }

    /// What follows is about another server.
    pub(super) fn switch_to(&mut self, url: String) {
        self.url = url;
        self.heads = Heads::default();
        self.set_link(Link::Connecting);
    }

    /// Whether lines are edited here, so that what is typed can be hidden.
    pub(super) fn edits_lines(&self) -> bool {
        self.restore.is_some()
    }

    /// A line of our own, safe to print.
    pub(super) fn say(&mut self, text: &str) {
        sanitize::lines(&self.redactor.redact(text), &mut self.notices);
    }

    /// Renders something into the file, or the output, and the notices.
    fn render(
        &mut self,
        now: Instant,
        what: impl FnOnce(&mut Renderer, Duration, &mut Vec<u8>, &mut Vec<u8>),
    ) {
        let t = now.saturating_duration_since(self.start);
        // A file has no width. The terminal may have another one after every pause.
        if self.file.is_none() && !std::mem::replace(&mut self.is_measured, true) {
            self.renderer.resize(terminal::size());
        }
        let output = match &mut self.file {
            Some(file) => file.buffer(),
            None => &mut self.output,
        };
        what(&mut self.renderer, t, output, &mut self.notices);
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
                Link::Connecting => PromptState::Connecting,
                Link::Open(..) => PromptState::Open,
                Link::Down(..) => PromptState::Down,
            });
        }
    }

    /// Lets the prompt show that the connection is being closed.
    pub(super) fn show_closing(&mut self) {
        let editor = self.editor.as_ref();
        if editor.is_some_and(|editor| editor.state.show(PromptState::Closing)) {
            self.redraw();
        }
    }

    /// Shows the prompt as it is now.
    pub(super) fn redraw(&mut self) {
        if self.restore.is_some() {
            self.notices.extend_from_slice(REDRAW);
        }
    }

    /// Whether the prompt is yet to be opened.
    pub(super) fn is_prompt_due(&self) -> bool {
        self.prompt_due
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(..))
    }

    /// What `/status` says, with `queued` messages that wait.
    pub(super) fn status(&self, queued: usize, now: Instant) -> String {
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
        let Counts {
            sent,
            received,
            round_trips,
            last_round_trip,
        } = &self.counts;
        text.push_str(&format!("messages: {sent} sent, {received} received"));
        if queued > 0 {
            text.push_str(&format!(", {queued} kept"));
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
        for loss in filter.map_or_else(Vec::new, |it| it.losses("--filter", false)) {
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

    pub(super) fn show_headers(&mut self, now: Instant) {
        let verbose = self.renderer.options().verbose;
        self.renderer
            .reconfigure(|options| options.verbose = verbose.max(1));
        let heads = std::mem::take(&mut self.heads);
        self.render(now, |renderer, t, out, err| {
            renderer.render(t, &Event::Heads(&heads), out, err);
        });
        self.heads = heads;
        self.renderer
            .reconfigure(|options| options.verbose = verbose);
    }

    fn flush(&mut self) {
        self.is_measured = false;
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

    /// How far the output has got that messages go to.
    fn progress(&self) -> Progress {
        let (handed, written) = match (&self.file, &self.terminal) {
            (Some(writer), _) => writer.progress(),
            (None, Some(writer)) => {
                let (handed, written) = writer.progress();
                (handed + self.notices.len() as u64, written)
            }
            (None, None) => (self.notices.len() as u64, 0),
        };
        Progress { handed, written }
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
        for writer in [&screen.file, &screen.terminal].into_iter().flatten() {
            ready!(writer.poll_ready(cx));
        }
        Poll::Ready(())
    }

    fn is_overfull(&self) -> bool {
        let screen = self.borrow();
        let mut writers = [&screen.file, &screen.terminal].into_iter().flatten();
        writers.any(Writer::is_overfull)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let mut screen = self.borrow_mut();
        screen.learn(now, event);
        screen.render(now, |renderer, t, out, err| {
            renderer.render(t, event, out, err);
        });
        if matches!(event, Event::Open { .. }) && screen.editor.is_none() {
            screen.prompt_due = true;
        }
    }

    fn handle_message(&mut self, now: Instant, conn: u32, message: &Message, json: &Parsed<'_>) {
        let mut screen = self.borrow_mut();
        screen.counts.received += 1;
        screen.render(now, |renderer, t, out, err| {
            renderer.render_message((t, conn), message, json, out, err);
        });
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

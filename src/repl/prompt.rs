//! What the person wants: lines as they are typed become messages, or commands that are obeyed here
//! and in [`work`].

mod answers;
mod clients;
mod work;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::action::{Action, Outgoing, View};
use super::commands::{queue, record};
use super::editor::{self, Typed};
use super::files::{bytes_of, with_payload};
use super::line;
use super::options::Options;
use super::save;
use super::screen::{Screen, Shared};
use super::timer::Timer;
use super::view::connection::Link;
use super::waiting::Waiting;
use super::work::{Shared as Work, SourcedLine, Work as UnderWay};
use crate::close::Close;
use crate::error::Error;
use crate::event::{Command, Control};
use crate::io::recorder::Recorder;
use crate::io::terminal::EchoOff;
use crate::json::jq::Filter;
use crate::message::Message;
use crate::output::brief;
use crate::secret::{Redactor, Secret};
use crate::session::connect::Plan;
use crate::session::frontend::{Asker, Next, Snapshot, Source};
use crate::units::counted;

/// How long the lines before another program may take to be shown.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Whether the person has asked to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Leaving {
    #[default]
    No,
    /// With this Close, which waits for the messages that were typed before it.
    Waiting(Close),
    /// The session has been asked to close.
    Requested,
}

/// What a line requests of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Request {
    #[default]
    Nothing,
    Send(Command),
    Control(Control),
}

/// Prepares to connect to another server.
pub type Connector = Rc<dyn Fn(&str) -> Result<(), String>>;

pub struct Prompt {
    options: Options,
    screen: Shared,
    work: Work,
    /// `/connect`
    connector: Connector,
    /// How many messages in the scrollback are those of servers before this one.
    before: u64,
    /// How the connection is made, for `/save`.
    request: save::Request,
    start: Instant,
    /// The connection is being left for one to another server.
    is_switching: bool,
    /// A line of a file is being obeyed.
    is_sourcing: bool,
    timer: Timer,
    redactor: Redactor,
    recorder: Recorder,
    /// `--until`, for `/status`.
    until: Option<Filter>,
    leaving: Leaving,
    /// Typed, and waiting for a connection, or for room in one.
    waiting: Waiting,
    /// Typed while there was room for a message.
    control: Option<Control>,
    /// Who waits for a secret to be typed.
    asked: Option<oneshot::Sender<Secret>>,
    /// The terminal without echo, where the editor cannot hide what is typed.
    echo_off: Option<EchoOff>,
    interrupted: bool,
    /// What the editor does next, where a command says so.
    next: Option<editor::Next>,
    /// What the editor waits for.
    go_on: Option<editor::Next>,
    /// Until when that waits for what comes before it to be on the terminal.
    go_on_due: Option<Instant>,
    go_on_timer: Timer,
    /// Messages of a file or `/repeat` since others had their turn.
    generated: usize,
    /// The text that is in the user's editor.
    edited: String,
    /// Why nothing can be typed any more.
    failure: Option<Error>,
    /// What is in the pager.
    paged: Vec<u8>,
}

impl Prompt {
    pub(super) fn new(
        options: Options,
        until: Option<Filter>,
        (screen, work): (Shared, Work),
        connector: Connector,
        (plan, recorder): (&Plan, Recorder),
        start: Instant,
    ) -> Self {
        Prompt {
            waiting: Waiting::new(options.queue),
            request: save::Request::of(plan, &options.saved),
            options,
            screen,
            work,
            connector,
            before: 0,
            start,
            is_switching: false,
            is_sourcing: false,
            timer: Timer::default(),
            redactor: plan.redactor.clone(),
            recorder,
            until,
            leaving: Leaving::No,
            control: None,
            asked: None,
            echo_off: None,
            interrupted: false,
            next: None,
            go_on: None,
            go_on_due: None,
            go_on_timer: Timer::default(),
            generated: 0,
            edited: String::new(),
            failure: None,
            paged: Vec::new(),
        }
    }

    fn say(&self, text: &str) {
        self.screen.borrow_mut().say(text);
    }

    /// What a message or frame needs.
    ///
    /// # Errors
    /// Why there is no connection, and until when.
    fn need_connection(&self, now: Instant) -> Result<(), String> {
        let screen = self.screen.borrow();
        if let Some(clients) = screen.clients.as_ref().filter(|_| !self.is_leaving()) {
            return clients.reach(clients.recipients);
        }
        match &screen.connection.link {
            _ if self.is_leaving() => Err("not sent: you are leaving".to_owned()),
            Link::Open(..) if screen.connection.closing => Err(
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

    /// What was typed for the one who asked.
    fn answer(&mut self, typed: Typed) {
        if matches!(typed, Typed::Begun) {
            return self
                .say("that line was begun before the question, so it is not used as the answer\n");
        }
        let asked = self.asked.take();
        self.echo_off = None;
        let mut screen = self.screen.borrow_mut();
        if let Some(editor) = &screen.editor {
            editor.state.set_asking(false);
        }
        screen.redraw();
        if let (Some(asked), Typed::Line(line) | Typed::Held(line)) = (asked, typed) {
            self.redactor.add_given(&line);
            // The asker may have given up meanwhile.
            let _ = asked.send(Secret::new(line));
        }
    }

    /// Obeys what was typed, and tells the editor to go on where it waits.
    fn take_typed(&mut self, typed: Typed, now: Instant) -> Request {
        let waits = typed.waits();
        let request = match typed {
            Typed::EditLine(line) => self.edit_line(line),
            Typed::Trouble(why) => {
                self.say(&format!("wirecat: {why}\n"));
                Request::Nothing
            }
            Typed::JobDone(outcome) => self.handle_job(outcome),
            Typed::Failed(why) => self.handle_failure(&why),
            typed => self.obey(typed, now),
        };
        if waits {
            self.go_on = Some(self.next.take().unwrap_or(editor::Next::Read));
        }
        request
    }

    /// What to do about something typed, where it is the session's business.
    fn obey(&mut self, typed: Typed, now: Instant) -> Request {
        let asked = self.asked.is_some();
        let line = match typed {
            Typed::End => return self.leave(Close::normal()),
            // Nothing is going on that could be interrupted but a wait.
            Typed::Interrupt { cancelled: false } if asked || self.is_waiting_for_the_end() => {
                return Request::Control(Control::Interrupt);
            }
            // The question is still there, on a new line.
            Typed::Interrupt { .. } if asked => return Request::Nothing,
            Typed::Interrupt { cancelled: false } if self.cancel_work() => return Request::Nothing,
            typed if asked => {
                self.answer(typed);
                return Request::Nothing;
            }
            // A Ctrl-C that clears a line does not count.
            Typed::Interrupt { cancelled: false } if self.interrupted => {
                return self.leave(Close::normal());
            }
            Typed::Interrupt { .. } => {
                self.interrupted = true;
                self.say("(Ctrl-C again or Ctrl-D to leave)\n");
                return Request::Nothing;
            }
            Typed::Line(line) | Typed::Held(line) => line,
            // The question is over.
            _ => return Request::Nothing,
        };
        self.interrupted = false;
        let request = self.obey_line(&line, now);
        self.report(request)
    }

    /// # Errors
    /// Why the line cannot be obeyed.
    fn obey_line(&mut self, line: &str, now: Instant) -> Result<Request, String> {
        let action = {
            let (screen, work) = (self.screen.borrow(), self.work.borrow());
            line::parse(line, &self.view(&screen, &work, now))?
        };
        self.perform(action, now)
    }

    /// Obeys a line of a file. If it cannot be obeyed, the rest of the file is not.
    fn obey_sourced(&mut self, SourcedLine { line, place }: &SourcedLine, now: Instant) -> Request {
        self.is_sourcing = true;
        let request = self.obey_line(line, now);
        self.is_sourcing = false;
        self.next = None;
        let failed = request.is_err();
        let request = self.report(request.map_err(|why| format!("{place}: {why}")));
        if failed {
            self.stop_sourcing();
        }
        request
    }

    /// Says what is wrong, where something is.
    fn report<T: Default>(&self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|why| {
            self.say(&format!("wirecat: {why}\n"));
            T::default()
        })
    }

    /// What a command may know.
    fn view<'a>(&'a self, screen: &'a Screen, work: &'a UnderWay, now: Instant) -> View<'a> {
        View {
            screen,
            work,
            until: self.until.as_ref(),
            queued: self.waiting.messages(),
            recorded: self.recorder.summary(),
            now,
        }
    }

    /// Performs an action, as far as that is up to the prompt; the rest is up to the session.
    ///
    /// # Errors
    /// Why it cannot be done.
    fn perform(&mut self, action: Action, now: Instant) -> Result<Request, String> {
        match action {
            Action::Nothing => {}
            Action::Send(outgoing) => {
                self.need_connection(now)?;
                return self.command_of(outgoing).map(Request::Send);
            }
            Action::SendTo(..) | Action::Address(_) | Action::ShowHandshakeOf(_) => {
                return self.perform_for_clients(action, now);
            }
            Action::Queue(text) => return self.queue(text, now),
            Action::DropQueue => self.drop_queue(),
            Action::Close(close) => {
                // While a Close is awaited it is one more request to leave.
                if !self.is_waiting_for_the_end() {
                    self.need_connection(now)?;
                }
                return Ok(self.leave(close));
            }
            Action::Leave(close) => return Ok(self.leave(close)),
            Action::Control(control) => {
                if control == Control::Reconnect {
                    self.leaving = Leaving::No;
                }
                return Ok(Request::Control(control));
            }
            Action::Say(text) => self.say(&text),
            Action::Record(path) => self.say(&record::perform(&self.recorder, path.as_deref())?),
            Action::ShowHandshake => self.screen.borrow_mut().show_headers(now),
            Action::View(change) => self.screen.borrow_mut().change(change)?,
            action => self.perform_work(action, now)?,
        }
        Ok(match self.is_switching && !self.is_leaving() {
            true => self.leave(Close::normal()),
            false => Request::Nothing,
        })
    }

    fn command_of(&mut self, outgoing: Outgoing) -> Result<Command, String> {
        let command = match outgoing {
            Outgoing::Command(command) => command,
            Outgoing::Message(text) => Command::Send(self.template(&text, &BTreeMap::new())?),
            Outgoing::Template(text, more) => Command::Send(self.template(&text, &more)?),
            Outgoing::Binary(data) => Command::Send(Message::binary(bytes_of(data)?)),
            Outgoing::Frame(frame, data) => Command::Frame(with_payload(frame, data)?),
        };
        self.addressed(command)
    }

    /// Sends a message, or keeps it until there is a connection.
    fn queue(&mut self, text: String, now: Instant) -> Result<Request, String> {
        let command = Command::Send(self.template(&text, &BTreeMap::new())?);
        let command = self.addressed(command)?;
        let needed = self.need_connection(now);
        // A client that is yet to come is another one.
        if needed.is_ok() || self.screen.borrow().clients.is_some() {
            return needed.map(|()| Request::Send(command));
        }
        self.waiting.keep(command)?;
        self.say(&queue::kept(self.waiting.messages()));
        Ok(Request::Nothing)
    }

    fn drop_queue(&mut self) {
        let dropped = counted(self.waiting.messages() as u64, "message");
        self.waiting.clear();
        self.say(&format!("dropped: {dropped}\n"));
    }

    /// Whether a Close is awaited, or waits itself for what was typed before it.
    fn is_waiting_for_the_end(&self) -> bool {
        self.screen.borrow().connection.closing || self.is_leaving()
    }

    /// Asks to leave: this waits for the messages that were typed before it, where there is a
    /// connection to send them over. A second one waits for nothing.
    fn leave(&mut self, close: Close) -> Request {
        let again = self.is_waiting_for_the_end();
        self.leaving = Leaving::Waiting(close.clone());
        self.screen.borrow_mut().show_closing();
        if again {
            self.leaving = Leaving::Requested;
            return Request::Control(Control::Leave(close));
        }
        Request::Nothing
    }

    /// The next line of a file, once what was typed before has been sent.
    fn next_sourced(&mut self) -> Option<SourcedLine> {
        let free = self.waiting.is_empty() && self.asked.is_none() && !self.is_leaving();
        free.then(|| self.work.borrow_mut().next_line()).flatten()
    }

    /// Gives up what takes time, as Ctrl-C asks for. Returns whether there was something.
    fn cancel_work(&mut self) -> bool {
        let stopped = self.work.borrow_mut().cancel();
        for what in stopped.iter().flatten() {
            self.say(&format!("{what}\n"));
        }
        stopped.is_some()
    }

    /// Lets the editor do what is next. Another program gets the terminal once everything is written,
    /// or after a moment: the last lines may wait for the editor themselves, which shows them when it
    /// reads again.
    fn poll_go_on(&mut self, cx: &mut Context<'_>, now: Instant) {
        let runs = matches!(self.go_on, Some(editor::Next::Run(_)));
        let screen = self.screen.borrow();
        if runs && screen.poll_held(cx).is_pending() {
            let due = *self.go_on_due.get_or_insert(now + LAST_LINES);
            if self.go_on_timer.poll(cx, due, now).is_pending() {
                return;
            }
        }
        self.go_on_due = None;
        if let (Some(next), Some(editor)) = (self.go_on.take(), &screen.editor) {
            // An editor that is gone waits for nothing.
            let _ = editor.next.send(next);
        }
    }

    /// What was typed next.
    fn poll_typed(&mut self, cx: &mut Context<'_>) -> Poll<Typed> {
        let mut screen = self.screen.borrow_mut();
        let Some(editor) = &mut screen.editor else {
            return Poll::Pending;
        };
        match ready!(editor.typed.poll_recv(cx)) {
            Some(typed) => {
                if typed.interrupts() {
                    self.options.interrupt.set_key(false);
                }
                Poll::Ready(typed)
            }
            // Nobody can type any more: that is one request to leave, and not many.
            None if self.is_leaving() => Poll::Pending,
            None => Poll::Ready(Typed::End),
        }
    }

    /// Reads what is typed, up to a control, or to a command where there is `room` for it: it waits
    /// in the queue then. Without room, commands are queued as long as the queue is not full.
    fn poll_lines(&mut self, cx: &mut Context<'_>, now: Instant, room: bool) -> Poll<Request> {
        ready!(self.screen.borrow_mut().poll_prompt(cx));
        loop {
            self.look_after_work(cx, now);
            self.poll_go_on(cx, now);
            let was_leaving = self.is_leaving();
            let request = match self.poll_typed(cx) {
                Poll::Ready(typed) => self.take_typed(typed, now),
                Poll::Pending => match self.next_sourced() {
                    Some(line) => self.obey_sourced(&line, now),
                    None => return Poll::Pending,
                },
            };
            match request {
                Request::Nothing => {
                    let started_to_leave = !was_leaving && self.is_leaving();
                    if started_to_leave && room {
                        return Poll::Ready(Request::Nothing);
                    }
                    if started_to_leave && self.screen.borrow().connection.is_open() {
                        self.say("(waiting for the server to take what was sent; Ctrl-D again leaves at once)\n");
                    }
                    // What it began may have something to send.
                    cx.waker().wake_by_ref();
                }
                // With room, nothing waits before it.
                Request::Send(command) if room => return Poll::Ready(Request::Send(command)),
                // These pass even between the fragments of a message (RFC 6455 section 5.4), though not
                // before one that was typed first and still waits.
                Request::Send(Command::Ping(data)) if self.waiting.is_empty() => {
                    return Poll::Ready(Request::Control(Control::Ping(data)));
                }
                Request::Send(Command::Pong(data)) if self.waiting.is_empty() => {
                    return Poll::Ready(Request::Control(Control::Pong(data)));
                }
                Request::Send(command) => {
                    if let Err(why) = self.waiting.keep(command) {
                        self.say(&format!("wirecat: {why}\n"));
                    }
                }
                control @ Request::Control(_) => return Poll::Ready(control),
            }
        }
    }
}

impl Source for Prompt {
    fn poll_control(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Control> {
        self.screen.borrow_mut().poll_tick(cx, now);
        if let Some(control) = self.control.take() {
            return Poll::Ready(control);
        }
        let gone = {
            let screen = self.screen.borrow();
            screen.connection.opened_once && screen.editor.is_none() && !screen.is_prompt_due()
        };
        if gone {
            // Without a prompt there is nobody to wait for.
            return Poll::Ready(Control::Close(Close::normal()));
        }
        loop {
            match ready!(self.poll_lines(cx, now, false)) {
                Request::Control(control) => return Poll::Ready(control),
                Request::Send(_) | Request::Nothing => {}
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Next> {
        let command = Next::Command { paced: false };
        self.screen.borrow_mut().poll_tick(cx, now);
        loop {
            if !self.waiting.is_empty() {
                return Poll::Ready(command);
            }
            if let Leaving::Waiting(_) = &self.leaving {
                return Poll::Ready(command);
            }
            if self.control.is_some() {
                // It is asked for next.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // What is typed comes before what a file or `/repeat` sends: it may end that.
            match self.poll_lines(cx, now, true) {
                Poll::Ready(Request::Send(command)) => self.waiting.push(command),
                Poll::Ready(Request::Control(control)) => self.control = Some(control),
                Poll::Ready(Request::Nothing) => {}
                // A file was sent by a line that asked for nothing else.
                Poll::Pending if !self.waiting.is_empty() => {}
                Poll::Pending => {
                    let generated = ready!(self.poll_generated(cx, now));
                    self.waiting.push(generated);
                }
            }
        }
    }

    fn take(&mut self) -> Option<Command> {
        if let Some(command) = self.waiting.pop() {
            return Some(command);
        }
        match std::mem::replace(&mut self.leaving, Leaving::Requested) {
            Leaving::Waiting(close) => Some(Command::Close(close)),
            other => {
                self.leaving = other;
                None
            }
        }
    }

    fn wants_snapshots(&self) -> bool {
        true
    }

    fn handle_snapshot(&mut self, snapshot: &Snapshot) {
        let mut screen = self.screen.borrow_mut();
        screen.connection.handle_snapshot(snapshot);
    }

    fn handle_opened(&mut self) {}

    fn handle_closing(&mut self) {
        let mut screen = self.screen.borrow_mut();
        if !std::mem::replace(&mut screen.connection.closing, true) {
            screen.show_closing();
        }
    }

    fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }

    fn unsent(&self) -> usize {
        self.waiting.messages()
    }
}

impl Asker for Prompt {
    fn ask(&mut self, question: &str) -> Option<oneshot::Receiver<Secret>> {
        let mut screen = self.screen.borrow_mut();
        let state = screen.editor.as_ref()?.state.clone();
        let (sender, answer) = oneshot::channel();
        self.asked = Some(sender);
        state.set_asking(true);
        if !screen.edits_lines() {
            self.echo_off = Some(EchoOff::new());
        }
        screen.say(&format!("{}\n", question.trim_end()));
        Some(answer)
    }
}

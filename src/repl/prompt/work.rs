//! What the prompt does about commands that take time, wait for messages, or run other programs.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::yield_now;

use super::{Leaving, Prompt, Request};
use crate::close::Close;
use crate::error::{Error, Exit, Stage};
use crate::event::Command;
use crate::generated::Generated;
use crate::json::jq::Filter;
use crate::message::{Kind, Message};
use crate::output::rows_of;
use crate::repl::action::Action;
use crate::repl::editor::{Job, JobOutcome, Next};
use crate::repl::feed::Purpose;
use crate::repl::files::{open_file, read_commands, read_file, write_file};
use crate::repl::options::Options;
use crate::repl::repeat::Repeat;
use crate::repl::save::{self, Saved, Written};
use crate::repl::variables::VariableValue;
use crate::repl::view::change::Which;
use crate::repl::watch::Found;
use crate::repl::work::LinesOfFile;
use crate::secret::is_secret_name;
use crate::session::connect::Plan;
use crate::units::{self, counted};

/// A shorter value may be an ordinary word, which would then be hidden everywhere, in bytes.
const SHORTEST_SECRET: usize = 8;

/// The exit status of a shell that finds no such command (POSIX).
const NOT_FOUND: i32 = 127;

/// Messages of a file or `/repeat` that are sent before others have their turn.
const BATCH: usize = 256;

impl Prompt {
    /// Lets lines be completed with the variables that there are now.
    pub(super) fn share_variables(&self) {
        let work = self.work.borrow();
        self.screen.borrow().set_variables(work.variables.iter());
    }

    /// Performs an action that begins or ends something beside the line being typed.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(super) fn perform_work(&mut self, action: Action, now: Instant) -> Result<(), String> {
        match action {
            Action::SetVariable(name, value) => {
                self.set_variable(&name, VariableValue::Text(value))
            }
            Action::Capture(name, expression) => self.capture(name, expression)?,
            Action::UnsetVariable(name) => self.unset_variable(&name)?,
            Action::Expect(expression, within) => self.await_message(expression, within, now)?,
            Action::Answer(text) => self.add_answer(&text)?,
            Action::DropAnswers(number) => self.drop_answers(number)?,
            Action::Repeat(repeat) => self.repeat(repeat)?,
            Action::StopRepeating => self.stop_repeating(),
            Action::PutIntoLine(text) => self.next = Some(Next::ReadWith(text)),
            Action::EditLast => self.edit_last()?,
            Action::Source(path) => self.source(&path)?,
            Action::SendFile(path) => self.send_file(&path, now)?,
            Action::SendLines(path) => self.send_lines(&path, now)?,
            Action::Pipe(command) => self.pipe(&command)?,
            Action::PipeOff => self.pipe_off(),
            Action::Shell(command) => self.run_in_terminal(command, None)?,
            Action::PipeLast(count, command) => self.pipe_last(count, command)?,
            Action::More(which) => self.more(which)?,
            Action::Page(text) => {
                let shown = self.screen.borrow().shown(&text);
                self.page(shown);
            }
            Action::Connect(url) => self.connect(&url, now)?,
            Action::Save(path) => self.save(&path)?,
            // The prompt performs these itself.
            other => drop(other),
        }
        self.share_variables();
        Ok(())
    }

    /// Sets a variable. The value of one with the name of a secret is hidden from now on.
    fn set_variable(&mut self, name: &str, value: VariableValue) {
        let text = value.text();
        if is_secret_name(name) && text.len() >= SHORTEST_SECRET {
            self.redactor.add_given(&text);
        }
        let mut work = self.work.borrow_mut();
        work.watch.forget(name);
        work.variables.set(name, value);
    }

    fn unset_variable(&mut self, name: &str) -> Result<(), String> {
        let mut work = self.work.borrow_mut();
        let waited = work.watch.captures().any(|(known, _)| known == name);
        work.watch.forget(name);
        match work.variables.unset(name) {
            Err(_) if waited => Ok(()),
            result => result,
        }
    }

    fn capture(&mut self, name: String, expression: String) -> Result<(), String> {
        let filter = self.compile(&expression)?;
        self.say(&format!(
            "{name} will be {expression} of the next message that has it\n"
        ));
        let mut work = self.work.borrow_mut();
        work.watch.capture(name, expression, filter);
        Ok(())
    }

    fn await_message(
        &mut self,
        expression: String,
        within: Duration,
        now: Instant,
    ) -> Result<(), String> {
        let filter = self.compile(&expression)?;
        let waiting = format!(
            "waiting up to {} for {expression} (Ctrl-C gives up)\n",
            units::written(within)
        );
        let mut work = self.work.borrow_mut();
        if work.watch.await_message(expression, filter, within, now) {
            self.say(&waiting);
        }
        Ok(())
    }

    /// Compiles an expression, which Ctrl-C can interrupt.
    fn compile(&self, expression: &str) -> Result<Filter, String> {
        let filter = Filter::compile(expression).map_err(|error| error.with_details())?;
        filter.set_interrupt(&self.options.interrupt);
        Ok(filter)
    }

    fn repeat(&mut self, repeat: Repeat) -> Result<(), String> {
        // An unknown variable is reported now, and not when the message is due.
        let mut work = self.work.borrow_mut();
        if let Some(running) = &work.repeat {
            return Err(format!(
                "a message is being repeated, {}; /repeat off ends that",
                running.progress()
            ));
        }
        work.variables.check(&repeat.text, &BTreeMap::new())?;
        work.repeat = Some(repeat);
        Ok(())
    }

    fn stop_repeating(&mut self) {
        let repeat = self.work.borrow_mut().repeat.take();
        if let Some(repeat) = repeat {
            self.say(&format!("/repeat stopped after {}\n", repeat.progress()));
        }
    }

    fn source(&mut self, path: &str) -> Result<(), String> {
        let text = read_commands(path)?;
        self.work.borrow_mut().source(path, &text)
    }

    fn send_file(&mut self, path: &str, now: Instant) -> Result<(), String> {
        self.need_connection(now)?;
        let bytes = Bytes::from(read_file(path)?);
        let message =
            Message::new(Kind::Text, bytes.clone()).unwrap_or_else(|_| Message::binary(bytes));
        let kind = match message.kind() {
            Kind::Text => "text",
            Kind::Binary => "binary, as it is not UTF-8",
        };
        let len = message.len();
        let command = self.addressed(Command::Send(message))?;
        self.waiting.push(command);
        self.say(&format!("{path}: {len} bytes, sent as {kind}\n"));
        Ok(())
    }

    fn send_lines(&mut self, path: &str, now: Instant) -> Result<(), String> {
        self.need_connection(now)?;
        let mut work = self.work.borrow_mut();
        if work.lines.is_some() {
            return Err("another file is being sent; Ctrl-C stops that".to_owned());
        }
        let lines = LinesOfFile::open(path, open_file(path)?)?;
        work.lines = Some(lines).filter(|lines| !lines.is_over());
        Ok(())
    }

    fn pipe(&mut self, command: &str) -> Result<(), String> {
        let mut work = self.work.borrow_mut();
        work.start(command, Purpose::Messages).map(drop)
    }

    fn pipe_off(&mut self) {
        self.work.borrow_mut().close_pipe();
    }

    /// Runs a command in the terminal; in a file of commands, where the line is being edited
    /// meanwhile, without it.
    pub(super) fn run_in_terminal(
        &mut self,
        command: String,
        input: Option<Vec<u8>>,
    ) -> Result<(), String> {
        if self.is_sourcing {
            let mut work = self.work.borrow_mut();
            let feed = work.start(&command, Purpose::Shell)?;
            feed.push_bytes(&input.unwrap_or_default());
            feed.close();
            return Ok(());
        }
        self.run(Job::Shell { command, input });
        Ok(())
    }

    /// Gives the last messages to a command, which gets the terminal too.
    fn pipe_last(&mut self, count: usize, command: String) -> Result<(), String> {
        let mut input = Vec::new();
        for kept in self.screen.borrow().scrollback.last(count) {
            input.extend_from_slice(kept.message.payload());
            if kept.message.kind() == Kind::Text {
                input.push(b'\n');
            }
        }
        if input.is_empty() {
            return Err("there are no messages yet".to_owned());
        }
        self.run_in_terminal(command, Some(input))
    }

    /// Shows a message whole: in the pager, if it is taller than the screen.
    fn more(&mut self, which: Which) -> Result<(), String> {
        let shown = self.screen.borrow_mut().more(which)?;
        self.page(shown);
        Ok(())
    }

    /// Shows lines: in the pager, if they are taller than the screen.
    pub(super) fn page(&mut self, shown: Vec<u8>) {
        let mut screen = self.screen.borrow_mut();
        screen.measure();
        let (columns, rows) = screen.size;
        // The last row is that of the prompt.
        let fits = rows_of(&shown, columns) < rows;
        if fits || !screen.edits_lines() || self.is_sourcing {
            screen.lines.buffer().extend_from_slice(&shown);
            return;
        }
        drop(screen);
        self.paged.clone_from(&shown);
        self.run(Job::Shell {
            command: self.options.pager.clone(),
            input: Some(shown),
        });
    }

    /// What was to be paged, where there is no such pager.
    fn show_unpaged(&mut self, shown: Vec<u8>) {
        let pager = &self.options.pager;
        self.say(&format!("wirecat: '{pager}' cannot be run; set $PAGER\n"));
        self.screen.borrow_mut().lines.buffer().extend(shown);
    }

    /// Gives the terminal to a program, and holds back what would be shown.
    fn run(&mut self, job: Job) {
        self.screen.borrow_mut().hold();
        self.next = Some(Next::Run(job));
    }

    /// Opens the user's editor with this text; what is saved is the next line.
    fn edit(&mut self, text: String) {
        self.edited.clone_from(&text);
        self.run(Job::Edit {
            suffix: match text.trim_start().starts_with(['{', '[']) {
                true => ".json",
                false => ".txt",
            },
            editor: self.options.editor.clone(),
            text,
        });
    }

    /// Opens the user's editor with the line that was being typed, or with the last message if that is
    /// empty.
    pub(super) fn edit_line(&mut self, line: String) -> Request {
        match line.is_empty() {
            true => self.edit(self.last_message()),
            false => self.edit(line),
        }
        Request::Nothing
    }

    /// Another program has given the terminal back.
    pub(super) fn handle_job(&mut self, outcome: JobOutcome) -> Request {
        self.screen.borrow_mut().release();
        let paged = std::mem::take(&mut self.paged);
        match outcome {
            JobOutcome::Edited(edited) => {
                let before = std::mem::take(&mut self.edited);
                let text = self.report(edited);
                self.next = Some(Next::ReadWith(text.unwrap_or(before)));
            }
            JobOutcome::Ran(Err(why)) => self.say(&format!("wirecat: {why}\n")),
            JobOutcome::Ran(Ok(status)) if status.success() => {}
            JobOutcome::Ran(Ok(status))
                if status.code() == Some(NOT_FOUND) && !paged.is_empty() =>
            {
                self.show_unpaged(paged);
            }
            JobOutcome::Ran(Ok(status)) => self.say(&format!("({status})\n")),
        }
        Request::Nothing
    }

    /// The line editor has failed. The connection is closed, and the rest is shown when the terminal is
    /// given back.
    pub(super) fn handle_failure(&mut self, why: &str) -> Request {
        let error = Error::new(
            Stage::Input,
            Exit::Unmet,
            format!("the line editor has failed: {why}"),
        );
        self.failure = Some(error.advice("--plain reads lines without it"));
        self.screen.borrow_mut().hold();
        self.leave(Close::normal())
    }

    /// Why nothing could be typed any more, once.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    fn edit_last(&mut self) -> Result<(), String> {
        if self.is_sourcing {
            return Err("/edit needs a person to edit".to_owned());
        }
        self.edit(self.last_message());
        Ok(())
    }

    /// The text message that was sent last, or else received last.
    fn last_message(&self) -> String {
        let work = self.work.borrow();
        let received = || match &work.last_received {
            Some(Message::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        work.last_sent.clone().or_else(received).unwrap_or_default()
    }

    /// Leaves this server for another, unless messages would be lost.
    fn connect(&mut self, url: &str, now: Instant) -> Result<(), String> {
        let waiting = self.waiting.messages();
        if self.need_connection(now).is_err() && waiting > 0 {
            let waiting = counted(waiting as u64, "message");
            return Err(format!(
                "{waiting} kept for this server; /reconnect sends them, /queue off drops them"
            ));
        }
        (self.connector)(url)?;
        // What is being sent is for this server.
        for what in self.work.borrow_mut().stop_sending() {
            self.say(&format!("{what}\n"));
        }
        self.is_switching = true;
        Ok(())
    }

    /// Goes on with another server, and the variables and named messages that are configured for it.
    pub fn switch_to(&mut self, plan: &Plan, options: &Options) {
        self.is_switching = false;
        self.leaving = Leaving::No;
        self.request = save::Request::of(plan, &options.saved);
        self.redactor.clone_from(&plan.redactor);
        let mut screen = self.screen.borrow_mut();
        screen.switch_to(plan);
        screen.set_messages(&options.messages);
        self.before = screen.scrollback.count();
        drop(screen);
        let mut work = self.work.borrow_mut();
        work.happened.clear();
        work.variables.replace_given(&options.variables);
        work.messages.clone_from(&options.messages);
        let before = std::mem::replace(&mut work.answers, options.answers.clone());
        drop(work);
        self.share_variables();
        self.say_changed_answers(&before);
    }

    /// Writes the messages of this server that are in the scrollback to a file.
    fn save(&mut self, path: &str) -> Result<(), String> {
        let (screen, work) = (self.screen.borrow(), self.work.borrow());
        // One server: a script has one connection to begin with, and their numbers begin anew.
        let messages = screen.scrollback.iter();
        let messages: Vec<_> = messages.filter(|it| it.number > self.before).collect();
        if messages.is_empty() {
            return Err("there are no messages to save".to_owned());
        }
        let dropped = screen.scrollback.count() - self.before - messages.len() as u64;
        let kept = messages.len();
        let request = self.request.with_answers(&work.answers);
        let saved = Saved {
            request: &request,
            messages,
            happened: &work.happened,
            met: work.watch.met(),
            start: (self.start, work.started),
            redactor: &self.redactor,
        };
        let Written { bytes, note } = saved.written(Path::new(path));
        write_file(path, &bytes)?;
        drop((screen, work));
        let kept = counted(kept as u64, "message");
        self.say(&format!("{path}: {kept}{note}\n"));
        if dropped > 0 {
            self.say(&format!(
                "({dropped} before them are no longer in the scrollback; --scrollback keeps more)\n"
            ));
        }
        Ok(())
    }

    /// Looks after what goes on beside the line: values that were found, deadlines, commands.
    pub(super) fn look_after_work(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.work.borrow_mut().watch.handle_timeout(now);
        let due = self.work.borrow().poll_timeout(now);
        if due.is_some_and(|due| self.timer.poll(cx, due, now).is_ready()) {
            // It became due after `now`, so it is for the next turn of the loop.
            cx.waker().wake_by_ref();
        }
        loop {
            let found = self.work.borrow_mut().watch.poll_found();
            match found {
                None => break,
                Some(found) => self.handle_found(found),
            }
        }
        self.show_feeds(cx);
    }

    /// Shows what the running commands print, as far as the terminal has room for it: one that prints
    /// without end must wait, as the server does.
    fn show_feeds(&mut self, cx: &mut Context<'_>) {
        while self.screen.borrow().lines.poll_ready(cx).is_ready() {
            let shown = self.work.borrow_mut().poll_feeds(cx);
            let Poll::Ready(text) = shown else {
                return;
            };
            self.say(&text);
        }
    }

    /// Gives the running commands nothing more, and shows what they print until they end.
    pub async fn end_feeds(&mut self) {
        self.work.borrow_mut().close_feeds();
        poll_fn(|cx| {
            self.show_feeds(cx);
            self.screen.borrow_mut().flush();
            match self.work.borrow().has_feeds() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Kills the command of `/pipe`, which has had its time.
    pub fn kill_pipe(&self) {
        self.work.borrow().kill_pipe();
    }

    fn handle_found(&mut self, found: Found) {
        match found {
            Found::Value { name, value } => {
                let value = VariableValue::Json(value);
                let shown = format!("{name} = {}\n", value.shown());
                self.set_variable(&name, value);
                self.share_variables();
                self.say(&shown);
            }
            Found::Met(text) => self.say(&format!("{text}\n")),
            Found::Failed(text) => {
                self.say(&format!("{text}\n"));
                self.stop_sourcing();
            }
        }
    }

    /// Gives up the file that is being run, after something in it failed.
    pub(super) fn stop_sourcing(&mut self) {
        let left = self.work.borrow_mut().stop_sourcing();
        if left > 0 {
            let left = counted(left as u64, "line");
            self.say(&format!("/source stopped, {left} not run\n"));
        }
    }

    /// The message that a file or `/repeat` sends next, where it is due. Other tasks have their turn in
    /// between: as long as there is something to send, what has arrived would not be noticed.
    pub(super) fn poll_generated(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Command> {
        if self.generated >= BATCH {
            self.generated = 0;
            ready!(pin!(yield_now()).poll(cx));
        }
        match self.next_generated(now) {
            Some(command) => {
                self.generated += 1;
                Poll::Ready(command)
            }
            None => Poll::Pending,
        }
    }

    fn next_generated(&mut self, now: Instant) -> Option<Command> {
        if self.need_connection(now).is_err() {
            return None;
        }
        let message = match self.next_of_file() {
            None => self.next_of_repeat(now)?,
            Some(message) => message,
        };
        match message.and_then(|message| self.addressed(Command::Send(message))) {
            Ok(command) => Some(command),
            Err(why) => {
                self.say(&format!("wirecat: {why}\n"));
                let mut work = self.work.borrow_mut();
                work.repeat = None;
                work.lines = None;
                None
            }
        }
    }

    fn next_of_file(&mut self) -> Option<Result<Message, String>> {
        let mut work = self.work.borrow_mut();
        let lines = work.lines.as_mut()?;
        let line = lines.take().transpose()?;
        let place = lines.place();
        if lines.is_over() {
            work.lines = None;
        }
        let payload = self.options.payload;
        Some(line.and_then(|line| {
            let message = payload.message(Bytes::from(line));
            message.map_err(|why| format!("{place}: {why}"))
        }))
    }

    fn next_of_repeat(&mut self, now: Instant) -> Option<Result<Message, String>> {
        let text = {
            let mut work = self.work.borrow_mut();
            let repeat = work.repeat.as_mut()?;
            if repeat.due().is_some_and(|due| now < due) {
                return None;
            }
            repeat.advance(now);
            let text = repeat.text.clone();
            if repeat.is_over() {
                work.repeat = None;
            }
            text
        };
        Some(self.template(&text, &BTreeMap::new()))
    }

    /// A message in the payload encoding of the command line, with variables filled in.
    pub(super) fn template(
        &mut self,
        text: &str,
        more: &BTreeMap<String, String>,
    ) -> Result<Message, String> {
        let text = self.fill(text, more)?;
        self.options.payload.message(Bytes::from(text))
    }

    fn fill(&mut self, text: &str, more: &BTreeMap<String, String>) -> Result<String, String> {
        let generated = Generated {
            random: rand::random(),
            now: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
                .to_string(),
        };
        let mut work = self.work.borrow_mut();
        work.variables.fill(text, more, &generated)
    }
}

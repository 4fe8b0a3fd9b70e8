//! What goes on beside the line being typed: variables, values and messages that are waited for, a
//! message that is repeated, a file that is sent line by line or run as typed lines, a command that is
//! fed. The prompt starts and ends these; messages reach them through the [`Sink`] of [`Handle`].

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::brackets;
use super::feed::{Feed, Purpose};
use super::repeat::Repeat;
use super::save::Happened;
use super::variables::Variables;
use super::watch::Watch;
use crate::error::plain_words;
use crate::event::{By, Event};
use crate::message::Message;
use crate::session::answers::Rules;
use crate::session::frontend::{Received, Sink};
use crate::units::counted;

/// How many files may run each other.
const MAX_NESTING: usize = 16;

/// How much of what happens besides messages is kept.
const MAX_HAPPENED: usize = 1024;

/// Shared by the prompt and the sink of its messages.
pub(super) type Shared = Rc<RefCell<Work>>;

/// See the module.
#[derive(Default)]
pub(super) struct Work {
    pub(super) variables: Variables,
    /// `/m`
    pub(super) messages: BTreeMap<String, String>,
    pub(super) watch: Watch,
    pub(super) repeat: Option<Repeat>,
    /// `/answer`
    pub(super) answers: Rules,
    pub(super) lines: Option<LinesOfFile>,
    /// Commands that are running.
    feeds: Vec<Feed>,
    /// When the run began, since the Unix epoch.
    pub(super) started: Duration,
    /// What happened besides messages, for `/save`.
    pub(super) happened: Vec<(Instant, Happened)>,
    /// The files of `/source` that are being run, the innermost last.
    sourced: Vec<SourcedFile>,
    /// The last text message that the user sent.
    pub(super) last_sent: Option<String>,
    /// The last text message that was received.
    pub(super) last_received: Option<Message>,
}

/// A file of typed lines.
#[derive(Debug)]
struct SourcedFile {
    path: String,
    /// Each with the number of its first line.
    lines: VecDeque<(usize, String)>,
}

/// A line of a file, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourcedLine {
    pub(super) line: String,
    /// `FILE:LINE`
    pub(super) place: String,
}

impl Work {
    pub(super) fn new(
        variables: &BTreeMap<String, String>,
        messages: &BTreeMap<String, String>,
        answers: &Rules,
    ) -> Self {
        Work {
            answers: answers.clone(),
            variables: Variables::new(variables),
            messages: messages.clone(),
            ..Work::default()
        }
    }

    /// Starts to run the lines of `text`, which is the content of the file `path`.
    ///
    /// # Errors
    /// Too many files run each other.
    pub(super) fn source(&mut self, path: &str, text: &str) -> Result<(), String> {
        if self.sourced.len() == MAX_NESTING {
            return Err(format!(
                "{path}: {MAX_NESTING} files run each other already; does one run itself?"
            ));
        }
        self.sourced.push(SourcedFile {
            path: path.to_owned(),
            lines: typed_lines(text),
        });
        Ok(())
    }

    /// The next line of `/source`, once what the line before it began is over.
    pub(super) fn next_line(&mut self) -> Option<SourcedLine> {
        let shell = |feed: &Feed| feed.purpose == Purpose::Shell;
        let is_busy = self.watch.is_expecting()
            || self.repeat.is_some()
            || self.lines.is_some()
            || self.feeds.iter().any(shell);
        if is_busy {
            return None;
        }
        loop {
            let file = self.sourced.last_mut()?;
            if let Some((number, line)) = file.lines.pop_front() {
                let place = format!("{}:{number}", file.path);
                return Some(SourcedLine { line, place });
            }
            self.sourced.pop();
        }
    }

    /// The command of `/pipe`.
    pub(super) fn pipe(&self) -> Option<&Feed> {
        let mut feeds = self.feeds.iter();
        feeds.find(|feed| feed.purpose == Purpose::Messages)
    }

    /// Starts a command.
    ///
    /// # Errors
    /// A sentence: the shell cannot be started.
    pub(super) fn start(&mut self, command: &str, purpose: Purpose) -> Result<&mut Feed, String> {
        self.feeds.push(Feed::start(command, purpose)?);
        let last = self.feeds.len() - 1;
        Ok(&mut self.feeds[last])
    }

    /// Gives the command of `/pipe` nothing more; the second time, kills it.
    pub(super) fn close_pipe(&mut self) {
        let mut feeds = self.feeds.iter_mut();
        match feeds.find(|feed| feed.purpose == Purpose::Messages) {
            Some(feed) if feed.is_closed() => feed.kill(),
            Some(feed) => feed.close(),
            None => {}
        }
    }

    /// Gives all commands nothing more.
    pub(super) fn close_feeds(&mut self) {
        self.feeds.iter_mut().for_each(Feed::close);
    }

    /// Kills the command of `/pipe`, if it has not ended.
    pub(super) fn kill_pipe(&self) {
        if let Some(feed) = self.pipe() {
            feed.kill();
        }
    }

    /// Whether a command is running.
    pub(super) fn has_feeds(&self) -> bool {
        !self.feeds.is_empty()
    }

    /// What there is to show of the commands next.
    pub(super) fn poll_feeds(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        for at in 0..self.feeds.len() {
            if let Poll::Ready((text, is_over)) = self.feeds[at].poll_shown(cx) {
                if is_over {
                    self.feeds.remove(at);
                }
                return Poll::Ready(text);
            }
        }
        Poll::Pending
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let happened = match event {
            Event::Header { started, .. } => {
                self.started = *started;
                return;
            }
            Event::Send {
                message,
                origin: None,
                ..
            } => return self.handle_sent(message),
            Event::Ping {
                by: By::Us,
                origin: None,
                data,
                ..
            } => Happened::Ping(Bytes::copy_from_slice(data)),
            Event::Pong {
                by: By::Us,
                origin: None,
                data,
                ..
            } => Happened::Pong(Bytes::copy_from_slice(data)),
            Event::Close {
                conn, by, close, ..
            } => Happened::Closed(*conn, *by, (*close).clone()),
            _ => return,
        };
        if self.happened.len() == MAX_HAPPENED {
            self.happened.remove(0);
        }
        self.happened.push((now, happened));
    }

    fn handle_sent(&mut self, message: &Message) {
        self.watch.handle_sent();
        if let Message::Text(text) = message {
            self.last_sent = Some(text.to_string());
        }
    }

    /// Gives up the files of `/source`. Returns how many lines are left.
    pub(super) fn stop_sourcing(&mut self) -> usize {
        let sourced = self.sourced.drain(..);
        sourced.map(|file| file.lines.len()).sum()
    }

    /// Gives up whatever takes time, and says what that was; expectations say it themselves. `None`
    /// where there was nothing. A command that is fed goes on.
    pub(super) fn cancel(&mut self) -> Option<Vec<String>> {
        let mut stopped = self.stop_sending();
        let sourcing = !self.sourced.is_empty();
        match self.stop_sourcing() {
            _ if !sourcing => {}
            left => stopped.push(format!(
                "/source stopped, {} not run",
                counted(left as u64, "line")
            )),
        }
        let expecting = self.watch.cancel();
        (expecting || !stopped.is_empty()).then_some(stopped)
    }

    /// Ends `/repeat` and `/sendfile --lines`. Returns what was ended.
    pub(super) fn stop_sending(&mut self) -> Vec<String> {
        let repeat = self.repeat.take();
        let repeat = repeat.map(|it| format!("/repeat stopped after {}", it.progress()));
        let lines = self.lines.take();
        let lines = lines.map(|it| format!("/sendfile stopped after {}", it.sent()));
        repeat.into_iter().chain(lines).collect()
    }

    /// When, later than `now`, there is something to do that no message and no key brings about. A
    /// repeated message that is due already waits for the connection, and not for the time.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let repeat = self.repeat.as_ref().and_then(Repeat::due);
        let due = [repeat, self.watch.poll_timeout()];
        due.into_iter().flatten().filter(|due| *due > now).min()
    }
}

/// The lines of a file as they would be typed: JSON that is not closed goes on in the next line, empty
/// lines and those that begin with `#` are left out.
fn typed_lines(text: &str) -> VecDeque<(usize, String)> {
    let mut lines = VecDeque::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let (number, whole) = match open.take() {
            // As at the prompt, an empty line ends it.
            Some(begun) if line.is_empty() => {
                lines.push_back(begun);
                continue;
            }
            Some((number, begun)) => (number, format!("{begun}\n{line}")),
            None if line.trim().is_empty() || line.starts_with('#') => continue,
            None => (at + 1, line.to_owned()),
        };
        match brackets::goes_on(&whole) {
            true => open = Some((number, whole)),
            false => lines.push_back((number, whole)),
        }
    }
    lines.extend(open);
    lines
}

/// A file of which each line is a message.
pub(super) struct LinesOfFile {
    path: String,
    file: BufReader<File>,
    next: Option<Vec<u8>>,
    sent: u64,
}

impl LinesOfFile {
    /// # Errors
    /// A sentence: the file cannot be read.
    pub(super) fn open(path: &str, file: File) -> Result<Self, String> {
        let mut lines = LinesOfFile {
            path: path.to_owned(),
            file: BufReader::new(file),
            next: None,
            sent: 0,
        };
        lines.read()?;
        Ok(lines)
    }

    fn read(&mut self) -> Result<(), String> {
        let mut line = Vec::new();
        let read = self.file.read_until(b'\n', &mut line);
        let read = read.map_err(|error| format!("{}: {}", self.path, plain_words(&error)))?;
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        self.next = (read > 0).then_some(line);
        Ok(())
    }

    /// Whether the file is at its end.
    pub(super) fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// The next line.
    ///
    /// # Errors
    /// A sentence: the file cannot be read any more.
    pub(super) fn take(&mut self) -> Result<Option<Vec<u8>>, String> {
        let line = self.next.take();
        if line.is_some() {
            self.sent += 1;
            self.read()?;
        }
        Ok(line)
    }

    /// Where the last line stands.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path, self.sent)
    }

    pub(super) fn sent(&self) -> String {
        counted(self.sent, "line")
    }
}

/// Passes on events and messages to what waits for them.
pub struct Handle(pub(super) Shared);

impl Sink for Handle {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut work = self.0.borrow_mut();
        for feed in &mut work.feeds {
            ready!(feed.poll_ready(cx));
        }
        Poll::Ready(())
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        self.0.borrow_mut().handle_event(now, event);
    }

    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        let mut work = self.0.borrow_mut();
        let message = received.message;
        work.watch.handle_message(now, message, received.json);
        work.last_received = Some(message.clone());
        work.feeds.iter_mut().for_each(|feed| feed.push(message));
    }

    fn flush(&mut self) {
        let mut work = self.0.borrow_mut();
        work.feeds.iter_mut().for_each(Feed::flush);
    }

    fn wants_sends(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::jq::Filter;

    #[test]
    fn a_file_is_read_as_it_would_be_typed() {
        let text = "# a comment\n\nhello\n{\"a\":\n  [1,\n2]}\n/ping\n[open\n\n[wrong}\nlast";
        let lines: Vec<_> = typed_lines(text).into();
        let lines: Vec<_> = lines.iter().map(|(at, line)| (*at, &**line)).collect();
        assert_eq!(
            lines,
            [
                (3, "hello"),
                (4, "{\"a\":\n  [1,\n2]}"),
                (7, "/ping"),
                (8, "[open"),
                (10, "[wrong}"),
                (11, "last")
            ]
        );
    }

    #[test]
    fn a_repeated_message_that_waits_for_the_connection_delays_no_expectation() {
        let (mut work, start) = (Work::default(), Instant::now());
        let second = Duration::from_secs(1);
        let mut repeat = Repeat::parse("2 every 1s x", None).unwrap();
        repeat.advance(start);
        work.repeat = Some(repeat);
        let filter = Filter::compile(".ok").unwrap();
        let expression = ".ok".to_owned();
        work.watch
            .await_message(expression, filter, 3 * second, start);
        assert_eq!(work.poll_timeout(start), Some(start + second));
        assert_eq!(work.poll_timeout(start + second), Some(start + 3 * second));
        assert_eq!(work.poll_timeout(start + 3 * second), None);
    }

    #[test]
    fn files_run_each_other_in_order_and_not_for_ever() {
        let mut work = Work::default();
        work.source("outer", "one\ntwo\n").unwrap();
        assert_eq!(work.next_line().unwrap().place, "outer:1");
        work.source("inner", "x\n").unwrap();
        let places = std::iter::from_fn(|| work.next_line()).map(|it| it.place);
        assert_eq!(places.collect::<Vec<_>>(), ["inner:1", "outer:2"]);
        for _ in 0..MAX_NESTING {
            work.source("itself", "x").unwrap();
        }
        assert!(work.source("itself", "x").unwrap_err().contains("itself?"));
        assert_eq!(work.stop_sourcing(), MAX_NESTING);
    }
}

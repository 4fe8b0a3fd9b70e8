//! The front end for scripts: messages from stdin or `-d`, payload to stdout, all else to stderr.
//!
//! stdin is read in order and never before it can be sent; nothing that was read is dropped without
//! a word. The threads that may block are in [`stdin`] and [`crate::io::writer`]; everything else is decided here, by parts
//! that know no clock.

mod events;
pub mod framing;
pub mod pace;
mod stdin;

use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::close::Close;
use crate::drain::{Drain, Limits};
use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::{Command, Event, Origin};
use crate::io::writer::{self, Writer};
use crate::json::jq::Filter;
use crate::message::Message;
use crate::output::Renderer;
use crate::payload::Payload;
use crate::session::Front;
use crate::session::ended::Verdict;
use crate::session::state::Output;
use framing::{Frame, Framer, Item};
use pace::Pace;
use stdin::Reading;

/// How long a slow reader of stdout may keep back what is to be told on stderr at the end.
const PAYLOAD_FIRST: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct Options {
    pub input: Input,
    pub pace: pace::Options,
    pub limits: Limits,
    /// `--until`
    pub until: Option<Filter>,
    /// `-o`; `None` is stdout.
    pub output: Option<PathBuf>,
}

/// Where messages come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// `-d`; stdin is not touched.
    Given(Vec<Message>),
    Stdin {
        frame: Frame,
        payload: Payload,
    },
}

/// Items on their way from the input to the session.
enum Source {
    /// Nothing is read before the connection is open.
    Waiting(Framer),
    Reading(Reading),
    Ended,
}

pub struct Pipe {
    renderer: Renderer,
    start: Instant,
    /// The last time there was an event, and that time since the start: events come in batches.
    last: (Instant, Duration),
    output: Writer,
    notices: Vec<u8>,
    /// Writes the notices, from the first one on. Where both streams are one place, they are a part
    /// of `output` instead, in the order in which things happened.
    stderr: Option<Writer>,
    one_place: bool,
    /// `-o` names a file, to be created by the first write.
    to_file: bool,
    /// It has been asked since the loop slept last whether the reader of the output has gone.
    looked: bool,
    source: Source,
    /// There is a connection.
    connected: bool,
    /// Nothing more can be sent over it.
    closing: bool,
    queue: std::vec::IntoIter<Item>,
    /// What is wrong with the input after the queue.
    complaint: Option<Error>,
    pace: Pace,
    drain: Drain,
    until: Option<Filter>,
    verdict: Verdict,
}

impl Pipe {
    /// A pipe whose run began at `start`.
    ///
    /// # Errors
    /// Exit 2 where the output is not going to be possible.
    pub fn new(options: Options, renderer: Renderer, start: Instant) -> Result<Self, Error> {
        let file = writer::file_of(options.output.as_deref())?;
        let to_file = file.is_some();
        let output = match file {
            Some(file) => file,
            None => open_stdout()?,
        };
        let one_place = !to_file && writer::stdout_is_stderr();
        let (source, queue) = match options.input {
            Input::Given(messages) => (
                Source::Ended,
                messages.into_iter().map(Item::Message).collect(),
            ),
            Input::Stdin { frame, payload } => {
                (Source::Waiting(Framer::new(frame, payload)), Vec::new())
            }
        };
        Ok(Pipe {
            one_place,
            to_file,
            looked: false,
            renderer,
            start,
            last: (start, Duration::ZERO),
            output,
            notices: Vec::new(),
            stderr: None,
            source,
            connected: false,
            closing: false,
            queue: queue.into_iter(),
            complaint: None,
            pace: Pace::new(options.pace),
            drain: Drain::new(options.limits, start),
            until: options.until,
            verdict: Verdict::default(),
        })
    }

    /// What the exit code depends on, beyond how the connection ended.
    pub fn verdict(&self) -> Verdict {
        Verdict {
            condition_met: self.drain.condition(),
            unsent: self.unsent(),
            ..self.verdict
        }
    }

    /// How many messages (pings and frames are counted with them) were read and never sent.
    fn unsent(&self) -> usize {
        let ahead = match &self.source {
            Source::Reading(reading) => reading.waiting(),
            _ => 0,
        };
        self.queue.len() + ahead
    }

    /// Waits until everything is written. A run that ends well with nothing to write leaves an
    /// empty file of `-o`, as curl does.
    ///
    /// # Errors
    /// Exit 2 where it could not be, except that a reader who has gone is no error.
    pub async fn finish(mut self, exit: Exit) -> Result<(), Error> {
        if self.to_file && exit == Exit::Ok && self.output.progress().0 == 0 {
            self.output.submit_alone();
        }
        // What was received before what ended it, where both go to the same place.
        let mut written = pin!(self.output.finish());
        let early = timeout(PAYLOAD_FIRST, &mut written).await;
        if let Some(stderr) = self.stderr.take() {
            // There is nowhere left to tell it.
            let _ = stderr.finish().await;
        }
        match early {
            Ok(written) => written,
            Err(_) => written.await,
        }
    }

    #[inline]
    fn render(&mut self, now: Instant, event: &Event<'_>) {
        if self.last.0 != now {
            self.last = (now, now.saturating_duration_since(self.start));
        }
        self.renderer
            .render(self.last.1, event, self.output.buffer(), &mut self.notices);
        if self.one_place {
            self.output.buffer().append(&mut self.notices);
        }
        self.output.submit_if_full();
        if !self.notices.is_empty() {
            self.collect_notices().submit_if_full();
        }
    }

    /// Moves the notices to the writer of stderr, which is started for the first of them.
    fn collect_notices(&mut self) -> &mut Writer {
        let stderr = self
            .stderr
            .get_or_insert_with(|| Writer::new(writer::stderr()));
        stderr.buffer().append(&mut self.notices);
        stderr
    }

    /// Nothing can be written any more. Where that is a failure, it is reported at once.
    fn handle_broken(&mut self, now: Instant) {
        self.verdict.output_closed = true;
        if let Some(error) = self.output.take_failure() {
            self.verdict.output_failed = true;
            self.render(now, &Event::Error(&error));
        }
    }

    /// stdin is read from the first connection on.
    fn handle_opened(&mut self, now: Instant) {
        self.connected = true;
        self.closing = false;
        self.drain.handle_opened(now);
        self.pace.handle_opened();
        self.source = match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Waiting(framer) => Source::Reading(stdin::read_stdin(framer)),
            other => other,
        };
    }

    fn handle_receive(&mut self, now: Instant, message: &Message, event: &Event<'_>) {
        if self.drain.met() {
            return;
        }
        let until = self
            .until
            .as_ref()
            .is_some_and(|filter| filter.is_true(message.payload()));
        self.drain.handle_received(until);
        self.render(now, event);
    }

    /// Whether there is something in the queue; `false` is the end of the input. Pending before the
    /// first connection: nothing is read until then.
    fn poll_input(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<bool> {
        loop {
            if self.queue.len() > 0 {
                return Poll::Ready(true);
            }
            if let Some(complaint) = self.complaint.take() {
                self.verdict.bad_input = true;
                self.source = Source::Ended;
                self.render(now, &Event::Error(&complaint));
            }
            let reading = match &mut self.source {
                Source::Waiting(_) => return Poll::Pending,
                Source::Reading(reading) => reading,
                Source::Ended => return Poll::Ready(false),
            };
            match reading.poll_batch(cx) {
                Poll::Ready(Some(batch)) => {
                    self.queue = batch.items.into_iter();
                    self.complaint = batch.error;
                }
                Poll::Ready(None) => self.source = Source::Ended,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The next thing to do, where it may be done yet.
    fn next_command(&mut self, now: Instant) -> Option<Command> {
        let is_paced = self.queue.as_slice().first().is_some_and(Item::is_paced);
        if is_paced && !self.pace.ready(now) {
            return None;
        }
        match self.queue.next()? {
            Item::Message(message) => Some(Command::Send(message)),
            Item::Other(command) => {
                // The session sends pings and pongs of its own as well: these count, those do not.
                if matches!(*command, Command::Ping(_) | Command::Pong(_)) {
                    self.drain.handle_sent();
                }
                Some(*command)
            }
        }
    }
}

fn open_stdout() -> Result<Writer, Error> {
    let sink = writer::stdout().map_err(|error| {
        let message = format!("cannot use stdout: {}", plain_words(&error));
        Error::new(Stage::Output, Exit::Usage, message)
    })?;
    Ok(Writer::new(sink).watching_stdout())
}

impl Front for Pipe {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stderr) = &self.stderr
            && stderr.poll_ready(cx).is_pending()
        {
            return Poll::Pending;
        }
        self.output.poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        self.output.is_overfull() || self.stderr.as_ref().is_some_and(Writer::is_overfull)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Receive { message, .. } => return self.handle_receive(now, message, event),
            Event::Send { number, origin, .. } => {
                // A heartbeat says only that we are there.
                if *origin != Some(Origin::Heartbeat) {
                    self.drain.handle_sent();
                }
                if number.is_some() {
                    self.pace.handle_sent(now);
                }
                if number.is_some() && *origin != Some(Origin::Repeat) {
                    self.drain.handle_accepted();
                }
                if !self.renderer.wants_sends() {
                    return;
                }
            }
            Event::Frame { .. } => self.drain.handle_sent(),
            Event::Open { .. } => self.handle_opened(now),
            Event::Repeated { .. } => self.drain.handle_repeated(),
            Event::Retry { .. } => self.connected = false,
            _ => {}
        }
        self.render(now, event);
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant, room: bool) -> Poll<Command> {
        // The runtime notices only while the loop sleeps, and a look costs a tenth of a message.
        let broken = match std::mem::replace(&mut self.looked, true) {
            true => self.output.is_broken(),
            false => self.output.poll_broken(cx),
        };
        if broken {
            self.handle_broken(now);
            return Poll::Ready(Command::Close(Close::normal()));
        }
        if self.drain.met() {
            return Poll::Ready(Command::Close(Close::normal()));
        }
        if self.connected && self.closing {
            return Poll::Pending;
        }
        if self.connected && self.drain.finished() {
            return Poll::Ready(Command::Close(Close::normal()));
        }
        // Also without a connection: the end of the input may be all that there was to wait for.
        match ready!(self.poll_input(cx, now)) {
            true if !room => {
                self.pace.handle_no_room();
                Poll::Pending
            }
            true => self.next_command(now).map_or(Poll::Pending, Poll::Ready),
            false => {
                self.drain.handle_eof(now);
                let over = match self.connected {
                    true => self.drain.finished(),
                    false => self.is_done() || self.is_leaving(),
                };
                match over {
                    true => Poll::Ready(Command::Close(Close::normal())),
                    false => Poll::Pending,
                }
            }
        }
    }

    fn poll_pace(&mut self, _cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match self.pace.ready(now) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn handle_answered(&mut self) {
        self.pace.handle_reply();
    }

    fn handle_closing(&mut self, _now: Instant) {
        self.closing = true;
    }

    fn is_leaving(&self) -> bool {
        let wanted_no_more = self.verdict.output_closed || self.drain.met();
        wanted_no_more || (self.drain.is_closing() && self.unsent() == 0)
    }

    fn handle_confirmed(&mut self, now: Instant, left: u64) {
        self.drain.handle_confirmed(now, left);
    }

    fn is_done(&self) -> bool {
        self.drain.is_done() && self.unsent() == 0
    }

    fn output(&self) -> Output {
        let (handed, written) = self.output.progress();
        Output { handed, written }
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
        self.pace.poll_timeout()
    }

    fn quiet_at(&self) -> Option<Instant> {
        self.drain.quiet_at()
    }

    fn handle_quiet(&mut self, now: Instant) {
        self.drain.handle_quiet(now);
    }

    fn flush(&mut self) {
        self.looked = false;
        self.output.submit();
        if let Some(stderr) = &mut self.stderr {
            stderr.submit();
        }
    }
}

//! Records the events of a run in a file, whatever is shown: `--record`, and `/record` at the prompt.
//!
//! A recording never ends the run: when it cannot be written any more, that is reported once and
//! recording stops. It never blocks either; a thread writes, and while too much waits for a slow disk
//! the session reads no further, as with every [`Sink`].

use std::cell::{Ref, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::record_file::{self, Destination};
use super::writer::Writer;
use crate::error::plain_words;
use crate::event::Event;
use crate::json::parsed::Parsed;
use crate::json::string;
use crate::message::Message;
use crate::output;
use crate::record::write::{self, Strings};
use crate::secret::Redactor;
use crate::session::frontend::{Broken, Progress, Sink};

/// Records events while that is wanted. Every clone is a handle of the same recording.
#[derive(Clone)]
pub struct Recorder(Rc<RefCell<State>>);

struct State {
    redactor: Redactor,
    /// Whether sent messages have their numbers.
    numbers: bool,
    start: Instant,
    /// The last header, which each file begins with: the URL, and when the run began, since the Unix
    /// epoch.
    header: Option<(String, Duration)>,
    current: Option<Recording>,
    /// Recordings that are over and not written to the end yet.
    ended: Vec<Recording>,
}

struct Recording {
    path: PathBuf,
    writer: Writer,
    lines: u64,
    /// Escapes the strings.
    push: fn(&str, &mut Vec<u8>),
}

/// How much has been recorded, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub path: PathBuf,
    pub lines: u64,
}

impl Recorder {
    /// A recorder that records nothing yet, for a run that began at `start`.
    pub fn new(redactor: Redactor, numbers: bool, start: Instant) -> Recorder {
        Recorder(Rc::new(RefCell::new(State {
            redactor,
            numbers,
            start,
            header: None,
            current: None,
            ended: Vec::new(),
        })))
    }

    /// Records from now on, to the end of the file at `path`, or to stdout for `-`. If the run has
    /// begun, its header comes first. What was recorded until now goes on to be written, and is
    /// returned as by [`Recorder::stop`].
    ///
    /// # Errors
    /// Why the file cannot be written. Then nothing has changed.
    pub fn start(&self, path: &Path) -> Result<Option<Summary>, String> {
        let opened = record_file::open(path);
        let destination =
            opened.map_err(|error| format!("{}: {}", path.display(), plain_words(&error)))?;
        let stopped = self.stop();
        let state = &mut *self.0.borrow_mut();
        let recording = state.current.insert(Recording::new(path, destination));
        if let Some((url, started)) = &state.header {
            let header = Event::Header {
                url,
                started: *started,
            };
            let writer = recording.strings(&state.redactor, state.numbers);
            recording.push(|out| writer.push(Duration::ZERO, &header, out));
        }
        Ok(stopped)
    }

    /// Records nothing any more; `None` if nothing was recorded.
    pub fn stop(&self) -> Option<Summary> {
        let state = &mut *self.0.borrow_mut();
        let mut recording = state.current.take()?;
        recording.writer.submit();
        let summary = recording.summary();
        state.ended.push(recording);
        Some(summary)
    }

    /// How much has been recorded, while something is.
    pub fn summary(&self) -> Option<Summary> {
        self.current().map(|recording| recording.summary())
    }

    fn current(&self) -> Option<Ref<'_, Recording>> {
        Ref::filter_map(self.0.borrow(), |state| state.current.as_ref()).ok()
    }

    /// Waits until everything is written, and returns a sentence for each recording that failed and
    /// has not been reported yet.
    pub async fn finish(&self) -> Vec<String> {
        self.stop();
        let ended = std::mem::take(&mut self.0.borrow_mut().ended);
        let mut failures = Vec::new();
        for mut recording in ended {
            recording.writer.end().await;
            failures.extend(recording.failure());
        }
        failures
    }

    /// Ready with a sentence when recording has failed, once for each recording.
    fn poll_failed(&self, cx: &mut Context<'_>) -> Poll<String> {
        let state = &mut *self.0.borrow_mut();
        let failed = |it: &mut Recording| it.writer.poll_broken(cx);
        let failed = match state.current.take_if(failed) {
            Some(failed) => Some(failed),
            None => state.take_ended(cx),
        };
        match failed.and_then(|recording| recording.failure()) {
            Some(failure) => Poll::Ready(failure),
            None => Poll::Pending,
        }
    }
}

impl State {
    /// Forgets the recordings that are written to the end, and returns one that has failed.
    fn take_ended(&mut self, cx: &mut Context<'_>) -> Option<Recording> {
        self.ended.retain_mut(|recording| {
            recording.writer.poll_broken(cx) || recording.writer.poll_written(cx).is_pending()
        });
        let failed = |it: &Recording| it.writer.is_broken();
        let at = self.ended.iter().position(failed)?;
        Some(self.ended.swap_remove(at))
    }

    /// Lets `write` append an event that happened now, while something is recorded.
    fn record(
        &mut self,
        now: Instant,
        write: impl FnOnce(write::Writer<'_>, Duration, &mut Vec<u8>),
    ) {
        if let Some(recording) = &mut self.current {
            let t = now.saturating_duration_since(self.start);
            let writer = recording.strings(&self.redactor, self.numbers);
            recording.push(|out| write(writer, t, out));
        }
    }
}

impl Recording {
    fn new(path: &Path, destination: Destination) -> Recording {
        Recording {
            path: path.to_owned(),
            writer: Writer::new(destination.sink),
            lines: 0,
            push: match destination.is_device {
                true => output::push_string_for_terminal,
                false => string::push_string,
            },
        }
    }

    fn strings<'a>(&self, redactor: &'a Redactor, numbers: bool) -> write::Writer<'a> {
        write::Writer {
            strings: Strings {
                redactor,
                push: self.push,
            },
            numbers,
        }
    }

    /// Lets `write` append at most one line.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.writer.buffer();
        let before = out.len();
        write(out);
        self.lines += u64::from(out.len() > before);
        self.writer.submit_if_full();
    }

    fn summary(&self) -> Summary {
        Summary {
            path: self.path.clone(),
            lines: self.lines,
        }
    }

    /// A sentence that says why nothing is recorded any more, if that is so and has not been said.
    fn failure(&self) -> Option<String> {
        let why = plain_words(&self.writer.take_cause()?);
        let path = self.path.display();
        Some(format!("recording to {path} has stopped: {why}"))
    }
}

impl Sink for Recorder {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let current = self.current();
        current.map_or(Poll::Ready(()), |it| it.writer.poll_ready(cx))
    }

    fn is_overfull(&self) -> bool {
        self.current().is_some_and(|it| it.writer.is_overfull())
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let state = &mut *self.0.borrow_mut();
        if let Event::Header { url, started } = event {
            state.header = Some(((*url).to_owned(), *started));
        }
        state.record(now, |writer, t, out| writer.push(t, event, out));
    }

    fn handle_message(&mut self, now: Instant, conn: u32, message: &Message, _: &Parsed<'_>) {
        let state = &mut *self.0.borrow_mut();
        state.record(now, |writer, t, out| {
            writer.received(t, conn, message.as_data(), out);
        });
    }

    fn flush(&mut self) {
        if let Some(recording) = &mut self.0.borrow_mut().current {
            recording.writer.submit();
        }
    }

    fn wants_sends(&self) -> bool {
        self.current().is_some()
    }
}

/// A front end's sink, and the recorder that gets the same events where there is one. A recorder that
/// fails ends no run: that is a note for the front end.
pub struct Recorded<S>((S, Option<Recorder>));

impl<S: Sink> Recorded<S> {
    pub fn new(front: S, recorder: Option<Recorder>) -> Self {
        Recorded((front, recorder))
    }

    /// Waits until the recording is written, and returns the sink of the front end, which has been
    /// given the last failures.
    pub async fn finish_recording(mut self) -> S {
        self.flush();
        let Recorded((mut front, recorder)) = self;
        if let Some(recorder) = recorder {
            for failure in recorder.finish().await {
                front.handle_event(Instant::now(), &Event::Note(&failure));
            }
        }
        front
    }
}

impl<S: Sink> Sink for Recorded<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        self.0.is_overfull()
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        self.0.handle_event(now, event);
    }

    #[inline]
    fn handle_message(&mut self, now: Instant, conn: u32, message: &Message, json: &Parsed<'_>) {
        self.0.handle_message(now, conn, message, json);
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn wants_sends(&self) -> bool {
        self.0.wants_sends()
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        let (front, recorder) = &mut self.0;
        if let Some(recorder) = recorder {
            while let Poll::Ready(failure) = recorder.poll_failed(cx) {
                front.handle_event(Instant::now(), &Event::Note(&failure));
            }
        }
        front.poll_broken(cx)
    }
}

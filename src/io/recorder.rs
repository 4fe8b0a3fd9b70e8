//! Records the events of a run in a file, whatever is shown: `--record`, and `/record` at the prompt.
//!
//! A recording never ends the run: when it cannot be written any more, that is reported once and
//! recording stops. It never blocks either; a thread writes, and while too much waits for a slow disk
//! the session reads no further, as with every [`Sink`].

use std::cell::{Ref, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::held_recording::HeldRecording;
use super::record_file::{self, Destination};
use super::stdio;
use super::writer::Writer;
use crate::error::{Error, plain_words};
use crate::event::Event;
use crate::json::string;
use crate::output;
use crate::record::write::{self, Strings};
use crate::secret::Redactor;
use crate::session::frontend::{Broken, Progress, Received, Sink};

/// How long a recording may delay the end of the front end.
const RECORDING_FIRST: Duration = Duration::from_millis(250);

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
        let destination = opened.map_err(|error| unwritable(path, &error))?;
        Ok(self.start_with(path, destination))
    }

    /// Records from now on, and holds that back until [`HeldRecording::release`].
    ///
    /// # Errors
    /// Why the file at `path` cannot be written. Then nothing has changed.
    pub fn start_held(&self, path: &Path) -> Result<HeldRecording, String> {
        let opened = HeldRecording::open(path);
        let (held, file) = opened.map_err(|error| unwritable(path, &error))?;
        self.start_with(path, Destination::of(file));
        Ok(held)
    }

    fn start_with(&self, path: &Path, destination: Destination) -> Option<Summary> {
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
        stopped
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

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("{}: {}", path.display(), plain_words(error))
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
            let header = ((*url).to_owned(), *started);
            if state.header.replace(header).is_some() {
                // Another run begins, as after `/connect`, and time with it.
                state.start = now;
            }
        }
        state.record(now, |writer, t, out| writer.push(t, event, out));
    }

    /// Records whole messages, because a recording says what was on the wire.
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        if !received.is_first() {
            return;
        }
        let state = &mut *self.0.borrow_mut();
        state.record(now, |writer, t, out| {
            let decoded = received.decoded.map(|it| it.as_data());
            let data = (received.whole.as_data(), decoded);
            writer.received(t, (received.conn, None), data, out);
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

    /// The sink of the front end.
    pub fn front_mut(&mut self) -> &mut S {
        &mut self.0.0
    }

    /// Waits until the recording is written, and for the front end, whose sink is given to `finish`.
    /// A recording that takes long, as to a FIFO without a reader, does not keep the front end from
    /// its end, which may give a terminal back. What fails later is printed on stderr, unless
    /// `silent`.
    ///
    /// # Errors
    /// That of the front end.
    pub async fn finish(
        mut self,
        silent: bool,
        finish: impl AsyncFnOnce(S) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.flush();
        let Recorded((mut front, recorder)) = self;
        let mut recording = pin!(async {
            match recorder {
                Some(recorder) => recorder.finish().await,
                None => Vec::new(),
            }
        });
        let early = timeout(RECORDING_FIRST, &mut recording).await;
        for failure in early.iter().flatten() {
            front.handle_event(Instant::now(), &Event::Note(failure));
        }
        let finished = finish(front).await;
        if early.is_err() {
            for failure in recording.await.iter().filter(|_| !silent) {
                let line = format!("wirecat: {failure}\n");
                stdio::print(stdio::stderr(), line.as_bytes());
            }
        }
        finished
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
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        self.0.handle_message(now, received);
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::task::Waker;

    use super::*;
    use crate::json::parsed::Parsed;
    use crate::message::Message;

    const HEADER: Event<'_> = Event::Header {
        url: "ws://host/",
        started: Duration::from_secs(1),
    };

    fn recorder(start: Instant) -> Recorder {
        Recorder::new(Redactor::default(), false, start)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(future)
    }

    #[track_caller]
    fn lines(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_recording_begins_with_a_header_and_time_with_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut recorder = recorder(start);
        let why = "why";
        let event = &Event::GiveUp { attempts: 1, why };
        assert_eq!(recorder.start(&path("one")), Ok(None));
        assert!(recorder.wants_sends());
        recorder.handle_event(at(1), &HEADER);
        recorder.handle_event(at(2), event);
        recorder.handle_event(at(2), &Event::Note("not recorded"));
        let one = Summary {
            path: path("one"),
            lines: 2,
        };
        assert_eq!(recorder.summary(), Some(one.clone()));
        assert!(recorder.start(&path("missing/file")).is_err());
        assert_eq!(recorder.summary(), Some(one.clone()));
        assert_eq!(recorder.start(&path("two")), Ok(Some(one)));
        recorder.handle_event(at(3), event);
        recorder.handle_event(at(10), &HEADER);
        recorder.handle_event(at(11), event);
        assert_eq!(recorder.stop().map(|it| it.lines), Some(4));
        assert_eq!((recorder.stop(), recorder.summary()), (None, None));
        recorder.handle_event(at(12), event);
        assert!(!recorder.wants_sends());
        assert!(block_on(recorder.finish()).is_empty());
        let times = |name| -> Vec<_> {
            let lines = lines(&path(name)).into_iter();
            let events =
                lines.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
            events.map(|event| event["t"].as_f64()).collect()
        };
        assert_eq!(times("one"), [None, Some(2.0)]);
        assert_eq!(times("two"), [None, Some(3.0), None, Some(1.0)]);
    }

    #[cfg(unix)]
    #[test]
    fn what_waits_for_a_slow_reader_is_bounded_and_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut recorder = recorder(Instant::now());
        recorder.start(&path).unwrap();
        let message = Message::text("x".repeat(1000));
        let mut cx = Context::from_waker(Waker::noop());
        let mut count = 0;
        // Nobody reads.
        while recorder.poll_ready(&mut cx).is_ready() {
            let json = Parsed::once(message.as_data());
            recorder.handle_message(Instant::now(), &Received::unsplit(1, &message, &json));
            recorder.flush();
            count += 1;
            assert!(count < 2000);
        }
        assert!(!recorder.is_overfull());
        let reader = std::thread::spawn(move || lines(&path));
        assert!(block_on(recorder.finish()).is_empty());
        assert_eq!(reader.join().unwrap().len(), count);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_is_reported_to_the_front_end_once() {
        /// Keeps notes.
        #[derive(Default)]
        struct Notes(Vec<String>);

        impl Sink for Notes {
            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
                Poll::Ready(())
            }

            fn handle_event(&mut self, _: Instant, event: &Event<'_>) {
                if let Event::Note(note) = event {
                    self.0.push((*note).to_owned());
                }
            }

            fn flush(&mut self) {}
        }

        let recorder = recorder(Instant::now());
        recorder.start(Path::new("/dev/full")).unwrap();
        let mut sink = Recorded::new(Notes::default(), Some(recorder.clone()));
        sink.handle_event(Instant::now(), &HEADER);
        sink.flush();
        let broken = async {
            while recorder.summary().is_some() {
                let polled = std::future::poll_fn(|cx| Poll::Ready(sink.poll_broken(cx))).await;
                assert!(polled.is_pending());
                tokio::task::yield_now().await;
            }
        };
        block_on(broken);
        sink.handle_event(Instant::now(), &HEADER);
        let notes = async |notes: Notes| {
            assert_eq!(notes.0.len(), 1, "{:?}", notes.0);
            assert!(notes.0[0].starts_with("recording to /dev/full has stopped: "));
            Ok(())
        };
        block_on(sink.finish(false, notes)).unwrap();
    }
}

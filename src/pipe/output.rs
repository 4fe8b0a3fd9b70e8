//! The output of a script's run: payload and events to stdout or a file, notices to stderr.

use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::Event;
use crate::io::stdout;
use crate::io::writer::{self, Writer};
use crate::output::Renderer;
use crate::session::frontend::{Broken, Progress, Received, Sink};

/// How long a slow reader of stdout may delay the final output on stderr.
const PAYLOAD_FIRST: Duration = Duration::from_millis(100);

/// Where the payload goes.
pub enum Destination<'a> {
    /// `-o`, or stdout.
    File(Option<&'a Path>),
    /// The stdin of a program.
    Program(Writer),
}

pub struct Output {
    renderer: Renderer,
    start: Instant,
    /// The time of the last event, absolute and since the start: events come in batches.
    last: (Instant, Duration),
    payload: Writer,
    notices: Vec<u8>,
    /// Writes the notices, from the first one on. If both streams are the same file, notices are
    /// part of `payload` instead, in order.
    stderr: Option<Writer>,
    one_place: bool,
    /// `-o` names a file, which the first write creates.
    to_file: bool,
    /// The reader may go without ending the run.
    is_program: bool,
    /// Whether the reader of the output was checked since the loop last slept.
    looked: bool,
}

impl Output {
    /// The output of a run that began at `start`.
    ///
    /// # Errors
    /// Exit 2 if writing will not be possible.
    pub fn new(to: Destination<'_>, renderer: Renderer, start: Instant) -> Result<Self, Error> {
        let is_program = matches!(to, Destination::Program(_));
        let (payload, to_file) = match to {
            Destination::Program(stdin) => (stdin, false),
            Destination::File(path) => match writer::file_of(path)? {
                Some(file) => (file, true),
                None => (open_stdout()?, false),
            },
        };
        Ok(Output {
            renderer,
            start,
            last: (start, Duration::ZERO),
            payload,
            notices: Vec::new(),
            stderr: None,
            one_place: !to_file && !is_program && stdout::is_stderr(),
            to_file,
            is_program,
            looked: false,
        })
    }

    /// Ends the stdin of a program once all is written. Nothing may follow.
    pub fn end_of_program(&mut self) {
        self.payload.submit();
        self.payload.close();
    }

    /// Waits until everything is written. A successful run with nothing to write leaves an empty
    /// file of `-o`, like curl.
    ///
    /// # Errors
    /// Exit 2 if writing failed; a reader that is gone is not an error.
    pub async fn finish(mut self, exit: Exit) -> Result<(), Error> {
        if self.to_file && exit == Exit::Ok && self.payload.progress().0 == 0 {
            self.payload.submit_alone();
        }
        // If both go to the same file, received messages precede the end that follows them.
        let mut written = pin!(self.payload.finish());
        let early = timeout(PAYLOAD_FIRST, &mut written).await;
        if let Some(stderr) = self.stderr.take() {
            // There is nowhere left to report it.
            let _ = stderr.finish().await;
        }
        match early {
            Ok(written) => written,
            Err(_) => written.await,
        }
    }

    /// The time of `now` since the start.
    #[inline]
    fn since_start(&mut self, now: Instant) -> Duration {
        if self.last.0 != now {
            self.last = (now, now.saturating_duration_since(self.start));
        }
        self.last.1
    }

    /// Hands over the rendered output once there is enough of it.
    #[inline]
    fn submit_if_full(&mut self) {
        if self.one_place {
            self.payload.buffer().append(&mut self.notices);
        }
        self.payload.submit_if_full();
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
}

fn open_stdout() -> Result<Writer, Error> {
    let sink = writer::stdout().map_err(|error| {
        let message = format!("cannot use stdout: {}", plain_words(&error));
        Error::new(Stage::Output, Exit::Usage, message)
    })?;
    Ok(Writer::new(sink).watching_stdout())
}

impl Sink for Output {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stderr) = &self.stderr {
            ready!(stderr.poll_ready(cx));
        }
        self.payload.poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        self.payload.is_overfull() || self.stderr.as_ref().is_some_and(Writer::is_overfull)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        if matches!(event, Event::Send { .. }) && !self.renderer.wants_sends() {
            return;
        }
        let t = self.since_start(now);
        let out = self.payload.buffer();
        self.renderer.render(t, event, out, &mut self.notices);
        self.submit_if_full();
    }

    #[inline]
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        let t = self.since_start(now);
        let (out, err) = (self.payload.buffer(), &mut self.notices);
        self.renderer.render_message(t, received, out, err);
        self.submit_if_full();
    }

    fn flush(&mut self) {
        self.looked = false;
        self.payload.submit();
        if let Some(stderr) = &mut self.stderr {
            stderr.submit();
        }
    }

    fn wants_sends(&self) -> bool {
        self.renderer.wants_sends()
    }

    fn progress(&self) -> Progress {
        let (handed, written) = self.payload.progress();
        Progress { handed, written }
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        if self.is_program {
            // Its end is the end of the input, with all that it printed before.
            return Poll::Pending;
        }
        // The runtime only notices while the loop sleeps, and a check costs a tenth of a message.
        let broken = match std::mem::replace(&mut self.looked, true) {
            true => self.payload.is_broken(),
            false => self.payload.poll_broken(cx),
        };
        if !broken {
            return Poll::Pending;
        }
        let failure = self.payload.take_failure();
        Poll::Ready(failure.map_or(Broken::Closed, Broken::Failed))
    }
}

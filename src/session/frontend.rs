//! The interfaces between a run and a front end: a source of commands, a sink of events, and an
//! asker for questions. A run treats the prompt and the pipe alike.

use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::oneshot;

use super::about::About;
use crate::error::Error;
use crate::event::{Command, Control, Event, Volume};
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::secret::Secret;

/// What a [`Source`] has next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// A command, which [`Source::take`] returns. `paced` is whether it waits like a message
    /// (`--rate`, `--lockstep`).
    Command { paced: bool },
    /// The rest of the input cannot be sent as it is.
    Bad(Error),
    /// The input has ended.
    End,
    /// The input has ended, and what is still received has no reader.
    Over,
}

/// What a run has in hand, for a front end that shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes handed to the connection that the system has not accepted yet, like the browser's
    /// `bufferedAmount`, frame headers included.
    pub buffered: u64,
    /// Messages that may not have arrived.
    pub unconfirmed: u64,
    /// What was sent and received compressed, on all connections.
    pub compressed: (Volume, Volume),
}

/// Where commands come from.
pub trait Source {
    /// Returns what may be done at any time. Polled in every state of a run: while connecting,
    /// between connections, while the socket is full, while a Close is awaited and while the
    /// connection is shut down.
    fn poll_control(&mut self, _cx: &mut Context<'_>, _now: Instant) -> Poll<Control> {
        Poll::Pending
    }

    /// Returns what comes next. Also polled in every state, so that the end of the input is
    /// noticed; a command is taken only if there is room for it.
    fn poll_next(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Next>;

    /// Takes the command that [`Source::poll_next`] has announced.
    fn take(&mut self) -> Option<Command>;

    /// Whether what comes next was given before the run, and is sent even if the run could end.
    fn has_given(&self) -> bool {
        false
    }

    /// Whether [`Source::handle_snapshot`] has an effect.
    fn wants_snapshots(&self) -> bool {
        false
    }

    /// What the run has in hand now. Called before the source is polled for what comes next.
    fn handle_snapshot(&mut self, _snapshot: &Snapshot) {}

    /// What a command is told of the connection that opens.
    fn handle_about(&mut self, _about: &About) {}

    /// A connection has opened.
    fn handle_opened(&mut self);

    /// Nothing more can be sent over this connection: a Close has been sent, or writing has failed.
    fn handle_closing(&mut self) {}

    /// Whether the user has asked to quit. Then the end of the connection, however it ends, is the
    /// end of the run.
    fn is_leaving(&self) -> bool {
        false
    }

    /// Commands that were read and not taken; of typed ones, only messages count.
    fn unsent(&self) -> usize;
}

/// The progress of an output, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Handed over to be written.
    pub handed: u64,
    /// Accepted by the system.
    pub written: u64,
}

/// Why writing is no longer possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The reader is gone.
    Closed,
    Failed(Error),
}

/// A received data message as everything gets it that shows or examines it; with `--split`, one
/// record of a message.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The connection, from 1.
    pub conn: u32,
    /// The message, or the record, as a message of the same kind.
    pub message: &'a Message,
    /// The message that this is, or is a record of, as it was received.
    pub whole: &'a Message,
    /// What `whole` decoded to, with `--decode`; `message` is that, or a record of it.
    pub decoded: Option<&'a Message>,
    /// The number of the record within its message, from 1; `None` without `--split`.
    pub record: Option<u64>,
    /// `message` as JSON, parsed once for everything that examines it.
    pub json: &'a Parsed<'a>,
    /// Whether it is a ping of the application that `--answer` answers.
    pub is_ping: bool,
}

impl<'a> Received<'a> {
    /// A message that is not split.
    pub fn unsplit(conn: u32, message: &'a Message, json: &'a Parsed<'a>) -> Self {
        Received {
            conn,
            message,
            whole: message,
            decoded: None,
            record: None,
            json,
            is_ping: false,
        }
    }

    /// Whether nothing of the message came before this.
    pub fn is_first(&self) -> bool {
        self.record.is_none_or(|record| record == 1)
    }
}

/// Where events go.
pub trait Sink {
    /// Ready when there is room for another message. While it is pending, reading stops.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether so much output waits that nothing more may be read, not even control frames, which
    /// are otherwise handled while [`Sink::poll_ready`] is pending.
    fn is_overfull(&self) -> bool {
        false
    }

    /// Handles an event. Must not block.
    fn handle_event(&mut self, now: Instant, event: &Event<'_>);

    /// Handles a received data message, or one record of it, as [`Event::Receive`].
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        let &Received {
            conn,
            message,
            record,
            ..
        } = received;
        let event = Event::Receive {
            conn,
            message,
            record,
        };
        self.handle_event(now, &event);
    }

    /// The loop is about to sleep: everything rendered must be handed over.
    fn flush(&mut self);

    /// Whether [`Event::Send`] is rendered in full, so that there must be room for it. This may
    /// change during a run.
    fn wants_sends(&self) -> bool {
        false
    }

    /// The progress of the output.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Ready when writing is no longer possible, which ends the run. It may be ready again when
    /// polled again.
    fn poll_broken(&mut self, _cx: &mut Context<'_>) -> Poll<Broken> {
        Poll::Pending
    }
}

/// Both sinks get every event, and nothing is read unless both have room. The progress is that of
/// the first.
impl<A: Sink, B: Sink> Sink for (A, B) {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match (self.0.poll_ready(cx), self.1.poll_ready(cx)) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    fn is_overfull(&self) -> bool {
        self.0.is_overfull() || self.1.is_overfull()
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        self.0.handle_event(now, event);
        self.1.handle_event(now, event);
    }

    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        self.0.handle_message(now, received);
        self.1.handle_message(now, received);
    }

    fn flush(&mut self) {
        self.0.flush();
        self.1.flush();
    }

    fn wants_sends(&self) -> bool {
        self.0.wants_sends() || self.1.wants_sends()
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        match self.0.poll_broken(cx) {
            Poll::Pending => self.1.poll_broken(cx),
            broken => broken,
        }
    }
}

/// A sink that may be missing, and then takes everything.
impl<S: Sink> Sink for Option<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.as_mut()
            .map_or(Poll::Ready(()), |sink| sink.poll_ready(cx))
    }

    fn is_overfull(&self) -> bool {
        self.as_ref().is_some_and(Sink::is_overfull)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        if let Some(sink) = self {
            sink.handle_event(now, event);
        }
    }

    #[inline]
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        if let Some(sink) = self {
            sink.handle_message(now, received);
        }
    }

    fn flush(&mut self) {
        if let Some(sink) = self {
            sink.flush();
        }
    }

    fn wants_sends(&self) -> bool {
        self.as_ref().is_some_and(Sink::wants_sends)
    }

    fn progress(&self) -> Progress {
        self.as_ref().map_or(Progress::default(), Sink::progress)
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        self.as_mut()
            .map_or(Poll::Pending, |sink| sink.poll_broken(cx))
    }
}

/// Asks the user.
pub trait Asker {
    /// Asks without echo. `None` if there is no interactive user.
    fn ask(&mut self, _question: &str) -> Option<oneshot::Receiver<Secret>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A sink that records everything.
    #[derive(Default)]
    struct Kept {
        notes: Vec<String>,
        messages: Vec<Message>,
        flushed: usize,
        ready: bool,
        written: u64,
    }

    impl Sink for Kept {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            match self.ready {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }

        fn handle_event(&mut self, _: Instant, event: &Event<'_>) {
            match event {
                Event::Note(note) => self.notes.push((*note).to_owned()),
                Event::Receive { message, .. } => self.messages.push((*message).clone()),
                other => panic!("{other:?}"),
            }
        }

        fn flush(&mut self) {
            self.flushed += 1;
        }

        fn progress(&self) -> Progress {
            Progress {
                handed: self.written,
                written: self.written,
            }
        }
    }

    #[test]
    fn both_of_two_sinks_get_every_event() {
        let mut both = (Kept::default(), Kept::default());
        let now = Instant::now();
        let message = Message::text("hello");
        both.handle_event(now, &Event::Note("a note"));
        let json = Parsed::new(message.as_data());
        both.handle_message(now, &Received::unsplit(1, &message, &json));
        both.flush();
        for one in [both.0, both.1] {
            assert_eq!(one.notes, ["a note"]);
            assert_eq!(one.messages, std::slice::from_ref(&message));
            assert_eq!(one.flushed, 1);
        }
    }

    #[test]
    fn two_sinks_are_ready_when_both_are() {
        let mut cx = Context::from_waker(Waker::noop());
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            let kept = |ready| Kept {
                ready,
                ..Kept::default()
            };
            let ready = (kept(first), kept(second)).poll_ready(&mut cx).is_ready();
            assert_eq!(ready, first && second, "{first} {second}");
        }
    }

    #[test]
    fn a_sink_that_is_missing_takes_everything_and_wants_nothing() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut missing: Option<Kept> = None;
        missing.handle_event(Instant::now(), &Event::Note("a note"));
        assert!(missing.poll_ready(&mut cx).is_ready());
        assert!(missing.poll_broken(&mut cx).is_pending());
        assert!(!missing.is_overfull() && !missing.wants_sends());
        let mut there = Some(Kept::default());
        there.handle_event(Instant::now(), &Event::Note("a note"));
        there.flush();
        assert!(there.poll_ready(&mut cx).is_pending());
        let there = there.unwrap();
        assert_eq!(
            (&*there.notes, there.flushed),
            (&["a note".to_owned()][..], 1)
        );
    }

    #[test]
    fn the_progress_of_two_sinks_is_that_of_the_first() {
        let kept = |written| Kept {
            written,
            ..Kept::default()
        };
        assert_eq!((kept(1), kept(2)).progress().written, 1);
    }
}

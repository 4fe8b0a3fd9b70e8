//! One front end for several clients: what it sends goes to all of them or to one, and what they send
//! comes to it with their numbers. Each client has a run of its own; that one is slow, breaks a rule or
//! goes does not touch the others. It decides nothing about what is sent.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::approach::Approach;
use super::clock::now;
use super::door::{Arrival, Door, Guest};
use super::frontend::{Asker, Broken, Next, Progress, Received, Sink, Source};
use super::options::Options;
use super::outcome::{Ended, Outcome, Verdict};
use super::resume::file::Saver;
use super::resume::vars::ResumeVars;
use super::{Finished, run};
use crate::close::Close;
use crate::event::{Command, Control, Event, Peer, Recipients, Totals};
use crate::io::signals::{Stop, StopSignal};
use crate::secret::Redactor;

/// Commands that wait for the client that takes them soonest, before no more are taken from the front
/// end.
const AHEAD: usize = 64;

/// A client that has taken no command for this long is not waited for.
const STALLED: Duration = Duration::from_millis(500);

/// Commands that wait for a client. One that does not read gets none beyond these.
const MOST: usize = 4096;

/// Talks to the clients that come through the door, until the front end leaves or there are to be no
/// more.
pub async fn serve<I: Source, O: Sink>(
    door: &mut Door,
    redactor: &Redactor,
    options: &Options,
    (source, sink): (&mut I, &mut O),
    stop: &mut impl StopSignal,
) -> Finished {
    let sink = RefCell::new(sink);
    let mut board = Board {
        door,
        redactor,
        options,
        source,
        sink: &sink,
        lanes: BTreeMap::new(),
        runs: Vec::new(),
        totals: Totals::default(),
        condition_met: None,
        leaving: false,
        output_closed: false,
        stopped: None,
    };
    let ended = poll_fn(|cx| board.poll(cx, stop)).await;
    board.door.close().await;
    board.finish(ended)
}

/// What is on its way to the run of one client.
#[derive(Debug, Default)]
struct Lane {
    commands: VecDeque<Command>,
    controls: VecDeque<Control>,
    stops: VecDeque<Stop>,
    /// Whether it has been said that the client gets nothing more.
    is_full: bool,
    /// When the client's run took a command last.
    taken: Option<Instant>,
}

impl Lane {
    /// Whether the client takes what it is sent.
    fn moves(&self, now: Instant) -> bool {
        let taken = self.taken;
        taken.is_some_and(|taken| now.saturating_duration_since(taken) < STALLED)
    }

    /// Appends a command. Returns whether there was no room for it for the first time. A Close does not
    /// wait for a client that takes nothing.
    fn push(&mut self, command: Command) -> bool {
        if let Command::Close(close) = &command
            && self.commands.len() >= AHEAD
        {
            self.controls.push_back(Control::Close(close.clone()));
            return false;
        }
        if self.commands.len() < MOST {
            self.commands.push_back(command);
            self.is_full = false;
            return false;
        }
        !std::mem::replace(&mut self.is_full, true)
    }
}

type SharedLane = Rc<RefCell<Lane>>;

/// The run of one client.
type ClientRun<'b> = Pin<Box<dyn Future<Output = Finished> + 'b>>;

struct Board<'b, 's, I, O> {
    door: &'b mut Door,
    redactor: &'b Redactor,
    options: &'b Options,
    source: &'b mut I,
    sink: &'b RefCell<&'s mut O>,
    /// By the numbers of the clients.
    lanes: BTreeMap<u32, SharedLane>,
    runs: Vec<(u32, ClientRun<'b>)>,
    totals: Totals,
    /// Whether a client met `--count` or `--until`, if one is given.
    condition_met: Option<bool>,
    /// All of them are to go.
    leaving: bool,
    output_closed: bool,
    stopped: Option<Stop>,
}

impl<'b, I: Source, O: Sink> Board<'b, '_, I, O> {
    fn poll(&mut self, cx: &mut Context<'_>, stop: &mut impl StopSignal) -> Poll<Ended> {
        loop {
            let now = now();
            let mut moved = self.poll_stop(cx, stop);
            moved |= self.poll_door(cx, now);
            moved |= self.poll_control(cx, now);
            moved |= self.poll_commands(cx, now);
            moved |= self.poll_runs(cx, now);
            moved |= self.poll_broken(cx, now);
            self.sink.borrow_mut().flush();
            if let Some(ended) = self.end() {
                return Poll::Ready(ended);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    /// How it all ends, once nobody is there.
    fn end(&self) -> Option<Ended> {
        if !self.runs.is_empty() {
            return None;
        }
        let is_over = self.leaving || self.source.is_leaving() || !self.door.expects_more();
        match self.stopped {
            Some(stop) => Some(Ended::Stopped(stop)),
            None => is_over.then_some(Ended::ByUs),
        }
    }

    fn report(&self, now: Instant, event: &Event<'_>) {
        self.sink.borrow_mut().handle_event(now, event);
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>, stop: &mut impl StopSignal) -> bool {
        let Poll::Ready(stop) = stop.poll_stop(cx) else {
            return false;
        };
        self.stop(stop);
        true
    }

    fn stop(&mut self, stop: Stop) {
        self.stopped.get_or_insert(stop);
        self.to_all(|lane| lane.stops.push_back(stop));
    }

    fn to_all(&self, change: impl Fn(&mut Lane)) {
        self.lanes
            .values()
            .for_each(|lane| change(&mut lane.borrow_mut()));
    }

    fn poll_door(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.leaving || self.stopped.is_some() {
            self.door.turn_away();
        }
        let mut moved = false;
        // All of them, as behind a refusal there may be the last client.
        while let Poll::Ready(arrival) = self.door.poll_arrival(cx) {
            match arrival {
                // It finds a server that is going away.
                Arrival::Guest(_) if self.leaving || self.stopped.is_some() => {}
                Arrival::Guest(guest) => self.admit(guest),
                Arrival::Refused(line) => self.report(now, &Event::Note(&line)),
            }
            moved = true;
        }
        moved
    }

    /// Lets a run begin for a client.
    fn admit(&mut self, guest: Box<Guest>) {
        let number = guest.number;
        let lane = SharedLane::default();
        self.lanes.insert(number, Rc::clone(&lane));
        let (sink, options, redactor) = (self.sink, self.options, self.redactor);
        let running = async move {
            let mut source = ClientSource(Rc::clone(&lane));
            let mut stop = ClientStop(lane);
            let mut sink = ClientSink { number, sink };
            let approach = Approach::Client(Some(guest), redactor);
            run(approach, options, (&mut source, &mut sink), &mut stop).await
        };
        self.runs.push((number, Box::pin(running)));
    }

    /// What the front end wants at once.
    fn poll_control(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Poll::Ready(control) = self.source.poll_control(cx, now) else {
            return false;
        };
        match control {
            Control::Interrupt => self.stop(Stop::Interrupt),
            Control::Leave(close) => {
                self.leaving = true;
                self.to_all(|lane| lane.controls.push_back(Control::Leave(close.clone())));
            }
            // It may be asked for without end.
            Control::Close(_) if self.leaving => return false,
            Control::Close(close) => self.leave(&close),
            Control::Reconnect => {}
            control => self.to_all(|lane| lane.controls.push_back(control.clone())),
        }
        true
    }

    /// Closes all connections.
    fn leave(&mut self, close: &Close) {
        self.leaving = true;
        self.to_all(|lane| lane.controls.push_back(Control::Close(close.clone())));
    }

    /// What the front end sends next, if somebody has room for it.
    fn poll_commands(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut moved = false;
        while self.has_room(now) {
            match self.source.poll_next(cx, now) {
                Poll::Ready(Next::Command { .. }) => match self.source.take() {
                    Some(command) => self.route(command, now),
                    None => break,
                },
                Poll::Ready(Next::Bad(error)) => self.report(now, &Event::Error(&error)),
                Poll::Ready(Next::End | Next::Over) | Poll::Pending => break,
            }
            moved = true;
        }
        moved
    }

    /// Whether the client that takes commands soonest has few waiting. Those that take none are not
    /// waited for.
    fn has_room(&self, now: Instant) -> bool {
        let lanes = self.lanes.values().map(|lane| lane.borrow());
        let moving = lanes.filter(|lane| lane.moves(now));
        let waiting = moving.map(|lane| lane.commands.len());
        waiting.min().is_none_or(|least| least < AHEAD)
    }

    fn route(&mut self, command: Command, now: Instant) {
        let (recipients, command) = match command {
            Command::To(recipients, command) => (recipients, *command),
            Command::Close(close) => {
                self.leaving = true;
                (Recipients::All, Command::Close(close))
            }
            command => (Recipients::All, command),
        };
        for (number, lane) in &self.lanes {
            let wanted = match recipients {
                Recipients::All => true,
                Recipients::One(one) => one == *number,
            };
            if wanted && lane.borrow_mut().push(command.clone()) {
                let note = format!("[{number}] does not read: it gets nothing more until it does");
                self.report(now, &Event::Note(&note));
            }
        }
    }

    /// Lets every client's run go on.
    fn poll_runs(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let waiting = |board: &Self| -> usize {
            let lanes = board.lanes.values();
            lanes.map(|lane| lane.borrow().commands.len()).sum()
        };
        let before = waiting(self);
        let mut over = Vec::new();
        self.runs
            .retain_mut(|(number, running)| match running.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(finished) => {
                    over.push((*number, finished));
                    false
                }
            });
        let moved = !over.is_empty() || waiting(self) < before;
        for (number, finished) in over {
            self.lanes.remove(&number);
            self.handle_gone(number, finished, now);
        }
        moved
    }

    /// The run of a client is over.
    fn handle_gone(&mut self, number: u32, finished: Finished, now: Instant) {
        let error = match finished.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Ended(ended) => ended.error(Peer::Client),
        };
        if let Some(error) = error {
            self.report(now, &Event::Error(&of_client(number, &error)));
        }
        add(&mut self.totals, &finished.totals);
        self.condition_met = self.condition_met.max(finished.verdict.condition_met);
        if self.condition_met == Some(true) && !self.leaving {
            self.leave(&Close::normal());
        }
    }

    /// Without an output there is nothing to talk for.
    fn poll_broken(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.output_closed {
            return false;
        }
        let broken = self.sink.borrow_mut().poll_broken(cx);
        let Poll::Ready(broken) = broken else {
            return false;
        };
        self.output_closed = true;
        if let Broken::Failed(error) = broken {
            self.report(now, &Event::Error(&error));
        }
        self.leave(&Close::normal());
        true
    }

    fn finish(self, ended: Ended) -> Finished {
        Finished {
            outcome: Outcome::Ended(ended),
            peer: Peer::Client,
            totals: self.totals,
            verdict: Verdict {
                condition_met: self.condition_met,
                output_closed: self.output_closed,
                ..Verdict::default()
            },
            memory: ResumeVars::default(),
            saver: Saver::new(None),
            cookie_jar: None,
        }
    }
}

/// An error that is about one client.
fn of_client(number: u32, error: &crate::error::Error) -> crate::error::Error {
    let mut error = error.clone();
    error.message = format!("[{number}] {}", error.message);
    error
}

fn add(sum: &mut Totals, one: &Totals) {
    sum.connections += one.connections;
    sum.sent += one.sent;
    sum.received += one.received;
    sum.bytes_sent += one.bytes_sent;
    sum.bytes_received += one.bytes_received;
    for (sum, one) in [
        (&mut sum.compressed_sent, one.compressed_sent),
        (&mut sum.compressed_received, one.compressed_received),
    ] {
        sum.wire += one.wire;
        sum.plain += one.plain;
    }
}

/// What one client is sent.
struct ClientSource(SharedLane);

impl Source for ClientSource {
    fn poll_control(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Control> {
        let control = self.0.borrow_mut().controls.pop_front();
        control.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_next(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Next> {
        // The board polls all runs after it has put something here.
        match self.0.borrow().commands.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(Next::Command { paced: true }),
        }
    }

    fn take(&mut self) -> Option<Command> {
        let mut lane = self.0.borrow_mut();
        lane.taken = Some(now());
        lane.commands.pop_front()
    }

    fn handle_opened(&mut self) {}

    fn unsent(&self) -> usize {
        let lane = self.0.borrow();
        let commands = lane.commands.iter();
        commands
            .filter(|command| matches!(command, Command::Send(_)))
            .count()
    }
}

impl Asker for ClientSource {}

/// The signals, for one client.
struct ClientStop(SharedLane);

impl StopSignal for ClientStop {
    fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
        let stop = self.0.borrow_mut().stops.pop_front();
        stop.map_or(Poll::Pending, Poll::Ready)
    }
}

/// The sink of the front end, for one client.
struct ClientSink<'b, 's, O> {
    number: u32,
    sink: &'b RefCell<&'s mut O>,
}

impl<O: Sink> Sink for ClientSink<'_, '_, O> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sink.borrow_mut().poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        self.sink.borrow().is_overfull()
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let number = self.number;
        let mut sink = self.sink.borrow_mut();
        match event {
            Event::Note(text) => {
                let text = format!("[{number}] {text}");
                sink.handle_event(now, &Event::Note(&text));
            }
            Event::Warning(text) => {
                let text = format!("[{number}] {text}");
                sink.handle_event(now, &Event::Warning(&text));
            }
            Event::Error(error) => {
                let error = of_client(number, error);
                sink.handle_event(now, &Event::Error(&error));
            }
            event => sink.handle_event(now, event),
        }
    }

    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        self.sink.borrow_mut().handle_message(now, received);
    }

    fn flush(&mut self) {
        self.sink.borrow_mut().flush();
    }

    fn wants_sends(&self) -> bool {
        self.sink.borrow().wants_sends()
    }

    fn progress(&self) -> Progress {
        self.sink.borrow().progress()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn a_client_that_takes_nothing_is_not_waited_for() {
        let start = now();
        let mut lane = Lane::default();
        assert!(!lane.moves(start));
        lane.taken = Some(start);
        assert!(lane.moves(start + STALLED / 2));
        assert!(!lane.moves(start + STALLED));
    }

    #[test]
    fn a_lane_is_full_once_until_there_is_room() {
        let mut lane = Lane::default();
        let command = || Command::Send(Message::text("x"));
        assert!((0..MOST).all(|_| !lane.push(command())));
        assert!(lane.push(command()));
        assert!(!lane.push(command()));
        assert!(!lane.push(Command::Close(Close::normal())));
        assert_eq!(lane.controls, [Control::Close(Close::normal())]);
        lane.commands.pop_front();
        assert!(!lane.push(command()));
        assert!(lane.push(command()));
    }
}

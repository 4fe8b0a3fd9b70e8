//! Shows a recording as it was, with its timing.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Opened, Totals};
use crate::io::signals::{Stop, StopSignal};
use crate::record::connection::{Moment, What};
use crate::record::events;
use crate::record::replay::{Due, Entry, Player, Speed, Tape, Turn};
use crate::session::frontend::{Broken, Sink};

/// How many events follow each other before signals are looked for.
const BATCH: usize = 256;

/// How showing ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of it was shown.
    Whole,
    Stopped(Stop),
    /// Nothing can be written any more.
    Broken(Broken),
}

/// What is next.
enum Step {
    Show(usize),
    Over,
    End(Shown),
}

/// Shows the connections of a tape one after another. `start` is zero of the times of events.
pub async fn show(
    tape: &Tape,
    speed: Speed,
    (sink, start): (&mut impl Sink, Instant),
    stops: &mut impl StopSignal,
) -> Shown {
    for note in &tape.notes {
        sink.handle_event(start, &Event::Note(note));
    }
    for entry in &tape.entries {
        let showing = Showing {
            sink,
            start,
            opened: events::opened(&entry.connection),
            conn: 1,
            totals: Totals::default(),
        };
        if let Some(shown) = showing.run(entry, speed, stops).await {
            return shown;
        }
    }
    sink.flush();
    Shown::Whole
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One connection that is shown.
struct Showing<'a, O> {
    sink: &'a mut O,
    start: Instant,
    opened: Opened,
    conn: u32,
    totals: Totals,
}

impl<O: Sink> Showing<'_, O> {
    /// Shows it to its end; otherwise what ended it.
    async fn run(
        mut self,
        entry: &Entry,
        speed: Speed,
        stops: &mut impl StopSignal,
    ) -> Option<Shown> {
        let moments = &entry.connection.moments;
        let first = moments.first().map(|moment| moment.at);
        let opened = entry.place.opened.or(first).unwrap_or_default();
        self.begin(entry, opened);
        let turns = moments.iter().enumerate();
        let turns = turns.map(|(index, moment)| (moment.at, Turn::Play(index)));
        let mut player = Player::new(turns, speed, opened, now());
        let mut last = opened;
        for count in 1.. {
            match self.next(&mut player, stops).await {
                Step::Show(index) => {
                    if let Some(moment) = moments.get(index) {
                        last = moment.at;
                        self.moment(moment);
                    }
                }
                Step::Over => break,
                Step::End(shown) => return Some(shown),
            }
            if count % BATCH == 0 {
                tokio::task::yield_now().await;
            }
        }
        let (exit, totals) = (Exit::Ok, self.totals);
        let totals = &totals;
        self.report(last, &Event::End { exit, totals });
        None
    }

    /// Waits until something is due, and there is room for it.
    async fn next(&mut self, player: &mut Player, stops: &mut impl StopSignal) -> Step {
        let mut sleep = pin!(sleep_until(tokio::time::Instant::now()));
        poll_fn(|cx| {
            if let Poll::Ready(stop) = stops.poll_stop(cx) {
                return Poll::Ready(Step::End(Shown::Stopped(stop)));
            }
            if let Poll::Ready(broken) = self.sink.poll_broken(cx) {
                return Poll::Ready(Step::End(Shown::Broken(broken)));
            }
            if self.sink.poll_ready(cx).is_pending() {
                self.sink.flush();
                return Poll::Pending;
            }
            loop {
                match player.poll(now()) {
                    Due::Now(index) => return Poll::Ready(Step::Show(index)),
                    Due::Over => return Poll::Ready(Step::Over),
                    Due::At(due) => {
                        self.sink.flush();
                        let Some(due) = due else { return Poll::Pending };
                        sleep.as_mut().reset(due.into());
                        if sleep.as_mut().poll(cx).is_pending() {
                            return Poll::Pending;
                        }
                    }
                    Due::Arrival => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn begin(&mut self, entry: &Entry, opened: Duration) {
        let connection = &entry.connection;
        let started = connection.started.unwrap_or_default();
        let url = &connection.url;
        self.report(Duration::ZERO, &Event::Header { url, started });
        let answer = &connection.answer;
        match answer.status.filter(|status| events::is_refusal(*status)) {
            Some(status) => {
                let refusal = events::refusal(status, answer);
                let attempt = 1;
                let event = Event::Refused {
                    attempt,
                    refusal: &refusal,
                };
                self.report(opened, &event);
                let error = refused(status);
                self.report(opened, &Event::Error(&error));
            }
            None => {
                self.totals.connections = 1;
                let what = What::Reopened;
                self.show(opened, &what);
            }
        }
    }

    fn moment(&mut self, Moment { at, what }: &Moment) {
        match what {
            What::Sent { message, .. } => {
                self.totals.sent += 1;
                self.totals.bytes_sent += message.len() as u64;
            }
            What::Received(message) => {
                self.totals.received += 1;
                self.totals.bytes_received += message.len() as u64;
            }
            What::Reopened => {
                self.conn = self.conn.saturating_add(1);
                self.totals.connections += 1;
            }
            _ => {}
        }
        self.show(*at, what);
        if *what == What::Lost {
            let error = lost();
            self.report(*at, &Event::Error(&error));
        }
    }

    fn show(&mut self, at: Duration, what: &What) {
        let now = self.time(at);
        let sink = &mut *self.sink;
        events::of(what, self.conn, &self.opened, |event| {
            sink.handle_event(now, event);
        });
    }

    fn report(&mut self, at: Duration, event: &Event<'_>) {
        let now = self.time(at);
        self.sink.handle_event(now, event);
    }

    /// The time of an event, as the output counts it.
    fn time(&self, at: Duration) -> Instant {
        self.start.checked_add(at).unwrap_or(self.start)
    }
}

fn refused(status: u16) -> Error {
    let message = format!("the handshake was answered with {status}");
    Error::new(Stage::Handshake, Exit::Refused, message)
}

fn lost() -> Error {
    let message = "connection lost without a Close frame (1006)";
    Error::new(Stage::Receive, Exit::Lost, message)
}

#[cfg(test)]
mod tests;

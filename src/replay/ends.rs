//! What a run sees of an exchange: where its commands come from, and where its events go.

use std::cell::RefCell;
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

use super::exchange::{Exchange, Next as Due, Verdict};
use crate::event::{By, Command, Event};
use crate::session::frontend::{self, Asker, Broken, Next, Progress, Received, Source};

/// The exchange of the connection that is under way. Every clone is a handle of the same one.
#[derive(Clone, Debug, Default)]
pub struct Current(Rc<RefCell<Option<Exchange>>>);

impl Current {
    /// The exchange of the next connection.
    pub fn begin(&self, exchange: Exchange) {
        *self.0.borrow_mut() = Some(exchange);
    }

    /// What became of the exchange; see [`Exchange::finish`].
    pub fn finish(&self, cut_short: bool) -> Verdict {
        let exchange = self.0.borrow_mut().take();
        exchange.map_or_else(Verdict::default, |exchange| exchange.finish(cut_short))
    }

    fn with(&self, act: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.0.borrow_mut().as_mut() {
            act(exchange);
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&mut Exchange) -> T) -> Option<T> {
        self.0.borrow_mut().as_mut().map(ask)
    }
}

/// tokio's clock, as the run has it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Sends what the exchange says.
pub struct Commands {
    current: Current,
    /// Has been announced, and not been taken.
    next: Option<Command>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Commands {
    pub fn new(current: &Current) -> Commands {
        Commands {
            current: current.clone(),
            next: None,
            sleep: None,
        }
    }

    /// Whether it is that time; otherwise the run is woken then.
    fn poll_sleep(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(until.into())));
        sleep.as_mut().reset(until.into());
        sleep.as_mut().poll(cx)
    }
}

impl Source for Commands {
    fn poll_next(&mut self, cx: &mut Context<'_>, _now: Instant) -> Poll<Next> {
        loop {
            if let Some(command) = &self.next {
                let paced = matches!(command, Command::Send(_));
                return Poll::Ready(Next::Command { paced });
            }
            match self.current.ask(|exchange| exchange.poll(now())) {
                Some(Due::Command(command)) => self.next = Some(command),
                Some(Due::Wait(until)) => {
                    if self.poll_sleep(until, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                Some(Due::Idle) | None => return Poll::Pending,
            }
        }
    }

    fn take(&mut self) -> Option<Command> {
        self.next.take()
    }

    fn handle_opened(&mut self) {
        self.next = None;
        self.current.with(|exchange| exchange.handle_opened(now()));
    }

    fn is_leaving(&self) -> bool {
        let is_leaving = |exchange: &mut Exchange| exchange.is_leaving();
        self.current.ask(is_leaving).unwrap_or_default()
    }

    fn unsent(&self) -> usize {
        let waiting = matches!(self.next, Some(Command::Send(_)));
        let unsent = self.current.ask(|exchange| exchange.unsent());
        usize::from(waiting) + unsent.unwrap_or_default()
    }
}

impl Asker for Commands {}

/// Passes what happens to the exchange, and to the output what a person may want to see.
pub struct Sink<S> {
    current: Current,
    output: S,
    /// Whether messages are shown too.
    shows_messages: bool,
}

impl<S> Sink<S> {
    pub fn new(current: &Current, output: S, shows_messages: bool) -> Sink<S> {
        Sink {
            current: current.clone(),
            output,
            shows_messages,
        }
    }

    /// The output, once nothing more happens.
    pub fn into_output(self) -> S {
        self.output
    }
}

impl<S: frontend::Sink> frontend::Sink for Sink<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.output.poll_ready(cx)
    }

    fn is_overfull(&self) -> bool {
        self.output.is_overfull()
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        self.current.with(|exchange| match event {
            Event::Refused { refusal, .. } => exchange.handle_refused(refusal.status),
            Event::Close {
                by: By::Peer,
                close,
                ..
            } => match close.reported_code() {
                1006 => exchange.handle_lost(),
                _ => exchange.handle_closed(close),
            },
            _ => {}
        });
        if self.shows_messages || !matches!(event, Event::Send { .. }) {
            self.output.handle_event(now, event);
        }
    }

    /// Whole messages are compared, as they came, because they are what was recorded.
    fn handle_message(&mut self, now: Instant, received: &Received<'_>) {
        if received.is_first() {
            let came = received.whole;
            self.current
                .with(|exchange| exchange.handle_message(came, now));
        }
        if self.shows_messages {
            self.output.handle_message(now, received);
        }
    }

    fn flush(&mut self) {
        self.output.flush();
    }

    fn wants_sends(&self) -> bool {
        self.shows_messages && self.output.wants_sends()
    }

    fn progress(&self) -> Progress {
        self.output.progress()
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        self.output.poll_broken(cx)
    }
}

//! Serves each client that comes through the door with a conversation of its own, many at the same time.
//! One that is slow, fails or goes does not touch the others. What is said is none of its business.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::door::{Arrival, Door, Guest};
use crate::error::Exit;
use crate::io::signals::{Stop, StopSignal};

/// The signals, for the conversation with one client.
pub struct GuestStop(mpsc::UnboundedReceiver<Stop>);

impl StopSignal for GuestStop {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        match self.0.poll_recv(cx) {
            Poll::Ready(Some(stop)) => Poll::Ready(stop),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// How it went with all clients.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// The first exit code of a client that was not [`Exit::Ok`].
    pub exit: Exit,
    pub stopped: Option<Stop>,
    /// No client came within `--connect-timeout`.
    pub is_too_late: bool,
}

/// Lets `talk` talk to each client, until there are to be no more or a signal comes. Refusals are told
/// to `note`.
pub async fn serve_each<T: Future<Output = Exit>>(
    door: &mut Door,
    stop: &mut impl StopSignal,
    note: impl Fn(&str),
    talk: impl Fn(Box<Guest>, GuestStop) -> T,
) -> Served {
    let latest = door.patience().map(|patience| Instant::now() + patience);
    let mut timer = latest.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    let mut running = FuturesUnordered::new();
    let mut senders: Vec<mpsc::UnboundedSender<Stop>> = Vec::new();
    let mut served = Served {
        exit: Exit::Ok,
        stopped: None,
        is_too_late: false,
    };
    poll_fn(|cx| {
        loop {
            while let Poll::Ready(stop) = stop.poll_stop(cx) {
                served.stopped.get_or_insert(stop);
                door.turn_away();
                for sender in &senders {
                    // The conversation may just be over.
                    let _ = sender.send(stop);
                }
            }
            while let Poll::Ready(arrival) = door.poll_arrival(cx) {
                match arrival {
                    // It finds a server that is going away.
                    Arrival::Guest(_) if served.stopped.is_some() => {}
                    Arrival::Guest(guest) => {
                        timer = None;
                        senders.retain(|sender| !sender.is_closed());
                        let (sender, stops) = mpsc::unbounded_channel();
                        senders.push(sender);
                        running.push(talk(guest, GuestStop(stops)));
                    }
                    Arrival::Refused(line) => note(&line),
                }
            }
            if let Poll::Ready(Some(exit)) = running.poll_next_unpin(cx) {
                if served.exit == Exit::Ok {
                    served.exit = exit;
                }
                continue;
            }
            served.is_too_late = timer
                .as_mut()
                .is_some_and(|it| it.as_mut().poll(cx).is_ready());
            let is_over = served.stopped.is_some() || served.is_too_late || !door.expects_more();
            return match running.is_empty() && is_over {
                true => Poll::Ready(()),
                false => Poll::Pending,
            };
        }
    })
    .await;
    drop(running);
    door.close().await;
    served
}

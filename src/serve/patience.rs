//! How long a client of HTTP has for its next step: to send its first request, or to take an answer and
//! send another request. A client that does neither would keep its place for ever. It reads and sends
//! nothing.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How many times the time for a request there is to take an answer, and to send the next request.
const ANSWER_TIMES: u32 = 3;

/// The words for a client that reads nothing.
pub(super) const UNREAD: &str = "the client does not take what it is answered";

/// How long there is to take an answer.
pub(super) fn for_answer(handshake_timeout: Duration) -> Duration {
    handshake_timeout.saturating_mul(ANSWER_TIMES)
}

/// What is due of the client of one connection. Clones are of the same connection.
#[derive(Clone)]
pub(super) struct Patience {
    due: watch::Sender<Due>,
    for_answer: Duration,
}

#[derive(Clone, Copy)]
enum Due {
    Request(Instant),
    /// The server is at work.
    Nothing,
    Answer(Instant),
}

/// What a client has not done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Request,
    Answer,
}

impl Patience {
    /// A connection whose first request is due at `deadline`.
    pub(super) fn new(deadline: Instant, handshake_timeout: Duration) -> Patience {
        Patience {
            due: watch::Sender::new(Due::Request(deadline)),
            for_answer: for_answer(handshake_timeout),
        }
    }

    /// A request has come.
    pub(super) fn handle_request(&self) {
        self.due.send_replace(Due::Nothing);
    }

    /// Its answer is on its way, or a part of it.
    pub(super) fn handle_answer(&self) {
        let deadline = Instant::now() + self.for_answer;
        self.due.send_replace(Due::Answer(deadline));
    }

    /// Waits until the client is late.
    pub(super) async fn overdue(&self) -> Overdue {
        let mut changes = self.due.subscribe();
        loop {
            let due = *changes.borrow_and_update();
            let late = async {
                match due {
                    Due::Nothing => pending().await,
                    Due::Request(deadline) => {
                        sleep_until(deadline).await;
                        Overdue::Request
                    }
                    Due::Answer(deadline) => {
                        sleep_until(deadline).await;
                        Overdue::Answer
                    }
                }
            };
            tokio::select! {
                overdue = late => return overdue,
                // The sender is there as long as this is.
                _ = changes.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_is_late_with_a_request_and_with_an_answer() {
        let second = Duration::from_secs(1);
        let patience = Patience::new(Instant::now() + second, second);
        let within = |time| timeout(time, patience.overdue());
        assert_eq!(within(2 * second).await, Ok(Overdue::Request));
        patience.handle_request();
        assert!(within(1000 * second).await.is_err());
        patience.handle_answer();
        assert!(within(2 * second).await.is_err());
        assert_eq!(within(2 * second).await, Ok(Overdue::Answer));
        patience.handle_answer();
        assert!(within(2 * second).await.is_err());
    }
}

//! One connection of a recording against a server: what is sent when, what is waited for, and whether
//! the server did what it did. Pure: the time comes in.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::compare::{Comparison, Differences, Rules};
use crate::close::Close;
use crate::event::Command;
use crate::message::Message;
use crate::record::connection::What;
use crate::record::events::is_refusal;
use crate::record::replay::{Due, Leg, Player, Speed, Turn, sendable};

/// How long nothing must come after the last reply.
const QUIET: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub struct Options {
    pub speed: Speed,
    /// Whether a message waits for the replies that came before it in the recording.
    pub lockstep: bool,
    /// How long a reply may be late.
    pub reply_timeout: Duration,
    pub rules: Rules,
}

/// How the connection ended in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// The recording ends before it.
    Unknown,
    /// This end closed it.
    Ours(Close),
    /// The server closed it, at this time.
    Theirs(Close, Duration, Option<u64>),
    /// Without a Close, at this time.
    Lost(Duration, Option<u64>),
}

/// How it ended now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    ByServer(Close),
    Lost,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Send this, and ask again.
    Command(Command),
    /// Nothing before this time, unless something happens.
    Wait(Instant),
    /// Nothing, unless something happens.
    Idle,
}

/// Something beside the replies that is not as it was: a sentence, and the line in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    pub what: String,
    pub line: Option<u64>,
}

/// What became of the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub replies: Differences,
    pub deviations: Vec<Deviation>,
    /// Whether the connection ended, or was refused, as it did in the recording, and not by us.
    pub ended_as_recorded: bool,
}

impl Verdict {
    pub fn is_equal(&self) -> bool {
        self.replies.count() == 0 && self.deviations.is_empty()
    }
}

/// The state of an exchange.
#[derive(Debug)]
pub struct Exchange {
    /// What is sent, by the indices of the turns.
    commands: Vec<Option<Command>>,
    turns: Vec<(Duration, Turn)>,
    /// `None` before the connection is open.
    player: Option<Player>,
    opened: Duration,
    /// When each reply came in the recording.
    replies: Vec<Duration>,
    comparison: Comparison,
    options: Options,
    ending: Ending,
    /// The status of the answer in the recording, if it opened no connection.
    refusal: Option<u16>,
    /// The status of such an answer now.
    refused: Option<u16>,
    ended: Option<Ended>,
    /// Something was sent, or came.
    last: Instant,
    /// Everything was sent, and so many replies came as were recorded.
    complete: Option<Instant>,
    /// Our Close was handed over.
    is_closing: bool,
}

impl Exchange {
    /// An exchange that begins when the connection opens. `leg` has what is sent, with its variables
    /// filled in.
    pub fn new(leg: &Leg, options: Options, now: Instant) -> Exchange {
        let mut exchange = Exchange {
            commands: Vec::new(),
            turns: Vec::new(),
            player: None,
            opened: leg.opened,
            replies: Vec::new(),
            comparison: Comparison::new(replies(leg), options.rules.clone()),
            options,
            ending: Ending::Unknown,
            refusal: leg.answer.status.filter(|status| is_refusal(*status)),
            refused: None,
            ended: None,
            last: now,
            complete: None,
            is_closing: false,
        };
        for (moment, line) in &leg.moments {
            exchange.add(moment.at, &moment.what, *line);
        }
        exchange
    }

    fn add(&mut self, at: Duration, what: &What, line: Option<u64>) {
        let command = match what {
            What::Sent {
                message,
                by_itself: false,
            } => Some(Command::Send(message.clone())),
            What::SentPing {
                data,
                by_itself: false,
            } => Some(Command::Ping(Bytes::from(data.clone()))),
            What::SentPong {
                data,
                by_itself: false,
            } => Some(Command::Pong(Bytes::from(data.clone()))),
            _ => None,
        };
        match what {
            What::Received(_) => {
                self.replies.push(at);
                if self.options.lockstep {
                    self.turns.push((at, Turn::Await));
                }
            }
            What::Closing(close) => {
                self.ending = Ending::Ours(sendable(close));
                self.push(at, None);
            }
            What::Closed(close) => self.ending = Ending::Theirs(close.clone(), at, line),
            What::Lost => self.ending = Ending::Lost(at, line),
            _ => {}
        }
        if command.is_some() {
            self.push(at, command);
        }
    }

    /// Adds something to do. Without a command, the time counts.
    fn push(&mut self, at: Duration, command: Option<Command>) {
        self.turns.push((at, Turn::Play(self.commands.len())));
        self.commands.push(command);
    }

    /// The connection is open.
    pub fn handle_opened(&mut self, now: Instant) {
        let turns = std::mem::take(&mut self.turns);
        self.player = Some(Player::new(turns, self.options.speed, self.opened, now));
        self.last = now;
    }

    /// The handshake was answered with another status than that of a WebSocket.
    pub fn handle_refused(&mut self, status: u16) {
        self.refused = Some(status);
    }

    /// A message came.
    pub fn handle_message(&mut self, message: &Message, now: Instant) {
        self.last = now;
        self.comparison.handle_reply(message);
        if let Some(player) = &mut self.player {
            player.handle_arrival();
        }
    }

    /// The server closed the connection. While ours is on its way, that is its answer.
    pub fn handle_closed(&mut self, close: &Close) {
        if !self.is_closing {
            self.ended = Some(Ended::ByServer(close.clone()));
        }
    }

    /// The connection was lost. One that our Close ends is not.
    pub fn handle_lost(&mut self) {
        if !self.is_closing {
            self.ended = Some(Ended::Lost);
        }
    }

    /// What is next. While something is sent, everything else waits.
    pub fn poll(&mut self, now: Instant) -> Next {
        if self.is_closing || self.ended.is_some() {
            return Next::Idle;
        }
        if self.refusal.is_some() && self.player.is_some() {
            return self.close(Close::normal());
        }
        while let Some(player) = &mut self.player {
            match player.poll(now) {
                Due::Now(index) => {
                    self.last = now;
                    let command = self.commands.get_mut(index).and_then(Option::take);
                    if let Some(command) = command {
                        return Next::Command(command);
                    }
                }
                Due::At(Some(due)) => return Next::Wait(due),
                Due::At(None) => return Next::Idle,
                Due::Arrival => return self.wait_until(self.reply_deadline(), now),
                Due::Over => return self.poll_end(now),
            }
        }
        Next::Idle
    }

    /// Everything is sent.
    fn poll_end(&mut self, now: Instant) -> Next {
        if !self.comparison.has_all() {
            return self.wait_until(self.reply_deadline(), now);
        }
        let complete = *self.complete.get_or_insert(now);
        let end = match &self.ending {
            Ending::Theirs(_, at, _) | Ending::Lost(at, _) => Some(*at),
            Ending::Ours(_) | Ending::Unknown => None,
        };
        let due = match end {
            Some(at) => self.due(at).map(|due| due.max(complete)),
            None => Some(complete),
        };
        // It does not move with what comes: what sends without end is not waited for without end.
        let patience = self.options.reply_timeout.max(QUIET);
        let latest = due.and_then(|due| due.checked_add(patience));
        let deadline = match end {
            Some(_) => latest,
            None => latest.map(|latest| latest.min(self.last + QUIET)),
        };
        self.wait_until(deadline, now)
    }

    /// When the next reply of the recording is too late.
    fn reply_deadline(&self) -> Option<Instant> {
        let next = self.replies.get(self.comparison.received());
        let due = self.due(next.copied().unwrap_or_default())?;
        due.max(self.last).checked_add(self.options.reply_timeout)
    }

    /// When this time of the recording is reached; `None` if that is beyond every clock.
    fn due(&self, at: Duration) -> Option<Instant> {
        self.player.as_ref()?.due(at)
    }

    /// Closes the connection once the deadline has passed.
    fn wait_until(&mut self, deadline: Option<Instant>, now: Instant) -> Next {
        match deadline {
            None => Next::Idle,
            Some(deadline) if deadline > now => Next::Wait(deadline),
            Some(_) => match &self.ending {
                Ending::Ours(close) => self.close(close.clone()),
                _ => self.close(Close::normal()),
            },
        }
    }

    fn close(&mut self, close: Close) -> Next {
        self.is_closing = true;
        Next::Command(Command::Close(close))
    }

    /// How many messages were not sent.
    pub fn unsent(&self) -> usize {
        let is_message = |it: &&Option<Command>| matches!(it, Some(Command::Send(_)));
        self.commands.iter().filter(is_message).count()
    }

    /// Whether everything was done, and only the end is missing.
    pub fn is_leaving(&self) -> bool {
        self.is_closing
    }

    /// What became of it. Where it was cut short, nothing is missing yet.
    pub fn finish(self, cut_short: bool) -> Verdict {
        let mut deviations = Vec::new();
        let mut deviate = |what: String, line| deviations.push(Deviation { what, line });
        let was_refused = self.refusal.is_some() && self.refusal == self.refused;
        if let (Some(status), true) = (self.refusal, self.player.is_some()) {
            let what = format!("the handshake was answered with 101, and with {status} before");
            deviate(what, None);
        }
        let mut ended_as_recorded = was_refused;
        match (&self.ending, &self.ended) {
            (Ending::Theirs(was, _, line), Some(Ended::ByServer(is))) => {
                ended_as_recorded = was.code == is.code;
                if was.code != is.code {
                    let (is, was) = (is.reported_code(), was.reported_code());
                    deviate(
                        format!("the server closed with {is}, and with {was} before"),
                        *line,
                    );
                }
            }
            (Ending::Theirs(was, _, line), None) if self.is_closing => {
                let was = was.reported_code();
                deviate(
                    format!("the server did not close, and closed with {was} before"),
                    *line,
                );
            }
            (Ending::Ours(_) | Ending::Lost(..), Some(Ended::ByServer(is))) => {
                let is = is.reported_code();
                deviate(
                    format!("the server closed with {is}, and did not close before"),
                    None,
                );
            }
            (Ending::Lost(_, line), None) if self.is_closing => {
                let what = "the connection stayed open, and was lost before";
                deviate(what.to_owned(), *line);
            }
            (Ending::Lost(..), Some(Ended::Lost)) => ended_as_recorded = true,
            _ => {}
        }
        let mut replies = self.comparison.finish();
        if cut_short || (self.player.is_none() && self.refusal.is_none()) {
            replies.forget_missing();
        }
        Verdict {
            replies,
            deviations,
            ended_as_recorded,
        }
    }
}

/// The replies of a leg.
fn replies(leg: &Leg) -> impl Iterator<Item = (&Message, Option<u64>)> {
    leg.moments
        .iter()
        .filter_map(|(moment, line)| match &moment.what {
            What::Received(message) => Some((message, *line)),
            _ => None,
        })
}

#[cfg(test)]
mod tests;

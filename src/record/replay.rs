//! A recording that is played again: its connections, and what of them is due when. Pure: the caller
//! knows the time, and does what is due.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::connection::{Answer, Connection, Moment, What};
use super::recording::{Error, Place, read_with_places};
use crate::close::{Close, MAX_REASON, may_be_sent};

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded; a positive number.
    Times(f64),
    /// Without any waiting.
    #[default]
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let times = text.strip_suffix('x').unwrap_or(text).parse().ok();
        times
            .filter(|times: &f64| times.is_finite() && *times > 0.0)
            .map(Speed::Times)
            .ok_or_else(|| "write a number above 0, such as 1, 10 or 0.5, or max".to_owned())
    }
}

impl Speed {
    /// How long a recorded time takes; `None` if that is beyond every clock.
    fn scaled(self, time: Duration) -> Option<Duration> {
        match self {
            Speed::Max => Some(Duration::ZERO),
            Speed::Times(times) => Duration::try_from_secs_f64(time.as_secs_f64() / times).ok(),
        }
    }
}

/// The connections of a recording that are played.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    pub entries: Vec<Entry>,
    /// What was left out when it was read: a sentence each, safe for a terminal.
    pub notes: Vec<String>,
}

/// A connection of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// From 1, in the order of the recording.
    pub number: usize,
    pub connection: Connection,
    pub place: Place,
}

/// What was said over one connection, from its handshake until it ended or the recording did. One that
/// was made again after it was lost has several legs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leg {
    /// The number of its entry.
    pub entry: usize,
    pub answer: Answer,
    /// When it opened, as the time of a moment.
    pub opened: Duration,
    /// Each with its line in the recording, if it has lines.
    pub moments: Vec<(Moment, Option<u64>)>,
}

impl Tape {
    /// Reads a recording of `--record`.
    ///
    /// # Errors
    /// If it is none, or has no connection.
    pub fn read(bytes: &[u8]) -> Result<Tape, Error> {
        let (recording, places) = read_with_places(bytes)?;
        let pairs = recording.connections.into_iter().zip(places);
        let tape = Tape::new(pairs, recording.notes);
        match tape.entries.is_empty() {
            false => Ok(tape),
            true => Err(Error {
                message: "there is no connection in this recording".to_owned(),
                advice: "--record FILE records one".to_owned(),
            }),
        }
    }

    /// A tape of connections that were read from anything. Where there are no lines, the place of a
    /// connection is the default.
    pub fn new(connections: impl Iterator<Item = (Connection, Place)>, notes: Vec<String>) -> Tape {
        let numbered = connections.zip(1..);
        let entries = numbered.map(|((connection, place), number)| Entry {
            number,
            connection,
            place,
        });
        Tape {
            entries: entries.collect(),
            notes,
        }
    }

    /// Keeps only the entry with this number.
    ///
    /// # Errors
    /// What numbers there are.
    pub fn only(mut self, number: usize) -> Result<Tape, String> {
        let count = self.entries.len();
        self.entries.retain(|entry| entry.number == number);
        match (self.entries.is_empty(), count) {
            (false, _) => Ok(self),
            (true, 1) => Err("there is one connection in this recording".to_owned()),
            (true, _) => Err(format!("the recording has the connections 1 to {count}")),
        }
    }

    /// The legs of all entries, in order.
    pub fn legs(self) -> Vec<Leg> {
        self.entries.into_iter().flat_map(legs).collect()
    }
}

fn legs(entry: Entry) -> Vec<Leg> {
    let Entry {
        number,
        connection,
        place,
    } = entry;
    let first = connection.moments.first().map(|moment| moment.at);
    let leg = |opened| Leg {
        entry: number,
        answer: connection.answer.clone(),
        opened,
        moments: Vec::new(),
    };
    let mut current = leg(place.opened.or(first).unwrap_or_default());
    let mut done = Vec::new();
    let mut lines = place.lines.into_iter();
    for moment in connection.moments {
        let line = lines.next();
        match moment.what {
            What::Reopened => done.push(std::mem::replace(&mut current, leg(moment.at))),
            _ => current.moments.push((moment, line)),
        }
    }
    done.push(current);
    done
}

/// A recorded Close as one that may be sent (RFC 6455 §5.5.1 and §7.4).
pub fn sendable(close: &Close) -> Close {
    if !close.code.is_none_or(may_be_sent) {
        return Close::normal();
    }
    let mut close = close.clone();
    let end = close.reason.floor_char_boundary(MAX_REASON);
    close.reason.truncate(end);
    close
}

/// What a player does about one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Do what the moment with this index says.
    Play(usize),
    /// Wait until something has come.
    Await,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Do this now; it is not returned again.
    Now(usize),
    /// Nothing before this time; `None` is beyond every clock.
    At(Option<Instant>),
    /// Nothing before something has come: [`Player::handle_arrival`].
    Arrival,
    /// Nothing any more.
    Over,
}

/// Says when what was recorded is to be done again.
///
/// The gaps are those of the recording. What was recorded after something had come is counted from when
/// that comes now, so an answer is neither too early nor too late.
#[derive(Clone, Debug)]
pub struct Player {
    turns: VecDeque<(Duration, Turn)>,
    speed: Speed,
    /// A moment now, and the same one in the recording.
    anchor: (Instant, Duration),
    /// What has come before it was awaited.
    ahead: u64,
}

impl Player {
    /// A player that begins `now`, which is the time `opened` of the recording. The times of the turns
    /// must not decrease.
    pub fn new(
        turns: impl IntoIterator<Item = (Duration, Turn)>,
        speed: Speed,
        opened: Duration,
        now: Instant,
    ) -> Player {
        Player {
            turns: turns.into_iter().collect(),
            speed,
            anchor: (now, opened),
            ahead: 0,
        }
    }

    /// What is next.
    pub fn poll(&mut self, now: Instant) -> Due {
        while let Some((at, turn)) = self.turns.front().copied() {
            match turn {
                Turn::Await if self.ahead == 0 => return Due::Arrival,
                Turn::Await => {
                    self.ahead -= 1;
                    self.anchor = (now, at);
                }
                Turn::Play(index) => match self.due(at) {
                    Some(due) if due <= now => {
                        self.turns.pop_front();
                        return Due::Now(index);
                    }
                    due => return Due::At(due),
                },
            }
            self.turns.pop_front();
        }
        Due::Over
    }

    /// Something came for which the recording waits.
    pub fn handle_arrival(&mut self) {
        self.ahead += 1;
    }

    /// When a time of the recording is reached; `None` if that is beyond every clock.
    pub fn due(&self, at: Duration) -> Option<Instant> {
        let (now, then) = self.anchor;
        now.checked_add(self.speed.scaled(at.saturating_sub(then))?)
    }
}

#[cfg(test)]
mod tests;

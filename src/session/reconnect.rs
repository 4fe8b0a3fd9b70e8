//! Whether and when to reconnect. Pure: time and randomness are arguments.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, Instant};

use rand::Rng;

use super::backoff::{self, Backoff};
use crate::close::code_name;
use crate::event::{By, Cause};
use crate::units;

/// A connection that held for this long, or that received a data message, begins a new series of
/// retries when it ends. One of a server that accepts and drops does not.
const STABLE: Duration = Duration::from_secs(5);

/// A token is refused within moments. If the connection held for this long, its token was good and
/// has expired since: one second, less the time for the way.
const ACCEPTED: Duration = Duration::from_millis(900);

/// Close codes after which another attempt would end in the same way.
const FINAL_CODES: &[u16] = &[
    1000,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1015,
    3000,
    3003,
    UNAUTHORIZED,
];

/// Transient HTTP statuses (those that curl retries, and 425).
const PASSING_STATUSES: &[u16] = &[408, 425, 429, 500, 502, 503, 504, 522, 524];

/// The private close code that servers use for 401.
const UNAUTHORIZED: u16 = 4401;

/// When to reconnect at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    #[default]
    Never,
    /// After the first successful connection: a user who mistypes a host must see the error.
    AfterOpen,
    Always,
}

/// The effect of a refused token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialRefresh {
    /// The credentials cannot change, or there are none.
    #[default]
    Fixed,
    /// They can be read again (`cmd:`, `@FILE`, `prompt`): that justifies one attempt.
    Renewable,
}

/// Close codes, ranges of them and HTTP statuses, as in `--reconnect-on`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes(Vec<(u16, u16)>);

impl Codes {
    /// Parses `1012,4500-4999,404`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Codes, String> {
        text.split(',')
            .map(|item| {
                let item = item.trim();
                let (first, last) = item.split_once('-').unwrap_or((item, item));
                match (number(first), number(last)) {
                    (Some(first), Some(last)) if first <= last => Ok((first, last)),
                    _ => Err(format!(
                        "'{item}' is not a close code (1000-4999), HTTP status (200-599) or a range of them"
                    )),
                }
            })
            .collect::<Result<_, _>>()
            .map(Codes)
    }

    pub fn extend(&mut self, other: Codes) {
        self.0.extend(other.0);
    }

    fn contain(&self, code: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    }
}

fn number(text: &str) -> Option<u16> {
    let number = units::digits(text, u16::MAX.into())? as u16;
    matches!(number, 200..=599 | 1000..=4999).then_some(number)
}

/// Maximum delay of a retry, ten years: clocks cannot represent every [`Duration`].
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub when: When,
    /// Retries in a row; `None` is unlimited.
    pub limit: Option<u32>,
    /// The time limit, from the first end of a series.
    pub max_time: Option<Duration>,
    pub backoff: backoff::Options,
    /// `--reconnect-on`
    pub on: Codes,
    /// `--no-reconnect-on`, which takes precedence.
    pub never_on: Codes,
    pub renewal: CredentialRefresh,
}

/// The decision after an end.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Retry {
        delay: Duration,
        /// The credentials must be read again, because they were refused.
        renew: bool,
    },
    /// Reconnecting was not requested.
    End,
    /// No other attempt; a sentence says why.
    Stop(String),
    /// No other attempt, because the limit of attempts is reached.
    UsedUp(String),
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open { since: Instant, data: bool },
    Waiting { until: Instant },
    Over,
}

/// The retry state of a run over its connections.
#[derive(Clone, Debug)]
pub struct Reconnect {
    options: Options,
    state: State,
    backoff: Backoff,
    opened_once: bool,
    /// When the current series of ends began.
    down_since: Option<Instant>,
    /// A token that was read again has not been accepted yet.
    renewed: bool,
}

impl Reconnect {
    /// A run with its first attempt in progress.
    pub fn new(options: Options) -> Self {
        Reconnect {
            backoff: Backoff::new(options.backoff),
            options,
            state: State::Connecting,
            opened_once: false,
            down_since: None,
            renewed: false,
        }
    }

    /// The number of the attempt in progress, or of the next one: the one after a connection that
    /// held is the second of its series.
    pub fn attempt(&self) -> u32 {
        self.backoff.retries() + 1
    }

    pub fn handle_open(&mut self, now: Instant) {
        self.opened_once = true;
        let (since, data) = (now, false);
        self.state = State::Open { since, data };
    }

    /// A data message came.
    pub fn handle_data(&mut self) {
        if let State::Open { data, .. } = &mut self.state {
            *data = true;
        }
    }

    /// The connection ended, or the attempt failed. Returns the decision; the delay of a retry
    /// begins now.
    pub fn handle_ended(&mut self, cause: &Cause, now: Instant, rng: &mut impl Rng) -> Decision {
        self.settle(now, is_refused_token(cause));
        let decision = self.judge(cause, now, rng);
        self.state = match decision {
            Decision::Retry { delay, renew } => {
                self.renewed |= renew;
                // At most `LONGEST` from now, which every clock can represent.
                let until = now + delay;
                State::Waiting { until }
            }
            _ => State::Over,
        };
        decision
    }

    /// The user asks to retry at once.
    pub fn retry_now(&mut self, now: Instant) {
        self.settle(now, false);
        self.backoff.reset();
        self.down_since = None;
        self.state = State::Waiting { until: now };
    }

    /// When the next attempt is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Action {
        match self.state {
            State::Waiting { until } if until <= now => {
                self.state = State::Connecting;
                Action::Connect
            }
            _ => Action::Nothing,
        }
    }

    /// Considers how long the connection held. A message that announces a refusal is a message too,
    /// but proves nothing.
    fn settle(&mut self, now: Instant, refused: bool) {
        if let State::Open { since, data } = self.state {
            let held = now.saturating_duration_since(since);
            if (data && !refused) || held >= STABLE {
                self.backoff.reset();
                self.down_since = None;
            }
            if held >= ACCEPTED {
                self.renewed = false;
            }
        }
        self.down_since.get_or_insert(now);
    }

    fn judge(&mut self, cause: &Cause, now: Instant, rng: &mut impl Rng) -> Decision {
        if self.options.when == When::Never {
            return Decision::End;
        }
        let code = cause.code();
        let listed = |codes: &Codes| code.filter(|code| codes.contain(*code));
        if let Some(code) = listed(&self.options.never_on) {
            return Decision::Stop(format!("{code} is listed in --no-reconnect-on"));
        }
        let refused = is_refused_token(cause);
        let renew = refused && self.options.renewal == CredentialRefresh::Renewable;
        if listed(&self.options.on).is_none() {
            if renew && self.renewed {
                return Decision::Stop(format!("{cause}: a fresh token was refused as well"));
            }
            if !renew && refused && code == Some(UNAUTHORIZED) {
                return Decision::Stop(format!("{cause}, and the credentials would be the same"));
            }
            if !renew && let Some(why) = permanent(cause) {
                return self.stop_or_end(why);
            }
            if !renew && self.options.when == When::AfterOpen && !self.opened_once {
                return Decision::End;
            }
        }
        self.retry(cause, renew, now, rng)
    }

    /// If reconnecting was not requested explicitly, an initial failure needs no explanation.
    fn stop_or_end(&self, why: String) -> Decision {
        if self.options.when == When::AfterOpen && !self.opened_once {
            Decision::End
        } else {
            Decision::Stop(why)
        }
    }

    fn retry(&mut self, cause: &Cause, renew: bool, now: Instant, rng: &mut impl Rng) -> Decision {
        if let Some(limit) = self.options.limit
            && self.backoff.retries() >= limit
        {
            let plural = if limit == 1 {
                "retry is"
            } else {
                "retries are"
            };
            return Decision::UsedUp(format!("{limit} {plural} used up (--reconnect={limit})"));
        }
        let mut delay = self.backoff.next(rng);
        if let Cause::Status {
            retry_after: Some(asked),
            ..
        } = cause
        {
            delay = delay.max(*asked);
        }
        let delay = delay.min(LONGEST);
        if let (Some(max), Some(since)) = (self.options.max_time, self.down_since) {
            let down = now.saturating_duration_since(since);
            if down.saturating_add(delay) > max {
                return Decision::UsedUp(format!(
                    "the next attempt would come after {:.1} s without a connection, and --reconnect-max-time is {:.1} s",
                    (down + delay).as_secs_f64(),
                    max.as_secs_f64()
                ));
            }
        }
        Decision::Retry { delay, renew }
    }
}

fn is_refused_token(cause: &Cause) -> bool {
    match cause {
        Cause::Status { status, .. } => *status == 401,
        Cause::Close {
            by: By::Peer,
            close,
        } => matches!(close.code, Some(3000 | UNAUTHORIZED)),
        _ => false,
    }
}

/// Why another attempt would end in the same way.
fn permanent(cause: &Cause) -> Option<String> {
    match cause {
        Cause::Close { by, close } => {
            let code = close.reported_code();
            let who = match by {
                By::Peer => "the server",
                By::Us => "wirecat",
            };
            FINAL_CODES
                .contains(&code)
                .then(|| format!("{who} closed with {code} ({})", code_name(code)))
        }
        Cause::Status { status, .. } => {
            (!PASSING_STATUSES.contains(status)).then(|| format!("{cause} would be the same again"))
        }
        Cause::Failed {
            permanent: true,
            why,
        } => Some(why.clone()),
        Cause::Failed { .. } | Cause::Lost(_) | Cause::Dead(_) => None,
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        f.write_str(&shown.collect::<Vec<_>>().join(","))
    }
}

//! Whether and when to reconnect. Pure: time and randomness are arguments.

mod codes;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use rand::Rng;

use super::backoff::{self, Backoff};
use crate::close::code_name;
use crate::event::{By, Cause};
pub use codes::Codes;

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
    /// `--reconnect-on`. A named set brings its protocol's whole rule: which codes lead to a retry, and
    /// which do not.
    pub on: Codes,
    /// `--no-reconnect-on`, which takes precedence. A named set brings the codes after which clients of
    /// its protocol do not come back.
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
        let is_listed = listed(&self.options.on).is_some();
        if !is_listed
            && (!renew || self.renewed)
            && let Some(why) = self.stopped_by_set(cause)
        {
            return Decision::Stop(why);
        }
        let is_in_set = code.is_some_and(|code| self.options.on.retry_after(code));
        if !is_listed && !is_in_set {
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

    /// Why a named set has no retry after this end.
    fn stopped_by_set(&self, cause: &Cause) -> Option<String> {
        let code = cause.code()?;
        let Options { on, never_on, .. } = &self.options;
        let name = never_on.stopped_by(code).or_else(|| on.stopped_by(code))?;
        Some(format!("{cause}, after which clients of {name} stay away"))
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
        if let Some(code) = cause.code() {
            delay = delay.max(self.options.on.shortest_delay(code));
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

//! Whether and when to reconnect. Pure: time and randomness are arguments.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::Close;
    use crate::session::backoff::Jitter;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn always() -> Options {
        Options {
            when: When::Always,
            backoff: backoff::Options {
                jitter: Jitter::None,
                ..backoff::Options::default()
            },
            ..Options::default()
        }
    }

    fn close(code: u16) -> Cause {
        Cause::Close {
            by: By::Peer,
            close: Close::new(code, ""),
        }
    }

    fn status(status: u16) -> Cause {
        Cause::Status {
            status,
            reason: String::new(),
            retry_after: None,
        }
    }

    fn lost() -> Cause {
        Cause::Lost("reset".into())
    }

    /// A run and its clock.
    struct Run {
        machine: Reconnect,
        now: Instant,
        rng: SmallRng,
    }

    fn run(options: Options) -> Run {
        Run {
            machine: Reconnect::new(options),
            now: Instant::now(),
            rng: SmallRng::seed_from_u64(7),
        }
    }

    impl Run {
        fn open_for(&mut self, held: Duration, data: bool) {
            self.machine.handle_open(self.now);
            if data {
                self.machine.handle_data();
            }
            self.now += held;
        }

        fn ends(&mut self, cause: &Cause) -> Decision {
            self.machine.handle_ended(cause, self.now, &mut self.rng)
        }

        /// Ends a connection, and waits until the next attempt is due.
        #[track_caller]
        fn retries_after(&mut self, cause: &Cause, delay: Duration) {
            let renew = false;
            assert_eq!(self.ends(cause), Decision::Retry { delay, renew });
            self.waits(delay);
        }

        #[track_caller]
        fn waits(&mut self, delay: Duration) {
            assert_eq!(self.machine.poll_timeout(), Some(self.now + delay));
            if !delay.is_zero() {
                let early = self.now + delay - MS;
                assert_eq!(self.machine.handle_timeout(early), Action::Nothing);
            }
            self.now += delay;
            assert_eq!(self.machine.handle_timeout(self.now), Action::Connect);
            assert_eq!(self.machine.poll_timeout(), None);
            assert_eq!(self.machine.handle_timeout(self.now), Action::Nothing);
        }

        #[track_caller]
        fn stops(&mut self, cause: &Cause, words: &str) {
            match self.ends(cause) {
                Decision::Stop(why) | Decision::UsedUp(why) => {
                    assert!(why.contains(words), "{why}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(self.machine.poll_timeout(), None);
        }
    }

    #[test]
    fn the_first_retry_waits_and_each_waits_longer() {
        let mut run = run(always());
        for (attempt, delay) in [(1, 500), (2, 1000), (3, 2000), (4, 4000)] {
            assert_eq!(run.machine.attempt(), attempt);
            run.retries_after(&lost(), delay * MS);
        }
    }

    #[test]
    fn a_connection_that_held_or_brought_data_begins_a_new_row() {
        for (held, data, delay) in [
            (4999 * MS, false, 2000),
            (5000 * MS, false, 500),
            (Duration::ZERO, true, 500),
        ] {
            let mut run = run(always());
            run.retries_after(&lost(), 500 * MS);
            run.retries_after(&lost(), 1000 * MS);
            run.open_for(held, data);
            run.retries_after(&lost(), delay * MS);
        }
    }

    #[test]
    fn a_server_that_accepts_and_drops_causes_no_storm() {
        let mut run = run(always());
        let start = run.now;
        for _ in 0..20 {
            run.open_for(10 * MS, false);
            let Decision::Retry { delay, .. } = run.ends(&lost()) else {
                panic!("it goes on for ever");
            };
            run.waits(delay);
        }
        assert!(run.now - start > 300 * SECOND);
    }

    #[test]
    fn every_close_code_and_status() {
        let retried = |cause: &Cause| {
            let mut run = run(always());
            run.open_for(SECOND, true);
            matches!(run.ends(cause), Decision::Retry { .. })
        };
        for code in (1000..=1015).chain(3000..=3010).chain(4000..=4999) {
            let last = matches!(
                code,
                1000 | 1002 | 1003 | 1007..=1010 | 1015 | 3000 | 3003 | 4401
            );
            assert_eq!(retried(&close(code)), !last, "{code}");
        }
        for code in 200..600 {
            let passing = [408, 425, 429, 500, 502, 503, 504, 522, 524].contains(&code);
            assert_eq!(retried(&status(code)), passing, "{code}");
        }
        assert!(retried(&lost()));
        assert!(retried(&Cause::Dead("no pong".into())));
        for permanent in [true, false] {
            let why = String::from("x");
            assert_eq!(retried(&Cause::Failed { why, permanent }), !permanent);
        }
        let ours = Cause::Close {
            by: By::Us,
            close: Close::new(1002, ""),
        };
        assert!(!retried(&ours));
    }

    #[test]
    fn the_lists_override_and_the_one_that_says_no_goes_first() {
        let options = Options {
            on: Codes::parse("1000,404,4004-4010").unwrap(),
            never_on: Codes::parse("1012,503,4004,1006").unwrap(),
            ..always()
        };
        for (cause, retried) in [
            (close(1000), true),
            (close(1001), true),
            (close(1012), false),
            (status(404), true),
            (status(503), false),
            (close(4004), false),
            (close(4005), true),
            (lost(), false),
        ] {
            let mut run = run(options.clone());
            if retried {
                run.retries_after(&cause, 500 * MS);
            } else {
                let code = cause.code().unwrap();
                run.stops(&cause, &format!("{code} is listed in --no-reconnect-on"));
            }
        }
    }

    #[test]
    fn the_lists_are_read_strictly() {
        let read = |text| Codes::parse(text).map(|codes| codes.to_string());
        assert_eq!(read("1012"), Ok("1012".into()));
        assert_eq!(
            read(" 1012 ,4500-4999,503"),
            Ok("1012,4500-4999,503".into())
        );
        for wrong in [
            "",
            "x",
            "1012,",
            "99",
            "600",
            "5000",
            "4999-4500",
            "-1",
            "+1012",
            "1-2-3",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_retries_and_their_time_may_be_limited() {
        let mut two = run(Options {
            limit: Some(2),
            ..always()
        });
        two.retries_after(&lost(), 500 * MS);
        two.retries_after(&lost(), 1000 * MS);
        two.stops(&lost(), "2 retries are used up (--reconnect=2)");
        let mut brief = run(Options {
            max_time: Some(4 * SECOND),
            ..always()
        });
        brief.open_for(10 * SECOND, false);
        brief.retries_after(&lost(), 500 * MS);
        brief.retries_after(&lost(), 1000 * MS);
        brief.retries_after(&lost(), 2000 * MS);
        brief.stops(&lost(), "--reconnect-max-time is 4.0 s");
        // Both start again with a connection.
        let mut held = run(Options {
            limit: Some(1),
            max_time: Some(SECOND),
            ..always()
        });
        for _ in 0..5 {
            held.open_for(SECOND, true);
            held.retries_after(&lost(), 500 * MS);
        }
    }

    #[test]
    fn a_server_that_asks_for_time_is_given_it() {
        let asks = |seconds| Cause::Status {
            status: 503,
            reason: "Service Unavailable".into(),
            retry_after: Some(seconds * SECOND),
        };
        let mut run = run(always());
        run.retries_after(&asks(7), 7 * SECOND);
        run.retries_after(&asks(0), SECOND);
        run.retries_after(&asks(90), 90 * SECOND);
    }

    #[test]
    fn a_delay_longer_than_any_clock_holds_is_still_a_delay() {
        let asks = Cause::Status {
            status: 503,
            reason: String::new(),
            retry_after: Some(Duration::MAX),
        };
        let mut run = run(always());
        run.retries_after(&asks, LONGEST);
        let mut brief = self::run(Options {
            max_time: Some(SECOND),
            ..always()
        });
        brief.stops(&asks, "--reconnect-max-time is 1.0 s");
        let mut slow = self::run(Options {
            backoff: backoff::Options {
                base: Duration::MAX,
                max: Duration::MAX,
                jitter: Jitter::None,
            },
            ..always()
        });
        slow.retries_after(&lost(), LONGEST);
    }

    #[test]
    fn a_renewable_token_is_renewed_once() {
        for refusal in [status(401), close(4401), close(3000)] {
            let mut run = run(Options {
                renewal: CredentialRefresh::Renewable,
                ..always()
            });
            let (delay, renew) = (500 * MS, true);
            assert_eq!(run.ends(&refusal), Decision::Retry { delay, renew });
            run.waits(delay);
            // A message, for instance one that announces the refusal, does not prove that the token
            // was accepted.
            run.open_for(800 * MS, true);
            run.stops(&refusal, "a fresh token was refused as well");
        }
    }

    #[test]
    fn a_failure_in_between_does_not_bring_another_fresh_try() {
        let mut run = run(Options {
            renewal: CredentialRefresh::Renewable,
            ..always()
        });
        let (delay, renew) = (500 * MS, true);
        assert_eq!(run.ends(&status(401)), Decision::Retry { delay, renew });
        run.waits(delay);
        run.retries_after(&lost(), 1000 * MS);
        run.stops(&status(401), "a fresh token was refused as well");
    }

    #[test]
    fn a_token_that_was_accepted_and_expired_is_renewed_again() {
        let mut run = run(Options {
            renewal: CredentialRefresh::Renewable,
            ..always()
        });
        for delay in [500, 1000, 2000, 4000] {
            run.open_for(SECOND, true);
            let (delay, renew) = (delay * MS, true);
            assert_eq!(run.ends(&close(4401)), Decision::Retry { delay, renew });
            run.waits(delay);
        }
        run.open_for(5 * SECOND, false);
        run.retries_after(&lost(), 500 * MS);
    }

    #[test]
    fn a_token_that_stays_the_same_is_not_tried_again() {
        for refusal in [status(401), close(4401), close(3000)] {
            let mut fixed = run(always());
            assert!(matches!(fixed.ends(&refusal), Decision::Stop(_)));
            let mut wanted = run(Options {
                on: Codes::parse("401,4401,3000").unwrap(),
                ..always()
            });
            wanted.retries_after(&refusal, 500 * MS);
            wanted.retries_after(&refusal, 1000 * MS);
        }
    }

    #[test]
    fn a_list_that_says_so_renews_a_token_without_end() {
        let mut run = run(Options {
            on: Codes::parse("401").unwrap(),
            renewal: CredentialRefresh::Renewable,
            ..always()
        });
        for delay in [500, 1000, 2000] {
            let (delay, renew) = (delay * MS, true);
            assert_eq!(run.ends(&status(401)), Decision::Retry { delay, renew });
            run.waits(delay);
        }
    }

    #[test]
    fn impatience_with_a_connection_that_held_forgets_its_fresh_token() {
        let mut run = run(Options {
            renewal: CredentialRefresh::Renewable,
            ..always()
        });
        let (delay, renew) = (500 * MS, true);
        assert_eq!(run.ends(&status(401)), Decision::Retry { delay, renew });
        run.waits(delay);
        run.open_for(SECOND, false);
        run.machine.retry_now(run.now);
        run.waits(Duration::ZERO);
        assert_eq!(run.ends(&status(401)), Decision::Retry { delay, renew });
    }

    #[test]
    fn at_a_terminal_a_first_failure_is_the_end() {
        let options = Options {
            when: When::AfterOpen,
            ..always()
        };
        assert_eq!(run(options.clone()).ends(&lost()), Decision::End);
        assert_eq!(run(options.clone()).ends(&status(404)), Decision::End);
        let mut opened = run(options);
        opened.open_for(SECOND, false);
        opened.retries_after(&lost(), 500 * MS);
        opened.retries_after(&lost(), 1000 * MS);
        opened.stops(&status(404), "HTTP 404");
        assert_eq!(run(Options::default()).ends(&lost()), Decision::End);
    }

    #[test]
    fn impatience_ends_the_wait() {
        let mut run = run(always());
        for _ in 0..6 {
            let Decision::Retry { delay, .. } = run.ends(&lost()) else {
                panic!("it goes on for ever");
            };
            run.waits(delay);
        }
        run.ends(&lost());
        run.machine.retry_now(run.now);
        run.waits(Duration::ZERO);
        assert_eq!(run.machine.attempt(), 1);
    }
}

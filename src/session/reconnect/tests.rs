//! Which ends are followed by another attempt, and when.

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
fn retries_are_delayed_longer_each_time() {
    let mut run = run(always());
    for (attempt, delay) in [(1, 500), (2, 1000), (3, 2000), (4, 4000)] {
        assert_eq!(run.machine.attempt(), attempt);
        run.retries_after(&lost(), delay * MS);
    }
}

#[test]
fn a_connection_that_held_or_received_data_begins_a_new_series() {
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
fn a_server_that_accepts_and_drops_does_not_cause_a_retry_storm() {
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
fn the_reconnect_lists_override_and_the_negative_list_takes_precedence() {
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
fn a_named_set_brings_both_sides_of_its_rule_and_numbers_override_it() {
    let options = Options {
        on: Codes::parse("pusher,centrifugo,4004").unwrap(),
        never_on: Codes::parse("discord,4201").unwrap(),
        ..always()
    };
    for (code, delay) in [
        (4000, None),
        (4004, Some(500 * MS)),
        (4010, None),
        (4150, Some(SECOND)),
        (4200, Some(500 * MS)),
        (4201, None),
        (3000, Some(500 * MS)),
        (3500, None),
    ] {
        let mut run = run(options.clone());
        match (delay, run.ends(&close(code))) {
            (Some(wanted), Decision::Retry { delay, .. }) => assert_eq!(delay, wanted, "{code}"),
            (None, Decision::Stop(_)) => {}
            (_, decision) => panic!("{code}: {decision:?}"),
        }
    }
}

#[test]
fn a_set_that_stops_leaves_a_fresh_token_its_one_attempt() {
    let mut run = run(Options {
        on: Codes::parse("graphql").unwrap(),
        renewal: CredentialRefresh::Renewable,
        ..always()
    });
    let (delay, renew) = (500 * MS, true);
    assert_eq!(run.ends(&close(4401)), Decision::Retry { delay, renew });
    run.waits(delay);
    run.stops(&close(4401), "clients of graphql stay away");
}

#[test]
fn the_reconnect_lists_are_parsed_strictly() {
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
fn retries_are_limited_by_number_and_time() {
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
fn retry_after_is_honoured() {
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
fn a_delay_longer_than_the_clock_can_represent_is_still_a_delay() {
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
fn a_renewable_token_is_refreshed_once() {
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
fn a_failure_in_between_does_not_allow_another_refresh() {
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
fn a_token_that_expired_is_refreshed_again() {
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
fn a_token_that_cannot_change_is_not_retried() {
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
fn a_token_listed_for_reconnecting_is_refreshed_without_limit() {
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
fn reconnecting_a_connection_that_held_allows_another_refresh() {
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
fn at_a_terminal_an_initial_failure_ends_the_run() {
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
fn a_retry_request_ends_the_wait() {
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

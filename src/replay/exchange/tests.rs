use super::*;
use crate::record::replay::Tape;

const OPEN: &str = r#"{"type":"open","t":0,"conn":1,"status":101}"#;

fn options() -> Options {
    Options {
        speed: Speed::Times(1.0),
        lockstep: false,
        reply_timeout: Duration::from_secs(5),
        rules: Rules::default(),
    }
}

/// An exchange of these events, which has opened, and when it did.
fn exchange(lines: &[&str], options: Options) -> (Exchange, Instant) {
    let lines = [&[OPEN], lines].concat().join("\n");
    let legs = Tape::read(lines.as_bytes()).unwrap().legs();
    let start = Instant::now();
    let mut exchange = Exchange::new(&legs[0], options, start);
    assert_eq!(exchange.poll(start), Next::Idle, "it is not open");
    exchange.handle_opened(start);
    (exchange, start)
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn send(text: &str) -> Next {
    Next::Command(Command::Send(Message::text(text)))
}

fn closes(code: u16) -> Next {
    Next::Command(Command::Close(Close::new(code, "")))
}

#[test]
fn messages_are_sent_with_the_gaps_of_the_recording() {
    let lines = &[
        r#"{"type":"send","t":1,"data":"a"}"#,
        r#"{"type":"send","t":1.5,"data":"beat","origin":"heartbeat"}"#,
        r#"{"type":"ping","t":2,"dir":"send","data":""}"#,
        r#"{"type":"close","t":4,"by":"us","code":4000}"#,
    ];
    let (mut it, start) = exchange(lines, options());
    assert_eq!(it.poll(start), Next::Wait(start + seconds(1.0)));
    assert_eq!(it.unsent(), 1);
    assert_eq!(it.poll(start + seconds(1.0)), send("a"));
    let ping = Next::Command(Command::Ping(Bytes::new()));
    assert_eq!(it.poll(start + seconds(2.0)), ping);
    let quiet = start + seconds(4.0) + QUIET;
    assert_eq!(
        it.poll(start + seconds(3.0)),
        Next::Wait(start + seconds(4.0))
    );
    assert_eq!(it.poll(start + seconds(4.0)), Next::Wait(quiet));
    assert_eq!(it.poll(quiet), closes(4000));
    assert_eq!((it.poll(quiet), it.unsent()), (Next::Idle, 0));
    assert!(it.finish(false).is_equal());
}

#[test]
fn a_reply_may_be_late_but_not_without_end() {
    let lines = &[
        r#"{"type":"send","t":1,"data":"a"}"#,
        r#"{"type":"receive","t":3,"data":"b"}"#,
        r#"{"type":"receive","t":3,"data":"c"}"#,
    ];
    let (mut it, start) = exchange(lines, options());
    assert_eq!(it.poll(start + seconds(1.0)), send("a"));
    let late = Next::Wait(start + seconds(8.0));
    assert_eq!(it.poll(start + seconds(1.0)), late);
    it.handle_message(&Message::text("b"), start + seconds(7.0));
    let late = start + seconds(12.0);
    assert_eq!(it.poll(start + seconds(7.0)), Next::Wait(late));
    assert_eq!(it.poll(late), closes(1000));
    let verdict = it.finish(false);
    let replies = &verdict.replies;
    assert_eq!((replies.equal, replies.missing), (1, 1));
    assert!(!verdict.is_equal() && !verdict.ended_as_recorded);
}

#[test]
fn in_lockstep_a_message_waits_for_what_came_before_it() {
    let lines = &[
        r#"{"type":"send","t":1,"data":"a"}"#,
        r#"{"type":"receive","t":2,"data":"b"}"#,
        r#"{"type":"send","t":2.5,"data":"c"}"#,
    ];
    let lockstep = Options {
        lockstep: true,
        ..options()
    };
    let (mut it, start) = exchange(lines, lockstep.clone());
    assert_eq!(it.poll(start + seconds(1.0)), send("a"));
    let late = start + seconds(7.0);
    assert_eq!(it.poll(start + seconds(3.0)), Next::Wait(late));
    let came = start + seconds(4.0);
    it.handle_message(&Message::text("b"), came);
    assert_eq!(it.poll(came), Next::Wait(came + seconds(0.5)));
    assert_eq!(it.poll(came + seconds(0.5)), send("c"));
    // Where the reply does not come, nothing follows.
    let (mut it, start) = exchange(lines, lockstep);
    assert_eq!(it.poll(start + seconds(1.0)), send("a"));
    assert_eq!(it.poll(start + seconds(7.0)), closes(1000));
    assert_eq!(it.unsent(), 1);
}

#[test]
fn what_comes_without_end_is_not_waited_for() {
    let fast = Options {
        speed: Speed::Max,
        ..options()
    };
    let (mut it, start) = exchange(&[], fast);
    let mut now = start;
    let mut came = 0;
    while it.poll(now) != closes(1000) {
        it.handle_message(&Message::text("x"), now);
        came += 1;
        now += Duration::from_millis(100);
        assert!(now <= start + seconds(6.0));
    }
    assert_eq!(it.finish(false).replies.extra, came);
}

#[test]
fn what_comes_without_end_puts_off_no_end_of_the_recording() {
    let closed = r#"{"type":"close","t":1,"by":"peer","code":4001}"#;
    let lost = r#"{"type":"close","t":1,"by":"peer","code":1006}"#;
    for end in [closed, lost] {
        let (mut it, start) = exchange(&[end], options());
        let latest = start + seconds(6.0);
        let mut now = start;
        while now < latest {
            assert_eq!(it.poll(now), Next::Wait(latest), "{end}");
            it.handle_message(&Message::text("x"), now);
            now += Duration::from_millis(100);
        }
        assert_eq!(it.poll(latest), closes(1000), "{end}");
        assert_eq!(it.finish(false).deviations.len(), 1, "{end}");
    }
}

#[test]
fn the_end_is_compared_too() {
    let closed = r#"{"type":"close","t":1,"by":"peer","code":4001}"#;
    let lost = r#"{"type":"close","t":1,"by":"peer","code":1006}"#;
    let ours = r#"{"type":"close","t":1,"by":"us","code":1000}"#;
    let by_server = |code| move |it: &mut Exchange| it.handle_closed(&Close::new(code, ""));
    type Ends<'a> = &'a dyn Fn(&mut Exchange);
    let cases: [(&[&str], Ends<'_>, &str, bool); 8] = [
        (&[closed], &by_server(4001), "", true),
        (
            &[closed],
            &by_server(1011),
            "the server closed with 1011, and with 4001 before",
            false,
        ),
        (&[lost], &Exchange::handle_lost, "", true),
        (
            &[lost],
            &by_server(1000),
            "the server closed with 1000, and did not close before",
            false,
        ),
        (
            &[ours],
            &by_server(1000),
            "the server closed with 1000, and did not close before",
            false,
        ),
        (&[ours], &Exchange::handle_lost, "", false),
        (&[], &by_server(1000), "", false),
        (&[], &Exchange::handle_lost, "", false),
    ];
    for (lines, ends, expected, as_recorded) in cases {
        let (mut it, _) = exchange(lines, options());
        ends(&mut it);
        let verdict = it.finish(false);
        let found: Vec<_> = verdict.deviations.iter().map(|it| &*it.what).collect();
        assert_eq!(found.concat(), expected, "{lines:?}");
        assert_eq!(verdict.ended_as_recorded, as_recorded, "{lines:?}");
    }
    let (mut it, start) = exchange(&[closed], options());
    assert_eq!(it.poll(start), Next::Wait(start + seconds(6.0)));
    assert_eq!(it.poll(start + seconds(6.0)), closes(1000));
    // Its answer to our Close is not its own.
    it.handle_closed(&Close::normal());
    let verdict = it.finish(false);
    let expected = "the server did not close, and closed with 4001 before";
    assert_eq!(verdict.deviations[0].what, expected);
    assert_eq!(verdict.deviations[0].line, Some(2));
}

#[test]
fn a_connection_that_is_not_lost_again_is_a_deviation() {
    let lost = r#"{"type":"close","t":1,"by":"peer","code":1006}"#;
    let ends: [&dyn Fn(&mut Exchange); 3] = [
        &|_| {},
        &|it| it.handle_closed(&Close::normal()),
        // Without an answer to our Close.
        &Exchange::handle_lost,
    ];
    for end in ends {
        let (mut it, start) = exchange(&[lost], options());
        assert_eq!(it.poll(start), Next::Wait(start + seconds(6.0)));
        assert_eq!(it.poll(start + seconds(6.0)), closes(1000));
        end(&mut it);
        let verdict = it.finish(false);
        let expected = Deviation {
            what: "the connection stayed open, and was lost before".to_owned(),
            line: Some(2),
        };
        assert_eq!(verdict.deviations, [expected]);
        assert!(!verdict.ended_as_recorded);
    }
    // What was stopped is no deviation.
    let (it, _) = exchange(&[lost], options());
    assert!(it.finish(true).is_equal());
}

#[test]
fn a_refusal_is_compared_too() {
    let refused = r#"{"type":"refused","t":0,"attempt":1,"status":401}"#;
    let legs = Tape::read(refused.as_bytes()).unwrap().legs();
    let now = Instant::now();
    let begin = || Exchange::new(&legs[0], options(), now);
    let mut it = begin();
    it.handle_refused(401);
    let verdict = it.finish(false);
    assert!(verdict.is_equal() && verdict.ended_as_recorded);
    let mut it = begin();
    it.handle_refused(403);
    assert!(!it.finish(false).ended_as_recorded);
    let mut it = begin();
    it.handle_opened(now);
    assert_eq!(it.poll(now), closes(1000));
    let verdict = it.finish(false);
    let expected = "the handshake was answered with 101, and with 401 before";
    assert_eq!(verdict.deviations[0].what, expected);
}

#[test]
fn what_was_cut_short_misses_nothing() {
    let lines = &[r#"{"type":"receive","t":3,"data":"b"}"#];
    let (it, _) = exchange(lines, options());
    assert!(it.finish(true).is_equal());
    let (it, _) = exchange(lines, options());
    assert_eq!(it.finish(false).replies.missing, 1);
}

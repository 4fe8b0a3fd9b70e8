use super::*;
use crate::message::Message;

fn tape(lines: &[&str]) -> Tape {
    Tape::read(lines.join("\n").as_bytes()).unwrap()
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_speed_is_a_positive_number_or_max() {
    for (text, speed) in [
        ("1", Speed::Times(1.0)),
        ("0.5", Speed::Times(0.5)),
        ("10x", Speed::Times(10.0)),
        ("max", Speed::Max),
    ] {
        assert_eq!(text.parse(), Ok(speed), "{text}");
    }
    for text in ["", "0", "-1", "inf", "NaN", "fast", "x", "1e999"] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
    assert_eq!(Speed::Times(4.0).scaled(seconds(2.0)), Some(seconds(0.5)));
    assert_eq!(Speed::Max.scaled(seconds(2.0)), Some(Duration::ZERO));
    assert_eq!(Speed::Times(1e-300).scaled(seconds(2.0)), None);
}

#[test]
fn a_connection_that_was_made_again_has_several_legs_with_the_lines_of_their_moments() {
    let tape = tape(&[
        r#"{"type":"header","v":1,"url":"ws://x/"}"#,
        r#"{"type":"open","t":0.5,"conn":1,"status":101,"subprotocol":"chat"}"#,
        r#"{"type":"send","t":1,"conn":1,"data":"a"}"#,
        r#"{"type":"close","t":2,"conn":1,"by":"peer","code":1006}"#,
        r#"{"type":"open","t":4,"conn":2,"status":101}"#,
        "",
        r#"{"type":"receive","t":5,"conn":2,"data":"b"}"#,
    ]);
    let legs = tape.legs();
    let [first, second] = &legs[..] else {
        panic!("{legs:?}");
    };
    assert_eq!((first.entry, second.entry), (1, 1));
    assert_eq!((first.opened, second.opened), (seconds(0.5), seconds(4.0)));
    assert_eq!(first.answer.subprotocol.as_deref(), Some("chat"));
    let lines = |leg: &Leg| leg.moments.iter().map(|it| it.1).collect::<Vec<_>>();
    assert_eq!(lines(first), [Some(3), Some(4)]);
    assert_eq!(lines(second), [Some(7)]);
    assert_eq!(second.moments[0].0.what, What::Received(Message::text("b")));
}

#[test]
fn one_connection_of_several_is_kept() {
    let header = r#"{"type":"header","v":1,"url":"ws://x/"}"#;
    let open = r#"{"type":"open","t":0,"conn":1,"status":101}"#;
    let both = tape(&[header, open, header, open]);
    assert_eq!(both.clone().only(2).unwrap().entries[0].number, 2);
    let error = "the recording has the connections 1 to 2";
    assert_eq!(both.only(3), Err(error.to_owned()));
    let one = tape(&[header, open]);
    assert!(one.only(0).unwrap_err().contains("one connection"));
    let none = Tape::read(header.as_bytes()).unwrap_err();
    assert_eq!(none.message, "there is no connection in this recording");
}

/// A player of messages of ours at these times, which begins with the recording.
fn plays(times: &[f64], speed: Speed, now: Instant) -> Player {
    let turns = times.iter().enumerate();
    let turns = turns.map(|(index, at)| (seconds(*at), Turn::Play(index)));
    Player::new(turns, speed, Duration::ZERO, now)
}

#[test]
fn gaps_are_those_of_the_recording_at_the_speed_that_is_wanted() {
    let start = Instant::now();
    let mut player = plays(&[1.0, 3.0], Speed::Times(2.0), start);
    let [first, second] = [start + seconds(0.5), start + seconds(1.5)];
    assert_eq!(player.poll(start), Due::At(Some(first)));
    assert_eq!(player.poll(first), Due::Now(0));
    assert_eq!(player.poll(first), Due::At(Some(second)));
    // What is late is not followed by what is later still.
    assert_eq!(player.poll(start + seconds(9.0)), Due::Now(1));
    assert_eq!(player.poll(start + seconds(9.0)), Due::Over);
    let mut player = plays(&[1.0, 3.0], Speed::Max, start);
    assert_eq!(player.poll(start), Due::Now(0));
    assert_eq!(player.poll(start), Due::Now(1));
    let mut player = plays(&[1.0], Speed::Times(1e-300), start);
    assert_eq!(player.poll(start), Due::At(None));
}

#[test]
fn what_follows_an_arrival_is_counted_from_it() {
    let start = Instant::now();
    let turns = [
        (seconds(1.0), Turn::Await),
        (seconds(1.5), Turn::Play(1)),
        (seconds(2.0), Turn::Await),
        (seconds(2.25), Turn::Play(3)),
    ];
    let mut player = Player::new(turns, Speed::Times(1.0), Duration::ZERO, start);
    assert_eq!(player.poll(start + seconds(7.0)), Due::Arrival);
    player.handle_arrival();
    let arrived = start + seconds(8.0);
    let due = arrived + seconds(0.5);
    assert_eq!(player.poll(arrived), Due::At(Some(due)));
    // The next one comes before it is awaited.
    player.handle_arrival();
    assert_eq!(player.poll(due), Due::Now(1));
    assert_eq!(player.poll(due), Due::At(Some(due + seconds(0.25))));
    assert_eq!(player.poll(due + seconds(0.25)), Due::Now(3));
    assert_eq!(player.poll(due + seconds(0.25)), Due::Over);
}

#[test]
fn times_that_go_backwards_are_due_at_once() {
    let start = Instant::now();
    let mut player = plays(&[1.0, 0.5], Speed::Times(1.0), start);
    assert_eq!(player.poll(start + seconds(1.0)), Due::Now(0));
    assert_eq!(player.poll(start + seconds(1.0)), Due::Now(1));
}

#[test]
fn a_close_that_may_not_be_sent_is_an_ordinary_one() {
    let close = |code, reason: &str| sendable(&Close::new(code, reason));
    assert_eq!(close(4001, "bye"), Close::new(4001, "bye"));
    assert_eq!(sendable(&Close::default()), Close::default());
    for code in [0, 999, 1004, 1006, 1015, 2999, 65535] {
        assert_eq!(close(code, "x"), Close::normal(), "{code}");
    }
    assert_eq!(close(1000, &"ä".repeat(200)).reason, "ä".repeat(61));
}

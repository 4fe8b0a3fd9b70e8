//! Reading a stream at the prompt: what is shown, counted, kept and found again, and where one is.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::pty::Pty;
use crate::support::scripts::frames;
use crate::support::server::{Frame, Raw, close, frame_of, raw, raws, text};

/// The messages that were counted in the lines written so far.
fn counted(pty: &Pty) -> usize {
    let written = String::from_utf8_lossy(&pty.bytes()).into_owned();
    let counts = written.split("… ").skip(1);
    let counts = counts.filter_map(|piece| piece.split_once(" messages"));
    counts
        .map(|(count, _)| count.replace(',', "").parse::<usize>().unwrap())
        .sum()
}

#[test]
fn a_flood_is_counted_and_kept_and_its_end_is_shown() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        let start = Instant::now();
        let mut sent = 0;
        while start.elapsed() < Duration::from_millis(2500) {
            wire.send(
                (0..100)
                    .flat_map(|n| text(&format!("tick {};", sent + n)))
                    .collect::<Vec<_>>(),
            );
            sent += 100;
        }
        wire.send(text("the needle"));
        let next = wire.message();
        wire.answer_close();
        (sent, next)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    // Two counts, while the flood goes on.
    pty.expect(" messages\r\n");
    let before = pty.bytes().len();
    pty.type_keys("half");
    pty.expect_line("half", 4);
    pty.expect_after(before, " messages\r\n");
    // The end is shown though nothing more comes.
    pty.expect_row("< the needle");
    let look = pty.expect_line("half", 4);
    assert_eq!(look.prompt(), Some("open>"));
    pty.type_keys("\x15/grep NEEDLE\r");
    pty.expect("0 of ");
    pty.type_keys("/grep needle\r");
    pty.expect("1 of ");
    pty.expect_row("< the needle");
    pty.type_keys("on\r");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    let (sent, next) = server.result();
    assert_eq!(next, b"on");
    let shown = written.matches("< tick ").count() + 1;
    let counts = written.split("… ").skip(1);
    let counts = counts.filter_map(|piece| piece.split_once(" messages"));
    let counted: usize = counts
        .map(|(count, _)| count.replace(',', "").parse::<usize>().unwrap())
        .sum();
    assert_eq!(shown + counted, sent + 1);
    assert!(counted > sent / 2, "{counted} of {sent}");
}

#[test]
fn a_file_gets_every_message_of_a_flood() {
    const COUNT: usize = 5000;
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(
            (0..COUNT)
                .flat_map(|n| text(&format!("tick {n}")))
                .collect::<Vec<_>>(),
        );
        wire.close(1000, "");
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut pty = Pty::prompt(
        &["--no-reconnect", "-o", file.to_str().unwrap()],
        &server.url("/"),
    );
    pty.type_keys("go\r");
    let written = pty.exits(0);
    server.result();
    assert!(!written.contains("… "), "{written:?}");
    let expected: String = (0..COUNT).map(|n| format!("tick {n}\n")).collect();
    assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
}

#[test]
fn what_is_only_counted_is_recorded_and_found() {
    const COUNT: usize = 5000;
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(
            (0..COUNT)
                .flat_map(|n| text(&format!("tick {n};")))
                .collect::<Vec<_>>(),
        );
        frames(&mut wire)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording");
    let mut pty = Pty::prompt(&["--record", file.to_str().unwrap()], &server.url("/"));
    pty.type_keys("go\r");
    pty.expect_row("< tick 4999;");
    let shown = String::from_utf8_lossy(&pty.bytes()).into_owned();
    assert!(!shown.contains("tick 2500;"), "{shown:?}");
    pty.type_keys("/grep tick 2500;\r");
    pty.expect("1 of 5,001 messages in the scrollback");
    pty.expect("#2502 ");
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
    let recorded = std::fs::read_to_string(file).unwrap();
    let received = recorded.lines().filter(|line| line.contains("\"receive\""));
    for (n, line) in received.clone().enumerate() {
        assert!(line.contains(&format!("\"tick {n};\"")), "{line}");
    }
    assert_eq!(received.count(), COUNT);
}

#[test]
fn a_scrollback_has_the_size_that_was_asked_for() {
    for (args, kept) in [(&[][..], 7), (&["--scrollback", "3MiB"], 2)] {
        let server = raw(|mut wire| {
            wire.handshake();
            let message = format!("needle {}", "x".repeat((1 << 20) - 7));
            for _ in 0..12 {
                wire.send(text(&message));
            }
            wire.send(text("the end"));
            frames(&mut wire)
        });
        let mut pty = Pty::prompt(args, &server.url("/"));
        pty.expect("< the end");
        pty.type_keys("/grep needle\r");
        pty.expect(&format!(
            "{kept} of {} messages in the scrollback",
            kept + 1
        ));
        pty.type_keys("\x04");
        pty.exits(0);
        server.result();
    }
}

#[test]
fn every_view_has_marks_and_times_where_they_are_wanted() {
    let server = raw(|mut wire| {
        wire.handshake();
        while wire.message() != b"end" {
            wire.send(text("a\tb\n{\"a\":1}"));
        }
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&["-t=relative"], &server.url("/"));
    for (view, rows) in [
        ("pretty", &["s < a       b", "  {\"a\":1}"][..]),
        ("line", &["s < a\\x09b\\n{\"a\":1}"]),
        ("hex", &["s < 6109620a7b2261223a317d"]),
        ("raw", &["{\"a\":1}"]),
    ] {
        pty.type_keys(&format!("/clear\r/view {view}\rx\r"));
        pty.until(view, |look| {
            rows.iter()
                .all(|row| look.rows.iter().any(|it| it.ends_with(row)))
                && look.rows.iter().any(|it| it.starts_with('+'))
        });
    }
    pty.type_keys("end\r\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn a_pause_counts_and_shows_nothing() {
    let (go, paused) = mpsc::channel::<()>();
    let (arrived, all) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        paused.recv().unwrap();
        wire.send(
            (0..1204)
                .flat_map(|n| text(&format!("tick {n};")))
                .collect::<Vec<_>>(),
        );
        // The pong says that they have arrived.
        wire.send(frame_of(0x89, b"all"));
        assert_eq!(wire.frame().unwrap().payload, b"all");
        arrived.send(()).unwrap();
        wire.message();
        wire.send(text("after"));
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/resume\r");
    pty.expect("nothing is paused");
    pty.type_keys("/pause\r");
    pty.expect("/resume shows them again");
    go.send(()).unwrap();
    all.recv().unwrap();
    pty.type_keys("/resume\r");
    pty.expect("… 1,204 messages while paused, /last N shows them\r\n");
    assert_eq!(counted(&pty), 1204);
    pty.type_keys("/last 2\r");
    pty.expect("tick 1203;");
    pty.type_keys("go on\r");
    pty.expect("< after");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    server.result();
    assert_eq!(written.matches("tick ").count(), 2);
    assert!(
        written.contains("#1203 ") && written.contains("#1204 "),
        "{written:?}"
    );
}

#[test]
fn messages_are_shown_in_another_way_and_again() {
    let server = raw(|mut wire| {
        wire.handshake();
        while wire.message() != b"end" {
            wire.send(text(r#"{"event":"tick","data":{"n":1}}"#));
        }
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/view nice\r");
    pty.expect("there are pretty, line, raw, hex");
    pty.type_keys("/view hex\ra\r");
    pty.expect("7b226576656e74");
    pty.type_keys("/view raw\ra\r");
    pty.expect("\x1b[K{\"event\":\"tick\",\"data\":{\"n\":1}}\r\n");
    pty.type_keys("/view\r");
    pty.expect("view: raw, sent on, timing off\r\n");
    pty.type_keys("/filter .data.n + 41\ra\r");
    pty.expect("\x1b[K42\r\n");
    pty.type_keys("/filter\r");
    pty.expect("filter: .data.n + 41\r\n");
    pty.type_keys("/filter .data |\r");
    pty.expect("    ^");
    // The one before is still there.
    let before = pty.bytes().len();
    pty.type_keys("a\r");
    pty.expect_after(before, "\x1b[K42\r\n");
    pty.type_keys("/filter off\r/view pretty\r/last\r");
    pty.expect_row("#8 ");
    pty.type_keys("/more #1\r");
    pty.expect_row("#1 ");
    pty.type_keys("/more #99\r");
    pty.expect("the scrollback has no message #99: it has #1 to #8");
    pty.type_keys("/more 9\r");
    pty.expect("the scrollback has only 4 received messages");
    pty.type_keys("end\r\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn what_is_sent_and_how_long_an_answer_took_are_shown_on_demand() {
    let server = raw(|mut wire| {
        wire.handshake();
        for _ in 0..3 {
            let message = wire.message();
            wire.send(text(&format!("got {}", String::from_utf8_lossy(&message))));
        }
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("one\r");
    pty.expect_row("< got one");
    pty.expect_row("> one");
    pty.type_keys("/view sent off\rtwo\r");
    pty.expect_row("< got two");
    pty.type_keys("/timing on\rthree\r");
    let look = pty.expect_row("< got three");
    let row = look.rows.iter().find(|row| row.contains("< got three"));
    assert!(row.unwrap().contains(" ms"), "{}", look.text());
    pty.type_keys("/last 2\r");
    pty.expect_row("> three");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    server.result();
    assert!(!written.contains("> two\r\n"), "{written:?}");
}

#[test]
fn a_hostile_match_stays_harmless() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text(
            "a\x1b]0;title\x07 needle\x1b[2J\r\nsecond line\u{202e}",
        ));
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    pty.expect("needle");
    let before = pty.bytes().len();
    pty.type_keys("/grep needle\r");
    pty.expect_after(before, "1 of 2 messages");
    pty.type_keys("/last 1\r/more\r\x04");
    let written = pty.exits(0);
    server.result();
    for raw in ["\x1b]0;", "\x07", "\x1b[2J", "\u{202e}"] {
        assert!(!written.contains(raw), "{raw:?} in {written:?}");
    }
    assert!(
        written.contains("needle\\e[2J") || written.contains("needle\\x1b[2J"),
        "{written:?}"
    );
}

#[test]
fn text_in_binary_data_is_found_and_no_secret_of_what_was_sent() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, b"\xff\x00{\"needle\":1}\x1b[2J"));
        frames(&mut wire)
    });
    let args = ["--oauth2-bearer", "correct-horse-battery"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("needle correct-horse-battery\r/clear\r/grep needle\r");
    let look = pty.expect_row("2 of 2 messages in the scrollback");
    let found = |end: &str| look.rows.iter().any(|row| row.ends_with(end));
    assert!(found("\\x00{\"needle\":1}\\x1b[2J"), "{}", look.text());
    assert!(found("> needle [redacted]"), "{}", look.text());
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn a_match_fills_its_row_and_no_more() {
    let long = format!("{0} needle {0}", "x".repeat(200));
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.send([text(&long), text("a needle alone")].concat());
        frames(&mut wire)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.expect_row("< a needle alone");
    for columns in [80, 60] {
        pty.resize(24, columns);
        pty.type_keys("/clear\r/grep needle\r");
        let look = pty.until("a match in a row of its own", |look| {
            look.rows.iter().any(|row| {
                row.contains("< …x")
                    && row.contains(" needle x")
                    && row.ends_with("x…")
                    && row.chars().count() == usize::from(columns)
            })
        });
        let row = look.rows.iter().find(|row| row.contains("needle alone"));
        assert!(
            row.unwrap().ends_with("< a needle alone"),
            "{}",
            look.text()
        );
    }
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

/// Sends one message after the first that it gets, and gives what follows.
fn says_hello() -> Raw<Vec<Frame>> {
    raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("hello there"));
        frames(&mut wire)
    })
}

#[test]
fn the_screen_is_cleared_and_the_line_stays() {
    let server = says_hello();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    pty.expect_row("< hello there");
    pty.type_keys("/clear\r");
    pty.type_keys("half");
    let look = pty.until("an empty screen", |look| {
        look.typed_line().as_deref() == Some("half") && !look.text().contains("hello there")
    });
    assert!(look.cursor.0 <= 2, "{}", look.text());
    pty.type_keys("\x15\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn nothing_is_kept_without_room_for_it() {
    let server = says_hello();
    let mut pty = Pty::prompt(&["--scrollback", "0"], &server.url("/"));
    pty.type_keys("/last\r");
    pty.expect("there are no messages yet");
    pty.type_keys("go\r");
    pty.expect("< hello there");
    pty.type_keys("/last\r");
    pty.expect("the scrollback has no room for a message");
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn the_prompt_counts_the_seconds_until_the_next_attempt() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        if n == 1 {
            wire.message();
            wire.send(close(1012, "restart"));
            return Vec::new();
        }
        frames(&mut wire)
    });
    let args = ["--reconnect-delay", "3s", "--reconnect-jitter", "none"];
    let mut pty = Pty::prompt(&args, &server.url("/"));
    pty.type_keys("go\rhalf");
    for prompt in ["down>", "dn 2>", "dn 1>", "open>"] {
        pty.until(prompt, |look| {
            look.prompt() == Some(prompt) && look.typed_line().as_deref() == Some("half")
        });
    }
    pty.type_keys("\x15\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn the_status_and_the_last_line_say_how_it_goes() {
    let server = says_hello();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.expect("/help lists the commands");
    pty.type_keys("go\r");
    pty.expect("< hello there");
    pty.type_keys("/status\r");
    for line in [
        "readyState: OPEN\r\n",
        "proxy: none\r\n",
        "messages: 1 sent, 1 received\r\n",
        "bytes: 2 sent, 11 received\r\n",
        "bufferedAmount: 0\r\n",
        "view: pretty, sent on, timing off\r\n",
    ] {
        pty.expect(line);
    }
    pty.type_keys("/tls\r");
    pty.expect("this connection is not encrypted");
    pty.type_keys("/help grep\r");
    pty.expect("example: /grep error\r\n");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    server.result();
    assert!(
        written.contains(" s: 1 received (11 B), 1 sent (2 B)\r\n"),
        "{written:?}"
    );
    assert!(written.contains("closed 1000 after "), "{written:?}");
}

#[test]
fn there_is_no_last_line_where_nobody_wants_one() {
    for args in [&["-s"][..], &["--json"]] {
        let server = raw(|mut wire| {
            wire.handshake();
            frames(&mut wire)
        });
        let mut pty = Pty::prompt(args, &server.url("/"));
        pty.type_keys("\x04");
        let written = pty.exits(0);
        assert!(!written.contains("closed 1000 after"), "{written:?}");
        server.result();
    }
}

#[test]
fn an_error_does_not_tear_the_line() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        (first, frames(&mut wire))
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/pnig\rhalf a line\x1b[D\x1b[D");
    pty.expect("did you mean /ping?");
    pty.expect_line("half a line", 9);
    pty.type_keys("X\r\x04");
    pty.exits(0);
    assert_eq!(server.result().0, b"half a liXne");
}

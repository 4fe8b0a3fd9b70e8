//! `--record` and `/record`: every event as a line of JSON in a file, whatever is shown and whatever
//! happens to the file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::secrets::{SECRET, forms, places};
use crate::support::pty::Pty;
use crate::support::scripts::{collect, collects, sh};
use crate::support::server::{Frame, Raw, close, frame_of, raw, raws, serve, text};
use crate::support::{PATIENCE, fifo, output, send, wait, wirecat};

/// The name of a file that does not exist yet, in a directory that goes when it is dropped.
fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording.jsonl");
    (directory, path)
}

/// The events in the file, each of which must be a line.
#[track_caller]
fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line:?}")))
        .collect()
}

/// The types of these events, in a line.
fn types(events: &[Value]) -> String {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.collect::<Vec<_>>().join(" ")
}

/// The data of the messages that were received.
fn received(events: &[Value]) -> Vec<&str> {
    let received = events.iter().filter(|event| event["type"] == "receive");
    received
        .map(|event| event["data"].as_str().unwrap())
        .collect()
}

/// A server that sends these frames and a Close 1000 in reply to the first message.
fn answers(frames: &[Vec<u8>]) -> Raw<Option<Frame>> {
    let bytes = [frames.concat(), close(1000, "")].concat();
    raw(move |mut wire| {
        wire.handshake();
        wire.message();
        wire.send(bytes);
        wire.until_close()
    })
}

/// Arguments that record in this file.
fn record<'a>(path: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["--record", path.to_str().unwrap()], more].concat()
}

#[test]
fn every_event_is_recorded_whatever_is_shown() {
    let frames = [text("one"), frame_of(0x82, b"\0\xff"), frame_of(0x89, b"p")];
    let expected = "header connecting open send receive receive ping pong close end";
    let (directory, elsewhere) = file();
    let elsewhere = elsewhere.to_str().unwrap();
    for options in [
        &[][..],
        &["-s"],
        &["-o", elsewhere],
        &["--format", "hex"],
        &["--filter", "false"],
        &["--json"],
        &["-v", "-t"],
    ] {
        let path = directory.path().join("recording");
        let server = answers(&frames);
        let run = wirecat(record(
            &path,
            &[options, &["-d", "hi", &server.url("/x")]].concat(),
        ));
        run.run().exits(0);
        let found = events(&path);
        assert_eq!(types(&found), expected, "{options:?}");
        assert_eq!(received(&found), ["one", "AP8="], "{options:?}");
        assert_eq!(found[0]["url"], server.url("/x"));
        assert_eq!(found.last().unwrap()["received"], 2);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn what_is_recorded_is_what_json_prints() {
    let frames = [
        text("a \"b\" \n\u{85}\u{2028}\u{2029}"),
        frame_of(0x89, b"\xff"),
        frame_of(0x8a, b"unsolicited"),
        frame_of(0x82, b""),
    ];
    let (_directory, path) = file();
    let server = answers(&frames);
    let url = server.url("/?token=abcdefgh");
    let options = [
        "--json",
        "--show-ping-pong",
        "--on-open",
        "first",
        "-d",
        "hi",
        &url,
    ];
    let run = wirecat(record(&path, &options)).run();
    run.exits(0).prints(fs::read(&path).unwrap());
    assert!(run.stdout_text().contains(r"\u0085\u2028\u2029"));
    assert!(!run.stdout_text().contains("abcdefgh"));
}

#[test]
fn a_recording_changes_nothing_that_is_printed() {
    let frames = [text("one"), frame_of(0x82, b"\0\xff")];
    let (_directory, path) = file();
    let plain = answers(&frames);
    let recorded = answers(&frames);
    let plain = wirecat(["-d", "hi", &plain.url("/")]).run();
    let recorded = wirecat(record(&path, &["-d", "hi", &recorded.url("/")])).run();
    recorded.exits(0).prints(&plain.stdout);
    assert_eq!(recorded.stderr, plain.stderr);
}

#[test]
fn each_run_is_appended_with_a_header_of_its_own() {
    let (_directory, path) = file();
    for _ in 0..2 {
        let server = answers(&[text("one")]);
        let run = wirecat(record(&path, &["-d", "hi", &server.url("/")])).run();
        run.exits(0);
    }
    let one = "header connecting open send receive close end";
    assert_eq!(types(&events(&path)), format!("{one} {one}"));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_run_without_a_connection_is_recorded_to_its_end() {
    let (_directory, path) = file();
    let server = raw(|mut wire| {
        wire.request();
        wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    });
    wirecat(record(&path, &["-d", "hi", &server.url("/")]))
        .run()
        .exits(22);
    let found = events(&path);
    assert_eq!(types(&found), "header connecting refused error end");
    assert_eq!(found.last().unwrap()["exit"], 22);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_before_anything_is_done() {
    let (directory, path) = file();
    let missing = path.join("missing");
    for path in [directory.path(), &missing] {
        let run = wirecat(record(path, &["-d", "hi", "ws://127.0.0.1:1/"])).run();
        run.exits(2)
            .complains(&["--record ", path.to_str().unwrap()]);
    }
}

#[test]
fn on_stdout_a_recording_is_alone() {
    let (_directory, path) = file();
    for options in [&[][..], &["-o", "-"]] {
        let run = wirecat([options, &["--record", "-", "-d", "hi", "ws://127.0.0.1:1/"]].concat());
        run.run()
            .exits(2)
            .complains(&["--record -", "--json", "-o FILE"]);
    }
    let server = answers(&[text("one")]);
    let path = path.to_str().unwrap();
    let run = wirecat(["--record", "-", "-o", path, "-d", "hi", &server.url("/")]).run();
    let run = run.exits(0);
    assert!(
        run.stdout_text().starts_with(r#"{"type":"header""#),
        "{run:?}"
    );
    assert!(run.stdout_text().contains(r#""data":"one"}"#), "{run:?}");
    assert_eq!(fs::read_to_string(path).unwrap(), "one\n");
}

#[test]
fn a_recording_to_the_file_that_is_stdout_overwrites_nothing() {
    let (_directory, path) = file();
    let server = answers(&[text("one"), text("two")]);
    let script = r#""$0" --record /dev/stdout -d hi "$1" > "$2""#;
    sh(script, &[&server.url("/"), path.to_str().unwrap()]).exits(0);
    let text = fs::read_to_string(&path).unwrap();
    let (events, messages): (Vec<_>, Vec<_>) = text
        .lines()
        .partition(|line| line.starts_with("{\"type\":"));
    assert_eq!(messages, ["one", "two"], "{text}");
    assert_eq!(events.len(), 8, "{text}");
}

#[test]
fn a_full_disk_is_reported_once_and_ends_nothing() {
    let messages: Vec<_> = (0..20_000).map(|n| text(&format!("message {n}"))).collect();
    let server = answers(&messages);
    let run = wirecat(record(
        Path::new("/dev/full"),
        &["-d", "hi", &server.url("/")],
    ))
    .run();
    run.exits(0)
        .complains(&["recording to /dev/full has stopped: No space left on device"]);
    assert_eq!(run.stderr.matches("/dev/full").count(), 1, "{}", run.stderr);
    assert!(run.stdout_text().ends_with("message 19999\n"));
    let server = answers(&messages);
    let run = wirecat(record(
        Path::new("/dev/full"),
        &["-s", "-d", "hi", &server.url("/")],
    ))
    .run();
    run.exits(0).is_quiet();
}

#[test]
fn a_file_that_may_not_grow_ends_in_a_whole_line() {
    // Lines of every length, so that the limit is within one of them, whatever came before.
    let messages: Vec<_> = (0..4000)
        .map(|n| text(&format!("{n} {}", "x".repeat(n % 97))))
        .collect();
    // POSIX: the unit of ulimit -f is 512 bytes.
    for blocks in [1, 3, 64, 201] {
        let (_directory, path) = file();
        let server = answers(&messages);
        let script = r#"ulimit -f "$3"; exec "$0" --record "$2" -d hi "$1""#;
        let arguments = [
            &server.url("/"),
            path.to_str().unwrap(),
            &blocks.to_string(),
        ];
        let run = sh(script, &arguments);
        run.exits(0).complains(&["has stopped: File too large"]);
        assert_eq!(
            run.stderr.matches("has stopped").count(),
            1,
            "{}",
            run.stderr
        );
        assert_eq!(run.stdout_text().lines().count(), messages.len());
        let found = events(&path);
        let size = fs::metadata(&path).unwrap().len();
        assert!(!found.is_empty() && size <= blocks * 1024, "{size}");
        assert!(size + 300 >= blocks * 512, "{size}");
    }
}

#[test]
fn a_reader_of_the_recording_that_goes_is_reported() {
    let (_directory, path) = fifo();
    let server = raw(|mut wire| {
        wire.handshake();
        let mut last = wire.message();
        while last != b"bye" {
            wire.send(text("x"));
            last = wire.message();
        }
        wire.send(close(1000, ""));
        wire.until_close();
    });
    let mut child = wirecat(record(&path, &[&server.url("/")])).spawn();
    let mut reader = BufReader::new(File::open(&path).unwrap());
    let mut header = String::new();
    reader.read_line(&mut header).unwrap();
    assert!(header.starts_with(r#"{"type":"header""#), "{header}");
    drop(reader);
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"one\ntwo\nbye\n").unwrap();
    drop(stdin);
    let run = output(child);
    run.exits(0).complains(&["has stopped: Broken pipe"]);
    assert_eq!(run.stderr.matches("has stopped").count(), 1);
}

#[test]
fn a_recording_is_finished_after_the_output() {
    let (_directory, path) = fifo();
    let server = answers(&[text("one")]);
    let child = wirecat(record(&path, &["-d", "hi", &server.url("/")])).spawn();
    // Nobody reads the recording until the run is over.
    server.result();
    let recording = fs::read_to_string(&path).unwrap();
    output(child).exits(0).prints("one\n").is_quiet();
    assert_eq!(recording.lines().count(), 7, "{recording}");
    assert!(recording.lines().last().unwrap().contains("\"end\""));
}

#[test]
fn a_killed_run_tears_the_last_line_at_most_and_the_next_one_mends_it() {
    const MESSAGES: usize = 100_000;
    let server = raw(|mut wire| {
        wire.handshake();
        let messages: Vec<u8> = (0..MESSAGES).flat_map(|n| text(&n.to_string())).collect();
        wire.send(messages);
        wire.until_close();
    });
    let (_directory, path) = file();
    let mut child = wirecat(record(&path, &["--on-eof", "stay", &server.url("/")])).spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line.trim() != "30000" {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0);
    }
    send(Signal::SIGKILL, &child);
    wait(&mut child);
    drop(stdout);
    drop(child);
    let text = fs::read_to_string(&path).unwrap();
    let whole = text.rfind('\n').unwrap() + 1;
    let lines: Vec<Value> = text[..whole]
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers = received(&lines);
    assert!(numbers.len() > 1000, "{}", numbers.len());
    assert!(
        numbers
            .iter()
            .enumerate()
            .all(|(n, data)| n.to_string() == *data)
    );
    // As if it had been torn, if it was not.
    fs::write(
        &path,
        [&text[..whole], r#"{"type":"receive","t":1."#].concat(),
    )
    .unwrap();
    let server = answers(&[]);
    wirecat(record(&path, &["-d", "hi", &server.url("/")]))
        .run()
        .exits(0);
    let found = events(&path);
    assert_eq!(found.len(), lines.len() + 6);
}

#[test]
fn a_signal_ends_the_recording_as_it_ends_the_run() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("one"));
        wire.answer_close();
    });
    let (_directory, path) = file();
    let mut child = wirecat(record(&path, &["--on-eof", "stay", &server.url("/")])).spawn();
    let mut first = [0; 4];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    send(Signal::SIGTERM, &child);
    output(child);
    let found = events(&path);
    assert_eq!(received(&found), ["one"]);
    assert_eq!(found.last().unwrap()["exit"], 143);
}

#[test]
fn hostile_payloads_stay_in_their_lines() {
    let payloads = [
        "\x1b]0;title\x07\x1b[2J\x1bP\u{9b}31m",
        "\r\n\u{b}\u{c}\u{85}\u{2028}\u{2029}\0",
        "\u{202e}\u{2066}\u{200d}\u{feff}e\u{301}\u{301}",
        "\"},{\"type\":\"end\"}\\\"",
        "{\"type\":\"end\",\"exit\":0}\n",
    ];
    let mut frames: Vec<_> = payloads.iter().map(|payload| text(payload)).collect();
    frames.push(frame_of(0x82, b"\n\xff\xfe{\"type\":"));
    let (_directory, path) = file();
    let server = answers(&frames);
    wirecat(record(&path, &["-d", "hi", &server.url("/")]))
        .run()
        .exits(0);
    let found = events(&path);
    let data = received(&found);
    assert_eq!(data[..payloads.len()], payloads);
    assert_eq!(data.len(), payloads.len() + 1);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.iter().all(|byte| *byte >= 0x20 || *byte == b'\n'));
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains(['\u{85}', '\u{2028}', '\u{2029}']));
}

#[test]
fn no_secret_is_recorded_wherever_it_was_put() {
    // A header given by hand is redacted where headers are shown, and its value is not searched for.
    let places = places().into_iter().filter(|place| place[0] != "-H");
    for place in places {
        // What the server repeats of it, in a message and in the reason of its Close.
        let server = raw(|mut wire| {
            let request = wire.request();
            wire.accept(&request, "", &[]);
            wire.message();
            wire.send(text(&format!("you said {request} and {SECRET}")));
            wire.send(frame_of(0x82, SECRET.as_bytes()));
            wire.send(close(4001, SECRET));
            wire.until_close();
        });
        let (_directory, path) = file();
        let place: Vec<_> = place.iter().map(String::as_str).collect();
        let url = server.url("/");
        let options = [&place[..], &["-s", "-d", SECRET, &url]].concat();
        wirecat(record(&path, &options)).run().exits(112);
        let found = fs::read_to_string(&path).unwrap();
        assert!(found.contains("[redacted]"), "{place:?}: {found}");
        for form in forms() {
            assert!(!found.contains(&form), "{place:?}: {form} in {found}");
        }
    }
}

#[test]
fn secrets_are_recorded_if_that_is_wanted() {
    let server = answers(&[text(SECRET)]);
    let (_directory, path) = file();
    let url = server.url("/?token=abcdefgh");
    let options = ["--include-secrets", "--token", SECRET, "-d", "hi", &url];
    wirecat(record(&path, &options)).run().exits(0);
    let found = events(&path);
    assert_eq!(received(&found), [SECRET]);
    assert_eq!(found[0]["url"], url);
}

#[test]
fn a_recording_can_be_sent_again() {
    let (_directory, path) = file();
    let first = raw(|mut wire| {
        wire.handshake();
        wire.send([text("received"), frame_of(0x89, b"p")].concat());
        collect(&mut wire)
    });
    let url = first.url("/");
    let options = ["--on-open", "opening", "--on-open", "{}", &url];
    wirecat(record(&path, &options))
        .stdin("one\n\ntwo \\ \"x\"\n")
        .run()
        .exits(0);
    let second = collects();
    let script = r#""$0" --frame events "$1" < "$2""#;
    sh(script, &[&second.url("/"), path.to_str().unwrap()]).exits(0);
    let sent: Vec<_> = second.result().into_iter().map(|(_, data)| data).collect();
    assert_eq!(sent, [&b"one"[..], b"", b"two \\ \"x\""]);
}

#[test]
fn the_prompt_records_from_the_command_line_on() {
    let server = serve();
    let (_directory, path) = file();
    let mut pty = Pty::prompt(&record(&path, &[]), &server.url("/echo"));
    pty.type_keys("hello\r");
    pty.expect("< hello");
    pty.type_keys("/status\r");
    pty.expect("recording to ");
    pty.type_keys("\x04");
    pty.exits(0);
    let found = events(&path);
    assert_eq!(
        types(&found),
        "header connecting open send receive close end"
    );
}

#[test]
fn the_prompt_records_a_connection_that_ends_and_the_next_one() {
    let server = raws(2, |n, mut wire| {
        wire.handshake();
        wire.message();
        match n {
            1 => drop(wire.close(1012, "restart")),
            _ => wire.answer_close(),
        }
    });
    let (_directory, path) = file();
    let options = record(&path, &["--reconnect-delay", "10ms"]);
    let mut pty = Pty::prompt(&options, &server.url("/"));
    let before = pty.bytes().len();
    pty.type_keys("one\r");
    pty.expect_after(before, "restart");
    pty.expect_after(before, "connected to ");
    pty.type_keys("two\r\x04");
    pty.exits(0);
    server.result();
    let found = events(&path);
    assert_eq!(
        types(&found),
        "header connecting open send close retry connecting open send close end"
    );
    let of = |kind: &str, name: &str| -> Vec<Value> {
        let events = found.iter().filter(|event| event["type"] == kind);
        events.map(|event| event[name].clone()).collect()
    };
    assert_eq!(of("close", "by"), ["peer", "us"]);
    assert_eq!(of("retry", "why"), ["close 1012"]);
}

#[test]
fn the_prompt_starts_and_ends_recordings() {
    let server = serve();
    let (directory, path) = file();
    let other = directory.path().join("other");
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    let mut ask = |keys: &str, answer: &str| {
        pty.type_keys(keys);
        pty.expect(answer);
    };
    ask("/record\r", "nothing is recorded");
    ask("before\r", "< before");
    ask("/record missing/recording\r", "No such file");
    ask(&format!("/record {}\r", path.display()), "recording to ");
    ask("first\r", "< first");
    ask(&format!("/record {}\r", other.display()), ": 3 lines");
    ask("second\r", "< second");
    ask("/record off\r", "other: 3 lines");
    ask("after\r", "< after");
    ask("/record off\r", "nothing was recorded");
    pty.type_keys("\x04");
    pty.exits(0);
    for (path, message) in [(path, "first"), (other, "second")] {
        let found = events(&path);
        assert_eq!(types(&found), "header send receive");
        assert_eq!(received(&found), [message]);
        assert_eq!(found[0]["url"], server.url("/echo"));
    }
}

#[test]
fn at_the_prompt_a_full_disk_is_reported_once_and_ends_nothing() {
    let server = serve();
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    pty.type_keys("/record /dev/full\r");
    pty.expect("recording to /dev/full has stopped: No space left on device");
    pty.type_keys("hello\r");
    pty.expect("< hello");
    pty.type_keys("/record\r");
    pty.expect("nothing is recorded");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert_eq!(written.matches("has stopped").count(), 1, "{written:?}");
}

#[test]
fn the_prompt_leaves_the_terminal_before_it_waits_for_a_reader() {
    let server = serve();
    let (_directory, path) = fifo();
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    pty.type_keys(&format!("/record {}\r", path.display()));
    pty.expect("recording to ");
    pty.type_keys("hello\r");
    pty.expect("< hello");
    pty.type_keys("\x04");
    let start = Instant::now();
    while &pty.settings() != pty.settings_before() {
        assert!(start.elapsed() < PATIENCE, "{:?}", pty.settings());
        std::thread::yield_now();
    }
    let recording = fs::read_to_string(&path).unwrap();
    pty.exits(0);
    assert_eq!(recording.lines().count(), 5, "{recording}");
}

#[test]
fn nothing_is_created_where_the_command_line_is_wrong() {
    let (_directory, path) = file();
    let run = wirecat(record(&path, &["--until", ")", "ws://127.0.0.1:1/"])).run();
    run.exits(2);
    assert!(!path.exists());
}

//! The endpoints for clients that reconnect: byte by byte where the wire matters, and with the program
//! itself where it has to survive being killed.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wirecat::internals::serve::Options;

use crate::serve::{Server, Wire, handshake, has, header, masked, plain, stops_reading, upgrade};
use crate::support::server::{serve, serve_with};
use crate::support::{PATIENCE, WIRECAT, output, wirecat};

/// The status of the answer to a handshake.
#[track_caller]
fn status(server: &Server, path: &str) -> u16 {
    let (head, _) = server.ask(&handshake(path));
    head["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    masked(0x81, payload.as_ref())
}

impl Wire {
    #[track_caller]
    fn expect_text(&mut self, payload: &str) {
        self.expect(plain(0x81, payload.as_bytes()));
    }

    /// Sends a text message and gets it back.
    #[track_caller]
    fn echoes(&mut self, payload: &str) {
        self.write(text(payload));
        self.expect_text(payload);
    }

    /// The end of the stream by a TCP reset.
    #[track_caller]
    fn expect_reset(&mut self) {
        let error = self.0.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    /// A Close in the client's name, its answer, and the end.
    #[track_caller]
    fn close(&mut self) {
        self.write(masked(0x88, b"\x03\xe8"));
        self.expect_close(1000, "");
        self.expect_end();
    }
}

#[test]
fn a_flaky_endpoint_counts_refusals_per_url() {
    let server = Server::start();
    let (head, body) = server.ask(&handshake("/flaky?fail=2&id=a"));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    has(&head, "Retry-After", "1");
    assert_eq!(body, "503 Service Unavailable\n");
    assert_eq!(status(&server, "/flaky?fail=2&id=b&status=429"), 429);
    assert_eq!(status(&server, "/flaky?fail=2&id=a"), 503);
    server.open("/flaky?fail=2&id=a").echoes("hello");
    server.open("/flaky?fail=2&id=a").echoes("again");
    let (head, _) = server.ask(&handshake("/flaky?retry-after=date"));
    let date = header(&head, "Retry-After").unwrap();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
}

#[test]
fn a_seed_gives_the_same_numbers_again() {
    let drawn = |seed| {
        let server = Server::start_with(Options {
            seed: Some(seed),
            ..Options::default()
        });
        let refusals = |id: &str| {
            let path = format!("/flaky?fail=0-30&id={id}");
            (0..).find(|_| status(&server, &path) == 101).unwrap()
        };
        ["a", "b", "c", "d"].map(refusals)
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn a_range_is_drawn_from_for_each_connection() {
    let server = Server::start();
    let length = || {
        let mut wire = server.open("/close/4000?after=1-40");
        let mut count = 0;
        loop {
            wire.write(text("x"));
            match wire.take(1)[0] {
                0x81 => assert_eq!(wire.take(2), [1, b'x']),
                0x88 => return count,
                other => panic!("{other:x}"),
            }
            count += 1;
        }
    };
    let lengths: Vec<usize> = (0..12).map(|_| length()).collect();
    assert!(lengths.iter().all(|length| (1..=40).contains(length)));
    assert!(lengths.iter().any(|length| *length != lengths[0]));
}

#[test]
fn a_drop_ends_as_requested() {
    let server = Server::start();
    let mut wire = server.open("/drop?after=2");
    wire.echoes("one");
    wire.echoes("two");
    wire.expect_end();

    server.open("/drop").expect_end();

    let mut wire = server.open("/drop?after=1&how=rst");
    wire.echoes("one");
    wire.expect_reset();

    server.open("/drop?how=rst").expect_reset();

    let mut wire = server.open("/drop?after=1&how=close:4000&reason=bye");
    wire.echoes("one");
    wire.expect_close(4000, "bye");
    wire.answer_close();
}

#[test]
fn a_drop_may_truncate_a_frame() {
    let server = Server::start();
    for (part, bytes) in [
        (1, &b"\x81"[..]),
        (5, b"\x81\x05xxx"),
        (130, &[&b"\x81\x7e\x00\x82"[..], &[b'x'; 126]].concat()),
    ] {
        let mut wire = server.open(&format!("/drop?after=1&part={part}"));
        wire.echoes("one");
        wire.expect(bytes);
        wire.expect_end();
        let mut wire = server.open(&format!("/drop?how=rst&part={part}"));
        wire.expect(bytes);
        wire.expect_reset();
    }
}

#[test]
fn a_cut_is_logged_as_such() {
    let mut server = Server::start();
    server.open("/drop").expect_end();
    server.open("/drop?how=rst").expect_reset();
    server.join();
    let lines = server.lines().join("\n");
    for how in ["ended", "reset"] {
        let told =
            format!("lost: 1006 (abnormal closure) {how} by the server, as this endpoint does");
        assert!(lines.contains(&told), "{lines}");
    }
}

#[test]
fn a_frozen_connection_does_nothing_until_it_ends() {
    let mut server = Server::start();
    let mut short = server.open("/freeze?after=1&for=100ms");
    short.echoes("one");
    short.write([text("two"), masked(0x89, b"?"), masked(0x88, b"\x03\xe8")].concat());
    short.expect_end();
    let mut long = server.open("/freeze");
    long.write([text("one"), masked(0x89, b"?")].concat());
    server.ask_to_stop();
    long.expect_end();
}

fn with_token(path: &str, token: &str) -> String {
    let lines = format!("Sec-WebSocket-Version: 13\r\nAuthorization: {token}\r\n");
    upgrade(&format!("GET {path}"), &lines)
}

#[track_caller]
fn open_with(server: &Server, request: &str) -> Wire {
    let mut wire = server.tcp();
    wire.write(request);
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire
}

#[test]
fn a_token_expires_in_every_place() {
    let server = Server::start();
    let mut wire = open_with(&server, &with_token("/expire?token-ttl=1h", "Bearer old"));
    wire.echoes("young");
    // The same token, in other places and for a shorter time.
    let mut wire = open_with(&server, &with_token("/expire?token-ttl=1ms", "Bearer old"));
    wire.expect_close(4401, "token expired");
    wire.answer_close();
    let mut wire = server.open("/expire?token-ttl=0&token=old");
    wire.expect_close(4401, "token expired");
    wire.answer_close();
    let mut wire = server.open("/expire?token-ttl=0&via=message");
    wire.write(text(r#"{"event":"token","data":"old"}"#));
    wire.expect_close(4401, "token expired");
    wire.answer_close();
    // A new one, which becomes old in use.
    let mut wire = server.open("/expire?token-ttl=150ms&token=new");
    wire.expect_close(4401, "token expired");
    wire.answer_close();
    server.open("/expire?token=newer").echoes("young");
}

#[test]
fn a_token_is_required_and_its_message_is_not_echoed() {
    let server = Server::start();
    let (head, body) = server.ask(&handshake("/expire"));
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    has(&head, "WWW-Authenticate", "Bearer realm=\"wirecat\"");
    assert!(body.contains("via=message"), "{body}");
    let mut wire = server.open("/expire?via=message&token-ttl=1h");
    wire.write(text(r#"{"event":"token","data":"secret"}"#));
    wire.echoes("hello");
    let mut wire = server.open("/expire?via=message");
    wire.write(text("hello"));
    wire.expect_close(4401, "the first message is not a token");
    wire.answer_close();
}

#[test]
fn tokens_are_not_logged() {
    let mut server = Server::start();
    open_with(&server, &with_token("/expire", "Bearer hunter2")).close();
    server.open("/expire?token=hunter2&x=y").close();
    let mut wire = server.open("/expire?via=message");
    wire.write(text(r#"{"event":"token","data":"hunter2"}"#));
    wire.close();
    server.join();
    let lines = server.lines().join("\n");
    assert!(!lines.contains("hunter2"), "{lines}");
    assert!(
        lines.contains("GET /expire?token=[redacted]&x=y -> 101"),
        "{lines}"
    );
}

fn numbered(id: u64) -> String {
    format!(r#"{{"id":{id},"data":"message {id}"}}"#)
}

#[test]
fn a_sequence_continues_after_an_id() {
    let server = Server::start();
    for (path, first) in [
        ("/seq?count=3&rate=0", 1),
        ("/seq?count=3&after=&rate=1000", 1),
        ("/seq?count=3&after=2", 3),
        ("/seq?count=3&after=9", 4),
    ] {
        let mut wire = server.open(path);
        for id in first..=3 {
            wire.expect_text(&numbered(id));
        }
        wire.expect_close(1000, "");
        wire.answer_close();
    }
}

#[test]
fn the_first_message_may_set_the_start_of_a_sequence() {
    let server = Server::start();
    for (message, first) in [
        (r#"{"after":7}"#, 8),
        (r#"{"type":"resume","after":"7"}"#, 8),
        (r#"{"after":null}"#, 1),
        ("hello", 3),
    ] {
        let mut wire = server.open("/seq?count=9&after=2&via=message&rate=0");
        wire.write(text(message));
        for id in first..=9 {
            wire.expect_text(&numbered(id));
        }
        wire.expect_close(1000, "");
        wire.answer_close();
    }
    let mut wire = server.open("/seq?via=message");
    wire.write(text(r#"{"after":"seven"}"#));
    wire.expect_close(1008, "the member \"after\" must be a number");
    wire.answer_close();
}

#[test]
fn a_sequence_is_dropped_after_n_messages() {
    let server = Server::start();
    let mut wire = server.open("/seq?for=2&how=rst&after=4&rate=0");
    wire.expect_text(&numbered(5));
    wire.expect_text(&numbered(6));
    wire.expect_reset();
    let mut wire = server.open("/seq?for=2&part=1&rate=0");
    wire.expect_text(&numbered(1));
    wire.expect_text(&numbered(2));
    wire.expect([0x81]);
    wire.expect_end();
    // The last message is the end, also where the drop would come with it.
    let mut wire = server.open("/seq?for=2&count=2&rate=0");
    wire.expect_text(&numbered(1));
    wire.expect_text(&numbered(2));
    wire.expect_close(1000, "");
    wire.answer_close();
}

#[test]
fn a_sequence_reads_while_it_waits_and_keeps_its_rate() {
    let server = Server::start();
    let mut wire = server.open("/seq?rate=0.001");
    wire.expect_text(&numbered(1));
    wire.write([text(r#"{"after":5}"#), masked(0x89, b"?")].concat());
    wire.expect(plain(0x8a, b"?"));
    wire.close();
    let start = Instant::now();
    let mut wire = server.open("/seq?rate=20");
    for id in 1..=5 {
        wire.expect_text(&numbered(id));
    }
    assert!(start.elapsed() >= Duration::from_millis(4 * 50));
}

/// Enough messages for many batches, and a Close that is noticed among them.
#[test]
fn a_sequence_without_a_limit_is_as_fast_as_it_is_read() {
    let server = Server::start();
    let mut wire = server.open("/seq?rate=0");
    for id in 1..=20_000 {
        wire.expect_text(&numbered(id));
    }
    wire.write(masked(0x88, b"\x03\xe8"));
    let mut rest = Vec::new();
    wire.0.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&plain(0x88, b"\x03\xe8")));
}

fn ack(number: &str, total: u64) -> String {
    format!(r#"{{"ack":{number},"total":{total}}}"#)
}

/// A request without an upgrade, and the body of its answer, which must have this status.
#[track_caller]
fn request(server: &Server, line: &str, status: &str) -> String {
    let (head, body) = server.ask(&format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{line}: {head}"
    );
    body
}

#[track_caller]
fn ledger(server: &Server) -> String {
    request(server, "GET /ledger", "200")
}

#[test]
fn a_ledger_acknowledges_and_shows_what_arrived() {
    let server = Server::start();
    let mut wire = server.open("/ledger");
    let mut other = server.open("/ledger");
    wire.write([text("7"), text(r#"{"seq":8}"#), masked(0x82, b"\xff\n")].concat());
    wire.expect_text(&ack("7", 1));
    wire.expect_text(&ack("8", 2));
    wire.expect_text(&ack("null", 3));
    other.write(text("two\nlines\\"));
    other.expect_text(&ack("null", 4));
    assert_eq!(
        ledger(&server),
        "7\n{\"seq\":8}\n\\xff\\n\ntwo\\nlines\\\\\n"
    );
    assert_eq!(
        request(&server, "GET /ledger?format=json", "200"),
        "{\"conn\":1,\"opcode\":1,\"data\":\"7\"}\n\
         {\"conn\":1,\"opcode\":1,\"data\":\"{\\\"seq\\\":8}\"}\n\
         {\"conn\":1,\"opcode\":2,\"encoding\":\"base64\",\"data\":\"/wo=\"}\n\
         {\"conn\":2,\"opcode\":1,\"data\":\"two\\nlines\\\\\"}\n"
    );
    assert_eq!(request(&server, "DELETE /ledger", "204"), "");
    assert_eq!(ledger(&server), "");
    wire.write(text("9"));
    wire.expect_text(&ack("9", 1));
    wire.close();
    assert_eq!(ledger(&server), "9\n");
    request(&server, "POST /ledger", "405");
    request(&server, "GET /ledger?format=xml", "400");
}

#[test]
fn a_ledger_in_json_is_one_line_per_message_for_every_reader() {
    let server = Server::start();
    let mut wire = server.open("/ledger");
    wire.write(text("a\u{85}b\u{2028}c\u{2029}"));
    wire.expect_text(&ack("null", 1));
    assert_eq!(
        request(&server, "GET /ledger?format=json", "200"),
        "{\"conn\":1,\"opcode\":1,\"data\":\"a\\u0085b\\u2028c\\u2029\"}\n"
    );
}

#[test]
fn a_ledger_answers_pings_in_their_place() {
    let server = Server::start();
    let mut wire = server.open("/ledger");
    wire.write(
        [
            masked(0x89, b"a"),
            text("1"),
            masked(0x8a, b"no ping"),
            masked(0x89, b"b"),
            text("2"),
            masked(0x89, b"c"),
            masked(0x89, b"d"),
        ]
        .concat(),
    );
    wire.expect(plain(0x8a, b"a"));
    wire.expect_text(&ack("1", 1));
    wire.expect(plain(0x8a, b"b"));
    wire.expect_text(&ack("2", 2));
    wire.expect(plain(0x8a, b"c"));
    wire.expect(plain(0x8a, b"d"));
    wire.close();
}

#[test]
fn a_quiet_ledger_answers_nothing_but_pings() {
    let server = Server::start();
    let mut wire = server.open("/ledger?ack=no");
    wire.write([text("1").repeat(1000), masked(0x89, b"?")].concat());
    wire.expect(plain(0x8a, b"?"));
    assert_eq!(ledger(&server), "1\n".repeat(1000));
    // What comes before a Close counts, too.
    wire.write([text("2"), masked(0x88, b"\x03\xe8")].concat());
    wire.expect_close(1000, "");
    wire.expect_end();
    assert!(ledger(&server).ends_with("1\n2\n"));
}

#[test]
fn a_slow_ledger_takes_its_time_for_each_message() {
    let server = Server::start();
    let mut wire = server.open("/ledger?delay=50ms");
    let start = Instant::now();
    wire.write([text("1"), text("2"), text("3")].concat());
    for number in 1..=3 {
        wire.expect_text(&ack(&number.to_string(), number));
        let least = Duration::from_millis(50) * u32::try_from(number).unwrap();
        assert!(start.elapsed() >= least);
    }
}

#[test]
fn a_ledger_stops_reading_when_its_answers_are_not_read() {
    stops_reading("/ledger", &text("1").repeat(8000));
    stops_reading("/ledger?ack=no", &masked(0x89, &[7; 125]).repeat(500));
}

#[test]
fn a_large_ledger_comes_in_pages() {
    let server = Server::start();
    let mut wire = server.open("/ledger");
    for number in 1..=3 {
        wire.write(masked(0x82, &vec![0xff; 1 << 20]));
        wire.expect_text(&ack("null", number));
    }
    let mut wire = server.tcp();
    wire.write("GET /ledger HTTP/1.0\r\n\r\n");
    assert!(wire.head().starts_with("HTTP/1.0 200 "));
    let mut shown = String::new();
    wire.0.read_to_string(&mut shown).unwrap();
    assert!(shown == format!("{}\n", "\\xff".repeat(1 << 20)).repeat(3));
}

#[test]
#[ignore = "slow: a ledger is filled"]
fn a_full_ledger_is_reported() {
    let server = Server::start();
    let mut wire = server.open("/ledger?ack=no");
    let megabytes = masked(0x82, &vec![0xff; 63 << 20]);
    for _ in 0..4 {
        wire.write(&megabytes);
    }
    wire.write([masked(0x89, b"4"), masked(0x82, &vec![0; 5 << 20])].concat());
    wire.write(masked(0x89, b"5"));
    wire.expect(plain(0x8a, b"4"));
    wire.expect_close(1013, "the ledger is full");
    wire.answer_close();
    request(&server, "DELETE /ledger", "204");
    server.open("/ledger").close();
}

fn kept_in(path: &Path) -> Options {
    Options {
        ledger: Some(path.to_owned()),
        ..Options::default()
    }
}

#[test]
fn a_ledger_file_is_read_back_and_its_torn_line_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    std::fs::write(&path, "one\ntwo\\nlines\ntor").unwrap();
    let mut server = Server::start_with(kept_in(&path));
    assert_eq!(ledger(&server), "one\ntwo\\nlines\n");
    let mut wire = server.open("/ledger");
    wire.write([text("3"), masked(0x82, b"\x00")].concat());
    wire.expect_text(&ack("3", 3));
    wire.expect_text(&ack("null", 4));
    wire.close();
    server.join();
    let told = format!(
        "ledger {}: the last line was torn, its 3 bytes were cut off",
        path.display()
    );
    assert_eq!(server.lines()[0], told);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "one\ntwo\\nlines\n3\n\\x00\n"
    );
    let server = Server::start_with(kept_in(&path));
    assert_eq!(ledger(&server), "one\ntwo\\nlines\n3\n\\x00\n");
    request(&server, "DELETE /ledger", "204");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn an_unusable_ledger_file_is_an_error_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    wirecat(["serve", "0", "--ledger", name])
        .run()
        .exits(2)
        .prints("")
        .complains(&["cannot use the ledger", name]);
}

/// No pong for a ping whose messages were lost, and no Close that says all is well.
#[cfg(target_os = "linux")]
#[test]
fn a_ledger_that_cannot_be_written_does_not_acknowledge() {
    let mut server = Server::start_with(kept_in(Path::new("/dev/full")));
    let mut wire = server.open("/ledger");
    wire.write([text("1"), masked(0x89, b"?")].concat());
    let why = "the ledger cannot be written: No space left on device";
    wire.expect_close(1011, why);
    wire.answer_close();
    let mut wire = server.open("/ledger");
    wire.write([text("1"), masked(0x88, b"\x03\xe8")].concat());
    wire.expect_close(1011, why);
    wire.expect_end();
    drop(wire);
    assert_eq!(ledger(&server), "");
    server.join();
    let told = format!(" closed by server: 1011 (internal error) \"{why}\"");
    let lines = server.brief_lines();
    let lines = lines.iter().filter(|line| line.ends_with(&told));
    assert_eq!(lines.count(), 2, "{:?}", server.lines());
}

/// A WebSocket to the ledger of a server in a process of its own.
fn open_ledger(address: &str) -> Wire {
    let mut wire = connect(address);
    wire.write(handshake("/ledger"));
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire
}

#[test]
fn a_ledger_file_is_locked_by_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let name = path.to_str().unwrap();
    let (mut first, address) = start(&path);
    let mut wire = open_ledger(&address);
    wire.write(text("1"));
    wire.expect_text(&ack("1", 1));
    // /proc/locks is not everywhere.
    let who = match Path::new("/proc/locks").exists() {
        true => format!("process {}", first.id()),
        false => "another process".to_owned(),
    };
    let told = format!("wirecat: cannot use the ledger {name}: {who} is using it\n");
    wirecat(["serve", "0", "--ledger", name])
        .run()
        .exits(2)
        .prints("")
        .complains(&[&told]);
    wire.write(text("2"));
    wire.expect_text(&ack("2", 2));
    first.kill().unwrap();
    first.wait().unwrap();
    let (mut second, address) = start(&path);
    let mut wire = open_ledger(&address);
    wire.write(text("3"));
    wire.expect_text(&ack("3", 3));
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_keeps_earlier_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    // Files of a few KiB stand for the disk.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut server = std::process::Command::new("sh")
        .args(["-c", limited, WIRECAT, "serve", "0", "--ledger"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let address = address_of(&mut server);
    let message = "x".repeat(100);
    let mut wire = open_ledger(&address);
    let mut count = 0;
    let why = "the ledger cannot be written: File too large";
    loop {
        wire.write(text(&message));
        let head = wire.take(2);
        if head[0] == 0x88 {
            let payload = wire.take(usize::from(head[1]));
            assert_eq!(payload, [b"\x03\xf3", why.as_bytes()].concat());
            break;
        }
        count += 1;
        let answer = wire.take(usize::from(head[1]));
        assert_eq!(answer, ack("null", count).as_bytes());
    }
    wire.answer_close();
    assert!(count > 10, "{count}");
    // What still fits is still taken, and stands behind what was there.
    let mut wire = open_ledger(&address);
    wire.write(text("7"));
    wire.expect_text(&ack("7", count + 1));
    kill(Pid::from_raw(server.id().cast_signed()), Signal::SIGTERM).unwrap();
    let told = format!("closed by server: 1011 (internal error) \"{why}\"; /ledger, ");
    output(server).exits(0).complains(&[&told]);
    let expected = format!("{message}\n").repeat(count as usize) + "7\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn the_endpoints_work_with_compression() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let server = serve_with(kept_in(&path));
    wirecat([
        "--count",
        "2",
        "--format",
        "line",
        "-d",
        "{\"n\":1,\"text\":\"what is, is, and what is not, is not\"}",
        "-d",
        "a\tb",
        &server.url("/ledger"),
    ])
    .run()
    .exits(0)
    .prints("{\"ack\":1,\"total\":1}\n{\"ack\":null,\"total\":2}\n");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"n\":1,\"text\":\"what is, is, and what is not, is not\"}\na\\x09b\n"
    );
    let server = serve();
    wirecat([server.url("/seq?count=3&rate=0")])
        .run()
        .exits(0)
        .prints(format!(
            "{}\n{}\n{}\n",
            numbered(1),
            numbered(2),
            numbered(3)
        ));
    wirecat(["-d", "x", &server.url("/drop?after=1&part=9")])
        .run()
        .exits(56)
        .prints("x\n");
}

/// A server as a child, and where it listens.
fn start(ledger: &Path) -> (Child, String) {
    let ledger = ledger.to_str().unwrap();
    let mut child = wirecat(["serve", "0", "-s", "--ledger", ledger]).spawn();
    let address = address_of(&mut child);
    (child, address)
}

/// What a server announces.
fn address_of(child: &mut Child) -> String {
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ws://");
    address.unwrap().to_owned()
}

fn connect(address: &str) -> Wire {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Wire(stream)
}

/// The numbers that arrived as acknowledgements, until the connection broke; `enough` is called at
/// each of them.
fn acknowledged(wire: Wire, mut enough: impl FnMut(usize)) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut stream = BufReader::new(wire.0);
    let mut head = [0; 2];
    while stream.read_exact(&mut head).is_ok() {
        let mut payload = vec![0; usize::from(head[1])];
        if stream.read_exact(&mut payload).is_err() {
            break;
        }
        let ack: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        numbers.push(ack["ack"].to_string());
        enough(numbers.len());
    }
    numbers
}

#[test]
fn acknowledged_messages_survive_a_killed_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let (mut child, address) = start(&path);
    let mut wire = connect(&address);
    wire.write(handshake("/ledger"));
    wire.head();
    let mut writer = wire.0.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for first in (0..).step_by(100) {
            let numbers = (first..first + 100).flat_map(|number: u64| text(number.to_string()));
            // Until the server is gone.
            if writer.write_all(&numbers.collect::<Vec<_>>()).is_err() {
                return;
            }
        }
    });
    let numbers = acknowledged(wire, |count| {
        if count == 3000 {
            child.kill().unwrap();
        }
    });
    child.wait().unwrap();
    sender.join().unwrap();
    assert!(numbers.len() >= 3000);
    assert!(
        (0..)
            .zip(&numbers)
            .all(|(at, number): (u64, _)| at.to_string() == *number)
    );
    let kept = std::fs::read_to_string(&path).unwrap();
    let expected: String = numbers.iter().map(|number| format!("{number}\n")).collect();
    assert!(kept.starts_with(&expected));

    let (mut child, address) = start(&path);
    let mut wire = connect(&address);
    wire.write("GET /ledger HTTP/1.0\r\n\r\n");
    assert!(wire.head().starts_with("HTTP/1.0 200 "));
    let mut shown = String::new();
    wire.0.read_to_string(&mut shown).unwrap();
    assert!(shown.starts_with(&expected));
    let whole = kept.rfind('\n').map_or(0, |at| at + 1);
    assert!(shown == kept[..whole]);
    child.kill().unwrap();
    child.wait().unwrap();
}

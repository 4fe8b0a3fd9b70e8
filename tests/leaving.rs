//! Leaving: by Ctrl-C, Ctrl-D, a command, a condition or a signal, in every state of a run.
//!
//! Where the server has to be waited for there is a minute to wait ([`SLOW`]), which no test
//! outlives: a test that ends has ended at once.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::Signal;

use crate::support::pty::Pty;
use crate::support::server::{Raw, Wire, frame_of, raws, text};
use crate::support::{make_fifo, send, wait, wirecat};

/// Waits that no test outlives.
const SLOW: [&str; 5] = [
    "--close-timeout=10m",
    "--connect-timeout=10m",
    "--reconnect-delay=10m",
    "--reconnect-max-delay=10m",
    "--reconnect-jitter=none",
];

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Code(i32),
    Signal(Signal),
}
use End::Code;

const INTERRUPTED: End = End::Signal(Signal::SIGINT);
const TERMINATED: End = End::Signal(Signal::SIGTERM);

#[track_caller]
fn assert_ended(status: ExitStatus, end: End, what: impl fmt::Debug) {
    match end {
        Code(code) => assert_eq!(status.code(), Some(code), "{what:?}"),
        End::Signal(signal) => assert_eq!(status.signal(), Some(signal as i32), "{what:?}"),
    }
}

/// A server that serves its connections by `script` and then stays without a word until it is
/// dropped.
struct Silent {
    server: Option<Raw<Vec<()>>>,
    done: Option<mpsc::Sender<()>>,
    /// A connection has got to where the script ends.
    reached: mpsc::Receiver<()>,
}

fn silent(connections: usize, script: impl Fn(usize, &mut Wire) + Send + Sync + 'static) -> Silent {
    let (done, over) = mpsc::channel::<()>();
    let (tell, reached) = mpsc::channel();
    let server = raws(connections, move |n, mut wire| {
        script(n, &mut wire);
        let _ = tell.send(());
        if n == connections {
            let _ = over.recv();
        }
    });
    Silent {
        server: Some(server),
        done: Some(done),
        reached,
    }
}

impl Silent {
    fn url(&self) -> String {
        self.server.as_ref().unwrap().url("/")
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        drop(self.done.take());
        let result = self.server.take().unwrap();
        if !thread::panicking() {
            result.result();
        }
    }
}

/// What a person or another process does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Keys(&'static str),
    Kill(Signal),
}
use Act::{Keys, Kill};

const CTRL_C: Act = Keys("\x03");
const CTRL_C_TWICE: Act = Keys("\x03\x03");
const CTRL_D: Act = Keys("\x04");
const QUIT: Act = Keys("/quit\r");
const SIGTERM: Act = Kill(Signal::SIGTERM);

/// Brings a prompt into a state, acts, and sees how it ends; for every act anew.
#[track_caller]
fn at_the_prompt(state: &str, reach: impl Fn() -> (Pty, Silent), acts: &[(Act, End)]) {
    for (act, end) in acts {
        let (mut pty, server) = reach();
        match act {
            Keys(keys) => pty.type_keys(keys),
            Kill(signal) => pty.signal(*signal),
        }
        let (status, written) = pty.end();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert_ended(status, *end, (state, act, written));
        drop(server);
    }
}

/// A prompt whose Close, sent for `keys`, is not answered.
fn closing(keys: &'static str) -> impl Fn() -> (Pty, Silent) {
    move || {
        let server = silent(1, |_, wire| {
            wire.handshake();
            wire.until_close().unwrap();
        });
        let mut pty = Pty::prompt(&SLOW, &server.url());
        pty.type_keys(keys);
        server.reached.recv().unwrap();
        pty.expect("wait> ");
        (pty, server)
    }
}

#[test]
fn the_wait_for_an_answer_to_a_close_can_be_skipped() {
    for keys in ["/reconnect\r", "\x04", "/close 4000 bye\r", "/quit\r"] {
        at_the_prompt(
            keys,
            closing(keys),
            &[
                (CTRL_C, INTERRUPTED),
                (CTRL_C_TWICE, INTERRUPTED),
                (CTRL_D, Code(0)),
                (QUIT, Code(0)),
                (Keys("half a line\x03\x03"), INTERRUPTED),
                (SIGTERM, TERMINATED),
            ],
        );
    }
}

#[test]
fn local_commands_work_while_a_close_is_awaited() {
    let (mut pty, server) = closing("/reconnect\r")();
    for (keys, words) in [
        ("/status\r", "closing: ws://"),
        ("/help\r", "/quit"),
        ("hello\r", "not sent: the connection is being closed"),
        ("/queue one\r", "kept: 1 message\r"),
    ] {
        pty.type_keys(keys);
        pty.expect(words);
    }
    pty.type_keys("\x04");
    let written = pty.exits(1);
    assert!(written.contains("1 message was not sent"), "{written:?}");
    drop(server);
}

#[test]
fn reconnecting_twice_does_not_wait_for_the_server() {
    let server = silent(2, |n, wire| {
        wire.handshake();
        if n == 1 {
            wire.until_close().unwrap();
        } else {
            assert_eq!(wire.message(), b"one");
            wire.send(text("welcome back"));
        }
    });
    let mut pty = Pty::prompt(&SLOW, &server.url());
    pty.type_keys("/reconnect\r");
    server.reached.recv().unwrap();
    pty.type_keys("/queue one\r/reconnect\r");
    pty.expect("< welcome back");
    pty.type_keys("\x04\x04");
    pty.exits(0);
}

#[test]
fn quitting_a_prompt_works_without_a_connection() {
    let lost = || {
        let server = silent(1, |_, wire| {
            wire.handshake();
            wire.send(frame_of(0x88, b"\x03\xf4"));
            wire.until_close();
        });
        let pty = Pty::start(&[&SLOW[..], &[&server.url()]].concat());
        pty.expect("down> ");
        (pty, server)
    };
    let again = || {
        let server = silent(2, |n, wire| {
            if n == 1 {
                wire.handshake();
                wire.send(frame_of(0x88, b"\x03\xf4"));
                wire.until_close();
            } else {
                wire.request();
            }
        });
        let mut pty = Pty::start(&[&SLOW[..], &[&server.url()]].concat());
        pty.expect("down> ");
        pty.type_keys("/reconnect\r");
        server.reached.recv().unwrap();
        server.reached.recv().unwrap();
        (pty, server)
    };
    let acts = [
        (CTRL_C_TWICE, Code(0)),
        (CTRL_D, Code(0)),
        (QUIT, Code(0)),
        (SIGTERM, TERMINATED),
    ];
    at_the_prompt("down", lost, &acts);
    at_the_prompt("connecting again", again, &acts);
}

#[test]
fn the_first_connection_attempt_can_be_abandoned() {
    let first = || {
        let server = silent(1, |_, wire| drop(wire.request()));
        let pty = Pty::start(&[&SLOW[..], &[&server.url()]].concat());
        server.reached.recv().unwrap();
        (pty, server)
    };
    let acts = [
        (CTRL_C, INTERRUPTED),
        (CTRL_C_TWICE, INTERRUPTED),
        (SIGTERM, TERMINATED),
    ];
    at_the_prompt("connecting", first, &acts);
}

/// A prompt with a socket that is full, and two lines that wait.
fn full(url: &str) -> (Pty, tempfile::NamedTempFile) {
    let big = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&big, vec![0; 32 << 20]).unwrap();
    let mut pty = Pty::prompt(&SLOW, url);
    let path = big.path().display();
    pty.type_keys(&format!("/bin @{path}\rone\rtwo\r/status\r"));
    pty.expect("2 kept");
    (pty, big)
}

#[test]
fn a_full_socket_does_not_block_quitting_the_prompt() {
    let reach = || {
        let server = silent(1, |_, wire| drop(wire.handshake()));
        let (pty, _) = full(&server.url());
        (pty, server)
    };
    at_the_prompt(
        "full",
        reach,
        &[
            // Ctrl-D waits for the socket, a second one for a second, a third for nothing.
            (Keys("\x04\x04"), Code(28)),
            (Keys("\x04\x04\x04"), Code(1)),
            (Keys("\x04\x03"), INTERRUPTED),
            (Keys("\x03\x03\x03"), INTERRUPTED),
            (Keys("/reconnect\r\x04"), Code(1)),
            (SIGTERM, TERMINATED),
        ],
    );
}

#[test]
fn a_request_to_quit_survives_the_loss_of_the_connection() {
    for keys in ["\x04", "\x03\x03", "/quit\r", "/close 4000\r"] {
        let (lose, losing) = mpsc::channel::<()>();
        let server = raws(1, move |_, mut wire| {
            wire.handshake();
            losing.recv().unwrap();
            wire.reset();
        });
        let (mut pty, _) = full(&server.url("/"));
        pty.type_keys(keys);
        pty.expect("waiting for the server to take what was sent");
        lose.send(()).unwrap();
        let written = pty.exits(55);
        assert!(written.contains("3 messages were not sent"), "{written:?}");
        assert!(!written.contains("retry 1 in"), "{written:?}");
        server.result();
    }
}

/// Sends a message and ends the connection in one go.
fn says_and_goes(wire: &mut Wire) {
    wire.handshake();
    wire.send([text("1"), frame_of(0x88, b"\x03\xf4")].concat());
    wire.until_close();
}

#[test]
fn a_met_condition_survives_the_loss_of_the_connection() {
    for condition in ["--count=1", "--until=true"] {
        let server = silent(1, |_, wire| says_and_goes(wire));
        let args = [&SLOW[..], &[condition]].concat();
        let pty = Pty::start(&[&args[..], &[&server.url()]].concat());
        pty.exits(0);
        drop(server);

        let server = silent(1, |_, wire| says_and_goes(wire));
        let url = server.url();
        let args = [&SLOW[..], &["--reconnect", condition, &url]].concat();
        wirecat(args).run().exits(0).prints("1\n");
    }
}

#[test]
fn a_closed_output_survives_the_loss_of_the_connection() {
    let (close, closed) = mpsc::channel::<()>();
    let closed = std::sync::Mutex::new(closed);
    let server = silent(1, move |_, wire| {
        wire.handshake();
        wire.send(text("only"));
        closed.lock().unwrap().recv().unwrap();
        wire.send(frame_of(0x88, b"\x03\xf4"));
        wire.until_close();
    });
    let url = server.url();
    let mut child = wirecat([&SLOW[..], &["--reconnect", &url]].concat()).spawn();
    let mut line = [0; 5];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut line).unwrap();
    drop(stdout);
    close.send(()).unwrap();
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
}

#[test]
fn the_end_of_the_input_survives_the_loss_of_the_connection() {
    let server = silent(1, |_, wire| {
        wire.handshake();
        // Of a message that the socket does not take as a whole. Meanwhile the client comes to its end.
        wire.take(8 << 20);
        wire.send(frame_of(0x88, b"\x03\xf4"));
    });
    let url = server.url();
    let args = [
        "--reconnect",
        "--on-eof=close",
        "--close-timeout=300ms",
        &url,
    ];
    wirecat([&SLOW[1..], &args].concat())
        .stdin_file([&vec![b'x'; 32 << 20][..], b"\n"].concat())
        .run()
        .exits(111);
}

/// Brings a pipe into a state and sends a signal, for each signal anew.
#[track_caller]
fn in_a_pipe(args: &[&str], script: fn(&mut Wire), stdin: &[u8]) {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = silent(1, move |_, wire| script(wire));
        let url = server.url();
        let mut child = wirecat([&SLOW[..], args, &[&url]].concat()).spawn();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        // Held open, and no more of it read than there is room for.
        thread::spawn(move || {
            let _ = input.write_all(&bytes);
            thread::park();
        });
        server.reached.recv().unwrap();
        send(signal, &child);
        let status = wait(&mut child).unwrap_or_else(|| panic!("{args:?}: it hangs"));
        assert_ended(status, End::Signal(signal), args);
    }
}

#[test]
fn a_signal_ends_a_pipe_at_once() {
    // Connecting.
    in_a_pipe(&[], |wire| drop(wire.request()), b"");
    // A Close of ours is not answered.
    in_a_pipe(
        &["-d", "x", "--idle", "1ms"],
        |wire| {
            wire.handshake();
            wire.until_close().unwrap();
        },
        b"",
    );
    // Nobody reads stdout.
    in_a_pipe(
        &[],
        |wire| {
            wire.handshake();
            for _ in 0..4 {
                wire.send(text(&"x".repeat(1 << 20)));
            }
            wire.send(frame_of(0x89, b"?"));
            // Answers the Close, behind messages that nobody reads.
            let mut wire = Wire::new(wire.0.try_clone().unwrap());
            thread::spawn(move || {
                let close = wire.until_close();
                wire.send(text(&"x".repeat(1 << 20)));
                wire.send(frame_of(0x88, &close.unwrap().payload));
            });
        },
        b"",
    );
    // The server reads nothing.
    let big = [&vec![b'x'; 32 << 20][..], b"\n"].concat();
    in_a_pipe(
        &[],
        |wire| {
            wire.handshake();
            wire.take(1 << 20);
        },
        &big,
    );
}

#[test]
fn a_signal_ends_the_wait_for_a_retry() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = silent(1, |_, wire| {
            wire.handshake();
            wire.close(1012, "");
        });
        let url = server.url();
        let mut child = wirecat([&SLOW[..], &["--reconnect", &url]].concat()).spawn();
        let mut stderr = child.stderr.take().unwrap();
        let mut seen = String::new();
        while !seen.contains("retry") {
            let mut bytes = [0; 512];
            let count = stderr.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        send(signal, &child);
        assert_ended(wait(&mut child).unwrap(), End::Signal(signal), seen);
    }
}

#[test]
fn quitting_works_at_a_token_prompt() {
    let asked = || {
        let server = silent(1, |_, wire| {
            wire.handshake();
            wire.send(frame_of(0x88, &4401_u16.to_be_bytes()));
            wire.until_close();
        });
        let url = server.url();
        let args = ["--reconnect-delay=1ms", "--token=prompt", &url];
        let mut pty = Pty::start(&args);
        pty.expect("Token: ");
        pty.type_keys("first-token\r");
        pty.expect("pass> ");
        (pty, server)
    };
    at_the_prompt(
        "asking",
        asked,
        &[
            (CTRL_C, INTERRUPTED),
            (Keys("half a tok\x03\x03"), INTERRUPTED),
            (CTRL_D, Code(0)),
            (SIGTERM, TERMINATED),
        ],
    );
}

#[test]
fn quitting_works_while_a_token_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let token = format!("--token=@{}", path.display());
    let waiting = || {
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, "secret").unwrap();
        let (lose, losing) = mpsc::channel::<()>();
        let losing = std::sync::Mutex::new(losing);
        let server = silent(1, move |_, wire| {
            wire.handshake();
            losing.lock().unwrap().recv().unwrap();
            wire.close(1012, "");
        });
        let mut pty = Pty::prompt(&[&SLOW[..], &[&token]].concat(), &server.url());
        std::fs::remove_file(&path).unwrap();
        make_fifo(&path);
        lose.send(()).unwrap();
        pty.expect("down> ");
        pty.type_keys("/reconnect\r/status\r");
        (pty, server)
    };
    at_the_prompt(
        "reading a token",
        waiting,
        &[
            (CTRL_C_TWICE, Code(0)),
            (CTRL_D, Code(0)),
            (SIGTERM, TERMINATED),
        ],
    );
}

//! Output that is slow, cannot be written, or goes to files and pipes with habits of their own. What
//! a stalled reader costs is bounded, and nothing but the output waits for it.

use std::fs::{self, File, OpenOptions};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::support::pty::Pty;
use crate::support::server::{Raw, Wire, close, frame_of, raw, serve, text};
use crate::support::{PATIENCE, WIRECAT, output, peak_memory, wait, wirecat};

const MIB: usize = 1 << 20;

/// The most memory that the program may have had, in a debug build.
const MEMORY: usize = 40 * MIB;

/// Sends a ping and waits for its pong: everything before it has been read.
fn synchronize(wire: &mut Wire) {
    wire.send(frame_of(0x89, b"sync"));
    loop {
        let frame = wire.frame().expect("a pong");
        if frame.opcode == 10 {
            return;
        }
    }
}

/// Reads to the end: how many bytes came, and the most memory that the child had meanwhile.
fn drain(mut from: impl Read, child: &Child) -> (usize, usize) {
    let (mut bytes, mut peak) = (0, 0);
    let mut buffer = vec![0; MIB];
    loop {
        peak = peak.max(peak_memory(child));
        match from.read(&mut buffer).unwrap() {
            0 => return (bytes, peak),
            count => bytes += count,
        }
    }
}

#[test]
fn a_reader_that_stalled_once_costs_no_memory_later() {
    const SMALL: usize = 3000;
    const LARGE: usize = 1500;
    let (stalled, gate) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        // More than a pipe holds.
        wire.send(frame_of(0x82, &[b'x'; 100_000]));
        for _ in 0..SMALL {
            wire.send(frame_of(0x82, &[b'x'; 15]));
            synchronize(&mut wire);
        }
        stalled.send(()).unwrap();
        for _ in 0..LARGE {
            wire.send(frame_of(0x82, &[b'x'; 65_000]));
        }
        wire.close(1000, "")
    });
    let mut child = wirecat(["--on-eof", "stay", &server.url("/")]).spawn();
    gate.recv_timeout(PATIENCE).unwrap();
    let stdout = child.stdout.take().unwrap();
    let (bytes, peak) = drain(stdout, &child);
    assert_eq!(bytes, 100_000 + SMALL * 15 + LARGE * 65_000);
    assert!(peak < MEMORY, "{} KiB", peak / 1024);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}

#[test]
#[ignore = "slow: a flood"]
fn a_reader_of_stderr_that_stalled_once_costs_no_memory_later() {
    let (stalled, gate) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        for _ in 0..2000 {
            synchronize(&mut wire);
        }
        stalled.send(()).unwrap();
        let mut pongs = Wire::new(wire.0.try_clone().unwrap());
        let pongs = thread::spawn(move || pongs.until_close());
        let pings = frame_of(0x89, &[b'x'; 125]).repeat(256);
        for _ in 0..700 {
            wire.send(&pings);
        }
        wire.send(close(1000, ""));
        pongs.join().unwrap()
    });
    let url = server.url("/");
    let mut child = wirecat(["--show-ping-pong", "--on-eof", "stay", &url]).spawn();
    gate.recv_timeout(PATIENCE).unwrap();
    let stderr = child.stderr.take().unwrap();
    let (bytes, peak) = drain(stderr, &child);
    assert!(bytes > 40 * MIB, "{bytes}");
    assert!(peak < MEMORY, "{} KiB", peak / 1024);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}

/// Fragments, each shown with its bytes: a few of them are more than all that may wait.
#[test]
fn dumped_frames_do_not_pile_up_without_a_reader() {
    let (told, flooding) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.0
            .set_write_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let mut frame = frame_of(0x02, &[b'x'; 32 * 1024]);
        let mut taken = 0;
        while taken < 32 * MIB && wire.0.write_all(&frame).is_ok() {
            taken += frame.len();
            frame[0] = 0x00;
        }
        told.send(taken).unwrap();
        wire.until_close();
    });
    let url = server.url("/");
    let mut child = wirecat(["-vvv", "--on-eof", "stay", &url]).spawn();
    let taken = flooding.recv_timeout(PATIENCE).unwrap();
    let peak = peak_memory(&child);
    assert!(taken < 16 * MIB, "{taken} bytes of fragments were taken");
    assert!(peak > 0 && peak < MEMORY, "{} KiB", peak / 1024);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn notices_and_messages_to_the_same_file_keep_their_order() {
    let server = raw(|mut wire| {
        wire.handshake();
        let frames = [
            text("one"),
            frame_of(0x89, b"!"),
            text("two"),
            close(1000, ""),
        ];
        wire.send(frames.concat());
        wire.until_close()
    });
    let (mut reader, writer) = pipe().unwrap();
    let mut child = Command::new(WIRECAT)
        .args(["--show-ping-pong", "--on-eof", "stay", &server.url("/")])
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    let place = |words: &str| written.find(words).expect(words);
    assert!(place("one\n") < place("ping"), "{written}");
    assert!(place("ping") < place("two\n"), "{written}");
    server.result();
}

/// A FIFO in a directory of its own.
struct Fifo {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Fifo {
    fn new() -> Fifo {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        Fifo {
            path,
            _directory: directory,
        }
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Opens it without waiting for a writer.
    fn hold(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(&self.path).unwrap()
    }
}

/// Sends more than a pipe holds and less than may wait, a ping after that, and the next message
/// that comes back; gives that one and the end.
fn sends_half_a_megabyte() -> (Raw<(Vec<u8>, bool)>, mpsc::Receiver<()>) {
    let (answered, gate) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, &[b'x'; 1000]).repeat(500));
        synchronize(&mut wire);
        answered.send(()).unwrap();
        let typed = wire.message();
        let frame = wire.until_close();
        if let Some(frame) = &frame {
            wire.send(frame_of(0x88, &frame.payload));
        }
        (typed, frame.is_some())
    });
    (server, gate)
}

#[test]
fn at_the_prompt_only_the_output_waits_for_a_reader_that_stalls() {
    for keys in ["\x04", ""] {
        let fifo = Fifo::new();
        let mut reader = fifo.hold();
        let (server, answered) = sends_half_a_megabyte();
        let mut pty = Pty::prompt(&["-o", fifo.name()], &server.url("/"));
        answered.recv_timeout(PATIENCE).unwrap();
        pty.type_keys("typed\r");
        if keys.is_empty() {
            pty.expect("typed");
            pty.signal(Signal::SIGTERM);
            let (status, _) = pty.end();
            assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
        } else {
            pty.type_keys(keys);
            let mut received = vec![0; 500_000];
            reader.read_exact(&mut received).unwrap();
            assert!(received.iter().all(|byte| *byte == b'x'));
            pty.exits(0);
            assert_eq!(server.result(), (b"typed".to_vec(), true));
        }
    }
}

#[test]
fn opening_a_fifo_blocks_only_the_writer_thread() {
    for signal in [Some(Signal::SIGINT), None] {
        let fifo = Fifo::new();
        let server = raw(|mut wire| {
            wire.handshake();
            let given = wire.message();
            wire.send(frame_of(0x82, &[b'x'; 1000]).repeat(500));
            synchronize(&mut wire);
            (given, wire.close(1000, "").is_some())
        });
        let url = server.url("/");
        let args = ["-d", "given", "--on-eof", "stay", "-o", fifo.name(), &url];
        let child = wirecat(args).spawn();
        // All of the conversation is over, though nobody has opened the FIFO to read.
        assert_eq!(server.result(), (b"given".to_vec(), true));
        match signal {
            Some(signal) => {
                kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
                assert_eq!(output(child).status.signal(), Some(signal as i32));
            }
            None => {
                let received = fs::read(&fifo.path).unwrap();
                assert_eq!(received.len(), 500_000);
                output(child).exits(0).is_quiet();
            }
        }
    }
}

#[test]
fn a_prompt_opens_even_if_the_fifo_has_no_reader() {
    let fifo = Fifo::new();
    let server = serve();
    let mut pty = Pty::prompt(&["-o", fifo.name()], &server.url("/echo"));
    pty.type_keys("hello\r\x04");
    let received = fs::read_to_string(&fifo.path).unwrap();
    assert_eq!(received, "hello\n");
    pty.exits(0);
}

#[test]
fn a_terminal_stopped_before_the_prompt_blocks_nothing_else() {
    let (told, came) = mpsc::channel();
    let (go_on, gate) = mpsc::channel();
    let server = raw(move |mut wire| {
        let request = wire.request();
        told.send(()).unwrap();
        gate.recv().unwrap();
        wire.accept(&request, "", b"");
        synchronize(&mut wire);
        told.send(()).unwrap();
        wire.until_close().is_some()
    });
    let mut pty = Pty::start(&["-v", &server.url("/")]);
    came.recv_timeout(PATIENCE).unwrap();
    // Ctrl-S
    pty.type_keys("\x13");
    thread::sleep(Duration::from_millis(50));
    go_on.send(()).unwrap();
    came.recv_timeout(PATIENCE).unwrap();
    pty.signal(Signal::SIGTERM);
    assert!(server.result(), "a Close");
    let (status, _) = pty.end();
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
}

#[cfg(target_os = "linux")]
#[test]
fn at_the_prompt_a_full_disk_ends_the_run_and_is_reported_once_and_at_once() {
    let server = raw(|mut wire| {
        wire.handshake();
        assert_eq!(wire.message(), b"go");
        wire.send(text("x"));
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&["-o", "/dev/full"], &server.url("/"));
    pty.type_keys("go\r");
    let written = pty.exits(2);
    let words = "wirecat: cannot write the output: No space left on device";
    assert_eq!(written.matches(words).count(), 1, "{written:?}");
    assert!(
        written.find(words) < written.find("closed 1000 after "),
        "{written:?}"
    );
    server.result();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_once_whatever_else_ends_the_run() {
    let server = serve();
    let url = server.url("/echo");
    for args in [
        &["-d", "x", "--idle", "100ms"][..],
        &["-d", "x", "-1"],
        &["-d", "x", "--json"],
    ] {
        let run = wirecat([args, &["-o", "/dev/full", &url]].concat()).run();
        run.exits(2);
        let words = "wirecat: cannot write the output: No space left on device\n";
        assert_eq!(run.stderr.matches(words).count(), 1, "{}", run.stderr);
    }
}

/// A file with something in it.
fn old_file(directory: &Path) -> PathBuf {
    let path = directory.join("out");
    fs::write(&path, "old").unwrap();
    path
}

#[test]
fn a_failed_run_without_output_leaves_an_old_file_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = old_file(directory.path());
    let server = serve();
    for (exit, url, more) in [
        (7, "ws://127.0.0.1:9/".to_owned(), &["-d", "x"][..]),
        (22, server.url("/status/401"), &["-d", "x"]),
        (112, server.url("/close/4000"), &["-d", "x"]),
        (1, server.url("/silent"), &["-1", "--idle", "50ms"]),
        (2, "ws://127.0.0.1:9/".to_owned(), &["-d", "@/nowhere"]),
    ] {
        let args = [more, &["-o", path.to_str().unwrap(), &url]].concat();
        wirecat(args).run().exits(exit);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{url}");
    }
}

#[test]
fn a_successful_run_replaces_an_old_file_even_without_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = old_file(directory.path());
    let server = serve();
    let to_file = ["-o", path.to_str().unwrap()];
    let echo = server.url("/echo");
    let echo = [&to_file[..], &["-d", "x", "-1", &echo]].concat();
    wirecat(echo).run().exits(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
    let silent = server.url("/silent");
    let silent = [&to_file[..], &["-d", "x", "--idle", "50ms", &silent]].concat();
    for _ in 0..2 {
        wirecat(&silent).run().exits(0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        fs::remove_file(&path).unwrap();
    }
    let mut pty = Pty::prompt(&to_file, &server.url("/silent"));
    pty.type_keys("\x04");
    pty.exits(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn an_unwritable_file_is_reported_before_connecting() {
    let directory = tempfile::tempdir().unwrap();
    let path = old_file(directory.path());
    let below = path.join("below");
    for (path, words) in [
        (directory.path(), "is a directory"),
        (Path::new("/nowhere/at/all"), "No such file or directory"),
        (&below, "Not a directory"),
    ] {
        let name = path.to_str().unwrap();
        let told = format!("wirecat: -o {name}: {words}\n");
        // Nobody listens there: exit 7 would mean that it was tried.
        let args = ["-d", "x", "-o", name, "ws://127.0.0.1:9/"];
        wirecat(args).run().exits(2).complains(&[&told]);
        let written = Pty::start(&["-o", name, "ws://127.0.0.1:9/"]).exits(2);
        assert!(written.contains(told.trim_end()), "{written:?}");
    }
}

/// A pipe with `O_NONBLOCK` on both ends' file descriptions, as node and ssh leave it behind.
fn nonblocking_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    set_nonblocking(&writer);
    (reader, writer)
}

fn set_nonblocking(file: impl AsFd) {
    fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
}

fn is_nonblocking(file: impl AsFd) -> bool {
    let flags = fcntl(file, FcntlArg::F_GETFL).unwrap();
    OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK)
}

/// Fills a pipe that does not block.
fn fill(mut writer: &PipeWriter) -> usize {
    let mut filled = 0;
    while let Ok(count) = writer.write(&[b'.'; 4096]) {
        filled += count;
    }
    filled
}

/// Waits until the program has filled the pipe.
fn until_full(writer: &PipeWriter) {
    let start = Instant::now();
    loop {
        let mut polled = [PollFd::new(writer.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut polled, PollTimeout::ZERO).unwrap() == 0 {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "it is never full");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_nonblocking_stdout_gets_everything() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, &[b'x'; 10_007]).repeat(40));
        wire.send(close(1000, ""));
        wire.until_close()
    });
    let (mut reader, writer) = nonblocking_pipe();
    let mut child = Command::new(WIRECAT)
        .args(["--on-eof", "stay", &server.url("/")])
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .spawn()
        .unwrap();
    until_full(&writer);
    assert!(is_nonblocking(&writer), "the flag is not ours to clear");
    drop(writer);
    let mut received = Vec::new();
    reader.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), 400_280);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}

#[test]
fn a_nonblocking_stderr_gets_everything() {
    const PINGS: usize = 2000;
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x89, &[b'x'; 100]).repeat(PINGS));
        wire.send(close(1000, ""));
        wire.until_close()
    });
    let (mut reader, writer) = nonblocking_pipe();
    let mut child = Command::new(WIRECAT)
        .args(["--show-ping-pong", "--on-eof", "stay", &server.url("/")])
        .stdin(Stdio::null())
        .stderr(writer.try_clone().unwrap())
        .spawn()
        .unwrap();
    until_full(&writer);
    drop(writer);
    let mut received = String::new();
    reader.read_to_string(&mut received).unwrap();
    assert_eq!(received.matches("ping").count(), PINGS);
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
    server.result();
}

#[test]
fn a_nonblocking_stdin_is_read_to_its_end() {
    let (told, gate) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        let one = wire.message();
        told.send(()).unwrap();
        let two = wire.message();
        wire.answer_close();
        (one, two)
    });
    let (reader, mut writer) = pipe().unwrap();
    set_nonblocking(&reader);
    let child = Command::new(WIRECAT)
        .args(["--on-eof", "close", &server.url("/")])
        .stdin(reader)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writer.write_all(b"one\n").unwrap();
    gate.recv_timeout(PATIENCE).unwrap();
    writer.write_all(b"two\n").unwrap();
    drop(writer);
    output(child).exits(0).is_quiet();
    assert_eq!(server.result(), (b"one".to_vec(), b"two".to_vec()));
}

#[test]
fn a_message_is_read_from_a_nonblocking_stdin() {
    let server = serve();
    let (reader, mut writer) = pipe().unwrap();
    set_nonblocking(&reader);
    let child = Command::new(WIRECAT)
        .args(["-d", "@-", "-1", &server.url("/echo")])
        .stdin(reader)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writer.write_all(b"all of ").unwrap();
    writer.write_all(b"it").unwrap();
    drop(writer);
    output(child).exits(0).prints("all of it\n");
}

#[test]
fn help_generated_text_and_errors_wait_for_a_nonblocking_pipe() {
    for (args, exit, words) in [
        (&["--help"][..], 0, "Exit codes:"),
        (&["--version"], 0, "wirecat "),
        (&["--generate", "man"], 0, "EXIT STATUS"),
        (&["--frobnicate"], 2, "'--frobnicate'"),
        (&["-d", "@/nowhere", "ws://h/"], 2, "-d @/nowhere"),
    ] {
        let (mut reader, writer) = nonblocking_pipe();
        let filled = fill(&writer);
        let mut child = Command::new(WIRECAT)
            .args(args)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        // One that gives up ends before anything is read.
        thread::sleep(Duration::from_millis(100));
        let mut written = Vec::new();
        reader.read_to_end(&mut written).unwrap();
        let written = String::from_utf8_lossy(&written[filled..]);
        assert!(written.contains(words), "{args:?}: {written}");
        assert_eq!(wait(&mut child).unwrap().code(), Some(exit));
    }
}

#[test]
fn a_prompt_works_in_a_nonblocking_terminal() {
    const MESSAGES: usize = 3000;
    let server = raw(move |mut wire| {
        wire.handshake();
        let typed = wire.message();
        wire.send(text(&"x".repeat(1000)).repeat(MESSAGES - 1));
        wire.send(text("the last"));
        wire.answer_close();
        typed
    });
    let mut pty = Pty::start_nonblocking(&[&server.url("/")]);
    pty.expect("open> ");
    pty.type_keys("grüße 👍\r");
    pty.expect("the last");
    pty.type_keys("/status\r");
    pty.expect(&format!("{MESSAGES} received"));
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert_eq!(server.result(), "grüße 👍".as_bytes());
    // Above what a person can read, messages are counted.
    assert!(written.contains(&"x".repeat(1000)));
    let counts = written.split("… ").skip(1);
    let counts = counts.filter_map(|piece| piece.split_once(" messages"));
    let counted = counts.map(|(count, _)| count.replace(',', "").parse::<usize>().unwrap());
    let shown = written.matches(&"x".repeat(1000)).count() + written.matches("< the last").count();
    assert_eq!(shown + counted.sum::<usize>(), MESSAGES);
}

#[test]
fn lines_typed_ahead_are_bounded_by_the_outbox() {
    let (go_on, gate) = mpsc::channel::<()>();
    let server = raw(move |mut wire| {
        let socket = socket2::SockRef::from(&wire.0);
        socket.set_recv_buffer_size(MIB / 4).unwrap();
        wire.handshake();
        gate.recv().unwrap();
        wire.answer_close();
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, vec![b'x'; MIB]).unwrap();
    let mut pty = Pty::prompt(&["--outbox", "3MiB"], &server.url("/"));
    let line = format!("/bin @{}\r", file.path().display());
    // More than the kernel's buffers take, and what may wait.
    for _ in 0..40 {
        pty.type_keys(&line);
    }
    pty.expect("wirecat: not kept: --outbox is full");
    go_on.send(()).unwrap();
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

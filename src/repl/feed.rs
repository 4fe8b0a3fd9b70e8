//! `/pipe CMD`: a command that is given every received message on its stdin. What it prints is shown
//! above the line being typed, and its end is reported. Threads do what blocks; a command that reads
//! slowly slows down reading from the connection, as a slow stdout does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::mpsc;

use crate::error::plain_words;
use crate::io::writer::Writer;
use crate::message::Message;

/// Lines of the command that may wait to be shown; beyond that, the command waits.
const LINES: usize = 256;

/// A longer line is shown in pieces of this many bytes.
const MAX_LINE: u64 = 64 * 1024;

/// What the command did.
#[derive(Debug)]
enum Said {
    /// A line, without its line feed.
    Line(Vec<u8>),
    Ended(io::Result<ExitStatus>),
}

/// Why a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `/pipe`: it is given the messages, and its end is reported however it ends.
    Messages,
    /// `!` in a file of commands, where the line is being edited meanwhile.
    Shell,
}

/// A running command.
pub(super) struct Feed {
    pub(super) command: String,
    pub(super) purpose: Purpose,
    /// The number of its process, and of the group of those that it starts.
    id: u32,
    stdin: Option<Writer>,
    said: mpsc::Receiver<Said>,
    messages: u64,
}

impl Feed {
    /// Starts `command` in a shell.
    ///
    /// # Errors
    /// A sentence: the shell cannot be started.
    pub(super) fn start(command: &str, purpose: Purpose) -> Result<Self, String> {
        let mut built = shell(command);
        // So that all of a pipeline can be killed.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut built, 0);
        let mut child = built
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run a shell: {}", plain_words(&error)))?;
        let stdin = child
            .stdin
            .take()
            .map(|mut stdin| Writer::new(Box::new(move |bytes| stdin.write_all(bytes))));
        let id = child.id();
        let (sender, said) = mpsc::channel(LINES);
        thread::spawn(move || watch(child, &sender));
        Ok(Feed {
            command: command.to_owned(),
            purpose,
            id,
            stdin,
            said,
            messages: 0,
        })
    }

    /// How many messages the command was given.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Closes the command's stdin: it is given nothing more, and usually ends.
    pub(super) fn close(&mut self) {
        self.flush();
        self.stdin = None;
    }

    /// Whether the command is given nothing more, and has not ended.
    pub(super) fn is_closed(&self) -> bool {
        self.stdin.is_none()
    }

    /// Ends a command that does not end by itself.
    pub(super) fn kill(&self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.id) {
            use nix::sys::signal::{Signal, killpg};

            // It may have ended just now.
            let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
        }
        #[cfg(windows)]
        let _ = Command::new("taskkill")
            .args(["/F", "/T", "/PID", &self.id.to_string()])
            .status();
    }

    /// What there is to show of the command next, and whether that is its end.
    pub(super) fn poll_shown(&mut self, cx: &mut Context<'_>) -> Poll<(String, bool)> {
        Poll::Ready(match ready!(self.said.poll_recv(cx)) {
            Some(Said::Line(line)) => {
                let mark = match self.purpose {
                    Purpose::Messages => "| ",
                    Purpose::Shell => "",
                };
                (format!("{mark}{}\n", String::from_utf8_lossy(&line)), false)
            }
            Some(Said::Ended(how)) => (self.describe(&how), true),
            None => (String::new(), true),
        })
    }

    fn describe(&self, how: &io::Result<ExitStatus>) -> String {
        let end = match how {
            Ok(status) if status.success() && self.purpose == Purpose::Shell => {
                return String::new();
            }
            Ok(status) if status.success() => "ended".to_owned(),
            Ok(status) => format!("failed ({status})"),
            Err(error) => format!("is lost: {}", plain_words(error)),
        };
        match self.purpose {
            Purpose::Messages => format!("/pipe: {} {end}\n", self.command),
            Purpose::Shell => format!("!{}: {end}\n", self.command),
        }
    }

    /// Ready when the command has room for another message.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.stdin {
            Some(writer) => writer.poll_ready(cx),
            None => Poll::Ready(()),
        }
    }

    /// Gives the command a message, if it is there for messages: text with a line feed after it,
    /// binary data as it is.
    pub(super) fn push(&mut self, message: &Message) {
        if self.purpose == Purpose::Messages && self.push_bytes(message.payload()) {
            self.messages += 1;
            if matches!(message, Message::Text(_)) {
                self.push_bytes(b"\n");
            }
        }
    }

    /// Appends to the command's stdin. Returns whether that is still open.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        let Some(writer) = self.stdin.as_mut().filter(|writer| !writer.is_broken()) else {
            // The command has closed it. Its end, if it comes, is reported.
            self.stdin = None;
            return false;
        };
        writer.buffer().extend_from_slice(bytes);
        writer.submit_if_full();
        true
    }

    pub(super) fn flush(&mut self) {
        if let Some(writer) = &mut self.stdin {
            writer.submit();
        }
    }
}

/// A command for the shell of the system.
pub(super) fn shell(command: &str) -> Command {
    let (shell, option) = match cfg!(windows) {
        true => ("cmd", "/C"),
        false => ("sh", "-c"),
    };
    let mut built = Command::new(shell);
    built.args([option, command]);
    built
}

/// Passes on what the command prints on either stream, and then its end.
fn watch(mut child: Child, sender: &mpsc::Sender<Said>) {
    let sender = Arc::new(sender.clone());
    let errors = child.stderr.take().map(|stderr| {
        let sender = Arc::clone(&sender);
        thread::spawn(move || pass_on(stderr, &sender))
    });
    if let Some(stdout) = child.stdout.take() {
        pass_on(stdout, &sender);
    }
    if let Some(errors) = errors {
        let _ = errors.join();
    }
    // The receiver may be gone, and then there is nobody to tell.
    let _ = sender.blocking_send(Said::Ended(child.wait()));
}

fn pass_on(stream: impl Read, sender: &mpsc::Sender<Said>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let read = stream.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        if sender.blocking_send(Said::Line(line)).is_err() {
            return;
        }
    }
}

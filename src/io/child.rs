//! Child processes: starts a line of the shell as the user wrote it, or a program with arguments, and
//! ends it with everything that it started.
//!
//! A child has a process group of its own, unless it has to ask the user at the terminal. So Ctrl-C
//! comes to us alone, and a signal to the group reaches what the child started. What a child leaves
//! running when it ends is asked to end (SIGTERM), and then killed (SIGKILL). This module never puts a
//! value into a command line: what a child is given comes on its stdin or in its environment.

pub mod lines;
#[cfg_attr(unix, path = "child/unix.rs")]
#[cfg_attr(windows, path = "child/windows.rs")]
mod platform;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::ffi::OsStr;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{self, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use self::lines::LineSender;
use super::stdio::Stream;
use crate::error::plain_words;
use crate::units;

/// How long processes may take to end after they were asked to.
pub const GRACE: Duration = Duration::from_secs(1);

/// How long the last output of a child is waited for that has ended.
pub const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// A timer that fires this much late means that this process did not run.
pub const OVERSLEPT: Duration = Duration::from_millis(500);

/// How often a group is looked at that is about to end: the system reports only the end of children.
const LOOK: Duration = Duration::from_millis(10);

/// A command that has not been started. Its stdin and stdout are empty, and its stderr is ours.
#[derive(Debug)]
pub struct Command {
    inner: process::Command,
    in_our_group: bool,
    stdout_lines: Option<LineSender>,
    stderr_lines: Option<LineSender>,
}

impl Command {
    /// A line for the shell of the system.
    pub fn shell(line: &str) -> Self {
        let (shell, option) = match cfg!(windows) {
            true => ("cmd", "/C"),
            false => ("sh", "-c"),
        };
        Command::program(shell, [option, line])
    }

    /// A program, which is searched for as the shell does, and its arguments.
    pub fn program<S: AsRef<OsStr>>(program: S, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut inner = process::Command::new(program);
        inner
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        Command {
            inner,
            in_our_group: false,
            stdout_lines: None,
            stderr_lines: None,
        }
    }

    /// Adds variables to the environment, which is otherwise ours.
    #[must_use]
    pub fn variables<'a>(
        mut self,
        variables: impl IntoIterator<Item = &'a (String, String)>,
    ) -> Self {
        for (name, value) in variables {
            self.inner.env(name, value);
        }
        self
    }

    /// Lets the caller write to the child's stdin.
    #[must_use]
    pub fn pipe_stdin(mut self) -> Self {
        self.inner.stdin(Stdio::piped());
        self
    }

    /// Lets the caller read the child's stdout.
    #[must_use]
    pub fn pipe_stdout(mut self) -> Self {
        self.inner.stdout(Stdio::piped());
        self
    }

    /// Passes on the lines of the child's stdout.
    #[must_use]
    pub fn stdout_to(mut self, lines: LineSender) -> Self {
        self.stdout_lines = Some(lines);
        self.pipe_stdout()
    }

    /// Passes on the lines of the child's stderr, if there is somebody to take them.
    #[must_use]
    pub fn stderr_to(mut self, lines: Option<LineSender>) -> Self {
        if lines.is_some() {
            self.inner.stderr(Stdio::piped());
        }
        self.stderr_lines = lines;
        self
    }

    /// Sends the child's stdout to our stderr.
    #[must_use]
    pub fn stdout_to_stderr(mut self) -> Self {
        self.inner.stdout(Stdio::from(io::stderr()));
        self
    }

    /// Leaves the child in our process group, so that it may read from the terminal, and Ctrl-C reaches
    /// it. What it starts is not ended with it.
    #[must_use]
    pub fn in_our_group(mut self) -> Self {
        self.in_our_group = true;
        self
    }

    /// Starts the command. Must run inside the runtime.
    ///
    /// # Errors
    /// If the system starts no shell, or no such program.
    pub fn start(mut self) -> io::Result<Child> {
        #[cfg(unix)]
        if !self.in_our_group {
            platform::adopt_orphans();
            platform::reap_strangers();
            self.inner.process_group(0);
        }
        let mut inner = self.inner.spawn()?;
        let id = inner.id().unwrap_or_default();
        if let (Some(lines), Some(stderr)) = (self.stderr_lines, inner.stderr.take()) {
            tokio::spawn(lines::pass_on(stderr, lines));
        }
        let mut stdout = inner.stdout.take();
        if let Some(lines) = self.stdout_lines
            && let Some(stdout) = stdout.take()
        {
            tokio::spawn(lines::pass_on(stdout, lines));
        }
        Ok(Child {
            stdin: inner.stdin.take(),
            stdout,
            inner,
            group: Group::new(id, self.in_our_group),
            status: None,
            leftovers: None,
        })
    }

    /// Runs the command to its end with `input` on its stdin, and returns what it prints, which is at
    /// most `limit` bytes. If the future is dropped, the command is killed.
    ///
    /// # Errors
    /// It cannot be started, fails, or prints more.
    pub async fn output(self, input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
        let command = match input.is_empty() {
            true => self,
            false => self.pipe_stdin(),
        };
        let mut child = command.pipe_stdout().start().map_err(Failure::Start)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let group = child.group.clone();
        let mut output = Vec::new();
        let fits = {
            let reading = async {
                let read = read_at_most(stdout, limit, &mut output).await;
                if !matches!(read, Ok(true)) {
                    group.kill();
                }
                read
            };
            let reading = pin!(async { tokio::join!(reading, feed(stdin, input)).0 });
            // A process that left the group may hold stdout open for ever.
            let ending = pin!(async {
                let _ = poll_fn(|cx| child.poll_finished(cx)).await;
                tokio::time::sleep(LAST_OUTPUT).await;
            });
            match select(reading, ending).await {
                Either::Left((read, _)) => read.map_err(Failure::Lost)?,
                Either::Right(_) => true,
            }
        };
        if !fits || output.len() > limit {
            return Err(Failure::TooLarge(limit));
        }
        let status = child.wait().await.map_err(Failure::Lost)?;
        match status.success() {
            true => Ok(output),
            false => Err(Failure::Status(status)),
        }
    }
}

impl Command {
    /// The same, but the command is killed after `time`.
    ///
    /// # Errors
    /// As [`Command::output`], or it takes longer.
    pub async fn output_within(
        self,
        input: &[u8],
        limit: usize,
        time: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let mut output = pin!(self.output(input, limit));
        let latest = Instant::now() + time;
        let mut ended = timeout(time, &mut output).await;
        if ended.is_err() && Instant::now() > latest + OVERSLEPT {
            // This process did not run for a while. The command may have ended long ago, or not have run.
            ended = timeout(time, output).await;
        }
        ended.unwrap_or(Err(Failure::TimedOut(time)))
    }
}

/// Reads to the end; `false` if there is more than `limit` bytes.
async fn read_at_most(
    stdout: Option<ChildStdout>,
    limit: usize,
    output: &mut Vec<u8>,
) -> io::Result<bool> {
    if let Some(stdout) = stdout {
        let most = limit as u64 + 1;
        stdout.take(most).read_to_end(output).await?;
    }
    Ok(output.len() <= limit)
}

/// Writes to the end. A command that ends before it has read everything is no error, as in a pipeline.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

/// Why a command gave no output.
#[derive(Debug)]
pub enum Failure {
    Start(io::Error),
    /// Reading from it, or waiting for it, failed.
    Lost(io::Error),
    /// More than this many bytes.
    TooLarge(usize),
    /// It was killed after this time.
    TimedOut(Duration),
    Status(ExitStatus),
}

/// A clause: what is wrong with the command.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(error) => write!(f, "cannot run a shell: {}", plain_words(error)),
            Failure::Lost(error) => f.write_str(&plain_words(error)),
            Failure::TooLarge(limit) => {
                write!(
                    f,
                    "its output is larger than {}",
                    units::written_size(*limit)
                )
            }
            Failure::TimedOut(time) => {
                let most = time.as_secs_f64();
                write!(f, "it had not ended after {most} s and was killed")
            }
            Failure::Status(status) => write!(f, "the command failed ({status})"),
        }
    }
}

/// A child that was started. It is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    inner: process::Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    group: Group,
    status: Option<ExitStatus>,
    /// Ends what the child left running.
    leftovers: Option<JoinHandle<()>>,
}

impl Child {
    /// The child's stdin for a thread, if it is piped and was not taken. Dropping it is the end of the
    /// input.
    pub fn take_blocking_stdin(&mut self) -> Option<Stream> {
        self.stdin.take().and_then(platform::blocking_stdin)
    }

    /// The child's stdout for a thread, if it is piped and was not taken.
    pub fn take_blocking_stdout(&mut self) -> Option<Stream> {
        self.stdout.take().and_then(platform::blocking_stdout)
    }

    /// Ready with the child's status when it has ended. What it left running is ended from then on.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        if let Some(status) = self.status {
            return Poll::Ready(Ok(status));
        }
        let status = ready!(pin!(self.inner.wait()).poll(cx));
        if let Ok(status) = status {
            self.status = Some(status);
            self.leftovers = self.group.end_leftovers();
        }
        Poll::Ready(status)
    }

    /// Waits until the child has ended.
    ///
    /// # Errors
    /// If the system does not say.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        poll_fn(|cx| self.poll_exit(cx)).await
    }

    /// Asks the child, and what it started, to end.
    pub fn terminate(&self) {
        self.group.terminate();
    }

    /// Ends the child and what it started: asks them to, and kills them after `grace`.
    ///
    /// # Errors
    /// If the system does not say how it ended.
    pub async fn end(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.terminate();
        let ended = timeout(grace, self.wait()).await;
        if ended.is_err() {
            self.group.kill();
        }
        let status = self.wait().await;
        self.finish().await;
        status
    }

    /// Ready when the child has ended, and nothing is left of what it started in its group.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Err(error) = ready!(self.poll_exit(cx)) {
            return Poll::Ready(Err(error));
        }
        if let Some(leftovers) = &mut self.leftovers {
            let _ = ready!(pin!(leftovers).poll(cx));
            self.leftovers = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until nothing is left of what the child started. Returns whether something had to be ended
    /// that it left running.
    pub async fn finish(&mut self) -> bool {
        if let Some(leftovers) = self.leftovers.take() {
            let _ = leftovers.await;
        }
        self.group.0.ended_leftovers.load(Ordering::Relaxed)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(leftovers) = &self.leftovers {
            leftovers.abort();
        }
        self.group.kill();
    }
}

/// `exited with status 3`, or `was ended by SIGKILL`.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), platform::signal(status)) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by {signal}"),
        (None, None) => format!("ended ({status})"),
    }
}

/// The processes that end together.
#[derive(Clone, Debug)]
struct Group(Arc<State>);

#[derive(Debug)]
struct State {
    /// The number of the child, and of its group.
    id: u32,
    /// The child shares our group, and is signalled alone.
    is_alone: bool,
    /// Nothing is left of it. The system may give its number to others.
    is_over: AtomicBool,
    ended_leftovers: AtomicBool,
}

impl Group {
    fn new(id: u32, is_alone: bool) -> Self {
        Group(Arc::new(State {
            id,
            is_alone,
            is_over: AtomicBool::new(id == 0),
            ended_leftovers: AtomicBool::new(false),
        }))
    }

    fn terminate(&self) {
        self.signal(platform::Signal::Terminate);
    }

    fn kill(&self) {
        self.signal(platform::Signal::Kill);
    }

    /// Whether something is left once the child itself has been waited for.
    fn is_alive(&self) -> bool {
        if !self.0.is_alone && !self.0.is_over.load(Ordering::Relaxed) {
            platform::reap_orphans(self.0.id);
        }
        self.signal(platform::Signal::None)
    }

    /// Returns whether there was a process to signal.
    fn signal(&self, signal: platform::Signal) -> bool {
        let State {
            id,
            is_alone,
            is_over,
            ..
        } = &*self.0;
        if is_over.load(Ordering::Relaxed) {
            return false;
        }
        let reached = platform::send(*id, *is_alone, signal);
        is_over.store(!reached, Ordering::Relaxed);
        reached
    }

    /// The child has ended: lets what it left running end soon.
    fn end_leftovers(&self) -> Option<JoinHandle<()>> {
        if self.0.is_alone {
            self.0.is_over.store(true, Ordering::Relaxed);
        }
        let group = self.clone();
        self.is_alive()
            .then(|| tokio::spawn(async move { group.wind_up().await }))
    }

    /// What read from the child ends by itself. The rest is asked to, and then killed.
    async fn wind_up(&self) {
        if self.ends_within(GRACE / 2).await {
            return;
        }
        self.0.ended_leftovers.store(true, Ordering::Relaxed);
        self.terminate();
        if !self.ends_within(GRACE).await {
            self.kill();
        }
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    async fn ends_within(&self, time: Duration) -> bool {
        let looking = async {
            while self.is_alive() {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(time, looking).await.is_ok()
    }
}

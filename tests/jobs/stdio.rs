//! Programs that speak on stdin and stdout, behind `listen --exec` and in place of a socket.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use nix::sys::signal::Signal;

use super::{Job, LONGEST, Step, installed, read, root, steps};
use crate::support::{output, output_within, send};

/// `wirecat listen` as the page has it, at a free port.
struct Listener {
    port: u16,
    /// Until it is ended.
    process: Option<Child>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A test that failed has not ended it. By this signal it ends its programs, too.
        if let Some(mut process) = self.process.take() {
            send(Signal::SIGTERM, &process);
            let _ = process.wait();
        }
    }
}

impl Listener {
    #[track_caller]
    fn start(job: &Job, step: &Step) -> Listener {
        let script = step.script.replace("127.0.0.1:9000", "127.0.0.1:0");
        let mut command = job.shell(&format!("exec {script}"));
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let process = Some(process);
        let mut listener = Listener { port: 0, process };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        listener.port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        let shown = line.replace(&listener.port.to_string(), "9000");
        assert_eq!(shown, step.prints);
        listener
    }

    /// Ends it; nothing went wrong with any client.
    #[track_caller]
    fn end(mut self) {
        let process = self.process.take().unwrap();
        send(Signal::SIGTERM, &process);
        let ended = output(process);
        assert!(!ended.stderr.contains("wirecat:"), "{ended:?}");
    }
}

/// The client of MCP's SDK, which gets the same answers however it is connected.
#[track_caller]
fn agent(job: &Job, arguments: &str) {
    let script = root().join("tests/jobs/servers/agent.mjs");
    let mut command = job.shell(&format!("exec node '{}' {arguments}", script.display()));
    command.env("WIRECAT_PEERS", installed(""));
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let run = output_within(LONGEST, child);
    run.exits(0).prints("true \"Echo: two\\nlines\"\n");
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_program_on_stdin_and_stdout() {
    let mut job = Job::of("A program on stdin and stdout");
    let listen = job.take(0);
    let program = job.take(1);
    let listener = Listener::start(&job, &listen);
    let url = format!("ws://127.0.0.1:{}/", listener.port);
    agent(&job, &url);
    agent(&job, &program.script.replace("ws://localhost:9000/", &url));
    job.on(9000, listener.port).run();
    listener.end();
}

/// What the page says of the three blocks, which the test above tells apart by their order.
#[test]
fn the_section_has_a_server_a_client_and_a_program() {
    let steps = steps(&read(super::PAGE), "A program on stdin and stdout");
    let starts = steps.iter().map(|step| step.script.split(' ').nth(1));
    let starts: Vec<_> = starts.flatten().collect();
    assert_eq!(starts, ["listen", "-m", "-s"]);
}

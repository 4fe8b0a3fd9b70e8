//! `--exec`: waits for the program of a conversation, and runs one for each client of `wirecat listen`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::ending::report_outcome;
use crate::cli::early;
use crate::cli::resolve::Client;
use crate::cli::world::World;
use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Peer};
use crate::io::child;
use crate::io::signals::{StopSignal, StopSignals};
use crate::io::stdio;
use crate::output::Renderer;
use crate::pipe::program::Program;
use crate::pipe::{self, Destination};
use crate::session::door::{Door, Guest};
use crate::session::each::{GuestStop, serve_each};
use crate::session::frontend::Sink;
use crate::session::outcome::{Ended, Outcome, Verdict};
use crate::session::{self, Approach, Finished};
use crate::units;

/// How long a program may take to end after a signal.
const LAST_MOMENTS: Duration = Duration::from_millis(500);

/// Waits for the program, whose stdin has ended. Its failure is that of a run that went well otherwise.
pub(super) async fn finish(
    program: &Program,
    patience: Duration,
    finished: &mut Finished,
    sink: &mut impl Sink,
    stop: &mut impl StopSignal,
) {
    if let Outcome::Ended(Ended::Stopped(_)) = finished.outcome {
        let _ = program.finish(Duration::ZERO, LAST_MOMENTS).await;
        return;
    }
    let mut ending = pin!(program.finish(patience, child::GRACE));
    let ended = poll_fn(|cx| match stop.poll_stop(cx) {
        Poll::Ready(stop) => Poll::Ready(Err(stop)),
        Poll::Pending => ending.as_mut().poll(cx).map(Ok),
    });
    match ended.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            sink.handle_event(Instant::now(), &Event::Error(&error));
            finished.verdict.program_failed = true;
        }
        // The program is killed when it is dropped.
        Err(stop) => finished.outcome = Outcome::Ended(Ended::Stopped(stop)),
    }
}

/// Serves each client with a program of its own. The line on stdout says that clients can connect.
///
/// # Errors
/// Exit 28 if no client comes in time.
pub(super) async fn serve(
    client: &Client,
    options: &pipe::Options,
    program: &pipe::program::Options,
    mut door: Door,
    world: &World,
    stops: &mut StopSignals,
) -> Result<Exit, Error> {
    let start = Instant::now();
    let url = format!("{}://{}", door.scheme(), client.plan.target.authority());
    stdio::print(stdio::stdout(), format!("READY {url}\n").as_bytes());
    let note = |line: &str| {
        if !client.output.silent {
            early::note(world, line);
        }
    };
    client.notes.iter().for_each(|line| note(line));
    let patience = door.patience().unwrap_or_default();
    let talk = |guest, stop| converse(client, (options, program), guest, stop, start);
    let served = serve_each(&mut door, stops, note, talk).await;
    // The expressions are those of all clients.
    let losses = client.unshown().into_iter().chain(client.losses());
    losses.for_each(|loss| note(&loss));
    if served.is_too_late {
        let message = format!("no client connected within {}", units::written(patience));
        return Err(Error::new(Stage::Connect, Exit::Timeout, message)
            .advice("--connect-timeout T waits longer"));
    }
    let Some(stop) = served.stopped else {
        return Ok(served.exit);
    };
    let ended = Ended::Stopped(stop);
    match ended.error(Peer::Client) {
        // What --max-time cut off is worth a word; a signal is not.
        Some(error) => Err(error),
        None => Ok(ended.exit(Verdict::default())),
    }
}

/// Says of which client the reports are.
struct Numbered<'a, S> {
    number: u32,
    sink: &'a mut S,
}

impl<S: Sink> Sink for Numbered<'_, S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sink.poll_ready(cx)
    }

    fn handle_event(&mut self, now: Instant, event: &Event<'_>) {
        let Event::Error(error) = event else {
            return self.sink.handle_event(now, event);
        };
        let mut error = Error::clone(error);
        error.message = format!("[{}] {}", self.number, error.message);
        self.sink.handle_event(now, &Event::Error(&error));
    }

    fn flush(&mut self) {
        self.sink.flush();
    }
}

/// One client and its program.
async fn converse(
    client: &Client,
    (options, program): (&pipe::Options, &pipe::program::Options),
    mut guest: Box<Guest>,
    mut stop: GuestStop,
    start: Instant,
) -> Exit {
    let (redactor, number) = (&client.plan.redactor, guest.number);
    // Held until the program has ended, which may take longer than the connection.
    let _place = guest.take_place();
    let renderer = Renderer::new(client.output.clone(), redactor.clone());
    let (program, stdin) = Program::new(program.clone());
    let output = pipe::Output::new(Destination::Program(stdin), renderer, start);
    let mut output = match output {
        Ok(output) => output,
        Err(error) => return error.exit,
    };
    let input = pipe::Input::new(options.messages.clone(), options.then.clone());
    let input = input.with_program(Some(program.clone()));
    let mut input = input.closing_for_failures();
    let approach = Approach::Client(Some(guest), redactor);
    let ends = (&mut input, &mut output);
    let mut finished = session::run(approach, &client.session, ends, &mut stop).await;
    drop(input);
    output.end_of_program();
    let patience = client.session.keepalive.close_timeout;
    let mut reports = Numbered {
        number,
        sink: &mut output,
    };
    finish(&program, patience, &mut finished, &mut reports, &mut stop).await;
    let exit = report_outcome(&finished, &mut reports);
    match output.finish(exit).await {
        Ok(()) => exit,
        Err(error) => error.exit,
    }
}

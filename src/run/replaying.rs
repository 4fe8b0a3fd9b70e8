//! `wirecat replay`: shows a recording, or sends what it sent and reports how the replies differ.

use std::pin::pin;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::ending::{LAST_WRITES, recorder, report_outcome};
use crate::cli::resolve::{Client, FrontEnd, Replay, Sending, Showing};
use crate::cli::world::World;
use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::{Event, Totals};
use crate::io::recorder::Recorded;
use crate::io::signals::StopSignals;
use crate::io::stdio;
use crate::output::Renderer;
use crate::pipe;
use crate::record::replay::Leg;
use crate::replay::ends::{Commands, Current, Sink};
use crate::replay::exchange::{self, Exchange, Verdict};
use crate::replay::{Shown, report, show};
use crate::secret::Redactor;
use crate::session::frontend::{Broken, Sink as _};
use crate::session::outcome::{Ended, Outcome};
use crate::session::{self, Approach, Finished};

pub(super) async fn replay(replay: Replay, world: &World) -> Result<Exit, Error> {
    match replay {
        Replay::Show(showing) => show_recording(*showing, world).await,
        Replay::Send(sending) => send_recording(*sending, world).await,
    }
}

fn no_handler(error: std::io::Error) -> Error {
    Error::usage(format!("cannot handle signals: {}", plain_words(&error)))
}

async fn show_recording(showing: Showing, world: &World) -> Result<Exit, Error> {
    let start = Instant::now();
    let mut stops =
        StopSignals::new(None, !world.hangup_ignored, &showing.interrupt).map_err(no_handler)?;
    let filter = showing.output.filter.clone();
    let renderer = Renderer::new(showing.output, Redactor::default());
    let to = pipe::Destination::File(showing.to.as_deref());
    let mut output = pipe::Output::new(to, renderer, start)?;
    for note in &showing.notes {
        output.handle_event(start, &Event::Note(note));
    }
    let ends = (&mut output, start);
    let shown = show(&showing.tape, showing.speed, ends, &mut stops).await;
    let exit = match shown {
        Shown::Stopped(stop) => stop.exit(),
        Shown::Broken(Broken::Failed(error)) => return Err(error),
        Shown::Broken(Broken::Closed) | Shown::Whole => Exit::Ok,
    };
    let losses = filter.map(|filter| filter.losses("--filter", false));
    for loss in losses.into_iter().flatten() {
        output.handle_event(start, &Event::Note(&loss));
    }
    output.flush();
    let was_stopped = matches!(shown, Shown::Stopped(_));
    tokio::select! {
        written = output.finish(exit) => written.map(|()| exit),
        () = tokio::time::sleep(LAST_WRITES), if was_stopped => Ok(exit),
        stop = stops.next() => Ok(stop.exit()),
    }
}

async fn send_recording(sending: Sending, world: &World) -> Result<Exit, Error> {
    let Sending {
        client,
        legs,
        options,
        shows_messages,
    } = sending;
    let start = Instant::now();
    let max_time = client.deadline;
    let max_time = max_time.map(|deadline| deadline.saturating_duration_since(start));
    let mut stops =
        StopSignals::new(max_time, !world.hangup_ignored, &client.interrupt).map_err(no_handler)?;
    let renderer = Renderer::new(client.output.clone(), client.plan.redactor.clone());
    let path = match &client.front {
        FrontEnd::Pipe(pipe) => pipe.output.as_deref(),
        FrontEnd::Interactive(_) => None,
    };
    let output = pipe::Output::new(pipe::Destination::File(path), renderer, start)?;
    let current = Current::default();
    let recorder = client.record.is_some().then(|| recorder(&client, start));
    let sink = Sink::new(&current, output, shows_messages);
    let sink = Recorded::new(sink, recorder.transpose()?);
    let mut sending = Conversation {
        client: &client,
        world,
        current,
        sink,
        exit: Exit::Ok,
        totals: Totals::default(),
        verdicts: Vec::new(),
    };
    for note in &client.notes {
        sending.note(note);
    }
    let several = legs.len() > 1;
    for leg in &legs {
        if !sending.take(leg, &options, &mut stops).await? {
            break;
        }
    }
    let conclusion = sending.conclude();
    let (exit, verdicts, sink) = (conclusion.exit, conclusion.verdicts, conclusion.sink);
    let silent = client.output.silent;
    let mut writing = pin!(sink.finish(silent, async |sink| sink.into_output().finish(exit).await));
    tokio::select! {
        written = &mut writing => written?,
        stop = stops.next() => return Ok(stop.exit()),
    }
    let out = lines(&verdicts, several, exit, &client.plan.redactor);
    match shows_messages {
        // stdout has events.
        true if !silent => stdio::print(stdio::stderr(), &out),
        true => {}
        false => stdio::print(stdio::stdout(), &out),
    }
    Ok(exit)
}

/// What differs, and if nothing does, that.
fn lines(verdicts: &[Verdict], several: bool, exit: Exit, redactor: &Redactor) -> Vec<u8> {
    let mut out = Vec::new();
    for (verdict, number) in verdicts.iter().zip(1..) {
        let number = several.then_some(number);
        out.extend_from_slice(&report::differences(verdict, number, redactor));
    }
    let is_equal = verdicts.iter().all(Verdict::is_equal);
    // What was equal before a signal or a failure is worth a line too.
    if is_equal && (exit == Exit::Ok || verdicts.iter().any(|it| it.replies.equal > 0)) {
        out.extend_from_slice(report::summary(verdicts).as_bytes());
        out.push(b'\n');
    }
    out
}

/// The connections of a replay, one after another.
struct Conversation<'a> {
    client: &'a Client,
    world: &'a World,
    current: Current,
    sink: Recorded<Sink<pipe::Output>>,
    /// Of the first connection that failed.
    exit: Exit,
    totals: Totals,
    verdicts: Vec<Verdict>,
}

/// What is left of it.
struct Conclusion {
    exit: Exit,
    verdicts: Vec<Verdict>,
    sink: Recorded<Sink<pipe::Output>>,
}

impl Conversation<'_> {
    fn note(&mut self, note: &str) {
        self.sink.handle_event(Instant::now(), &Event::Note(note));
    }

    /// Makes one connection, and talks as it was talked. Returns whether the next one may follow.
    async fn take(
        &mut self,
        leg: &Leg,
        options: &exchange::Options,
        stops: &mut StopSignals,
    ) -> Result<bool, Error> {
        let url = self.client.plan.shown_url();
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        let started = started.unwrap_or_default();
        let now = Instant::now();
        self.sink
            .handle_event(now, &Event::Header { url: &url, started });
        self.current.begin(Exchange::new(leg, options.clone(), now));
        let environment = |name: &str| self.world.environment.get(name).cloned();
        let approach = Approach::Dial(&self.client.plan, &environment);
        let mut commands = Commands::new(&self.current);
        let ends = (&mut commands, &mut self.sink);
        let finished = session::run(approach, &self.client.session, ends, stops).await;
        let goes_on = self.judge(&finished);
        finished.save(true).await?;
        Ok(goes_on)
    }

    /// Keeps what became of a connection. Returns whether the next one may follow.
    fn judge(&mut self, finished: &Finished) -> bool {
        let was_stopped = matches!(finished.outcome, Outcome::Ended(Ended::Stopped(_)));
        let verdict = self.current.finish(was_stopped);
        let as_recorded = verdict.ended_as_recorded && !was_stopped;
        let failed = matches!(finished.outcome, Outcome::Failed(_)) && !as_recorded;
        if !as_recorded {
            let exit = report_outcome(finished, &mut self.sink);
            if self.exit == Exit::Ok {
                self.exit = exit;
            }
        }
        add(&mut self.totals, &finished.totals);
        self.verdicts.push(verdict);
        !was_stopped && !failed && !finished.verdict.output_closed
    }

    /// Reports differences, which are exit 1 where nothing else failed.
    fn conclude(mut self) -> Conclusion {
        let now = Instant::now();
        let is_equal = self.verdicts.iter().all(Verdict::is_equal);
        if !is_equal && self.exit == Exit::Ok {
            self.exit = Exit::Unmet;
        }
        if !is_equal {
            let summary = report::summary(&self.verdicts);
            let error = Error::new(Stage::Receive, Exit::Unmet, summary);
            self.sink.handle_event(now, &Event::Error(&error));
        }
        let (exit, totals) = (self.exit, &self.totals);
        self.sink.handle_event(now, &Event::End { exit, totals });
        self.sink.flush();
        Conclusion {
            exit,
            verdicts: self.verdicts,
            sink: self.sink,
        }
    }
}

/// Adds what one connection sent and received.
fn add(totals: &mut Totals, more: &Totals) {
    totals.connections += more.connections;
    totals.sent += more.sent;
    totals.received += more.received;
    totals.bytes_sent += more.bytes_sent;
    totals.bytes_received += more.bytes_received;
    totals.round_trips = totals.round_trips.or(more.round_trips);
}

//! What front ends have in common: how a run is recorded, what it reports of its end, and why its exit code is
//! what it is.

use std::time::{Duration, Instant};

use crate::cli::resolve::Client;
use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Totals};
use crate::io::recorder::Recorder;
use crate::session::Finished;
use crate::session::frontend::Sink;
use crate::session::outcome::{Outcome, Verdict};

/// How long output may take after a signal.
pub(super) const LAST_WRITES: Duration = Duration::from_millis(500);

/// The recorder of the run, which records if `--record` names a file.
pub(super) fn recorder(client: &Client, start: Instant) -> Result<Recorder, Error> {
    let redactor = client.plan.redactor.clone();
    let recorder = Recorder::new(redactor, client.output.numbers, start);
    if let Some(path) = &client.record {
        recorder
            .start(path)
            .map_err(|why| Error::usage(format!("--record {why}")))?;
    }
    Ok(recorder)
}

/// Reports what went wrong on the connections of a run, and returns the exit code.
pub(super) fn report_outcome(finished: &Finished, sink: &mut impl Sink) -> Exit {
    let Finished {
        outcome, totals, ..
    } = finished;
    let verdict = finished.verdict;
    let (error, exit) = match outcome {
        Outcome::Failed(error) => (Some(error.clone()), error.exit),
        Outcome::Ended(ended) => (ended.error(finished.peer), ended.exit(verdict)),
    };
    // After a stop condition is met, or when the reader is gone, an unclean end is not a failure.
    if let Some(error) = error.filter(|_| exit != Exit::Ok) {
        sink.handle_event(Instant::now(), &Event::Error(&error));
    }
    let unmet = (exit == Exit::Unmet).then(|| unmet(verdict)).flatten();
    report_shortfall(exit, Stage::Receive, unmet.as_slice(), sink);
    report_shortfall(exit, Stage::Send, unsent(totals, verdict).as_slice(), sink);
    exit
}

/// Reports messages that were not sent. Nothing is reported if stdout was closed or a stop
/// condition was met, because the user has what was asked for, or if there never was a connection.
fn unsent(totals: &Totals, verdict: Verdict) -> Option<String> {
    let wanted = !verdict.output_closed && verdict.condition_met != Some(true);
    match verdict.unsent {
        0 => None,
        _ if !wanted || totals.connections == 0 => None,
        1 => Some("1 message was not sent".to_owned()),
        more => Some(format!("{more} messages were not sent")),
    }
}

/// Reports what did not happen, each sentence as the error that is exit 1; beside another failure, which
/// is the more specific one, as a warning.
pub(super) fn report_shortfall(
    exit: Exit,
    stage: Stage,
    sentences: &[String],
    sink: &mut impl Sink,
) {
    let now = Instant::now();
    for sentence in sentences {
        match exit {
            Exit::Unmet => {
                let error = Error::new(stage, exit, sentence);
                sink.handle_event(now, &Event::Error(&error));
            }
            _ => sink.handle_event(now, &Event::Warning(sentence)),
        }
    }
}

/// Says that no stop condition was met. A command that failed ended the run before, and is why.
fn unmet(verdict: Verdict) -> Option<String> {
    let unmet = verdict.condition_met == Some(false) && !verdict.program_failed;
    unmet.then(|| "the connection ended before --count, --until or -1 was met".to_owned())
}

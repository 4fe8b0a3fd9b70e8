//! The front end for tests: runs scripts (`.wst`), each of their connections over a run of its own, and
//! returns what came of them.
//!
//! A test is a sequence of steps, and goes on in turns with the runs of its connections on one thread.
//! [`lane`] is what a run sees of the steps, [`happened`] what the steps see of a run.

mod ahead;
mod checking;
mod connection;
mod end;
mod expecting;
mod files;
mod folder;
mod happened;
mod lane;
mod moment;
mod opening;
mod options;
mod recordings;
mod secrets;
mod steps;
mod turns;
mod variables;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::script::ast;
use crate::script::result::{FileResult, TestResult, Verdict, Wrong, is_selected};
use crate::script::shown::Shown;
use crate::secret::{Redactor, is_secret_name};
use recordings::Recordings;

pub use ahead::check;
pub use files::{Loaded, Loader};
pub use folder::{Folder, STDIN, read_given};
pub use options::{Dial, Options, Request, World};
pub use secrets::hide_variables;
use steps::{Runner, Stopped};

/// How many failures before the last one are kept of a test.
const MAX_EARLIER: usize = 10;

/// Runs the tests of a script, one after another, until `interrupted` becomes true; `round` counts the
/// runs of this script from 1. Must run inside a [`tokio::task::LocalSet`].
pub async fn run(
    (loaded, round): (&Loaded, usize),
    options: &Options,
    world: &World<'_>,
    mut interrupted: watch::Receiver<bool>,
) -> FileResult {
    let mut result = FileResult {
        path: Shown::new(&loaded.script.shown, &options.redactor),
        ..FileResult::default()
    };
    for (number, test) in loaded.file.tests.iter().enumerate() {
        if !is_selected(&test.name.value, &options.only) {
            continue;
        }
        let redactor = options.redactor.of_part();
        let mut attempt = 1;
        let mut earlier = Vec::new();
        let mut ended = loop {
            let place = (round, number + 1, attempt);
            let known = (options, &redactor);
            let ended = run_test(loaded, test, place, known, world, &mut interrupted).await;
            let wrong = Wrong::of(&ended).filter(|_| attempt <= options.retry);
            let Some(wrong) = wrong else { break ended };
            if earlier.len() < MAX_EARLIER {
                earlier.push(wrong);
            }
            attempt += 1;
        };
        ended.attempts = attempt;
        ended.earlier = earlier;
        let stops = match &ended.verdict {
            Verdict::Failed(_) | Verdict::Error(_) => options.fail_fast,
            Verdict::Interrupted => true,
            Verdict::Passed | Verdict::Skipped(_) => false,
        };
        result.tests.push(ended);
        if stops {
            if !matches!(result.tests.last(), Some(it) if matches!(it.verdict, Verdict::Interrupted))
            {
                let rest = loaded.file.tests.iter().skip(number + 1);
                skip(rest, options, &mut result);
            }
            break;
        }
    }
    result
}

/// The result of a script that was not run, because an earlier test has failed.
pub fn skipped(loaded: &Loaded, options: &Options) -> FileResult {
    let mut result = FileResult {
        path: Shown::new(&loaded.script.shown, &options.redactor),
        ..FileResult::default()
    };
    skip(loaded.file.tests.iter(), options, &mut result);
    result
}

fn skip<'t>(
    tests: impl Iterator<Item = &'t ast::Test>,
    options: &Options,
    result: &mut FileResult,
) {
    let selected = tests.filter(|test| is_selected(&test.name.value, &options.only));
    result.tests.extend(selected.map(|test| TestResult {
        name: Shown::new(&test.name.value, &options.redactor),
        line: test.name.span.line,
        took: Duration::ZERO,
        verdict: Verdict::Skipped(Shown::fixed("an earlier test has failed")),
        steps: 0,
        asserts: 0,
        attempts: 0,
        earlier: Vec::new(),
        connections: 0,
    }));
}

async fn run_test(
    loaded: &Loaded,
    test: &ast::Test,
    (round, number, attempt): (usize, usize, u32),
    (options, redactor): (&Options, &Redactor),
    world: &World<'_>,
    interrupted: &mut watch::Receiver<bool>,
) -> TestResult {
    let start = Instant::now();
    let mut runner = Runner::new(loaded, (options, redactor), world);
    runner.record = options.record.as_ref().map(|folder| {
        let stem = &loaded.stem;
        let mut again = String::new();
        if round > 1 {
            again.push_str(&format!("-run{round}"));
        }
        if attempt > 1 {
            again.push_str(&format!("-attempt{attempt}"));
        }
        folder.join(format!("{stem}-{number}{again}"))
    });
    let captured = ahead::captured(loaded, &loaded.script, &test.steps);
    let hides = !redactor.includes_secrets() && captured.iter().any(|it| is_secret_name(it));
    runner.recordings = Recordings::new(hides);
    let script = Arc::clone(&loaded.script);
    let steps = runner.run(&script, &test.steps);
    let stopped = tokio::select! {
        biased;
        _ = interrupted.wait_for(|it| *it) => Err(Stopped::Interrupted),
        stopped = steps => stopped,
    };
    // What an interruption has ended has not failed.
    let stopped = match *interrupted.borrow() {
        true => Err(Stopped::Interrupted),
        false => stopped,
    };
    let was_interrupted = matches!(stopped, Err(Stopped::Interrupted));
    let verdict = tokio::select! {
        biased;
        verdict = runner.finish(stopped) => Some(verdict),
        _ = interrupted.wait_for(|it| *it), if !was_interrupted => None,
    };
    let verdict = match verdict {
        Some(verdict) => verdict,
        None => runner.finish(Err(Stopped::Interrupted)).await,
    };
    TestResult {
        name: Shown::new(&test.name.value, redactor),
        line: test.name.span.line,
        took: start.elapsed(),
        verdict,
        steps: runner.counts.steps,
        asserts: runner.counts.asserts,
        attempts: attempt,
        earlier: Vec::new(),
        connections: runner.counts.connections,
    }
}

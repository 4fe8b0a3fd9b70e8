//! `wirecat test`: reads all scripts, runs them on as many threads as `--jobs` says, and writes the
//! reports in the order of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::cli::resolve::{Destination, NOT_IN_A_SCRIPT, Scripts, Test};
use crate::cli::world::World;
use crate::error::{Error, Exit, Stage, plain_words};
use crate::io::signals::{Stop, StopSignals};
use crate::io::stdio;
use crate::script::report::{self, Kind, Report};
use crate::script::result::{Failure, FileResult, Totals, Verdict};
use crate::script::shown::Shown;
use crate::secret::Redactor;
use crate::suite::{self, Loaded, Loader};

/// The stack of a thread that runs scripts, in bytes: what a debug build of a session needs, and more.
const STACK: usize = 16 << 20;

/// Reads the scripts and runs them.
///
/// # Errors
/// Exit 2 if a report cannot be written.
pub(super) async fn test(test: Test, world: &World) -> Result<Exit, Error> {
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut files = match load(&test, world) {
        Ok(files) => files,
        Err(wrong) => return report_unreadable(&test, &wrong, started),
    };
    name_recordings(&mut files);
    let mut reports = Reports::open(&test.reports, test.color, started)?;
    let expressions = test.options.interrupt.clone();
    let mut stops = StopSignals::new(None, !world.hangup_ignored, &expressions)
        .map_err(|error| Error::usage(format!("cannot handle signals: {}", plain_words(&error))))?;
    let start = Instant::now();
    let (interrupt, interrupted) = watch::channel(false);
    let (sender, mut results) = mpsc::unbounded_channel();
    let work = Arc::new(Work {
        files,
        repeat: usize::try_from(test.repeat).unwrap_or(usize::MAX),
        next: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let count = work.len();
    let threads = start_threads(&test, world, &work, &interrupted, &sender)?;
    drop(sender);
    let mut in_order = InOrder::default();
    let mut totals = Totals::default();
    let mut stopped = None;
    let progress = progress(&test, count);
    loop {
        let (index, result) = tokio::select! {
            result = results.recv() => match result {
                Some(result) => result,
                None => {
                    pass_panics_on(threads);
                    break;
                }
            },
            stop = stops.next() => {
                work.is_over.store(true, Ordering::Relaxed);
                expressions.set_stopped();
                let _ = interrupt.send(true);
                // The second signal waits for nothing.
                if stopped.replace(stop).is_some() {
                    break;
                }
                continue;
            }
        };
        progress.inc(1);
        in_order.add(index, result);
        while let Some(result) = in_order.next() {
            totals.add(&result);
            progress.suspend(|| reports.file(&result));
        }
    }
    // After an interruption or a failure, files in between may be missing. Those of a failure have been
    // skipped, but no later repetition has begun.
    if stopped.is_none() {
        for index in in_order.next..work.end_of_round(in_order.end()) {
            let skipped = || work.skipped(index, &test.options);
            let result = in_order.waiting.remove(&index).or_else(skipped);
            in_order.waiting.extend(result.map(|it| (index, it)));
        }
    }
    for result in in_order.waiting.values() {
        totals.add(result);
        progress.suspend(|| reports.file(result));
    }
    progress.finish_and_clear();
    let is_empty = totals.tests == 0 && totals.unreadable == 0 && stopped.is_none();
    reports.end(start.elapsed(), stopped.map(Stop::exit))?;
    if is_empty {
        return Err(nothing_to_run(&test.options.only));
    }
    Ok(stopped.map_or_else(|| totals.exit(), Stop::exit))
}

fn nothing_to_run(only: &[String]) -> Error {
    match only.is_empty() {
        true => Error::usage("there is no test in these files").advice("### begins a test"),
        false => Error::usage("no test has a name that --only selects")
            .advice("--only 'NAME*' selects by the beginning of a name"),
    }
}

fn has_failed(test: &crate::script::result::TestResult) -> bool {
    matches!(test.verdict, Verdict::Failed(_) | Verdict::Error(_))
}

/// Says in the reports for programs which scripts have errors, so that those of an earlier run do not stay;
/// a person has read it on stderr.
fn report_unreadable(test: &Test, wrong: &[FileResult], started: Duration) -> Result<Exit, Error> {
    let is_for_programs = |it: &&Destination| it.file.is_some() || it.kind != Kind::Human;
    let places = test.reports.iter().filter(is_for_programs);
    let mut reports = Reports::open(places, false, started)?;
    for result in wrong {
        reports.file(result);
    }
    reports.end(Duration::ZERO, None)?;
    Ok(Exit::Usage)
}

/// A script with these errors, each of one or more lines.
fn unreadable(path: &Path, errors: &[String], redactor: &Redactor) -> FileResult {
    let lines = errors.iter().flat_map(|error| error.lines());
    let mut lines = lines.map(|line| Shown::new(line, redactor));
    let mut failure = Failure::new(Exit::Usage, lines.next().unwrap_or_default());
    failure.details = lines.collect();
    FileResult {
        path: Shown::new(&path.display().to_string(), redactor),
        tests: Vec::new(),
        error: Some(Box::new(failure)),
    }
}

/// Reads all scripts.
///
/// # Errors
/// Those with which something is wrong, which is printed. Then nothing is run.
fn load(test: &Test, world: &World) -> Result<Vec<Loaded>, Vec<FileResult>> {
    let names: Vec<&str> = test.option_names.iter().map(String::as_str).collect();
    let loader = Loader {
        options: &names,
        refused: NOT_IN_A_SCRIPT,
        given: &test.options.variables,
        environment: test.environment.as_deref(),
        root: test.file_root.as_deref(),
        redactor: &test.options.redactor,
    };
    let options = &test.options;
    let interrupt = options.interrupt.clone();
    let scripts = Scripts::new(world, test.rights, test.include_secrets, interrupt);
    let dial = |request: &suite::Request, folder: &suite::Folder| scripts.dial(request, folder);
    let suite_world = suite::World {
        dial: &dial,
        environment: Arc::new(world.environment.clone()),
    };
    let check = |loaded: Loaded| {
        suite::hide_variables(&loaded.variables, &options.redactor);
        let wrong = suite::check(&loaded, options, &suite_world);
        match wrong.is_empty() {
            true => Ok(loaded),
            false => Err(wrong),
        }
    };
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for path in &test.files {
        match loader.load(path).and_then(check) {
            Ok(loaded) => {
                for note in &loaded.notes {
                    let note = format!("{}: {note}\n", loaded.script.shown);
                    stdio::print(stdio::stderr(), note.as_bytes());
                }
                files.push(loaded);
            }
            Err(errors) => {
                wrong.push(unreadable(path, &errors, &options.redactor));
                for error in errors {
                    let text = test.options.redactor.redact(&error);
                    let text = match text.ends_with('\n') {
                        true => text.into_owned(),
                        false => format!("{text}\n"),
                    };
                    stdio::print(stdio::stderr(), text.as_bytes());
                }
            }
        }
    }
    if !wrong.is_empty() {
        let scripts = crate::units::counted(wrong.len() as u64, "script");
        let verb = if wrong.len() == 1 { "has" } else { "have" };
        let text = format!("{scripts} {verb} errors; nothing was run\n");
        stdio::print(stdio::stderr(), text.as_bytes());
        return Err(wrong);
    }
    test.options.redactor.keep();
    Ok(files)
}

/// Gives scripts of the same name, in different folders, recordings of different names.
fn name_recordings(files: &mut [Loaded]) {
    let mut taken = BTreeSet::new();
    for file in files {
        let (stem, mut number) = (file.stem.clone(), 1_u64);
        while !taken.insert(file.stem.clone()) {
            number += 1;
            file.stem = format!("{stem}~{number}");
        }
    }
}

/// What threads take from.
struct Work {
    files: Vec<Loaded>,
    repeat: usize,
    next: AtomicUsize,
    /// Nothing more is begun.
    is_over: AtomicBool,
}

impl Work {
    fn len(&self) -> usize {
        self.files.len().saturating_mul(self.repeat)
    }

    /// The next file, and its number in the order of the reports.
    fn take(&self) -> Option<(usize, &Loaded)> {
        if self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if index >= self.len() {
            return None;
        }
        let file = self.files.get(index % self.files.len())?;
        Some((index, file))
    }

    /// Where the repetition ends in which so many files have been run.
    fn end_of_round(&self, count: usize) -> usize {
        let files = self.files.len().max(1);
        let end = count.div_ceil(files).saturating_mul(files);
        end.min(self.len())
    }

    /// The result of a file that is not run any more.
    fn skipped(&self, index: usize, options: &suite::Options) -> Option<FileResult> {
        let file = self.files.get(index % self.files.len())?;
        Some(suite::skipped(file, options))
    }
}

type Results = mpsc::UnboundedSender<(usize, FileResult)>;

fn start_threads(
    test: &Test,
    world: &World,
    work: &Arc<Work>,
    interrupted: &watch::Receiver<bool>,
    results: &Results,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let mut threads = Vec::new();
    for _ in 0..test.jobs.min(work.len()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| cannot_start(&error))?;
        let runner = Thread {
            runtime,
            options: test.options.clone(),
            rights: test.rights,
            include_secrets: test.include_secrets,
            world: world.clone(),
            work: Arc::clone(work),
            interrupted: interrupted.clone(),
            results: results.clone(),
        };
        let thread = thread::Builder::new()
            .name("scripts".to_owned())
            .stack_size(STACK)
            .spawn(move || runner.run());
        threads.push(thread.map_err(|error| cannot_start(&error))?);
    }
    Ok(threads)
}

fn cannot_start(error: &io::Error) -> Error {
    let message = format!("cannot start a thread for scripts: {}", plain_words(error));
    Error::usage(message).advice("--jobs with a smaller number")
}

/// Ends the program as a panic of this thread would: the files that a thread has not run must not look
/// like files that were not there. All threads have sent what they have to say.
fn pass_panics_on(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// What a thread needs to run scripts.
struct Thread {
    runtime: tokio::runtime::Runtime,
    options: suite::Options,
    rights: crate::cli::resolve::Rights,
    include_secrets: bool,
    world: World,
    work: Arc<Work>,
    interrupted: watch::Receiver<bool>,
    results: Results,
}

impl Thread {
    fn run(self) {
        let runtime = self.runtime;
        let interrupt = self.options.interrupt.clone();
        let scripts = Scripts::new(&self.world, self.rights, self.include_secrets, interrupt);
        let dial = |request: &suite::Request, folder: &suite::Folder| scripts.dial(request, folder);
        let world = suite::World {
            dial: &dial,
            environment: Arc::new(self.world.environment.clone()),
        };
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            while let Some((index, file)) = self.work.take() {
                let interrupted = self.interrupted.clone();
                let round = index / self.work.files.len() + 1;
                let result = suite::run((file, round), &self.options, &world, interrupted).await;
                if self.options.fail_fast && result.tests.iter().any(has_failed) {
                    self.work.is_over.store(true, Ordering::Relaxed);
                }
                // Who receives it may have been stopped by a signal.
                let _ = self.results.send((index, result));
            }
        });
        drop(local);
        // A name lookup may still block a thread.
        runtime.shutdown_background();
    }
}

/// Puts results into the order of their numbers.
#[derive(Default)]
struct InOrder {
    next: usize,
    waiting: BTreeMap<usize, FileResult>,
}

impl InOrder {
    fn add(&mut self, index: usize, result: FileResult) {
        self.waiting.insert(index, result);
    }

    /// The number after the largest so far.
    fn end(&self) -> usize {
        let waiting = self.waiting.last_key_value();
        waiting.map_or(self.next, |(index, _)| *index + 1)
    }

    fn next(&mut self) -> Option<FileResult> {
        let result = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(result)
    }
}

/// Shows how far the run is, on a terminal.
fn progress(test: &Test, files: usize) -> ProgressBar {
    let target = match test.shows_progress && files > 1 {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(files as u64), target);
    let style = ProgressStyle::with_template("{pos} of {len} files, {elapsed} {wide_bar}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// The reports of a run, and where they go.
struct Reports(Vec<Written>);

struct Written {
    report: Report,
    to: To,
    /// The first failure to write; nothing is written after it.
    failed: Option<io::Error>,
}

enum To {
    Stdout,
    File(PathBuf, File),
}

impl Reports {
    /// Creates the files, so that a name that cannot be written is found before anything is run.
    fn open<'a>(
        places: impl IntoIterator<Item = &'a Destination>,
        color: bool,
        started: Duration,
    ) -> Result<Reports, Error> {
        let mut reports = Vec::new();
        for Destination { kind, file } in places {
            let options = report::Options {
                kind: *kind,
                color: color && file.is_none(),
                started,
            };
            let to = match file {
                None => To::Stdout,
                Some(path) => {
                    let opened = File::create(path);
                    let opened = opened.map_err(|error| unwritable(Some(path), &error))?;
                    To::File(path.clone(), opened)
                }
            };
            reports.push(Written {
                report: Report::new(options),
                to,
                failed: None,
            });
        }
        Ok(Reports(reports))
    }

    fn file(&mut self, result: &FileResult) {
        for written in &mut self.0 {
            let bytes = written.report.file(result);
            written.write(&bytes);
        }
    }

    /// Writes the ends of the reports.
    ///
    /// # Errors
    /// Exit 2 for the first report that could not be written. That the reader of stdout is gone is no
    /// failure.
    fn end(self, took: Duration, stopped: Option<Exit>) -> Result<(), Error> {
        let mut failure = None;
        for mut written in self.0 {
            let report = std::mem::replace(&mut written.report, Report::new(Default::default()));
            let bytes = report.end(took, stopped);
            written.write(&bytes);
            let path = match &written.to {
                To::Stdout => None,
                To::File(path, _) => Some(path),
            };
            if let Some(error) = &written.failed
                && !(path.is_none() && error.kind() == io::ErrorKind::BrokenPipe)
            {
                failure.get_or_insert(unwritable(path, error));
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Written {
    fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_some() || bytes.is_empty() {
            return;
        }
        let written = match &mut self.to {
            To::Stdout => stdio::stdout().and_then(|mut stdout| stdout.write_all(bytes)),
            To::File(_, file) => file.write_all(bytes),
        };
        self.failed = written.err();
    }
}

fn unwritable(path: Option<&PathBuf>, error: &io::Error) -> Error {
    let name = path.map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
    let message = format!("cannot write the report to {name}: {}", plain_words(error));
    Error::new(Stage::Output, Exit::Usage, message)
}

//! From the process environment to an exit code: resolves the command line, starts the runtime, and
//! runs one front end.

mod convert;
mod ending;
mod programs;
mod replaying;
mod suite;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use self::ending::{LAST_WRITES, recorder, report_outcome, report_shortfall};
use crate::auth::acquire;
use crate::cli::resolve::{Client, FrontEnd, Job, Listen, Serve};
use crate::cli::world::World;
use crate::cli::{self, ParseError, early, generate, resolve, show};
use crate::error::{Error, Exit, Stage, plain_words};
use crate::event::{Event, Peer};
use crate::handshake::bearer;
use crate::io::recorder::Recorded;
use crate::io::signals::{Hangups, StopSignals};
use crate::io::stdio;
use crate::io::stdout;
use crate::io::writer::{self, Writer};
use crate::json::jq::Interrupt;
use crate::output::Renderer;
use crate::serve::LogLines;
use crate::session::door::Door;
use crate::session::frontend::{Asker, Sink, Source};
use crate::session::outcome::{Ended, Outcome, Verdict};
use crate::session::reconnect::When;
use crate::session::{self, Approach, Finished};
use crate::{pipe, repl, serve};

/// Runs the command line of `world`.
pub fn run(world: &World) -> Exit {
    let read = cli::import(world).and_then(|(world, notes)| {
        let mut cli = cli::read(&world)?;
        cli.notes = notes;
        Ok((cli, world))
    });
    let (cli, world) = match read {
        Ok((cli, world)) => (cli, world),
        Err(ParseError::CommandLine(error)) => return early::print_parse_error(world, &error),
        Err(ParseError::Unusable { error, silent }) => return failed(world, &error, silent),
    };
    let silent = cli.is_silent();
    let done = resolve::job(cli, &world).and_then(|job| perform(job, &world));
    done.unwrap_or_else(|error| failed(&world, &error, silent))
}

fn failed(world: &World, error: &Error, silent: bool) -> Exit {
    if !silent {
        early::complain(world, error);
    }
    error.exit
}

fn perform(job: Job, world: &World) -> Result<Exit, Error> {
    match job {
        Job::Generate(kind, profiles) => {
            stdio::print(stdio::stdout(), &generate::generate(kind, &profiles));
            Ok(Exit::Ok)
        }
        Job::Client(client) => in_runtime(|| converse(*client, None, world)),
        Job::Listen(options) => in_runtime(|| listen(*options, world)),
        Job::DryRun(client) => {
            let shown = show::dry_run(&client, world)?;
            let route = (client.output.verbose > 0).then(|| show::route(&client));
            Ok(print_shown(&client, &shown, route, world))
        }
        Job::ToCurl(client, passed) => {
            let shown = show::to_curl(&client, &passed, world)?;
            Ok(print_shown(&client, &shown, None, world))
        }
        Job::Convert(job) => convert::convert(&job, world),
        Job::Demo(client) => in_runtime(|| demo(*client, world)),
        Job::Serve(options) => in_runtime(|| serve(*options, world)),
        Job::Test(test) => in_runtime(|| suite::test(*test, world)),
        Job::Replay(replay) => in_runtime(|| replaying::replay(replay, world)),
    }
}

/// Prints a request that is only shown, and the notes about it.
fn print_shown(client: &Client, shown: &[u8], route: Option<String>, world: &World) -> Exit {
    if !client.output.silent {
        client
            .notes
            .iter()
            .chain(&route)
            .for_each(|note| early::note(world, note));
    }
    stdio::print(stdio::stdout(), shown);
    Exit::Ok
}

/// Makes a large future that few runs need, on the heap. It is not inlined: every start would pay for
/// the room in the caller's frame.
#[inline(never)]
fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}

/// One thread: a single connection needs no more, and thread switches cost more than they gain. It is
/// not inlined, as [`boxed`].
#[inline(never)]
fn in_runtime<F>(job: impl FnOnce() -> F) -> Result<Exit, Error>
where
    F: Future<Output = Result<Exit, Error>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("cannot start: {}", plain_words(&error))))?;
    let result = runtime.block_on(job());
    // A name lookup or a password prompt may still block a thread.
    runtime.shutdown_background();
    result
}

/// Waits for clients, and talks to them.
async fn listen(options: Listen, world: &World) -> Result<Exit, Error> {
    let Listen {
        address,
        mut door,
        tls,
        tokens,
        mut client,
    } = options;
    let environment = |name: &str| world.environment.get(name).cloned();
    let tokens = acquire::expected(&tokens, &environment).await?;
    for token in &tokens {
        client.plan.redactor.add_given(token.expose());
    }
    door.tokens = bearer::Expected::new(&tokens);
    let prepared = tls.as_ref().map(serve::prepare_tls).transpose()?;
    let (acceptor, authority) = prepared.unzip();
    let (listener, address) = serve::listen(address).await?;
    client.plan.target.port = address.port();
    if let Some(authority) = authority.flatten().filter(|_| !client.output.silent) {
        let url = format!("wss://{address}");
        stdio::print(stdio::stderr(), trust(&authority, &[url], "").as_bytes());
    }
    let door = Door::open(listener, acceptor.as_ref(), door);
    converse(client, Some(door), world).await
}

/// Talks to a server, or to the clients that come through the door.
async fn converse(client: Client, mut door: Option<Door>, world: &World) -> Result<Exit, Error> {
    let start = Instant::now();
    let renderer = Renderer::new(client.output.clone(), client.plan.redactor.clone());
    let max_time = client.deadline;
    let max_time = max_time.map(|deadline| deadline.saturating_duration_since(start));
    let mut stops = StopSignals::new(max_time, !world.hangup_ignored, &client.interrupt)
        .map_err(|error| Error::usage(format!("cannot handle signals: {}", plain_words(&error))))?;
    match &client.front {
        FrontEnd::Pipe(options) => {
            if let Some(program) = &options.program
                && let Some(door) = door.take()
            {
                let stops = &mut stops;
                let serve = || programs::serve(&client, options, program, door, world, stops);
                return boxed(serve).await;
            }
            let (program, to) = match &options.program {
                Some(program) => {
                    let (program, stdin) = pipe::program::Program::new(program.clone());
                    (Some(program), pipe::Destination::Program(stdin))
                }
                None => (None, pipe::Destination::File(options.output.as_deref())),
            };
            let output = pipe::Output::new(to, renderer, start)?;
            let recorder = client.record.is_some().then(|| recorder(&client, start));
            let mut sink = Recorded::new(output, recorder.transpose()?);
            let input = pipe::Input::new(options.messages.clone(), options.then.clone());
            let mut input = input.with_program(program.clone());
            let ends = (&mut input, &mut sink);
            let mut finished = talk(&client, door.as_mut(), world, ends, &mut stops).await;
            drop(input);
            if let Some(program) = program {
                sink.front_mut().end_of_program();
                let patience = client.session.keepalive.close_timeout;
                programs::finish(&program, patience, &mut finished, &mut sink, &mut stops).await;
            }
            let exit = conclude(&client, &finished, &mut sink);
            let silent = client.output.silent;
            let writing = sink.finish(silent, async |output| output.finish(exit).await);
            finish(exit, finished, writing, &mut stops).await
        }
        FrontEnd::Interactive(options) => {
            let options = options.clone();
            let screen = (renderer, start);
            let stops = &mut stops;
            boxed(|| converse_at_prompt((client, door), options, world, screen, stops)).await
        }
    }
}

/// Talks to one server after another, as the person at the prompt wants.
async fn converse_at_prompt(
    (mut client, mut door): (Client, Option<Door>),
    options: repl::Options,
    world: &World,
    (renderer, start): (Renderer, Instant),
    stops: &mut StopSignals,
) -> Result<Exit, Error> {
    let until = client.session.policy.stop.until.clone();
    let recorder = recorder(&client, start)?;
    let next = Rc::default();
    let (mut prompt, screen) = repl::open(
        options,
        until,
        &client.plan,
        connector(&client, world, &next),
        (renderer, recorder.clone()),
        start,
    )?;
    let mut sink = Recorded::new(screen, Some(recorder));
    // The server that was left, until there is a connection to the next one.
    let mut left: Option<Client> = None;
    loop {
        let ends = (&mut prompt, &mut sink);
        let mut finished = talk(&client, door.as_mut(), world, ends, stops).await;
        if let Some(failure) = prompt.take_failure() {
            fail(&mut finished, failure, &mut sink);
        }
        let exit = conclude(&client, &finished, &mut sink);
        let opened = finished.totals.connections > 0;
        let chosen = next.take().filter(|_| is_leaving(&finished));
        let back = left.take_if(|_| opened || chosen.is_none());
        let back = back.filter(|_| is_unreachable(&finished) && !prompt.is_leaving());
        let goes_back = chosen.is_none();
        let Some(following) = chosen.or(back) else {
            let silent = client.output.silent;
            let writing = sink.finish(silent, async |screen| {
                repl::finish(prompt, screen, exit).await
            });
            return finish(exit, finished, writing, stops).await;
        };
        if let Err(error) = finished.save(true).await {
            // The person at the prompt goes on with the next server.
            sink.handle_event(Instant::now(), &Event::Error(&error));
        }
        let before = std::mem::replace(&mut client, following);
        if let FrontEnd::Interactive(options) = &client.front {
            prompt.switch_to(&client.plan, options);
        }
        if goes_back {
            return_to(&mut client, &mut sink);
        } else if opened {
            left = Some(before);
        }
    }
}

/// Makes the failure of the prompt that of a run that went well otherwise.
fn fail(finished: &mut Finished, failure: Error, sink: &mut impl Sink) {
    match &finished.outcome {
        Outcome::Ended(ended) if ended.exit(finished.verdict) == Exit::Ok => {
            finished.outcome = Outcome::Failed(failure);
        }
        // The more specific one is reported too, and says how the run ends.
        _ => sink.handle_event(Instant::now(), &Event::Error(&failure)),
    }
}

/// Whether there was no connection at all, because the server cannot be reached or refused it.
fn is_unreachable(finished: &Finished) -> bool {
    matches!(finished.outcome, Outcome::Failed(_)) && finished.totals.connections == 0
}

/// A server that `/connect` left for one that cannot be reached is connected to again, as if its
/// connection had been lost.
fn return_to(client: &mut Client, sink: &mut impl Sink) {
    if client.session.reconnect.when == When::AfterOpen {
        client.session.reconnect.when = When::Always;
    }
    let url = client.plan.shown_url();
    let note = format!("going back to {url}");
    sink.handle_event(Instant::now(), &Event::Note(&note));
}

/// Resolves the next server for `/connect`. Its secrets are hidden with those of the first, the cookies
/// are kept, and Ctrl-C interrupts its expressions too.
fn connector(
    client: &Client,
    world: &World,
    next: &Rc<RefCell<Option<Client>>>,
) -> repl::Connector {
    let (next, world) = (Rc::clone(next), world.clone());
    let (redactor, interrupt) = (client.plan.redactor.clone(), client.interrupt.clone());
    let (first, cookies) = (client.plan.target.clone(), client.plan.cookies.clone());
    Rc::new(move |url| {
        let mut client = resolve::reconnect_to(&world, url, &first, &interrupt)
            .map_err(|error| error.with_details())?;
        redactor.add_all(&client.plan.redactor);
        client.plan.redactor = redactor.clone();
        // Whatever servers there were, -c writes the cookies of all of them.
        cookies.add_new(&client.plan.cookies);
        client.plan.cookies = cookies.clone();
        *next.borrow_mut() = Some(client);
        Ok(())
    })
}

/// Whether a run ended because the person at the prompt wanted that.
fn is_leaving(finished: &Finished) -> bool {
    !finished.verdict.output_closed
        && !matches!(finished.outcome, Outcome::Ended(Ended::Stopped(_)))
}

async fn talk(
    client: &Client,
    door: Option<&mut Door>,
    world: &World,
    (source, sink): (&mut (impl Source + Asker), &mut impl Sink),
    stops: &mut StopSignals,
) -> Finished {
    let url = client.plan.shown_url();
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    sink.handle_event(Instant::now(), &Event::Header { url: &url, started });
    for line in &client.notes {
        sink.handle_event(Instant::now(), &Event::Note(line));
    }
    let environment = |name: &str| world.environment.get(name).cloned();
    let approach = match door {
        None => Approach::Dial(&client.plan, &environment),
        Some(door) => {
            let url = format!("{}://{}", door.scheme(), client.plan.target.authority());
            sink.handle_event(Instant::now(), &Event::Listening { url: &url });
            sink.flush();
            if let FrontEnd::Interactive(_) = client.front {
                let (redactor, ends) = (&client.plan.redactor, (source, sink));
                let serve = || session::board::serve(door, redactor, &client.session, ends, stops);
                return boxed(serve).await;
            }
            Approach::Clients(door, &client.plan.redactor)
        }
    };
    session::run(approach, &client.session, (source, sink), stops).await
}

/// Reports how the run ended, the messages that expressions skipped and those that were never sent, and
/// returns the exit code.
fn conclude(client: &Client, finished: &Finished, sink: &mut impl Sink) -> Exit {
    let exit = report_outcome(finished, sink);
    let (now, totals) = (Instant::now(), &finished.totals);
    for loss in client.unshown() {
        sink.handle_event(now, &Event::Note(&loss));
    }
    for loss in client.losses() {
        sink.handle_event(now, &Event::Warning(&loss));
    }
    let never_met = match totals.connections {
        0 => Vec::new(),
        _ => client.unmet(),
    };
    report_shortfall(exit, Stage::Receive, &never_met, sink);
    sink.handle_event(now, &Event::End { exit, totals });
    exit
}

/// Waits until the output is written. A signal cuts that short.
async fn finish(
    exit: Exit,
    finished: Finished,
    writing: impl Future<Output = Result<(), Error>>,
    stops: &mut StopSignals,
) -> Result<Exit, Error> {
    let stopped = matches!(finished.outcome, Outcome::Ended(Ended::Stopped(_)));
    let (complete, exit) = tokio::select! {
        written = writing => (written.is_ok() && !finished.verdict.output_closed, written.map(|()| exit)),
        () = tokio::time::sleep(LAST_WRITES), if stopped => (false, Ok(exit)),
        stop = stops.next() => (false, Ok(Ended::Stopped(stop).exit(Verdict::default()))),
    };
    let exit = exit?;
    let mut saving = pin!(finished.save(complete));
    tokio::select! {
        saved = &mut saving => saved.map(|()| exit),
        stop = stops.next() => {
            let ended = Ended::Stopped(stop);
            // Usually it takes moments. A disk that hangs must not block the exit.
            let saved = tokio::time::timeout(LAST_WRITES, saving).await;
            // What a signal ends needs no words.
            match ended.error(Peer::Server).filter(|_| saved.is_err()) {
                Some(error) => Err(error.detail("the files of this run could not be written in time")),
                None => Ok(ended.exit(Verdict::default())),
            }
        }
    }
}

async fn demo(mut client: Client, world: &World) -> Result<Exit, Error> {
    let (listener, address) = serve::listen(([127, 0, 0, 1], 0).into()).await?;
    client.plan.target.port = address.port();
    let server = tokio::spawn(async move {
        // Ends with the process.
        let _ = serve::run(listener, serve::Options::default(), std::future::pending()).await;
    });
    let exit = converse(client, None, world).await;
    server.abort();
    exit
}

async fn serve(options: Serve, world: &World) -> Result<Exit, Error> {
    let rotates = options.log_file.is_some();
    let hangup = !world.hangup_ignored && !rotates;
    let no_handler =
        |error| Error::usage(format!("cannot handle signals: {}", plain_words(&error)));
    let mut stops = StopSignals::new(None, hangup, &Interrupt::default()).map_err(no_handler)?;
    let log = match &options.log_file {
        Some(path) => LogLines::to_file(path)?,
        None => LogLines::to_stderr(),
    };
    let rotation = match rotates {
        true => Some(Hangups::new().map_err(no_handler)?),
        false => None,
    };
    let line_of = log.clone();
    let mut server_options = options.options;
    if !options.silent {
        server_options.log = Some(Arc::new(move |line| line_of.push(line)));
    }
    let server = serve::Server::new(server_options).await?;
    let listeners = serve::Listeners::open(&options.listen).await?;
    let urls = listeners.urls(server.has_tls());
    if let Some(authority) = server.authority() {
        stdio::print(stdio::stderr(), trust(authority, &urls, "/echo").as_bytes());
    }
    let in_log = (!rotates).then_some(&log);
    let announcement = announce(in_log, &urls);
    let rotation = tokio::spawn(reopen(log.clone(), rotation));
    let shutdown = async move {
        stops.next().await;
    };
    server.run(listeners, shutdown).await;
    rotation.abort();
    // If they have no reader, they are not waited for.
    let last_lines = async {
        if let Some(announcement) = announcement {
            let _ = announcement.finish().await;
        }
        log.finish().await;
    };
    let _ = tokio::time::timeout(LAST_WRITES, last_lines).await;
    Ok(Exit::Ok)
}

/// Opens the file of the log anew for each SIGHUP.
async fn reopen(log: LogLines, hangups: Option<Hangups>) {
    let Some(mut hangups) = hangups else { return };
    loop {
        hangups.next().await;
        if let Err(error) = log.reopen() {
            let line = format!("wirecat: {}\n", error.message);
            stdio::print(stdio::stderr(), line.as_bytes());
        }
    }
}

/// What a person is told who has to make clients trust the server.
fn trust(authority: &serve::Authority, urls: &[String], path: &str) -> String {
    let url = urls.iter().find(|url| url.starts_with("wss:"));
    let port = url
        .and_then(|url| url.rsplit_once(':'))
        .map_or("", |(_, port)| port);
    let url = format!("wss://localhost:{port}{path}");
    match &authority.file {
        Some(file) => format!("try: wirecat --cacert {} {url}\n", file.display()),
        None => {
            let pem = &authority.pem;
            format!(
                "{pem}try: save this certificate as ca.pem, and wirecat --cacert ca.pem {url}\n"
            )
        }
    }
}

/// Prints the addresses of the server on stdout. A server with an unread announcement still serves,
/// so a thread prints it: that of the log, in order, if both go to the same file.
fn announce(log: Option<&LogLines>, urls: &[String]) -> Option<Writer> {
    let lines = urls.iter().map(|url| format!("listening on {url}"));
    if let Some(log) = log.filter(|_| stdout::is_stderr()) {
        lines.for_each(|line| log.push(&line));
        return None;
    }
    let mut stdout = Writer::new(writer::stdout().ok()?);
    for line in lines {
        stdout
            .buffer()
            .extend_from_slice(format!("{line}\n").as_bytes());
    }
    stdout.submit();
    Some(stdout)
}

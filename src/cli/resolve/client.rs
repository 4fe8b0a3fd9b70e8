//! The client: the options of a whole run, and its front end.

use std::path::PathBuf;
use std::time::Instant;

use super::expressions::compile;
use super::files::Files;
use super::ineffective;
use super::messages::{input, payload, then};
use super::mode::Mode;
use super::output::color;
use super::request::plan;
use super::session::session;
use super::variables::Variables;
use crate::cli::args::{ClientArgs, PromptArgs, Typed};
use crate::cli::config::Configured;
use crate::cli::world::World;
use crate::error::Error;
use crate::event::Peer;
use crate::json::jq::{Filter, Interrupt};
use crate::session::ack::How;
use crate::session::answers::{Opening, Rules};
use crate::session::connect::Plan;
use crate::session::policy::drain::OnEof;
use crate::session::policy::{self, drain, pace, stop};
use crate::suite::Folder;
use crate::uri::{Target, UrlSource};
use crate::{output, pipe, repl, session};

#[derive(Debug)]
pub struct Client {
    /// Options that were typed and have no effect, and a profile that applies though it was not
    /// named: one line each.
    pub notes: Vec<String>,
    pub plan: Plan,
    pub session: session::Options,
    /// The deadline of `--max-time`.
    pub deadline: Option<Instant>,
    pub output: output::Options,
    /// `--record`
    pub record: Option<PathBuf>,
    pub front: FrontEnd,
    /// Stops the evaluation of every expression.
    pub interrupt: Interrupt,
}

/// The option whose expression decides what is shown.
const FILTER: &str = "--filter";

impl Client {
    /// The expressions over messages, each with its option, and whether its failures are reported
    /// one by one.
    fn filters(&self) -> impl Iterator<Item = (String, &Filter, bool)> {
        let until = self.session.policy.stop.until.as_ref();
        let confirm = match &self.session.confirm {
            Some(How::Number(filter)) => Some(filter),
            _ => None,
        };
        let program = self.session.policy.program.as_ref();
        let after = program.and_then(|program| program.after.as_ref());
        let after = after.map(|it| ("--run-after".to_owned(), it, false));
        let filter = self.output.filter.as_ref();
        let filter = filter.map(|it| (FILTER.to_owned(), it, true));
        let until = until.map(|it| ("--until".to_owned(), it, false));
        let confirm = confirm.map(|it| ("--confirm".to_owned(), it, false));
        let resume = self.session.memory.filters();
        let resume = resume.map(|(name, it)| (format!("--resume {name}"), it, false));
        let policies = filter.into_iter().chain(until).chain(after);
        policies.chain(confirm).chain(resume)
    }

    /// Sentences about the messages of the run that `--filter` skipped, which changes nothing but what is
    /// shown.
    pub fn unshown(&self) -> Vec<String> {
        let filter = self.output.filter.as_ref();
        let losses = filter.map(|filter| filter.losses(FILTER, false));
        losses.into_iter().flatten().collect()
    }

    /// Sentences about the messages of the run that other expressions skipped, and what never happened
    /// although it was waited for.
    pub fn losses(&self) -> Vec<String> {
        let filters = self.filters().filter(|(option, ..)| option != FILTER);
        let losses = filters.map(|(option, filter, reported)| filter.losses(&option, !reported));
        let mut losses: Vec<String> = losses.flatten().collect();
        for rule in self.session.answers.all().iter() {
            let option = format!("--answer '{}'", rule.text);
            losses.extend(losses_of_text(&rule.when, &option, rule.answered() == 0));
        }
        for opening in &self.session.opening {
            if let Opening::After(after) = opening {
                let option = format!("--on-open 'after {}'", after.when.text());
                losses.extend(losses_of_text(&after.when, &option, after.was_never_met()));
            }
        }
        let decode = self.session.decode.as_ref();
        losses.extend(decode.and_then(|it| it.tally.sentence()));
        losses
    }

    /// Sentences about the messages of `--on-open` that waited in vain.
    pub fn unmet(&self) -> Vec<String> {
        let unmet = self
            .session
            .opening
            .iter()
            .filter_map(|opening| match opening {
                Opening::After(after) if after.was_never_met() => {
                    let expression = after.when.text();
                    Some(match after.reply {
                        Some(_) => format!(
                            "--on-open 'after {expression}: …' was never met, so it was not sent"
                        ),
                        None => format!("--on-open 'after {expression}:' was never met"),
                    })
                }
                _ => None,
            });
        unmet.collect()
    }

    /// Lets the keys and signals that end an evaluation end every one.
    fn set_interrupts(&self) {
        for (_, filter, _) in self.filters() {
            filter.set_interrupt(&self.interrupt);
        }
        for rule in self.session.answers.all().iter() {
            rule.set_interrupt(&self.interrupt);
        }
        for opening in &self.session.opening {
            if let Opening::After(after) = opening {
                after.set_interrupt(&self.interrupt);
            }
        }
    }
}

/// Sentences about messages that an expression, which messages of every kind are given to, did not
/// understand. It is for some, and fails on others by its nature: where it `was_in_vain`, that may be why.
fn losses_of_text(filter: &Filter, option: &str, was_in_vain: bool) -> Vec<String> {
    let failures = match was_in_vain {
        true => filter.losses(option, true),
        false => Vec::new(),
    };
    filter.several(option).into_iter().chain(failures).collect()
}

/// The front end and its options.
#[derive(Debug)]
pub enum FrontEnd {
    Interactive(repl::Options),
    Pipe(pipe::Options),
}

/// What stands for a URL that is not known before it is needed; no host has this name (RFC 2606).
const COMPUTED: &str = "wss://computed.invalid/";

/// What a client is resolved from.
pub(super) struct Input<'a> {
    pub(super) args: &'a ClientArgs,
    pub(super) typed: &'a Typed,
    /// Sentences about what was left out before.
    pub(super) notes: &'a [String],
    pub(super) configured: &'a Configured,
    pub(super) world: &'a World,
    pub(super) interrupt: &'a Interrupt,
    /// What the other side is.
    pub(super) peer: Peer,
    /// The folder of a script, which reads no other files.
    pub(super) folder: Option<&'a Folder>,
}

/// The client for `url`, in which variables are filled in.
pub(super) fn client(
    url: &str,
    input: &Input<'_>,
    parse: impl Fn(&str) -> Result<Target, Error>,
) -> Result<Client, Error> {
    let max_time = input.args.time.max_time.filter(|time| !time.is_zero());
    let deadline = max_time.and_then(|time| Instant::now().checked_add(time));
    let mode = Mode::new(input.args, input.world, input.peer);
    let (args, configured) = (input.args, input.configured);
    let variables = Variables::read(url, args, configured, mode.interactive, input.world)?;
    let source = UrlSource::parse(url);
    if matches!(&source, Some(UrlSource::Command(line)) if line.trim().is_empty()) {
        return Err(Error::usage("the URL is cmd: without a command")
            .advice("'cmd:./ticket.sh', which prints the URL of each connection"));
    }
    let target = match &source {
        Some(_) => Target::parse(COMPUTED)?,
        None => parse(&variables.fill_url(url)).map_err(|error| variables.redacted(error))?,
    };
    let resolve = |target, files: &mut Files| {
        let place = (target, source.clone());
        client_with(place, input, &mode, &variables, files, deadline)
    };
    let mut files = Files::not_blocking().within(input.folder);
    let client = resolve(target.clone(), &mut files)?;
    if files.have_skipped() && input.world.is_dry_run {
        let mut client = client;
        let note = "stdin and files that may block are not read when the request is only shown";
        client.notes.push(note.to_owned());
        return Ok(client);
    }
    if files.have_skipped() {
        return resolve(target, &mut Files::blocking(deadline).within(input.folder));
    }
    Ok(client)
}

fn client_with(
    (target, source): (Target, Option<UrlSource>),
    input: &Input<'_>,
    mode: &Mode<'_>,
    variables: &Variables,
    files: &mut Files,
    deadline: Option<Instant>,
) -> Result<Client, Error> {
    super::check::refuse(mode)?;
    let output = super::output::options(mode)?;
    let record = super::output::record(mode)?;
    let mut plan = plan(target, input.args, variables, input.world, files)?;
    let token = input.args.auth.token.as_deref().unwrap_or_default();
    let url = match &source {
        Some(UrlSource::Command(line)) => line.as_str(),
        Some(UrlSource::File(_)) | None => "",
    };
    plan.credentials.variables = variables.environment([token, url]);
    plan.source = source;
    plan.reports_lines = mode.interactive;
    super::sigv4::check(&plan)?;
    let mut session = session(mode, &plan, variables, files)?;
    session.policy = policy(mode)?;
    let interrupt = input.interrupt.clone();
    let front = front_end(mode, input.configured, variables, files, interrupt.clone())?;
    let mut front = with_answers(front, &session.answers);
    if let Some(encoder) = &session.encode {
        super::decoding::check_session(&session, encoder)?;
        match &mut front {
            FrontEnd::Pipe(pipe) => super::decoding::check(pipe, encoder)?,
            FrontEnd::Interactive(prompt) => prompt.encoder = Some(encoder.clone()),
        }
    }
    let mut client = Client {
        notes: notes(input, mode),
        plan,
        session,
        deadline,
        output,
        record,
        front,
        interrupt,
    };
    let waiting = client.session.opening.iter();
    let waiting = waiting.filter(|opening| matches!(opening, Opening::After(_)));
    let others = client.session.answers.all().len() + waiting.count();
    client.session.shares_json = client.filters().count() + others > 1;
    client.set_interrupts();
    client.plan.redactor.keep();
    Ok(client)
}

fn notes(input: &Input<'_>, mode: &Mode<'_>) -> Vec<String> {
    let mut notes = input.notes.to_vec();
    notes.extend(ineffective::lines(input.typed, mode));
    notes.extend(super::cookies::notes(&input.args.cookies));
    if let Some(matched) = &input.configured.matched
        && (matched.is_one_of_several || mode.interactive || input.args.output.verbose > 0)
    {
        notes.push(matched.note.clone());
    }
    notes
}

fn front_end(
    mode: &Mode<'_>,
    configured: &Configured,
    variables: &Variables,
    files: &mut Files,
    interrupt: Interrupt,
) -> Result<FrontEnd, Error> {
    let (args, world) = (mode.args, mode.world);
    let payload = payload(&args.send);
    let output = args.output.output.clone();
    if mode.interactive {
        return Ok(FrontEnd::Interactive(repl::Options {
            payload,
            encoder: None,
            output,
            queue: args.stay.outbox,
            interrupt,
            color: color(&args.output, world, world.stdout_tty && !args.prompt.plain),
            edit_mode: args.prompt.edit_mode.into(),
            history: history(&args.prompt, world),
            editor: editor(world),
            pager: pager(world),
            temporary: temporary(world),
            scrollback: args.prompt.scrollback,
            plain: args.prompt.plain,
            variables: variables.values().clone(),
            resumed: args.stay.resume.iter().map(|it| name_of(it)).collect(),
            saved: super::saving::options(args),
            messages: configured.messages.clone(),
            profiles: configured.profiles.clone(),
            answers: Rules::default(),
        }));
    }
    Ok(FrontEnd::Pipe(pipe::Options {
        program: super::programs::exec(args)?,
        messages: input(args, payload, variables, files)?,
        then: then(&args.send, payload, variables, files)?,
        output,
    }))
}

/// The name in `NAME=EXPR`.
fn name_of(definition: &str) -> String {
    let name = definition.split('=').next();
    name.unwrap_or_default().to_owned()
}

/// The front end with the rules of `--answer`, which the prompt may change.
fn with_answers(front: FrontEnd, answers: &Rules) -> FrontEnd {
    match front {
        FrontEnd::Interactive(options) => FrontEnd::Interactive(repl::Options {
            answers: answers.clone(),
            ..options
        }),
        front => front,
    }
}

/// The history file: `$XDG_STATE_HOME/wirecat/history`, or below `~/.local/state`. A relative
/// `XDG_STATE_HOME` counts as unset (XDG Base Directory Specification 0.8).
fn history(args: &PromptArgs, world: &World) -> Option<PathBuf> {
    if args.no_history {
        return None;
    }
    let named = world.variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = named.filter(|path| path.is_absolute()).or_else(|| {
        let home = world.variable("HOME")?;
        Some(PathBuf::from(home).join(".local/state"))
    });
    Some(state?.join("wirecat/history"))
}

/// `$VISUAL`, `$EDITOR`, or what every system has.
fn editor(world: &World) -> String {
    let named = world
        .variable("VISUAL")
        .or_else(|| world.variable("EDITOR"));
    let usual = if cfg!(windows) { "notepad" } else { "vi" };
    named.unwrap_or_else(|| usual.to_owned())
}

/// Returns `$PAGER`, or a pager that every system has. Where `$LESS` is not set, it makes `less` show
/// colours and leave the text on the screen.
fn pager(world: &World) -> String {
    let usual = if cfg!(windows) { "more" } else { "less" };
    let pager = world.variable("PAGER");
    let pager = pager.unwrap_or_else(|| usual.to_owned());
    match cfg!(windows) || world.variable("LESS").is_some() {
        true => pager,
        false => format!("LESS=-RX {pager}"),
    }
}

/// `$TMPDIR`, or the user's own directory for files that end with the session.
fn temporary(world: &World) -> PathBuf {
    let named = ["TMPDIR", "XDG_RUNTIME_DIR", "TEMP", "TMP"];
    let mut found = named.iter().filter_map(|name| world.variable(name));
    found
        .next()
        .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

/// When to send, and when to be done.
fn policy(mode: &Mode<'_>) -> Result<policy::Options, Error> {
    let (args, stop) = (mode.args, &mode.args.stop);
    Ok(policy::Options {
        stop: stop::Options {
            count: stop.count.or(stop.one_message.then_some(1)),
            until: compile("--until", stop.until.as_deref())?,
        },
        drain: drain::Options {
            on_eof: match () {
                () if args.wire.mirror => OnEof::Stay,
                () if stop.is_check() => OnEof::Close,
                () => stop.on_eof.into(),
            },
            idle: stop.idle,
            confirm: mode.confirms,
        },
        pace: pace::Options {
            interval: args.send.rate,
            lockstep: args.send.lockstep,
        },
        program: super::programs::rules(&args.programs)?,
    })
}

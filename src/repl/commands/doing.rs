//! Commands that take time or run other programs: `/expect`, `/repeat`, `/edit`, `/source`,
//! `/sendfile`, `/pipe`, `/connect`, `/save` and `!`. Pure.

use std::time::Duration;

use crate::repl::action::{Action, View};
use crate::repl::repeat::Repeat;
use crate::units::{self, counted};

/// How long `/expect` waits if nothing is said: as long as a step of a script.
const STEP: Duration = Duration::from_secs(5);

/// Waits for a message of which an expression is true.
pub(super) fn expect(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let argument = argument.trim();
    let (expression, within) = match argument.rsplit_once(" within ") {
        Some((expression, time)) => {
            let within = units::duration(time.trim())
                .map_err(|why| format!("'{}' is not a duration: {why}", time.trim()))?;
            (expression.trim(), within)
        }
        None => (argument, STEP),
    };
    match expression {
        "" => Err("write /expect EXPR within 2s, as in /expect .data.ok within 2s".to_owned()),
        expression => Ok(Action::Expect(expression.to_owned(), within)),
    }
}

pub(super) fn repeat(view: &View<'_>, argument: &str) -> Result<Action, String> {
    match (argument.trim(), &view.work.repeat) {
        ("", Some(repeat)) => Ok(Action::Say(format!(
            "{} sent; /repeat off ends that\n",
            repeat.progress()
        ))),
        ("", None) => Ok(Action::Say(
            "nothing is repeated; /repeat 10 every 1s TEXT starts\n".to_owned(),
        )),
        ("off", Some(_)) => Ok(Action::StopRepeating),
        ("off", None) => Err("nothing is repeated".to_owned()),
        _ => {
            let repeat = Repeat::parse(argument.trim_start(), view.work.last_sent.as_deref())?;
            Ok(Action::Repeat(repeat))
        }
    }
}

/// Puts text into the line, or opens the editor with the last message.
pub(super) fn edit(_: &View<'_>, argument: &str) -> Result<Action, String> {
    Ok(match argument {
        "" => Action::EditLast,
        text => Action::PutIntoLine(text.to_owned()),
    })
}

pub(super) fn source(_: &View<'_>, argument: &str) -> Result<Action, String> {
    file("/source FILE", argument).map(Action::Source)
}

pub(super) fn sendfile(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let argument = argument.trim();
    let usage = "/sendfile FILE, or /sendfile --lines FILE";
    match argument.split_once(' ') {
        Some(("--lines", path)) => file(usage, path).map(Action::SendLines),
        _ if argument.starts_with("--") => Err(format!("write {usage}")),
        _ => file(usage, argument).map(Action::SendFile),
    }
}

pub(super) fn pipe(view: &View<'_>, argument: &str) -> Result<Action, String> {
    match (argument.trim(), view.work.pipe()) {
        ("", Some(feed)) => Ok(Action::Say(format!(
            "{} was given {}; /pipe off ends that\n",
            feed.command,
            counted(feed.messages(), "message")
        ))),
        ("", None) => Ok(Action::Say(
            "no command is fed; /pipe COMMAND starts one\n".to_owned(),
        )),
        ("off", Some(_)) => Ok(Action::PipeOff),
        ("off", None) => Err("no command is fed".to_owned()),
        (_, Some(feed)) if feed.is_closed() => Err(format!(
            "{} is given nothing more, but has not ended; /pipe off kills it",
            feed.command
        )),
        (_, Some(feed)) => Err(format!(
            "{} is still fed; /pipe off ends that first",
            feed.command
        )),
        (command, None) => Ok(Action::Pipe(command.to_owned())),
    }
}

pub(super) fn connect(_: &View<'_>, argument: &str) -> Result<Action, String> {
    match argument.trim() {
        "" => Err(
            "write /connect URL or /connect @PROFILE; /reconnect connects to the same server again"
                .to_owned(),
        ),
        url => Ok(Action::Connect(url.to_owned())),
    }
}

pub(super) fn save(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let usage = "/save FILE.wst for a script, or /save FILE for the messages";
    let path = file(usage, argument)?;
    if view.screen.clients.is_some() && path.to_ascii_lowercase().ends_with(".wst") {
        return Err("a script (.wst) is for a client; /save FILE.jsonl writes events".to_owned());
    }
    Ok(Action::Save(path))
}

/// A command for the shell, after the `!`.
pub(in crate::repl) fn shell(command: &str) -> Result<Action, String> {
    match command.trim() {
        "" => Err("write !COMMAND, as in !ls (/send ! sends it)".to_owned()),
        command => Ok(Action::Shell(command.to_owned())),
    }
}

/// The name of a file, which may begin with `@` as in other commands.
fn file(usage: &str, argument: &str) -> Result<String, String> {
    let path = argument.trim();
    match path.strip_prefix('@').unwrap_or(path) {
        "" => Err(format!("write {usage}")),
        path => Ok(path.to_owned()),
    }
}

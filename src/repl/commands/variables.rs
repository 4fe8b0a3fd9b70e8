//! `/set`, `/unset`, `/vars` and `/m`. Pure.

use std::collections::BTreeMap;

use crate::repl::action::{Action, Outgoing, View};
use crate::repl::variables::{GENERATED, check_name};

/// Sets a variable to text, or to what an expression finds in the next message that has it.
pub(super) fn set(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let (name, value) = argument.trim().split_once(' ').unwrap_or((argument, ""));
    let (name, value) = (name.trim(), value.trim_start());
    if name.is_empty() {
        return Err(
            "write /set NAME VALUE, or /set NAME = JQ for a value of the next message that has it"
                .to_owned(),
        );
    }
    if let Some((name, value)) = name.split_once('=') {
        return Err(format!(
            "write /set {name} {value} for this text, or /set {name} = {value} for a jq expression"
        ));
    }
    check_name(name)?;
    let name = name.to_owned();
    let expression = value.strip_prefix('=').map(str::trim);
    match expression {
        Some("") => Err(format!(
            "after = comes a jq expression, as in /set {name} = .data.id"
        )),
        Some(expression) => Ok(Action::Capture(name, expression.to_owned())),
        None => Ok(Action::SetVariable(name, value.to_owned())),
    }
}

pub(super) fn unset(_: &View<'_>, argument: &str) -> Result<Action, String> {
    match argument.trim() {
        "" => Err("write /unset NAME; /vars lists the names".to_owned()),
        name => Ok(Action::UnsetVariable(name.to_owned())),
    }
}

/// Lists the variables, those that are waited for, and those that are generated.
pub(super) fn vars(view: &View<'_>, _: &str) -> Result<Action, String> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let work = view.work;
    rows.extend(
        work.variables
            .iter()
            .map(|(name, value)| (name.to_owned(), value.shown())),
    );
    rows.extend(work.watch.captures().map(|(name, expression)| {
        let what = format!("(waiting for the next message that has {expression})");
        (name.to_owned(), what)
    }));
    rows.extend(
        GENERATED
            .iter()
            .map(|(name, what)| ((*name).to_owned(), format!("({what})"))),
    );
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, value)| format!("  {name:<width$}  {value}\n"));
    Ok(Action::Say(lines.collect()))
}

/// Sends a named message, with variables of its own.
pub(super) fn named(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let messages = &view.work.messages;
    let mut words = argument.split_whitespace();
    let Some(name) = words.next() else {
        return Ok(Action::Say(list(messages)));
    };
    let Some(text) = messages.get(name) else {
        return Err(unknown(name, messages));
    };
    let more = words.map(assignment).collect::<Result<_, _>>()?;
    Ok(Action::Send(Outgoing::Template(text.clone(), more)))
}

fn assignment(word: &str) -> Result<(String, String), String> {
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| format!("'{word}' is not NAME=VALUE, as in /m NAME channel=news"))?;
    check_name(name)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn list(messages: &BTreeMap<String, String>) -> String {
    if messages.is_empty() {
        return "there are no named messages; [messages] in the configuration file has them\n"
            .to_owned();
    }
    let width = messages.keys().map(String::len).max().unwrap_or(0);
    let lines = messages
        .iter()
        .map(|(name, text)| format!("  {name:<width$}  {text}\n"));
    lines.collect()
}

fn unknown(name: &str, messages: &BTreeMap<String, String>) -> String {
    let near = messages
        .keys()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, known)) => format!("there is no message {name}; did you mean {known}?"),
        None => format!("there is no message {name}; /m lists them"),
    }
}

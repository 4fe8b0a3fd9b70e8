//! `/set`, `/unset`, `/vars` and `/m`. Pure.

use std::collections::BTreeMap;

use crate::generated::GENERATED;
use crate::repl::action::{Action, Outgoing, View};
use crate::repl::variables::check_name;

/// Sets a variable to text, or to what an expression finds in the next message that has it.
pub(super) fn set(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let (name, value) = argument.trim().split_once(' ').unwrap_or((argument, ""));
    let (name, value) = (name.trim(), value.trim_start());
    if name.is_empty() || name == "=" {
        return Err(
            "write /set NAME VALUE, or /set NAME = EXPR for a value of the next message that has it"
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
    let argument = argument.trim();
    let (name, more) = argument
        .split_once(char::is_whitespace)
        .unwrap_or((argument, ""));
    if name.is_empty() {
        return Ok(Action::Say(list(messages)));
    }
    let Some(text) = messages.get(name) else {
        return Err(unknown(name, messages));
    };
    let more = assignments(more)?;
    // One that is generated has no value to give.
    let unknown = view.work.variables.unknown(text, &more);
    if let Some(unknown) = unknown.filter(|it| !it.starts_with('$')) {
        return Err(format!(
            "not sent: the message {name} needs {unknown}; write /m {name} {unknown}=VALUE, or /set {unknown} VALUE"
        ));
    }
    Ok(Action::Send(Outgoing::Template(text.clone(), more)))
}

/// `NAME=VALUE NAME="VALUE WITH SPACES"`
fn assignments(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, value, after) = assignment(rest)?;
        found.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Ok(found)
}

/// The first name and value, and what stands behind them.
fn assignment(text: &str) -> Result<(&str, String, &str), String> {
    let (word, _) = split_at_space(text);
    let (name, _) = word.split_once('=').ok_or_else(|| {
        format!(
            "'{word}' is not NAME=VALUE, as in /m NAME channel=news; spaces need quotes: NAME=\"a b\""
        )
    })?;
    check_name(name)?;
    let value = &text[name.len() + 1..];
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, after) = split_at_space(value);
        return Ok((name, value.to_owned(), after));
    };
    let (value, after) = unquoted(quoted).ok_or_else(|| {
        format!("the quote after {name}= is not closed; \\\" is one in the value")
    })?;
    Ok((name, value, after))
}

fn split_at_space(text: &str) -> (&str, &str) {
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// What stands before the closing quote, where `\"` and `\\` are one character, and what behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => match rest.next()? {
                c @ ('"' | '\\') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_spaces_stands_in_quotes() {
        for (text, expected) in [
            ("", &[][..]),
            ("  a=1  b=x=y ", &[("a", "1"), ("b", "x=y")]),
            ("a= b=2", &[("a", ""), ("b", "2")]),
            (r#"a="hi there" b="""#, &[("a", "hi there"), ("b", "")]),
            (r#"a="\"\\\n" b=2"#, &[("a", "\"\\\\n"), ("b", "2")]),
            (r#"a={"b":1}"#, &[("a", r#"{"b":1}"#)]),
        ] {
            let found = assignments(text).unwrap();
            let found: Vec<_> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
            assert_eq!(found, expected, "{text}");
        }
        for (text, why) in [
            ("a=hi there", "'there' is not NAME=VALUE"),
            ("a=\"hi there", "the quote after a= is not closed"),
            ("a=\"hi\"there", "'there' is not NAME=VALUE"),
            ("1=x", "1"),
        ] {
            let error = assignments(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}

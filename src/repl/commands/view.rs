//! `/view`, `/timing`, `/filter`, `/grep`, `/last`, `/more`, `/pause`, `/resume`, `/clear` and `/tls`. Pure.

use super::word::Word;
use crate::output::Format;
use crate::repl::action::{Action, View};
use crate::repl::view::change::{FORMATS, ViewChange, Which};
use crate::repl::view::search::Pattern;

pub(super) fn view(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let words: Vec<_> = argument.split_whitespace().collect();
    let format = match words[..] {
        [] => return Ok(Action::Say(view.screen.view())),
        ["sent", word] => {
            let sent = switch(word).ok_or("write /view sent on or /view sent off")?;
            return Ok(Action::View(ViewChange::Sent(sent)));
        }
        [word] => FORMATS.iter().find(|(name, _)| *name == word),
        _ => None,
    };
    let (_, format) = format.ok_or_else(|| {
        let names: Vec<_> = FORMATS.iter().map(|(name, _)| *name).collect();
        let (word, names) = (argument.trim(), names.join(", "));
        format!("there is no view '{word}'; there are {names}, sent on and sent off")
    })?;
    Ok(Action::View(ViewChange::Format(*format)))
}

/// Completes the name of a view.
pub(super) fn next_word(before: &str) -> Vec<Word> {
    let names = FORMATS
        .iter()
        .map(|(name, format)| (*name, meaning(*format)));
    match before {
        "" => {
            let words = names.chain([("sent ", "whether sent messages are shown")]);
            words.map(Word::new).collect()
        }
        "sent " => on_or_off(""),
        _ => Vec::new(),
    }
}

fn meaning(format: Format) -> &'static str {
    match format {
        Format::Pretty => "JSON laid out, binary as a dump",
        Format::Line => "one line, with escapes",
        Format::ForProgram => "one line for a program",
        Format::Raw => "as it is, without a mark",
        Format::Hex => "one line of hex digits",
        Format::Base64 => "one line of base64",
        Format::Json => "every event as JSON",
    }
}

pub(super) fn timing(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let word = argument.trim();
    if word.is_empty() {
        return Ok(Action::Say(view.screen.view()));
    }
    let timing = switch(word).ok_or("write /timing on or /timing off")?;
    Ok(Action::View(ViewChange::Timing(timing)))
}

/// Completes `on` and `off`.
pub(super) fn on_or_off(before: &str) -> Vec<Word> {
    match before {
        "" => [("on", "from now on"), ("off", "no longer")]
            .map(Word::new)
            .to_vec(),
        _ => Vec::new(),
    }
}

fn switch(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

pub(super) fn filter(view: &View<'_>, argument: &str) -> Result<Action, String> {
    Ok(match argument.trim() {
        "" => Action::Say(match view.screen.filter() {
            Some(filter) => format!("filter: {filter}\n"),
            None => "there is no filter; write /filter EXPR\n".to_owned(),
        }),
        "off" => Action::View(ViewChange::Filter(None)),
        expression => Action::View(ViewChange::Filter(Some(expression.to_owned()))),
    })
}

/// Completes `off`.
pub(super) fn off(before: &str) -> Vec<Word> {
    match before {
        "" => vec![Word::new(("off", "end it"))],
        _ => Vec::new(),
    }
}

pub(super) fn grep(_: &View<'_>, text: &str) -> Result<Action, String> {
    Pattern::new(text).map(|pattern| Action::View(ViewChange::Grep(pattern)))
}

pub(super) fn last(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let (number, command) = match argument.split_once('|') {
        Some((number, command)) => (number, Some(command.trim())),
        None => (argument, None),
    };
    let count = count(number, "/last 5, or /last | jq .")?;
    match command {
        None => Ok(Action::View(ViewChange::Last(count))),
        Some("") => Err("after | comes a command, as in /last | jq .".to_owned()),
        Some(command) => Ok(Action::PipeLast(count, command.to_owned())),
    }
}

pub(super) fn more(_: &View<'_>, argument: &str) -> Result<Action, String> {
    let which =
        match argument.trim().strip_prefix('#') {
            Some(number) => Which::Number(number.parse().map_err(|_| {
                format!("'#{number}' is not the number of a message; write /more #12")
            })?),
            None => Which::Last(count(argument, "/more 2, or /more #12")?),
        };
    Ok(Action::More(which))
}

/// A number of messages from 1; nothing is 1.
fn count(argument: &str, example: &str) -> Result<usize, String> {
    match argument.trim() {
        "" => Ok(1),
        number => number
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| format!("'{number}' is not a number of messages; write {example}")),
    }
}

pub(super) fn pause(_: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::View(ViewChange::Pause))
}

pub(super) fn resume(_: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::View(ViewChange::Resume))
}

pub(super) fn clear(_: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::View(ViewChange::Clear))
}

pub(super) fn tls(view: &View<'_>, _: &str) -> Result<Action, String> {
    view.screen.connection.tls().map(Action::Say)
}

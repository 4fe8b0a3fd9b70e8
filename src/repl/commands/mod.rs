//! The table of slash commands, for `/help`, completion and dispatch. Each command is a row here and a
//! function in the file of its group, from its arguments to an [`Action`]. It performs nothing itself:
//! it must not send, print or read files.

mod connection;
pub mod frame;
mod message;
pub(super) mod queue;
pub(super) mod record;
mod status;

use super::action::{Action, View};
use super::data::PREFIXES;

/// A command.
pub(super) struct Spec {
    /// Its name, without the slash.
    pub(super) name: &'static str,
    /// Other names, which are neither listed nor completed.
    aliases: &'static [&'static str],
    /// Its arguments, as `/help` shows them.
    arguments: &'static str,
    /// What it does, as `/help` says it.
    help: &'static str,
    /// Whether it may give the terminal to another program, or set the next line: the editor then reads
    /// nothing before it is done.
    terminal: bool,
    /// The words that may come next after these arguments, which are empty or end with a space.
    pub(super) complete: fn(&str) -> Vec<String>,
    /// The action for these arguments (everything after the first space), or what is wrong with
    /// them.
    pub(super) run: fn(&View<'_>, &str) -> Result<Action, String>,
}

/// Every command, in the order of `/help`.
pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        name: "help",
        aliases: &["?"],
        arguments: "",
        help: "this list",
        terminal: false,
        complete: nothing,
        run: |_, _| Ok(Action::Say(help())),
    },
    Spec {
        name: "quit",
        aliases: &["q", "exit"],
        arguments: "",
        help: "close with 1000 and leave (also Ctrl-D, or Ctrl-C twice)",
        terminal: false,
        complete: nothing,
        run: connection::quit,
    },
    Spec {
        name: "close",
        aliases: &[],
        arguments: "[CODE [REASON]]",
        help: "close with this code",
        terminal: false,
        complete: nothing,
        run: connection::close,
    },
    Spec {
        name: "ping",
        aliases: &[],
        arguments: "[DATA]",
        help: "send a ping; its pong is shown with the time it took",
        terminal: false,
        complete: nothing,
        run: message::ping,
    },
    Spec {
        name: "pong",
        aliases: &[],
        arguments: "[DATA]",
        help: "send an unsolicited pong",
        terminal: false,
        complete: nothing,
        run: message::pong,
    },
    Spec {
        name: "send",
        aliases: &[],
        arguments: "TEXT",
        help: "send TEXT as it is; an empty one is an empty message",
        terminal: false,
        complete: nothing,
        run: message::send,
    },
    Spec {
        name: "bin",
        aliases: &[],
        arguments: "hex|base64:…|@FILE",
        help: "send a binary message",
        terminal: false,
        complete: first_of_payload,
        run: message::bin,
    },
    Spec {
        name: "frame",
        aliases: &[],
        arguments: "… OPCODE [PAYLOAD]",
        help: "send a frame made by hand; /frame alone shows the syntax",
        terminal: false,
        complete: frame::next_words,
        run: frame::frame,
    },
    Spec {
        name: "queue",
        aliases: &[],
        arguments: "[TEXT]",
        help: "queue TEXT until connected; alone: how many are queued",
        terminal: false,
        complete: nothing,
        run: queue::queue,
    },
    Spec {
        name: "reconnect",
        aliases: &[],
        arguments: "",
        help: "connect now, or leave this connection for a new one",
        terminal: false,
        complete: nothing,
        run: connection::reconnect,
    },
    Spec {
        name: "record",
        aliases: &[],
        arguments: "FILE|off",
        help: "append every event to FILE as a line of JSON; alone: what is recorded",
        terminal: false,
        complete: nothing,
        run: record::record,
    },
    Spec {
        name: "status",
        aliases: &[],
        arguments: "",
        help: "the connection: address, time, counts, round trips",
        terminal: false,
        complete: nothing,
        run: status::status,
    },
    Spec {
        name: "headers",
        aliases: &[],
        arguments: "",
        help: "the handshake as sent and received",
        terminal: false,
        complete: nothing,
        run: |_, _| Ok(Action::ShowHandshake),
    },
];

/// The command of this name.
///
/// # Errors
/// There is none; if another name is near, the error suggests it.
pub(super) fn find(word: &str) -> Result<&'static Spec, String> {
    COMMANDS
        .iter()
        .find(|it| it.name == word || it.aliases.contains(&word))
        .ok_or_else(|| unknown_command(word))
}

/// Whether the editor must wait until this line has been obeyed: it may give the terminal to another
/// program, or set the next line.
pub(super) fn holds(line: &str) -> bool {
    if line.starts_with('!') {
        return true;
    }
    let Some(rest) = line.strip_prefix('/') else {
        return false;
    };
    let word = rest.split_once(' ').map_or(rest, |(word, _)| word);
    COMMANDS
        .iter()
        .any(|it| it.terminal && (it.name == word || it.aliases.contains(&word)))
}

fn unknown_command(word: &str) -> String {
    let near = COMMANDS
        .iter()
        .map(|it| (strsim::damerau_levenshtein(it.name, word), it.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, name)) => {
            format!("there is no command /{word}; did you mean /{name}? (//{word} sends it)")
        }
        None => format!("there is no command /{word}; /help lists them (//{word} sends it)"),
    }
}

/// The text of `/help`.
pub fn help() -> String {
    let mut text = String::from("A line is sent as a message; //x sends /x. Commands:\n");
    for Spec {
        name,
        arguments,
        help,
        ..
    } in COMMANDS
    {
        text.push_str(&format!(
            "  {:<27} {help}\n",
            format!("/{name} {arguments}")
        ));
    }
    text
}

/// Completes nothing.
fn nothing(_: &str) -> Vec<String> {
    Vec::new()
}

/// Completes the prefix of a payload, if it is the first word.
fn first_of_payload(before: &str) -> Vec<String> {
    match before {
        "" => PREFIXES.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_one_command() {
        let mut names: Vec<_> = COMMANDS
            .iter()
            .flat_map(|it| it.aliases.iter().chain([&it.name]))
            .collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

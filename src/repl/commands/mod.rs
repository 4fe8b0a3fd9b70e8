//! The table of slash commands, for `/help`, completion and dispatch. Each command is a row here and a
//! function in the file of its group, from its arguments to an [`Action`]. It performs nothing itself:
//! it must not send, print or read files.

mod connection;
pub(super) mod doing;
pub mod frame;
mod message;
pub(super) mod queue;
pub(super) mod record;
mod status;
mod variables;

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

/// What most commands have in common.
const ROW: Spec = Spec {
    name: "",
    aliases: &[],
    arguments: "",
    help: "",
    terminal: false,
    complete: nothing,
    run: |_, _| Ok(Action::Nothing),
};

/// Every command, in the order of `/help`.
pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        name: "help",
        aliases: &["?"],
        help: "this list",
        run: |_, _| Ok(Action::Say(help())),
        ..ROW
    },
    Spec {
        name: "quit",
        aliases: &["q", "exit"],
        help: "close with 1000 and leave (also Ctrl-D, or Ctrl-C twice)",
        run: connection::quit,
        ..ROW
    },
    Spec {
        name: "close",
        arguments: "[CODE [REASON]]",
        help: "close with this code",
        run: connection::close,
        ..ROW
    },
    Spec {
        name: "ping",
        arguments: "[DATA]",
        help: "send a ping; its pong is shown with the time it took",
        run: message::ping,
        ..ROW
    },
    Spec {
        name: "pong",
        arguments: "[DATA]",
        help: "send an unsolicited pong",
        run: message::pong,
        ..ROW
    },
    Spec {
        name: "send",
        arguments: "TEXT",
        help: "send TEXT as it is; an empty one is an empty message",
        run: message::send,
        ..ROW
    },
    Spec {
        name: "bin",
        arguments: "hex|base64:…|@FILE",
        help: "send a binary message",
        complete: first_of_payload,
        run: message::bin,
        ..ROW
    },
    Spec {
        name: "frame",
        arguments: "… OPCODE [PAYLOAD]",
        help: "send a frame made by hand; /frame alone shows the syntax",
        complete: frame::next_words,
        run: frame::frame,
        ..ROW
    },
    Spec {
        name: "queue",
        arguments: "[TEXT]",
        help: "queue TEXT until connected; alone: how many are queued",
        run: queue::queue,
        ..ROW
    },
    Spec {
        name: "set",
        arguments: "NAME VALUE | NAME = JQ",
        help: "set a variable to text, or to a value of the next message",
        run: variables::set,
        ..ROW
    },
    Spec {
        name: "unset",
        arguments: "NAME",
        help: "remove a variable",
        run: variables::unset,
        ..ROW
    },
    Spec {
        name: "vars",
        help: "the variables, for {{NAME}} in messages",
        run: variables::vars,
        ..ROW
    },
    Spec {
        name: "m",
        arguments: "[NAME [VAR=VALUE]…]",
        help: "send a named message; alone: list them",
        run: variables::named,
        ..ROW
    },
    Spec {
        name: "repeat",
        arguments: "N [every T] [TEXT]",
        help: "send TEXT, or the last message, N times; off stops",
        run: doing::repeat,
        ..ROW
    },
    Spec {
        name: "expect",
        arguments: "JQ [within T]",
        help: "wait until JQ is true of a message; say ok or FAIL",
        run: doing::expect,
        ..ROW
    },
    Spec {
        name: "edit",
        terminal: true,
        arguments: "[TEXT]",
        help: "edit the last message in $EDITOR; or put TEXT into the line",
        run: doing::edit,
        ..ROW
    },
    Spec {
        name: "source",
        arguments: "FILE",
        help: "run the lines of FILE as if they were typed",
        run: doing::source,
        ..ROW
    },
    Spec {
        name: "sendfile",
        arguments: "[--lines] FILE",
        help: "send FILE as one message, or each line as one",
        run: doing::sendfile,
        ..ROW
    },
    Spec {
        name: "pipe",
        arguments: "COMMAND | off",
        help: "give every received message to a command",
        run: doing::pipe,
        ..ROW
    },
    Spec {
        name: "connect",
        arguments: "URL | @PROFILE",
        help: "leave this server for another",
        run: doing::connect,
        ..ROW
    },
    Spec {
        name: "reconnect",
        help: "connect now, or leave this connection for a new one",
        run: connection::reconnect,
        ..ROW
    },
    Spec {
        name: "record",
        arguments: "FILE|off",
        help: "append every event to FILE as a line of JSON; alone: what is recorded",
        run: record::record,
        ..ROW
    },
    Spec {
        name: "status",
        help: "the connection: address, time, counts, round trips",
        run: status::status,
        ..ROW
    },
    Spec {
        name: "headers",
        help: "the handshake as sent and received",
        run: |_, _| Ok(Action::ShowHandshake),
        ..ROW
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

//! The table of slash commands, for `/help`, completion and dispatch. Each command is a row here and a
//! function in the file of its group, from its arguments to an [`Action`]. It performs nothing itself:
//! it must not send, print or read files.

mod answers;
mod clients;
mod connection;
pub(super) mod doing;
pub mod frame;
mod keys;
mod message;
pub(super) mod queue;
pub(super) mod record;
mod status;
mod variables;
mod view;
mod word;

use super::action::{Action, View};
use crate::written::PREFIXES;
use word::Word;

/// A command.
pub(super) struct Spec {
    /// The heading that it stands under in `/help`.
    group: &'static str,
    /// Its name, without the slash.
    pub(super) name: &'static str,
    /// Other names, which are neither listed nor completed.
    aliases: &'static [&'static str],
    /// Its arguments, as `/help` shows them.
    arguments: &'static str,
    /// What it does, as `/help` says it.
    pub(super) help: &'static str,
    /// Its arguments and what it does where this end is the server, if that is different.
    served: Option<(&'static str, &'static str)>,
    /// A line that uses it.
    example: &'static str,
    /// Whether the editor reads nothing before it is done: it may give the terminal to another program, set
    /// the next line, or change what that may be completed with.
    holds: bool,
    /// The words that may come next after these arguments, which are empty or end with a space.
    pub(super) complete: fn(&str) -> Vec<Word>,
    /// The action for these arguments (everything after the first space), or what is wrong with
    /// them.
    pub(super) run: fn(&View<'_>, &str) -> Result<Action, String>,
}

const GENERAL: &str = "";
const SENDING: &str = "Sending";
const READING: &str = "Reading";
const VARIABLES: &str = "Variables, for {{NAME}} in messages";
const CONNECTION: &str = "Connection";
/// Only `wirecat listen` has them.
const CLIENTS: &str = "Clients";
const FILES: &str = "Files and programs (!COMMAND runs a command)";

/// What most commands have in common.
const ROW: Spec = Spec {
    group: GENERAL,
    name: "",
    aliases: &[],
    arguments: "",
    help: "",
    served: None,
    example: "",
    holds: false,
    complete: nothing,
    run: |_, _| Ok(Action::Nothing),
};

/// Every command, in the order of `/help`.
pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        group: GENERAL,
        name: "help",
        aliases: &["?"],
        arguments: "[COMMAND|keys]",
        help: "this list, how to use COMMAND, or the editing keys",
        example: "/help close",
        holds: true,
        run: |view, argument| match argument.trim() {
            "" => Ok(Action::Page(help(view.screen.clients.is_some()))),
            name => help_on(name, view.screen.clients.is_some()).map(Action::Page),
        },
        ..ROW
    },
    Spec {
        group: GENERAL,
        name: "quit",
        aliases: &["q", "exit"],
        help: "close with 1000 and leave (also Ctrl-D)",
        example: "/quit",
        run: connection::quit,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "send",
        arguments: "[-e] TEXT",
        help: "send TEXT as it is; -e reads escapes like \\n \\0",
        example: "/send -e CONNECT\\n\\n\\0",
        run: message::send,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "bin",
        arguments: "hex|base64:…|@FILE",
        help: "send a binary message",
        example: "/bin hex:00ff",
        complete: first_of_payload,
        run: message::bin,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "m",
        arguments: "[NAME [VAR=VALUE]…]",
        help: "send a named message; alone: list them",
        example: "/m sub channel=news",
        run: variables::named,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "repeat",
        arguments: "N [every T] [TEXT]",
        help: "send TEXT, or the last message, N times",
        example: "/repeat 10 every 1s {\"op\":\"ping\"}",
        complete: view::off,
        run: doing::repeat,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "sendfile",
        arguments: "[--lines] FILE",
        help: "send FILE as one message, or each line as one",
        example: "/sendfile --lines orders.jsonl",
        run: doing::sendfile,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "queue",
        arguments: "[TEXT|off]",
        help: "queue TEXT until connected; alone: the number",
        example: "/queue {\"op\":\"sub\"}",
        complete: view::off,
        run: queue::queue,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "answer",
        arguments: "[RULE|off [N]]",
        help: "answer what a rule EXPR=REPLY is for; alone: list",
        example: "/answer .type == \"ping\"={\"type\":\"pong\",\"id\":{{.id}}}",
        complete: view::off,
        run: answers::answer,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "ping",
        arguments: "[DATA]",
        help: "send a ping; its pong shows the time it took",
        example: "/ping are you there",
        run: message::ping,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "pong",
        arguments: "[DATA]",
        help: "send an unsolicited pong",
        example: "/pong",
        run: message::pong,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "close",
        arguments: "[CODE [REASON]]",
        help: "close with this code, and leave",
        served: Some((
            "[N|all] [CODE [REASON]]",
            "close client N, or those that lines go to",
        )),
        example: "/close 4001 see you",
        run: clients::close,
        ..ROW
    },
    Spec {
        group: SENDING,
        name: "frame",
        arguments: "… OPCODE [PAYLOAD]",
        help: "send a raw frame; alone: the syntax",
        example: "/frame text fin=0 mask=random hello",
        complete: frame::next_words,
        run: frame::frame,
        ..ROW
    },
    Spec {
        group: READING,
        name: "view",
        arguments: "[FORMAT|sent on|off]",
        help: "show messages as pretty, line, raw or hex",
        example: "/view hex",
        complete: view::next_word,
        run: view::view,
        ..ROW
    },
    Spec {
        group: READING,
        name: "timing",
        arguments: "[on|off]",
        help: "show how long after the last send a message came",
        example: "/timing on",
        complete: view::on_or_off,
        run: view::timing,
        ..ROW
    },
    Spec {
        group: READING,
        name: "filter",
        arguments: "[EXPR|off]",
        help: "show what a jq expression makes of each message",
        example: "/filter select(.event == \"tick\") | .data",
        complete: view::off,
        run: view::filter,
        ..ROW
    },
    Spec {
        group: READING,
        name: "grep",
        arguments: "TEXT",
        help: "find TEXT in the scrollback",
        example: "/grep error",
        run: view::grep,
        ..ROW
    },
    Spec {
        group: READING,
        name: "last",
        arguments: "[N] [| COMMAND]",
        help: "show the last messages, or give them to a command",
        example: "/last | jq .data",
        holds: true,
        run: view::last,
        ..ROW
    },
    Spec {
        group: READING,
        name: "more",
        holds: true,
        arguments: "[N|#NUMBER]",
        help: "show the N-th last received message whole",
        example: "/more #12",
        run: view::more,
        ..ROW
    },
    Spec {
        group: READING,
        name: "pause",
        help: "count messages and show none until /resume",
        example: "/pause",
        run: view::pause,
        ..ROW
    },
    Spec {
        group: READING,
        name: "resume",
        help: "show messages again after /pause",
        example: "/resume",
        run: view::resume,
        ..ROW
    },
    Spec {
        group: READING,
        name: "clear",
        help: "empty the screen (also Ctrl-L)",
        example: "/clear",
        run: view::clear,
        ..ROW
    },
    Spec {
        group: READING,
        name: "expect",
        arguments: "EXPR [within T]",
        help: "wait for a message of which EXPR is true",
        example: "/expect .data.ok within 2s",
        run: doing::expect,
        ..ROW
    },
    Spec {
        group: VARIABLES,
        name: "set",
        arguments: "NAME VALUE|NAME = EXPR",
        help: "set a variable to text, or to a value received",
        example: "/set user = .data.user",
        holds: true,
        run: variables::set,
        ..ROW
    },
    Spec {
        group: VARIABLES,
        name: "unset",
        arguments: "NAME",
        help: "remove a variable",
        example: "/unset user",
        holds: true,
        run: variables::unset,
        ..ROW
    },
    Spec {
        group: VARIABLES,
        name: "vars",
        help: "list the variables",
        example: "/vars",
        run: variables::vars,
        ..ROW
    },
    Spec {
        group: CONNECTION,
        name: "status",
        help: "the connection: address, counts, round trips",
        example: "/status",
        run: status::status,
        ..ROW
    },
    Spec {
        group: CONNECTION,
        name: "headers",
        help: "the handshake as sent and received",
        served: Some(("[N]", "the handshake with client N, or the last one")),
        example: "/headers",
        run: clients::headers,
        ..ROW
    },
    Spec {
        group: CONNECTION,
        name: "tls",
        help: "version, cipher, ALPN and certificate",
        example: "/tls",
        run: |view, argument| clients::need_client(view).and_then(|()| view::tls(view, argument)),
        ..ROW
    },
    Spec {
        group: CONNECTION,
        name: "reconnect",
        help: "connect now, or again",
        example: "/reconnect",
        run: |view, argument| {
            clients::need_client(view).and_then(|()| connection::reconnect(view, argument))
        },
        ..ROW
    },
    Spec {
        group: CONNECTION,
        name: "connect",
        arguments: "URL|@PROFILE",
        help: "leave this server for another",
        example: "/connect wss://example.com/ws",
        holds: true,
        run: |view, argument| {
            clients::need_client(view).and_then(|()| doing::connect(view, argument))
        },
        ..ROW
    },
    Spec {
        group: CLIENTS,
        name: "clients",
        help: "list the clients that are connected",
        example: "/clients",
        run: clients::clients,
        ..ROW
    },
    Spec {
        group: CLIENTS,
        name: "to",
        arguments: "[N|all [TEXT]]",
        help: "lines go to client N, to all; or TEXT alone does",
        example: "/to 2 hello",
        run: clients::to,
        ..ROW
    },
    Spec {
        group: FILES,
        name: "edit",
        arguments: "[TEXT]",
        help: "edit the last message in $EDITOR, or TEXT here",
        example: "/edit",
        holds: true,
        run: doing::edit,
        ..ROW
    },
    Spec {
        group: FILES,
        name: "source",
        arguments: "FILE",
        help: "run the lines of FILE as if they were typed",
        example: "/source setup.txt",
        run: doing::source,
        ..ROW
    },
    Spec {
        group: FILES,
        name: "save",
        arguments: "FILE",
        help: "write the messages: .wst a script, .jsonl events",
        served: Some(("FILE", "write the messages; .jsonl: with the clients")),
        example: "/save day.wst",
        run: doing::save,
        ..ROW
    },
    Spec {
        group: FILES,
        name: "record",
        arguments: "[FILE|off]",
        help: "append every event to FILE, as JSON",
        example: "/record session.jsonl",
        run: record::record,
        ..ROW
    },
    Spec {
        group: FILES,
        name: "pipe",
        arguments: "[COMMAND|off]",
        help: "give every received message to a command",
        example: "/pipe jq .data",
        complete: view::off,
        run: doing::pipe,
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

/// Whether there is a command of this name.
pub(super) fn exists(word: &str) -> bool {
    find(word).is_ok()
}

/// Whether the editor must wait until this line has been obeyed: the terminal, the next line, or what that
/// may be completed with depends on it.
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
        .any(|it| it.holds && (it.name == word || it.aliases.contains(&word)))
}

fn unknown_command(word: &str) -> String {
    let near = COMMANDS
        .iter()
        .map(|it| (strsim::damerau_levenshtein(it.name, word), it.name))
        // A name with no letter in common is not near.
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .min();
    match near {
        Some((_, name)) => {
            format!("there is no command /{word}; did you mean /{name}? (//{word} sends it)")
        }
        None => format!("there is no command /{word}; /help lists them (//{word} sends it)"),
    }
}

/// The commands that mean something: where this end is the server (`served`), some others than where it
/// is the client.
pub(super) fn offered(served: bool) -> impl Iterator<Item = &'static Spec> {
    COMMANDS.iter().filter(move |it| it.means_something(served))
}

/// The text of `/help`; where this end is the server (`served`), with the commands about clients.
pub fn help(served: bool) -> String {
    let mut text = String::from("A line is sent as a message; //x sends /x. Commands:\n");
    let mut heading = GENERAL;
    for command in offered(served) {
        if command.group != heading {
            heading = command.group;
            text.push_str(&format!("{heading}:\n"));
        }
        let (usage, help) = command.usage(served);
        text.push_str(&format!("  {usage:<27} {help}\n"));
    }
    text
}

impl Spec {
    /// Whether it means something where this end is the server, or the client.
    fn means_something(&self, served: bool) -> bool {
        match self.name {
            "connect" | "reconnect" | "tls" => !served,
            _ => served || self.group != CLIENTS,
        }
    }

    /// The command with its arguments, and what it does.
    fn usage(&self, served: bool) -> (String, &'static str) {
        let here = self.served.filter(|_| served);
        let (arguments, help) = here.unwrap_or((self.arguments, self.help));
        let usage = format!("/{} {arguments}", self.name);
        (usage.trim_end().to_owned(), help)
    }
}

/// What `/help COMMAND` says.
///
/// # Errors
/// There is no such command.
fn help_on(name: &str, served: bool) -> Result<String, String> {
    if name == "keys" {
        return Ok(keys::KEYS.to_owned());
    }
    let command = find(name.trim_start_matches('/'))?;
    let Spec {
        aliases, example, ..
    } = command;
    let (usage, help) = command.usage(served);
    let mut text = format!("usage:   {usage}\n         {help}\n");
    if !aliases.is_empty() {
        text.push_str(&format!("also:    /{}\n", aliases.join(", /")));
    }
    text.push_str(&format!("example: {example}\n"));
    Ok(text)
}

/// Completes nothing.
fn nothing(_: &str) -> Vec<Word> {
    Vec::new()
}

/// Completes the prefix of a payload, if it is the first word.
fn first_of_payload(before: &str) -> Vec<Word> {
    match before {
        "" => PREFIXES.map(Word::new).to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

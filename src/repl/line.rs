//! Parses a typed line, and completes it. Pure.

use super::action::{Action, Outgoing, View};
use super::commands::{doing, find};

/// Parses a line: `/word …` is a command, `//x` is the message `/x`, `!x` is a command for the shell,
/// everything else is a message.
///
/// # Errors
/// What is wrong with a command; then nothing must be sent.
pub(super) fn parse(line: &str, view: &View<'_>) -> Result<Action, String> {
    if line.is_empty() {
        return Ok(Action::Nothing);
    }
    if let Some(command) = line.strip_prefix('!') {
        return doing::shell(command);
    }
    let message = |text: &str| Ok(Action::Send(Outgoing::Message(text.to_owned())));
    let Some(rest) = line.strip_prefix('/') else {
        return message(line);
    };
    if rest.starts_with('/') {
        return message(rest);
    }
    let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    (find(word)?.run)(view, argument)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use bytes::Bytes;

    use super::super::commands::{Spec, frame, help, offered};
    use super::super::editor::Settings;
    use super::super::options::EditMode;
    use super::super::screen::{self, Screen};
    use super::super::view::change::{ViewChange, Which};
    use super::super::view::search::Pattern;
    use super::super::work::Work;
    use super::*;
    use crate::close::Close;
    use crate::event::{Command, Control};
    use crate::json::jq::Interrupt;
    use crate::message::Message;
    use crate::output::{Format, Options, Renderer};
    use crate::secret::Redactor;
    use crate::wire::frame::RawFrame;
    use crate::written::Data;

    /// What `/status` says before there is a connection.
    const STATUS: &str = "readyState: CONNECTING\nconnecting: ws://host/\nproxy: none\n\
        messages: 0 sent, 0 received, 2 kept\nbytes: 0 sent, 0 received\nview: raw, sent off, timing off\n";

    /// Parses a line before there is a connection.
    fn parse(line: &str) -> Result<Action, String> {
        let options = screen::Options {
            interrupt: Interrupt::default(),
            editing: Settings {
                plain: false,
                color: false,
                complete: |_, _| (0, Vec::new()),
                words: Default::default(),
                edit_mode: EditMode::Emacs,
                waits: |_| false,
                is_command: |_| false,
                history: None,
                host: String::new(),
                redactor: Redactor::default(),
                folder: PathBuf::new(),
            },
            scrollback: 0,
        };
        let now = Instant::now();
        let renderer = Renderer::new(Options::plain(), Redactor::default());
        let target = ("ws://host/".to_owned(), Redactor::default());
        let view = View {
            screen: &Screen::new(options, None, target, renderer, now).unwrap(),
            work: &Work::default(),
            until: None,
            queued: 2,
            recorded: None,
            now,
        };
        super::parse(line, &view)
    }

    fn change(change: ViewChange) -> Action {
        Action::View(change)
    }

    fn message(text: &str) -> Action {
        Action::Send(Outgoing::Message(text.to_owned()))
    }

    fn command(command: Command) -> Action {
        Action::Send(Outgoing::Command(command))
    }

    fn send(text: &str) -> Action {
        command(Command::Send(Message::text(text.to_owned())))
    }

    fn binary(data: Data) -> Action {
        Action::Send(Outgoing::Binary(data))
    }

    #[test]
    fn lines_and_commands() {
        for (line, meaning) in [
            ("", Action::Nothing),
            ("hello /x", message("hello /x")),
            (" /quit", message(" /quit")),
            ("//quit", message("/quit")),
            ("/send", send("")),
            ("/send  a ", send(" a ")),
            ("/queue  a", Action::Queue(" a".into())),
            ("/queue", Action::Say("kept: 2 messages\n".into())),
            ("/reconnect", Action::Control(Control::Reconnect)),
            ("/q", Action::Leave(Close::normal())),
            ("/help", Action::Page(help(false))),
            ("/frame ", Action::Say(frame::HELP.into())),
            ("/status", Action::Say(STATUS.into())),
            ("/headers", Action::ShowHandshake),
            (
                "/record",
                Action::Say("nothing is recorded; /record FILE starts\n".into()),
            ),
            (
                "/repeat",
                Action::Say("nothing is repeated; /repeat 10 every 1s TEXT starts\n".into()),
            ),
            (
                "/pipe",
                Action::Say("no command is fed; /pipe COMMAND starts one\n".into()),
            ),
            ("/record off", Action::Record(None)),
            ("/record  my file ", Action::Record(Some("my file".into()))),
            ("/record ./off", Action::Record(Some("./off".into()))),
            ("/view hex", change(ViewChange::Format(Format::Hex))),
            (
                "/view",
                Action::Say("view: raw, sent off, timing off\n".into()),
            ),
            ("/view sent on", change(ViewChange::Sent(true))),
            ("/timing on", change(ViewChange::Timing(true))),
            (
                "/filter .a | .b",
                change(ViewChange::Filter(Some(".a | .b".into()))),
            ),
            ("/filter off", change(ViewChange::Filter(None))),
            (
                "/grep a b",
                change(ViewChange::Grep(Pattern::new("a b").unwrap())),
            ),
            ("/last", change(ViewChange::Last(1))),
            ("/last 12", change(ViewChange::Last(12))),
            ("/more", Action::More(Which::Last(1))),
            ("/more #12", Action::More(Which::Number(12))),
            ("/pause", change(ViewChange::Pause)),
            ("/resume", change(ViewChange::Resume)),
            ("/clear", change(ViewChange::Clear)),
            ("/ping", command(Command::Ping(Bytes::new()))),
            ("/ping a b", command(Command::Ping("a b".into()))),
            ("/pong x", command(Command::Pong("x".into()))),
            (
                "/bin hex:00 ff",
                binary(Data::Bytes(Bytes::from_static(&[0, 255]))),
            ),
            (
                "/bin base64:AP8=",
                binary(Data::Bytes(Bytes::from_static(&[0, 255]))),
            ),
            ("/bin @f", binary(Data::File("f".into()))),
            (
                "/frame ping x",
                Action::Send(Outgoing::Frame(
                    RawFrame::new(9, Bytes::new()),
                    Data::Bytes("x".into()),
                )),
            ),
            ("/close", Action::Close(Close::normal())),
            (
                "/close 4001 bye now",
                Action::Close(Close::new(4001, "bye now")),
            ),
        ] {
            assert_eq!(parse(line), Ok(meaning), "{line}");
        }
    }

    #[test]
    fn errors_name_what_is_wrong_and_nothing_is_sent() {
        let long = format!("/ping {}", "x".repeat(126));
        let reason = format!("/close 1000 {}", "x".repeat(124));
        for (line, word) in [
            ("/pnig", "did you mean /ping?"),
            ("/frobnicate", "/help lists them"),
            ("/", "there is no command /"),
            ("/bin 00ff", "/bin hex:00ff"),
            ("/bin hex:0", "whole bytes"),
            ("/bin base64:?", "not base64"),
            ("/frame fin=0", "for example /frame"),
            ("/close abc", "not a close code"),
            ("/close 1005", "1005 must not be sent"),
            ("/view nice", "there are pretty, line, raw, hex"),
            ("/view sent", "there is no view 'sent'"),
            ("/view sent maybe", "write /view sent on or"),
            ("/timing maybe", "write /timing on or"),
            ("/grep", "write /grep TEXT"),
            (
                "/last none",
                "'none' is not a number of messages; write /last 5",
            ),
            ("/last 0", "'0' is not a number"),
            ("/more #x", "write /more #12"),
            ("/tls", "there is no connection"),
            ("/help pnig", "did you mean /ping?"),
            (&long, "at most 125"),
            (&reason, "123 are allowed"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn help_lists_every_command_that_there_is() {
        let help = help(false);
        for Spec { name, .. } in offered(false) {
            assert!(help.contains(&format!("/{name}")), "{name}");
            assert!(
                !matches!(parse(&format!("/{name}")), Err(error) if error.contains("no command")),
                "{name}"
            );
        }
    }
}

//! Parses a typed line. Pure.

use bytes::Bytes;

use super::data::{self, Data};
use super::frame;
use crate::close::{Close, Unsendable, may_be_sent};
use crate::wire::frame::{RawFrame, check_control_payload};

/// Every command, with its arguments and what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("help", "", "this list"),
    (
        "quit",
        "",
        "close with 1000 and leave (also Ctrl-D, or Ctrl-C twice)",
    ),
    ("close", "[CODE [REASON]]", "close with this code"),
    (
        "ping",
        "[DATA]",
        "send a ping; its pong is shown with the time it took",
    ),
    ("pong", "[DATA]", "send an unsolicited pong"),
    (
        "send",
        "TEXT",
        "send TEXT as it is; an empty one is an empty message",
    ),
    ("bin", "hex|base64:…|@FILE", "send a binary message"),
    (
        "frame",
        "… OPCODE [PAYLOAD]",
        "send a frame made by hand; /frame alone shows the syntax",
    ),
    (
        "queue",
        "[TEXT]",
        "queue TEXT until connected; alone: how many are queued",
    ),
    (
        "reconnect",
        "",
        "connect now, or leave this connection for a new one",
    ),
    (
        "status",
        "",
        "the connection: address, time, counts, round trips",
    ),
    ("headers", "", "the handshake as sent and received"),
];

pub use super::frame::HELP as FRAME_HELP;

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing was typed.
    Nothing,
    /// A message in the payload encoding of the command line.
    Message(String),
    /// A text message, whatever the payload encoding is.
    Send(String),
    Binary(Data),
    Frame(RawFrame, Data),
    Ping(Bytes),
    Pong(Bytes),
    Close(Close),
    /// A message in the payload encoding of the command line, kept until there is a connection.
    Queue(String),
    QueueStatus,
    Reconnect,
    Quit,
    Status,
    Headers,
    Help,
    /// `/frame` without arguments.
    FrameHelp,
}

/// Parses a line: `/word …` is a command, `//x` is the message `/x`, everything else is a message.
///
/// # Errors
/// What is wrong with a command; then nothing must be sent.
pub fn parse(line: &str) -> Result<Line, String> {
    if line.is_empty() {
        return Ok(Line::Nothing);
    }
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(Line::Message(line.to_owned()));
    };
    if rest.starts_with('/') {
        return Ok(Line::Message(rest.to_owned()));
    }
    let (word, argument) = match rest.split_once(' ') {
        Some((word, argument)) => (word, argument),
        None => (rest, ""),
    };
    command(word, argument)
}

fn command(word: &str, argument: &str) -> Result<Line, String> {
    match word {
        "help" | "?" => Ok(Line::Help),
        "quit" | "q" | "exit" => Ok(Line::Quit),
        "status" => Ok(Line::Status),
        "headers" => Ok(Line::Headers),
        "send" => Ok(Line::Send(argument.to_owned())),
        "queue" if argument.is_empty() => Ok(Line::QueueStatus),
        "queue" => Ok(Line::Queue(argument.to_owned())),
        "reconnect" => Ok(Line::Reconnect),
        "ping" => control(argument).map(Line::Ping),
        "pong" => control(argument).map(Line::Pong),
        "bin" => binary(argument.trim()),
        "frame" if argument.trim().is_empty() => Ok(Line::FrameHelp),
        "frame" => frame::parse(argument).map(|(frame, data)| Line::Frame(frame, data)),
        "close" => close(argument.trim()).map(Line::Close),
        unknown => Err(unknown_command(unknown)),
    }
}

fn control(data: &str) -> Result<Bytes, String> {
    check_control_payload(data.as_bytes())?;
    Ok(Bytes::copy_from_slice(data.as_bytes()))
}

fn binary(argument: &str) -> Result<Line, String> {
    data::parse(argument)?
        .map(Line::Binary)
        .ok_or_else(|| "write /bin hex:00ff, /bin base64:AP8= or /bin @FILE".to_owned())
}

fn close(argument: &str) -> Result<Close, String> {
    if argument.is_empty() {
        return Ok(Close::normal());
    }
    let (code, reason) = argument.split_once(' ').unwrap_or((argument, ""));
    let code: u16 = code
        .parse()
        .map_err(|_| format!("'{code}' is not a close code; write /close 1000 REASON"))?;
    Close::from_person(Some(code), reason.trim(), may_be_sent).map_err(|why| match why {
        Unsendable::Code(_) => format!("{why}; use 1000, 1001 or 3000-4999"),
        _ => why.to_string(),
    })
}

fn unknown_command(word: &str) -> String {
    let near = COMMANDS
        .iter()
        .map(|(name, _, _)| (strsim::damerau_levenshtein(name, word), *name))
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
    for (name, arguments, meaning) in COMMANDS {
        text.push_str(&format!(
            "  {:<27} {meaning}\n",
            format!("/{name} {arguments}")
        ));
    }
    text
}

/// Completes a line up to the cursor: the beginning of the word being typed, and the candidates for
/// it.
pub fn complete(line: &str) -> (usize, Vec<String>) {
    let start = line.rfind(' ').map_or(0, |space| space + 1);
    let (before, word) = line.split_at(start);
    let candidates: Vec<String> = match before.strip_prefix('/') {
        None if start == 0 && !word.is_empty() => COMMANDS
            .iter()
            .map(|(name, _, _)| format!("/{name} "))
            .collect(),
        Some("bin ") => data::PREFIXES.iter().map(ToString::to_string).collect(),
        Some(rest) if rest.starts_with("frame ") => frame::next_words(&rest["frame ".len()..]),
        _ => Vec::new(),
    };
    let fitting = candidates.into_iter().filter(|it| it.starts_with(word));
    (start, fitting.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_offers_what_may_stand_there() {
        for (line, at, offered) in [
            ("/fr", 0, "/frame "),
            ("/p", 0, "/ping |/pong "),
            ("//p", 0, ""),
            ("", 0, ""),
            ("he", 0, ""),
            ("hello /p", 6, ""),
            ("/ping ", 6, ""),
            ("/bin ", 5, "hex:|base64:|@"),
            ("/bin h", 5, "hex:"),
            ("/frame f", 7, "fin=0 |fin=1 "),
            ("/frame fin=0 t", 13, "text "),
            ("/frame fin=0 f", 13, ""),
            ("/frame text ma", 12, "mask=none |mask=random |mask="),
            ("/frame text h", 12, "hex:"),
            ("/frame text t", 12, ""),
            ("/frame h", 7, ""),
            ("/frame text co", 12, ""),
            ("/frame close co", 13, "code="),
            ("/frame text -- m", 15, ""),
            ("/frame text hello m", 18, ""),
            ("/frame text fin=2 m", 18, ""),
        ] {
            let (start, candidates) = complete(line);
            assert_eq!((start, &*candidates.join("|")), (at, offered), "{line}");
        }
        let commands = complete("/").1;
        assert_eq!(commands.len(), COMMANDS.len());
    }

    #[test]
    fn lines_and_commands() {
        for (line, meaning) in [
            ("", Line::Nothing),
            ("hello /x", Line::Message("hello /x".into())),
            (" /quit", Line::Message(" /quit".into())),
            ("//quit", Line::Message("/quit".into())),
            ("/send", Line::Send(String::new())),
            ("/send  a ", Line::Send(" a ".into())),
            ("/queue  a", Line::Queue(" a".into())),
            ("/queue", Line::QueueStatus),
            ("/reconnect", Line::Reconnect),
            ("/q", Line::Quit),
            ("/help", Line::Help),
            ("/frame ", Line::FrameHelp),
            ("/status", Line::Status),
            ("/headers", Line::Headers),
            ("/ping", Line::Ping(Bytes::new())),
            ("/ping a b", Line::Ping("a b".into())),
            ("/pong x", Line::Pong("x".into())),
            (
                "/bin hex:00 ff",
                Line::Binary(Data::Bytes(Bytes::from_static(&[0, 255]))),
            ),
            (
                "/bin base64:AP8=",
                Line::Binary(Data::Bytes(Bytes::from_static(&[0, 255]))),
            ),
            ("/bin @f", Line::Binary(Data::File("f".into()))),
            (
                "/frame ping x",
                Line::Frame(RawFrame::new(9, Bytes::new()), Data::Bytes("x".into())),
            ),
            ("/close", Line::Close(Close::normal())),
            (
                "/close 4001 bye now",
                Line::Close(Close::new(4001, "bye now")),
            ),
        ] {
            assert_eq!(parse(line), Ok(meaning), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_sent() {
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
            (&long, "at most 125"),
            (&reason, "123 are allowed"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn help_lists_every_command_that_there_is() {
        let help = help();
        for (name, _, _) in COMMANDS {
            assert!(help.contains(&format!("/{name}")), "{name}");
            assert!(
                !matches!(parse(&format!("/{name}")), Err(error) if error.contains("no command")),
                "{name}"
            );
        }
    }
}

//! The messages to send: `-d`, `--on-open`, `--heartbeat` and the splitting of stdin.

use bytes::Bytes;

use super::files::Files;
use super::variables::Variables;
use crate::cli::args::{ClientArgs, SendArgs};
use crate::error::{Error, Exit};
use crate::message::{Kind, Message};
use crate::payload::{Encoding, InputFormat};
use crate::pipe::framing::Framing;
use crate::pipe::{Messages, SHORTEST_TEXT};

pub(super) fn payload(args: &SendArgs) -> InputFormat {
    let encoding = match (args.hex, args.base64, args.escapes) {
        (true, _, _) => Encoding::Hex,
        (_, true, _) => Encoding::Base64,
        (_, _, true) => Encoding::Escapes,
        _ => Encoding::Plain,
    };
    let bytes = matches!(encoding, Encoding::Hex | Encoding::Base64);
    let kind = if args.binary || (bytes && !args.text) {
        Kind::Binary
    } else {
        Kind::Text
    };
    InputFormat { encoding, kind }
}

pub(super) fn input(
    args: &ClientArgs,
    payload: InputFormat,
    variables: &Variables,
    files: &mut Files,
) -> Result<Messages, Error> {
    let (send, mirror) = (&args.send, args.wire.mirror);
    // --mirror sends what it receives and needs no other input, and a check sends only what it is given.
    if send.data.is_empty() && !mirror && !args.stop.is_check() {
        let frame = send.frame;
        if frame == Framing::Events && payload != InputFormat::default() {
            return Err(Error::usage(
                "--frame events: each event names its own encoding, so --binary, --hex, --base64 and --escapes have no effect",
            )
            .advice(r#"{"type":"send","encoding":"hex","data":"00ff"}"#));
        }
        if let Framing::Chunk(size) = frame {
            check_chunks(size, payload)?;
        }
        return Ok(Messages::Stdin {
            frame,
            payload,
            encoder: None,
        });
    }
    Ok(Messages::Given(given(
        &send.data, "-d", payload, variables, files,
    )?))
}

/// # Errors
/// Exit 2 for chunks that cannot be cut.
fn check_chunks(size: Option<usize>, payload: InputFormat) -> Result<(), Error> {
    if payload.encoding != Encoding::Plain {
        return Err(Error::usage(
            "--frame chunk sends bytes as they are, without --hex, --base64 and --escapes",
        )
        .advice("--binary sends binary messages"));
    }
    match size {
        Some(size) if payload.kind == Kind::Text && size < SHORTEST_TEXT => Err(Error::usage(
            format!("--frame chunk:{size}: a character of text may have {SHORTEST_TEXT} bytes"),
        )
        .advice("--binary cuts anywhere")),
        _ => Ok(()),
    }
}

/// The messages of `--then`: text, also where the input is binary.
pub(super) fn then(
    args: &SendArgs,
    payload: InputFormat,
    variables: &Variables,
    files: &mut Files,
) -> Result<Vec<Message>, Error> {
    let encoding = match payload.encoding {
        Encoding::Escapes => Encoding::Escapes,
        _ => Encoding::Plain,
    };
    let kind = Kind::Text;
    let payload = InputFormat { encoding, kind };
    given(&args.then, "--then", payload, variables, files)
}

/// The messages of `-d`, `--on-open`, `--then` or `--heartbeat`: `@FILE` and `@-` are read, and `@@` is an
/// `@`, like `//` for `/` at the prompt. Messages whose files are skipped are left out. Variables are
/// filled in, but for a file of `-d`, which is sent as it is.
pub(super) fn given(
    values: &[String],
    option: &str,
    payload: InputFormat,
    variables: &Variables,
    files: &mut Files,
) -> Result<Vec<Message>, Error> {
    let message = |value: &String| {
        let Some((bytes, named)) = bytes_of(value, option, files)? else {
            return Ok(None);
        };
        let fill = |message| match option == "-d" && !named.is_empty() {
            true => message,
            false => variables.fill_message(message),
        };
        payload.message(bytes).map(fill).map(Some).map_err(|why| {
            Error::usage(format!(
                "{} {why}",
                format!("{option} {named}").trim_end().to_owned() + ":"
            ))
        })
    };
    let messages = values.iter().map(message);
    messages.filter_map(Result::transpose).collect()
}

/// The bytes that a value stands for, and `@FILE` where it names a file; `None` if that was skipped.
pub(super) fn bytes_of<'a>(
    value: &'a str,
    option: &str,
    files: &mut Files,
) -> Result<Option<(Bytes, &'a str)>, Error> {
    Ok(match value.strip_prefix('@') {
        None => Some((Bytes::from(value.to_owned()), "")),
        Some(text) if text.starts_with('@') => Some((Bytes::from(text.to_owned()), "")),
        Some(path) => {
            let read = files.read(option, path);
            let read = read.map_err(|error| suggest_at(error, value))?;
            read.map(|bytes| (Bytes::from(bytes), value))
        }
    })
}

/// The argument may have been meant as a message instead of a file name.
fn suggest_at(error: Error, value: &str) -> Error {
    match error.exit {
        Exit::Usage => error.advice(format!(
            "@FILE reads a file; a message that begins with @ is written as @{value}"
        )),
        _ => error,
    }
}

//! The steps of `--decode` and `--encode`, as they are written: `gzip+msgpack`. Pure: a command among
//! them is only named here.

use std::sync::Arc;

use super::protobuf::descriptor;
use super::protobuf::schema::Type;
use crate::error::Error;

/// What is on the wire, from the outermost form to the innermost.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub steps: Vec<Step>,
    /// What follows them. Steps are pure, so the owner of the chain runs it.
    pub command: Option<Command>,
}

/// A command that gets a message on its stdin, and prints another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The line for the shell, as the user wrote it.
    pub line: String,
    /// Names and values for its environment.
    pub variables: Arc<[(String, String)]>,
}

/// Begins a command, which goes on to the end of the chain.
const COMMAND: &str = "cmd:";

/// A step of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    MessagePack,
    Cbor,
    Gzip,
    Zlib,
    /// One zlib stream over all messages of a connection.
    ZlibStream,
    Zstd,
    /// Protocol Buffers of unknown types.
    Protobuf,
    /// Protocol Buffers of a message type; `None` while its file has not been read.
    Typed(Option<Type>),
}

/// The steps that are a word.
const WORDS: &[(&str, Step)] = &[
    ("msgpack", Step::MessagePack),
    ("cbor", Step::Cbor),
    ("gzip", Step::Gzip),
    ("zlib", Step::Zlib),
    ("zlib-stream", Step::ZlibStream),
    ("zstd", Step::Zstd),
    ("protobuf", Step::Protobuf),
];

/// Reads the file that a step names; `None` if that is put off.
pub type ReadFile<'a> = dyn FnMut(&str) -> Result<Option<Vec<u8>>, Error> + 'a;

impl Step {
    pub fn name(&self) -> &'static str {
        if let Step::Typed(_) = self {
            return "protobuf";
        }
        let word = WORDS.iter().find(|(_, step)| step == self);
        word.map_or("", |(name, _)| name)
    }

    /// Whether it gives JSON, which no other step reads.
    pub fn gives_json(&self) -> bool {
        use Step::{Cbor, MessagePack, Protobuf, Typed};
        matches!(self, MessagePack | Cbor | Protobuf | Typed(_))
    }
}

impl Chain {
    /// Reads what was typed after `option`.
    ///
    /// # Errors
    /// Exit 2 if a step is unknown, cannot stand where it does, or names a file that is no good.
    pub fn parse(option: &str, typed: &str, read: &mut ReadFile<'_>) -> Result<Chain, Error> {
        let mut chain = Chain::default();
        let mut rest = Some(typed);
        while let Some(text) = rest {
            if let Some(line) = text.strip_prefix(COMMAND) {
                chain.command = Some(command(option, line)?);
                break;
            }
            if let Some(last) = chain.steps.last().filter(|last| last.gives_json()) {
                return Err(nothing_follows(option, typed, last));
            }
            let (word, after) = split(text);
            chain.steps.push(step(option, word, read)?);
            rest = after;
        }
        Ok(chain)
    }
}

fn command(option: &str, line: &str) -> Result<Command, Error> {
    match line.trim().is_empty() {
        true => Err(Error::usage(format!(
            "{option}: cmd: is followed by no command"
        ))),
        false => Ok(Command {
            line: line.to_owned(),
            variables: Arc::default(),
        }),
    }
}

fn nothing_follows(option: &str, typed: &str, last: &Step) -> Error {
    let name = last.name();
    Error::usage(format!(
        "{option} {typed}: nothing follows {name}, which gives JSON"
    ))
    .advice("the outermost form comes first: gzip+msgpack is MessagePack in gzip")
}

/// The first step, and what follows it. The name of a file may contain a `+`, that of a type none.
fn split(text: &str) -> (&str, Option<&str>) {
    let within = match text.starts_with("protobuf:") {
        true => text.find('#').unwrap_or(text.len()),
        false => 0,
    };
    match text[within..].split_once('+') {
        Some((end, after)) => (&text[..within + end.len()], Some(after)),
        None => (text, None),
    }
}

fn step(option: &str, word: &str, read: &mut ReadFile<'_>) -> Result<Step, Error> {
    if let Some(of) = word.strip_prefix("protobuf:") {
        return typed(option, of, read);
    }
    if let Some((_, step)) = WORDS.iter().find(|(name, _)| *name == word) {
        return Ok(step.clone());
    }
    let names: Vec<_> = WORDS.iter().map(|(name, _)| *name).collect();
    Err(
        Error::usage(format!("{option}: '{word}' is not a known form")).advice(format!(
            "known are {}, protobuf:FILE#TYPE and cmd:COMMAND",
            names.join(", ")
        )),
    )
}

/// The step `protobuf:FILE#TYPE`.
fn typed(option: &str, of: &str, read: &mut ReadFile<'_>) -> Result<Step, Error> {
    let asks = |what: &str| {
        let error = Error::usage(format!("{option} protobuf:{of}: {what}"));
        Err(error.advice("protobuf:FILE.desc#package.Type"))
    };
    let Some((file, name)) = of.rsplit_once('#') else {
        return asks("which message type?");
    };
    if file.is_empty() {
        return asks("which descriptor?");
    }
    let Some(descriptor) = read(file)? else {
        return Ok(Step::Typed(None));
    };
    match descriptor::find(&descriptor, name) {
        Ok(found) => Ok(Step::Typed(Some(found))),
        Err((what, advice)) => {
            let error = Error::usage(format!("{option} protobuf:{file}: {what}"));
            Err(match advice {
                Some(advice) => error.advice(advice),
                None => error,
            })
        }
    }
}

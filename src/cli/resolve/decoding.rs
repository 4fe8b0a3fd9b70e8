//! `--decode` and `--encode`, with the files that they name.

use super::files::Files;
use super::variables::Variables;
use crate::cli::args::ClientArgs;
use crate::decode::chain::Chain;
use crate::decode::{self, Tally};
use crate::encode::Encoder;
use crate::error::Error;
use crate::message::Message;
use crate::pipe::{self, Messages};
use crate::session::answers::Opening;
use crate::{session, template};

/// # Errors
/// Exit 2 if a form is unknown, or a file is no descriptor.
pub(super) fn decode(
    args: &ClientArgs,
    variables: &Variables,
    files: &mut Files,
) -> Result<Option<decode::Options>, Error> {
    let Some(typed) = &args.decoding.decode else {
        return Ok(None);
    };
    Ok(Some(decode::Options {
        chain: chain("--decode", typed, variables, files)?,
        limit: args.wire.max_message_size,
        tally: Tally::default(),
    }))
}

/// # Errors
/// As [`decode`], or if a form is only decoded.
pub(super) fn encode(
    args: &ClientArgs,
    variables: &Variables,
    files: &mut Files,
) -> Result<Option<Encoder>, Error> {
    let Some(typed) = &args.decoding.encode else {
        return Ok(None);
    };
    let chain = chain("--encode", typed, variables, files)?;
    Encoder::new(typed, chain).map(Some)
}

/// Looks at what `-d` and `--then` give, and makes stdin look.
///
/// # Errors
/// Exit 2 if a message cannot be encoded.
pub(super) fn check(pipe: &mut pipe::Options, encoder: &Encoder) -> Result<(), Error> {
    check_each("--then", &pipe.then, encoder)?;
    match &mut pipe.messages {
        Messages::Stdin { encoder: own, .. } => {
            *own = Some(encoder.clone());
            Ok(())
        }
        Messages::Given(given) => check_each("-d", &*given, encoder),
    }
}

/// Looks at the messages of `--on-open` and `--heartbeat`.
///
/// # Errors
/// As [`check`].
pub(super) fn check_session(session: &session::Options, encoder: &Encoder) -> Result<(), Error> {
    let opening = session.opening.iter().filter_map(|opening| match opening {
        Opening::Now(message) => Some(message),
        Opening::After(_) => None,
    });
    // A value that is not there yet may make it JSON.
    let is_whole = |message: &&Message| !message.as_text().is_some_and(template::has_placeholder);
    check_each("--on-open", opening.filter(is_whole), encoder)?;
    let heartbeat = session.heartbeat.iter().filter(is_whole);
    check_each("--heartbeat", heartbeat, encoder)
}

fn check_each<'a>(
    option: &str,
    messages: impl IntoIterator<Item = &'a Message>,
    encoder: &Encoder,
) -> Result<(), Error> {
    for message in messages {
        let checked = encoder.check(message);
        checked.map_err(|why| {
            let mut error = Error::usage(format!("{option}: {why}"));
            error
                .advice
                .extend(Encoder::advice(&why).map(str::to_owned));
            error
        })?;
    }
    Ok(())
}

fn chain(
    option: &str,
    typed: &str,
    variables: &Variables,
    files: &mut Files,
) -> Result<Chain, Error> {
    let name = format!("{option} protobuf:");
    let mut chain = Chain::parse(option, typed, &mut |path| files.read_named(&name, path))?;
    if let Some(command) = &mut chain.command {
        command.variables = variables.environment([typed]);
    }
    Ok(chain)
}

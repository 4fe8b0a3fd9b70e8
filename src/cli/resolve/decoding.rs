//! `--decode` and `--encode`, with the files that they name.

use super::answers::environment;
use super::files::Files;
use super::variables::Variables;
use crate::cli::args::ClientArgs;
use crate::decode::chain::Chain;
use crate::decode::{self, Tally};
use crate::encode::Encoder;
use crate::error::Error;
use crate::pipe::Messages;

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

/// Looks at what `-d` gives, and makes stdin look.
///
/// # Errors
/// Exit 2 if a message cannot be encoded.
pub(super) fn check(messages: &mut Messages, encoder: &Encoder) -> Result<(), Error> {
    match messages {
        Messages::Stdin { encoder: own, .. } => *own = Some(encoder.clone()),
        Messages::Given(given) => {
            for message in given {
                let checked = encoder.check(message);
                checked.map_err(|why| Error::usage(format!("-d: {why}")))?;
            }
        }
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
        command.variables = environment(variables.values());
    }
    Ok(chain)
}

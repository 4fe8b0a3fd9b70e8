//! `--answer`, and the messages of `--on-open`, of which some wait for a message.

use super::files::Files;
use super::messages::{bytes_of, given};
use super::variables::Variables;
use crate::cli::args::SendArgs;
use crate::error::Error;
use crate::payload::{Encoding, InputFormat};
use crate::session::answers::reply::{Known, Making};
use crate::session::answers::{After, Opening, Reply, Rule, Rules, split};
use crate::session::resume::vars::ResumeVars;

/// What replies are made with.
pub(super) struct Replies<'a> {
    pub(super) escapes: bool,
    pub(super) variables: &'a Variables,
    /// What `--resume` defines.
    pub(super) memory: &'a ResumeVars,
    pub(super) files: &'a mut Files,
}

impl Replies<'_> {
    /// The rules of `--answer`. Those whose files are skipped are left out.
    ///
    /// # Errors
    /// Exit 2 for the first that is wrong.
    pub(super) fn rules(&mut self, args: &SendArgs) -> Result<Rules, Error> {
        let mut rules = Vec::new();
        for text in &args.answers.answer {
            let (ping, split) = split::rule(text).map_err(|error| of("--answer", error))?;
            if let Some(reply) = self.reply("--answer", split.rest)? {
                rules.push(Rule::new(text, ping, split.when, reply));
            }
        }
        Ok(Rules::new(rules))
    }

    /// The messages of `--on-open`. Those whose files are skipped are left out.
    ///
    /// # Errors
    /// Exit 2 for the first that is wrong.
    pub(super) fn opening(&mut self, args: &SendArgs) -> Result<Vec<Opening>, Error> {
        let mut opening = Vec::new();
        for text in &args.on_open {
            match split::after(text).map_err(|error| of("--on-open", error))? {
                Some(split) => {
                    let reply = match split.rest {
                        "" => Some(None),
                        text => self.reply("--on-open", text)?.map(Some),
                    };
                    let after = reply.map(|reply| After::new(split.when, reply));
                    opening.extend(after.map(Opening::After));
                }
                None => {
                    let format = text_format(self.escapes);
                    let text = std::slice::from_ref(text);
                    let messages = given(text, "--on-open", format, self.variables, self.files)?;
                    opening.extend(messages.into_iter().map(Opening::Now));
                }
            }
        }
        Ok(opening)
    }

    /// The reply that `text` stands for; `None` if its file was skipped.
    fn reply(&mut self, option: &str, text: &str) -> Result<Option<Reply>, Error> {
        let Some((bytes, file)) = bytes_of(text, option, self.files)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::usage(format!("{option} {text}: it is not UTF-8")))?;
        let values = self.variables.values();
        let making = Making {
            escapes: self.escapes,
            variable: &|name| values.get(name).cloned().map(Known::Given),
            environment: self.variables.environment([text]),
        };
        let reply = match file {
            "" => Reply::compile(text, &making),
            _ => Reply::read(text, &making),
        };
        let reply = reply.and_then(|reply| {
            reply.check_names(|name| self.memory.value(name).is_some())?;
            Ok(Some(reply))
        });
        reply.map_err(|error| of(option, error))
    }
}

/// How `--on-open` and `--heartbeat` stand for text messages.
pub(super) fn text_format(escapes: bool) -> InputFormat {
    InputFormat {
        encoding: match escapes {
            true => Encoding::Escapes,
            false => Encoding::Plain,
        },
        ..InputFormat::default()
    }
}

fn of(option: &str, mut error: Error) -> Error {
    error.message = format!("{option}: {}", error.message);
    error
}

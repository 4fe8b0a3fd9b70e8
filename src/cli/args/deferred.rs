//! Options of a subcommand that clap defines only when it is used.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// Defining the options of the client once more, for `demo`, would be a tenth of the time of a short
/// run.
#[derive(Debug)]
pub struct Deferred<A> {
    pub args: A,
}

impl<A: Args> Args for Deferred<A> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| described(command, A::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| described(command, A::augment_args_for_update))
    }
}

/// Adds the options. Otherwise the description of their struct would replace that of the subcommand.
fn described(command: Command, augment: fn(Command) -> Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    augment(command).about(about).long_about(None::<&str>)
}

impl<A: FromArgMatches> FromArgMatches for Deferred<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let args = A::from_arg_matches(matches)?;
        Ok(Deferred { args })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.args.update_from_arg_matches(matches)
    }
}

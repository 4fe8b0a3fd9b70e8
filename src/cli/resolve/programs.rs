//! The commands that run beside a connection.

use super::expressions::compile;
use crate::cli::args::{ClientArgs, ProgramsArgs};
use crate::error::Error;
use crate::pipe;
use crate::session::policy::program as rules;
use crate::session::program;

/// The lines of the commands, for what they name.
pub(super) fn lines(args: &ProgramsArgs) -> impl Iterator<Item = &str> + Clone {
    let lines = [&args.run, &args.exec].into_iter().flatten();
    lines.map(String::as_str)
}

/// `--run`
///
/// # Errors
/// Exit 2 for an empty command.
pub(super) fn run(
    args: &ProgramsArgs,
    interactive: bool,
) -> Result<Option<program::Options>, Error> {
    let command = command("--run", args.run.as_deref())?;
    Ok(command.map(|command| program::Options {
        command,
        reports_lines: interactive,
    }))
}

/// `--exec`
///
/// # Errors
/// Exit 2 for an empty command.
pub(super) fn exec(args: &ClientArgs) -> Result<Option<pipe::program::Options>, Error> {
    let command = command("--exec", args.programs.exec.as_deref())?;
    Ok(command.map(|command| pipe::program::Options {
        command,
        headers: args.programs.exec_header.clone(),
        limit: args.wire.max_message_size,
    }))
}

/// A command for the shell, which does nothing with an empty one and succeeds: that is what an unset
/// variable of a script leaves.
fn command(option: &str, line: Option<&str>) -> Result<Option<String>, Error> {
    match line {
        Some(line) if line.trim().is_empty() => {
            Err(Error::usage(format!("{option}: the command is empty"))
                .advice("a line for the shell; `true` does nothing and succeeds"))
        }
        line => Ok(line.map(str::to_owned)),
    }
}

/// When the command of `--run` starts.
///
/// # Errors
/// Exit 2 for an expression that does not compile.
pub(super) fn rules(args: &ProgramsArgs) -> Result<Option<rules::Options>, Error> {
    let after = compile("--run-after", args.run_after.as_deref())?;
    let options = rules::Options {
        after,
        each: args.run_each,
    };
    Ok(args.run.as_ref().map(|_| options))
}

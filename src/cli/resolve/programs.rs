//! The commands that run beside a connection.

use super::expressions::compile;
use crate::cli::args::ProgramsArgs;
use crate::error::Error;
use crate::pipe;
use crate::session::policy::program as rules;
use crate::session::program;

/// `--run`
pub(super) fn run(args: &ProgramsArgs, interactive: bool) -> Option<program::Options> {
    args.run.clone().map(|command| program::Options {
        command,
        reports_lines: interactive,
    })
}

/// `--exec`
pub(super) fn exec(args: &ProgramsArgs) -> Option<pipe::program::Options> {
    args.exec.clone().map(|command| pipe::program::Options {
        command,
        headers: args.exec_header.clone(),
    })
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

//! How output is shown, and where it is recorded.

use std::path::{Path, PathBuf};

use super::expressions::compile;
use super::mode::Mode;
use crate::cli::args::OutputArgs;
use crate::cli::world::World;
use crate::error::Error;
use crate::output::{self, style};

pub(super) fn options(mode: &Mode<'_>) -> Result<output::Options, Error> {
    let (args, world) = (&mode.args.output, mode.world);
    // At the prompt notices share the terminal with it, whatever stderr is.
    let stderr_tty = world.stderr_tty || mode.interactive;
    let plain = mode.interactive && mode.args.prompt.plain;
    let size = world.terminal_size.filter(|_| mode.messages_tty);
    Ok(output::Options {
        format: mode.format,
        timestamps: args.timestamps.map(Into::into),
        stdout_tty: mode.messages_tty,
        stderr_tty,
        stdout_color: color(args, world, mode.messages_tty && !plain),
        stderr_color: color(args, world, stderr_tty && !plain),
        width: size.map(|(columns, _)| columns),
        height: size.map(|(_, rows)| rows),
        fold: None,
        show_sent: mode.interactive,
        timing: false,
        plain,
        ascii: !world.is_utf8(),
        verbose: args.verbose,
        silent: args.silent,
        stats: args.stats,
        show_ping_pong: args.show_ping_pong,
        numbers: mode.confirms,
        interactive: mode.interactive,
        peer: mode.peer,
        filter: compile("--filter", args.filter.as_deref())?,
        // Looking up the time zone reads files, so it is skipped if no time is shown. At the prompt
        // /last shows times.
        time_zone: if args.timestamps.is_some() || mode.interactive {
            jiff::tz::TimeZone::system()
        } else {
            jiff::tz::TimeZone::UTC
        },
    })
}

/// `--record`. `-` is stdout, where nothing else may be.
///
/// # Errors
/// Exit 2 if messages are on stdout too.
pub(super) fn record(mode: &Mode<'_>) -> Result<Option<PathBuf>, Error> {
    let args = &mode.args.output;
    let is_stdout = |path: &Path| path.as_os_str() == "-";
    let record = args.record.as_deref();
    if record.is_some_and(is_stdout) && args.output.as_deref().is_none_or(is_stdout) {
        return Err(
            Error::usage("--record -: messages are printed on stdout too")
                .advice("--json prints every event there instead")
                .advice("-o FILE writes the messages elsewhere"),
        );
    }
    if record.is_some_and(is_stdout) && mode.interactive {
        return Err(Error::usage(
            "--record -: stdout is the terminal of the prompt",
        ));
    }
    Ok(record.map(Path::to_owned))
}

/// Whether to use colours; `tty` says whether a terminal suggests them. `--plain` does not.
pub(super) fn color(args: &OutputArgs, world: &World, tty: bool) -> bool {
    style::decide(args.color.into(), &|name| world.variable(name), tty)
}

//! How everything is shown.

use super::expressions::compile;
use crate::cli::args::{ClientArgs, OutputArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::output::{self, Format, style};

pub(super) fn options(
    client: &ClientArgs,
    world: &World,
    interactive: bool,
) -> Result<output::Options, Error> {
    let args = &client.output;
    // A file is no terminal, wherever stdout goes.
    let stdout_tty = world.stdout_tty
        && args
            .output
            .as_ref()
            .is_none_or(|path| path.as_os_str() == "-");
    let default = if stdout_tty {
        Format::Pretty
    } else {
        Format::Raw
    };
    let format = if args.json {
        Format::Json
    } else {
        args.format.map_or(default, Into::into)
    };
    Ok(output::Options {
        format,
        timestamps: args.timestamps.map(Into::into),
        stdout_tty,
        // At the prompt notices share the terminal with it, wherever stderr goes.
        stderr_tty: world.stderr_tty || interactive,
        stdout_color: color(args, world, stdout_tty),
        stderr_color: color(args, world, world.stderr_tty || interactive),
        verbose: args.verbose,
        silent: args.silent,
        stats: args.stats,
        show_ping_pong: args.show_ping_pong,
        numbers: client.stay.confirm.is_some(),
        interactive,
        filter: compile("--filter", args.filter.as_deref())?,
        // Looking the zone up reads files; without a time to show there is no need.
        time_zone: if args.timestamps.is_some() {
            jiff::tz::TimeZone::system()
        } else {
            jiff::tz::TimeZone::UTC
        },
    })
}

pub(super) fn color(args: &OutputArgs, world: &World, tty: bool) -> bool {
    style::decide(args.color.into(), &|name| world.variable(name), tty)
}

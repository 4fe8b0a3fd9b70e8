//! Decisions that the options of several modules depend on.

use std::time::Duration;

use super::credentials;
use crate::auth::sources::Via;
use crate::cli::args::{ClientArgs, StayArgs};
use crate::cli::world::World;
use crate::event::Peer;
use crate::output::Format;
use crate::session::answers::split::waits;
use crate::session::reconnect::When;

/// Ping interval and timeout in the interactive mode.
const INTERACTIVE_PINGS: Duration = Duration::from_secs(20);

/// The mode of the client.
pub(super) struct Mode<'a> {
    pub(super) args: &'a ClientArgs,
    pub(super) world: &'a World,
    /// Whether the prompt runs, as opposed to the pipe.
    pub(super) interactive: bool,
    /// Whether messages are shown on a terminal.
    pub(super) messages_tty: bool,
    pub(super) format: Format,
    pub(super) reconnects: When,
    pub(super) ping_interval: Option<Duration>,
    /// Whether messages are numbered, and kept until they are confirmed.
    pub(super) confirms: bool,
    pub(super) token_via: Via,
    /// What the other side is.
    pub(super) peer: Peer,
}

impl<'a> Mode<'a> {
    pub(super) fn new(args: &'a ClientArgs, world: &'a World, peer: Peer) -> Self {
        let executes = args.programs.exec.is_some();
        let interactive = world.stdin_tty
            && world.stdout_tty
            && args.send.data.is_empty()
            && !executes
            && !args.stop.is_check();
        // A file is not a terminal, whatever stdout is.
        let to_stdout = |path: &std::path::PathBuf| path.as_os_str() == "-";
        let messages_tty =
            world.stdout_tty && !executes && args.output.output.as_ref().is_none_or(to_stdout);
        Mode {
            args,
            world,
            interactive,
            messages_tty,
            format: format(args, messages_tty),
            reconnects: reconnects(&args.stay, interactive),
            ping_interval: args
                .stay
                .keepalive
                .ping_interval
                .or(interactive.then_some(INTERACTIVE_PINGS))
                .filter(|interval| !interval.is_zero()),
            confirms: args.stay.confirm.is_some(),
            token_via: credentials::via(&args.auth),
            peer,
        }
    }

    /// Whether messages may come before `--count 0` is met: the opening waits for one, or a command runs.
    pub(super) fn awaits_before_check(&self) -> bool {
        self.args.programs.run.is_some() || self.args.send.on_open.iter().any(|it| waits(it))
    }

    /// Whether the user asked for a single connection.
    pub(super) fn forbids_reconnect(&self) -> bool {
        forbids_reconnect(&self.args.stay)
    }
}

fn format(args: &ClientArgs, messages_tty: bool) -> Format {
    match args.output.format {
        _ if args.output.json => Format::Json,
        Some(format) => format.into(),
        None if messages_tty => Format::Pretty,
        None if args.programs.exec.is_some() => Format::ForProgram,
        None => Format::Raw,
    }
}

fn forbids_reconnect(args: &StayArgs) -> bool {
    args.no_reconnect || args.reconnect == Some(Some(0))
}

fn reconnects(args: &StayArgs, interactive: bool) -> When {
    if forbids_reconnect(args) {
        When::Never
    } else if args.reconnect.is_some() || !args.reconnect_on.is_empty() {
        When::Always
    } else if interactive {
        When::AfterOpen
    } else {
        When::Never
    }
}

//! `--count 0`, a check: connect, open, close. What contradicts it is refused.

use super::mode::Mode;
use crate::error::Error;

/// Refuses options that wait for messages, of which a check wants none.
///
/// # Errors
/// Exit 2 for the first of them.
pub(super) fn refuse(mode: &Mode<'_>) -> Result<(), Error> {
    let (stop, stay) = (&mode.args.stop, &mode.args.stay);
    if !stop.is_check() {
        return Ok(());
    }
    let confirm = stay.confirm.as_deref();
    let option = match () {
        () if stop.until.is_some() => "--until",
        () if mode.args.send.lockstep => "--lockstep",
        () if mode.args.wire.mirror => "--mirror",
        () if mode.args.programs.exec.is_some() => "--exec",
        () if confirm.is_some_and(|how| how != "pong") => "--confirm without pong",
        () => return Ok(()),
    };
    Err(Error::usage(format!(
        "--count 0 waits for no message, so it cannot be used with {option}"
    ))
    .advice("--count 1 waits for one"))
}

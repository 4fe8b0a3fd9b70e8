//! `/quit`, `/close` and `/reconnect`. Pure.

use crate::close::{Close, Unsendable, may_be_sent};
use crate::event::Control;
use crate::repl::action::{Action, View};

pub(super) fn quit(_: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::Leave(Close::normal()))
}

pub(super) fn close(_: &View<'_>, argument: &str) -> Result<Action, String> {
    parse_close(argument.trim()).map(Action::Close)
}

pub(super) fn reconnect(_: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::Control(Control::Reconnect))
}

pub(super) fn parse_close(argument: &str) -> Result<Close, String> {
    if argument.is_empty() {
        return Ok(Close::normal());
    }
    let (code, reason) = argument.split_once(' ').unwrap_or((argument, ""));
    let code: u16 = code
        .parse()
        .map_err(|_| format!("'{code}' is not a close code; write /close 1000 REASON"))?;
    Close::from_person(Some(code), reason.trim(), may_be_sent).map_err(|why| match why {
        Unsendable::Code(_) => format!("{why}; use 1000, 1001 or 3000-4999"),
        _ => why.to_string(),
    })
}

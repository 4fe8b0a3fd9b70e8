//! `/to`, `/clients`, and what `/close`, `/headers` and `/reconnect` mean where this end is the server.
//! Pure.

use super::connection;
use crate::event::{Command, Recipients};
use crate::repl::action::{Action, Outgoing, View};
use crate::repl::view::clients::Clients;

/// # Errors
/// This end is the client.
fn clients_of<'a>(view: &'a View<'_>) -> Result<&'a Clients, String> {
    let clients = view.screen.clients.as_ref();
    clients.ok_or_else(|| "only `wirecat listen` has clients; this is one".to_owned())
}

pub(super) fn clients(view: &View<'_>, _: &str) -> Result<Action, String> {
    Ok(Action::Say(clients_of(view)?.list(view.now)))
}

/// `/to N`, `/to all`, `/to N TEXT`; alone, it says for whom lines are.
pub(super) fn to(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let clients = clients_of(view)?;
    let (who, text) = argument.split_once(' ').unwrap_or((argument, ""));
    let recipients = match who {
        "" => return Ok(Action::Say(clients.addressed())),
        "all" => Recipients::All,
        number => Recipients::One(clients.named(number)?),
    };
    Ok(match text {
        "" => Action::Address(recipients),
        text => Action::SendTo(recipients, Outgoing::Message(text.to_owned())),
    })
}

/// `/close [N] [CODE [REASON]]`: a client is closed, and the server stays.
pub(super) fn close(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let Some(clients) = &view.screen.clients else {
        return connection::close(view, argument);
    };
    let argument = argument.trim();
    let (first, rest) = argument.split_once(' ').unwrap_or((argument, ""));
    let is_code = first.is_empty() || first.parse().is_ok_and(|code: u16| code >= 1000);
    let (recipients, close) = match is_code {
        true => (clients.recipients, argument),
        false if first == "all" => (Recipients::All, rest),
        false => (Recipients::One(clients.named(first)?), rest),
    };
    let close = connection::parse_close(close.trim())?;
    let command = Outgoing::Command(Command::Close(close));
    Ok(Action::SendTo(recipients, command))
}

/// `/headers [N]`
pub(super) fn headers(view: &View<'_>, argument: &str) -> Result<Action, String> {
    match (&view.screen.clients, argument.trim()) {
        (Some(clients), number) if !number.is_empty() => {
            clients.named(number).map(Action::ShowHandshakeOf)
        }
        _ => Ok(Action::ShowHandshake),
    }
}

/// # Errors
/// This end is the server.
pub(super) fn need_client(view: &View<'_>) -> Result<(), String> {
    match view.screen.clients {
        Some(_) => Err(
            "this is for a client; here wirecat is the server (/help lists what there is)"
                .to_owned(),
        ),
        None => Ok(()),
    }
}

//! The options of `wirecat listen`: where it listens, whom it lets in, and the conversation, which has the
//! options of a client.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args as _, Command, FromArgMatches as _};
use hyper::StatusCode;

use super::client::{self, Client, Input};
use super::listening::{DEFAULT_PORT, listen_address};
use super::wire::extensions;
use crate::cli::args::{ClientArgs, ClientsArgs, DeflateArgs, ListenArgs, Typed};
use crate::cli::config::Configured;
use crate::cli::world::World;
use crate::error::Error;
use crate::event::Peer;
use crate::json::jq::Interrupt;
use crate::session::door;
use crate::uri::Target;

#[derive(Debug)]
pub struct Listen {
    pub address: SocketAddr,
    pub door: door::Options,
    /// The conversation. Its plan is that of a client on this machine.
    pub client: Client,
}

/// # Errors
/// Exit 2 for the first error.
pub(super) fn listen(mut args: ListenArgs, typed: &Typed, world: &World) -> Result<Listen, Error> {
    let address = match &args.address {
        Some(text) => listen_address(text)?,
        None => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT),
    };
    allow(address, args.clients.allow_anyone)?;
    let clients = std::mem::take(&mut args.clients);
    let patience = args.time.connect_timeout;
    let args = conversation(args).map_err(|error| Error::usage(error.to_string()))?;
    let input = Input {
        args: &args,
        typed,
        notes: &[],
        configured: &Configured::default(),
        world,
        interrupt: &Interrupt::default(),
        peer: Peer::Client,
    };
    let client = client::client(&format!("ws://{address}/"), &input, Target::parse)?;
    let one_at_a_time = !matches!(client.front, client::FrontEnd::Interactive(_));
    let mut door = door(&clients, &args.wire.deflate, one_at_a_time);
    door.patience = patience.filter(|time| !time.is_zero());
    Ok(Listen {
        address,
        door,
        client,
    })
}

/// The options of a client that talks in the same way; those about connecting have their defaults.
///
/// # Errors
/// If a default is no value of its own option.
fn conversation(args: ListenArgs) -> Result<ClientArgs, clap::Error> {
    let command = ClientArgs::augment_args(Command::new("listen").no_binary_name(true));
    let matches = command.try_get_matches_from(std::iter::empty::<&str>())?;
    let mut client = ClientArgs::from_arg_matches(&matches)?;
    client.time.close_timeout = args.time.close_timeout;
    client.time.max_time = args.time.max_time;
    client.send = args.send;
    client.stop = args.stop;
    client.output = args.output;
    client.prompt = args.prompt;
    client.stay.keepalive = args.keepalive;
    client.stay.no_reconnect = true;
    client.wire = args.wire;
    Ok(client)
}

fn door(args: &ClientsArgs, deflate: &DeflateArgs, one_at_a_time: bool) -> door::Options {
    door::Options {
        extensions: extensions(deflate),
        subprotocols: args.subprotocols.clone(),
        status: args.status.and_then(|code| StatusCode::from_u16(code).ok()),
        origins: args.origin.clone(),
        clients: match args.clients {
            None => one_at_a_time.then_some(1),
            Some(count) => Some(count).filter(|count| *count > 0),
        },
        side_by_side: !one_at_a_time,
        patience: None,
    }
}

/// Whether to listen on this address: other machines are let in only if that was asked for.
fn allow(address: SocketAddr, anyone: bool) -> Result<(), Error> {
    if anyone || address.ip().is_loopback() {
        return Ok(());
    }
    let message = format!("{address} can be reached from other machines, and anyone could connect");
    Err(Error::usage(message)
        .advice("--allow-anyone listens there all the same")
        .advice(format!(
            "127.0.0.1:{} is for this machine alone",
            address.port()
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_let_in_only_on_request() {
        for (address, anyone, allowed) in [
            ("127.0.0.1:1", false, true),
            ("[::1]:1", false, true),
            ("0.0.0.0:1", false, false),
            ("192.0.2.1:1", false, false),
            ("0.0.0.0:1", true, true),
        ] {
            let result = allow(address.parse().unwrap(), anyone);
            assert_eq!(result.is_ok(), allowed, "{address} {anyone}");
        }
    }
}

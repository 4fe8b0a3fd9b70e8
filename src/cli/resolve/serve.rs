//! The options of the debug server.

use std::path::PathBuf;

use super::hub::hub;
use super::listening;
use super::wire::extensions;
use crate::cli::args::{LimitArgs, ServeArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::serve::{self, heartbeat, limits};

/// How other machines are let in.
const ADVICE: &str =
    "--token TOKEN=USER to require one, --allow-anyone to do without, or 127.0.0.1";

#[derive(Debug)]
pub struct Serve {
    pub listen: Vec<serve::Place>,
    /// Nothing is logged.
    pub silent: bool,
    /// The file that the log is appended to, instead of stderr.
    pub log_file: Option<PathBuf>,
    /// All but the log.
    pub options: serve::Options,
}

pub(super) fn serve(args: &ServeArgs, world: &World) -> Result<Serve, Error> {
    let listen = listening::places(args, world)?;
    let tls = listening::tls(&args.tls, &listen)?;
    let hub = hub(&args.hub, &args.limits)?;
    let is_allowed = !hub.tokens.is_empty() || args.safety.allow_anyone;
    for place in &listen {
        if let serve::Place::Tcp(address) = place {
            listening::refuse_strangers(address.ip(), is_allowed, ADVICE)?;
        }
    }
    Ok(Serve {
        listen,
        silent: args.silent,
        log_file: args.log.log_file.clone(),
        options: serve::Options {
            log: None,
            log_format: args.log.log.into(),
            trust_proxy: args.log.trust_proxy,
            extensions: extensions(&args.deflate),
            deflate_level: args.deflate.deflate_level,
            seed: args.seed,
            ledger: args.ledger.clone(),
            hub,
            tls,
            guard: listening::guard(&args.safety),
            limits: limits(&args.limits),
            heartbeat: heartbeat::Options {
                interval: args.limits.ping_interval.0,
                timeout: args.limits.ping_timeout.0,
            },
        },
    })
}

fn limits(args: &LimitArgs) -> limits::Options {
    limits::Options {
        max_connections: args.max_connections,
        max_connections_per_address: args.max_connections_per_address,
        handshake_timeout: args.handshake_timeout,
        max_head_size: args.max_head_size,
        max_message_size: args.max_message_size,
        message_interval: args.max_rate,
    }
}

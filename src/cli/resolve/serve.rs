//! The options of the debug server.

use std::net::IpAddr;
use std::path::PathBuf;

use super::hub::hub;
use super::listening;
use super::wire::extensions;
use crate::cli::args::{LimitArgs, ServeArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::serve::{self, guard, heartbeat, limits};

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
    let tls = listening::tls(args, &listen)?;
    let hub = hub(&args.hub, &args.limits)?;
    let is_allowed = !hub.tokens.is_empty() || args.safety.allow_anyone;
    for place in &listen {
        if let serve::Place::Tcp(address) = place {
            refuse_strangers(address.ip(), is_allowed)?;
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
            guard: guard::Options {
                origins: args.safety.origins.clone(),
                host_names: args.safety.host_names.clone(),
            },
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

/// Refuses an address that other machines can reach, unless a token is required or anyone is welcome
/// (`is_allowed`).
///
/// # Errors
/// Exit 2.
pub(super) fn refuse_strangers(ip: IpAddr, is_allowed: bool) -> Result<(), Error> {
    if ip.to_canonical().is_loopback() || is_allowed {
        return Ok(());
    }
    Err(Error::usage(format!(
        "refusing to listen on {ip}: other machines can reach it, and no token is required"
    ))
    .advice("--token TOKEN=USER to require one, --allow-anyone to do without, or 127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_welcome_only_if_that_is_said() {
        let refuses = |ip: &str, allowed| refuse_strangers(ip.parse().unwrap(), allowed).is_err();
        for ip in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(!refuses(ip, false), "{ip}");
        }
        for ip in ["0.0.0.0", "::", "10.0.0.1", "2001:db8::1"] {
            assert!(refuses(ip, false) && !refuses(ip, true), "{ip}");
        }
    }
}

//! The options of the debug server.

use std::path::PathBuf;
use std::sync::Arc;

use super::hub::hub;
use super::listening;
use super::replay::read_tape;
use super::wire::extensions;
use crate::cli::args::{LimitArgs, ServeArgs, ServeReplayArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::record::replay::Speed;
use crate::serve::{self, Replay, heartbeat, limits};

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
            replay: replay(&args.replay)?,
        },
    })
}

/// The recording that is played to every client.
///
/// # Errors
/// Exit 2 if it cannot be read, or is none, or if there are several.
fn replay(args: &ServeReplayArgs) -> Result<Option<Arc<Replay>>, Error> {
    let path = match args.replay.as_slice() {
        [] => return Ok(None),
        [path] => path,
        several => {
            let count = several.len();
            let message = format!("--replay: one recording is played, and there are {count}");
            return Err(Error::usage(message)
                .advice("cat FILE FILE > BOTH joins recordings, and clients get theirs in turn"));
        }
    };
    let tape = read_tape("--replay ", path)?;
    let speed = args.replay_speed.unwrap_or(Speed::Times(1.0));
    Ok(Some(Arc::new(Replay::new(tape, speed))))
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

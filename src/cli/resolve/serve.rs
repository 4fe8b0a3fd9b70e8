//! The options of the debug server.

use std::path::PathBuf;

use super::hub::hub;
use super::listening;
use super::wire::extensions;
use crate::cli::args::ServeArgs;
use crate::cli::world::World;
use crate::error::Error;
use crate::serve;

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
            hub: hub(&args.hub)?,
            tls,
        },
    })
}

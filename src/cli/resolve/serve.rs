//! The options of the debug server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::hub::hub;
use super::wire::extensions;
use crate::cli::args::ServeArgs;
use crate::error::Error;
use crate::serve;

/// The debug server's default port.
const DEFAULT_PORT: u16 = 8765;

#[derive(Debug)]
pub struct Serve {
    pub listen: SocketAddr,
    /// Nothing is logged.
    pub silent: bool,
    /// The file that the log is appended to, instead of stderr.
    pub log_file: Option<PathBuf>,
    /// All but the log.
    pub options: serve::Options,
}

pub(super) fn serve(args: &ServeArgs) -> Result<Serve, Error> {
    let mut listen = match args.address.as_ref().or(args.listen.as_ref()) {
        Some(text) => listen_address(text)?,
        None => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT),
    };
    if let Some(port) = args.port {
        listen.set_port(port);
    }
    if let Some(host) = args.host {
        listen.set_ip(host);
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
            hub: hub(&args.hub)?,
        },
    })
}

/// Parses `ADDRESS:PORT`, `:PORT`, `PORT` or `ADDRESS`; the default address is loopback.
fn listen_address(text: &str) -> Result<SocketAddr, Error> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let named = text.replacen("localhost", "127.0.0.1", 1);
    let port = named.strip_prefix(':').unwrap_or(&named).parse().ok();
    named
        .parse()
        .ok()
        .or(port.map(|port| SocketAddr::new(loopback, port)))
        .or(named
            .parse()
            .ok()
            .map(|ip| SocketAddr::new(ip, DEFAULT_PORT)))
        .ok_or_else(|| {
            Error::usage(format!("cannot listen on '{text}': that is not an address"))
                .advice("127.0.0.1:8765, [::1]:8765, :8765 or 8765; port 0 takes a free one")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for (text, address) in [
            ("0", "127.0.0.1:0"),
            (":9", "127.0.0.1:9"),
            ("localhost:9", "127.0.0.1:9"),
            ("0.0.0.0:9", "0.0.0.0:9"),
            ("[::1]:9", "[::1]:9"),
            ("10.0.0.1", "10.0.0.1:8765"),
        ] {
            assert_eq!(listen_address(text).unwrap().to_string(), address, "{text}");
        }
        assert!(listen_address("nonsense").is_err());
    }
}

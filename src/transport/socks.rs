//! SOCKS: asks a proxy for a connection to the server, by version 5 (RFC 1928, and RFC 1929 for a
//! password), 4 or 4a. The messages are in [`message`]; this module exchanges them over any stream,
//! and never reads a byte that belongs to the layer above.

mod message;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Host;

use self::message::{Destination, Refused};
use super::progress::Progress;
use super::stream::BoxedStream;
use super::{lookup, tcp};
use crate::auth::sources::Basic;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::uri::HostPort;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Four,
    Five,
}

impl Version {
    /// The name of the layer.
    pub(super) fn name(self) -> &'static str {
        match self {
            Version::Four => "socks4",
            Version::Five => "socks5",
        }
    }
}

/// What to ask of which proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) version: Version,
    /// Whether the proxy resolves the name of the server.
    pub(super) resolves: bool,
    pub(super) to: HostPort,
    pub(super) proxy: HostPort,
    pub(super) user: Option<Basic>,
}

/// Asks for the connection, and waits for the answer.
///
/// # Errors
/// Exit 97 if the proxy refuses or does not answer in SOCKS, 6 if the name must be resolved here and
/// cannot be.
pub(super) async fn open(
    stream: BoxedStream,
    request: &Request,
    network: &tcp::Options,
    progress: &Progress,
) -> Result<BoxedStream, Error> {
    let destination = request.destination(network, progress).await?;
    let (proxy, name) = (&request.proxy, request.version.protocol());
    progress.enter(
        Stage::Proxy,
        format!("waiting for the proxy {proxy} to answer in {name}"),
    );
    let mut exchange = Exchange { stream, request };
    match request.version {
        Version::Four => exchange.four(&destination).await?,
        Version::Five => exchange.five(&destination).await?,
    }
    Ok(exchange.stream)
}

impl Request {
    /// What the proxy is asked for. A name that it does not resolve is looked up here.
    async fn destination(
        &self,
        network: &tcp::Options,
        progress: &Progress,
    ) -> Result<Destination, Error> {
        let HostPort { host, port, .. } = &self.to;
        let ip = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Host::Domain(_) => None,
        };
        let (ip, port) = match (ip, host) {
            (Some(ip), _) => (ip, *port),
            (None, Host::Domain(name)) if self.resolves => {
                let name = name.clone();
                return Destination::named(name, *port).ok_or_else(|| {
                    self.failed("the host name is longer than the 255 bytes of SOCKS")
                });
            }
            _ => self.look_up(network, progress).await?,
        };
        match (self.version, ip) {
            (Version::Four, IpAddr::V6(_)) => Err(self
                .failed("SOCKS4 has no IPv6 addresses")
                .advice("socks5:// or socks5h://")),
            _ => Ok(Destination::Address(ip, port)),
        }
    }

    /// The first address of the server that the version has.
    async fn look_up(
        &self,
        network: &tcp::Options,
        progress: &Progress,
    ) -> Result<(IpAddr, u16), Error> {
        let host = &self.to.host;
        progress.enter(Stage::Dns, format!("resolving the host name '{host}'"));
        let addresses = lookup::addresses(&self.to, network.family, &network.resolve)
            .await
            .map_err(|error| {
                error.advice("socks5h:// or socks4a:// lets the proxy resolve the name")
            })?;
        let fits = |ip: IpAddr| self.version == Version::Five || ip.is_ipv4();
        let found = addresses.iter().find(|address| fits(address.ip()));
        found
            .map(|address| (address.ip(), address.port()))
            .ok_or_else(|| {
                self.failed(&format!(
                    "SOCKS4 needs an IPv4 address, and '{host}' has none"
                ))
                .advice("socks5:// or socks5h://")
            })
    }

    fn failed(&self, why: &str) -> Error {
        let Request { proxy, to, .. } = self;
        let message = format!("no connection to {to} through the proxy {proxy}: {why}");
        Error::new(Stage::Proxy, Exit::Proxy, message)
    }

    /// A refusal in the words of its code.
    fn refused(&self, refused: Refused) -> Error {
        let Request { proxy, to, .. } = self;
        let message = format!(
            "the proxy {proxy} refused to connect to {to}: {}",
            refused.why
        );
        let mut error = Error::new(Stage::Proxy, Exit::Proxy, message);
        error.transient = refused.transient;
        error.advice.extend(refused.advice.map(str::to_owned));
        error
    }

    /// An answer whose first byte is not the version.
    fn not_socks(&self, first: u8) -> Error {
        let name = self.version.protocol();
        let error = self.failed(&format!(
            "its answer is not {name}: it begins with the byte 0x{first:02x}"
        ));
        match first {
            b'H' => error.advice("http:// for the proxy: it answers in HTTP"),
            0x15 => error.advice("https:// for the proxy: it answers in TLS"),
            _ => error.advice("check the port and the scheme of the proxy"),
        }
    }
}

impl Version {
    fn protocol(self) -> &'static str {
        match self {
            Version::Four => "SOCKS4",
            Version::Five => "SOCKS5",
        }
    }
}

/// The messages of one connection, in turn.
struct Exchange<'a> {
    stream: BoxedStream,
    request: &'a Request,
}

impl Exchange<'_> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sent.await
            .map_err(|error| self.request.failed(&plain_clause(&error)).transient())
    }

    async fn read<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        match self.stream.read_exact(bytes).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => {
                        "it closed the connection within its answer".to_owned()
                    }
                    _ => plain_clause(&error),
                };
                Err(self.request.failed(&why).transient())
            }
        }
    }

    /// The code after the version, which must be the first byte.
    async fn code(&mut self, version: u8) -> Result<u8, Error> {
        let [first, code] = self.read().await?;
        match first == version {
            true => Ok(code),
            false => Err(self.request.not_socks(first)),
        }
    }

    async fn four(&mut self, destination: &Destination) -> Result<(), Error> {
        let user = self.request.user.as_ref().map_or("", |basic| &basic.user);
        let asked = message::request4(destination, user).map_err(|why| self.request.failed(why))?;
        self.send(&asked).await?;
        // The version of an answer is 0.
        let code = self.code(0).await?;
        message::granted4(code).map_err(|refused| self.request.refused(refused))?;
        let _bound: [u8; 6] = self.read().await?;
        Ok(())
    }

    async fn five(&mut self, destination: &Destination) -> Result<(), Error> {
        let user = self.request.user.as_ref();
        self.send(message::greeting(user.is_some())).await?;
        match (self.code(5).await?, user) {
            (message::NO_AUTHENTICATION, _) => {}
            (message::PASSWORD, Some(user)) => self.password(user).await?,
            (method, _) => {
                let refused = message::no_method(method, user.is_some());
                return Err(self.request.refused(refused));
            }
        }
        self.send(&message::request5(destination)).await?;
        let code = self.code(5).await?;
        message::granted5(code).map_err(|refused| self.request.refused(refused))?;
        self.skip_bound().await
    }

    /// RFC 1929. Servers disagree on the version in the answer.
    async fn password(&mut self, user: &Basic) -> Result<(), Error> {
        let password = user.password.as_ref().map_or("", |it| it.expose());
        let asked = message::password(&user.user, password);
        let asked = asked.map_err(|why| self.request.failed(why))?;
        self.send(&asked).await?;
        match self.read().await? {
            [_, 0] => Ok(()),
            [_, _] => Err(self.request.refused(message::wrong_password())),
        }
    }

    /// Reads the address that the proxy connects from, which is of no use here.
    async fn skip_bound(&mut self) -> Result<(), Error> {
        let [_reserved, kind] = self.read().await?;
        let length = match kind {
            message::IPV4 => size_of::<Ipv4Addr>(),
            message::IPV6 => size_of::<Ipv6Addr>(),
            message::NAME => {
                let [length] = self.read().await?;
                usize::from(length)
            }
            _ => {
                let why = format!("its answer is not valid: {kind} is no type of addresses");
                return Err(self.request.failed(&why));
            }
        };
        let mut bound = [0; u8::MAX as usize + 2];
        self.fill(&mut bound[..length + 2]).await
    }
}

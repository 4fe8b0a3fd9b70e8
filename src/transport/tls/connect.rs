//! The TLS handshake, and what it negotiated.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio::io::AsyncBufRead as _;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::client_auth::ClientAuth;
use super::config::{Config, Material};
use super::explain::{self, Names, Peer, failed};
use super::key_log::KeyLog;
use super::options::Party;
use super::pins;
use super::stream::{self, Explained};
use super::verify::Verifier;
use crate::error::{Error, plain_clause};
use crate::event::TlsInfo;
use crate::transport::stream::BoxedStream;

/// The least time that a server gets to look at a client certificate before the request is sent. Some
/// servers say nothing before they have a request.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);

/// The client of one handshake: everything that TLS needs, read and checked before connecting.
pub(crate) struct Client {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
    auth: Arc<ClientAuth>,
    key_log: Option<Arc<KeyLog>>,
    host: Host<String>,
    name: ServerName<'static>,
}

/// The stream after the handshake.
pub(crate) struct Secured {
    pub(crate) stream: BoxedStream,
    pub(crate) info: TlsInfo,
    /// What the user should know: sentences for stderr.
    pub(crate) notes: Vec<String>,
}

impl Client {
    /// Waits until the files of `config` are read. `alpn` lists the application protocols to offer,
    /// in order of preference.
    ///
    /// # Errors
    /// Exit 2 if a file of certificates cannot be read, 58 if the client certificate cannot be
    /// used, 60 if there are no certificates to verify the server with.
    pub(crate) async fn new(
        host: &Host<String>,
        config: &Config,
        alpn: &[&str],
    ) -> Result<Client, Error> {
        let material = config.material().await?;
        let options = config.options();
        let auth = ClientAuth::new(options.party, options.versions, material.identity.clone());
        let auth = Arc::new(auth);
        let trust = Arc::clone(&material.trust);
        let verifier = Arc::new(Verifier::new(trust, Arc::clone(&material.pins)));
        let mut config = tls_config(&material, &verifier, &auth)?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Client {
            connector: TlsConnector::from(Arc::new(config)),
            name: server_name(host, auth.party)?,
            verifier,
            auth,
            key_log: material.key_log,
            host: host.clone(),
        })
    }

    /// Performs the TLS handshake over the stream of the layer below.
    ///
    /// # Errors
    /// Exit 60 for a certificate that is not trusted, 90 for a public key that is not pinned, 58 if
    /// the server does not accept the client certificate, 35 for any other failure.
    pub(crate) async fn connect(self, stream: BoxedStream) -> Result<Secured, Error> {
        let start = Instant::now();
        let explain = |error: io::Error| explain(&error, &self.verifier, &self.auth, &self.host);
        let mut stream = self
            .connector
            .connect(self.name, stream)
            .await
            .map_err(explain)?;
        if self.auth.ours().asked {
            let patience = start.elapsed().max(SHORTEST_PATIENCE);
            if let Ok(Err(error)) = timeout(patience, judgement(&mut stream)).await {
                let refused = not_accepted(&error, &self.auth);
                return Err(refused.unwrap_or_else(|| explain(error)));
            }
        }
        let info = describe(&stream, self.verifier.trust.webpki.is_some());
        let warning = (!info.verified).then(|| not_verified(self.auth.party, &self.host));
        let unlogged = self.key_log.and_then(|log| log.take_failure());
        Ok(Secured {
            stream: Box::new(Explained::new(stream, self.auth)),
            info,
            notes: warning.into_iter().chain(unlogged).collect(),
        })
    }
}

/// Waits until the server has looked at the client certificate that it asked for. With TLS 1.3, our side
/// of the handshake ends before (RFC 8446 section 4.4.2.4): then comes either an alert, or, from most
/// servers, a session ticket.
///
/// # Errors
/// What the server has against the certificate, or the end of the connection.
async fn judgement(stream: &mut TlsStream<BoxedStream>) -> io::Result<()> {
    poll_fn(|cx| {
        let (_, connection) = stream.get_ref();
        if connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(read) = Pin::new(&mut *stream).poll_fill_buf(cx) {
            let end = io::ErrorKind::UnexpectedEof;
            return Poll::Ready(match read?.is_empty() {
                true => Err(end.into()),
                false => Ok(()),
            });
        }
        match stream.get_ref().1.tls13_tickets_received() {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    })
    .await
}

/// The error for a connection that ended when the client certificate was looked at.
fn not_accepted(error: &io::Error, auth: &ClientAuth) -> Option<Error> {
    match stream::inner(error) {
        Some(tls) => Some(explain::afterwards(tls, &auth.ours())),
        None => auth.ours().cut_off(),
    }
}

/// The configuration of one connection. A shared one resumes sessions, and a resumed session
/// verifies no certificate.
fn tls_config(
    material: &Material,
    verifier: &Arc<Verifier>,
    auth: &Arc<ClientAuth>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::clone(&material.trust.provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&auth.versions.supported())
        .map_err(|error| failed(auth.party, explain::sentence(&error, &auth.ours())))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(verifier) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(auth) as Arc<dyn ResolvesClientCert>);
    if let Some(log) = &material.key_log {
        config.key_log = Arc::clone(log) as Arc<dyn rustls::KeyLog>;
    }
    Ok(config)
}

/// The warning for a connection to a peer that may be anyone.
fn not_verified(party: Party, host: &Host<String>) -> String {
    match party {
        Party::Server => format!("warning: the certificate of {host} is not verified (-k)"),
        Party::Proxy => format!(
            "warning: the certificate of the proxy {host} is not verified (--proxy-insecure)"
        ),
    }
}

fn server_name(host: &Host<String>, party: Party) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Ipv4(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Ipv6(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| {
            failed(
                party,
                format!("'{name}' cannot be the name in a certificate"),
            )
        }),
    }
}

/// Turns a failed handshake into an error with advice.
fn explain(
    error: &io::Error,
    verifier: &Verifier,
    auth: &ClientAuth,
    host: &Host<String>,
) -> Error {
    let party = auth.party;
    let Some(tls) = stream::inner(error) else {
        // The network, or a server that stops or starts.
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {party} closed the connection"),
            _ => plain_clause(error),
        };
        return failed(party, why).transient();
    };
    let seen = verifier.seen();
    let peer = Peer {
        host,
        chain: &seen.chain,
        accepted: seen.accepted,
        roots: &verifier.trust.roots,
    };
    match &seen.not_pinned {
        Some(hash) => {
            let wanted: Vec<String> = verifier.pins.iter().map(pins::written).collect();
            explain::not_pinned(&pins::written(hash), &wanted, &peer, party)
        }
        None => explain::handshake(tls, &peer, &auth.ours()),
    }
}

fn describe(stream: &TlsStream<BoxedStream>, verified: bool) -> TlsInfo {
    let (_, connection) = stream.get_ref();
    let names = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(Names::read);
    let (subject, issuer, expires) = names.map_or_else(
        || {
            (
                "unreadable".to_owned(),
                "unreadable".to_owned(),
                "unreadable".to_owned(),
            )
        },
        |names| (names.subject, names.issuer, names.expires),
    );
    TlsInfo {
        version: connection
            .protocol_version()
            .map_or("unknown", version_name)
            .to_owned(),
        cipher: connection.negotiated_cipher_suite().map_or_else(
            || "unknown".to_owned(),
            |suite| cipher_name(suite.suite().as_str().unwrap_or("unknown")),
        ),
        alpn: connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        subject,
        issuer,
        expires,
        verified,
    }
}

/// The name of IANA, `TLS_AES_256_GCM_SHA384`, as curl and OpenSSL show it; rustls writes `TLS13_` for
/// the suites of TLS 1.3.
fn cipher_name(name: &str) -> String {
    name.replacen("TLS13_", "TLS_", 1)
}

fn version_name(version: rustls::ProtocolVersion) -> &'static str {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
        _ => "unknown",
    }
}

//! The TLS handshake, and what it negotiated.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::config::Config;
use super::explain::{self, Names, Peer, failed};
use super::stream::{self, Explained};
use super::verify::Verifier;
use crate::error::{Error, plain_clause};
use crate::event::TlsInfo;
use crate::transport::stream::BoxedStream;

/// The client of one handshake: everything that TLS needs, read and checked before connecting.
pub(crate) struct Client {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
    host: Host<String>,
    name: ServerName<'static>,
}

impl Client {
    /// Waits until the certificates of `config` are read.
    ///
    /// # Errors
    /// Exit 2 if `--cacert` cannot be read, 60 if there are no certificates to verify the server
    /// with.
    pub(crate) async fn new(host: &Host<String>, config: &Config) -> Result<Client, Error> {
        let trust = config.trust().await?;
        let provider = Arc::clone(&trust.provider);
        let verifier = Arc::new(Verifier::new(trust));
        // Each connection has its own configuration: a shared one resumes sessions, and a resumed
        // session verifies no certificate.
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(explain::sentence(&error)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client {
            connector: TlsConnector::from(Arc::new(config)),
            verifier,
            host: host.clone(),
            name: server_name(host)?,
        })
    }

    /// Performs the TLS handshake over the stream of the layer below.
    ///
    /// # Errors
    /// Exit 60 for a certificate that is not trusted, 35 for any other failure.
    pub(crate) async fn connect(
        self,
        stream: BoxedStream,
    ) -> Result<(BoxedStream, TlsInfo), Error> {
        let stream = self
            .connector
            .connect(self.name, stream)
            .await
            .map_err(|error| explain(&error, &self.verifier, &self.host))?;
        let info = describe(&stream, self.verifier.trust.webpki.is_some());
        Ok((Box::new(Explained::new(stream)), info))
    }
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Ipv4(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Ipv6(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| failed(format!("'{name}' cannot be the name in a certificate"))),
    }
}

/// Turns a failed handshake into an error with advice.
fn explain(error: &io::Error, verifier: &Verifier, host: &Host<String>) -> Error {
    match stream::inner(error) {
        Some(tls) => {
            let seen = verifier.seen();
            let peer = Peer {
                host,
                chain: &seen.chain,
                accepted: seen.accepted,
                roots: &verifier.trust.roots,
            };
            explain::handshake(tls, &peer)
        }
        None => failed(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
            _ => plain_clause(error),
        }),
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
            |suite| suite.suite().as_str().unwrap_or("unknown").to_owned(),
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

fn version_name(version: rustls::ProtocolVersion) -> &'static str {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
        _ => "unknown",
    }
}

//! The server's side of TLS: what it is made from, and the handshake with a client. Its files are read
//! once, when the server starts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, ProtocolVersion, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
pub use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::explain;
use super::identity::Credential;
use super::options::ClientCertificate;
use super::roots;
use super::stream::inner;
use crate::error::{Error, Exit, Stage, plain_clause};

/// The certificate of a server.
#[derive(Clone, Debug)]
pub enum ServerCertificate {
    /// `--cert`, `--key` and `--pass`.
    Files(ClientCertificate),
    /// One that was made for this run, with those of its issuers, and its key in PKCS#8, all as DER.
    Made { chain: Vec<Vec<u8>>, key: Vec<u8> },
}

/// Performs TLS handshakes. Clones share everything.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

/// What a handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// `TLSv1.3`
    pub version: &'static str,
    /// The subject of the client's certificate, which was verified.
    pub subject: Option<String>,
}

impl Acceptor {
    /// Reads the files. With `client_ca`, clients need a certificate that follows from one in it.
    ///
    /// # Errors
    /// Exit 58 if the certificate or its key cannot be used, 2 for `client_ca`.
    pub fn new(
        certificate: &ServerCertificate,
        client_ca: Option<&PathBuf>,
    ) -> Result<Acceptor, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = certified(certificate, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = match client_ca {
            Some(path) => {
                let verifier = verifier(path, &provider)?.build();
                let verifier = verifier.map_err(|error| unusable_ca(path, &error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(failed)?;
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }

    /// The same without HTTP/2, for a server that speaks HTTP/1.1 only.
    pub fn without_http2(&self) -> Acceptor {
        let mut config = ServerConfig::clone(self.0.config());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Acceptor(TlsAcceptor::from(Arc::new(config)))
    }

    /// The handshake with one client.
    ///
    /// # Errors
    /// As a sentence for the log.
    pub async fn accept<S>(&self, stream: S) -> Result<(TlsStream<S>, Agreed), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = self.0.accept(stream).await;
        let stream = accepted.map_err(|error| sentence(&error))?;
        let (_, connection) = stream.get_ref();
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        let subject = certificate.and_then(subject);
        Ok((stream, Agreed { version, subject }))
    }
}

fn certified(
    certificate: &ServerCertificate,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    match certificate {
        ServerCertificate::Files(files) => match Credential::read(files, provider)? {
            Credential::Ready(identity) => Ok((*identity.certified).clone()),
            Credential::Locked(locked) => Err(locked.no_passphrase()),
        },
        ServerCertificate::Made { chain, key } => {
            let chain = chain.iter().cloned().map(CertificateDer::from).collect();
            let key = PrivatePkcs8KeyDer::from(key.clone()).into();
            let key = provider.key_provider.load_private_key(key);
            Ok(CertifiedKey::new(chain, key.map_err(failed)?))
        }
    }
}

fn verifier(
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientCertVerifierBuilder, Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots::in_file("--client-ca", path)?);
    let provider = Arc::clone(provider);
    Ok(WebPkiClientVerifier::builder_with_provider(
        Arc::new(store),
        provider,
    ))
}

fn unusable_ca(path: &Path, why: &str) -> Error {
    let why = explain::in_words(why);
    Error::usage(format!("--client-ca {}: {why}", path.display()))
}

fn failed(error: rustls::Error) -> Error {
    let why = explain::in_words(&error.to_string());
    Error::new(
        Stage::Tls,
        Exit::Tls,
        format!("TLS cannot be served: {why}"),
    )
}

fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.subject().to_string())
}

/// Why a handshake failed.
fn sentence(error: &io::Error) -> String {
    use rustls::Error as Tls;
    match inner(error) {
        Some(Tls::AlertReceived(alert)) => refusal(*alert),
        Some(Tls::NoCertificatesPresented) => "the client has no certificate".to_owned(),
        Some(Tls::InvalidCertificate(why)) => {
            let why = explain::in_words(&why.to_string());
            format!("the client's certificate is not accepted: {why}")
        }
        Some(other) => explain::in_words(&other.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client ended the connection in the handshake".to_owned()
        }
        None => plain_clause(error),
    }
}

/// What a client says with an alert.
fn refusal(alert: AlertDescription) -> String {
    match explain::alert_meaning(alert.into()) {
        Some((name, meaning)) => format!("the client sent the alert {name}: {meaning}"),
        None => "the client sent an unknown alert".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_handshake_is_a_sentence() {
        let error = |tls| io::Error::new(io::ErrorKind::InvalidData, tls);
        let unknown = rustls::Error::AlertReceived(AlertDescription::UnknownCA);
        let sentence_of = sentence(&error(unknown));
        assert!(
            sentence_of.starts_with("the client sent the alert unknown_ca: "),
            "{sentence_of}"
        );
        let none = sentence(&error(rustls::Error::NoCertificatesPresented));
        assert_eq!(none, "the client has no certificate");
        let end = sentence(&io::ErrorKind::UnexpectedEof.into());
        assert_eq!(end, "the client ended the connection in the handshake");
    }
}

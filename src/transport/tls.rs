//! TLS by rustls. Root certificates are read here, so only for `wss://`.

mod explain;
mod stream;

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use self::explain::{Names, Peer};
pub(crate) use self::stream::{Explained, Failure};
use crate::error::{Error, Exit, Stage, plain_clause, plain_words};
use crate::event::TlsInfo;

/// What is read of the file of `--cacert`, in bytes: a device may have no end. All roots of a system
/// take a fiftieth of this.
const MAX_ROOTS: u64 = 16 * 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-k`: any certificate will do.
    pub insecure: bool,
    /// `--cacert`: these roots instead of the system's.
    pub cacert: Option<PathBuf>,
    /// `SSL_CERT_FILE`, for the system's roots.
    pub cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`, likewise.
    pub cert_dir: Option<PathBuf>,
}

/// Everything that TLS needs, read and checked before anybody is connected to.
pub(crate) struct Client {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
    host: Host<String>,
    name: ServerName<'static>,
}

impl Client {
    /// # Errors
    /// Exit 2 where `--cacert` cannot be read, 60 where there is nothing to check the server with.
    pub(crate) fn new(host: &Host<String>, options: &Options) -> Result<Client, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Verifier::new(options, Arc::clone(&provider))?);
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

    /// Does the TLS handshake over `tcp`.
    ///
    /// # Errors
    /// Exit 60 for a certificate that is not trusted, 35 for anything else that fails.
    pub(crate) async fn connect(
        self,
        tcp: TcpStream,
    ) -> Result<(Explained<TlsStream<TcpStream>>, TlsInfo), Error> {
        let stream = self
            .connector
            .connect(self.name, tcp)
            .await
            .map_err(|error| explain(&error, &self.verifier, &self.host))?;
        let info = describe(&stream, self.verifier.webpki.is_some());
        Ok((Explained::new(stream), info))
    }
}

fn failed(why: impl Into<String>) -> Error {
    Error::new(
        Stage::Tls,
        Exit::Tls,
        format!("TLS handshake failed: {}", why.into()),
    )
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Ipv4(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Ipv6(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| failed(format!("'{name}' is no name that a certificate could have"))),
    }
}

/// What a [`Verifier`] saw.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The certificates that the server sent, its own first.
    chain: Vec<CertificateDer<'static>>,
    /// They were accepted, or are not checked.
    accepted: bool,
}

/// Checks as webpki does, or not at all under `--insecure`, and remembers the certificates it saw,
/// so that a refusal can say whose they were.
#[derive(Debug)]
struct Verifier {
    webpki: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates that are trusted.
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

impl Verifier {
    fn new(options: &Options, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let (webpki, roots) = if options.insecure {
            (None, Vec::new())
        } else {
            let (store, roots) = roots(options)?;
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider));
            let webpki = builder
                .build()
                .map_err(|error| failed(explain::in_words(&error.to_string())))?;
            (Some(webpki), roots)
        };
        Ok(Verifier {
            webpki,
            roots,
            provider,
            seen: Mutex::default(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// # Errors
    /// What webpki finds wrong with the chain, or with a certificate that is trusted itself.
    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(webpki) = &self.webpki else {
            return Ok(ServerCertVerified::assertion());
        };
        match webpki.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // webpki takes an authority for no server, but that is what `openssl req -x509` makes.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.roots.iter().any(|root| root == end_entity) =>
            {
                verify_root(end_entity, name, now)
            }
            other => other,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let sent = std::iter::once(end_entity).chain(intermediates);
        *self.seen() = Seen {
            chain: sent.map(|der| der.clone().into_owned()).collect(),
            accepted: false,
        };
        let result = self.check(end_entity, intermediates, name, ocsp, now);
        self.seen().accepted = result.is_ok();
        result
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Checks a server whose certificate is itself a trusted one: the name and the time are left.
fn verify_root(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    let unix = |time: ASN1Time| {
        let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    };
    let (not_before, not_after) = (unix(validity.not_before), unix(validity.not_after));
    if now < not_before {
        let time = now;
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    if now > not_after {
        let time = now;
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    Ok(ServerCertVerified::assertion())
}

type Roots = (RootCertStore, Vec<CertificateDer<'static>>);

fn roots(options: &Options) -> Result<Roots, Error> {
    let mut store = RootCertStore::empty();
    let certificates = match &options.cacert {
        Some(path) => {
            let unusable =
                |why: String| Error::usage(format!("--cacert {}: {why}", path.display()));
            let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
            let file = BufReader::new(file.take(MAX_ROOTS));
            let certificates = CertificateDer::pem_reader_iter(file)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(pem_error(&error)))?;
            let (added, _) = store.add_parsable_certificates(certificates.iter().cloned());
            if added == 0 {
                return Err(unusable("it holds no certificate in PEM form".to_owned()));
            }
            certificates
        }
        None => {
            let found = match (&options.cert_file, &options.cert_dir) {
                (None, None) => rustls_native_certs::load_native_certs(),
                (file, dir) => {
                    rustls_native_certs::load_certs_from_paths(file.as_deref(), dir.as_deref())
                }
            };
            let (added, _) = store.add_parsable_certificates(found.certs.iter().cloned());
            if added == 0 {
                return Err(Error::new(
                    Stage::Tls,
                    Exit::Untrusted,
                    "this system has no root certificates to check the server with",
                )
                .advice("install them (package ca-certificates), name a file with --cacert, or -k to go without"));
            }
            found.certs
        }
    };
    Ok((store, certificates))
}

fn pem_error(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error as Pem;
    match error {
        Pem::Io(error) => plain_words(error),
        Pem::NoItemsFound => "it holds no certificate in PEM form".to_owned(),
        Pem::MissingSectionEnd { .. } => "the end of a PEM section is missing".to_owned(),
        Pem::IllegalSectionStart { .. } => "the beginning of a PEM section is malformed".to_owned(),
        Pem::Base64Decode(_) => "what is in a PEM section is not base64".to_owned(),
        Pem::SectionTooLarge => "a PEM section is too large".to_owned(),
        other => explain::in_words(&other.to_string()),
    }
}

/// Turns a failed handshake into what was wrong and what to try.
fn explain(error: &io::Error, verifier: &Verifier, host: &Host<String>) -> Error {
    match stream::inner(error) {
        Some(tls) => {
            let seen = verifier.seen();
            let peer = Peer {
                host,
                chain: &seen.chain,
                accepted: seen.accepted,
                roots: &verifier.roots,
            };
            explain::handshake(tls, &peer)
        }
        None => failed(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
            _ => plain_clause(error),
        }),
    }
}

fn describe(stream: &TlsStream<TcpStream>, verified: bool) -> TlsInfo {
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

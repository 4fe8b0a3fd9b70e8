//! TLS by rustls. Root certificates are read here, so only for `wss://`.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::{Error, Exit, Stage};
use crate::event::TlsInfo;

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
            .map_err(|error| failed(error.to_string()))?
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
    ) -> Result<(TlsStream<TcpStream>, TlsInfo), Error> {
        let stream = self
            .connector
            .connect(self.name, tcp)
            .await
            .map_err(|error| explain(&error, &self.verifier, &self.host))?;
        let info = describe(&stream, self.verifier.webpki.is_some());
        Ok((stream, info))
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

/// Checks as webpki does, or not at all under `--insecure`, and remembers the certificate it saw, so
/// that a refusal can say whose it was.
#[derive(Debug)]
struct Verifier {
    webpki: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates that are trusted.
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Verifier {
    fn new(options: &Options, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let (webpki, roots) = if options.insecure {
            (None, Vec::new())
        } else {
            let (store, roots) = roots(options)?;
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider));
            let webpki = builder.build().map_err(|error| failed(error.to_string()))?;
            (Some(webpki), roots)
        };
        Ok(Verifier {
            webpki,
            roots,
            provider,
            seen: Mutex::new(None),
        })
    }

    fn seen(&self) -> Option<CertificateDer<'static>> {
        self.seen
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
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
        *self
            .seen
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) =
            Some(end_entity.clone().into_owned());
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
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
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
            let certificates = CertificateDer::pem_file_iter(path)
                .map_err(|error| unusable(pem_error(&error)))?
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
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Turns a failed handshake into what was wrong, whose certificate it was and what to try.
fn explain(error: &std::io::Error, verifier: &Verifier, host: &Host<String>) -> Error {
    use rustls::Error as Tls;
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Tls>())
    else {
        return failed(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
            _ => error.to_string(),
        });
    };
    match tls {
        Tls::InvalidCertificate(reason) => untrusted(reason, verifier.seen(), host),
        Tls::InvalidMessage(_) => {
            failed("the server does not speak TLS on this port").advice("ws:// instead of wss://")
        }
        Tls::AlertReceived(alert) => failed(format!("the server sent the alert {alert:?}")),
        other => failed(other.to_string()),
    }
}

fn untrusted(
    reason: &CertificateError,
    seen: Option<CertificateDer<'static>>,
    host: &Host<String>,
) -> Error {
    let names = seen.as_ref().and_then(|der| Names::read(der));
    let self_signed = names
        .as_ref()
        .is_some_and(|names| names.subject == names.issuer);
    let why = match reason {
        // Other: webpki says of an authority that it is one before it looks who signed it.
        CertificateError::UnknownIssuer | CertificateError::Other(_) if self_signed => {
            "it is signed by itself".to_owned()
        }
        CertificateError::UnknownIssuer => "it is signed by nobody this system trusts".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!(
                "it expired {} ago",
                span(time.as_secs().saturating_sub(not_after.as_secs()))
            )
        }
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "it is not valid for another {}",
                span(not_before.as_secs().saturating_sub(time.as_secs()))
            )
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for '{host}'")
        }
        CertificateError::BadSignature => {
            "its signature is not by the key of the issuer that it names".to_owned()
        }
        CertificateError::Revoked => "it has been revoked".to_owned(),
        other => format!("{other:?}"),
    };
    let mut error = Error::new(
        Stage::Tls,
        Exit::Untrusted,
        format!("the certificate of {host} is not trusted: {why}"),
    );
    if let Some(names) = names {
        error = error
            .detail(format!("subject: {}", names.subject))
            .detail(format!("issuer: {}", names.issuer))
            .detail(format!("valid for: {}", names.valid_for))
            .detail(format!("expires: {}", names.expires));
    }
    error.advice("--cacert FILE trusts its issuer; -k connects without checking")
}

/// A length of time in the largest unit that fits.
fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// What people want to know of a certificate. All of it is the server's word.
struct Names {
    subject: String,
    issuer: String,
    valid_for: String,
    expires: String,
}

impl Names {
    fn read(der: &CertificateDer<'_>) -> Option<Names> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let valid_for = names.map(|extension| {
            let names = extension.value.general_names.iter();
            names.map(general_name).collect::<Vec<_>>().join(", ")
        });
        let expires = certificate.validity().not_after.timestamp();
        Some(Names {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            valid_for: valid_for.unwrap_or_else(|| "no name at all".to_owned()),
            expires: jiff::Timestamp::from_second(expires)
                .map_or_else(|_| "never".to_owned(), |at| at.to_string()),
        })
    }
}

fn general_name(name: &x509_parser::extensions::GeneralName<'_>) -> String {
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            (*name).to_owned()
        }
        GeneralName::IPAddress(bytes) => ip_text(bytes),
        other => other.to_string(),
    }
}

fn ip_text(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(sixteen) => std::net::Ipv6Addr::from(sixteen).to_string(),
        Err(_) => "a malformed address".to_owned(),
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
            |suite| format!("{:?}", suite.suite()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_unit() {
        for (seconds, text) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (7200, "2 hours"),
            (259_200, "3 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}

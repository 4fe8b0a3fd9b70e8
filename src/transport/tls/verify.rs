//! Verifies the certificates of one server.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::pins::{self, Hash};
use super::roots::Trust;

/// What a [`Verifier`] found.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The certificates that the server sent, its own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether they were accepted, or are not verified.
    pub(super) accepted: bool,
    /// The public key of an accepted certificate that is none of the pinned ones.
    pub(super) not_pinned: Option<Hash>,
}

/// Verifies like webpki, or not at all with `--insecure`, compares the public key with the pinned
/// ones, and records the certificates, so that an error can name them. It serves one handshake.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trust: Arc<Trust>,
    /// The public keys that are accepted; any, if it is empty.
    pub(super) pins: Arc<[Hash]>,
    seen: Mutex<Seen>,
}

impl Verifier {
    pub(super) fn new(trust: Arc<Trust>, pins: Arc<[Hash]>) -> Self {
        Verifier {
            trust,
            pins,
            seen: Mutex::default(),
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// # Errors
    /// What webpki rejects in the chain, or in a certificate that is trusted itself.
    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(webpki) = &self.trust.webpki else {
            return Ok(ServerCertVerified::assertion());
        };
        match webpki.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // webpki does not accept a CA certificate for a server, but `openssl req -x509` makes
            // one. It is its own root, which no revocation list covers.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.trust.roots.iter().any(|root| root == end_entity) =>
            {
                verify_root(end_entity, name, now)
            }
            other => other,
        }
    }

    /// Compares the public key with the pinned ones, also where no certificate is verified.
    ///
    /// # Errors
    /// It is none of them. The peer gets the alert `access_denied`.
    fn check_pins(&self, end_entity: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let hash = pins::hash_of(end_entity)?;
        if self.pins.contains(&hash) {
            return Ok(());
        }
        self.seen().not_pinned = Some(hash);
        Err(CertificateError::ApplicationVerificationFailure.into())
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
            ..Seen::default()
        };
        let verified = self.check(end_entity, intermediates, name, ocsp, now)?;
        self.check_pins(end_entity)?;
        self.seen().accepted = true;
        Ok(verified)
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
            &self.trust.provider.signature_verification_algorithms,
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
            &self.trust.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust
            .provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Verifies a server whose own certificate is trusted: only the name and the time are checked.
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

//! What went wrong in TLS, in sentences. Pure.
//!
//! rustls and webpki describe most of their errors by the names of their own Rust types. No text of
//! theirs is shown as it is: each error has a sentence here, with the fact behind it where the
//! certificates hold one, and an error that this module does not know yet is spelled out as words.

#[cfg(test)]
mod tests;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{
    AlertDescription, CertRevocationListError, CertificateError, Error as Tls, ExtendedKeyPurpose,
    InconsistentKeys, InvalidMessage, PeerIncompatible, PeerMisbehaved,
};
use url::Host;
use webpki::Error as Path;
use x509_parser::asn1_rs::{Any, Oid};
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::failed;
use crate::error::{Error, Exit, Stage};

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 10;

/// The smallest RSA key that rustls verifies a signature with, in bits.
const MIN_RSA_BITS: usize = 2048;

/// What the server showed of itself, and what it was held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer<'a> {
    pub(super) host: &'a Host<String>,
    /// The certificates that the server sent, its own first; empty before it sent them.
    pub(super) chain: &'a [CertificateDer<'static>],
    /// The chain has been accepted, or is not checked: what fails after that is the handshake's.
    pub(super) accepted: bool,
    /// The certificates that are trusted.
    pub(super) roots: &'a [CertificateDer<'static>],
}

/// Turns a failed handshake into what was wrong, whose certificate it was and what to try.
pub(super) fn handshake(error: &Tls, peer: &Peer<'_>) -> Error {
    match error {
        Tls::InvalidCertificate(reason) => untrusted(reason, peer),
        // A server of another protocol: the first byte is no content type, or the next two are no
        // version.
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) if peer.chain.is_empty() => {
            failed("the server does not speak TLS on this port").advice("ws:// instead of wss://")
        }
        other => failed(sentence(other)),
    }
}

/// What an error of rustls means, in words; also for one that comes after the handshake.
pub(super) fn sentence(error: &Tls) -> String {
    match error {
        Tls::AlertReceived(alert) => alert_received(*alert),
        Tls::PeerIncompatible(why) => incompatible(why),
        Tls::PeerMisbehaved(why) => misbehaved(why),
        Tls::InvalidMessage(why) => {
            format!(
                "the server sent a malformed TLS message ({})",
                malformed(why)
            )
        }
        Tls::InappropriateMessage {
            got_type: got_message,
            ..
        } => out_of_turn(got_message.as_str()),
        Tls::InappropriateHandshakeMessage {
            got_type: got_message,
            ..
        } => out_of_turn(got_message.as_str()),
        Tls::InvalidCertificate(reason) => format!(
            "the server's certificate is not accepted: {}",
            Certificates::default().fault(reason)
        ),
        Tls::InvalidCertRevocationList(why) => {
            format!("the revocation list cannot be used: {}", revocation(why))
        }
        Tls::NoCertificatesPresented => "the server sent no certificate".to_owned(),
        Tls::DecryptError => "a message of the server could not be decrypted".to_owned(),
        Tls::EncryptError => "a message to the server could not be encrypted".to_owned(),
        Tls::PeerSentOversizedRecord => {
            "the server sent a TLS record that is larger than allowed".to_owned()
        }
        Tls::NoApplicationProtocol => {
            "the server agrees to no application protocol that wirecat speaks (ALPN)".to_owned()
        }
        Tls::UnsupportedNameType => "the host is no name that TLS could check".to_owned(),
        Tls::HandshakeNotComplete => "the TLS handshake is not complete".to_owned(),
        Tls::FailedToGetCurrentTime => "this machine's clock cannot be read".to_owned(),
        Tls::FailedToGetRandomBytes => "this machine gives no random numbers".to_owned(),
        Tls::BadMaxFragmentSize => "the size of TLS records is out of range".to_owned(),
        Tls::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key does not belong to the certificate".to_owned()
        }
        Tls::InconsistentKeys(_) => {
            "whether the key belongs to the certificate cannot be found out".to_owned()
        }
        Tls::InvalidEncryptedClientHello(why) => format!(
            "the encrypted ClientHello (ECH) failed: {}",
            in_words(&format!("{why:?}"))
        ),
        Tls::General(text) => in_words(text),
        Tls::Other(why) => in_words(&why.to_string()),
        unknown => in_words(&format!("{unknown:?}")),
    }
}

fn out_of_turn(message: Option<&'static str>) -> String {
    let what = message.map_or_else(|| "an unknown message".to_owned(), in_words);
    format!("the server sent a TLS message out of turn ({what})")
}

/// The name of an alert in RFC 8446 section 6 (or the RFC that it comes from), and what it mostly
/// means here.
fn alert_meaning(code: u8) -> Option<(&'static str, &'static str)> {
    Some(match code {
        0 => ("close_notify", "it closes the connection"),
        10 => ("unexpected_message", "it did not expect our message"),
        20 => ("bad_record_mac", "it could not decrypt our message"),
        21 => ("decryption_failed", "it could not decrypt our message"),
        22 => ("record_overflow", "our message was too large for it"),
        30 => (
            "decompression_failure",
            "it could not decompress our message",
        ),
        40 => (
            "handshake_failure",
            "it agrees to nothing that wirecat offers, or wants a client certificate",
        ),
        41 => ("no_certificate", "it wants a client certificate"),
        42 => ("bad_certificate", "it refuses our certificate"),
        43 => (
            "unsupported_certificate",
            "it does not support the kind of our certificate",
        ),
        44 => ("certificate_revoked", "our certificate has been revoked"),
        45 => ("certificate_expired", "our certificate has expired"),
        46 => ("certificate_unknown", "it does not accept our certificate"),
        47 => ("illegal_parameter", "it does not accept what wirecat sent"),
        48 => (
            "unknown_ca",
            "it does not trust the issuer of our certificate",
        ),
        49 => ("access_denied", "it does not let us in"),
        50 => ("decode_error", "it could not read our message"),
        51 => ("decrypt_error", "a signature of ours is wrong for it"),
        60 => ("export_restriction", "it restricts the length of keys"),
        70 => ("protocol_version", "it speaks neither TLS 1.2 nor TLS 1.3"),
        71 => (
            "insufficient_security",
            "what wirecat offers is not safe enough for it",
        ),
        80 => ("internal_error", "something went wrong in the server"),
        86 => ("inappropriate_fallback", "it speaks a newer version of TLS"),
        90 => ("user_canceled", "the handshake was given up there"),
        100 => ("no_renegotiation", "it does not negotiate again"),
        109 => (
            "missing_extension",
            "it misses an extension in our ClientHello",
        ),
        110 => (
            "unsupported_extension",
            "it does not support an extension in our ClientHello",
        ),
        111 => (
            "certificate_unobtainable",
            "it could not fetch our certificate",
        ),
        112 => ("unrecognized_name", "it knows no host of this name"),
        113 => (
            "bad_certificate_status_response",
            "it refuses the status of our certificate",
        ),
        114 => ("bad_certificate_hash_value", "it refuses our certificate"),
        115 => ("unknown_psk_identity", "it does not know our key"),
        116 => ("certificate_required", "it wants a client certificate"),
        120 => (
            "no_application_protocol",
            "it does not speak HTTP/1.1 over TLS (ALPN)",
        ),
        121 => ("ech_required", "it wants an encrypted ClientHello (ECH)"),
        _ => return None,
    })
}

fn alert_received(alert: AlertDescription) -> String {
    let code = u8::from(alert);
    match alert_meaning(code) {
        Some((name, meaning)) => format!("the server sent the alert {name}: {meaning}"),
        None => format!("the server sent the alert {code}, which has no name"),
    }
}

fn incompatible(why: &PeerIncompatible) -> String {
    use PeerIncompatible as Why;
    let known = match why {
        Why::ServerDoesNotSupportTls12Or13 => "the server speaks neither TLS 1.2 nor TLS 1.3",
        Why::ServerTlsVersionIsDisabledByOurConfig => {
            "the server chose a version of TLS that is switched off here"
        }
        Why::NoCipherSuitesInCommon => "the server supports none of wirecat's cipher suites",
        Why::NoKxGroupsInCommon => "the server supports none of wirecat's key exchange groups",
        Why::NoSignatureSchemesInCommon | Why::NoCertificateRequestSignatureSchemesInCommon => {
            "the server supports none of wirecat's signature schemes"
        }
        Why::NoEcPointFormatsInCommon
        | Why::UncompressedEcPointsRequired
        | Why::EcPointsExtensionRequired => {
            "the server does not take elliptic curve points as wirecat sends them"
        }
        Why::ExtendedMasterSecretExtensionRequired => {
            "the server lacks the extended master secret (RFC 7627), without which TLS 1.2 is not safe"
        }
        Why::NullCompressionRequired => "the server wants compression in TLS, which is not safe",
        Why::KeyShareExtensionRequired => "the server sent no key share",
        Why::ServerSentHelloRetryRequestWithUnknownExtension => {
            "the server wants an extension that wirecat does not know"
        }
        Why::IncorrectCertificateTypeExtension | Why::UnsolicitedCertificateTypeExtension => {
            "the server wants another type of certificate than X.509"
        }
        Why::ServerRejectedEncryptedClientHello(_) => {
            "the server refused the encrypted ClientHello (ECH)"
        }
        other => {
            return format!(
                "the server's TLS and wirecat's have too little in common ({})",
                in_words(&format!("{other:?}"))
            );
        }
    };
    known.to_owned()
}

/// There are eighty of these, and nothing to be done about any: the name in rustls says enough.
fn misbehaved(why: &PeerMisbehaved) -> String {
    match why {
        PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "somebody on the way made the server choose TLS 1.2, though it speaks TLS 1.3"
                .to_owned()
        }
        PeerMisbehaved::SelectedUnofferedApplicationProtocol => {
            "the server chose an application protocol that was not offered (ALPN)".to_owned()
        }
        other => format!(
            "the server broke the TLS protocol ({})",
            in_words(&format!("{other:?}"))
        ),
    }
}

fn malformed(why: &InvalidMessage) -> String {
    match why {
        InvalidMessage::CertificatePayloadTooLarge => {
            "its certificates are larger than 64 KiB".to_owned()
        }
        InvalidMessage::DuplicateExtension(number) => format!("extension {number} is there twice"),
        InvalidMessage::MissingData(what) => format!("{} is cut short", in_words(what)),
        InvalidMessage::TrailingData(what) => {
            format!("something follows the end of {}", in_words(what))
        }
        InvalidMessage::IllegalEmptyList(what) => format!("{} is empty", in_words(what)),
        InvalidMessage::UnexpectedMessage(what) => format!("{} is not expected", in_words(what)),
        other => in_words(&format!("{other:?}")),
    }
}

fn revocation(why: &CertRevocationListError) -> String {
    use CertRevocationListError as Why;
    #[allow(deprecated)]
    let known = match why {
        Why::BadSignature => "its signature is wrong",
        Why::UnsupportedSignatureAlgorithm => "it is signed in a way that wirecat does not support",
        Why::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id,
            ..
        } => return signed_with(signature_algorithm_id),
        Why::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id,
        } => return mismatched(signature_algorithm_id, public_key_algorithm_id),
        Why::InvalidCrlNumber => "its number is not valid",
        Why::InvalidRevokedCertSerialNumber => "a serial number in it is not valid",
        Why::IssuerInvalidForCrl => "its issuer may not sign revocation lists",
        Why::ParseError => "it is malformed",
        Why::UnsupportedCrlVersion => "it is not of version 2",
        Why::UnsupportedCriticalExtension => {
            "it has a critical extension that wirecat does not know"
        }
        Why::UnsupportedDeltaCrl => "it holds only changes to another list",
        Why::UnsupportedIndirectCrl => "it lists certificates of another issuer",
        Why::UnsupportedRevocationReason => "it gives a reason that does not exist",
        Why::Other(inner) => return in_words(&inner.to_string()),
        unknown => return in_words(&format!("{unknown:?}")),
    };
    known.to_owned()
}

/// The error for a certificate that is not accepted.
fn untrusted(reason: &CertificateError, peer: &Peer<'_>) -> Error {
    let certificates = Certificates::read(peer);
    let (verdict, why) = if peer.accepted {
        ("cannot be used", certificates.handshake_fault(reason))
    } else {
        ("is not trusted", certificates.fault(reason))
    };
    let mut error = Error::new(
        Stage::Tls,
        Exit::Untrusted,
        format!("the certificate of {} {verdict}: {why}", peer.host),
    );
    if let Some(names) = peer.chain.first().and_then(Names::read) {
        error = error
            .detail(format!("subject: {}", names.subject))
            .detail(format!("issuer: {}", names.issuer))
            .detail(format!("valid for: {}", names.valid_for()))
            .detail(format!("expires: {}", names.expires));
    }
    // Where the handshake itself failed, there is nothing to trust and no way around it.
    if peer.accepted {
        return error;
    }
    for advice in certificates.advice(reason) {
        error = error.advice(advice);
    }
    error.advice("--cacert FILE trusts its issuer; -k connects without checking")
}

/// The certificates of a [`Peer`], as far as they can be read.
#[derive(Default)]
struct Certificates<'a> {
    /// The server's own and those that it follows from, in order.
    path: Vec<X509Certificate<'a>>,
    /// How many certificates the server sent besides its own.
    others: usize,
    roots: Vec<X509Certificate<'a>>,
}

impl<'a> Certificates<'a> {
    fn read(peer: &Peer<'a>) -> Self {
        let read = |der: &'a [CertificateDer<'static>]| -> Vec<X509Certificate<'a>> {
            let parsed = der
                .iter()
                .filter_map(|der| X509Certificate::from_der(der).ok());
            parsed.map(|(_, certificate)| certificate).collect()
        };
        let chain = read(peer.chain);
        let path = path(chain);
        // Only the one that could have signed the last matters, and a system has hundreds.
        let mut roots = read(peer.roots);
        roots.retain(|root| {
            path.last()
                .is_some_and(|last| last.issuer() == root.subject())
        });
        Certificates {
            path,
            others: peer.chain.len().saturating_sub(1),
            roots,
        }
    }

    /// How the certificate at `place` of the path is called in a sentence that begins with it.
    fn name(&self, place: usize) -> String {
        match self.path.get(place).filter(|_| place > 0) {
            Some(certificate) => {
                format!("the certificate of its issuer '{}'", certificate.subject())
            }
            None => "it".to_owned(),
        }
    }

    /// The place in the path of the first certificate that is so, or of the server's own.
    fn find(&self, is: impl Fn(&X509Certificate<'_>) -> bool) -> usize {
        self.path.iter().position(is).unwrap_or(0)
    }

    /// Why a chain is not accepted, in a sentence about `it`.
    fn fault(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::UnknownIssuer => self.unknown_issuer(),
            CertificateError::Other(inner) => match inner.0.downcast_ref::<Path>() {
                Some(error) => self.path_fault(error),
                None => format!(
                    "it does not pass the check ({})",
                    in_words(&inner.to_string())
                ),
            },
            CertificateError::ExpiredContext { time, not_after } => {
                let place = self.find(|certificate| {
                    certificate.validity().not_after.timestamp() == seconds(*not_after)
                });
                format!(
                    "{} expired {} ago, on {}",
                    self.name(place),
                    span(time.as_secs().saturating_sub(not_after.as_secs())),
                    date(*not_after)
                )
            }
            CertificateError::Expired => self.never_valid(),
            CertificateError::NotValidYetContext { time, not_before } => {
                let place = self.find(|certificate| {
                    certificate.validity().not_before.timestamp() == seconds(*not_before)
                });
                format!(
                    "{} is not valid until {}, for another {}",
                    self.name(place),
                    date(*not_before),
                    span(not_before.as_secs().saturating_sub(time.as_secs()))
                )
            }
            CertificateError::NotValidYet => "it is not valid yet".to_owned(),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                self.other_names(reason)
            }
            CertificateError::BadSignature => self.bad_signature(),
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id,
                ..
            } => {
                let wanted = oid_of(signature_algorithm_id);
                let place = self.find(|certificate| {
                    Some(certificate.signature_algorithm.algorithm.to_id_string()) == wanted
                });
                let name = self.name(place);
                signed_with(signature_algorithm_id).replacen("it", &name, 1)
            }
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id,
                public_key_algorithm_id,
            } => mismatched(signature_algorithm_id, public_key_algorithm_id),
            CertificateError::InvalidPurposeContext { presented, .. } => {
                let place = self.find(|certificate| !may_serve(certificate));
                let purposes: Vec<String> = presented.iter().map(purpose).collect();
                format!(
                    "{} is only for {}, not for servers",
                    self.name(place),
                    match purposes.is_empty() {
                        true => "purposes that it does not name".to_owned(),
                        false => purposes.join(", "),
                    }
                )
            }
            CertificateError::InvalidPurpose => "it is not for servers".to_owned(),
            CertificateError::UnhandledCriticalExtension => self.critical_extension(),
            CertificateError::Revoked => "it has been revoked".to_owned(),
            CertificateError::UnknownRevocationStatus => {
                "whether it has been revoked is not known".to_owned()
            }
            CertificateError::ExpiredRevocationListContext { time, next_update } => format!(
                "the list of what its issuer has revoked expired {} ago, on {}",
                span(time.as_secs().saturating_sub(next_update.as_secs())),
                date(*next_update)
            ),
            CertificateError::ExpiredRevocationList => {
                "the list of what its issuer has revoked has expired".to_owned()
            }
            CertificateError::BadEncoding => "it is malformed".to_owned(),
            CertificateError::InvalidOcspResponse => {
                "the status that the server sent with it (OCSP) is not valid".to_owned()
            }
            CertificateError::ApplicationVerificationFailure => {
                "it is valid, but not accepted".to_owned()
            }
            #[allow(deprecated)]
            CertificateError::UnsupportedSignatureAlgorithm => {
                "it is signed in a way that wirecat does not support".to_owned()
            }
            unknown => format!(
                "it does not pass the check ({})",
                in_words(&format!("{unknown:?}"))
            ),
        }
    }

    /// Why the server's signature of the handshake is not accepted, though its certificate was.
    fn handshake_fault(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::BadSignature => match self.path.first().and_then(short_key) {
                Some(bits) => format!("its key is {}", too_short(bits)),
                None => "the server signed the handshake with another key".to_owned(),
            },
            other => self.fault(other),
        }
    }

    fn is_self_signed(&self) -> bool {
        let own = self.path.first();
        own.is_some_and(|certificate| certificate.subject() == certificate.issuer())
    }

    fn unknown_issuer(&self) -> String {
        let Some(last) = self.path.last() else {
            return "nobody who is trusted here signed it".to_owned();
        };
        if self.is_self_signed() {
            return SELF_SIGNED.to_owned();
        }
        let issuer = last.issuer();
        match (self.path.len(), self.others) {
            _ if last.subject() == issuer => {
                format!("its chain ends in '{issuer}', which is self-signed and not trusted here")
            }
            (1, 0) => format!(
                "its issuer '{issuer}' is not trusted here, and the server sent no intermediate certificate"
            ),
            (1, 1) => format!(
                "its issuer '{issuer}' is not trusted here, and the other certificate that the server sent is not its"
            ),
            (1, others) => format!(
                "its issuer '{issuer}' is not trusted here, and none of the {others} other certificates that the server sent is its"
            ),
            _ => format!("its chain ends in '{issuer}', which is not trusted here"),
        }
    }

    /// A validity that ends before it begins is expired for webpki, without a date.
    fn never_valid(&self) -> String {
        let reversed = self.path.iter().position(|certificate| {
            certificate.validity().not_before > certificate.validity().not_after
        });
        match reversed {
            Some(place) => format!(
                "{} is never valid: its time ends on {}, before it begins",
                self.name(place),
                date_of(self.path[place].validity().not_after.timestamp())
            ),
            None => "it has expired".to_owned(),
        }
    }

    fn other_names(&self, reason: &CertificateError) -> String {
        let host = match reason {
            CertificateError::NotValidForNameContext { expected, .. } => {
                format!("'{}'", expected.to_str())
            }
            _ => "this host".to_owned(),
        };
        let names = self.path.first().map(names_of).unwrap_or_default();
        if names.is_empty() {
            return format!(
                "it is not for {host}: it holds no name of a server (a subjectAltName; the common name does not count)"
            );
        }
        format!("it is not for {host}, but for {}", listed(&names))
    }

    /// A signature by a key that is too short counts as wrong for rustls.
    fn bad_signature(&self) -> String {
        let issuers = self.path.iter().skip(1).chain(&self.roots);
        for issuer in issuers {
            if let Some(bits) = short_key(issuer) {
                let name = issuer.subject();
                return format!("the key of its issuer '{name}' is {}", too_short(bits));
            }
        }
        "its signature is not by the key of the issuer that it names".to_owned()
    }

    fn critical_extension(&self) -> String {
        let unknown = |certificate: &X509Certificate<'_>| -> Vec<String> {
            let extensions = certificate.extensions().iter();
            let unknown = extensions.filter(|extension| {
                extension.critical
                    && !KNOWN_EXTENSIONS.contains(&extension.oid.to_id_string().as_str())
            });
            unknown
                .map(|extension| extension.oid.to_id_string())
                .collect()
        };
        let place = self.find(|certificate| !unknown(certificate).is_empty());
        let which = self.path.get(place).map(unknown).unwrap_or_default();
        let name = self.name(place);
        match which.is_empty() {
            true => format!("{name} has a critical extension that wirecat does not know"),
            false => format!(
                "{name} has a critical extension that wirecat does not know ({})",
                listed(&which)
            ),
        }
    }

    /// What webpki says that rustls has no name for.
    fn path_fault(&self, error: &Path) -> String {
        #[allow(deprecated)]
        match error {
            // webpki says of an authority that it is one before it looks who signed it.
            Path::CaUsedAsEndEntity if self.is_self_signed() => SELF_SIGNED.to_owned(),
            Path::CaUsedAsEndEntity => {
                "it is the certificate of an authority (CA:TRUE), not of a server".to_owned()
            }
            Path::EndEntityUsedAsCa => {
                let wrong = self.path.iter().skip(1).find(|issuer| !issuer.is_ca());
                let issuer =
                    wrong.map_or_else(String::new, |issuer| format!(" '{}'", issuer.subject()));
                format!("its issuer{issuer} is no authority (CA:FALSE), so it may sign nothing")
            }
            Path::NameConstraintViolation => self.constrained_names(),
            Path::PathLenConstraintViolated => self.path_too_long(),
            Path::UnsupportedCriticalExtension => self.critical_extension(),
            Path::UnsupportedCertVersion => {
                let version = |certificate: &X509Certificate<'_>| certificate.version().0 + 1;
                let place = self.find(|certificate| version(certificate) != 3);
                let number = self
                    .path
                    .get(place)
                    .map(version)
                    .filter(|number| *number != 3);
                let name = self.name(place);
                match number {
                    Some(number) => {
                        format!("{name} is of X.509 version {number}, and only 3 will do")
                    }
                    None => format!("{name} is not of X.509 version 3"),
                }
            }
            Path::EmptyEkuExtension => "it says that it is for no purpose at all".to_owned(),
            Path::CertDistrusted => "it is distrusted".to_owned(),
            Path::SignatureAlgorithmMismatch => {
                "it names one signature algorithm inside and another outside".to_owned()
            }
            Path::MaximumNameConstraintComparisonsExceeded
            | Path::MaximumPathBuildCallsExceeded
            | Path::MaximumPathDepthExceeded
            | Path::MaximumSignatureChecksExceeded => {
                "its chain is too long or too tangled to be checked".to_owned()
            }
            Path::UnknownIssuer => self.unknown_issuer(),
            Path::BadDer
            | Path::BadDerTime
            | Path::TrailingData(_)
            | Path::ExtensionValueInvalid
            | Path::InvalidNetworkMaskConstraint
            | Path::InvalidSerialNumber
            | Path::MalformedDnsIdentifier
            | Path::MalformedExtensions
            | Path::MalformedNameConstraint => format!(
                "it, or a certificate that it follows from, is malformed ({})",
                in_words(&leading_identifier(error))
            ),
            other => format!(
                "it does not pass the check ({})",
                in_words(&leading_identifier(other))
            ),
        }
    }

    fn constrained_names(&self) -> String {
        let issuers = self.path.iter().skip(1).chain(&self.roots);
        let constrained = issuers
            .filter_map(|issuer| Some((issuer, issuer.name_constraints().ok()??.value)))
            .next();
        let Some((issuer, constraints)) = constrained else {
            return "its names are not among those that its issuer may sign for".to_owned();
        };
        let named = |trees: &Option<Vec<GeneralSubtree<'_>>>| -> Vec<String> {
            let trees = trees.iter().flatten();
            trees.map(|tree| general_name(&tree.base)).collect()
        };
        let mut rules = Vec::new();
        let permitted = named(&constraints.permitted_subtrees);
        if !permitted.is_empty() {
            rules.push(format!("only for {}", listed(&permitted)));
        }
        let excluded = named(&constraints.excluded_subtrees);
        if !excluded.is_empty() {
            rules.push(format!("not for {}", listed(&excluded)));
        }
        if rules.is_empty() {
            rules.push("for certain names only".to_owned());
        }
        let names = self.path.first().map(names_of).unwrap_or_default();
        format!(
            "its issuer '{}' may sign {}, and it is for {}",
            issuer.subject(),
            rules.join(" and "),
            listed(&names)
        )
    }

    fn path_too_long(&self) -> String {
        for (place, issuer) in self.path.iter().enumerate().skip(1) {
            let constraints = issuer.basic_constraints().ok().flatten();
            let limit = constraints.and_then(|extension| extension.value.path_len_constraint);
            // Those between this one and the server's own.
            let between = place - 1;
            if let Some(limit) = limit
                && between > limit as usize
            {
                return format!(
                    "its chain is too long: '{}' allows {limit} authorities below itself, and there {}",
                    issuer.subject(),
                    match between {
                        1 => "is 1".to_owned(),
                        more => format!("are {more}"),
                    }
                );
            }
        }
        "its chain is longer than an issuer in it allows".to_owned()
    }

    /// What else to try, before the advice that all have.
    fn advice(&self, reason: &CertificateError) -> Vec<String> {
        let mut advice = Vec::new();
        match reason {
            CertificateError::UnknownIssuer if self.path.len() == 1 && !self.is_self_signed() => {
                advice.push(format!(
                    "if '{}' is an intermediate authority, the server must send its certificate too (the full chain)",
                    self.path[0].issuer()
                ));
            }
            CertificateError::NotValidYetContext { time, .. } => advice.push(format!(
                "check the clock of this machine, which says {}",
                date(*time)
            )),
            _ => {}
        }
        advice
    }
}

const SELF_SIGNED: &str = "it is self-signed";

/// Critical extensions that webpki knows what to do about (RFC 5280 section 4.2.1).
const KNOWN_EXTENSIONS: &[&str] = &[
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.37",
];

/// The server's own certificate and those of its issuers, as far as the server sent them.
fn path(chain: Vec<X509Certificate<'_>>) -> Vec<X509Certificate<'_>> {
    let mut rest = chain;
    let mut path = Vec::new();
    if rest.is_empty() {
        return path;
    }
    path.push(rest.remove(0));
    while let Some(last) = path.last()
        && last.subject() != last.issuer()
        && let Some(next) = rest
            .iter()
            .position(|other| other.subject() == last.issuer())
    {
        path.push(rest.remove(next));
    }
    path
}

fn may_serve(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.server_auth,
        _ => true,
    }
}

/// The length of an RSA key that is too short to verify with, in bits.
fn short_key(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()).filter(|bits| *bits < MIN_RSA_BITS),
        _ => None,
    }
}

fn too_short(bits: usize) -> String {
    format!("too short: RSA with {bits} bits, where {MIN_RSA_BITS} are the least that is safe")
}

fn purpose(purpose: &ExtendedKeyPurpose) -> String {
    let values = match purpose {
        ExtendedKeyPurpose::ClientAuth => return "clients".to_owned(),
        ExtendedKeyPurpose::ServerAuth => return "servers".to_owned(),
        ExtendedKeyPurpose::Other(values) => values,
    };
    let parts: Vec<String> = values.iter().map(usize::to_string).collect();
    let dotted = parts.join(".");
    // RFC 5280 section 4.2.1.12.
    match dotted.as_str() {
        "1.3.6.1.5.5.7.3.3" => "code signing".to_owned(),
        "1.3.6.1.5.5.7.3.4" => "e-mail".to_owned(),
        "1.3.6.1.5.5.7.3.8" => "time stamps".to_owned(),
        "1.3.6.1.5.5.7.3.9" => "OCSP responses".to_owned(),
        "2.5.29.37.0" => "any purpose".to_owned(),
        _ => format!("the purpose {dotted}"),
    }
}

/// The object identifier that an AlgorithmIdentifier begins with; its own tag and length are left
/// out, as webpki does.
fn oid_of(algorithm: &[u8]) -> Option<String> {
    let (_, any) = Any::from_der(algorithm).ok()?;
    Some(Oid::try_from(any).ok()?.to_id_string())
}

fn signed_with(algorithm: &[u8]) -> String {
    let Some(oid) = oid_of(algorithm) else {
        return "it is signed in a way that wirecat does not support".to_owned();
    };
    let (name, unsafe_now) = match oid.as_str() {
        "1.2.840.113549.1.1.2" => ("MD2 and RSA", true),
        "1.2.840.113549.1.1.4" => ("MD5 and RSA", true),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("SHA-1 and RSA", true),
        "1.2.840.10045.4.1" => ("SHA-1 and ECDSA", true),
        "1.2.840.10040.4.3" => ("SHA-1 and DSA", true),
        other => (algorithm_name(other), false),
    };
    match unsafe_now {
        true => format!("it is signed with {name}, which is not safe any more"),
        false => format!("it is signed with {name}, which wirecat does not support"),
    }
}

/// Of the signature and key algorithms that are met in certificates; others are their number.
fn algorithm_name(oid: &str) -> &str {
    match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.5" => "SHA-1 and RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA-256 and RSA",
        "1.2.840.113549.1.1.12" => "SHA-384 and RSA",
        "1.2.840.113549.1.1.13" => "SHA-512 and RSA",
        "1.2.840.113549.1.1.14" => "SHA-224 and RSA",
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.10045.2.1" => "an elliptic curve",
        "1.2.840.10045.4.3.1" => "SHA-224 and ECDSA",
        "1.2.840.10045.4.3.2" => "SHA-256 and ECDSA",
        "1.2.840.10045.4.3.3" => "SHA-384 and ECDSA",
        "1.2.840.10045.4.3.4" => "SHA-512 and ECDSA",
        "2.16.840.1.101.3.4.3.1" => "SHA-224 and DSA",
        "2.16.840.1.101.3.4.3.2" => "SHA-256 and DSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => other,
    }
}

fn mismatched(signature: &[u8], key: &[u8]) -> String {
    let name = |id: &[u8]| {
        let oid = oid_of(id).unwrap_or_else(|| "an unknown algorithm".to_owned());
        algorithm_name(&oid).to_owned()
    };
    format!(
        "it is signed with {} by a key for {}, which wirecat does not support together",
        name(signature),
        name(key)
    )
}

/// What people want to know of a certificate. All of it is the server's word.
pub(super) struct Names {
    pub(super) subject: String,
    pub(super) issuer: String,
    names: Vec<String>,
    pub(super) expires: String,
}

impl Names {
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Names> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Names {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names_of(&certificate),
            expires: date_of(certificate.validity().not_after.timestamp()),
        })
    }

    fn valid_for(&self) -> String {
        match self.names.is_empty() {
            true => "no name at all".to_owned(),
            false => listed(&self.names),
        }
    }
}

/// Who the certificate is for.
fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extensions = certificate.extensions().iter();
    let names = extensions.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().map(general_name).collect()
}

/// The first of them, and how many there are besides.
fn listed(names: &[String]) -> String {
    let shown = names.len().min(NAMES_SHOWN);
    let mut text = names[..shown].join(", ");
    if names.len() > shown {
        text.push_str(&format!(" and {} more", names.len() - shown));
    }
    text
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            (*name).to_owned()
        }
        GeneralName::IPAddress(bytes) => ip_text(bytes),
        GeneralName::DirectoryName(name) => name.to_string(),
        GeneralName::RegisteredID(oid) | GeneralName::OtherName(oid, _) => oid.to_id_string(),
        _ => "a name of another kind".to_owned(),
    }
}

/// An address, or as in name constraints an address and a mask of the same length.
fn ip_text(bytes: &[u8]) -> String {
    let address = |bytes: &[u8]| -> Option<std::net::IpAddr> {
        if let Ok(four) = <[u8; 4]>::try_from(bytes) {
            return Some(std::net::Ipv4Addr::from(four).into());
        }
        let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
        Some(std::net::Ipv6Addr::from(sixteen).into())
    };
    if let Some(address) = address(bytes) {
        return address.to_string();
    }
    let (network, mask) = bytes.split_at(bytes.len() / 2);
    match address(network).filter(|_| matches!(bytes.len(), 8 | 32)) {
        Some(network) => {
            let bits: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
            format!("{network}/{bits}")
        }
        None => "a malformed address".to_owned(),
    }
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn date(time: UnixTime) -> String {
    date_of(seconds(time))
}

/// RFC 3339, in UTC.
fn date_of(timestamp: i64) -> String {
    jiff::Timestamp::from_second(timestamp).map_or_else(|_| "never".to_owned(), |at| at.to_string())
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

/// The name of a variant without what it holds.
fn leading_identifier(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Spells the names of Rust types and variants in `text` out as words, and takes the brackets of
/// their `Debug` form away: `SelectedUnofferedPsk` becomes `selected unoffered PSK`.
pub(super) fn in_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split(|c: char| c.is_whitespace() || "{}[]()<>\"_".contains(c)) {
        for part in piece.split("::").filter(|part| !part.is_empty()) {
            words.extend(split_camel(part));
        }
    }
    let joined = words.join(" ");
    match joined.trim_matches([',', ':', ';', ' ']) {
        "" => "no reason is given".to_owned(),
        words => words.to_owned(),
    }
}

/// One word, or those that a CamelCase identifier is made of.
fn split_camel(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    // A word that is not CamelCase may be a variant all the same, or an abbreviation.
    if words.len() == 1 && text.chars().skip(1).any(char::is_uppercase) {
        return words;
    }
    words.iter().map(|word| lower(word)).collect()
}

/// A word in lower case, but for what is written otherwise.
fn lower(word: &str) -> String {
    let word = word.to_lowercase();
    match word.as_str() {
        "tls12" => "TLS 1.2".to_owned(),
        "tls13" => "TLS 1.3".to_owned(),
        "kx" => "key exchange".to_owned(),
        "ca" | "crl" | "der" | "dns" | "ec" | "ech" | "eku" | "ems" | "ocsp" | "psk" | "quic"
        | "sct" | "tls" => word.to_uppercase(),
        _ => word,
    }
}

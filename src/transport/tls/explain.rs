//! Describes TLS failures in sentences. Pure.
//!
//! rustls and webpki describe most of their errors by the names of their Rust types. None of these
//! texts is shown unchanged: each error has a sentence here, with the facts from the certificates.
//! The name of an error that this module does not know is split into words.

mod algorithms;
mod certificates;
mod names;
#[cfg(test)]
mod tests;
mod words;

use rustls::{
    AlertDescription, CertRevocationListError, CertificateError, Error as Tls, InconsistentKeys,
    InvalidMessage, PeerIncompatible, PeerMisbehaved,
};

use self::algorithms::{mismatched, signed_with};
use self::certificates::Certificates;
pub(super) use self::certificates::Peer;
pub(super) use self::names::Names;
pub(super) use self::words::in_words;
use crate::error::{Error, Exit, Stage};

/// An error of the handshake: exit 35.
pub(super) fn failed(why: impl Into<String>) -> Error {
    Error::new(
        Stage::Tls,
        Exit::Tls,
        format!("TLS handshake failed: {}", why.into()),
    )
    .transient()
}

/// Turns a failed handshake into an error: what was wrong, whose certificate it was, and what to
/// try.
pub(super) fn handshake(error: &Tls, peer: &Peer<'_>) -> Error {
    match error {
        Tls::InvalidCertificate(reason) => untrusted(reason, peer),
        // A server of another protocol: the first byte is not a content type, or the next two are
        // not a version.
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

/// Describes an error of rustls in a sentence, also one after the handshake.
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
        } => out_of_order(got_message.as_str()),
        Tls::InappropriateHandshakeMessage {
            got_type: got_message,
            ..
        } => out_of_order(got_message.as_str()),
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
            "the server supports no application protocol that wirecat speaks (ALPN)".to_owned()
        }
        Tls::UnsupportedNameType => "the host is not a name that TLS can verify".to_owned(),
        Tls::HandshakeNotComplete => "the TLS handshake is not complete".to_owned(),
        Tls::FailedToGetCurrentTime => "the system clock cannot be read".to_owned(),
        Tls::FailedToGetRandomBytes => "the system provides no random numbers".to_owned(),
        Tls::BadMaxFragmentSize => "the size of TLS records is out of range".to_owned(),
        Tls::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key does not belong to the certificate".to_owned()
        }
        Tls::InconsistentKeys(_) => {
            "it is unknown whether the key belongs to the certificate".to_owned()
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

fn out_of_order(message: Option<&'static str>) -> String {
    let what = message.map_or_else(|| "an unknown message".to_owned(), in_words);
    format!("the server sent a TLS message out of order ({what})")
}

/// The name of an alert in RFC 8446 section 6 (or the RFC that defines it), and its usual meaning
/// here.
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
            "it accepts nothing that wirecat offers, or requires a client certificate",
        ),
        41 => ("no_certificate", "it requires a client certificate"),
        42 => ("bad_certificate", "it rejected our certificate"),
        43 => (
            "unsupported_certificate",
            "it does not support our type of certificate",
        ),
        44 => ("certificate_revoked", "our certificate has been revoked"),
        45 => ("certificate_expired", "our certificate has expired"),
        46 => ("certificate_unknown", "it does not accept our certificate"),
        47 => ("illegal_parameter", "it does not accept what wirecat sent"),
        48 => (
            "unknown_ca",
            "it does not trust the issuer of our certificate",
        ),
        49 => ("access_denied", "it denies access"),
        50 => ("decode_error", "it could not read our message"),
        51 => ("decrypt_error", "it could not verify our signature"),
        60 => ("export_restriction", "it restricts the length of keys"),
        70 => ("protocol_version", "it speaks neither TLS 1.2 nor TLS 1.3"),
        71 => (
            "insufficient_security",
            "it requires stronger security than wirecat offers",
        ),
        80 => ("internal_error", "something went wrong in the server"),
        86 => ("inappropriate_fallback", "it speaks a newer version of TLS"),
        90 => ("user_canceled", "it canceled the handshake"),
        100 => ("no_renegotiation", "it does not renegotiate"),
        109 => (
            "missing_extension",
            "our ClientHello lacks an extension that it requires",
        ),
        110 => (
            "unsupported_extension",
            "it does not support an extension in our ClientHello",
        ),
        111 => (
            "certificate_unobtainable",
            "it could not fetch our certificate",
        ),
        112 => ("unrecognized_name", "it does not know this host name"),
        113 => (
            "bad_certificate_status_response",
            "it rejected the OCSP response for our certificate",
        ),
        114 => ("bad_certificate_hash_value", "it rejected our certificate"),
        115 => ("unknown_psk_identity", "it does not know our key"),
        116 => ("certificate_required", "it requires a client certificate"),
        120 => (
            "no_application_protocol",
            "it does not speak HTTP/1.1 over TLS (ALPN)",
        ),
        121 => ("ech_required", "it requires an encrypted ClientHello (ECH)"),
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
            "the server chose a version of TLS that is disabled here"
        }
        Why::NoCipherSuitesInCommon => "the server supports none of wirecat's cipher suites",
        Why::NoKxGroupsInCommon => "the server supports none of wirecat's key exchange groups",
        Why::NoSignatureSchemesInCommon | Why::NoCertificateRequestSignatureSchemesInCommon => {
            "the server supports none of wirecat's signature schemes"
        }
        Why::NoEcPointFormatsInCommon
        | Why::UncompressedEcPointsRequired
        | Why::EcPointsExtensionRequired => {
            "the server does not support wirecat's format of elliptic curve points"
        }
        Why::ExtendedMasterSecretExtensionRequired => {
            "the server lacks the extended master secret (RFC 7627), without which TLS 1.2 is not secure"
        }
        Why::NullCompressionRequired => "the server requires TLS compression, which is not secure",
        Why::KeyShareExtensionRequired => "the server sent no key share",
        Why::ServerSentHelloRetryRequestWithUnknownExtension => {
            "the server requires an extension that wirecat does not know"
        }
        Why::IncorrectCertificateTypeExtension | Why::UnsolicitedCertificateTypeExtension => {
            "the server requires a type of certificate other than X.509"
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

/// rustls has eighty of these, and the user can act on none of them; its own names are sufficient.
fn misbehaved(why: &PeerMisbehaved) -> String {
    match why {
        PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "the server chose TLS 1.2 although it speaks TLS 1.3: an attacker in between may have forced it"
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
        InvalidMessage::DuplicateExtension(number) => format!("extension {number} appears twice"),
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
        Why::UnsupportedSignatureAlgorithm => {
            "it is signed with an algorithm that wirecat does not support"
        }
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
        Why::UnsupportedDeltaCrl => "it contains only changes to another list",
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
    // If the handshake itself failed, no certificate is at fault and --cacert or -k would not help.
    if peer.accepted {
        return error;
    }
    for advice in certificates.advice(reason) {
        error = error.advice(advice);
    }
    error.advice("--cacert FILE trusts its issuer; -k connects without verifying it")
}

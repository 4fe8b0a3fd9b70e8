//! Describes TLS failures in sentences. Pure.
//!
//! rustls and webpki describe most of their errors by the names of their Rust types. None of these
//! texts is shown unchanged: each error has a sentence here, with the facts from the certificates.
//! The name of an error that this module does not know is split into words.

mod alerts;
mod algorithms;
mod certificates;
mod names;
mod own;
#[cfg(test)]
mod tests;
mod words;

use rustls::{
    CertRevocationListError, CertificateError, Error as Tls, InconsistentKeys, InvalidMessage,
    PeerIncompatible, PeerMisbehaved,
};

pub(super) use self::alerts::alert_meaning;
use self::alerts::is_transient;
use self::algorithms::{mismatched, signed_with};
use self::certificates::Certificates;
pub(super) use self::certificates::Peer;
pub(super) use self::names::Names;
pub(super) use self::own::Ours;
pub(super) use self::words::in_words;
use super::options::Party;
use crate::error::{Error, Exit, Stage};

/// An error of the handshake that another attempt does not mend: exit 35.
pub(super) fn failed(party: Party, why: impl Into<String>) -> Error {
    let with = match party {
        Party::Server => "",
        Party::Proxy => " with the proxy",
    };
    let message = format!("TLS handshake{with} failed: {}", why.into());
    Error::new(Stage::Tls, Exit::Tls, message)
}

/// Turns a failed handshake into an error: what was wrong, whose certificate it was, and what to
/// try.
pub(super) fn handshake(error: &Tls, peer: &Peer<'_>, ours: &Ours<'_>) -> Error {
    match error {
        Tls::InvalidCertificate(reason) => untrusted(reason, peer, ours.party),
        // A server of another protocol: the first byte is not a content type, or the next two are
        // not a version.
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) if peer.chain.is_empty() => {
            let why = format!("the {} does not speak TLS on this port", ours.party);
            failed(ours.party, why).advice(match ours.party {
                Party::Server => "ws:// instead of wss://",
                Party::Proxy => "http:// instead of https:// for the proxy",
            })
        }
        other => or_refused(other, ours, |why| failed(ours.party, why)),
    }
}

/// Turns an error after the handshake into one of the connection. With TLS 1.3, this is where the
/// server refuses our certificate.
pub(super) fn afterwards(error: &Tls, ours: &Ours<'_>) -> Error {
    or_refused(error, ours, |why| {
        Error::new(Stage::Tls, Exit::Tls, format!("TLS failed: {why}"))
    })
}

/// The error about our own certificate, or the error that `otherwise` makes of the sentence.
fn or_refused(error: &Tls, ours: &Ours<'_>, otherwise: impl FnOnce(String) -> Error) -> Error {
    let alert = match error {
        Tls::AlertReceived(alert) => Some(*alert),
        _ => None,
    };
    if let Some(refused) = alert.and_then(|alert| ours.refused(alert)) {
        return refused;
    }
    let mut error = otherwise(sentence(error, ours));
    error.transient = alert.is_some_and(is_transient);
    match alert {
        Some(_) => ours.advise(error),
        None => error,
    }
}

/// Describes an error of rustls in a sentence, also one after the handshake.
pub(super) fn sentence(error: &Tls, ours: &Ours<'_>) -> String {
    ours.party.adapt(about_server(error, ours))
}

fn about_server(error: &Tls, ours: &Ours<'_>) -> String {
    match error {
        Tls::AlertReceived(alert) => ours.alert_received(*alert),
        Tls::PeerIncompatible(why) => incompatible(why, ours),
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

fn incompatible(why: &PeerIncompatible, ours: &Ours<'_>) -> String {
    use PeerIncompatible as Why;
    let known = match why {
        Why::ServerDoesNotSupportTls12Or13 | Why::ServerTlsVersionIsDisabledByOurConfig => {
            return format!("the server speaks {}", ours.versions.neither());
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

pub(super) fn revocation(why: &CertRevocationListError) -> String {
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
fn untrusted(reason: &CertificateError, peer: &Peer<'_>, party: Party) -> Error {
    let certificates = Certificates::read(peer, party);
    let (verdict, why) = if peer.accepted {
        ("cannot be used", certificates.handshake_fault(reason))
    } else {
        ("is not trusted", certificates.fault(reason))
    };
    let whose = whose(peer, party);
    let message = format!("the certificate of {whose} {verdict}: {why}");
    let mut error = described(Error::new(Stage::Tls, Exit::Untrusted, message), peer);
    // If the handshake itself failed, no certificate is at fault and --cacert or -k would not help.
    if peer.accepted {
        return error;
    }
    for advice in certificates.advice(reason) {
        error = error.advice(advice);
    }
    match (reason, party) {
        (CertificateError::Revoked, _) => error,
        (_, Party::Server) => {
            error.advice("--cacert FILE trusts its issuer; -k connects without verifying it")
        }
        (_, Party::Proxy) => error.advice(
            "--proxy-cacert FILE trusts its issuer; --proxy-insecure connects without verifying it",
        ),
    }
}

fn whose(peer: &Peer<'_>, party: Party) -> String {
    match party {
        Party::Server => peer.host.to_string(),
        Party::Proxy => format!("the proxy {}", peer.host),
    }
}

/// The error for a public key that is none of `--pinnedpubkey`: exit 90.
pub(super) fn not_pinned(seen: &str, wanted: &[String], peer: &Peer<'_>, party: Party) -> Error {
    let message = format!(
        "the public key of {} is not the pinned one (--pinnedpubkey)",
        whose(peer, party)
    );
    let mut error = Error::new(Stage::Tls, Exit::Pinned, message).detail(format!("seen: {seen}"));
    for hash in wanted {
        error = error.detail(format!("wanted: {hash}"));
    }
    described(error, peer).advice(
        "if the server has a new key, and its owner says so, --pinnedpubkey with the hash above",
    )
}

/// Adds what the certificate of the peer says.
fn described(error: Error, peer: &Peer<'_>) -> Error {
    match peer.chain.first().and_then(Names::read) {
        Some(names) => error
            .detail(format!("subject: {}", names.subject))
            .detail(format!("issuer: {}", names.issuer))
            .detail(format!("valid for: {}", names.valid_for()))
            .detail(format!("expires: {}", names.expires)),
        None => error,
    }
}

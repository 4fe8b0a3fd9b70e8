//! Finds what is wrong with a certificate chain, and the fact behind it.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ExtendedKeyPurpose};
use url::Host;
use webpki::Error as Path;
use x509_parser::extensions::GeneralSubtree;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::algorithms::{mismatched, oid_of, signed_with};
use super::names::{date, date_of, general_name, listed, names_of, seconds, span};
use super::words::{in_words, leading_identifier};
use crate::transport::tls::options::Party;

/// The smallest RSA key that rustls verifies a signature with, in bits.
const MIN_RSA_BITS: usize = 2048;

/// What the server presented, and what it is verified against.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport::tls) struct Peer<'a> {
    pub(in crate::transport::tls) host: &'a Host<String>,
    /// The certificates that the server sent, its own first; empty before it sent them.
    pub(in crate::transport::tls) chain: &'a [CertificateDer<'static>],
    /// Whether the chain was accepted, or is not verified: a later failure is the handshake's.
    pub(in crate::transport::tls) accepted: bool,
    /// The certificates that are trusted.
    pub(in crate::transport::tls) roots: &'a [CertificateDer<'static>],
}

/// The certificates of a [`Peer`], as far as they can be parsed.
#[derive(Default)]
pub(super) struct Certificates<'a> {
    /// The server's own certificate and those of its issuers, in order.
    path: Vec<X509Certificate<'a>>,
    /// Number of other certificates that the server sent.
    others: usize,
    roots: Vec<X509Certificate<'a>>,
    /// Whose they are.
    party: Party,
}

impl<'a> Certificates<'a> {
    pub(super) fn read(peer: &Peer<'a>, party: Party) -> Self {
        let read = |der: &'a [CertificateDer<'static>]| -> Vec<X509Certificate<'a>> {
            let parsed = der
                .iter()
                .filter_map(|der| X509Certificate::from_der(der).ok());
            parsed.map(|(_, certificate)| certificate).collect()
        };
        let chain = read(peer.chain);
        let path = path(chain);
        // Only a root that could have signed the last one matters, and a system has hundreds.
        let mut roots = read(peer.roots);
        roots.retain(|root| {
            path.last()
                .is_some_and(|last| last.issuer() == root.subject())
        });
        Certificates {
            path,
            others: peer.chain.len().saturating_sub(1),
            roots,
            party,
        }
    }

    /// The name of the certificate at `place` of the path, for the beginning of a sentence.
    fn name(&self, place: usize) -> String {
        match self.path.get(place).filter(|_| place > 0) {
            Some(certificate) => {
                format!("the certificate of its issuer '{}'", certificate.subject())
            }
            None => "it".to_owned(),
        }
    }

    /// The place in the path of the first certificate that matches, or of the server's own.
    fn find(&self, is: impl Fn(&X509Certificate<'_>) -> bool) -> usize {
        self.path.iter().position(is).unwrap_or(0)
    }

    /// Why a chain is not accepted, as a sentence about `it`.
    pub(super) fn fault(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::UnknownIssuer => self.unknown_issuer(),
            CertificateError::Other(inner) => match inner.0.downcast_ref::<Path>() {
                Some(error) => self.path_fault(error),
                None => format!("it failed verification ({})", in_words(&inner.to_string())),
            },
            CertificateError::ExpiredContext { time, not_after } => self.expired(*time, *not_after),
            CertificateError::Expired => self.never_valid(),
            CertificateError::NotValidYetContext { time, not_before } => {
                self.not_valid_yet(*time, *not_before)
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
                self.wrong_purpose(presented)
            }
            CertificateError::InvalidPurpose => "it is not for servers".to_owned(),
            CertificateError::UnhandledCriticalExtension => self.critical_extension(),
            CertificateError::Revoked => self.revoked(),
            CertificateError::UnknownRevocationStatus => self.unlisted(),
            CertificateError::ExpiredRevocationListContext { time, next_update } => format!(
                "the revocation list (CRL) of its issuer expired {} ago, on {}",
                span(time.as_secs().saturating_sub(next_update.as_secs())),
                date(*next_update)
            ),
            CertificateError::ExpiredRevocationList => {
                "the revocation list (CRL) of its issuer has expired".to_owned()
            }
            CertificateError::BadEncoding => "it is malformed".to_owned(),
            CertificateError::InvalidOcspResponse => format!(
                "the OCSP response that the {} sent with it is not valid",
                self.party
            ),
            CertificateError::ApplicationVerificationFailure => {
                "it is valid, but not accepted".to_owned()
            }
            #[allow(deprecated)]
            CertificateError::UnsupportedSignatureAlgorithm => {
                "it is signed with an algorithm that wirecat does not support".to_owned()
            }
            unknown => format!(
                "it failed verification ({})",
                in_words(&format!("{unknown:?}"))
            ),
        }
    }

    fn expired(&self, now: UnixTime, not_after: UnixTime) -> String {
        let place = self
            .find(|certificate| certificate.validity().not_after.timestamp() == seconds(not_after));
        format!(
            "{} expired {} ago, on {}",
            self.name(place),
            span(now.as_secs().saturating_sub(not_after.as_secs())),
            date(not_after)
        )
    }

    fn not_valid_yet(&self, now: UnixTime, not_before: UnixTime) -> String {
        let place = self.find(|certificate| {
            certificate.validity().not_before.timestamp() == seconds(not_before)
        });
        format!(
            "{} is not valid until {}, for another {}",
            self.name(place),
            date(not_before),
            span(not_before.as_secs().saturating_sub(now.as_secs()))
        )
    }

    /// webpki does not report which certificate a revocation list names.
    fn revoked(&self) -> String {
        match self.path.len() {
            0 | 1 => "it has been revoked".to_owned(),
            _ => "it, or the certificate of an issuer in its chain, has been revoked".to_owned(),
        }
    }

    fn unlisted(&self) -> String {
        let issuers: Vec<String> = self
            .path
            .iter()
            .map(|certificate| format!("'{}'", certificate.issuer()))
            .collect();
        match issuers.is_empty() {
            true => "it is not known whether it has been revoked".to_owned(),
            false => format!(
                "it is not known whether it has been revoked: --crlfile lacks a list of {}",
                issuers.join(" or ")
            ),
        }
    }

    fn wrong_purpose(&self, presented: &[ExtendedKeyPurpose]) -> String {
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

    /// Why the server's signature of the handshake is not accepted, although its certificate was.
    pub(super) fn handshake_fault(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::BadSignature => match self.path.first().and_then(short_key) {
                Some(bits) => format!("its key is {}", too_short(bits)),
                None => format!("the {} signed the handshake with another key", self.party),
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
            return "it is not signed by a trusted authority".to_owned();
        };
        if self.is_self_signed() {
            return SELF_SIGNED.to_owned();
        }
        let issuer = last.issuer();
        let party = self.party;
        match (self.path.len(), self.others) {
            _ if last.subject() == issuer => {
                format!("its chain ends in '{issuer}', which is self-signed and not trusted here")
            }
            (1, 0) => format!(
                "its issuer '{issuer}' is not trusted here, and the {party} sent no intermediate certificate"
            ),
            (1, 1) => format!(
                "its issuer '{issuer}' is not trusted here, and the other certificate that the {party} sent is not that issuer's"
            ),
            (1, others) => format!(
                "its issuer '{issuer}' is not trusted here, and none of the {others} other certificates that the {party} sent is that issuer's"
            ),
            _ => format!("its chain ends in '{issuer}', which is not trusted here"),
        }
    }

    /// webpki reports a validity that ends before it begins as expired, without a date.
    fn never_valid(&self) -> String {
        let reversed = self.path.iter().position(|certificate| {
            certificate.validity().not_before > certificate.validity().not_after
        });
        match reversed {
            Some(place) => format!(
                "{} is never valid: its validity ends on {}, before it begins",
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
                "it is not for {host}: it names no server (no subjectAltName; the common name does not count)"
            );
        }
        format!("it is not for {host}, but for {}", listed(&names))
    }

    /// rustls reports a signature by a key that is too short as wrong.
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

    /// Errors of webpki that rustls has no name for.
    fn path_fault(&self, error: &Path) -> String {
        #[allow(deprecated)]
        match error {
            // webpki rejects an authority before it checks the signature.
            Path::CaUsedAsEndEntity if self.is_self_signed() => SELF_SIGNED.to_owned(),
            Path::CaUsedAsEndEntity => {
                "it is the certificate of an authority (CA:TRUE), not of a server".to_owned()
            }
            Path::EndEntityUsedAsCa => {
                let wrong = self.path.iter().skip(1).find(|issuer| !issuer.is_ca());
                let issuer =
                    wrong.map_or_else(String::new, |issuer| format!(" '{}'", issuer.subject()));
                format!(
                    "its issuer{issuer} is not an authority (CA:FALSE), so it may not sign certificates"
                )
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
                        format!(
                            "{name} is of X.509 version {number}, and only version 3 is accepted"
                        )
                    }
                    None => format!("{name} is not of X.509 version 3"),
                }
            }
            Path::EmptyEkuExtension => "it allows no purpose".to_owned(),
            Path::CertDistrusted => "it is distrusted".to_owned(),
            Path::SignatureAlgorithmMismatch => {
                "it names one signature algorithm inside and another outside".to_owned()
            }
            Path::MaximumNameConstraintComparisonsExceeded
            | Path::MaximumPathBuildCallsExceeded
            | Path::MaximumPathDepthExceeded
            | Path::MaximumSignatureChecksExceeded => {
                "its chain is too long or too complex to verify".to_owned()
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
                "it, or a certificate in its chain, is malformed ({})",
                in_words(&leading_identifier(error))
            ),
            other => format!(
                "it failed verification ({})",
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
            return "its issuer is not allowed to sign for its names".to_owned();
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
            // The authorities between this one and the server's certificate.
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

    /// Additional advice for some failures.
    pub(super) fn advice(&self, reason: &CertificateError) -> Vec<String> {
        let mut advice = Vec::new();
        match reason {
            CertificateError::UnknownIssuer if self.path.len() == 1 && !self.is_self_signed() => {
                advice.push(format!(
                    "if '{}' is an intermediate authority, the server must send its certificate too (the full chain)",
                    self.path[0].issuer()
                ));
            }
            CertificateError::NotValidYetContext { time, .. } => advice.push(format!(
                "check the system clock, which says {}",
                date(*time)
            )),
            _ => {}
        }
        advice
    }
}

const SELF_SIGNED: &str = "it is self-signed";

/// Critical extensions that webpki handles (RFC 5280 section 4.2.1).
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
    format!("too short: RSA with {bits} bits, and {MIN_RSA_BITS} is the minimum")
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

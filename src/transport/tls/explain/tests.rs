//! Checks that no error is shown as a Rust value.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::KeyExchangeAlgorithm;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ContentType, EncryptedClientHelloError, ExtendedKeyPurpose, HandshakeType,
    OtherError,
};
use url::Host;
use webpki::{
    Error as Path, InvalidNameContext, KeyUsage, RequiredEkuNotFoundContext,
    UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext,
};

use super::alerts::alert_meaning;
use super::names::{ip_text, listed, span};
use super::*;

/// Fails for text that looks like the `Debug` form of a Rust value.
#[track_caller]
fn reads_as_a_sentence(text: &str) {
    const NAMES: &[&str] = &["ClientHello", "KiB", "TLSv1", "subjectAltName"];
    let camel = |word: &str| {
        let pairs = word.chars().zip(word.chars().skip(1));
        pairs
            .into_iter()
            .any(|(a, b)| a.is_lowercase() && b.is_uppercase())
    };
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        assert!(NAMES.contains(&word) || !camel(word), "{text}");
    }
    assert!(!text.contains(['{', '}', '[', ']', '"']), "{text}");
    assert!(!text.contains("::") && !text.trim().is_empty(), "{text}");
    let calls = text
        .match_indices('(')
        .any(|(at, _)| at == 0 || !text[..at].ends_with(' '));
    assert!(!calls, "{text}");
}

fn misbehaviours() -> Vec<PeerMisbehaved> {
    use PeerMisbehaved as E;
    vec![
        E::AttemptedDowngradeToTls12WhenTls13IsSupported,
        E::BadCertChainExtensions,
        E::CipherSuiteDifferedOnRetry,
        E::DisallowedEncryptedExtension,
        E::DuplicateClientHelloExtensions,
        E::DuplicateEncryptedExtensions,
        E::DuplicateHelloRetryRequestExtensions,
        E::DuplicateNewSessionTicketExtensions,
        E::DuplicateServerHelloExtensions,
        E::DuplicateServerNameTypes,
        E::EarlyDataAttemptedInSecondClientHello,
        E::EarlyDataExtensionWithoutResumption,
        E::EarlyDataOfferedWithVariedCipherSuite,
        E::EchAcceptanceVariedAfterRetry,
        E::HandshakeHashVariedAfterRetry,
        E::IllegalHelloRetryRequestWithEmptyCookie,
        E::IllegalHelloRetryRequestWithNoChanges,
        E::IllegalHelloRetryRequestWithOfferedGroup,
        E::IllegalHelloRetryRequestWithUnofferedCipherSuite,
        E::IllegalHelloRetryRequestWithUnofferedNamedGroup,
        E::IllegalHelloRetryRequestWithUnsupportedVersion,
        E::IllegalHelloRetryRequestWithWrongSessionId,
        E::IllegalHelloRetryRequestWithInvalidEch,
        E::IllegalMiddleboxChangeCipherSpec,
        E::IllegalTlsInnerPlaintext,
        E::IncorrectBinder,
        E::InvalidCertCompression,
        E::InvalidMaxEarlyDataSize,
        E::InvalidKeyShare,
        E::KeyEpochWithPendingFragment,
        E::KeyUpdateReceivedInQuicConnection,
        E::MessageInterleavedWithHandshakeMessage,
        E::MissingBinderInPskExtension,
        E::MissingKeyShare,
        E::MissingPskExtensionInSecondClientHello,
        E::MissingPskModesExtension,
        E::MissingQuicTransportParameters,
        E::OfferedDuplicateCertificateCompressions,
        E::OfferedDuplicateKeyShares,
        E::OfferedEarlyDataWithOldProtocolVersion,
        E::OfferedEmptyApplicationProtocol,
        E::OfferedIncorrectCompressions,
        E::PskExtensionMustBeLast,
        E::PskExtensionWithMismatchedIdsAndBinders,
        E::RefusedToFollowHelloRetryRequest,
        E::RejectedEarlyDataInterleavedWithHandshakeMessage,
        E::ResumptionAttemptedWithVariedEms,
        E::ResumptionOfferedWithVariedCipherSuite,
        E::ResumptionOfferedWithVariedEms,
        E::ResumptionOfferedWithIncompatibleCipherSuite,
        E::SelectedDifferentCipherSuiteAfterRetry,
        E::SelectedInvalidPsk,
        E::SelectedTls12UsingTls13VersionExtension,
        E::SelectedUnofferedApplicationProtocol,
        E::SelectedUnofferedCertCompression,
        E::SelectedUnofferedCipherSuite,
        E::SelectedUnofferedCompression,
        E::SelectedUnofferedKxGroup,
        E::SelectedUnofferedPsk,
        E::SelectedUnusableCipherSuiteForVersion,
        E::ServerEchoedCompatibilitySessionId,
        E::ServerHelloMustOfferUncompressedEcPoints,
        E::ServerNameDifferedOnRetry,
        E::ServerNameMustContainOneHostName,
        E::SignedKxWithWrongAlgorithm,
        E::SignedHandshakeWithUnadvertisedSigScheme,
        E::TooManyEmptyFragments,
        E::TooManyKeyUpdateRequests,
        E::TooManyRenegotiationRequests,
        E::TooManyWarningAlertsReceived,
        E::TooMuchEarlyDataReceived,
        E::UnexpectedCleartextExtension,
        E::UnsolicitedCertExtension,
        E::UnsolicitedEncryptedExtension,
        E::UnsolicitedSctList,
        E::UnsolicitedServerHelloExtension,
        E::WrongGroupForKeyShare,
        E::UnsolicitedEchExtension,
    ]
}

fn incompatibilities() -> Vec<PeerIncompatible> {
    use PeerIncompatible as E;
    vec![
        E::EcPointsExtensionRequired,
        E::ExtendedMasterSecretExtensionRequired,
        E::IncorrectCertificateTypeExtension,
        E::KeyShareExtensionRequired,
        E::NamedGroupsExtensionRequired,
        E::NoCertificateRequestSignatureSchemesInCommon,
        E::NoCipherSuitesInCommon,
        E::NoEcPointFormatsInCommon,
        E::NoKxGroupsInCommon,
        E::NoSignatureSchemesInCommon,
        E::NullCompressionRequired,
        E::ServerDoesNotSupportTls12Or13,
        E::ServerSentHelloRetryRequestWithUnknownExtension,
        E::ServerTlsVersionIsDisabledByOurConfig,
        E::SignatureAlgorithmsExtensionRequired,
        E::SupportedVersionsExtensionRequired,
        E::Tls12NotOffered,
        E::Tls12NotOfferedOrEnabled,
        E::Tls13RequiredForQuic,
        E::UncompressedEcPointsRequired,
        E::UnsolicitedCertificateTypeExtension,
        E::ServerRejectedEncryptedClientHello(None),
    ]
}

fn malformed_messages() -> Vec<InvalidMessage> {
    use InvalidMessage as E;
    vec![
        E::CertificatePayloadTooLarge,
        E::HandshakePayloadTooLarge,
        E::InvalidCcs,
        E::InvalidContentType,
        E::InvalidCertificateStatusType,
        E::InvalidCertRequest,
        E::InvalidDhParams,
        E::InvalidEmptyPayload,
        E::InvalidKeyUpdate,
        E::InvalidServerName,
        E::MessageTooLarge,
        E::MessageTooShort,
        E::MissingData("CertificatePayloadTls13"),
        E::MissingKeyExchange,
        E::NoSignatureSchemes,
        E::TrailingData("CertificatePayloadTls13"),
        E::UnexpectedMessage("CertificatePayloadTls13"),
        E::UnknownProtocolVersion,
        E::UnsupportedCompression,
        E::UnsupportedCurveType,
        E::UnsupportedKeyExchangeAlgorithm(KeyExchangeAlgorithm::DHE),
        E::EmptyTicketValue,
        E::IllegalEmptyList("CertificatePayloadTls13"),
        E::IllegalEmptyValue,
        E::DuplicateExtension(51),
        E::PreSharedKeyIsNotFinalExtension,
        E::UnknownHelloRetryRequestExtension,
        E::UnknownCertificateExtension,
    ]
}

#[allow(deprecated)]
fn path_errors() -> Vec<Path> {
    use Path as E;
    vec![
        E::BadDer,
        E::BadDerTime,
        E::CaUsedAsEndEntity,
        E::CertDistrusted,
        E::CertExpired {
            time: at(5),
            not_after: at(1),
        },
        E::CertNotValidForName(InvalidNameContext {
            expected: name(),
            presented: vec!["a.example".into()],
        }),
        E::CertNotValidYet {
            time: at(5),
            not_before: at(9),
        },
        E::CertRevoked,
        E::CrlExpired {
            time: at(5),
            next_update: at(1),
        },
        E::EmptyEkuExtension,
        E::EndEntityUsedAsCa,
        E::ExtensionValueInvalid,
        E::InvalidCertValidity,
        E::InvalidCrlNumber,
        E::InvalidNetworkMaskConstraint,
        E::InvalidSerialNumber,
        E::InvalidCrlSignatureForPublicKey,
        E::InvalidSignatureForPublicKey,
        E::IssuerNotCrlSigner,
        E::MalformedDnsIdentifier,
        E::MalformedExtensions,
        E::MalformedNameConstraint,
        E::MaximumNameConstraintComparisonsExceeded,
        E::MaximumPathBuildCallsExceeded,
        E::MaximumPathDepthExceeded,
        E::MaximumSignatureChecksExceeded,
        E::NameConstraintViolation,
        E::PathLenConstraintViolated,
        E::RequiredEkuNotFound,
        E::RequiredEkuNotFoundContext(eku()),
        E::SignatureAlgorithmMismatch,
        E::TrailingData(webpki::DerTypeId::BitString),
        E::UnknownIssuer,
        E::UnknownRevocationStatus,
        E::UnsupportedCertVersion,
        E::UnsupportedCriticalExtension,
        E::UnsupportedCrlIssuingDistributionPoint,
        E::UnsupportedCrlVersion,
        E::UnsupportedDeltaCrl,
        E::UnsupportedIndirectCrl,
        E::UnsupportedNameType,
        E::UnsupportedRevocationReason,
        E::UnsupportedRevocationReasonsPartitioning,
        E::UnsupportedCrlSignatureAlgorithm,
        E::UnsupportedCrlSignatureAlgorithmContext(algorithm()),
        E::UnsupportedSignatureAlgorithm,
        E::UnsupportedSignatureAlgorithmContext(algorithm()),
        E::UnsupportedCrlSignatureAlgorithmForPublicKey,
        E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(algorithms()),
        E::UnsupportedSignatureAlgorithmForPublicKey,
        E::UnsupportedSignatureAlgorithmForPublicKeyContext(algorithms()),
    ]
}

#[allow(deprecated)]
fn certificate_errors() -> Vec<CertificateError> {
    use CertificateError as E;
    let (time, not_after, not_before, next_update) = (at(5), at(1), at(9), at(1));
    let signature_algorithm_id = algorithm().signature_algorithm_id;
    let supported_algorithms = Vec::new();
    let public_key_algorithm_id = algorithms().public_key_algorithm_id;
    let presented = vec!["a.example".to_owned()];
    let mut errors = vec![
        E::BadEncoding,
        E::Expired,
        E::ExpiredContext { time, not_after },
        E::NotValidYet,
        E::NotValidYetContext { time, not_before },
        E::Revoked,
        E::UnhandledCriticalExtension,
        E::UnknownIssuer,
        E::UnknownRevocationStatus,
        E::ExpiredRevocationList,
        E::ExpiredRevocationListContext { time, next_update },
        E::BadSignature,
        E::UnsupportedSignatureAlgorithm,
        E::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: signature_algorithm_id.clone(),
            supported_algorithms,
        },
        E::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id,
        },
        E::NotValidForName,
        E::NotValidForNameContext {
            expected: name(),
            presented,
        },
        E::InvalidPurpose,
        E::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ServerAuth,
            presented: vec![
                ExtendedKeyPurpose::ClientAuth,
                ExtendedKeyPurpose::Other(vec![1, 2, 3]),
            ],
        },
        E::InvalidOcspResponse,
        E::ApplicationVerificationFailure,
        E::Other(OtherError(Arc::new(Future))),
    ];
    errors.extend(
        path_errors()
            .into_iter()
            .map(|error| E::Other(OtherError(Arc::new(error)))),
    );
    errors
}

#[allow(deprecated)]
fn revocation_errors() -> Vec<CertRevocationListError> {
    use CertRevocationListError as E;
    let signature_algorithm_id = algorithm().signature_algorithm_id;
    vec![
        E::BadSignature,
        E::UnsupportedSignatureAlgorithm,
        E::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: signature_algorithm_id.clone(),
            supported_algorithms: Vec::new(),
        },
        E::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id: algorithms().public_key_algorithm_id,
        },
        E::InvalidCrlNumber,
        E::InvalidRevokedCertSerialNumber,
        E::IssuerInvalidForCrl,
        E::Other(OtherError(Arc::new(Future))),
        E::ParseError,
        E::UnsupportedCrlVersion,
        E::UnsupportedCriticalExtension,
        E::UnsupportedDeltaCrl,
        E::UnsupportedIndirectCrl,
        E::UnsupportedRevocationReason,
    ]
}

fn tls_errors() -> Vec<Tls> {
    let mut errors = vec![
        Tls::NoCertificatesPresented,
        Tls::UnsupportedNameType,
        Tls::DecryptError,
        Tls::EncryptError,
        Tls::General("failed to parse RSA private key: KeyRejected(\"InvalidEncoding\")".into()),
        Tls::FailedToGetCurrentTime,
        Tls::FailedToGetRandomBytes,
        Tls::HandshakeNotComplete,
        Tls::PeerSentOversizedRecord,
        Tls::NoApplicationProtocol,
        Tls::BadMaxFragmentSize,
        Tls::InconsistentKeys(InconsistentKeys::KeyMismatch),
        Tls::InconsistentKeys(InconsistentKeys::Unknown),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::InvalidConfigList),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::NoCompatibleConfig),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
        Tls::Other(OtherError(Arc::new(Future))),
    ];
    errors.extend((0..=255).map(|code| Tls::InappropriateMessage {
        expect_types: vec![ContentType::Handshake],
        got_type: ContentType::from(code),
    }));
    errors.extend((0..=255).map(|code| Tls::InappropriateHandshakeMessage {
        expect_types: vec![HandshakeType::ServerHello, HandshakeType::HelloRetryRequest],
        got_type: HandshakeType::from(code),
    }));
    errors.extend((0..=255).map(|code| Tls::AlertReceived(AlertDescription::from(code))));
    errors.extend(misbehaviours().into_iter().map(Tls::PeerMisbehaved));
    errors.extend(incompatibilities().into_iter().map(Tls::PeerIncompatible));
    errors.extend(malformed_messages().into_iter().map(Tls::InvalidMessage));
    errors.extend(
        certificate_errors()
            .into_iter()
            .map(Tls::InvalidCertificate),
    );
    errors.extend(
        revocation_errors()
            .into_iter()
            .map(Tls::InvalidCertRevocationList),
    );
    errors
}

/// An error that a library may add in a later version.
#[derive(Debug)]
struct Future;

impl std::fmt::Display for Future {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(r#"FutureProblem { code: 3, inner: Some(Tls12Thing("x")), list: [a::B, C] }"#)
    }
}

impl std::error::Error for Future {}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("server.example").unwrap()
}

fn eku() -> RequiredEkuNotFoundContext {
    RequiredEkuNotFoundContext {
        required: KeyUsage::server_auth(),
        present: vec![vec![1, 2, 3]],
    }
}

/// SHA-1 and RSA, with its NULL.
fn algorithm() -> UnsupportedSignatureAlgorithmContext {
    UnsupportedSignatureAlgorithmContext {
        signature_algorithm_id: b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00".to_vec(),
        supported_algorithms: Vec::new(),
    }
}

/// Bytes that cannot be parsed.
fn algorithms() -> UnsupportedSignatureAlgorithmForPublicKeyContext {
    UnsupportedSignatureAlgorithmForPublicKeyContext {
        signature_algorithm_id: b"\x06\x09\x2a".to_vec(),
        public_key_algorithm_id: Vec::new(),
    }
}

fn peer<'a>(
    host: &'a Host<String>,
    chain: &'a [CertificateDer<'static>],
    accepted: bool,
) -> Peer<'a> {
    Peer {
        host,
        chain,
        accepted,
        roots: &[],
    }
}

#[test]
fn every_error_of_rustls_and_webpki_is_a_sentence() {
    let host = Host::Domain("server.example".to_owned());
    let garbage = [CertificateDer::from(b"no certificate".to_vec())];
    for error in tls_errors() {
        reads_as_a_sentence(&sentence(&error, &Ours::default()));
        reads_as_a_sentence(&afterwards(&error, &Ours::default()).message);
        for chain in [&[][..], &garbage[..]] {
            for accepted in [false, true] {
                let explained = handshake(&error, &peer(&host, chain, accepted), &Ours::default());
                reads_as_a_sentence(&explained.message);
            }
        }
    }
}

#[test]
fn every_alert_with_a_name_has_a_meaning() {
    for code in 0..=255 {
        let known = AlertDescription::from(code).as_str().is_some();
        assert_eq!(alert_meaning(code).is_some(), known, "{code}");
    }
    let alert = |code| {
        let error = Tls::AlertReceived(AlertDescription::from(code));
        sentence(&error, &Ours::default())
    };
    assert_eq!(
        alert(112),
        "the server sent the alert unrecognized_name: it does not know this host name"
    );
    assert_eq!(
        alert(200),
        "the server sent the alert 200, which has no name"
    );
}

#[test]
fn an_alert_means_what_was_offered_and_asked_for() {
    use crate::transport::tls::options::{Version, Versions};
    let only = Versions {
        min: Version::Tls13,
        max: Version::Tls13,
    };
    let asked = Ours {
        asked: true,
        ..Ours::default()
    };
    let (plain, later) = (
        Ours::default(),
        Ours {
            versions: only,
            ..Ours::default()
        },
    );
    for (code, ours, meaning) in [
        (70, plain, "it speaks neither TLS 1.2 nor TLS 1.3"),
        (70, later, "it speaks no TLS 1.3"),
        (40, plain, "it accepts nothing that wirecat offers"),
        (40, asked, "it requires a client certificate"),
    ] {
        let error = Tls::AlertReceived(AlertDescription::from(code));
        let error = afterwards(&error, &ours);
        assert!(error.message.ends_with(meaning), "{error}");
        assert_eq!(!error.advice.is_empty(), ours.asked, "{error}");
    }
}

#[test]
fn sentences_about_a_proxy_do_not_name_the_server() {
    let host = Host::Domain("the server".to_owned());
    let pem = include_bytes!("../../../../tests/certificates/sha1.pem");
    let chain = [CertificateDer::from_pem_slice(pem).unwrap()];
    let ours = Ours {
        party: Party::Proxy,
        ..Ours::default()
    };
    for error in tls_errors() {
        let explained = handshake(&error, &peer(&host, &chain, false), &ours);
        let (message, advice) = (&explained.message, &explained.advice);
        let names = message.replace("the proxy the server", "");
        assert!(!names.contains("the server"), "{message}");
        let trusts = advice.iter().any(|advice| advice.contains(" --cacert"));
        assert!(!trusts, "{advice:?}");
    }
}

#[test]
fn unknown_errors_are_split_into_words() {
    for (text, words) in [
        ("EndEntityUsedAsCa", "end entity used as CA"),
        ("SelectedUnofferedPsk", "selected unoffered PSK"),
        ("Tls13RequiredForQuic", "TLS 1.3 required for QUIC"),
        ("Other(OtherError(BadThing))", "other other error bad thing"),
        ("Name { field_a: [1, 2] }", "name field a: 1, 2"),
        ("ECHRejected", "ECH rejected"),
        ("plain words, as they are", "plain words, as they are"),
        ("{}", "no reason is given"),
    ] {
        let text = in_words(text);
        assert_eq!(text, words);
        reads_as_a_sentence(&text);
    }
    reads_as_a_sentence(&in_words(&Future.to_string()));
}

#[test]
fn a_key_that_is_too_short_to_sign_the_handshake_is_named() {
    let pem = include_bytes!("../../../../tests/certificates/rsa1024-root.pem");
    let chain = [CertificateDer::from_pem_slice(pem).unwrap()];
    let host = Host::Domain("server.example".to_owned());
    let error = Tls::InvalidCertificate(CertificateError::BadSignature);
    let explained = handshake(&error, &peer(&host, &chain, true), &Ours::default());
    assert_eq!(
        explained.message,
        "the certificate of server.example cannot be used: its key is too short: RSA with 1024 bits, and 2048 is the minimum"
    );
    // Neither trusting the certificate nor skipping verification would help.
    assert_eq!(explained.advice, Vec::<String>::new());
}

#[test]
fn ten_names_are_listed_and_the_others_counted() {
    let names: Vec<String> = (1..=12).map(|n| format!("n{n}")).collect();
    assert_eq!(listed(&names[..1]), "n1");
    assert!(listed(&names[..10]).ends_with("n9, n10"));
    assert!(listed(&names).ends_with("n9, n10 and 2 more"));
}

#[test]
fn an_address_may_have_a_mask() {
    for (bytes, text) in [
        (&[10, 0, 0, 1][..], "10.0.0.1"),
        (&[10, 0, 0, 0, 255, 0, 0, 0], "10.0.0.0/8"),
        (&[0; 16], "::"),
        (&[0; 32], "::/0"),
        (&[1, 2, 3], "a malformed address"),
        (&[], "a malformed address"),
    ] {
        assert_eq!(ip_text(bytes), text);
    }
}

#[test]
fn durations_are_shown_in_the_largest_unit() {
    for (seconds, text) in [
        (1, "1 second"),
        (90, "90 seconds"),
        (7200, "2 hours"),
        (259_200, "3 days"),
    ] {
        assert_eq!(span(seconds), text);
    }
}

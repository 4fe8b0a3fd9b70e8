//! Alerts of the peer, and what they mean here.

use rustls::AlertDescription;

/// The name of an alert in RFC 8446 section 6 (or the RFC that defines it), and its usual meaning
/// here.
pub(in crate::transport::tls) fn alert_meaning(code: u8) -> Option<(&'static str, &'static str)> {
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
            "it accepts nothing that wirecat offers",
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

/// Whether the peer may not send this alert at another time: it closes, or something in it failed.
pub(super) fn is_transient(alert: AlertDescription) -> bool {
    matches!(u8::from(alert), 0 | 80 | 90)
}

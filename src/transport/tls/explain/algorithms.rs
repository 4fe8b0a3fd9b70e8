//! Names of the signature and key algorithms of certificates, by their object identifiers.

use x509_parser::asn1_rs::{Any, Oid};
use x509_parser::prelude::FromDer;

/// The object identifier at the beginning of an AlgorithmIdentifier; like webpki, without its own
/// tag and length.
pub(super) fn oid_of(algorithm: &[u8]) -> Option<String> {
    let (_, any) = Any::from_der(algorithm).ok()?;
    Some(Oid::try_from(any).ok()?.to_id_string())
}

pub(super) fn signed_with(algorithm: &[u8]) -> String {
    let Some(oid) = oid_of(algorithm) else {
        return "it is signed with an algorithm that wirecat does not support".to_owned();
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
        true => format!("it is signed with {name}, which is no longer secure"),
        false => format!("it is signed with {name}, which wirecat does not support"),
    }
}

/// Signature and key algorithms that occur in certificates; any other is shown by its number.
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

pub(super) fn mismatched(signature: &[u8], key: &[u8]) -> String {
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

//! The content of a certificate for people: its names, addresses and dates.

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Maximum number of a certificate's names that are shown.
const NAMES_SHOWN: usize = 10;

/// The parts of a certificate that people need. All of it comes from the server.
pub(in crate::transport::tls) struct Names {
    pub(in crate::transport::tls) subject: String,
    pub(in crate::transport::tls) issuer: String,
    names: Vec<String>,
    pub(in crate::transport::tls) expires: String,
}

impl Names {
    pub(in crate::transport::tls) fn read(der: &CertificateDer<'_>) -> Option<Names> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Names {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names_of(&certificate),
            expires: date_of(certificate.validity().not_after.timestamp()),
        })
    }

    pub(super) fn valid_for(&self) -> String {
        match self.names.is_empty() {
            true => "no name at all".to_owned(),
            false => listed(&self.names),
        }
    }
}

/// The names that the certificate is for.
pub(super) fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extensions = certificate.extensions().iter();
    let names = extensions.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().map(general_name).collect()
}

/// The first names, and the number of the others.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names.len().min(NAMES_SHOWN);
    let mut text = names[..shown].join(", ");
    if names.len() > shown {
        text.push_str(&format!(" and {} more", names.len() - shown));
    }
    text
}

pub(super) fn general_name(name: &GeneralName<'_>) -> String {
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

/// An address, or, in name constraints, an address and a mask of the same length.
pub(super) fn ip_text(bytes: &[u8]) -> String {
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

pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

pub(super) fn date(time: UnixTime) -> String {
    date_of(seconds(time))
}

/// RFC 3339, in UTC.
pub(super) fn date_of(timestamp: i64) -> String {
    jiff::Timestamp::from_second(timestamp).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}

/// A duration in the largest unit that fits.
pub(super) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

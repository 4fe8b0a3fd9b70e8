//! `--self-signed`: a certificate that is made for one run, and the authority to trust for it. The key of
//! the authority is dropped, so that nobody can issue another certificate with it.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Zoned;
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::error::{Error, Exit, Stage};
use crate::transport::tls::server::ServerCertificate;

/// How long the certificates are good for: some clients refuse one that lasts longer than 825 days.
const DAYS: i64 = 365;

/// The names that a certificate always has.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate, and the authority that clients are told to trust.
pub(super) struct SelfSigned {
    pub(super) certificate: ServerCertificate,
    /// The authority, in PEM form.
    pub(super) authority: String,
}

/// The authority of a server with `--self-signed`, for those who start it.
#[derive(Clone, Debug)]
pub struct Authority {
    /// In PEM form.
    pub pem: String,
    /// The file that it was written to, if one was named.
    pub file: Option<PathBuf>,
}

/// Makes a certificate for this machine and `names`, which may be addresses, good from the day before
/// `today`.
///
/// # Errors
/// Exit 2 for a name that no certificate can have.
pub(super) fn make(names: &[String], today: &Zoned) -> Result<SelfSigned, Error> {
    for name in names {
        if name.parse::<IpAddr>().is_err() && CertificateParams::new([name.clone()]).is_err() {
            return Err(Error::usage(format!(
                "no certificate can have the name '{name}'"
            )));
        }
    }
    build(names, today.date()).map_err(|error| {
        let message = format!("no certificate could be made: {error}");
        Error::new(Stage::Tls, Exit::Tls, message)
    })
}

fn build(names: &[String], today: Date) -> Result<SelfSigned, rcgen::Error> {
    let mut authority = dated(CertificateParams::new([])?, today);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let name = "wirecat serve --self-signed";
    authority.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let root = authority.self_signed(&key)?;
    let issuer = Issuer::new(authority, key);

    let mut all: Vec<String> = LOCAL.map(str::to_owned).to_vec();
    all.extend(names.iter().cloned());
    all.sort();
    all.dedup();
    let mut leaf = dated(CertificateParams::new(all)?, today);
    leaf.distinguished_name
        .push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &issuer)?;
    Ok(SelfSigned {
        certificate: ServerCertificate::Made {
            chain: vec![certificate.der().to_vec()],
            key: key.serialize_der(),
        },
        authority: root.pem(),
    })
}

/// From the day before, because clocks differ.
fn dated(mut params: CertificateParams, today: Date) -> CertificateParams {
    let day = |date: Date| {
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = day(today.yesterday().unwrap_or(today));
    let last = today.checked_add(jiff::Span::new().days(DAYS));
    params.not_after = day(last.unwrap_or(Date::MAX));
    params
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    #[test]
    fn the_certificate_is_for_this_machine_and_the_names_for_a_year() {
        let today: Zoned = "2027-02-01T00:00:00[UTC]".parse().unwrap();
        let names = ["ws.example", "10.0.0.7", "::1"].map(str::to_owned);
        let made = make(&names, &today).unwrap();
        let ServerCertificate::Made { chain, .. } = made.certificate else {
            panic!("it was made");
        };
        let (_, leaf) = X509Certificate::from_der(&chain[0]).unwrap();
        let alternative = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(alternative.value.general_names.len(), 5);
        let validity = leaf.validity();
        let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert_eq!(seconds, 366 * 86_400);
        let (_, pem) = x509_parser::pem::parse_x509_pem(made.authority.as_bytes()).unwrap();
        let root = pem.parse_x509().unwrap();
        assert!(root.is_ca() && !leaf.is_ca());
        assert_eq!(leaf.issuer(), root.subject());
    }

    #[test]
    fn a_name_that_no_certificate_can_have_is_refused() {
        let error = make(&["käse".to_owned()], &Zoned::now()).err().unwrap();
        assert!(error.message.contains("'käse'"), "{}", error.message);
    }
}

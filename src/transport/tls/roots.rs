//! Reads the trusted certificates and the revocation lists: from `--cacert`, `--capath` and
//! `--crlfile`, or the certificates of the system. It blocks.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use super::explain::{self, failed};
use super::options::{Options, Party};
use super::pem;
use crate::error::{Error, Exit, Stage, plain_words};

/// Maximum number of bytes read from a file of certificates, because a device may have no end. All
/// roots of a system take a fiftieth of this.
const MAX_ROOTS: u64 = 16 * 1024 * 1024;

/// The trusted certificates, and the verifier that uses them.
#[derive(Debug)]
pub(super) struct Trust {
    /// `None` if certificates are not verified (`-k`).
    pub(super) webpki: Option<Arc<WebPkiServerVerifier>>,
    /// The trusted certificates.
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Trust {
    /// Reads the certificates that `options` name.
    ///
    /// # Errors
    /// Exit 2 if `--cacert` cannot be read, 60 if there are no certificates to verify a server
    /// with.
    pub(super) fn read(options: &Options) -> Result<Trust, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (webpki, roots) = if options.insecure {
            (None, Vec::new())
        } else {
            let (store, roots) = roots(options)?;
            (Some(verifier(options, store, &provider)?), roots)
        };
        Ok(Trust {
            webpki,
            roots,
            provider,
        })
    }
}

/// The verifier of webpki. With revocation lists, it is as strict as curl with OpenSSL: it checks
/// the whole chain, and a list that is missing or out of date is as bad as a certificate that one
/// names.
fn verifier(
    options: &Options,
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    if let Some(path) = &options.crlfile {
        builder = builder
            .with_crls(revocation_lists(path)?)
            .enforce_revocation_expiration();
    }
    builder
        .build()
        .map_err(|error| match (error, &options.crlfile) {
            (VerifierBuilderError::InvalidCrl(why), Some(path)) => Error::usage(format!(
                "--crlfile {}: a revocation list in it cannot be used: {}",
                path.display(),
                explain::revocation(&why)
            )),
            (error, _) => failed(options.party, explain::in_words(&error.to_string())),
        })
}

fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    let unusable = |why: &str| Error::usage(format!("--crlfile {}: {why}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_ROOTS).read_to_end(&mut bytes));
    read.map_err(|error| unusable(&plain_words(&error)))?;
    let sections = pem::sections(&bytes).into_iter();
    let lists: Option<Vec<_>> = sections
        .filter(|section| section.label == "X509 CRL")
        .map(|section| section.der.map(CertificateRevocationListDer::from))
        .collect();
    match lists {
        Some(lists) if !lists.is_empty() => Ok(lists),
        None => Err(unusable(
            "a revocation list in it is malformed or has no end",
        )),
        Some(_) => {
            let error = unusable("it contains no revocation list in PEM form");
            let command = format!(
                "openssl crl -inform der -in {} -out new.pem",
                path.display()
            );
            Err(match pem::Binary::of(&bytes) {
                Some(_) => error.advice(command),
                None => error,
            })
        }
    }
}

type Roots = (RootCertStore, Vec<CertificateDer<'static>>);

fn roots(options: &Options) -> Result<Roots, Error> {
    let mut certificates = Vec::new();
    if let Some(path) = &options.cacert {
        let option = match options.party {
            Party::Server => "--cacert",
            Party::Proxy => "--proxy-cacert",
        };
        certificates.extend(in_file(option, path)?);
    }
    if let Some(directory) = &options.capath {
        certificates.extend(in_directory(directory)?);
    }
    if certificates.is_empty() {
        certificates = of_system(options);
    }
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates.iter().cloned());
    match added {
        0 => Err(no_roots(options)),
        _ => Ok((store, certificates)),
    }
}

/// The certificates in a file that `option` names.
///
/// # Errors
/// Exit 2
pub(super) fn in_file(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unusable = |why: &str| Error::usage(format!("{option} {}: {why}", path.display()));
    let certificates = certificates(path).map_err(|error| unusable(&pem_error(&error)))?;
    match has_root(&certificates) {
        true => Ok(certificates),
        false => Err(unusable(NO_CERTIFICATE)),
    }
}

/// Every certificate in a directory. OpenSSL looks only at names that are hashes, which `c_rehash`
/// makes; files that contain no certificate, or cannot be read, are passed over as it does.
fn in_directory(directory: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unusable = |why: &str| Error::usage(format!("--capath {}: {why}", directory.display()));
    let entries = std::fs::read_dir(directory).map_err(|error| unusable(&plain_words(&error)))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    // A FIFO would block.
    paths.retain(|path| path.is_file());
    let found = paths.iter().filter_map(|path| certificates(path).ok());
    let found: Vec<_> = found.flatten().collect();
    match has_root(&found) {
        true => Ok(found),
        false => Err(unusable("no file in it contains a certificate in PEM form")),
    }
}

fn certificates(
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    let file = File::open(path).map_err(rustls::pki_types::pem::Error::Io)?;
    let file = BufReader::new(file.take(MAX_ROOTS));
    CertificateDer::pem_reader_iter(file).collect()
}

fn has_root(certificates: &[CertificateDer<'static>]) -> bool {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates.iter().cloned());
    added > 0
}

fn of_system(options: &Options) -> Vec<CertificateDer<'static>> {
    let (file, dir) = (&options.cert_file, &options.cert_dir);
    if file.is_none() && dir.is_none() {
        return rustls_native_certs::load_native_certs().certs;
    }
    let mut found = rustls_native_certs::load_certs_from_paths(None, dir.as_deref()).certs;
    found.extend(file.iter().flat_map(|path| well_formed(path)));
    found
}

/// The certificates in a file but those that are malformed, as OpenSSL takes them.
fn well_formed(path: &Path) -> Vec<CertificateDer<'static>> {
    use rustls::pki_types::pem::Error as Pem;
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let file = BufReader::new(file.take(MAX_ROOTS));
    let found = CertificateDer::pem_reader_iter(file);
    // A file that cannot be read fails at every attempt.
    let readable = found.take_while(|it| !matches!(it, Err(Pem::Io(_))));
    readable.filter_map(Result::ok).collect()
}

fn no_roots(options: &Options) -> Error {
    let party = options.party;
    let variables = [
        ("SSL_CERT_FILE", &options.cert_file),
        ("SSL_CERT_DIR", &options.cert_dir),
    ];
    let named = variables.iter().filter_map(|(name, path)| {
        let path = path.as_ref()?.display();
        Some(format!("{name} {path}"))
    });
    let message = match named.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => {
            format!("this system has no root certificates to verify the {party} with")
        }
        named => format!("{named}: no root certificates there to verify the {party} with"),
    };
    let error = Error::new(Stage::Tls, Exit::Untrusted, message);
    error.advice(match party {
        Party::Server => {
            "install them (package ca-certificates), name a file with --cacert, or use -k to skip verification"
        }
        Party::Proxy => {
            "install them (package ca-certificates), name a file with --proxy-cacert, or use --proxy-insecure to skip verification"
        }
    })
}

const NO_CERTIFICATE: &str = "it contains no certificate in PEM form";

fn pem_error(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error as Pem;
    match error {
        Pem::Io(error) => plain_words(error),
        Pem::NoItemsFound => NO_CERTIFICATE.to_owned(),
        Pem::MissingSectionEnd { .. } => "the end of a PEM section is missing".to_owned(),
        Pem::IllegalSectionStart { .. } => "the beginning of a PEM section is malformed".to_owned(),
        Pem::Base64Decode(_) => "the content of a PEM section is not base64".to_owned(),
        Pem::SectionTooLarge => "a PEM section is too large".to_owned(),
        other => explain::in_words(&other.to_string()),
    }
}

//! Reads the trusted certificates: from `--cacert`, or those of the system. It blocks.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::explain::{self, failed};
use crate::error::{Error, Exit, Stage, plain_words};

/// Maximum number of bytes read from the file of `--cacert`, because a device may have no end. All
/// roots of a system take a fiftieth of this.
const MAX_ROOTS: u64 = 16 * 1024 * 1024;

/// Which certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-k`: accept any certificate.
    pub insecure: bool,
    /// `--cacert`: these roots instead of the system's.
    pub cacert: Option<PathBuf>,
    /// `SSL_CERT_FILE`, in place of the system's roots.
    pub cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`, in place of the system's roots.
    pub cert_dir: Option<PathBuf>,
}

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
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider));
            let webpki = builder
                .build()
                .map_err(|error| failed(explain::in_words(&error.to_string())))?;
            (Some(webpki), roots)
        };
        Ok(Trust {
            webpki,
            roots,
            provider,
        })
    }
}

type Roots = (RootCertStore, Vec<CertificateDer<'static>>);

fn roots(options: &Options) -> Result<Roots, Error> {
    let mut store = RootCertStore::empty();
    let certificates = match &options.cacert {
        Some(path) => {
            let unusable =
                |why: String| Error::usage(format!("--cacert {}: {why}", path.display()));
            let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
            let file = BufReader::new(file.take(MAX_ROOTS));
            let certificates = CertificateDer::pem_reader_iter(file)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(pem_error(&error)))?;
            let (added, _) = store.add_parsable_certificates(certificates.iter().cloned());
            if added == 0 {
                return Err(unusable(
                    "it contains no certificate in PEM form".to_owned(),
                ));
            }
            certificates
        }
        None => {
            let found = match (&options.cert_file, &options.cert_dir) {
                (None, None) => rustls_native_certs::load_native_certs(),
                (file, dir) => {
                    rustls_native_certs::load_certs_from_paths(file.as_deref(), dir.as_deref())
                }
            };
            let (added, _) = store.add_parsable_certificates(found.certs.iter().cloned());
            if added == 0 {
                return Err(Error::new(
                    Stage::Tls,
                    Exit::Untrusted,
                    "this system has no root certificates to verify the server with",
                )
                .advice("install them (package ca-certificates), name a file with --cacert, or use -k to skip verification"));
            }
            found.certs
        }
    };
    Ok((store, certificates))
}

fn pem_error(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error as Pem;
    match error {
        Pem::Io(error) => plain_words(error),
        Pem::NoItemsFound => "it contains no certificate in PEM form".to_owned(),
        Pem::MissingSectionEnd { .. } => "the end of a PEM section is missing".to_owned(),
        Pem::IllegalSectionStart { .. } => "the beginning of a PEM section is malformed".to_owned(),
        Pem::Base64Decode(_) => "the content of a PEM section is not base64".to_owned(),
        Pem::SectionTooLarge => "a PEM section is too large".to_owned(),
        other => explain::in_words(&other.to_string()),
    }
}

//! The client certificate and its private key: `--cert`, `--key` and `--pass`. It blocks. What it
//! reads is checked before any connection is made, and no key is ever printed.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as Tls, InconsistentKeys};

use super::options::ClientCertificate;
use super::pem::{self, Binary, Section};
use super::private_key::{self, Fault, PrivateKey};
use crate::error::{Error, Exit, Stage, plain_words};
use crate::secret::Secret;

/// Maximum size of a file with a certificate or key, because a device may have no end.
const MAX_SIZE: u64 = 1024 * 1024;

/// A client certificate with its key, as it can be presented to a server.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// The name of the file with the certificate.
    pub(super) file: String,
}

/// A client certificate whose key waits for its passphrase.
#[derive(Clone)]
pub(super) struct Locked {
    chain: Vec<CertificateDer<'static>>,
    file: String,
    key_option: &'static str,
    key_file: String,
    encrypted: Vec<u8>,
}

/// Without the bytes of the key.
impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locked({})", self.key_file)
    }
}

/// What the files contained.
#[derive(Debug)]
pub(super) enum Credential {
    Ready(Identity),
    Locked(Locked),
}

impl Credential {
    /// Reads the files that `options` name.
    ///
    /// # Errors
    /// Exit 58.
    pub(super) fn read(
        options: &ClientCertificate,
        provider: &CryptoProvider,
    ) -> Result<Credential, Error> {
        let file = options.file.display().to_string();
        let bytes = read(&options.file).map_err(|fault| unusable(CERT, &file, fault))?;
        let sections = pem::sections(&bytes);
        let chain = chain(&bytes, &sections).map_err(|fault| unusable(CERT, &file, fault))?;
        let (key_option, key_file) = match &options.key {
            Some(path) => (KEY, path.display().to_string()),
            None => (CERT, file.clone()),
        };
        let key = match &options.key {
            // It may be a pipe, which can be read only once.
            Some(path) if *path != options.file => {
                read(path).and_then(|bytes| key(&bytes, &pem::sections(&bytes)))
            }
            _ => key(&bytes, &sections),
        };
        let key = key.map_err(|fault| unusable(key_option, &key_file, fault))?;
        let encrypted = match key {
            PrivateKey::Plain(key) => {
                let identity = certify(chain, file, key, (key_option, &key_file), provider)?;
                return Ok(Credential::Ready(identity));
            }
            PrivateKey::Encrypted(encrypted) => encrypted,
        };
        let locked = Locked {
            chain,
            file,
            key_option,
            key_file,
            encrypted,
        };
        match &options.passphrase {
            Some(passphrase) => locked.unlock(passphrase, provider).map(Credential::Ready),
            None => Ok(Credential::Locked(locked)),
        }
    }
}

impl Locked {
    /// What to ask the user for.
    pub(super) fn question(&self) -> String {
        format!("Password for {}: ", self.key_file)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    /// Exit 58.
    pub(super) fn unlock(
        &self,
        passphrase: &Secret,
        provider: &CryptoProvider,
    ) -> Result<Identity, Error> {
        let place = (self.key_option, self.key_file.as_str());
        let key = private_key::decrypt(&self.encrypted, passphrase.expose())
            .map_err(|fault| unusable(place.0, place.1, fault))?;
        certify(self.chain.clone(), self.file.clone(), key, place, provider)
    }

    /// The error for a key that nobody has given the passphrase of.
    pub(super) fn no_passphrase(&self) -> Error {
        let fault = Fault::new("its key is encrypted, and there is no password");
        unusable(self.key_option, &self.key_file, fault).advice("--pass PASSWORD")
    }
}

const CERT: &str = "--cert";
const KEY: &str = "--key";

/// The error for a file that cannot be used: exit 58.
fn unusable(option: &str, file: &str, fault: Fault) -> Error {
    let message = format!("{option} {file}: {}", fault.why);
    let error = Error::new(Stage::Tls, Exit::OwnCertificate, message);
    match fault.advice {
        Some(advice) => error.advice(advice.replace("FILE", file)),
        None => error,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes));
    read.map_err(|error| Fault::new(plain_words(&error)))?;
    match bytes.len() as u64 > MAX_SIZE {
        true => Err(Fault::new("it is larger than 1 MiB")),
        false => Ok(bytes),
    }
}

/// The certificate, and those of its issuers.
fn chain(file: &[u8], sections: &[Section]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let certificates = sections
        .iter()
        .filter(|section| section.label == "CERTIFICATE" || section.label == "X509 CERTIFICATE");
    let chain: Option<Vec<_>> = certificates
        .map(|section| section.der.clone().map(CertificateDer::from))
        .collect();
    match chain {
        Some(chain) if !chain.is_empty() => Ok(chain),
        None => Err(Fault::new("a certificate in it is malformed or has no end")),
        Some(_) => Err(not_pem(
            file,
            "it contains no certificate in PEM form",
            "openssl x509 -inform der -in FILE -out new.pem, and --cert new.pem",
        )),
    }
}

fn key(file: &[u8], sections: &[Section]) -> Result<PrivateKey, Fault> {
    private_key::find(sections).unwrap_or_else(|| {
        let missing = "it contains no private key in PEM form";
        Err(match sections.is_empty() {
            true => not_pem(
                file,
                missing,
                "openssl pkey -inform der -in FILE -out new.pem, and --key new.pem",
            ),
            false => Fault::new(missing).advice("--key names the file with the key"),
        })
    })
}

/// The fault of a file without what is wanted in PEM form; `convert` is for one in DER form.
fn not_pem(file: &[u8], missing: &str, convert: &str) -> Fault {
    match Binary::of(file) {
        Some(Binary::Pkcs12) => Fault::new("it is a PKCS#12 file, and wirecat reads PEM")
            .advice("openssl pkcs12 -in FILE -out new.pem, and --cert new.pem"),
        Some(Binary::Der) => Fault::new("it is in DER form, and wirecat reads PEM").advice(convert),
        None => Fault::new(missing),
    }
}

/// Puts certificate and key together.
fn certify(
    chain: Vec<CertificateDer<'static>>,
    file: String,
    key: PrivateKeyDer<'static>,
    (key_option, key_file): (&str, &str),
    provider: &CryptoProvider,
) -> Result<Identity, Error> {
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        let why = "its key is malformed, or of a kind that is not supported (RSA from 2048 bits, ECDSA with P-256, P-384 or P-521, and Ed25519 are)";
        unusable(key_option, key_file, Fault::new(why))
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Tls::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Tls::InconsistentKeys(_)) => {
            let why = match key_option {
                KEY => format!("its key does not belong to the certificate in {file}"),
                _ => "its key does not belong to its first certificate".to_owned(),
            };
            return Err(unusable(key_option, key_file, Fault::new(why)));
        }
        Err(_) => {
            return Err(unusable(
                CERT,
                &file,
                Fault::new("its certificate is malformed"),
            ));
        }
    }
    Ok(Identity {
        certified: Arc::new(certified),
        file,
    })
}

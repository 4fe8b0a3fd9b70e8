//! The public keys that a server may have (`--pinnedpubkey`): how they are written, and whether the
//! key of a certificate is one of them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};

use super::options::Pins;
use super::pem;
use crate::error::{Error, plain_words};

/// Maximum size of a file with a public key.
const MAX_SIZE: u64 = 1024 * 1024;

const PREFIX: &str = "sha256//";

/// The SHA-256 of a public key.
pub(super) type Hash = [u8; 32];

impl Pins {
    /// Parses the value of `--pinnedpubkey`: hashes, or else the name of a file, as in curl.
    ///
    /// # Errors
    /// Exit 2, for a hash that is not one.
    pub fn parse(text: &str) -> Result<Pins, Error> {
        if !text.starts_with(PREFIX) {
            return Ok(Pins::File(text.into()));
        }
        let hashes = text.split(';').map(|pin| {
            let decoded = pin.strip_prefix(PREFIX).map(|hash| STANDARD.decode(hash));
            let hash = decoded.and_then(Result::ok)?;
            Hash::try_from(hash).ok()
        });
        hashes
            .collect::<Option<_>>()
            .map(Pins::Hashes)
            .ok_or_else(|| {
                let message = format!(
                    "--pinnedpubkey '{text}': a hash is not sha256// and 32 bytes in base64"
                );
                Error::usage(message).advice("sha256//HASH, with ';' before the next one")
            })
    }

    /// The hashes; reads the file.
    ///
    /// # Errors
    /// Exit 2 if there is no public key in the file.
    pub(super) fn read(&self) -> Result<Vec<Hash>, Error> {
        let path = match self {
            Pins::Hashes(hashes) => return Ok(hashes.clone()),
            Pins::File(path) => path,
        };
        let unusable =
            |why: &str| Error::usage(format!("--pinnedpubkey {}: {why}", path.display()));
        let bytes = read(path).map_err(|error| unusable(&plain_words(&error)))?;
        let key = public_key(bytes).ok_or_else(|| {
            unusable("it contains no public key in PEM or DER form")
                .advice("openssl x509 -in server.pem -noout -pubkey writes one")
        })?;
        Ok(vec![Sha256::digest(key).into()])
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The subject public key information in a file.
fn public_key(file: Vec<u8>) -> Option<Vec<u8>> {
    if pem::Binary::of(&file) == Some(pem::Binary::Der) {
        return Some(file);
    }
    let sections = pem::sections(&file).into_iter();
    let mut keys = sections.filter(|section| section.label == "PUBLIC KEY");
    keys.next()?.der
}

/// The hash of a certificate's public key.
///
/// # Errors
/// The certificate is malformed.
pub(super) fn hash_of(certificate: &CertificateDer<'_>) -> Result<Hash, rustls::Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    Ok(Sha256::digest(parsed.subject_public_key_info()).into())
}

/// `sha256//…`, as `--pinnedpubkey` takes it.
pub(super) fn written(hash: &Hash) -> String {
    format!("{PREFIX}{}", STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_and_written_in_the_same_form() {
        let text = [[0; 32], [255; 32]].map(|hash| written(&hash)).join(";");
        let parsed = Pins::parse(&text).unwrap();
        assert_eq!(parsed, Pins::Hashes(vec![[0; 32], [255; 32]]));
        assert_eq!(Pins::parse("a.pem").unwrap(), Pins::File("a.pem".into()));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let good = written(&[1; 32]);
        for bad in [
            "sha256//",
            "sha256//AAAA",
            "sha256//!",
            &format!("{good};"),
            &format!("{good};{}", &good[8..]),
            &format!("{good}; {good}"),
        ] {
            let error = Pins::parse(bad).unwrap_err();
            assert!(error.message.contains(bad), "{error}");
        }
    }
}

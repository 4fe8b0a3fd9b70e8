//! Finds the private key in a PEM file, and decrypts it. Pure.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::pem::Section;

/// A private key in a file.
#[derive(Debug)]
pub(super) enum PrivateKey {
    Plain(PrivateKeyDer<'static>),
    /// An EncryptedPrivateKeyInfo (RFC 5958 section 3).
    Encrypted(Vec<u8>),
}

/// Why a file cannot be used, as a sentence about `it`, and a command that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) why: String,
    /// With `FILE` for the name of the file.
    pub(super) advice: Option<String>,
}

impl Fault {
    pub(super) fn new(why: impl Into<String>) -> Fault {
        Fault {
            why: why.into(),
            advice: None,
        }
    }

    pub(super) fn advice(mut self, advice: &str) -> Fault {
        self.advice = Some(advice.to_owned());
        self
    }
}

/// How to convert a key that wirecat cannot read.
const CONVERT: &str =
    "openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out new.pem, and --key new.pem";

/// The first private key of the sections; `None` if there is none.
pub(super) fn find(sections: &[Section]) -> Option<Result<PrivateKey, Fault>> {
    let mut keys = sections
        .iter()
        .filter(|section| section.label.ends_with("PRIVATE KEY"));
    keys.next().map(read)
}

fn read(section: &Section) -> Result<PrivateKey, Fault> {
    if section.encrypted {
        let why = "its key is encrypted in the traditional form of OpenSSL (Proc-Type: 4,ENCRYPTED), which is weak and not supported";
        return Err(Fault::new(why).advice(CONVERT));
    }
    let Some(der) = section.der.clone() else {
        return Err(Fault::new(format!(
            "its section '{}' is malformed or has no end",
            section.label
        )));
    };
    let plain = match section.label.as_str() {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        "ENCRYPTED PRIVATE KEY" => return Ok(PrivateKey::Encrypted(der)),
        "OPENSSH PRIVATE KEY" => {
            let why = "its key is in the form of OpenSSH, which is not supported";
            return Err(Fault::new(why).advice("ssh-keygen -p -m PKCS8 -f a copy of FILE"));
        }
        other => {
            return Err(Fault::new(format!(
                "it contains a key of an unknown kind ({other})"
            )));
        }
    };
    Ok(PrivateKey::Plain(plain))
}

/// Decrypts a key (RFC 8018: PBES2 with PBKDF2 or scrypt, and AES). It takes a while, as it is
/// meant to.
pub(super) fn decrypt(encrypted: &[u8], passphrase: &str) -> Result<PrivateKeyDer<'static>, Fault> {
    use pkcs8::Error as Pkcs8;
    use pkcs8::pkcs5::Error as Pkcs5;
    let unsupported = || {
        let why =
            "its key is encrypted with an algorithm that is not supported (PBES2 with AES is)";
        Fault::new(why).advice(CONVERT)
    };
    let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(encrypted).map_err(|_| unsupported())?;
    match info.decrypt(passphrase) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(Pkcs8::EncryptedPrivateKey(
            Pkcs5::UnsupportedAlgorithm { .. }
            | Pkcs5::NoPbes1CryptSupport
            | Pkcs5::AlgorithmParametersInvalid { .. },
        )) => Err(unsupported()),
        // A wrong one gives bytes that rarely end like a padded block, and are never a key.
        Err(_) => Err(Fault::new("the password does not fit its key")),
    }
}

//! What the debug server needs for TLS, read or made when it starts.

use std::path::PathBuf;

use jiff::Zoned;

use super::self_signed::{self, Authority};
use crate::error::{Error, plain_words};
use crate::transport::tls::ClientCertificate;
use crate::transport::tls::server::{Acceptor, ServerCertificate};

/// The options of TLS.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    pub certificate: Certificate,
    /// `--client-ca`: clients need a certificate that one of this file has issued.
    pub client_ca: Option<PathBuf>,
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// `--cert`, `--key` and `--pass`.
    Files(ClientCertificate),
    /// `--self-signed`
    SelfSigned {
        /// The names and addresses it is for, besides those of this machine.
        names: Vec<String>,
        /// `--ca-file`: where to write the authority.
        ca_file: Option<PathBuf>,
    },
}

/// TLS as the server uses it, and the authority that clients are to trust, if it was made.
pub type Prepared = (Acceptor, Option<Authority>);

/// Reads or makes everything.
///
/// # Errors
/// Exit 58 for a certificate or key that cannot be used, 2 for the other files.
pub fn prepare(options: &TlsOptions) -> Result<Prepared, Error> {
    let client_ca = options.client_ca.as_ref();
    let (names, ca_file) = match &options.certificate {
        Certificate::Files(files) => {
            let files = ServerCertificate::Files(files.clone());
            return Ok((Acceptor::new(&files, client_ca)?, None));
        }
        Certificate::SelfSigned { names, ca_file } => (names, ca_file),
    };
    let made = self_signed::make(names, &Zoned::now())?;
    let acceptor = Acceptor::new(&made.certificate, client_ca)?;
    if let Some(path) = ca_file {
        std::fs::write(path, &made.authority).map_err(|error| {
            let why = plain_words(&error);
            Error::usage(format!("--ca-file {}: {why}", path.display()))
        })?;
    }
    let (pem, file) = (made.authority, ca_file.clone());
    Ok((acceptor, Some(Authority { pem, file })))
}

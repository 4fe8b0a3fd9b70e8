//! The options of TLS.

use std::path::{Path, PathBuf};

use crate::cli::args::TlsArgs;
use crate::cli::args::tls::file_and_password;
use crate::cli::world::World;
use crate::error::Error;
use crate::secret::{Redactor, Secret};
use crate::transport::tls::{ClientCertificate, Options, Party, Pins, Version, Versions};

pub(super) fn options(
    args: &TlsArgs,
    world: &World,
    redactor: &Redactor,
) -> Result<Options, Error> {
    let variable = |name| world.variable(name).map(PathBuf::from);
    let client_certificate = client_certificate(args);
    if let Some(passphrase) = client_certificate
        .as_ref()
        .and_then(|certificate| certificate.passphrase.as_ref())
    {
        redactor.add_given(passphrase.expose());
    }
    Ok(Options {
        party: Party::Server,
        insecure: args.insecure,
        cacert: args.cacert.clone(),
        capath: args.capath.clone(),
        cert_file: variable("SSL_CERT_FILE"),
        cert_dir: variable("SSL_CERT_DIR"),
        crlfile: args.crlfile.clone(),
        client_certificate,
        versions: versions(args)?,
        pins: args.pinnedpubkey.as_deref().map(Pins::parse).transpose()?,
        key_log: variable("SSLKEYLOGFILE"),
    })
}

fn versions(args: &TlsArgs) -> Result<Versions, Error> {
    let min = match args.tlsv1_3 {
        true => Version::Tls13,
        false => Version::Tls12,
    };
    let max = args.tls_max.unwrap_or(Version::Tls13);
    match min <= max {
        true => Ok(Versions { min, max }),
        false => Err(Error::usage(format!(
            "--tlsv{min} and --tls-max {max} leave no version of TLS"
        ))),
    }
}

fn client_certificate(args: &TlsArgs) -> Option<ClientCertificate> {
    let typed = args.cert.as_deref()?;
    Some(certificate(typed, args.key.as_ref(), args.pass.as_ref()))
}

/// The files of `--cert` and `--key`, with the password of `--pass` or of `--cert` itself.
pub(super) fn certificate(
    typed: &str,
    key: Option<&PathBuf>,
    pass: Option<&String>,
) -> ClientCertificate {
    let (file, password) = match Path::new(typed).exists() {
        true => (typed.to_owned(), None),
        false => file_and_password(typed),
    };
    ClientCertificate {
        file: file.into(),
        key: key.cloned(),
        passphrase: pass.cloned().or(password).map(Secret::new),
    }
}

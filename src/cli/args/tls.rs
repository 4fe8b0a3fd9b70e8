//! The options of TLS, as typed, and the options of curl that are refused with a reason.

use std::path::PathBuf;

use clap::Args;

use crate::transport::tls::Version;

/// Splits `FILE:PASSWORD` of `--cert` at the first colon that has no backslash before it. A backslash
/// before a backslash or colon is no part of the name, as in curl.
pub fn file_and_password(typed: &str) -> (String, Option<String>) {
    let mut file = String::new();
    let mut chars = typed.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => return (file, Some(chars.as_str().to_owned())),
            '\\' if chars.as_str().starts_with(['\\', ':']) => file.extend(chars.next()),
            c => file.push(c),
        }
    }
    (file, None)
}

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Trust the certificates in the PEM files of this directory, whatever their names, instead of
    /// the system's; with --cacert, trust both
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub capath: Option<PathBuf>,

    /// Authenticate with the client certificate in this PEM file, which may also contain its key
    /// and the certificates of its issuers; '\:' stands for a colon in the name of the file
    #[arg(
        short = 'E',
        long,
        value_name = "FILE[:PASSWORD]",
        hide_short_help = true
    )]
    pub cert: Option<String>,

    /// Private key of the client certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", requires = "cert", hide_short_help = true)]
    pub key: Option<PathBuf>,

    /// Password of the encrypted private key; without one, wirecat asks for it at the terminal
    #[arg(
        long,
        value_name = "PASSWORD",
        requires = "cert",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub pass: Option<String>,

    /// Use TLS 1.2 or later (the default)
    #[arg(long = "tlsv1.2", overrides_with = "tlsv1_3", hide_short_help = true)]
    pub tlsv1_2: bool,

    /// Use TLS 1.3 or later
    #[arg(long = "tlsv1.3", overrides_with = "tlsv1_2", hide_short_help = true)]
    pub tlsv1_3: bool,

    /// Use at most this version of TLS: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", value_parser = version, hide_short_help = true)]
    pub tls_max: Option<Version>,

    /// Accept only a server with this public key, also with -k: 'sha256//HASH' in base64 (several
    /// with ';' between them), or a file with the key in PEM or DER form
    #[arg(long, value_name = "HASHES|FILE", hide_short_help = true)]
    pub pinnedpubkey: Option<String>,

    /// Refuse certificates that the revocation lists in this PEM file name; every certificate of
    /// the chain but the root needs a list of its issuer that is not out of date, as in curl with
    /// OpenSSL
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub crlfile: Option<PathBuf>,
}

/// Why there is no TLS before 1.2.
const OLD: &str = "rustls, the TLS library of wirecat, has only TLS 1.2 and 1.3, because the earlier versions are not secure (RFC 8996)";

/// Why cipher suites cannot be chosen.
const CIPHERS: &str = "wirecat offers the cipher suites of rustls, its TLS library, all of which are secure, and no others can be chosen";

/// Options of curl that wirecat cannot obey, and why. To ignore them would be a lie.
const REFUSED: &[(&str, &str)] = &[
    ("--ciphers", CIPHERS),
    ("--tls13-ciphers", CIPHERS),
    ("--curves", CIPHERS),
    ("--sslv2", OLD),
    ("--sslv3", OLD),
    ("--tlsv1", OLD),
    ("--tlsv1.0", OLD),
    ("--tlsv1.1", OLD),
];

/// Why `option`, written as curl does, is refused.
pub fn refusal(option: &str) -> Option<&'static str> {
    let refused = REFUSED.iter().find(|(name, _)| *name == option);
    refused.map(|(_, why)| *why)
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "1.2" => Ok(Version::Tls12),
        "1.3" | "default" => Ok(Version::Tls13),
        "1.0" | "1.1" => Err(OLD.to_owned()),
        _ => Err("it is 1.2 or 1.3".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_follows_the_first_colon_that_is_not_escaped() {
        for (typed, file, password) in [
            ("a.pem", "a.pem", None),
            ("a.pem:", "a.pem", Some("")),
            ("a.pem:p:w", "a.pem", Some("p:w")),
            (r"a\:b.pem", "a:b.pem", None),
            (r"a\:b.pem:p\:w", "a:b.pem", Some(r"p\:w")),
            (r"a\\b:p", r"a\b", Some("p")),
            (r"a\b", r"a\b", None),
            (r"a\", r"a\", None),
        ] {
            let expected = (file.to_owned(), password.map(str::to_owned));
            assert_eq!(file_and_password(typed), expected, "{typed}");
        }
    }
}

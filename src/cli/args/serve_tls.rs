//! What `wirecat serve` listens on besides its address, and the TLS of a server, as typed.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Unix socket")]
pub struct ServeUnixArgs {
    /// Listen on a Unix socket at this path, and on an address only if one is given; it is removed at
    /// the end, and speaks no TLS
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,

    /// Permissions of the Unix socket, in octal: who may write to it may connect
    #[arg(long, value_name = "MODE", default_value = "600", requires = "unix", value_parser = mode, hide_short_help = true)]
    pub unix_mode: u32,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub struct ServeTlsArgs {
    /// Serve TLS with the certificate in this PEM file, which may also contain its key and the
    /// certificates of its issuers
    #[arg(long, value_name = "FILE[:PASSWORD]", conflicts_with = "self_signed")]
    pub cert: Option<String>,

    /// Private key of the certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Password of the encrypted private key
    #[arg(
        long,
        value_name = "PASSWORD",
        requires = "cert",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub pass: Option<String>,

    /// Serve TLS with a certificate that is made for this run, for localhost and the addresses listened
    /// on; prints the authority that clients are to trust
    #[arg(long)]
    pub self_signed: bool,

    /// Write the authority of --self-signed to this file instead of stderr
    #[arg(long, value_name = "FILE", requires = "self_signed")]
    pub ca_file: Option<PathBuf>,

    /// Admit only clients with a certificate that an authority of this PEM file has issued
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub client_ca: Option<PathBuf>,
}

fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| "it is three octal digits, such as 660".to_owned())
}

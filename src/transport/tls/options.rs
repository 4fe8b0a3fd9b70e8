//! The options of TLS. Pure: no file is read here.

use std::fmt;
use std::path::PathBuf;

use crate::secret::Secret;

/// What TLS does with one kind of peer, and what it reads for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Who the peer is, for messages and their advice.
    pub party: Party,
    /// `-k`: accept any certificate.
    pub insecure: bool,
    /// `--cacert`: these roots instead of the system's.
    pub cacert: Option<PathBuf>,
    /// `--capath`: the roots in this directory instead of the system's.
    pub capath: Option<PathBuf>,
    /// `SSL_CERT_FILE`, in place of the system's roots.
    pub cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`, in place of the system's roots.
    pub cert_dir: Option<PathBuf>,
    /// `--crlfile`: the revocation lists. As in curl with OpenSSL, every certificate of a chain but
    /// the root must be covered by a list of its issuer that is not out of date.
    pub crlfile: Option<PathBuf>,
    /// `--cert`
    pub client_certificate: Option<ClientCertificate>,
    pub versions: Versions,
    /// `--pinnedpubkey`
    pub pins: Option<Pins>,
    /// `SSLKEYLOGFILE`: the file that gets the keys of every session.
    pub key_log: Option<PathBuf>,
}

/// Where the client certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    pub file: PathBuf,
    /// `--key`; without it the key is in `file` too.
    pub key: Option<PathBuf>,
    /// `--pass`; asked for if it is missing and needed.
    pub passphrase: Option<Secret>,
}

/// The public keys that a server may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pins {
    /// SHA-256 of the subject public key information (RFC 7469 section 2.4).
    Hashes(Vec<[u8; 32]>),
    /// A file with the public key itself.
    File(PathBuf),
}

/// The peer of a handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Party {
    #[default]
    Server,
    Proxy,
}

impl Party {
    /// A sentence about the server as one about this peer. It must contain no words of the peer.
    pub(super) fn adapt(self, sentence: String) -> String {
        match self {
            Party::Server => sentence,
            Party::Proxy => sentence.replace("the server", "the proxy"),
        }
    }
}

/// `server`
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Party::Server => "server",
            Party::Proxy => "proxy",
        })
    }
}

/// A version of TLS that rustls has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Tls12,
    Tls13,
}

/// `1.3`
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::Tls12 => "1.2",
            Version::Tls13 => "1.3",
        })
    }
}

/// The versions of TLS that are offered, from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub min: Version,
    pub max: Version,
}

impl Default for Versions {
    fn default() -> Self {
        Versions {
            min: Version::Tls12,
            max: Version::Tls13,
        }
    }
}

impl Versions {
    /// What a peer lacks that speaks none of them: `neither TLS 1.2 nor TLS 1.3`.
    pub(super) fn neither(self) -> String {
        match self.min == self.max {
            true => format!("no TLS {}", self.min),
            false => format!("neither TLS {} nor TLS {}", self.min, self.max),
        }
    }

    /// The same for rustls.
    pub(super) fn supported(self) -> Vec<&'static rustls::SupportedProtocolVersion> {
        let all = [
            (Version::Tls12, &rustls::version::TLS12),
            (Version::Tls13, &rustls::version::TLS13),
        ];
        let offered = all
            .into_iter()
            .filter(|(version, _)| (self.min..=self.max).contains(version));
        offered.map(|(_, version)| version).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_that_are_offered_are_named() {
        use Version::{Tls12, Tls13};
        for (min, max, offered, neither) in [
            (Tls12, Tls13, 2, "neither TLS 1.2 nor TLS 1.3"),
            (Tls12, Tls12, 1, "no TLS 1.2"),
            (Tls13, Tls13, 1, "no TLS 1.3"),
        ] {
            let versions = Versions { min, max };
            assert_eq!(versions.supported().len(), offered);
            assert_eq!(versions.neither(), neither);
        }
    }
}

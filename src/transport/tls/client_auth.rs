//! Our side of the authentication of one handshake: which certificate the server gets if it asks for
//! one, and whether it did ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use super::explain::Ours;
use super::identity::Identity;
use super::options::{Party, Versions};

/// Presents the client certificate, if there is one, and records whether it was asked for.
#[derive(Debug)]
pub(super) struct ClientAuth {
    pub(super) party: Party,
    pub(super) versions: Versions,
    pub(super) identity: Option<Arc<Identity>>,
    asked: AtomicBool,
}

impl ClientAuth {
    pub(super) fn new(party: Party, versions: Versions, identity: Option<Arc<Identity>>) -> Self {
        ClientAuth {
            party,
            versions,
            identity,
            asked: AtomicBool::new(false),
        }
    }

    /// Our side of the handshake, for an error.
    pub(super) fn ours(&self) -> Ours<'_> {
        let certificate = self.identity.as_ref().and_then(|identity| {
            let own = identity.certified.cert.first()?;
            Some((identity.file.as_str(), own))
        });
        Ours {
            party: self.party,
            versions: self.versions,
            certificate,
            asked: self.asked.load(Ordering::Relaxed),
        }
    }
}

impl ResolvesClientCert for ClientAuth {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        let identity = self.identity.as_ref()?;
        Some(Arc::clone(&identity.certified))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

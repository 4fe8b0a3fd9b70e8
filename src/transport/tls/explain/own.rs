//! Sentences about our own certificate: what the peer says of it, and what it is.

use rustls::AlertDescription;
use rustls::pki_types::CertificateDer;

use super::alerts::alert_meaning;
use super::names::Names;
use crate::error::{Error, Exit, Stage};
use crate::transport::tls::options::{Party, Versions};

/// Our side of a handshake, as far as the sentences depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::transport::tls) struct Ours<'a> {
    /// Who the peer is.
    pub(in crate::transport::tls) party: Party,
    /// The versions of TLS that were offered.
    pub(in crate::transport::tls) versions: Versions,
    /// The client certificate, and the file that it comes from.
    pub(in crate::transport::tls) certificate: Option<(&'a str, &'a CertificateDer<'static>)>,
    /// Whether the peer asked for a client certificate.
    pub(in crate::transport::tls) asked: bool,
}

/// Alerts that are about the certificate of the one who receives them (RFC 8446 section 6.2), from
/// `bad_certificate` to `access_denied`, and `decrypt_error`, which is about its signature.
fn is_about_certificate(alert: u8) -> bool {
    matches!(alert, 42..=46 | 48 | 49 | 51)
}

impl Ours<'_> {
    /// What an alert of the peer says, in a sentence about the server.
    pub(super) fn alert_received(&self, alert: AlertDescription) -> String {
        let code = u8::from(alert);
        match alert_meaning(code) {
            // Servers without TLS 1.3 have no other alert for a missing certificate.
            Some((name, _)) if code == 40 && self.lacks_certificate() => {
                format!("the server sent the alert {name}: it requires a client certificate")
            }
            Some((name, _)) if code == 70 => {
                let neither = self.versions.neither();
                format!("the server sent the alert {name}: it speaks {neither}")
            }
            Some((name, meaning)) => format!("the server sent the alert {name}: {meaning}"),
            None => format!("the server sent the alert {code}, which has no name"),
        }
    }

    /// The error for an alert by which the peer refuses the client certificate that it got: exit 58.
    pub(super) fn refused(&self, alert: AlertDescription) -> Option<Error> {
        let code = u8::from(alert);
        if !is_about_certificate(code) {
            return None;
        }
        let (name, meaning) = alert_meaning(code)?;
        self.not_accepted(&format!("{meaning} (alert {name})"))
    }

    /// The error for a connection that the peer ended instead of an answer, after it asked for a
    /// client certificate. `None` if it did not ask.
    pub(in crate::transport::tls) fn cut_off(&self) -> Option<Error> {
        if !self.asked {
            return None;
        }
        let refused = self.not_accepted("it ended the connection after it got it");
        Some(refused.unwrap_or_else(|| {
            let message = format!(
                "TLS failed: the {} ended the connection after it asked for a client certificate",
                self.party
            );
            self.advise(Error::new(Stage::Tls, Exit::Tls, message))
        }))
    }

    fn not_accepted(&self, why: &str) -> Option<Error> {
        let (file, own) = self.certificate.filter(|_| self.asked)?;
        let message = format!(
            "the {} does not accept the client certificate in {file}: {why}",
            self.party
        );
        let error = Error::new(Stage::Tls, Exit::OwnCertificate, message);
        Some(match Names::read(own) {
            Some(names) => error
                .detail(format!("its subject: {}", names.subject))
                .detail(format!("its issuer: {}", names.issuer))
                .detail(format!("it expires: {}", names.expires)),
            None => error,
        })
    }

    /// Whether the peer asked for a client certificate, and there is none.
    fn lacks_certificate(&self) -> bool {
        self.asked && self.certificate.is_none()
    }

    /// Adds what to try where the peer asked for a client certificate that there is not.
    pub(super) fn advise(&self, error: Error) -> Error {
        match self.lacks_certificate() && self.party == Party::Server {
            true => error.advice("-E FILE authenticates with a client certificate"),
            false => error,
        }
    }
}

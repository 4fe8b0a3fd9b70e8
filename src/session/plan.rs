//! The parameters of every attempt of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::auth::cookies::Jar;
use crate::auth::netrc::Netrc;
use crate::auth::sigv4;
use crate::auth::sources::Credentials;
use crate::handshake::versions::Versions;
use crate::handshake::{redirect, request};
use crate::secret::{Redactor, Secret};
use crate::transport::Dialer;
use crate::uri::{Target, UrlSource};

/// The parameters of an attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to connect; a placeholder where there is a `source`.
    pub target: Target,
    /// What gives the URL of each attempt.
    pub source: Option<UrlSource>,
    pub credentials: Credentials,
    /// `--aws-sigv4`
    pub sigv4: Option<sigv4::Options>,
    pub request: request::Options,
    pub redirects: redirect::Options,
    /// `-b NAME=VALUE`, for the server of `target` alone.
    pub cookie: Option<Secret>,
    /// The cookies of files, and those that servers set.
    pub cookies: Jar,
    /// `-c`
    pub cookie_jar: Option<PathBuf>,
    /// `--netrc`
    pub netrc: Option<Netrc>,
    /// The versions of HTTP that the handshake may use.
    pub versions: Versions,
    pub transport: Dialer,
    /// The timeout of name lookup, TCP, proxy, TLS and handshake together.
    pub connect_timeout: Duration,
    pub redactor: Redactor,
    /// What the command of a URL prints on stderr is reported line by line, because the terminal is the
    /// prompt's.
    pub reports_lines: bool,
}

impl Plan {
    /// The plan of one attempt, whose URL the source has given.
    pub fn at(&self, target: Target) -> Plan {
        let is_signed = self.sigv4.as_ref().is_some_and(|it| !it.in_query);
        let user = target.user.as_ref().filter(|_| !is_signed);
        Plan {
            credentials: self.credentials.clone().or_user(user),
            target,
            ..self.clone()
        }
    }

    /// The URL as it may be shown. One that is computed is a secret; its source is shown instead.
    pub fn shown_url(&self) -> String {
        match &self.source {
            Some(source) => source.shown(&self.redactor),
            None => self.target.shown(&self.redactor),
        }
    }

    /// What lines of the prompt's history belong to: the host, or the source of the URL.
    pub fn server(&self) -> String {
        match &self.source {
            Some(source) => source.to_string(),
            None => self.target.host.to_string(),
        }
    }
}

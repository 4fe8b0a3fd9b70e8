//! The parameters of every attempt of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::auth::cookies::Jar;
use crate::auth::netrc::Netrc;
use crate::auth::sources::Credentials;
use crate::handshake::versions::Versions;
use crate::handshake::{redirect, request};
use crate::secret::{Redactor, Secret};
use crate::transport::Dialer;
use crate::uri::Target;

/// The parameters of an attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    pub credentials: Credentials,
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
}

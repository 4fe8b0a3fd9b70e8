//! The request for each URL on the way of redirects: which credentials and cookies go there. Pure.

use std::time::Duration;

use super::plan::Plan;
use crate::auth::placement::ResolvedCredentials;
use crate::auth::sigv4::{Signable, Signature, Signer};
use crate::handshake::redirect::{Redirects, without_credentials};
use crate::handshake::request::{self, HeaderLine, Request};
use crate::secret::{Redactor, Secret};
use crate::uri::Target;

/// The way from the URL of the user, through redirects.
pub(super) struct Way<'a> {
    pub(super) plan: &'a Plan,
    /// The credentials for the server of the user's URL.
    pub(super) credentials: &'a ResolvedCredentials,
    /// What the user asked for.
    pub(super) request: request::Options,
    pub(super) redirects: Redirects<'a>,
    /// What signs the requests to the server of the user's URL.
    pub(super) signer: Option<Signer<'a>>,
}

/// One URL on the way.
pub(super) struct Hop {
    pub(super) target: Target,
    pub(super) request: Request,
    /// The first message after the handshake, with a token.
    pub(super) message: Option<(Secret, String)>,
    /// What stays behind.
    pub(super) note: Option<String>,
}

impl Way<'_> {
    /// The request to the current URL, with this key; `now` is the time since the Unix epoch.
    ///
    /// Another origin than that of the user's URL gets no credentials but those that the netrc file has for
    /// it by name.
    pub(super) fn hop(&self, key: String, now: Duration) -> Hop {
        let foreign = self.redirects.is_foreign();
        let mut options = self.request.clone();
        let mut left_behind = Vec::new();
        let mut credentials = self.credentials.clone();
        if self.redirects.has_left_host() {
            let is_host = |line: &HeaderLine| line.name().eq_ignore_ascii_case("host");
            options.headers.retain(|line| !is_host(line));
        }
        if foreign {
            let (lines, names) = without_credentials(&options.headers, &self.plan.redactor);
            options.headers = lines;
            left_behind = self.credentials_left_behind();
            left_behind.extend(names);
            credentials = ResolvedCredentials::default();
        }
        let target = self.target(&credentials);
        self.add_login(&target, foreign, &mut credentials);
        options.cookies = self.cookies(&target, foreign);
        options.hide_secrets(&self.plan.redactor);
        let mut request = request::build(&target, &options, &credentials, key);
        if let Some(signer) = self.signer.as_ref().filter(|_| !foreign) {
            sign(signer, &mut request, now, &self.plan.redactor);
        }
        Hop {
            request,
            message: credentials.message,
            note: note(&target, &left_behind),
            target,
        }
    }

    /// The current URL. A redirect on the same server may have lost the token in the query.
    fn target(&self, credentials: &ResolvedCredentials) -> Target {
        let target = self.redirects.target.clone();
        match &credentials.parameter {
            Some((name, token))
                if self.redirects.is_redirected() && !target.has_parameter(name) =>
            {
                target.with_parameter(name, token.expose())
            }
            _ => target,
        }
    }

    /// The names of the credentials that do not go to another origin.
    fn credentials_left_behind(&self) -> Vec<String> {
        let given = self.credentials;
        let headers = given.headers.iter().map(|(name, _)| name.clone());
        let mut names: Vec<String> = headers.collect();
        if self.signer.is_some() {
            names.push("the signature of AWS".to_owned());
        }
        if given.parameter.is_some() || given.subprotocol.is_some() || given.message.is_some() {
            names.push("the token".to_owned());
        }
        if self.plan.cookie.is_some() {
            names.push("Cookie".to_owned());
        }
        if self.plan.transport.has_client_certificate() {
            names.push("the client certificate".to_owned());
        }
        names
    }

    /// Adds the login of the netrc file, unless the user gave other credentials.
    fn add_login(&self, target: &Target, foreign: bool, credentials: &mut ResolvedCredentials) {
        let signer = self.signer.as_ref().filter(|_| !foreign);
        if signer.is_some_and(Signer::is_authorization) {
            return;
        }
        let authorizes = |name: &str| name.eq_ignore_ascii_case("authorization");
        let mut given = credentials.headers.iter().map(|(name, _)| name);
        let mut typed = self.request.headers.iter();
        let typed = typed.any(|line| matches!(line, HeaderLine::Set(name, _) if authorizes(name)));
        if given.any(|name| authorizes(name)) || (typed && !foreign) {
            return;
        }
        let netrc = self.plan.netrc.as_ref();
        let host = &target.host.to_string();
        // The default entry is for servers that the user named, and not for any that one of them names.
        let Some(netrc) = netrc.filter(|netrc| !foreign || netrc.names(host)) else {
            return;
        };
        let user = self.plan.target.user.as_ref().filter(|_| !foreign);
        let user = user.map(|user| user.name.as_str());
        if let Some(login) = netrc.find(host, user) {
            let (user, password) = (&login.user, &login.password);
            let basic = ResolvedCredentials::basic(user, password, &self.plan.redactor);
            credentials.headers.extend(basic.headers);
        }
    }

    /// The Cookie header: those of files and servers, then those of `-b`, as in curl.
    fn cookies(&self, target: &Target, foreign: bool) -> Option<String> {
        let kept = self.plan.cookies.header(target);
        let given = self.plan.cookie.as_ref().filter(|_| !foreign);
        let given = given.map(|cookie| cookie.expose().to_owned());
        match (kept, given) {
            (Some(kept), Some(given)) => Some(format!("{kept}; {given}")),
            (kept, given) => kept.or(given),
        }
    }
}

fn sign(signer: &Signer<'_>, request: &mut Request, now: Duration, redactor: &Redactor) {
    let whole = request.path_and_query.as_str();
    let (path, query) = match whole.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (whole, None),
    };
    let headers = &request.headers;
    let signable = Signable {
        path,
        query,
        headers,
    };
    match signer.sign(signable, now, redactor) {
        Signature::Query(query) => request.path_and_query = format!("{path}?{query}"),
        Signature::Headers(added) => {
            let added = added
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            request.headers.extend(added);
        }
    }
}

fn note(target: &Target, left_behind: &[String]) -> Option<String> {
    if left_behind.is_empty() {
        return None;
    }
    let (names, place) = (left_behind.join(", "), target.host_port());
    Some(format!(
        "redirected to {place}, which does not get {names} (--location-trusted sends credentials to every server)"
    ))
}

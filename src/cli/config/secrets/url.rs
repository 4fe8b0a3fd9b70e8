//! Whether a URL holds a secret that is written out: a password, or a parameter of its query. Pure.

use std::fmt;

use crate::uri;

/// A secret in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UrlSecret<'u> {
    Password,
    /// The name of the parameter.
    Parameter(&'u str),
}

impl fmt::Display for UrlSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlSecret::Password => f.write_str("the password"),
            UrlSecret::Parameter(name) => write!(f, "the parameter '{name}'"),
        }
    }
}

/// The first secret of a URL, where `is_written_out` tells a value from a reference.
pub(super) fn secret_in<'u>(
    url: &'u str,
    is_written_out: &dyn Fn(&str) -> bool,
) -> Option<UrlSecret<'u>> {
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let authority = rest.split(['/', '#', '\\']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let password = user.and_then(|user| Some(user.split_once(':')?.1));
    if password.is_some_and(|password| !password.is_empty() && is_written_out(password)) {
        return Some(UrlSecret::Password);
    }
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let secret = pairs.find(|(name, value)| {
        uri::is_secret_parameter(name) && !value.is_empty() && is_written_out(value)
    });
    secret.map(|(name, _)| UrlSecret::Parameter(name))
}

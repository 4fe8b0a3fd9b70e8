//! The token that a request carries, and whether it is one of those that a server expects. Pure. Only
//! digests of the expected ones are kept, and no answer repeats a token.

use std::borrow::Cow;
use std::fmt;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use url::form_urlencoded;

use crate::secret::{Fingerprint, Secret};

/// The `WWW-Authenticate` of a 401 for a request without a token (RFC 6750 §3).
pub const CHALLENGE: &str = "Bearer realm=\"wirecat\"";

/// The same for one whose token is not known.
pub const CHALLENGE_INVALID: &str = "Bearer realm=\"wirecat\", error=\"invalid_token\"";

/// The token of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    None,
    Token(Cow<'a, str>),
    /// The `Authorization` header has something else.
    Other,
}

/// The token in the header of a request, or without that header in the parameter `token` of its query.
pub fn presented<'a>(headers: &'a HeaderMap, query: &'a str) -> Presented<'a> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        return match token_of(value.as_bytes()) {
            Some(token) => Presented::Token(Cow::Borrowed(token)),
            None => Presented::Other,
        };
    }
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    match pairs.find(|(name, _)| name == "token") {
        Some((_, token)) => Presented::Token(token),
        None => Presented::None,
    }
}

/// The token of an `Authorization` header (RFC 6750 §2.1).
fn token_of(value: &[u8]) -> Option<&str> {
    let (scheme, token) = str::from_utf8(value).ok()?.split_once(' ')?;
    Some(token.trim_start()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// The tokens of which a server expects one. Without any, no token is needed.
#[derive(Clone, Default)]
pub struct Expected(Vec<Fingerprint>);

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Missing,
    Unknown,
}

impl Expected {
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a Secret>) -> Self {
        let tokens = tokens.into_iter();
        Expected(
            tokens
                .map(|token| Fingerprint::of(token.expose().as_bytes()))
                .collect(),
        )
    }

    /// Checks the token of a request. All expected ones are compared, whichever is found.
    ///
    /// # Errors
    /// Why it may not be let in.
    pub fn check(&self, headers: &HeaderMap, query: &str) -> Result<(), Denied> {
        if self.0.is_empty() {
            return Ok(());
        }
        let token = match presented(headers, query) {
            Presented::Token(token) => Fingerprint::of(token.as_bytes()),
            Presented::Other => return Err(Denied::Unknown),
            Presented::None => return Err(Denied::Missing),
        };
        let known = self.0.iter().filter(|expected| **expected == token).count();
        match known {
            0 => Err(Denied::Unknown),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tokens: &[&str], authorization: Option<&str>, query: &str) -> Result<(), Denied> {
        let secrets: Vec<Secret> = tokens.iter().map(|token| Secret::new(*token)).collect();
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        Expected::new(&secrets).check(&headers, query)
    }

    #[test]
    fn a_token_is_in_the_header_or_the_query() {
        let (missing, unknown) = (Err(Denied::Missing), Err(Denied::Unknown));
        for (authorization, query, expected) in [
            (None, "", missing),
            (None, "tokens=a+b", missing),
            (None, "token=a+b", Ok(())),
            (None, "x=1&token=a%20b", Ok(())),
            (None, "token=second", Ok(())),
            (None, "token=", unknown),
            (None, "token=a", unknown),
            (Some("Bearer a b"), "", Ok(())),
            (Some("bearer  a b"), "", Ok(())),
            (Some("Bearer wrong"), "token=second", unknown),
            (Some("Basic a b"), "token=second", unknown),
            (Some("Bearer"), "", unknown),
        ] {
            let found = check(&["a b", "second"], authorization, query);
            assert_eq!(found, expected, "{authorization:?} {query}");
        }
        assert_eq!(check(&[], None, ""), Ok(()));
        assert_eq!(check(&[], Some("Bearer x"), ""), Ok(()));
    }

    #[test]
    fn an_expected_token_is_not_printed() {
        let expected = Expected::new(&[Secret::new("hunter2")]);
        assert_eq!(format!("{expected:?}"), "1 tokens");
    }
}

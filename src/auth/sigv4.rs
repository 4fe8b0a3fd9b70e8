//! AWS Signature Version 4 of the opening request, in its headers or in its query. Pure: the time is an
//! argument, and the credentials have been read before.
//!
//! The handshake is a GET without a body. `Host` and all `X-Amz-*` headers are signed; what proxies may
//! change or add is not. See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::codec::hex;
use crate::error::Error;
use crate::secret::{Redactor, Secret};

/// The service of a WebSocket API in API Gateway.
const DEFAULT_SERVICE: &str = "execute-api";

/// How long a signature in the query is good, in seconds. It is used at once, but clocks differ.
const EXPIRES: &str = "300";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// AWS IoT does not sign the session token in the query.
const IOT: &str = "iotdevicegateway";

/// The header with the token of temporary credentials.
pub const SESSION_TOKEN: &str = "X-Amz-Security-Token";

/// What is encoded: all but the unreserved characters (RFC 3986 section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The keys of an AWS account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub id: String,
    pub secret: Secret,
    /// Of temporary credentials.
    pub session_token: Option<Secret>,
}

/// `--aws-sigv4`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub keys: Keys,
    pub scope: Scope,
    /// The region where neither the option nor the host name has one: `AWS_REGION`.
    pub default_region: Option<String>,
    /// `--aws-sigv4-query`: the signature is a part of the query.
    pub in_query: bool,
}

/// For what a signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `None`: the one that the host name says.
    pub region: Option<String>,
    pub service: String,
}

impl Scope {
    /// Parses `aws:amz[:REGION[:SERVICE]]`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Scope, String> {
        let mut parts = text.split(':');
        let providers = (parts.next(), parts.next());
        let (region, service, rest) = (parts.next(), parts.next(), parts.next());
        if !matches!(providers, (Some("aws"), Some("amz") | None)) || rest.is_some() {
            return Err("write aws:amz, aws:amz:REGION or aws:amz:REGION:SERVICE".to_owned());
        }
        let is_name = |name: &str| {
            name.bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        if let Some(odd) = [region, service]
            .into_iter()
            .flatten()
            .find(|it| !is_name(it))
        {
            return Err(format!(
                "'{odd}' has characters that no region or service has"
            ));
        }
        let given = |part: Option<&str>| part.filter(|it| !it.is_empty()).map(str::to_owned);
        Ok(Scope {
            region: given(region),
            service: given(service).unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
        })
    }
}

impl Options {
    /// What signs requests to `host`.
    ///
    /// # Errors
    /// Exit 2 if its region is not known.
    pub fn signer(&self, host: &str) -> Result<Signer<'_>, Error> {
        let named = self.scope.region.clone().or_else(|| region_in(host));
        let Some(region) = named.or_else(|| self.default_region.clone()) else {
            let what = format!("--aws-sigv4: the region of {host} is not known");
            return Err(Error::usage(what).advice("--aws-sigv4 aws:amz:REGION, or AWS_REGION"));
        };
        Ok(Signer {
            options: self,
            region,
        })
    }
}

/// The region in the name of a host of AWS: what stands before `amazonaws.com` or `api.aws`.
fn region_in(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    let before = domains
        .iter()
        .find_map(|domain| host.strip_suffix(domain))?;
    let region = before.rsplit('.').next()?;
    // `us-east-1`, not the service of a host without a region.
    let has_number = region
        .rsplit('-')
        .next()
        .is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
    (region.contains('-') && has_number).then(|| region.to_owned())
}

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signable<'a> {
    pub path: &'a str,
    /// Without the `?`.
    pub query: Option<&'a str>,
    /// Of these, `Host` and `X-Amz-*` are signed.
    pub headers: &'a [(String, String)],
}

/// Where a signature goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    Headers(Vec<(&'static str, String)>),
    /// The whole query.
    Query(String),
}

/// Signs requests to one host.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    options: &'a Options,
    region: String,
}

impl Signer<'_> {
    /// The scope with nothing left to be found out, as curl reads it.
    pub fn curl_scope(&self) -> String {
        format!("aws:amz:{}:{}", self.region, self.options.scope.service)
    }

    /// Whether the signature is in the `Authorization` header.
    pub fn is_authorization(&self) -> bool {
        !self.options.in_query
    }

    /// Signs a request at the time `now`, since the Unix epoch. Whatever of it should not be shown is
    /// added to `redactor`.
    pub fn sign(&self, request: Signable<'_>, now: Duration, redactor: &Redactor) -> Signature {
        let Keys {
            id,
            secret,
            session_token,
        } = &self.options.keys;
        for hidden in [Some(secret), session_token.as_ref()].into_iter().flatten() {
            redactor.add_given(hidden.expose());
            redactor.add_given(&encoded(hidden.expose()));
        }
        redactor.add_given(id);
        let stamp = stamp(now);
        let headers = signed_headers(request.headers);
        let (signature, signed) = match self.options.in_query {
            false => self.in_headers(request, headers, &stamp),
            true => self.in_query(request, &headers, &stamp, EXPIRES),
        };
        redactor.add_given(&signature);
        signed
    }

    fn in_headers(
        &self,
        request: Signable<'_>,
        mut headers: Vec<(String, String)>,
        stamp: &str,
    ) -> (String, Signature) {
        let mut added = vec![("X-Amz-Date", stamp.to_owned())];
        if let Some(token) = &self.options.keys.session_token {
            added.push((SESSION_TOKEN, token.expose().to_owned()));
        }
        headers.extend(
            added
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone())),
        );
        let pairs = pairs(request.query);
        let (canonical, names) = canonical_request(request.path, pairs, headers);
        let signature = self.signature(&canonical, stamp);
        let credential = format!("{}/{}", self.options.keys.id, self.scope(stamp));
        let value = format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        );
        added.push(("Authorization", value));
        (signature, Signature::Headers(added))
    }

    fn in_query(
        &self,
        request: Signable<'_>,
        headers: &[(String, String)],
        stamp: &str,
        expires: &str,
    ) -> (String, Signature) {
        let names = names(headers);
        let credential = format!("{}/{}", self.options.keys.id, self.scope(stamp));
        let token = self.options.keys.session_token.as_ref().map(Secret::expose);
        let is_signed = self.options.scope.service != IOT;
        let mut added = vec![
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", expires),
            ("X-Amz-SignedHeaders", &names),
        ];
        let token = token.map(|token| (SESSION_TOKEN, token));
        added.extend(token.filter(|_| is_signed));
        let mut pairs = pairs(request.query);
        pairs.extend(
            added
                .iter()
                .map(|(name, value)| ((*name).to_owned(), encoded(value))),
        );
        let (canonical, _) = canonical_request(request.path, pairs, headers.to_vec());
        let signature = self.signature(&canonical, stamp);
        added.extend(token.filter(|_| !is_signed));
        added.push(("X-Amz-Signature", &signature));
        let mut query = request
            .query
            .filter(|it| !it.is_empty())
            .unwrap_or_default()
            .to_owned();
        for (name, value) in added {
            let mark = if query.is_empty() { "" } else { "&" };
            let _ = write!(query, "{mark}{name}={}", encoded(value));
        }
        (signature, Signature::Query(query))
    }

    /// The credential scope: date, region and service.
    fn scope(&self, stamp: &str) -> String {
        let date = stamp.split('T').next().unwrap_or_default();
        format!(
            "{date}/{}/{}/aws4_request",
            self.region, self.options.scope.service
        )
    }

    fn signature(&self, canonical: &str, stamp: &str) -> String {
        let scope = self.scope(stamp);
        let digest = hex(&Sha256::digest(canonical), "");
        let text = format!("{ALGORITHM}\n{stamp}\n{scope}\n{digest}");
        let key = format!("AWS4{}", self.options.keys.secret.expose()).into_bytes();
        let key = scope.split('/').fold(key, |key, part| mac(&key, part));
        hex(&mac(&key, &text), "")
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// `20150830T123600Z`
fn stamp(now: Duration) -> String {
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The headers that are signed, with their names in lowercase.
fn signed_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let lowercase = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    lowercase
        .filter(|(name, _)| name == "host" || name.starts_with("x-amz-"))
        .collect()
}

/// The pairs of a query, encoded as they are signed.
fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let pairs = query
        .unwrap_or_default()
        .split('&')
        .filter(|it| !it.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (again(name), again(value))
        })
        .collect()
}

/// The text encoded in the one way that is signed, however it was encoded.
fn again(text: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    percent_encoding::percent_encode(&bytes, ENCODED).to_string()
}

/// The canonical request, and the names of its headers.
fn canonical_request(
    path: &str,
    mut pairs: Vec<(String, String)>,
    mut headers: Vec<(String, String)>,
) -> (String, String) {
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let query = pairs.collect::<Vec<_>>().join("&");
    // The sort is stable: values of one name keep their order.
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let names = names(&headers);
    let mut lines = String::new();
    for name in names.split(';') {
        let values = headers.iter().filter(|(known, _)| known == name);
        let values =
            values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "));
        let _ = writeln!(lines, "{name}:{}", values.collect::<Vec<_>>().join(","));
    }
    let path = canonical_path(path);
    let no_body = hex(&Sha256::digest(b""), "");
    (
        format!("GET\n{path}\n{query}\n{lines}\n{names}\n{no_body}"),
        names,
    )
}

/// The names of headers, each once, in order.
fn names(headers: &[(String, String)]) -> String {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(";")
}

/// The path without empty and dot segments, encoded once more than it is sent.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(encoded(other)),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let end = if is_folder && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

#[cfg(test)]
mod tests;

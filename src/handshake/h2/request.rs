//! The extended CONNECT that opens a WebSocket over HTTP/2 (RFC 8441 §5), made from the request of
//! HTTP/1.1, and both heads as they are shown. Pure.

use h2::ext::Protocol;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Uri, Version};

use crate::error::{Error, Exit, Stage};
use crate::handshake::request::Request;
use crate::uri::Target;

/// Headers of HTTP/1.1 that HTTP/2 does not have (RFC 9113 §8.2.2), or replaces (RFC 8441 §5).
const LEFT_OUT: &[&str] = &[
    "host",
    "upgrade",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "sec-websocket-key",
];

/// The head of an extended CONNECT.
pub(super) struct Head {
    scheme: &'static str,
    authority: String,
    path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Head {
    /// The head for a request to `target`. A `Host` header of the request names the authority.
    pub(super) fn new(target: &Target, request: &Request) -> Head {
        Head::with_headers(target, &request.path_and_query, &request.headers)
    }

    /// The same of the parts of a request.
    pub(super) fn with_headers(target: &Target, path: &str, headers: &[(String, String)]) -> Head {
        let mut named = headers.iter();
        let host = named.find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let authority = host.map_or_else(|| target.authority(), |(_, host)| host.clone());
        let headers = headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .filter(|(name, value)| is_sent(name, value));
        Head {
            scheme: if target.tls { "https" } else { "http" },
            authority,
            path: path.to_owned(),
            headers: headers.collect(),
        }
    }

    /// The request for the library.
    ///
    /// # Errors
    /// Exit 3 for a path that cannot be sent, 2 for a header that cannot.
    pub(super) fn to_request(&self) -> Result<hyper::Request<()>, Error> {
        let mut request = hyper::Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.uri()?;
        let protocol = Protocol::from_static("websocket");
        request.extensions_mut().insert(protocol);
        for (name, value) in &self.headers {
            let bad =
                |what: &str| Error::usage(format!("header '{name}': the {what} cannot be sent"));
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad("value"))?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("name"))?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }

    fn uri(&self) -> Result<Uri, Error> {
        let uri = Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.as_str())
            .path_and_query(self.path.as_str());
        uri.build().map_err(|error| {
            let message = format!("malformed URL: the host, path or query cannot be sent: {error}");
            Error::new(Stage::Url, Exit::Url, message)
        })
    }

    /// The head for people, a line for each field.
    pub(super) fn to_text(&self) -> Vec<u8> {
        let pseudo = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", self.scheme),
            (":authority", &self.authority),
            (":path", &self.path),
        ];
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = pseudo.into_iter().chain(headers);
        text(fields.map(|(name, value)| (name, value.as_bytes())))
    }
}

/// `TE` may only say `trailers` (RFC 9113 §8.2.2).
fn is_sent(name: &str, value: &str) -> bool {
    !LEFT_OUT.contains(&name) && (name != "te" || value.eq_ignore_ascii_case("trailers"))
}

/// The head of a response for people.
pub(super) fn response_text<B>(response: &hyper::Response<B>) -> Vec<u8> {
    let status = response.status();
    let status = [(":status", status.as_str().as_bytes())];
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    text(status.into_iter().chain(headers))
}

fn text<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in fields {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::placement::ResolvedCredentials;
    use crate::handshake::request::{self, HeaderLine};

    fn head(url: &str, lines: &[&str]) -> Head {
        let parse = |line: &&str| HeaderLine::parse(line).unwrap();
        let options = request::Options {
            headers: lines.iter().map(parse).collect(),
            ..Default::default()
        };
        let target = Target::parse(url).unwrap();
        let placed = ResolvedCredentials::default();
        Head::new(
            &target,
            &request::build(&target, &options, &placed, "KEY".into()),
        )
    }

    #[test]
    fn connection_headers_and_the_key_are_left_out() {
        let head = head("wss://h:81/x?y", &["X-A: 1", "TE: gzip", "Keep-Alive: 5"]);
        let expected = format!(
            ":method: CONNECT\r\n:protocol: websocket\r\n:scheme: https\r\n:authority: h:81\r\n:path: /x?y\r\n\
             sec-websocket-version: 13\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\
             user-agent: wirecat/{}\r\nx-a: 1\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(String::from_utf8(head.to_text()).unwrap(), expected);
        let request = head.to_request().unwrap();
        assert_eq!(request.uri(), "https://h:81/x?y");
        assert_eq!(request.headers().len(), 4);
    }

    #[test]
    fn a_host_header_names_the_authority() {
        let sent = |lines: &[&str]| head("ws://h/", lines).authority;
        assert_eq!(sent(&["Host: other:8"]), "other:8");
        assert_eq!(sent(&["Host:"]), "h");
        let error = head("ws://h/", &["Host: a b"]).to_request().unwrap_err();
        assert_eq!(error.exit, Exit::Url);
    }
}

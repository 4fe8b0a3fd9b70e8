//! HTTP CONNECT (RFC 9110 §9.3.6): asks an HTTP proxy for a connection to the server. It never reads
//! what belongs to the layer above, and sends the proxy nothing that is meant for the server.

mod answer;
mod body;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::answer::Head;
use super::early::with_early;
use super::progress::Progress;
use super::proxy;
use super::stream::BoxedStream;
use crate::auth::sources::Basic;
use crate::error::{Error, Exit, Stage, plain_clause};
use crate::event::Refusal;
use crate::handshake::request::HeaderLine;
use crate::secret::Secret;
use crate::uri::HostPort;

/// Maximum size of all response heads together.
const MAX_HEAD: usize = 64 * 1024;

/// Number of bytes that are read at once.
const CHUNK: usize = 4096;

/// What to ask of which proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The server, without a zone, which means nothing to the proxy.
    pub(super) to: HostPort,
    pub(super) proxy: HostPort,
    pub(super) user: Option<Basic>,
    /// `--proxy-header`
    pub(super) headers: Vec<HeaderLine>,
}

/// Asks for the connection, and waits for the answer. Returns the stream, and what was asked and
/// answered, for people.
///
/// # Errors
/// Exit 97 if the proxy refuses, or does not answer in HTTP.
pub(super) async fn open(
    mut stream: BoxedStream,
    request: &Request,
    progress: &Progress,
) -> Result<(BoxedStream, String), Error> {
    let proxy = &request.proxy;
    let waiting = format!("waiting for the proxy {proxy} to answer CONNECT");
    progress.enter(Stage::Proxy, waiting);
    let broken = |error: std::io::Error| request.lost(&plain_clause(&error));
    stream
        .write_all(head(request).as_bytes())
        .await
        .map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut received = Received::default();
    loop {
        let head = received.head(&mut stream, request).await?;
        match head.status {
            // RFC 9110 §15.2: there may be any number of them. A 101 is not one of those that a
            // client waits past.
            100 | 102..200 => {}
            // Whatever length the head gives, the tunnel begins after it.
            200..300 => {
                let (to, Head { status, reason, .. }) = (&request.to, &head);
                let said = format!("CONNECT {to}: HTTP {status} {reason}");
                let stream = with_early(Bytes::from(received.bytes), stream);
                return Ok((stream, said.trim_end().to_owned()));
            }
            _ => {
                let wait = body::timeout(progress.left());
                let refusal = body::read(head, received.bytes, &mut stream, wait).await;
                return Err(refused(request, &refusal));
            }
        }
    }
}

/// The request head. A line of `--proxy-header` replaces wirecat's own header of that name.
fn head(request: &Request) -> String {
    let to = request.to.to_string();
    let agent = concat!("wirecat/", env!("CARGO_PKG_VERSION")).to_owned();
    let mut lines = vec![("Host", to.clone()), ("User-Agent", agent)];
    if let Some(Basic { user, password }) = &request.user {
        let none = Secret::new("");
        let value = proxy::basic(user, password.as_ref().unwrap_or(&none));
        lines.push(("Proxy-Authorization", format!("Basic {value}")));
    }
    lines.retain(|(name, _)| {
        let mut given = request.headers.iter();
        !given.any(|line| line.name().eq_ignore_ascii_case(name))
    });
    let mut head = format!("CONNECT {to} HTTP/1.1\r\n");
    let mut push = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    lines.iter().for_each(|(name, value)| push(name, value));
    for line in &request.headers {
        if let HeaderLine::Set(name, value) = line {
            push(name, value);
        }
    }
    head + "\r\n"
}

/// What the proxy has sent and nobody has used yet.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// Size of the heads before.
    used: usize,
}

impl Received {
    /// Reads the next response head, and leaves what follows it.
    async fn head(&mut self, stream: &mut BoxedStream, request: &Request) -> Result<Head, Error> {
        let mut searched = 0;
        loop {
            if !answer::may_be_http(&self.bytes) {
                return Err(request.not_http(&self.bytes));
            }
            if let Some(end) = answer::end(&self.bytes, searched) {
                let head = answer::parse(&self.bytes[..end]);
                let head = head.ok_or_else(|| request.not_http(&self.bytes))?;
                self.bytes.drain(..end);
                self.used += end;
                return Ok(head);
            }
            if self.used + self.bytes.len() >= MAX_HEAD {
                let kib = MAX_HEAD / 1024;
                return Err(request.invalid(&format!("it sent more than {kib} KiB of headers")));
            }
            searched = self.bytes.len();
            self.bytes.reserve(CHUNK);
            match stream.read_buf(&mut self.bytes).await {
                Ok(0) if self.bytes.is_empty() => {
                    return Err(request.lost("it closed the connection"));
                }
                Ok(0) => return Err(request.lost("it closed the connection within its answer")),
                Ok(_) => {}
                Err(error) => return Err(request.lost(&plain_clause(&error))),
            }
        }
    }
}

impl Request {
    fn failed(&self, why: &str) -> Error {
        let Request { proxy, to, .. } = self;
        let message = format!("no connection to {to} through the proxy {proxy}: {why}");
        Error::new(Stage::Proxy, Exit::Proxy, message)
    }

    fn lost(&self, why: &str) -> Error {
        self.failed(why).transient()
    }

    fn invalid(&self, why: &str) -> Error {
        self.failed(&format!("its answer is not valid: {why}"))
    }

    fn not_http(&self, received: &[u8]) -> Error {
        let error = self.failed("its answer is not HTTP");
        if received.starts_with(&[0x15, 0x03]) {
            return error
                .detail("it answered with a TLS alert")
                .advice("https:// instead of http:// for the proxy");
        }
        let line = received.split(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default();
        let quoted = String::from_utf8_lossy(&line[..line.len().min(200)]);
        error
            .detail(format!("it said: {}", quoted.trim_end()))
            .advice("check the port and the scheme of the proxy: http://, https:// or socks5://")
    }
}

/// The error for a response other than 2xx.
fn refused(request: &Request, refusal: &Refusal) -> Error {
    let Request { proxy, to, .. } = request;
    let message = format!(
        "the proxy {proxy} refused to connect to {to}: HTTP {} {}",
        refusal.status, refusal.reason
    );
    let mut error = Error::new(Stage::Proxy, Exit::Proxy, message.trim_end());
    error.details = refusal.lines(&["proxy-authenticate", "location", "retry-after"]);
    // The server may be starting, or the proxy busy.
    error.transient = matches!(refusal.status, 408 | 429 | 500..=599);
    match advice(refusal, request.user.is_some()) {
        Some(advice) => error.advice(advice),
        None => error,
    }
}

fn advice(refusal: &Refusal, has_user: bool) -> Option<&'static str> {
    let challenges = refusal.headers.iter();
    let mut challenges = challenges.filter(|(name, _)| name == "proxy-authenticate");
    let is_basic = |value: &str| {
        value
            .trim_start()
            .get(..5)
            .is_some_and(|it| it.eq_ignore_ascii_case("basic"))
    };
    Some(match refusal.status {
        // tinyproxy refuses a wrong password with 401.
        401 | 407 if has_user => "check the user and the password: -U USER:PASSWORD",
        407 if challenges.clone().next().is_none()
            || challenges.any(|(_, value)| is_basic(value)) =>
        {
            "-U USER:PASSWORD sends credentials to the proxy"
        }
        407 => "wirecat has Basic authentication only; --proxy-header sends any other",
        403 | 405 => "the proxy does not allow this host or port; --noproxy HOST connects directly",
        429 => "try again later",
        // squid says 503 of a server that it does not reach, and of itself when it is busy.
        503 => "check the host and the port of the URL, or try again later",
        500 | 502 | 504 => {
            "the proxy cannot reach the server: check the host and the port of the URL"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use url::Host;

    use super::*;

    fn request(headers: &[&str], user: Option<&str>) -> Request {
        let place = |host: &str, port| HostPort {
            host: Host::parse(host).unwrap(),
            zone: None,
            port,
        };
        let lines = headers.iter();
        Request {
            to: place("[::1]", 443),
            proxy: place("p", 3128),
            user: user.map(Basic::parse),
            headers: lines.map(|line| HeaderLine::parse(line).unwrap()).collect(),
        }
    }

    #[test]
    fn the_head_has_what_is_meant_for_the_proxy() {
        let agent = concat!("User-Agent: wirecat/", env!("CARGO_PKG_VERSION"), "\r\n");
        let begin = "CONNECT [::1]:443 HTTP/1.1\r\n";
        let host = "Host: [::1]:443\r\n";
        for (headers, user, rest) in [
            (&[][..], None, format!("{host}{agent}")),
            (
                &[],
                Some("user:pass"),
                format!("{host}{agent}Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"),
            ),
            (
                &["User-Agent:", "X-A: 1"],
                None,
                format!("{host}X-A: 1\r\n"),
            ),
            (
                &["proxy-authorization: Bearer t"],
                Some("user:pass"),
                format!("{host}{agent}proxy-authorization: Bearer t\r\n"),
            ),
        ] {
            let expected = format!("{begin}{rest}\r\n");
            assert_eq!(head(&request(headers, user)), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_try_and_whether_it_may_pass() {
        let refused = |status, challenge: Option<&str>, user| {
            let challenge = challenge.iter();
            let refusal = Refusal {
                status,
                reason: "Words".to_owned(),
                headers: challenge
                    .map(|value| ("proxy-authenticate".to_owned(), (*value).to_owned()))
                    .collect(),
                body: b"one\ntwo".to_vec(),
                truncated: false,
            };
            refused(&request(&[], user), &refusal)
        };
        for (status, challenge, user, advice, transient) in [
            (407, None, None, "-U USER:PASSWORD sends", false),
            (
                407,
                Some("basic realm=\"x\""),
                None,
                "-U USER:PASSWORD sends",
                false,
            ),
            (
                407,
                Some("Negotiate"),
                None,
                "Basic authentication only",
                false,
            ),
            (407, Some("Basic"), Some("a:b"), "check the user", false),
            (401, None, Some("a:b"), "check the user", false),
            (403, None, None, "does not allow", false),
            (502, None, None, "cannot reach", true),
            (503, None, None, "later", true),
        ] {
            let error = refused(status, challenge, user);
            assert_eq!((error.exit, error.transient), (Exit::Proxy, transient));
            assert!(error.advice[0].contains(advice), "{error}");
            assert!(error.details.ends_with(&["| one".into(), "| two".into()]));
        }
        let error = refused(407, Some("Basic"), None);
        let message = "the proxy p:3128 refused to connect to [::1]:443: HTTP 407 Words";
        assert_eq!(error.message, message);
        assert_eq!(error.details[0], "proxy-authenticate: Basic");
    }
}

//! `/cookies/set`: sets the cookies that the query names, with the answer to a handshake or over HTTP.

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::form_urlencoded;

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec};
use super::request::Request;
use crate::http_token::is_http_token;
use crate::serve::connection::Connection;
use crate::serve::response::{Refusal, bad_request, text};

pub(super) const SPEC: Spec = Spec {
    path: "/cookies/set",
    parameters: "?NAME=VALUE",
    help: "sets these cookies with its answer; then an echo. /headers shows
what comes back",
    details: &[],
    open,
};

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let cookies = Cookies::read(request)?;
    if request.wants_websocket() {
        return Ok(Opened::websocket(cookies));
    }
    let mut answer = text(StatusCode::OK, "The cookies are set.\n");
    cookies.amend(answer.headers_mut());
    Ok(Opened::Http(answer))
}

#[derive(Debug)]
struct Cookies(Vec<HeaderValue>);

impl Cookies {
    fn read(request: Request<'_>) -> Result<Cookies, Refusal> {
        let pairs = form_urlencoded::parse(request.query().0.as_bytes());
        let cookies: Option<Vec<_>> = pairs.map(|(name, value)| cookie(&name, &value)).collect();
        match cookies {
            Some(cookies) if !cookies.is_empty() => Ok(Cookies(cookies)),
            Some(_) => Err(bad_request(
                "The query names the cookies: /cookies/set?NAME=VALUE.",
            )),
            None => Err(bad_request(
                "A cookie has a token as its name and visible ASCII as its value, without spaces, \
                 quotes, commas, semicolons and backslashes (RFC 6265 section 4.1.1).",
            )),
        }
    }
}

impl Endpoint for Cookies {
    fn amend(&self, headers: &mut HeaderMap) {
        for cookie in &self.0 {
            headers.append(SET_COOKIE, cookie.clone());
        }
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(echo(connection, u64::MAX))
    }
}

fn cookie(name: &str, value: &str) -> Option<HeaderValue> {
    let octet = |c: char| c.is_ascii_graphic() && !"\",;\\".contains(c);
    if !is_http_token(name) || !value.chars().all(octet) {
        return None;
    }
    HeaderValue::try_from(format!("{name}={value}; Path=/")).ok()
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn each_parameter_is_a_cookie() {
        let cookies = get("/cookies/set?a=b&c=", Cookies::read).unwrap();
        assert_eq!(cookies.0, ["a=b; Path=/", "c=; Path=/"]);
        for query in [
            "",
            "a=b;c",
            "a b=c",
            "=x",
            "a=%0d%0ab",
            "a=x&b=%20",
            "a=%e4",
        ] {
            is_bad(&format!("/cookies/set?{query}"), Cookies::read);
        }
    }
}

//! `/expire`: an echo for as long as the client's token is good.

use std::time::Duration;

use hyper::header::AUTHORIZATION;
use tokio::time::{Instant, sleep_until};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::close::Close;
use crate::message::Message;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{Refusal, token_required};
use crate::serve::shared::Shared;
use crate::serve::state::Digest;
use crate::wire::extension::Agreed;

pub(super) const SPEC: Spec = Spec {
    path: "/expire",
    parameters: "?token-ttl=5s",
    help: "an echo until the token reaches that age, then a Close 4401;
token in Authorization, token=X or, with via=message, a message",
    details: &[
        parameter("token-ttl", "how long a token is good", "5s"),
        parameter("token", "the token, where no header has it", "none"),
        parameter(
            "via",
            "message: the first message may bring the token",
            "header or query",
        ),
    ],
    open: |request| Ok(Opened::websocket(Expire::read(request)?)),
};

/// How long a token is good where nothing is said.
const TOKEN_TTL: Duration = Duration::from_secs(5);

/// The longest token message; whatever is longer holds no token.
const MAX_TOKEN: usize = 64 << 10;

struct Expire {
    ttl: Duration,
    /// The token may come in the first message.
    via_message: bool,
    token: Option<Digest>,
    shared: Shared,
}

impl Expire {
    fn read(request: Request<'_>) -> Result<Expire, Refusal> {
        let query = request.query();
        Ok(Expire {
            ttl: query.duration("token-ttl")?.unwrap_or(TOKEN_TTL),
            via_message: query.flag("via", "message")?,
            token: token(request),
            shared: request.shared.clone(),
        })
    }

    /// Without a token, the first message must bring one.
    async fn serve(&self, connection: &mut Connection) -> Result<End, EndReason> {
        let close = |reason| Ok(End::Close(Close::new(4401, reason)));
        let token = match self.token {
            Some(token) => token,
            None => match token_in_message(&connection.next_message().await?) {
                Some(token) => Digest::of(token.as_bytes()),
                None => return close("the first message is not a token"),
            },
        };
        let now = Instant::now().into_std();
        let expires = self.shared.state().first_seen(token, now) + self.ttl;
        tokio::select! {
            biased;
            () = sleep_until(expires.into()) => close("token expired"),
            end = echo(connection, u64::MAX) => end,
        }
    }
}

impl Endpoint for Expire {
    fn admit(&mut self, _: Request<'_>, _: Option<&Agreed>) -> Result<(), Refusal> {
        if self.token.is_none() && !self.via_message {
            return Err(Box::new(token_required(
                "This endpoint requires a token: in `Authorization: Bearer TOKEN`, as `token=TOKEN` in the \
                 query, or, with `via=message`, as {\"event\":\"token\",\"data\":\"TOKEN\"} in the first \
                 message.\n",
            )));
        }
        Ok(())
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(self.serve(connection))
    }
}

/// The token of the `Authorization` header, with whatever scheme, or else of the query.
fn token(request: Request<'_>) -> Option<Digest> {
    let header = request.headers.get(AUTHORIZATION);
    let header = header.map(|value| without_scheme(value.as_bytes()).trim_ascii());
    if let Some(token) = header.filter(|token| !token.is_empty()) {
        return Some(Digest::of(token));
    }
    // Only under its plain name, under which it is kept out of the log.
    let mut pairs = request.query().0.split('&');
    let pair = pairs.find(|pair| pair.starts_with("token="))?;
    let (_, token) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(Digest::of(token.as_bytes())).filter(|_| !token.is_empty())
}

/// Of `Bearer X` the `X`, so that a token is the same wherever it is put.
fn without_scheme(value: &[u8]) -> &[u8] {
    const BEARER: &[u8] = b"bearer ";
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token,
        _ => value,
    }
}

/// The token in `{"event":"token","data":"X"}`.
pub(super) fn token_in_message(message: &Message) -> Option<String> {
    let data = Some(message.payload()).filter(|data| data.len() <= MAX_TOKEN)?;
    let json: serde_json::Value = serde_json::from_slice(data).ok()?;
    let token = json.get("data")?.as_str()?;
    let is_one = json.get("event")? == "token" && !token.is_empty();
    is_one.then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderValue};

    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn the_time_to_live_of_a_token_is_parsed() {
        let expire = |path| {
            let expire = get(path, Expire::read).ok().unwrap();
            (expire.ttl, expire.via_message)
        };
        assert_eq!(expire("/expire?token=x"), (TOKEN_TTL, false));
        assert_eq!(
            expire("/expire?token-ttl=1s&via=message"),
            (Duration::from_secs(1), true)
        );
        is_bad("/expire?token-ttl=x", Expire::read);
        is_bad("/expire?via=pigeon", Expire::read);
    }

    #[test]
    fn a_token_is_identified_independently_of_its_place() {
        let with_header = |target, value| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            get(target, |request| {
                let headers = &headers;
                token(Request { headers, ..request })
            })
        };
        let expected = Some(Digest::of(b"s p"));
        for value in ["Bearer s p", "bearer  s p ", "s p"] {
            let token = with_header("/expire?token=other", value);
            assert_eq!(token, expected, "{value}");
        }
        assert_eq!(get("/expire?x&token=s+p", token), expected);
        assert_eq!(get("/expire?token=s%20p&token=y", token), expected);
        let basic = with_header("/expire", "Basic abc");
        assert_eq!(basic, Some(Digest::of(b"Basic abc")));
        let admit = |target| {
            get(target, |request| {
                let mut expire = Expire::read(request).ok().unwrap();
                (expire.token, expire.admit(request, None))
            })
        };
        assert!(matches!(admit("/expire?via=message"), (None, Ok(()))));
        for path in ["/expire", "/expire?token=", "/expire?%74oken=x"] {
            let refused = admit(path).1.unwrap_err();
            assert_eq!(refused.status(), 401, "{path}");
            let challenge = refused.headers().get("www-authenticate").unwrap();
            assert_eq!(challenge, "Bearer realm=\"wirecat\"");
        }
    }
}

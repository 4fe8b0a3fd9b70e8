//! `/auth/WAY`: an echo for clients that bring the right token in one way. It looks nowhere else, so that
//! a token in the wrong place is none.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{
    AUTHORIZATION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL, WWW_AUTHENTICATE,
};
use tokio::time::timeout;

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::expire::token_in_message;
use super::request::Request;
use crate::close::Close;
use crate::secret::Fingerprint;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{self, Refusal, text, token_required};
use crate::wire::extension::Agreed;

pub(super) const SPEC: Spec = Spec {
    path: "/auth/WAY",
    parameters: "?expect=TOKEN",
    help: "an echo for the right token (secret) only: 401 without one, 403
for another; WAY is header, query, basic, subprotocol or message",
    details: &[
        parameter(
            "expect",
            "the right token; with basic, the password",
            "secret",
        ),
        parameter(
            "token",
            "what the client says with query; else as expect",
            "none",
        ),
        parameter("user", "with basic, the right user", "any"),
    ],
    open: |request| Ok(Opened::websocket(Auth::read(request)?)),
};

/// How long a client may take to send its token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the token must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Header,
    Query,
    Basic,
    Subprotocol,
    Message,
}

struct Auth {
    way: Way,
    /// Compared by its digest, which takes the same time for each token.
    expected: Fingerprint,
    user: Option<String>,
    /// The subprotocol of the answer, where one carries the token.
    subprotocol: Option<HeaderValue>,
}

/// What a request says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Wrong,
    Right,
}

impl Auth {
    fn read(request: Request<'_>) -> Result<Auth, Refusal> {
        let way = match request.argument() {
            "header" => Way::Header,
            "query" => Way::Query,
            "basic" => Way::Basic,
            "subprotocol" => Way::Subprotocol,
            "message" => Way::Message,
            _ => {
                let body = "There is no such way. The ways are header, query, basic, subprotocol and \
                            message.\n";
                return Err(Box::new(text(StatusCode::NOT_FOUND, body)));
            }
        };
        let query = request.query();
        let token = query.get("token").filter(|_| way != Way::Query);
        let expected = query.get("expect").or(token);
        let expected = expected.unwrap_or_else(|| "secret".to_owned());
        Ok(Auth {
            way,
            expected: Fingerprint::of(expected.as_bytes()),
            user: query.get("user"),
            subprotocol: None,
        })
    }

    fn is_right(&self, token: &str) -> bool {
        Fingerprint::of(token.as_bytes()) == self.expected
    }

    fn judge(&self, token: Option<&str>) -> Found {
        match token {
            None | Some("") => Found::Nothing,
            Some(token) if self.is_right(token) => Found::Right,
            Some(_) => Found::Wrong,
        }
    }

    /// What the handshake brings.
    fn find(&self, request: Request<'_>) -> Found {
        match self.way {
            Way::Header => self.judge(credentials(request.headers, "bearer")),
            Way::Query => self.judge(request.query().get("token").as_deref()),
            Way::Basic => match credentials(request.headers, "basic") {
                Some(encoded) if self.is_basic(encoded) => Found::Right,
                Some(_) => Found::Wrong,
                None => Found::Nothing,
            },
            Way::Subprotocol => match request.subprotocols() {
                offered if offered.is_empty() => Found::Nothing,
                offered if offered.iter().any(|name| self.carries_token(name)) => Found::Right,
                _ => Found::Wrong,
            },
            Way::Message => Found::Right,
        }
    }

    /// Whether `USER:PASSWORD` in base64 (RFC 7617 §2) are the right ones.
    fn is_basic(&self, encoded: &str) -> bool {
        let decoded = STANDARD.decode(encoded).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        pair.is_some_and(|(user, password)| {
            self.user.as_deref().is_none_or(|right| right == user) && self.is_right(password)
        })
    }

    /// Whether a subprotocol is the token, or ends with it behind a full stop, as in `bearer.TOKEN`.
    fn carries_token(&self, name: &str) -> bool {
        self.is_right(name)
            || name
                .match_indices('.')
                .any(|(at, _)| self.is_right(&name[at + 1..]))
    }

    /// The subprotocol to answer with: one that carries no token, where there is such a one. Browsers
    /// end a connection whose server picks none of those offered, hence the other case.
    fn answer_to(&self, offered: &[&str]) -> Option<HeaderValue> {
        let mut plain = offered.iter().filter(|name| !self.carries_token(name));
        let name = plain.next().or(offered.first())?;
        HeaderValue::from_str(name).ok()
    }

    async fn serve(&self, connection: &mut Connection) -> Result<End, EndReason> {
        if self.way == Way::Message {
            let first = timeout(TOKEN_TIMEOUT, connection.next_message()).await;
            let token = first.ok().transpose()?;
            let token = token.and_then(|message| token_in_message(&message));
            if token.is_none_or(|token| !self.is_right(&token)) {
                return Ok(End::Close(Close::new(1011, "authentication failed")));
            }
        }
        echo(connection, u64::MAX).await
    }
}

impl Endpoint for Auth {
    fn admit(&mut self, request: Request<'_>, _: Option<&Agreed>) -> Result<(), Refusal> {
        if self.way == Way::Subprotocol {
            self.subprotocol = self.answer_to(&request.subprotocols());
        }
        match self.find(request) {
            Found::Right => Ok(()),
            Found::Nothing => Err(self.challenge()),
            Found::Wrong => Err(Box::new(text(
                StatusCode::FORBIDDEN,
                "The token is not the one that this URL expects.\n",
            ))),
        }
    }

    fn amend(&self, headers: &mut HeaderMap) {
        if let Some(name) = &self.subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, name.clone());
        }
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(self.serve(connection))
    }
}

impl Auth {
    /// A 401 that says what is missing.
    fn challenge(&self) -> Refusal {
        let mut answer = token_required(match self.way {
            Way::Basic => {
                "The request must have `Authorization: Basic` with a user and a password.\n"
            }
            Way::Query => "The query must have `token=TOKEN`.\n",
            Way::Subprotocol => "One of the subprotocols offered must be the token.\n",
            Way::Header | Way::Message => "The request must have `Authorization: Bearer TOKEN`.\n",
        });
        if self.way == Way::Basic {
            let basic = "Basic realm=\"wirecat\", charset=\"UTF-8\"";
            response::insert(&mut answer, WWW_AUTHENTICATE, basic);
        }
        Box::new(answer)
    }
}

/// What follows a scheme in the `Authorization` header; schemes are case-insensitive.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (found, credentials) = value.split_once(' ')?;
    found
        .eq_ignore_ascii_case(scheme)
        .then(|| credentials.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::super::request::get;
    use super::*;

    /// The status with which a request is refused, and the challenge; 101 where it is not.
    #[track_caller]
    fn asked(path: &str, header: Option<(&'static str, &'static str)>) -> (u16, String) {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        get(path, |request| {
            let headers = &headers;
            let request = Request { headers, ..request };
            let mut auth = Auth::read(request).ok().unwrap();
            match auth.admit(request, None) {
                Ok(()) => (101, String::new()),
                Err(refusal) => {
                    let challenge = refusal.headers().get(WWW_AUTHENTICATE);
                    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
                    (refusal.status().as_u16(), challenge.unwrap_or_default())
                }
            }
        })
    }

    #[test]
    fn a_token_is_looked_for_in_one_place() {
        let bearer = "Bearer realm=\"wirecat\"";
        let basic = "Basic realm=\"wirecat\", charset=\"UTF-8\"";
        let auth = |value| Some(("authorization", value));
        let protocols = |value| Some(("sec-websocket-protocol", value));
        for (path, header, status, challenge) in [
            ("/auth/header", None, 401, bearer),
            ("/auth/header?token=secret", None, 401, bearer),
            ("/auth/header", auth("bearer secret"), 101, ""),
            ("/auth/header", auth("Bearer other"), 403, ""),
            ("/auth/header?token=t", auth("Bearer t"), 101, ""),
            ("/auth/header?expect=t", auth("Basic t"), 401, bearer),
            ("/auth/query", None, 401, bearer),
            ("/auth/query?token=x", None, 403, ""),
            ("/auth/query?token=secret", None, 101, ""),
            ("/auth/query?expect=a+b&token=a%20b", None, 101, ""),
            ("/auth/basic", None, 401, basic),
            ("/auth/basic", auth("Basic eHk6c2VjcmV0"), 101, ""),
            ("/auth/basic?user=xy", auth("Basic eHk6c2VjcmV0"), 101, ""),
            ("/auth/basic?user=x", auth("Basic eHk6c2VjcmV0"), 403, ""),
            ("/auth/basic?expect=x", auth("Basic eHk6c2VjcmV0"), 403, ""),
            ("/auth/basic", auth("Basic !"), 403, ""),
            ("/auth/subprotocol", None, 401, bearer),
            ("/auth/subprotocol", protocols("chat"), 403, ""),
            ("/auth/subprotocol", protocols("chat, secret"), 101, ""),
            (
                "/auth/subprotocol",
                protocols("chat, a.bearer.secret"),
                101,
                "",
            ),
            ("/auth/message", None, 101, ""),
        ] {
            let expected = (status, challenge.to_owned());
            assert_eq!(asked(path, header), expected, "{path} {header:?}");
        }
        let unknown = get("/auth/pigeon", Auth::read).err().unwrap();
        assert_eq!(unknown.status(), 404);
    }

    #[test]
    fn the_answer_does_not_repeat_the_token_where_it_need_not() {
        let auth = get("/auth/subprotocol", Auth::read).ok().unwrap();
        let answer = |offered: &[&str]| auth.answer_to(offered);
        assert_eq!(answer(&["x.secret", "chat"]).unwrap(), "chat");
        assert_eq!(answer(&["secret"]).unwrap(), "secret");
        assert_eq!(answer(&[]), None);
    }
}

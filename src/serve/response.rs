//! The debug server's HTTP responses. Pure. Every refusal says in its body what was wrong, because the
//! person behind the client is debugging exactly that.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::header::{
    ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER,
    SEC_WEBSOCKET_VERSION, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

use crate::handshake::bearer::CHALLENGE;

/// A body that is whole, or made as it is read.
pub(super) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// A response.
pub(super) type Answer = Response<Body>;

/// A response in place of an upgrade.
pub(super) type Refusal = Box<Answer>;

/// A response with this body.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_type(status, Either::Left(Full::new(body.into())))
}

/// A 200 with this JSON.
pub(super) fn json(body: &serde_json::Value) -> Answer {
    let mut answer = text(StatusCode::OK, format!("{body:#}\n"));
    insert(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

/// A 200 with a body that is made as it is read.
pub(super) fn stream<B>(body: B) -> Answer
where
    B: hyper::body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    let body = body.map_err(io::Error::other).boxed_unsync();
    with_type(StatusCode::OK, Either::Right(body))
}

fn with_type<B>(status: StatusCode, body: B) -> Response<B> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let plain = "text/plain; charset=utf-8";
    insert(&mut answer, CONTENT_TYPE, plain);
    answer
}

/// A 400 with this sentence.
pub(super) fn bad_request(sentence: &str) -> Refusal {
    Box::new(text(StatusCode::BAD_REQUEST, format!("{sentence}\n")))
}

/// A 405.
pub(super) fn wrong_method(body: &'static str, allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, body);
    insert(&mut answer, ALLOW, allowed);
    answer
}

/// A 401 that asks for a token.
pub(super) fn token_required(body: &'static str) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, body);
    insert(&mut answer, WWW_AUTHENTICATE, CHALLENGE);
    answer
}

/// A response of this status, with no headers but those of its body.
pub(super) fn bare_status(status: StatusCode) -> Answer {
    let body = match status.as_u16() {
        // No content is allowed here (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
        204 | 205 | 304 => String::new(),
        code => {
            let reason = status.canonical_reason().unwrap_or("as asked for");
            format!("{code} {reason}\n")
        }
    };
    text(status, body)
}

/// A response of this status, with the headers that a client expects to go with it.
pub(super) fn status(status: StatusCode) -> Answer {
    let mut answer = bare_status(status);
    match status.as_u16() {
        300..=399 => insert(&mut answer, LOCATION, "/echo"),
        401 => insert(&mut answer, WWW_AUTHENTICATE, CHALLENGE),
        407 => insert(&mut answer, PROXY_AUTHENTICATE, "Basic realm=\"wirecat\""),
        426 => insert(&mut answer, SEC_WEBSOCKET_VERSION, "13"),
        429 | 503 => insert(&mut answer, RETRY_AFTER, "1"),
        _ => {}
    }
    answer
}

/// Sets a header.
pub(super) fn insert<B>(answer: &mut Response<B>, name: HeaderName, value: &'static str) {
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

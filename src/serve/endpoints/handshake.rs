//! `/handshake/KIND`: answers the handshake wrongly. hyper would not send such an answer, so what the
//! endpoint gives is one that names the bytes to be sent in its place.

use hyper::StatusCode;
use hyper::header::SEC_WEBSOCKET_KEY;

use super::endpoint::{Opened, Spec};
use super::request::Request;
use crate::handshake::response::accept_for;
use crate::serve::handshake_faults::{Asked, find, listing, names};
use crate::serve::raw_answer::RawAnswer;
use crate::serve::response::{Refusal, bad_request, status, text};

pub(super) const SPEC: Spec = Spec {
    path: "/handshake/KIND",
    parameters: "",
    help: "answers the handshake wrongly; GET /handshake lists the kinds",
    details: &[],
    open,
};

pub(super) const LISTING: Spec = Spec {
    path: "/handshake",
    parameters: "",
    help: "",
    details: &[],
    open: |_| Ok(Opened::Http(text(StatusCode::OK, listing()))),
};

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let Some(fault) = find(request.argument()) else {
        let body = format!(
            "There is no such kind of answer. The kinds are:\n\n{}\n\
             GET /handshake says what each of them sends.\n",
            names()
        );
        return Err(Box::new(text(StatusCode::NOT_FOUND, body)));
    };
    if !request.wants_websocket() || request.is_http2 {
        return Err(bad_request(
            "This endpoint answers WebSocket handshakes over HTTP/1.1 with something else.",
        ));
    }
    let key = request.headers.get(SEC_WEBSOCKET_KEY);
    let key = key.and_then(|key| key.to_str().ok()).unwrap_or_default();
    let names = request.subprotocols().into_iter();
    let mut answer = status(StatusCode::SWITCHING_PROTOCOLS);
    answer.extensions_mut().insert(RawAnswer {
        fault,
        asked: Asked {
            accept: accept_for(key),
            subprotocols: names.map(str::to_owned).collect(),
        },
    });
    Ok(Opened::Http(answer))
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn only_a_handshake_over_http1_is_answered_wrongly() {
        let open_with = |is_http2| {
            get("/handshake/drip", |request| {
                open(Request {
                    wants_websocket: true,
                    is_http2,
                    ..request
                })
            })
        };
        let Ok(Opened::Http(answer)) = open_with(false) else {
            panic!("it is refused");
        };
        let raw = answer.extensions().get::<RawAnswer>().unwrap();
        assert_eq!(raw.fault.name, "drip");
        assert_eq!(open_with(true).err().unwrap().status(), 400);
        is_bad("/handshake/drip", open);
        let unknown = get("/handshake/DRIP", open).err().unwrap();
        assert_eq!(unknown.status(), 404);
    }
}

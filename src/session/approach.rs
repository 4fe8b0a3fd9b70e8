//! How the connections of a run come about: this end dials, or clients come in. What follows is the same
//! conversation, with the roles changed.

use std::future::poll_fn;
use std::net::SocketAddr;

use super::about::About;
use super::connect::{AttemptId, Connection, Failed, Plan, connect};
use super::door::{Arrival, Door, Guest};
use super::ends::Ends;
use super::frontend::{Asker, Sink};
use super::resume::vars::ResumeVars;
use crate::auth::acquire::{CachedAnswers, Environment};
use crate::error::{Error, Exit, Stage};
use crate::event::{Address, Asked, Event, Heads, Opened, Peer, Timing};
use crate::handshake::shown_header;
use crate::secret::Redactor;
use crate::units;
use crate::uri::shown_target;
use crate::wire::validate::Role;

/// How the connections of a run come about.
pub enum Approach<'a> {
    /// This end dials, as the plan says.
    Dial(&'a Plan, &'a Environment<'a>),
    /// Clients come in, one after another.
    Clients(&'a mut Door, &'a Redactor),
    /// One client, which has come in.
    Client(Option<Box<Guest>>, &'a Redactor),
}

impl Approach<'_> {
    /// What the other side is.
    pub(super) fn peer(&self) -> Peer {
        match self {
            Approach::Dial(..) => Peer::Server,
            Approach::Clients(..) | Approach::Client(..) => Peer::Client,
        }
    }

    /// Whether another client may follow the one that has gone.
    pub(super) fn expects_more(&self) -> bool {
        matches!(self, Approach::Clients(door, _) if door.expects_more())
    }

    /// No other connection is wanted.
    pub(super) async fn close(&mut self) {
        if let Approach::Clients(door, _) = self {
            door.close().await;
        }
    }

    /// Makes one connection, or waits for one.
    pub(super) async fn connect<I: Asker, O: Sink>(
        &mut self,
        turn: AttemptId,
        prompted: &mut CachedAnswers,
        memory: &ResumeVars,
        ends: &Ends<'_, I, O>,
    ) -> Result<Connection, Failed> {
        match self {
            Approach::Dial(plan, environment) => {
                connect(plan, turn, environment, prompted, memory, ends).await
            }
            Approach::Clients(door, redactor) => {
                let guest = next_guest(door, ends).await?;
                Ok(let_in(guest, redactor, ends))
            }
            Approach::Client(guest, redactor) => {
                let gone = || Error::new(Stage::Connect, Exit::Lost, "the client has gone");
                let guest = guest.take().ok_or_else(gone)?;
                Ok(let_in(*guest, redactor, ends))
            }
        }
    }
}

/// Waits for a client, and reports those that are refused.
///
/// # Errors
/// Exit 28 if none comes in time.
async fn next_guest<I, O: Sink>(door: &mut Door, ends: &Ends<'_, I, O>) -> Result<Guest, Error> {
    let patience = door.patience();
    let coming = async {
        loop {
            match poll_fn(|cx| door.poll_arrival(cx)).await {
                Arrival::Guest(guest) => return *guest,
                Arrival::Refused(line) => ends.report(&Event::Note(&line)),
            }
        }
    };
    let Some(patience) = patience else {
        return Ok(coming.await);
    };
    tokio::time::timeout(patience, coming).await.map_err(|_| {
        let message = format!("no client connected within {}", units::written(patience));
        Error::new(Stage::Connect, Exit::Timeout, message)
            .advice("--connect-timeout T waits longer")
    })
}

/// Reports the handshake of a client; the conversation follows.
fn let_in<I, O: Sink>(guest: Guest, redactor: &Redactor, ends: &Ends<'_, I, O>) -> Connection {
    let Guest {
        stream,
        early,
        deflate,
        address,
        request,
        subprotocol,
        extensions,
        log,
        scheme,
        number,
        turn,
    } = guest;
    // Here, the request is what was received.
    let Heads {
        request: response,
        response: received,
    } = log.heads(redactor);
    let heads = Heads {
        request: without_secrets(received, redactor),
        response,
    };
    ends.report(&Event::Heads(&heads));
    let opened = Opened {
        compression: deflate.map(|agreed| agreed.to_string()),
        asked: Some(asked(&request, redactor)),
        ..opened(address, subprotocol, extensions)
    };
    let (conn, opened) = (number, &opened);
    let about = about(&request, scheme, opened, number);
    ends.report(&Event::Open { conn, opened });
    Connection {
        stream,
        early,
        first: None,
        deflate,
        role: Role::Server,
        number,
        about,
        turn,
    }
}

fn opened(address: SocketAddr, subprotocol: Option<String>, extensions: Option<String>) -> Opened {
    Opened {
        address: Some(Address::Inet(address)),
        proxy: None,
        status: 101,
        http: "1.1",
        subprotocol,
        extensions,
        compression: None,
        tls: None,
        timing: Timing::default(),
        asked: None,
    }
}

/// What commands are told of a client.
fn about(request: &hyper::Request<()>, scheme: &str, opened: &Opened, connection: u32) -> About {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter();
    let host = request.headers().get("host").map(text).unwrap_or_default();
    let target = shown_target(&request.uri().to_string());
    About {
        url: format!("{scheme}://{host}{target}"),
        subprotocol: opened.subprotocol.clone(),
        peer: opened.address.as_ref().map(ToString::to_string),
        connection,
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        ..About::default()
    }
}

/// The request as it may be shown.
fn asked(request: &hyper::Request<()>, redactor: &Redactor) -> Asked {
    let target = request.uri().to_string();
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = shown_header(name.as_str(), &value, redactor);
        (name.as_str().to_owned(), value)
    });
    Asked {
        method: request.method().to_string(),
        headers: headers.collect(),
        target: match redactor.includes_secrets() {
            true => target,
            false => shown_target(&target),
        },
    }
}

/// The head of a request without the secrets in the query of its first line. Those of the headers have
/// been removed before.
fn without_secrets(head: Vec<u8>, redactor: &Redactor) -> Vec<u8> {
    let text = String::from_utf8_lossy(&head);
    let Some((first, rest)) = text.split_once("\r\n") else {
        return head;
    };
    let words: Vec<&str> = first.split(' ').collect();
    let [method, target, version] = words[..] else {
        return head;
    };
    if redactor.includes_secrets() {
        return head;
    }
    let target = shown_target(target);
    format!("{method} {target} {version}\r\n{rest}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_the_query_of_a_client_is_not_shown() {
        let head = b"GET /chat?token=abc&room=1 HTTP/1.1\r\nHost: x\r\n".to_vec();
        let shown = without_secrets(head.clone(), &Redactor::default());
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "GET /chat?token=[redacted]&room=1 HTTP/1.1\r\nHost: x\r\n"
        );
        assert_eq!(without_secrets(head.clone(), &Redactor::new(true)), head);
    }

    #[test]
    fn the_request_of_a_client_is_shown_without_its_credentials() {
        let request = hyper::Request::get("/chat?token=abc")
            .header("Authorization", "Bearer xyz")
            .header("Host", "localhost")
            .body(())
            .unwrap();
        let asked = asked(&request, &Redactor::default());
        assert_eq!(asked.target, "/chat?token=[redacted]");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            asked.headers,
            [
                header("authorization", "Bearer [redacted]"),
                header("host", "localhost")
            ]
        );
    }
}

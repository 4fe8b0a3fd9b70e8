//! The hub over HTTP, for those who look something up or come back after an outage: rooms, messages,
//! clients, as JSON. It changes nothing.

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::driver::Hub;
use super::encode;
use super::envelope::{self, DEFAULT_LIMIT};
use super::store::{After, Answer as FromStore, Id, Name, Request, View};
use crate::handshake::bearer::{CHALLENGE, CHALLENGE_INVALID};
use crate::serve::response::{self, Answer, Refusal};

/// What can be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Resource {
    Rooms,
    RoomMessages(Name, Page),
    Clients,
    /// What is addressed to the user, as a connection with `after` gets it.
    Messages(Page),
}

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Page {
    pub after: Id,
    pub limit: usize,
}

impl Page {
    /// From the parameters of a URL.
    ///
    /// # Errors
    /// 400
    pub(in crate::serve) fn read(
        after: Option<&str>,
        limit: Option<&str>,
    ) -> Result<Page, Refusal> {
        let after = after.map_or(Ok(0), |text| envelope::id("`after`", text));
        let limit = limit.map_or(Ok(DEFAULT_LIMIT), |text| envelope::limit("`limit`", text));
        match (after, limit) {
            (Ok(after), Ok(limit)) => Ok(Page { after, limit }),
            (Err(why), _) | (_, Err(why)) => Err(refusal(StatusCode::BAD_REQUEST, &why)),
        }
    }
}

/// Where a client that connects left off, from the parameters of its URL.
///
/// # Errors
/// 400
pub(in crate::serve) fn after(
    after: Option<&str>,
    epoch: Option<String>,
) -> Result<Option<After>, Refusal> {
    let Some(text) = after else {
        return Ok(None);
    };
    let id = envelope::id("`after`", text).map_err(|why| refusal(StatusCode::BAD_REQUEST, &why))?;
    let epoch = epoch.map(Name::from);
    Ok(Some(After { id, epoch }))
}

/// The name of a room, as it stands in a path.
///
/// # Errors
/// 400
pub(in crate::serve) fn room(segment: &str) -> Result<Name, Refusal> {
    let bad = |why: &str| refusal(StatusCode::BAD_REQUEST, why);
    let decoded = percent_decode_str(segment).decode_utf8();
    let decoded = decoded.map_err(|_| bad("the name of the room is not UTF-8"))?;
    envelope::name("the name of the room", &decoded).map_err(|why| bad(&why))
}

/// Looks it up for a user.
pub(in crate::serve) async fn answer(hub: Hub, user: Name, resource: Resource) -> Answer {
    let found = match resource {
        Resource::Rooms => hub.ask(Request::Rooms).await,
        Resource::Clients => hub.ask(Request::Clients).await,
        Resource::RoomMessages(room, page) => return room_messages(&hub, room, page).await,
        Resource::Messages(Page { after, limit }) => {
            let view = View::User {
                user,
                direct_after: after,
                other_after: after,
            };
            hub.ask(Request::Page { view, limit }).await
        }
    };
    shown(found)
}

/// A room without messages may be one that nobody knows.
async fn room_messages(hub: &Hub, room: Name, page: Page) -> Answer {
    let view = View::Room {
        room: Name::clone(&room),
        after: page.after,
    };
    let limit = page.limit;
    let found = hub.ask(Request::Page { view, limit }).await;
    let is_empty = matches!(&found, Some(FromStore::Page(page)) if page.messages.is_empty());
    if is_empty
        && let Some(FromStore::Rooms(rooms)) = hub.ask(Request::Rooms).await
        && !rooms.contains(&room)
    {
        return error(
            StatusCode::NOT_FOUND,
            "there is no such room; /events/rooms lists those that have members or messages",
        );
    }
    shown(found)
}

fn shown(answer: Option<FromStore>) -> Answer {
    let body = match answer {
        Some(FromStore::Rooms(rooms)) => encode::rooms_body(&rooms),
        Some(FromStore::Page(page)) => encode::messages_body(&page.messages),
        Some(FromStore::Clients { users, clients }) => encode::clients_body(&users, clients),
        Some(FromStore::Failed(why)) => return error(StatusCode::SERVICE_UNAVAILABLE, &why),
        _ => return closing(),
    };
    json(StatusCode::OK, body)
}

/// A 503 of a hub that ends.
pub(in crate::serve) fn closing() -> Answer {
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "the server is shutting down; connect again in a moment",
    )
}

/// A 404 for a path below `/events` that is none of the hub.
pub(in crate::serve) fn unknown() -> Answer {
    error(
        StatusCode::NOT_FOUND,
        "there is no such path; there are /events/rooms, /events/rooms/NAME/messages, \
         /events/clients and /events/messages",
    )
}

/// A 401. `given`: there was a token, and it is not known.
pub(in crate::serve) fn unauthorized(given: bool) -> Answer {
    let (sentence, challenge) = if given {
        (
            "the token is not known; the server's --token lists them",
            CHALLENGE_INVALID,
        )
    } else {
        (
            "a token is missing; send it as `Authorization: Bearer TOKEN` or as ?token=TOKEN",
            CHALLENGE,
        )
    };
    let mut answer = error(StatusCode::UNAUTHORIZED, sentence);
    response::insert(&mut answer, WWW_AUTHENTICATE, challenge);
    answer
}

/// A 403.
pub(in crate::serve) fn forbidden() -> Answer {
    error(StatusCode::FORBIDDEN, "the token is known and barred")
}

/// A 405, unless the method only reads.
///
/// # Errors
/// The 405.
pub(in crate::serve) fn check_method(method: &Method) -> Result<(), Refusal> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let sentence = "the hub is only read over HTTP (GET); messages are sent over WebSocket";
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, sentence);
    response::insert(&mut answer, ALLOW, "GET, HEAD");
    Err(Box::new(answer))
}

fn refusal(status: StatusCode, sentence: &str) -> Refusal {
    Box::new(error(status, sentence))
}

fn error(status: StatusCode, sentence: &str) -> Answer {
    let mut answer = json(status, encode::error_body(sentence));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response::insert(&mut answer, RETRY_AFTER, "1");
    }
    answer
}

fn json(status: StatusCode, mut body: Vec<u8>) -> Answer {
    body.push(b'\n');
    let mut answer = response::text(status, Bytes::from(body));
    response::insert(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

//! `/events`: the event hub, over WebSocket and, to look things up, over HTTP.

use futures_util::FutureExt as _;

use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::handshake::bearer::{self, Presented};
use crate::serve::connection::Connection;
use crate::serve::hub::http::{self, Page, Resource};
use crate::serve::hub::store::{After, Name};
use crate::serve::hub::{self, Access, Hub};
use crate::serve::response::Refusal;

pub(super) const SPEC: Spec = Spec {
    path: "/events",
    parameters: "?token=T&after=ID",
    help: "the event hub: users, rooms, presence, messages with ids;
GET /events/rooms, /events/clients, /events/messages?after=ID",
    details: &[
        parameter(
            "token",
            "the token, where no header has it",
            "the first message",
        ),
        parameter("after", "the id of the last message received", "none"),
        parameter("epoch", "the epoch of that id", "the current one"),
    ],
    open,
};

pub(super) const ROOMS: Spec = lookup("/events/rooms", |request| look_up(request, Resource::Rooms));

pub(super) const CLIENTS: Spec = lookup("/events/clients", |request| {
    look_up(request, Resource::Clients)
});

pub(super) const MESSAGES: Spec = lookup("/events/messages", |request| {
    look_up(request, Resource::Messages(page(request)?))
});

pub(super) const ROOM_MESSAGES: Spec = lookup("/events/rooms/NAME/messages", |request| {
    let mut segments = request.path().rsplit('/');
    let room = http::room(segments.nth(1).unwrap_or_default())?;
    look_up(request, Resource::RoomMessages(room, page(request)?))
});

/// What is only looked up; the help has it in the row of `/events`.
const fn lookup(path: &'static str, open: fn(Request<'_>) -> Result<Opened, Refusal>) -> Spec {
    Spec {
        path,
        parameters: "",
        help: "",
        details: &[],
        open,
    }
}

struct Events {
    hub: Hub,
    user: Option<Name>,
    after: Option<After>,
}

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let hub = request.shared.hub();
    if hub.is_closing() {
        return Err(Box::new(http::closing()));
    }
    let query = request.query();
    Ok(Opened::websocket(Events {
        hub: hub.clone(),
        user: user(request)?,
        after: http::after(query.get("after").as_deref(), query.get("epoch"))?,
    }))
}

fn page(request: Request<'_>) -> Result<Page, Refusal> {
    let query = request.query();
    Page::read(query.get("after").as_deref(), query.get("limit").as_deref())
}

fn look_up(request: Request<'_>, resource: Resource) -> Result<Opened, Refusal> {
    http::check_method(request.method)?;
    let hub = request.shared.hub().clone();
    let user = user(request)?.ok_or_else(|| Box::new(http::unauthorized(false)))?;
    let answer = http::answer(hub, user, resource).map(|answer| Ok(Opened::Http(answer)));
    Ok(Opened::Later(answer.boxed()))
}

/// Whose the token of the request is, if it has one: in its header, or else in its query.
fn user(request: Request<'_>) -> Result<Option<Name>, Refusal> {
    let access = match bearer::presented(request.headers, request.query().0) {
        Presented::Token(token) => request.shared.hub().check(&token),
        Presented::Other => Access::Unknown,
        Presented::None => return Ok(None),
    };
    match access {
        Access::User(user) => Ok(Some(user)),
        Access::Barred => Err(Box::new(http::forbidden())),
        Access::Unknown => Err(Box::new(http::unauthorized(true))),
    }
}

impl Endpoint for Events {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        let after = self.after.take();
        hub::serve(&self.hub, self.user.take(), after, connection).boxed()
    }
}

//! A request as endpoints see it: its head, and access to what connections share. It never answers.

use std::time::SystemTime;

use hyper::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Method, Request as HttpRequest, Version};

use super::query::Query;
use crate::handshake::server;
use crate::serve::response::Refusal;
use crate::serve::shared::Shared;

/// The head of a request, and what the server knows apart from it.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(super) method: &'a Method,
    /// The path and query as they were requested.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) wants_websocket: bool,
    /// It came over HTTP/2, where an answer is no text.
    pub(super) is_http2: bool,
    pub(super) shared: &'a Shared,
    pub(super) now: SystemTime,
}

impl<'a> Request<'a> {
    pub(crate) fn new<B>(request: &'a HttpRequest<B>, shared: &'a Shared, now: SystemTime) -> Self {
        let target = request.uri().path_and_query();
        Request {
            method: request.method(),
            target: target.map_or("", |target| target.as_str()),
            headers: request.headers(),
            wants_websocket: server::wants_websocket(request),
            is_http2: request.version() == Version::HTTP_2,
            shared,
            now,
        }
    }

    pub(super) fn path(self) -> &'a str {
        let (path, _) = self.target.split_once('?').unwrap_or((self.target, ""));
        path
    }

    /// The last segment of the path, where the URL of the endpoint has a name in capitals.
    pub(super) fn argument(self) -> &'a str {
        let (_, last) = self.path().rsplit_once('/').unwrap_or_default();
        last
    }

    pub(super) fn query(self) -> Query<'a> {
        let (_, query) = self.target.split_once('?').unwrap_or_default();
        Query(query)
    }

    /// A number of the query, drawn where a range is given; without the parameter, 0.
    ///
    /// # Errors
    /// 400
    pub(super) fn count(self, name: &str) -> Result<u64, Refusal> {
        let range = self.query().range(name)?;
        Ok(range.map_or(0, |range| range.draw(&mut self.shared.state().rng)))
    }

    /// The subprotocols that the client offers, in its order.
    pub(super) fn subprotocols(self) -> Vec<&'a str> {
        let lines = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
        let names = lines.filter_map(|line| line.to_str().ok());
        names
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Whether the request asks for a WebSocket.
    pub(super) fn wants_websocket(self) -> bool {
        self.wants_websocket
    }
}

/// What `read` makes of a GET of this target.
#[cfg(test)]
pub(super) fn get<T>(target: &str, read: impl FnOnce(Request<'_>) -> T) -> T {
    let headers = HeaderMap::new();
    let shared = Shared::default();
    read(Request {
        method: &Method::GET,
        target,
        headers: &headers,
        wants_websocket: false,
        is_http2: false,
        shared: &shared,
        now: SystemTime::UNIX_EPOCH,
    })
}

/// Fails unless `read` refuses a GET of this target with 400.
#[cfg(test)]
#[track_caller]
pub(super) fn is_bad<T>(target: &str, read: impl FnOnce(Request<'_>) -> Result<T, Refusal>) {
    let refusal = get(target, read).err();
    let status = refusal.map(|refusal| refusal.status().as_u16());
    assert_eq!(status, Some(400), "{target}");
}

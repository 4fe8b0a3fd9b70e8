//! What an endpoint is: a row of the table, and what it does with a request and with a connection.

use std::num::NonZeroU32;

use futures_util::future::BoxFuture;
use hyper::HeaderMap;

use super::request::Request;
use crate::close::Close;
use crate::serve::connection::{Connection, End, EndReason};
use crate::serve::response::{Answer, Refusal};
use crate::wire::extension::{self, Agreed};
use crate::wire::shim;

/// A row of the table of endpoints.
pub(super) struct Spec {
    /// The path. A segment in capitals stands for any segment: [`Request::argument`].
    pub(super) path: &'static str,
    /// The parameters that the help shows, with the `?`.
    pub(super) parameters: &'static str,
    /// The text of the help, in lines of at most 65 characters; empty where the help does not list
    /// the endpoint.
    pub(super) help: &'static str,
    /// What the query may say, for the listing that programs read.
    pub(super) details: &'static [Parameter],
    /// Reads the URL and returns what is there.
    ///
    /// # Errors
    /// 400 for a parameter out of range, 404 for a name that is unknown.
    pub(super) open: fn(Request<'_>) -> Result<Opened, Refusal>,
}

/// A parameter of the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    /// What is taken where the query does not have it, in words where that is no value.
    pub(super) default: &'static str,
}

/// A row of [`Spec::details`].
pub(super) const fn parameter(
    name: &'static str,
    meaning: &'static str,
    default: &'static str,
) -> Parameter {
    Parameter {
        name,
        meaning,
        default,
    }
}

/// Whether a segment of a path in the table stands for any segment.
pub(super) fn is_argument(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_uppercase())
}

impl Spec {
    /// Whether this is the endpoint of a path.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        let alike = self.path.split('/').all(|expected| {
            let segment = segments.next();
            segment.is_some_and(|segment| segment == expected || is_argument(expected))
        });
        alike && segments.next().is_none()
    }
}

/// What there is at a URL.
pub(crate) enum Opened {
    /// An answer over HTTP, whether or not a WebSocket was asked for.
    Http(Answer),
    /// What takes time: the work that tells what there is.
    Later(BoxFuture<'static, Result<Opened, Refusal>>),
    /// An endpoint, if the handshake is good.
    WebSocket(Box<dyn Endpoint>),
}

impl Opened {
    pub(super) fn websocket(endpoint: impl Endpoint + 'static) -> Self {
        Opened::WebSocket(Box::new(endpoint))
    }
}

/// The work of [`Endpoint::run`].
pub(crate) type Run<'a> = BoxFuture<'a, Result<End, EndReason>>;

/// A WebSocket endpoint, for one connection.
pub(crate) trait Endpoint: Send {
    /// Restricts what the server may agree to.
    fn restrict(&self, _extensions: &mut extension::Options) {}

    /// Looks at a handshake that is good otherwise. `deflate` is what was agreed on.
    ///
    /// # Errors
    /// The response in place of a 101.
    fn admit(&mut self, _request: Request<'_>, _deflate: Option<&Agreed>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Changes how the connection works on the wire.
    fn configure(&self, _wire: &mut shim::Options) {}

    /// Whether the client is pinged, and the connection ended where it does not answer.
    fn heartbeat(&self) -> bool {
        true
    }

    /// Changes the headers of the answer that accepts the client.
    fn amend(&self, _headers: &mut HeaderMap) {}

    /// The bytes a second that the stream below the WebSocket may carry, each way.
    fn rate(&self) -> Option<NonZeroU32> {
        None
    }

    /// How the connection ends when the server is shut down.
    fn shutdown(&self) -> End {
        End::Close(Close::new(1001, "server shutting down"))
    }

    /// Serves the connection until the endpoint ends it.
    ///
    /// # Errors
    /// Why it ended before.
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a>;
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::serve::response::status;

    #[test]
    fn a_path_matches_by_all_its_segments() {
        let matches = |path, requested: &str| {
            let spec = Spec {
                path,
                parameters: "",
                help: "",
                details: &[],
                open: |_| Ok(Opened::Http(status(StatusCode::OK))),
            };
            spec.matches(requested)
        };
        assert!(matches("/echo", "/echo"));
        for path in ["/", "", "*", "/Echo", "/echo/", "/echo2", "/echo/x"] {
            assert!(!matches("/echo", path), "{path}");
        }
        assert!(matches("/close/CODE", "/close/1000"));
        assert!(matches("/close/CODE", "/close/"));
        for path in ["/close", "/close/1000/x", "/close/1000/", "/x/1000"] {
            assert!(!matches("/close/CODE", path), "{path}");
        }
    }
}

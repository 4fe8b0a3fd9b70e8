//! A client of the debug server, and what its requests are answered with: a page, a refusal, or an
//! endpoint that is admitted. It is the same for either version of HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{Request as HttpRequest, Version};
use tokio::sync::watch;

use super::connection::{self, Connection};
use super::endpoints::{self, Endpoint, Opened, Request};
use super::entrance::Slot;
use super::forwarded;
use super::log::{Event, Tls, Visitor, shown};
use super::options::Options;
use super::peer::Peer;
use super::response::{Answer, Body, Refusal};
use super::shared::Shared;
use super::stream::Stream;
use crate::handshake::guard::{self, Arrival, Denied};
use crate::handshake::server;
use crate::uri::without_userinfo;
use crate::wire::shim;

/// A client that has connected.
pub(super) struct Client {
    pub(super) peer: Peer,
    pub(super) arrival: Arrival,
    /// What TLS agreed on.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) options: Arc<Options>,
    pub(super) shared: Shared,
    /// Its place among the connections that are open, until it ends.
    pub(super) _slot: Slot,
}

/// What follows a handshake that was accepted, and whose it was.
pub(super) struct Visit {
    visitor: Visitor,
    /// The target of the request, as it is logged.
    path: String,
    admission: Admission,
}

/// A body that is whole.
pub(super) fn whole(body: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(body.into()))
}

/// What follows a handshake that was accepted.
pub(super) struct Admission {
    endpoint: Box<dyn Endpoint>,
    wire: shim::Options,
}

impl Client {
    /// The answer to a request, which is logged. A visit comes with a handshake that was accepted, and
    /// with nothing else.
    pub(super) async fn answer(&self, request: &HttpRequest<()>) -> (Answer, Option<Visit>) {
        let now = SystemTime::now();
        let (answer, admission) = self.answer_if_allowed(request, now).await;
        let path = shown(target(request));
        let visitor = self.visitor_of(request);
        let event = Event::Request {
            method: request.method().as_str(),
            path: &path,
            status: answer.status().as_u16(),
        };
        self.options.record(Some(&visitor), event);
        let visit = admission.map(|admission| Visit {
            visitor,
            path,
            admission,
        });
        (answer, visit)
    }

    async fn answer_if_allowed(
        &self,
        request: &HttpRequest<()>,
        now: SystemTime,
    ) -> (Answer, Option<Admission>) {
        let page = match guard::check(&self.options.guard, self.arrival, request) {
            Ok(page) => page,
            Err(denied) => {
                let Denied { why, answer } = *denied;
                let visitor = self.visitor_of(request);
                let sentence = format_args!("refused: {why}");
                self.options.note(Some(&visitor), sentence);
                return (answer.map(whole), None);
            }
        };
        let (mut answer, admission) = match guard::preflight(request) {
            Some(answer) => (answer.map(|()| whole("")), None),
            None => answer(request, &self.options, &self.shared, now).await,
        };
        guard::share(&mut answer, page);
        (answer, admission)
    }

    /// Logs a sentence about the connection.
    pub(super) fn log(&self, sentence: fmt::Arguments<'_>) {
        self.options.note(Some(&self.visitor()), sentence);
    }

    /// Who sent a request, as far as a proxy in front can be believed.
    fn visitor_of(&self, request: &HttpRequest<()>) -> Visitor {
        let trusted = self.options.trust_proxy;
        let forwarded = trusted.then(|| forwarded::client(request.headers()));
        Visitor {
            forwarded: forwarded.flatten(),
            ..self.visitor()
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor {
            peer: self.peer,
            forwarded: None,
            tls: self.tls.clone(),
        }
    }
}

impl Visit {
    /// Serves one WebSocket until it has ended, `stopped` at the latest, and logs how it ended.
    pub(super) async fn serve(
        self,
        options: &Options,
        stream: Stream,
        stopped: impl Future<Output = ()>,
    ) {
        let Admission { mut endpoint, wire } = self.admission;
        let stream = match endpoint.rate() {
            Some(rate) => stream.throttled(rate),
            None => stream,
        };
        let started = Instant::now();
        let mut connection = Connection::new(stream, &wire).await;
        if endpoint.heartbeat() {
            connection.start_heartbeat(&options.heartbeat);
        }
        if let Some(interval) = options.limits.message_interval {
            connection.limit_rate(interval);
        }
        let shutdown = endpoint.shutdown();
        let end = tokio::select! {
            // First, because an endpoint that is busy may use up what a task may do in one turn.
            biased;
            () = stopped => Ok(shutdown),
            end = endpoint.run(&mut connection) => end,
        };
        let mut volume = connection.take_volume();
        // Boxed, because the task would have room for it from the beginning.
        let ended = Box::pin(connection.finish(end)).await;
        volume.duration = started.elapsed();
        let event = Event::Closed {
            path: &self.path,
            ended: &ended.after(volume),
        };
        options.record(Some(&self.visitor), event);
    }
}

/// The target as it is logged: over HTTP/2, only the path and query of a URL; over HTTP/1.1, a whole URL
/// without its userinfo.
fn target<B>(request: &HttpRequest<B>) -> String {
    let uri = request.uri();
    let path = uri.path_and_query();
    match (path, uri.authority()) {
        (Some(path), _) if request.version() == Version::HTTP_2 => path.to_string(),
        (path, Some(authority)) => {
            let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://"));
            let host = without_userinfo(authority.as_str());
            let path = path.map_or("", |path| path.as_str());
            format!("{}{host}{path}", scheme.unwrap_or_default())
        }
        (_, None) => uri.to_string(),
    }
}

/// Waits until the server stops.
pub(super) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stop| *stop).await;
}

pub(super) async fn answer(
    request: &HttpRequest<()>,
    options: &Options,
    shared: &Shared,
    now: SystemTime,
) -> (Answer, Option<Admission>) {
    let seen = Request::new(request, shared, now);
    let mut opened = endpoints::open(seen);
    let admitted = loop {
        opened = match opened {
            Ok(Opened::Later(work)) => work.await,
            Ok(Opened::Http(answer)) => return (answer, None),
            Ok(Opened::WebSocket(endpoint)) => break admit(request, seen, endpoint, options),
            Err(refusal) => break Err(refusal),
        };
    };
    match admitted {
        Ok((switching, admission)) => (switching, Some(admission)),
        Err(refusal) => (*refusal, None),
    }
}

/// Lets a client in, unless its handshake is bad or the endpoint has something against it.
fn admit<B>(
    request: &HttpRequest<B>,
    seen: Request<'_>,
    mut endpoint: Box<dyn Endpoint>,
    options: &Options,
) -> Result<(Answer, Admission), Refusal> {
    let mut extensions = options.extensions;
    endpoint.restrict(&mut extensions);
    let accepted =
        server::accept(request, &extensions).map_err(|rejection| rejection.map(whole))?;
    endpoint.admit(seen, accepted.deflate.as_ref())?;
    let mut wire = shim::Options {
        deflate: accepted.deflate,
        deflate_level: options.deflate_level,
        max_message_size: options.limits.max_message_size,
        ..connection::wire_options()
    };
    endpoint.configure(&mut wire);
    let mut switching = accepted.response.map(|()| whole(""));
    endpoint.amend(switching.headers_mut());
    Ok((switching, Admission { endpoint, wire }))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use hyper::http::request::Builder;

    use super::*;

    fn handshake(path: &str) -> Builder {
        HttpRequest::get(path)
            .header("Host", "server.example.com")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13")
    }

    /// The status of the answer, and what was admitted.
    #[track_caller]
    fn ask_again(builder: Builder, shared: &Shared) -> (u16, Option<Admission>) {
        let request = builder.body(()).unwrap();
        let options = Options::default();
        let answered = answer(&request, &options, shared, SystemTime::UNIX_EPOCH);
        // None of these takes time.
        let (answer, admission) = answered.now_or_never().unwrap();
        assert_eq!(admission.is_some(), answer.status() == 101);
        (answer.status().as_u16(), admission)
    }

    #[track_caller]
    fn ask(builder: Builder) -> (u16, Option<Admission>) {
        ask_again(builder, &Shared::default())
    }

    #[track_caller]
    fn is_refused(builder: Builder, code: u16) {
        assert_eq!(ask(builder).0, code);
    }

    #[test]
    fn the_target_that_is_logged_has_no_userinfo() {
        for (uri, expected) in [
            ("/echo?x=1", "/echo?x=1"),
            ("*", "*"),
            (
                "http://localhost:80/echo?x=1",
                "http://localhost:80/echo?x=1",
            ),
            (
                "http://user:s3cret@localhost/echo?x",
                "http://localhost/echo?x",
            ),
            ("user:s3cret@localhost:80", "localhost:80"),
        ] {
            let request = HttpRequest::get(uri).body(()).unwrap();
            assert_eq!(target(&request), expected);
        }
    }

    #[test]
    fn a_compression_fault_requires_compression() {
        let offering =
            |path| handshake(path).header("Sec-WebSocket-Extensions", "permessage-deflate");
        let agreed = |path| {
            let (status, admission) = ask(offering(path));
            assert_eq!(status, 101, "{path}");
            admission.unwrap().wire.deflate.is_some()
        };
        assert!(agreed("/echo") && agreed("/frames/bomb") && agreed("/frames/rsv"));
        // RSV1 would be no fault with it.
        assert!(!agreed("/frames/rsv1"));
        is_refused(handshake("/frames/bomb"), 400);
        is_refused(HttpRequest::get("/frames/bomb").header("Host", "x"), 426);
    }

    #[test]
    fn a_flaky_endpoint_refuses_valid_handshakes_only() {
        let shared = Shared::default();
        let flaky = || ask_again(handshake("/flaky?fail=2"), &shared).0;
        let bad = HttpRequest::get("/flaky?fail=2").header("Host", "x");
        assert_eq!(ask_again(bad, &shared).0, 426);
        assert_eq!([flaky(), flaky(), flaky()], [503, 503, 101]);
    }

    #[test]
    fn a_ledger_answers_both_protocols() {
        let plain = |method, path| HttpRequest::builder().method(method).uri(path);
        is_refused(plain("GET", "/ledger?format=json"), 200);
        is_refused(plain("DELETE", "/ledger"), 204);
        is_refused(plain("POST", "/ledger"), 405);
        let (status, admission) = ask(handshake("/ledger"));
        assert!(status == 101 && admission.unwrap().wire.hide_pings);
        let (status, admission) = ask(handshake("/echo"));
        assert!(status == 101 && !admission.unwrap().wire.hide_pings);
    }

    #[test]
    fn the_root_lists_and_the_rest_is_refused() {
        is_refused(HttpRequest::get("/?x"), 200);
        is_refused(HttpRequest::get("/frames?x"), 200);
        is_refused(handshake("/frames/nothing"), 404);
        is_refused(handshake("/nowhere"), 404);
        is_refused(handshake("/close/1"), 400);
        is_refused(handshake("/expire"), 401);
        is_refused(HttpRequest::get("/echo").header("Host", "x"), 426);
    }
}

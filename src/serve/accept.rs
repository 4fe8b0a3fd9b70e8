//! One TCP connection to the debug server: HTTP requests first and, once one of them was a good
//! WebSocket handshake, its endpoint.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use http_body_util::{Either, Full};
use hyper::Request as HttpRequest;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connection::{self, Connection};
use super::endpoints::{self, Endpoint, Opened, Request};
use super::header_case;
use super::log::{Ended, shown};
use super::options::Options;
use super::response::{Answer, Refusal};
use super::shared::{Shared, lock};
use crate::handshake::server;
use crate::wire::shim;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that has connected.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    pub(super) options: Options,
    pub(super) shared: Shared,
}

/// What follows a 101.
struct Admission {
    endpoint: Box<dyn Endpoint>,
    wire: shim::Options,
}

impl Client {
    /// Serves the client until the connection has ended, soon after `stopping` turns true.
    pub(super) async fn serve(self, stream: TcpStream, stopping: watch::Receiver<bool>) {
        let Some((upgrade, admission)) = self.serve_http(stream, stopped(stopping.clone())).await
        else {
            return;
        };
        match upgrade.await {
            Ok(upgraded) => {
                let ended = admission.serve(upgraded, stopped(stopping)).await;
                self.log(format_args!("{ended}"));
            }
            Err(error) => self.log(format_args!("upgrade: {error}")),
        }
    }

    async fn serve_http(
        &self,
        stream: TcpStream,
        stopped: impl Future<Output = ()>,
    ) -> Option<(OnUpgrade, Admission)> {
        // Without it a small echo waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let upgrade = Mutex::new(None);
        let service = service_fn(|request| {
            let (answer, wanted) = self.answer(request);
            if wanted.is_some() {
                *lock(&upgrade) = wanted;
            }
            ready(Ok::<_, Infallible>(answer))
        });
        let mut http = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .title_case_headers(true)
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let served = tokio::select! {
            served = http.as_mut() => served,
            () = stopped => {
                http.as_mut().graceful_shutdown();
                http.as_mut().await
            }
        };
        if let Err(error) = served {
            self.log(format_args!("HTTP: {error}"));
        }
        lock(&upgrade).take()
    }

    fn answer(
        &self,
        mut request: HttpRequest<Incoming>,
    ) -> (Answer, Option<(OnUpgrade, Admission)>) {
        let now = SystemTime::now();
        let (mut answer, admission) = answer(&request, &self.options, &self.shared, now);
        let (method, target) = (request.method(), shown(request.uri()));
        self.log(format_args!(
            "{method} {target} -> {}",
            answer.status().as_u16()
        ));
        *answer.extensions_mut() = header_case::extensions().clone();
        let upgrade = admission.map(|admission| (hyper::upgrade::on(&mut request), admission));
        (answer, upgrade)
    }

    fn log(&self, line: fmt::Arguments<'_>) {
        self.options.log(format_args!("{} {line}", self.peer));
    }
}

impl Admission {
    /// Serves one WebSocket until it has ended, `stopped` at the latest.
    async fn serve(mut self, upgraded: Upgraded, stopped: impl Future<Output = ()>) -> Ended {
        let mut connection = Connection::new(TokioIo::new(upgraded), &self.wire).await;
        let shutdown = self.endpoint.shutdown();
        let end = tokio::select! {
            // First, because an endpoint that is busy may use up what a task may do in one turn.
            biased;
            () = stopped => Ok(shutdown),
            end = self.endpoint.run(&mut connection) => end,
        };
        // Boxed, because the task would have room for it from the beginning.
        Box::pin(connection.finish(end)).await
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The answer to a request. An admission goes with a 101 and with nothing else.
fn answer<B>(
    request: &HttpRequest<B>,
    options: &Options,
    shared: &Shared,
    now: SystemTime,
) -> (Answer, Option<Admission>) {
    let seen = Request::new(request, shared, now);
    let admitted = match endpoints::open(seen) {
        Ok(Opened::Http(answer)) => return (answer, None),
        Ok(Opened::WebSocket(endpoint)) => admit(request, seen, endpoint, options),
        Err(refusal) => Err(refusal),
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
    let accepted = server::accept(request, &extensions)
        .map_err(|rejection| rejection.map(|body| Either::Left(Full::from(body))))?;
    endpoint.admit(seen, accepted.deflate.as_ref())?;
    let mut wire = shim::Options {
        deflate: accepted.deflate,
        deflate_level: options.deflate_level,
        ..connection::wire_options()
    };
    endpoint.configure(&mut wire);
    let switching = accepted.response.map(|()| Either::Left(Full::default()));
    Ok((switching, Admission { endpoint, wire }))
}

#[cfg(test)]
mod tests {
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
        let (answer, admission) = answer(
            &request,
            &Options::default(),
            shared,
            SystemTime::UNIX_EPOCH,
        );
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

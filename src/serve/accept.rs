//! One connection to the debug server, in either version of HTTP: over
//! HTTP/1.1, requests first and, once one of them was a good WebSocket handshake, its endpoint.

use std::convert::Infallible;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Mutex;

use http_body_util::{BodyExt as _, Either};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::client::{Client, Visit, stopped};
use super::handshake_faults::Ending;
use super::incoming::Io;
use super::link::Link;
use super::opening::Opened;
use super::patience::{Overdue, Patience, UNREAD};
use super::preface::Peeked;
use super::raw_answer::{self, RawAnswer};
use super::response::{Answer, Body};
use super::shared::lock;
use super::stream::Stream;
use super::{header_case, http2, opening};
use crate::transport::tls::server::Acceptor;
use crate::units;

/// The smallest buffer that hyper takes, in bytes.
const MIN_BUFFER: usize = 8 << 10;

/// Serves the client until the connection has ended, soon after `stopping` turns true.
pub(super) async fn serve(
    mut client: Client,
    io: Io,
    acceptor: Option<Acceptor>,
    stopping: watch::Receiver<bool>,
) {
    let deadline = Instant::now() + client.options.limits.handshake_timeout;
    // Boxed, because the task would have room for a handshake until it ends.
    let opening = Box::pin(opening::open(io, acceptor.as_ref()));
    let opened = tokio::select! {
        opened = timeout_at(deadline, opening) => opened,
        () = stopped(stopping.clone()) => return,
    };
    match opened {
        Ok(Ok(Some(Opened {
            is_http2,
            stream,
            tls,
        }))) => {
            if tls.is_some() {
                client.arrival.tls = Some(true);
            }
            client.tls = tls;
            match is_http2 {
                false => serve_http1(client, stream, deadline, stopping).await,
                true => http2::serve(client, stream, deadline, stopping).await,
            }
        }
        // It closed without a request.
        Ok(Ok(None)) => {}
        Ok(Err(why)) => client.log(format_args!("{why}")),
        Err(_) => client.log(format_args!("HTTP: {}", no_request(&client))),
    }
}

/// The words for a client that says nothing, or not enough.
fn no_request(client: &Client) -> String {
    let timeout = units::written(client.options.limits.handshake_timeout);
    format!("no request came within {timeout} (--handshake-timeout)")
}

fn late(client: &Client, overdue: Overdue) -> String {
    match overdue {
        Overdue::Request => no_request(client),
        Overdue::Answer => UNREAD.to_owned(),
    }
}

async fn serve_http1(
    client: Client,
    stream: Peeked<Link>,
    deadline: Instant,
    stopping: watch::Receiver<bool>,
) {
    let requests = serve_requests(&client, stream, deadline, stopped(stopping.clone()));
    let Some((upgrade, visit)) = requests.await else {
        return;
    };
    match upgrade.await {
        Ok(upgraded) => {
            let stream = Stream::Http1(TokioIo::new(upgraded));
            let visit = visit.serve(&client.options, stream, stopped(stopping));
            visit.await;
        }
        Err(error) => client.log(format_args!("upgrade: {error}")),
    }
}

async fn serve_requests(
    client: &Client,
    stream: Peeked<Link>,
    deadline: Instant,
    stopped: impl Future<Output = ()>,
) -> Option<(OnUpgrade, Visit)> {
    let upgrade = Mutex::new(None);
    let limits = &client.options.limits;
    let patience = Patience::new(deadline, limits.handshake_timeout);
    let (raw, is_raw) = (Mutex::new(None), Notify::new());
    let service = service_fn(async |request| {
        patience.handle_request();
        let (mut answer, wanted) = answer(client, request).await;
        if let Some(instead) = answer.extensions_mut().remove::<RawAnswer>() {
            *lock(&raw) = Some(instead);
            is_raw.notify_one();
            // hyper is to write nothing.
            pending::<()>().await;
        }
        patience.handle_answer();
        let mut answer = answer.map(|body| watched(body, &patience));
        *answer.extensions_mut() = header_case::extensions().clone();
        if wanted.is_some() {
            *lock(&upgrade) = wanted;
        }
        Ok::<_, Infallible>(answer)
    });
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .header_read_timeout(limits.handshake_timeout)
        .max_header_size(limits.max_head_size)
        .max_buf_size(limits.max_head_size.max(MIN_BUFFER))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut stopped = pin!(stopped);
    let served = tokio::select! {
        served = &mut http => Some(served),
        () = is_raw.notified() => Some(Ok(())),
        () = stopped.as_mut() => None,
        // One byte after another would keep it open for longer.
        overdue = patience.overdue() => {
            client.log(format_args!("HTTP: {}", late(client, overdue)));
            return None;
        }
    };
    let served = match served {
        Some(served) => served,
        None => {
            Pin::new(&mut http).graceful_shutdown();
            // A fault that comes now is not sent any more.
            tokio::select! {
                served = &mut http => served,
                () = is_raw.notified() => return None,
            }
        }
    };
    if let Err(error) = served {
        client.log(format_args!("HTTP: {}", words(client, &error)));
    }
    let raw = lock(&raw).take();
    if let Some(raw) = raw
        && let Some(parts) = http.into_parts()
    {
        answer_raw(client, parts.io.into_inner(), &raw, stopped).await;
    }
    lock(&upgrade).take()
}

/// A body each of whose parts gives the client time again.
fn watched(body: Body, patience: &Patience) -> Body {
    let patience = patience.clone();
    match body {
        Either::Left(whole) => Either::Left(whole),
        Either::Right(made) => {
            let parts = made.map_frame(move |part| {
                patience.handle_answer();
                part
            });
            Either::Right(parts.boxed_unsync())
        }
    }
}

/// Answers in place of hyper.
async fn answer_raw(
    client: &Client,
    mut stream: Peeked<Link>,
    raw: &RawAnswer,
    stopped: impl Future<Output = ()>,
) {
    tokio::select! {
        () = raw_answer::send(&mut stream, raw) => {}
        () = stopped => {}
    }
    if raw.fault.ending == Ending::Reset {
        // What follows is that it is dropped.
        stream.io().set_reset();
    }
    client.log(format_args!("answered with the fault {}", raw.fault.name));
}

fn words(client: &Client, error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        let limit = client.options.limits.max_head_size;
        return format!("the head of a request is larger than {limit} bytes (--max-head-size)");
    }
    if error.is_timeout() {
        return no_request(client);
    }
    error.to_string()
}

async fn answer(
    client: &Client,
    request: Request<Incoming>,
) -> (Answer, Option<(OnUpgrade, Visit)>) {
    let mut head = request.map(drop);
    let (answer, visit) = client.answer(&head).await;
    let upgrade = visit.map(|visit| (hyper::upgrade::on(&mut head), visit));
    (answer, upgrade)
}

//! One connection to the debug server, in either version of HTTP: over
//! HTTP/1.1, requests first and, once one of them was a good WebSocket handshake, its endpoint.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::timeout;

use super::client::{Client, Visit, stopped};
use super::incoming::Io;
use super::link::Link;
use super::opening::Opened;
use super::preface::Peeked;
use super::response::Answer;
use super::shared::lock;
use super::stream::Stream;
use super::{header_case, http2, opening};
use crate::transport::tls::server::Acceptor;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the client until the connection has ended, soon after `stopping` turns true.
pub(super) async fn serve(
    mut client: Client,
    io: Io,
    acceptor: Option<Acceptor>,
    stopping: watch::Receiver<bool>,
) {
    // Boxed, because the task would have room for a handshake until it ends.
    let opening = Box::pin(opening::open(io, acceptor.as_ref()));
    let opened = tokio::select! {
        opened = timeout(HEADER_TIMEOUT, opening) => opened,
        () = stopped(stopping.clone()) => return,
    };
    match opened {
        Ok(Ok(Some(Opened {
            is_http2,
            stream,
            tls,
        }))) => {
            client.tls = tls;
            match is_http2 {
                false => serve_http1(client, stream, stopping).await,
                true => http2::serve(client, stream, stopping).await,
            }
        }
        // It closed without a request.
        Ok(Ok(None)) => {}
        Ok(Err(why)) => client.log(format_args!("{why}")),
        Err(_) => client.log(format_args!("HTTP: no request came in time")),
    }
}

async fn serve_http1(client: Client, stream: Peeked<Link>, stopping: watch::Receiver<bool>) {
    let requests = serve_requests(&client, stream, stopped(stopping.clone()));
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
    stopped: impl Future<Output = ()>,
) -> Option<(OnUpgrade, Visit)> {
    let upgrade = Mutex::new(None);
    let service = service_fn(async |request| {
        let (answer, wanted) = answer(client, request).await;
        if wanted.is_some() {
            *lock(&upgrade) = wanted;
        }
        Ok::<_, Infallible>(answer)
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
        client.log(format_args!("HTTP: {error}"));
    }
    lock(&upgrade).take()
}

async fn answer(
    client: &Client,
    request: Request<Incoming>,
) -> (Answer, Option<(OnUpgrade, Visit)>) {
    let mut head = request.map(drop);
    let (mut answer, visit) = client.answer(&head).await;
    *answer.extensions_mut() = header_case::extensions().clone();
    let upgrade = visit.map(|visit| (hyper::upgrade::on(&mut head), visit));
    (answer, upgrade)
}

//! One HTTP/2 connection to the debug server: each stream is a request, and one that was a good
//! WebSocket handshake (RFC 8441) goes on as its endpoint. A client may have so many streams at once,
//! and each of them, and all together, may send so much before it is read.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use http_body_util::BodyExt as _;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client::{Client, stopped};
use super::link::Link;
use super::patience::{self, UNREAD};
use super::preface::Peeked;
use super::response::Answer;
use super::stream::Stream;
use crate::handshake::h2::{Io, Tunnel, Written};

/// How many streams a client may have at once.
const MAX_STREAMS: u32 = 64;

/// What a stream may send before it is read, in bytes.
const WINDOW: u32 = 256 * 1024;

type Connection = h2::server::Connection<Io<Peeked<Link>>, Bytes>;

/// Serves the client until the connection has ended, soon after `stopping` turns true.
pub(super) async fn serve(
    client: Client,
    stream: Peeked<Link>,
    deadline: Instant,
    stopping: watch::Receiver<bool>,
) {
    let written = Arc::new(Written::default());
    let max_head = u32::try_from(client.options.limits.max_head_size).unwrap_or(u32::MAX);
    let handshake = Builder::new()
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * MAX_STREAMS)
        .max_header_list_size(max_head)
        .handshake(Io::new(stream, Arc::clone(&written)));
    let client = Arc::new(client);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(connection)) => serve_streams(&client, connection, &written, stopping).await,
        Ok(Err(error)) => client.log(format_args!("HTTP/2: {error}")),
        Err(_) => client.log(format_args!(
            "HTTP/2: the client's preface did not come in time (--handshake-timeout)"
        )),
    }
}

async fn serve_streams(
    client: &Arc<Client>,
    mut connection: Connection,
    written: &Arc<Written>,
    stopping: watch::Receiver<bool>,
) {
    let mut streams = JoinSet::new();
    let mut stopped = pin!(stopped(stopping.clone()));
    let mut ending = false;
    // How long a client may be without a stream.
    let patience = client.options.limits.handshake_timeout;
    loop {
        let accepting = poll_fn(|cx| written.drive(|| connection.poll_accept(cx)));
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            Some(_) = streams.join_next() => continue,
            () = stopped.as_mut(), if !ending => {
                ending = true;
                connection.graceful_shutdown();
                continue;
            }
            () = sleep(patience), if streams.is_empty() => {
                if std::mem::replace(&mut ending, true) {
                    break;
                }
                connection.graceful_shutdown();
                continue;
            }
        };
        match accepted {
            Some(Ok((request, respond))) => {
                let (client, written) = (Arc::clone(client), Arc::clone(written));
                streams.spawn(serve_stream(
                    client,
                    request,
                    respond,
                    written,
                    stopping.clone(),
                ));
            }
            Some(Err(error)) => {
                client.log(format_args!("HTTP/2: {error}"));
                break;
            }
            None => break,
        }
    }
    written.end();
    drop(connection);
    // Each of them notices, and logs how it ended.
    while streams.join_next().await.is_some() {}
}

async fn serve_stream(
    client: Arc<Client>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    written: Arc<Written>,
    stopping: watch::Receiver<bool>,
) {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let (answer, visit) = client.answer(&request).await;
    let Some(visit) = visit else {
        let has_body = request.method() != Method::HEAD;
        let patience = patience::for_answer(client.options.limits.handshake_timeout);
        if let Err(why) = respond_with(answer, has_body, &mut respond, patience).await {
            client.log(format_args!("HTTP/2: {why}"));
        }
        return;
    };
    match respond.send_response(self::head(&answer), false) {
        Ok(send) => {
            let tunnel = Tunnel::new(send, body, written);
            let stream = Stream::Http2(tunnel);
            let visit = visit.serve(&client.options, stream, stopped(stopping));
            visit.await;
        }
        Err(error) => client.log(format_args!("HTTP/2: {error}")),
    }
}

/// The head of an answer, without the headers that HTTP/2 does not have (RFC 9113 §8.2.2).
fn head(answer: &Answer) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = answer.status();
    let headers = head.headers_mut();
    headers.clone_from(answer.headers());
    for name in [CONNECTION, UPGRADE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    add_date(headers);
    head
}

/// Over HTTP/1.1, hyper does so.
fn add_date(headers: &mut HeaderMap) {
    let now = httpdate::fmt_http_date(SystemTime::now());
    if let Ok(now) = HeaderValue::try_from(now) {
        headers.entry(DATE).or_insert(now);
    }
}

/// Sends a whole answer, whose client has this time for each part of it.
async fn respond_with(
    answer: Answer,
    has_body: bool,
    respond: &mut SendResponse<Bytes>,
    patience: Duration,
) -> Result<(), String> {
    let broken = |error: h2::Error| error.to_string();
    let mut head = head(&answer);
    let mut body = answer.into_body();
    let length = hyper::body::Body::size_hint(&body).exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        head.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    let has_body = has_body && length != Some(0);
    let mut send = respond.send_response(head, !has_body).map_err(broken)?;
    if !has_body {
        return Ok(());
    }
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            let sent = timeout(patience, send_all(&mut send, data)).await;
            sent.map_err(|_| UNREAD)?.map_err(broken)?;
        }
    }
    send.send_data(Bytes::new(), true).map_err(broken)
}

/// Sends bytes as the client takes them.
async fn send_all(send: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        send.reserve_capacity(data.len());
        while send.capacity() == 0 {
            match poll_fn(|cx| send.poll_capacity(cx)).await {
                Some(granted) => granted?,
                None => return Err(h2::Reason::CANCEL.into()),
            };
        }
        let len = data.len().min(send.capacity());
        send.send_data(data.split_to(len), false)?;
    }
    Ok(())
}

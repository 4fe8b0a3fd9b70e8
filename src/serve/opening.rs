//! The beginning of a connection to the debug server, up to the first request: TLS where it is served,
//! and which version of HTTP the client speaks. A client that mixes up `ws://` and `wss://` is told so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::incoming::Io;
use super::link::Link;
use super::log::Tls;
use super::preface::{self, First, Peeked};
use crate::transport::tls::server::Acceptor;
use crate::wire::linger::Linger;

/// How a client that is refused is left: it may still be sending.
const LINGER: Linger = Linger {
    patience: Duration::from_secs(2),
    drain: true,
};

/// A connection whose client has begun to speak HTTP.
pub(super) struct Opened {
    pub(super) is_http2: bool,
    pub(super) stream: Peeked<Link>,
    /// What TLS agreed on.
    pub(super) tls: Option<Arc<Tls>>,
}

/// Reads until the version of HTTP is known; `None` if the client closes before that. With an
/// `acceptor`, TLS comes first; a Unix socket has none, because a proxy in front of it does not use it.
///
/// # Errors
/// As a sentence for the log.
pub(super) async fn open(io: Io, acceptor: Option<&Acceptor>) -> Result<Option<Opened>, String> {
    let acceptor = acceptor.filter(|_| io.is_tcp());
    let Some((first, stream)) = preface::read(io).await.map_err(broken)? else {
        return Ok(None);
    };
    match (acceptor, first) {
        (None, First::Tls) => {
            refuse(
                stream,
                "This port does not speak TLS: use ws:// or http://.",
            )
            .await;
            Err("a TLS handshake came, and this port does not speak TLS".to_owned())
        }
        (Some(_), First::Http1 | First::Http2) => {
            refuse(stream, "This port speaks TLS: use wss:// or https://.").await;
            Err("a request without TLS came, and this port speaks TLS".to_owned())
        }
        (None, first) => Ok(Some(Opened {
            is_http2: first == First::Http2,
            stream: stream.map(Link::Plain),
            tls: None,
        })),
        (Some(acceptor), First::Tls) => secure(stream, acceptor).await,
    }
}

async fn secure(stream: Peeked<Io>, acceptor: &Acceptor) -> Result<Option<Opened>, String> {
    let accepted = acceptor.accept(stream).await;
    let (stream, agreed) = accepted.map_err(|why| format!("TLS: {why}"))?;
    let tls = Arc::new(Tls {
        version: agreed.version,
        subject: agreed.subject,
    });
    let stream = Link::Tls(Box::new(stream));
    // What ALPN agreed on is what a client sends.
    let read = preface::read(stream).await.map_err(broken)?;
    Ok(read.map(|(first, stream)| Opened {
        is_http2: first == First::Http2,
        stream,
        tls: Some(tls),
    }))
}

fn broken(error: io::Error) -> String {
    format!("HTTP: {error}")
}

/// Answers with a 400, in the HTTP that a client understands which is at the wrong port.
async fn refuse(mut stream: Peeked<Io>, sentence: &str) {
    let length = sentence.len() + 1;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{sentence}\n"
    );
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        LINGER.close(&mut stream).await;
    }
}

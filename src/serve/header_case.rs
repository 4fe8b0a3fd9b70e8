//! The names of response headers in the case of RFC 6455 and RFC 9110. Case means nothing to HTTP, but
//! many small clients compare the names byte by byte.

use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Empty;
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// The names that do not have a capital at the beginning of each word, and nowhere else.
const NAMES: &[&str] = &[
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "WWW-Authenticate",
];

/// What a response must carry for hyper to spell [`NAMES`] so.
///
/// hyper spells the headers of a response as those of the message that its extensions come from, and
/// offers no other way to set the spelling: so a request with these names is read once.
pub(super) fn extensions() -> &'static Extensions {
    static EXTENSIONS: OnceLock<Extensions> = OnceLock::new();
    // Without them the names are still right but for their case.
    EXTENSIONS.get_or_init(|| learn().now_or_never().unwrap_or_default())
}

/// Never waits: the request is there before it is read, and the answer is not.
async fn learn() -> Extensions {
    let mut request = b"GET / HTTP/1.1\r\nConnection: close\r\n".to_vec();
    for name in NAMES {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b":\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let (mut client, server) = tokio::io::duplex(4096);
    if client.write_all(&request).await.is_err() {
        return Extensions::new();
    }
    let learnt = OnceLock::new();
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let _ = learnt.set(request.extensions().clone());
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Empty::<
            Bytes,
        >::new(
        ))))
    });
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(server), service);
    let _ = connection.await;
    learnt.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_reports_the_header_case_without_waiting() {
        assert!(!extensions().is_empty());
    }
}

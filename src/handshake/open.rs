//! The choice between the versions of HTTP, which the options and the TLS handshake make.

use super::opening::Opening;
use super::outcome::{Failed, Upgraded};
use super::versions::{Version, Versions};
use super::{h1, h2};
use crate::error::{Error, Exit, Stage};
use crate::transport::BoxedStream;

/// Makes the handshake over `stream`, in the version of HTTP that the options and ALPN choose. `alpn` is
/// what the server chose there. The caller cancels it at the deadline; a refusal is returned before
/// that. `detail` receives lines for `-v`.
///
/// # Errors
/// Exit 22 for a valid response that is not 101 (over HTTP/2, not 2xx), exit 8 for anything else that
/// is not a handshake.
pub async fn open(
    stream: BoxedStream,
    alpn: Option<&str>,
    opening: Opening<'_>,
    detail: &mut dyn FnMut(&str),
) -> Result<Upgraded, Box<Failed>> {
    let Opening { versions, .. } = opening;
    let tls = opening.target.tls;
    let Some(version) = versions.choose(tls, alpn) else {
        return Err(not_chosen().into());
    };
    if version == Version::Http2 {
        return h2::upgrade(stream, opening, detail).await;
    }
    if versions != Versions::Http1 {
        detail(match tls {
            true => "using HTTP/1.1: the server did not choose HTTP/2 in the TLS handshake (ALPN)",
            false => "using HTTP/1.1: HTTP/2 is negotiated in TLS, or by --http2-prior-knowledge",
        });
    }
    let waiting = "waiting for the server to answer the handshake";
    opening.progress.enter(Stage::Handshake, waiting);
    h1::upgrade(stream, opening.request, opening.log, opening.deadline).await
}

fn not_chosen() -> Error {
    let message = "the server did not choose HTTP/2 in the TLS handshake (ALPN)";
    Error::new(Stage::Handshake, Exit::Handshake, message)
        .advice("--http2 falls back to HTTP/1.1, --http1.1 uses it at once")
}

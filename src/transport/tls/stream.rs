//! A TLS stream with readable errors: after the handshake, rustls would report the names of its
//! types. With TLS 1.3, the server looks at the client certificate only then.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client_auth::ClientAuth;
use super::explain;
use crate::error::Error;

/// A TLS stream that ends like TCP, and whose errors are sentences.
pub(crate) struct Explained<S> {
    inner: S,
    auth: Arc<ClientAuth>,
    /// Whether the peer has sent anything: it has accepted our certificate, or needs none.
    has_read: bool,
}

impl<S> Explained<S> {
    pub(super) fn new(inner: S, auth: Arc<ClientAuth>) -> Self {
        Explained {
            inner,
            auth,
            has_read: false,
        }
    }

    /// The same error in sentences.
    fn explain(&self, error: io::Error) -> io::Error {
        let failure = match inner(&error) {
            Some(tls) => explain::afterwards(tls, &self.auth.ours()),
            None => match self.auth.ours().cut_off() {
                Some(cut_off) if !self.has_read && is_cut(&error) => cut_off,
                _ => return error,
            },
        };
        io::Error::new(error.kind(), Failure(failure))
    }
}

impl<S: AsyncRead + Unpin> Explained<S> {
    /// The reason for a failed write. A server that refuses our certificate sends an alert and ends
    /// the connection, so the alert may be there to be read. It is looked for only before the first
    /// byte of the peer: HTTP reads nothing after this error.
    fn explain_write(&mut self, error: io::Error, cx: &mut Context<'_>) -> io::Error {
        if !self.has_read && is_cut(&error) {
            let mut nothing = [];
            let mut buf = ReadBuf::new(&mut nothing);
            if let Poll::Ready(Err(alert)) = Pin::new(&mut self.inner).poll_read(cx, &mut buf)
                && inner(&alert).is_some()
            {
                return self.explain(alert);
            }
        }
        self.explain(error)
    }
}

/// Whether the peer ended the connection.
fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// The rustls error inside an I/O error.
pub(super) fn inner(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A TLS failure after the handshake.
#[derive(Debug)]
pub(crate) struct Failure(Error);

impl Failure {
    /// The failure inside an I/O error, as the error of an attempt.
    pub(crate) fn of(error: &io::Error) -> Option<&Error> {
        let failure: &Failure = error.get_ref()?.downcast_ref()?;
        Some(&failure.0)
    }
}

/// The sentence alone.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Failure {}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.has_read |= buf.filled().len() > before;
        match read {
            // The end of TCP without a close_notify, which many servers omit. WebSocket frames have
            // lengths and the connection ends with a Close, so truncation is detected without it.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            other => other.map_err(|error| self.explain(error)),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        written.map_err(|error| self.explain_write(error, cx))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        flushed.map_err(|error| self.explain_write(error, cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        shut.map_err(|error| self.explain(error))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        written.map_err(|error| self.explain_write(error, cx))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

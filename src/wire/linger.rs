//! The end of a TCP connection.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long closing a connection may take, and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linger {
    pub patience: Duration,
    /// Whether to read and drop what the peer still sends until it has closed its side too. If
    /// bytes remain unread at the end, the system sends a reset, which can overtake our last frame
    /// (RFC 6455 §7.1.1).
    pub drain: bool,
}

impl Linger {
    /// Closes the connection. Errors are ignored, because it ends anyway.
    pub async fn close(self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let close = async {
            if stream.shutdown().await.is_err() || !self.drain {
                return;
            }
            let mut rest = vec![0; 16 << 10];
            while matches!(stream.read(&mut rest).await, Ok(1..)) {}
        };
        let _ = timeout(self.patience, close).await;
    }
}

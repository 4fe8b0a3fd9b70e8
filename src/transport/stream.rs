//! What the layers have in common: a byte stream.

use tokio::io::{AsyncRead, AsyncWrite};

/// The interface of every layer: a bidirectional byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Boxed, because the layers differ between connections. It costs one virtual call per system call.
pub type BoxedStream = Box<dyn Stream>;

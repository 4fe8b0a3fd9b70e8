//! The wire format of RFC 6455 and RFC 7692, sans I/O: bytes come in as arguments, and nothing here
//! waits. Only [`socket`], [`shim`], [`stream`] and [`linger`] use streams: the shim puts the rest
//! between the engine and the stream, and the socket is the endpoint that other modules use.

pub mod deflate;
pub mod extension;
pub mod fragments;
pub mod frame;
pub mod frame_words;
pub mod inbound;
pub mod linger;
pub mod loss;
pub mod mask;
pub mod outbound;
pub mod reader;
mod shelf;
pub mod shim;
pub mod socket;
mod spare;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod utf8;
pub mod validate;
pub mod wakes;

//! The wire format of RFC 6455 and RFC 7692, sans I/O: bytes come in as arguments, nothing here
//! waits. Only [`shim`] and [`socket`] know of streams: the shim puts the rest under the engine, and
//! the socket hands messages to the engine.

pub mod deflate;
pub mod extension;
pub mod fragments;
pub mod frame;
pub mod inbound;
pub mod mask;
pub mod outbound;
pub mod reader;
pub mod shim;
pub mod socket;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod utf8;
pub mod validate;

//! The wire format of RFC 6455 and RFC 7692, sans I/O: bytes come in as arguments, nothing here
//! waits. Only [`shim`] knows of streams: it puts the rest under the engine.

pub mod cut;
pub mod deflate;
pub mod extension;
pub mod frame;
pub mod inbound;
pub mod mask;
pub mod outbound;
#[cfg(test)]
mod roundtrip;
pub mod rules;
pub mod shim;
pub mod trace;
pub mod utf8;

//! The wire format of RFC 6455, sans I/O: bytes come in as arguments, nothing here waits.

pub mod frame;
pub mod watch;

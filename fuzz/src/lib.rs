//! What the fuzz targets do with their input. Each takes any bytes at all, and panics where the wire
//! format or the debug server does not keep its promises. `tests/seeds.rs` of the crate runs the seeds through the same
//! functions.

pub mod decode;
pub mod files;
mod frames;
pub mod http;
pub mod hub;
pub mod inbound;
pub mod inflate;
mod input;
pub mod roundtrip;
pub mod script;

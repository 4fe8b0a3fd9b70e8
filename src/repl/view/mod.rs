//! Which part of the stream is kept, and which part is shown: the last messages in a bounded
//! [`scrollback`], the [`gate`] that counts messages instead of showing them, the [`search`] for a
//! text, and the state of the [`connection`]. Pure: it writes nothing.

pub mod change;
pub mod clients;
pub mod connection;
pub mod gate;
pub mod scrollback;
pub mod search;

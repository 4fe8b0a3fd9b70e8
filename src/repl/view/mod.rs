//! Which part of the stream is kept, and which part is shown: the last messages in a bounded
//! [`scrollback`], the [`gate`] that counts messages instead of showing them, and the [`search`] for a
//! text. Pure: it renders nothing.

pub mod gate;
pub mod scrollback;
pub mod search;

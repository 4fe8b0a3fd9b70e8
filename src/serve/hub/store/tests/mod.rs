//! What every store must do, whatever it keeps things in.

pub(in crate::serve) mod cases;
pub(in crate::serve) mod script;

pub mod error;
pub mod event;
pub mod secret;
pub mod serve;

pub mod error;
pub mod event;
pub mod output;
pub mod secret;

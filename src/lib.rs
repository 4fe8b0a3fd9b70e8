pub mod auth;
pub mod error;
pub mod event;
pub mod secret;
pub mod uri;
pub mod wire;

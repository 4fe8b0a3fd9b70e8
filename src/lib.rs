//! wirecat, a command-line WebSocket client.
//!
//! The crate is laid out in layers; each uses only those below it:
//!
//! - [`cli`]: arguments, environment and terminals, resolved into the options of everything below;
//! - the front ends [`repl`] (a person at a terminal), [`pipe`] (a script) and [`serve`] (the debug
//!   server), which know nothing of each other;
//! - I/O: [`session`] (a run over its connections: to connect, talk, and connect again), [`handshake`]
//!   (the HTTP/1.1 upgrade), [`transport`] (name lookup, TCP, TLS), [`auth::acquire`] (a token or
//!   password from a file, a variable, a command or a person), [`io`] (the standard streams, the writer
//!   thread, signals, the terminal's echo);
//! - pure parts, which see no socket, clock or environment: [`output`] (events to bytes), [`wire`]
//!   (frames, their rules, compression; its [`wire::shim`] and [`wire::socket`] alone know of streams),
//!   [`record`] (events as lines of JSON, written and read), [`json`] (tokens, strings, jq, one parse a
//!   message),
//!   [`drain`] (when to stop), and the pure files within the modules above;
//! - the vocabulary: [`event`], [`message`], [`close`], [`error`], [`secret`], [`codec`] (hex, base64,
//!   escapes), [`template`] (`{{NAME}}`), [`payload`], [`units`], [`uri`], [`auth`] (which
//!   credentials, and where they are put), [`http_token`], and the frames of [`wire::frame`].
//!
//! `run` puts them together: it lets one front end have one run, and ends with its exit code.
//!
//! A message goes from stdin or the prompt as a [`event::Command`] through the session to
//! [`wire::socket`], which hands it to the engine (tokio-tungstenite) in fragments where it is large,
//! through [`wire::shim`], which compresses it, and into the stream below;
//! what comes back passes the shim's judgement before the engine sees it, goes up as an
//! [`event::Event`], is rendered by [`output`] and written by one writer.
//!
//! A request to the debug server goes from `serve/accept.rs` (TCP, HTTP) to the table in
//! [`serve::endpoints`], which has a file for each endpoint, and through [`handshake::server`], which
//! accepts it or not; its endpoint then talks through `serve/connection.rs`. What `/ledger` keeps is in
//! `serve/ledger/`, what `/frames` sends in [`serve::faults`].

// `pub` within the modules is for the other modules. They are private, so that the compiler reports what
// nobody uses; what leaves the crate stands at the end.
#![allow(unreachable_pub, rustdoc::private_intra_doc_links)]

mod auth;
mod cli;
mod close;
mod codec;
mod error;
mod event;
mod handshake;
mod http_token;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod io;
mod json;
mod message;
mod output;
mod payload;
mod pipe;
mod record;
mod repl;
mod run;
mod secret;
mod serve;
mod session;
mod template;
mod transport;
mod units;
mod uri;
mod wire;

pub use cli::world::World;
pub use error::Exit;
pub use run::run;

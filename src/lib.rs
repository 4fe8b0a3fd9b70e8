//! wirecat, a command-line WebSocket client.
//!
//! The crate is laid out in layers. Each uses only itself and those below it, and no two files use each
//! other; `tests/architecture.rs` reads this list and checks it:
//!
//! 1. The program: [`run`](mod@run) lets one front end have one run, and ends with its exit code.
//! 2. The command line: [`cli`] resolves arguments, the configuration file, environment and terminals
//!    into the options of everything below.
//! 3. The front ends, which know nothing of each other: [`repl`] (a person at a terminal), [`pipe`] (a
//!    program), [`suite`] (tests, from scripts), [`replay`] (a recording) and [`serve`] (the debug
//!    server).
//! 4. A run: [`session`] connects, talks, and connects again.
//! 5. I/O: [`handshake`] (over HTTP/1.1 or HTTP/2), [`transport`] (name lookup, TCP, proxies, TLS),
//!    [`auth::acquire`] (a token or password from a file, a variable, a command or a person), [`io`]
//!    (the standard streams, the writer thread, recordings, signals, the terminal's echo), and what knows
//!    of streams in the wire format: [`wire::socket`] (an endpoint of either role), [`wire::shim`] (below
//!    its engine), [`wire::stream`], [`wire::linger`].
//! 6. Pure parts, which see no socket, file, clock or environment: [`output`] (events to bytes),
//!    [`wire`] (frames, their rules, compression), [`record`] (events as lines of JSON, written and
//!    read), [`record::recording`] (a recording as connections) with [`record::notes`],
//!    [`record::events`] and [`record::replay`] (what of one is due when), [`records`] (the records of a message, `--split`), [`decode`] and [`encode`] (binary messages as JSON, and
//!    back), [`script`] (scripts: read, written, held against what comes, reported), [`har`] (HTTP
//!    archives), [`asciicast`] (recordings for a terminal), [`convert`] (files into each other),
//!    [`json`] (tokens, strings, jq, one parse a message); the rules of a run: [`session::about`]
//!    (what the environment of commands says of a connection),
//!    [`session::policy`] (when to send, when to stop), [`session::frontend`] (what a front end is),
//!    [`session::answers`] (what answers what), [`session::outbox`], [`session::ack`],
//!    [`session::keepalive`], [`session::reconnect`], [`session::backoff`], [`session::resume::vars`],
//!    [`session::rtt`]; what the prompt keeps and shows of a stream: [`repl::view`]; what a replay
//!    sends and compares: [`replay::prepare`], [`replay::exchange`], [`replay::compare`],
//!    [`replay::report`]; and both sides of the handshake:
//!    [`handshake::bearer`], [`handshake::guard`], [`handshake::request`], [`handshake::response`],
//!    [`handshake::retry_after`], [`handshake::server`], [`handshake::versions`].
//! 7. The shared types: [`event`], [`message`], [`close`], [`error`], [`secret`], [`codec`] (hex,
//!    base64, escapes), [`template`] (`{{NAME}}`), [`generated`] (`{{$uuid}}`), [`payload`],
//!    [`written`], [`units`], [`uri`], [`auth`] (which credentials, and where they are put),
//!    [`http_token`], [`similar`] (did you mean …?), and frames: [`wire::frame`], [`wire::mask`].
//!
//! A message goes from stdin or the prompt as a [`event::Command`] through the session to
//! [`wire::socket`], which passes it on in fragments where it is large, and through [`wire::shim`],
//! which masks and compresses it, into the stream below. A received message is validated by the shim
//! before the engine (tokio-tungstenite) sees it; it goes up as an [`event::Event`], is rendered by
//! [`output`] and written by one writer.
//!
//! A request to the debug server goes from `serve/accept.rs` (TCP, HTTP/1.1) or `serve/http2.rs`
//! through `serve/client.rs` to the table in
//! [`serve::endpoints`], which has a file for each endpoint, and through [`handshake::server`], which
//! accepts it or not; its endpoint then talks through `serve/connection.rs`. What `/ledger` keeps is in
//! `serve/ledger/`, what `/frames` sends in [`serve::faults`], and the event hub of `/events` in
//! [`serve::hub`].

// `pub` within the modules is for the other modules. They are private, so that the compiler reports what
// nobody uses; what leaves the crate stands at the end.
#![allow(unreachable_pub, rustdoc::private_intra_doc_links)]

mod asciicast;
mod auth;
mod cli;
mod close;
mod codec;
mod convert;
mod decode;
mod encode;
mod error;
mod event;
mod generated;
mod handshake;
mod har;
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
mod records;
mod repl;
mod replay;
mod run;
mod script;
mod secret;
mod serve;
mod session;
mod similar;
mod suite;
mod template;
mod transport;
mod units;
mod uri;
mod wire;
mod written;

pub use cli::world::World;
pub use error::Exit;
pub use run::run;

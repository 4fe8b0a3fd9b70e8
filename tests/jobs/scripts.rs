//! The scripts of `examples/`, each against the server that it is for.

use super::browser::page_of;
use super::{node, python};
use crate::examples::passes;
use crate::support::components::chromedriver::devtools;
use crate::support::components::nats::nats;

#[test]
#[ignore = "needs .ci/peers"]
fn chromium() {
    let browser = devtools();
    passes("chromium", &[("page", &page_of(browser.port))]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn nats_server() {
    let broker = nats();
    let url = format!("ws://127.0.0.1:{}", broker.port);
    passes("nats", &[("url", &url)]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn graphql() {
    let server = node("graphql");
    let url = format!("ws://127.0.0.1:{}/graphql", server.port);
    passes("graphql", &[("url", &url)]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn socketio() {
    let server = node("socketio");
    let base = format!("ws://127.0.0.1:{}", server.port);
    passes("socketio", &[("base", &base)]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn aiohttp() {
    let server = python("aiohttp", "chat");
    let url = format!("ws://127.0.0.1:{}/chat", server.port);
    passes("aiohttp", &[("url", &url)]);
}

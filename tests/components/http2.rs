//! WebSocket over HTTP/2 (RFC 8441) with hypercorn, with node's `http2`, and with haproxy in front of a
//! server that speaks HTTP/1.1.

use super::{Large, run};
use crate::support::Output;
use crate::support::components::Component;
use crate::support::components::haproxy::haproxy;
use crate::support::components::http2::{hypercorn, node};
use crate::support::server::{Serve, serve};
use crate::support::tls::{Authority, authority};

/// A server that speaks HTTP/2.
struct Http2 {
    authority: Authority,
    component: Component,
    /// The paths that close with 4001 "bye", and that refuse with 403.
    close: &'static str,
    private: &'static str,
    /// What haproxy is in front of.
    _server: Option<Serve>,
}

impl Http2 {
    fn new(start: fn(&Authority) -> Component) -> Http2 {
        let authority = authority();
        Http2 {
            component: start(&authority),
            authority,
            close: "/close",
            private: "/private",
            _server: None,
        }
    }

    fn haproxy() -> Http2 {
        let (authority, server) = (authority(), serve());
        Http2 {
            component: haproxy(&authority, server.address),
            authority,
            close: "/close/4001?reason=bye",
            private: "/status/403",
            _server: Some(server),
        }
    }

    /// Runs wirecat with these options, and a URL of this path.
    #[track_caller]
    fn run(&self, path: &str, options: &[&str]) -> Output {
        let url = format!("wss://ws.example:{}{path}", self.component.port);
        run(
            &self.component,
            &self.authority,
            &[options, &[&*url]].concat(),
        )
    }
}

/// Each test once per server, so that a failure names it.
macro_rules! with_every_server {
    ($($test:ident),* $(,)?) => { $(mod $test {
        use super::*;

        #[test]
        #[ignore = "needs .ci/peers"]
        fn hypercorn() {
            super::$test(&Http2::new(super::hypercorn));
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn node() {
            super::$test(&Http2::new(super::node));
        }

        #[test]
        #[ignore = "needs .ci/peers"]
        fn haproxy() {
            super::$test(&Http2::haproxy());
        }
    })* };
}

with_every_server!(
    messages_come_back_compressed,
    messages_come_back_uncompressed,
    a_close_and_a_refusal_are_shown,
    pings_are_answered,
);

fn messages_come_back_compressed(server: &Http2) {
    let large = Large::new();
    let messages = ["-d", "one", "-d", &large.argument, "--count", "2"];
    let options = [&["-v", "--http2-only"][..], &messages].concat();
    let run = server.run("/echo", &options);
    run.exits(0)
        .prints(format!("one\n{}\n", large.text))
        .complains(&[
            "* HTTP/2: the server advertises extended CONNECT (RFC 8441)\n",
            "< :status: 200\n",
            "over HTTP/2, extensions permessage-deflate",
        ]);
}

fn messages_come_back_uncompressed(server: &Http2) {
    let large = Large::new();
    let options = ["--http2", "--no-compress", "-d", &large.argument, "-1"];
    let run = server.run("/echo", &options);
    run.exits(0).prints(format!("{}\n", large.text)).is_quiet();
}

fn a_close_and_a_refusal_are_shown(server: &Http2) {
    server
        .run(server.close, &["--http2"])
        .exits(112)
        .complains(&["closed by server: 4001 (private use) \"bye\""]);
    server
        .run(server.private, &["--http2"])
        .exits(22)
        .complains(&["HTTP 403 Forbidden"]);
}

fn pings_are_answered(server: &Http2) {
    let options = [
        "--http2",
        "--on-eof=stay",
        "--ping-interval=100ms",
        "--show-ping-pong",
        "--max-time=2s",
    ];
    let run = server.run("/echo", &options);
    run.exits(28).complains(&["> ping", "< pong"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn http1_is_still_there() {
    for server in [Http2::new(hypercorn), Http2::haproxy()] {
        let run = server.run("/echo", &["-v", "-d", "hi", "-1"]);
        run.exits(0).prints("hi\n").complains(&["< HTTP/1.1 101 "]);
    }
}

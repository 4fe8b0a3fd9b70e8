//! Proxies: squid and tinyproxy with CONNECT, dante with SOCKS5.

use crate::support::components::Component;
use crate::support::components::dante::dante;
use crate::support::components::squid::squid;
use crate::support::components::tinyproxy::tinyproxy;
use crate::support::server::{Serve, serve};
use crate::support::tls::{Authority, Tls, authority, valid};
use crate::support::{Output, wirecat};

const USER: &str = "alice:wonderland";

/// A server with TLS, and what signed its certificate.
struct Secure {
    authority: Authority,
    tls: Tls,
    server: Serve,
}

fn secure() -> Secure {
    let (authority, server) = (authority(), serve());
    let tls = authority.serve(&["localhost", "127.0.0.1"], valid, server.address);
    Secure {
        authority,
        tls,
        server,
    }
}

impl Secure {
    /// Sends a message through a proxy of this scheme, at a component.
    #[track_caller]
    fn echo(&self, scheme: &str, proxy: &Component, options: &[&str]) -> Output {
        let proxy = format!("{scheme}://127.0.0.1:{}", proxy.port);
        let url = format!("wss://localhost:{}/echo", self.tls.address.port());
        let cacert = self.authority.cacert();
        let all = ["--cacert", &cacert, "-x", &proxy, "-d", "hi", "-1", &url];
        wirecat(options.iter().chain(&all)).run()
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn squid_connects_those_it_knows() {
    let server = secure();
    let (squid, _) = squid(&server.authority);
    server
        .echo("http", &squid, &["-U", USER])
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    let plain = format!("ws://{}/echo", server.server.address);
    let proxy = format!("http://{USER}@127.0.0.1:{}", squid.port);
    let run = wirecat(["-v", "-x", &proxy, "-d", "hi", "-1", &plain]).run();
    run.exits(0)
        .prints("hi\n")
        .complains(&["* tcp → connect\n"]);
    assert!(!run.stderr.contains("wonderland"), "{}", run.stderr);
}

#[test]
#[ignore = "needs .ci/peers"]
fn squid_gets_the_password_over_tls() {
    let (server, of_the_proxy) = (secure(), authority());
    let (_squid, port) = squid(&of_the_proxy);
    let proxy = format!("https://{USER}@localhost:{port}");
    let url = format!("wss://localhost:{}/echo", server.tls.address.port());
    let (trusted, cacert) = (of_the_proxy.cacert(), server.authority.cacert());
    let options = [
        "-v", "--cacert", &cacert, "-x", &proxy, "-d", "hi", "-1", &url,
    ];
    wirecat(options.iter().chain(&["--proxy-cacert", &trusted]))
        .run()
        .exits(0)
        .prints("hi\n")
        .complains(&["* tcp → proxy-tls → connect → tls\n"]);
    // What is trusted for the server is not for the proxy.
    wirecat(options).run().exits(60).complains(&[
        "the certificate of the proxy localhost is not trusted",
        "--proxy-cacert FILE",
    ]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn squid_asks_for_a_password() {
    let server = secure();
    let (squid, _) = squid(&server.authority);
    for options in [
        &[][..],
        &["-U", "alice:wrong"],
        &["-U", "mallory:wonderland"],
    ] {
        server.echo("http", &squid, options).exits(97).complains(&[
            "HTTP 407 Proxy Authentication Required",
            "proxy-authenticate: Basic realm=\"the proxy of Example\"",
            "-U USER:PASSWORD",
        ]);
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn squid_says_in_html_what_it_forbids() {
    let (squid, _) = squid(&authority());
    let proxy = format!("http://{USER}@127.0.0.1:{}", squid.port);
    let run = wirecat(["-x", &proxy, "wss://chat.blocked.example/"]).run();
    run.exits(97).complains(&[
        "refused to connect to chat.blocked.example:443: HTTP 403 Forbidden",
        "  | <p><b>Access Denied.</b></p>",
        "try: ",
    ]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn squid_says_that_the_server_is_not_there() {
    let (squid, _) = squid(&authority());
    let proxy = format!("http://{USER}@127.0.0.1:{}", squid.port);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", closed.local_addr().unwrap());
    drop(closed);
    let run = wirecat(["-x", &proxy, &url]).run();
    run.exits(97)
        .complains(&["HTTP 503 Service Unavailable", "Connection refused"]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn tinyproxy_connects_to_the_ports_it_allows() {
    let server = secure();
    let tinyproxy = tinyproxy(server.tls.address.port());
    server
        .echo("http", &tinyproxy, &["-U", USER])
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    for options in [&[][..], &["-U", "alice:wrong"]] {
        server
            .echo("http", &tinyproxy, options)
            .exits(97)
            .complains(&["HTTP 40", "-U USER:PASSWORD"]);
    }
    let proxy = format!("http://{USER}@127.0.0.1:{}", tinyproxy.port);
    let run = wirecat(["-x", &proxy, "wss://localhost:9/"]).run();
    run.exits(97)
        .complains(&["refused to connect to localhost:9: HTTP 403", "  | "]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn dante_connects_those_it_knows() {
    let (server, dante) = (secure(), dante());
    for scheme in ["socks5", "socks5h"] {
        server
            .echo(scheme, &dante, &["-U", USER])
            .exits(0)
            .prints("hi\n")
            .is_quiet();
    }
    for options in [&[][..], &["-U", "alice:wrong"]] {
        let run = server.echo("socks5h", &dante, options);
        run.exits(97)
            .complains(&["refused to connect to localhost:"]);
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn dante_says_that_the_server_is_not_there() {
    let dante = dante();
    let proxy = format!("socks5h://{USER}@127.0.0.1:{}", dante.port);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", closed.local_addr().unwrap());
    drop(closed);
    let run = wirecat(["-x", &proxy, &url]).run();
    run.exits(97).complains(&["refused"]);
}

//! Where connections go and come from: names, addresses, interfaces, ports, Unix sockets.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use crate::support::server::{Serve, close, raw, serve};
use crate::support::{Output, output as output_of, wirecat};

/// One message to the echo at `url`, and its reply.
fn echo(options: &[&str], url: &str) -> Output {
    let always = ["-d", "hi", "--count", "1", "--connect-timeout", "5s"];
    wirecat([&always[..], options, &[url]].concat()).run()
}

#[track_caller]
fn echoes(options: &[&str], url: &str) -> Output {
    let output = echo(options, url);
    output.exits(0).prints("hi\n");
    output
}

/// A URL of a host that does not exist, on the port of `server`.
fn elsewhere(server: &Serve) -> String {
    format!("ws://no-such-host.invalid:{}/echo", server.address.port())
}

#[test]
fn resolve_gives_the_address_of_a_name_and_port() {
    let server = serve();
    let (url, port) = (elsewhere(&server), server.address.port());
    for rules in [
        &[format!("no-such-host.invalid:{port}:127.0.0.1")][..],
        &[format!("+NO-SUCH-HOST.invalid:{port}:127.0.0.1")],
        &[format!("*:{port}:127.0.0.1")],
        &[
            format!("no-such-host.invalid:{port}:127.9.9.9"),
            format!("no-such-host.invalid:{port}:127.0.0.1"),
        ],
        // The first address refuses.
        &[format!("no-such-host.invalid:{port}:[::1],127.0.0.1")],
    ] {
        let options: Vec<&str> = rules
            .iter()
            .flat_map(|rule| ["--resolve", rule.as_str()])
            .collect();
        echoes(&options, &url);
    }
    let rule = format!("no-such-host.invalid:{}:127.0.0.1", port ^ 1);
    echo(&["--resolve", &rule], &url).exits(6);
    let (rule, back) = (format!("*:{port}:127.0.0.1"), format!("-*:{port}"));
    echo(&["--resolve", &rule, "--resolve", &back], &url).exits(6);
    echo(&["--resolve", "nonsense"], &url)
        .exits(2)
        .complains(&["--resolve 'nonsense': the port is missing"]);
}

#[test]
fn connect_to_changes_the_place_and_not_the_request() {
    let server = raw(|mut wire| {
        let request = wire.handshake_with("", &close(1000, ""));
        wire.until_close();
        request
    });
    let rule = format!("example.org:80:127.0.0.1:{}", server.address.port());
    let output = wirecat(["-v", "--connect-to", &rule, "ws://example.org/x"]).run();
    output.exits(0).complains(&[&format!(
        "connecting to 127.0.0.1:{}",
        server.address.port()
    )]);
    let request = server.result();
    assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: example.org\r\n"));
    echo(&["--connect-to", "a:b:c:d"], "ws://h/")
        .exits(2)
        .complains(&["'b' is not a port"]);
}

#[test]
fn an_address_family_can_be_chosen() {
    let server = serve();
    let url = format!("ws://localhost:{}/echo", server.address.port());
    echoes(&["-4"], &url);
    echoes(&["-6", "--ipv4"], &url);
    echo(&["-6"], &server.url("/echo"))
        .exits(6)
        .complains(&["could not use the address 127.0.0.1: -6 uses IPv6 addresses only"]);
    let rule = format!("h.invalid:{}:127.0.0.1", server.address.port());
    echo(
        &["-6", "--resolve", &rule],
        &format!("ws://h.invalid:{}/", server.address.port()),
    )
    .exits(6)
    .complains(&["could not resolve the host name 'h.invalid': it has no IPv6 address (-6)"]);
}

/// The address that a connection with these options comes from.
#[track_caller]
fn origin(options: &[&str]) -> std::net::SocketAddr {
    let server = raw(|mut wire| {
        let peer = wire.0.peer_addr().unwrap();
        wire.handshake_with("", &close(1000, ""));
        wire.until_close();
        peer
    });
    let url = server.url("/");
    wirecat([options, &[&url]].concat()).run().exits(0);
    server.result()
}

#[test]
fn connections_come_from_the_address_and_port_that_were_chosen() {
    assert_eq!(
        origin(&["--interface", "127.0.0.2"]).ip().to_string(),
        "127.0.0.2"
    );
    assert_eq!(
        origin(&["--interface", "host!127.0.0.3"]).ip().to_string(),
        "127.0.0.3"
    );
    assert_eq!(
        origin(&["--interface", "ifhost!lo!127.0.0.4"])
            .ip()
            .to_string(),
        "127.0.0.4"
    );
    assert_eq!(origin(&["--interface", "lo"]).ip().to_string(), "127.0.0.1");
    assert_eq!(
        origin(&["--interface", "if!lo"]).ip().to_string(),
        "127.0.0.1"
    );

    // A port is free for as long as nobody takes it: one held by the test, and the next.
    let held = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let range = format!("{port}-{}", port + 50);
    let from = origin(&["--local-port", &range]).port();
    assert!((port + 1..=port + 50).contains(&from), "{from}");
    let from = origin(&["--local-port", &range, "--interface", "127.0.0.5"]);
    assert_eq!(from.ip().to_string(), "127.0.0.5");

    let server = serve();
    let url = server.url("/echo");
    echo(&["--local-port", &port.to_string()], &url)
        .exits(7)
        .complains(&[&format!(
            "the local port {port} cannot be used: address already in use"
        )]);
    echo(&["--interface", "192.0.2.77"], &url)
        .exits(7)
        .complains(&["connections cannot come from 192.0.2.77"]);
    echo(&["--interface", "if!wirecat9"], &url)
        .exits(7)
        .complains(&[
            "there is no network interface 'wirecat9' (there are: ",
            "lo",
        ]);
    echo(&["--interface", "::1"], &url)
        .exits(7)
        .complains(&["it has no IPv4 address"]);
    echo(&["--interface", "if!"], &url).exits(2);
    echo(&["--local-port", "9-8"], &url)
        .exits(2)
        .complains(&["the range is empty"]);
}

#[test]
fn a_connection_can_be_made_again_from_the_same_port() {
    let server = serve();
    let port = TcpListener::bind("0.0.0.0:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = server.url("/drop?after=1&how=fin");
    wirecat([
        "--local-port",
        &port.to_string(),
        "--reconnect=3",
        "--reconnect-delay",
        "10ms",
        "--count",
        "2",
        "--on-open",
        "hi",
        "--on-eof",
        "stay",
        &url,
    ])
    .run()
    .exits(0);
}

/// An address whose queue of connections is full, so that it does not answer: the listener and what fills
/// the queue.
fn unanswered(address: std::net::SocketAddr) -> (socket2::Socket, Vec<socket2::Socket>) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let fill = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    };
    (listener, (0..8).map(fill).collect())
}

#[test]
fn the_next_address_is_tried_when_the_first_does_not_answer() {
    let server = serve();
    let port = server.address.port();
    let _silent = unanswered(([127, 0, 0, 9], port).into());
    let rule = format!("h.invalid:{port}:127.0.0.9,127.0.0.1");
    let url = format!("ws://h.invalid:{port}/echo");
    let options = ["--resolve", &rule, "--happy-eyeballs-timeout-ms"];
    echoes(&[&options[..], &["10"]].concat(), &url);
    // The next one would only be tried after a minute.
    let late = ["60000", "--connect-timeout", "1s"];
    let args = [&options[..], &late, &["-d", "hi", "-1", &url]].concat();
    wirecat(args)
        .run()
        .exits(28)
        .complains(&["connecting to h.invalid"]);
    echo(&[&options[..], &["soon"]].concat(), &url)
        .exits(2)
        .complains(&["a whole number of milliseconds"]);
}

/// A Unix socket before `server`.
fn relay(listener: UnixListener, server: &Serve) {
    let address = server.address;
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(address).unwrap());
            thread::spawn(move || join(client, server));
        }
    });
}

fn join(client: UnixStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn a_unix_socket_is_named_by_an_option_or_the_url() {
    let server = serve();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.sock");
    let path = path.to_str().unwrap();
    relay(UnixListener::bind(path).unwrap(), &server);
    echoes(&["--unix-socket", path], "ws://example.org/echo");
    echoes(&[], &format!("ws+unix:{path}:/echo"));
    echoes(&[], &format!("ws+unix://{path}:/echo"));
    echoes(
        &["--unix-socket", "/nonexistent"],
        &format!("ws+unix:{path}:/echo?a=b"),
    );

    let output = echoes(&["-v"], &format!("ws+unix:{path}:/echo"));
    output.complains(&[
        &format!("* connecting to {path}\n"),
        "> GET /echo HTTP/1.1",
        "> Host: localhost",
        &format!("connected to {path}"),
        "unix ",
    ]);
    let url = format!("ws+unix:{path}:/echo?token=SECRET");
    let output = echo(&["--json"], &url);
    let shown = output.exits(0).stdout_text();
    assert!(
        shown.contains(&format!("\"address\":\"{path}\"")),
        "{shown}"
    );
    assert!(
        shown.contains(&format!(
            "\"url\":\"ws+unix:{path}:/echo?token=[redacted]\""
        )),
        "{shown}"
    );
    assert!(!shown.contains("SECRET"));
}

#[test]
fn an_abstract_socket_has_a_name_and_no_path() {
    let server = serve();
    let name = format!("wirecat-test-{}", server.address.port());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    relay(UnixListener::bind_addr(&address).unwrap(), &server);
    let output = echoes(
        &["-v", "--abstract-unix-socket", &name],
        "ws://example.org/echo",
    );
    output.complains(&[&format!("* connecting to @{name}\n")]);
    echo(
        &["--abstract-unix-socket", "a", "--unix-socket", "b"],
        "ws://h/",
    )
    .exits(2);
}

#[test]
fn a_socket_with_a_full_queue_is_waited_for() {
    let server = serve();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("full");
    let name = format!("wirecat-full-{}", server.address.port());
    let addresses = [
        (
            UnixAddress::from_pathname(&path),
            "--unix-socket",
            path.to_str().unwrap(),
        ),
        (
            UnixAddress::from_abstract_name(&name),
            "--abstract-unix-socket",
            &name,
        ),
    ];
    for (address, option, place) in addresses {
        let address = address.unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        // One waits to be accepted, and there is room for no more.
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let waiting = UnixStream::connect_addr(&address).unwrap();
        let options = [option, place, "--connect-timeout", "200ms", "-d", "x"];
        let output = wirecat([&options[..], &["ws://h/echo"]].concat()).run();
        output.exits(28).complains(&["connecting to"]);

        let client = wirecat([option, place, "-d", "hi", "-1", "-v", "ws://h/echo"]).spawn();
        drop(waiting);
        relay(listener, &server);
        output_of(client).exits(0).prints("hi\n");
    }
}

#[test]
fn a_socket_that_does_not_answer_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    drop(UnixListener::bind(at("leftover")).unwrap());
    std::fs::write(at("file"), "").unwrap();
    let long = "x".repeat(200);
    for (path, why, advice) in [
        (at("missing"), "no such file or directory", "check the path"),
        (
            at("leftover"),
            "connection refused",
            "the socket is a leftover",
        ),
        (at("file"), "connection refused", "check"),
        (at(&long), "path must be shorter than SUN_LEN", "check"),
    ] {
        let output = echo(&["--unix-socket", &path], "ws://h/");
        output.exits(7).complains(&[
            &format!("could not connect to the Unix socket {path}: {why}"),
            advice,
        ]);
    }
    for url in ["ws+unix:", "ws+unix::/x", "ws+unix:/s:x"] {
        echo(&[], url)
            .exits(3)
            .complains(&["ws+unix:/run/server.sock:/path"]);
    }
    assert!(Path::new(&at("leftover")).exists());
}

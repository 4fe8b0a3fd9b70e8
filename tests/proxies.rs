//! Proxies: which one is used, what it is asked and told, and what it never sees.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::support::forward::{Forward, Speaks, TlsFront};
use crate::support::pty::Pty;
use crate::support::server::{close, header, raw, raws, serve, text};
use crate::support::{Wirecat, wirecat};

/// `dXNlcjpwYXNz`
const USER: &str = "user:pass-of-the-proxy";
const BASIC: &str = "Basic dXNlcjpwYXNzLW9mLXRoZS1wcm94eQ==";

fn echo(options: &[&str], url: &str) -> Wirecat {
    wirecat([options, &["-d", "hi", "-1", url]].concat())
}

#[test]
fn every_kind_of_proxy_carries_ws_and_wss() {
    let server = serve();
    let secure = TlsFront::start(server.address);
    let (ws_port, wss_port) = (server.address.port(), secure.address.port());
    let port = |port: u16| port.to_be_bytes().to_vec();
    for (speaks, scheme, host, asked) in [
        (
            Speaks::Socks4,
            "socks4",
            "127.0.0.1",
            &b"\x7f\0\0\x01\0"[..],
        ),
        (
            Speaks::Socks4,
            "socks4a",
            "localhost",
            b"\0\0\0\x01\0localhost\0",
        ),
        (
            Speaks::Socks5,
            "socks5",
            "127.0.0.1",
            b"\x05\x01\0\x01\x7f\0\0\x01",
        ),
        (
            Speaks::Socks5,
            "socks5h",
            "localhost",
            b"\x05\x01\0\x03\x09localhost",
        ),
    ] {
        let forward = Forward::start(speaks, server.address);
        let url = format!("ws://{host}:{ws_port}/echo");
        let run = echo(&["-x", &forward.url(scheme)], &url).run();
        run.exits(0).prints("hi\n").is_quiet();
        let heard = forward.said().remove(0).to_proxy;
        let expected = match speaks {
            Speaks::Socks4 => [b"\x04\x01", &*port(ws_port), asked].concat(),
            _ => [b"\x05\x01\0", asked, &*port(ws_port)].concat(),
        };
        assert_eq!(heard, expected, "{scheme}");
    }
    let cacert = secure.root();
    for (speaks, scheme, layer) in [
        (Speaks::Http, "http", "connect"),
        (Speaks::Socks4, "socks4", "socks4"),
        (Speaks::Socks4, "socks4a", "socks4"),
        (Speaks::Socks5, "socks5", "socks5"),
        (Speaks::Socks5, "socks5h", "socks5"),
    ] {
        let forward = Forward::start(speaks, secure.address);
        let proxy = forward.url(scheme);
        let url = format!("wss://127.0.0.1:{wss_port}/echo");
        let run = echo(&["-v", "-x", &proxy, "--cacert", &cacert], &url).run();
        run.exits(0).prints("hi\n").complains(&[
            &format!("* proxy {proxy}/ (from -x)\n"),
            &format!("* tcp → {layer} → tls\n"),
            &format!("* connecting to {}\n", forward.address),
        ]);
        let steps = run.stderr.lines().find(|line| line.contains("upgrade "));
        let steps = steps.unwrap_or_else(|| panic!("{}", run.stderr));
        assert!(steps.contains(layer) && steps.contains("tls"), "{steps}");
        let carried = forward.said().remove(0).carried;
        // A ClientHello, and nothing in the clear.
        assert_eq!(carried[0], 0x16);
        assert!(!carried.windows(4).any(|it| it == b"GET "));
    }
}

#[test]
fn connect_has_its_own_head_and_timing() {
    let server = serve();
    let forward = Forward::start(Speaks::Http, server.address);
    let proxy = forward.url("http");
    let url = "ws://name.invalid/echo";
    let run = echo(&["--json", "-v", "-x", &proxy], url).run();
    run.exits(0)
        .complains(&["* CONNECT name.invalid:80: HTTP 200"]);
    let open = run.stdout_text();
    let open = open.lines().find(|line| line.contains(r#""type":"open""#));
    let open = open.unwrap();
    for step in [r#""tcp":"#, r#""connect":"#, r#""upgrade":"#] {
        assert!(open.contains(step), "{open}");
    }
    let agent = concat!("wirecat/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "CONNECT name.invalid:80 HTTP/1.1\r\nHost: name.invalid:80\r\nUser-Agent: {agent}\r\n\r\n"
    );
    let said = forward.said().remove(0);
    assert_eq!(String::from_utf8(said.to_proxy).unwrap(), expected);
    let carried = String::from_utf8_lossy(&said.carried).into_owned();
    assert!(carried.starts_with("GET /echo HTTP/1.1\r\n"), "{carried}");
    assert_eq!(header(&carried, "host"), Some("name.invalid"));
}

/// What is for the server never reaches the proxy as its own, and the other way round.
#[test]
fn credentials_reach_only_the_hop_they_are_meant_for() {
    let server = serve();
    let plain = Forward::start(Speaks::Http, server.address);
    let secure = TlsFront::start(server.address);
    let tunnel = Forward::start(Speaks::Http, secure.address);
    let front = TlsFront::start(plain.address);
    let (http, https) = (plain.url("http"), format!("https://{}", front.address));
    let with_user = http.replace("://", &format!("://{USER}@"));
    let cacert = front.root();
    let mine = ["--proxy-cacert", &cacert];
    // The options; what of them the proxy gets; what of them the server gets.
    let cases: [(&[&str], &[&str], &[&str]); 12] = [
        (&["-u", "ann:pass-of-ann"], &[], &["YW5uOnBhc3Mtb2YtYW5u"]),
        (&["--oauth2-bearer", "bearer-12"], &[], &["bearer-12"]),
        (&["--token", "token-123"], &[], &["token-123"]),
        (
            &["--token", "tok-4", "--token-via", "query"],
            &[],
            &["tok-4"],
        ),
        (&["-H", "X-Api-Key: key-56"], &[], &["key-56"]),
        (&["-H", "Cookie: sid=cookie-7"], &[], &["cookie-7"]),
        (&["-H", "Authorization: own-8"], &[], &["own-8"]),
        (&["-A", "agent-9"], &[], &["agent-9"]),
        (&["--origin", "https://origin-10"], &[], &["origin-10"]),
        (&["-U", USER], &[BASIC], &[]),
        (&["--proxy-header", "X-Proxy: hdr-11"], &["hdr-11"], &[]),
        (
            &[
                "--proxy-header",
                "Proxy-Authorization: Bearer pt-12",
                "-U",
                USER,
            ],
            &["Bearer pt-12"],
            &[],
        ),
    ];
    for (options, for_proxy, for_server) in cases {
        for (proxy, extra) in [(&http, &[][..]), (&https, &mine[..])] {
            let options = [options, extra, &["-x", proxy, "-v"]].concat();
            let run = echo(&options, "ws://name.invalid/echo").run();
            run.exits(0);
            let said = plain.said().pop().unwrap();
            let (to_proxy, carried) = (lossy(&said.to_proxy), lossy(&said.carried));
            for word in for_proxy {
                assert!(to_proxy.contains(word), "{options:?}: {to_proxy}");
                assert!(!carried.contains(word), "{options:?}: {carried}");
                assert!(!run.stderr.contains("pass-of"), "{}", run.stderr);
            }
            for word in for_server {
                assert!(carried.contains(word), "{options:?}: {carried}");
                assert!(!to_proxy.contains(word), "{options:?}: {to_proxy}");
            }
            assert!(!carried.to_lowercase().contains("proxy-"), "{carried}");
        }
        // Over TLS, the proxy sees nothing of the request at all.
        let proxy = tunnel.url("http");
        let options = [options, &["-x", &proxy, "-k"]].concat();
        let url = format!("wss://{}/echo", secure.address);
        echo(&options, &url).run().exits(0).prints("hi\n");
        let said = tunnel.said().pop().unwrap();
        let (to_proxy, carried) = (lossy(&said.to_proxy), lossy(&said.carried));
        for word in for_server {
            assert!(
                !to_proxy.contains(word) && !carried.contains(word),
                "{word}"
            );
        }
    }
    // The same from the URL of the proxy, and in an error.
    echo(&["-x", &with_user], "ws://h/echo").run().exits(0);
    assert!(lossy(&plain.said().pop().unwrap().to_proxy).contains(BASIC));
    let refusing = raw(|mut wire| {
        let asked = wire.request();
        let value = header(&asked, "proxy-authorization").unwrap().to_owned();
        wire.send(format!(
            "HTTP/1.1 407 No {value} for you\r\nX: {USER}\r\n\r\npass-of-the-proxy"
        ));
    });
    let proxy = format!("http://{USER}@{}", refusing.address);
    let run = echo(&["-x", &proxy, "-v"], "ws://h/echo").run();
    run.exits(97)
        .complains(&["* proxy http://user:[redacted]@127.0.0.1:", "HTTP 407 No"]);
    assert!(!run.stderr.contains("pass-of"), "{}", run.stderr);
    assert!(!run.stderr.contains("dXNlcjpw"), "{}", run.stderr);
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn socks_sends_the_user_and_the_password() {
    let server = serve();
    let forward = Forward::start(
        Speaks::Socks5With("user", "pass-of-the-proxy"),
        server.address,
    );
    let proxy = forward.url("socks5h");
    let by_url = proxy.replace("://", &format!("://{USER}@"));
    for options in [&["-x", &proxy, "-U", USER][..], &["-x", &by_url]] {
        echo(options, "ws://h/echo").run().exits(0).prints("hi\n");
        let said = forward.said().pop().unwrap();
        let asked = b"\x05\x02\0\x02\x01\x04user\x11pass-of-the-proxy\x05\x01\0\x03\x01h\0\x50";
        assert_eq!(said.to_proxy, asked);
        assert!(!lossy(&said.carried).contains("pass-of"));
    }
    let run = echo(
        &["-x", &proxy, "-U", "user:wrong", "--reconnect"],
        "ws://h/echo",
    )
    .run();
    run.exits(97).complains(&[
        "refused to connect to h:80: it does not accept the user and the password",
        "try: check the user and the password: -U USER:PASSWORD",
    ]);
    // SOCKS4 has a user only.
    let forward = Forward::start(Speaks::Socks4, server.address);
    let proxy = forward.url("socks4a");
    echo(&["-x", &proxy, "-U", USER], "ws://h/echo")
        .run()
        .exits(0);
    let said = forward.said().pop().unwrap();
    assert_eq!(said.to_proxy, b"\x04\x01\0\x50\0\0\0\x01user\0h\0");
}

#[test]
fn the_environment_names_a_proxy_unless_no_proxy_names_the_host() {
    let server = serve();
    let (one, other) = (
        Forward::start(Speaks::Http, server.address),
        Forward::start(Speaks::Http, server.address),
    );
    let (first, second) = (one.url("http"), other.url("http"));
    let url = server.url("/echo");
    let used = |run: Wirecat| {
        let before = (one.said().len(), other.said().len());
        let output = run.run();
        output.exits(0).prints("hi\n");
        let after = (one.said().len(), other.said().len());
        (after.0 - before.0, after.1 - before.1, output.stderr)
    };
    for (variables, options, expected, words) in [
        (&[][..], &[][..], (0, 0), ""),
        (
            &[("ws_proxy", &first), ("http_proxy", &second)],
            &[],
            (1, 0),
            "(from ws_proxy)",
        ),
        (
            &[("http_proxy", &first), ("all_proxy", &second)],
            &[],
            (1, 0),
            "(from http_proxy)",
        ),
        (&[("HTTP_PROXY", &first)], &[], (0, 0), ""),
        (
            &[("ALL_PROXY", &first), ("all_proxy", &second)],
            &[],
            (0, 1),
            "(from all_proxy)",
        ),
        (
            &[("all_proxy", &first)],
            &["-x", &second],
            (0, 1),
            "(from -x)",
        ),
        (&[("all_proxy", &first)], &["-x", ""], (0, 0), ""),
        (
            &[("all_proxy", &first)],
            &["--noproxy", "127.0.0.0/8"],
            (0, 0),
            "",
        ),
        (
            &[("no_proxy", &"127.0.0.1".to_owned())],
            &["-x", &first],
            (0, 0),
            "",
        ),
        (
            &[("NO_PROXY", &"*".to_owned())],
            &["-x", &first, "--noproxy", ""],
            (1, 0),
            "(from -x)",
        ),
        (&[], &["--socks5", "h:1", "-x", &first], (1, 0), "(from -x)"),
    ] {
        let mut run = echo(&[options, &["-v"]].concat(), &url);
        for (name, value) in variables {
            run = run.env(name, value);
        }
        let (by_first, by_second, stderr) = used(run);
        assert_eq!((by_first, by_second), expected, "{variables:?} {options:?}");
        assert!(stderr.contains(words), "{stderr}");
        assert_eq!(stderr.contains("* proxy"), expected != (0, 0), "{stderr}");
    }
    // The server of a demo is in this process.
    let demo = wirecat(["demo", "-d", "hi", "-1"]).env("all_proxy", "127.0.0.1:1");
    demo.run().exits(0).prints("hi\n");
}

#[test]
fn the_options_of_curl_for_socks_are_the_same() {
    let server = serve();
    for (option, speaks, name) in [
        ("--socks4", Speaks::Socks4, false),
        ("--socks4a", Speaks::Socks4, true),
        ("--socks5", Speaks::Socks5, false),
        ("--socks5-hostname", Speaks::Socks5, true),
    ] {
        let forward = Forward::start(speaks, server.address);
        let proxy = forward.address.to_string();
        // The last one counts.
        let options = ["-x", "127.0.0.1:1", option, &proxy, "-v"];
        let run = echo(&options, "ws://localhost/echo").run();
        run.exits(0).complains(&[&format!("(from {option})")]);
        let asked = lossy(&forward.said().remove(0).to_proxy);
        assert_eq!(asked.contains("localhost"), name, "{option}: {asked:?}");
    }
}

#[test]
fn what_is_no_proxy_is_a_usage_error() {
    for (options, variable, words) in [
        (
            &["-x", "ftp://u:s3cret@h"][..],
            "",
            "-x '[redacted]@h': there is no such scheme",
        ),
        (
            &["--socks5", "h:0"],
            "",
            "--socks5 'socks5://h:0': the port",
        ),
        (
            &[],
            "gopher://u:s3cret@h",
            "ws_proxy '[redacted]@h': there is no such scheme",
        ),
        (
            &["-x", "h", "--proxy-header", "X"],
            "",
            "header 'X': there is no colon",
        ),
    ] {
        let run = echo(options, "ws://127.0.0.1:1/")
            .env("ws_proxy", variable)
            .run();
        run.exits(2).complains(&[words, "try: "]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let run = echo(&["-x", "http://proxy.invalid:3128"], "ws://127.0.0.1:1/").run();
    run.exits(5).complains(&[
        "could not resolve the name of the proxy 'proxy.invalid': ",
        "try: check the proxy, which -x names; --noproxy '*' uses none",
    ]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let run = echo(&[], "ws://h/").env("all_proxy", &address).run();
    run.exits(7).complains(&[
        &format!("could not connect to the proxy {address}: connection refused"),
        "try: check the proxy, which all_proxy names",
    ]);
    // Port 1080 of this address is nobody's.
    let run = echo(&["-x", "127.66.55.44"], "ws://h/").run();
    run.exits(7)
        .complains(&["try: check the proxy, which -x names, and its port (1080 unless given);"]);
    // A name that is resolved here, for a proxy that gets an address.
    let forward = Forward::start(Speaks::Socks5, "127.0.0.1:1".parse().unwrap());
    let run = echo(&["-x", &forward.url("socks5")], "ws://host.invalid/").run();
    run.exits(6).complains(&[
        "could not resolve the host name 'host.invalid'",
        "try: socks5h:// or socks4a:// lets the proxy resolve the name",
    ]);
}

#[test]
fn a_proxy_over_tls_has_its_own_trust() {
    let server = serve();
    let forward = Forward::start(Speaks::Http, server.address);
    let front = TlsFront::start(forward.address);
    let (proxy, root) = (format!("https://{}", front.address), front.root());
    let url = "ws://name.invalid/echo";
    let run = echo(&["-v", "-x", &proxy, "--proxy-cacert", &root], url).run();
    run.exits(0)
        .prints("hi\n")
        .complains(&["* tcp → proxy-tls → connect\n", "proxy-tls "]);
    echo(&["-x", &proxy, "--proxy-insecure"], url)
        .run()
        .exits(0);
    // What is trusted for the server is not for the proxy.
    for options in [&[][..], &["--cacert", &root], &["-k"]] {
        let run = echo(&[options, &["-x", &proxy, "--reconnect"]].concat(), url).run();
        run.exits(60).complains(&[
            "the certificate of the proxy 127.0.0.1 is not trusted",
            "try: --proxy-cacert FILE trusts its issuer; --proxy-insecure connects without",
        ]);
    }
    let plain = forward.url("https");
    let run = echo(&["-x", &plain, "--connect-timeout=5s"], url).run();
    assert!(matches!(run.code(), 28 | 35), "{}", run.stderr);
}

#[test]
fn a_refusal_shows_the_proxys_words() {
    let proxy = raw(|mut wire| {
        wire.request();
        let page = "<h1>Denied</h1>\n".repeat(400);
        let length = page.len();
        wire.send(format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\n\r\n{page}"
        ));
        wire.frame();
    });
    let address = proxy.address.to_string();
    let run = echo(&["-x", &address, "--reconnect"], "wss://h:8443/").run();
    run.exits(97).complains(&[
        &format!("the proxy {address} refused to connect to h:8443: HTTP 403 Forbidden\n"),
        "\n  | <h1>Denied</h1>\n",
        "\n  | … (more was sent)\n",
        "\n  try: the proxy does not allow this host or port",
    ]);
    let shown = run.stderr.matches("Denied").count();
    assert_eq!(shown, 4096 / 16, "{}", run.stderr);
    let proxy = raw(|mut wire| {
        wire.request();
        wire.send(
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n8\r\n\nsecond\n\r\n0\r\n\r\n",
        );
        wire.frame();
    });
    let run = echo(
        &["-x", &proxy.address.to_string(), "--reconnect"],
        "ws://h/",
    )
    .run();
    run.exits(97).complains(&[
        "HTTP 407 Proxy Authentication Required\n  proxy-authenticate: Basic realm=\"x\"\n  | first\n  | second\n  try: -U USER:PASSWORD sends",
    ]);
}

#[test]
fn a_refusal_never_becomes_a_timeout() {
    let proxy = raw(|mut wire| {
        wire.request();
        wire.send("HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nhalf");
        wire.frame();
    });
    let options = ["-x", &proxy.address.to_string(), "--connect-timeout=1s"];
    let run = echo(&options, "ws://h/").run();
    run.exits(97).complains(&["HTTP 403 No\n  | half\n"]);
}

#[test]
fn a_reconnect_goes_through_all_of_it_again() {
    let server = raws(2, |number, mut wire| {
        let request = wire.handshake();
        match number {
            1 => wire.close(1012, "again"),
            _ => wire.close(1000, ""),
        };
        request
    });
    let forward = Forward::start(Speaks::Http, server.address);
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("n").display().to_string();
    let token = format!("cmd:echo x >> {counter}; wc -l < {counter} | tr -d ' '");
    let proxy = forward.url("http");
    let options = [
        "--reconnect",
        "--reconnect-delay=1ms",
        "-x",
        &proxy,
        "-U",
        USER,
    ];
    let run = wirecat([&options[..], &["--token", &token, "-v", "ws://h/"]].concat()).run();
    run.exits(0);
    let said = forward.said();
    assert_eq!(said.len(), 2, "{}", run.stderr);
    for (number, said) in said.iter().enumerate() {
        assert!(lossy(&said.to_proxy).starts_with("CONNECT h:80 HTTP/1.1\r\n"));
        assert!(lossy(&said.to_proxy).contains(BASIC));
        let token = format!("Authorization: Bearer {}\r\n", number + 1);
        assert!(lossy(&said.carried).contains(&token), "{said:?}");
    }
    assert_eq!(
        run.stderr
            .matches("* proxy http://user:[redacted]@")
            .count(),
        2
    );
    assert_eq!(server.result().len(), 2);
}

#[test]
fn a_proxy_that_cannot_reach_the_server_is_asked_again() {
    for (first, words) in [
        (
            &b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"[..],
            "HTTP 503 Busy",
        ),
        (b"", "it closed the connection"),
    ] {
        let proxy = raws(2, move |number, mut wire| {
            wire.request();
            if number == 1 {
                return wire.send(first);
            }
            wire.send("HTTP/1.1 200 OK\r\n\r\n");
            wire.handshake_with("", &[text("in"), close(1000, "")].concat());
            wire.until_close();
        });
        let address = proxy.address.to_string();
        let options = ["--reconnect", "--reconnect-delay=1ms", "-x", &address];
        let run = wirecat([&options[..], &["ws://h/"]].concat()).run();
        run.exits(0)
            .prints("in\n")
            .complains(&["retry 1 in ", words]);
    }
}

#[test]
fn the_connect_timeout_covers_all_layers_together() {
    for (scheme, doing) in [
        ("http", "to answer CONNECT)"),
        ("socks5h", "to answer in SOCKS5)"),
        ("socks4a", "to answer in SOCKS4)"),
        ("https", "waiting for the proxy in the TLS handshake)"),
    ] {
        let proxy = raw(|mut wire| drop(wire.0.read_to_end(&mut Vec::new())));
        let proxy = format!("{scheme}://{}", proxy.address);
        let start = Instant::now();
        let options = ["-x", &proxy, "--connect-timeout=2s", "--proxy-insecure"];
        let run = echo(&options, "ws://h/").run();
        // The more specific of the two: the TLS handshake failed.
        run.exits(if scheme == "https" { 35 } else { 28 })
            .complains(&["timed out after 2s (waiting for the proxy", doing]);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    // Each hop alone would be in time.
    let proxy = raw(|mut wire| {
        wire.request();
        std::thread::sleep(Duration::from_millis(700));
        wire.send("HTTP/1.1 200 OK\r\n\r\n");
        let request = wire.request();
        std::thread::sleep(Duration::from_millis(700));
        wire.accept(&request, "", b"");
    });
    let options = ["-x", &proxy.address.to_string(), "--connect-timeout=1s"];
    let run = echo(&options, "ws://h/").run();
    run.exits(28).complains(&["timed out after 1s ("]);
}

#[test]
fn the_prompt_asks_for_a_missing_password_and_status_names_the_proxy() {
    let server = serve();
    let forward = Forward::start(Speaks::Http, server.address);
    let proxy = forward.url("http");
    let mut pty = Pty::start(&["-U", "user", "-x", &proxy, "ws://h/echo"]);
    pty.expect("Password for user at the proxy: ");
    pty.type_keys("pass-of-the-proxy\r");
    pty.expect("open> ");
    let sent = lossy(&forward.said().remove(0).to_proxy);
    assert!(sent.contains(BASIC), "{sent}");
    pty.type_keys("/status\r");
    let address = forward.address;
    pty.expect(&format!(
        "proxy: http://user:[redacted]@{address}/ (from -x)"
    ));
    pty.type_keys("/quit\r");
    let shown = pty.exits(0);
    assert!(!shown.contains("pass-of"), "{shown}");
}

#[test]
fn the_configuration_file_names_a_proxy_and_refers_to_its_password() {
    let server = serve();
    let forward = Forward::start(Speaks::Http, server.address);
    let other = Forward::start(Speaks::Socks5, server.address);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    let write = |text: &str| {
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let config = path.display().to_string();
    let proxy = forward.url("http");
    write(&format!(
        "[defaults]\nproxy = \"{proxy}\"\nproxy-user = \"user:env:PROXY_PASSWORD\"\nproxy-header = [\"X-Secret: env:PROXY_PASSWORD\"]\n"
    ));
    let run = echo(&["--config", &config], "ws://h/echo");
    let run = run.env("PROXY_PASSWORD", "pass-of-the-proxy").run();
    run.exits(0).prints("hi\n");
    let sent = lossy(&forward.said().remove(0).to_proxy);
    assert!(sent.contains(BASIC), "{sent}");
    assert!(sent.contains("X-Secret: pass-of-the-proxy\r\n"), "{sent}");
    // An option of the command line takes its place, by whatever name.
    write(&format!("[defaults]\nproxy = \"{proxy}\"\n"));
    let socks = other.address.to_string();
    let options = ["--config", &config, "--socks5-hostname", &socks];
    echo(&options, "ws://h/echo").run().exits(0);
    assert_eq!((forward.said().len(), other.said().len()), (1, 1));
    for (line, words) in [
        (
            "proxy = \"http://u:s3cret@h\"",
            "'proxy' contains a password",
        ),
        ("socks5 = \"u:s3cret@h\"", "'socks5' contains a password"),
        (
            "proxy-user = \"u:s3cret\"",
            "'proxy-user' contains a password",
        ),
        (
            "proxy-header = [\"Proxy-Authorization: s3cret\"]",
            "the header 'Proxy-Authorization' is a secret",
        ),
    ] {
        write(&format!("[defaults]\n{line}\n"));
        let run = echo(&["--config", &config], "ws://127.0.0.1:1/").run();
        run.exits(2).complains(&[words]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }
}

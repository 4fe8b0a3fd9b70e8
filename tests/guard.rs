//! Which pages and which host names the debug server is there for: browsers as they ask, over both
//! versions of HTTP, for a WebSocket and for a page.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use hyper::{Method, Request};
use wirecat::internals::serve::{Options, guard};

use crate::serve::{Server, has, header, upgrade};
use crate::support::wirecat;

/// A server that allows these origins and host names.
fn server(origins: &[&str], host_names: &[&str]) -> Server {
    Server::start_with(Options {
        guard: guard::Options {
            origins: origins.iter().map(|text| (*text).to_owned()).collect(),
            host_names: host_names.iter().map(|text| (*text).to_owned()).collect(),
        },
        ..Options::default()
    })
}

/// What a browser sends for a page of this origin, or a program for none.
struct Asker<'a> {
    origin: Option<&'a str>,
    host: &'a str,
}

impl Asker<'_> {
    fn lines(&self) -> String {
        let origin = self.origin.map(|origin| format!("Origin: {origin}\r\n"));
        origin.unwrap_or_default()
    }

    fn handshake(&self) -> String {
        let lines = format!("Sec-WebSocket-Version: 13\r\n{}", self.lines());
        let request = upgrade("GET /echo", &lines);
        request.replace("Host: localhost", &format!("Host: {}", self.host))
    }

    fn get(&self, target: &str) -> String {
        let (host, lines) = (self.host, self.lines());
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
    }

    /// The statuses over HTTP/1.1: of a handshake and of a page.
    fn over_http1(&self, server: &Server) -> (u16, u16) {
        let mut wire = server.tcp();
        wire.write(self.handshake());
        let handshake = status(&wire.head());
        (handshake, status(&server.ask(&self.get("/ledger")).0))
    }

    /// The same over HTTP/2.
    fn over_http2(&self, server: &Server) -> (u16, u16) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let address = server.tcp().0.peer_addr().unwrap();
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let mut sender = sender.ready().await.unwrap();
            // A response comes after SETTINGS, which allow the extended CONNECT.
            let page = self.ask_over_http2(&mut sender, false).await;
            (self.ask_over_http2(&mut sender, true).await, page)
        })
    }

    async fn ask_over_http2(&self, sender: &mut SendRequest<Bytes>, websocket: bool) -> u16 {
        let mut request = Request::builder();
        if let Some(origin) = self.origin {
            request = request.header("origin", origin);
        }
        let path = if websocket { "/echo" } else { "/ledger" };
        request = request.uri(format!("http://{}{path}", self.host));
        if websocket {
            request = request
                .method(Method::CONNECT)
                .header("sec-websocket-version", "13")
                .extension(Protocol::from_static("websocket"));
        }
        let request = request.body(()).unwrap();
        let (response, _stream) = sender.send_request(request, !websocket).unwrap();
        response.await.unwrap().status().as_u16()
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn pages_and_hosts_that_are_not_ours_are_refused_everywhere() {
    let strict = server(&[], &[]);
    let open = server(&["https://app.example", "null"], &["dev.example"]);
    let any = server(&["*"], &["*"]);
    for (server, origin, host, allowed) in [
        (&strict, None, "localhost:1", true),
        (&strict, None, "127.0.0.1", true),
        (&strict, None, "[::1]:8765", true),
        (&strict, Some("http://localhost:1"), "localhost:1", true),
        (&strict, Some("http://127.0.0.1"), "127.0.0.1", true),
        // A page of any site.
        (&strict, Some("https://evil.example"), "localhost:1", false),
        (&strict, Some("http://localhost:3000"), "localhost:1", false),
        (&strict, Some("https://localhost:1"), "localhost:1", false),
        (&strict, Some("null"), "localhost:1", false),
        // A name that was made to lead here.
        (&strict, Some("http://evil.example"), "evil.example", false),
        (&strict, None, "evil.example:8765", false),
        (&strict, None, "10.9.8.7", false),
        (&open, Some("https://app.example"), "localhost", true),
        (&open, Some("https://app.example"), "dev.example:1", true),
        (&open, Some("http://dev.example"), "dev.example", true),
        (&open, Some("null"), "localhost", true),
        (&open, Some("https://evil.example"), "dev.example", false),
        (&open, Some("https://app.example"), "evil.example", false),
        (&any, Some("https://evil.example"), "localhost", true),
        (&any, None, "evil.example", true),
        (&any, Some("null"), "localhost", false),
    ] {
        let asker = Asker { origin, host };
        let (upgraded, connected) = if allowed { (101, 200) } else { (403, 403) };
        let page = connected;
        let words = format!("{origin:?} {host}");
        assert_eq!(asker.over_http1(server), (upgraded, page), "{words}");
        assert_eq!(asker.over_http2(server), (connected, page), "{words}");
    }
}

#[test]
fn a_refusal_says_which_option_allows_it() {
    let mut server = server(&[], &[]);
    let page = Asker {
        origin: Some("https://evil.example"),
        host: "localhost",
    };
    let (head, body) = server.ask(&page.get("/ledger"));
    assert!(body.contains("`--origin https://evil.example`"), "{body}");
    assert_eq!(header(&head, "Access-Control-Allow-Origin"), None, "{head}");
    let rebound = Asker {
        origin: None,
        host: "evil.example:8765",
    };
    let (_, body) = server.ask(&rebound.get("/"));
    assert!(body.contains("`--host-name evil.example`"), "{body}");
    server.join();
    let log = server.lines().join("\n");
    assert!(
        log.contains("refused: pages of \"https://evil.example\" are not allowed (--origin)"),
        "{log}"
    );
    assert!(
        log.contains("refused: the Host \"evil.example:8765\" is not ours (--host-name)"),
        "{log}"
    );
}

#[test]
fn an_allowed_page_may_read_answers_and_send_a_token() {
    let server = server(&["https://app.example"], &[]);
    let origin = Some("https://app.example");
    let host = "localhost";
    let (head, _) = server.ask(&Asker { origin, host }.get("/ledger"));
    has(&head, "Access-Control-Allow-Origin", "https://app.example");
    has(&head, "Vary", "Origin");
    let (head, _) = server.ask(&Asker { origin: None, host }.get("/ledger"));
    assert_eq!(header(&head, "Access-Control-Allow-Origin"), None, "{head}");
    for (origin, expected) in [("https://app.example", 204), ("https://evil.example", 403)] {
        let (head, _) = server.ask(&format!(
            "OPTIONS /ledger HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: DELETE\r\n\
             Access-Control-Request-Headers: authorization\r\n\
             Access-Control-Request-Private-Network: true\r\n\r\n"
        ));
        assert_eq!(status(&head), expected, "{head}");
        if expected == 204 {
            has(&head, "Access-Control-Allow-Origin", origin);
            has(
                &head,
                "Access-Control-Allow-Methods",
                "GET, HEAD, POST, DELETE",
            );
            has(
                &head,
                "Access-Control-Allow-Headers",
                "authorization, content-type",
            );
            has(&head, "Access-Control-Allow-Private-Network", "true");
        } else {
            assert!(!head.to_lowercase().contains("access-control"), "{head}");
        }
    }
}

#[test]
fn an_image_of_a_page_elsewhere_is_refused_and_a_link_is_followed() {
    let server = server(&[], &[]);
    for (site, mode, expected) in [
        ("cross-site", "no-cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
    ] {
        let (head, _) = server.ask(&format!(
            "GET /ledger HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: {site}\r\n\
             Sec-Fetch-Mode: {mode}\r\n\r\n"
        ));
        assert_eq!(status(&head), expected, "{site} {mode}");
    }
}

#[test]
fn the_server_does_not_start_where_anyone_could_connect() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = wirecat(["serve", address]).run();
        refused.exits(2);
        let said = &refused.stderr;
        assert!(
            said.contains("other machines can reach it, and no token is required"),
            "{said}"
        );
        assert!(said.contains("--allow-anyone"), "{said}");
        assert!(said.contains("--token"), "{said}");
    }
}

#[test]
fn an_origin_or_host_name_that_is_none_is_a_usage_error() {
    for (option, value) in [
        ("--origin", "app.example"),
        ("--origin", "https://app.example/path"),
        ("--host-name", "dev.example:80"),
        ("--host-name", "http://dev.example"),
    ] {
        let refused = wirecat(["serve", "--port", "0", option, value]).run();
        refused.exits(2);
        assert!(refused.stderr.contains(option), "{}", refused.stderr);
    }
}

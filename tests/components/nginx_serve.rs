//! nginx with TLS in front of `wirecat serve` on a Unix socket: the endpoints, the hub with a client that
//! others wrote, the page in a browser, and whose address is logged.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Large, run};
use crate::exchanges;
use crate::peers::Kind;
use crate::support::Output;
use crate::support::components::Component;
use crate::support::components::nginx::nginx_for_serve;
use crate::support::serving::Serving;
use crate::support::tls::{Authority, authority};
use crate::support::webdriver::{Browser, ENTER};

/// nginx, and where it looks for the server.
struct Front {
    authority: Authority,
    nginx: Component,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Front {
    #[track_caller]
    fn start() -> Front {
        let authority = authority();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("serve.sock");
        Front {
            nginx: nginx_for_serve(&authority, &socket),
            authority,
            socket,
            _folder: folder,
        }
    }

    /// The server behind it, with these options.
    #[track_caller]
    fn serve(&self, options: &[&str]) -> Serving {
        let unix = ["--unix", self.socket.to_str().unwrap()];
        Serving::start(&[&unix, options].concat())
    }

    /// Runs wirecat with these options, and a URL of this path.
    #[track_caller]
    fn run(&self, path: &str, options: &[&str]) -> Output {
        let url = format!("wss://debug.example:{}{path}", self.nginx.port);
        run(&self.nginx, &self.authority, &[options, &[&*url]].concat())
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_endpoints_work_and_the_log_has_the_address_of_the_client() {
    let front = Front::start();
    let large = Large::new();
    let echo = ["-d", "one", "-d", &large.argument, "--count", "2"];
    let claim = ["-H", "X-Forwarded-For: 203.0.113.9"];
    // An address that is not nginx's own.
    let client = ["--interface", "127.0.0.2"];
    for (options, address) in [(&["--trust-proxy"][..], "127.0.0.2"), (&[], "unix")] {
        let server = front.serve(&[options, &["--log", "json"]].concat());
        front
            .run("/echo", &[&echo[..], &claim, &client].concat())
            .exits(0)
            .prints(format!("one\n{}\n", large.text))
            .is_quiet();
        front
            .run("/close/4401?reason=bye", &client)
            .exits(112)
            .complains(&["closed by server: 4401 (private use) \"bye\""]);
        // A page of another site: the refusal has the address, too.
        front
            .run(
                "/echo",
                &[&client[..], &["--origin", "https://evil.example"]].concat(),
            )
            .exits(22)
            .complains(&["HTTP 403 Forbidden"]);
        let log = server.end().stderr;
        let mut seen = 0;
        for line in log.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            if !entry["peer"].is_null() {
                assert_eq!(entry["peer"], address, "{log}");
                seen += 1;
            }
        }
        // Three requests, two ends, one refusal.
        assert_eq!(seen, 6, "{log}");
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_exchanges_pass_with_websockets17() {
    let front = Front::start();
    let socket = front.socket.to_str().unwrap();
    let via = format!("wss://debug.example:{}", front.nginx.port);
    let environment = [("VIA", &*via), ("SSL_CERT_FILE", &front.authority.cacert())];
    let options = ["--unix", socket, "--trust-proxy"];
    exchanges::run_with(Kind::Websockets17, &options, &environment);
}

#[test]
#[ignore = "needs .ci/peers"]
fn the_page_works_with_tls_in_front() {
    let front = Front::start();
    let server = front.serve(&["--trust-proxy"]);
    let browser = Browser::start_with(&["--host-resolver-rules=MAP debug.example 127.0.0.1"]);
    browser.open(&format!("https://debug.example:{}/", front.nginx.port));
    browser.wait_for("[aria-labelledby=endpoints]", "/frames/KIND");
    browser.type_into("#token", &format!("xiao{ENTER}"));
    browser.wait_for("#hub-state", "Connected as xiao");
    browser.type_into("#text", &format!("through nginx{ENTER}"));
    browser.wait_for("#hub-log", "from xiao");
    let message = r#".event == "message" and .id == 1 and .data == "through nginx""#;
    front
        .run("/events?token=ada&after=0", &["--until", message])
        .exits(0);
    browser.click("#disconnect");
    browser.wait_for("#hub-end", "1000 normal closure");
    assert_eq!(browser.console(), Vec::<String>::new());
    let protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert_eq!(browser.run(protocol, &[]), json!("h2"));
    let log = server.end().stderr;
    assert!(log.contains("127.0.0.1 GET /events -> 101"), "{log}");
    assert!(!log.contains("unix"), "{log}");
}

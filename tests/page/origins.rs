//! Pages of other origins in Chromium: what they cannot do with the server, and what `--origin` and
//! `--host-name` allow.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use crate::support::serving::Serving;
use crate::support::webdriver::Browser;

/// Serves a page of somebody else, without a policy of its own, for as long as the tests run. A browser
/// opens connections that it may never use, so each has a thread.
fn elsewhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Answers one request. The browser may have left.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let page = "<!doctype html><title>elsewhere</title><p>elsewhere";
    let length = page.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{page}")
}

/// What a page can try at a server whose host and port are the first argument. An answer that it may not
/// read is an error to it.
const TRY: &str = "
    const [server, done] = arguments;
    const connect = path => new Promise(done => {
        const socket = new WebSocket('ws://' + server + path);
        socket.onopen = () => { socket.close(); done('open'); };
        socket.onerror = () => done('failed');
    });
    const read = (path, options) => fetch('http://' + server + path, options).then(
        async answer => [answer.type, answer.status, (await answer.text()).length > 0],
        () => 'failed');
    const load = (tag, path) => new Promise(done => {
        const element = document.createElement(tag);
        element.onload = () => done('loaded');
        element.onerror = () => done('failed');
        element.src = 'http://' + server + path;
        document.body.append(element);
    });
    (async () => done({
        echo: await connect('/echo'),
        hub: await connect('/events?token=mallory'),
        ledger: await read('/ledger?format=json'),
        blind: await read('/ledger', {mode: 'no-cors', method: 'POST', body: '{}'}),
        rooms: await read('/events/rooms', {headers: {Authorization: 'Bearer mallory'}}),
        erased: await read('/ledger', {method: 'DELETE'}),
        image: await load('img', '/ledger'),
        script: await load('script', '/endpoints'),
    }))()";

/// What the page at `url` makes of the server.
#[track_caller]
fn attempts(browser: &Browser, url: &str, server: &Serving) -> Value {
    browser.open(url);
    browser.run_async(TRY, &[json!(server.address())])
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_page_of_another_origin_cannot_connect_or_read() {
    let (browser, site) = (Browser::start(), elsewhere());
    let port = site.port();
    // Of the same site, by another port; and of another one.
    for host in ["127.0.0.1", "localhost"] {
        let server = Serving::start(&["--port", "0"]);
        let tried = attempts(&browser, &format!("http://{host}:{port}/"), &server);
        let nothing = json!({
            "echo": "failed", "hub": "failed", "ledger": "failed", "rooms": "failed",
            "erased": "failed", "image": "failed", "script": "failed",
            // What comes of it stays hidden; the log says that it was refused.
            "blind": ["opaque", 0, false],
        });
        assert_eq!(tried, nothing, "{host}");
        let log = server.end().stderr;
        let by_origin = format!("refused: pages of \"http://{host}:{port}\" are not allowed");
        for words in [&by_origin, "refused: a page of another site asked for this"] {
            assert!(log.contains(words), "{words}: {log}");
        }
        for status in ["-> 1", "-> 2"] {
            assert!(!log.contains(status), "{log}");
        }
    }
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_page_of_an_allowed_origin_connects_and_reads() {
    let (browser, site) = (Browser::start(), elsewhere());
    let page = format!("http://localhost:{}", site.port());
    for allowed in [&*page, "*"] {
        let server = Serving::start(&["--port", "0", "--origin", allowed]);
        let tried = attempts(&browser, &format!("{page}/"), &server);
        assert_eq!(tried["echo"], "open", "{tried}");
        assert_eq!(tried["hub"], "open", "{tried}");
        assert_eq!(tried["ledger"], json!(["cors", 200, false]), "{tried}");
        assert_eq!(tried["rooms"], json!(["cors", 200, true]), "{tried}");
        assert_eq!(tried["erased"], json!(["cors", 204, false]), "{tried}");
    }
    // That of another page does not help.
    let server = Serving::start(&["--port", "0", "--origin", "http://localhost:1"]);
    let tried = attempts(&browser, &format!("{page}/"), &server);
    assert_eq!(tried["echo"], "failed", "{tried}");
    assert_eq!(tried["ledger"], "failed", "{tried}");
}

/// What a page can try at the server that it came from.
const TRY_OWN: &str = "
    const [done] = arguments;
    const socket = new WebSocket('ws://' + location.host + '/echo');
    socket.onopen = () => { socket.close(); read('open'); };
    socket.onerror = () => read('failed');
    const read = echo => fetch('/ledger?format=json').then(answer => done([echo, answer.status]));";

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_name_that_was_made_to_lead_here_does_not_help() {
    let browser = Browser::start_with(&["--host-resolver-rules=MAP rebound.example 127.0.0.1"]);
    for (options, text, expected) in [
        (
            &[][..],
            "`--host-name rebound.example`",
            json!(["failed", 403]),
        ),
        (
            &["--host-name", "rebound.example"],
            "/frames/KIND",
            json!(["open", 200]),
        ),
    ] {
        let server = Serving::start(&[&["--port", "0"], options].concat());
        let (_, port) = server.address().rsplit_once(':').unwrap();
        browser.open(&format!("http://rebound.example:{port}/"));
        browser.wait_for("body", text);
        assert_eq!(browser.run_async(TRY_OWN, &[]), expected);
        let log = server.end().stderr;
        let refused = log.contains("refused: the Host \"rebound.example:");
        assert_eq!(refused, options.is_empty(), "{log}");
    }
}

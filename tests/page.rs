//! The page that browsers get at `/`: its headers, and what it does in Chromium.

#[cfg(target_os = "linux")]
mod endpoints;
#[cfg(target_os = "linux")]
mod exchanges;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod hub;
#[cfg(target_os = "linux")]
mod looks;
#[cfg(target_os = "linux")]
mod origins;

use crate::serve::{Server, has, header};

/// The head and the body of the answer to a request for `/`.
fn ask(method: &str, lines: &str) -> (String, String) {
    let server = Server::start();
    let mut wire = server.tcp();
    wire.write(format!(
        "{method} / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
    ));
    let head = wire.head();
    if method == "HEAD" {
        return (head, String::new());
    }
    let length = header(&head, "Content-Length").unwrap().parse().unwrap();
    (head, String::from_utf8(wire.take(length)).unwrap())
}

#[test]
fn a_browser_gets_a_page_with_a_strict_policy() {
    let browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";
    for lines in ["", browser, "Accept: */*\r\n"] {
        let (head, body) = ask("GET", lines);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(body.starts_with("<!doctype html>"), "{body}");
        for (name, value) in [
            ("Content-Type", "text/html; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-cache"),
            ("Vary", "Accept"),
        ] {
            has(&head, name, value);
        }
        let policy = header(&head, "Content-Security-Policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
    }
}

#[test]
fn the_list_is_for_clients_that_ask_for_plain_text() {
    let (head, body) = ask("GET", "Accept: text/plain\r\n");
    has(&head, "Content-Type", "text/plain; charset=utf-8");
    has(&head, "Vary", "Accept");
    assert!(body.starts_with("The debug server of wirecat."), "{body}");
    // A WebSocket client shows what it got.
    let (head, _) = ask("GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    has(&head, "Content-Type", "text/plain; charset=utf-8");
}

#[test]
fn a_head_is_a_get_without_the_body() {
    let server = Server::start();
    let mut wire = server.tcp();
    wire.write(
        "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let (head, next) = (wire.head(), wire.head());
    let (got, body) = ask("GET", "");
    let without_date = |head: &str| {
        let lines = head.lines().filter(|line| !line.starts_with("Date:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_date(&head), without_date(&got));
    has(&head, "Content-Length", &body.len().to_string());
    assert!(next.starts_with("HTTP/1.1 404 "), "{next}");
}

#[test]
fn the_page_is_only_read() {
    let (head, _) = ask("POST", "Content-Length: 0\r\n");
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    has(&head, "Allow", "GET, HEAD");
}

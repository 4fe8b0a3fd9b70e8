//! The endpoints on the page: their list, and one that is tried.

use serde_json::json;

use crate::support::server::{Serve, serve};
use crate::support::webdriver::{Browser, ENTER};

/// A browser that shows the page of a server.
#[track_caller]
pub(super) fn open(server: &Serve) -> Browser {
    let browser = Browser::start();
    browser.open(&format!("http://{}/", server.address));
    browser
}

/// Opens a WebSocket to a path of the server.
#[track_caller]
pub(super) fn try_endpoint(browser: &Browser, path: &str) {
    browser.replace("#path", path);
    browser.click("#open");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn the_page_loads_without_a_complaint_and_lists_the_endpoints() {
    let server = serve();
    let browser = open(&server);
    browser.wait_for("[aria-labelledby=endpoints]", "/frames/KIND");
    assert_eq!(browser.console(), Vec::<String>::new());
    let loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let loaded = browser.run(loaded, &[]);
    let origin = format!("http://{}/", server.address);
    for name in loaded.as_array().unwrap() {
        assert!(name.as_str().unwrap().starts_with(&origin), "{name}");
    }
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn the_policy_blocks_what_is_injected() {
    let server = serve();
    let browser = open(&server);
    browser.run(
        "window.seen = [];
         document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
         const script = document.createElement('script');
         try { script.text = 'window.injected = true'; } catch { seen.push('trusted'); }
         const image = document.createElement('img');
         image.src = '/echo';
         document.body.append(script, image);",
        &[],
    );
    browser.wait("seen.includes('img-src')", &[]);
    let seen = browser.run("return [seen.includes('trusted'), window.injected]", &[]);
    assert_eq!(seen, json!([true, null]));
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn an_endpoint_is_tried() {
    let server = serve();
    let browser = open(&server);
    try_endpoint(&browser, "/echo");
    browser.wait_for("#try-state", "Open");
    browser.wait_for("#try-ready", "1 OPEN");
    browser.type_into("#try-text", &format!("<b>bold</b> \u{202e}{ENTER}"));
    browser.wait_for("#try-log .received", "<b>bold</b> \\u{202e}");
    browser.wait_for("#try-count", "1 sent, 1 received");
    browser.click("#close");
    browser.wait_for("#try-end", "1000 normal closure");

    try_endpoint(&browser, "/close/4001?reason=enough");
    browser.wait_for("#try-end", "4001 private use: enough");
    browser.wait_for("#try-ready", "3 CLOSED");
    assert_eq!(browser.console(), Vec::<String>::new());

    try_endpoint(&browser, "/status/503");
    browser.wait_for("#try-error", "wirecat -v does");
    browser.replace("#path", "//elsewhere.example/echo");
    browser.wait_for(
        "#command",
        &format!("'ws://{}/elsewhere.example/echo'", server.address),
    );
    browser.replace("#path", "/frames");
    browser.click("#get");
    browser.wait_for("#try-log", "HTTP 200 text/plain");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_flood_is_shown_in_part() {
    let server = serve();
    let browser = open(&server);
    try_endpoint(&browser, "/seq?rate=0&count=20000");
    browser.wait_for("#try-count", "20000 received");
    browser.wait_for("#try-log", "message 20000");
    let rows = browser.run(
        "return document.querySelectorAll('#try-log > div').length",
        &[],
    );
    assert_eq!(rows, 1000);
}

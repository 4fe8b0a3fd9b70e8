//! The hub's console on the page, beside a wirecat in a terminal in the same room.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};

use super::looks::tab_to;
use crate::support::killable::Killable;
use crate::support::webdriver::{Browser, ENTER, TAB};
use crate::support::{PATIENCE, WIRECAT, wirecat};

/// A hub in a process of its own.
struct Hub(Killable);

impl Hub {
    /// A hub that keeps its messages in this file, or without one in memory.
    #[track_caller]
    fn start(database: Option<&Path>) -> Hub {
        let database = database.map(Path::to_path_buf);
        Hub(Killable::start(move |port| {
            let mut command = Command::new(WIRECAT);
            command.args(["serve", "--silent"]);
            if let Some(database) = &database {
                command.arg("--db").arg(database);
            }
            command.arg(format!("127.0.0.1:{port}"));
            command
        }))
    }

    /// A browser that shows its page.
    #[track_caller]
    fn page(&self) -> Browser {
        let browser = Browser::start();
        browser.open(&format!("http://{}/", self.0.address()));
        browser
    }

    /// A page on which this user has connected and joined `news`.
    #[track_caller]
    fn page_in_news(&self, user: &str) -> Browser {
        let browser = self.page();
        browser.type_into("#token", &format!("{user}{ENTER}"));
        browser.wait_for("#hub-state", &format!("Connected as {user}"));
        browser.type_into("#room", &format!("news{ENTER}"));
        browser.wait_for("#rooms", "news");
        browser
    }

    /// Another user, who has joined `news`.
    #[track_caller]
    fn terminal(&self, user: &str) -> Terminal {
        let url = self.0.url(&format!("/events?token={user}"));
        let join = json!({"event": "join", "room": "news"}).to_string();
        let mut child = wirecat(["--on-open", &join, "--on-eof", "stay", &url]).spawn();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let terminal = Terminal { child, lines };
        terminal.expect(|message| message["event"] == "join" && message["room"] == "news");
        terminal
    }
}

/// A wirecat that is connected to the hub.
struct Terminal {
    child: Child,
    lines: Receiver<Value>,
}

impl Terminal {
    /// The first message from now on that is wanted.
    #[track_caller]
    fn expect(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => others.push(message),
                Err(_) => panic!("only {others:?}"),
            }
        }
    }

    /// Sends a message to `news` and waits until it is stored.
    #[track_caller]
    fn say(&mut self, data: &str) {
        let message = json!({"event": "message", "room": "news", "data": data, "ref": data});
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{message}").unwrap();
        self.expect(|message| message["event"] == "ack" && message["ref"] == data);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_page_and_a_terminal_share_a_room() {
    let hub = Hub::start(None);
    let mut terminal = hub.terminal("tess");
    let browser = hub.page_in_news("xiao");
    terminal.expect(|message| {
        message["event"] == "online"
            && message["room"] == "news"
            && message["data"]["user"] == "xiao"
    });
    browser.wait_for("#users", "tess");
    browser.wait_for("#users", "xiao (you)");

    browser.click("#kind option[value=room]");
    browser.type_into("#name", "news");
    browser.type_into("#text", &format!("is <b>anyone</b> here?{ENTER}"));
    browser.wait_for("#hub-log", "stored as");
    let message = terminal.expect(|message| message["event"] == "message");
    assert_eq!(message["from"], "xiao");
    assert_eq!(message["data"], "is <b>anyone</b> here?");

    terminal.say("I am");
    browser.wait_for("#hub-log", "from tess in news");
    browser.wait_for("#hub-log", "I am");
    drop(terminal);
    browser.wait_for("#hub-log", "tess is offline");
    browser.wait(
        "!document.querySelector('#users').textContent.includes('tess')",
        &[],
    );

    browser.type_into("#history-room", &format!("news{ENTER}"));
    browser.wait_for("#hub-log", "history, 2 messages");
    browser.click("#rooms button");
    browser.wait_for("#hub-log", "left news");
    browser.click("#disconnect");
    browser.wait_for("#hub-end", "1000 normal closure");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_page_that_was_away_gets_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::start(Some(&folder.path().join("hub.db")));
    let browser = hub.page_in_news("xiao");
    browser.click("#kind option[value=room]");
    browser.type_into("#name", "news");
    browser.type_into("#text", &format!("before{ENTER}"));
    browser.wait_for("#hub-log", "stored as");
    hub.0.kill();
    browser.wait_for("#hub-state", "Connection lost");
    browser.wait_for("#hub-end", "1006 abnormal closure");
    browser.wait(
        "/^in \\d+\\.\\d s$/.test(document.querySelector('#countdown').textContent)",
        &[],
    );

    // It must not come back before there is something that it has missed.
    browser.run("clearTimeout(me.retrying)", &[]);
    hub.0.restart();
    hub.terminal("tess").say("meanwhile");
    browser.wait("!document.querySelector('#retry').disabled", &[]);
    browser.click("#retry");
    browser.wait_for("#hub-log", "everything missed follows");
    browser.wait_for("#hub-log", "meanwhile");

    // This time by itself.
    hub.0.restart();
    hub.terminal("tess").say("once more");
    browser.wait_for("#hub-log", "once more");
    for (text, times) in [("from tess in news", 2), ("joined news", 1)] {
        let count =
            "return document.querySelector('#hub-log').textContent.split(arguments[0]).length - 1";
        let count = browser.run(count, &[json!(text)]).as_u64().unwrap();
        assert!(
            count >= times && (text != "from tess in news" || count == times),
            "{text}: {count}"
        );
    }
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_page_says_that_messages_are_gone() {
    let mut hub = Hub::start(None);
    let browser = hub.page_in_news("xiao");
    browser.type_into("#text", &format!("soon forgotten{ENTER}"));
    browser.wait_for("#last-id", "1");
    hub.0.restart();
    browser.wait_for("#hub-log", "some messages are gone");
    // The room is the user's wish, of which the hub knows nothing any more.
    hub.terminal("tess").say("a new beginning");
    browser.wait_for("#hub-log", "a new beginning");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_refused_token_is_not_tried_again() {
    let hub = Hub::start(None);
    let browser = hub.page();
    browser.run("me.token = ''; connect()", &[]);
    browser.wait_for("#hub-state", "The token was refused");
    browser.wait_for("#hub-end", "1011 internal error: authentication failed");
    let waiting = browser.run("return document.querySelector('#retry').disabled", &[]);
    assert_eq!(waiting, true);
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn names_and_data_are_text() {
    let hub = Hub::start(None);
    let browser = hub.page();
    let evil = "<img src=x onerror=hit()>\u{202e}";
    let shown = "<img src=x onerror=hit()>\\u{202e}";
    browser.run("window.hits = 0; window.hit = () => { hits += 1; }", &[]);
    browser.type_into("#token", &format!("{evil}{ENTER}"));
    browser.wait_for("#hub-state", &format!("Connected as {shown}"));
    browser.type_into("#room", &format!("{evil}{ENTER}"));
    browser.wait_for("#rooms", shown);
    browser.wait_for("#users", shown);
    browser.type_into("#text", &format!("{evil}{ENTER}"));
    browser.wait_for("#hub-log", &format!("from {shown}"));
    let phone = json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true});
    browser.devtools("Emulation.setDeviceMetricsOverride", &phone);
    let state = "return [hits, document.querySelectorAll('img').length,
        /[\\u202a-\\u202e]/.test(document.body.innerText), document.documentElement.scrollWidth]";
    assert_eq!(browser.run(state, &[]), json!([0, 0, false, 360]));
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn the_hub_is_used_by_keyboard() {
    let hub = Hub::start(None);
    let browser = hub.page();
    tab_to(&browser, "token");
    browser.press("xiao");
    browser.press(ENTER);
    browser.wait_for("#hub-state", "Connected as xiao");
    tab_to(&browser, "room");
    browser.press("news");
    browser.press(ENTER);
    browser.wait_for("#rooms", "news");
    browser.press(TAB);
    browser.press(TAB);
    let focus = "return document.activeElement.ariaLabel || document.activeElement.id";
    assert_eq!(browser.run(focus, &[]), "Leave news");
    browser.press(ENTER);
    browser.wait_for("#hub-log", "left news");
    assert_eq!(browser.run(focus, &[]), "room");
    tab_to(&browser, "text");
    browser.press("hello, everyone");
    browser.press(ENTER);
    browser.wait_for("#hub-log", "from xiao");
    tab_to(&browser, "hub-log");
    tab_to(&browser, "disconnect");
    browser.press(ENTER);
    browser.wait_for("#hub-state", "1000 normal closure");
    assert_eq!(browser.run(focus, &[]), "connect");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn the_token_stays_in_the_page() {
    let hub = Hub::start(None);
    let browser = hub.page_in_news("a-secret");
    let kept =
        "return [location.href.includes('secret'), localStorage.length, sessionStorage.length,
        document.cookie, document.querySelector('#hub-log').textContent.includes('[redacted]'),
        performance.getEntries().some(entry => entry.name.includes('secret'))]";
    assert_eq!(
        browser.run(kept, &[]),
        json!([false, 0, 0, "", true, false])
    );
    browser.open(&format!("http://{}/", hub.0.address()));
    assert_eq!(
        browser.run("return document.querySelector('#token').value", &[]),
        ""
    );
}

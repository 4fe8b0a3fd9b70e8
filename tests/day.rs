//! A day's work at the prompt, from a profile to a saved script: what the person, the server, the
//! history and the script have seen of it in the end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::screen::Look;
use crate::support::server::{Frame, Raw, Wire, frame_of, header, raws, text};

/// The token of the profile.
const TOKEN: &str = "t0ken-0f-the-day-2f9c";

/// A password that is typed.
const PASSWORD: &str = "correct-horse-battery";

/// A home with a profile `work`, and room for what is written during the day.
struct Home(tempfile::TempDir);

impl Home {
    fn new(url: &str) -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        let config = home.path("config/wirecat/config.toml");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::create_dir(home.path("state")).unwrap();
        fs::write(&config, profile(url)).unwrap();
        fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn start(&self, options: &[&str], term: &str) -> Pty {
        let [config, state] = ["config", "state"].map(|name| self.path(name));
        let environment = [
            ("TERM", term),
            ("NO_COLOR", "1"),
            ("XDG_CONFIG_HOME", config.to_str().unwrap()),
            ("XDG_STATE_HOME", state.to_str().unwrap()),
            ("WORK_TOKEN", TOKEN),
        ];
        Pty::start_with(&[options, &["@work/orders?v=2"]].concat(), &environment)
    }
}

fn profile(url: &str) -> String {
    format!(
        r#"[profile.work]
url = "{url}"
header = ["X-Team: core"]
token = "env:WORK_TOKEN"
on-open = ['{{"op":"hello"}}']
reconnect-delay = "2s"
reconnect-jitter = "none"
[profile.work.vars]
ch = "orders"
[profile.work.messages]
sub = '{{"op":"sub","ch":"{{{{ch}}}}"}}'
"#
    )
}

/// What the server has seen of one connection.
#[derive(Debug)]
struct Seen {
    request: String,
    messages: Vec<String>,
    close: Option<Frame>,
}

/// An order that does not fit into a row of 80 columns.
const ORDER: &str = r#"{"event":"order","data":{"id":42,"state":"open","lines":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}],"total":1.50}}"#;

/// A server for two connections. It answers what it understands, and ends the first connection
/// without a Close when asked to. The handshake of the second is answered when `ready` says so.
fn server(ready: mpsc::Receiver<()>) -> Raw<Vec<Seen>> {
    raws(2, move |n, mut wire| {
        let request = wire.request();
        if n == 2 {
            ready.recv().unwrap();
        }
        wire.accept(&request, "", b"");
        let (messages, close) = talk(&mut wire);
        Seen {
            request,
            messages,
            close,
        }
    })
}

fn talk(wire: &mut Wire) -> (Vec<String>, Option<Frame>) {
    let mut messages = Vec::new();
    while let Some(frame) = wire.frame() {
        if frame.opcode == 8 {
            wire.send(frame_of(0x88, &frame.payload));
            return (messages, Some(frame));
        }
        if frame.opcode != 1 {
            continue;
        }
        let message = String::from_utf8(frame.payload).unwrap();
        let answers = answers(&message);
        messages.push(message);
        match answers {
            Some(answers) => answers.iter().for_each(|answer| wire.send(text(answer))),
            None => break,
        }
    }
    (messages, None)
}

/// What is sent back; nothing at all means the end.
fn answers(message: &str) -> Option<Vec<String>> {
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    let ticks = |n| format!(r#"{{"event":"tick","data":{{"n":{n},"price":{n}.50}}}}"#);
    Some(match message["op"].as_str().unwrap() {
        "sub" => vec![format!(
            r#"{{"event":"subscribed","data":{{"id":42,"ch":{}}}}}"#,
            message["ch"]
        )],
        "get" => vec![ORDER.replace("42", &message["id"].to_string())],
        "ticks" => (1..=3).map(ticks).collect(),
        "drop" => return None,
        _ => Vec::new(),
    })
}

/// A prompt and what stands above it.
struct Day(Pty);

impl Day {
    /// Types a line, and waits until the screen ends with it and these rows, above the line that is
    /// typed next. In a row, `…` is any text.
    #[track_caller]
    fn step(&mut self, line: &str, rows: &[&str]) {
        self.0.type_keys(&format!("{line}\r"));
        self.ends_with(&[&[&*format!("…{line}")], rows].concat());
    }

    #[track_caller]
    fn ends_with(&self, rows: &[&str]) -> Look {
        self.0.until(&format!("{rows:#?} at the end"), |look| {
            let above = &look.rows[..look.cursor.0];
            let mut last = above.iter().rev().zip(rows.iter().rev());
            above.len() >= rows.len() && last.all(|(row, wanted)| is_like(row, wanted))
        })
    }

    #[track_caller]
    fn prompt_becomes(&self, prompt: &str) {
        let shown = |look: &Look| look.prompt() == Some(prompt);
        self.0.until(&format!("the prompt {prompt}"), shown);
    }
}

/// Whether a row is as wanted, where each `…` is any text.
fn is_like(row: &str, wanted: &str) -> bool {
    let mut parts: Vec<_> = wanted.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    let mut rest = row;
    for (at, part) in parts.into_iter().enumerate() {
        match rest.find(part) {
            Some(found) if at > 0 || found == 0 => rest = &rest[found + part.len()..],
            _ => return false,
        }
    }
    match wanted.contains('…') {
        true => rest.ends_with(last),
        false => row == wanted,
    }
}

#[test]
fn a_day_at_the_prompt() {
    let (go, ready) = mpsc::channel();
    let server = server(ready);
    let home = Home::new(&server.url("/feed"));
    let mut day = Day(home.start(&[], "xterm-256color"));
    subscribe(&mut day);
    look_closely(&mut day);
    lose_the_connection(&mut day, &go);
    expect_and_save(&mut day, &home);
    let url = server.url("/orders?v=2");
    day.0.type_keys("\x04");
    day.0.status();
    let look = day.ends_with(&["closed 1000 after … s: 9 received (490 B), 9 sent (190 B)"]);
    assert!(!look.text().contains("closed: 1000"), "{}", look.text());
    day.0.exits(0);
    assert_seen(&server.result());
    assert_eq!(home.read("day.wst"), script(&url));
    assert_history(&home);
}

/// Captures a value from the answer to a named message, and uses it.
#[track_caller]
fn subscribe(day: &mut Day) {
    day.ends_with(&[
        "connected to 127.0.0.1:…",
        "Type a message and press Enter. /help lists the commands, Ctrl-D leaves.",
        r#"> {"op": "hello"}"#,
    ]);
    day.step(
        "/set id = .data.id",
        &["id will be .data.id of the next message that has it"],
    );
    day.step(
        "/m sub",
        &[
            r#"> {"op": "sub", "ch": "orders"}"#,
            r#"< subscribed {"id": 42, "ch": "orders"}"#,
            "id = 42",
        ],
    );
    day.step(
        r#"{"op":"get","id":{{id}}}"#,
        &[
            r#"> {"op": "get", "id": 42}"#,
            "< order",
            "  {",
            r#"    "id": 42,"#,
            r#"    "state": "open","#,
            r#"    "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-7", "count": 1}],"#,
            r#"    "total": 1.50"#,
            "  }",
        ],
    );
}

/// Filters, and finds what was received.
#[track_caller]
fn look_closely(day: &mut Day) {
    day.step(
        &format!(r#"{{"op":"login","password":"{PASSWORD}"}}"#),
        &[&format!(r#"> {{"op": "login", "password": "{PASSWORD}"}}"#)],
    );
    day.step(
        r#"/filter select(.event == "tick") | .data.price"#,
        &["filter: messages that it drops are not shown; /filter off ends it"],
    );
    day.step(
        r#"{"op":"ticks"}"#,
        &[r#"> {"op": "ticks"}"#, "< 1.50", "< 2.50", "< 3.50"],
    );
    day.step("/filter off", &["no filter: every message is shown"]);
    day.step("/grep SUBSCRIBED", &["0 of 10 messages in the scrollback"]);
    day.step(
        "/grep subscribed",
        &[
            r#"#3 … < {"event":"subscribed","data":{"id":42,"ch":"orders"}}"#,
            "1 of 10 messages in the scrollback",
        ],
    );
}

/// The server drops the connection; half a line is typed until it is back.
#[track_caller]
fn lose_the_connection(day: &mut Day, go: &mpsc::Sender<()>) {
    let lost = "retry 1 in 2.0s (connection lost: the server ended the TCP connection)";
    day.step(r#"{"op":"drop"}"#, &[r#"> {"op": "drop"}"#, lost]);
    day.prompt_becomes("dn 1>");
    day.0.type_keys("/m sub ch=tra");
    day.prompt_becomes("dial>");
    day.0.expect_line("/m sub ch=tra", 13);
    go.send(()).unwrap();
    day.prompt_becomes("open>");
    day.0.expect_line("/m sub ch=tra", 13);
    day.ends_with(&[lost, "connected to 127.0.0.1:…", r#"> {"op": "hello"}"#]);
    day.0.type_keys("des\r");
    day.ends_with(&[
        "open> /m sub ch=trades",
        r#"> {"op": "sub", "ch": "trades"}"#,
        r#"< subscribed {"id": 42, "ch": "trades"}"#,
    ]);
}

/// Expects what is there already, what comes, and what does not; saves the session.
#[track_caller]
fn expect_and_save(day: &mut Day, home: &Home) {
    let there = r#".data.ch == "trades""#;
    day.step(
        &format!("/expect {there} within 5s"),
        &[&format!("ok: {there}")],
    );
    // The last of three, so that what it says comes after all of them.
    day.step(
        "/expect .data.n == 3 within 5s",
        &["waiting up to 5s for .data.n == 3 (Ctrl-C gives up)"],
    );
    day.step(
        r#"{"op":"ticks"}"#,
        &[
            r#"> {"op": "ticks"}"#,
            r#"< tick {"n": 1, "price": 1.50}"#,
            r#"< tick {"n": 2, "price": 2.50}"#,
            r#"< tick {"n": 3, "price": 3.50}"#,
            "ok: .data.n == 3 after …",
        ],
    );
    day.step(
        "/expect .data.n == 9 within 50ms",
        &[
            "waiting up to 50ms for .data.n == 9 (Ctrl-C gives up)",
            "FAIL: .data.n == 9: no such message within 50ms; nothing was received",
        ],
    );
    // The path may be longer than a row.
    let path = home.path("day.wst");
    day.0.type_keys(&format!("/save {}\r", path.display()));
    day.0.expect("day.wst: 18 messages as a script");
}

/// What was sent, with the token on either connection.
#[track_caller]
fn assert_seen(seen: &[Seen]) {
    for Seen { request, .. } in seen {
        assert!(
            request.starts_with("GET /orders?v=2 HTTP/1.1\r\n"),
            "{request}"
        );
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(header(request, "Authorization"), Some(&*bearer));
        assert_eq!(header(request, "X-Team"), Some("core"));
    }
    let [first, second] = seen else {
        panic!("two connections, not {seen:?}");
    };
    let login = format!(r#"{{"op":"login","password":"{PASSWORD}"}}"#);
    let messages = [
        r#"{"op":"hello"}"#,
        r#"{"op":"sub","ch":"orders"}"#,
        r#"{"op":"get","id":42}"#,
        &*login,
        r#"{"op":"ticks"}"#,
        r#"{"op":"drop"}"#,
    ];
    assert_eq!(first.messages, messages);
    let messages = [
        r#"{"op":"hello"}"#,
        r#"{"op":"sub","ch":"trades"}"#,
        r#"{"op":"ticks"}"#,
    ];
    assert_eq!(second.messages, messages);
    assert_eq!(
        second.close.as_ref().and_then(Frame::close_code),
        Some(1000)
    );
}

/// The script that this session is saved as: it says what was sent and received, and no secret.
fn script(url: &str) -> String {
    let order = ORDER.replace("42", "{{id}}");
    format!(
        r#"### day
# Secrets were left out. Give them as variables: wirecat test --var password=… FILE
WEBSOCKET {url}
X-Team: core
[Options]
token: env:WORK_TOKEN
reconnect
HTTP 101

> {{"op":"hello"}}
> {{"op":"sub","ch":"orders"}}
<~ {{"event":"subscribed","data":{{"ch":"orders"}}}}
[Captures]
id: .data.id
> {{"op":"get","id":{{{{id}}}}}}
<~ {order}
> {{"op":"login","password":"{{{{password}}}}"}}
> {{"op":"ticks"}}
<~ {{"event":"tick","data":{{"n":1,"price":1.50}}}}
<~ {{"event":"tick","data":{{"n":2,"price":2.50}}}}
<~ {{"event":"tick","data":{{"n":3,"price":3.50}}}}
> {{"op":"drop"}}
<drop
<open
> {{"op":"hello"}}
> {{"op":"sub","ch":"trades"}}
<(5s)
[Asserts]
.data.ch == "trades"
> {{"op":"ticks"}}
<~ {{"event":"tick","data":{{"n":1,"price":1.50}}}}
<~ {{"event":"tick","data":{{"n":2,"price":2.50}}}}
<(5s)
[Asserts]
.data.n == 3
"#
    )
}

/// Every line that was typed but the one with the password, in a file for the user's eyes alone.
#[track_caller]
fn assert_history(home: &Home) {
    let name = "state/wirecat/history";
    let mode = fs::metadata(home.path(name)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let history = home.read(name);
    for secret in [TOKEN, PASSWORD] {
        assert!(!history.contains(secret), "{history}");
    }
    let lines: Vec<String> = history.lines().map(typed).collect();
    let save = format!("/save {}", home.path("day.wst").display());
    let expected = [
        "/set id = .data.id",
        "/m sub",
        r#"{"op":"get","id":{{id}}}"#,
        r#"/filter select(.event == "tick") | .data.price"#,
        r#"{"op":"ticks"}"#,
        "/filter off",
        "/grep SUBSCRIBED",
        "/grep subscribed",
        r#"{"op":"drop"}"#,
        "/m sub ch=trades",
        r#"/expect .data.ch == "trades" within 5s"#,
        "/expect .data.n == 3 within 5s",
        r#"{"op":"ticks"}"#,
        "/expect .data.n == 9 within 50ms",
        &*save,
    ];
    assert_eq!(lines, expected);
}

/// The line of an entry of the history.
fn typed(entry: &str) -> String {
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
    entry["line"].as_str().unwrap().to_owned()
}

/// The same in short, where nothing is redrawn.
#[test]
fn a_day_without_redrawing() {
    let plain = ["sent: ", "received: "];
    for (options, term, [sent, received]) in [
        (&["--plain"][..], "xterm-256color", plain),
        (&[], "dumb", ["> ", "< "]),
    ] {
        let (go, ready) = mpsc::channel();
        let server = server(ready);
        let home = Home::new(&server.url("/feed"));
        let mut day = Day(home.start(options, term));
        let hello = format!(r#"{sent}{{"op": "hello"}}"#);
        day.ends_with(&["…/help lists the commands…", &hello]);
        day.step("/set id = .data.id", &["id will be .data.id of …"]);
        let subscribe = format!(r#"{sent}{{"op": "sub", "ch": "orders"}}"#);
        let subscribed = format!(r#"{received}subscribed {{"id": 42, "ch": "orders"}}"#);
        day.step("/m sub", &[&subscribe, &subscribed, "id = 42"]);
        day.step("/expect .data.id == 42 within 5s", &["ok: …"]);
        let ticks: Vec<_> = (1..=3)
            .map(|n| format!(r#"{received}tick {{"n": {n}, "price": {n}.50}}"#))
            .collect();
        day.step(
            r#"{"op":"ticks","of":{{id}}}"#,
            &[
                &format!(r#"{sent}{{"op": "ticks", "of": 42}}"#),
                &ticks[0],
                &ticks[1],
                &ticks[2],
            ],
        );
        let lost = "retry 1 in 2.0s (connection lost: the server ended the TCP connection)";
        let drop = format!(r#"{sent}{{"op": "drop"}}"#);
        day.step(r#"{"op":"drop"}"#, &[&drop, lost, "connecting"]);
        go.send(()).unwrap();
        day.ends_with(&["connected to 127.0.0.1:…", &hello]);
        let path = home.path("day.wst");
        day.0.type_keys(&format!("/save {}\r", path.display()));
        day.0.expect("day.wst: 9 messages as a script");
        day.0.type_keys("\x04");
        let written = day.0.exits(0);
        assert!(!written.contains('\x1b'), "{written:?}");
        let [first, second] = &server.result()[..] else {
            panic!("two connections");
        };
        assert_eq!(first.messages[2], r#"{"op":"ticks","of":42}"#);
        assert_eq!(second.messages, [r#"{"op":"hello"}"#]);
        let expected = "\n<(5s)\n[Asserts]\n.data.id == 42\n> ";
        let script = home.read("day.wst");
        assert!(script.contains(expected), "{script}");
    }
}

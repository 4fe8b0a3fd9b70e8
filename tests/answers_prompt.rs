//! `/answer`, and what `/save` writes of a session that answers.

use crate::answers::{PING, barrier, message};
use crate::support::pty::Pty;
use crate::support::server::{raw, serve, text};

#[test]
fn rules_at_the_prompt_come_and_go() {
    let server = raw(|mut wire| {
        wire.handshake();
        let mut heard = vec![message(&mut wire)];
        wire.send(text(r#"{"type":"ping","n":1}"#));
        heard.push(message(&mut wire));
        wire.send(text(r#"{"ask":"a"}"#));
        heard.push(message(&mut wire));
        heard.push(message(&mut wire));
        wire.send(text(r#"{"ask":"b"}"#));
        barrier(&mut wire);
        wire.send(text("the end"));
        wire.close(1000, "");
        heard
    });
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("day.wst");
    let mut pty = Pty::prompt(&["--no-reconnect", "--answer", PING], &server.url("/"));
    pty.type_keys("/set who = .n\r/set user xiao\r");
    pty.type_keys("/answer .ask={\"re\":{{.ask}},\"from\":\"{{user}}\"}\r");
    pty.expect("answer 2: .ask=");
    pty.type_keys("/answer .x={{.[}}\r");
    pty.expect("not a valid jq expression");
    pty.type_keys("first\r");
    pty.expect("< {\"ask\": \"a\"}");
    pty.type_keys("/answer\r");
    pty.expect("1  .type == \"ping\"=");
    pty.expect("2  .ask={\"re\":{{.ask}},\"from\":\"{{user}}\"}  (1 message)");
    pty.type_keys(&format!("/save {}\r", script.display()));
    pty.expect("as a script");
    pty.type_keys("/answer off 2\r");
    pty.expect("no longer answered: .ask=");
    pty.type_keys("/answer off 2\r");
    pty.expect("there is no answer 2");
    pty.type_keys("second\r");
    pty.expect("< the end");
    let (_, written) = pty.end();
    let written = String::from_utf8(written).unwrap();
    assert!(!written.contains("< {\"type\": \"ping\""), "{written}");
    assert_eq!(
        server.result(),
        [
            "first",
            r#"{"type":"pong","n":1}"#,
            r#"{"re":"a","from":"xiao"}"#,
            "second"
        ]
    );
    let script = std::fs::read_to_string(script).unwrap();
    assert!(script.contains("answer: .ask="), "{script}");
    assert!(!script.contains("> {\"type\":\"pong\""), "{script}");
}

#[test]
fn a_script_has_the_options_without_which_its_messages_mean_something_else() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("day.wst");
    let options = [
        "--no-reconnect",
        "--encode=msgpack",
        "--decode=msgpack",
        "--split=nl",
        "--on-open={\"op\":\"hello\"}",
        "--on-open=after .op == \"hello\": {\"op\":\"sub\"}",
    ];
    let mut pty = Pty::prompt(&options, &server.url("/echo"));
    pty.expect("< {\"op\": \"sub\"}");
    pty.type_keys("{\"a\":1}\r");
    pty.expect("< {\"a\": 1}");
    pty.type_keys(&format!("/save {}\r", script.display()));
    pty.expect("as a script");
    pty.type_keys("/quit\r");
    pty.end();
    let script = std::fs::read_to_string(script).unwrap();
    let expected = "[Options]\nencode: msgpack\ndecode: msgpack\nsplit: nl\non-open: {\"op\":\"hello\"}\non-open: after .op == \"hello\": {\"op\":\"sub\"}\n";
    assert!(script.contains(expected), "{script}");
    let sent: Vec<&str> = script.lines().filter(|it| it.starts_with('>')).collect();
    assert_eq!(sent, ["> {\"a\":1}"], "{script}");
}

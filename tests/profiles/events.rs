//! An event comes, the connection outlives the pings of the application, and comes back when it is
//! lost.

use super::{lines, profile};

/// Without --confirm nobody knows whether what was sent before a connection was lost has arrived.
const UNCERTAIN: i32 = 1;

/// A heartbeat this often, in place of that of the profile.
const SOON: [&str; 2] = ["--heartbeat-interval", "150ms"];

#[test]
fn socketio() {
    let args = [
        "--reconnect",
        "-d",
        r#"421["hello","world"]"#,
        // Pings count, though they are not shown.
        "--count",
        "10",
    ];
    let run = profile("socketio").run(&args);
    run.exits(UNCERTAIN);
    let events: Vec<String> = lines(&run)
        .into_iter()
        .filter(|line| line.starts_with("42[") || line.starts_with("43"))
        .collect();
    assert_eq!(
        events,
        [
            r#"431["welcome"]"#,
            r#"42["news",{"n":1}]"#,
            r#"42["news",{"n":2}]"#
        ]
    );
}

#[test]
fn graphql() {
    let run = profile("graphql").run(&[
        "--reconnect",
        "--until",
        r#".type == "complete""#,
        "--on-eof",
        "stay",
    ]);
    run.exits(0);
    let run = run.stdout_text();
    assert!(
        run.contains(r#""greetings":"Hi""#) && run.contains(r#""greetings":"Bonjour""#),
        "{run}"
    );
}

#[test]
fn phoenix() {
    let message = r#"["1","2","room:lobby","new_msg",{"body":"hi"}]"#;
    let until = [r#".[4].body == "again""#, "--on-eof", "stay"];
    let args = [
        &["--reconnect", "-d", message, "--until"],
        &until[..],
        &SOON,
    ]
    .concat();
    let run = profile("phoenix").run(&args);
    run.exits(UNCERTAIN);
    let run = lines(&run);
    assert!(
        !run.iter().any(|line| line.contains("heartbeat")),
        "{run:?}"
    );
    assert_eq!(
        run.last().unwrap(),
        r#"["1",null,"room:lobby","new_msg",{"body":"again"}]"#
    );
}

#[test]
fn actioncable() {
    let message = r#"{"command":"message","identifier":"{\"channel\":\"ChatChannel\"}","data":"{\"action\":\"speak\",\"body\":\"hi\"}"}"#;
    let until = [
        r#".message | objects | .body == "again""#,
        "--on-eof",
        "stay",
    ];
    let args = [&["--reconnect", "-d", message, "--until"], &until[..]].concat();
    let run = profile("actioncable").run(&args);
    run.exits(UNCERTAIN);
    let run = run.stdout_text();
    assert!(
        !run.contains("ping") && run.contains(r#""message":{"body":"hi"}"#),
        "{run}"
    );
}

#[test]
fn signalr() {
    let message = r#"{"type":1,"target":"Send","arguments":["hi"]}\x1e"#;
    let until = [r#".arguments == ["again"]"#, "--on-eof", "stay"];
    let args = [
        &["--reconnect", "-d", message, "--until"],
        &until[..],
        &SOON,
    ]
    .concat();
    let run = profile("signalr").run(&args);
    run.exits(UNCERTAIN);
    let expected = [
        "{}",
        r#"{"type":1,"target":"news","arguments":["hi"]}"#,
        r#"{"type":1,"target":"news","arguments":["hello"]}"#,
        r#"{"type":1,"target":"news","arguments":["after the ping"]}"#,
        r#"{"type":7,"allowReconnect":true}"#,
        "{}",
        r#"{"type":1,"target":"news","arguments":["again"]}"#,
    ];
    assert_eq!(lines(&run), expected);
}

#[test]
fn stomp() {
    let message = r"SEND\ndestination:/topic/news\n\nhi\0";
    let args = [
        &["--reconnect", "-d", message, "--on-eof", "stay"],
        &SOON[..],
    ]
    .concat();
    let run = profile("stomp").run(&args);
    run.exits(UNCERTAIN);
    let run = run.stdout_text();
    for body in ["\n\nhi\n", "\n\nhello\n", "\n\nagain\n"] {
        assert!(run.contains(body), "{body:?} in {run}");
    }
    assert!(!run.contains('\0'), "{run:?}");
}

#[test]
fn ocpp() {
    let message = r#"[2,"s1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]"#;
    let until = [r#".[2] == "TriggerMessage""#, "--on-eof", "stay"];
    let args = [
        &["--reconnect", "-d", message, "--until"],
        &until[..],
        &SOON,
    ]
    .concat();
    profile("ocpp").run(&args).exits(UNCERTAIN);
}

#[test]
fn homeassistant() {
    let until = r#".event.data.entity_id == "light.hall""#;
    let run = profile("homeassistant").run(&[
        "--reconnect",
        "-d",
        r#"{"id":10{{n}},"type":"get_states"}"#,
        "-d",
        r#"{"id":10{{n}},"type":"get_config"}"#,
        "--until",
        until,
    ]);
    run.exits(0);
    let shown = format!("{}{}", run.stdout_text(), run.stderr);
    assert!(!shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn obs() {
    let message = r#"{"op":6,"d":{"requestType":"GetVersion","requestId":"1"}}"#;
    let until = [r#".d.eventData.sceneName == "End""#, "--on-eof", "stay"];
    let args = [&["--reconnect", "-d", message, "--until"], &until[..]].concat();
    let run = profile("obs").run(&args);
    run.exits(UNCERTAIN);
    let args = ["-d", message, "--until", ".op == 7"];
    profile("obs")
        .plays("without a password")
        .run(&args)
        .exits(0);
}

#[test]
fn centrifugo() {
    let message = r#"{"id":3,"publish":{"channel":"news","data":{"n":2}}}"#;
    let until = [".push.pub.offset == 9", "--on-eof", "stay"];
    let args = [&["-d", message, "--until"], &until[..]].concat();
    let run = profile("centrifugo").run(&args);
    run.exits(UNCERTAIN);
    let offsets: Vec<String> = lines(&run)
        .into_iter()
        .filter(|line| line.contains("push"))
        .collect();
    assert_eq!(offsets.len(), 3, "{offsets:?}");
    assert!(!lines(&run).contains(&"{}".to_owned()), "{run:?}");
}

#[test]
fn nostr() {
    let args = [
        "--reconnect",
        "--on-eof",
        "stay",
        "--until",
        r#".[2].content == "again""#,
    ];
    profile("nostr").run(&args).exits(0);
}

#[test]
fn discord() {
    let message = r#"{"op":3,"d":{"since":null,"activities":[],"status":"online","afk":false}}"#;
    let until = [r#".d.content? == "again""#, "--on-eof", "stay"];
    let args = [&["-d", message, "--until"], &until[..], &SOON].concat();
    let run = profile("discord").run(&args);
    run.exits(UNCERTAIN);
    let shown = format!("{}{}", run.stdout_text(), run.stderr);
    assert!(
        shown.contains("hello") && !shown.contains("0123456789abcdef"),
        "{shown}"
    );
    assert!(!shown.contains(r#""op":11"#), "{shown}");
}

//! `--resume`, `--state`, and `{{NAME}}`: what the next connection is told of the last.

use crate::support::server::{frame_of, header, raws, serve, text};
use crate::support::wirecat;

const FAST: [&str; 4] = [
    "--reconnect",
    "--reconnect-delay=10ms",
    "--on-eof=stay",
    "--reconnect-max-delay=50ms",
];

#[test]
fn the_last_value_goes_into_the_query_a_header_and_the_first_message() {
    let server = raws(2, |n, mut wire| {
        let request = wire.handshake();
        let first = String::from_utf8(wire.message()).unwrap();
        for id in [r#"{"id":"a \"b\""}"#, r#"{"other":1}"#, r#"{"id":null}"#] {
            wire.send(text(id));
        }
        // The pong tells that they have been read.
        wire.send(frame_of(0x89, b"?"));
        assert_eq!(wire.frame().unwrap().opcode, 10);
        wire.close(if n == 1 { 1012 } else { 1000 }, "");
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let header = header(&request, "x-last").unwrap().to_owned();
        (path, header, first)
    });
    let url = server.url("/feed?after={{last}}&x={{y}}");
    let args = [
        "--resume",
        "last=.id",
        "-H",
        "X-Last: id={{last}}",
        "--on-open",
        r#"{"after":"{{last}}","bare":[{{last}}],"y":"{{y}}"}"#,
        &url,
    ];
    wirecat([&FAST[..], &args].concat()).run().exits(0);
    let expected = [
        (
            "/feed?after=&x={{y}}",
            "id=",
            r#"{"after":"","bare":[null],"y":"{{y}}"}"#,
        ),
        (
            "/feed?after=a+%22b%22&x={{y}}",
            "id=a \"b\"",
            r#"{"after":"a \"b\"","bare":["a \"b\""],"y":"{{y}}"}"#,
        ),
    ];
    let expected = expected.map(|(path, header, first)| (path.into(), header.into(), first.into()));
    assert_eq!(server.result(), expected);
}

#[test]
fn a_sequence_that_is_dropped_again_and_again_is_whole() {
    let server = serve();
    for how in ["rst", "fin", "close:1012"] {
        let url = server.url(&format!(
            "/seq?rate=0&count=100&for=7&how={how}&after={{{{last}}}}"
        ));
        let args = ["--resume", "last=.id", "--filter", ".id", &url];
        let expected: String = (1..=100).map(|id| format!("{id}\n")).collect();
        wirecat([&FAST[..], &args].concat())
            .run()
            .exits(0)
            .prints(expected);
    }
}

#[test]
fn a_state_is_resumed_by_the_next_run() {
    let server = serve();
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let state = state.to_str().unwrap();
    let url = server.url("/seq?rate=0&after={{last}}");
    let run = |count: &str| {
        wirecat([
            "--resume", "last=.id", "--state", state, "--filter", ".id", "--count", count, &url,
        ])
        .run()
    };
    run("3").exits(0).prints("1\n2\n3\n");
    run("2").exits(0).prints("4\n5\n");
    let kept = std::fs::read_to_string(state).unwrap();
    assert_eq!(kept, "{\"v\":1,\"resume\":{\"last\":5}}\n");
    std::fs::write(state, "somebody's notes").unwrap();
    run("2").exits(2).prints("").complains(&["--state "]);
    assert_eq!(std::fs::read_to_string(state).unwrap(), "somebody's notes");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_state_file_is_one_line_for_every_reader() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let server = raws(1, |_, mut wire| {
        wire.handshake();
        wire.message();
        wire.send(text("{\"id\":{\"k\u{2028}\":\"\u{85}\u{2029}\"}}"));
        wire.close(1000, "");
    });
    let state = ["--state", path.to_str().unwrap(), "--resume", "last=.id"];
    let url = server.url("/");
    wirecat([&state[..], &["-d", "x", &url]].concat())
        .run()
        .exits(0);
    server.result();
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        "{\"v\":1,\"resume\":{\"last\":{\"k\\u2028\":\"\\u0085\\u2029\"}}}\n"
    );
}

#[test]
fn a_value_with_a_line_break_is_refused_in_a_header() {
    let server = raws(1, |_, mut wire| {
        wire.handshake();
        wire.send(text(r#"{"id":"x\r\nX-Injected: yes"}"#));
        wire.close(1012, "");
    });
    let args = [
        "--resume",
        "last=.id",
        "-H",
        "X-Last: {{last}}",
        &server.url("/"),
    ];
    wirecat([&FAST[..], &args].concat())
        .run()
        .exits(2)
        .complains(&["control character", "not retrying: "]);
    server.result();
}

#[test]
fn bad_definitions_are_usage_errors() {
    for (args, words) in [
        (&["--resume", "last"][..], "NAME=EXPR"),
        (
            &["--resume", "last=.["],
            "--resume last: not a valid jq expression",
        ),
        (&["--resume", "n=.id"], "is reserved"),
        (&["--resume", "a=.a", "--resume", "a=.b"], "given twice"),
        (&["--state", "x"], "--resume"),
        (&["--resume", "a=.a", "--state", "/"], "--state /: "),
    ] {
        wirecat([args, &["ws://localhost:1/"]].concat())
            .run()
            .exits(2)
            .complains(&[words]);
    }
}

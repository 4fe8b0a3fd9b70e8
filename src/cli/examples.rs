//! The examples of the help and of the manual: a command and its purpose.

/// The examples at the beginning of the help and the manual: a command and its purpose.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("wirecat demo", "try it with a built-in server"),
    (
        "wirecat ws://localhost:8080/chat",
        "talk to a server by hand",
    ),
    (
        "echo hello | wirecat wss://example.com/ws",
        "send lines, print the replies",
    ),
    (
        "wirecat -d '{\"op\":\"sub\"}' --count 3 URL",
        "send one message, receive three",
    ),
    (
        "wirecat --count 0 URL",
        "check that a server answers, by the exit code",
    ),
    (
        "tail -f log | wirecat --reconnect --confirm=reply URL",
        "lose no line when the server restarts",
    ),
    (
        "wirecat --token env:TOKEN -v URL",
        "send a token and show the handshake",
    ),
    ("wirecat @staging", "connect with the profile staging"),
    ("wirecat serve", "a server to test clients against"),
    ("wirecat listen", "play the server for a client by hand"),
    (
        "wirecat test chat.wst",
        "run a script: what is sent, and what must come",
    ),
    (
        "wirecat replay FILE",
        "show a recording of --record as it was",
    ),
    (
        "wirecat convert chat.har -o chat.wst",
        "make a test of what a browser saved",
    ),
];

/// The examples of `wirecat test`.
pub(super) const TEST_EXAMPLES: &[(&str, &str)] = &[
    (
        "wirecat test chat.wst --var base=ws://localhost:8080",
        "run the tests of one script",
    ),
    (
        "wirecat test tests --report junit=report.xml",
        "run all scripts of a folder, and report to a CI server",
    ),
    (
        "wirecat test tests --only 'login*' --retry 2",
        "run some tests, and those that fail up to twice more",
    ),
];

/// A whole script, for the help of `wirecat test`. The tests run it.
pub const SCRIPT: &str = r#"### a greeting is answered
WEBSOCKET {{base}}/echo
[Options]
reconnect: 3

> {"op":"hello","name":"ann"}
<~(2s) {"op":"hello"}
[Captures]
who: .name
[Asserts]
.name | length == 3
duration < 1s

> goodbye {{who}}
< goodbye ann
!<(200ms) {"op":"error"}
>close 1000
<close 1000
"#;

/// The examples of `wirecat serve`.
pub(super) const SERVE_EXAMPLES: &[(&str, &str)] = &[
    (
        "wirecat serve",
        "ws://localhost:8765, and a page there for browsers",
    ),
    (
        "wirecat serve --self-signed --ca-file ca.pem",
        "wss://, for clients that trust ca.pem",
    ),
    (
        "wirecat serve --db hub.db --token s3cret=ann",
        "an event hub with a user, kept in a file",
    ),
    (
        "wirecat serve 0.0.0.0:8765 --allow-anyone",
        "for other machines, too",
    ),
];

/// The examples of `wirecat listen`.
pub(super) const LISTEN_EXAMPLES: &[(&str, &str)] = &[
    (
        "wirecat listen",
        "a prompt: what you type goes to the clients",
    ),
    (
        "wirecat listen --until '.op==\"bye\"' < answers",
        "serve one client from a script",
    ),
    (
        "wirecat listen 9000 --status 403 -m 10s",
        "refuse every client for ten seconds",
    ),
];

/// The examples of `wirecat convert`.
pub(super) const CONVERT_EXAMPLES: &[(&str, &str)] = &[
    (
        "wirecat convert session.jsonl -o session.wst",
        "a test of what --record wrote",
    ),
    (
        "wirecat convert --list chat.har",
        "the WebSockets that a browser saved",
    ),
    (
        "wirecat convert chat.har --entry 2 --to recording",
        "one of them as a recording",
    ),
    (
        "wirecat convert session.jsonl -o session.har",
        "for the network tab of a browser",
    ),
    (
        "wirecat convert requests.http -o requests.wst",
        "the WebSocket requests of an editor",
    ),
];

/// The examples of `wirecat replay`.
pub(super) const REPLAY_EXAMPLES: &[(&str, &str)] = &[
    (
        "wirecat replay session.jsonl",
        "show a recording as it was, with its timing",
    ),
    (
        "wirecat replay --speed max --filter .price session.jsonl",
        "what --filter finds in it, at once",
    ),
    (
        "wirecat replay session.jsonl ws://localhost:8080/ --lockstep --ignore .ts",
        "send what it sent, and compare the replies but for .ts",
    ),
];

//! Connections, and the scripts that are made of them.

use proptest::prelude::*;

use super::*;
use crate::record::connection::Answer;

const HEAD: &str = "### chat\nWEBSOCKET ws://host/x\nHTTP 101\n\n";

fn sent(text: &str) -> What {
    What::Sent {
        message: Message::text(text),
        by_itself: false,
    }
}

fn received(text: &str) -> What {
    What::Received(Message::text(text))
}

fn connection(moments: impl IntoIterator<Item = What>) -> Connection {
    let moments = moments.into_iter().zip(0u64..);
    Connection {
        url: "ws://host/x".to_owned(),
        answer: Answer {
            status: Some(101),
            ..Answer::default()
        },
        moments: moments
            .map(|(what, n)| Moment {
                at: Duration::from_millis(n),
                what,
            })
            .collect(),
        ..Connection::default()
    }
}

/// The steps of the test that these moments become.
#[track_caller]
fn steps(moments: impl IntoIterator<Item = What>) -> String {
    let script = script(&[connection(moments)], "chat", &Redactor::default());
    script.strip_prefix(HEAD).expect(&script).to_owned()
}

#[test]
fn replies_become_expectations() {
    let data = b"p".to_vec();
    let pong = What::SentPong {
        data: data.clone(),
        by_itself: true,
    };
    let ping = What::SentPing {
        data: data.clone(),
        by_itself: false,
    };
    let heartbeat = What::Sent {
        message: Message::text("beat"),
        by_itself: true,
    };
    assert_eq!(
        steps([
            sent("hello"),
            received("hello"),
            received("/x/"),
            What::ReceivedPing(data.clone()),
            pong,
            heartbeat,
            received(r#"{"b":1,"a":[1]}"#),
            received("[1]"),
            What::ReceivedPong(data.clone()),
            ping,
            What::ReceivedPong(data),
            What::Received(Message::binary(&b"\xff"[..])),
            What::Closed(Close::new(1000, "")),
        ]),
        "> hello\n< hello\n< `/x/`\n<~ {\"b\":1,\"a\":[1]}\n< [1]\n>ping p\n<pong p\n\
         <binary hex:ff\n<close 1000\n"
    );
}

#[test]
fn what_changes_is_left_out_or_captured() {
    let id = "123e4567-e89b-12d3-a456-426614174000";
    assert_eq!(
        steps([
            received(&format!(
                r#"{{"type":"connected","session":"{id}","at":1795168800123,"seen":["2026-11-20T10:00:00Z",1],"n":12}}"#
            )),
            sent(&format!(r#"{{"op":"join","id":"{id}","room":"r:{id}"}}"#)),
            received(&format!(
                r#"{{"joined":"{id}","server":"V1StGXR8_Z5jdHi6B-myT"}}"#
            )),
            sent(&format!("leave {id}")),
            received(&format!("left {id} at 10:00:01")),
            received("1795168800123"),
        ]),
        "<~ {\"type\":\"connected\",\"seen\":[1],\"n\":12}\n\
         [Captures]\nsession: .session\n\
         > {\"op\":\"join\",\"id\":\"{{session}}\",\"room\":\"r:{{session}}\"}\n\
         <~ {\"joined\":\"{{session}}\"}\n\
         > leave {{session}}\n\
         <~ left\n\
         <text\n"
    );
}

#[test]
fn numbers_are_captured_as_numbers() {
    assert_eq!(
        steps([
            received(r#"[{"cursor":175928847299117063}]"#),
            sent(r#"{"after": 175928847299117063, "as": "175928847299117063"}"#),
        ]),
        "<~ [{}]\n[Captures]\ncursor: .[0].cursor\n\
         > {\"after\": {{cursor}}, \"as\": \"{{cursor}}\"}\n"
    );
}

#[test]
fn what_the_client_chose_is_the_same_the_next_time() {
    let id = "123e4567-e89b-12d3-a456-426614174000";
    let (request, reply) = (format!(r#"{{"id":"{id}"}}"#), format!(r#"{{"re":"{id}"}}"#));
    assert_eq!(
        steps([
            sent(&request),
            received(&reply),
            received(&format!("got {id}"))
        ]),
        format!("> {request}\n<~ {reply}\n< got {id}\n")
    );
}

#[test]
fn secrets_are_variables() {
    let login = r#"{"event":"token","data":"hunter2"}"#;
    let session = r#"{"access_token":"abcdefgh","ok":true}"#;
    let moments = [
        sent(login),
        received(session),
        sent(r#"{"use":"abcdefgh"}"#),
        received(r#"{"type":"token","data":"other"}"#),
        sent("[redacted]"),
    ];
    let mut connection = connection(moments);
    connection.url = "ws://ann:pw@host/x?token=hunter2".to_owned();
    connection.headers = [
        ("Host", "host"),
        ("Cookie", "a=b"),
        ("Origin", "https://o"),
        ("Sec-WebSocket-Protocol", "chat.v1, chat.v2"),
        (":authority", "host"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    assert_eq!(
        script(&[connection], "chat", &Redactor::default()),
        "### chat\n\
         # Secrets were left out. Give them as variables: wirecat test --var cookie=… --var token=… \
         --var token.2=… --var user=… FILE\n\
         WEBSOCKET ws://host/x?token={{token}}\nCookie: {{cookie}}\nOrigin: https://o\n\
         [Options]\nsubprotocol: chat.v1\nsubprotocol: chat.v2\nuser: {{user}}\nHTTP 101\n\n\
         > {\"event\":\"token\",\"data\":\"{{token.2}}\"}\n\
         <~ {\"ok\":true}\n[Captures]\naccess_token: .access_token\n\
         > {\"use\":\"{{access_token}}\"}\n\
         <~ {\"type\":\"token\"}\n\
         > `{{token}}`\n"
    );
}

#[test]
fn secrets_are_found_where_nothing_names_them() {
    let moments = [
        received("welcome, hunter22, to room 7"),
        received(r#"{"note":"Bearer hunter22","n":1}"#),
        sent(r#"{"event":"token","data":"hunter22"}"#),
        received(r#"{"event":"echo","data":"hunter22"}"#),
        received(r#"{"event":"echo","data":["a","Bearer hunter22"]}"#),
        received(r#"{"access_token":"abcd\u0065fgh"}"#),
        received(r#"{"echo":"abcd\u0065fgh"}"#),
        received("your token is abcdefgh"),
        sent("AUTH hunter22"),
    ];
    assert_eq!(
        script(&[connection(moments)], "chat", &Redactor::default()),
        "### chat\n\
         # Secrets were left out. Give them as variables: wirecat test --var token=… FILE\n\
         WEBSOCKET ws://host/x\nHTTP 101\n\n\
         <~ , to room 7\n\
         <~ {\"n\":1}\n\
         > {\"event\":\"token\",\"data\":\"{{token}}\"}\n\
         <~ {\"event\":\"echo\",\"data\":\"{{token}}\"}\n\
         <~ {\"event\":\"echo\",\"data\":[\"a\"]}\n\
         <~ {}\n\
         <~ {}\n\
         <~ your token is\n\
         > AUTH {{token}}\n"
    );
}

#[test]
fn the_request_of_a_stranger_is_lines_of_a_request_only() {
    for url in [
        "cmd:reboot",
        "cmd:80",
        "@prod",
        "@file.url",
        "",
        "ws://h/\n> x",
        "ws://h/\u{2028}x",
        "ws://h/\u{202e}x",
        "javascript:x",
    ] {
        let mut connection = connection([]);
        connection.url = url.to_owned();
        connection.headers = [
            ("X-A", "a\n[Options]\ntoken: cmd:reboot"),
            ("X B", "b"),
            ("X-C", "{{c}}"),
            ("Sec-WebSocket-Protocol", "chat\ntoken: cmd:reboot"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        connection.answer.subprotocol = Some("a\nb".to_owned());
        let script = script(&[connection], "x\n>y", &Redactor::default());
        assert_eq!(
            script,
            "### x >y\n# Secrets were left out. Give them as variables: wirecat test --var url=… FILE\n\
             WEBSOCKET {{url}}\n\
             # X-A is left out: its value has characters that a script cannot show\n\
             # X-C is left out: its value has {{…}}, which is a variable here\nHTTP 101\n",
            "{url}"
        );
    }
}

#[test]
fn what_no_endpoint_sends_is_left_out() {
    let (data, by_itself) = (vec![b'x'; 126], false);
    let long = Close::new(4000, "x".repeat(124));
    assert_eq!(
        steps([
            What::SentPing {
                data: data.clone(),
                by_itself
            },
            What::ReceivedPong(data),
            What::Closing(long),
            What::Closing(Close::new(1005, "")),
            What::Closed(Close::new(42, "x")),
        ]),
        ">close\n>close\n<close 1005\n"
    );
}

#[test]
fn each_connection_is_a_test() {
    let mut refused = connection([]);
    refused.answer.status = Some(401);
    let lost = connection([sent("a"), What::Lost, What::Reopened, received("b")]);
    assert_eq!(
        script(&[refused, lost], "chat", &Redactor::default()),
        "### chat 1\nWEBSOCKET ws://host/x\nHTTP 401\n\n\
         ### chat 2\nWEBSOCKET ws://host/x\n[Options]\nreconnect\nHTTP 101\n\n\
         > a\n<drop\n<open\n< b\n"
    );
    assert_eq!(script(&[], "chat", &Redactor::default()), "");
}

#[test]
fn a_variable_stands_for_the_user_in_a_url() {
    let of = |url: &str, headers: &[(&str, &str)], redactor: &Redactor| {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let connection = Connection {
            url: url.to_owned(),
            headers: headers.collect(),
            ..connection([What::Lost, What::Reopened])
        };
        script(&[connection], "chat", redactor)
    };
    let comment =
        "# Secrets were left out. Give them as variables: wirecat test --var user=… FILE\n";
    let expected = format!(
        "### chat\n{comment}WEBSOCKET ws://host/x\n[Options]\nuser: {{{{user}}}}\nreconnect\n\
         HTTP 101\n\n<drop\n<open\n"
    );
    for user in ["ann:hunter2-secret", "ann", "ann:p%40ss"] {
        let url = format!("ws://{user}@host/x");
        assert_eq!(of(&url, &[], &Redactor::default()), expected, "{user}");
    }
    let url = "ws://ann:hunter2-secret@host/x";
    let header = [("Authorization", "Basic YW5uOmh1bnRlcjItc2VjcmV0")];
    let written = of(url, &header, &Redactor::default());
    assert!(
        written.contains("Authorization: {{authorization}}\n"),
        "{written}"
    );
    assert!(
        !written.contains("user") && !written.contains("hunter2"),
        "{written}"
    );
    let kept = of(url, &[], &Redactor::new(true));
    assert!(kept.contains(&format!("WEBSOCKET {url}\n")), "{kept}");
    assert!(!kept.contains("user:"), "{kept}");
}

proptest! {
    #[test]
    fn any_messages_become_a_script(
        texts in prop::collection::vec(
            prop_oneof![
                any::<String>(),
                r#"[\[{]("(id|token|event|data)":("(token|1795168800123|[a-z0-9-]{16})"|1795168800123|\{\}),?){0,4}[\]}]"#,
                r"[0-9:+TZ.a-f-]{0,40}",
            ],
            0..9,
        ),
        sends: u16,
    ) {
        let moments = texts.iter().enumerate().map(|(n, text)| match sends >> n & 1 {
            1 => sent(text),
            _ => received(text),
        });
        let _ = script(&[connection(moments)], "chat", &Redactor::default());
    }
}

#[test]
fn small_ids_are_known_by_their_names() {
    assert_eq!(
        steps([
            received(r#"{"event":"connected","data":{"last":1,"clients":1}}"#),
            sent(r#"{"event":"message","limit":1,"ref":"r"}"#),
            received(r#"{"event":"ack","ref":"r","id":2}"#),
            received(r#"{"event":"message","id":2,"from":"ann"}"#),
            sent(r#"{"event":"history","after":2,"limit":2}"#),
            received(r#"{"event":"history","data":[{"id":3,"n":2}]}"#),
            sent(r#"{"method":"x","id":9}"#),
            received(r#"{"id":9,"result":3}"#),
        ]),
        "<~ {\"event\":\"connected\",\"data\":{\"clients\":1}}\n\
         > {\"event\":\"message\",\"limit\":1,\"ref\":\"r\"}\n\
         <~ {\"event\":\"ack\",\"ref\":\"r\"}\n\
         [Captures]\nid: .id\n\
         <~ {\"event\":\"message\",\"id\":{{id}},\"from\":\"ann\"}\n\
         > {\"event\":\"history\",\"after\":{{id}},\"limit\":2}\n\
         <~ {\"event\":\"history\",\"data\":[{\"n\":2}]}\n\
         > {\"method\":\"x\",\"id\":9}\n\
         <~ {\"id\":9,\"result\":3}\n"
    );
}

#[test]
fn what_met_an_expectation_is_captured_too() {
    let Connection { moments, .. } = connection([received(r#"{"id":7}"#), sent(r#"{"after":7}"#)]);
    let met = Met {
        expression: ".id",
        within: Duration::from_secs(2),
    };
    let written = Session {
        name: "chat",
        url: "ws://host/x",
        headers: &[],
        left_out: &[],
        subprotocols: &[],
        options: &[],
        status: 101,
    };
    let met = HashMap::from([(0, met)]);
    let script = session(&written, &moments, &met, &Redactor::default());
    assert_eq!(
        script.strip_prefix(HEAD).expect(&script),
        "<(2s)\n[Captures]\nid: .id\n[Asserts]\n.id\n> {\"after\":{{id}}}\n"
    );
}

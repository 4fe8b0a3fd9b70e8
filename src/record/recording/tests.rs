//! Recordings as `--record` writes them, and others.

use proptest::prelude::*;

use super::*;

const HEADER: &str = r#"{"type":"header","v":1,"tool":"wirecat/0.1.0","url":"ws://host/x","started":"2026-11-20T10:00:00.000000Z"}"#;

fn recording(lines: &[&str]) -> Recording {
    read(lines.join("\n").as_bytes()).unwrap()
}

fn text(text: &str) -> Message {
    Message::text(text)
}

fn sent(data: &str) -> What {
    What::Sent {
        message: text(data),
        by_itself: false,
    }
}

fn whats(connection: &Connection) -> Vec<What> {
    let moments = connection.moments.iter();
    moments.map(|moment| moment.what.clone()).collect()
}

#[test]
fn a_run_is_one_connection_however_often_it_is_made_again() {
    let read = recording(&[
        HEADER,
        r#"{"type":"connecting","t":0.0,"conn":1,"attempt":1,"address":"127.0.0.1:80"}"#,
        r#"{"type":"open","t":0.05,"conn":1,"status":101,"http":"1.1","subprotocol":"chat","extensions":null,"timing":{}}"#,
        r#"{"type":"send","t":0.051,"conn":1,"origin":"on-open","opcode":1,"data":"hi"}"#,
        r#"{"type":"receive","t":0.1,"conn":1,"opcode":2,"encoding":"base64","data":"AP8Q","len":3}"#,
        r#"{"type":"ping","t":0.2,"conn":1,"dir":"receive","data":"p"}"#,
        r#"{"type":"pong","t":0.2,"conn":1,"dir":"send","origin":"auto","data":"p"}"#,
        r#"{"type":"close","t":0.3,"conn":1,"by":"peer","code":1006,"reason":"","clean":false}"#,
        r#"{"type":"retry","t":0.3,"attempt":2,"delay":0.7,"why":"close 1006"}"#,
        r#"{"type":"refused","t":1.0,"attempt":2,"status":503,"headers":[],"body":""}"#,
        r#"{"type":"open","t":2.0,"conn":2,"status":101,"http":"1.1","subprotocol":null,"extensions":null,"timing":{}}"#,
        r#"{"type":"send","t":2.1,"conn":2,"repeat":true,"origin":"repeat","opcode":1,"data":"hi"}"#,
        r#"{"type":"frame","t":2.2,"conn":2,"dir":"send","fin":true,"rsv":0,"opcode":1,"mask":true,"data":"raw"}"#,
        r#"{"type":"future","t":2.3,"data":5}"#,
        r#"{"type":"close","t":3.0,"conn":2,"by":"us","code":1005,"reason":"","clean":true}"#,
        r#"{"type":"end","t":3.0,"exit":0}"#,
        "",
    ]);
    assert_eq!(read.notes, [""; 0]);
    let [connection] = &read.connections[..] else {
        panic!("{:?}", read.connections);
    };
    assert_eq!(connection.url, "ws://host/x");
    assert_eq!(connection.started, Some(Duration::from_secs(1_795_168_800)));
    assert_eq!(connection.answer.status, Some(101));
    assert_eq!(connection.answer.subprotocol.as_deref(), Some("chat"));
    let (data, by_itself) = (b"p".to_vec(), true);
    assert_eq!(
        whats(connection),
        [
            sent("hi"),
            What::Received(Message::binary(&b"\x00\xff\x10"[..])),
            What::ReceivedPing(data.clone()),
            What::SentPong { data, by_itself },
            What::Lost,
            What::Reopened,
            What::Sent {
                message: text("hi"),
                by_itself
            },
            sent("raw"),
            What::Closing(Close::default()),
        ]
    );
    assert_eq!(connection.moments[0].at, Duration::from_millis(51));
}

#[test]
fn each_header_begins_a_run() {
    let read = recording(&[
        HEADER,
        r#"{"type":"send","t":1,"conn":1,"opcode":1,"data":"one"}"#,
        HEADER,
        r#"{"type":"error","t":0.1,"stage":"dns","exit":6,"message":"no such host"}"#,
        HEADER,
        r#"{"type":"refused","t":0.1,"attempt":1,"status":401,"headers":[["www-authenticate","Bearer"]],"body":""}"#,
    ]);
    let [one, refused] = &read.connections[..] else {
        panic!("{:?}", read.connections);
    };
    assert_eq!(whats(one), [sent("one")]);
    assert_eq!(refused.answer.status, Some(401));
    let header = ("www-authenticate".to_owned(), "Bearer".to_owned());
    assert_eq!(refused.answer.headers, [header]);
}

#[test]
fn clients_are_connections_of_their_own_seen_from_there() {
    let read = recording(&[
        HEADER,
        r#"{"type":"listening","t":0,"url":"ws://127.0.0.1:8080/"}"#,
        r#"{"type":"open","t":0.1,"conn":1,"status":101,"http":"1.1","subprotocol":null,"extensions":null,"timing":{},"from":"127.0.0.1:5","method":"GET","target":"/a?b=1","headers":[["host","x"]]}"#,
        r#"{"type":"open","t":0.2,"conn":2,"status":101,"http":"1.1","subprotocol":null,"extensions":null,"timing":{},"method":"GET","target":"/"}"#,
        r#"{"type":"receive","t":0.3,"conn":1,"opcode":1,"data":"question"}"#,
        r#"{"type":"send","t":0.4,"conn":2,"opcode":1,"data":"hello"}"#,
        r#"{"type":"send","t":0.4,"conn":1,"opcode":1,"data":"answer"}"#,
        r#"{"type":"close","t":0.5,"conn":1,"by":"peer","code":1000,"reason":"","clean":true}"#,
    ]);
    let [one, two] = &read.connections[..] else {
        panic!("{:?}", read.connections);
    };
    assert_eq!(one.url, "ws://127.0.0.1:8080/a?b=1");
    assert_eq!(one.headers, [("host".to_owned(), "x".to_owned())]);
    assert_eq!(
        whats(one),
        [
            sent("question"),
            What::Received(text("answer")),
            What::Closing(Close::normal())
        ]
    );
    assert_eq!(whats(two), [What::Received(text("hello"))]);
}

#[test]
fn what_cannot_be_read_is_left_out_and_noted() {
    let read = recording(&[
        HEADER,
        "\u{1b}]0;title",
        r#"{"type":"send","t":1,"conn":1,"opcode":1}"#,
        r#"{"type":"receive","t":-5,"conn":1,"opcode":2,"encoding":"base64","data":"?"}"#,
        r#"{"type":"send","t":1e300,"conn":1,"opcode":1,"data":"kept"}"#,
        r#"{"type":"frame","t":2.2,"conn":2,"dir":"send","fin":false,"rsv":0,"opcode":1,"mask":true,"data":"raw"}"#,
        r#"{"type":"receive","t":1,"con"#,
    ]);
    assert_eq!(whats(&read.connections[0]), [sent("kept")]);
    assert_eq!(read.connections[0].moments[0].at, Duration::ZERO);
    assert_eq!(
        read.notes,
        [
            "line 2 is left out: not JSON: expected value",
            r#"line 3 is left out: a send without "data""#,
            r#"line 4 is left out: "data": it is not base64"#,
            "line 6 is left out: a frame that is no message by itself",
            "the last line is cut off, and left out: line 7",
        ]
    );
}

#[test]
fn a_file_without_events_is_no_recording() {
    for (bytes, message) in [
        (&b""[..], "not a recording: it has no event"),
        (b"\x1b[2J\xff", "not a recording: not JSON: expected value"),
        (b"[1]\n", "not a recording: [1] is not an event"),
        (b"{\"log\":{}}", "not a recording: it has no event"),
    ] {
        assert_eq!(read(bytes).unwrap_err().message, message);
    }
}

#[test]
fn secrets_are_not_written() {
    let connection = Connection {
        url: "wss://ann:pw@host/x?token=abcdef".to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer abcdef".to_owned())],
        answer: Answer {
            status: Some(101),
            ..Answer::default()
        },
        ..Connection::default()
    };
    let written = |includes| {
        let connections = std::slice::from_ref(&connection);
        String::from_utf8(write(connections, &Redactor::new(includes))).unwrap()
    };
    let shown = written(false);
    assert!(
        !shown.contains("abcdef") && !shown.contains("pw@"),
        "{shown}"
    );
    assert!(written(true).contains("pw@host/x?token=abcdef"));
}

fn close() -> impl Strategy<Value = Close> {
    (proptest::option::of(1000u16..1005), "[a-z]{0,9}").prop_map(|(code, reason)| Close {
        code,
        reason: if code.is_some() {
            reason
        } else {
            String::new()
        },
    })
}

fn moment() -> impl Strategy<Value = What> {
    let message = prop_oneof![
        any::<String>().prop_map(Message::text),
        any::<Vec<u8>>().prop_map(Message::binary),
    ];
    let data = prop::collection::vec(any::<u8>(), 0..126);
    (message, data, close(), any::<bool>(), 0..9).prop_map(
        |(message, data, close, by_itself, choice)| match choice {
            0 => What::Sent { message, by_itself },
            1 => What::Received(message),
            2 => What::SentPing { data, by_itself },
            3 => What::SentPong { data, by_itself },
            4 => What::ReceivedPing(data),
            5 => What::ReceivedPong(data),
            6 => What::Closing(close),
            7 => What::Lost,
            _ => What::Closed(close),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        whats in prop::collection::vec(moment(), 0..20),
        reopens: bool,
        started in 0u64..4_000_000_000,
    ) {
        let mut whats = whats;
        whats.extend(reopens.then_some(What::Reopened));
        let connection = Connection {
            url: "ws://host/path?a=b".to_owned(),
            started: Some(Duration::from_secs(started)),
            headers: vec![("X-A".to_owned(), "\u{2028}".to_owned())],
            answer: Answer { status: Some(101), ..Answer::default() },
            moments: whats
                .into_iter()
                .zip(0u64..)
                .map(|(what, n)| Moment { at: Duration::from_micros(n * n * 1001), what })
                .collect(),
        };
        let connections = [connection.clone(), connection];
        let written = write(&connections, &Redactor::new(true));
        let read = read(&written).unwrap();
        prop_assert_eq!(&read.connections[..], &connections[..]);
        prop_assert!(read.notes.is_empty(), "{:?}", read.notes);
    }

    #[test]
    fn any_bytes_can_be_read(
        bytes in prop_oneof![
            any::<Vec<u8>>(),
            r#"(\{"type":"(send|open|close|frame|listening|header|ping)","(t|conn|data|opcode|url)":(1e99|-1|"x"|null|\[\]),?\}?\n){0,9}"#.prop_map(String::into_bytes),
        ]
    ) {
        let _ = read(&bytes);
    }
}

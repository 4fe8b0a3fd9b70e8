//! Each event as its line.

use super::*;
use crate::close::Close;
use crate::error::{Exit, Stage};
use crate::event::Totals;
use crate::message::Message;
use crate::secret::Redactor;

#[track_caller]
fn check(ms: u64, event: &Event<'_>, expected: &str) {
    let redactor = Redactor::default();
    let to = Writer {
        numbers: true,
        strings: Strings {
            redactor: &redactor,
            push: crate::json::string::push_string,
        },
    };
    let mut out = Vec::new();
    to.push(Duration::from_millis(ms), event, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
}

#[test]
fn the_header_and_the_end_of_a_run() {
    let version = env!("CARGO_PKG_VERSION");
    let header = Event::Header {
        url: "wss://api.example/feed",
        started: Duration::from_secs(1_795_168_800),
    };
    check(
        0,
        &header,
        &format!(
            r#"{{"type":"header","v":1,"tool":"wirecat/{version}","url":"wss://api.example/feed","started":"2026-11-20T10:00:00.000000Z"}}"#
        ),
    );
    let totals = Totals {
        sent: 3,
        received: 4,
        bytes_sent: 11,
        bytes_received: 12,
        ..Totals::default()
    };
    let end = Event::End {
        exit: Exit::PeerPrivate,
        totals: &totals,
    };
    check(
        9000,
        &end,
        r#"{"type":"end","t":9.0,"exit":112,"sent":3,"received":4,"bytes_sent":11,"bytes_received":12,"unconfirmed":0}"#,
    );
}

#[test]
fn a_connection_opens() {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 443));
    let connecting = Event::Connecting {
        conn: 1,
        attempt: 2,
        address: Some(address.into()),
    };
    check(
        0,
        &connecting,
        r#"{"type":"connecting","t":0.0,"conn":1,"attempt":2,"address":"127.0.0.1:443"}"#,
    );
    let mut opened = Opened {
        asked: None,
        proxy: None,
        address: Some(address.into()),
        status: 101,
        http: "1.1",
        subprotocol: Some("chat.v1".to_owned()),
        extensions: None,
        compression: None,
        tls: None,
        timing: Timing::from([
            ("tcp", Duration::from_micros(2_000)),
            ("tls", Duration::from_micros(30_001)),
            ("upgrade", Duration::from_secs(1)),
        ]),
    };
    check(
        51,
        &Event::Open {
            conn: 1,
            opened: &opened,
        },
        r#"{"type":"open","t":0.051,"conn":1,"status":101,"http":"1.1","subprotocol":"chat.v1","extensions":null,"timing":{"tcp":0.002,"tls":0.030001,"upgrade":1.0}}"#,
    );
    opened.timing = Timing::default();
    opened.extensions = Some("permessage-deflate".to_owned());
    check(
        51,
        &Event::Open {
            conn: 1,
            opened: &opened,
        },
        r#"{"type":"open","t":0.051,"conn":1,"status":101,"http":"1.1","subprotocol":"chat.v1","extensions":"permessage-deflate","timing":{}}"#,
    );
}

#[test]
fn a_connection_is_refused_or_fails() {
    let refusal = Refusal {
        status: 401,
        reason: "Unauthorized".to_owned(),
        headers: vec![
            ("www-authenticate".to_owned(), "Bearer".to_owned()),
            ("set-cookie".to_owned(), "sid=1".to_owned()),
        ],
        body: b"no\xff".to_vec(),
        truncated: false,
    };
    check(
        100,
        &Event::Refused {
            attempt: 1,
            refusal: &refusal,
        },
        "{\"type\":\"refused\",\"t\":0.1,\"attempt\":1,\"status\":401,\"headers\":[[\"www-authenticate\",\"Bearer\"],[\"set-cookie\",\"[redacted]\"]],\"body\":\"no\u{fffd}\"}",
    );
    let error = Error::new(
        Stage::Tls,
        Exit::Untrusted,
        "certificate expired 3 days ago",
    );
    check(
        100,
        &Event::Error(&error),
        r#"{"type":"error","t":0.1,"stage":"tls","exit":60,"message":"certificate expired 3 days ago"}"#,
    );
    let error = error.detail("subject: x").detail("issuer: y");
    check(
        100,
        &Event::Error(&error),
        r#"{"type":"error","t":0.1,"stage":"tls","exit":60,"message":"certificate expired 3 days ago","details":["subject: x","issuer: y"]}"#,
    );
}

#[test]
fn events_have_the_origin_of_automatic_messages() {
    let message = &Message::text("x");
    for (origin, members) in [
        (None, ""),
        (Some(Origin::OnOpen), r#""origin":"on-open","#),
        (Some(Origin::Token), r#""origin":"token","#),
        (Some(Origin::Heartbeat), r#""origin":"heartbeat","#),
        (Some(Origin::Mirror), r#""origin":"mirror","#),
        (Some(Origin::Repeat), r#""repeat":true,"origin":"repeat","#),
    ] {
        check(
            60,
            &Event::Send {
                conn: 1,
                message,
                number: None,
                origin,
            },
            &format!(r#"{{"type":"send","t":0.06,"conn":1,{members}"opcode":1,"data":"x"}}"#),
        );
    }
    let (conn, by) = (1, By::Us);
    check(
        60,
        &Event::Ping {
            conn,
            by,
            origin: Some(Origin::Keepalive),
            data: b"1",
        },
        r#"{"type":"ping","t":0.06,"conn":1,"dir":"send","origin":"keepalive","data":"1"}"#,
    );
    check(
        60,
        &Event::Pong {
            conn,
            by,
            origin: Some(Origin::Auto),
            data: b"1",
            rtt: None,
            asked: false,
        },
        r#"{"type":"pong","t":0.06,"conn":1,"dir":"send","origin":"auto","data":"1"}"#,
    );
    check(
        60,
        &Event::Close {
            conn,
            by,
            origin: Some(Origin::Auto),
            close: &Close::new(1002, ""),
            clean: false,
        },
        r#"{"type":"close","t":0.06,"conn":1,"by":"us","origin":"auto","code":1002,"reason":"","clean":false}"#,
    );
}

#[test]
fn control_frames_say_who_sent_them() {
    let (conn, by) = (1, By::Peer);
    check(
        2000,
        &Event::Ping {
            conn,
            by,
            origin: None,
            data: b"",
        },
        r#"{"type":"ping","t":2.0,"conn":1,"dir":"receive","data":""}"#,
    );
    let rtt = Some(Duration::from_micros(12_300));
    check(
        2000,
        &Event::Pong {
            conn,
            by,
            origin: None,
            data: b"a\"",
            rtt,
            asked: true,
        },
        r#"{"type":"pong","t":2.0,"conn":1,"dir":"receive","data":"a\"","rtt":0.0123}"#,
    );
    let by = By::Us;
    check(
        2000,
        &Event::Pong {
            conn,
            by,
            origin: None,
            data: b"\0\xff\x10",
            rtt: None,
            asked: false,
        },
        r#"{"type":"pong","t":2.0,"conn":1,"dir":"send","encoding":"base64","data":"AP8Q","len":3}"#,
    );
    let close = &Close::default();
    check(
        4200,
        &Event::Close {
            conn,
            by,
            origin: None,
            close,
            clean: true,
        },
        r#"{"type":"close","t":4.2,"conn":1,"by":"us","code":1005,"reason":"","clean":true}"#,
    );
}

#[test]
fn the_header_has_utc_and_accepts_every_time() {
    let started = Duration::from_millis(1_795_168_800_250);
    assert_eq!(rfc3339(started), "2026-11-20T10:00:00.250000Z");
    assert!(rfc3339(Duration::MAX).starts_with("9999-12-30T"));
}

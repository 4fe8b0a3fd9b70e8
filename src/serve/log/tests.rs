use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::close::Close;
use crate::serve::peer::Peer;

fn visitor() -> Visitor {
    Visitor {
        peer: Peer::Tcp("127.0.0.1:5555".parse().unwrap()),
        forwarded: None,
        tls: None,
    }
}

fn line(format: Format, visitor: Option<&Visitor>, event: Event<'_>) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(1_790_000_000_500);
    let entry = Entry {
        time,
        visitor,
        event,
    };
    super::line(&entry, format)
}

fn text(visitor: &Visitor, event: Event<'_>) -> String {
    line(Format::Text, Some(visitor), event)
}

/// What a line of JSON says apart from the time, which is checked.
fn object(visitor: Option<&Visitor>, event: Event<'_>) -> Value {
    let line = line(Format::Json, visitor, event);
    assert!(!line.contains('\n'), "{line:?}");
    let mut value: Value = serde_json::from_str(&line).unwrap();
    let time = value.as_object_mut().unwrap().remove("time");
    assert_eq!(time.unwrap(), "2026-09-21T14:13:20.500Z");
    value
}

fn request(path: &str) -> Event<'_> {
    Event::Request {
        method: "GET",
        path,
        status: 101,
    }
}

fn ended(ended: Ended, user: Option<&str>) -> Ended {
    let mut volume = Volume {
        duration: Duration::from_millis(1500),
        user: user.map(str::to_owned),
        ..Volume::default()
    };
    volume.received.count(1);
    volume.sent.count(1200);
    volume.sent.count(34);
    ended.after(volume)
}

#[test]
fn requests_and_ends_are_lines_of_text() {
    assert_eq!(
        text(&visitor(), request("/echo")),
        "127.0.0.1:5555 GET /echo -> 101"
    );
    let path = "/echo";
    let by_client = ended(Ended::by_client(Close::new(1000, "done")), None);
    let event = Event::Closed {
        path,
        ended: &by_client,
    };
    assert_eq!(
        text(&visitor(), event),
        "127.0.0.1:5555 closed by client: 1000 (normal closure) \"done\"; /echo, 1.500s, \
         received 1 message (1 byte), sent 2 messages (1,234 bytes)"
    );
    let lost = ended(Ended::lost("the client went away"), Some("ada"));
    let event = Event::Closed { path, ended: &lost };
    assert_eq!(
        text(&visitor(), event),
        "127.0.0.1:5555 lost: 1006 (abnormal closure) the client went away; /echo, 1.500s, \
         received 1 message (1 byte), sent 2 messages (1,234 bytes), user ada"
    );
    assert_eq!(
        line(Format::Text, None, Event::Note("accept: too many")),
        "accept: too many"
    );
}

#[test]
fn requests_and_ends_are_objects() {
    assert_eq!(
        object(Some(&visitor()), request("/echo")),
        json!({"event": "request", "peer": "127.0.0.1:5555", "method": "GET", "path": "/echo", "status": 101})
    );
    let by_server = ended(Ended::by_server(Close::new(4401, "bye")), Some("ada"));
    let path = "/x";
    let event = Event::Closed {
        path,
        ended: &by_server,
    };
    let mut expected = json!({
        "event": "closed", "peer": "127.0.0.1:5555", "path": "/x", "user": "ada", "duration": 1.5,
        "received": {"messages": 1, "bytes": 1}, "sent": {"messages": 2, "bytes": 1234},
        "code": 4401, "reason": "bye", "by": "server",
    });
    // Members are compared by name, numbers as they are written.
    expected["duration"] = serde_json::from_str("1.500").unwrap();
    assert_eq!(object(Some(&visitor()), event), expected);
    let lost = Ended::lost("gone");
    let event = Event::Closed { path, ended: &lost };
    let value = object(Some(&visitor()), event);
    assert_eq!(value["by"], Value::Null);
    assert_eq!(
        (&value["code"], &value["reason"]),
        (&json!(1006), &json!("gone"))
    );
    let note = Event::Note("accept: too many");
    assert_eq!(
        object(None, note),
        json!({"event": "notice", "message": "accept: too many"})
    );
    assert_eq!(object(Some(&visitor()), note)["event"], "error");
}

#[test]
fn a_proxy_a_unix_socket_and_a_certificate_are_told() {
    let behind = Visitor {
        peer: Peer::Unix {
            pid: Some(7),
            uid: Some(33),
        },
        forwarded: Some("203.0.113.9".parse().unwrap()),
        tls: Some(Arc::new(Tls {
            version: "TLSv1.3",
            subject: Some("CN=ada".to_owned()),
        })),
    };
    assert_eq!(
        text(&behind, request("/")),
        "203.0.113.9 GET / -> 101 (CN=ada)"
    );
    let value = object(Some(&behind), request("/"));
    assert_eq!(value["peer"], "203.0.113.9");
    assert_eq!(value["proxy"], "unix");
    assert_eq!(
        value["tls"],
        json!({"version": "TLSv1.3", "subject": "CN=ada"})
    );
}

#[test]
fn no_line_contains_what_a_terminal_or_another_reader_would_obey() {
    let hostile = "a\"b\n\r\u{1b}[2J\u{9b}\u{202e}\u{200b}\u{2028}\\z";
    let end = ended(Ended::by_client(Close::new(4000, hostile)), Some(hostile));
    let event = Event::Closed {
        path: hostile,
        ended: &end,
    };
    for event in [event, request(hostile), Event::Note(hostile)] {
        for format in [Format::Text, Format::Json] {
            let line = line(format, Some(&visitor()), event);
            assert_eq!(sanitize::find_dangerous(&line), None, "{line:?}");
        }
    }
    assert_eq!(object(None, Event::Note(hostile))["message"], hostile);
}

#[test]
fn a_token_is_not_logged() {
    for (target, expected) in [
        ("/echo", "/echo"),
        ("/echo?", "/echo?"),
        ("/echo?x=y&z", "/echo?x=y&z"),
        ("/expire?a=1&token=hunter2", "/expire?a=1&token=[redacted]"),
        ("/expire?token=a?b", "/expire?token=[redacted]"),
        ("*", "*"),
    ] {
        assert_eq!(shown(target.to_owned()), expected);
    }
}

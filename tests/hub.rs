//! The event hub over the network: its tokens, its HTTP side, clients that read slowly, and the end of
//! the server. What clients say and get, exchange by exchange, is in `tests/exchanges/hub.txt`.

use std::io::Read as _;
use std::time::Duration;

use wirecat::internals::serve::hub::{Options as HubOptions, SlowClient, Tokens};
use wirecat::internals::serve::{Options, heartbeat};

use crate::serve::{Server, Wire, handshake, has, header, masked};

fn start(tokens: &[&str], change: impl FnOnce(&mut HubOptions)) -> Server {
    let mut known = Tokens::default();
    for token in tokens {
        known.add(token).unwrap();
    }
    let mut hub = HubOptions {
        tokens: known,
        ..HubOptions::default()
    };
    change(&mut hub);
    Server::start_with(Options {
        hub,
        ..Options::default()
    })
}

impl Wire {
    pub(crate) fn say(&mut self, json: &str) {
        self.write(masked(0x81, json.as_bytes()));
    }

    /// The payload of the next frame, and its first byte.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        let len = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.take(2).try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8).try_into().unwrap()),
            len => u64::from(len),
        };
        (head[0], self.take(usize::try_from(len).unwrap()))
    }

    #[track_caller]
    pub(crate) fn hears(&mut self) -> String {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x81, "{payload:?}");
        String::from_utf8(payload).unwrap()
    }

    #[track_caller]
    pub(crate) fn hears_start(&mut self, start: &str) {
        let heard = self.hears();
        assert!(heard.starts_with(start), "{heard}");
    }
}

fn get(server: &Server, path: &str, lines: &str) -> (String, String) {
    server.ask(&format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
    ))
}

#[test]
fn a_token_opens_the_hub_and_its_http_side() {
    let server = start(&["s3cret=xiao", "old="], |_| {});
    for (path, lines, status) in [
        ("/events?token=s3cret", "", "101"),
        ("/events", "Authorization: Bearer s3cret\r\n", "101"),
        ("/events", "Authorization: bearer  s3cret\r\n", "101"),
        ("/events", "", "101"),
        ("/events?token=wrong", "", "401"),
        ("/events?token=", "", "401"),
        (
            "/events?token=s3cret",
            "Authorization: Bearer wrong\r\n",
            "401",
        ),
        ("/events", "Authorization: Basic s3cret\r\n", "401"),
        ("/events?token=old", "", "403"),
    ] {
        let request = handshake(path).replacen("\r\n", &format!("\r\n{lines}"), 1);
        let (head, _) = server.ask(&request);
        assert_eq!(&head["HTTP/1.1 ".len()..][..3], status, "{path} {lines}");
        assert_eq!(status == "401", header(&head, "www-authenticate").is_some());
    }
    for path in [
        "/events/rooms",
        "/events/clients",
        "/events/messages",
        "/events/rooms/news/messages",
    ] {
        for (query, status) in [("", "401"), ("?token=x", "401"), ("?token=old", "403")] {
            let (head, body) = get(&server, &format!("{path}{query}"), "");
            assert_eq!(&head["HTTP/1.1 ".len()..][..3], status, "{path}");
            assert!(body.starts_with(r#"{"error":""#), "{body}");
            has(&head, "content-type", "application/json");
        }
    }
    let log = server.lines().join("\n");
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn the_hub_is_looked_up_over_http() {
    let server = start(&[], |_| {});
    let mut xiao = server.open("/events?token=xiao");
    xiao.hears_start(r#"{"event":"connected""#);
    for message in [
        r#"{"event":"join","room":"a/b ü"}"#,
        r#"{"event":"message","room":"a/b ü","data":1.50,"echo":false}"#,
        r#"{"event":"message","room":"a/b ü","data":2,"echo":false}"#,
        r#"{"event":"message","to":"ada","data":3,"echo":false,"ref":0}"#,
    ] {
        xiao.say(message);
    }
    xiao.hears_start(r#"{"event":"join""#);
    assert_eq!(xiao.hears(), r#"{"event":"ack","ref":0,"id":3}"#);
    let body = |path: &str, status: &str| {
        let (head, body) = get(&server, path, "Authorization: Bearer ada\r\n");
        assert_eq!(&head["HTTP/1.1 ".len()..][..3], status, "{path}: {body}");
        body
    };
    assert_eq!(body("/events/rooms", "200"), "{\"rooms\":[\"a/b ü\"]}\n");
    assert_eq!(
        body("/events/clients", "200"),
        "{\"users\":[\"xiao\"],\"clients\":1}\n"
    );
    let room = "/events/rooms/a%2Fb%20%C3%BC/messages";
    let first = r#"{"messages":[{"id":1,"from":"xiao","room":"a/b ü","data":1.50,"at":""#;
    assert!(body(&format!("{room}?limit=1"), "200").starts_with(first));
    let second = r#"{"messages":[{"id":2,"#;
    assert!(body(&format!("{room}?after=1"), "200").starts_with(second));
    assert_eq!(
        body(&format!("{room}?after=2"), "200"),
        "{\"messages\":[]}\n"
    );
    let mine = r#"{"messages":[{"id":3,"from":"xiao","to":"ada","data":3,"#;
    assert!(body("/events/messages?after=0", "200").starts_with(mine));
    for (path, status) in [
        ("/events/rooms/nowhere/messages", "404"),
        ("/events/romms", "404"),
        ("/events/rooms/%ff/messages", "400"),
        ("/events/rooms//messages", "400"),
        ("/events/messages?after=x", "400"),
        ("/events/messages?limit=0", "400"),
        ("/events/messages?limit=1001", "400"),
    ] {
        assert!(body(path, status).starts_with(r#"{"error":""#), "{path}");
    }
    let (head, _) =
        server.ask("DELETE /events/rooms HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    has(&head, "allow", "GET, HEAD");
}

/// Sends large messages that one client does not read.
fn flood(xiao: &mut Wire, count: usize) {
    let data = "x".repeat(64 << 10);
    for number in 0..count {
        xiao.say(&format!(
            r#"{{"event":"message","to":"slow","data":"{data}","echo":false,"ref":{number}}}"#
        ));
    }
}

#[test]
fn a_client_that_reads_too_slowly_is_closed_and_others_are_served() {
    let server = start(&[], |hub| hub.max_waiting_bytes = 1 << 20);
    let mut slow = server.open("/events?token=slow");
    slow.hears_start(r#"{"event":"connected""#);
    let mut xiao = server.open("/events?token=xiao");
    xiao.hears_start(r#"{"event":"connected""#);
    let mut closed = false;
    for number in 0..2000 {
        flood(&mut xiao, 1);
        loop {
            let heard = xiao.hears();
            closed |= heard.starts_with(r#"{"event":"closed","data":{"user":"slow","code":1013"#);
            if heard.starts_with(r#"{"event":"ack""#) {
                break;
            }
        }
        if closed {
            assert!(number > 16, "{number}");
            break;
        }
    }
    assert!(closed);
}

#[test]
fn a_sender_waits_for_a_client_that_reads_slowly() {
    let server = start(&[], |hub| {
        hub.max_waiting_bytes = 1 << 20;
        hub.slow_client = SlowClient::Block;
    });
    let mut slow = server.open("/events?token=slow");
    slow.hears_start(r#"{"event":"connected""#);
    const COUNT: usize = 400;
    let mut xiao = server.open("/events?token=xiao");
    xiao.hears_start(r#"{"event":"connected""#);
    let sender = std::thread::spawn(move || {
        flood(&mut xiao, COUNT);
        for number in 0..COUNT {
            let ack = format!(r#"{{"event":"ack","ref":{number},"id":{}}}"#, number + 1);
            assert_eq!(xiao.hears(), ack);
        }
    });
    slow.hears_start(r#"{"event":"online""#);
    for id in 1..=COUNT {
        slow.hears_start(&format!(r#"{{"event":"message","id":{id},"#));
    }
    sender.join().unwrap();
}

#[test]
#[ignore = "takes half a minute"]
fn a_client_that_reads_nothing_does_not_hold_its_senders_for_ever() {
    let second = Duration::from_secs(1);
    let hub = HubOptions {
        slow_client: SlowClient::Block,
        ..HubOptions::default()
    };
    let server = Server::start_with(Options {
        hub,
        heartbeat: heartbeat::Options {
            interval: Some(second),
            timeout: Some(second),
        },
        ..Options::default()
    });
    let mut slow = server.open("/events?token=slow");
    slow.hears_start(r#"{"event":"connected""#);
    let mut xiao = server.open("/events?token=xiao");
    let mut other = Wire(xiao.0.try_clone().unwrap());
    let sender = std::thread::spawn(move || flood(&mut other, 1000));
    let minute = Some(Duration::from_secs(60));
    xiao.0.set_read_timeout(minute).unwrap();
    xiao.0.set_write_timeout(minute).unwrap();
    let mut closed = false;
    loop {
        let heard = String::from_utf8(xiao.frame().1).unwrap();
        closed |= heard.contains(r#"{"user":"slow","code":1011"#);
        if heard.starts_with(r#"{"event":"ack","ref":999"#) {
            break;
        }
    }
    sender.join().unwrap();
    assert!(closed);
}

#[test]
fn everyone_gets_a_close_when_the_server_ends() {
    let mut server = start(&[], |_| {});
    let mut wires: Vec<Wire> = (0..20)
        .map(|number| {
            let mut wire = server.open(&format!("/events?token=user{number}"));
            wire.hears_start(r#"{"event":"connected""#);
            wire
        })
        .collect();
    server.ask_to_stop();
    for wire in &mut wires {
        loop {
            match wire.frame() {
                (0x88, payload) => {
                    assert_eq!(payload[..2], 1001u16.to_be_bytes());
                    break;
                }
                (first, _) => assert_eq!(first, 0x81),
            }
        }
        wire.answer_close();
        let _ = wire.0.read(&mut [0]);
    }
    server.join();
}

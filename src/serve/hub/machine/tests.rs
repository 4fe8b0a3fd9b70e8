//! The hub's rules over the store in memory, as exchanges: what each connection sends and gets.

use std::task::{Context, Poll, Waker};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::serve::hub::envelope;
use crate::serve::hub::store::memory::Memory;
use crate::serve::hub::store::{Retention, Store};

/// A hub with its store, and what its connections got.
struct Hub {
    machine: Machine,
    store: Memory,
    /// Requests that the store has not got yet, while it is slow.
    held: Option<Vec<(Ticket, Request)>>,
    got: BTreeMap<Conn, Vec<String>>,
    drained: Vec<Conn>,
    delivered: BTreeMap<Conn, Id>,
    now: Now,
}

impl Hub {
    fn new(tokens: &[&str], retention: Retention) -> Hub {
        let mut options = Options::default();
        for token in tokens {
            options.tokens.add(token).unwrap();
        }
        Hub::with(&options, retention)
    }

    fn with(options: &Options, retention: Retention) -> Hub {
        Hub {
            machine: Machine::new(options),
            store: Memory::new(retention, &mut StdRng::seed_from_u64(1)),
            held: None,
            got: BTreeMap::new(),
            drained: Vec::new(),
            delivered: BTreeMap::new(),
            now: Now {
                instant: Instant::now(),
                unix: 0,
            },
        }
    }

    fn run(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.obey(output);
            }
            match self.store.poll_output(&mut cx) {
                Poll::Ready(output) => self.machine.handle_store(output),
                Poll::Pending => return,
            }
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Store(ticket, request) => match &mut self.held {
                Some(held) => held.push((ticket, request)),
                None => self.store.request(ticket, request),
            },
            Output::Deliver {
                conns,
                without,
                outgoing,
                ..
            } => {
                assert!(conns.is_sorted(), "{conns:?}");
                for conn in conns.iter().filter(|conn| !without.contains(conn)) {
                    self.take(*conn, outgoing.clone());
                }
            }
            Output::Page(conn, page) => {
                for outgoing in page {
                    self.take(conn, outgoing);
                }
            }
            Output::ReportDrained(conn) => self.drained.push(conn),
            Output::Close(conn, close) => {
                let shown = format!("close {} {}", close.reported_code(), close.reason);
                self.got.entry(conn).or_default().push(shown);
            }
            Output::Pause(conn) => self.got.entry(conn).or_default().push("pause".to_owned()),
            Output::Resume(conn) => self.got.entry(conn).or_default().push("resume".to_owned()),
        }
    }

    fn take(&mut self, conn: Conn, outgoing: Outgoing) {
        let delivered = self.delivered.entry(conn).or_default();
        *delivered = outgoing.direct.max(*delivered);
        let text = outgoing.message.as_text().unwrap();
        self.got.entry(conn).or_default().push(short(text));
    }

    fn connect(&mut self, conn: u64, user: Option<&str>, after: Option<Id>) {
        let after = after.map(|id| After { id, epoch: None });
        let user = user.map(Name::from);
        self.machine
            .handle_connection(Conn(conn), user, after, self.now);
        self.run();
    }

    fn say(&mut self, conn: u64, json: &str) {
        let message = Message::text(json.to_owned());
        let envelope = envelope::parse(&message);
        self.machine.handle_message(Conn(conn), envelope, self.now);
        self.run();
    }

    fn drain(&mut self) {
        while let Some(conn) = self.drained.pop() {
            self.machine.handle_drained(conn);
            self.run();
        }
    }

    fn end(&mut self, conn: u64) {
        let delivered = self.delivered.remove(&Conn(conn)).unwrap_or_default();
        self.machine
            .handle_end(Conn(conn), &Close::new(1001, ""), delivered);
        self.got.remove(&Conn(conn));
        self.run();
    }

    /// What a connection got since the last call.
    fn got(&mut self, conn: u64) -> Vec<String> {
        self.got.remove(&Conn(conn)).unwrap_or_default()
    }
}

/// A message without its time and epoch.
fn short(json: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    value.as_object_mut().unwrap().shift_remove("at");
    if let Some(data) = value.get_mut("data").and_then(|data| data.as_object_mut()) {
        data.shift_remove("epoch");
    }
    value.to_string()
}

fn hub() -> Hub {
    Hub::new(&[], Retention::default())
}

fn message(id: Id, from: &str, data: &str) -> String {
    format!(r#"{{"event":"message","id":{id},"from":"{from}","data":{data}}}"#)
}

fn to(id: Id, from: &str, to: &str, data: &str) -> String {
    format!(r#"{{"event":"message","id":{id},"from":"{from}","to":"{to}","data":{data}}}"#)
}

fn connected(user: &str, clients: u64, last: Id, more: &str) -> String {
    format!(
        r#"{{"event":"connected","data":{{"user":"{user}","clients":{clients},"rooms":[],"last":{last}{more}}}}}"#
    )
}

#[test]
fn the_first_message_is_a_token_and_comes_in_time() {
    let mut hub = Hub::new(&["s3cret=xiao", "old="], Retention::default());
    let rejected = ["close 1011 authentication failed"];
    for (conn, first) in [
        (1, r#"{"event":"token","data":"wrong"}"#),
        (2, r#"{"event":"token","data":"old"}"#),
        (3, r#"{"event":"clients"}"#),
        (4, "hello"),
    ] {
        hub.connect(conn, None, None);
        hub.say(conn, first);
        // What comes after it is not obeyed.
        hub.say(conn, r#"{"event":"token","data":"s3cret"}"#);
        assert_eq!(hub.got(conn), rejected, "{first}");
    }
    hub.connect(5, None, None);
    hub.connect(6, None, None);
    hub.say(6, r#"{"event":"token","data":"s3cret"}"#);
    assert_eq!(hub.got(6), [connected("xiao", 1, 0, "")]);
    let late = hub.machine.poll_timeout().unwrap();
    hub.machine.handle_timeout(late - Duration::from_millis(1));
    hub.run();
    assert!(hub.got(5).is_empty());
    hub.machine.handle_timeout(late);
    hub.run();
    assert_eq!(hub.got(5), rejected);
    assert!(hub.got(6).is_empty() && hub.machine.poll_timeout().is_none());
}

#[test]
fn each_client_is_answered_with_the_word_it_used_first() {
    let mut hub = hub();
    hub.connect(1, None, None);
    hub.say(1, r#"{"type":"token","data":"xiao"}"#);
    hub.connect(2, Some("ada"), None);
    hub.got(1);
    hub.got(2);
    hub.say(1, r#"{"event":"message","data":1,"ref":[1.0]}"#);
    let typed = message(1, "xiao", "1").replace("\"event\"", "\"type\"");
    assert_eq!(hub.got(1), [r#"{"type":"ack","ref":[1.0],"id":1}"#, &typed]);
    assert_eq!(hub.got(2), [message(1, "xiao", "1")]);
}

#[test]
fn messages_to_a_user_who_is_away_come_once() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    for number in 1..=250 {
        hub.say(
            1,
            &format!(r#"{{"event":"message","to":"ada","data":{number},"echo":false}}"#),
        );
        hub.say(1, r#"{"event":"message","data":"x","echo":false}"#);
    }
    hub.connect(2, Some("ada"), None);
    // What is pending begins with 1, so a client that goes on from `last` gets all of it.
    let first = hub.got(2);
    assert_eq!(first.len(), 101);
    assert_eq!(first[0], connected("ada", 2, 0, ""));
    // It gets notices meanwhile, and no messages out of their turn.
    hub.say(1, r#"{"event":"message","data":"late","echo":false}"#);
    hub.connect(3, Some("bob"), None);
    assert_eq!(
        hub.got(2),
        [r#"{"event":"online","data":{"user":"bob","clients":3}}"#]
    );
    hub.drain();
    let rest = hub.got(2);
    let expected: Vec<String> = (101..=250)
        .map(|number| to(number * 2 - 1, "xiao", "ada", &number.to_string()))
        .chain([message(501, "xiao", r#""late""#)])
        .collect();
    assert_eq!(rest, expected);
    hub.end(2);
    hub.connect(4, Some("ada"), None);
    assert_eq!(hub.got(4), [connected("ada", 3, 501, "")]);
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let retention = Retention {
        count: Some(3),
        age: None,
    };
    let mut hub = Hub::new(&[], retention);
    hub.connect(1, Some("xiao"), None);
    for number in 1..=5 {
        hub.say(1, &format!(r#"{{"event":"message","data":{number}}}"#));
    }
    let kept = |from: Id| (from..=5).map(|id| message(id, "xiao", &id.to_string()));
    for (after, more, from) in [
        (5, r#","recovered":true"#, 6),
        (2, r#","recovered":true"#, 3),
        (4, r#","recovered":true"#, 5),
        (1, r#","recovered":false,"oldest":3"#, 3),
        (0, r#","recovered":false,"oldest":3"#, 3),
        (6, r#","recovered":false,"oldest":3"#, 3),
    ] {
        // Twice without traffic in between.
        for _ in 0..2 {
            hub.connect(2, Some("xiao"), Some(after));
            let expected: Vec<String> = [connected("xiao", 2, 5, more)]
                .into_iter()
                .chain(kept(from))
                .collect();
            assert_eq!(hub.got(2), expected, "{after}");
            hub.end(2);
        }
    }
    // A client that never got a message goes on from the `last` that it was told.
    hub.connect(3, Some("ada"), None);
    assert_eq!(hub.got(3), [connected("ada", 2, 5, "")]);
    hub.end(3);
    hub.connect(3, Some("ada"), Some(5));
    assert_eq!(hub.got(3), [connected("ada", 2, 5, r#","recovered":true"#)]);
}

#[test]
fn a_slow_store_reorders_and_loses_nothing() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    hub.got(1);
    hub.held = Some(Vec::new());
    hub.say(1, r#"{"event":"message","data":1,"ref":1}"#);
    hub.say(1, "nonsense");
    hub.say(1, r#"{"event":"message","data":2,"ref":2}"#);
    hub.say(1, r#"{"event":"clients"}"#);
    hub.say(1, r#"{"event":"message","data":3,"ref":3}"#);
    assert_eq!(hub.got(1), ["pause"]);
    // Both messages are with the store, and nothing that comes after another request is.
    let held = hub.held.take().unwrap();
    assert_eq!(held.len(), 2);
    for (ticket, request) in held {
        hub.store.request(ticket, request);
    }
    hub.run();
    let got = hub.got(1);
    let kinds: Vec<&str> = got
        .iter()
        .map(|text| text.split('"').nth(3).unwrap_or(text))
        .collect();
    assert_eq!(
        kinds,
        [
            "ack", "error", "message", "ack", "message", "clients", "resume", "ack", "message"
        ]
    );
}

#[test]
fn what_a_client_sent_before_it_went_is_stored() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    hub.held = Some(Vec::new());
    hub.say(1, r#"{"event":"clients"}"#);
    hub.say(1, r#"{"event":"message","data":1}"#);
    hub.end(1);
    let held = hub.held.take().unwrap();
    assert!(matches!(
        held.iter().map(|(_, request)| request).collect::<Vec<_>>()[..],
        [Request::Clients, Request::Append(_), Request::Depart { .. }]
    ));
}

#[test]
fn too_many_requests_under_way_pause_their_connection() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    hub.got(1);
    hub.held = Some(Vec::new());
    for _ in 0..MAX_REQUESTS {
        hub.say(1, r#"{"event":"message","data":1,"echo":false}"#);
    }
    assert_eq!(hub.got(1), ["pause"]);
    for (ticket, request) in hub.held.take().unwrap() {
        hub.store.request(ticket, request);
    }
    hub.run();
    assert_eq!(hub.got(1), ["resume"]);
}

#[test]
fn one_large_answer_at_a_time_is_asked_for() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    hub.got(1);
    for request in [
        r#"{"event":"history","room":"news"}"#,
        r#"{"event":"clients"}"#,
    ] {
        hub.held = Some(Vec::new());
        hub.say(1, request);
        assert_eq!(hub.got(1), ["pause"]);
        for (ticket, request) in hub.held.take().unwrap() {
            hub.store.request(ticket, request);
        }
        hub.run();
        // There is room for the answer before more is read.
        let got = hub.got(1);
        assert!(got[0].starts_with('{') && got[1..] == ["resume"], "{got:?}");
    }
}

#[test]
fn a_store_that_begins_anew_ends_every_connection() {
    let mut hub = hub();
    hub.connect(1, Some("xiao"), None);
    hub.connect(2, None, None);
    hub.got(1);
    hub.machine.handle_store(FromStore::Reset);
    hub.run();
    assert_eq!(
        hub.got(1),
        ["close 1012 the hub begins anew: connect again"]
    );
    assert!(hub.got(2).is_empty());
    hub.held = Some(Vec::new());
    hub.end(1);
    assert!(hub.held.unwrap().is_empty());
}

#[test]
fn a_user_is_in_no_more_rooms_than_allowed() {
    let options = Options {
        max_rooms: 2,
        ..Options::default()
    };
    let mut hub = Hub::with(&options, Retention::default());
    hub.connect(1, Some("xiao"), None);
    hub.connect(2, Some("xiao"), None);
    hub.held = Some(Vec::new());
    hub.say(1, r#"{"event":"join","room":"news"}"#);
    hub.say(2, r#"{"event":"join","room":"art"}"#);
    hub.say(1, r#"{"event":"join","room":"film","ref":7}"#);
    hub.got(1);
    // The first connection has gone on; the store decides in the order in which it was asked.
    while let Some((ticket, request)) = hub.held.as_mut().and_then(|held| held.pop()) {
        hub.store.request(ticket, request);
        hub.run();
    }
    let refused = r#"{"event":"error","data":"parameter error","detail":"a user can be in 2 rooms (--max-rooms); leave one to join this one","ref":7}"#;
    let got = hub.got(1);
    assert!(got.contains(&refused.to_owned()), "{got:?}");
    hub.held = None;
    hub.say(2, r#"{"event":"leave","room":"art"}"#);
    hub.got(1);
    hub.say(1, r#"{"event":"join","room":"film"}"#);
    let joined = r#"{"event":"join","room":"film"}"#.to_owned();
    assert!(hub.got(1).contains(&joined));
}

#[test]
fn more_users_than_allowed_come_again_later() {
    let options = Options {
        max_users: 1,
        ..Options::default()
    };
    let mut hub = Hub::with(&options, Retention::default());
    hub.connect(1, Some("xiao"), None);
    hub.connect(2, Some("xiao"), None);
    hub.connect(3, None, None);
    hub.got(1);
    hub.say(3, r#"{"event":"token","data":"ada"}"#);
    hub.connect(4, Some("ada"), None);
    let full = ["close 1013 1 users are connected (--max-users)"];
    assert_eq!(hub.got(3), full);
    assert_eq!(hub.got(4), full);
    // Others hear nothing of them, also when they end.
    for conn in [3, 4] {
        hub.end(conn);
    }
    assert!(hub.got(1).is_empty());
    hub.end(1);
    hub.connect(5, Some("ada"), None);
    assert_eq!(hub.got(5), full);
    hub.end(2);
    hub.connect(6, Some("ada"), None);
    assert_eq!(hub.got(6), [connected("ada", 1, 0, "")]);
}

#[test]
fn nobody_is_told_of_the_others_when_all_end() {
    let mut hub = hub();
    for conn in 1..=2 {
        hub.connect(conn, Some("xiao"), None);
    }
    hub.machine.stop();
    hub.say(1, r#"{"event":"message","data":1}"#);
    hub.got(2);
    hub.end(1);
    assert!(hub.got(2).is_empty());
    // What was sent is stored all the same.
    hub.end(2);
    hub.connect(3, Some("xiao"), Some(0));
    assert!(hub.got(3).contains(&message(1, "xiao", "1")));
}

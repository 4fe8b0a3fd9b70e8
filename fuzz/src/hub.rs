//! The rules of the event hub: any clients that connect, say anything, and end, at any time, over a
//! store that may be slow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use wirecat::internals::message::Message;
use wirecat::internals::serve::hub::Options;
use wirecat::internals::serve::hub::simulation::{Seen, Simulation};

use super::input::Input;

const USERS: [&str; 4] = ["xiao", "ada", "bo", "\u{202e}cy"];
const ROOMS: [&str; 3] = ["news", "art", "a/b"];

/// Requests of a connection that may wait; the hub pauses it there.
const MOST_WAITING: usize = 64;

/// Connections at a time.
const MOST_CONNECTIONS: usize = 24;

/// What a client has seen.
#[derive(Debug, Default)]
struct Client {
    is_paused: bool,
    is_closed: bool,
    /// The word of its messages, once one has come.
    word: Option<&'static str>,
    is_connected: bool,
    /// What it had when it connected, if it said so and nothing had been forgotten.
    resumed_after: Option<u64>,
    received: Vec<u64>,
}

/// The hub and what is known of it.
struct World {
    hub: Simulation,
    clients: BTreeMap<u64, Client>,
    connections: u64,
    /// Ids of messages to everyone.
    to_everyone: BTreeSet<u64>,
    stored: u64,
    /// Some messages may have been forgotten, or the hub may have begun anew.
    is_lossy: bool,
}

/// Input: a byte of options, and then steps; see [`World::step`].
///
/// # Panics
/// Where the hub does, where a connection gets a message twice, out of order, or not at all, and where
/// more waits for it than may.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let switches = input.byte();
    let options = Options {
        max_rooms: usize::from(switches & 3),
        max_users: usize::from(switches >> 2 & 3),
        retain_count: (switches & 16 != 0).then_some(5),
        ..Options::default()
    };
    let mut world = World {
        hub: Simulation::new(&options, Instant::now()),
        clients: BTreeMap::new(),
        connections: 0,
        to_everyone: BTreeSet::new(),
        stored: 0,
        is_lossy: switches & 16 != 0,
    };
    while !input.is_empty() {
        world.step(&mut input);
        world.look();
    }
    world.settle();
}

impl World {
    /// A byte of what happens and to whom, and what that needs.
    fn step(&mut self, input: &mut Input<'_>) {
        let step = input.byte();
        let user = USERS[usize::from(step >> 4 & 3)];
        match step & 0xf {
            0 => self.connect(Some(user), None),
            1 => self.connect(Some(user), Some(u64::from(input.byte()))),
            2 => self.connect(Some(user), self.clients.values().find_map(last)),
            3 => self.connect(None, None),
            4 | 5 => {
                let conn = self.choose(input);
                let code = 1000 + u16::from(step >> 4);
                self.end(conn, code);
            }
            6 => self.hub.drain(),
            7 => self
                .hub
                .pass(Duration::from_millis(u64::from(input.byte()) * 100)),
            8 => self.hub.set_slow(step & 16 != 0),
            9 => self.hub.answer(usize::from(step >> 4) + 1),
            10 if step == 0xfa => {
                self.is_lossy = true;
                self.hub.reset();
            }
            _ => {
                let conn = self.choose(input);
                let message = message(step, input);
                self.say(conn, &message);
            }
        }
    }

    fn connect(&mut self, user: Option<&str>, after: Option<u64>) {
        if self.clients.len() >= MOST_CONNECTIONS {
            let oldest = self.clients.keys().next().copied();
            self.end(oldest.unwrap_or_default(), 1006);
        }
        self.connections += 1;
        let client = Client {
            resumed_after: after.filter(|after| !self.is_lossy && *after <= self.stored),
            ..Client::default()
        };
        self.clients.insert(self.connections, client);
        self.hub.connect(self.connections, user, after);
    }

    fn end(&mut self, conn: u64, code: u16) {
        self.clients.remove(&conn);
        self.hub.end(conn, code);
    }

    /// A connection that is there, or one that is not.
    fn choose(&self, input: &mut Input<'_>) -> u64 {
        let number = usize::from(input.byte());
        let nth = number.checked_rem(self.clients.len());
        let conn = nth.and_then(|nth| self.clients.keys().nth(nth));
        conn.copied().unwrap_or_default()
    }

    /// A paused connection is not read.
    fn say(&mut self, conn: u64, message: &Message) {
        if self.clients.get(&conn).is_some_and(|it| !it.is_paused) {
            self.hub.say(conn, message);
            self.look();
            assert!(self.hub.waiting(conn) <= MOST_WAITING);
        }
    }

    /// Checks what has happened.
    fn look(&mut self) {
        while let Some(seen) = self.hub.seen() {
            match seen {
                Seen::Stored { id, to_everyone } => {
                    assert_eq!(id, self.stored + 1);
                    self.stored = id;
                    if to_everyone {
                        self.to_everyone.insert(id);
                    }
                }
                Seen::Sent(conn, message) => {
                    let client = self.clients.get_mut(&conn);
                    client.expect("it is connected").receive(&message);
                }
                Seen::Closed(conn, close) => {
                    assert!(close.reason.len() <= 123, "{close:?}");
                    let client = self.clients.get_mut(&conn);
                    let was_closed = &mut client.expect("it is connected").is_closed;
                    assert!(!std::mem::replace(was_closed, true), "closed twice");
                }
                Seen::Paused(conn, is_paused) => {
                    let client = self.clients.get_mut(&conn);
                    let was_paused = &mut client.expect("it is connected").is_paused;
                    assert_ne!(std::mem::replace(was_paused, is_paused), is_paused);
                }
            }
        }
    }

    /// Once everything has been answered and sent, nothing is missing.
    fn settle(&mut self) {
        self.hub.set_slow(false);
        // A page brings one message at least.
        for _ in 0..=self.stored {
            self.hub.drain();
            self.look();
        }
        let clients = std::mem::take(&mut self.clients);
        for (conn, client) in &clients {
            // The store may owe something to one that was closed.
            if client.is_closed {
                continue;
            }
            assert_eq!(self.hub.waiting(*conn), 0);
            assert!(!client.is_paused);
            if client.is_connected && !self.is_lossy {
                client.misses_nothing(&self.to_everyone);
            }
        }
        for conn in clients.into_keys() {
            self.hub.end(conn, 1001);
        }
        while let Some(seen) = self.hub.seen() {
            assert!(!matches!(seen, Seen::Stored { .. }), "{seen:?}");
        }
    }
}

/// The last message that a client got.
fn last(client: &Client) -> Option<u64> {
    client.received.last().copied()
}

impl Client {
    fn receive(&mut self, message: &Message) {
        let text = message.as_text().expect("the hub sends text");
        let value: Value = serde_json::from_str(text).expect("the hub sends JSON");
        let word = if value.get("event").is_some() {
            "event"
        } else {
            "type"
        };
        let event = value[word].as_str().expect("a word");
        match event {
            "connected" => {
                assert!(!std::mem::replace(&mut self.is_connected, true));
                self.word = Some(word);
            }
            "message" => {
                assert!(self.is_connected, "{text}");
                let id = value["id"].as_u64().expect("an id");
                let before = self.received.last();
                assert!(before.is_none_or(|before| *before < id), "{text}");
                self.received.push(id);
            }
            "ack" => assert!(value["id"].is_u64() && value.get("ref").is_some(), "{text}"),
            "join" | "leave" | "history" | "clients" | "error" | "online" | "offline"
            | "closed" => {}
            _ => panic!("{text}"),
        }
    }

    /// From what it had, or from the first message to everyone that it got.
    fn misses_nothing(&self, to_everyone: &BTreeSet<u64>) {
        let got: BTreeSet<u64> = self.received.iter().copied().collect();
        let mut got = got.intersection(to_everyone).copied();
        let after = match self.resumed_after {
            Some(after) => after,
            None => match got.clone().next() {
                Some(first) => first - 1,
                None => return,
            },
        };
        let expected = to_everyone.range(after + 1..).copied();
        assert!(expected.eq(got.by_ref()), "{self:?} {to_everyone:?}");
    }
}

/// A message of a client: one that the hub knows, with names of few letters, or any bytes at all.
fn message(step: u8, input: &mut Input<'_>) -> Message {
    let word = if step & 16 == 0 { "event" } else { "type" };
    let what = input.byte();
    let room = ROOMS[usize::from(what >> 4) % ROOMS.len()];
    let user = USERS[usize::from(what >> 6)];
    let json = match what & 0xf {
        0..4 => format!(r#"{{"{word}":"message","data":{what},"ref":{what}}}"#),
        4 => format!(r#"{{"{word}":"message","data":{what},"room":"{room}","ref":"x"}}"#),
        5 => format!(r#"{{"{word}":"message","data":[{what}],"to":"{user}","ref":null}}"#),
        6 => format!(r#"{{"{word}":"message","data":{{}},"echo":false}}"#),
        7 => format!(r#"{{"{word}":"join","room":"{room}"}}"#),
        8 => format!(r#"{{"{word}":"leave","room":"{room}"}}"#),
        9 => format!(r#"{{"{word}":"history","room":"{room}","after":{what}}}"#),
        10 => format!(r#"{{"{word}":"clients","ref":[]}}"#),
        11 => format!(r#"{{"{word}":"token","data":"{user}"}}"#),
        12 => format!(
            r#"{{"{word}":"token","data":"{user}","after":{}}}"#,
            what >> 4
        ),
        13 => return Message::binary(input.bytes(usize::from(what >> 4)).to_vec()),
        _ => {
            let len = usize::from(input.byte());
            let bytes = input.bytes(len);
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    Message::text(json)
}

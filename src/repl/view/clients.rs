//! The clients of `wirecat listen`, as far as the person has been shown them: who is there, what they
//! asked for, and the words for that in `/clients` and `/headers`. Pure: what it returns may hold a peer's
//! words, and the caller makes it safe to print.

use std::collections::BTreeMap;
use std::time::Instant;

use super::connection::Amount;
use crate::event::{Event, Heads, Opened, Recipients};
use crate::output::brief;

/// A client that is connected.
#[derive(Debug)]
struct Client {
    /// Its address and its request.
    name: String,
    heads: Heads,
    since: Instant,
    sent: Amount,
    received: Amount,
}

/// The clients that are connected, by their numbers.
#[derive(Debug, Default)]
pub struct Clients {
    connected: BTreeMap<u32, Client>,
    /// For whom a line is.
    pub recipients: Recipients,
    /// The highest number so far.
    last: u32,
}

impl Clients {
    /// Takes note of an event; `heads` are those of the last handshake. Returns whether somebody has
    /// come or gone.
    pub fn learn(&mut self, now: Instant, event: &Event<'_>, heads: &Heads) -> bool {
        match event {
            Event::Open { conn, opened } => {
                let client = Client {
                    name: name_of(opened),
                    heads: heads.clone(),
                    since: now,
                    sent: Amount::default(),
                    received: Amount::default(),
                };
                self.connected.insert(*conn, client);
                self.last = self.last.max(*conn);
                true
            }
            Event::Close { conn, .. } => self.connected.remove(conn).is_some(),
            Event::Send { conn, message, .. } => {
                if let Some(client) = self.connected.get_mut(conn) {
                    client.sent.add(message.len());
                }
                false
            }
            _ => false,
        }
    }

    /// A data message of `bytes` bytes came from a client.
    pub fn handle_received(&mut self, number: u32, bytes: usize) {
        if let Some(client) = self.connected.get_mut(&number) {
            client.received.add(bytes);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.connected.len()
    }

    /// Whether this is the number of a client that is connected.
    pub fn is_connected(&self, number: u32) -> bool {
        self.connected.contains_key(&number)
    }

    /// Whether somebody is there for whom it is.
    ///
    /// # Errors
    /// That nobody is.
    pub fn reach(&self, recipients: Recipients) -> Result<(), String> {
        match recipients {
            Recipients::All if self.connected.is_empty() => {
                Err("not sent: no client is connected".to_owned())
            }
            Recipients::One(number) if !self.is_connected(number) => {
                Err(format!("not sent: {}", self.missing(number)))
            }
            Recipients::All | Recipients::One(_) => Ok(()),
        }
    }

    /// Why there is no client of this number.
    fn missing(&self, number: u32) -> String {
        match number {
            1.. if number <= self.last => {
                format!("client {number} has gone (/to all sends to those who are there)")
            }
            _ => format!("there is no client {number}; /clients lists them"),
        }
    }

    /// The client with the number that was typed.
    ///
    /// # Errors
    /// There is none.
    pub fn named(&self, number: &str) -> Result<u32, String> {
        let digits = number.trim_start_matches('#');
        let number = digits
            .parse()
            .map_err(|_| format!("'{number}' is no number of a client; /clients lists them"))?;
        match self.is_connected(number) {
            true => Ok(number),
            false => Err(self.missing(number)),
        }
    }

    /// The handshake of a client.
    pub fn heads(&self, number: u32) -> Option<&Heads> {
        self.connected.get(&number).map(|client| &client.heads)
    }

    /// What `/clients` prints.
    pub fn list(&self, now: Instant) -> String {
        if self.connected.is_empty() {
            return "no client is connected\n".to_owned();
        }
        let lines = self.connected.iter().map(|(number, client)| {
            let mark = match self.recipients {
                Recipients::One(one) if one == *number => "*",
                _ => " ",
            };
            let time = brief(now.saturating_duration_since(client.since));
            let (sent, received) = (client.sent.messages, client.received.messages);
            let name = &client.name;
            format!("{mark}[{number}] {name}, for {time}: {received} received, {sent} sent\n")
        });
        lines.collect()
    }

    /// For whom lines are, as a sentence.
    pub fn addressed(&self) -> String {
        match self.recipients {
            Recipients::All => "lines go to all clients\n".to_owned(),
            Recipients::One(number) => format!("lines go to client {number}; /to all ends that\n"),
        }
    }
}

/// What a client asked for, and its address: `/chat 127.0.0.1:50000`.
pub fn asked_for(opened: &Opened) -> String {
    let target = opened.asked.as_ref().map(|asked| asked.target.clone());
    let address = opened.address.as_ref().map(ToString::to_string);
    let parts: Vec<_> = target.into_iter().chain(address).collect();
    parts.join(" ")
}

/// `127.0.0.1:50000 GET /chat`
fn name_of(opened: &Opened) -> String {
    let address = opened.address.as_ref().map(ToString::to_string);
    let request = opened.asked.as_ref();
    let request = request.map(|asked| format!("{} {}", asked.method, asked.target));
    let parts: Vec<_> = address.into_iter().chain(request).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::close::Close;
    use crate::event::{Asked, By, Timing};
    use crate::message::Message;

    fn opened(port: u16, target: &str) -> Opened {
        Opened {
            address: Some(std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()),
            proxy: None,
            status: 101,
            http: "1.1",
            subprotocol: None,
            extensions: None,
            compression: None,
            tls: None,
            timing: Timing::default(),
            asked: Some(Asked {
                method: "GET".to_owned(),
                target: target.to_owned(),
                headers: Vec::new(),
            }),
        }
    }

    #[test]
    fn clients_come_and_go_with_their_numbers() {
        let now = Instant::now();
        let mut clients = Clients::default();
        assert_eq!(clients.list(now), "no client is connected\n");
        assert!(clients.reach(Recipients::All).is_err());
        for (conn, port, target) in [(1, 50_001, "/a"), (2, 50_002, "/b?x=1")] {
            let opened = &opened(port, target);
            let heads = Heads {
                request: target.as_bytes().to_vec(),
                response: Vec::new(),
            };
            assert!(clients.learn(now, &Event::Open { conn, opened }, &heads));
        }
        let message = &Message::text("hi");
        let sent = Event::Send {
            conn: 2,
            message,
            number: None,
            origin: None,
        };
        assert!(!clients.learn(now, &sent, &Heads::default()));
        clients.handle_received(1, 3);
        clients.recipients = Recipients::One(2);
        assert_eq!(
            clients.list(now + Duration::from_secs(2)),
            " [1] 127.0.0.1:50001 GET /a, for 2.0s: 1 received, 0 sent\n\
             *[2] 127.0.0.1:50002 GET /b?x=1, for 2.0s: 0 received, 1 sent\n"
        );
        assert_eq!(clients.named("2"), Ok(2));
        assert_eq!(clients.heads(2).unwrap().request, b"/b?x=1");
        let close = Event::Close {
            conn: 2,
            by: By::Peer,
            origin: None,
            close: &Close::normal(),
            clean: true,
        };
        assert!(clients.learn(now, &close, &Heads::default()));
        assert!(!clients.learn(now, &close, &Heads::default()));
        assert!(clients.reach(Recipients::All).is_ok());
        let gone = clients.reach(Recipients::One(2)).unwrap_err();
        assert_eq!(
            gone,
            "not sent: client 2 has gone (/to all sends to those who are there)"
        );
        let never = clients.named("7").unwrap_err();
        assert_eq!(never, "there is no client 7; /clients lists them");
        assert!(clients.named("x").unwrap_err().contains("'x'"));
    }
}

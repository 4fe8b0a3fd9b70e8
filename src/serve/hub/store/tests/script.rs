//! Requests to a store and what must come of them, as text. A line is a request; the lines below it that
//! are indented are all that the store tells of it, in order, each with the number of the request that
//! made it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::super::{
    After, Answer, Change, Conn, Draft, Name, Output, Page, Recipient, Recovered, Request, Store,
    Stored, Ticket, View, Welcome,
};

/// A store that says nothing for this long says no more.
const SILENT: Duration = Duration::from_secs(30);

/// The tickets of what a script asks itself.
const OWN: u64 = 1 << 40;

/// A store, and what has been asked of it.
pub(in crate::serve) struct Script {
    pub(in crate::serve) store: Box<dyn Store>,
    asked: u64,
    barriers: u64,
    /// The time of the next messages.
    now: i64,
    pub(in crate::serve) epoch: Option<Arc<str>>,
}

impl Script {
    pub(in crate::serve) fn new(store: Box<dyn Store>) -> Script {
        Script {
            store,
            asked: 0,
            barriers: OWN,
            now: 0,
            epoch: None,
        }
    }

    /// Asks each line of a text once the one before is done.
    pub(in crate::serve) async fn run(&mut self, text: &str) {
        for (request, expected) in steps(text) {
            self.ask(request);
            assert_eq!(self.outputs().await, expected, "{request}");
        }
    }

    /// Asks all lines of a text at once. What comes of them is the same.
    pub(in crate::serve) async fn run_at_once(&mut self, text: &str) {
        let mut all = Vec::new();
        for (request, expected) in steps(text) {
            self.ask(request);
            all.extend(expected);
        }
        assert_eq!(self.outputs().await, all);
    }

    /// Hands over the request of a line.
    #[track_caller]
    pub(in crate::serve) fn ask(&mut self, line: &str) {
        if let Some(now) = line.strip_prefix("now ") {
            self.now = now.parse().unwrap();
            return;
        }
        self.asked += 1;
        let request = self.request(line);
        self.store.request(Ticket(self.asked), request);
    }

    /// What comes of all that has been asked.
    pub(in crate::serve) async fn outputs(&mut self) -> Vec<String> {
        self.barriers += 1;
        let barrier = Ticket(self.barriers);
        self.store.request(barrier, Request::Clients);
        let mut outputs = Vec::new();
        loop {
            match self.next().await {
                Output::Answer(_, ticket) if ticket == barrier => return outputs,
                output => outputs.push(self.written(&output)),
            }
        }
    }

    pub(in crate::serve) async fn next(&mut self) -> Output {
        let next = poll_fn(|cx| self.store.poll_output(cx));
        tokio::time::timeout(SILENT, next).await.unwrap()
    }

    fn request(&self, line: &str) -> Request {
        let words: Vec<_> = line.split(' ').collect();
        let id = |text: &str| text.parse().unwrap();
        match words[..] {
            ["append", from, to, data] => Request::Append(self.draft(from, to, data, true)),
            ["append", from, to, data, "quiet"] => {
                Request::Append(self.draft(from, to, data, false))
            }
            ["arrive", conn, user] => arrive(conn, user, None),
            ["arrive", conn, user, "after", after] => arrive(conn, user, Some((after, None))),
            ["arrive", conn, user, "after", after, "same"] => {
                arrive(conn, user, Some((after, self.epoch.clone())))
            }
            ["arrive", conn, user, "after", after, "other"] => {
                arrive(conn, user, Some((after, Some("other".into()))))
            }
            ["depart", conn, code, reason, delivered] => Request::Depart {
                conn: Conn(id(conn)),
                code: code.parse().unwrap(),
                reason: reason.into(),
                delivered: id(delivered),
            },
            ["join", user, room] => join(user, room, None),
            ["join", user, room, "most", most] => join(user, room, Some(id(most))),
            ["leave", user, room] => Request::Leave {
                user: user.into(),
                room: room.into(),
            },
            ["page", user, direct, other, limit] => page(
                View::User {
                    user: user.into(),
                    direct_after: id(direct),
                    other_after: id(other),
                },
                limit,
            ),
            ["room", room, after, limit] => page(
                View::Room {
                    room: room.into(),
                    after: id(after),
                },
                limit,
            ),
            ["clients"] => Request::Clients,
            ["rooms"] => Request::Rooms,
            ["delivered", user, upto] => Request::Delivered {
                user: user.into(),
                id: id(upto),
            },
            ["prune"] => Request::Prune { now: self.now },
            _ => panic!("{line}"),
        }
    }

    fn draft(&self, from: &str, to: &str, data: &str, echo: bool) -> Draft {
        let to = match (to, to.get(1..)) {
            ("*", _) => Recipient::Everyone,
            (to, Some(name)) if to.starts_with('#') => Recipient::Room(name.into()),
            (_, name) => Recipient::User(name.unwrap().into()),
        };
        Draft {
            from: from.into(),
            to,
            data: data.into(),
            at: self.now,
            echo,
        }
    }

    fn written(&mut self, output: &Output) -> String {
        let (number, text) = match output {
            Output::Change(change, ticket) => (ticket.unwrap(), change_text(change)),
            Output::Answer(answer, ticket) => {
                if let Answer::Welcome(welcome) = answer {
                    let epoch = self.epoch.get_or_insert_with(|| welcome.epoch.clone());
                    assert_eq!(*epoch, welcome.epoch);
                }
                (*ticket, answer_text(answer))
            }
            Output::Reset => panic!("{output:?}"),
        };
        format!("{} {text}", number.0)
    }
}

/// Requests and what must come of each.
fn steps(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut steps = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.strip_prefix("  ") {
            None => steps.push((line, Vec::new())),
            Some(output) => steps.last_mut().unwrap().1.push(output.to_owned()),
        }
    }
    steps
}

fn arrive(conn: &str, user: &str, after: Option<(&str, Option<Arc<str>>)>) -> Request {
    Request::Arrive {
        conn: Conn(conn.parse().unwrap()),
        user: user.into(),
        after: after.map(|(id, epoch)| After {
            id: id.parse().unwrap(),
            epoch,
        }),
    }
}

fn join(user: &str, room: &str, most: Option<u64>) -> Request {
    Request::Join {
        user: user.into(),
        room: room.into(),
        most,
    }
}

fn page(view: View, limit: &str) -> Request {
    let limit = limit.parse().unwrap();
    Request::Page { view, limit }
}

fn change_text(change: &Change) -> String {
    match change {
        Change::Message(stored) => format!("message {}", message_text(stored)),
        Change::Joined { user, room } => format!("joined {user} {room}"),
        Change::Left { user, room } => format!("left {user} {room}"),
        Change::Online { user, clients } => format!("online {user} {clients}"),
        Change::Offline { user, clients } => format!("offline {user} {clients}"),
        Change::Closed { user, code, reason } => format!("closed {user} {code} {reason}"),
    }
}

fn message_text(Stored { id, draft }: &Stored) -> String {
    let to = match &draft.to {
        Recipient::Everyone => "*".to_owned(),
        Recipient::Room(name) => format!("#{name}"),
        Recipient::User(name) => format!("@{name}"),
    };
    let quiet = if draft.echo { "" } else { " quiet" };
    format!(
        "{id} {}>{to} {} {}{quiet}",
        draft.from, draft.data, draft.at
    )
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Welcome(welcome) => welcome_text(welcome),
        Answer::Joined => "joins".to_owned(),
        Answer::TooManyRooms => "is in too many rooms".to_owned(),
        Answer::Left => "leaves".to_owned(),
        Answer::Page(page) => page_text(page),
        Answer::Clients { users, clients } => format!("clients {clients}: {}", names(users)),
        Answer::Rooms(rooms) => format!("rooms: {}", names(rooms)),
        Answer::Failed(why) => format!("failed: {why}"),
    }
}

fn welcome_text(welcome: &Welcome) -> String {
    let mut text = format!("welcome {} last {}", welcome.clients, welcome.last);
    if !welcome.rooms.is_empty() {
        text += &format!(" in {}", names(&welcome.rooms));
    }
    if welcome.delivered > 0 {
        text += &format!(" delivered {}", welcome.delivered);
    }
    if let Some(id) = welcome.first_pending {
        text += &format!(" pending {id}");
    }
    match welcome.recovered {
        None => text,
        Some(Recovered::Yes) => text + " recovered",
        Some(Recovered::No { oldest }) => format!("{text} oldest {oldest}"),
    }
}

fn page_text(page: &Page) -> String {
    let messages = page.messages.iter();
    let messages: Vec<_> = messages.map(|stored| message_text(stored)).collect();
    let end = match page.complete {
        Some(last) => format!("complete {last}"),
        None => "more".to_owned(),
    };
    format!("page [{}] {end}", messages.join(", "))
}

fn names(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(|name| &**name).collect();
    names.join(" ")
}

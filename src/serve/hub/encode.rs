//! What the hub says, as JSON. Pure. What goes to several connections is made once for each word, and
//! shared.

use jiff::Timestamp;

use super::envelope::Word;
use super::store::{Id, Name, Recipient, Recovered, Stored, Welcome};
use crate::json::string::push_string;
use crate::message::{Kind, Message};

/// Bytes of messages in one answer; the message that exceeds them is its last one.
const MAX_PAGE: usize = 4 << 20;

/// An object that is being written.
struct Object {
    out: Vec<u8>,
    started: bool,
}

impl Object {
    fn new() -> Self {
        Object {
            out: vec![b'{'],
            started: false,
        }
    }

    /// A message that begins with its word.
    fn event(word: Word, event: &str) -> Self {
        Object::new().string(word.as_str(), event)
    }

    fn name(&mut self, name: &str) {
        if self.started {
            self.out.push(b',');
        }
        self.started = true;
        push_string(name, &mut self.out);
        self.out.push(b':');
    }

    fn string(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        push_string(text, &mut self.out);
        self
    }

    /// A value as its JSON text.
    fn json(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    fn optional(self, name: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }

    fn number(self, name: &str, number: u64) -> Self {
        self.json(name, &number.to_string())
    }

    fn names(mut self, name: &str, names: &[Name]) -> Self {
        self.name(name);
        self.out.push(b'[');
        for (number, name) in names.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            push_string(name, &mut self.out);
        }
        self.out.push(b']');
        self
    }

    fn object(mut self, name: &str, object: Object) -> Self {
        self.name(name);
        self.out.extend_from_slice(&object.end());
        self
    }

    /// As many of the messages as an answer may have.
    fn messages(mut self, name: &str, messages: &[impl AsRef<Stored>]) -> Self {
        self.name(name);
        self.out.push(b'[');
        let start = self.out.len();
        for (number, message) in messages.iter().enumerate() {
            if self.out.len() - start > MAX_PAGE {
                break;
            }
            if number > 0 {
                self.out.push(b',');
            }
            let object = Object::new().stored(message.as_ref());
            self.out.extend_from_slice(&object.end());
        }
        self.out.push(b']');
        self
    }

    /// What a stored message consists of.
    fn stored(self, stored: &Stored) -> Self {
        let draft = &stored.draft;
        let object = self.number("id", stored.id).string("from", &draft.from);
        let object = match &draft.to {
            Recipient::Everyone => object,
            Recipient::Room(room) => object.string("room", room),
            Recipient::User(user) => object.string("to", user),
        };
        object
            .json("data", &draft.data)
            .string("at", &time(draft.at))
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    fn message(self) -> Message {
        let out = bytes::Bytes::from(self.end());
        // All that was written is UTF-8.
        Message::new(Kind::Text, out.clone()).unwrap_or(Message::Binary(out))
    }
}

/// RFC 3339, of milliseconds since the Unix epoch.
fn time(at: i64) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    format!("{at:.3}")
}

/// How a connection begins. `last` is where it goes on from, if it has to come back.
pub(super) fn connected(word: Word, user: &Name, welcome: &Welcome, last: Id) -> Message {
    let data = Object::new()
        .string("user", user)
        .number("clients", welcome.clients)
        .names("rooms", &welcome.rooms)
        .number("last", last)
        .string("epoch", &welcome.epoch);
    let data = match welcome.recovered {
        None => data,
        Some(Recovered::Yes) => data.json("recovered", "true"),
        Some(Recovered::No { oldest }) => data.json("recovered", "false").number("oldest", oldest),
    };
    Object::event(word, "connected")
        .object("data", data)
        .message()
}

/// The answer to `join` or `leave`.
pub(super) fn same(word: Word, event: &str, room: &Name, reference: Option<&str>) -> Message {
    let object = Object::event(word, event).string("room", room);
    object.optional("ref", reference).message()
}

/// A message is stored.
pub(super) fn ack(word: Word, reference: &str, id: Id) -> Message {
    let object = Object::event(word, "ack").json("ref", reference);
    object.number("id", id).message()
}

/// A message of a user.
pub(super) fn message(word: Word, stored: &Stored) -> Message {
    Object::event(word, "message").stored(stored).message()
}

/// Messages of a room.
pub(super) fn history(
    word: Word,
    room: &Name,
    messages: &[impl AsRef<Stored>],
    reference: Option<&str>,
) -> Message {
    let object = Object::event(word, "history").string("room", room);
    let object = object.messages("data", messages);
    object.optional("ref", reference).message()
}

/// Who is there.
pub(super) fn clients(
    word: Word,
    users: &[Name],
    clients: u64,
    reference: Option<&str>,
) -> Message {
    let data = Object::new()
        .names("users", users)
        .number("clients", clients);
    let object = Object::event(word, "clients").object("data", data);
    object.optional("ref", reference).message()
}

/// `online` or `offline`.
pub(super) fn presence(word: Word, event: &str, user: &Name, clients: u64) -> Message {
    let data = Object::new()
        .string("user", user)
        .number("clients", clients);
    Object::event(word, event).object("data", data).message()
}

/// `online` or `offline`, in a room.
pub(super) fn membership(
    word: Word,
    event: &str,
    user: &Name,
    room: &Name,
    clients: u64,
) -> Message {
    let data = Object::new()
        .string("user", user)
        .number("clients", clients);
    let object = Object::event(word, event).string("room", room);
    object.object("data", data).message()
}

/// A connection has ended.
pub(super) fn closed(word: Word, user: &Name, code: u16, reason: &str) -> Message {
    let data = Object::new()
        .string("user", user)
        .number("code", u64::from(code))
        .string("reason", reason);
    Object::event(word, "closed").object("data", data).message()
}

/// A message was not obeyed: `what` in two words, `detail` in a sentence.
pub(super) fn error(word: Word, what: &str, detail: &str, reference: Option<&str>) -> Message {
    let object = Object::event(word, "error").string("data", what);
    let object = object.string("detail", detail);
    object.optional("ref", reference).message()
}

/// `{"rooms":[…]}`, and likewise below: what HTTP answers with.
pub(super) fn rooms_body(rooms: &[Name]) -> Vec<u8> {
    Object::new().names("rooms", rooms).end()
}

pub(super) fn messages_body(messages: &[impl AsRef<Stored>]) -> Vec<u8> {
    Object::new().messages("messages", messages).end()
}

pub(super) fn clients_body(users: &[Name], clients: u64) -> Vec<u8> {
    let object = Object::new().names("users", users);
    object.number("clients", clients).end()
}

pub(super) fn error_body(sentence: &str) -> Vec<u8> {
    Object::new().string("error", sentence).end()
}

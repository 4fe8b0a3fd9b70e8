//! What Redis is asked: a request of the hub as the arguments of the script. Pure: it makes lists of
//! bytes, and never talks to Redis.

use redis::Cmd;

use super::super::{Draft, Id, Recipient, Request, Retention, Ticket, View};

/// The prefix of all keys. The braces put them on one node of a cluster.
const PREFIX: &str = "wirecat:{hub}:";

/// The key of the log of all changes.
pub(super) const LOG: &str = "wirecat:{hub}:log";

/// The script: every command of the hub.
pub(super) const SCRIPT: &str = include_str!("hub.lua");

/// The arguments of the script: the name of a command, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call(Vec<Vec<u8>>);

impl Call {
    pub(super) fn new(name: &str) -> Call {
        Call(vec![name.into()])
    }

    pub(super) fn text(mut self, text: &str) -> Call {
        self.0.push(text.into());
        self
    }

    pub(super) fn number(self, number: impl ToString) -> Call {
        self.text(&number.to_string())
    }

    /// A command that calls the script with this digest, which Redis has loaded.
    pub(super) fn command(&self, digest: &str) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(digest).arg(1).arg(PREFIX).arg(&self.0);
        command
    }
}

/// Who asks, and the number of the request: by it, the script knows a request that is made again after
/// its answer was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) process: &'a str,
    pub(super) number: u64,
    pub(super) ticket: Ticket,
    pub(super) retention: Retention,
}

impl Asking<'_> {
    fn once(&self, name: &str) -> Call {
        let call = Call::new(name).text(self.process);
        call.number(self.number).number(self.ticket.0)
    }

    /// For what changes nothing when it is done again.
    fn ticketed(&self, name: &str) -> Call {
        Call::new(name).text(self.process).number(self.ticket.0)
    }

    fn plain(&self, name: &str) -> Call {
        Call::new(name).text(self.process)
    }

    fn count(&self) -> String {
        self.retention
            .count
            .map_or(String::new(), |count| count.to_string())
    }

    /// The call that does what `request` asks for.
    pub(super) fn call(&self, request: &Request) -> Call {
        match request {
            Request::Append(draft) => self.append(draft),
            Request::Arrive { conn, user, after } => {
                let call = self.once("arrive").number(conn.0).text(user);
                let Some(after) = after else {
                    return call.text("").text("");
                };
                let epoch = after.epoch.as_deref().unwrap_or_default();
                call.number(after.id).text(epoch)
            }
            Request::Depart {
                conn,
                code,
                reason,
                delivered,
            } => {
                let call = self.ticketed("depart").number(conn.0).number(code);
                call.text(reason).number(delivered)
            }
            Request::Join { user, room, most } => {
                let call = self.ticketed("join").text(user).text(room);
                match most {
                    Some(most) => call.number(most),
                    None => call.text(""),
                }
            }
            Request::Leave { user, room } => self.ticketed("leave").text(user).text(room),
            Request::Page { view, limit } => self.page(view).number(limit),
            Request::Clients => self.plain("clients"),
            Request::Rooms => self.plain("rooms"),
            Request::Delivered { user, id } => self.plain("delivered").text(user).number(id),
            Request::Prune { now } => {
                let call = self.plain("prune").text(&self.count());
                match self.retention.age {
                    Some(age) => call.number(now.saturating_sub(age)),
                    None => call.text(""),
                }
            }
        }
    }

    fn append(&self, draft: &Draft) -> Call {
        let (kind, name) = match &draft.to {
            Recipient::Everyone => ("e", ""),
            Recipient::Room(name) => ("r", &**name),
            Recipient::User(name) => ("u", &**name),
        };
        let call = self.once("append").text(&self.count()).text(&draft.from);
        let call = call.text(kind).text(name).text(&draft.data);
        call.number(draft.at).number(u8::from(draft.echo))
    }

    fn page(&self, view: &View) -> Call {
        match view {
            View::User {
                user,
                direct_after,
                other_after,
            } => {
                let call = self.plain("user_page").text(user);
                call.number(direct_after).number(other_after)
            }
            View::Room { room, after } => self.plain("room_page").text(room).number(after),
        }
    }
}

/// What a process says when it comes: the epoch and the highest id that it has seen before.
pub(super) fn register(process: &str, lease: u128, epoch: &str, known: &str, highest: Id) -> Call {
    let call = Call::new("register").text(process).number(lease);
    call.text(epoch).text(known).number(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(request: &Request) -> String {
        let asking = Asking {
            process: "p",
            number: 3,
            ticket: Ticket(7),
            retention: Retention {
                count: Some(9),
                age: Some(1000),
            },
        };
        let words = asking.call(request).0;
        let words: Vec<_> = words
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        words.join("|")
    }

    #[test]
    fn requests_are_calls() {
        let draft = Draft {
            from: "xiao".into(),
            to: Recipient::Room("news".into()),
            data: "{}".into(),
            at: 5,
            echo: false,
        };
        assert_eq!(
            words(&Request::Append(draft)),
            "append|p|3|7|9|xiao|r|news|{}|5|0"
        );
        let arrive = Request::Arrive {
            conn: super::super::super::Conn(4),
            user: "xiao".into(),
            after: None,
        };
        assert_eq!(words(&arrive), "arrive|p|3|7|4|xiao||");
        let join = |most| Request::Join {
            user: "xiao".into(),
            room: "news".into(),
            most,
        };
        assert_eq!(words(&join(None)), "join|p|7|xiao|news|");
        assert_eq!(words(&join(Some(2))), "join|p|7|xiao|news|2");
        assert_eq!(words(&Request::Prune { now: 1500 }), "prune|p|9|500");
    }
}

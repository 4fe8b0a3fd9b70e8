//! What Redis says: answers of the script and entries of the log, decoded. Pure. What does not have the
//! form that the script gives it is an error, and never a panic or a guess.

use std::fmt;
use std::sync::Arc;

use redis::Value;

use super::super::{
    Answer, Change, Draft, Id, Name, Page, Recipient, Recovered, Request, Stored, Ticket, Welcome,
};

/// What came has not the form of an answer: keys that something else has written, or another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its keys are not those of a hub of this version")
    }
}

/// The answer of the script.
#[derive(Debug)]
pub(super) enum Reply {
    /// The number of the last entry of the log when it was done, and what the command says.
    Done(u64, Fields),
    /// The process is none of the hub any more.
    Lost,
}

impl Reply {
    pub(super) fn parse(value: Value) -> Result<Reply, Malformed> {
        let mut fields = Fields::of(value)?;
        match &*fields.text()? {
            "ok" => Ok(Reply::Done(fields.number()?, fields)),
            "lost" => Ok(Reply::Lost),
            _ => Err(Malformed),
        }
    }
}

/// The values of a list that are still to be read.
#[derive(Debug)]
pub(super) struct Fields(std::vec::IntoIter<Value>);

impl Fields {
    pub(super) fn of(value: Value) -> Result<Fields, Malformed> {
        match value {
            Value::Array(values) => Ok(Fields(values.into_iter())),
            Value::Nil => Ok(Fields(Vec::new().into_iter())),
            _ => Err(Malformed),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    fn next(&mut self) -> Result<Value, Malformed> {
        self.0.next().ok_or(Malformed)
    }

    pub(super) fn list(&mut self) -> Result<Fields, Malformed> {
        Fields::of(self.next()?)
    }

    pub(super) fn text(&mut self) -> Result<Arc<str>, Malformed> {
        match self.next()? {
            Value::BulkString(bytes) => {
                Ok(std::str::from_utf8(&bytes).map_err(|_| Malformed)?.into())
            }
            Value::SimpleString(text) => Ok(text.into()),
            Value::Int(number) => Ok(number.to_string().into()),
            _ => Err(Malformed),
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self) -> Result<N, Malformed> {
        self.text()?.parse().map_err(|_| Malformed)
    }

    /// The names of a field and its value, as entries of a stream have them.
    fn named(&mut self) -> Result<(), Malformed> {
        self.next().map(drop)
    }

    fn named_text(&mut self) -> Result<Arc<str>, Malformed> {
        self.named()?;
        self.text()
    }

    fn named_number<N: std::str::FromStr>(&mut self) -> Result<N, Malformed> {
        self.named()?;
        self.number()
    }

    /// The number of an entry, whose name is `NUMBER-0`.
    fn entry_number(&mut self) -> Result<u64, Malformed> {
        let name = self.text()?;
        let number = name.strip_suffix("-0").ok_or(Malformed)?;
        number.parse().map_err(|_| Malformed)
    }

    /// What is left, all of it names, in their order.
    pub(super) fn names(self) -> Result<Vec<Name>, Malformed> {
        let mut fields = self;
        let mut names = Vec::with_capacity(fields.0.len());
        while !fields.is_empty() {
            names.push(fields.text()?);
        }
        names.sort();
        Ok(names)
    }

    /// The fields of a message, from its sender on.
    fn draft(&mut self) -> Result<Draft, Malformed> {
        let from = self.named_text()?;
        let kind = self.named_text()?;
        let name = self.named_text()?;
        let to = match &*kind {
            "e" => Recipient::Everyone,
            "r" => Recipient::Room(name),
            "u" => Recipient::User(name),
            _ => return Err(Malformed),
        };
        Ok(Draft {
            from,
            to,
            data: self.named_text()?,
            at: self.named_number()?,
            echo: self.named_number::<u8>()? == 1,
        })
    }
}

/// What a request is answered, if it is answered at all.
pub(super) fn answer(request: &Request, mut fields: Fields) -> Result<Option<Answer>, Malformed> {
    Ok(match request {
        Request::Append(_) | Request::Depart { .. } => None,
        Request::Delivered { .. } | Request::Prune { .. } => None,
        Request::Join { .. } if fields.is_empty() => Some(Answer::Joined),
        Request::Join { .. } => Some(Answer::TooManyRooms),
        Request::Leave { .. } => Some(Answer::Left),
        Request::Arrive { .. } => Some(Answer::Welcome(Box::new(welcome(fields)?))),
        Request::Page { .. } => Some(Answer::Page(page(fields)?)),
        Request::Clients => Some(Answer::Clients {
            clients: fields.number()?,
            users: fields.list()?.names()?,
        }),
        Request::Rooms => Some(Answer::Rooms(fields.list()?.names()?)),
    })
}

fn welcome(mut fields: Fields) -> Result<Welcome, Malformed> {
    let (clients, last, epoch) = (fields.number()?, fields.number()?, fields.text()?);
    let (whole, oldest): (_, Id) = (fields.text()?, fields.number()?);
    let (delivered, pending): (_, Id) = (fields.number()?, fields.number()?);
    Ok(Welcome {
        clients,
        rooms: fields.list()?.names()?,
        last,
        epoch,
        recovered: match &*whole {
            "1" => Some(Recovered::Yes),
            "0" => Some(Recovered::No { oldest }),
            _ => None,
        },
        delivered,
        first_pending: (pending != 0).then_some(pending),
    })
}

fn page(mut fields: Fields) -> Result<Page, Malformed> {
    let last = fields.number()?;
    let complete = fields.number::<u8>()? == 1;
    let mut list = fields.list()?;
    let mut messages = Vec::with_capacity(list.0.len());
    while !list.is_empty() {
        let mut entry = list.list()?;
        let id = entry.entry_number()?;
        let draft = entry.list()?.draft()?;
        messages.push(Arc::new(Stored { id, draft }));
    }
    Ok(Page {
        messages,
        complete: complete.then_some(last),
    })
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// The process that asked for it, if one did.
    pub(super) origin: Arc<str>,
    pub(super) ticket: Ticket,
    pub(super) change: Change,
}

impl Entry {
    pub(super) fn parse(mut fields: Fields) -> Result<Entry, Malformed> {
        let number = fields.entry_number()?;
        let mut fields = fields.list()?;
        Ok(Entry {
            number,
            origin: fields.named_text()?,
            ticket: Ticket(fields.named_number()?),
            change: change(fields)?,
        })
    }
}

fn change(mut fields: Fields) -> Result<Change, Malformed> {
    let kind = fields.named_text()?;
    if &*kind == "message" {
        let id = fields.named_number()?;
        let draft = fields.draft()?;
        return Ok(Change::Message(Arc::new(Stored { id, draft })));
    }
    let user = fields.named_text()?;
    Ok(match &*kind {
        "joined" => Change::Joined {
            user,
            room: fields.named_text()?,
        },
        "left" => Change::Left {
            user,
            room: fields.named_text()?,
        },
        "online" => Change::Online {
            user,
            clients: fields.named_number()?,
        },
        "offline" => Change::Offline {
            user,
            clients: fields.named_number()?,
        },
        "closed" => Change::Closed {
            user,
            code: fields.named_number()?,
            reason: fields.named_text()?,
        },
        _ => return Err(Malformed),
    })
}

/// The entries that an XREAD of the log has found; none when it found nothing in its time.
pub(super) fn entries(value: Value) -> Result<Vec<Entry>, Malformed> {
    let mut streams = Fields::of(value)?;
    let mut entries = Vec::new();
    while !streams.is_empty() {
        let mut stream = streams.list()?;
        stream.named()?;
        let mut found = stream.list()?;
        while !found.is_empty() {
            entries.push(Entry::parse(found.list()?)?);
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| bulk(word)).collect())
    }

    fn entry(number: &str, words: &[&str]) -> Value {
        let mut fields = vec![bulk("o"), bulk("p"), bulk("t"), bulk("4")];
        for word in words {
            fields.extend([bulk("n"), bulk(word)]);
        }
        Value::Array(vec![bulk(number), Value::Array(fields)])
    }

    fn log(entries: Vec<Value>) -> Value {
        Value::Array(vec![Value::Array(vec![bulk("log"), Value::Array(entries)])])
    }

    #[test]
    fn entries_of_the_log() {
        let offline = entry("8-0", &["offline", "xiao", "2"]);
        let words = ["message", "3", "xiao", "u", "bo", "[1]", "-5", "0"];
        let found = entries(log(vec![offline, entry("9-0", &words)])).unwrap();
        assert_eq!(found[0].number, 8);
        assert_eq!(found[0].ticket, Ticket(4));
        let (user, clients) = ("xiao".into(), 2);
        assert_eq!(found[0].change, Change::Offline { user, clients });
        let draft = Draft {
            from: "xiao".into(),
            to: Recipient::User("bo".into()),
            data: "[1]".into(),
            at: -5,
            echo: false,
        };
        let stored = Arc::new(Stored { id: 3, draft });
        assert_eq!(found[1].change, Change::Message(stored));
        assert_eq!(entries(Value::Nil), Ok(Vec::new()));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for bad in [
            log(vec![entry("8-1", &["offline", "xiao", "2"])]),
            log(vec![entry("8-0", &["offline", "xiao"])]),
            log(vec![entry("8-0", &["gone", "xiao", "2"])]),
            log(vec![entry("8-0", &["offline", "xiao", "-2"])]),
            log(vec![Value::Nil]),
            bulk("log"),
        ] {
            assert_eq!(entries(bad.clone()), Err(Malformed), "{bad:?}");
        }
        assert!(Reply::parse(list(&["fine", "1"])).is_err());
        assert!(Reply::parse(list(&["ok", "-1"])).is_err());
        assert!(matches!(Reply::parse(list(&["lost"])), Ok(Reply::Lost)));
    }

    #[test]
    fn a_welcome() {
        let mut words: Vec<Value> = ["ok", "5", "2", "9", "e", "0", "7", "6", "0"]
            .map(bulk)
            .to_vec();
        words.push(list(&["b", "a"]));
        let Ok(Reply::Done(5, fields)) = Reply::parse(Value::Array(words)) else {
            panic!();
        };
        let welcome = welcome(fields).unwrap();
        assert_eq!(welcome.recovered, Some(Recovered::No { oldest: 7 }));
        assert_eq!((welcome.delivered, welcome.first_pending), (6, None));
        assert_eq!(welcome.rooms, ["a", "b"].map(Name::from));
    }
}

//! What a client of the hub says: from a message to a command. Pure. Whatever a client sends, it gets
//! either what it asks for or a sentence that says what is wrong and what to send instead.

use std::sync::Arc;

use super::store::{After, Id, Name, Recipient};
use crate::json::{grammar, text};
use crate::message::Message;
use crate::secret::Secret;

/// The longest name of a user or a room, in bytes.
const MAX_NAME: usize = 128;

/// Levels of nesting in a message. Parsers of other clients have such limits, and what one client
/// sends must not be what another cannot read.
const MAX_DEPTH: usize = 128;

/// How many messages a page may have, and has where nothing is said.
pub(super) const MAX_LIMIT: usize = 1000;
pub(super) const DEFAULT_LIMIT: usize = 100;

/// The member that says what a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Word {
    #[default]
    Event,
    Type,
}

impl Word {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Word::Event => "event",
            Word::Type => "type",
        }
    }
}

/// The `ref` of a message, as its JSON text.
pub(super) type Reference = Arc<str>;

/// A message of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The word that it used, if it did.
    pub word: Option<Word>,
    pub reference: Option<Reference>,
    /// What it asks for, or the sentence that says what is wrong with it.
    pub command: Result<Command, String>,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Token {
        token: Secret,
        after: Option<After>,
    },
    Join(Name),
    Leave(Name),
    Message {
        to: Recipient,
        data: Arc<str>,
        echo: bool,
    },
    History {
        room: Name,
        after: Id,
        limit: usize,
    },
    Clients,
}

/// Reads a message.
pub(super) fn parse(message: &Message) -> Envelope {
    let fields = match fields(message) {
        Ok(fields) => fields,
        Err(detail) => {
            return Envelope {
                word: None,
                reference: None,
                command: Err(detail),
            };
        }
    };
    let word = match (fields.event, fields.kind) {
        (Some(_), _) => Some(Word::Event),
        (None, Some(_)) => Some(Word::Type),
        (None, None) => None,
    };
    Envelope {
        word,
        reference: fields.reference.map(Reference::from),
        command: fields.command(),
    }
}

/// Checks the name of a user or a room; `what` says which.
///
/// # Errors
/// The sentence that says what is wrong.
pub(super) fn name(what: &str, text: &str) -> Result<Name, String> {
    if text.is_empty() || text.len() > MAX_NAME {
        let len = text.len();
        return Err(format!(
            "{what} has {len} bytes; a name has 1 to {MAX_NAME}"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has a control character; a name has none"));
    }
    Ok(Name::from(text))
}

/// Reads an id.
///
/// # Errors
/// The sentence that says what is wrong.
pub(super) fn id(what: &str, text: &str) -> Result<Id, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(format!(
            "{what} is not an id; give the number of a message, or 0 for all"
        ));
    }
    // Higher ones are in the future anyway, and databases know no higher ones.
    let most = i64::MAX.unsigned_abs();
    Ok(text.parse().unwrap_or(most).min(most))
}

/// Reads how many messages a page may have.
///
/// # Errors
/// The sentence that says what is wrong.
pub(super) fn limit(what: &str, text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|it| (1..=MAX_LIMIT).contains(it));
    limit.ok_or_else(|| format!("{what} is not a number from 1 to {MAX_LIMIT}"))
}

/// The members of a message, as their JSON text.
#[derive(Default)]
struct Fields<'a> {
    event: Option<&'a str>,
    kind: Option<&'a str>,
    data: Option<&'a str>,
    room: Option<&'a str>,
    to: Option<&'a str>,
    reference: Option<&'a str>,
    after: Option<&'a str>,
    limit: Option<&'a str>,
    epoch: Option<&'a str>,
    echo: Option<&'a str>,
}

const EXAMPLE: &str = r#"send a JSON object such as {"event":"message","data":"hello"}"#;

fn fields(message: &Message) -> Result<Fields<'_>, String> {
    let Some(json) = message.as_text() else {
        return Err(format!("the message is binary; {EXAMPLE}, as text"));
    };
    if !grammar::is_value(json) {
        return Err(format!("the message is not JSON; {EXAMPLE}"));
    }
    if !json.trim_start().starts_with('{') {
        return Err(format!("the message is not a JSON object; {EXAMPLE}"));
    }
    if text::measure(json).depth > MAX_DEPTH {
        return Err(format!(
            "the message is nested more than {MAX_DEPTH} levels deep; send it flatter, or as a string"
        ));
    }
    let mut fields = Fields::default();
    for (name, value) in text::members(json) {
        fields.set(name, value);
    }
    Ok(fields)
}

impl<'a> Fields<'a> {
    /// Of a name that is there twice, the last value counts, as in JavaScript. A `null` is the same as
    /// nothing, but in what is handed on.
    fn set(&mut self, name: &str, value: &'a str) {
        let present = Some(value).filter(|value| *value != "null");
        match string(name).as_deref() {
            Some("event") => self.event = Some(value),
            Some("type") => self.kind = Some(value),
            Some("data") => self.data = Some(value),
            Some("ref") => self.reference = Some(value),
            Some("room") => self.room = present,
            Some("to") => self.to = present,
            Some("after") => self.after = present,
            Some("limit") => self.limit = present,
            Some("epoch") => self.epoch = present,
            Some("echo") => self.echo = present,
            _ => {}
        }
    }

    fn command(&self) -> Result<Command, String> {
        const KNOWN: &str = "token, join, leave, message, history and clients";
        if self.event.is_some() && self.kind.is_some() {
            return Err("`event` and `type` are both there; give one of them".to_owned());
        }
        let Some(event) = self.event.or(self.kind) else {
            return Err(format!("`event` is missing; there are {KNOWN}"));
        };
        match string(event).as_deref() {
            Some("token") => self.token(),
            Some("join") => self.room().map(Command::Join),
            Some("leave") => self.room().map(Command::Leave),
            Some("message") => self.message(),
            Some("history") => self.history(),
            Some("clients") => Ok(Command::Clients),
            Some(_) => Err(format!("`event` is unknown; there are {KNOWN}")),
            None => Err(format!("`event` is not a string; there are {KNOWN}")),
        }
    }

    fn token(&self) -> Result<Command, String> {
        let token = self.data.and_then(string);
        let token = token.ok_or("`data` of a token is not a string; give the token there")?;
        let epoch = match self.epoch {
            Some(epoch) => Some(string(epoch).ok_or("`epoch` is not a string")?),
            None => None,
        };
        let after = self.after.map(|after| id("`after`", after)).transpose()?;
        Ok(Command::Token {
            token: Secret::new(token),
            after: after.map(|id| After {
                id,
                epoch: epoch.map(Arc::from),
            }),
        })
    }

    fn room(&self) -> Result<Name, String> {
        let room = self
            .room
            .ok_or("`room` is missing; give the name of a room there")?;
        let room = string(room).ok_or("`room` is not a string; give the name of a room there")?;
        name("`room`", &room)
    }

    fn message(&self) -> Result<Command, String> {
        let data = self
            .data
            .ok_or("`data` is missing; give what the message says there, any JSON value")?;
        let echo = match self.echo {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err("`echo` is neither true nor false".to_owned()),
        };
        Ok(Command::Message {
            to: self.recipient()?,
            data: Arc::from(data),
            echo,
        })
    }

    fn recipient(&self) -> Result<Recipient, String> {
        match (self.to, self.room) {
            (Some(_), Some(_)) => Err(
                "`room` and `to` are both there; give one of them, or none for everyone".to_owned(),
            ),
            (None, None) => Ok(Recipient::Everyone),
            (None, Some(_)) => self.room().map(Recipient::Room),
            (Some(to), None) => {
                let to = string(to).ok_or("`to` is not a string; give the name of a user there")?;
                name("`to`", &to).map(Recipient::User)
            }
        }
    }

    fn history(&self) -> Result<Command, String> {
        Ok(Command::History {
            room: self.room()?,
            after: self.after.map_or(Ok(0), |after| id("`after`", after))?,
            limit: self
                .limit
                .map_or(Ok(DEFAULT_LIMIT), |text| limit("`limit`", text))?,
        })
    }
}

/// The content of a JSON string. There is none where the text is another value, or where it has half
/// of a surrogate pair.
fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(json: &str) -> Result<Command, String> {
        parse(&Message::text(json.to_owned())).command
    }

    #[test]
    fn what_a_client_may_say() {
        let news = || Name::from("news");
        let message = |to, data: &str, echo| Command::Message {
            to,
            data: Arc::from(data),
            echo,
        };
        let history = |after, limit| Command::History {
            room: news(),
            after,
            limit,
        };
        let token = |after: Option<(Id, Option<&str>)>| Command::Token {
            token: Secret::new("t"),
            after: after.map(|(id, epoch)| After {
                id,
                epoch: epoch.map(Arc::from),
            }),
        };
        for (json, expected) in [
            (r#"{"event":"token","data":"t"}"#, token(None)),
            (
                r#"{"type":"token","data":"t","after":7}"#,
                token(Some((7, None))),
            ),
            (
                r#"{"event":"token","data":"t","after":0,"epoch":"e"}"#,
                token(Some((0, Some("e")))),
            ),
            (
                r#"{"event":"token","data":"t","after":99999999999999999999}"#,
                token(Some((i64::MAX as u64, None))),
            ),
            (r#"{"event":"join","room":"news"}"#, Command::Join(news())),
            (
                r#"{"event":"leave","room":"n\u0065ws"}"#,
                Command::Leave(news()),
            ),
            (
                r#"{"event":"message","data": [1.0e5, {"a":null}] }"#,
                message(Recipient::Everyone, r#"[1.0e5, {"a":null}]"#, true),
            ),
            (
                r#"{"event":"message","data":null,"room":"news","echo":false,"to":null}"#,
                message(Recipient::Room(news()), "null", false),
            ),
            (
                r#" {"data":1,"data":2,"to":"ada","event":"x","event":"message","more":0}"#,
                message(Recipient::User(Name::from("ada")), "2", true),
            ),
            (r#"{"event":"history","room":"news"}"#, history(0, 100)),
            (
                r#"{"event":"history","room":"news","after":3,"limit":1000}"#,
                history(3, 1000),
            ),
            (r#"{"event":"clients","data":{}}"#, Command::Clients),
        ] {
            assert_eq!(command(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn anything_else_gets_a_sentence() {
        let long = format!(r#"{{"event":"join","room":"{}"}}"#, "x".repeat(129));
        let deep = format!(
            r#"{{"event":"message","data":{}1{}}}"#,
            "[".repeat(128),
            "]".repeat(128)
        );
        for (json, expected) in [
            ("", "the message is not JSON"),
            ("{", "the message is not JSON"),
            ("[]", "the message is not a JSON object"),
            ("{}", "`event` is missing"),
            (
                r#"{"event":"clients","type":"clients"}"#,
                "`event` and `type` are both there",
            ),
            (r#"{"event":1}"#, "`event` is not a string"),
            (r#"{"event":"\ud800"}"#, "`event` is not a string"),
            (r#"{"event":"shout"}"#, "`event` is unknown"),
            (r#"{"event":"token"}"#, "`data` of a token is not a string"),
            (
                r#"{"event":"token","data":1}"#,
                "`data` of a token is not a string",
            ),
            (
                r#"{"event":"token","data":"t","after":"7"}"#,
                "`after` is not an id",
            ),
            (
                r#"{"event":"token","data":"t","after":-1}"#,
                "`after` is not an id",
            ),
            (
                r#"{"event":"token","data":"t","after":1.5}"#,
                "`after` is not an id",
            ),
            (
                r#"{"event":"token","data":"t","after":1,"epoch":1}"#,
                "`epoch` is not a string",
            ),
            (r#"{"event":"join"}"#, "`room` is missing"),
            (r#"{"event":"join","room":7}"#, "`room` is not a string"),
            (r#"{"event":"join","room":""}"#, "`room` has 0 bytes"),
            (&long, "`room` has 129 bytes"),
            (
                r#"{"event":"join","room":"a\nb"}"#,
                "`room` has a control character",
            ),
            (r#"{"event":"message"}"#, "`data` is missing"),
            (
                r#"{"event":"message","data":1,"echo":0}"#,
                "`echo` is neither",
            ),
            (
                r#"{"event":"message","data":1,"to":[]}"#,
                "`to` is not a string",
            ),
            (
                r#"{"event":"message","data":1,"to":"a","room":"b"}"#,
                "`room` and `to`",
            ),
            (
                r#"{"event":"history","room":"a","limit":0}"#,
                "`limit` is not a number",
            ),
            (
                r#"{"event":"history","room":"a","limit":1001}"#,
                "`limit` is not a number",
            ),
            (&deep, "the message is nested"),
        ] {
            let detail = command(json).unwrap_err();
            assert!(detail.starts_with(expected), "{json}: {detail}");
        }
        let binary = parse(&Message::binary(&b"{}"[..]));
        assert!(
            binary
                .command
                .unwrap_err()
                .starts_with("the message is binary")
        );
    }

    #[test]
    fn word_and_reference_are_known_of_messages_with_errors_too() {
        let parsed = |json: &str| {
            let envelope = parse(&Message::text(json.to_owned()));
            let reference = envelope.reference.map(|it| it.to_string());
            (envelope.word, reference)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            parsed(r#"{"type":"x","ref": {"a": 1.0} }"#),
            (Some(Word::Type), some(r#"{"a": 1.0}"#))
        );
        assert_eq!(parsed(r#"{"ref":null}"#), (None, some("null")));
        assert_eq!(parsed(r#"{"type":1,"event":2}"#), (Some(Word::Event), None));
    }
}

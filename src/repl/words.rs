//! The words that a line may be completed with: what was seen in this session, and what has a name.
//! Pure and bounded. It learns no value whose name is that of a secret.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::json::text::{Token, Tokens};
use crate::message::{KIND_MEMBERS, Message};
use crate::output::sanitize::find_dangerous;
use crate::secret::{Redactor, is_secret_name};

/// How many words of a kind are kept.
const KEPT: usize = 200;

/// Longer words are not learnt, in bytes.
const LONGEST: usize = 80;

/// Larger messages are not looked at, in bytes.
const LARGEST: usize = 16 * 1024;

/// How often it learns from messages.
const EVERY: Duration = Duration::from_millis(50);

/// Members that name something.
const ID_MEMBERS: &[&str] = &["channel", "id", "room", "topic"];

/// The words, shared with the editor's thread. The lock is held only for as long as it takes to copy a
/// pointer or to learn from a message.
pub(super) type SharedWords = Arc<RwLock<Arc<Words>>>;

/// The words as they are now. The session goes on to learn while a folder is listed for a completion.
pub(super) fn snapshot(words: &SharedWords) -> Arc<Words> {
    let words = words.read();
    Arc::clone(&words.unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// What may stand at the place of the word being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// How it stands in the list.
    pub(super) display: String,
    /// What is put into the line.
    pub(super) replacement: String,
}

/// Words of one kind, the most recent first.
#[derive(Clone, Debug)]
struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent(VecDeque::new())
    }
}

impl<T: PartialEq> Recent<T> {
    fn push(&mut self, word: T) {
        // What is seen again and again is usually at the front.
        if self.0.front() == Some(&word) {
            return;
        }
        self.0.retain(|known| *known != word);
        self.0.push_front(word);
        self.0.truncate(KEPT);
    }
}

/// The value of a member that names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) member: String,
    /// The text of a string, or a number.
    pub(super) value: String,
    pub(super) is_text: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    keys: Recent<String>,
    kinds: Recent<String>,
    ids: Recent<Id>,
    /// Names, and what is shown of the values.
    variables: Vec<(String, String)>,
    /// Names, and the messages.
    messages: Vec<(String, String)>,
    profiles: Vec<String>,
    /// Where this end is the server: the numbers of the clients, and what they asked for.
    clients: Option<BTreeMap<u32, String>>,
    /// When it last learnt from a message.
    learnt: Option<Instant>,
}

/// Learns from a message that was received, but not from every one of a flood.
pub(super) fn learn_from(
    words: &SharedWords,
    (now, message): (Instant, &Message),
    redactor: &Redactor,
) {
    let (Message::Text(text), Ok(mut words)) = (message, words.write()) else {
        return;
    };
    let since = words.learnt.map(|at| now.saturating_duration_since(at));
    if since.is_none_or(|since| since >= EVERY) && text.len() <= LARGEST {
        let words = Arc::make_mut(&mut words);
        words.learnt = Some(now);
        words.learn(&redactor.redact(text));
    }
}

impl Words {
    /// The words for a run with these named messages and profiles.
    pub(super) fn new(messages: Vec<(String, String)>, profiles: Vec<String>) -> Self {
        Words {
            messages,
            profiles,
            ..Words::default()
        }
    }

    /// Replaces the named messages.
    pub(super) fn set_messages(&mut self, messages: Vec<(String, String)>) {
        self.messages = messages;
    }

    /// Replaces the variables: their names, and what may be shown of their values.
    pub(super) fn set_variables(&mut self, variables: Vec<(String, String)>) {
        self.variables = variables;
    }

    /// From now on this end is a server.
    pub(super) fn have_clients(&mut self) {
        self.clients.get_or_insert_default();
    }

    /// A client has connected, or with `None` gone.
    pub(super) fn set_client(&mut self, number: u32, asked: Option<String>) {
        let Some(clients) = &mut self.clients else {
            return;
        };
        match asked {
            Some(asked) => drop(clients.insert(number, asked)),
            None => drop(clients.remove(&number)),
        }
    }

    /// The numbers of the clients, and what they asked for; `None` where this end is the client.
    pub(super) fn clients(&self) -> Option<&BTreeMap<u32, String>> {
        self.clients.as_ref()
    }

    /// Learns from a message, if that is JSON.
    pub(super) fn learn(&mut self, message: &str) {
        if message.len() > LARGEST || !message.trim_start().starts_with(['{', '[']) {
            return;
        }
        let mut tokens = Tokens::new(message).peekable();
        let mut member = None;
        while let Some(token) = tokens.next() {
            let is_key = tokens.peek() == Some(&Token::Colon);
            match token {
                Token::Str(text) if is_key => {
                    member = word_of(text);
                    if let Some(key) = &member {
                        self.keys.push(key.clone());
                    }
                }
                Token::Colon => {}
                Token::Str(text) => self.learn_value(member.take(), word_of(text), true),
                Token::Word(word) => {
                    let is_number = word.starts_with(|c: char| c.is_ascii_digit());
                    let number = is_number.then(|| word.to_owned());
                    self.learn_value(member.take(), number, false);
                }
                _ => member = None,
            }
        }
    }

    fn learn_value(&mut self, member: Option<String>, value: Option<String>, is_text: bool) {
        let (Some(member), Some(value)) = (member, value) else {
            return;
        };
        if is_kind_member(&member) && is_text {
            self.kinds.push(value);
        } else if is_id_member(&member) {
            self.ids.push(Id {
                member,
                value,
                is_text,
            });
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.0.iter().map(String::as_str)
    }

    /// The names of events and operations.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.0.iter().map(String::as_str)
    }

    /// What a member of this name may hold: what such a member has held, or otherwise any other.
    pub(super) fn ids(&self, member: &str) -> impl Iterator<Item = &Id> {
        let is_known = self.ids.0.iter().any(|id| id.member == member);
        let ids = self.ids.0.iter();
        ids.filter(move |id| !is_known || id.member == member)
    }

    /// The names of the variables, and what is shown of their values.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|(it, _)| it == name)
    }

    /// The names of messages, and the messages.
    pub(super) fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        let messages = self.messages.iter();
        messages.map(|(name, message)| (name.as_str(), message.as_str()))
    }

    pub(super) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().map(String::as_str)
    }
}

/// Whether a member of this name holds the kind of the message.
pub(super) fn is_kind_member(name: &str) -> bool {
    KIND_MEMBERS.contains(&name)
}

/// Whether a member of this name names something: `room`, `user_id`, `userId`.
pub(super) fn is_id_member(name: &str) -> bool {
    let is_id = ID_MEMBERS.contains(&name) || name.ends_with("_id") || name.ends_with("Id");
    is_id && !is_secret_name(name)
}

/// The text of a JSON string, if it can be typed.
fn word_of(quoted: &str) -> Option<String> {
    let text: String = serde_json::from_str(quoted).ok()?;
    let fits = !text.is_empty() && text.len() <= LONGEST;
    (fits && find_dangerous(&text).is_none() && !text.contains(['"', '\\'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(messages: &[&str]) -> Words {
        let mut words = Words::default();
        messages.iter().for_each(|message| words.learn(message));
        words
    }

    #[test]
    fn keys_events_and_ids_are_learnt_with_the_latest_first() {
        let words = words(&[
            r#"{"event":"tick","data":{"room":"news","n":1}}"#,
            r#"{"event":"join","user_id":7,"roomId":"r1","room":"news"}"#,
            "no JSON: \"event\":\"x\"",
            r#"["event","text"]"#,
        ]);
        let keys: Vec<_> = words.keys().collect();
        assert_eq!(keys, ["room", "roomId", "user_id", "event", "n", "data"]);
        assert_eq!(words.kinds().collect::<Vec<_>>(), ["join", "tick"]);
        let ids = |member| words.ids(member).map(|id| &*id.value).collect::<Vec<_>>();
        assert_eq!(ids("room"), ["news"]);
        assert_eq!(ids("channel"), ["news", "r1", "7"]);
    }

    #[test]
    fn secrets_and_what_cannot_be_typed_are_not_learnt() {
        let words = words(&[
            r#"{"session_id":"s3cret","tokenId":"s3cret","id":null,"room":{"x":1}}"#,
            "{\"id\":\"a\\u001b[31m\",\"b\\u202e\":1,\"room\":\"a\\\"b\"}",
            &format!("{{\"id\":\"{}\"}}", "x".repeat(LONGEST + 1)),
        ]);
        assert_eq!(words.ids("id").count(), 0);
        assert!(words.keys().all(|key| key.is_ascii()));
    }

    #[test]
    fn the_session_learns_while_the_editor_completes() {
        let shared: SharedWords = Default::default();
        let before = snapshot(&shared);
        let message = Message::text(r#"{"room":"news"}"#);
        learn_from(&shared, (Instant::now(), &message), &Redactor::default());
        assert_eq!(before.keys().count(), 0);
        assert_eq!(snapshot(&shared).keys().collect::<Vec<_>>(), ["room"]);
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut words = Words::default();
        for n in 0..KEPT * 2 {
            words.learn(&format!("{{\"key {n}\":1,\"id\":{n}}}"));
        }
        assert!(words.keys().count() <= KEPT && words.ids("id").count() <= KEPT);
        words.learn(&format!("{{\"late\":\"{}\"}}", "x".repeat(LARGEST)));
        assert!(!words.keys().any(|key| key == "late"));
    }
}

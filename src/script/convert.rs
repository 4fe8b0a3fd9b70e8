//! Recorded connections as a script, a test each.
//!
//! What was sent is sent, and what came is expected, without the values in it that are others the next
//! time. Those of them that a later message sends are captured, so that a session or a cursor goes on.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;

use super::changing;
use super::leaves::{self, Leaf};
use super::recorded_request::RecordedRequest;
use super::secrets::{self, Secret, Within, allowed};
use super::write::{Entry, Recorded, Reply, Script, Session};
use crate::close::{Close, may_be_sent};
use crate::message::{Data, Message};
use crate::record::connection::{Connection, Moment, What};
use crate::secret::{REDACTED, Redactor};
use crate::wire::frame::check_control_payload;

/// How many secrets are looked for where no name tells that they are secrets.
const MAX_SECRETS: usize = 200;

/// A shorter secret that is sent again may be an ordinary word, in bytes.
const SHORTEST_SECRET: usize = 6;

/// Writes the script. `name` is the name of the tests; those of several connections have numbers.
pub fn script(connections: &[Connection], name: &str, redactor: &Redactor) -> String {
    let tests = connections.iter().zip(1u64..).map(|(connection, number)| {
        let name = match connections.len() {
            1 => name.to_owned(),
            _ => format!("{name} {number}"),
        };
        let test = write_connection(connection, &name, redactor);
        format!("{}\n", test.trim_end_matches('\n'))
    });
    tests.collect::<Vec<_>>().join("\n")
}

/// An expectation of the user that a message met: a jq expression, and how long the message might take.
#[derive(Clone, Copy, Debug)]
pub struct Met<'a> {
    pub expression: &'a str,
    pub within: Duration,
}

/// Writes the script of a session. `met` says which moments met an expectation, by their indices; that
/// stands in place of the message.
pub fn session(
    session: &Session<'_>,
    moments: &[Moment],
    met: &HashMap<usize, Met<'_>>,
    redactor: &Redactor,
) -> String {
    Test::of(moments, redactor).write(session, met)
}

/// Moments that become a test.
struct Test<'a> {
    moments: &'a [Moment],
    redactor: &'a Redactor,
    /// The keys of values that came, and were sent later.
    captured: HashSet<String>,
    /// What some message names as a secret, as it is written and with its escapes decoded.
    secrets: HashSet<String>,
}

/// What is known of values at some moment, by their keys.
#[derive(Default)]
struct Known {
    /// Values that the client sent first: they are the same in the next run.
    ours: HashSet<String>,
    /// Values that came, and change.
    theirs: HashSet<String>,
    /// Values that have a variable, with what it is named after.
    variables: HashMap<String, String>,
}

impl<'a> Test<'a> {
    fn of(moments: &'a [Moment], redactor: &'a Redactor) -> Test<'a> {
        let mut test = Test {
            moments,
            redactor,
            captured: HashSet::new(),
            secrets: HashSet::new(),
        };
        test.find_secrets();
        let mut known = Known::default();
        for moment in moments {
            match &moment.what {
                What::Sent {
                    message: Message::Text(text),
                    by_itself: false,
                } => test.look_at_sent(&redactor.redact_data(text), &mut known),
                What::Received(Message::Text(text)) => {
                    look_at_received(&redactor.redact_data(text), redactor, &mut known);
                }
                _ => {}
            }
        }
        test
    }

    fn find_secrets(&mut self) {
        if self.redactor.includes_secrets() {
            return;
        }
        let messages = self.moments.iter().filter_map(|it| it.what.message());
        for text in messages.filter_map(Message::as_text) {
            for secret in secrets::find(text) {
                let written = text.get(secret.range.clone()).unwrap_or_default();
                let decoded = serde_json::from_str::<String>(written).ok();
                let forms = decoded.into_iter().chain([secret.value(text).to_owned()]);
                self.secrets
                    .extend(forms.filter(|it| it.len() >= SHORTEST_SECRET));
                if self.secrets.len() >= MAX_SECRETS {
                    return;
                }
            }
        }
    }

    /// Whether a message names a part of this text as a secret.
    fn has_secret(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(&**secret))
    }

    /// Finds the values that came before and are repeated.
    fn look_at_sent(&mut self, text: &str, known: &mut Known) {
        each_value(text, |_, key| match known.theirs.contains(key) {
            true => {
                self.captured.insert(key.to_owned());
            }
            false => known.add_ours(key),
        });
    }

    fn write(&self, session: &Session<'_>, met: &HashMap<usize, Met<'_>>) -> String {
        let mut script = Script::begin(session, self.redactor);
        let mut steps = Steps {
            test: self,
            script: &mut script,
            known: Known::default(),
            last: Duration::ZERO,
            pings: 0,
        };
        for (index, moment) in self.moments.iter().enumerate() {
            steps.step(moment, met.get(&index));
        }
        script.finish(session.name)
    }
}

fn write_connection(connection: &Connection, name: &str, redactor: &Redactor) -> String {
    let request = RecordedRequest::of(connection, redactor);
    let mut moments = connection.moments.iter();
    let reopens = moments.any(|it| it.what == What::Reopened);
    let user = request.user.map(|user| ("user".to_owned(), Some(user)));
    let reconnect = reopens.then(|| ("reconnect".to_owned(), None));
    let options: Vec<_> = user.into_iter().chain(reconnect).collect();
    let written = Session {
        name,
        url: &request.url,
        headers: &request.headers,
        left_out: &request.left_out,
        subprotocols: &request.subprotocols,
        options: &options,
        // A WebSocket over HTTP/2 opens with 200.
        status: connection
            .answer
            .status
            .filter(|it| *it >= 300)
            .unwrap_or(101),
    };
    session(&written, &connection.moments, &HashMap::new(), redactor)
}

/// The Close as far as it can be sent: an archive may say anything.
fn sendable(close: &Close) -> Close {
    Close::from_person(close.code, &close.reason, may_be_sent).unwrap_or_default()
}

/// The Close as far as a peer can have sent it.
fn possible(close: &Close) -> Close {
    match close.code {
        Some(1000..5000) => close.clone(),
        _ => Close::default(),
    }
}

/// Writes one step after another.
struct Steps<'a, 's> {
    test: &'a Test<'a>,
    script: &'s mut Script<'a>,
    known: Known,
    /// When the last step was.
    last: Duration,
    /// Pings of the user that have no answer yet.
    pings: u64,
}

impl Steps<'_, '_> {
    fn step(&mut self, Moment { at, what }: &Moment, met: Option<&Met<'_>>) {
        let after = at.saturating_sub(self.last);
        match what {
            What::Sent {
                message,
                by_itself: false,
            } => match message {
                Message::Text(text) => self.send(text),
                Message::Binary(data) => self.script.entry(Entry::Send(Data::Binary(data))),
            },
            What::Received(message) if met.is_some() => self.expectation(message, met),
            What::Received(Message::Text(text)) => self.reply(text, after),
            What::Received(Message::Binary(data)) => {
                self.script.entry(Entry::Receive(Data::Binary(data), after));
            }
            What::SentPing {
                data,
                by_itself: false,
            } if check_control_payload(data).is_ok() => {
                self.pings += 1;
                self.script.entry(Entry::Ping(data));
            }
            What::SentPong {
                data,
                by_itself: false,
            } if check_control_payload(data).is_ok() => self.script.entry(Entry::Pong(data)),
            What::ReceivedPong(data) if self.pings > 0 && check_control_payload(data).is_ok() => {
                self.pings -= 1;
                self.script.entry(Entry::Ponged(data));
            }
            What::Closing(close) => self.script.entry(Entry::Close(&sendable(close))),
            What::Closed(close) => self.script.entry(Entry::Closed(&possible(close))),
            What::Lost => self.script.entry(Entry::Lost),
            What::Reopened => self.script.entry(Entry::Reopened(after)),
            // Of the protocol, or by itself.
            _ => return,
        }
        self.last = *at;
    }

    fn send(&mut self, text: &str) {
        let text = self.test.redactor.redact_data(text);
        let mut places: Vec<Secret> = Vec::new();
        let known = &mut self.known;
        each_value(&text, |place, key| {
            let Some(name) = known.variables.get(key) else {
                return known.add_ours(key);
            };
            // A word, or a part of it.
            if places
                .last()
                .is_none_or(|last| last.range.end <= place.range.start)
            {
                let name = name.clone();
                places.push(Secret { name, ..place });
            }
        });
        self.script.send_recorded(&text, &places);
        if self.test.redactor.includes_secrets() {
            return;
        }
        // Where it is repeated, the variable stands for it, too.
        for secret in secrets::find(&text) {
            let value = secret.value(&text).to_owned();
            if self.test.secrets.contains(&value) {
                self.known.variables.entry(value).or_insert(secret.name);
            }
        }
    }

    fn reply(&mut self, text: &str, after: Duration) {
        let text = self.test.redactor.redact_data(text);
        match leaves::is_tree(&text) {
            true => self.expect_tree(&text, after),
            false => self.expect_text(&text, after),
        }
    }

    /// The user's expectation stands in place of the message that met it.
    fn expectation(&mut self, message: &Message, met: Option<&Met<'_>>) {
        let Some(&Met { expression, within }) = met else {
            return;
        };
        let Message::Text(text) = message else {
            return self.script.entry(Entry::Expect { expression, within });
        };
        let text = self.test.redactor.redact_data(text);
        let captured = match leaves::is_tree(&text) {
            true => self.look_for_changes(&text).1,
            false => Vec::new(),
        };
        self.script
            .expect_met((expression, within), &text, &captured);
        self.keep(captured, &text);
    }

    fn expect_tree(&mut self, text: &str, after: Duration) {
        let (dropped, captured) = self.look_for_changes(text);
        let reduced = match dropped.is_empty() {
            true => None,
            false => reduce(text, &dropped),
        };
        let shown = reduced.as_deref().unwrap_or(text);
        let mut places = Vec::new();
        leaves::each(shown, |leaf| {
            if let Some(name) = self.known.variables.get(&*key_of(&leaf)) {
                let name = name.clone();
                let place = place_of(&leaf);
                places.push(Secret { name, ..place });
            }
        });
        let reply = Reply {
            text,
            captured: &captured,
            expected: match reduced {
                Some(_) => Recorded::Contains(shown, &places),
                None => Recorded::Equal(shown, &places),
            },
        };
        self.script.expect_recorded(&reply, after);
        self.keep(captured, text);
    }

    /// The keys of values that are others in the next run, and the places of those that are captured.
    fn look_for_changes(&self, text: &str) -> (HashSet<String>, Vec<Secret>) {
        let secrets = secrets_in(text, self.test.redactor);
        let (mut captured, mut dropped) = (Vec::new(), HashSet::new());
        leaves::each(text, |leaf| {
            let is_secret = secrets.contains(&leaf.range.start);
            let key = key_of(&leaf);
            if self.known.variables.contains_key(&*key) || !self.changes(&leaf, is_secret) {
                return;
            }
            let decoded = decoded(&leaf, text);
            let decoded = key_of_named(leaf.name(), &decoded).into_owned();
            let is_first = dropped.insert(decoded);
            if is_first && self.test.captured.contains(&*key) {
                captured.push(place_of(&leaf));
            }
        });
        (dropped, captured)
    }

    /// From here on, captured values have their variables.
    fn keep(&mut self, captured: Vec<Secret>, text: &str) {
        for place in captured {
            let key = key_of_named(Some(&place.name), place.value(text)).into_owned();
            self.known.variables.entry(key).or_insert(place.name);
        }
    }

    /// Whether the value is another in the next run, or must not stand there.
    fn changes(&self, leaf: &Leaf<'_>, is_secret: bool) -> bool {
        let ours = &self.known.ours;
        if is_secret || leaf.value.contains(REDACTED) || self.test.has_secret(leaf.value) {
            return true;
        }
        let key = key_of(leaf);
        let changes = || {
            let mut parts = changing::parts(leaf.value);
            is_named(&key)
                || parts.any(|part| !ours.contains(leaf.value.get(part).unwrap_or_default()))
        };
        !ours.contains(&*key) && changes()
    }

    /// Expects the longest part of a text that does not change.
    fn expect_text(&mut self, text: &str, after: Duration) {
        let known = &self.known;
        let is_ours = |part: &Range<usize>| {
            known
                .ours
                .contains(text.get(part.clone()).unwrap_or_default())
        };
        let mut parts: Vec<_> = changing::parts(text).filter(|it| !is_ours(it)).collect();
        let secrets = self.test.secrets.iter();
        let secrets = secrets.flat_map(|secret| text.match_indices(&**secret));
        parts.extend(secrets.map(|(at, secret)| at..at + secret.len()));
        if let Some(at) = text.find(REDACTED) {
            parts.push(at..text.len());
        }
        parts.sort_by_key(|part| part.start);
        let expected = match parts.is_empty() {
            true => Recorded::Equal(text, &[]),
            false => match longest_between(text, parts) {
                Some(piece) => Recorded::Contains(piece, &[]),
                None => Recorded::Any,
            },
        };
        let reply = Reply {
            text,
            captured: &[],
            expected,
        };
        self.script.expect_recorded(&reply, after);
    }
}

/// Where the secrets of a text begin.
fn secrets_in(text: &str, redactor: &Redactor) -> HashSet<usize> {
    match redactor.includes_secrets() {
        true => HashSet::new(),
        false => secrets::find(text)
            .into_iter()
            .map(|secret| secret.range.start)
            .collect(),
    }
}

impl Known {
    fn add_ours(&mut self, key: &str) {
        if is_named(key) || changing::is_changing(key) {
            self.ours.insert(key.to_owned());
        }
    }
}

/// What begins the key of a value that is known by the name of its member, because it may be any small
/// number. Others are their own keys.
const NAMED: char = '\0';

fn is_named(key: &str) -> bool {
    key.starts_with(NAMED)
}

/// What a value that came is known by.
fn key_of<'a>(leaf: &Leaf<'a>) -> Cow<'a, str> {
    key_of_named(leaf.name(), leaf.value)
}

fn key_of_named<'a>(name: Option<&str>, value: &'a str) -> Cow<'a, str> {
    let by_name = name.is_some_and(|name| changing::has_changing_name(name, value));
    match by_name && !changing::is_changing(value) {
        true => Cow::Owned(format!("{NAMED}{value}")),
        false => Cow::Borrowed(value),
    }
}

/// What a value that is sent is known by.
fn key_of_sent<'a>(leaf: &Leaf<'a>) -> Cow<'a, str> {
    let value = leaf.value;
    let refers = leaf
        .name()
        .is_some_and(|name| changing::refers(name, value));
    match refers && !changing::is_changing(value) {
        true => Cow::Owned(format!("{NAMED}{value}")),
        false => Cow::Borrowed(value),
    }
}

fn look_at_received(text: &str, redactor: &Redactor, known: &mut Known) {
    if !leaves::is_tree(text) {
        return;
    }
    let secrets = secrets_in(text, redactor);
    leaves::each(text, |leaf| {
        let key = key_of(&leaf);
        let is_theirs = !known.ours.contains(&*key)
            && !leaf.value.contains(REDACTED)
            && (is_named(&key)
                || changing::is_changing(leaf.value)
                || (secrets.contains(&leaf.range.start) && leaf.value.len() >= SHORTEST_SECRET));
        if is_theirs {
            known.theirs.insert(key.into_owned());
        }
    });
}

/// Calls `found` with the key of each value of a text that is sent: the strings and numbers of JSON, and
/// the words in them and in other texts. What contains another comes first.
fn each_value(text: &str, mut found: impl FnMut(Secret, &str)) {
    let words = |text: &str, from: usize, found: &mut dyn FnMut(Secret, &str)| {
        for word in changing::tokens(text) {
            let value = text.get(word.clone()).unwrap_or_default();
            let place = Secret {
                range: from + word.start..from + word.end,
                within: Within::Text,
                name: "value".to_owned(),
                path: String::new(),
            };
            found(place, value);
        }
    };
    if !leaves::is_tree(text) {
        return words(text, 0, &mut found);
    }
    leaves::each(text, |leaf| {
        found(place_of(&leaf), &key_of_sent(&leaf));
        if leaf.is_string {
            words(leaf.value, leaf.range.start + 1, &mut found);
        }
    });
}

fn place_of(leaf: &Leaf<'_>) -> Secret {
    Secret {
        range: leaf.range.clone(),
        within: match leaf.is_string {
            true => Within::Quotes,
            false => Within::Number,
        },
        name: allowed(leaf.name().unwrap_or("value")),
        path: leaf.path(),
    }
}

/// The value of a leaf, as a parser sees it.
fn decoded(leaf: &Leaf<'_>, text: &str) -> String {
    let written = text.get(leaf.range.clone()).unwrap_or_default();
    match leaf.is_string {
        true => serde_json::from_str(written).unwrap_or_default(),
        false => written.to_owned(),
    }
}

/// The JSON without the values of these keys, and without the members that have them.
fn reduce(text: &str, dropped: &HashSet<String>) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    remove(&mut value, None, dropped);
    Some(value.to_string())
}

/// `name` is that of the member which has the value, or an array around it.
fn remove(value: &mut Value, name: Option<&str>, dropped: &HashSet<String>) {
    let stays = |name: Option<&str>, value: &Value| match value {
        Value::String(text) => !dropped.contains(&*key_of_named(name, text)),
        Value::Number(number) => !dropped.contains(&*key_of_named(name, &number.to_string())),
        _ => true,
    };
    match value {
        Value::Object(members) => {
            members.retain(|name, value| stays(Some(name), value));
            for (name, value) in members {
                remove(value, Some(name), dropped);
            }
        }
        Value::Array(items) => {
            items.retain(|item| stays(name, item));
            items
                .iter_mut()
                .for_each(|item| remove(item, name, dropped));
        }
        _ => {}
    }
}

/// The longest piece of a text on one line between these parts, which are in order. It does not begin
/// like JSON.
fn longest_between(text: &str, parts: Vec<Range<usize>>) -> Option<&str> {
    let ends = parts.iter().map(|part| part.start).chain([text.len()]);
    let starts = [0].into_iter().chain(parts.iter().map(|part| part.end));
    let pieces = starts
        .zip(ends)
        .filter_map(|(start, end)| text.get(start..end));
    let lines = pieces.flat_map(str::lines);
    let begins = |c: char| c.is_whitespace() || matches!(c, '{' | '[' | '"');
    let pieces = lines.map(|piece| piece.trim_start_matches(begins).trim_end());
    pieces.filter(|it| !it.is_empty()).max_by_key(|it| it.len())
}

#[cfg(test)]
mod tests;

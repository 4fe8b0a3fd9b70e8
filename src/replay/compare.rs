//! Compares the replies that come with those of a recording, while they come. Pure.
//!
//! Both are brought into one form first: without what is ignored, and JSON with its members in one order
//! and its numbers in one notation. So every message is read once, however many there are.

mod canonical;

use std::collections::{HashMap, VecDeque};

use crate::error::Error;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;
use crate::message::{Data, Message};

/// How many replies ahead one is looked for that comes where another was expected.
const WINDOW: usize = 64;

/// How many differences are kept. The rest is counted.
const KEPT: usize = 20;

/// The most of a message that is kept for a difference, in bytes.
const MOST: usize = 1 << 20;

/// What is compared, and how.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ignored: Vec<Filter>,
    /// Whether the order of the replies matters not.
    unordered: bool,
}

impl Rules {
    /// `ignore` are jq paths, which are deleted on both sides.
    ///
    /// # Errors
    /// Exit 2 for an expression that is no path.
    pub fn new(ignore: &[String], unordered: bool) -> Result<Rules, Error> {
        let ignored: Result<_, Error> = ignore.iter().map(|path| deleting(path)).collect();
        Ok(Rules {
            ignored: ignored?,
            unordered,
        })
    }

    /// The expressions, so that they can be interrupted.
    pub fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.ignored.iter()
    }

    /// The message without what is ignored. One that is not JSON, or another JSON, has nothing of that.
    fn without_ignored(&self, message: &Message) -> Message {
        let mut message = message.clone();
        for filter in &self.ignored {
            let left = filter.first_of(&Parsed::once(message.as_data()));
            if let Some(Ok(Some(left))) = left {
                message = match message {
                    Message::Text(_) => Message::text(left),
                    Message::Binary(_) => Message::binary(left.into_bytes()),
                };
            }
        }
        message
    }
}

/// The expression that deletes a path, where there is one.
fn deleting(path: &str) -> Result<Filter, Error> {
    let named = |mut error: Error| {
        error.message = format!("--ignore: {}", error.message);
        error
    };
    Filter::compile(path).map_err(named)?;
    let trial = Filter::compile(&format!("del({path})")).map_err(named)?;
    // What is no path fails whatever it is given.
    match trial.first_of(&Parsed::once(Data::Text("null"))) {
        Some(Err(why)) if why.contains("invalid path") => {
            let error = Error::usage(format!("--ignore: {path} is no path of jq"));
            Err(error.advice("--ignore .ts deletes the member ts of an object"))
        }
        _ => Filter::compile(&format!(". as $whole | try del({path}) catch $whole")).map_err(named),
    }
}

/// A message, as it is compared and as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    /// Equal for equal messages.
    key: Vec<u8>,
    /// Without what is ignored.
    message: Message,
}

impl Side {
    fn of(message: &Message, rules: &Rules) -> Side {
        let message = rules.without_ignored(message);
        Side {
            key: canonical::key(&message),
            message,
        }
    }

    fn cut(self) -> Message {
        match self.message.len() > MOST {
            true => self.message.slice(0..MOST),
            false => self.message,
        }
    }
}

/// A reply of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// From 1.
    pub number: usize,
    /// Its line in the recording, if that has lines.
    pub line: Option<u64>,
}

/// What is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Another message came in place of this one.
    Changed(Expected, Message, Message),
    /// It did not come.
    Missing(Expected, Message),
    /// This came, as the reply with this number, and was not recorded.
    Extra(usize, Message),
}

/// The differences that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The first of them.
    pub kept: Vec<Difference>,
    /// How many replies came as recorded.
    pub equal: usize,
    pub changed: usize,
    pub missing: usize,
    pub extra: usize,
}

impl Differences {
    pub fn count(&self) -> usize {
        self.changed + self.missing + self.extra
    }

    /// Nothing more could come, so nothing is missing.
    pub fn forget_missing(&mut self) {
        self.missing = 0;
        self.kept
            .retain(|difference| !matches!(difference, Difference::Missing(..)));
    }

    fn push(&mut self, difference: Difference) {
        match difference {
            Difference::Changed(..) => self.changed += 1,
            Difference::Missing(..) => self.missing += 1,
            Difference::Extra(..) => self.extra += 1,
        }
        if self.kept.len() < KEPT {
            self.kept.push(difference);
        }
    }
}

/// The comparison of one connection.
#[derive(Clone, Debug)]
pub struct Comparison {
    rules: Rules,
    /// Those that did not come yet, in order; of those that may come in any order, all.
    expected: VecDeque<(Expected, Side)>,
    /// For any order: where the messages of a key are in `expected`, and which of them came.
    places: HashMap<Vec<u8>, VecDeque<usize>>,
    came: Vec<bool>,
    /// Came where others were expected, each with its number.
    strangers: VecDeque<(usize, Side)>,
    total: usize,
    received: usize,
    found: Differences,
}

impl Comparison {
    /// A comparison with these replies, each with its line.
    pub fn new<'a>(
        replies: impl Iterator<Item = (&'a Message, Option<u64>)>,
        rules: Rules,
    ) -> Comparison {
        let numbered = replies.zip(1..);
        let expected: VecDeque<_> = numbered
            .map(|((message, line), number)| (Expected { number, line }, Side::of(message, &rules)))
            .collect();
        let mut places: HashMap<_, VecDeque<_>> = HashMap::new();
        if rules.unordered {
            for (index, (_, side)) in expected.iter().enumerate() {
                places.entry(side.key.clone()).or_default().push_back(index);
            }
        }
        Comparison {
            came: vec![false; if rules.unordered { expected.len() } else { 0 }],
            total: expected.len(),
            rules,
            expected,
            places,
            strangers: VecDeque::new(),
            received: 0,
            found: Differences::default(),
        }
    }

    /// How many replies came.
    pub fn received(&self) -> usize {
        self.received
    }

    /// Whether so many replies came as were recorded.
    pub fn has_all(&self) -> bool {
        self.received >= self.total
    }

    /// A reply came.
    pub fn handle_reply(&mut self, message: &Message) {
        self.received += 1;
        let side = Side::of(message, &self.rules);
        match self.rules.unordered {
            true => self.handle_in_any_order(side),
            false => self.handle_in_order(side),
        }
    }

    fn handle_in_any_order(&mut self, side: Side) {
        let place = self.places.get_mut(&side.key);
        let index = place.and_then(VecDeque::pop_front);
        match index.and_then(|index| self.came.get_mut(index)) {
            Some(came) => {
                *came = true;
                self.found.equal += 1;
            }
            None => self.push_stranger(side),
        }
    }

    fn handle_in_order(&mut self, side: Side) {
        let within = WINDOW + self.strangers.len();
        let mut next = self.expected.iter().take(within);
        match next.position(|(_, expected)| expected.key == side.key) {
            Some(index) => {
                self.pair(index);
                self.expected.pop_front();
                self.found.equal += 1;
            }
            None => self.push_stranger(side),
        }
        // What is this late will not be found any more.
        while !self.rules.unordered && self.strangers.len() > WINDOW {
            self.pair_first();
        }
    }

    fn push_stranger(&mut self, side: Side) {
        match self.rules.unordered && self.strangers.len() >= self.total + KEPT {
            // What it could be compared with is there already.
            true => self.found.extra += 1,
            false => self.strangers.push_back((self.received, side)),
        }
    }

    /// The strangers came in place of the next `count` replies.
    fn pair(&mut self, count: usize) {
        let left = self.expected.len().saturating_sub(count);
        while self.expected.len() > left || !self.strangers.is_empty() {
            let expected = match self.expected.len() > left {
                true => self.expected.pop_front(),
                false => None,
            };
            let stranger = self.strangers.pop_front();
            self.report(expected, stranger);
        }
    }

    fn pair_first(&mut self) {
        let (expected, stranger) = (self.expected.pop_front(), self.strangers.pop_front());
        self.report(expected, stranger);
    }

    fn report(&mut self, expected: Option<(Expected, Side)>, stranger: Option<(usize, Side)>) {
        self.found.push(match (expected, stranger) {
            (Some((expected, was)), Some((_, came))) => {
                Difference::Changed(expected, was.cut(), came.cut())
            }
            (Some((expected, was)), None) => Difference::Missing(expected, was.cut()),
            (None, Some((number, came))) => Difference::Extra(number, came.cut()),
            (None, None) => return,
        });
    }

    /// What was found, when nothing more comes.
    pub fn finish(mut self) -> Differences {
        let mut came = std::mem::take(&mut self.came).into_iter();
        self.expected.retain(|_| came.next() != Some(true));
        self.pair(self.expected.len());
        self.found
    }
}

#[cfg(test)]
mod tests;

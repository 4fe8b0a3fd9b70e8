//! What is due to be sent on one connection, in order. Pure.

use std::collections::VecDeque;

use super::reply::Unanswerable;
use super::rules::{self, After, Opening, Program, Reply, Rule};
use crate::event::Origin;
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::template::Value;

/// How many answers may wait for us until no more messages are read.
const MOST_ANSWERS: usize = 64;
/// How many bytes of them.
const MOST_BYTES: usize = 1 << 20;
/// Memory that a waiting answer takes besides its bytes.
const OVERHEAD: usize = 256;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    Send {
        message: Message,
        /// What is shown of it.
        shown: Message,
        origin: Origin,
    },
    /// Run this command with the message on its stdin, and report how it ended with
    /// [`Queue::handle_output`]. Nothing else is due until then.
    Run { program: Program, input: Message },
}

/// What a received message has led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// A rule answers it.
    pub answered: bool,
    /// It is a ping of the application, and it is answered.
    pub ping: bool,
    /// Why something cannot be sent; a sentence each.
    pub problems: Vec<String>,
}

/// What is sent first on a connection, or because of a message.
#[derive(Clone, Debug)]
enum What {
    Send(Message, Message),
    Run(Program, Message),
    /// The command that was run last.
    Running,
}

#[derive(Clone, Debug)]
struct Item {
    what: What,
    origin: Origin,
}

impl Item {
    fn is_answer(&self) -> bool {
        self.origin.is_answer()
    }

    fn len(&self) -> usize {
        match &self.what {
            What::Send(message, _) | What::Run(_, message) => message.len(),
            What::Running => 0,
        }
    }
}

/// A message of `--on-open` that is not due yet.
#[derive(Clone, Debug)]
enum Step {
    Ready(Message),
    Waiting(After),
    /// The message that it waited for has come.
    Met(What),
    /// There is nothing to send.
    Nothing,
}

/// What is due on one connection; see [`super`].
#[derive(Clone, Debug, Default)]
pub struct Queue {
    due: VecDeque<Item>,
    opening: VecDeque<Step>,
    /// How many of `due` open the connection.
    opening_due: usize,
    /// How many of `due` are answers, and how large they are.
    answers: usize,
    answer_bytes: usize,
}

impl Queue {
    /// The queue of a connection that has just opened. `token` is the message with the token, and what
    /// is shown of it.
    pub fn new(
        token: Option<(Message, Message)>,
        opening: impl IntoIterator<Item = Opening>,
    ) -> Self {
        let steps = opening.into_iter().map(|opening| match opening {
            Opening::Now(message) => Step::Ready(message),
            Opening::After(after) => Step::Waiting(after),
        });
        let mut queue = Queue {
            opening: steps.collect(),
            ..Queue::default()
        };
        if let Some((message, shown)) = token {
            queue.push(What::Send(message, shown), Origin::Token);
        }
        queue.advance();
        queue
    }

    /// Whether received messages matter, besides to rules.
    pub fn awaits_message(&self) -> bool {
        !self.opening.is_empty()
    }

    /// The expression of the message that what opens the connection waits for now.
    pub fn awaited(&self) -> Option<&str> {
        match self.opening.front()? {
            Step::Waiting(after) => Some(after.when.text()),
            Step::Ready(_) | Step::Met(_) | Step::Nothing => None,
        }
    }

    /// Whether the token and all messages of `--on-open` have been taken.
    pub fn has_opened(&self) -> bool {
        self.opening.is_empty() && self.opening_due == 0
    }

    /// Whether many answers wait. While there is room to send them, or a command makes one, no more
    /// messages are to be read.
    pub fn is_filling(&self) -> bool {
        self.answers >= MOST_ANSWERS || self.answer_bytes >= MOST_BYTES
    }

    /// Whether so many answers wait that no more messages may be read, though the next one waits for the
    /// peer to take it: `most` is how many bytes of memory they may have. A peer may take nothing before
    /// what it sends is read, if it answers messages itself.
    pub fn is_full(&self, most: usize) -> bool {
        !self.awaits_peer() || self.answer_bytes + self.answers * OVERHEAD >= most
    }

    /// Whether the next thing that is due waits for nothing of ours.
    pub fn awaits_peer(&self) -> bool {
        matches!(self.due.front(), Some(item) if matches!(item.what, What::Send(..)))
    }

    /// Whether something is due besides answers to pings, for which the end of a run does not wait: they
    /// would keep it alive forever.
    pub fn is_wanted(&self) -> bool {
        let mut due = self.due.iter();
        due.any(|item| item.origin != Origin::AnswerToPing)
    }

    /// Whether a command runs.
    pub fn is_running(&self) -> bool {
        matches!(self.due.front(), Some(item) if matches!(item.what, What::Running))
    }

    /// Whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// How many answers are lost if the connection ends now. Those to pings need none.
    pub fn lost(&self) -> usize {
        let due = self.due.iter();
        due.filter(|item| item.origin == Origin::Answer).count()
    }

    /// A message has been received. `value` returns the value of a variable that has got one during the
    /// run; a reply is at most `limit` bytes long.
    pub fn handle_message<'v>(
        &mut self,
        rules: &[Rule],
        (message, parsed): (&Message, &Parsed<'_>),
        value: impl Fn(&str) -> Option<Value<'v>>,
        limit: usize,
    ) -> Reaction {
        let matching = rules.iter().filter(|rule| rule.when.is_true_of(parsed));
        let matching: Vec<&Rule> = matching.collect();
        let data = message.as_data();
        let is_ping = || !matching.is_empty() && rules::is_ping(data, parsed);
        let mut reaction = Reaction {
            answered: !matching.is_empty(),
            ping: matching.iter().any(|rule| rule.answers_ping(data)) || is_ping(),
            problems: Vec::new(),
        };
        let origin = match reaction.ping {
            true => Origin::AnswerToPing,
            false => Origin::Answer,
        };
        let reply_of = |reply: &Reply| what(reply, (message, parsed), &value, limit);
        for rule in matching {
            match reply_of(&rule.reply) {
                Ok(what) => {
                    rule.count();
                    self.push(what, origin);
                }
                Err(why) => reaction.problems.push(format!(
                    "--answer '{}': {}; nothing is sent",
                    rule.text, why.0
                )),
            }
        }
        self.handle_awaited(parsed, reply_of, &mut reaction.problems);
        reaction
    }

    /// Lets the messages of `--on-open` go on that waited for this one.
    fn handle_awaited(
        &mut self,
        parsed: &Parsed<'_>,
        reply_of: impl Fn(&Reply) -> Result<What, Unanswerable>,
        problems: &mut Vec<String>,
    ) {
        for step in &mut self.opening {
            let Step::Waiting(after) = step else {
                continue;
            };
            if !after.when.is_true_of(parsed) {
                continue;
            }
            after.met.set(true);
            let expression = after.when.text().to_owned();
            *step = match after.reply.as_ref().map(&reply_of) {
                None => Step::Nothing,
                Some(Ok(what)) => Step::Met(what),
                Some(Err(why)) => {
                    problems.push(format!(
                        "--on-open 'after {expression}': {}; nothing is sent",
                        why.0
                    ));
                    Step::Nothing
                }
            };
        }
        self.advance();
    }

    /// Makes due what opens the connection, up to the first message that waits.
    fn advance(&mut self) {
        while let Some(step) = self
            .opening
            .pop_front_if(|step| !matches!(step, Step::Waiting(_)))
        {
            match step {
                Step::Ready(message) => {
                    let shown = message.clone();
                    self.push(What::Send(message, shown), Origin::OnOpen);
                }
                Step::Met(what) => self.push(what, Origin::OnOpen),
                Step::Waiting(_) | Step::Nothing => {}
            }
        }
    }

    fn push(&mut self, what: What, origin: Origin) {
        let item = Item { what, origin };
        match item.is_answer() {
            true => {
                self.answers += 1;
                self.answer_bytes += item.len();
            }
            false => self.opening_due += 1,
        }
        self.due.push_back(item);
    }

    /// Takes what is to be done next.
    pub fn take(&mut self) -> Option<Due> {
        let front = self.due.front_mut()?;
        if let What::Running = front.what {
            return None;
        }
        if let What::Run(..) = front.what {
            self.answer_bytes -= if front.is_answer() { front.len() } else { 0 };
            return match std::mem::replace(&mut front.what, What::Running) {
                What::Run(program, input) => Some(Due::Run { program, input }),
                What::Send(..) | What::Running => None,
            };
        }
        let item = self.pop()?;
        let origin = item.origin;
        match item.what {
            What::Send(message, shown) => Some(Due::Send {
                message,
                shown,
                origin,
            }),
            What::Run(..) | What::Running => None,
        }
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.due.pop_front()?;
        match item.is_answer() {
            true => {
                self.answers -= 1;
                self.answer_bytes -= item.len();
            }
            false => self.opening_due -= 1,
        }
        Some(item)
    }

    /// The command that was due has ended; `reply` is what is to be sent.
    pub fn handle_output(&mut self, reply: Option<Message>) {
        let running = self.due.front().map(|item| &item.what);
        if !matches!(running, Some(What::Running)) {
            return;
        }
        let Some(item) = self.pop() else {
            return;
        };
        if let Some(message) = reply {
            let shown = message.clone();
            let origin = item.origin;
            let what = What::Send(message, shown);
            self.push(what, origin);
            // It was the first, and is so again.
            self.due.rotate_right(1);
        }
    }
}

/// What a reply to a message is.
fn what<'v>(
    reply: &Reply,
    (message, parsed): (&Message, &Parsed<'_>),
    value: impl Fn(&str) -> Option<Value<'v>>,
    limit: usize,
) -> Result<What, Unanswerable> {
    Ok(match reply {
        Reply::Text(template) => {
            let message = Message::text(template.fill(parsed, value, limit)?);
            What::Send(message.clone(), message)
        }
        Reply::Command(program) => What::Run(program.clone(), message.to_compact()),
    })
}

#[cfg(test)]
mod tests;

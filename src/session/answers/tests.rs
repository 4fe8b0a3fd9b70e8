//! The order of what is sent, whatever comes in between: a property of the whole.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::Origin;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;
use crate::message::Message;
use reply::Making;

pub(in crate::session) fn template(text: &str) -> Reply {
    let making = Making {
        escapes: false,
        variable: &|_| None,
        environment: Arc::default(),
    };
    Reply::compile(text, &making).unwrap()
}

pub(in crate::session) fn rule(text: &str) -> Rule {
    let (ping, split) = split::rule(text).unwrap();
    Rule::new(text, ping, split.when, template(split.rest))
}

pub(in crate::session) fn after(expression: &str, text: &str) -> Opening {
    let when = Filter::compile(expression).unwrap().reading_text();
    Opening::After(After::new(when, Some(template(text))))
}

pub(in crate::session) fn now(text: &str) -> Opening {
    Opening::Now(Message::text(text.to_owned()))
}

pub(super) fn receive(queue: &mut Queue, rules: &[Rule], text: &str) -> Reaction {
    let message = Message::text(text.to_owned());
    let parsed = Parsed::new(message.as_data());
    queue.handle_message(rules, (&message, &parsed), |_| None, 1 << 20)
}

/// What happens to a run, in any mixture.
#[derive(Clone, Debug)]
enum Step {
    /// The peer sends the next message: of this kind.
    Receive(Kind),
    /// There is room to send one message.
    Room,
    /// The command that runs ends, with this output.
    Ran(bool),
    /// The connection ends, and there is another one.
    Reconnect,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Ignored,
    Answered,
    AnsweredTwice,
    ByCommand,
    Welcome,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        Kind::Ignored,
        Kind::Answered,
        Kind::AnsweredTwice,
        Kind::ByCommand,
        Kind::Welcome,
    ]);
    prop_oneof![
        6 => kind.prop_map(Step::Receive),
        6 => Just(Step::Room),
        3 => any::<bool>().prop_map(Step::Ran),
        1 => Just(Step::Reconnect),
    ]
}

fn rules() -> Vec<Rule> {
    vec![
        rule(r#".kind == "Answered" or .kind == "AnsweredTwice"={"a":{{.n}}}"#),
        rule(r#".kind == "AnsweredTwice"={"b":{{.n}}}"#),
        rule(r#".kind == "ByCommand"=cmd:reply"#),
    ]
}

/// Everything that was sent on one connection, and what must have been.
#[derive(Debug, Default)]
struct Connection {
    sent: Vec<String>,
    /// The opening messages and the answers, each in the order in which they became due.
    opening: Vec<String>,
    answers: Vec<String>,
    lines: Vec<String>,
    running: Option<String>,
}

/// A run: the queue, the lines of its input, and what was sent.
struct Model {
    rules: Vec<Rule>,
    queue: Queue,
    conn: Connection,
    received: u32,
    lines: u32,
    welcomed: bool,
}

fn opening() -> Vec<Opening> {
    vec![
        now("first"),
        after(r#".kind == "Welcome""#, r#"{"second":true}"#),
        now("third"),
    ]
}

impl Model {
    fn new() -> Self {
        Model {
            rules: rules(),
            queue: Queue::new(None, opening()),
            conn: Connection::default(),
            received: 0,
            lines: 0,
            welcomed: false,
        }
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::Receive(kind) => self.receive(*kind),
            Step::Room => self.send(),
            Step::Ran(answers) => self.end_command(*answers),
            Step::Reconnect => self.reconnect(),
        }
    }

    fn receive(&mut self, kind: Kind) {
        if self.queue.is_filling() {
            return;
        }
        self.received += 1;
        let n = self.received;
        self.welcomed |= kind == Kind::Welcome;
        let text = format!(r#"{{"kind":"{kind:?}","n":{n}}}"#);
        let reaction = receive(&mut self.queue, &self.rules, &text);
        let answers = match kind {
            Kind::Ignored | Kind::Welcome => vec![],
            Kind::Answered => vec![format!(r#"{{"a":{n}}}"#)],
            Kind::AnsweredTwice => vec![format!(r#"{{"a":{n}}}"#), format!(r#"{{"b":{n}}}"#)],
            Kind::ByCommand => vec![format!("output for {text}")],
        };
        assert_eq!(reaction.answered, !answers.is_empty());
        assert!(reaction.problems.is_empty() && !reaction.ping);
        self.conn.answers.extend(answers);
    }

    fn send(&mut self) {
        match self.queue.take() {
            Some(Due::Send {
                message, origin, ..
            }) => {
                let text = message.as_text().unwrap().to_owned();
                if origin == Origin::OnOpen {
                    self.conn.opening.push(text.clone());
                }
                self.conn.sent.push(text);
            }
            Some(Due::Run { program, input }) => {
                assert_eq!(program.line, "reply");
                assert!(self.conn.running.is_none(), "one at a time");
                self.conn.running = Some(input.as_text().unwrap().to_owned());
            }
            // The input waits until the connection has been opened.
            None if self.queue.has_opened() => {
                self.lines += 1;
                let line = format!("line {}", self.lines);
                self.conn.lines.push(line.clone());
                self.conn.sent.push(line);
            }
            None => {}
        }
    }

    fn end_command(&mut self, answers: bool) {
        let Some(input) = self.conn.running.take() else {
            return;
        };
        let output = format!("output for {input}");
        if !answers {
            self.conn.answers.retain(|answer| *answer != output);
        }
        self.queue
            .handle_output(answers.then(|| Message::text(output)));
    }

    fn reconnect(&mut self) {
        self.check();
        self.queue = Queue::new(None, opening());
        self.conn = Connection::default();
        self.welcomed = false;
    }

    /// What this connection has sent is what it had to, in order; what was answered on another one is
    /// not among it.
    fn check(&self) {
        let Connection {
            sent,
            opening,
            answers,
            lines,
            ..
        } = &self.conn;
        let of = |wanted: &[String]| {
            let sent = sent.iter().filter(|text| wanted.contains(text));
            sent.cloned().collect::<Vec<_>>()
        };
        let answered = of(answers);
        assert_eq!(
            answered,
            answers[..answered.len()],
            "answers in order, once"
        );
        assert_eq!(of(lines), *lines);
        assert_eq!(sent.len(), opening.len() + answered.len() + lines.len());
        let all = ["first", r#"{"second":true}"#, "third"];
        assert_eq!(*opening, all[..opening.len()]);
        assert!(self.welcomed || opening.len() <= 1);
        if let Some(line) = lines.first() {
            let at = sent.iter().position(|text| text == line).unwrap();
            let last = sent.iter().position(|text| text == "third");
            assert!(last.is_some_and(|last| last < at), "{sent:?}");
        }
        let waiting = answers.len() - answered.len();
        assert_eq!(self.queue.lost(), waiting);
    }
}

proptest! {
    #[test]
    fn every_source_keeps_its_order_and_nothing_is_answered_twice(
        steps in prop::collection::vec(step(), 0..120)
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.perform(step);
            model.check();
        }
    }
}

//! The rules of `--answer`, and the messages of `--on-open`. Pure.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::reply::{Making, Template};
use crate::error::Error;
use crate::json::jq::{Filter, Interrupt};
use crate::json::parsed::Parsed;
use crate::message::{Data, KIND_MEMBERS, Message};

/// What is sent when a message has come.
#[derive(Clone, Debug)]
pub enum Reply {
    Text(Template),
    Command(Program),
}

/// A command whose output is the reply. It gets the message on its stdin, so that nothing of a peer's is
/// ever part of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The line for the shell, as the user wrote it.
    pub line: String,
    /// Names and values for its environment.
    pub variables: Arc<[(String, String)]>,
}

/// Begins a reply that is the output of a command.
const COMMAND: &str = "cmd:";

/// Begins the name of a variable in the environment of a command.
const VARIABLE: &str = "WIRECAT_VAR_";

/// The name of a variable in the environment, where names have letters, digits and `_`.
pub fn environment_name(name: &str) -> String {
    format!("{VARIABLE}{}", name.replace(['-', '.'], "_"))
}

impl Reply {
    /// Reads a reply: `cmd:COMMAND`, or a template.
    ///
    /// # Errors
    /// Exit 2: those of [`Template::compile`].
    pub fn compile(text: &str, making: &Making<'_>) -> Result<Reply, Error> {
        Ok(match text.strip_prefix(COMMAND) {
            Some(line) if line.trim().is_empty() => {
                return Err(Error::usage("there is no command after cmd:")
                    .advice("cmd:COMMAND gets the message on its stdin and prints the reply"));
            }
            Some(line) => Reply::Command(Program {
                line: line.to_owned(),
                variables: Arc::clone(&making.environment),
            }),
            None => Reply::read(text, making)?,
        })
    }

    /// Whether it is this text, whatever the message.
    fn is_always(&self, text: &str) -> bool {
        matches!(self, Reply::Text(template) if template.literal() == Some(text))
    }

    /// Reads the content of a file, which is a template however it begins: what runs in a shell is only
    /// what stands in the rule itself.
    ///
    /// # Errors
    /// Exit 2: those of [`Template::compile`].
    pub fn read(text: &str, making: &Making<'_>) -> Result<Reply, Error> {
        Template::compile(text, making).map(Reply::Text)
    }

    /// Checks that every `{{NAME}}` is a variable: one that had a value, or for which `gets_one` is true
    /// because it gets one during the run.
    ///
    /// # Errors
    /// Exit 2: it is none.
    pub fn check_names(&self, gets_one: impl Fn(&str) -> bool) -> Result<(), Error> {
        let Reply::Text(template) = self else {
            return Ok(());
        };
        let mut unknown = template.unknown_names();
        match unknown.find(|name| !gets_one(name)) {
            None => Ok(()),
            Some(name) => Err(Error::usage(format!(
                "{{{{{name}}}}}: there is no variable of that name"
            ))
            .advice(format!("--var {name}=VALUE gives it a value"))
            .advice(format!(
                "{{{{ {name} }}}}, with spaces, is the jq expression"
            ))),
        }
    }

    /// Lets `interrupt` end the evaluation of its expressions.
    fn set_interrupt(&self, interrupt: &Interrupt) {
        if let Reply::Text(template) = self {
            template.set_interrupt(interrupt);
        }
    }
}

/// Answers every message of which an expression is true.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule as it was written.
    pub text: Arc<str>,
    /// Whether all messages that it answers are pings.
    pub ping: bool,
    /// Whether it was added while the run went on.
    pub added: bool,
    pub when: Filter,
    pub reply: Reply,
    /// How many messages it has answered, on all connections.
    answered: Rc<Cell<u64>>,
}

impl Rule {
    pub fn new(text: &str, ping: bool, when: Filter, reply: Reply) -> Self {
        Rule {
            text: text.into(),
            ping,
            added: false,
            when,
            reply,
            answered: Rc::default(),
        }
    }

    /// How many messages it has answered.
    pub fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// Whether its answer to this message says that it was a ping.
    pub(super) fn answers_ping(&self, data: Data<'_>) -> bool {
        let Data::Text(text) = data else {
            return self.ping;
        };
        let pong = WORDLESS_PINGS.iter().find(|(ping, _)| *ping == text.trim());
        self.ping || pong.is_some_and(|(_, pong)| self.reply.is_always(pong))
    }

    pub(super) fn count(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// Lets `interrupt` end the evaluation of its expressions.
    pub fn set_interrupt(&self, interrupt: &Interrupt) {
        self.when.set_interrupt(interrupt);
        self.reply.set_interrupt(interrupt);
    }
}

/// The rules of a run, in order. Every clone is a handle of the same rules, which may change while a run
/// goes on.
#[derive(Clone, Debug, Default)]
pub struct Rules(Rc<RefCell<Vec<Rule>>>);

impl Rules {
    pub fn new(rules: Vec<Rule>) -> Self {
        Rules(Rc::new(RefCell::new(rules)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The rules. Nothing may be changed while the result lives.
    pub fn all(&self) -> Ref<'_, [Rule]> {
        Ref::map(self.0.borrow(), Vec::as_slice)
    }

    /// Appends a rule while the run goes on, and returns its number, from 1.
    pub fn add(&self, rule: Rule) -> usize {
        let mut rules = self.0.borrow_mut();
        rules.push(Rule {
            added: true,
            ..rule
        });
        rules.len()
    }

    /// The rules that were added while the run went on, as they were written.
    pub fn added(&self) -> Vec<Arc<str>> {
        let rules = self.0.borrow();
        let added = rules.iter().filter(|rule| rule.added);
        added.map(|rule| Arc::clone(&rule.text)).collect()
    }

    /// Removes the rule of this number, from 1. Those after it move up.
    pub fn remove(&self, number: usize) -> Option<Rule> {
        let mut rules = self.0.borrow_mut();
        let at = number.checked_sub(1).filter(|at| *at < rules.len())?;
        Some(rules.remove(at))
    }

    /// Removes all rules, and returns their number.
    pub fn clear(&self) -> usize {
        std::mem::take(&mut *self.0.borrow_mut()).len()
    }
}

/// A message of `--on-open`.
#[derive(Clone, Debug)]
pub enum Opening {
    /// Sent when everything before it has been.
    Now(Message),
    /// Sent when, besides, a message has come.
    After(After),
}

impl Opening {
    /// Whether it waited, and no connection has brought the message that it waited for.
    pub fn was_never_met(&self) -> bool {
        matches!(self, Opening::After(after) if after.was_never_met())
    }
}

/// A message that waits for another one.
#[derive(Clone, Debug)]
pub struct After {
    pub when: Filter,
    /// Without one, nothing is sent: what follows only waits.
    pub reply: Option<Reply>,
    /// Whether it has been sent on any connection.
    pub(super) met: Rc<Cell<bool>>,
}

impl After {
    pub fn new(when: Filter, reply: Option<Reply>) -> Self {
        let met = Rc::default();
        After { when, reply, met }
    }

    /// Whether no connection has brought the message that it waits for.
    pub fn was_never_met(&self) -> bool {
        !self.met.get()
    }

    /// Lets `interrupt` end the evaluation of its expressions.
    pub fn set_interrupt(&self, interrupt: &Interrupt) {
        self.when.set_interrupt(interrupt);
        if let Some(reply) = &self.reply {
            reply.set_interrupt(interrupt);
        }
    }
}

/// Pings in protocols where nothing in them says so, and their answers: Engine.IO and Centrifugo. With
/// another answer they are messages like others.
const WORDLESS_PINGS: [(&str, &str); 2] = [("2", "3"), ("{}", "{}")];

/// A longer text is no ping, however it begins.
const LONGEST_PING: usize = 256;

/// Whether an answered message is a ping of the application, which is not worth showing: all of its text
/// is that word, with an argument at most, or a member that says what the message is has no other value.
/// A message that only mentions pings is none: it would be lost.
pub(super) fn is_ping(data: Data<'_>, parsed: &Parsed<'_>) -> bool {
    let Data::Text(text) = data else {
        return false;
    };
    match parsed.json() {
        Some(json) if json.trim_start().starts_with('{') => {
            let mut members = crate::json::text::members(json);
            members.any(|(name, value)| {
                KIND_MEMBERS.contains(&name.trim_matches('"')) && is_ping_name(value)
            })
        }
        _ if text.len() > LONGEST_PING => false,
        _ => {
            let mut words = text.trim().trim_matches('"').split_ascii_whitespace();
            words.next().is_some_and(is_ping_word) && words.nth(1).is_none()
        }
    }
}

/// Whether the value of a member is a string that names a ping, perhaps in the namespace of its protocol:
/// `pusher:ping`.
fn is_ping_name(value: &str) -> bool {
    let name = value.trim().trim_matches('"');
    let (space, word) = name.rsplit_once([':', '.', '/']).unwrap_or(("", name));
    is_ping_word(word) && !space.contains(|c: char| c.is_whitespace())
}

fn is_ping_word(word: &str) -> bool {
    ["ping", "heartbeat"]
        .iter()
        .any(|it| word.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_of_applications_are_known() {
        for (text, expected) in [
            ("ping", true),
            ("ping 1764409000", true),
            (r#"{"type":"ping"}"#, true),
            (r#"{"type":"app.ping"}"#, true),
            ("\"ping\"", true),
            ("PING :tmi.twitch.tv", true),
            ("PING\r\n", true),
            (r#"{"id":1,"method":"ping","params":[]}"#, true),
            (r#"{"event":"pusher:ping","data":{}}"#, true),
            (
                r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#,
                true,
            ),
            ("2", false),
            ("{}", false),
            ("pinged", false),
            ("heartbeat lost at node 7", false),
            (r#"{"op":"ship ping","d":1}"#, false),
            (r#"{"method":"eth_ping_stats"}"#, false),
            (r#"{"type":"auth","action":"heartbeat-config"}"#, false),
            ("[]", false),
            ("what about ping", false),
            (r#"{"type":"shipping"}"#, false),
            (r#"{"type":{"a":"x"},"data":"ping"}"#, false),
            (r#"{"type":"auth_required"}"#, false),
            ("", false),
        ] {
            let data = Data::Text(text);
            assert_eq!(is_ping(data, &Parsed::once(data)), expected, "{text}");
        }
        let long = format!("ping {}", "x".repeat(LONGEST_PING));
        let data = Data::Text(&long);
        assert!(!is_ping(data, &Parsed::once(data)));
        let binary = Data::Binary(b"ping");
        assert!(!is_ping(binary, &Parsed::once(binary)));
    }

    #[test]
    fn names_of_variables_fit_the_environment() {
        assert_eq!(environment_name("a-b.C_1"), "WIRECAT_VAR_a_b_C_1");
    }

    #[test]
    fn rules_are_numbered_in_order() {
        let rule = |text: &str| {
            let when = Filter::compile(".").unwrap();
            let line = text.to_owned();
            let variables = Arc::default();
            Rule::new(
                text,
                false,
                when,
                Reply::Command(Program { line, variables }),
            )
        };
        let rules = Rules::default();
        assert_eq!(
            (
                rules.add(rule("a")),
                rules.add(rule("b")),
                rules.add(rule("c"))
            ),
            (1, 2, 3)
        );
        let handle = rules.clone();
        assert_eq!(
            handle
                .remove(2)
                .map(|rule| rule.text.to_string())
                .as_deref(),
            Some("b")
        );
        assert!(handle.remove(3).is_none() && handle.remove(0).is_none());
        let texts: Vec<String> = rules
            .all()
            .iter()
            .map(|rule| rule.text.to_string())
            .collect();
        assert_eq!(texts, ["a", "c"]);
        assert_eq!(
            rules.added(),
            texts
                .iter()
                .map(|it| (**it).into())
                .collect::<Vec<Arc<str>>>()
        );
        assert_eq!((rules.clear(), rules.is_empty()), (2, true));
    }
}

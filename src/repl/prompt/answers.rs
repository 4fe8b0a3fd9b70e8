//! What the prompt does about `/answer`: rules for messages that come from here on.

use crate::payload::Encoding;
use crate::repl::files::read_file;
use crate::repl::variables::VariableValue;
use crate::session::answers::reply::{Known, Making};
use crate::session::answers::rules::environment_name;
use crate::session::answers::{Reply, Rule, Rules, split};

use super::Prompt;

impl Prompt {
    /// Adds a rule: `EXPR=REPLY`. Variables have the values that they have now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add_answer(&mut self, text: &str) -> Result<(), String> {
        let (ping, split) = split::rule(text).map_err(|error| error.with_details())?;
        let reply = self.reply(split.rest)?;
        let rule = Rule::new(text, ping, split.when, reply);
        rule.set_interrupt(&self.options.interrupt);
        let number = self.work.borrow().answers.add(rule);
        self.say(&format!("answer {number}: {text}\n"));
        Ok(())
    }

    fn reply(&self, text: &str) -> Result<Reply, String> {
        let content = match text.strip_prefix('@') {
            None => None,
            Some(literal) if literal.starts_with('@') => Some(literal.to_owned()),
            Some(path) => Some(
                String::from_utf8(read_file(path)?)
                    .map_err(|_| format!("{path}: it is not UTF-8"))?,
            ),
        };
        let work = self.work.borrow();
        let known = |value: &VariableValue| match value {
            VariableValue::Text(text) => Known::Given(text.clone()),
            VariableValue::Json(json) => Known::Learnt(json.to_string()),
        };
        let variables = work.variables.iter();
        let environment = variables.map(|(name, value)| (environment_name(name), value.text()));
        let making = Making {
            escapes: self.options.payload.encoding == Encoding::Escapes,
            variable: &|name| {
                let mut variables = work.variables.iter();
                variables.find_map(|(it, value)| (it == name).then(|| known(value)))
            },
            environment: environment.collect(),
        };
        let reply = match &content {
            None => Reply::compile(text, &making),
            Some(content) => Reply::read(content, &making),
        };
        let reply = reply.and_then(|reply| {
            reply.check_names(|name| self.options.resumed.iter().any(|it| it == name))?;
            Ok(reply)
        });
        reply.map_err(|error| error.with_details())
    }

    /// Removes the rule of this number, or all of them.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn drop_answers(&mut self, number: Option<usize>) -> Result<(), String> {
        let answers = self.work.borrow().answers.clone();
        match number {
            None if answers.clear() == 0 => Err("nothing is answered".to_owned()),
            None => {
                self.say("nothing is answered any more\n");
                Ok(())
            }
            Some(number) => {
                let rule = answers.remove(number);
                let rule =
                    rule.ok_or_else(|| format!("there is no answer {number}; /answer lists them"))?;
                self.say(&format!("no longer answered: {}\n", rule.text));
                Ok(())
            }
        }
    }

    /// Says which rules were typed for the server that was left, whose rules were `before`, and which
    /// for the one that follows.
    pub(super) fn say_changed_answers(&self, before: &Rules) {
        for text in before.added() {
            self.say(&format!("no longer answered: {text}\n"));
        }
        let answers = self.work.borrow().answers.clone();
        for text in answers.added() {
            self.say(&format!("answered again: {text}\n"));
        }
    }
}

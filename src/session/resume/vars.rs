//! `--resume NAME=EXPR` and `{{NAME}}`: values remembered from received messages, to be sent on the
//! next connection. Pure; [`super::file`] reads and writes the file of `--state`.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;
use crate::json::string;
use crate::template;
pub use crate::template::Place;

/// Version of the state file.
const VERSION: u64 = 1;

/// A value and the expression that finds it.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    filter: Filter,
    value: Option<Value>,
}

/// All remembered values.
#[derive(Clone, Debug, Default)]
pub struct ResumeVars {
    variables: Vec<Variable>,
    /// Values of the state file that belong to no variable of this run.
    others: Map<String, Value>,
    changes: u64,
}

impl ResumeVars {
    /// Adds the definition `NAME=EXPR`.
    ///
    /// # Errors
    /// Exit 2 for a name that is invalid or taken, or an invalid expression.
    pub fn add(&mut self, definition: &str) -> Result<(), Error> {
        let (name, expression) = definition.split_once('=').unwrap_or((definition, ""));
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && template::is_name(name);
        if !is_name || expression.is_empty() {
            return Err(Error::usage(format!(
                "--resume '{definition}': it must have the form NAME=EXPR"
            ))
            .advice("--resume last=.id remembers the member \"id\" for {{last}}"));
        }
        if matches!(name, "n" | "token") {
            return Err(Error::usage(format!(
                "--resume {name}: {{{{{name}}}}} is reserved"
            )));
        }
        if self.variables.iter().any(|known| known.name == name) {
            return Err(Error::usage(format!("--resume {name} is given twice")));
        }
        let filter = Filter::compile(expression).map_err(|mut error| {
            error.message = format!("--resume {name}: {}", error.message);
            error
        })?;
        self.variables.push(Variable {
            name: name.to_owned(),
            filter,
            value: self.others.remove(name),
        });
        Ok(())
    }

    /// The expressions, each with the name of its variable.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &Filter)> {
        let variables = self.variables.iter();
        variables.map(|variable| (&*variable.name, &variable.filter))
    }

    /// Whether no variable is defined.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// Increases whenever a value changes.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Updates the values from a received message.
    pub fn update(&mut self, message: &Parsed<'_>) {
        for variable in &mut self.variables {
            let Some(Ok(outputs)) = variable.filter.run_on(message) else {
                continue;
            };
            let last = outputs
                .iter()
                .rev()
                .filter_map(|output| serde_json::from_str::<Value>(output).ok())
                .find(|value| !value.is_null());
            if last.is_some() && last != variable.value {
                variable.value = last;
                self.changes += 1;
            }
        }
    }

    /// `template` with every `{{NAME}}` replaced; a name without a value yet is empty.
    ///
    /// # Errors
    /// If a header would contain a control character.
    pub fn fill(&self, template: &str, place: Place) -> Result<String, Error> {
        let filled = template::fill(template, place, |name| self.value(name));
        if place == Place::Header && filled.chars().any(|c| c.is_control() && c != '\t') {
            return Err(Error::usage(format!(
                "header '{template}': its remembered value contains a control character"
            )));
        }
        Ok(filled)
    }

    /// The value of a variable; `None` if there is no such variable.
    pub fn value(&self, name: &str) -> Option<template::Value<'_>> {
        let variable = self.variables.iter().find(|known| known.name == name)?;
        let value = variable.value.as_ref();
        Some(value.map_or(template::Value::Nothing, template::Value::Json))
    }

    /// The content of the state file.
    pub fn to_state(&self) -> String {
        let mut values = self.others.clone();
        for variable in &self.variables {
            if let Some(value) = &variable.value {
                values.insert(variable.name.clone(), value.clone());
            }
        }
        let state = Value::Object(Map::from_iter([
            ("v".to_owned(), Value::from(VERSION)),
            ("resume".to_owned(), Value::Object(values)),
        ]));
        format!("{}\n", string::escape_line_ends(&state.to_string()))
    }

    /// Loads the values from a state file's content.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn load(&mut self, state: &str) -> Result<(), String> {
        let state: Value = serde_json::from_str(state).map_err(|error| error.to_string())?;
        if state.get("v").and_then(Value::as_u64) != Some(VERSION) {
            return Err("it is not a state file of this version of wirecat".to_owned());
        }
        let Some(Value::Object(values)) = state.get("resume") else {
            return Err("it has no member \"resume\"".to_owned());
        };
        for (name, value) in values {
            match self.variables.iter_mut().find(|known| known.name == *name) {
                Some(variable) => variable.value = Some(value.clone()),
                None => drop(self.others.insert(name.clone(), value.clone())),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Data;

    #[track_caller]
    fn memory(definitions: &[&str], messages: &[&str]) -> ResumeVars {
        let mut memory = ResumeVars::default();
        for definition in definitions {
            memory.add(definition).unwrap();
        }
        for message in messages {
            memory.update(&Parsed::once(Data::Text(message)));
        }
        memory
    }

    #[track_caller]
    fn filled(memory: &ResumeVars, template: &str, place: Place) -> String {
        memory.fill(template, place).unwrap()
    }

    #[test]
    fn a_state_file_is_one_line_for_every_reader() {
        let definitions = &["last=.id", "all=."];
        let message = "{\"id\":\"a\u{2028}b\u{85}\",\"k\u{2029}\":1}";
        let first = memory(definitions, &[message]);
        let state = first.to_state();
        assert_eq!(
            state,
            "{\"v\":1,\"resume\":{\"last\":\"a\\u2028b\\u0085\",\"all\":{\"id\":\"a\\u2028b\\u0085\",\"k\\u2029\":1}}}\n"
        );
        let mut second = memory(definitions, &[]);
        second.load(&state).unwrap();
        // In the message the value is unchanged.
        assert_eq!(
            filled(&second, "{{last}}", Place::Message),
            "a\u{2028}b\u{85}"
        );
    }

    #[test]
    fn the_last_value_that_is_not_null_counts() {
        let memory = memory(
            &["last=.id", "topic=.topic"],
            &[
                r#"{"id":1}"#,
                r#"{"id":2,"topic":"a b"}"#,
                r#"{"id":null}"#,
                "{}",
                "no JSON",
                "7",
            ],
        );
        assert_eq!(memory.changes(), 3);
        assert_eq!(
            filled(
                &memory,
                "{{last}}/{{topic}}/{{other}}/{{last}}",
                Place::Message
            ),
            "2/a b/{{other}}/2"
        );
    }

    #[test]
    fn a_variable_without_a_value_is_empty() {
        let memory = memory(&["last=.id"], &[]);
        assert_eq!(
            filled(&memory, r#"{"after":"{{last}}"}"#, Place::Message),
            r#"{"after":""}"#
        );
        assert_eq!(filled(&memory, "after={{last}}", Place::Query), "after=");
    }

    #[test]
    fn a_peers_value_cannot_escape_its_place() {
        let hostile = r#"{"id":"a\"b\\, &=%\r\n{{other}}"}"#;
        let memory = memory(&["id=.id", "other=.x"], &[hostile]);
        for template in [
            r#"{"a":"{{id}}"}"#,
            r#"{"a":{{id}}}"#,
            r#"{"q\"":["{{id}}",{{id}},"x{{id}}y"]}"#,
        ] {
            let message = filled(&memory, template, Place::Message);
            assert!(serde_json::from_str::<Value>(&message).is_ok(), "{message}");
        }
        assert_eq!(
            filled(&memory, "a={{id}}&b=1", Place::Query),
            "a=a%22b%5C%2C+%26%3D%25%0D%0A%7B%7Bother%7D%7D&b=1"
        );
        let error = memory.fill("X-Last: {{id}}", Place::Header).unwrap_err();
        assert!(error.message.contains("control character"), "{error}");
    }

    #[test]
    fn values_of_every_type_in_every_place() {
        for (json, text, string, bare) in [
            ("17", "17", "17", "17"),
            ("1.50", "1.50", "1.50", "1.50"),
            (r#""a""#, "a", "a", r#""a""#),
            (
                r#"{"k":[1,"x"]}"#,
                r#"{"k":[1,"x"]}"#,
                r#"{\"k\":[1,\"x\"]}"#,
                r#"{"k":[1,"x"]}"#,
            ),
            ("true", "true", "true", "true"),
        ] {
            let memory = memory(&["v=."], &[json]);
            assert_eq!(
                filled(&memory, "is {{v}}", Place::Message),
                format!("is {text}")
            );
            assert_eq!(filled(&memory, "{{v}}", Place::Header), text);
            assert_eq!(
                filled(&memory, r#"["{{v}}",{{v}}]"#, Place::Message),
                format!(r#"["{string}",{bare}]"#)
            );
        }
    }

    #[test]
    fn a_state_round_trips_with_unknown_values() {
        let mut first = memory(&["a=.a", "b=.b"], &[r#"{"a":1,"b":"x"}"#]);
        assert_eq!(
            first.to_state(),
            "{\"v\":1,\"resume\":{\"a\":1,\"b\":\"x\"}}\n"
        );
        let mut second = memory(&["b=.b"], &[]);
        second.load(&first.to_state()).unwrap();
        assert_eq!(filled(&second, "{{b}}", Place::Message), "x");
        second.update(&Parsed::once(Data::Text(r#"{"b":"y"}"#)));
        first.load(&second.to_state()).unwrap();
        assert_eq!(filled(&first, "{{a}}{{b}}", Place::Message), "1y");
        for wrong in ["", "[]", "{}", r#"{"v":2,"resume":{}}"#, r#"{"v":1}"#] {
            assert!(first.load(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn invalid_definitions_are_refused() {
        for wrong in [
            "",
            "last",
            "last=",
            "=.id",
            "1a=.id",
            "a b=.id",
            "n=.id",
            "token=.id",
            "x=.[",
        ] {
            assert!(ResumeVars::default().add(wrong).is_err(), "{wrong}");
        }
        let mut memory = memory(&["a=.a"], &[]);
        assert!(memory.add("a=.b").is_err());
    }
}

//! The variables of the prompt: what `{{NAME}}` stands for in a message that is typed. Pure: the time
//! and random numbers come in as [`Generated`].

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::generated::{GENERATED, Generated, uuid};
use crate::template::{self, Place, Value};

/// How much of a value is shown, in characters.
const MAX_SHOWN: usize = 200;

/// A value: as it was typed, or as a message had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VariableValue {
    Text(String),
    Json(Json),
}

impl VariableValue {
    fn value(&self) -> Value<'_> {
        match self {
            VariableValue::Text(text) => Value::Text(text),
            VariableValue::Json(json) => Value::Json(json),
        }
    }

    /// The value as text: a JSON string without its quotes.
    pub(super) fn text(&self) -> String {
        match self {
            VariableValue::Text(text) | VariableValue::Json(Json::String(text)) => text.clone(),
            VariableValue::Json(json) => json.to_string(),
        }
    }

    /// The value as it is shown: a JSON string with its quotes, and only the beginning of a long value.
    pub(super) fn shown(&self) -> String {
        let text = match self {
            VariableValue::Text(text) => text.clone(),
            VariableValue::Json(json) => json.to_string(),
        };
        match text.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// All variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    held: BTreeMap<String, VariableValue>,
    /// What the command line and the configuration file give.
    given: BTreeMap<String, String>,
    /// How many messages have used `{{$n}}`.
    number: u64,
}

impl Variables {
    pub(super) fn new(given: &BTreeMap<String, String>) -> Self {
        let mut variables = Variables::default();
        variables.replace_given(given);
        variables
    }

    /// Replaces the variables that are given for one server by those for another. What the user has set
    /// stays.
    pub(super) fn replace_given(&mut self, given: &BTreeMap<String, String>) {
        let before = std::mem::replace(&mut self.given, given.clone());
        self.held.retain(|name, value| {
            let unchanged = |text: &String| *value == VariableValue::Text(text.clone());
            !before.get(name).is_some_and(unchanged)
        });
        for (name, value) in given {
            let value = || VariableValue::Text(value.clone());
            self.held.entry(name.clone()).or_insert_with(value);
        }
    }

    /// Sets a variable. The name must be one ([`check_name`]).
    pub(super) fn set(&mut self, name: &str, value: VariableValue) {
        self.held.insert(name.to_owned(), value);
    }

    /// Removes a variable.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn unset(&mut self, name: &str) -> Result<(), String> {
        match self.held.remove(name) {
            Some(_) => Ok(()),
            None => Err(format!("there is no variable {name}; /vars lists them")),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &VariableValue)> {
        self.held.iter().map(|(name, value)| (&**name, value))
    }

    /// Replaces every `{{NAME}}` in a message. `more` takes precedence over the variables.
    ///
    /// # Errors
    /// A name stands for nothing. What is between braces and is no name is left as it is.
    pub(super) fn fill(
        &mut self,
        message: &str,
        more: &BTreeMap<String, String>,
        generated: &Generated,
    ) -> Result<String, String> {
        if !message.contains("{{") {
            return Ok(message.to_owned());
        }
        self.check(message, more)?;
        let number = self.number + 1;
        let (uuid, now) = (
            Json::from(uuid(generated.random)),
            Json::from(&*generated.now),
        );
        let filled = template::fill(message, Place::Message, |name| match name {
            "$uuid" => Some(Value::Json(&uuid)),
            "$now" => Some(Value::Json(&now)),
            "$n" => Some(Value::Number(number)),
            name => match more.get(name) {
                Some(value) => Some(Value::Text(value)),
                None => self.held.get(name).map(VariableValue::value),
            },
        });
        if template::mentions(message.as_bytes(), "$n") {
            self.number = number;
        }
        Ok(filled)
    }

    /// Checks that every `{{NAME}}` in a message stands for something.
    ///
    /// # Errors
    /// A name stands for nothing.
    pub(super) fn check(
        &self,
        message: &str,
        more: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let unknown = self.unknown(message, more);
        unknown.map_or(Ok(()), |name| Err(unknown_name(name)))
    }

    /// The first name in a message that stands for nothing.
    pub(super) fn unknown<'a>(
        &self,
        message: &'a str,
        more: &BTreeMap<String, String>,
    ) -> Option<&'a str> {
        template::names(message).find(|name| !self.knows(name, more))
    }

    fn knows(&self, name: &str, more: &BTreeMap<String, String>) -> bool {
        self.held.contains_key(name)
            || more.contains_key(name)
            || GENERATED.iter().any(|(generated, _)| *generated == name)
    }
}

fn unknown_name(name: &str) -> String {
    match name.strip_prefix('$') {
        Some(_) => {
            let names: Vec<_> = GENERATED.iter().map(|(name, _)| *name).collect();
            format!(
                "not sent: nothing generates {name}; there are {} (/send sends the text as it is)",
                names.join(", ")
            )
        }
        None => format!(
            "not sent: there is no variable {name}; /set {name} VALUE makes it (/send sends the text as it is)"
        ),
    }
}

/// Checks the name of a variable.
///
/// # Errors
/// What a name may consist of.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match begins && template::is_name(name) {
        true => Ok(()),
        false => Err(format!(
            "'{name}' is not a name: it may have letters, digits, and _ - . and begins with a letter or _"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn generated() -> Generated {
        Generated {
            random: [0xff; 16],
            now: "2026-11-20T10:00:00Z".to_owned(),
        }
    }

    fn variables() -> Variables {
        let mut variables = Variables::new(&BTreeMap::from([("ch".into(), "news".into())]));
        variables.set("user", VariableValue::Json(json!("xi\"ao")));
        variables.set("last", VariableValue::Json(json!(17)));
        variables
    }

    #[test]
    fn what_is_given_for_another_server_replaces_no_value_of_the_user() {
        let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let mut variables = Variables::new(&given(&[("a", "1"), ("b", "1"), ("c", "1")]));
        variables.set("b", VariableValue::Text("mine".into()));
        variables.set("d", VariableValue::Json(json!(4)));
        variables.replace_given(&given(&[("a", "2"), ("b", "2"), ("d", "2"), ("e", "2")]));
        let shown: Vec<_> = variables
            .iter()
            .map(|(name, value)| format!("{name} {}", value.shown()))
            .collect();
        assert_eq!(shown, ["a 2", "b mine", "d 4", "e 2"]);
    }

    #[test]
    fn names_are_replaced_by_values() {
        let more = BTreeMap::from([("ch".into(), "sport".into())]);
        for (message, more, filled) in [
            ("plain", None, "plain"),
            (r#"{"ch":"{{ch}}"}"#, None, r#"{"ch":"news"}"#),
            (r#"{"ch":"{{ch}}"}"#, Some(&more), r#"{"ch":"sport"}"#),
            (
                r#"{"u":{{user}},"s":"{{user}}"}"#,
                None,
                r#"{"u":"xi\"ao","s":"xi\"ao"}"#,
            ),
            ("after {{last}}", None, "after 17"),
            ("{{$n}}", None, "1"),
            (
                r#"{"t":{{$now}},"s":"{{$now}}"}"#,
                None,
                r#"{"t":"2026-11-20T10:00:00Z","s":"2026-11-20T10:00:00Z"}"#,
            ),
            ("{{$uuid}}", None, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (
                "{{ not a name }} {{.x}}".trim_end_matches(" {{.x}}"),
                None,
                "{{ not a name }}",
            ),
            (r#"{"a":{"b":{"c":1}}}"#, None, r#"{"a":{"b":{"c":1}}}"#),
        ] {
            let none = BTreeMap::new();
            let found = variables().fill(message, more.unwrap_or(&none), &generated());
            assert_eq!(found.as_deref(), Ok(filled), "{message}");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        for (message, told) in [
            ("{{nobody}}", "/set nobody VALUE"),
            ("{{$uid}}", "$uuid, $now, $n"),
        ] {
            let error = variables().fill(message, &BTreeMap::new(), &generated());
            assert!(error.clone().unwrap_err().contains(told), "{error:?}");
        }
    }

    #[test]
    fn the_number_counts_the_messages_that_use_it() {
        let mut variables = variables();
        let mut fill = |message: &str| {
            let filled = variables.fill(message, &BTreeMap::new(), &generated());
            filled.unwrap()
        };
        assert_eq!(fill("{{$n}} {{$n}}"), "1 1");
        assert_eq!(fill("other"), "other");
        assert_eq!(fill("{{$n}}"), "2");
    }

    #[test]
    fn only_the_beginning_of_a_long_value_is_shown() {
        assert_eq!(VariableValue::Json(json!("é")).shown(), "\"é\"");
        let long = VariableValue::Text("é".repeat(1 << 20));
        assert_eq!(long.shown(), "é".repeat(MAX_SHOWN) + "…");
    }

    #[test]
    fn names() {
        for (name, fine) in [
            ("a", true),
            ("_a-b.c9", true),
            ("", false),
            ("9", false),
            ("$n", false),
            ("a b", false),
            ("a=b", false),
        ] {
            assert_eq!(check_name(name).is_ok(), fine, "{name}");
        }
    }
}

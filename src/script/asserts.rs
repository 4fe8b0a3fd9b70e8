//! Whether an assert holds, and the sentence that says why not.

use super::ast::{Predicate, Property};
use super::operands::operands;
use super::value::Value;
use crate::error::Error;
use crate::json::jq::Filter;
use crate::json::parsed::Parsed;

/// Why an assert does not hold, in one sentence without a full stop. It may quote the peer, at any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    False(String),
    /// It holds for nothing, whatever comes.
    Unusable(String),
}

#[cfg(test)]
impl Unmet {
    fn sentence(self) -> String {
        match self {
            Unmet::False(why) | Unmet::Unusable(why) => why,
        }
    }
}

/// `PROPERTY [not] PREDICATE [VALUE]`, with `written` as it stands in the script, its variables filled in.
///
/// # Errors
/// Why it does not hold.
pub fn holds(
    property: &Property,
    value: &Value,
    not: bool,
    predicate: Predicate,
    written: Option<&str>,
) -> Result<(), Unmet> {
    let not_word = if not { " not" } else { "" };
    let written_word = written.map(|written| format!(" {written}"));
    let assert = format!(
        "`{}{not_word} {}{}`",
        name_of(property),
        word_of(predicate),
        written_word.unwrap_or_default()
    );
    match value.satisfies(predicate, written) {
        Ok(holds) if holds != not => Ok(()),
        Ok(_) => Err(Unmet::False(format!(
            "{assert} is false: {}",
            value.describe()
        ))),
        Err(why) => Err(Unmet::Unusable(format!(
            "{assert} cannot be checked: {why}"
        ))),
    }
}

/// The word of a property in a script.
pub fn name_of(property: &Property) -> String {
    let word = match property {
        Property::Duration => "duration",
        Property::Opcode => "opcode",
        Property::Code => "code",
        Property::Reason => "reason",
        Property::Status => "status",
        Property::Subprotocol => "subprotocol",
        Property::Extensions => "extensions",
        Property::Attempts => "attempts",
        Property::Body => "body",
        Property::Header(name) => return format!("header {name}"),
    };
    word.to_owned()
}

/// The word of a predicate in a script.
pub fn word_of(predicate: Predicate) -> &'static str {
    match predicate {
        Predicate::Equal => "==",
        Predicate::NotEqual => "!=",
        Predicate::Less => "<",
        Predicate::AtMost => "<=",
        Predicate::Greater => ">",
        Predicate::AtLeast => ">=",
        Predicate::Contains => "contains",
        Predicate::StartsWith => "startsWith",
        Predicate::EndsWith => "endsWith",
        Predicate::Matches => "matches",
        Predicate::Exists => "exists",
        Predicate::IsEmpty => "isEmpty",
    }
}

/// A jq expression that must be true of a message. A message that is not JSON is a string to it.
#[derive(Clone, Debug)]
pub struct JqAssert {
    filter: Filter,
}

impl JqAssert {
    /// Compiles an expression whose variables are filled in.
    ///
    /// # Errors
    /// Where the expression is wrong.
    pub fn compile(expression: &str) -> Result<JqAssert, Error> {
        Ok(JqAssert {
            filter: Filter::compile(expression)?.reading_text(),
        })
    }

    /// The expression, for what may interrupt it.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Evaluates it: there must be a value, and none of them may be `false` or `null`.
    ///
    /// # Errors
    /// Why it does not hold, in one sentence with the values that it compares. It may quote the peer,
    /// at any length.
    pub fn check(&self, message: &Parsed<'_>) -> Result<(), String> {
        let expression = self.filter.text();
        let values = match self.filter.run_on(message) {
            None => {
                return Err(format!(
                    "`{expression}` cannot be evaluated: the message is not text"
                ));
            }
            Some(Err(why)) => return Err(format!("`{expression}` failed: {why}")),
            Some(Ok(values)) if values.is_empty() => {
                return Err(format!("`{expression}` gives no value"));
            }
            Some(Ok(values)) => values,
        };
        let is_untrue = |value: &&String| matches!(&***value, "false" | "null");
        match (values.iter().find(is_untrue), values.len()) {
            (None, _) => Ok(()),
            (Some(value), 1) => Err(explain(expression, value, message)),
            (Some(value), all) => Err(format!(
                "one of the {all} values of `{expression}` is {value}"
            )),
        }
    }
}

/// Says which values have made the expression what it is.
fn explain(expression: &str, result: &str, message: &Parsed<'_>) -> String {
    let parts = operands(expression);
    let values = parts.iter().filter(|part| *part != expression);
    let values = values.filter_map(|part| {
        let filter = Filter::compile(part).ok()?.reading_text();
        let value = match filter.first_of(message)? {
            Ok(Some(value)) => format!("is {value}"),
            Ok(None) => "gives no value".to_owned(),
            Err(why) => format!("failed: {why}"),
        };
        Some(format!("`{part}` {value}"))
    });
    let values: Vec<String> = values.collect();
    match values.is_empty() {
        true => format!("`{expression}` is {result}"),
        false => format!("`{expression}` is {result}: {}", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::Data;

    #[test]
    fn a_sentence_says_what_the_value_is() {
        let missing = Value::Missing;
        let reason = Value::Text("no \"auth\"\x1b".to_owned());
        let millis = |millis| Value::Duration(Duration::from_millis(millis));
        for (property, value, not, predicate, written, sentence) in [
            (
                Property::Duration,
                millis(312),
                false,
                Predicate::Less,
                Some("200ms"),
                "`duration < 200ms` is false: it took 312 ms",
            ),
            (
                Property::Code,
                Value::Number(4401),
                true,
                Predicate::Equal,
                Some("4401"),
                "`code not == 4401` is false: it is 4401",
            ),
            (
                Property::Reason,
                reason,
                false,
                Predicate::EndsWith,
                Some("x"),
                r#"`reason endsWith x` is false: it is "no \"auth\"\u001b""#,
            ),
            (
                Property::Header("X-A".to_owned()),
                missing.clone(),
                false,
                Predicate::Exists,
                None,
                "`header X-A exists` is false: there is none",
            ),
            (
                Property::Attempts,
                Value::Number(1),
                false,
                Predicate::AtMost,
                Some("few"),
                "`attempts <= few` cannot be checked: \"few\" is not a number",
            ),
        ] {
            let found = holds(&property, &value, not, predicate, written).map_err(Unmet::sentence);
            assert_eq!(found, Err(sentence.to_owned()));
        }
        let holds = holds(&Property::Body, &missing, true, Predicate::Exists, None);
        assert_eq!(holds, Ok(()));
    }

    #[test]
    fn a_jq_assert_shows_the_values_that_it_compares() {
        let message = r#"{"data":{"user":"ann","tags":[1,2]},"n":3,"ok":false}"#;
        for (expression, sentence) in [
            (r#".data.user == "ann""#, None),
            (".n", None),
            (
                r#".data.user == "xiao""#,
                Some(r#"`.data.user == "xiao"` is false: `.data.user` is "ann""#),
            ),
            (
                ".n < 3 and .data.tags != null",
                Some("`.n < 3 and .data.tags != null` is false: `.n` is 3, `.data.tags` is [1,2]"),
            ),
            (
                ".data.tags | length == 3",
                Some("`.data.tags | length == 3` is false: `.data.tags | length` is 2"),
            ),
            (".ok", Some("`.ok` is false")),
            (".nothing", Some("`.nothing` is null")),
            ("empty", Some("`empty` gives no value")),
        ] {
            let found = JqAssert::compile(expression)
                .unwrap()
                .check(&Parsed::new(Data::Text(message)));
            assert_eq!(found.err().as_deref(), sentence, "{expression}");
        }
    }

    #[test]
    fn a_text_is_a_string_and_bytes_are_nothing() {
        let assert = JqAssert::compile(r#"startswith("hello")"#).unwrap();
        assert_eq!(assert.check(&Parsed::new(Data::Text("hello, ann"))), Ok(()));
        assert!(assert.check(&Parsed::new(Data::Text("bye"))).is_err());
        let bytes = assert.check(&Parsed::new(Data::Binary(b"\xff")));
        let sentence = r#"`startswith("hello")` cannot be evaluated: the message is not text"#;
        assert_eq!(bytes, Err(sentence.to_owned()));
        assert_eq!(assert.filter().text(), r#"startswith("hello")"#);
        assert!(JqAssert::compile(".a ==").is_err());
    }
}

//! A message that expressions share: measured and parsed as JSON once, however many expressions
//! there are, and only when the first is evaluated. Pure.
//!
//! The limits of an evaluation ([`super::jq`]) still hold. An expression never changes the shared
//! value: it changes a copy, which it is charged for. If an evaluation needs its own thread, that
//! thread parses the message again, because values cannot cross threads.

use std::cell::OnceCell;

use super::jq::read::{self, Unread};
use super::jq::value::Value;
use super::sequence::{self, Split};
use crate::message::Data;

/// A message as JSON; see the module.
pub struct Parsed<'a> {
    data: Data<'a>,
    /// Whether the value is kept for the next expression.
    keeps: bool,
    measured: OnceCell<Result<(&'a str, usize), Unread>>,
    value: OnceCell<Result<Value, Unread>>,
}

impl<'a> Parsed<'a> {
    /// A message that several expressions share.
    pub fn new(data: Data<'a>) -> Self {
        Parsed {
            data,
            keeps: true,
            measured: OnceCell::new(),
            value: OnceCell::new(),
        }
    }

    /// A message for a single expression. The value is that expression's own, so it can change the
    /// value without a copy.
    pub fn once(data: Data<'a>) -> Self {
        Parsed {
            keeps: false,
            ..Parsed::new(data)
        }
    }

    /// How the message would have to be cut to be JSON; `None` if that would not help, or if it is
    /// longer than `most` bytes.
    pub(super) fn guess(&self, most: usize) -> Option<Split> {
        let bytes = Some(self.data.as_bytes()).filter(|bytes| bytes.len() <= most);
        sequence::guess(std::str::from_utf8(bytes?).ok()?)
    }

    /// The text, and its nesting depth.
    ///
    /// # Errors
    /// If it is not JSON, or beyond the limits of an expression.
    pub(super) fn text(&self) -> Result<(&'a str, usize), Unread> {
        let measured = self.measured.get_or_init(|| {
            let text = match self.data {
                Data::Text(text) => text,
                Data::Binary(bytes) => std::str::from_utf8(bytes).map_err(|_| Unread::NotJson)?,
            };
            Ok((text, read::measure(text, read::MAX_DEPTH)?))
        });
        measured.clone()
    }

    /// The text of a message that is JSON within the limits of an expression.
    pub fn json(&self) -> Option<&'a str> {
        self.text().ok().map(|(text, _)| text)
    }

    /// The message as text, JSON or not; `None` if it is not UTF-8.
    pub(super) fn plain(&self) -> Option<&'a str> {
        match self.data {
            Data::Text(text) => Some(text),
            Data::Binary(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }

    /// The value. Operations on it may panic, like jaq's parser: call it only during an evaluation.
    ///
    /// # Errors
    /// Those of [`Parsed::text`], or that jaq does not accept the text.
    pub(super) fn value(&self) -> Result<Value, Unread> {
        let (text, _) = self.text()?;
        match self.keeps {
            true => self.value.get_or_init(|| read::parse(text)).clone(),
            false => read::parse(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::jq::Filter;

    fn filter(expression: &str) -> Filter {
        Filter::compile(expression).unwrap()
    }

    #[test]
    fn expressions_share_the_same_value() {
        let json = r#"{"a":[1,{"b":2}],"c":"x"}"#;
        let parsed = Parsed::new(Data::Text(json));
        for (expression, expected) in [
            (".a[1].b = 7 | .a[0] += 1", r#"{"a":[2,{"b":7}],"c":"x"}"#),
            ("del(.a) | .c |= ascii_upcase", r#"{"c":"X"}"#),
            (".", json),
            ("[limit(3; repeat(.c))]", r#"["x","x","x"]"#),
            (".a[1].b", "2"),
        ] {
            let filter = filter(expression);
            let outputs = filter.run_on(&parsed).unwrap().unwrap();
            assert_eq!(outputs, [expected], "{expression}");
            assert_eq!(filter.run(json.as_bytes()).unwrap().unwrap(), outputs);
            let own = Parsed::once(Data::Binary(json.as_bytes()));
            assert_eq!(filter.run_on(&own).unwrap().unwrap(), outputs);
        }
    }

    #[test]
    fn the_value_is_parsed_once_and_only_on_demand() {
        let parsed = Parsed::new(Data::Text("[1]"));
        assert!(parsed.measured.get().is_none() && parsed.value.get().is_none());
        assert!(filter(".[0] == 1").is_true_of(&parsed));
        let first = parsed.value.get().map(std::ptr::from_ref);
        assert!(first.is_some());
        assert!(!filter(".[0] == 2").is_true_of(&parsed));
        assert_eq!(parsed.value.get().map(std::ptr::from_ref), first);
        let once = Parsed::once(Data::Text("[1]"));
        assert!(filter(".[0]").is_true_of(&once));
        assert!(once.value.get().is_none());
    }

    #[test]
    fn invalid_json_is_counted_by_each_expression() {
        let parsed = Parsed::new(Data::Binary(b"\xff"));
        for filter in [filter("."), filter(".a")] {
            assert_eq!(filter.run_on(&parsed), None);
            assert!(!filter.is_true_of(&parsed));
            let losses = filter.losses("--filter", true);
            assert_eq!(losses, ["--filter skipped 2 messages that are not JSON"]);
        }
    }

    #[test]
    fn messages_that_hold_several_values_are_told_from_other_text() {
        let filter = filter(".id");
        assert_eq!(filter.first_skipped("--until"), None);
        for text in ["hello", "{\"id\":1}\n{\"id\":2}"] {
            assert!(!filter.is_true_of(&Parsed::new(Data::Text(text))));
        }
        let hint = "; --split nl cuts such a message into JSON values";
        let first = filter.first_skipped("--until").unwrap();
        assert!(first.contains(&format!("skipped a message that is not JSON{hint}")));
        assert_eq!(filter.first_skipped("--until"), None);
        assert_eq!(
            filter.losses("--until", true),
            [format!(
                "--until skipped 2 messages that are not JSON{hint}"
            )]
        );
    }

    #[test]
    fn an_expression_that_needs_its_own_thread_keeps_the_shared_value() {
        let json = format!("[{}0]", "1,".repeat(100_000));
        let parsed = Parsed::new(Data::Text(&json));
        for _ in 0..2 {
            let outputs = filter("map(. + 1) | add").run_on(&parsed).unwrap();
            assert_eq!(outputs.unwrap(), ["200001"]);
            assert!(filter("length == 100001").is_true_of(&parsed));
        }
        let deep = "[".repeat(900) + &"]".repeat(900);
        let parsed = Parsed::new(Data::Text(&deep));
        assert_eq!(filter("length").run_on(&parsed).unwrap().unwrap(), ["1"]);
        assert!(parsed.value.get().is_none(), "it is read on the thread");
    }
}

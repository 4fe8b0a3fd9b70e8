//! The variables of a test: those that were given, and those that it has captured. Pure: what is
//! generated comes in as [`Generated`].

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::generated::{Generated, uuid};
use crate::template::{self, Place, Value};

/// A server must not choose what is read, run or sent from this machine.
pub(super) const CAPTURED: &str =
    "a captured value stands here for a command, a file or a variable of the environment";

/// The values of names.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    given: BTreeMap<String, String>,
    captured: BTreeMap<String, Json>,
    /// How many texts have used `{{$n}}`.
    number: u64,
}

impl Variables {
    /// Those of a file, and those of the command line, which take precedence.
    pub(super) fn new(
        file: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Variables {
        let mut all = file.clone();
        all.extend(given.clone());
        Variables {
            given: all,
            ..Variables::default()
        }
    }

    /// Keeps a value, which takes the place of an earlier one.
    pub(super) fn capture(&mut self, name: &str, value: Json) {
        self.captured.insert(name.to_owned(), value);
    }

    /// Whether a text has a value in it that a server chose.
    pub(super) fn has_captured(&self, text: &str) -> bool {
        template::names(text).any(|name| self.captured.contains_key(name))
    }

    /// Replaces every `{{NAME}}` that has a value. What has none is left as it is.
    pub(super) fn fill(
        &mut self,
        text: &str,
        place: Place,
        generated: impl FnOnce() -> Generated,
    ) -> String {
        self.fill_but(&|_| false, text, place, generated)
    }

    /// As [`Variables::fill`], but what `stays` is left as it is.
    pub(super) fn fill_but(
        &mut self,
        stays: &dyn Fn(&str) -> bool,
        text: &str,
        place: Place,
        generated: impl FnOnce() -> Generated,
    ) -> String {
        if !text.contains("{{") {
            return text.to_owned();
        }
        let generated = generated();
        let number = self.number + 1;
        let (id, now) = (
            Json::from(uuid(generated.random)),
            Json::from(&*generated.now),
        );
        let filled = template::fill(text, place, |name| match name {
            name if stays(name) => None,
            "$uuid" => Some(Value::Json(&id)),
            "$now" => Some(Value::Json(&now)),
            "$n" => Some(Value::Number(number)),
            name => self.value(name),
        });
        if template::mentions(text.as_bytes(), "$n") {
            self.number = number;
        }
        filled
    }

    fn value(&self, name: &str) -> Option<Value<'_>> {
        let captured = self.captured.get(name).map(Value::Json);
        captured.or_else(|| self.given.get(name).map(|text| Value::Text(text)))
    }

    /// Replaces the names in a URL. Before the path a value is inserted as it is, because `{{base}}` may
    /// be all of it; in the path and the query it is percent-encoded.
    pub(super) fn fill_url(&mut self, url: &str, generated: impl Fn() -> Generated) -> String {
        let (before, query) = match url.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (url, None),
        };
        let (origin, path) = before.split_at(end_of_origin(before));
        let mut filled = self.fill(origin, Place::Header, &generated);
        filled += &self.fill(path, Place::Path, &generated);
        if let Some(query) = query {
            filled.push('?');
            filled += &self.fill(query, Place::Query, &generated);
        }
        filled
    }
}

/// Where the path begins in a URL whose scheme and host may be variables.
fn end_of_origin(url: &str) -> usize {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(scheme..).unwrap_or_default();
    rest.find('/').map_or(url.len(), |at| scheme + at)
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
        let given = [("base", "ws://h:1"), ("room", "a b/c"), ("n", "1")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut variables = Variables::new(&BTreeMap::new(), &BTreeMap::from(given));
        variables.capture("id", json!(17));
        variables.capture("user", json!("x\"y"));
        variables
    }

    #[test]
    fn values_are_quoted_for_their_place() {
        for (text, place, filled) in [
            (
                r#"{"id":{{id}},"u":"{{user}}"}"#,
                Place::Message,
                r#"{"id":17,"u":"x\"y"}"#,
            ),
            (r#"{"u":{{user}}}"#, Place::Message, r#"{"u":"x\"y"}"#),
            ("{{room}} {{none}}", Place::Header, "a b/c {{none}}"),
            (
                "{{$uuid}}",
                Place::Header,
                "ffffffff-ffff-4fff-bfff-ffffffffffff",
            ),
        ] {
            assert_eq!(variables().fill(text, place, generated), filled);
        }
    }

    #[test]
    fn the_origin_of_a_url_may_be_a_variable() {
        for (url, filled) in [
            (
                "{{base}}/r/{{room}}?x={{room}}",
                "ws://h:1/r/a%20b%2Fc?x=a+b%2Fc",
            ),
            ("ws://{{n}}.example/{{id}}", "ws://1.example/17"),
            ("{{base}}", "ws://h:1"),
            ("{{base}}?t={{id}}", "ws://h:1?t=17"),
        ] {
            assert_eq!(variables().fill_url(url, generated), filled);
        }
    }

    #[test]
    fn each_text_with_a_number_has_the_next_one() {
        let mut variables = variables();
        let mut fill = |text| variables.fill(text, Place::Message, generated);
        assert_eq!(fill("{{$n}} {{$n}}"), "1 1");
        assert_eq!(fill("x"), "x");
        assert_eq!(fill("{{$n}}"), "2");
    }

    #[test]
    fn a_captured_value_takes_the_place_of_a_given_one() {
        let mut variables = variables();
        variables.capture("n", json!(2));
        assert_eq!(variables.fill("{{n}}", Place::Message, generated), "2");
    }
}

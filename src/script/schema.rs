//! Holds messages against a JSON Schema, of any draft from 4 to 2020-12.
//!
//! A schema is one document: it reads no file and asks no server. It comes from the author of a script,
//! who may be a stranger, and messages come from a peer, so that [`graph`] limits what both together
//! may cost. Numbers of more than 64 bits are compared as doubles.

mod graph;

use std::sync::Arc;
use std::thread;

use graph::Graph;
use jsonschema::{PatternOptions, Validator};

use super::compare;
use crate::message::Message;

/// How many sentences say what does not fit.
const MAX_ERRORS: usize = 10;
/// Schemas up to this number are read on the caller's stack.
const SMALL: usize = 200;
/// Stack for each schema within a schema, in bytes.
const STACK: usize = 4 << 10;

/// A schema that is ready to be used. Clones share it.
#[derive(Clone, Debug)]
pub struct Schema {
    validator: Arc<Validator>,
    graph: Arc<Graph>,
}

impl Schema {
    /// Holds a text against the schema.
    ///
    /// # Errors
    /// That it does not fit, and how, a sentence each.
    pub fn hold(&self, text: &str) -> Result<(), Vec<String>> {
        self.check(text).map_err(|mut faults| {
            faults.insert(0, "the message does not fit the schema".to_owned());
            faults
        })
    }

    /// How a message does not fit, a sentence each; none if it fits.
    pub fn misfits(&self, message: &Message) -> Vec<String> {
        match message.as_text() {
            Some(text) => self.hold(text).err().unwrap_or_default(),
            None => vec!["a binary message came, and --schema is for text".to_owned()],
        }
    }

    /// Reads a schema.
    ///
    /// # Errors
    /// Why it cannot be used: it is not JSON or not a schema, refers to another document, or is nested
    /// too deeply.
    pub fn compile(text: &str) -> Result<Schema, String> {
        let schema = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let graph = Graph::new(&schema).map_err(|why| format!("unusable JSON Schema: {why}"))?;
        let build = move || {
            let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
            let validator = options.build(&schema);
            validator.map_err(|error| format!("not a JSON Schema: {error}"))
        };
        let validator = match graph.len() {
            ..=SMALL => build()?,
            schemas => {
                let stack = thread::Builder::new().stack_size(schemas * STACK + (1 << 20));
                let thread = stack.spawn(build);
                let thread = thread.map_err(|_| "no memory for the JSON Schema".to_owned())?;
                let built = thread.join();
                built.map_err(|_| "the JSON Schema cannot be read".to_owned())??
            }
        };
        Ok(Schema {
            validator: Arc::new(validator),
            graph: Arc::new(graph),
        })
    }

    /// Holds a message against it.
    ///
    /// # Errors
    /// What does not fit, at most ten sentences: `at /user/age: …`. They may quote the peer, at any
    /// length.
    pub fn check(&self, message: &str) -> Result<(), Vec<String>> {
        let Some(message) = compare::parse(message) else {
            return Err(vec![
                "the message is not JSON, or nested too deeply".to_owned(),
            ]);
        };
        self.graph.check(&message).map_err(|why| vec![why])?;
        let errors = self.validator.iter_errors(&message).take(MAX_ERRORS);
        let sentences = errors.map(|error| match error.instance_path().as_str() {
            "" => format!("at /: {error}"),
            path => format!("at {path}: {error}"),
        });
        let sentences: Vec<String> = sentences.collect();
        match sentences.is_empty() {
            true => Ok(()),
            false => Err(sentences),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(schema: &str, message: &str) -> Vec<String> {
        let schema = Schema::compile(schema).unwrap();
        schema.check(message).err().unwrap_or_default()
    }

    const PERSON: &str = r##"{
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/person.json",
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "age": {"$ref": "#/$defs/age"},
            "friends": {"type": "array", "items": {"$ref": "https://example.com/person.json"}},
            "boss": {"$ref": "#boss"}
        },
        "$defs": {
            "age": {"type": "integer", "minimum": 0},
            "boss": {"$anchor": "boss", "$ref": "#"}
        }
    }"##;

    #[test]
    fn what_does_not_fit_is_named() {
        for (message, sentences) in [
            (
                r#"{"name":"ann","age":30,"friends":[{"name":"bob"}]}"#,
                &[][..],
            ),
            (
                r#"{"age":1.0}"#,
                &[r#"at /: "name" is a required property"#],
            ),
            (
                r#"{"name":"Ann","age":-1}"#,
                &[
                    r#"at /name: "Ann" does not match "^[a-z]+$""#,
                    "at /age: -1 is less than the minimum of 0",
                ],
            ),
            (
                r#"{"name":"ann","friends":[{"name":"bob","boss":{"name":7}}]}"#,
                &[r#"at /friends/0/boss/name: 7 is not of type "string""#],
            ),
            ("hello", &["the message is not JSON, or nested too deeply"]),
        ] {
            assert_eq!(errors(PERSON, message), sentences, "{message}");
        }
        let many = format!("[{}1]", "1,".repeat(100));
        assert_eq!(errors(r#"{"items":{"type":"string"}}"#, &many).len(), 10);
    }

    #[test]
    fn a_schema_that_cannot_be_used_says_why() {
        let deep = |levels: usize| r#"{"not":"#.repeat(levels) + "true" + &"}".repeat(levels);
        for (schema, why) in [
            ("{", "not JSON: "),
            (r#"{"type":"strin"}"#, "not a JSON Schema: "),
            (r#"{"pattern":"("}"#, "not a JSON Schema: "),
            (
                r#"{"$ref":"http://x.y/z.json"}"#,
                "unusable JSON Schema: $ref http://x.y/z.json is in another document",
            ),
            (
                r#"{"$ref":"other.json#/a"}"#,
                "unusable JSON Schema: $ref other.json#/a is in another document",
            ),
            (
                r#"{"$ref":"file:///etc/passwd"}"#,
                "unusable JSON Schema: $ref file:///etc/passwd is in another",
            ),
            (
                r##"{"$ref":"#/$defs/a"}"##,
                "unusable JSON Schema: $ref #/$defs/a refers to nothing",
            ),
            (
                r##"{"$ref":"#a"}"##,
                "unusable JSON Schema: $ref #a refers to nothing",
            ),
            (
                r##"{"$ref":"#"}"##,
                "unusable JSON Schema: it refers to itself",
            ),
            (
                r##"{"anyOf":[{"$dynamicRef":"#"}]}"##,
                "unusable JSON Schema: it refers to itself",
            ),
            (
                &deep(100),
                "unusable JSON Schema: more than 64 schemas are nested",
            ),
            (&deep(1000), "not JSON: recursion limit exceeded"),
            (
                r#"{"items":{"$id":"a.json"}}"#,
                "unusable JSON Schema: a schema within it has the $id a.json",
            ),
        ] {
            let error = Schema::compile(schema).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }

    /// Definitions, each of which is made of the next one.
    fn chain(length: usize, link: impl Fn(String) -> String) -> String {
        let mut definitions = String::new();
        for number in 0..length {
            let next = format!(r##"{{"$ref":"#/$defs/a{}"}}"##, number + 1);
            definitions += &format!(r#""a{number}":{},"#, link(next));
        }
        definitions += &format!(r#""a{length}":{{"type":"string"}}"#);
        format!(r##"{{"$defs":{{{definitions}}},"$ref":"#/$defs/a0"}}"##)
    }

    #[test]
    fn a_schema_that_would_take_years_is_refused() {
        let twice = chain(50, |next| format!(r#"{{"allOf":[{next},{next}]}}"#));
        let too_long = ["the schema would take too long for this message"];
        // Fifty definitions, and as many lists.
        assert!(
            Schema::compile(&twice)
                .unwrap_err()
                .contains("more than 64")
        );
        let twice = chain(25, |next| format!(r#"{{"allOf":[{next},{next}]}}"#));
        assert_eq!(errors(&twice, "1"), too_long);
        let branching =
            r##"{"type":"array","anyOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}"##;
        let deep = "[".repeat(100) + "1" + &"]".repeat(100);
        assert_eq!(errors(branching, &deep), too_long);
        assert_eq!(errors(branching, "[[[]]]"), Vec::<String>::new());
        let everywhere =
            r##"{"additionalProperties":{"$ref":"#"},"patternProperties":{".":{"$ref":"#"}}}"##;
        let deep = r#"{"a":"#.repeat(100) + "1" + &"}".repeat(100);
        assert_eq!(errors(everywhere, &deep), too_long);
    }

    #[test]
    fn what_nothing_has_looked_at_is_found_in_little_time() {
        let nested = |levels: usize| {
            let level = r#"{"properties":{"a":true},"unevaluatedProperties":false,"allOf":["#;
            level.repeat(levels) + "true" + &"]}".repeat(levels)
        };
        assert_eq!(errors(&nested(3), r#"{"a":1}"#), Vec::<String>::new());
        assert_eq!(errors(&nested(3), r#"{"a":1,"b":2}"#).len(), 3);
        let twice = |length| {
            let twice = |next| format!(r#"{{"allOf":[{next},{next}],"unevaluatedItems":false}}"#);
            chain(length, twice)
        };
        for schema in [nested(20), twice(20)] {
            let error = Schema::compile(&schema).unwrap_err();
            assert!(error.contains("unevaluatedItems"), "{error}");
        }
        assert_eq!(errors(&twice(4), r#""x""#), Vec::<String>::new());
    }

    #[test]
    fn a_long_or_deep_schema_fits_the_stack() {
        let aliases = chain(10_000, |next| next);
        assert!(
            Schema::compile(&aliases)
                .unwrap_err()
                .contains("more than 5000")
        );
        let aliases = chain(2000, |next| next);
        assert!(
            Schema::compile(&aliases)
                .unwrap_err()
                .contains("more than 64")
        );
        let members = chain(1600, |next| format!(r#"{{"properties":{{"a":{next}}}}}"#));
        assert_eq!(errors(&members, r#"{"a":{"a":1}}"#), Vec::<String>::new());
        let nested = chain(15, |next| {
            format!(r#"{{"items":{next},"allOf":[{{"items":{next}}}]}}"#)
        });
        assert_eq!(errors(&nested, "[[1]]"), Vec::<String>::new());
        let recursive = r##"{"items":{"allOf":[{"anyOf":[{"$ref":"#"}]}]}}"##;
        let deep = "[".repeat(120) + "1" + &"]".repeat(120);
        assert_eq!(errors(recursive, &deep), Vec::<String>::new());
        let most = r##"{"items":{"allOf":[{"anyOf":[{"oneOf":[{"$ref":"#"}]}]}]}}"##;
        let deep = "[".repeat(118) + "1" + &"]".repeat(118);
        assert_eq!(errors(most, &deep), Vec::<String>::new());
    }

    #[test]
    fn a_large_message_is_no_problem() {
        let items = (0..50_000).map(|n| format!(r#"{{"name":"ann","age":{n}}}"#));
        let items: Vec<String> = items.collect();
        let message = format!(r#"{{"name":"bob","friends":[{}]}}"#, items.join(","));
        assert_eq!(errors(PERSON, &message), Vec::<String>::new());
    }

    #[test]
    fn numbers_may_have_any_size() {
        for (schema, message, fits) in [
            (
                r#"{"type":"integer"}"#,
                "123456789012345678901234567890",
                true,
            ),
            (r#"{"type":"integer"}"#, "1e300", true),
            (r#"{"type":"integer"}"#, "1.5", false),
            (r#"{"maximum":10}"#, "123456789012345678901234567890", false),
            (r#"{"maximum":10}"#, "1e999999999", false),
            (r#"{"multipleOf":0.1}"#, "1.1", true),
            (r#"{"multipleOf":3}"#, "1e999999999", false),
            (r#"{"const":1}"#, "1.0", true),
            (
                r#"{"enum":[12345678901234567890123]}"#,
                "12345678901234567890123",
                true,
            ),
            // Beyond 64 bits the validator compares doubles.
            (
                r#"{"enum":[12345678901234567890123]}"#,
                "12345678901234567890124",
                true,
            ),
        ] {
            assert_eq!(
                errors(schema, message).is_empty(),
                fits,
                "{schema} {message}"
            );
        }
    }

    #[test]
    fn patterns_take_no_longer_than_their_text() {
        let message = format!("\"{}\"", "a".repeat(20_000));
        assert_eq!(errors(r#"{"pattern":"(a*)*(a*)*b"}"#, &message).len(), 1);
    }
}

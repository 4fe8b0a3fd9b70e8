//! Templates: text in which `{{NAME}}` is replaced by a value. One engine fills in the token of
//! `--token-message`, the values of `--resume` and the `{{n}}` of numbered messages.
//!
//! There is one quoting rule. A message that is JSON stays JSON: inside a string a value is escaped
//! as text of a string, elsewhere it is written as JSON. In any other message and in a header, a
//! value is inserted unchanged; in a path and a query it is percent-encoded. In a jq expression it is
//! written as in JSON, so that no text becomes a part of the expression. A value is never expanded as a
//! template again, and an unknown name is left unchanged. The names of generated values begin with `$`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::IgnoredAny;

/// All characters but the unreserved ones (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The value of a name.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// There is no value yet: `null` in JSON outside a string, and elsewhere nothing is inserted.
    Nothing,
    /// Reads the same everywhere.
    Number(u64),
    /// Text that the user supplied and that may be JSON: then it is written unchanged outside a string.
    Text(&'a str),
    Json(&'a serde_json::Value),
}

/// The place of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Message,
    Header,
    /// A jq expression.
    Expression,
    /// A regular expression, in which a value stands for itself.
    Regex,
    /// Text whose escapes are decoded later, which leaves a value as it is.
    Escapes,
    /// A path of a URL, in which a value is one segment or a part of one.
    Path,
    Query,
}

/// How a value is written at one place in a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Plain,
    PathSegment,
    Percent,
    /// Inside a JSON string.
    JsonString,
    /// In JSON, outside a string.
    Json,
    Regex,
}

/// Fills in `template`; `value` returns the value of a name.
pub fn fill<'v>(template: &str, place: Place, value: impl Fn(&str) -> Option<Value<'v>>) -> String {
    let quoting = match place {
        Place::Path => Quoting::PathSegment,
        Place::Query => Quoting::Percent,
        Place::Regex => Quoting::Regex,
        Place::Escapes => Quoting::JsonString,
        Place::Expression => return fill_expression(template, value),
        Place::Message if needs_quoting(template, &value) && is_json(template) => Quoting::Json,
        Place::Message | Place::Header => Quoting::Plain,
    };
    fill_quoted(template, quoting, value)
}

/// Inside strings of [`Quoting::Json`], values are escaped as text.
fn fill_quoted<'v>(
    template: &str,
    quoting: Quoting,
    value: impl Fn(&str) -> Option<Value<'v>>,
) -> String {
    let mut filled = String::with_capacity(template.len());
    let (mut from, mut inside) = (0, false);
    for (at, name) in Placeholders::of(template.as_bytes()) {
        let Some(value) = value(name) else {
            continue;
        };
        let before = &template[from..at];
        inside ^= quoting == Quoting::Json && has_odd_quotes(before);
        filled.push_str(before);
        filled.push_str(&match quoting {
            Quoting::Json if inside => value.written(Quoting::JsonString),
            // A string in quotes of its own is JSON as it is.
            Quoting::Json if !template.trim_start().starts_with('"') => value.written_as_json(),
            _ => value.written(quoting),
        });
        from = at + len(name);
    }
    filled.push_str(&template[from..]);
    filled
}

/// Fills in a jq expression.
fn fill_expression<'v>(template: &str, value: impl Fn(&str) -> Option<Value<'v>>) -> String {
    let mut filled = String::with_capacity(template.len());
    let (mut from, mut strings) = (0, Strings::default());
    for (at, name) in Placeholders::of(template.as_bytes()) {
        let Some(value) = value(name) else {
            continue;
        };
        let before = &template[from..at];
        strings.advance(before);
        filled.push_str(before);
        filled.push_str(&match strings.is_inside() {
            true => value.written(Quoting::JsonString),
            false => value.written_as_json(),
        });
        from = at + len(name);
    }
    filled.push_str(&template[from..]);
    filled
}

/// Which place of a jq expression is inside a string: those of `"a\(.b["c"])d"` nest.
#[derive(Default)]
struct Strings {
    /// What is open: `"` a string, and `(` a parenthesis in one of its expressions.
    open: Vec<u8>,
}

impl Strings {
    fn advance(&mut self, text: &str) {
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match (self.is_inside(), byte) {
                (true, b'"') => drop(self.open.pop()),
                // What follows a backslash ends no string; a parenthesis begins an expression.
                (true, b'\\') if bytes.next() == Some(b'(') => self.open.push(b'('),
                (false, b'"') => self.open.push(b'"'),
                // Outside of all strings, parentheses do not matter.
                (false, b'(') if !self.open.is_empty() => self.open.push(b'('),
                (false, b')') => drop(self.open.pop()),
                (false, b'#') => drop(bytes.find(|byte| *byte == b'\n')),
                _ => {}
            }
        }
    }

    fn is_inside(&self) -> bool {
        self.open.last() == Some(&b'"')
    }
}

/// Fills in binary data, with the values unchanged.
pub fn fill_bytes<'v>(data: &[u8], value: impl Fn(&str) -> Option<Value<'v>>) -> Vec<u8> {
    let mut filled = Vec::with_capacity(data.len());
    let mut from = 0;
    for (at, name) in Placeholders::of(data) {
        if let Some(value) = value(name) {
            filled.extend_from_slice(&data[from..at]);
            filled.extend_from_slice(value.written(Quoting::Plain).as_bytes());
            from = at + len(name);
        }
    }
    filled.extend_from_slice(&data[from..]);
    filled
}

/// Whether `{{name}}` occurs in `data`.
pub fn mentions(data: &[u8], name: &str) -> bool {
    Placeholders::of(data).any(|(_, found)| found == name)
}

/// The names between the braces in `template`, in order.
pub fn names(template: &str) -> impl Iterator<Item = &str> {
    Placeholders::of(template.as_bytes()).map(|(_, name)| name)
}

/// Every `{{NAME}}` in `template`, in order: its first byte, and the name.
pub fn placeholders(template: &str) -> impl Iterator<Item = (usize, &str)> {
    Placeholders::of(template.as_bytes())
}

/// What looks like a `{{NAME}}` and has white space in its braces: its first byte, and what stands between
/// them.
pub fn spaced(template: &str) -> impl Iterator<Item = (usize, &str)> {
    let places = memchr::memmem::find_iter(template.as_bytes(), b"{{");
    // In order, without those that are in others.
    let places: Vec<usize> = places.collect();
    places.into_iter().filter_map(|at| {
        let rest = template.get(at + 2..)?;
        // No name is longer, and a text may be nothing but braces.
        let (inner, _) = rest[..rest.floor_char_boundary(100)].split_once("}}")?;
        let name = inner.trim_matches([' ', '\t']);
        (name != inner && is_name(name)).then_some((at, inner))
    })
}

/// The name of the `{{NAME}}` that `data` begins with, if it does.
pub fn placeholder_at_start(data: &[u8]) -> Option<&str> {
    let rest = data.strip_prefix(b"{{")?;
    let generated = usize::from(rest.starts_with(b"$"));
    let (_, plain) = rest.split_at_checked(generated)?;
    let end = plain.iter().position(|byte| !is_name_byte(*byte));
    let (name, after) = rest.split_at_checked(generated + end.unwrap_or(plain.len()))?;
    let name = std::str::from_utf8(name).ok()?;
    (name.len() > generated && after.starts_with(b"}}")).then_some(name)
}

/// Whether any `{{NAME}}` occurs in `text`.
pub fn has_placeholder(text: &str) -> bool {
    names(text).next().is_some()
}

/// Whether `name` is allowed between the braces, for a value that is not generated.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_name_byte)
}

/// Whether a message is JSON, whatever the values are; a name without a value may get one later. A
/// template that is a single value is not considered JSON.
fn is_json(template: &str) -> bool {
    let probe = fill_quoted(template, Quoting::Plain, |_| Some(Value::Number(0)));
    probe.trim_start().starts_with(['{', '[', '"'])
        && serde_json::from_str::<IgnoredAny>(&probe).is_ok()
}

/// The forms in which templates write a text: unchanged, in a JSON string, in a path and in a query.
pub fn forms(text: &str) -> [String; 4] {
    let value = Value::Text(text);
    [
        Quoting::Plain,
        Quoting::JsonString,
        Quoting::PathSegment,
        Quoting::Percent,
    ]
    .map(|quoting| value.written(quoting).into_owned())
}

/// The text of a JSON string, without its quotes.
pub fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// What has a meaning in a regular expression; other signs get one from a backslash.
const META: &str = r"\.+*?()|[]{}^$#&-~";

/// A text as a regular expression that it alone matches.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if META.contains(c) {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}

/// Whether the place of the values matters.
fn needs_quoting<'v>(template: &str, value: impl Fn(&str) -> Option<Value<'v>>) -> bool {
    let mut values = Placeholders::of(template.as_bytes()).filter_map(|(_, name)| value(name));
    values.any(|value| !matches!(value, Value::Number(_)))
}

impl<'a> Value<'a> {
    fn written(self, quoting: Quoting) -> Cow<'a, str> {
        match (quoting, self) {
            (Quoting::Json, Value::Json(value)) => value.to_string().into(),
            (Quoting::Json, Value::Nothing) => "null".into(),
            (Quoting::Json | Quoting::Plain, value) => value.text(),
            (Quoting::JsonString, value) => json_text(&value.text()).into(),
            (Quoting::Regex, value) => Cow::Owned(literal(&value.text())),
            (Quoting::PathSegment, value) => {
                let text = value.text();
                Cow::Owned(utf8_percent_encode(&text, RESERVED).to_string())
            }
            (Quoting::Percent, value) => {
                let text = value.text();
                let encoded = url::form_urlencoded::byte_serialize(text.as_bytes());
                Cow::Owned(encoded.collect())
            }
        }
    }

    /// In JSON outside a string. Text that is JSON is a value of its own, any other a string: it changes
    /// the meaning of nothing around it.
    fn written_as_json(self) -> Cow<'a, str> {
        match self {
            Value::Text(text) if serde_json::from_str::<IgnoredAny>(text).is_err() => {
                serde_json::Value::from(text).to_string().into()
            }
            value => value.written(Quoting::Json),
        }
    }

    fn text(self) -> Cow<'a, str> {
        match self {
            Value::Nothing => "".into(),
            Value::Number(number) => number.to_string().into(),
            Value::Text(text) => text.into(),
            Value::Json(serde_json::Value::String(text)) => text.into(),
            Value::Json(value) => value.to_string().into(),
        }
    }
}

/// Whether a piece of JSON text, which may begin and end inside a string, switches between the
/// inside and the outside of a string.
pub fn has_odd_quotes(text: &str) -> bool {
    let mut odd = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => odd = !odd,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    odd
}

/// Length of `{{name}}` in bytes.
fn len(name: &str) -> usize {
    name.len() + 4
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// Every `{{NAME}}`: its position and its name.
struct Placeholders<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Placeholders<'a> {
    fn of(data: &'a [u8]) -> Self {
        Placeholders { data, at: 0 }
    }
}

impl<'a> Iterator for Placeholders<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(found) = memchr::memmem::find(&self.data[self.at..], b"{{") {
            let start = self.at + found;
            if let Some(name) = placeholder_at_start(&self.data[start..]) {
                self.at = start + len(name);
                return Some((start, name));
            }
            self.at = start + 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(template: &str, place: Place, value: Value<'_>, expected: &str) {
        let filled = fill(template, place, |name| (name == "x").then_some(value));
        assert_eq!(filled, expected, "{template}");
    }

    #[test]
    fn one_rule_of_quoting() {
        let text = Value::Text("a\"b");
        let string = json!("a\"b");
        let object = json!({"k": [1, "y"]});
        for (template, value, expected) in [
            // Not JSON: unchanged.
            ("AUTH {{x}}", text, "AUTH a\"b"),
            ("{{x}}", Value::Json(&object), r#"{"k":[1,"y"]}"#),
            ("{\"a\":{{x}}", text, "{\"a\":a\"b"),
            // Inside a string: escaped as text.
            (r#"{"d":"{{x}}"}"#, text, r#"{"d":"a\"b"}"#),
            (r#" "{{x}}" "#, text, r#" "a\"b" "#),
            (
                r#"{"q\"":["{{x}}","p{{x}}"]}"#,
                Value::Json(&string),
                r#"{"q\"":["a\"b","pa\"b"]}"#,
            ),
            (
                r#"["{{x}}"]"#,
                Value::Json(&object),
                r#"["{\"k\":[1,\"y\"]}"]"#,
            ),
            // Elsewhere in JSON: as JSON.
            (r#"{"d":{{x}}}"#, Value::Json(&string), r#"{"d":"a\"b"}"#),
            (r#"[{{x}}]"#, Value::Json(&object), r#"[{"k":[1,"y"]}]"#),
            (r#"[{{x}}]"#, Value::Text("{\"own\":1}"), r#"[{"own":1}]"#),
            // Without a value JSON stays JSON, and a number is the same everywhere.
            (r#"{"d":"{{x}}"}"#, Value::Nothing, r#"{"d":""}"#),
            (r#"{"d":{{x}}}"#, Value::Nothing, r#"{"d":null}"#),
            ("after {{x}}", Value::Nothing, "after "),
            (r#"["{{x}}",{{x}}]"#, Value::Number(7), r#"["7",7]"#),
        ] {
            check(template, Place::Message, value, expected);
        }
        check(r#"["{{x}}"]"#, Place::Header, text, r#"["a"b"]"#);
        check(
            "a={{x}}&b=1",
            Place::Query,
            Value::Text("1&c %"),
            "a=1%26c+%25&b=1",
        );
        check(
            "/a/{{x}}/b",
            Place::Path,
            Value::Text("../c d?"),
            "/a/..%2Fc%20d%3F/b",
        );
        // A name without a value yet does not make it something else than JSON.
        check(
            r#"{"a":"{{x}}","b":{{later}}}"#,
            Place::Message,
            text,
            r#"{"a":"a\"b","b":{{later}}}"#,
        );
    }

    #[test]
    fn a_text_has_four_forms() {
        assert_eq!(
            forms("a \"/"),
            ["a \"/", "a \\\"/", "a%20%22%2F", "a+%22%2F"]
        );
    }

    #[test]
    fn no_value_becomes_a_part_of_an_expression() {
        let text = json!(r#"x" or true or "\(1)"#);
        let (value, list) = (Value::Json(&text), json!(["a"]));
        let quoted = r#""x\" or true or \"\\(1)""#;
        for (template, expected) in [
            (".a == {{x}}", format!(".a == {quoted}")),
            (r#".a == "{{x}}""#, format!(".a == {quoted}")),
            (r#"(.["{{x}}"]) == "#, format!("(.[{quoted}]) == ")),
            (
                r#""\(.a["b"] | ({{x}}))""#,
                format!(r#""\(.a["b"] | ({quoted}))""#),
            ),
            (r#""\(.a["{{x}}"])""#, format!(r#""\(.a[{quoted}])""#)),
            (
                r#""\((1))" + "\"{{x}}""#,
                format!(r#""\((1))" + "\"{}"#, &quoted[1..]),
            ),
        ] {
            check(template, Place::Expression, value, &expected);
        }
        check(
            ".a == {{x}}",
            Place::Expression,
            Value::Json(&list),
            r#".a == ["a"]"#,
        );
        check(
            ".a | {{x}}",
            Place::Expression,
            Value::Text(".b or true"),
            ".a | \".b or true\"",
        );
        check(
            ". # \" \n| {{x}}",
            Place::Expression,
            Value::Number(1),
            ". # \" \n| 1",
        );
    }

    #[test]
    fn known_names_are_replaced() {
        for (template, expected) in [
            ("", ""),
            ("{{x}}{{x}}", "77"),
            ("{{{x}}}", "{7}"),
            (
                "{{y}} {{}} {{ x }} {x} {{x} {{x",
                "{{y}} {{}} {{ x }} {x} {{x} {{x",
            ),
            ("{{y{{x}}", "{{y7"),
            ("é{{x}}é", "é7é"),
        ] {
            check(template, Place::Message, Value::Number(7), expected);
            let value = |name: &str| (name == "x").then_some(Value::Number(7));
            assert_eq!(fill_bytes(template.as_bytes(), value), expected.as_bytes());
            let mentioned = template.contains("{{x}}");
            assert_eq!(mentions(template.as_bytes(), "x"), mentioned, "{template}");
        }
        let filled = fill_bytes(b"\xff{{x}}\xfe", |_| Some(Value::Text("{{x}}")));
        assert_eq!(filled, b"\xff{{x}}\xfe");
        assert!(is_name("a-b_c.1") && !is_name("") && !is_name("a b"));
    }

    proptest! {
        #[test]
        fn json_stays_json(text: String, number: f64) {
            let values = [json!(text), json!([text]), json!(number)];
            for template in [r#"{"a":"{{x}}","{{x}}":{{x}}}"#, r#"[{{x}},"\\{{x}}\""]"#] {
                for value in &values {
                    let filled = fill(template, Place::Message, |_| Some(Value::Json(value)));
                    prop_assert!(serde_json::from_str::<IgnoredAny>(&filled).is_ok(), "{}", filled);
                }
                let filled = fill(r#"{"a":"{{x}}"}"#, Place::Message, |_| Some(Value::Text(&text)));
                let read: serde_json::Value = serde_json::from_str(&filled).unwrap();
                prop_assert_eq!(&read["a"], &text);
            }
        }

        #[test]
        fn no_template_panics(template in "[{}x\"\\\\é\\[\\]]{0,20}") {
            let value = |name: &str| (name == "x").then_some(Value::Text("\"{{x}}"));
            for place in [Place::Message, Place::Header, Place::Path, Place::Query] {
                fill(&template, place, value);
            }
            let filled = fill(&template, Place::Header, value);
            prop_assert_eq!(fill_bytes(template.as_bytes(), value), filled.into_bytes());
        }
    }
}

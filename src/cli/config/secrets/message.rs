//! Whether a message holds a secret that is written out: a member of JSON, wherever that stands in the
//! message, or a header line as in STOMP. Pure. What `{{NAME}}` takes from elsewhere is none.

use serde_json::{Deserializer, Value as Json};

use crate::template;

/// The name of the first member, or header line, whose value is a secret.
pub(super) fn secret_in(text: &str) -> Option<String> {
    let text = without_values(text);
    in_json(&text, &|value| !template::has_placeholder(value)).or_else(|| in_lines(&text))
}

/// The same of the JSON in a text alone, where `is_written_out` tells a value from a reference.
pub(super) fn in_json(text: &str, is_written_out: &dyn Fn(&str) -> bool) -> Option<String> {
    let mut at = 0;
    while let Some(begin) = text[at..].find(['{', '[']) {
        at += begin;
        let mut values = Deserializer::from_str(&text[at..]).into_iter::<Json>();
        match values.next() {
            Some(Ok(value)) => match secret_member(&value, is_written_out) {
                Some(name) => return Some(name.to_owned()),
                None => at += values.byte_offset(),
            },
            // It is no JSON, or JSON of which the end is missing.
            _ => at += 1,
        }
    }
    None
}

/// `passcode:x`, with line feeds as they are or as `--escapes` writes them.
fn in_lines(text: &str) -> Option<String> {
    let lines = text.lines().flat_map(|line| line.split("\\n"));
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let (name, _) = fields.find(|(name, value)| {
        let is_one_word = !value.is_empty() && !value.contains(char::is_whitespace);
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_secret = *name == "passcode" || is_credential(name);
        is_one_word && is_name && is_secret && !template::has_placeholder(value)
    })?;
    Some(name.to_owned())
}

/// A template with a name in place of each value in a string, and `0` elsewhere.
fn without_values(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    let mut may_be_json = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else {
            break;
        };
        text.push_str(before);
        may_be_json |= before.contains(['{', '[']);
        let is_in_string = template::has_odd_quotes(&text);
        text.push_str(match is_in_string || !may_be_json {
            true => "{{value}}",
            false => "0",
        });
        rest = after;
    }
    text + rest
}

/// The name of a member whose value is a password or token.
fn secret_member<'m>(message: &'m Json, is_written_out: &dyn Fn(&str) -> bool) -> Option<&'m str> {
    let is_secret = |value: &Json| {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.is_some_and(is_written_out)
    };
    match message {
        Json::Array(items) => {
            let mut items = items.iter();
            items.find_map(|item| secret_member(item, is_written_out))
        }
        Json::Object(members) => {
            let mut members = members.iter();
            members.find_map(
                |(name, value)| match is_credential(name) && is_secret(value) {
                    true => Some(name.as_str()),
                    false => secret_member(value, is_written_out),
                },
            )
        }
        _ => None,
    }
}

/// Whether a member of this name is a credential without doubt. A `session` or `auth` of a message
/// may be anything.
fn is_credential(name: &str) -> bool {
    const PARTS: &[&str] = &["token", "password", "passwd", "secret", "apikey"];
    let name = name.to_ascii_lowercase().replace(['_', '-', '.'], "");
    PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_wherever_it_stands() {
        for text in [
            r#"{"password":"x"}"#,
            r#"40{"token":"x"}"#,
            r#"42["login",{"api_key":"x"}]"#,
            "{\"a\":1}\n{\"token\":\"x\"}",
            "{\"token\":\"x\"}\u{1e}",
            r#"{"token":"x"}\x1e"#,
            r#".op == 1={"n":{{.n}},"token":"x"}"#,
            r#"after .a[1:]: {"token":"x{y"}"#,
            r#"[[[{{a}},{"secret":"x"}]]]"#,
            "CONNECT\nlogin:me\npasscode:x\n\n\0",
            r"CONNECT\npasscode:x\n\n\0",
        ] {
            assert!(secret_in(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_elsewhere_or_no_secret_is_none() {
        for text in [
            "",
            "[[[[{{",
            r#"{"token":"{{t}}"}"#,
            r#"{"token":"a{{.t}}"}"#,
            r#"{"token":{{t}},"a":"b"}"#,
            r#"{"token":"","tokens":5,"session":"new"}"#,
            r#"40{"token":"{{t}}"}"#,
            "CONNECT\nhost:{{h}}\npasscode:{{code}}\n\n\0",
            "CONNECT\npasscode:\n",
            "the token: is missing",
            "token is: gone",
        ] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}

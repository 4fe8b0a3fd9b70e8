//! Splits `EXPR=REPLY` and `after EXPR: MESSAGE`. Pure.
//!
//! A jq expression may contain the separator itself: in an operator (`==`, `|=`), in a string, between
//! brackets. So the separator is the first one that is no part of an operator and has a complete
//! expression before it.

use crate::error::Error;
use crate::json::jq::Filter;

/// Begins a rule whose messages are pings, whatever they say.
const PING: &str = "ping ";
/// Begins a message that waits for another one.
const AFTER: &str = "after ";

/// An expression, and what follows it.
#[derive(Debug)]
pub struct Split<'a> {
    pub when: Filter,
    pub rest: &'a str,
}

/// Splits a rule, and returns whether it is marked as one for pings.
///
/// # Errors
/// Exit 2: there is no `=` after a complete expression, or nothing after it.
pub fn rule(text: &str) -> Result<(bool, Split<'_>), Error> {
    let (ping, body) = match text.strip_prefix(PING) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let split = split(body, is_equals_sign)?.filter(|split| !split.rest.is_empty());
    match split {
        Some(split) => Ok((ping, split)),
        None => Err(
            Error::usage(format!("'{text}': it must have the form EXPR=REPLY"))
                .advice(r#".type == "ping"={"type":"pong"} answers a message of which the jq expression is true"#),
        ),
    }
}

/// Whether a message waits for another one.
pub fn waits(text: &str) -> bool {
    text.starts_with(AFTER)
}

/// Splits a message that waits for another one; `None` if it does not wait.
///
/// # Errors
/// Exit 2: it begins like one, and there is no colon after a complete expression.
pub fn after(text: &str) -> Result<Option<Split<'_>>, Error> {
    let Some(body) = text.strip_prefix(AFTER) else {
        return Ok(None);
    };
    match split(body, |text, at| text.as_bytes()[at] == b':')? {
        Some(split) => Ok(Some(split)),
        None => Err(Error::usage(format!(
            "'{text}': it must have the form after EXPR: MESSAGE"
        ))
        .advice(r#"after .type == "welcome": {"type":"hello"} is sent when a message is welcome"#)
        .advice("a message that begins with \"after \" can be in a file: @FILE")),
    }
}

/// Splits at the first separator with a complete expression before it; `None` if there is no
/// separator. Spaces around the separator belong to neither part.
///
/// # Errors
/// Exit 2: what is before the first separator is no expression, and neither is what is before any
/// other.
fn split(
    text: &str,
    is_separator: impl Fn(&str, usize) -> bool,
) -> Result<Option<Split<'_>>, Error> {
    let mut fault = None;
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        if !is_separator(text, at) {
            continue;
        }
        let expression = text[..at].trim();
        if expression.is_empty() {
            continue;
        }
        match Filter::compile(expression) {
            Ok(when) => {
                let when = when.reading_text();
                let rest = text[at + 1..].trim_start_matches(' ');
                return Ok(Some(Split { when, rest }));
            }
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    fault.map_or(Ok(None), Err)
}

/// Whether there is a `=` that is no part of an operator.
fn is_equals_sign(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let before = at.checked_sub(1).map(|before| bytes[before]);
    bytes[at] == b'='
        && bytes.get(at + 1) != Some(&b'=')
        && !before.is_some_and(|before| b"=!<>|+-*/%".contains(&before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_split_after_the_first_complete_expression() {
        for (text, ping, when, reply) in [
            (".a=b", false, ".a", "b"),
            (". == 2=3", false, ". == 2", "3"),
            (
                r#".type == "ping"={"type":"pong"}"#,
                false,
                r#".type == "ping""#,
                r#"{"type":"pong"}"#,
            ),
            (
                r#".type == "ping" = {"a":"x=y"}"#,
                false,
                r#".type == "ping""#,
                r#"{"a":"x=y"}"#,
            ),
            (r#".q == "a=b"=x==y"#, false, r#".q == "a=b""#, "x==y"),
            (r#".q == "a\"=b"=c"#, false, r#".q == "a\"=b""#, "c"),
            (".a != 1=b", false, ".a != 1", "b"),
            (".a <= 1=b", false, ".a <= 1", "b"),
            (".a >= 1=b", false, ".a >= 1", "b"),
            ("(.a |= 1 | .a)=b", false, "(.a |= 1 | .a)", "b"),
            ("(.a = 1 | .a)=b", false, "(.a = 1 | .a)", "b"),
            ("(.a //= 1 | .b += 2)=b", false, "(.a //= 1 | .b += 2)", "b"),
            (
                "[.[] | select(. == 1)][0]=b",
                false,
                "[.[] | select(. == 1)][0]",
                "b",
            ),
            (
                "if .a == 1 then .b else .c end=d",
                false,
                "if .a == 1 then .b else .c end",
                "d",
            ),
            ("true=cmd:X=1 ./reply", false, "true", "cmd:X=1 ./reply"),
            (".a == \"é\"=é", false, ".a == \"é\"", "é"),
            ("ping .op == 1={\"op\":1}", true, ".op == 1", "{\"op\":1}"),
            (".a=\n", false, ".a", "\n"),
        ] {
            let (is_ping, split) = rule(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = (is_ping, split.when.text(), split.rest);
            assert_eq!(found, (ping, when, reply), "{text}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_split_is_an_error_that_says_why() {
        for (text, words) in [
            ("", "EXPR=REPLY"),
            ("pong", "EXPR=REPLY"),
            (".a", "EXPR=REPLY"),
            (".a=", "EXPR=REPLY"),
            (".a= ", "EXPR=REPLY"),
            ("=b", "EXPR=REPLY"),
            (". == 2", "EXPR=REPLY"),
            (".a |= 1", "EXPR=REPLY"),
            (".[=b", "not a valid jq expression"),
            ("type == ping=pong", "no filter ping/0"),
        ] {
            let error = rule(text).unwrap_err();
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_message_that_waits_is_split_at_a_colon() {
        for (text, when, message) in [
            ("after .op == 0: {\"op\":1}", ".op == 0", "{\"op\":1}"),
            ("after .op == 0:{\"op\":1}", ".op == 0", "{\"op\":1}"),
            ("after .[1:2] == [0]: x: y", ".[1:2] == [0]", "x: y"),
            ("after {a: .b} == {a: 1}: x", "{a: .b} == {a: 1}", "x"),
            ("after startswith(\"0:{\"): 40", "startswith(\"0:{\")", "40"),
            ("after true:", "true", ""),
        ] {
            let split = after(text).unwrap().unwrap();
            assert_eq!((split.when.text(), split.rest), (when, message), "{text}");
        }
        for text in ["", "hello", "after", "afterwards: x", "{\"after\": 1}"] {
            assert!(after(text).unwrap().is_none(), "{text}");
        }
        for (text, words) in [
            ("after all", "after EXPR: MESSAGE"),
            ("after : x", "after EXPR: MESSAGE"),
            ("after the rain: x", "not a valid jq expression"),
        ] {
            let error = after(text).unwrap_err();
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}

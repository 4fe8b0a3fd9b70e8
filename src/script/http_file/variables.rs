//! The variables of a `.http` file: those that it defines are filled in where they are used, those of an
//! environment stay, and generated ones get the names that they have here.

use std::collections::HashMap;

use crate::record::notes::shown;
use crate::template::is_name;

/// The most bytes that the variables of one file may add to it.
const MAX_ADDED: usize = 16 << 20;

/// The longest name that an error quotes, in characters.
const QUOTED: usize = 40;

/// Generated values that go by another name here. Names of JetBrains, of VS Code and of httpYac.
const GENERATED: &[(&str, &str)] = &[
    ("$uuid", "$uuid"),
    ("$guid", "$uuid"),
    ("$random.uuid", "$uuid"),
    ("$isoTimestamp", "$now"),
    ("$now", "$now"),
    ("$n", "$n"),
];

/// Variables with their values, in which all that could be is filled in.
pub(super) struct Variables {
    values: HashMap<String, String>,
    /// Bytes that may still be added.
    left: usize,
}

/// Why a text cannot be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where the variable begins, in bytes.
    pub(super) at: usize,
    /// How long it is, in bytes.
    pub(super) len: usize,
    pub(super) message: String,
    pub(super) advice: String,
}

impl Variables {
    pub(super) fn new() -> Variables {
        Variables {
            values: HashMap::new(),
            left: MAX_ADDED,
        }
    }

    /// Defines a variable, whose value may have those defined before.
    ///
    /// # Errors
    /// What is wrong in the value.
    pub(super) fn define(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let value = self.fill(value)?;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// The text with the values of the file. The names of others stay in braces.
    ///
    /// # Errors
    /// What is in braces and is no variable.
    pub(super) fn fill(&mut self, text: &str) -> Result<String, Fault> {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        while let Some((start, end)) = next(text, from) {
            let inside = text.get(start + 2..end).unwrap_or_default();
            out.push_str(text.get(from..start).unwrap_or_default());
            let fault = |message: String, advice: &str| Fault {
                at: start,
                len: end + 2 - start,
                message,
                advice: advice.to_owned(),
            };
            match self.value(inside.trim()) {
                Ok(value) => out.push_str(&value),
                Err((message, advice)) => return Err(fault(message, advice)),
            }
            from = end + 2;
            if self.left == 0 {
                let message = "the variables make it longer than 16 MiB".to_owned();
                return Err(fault(message, "give shorter values"));
            }
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Ok(out)
    }

    /// What stands in place of a name; an error and what to try.
    fn value(&mut self, name: &str) -> Result<String, (String, &'static str)> {
        if let Some(value) = self.values.get(name) {
            self.left = self.left.saturating_sub(value.len());
            return Ok(value.clone());
        }
        if is_name(name) {
            return Ok(format!("{{{{{name}}}}}"));
        }
        if let Some((_, ours)) = GENERATED.iter().find(|it| it.0 == name) {
            return Ok(format!("{{{{{ours}}}}}"));
        }
        let name = shown(name, QUOTED);
        Err(match name.starts_with('$') {
            true => (
                format!("nothing generates {{{{{name}}}}} here"),
                "there are {{$uuid}}, {{$now}} (RFC 3339) and {{$n}}; give others as --var NAME=VALUE",
            ),
            false => (
                format!("{{{{{name}}}}} is not the name of a variable"),
                "expressions and answers of other requests have no value here; give it as --var NAME=VALUE",
            ),
        })
    }
}

/// Where the next braces open, and where they close, on one line.
fn next(text: &str, mut from: usize) -> Option<(usize, usize)> {
    loop {
        let open = from + text.get(from..)?.find("{{")?;
        let end = end_of(text.as_bytes(), open + 2)?;
        if text.as_bytes().get(end) == Some(&b'}') {
            // The last ones, because the first may be those of JSON: `{"a":{{{b}}}}`.
            let last = text.get(open..end)?.rfind("{{")?;
            return Some((open + last, end));
        }
        from = end;
    }
}

/// Where the next `}}` is, or else the end of the line.
fn end_of(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr::memchr2(b'}', b'\n', text.get(from..)?)?;
        if text.get(at) == Some(&b'\n') || text.get(at + 1) == Some(&b'}') {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_file_are_filled_in_and_others_stay() {
        let mut variables = Variables::new();
        variables.define("host", "localhost:{{port}}").unwrap();
        variables.define("base", "ws://{{ host }}").unwrap();
        for (text, filled) in [
            ("{{base}}/x", "ws://localhost:{{port}}/x"),
            ("{{ other }} {{$guid}}", "{{other}} {{$uuid}}"),
            ("{\"a\":{{{host}}}}", "{\"a\":{localhost:{{port}}}}"),
            ("{{ \n}}", "{{ \n}}"),
            ("{{", "{{"),
        ] {
            assert_eq!(variables.fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for (text, message) in [
            ("é {{$timestamp}}", "nothing generates {{$timestamp}} here"),
            (
                "{{$randomInt 1 5}}",
                "nothing generates {{$randomInt 1 5}} here",
            ),
            (
                "{{login.response.body.$.id}}",
                "{{login.response.body.$.id}} is not the name of a variable",
            ),
            ("{{}}", "{{}} is not the name of a variable"),
        ] {
            let fault = Variables::new().fill(text).unwrap_err();
            assert_eq!(fault.message, message);
            assert_eq!(
                &text[fault.at..fault.at + fault.len],
                &text[text.find("{{").unwrap()..]
            );
        }
    }

    #[test]
    fn variables_cannot_grow_without_end() {
        let mut variables = Variables::new();
        variables.define("a", &"x".repeat(1000)).unwrap();
        let grown = (0..20).try_for_each(|_| variables.define("a", "{{a}}{{a}}"));
        assert!(grown.unwrap_err().message.contains("16 MiB"));
        let braces = "{{".repeat(1 << 20);
        assert_eq!(Variables::new().fill(&braces), Ok(braces));
    }
}

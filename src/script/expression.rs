//! jq expressions in a script. Pure.

use super::excerpt::shown;
use crate::json::jq::Filter;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;

/// The most operators, brackets and words in an expression: jaq's parser and compiler need stack for
/// each of them.
const MAX_OPERATORS: usize = 150;

/// Words that jq nests something in.
const WORDS: &[&str] = &[
    "and", "as", "catch", "def", "elif", "else", "foreach", "if", "label", "not", "or", "reduce",
    "then", "try",
];

/// What is wrong with an expression, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: usize,
    /// Safe for a terminal.
    pub message: String,
}

/// Compiles an expression that is not too long and not too deep for the stack.
///
/// # Errors
/// What is wrong with it.
pub fn compile(expression: &str) -> Result<Filter, Fault> {
    check_size(expression)?;
    Filter::try_compile(expression).map_err(|fault| Fault {
        at: expression.floor_char_boundary(fault.at.min(expression.len())),
        message: match &*fault.what {
            "expected nothing" => "the jq expression ends before this".to_owned(),
            what => format!("not a valid jq expression: {}", shown(what)),
        },
    })
}

/// Checks that an expression is neither too long nor too deep. An expression with variables is checked
/// again once they are filled in.
///
/// # Errors
/// What is wrong with it.
pub fn check_size(expression: &str) -> Result<(), Fault> {
    let fault = |message: String| Err(Fault { at: 0, message });
    if expression.len() > MAX_LENGTH {
        return fault(format!(
            "the jq expression has {} bytes; at most {MAX_LENGTH} are allowed",
            expression.len()
        ));
    }
    match operators(expression) {
        many if many > MAX_OPERATORS => fault(format!(
            "the jq expression has {many} operators; at most {MAX_OPERATORS} are allowed"
        )),
        _ => Ok(()),
    }
}

/// The operators and brackets outside strings that have nothing in parentheses, and the words.
fn operators(expression: &str) -> usize {
    let (mut count, mut in_string) = (0, false);
    let mut bytes = expression.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            // An expression in a string is counted as the rest of one.
            b'\\' if in_string => match bytes.next() {
                Some(b'(') => return count + all_operators(expression.as_bytes()),
                _ => continue,
            },
            _ if in_string => {}
            byte => count += usize::from(is_operator(byte)),
        }
    }
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    count + words.filter(|word| WORDS.contains(word)).count()
}

/// All of them, in strings too.
fn all_operators(expression: &[u8]) -> usize {
    let all = expression.iter().filter(|byte| is_operator(**byte));
    all.count()
}

fn is_operator(byte: u8) -> bool {
    b"|,+-*/%=<>?([{;:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_compiled_or_refused() {
        for expression in [
            ".data.user == \"xiao\"",
            "[.a[] | select(.b > 1)] | length == 3",
            "\"a, b, (c) \\\" \\(.d)\" == .e",
        ] {
            assert!(compile(expression).is_ok(), "{expression}");
        }
        for (expression, at, message) in [
            (".a ==", 5, "not a valid jq expression: expected term"),
            (
                "\"é\" == nope",
                8,
                "not a valid jq expression: no filter nope/0",
            ),
        ] {
            let fault = compile(expression).err().unwrap();
            assert_eq!((fault.at, &*fault.message), (at, message));
        }
    }

    #[test]
    fn an_expression_cannot_exhaust_the_stack() {
        for (unit, close) in [
            (".a|", "."),
            ("1+", "1"),
            ("1,", "1"),
            ("-", "1"),
            ("(", "1"),
            ("[", "1"),
            ("{a:", "1"),
            ("{", "1"),
            ("try ", "1"),
            ("if 1 then ", "1"),
            (". as $x|", "1"),
            (". as [", "1"),
            ("reduce . as $x (", "1"),
            ("def f: ", "1"),
            ("label $a|", "1"),
            (".a?//", "1"),
            ("\"\\(", "1"),
            (".a", ""),
            (".[", ""),
            (".[0]", ""),
            ("..", ""),
            (".a?", ""),
            ("not ", ""),
            ("f(", "1"),
            ("f(1;", "1"),
            (".a=", "1"),
            ("1 and ", "1"),
            (". ", ""),
            ("@text \"\\(", "1"),
            ("elif ", ""),
            ("$__loc__|", "1"),
        ] {
            // Longer ones are refused; these are the most that a compiler sees.
            for count in [10, 74, 149, 150, 400, 4096 / unit.len()] {
                let expression = unit.repeat(count) + close;
                let _ = compile(&expression);
                let closed = expression
                    .chars()
                    .rev()
                    .filter_map(|c| match c {
                        '(' => Some(')'),
                        '[' => Some(']'),
                        '{' => Some('}'),
                        '"' => Some('"'),
                        _ => None,
                    })
                    .collect::<String>();
                let _ = compile(&(expression + &closed));
            }
        }
        assert!(compile(&"1+".repeat(4000)).is_err());
    }

    #[test]
    fn operators_in_strings_count_only_beside_expressions() {
        assert_eq!(operators(r#".a == "a,b,c""#), 2);
        assert_eq!(operators(r#""\(1),,""#), 3);
        assert_eq!(operators("if . then 1 else not end and or"), 6);
    }
}

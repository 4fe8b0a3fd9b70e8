//! Which parts of a jq expression say why it is false: the sides of its comparisons.
//!
//! This is no parser of jq. An expression that it does not understand has no operands, and what it takes
//! for one is compiled before it is used.

/// Words after which an expression is not taken apart.
const STRUCTURE: &[&str] = &[
    "as", "def", "foreach", "if", "label", "reduce", "try", "catch", "import", "include",
];

const COMPARISONS: &[&str] = &["==", "!=", "<=", ">=", "<", ">"];

/// The operands of an expression, each as an expression over the same message.
pub(super) fn operands(expression: &str) -> Vec<String> {
    let Some(tokens) = tokens(expression) else {
        return Vec::new();
    };
    // What stands before the last pipe is the input of what follows.
    let pipe = tokens.iter().rposition(|token| token.text == "|");
    let after = pipe.map_or(0, |at| at + 1);
    let start = pipe.and_then(|at| tokens.get(at)).map_or(0, |pipe| pipe.at);
    let input = expression.get(..start).unwrap_or_default().trim();
    let tokens = tokens.get(after..).unwrap_or_default();

    let mut found: Vec<String> = Vec::new();
    for part in sides(expression, start + usize::from(pipe.is_some()), tokens) {
        let operand = match (input, part) {
            (input, "") => input.to_owned(),
            ("", part) => part.to_owned(),
            (input, part) => format!("{input} | {part}"),
        };
        if !operand.is_empty() && !is_literal(part) && !found.contains(&operand) {
            found.push(operand);
        }
    }
    found
}

/// The sides of the comparisons from `start`, and the paths that are compared with nothing. Something
/// else that is compared with nothing is empty: its input says more.
fn sides<'a>(expression: &'a str, start: usize, tokens: &[Token<'_>]) -> Vec<&'a str> {
    let part = |from: usize, to: usize| expression.get(from..to).unwrap_or_default().trim();
    let end = Token {
        at: expression.len(),
        text: "and",
    };
    let mut found = Vec::new();
    let (mut from, mut comparison) = (start, None);
    for token in tokens.iter().chain([&end]) {
        if COMPARISONS.contains(&token.text) {
            comparison = Some(token);
        } else if matches!(token.text, "and" | "or") {
            match comparison.take() {
                Some(operator) => {
                    found.push(part(from, operator.at));
                    found.push(part(operator.end(), token.at));
                }
                None => found.push(match part(from, token.at) {
                    path if path.starts_with('.') => path,
                    _ => "",
                }),
            }
            from = token.end();
        }
    }
    found
}

/// A word or an operator outside all brackets and strings.
#[derive(Clone, Copy)]
struct Token<'a> {
    at: usize,
    text: &'a str,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// `None` if the expression is one that is not taken apart.
fn tokens(expression: &str) -> Option<Vec<Token<'_>>> {
    let bytes = expression.as_bytes();
    let mut found: Vec<Token<'_>> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at).copied() {
        let length = match byte {
            b'"' => string(bytes, at)?,
            b'#' => return None,
            b'(' | b'[' | b'{' => {
                depth += 1;
                1
            }
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                1
            }
            _ => run(bytes, at),
        };
        let text = expression.get(at..at + length)?;
        if depth == 0 && !matches!(byte, b'"' | b')' | b']' | b'}') {
            let is_other = text == "," || text == "?//" || text.ends_with('=');
            if STRUCTURE.contains(&text) || is_other && !COMPARISONS.contains(&text) {
                return None;
            }
            found.push(Token { at, text });
        }
        at += length;
    }
    (depth == 0).then_some(found)
}

/// The length of the word, the operator or the character that begins here.
fn run(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let is_word = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'.' | b'$' | b'@')
            || !byte.is_ascii()
    };
    let is_operator = |byte: &u8| b"=!<>|/+*%?-,".contains(byte);
    let words = rest.iter().take_while(|byte| is_word(byte)).count();
    let operators = rest.iter().take_while(|byte| is_operator(byte)).count();
    words.max(operators).max(1)
}

/// The length of the string that begins here. One with a value in it is passed over too.
fn string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    // How many brackets are open in each value within the string.
    let mut open: Vec<usize> = Vec::new();
    let mut quoted = true;
    while let Some(byte) = bytes.get(at).copied() {
        match (quoted, byte) {
            (true, b'\\') if bytes.get(at + 1) == Some(&b'(') => {
                open.push(0);
                quoted = false;
                at += 1;
            }
            (true, b'\\') => at += 1,
            (true, b'"') if open.is_empty() => return Some(at + 1 - from),
            // A string within a value.
            (true, b'"') => quoted = false,
            (false, b'"') => quoted = true,
            (false, b'(') => *open.last_mut()? += 1,
            (false, b')') => match open.pop()? {
                0 => quoted = true,
                more => open.push(more - 1),
            },
            _ => {}
        }
        at += 1;
    }
    None
}

fn is_literal(part: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(part).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_of_comparisons_are_operands() {
        for (expression, parts) in [
            (r#".data.user == "xiao""#, &[".data.user"][..]),
            ("1 < .n", &[".n"]),
            (".a >= .b", &[".a", ".b"]),
            (".a == 1 and .b != 2 or .c", &[".a", ".b", ".c"]),
            (".items | length == 3", &[".items | length"]),
            (r#".name | startswith("a")"#, &[".name"]),
            (
                r#".list | map(.a == 1) | length > 2"#,
                &[".list | map(.a == 1) | length"],
            ),
            (r#"(.a | length) == 2"#, &["(.a | length)"]),
            (
                r#".["a == b"] == "x and \(1 + (2)) y""#,
                &[r#".["a == b"]"#, r#""x and \(1 + (2)) y""#],
            ),
            (".ok", &[".ok"]),
            ("length > 1", &["length"]),
            (".a + 1 == .b * 2", &[".a + 1", ".b * 2"]),
            (".android == 1", &[".android"]),
        ] {
            assert_eq!(operands(expression), parts, "{expression}");
        }
    }

    #[test]
    fn an_expression_of_another_form_has_no_operands() {
        for expression in [
            ".a as $x | $x == 1",
            "if .a == 1 then true else false end",
            ".a == 1, .b",
            ".a |= 1",
            ".a == \"",
            ".a == 1)",
            "(.a == 1",
            ".a # == 1",
            "any(.[]; . == 1)",
            "true",
            "",
        ] {
            assert_eq!(operands(expression), Vec::<String>::new(), "{expression}");
        }
    }
}

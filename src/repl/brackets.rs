//! The brackets of JSON that is being typed: which are open, and so whether Enter ends the message or
//! begins its next line. Pure; the text need not be valid.

/// What stands at the end of a text that begins as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is no JSON, or closed, or no more text can close it.
    Complete,
    /// What is open, as the characters that close it, in order.
    Open(String),
}

/// The end of a message. A command is none, even with JSON in it.
pub(super) fn end(line: &str) -> End {
    if !line.trim_start().starts_with(['{', '[']) {
        return End::Complete;
    }
    let mut scanner = Scanner::default();
    for byte in line.trim_start().bytes() {
        match scanner.step(byte) {
            Step::Inside => {}
            Step::Wrong => return End::Complete,
            Step::Outside => break,
        }
    }
    scanner.end()
}

/// Whether Enter begins the next line. On an empty line it ends the message in any case.
pub(super) fn goes_on(line: &str) -> bool {
    !line.ends_with('\n') && end(line) != End::Complete
}

/// The message without the empty line that ended it.
pub(super) fn without_empty_end(mut line: String) -> String {
    if line.ends_with('\n') && end(&line) != End::Complete {
        line.pop();
    }
    line
}

/// What a byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Inside,
    /// The outermost bracket is closed.
    Outside,
    /// A bracket that closes another one than the last that was opened.
    Wrong,
}

#[derive(Debug, Default)]
struct Scanner {
    /// What closes each bracket that is open.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
}

impl Scanner {
    fn step(&mut self, byte: u8) -> Step {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Step::Inside;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.open.push(b'}'),
            b'[' => self.open.push(b']'),
            b'}' | b']' if self.open.pop() != Some(byte) => return Step::Wrong,
            b'}' | b']' if self.open.is_empty() => return Step::Outside,
            _ => {}
        }
        Step::Inside
    }

    fn end(self) -> End {
        if self.open.is_empty() {
            return End::Complete;
        }
        let quote = self.in_string.then_some('"');
        let brackets = self.open.iter().rev().map(|byte| char::from(*byte));
        End::Open(quote.into_iter().chain(brackets).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_told_by_what_closes_it() {
        for (line, open) in [
            ("{", "}"),
            ("[{\"a\":[", "]}]"),
            ("{\"a", "\"}"),
            ("{\"a\\\"]", "\"}"),
            (" [1,\n", "]"),
            ("{\"a\":\"}", "\"}"),
        ] {
            assert_eq!(end(line), End::Open(open.to_owned()), "{line}");
        }
        for line in [
            "", "hello {", "{}", "[[]]", "{]", "{} {", "/send {", "\"{", "{{name}}", "[}",
        ] {
            assert_eq!(end(line), End::Complete, "{line}");
        }
    }

    #[test]
    fn an_empty_line_ends_a_message_and_is_no_part_of_it() {
        for (line, on) in [
            ("{", true),
            ("{\n", false),
            ("{\n\"a\":1", true),
            ("{\n}", false),
        ] {
            assert_eq!(goes_on(line), on, "{line:?}");
        }
        for (line, message) in [
            ("{\n", "{"),
            ("{}\n", "{}\n"),
            ("{\n\n", "{\n"),
            ("a\n", "a\n"),
        ] {
            assert_eq!(without_empty_end(line.to_owned()), message);
        }
    }
}

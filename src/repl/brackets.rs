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
    let mut brackets = Brackets::default();
    brackets.read(line);
    brackets.end()
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

/// The brackets of a message that is read piece by piece, so that no piece is read twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Brackets {
    /// There was more than white space.
    begun: bool,
    /// It is no JSON, the outermost bracket is closed, or a bracket closes another one than the last that
    /// was opened.
    complete: bool,
    /// What closes each bracket that is open.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Reads the next piece.
    pub(super) fn read(&mut self, piece: &str) {
        let mut rest = piece;
        if !self.begun {
            rest = piece.trim_start();
            self.begun = !rest.is_empty();
            self.complete = self.begun && !rest.starts_with(['{', '[']);
        }
        for byte in rest.bytes() {
            if self.complete {
                return;
            }
            self.step(byte);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.open.push(b'}'),
            b'[' => self.open.push(b']'),
            b'}' | b']' => {
                self.complete = self.open.pop() != Some(byte) || self.open.is_empty();
            }
            _ => {}
        }
    }

    /// Whether the next line belongs to the message.
    pub(super) fn is_open(&self) -> bool {
        !self.complete && !self.open.is_empty()
    }

    /// What stands at the end of what was read.
    pub(super) fn end(&self) -> End {
        if !self.is_open() {
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

    #[test]
    fn pieces_are_read_as_the_whole_is() {
        for line in [
            " \n{\"a\\\"]\": [1, {",
            "{]{",
            "{} {",
            "x {",
            " [[\"",
            "",
            " ",
        ] {
            let mut brackets = Brackets::default();
            for at in 0..line.len() {
                assert_eq!(brackets.end(), end(&line[..at]), "{line} at {at}");
                brackets.read(&line[at..=at]);
            }
            assert_eq!(brackets.end(), end(line), "{line}");
        }
    }
}
